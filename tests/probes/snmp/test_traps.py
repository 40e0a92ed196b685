"""Traps and informs of net-snmp's own tools, in every version and security level, and what does not count."""

import asyncio
import logging
import os
import shutil
import socket
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.core.model import SnmpAuth
from agent.core.ports import TrapSetup
from agent.core.traps import Sender, Trap, TrapKind
from probes.snmp.trapcounters import DROPS
from probes.snmp.traps import TrapReceiver
from probes.snmp.trapsockets import TrapListenError
from tests.lab.snmpd import free_port, missing, snmpd
from tests.waiting import until

AUTHS = {
    auth.name: auth
    for auth in (
        SnmpAuth("community", 2, "s3cret"),
        SnmpAuth("broken", 2, "", problem="no such file"),
        SnmpAuth("open", 3, username="open"),
        SnmpAuth("signed", 3, "", "signed", "authNoPriv", "SHA", "signed-pass"),
        SnmpAuth("sealed", 3, "", "sealed", "authPriv", "SHA", "sealed-pass", "AES", "sealed-priv"),
        SnmpAuth("old", 3, "", "old", "authPriv", "MD5", "oldold-pass", "DES", "oldold-priv"),
        SnmpAuth("modern", 3, "", "modern", "authPriv", "SHA512", "modern-pass", "AES256C", "modern-priv"),
        SnmpAuth("blumenthal", 3, "", "blumenthal", "authPriv", "SHA256", "modern-pass", "AES192", "modern-priv"),
    )
}
LINK_DOWN = ["1.3.6.1.6.3.1.1.5.3", "1.3.6.1.2.1.2.2.1.1.7", "i", "7", "1.3.6.1.2.1.31.1.1.1.1.7", "s", "wan1"]
ENGINE = "0x80001f8880aabbccddee"
ENGINE_ID = bytes.fromhex(ENGINE[2:])


@pytest.fixture(autouse=True)
def tools() -> None:
    reason = missing() or ("" if shutil.which("snmptrap") else "snmptrap is not installed (apt-get install snmp)")
    if reason and os.environ.get("CI"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@dataclass
class Heard:
    """A receiver on loopback, and what came out of it."""

    receiver: TrapReceiver
    folder: Path
    traps: list[Trap] = field(default_factory=list)

    @property
    def peer(self) -> str:
        host, port = self.receiver.addresses[0]
        return f"udp6:[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def dropped(self) -> dict[str, int]:
        return {reason: count for (reason,), count in self.receiver.dropped.items() if count}

    async def run(self, program: str, *arguments: str, peer: str = "", expect: int | None = 0) -> str:
        """Run a tool of net-snmp; return what it says."""
        (self.folder / "state").mkdir(exist_ok=True)
        environment = {"PATH": "/usr/sbin:/usr/bin:/bin", "MIBS": "", "SNMP_PERSISTENT_DIR": str(self.folder / "state"),
                       "SNMPCONFPATH": str(self.folder)}  # fmt: skip
        place, words = arguments.index("@"), list(arguments)
        words[place] = peer or self.peer
        process = await asyncio.create_subprocess_exec(
            program, *words, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate()
        assert expect is None or process.returncode == expect, said.decode()
        return said.decode()

    async def one(self) -> Trap:
        await until(lambda: self.traps or self.dropped())
        assert not self.dropped()
        assert len(self.traps) == 1
        return self.traps[0]


@asynccontextmanager
async def hearing(
    folder: Path,
    *,
    listen: Sequence[str] = ("127.0.0.1:0",),
    rate: float = 1000.0,
    auths: Mapping[str, SnmpAuth] = AUTHS,
    senders: Mapping[str, Sender] | None = None,
) -> AsyncIterator[Heard]:
    receiver = TrapReceiver(folder)
    heard = Heard(receiver, folder)

    async def take() -> None:
        async for trap in receiver:
            heard.traps.append(trap)

    task = asyncio.create_task(take())
    try:
        await receiver.configure(TrapSetup(tuple(listen), rate, auths))
        receiver.know({"127.0.0.1": Sender(("ra",)), "::1": Sender(("six",))} if senders is None else senders)
        yield heard
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await receiver.close()


V3 = {
    "open": ["-u", "open", "-l", "noAuthNoPriv"],
    "signed": ["-u", "signed", "-l", "authNoPriv", "-a", "SHA", "-A", "signed-pass"],
    "sealed": ["-u", "sealed", "-l", "authPriv", "-a", "SHA", "-A", "sealed-pass", "-x", "AES", "-X", "sealed-priv"],
    "old": ["-u", "old", "-l", "authPriv", "-a", "MD5", "-A", "oldold-pass", "-x", "DES", "-X", "oldold-priv"],
    "modern": ["-u", "modern", "-l", "authPriv", "-a", "SHA-512", "-A", "modern-pass", "-x", "AES-256-C", "-X",
               "modern-priv"],
    "blumenthal": ["-u", "blumenthal", "-l", "authPriv", "-a", "SHA-256", "-A", "modern-pass", "-x", "AES-192", "-X",
                   "modern-priv"],
}  # fmt: skip


async def test_a_v1_trap_is_taken_with_its_generic_kind_and_interface(tmp_path: Path) -> None:
    async with hearing(tmp_path) as heard:
        await heard.run("snmptrap", "-v1", "-c", "s3cret", "@", "1.3.6.1.4.1.9", "10.1.2.3", "2", "0", "100",
                        *LINK_DOWN[1:])  # fmt: skip
        trap = await heard.one()
    assert (trap.address, trap.devices, trap.version, trap.kind) == ("127.0.0.1", ("ra",), "v1", TrapKind.LINK_DOWN)
    assert (trap.oid, trap.if_index, trap.names, trap.inform) == ("1.3.6.1.6.3.1.1.5.3", 7, ("wan1",), False)


async def test_an_enterprise_trap_of_v1_gets_the_name_that_rfc_3584_gives_it(tmp_path: Path) -> None:
    async with hearing(tmp_path) as heard:
        await heard.run("snmptrap", "-v1", "-c", "s3cret", "@", "1.3.6.1.4.1.9", "10.1.2.3", "6", "300", "100")
        trap = await heard.one()
    assert (trap.kind, trap.oid, trap.if_index) == (TrapKind.OTHER, "1.3.6.1.4.1.9.0.300", None)


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:0", ":0"])
async def test_a_v2c_trap_over_either_family(tmp_path: Path, listen: str) -> None:
    async with hearing(tmp_path, listen=[listen]) as heard:
        port = heard.receiver.addresses[0][1]
        peer = f"udp6:[::1]:{port}" if "::1" in listen else f"127.0.0.1:{port}"
        await heard.run("snmptrap", "-v2c", "-c", "s3cret", "@", "", *LINK_DOWN, peer=peer)
        trap = await heard.one()
    assert trap.devices == (("six",) if "::1" in listen else ("ra",))
    assert (trap.version, trap.kind, trap.if_index, trap.names) == ("v2c", TrapKind.LINK_DOWN, 7, ("wan1",))


@pytest.mark.parametrize("listen", ["127.0.0.1:0", ":0"])
async def test_a_v2c_inform_is_acknowledged_from_where_it_was_sent_to(tmp_path: Path, listen: str) -> None:
    async with hearing(tmp_path, listen=[listen]) as heard:
        # 127.0.0.2: an answer that the kernel gives its usual address comes from 127.0.0.1, and is not taken
        peer = f"127.0.0.{2 if listen == ':0' else 1}:{heard.receiver.addresses[0][1]}"
        await heard.run("snmpinform", "-v2c", "-c", "s3cret", "-r", "3", "-t", "3", "@", "", *LINK_DOWN, peer=peer)
        await until(lambda: heard.traps)
        assert heard.traps[0].inform
        assert heard.receiver.counters.acknowledged == len(heard.traps)
        assert heard.receiver.counters.received["v2c", "linkDown"] == len(heard.traps)


async def test_an_inform_for_which_there_is_no_room_is_not_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probes.snmp.traps.QUEUE_LIMIT", 0)
    async with hearing(tmp_path) as heard:
        for version in (["-v2c", "-c", "s3cret"], ["-v3", *V3["signed"]]):
            said = await heard.run("snmpinform", *version, "-r", "0", "-t", "1", "@", "", *LINK_DOWN, expect=1)
            assert "Timeout" in said
        await until(lambda: heard.dropped() == {"queue_full": 2})
        assert heard.receiver.counters.acknowledged == 0
        assert heard.traps == []


@pytest.mark.parametrize("name", list(V3))
async def test_a_v3_trap_counts_with_the_engine_id_that_its_device_has_told(tmp_path: Path, name: str) -> None:
    async with hearing(tmp_path) as heard:
        heard.receiver.learn("127.0.0.1", ENGINE_ID)
        await heard.run("snmptrap", "-v3", "-e", ENGINE, *V3[name], "@", "", *LINK_DOWN)
        trap = await heard.one()
    assert (trap.version, trap.kind, trap.if_index, trap.names) == ("v3", TrapKind.LINK_DOWN, 7, ("wan1",))
    assert trap.devices == ("ra",)
    assert not trap.inform


@pytest.mark.parametrize("name", list(V3))
async def test_a_v3_inform_discovers_our_engine_and_is_acknowledged(tmp_path: Path, name: str) -> None:
    async with hearing(tmp_path) as heard:
        await heard.run("snmpinform", "-v3", *V3[name], "-r", "3", "-t", "5", "@", "", *LINK_DOWN)
        await until(lambda: heard.traps)
        trap = heard.traps[0]
        assert heard.dropped() == {}
    assert (trap.version, trap.kind, trap.inform) == ("v3", TrapKind.LINK_DOWN, True)


async def test_after_a_restart_the_same_engine_has_more_boots_and_old_ones_do_not_count(tmp_path: Path) -> None:
    sealed = ["-v3", *V3["sealed"], "-r", "3", "-t", "5", "@", "", *LINK_DOWN]
    async with hearing(tmp_path) as heard:
        await heard.run("snmpinform", *sealed)
        await until(lambda: heard.traps)
    async with hearing(tmp_path) as heard:
        await heard.run("snmpinform", *sealed)
        await until(lambda: heard.traps)
        engine = heard.receiver._own
        assert engine is not None
        assert engine.boots == 2
        # who holds on to the former boots is told the present ones, and its next message counts
        await heard.run("snmpinform", "-Z", "1,5", "-e", "0x" + engine.engine_id.hex(), *sealed, expect=None)
        await until(lambda: heard.dropped().get("not_in_time"))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["-v2c", "-c", "guess"], "wrong_community"),
        (["-v2c", "-c", ""], "wrong_community"),
        (["-v2c", "-c", "s3cretx"], "wrong_community"),
        (["-v3", "-e", ENGINE, "-u", "nobody", "-l", "noAuthNoPriv"], "unknown_user"),
        (["-v3", "-e", ENGINE, "-u", "signed", "-l", "noAuthNoPriv"], "wrong_level"),
        (["-v3", "-e", ENGINE, "-u", "sealed", "-l", "authNoPriv", "-a", "SHA", "-A", "sealed-pass"], "wrong_level"),
        (["-v3", "-e", "0x80001f888011111111", *V3["signed"]], "unknown_engine"),
        (["-v3", "-e", ENGINE, "-u", "signed", "-l", "authNoPriv", "-a", "SHA", "-A", "wrong-pass"], "not_authentic"),
        (["-v3", "-e", ENGINE, "-u", "signed", "-l", "authNoPriv", "-a", "MD5", "-A", "signed-pass"], "not_authentic"),
        (["-v3", "-e", ENGINE, *V3["sealed"][:-1], "wrong-priv"], "garbage not_authentic"),
    ],
)
async def test_what_does_not_count_is_dropped_and_told_without_secrets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, arguments: list[str], reason: str
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with hearing(tmp_path) as heard:
            heard.receiver.learn("127.0.0.1", ENGINE_ID)
            for _ in range(2):
                await heard.run("snmptrap", *arguments, "@", "", *LINK_DOWN)
            await until(lambda: sum(heard.dropped().values()) == 2)
            assert set(heard.dropped()) <= set(reason.split())
            assert heard.traps == []
    assert not [
        word for word in ("s3cret", "signed-pass", "sealed-pass", "sealed-priv", "guess") if word in caplog.text
    ]
    told = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) <= 1
    if said := DROPS[next(iter(heard.dropped()))]:
        assert f"a trap from 127.0.0.1 is dropped: {said}" in told[0].getMessage()


async def test_the_same_v3_trap_again_does_not_count_when_it_is_old(tmp_path: Path) -> None:
    async with hearing(tmp_path) as heard:
        heard.receiver.learn("127.0.0.1", ENGINE_ID)
        now = ["-v3", "-e", ENGINE, *V3["signed"], "@", "", *LINK_DOWN]
        await heard.run("snmptrap", "-Z", "5,1000", *now)
        await heard.one()
        await heard.run("snmptrap", "-Z", "5,800", *now)
        await heard.run("snmptrap", "-Z", "4,2000", *now)
        await until(lambda: heard.dropped() == {"not_in_time": 2})
        await heard.run("snmptrap", "-Z", "6,1", *now)  # it started again
        await until(lambda: len(heard.traps) == 2)


async def test_who_is_not_in_the_estate_is_not_heard(tmp_path: Path) -> None:
    async with hearing(tmp_path, senders={"10.0.0.1": Sender(("ra",))}) as heard:
        await heard.run("snmptrap", "-v2c", "-c", "s3cret", "@", "", *LINK_DOWN)
        await heard.run("snmpinform", "-v3", *V3["open"], "-r", "0", "-t", "1", "@", "", *LINK_DOWN, expect=1)
        await until(lambda: sum(heard.dropped().values()) >= 2)
        assert set(heard.dropped()) == {"unknown_source"}


async def test_a_device_whose_engine_is_unknown_is_asked_and_its_trap_waits(tmp_path: Path) -> None:
    state = tmp_path / "snmpd"
    state.mkdir()
    with snmpd(state) as device:
        async with hearing(tmp_path, senders={"127.0.0.1": Sender(("ra",), (), (device.port,))}) as heard:
            found = await heard.run("snmpget", "-v2c", "-c", "public", "-Ovx", "@", "1.3.6.1.6.3.10.2.1.1.0",
                                    peer=device.address, expect=None)  # fmt: skip
            engine = "0x" + "".join(found.partition("Hex-STRING:")[2].split())
            await heard.run("snmptrap", "-v3", "-e", engine, *V3["sealed"], "@", "", *LINK_DOWN)
            assert (await heard.one()).version == "v3"
            assert heard.receiver.counters.engine_questions == 1
            # an id that is not the device's is not learnt, and the device is not asked again for it
            for _ in range(3):
                await heard.run("snmptrap", "-v3", "-e", ENGINE, *V3["sealed"], "@", "", *LINK_DOWN)
            await until(lambda: heard.dropped() == {"unknown_engine": 3})
            assert heard.receiver.counters.engine_questions == 1


async def test_what_snmpd_itself_sends_when_it_starts_counts(tmp_path: Path) -> None:
    """A v2c trap, a v3 trap with its own engine id, which is asked for, and a v3 inform to ours."""
    state, port = tmp_path / "snmpd", free_port()
    state.mkdir()
    async with hearing(tmp_path, senders={"127.0.0.1": Sender(("ra",), (), (port,))}) as heard:
        sealed = "-v 3 -u sealed -l authPriv -a SHA -A sealed-pass -x AES -X sealed-priv"
        more = f"""\
createUser sealed SHA sealed-pass AES sealed-priv
trap2sink {heard.peer} s3cret
trapsess {sealed} {heard.peer}
trapsess -Ci {sealed} {heard.peer}
"""
        # snmpd asks for our engine while it starts, so that this loop must turn meanwhile
        started, stop = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def serve() -> None:
            with snmpd(state, port=port, more=more):
                loop.call_soon_threadsafe(started.set)
                stop.wait(60)

        serving = asyncio.create_task(asyncio.to_thread(serve))
        try:
            await asyncio.wait_for(started.wait(), 60)
            await until(lambda: len({(trap.version, trap.inform) for trap in heard.traps}) == 3)
        finally:
            stop.set()
            await serving
        assert {(trap.version, trap.inform, trap.kind) for trap in heard.traps} >= {
            ("v2c", False, TrapKind.COLD_START),
            ("v3", False, TrapKind.COLD_START),
            ("v3", True, TrapKind.COLD_START),
        }


async def test_the_rate_of_one_sender_is_limited_and_what_is_over_it_counted(tmp_path: Path) -> None:
    async with hearing(tmp_path, rate=0.2) as heard:
        for _ in range(3):
            await heard.run("snmptrap", "-v2c", "-c", "s3cret", "@", "", *LINK_DOWN)
        await until(lambda: len(heard.traps) + sum(heard.dropped().values()) == 3)
        assert len(heard.traps) >= 1
        assert heard.dropped()["source_rate"] >= 1


async def test_what_pysnmp_is_given_is_limited_for_all_senders_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probes.snmp.traps.SECURE_RATE", 0.2)
    async with hearing(tmp_path) as heard:
        heard.receiver.learn("127.0.0.1", ENGINE_ID)
        for _ in range(3):
            await heard.run("snmptrap", "-v3", "-e", ENGINE, *V3["signed"], "@", "", *LINK_DOWN)
        await heard.run("snmptrap", "-v2c", "-c", "s3cret", "@", "", *LINK_DOWN)
        await until(lambda: len(heard.traps) + sum(heard.dropped().values()) == 4)
        assert heard.dropped()["total_rate"] >= 1
        assert "v2c" in {trap.version for trap in heard.traps}


async def test_a_request_is_no_trap_and_nobody_is_answered(tmp_path: Path) -> None:
    async with hearing(tmp_path) as heard:
        said = await heard.run("snmpget", "-v2c", "-c", "s3cret", "-r", "0", "-t", "1", "@", "1.3.6.1.2.1.1.3.0",
                               expect=1)  # fmt: skip
        assert "Timeout" in said
        assert heard.dropped() == {"not_a_trap": 1}


async def test_octets_of_no_sense_are_counted(tmp_path: Path) -> None:
    async with hearing(tmp_path) as heard, _sender(heard) as sock:
        for data in (b"", b"\x30", b"\x30\x82", os.urandom(200), b"\x30\x03\x02\x01\x01", b"0" * 9000, b"0" * 65000):
            sock.send(data)
        await until(lambda: sum(heard.dropped().values()) == 7)
        assert heard.dropped() == {"garbage": 5, "too_long": 2}


@asynccontextmanager
async def _sender(heard: Heard) -> AsyncIterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(heard.receiver.addresses[0])
        yield sock


async def test_a_reload_takes_other_addresses_and_auths_all_or_none(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        busy = f"127.0.0.1:{taken.getsockname()[1]}"
        async with hearing(tmp_path, listen=["127.0.0.1:0"]) as heard:
            before = heard.receiver.addresses
            with pytest.raises(TrapListenError, match=rf"received at {busy}: another program has this port"):
                await heard.receiver.configure(TrapSetup(("[::1]:0", busy), 20, {}))
            assert heard.receiver.addresses == before
            await heard.run("snmptrap", "-v2c", "-c", "s3cret", "@", "", *LINK_DOWN)
            await heard.one()
            others = {"other": SnmpAuth("other", 1, "another")}
            await heard.receiver.configure(TrapSetup(("127.0.0.1:0", "[::1]:0"), 20, others))
            assert heard.receiver.addresses[0] == before[0]
            assert heard.receiver.listening == 2
            await heard.run("snmptrap", "-v2c", "-c", "s3cret", "@", "", *LINK_DOWN)
            await until(lambda: heard.dropped() == {"wrong_community": 1})
            await heard.run("snmptrap", "-v2c", "-c", "another", "@", "", *LINK_DOWN)
            await until(lambda: len(heard.traps) == 2)
            await heard.receiver.configure(TrapSetup())
            assert heard.receiver.addresses == []


@pytest.mark.parametrize(
    ("listen", "said"),
    [
        ("systemd", "systemd handed over no socket"),
        ("192.0.2.1:0", "this host does not have that address"),
    ],
)
async def test_an_address_that_cannot_be_had_is_told_with_a_way_out(tmp_path: Path, listen: str, said: str) -> None:
    receiver = TrapReceiver(tmp_path)
    with pytest.raises(TrapListenError, match=said):
        await receiver.configure(TrapSetup((listen,)))
    await receiver.close()


async def test_a_socket_that_was_handed_over_is_used_and_stays_open(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as given:
        given.bind(("127.0.0.1", 0))
        receiver = TrapReceiver(tmp_path, handed_over=[given])
        assert receiver.addresses == []
        await receiver.configure(TrapSetup(("systemd",)))
        assert receiver.addresses == [given.getsockname()]
        await receiver.configure(TrapSetup())
        await receiver.configure(TrapSetup(("systemd",)))
        assert receiver.listening == 1
        await receiver.close()
        assert given.fileno() >= 0

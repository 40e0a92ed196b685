"""One look at a device: few packets, v1 as v2c, and what is not answered is not known. And what polls make of it."""

from collections.abc import Awaitable
from datetime import UTC, datetime

import pytest

from agent.core.hardware import PhysicalClass
from agent.core.model import Check, Outcome, SnmpAuth
from agent.core.ports import Resources
from probes.snmp import identitykept
from probes.snmp.asking import Asker
from probes.snmp.ber import ErrorStatus, Message, Pdu, Tag, Value, Version, encode_oid
from probes.snmp.client import Session, SnmpClient
from probes.snmp.errors import SnmpTimeout
from probes.snmp.identitylook import Identity, look
from probes.snmp.nexts import Nexts, Wanted
from probes.snmp.probe import Probe, Settings
from tests.probes.snmp.agents import Mib, UdpAgent, serving, silent, switch

NOW = datetime(2026, 11, 27, tzinfo=UTC)
ENTITY = "1.3.6.1.2.1.47.1.1.1.1"


def device(ports: int = 2) -> dict[str, tuple[int, Value]]:
    """Return the objects of a switch with a chassis, a power supply, and many ports."""
    out = dict(switch(ports))
    out["1.3.6.1.2.1.1.1.0"] = (
        Tag.OCTET_STRING, b"Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E3, RELEASE",
    )  # fmt: skip
    rows = {
        1: (0, 3, b"WS-C2960X-48FPS-L", b"FOC0001A0AA"),
        2: (1, 6, b"PWR-C2", b"LIT0001A0AA"),
        **dict.fromkeys(range(100, 150), (1, 10, b"", b"")),
    }
    for index, (within, kind, model, serial) in rows.items():
        out[f"{ENTITY}.4.{index}"] = (Tag.INTEGER, within)
        out[f"{ENTITY}.5.{index}"] = (Tag.INTEGER, kind)
        out[f"{ENTITY}.11.{index}"] = (Tag.OCTET_STRING, serial)
        out[f"{ENTITY}.13.{index}"] = (Tag.OCTET_STRING, model)
    return out


async def seen(agent: UdpAgent, version: int = Version.V2C, told: list[str] | None = None) -> Identity:
    client = SnmpClient()
    try:
        peer = await client.resolve("127.0.0.1", agent.port)
        session = Session(peer, version, b"public", timeout_seconds=0.2, retries=1)

        def converse(asker: Asker) -> Awaitable[int]:
            return client.converse(session, asker)

        return await look(converse, version, now=NOW, progress=None if told is None else told.append)
    finally:
        client.close()


@pytest.mark.parametrize("version", [Version.V1, Version.V2C])
async def test_few_packets_tell_what_it_is_and_then_its_parts_are_read(version: int) -> None:
    told: list[str] = []
    with serving(device()) as agent:
        found = await seen(agent, version, told)
        pdus = [request.pdu for request in agent.requests]
    facts = {fact.name: fact.value for fact in found.hardware.facts}
    assert facts["vendor"] == "Cisco"
    assert (facts["model"], facts["serial"]) == ("WS-C2960X-48FPS-L", "FOC0001A0AA")
    assert facts["software_version"] == "15.2(7)E3"
    kinds = [(one.physical_class, one.serial) for one in found.hardware.entities]
    assert kinds == [(PhysicalClass.CHASSIS, "FOC0001A0AA"), (PhysicalClass.POWER_SUPPLY, "LIT0001A0AA")]
    assert found.hardware.at == NOW
    assert found.hardware.complete
    if version == Version.V2C:
        assert pdus[: pdus.index(Pdu.GETBULK)] == [Pdu.GETNEXT] * pdus.index(Pdu.GETBULK)
        assert pdus.index(Pdu.GETBULK) <= 3
        assert len(pdus) <= 12
    assert found.packets == len(pdus)
    assert told[0] == "who it is"


async def test_a_device_that_says_nothing_is_not_guessed() -> None:
    with serving({"1.3.6.1.2.1.1.3.0": (Tag.TIMETICKS, 1)}) as agent:
        found = await seen(agent)
    assert found.hardware.facts == ()
    assert found.hardware.entities == ()


async def test_silence_is_told_and_what_came_before_it_stays() -> None:
    mib = Mib(device())

    def answer(request: Message, data: bytes) -> list[bytes]:
        return [] if request.pdu == Pdu.GETBULK else mib.answer(request)

    with UdpAgent(answer) as agent:
        found = await seen(agent)
    assert not found.hardware.complete
    assert found.problems[0].endswith("asked for its parts")
    assert found.hardware.fact("vendor") is not None
    with UdpAgent(silent) as agent, pytest.raises(SnmpTimeout):
        await seen(agent)


def test_an_object_is_asked_for_by_what_is_before_it() -> None:
    oids = ["1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.2.7", "1.3.6.1.2.1.5"]
    asked = [Wanted(encode_oid(oids[0])), Wanted(encode_oid(oids[1])), Wanted(encode_oid(oids[2]), first=True)]
    nexts = Nexts(asked)
    question = nexts.next()
    assert question is not None
    assert list(question.oids) == [encode_oid(oid) for oid in ("1.3.6.1.2.1.1.1", "1.3.6.1.2.1.2.6", "1.3.6.1.2.1.5")]
    nexts.take(0, 0, [
        (encode_oid(oids[0]), Tag.OCTET_STRING, b"x"),
        (encode_oid("1.3.6.1.2.1.2.8"), Tag.INTEGER, 1),  # the next one, for there is no 7
        (encode_oid("1.3.6.1.2.1.5.9.9"), Tag.INTEGER, 2),
    ])  # fmt: skip
    assert {one.oid: bind[2] for one, bind in nexts.found.items()} == {asked[0].oid: b"x", asked[2].oid: 2}
    assert nexts.next() is None


@pytest.mark.parametrize(
    ("status", "index", "left"),
    [
        (ErrorStatus.noSuchName, 2, 1),  # the MIB ends there: only what lies before it is asked for again
        (ErrorStatus.tooBig, 0, 2),
        (ErrorStatus.genErr, 2, 2),
    ],
)
def test_refusals(status: ErrorStatus, index: int, left: int) -> None:
    nexts = Nexts(Wanted(encode_oid(f"1.3.6.1.2.1.{n}.1.0")) for n in (1, 5, 9))
    assert nexts.next() is not None
    nexts.take(status, index, [])
    question = nexts.next()
    assert question is not None
    assert len(question.oids) == left
    nexts.take(0, 0, [])  # an answer without anything is the end of that question
    again = nexts.next()
    assert again is None or len(again.oids) < 3
    single = Nexts([Wanted(encode_oid("1.3.6.1.2.1.1.1.0"))])
    single.take(ErrorStatus.genErr, 0, [])
    assert single.next() is None


# ------------------------------------------------------------------ polls


def check(port: int) -> Check:
    settings = Settings(address="127.0.0.1", auth="public", port=port, fast="off", modules=("system",))
    return Check("sw1", "snmp", "snmp", 60.0, settings)


async def test_polls_read_it_first_after_a_restart_and_when_it_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    objects = device()
    with serving(objects) as agent:
        probe = Probe(Resources(auths={"public": SnmpAuth("public")}))

        async def poll(ticks: int) -> bool:
            """Poll the device, up for so long; return whether it was asked what it is."""
            agent.requests.clear()
            agent.answer = Mib(objects | {"1.3.6.1.2.1.1.3.0": (Tag.TIMETICKS, ticks)}).answer
            seen = await probe.run(check(agent.port))
            assert seen.outcome is Outcome.OK
            names = [fact.name for fact in seen.facts]  # what is known stays, each once
            assert len(names) == len(set(names))
            assert {"vendor", "model", "serial", "system_name"} <= set(names)
            asked = any(one.pdu == Pdu.GETNEXT and len(one.varbinds) > 10 for one in agent.requests)
            assert seen.hardware is not None or not asked
            return asked

        assert [await poll(ticks) for ticks in (5000, 6000, 90, 90)] == [True, False, True, False]
        monkeypatch.setattr(identitykept, "READ_SECONDS", 0.0)  # what is read from now on is old at once
        assert [await poll(ticks) for ticks in (5, 5)] == [True, True]
        await probe.close()


async def test_a_device_that_does_not_tell_it_is_polled_all_the_same() -> None:
    mib = Mib(device())

    def answer(request: Message, data: bytes) -> list[bytes]:
        return [] if request.pdu == Pdu.GETNEXT else mib.answer(request)

    with UdpAgent(answer) as agent:
        probe = Probe(Resources(auths={"public": SnmpAuth("public")}))
        settings = Settings(
            address="127.0.0.1", auth="public", port=agent.port, fast="off", request_timeout="50ms", retries=0,
            modules=("system",),
        )  # fmt: skip
        polls = [await probe.run(Check("sw1", "snmp", "snmp", 60.0, settings)) for _ in range(3)]
        await probe.close()
        asked = [request for request in agent.requests if request.pdu == Pdu.GETNEXT]
    assert [(one.outcome, one.hardware) for one in polls] == [(Outcome.OK, None)] * 3
    assert len(asked) == 1  # not again for a quarter of an hour

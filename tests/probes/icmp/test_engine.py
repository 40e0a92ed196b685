"""The engine on loopback: real sockets, nothing beyond this host. What needs loss or routers is in tests/lab."""

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.core.lossbank import LossBank
from agent.core.model import Check, Echo, Loss, Outcome, Round, StreamItem, Trait, Turn
from agent.core.ports import Resources, Stream
from probes.icmp import names, sockets
from probes.icmp.engine import Engine
from probes.icmp.names import Address, Found, Resolver
from probes.icmp.probe import Probe
from probes.icmp.settings import Settings
from probes.wire.clock import KernelClock, Moment
from tests.needs import needs_icmp
from tests.waiting import until

PATIENCE = 20  # seconds; the machine may be busy


def check(target: str = "here", address: str = "127.0.0.1", **settings: object) -> Check:
    """Build a check of ten echoes a second in rounds of half a second."""
    values = {"address": address, "interval": "100ms", "round": "500ms", "timeout": "1s", **settings}
    model = Settings.model_validate(values)
    return Check(target, "icmp", "icmp", model.interval, model)


@asynccontextmanager
async def running(*checks: Check, **options: Any) -> AsyncIterator[Engine]:  # noqa: ANN401 - as Engine has them
    """Run an engine with these checks."""
    engine = Engine(**{"tick_seconds": 0.02, **options})
    try:
        await engine.configure(checks)
        yield engine
    finally:
        await engine.close()


async def take(engine: Engine, wanted: Callable[[StreamItem], bool]) -> StreamItem:
    """Return the first item that is wanted."""

    async def first() -> StreamItem:
        async for item in engine:
            if wanted(item):
                return item
        raise AssertionError("the engine was closed")

    return await asyncio.wait_for(first(), PATIENCE)


async def take_round(engine: Engine, target: str = "here", *, burst: bool = False) -> Round:
    """Return the next round of a target."""
    item = await take(engine, lambda i: isinstance(i, Round) and i.target == target and i.burst == burst)
    assert isinstance(item, Round)
    return item


def answered(item: Round) -> bool:
    """Tell whether all echoes were answered, but for those that a busy machine did not let the loop send in time."""
    known = item.outcomes[item.outcomes != Echo.UNKNOWN]
    return set(item.why_unknown) <= {"late_loop"} and len(known) > 0 and bool((known == Echo.RECEIVED).all())


def test_an_engine_is_a_stream() -> None:
    engine: Stream = Engine()
    assert engine is not None


@needs_icmp
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_rounds_come_with_kernel_times(address: str) -> None:
    async with running(check(address=address)) as engine:
        before = time.time()
        item = await take_round(engine)
        assert answered(item)
        assert (item.rtts_seconds[item.outcomes == Echo.RECEIVED] > 0).all()
        assert np.nanmedian(item.rtts_seconds) < 0.01  # of the kernel, not of the 20 ms tick on a busy machine
        assert abs(item.began_at.timestamp() - before) < 5
        assert item.ended_at >= item.began_at
        assert (np.diff(item.sent_at_seconds) > 0).all()
        assert engine.modes[6 if ":" in address else 4] == "raw" or not engine.problems
        assert engine.ports[0].stamping
        assert engine.receive_buffer_octets > 0
        assert engine.ticks_total > 0


@needs_icmp
async def test_several_checks_of_one_address_do_not_collide() -> None:
    checks = [
        check("plain"),
        check("big", size=1400, dscp="EF", ttl=9),
        check("smallest", size=16),
        check("from elsewhere", source="127.0.0.9"),
        check("bound", interface="lo"),
    ]
    async with running(*checks) as engine:
        left = {c.target for c in checks}
        while left:
            item = await take(engine, lambda i: isinstance(i, Round))
            assert isinstance(item, Round)
            assert answered(item), item
            left.discard(item.target)
        assert (engine.duplicates_total, engine.foreign_replies_total) == (0, 0)


OTHER_PROCESS = """
import asyncio, os, sys
from probes.icmp import roster
from probes.icmp.engine import Engine
from tests.probes.icmp.test_engine import check
roster.os = type("os", (), {"urandom": staticmethod(lambda number: b"LW")})

async def ping():
    engine = Engine(tick_seconds=0.02, modes=["raw"])
    await engine.configure([check()])
    print("ready", flush=True)
    async for item in engine:
        pass

asyncio.run(ping())
"""


@needs_icmp
async def test_a_second_process_with_the_same_identifier_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.icmp.roster.os.urandom", lambda number: b"LW")
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", OTHER_PROCESS, stdout=asyncio.subprocess.PIPE)
    try:
        assert other.stdout is not None
        assert await asyncio.wait_for(other.stdout.readline(), PATIENCE) == b"ready\n"
        async with running(check(), modes=["raw"], nonce=b"anothern") as engine:
            if engine.modes[4] != "raw":
                pytest.skip("two ping sockets never have one identifier")
            assert engine.ports[0].ident == int.from_bytes(b"LW", "big")
            rounds = [await take_round(engine) for _ in range(4)]
            assert all(answered(item) for item in rounds)
            assert (engine.duplicates_total, engine.foreign_replies_total, engine.late_replies_total) == (0, 0, 0)
    finally:
        other.kill()
        await other.wait()


@needs_icmp
async def test_sends_are_spread_over_the_interval() -> None:
    checks = [check(f"t{n}", interval="1s", round="1s") for n in range(10)]
    async with running(*checks) as engine:
        seen: dict[str, float] = {}
        while len(seen) < 10:
            item = await take(engine, lambda i: isinstance(i, Round))
            assert isinstance(item, Round)
            seen.setdefault(item.target, item.sent_at_seconds[0] % 1)
        phases = np.sort(np.array(list(seen.values())))
        gaps = np.diff(np.append(phases, phases[0] + 1))
        assert gaps.max() < 0.4  # all at once would leave one of nearly a second


@needs_icmp
async def test_a_check_that_stays_is_not_disturbed_and_one_that_goes_is_gone() -> None:
    stays, goes, changes = check("stays"), check("goes"), check("changes")
    async with running(stays, goes, changes) as engine:
        await take_round(engine, "stays")
        rows = {target: engine._roster.watched[target, "icmp"].row for target in ("stays", "changes")}
        learnt = engine._roster.layout.rows.srtt[rows["stays"]]
        await engine.configure([stays, check("changes", size=200), check("new")])
        assert engine._roster.watched["stays", "icmp"].row == rows["stays"]
        assert engine._roster.layout.rows.srtt[rows["stays"]] == learnt
        assert ("goes", "icmp") not in engine._roster.watched
        items = [await take(engine, lambda i: isinstance(i, Round)) for _ in range(12)]
        assert {"stays", "changes", "new"} <= {item.target for item in items}
        assert {item.target for item in items[3:]} <= {"stays", "changes", "new"}
        engine.burst("goes", "icmp")  # an unknown name: nothing


@needs_icmp
async def test_checks_of_other_types_are_left_out_and_none_at_all_is_fine() -> None:
    async with running(Check("host", "host", "host", 1.0, object())) as engine:
        await asyncio.sleep(0.1)
        assert (engine.ports, engine.modes, engine.problems, engine.receive_buffer_octets) == ((), {}, (), 0)


@needs_icmp
async def test_a_burst_is_answered_at_once_and_is_no_regular_round() -> None:
    async with running(check(interval="10s", round="10s")) as engine:
        await take_round(engine)
        began = time.monotonic()
        engine.burst("here", "icmp")
        engine.burst("here", "icmp")  # under way: nothing
        item = await take_round(engine, burst=True)
        assert item.outcomes.tolist() == [Echo.RECEIVED] * 4
        assert time.monotonic() - began < 5  # 0.2 s on a machine with nothing else to do


@needs_icmp
async def test_a_bound_interface_that_is_missing_is_unknown_and_says_so() -> None:
    async with running(check(interface="nope0")) as engine:
        item = await take_round(engine)
        assert item.outcomes.tolist() == [Echo.UNKNOWN] * 5
        assert item.why_unknown == {"interface_gone": 5}
        assert engine.problems == ("there is no interface nope0",)
        engine.burst("here", "icmp")
        assert (await take_round(engine, burst=True)).why_unknown == {"interface_gone": 4}


async def test_without_any_permission_every_round_is_unknown_and_the_text_says_what_helps() -> None:
    async with running(check(), check("there", "::1"), modes=()) as engine:
        item = await take_round(engine)
        assert item.why_unknown == {"no_permission": 5}
        assert len(engine.problems) == 2
        for needed in ("net.ipv4.ping_group_range", "setcap cap_net_raw+ep", "CAP_NET_RAW"):
            assert needed in engine.problems[0]
        assert engine.modes == {4: "", 6: ""}


def test_the_error_is_a_permission_error() -> None:
    with pytest.raises(PermissionError, match=r"sysctl -w net.ipv4.ping_group_range='0 2147483647'"):
        sockets.open_socket(6, None, 1, ())


@needs_icmp
async def test_names_are_resolved_again_and_a_failure_keeps_the_last_address(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Found | None] = [Found((Address(4, b"\x7f\0\0\x02"), Address(4, b"\x7f\0\0\x04")), 300)]

    async def resolve(_resolver: Resolver, name: str, family: int | None) -> Found | None:
        assert (name, family) == ("core.example.net", None)
        return answers[0]

    monkeypatch.setattr(Resolver, "resolve", resolve)
    async with running(check(address="core.example.net")) as engine:
        assert engine.address_of("here", "icmp") == "127.0.0.2"
        learnt = await take(engine, lambda item: isinstance(item, Turn))
        assert isinstance(learnt, Turn)
        assert (learnt.trait, learnt.old, learnt.new) == (Trait.ADDRESS, "", "127.0.0.2, 127.0.0.4")
        assert answered(await take_round(engine))
        watched = engine._roster.watched["here", "icmp"]
        answers[0] = None
        watched.resolve_at = 0
        await until(lambda: watched.resolve_at > 0)
        await asyncio.sleep(0.1)
        assert engine.address_of("here", "icmp") == "127.0.0.2"
        assert engine.addresses_of("here", "icmp") == ("127.0.0.2", "127.0.0.4")
        answers[0] = Found((Address(4, b"\x7f\0\0\x04"), Address(4, b"\x7f\0\0\x02")), 300)
        watched.resolve_at = 0
        await until(lambda: watched.resolve_at > 0)
        await asyncio.sleep(0.1)
        assert engine.address_of("here", "icmp") == "127.0.0.2"  # one of several goes on, whatever their order
        answers[0] = Found((Address(4, b"\x7f\0\0\x03"),), 300)
        watched.resolve_at = 0
        deadline = time.monotonic() + PATIENCE
        while engine.address_of("here", "icmp") != "127.0.0.3" and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        assert engine.address_of("here", "icmp") == "127.0.0.3"
        left = [(turn.old, turn.new) for turn in engine._queue if isinstance(turn, Turn)]
        assert left == [("127.0.0.2", "127.0.0.3")]
    assert engine.address_of("nobody", "icmp") is None


def nobody(folder: Path) -> Resolver:
    """Return a resolver that asks no name server."""
    return Resolver(folder / "hosts", folder / "resolv.conf")


async def test_a_name_without_address_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "_look_up_anywhere", lambda name, family: ())
    async with running(check(address="nowhere.invalid"), resolver=nobody(tmp_path)) as engine:
        assert (await take_round(engine)).why_unknown == {"no_address": 5}


async def test_a_resolver_that_hangs_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.icmp.engine._RESOLVE_WAIT_SECONDS", 0.1)
    release = threading.Event()
    monkeypatch.setattr(names, "_look_up_anywhere", lambda name, family: release.wait(30) and ())
    began = time.monotonic()
    async with running(check(address="slow.example.net"), resolver=nobody(tmp_path)) as engine:
        assert (await take_round(engine)).why_unknown == {"no_address": 5}
    assert time.monotonic() - began < 10
    release.set()


def test_literals() -> None:
    assert names.literal("10.0.0.1") == Address(4, b"\x0a\0\0\x01")
    assert names.literal("::1") == Address(6, bytes(15) + b"\x01")
    assert names.literal("example.net") is None
    assert names.literal("a" * 300 + ".net") is None
    assert names.literal("x..y") is None
    assert str(Address(6, bytes(15) + b"\x01")) == "::1"


@needs_icmp
async def test_a_slow_reader_loses_the_oldest_rounds_and_the_loss_is_counted() -> None:
    async with running(check(interval="20ms", round="20ms"), queue_items=3) as engine:
        deadline = time.monotonic() + PATIENCE
        while engine.queue_drops_total < 5 and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        assert engine.queue_drops_total >= 5
        assert len(engine._queue) == 3


@needs_icmp
async def test_closing_ends_the_iteration() -> None:
    engine = Engine()
    await engine.configure([check()])

    async def read() -> int:
        return len([item async for item in engine])

    reader = asyncio.create_task(read())
    await asyncio.sleep(0.2)
    await engine.close()
    await asyncio.wait_for(reader, PATIENCE)
    await engine.close()


@needs_icmp
async def test_a_bug_in_a_tick_reaches_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(check()) as engine:
        monkeypatch.setattr(engine._ticker, "tick", lambda: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            await take(engine, lambda _: False)


@needs_icmp
async def test_a_held_up_loop_loses_nothing_and_says_what_it_did_not_send() -> None:
    async with running(check(round="1s")) as engine:
        await take_round(engine)
        await asyncio.sleep(0.31)
        time.sleep(0.8)  # noqa: ASYNC251 - that is the fault that is injected
        seen = [await take_round(engine) for _ in range(2)]
        outcomes = np.concatenate([item.outcomes for item in seen])
        assert Echo.LOST not in outcomes
        assert sum(item.why_unknown.get("late_loop", 0) for item in seen) >= 5
        assert engine.late_sends_total >= 5
        received = np.concatenate([item.rtts_seconds[item.outcomes == Echo.RECEIVED] for item in seen])
        assert np.median(received) < 0.05  # kernel stamps: the stall is in no round-trip time


class OddClock(KernelClock):
    """The kernel's clock, set wrong on purpose."""

    def __init__(self) -> None:
        self.wall_offset = 0
        self.boot_offset = 0

    def read(self) -> Moment:
        """Return the present moment with the offsets."""
        now = super().read()
        return Moment(now.monotonic, now.wall + self.wall_offset + self.boot_offset, now.boot + self.boot_offset)


@needs_icmp
async def test_a_stepped_clock_makes_no_loss_and_no_wrong_time() -> None:
    clock = OddClock()
    async with running(check(), clock=clock) as engine:
        await take_round(engine)
        clock.wall_offset = 3_600_000_000_000
        first, second = await take_round(engine), await take_round(engine)
        for item in (first, second):
            assert answered(item)
            assert not (item.rtts_seconds > 1).any()
        assert engine.clock_steps_total == 1


@needs_icmp
async def test_a_suspended_host_makes_pending_echoes_unknown() -> None:
    clock = OddClock()
    async with running(check(), clock=clock) as engine:
        ticker, roster = engine._ticker, engine._roster
        await take_round(engine)
        row = np.array([roster.watched["here", "icmp"].row])
        now = clock.read()
        slots, _ = roster.judge.take(row, now.monotonic, now.wall)  # an echo whose reply the sleep swallowed
        clock.boot_offset = 3_600_000_000_000
        items = ticker.tick()
        assert not items or isinstance(items[0], Round)
        assert roster.layout.slots.outcome[slots[0]] == Echo.UNKNOWN
        assert roster.whys[roster.layout.slots.why[slots[0]]] == "suspended"
        assert engine.clock_steps_total == 0


@needs_icmp
async def test_a_small_receive_buffer_shortens_the_tick_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async with running(*(check(f"t{n}", interval="400ms", round="1s") for n in range(800)), tick_seconds=0.5) as engine:
        port = engine.ports[0]
        assert port.datagrams is not None
        port.datagrams.granted_octets = 212_992
        port.datagrams.ask_receive_buffer = lambda octets: 212_992  # type: ignore[method-assign]
        engine._roster.tend_ports()
        assert engine.tick_seconds == pytest.approx(212_992 / (4 * 832 * 2000))
        assert port.chunk == 64
        engine._roster.tend_ports()
        told = [record.message for record in caplog.records if "receive buffer" in record.message]
        assert len(told) == 1
        assert "holds 256 of them" in told[0]


@needs_icmp
async def test_one_shot() -> None:
    probe = Probe(Resources())
    probe.configure(Resources())
    seen = await probe.run(check("once"))
    assert (seen.target, seen.check, seen.outcome) == ("once", "icmp", Outcome.OK)
    assert seen.detail.startswith("3 of 3 echoes answered")
    assert seen.duration_seconds is not None
    await probe.close()


async def test_one_shot_without_an_interface_is_unknown_within_its_timeout() -> None:
    began = time.monotonic()
    seen = await Probe(Resources()).run(check("once", interface="nope0", timeout="2s"))
    assert seen.outcome is Outcome.UNKNOWN
    assert time.monotonic() - began < 2


@needs_icmp
async def test_what_is_usually_lost_is_learnt_and_outlasts_a_reconfiguration_and_a_restart() -> None:
    async with running(check(), check("there")) as engine:
        assert engine.usual_loss("here", "icmp") is None
        await take_round(engine)
        assert engine.usual_loss("here", "icmp") == 0
        await engine.configure([check()])
        kept = engine.loss_snapshots()
        assert kept.keys() == {("here", "icmp")}
        assert engine.usual_loss("here", "icmp") == 0
        assert engine.usual_loss("there", "icmp") is None
    async with running() as engine:
        engine.resume_losses(kept)
        await engine.configure([check(), check("there")])
        assert engine.usual_loss("here", "icmp") == 0
        assert engine.usual_loss("there", "icmp") is None
        assert engine.loss_snapshots()["here", "icmp"] == kept["here", "icmp"]


@needs_icmp
async def test_loss_that_lasted_before_a_restart_is_told_anew_and_ends() -> None:
    bank, began = LossBank(1), 1_700_000_000_000_000_000
    for second in range(-1000, 105):
        lost = 0 <= second <= 100 and second % 5 == 0
        bank.fold(np.array([0]), np.array([lost]), np.array([began + second * 10**9]))
    kept = bank.snapshot(0)
    async with running() as engine:
        engine.resume_losses({("here", "icmp"): kept})
        await engine.configure([check(interval="10ms")])
        again = await take(engine, lambda item: isinstance(item, Loss))
        assert isinstance(again, Loss)
        assert (again.target, again.check, again.over, again.lost) == ("here", "icmp", False, 21)
        assert again.since == datetime.fromtimestamp(began / 1e9, UTC)
        assert again.ratio == again.lost / again.echoes
        over = await take(engine, lambda item: isinstance(item, Loss))
        assert isinstance(over, Loss)
        assert (over.over, over.since) == (True, datetime.fromtimestamp(began / 1e9 + 101, UTC))


@needs_icmp
async def test_what_is_no_snapshot_is_told_and_the_check_learnt_anew(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as engine:
        engine.resume_losses({("here", "icmp"): b"nonsense"})
        await engine.configure([check()])
        assert "what here usually loses is learnt anew: snapshot of a loss detector: expected version 1" in caplog.text
        await take_round(engine)
        assert engine.usual_loss("here", "icmp") == 0

"""From what was seen to what is shown, with a real ledger between."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from agent.board import Polled
from agent.core.changes import Changes
from agent.core.hardware import Hardware
from agent.core.judges import judges
from agent.core.lifecycle import Lifecycle
from agent.core.model import (
    AdminStatus,
    Check,
    Echo,
    Estate,
    Event,
    EventKind,
    Fact,
    Interface,
    Loss,
    Observation,
    OperStatus,
    Outcome,
    Page,
    Round,
    Silence,
    State,
    Trait,
    Turn,
)
from agent.core.picture import Picture
from agent.core.ports import DetectorState, EventFilter
from agent.core.quality import Objectives
from agent.core.units import Strict
from agent.hardware import HardwareDesk
from agent.ledger import SqliteLedger
from agent.pipeline import Pipeline
from agent.snapshots import Snapshots
from tests.core.estates import circuit, device, estate, icmp, snmp
from tests.waiting import until


class Bound(Strict):
    """Settings of an echo check that is bound to an interface."""

    address: str = "192.0.2.1"
    interface: str | None = "eth1"


ESTATE = estate(
    circuit("wan", ends=[("core", "Gi1")]),
    device("core", checks=[snmp("core", decisive=True)]),
    device("far-sw", "wan"),
)


class World:
    """A pipeline with what surrounds it, and a hand to feed it."""

    def __init__(self, folder: Path, watched: Estate) -> None:
        now = datetime.now(UTC)
        self.asked: list[str] = []
        self.outages: list[tuple[str, datetime]] = []
        self.problem: str | None = None
        self.begun: list[Page] = []
        self.ended: list[Page] = []
        self.ledger = SqliteLedger(folder / "ledger.sqlite")
        self.picture = Picture(watched, started_at=now, config_loaded_at=now)
        self.pipeline = Pipeline(
            self.picture,
            self.ledger,
            ask=lambda check: self.asked.append(f"{check.target}/{check.name}"),
            local_problem=lambda _check: self.problem,
            on_pages=self._pages,
            outage=lambda check, since: self.outages.append((f"{check.target}/{check.name}", since)),
        )

        self.hardware = HardwareDesk(
            self.picture, self.ledger, judges=judges(Lifecycle()), changed=self.pipeline.repage, look_seconds=0.02
        )

    def _pages(self, new: Sequence[Page], gone: Sequence[Page]) -> None:
        self.begun += new
        self.ended += gone

    async def start(self) -> None:
        await self.ledger.open()
        await self.hardware.begin()
        await self.pipeline.resume(await self.ledger.resume(), datetime.now(UTC))
        self.task = asyncio.create_task(self.pipeline.run())
        self.looking = asyncio.create_task(self.hardware.run())

    async def stop(self) -> None:
        self.task.cancel()
        self.looking.cancel()
        await asyncio.gather(self.task, self.looking, return_exceptions=True)
        await self.ledger.close()

    def round(self, name: str, outcomes: str, *, burst: bool = False) -> None:
        """Offer a round that ends now: `+` answered, `-` lost, `?` unknown, echoes 0.1 ms apart; of a burst 0.11 s."""
        now = datetime.now(UTC)
        codes = {"+": Echo.RECEIVED, "-": Echo.LOST, "?": Echo.UNKNOWN}
        each = 0.11 if burst else 0.0001
        sent = np.array([now.timestamp() - each * (len(outcomes) - 1 - n) for n in range(len(outcomes))])
        rtts = np.array([0.002 if sign == "+" else np.nan for sign in outcomes])
        values = np.array([codes[sign] for sign in outcomes], dtype=np.uint8)
        why = {"send_enetunreach": outcomes.count("?")} if "?" in outcomes else {}
        began = datetime.fromtimestamp(float(sent[0]), UTC)
        self.pipeline.offer(Round(name, "icmp", began, now, sent, rtts, values, burst=burst, why_unknown=why))

    def poll(
        self, name: str, *interfaces: Interface, outcome: Outcome = Outcome.OK, facts: tuple[Fact, ...] = (),
        complete: bool = True, hardware: Hardware | None = None,
    ) -> None:  # fmt: skip
        check = next(check for check in self.picture.estate.targets[name].checks if check.name == "snmp")
        seen = Observation(
            name, "snmp", datetime.now(UTC), outcome, "polled", complete=complete, interfaces=interfaces, facts=facts,
            hardware=hardware,
        )  # fmt: skip
        self.pipeline.offer(Polled(check, seen, lambda: gzip.compress(b"text")))

    async def state(self, name: str, state: State) -> None:
        await until(lambda: name in self.picture.verdicts and self.picture.verdicts[name].state is state)

    async def events(self, target: str) -> list[Event]:
        wanted = EventFilter(target=target, kinds=(EventKind.TARGET,))
        return list(await self.ledger.events(wanted))


UP = Interface(1, "Gi1", "GigabitEthernet1", AdminStatus.UP, OperStatus.UP)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path, ESTATE)
    await made.start()
    yield made
    await made.stop()


async def test_a_cut_is_one_page_one_outage_and_what_is_behind_is_unreachable(world: World) -> None:
    world.poll("core", UP)
    world.round("wan", "++++++++++")
    world.round("far-sw", "+")
    await world.state("far-sw", State.UP)
    assert world.picture.rounds["wan", "icmp"].received == 10
    world.round("wan", "----", burst=True)
    world.round("far-sw", "----", burst=True)
    await world.state("far-sw", State.UNREACHABLE)
    assert [page.target for page in world.begun] == ["wan"]
    assert set(world.picture.open_outages) == {"wan", "far-sw"}
    assert world.picture.health["far-sw", "icmp"].state is State.UNREACHABLE
    assert world.picture.rounds["wan", "icmp"].received == 10  # a burst is no round
    assert [event.new for event in await world.events("wan")] == ["up", "down"]


async def test_what_is_shown_is_on_disk(world: World) -> None:
    """The order is looked at from inside: when the picture changes, the ledger has the event."""
    world.poll("core", UP)
    await world.state("wan", State.UP)
    world.round("wan", "----", burst=True)
    await world.state("wan", State.DOWN)
    assert [event.new for event in await world.events("wan")][-1] == "down"
    assert all(event.id is not None for event in world.picture.events)


async def test_a_silence_is_made_sure_of_and_dates_the_outage(world: World) -> None:
    world.round("wan", "++")
    await world.state("wan", State.UP)
    world.asked.clear()
    since = datetime.now(UTC)
    world.pipeline.offer(Silence("wan", "icmp", since, since, 2))
    await until(lambda: set(world.asked) == {"wan/icmp", "core/snmp"})
    world.asked.clear()
    world.pipeline.offer(Silence("far-sw", "icmp", since, since, 2))
    await until(lambda: set(world.asked) == {"far-sw/icmp", "wan/icmp"})
    await asyncio.sleep(0.35)
    world.round("wan", "-", burst=True)
    await world.state("wan", State.DOWN)
    assert world.picture.verdicts["wan"].since is not None
    assert world.picture.verdicts["wan"].since <= since
    world.pipeline.offer(Silence("wan", "icmp", datetime.now(UTC), datetime.now(UTC), 0, over=True))
    world.pipeline.offer(Silence("gone", "icmp", since, since, 2))
    world.round("wan", "++", burst=True)
    await world.state("wan", State.UP)


async def test_own_trouble_is_blindness_and_no_outage(world: World) -> None:
    world.round("far-sw", "+")
    await world.state("far-sw", State.UP)
    world.problem = "eth0 has no carrier"
    world.round("far-sw", "----", burst=True)
    await world.state("far-sw", State.UNKNOWN)
    assert world.picture.blind["far-sw"].why == "eth0 has no carrier"
    assert world.begun == []
    world.problem = None
    world.round("far-sw", "++")
    await world.state("far-sw", State.UP)
    assert world.picture.blind == {}
    assert world.picture.blind_seconds["far-sw"] > 0
    await world.pipeline.drain()  # waits for the step under way: a span goes to the ledger after it is shown
    spans = await world.ledger.blind(datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC))
    assert [(span.target, span.why, span.ended_at is not None) for span in spans] == [
        ("far-sw", "eth0 has no carrier", True)
    ]


async def test_echoes_that_could_not_be_sent_are_blindness(world: World) -> None:
    world.round("far-sw", "+")
    await world.state("far-sw", State.UP)
    world.round("far-sw", "??")
    await world.state("far-sw", State.UNKNOWN)
    assert "no route" in world.picture.blind["far-sw"].why
    assert world.picture.echoes["far-sw", "icmp"].unknown == {"send_enetunreach": 2}


async def test_the_interface_of_a_declared_circuit_is_a_part_of_it(tmp_path: Path) -> None:
    bound = Check("wan", "icmp", "icmp", 1.0, Bound())
    world = World(tmp_path, estate(replace(circuit("wan"), checks=(bound,))))
    await world.start()
    try:
        world.problem = "eth1 is down"
        world.round("wan", "??")
        await world.state("wan", State.DOWN)
        assert world.picture.verdicts["wan"].reason == "eth1 is down"
        assert world.picture.blind == {}
    finally:
        await world.stop()


async def test_the_interface_of_a_declared_circuit_is_looked_at_without_waiting_for_a_round(tmp_path: Path) -> None:
    bound = Check("wan", "icmp", "icmp", 1.0, Bound())
    world = World(tmp_path, estate(replace(circuit("wan"), checks=(bound,)), device("far-sw", "wan")))
    await world.start()
    try:
        world.round("wan", "++")
        await world.state("wan", State.UP)
        world.problem = "eth1 has no carrier"
        await world.state("wan", State.DOWN)
        assert world.picture.verdicts["wan"].reason == "eth1 has no carrier"
        assert [page.target for page in world.begun] == ["wan"]
        assert "wan/icmp" not in world.asked
        world.problem = None
        await until(lambda: "wan/icmp" in world.asked)
        world.round("wan", "++++", burst=True)
        await world.state("wan", State.UP)
        await world.pipeline.reconfigure(estate(device("far-sw")))
        world.problem = "eth1 has no carrier"
        await asyncio.sleep(1.5)
        assert [event.new for event in await world.events("wan")] == ["up", "down", "up", ""]
    finally:
        await world.stop()


async def test_a_poll_that_this_host_could_not_send_is_unknown(world: World) -> None:
    world.poll("core", UP)
    await world.state("core", State.UP)
    world.problem = "no route to core"
    world.poll("core", outcome=Outcome.NO_ANSWER)
    await world.state("core", State.UNKNOWN)
    assert not world.picture.polls["core"].success
    assert world.picture.polls["core"].gzip_text is None


async def test_a_device_that_is_polled_in_two_ways_has_the_series_of_both(tmp_path: Path) -> None:
    host = Check("srv", "host", "host", 30.0, decisive=False)
    both = device("srv", checks=[snmp("srv", decisive=True), host])
    world = World(tmp_path, estate(both))
    await world.start()
    try:
        now = datetime.now(UTC)
        seen = Observation("srv", "host", now, Outcome.OK, "load 0.1")
        world.pipeline.offer(Polled(host, seen, lambda: gzip.compress(b"node_load1 0.1\n")))
        world.poll("srv", UP)
        await until(lambda: "srv" in world.picture.polls and world.picture.polls["srv"].interfaces == (UP,))
        poll = world.picture.polls["srv"]
        assert poll.success
        assert poll.gzip_text is not None
        assert gzip.decompress(poll.gzip_text()) == b"node_load1 0.1\ntext"
        world.poll("srv", outcome=Outcome.NO_ANSWER)
        await until(lambda: not world.picture.polls["srv"].success)
        assert world.picture.polls["srv"].detail == "polled"
        await world.pipeline.reconfigure(estate(replace(both, checks=both.checks[1:])))
        assert world.picture.polls["srv"].success
        await world.pipeline.reconfigure(estate(replace(both, checks=())))
        assert world.picture.polls == {}
    finally:
        await world.stop()


async def test_one_failed_poll_is_asked_again_at_once(world: World) -> None:
    world.poll("core", UP)
    await world.state("core", State.UP)
    world.asked.clear()
    world.poll("core", outcome=Outcome.NO_ANSWER)
    await until(lambda: "core/snmp" in world.asked)
    world.poll("core", outcome=Outcome.NO_ANSWER)
    await world.state("core", State.DOWN)


async def test_flags_page_as_tickets(tmp_path: Path) -> None:
    ups = replace(device("ups", checks=[snmp("ups", decisive=True)]), kind="ups")
    world = World(tmp_path, estate(ups))
    await world.start()
    try:
        world.poll("ups", facts=(Fact("battery_replace", True, "UPS-MIB upsAlarmBatteryBad"),))
        await until(lambda: bool(world.begun))
        assert [flag.reason for flag in world.picture.flags["ups"]] == ["battery_replace"]
        assert world.begun[0].target == "ups"
        world.poll("ups")
        await until(lambda: bool(world.ended))
        assert world.picture.flags == {}
    finally:
        await world.stop()


async def test_a_watched_interface_pages_when_two_polls_found_it_down(tmp_path: Path) -> None:
    switch = replace(device("sw", checks=[snmp("sw", decisive=True)]), watch=("Gi1",))
    world = World(tmp_path, estate(switch))
    await world.start()
    try:
        world.poll("sw", UP, replace(UP, index=2, name="Gi2", oper=OperStatus.DOWN))
        await world.state("sw", State.UP)
        assert [(one.interface, one.is_down) for one in world.picture.polls["sw"].watched] == [("Gi1", False)]
        world.poll("sw", replace(UP, oper=OperStatus.DOWN))
        world.poll("sw", replace(UP, oper=OperStatus.DOWN))
        await until(lambda: bool(world.begun))
        assert [(page.alert, page.labels["interface"]) for page in world.begun] == [("InterfaceDown", "Gi1")]
        world.poll("sw", UP)
        await until(lambda: bool(world.ended))
    finally:
        await world.stop()


async def test_what_a_poll_did_not_get_to_has_not_ended(tmp_path: Path) -> None:
    ups = replace(device("ups", checks=[snmp("ups", decisive=True)]), kind="ups")
    world = World(tmp_path, estate(ups))
    await world.start()
    try:
        name, again = (Fact("system_name", value, "SNMPv2-MIB sysName") for value in ("ups", "ups1"))
        bad = Fact("battery_replace", True, "UPS-MIB upsAlarmBatteryBad")
        world.poll("ups", facts=(name, bad))
        await until(lambda: bool(world.begun))
        for _ in range(2):  # facts are kept for as long as nobody gets to them
            world.poll("ups", facts=(again,), complete=False)
            await until(lambda: not world.picture.polls["ups"].complete)
        assert world.picture.polls["ups"].facts == (again, bad)
        assert world.picture.polls["ups"].success
        assert [flag.reason for flag in world.picture.flags["ups"]] == ["battery_replace"]
        world.poll("ups", facts=(name,))
        await until(lambda: bool(world.ended))
        assert world.picture.polls["ups"].complete
        assert world.picture.flags == {}
    finally:
        await world.stop()


async def test_what_was_seen_of_hardware_stays_until_it_is_seen_anew(tmp_path: Path) -> None:
    switch = device("sw", checks=[snmp("sw", decisive=True)])
    world = World(tmp_path, estate(switch))
    await world.start()
    try:
        at = datetime.now(UTC)
        serial, model = Fact("serial", "S-100", "MIB"), Fact("model", "M1", "MIB")
        world.poll("sw", hardware=Hardware(at, (serial, model)))
        await until(lambda: "sw" in world.picture.hardware)
        world.poll("sw", outcome=Outcome.NO_ANSWER)
        await until(lambda: not world.picture.polls["sw"].success)
        assert world.picture.hardware["sw"].facts == (serial, model)
        world.poll("sw", hardware=Hardware(at, (replace(model, value="M2"),), complete=False))
        await until(lambda: not world.picture.hardware["sw"].complete)
        assert {fact.value for fact in world.picture.hardware["sw"].facts} == {"S-100", "M2"}
        world.poll("sw", hardware=Hardware(at, (replace(serial, value="S-200"),)))
        await until(lambda: world.picture.hardware["sw"].complete)
        assert [fact.value for fact in world.picture.hardware["sw"].facts] == ["S-200"]
        await world.pipeline.reconfigure(estate(replace(switch, checks=())))
        assert world.picture.hardware == {}
    finally:
        await world.stop()


async def test_an_outage_is_resumed_before_anything_is_shown_and_the_gap_is_blind(tmp_path: Path) -> None:
    first = World(tmp_path, ESTATE)
    await first.start()
    first.round("wan", "----", burst=True)
    await first.state("wan", State.DOWN)
    await first.stop()
    await asyncio.sleep(0.05)
    second = World(tmp_path, ESTATE)
    await second.start()
    try:
        assert second.picture.verdicts["wan"].state is State.DOWN
        assert [page.target for page in second.picture.pages] == ["wan"]
        assert set(second.picture.open_outages) == {"wan"}
        assert second.picture.blind_seconds[""] > 0
        second.round("wan", "----", burst=True)
        second.round("wan", "++", burst=True)
        await second.state("wan", State.UP)
        assert [event.new for event in await second.events("wan")] == ["down", "up"]
        spans = await second.ledger.blind(datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC))
        assert [span.target for span in spans] == [None]
    finally:
        await second.stop()


async def test_a_failed_check_is_due_again_when_its_target_is_found_up_after_a_restart(tmp_path: Path) -> None:
    """That it is up as before is no event, and yet its pages follow from it."""
    watched = estate(device("sw", checks=[icmp("sw"), snmp("sw")]))
    before = World(tmp_path, watched)
    await before.start()
    before.round("sw", "+++")
    await until(lambda: before.picture.verdicts["sw"].state is State.UP)
    check = watched.targets["sw"].checks[1]
    for seconds in (60, 61):  # later than what failed with the target itself
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        before.pipeline.offer(Polled(check, Observation("sw", "snmp", at, Outcome.NO_ANSWER, "silent")))
    await until(lambda: [page.alert for page in before.picture.pages] == ["CheckDown"])
    await before.stop()
    again = World(tmp_path, watched)
    await again.start()
    assert again.picture.pages == (), "while its target is unknown"
    again.round("sw", "+++")
    await until(lambda: [page.alert for page in again.picture.pages] == ["CheckDown"])
    assert [page.alert for page in again.begun] == ["CheckDown"]
    await again.stop()


async def test_a_reload_keeps_what_stays_and_closes_what_is_removed(world: World) -> None:
    world.poll("core", UP)
    world.round("wan", "----", burst=True)
    world.round("far-sw", "----", burst=True)
    await world.state("far-sw", State.UNREACHABLE)
    await world.pipeline.reconfigure(estate(circuit("wan"), device("new")))
    assert set(world.picture.verdicts) == {"wan", "new"}
    assert world.picture.verdicts["wan"].state is State.DOWN
    assert world.picture.polls == {}
    closed = await world.ledger.outages(target="far-sw")
    assert [outage.close_reason for outage in closed] == ["removed"]
    world.round("far-sw", "++")
    await asyncio.sleep(0.1)
    assert ("far-sw", "icmp") not in world.picture.observations


async def test_blindness_of_what_is_removed_ends(world: World) -> None:
    world.round("far-sw", "??")
    await until(lambda: "far-sw" in world.picture.blind)
    await world.pipeline.reconfigure(estate(circuit("wan")))
    assert world.picture.blind == {}


async def test_a_full_queue_drops_and_counts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.pipeline._QUEUE_LIMIT", 0)
    world.round("wan", "+")
    assert world.pipeline.dropped == 1


async def test_a_bug_with_one_item_is_logged_and_the_others_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hear = world.pipeline.assessor.hear

    def broken(observation: Observation, now: datetime, changes: Changes) -> Changes:
        if observation.target == "wan":
            raise RuntimeError("boom")
        return hear(observation, now, changes)

    monkeypatch.setattr(world.pipeline.assessor, "hear", broken)
    world.round("wan", "+")
    world.round("far-sw", "+")
    await world.state("far-sw", State.UP)
    assert world.pipeline.failures == 1
    assert "boom" in caplog.text


async def test_everything_is_heard_once_every_check_has_spoken(world: World) -> None:
    world.poll("core", UP)
    world.round("wan", "+")
    assert not world.pipeline.all_heard.is_set()
    world.round("far-sw", "?")
    await until(world.pipeline.all_heard.is_set)


async def test_what_waited_settles_what_was_held_back_before_time_does(world: World) -> None:
    """A disk that stalled: the circuit's burst waits while the hold of what stands behind it runs out."""
    world.round("wan", "++")
    world.round("far-sw", "+")
    await world.state("far-sw", State.UP)
    async with world.pipeline._step:
        held = datetime.now(UTC) - timedelta(seconds=60)
        lost = Observation("far-sw", "icmp", datetime.now(UTC), Outcome.NO_ANSWER, "0 of 4", confirmed=True)
        world.pipeline.assessor.hear(lost, held)
        world.round("wan", "----", burst=True)
    await world.state("far-sw", State.UNREACHABLE)
    assert [event.new for event in await world.events("far-sw")] == ["up", "unreachable"]


async def test_a_clock_that_was_set_back_hides_no_outage(world: World) -> None:
    world.round("far-sw", "+")
    await world.state("far-sw", State.UP)
    async with world.pipeline._step:
        world.pipeline.assessor.shift(timedelta(hours=1))
        now, boot = world.pipeline._clocks
        world.pipeline._clocks = (now + timedelta(hours=1), boot)
    world.round("far-sw", "----", burst=True)
    await world.state("far-sw", State.DOWN)
    since = world.picture.verdicts["far-sw"].since
    assert since is not None
    assert since <= datetime.now(UTC)


async def test_a_poll_of_what_was_removed_leaves_no_trace(world: World) -> None:
    poll = Polled(snmp("gone"), Observation("gone", "snmp", datetime.now(UTC), Outcome.OK, "polled"))
    world.pipeline.offer(poll)
    await until(lambda: not world.pipeline.depth)
    assert ("gone", "snmp") not in world.picture.observations


async def test_what_changes_on_the_way_is_an_event_and_names_keep_their_addresses(world: World) -> None:
    now = datetime.now(UTC)
    for trait, old, new in (
        (Trait.ADDRESS, "", "192.0.2.1, 192.0.2.2"),
        (Trait.ADDRESS, "192.0.2.1", "192.0.2.2, 192.0.2.3"),
        (Trait.REPLY_TTL, "60", "58"),
    ):
        world.pipeline.offer(Turn("wan", "icmp", now, now, trait, old, new))
    world.pipeline.offer(Turn("gone", "icmp", now, now, Trait.ADDRESS, "192.0.2.1", "192.0.2.9"))
    await until(lambda: len(world.picture.events) >= 2)
    kept = await world.ledger.events(EventFilter(kinds=(EventKind.PATH,)))
    assert [(event.target, event.old, event.new) for event in kept] == [
        ("wan", "192.0.2.1", "192.0.2.2, 192.0.2.3"),
        ("wan", "60", "58"),
    ]
    assert world.picture.addresses == {("wan", "icmp"): ("192.0.2.2", "192.0.2.3")}
    await world.pipeline.reconfigure(Estate("dc1", {}))
    assert world.picture.addresses == {}


# ------------------------------------------------------------------ worse than it should be


def degrade(world: World, name: str, at: datetime, rtt: float, rounds: int = 1, *, burst: bool = False) -> datetime:
    """Offer rounds of one echo, 50 ms apart; return when the next one is due."""
    for _ in range(rounds):
        sent = np.array([at.timestamp()])
        world.pipeline.offer(
            Round(name, "icmp", at, at, sent, np.array([rtt]),
                  np.array([Echo.RECEIVED], dtype=np.uint8), burst=burst)
        )  # fmt: skip
        at += timedelta(milliseconds=50)
    return at


async def test_a_line_that_became_slow_is_degraded_and_what_stands_behind_it_is_no_ticket(world: World) -> None:
    at = datetime.now(UTC)
    world.poll("core", UP)
    for name in ("wan", "far-sw"):
        degrade(world, name, at, 0.010, 60)
    at += timedelta(seconds=3)
    await world.state("far-sw", State.UP)
    degrade(world, "far-sw", at, 0.030, 20)
    degrade(world, "wan", at, 0.030, 20)
    await world.state("far-sw", State.DEGRADED)
    await until(lambda: world.picture.verdicts["far-sw"].causes == ("wan",))
    assert world.picture.health["wan", "icmp"].troubles[0].detail == "round-trip time 30.0 ms, usually 10.0 ms"
    degrade(world, "wan", at + timedelta(seconds=2), 0.030, burst=True)  # a burst ends no trouble
    degrade(world, "wan", at + timedelta(seconds=2), 0.030)
    kept = await world.ledger.events(EventFilter(target="wan", kinds=(EventKind.CHECK,)))
    told = next(event for event in kept if event.new == State.DEGRADED)
    assert dict(told.evidence)["delay_past_rule"] == "floor"
    degrade(world, "wan", at + timedelta(seconds=63), 0.010, 20)
    degrade(world, "far-sw", at + timedelta(seconds=63), 0.010, 20)
    await world.state("wan", State.UP)
    await world.state("far-sw", State.UP)
    assert world.begun == []


async def test_the_ticket_of_what_is_degraded_comes_as_time_passes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.core.paging.DEGRADED_SECONDS", 0.8)
    world.poll("core", UP)
    at = degrade(world, "wan", datetime.now(UTC), 0.010, 60)
    degrade(world, "wan", at, 0.050, 10)
    await world.state("wan", State.DEGRADED)
    await until(lambda: [page.alert for page in world.begun] == ["TargetDegraded"])


async def test_loss_that_the_engine_finds_is_told_at_once_and_is_over_with_a_good_round(world: World) -> None:
    world.poll("core", UP)
    at = degrade(world, "wan", datetime.now(UTC), 0.010)
    await world.state("wan", State.UP)
    found = Loss("wan", "icmp", at, at, 0.25, 0.001, 5, 20, "onset_cusum_10%")
    world.pipeline.offer(replace(found, target="nobody"))
    world.pipeline.offer(found)
    await world.state("wan", State.DEGRADED)
    assert "5 of 20 echoes lost (25.0%)" in world.picture.verdicts["wan"].reason
    degrade(world, "wan", at, 0.010, 3)
    world.pipeline.offer(replace(found, over=True))
    degrade(world, "wan", at + timedelta(seconds=61), 0.010)
    await world.state("wan", State.UP)
    world.pipeline.offer(found)
    await world.state("wan", State.DEGRADED)
    for _ in range(2):  # where losses are known one burst makes sure of nothing
        world.round("wan", "----", burst=True)
    await world.state("wan", State.DOWN)
    world.pipeline.offer(replace(found, ratio=0.9))  # a line that is down is not degraded
    await until(lambda: world.pipeline.depth == 0)
    assert world.picture.verdicts["wan"].state is State.DOWN


async def test_the_engine_is_told_of_outages_and_of_those_they_may_take_with_them(world: World) -> None:
    world.poll("core", UP)
    for name in ("wan", "far-sw"):
        world.round(name, "++++")
        await world.state(name, State.UP)
    await asyncio.sleep(0.4)
    world.round("wan", "----", burst=True)
    await world.state("wan", State.DOWN)
    assert [name for name, _ in world.outages] == ["wan/icmp", "far-sw/icmp"]
    (since,) = {since for _, since in world.outages}
    assert since == (await world.events("wan"))[-1].at
    world.round("wan", "++++", burst=True)
    await world.state("wan", State.UP)
    world.round("far-sw", "+-++")
    await until(lambda: world.pipeline.depth == 0)
    assert len(world.outages) == 2, "who is back and who has not failed is no outage"


async def test_the_engine_is_told_of_outages_that_a_restart_finds(tmp_path: Path) -> None:
    first = World(tmp_path, ESTATE)
    await first.start()
    first.poll("core", UP)
    for name in ("wan", "far-sw"):
        first.round(name, "++++")
        await first.state(name, State.UP)
    await asyncio.sleep(0.4)
    first.round("wan", "----", burst=True)
    await first.state("wan", State.DOWN)
    await first.stop()
    second = World(tmp_path, ESTATE)
    await second.start()
    assert second.outages == []
    began = datetime.now(UTC)
    second.pipeline.tell_resumed_outages(began)
    assert second.outages == [("wan/icmp", began)]
    await second.stop()


async def test_what_was_lost_in_an_outage_breaks_no_objective(world: World) -> None:
    quality = world.pipeline.qualities.get(("wan", "icmp"))
    assert quality is not None
    quality.objectives = Objectives(loss_ratio=0.01)
    world.poll("core", UP)
    world.round("wan", "++++")
    await world.state("wan", State.UP)
    await asyncio.sleep(0.4)
    world.pipeline.offer(Silence("wan", "icmp", datetime.now(UTC), datetime.now(UTC), 2))
    world.round("wan", "+---")  # as it failed
    await until(lambda: world.pipeline.depth == 0)
    world.round("wan", "----", burst=True)
    await world.state("wan", State.DOWN)
    world.round("wan", "----")
    await asyncio.sleep(0.4)
    world.round("wan", "++++", burst=True)
    await world.state("wan", State.UP)
    world.round("wan", "---+" + 6000 * "+")  # as it came back; it began 0.6 s ago
    await until(lambda: world.pipeline.depth == 0)
    assert not quality.troubles
    await asyncio.sleep(0.05)
    world.round("wan", "+---")
    await until(lambda: bool(quality.troubles))


async def test_what_was_learnt_outlasts_a_restart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = World(tmp_path, ESTATE)
    await first.start()
    first.poll("core", UP)
    at = degrade(first, "wan", datetime.now(UTC), 0.010, 60)
    await first.state("wan", State.UP)
    first.task.cancel()
    await first.pipeline.drain()
    await first.stop()

    second = World(tmp_path, ESTATE)
    await second.start()
    bad = DetectorState("far-sw", "icmp", "quality", datetime.now(UTC), b"nonsense")
    other = DetectorState("wan", "icmp", "loss", datetime.now(UTC), b"of the engine")
    await second.ledger.record_detectors([bad, other, replace(bad, target="gone")])
    losses = await second.pipeline.remember(datetime.now(UTC))
    assert losses == {("wan", "icmp"): b"of the engine"}
    assert "far-sw icmp: what was learnt of it cannot be read" in caplog.text
    second.poll("core", UP)
    degrade(second, "wan", at, 0.050, 8)
    await second.state("wan", State.DEGRADED)  # eight rounds would be too few to know what is usual
    await second.stop()


async def test_snapshots_are_taken_while_it_runs(tmp_path: Path) -> None:
    world = World(tmp_path, ESTATE)
    await world.start()
    degrade(world, "wan", datetime.now(UTC), 0.010)
    kept = Snapshots(world.pipeline.qualities, world.ledger, lambda: {("wan", "icmp"): b"x", ("gone", "icmp"): b"y"})
    now = datetime.now(UTC)
    for second in range(0, 660, 10):
        await kept.turn(now + timedelta(seconds=second))
    states = await world.ledger.detectors()
    assert [(one.target, one.detector) for one in states] == [
        ("far-sw", "quality"), ("wan", "loss"), ("wan", "quality")
    ]  # fmt: skip
    month = replace(states[0], target="wan", at=now + timedelta(days=32))
    await world.ledger.record_detectors([month])
    assert [one.target for one in await world.ledger.detectors()] == ["wan"]
    await world.stop()

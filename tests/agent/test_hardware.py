"""The hardware desk: flags follow what is seen, pieces are kept in a real ledger, a replaced one begins a new life."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from agent.core.ageing import Found, Judges
from agent.core.hardware import Counter, Entity, Fact, Hardware, PhysicalClass, Piece, Wear
from agent.core.hardware_policy import HardwarePolicy
from agent.core.judges import judge_condition, judges
from agent.core.lifecycle import Lifecycle
from agent.core.model import AdminStatus, AssetRow, Estate, Event, EventKind, HardwareFlag, Interface, OperStatus
from agent.core.picture import DevicePoll, Picture
from agent.core.register import Disagreement
from agent.core.subjects import Subject
from agent.hardware import HardwareDesk
from agent.ledger import SqliteLedger
from agent.pipeline import Pipeline
from tests.core.estates import circuit, device, estate, service
from tests.waiting import until

MORNING = datetime(2026, 3, 1, 9, tzinfo=UTC)
POLICY = HardwarePolicy({"*": 5.0})
OLD = date(2015, 1, 1)


def judge_trend(subject: Subject, policy: HardwarePolicy, today: date) -> Found:
    """Find errors where a day had any."""
    worn = [one for one in subject.wear if one.value > 0 and one.item != "observed:"]
    flags = tuple(
        HardwareFlag(subject.name, "errors_rising", "warning", f"{one.item} on {one.day}", "x") for one in worn
    )
    return Found(flags=flags)


class World:
    """A desk with what surrounds it, and a clock that a test sets."""

    def __init__(self, folder: Path, watched: Estate) -> None:
        self.now = MORNING
        self.ledger = SqliteLedger(folder / "ledger.sqlite")
        self.picture = Picture(watched, MORNING, MORNING)
        self.changes = 0
        self.events: list[Event] = []
        self.desk = self.made()

    def made(self) -> HardwareDesk:
        return HardwareDesk(
            self.picture, self.ledger, judges=Judges(judges(Lifecycle()).now, (judge_trend,)),
            changed=self._changed, tell=self._tell, clock=lambda: self.now, report_seconds=0.0,
        )  # fmt: skip

    def _changed(self) -> None:
        self.changes += 1

    async def _tell(self, events: Sequence[Event]) -> None:
        self.events += events

    def poll(self, name: str, *facts: Fact, success: bool = True) -> None:
        self.picture.polls[name] = DevicePoll(self.now, success, 0.1, "", self.now + timedelta(minutes=5), facts=facts)

    async def see(self, name: str, serial: str, errors: float = 0.0, parts: Sequence[str] = ()) -> None:
        facts = (Fact("serial", serial, "entPhysicalSerialNum"),) if serial else ()
        entities = tuple(Entity(one, PhysicalClass.MODULE, one, serial=one) for one in parts)
        counter = Counter("Gi1", "Gi1", "crc_errors", errors)
        self.picture.hardware[name] = Hardware(self.now, facts, entities, counters=(counter,))
        await self.desk.look()

    async def days(self) -> list[tuple[str, str, int, float]]:
        """Return what is kept of days: device, thing, day of the month, value."""
        kept = await self.ledger.wear(date(2026, 1, 1))
        return [(one.target, one.item, one.day.day, one.value) for one in kept if one.item != "observed:"]

    def reasons(self, name: str) -> list[str]:
        return [flag.reason for flag in self.picture.flags.get(name, ())]


WATCHED = replace(
    estate(
        replace(device("old"), purchased=OLD), device("new"), circuit("wan", ends=[("old", "Gi1")]), service("s", "old")
    ),
    hardware=POLICY,
    assets=(AssetRow("LAP-1", "assets.csv:2", OLD, {"kind": "laptop"}), AssetRow("LAP-2", "assets.csv:3")),
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path, WATCHED)
    await made.ledger.open()
    await made.desk.begin()
    yield made
    await made.ledger.close()


async def test_what_is_known_before_the_first_poll_is_flagged_from_the_start(world: World) -> None:
    assert (world.reasons("old"), world.reasons("new")) == (["age_over_policy"], [])
    assert set(world.picture.flags) == {"old"}  # rows of a register alert nobody
    made = world.picture.ageing
    assert made is not None
    assert [(case.place, case.name) for case in made.cases] == [
        (1, "old"),
        (2, "LAP-1"),
        (None, "LAP-2"),
        (None, "new"),
    ]
    assert made.register == Disagreement(2, not_on_network=1, not_in_register=2)
    assert world.changes == 1


async def test_flags_follow_what_a_device_says_of_itself(world: World) -> None:
    bad = Fact("battery_replace", True, "UPS-MIB upsAlarmBatteryBad")
    world.poll("new", bad, Fact("uptime_seconds", 5.0, "sysUpTime"))
    await world.desk.look()
    assert world.reasons("new") == ["battery_replace"]
    changes = world.changes
    world.poll("new", success=False)  # a device that cannot be asked has not been mended
    await world.desk.look()
    world.poll("new", bad, Fact("uptime_seconds", 65.0, "sysUpTime"))  # a figure that moves is no news
    await world.desk.look()
    assert (world.reasons("new"), world.changes) == (["battery_replace"], changes)
    world.poll("new")
    await world.desk.look()
    assert (world.reasons("new"), world.changes) == ([], changes + 1)
    assert world.picture.ageing is not None
    assert {case.name for case in world.picture.ageing.cases if case.flags} == {"old", "LAP-1"}


async def test_first_seen_is_kept_and_is_an_age_after_years(world: World) -> None:
    await world.see("new", "A")
    assert await world.ledger.pieces() == [Piece("new", "A", MORNING, MORNING)]
    world.now = MORNING + timedelta(days=6 * 366)
    world.desk = world.made()
    await world.desk.begin()
    assert world.reasons("new") == ["age_over_policy"]
    assert "since 2026-03-01 or before" in world.picture.flags["new"][0].detail


async def test_another_serial_number_is_replaced_hardware_and_begins_a_new_life(world: World) -> None:
    await world.see("old", "A", 100.0)
    world.now += timedelta(minutes=5)
    await world.see("old", "A", 150.0)
    world.now += timedelta(minutes=5)
    await world.see("old", "B", 7.0)
    (event,) = world.events
    assert (event.kind, event.target, event.old, event.new) == (EventKind.HARDWARE, "old", "A", "B")
    assert await world.ledger.pieces() == [
        Piece("old", "A", MORNING, MORNING + timedelta(minutes=5), MORNING + timedelta(minutes=10)),
        Piece("old", "B", MORNING + timedelta(minutes=10), MORNING + timedelta(minutes=10)),
    ]
    await world.desk.close()
    assert await world.days() == []  # 50 errors of the day were those of the piece that is gone


async def test_another_member_of_a_stack_is_no_other_hardware(world: World) -> None:
    await world.see("old", "A", parts=("A", "B"))
    await world.see("old", "B", parts=("A", "B"))
    assert world.events == []


async def test_a_day_is_written_at_its_end_and_at_the_stop(world: World) -> None:
    for errors in (100.0, 130.0):
        await world.see("old", "A", errors)
    world.now += timedelta(days=1)
    await world.see("old", "A", 135.0)
    assert await world.days() == [("old", "crc_errors:Gi1", 1, 30.0)]
    assert world.reasons("old") == ["age_over_policy", "errors_rising"]  # trends are looked for after midnight
    await world.desk.close()
    assert [value for *_, value in await world.days()] == [30.0, 5.0]
    assert (await world.ledger.pieces())[0].last_seen == world.now
    again = world.made()
    await again.begin()  # the day goes on
    for errors in (135.0, 136.0):
        world.picture.hardware["old"] = Hardware(world.now, counters=(Counter("Gi1", "Gi1", "crc_errors", errors),))
        await again.look()
    await again.close()
    assert [value for *_, value in await world.days()] == [30.0, 6.0]


async def test_restarts_and_flaps_of_the_day_are_told_by_polls(world: World) -> None:
    port = Interface(1, "Gi1", "Gi1", AdminStatus.UP, OperStatus.UP)
    for minutes, uptime, oper in ((0, 9000.0, 1), (1, 9060.0, 2), (2, 30.0, 1)):
        now = world.now + timedelta(minutes=minutes)
        facts = (Fact("uptime_seconds", uptime, "sysUpTime"),)
        ports = (replace(port, oper=OperStatus(oper)),)
        world.picture.polls["new"] = DevicePoll(now, True, 0.1, "", now, facts=facts, interfaces=ports)
        await world.desk.look()
    await world.desk.close()
    assert await world.days() == [("new", "flaps:Gi1", 1, 1.0), ("new", "reboots:", 1, 1.0)]


async def test_trends_of_the_former_piece_are_not_those_of_the_new_one(world: World) -> None:
    await world.see("old", "A")
    worn = [Wear("old", "crc_errors:Gi1", MORNING.date() - timedelta(days=back), 9.0) for back in (0, 1, 2)]
    await world.ledger.record_wear(worn)
    world.now += timedelta(hours=1)
    await world.see("old", "B")
    world.now += timedelta(days=1)
    await world.desk.look()
    assert world.reasons("old") == []  # nor is the date of its purchase


async def test_midnight_makes_things_older(world: World) -> None:
    world.picture.estate = replace(WATCHED, targets={"new": replace(device("new"), purchased=date(2021, 3, 2))})
    await world.desk.reconfigure({})
    assert world.reasons("new") == []
    world.now += timedelta(days=1)
    await world.desk.look()
    assert world.reasons("new") == ["age_over_policy"]


async def test_a_reload_takes_other_policies_and_names_along(world: World) -> None:
    await world.see("old", "A", 1.0)
    await world.see("new", "N", 1.0)
    await world.ledger.rename("old", "older")
    other = estate(replace(device("older"), purchased=OLD))
    world.picture.estate = replace(other, hardware=HardwarePolicy({"*": 50.0}))
    world.picture.flags.clear()
    world.picture.hardware.clear()
    await world.desk.reconfigure({"old": "older"})
    assert world.picture.flags == {}
    assert world.picture.ageing is not None
    (case,) = world.picture.ageing.cases
    assert (case.name, [piece.serial for piece in case.pieces]) == ("older", ["A"])
    await world.see("older", "A", 4.0)  # it is the same one, and has counted on
    assert world.events == []
    await world.desk.close()
    assert await world.days() == []  # a counter under another name begins anew
    assert {piece.target for piece in await world.ledger.pieces()} == {"older", "new"}


async def test_a_former_name_in_the_configuration_finds_its_pieces(world: World) -> None:
    await world.see("old", "A")
    world.picture.estate = replace(WATCHED, targets={"older": replace(device("older"), renamed_from="old")}, assets=())
    world.desk = world.made()
    await world.desk.begin()
    assert world.picture.ageing is not None
    assert [piece.target for case in world.picture.ageing.cases for piece in case.pieces] == ["older"]


async def test_what_was_seen_of_a_device_that_is_gone_is_left_out(world: World) -> None:
    world.poll("gone", Fact("battery_replace", True, "x"))
    await world.see("gone", "G")
    assert ("gone" in world.picture.flags, await world.ledger.pieces()) == (False, [])


async def test_a_bug_with_one_device_keeps_its_flags_and_the_others_go_on(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(subject: Subject, policy: HardwarePolicy, today: date) -> Found:
        if subject.name == "old":
            raise ZeroDivisionError
        return judge_condition(subject, policy, today)

    world.desk.judges = Judges((broken,), (broken,))
    world.now += timedelta(days=1)
    bad = Fact("battery_replace", True, "x")
    world.poll("old", bad)
    world.poll("new", bad)
    await world.desk.look()
    assert (world.reasons("old"), world.reasons("new")) == (["age_over_policy"], ["battery_replace"])
    assert world.desk.failures == 2
    assert "old: what its hardware is like could not be worked out" in caplog.text


async def test_a_look_that_fails_is_logged_and_followed_by_another(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(_events: Sequence[Event]) -> None:
        raise ZeroDivisionError

    await world.see("old", "A")
    desk = HardwareDesk(world.picture, world.ledger, judges=judges(Lifecycle()), look_seconds=0.01, tell=fails)
    await desk.begin()
    world.picture.hardware["old"] = Hardware(world.now, (Fact("serial", "B", "x"),))
    running = asyncio.create_task(desk.run())
    try:
        await until(lambda: "could not be worked out" in caplog.text)
        world.poll("new", Fact("battery_replace", True, "x"))
        await until(lambda: "new" in world.picture.flags)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_the_event_stands_in_the_ledger(world: World) -> None:
    pipeline = Pipeline(world.picture, world.ledger, ask=lambda _check: None, local_problem=lambda _check: None)
    desk = HardwareDesk(world.picture, world.ledger, tell=pipeline.told, changed=pipeline.repage)
    for serial in ("A", "B"):
        world.picture.hardware["new"] = Hardware(world.now, (Fact("serial", serial, "x"),))
        await desk.look()
    (event,) = world.picture.events
    assert (event.kind, event.id is not None) == (EventKind.HARDWARE, True)
    assert (
        event.reason
        == "the hardware was replaced: serial number B answers where A did, which was there since 2026-03-01"
    )


async def test_the_report_of_a_small_estate_follows_what_is_seen_and_is_not_half_a_minute_old(world: World) -> None:
    desk = HardwareDesk(world.picture, world.ledger, clock=lambda: world.now)
    await desk.begin()
    world.picture.hardware["new"] = Hardware(world.now, (Fact("serial", "Z", "x"),))

    async def told() -> bool:
        await desk.look()
        assert world.picture.ageing is not None
        return any(case.fact("serial") == "Z" for case in world.picture.ageing.cases)

    deadline = asyncio.get_running_loop().time() + 15  # half of REPORT_SECONDS
    while not await told():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)

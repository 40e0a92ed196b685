"""Windows and notes in a running pipeline: marks and pages as they come and go, also over a restart."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.core import maintenance
from agent.core.hardware_policy import HardwarePolicy
from agent.core.maintenance import Window, WindowKind
from agent.core.model import EventKind, Mark, State
from agent.core.notes import Note, NoteKind
from agent.core.ports import EventFilter
from agent.desk import Desk
from tests.agent.test_pipeline import ESTATE, UP, World
from tests.core.estates import circuit, device, estate
from tests.waiting import until

HOUR = timedelta(hours=1)


def window(begin: timedelta = timedelta(), end: timedelta = HOUR, **more: Any) -> Window:  # noqa: ANN401 - the fields of Window
    now = datetime.now(UTC)
    return Window(
        WindowKind.MAINTENANCE, now + begin, now + end, now, **{"reason": "work", "author": "alice"} | more
    )  # fmt: skip


def desk(world: World) -> Desk:
    return Desk(world.picture, world.ledger, world.pipeline.heard)


def marked(world: World) -> set[str]:
    return {name for name, verdict in world.picture.verdicts.items() if Mark.MAINTENANCE in verdict.marks}


async def marks(world: World) -> list[str]:
    found = await world.ledger.events(EventFilter(kinds=(EventKind.MARK,)))
    return [f"{event.target} {event.old}>{event.new}" for event in found]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path, ESTATE)
    await made.start()
    made.poll("core", UP)
    made.round("wan", "++++++++++")
    made.round("far-sw", "+")
    await made.state("far-sw", State.UP)
    yield made
    await made.stop()


async def cut(world: World) -> None:
    await asyncio.sleep(0.4)  # a burst is a third of a second long, and must not reach back behind what was done before
    world.round("wan", "----", burst=True)
    world.round("far-sw", "----", burst=True)
    await world.state("far-sw", State.UNREACHABLE)


async def test_what_fails_in_a_window_is_paged_when_it_ends_if_it_is_still_down(world: World) -> None:
    taken = await desk(world).add_window(window(targets=("wan",)))
    assert marked(world) == {"wan"}
    await cut(world)
    assert world.begun == []
    assert set(world.picture.open_outages) == {"wan", "far-sw"}
    assert taken.id is not None
    ended = await desk(world).end_window(taken.id, "bob")
    assert ended is not None
    assert ended.cancelled_at is not None
    assert [page.alert for page in world.begun] == ["CircuitDown"]
    assert marked(world) == set()
    assert await marks(world) == ["wan >maintenance", "wan maintenance>"]
    said = [event for event in await world.ledger.events(EventFilter()) if event.kind is EventKind.AGENT]
    assert [(event.new, event.reason) for event in said[-2:]] == [
        ("window added", "alice added maintenance of target wan: work"),
        ("window ended", f"bob ended window {taken.id}: work"),
    ]


async def test_a_page_that_is_open_stays_until_the_target_recovers(world: World) -> None:
    world.picture.ready = True
    await cut(world)
    await desk(world).add_window(window(-HOUR, HOUR, targets=("wan",)))  # said to have begun an hour ago
    assert marked(world) == {"wan"}
    assert [page.target for page in world.begun] == ["wan"]
    assert world.ended == []
    world.round("wan", "++++", burst=True)
    await world.state("wan", State.UP)
    await until(lambda: world.ended)
    await asyncio.sleep(0.4)
    world.round("wan", "----", burst=True)
    await world.state("wan", State.DOWN)
    assert len(world.begun) == 1


async def test_a_window_begins_and_ends_by_the_clock(world: World) -> None:
    await desk(world).add_window(window(timedelta(seconds=1), timedelta(seconds=2.5), targets=("far-sw",)))
    assert marked(world) == set()
    await until(lambda: marked(world) == {"far-sw"})
    await until(lambda: marked(world) == set())
    assert await marks(world) == ["far-sw >maintenance", "far-sw maintenance>"]


async def test_a_clock_stop_and_what_is_over_change_nothing(world: World) -> None:
    await desk(world).add_window(replace(window(targets=("wan",)), kind=WindowKind.CLOCK_STOP))
    await desk(world).add_window(window(-2 * HOUR, -HOUR, targets=("wan",)))
    await cut(world)
    assert (marked(world), [page.target for page in world.begun]) == (set(), ["wan"])
    assert len(world.picture.windows) == 2


async def test_what_cannot_be_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="reason"):
        await desk(world).add_window(window(reason=""))
    past = await desk(world).add_window(window(-2 * HOUR, -HOUR))
    assert past.id is not None
    with pytest.raises(ValueError, match="window 1 is over already"):
        await desk(world).end_window(past.id, "alice")
    assert await desk(world).end_window(99, "alice") is None
    monkeypatch.setattr("agent.desk.MAX_WINDOWS", 1)
    await desk(world).add_window(window(targets=("core",)))
    with pytest.raises(ValueError, match="there are 1 windows that are not over"):
        await desk(world).add_window(window())
    assert maintenance.MAX_WINDOWS == 200


async def test_notes_are_shown_while_their_outage_is_open(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await cut(world)
    outage = world.picture.open_outages["wan"].id
    now = datetime.now(UTC)
    taken = await desk(world).note(Note(outage, NoteKind.ACKNOWLEDGEMENT, now, "alice", ""))
    await desk(world).note(Note(outage, NoteKind.NOTE, now, "bob", "fibre cut"))
    assert taken is not None
    assert [note.author for note in world.picture.notes[outage]] == ["alice", "bob"]
    found = await world.ledger.events(EventFilter(target="wan", kinds=(EventKind.NOTE,)))
    assert [(event.new, event.reason) for event in found] == [("acknowledged", "alice"), ("note", "bob: fibre cut")]
    assert await desk(world).note(Note(99, NoteKind.NOTE, now, "bob", "x")) is None
    with pytest.raises(ValueError, match="text"):
        await desk(world).note(Note(outage, NoteKind.NOTE, now, "bob", ""))
    monkeypatch.setattr("agent.desk.MAX_NOTES", 2)
    with pytest.raises(ValueError, match="has 2 notes: no more are taken"):
        await desk(world).note(Note(outage, NoteKind.NOTE, now, "bob", "x"))
    world.round("wan", "++++", burst=True)
    await until(lambda: "wan" not in world.picture.open_outages)
    assert world.picture.notes == {}
    assert len(await world.ledger.notes([outage])) == 2


async def test_a_restart_within_a_window_pages_nothing_and_tells_nothing(tmp_path: Path) -> None:
    first = World(tmp_path, ESTATE)
    await first.start()
    first.round("wan", "++++++++++")
    await first.state("wan", State.UP)
    await desk(first).add_window(window(targets=("wan", "core")))
    await cut(first)
    await desk(first).note(
        Note(first.picture.open_outages["wan"].id, NoteKind.ACKNOWLEDGEMENT, datetime.now(UTC), "alice", "on it")
    )
    await first.stop()
    second = World(tmp_path, ESTATE)
    await second.start()
    assert marked(second) == {"wan", "core"}  # before the first question is answered
    assert [note.author for notes in second.picture.notes.values() for note in notes] == ["alice"]
    second.round("wan", "----", burst=True)
    await second.state("wan", State.DOWN)
    assert list(second.picture.pages) == []
    assert await marks(second) == ["core >maintenance", "wan >maintenance"]
    await desk(second).end_window(1, "alice")
    assert [page.target for page in second.picture.pages] == ["wan"]
    await second.stop()


async def test_a_page_that_was_open_before_the_window_is_open_after_a_restart(tmp_path: Path) -> None:
    first = World(tmp_path, ESTATE)
    await first.start()
    first.round("wan", "++++++++++")
    await first.state("wan", State.UP)
    await cut(first)
    await desk(first).add_window(window(targets=("wan",)))
    await first.stop()
    second = World(tmp_path, ESTATE)
    await second.start()
    assert (marked(second), [page.target for page in second.picture.pages]) == ({"wan"}, ["wan"])
    await second.stop()


async def test_a_window_that_ended_while_the_agent_was_away(tmp_path: Path) -> None:
    first = World(tmp_path, ESTATE)
    await first.start()
    await desk(first).add_window(window(end=timedelta(seconds=1.5), targets=("wan",)))
    assert marked(first) == {"wan"}
    await first.stop()
    await asyncio.sleep(1.6)
    second = World(tmp_path, ESTATE)
    await second.start()
    assert marked(second) == set()
    assert await marks(second) == ["wan >maintenance", "wan maintenance>"]
    assert [event.target for event in second.picture.events if event.kind is EventKind.MARK] == ["wan", "wan"]
    await second.stop()


async def test_a_reload_holds_the_windows_against_the_new_estate(world: World) -> None:
    await desk(world).add_window(window(targets=("far-sw", "wan")))
    other = estate(circuit("wan"), replace(device("far", "wan"), renamed_from="far-sw"))
    await world.ledger.rename("far-sw", "far")
    await world.pipeline.reconfigure(other)
    assert marked(world) == {"wan", "far"}
    assert await marks(world) == ["far-sw >maintenance", "wan >maintenance"]
    assert world.picture.excuses.keys() == {"wan", "far"}


async def test_a_ticket_without_a_date_stays_open_over_a_restart_in_the_window(tmp_path: Path) -> None:
    old = estate(replace(device("old"), purchased=date(1990, 1, 1)))
    old = replace(old, hardware=HardwarePolicy({"*": 5.0}))
    first = World(tmp_path, old)
    await first.start()
    first.picture.ready = True
    assert [page.alert for page in first.picture.pages] == ["HardwareFlag"]
    await desk(first).add_window(window())
    assert (marked(first), [page.alert for page in first.picture.pages]) == ({"old"}, ["HardwareFlag"])
    await first.stop()
    second = World(tmp_path, old)
    await second.start()
    assert (marked(second), [page.alert for page in second.picture.pages]) == ({"old"}, ["HardwareFlag"])
    second.picture.ready = True
    await asyncio.sleep(0.4)
    second.round("old", "----", burst=True)
    await second.state("old", State.DOWN)
    assert [page.alert for page in second.picture.pages] == ["HardwareFlag"]
    await second.stop()


async def test_a_mark_is_not_told_again_where_the_stamp_of_the_crashed_run_is_older(tmp_path: Path) -> None:
    first = World(tmp_path, ESTATE)
    await first.start()
    await desk(first).add_window(window(targets=("wan",)))
    await first.stop()
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)) as db:
        db.execute("UPDATE runs SET alive_us = started_us, clean = 0")
    second = World(tmp_path, ESTATE)
    await second.start()
    assert marked(second) == {"wan"}
    assert await marks(second) == ["wan >maintenance"]
    await second.stop()

"""What people said, in the ledger: durable or refused, renamed, carried over, and gone with what it was about."""

import asyncio
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.core.maintenance import Window, WindowKind
from agent.core.model import Event, EventKind
from agent.core.notes import Note, NoteKind
from agent.core.ports import EventFilter, NotRecordedError
from agent.ledger import LedgerReader, Retention, SqliteLedger
from agent.ledger.carry import plant, salvage
from agent.ledger.jobs import NoteJob
from agent.ledger.schema import open_for_writing
from agent.ledger.writing import write_events
from tests.agent.ledgers import PATIENT, at, opened, target_event

WINDOW = Window(
    WindowKind.CLOCK_STOP, at(0), at(3600), at(-60), "FREQ=WEEKLY", "Europe/London", ("bcw",), ("ExampleTel",),
    ("sw1", "wan"), "fibre \ud800 work", "alice",
)  # fmt: skip


def told(new: str = "window added", kind: EventKind = EventKind.AGENT) -> Event:
    return Event(kind, at(0), at(0), "dc1", "", new, "alice said so")


def note(outage: int, text: str = "on it", kind: NoteKind = NoteKind.ACKNOWLEDGEMENT) -> Note:
    return Note(outage, kind, at(5), "alice", text)


async def test_a_window_is_written_with_its_event_and_read_back(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        written, event = await ledger.add_window(WINDOW, told())
        assert written == replace(WINDOW, id=1)
        assert (event.id, event.evidence) == (1, (("window", 1.0),))
        once, _ = await ledger.add_window(replace(WINDOW, rule="", sites=(), cancelled_at=at(1)), told())
        assert await ledger.windows() == [replace(written, reason="fibre ? work"), replace(once, reason="fibre ? work")]
        assert await ledger.events(EventFilter()) == [event, replace(event, id=2, evidence=(("window", 2.0),))]
    assert [window.id for window in LedgerReader(tmp_path / "ledger.sqlite").windows()] == [1, 2]


async def test_a_window_is_cancelled_once(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        await ledger.add_window(WINDOW, told())
        assert await ledger.cancel_window(2, at(60), told("window ended")) is None
        done = await ledger.cancel_window(1, at(60), told("window ended"))
        assert done is not None
        assert (done[0].cancelled_at, done[1].new) == (at(60), "window ended")
        assert await ledger.cancel_window(1, at(90), told("window ended")) is None
        assert [window.cancelled_at for window in await ledger.windows()] == [at(60)]
        assert len(await ledger.events(EventFilter())) == 2


async def test_notes_stand_beside_their_outage(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        await ledger.record([target_event("down", 0), target_event("down", 1, target="sw2")])
        said = await ledger.add_note(note(1), told("acknowledged", EventKind.NOTE))
        assert said is not None
        assert (said[0].id, said[1].target, said[1].evidence) == (1, "sw1", (("outage", 1.0),))
        await ledger.add_note(note(2, "x"), told())
        await ledger.add_note(note(1, "cut", NoteKind.NOTE), told())
        assert await ledger.add_note(note(3), told()) is None
        assert [n.text for n in await ledger.notes([1])] == ["on it", "cut"]
        assert [n.text for n in await ledger.notes([*range(2, 1200), 1])] == ["on it", "x", "cut"]
        assert await ledger.notes([]) == []
        kinds = await ledger.events(EventFilter(target="sw1", kinds=(EventKind.NOTE,)))
        assert [event.new for event in kinds] == ["acknowledged"]


async def test_nobody_is_told_no_and_finds_it_in_force_later(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with opened(path, limits=replace(PATIENT, patience_seconds=0.2)) as ledger:
        await ledger.record([target_event("down", 0)])
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for attempt in (
            ledger.add_window(WINDOW, told()),
            ledger.cancel_window(1, at(0), told()),
            ledger.add_note(note(1), told()),
        ):
            with pytest.raises(NotRecordedError, match=r"cannot be written, and nothing was taken: \S+"):
                await attempt
        late = asyncio.create_task(ledger.record([target_event("up", 60)]))
        other.execute("ROLLBACK")
        other.close()
        await late
        while ledger.problem:
            await asyncio.sleep(0.01)
        await ledger.record([target_event("down", 90)])
        assert await ledger.windows() == []
        assert await ledger.notes([1, 2]) == []
        assert [event.kind for event in await ledger.events(EventFilter())] == [EventKind.TARGET] * 3


async def test_a_ledger_that_is_closed_takes_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        pass
    with pytest.raises(NotRecordedError, match="it is closed"):
        await ledger.add_window(WINDOW, told())


async def test_a_renamed_target_is_named_anew_in_windows(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        await ledger.record([target_event("down", 0)])
        await ledger.add_window(WINDOW, told())
        await ledger.add_window(replace(WINDOW, targets=("other",), sites=("sw1",)), told())
        assert await ledger.rename("sw1", "switch1")
        assert [(w.sites, w.targets) for w in await ledger.windows()] == [
            (("bcw",), ("switch1", "wan")), (("switch1",), ("other",)),
        ]  # fmt: skip


async def test_what_is_long_over_goes_with_what_it_was_about(tmp_path: Path) -> None:
    old, now = -4000.0 * 86400, [at(0)]
    path = tmp_path / "ledger.sqlite"
    retention = Retention(events=timedelta(days=100))
    async with opened(path, retention=retention, clock=lambda: now[0]) as ledger:
        await ledger.record([target_event("down", old), target_event("up", old + 60), target_event("down", 0)])
        await ledger.add_note(note(1), told())
        await ledger.add_note(note(2), told())
        once = replace(WINDOW, rule="", begins_at=at(old), ends_at=at(old + 60))
        for window in (
            once,
            replace(once, rule="FREQ=YEARLY"),
            replace(WINDOW, cancelled_at=at(old)),
            replace(once, ends_at=at(0)),
            replace(WINDOW, begins_at=at(-86400), ends_at=at(-80000)),
            WINDOW,
        ):
            await ledger.add_window(window, told())

        async def kept() -> tuple[list[int | None], list[int]]:
            return [w.id for w in await ledger.windows()], [n.outage for n in await ledger.notes([1, 2])]

        for _ in range(2000):
            if await kept() == ([4, 5, 6], [2]):
                break
            await asyncio.sleep(0.01)
        assert await kept() == ([4, 5, 6], [2])


def test_a_new_ledger_takes_over_what_was_said(tmp_path: Path) -> None:
    old = open_for_writing(tmp_path / "old.sqlite")
    write_events(old, [target_event("down", 0), target_event("up", 1), target_event("down", 2)], late=False)
    for outage in (1, 2):
        assert NoteJob(note(outage), told()).apply(old) is not None
    from agent.ledger.said import read_notes, read_windows, write_window

    write_window(old, WINDOW, told())
    new = open_for_writing(tmp_path / "new.sqlite")
    plant(new, salvage(old))
    assert [window.id for window in read_windows(new)] == [1]
    assert [said.outage for said in read_notes(new, [1, 2])] == [2]
    assert SqliteLedger(tmp_path / "x").problem == ""

"""What people said: windows and clock-stops, acknowledgements and notes; written within a caller's transaction."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from agent.core.maintenance import Window, WindowKind
from agent.core.model import Event
from agent.core.notes import Note, NoteKind
from agent.ledger.rows import from_us, text, to_list, to_us
from agent.ledger.writing import write_events

_WINDOW_COLUMNS: Final = (
    "id, kind, began_us, ended_us, rule, zone, sites, suppliers, targets, reason, author, added_us, cancelled_us"
)
_NOTE_COLUMNS: Final = "id, outage, kind, at_us, author, text"
_ASKED_AT_ONCE: Final = 500  # SQLite binds 999 values at least


def write_window(db: sqlite3.Connection, window: Window, event: Event) -> tuple[Window, Event]:
    """Insert a window and its event; return both with their ids, the event with the window's as evidence."""
    number = db.execute(
        "INSERT INTO windows (kind, began_us, ended_us, rule, zone, sites, suppliers, targets, reason, author,"
        " added_us, cancelled_us) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            window.kind.value, to_us(window.begins_at), to_us(window.ends_at), text(window.rule), text(window.zone),
            _names(window.sites), _names(window.suppliers), _names(window.targets), text(window.reason),
            text(window.author), to_us(window.added_at), to_us(window.cancelled_at),
        ),
    ).lastrowid  # fmt: skip
    return replace(window, id=number), _write_event(db, event, "window", number)


def cancel_window(db: sqlite3.Connection, number: int, at: datetime, event: Event) -> tuple[Window, Event] | None:
    """Let a window count no longer; None where there is none, or it was cancelled before."""
    done = db.execute("UPDATE windows SET cancelled_us=? WHERE id=? AND cancelled_us IS NULL", (to_us(at), number))
    if not done.rowcount:
        return None
    row = db.execute(f"SELECT {_WINDOW_COLUMNS} FROM windows WHERE id=?", (number,)).fetchone()  # noqa: S608 - a constant
    return _window_of(row), _write_event(db, event, "window", number)


def read_windows(db: sqlite3.Connection) -> list[Window]:
    """Return all windows, in the order in which they were added."""
    return [_window_of(row) for row in db.execute(f"SELECT {_WINDOW_COLUMNS} FROM windows ORDER BY id")]  # noqa: S608 - a constant


def rename_in_windows(db: sqlite3.Connection, old: str, new: str) -> None:
    """Let windows name a target or a site by its new name."""
    for window in read_windows(db):
        if old in window.sites + window.targets:
            lists = [_names(new if name == old else name for name in names) for names in (window.sites, window.targets)]
            db.execute("UPDATE windows SET sites=?, targets=? WHERE id=?", (*lists, window.id))


def write_note(db: sqlite3.Connection, note: Note, event: Event) -> tuple[Note, Event] | None:
    """Insert a note and its event, which is about the outage's target; None where there is no such outage."""
    found = db.execute("SELECT target FROM outages WHERE id=?", (note.outage,)).fetchone()
    if found is None:
        return None
    number = db.execute(
        "INSERT INTO notes (outage, kind, at_us, author, text) VALUES (?,?,?,?,?)",
        (note.outage, note.kind.value, to_us(note.at), text(note.author), text(note.text)),
    ).lastrowid
    return replace(note, id=number), _write_event(db, replace(event, target=found[0]), "outage", note.outage)


def read_notes(db: sqlite3.Connection, outages: Sequence[int]) -> list[Note]:
    """Return the notes of these outages, in the order in which they were written."""
    found: list[Note] = []
    for start in range(0, len(outages), _ASKED_AT_ONCE):
        part = outages[start : start + _ASKED_AT_ONCE]
        marks = ",".join("?" * len(part))
        found += [
            _note_of(row)
            for row in db.execute(f"SELECT {_NOTE_COLUMNS} FROM notes WHERE outage IN ({marks})", tuple(part))  # noqa: S608 - values are bound
        ]
    return sorted(found, key=lambda note: note.id or 0)


def _write_event(db: sqlite3.Connection, event: Event, name: str, number: int | None) -> Event:
    evidence = ((name, float(number or 0)), *event.evidence)
    return write_events(db, [replace(event, evidence=evidence)], late=False)[0]


def _names(names: Iterable[str]) -> str:
    return to_list(map(text, names))


def _window_of(row: tuple[Any, ...]) -> Window:
    number, kind, began, ended, rule, zone, sites, suppliers, targets, reason, author, added, cancelled = row
    return Window(
        WindowKind(kind), from_us(began), from_us(ended), from_us(added), rule, zone, tuple(json.loads(sites)),
        tuple(json.loads(suppliers)), tuple(json.loads(targets)), reason, author, from_us(cancelled), number,
    )  # fmt: skip


def _note_of(row: tuple[Any, ...]) -> Note:
    number, outage, kind, at, author, words = row
    return Note(outage, NoteKind(kind), from_us(at), author, words, number)

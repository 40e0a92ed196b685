"""What waits for the writer: each a piece of work for one transaction, and the future of whoever waits for it."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from typing import Generic, TypeVar

from agent.core.hardware import Piece, Wear
from agent.core.maintenance import Window
from agent.core.model import Event
from agent.core.notes import Note
from agent.core.ports import Blind, DetectorState, NotRecordedError
from agent.ledger.said import cancel_window, rename_in_windows, write_note, write_window
from agent.ledger.writing import rename, write_blind, write_detectors, write_events, write_pieces, write_wear

T = TypeVar("T")


class Job(ABC, Generic[T]):
    """One piece of work. What it shares with the caller is guarded by the writer's lock.

    Attributes:
        weight: what it counts against the bound of the queue.
        given_up: whoever waited has been told "late"; what is written after that is marked so.
    """

    def __init__(self) -> None:
        self.weight = 1
        self.future: Future[T] = Future()
        self.given_up = False

    @abstractmethod
    def apply(self, db: sqlite3.Connection) -> T:
        """Do the work within the caller's transaction. May be run again after a rollback."""

    @abstractmethod
    def unwritten(self) -> T:
        """Return what the caller gets while the ledger cannot be written."""

    def late_ids(self, result: T) -> Sequence[int]:  # noqa: ARG002 - only events are marked
        """Return the ids still to be marked late, where the caller was told so while the commit was under way."""
        return ()

    def give_up(self) -> None:
        """Answer the caller, if nobody has yet."""
        if not self.future.done():
            self.given_up = True
            self.future.set_result(self.unwritten())

    def finish(self, result: T) -> Sequence[int]:
        """Answer the caller with the result of the commit; return the ids still to be marked late."""
        if self.given_up:
            return self.late_ids(result)
        self.future.set_result(result)
        return ()


class EventsJob(Job[Sequence[Event]]):
    """Events to write."""

    def __init__(self, events: Sequence[Event]) -> None:
        super().__init__()
        self.events = tuple(events)
        self.weight = len(self.events)

    def apply(self, db: sqlite3.Connection) -> Sequence[Event]:
        """Insert them."""
        return write_events(db, self.events, late=self.given_up)

    def unwritten(self) -> Sequence[Event]:
        """Return them without ids, marked late."""
        return [replace(event, late=True) for event in self.events]

    def late_ids(self, result: Sequence[Event]) -> Sequence[int]:
        """Return the ids of those that were written unmarked."""
        return [event.id for event in result if event.id is not None and not event.late]


class BlindJob(Job[None]):
    """The start or the end of a blind span; it has its own stamps, and is never marked."""

    def __init__(self, blind: Blind) -> None:
        super().__init__()
        self.blind = blind

    def apply(self, db: sqlite3.Connection) -> None:
        """Write it."""
        write_blind(db, self.blind)

    def unwritten(self) -> None:
        """Return nothing: it is written later."""


class DetectorsJob(Job[None]):
    """What detectors have learnt; the next snapshot comes in ten minutes, so that nothing is kept for it."""

    def __init__(self, states: Sequence[DetectorState]) -> None:
        super().__init__()
        self.states = tuple(states)

    def apply(self, db: sqlite3.Connection) -> None:
        """Write them."""
        write_detectors(db, self.states)

    def unwritten(self) -> None:
        """Return nothing: it is written later."""


class PiecesJob(Job[None]):
    """Pieces of hardware: when each was seen first and last, and when another took its place."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        super().__init__()
        self.pieces = tuple(pieces)

    def apply(self, db: sqlite3.Connection) -> None:
        """Write them."""
        write_pieces(db, self.pieces)

    def unwritten(self) -> None:
        """Return nothing: it is written later."""


class RenameJob(Job[bool]):
    """A target that got another name."""

    def __init__(self, old: str, new: str, now: datetime) -> None:
        super().__init__()
        self.names = (old, new)
        self.now = now

    def apply(self, db: sqlite3.Connection) -> bool:
        """Carry its history over."""
        if not rename(db, *self.names, self.now):
            return False
        rename_in_windows(db, *self.names)
        return True

    def unwritten(self) -> bool:
        """Return that nothing is known yet of a history under the old name."""
        return False


class SaidJob(Job[T | None]):
    """What a person says: taken at once, or refused. Nobody is told "no" and finds it in force an hour later."""

    def apply(self, db: sqlite3.Connection) -> T | None:
        """Write it, unless its author was told that it cannot be."""
        return None if self.given_up else self.write(db)

    @abstractmethod
    def write(self, db: sqlite3.Connection) -> T | None:
        """Write it; None where what it is about is not there."""

    def unwritten(self) -> None:
        """Return nothing: whoever waits gets an exception."""

    def give_up(self) -> None:
        """Refuse it, if nobody has answered yet."""
        if not self.future.done():
            self.given_up = True
            self.future.set_exception(NotRecordedError("the ledger cannot be written"))


class WindowJob(SaidJob[tuple[Window, Event]]):
    """A window to write, with its event."""

    def __init__(self, window: Window, event: Event) -> None:
        super().__init__()
        self.window, self.event = window, event

    def write(self, db: sqlite3.Connection) -> tuple[Window, Event]:
        """Insert both."""
        return write_window(db, self.window, self.event)


class CancelJob(SaidJob[tuple[Window, Event]]):
    """A window that counts no longer."""

    def __init__(self, number: int, at: datetime, event: Event) -> None:
        super().__init__()
        self.number, self.at, self.event = number, at, event

    def write(self, db: sqlite3.Connection) -> tuple[Window, Event] | None:
        """Write from when on."""
        return cancel_window(db, self.number, self.at, self.event)


class NoteJob(SaidJob[tuple[Note, Event]]):
    """An acknowledgement or a note, with its event."""

    def __init__(self, note: Note, event: Event) -> None:
        super().__init__()
        self.note, self.event = note, event

    def write(self, db: sqlite3.Connection) -> tuple[Note, Event] | None:
        """Insert both."""
        return write_note(db, self.note, self.event)


class WearJob(Job[None]):
    """What days did to hardware."""

    def __init__(self, values: Sequence[Wear]) -> None:
        super().__init__()
        self.values = tuple(values)

    def apply(self, db: sqlite3.Connection) -> None:
        """Write it."""
        write_wear(db, self.values)

    def unwritten(self) -> None:
        """Return nothing: it is written later."""

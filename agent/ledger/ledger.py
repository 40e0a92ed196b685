"""The ledger as the agent sees it: coroutines, with one writer thread and one reader thread behind them."""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, TypeVar

from agent.core.hardware import Piece, Wear
from agent.core.maintenance import Window
from agent.core.model import Event, Outage, Round
from agent.core.notes import Note
from agent.core.ports import Blind, DetectorState, EventFilter, NotRecordedError, Resumed
from agent.ledger.errors import LedgerError
from agent.ledger.jobs import (
    BlindJob,
    CancelJob,
    DetectorsJob,
    EventsJob,
    Job,
    NoteJob,
    PiecesJob,
    RenameJob,
    SaidJob,
    WearJob,
    WindowJob,
)
from agent.ledger.limits import Limits
from agent.ledger.lock import LedgerLock
from agent.ledger.reading import LedgerReader
from agent.ledger.retention import Retention
from agent.ledger.writer import Writer

FILE_NAME: Final = "ledger.sqlite"
_CLOSE_SECONDS: Final = 4.0  # of the five that systemd is promised for a stop
T = TypeVar("T")


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class LedgerStats:
    """What the agent exposes about its ledger.

    Attributes:
        waiting_events: not on disk yet (and, where `problem` is set, to be written late).
        dropped_events: lost because more waited than can be kept; the ledger holds an event that says so.
    """

    problem: str
    waiting_events: int
    waiting_rounds: int
    dropped_events: int
    dropped_rounds: int
    events_written: int
    rounds_written: int


class SqliteLedger:
    """`agent.core.ports.Ledger` in one SQLite file.

    Args:
        path: of the file; its directory must exist.
        agent: target of the events that the ledger writes about itself.
        clock: for the stamps "alive" and the age of what is deleted.
    """

    def __init__(self, path: Path, *, retention: Retention | None = None, clock: Callable[[], datetime] = _utc_now,
                 agent: str = "agent", limits: Limits | None = None) -> None:  # fmt: skip
        self._path = path
        self._limits = limits or Limits()
        self._clock = clock
        self._lock = LedgerLock(path)
        self._writer = Writer(path, retention=retention or Retention(), clock=clock, agent=agent, limits=self._limits)
        self._reader = LedgerReader(path)
        self._readers = ThreadPoolExecutor(1, thread_name_prefix="ledger-reader")

    async def open(self) -> None:
        """Open or begin the file, and begin a run in it.

        A damaged file is moved aside and a new one begun (`take_notices`). A disk that cannot be written now (full,
        failing, remounted read-only) is no refusal: `problem` tells, and the ledger goes on trying.

        Raises:
            LedgerTooNewError: written by a later version.
            LedgerInUseError: another agent writes to it.
            LedgerError: whatever else waiting will not mend; the text says what will.
        """
        self._refuse_hopeless()
        self._lock.acquire()
        self._writer.start()
        try:
            await asyncio.wrap_future(self._writer.opened)
        except LedgerError:
            self._lock.release()
            raise

    def _refuse_hopeless(self) -> None:
        folder = self._path.parent
        if not folder.is_dir():
            raise LedgerError(f"{folder}: no such directory for the ledger; create it, or correct state_dir")
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            return  # a disk that failed and was remounted: may be mended while the agent runs
        for place in (folder, self._path):
            if place.exists() and not os.access(place, os.W_OK):
                raise LedgerError(f"{place}: not writable by this user (uid {os.geteuid()}); the ledger needs it")

    @property
    def path(self) -> Path:
        """Where the ledger is."""
        return self._path

    @property
    def problem(self) -> str:
        """Why nothing can be written now; empty when it can."""
        return self._writer.problem

    @property
    def stats(self) -> LedgerStats:
        """Counters and queue lengths."""
        events, rounds, dropped = self._writer.waiting
        return LedgerStats(
            problem=self._writer.problem, waiting_events=events, waiting_rounds=rounds, dropped_events=dropped,
            dropped_rounds=self._writer.dropped_rounds, events_written=self._writer.events_written,
            rounds_written=self._writer.rounds_written,
        )  # fmt: skip

    def take_notices(self) -> list[Event]:
        """Return, once, the events that the ledger wrote about itself: moved aside, vanished, events lost."""
        return self._writer.take_notices()

    async def resume(self) -> Resumed:
        """Return the last states and open outages, and how and when the former run ended."""
        try:
            known = await self._read(self._reader.states)
        except LedgerError:
            if not self.problem:
                raise
            known = Resumed()
        if self._writer.former is None:  # never opened for writing: the run that was read is the former one
            return known
        alive_until, clean = self._writer.former
        return replace(known, alive_until=alive_until, clean=clean)

    async def record(self, events: Sequence[Event]) -> Sequence[Event]:
        """Write events durably and return them with their ids; late and without ids where that cannot be done now.

        Raises:
            TypeError, ValueError: for values that no ledger can hold (a time without zone, a state that is none).
        """
        if not events:
            return []
        return await self._submit(EventsJob(events))

    async def record_rounds(self, rounds: Sequence[Round]) -> None:
        """Queue raw rounds; they are written within about a second."""
        self._writer.add_rounds(rounds)

    async def record_blind(self, blind: Blind) -> None:
        """Write the start (`ended_at` None) or the end of a blind span."""
        await self._submit(BlindJob(blind))

    async def record_detectors(self, states: Sequence[DetectorState]) -> None:
        """Keep what detectors have learnt, each instead of its former state."""
        if states:
            await self._submit(DetectorsJob(states))

    async def detectors(self, only: str | None = None) -> Sequence[DetectorState]:
        """Return what one detector had learnt, or all, in order of targets."""
        return await self._read(lambda: self._reader.detectors(only))

    async def record_pieces(self, pieces: Sequence[Piece]) -> None:
        """Keep pieces of hardware, each instead of what was known of it by its name and first moment."""
        if pieces:
            await self._submit(PiecesJob(pieces))

    async def pieces(self) -> Sequence[Piece]:
        """Return all pieces of hardware, by name, of each name in the order of their coming."""
        return await self._read(self._reader.pieces)

    async def rename(self, old: str, new: str) -> bool:
        """Let the history of `old` continue under `new`; return whether there was any. Done before: does nothing."""
        return await self._submit(RenameJob(old, new, self._clock()))

    async def add_window(self, window: Window, event: Event) -> tuple[Window, Event]:
        """Write a window and the event that tells of it, durably; return both with their ids.

        Raises:
            NotRecordedError: it cannot be written now, and nothing was taken.
        """
        written = await self._say(WindowJob(window, event))
        assert written is not None
        return written

    async def cancel_window(self, number: int, at: datetime, event: Event) -> tuple[Window, Event] | None:
        """Write that a window counts no longer, from `at` on; None where there is none, or it was cancelled before.

        Raises:
            NotRecordedError: as for `add_window`.
        """
        return await self._say(CancelJob(number, at, event))

    async def windows(self) -> Sequence[Window]:
        """Return all windows that are kept, in the order in which they were added."""
        return await self._read(self._reader.windows)

    async def add_note(self, note: Note, event: Event) -> tuple[Note, Event] | None:
        """Write a note and the event that tells of it, durably; None where there is no such outage.

        Raises:
            NotRecordedError: as for `add_window`.
        """
        return await self._say(NoteJob(note, event))

    async def notes(self, outages: Sequence[int]) -> Sequence[Note]:
        """Return the notes of these outages, in the order in which they were written."""
        return await self._read(lambda: self._reader.notes(outages))

    async def _say(self, job: SaidJob[T]) -> T | None:
        try:
            return await self._submit(job)
        except NotRecordedError as error:
            raise NotRecordedError(f"{error}, and nothing was taken: {self.problem or 'it is closed'}") from None

    async def events(self, wanted: EventFilter) -> Sequence[Event]:
        """Return the newest `wanted.limit` events that match, oldest first; former names of a target count."""
        return await self._read(lambda: self._reader.events(wanted))

    async def outages(self, *, target: str | None = None, open_only: bool = False, since: datetime | None = None,
                      limit: int = 1000) -> Sequence[Outage]:  # fmt: skip
        """Return the newest `limit` outages, oldest first; `since` keeps those that had not ended by then."""
        return await self._read(
            lambda: self._reader.outages(target=target, open_only=open_only, since=since, limit=limit)
        )

    async def blind(self, since: datetime, until: datetime) -> Sequence[Blind]:
        """Return the blind spans that overlap [since, until), oldest first."""
        return await self._read(lambda: self._reader.blind(since, until))

    async def rounds(self, target: str, check: str, since: datetime, until: datetime) -> Sequence[Round]:
        """Return the raw rounds of a check that began in [since, until), in order of time."""
        return await self._read(lambda: self._reader.rounds(target, check, since, until))

    async def record_wear(self, values: Sequence[Wear]) -> None:
        """Keep what days did to hardware, each instead of its former value."""
        if values:
            await self._submit(WearJob(values))

    async def wear(self, since: date, target: str | None = None) -> Sequence[Wear]:
        """Return what is kept of that day and of later ones, by target, item and day; of one target, or of all."""
        return await self._read(lambda: self._reader.wear(since, target))

    async def close(self) -> None:
        """Write what waits and the mark of a clean end."""
        await asyncio.to_thread(self._writer.stop, _CLOSE_SECONDS)
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._lock.release()

    async def _submit(self, job: Job[T]) -> T:
        future: Future[T] = self._writer.submit(job)
        # A caller that is cancelled does not take the job with it: what has happened is written.
        waiting = asyncio.wrap_future(future)
        try:
            async with asyncio.timeout(self._limits.patience_seconds):
                return await asyncio.shield(waiting)
        except TimeoutError:
            self._writer.give_up()
            return await asyncio.shield(waiting)

    async def _read(self, ask: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, ask)

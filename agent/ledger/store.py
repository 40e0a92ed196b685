"""The file under the writer: opened, checked, moved aside when damaged, begun anew when it vanished."""

import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from agent.core.model import Event, EventKind
from agent.ledger.carry import Carried, plant, salvage
from agent.ledger.errors import is_corrupt
from agent.ledger.reading import read_last_run
from agent.ledger.schema import file_identity, move_aside, open_for_writing
from agent.ledger.writing import begin_run, write_events

_log: Final = logging.getLogger(__name__)
_NOTICES: Final = 100  # kept for the agent to collect; all of them are in the ledger


class _Succession(NamedTuple):
    """What a new ledger takes over from one that was lost, and what it says of it."""

    carried: Carried
    notice: str
    reason: str


class Store:
    """One connection and the run that writes through it. Belongs to the writer's thread.

    Attributes:
        former: until when the last run was alive and whether it ended by itself; None until the file was first opened.
        generation: how many files there have been.
        notices: events that the store wrote of its own accord (appending and popping are atomic).
    """

    def __init__(self, path: Path, *, agent: str, clock: Callable[[], datetime]) -> None:
        self._path = path
        self._agent = agent
        self._clock = clock
        self._db: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._succession: _Succession | None = None
        self.run = 0
        self.generation = 0
        self.former: tuple[datetime | None, bool] | None = None
        self.notices: deque[Event] = deque(maxlen=_NOTICES)

    @property
    def db(self) -> sqlite3.Connection:
        """The open connection."""
        assert self._db is not None
        return self._db

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._db is not None

    def vanished(self) -> bool:
        """Return whether the open file is no longer the one that has the name."""
        return self._db is not None and file_identity(self._path) != self._identity

    def ensure_open(self) -> None:
        """Open the file if it is not, and see to it that the open file is the one that has the name.

        Raises:
            LedgerError: it is refused (later version, another program's).
            sqlite3.Error, OSError: it cannot be opened now.
        """
        if self.vanished():
            # What is written now would be gone with the unlinked file: "on disk" must mean the file that one finds.
            carried = salvage(self.db)
            self.close()
            self._succession = _Succession(
                carried, "ledger_vanished", f"{self._path} was removed or replaced while the agent was writing to it; "
                "a new ledger was begun, open outages and states were carried over",
            )  # fmt: skip
            _log.error("ledger %s vanished while the agent was writing to it; a new one is begun", self._path)
        if self._db is None:
            try:
                self._open()
            except Exception as error:
                if not is_corrupt(error):
                    raise
                self.replace(error)

    def replace(self, error: BaseException) -> None:
        """Move a damaged file aside and begin a new one with what could be saved of it."""
        carried = salvage(self._db if self._db is not None else self._path)
        if self._succession is not None:  # the second loss in a row: what the first one left counts too
            carried = {**self._succession.carried, **carried}
        self.close()
        aside = move_aside(self._path, self._clock())
        _log.error("ledger %s is damaged (%s): moved aside to %s, a new one is begun", self._path, error, aside.name)
        saved = "open outages and states were carried over" if carried else "nothing could be carried over"
        self._succession = _Succession(
            carried, "ledger_moved_aside",
            f"{self._path} was damaged ({error}) and was moved aside to {aside.name}; a new ledger was begun, {saved}",
        )  # fmt: skip
        self._open()

    def _open(self) -> None:
        # the whole check is for the start of the agent: within a run, damage shows itself where it is met
        db = self._db = open_for_writing(self._path, check=self.former is None)
        self._identity = file_identity(self._path)
        succession, written = self._succession, []
        try:
            with self.transaction(durable=True):
                if succession is not None:
                    plant(db, succession.carried)
                if self.former is None:
                    self.former = read_last_run(db)
                if not self.run or succession is not None:
                    self.run = begin_run(db, self._clock())
                if succession is not None:
                    written = self._write_notice(db, succession.notice, succession.reason)
        except BaseException:
            self.close()
            raise
        if succession is not None:
            self._succession = None
            self.generation += 1
        self.notices.extend(written)

    def _write_notice(self, db: sqlite3.Connection, new: str, reason: str) -> list[Event]:
        now = self._clock()
        event = Event(EventKind.AGENT, at=now, noticed_at=now, target=self._agent, old="", new=new, reason=reason)
        return write_events(db, [event], late=False)

    def notice(self, new: str, reason: str) -> None:
        """Write an event about the ledger itself, in a transaction of its own."""
        with self.transaction(durable=True) as db:
            written = self._write_notice(db, new, reason)
        self.notices.extend(written)

    def newest_event(self) -> int:
        """Return the highest event id; 0 where there is none."""
        return int(self.db.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0])

    @contextmanager
    def transaction(self, *, durable: bool) -> Iterator[sqlite3.Connection]:
        """Commit what is done within, or roll all of it back. `durable`: on disk when it returns (synchronous=FULL)."""
        db = self.db
        db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # the first error tells what happened
                if db.in_transaction:
                    db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the connection; what is committed stays."""
        db, self._db = self._db, None
        if db is not None:
            with suppress(sqlite3.Error):
                db.close()

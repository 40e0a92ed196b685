"""The one thread that writes: takes what waits, commits it together, and keeps what cannot be written.

Everything that callers wait for at the same time goes to disk in one transaction (group commit): one fsync serves all
of them. Raw rounds and the stamp "alive" follow in transactions without an fsync of their own.
"""

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from agent.core.model import Event, Round
from agent.ledger.errors import LedgerError, is_corrupt, is_passing, surroundings_text
from agent.ledger.jobqueue import JobQueue
from agent.ledger.jobs import Job
from agent.ledger.limits import Limits
from agent.ledger.retention import Retention, prune
from agent.ledger.store import Store
from agent.ledger.writing import CheckIds, keep_alive, mark_late, write_rounds

_log: Final = logging.getLogger(__name__)
_GROUP_EVENTS: Final = 2_000  # one transaction at most: some 50 ms, so that the first waits no longer than that
_ROUNDS_A_TIME: Final = 2_000  # some 20 ms, the longest that an event waits behind rounds
_REPLACE_SECONDS: Final = 60.0  # a disk that damages one file after the other is a problem to tell, not to chase
T = TypeVar("T")


class Writer:
    """The writer's thread, and what it shares with callers on the event loop (under one lock)."""

    def __init__(self, path: Path, *, retention: Retention, clock: Callable[[], datetime], agent: str,
                 limits: Limits) -> None:  # fmt: skip
        self._path = path
        self._retention = retention
        self._clock = clock
        self._limits = limits
        self._store = Store(path, agent=agent, clock=clock)
        self._wake = threading.Condition()
        self._jobs = JobQueue(limits.events)
        self._rounds: deque[Round] = deque()
        self._check_ids: CheckIds = {}
        self._stopping = False
        self._problem = ""
        self._singly = 0  # so many of the next jobs are written one by one: one of them is bad
        self._late_ids: list[int] = []  # written unmarked, while the caller had already been told "late"
        self._unsure: tuple[int, int, Sequence[Job[Any]]] | None = None  # file, newest event, jobs of a failed COMMIT
        self._dropped_told = 0
        self._replaced_at = -_REPLACE_SECONDS
        self._retry_at = self._tick_at = self._prune_at = 0.0
        self.dropped_rounds = 0
        self.events_written = 0
        self.rounds_written = 0
        self.opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._main, name="ledger-writer", daemon=True)

    # ------------------------------------------------------------ called from the event loop

    def start(self) -> None:
        """Start the thread; `opened` tells when the file is open, or refused, or found unwritable (a problem)."""
        self._thread.start()

    @property
    def problem(self) -> str:
        """Why nothing can be written; empty when it can."""
        return self._problem

    @property
    def former(self) -> tuple[datetime | None, bool] | None:
        """The former run's last stamp and whether it ended by itself; None while the file was never open."""
        return self._store.former

    @property
    def waiting(self) -> tuple[int, int, int]:
        """Events that wait, rounds that wait, events dropped."""
        with self._wake:
            return self._jobs.weight, len(self._rounds), self._jobs.dropped_events

    def take_notices(self) -> list[Event]:
        """Return, once, the events that the ledger wrote about itself."""
        taken = []
        while self._store.notices:
            taken.append(self._store.notices.popleft())
        return taken

    def submit(self, job: Job[T]) -> Future[T]:
        """Queue a job; its future is done at once where nothing can be written now."""
        with self._wake:
            self._jobs.put(job)
            if self._problem or self._stopping or not self._thread.is_alive():
                job.give_up()
            else:
                self._wake.notify()
        return job.future

    def give_up(self) -> None:
        """Stop waiting for a commit that takes too long: it is written all the same, and marked late."""
        with self._wake:
            seconds = self._limits.patience_seconds
            self._problem = self._problem or f"{self._path}: the disk has not taken a write for {seconds:g} s"
            self._jobs.give_up()

    def add_rounds(self, rounds: Sequence[Round]) -> None:
        """Queue rounds; past the limit the oldest are dropped and counted."""
        with self._wake:
            self._rounds.extend(rounds)
            while len(self._rounds) > self._limits.rounds:
                self._rounds.popleft()
                self.dropped_rounds += 1

    def stop(self, timeout_seconds: float) -> bool:
        """Write what waits, set the clean mark, end the thread; return whether that was done in time. Blocking."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    # ------------------------------------------------------------ the thread

    def _main(self) -> None:
        try:
            self._store.ensure_open()
        except LedgerError as error:
            self._store.close()
            self.opened.set_exception(error)
            return
        except Exception as error:  # whatever it is: the agent goes on, and the problem is told
            self._failed(error)
        self.opened.set_result(None)
        while not self._wait():
            if not self._problem or time.monotonic() >= self._retry_at:
                self._turn()
        self._turn()
        self._end()

    def _wait(self) -> bool:
        """Wait for work or the time of the next; return whether to stop."""
        due = self._retry_at if self._problem else min(self._tick_at, self._prune_at)
        with self._wake:
            self._wake.wait_for(
                lambda: self._stopping or (len(self._jobs) and not self._problem), max(0.0, due - time.monotonic())
            )
            return self._stopping

    def _turn(self) -> None:
        try:
            self._store.ensure_open()
            self._settle_unsure()
            while self._write_group():
                pass
            self._mark_late()
            self._recovered()
            if time.monotonic() >= self._tick_at or self._stopping:
                self._tick()
            if time.monotonic() >= self._prune_at and not self._stopping:
                with self._store.transaction(durable=False) as db:
                    more = prune(db, self._retention, self._clock())
                self._prune_at = time.monotonic() + (0.01 if more else self._limits.prune_seconds)
        except Exception as error:  # the thread must go on: the record hangs on it
            self._failed(error)

    def _write_group(self) -> bool:
        """Write the oldest jobs in one transaction; return whether there were any."""
        with self._wake:
            group = self._jobs.take_in_hand(0 if self._singly else _GROUP_EVENTS)
        if not group:
            return False
        self._singly = max(0, self._singly - 1)
        try:
            self._store.ensure_open()
            results = self._commit(group)
        except Exception as error:
            if surroundings_text(error) is not None or is_corrupt(error):
                raise
            self._refuse(group, error)
            return True
        if self._store.vanished():
            return True  # ... while it was written to: once more, into the new one
        with self._wake:
            self._jobs.done()
            for job, result in zip(group, results, strict=True):
                self._late_ids += job.finish(result)
        return True

    def _commit(self, group: Sequence[Job[Any]]) -> list[Any]:
        newest = self._store.newest_event()
        with self._store.transaction(durable=True) as db:
            results = [job.apply(db) for job in group]
            self._unsure = (self._store.generation, newest, group)
        self._unsure = None
        self.events_written += sum(job.weight for job in group)
        return results

    def _refuse(self, group: Sequence[Job[Any]], error: Exception) -> None:
        """Handle a value that no ledger can hold: find it by writing one by one, and tell the one who brought it."""
        self._unsure = None
        if len(group) > 1:
            self._singly = len(group)
            return
        with self._wake:
            self._jobs.done()
            if group[0].given_up:
                _log.error("a late entry cannot be written and is left out", exc_info=error)
            else:
                group[0].future.set_exception(error)

    def _settle_unsure(self) -> None:
        """After a COMMIT that failed: where the file has it all the same, do not write it a second time.

        A failed fsync leaves a complete transaction in the WAL, which the next opening may or may not find there.
        """
        if self._unsure is None:
            return
        generation, newest, group = self._unsure
        db = self._store.db
        ids = [row[0] for row in db.execute("SELECT id FROM events WHERE id > ?", (newest,))]
        if ids and generation == self._store.generation:
            with self._store.transaction(durable=True):
                mark_late(db, ids)
            with self._wake:
                self._jobs.discard(group)
        self._unsure = None

    def _mark_late(self) -> None:
        with self._wake:
            ids, self._late_ids = self._late_ids, []
        if ids:
            with self._store.transaction(durable=True) as db:
                mark_late(db, ids)

    def _tick(self) -> None:
        """Write rounds and the stamp, then wait for the next second; more rounds follow after what is more urgent."""
        with self._wake:
            rounds = [self._rounds.popleft() for _ in range(min(_ROUNDS_A_TIME, len(self._rounds)))]
            more = bool(self._rounds)
        try:
            self._write_rounds(rounds)
        except sqlite3.Error:
            with self._wake:
                self._rounds.extendleft(reversed(rounds))
            raise
        self._tick_at = time.monotonic() + (0.0 if more else self._limits.alive_seconds)

    def _write_rounds(self, rounds: Sequence[Round]) -> None:
        try:
            with self._store.transaction(durable=False) as db:
                fresh = write_rounds(db, rounds, self._check_ids)
                keep_alive(db, self._store.run, self._clock())
            self._check_ids |= fresh  # not before the commit: what is rolled back is not there
            self.rounds_written += len(rounds)
        except (ValueError, TypeError):  # a round that cannot be packed is a bug of its source
            _log.exception("a round cannot be written and is left out")
            if len(rounds) == 1:
                self.dropped_rounds += 1
                return
            for half in (rounds[: len(rounds) // 2], rounds[len(rounds) // 2 :]):
                self._write_rounds(half)

    def _recovered(self) -> None:
        with self._wake:
            problem, self._problem = self._problem, ""
            dropped = self._jobs.dropped_events - self._dropped_told
        if problem:
            _log.warning("ledger can be written again (%s)", problem)
        if dropped:
            self._store.notice("events_lost", f"{dropped} events could not be kept while the ledger could not be "
                                              f"written: {problem or 'too many at once'}")  # fmt: skip
            self._dropped_told += dropped

    def _failed(self, error: Exception) -> None:
        """Answer all who wait, keep what they brought, try again later."""
        self._check_ids.clear()  # another file may take the place of this one
        words = surroundings_text(error)
        if is_corrupt(error) and time.monotonic() - self._replaced_at > _REPLACE_SECONDS:
            self._replaced_at = time.monotonic()
            try:
                self._store.replace(error)
                return
            except Exception as second:  # told below
                words = f"damaged ({error}), and no new one can be begun: {surroundings_text(second) or second}"
        elif words is None:
            _log.error("the ledger's writer failed", exc_info=error)
            words = f"{type(error).__name__}: {error}"
        if not is_passing(error):
            self._store.close()  # a connection that met such an error is not to be trusted
        with self._wake:
            if not self._problem:
                _log.error("ledger %s cannot be written: %s", self._path, words)
            self._problem = f"{self._path}: {words}"
            self._jobs.release()
            self._jobs.give_up()
            self._retry_at = time.monotonic() + self._limits.retry_seconds

    def _end(self) -> None:
        if self._store.is_open and not self._problem:
            try:
                with self._store.transaction(durable=True) as db:
                    keep_alive(db, self._store.run, self._clock(), clean=True)
            except sqlite3.Error as error:
                _log.error("ledger %s: the end of the run cannot be written: %s", self._path, error)
        self._store.close()
        with self._wake:
            if self._jobs.weight:
                _log.error("ledger %s: %d late events are lost: %s", self._path, self._jobs.weight, self._problem)

"""Cadence, and nothing else: when a check is due, its job says so and returns.

APScheduler 3 runs on the wall clock. After a step of that clock every job is set anew (`reschedule`).
"""

import hashlib
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from agent.core.model import Check

_LATE_SECONDS = 1.0  # a poll that begins so late says so; the scheduler itself needs some 0.2 ms
_FIRST_SPREAD_SECONDS = 5.0  # the first polls after a start: soon, and not all in one instant


class Schedule:
    """One job per check that is asked now and then."""

    def __init__(self, due: Callable[[Check], None], on_late: Callable[[], None] = lambda: None) -> None:
        """Take what is to be told.

        Args:
            due: told of each check that is due.
            on_late: told when a job runs more than a second after its time, or is merged with a later one.
        """
        self._on_late = on_late
        self._due = due
        self._checks: dict[str, Check] = {}
        # APScheduler's own grace of 1 s would let late runs vanish without a word
        defaults = {"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
        self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults=defaults)
        self._scheduler.add_listener(self._missed, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
        logging.getLogger("apscheduler").setLevel(logging.WARNING)

    def start(self) -> None:
        """Start on the running event loop."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop; what was due is not run any more."""
        if self._scheduler.running:
            # unless paused, it may start one more job before it shuts down, and cancel it with a traceback in the log
            self._scheduler.pause()
            self._scheduler.shutdown(wait=False)

    def configure(self, checks: Iterable[Check]) -> None:
        """Schedule these checks and no others; one that stays as it was keeps its phase."""
        wanted = {f"{check.target}/{check.name}": check for check in checks}
        for key in self._checks.keys() - wanted.keys():
            self._scheduler.remove_job(key)
        for key, check in wanted.items():
            if self._checks.get(key) != check:
                self._add(key, check)
        self._checks = wanted

    def reschedule(self) -> None:
        """Set every job anew from now: the wall clock was stepped."""
        for key, check in self._checks.items():
            self._add(key, check)

    def _add(self, key: str, check: Check) -> None:
        now = datetime.now(UTC)
        first = now + timedelta(seconds=_phase(key) * min(check.interval_seconds, _FIRST_SPREAD_SECONDS))
        trigger = IntervalTrigger(seconds=check.interval_seconds, start_date=first, timezone=UTC)

        async def due() -> None:  # a coroutine, because APScheduler runs a plain function in a thread
            behind = (datetime.now(UTC) - first).total_seconds() % check.interval_seconds
            if _LATE_SECONDS < behind < check.interval_seconds - _LATE_SECONDS:
                self._on_late()
            self._due(check)

        self._scheduler.add_job(due, trigger, id=key, name=key, replace_existing=True, next_run_time=first)

    def _missed(self, _event: JobExecutionEvent) -> None:
        self._on_late()


def _phase(key: str) -> float:
    """Return 0-1, the same for one check at every start, so that polls are spread evenly."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big") / 2**32

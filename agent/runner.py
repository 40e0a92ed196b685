"""One-shot probes: one run, one deadline, exactly one Observation.

The schedule says what is due; workers run it. A device that is slow holds only its own place: what is due for a device
that is still being asked is not queued again.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from agent.core.model import Check, Observation, Outcome
from agent.core.ports import Probe

_log = logging.getLogger(__name__)
_WORKERS = 128  # polls under way at once; the SNMP engine caps its own packets in flight
_QUEUE_LIMIT = 20_000  # two rounds of the largest estate that one process is meant for
_DEADLINE_SECONDS = 30.0  # for a probe whose settings name none


class Runner:
    """Runs what is due and hands every Observation to `sink`.

    Attributes:
        capacity: how many runs may wait.
        probes: probe type -> the probe. Swapped whole on reload.
        overlaps: runs that were due while the same check was still under way.
        dropped: runs that found the queue full.
        failures: runs that ended in an exception, which is a bug of the probe.
    """

    capacity = _QUEUE_LIMIT

    def __init__(self, probes: Mapping[str, Probe], sink: Callable[[Check, Observation], Awaitable[None]]) -> None:
        """Take the probes; nothing runs before `run`."""
        self.probes = dict(probes)
        self.overlaps = 0
        self.dropped = 0
        self.failures = 0
        self._sink = sink
        self._busy: set[tuple[str, str]] = set()
        self._again: dict[tuple[str, str], Check] = {}  # to be run once more when the run under way is over
        self._waiting: deque[Check] = deque()
        self._wake = asyncio.Event()

    @property
    def depth(self) -> int:
        """Return how many runs wait for a worker."""
        return len(self._waiting)

    def due(self, check: Check) -> None:
        """Queue one run, unless the same check is queued or under way."""
        key = (check.target, check.name)
        if key in self._busy:
            self.overlaps += 1
        elif len(self._waiting) >= _QUEUE_LIMIT:
            self.dropped += 1
        else:
            self._busy.add(key)
            self._waiting.append(check)
            self._wake.set()

    def at_once(self, check: Check) -> None:
        """Queue one run because something may have changed: one that is under way may have looked before that."""
        if (check.target, check.name) in self._busy:
            self._again[check.target, check.name] = check
        else:
            self.due(check)

    async def run(self) -> None:
        """Run what is due until cancelled."""
        async with asyncio.TaskGroup() as workers:
            under_way: set[asyncio.Task[None]] = set()
            while True:
                await self._wake.wait()
                while self._waiting and len(under_way) < _WORKERS:
                    check = self._waiting.popleft()
                    task = workers.create_task(self._one(check), name=f"probe {check.target}/{check.name}")
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
                    task.add_done_callback(lambda _: self._wake.set())
                self._wake.clear()

    async def _one(self, check: Check) -> None:
        key = (check.target, check.name)
        self._again.pop(key, None)  # it had not begun: this run is the one that is wanted
        try:
            await self._sink(check, await self.measure(check))
        finally:
            self._busy.discard(key)
            if (again := self._again.pop(key, None)) is not None:
                self.due(again)

    async def measure(self, check: Check) -> Observation:
        """Run one check's probe within its deadline."""
        probe = self.probes.get(check.type)
        if probe is None:
            return _unknown(check, f"no probe of type {check.type!r} is loaded")
        deadline = float(getattr(check.settings, "timeout", _DEADLINE_SECONDS))
        began, began_at = time.monotonic(), datetime.now(UTC)
        try:
            async with asyncio.timeout(deadline):
                seen = await probe.run(check)
        except TimeoutError:
            waited = time.monotonic() - began
            if waited < deadline:  # not the deadline: the probe let a timeout of its own escape
                self.failures += 1
                _log.exception("probe %s of %s failed", check.type, check.target)
                return _unknown(check, f"internal error in the {check.type} probe; the log has its traceback")
            detail = f"no result within {deadline:g} s"
            return replace(_unknown(check, detail), outcome=Outcome.NO_ANSWER)
        except Exception:
            self.failures += 1
            _log.exception("probe %s of %s failed", check.type, check.target)
            return _unknown(check, f"internal error in the {check.type} probe; the log has its traceback")
        # it is evidence for the moment of asking: what it saw first may have changed before it ended
        return seen if seen.proven_at is not None else replace(seen, proven_at=min(began_at, seen.at))


def _unknown(check: Check, detail: str) -> Observation:
    return Observation(check.target, check.name, datetime.now(UTC), Outcome.UNKNOWN, detail)

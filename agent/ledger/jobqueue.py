"""The jobs that wait for the writer: in order, bounded, the oldest dropped and counted."""

from collections import deque
from collections.abc import Collection
from typing import Any

from agent.ledger.jobs import EventsJob, Job


class JobQueue:
    """Jobs in the order in which they came, whether or not somebody still waits for them. Guarded by its owner's lock.

    Attributes:
        weight: events (and other jobs, as one each) that wait.
        dropped_events: how many were lost past the limit.
    """

    def __init__(self, limit: int) -> None:
        self._jobs: deque[Job[Any]] = deque()
        self._limit = limit
        self._in_hand = 0  # jobs at the head that the writer works on: never dropped under its hands
        self.weight = 0
        self.dropped_events = 0

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, job: Job[Any]) -> None:
        """Append a job; past the limit the oldest go, for the newest tell how things stand."""
        self._jobs.append(job)
        self.weight += job.weight
        while self.weight > self._limit and len(self._jobs) > self._in_hand + 1:
            dropped = self._jobs[self._in_hand]
            del self._jobs[self._in_hand]
            self.weight -= dropped.weight
            dropped.give_up()
            if isinstance(dropped, EventsJob):
                self.dropped_events += dropped.weight

    def take_in_hand(self, weight: int) -> list[Job[Any]]:
        """Return the oldest jobs up to `weight` (at least one, if there is one); they stay until they are `done`."""
        chosen: list[Job[Any]] = []
        for job in self._jobs:
            if chosen and weight < job.weight:
                break
            chosen.append(job)
            weight -= job.weight
        self._in_hand = len(chosen)
        return chosen

    def done(self) -> None:
        """Take out what the writer had in hand."""
        for _ in range(self._in_hand):
            self.weight -= self._jobs.popleft().weight
        self._in_hand = 0

    def release(self) -> None:
        """Let go of what the writer had in hand: it failed, and the jobs wait again."""
        self._in_hand = 0

    def discard(self, jobs: Collection[Job[Any]]) -> None:
        """Take these out, wherever they stand."""
        self._in_hand = 0
        self._jobs = deque(job for job in self._jobs if job not in jobs)
        self.weight = sum(job.weight for job in self._jobs)

    def give_up(self) -> None:
        """Answer everybody who waits; the jobs stay and are written late."""
        for job in self._jobs:
            job.give_up()

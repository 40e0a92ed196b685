"""Recorded round-trip times through the agent's own detectors and state machine: what it would have told, and when.

Every row is one echo. Rows that are closer together than a round are gathered into rounds, as the agent does; where
they are further apart each is a round. What is told with a row does not change with the rows that follow it.

Two things differ from the agent. It makes sure of a silence with a burst of echoes; a file has none, so that here the
next rows must be lost too. And rows are missing in a file for one reason or another: a gap is time without measurement.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import pairwise
from math import nan
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np

from agent.core import delay
from agent.core.delay import Train
from agent.core.health import Policy, advance, expire
from agent.core.model import Check, Echo, Event, Health, Loss, Outcome, Round, State, Trouble
from agent.core.units import format_duration

TARGET: Final = "line"
CHECK: Final = "icmp"
SILENT_ECHOES: Final = 2  # in a row: the agent asks at once
CONFIRMED_ECHOES: Final = 6  # those, and as many as its burst has
_STALE_ROUNDS: Final = 3.0  # as `agent.core.assessor` has it
_STALE_LEAST_SECONDS: Final = 30.0
_NOTHING: Final[Mapping[str, str | float]] = MappingProxyType({})


class Kind(StrEnum):
    """What is told."""

    LEVEL_SHIFT = "level_shift"
    LOSS_ONSET = "loss_onset"
    LOSS_OVER = "loss_over"
    DEGRADED = "degraded"
    RECOVERED = "recovered"  # no longer degraded
    DOWN = "down"
    UP = "up"  # no longer down
    UNKNOWN = "unknown"  # nothing was measured for too long


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that the agent would have told.

    Attributes:
        index: row, 0 for the first, with which it began; `decided_index` the row with which it was known.
        at, noticed_at: when these rows' echoes left.
    """

    kind: Kind
    index: int
    decided_index: int
    at: datetime
    noticed_at: datetime
    reason: str
    evidence: Mapping[str, str | float] = field(default_factory=lambda: _NOTHING)


class Change(Protocol):
    """What a loss detector tells: `agent.core.loss.LossChange`."""

    @property
    def since(self) -> int: ...
    @property
    def lost(self) -> int: ...
    @property
    def echoes(self) -> int: ...
    @property
    def ratio(self) -> float: ...
    @property
    def usual_ratio(self) -> float: ...
    @property
    def rule(self) -> str: ...
    @property
    def over(self) -> bool: ...


class LossDetector(Protocol):
    """Whether echoes are lost more often than usual: `agent.core.loss.LossWatch`."""

    def push(self, lost: bool | None, at: int) -> Change | None: ...

    def take_back(self) -> Change | None: ...


class Judge(Protocol):
    """How well a check is answered: `agent.core.quality.Quality`."""

    @property
    def troubles(self) -> tuple[Trouble, ...]: ...

    def look(self, seen: Train) -> Sequence[Event]: ...

    def lose(self, item: Loss) -> None: ...


@dataclass(frozen=True, slots=True)
class Spacing:
    """How the rows lie in time; stands for the settings of a check.

    Attributes:
        interval: seconds from row to row.
        round: seconds that one summary covers; at least one interval.
    """

    interval: float
    round: float

    @property
    def check(self) -> Check:
        """The check that would have measured the rows."""
        return Check(TARGET, CHECK, "icmp", self.interval, self)


def spacing(times: Sequence[float], round_seconds: float) -> Spacing:
    """Return the spacing of rows from the first of them: the median distance, at least a millisecond.

    Args:
        times: Unix times in order, two at least.
    """
    gaps = sorted(after - before for before, after in pairwise(times))
    interval = max(gaps[len(gaps) // 2], 0.001)
    return Spacing(interval, max(round_seconds, interval))


class Replay:
    """One series on its way through the detectors."""

    def __init__(self, spaced: Spacing, losses: LossDetector, judge: Judge) -> None:
        """Begin knowing nothing of the line."""
        self.health = Health()
        self._spaced = spaced
        self._losses = losses
        self._judge = judge
        self._policy = Policy(stale_after_seconds=max(_STALE_ROUNDS * spaced.round, _STALE_LEAST_SECONDS))
        self._times = array("d")
        self._open: list[float | None] = []  # round-trip times of the round that is not over
        self._first = 0  # its first row
        self._lost_in_a_row = 0
        self._believed = State.UP  # the last state that was told

    def push(self, at: float, rtt_seconds: float | None) -> list[Told]:
        """Take the next row.

        Args:
            at: Unix time at which the echo left, after that of the row before.
            rtt_seconds: None where it was lost.
        """
        self._times.append(at)
        last = len(self._times) - 1
        told = list(self._pause(last))
        lost = rtt_seconds is None
        if (change := self._losses.push(lost, last)) is not None:
            told.append(self._lose(change))
        if not self._open:
            self._first = last
        self._open.append(rtt_seconds)
        self._lost_in_a_row = self._lost_in_a_row + 1 if lost else 0
        # the round is over where the next row is expected after it, give or take a quarter of their distance
        if at + 1.25 * self._spaced.interval >= self._times[self._first] + self._spaced.round:
            told += self._close()
        down = self.health.state is State.DOWN
        if self._lost_in_a_row >= CONFIRMED_ECHOES and not down:
            told += self._hear(self._train(last + 1 - CONFIRMED_ECHOES, [None] * CONFIRMED_ECHOES, burst=True))
        elif down and not lost:
            told += self._hear(self._train(last, [rtt_seconds], burst=True))
        return told

    def _pause(self, last: int) -> Iterator[Told]:
        """Let the time before this row pass: a round ends, and what was not measured becomes unknown."""
        if not last or self._times[last] - self._times[last - 1] <= self._spaced.round:
            return
        if self._open:
            yield from self._close()
        now = datetime.fromtimestamp(self._times[last], UTC)
        self.health, event = expire(TARGET, CHECK, self.health, now, self._policy)
        if event is not None:
            gap = format_duration(self._times[last] - self._times[last - 1])
            yield Told(Kind.UNKNOWN, last, last, now, now, f"there is no row of the {gap} before this one")

    def _close(self) -> Iterator[Told]:
        """Weigh the round that is over."""
        seen = self._train(self._first, self._open, burst=False)
        self._open = []
        for event in self._judge.look(seen):
            yield self._told(Kind.LEVEL_SHIFT, event)
        yield from self._hear(seen)

    def _train(self, first: int, rtts: Sequence[float | None], *, burst: bool) -> Train:
        sent = np.array(self._times[first : first + len(rtts)])
        began, ended = (datetime.fromtimestamp(float(at), UTC) for at in (sent[0], sent[-1]))
        times = np.array([nan if rtt is None else rtt for rtt in rtts])
        outcomes = np.array([Echo.LOST if rtt is None else Echo.RECEIVED for rtt in rtts], dtype=np.uint8)
        return delay.train(Round(TARGET, CHECK, began, ended, sent, times, outcomes, burst=burst))

    def _hear(self, seen: Train) -> Iterator[Told]:
        observation = delay.observe(seen)
        if observation.outcome is Outcome.OK:
            observation = replace(observation, troubles=self._judge.troubles)
        self.health, event = advance(self.health, observation, self._policy)
        if event is None:
            return
        before, self._believed = self._believed, State(event.new)
        if self._believed is State.DOWN and (over := self._losses.take_back()) is not None:
            yield self._lose(over)
        if self._believed is State.UP:
            kind = {State.DOWN: Kind.UP, State.DEGRADED: Kind.RECOVERED}.get(before)
            if kind is not None:  # found up at the start, or after a gap: nothing has happened
                yield self._told(kind, event)
            return
        if before is State.DOWN:  # the outage is over with this row, whatever comes after it
            last = len(self._times) - 1
            now = datetime.fromtimestamp(self._times[last], UTC)
            yield Told(Kind.UP, last, last, now, now, "answers again, and worse than it should")
        yield self._told(Kind(event.new), event)

    def _told(self, kind: Kind, event: Event) -> Told:
        last = len(self._times) - 1
        index = min(bisect_left(self._times, event.at.timestamp() - 0.0005), last)
        return Told(
            kind, index, last, datetime.fromtimestamp(self._times[index], UTC),
            datetime.fromtimestamp(self._times[last], UTC), event.reason, dict(event.evidence),
        )  # fmt: skip

    def _lose(self, change: Change) -> Told:
        last = len(self._times) - 1
        at, noticed = (datetime.fromtimestamp(self._times[index], UTC) for index in (change.since, last))
        self._judge.lose(
            Loss(
                TARGET, CHECK, noticed, at, change.ratio, change.usual_ratio, change.lost, change.echoes, change.rule,
                change.over,
            )
        )  # fmt: skip
        verb = "were lost, and no more than usual since" if change.over else "lost"
        return Told(
            Kind.LOSS_OVER if change.over else Kind.LOSS_ONSET, change.since, last, at, noticed,
            f"{change.lost} of {change.echoes} echoes {verb} ({change.ratio:.1%}; usually {change.usual_ratio:.2%})",
            {"lost": change.lost, "echoes": change.echoes, "loss_ratio": change.ratio,
             "usual_loss_ratio": change.usual_ratio, "rule": change.rule},
        )  # fmt: skip


def detectors(spaced: Spacing, agreed: Mapping[str, float | None]) -> tuple[LossDetector, Judge]:
    """Return the agent's own detectors for rows so far apart.

    Args:
        agreed: the objectives: `rtt` and `pdv` in seconds, `loss` as a ratio, `mos`; None or missing: none.
    """
    from agent.core.loss import LossWatch
    from agent.core.quality import Objectives, Quality

    objectives = Objectives(agreed.get("rtt"), agreed.get("loss"), agreed.get("pdv"), agreed.get("mos"))
    return LossWatch(spaced.interval), Quality(spaced.check, objectives, small_shifts=True)

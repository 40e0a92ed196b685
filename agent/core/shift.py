"""Level shifts of the delay: when the round-trip times of one series moved to another level, and from which to which.

Value by value, in a fixed memory and without a look ahead:

1. Gate: the median of the last 8 values is further from that of the 8 before than three times the noise (the running
   median of the absolute differences of neighbours). Nearly all values end here.
2. Stay: at least 6 of the 8 are on the new side of the midpoint. A spike is no shift.
3. Place: no split up to two values away leaves less absolute deviation from the medians of its two sides. So one change
   is looked at once, where it is.
4. Score: a logistic score of nine ratios (shift_evidence.py): how far, how cleanly, and how usual such a change is
   among the last 512 values of this series.

A shift is therefore known with the eighth value of the new level. All lengths count values that were received, not
time: the same figures serve rounds of 10 seconds and of 5 minutes. A lost value takes no part, but the index counts it.

Measured on the 25 labelled series (`python -m tests.bench.fit_shift`; matched within 2 values, weights fitted to other
files; mean of ten times five folds): precision .640, recall .725, F1 .680, F2 .706, known 7 values after the label in
the median and in nine of ten cases. Per 10,000 values that never shift: 0 in Gaussian, heavy-tailed, autoregressive,
wavy and drifting series; 0.8 where single values or bursts of up to 3 jump out, 5 with bursts of up to 4, and 9 behind
a queue whose busy periods last as long: there the level does move for a while. `tests/bench/bench_shift.py` prints what
it costs.
"""

import struct
from dataclasses import dataclass
from itertools import pairwise
from math import exp, inf, isfinite
from typing import Final, Self
from zlib import crc32

from agent.core.shift_evidence import FAR, SIDE, Evidence, deviations, gather, score

_KEPT: Final = FAR + SIDE
_STRETCHES: Final = 64
_GATE: Final = 3.0  # noises; below, nothing that a person marks is found
_STAYED: Final = 6  # of 8
_NEIGHBOURS: Final = (SIDE - 1, SIDE + 1, SIDE - 2, SIDE + 2)
_APART: Final = 3  # two shifts nearer than this are one
_SHIFTED: Final = 0.20  # F1 is flat from .18 to .28; the low end misses less
_LEAST_NOISE_RATIO: Final = 1e-4  # of the level: a series that repeats one value has no noise to compare with
_LEAST_NOISE_SECONDS: Final = 1e-9  # the resolution of kernel stamps
_LARGEST_SECONDS: Final = 1e6  # more is no delay; keeps sums finite
# by these the running median moves: fast while little is known, later by 1 % for each difference
_SETTLED: Final = 100
_FACTORS: Final = tuple(exp(1 / n) for n in range(1, _SETTLED + 1))

_VERSION: Final = 1
_HEADER: Final = struct.Struct("<4s6BQqqd")
_MAGIC: Final = b"LWsh"
_CHECK: Final = struct.Struct("<I")
_MOST_COUNTED: Final = 2**62


@dataclass(frozen=True, slots=True)
class LevelShift:
    """A change of the level of one series.

    Attributes:
        index: number of the value (0 = first pushed, lost ones counted) at which the new level begins.
        decided_index: the value with which that was known.
        old_seconds, new_seconds: medians of the 8 values before and after.
        score: probability-like, 0 to 1.
    """

    index: int
    decided_index: int
    old_seconds: float
    new_seconds: float
    score: float


@dataclass(frozen=True, slots=True)
class Place:
    """A place where the level may have changed, before it is judged; fields as in LevelShift."""

    index: int
    decided_index: int
    old_seconds: float
    new_seconds: float
    evidence: Evidence


class Shifts:
    """The detector of one series."""

    __slots__ = ("_blocks", "_count", "_indices", "_last", "_noise", "_noises", "_phase", "_place", "_values")

    def __init__(self) -> None:
        self._count = 0  # pushed, lost ones counted
        self._values: list[float] = []  # the latest received
        self._indices: list[int] = []  # of the last 9 of them
        self._phase = 0  # received since the last whole stretch
        self._blocks: list[float] = []  # medians of whole stretches of 8, all of them before the last 8 values
        self._noise = 0.0
        self._noises = 0  # differences that it rests on, counted to _SETTLED
        self._place = -_APART  # index of the last place that was judged
        self._last = -_APART  # index of the last shift

    def push(self, value_seconds: float | None) -> LevelShift | None:
        """Take one round-trip time, None if it was lost; return the shift that is known with it.

        Raises:
            ValueError: not finite or negative; nothing was taken.
        """
        place = self.examine(value_seconds)
        if place is None or place.index - self._last < _APART:
            return None
        likely = score(place.evidence)
        if likely < _SHIFTED:
            return None
        self._last = place.index
        return LevelShift(place.index, place.decided_index, place.old_seconds, place.new_seconds, likely)

    def examine(self, value_seconds: float | None) -> Place | None:
        """Take one value as push does; return the place that is to be judged, if there is one (for fitting)."""
        if value_seconds is not None and not 0.0 <= value_seconds < inf:
            raise ValueError(f"a round-trip time is finite and not negative, got {value_seconds}; a lost one is None")
        index = self._count
        self._count = index + 1
        if value_seconds is None:
            return None
        values, indices = self._values, self._indices
        values.append(min(float(value_seconds), _LARGEST_SECONDS))
        indices.append(index)
        if len(indices) > SIDE + 1:
            del indices[0]
        if len(values) > SIDE + 1:
            self._follow_noise()
        if len(values) < 2 * SIDE:
            return None
        if len(values) > _KEPT:
            del values[0]
        before, after = sorted(values[-2 * SIDE : -SIDE]), sorted(values[-SIDE:])
        old, new = (before[3] + before[4]) / 2, (after[3] + after[4]) / 2
        noise = max(self._noise, _LEAST_NOISE_RATIO * old, _LEAST_NOISE_SECONDS)
        found = None
        if abs(new - old) > _GATE * noise and _stays(after, old, new) and _best_split(values[-2 * SIDE :]):
            evidence = gather(values[:-SIDE], values[-SIDE:], noise, self._blocks)
            self._place = indices[-SIDE]
            found = Place(self._place, index, old, new, evidence)
        self._phase = (self._phase + 1) % SIDE
        if self._phase == 0:
            self._blocks.append(old)
            del self._blocks[:-_STRETCHES]
        return found

    def _follow_noise(self) -> None:
        """Let the noise follow the pair of neighbours that has just left the last 8.

        The step itself at a place that was judged is no noise. Neither are equal neighbours: they tell of a coarse
        clock, whose step is then the noise.
        """
        difference = abs(self._values[-SIDE - 1] - self._values[-SIDE - 2])
        if difference == 0.0 or self._indices[0] == self._place:
            return
        if self._noises == 0:
            self._noise = difference
        else:
            factor = _FACTORS[self._noises - 1]
            self._noise = self._noise * factor if difference > self._noise else self._noise / factor
        self._noises = min(self._noises + 1, _SETTLED)

    def snapshot(self) -> bytes:
        """Return the state: at most 1 KB, and the same continuation after `resume`, value for value."""
        body = _HEADER.pack(
            _MAGIC, _VERSION, len(self._values), len(self._indices), len(self._blocks), self._phase, self._noises,
            self._count, self._place, self._last, self._noise,
        )  # fmt: skip
        body += struct.pack(f"<{len(self._values)}d{len(self._blocks)}d", *self._values, *self._blocks)
        body += struct.pack(f"<{len(self._indices)}Q", *self._indices)
        return body + _CHECK.pack(crc32(body))

    @classmethod
    def resume(cls, state: bytes) -> Self:
        """Return the detector whose snapshot this is.

        Raises:
            ValueError: truncated, damaged, of another version or no snapshot.
        """
        if len(state) < _HEADER.size + _CHECK.size or state[:4] != _MAGIC:
            raise ValueError("no snapshot of a shift detector")
        made = cls()
        _, version, values, indices, blocks, *rest = _HEADER.unpack_from(state)
        made._phase, made._noises, made._count, made._place, made._last, made._noise = rest
        if version != _VERSION:
            raise ValueError(f"snapshot of a shift detector: version {_VERSION} expected, got {version}")
        size = _HEADER.size + 8 * (values + indices + blocks)
        if len(state) != size + _CHECK.size or crc32(state[:size]) != _CHECK.unpack_from(state, size)[0]:
            raise ValueError("snapshot of a shift detector: truncated or damaged")
        figures = struct.unpack_from(f"<{values + blocks}d", state, _HEADER.size)
        made._values, made._blocks = list(figures[:values]), list(figures[values:])
        made._indices = list(struct.unpack_from(f"<{indices}Q", state, size - 8 * indices))
        if not made._sound():
            raise ValueError("snapshot of a shift detector: its figures are impossible")
        return made

    def _sound(self) -> bool:
        """Tell whether a detector can be in this state."""
        return (
            len(self._values) <= _KEPT
            and len(self._indices) == min(len(self._values), SIDE + 1)
            and len(self._blocks) <= _STRETCHES
            and self._phase < SIDE
            and self._noises <= _SETTLED
            and self._count <= _MOST_COUNTED
            and -_APART <= self._last <= self._place < self._count
            and all(earlier < later for earlier, later in pairwise([*self._indices, self._count]))
            and isfinite(self._noise)
            and (self._noise > 0) == (self._noises > 0)
            and all(0 <= figure <= _LARGEST_SECONDS for figure in (*self._values, *self._blocks))
        )


def _stays(after: list[float], old: float, new: float) -> bool:
    """Tell whether enough of the values after, in order, are on the new side."""
    middle = (old + new) / 2
    return after[SIDE - _STAYED] > middle if new > old else after[_STAYED - 1] < middle


def _best_split(window: list[float]) -> bool:
    """Tell whether no split nearby leaves less absolute deviation than the one in the middle."""
    here = deviations(window[:SIDE]) + deviations(window[SIDE:])
    return all(deviations(window[:at]) + deviations(window[at:]) >= here for at in _NEIGHBOURS)

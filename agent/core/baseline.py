"""What is usual for one series, learnt from itself, and whether the present is worse than that.

The *present* is the median of the last rounds, so that single peaks mean nothing. The *usual* is the floor of the last
seven days: the tenth percentile of the medians of its hours. A line that is slow for an hour has its floor still; one
that stays slow for a week has a new one. Once two weeks are known, an hour that was slow in both of them (Monday
morning, the nightly backup) is expected to be so again: what comes every week is the line's way, and no fault.

On hand-labelled series such a rule finds .95 of the times above the floor by 5 ms with a precision of .58; small rises
are better told by `agent.core.shift`, so `agent.core.quality` uses both. State is constant: two weeks of hours and some
rounds, under 2 KB; a round costs a few microseconds.
"""

import base64
import math
import statistics
from array import array
from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import Any, Final

HOUR_SECONDS: Final = 3600.0
WEEK: Final = 168  # hours
_KEPT: Final = 2 * WEEK
_SPACING_SECONDS: Final = 60.0  # one value a minute stands for its hour
_HOUR_VALUES: Final = 60
_LEAST_VALUES: Final = 10  # before an hour is known: so many minutes or rounds must be, or nothing is usual
_FLOOR: Final = 0.10
_ALPHA: Final = 1 / 128  # the noise follows some twenty minutes of 10-second rounds
_CLIP: Final = 8.0  # a single peak counts for no more than so many times the noise


@dataclass(frozen=True, slots=True)
class Margins:
    """How far above the usual is worse: the largest of the three; half of it ends it again (hysteresis).

    Attributes:
        least: in the series' unit: what no user notices is no trouble.
        ratio: of the usual.
        noise: of the usual distance of a round from its neighbours; the median of nine rounds strays by an eighth of
            this.
    """

    least: float = 0.005
    ratio: float = 0.2
    noise: float = 3.0


class Baseline:
    """The usual and the present of one series.

    Attributes:
        present: median of the last rounds; None before there are enough.
        noise: mean distance of a round from the present, in the series' unit.
    """

    __slots__ = (
        "_expected", "_floor", "_hour", "_hours", "_last", "_ordered", "_recent", "_sampled_at", "_times", "_values",
        "_window", "noise", "present",
    )  # fmt: skip

    def __init__(self, window: int = 9) -> None:
        """Begin knowing nothing.

        Args:
            window: rounds whose median is the present.
        """
        self.present: float | None = None
        self.noise = 0.0
        self._window = window
        self._times = array("d")  # of the last rounds
        self._recent = array("d")  # their values
        self._ordered: list[float] = []  # the same, ascending
        self._hours = array("f", [math.nan] * _KEPT)
        self._hour: int | None = None  # of `_values`
        self._values = array("f")
        self._sampled_at = -math.inf
        self._floor: float | None = None
        self._last: int | None = None  # the last hour that is known
        self._expected = (-1, 0.0)  # an hour, and what is usual in it

    def push(self, at: float, value: float, *, learn: bool = True) -> None:
        """Take one round's value.

        Args:
            at: Unix time, not before that of the round before.
            learn: whether it may change what is known of the noise; not while something is wrong.
        """
        recent, ordered = self._recent, self._ordered
        self._times.append(at)
        recent.append(value)
        insort(ordered, value)
        if len(recent) > self._window:
            del ordered[bisect_left(ordered, recent.pop(0))], self._times[0]
        if len(recent) < min(self._window, 5):
            return
        present = self.present = ordered[len(ordered) // 2]
        if learn:
            away = abs(value - present)
            if self.noise:
                self.noise += (min(away, _CLIP * self.noise) - self.noise) * _ALPHA
            else:
                self.noise = max(away, 1e-6)
        if at - self._sampled_at >= _SPACING_SECONDS or (self._floor is None and len(self._values) < _LEAST_VALUES):
            self._sample(at, present)

    def usual(self, at: float) -> float | None:
        """Return what is usual at a time; None while too little is known."""
        if self._floor is None:
            if len(self._values) < _LEAST_VALUES:
                return None
            return _percentile(sorted(self._values), _FLOOR)
        hour = int(at // HOUR_SECONDS)
        if hour != self._expected[0]:
            weeks = [self._week(hour - WEEK), self._week(hour - 2 * WEEK)]
            known = [value for value in weeks if value is not None]
            self._expected = (hour, max(self._floor, min(known)) if len(known) == 2 else self._floor)
        return self._expected[1]

    def limits(self, at: float, margins: Margins) -> tuple[float, float, float] | None:
        """Return (usual, what is worse, what is worse no more); None while too little is known."""
        usual = self.usual(at)
        if usual is None:
            return None
        margin = max(margins.least, margins.ratio * usual, margins.noise * self.noise)
        return usual, usual + margin, usual + margin / 2

    def above_since(self, limit: float) -> float:
        """Return when the last rounds began to be above `limit`: of the window, the first from which most are."""
        first = self._times[-1]
        above = below = 0
        for at, value in zip(reversed(self._times), reversed(self._recent), strict=True):
            if value > limit:
                above += 1
                first = at
            else:
                below += 1
            if below > above:
                break
        return first

    def _sample(self, at: float, present: float) -> None:
        hour = int(at // HOUR_SECONDS)
        if self._hour is None or hour > self._hour:
            self._close_hour()
            self._hour, self._values = hour, array("f")
        if len(self._values) < _HOUR_VALUES:
            self._values.append(present)
        self._sampled_at = at

    def _close_hour(self) -> None:
        """Keep the hour that is over as one value, and forget what is older than two weeks."""
        if self._hour is None or len(self._values) < 2:
            return
        hour, last = self._hour, self._last
        if last is not None:
            for missed in range(last + 1, min(hour, last + 1 + _KEPT)):
                self._hours[missed % _KEPT] = math.nan
        self._hours[hour % _KEPT] = statistics.median(self._values)
        self._last = hour
        week = sorted(v for h in range(hour - WEEK + 1, hour + 1) if (v := self._hours[h % _KEPT]) == v)
        self._floor = _percentile(week, _FLOOR)
        self._expected = (-1, 0.0)

    def _week(self, hour: int) -> float | None:
        """Return how slow an hour of a former week was, or its neighbours; None where that is not known.

        The neighbours allow for summer time, and for a job that takes longer.
        """
        last = self._last
        assert last is not None  # there is a floor
        near = [self._hours[h % _KEPT] for h in (hour - 1, hour, hour + 1) if last - _KEPT < h <= last]
        return max((value for value in near if value == value), default=None)

    # ------------------------------------------------------------------ over a restart

    def state(self) -> dict[str, Any]:
        """Return all that is known, as JSON takes it."""
        return {
            "recent": list(zip(self._times, self._recent, strict=True)), "values": list(self._values),
            "hours": base64.b64encode(self._hours.tobytes()).decode(), "hour": self._hour, "last": self._last,
            "floor": self._floor, "noise": self.noise,
        }  # fmt: skip

    def resume(self, state: dict[str, Any], at: float, *, fresh: bool) -> None:
        """Go on from what `state` returned.

        Args:
            at: the present time.
            fresh: whether the last rounds of then are still the last rounds.

        Raises:
            ValueError, TypeError, KeyError: that is no such state.
        """
        hours = array("f")
        hours.frombytes(base64.b64decode(state["hours"], validate=True))
        if len(hours) != _KEPT or not 0.0 <= float(state["noise"]) < math.inf:
            raise ValueError("no state of a baseline")
        values = array("f", [float(value) for value in state["values"]][:_HOUR_VALUES])
        recent = [(float(when), float(value)) for when, value in state["recent"]]
        floor, last, hour = state["floor"], state["last"], state["hour"]
        self._hours, self.noise = hours, float(state["noise"])
        self._floor = None if floor is None else float(floor)
        self._last, self._hour = None if last is None else int(last), None if hour is None else int(hour)
        self._values = values
        self._sampled_at = at
        if fresh and recent:
            self._times = array("d", [when for when, _ in recent[-self._window :]])
            self._recent = array("d", [value for _, value in recent[-self._window :]])
            self._ordered = sorted(self._recent)
            if len(self._recent) >= min(self._window, 5):
                self.present = self._ordered[len(self._ordered) // 2]


def _percentile(ordered: list[float], ratio: float) -> float:
    """Return a percentile of ascending values, interpolated linearly."""
    place = (len(ordered) - 1) * ratio
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)

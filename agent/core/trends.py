"""Whether something changes, and how fast, by tests that need no normal distribution. Pure; unit of x is the day.

- Mann-Kendall: is there a monotone trend (Mann 1945, Kendall 1975; ties as in Kendall's Rank Correlation Methods).
- Theil-Sen: its slope, with Sen's interval from Kendall's variance (Sen 1968, JASA 63:1379).
- Both widened where neighbouring days resemble each other, by the detrended lag-1 autocorrelation (Yue & Wang 2004,
  Water Resources Management 18:201): n days that follow one another are worth fewer than n.
- Rates of counters: the conditional test of two Poisson rates (Przyborowski & Wilenski 1940), made quasi-Poisson by the
  overdispersion that the past shows, and its tail by Chernoff's bound, which never says too much.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.core.traffic import Floats

_NOTHING: Final = 1e-18  # what rounding leaves of a straight line
_MOST_LIKE: Final = 0.95  # beyond that the days hold almost nothing
_CONTINUITY: Final = 1.0  # of Kendall's S, which moves in steps of 2


@dataclass(frozen=True, slots=True)
class Trend:
    """A monotone trend.

    Attributes:
        p: two-sided, of a trend this strong where there is none; 1 where there are too few values.
        slope: a day, by Theil and Sen.
        low, high: of the slope, 95 % between them.
        level: the median of the line at the last x.
    """

    p: float
    slope: float
    low: float
    high: float
    level: float

    def falls(self, p: float) -> bool:
        """Say whether it falls with this significance."""
        return self.p <= p and self.slope < 0

    def rises(self, p: float) -> bool:
        """Say whether it rises with this significance."""
        return self.p <= p and self.slope > 0


def normal_tail(z: float) -> float:
    """Return how often a normal value lies above z standard deviations."""
    return 0.5 * math.erfc(z / math.sqrt(2))


def trend(days: Sequence[float], values: Sequence[float], *, serial: bool = False) -> Trend | None:
    """Return the trend of values over days; None for fewer than 4.

    Args:
        days: ascending, each once; gaps are no harm.
        serial: neighbouring days resemble each other also where there is no trend.
    """
    if len(values) < 4:
        return None
    x, y = np.asarray(days, dtype=np.float64), np.asarray(values, dtype=np.float64)
    upper = np.triu_indices(len(y), 1)
    rises, runs = (y[None, :] - y[:, None])[upper], (x[None, :] - x[:, None])[upper]
    slopes = np.sort(rises / runs)
    slope = float(np.median(slopes))
    rest = y - slope * (x - x[-1])
    level = float(np.median(rest))
    spread = math.sqrt(_kendall_variance(y) * (_inflation(rest - level) if serial else 1.0))
    low, high = _sen(slopes, spread)
    return Trend(_p(float(np.sign(rises).sum()), spread), slope, low, high, level)


def _inflation(rest: Floats) -> float:
    """Return by how much serial likeness widens the variance."""
    power = float(rest @ rest)
    if power <= _NOTHING * len(rest):
        return 1.0
    likeness = min(_MOST_LIKE, max(0.0, float(rest[1:] @ rest[:-1]) / power))
    return (1 + likeness) / (1 - likeness)


def _p(score: float, spread: float) -> float:
    """Return the two-sided p of Kendall's S."""
    if spread == 0:  # all values are the same
        return 1.0
    return min(1.0, 2 * normal_tail(max(0.0, abs(score) - _CONTINUITY) / spread))


def _kendall_variance(values: Floats) -> float:
    n = len(values)
    _, ties = np.unique(values, return_counts=True)
    tied = sum(int(t) * (int(t) - 1) * (2 * int(t) + 5) for t in ties)
    return (n * (n - 1) * (2 * n + 5) - tied) / 18


def _sen(slopes: npt.NDArray[np.float64], spread: float) -> tuple[float, float]:
    reach = 1.96 * spread
    low = max(0, math.floor((len(slopes) - reach) / 2))
    high = min(len(slopes) - 1, math.ceil((len(slopes) + reach) / 2))
    return float(slopes[low]), float(slopes[high])


def overdispersion(counts: Sequence[float]) -> float:
    """Return variance by mean of daily counts, at least 1: how much clumsier than Poisson they come."""
    y = np.asarray(counts, dtype=np.float64)
    mean = float(y.mean()) if len(y) > 1 else 0.0
    return max(1.0, float(y.var(ddof=1)) / mean) if mean > 0 else 1.0


def rate_rise_p(past: Sequence[float], recent: Sequence[float]) -> float:
    """Return a bound of how often recent days would count so much or more if the rate were still that of the past.

    All that was counted is dealt out over the days: those of a rate that stays fall into `recent` as heads of a coin
    that shows them with probability recent/(past + recent). Counts that come in clumps are first divided by the size of
    a clump. 1 where the recent rate is not above the past one.
    """
    clump = overdispersion(past)
    before, after = math.floor(sum(past) / clump), math.floor(sum(recent) / clump)
    share = len(recent) / max(1, len(past) + len(recent))
    total = before + after
    if total == 0 or not past or after / total <= share:
        return 1.0
    return math.exp(-total * _divergence(after / total, share))


def _divergence(seen: float, expected: float) -> float:
    """Return Kullback and Leibler's divergence of two coins, in nats; 0 < expected < 1."""
    rest = (1 - seen) * math.log((1 - seen) / (1 - expected)) if seen < 1 else 0.0
    return seen * math.log(seen / expected) + rest


def quantile(values: Sequence[float], ratio: float) -> float:
    """Return a quantile by linear interpolation; of nothing: ValueError."""
    if not values:
        raise ValueError("a quantile of no values")
    return float(np.quantile(np.asarray(values, dtype=np.float64), ratio))

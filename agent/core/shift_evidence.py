"""What speaks for a change of level at one place of a series of round-trip times: a few ratios and a logistic score.

Every figure is a ratio, so neither the unit nor the size of the delay matters. The weights are fitted by
`python -m tests.bench.fit_shift`, which prints them: to RIPE Atlas series in which a person marked the changes (Shao et
al., "One-to-One Matching of RTT and Path Changes", ITC 29, 2017; WenqinSHAO/rtt), with drawn series that never change
as counter-examples.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import exp, log
from typing import Final, NamedTuple

SIDE: Final = 8  # values on either side of a place: what may be waited for
FAR: Final = 32
_SLOPE_LIMIT: Final = 2.0  # a ratio to the jump that one extreme value must not carry away


class Evidence(NamedTuple):
    """The figures for one place; `noise` is the usual difference of neighbouring values, ln the natural logarithm."""

    jump: float  # ln of the levels' difference over the noise
    near: float  # share of the 8 values before that lie on their own side of the midpoint of the levels
    far: float  # the same of the 32 before
    overlap: float  # Kolmogorov-Smirnov distance of the 8 before and the 8 after: 1 where they do not overlap
    rest: float  # absolute deviations that two levels leave, of those that one level leaves
    slope: float  # how far the 8 after drift on in the direction of the jump, in jumps
    common: float  # ln of the share of changes between earlier stretches of 8 that were as large as this jump
    common_half: float  # ... that were at least half as large
    wander: float  # ln of the median change between earlier stretches over the noise


# fitted; see above
INTERCEPT: Final = -6.140
WEIGHTS: Final = Evidence(
    jump=0.651,
    near=-2.338,
    far=2.382,
    overlap=4.105,
    rest=-1.846,
    slope=-0.427,
    common=0.557,
    common_half=-0.587,
    wander=-1.254,
)


def median(values: Sequence[float]) -> float:
    """Return the median of at least one value."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def deviations(values: Sequence[float]) -> float:
    """Return the sum of absolute deviations from the median; 0 for one value."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return sum(ordered[len(ordered) - half :]) - sum(ordered[:half])


def gather(history: Sequence[float], after: Sequence[float], noise: float, stretches: Sequence[float]) -> Evidence:
    """Return the evidence for a change of level between two runs of values whose medians differ.

    Args:
        history: the up to 32 values before the place, at least 8; the latest last.
        after: the 8 values from the place on.
        noise: usual absolute difference of neighbouring values, in the same unit; above 0.
        stretches: medians of earlier runs of 8 values, the latest last; none at first.
    """
    before = history[-SIDE:]
    old, new = median(before), median(after)
    jump, sign, middle = abs(new - old), (1.0 if new > old else -1.0), (old + new) / 2
    own_side = [(value - middle) * sign < 0 for value in history]
    changes = [abs(later - earlier) for earlier, later in pairwise(stretches)]
    usual_change = median(changes) if changes else noise
    slope = sign * (median(after[SIDE // 2 :]) - median(after[: SIDE // 2])) / jump
    return Evidence(
        jump=log(jump / noise),
        near=sum(own_side[-SIDE:]) / SIDE,
        far=sum(own_side) / len(own_side),
        overlap=_distance(before, after),
        rest=(deviations(before) + deviations(after)) / (deviations([*before, *after]) + noise),
        slope=max(-_SLOPE_LIMIT, min(_SLOPE_LIMIT, slope)),
        common=_share(changes, jump),
        common_half=_share(changes, jump / 2),
        wander=log(usual_change / noise + 0.01),
    )


def score(evidence: Evidence) -> float:
    """Return how probable it is that a person would mark a change there."""
    total = INTERCEPT + sum([weight * figure for weight, figure in zip(WEIGHTS, evidence, strict=True)])
    return 1 / (1 + exp(-max(-50.0, min(50.0, total))))  # exp overflows at 710


def _share(changes: Sequence[float], size: float) -> float:
    """Return ln of the share of changes of this size; while little is known it tends to one in eight."""
    return log((sum([change >= size for change in changes]) + 1) / (len(changes) + 8))


def _distance(before: Sequence[float], after: Sequence[float]) -> float:
    """Return the largest difference of the distribution functions of two equally long runs."""
    height, largest = 0, 0
    ordered = sorted([(value, 1) for value in before] + [(value, -1) for value in after])
    for (value, rise), (following, _) in zip(ordered, [*ordered[1:], (None, 0)], strict=True):
        height += rise
        if value != following:
            largest = max(largest, abs(height))
    return largest / len(before)

"""What of a simulated truth the agent could see, for how long, and how soon."""

import math
from collections.abc import Callable

import numpy as np

from tests.core.simulation.truth import Fault, Span, Truth, Worse

STEP = 0.5  # how finely observability is looked at
CONFIRMED = 8.0  # two echoes beyond the limit, a burst, and what is before it has been asked
CONFIRMED_POLLED = 35.0  # two polls of three tries, and the time of two more for what is before it

Late = Callable[[str], float]  # target -> seconds within which its failure must be paged, and its recovery known


def confirmation(truth: Truth, fault: Fault) -> float:
    """Return within how many seconds a fault is paged that nothing else disturbs: confirmation and one interval."""
    spacing = truth.own_spacing(fault.target, agent=fault.agent)
    return spacing + (CONFIRMED if spacing <= 10 else CONFIRMED_POLLED)


def longest_seen(truth: Truth, fault: Fault) -> float:
    """Return for how long on end a fault could be seen."""
    lasted = longest = 0.0
    for second in moments(fault):
        lasted = lasted + STEP if is_seen(truth, fault, second) else 0.0
        longest = max(longest, lasted)
    return longest


def moments(fault: Fault, most: float = math.inf) -> list[float]:
    """Return moments of a fault, of its first `most` seconds."""
    found: list[float] = np.arange(fault.begin, min(fault.end, fault.begin + most), STEP).tolist()
    return found


def is_seen(truth: Truth, fault: Fault, second: float) -> bool:
    """Say whether a fault can be seen at a moment."""
    if not truth.is_observable(fault.target, second):
        return False
    return truth.carries(fault.target, second) if fault.agent else True


def was_seen(truth: Truth, fault: Fault, begin: float, end: float) -> bool:
    """Say whether a fault could be seen at any moment of a time."""
    return any(is_seen(truth, fault, second) for second in np.arange(begin, end, STEP).tolist())


def is_plain(truth: Truth, fault: Fault, seconds: float = 90.0) -> bool:
    """Say whether nothing else was wrong shortly before or after the begin of a fault.

    Neither with what is before it, nor with the devices that tell of that.
    """
    names = {fault.target, *truth.above(fault.target)}
    checks = [check for name in names for check in truth.estate.targets[name].checks]
    names |= {check.source[0] for check in checks if check.source}
    near = [f for name in names for f in truth.faults_of(name) if f is not fault]
    begin, end = fault.begin - seconds, fault.begin + seconds
    if any(f.begin < end and f.end > begin for f in near) or fault.end < end:
        return False
    spans: list[Span | Worse] = [*truth.blind, *truth.stops, *truth.stalls, *truth.absent.values()]
    spans += [one for one in truth.worse if one.target in names]
    return not any(span.begin < end and span.end > begin for span in spans)


def is_sure(truth: Truth, fault: Fault, late: Late) -> bool:
    """Say whether a fault began well before those of what is above it, so that it is known to be one of its own."""
    return not any(
        fault.begin - late(f.target) < f.begin < fault.begin + 3 * late(fault.target)
        for name in truth.above(fault.target)
        for f in truth.faults_of(name)
    )

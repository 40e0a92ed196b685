"""Detectors of loss and delay that are never wrong, and late: what they find follows from the truth."""

from agent.core.model import Against, Aspect, Trouble
from tests.core.estates import at
from tests.core.simulation.truth import Truth

RISE_SECONDS = 0.01  # a rise of the delay that is found
LOSS_RATIO = 0.02  # a loss that is found
LAGS = (15.0, 30.0, 60.0)  # how long it takes for that


def troubles(truth: Truth, name: str, lag: float, now: float) -> tuple[Trouble, ...]:
    """Return in what way a target that answers is worse than it was."""
    if not truth.worse:
        return ()
    moments = (now - lag, now - lag / 2, now)
    worse = [
        (Aspect.LOSS, LOSS_RATIO, min(truth.loss_ratio(name, moment) for moment in moments)),
        (Aspect.DELAY, RISE_SECONDS, min(truth.rise_seconds(name, moment) for moment in moments)),
    ]
    return tuple(
        Trouble(aspect, Against.PAST, at(moments[0]), value, limit, f"more {aspect}", "sure")
        for aspect, limit, value in worse
        if value >= limit
    )

"""One grid for all that happens again and again: timers that fall due together wake the process once.

A wake-up out of sleep costs more than most of what is done in it, since nothing is in the processor's caches by then.
"""

from math import floor


def next_beat(now: float, seconds: float) -> float:
    """Return the next multiple of `seconds` that is after `now`, both of the event loop's clock."""
    return (floor(now / seconds) + 1) * seconds

"""Rates from counters that wrap, are reset, and are read late: vectorised over the interfaces of one device.

A rate is given where two readings prove it, and nowhere else: nan is unknown. What speaks against it is a
discontinuity (RFC 2578, 7.1.6): sysUpTime that began anew, an ifCounterDiscontinuityTime that changed, or a counter
that went back further than a wrap explains. A missing rate is a gap in a graph; a wrong one is a spike that pages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.core.traffic import Floats

Bools = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.uint64]

TICKS_PER_SECOND: Final = 100  # TimeTicks
TIMETICKS_WRAP: Final = 1 << 32  # 497.1 days
# Agents renew their counters every few seconds, so two readings may hold a little more than the time between them.
MARGIN: Final = 1.25
# 100 Tbit/s: no interface is faster, so a Counter64 that went "forward" by more has gone back.
MOST_OCTETS_PER_SECOND: Final = 1.25e13
_ALL_64: Final = np.uint64((1 << 64) - 1)
_ALL_32: Final = np.uint64((1 << 32) - 1)
# An answer may come seconds after sysUpTime was read for it, and the other end's clock is not ours.
_BOOT_SECONDS: Final = 60.0  # agents that count from before they answered: they are anew all the same
_LATE_SECONDS: Final = 15.0
_AHEAD_SECONDS: Final = 2.0
_DRIFT_RATIO: Final = 0.01


class Uptime(StrEnum):
    """What two readings of sysUpTime say of the time between them."""

    CONTINUED = "continued"  # a wrap after 497 days included
    RESTARTED = "restarted"
    UNKNOWN = "unknown"  # not read


def uptime(before_ticks: int | None, after_ticks: int | None, elapsed_seconds: float) -> Uptime:
    """Tell a restart from sysUpTime's own wrap.

    After a restart sysUpTime is less than the time that has passed. A wrap looks the same to those who only compare,
    but goes on where it would be without one. A device that restarts within seconds of its wrap is not told apart. A
    sysUpTime that goes back, and is still more than the time that has passed, is that of a clock that was set.

    Args:
        elapsed_seconds: between the two readings, by the reader's monotonic clock.
    """
    if before_ticks is None or after_ticks is None:
        return Uptime.UNKNOWN
    forward = (after_ticks - before_ticks) % TIMETICKS_WRAP
    expected = elapsed_seconds * TICKS_PER_SECOND
    slack = (_AHEAD_SECONDS + _DRIFT_RATIO * elapsed_seconds) * TICKS_PER_SECOND
    is_young = after_ticks <= expected + slack  # it may have begun since the first reading ...
    if after_ticks < before_ticks:
        is_young = after_ticks <= expected + _BOOT_SECONDS * TICKS_PER_SECOND
        late = (_LATE_SECONDS + _DRIFT_RATIO * elapsed_seconds) * TICKS_PER_SECOND
        return Uptime.RESTARTED if is_young and abs(forward - expected) > late else Uptime.CONTINUED
    return Uptime.RESTARTED if is_young and forward < expected - slack else Uptime.CONTINUED


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """One counter of each interface at one moment.

    Attributes:
        values: uint64[n], or uint64[kinds, n] for several counters of each; 0 where unknown.
        known: bool of the same shape.
    """

    values: Whole
    known: Bools

    @classmethod
    def of(cls, values: Sequence[int | None]) -> "Counts":
        """Take counters as they were read; what is no Counter64 (negative, too large) is unknown as well as None."""
        try:
            whole = np.array(values, dtype=np.uint64)
        except (TypeError, OverflowError):  # most devices have all of them
            return cls._of_some(values)
        return cls(whole, np.ones(whole.shape, dtype=np.bool_))

    @classmethod
    def _of_some(cls, values: Sequence[int | None]) -> "Counts":
        sound = [value is not None and 0 <= value < 1 << 64 for value in values]
        plain = [value if value is not None and fits else 0 for value, fits in zip(values, sound, strict=True)]
        return cls(np.array(plain, dtype=np.uint64), np.array(sound, dtype=np.bool_))

    def at(self, places: npt.NDArray[np.intp]) -> "Counts":
        """Return these rows, in this order; -1 for one that is unknown."""
        if not self.values.shape[-1]:
            shape = (*self.values.shape[:-1], len(places))
            return Counts(np.zeros(shape, dtype=np.uint64), np.zeros(shape, dtype=np.bool_))
        return Counts(self.values[..., places], self.known[..., places] & (places >= 0))

    @classmethod
    def stacked(cls, columns: "Sequence[Counts]") -> "Counts":
        """Return several counters of the same interfaces as one: uint64[kinds, n]."""
        return cls(np.array([one.values for one in columns]), np.array([one.known for one in columns]))


def rates(
    before: Counts,
    after: Counts,
    elapsed_seconds: Floats,
    *,
    wide: Bools,
    most_per_second: Floats,
    broken: Bools,
) -> Floats:
    """Return what was counted per second between two readings; nan where they prove nothing.

    All arguments are of one shape, or broadcast to it: float64[n], or float64[kinds, n] for several kinds of counters.

    Args:
        before, after: of the same interfaces in the same order.
        elapsed_seconds: between the two readings of each; rows of one device come in several packets.
        wide: where it is a Counter64, and not a Counter32.
        most_per_second: what each interface can count at most, by its speed; nan where that is unknown.
        broken: where something says that the counter began anew in between.

    Returns:
        A Counter32 has a rate only where it cannot have gone round more than once, as far as the speed is known, and
        where the rate stays below the speed with `MARGIN`. One that went back has wrapped only if the speed is known
        and explains it: otherwise it was reset without a word. A Counter64 is not held against the speed that the
        device names, because that is often set by hand (RFC 2863, 3.1.7; `bandwidth`).
    """
    timed = elapsed_seconds > 0  # False for nan too
    elapsed = np.where(timed, elapsed_seconds, 1.0)
    seen = after.known & before.known & ~broken & timed
    forward = (after.values - before.values) & np.where(wide, _ALL_64, _ALL_32)  # modulo 2^64, or 2^32
    most = most_per_second * elapsed * MARGIN
    speed_known = ~np.isnan(most)
    whole = forward.astype(np.float64)
    plausible = np.where(
        wide,
        whole <= MOST_OCTETS_PER_SECOND * elapsed,
        (after.values <= _ALL_32)
        & (before.values <= _ALL_32)
        & np.where(speed_known, (whole <= most) & (most < 1 << 32), after.values >= before.values),
    )
    return np.where(seen & plausible, whole / elapsed, np.nan)


def changed(before: Counts, after: Counts) -> Bools:
    """Return where a value is not the one that it was; where one of them is unknown nothing is said to have changed."""
    differ: Bools = before.values != after.values
    return before.known & after.known & differ


def most_octets_per_second(speeds_bits_per_second: Floats) -> Floats:
    """Return how many octets an interface can carry in one direction."""
    return speeds_bits_per_second / 8


def most_packets_per_second(speeds_bits_per_second: Floats) -> Floats:
    """Return how many of the smallest Ethernet frames it can carry: 64 octets, and 20 of preamble and gap."""
    return speeds_bits_per_second / 672

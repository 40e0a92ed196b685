"""The three clocks of the kernel, read as one moment."""

import time
from dataclasses import dataclass
from typing import Final, Protocol

_CLOSE_NS: Final = 50_000  # a pair of readings further apart than this was interrupted
_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on three clocks, in nanoseconds.

    Attributes:
        monotonic: for durations; stands still while the host is suspended.
        wall: Unix time; what kernel stamps are in; can be stepped.
        boot: like monotonic, but goes on while the host is suspended.
    """

    monotonic: int
    wall: int
    boot: int


class Clock(Protocol):
    """Where the engine takes the time from."""

    def read(self) -> Moment:
        """Return the present moment."""


class KernelClock:
    """The clocks of this host."""

    def read(self) -> Moment:
        """Read all three, again if the thread was interrupted in between: their difference tells a stepped clock."""
        for _ in range(_TRIES):
            before = time.monotonic_ns()
            wall = time.time_ns()
            boot = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            after = time.monotonic_ns()
            if after - before < _CLOSE_NS:
                break
        return Moment(before, wall, boot)

"""Whether the agent's own clocks and loop can be trusted: steps, suspends, lateness, and who has stopped moving."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# Slewing by NTP moves the clock by 0.5 ms a second at most, and a reading is exact to about a millisecond; what is
# larger than this was set, and stamps on both sides of it cannot be compared.
CLOCK_STEP_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The kernel's three clocks, read together: Unix time, time without and with the host's sleep (seconds)."""

    realtime_seconds: float
    monotonic_seconds: float
    boottime_seconds: float


@dataclass(frozen=True, slots=True)
class ClockChange:
    """What happened between two readings, in seconds; 0 is nothing, a step backwards is negative."""

    step_seconds: float = 0.0
    suspended_seconds: float = 0.0


def clock_change(before: ClockReading, after: ClockReading) -> ClockChange:
    """Tell a stepped clock from a suspended host.

    CLOCK_BOOTTIME goes on while the host sleeps and CLOCK_MONOTONIC does not; CLOCK_REALTIME is set right on waking,
    which is no step, but for what differs from the time slept.
    """
    real = after.realtime_seconds - before.realtime_seconds
    mono = after.monotonic_seconds - before.monotonic_seconds
    boot = after.boottime_seconds - before.boottime_seconds
    step, slept = real - boot, boot - mono
    return ClockChange(
        step_seconds=step if abs(step) >= CLOCK_STEP_SECONDS else 0.0,
        suspended_seconds=slept if slept >= CLOCK_STEP_SECONDS else 0.0,
    )


class LagWindow:
    """The loop's worst lateness of late: a maximum over a sliding span, kept in slots of one second."""

    def __init__(self, span_seconds: float = 60.0) -> None:
        self._span_seconds = span_seconds
        self._slots: deque[tuple[int, float]] = deque()  # (whole second, worst lag in it), oldest first

    def add(self, now_seconds: float, lag_seconds: float) -> None:
        """Take one measured lateness at the monotonic time `now_seconds`."""
        second, lag = int(now_seconds), max(0.0, lag_seconds)
        if self._slots and self._slots[-1][0] == second:
            self._slots[-1] = (second, max(self._slots[-1][1], lag))
        else:
            self._slots.append((second, lag))
        self._forget(now_seconds)

    def worst_seconds(self, now_seconds: float) -> float | None:
        """Return the worst lateness within the span; None when nothing was measured in it."""
        self._forget(now_seconds)
        return max((lag for _, lag in self._slots), default=None)

    def _forget(self, now_seconds: float) -> None:
        while self._slots and self._slots[0][0] < now_seconds - self._span_seconds:
            self._slots.popleft()


@dataclass(frozen=True, slots=True)
class Beat:
    """The last sign of life of one part of the agent, and how old it may grow (monotonic, seconds)."""

    at_seconds: float
    limit_seconds: float


def stalled(now_seconds: float, beats: Mapping[str, Beat]) -> str | None:
    """Name the parts that gave no sign of life within their limit, as one sentence; None while all move."""
    still = [
        f"{name} has not moved for {now_seconds - beat.at_seconds:.1f} s (limit {beat.limit_seconds:g} s)"
        for name, beat in beats.items()
        if now_seconds - beat.at_seconds > beat.limit_seconds
    ]
    return "; ".join(still) or None

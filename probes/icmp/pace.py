"""How many echoes may leave now: a token bucket that holds a tick's worth, so that no burst exceeds the rate."""

from typing import Final

_NANO: Final = 1_000_000_000
_HELD_NS: Final = 100_000_000  # what may be saved up: the longest tick; a held-up loop must not send all it missed


class Pace:
    """Grants echoes at a rate.

    Attributes:
        per_second: None: as many as are due.
        short: whether the last call granted less than was wanted.
    """

    def __init__(self, per_second: float | None) -> None:
        """Begin with nothing saved up."""
        self.per_second = per_second
        self.short = False
        self._tokens = 0.0
        self._last_ns: int | None = None

    def grant(self, wanted: int, now_ns: int) -> int:
        """Return how many of the echoes that are wanted now may leave.

        Args:
            now_ns: monotonic time.
        """
        if self.per_second is None:
            return wanted
        passed = _HELD_NS if self._last_ns is None else min(now_ns - self._last_ns, _HELD_NS)
        self._last_ns = now_ns
        most = max(1.0, self.per_second * _HELD_NS / _NANO)
        self._tokens = min(self._tokens + self.per_second * passed / _NANO, most)
        granted = min(wanted, int(self._tokens))
        self._tokens -= granted
        self.short = granted < wanted
        return granted

"""How much a sender of traps may ask of this host, and whether a v3 message is fresh. Pure: time is an argument."""

from typing import Final

MAX_SOURCES: Final = 20_000  # twice the devices that one process is meant for
_BURST_SECONDS: Final = 5.0  # how much of the rate may come at once: a switch that boots tells of all its ports
_LATEST_BOOTS: Final = (1 << 31) - 1  # RFC 3414 section 2.2.2: an engine that reaches this is never in time again
_WINDOW_SECONDS: Final = 150  # RFC 3414 section 2.2.3


class RateLimit:
    """A token bucket for each source; the number of sources is bounded, and the one heard longest ago is forgotten."""

    def __init__(self, rate: float, *, burst: float | None = None, max_sources: int = MAX_SOURCES) -> None:
        """Begin with every bucket full.

        Args:
            rate: how many pass in a second.
            burst: how many pass at once; by default as many as in five seconds.
        """
        self._rate = rate
        self._burst = max(1.0, rate * _BURST_SECONDS if burst is None else burst)
        self._max_sources = max_sources
        self._buckets: dict[str, tuple[float, float]] = {}  # source -> (tokens, when); the one heard last is the last

    def __len__(self) -> int:
        """Return how many sources are known."""
        return len(self._buckets)

    def allow(self, source: str, now: float) -> bool:
        """Take one token of a source; return whether there was one.

        Args:
            now: a clock that does not go back.
        """
        held = self._buckets.pop(source, None)
        if held is None:
            tokens = self._burst
            if len(self._buckets) >= self._max_sources:
                del self._buckets[next(iter(self._buckets))]
        else:
            tokens = min(self._burst, held[0] + (now - held[1]) * self._rate)
        passes = tokens >= 1.0
        self._buckets[source] = (tokens - 1.0 if passes else tokens, now)
        return passes


class Timeline:
    """The boots and time of the engines that sent authenticated traps (RFC 3414 section 3.2, step 7 b).

    pysnmp takes over what a message says before it compares, and so finds every message in time.
    """

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self._heard: dict[bytes, tuple[int, int, float]] = {}  # engine id -> (boots, latest time received, when)

    def fresh(self, engine_id: bytes, boots: int, seconds: int, now: float) -> bool:
        """Return whether an authenticated message is in the time window, and remember the latest.

        Args:
            boots, seconds: as the message says.
            now: a clock that does not go back.
        """
        if boots >= _LATEST_BOOTS:
            return False
        known_boots, latest, heard_at = self._heard.get(engine_id, (-1, 0, now))
        if boots < known_boots or (boots == known_boots and seconds < latest + (now - heard_at) - _WINDOW_SECONDS):
            return False
        if boots > known_boots or seconds > latest:
            self._heard[engine_id] = (boots, seconds, now)
        return True

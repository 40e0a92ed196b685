"""What hardware did while the agent was not there: from the last readings before to the first ones after. Pure.

A counter's growth counts once, and only where sysUpTime proves that the device went on: after a restart its counters
begin anew. Of an absence that sysUpTime cannot span (it wraps after 497 days), or of a device without it, nothing is
known. A restart is told by the moment at which the device began; how often it restarted is not known.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from agent.core.counters import TICKS_PER_SECOND, TIMETICKS_WRAP, Uptime, uptime
from agent.core.model import AdminStatus, Interface, OperStatus

_MOST_OCTETS: Final = 4 << 20  # unpacked: some thirty thousand interfaces
_LONGEST: Final = timedelta(seconds=TIMETICKS_WRAP / TICKS_PER_SECOND)
_SINCE_LAST: Final = timedelta(seconds=15)  # an answer may come so long after its poll began
_READ_ONCE: Final = timedelta(hours=1)
_JUST_NOW: Final = timedelta(seconds=1.5)  # an agent that answers the time of asking for ifLastChange tells no change


@dataclass(frozen=True, slots=True)
class LastReadings:
    """What was read last of one device.

    Attributes:
        up_seconds: for which it had been up at `at`.
        totals: of counters, by item.
        up: items of the flaps of those interfaces that were up.
    """

    at: datetime
    up_seconds: float
    totals: Mapping[str, float] = field(default_factory=dict)
    up: tuple[str, ...] = ()

    def packed(self) -> bytes:
        """Return it for the ledger."""
        plain = [self.at.timestamp(), self.up_seconds, dict(self.totals), list(self.up)]
        return zlib.compress(json.dumps(plain, separators=(",", ":")).encode("utf-8"), 1)

    @classmethod
    def unpacked(cls, packed: bytes) -> "LastReadings":
        """Return what `packed` gave.

        Raises:
            ValueError: it is none.
        """
        try:
            plain = json.loads(zlib.decompressobj().decompress(packed, _MOST_OCTETS))
            at, up_seconds, totals, up = plain
            return cls(
                datetime.fromtimestamp(at, UTC),
                float(up_seconds),
                {str(name): float(total) for name, total in totals.items()},
                tuple(str(name) for name in up),
            )
        except (zlib.error, TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
            raise ValueError(f"expected the last readings of a device: {error}") from error


class Gap:
    """Holds the first readings of a device against the last ones before; what grew waits until its uptime is told."""

    def __init__(self, last: LastReadings) -> None:
        self._last = last
        self._totals, self._up = dict(last.totals), set(last.up)
        self._grown: dict[str, float] = {}
        self._settled_at: datetime | None = None
        self._proven = False

    def count(self, item: str, total: float) -> None:
        """Take the first reading of a counter."""
        self._add(item, total - self._totals.pop(item, total))

    def see(self, item: str, at: datetime, port: Interface) -> None:
        """Take the first look at an interface; one that was up and went down in between has flapped.

        Args:
            item: of its flaps.
        """
        if port.oper is not None and item in self._up:
            self._up.discard(item)
            self._add(item, float(self._went_down(port, at)))

    def _went_down(self, port: Interface, at: datetime) -> bool:
        if port.admin is AdminStatus.DOWN:
            return False
        if port.oper is not OperStatus.UP:
            return True
        changed = port.changed_at
        return changed is not None and self._last.at + _SINCE_LAST < changed < at - _JUST_NOW

    def _add(self, item: str, growth: float) -> None:
        if growth > 0:  # of a counter that went back nothing is known
            self._grown[item] = self._grown.get(item, 0.0) + growth

    def settle(self, at: datetime, up_seconds: float) -> Uptime:
        """Take the first uptime, and tell what it says of the time between."""
        self._settled_at, elapsed = at, at - self._last.at
        if not timedelta(0) <= elapsed < _LONGEST:
            return Uptime.UNKNOWN
        before, after = round(self._last.up_seconds * TICKS_PER_SECOND), round(up_seconds * TICKS_PER_SECOND)
        found = uptime(before, after, elapsed.total_seconds())
        self._proven = found is Uptime.CONTINUED
        return found

    def over(self, at: datetime) -> bool:
        """Say whether all that is read now and then has been read once."""
        return self._settled_at is not None and at - self._settled_at > _READ_ONCE

    def grown(self) -> dict[str, float]:
        """Return what is proven to have grown, each growth once."""
        if not self._proven:
            return {}
        grown, self._grown = self._grown, {}
        return grown

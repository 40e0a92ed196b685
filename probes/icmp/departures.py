"""Whether echoes left this host at all: what its own interfaces and queues do to them is no loss of the network."""

from typing import Final

import numpy as np

from probes.icmp.roster import Roster
from probes.icmp.table import Slots
from probes.wire import route

_MEMORY_NS: Final = 120_000_000_000  # twice the longest timeout
_LOOKUPS_MAX: Final = 500  # per tick: each takes some 10 microseconds; what is left is looked at in the next one
_NONE: Final[Slots] = np.zeros(0, np.intp)


class Departures:
    """What is known of this host's interfaces: when one last did not work, and when its send queue last overflowed."""

    def __init__(self, roster: Roster) -> None:
        """Look at the echoes of a roster."""
        self._roster = roster
        self._dark: dict[str, int] = {}  # interface -> monotonic time until which it may not have worked
        self._dark_still: set[str] = set()  # did not work at the last look
        self._full: dict[str, int] = {}  # interface -> monotonic time when its queue was last seen to have dropped
        self._drops = route.queue_drops()

    def tend(self, now_ns: int) -> None:
        """Look at the queues, so that it is known later when they overflowed. Once a second is enough."""
        for name, drops in (now := route.queue_drops()).items():
            if drops > self._drops.get(name, 0):
                self._full[name] = now_ns
        self._drops = now

    def look(self, slots: Slots, now_ns: int) -> Slots:
        """Taint those of these echoes that this host did not put on the wire.

        Returns:
            Those that there was no time to look at: they are to be judged later.
        """
        s, r = self._roster.layout.slots, self._roster.layout.rows
        self._follow_dark(now_ns)
        if not len(slots):
            return _NONE
        works: dict[str, bool] = {}
        for number in np.unique(r.port[s.row[slots]]).tolist():
            port = self._roster.ports.get(number)
            if port is not None and port.interface is not None and self._is_dark(port.interface, now_ns, works):
                self._roster.judge.taint(self._roster.pending_on(port), self._roster.why("interface_gone"))
        stamping = [number for number, port in self._roster.ports.items() if port.stamping]
        unsent = slots[self._roster.judge.never_left(slots)]
        unsent = unsent[np.isin(r.port[s.row[unsent]], stamping)]
        if not len(unsent):
            return _NONE
        self.tend(now_ns)
        rows: list[int] = s.row[unsent[:_LOOKUPS_MAX]].tolist()
        addresses = {row: w.address.octets for row in rows if (w := self._roster.by_row.get(row)) and w.address}
        towards = route.interfaces_towards({*addresses.values()})
        for slot, row in zip(unsent.tolist(), rows, strict=False):
            bound_to = self._bound_to(row)
            name = bound_to or towards.get(addresses.get(row, b""))
            if name is None:
                continue
            # it may have carrier again by now, and have had none when the echo was to leave
            if self._is_dark(name, now_ns, works) or self._dark.get(name, -1) >= s.mono[slot]:
                why = "interface_gone" if bound_to else "no_carrier"
            elif self._full.get(name, -1) >= s.mono[slot]:
                why = "send_enobufs"
            else:
                continue
            self._roster.judge.taint(np.array([slot]), self._roster.why(why))
        return unsent[_LOOKUPS_MAX:]

    def _bound_to(self, row: int) -> str | None:
        port = self._roster.ports.get(int(self._roster.layout.rows.port[row]))
        return port.interface if port is not None else None

    def _is_dark(self, name: str, now_ns: int, works: dict[str, bool]) -> bool:
        """Tell whether an interface does not work, and remember until when it may have been so."""
        if name not in works:
            works[name] = route.interface_works(name) is not False
            if not works[name]:
                self._dark_still.add(name)
            if name in self._dark_still:
                self._dark[name] = now_ns
            if works[name]:  # just now: the loop may have been held up since the look before
                self._dark_still.discard(name)
        return not works[name]

    def _follow_dark(self, now_ns: int) -> None:
        for name, seen in list(self._dark.items()):
            if not self._is_dark(name, now_ns, {}) and now_ns - seen > _MEMORY_NS:
                del self._dark[name]

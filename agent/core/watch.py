"""Which interfaces may alarm, and which of those are down although they should carry.

A device's `interfaces.watch` says which. Without it those are watched that lead somewhere: the ends of circuits, and
the ports behind which LLDP has seen another device of the estate. All others are metrics only: a port goes down
whenever somebody shuts a laptop.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from agent.core.ends import CARRIES, ends_by_device, find_interface
from agent.core.interfaces import labels
from agent.core.model import AdminStatus, Estate, Fact, Interface, Role, Target
from agent.core.neighbours import Names

_LOOKS: Final = 2  # in a row: one poll may fall into the second in which a line is renegotiated


class Why(StrEnum):
    """Why an interface is watched."""

    CONFIGURED = "configured"
    CIRCUIT_END = "circuit_end"  # its state is the circuit's: that alarms, and not the interface by itself
    UPLINK = "uplink"


@dataclass(frozen=True, slots=True)
class Watched:
    """One interface that may alarm.

    Attributes:
        interface: its name as the label of its series.
        neighbour: the device of the estate behind it; "" where none is known.
        is_down: whether it does not carry though it is up by configuration; None where that is unknown.
        since: when it went down, as the device says; else when that was first seen.
    """

    interface: str
    why: Why
    neighbour: str = ""
    is_down: bool | None = None
    since: datetime | None = None

    @property
    def alarms(self) -> bool:
        """Whether it is down, and nothing else tells of it."""
        return bool(self.is_down) and self.why is not Why.CIRCUIT_END


class Watcher:
    """What is remembered of the interfaces of all devices from look to look.

    An uplink that is down has no neighbour any more, so it is remembered what was behind it.
    """

    def __init__(self, estate: Estate) -> None:
        """Watch the devices of an estate."""
        self._uplinks: dict[str, dict[str, tuple[str, str]]] = {}  # device -> interface -> neighbour and its port
        self._downs: dict[str, dict[str, tuple[int, datetime]]] = {}  # ... -> looks in a row, and the first of them
        self._names = Names(estate)
        self.swap(estate)

    def swap(self, estate: Estate) -> None:
        """Take a new configuration; what is known of devices that stay is kept."""
        self._devices = {name: target for name, target in estate.targets.items() if target.role is Role.DEVICE}
        self._ends = {
            device: tuple(check.source[1] for check in checks if check.source is not None)
            for device, checks in ends_by_device(estate).items()
        }
        self._uplinks = {name: kept for name, kept in self._uplinks.items() if name in self._devices}
        self._downs = {name: kept for name, kept in self._downs.items() if name in self._devices}
        self._names.swap(estate)

    def look(
        self,
        device: str,
        interfaces: Sequence[Interface],
        facts: Iterable[Fact],
        at: datetime,
        *,
        complete: bool = True,
    ) -> tuple[Watched, ...]:
        """Take what one poll of a device said, and return its watched interfaces.

        Args:
            at: when it was polled.
            complete: whether all interfaces were read; otherwise a missing one is as it was.
        """
        self._names.hear(device, facts)
        names = labels(interfaces)
        behind = self._behind(device, interfaces, names)
        reasons = _reasons(self._devices[device], interfaces, names, self._ends.get(device, ()), behind)
        downs = self._downs.get(device, {})
        seen: dict[str, tuple[int, datetime]] = {}
        found = []
        for name, one in zip(names, interfaces, strict=True):
            if name not in reasons:
                continue
            down = is_down(one)
            if down:
                looks, first = downs.get(name, (0, at))
                seen[name] = looks + 1, first
                down = looks + 1 >= _LOOKS
            since = (one.changed_at or seen[name][1]) if down else None
            found.append(Watched(name, reasons[name], behind.get(name, ("", ""))[0], down, since))
        if not complete:
            seen |= {name: kept for name, kept in downs.items() if name not in names}
        self._downs[device] = seen
        return tuple(found)

    def _behind(self, device: str, interfaces: Sequence[Interface], names: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return the devices behind a device's interfaces, as they are or were."""
        before = self._uplinks.get(device, {})
        found = {name: before[name] for name in names if name in before}
        for name, one in zip(names, interfaces, strict=True):
            if one.neighbour is None:
                continue
            other = self._names.device(one.neighbour.system, one.neighbour.addresses)
            found.pop(name, None)
            if other is not None and other != device:
                end = (other, one.neighbour.port)
                for former in [former for former, known in found.items() if known == end]:
                    del found[former]  # the cable was moved
                found[name] = end
        self._uplinks[device] = found
        return found


def _reasons(
    target: Target,
    interfaces: Sequence[Interface],
    names: Sequence[str],
    ends: Iterable[str],
    behind: Iterable[str],
) -> dict[str, Why]:
    """Return the watched interfaces; a circuit's end is one whatever else is said."""
    found: dict[str, Why] = {}
    if target.watch:
        for name, one in zip(names, interfaces, strict=True):
            words = [word for word in (one.name, one.descr, one.alias) if word]
            if any(fnmatchcase(word, pattern) for word in words for pattern in target.watch):
                found[name] = Why.CONFIGURED
    else:
        found = dict.fromkeys(behind, Why.UPLINK)
    for end in ends:
        one_end = find_interface(end, tuple(interfaces))
        if one_end is not None:
            found[names[interfaces.index(one_end)]] = Why.CIRCUIT_END
    return found


def is_down(one: Interface) -> bool | None:
    """Say whether an interface does not carry though it is up by configuration; None where that is unknown."""
    if one.oper is None or one.admin is None:
        return None
    return one.admin is AdminStatus.UP and one.oper not in CARRIES

"""Look at this host's routes and interfaces: the agent is blind for a target only on evidence that is found here."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.core.routes import (
    Link,
    Neighbour,
    Route,
    find_route,
    is_address,
    link_problem,
    parse_arp,
    parse_routes_v4,
    parse_routes_v6,
    route_problem,
)

# A host has tens of routes; one that carries the Internet's table has a million, and reading those every second would
# cost more than they tell. Beyond this nothing is said about routes, only about interfaces that echoes are bound to.
_LARGEST_TABLE_OCTETS: Final = 1 << 20

# Told once a round, this is half a minute: by then an answer that had been under way has long been counted.
_ANSWERS_TO_BELIEVE: Final = 3


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the kernel said at one moment; `routes` None: could not be read, so nothing is said about them."""

    routes: list[Route] | None
    links: dict[str, Link]
    neighbours: dict[str, Neighbour]


class RouteWatch:
    """Keeps the last snapshot of routes, interfaces and ARP table, and tells what it means for an address."""

    def __init__(self, proc_root: Path = Path("/proc"), sys_root: Path = Path("/sys")) -> None:
        self._net = proc_root / "net"
        self._class = sys_root / "class" / "net"
        self._now = Snapshot(None, {}, {})
        self._found: dict[str, Route | None] = {}  # what `find_route` said about the snapshot's routes
        self._known_by: dict[str, str] = {}  # address -> interface by which it last answered
        self._moved: dict[str, int] = {}  # address -> answers in a row by another interface than that

    def read(self) -> Snapshot:
        """Read the kernel's tables (blocking, about a millisecond); changes nothing, so any thread may."""
        v4, v6, arp = (_read(self._net / name) for name in ("route", "ipv6_route", "arp"))
        return Snapshot(
            routes=None if v4 is None else parse_routes_v4(v4) + parse_routes_v6(v6 or ""),
            links={path.name: _read_link(path) for path in _entries(self._class)},
            neighbours=parse_arp(arp or ""),
        )

    def take(self, snapshot: Snapshot) -> None:
        """Answer from this snapshot from now on."""
        if snapshot.routes != self._now.routes:
            self._found = {}
        self._now = snapshot

    @property
    def routes(self) -> tuple[Route, ...]:
        """Return the routing table of the last snapshot; empty where it could not be read."""
        return tuple(self._now.routes or ())

    def answered(self, address: str) -> None:
        """Remember by which interface `address` answers now, so that its failure explains a later silence."""
        route = self._route(address)
        if route is None or not route.interface:
            return
        former = self._known_by.setdefault(address, route.interface)
        if former == route.interface:
            self._moved.pop(address, None)
            return
        # an answer from just before the interface failed must not wipe out that it led there
        times = self._moved.get(address, 0) + 1
        if times < _ANSWERS_TO_BELIEVE and link_problem(former, self._now.links.get(former)):
            self._moved[address] = times
        else:
            self._known_by[address] = route.interface
            self._moved.pop(address, None)

    def keep(self, addresses: Iterable[str]) -> None:
        """Drop what is remembered of addresses other than these."""
        wanted = set(addresses)
        self._known_by = {address: name for address, name in self._known_by.items() if address in wanted}
        self._moved = {address: times for address, times in self._moved.items() if address in wanted}
        self._found = {}

    def problem(self, address: str, bound_to: str | None = None) -> str | None:
        """Say what on this host keeps packets from reaching `address`; None while there is no such evidence.

        Args:
            address: an IP address; a name has no route of its own, and gives None.
            bound_to: the interface that its echoes are bound to, if any: the routing table does not matter then.
        """
        if not self._now.links:
            return None
        if bound_to is not None:
            return link_problem(bound_to, self._now.links.get(bound_to))
        if self._now.routes is None or not is_address(address):
            return None
        return route_problem(self._route(address), self._now.links, self._now.neighbours, self._known_by.get(address))

    def _route(self, address: str) -> Route | None:
        if self._now.routes is None:
            return None
        try:
            return self._found[address]
        except KeyError:
            route = find_route(address, self._now.routes) if is_address(address) else None
            self._found[address] = route
            return route


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _read(path: Path) -> str | None:
    """Return a table's text; None when it cannot be read or is larger than is sensible to look at."""
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            text = file.read(_LARGEST_TABLE_OCTETS + 1)
    except OSError:
        return None
    return text if len(text) <= _LARGEST_TABLE_OCTETS else None


def _read_link(path: Path) -> Link:
    flags, carrier, operstate = (_read(path / name) for name in ("flags", "carrier", "operstate"))
    return Link(
        # the kernel refuses to tell the carrier of an interface that is switched off
        flags=int(flags, 16) if flags else None,
        carrier=carrier.strip() == "1" if carrier else None,
        operstate=operstate.strip() if operstate else None,
    )

"""Which interface leads to an address, and whether that is in order: the agent's own side of a silence.

Takes the text of the kernel's tables as proc(5) has them: /proc/net/route, /proc/net/ipv6_route, /proc/net/arp.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

# <linux/route.h>, <linux/ipv6_route.h>, <linux/if.h>, <linux/if_arp.h>
_RTF_UP: Final = 0x1
_RTF_GATEWAY: Final = 0x2
_RTF_REJECT: Final = 0x200
_IFF_UP: Final = 0x1
_ATF_COM: Final = 0x2
_NULL_ENTRY_METRIC: Final = 0xFFFFFFFF  # IPv6 tables end with this row; it stands for "no route"

# RFC 2863 ifOperStatus as /sys/class/net/*/operstate writes it; "unknown" is what lo and tunnels say when all is well
_BROKEN_OPERSTATES: Final = frozenset({"down", "lowerlayerdown", "notpresent"})
_LOOPBACK_V4: Final = IPv4Network("127.0.0.0/8")
_LOOPBACK_V6: Final = IPv6Network("::1/128")


@dataclass(frozen=True, slots=True)
class Route:
    """One row of a routing table; `interface` is empty for a route that refuses (unreachable, prohibit, blackhole)."""

    network: IPv4Network | IPv6Network
    interface: str
    gateway: str | None
    metric: int


@dataclass(frozen=True, slots=True)
class Link:
    """One interface as sysfs tells it; None is what could not be read."""

    flags: int | None = None
    carrier: bool | None = None
    operstate: str | None = None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One row of the ARP table; not `complete` means that the kernel asked and nobody answered."""

    interface: str
    complete: bool


def parse_routes_v4(text: str) -> list[Route]:
    """Read /proc/net/route: addresses are hexadecimal in the host's own byte order; odd lines are left out.

    A blackhole has the interface `*` and no other sign.
    """
    routes = []
    for line in text.splitlines()[1:]:
        cells = line.split()
        try:
            flags, metric = int(cells[3], 16), int(cells[6])
            network = IPv4Network((_native(cells[1]), str(IPv4Address(_native(cells[7])))))
            gateway = str(IPv4Address(_native(cells[2])))
        except (IndexError, ValueError):
            continue
        if flags & _RTF_UP:
            routes.append(_route(network, cells[0].replace("*", ""), gateway, flags, metric))
    return routes


def parse_routes_v6(text: str) -> list[Route]:
    """Read /proc/net/ipv6_route: addresses are 32 hexadecimal digits in network order; odd lines are left out."""
    routes = []
    for line in text.splitlines():
        cells = line.split()
        try:
            network = IPv6Network((int(cells[0], 16), int(cells[1], 16)))
            gateway = str(IPv6Address(int(cells[4], 16)))
            metric, flags = int(cells[5], 16), int(cells[8], 16)
            interface = cells[9]
        except (IndexError, ValueError):
            continue
        if flags & (_RTF_UP | _RTF_REJECT) and metric != _NULL_ENTRY_METRIC:
            routes.append(_route(network, interface, gateway, flags, metric))
    return routes


def parse_arp(text: str) -> dict[str, Neighbour]:
    """Read /proc/net/arp by address; an address on several interfaces counts as complete if any of them is."""
    neighbours: dict[str, Neighbour] = {}
    for line in text.splitlines()[1:]:
        cells = line.split()
        try:
            address, complete, interface = cells[0], bool(int(cells[2], 16) & _ATF_COM), cells[5]
        except (IndexError, ValueError):
            continue
        if address not in neighbours or complete:
            neighbours[address] = Neighbour(interface, complete)
    return neighbours


def is_address(text: str) -> bool:
    """Tell an IP address (with or without a zone) from a name."""
    try:
        ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def find_route(address: str, routes: Iterable[Route]) -> Route | None:
    """Return the most specific route to `address`, of several the one with the lowest metric; None without any.

    Loopback stands in a table of its own, which /proc does not show: it always leads to `lo`.

    Raises:
        ValueError: `address` is no IP address.
    """
    wanted = ip_address(address.partition("%")[0])
    if wanted.is_loopback:
        return Route(_LOOPBACK_V4 if wanted.version == 4 else _LOOPBACK_V6, "lo", None, 0)
    fitting = (route for route in routes if route.network.version == wanted.version and wanted in route.network)
    return min(fitting, key=lambda route: (-route.network.prefixlen, route.metric), default=None)


def link_problem(name: str, link: Link | None) -> str | None:
    """Say why an interface cannot carry anything; None while it can, or nothing speaks against it."""
    if link is None:
        return f"interface {name} does not exist"
    if link.flags is not None and not link.flags & _IFF_UP:
        return f"interface {name} is switched off"
    if link.carrier is False:
        return f"interface {name} has no carrier"
    if link.operstate in _BROKEN_OPERSTATES:
        return f"interface {name} is {link.operstate}"
    return None


def route_problem(
    route: Route | None,
    links: Mapping[str, Link],
    neighbours: Mapping[str, Neighbour],
    known_by: str | None = None,
) -> str | None:
    """Say what on this host keeps packets from taking `route`; None while there is no such evidence.

    Args:
        route: what `find_route` gave for the address.
        known_by: the interface by which the address was reached when it last answered: if that has failed, the kernel
            may have moved the traffic to a route that leads nowhere (the default route of a management network).
    """
    former = link_problem(known_by, links.get(known_by)) if known_by is not None else None
    if route is None or not route.interface:
        missing = "no route" if route is None else f"the route to {route.network} refuses"
        return f"{missing}: {former}" if former else missing
    if problem := link_problem(route.interface, links.get(route.interface)) or former:
        return problem
    neighbour = neighbours.get(route.gateway) if route.gateway else None
    if neighbour is not None and neighbour.interface == route.interface and not neighbour.complete:
        return f"gateway {route.gateway} on {route.interface} does not answer ARP"
    return None


def _native(digits: str) -> int:
    """Return the address as a number: the kernel prints its 32 bits as they lie in memory."""
    return int.from_bytes(int(digits, 16).to_bytes(4, sys.byteorder), "big")


def _route(network: IPv4Network | IPv6Network, interface: str, gateway: str, flags: int, metric: int) -> Route:
    refuses = bool(flags & _RTF_REJECT)
    return Route(network, "" if refuses else interface, gateway if flags & _RTF_GATEWAY else None, metric)

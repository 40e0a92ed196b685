"""The ways from the agent's host to everything, as far as they are known: lines of LLDP, and sites and circuits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from agent.core.dominators import dominators
from agent.core.model import Estate, Role
from agent.core.neighbours import Names
from agent.core.sightings import Sighting
from agent.core.topology import Topology, follows, group_of

HERE: Final = " here"  # no target is called so: names have no space
_STRANGER: Final = " ?"


@dataclass(frozen=True, slots=True)
class Ways:
    """A graph seen from the agent's host. Nodes are targets, HERE, and strangers.

    Attributes:
        nearest: node -> the nearest other one through which every way to it leads; what is reached has one.
        into: node -> those directly before it.
        lines: both devices' names -> what was seen of the line between them.
        ends: circuit -> the devices on this side on which it ends, and the interface there.
        strangers: node of a stranger -> who sees it.
        own: devices of the configuration that are this host itself.
        attached: devices that this host is plugged into.
        by_lines: devices that lines lead to.
        apart: devices that tell of neighbours, while nothing joins them to this host.
        stands: where this host is plugged in, as a sentence.
    """

    nearest: Mapping[str, str]
    into: Mapping[str, Sequence[str]]
    lines: Mapping[frozenset[str], Sequence[Sighting]]
    ends: Mapping[str, Mapping[str, str]]
    strangers: Mapping[str, Sequence[Sighting]]
    own: frozenset[str]
    attached: frozenset[str]
    by_lines: frozenset[str]
    apart: tuple[str, ...]
    stands: str

    def joined(self, one: str, other: str) -> bool:
        """Say whether a line leads from one to the other."""
        return frozenset((one, other)) in self.lines

    def line(self, nearer: str, farther: str) -> tuple[str, datetime]:
        """Return what is known of the line between two devices, and since when."""
        seen = self.lines[frozenset((nearer, farther))]
        first = seen[0]
        ends = f"{first.device} {first.port}"
        ends += f" - {_other(first, nearer, farther)}" + (f" {first.far_port}" if first.far_port else "")
        sides = {one.device for one in seen}
        says = "both ends say so" if len(sides) > 1 else f"only {first.device} says so"
        more = f", and {len(seen) // len(sides) - 1} more lines" if len(seen) // len(sides) > 1 else ""
        return f"the only way there is by {nearer}: {ends}{more}; {says}", min(one.first_at for one in seen)

    def before(self, name: str) -> frozenset[str]:
        """Return all through which every way to a node leads."""
        found = set()
        node = self.nearest.get(name)
        while node is not None and node not in found:
            found.add(node)
            node = self.nearest.get(node)
        return frozenset(found)

    def entries(self, name: str) -> list[str]:
        """Return the nodes directly before one that are reached without it."""
        reached = (node for node in self.into.get(name, ()) if node == HERE or node in self.nearest)
        return [node for node in reached if name not in self.before(node)]

    def since(self, name: str) -> datetime:
        """Return since when the lines of a device have been known."""
        return min(one.first_at for pair, seen in self.lines.items() if name in pair for one in seen)


def called(node: str) -> str:
    """Return what a node is called in a sentence."""
    return "this host" if node == HERE else node.removeprefix(_STRANGER)


def is_stranger(node: str) -> bool:
    """Say whether a node is a neighbour that no configuration names."""
    return node.startswith(_STRANGER)


def ways(topology: Topology, names: Names, seen: Iterable[Sighting], host: str, gateway: str | None) -> Ways:
    """Return the ways from the agent's host.

    Where LLDP sees the host itself, the ways begin there; else behind its default gateway.

    Args:
        host: its name, as it would tell it by LLDP.
        gateway: the device that is its default gateway.
    """
    graph = _Graph(topology.estate, names, host)
    for one in seen:
        graph.see(one)
    stands = graph.begin(gateway)
    graph.sites(topology)
    first = graph.reached()
    nearest = graph.reached() if graph.given(first) else first
    told = {name for pair in graph.lines for name in pair if not is_stranger(name)}
    return Ways(
        nearest, graph.into(), graph.lines, graph.ends, graph.strangers, graph.own,
        attached=frozenset(one.device for one in graph.at_host),
        by_lines=frozenset(told & first.keys()),
        apart=tuple(sorted(told - nearest.keys())),
        stands=stands,
    )  # fmt: skip


@dataclass
class _Graph:
    estate: Estate
    names: Names
    host: str
    after: dict[str, list[str]] = field(default_factory=dict)
    lines: dict[frozenset[str], list[Sighting]] = field(default_factory=dict)
    ends: dict[str, dict[str, str]] = field(default_factory=dict)
    strangers: dict[str, list[Sighting]] = field(default_factory=dict)
    at_host: list[Sighting] = field(default_factory=list)

    def __post_init__(self) -> None:
        hosts = {name for name, target in self.estate.targets.items() if any(c.type == "host" for c in target.checks)}
        named = self.names.device(self.host) if self.host else None
        self.own = frozenset(hosts | ({named} if named is not None else set()))

    def see(self, one: Sighting) -> None:
        """Add the line at one device's port."""
        device = self.names.device(one.system, one.addresses)
        if device == one.device or one.device in self.own:
            return
        word = self.host.lower().partition(".")[0]
        if device in self.own or (device is None and word and one.system.lower().partition(".")[0] == word):
            self.at_host.append(one)
            return
        if device is None:
            device = _STRANGER + one.system
            self.strangers.setdefault(device, []).append(one)
        self.lines.setdefault(frozenset((one.device, device)), []).append(one)
        self._join(one.device, device)
        self._join(device, one.device)

    def begin(self, gateway: str | None) -> str:
        """Add the way out of the agent's host, and say where that is."""
        if self.at_host:
            for one in self.at_host:
                self._join(HERE, one.device)
            ports = " and ".join(dict.fromkeys(f"{one.device} {one.port}" for one in self.at_host[:4]))
            return f"this host is plugged into {ports} (LLDP)"
        if gateway is not None:
            self._join(HERE, gateway)
            return f"this host's default gateway is {gateway}; LLDP does not say where it is plugged in"
        return "neither LLDP nor the default gateway say where this host is plugged in"

    def sites(self, topology: Topology) -> None:
        """Add sites, groups and circuits behind what they follow, and the devices with which a site begins."""
        for name, target in self.estate.targets.items():
            if target.role in (Role.SITE, Role.GROUP, Role.CIRCUIT):
                near = self._near_ends(name, topology) if target.role is Role.CIRCUIT else []
                for above in follows(self.estate, name) or near or [HERE]:
                    self._join(above, name)
            elif target.role is Role.DEVICE:
                for above in target.depends_on:
                    if above in self.estate.targets and self.estate.targets[above].role in (Role.CIRCUIT, Role.GROUP):
                        self._join(above, name)
        for check in self.estate.checks():  # the far end of a circuit is where its site begins
            if check.source is not None and check.target in self._above(check.source[0], topology):
                self._join(group_of(self.estate, check.target) or check.target, check.source[0])

    def given(self, reached: Mapping[str, str]) -> bool:
        """Where no line leads, believe what the configuration says of the device before, and that circuits work.

        Returns:
            Whether there was such a place.
        """
        found = False
        for name, target in self.estate.targets.items():
            if name in self.ends and name not in reached:
                self._join(HERE, name)
                found = True
            if target.role is Role.DEVICE and name not in reached:
                for above in target.depends_on:
                    if above in self.estate.targets and self.estate.targets[above].role is Role.DEVICE:
                        self._join(above, name)
                        found = True
        return found

    def reached(self) -> dict[str, str]:
        """Return for what is reached through what every way there leads."""
        return dominators(HERE, self.after)

    def into(self) -> dict[str, list[str]]:
        """Return for each node those directly before it."""
        found: dict[str, list[str]] = {}
        for node, after in self.after.items():
            for other in after:
                found.setdefault(other, []).append(node)
        return found

    def _near_ends(self, circuit: str, topology: Topology) -> list[str]:
        """Return the devices on this side that a circuit is plugged into: those that do not depend on it."""
        found: dict[str, str] = {}
        for check in self.estate.targets[circuit].checks:
            if check.source is not None and check.source[0] in self.estate.targets:
                device, interface = check.source
                if circuit not in self._above(device, topology):
                    found[device] = interface
        if found:
            self.ends[circuit] = found
        return list(found)

    def _above(self, name: str, topology: Topology) -> list[str]:
        return topology.ancestors(name) if name in self.estate.targets else []

    def _join(self, one: str, other: str) -> None:
        after = self.after.setdefault(one, [])
        if other not in after:
            after.append(other)


def _other(seen: Sighting, nearer: str, farther: str) -> str:
    return farther if seen.device == nearer else nearer

"""What seems to depend on what, learnt and not told: proposals for a person, which no rule of paging reads.

Which device stands behind which is seen from the agent's host: what every way to a device leads through, that it
depends on. Ways are lines between neighbours as LLDP tells them, and what the configuration says of sites and circuits.
What devices say of their neighbours comes from the network, and nobody has signed it: it is shown for confirmation.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from agent.core.model import Estate, Role
from agent.core.neighbours import Names
from agent.core.routes import Route, find_route, is_address
from agent.core.sightings import Said, Sightings
from agent.core.topology import Topology, topology
from agent.core.ways import HERE, Ways, called, is_stranger, ways

MAX_STRANGERS: Final = 200  # a page of them; phones alone may be thousands
_YAML_WORDS: Final = frozenset({"y", "n", "yes", "no", "true", "false", "on", "off", "null"})  # YAML 1.1
_MAX_ROUTED: Final = 2_000  # addresses looked up in the routing table at one look


class Source(StrEnum):
    """Where a dependency was learnt."""

    LLDP = "lldp"
    CIRCUIT_END = "circuit_end"  # the configuration says on which device's interface a circuit ends
    ROUTE = "route"  # this host's routing table


@dataclass(frozen=True, slots=True)
class Host:
    """The agent's own host: what it is called, and its routing table."""

    name: str = ""
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class Learnt:
    """A dependency that is not in the configuration and seems to be so; or, contradicted, one that is and seems not.

    Attributes:
        why: one sentence with ports and names.
        since: since when this run of the agent has known it.
    """

    target: str
    depends_on: str
    why: str
    source: Source
    since: datetime


@dataclass(frozen=True, slots=True)
class Note:
    """Why nothing is proposed for a target."""

    target: str
    text: str


@dataclass(frozen=True, slots=True)
class Stranger:
    """A neighbour that is in no configuration: a device that nobody watches.

    Attributes:
        seen_by: `DEVICE PORT` each, and the port that it calls its own.
    """

    name: str
    seen_by: tuple[str, ...]
    since: datetime


@dataclass(frozen=True, slots=True)
class Learning:
    """All that has been learnt.

    Attributes:
        stands: where this host is plugged in, in one sentence.
        contradicted: dependencies of the configuration that LLDP speaks against.
        confirmed: how many dependencies between devices LLDP has found as they are configured.
        apart: devices that tell of neighbours, while nothing joins them to this host.
        left_out: neighbours and strangers that there was no room for.
    """

    stands: str = ""
    proposals: tuple[Learnt, ...] = ()
    contradicted: tuple[Learnt, ...] = ()
    notes: tuple[Note, ...] = ()
    strangers: tuple[Stranger, ...] = ()
    confirmed: int = 0
    apart: tuple[str, ...] = ()
    left_out: int = 0

    def about(self, target: str) -> tuple[Learnt, ...]:
        """Return the proposals that a target has a part in."""
        return tuple(one for one in self.proposals if target in (one.target, one.depends_on))


class Learner:
    """Remembers what neighbours said, and since when each proposal has stood."""

    def __init__(self) -> None:
        """Begin with nothing learnt."""
        self._estate = Estate("", {})
        self._topology = topology(self._estate)
        self._names = Names(self._estate)
        self._sightings = Sightings()
        self._since: dict[tuple[str, str, Source], datetime] = {}

    def look(self, estate: Estate, polls: Mapping[str, Said], host: Host, now: datetime) -> Learning:
        """Take the last polls of all devices, and return what follows from all that is known.

        Takes one to three seconds for ten thousand targets and as many strangers: it belongs into a thread.
        """
        if self._estate is not estate:
            self._names.swap(estate)
            self._estate, self._topology = estate, topology(estate)
        seen = self._sightings.look(estate, self._names, polls, now)
        gateway = next((device for address in _gateways(host.routes) if (device := self._names.at(address))), None)
        found = ways(self._topology, self._names, seen, host.name, gateway)
        draft = _Draft(self._topology, found, now)
        draft.from_ways()
        draft.from_routes(self._names, host.routes)
        draft.contradict()
        return self._dated(draft, found)

    def _dated(self, draft: "_Draft", found: Ways) -> Learning:
        """Keep since when a route or an end has spoken for something; lines know since when they have been seen."""
        kept = {(one.target, one.depends_on, one.source): one for one in draft.proposals}
        self._since = {key: self._since.get(key, one.since) for key, one in kept.items()}
        proposals = [Learnt(*key[:2], one.why, key[2], self._since[key]) for key, one in kept.items()]
        strangers = [
            Stranger(called(node), tuple(f"{one.device} {one.port}" + (f" (its {one.far_port})" if one.far_port else "")
                                         for one in seen[:3]), min(one.first_at for one in seen))
            for node, seen in sorted(found.strangers.items())
        ]  # fmt: skip
        return Learning(
            found.stands, tuple(proposals), tuple(draft.contradicted), tuple(draft.notes),
            tuple(strangers[:MAX_STRANGERS]), draft.confirmed, found.apart,
            self._sightings.left_out + max(0, len(strangers) - MAX_STRANGERS),
        )  # fmt: skip


@dataclass
class _Draft:
    """Proposals while they are found: none that the configuration has already, none that would close a circle."""

    topology: Topology
    ways: Ways
    now: datetime
    proposals: list[Learnt] = field(default_factory=list)
    contradicted: list[Learnt] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    confirmed: int = 0

    def __post_init__(self) -> None:
        self._above: dict[str, frozenset[str]] = {}
        self._proposed: dict[str, list[str]] = {}

    def from_ways(self) -> None:
        """Propose for each device what is directly before it on every way from this host."""
        for name, target in self.topology.estate.targets.items():
            ends = self.ways.ends.get(name, {})
            if len(ends) == 1:
                ((device, interface),) = ends.items()
                self._propose(name, device, f"its end {interface} is on {device}", Source.CIRCUIT_END, self.now)
            nearest = self.ways.nearest.get(name)
            if target.role is not Role.DEVICE or nearest is None or name in self.ways.own | self.ways.attached:
                continue
            if self._is_device(nearest) and self.ways.joined(nearest, name):
                why, since = self.ways.line(nearest, name)
                self._propose(name, nearest, why, Source.LLDP, since)
            else:
                self._note(name, nearest)

    def from_routes(self, names: Names, routes: Sequence[Route]) -> None:
        """Propose the gateway by which this host reaches a target, where nothing else is known of the way to it."""
        behind = {route.gateway: names.at(route.gateway) for route in routes if route.gateway}
        if not any(behind.values()):
            return
        found = 0
        for name, target in self.topology.estate.targets.items():
            address = target.address
            if target.depends_on or target.members or name in self._proposed or not address or not is_address(address):
                continue
            found += 1
            route = find_route(address, routes) if found <= _MAX_ROUTED else None
            gateway = behind.get(route.gateway) if route is not None and route.gateway else None
            known = self.ways.nearest.get(name, HERE) != HERE or name in self.ways.own | self.ways.attached
            if route is not None and gateway is not None and not known:
                why = f"this host's route to {address} ({route.network}) leads by {route.gateway}"
                self._propose(name, gateway, why, Source.ROUTE, self.now)

    def contradict(self) -> None:
        """Name each dependency between devices that LLDP has another way around."""
        for name, target in self.topology.estate.targets.items():
            for above in target.depends_on if name in self.ways.by_lines else ():
                if above not in self.ways.by_lines or name in self.ways.own:
                    continue
                if above in self.ways.before(name):
                    self.confirmed += 1
                    continue
                others = _listed(sorted(called(node) for node in self.ways.entries(name) if node != above))
                turned = name in self.ways.before(above)
                text = f"LLDP sees {above} behind {name}" if turned else f"LLDP sees a way there by {others}"
                if all((one.target, one.depends_on) != (name, above) for one in self.contradicted):
                    self.contradicted.append(Learnt(name, above, text, Source.LLDP, self.ways.since(name)))

    def _propose(self, name: str, above: str, why: str, source: Source, since: datetime) -> None:
        if above == name or above in self._ancestors(name):
            return
        if name in self._ancestors(above) or self._circle(name, above):
            self.contradicted.append(Learnt(above, name, f"{why}: {name} is behind it", source, since))
            return
        self._proposed.setdefault(name, []).append(above)
        self.proposals.append(Learnt(name, above, why, source, since))

    def _circle(self, name: str, above: str) -> bool:
        """Say whether `above` would depend on `name` by other proposals, together with the configuration."""
        waiting, seen = [above], {above}
        while waiting:
            one = waiting.pop()
            for other in (*self._ancestors(one), *self._proposed.get(one, ())):
                if other == name:
                    return True
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        return False

    def _note(self, name: str, nearest: str) -> None:
        by = sorted(called(node) for node in self.ways.entries(name))
        if is_stranger(nearest):
            self.notes.append(Note(name, f"stands behind {called(nearest)}, which nobody watches"))
        elif len(by) > 1:
            self.notes.append(
                Note(name, f"is reached by {_listed(by)}: either is enough, so it depends on none of them")
            )

    def _ancestors(self, name: str) -> frozenset[str]:
        if name not in self._above:
            self._above[name] = frozenset(self.topology.ancestors(name))
        return self._above[name]

    def _is_device(self, node: str) -> bool:
        target = self.topology.estate.targets.get(node)
        return target is not None and target.role is Role.DEVICE


def confirmation(estate: Estate, learning: Learning) -> list[str]:
    """Return the lines of YAML that confirm every proposal: `depends_on` as it would be, with what is there already."""
    found: list[str] = []
    for key, wanted in (("circuits", {Role.CIRCUIT}), ("devices", {Role.DEVICE}), ("services", {Role.SERVICE})):
        section: list[str] = []
        by_target: dict[str, list[Learnt]] = {}
        for one in learning.proposals:
            target = estate.targets.get(one.target)
            if target is not None and target.role in wanted:
                by_target.setdefault(one.target, []).append(one)
        for name, proposals in by_target.items():
            names = dict.fromkeys((*estate.targets[name].depends_on, *(one.depends_on for one in proposals)))
            section.append(f"  - name: {_scalar(name)}")
            section += [f"    # {one.source.replace('_', ' ')}: {told_line(one.why)}" for one in proposals]
            section.append(f"    depends_on: [{', '.join(map(_scalar, names))}]")
        found += [f"{key}:", *section] if section else []
    return found


def _scalar(name: str) -> str:
    """Return a name as YAML reads it back as text: `on`, `007` and dates would be something else."""
    plain = name[0].isalpha() and name.lower() not in _YAML_WORDS
    return name if plain else f'"{name}"'


def told_line(text: str) -> str:
    """Return a sentence as one line, for a comment: what a neighbour calls itself must not begin a new one."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _gateways(routes: Iterable[Route]) -> list[str]:
    """Return the default gateways, the one in use first."""
    default = [route for route in routes if route.network.prefixlen == 0 and route.gateway]
    return [str(route.gateway) for route in sorted(default, key=lambda route: route.metric)]


def _listed(names: Sequence[str]) -> str:
    return " or ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")

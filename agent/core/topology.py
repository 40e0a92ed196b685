"""What depends on what: the order in which states are decided, and whom a change concerns.

A target depends on every name in `depends_on`. A group or a site is a target of its own: its `members` (circuits) are
alternatives, so it follows them, and what depends on it follows it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter

from agent.core.model import Estate, Role, Target


@dataclass(frozen=True, slots=True)
class Topology:
    """The estate's dependencies, worked out once per configuration.

    Attributes:
        rank: place of each target in an order in which all that it follows stands before it.
        followers: target -> those whose state follows from it directly.
    """

    estate: Estate
    rank: Mapping[str, int]
    followers: Mapping[str, tuple[str, ...]]

    def affected(self, names: Iterable[str]) -> list[str]:
        """Return these targets and all whose state may follow from theirs, in the order in which to decide them."""
        found: set[str] = set()
        waiting = [name for name in names if name in self.rank]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(self.followers[name])
        return sorted(found, key=self.rank.__getitem__)

    def ancestors(self, name: str) -> list[str]:
        """Return all that `name` follows, near or far, each once."""
        found: dict[str, None] = {}
        waiting = list(follows(self.estate, name))
        while waiting:
            above = waiting.pop(0)
            if above not in found:
                found[above] = None
                waiting.extend(follows(self.estate, above))
        return list(found)

    def descendants(self, name: str) -> list[str]:
        """Return all whose state may follow from that of `name`, without itself, in the order of decision."""
        return [found for found in self.affected([name]) if found != name]


def follows(estate: Estate, name: str) -> tuple[str, ...]:
    """Return the targets from which the state of `name` follows directly; names that are not in the estate left out."""
    target = estate.targets[name]
    above = [*target.depends_on, *target.members]
    if target.role is Role.SITE:  # where a whole group failed, the group is the cause, not each of its circuits
        above += [group for member in target.members if (group := group_of(estate, member))]
    return tuple(name for name in dict.fromkeys(above) if name in estate.targets)


def needed(target: Target, estate: Estate) -> tuple[str, ...]:
    """Return what a target depends on by its own words; names that are not in the estate left out."""
    return tuple(name for name in target.depends_on if name in estate.targets)


def group_of(estate: Estate, name: str) -> str | None:
    """Return the group of a circuit; None for a circuit without one, and for anything else."""
    target = estate.targets.get(name)
    return target.circuit.group if target is not None and target.circuit is not None else None


def topology(estate: Estate) -> Topology:
    """Work out the order.

    Raises:
        graphlib.CycleError: for a circle; the configuration has refused those with their names.
    """
    sorter = TopologicalSorter({name: follows(estate, name) for name in estate.targets})
    rank = {name: place for place, name in enumerate(sorter.static_order())}
    followers: dict[str, list[str]] = {name: [] for name in estate.targets}
    for name in estate.targets:
        for above in follows(estate, name):
            followers[above].append(name)
    return Topology(estate, rank, {name: tuple(below) for name, below in followers.items()})

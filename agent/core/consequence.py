"""What would be lost if a piece of hardware failed, as parts that can be shown: by the configuration's dependencies.

A device takes along what depends on it, and the circuits that end at it; of a group or a site the last circuit only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from agent.core.model import Estate, Role, Target
from agent.core.risk import Part, Risk
from agent.core.topology import group_of, needed, topology

# How much each part can make of the consequence; together with the rest they are 1.
BASE: Final = 0.1  # whatever fails costs somebody a day
ALONE_WEIGHT: Final = (
    0.3  # whether something is down at once, or a fault is mended in working hours, is the largest step
)
DEPENDENTS_WEIGHT: Final = 0.3
SITES_WEIGHT: Final = 0.2  # a site that is cut off has no way to help itself
OWNERS_WEIGHT: Final = 0.1  # what two organisations share, both have to agree on

DEPENDENTS_HALF: Final = 5.0  # so many things lost are half of the worst: the twentieth counts less than the second
SITES_HALF: Final = 2.0
WEAKENED: Final = 1 / 3  # redundancy is lost and nothing is down yet: the next failure is an outage
_NAMES: Final = 4  # named in a sentence
_READ: Final = (Role.SITE, Role.SERVICE, Role.GROUP, Role.CIRCUIT, Role.DEVICE)
_DEPENDENCIES: Final = "dependencies of the configuration"


@dataclass(frozen=True, slots=True)
class Lost:
    """What one device takes along when it fails alone.

    Attributes:
        names: what is lost without it: sites, services, groups, circuits, devices.
        weakened: groups and sites that lose a circuit and keep another.
        sites, owners: whose that is; of the device itself as well.
    """

    names: tuple[str, ...] = ()
    weakened: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()


class Consequences:
    """What each device of one estate takes along; worked out when it is asked for, and kept."""

    def __init__(self, estate: Estate) -> None:
        """Take the estate."""
        self._estate = estate
        self._topology = topology(estate)
        self._known: dict[str, Lost] = {}

    def of(self, name: str) -> Lost:
        """Return what is lost with a device."""
        if name not in self._known:
            self._known[name] = self._lost(name)
        return self._known[name]

    @cached_property
    def _order(self) -> Mapping[str, int]:
        """What people use first, then in the order of the configuration."""
        ordered = sorted(self._estate.targets.values(), key=lambda target: _READ.index(target.role))
        return {target.name: place for place, target in enumerate(ordered)}

    @cached_property
    def _ends(self) -> Mapping[str, tuple[str, ...]]:
        """Device -> the circuits that end at it."""
        found: dict[str, list[str]] = {}
        for target in self._estate.targets.values():
            for device in dict.fromkeys(check.source[0] for check in target.checks if check.source is not None):
                found.setdefault(device, []).append(target.name)
        return {device: tuple(names) for device, names in found.items()}

    def _lost(self, name: str) -> Lost:
        first = [name, *self._ends.get(name, ())]
        lost, weakened = set(first), set[str]()
        for follower in self._topology.affected(first):  # what it follows stands before it
            target = self._estate.targets[follower]
            if follower in lost or follower == self._estate.site:  # the agent is there
                continue
            gone = [member in lost for member in target.members if member in self._estate.targets]
            if any(above in lost for above in needed(target, self._estate)) or (gone and all(gone)):
                lost.add(follower)
            elif any(gone):
                weakened.add(follower)
        order = self._order.__getitem__
        named = [one for one in sorted(lost - {name}, key=order) if group_of(self._estate, one) is None]
        # a group stands for its circuits, and for the sites that it joins
        groups = [one for one in sorted(weakened, key=order) if self._estate.targets[one].role is Role.GROUP]
        return Lost(tuple(named), tuple(groups or sorted(weakened, key=order)), *self._whose([name, *named], weakened))

    def _whose(self, lost: Iterable[str], weakened: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        targets = [self._estate.targets[name] for name in (*lost, *sorted(weakened))]
        sites = dict.fromkeys(target.site for target in targets if target.site is not None)
        owners = dict.fromkeys(owner for target in targets for owner in target.owners)
        return tuple(sorted(sites)), tuple(sorted(owners))


def consequence(target: Target | None, lost: Lost) -> Risk:
    """Return what a failure would cost: 0.1 for anything, and the weighted parts.

    Args:
        target: None for a row of an asset register, of which nothing is known to depend.
    """
    if target is None:
        parts = tuple(
            Part(name, None, weight, "nothing is known: it stands in the asset register alone")
            for name, weight in _WEIGHTS.items()
        )
        return Risk(parts, BASE)
    parts = (_alone(lost), _dependents(lost), _sites(lost), _owners(lost))
    return Risk(parts, BASE + sum((part.ratio or 0.0) * part.weight for part in parts))


_WEIGHTS: Final = {
    "alone": ALONE_WEIGHT, "dependents": DEPENDENTS_WEIGHT, "sites": SITES_WEIGHT, "owners": OWNERS_WEIGHT
}  # fmt: skip


def _alone(lost: Lost) -> Part:
    if lost.names:
        ratio, words = 1.0, f"single point of failure: with it fails {_listed(lost.names)}"
    elif lost.weakened:
        ratio, words = WEAKENED, f"redundant: {_listed(lost.weakened)} goes on without it, with nothing left in reserve"
    else:
        ratio, words = 0.0, "nothing else fails with it"
    return Part("alone", ratio, ALONE_WEIGHT, words, _DEPENDENCIES)


def _dependents(lost: Lost) -> Part:
    number, half = len(lost.names), len(lost.weakened)
    weight = number + WEAKENED * half
    words = f"{number} {'thing depends' if number == 1 else 'things depend'} on it"
    if half:
        words += f", {half} in part"
    return Part("dependents", weight / (weight + DEPENDENTS_HALF), DEPENDENTS_WEIGHT, words, _DEPENDENCIES)


def _sites(lost: Lost) -> Part:
    number = len(lost.sites) if lost.names or lost.weakened else 0
    words = f"it concerns {_listed(lost.sites)}" if number else "no site is concerned"
    share = 1.0 if lost.names else WEAKENED
    return Part("sites", share * number / (number + SITES_HALF), SITES_WEIGHT, words, _DEPENDENCIES)


def _owners(lost: Lost) -> Part:
    number = len(lost.owners)
    if not number:
        return Part("owners", None, OWNERS_WEIGHT, "its owner is unknown")
    words = f"shared by {_listed(lost.owners)}" if number > 1 else f"{lost.owners[0]}'s alone"
    return Part("owners", 1.0 - 1.0 / number, OWNERS_WEIGHT, words, "owner (configuration)")


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more} more" if more > 0 else "")

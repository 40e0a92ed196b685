"""What one step of the assessor changed, and what a new configuration changes by itself."""

from dataclasses import dataclass, field
from datetime import datetime

from agent.core.model import Estate, Event, EventKind, Verdict


@dataclass(slots=True)
class Changes:
    """What one step changed.

    Attributes:
        events: in the order in which they follow from one another, causes first.
        checks: (target, check) pairs whose belief is new.
        targets: names whose verdict is new, if only by its reason.
        ask: checks to measure now, because their present state would settle something.
        fresh: (target, check) pairs of which there is new evidence only: their belief is shown as it is.
    """

    events: list[Event] = field(default_factory=list)
    checks: set[tuple[str, str]] = field(default_factory=set)
    targets: set[str] = field(default_factory=set)
    ask: set[tuple[str, str]] = field(default_factory=set)
    fresh: list[tuple[str, str]] = field(default_factory=list)


def renames(old: Estate, new: Estate) -> dict[str, str]:
    """Return former name -> new name of the targets that say where they come from."""
    return {
        target.renamed_from: name
        for name, target in new.targets.items()
        if target.renamed_from is not None
        and target.renamed_from in old.targets
        and target.renamed_from not in new.targets
    }


def removed(name: str, verdict: Verdict, now: datetime) -> Event:
    """Return the event of a target that the configuration does not have any more."""
    return Event(EventKind.TARGET, now, now, name, verdict.state.value, "", "removed")

"""The estate's dependencies as a tree from the agent outward, for a person to read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.core.documents import document
from agent.core.explain import Known
from agent.core.learnt import confirmation
from agent.core.model import Estate, Role
from agent.core.topology import group_of


@dataclass(frozen=True, slots=True)
class Branch:
    """One line of the tree.

    Attributes:
        depth: 0 for what depends on nothing.
        last: for each level down to its own, whether nothing of that level follows.
        alternative: a circuit under its group: one of them is enough.
        again: it stands elsewhere with all that is behind it, for it depends on several.
    """

    name: str
    depth: int
    last: tuple[bool, ...]
    alternative: bool = False
    again: bool = False


def branches(estate: Estate) -> Iterator[Branch]:
    """Yield the lines of the tree, from the agent outward.

    Each target stands in full under the first thing that it depends on, and as a word under the others. A group stands
    where its circuits would, and they under it.
    """
    below = _below(estate)
    shown: set[str] = set()
    roots = sorted(below[None], key=lambda name: name != estate.site)
    yield from _from(roots, estate, below, shown)
    for name in estate.targets:  # circuits of a group that stand behind one another
        if name not in shown:
            yield from _from([name], estate, below, shown)


def _from(
    roots: Sequence[str], estate: Estate, below: Mapping[str | None, Sequence[str]], shown: set[str]
) -> Iterator[Branch]:
    waiting: list[tuple[str, int, tuple[bool, ...], bool]] = []
    waiting += [(name, 0, (place == 0,), False) for place, name in enumerate(reversed(roots))]
    while waiting:
        name, depth, last, alternative = waiting.pop()
        again = name in shown
        yield Branch(name, depth, last, alternative, again)
        if again:
            continue
        shown.add(name)
        circuits = {other for other in below.get(name, ()) if group_of(estate, other) == name}
        behind = sorted(below.get(name, ()), key=lambda other: other not in circuits)  # a group's own circuits first
        for place, other in enumerate(reversed(behind)):
            waiting.append((other, depth + 1, (*last, place == 0), other in circuits))


def tree_document(known: Known) -> dict[str, Any]:
    """Return the tree as JSON has it: its lines in their order, and what is learnt and not confirmed beside it."""
    estate, lines = known.estate, []
    for branch in branches(estate):
        target, verdict = estate.targets[branch.name], known.verdict(branch.name)
        lines.append(
            {
                **document(branch),
                "kind": target.kind,
                "state": document(verdict.state),
                "since": document(verdict.since),
                "marks": document(verdict.marks),
                "causes": list(verdict.causes),
                "depends_on": list(target.depends_on),
                "members": list(target.members),
            }
        )
    return {"agent": estate.agent, "site": estate.site, "tree": lines, "learnt": learnt_document(known)}


def learnt_document(known: Known) -> dict[str, Any]:
    """Return what is learnt and not confirmed, and under `yaml` the lines that would confirm it."""
    return document(known.learning) | {"yaml": confirmation(known.estate, known.learning)}  # type: ignore[no-any-return] # a dataclass is an object


def _below(estate: Estate) -> Mapping[str | None, list[str]]:
    """Return what stands directly behind each target, and behind the agent itself (None)."""
    below: dict[str | None, list[str]] = {None: []}
    for name, target in estate.targets.items():
        group = group_of(estate, name)
        if target.role is Role.GROUP:
            above = [other for member in target.members if member in estate.targets
                     for other in estate.targets[member].depends_on]  # fmt: skip
        elif group is not None:
            above = [group]
        else:
            above = [*target.depends_on, *(group_of(estate, member) or member for member in target.members)]
        known: list[str | None] = [other for other in dict.fromkeys(above) if other in estate.targets and other != name]
        for other in known or [None]:
            below.setdefault(other, []).append(name)
    return below

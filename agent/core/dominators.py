"""Through what every way to a node leads: the immediate dominators of a graph."""

from collections.abc import Mapping, Sequence


def dominators(root: str, after: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return for each node that is reached from `root` the nearest other one through which every way there leads.

    By the iteration of Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm" (2001).

    Args:
        after: node -> the nodes that stand directly behind it; a line that leads both ways stands in both.

    Returns:
        What is reached; the root is not among its keys.
    """
    order = _reverse_postorder(root, after)
    place = {node: number for number, node in enumerate(order)}
    before: dict[str, list[str]] = {node: [] for node in order}
    for node in order:
        for follower in after.get(node, ()):
            before[follower].append(node)
    found = {root: root}
    changed = True
    while changed:
        changed = False
        for node in order[1:]:
            known = [other for other in before[node] if other in found]
            new = known[0]
            for other in known[1:]:
                new = _meet(new, other, found, place)
            if found.get(node) != new:
                found[node], changed = new, True
    del found[root]
    return found


def _meet(one: str, other: str, found: Mapping[str, str], place: Mapping[str, int]) -> str:
    while one != other:
        while place[one] > place[other]:
            one = found[one]
        while place[other] > place[one]:
            other = found[other]
    return one


def _reverse_postorder(root: str, after: Mapping[str, Sequence[str]]) -> list[str]:
    """Walk in depth without recursion: what devices say of one another may be a chain of any length."""
    done: list[str] = []
    seen = {root}
    waiting = [(root, iter(after.get(root, ())))]
    while waiting:
        node, rest = waiting[-1]
        follower = next((other for other in rest if other not in seen), None)
        if follower is None:
            done.append(node)
            waiting.pop()
        else:
            seen.add(follower)
            waiting.append((follower, iter(after.get(follower, ()))))
    return done[::-1]

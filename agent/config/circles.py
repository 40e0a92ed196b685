"""Nothing may depend on itself by way of others: a circle would keep its members unreachable for ever."""

from collections.abc import Iterator

from agent.core.model import Estate, Role, Target


def circles(estate: Estate) -> Iterator[tuple[str, ...]]:
    """Yield each circle once, as names in the order in which they depend on each other.

    A group depends on its circuits, and a site on those that lead to it.
    """
    done: set[str] = set()
    for start in estate.targets:
        if start in done:
            continue
        path = [start]
        on_path = {start: 0}
        branches = [_needs(estate, start)]
        while path:
            name = next(branches[-1], None)
            if name is None:
                done.add(path[-1])
                del on_path[path.pop()]
                branches.pop()
            elif name in on_path:
                yield tuple(path[on_path[name] :])
            elif name not in done:
                on_path[name] = len(path)
                path.append(name)
                branches.append(_needs(estate, name))


def _needs(estate: Estate, name: str) -> Iterator[str]:
    target = estate.targets[name]
    return (other for other in (*target.depends_on, *target.members) if other in estate.targets)


def in_words(estate: Estate, circle: tuple[str, ...]) -> str:
    """Return `a depends on b, b on site c, c on a`."""
    pairs = zip(circle, (*circle[1:], circle[0]), strict=True)
    first, *others = [(_named(estate.targets[one]), _named(estate.targets[other])) for one, other in pairs]
    words = [f"{first[0]} depends on {first[1]}", *(f"{one} on {other}" for one, other in others)]
    return ", ".join(words)


def _named(target: Target) -> str:
    return f"{target.role.value} {target.name}" if target.role in {Role.SITE, Role.GROUP} else target.name

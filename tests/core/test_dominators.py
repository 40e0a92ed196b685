"""Through what every way leads."""

import random

import pytest

from agent.core.dominators import dominators


def graph(text: str) -> dict[str, list[str]]:
    """Return `ab` as a way from a to b, `a=b` as a line that leads both ways."""
    after: dict[str, list[str]] = {}
    for word in text.split():
        after.setdefault(word[0], []).append(word[-1])
        if "=" in word:
            after.setdefault(word[-1], []).append(word[0])
    return after


@pytest.mark.parametrize(
    ("ways", "found"),
    [
        ("", ""),
        ("rb", "b:r"),
        ("r=a a=b b=c", "a:r b:a c:b"),
        ("r=a a=b a=c b=c", "a:r b:a c:a"),  # a ring: each of the two has the other, and both have a
        ("r=a a=b a=c b=d c=d d=e", "a:r b:a c:a d:a e:d"),
        ("ra rb bc ca", "a:r b:r c:b"),
        ("ra xb", "a:r"),
        ("ra rb a=c b=d c=e d=f e=f", "a:r b:r c:r d:r e:r f:r"),
    ],
)
def test_the_nearest_through_which_every_way_leads(ways: str, found: str) -> None:
    assert dominators("r", graph(ways)) == dict(word.split(":") for word in found.split())


@pytest.mark.parametrize("seed", range(30))
def test_without_it_nothing_gets_there(seed: int) -> None:
    """By the definition: what dominates a node is what cuts it off; the nearest is dominated by all others."""
    dice = random.Random(seed)
    nodes = [str(n) for n in range(9)]
    after = {node: dice.sample(nodes, dice.randint(0, 3)) for node in nodes}

    def reached(without: str | None) -> set[str]:
        found, waiting = {"0"}, ["0"]
        while waiting:
            for other in after[waiting.pop()]:
                if other not in found and other != without:
                    found.add(other)
                    waiting.append(other)
        return found

    nearest = dominators("0", after)
    assert nearest.keys() | {"0"} == reached(None)
    for node in nearest:
        above, one = set(), node
        while one != "0":
            one = nearest[one]
            above.add(one)
        cuts = {other for other in reached(None) - {"0", node} if node not in reached(other)}
        assert above == cuts | {"0"}


def test_a_chain_may_be_of_any_length() -> None:
    chain = {str(n): [str(n + 1)] for n in range(20_000)}
    assert dominators("0", chain)["20000"] == "19999"

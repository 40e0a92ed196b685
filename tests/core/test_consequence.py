"""What one device takes along: by dependencies, circuits' ends, and what is left of groups and sites."""

from dataclasses import replace

import pytest

from agent.core.consequence import BASE, Consequences, Lost, consequence
from agent.core.model import Target
from tests.core.estates import circuit, device, estate, group, service, site

PAIR = (
    circuit("wan1", group="wan", ends=[("rtr1", "Gi1")]),
    circuit("wan2", group="wan", ends=[("rtr2", "Gi1")]),
    group("wan", "wan1", "wan2"),
    site("far", "wan1", "wan2"),
    device("rtr1", at_site="near"),
    device("rtr2", at_site="near"),
    replace(service("phones", "wan"), site="far", owners=("bcw", "enc")),
)
BOTH_ON_ONE = tuple(
    circuit("wan2", group="wan", ends=[("rtr1", "Gi2"), ("rtr1", "Gi3")]) if target.name == "wan2" else target
    for target in PAIR
)


@pytest.mark.parametrize(
    ("targets", "here", "name", "names", "weakened"),
    [
        (PAIR, None, "rtr1", (), ("wan",)),
        (BOTH_ON_ONE, None, "rtr1", ("far", "phones", "wan"), ()),
        (BOTH_ON_ONE, "far", "rtr1", ("phones", "wan"), ()),  # the agent is there: the site is not lost to it
        ((device("a"), service("s", "a"), service("t", "s")), None, "a", ("s", "t"), ()),
        ((device("a"), service("s", "b")), None, "a", (), ()),  # a name that nothing has
        ((device("a"), site("p", "gone")), None, "a", (), ()),
        # circuits without a group: the site goes on, and the circuit itself is lost
        (
            (circuit("c1", ends=[("a", "1")]), circuit("c2"), site("far", "c1", "c2"), device("a")),
            None, "a", ("c1",), ("far",),
        ),
    ],
)  # fmt: skip
def test_what_is_lost(
    targets: tuple[Target, ...], here: str | None, name: str, names: tuple[str, ...], weakened: tuple[str, ...]
) -> None:
    found = Consequences(estate(*targets, here=here)).of(name)
    assert (found.names, found.weakened) == (names, weakened)


def test_whose_that_is() -> None:
    consequences = Consequences(estate(*BOTH_ON_ONE))
    assert consequences.of("rtr1").sites == ("far", "near")
    assert consequences.of("rtr1").owners == ("bcw", "enc")
    assert consequences.of("rtr1") is consequences.of("rtr1")  # worked out once


ONE = device("a")


@pytest.mark.parametrize(
    ("lost", "details", "ratio"),
    [
        (
            Lost(),
            ("nothing else fails with it", "0 things depend on it", "no site is concerned", "its owner is unknown"),
            BASE,
        ),
        (
            Lost(("s",), (), ("near",), ("bcw",)),
            ("single point of failure: with it fails s", "1 thing depends on it", "it concerns near", "bcw's alone"),
            BASE + 0.3 + 0.3 / 6 + 0.2 / 3,
        ),
        (
            Lost(("a", "b", "c", "d", "e", "f"), ("g",), ("near", "far"), ("bcw", "enc")),
            (
                "single point of failure: with it fails a, b, c, d and 2 more",
                "6 things depend on it, 1 in part",
                "it concerns near, far",
                "shared by bcw, enc",
            ),
            BASE + 0.3 + 0.3 * (19 / 3) / (19 / 3 + 5) + 0.2 / 2 + 0.1 / 2,
        ),
        (
            Lost((), ("g",), ("near", "far"), ()),
            (
                "redundant: g goes on without it, with nothing left in reserve",
                "0 things depend on it, 1 in part",
                "it concerns near, far",
                "its owner is unknown",
            ),
            BASE + 0.3 / 3 + 0.3 * (1 / 3) / (1 / 3 + 5) + 0.2 / 2 / 3,
        ),
    ],
)
def test_parts(lost: Lost, details: tuple[str, ...], ratio: float) -> None:
    found = consequence(ONE, lost)
    assert tuple(part.detail for part in found.parts) == details
    assert found.ratio == pytest.approx(ratio)


def test_the_worst_is_one() -> None:
    many = tuple(str(number) for number in range(100_000))
    assert 0.99 < consequence(ONE, Lost(many, (), many, many)).ratio <= 1.0


def test_of_a_row_of_a_register_nothing_is_known() -> None:
    found = consequence(None, Lost())
    assert [(part.name, part.ratio) for part in found.parts] == [
        ("alone", None), ("dependents", None), ("sites", None), ("owners", None)
    ]  # fmt: skip
    assert found.ratio == BASE

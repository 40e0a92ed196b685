"""What depends on what."""

import graphlib

import pytest

from agent.core.topology import follows, group_of, topology
from tests.core.estates import circuit, device, estate, group, service, site

ESTATE = estate(
    service("crm", "srv", "dns"),
    device("srv", "sw"),
    device("dns"),
    device("sw", "far"),
    site("far", "a", "b"),
    group("ab", "a", "b"),
    circuit("a", group="ab"),
    circuit("b", group="ab"),
)


def test_the_order_puts_causes_first() -> None:
    rank = topology(ESTATE).rank
    for name in ESTATE.targets:
        assert all(rank[above] < rank[name] for above in follows(ESTATE, name))


def test_affected_are_all_that_may_follow_in_order() -> None:
    known = topology(ESTATE)
    found = known.affected(["a", "nobody"])
    assert set(found) == {"a", "ab", "far", "sw", "srv", "crm"}
    assert found == sorted(found, key=known.rank.__getitem__)
    assert known.descendants("srv") == ["crm"]


def test_ancestors_are_near_and_far_each_once() -> None:
    assert set(topology(ESTATE).ancestors("crm")) == {"srv", "dns", "sw", "far", "a", "b", "ab"}
    assert len(topology(ESTATE).ancestors("crm")) == 7


def test_a_group_is_that_of_a_circuit() -> None:
    assert group_of(ESTATE, "a") == "ab"
    assert group_of(ESTATE, "srv") is None
    assert group_of(ESTATE, "nobody") is None


def test_a_circle_is_refused() -> None:
    with pytest.raises(graphlib.CycleError):
        topology(estate(device("x", "y"), device("y", "x")))

"""Root cause, sentence by sentence: the smallest set of causes, one page for each, none for what follows."""

import itertools
import random
from collections.abc import Sequence

import pytest

from agent.core.model import Page, Target
from agent.core.paging import pages
from tests.core.estates import Hand, at, circuit, device, group, hand, service, site


class Pager(Hand):
    """A hand that also works out the pages after every step, and remembers each that was ever due."""

    def __init__(self, *targets: Target, here: str | None = None) -> None:
        super().__init__(hand(*targets, here=here).assessor)
        self.sent: list[str] = []
        self.due: tuple[Page, ...] = ()

    def settle(self) -> None:
        """Work out which pages are due now."""
        assessor = self.assessor
        health = {key: assessor.shown(*key) for key in assessor.beliefs}
        before = {(page.alert, page.target) for page in self.due}
        self.due = pages(assessor.estate, assessor.verdicts, health, at(self.now))
        self.sent += [f"{p.alert} {p.target}" for p in self.due if (p.alert, p.target) not in before]

    def see(self, second: float, *seen: str) -> None:
        for one in seen:
            super().see(second, one)
            self.settle()

    def tick(self, second: float) -> None:
        super().tick(second)
        self.settle()

    def all_well(self, second: float = 0.0) -> None:
        names = [name for name, target in self.assessor.estate.targets.items() if target.checks]
        self.see(second, *(f"{name}+" for name in names))
        self.tick(second)
        self.sent.clear()

    def causes(self) -> set[str]:
        return {name for name in self.assessor.verdicts if self.state(name) == "down"}


# ------------------------------------------------------------------ the smallest set of causes


def random_estate(dice: random.Random) -> dict[str, tuple[str, ...]]:
    names = [f"d{n}" for n in range(8)]
    return {
        name: tuple(dice.sample(names[:place], min(place, dice.choice((0, 1, 1, 2)))))
        for place, name in enumerate(names)
    }


def silenced(above: dict[str, tuple[str, ...]], faults: Sequence[str]) -> frozenset[str]:
    """Return what does not answer while these have failed."""
    found: set[str] = set()
    for name, needed in above.items():  # causes stand first
        if name in faults or found & set(needed):
            found.add(name)
    return frozenset(found)


@pytest.mark.parametrize("seed", range(60))
def test_the_causes_are_the_smallest_set_that_explains_what_is_seen(seed: int) -> None:
    """Held against all sets there are, the smaller first: what is down, and nothing else, explains the silence."""
    dice = random.Random(seed)
    above = random_estate(dice)
    silent = silenced(above, dice.sample(list(above), dice.randint(1, 3)))
    smallest = next(
        set(some)
        for size in range(len(above) + 1)
        for some in itertools.combinations(above, size)
        if silenced(above, some) == silent
    )
    here = Pager(*(device(name, *needed) for name, needed in above.items()))
    here.all_well()
    seen = [name + ("-" if name in silent else "+") for name in above]
    dice.shuffle(seen)
    for place, one in enumerate(seen):
        here.see(10 + place * 0.2, one)
    here.tick(15)
    assert here.causes() == smallest
    assert sorted(here.sent) == sorted(f"DeviceDown {name}" for name in smallest)
    for name in silent - smallest:
        caused = set(here.assessor.verdicts[name].causes)
        assert caused
        assert caused <= smallest


# ------------------------------------------------------------------ N consequences, one page


def test_forty_consequences_are_one_page_that_names_them() -> None:
    behind = [device(f"d{n}", "sw") for n in range(40)]
    here = Pager(circuit("wan"), device("sw", "wan"), *behind, service("crm", "d7"))
    here.all_well()
    for n in range(40):
        here.see(10 + n * 0.05, f"d{n}-")
    here.see(12.2, "sw-", "wan-")
    here.tick(30)
    assert here.sent == ["CircuitDown wan"]
    (page,) = here.due
    assert set(page.consequences) == {"sw", "crm", *(f"d{n}" for n in range(40))}
    here.see(100, "wan+", "sw+", *(f"d{n}+" for n in range(40)))
    here.tick(130)
    assert (here.sent, here.due) == (["CircuitDown wan"], ())


# ------------------------------------------------------------------ a child that fails first


def test_all_that_a_child_depends_on_is_asked_in_the_step_in_which_it_fails() -> None:
    here = Pager(circuit("a", group="ab"), circuit("b", group="ab"), group("ab", "a", "b"), device("sw", "ab"),
                 device("srv", "sw"))  # fmt: skip
    here.all_well()
    here.asked.clear()
    here.see(10, "srv-")
    assert here.asked >= {"sw", "a", "b"}
    assert here.sent == []


@pytest.mark.parametrize("answers", [(), ("sw+",), ("sw+", "wan+")])
def test_its_page_is_held_for_three_seconds_at_most(answers: Sequence[str]) -> None:
    here = Pager(circuit("wan"), device("sw", "wan"), device("srv", "sw"))
    here.all_well()
    here.see(10, "srv-")
    assert here.sent == []
    here.see(10.5, *answers)
    for tenths in range(105, 131):
        here.tick(tenths / 10)
    assert here.sent == ["DeviceDown srv"]


def test_a_cause_that_is_known_within_the_hold_is_the_only_page() -> None:
    here = Pager(circuit("wan"), device("sw", "wan"), device("srv", "sw"))
    here.all_well()
    here.see(10, "srv-")
    here.see(11, "sw-")
    here.see(12.8, "wan-")
    here.tick(20)
    assert here.sent == ["CircuitDown wan"]


def test_a_child_that_still_fails_after_the_return_of_its_parent_is_paged_then_and_once() -> None:
    here = Pager(circuit("wan"), device("sw", "wan"), device("srv", "sw"))
    here.all_well()
    here.see(10, "wan-", "sw-", "srv-")
    here.see(60, "wan+", "sw+")
    here.see(62, "srv-")
    here.tick(64)
    assert here.sent == ["CircuitDown wan"]  # it gets a moment: ARP, spanning tree
    for second in range(65, 90, 5):
        here.see(second, "wan+", "sw+", "srv-")
        here.tick(second + 3.5)
    assert here.sent == ["CircuitDown wan", "DeviceDown srv"]
    assert [page.target for page in here.due] == ["srv"]


# ------------------------------------------------------------------ independent faults


def test_two_independent_faults_are_two_pages_with_their_own_consequences() -> None:
    here = Pager(circuit("east"), circuit("west"), device("e1", "east"), device("e2", "e1"), device("w1", "west"))
    here.all_well()
    here.see(10, "e1-", "w1-", "e2-", "west-", "east-")
    here.tick(20)
    assert sorted(here.sent) == ["CircuitDown east", "CircuitDown west"]
    assert {page.target: set(page.consequences) for page in here.due} == {"east": {"e1", "e2"}, "west": {"w1"}}


def test_what_needs_two_that_fail_names_both_and_pages_nothing() -> None:
    here = Pager(device("db"), device("web"), service("crm", "db", "web"))
    here.all_well()
    here.see(10, "db-", "web-")
    here.tick(14)
    assert here.state("crm") == "unreachable by db,web"
    assert sorted(here.sent) == ["DeviceDown db", "DeviceDown web"]
    here.see(60, "db+")
    assert here.state("crm") == "unreachable by web"
    here.see(70, "web+")
    here.tick(90)
    assert (here.state("crm"), len(here.sent)) == ("up", 2)


def test_a_fault_behind_a_fault_is_the_second_page_once_it_can_be_seen() -> None:
    here = Pager(circuit("wan"), device("sw", "wan"), device("srv", "sw"))
    here.all_well()
    here.see(10, "wan-", "sw-", "srv-")  # and meanwhile the switch loses its power for good
    here.see(60, "wan+")
    for second in range(62, 90, 4):
        here.see(second, "wan+", "sw-", "srv-")
        here.tick(second + 3.5)
    assert here.sent == ["CircuitDown wan", "DeviceDown sw"]
    assert here.state("srv") == "unreachable by sw"


# ------------------------------------------------------------------ redundancy


def redundant() -> Pager:
    here = Pager(circuit("a", group="ab"), circuit("b", group="ab"), group("ab", "a", "b"), site("far", "a", "b"),
                 device("sw", "far"), device("srv", "sw"))  # fmt: skip
    here.all_well()
    return here


def test_one_circuit_of_a_group_is_a_ticket_and_no_page() -> None:
    here = redundant()
    here.see(10, "a-")
    here.tick(20)
    assert here.sent == ["RedundancyLost ab"]
    assert [page.severity for page in here.due] == ["warning"]


@pytest.mark.parametrize("order", list(itertools.permutations(["a-", "b-", "sw-", "srv-"])))
def test_all_circuits_of_a_group_are_one_page_in_whatever_order_they_are_missed(order: Sequence[str]) -> None:
    here = redundant()
    for place, seen in enumerate(order):
        here.see(10 + place * 0.3, seen)
    here.tick(20)
    assert [page for page in here.sent if not page.startswith("RedundancyLost")] == ["CircuitGroupDown ab"]
    assert [(page.alert, set(page.consequences)) for page in here.due] == [
        ("CircuitGroupDown", {"far", "sw", "srv"})
    ]  # fmt: skip


# ------------------------------------------------------------------ a common cause


def test_a_shared_data_centre_that_is_lost_is_one_page() -> None:
    """The agent stands at a council; its gateway answers, and all that is reached by the data centre is gone."""
    council = [site("near"), device("gateway", at_site="near"), device("near-srv", "gateway")]
    centre = [circuit("p", group="pb", depends_on=["gateway"]), circuit("b", group="pb", depends_on=["gateway"]),
              group("pb", "p", "b"), site("centre", "p", "b"), device("dc-core", "pb"),
              *(device(f"dc-{n}", "dc-core") for n in range(6)),
              *(service(f"app{n}", f"dc-{n}") for n in range(6))]  # fmt: skip
    other = [circuit("onward", depends_on=["centre"]), site("enc", "onward"), device("enc-sw", "enc"),
             device("enc-srv", "enc-sw")]  # fmt: skip
    here = Pager(*council, *centre, *other, here="near")
    here.all_well()
    gone = ["p", "b", "dc-core", *(f"dc-{n}" for n in range(6)), "onward", "enc-sw", "enc-srv"]
    dice = random.Random(5)
    dice.shuffle(gone)
    for place, name in enumerate(gone):
        here.see(10 + place * 0.1, f"{name}-", "gateway+", "near-srv+")
    here.tick(20)
    assert [page for page in here.sent if not page.startswith("RedundancyLost")] == ["CircuitGroupDown pb"]
    (page,) = here.due
    assert set(page.consequences) == {"centre", "enc", *(f"app{n}" for n in range(6)), *gone} - {"p", "b"}
    assert "site centre" in page.description
    assert "service app5" in page.description
    back = [f"{name}+" for name in ("p", "b", "dc-core", "onward", "enc-sw", "enc-srv")]
    here.see(100, *back, *(f"dc-{n}+" for n in range(6)))
    here.tick(120)
    assert here.due == ()
    assert [one for one in here.sent if one.startswith(("Device", "Service"))] == []


def test_the_gateway_itself_is_the_cause_where_it_does_not_answer() -> None:
    here = Pager(device("gateway"), circuit("one", depends_on=["gateway"]), circuit("two", depends_on=["gateway"]),
                 device("far", "one"))  # fmt: skip
    here.all_well()
    here.see(10, "far-", "one-", "two-", "gateway-")
    here.tick(20)
    assert here.sent == ["DeviceDown gateway"]
    assert set(here.due[0].consequences) == {"one", "two", "far"}

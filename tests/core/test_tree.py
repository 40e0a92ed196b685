"""The tree of dependencies: every target in it once in full, the nearest to the agent first."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from agent.core.explain import Known
from agent.core.learnt import Learning, Learnt, Source
from agent.core.model import Mark, State, Verdict
from agent.core.tree import branches, learnt_document, tree_document
from tests.core.estates import START, circuit, device, estate, group, service, site

ESTATE = estate(
    site("near"),
    circuit("a", group="ab"),
    circuit("b", group="ab"),
    group("ab", "a", "b", "gone"),
    site("far", "a", "b"),
    device("sw", "ab"),
    device("srv", "far", "sw", "gone"),
    service("crm", "srv"),
    circuit("c", depends_on=["sw"], group="cd"),
    group("cd", "c"),
)


def test_from_the_agent_outward() -> None:
    assert [(branch.depth, branch.name + ("?" if branch.alternative else "") + ("*" if branch.again else ""))
            for branch in branches(ESTATE)] == [
        (0, "near"),
        (0, "ab"),
        (1, "a?"),
        (1, "b?"),
        (1, "far"),
        (2, "srv"),
        (3, "crm"),
        (1, "sw"),
        (2, "srv*"),
        (2, "cd"),
        (3, "c?"),
    ]  # fmt: skip


def test_what_is_last_of_its_level() -> None:
    last = {branch.name: branch.last for branch in branches(ESTATE) if not branch.again}
    assert last["near"] == (False,)
    assert last["crm"] == (True, False, True, True)
    assert last["c"] == (True, True, True, True)


def test_circuits_of_a_group_that_stand_behind_one_another_are_not_lost() -> None:
    odd = estate(circuit("m1", group="g", depends_on=["z"]), device("z", "m2"), circuit("m2", group="g"),
                 group("g", "m1", "m2"))  # fmt: skip
    assert {branch.name for branch in branches(odd)} == {"m1", "m2", "z", "g"}


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_every_target_stands_there_once_in_full(pairs: list[tuple[int, int]]) -> None:
    made = estate(*(device(f"d{n}", *{f"d{b}" for a, b in pairs if a == n and b < n}) for n in range(10)))
    lines = list(branches(made))
    assert sorted(line.name for line in lines if not line.again) == sorted(made.targets)
    shown = [(line.name, line.depth) for line in lines]
    for place, line in enumerate(lines):
        above = [name for name, depth in shown[:place] if depth == line.depth - 1]
        assert line.depth == 0 or above[-1] in made.targets[line.name].depends_on
    assert len(lines) == sum(max(1, len(set(target.depends_on))) for target in made.targets.values())


def test_as_a_document() -> None:
    learning = Learning(proposals=(Learnt("srv", "ab", "seen", Source.LLDP, START),))
    verdicts = {"ab": Verdict(State.UP, START, marks=frozenset({Mark.REDUNDANCY_LOST})),
                "srv": Verdict(State.UNREACHABLE, START, ("sw",))}  # fmt: skip
    known = Known(replace(ESTATE, site="near"), verdicts, {}, START, learning=learning)
    found = tree_document(known)
    assert (found["agent"], found["site"]) == ("dc1", "near")
    lines = {line["name"]: line for line in found["tree"] if not line["again"]}
    assert (lines["ab"]["marks"], lines["ab"]["members"]) == (["redundancy_lost"], ["a", "b", "gone"])
    assert (lines["srv"]["state"], lines["srv"]["causes"]) == ("unreachable", ["sw"])
    assert lines["crm"]["state"] == "unknown"
    assert found["learnt"] == learnt_document(known)
    assert found["learnt"]["yaml"][-1] == "    depends_on: [far, sw, gone, ab]"

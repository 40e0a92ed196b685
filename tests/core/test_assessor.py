"""The estate over time: restarts, reloads, staleness."""

import itertools
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from agent.core.assessor import Assessor, presented
from agent.core.changes import renames
from agent.core.model import Estate, EventKind, Health, Mark, Observation, Outcome, State, Verdict
from agent.core.ports import Resumed
from tests.core.estates import Hand, at, circuit, device, estate, group, hand, icmp, site, snmp


def test_an_outage_goes_on_over_a_restart_and_what_was_up_tells_nothing() -> None:
    known = Assessor(estate(circuit("wan"), device("far-sw", "wan"), device("sw")))
    known.resume(
        Resumed(
            checks={
                ("wan", "icmp"): (State.DOWN, at(-60)),
                ("far-sw", "icmp"): (State.DOWN, at(-59)),
                ("sw", "icmp"): (State.UP, at(-600)),
                ("gone", "icmp"): (State.UP, at(-600)),
            },
            targets={
                "wan": (State.DOWN, at(-60), ()),
                "far-sw": (State.UNREACHABLE, at(-59), ("wan",)),
                "sw": (State.UP, at(-600), ()),
                "gone": (State.UP, at(-600), ()),
            },
        )
    )
    here = Hand(known)
    assert [here.state(name) for name in ("wan", "far-sw", "sw")] == ["down", "unreachable by wan", "unknown"]
    here.see(1, "wan-", "far-sw-", "sw+")
    assert [here.state(name) for name in ("wan", "far-sw", "sw")] == ["down", "unreachable by wan", "up"]
    assert here.events == []
    assert known.verdicts["sw"].since == at(-600)
    here.see(9, "wan+", "far-sw+")
    assert here.told("wan") == ["up"]
    assert here.told("far-sw") == ["up"]


def test_redundancy_that_was_lost_stays_lost_over_a_restart() -> None:
    known = Assessor(ESTATE)
    states = {"a": State.DOWN, "b": State.UP, "ab": State.UP, "sw": State.UP}
    known.resume(Resumed(targets={name: (state, at(-60), ()) for name, state in states.items()},
                         checks={(name, "icmp"): (states[name], at(-60)) for name in ("a", "b")}))  # fmt: skip
    here = Hand(known)
    assert known.verdicts["ab"].marks == {Mark.REDUNDANCY_LOST}
    here.tick(1)
    assert known.verdicts["ab"].marks == {Mark.REDUNDANCY_LOST}
    here.see(2, "a-", "b+")
    assert known.verdicts["ab"].marks == {Mark.REDUNDANCY_LOST}
    assert [event for event in here.events if event.target == "ab"] == []
    here.see(30, "a+")
    assert known.verdicts["ab"].marks == frozenset()
    assert [event.new for event in here.events if event.kind is EventKind.MARK] == [""]


def test_what_was_up_before_a_restart_and_is_down_after_it_is_told() -> None:
    known = Assessor(estate(device("sw")))
    known.resume(Resumed(checks={("sw", "icmp"): (State.UP, at(-600))}, targets={"sw": (State.UP, at(-600), ())}))
    here = Hand(known)
    here.see(1, "sw-")
    assert here.told("sw") == ["down"]


def test_what_had_failed_before_a_restart_is_measured_before_it_is_told() -> None:
    here = hand(circuit("wan"), device("sw", "wan"))
    here.assessor.resume(Resumed(
        checks={("wan", "icmp"): (State.UP, at(0)), ("sw", "icmp"): (State.DOWN, at(50))},
        targets={"wan": (State.UP, at(0), ()), "sw": (State.UP, at(0), ())},  # its failure was held back
    ))  # fmt: skip
    here.see(100, "wan+")
    here.tick(110)
    assert here.told("sw") == []
    here.see(111, "wan+", "sw-")
    assert here.told("sw") == ["down"]


def test_up_and_degraded_in_turn_are_no_return() -> None:
    here = hand(circuit("wan"), device("sw", "wan", checks=[icmp("sw"), snmp("sw")]))
    here.see(0, "wan+", "sw+")
    here.see(100, "sw/snmp-")
    assert here.assessor.shown("sw", "snmp").state is State.DOWN
    here.see(101, "wan%", "sw%")
    here.see(200, "wan+", "sw+")
    assert here.assessor.shown("sw", "snmp").state is State.DOWN
    assert [here.assessor.verdicts["sw"].since, here.assessor.verdicts["sw"].works_since] == [at(200), at(0)]
    here.see(201, "sw-")  # it counts at once: its line has not come back, it was there all the time
    here.see(201.1, "wan+")
    assert here.state("sw") == "down"
    here.see(300, "sw+")
    assert here.assessor.verdicts["sw"].returned_at == at(300)
    assert here.assessor.shown("sw", "snmp").state is State.UNKNOWN


def test_what_is_not_measured_any_more_becomes_unknown() -> None:
    here = hand(device("sw"))
    here.see(0, "sw+")
    here.tick(30)
    assert here.state("sw") == "up"
    here.tick(31)
    assert here.state("sw") == "unknown"
    assert here.told("sw") == ["up", "unknown"]


def test_one_failed_measurement_is_made_sure_of() -> None:
    here = hand(device("sw"))
    here.see(0, "sw+")
    here.hear(Observation("sw", "icmp", at(10), Outcome.NO_ANSWER, "0 of 1"))
    assert here.asked == {"sw"}
    assert here.state("sw") == "up"


def test_a_measurement_of_what_was_removed_says_nothing() -> None:
    here = hand(device("sw"))
    here.see(0, "gone-")
    assert here.events == []


def test_a_reload_keeps_states_ends_what_is_removed_and_follows_names() -> None:
    here = hand(circuit("wan"), device("old-sw", "wan"), device("far-sw", "wan"))
    here.see(0, "wan+", "old-sw+", "far-sw+")
    here.see(10, "wan-", "old-sw-", "far-sw-")
    here.events.clear()
    new = estate(circuit("wan"), replace(device("new-sw", "wan"), renamed_from="old-sw"), device("extra"))
    here.take(here.assessor.swap(new, at(20)))
    assert here.state("wan") == "down"
    assert here.state("new-sw") == "unreachable by wan"
    assert here.state("extra") == "unknown"
    assert "far-sw" not in here.assessor.verdicts
    assert [(e.target, e.old, e.new, e.reason) for e in here.events] == [("far-sw", "unreachable", "", "removed")]
    assert ("far-sw", "icmp") not in here.assessor.beliefs


def test_a_held_failure_of_what_is_removed_is_forgotten() -> None:
    here = hand(circuit("wan"), device("sw", "wan"))
    here.see(0, "wan+", "sw+")
    here.see(10, "sw-")
    here.take(here.assessor.swap(estate(circuit("wan")), at(11)))
    here.tick(20)
    assert here.told("sw") == ["up", ""]


def test_a_clock_that_was_set_moves_every_stamp() -> None:
    here = hand(circuit("wan"), device("sw", "wan"), device("srv"))
    here.see(3600, "wan+", "sw+", "srv+")
    here.see(3610, "sw-")
    here.assessor.shift(timedelta(seconds=-3600))
    here.see(10.6, "wan-", "srv-")
    assert [here.state(name) for name in ("wan", "sw", "srv")] == ["down", "unreachable by wan", "down"]
    assert here.assessor.verdicts["sw"].since == at(10)
    here.see(60, "srv+")
    here.tick(95)
    assert here.told("srv") == ["up", "down", "up", "unknown"]


def test_evidence_counts_against_a_belief_from_a_clock_that_ran_ahead() -> None:
    known = Assessor(estate(device("sw")))
    known.resume(Resumed(checks={("sw", "icmp"): (State.DOWN, at(3600))}, targets={"sw": (State.DOWN, at(3600), ())}))
    here = Hand(known)
    here.see(1, "sw+")
    assert here.told("sw") == ["up"]


def test_renames_need_a_former_name_that_is_gone() -> None:
    old = estate(device("a"), device("b"))
    new = estate(
        replace(device("c"), renamed_from="a"), replace(device("d"), renamed_from="b"), device("b"),
        replace(device("e"), renamed_from="never"), device("f"),
    )  # fmt: skip
    assert renames(old, new) == {"a": "c"}


def test_a_removed_dependency_makes_a_consequence_a_failure_of_its_own() -> None:
    here = hand(circuit("wan"), device("sw", "wan"))
    here.see(0, "wan+", "sw+")
    here.see(10, "wan-", "sw-")
    here.take(here.assessor.swap(estate(device("sw")), at(20)))
    assert here.state("sw") == "down"


def test_a_check_is_shown_as_unreachable_where_its_target_is() -> None:
    down = Health(State.DOWN, since=at(10), seen_at=at(20), reason="no answer")
    assert presented(down, Verdict(State.UNREACHABLE)).state is State.UNREACHABLE
    assert presented(down, Verdict(State.DOWN)) is down
    assert presented(Health(State.UP), Verdict(State.UNREACHABLE)).state is State.UP


def test_a_failed_check_that_was_not_asked_since_its_target_came_back_is_unknown() -> None:
    down = Health(State.DOWN, since=at(10), seen_at=at(20), reason="no answer")
    outdated = presented(down, Verdict(State.UP, since=at(30), returned_at=at(30)))
    assert (outdated.state, outdated.reason) == (State.UNKNOWN, "not asked since the target came back: no answer")
    assert presented(down, Verdict(State.UP, since=at(0), returned_at=at(0))) is down
    resumed = Health(State.DOWN, since=at(10))
    assert presented(resumed, Verdict(State.UP, since=at(30))) is resumed


def test_a_failing_poll_has_its_device_asked_and_a_returned_device_its_polls() -> None:
    here = hand(device("sw", checks=[icmp("sw"), snmp("sw")]))
    here.see(0, "sw+", "sw/snmp+")
    changes = here.assessor.hear(Observation("sw", "snmp", at(10), Outcome.NO_ANSWER, "no answer"), at(10))
    assert changes.ask == {("sw", "snmp"), ("sw", "icmp")}
    here.see(20, "sw-", "sw/snmp-")
    changes = here.assessor.hear(Observation("sw", "icmp", at(30), Outcome.OK, "back"), at(30))
    assert changes.ask == {("sw", "snmp")}


def test_a_cause_asks_what_is_behind_it_once() -> None:
    here = hand(circuit("wan"), device("sw", "wan"))
    here.see(0, "wan+", "sw+")
    here.see(10, "wan-")
    here.asked.clear()
    here.hear(Observation("wan", "icmp", at(20), Outcome.NO_ANSWER, "another reason"))
    assert here.asked == set()


def test_what_stands_behind_a_new_cause_is_measured_at_once() -> None:
    here = hand(
        device("core", checks=[snmp("core", decisive=True)]),
        circuit("wan", ends=[("core", "Gi1"), ("gone", "Gi2")]),
        device("sw", "wan", checks=[icmp("sw"), snmp("sw")]),
    )
    here.see(0, "wan+", "sw+")
    here.see(10, "wan-")
    assert here.asked == {"sw"}
    assert [(c.target, c.name) for c in here.assessor.deciding("wan")] == [("wan", "icmp"), ("core", "snmp")]
    assert [(c.target, c.name) for c in here.assessor.deciding("sw")] == [("sw", "icmp")]
    assert here.assessor.deciding("nobody") == []


ESTATE: Estate = estate(
    circuit("a", group="ab"),
    circuit("b", group="ab"),
    group("ab", "a", "b"),
    site("far", "a", "b"),
    device("sw", "ab"),
    device("srv", "sw"),
    device("other", "far"),
    here="near",
)
NAMES = ["a", "b", "sw", "srv", "other"]


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from("+-?t"), st.integers(1, 20)), max_size=60))
def test_no_sequence_of_observations_breaks_the_books(steps: list[tuple[str, str, int]]) -> None:
    here = Hand(Assessor(ESTATE))
    now = 0
    for name, sign, wait in steps:
        now += wait
        if sign == "t":
            here.tick(now)
        else:
            here.see(now, name + sign)
    for name in ESTATE.targets:
        told = [e for e in here.events if e.kind is EventKind.TARGET and e.target == name]
        assert all(one.new == two.old for one, two in itertools.pairwise(told))
        if told:
            assert told[-1].new == here.assessor.verdicts[name].state.value
        verdict = here.assessor.verdicts[name]
        assert bool(verdict.causes) == (verdict.state is State.UNREACHABLE)


@given(st.permutations(["a-", "b-", "sw-", "srv-", "other-"]))
def test_the_order_of_arrival_does_not_matter(order: list[str]) -> None:
    here = Hand(Assessor(ESTATE))
    here.see(0, *(name + "+" for name in NAMES))
    for place, seen in enumerate(order):
        here.see(10 + place * 0.1, seen)
    here.tick(30)
    assert here.state("ab") == "down"
    assert {here.state(name) for name in ("sw", "srv", "other")} == {"unreachable by ab"}
    assert not {"down"} & set(here.told("sw") + here.told("srv") + here.told("other"))

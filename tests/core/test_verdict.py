"""From checks to targets: what is the cause, what the consequence, and what is held back for a moment."""

from dataclasses import replace

import pytest

from agent.core.model import (
    AdminStatus,
    EventKind,
    Interface,
    Mark,
    Needs,
    Observation,
    OperStatus,
    Outcome,
    Role,
    State,
    Target,
)
from tests.core.estates import at, circuit, device, group, hand, icmp, service, site, snmp

UP = Interface(1, "Gi1", "GigabitEthernet1", AdminStatus.UP, OperStatus.UP, "to far")
DOWN = replace(UP, oper=OperStatus.DOWN)


def test_what_stands_behind_a_cut_circuit_is_unreachable_and_names_it() -> None:
    here = hand(circuit("wan"), device("far-sw", "wan"), device("far-srv", "far-sw"))
    here.see(0, "wan+", "far-sw+", "far-srv+")
    here.see(10, "wan-", "far-srv-", "far-sw-")
    assert here.state("wan") == "down"
    assert here.state("far-sw") == "unreachable by wan"
    assert here.state("far-srv") == "unreachable by wan"
    assert "down" not in here.told("far-srv") + here.told("far-sw")


def test_a_failure_known_before_its_cause_is_held_and_its_cause_is_asked() -> None:
    here = hand(circuit("wan"), device("far-sw", "wan"))
    here.see(0, "wan+", "far-sw+")
    here.see(10, "far-sw-")
    assert here.state("far-sw") == "up"
    assert here.asked >= {"wan"}
    here.see(10.6, "wan-")
    assert here.state("far-sw") == "unreachable by wan"
    assert here.told("far-sw") == ["up", "unreachable"]


def test_a_failure_is_the_targets_own_once_its_circuit_is_seen_to_work() -> None:
    here = hand(circuit("wan"), device("far-sw", "wan"))
    here.see(0, "wan+", "far-sw+")
    here.see(10, "far-sw-")
    here.see(10.6, "wan+")
    assert here.state("far-sw") == "down"


def test_the_hold_ends_without_an_answer() -> None:
    here = hand(circuit("wan"), device("far-sw", "wan"))
    here.see(0, "wan+", "far-sw+")
    here.see(10, "far-sw-")
    here.tick(12.9)
    assert here.state("far-sw") == "up"
    here.tick(13.1)
    assert here.state("far-sw") == "down"


def test_a_cause_that_is_only_polled_is_waited_for_longer() -> None:
    polled = circuit("wan", echoes=False, ends=[("core", "Gi1")])
    here = hand(device("core", checks=[snmp("core", decisive=True)]), polled, device("far-sw", "wan"))
    here.poll(0, "core", UP)
    here.see(0, "far-sw+")
    here.see(10, "far-sw-")
    here.tick(19)
    assert here.state("far-sw") == "up"
    here.poll(19.5, "core", DOWN)
    assert here.state("far-sw") == "unreachable by wan"


def test_what_was_unreachable_gets_a_moment_to_come_back() -> None:
    here = hand(circuit("wan"), device("far-sw", "wan"))
    here.see(0, "wan+", "far-sw+")
    here.see(10, "wan-", "far-sw-")
    here.asked.clear()
    here.see(60, "wan+")
    assert here.state("far-sw") == "unreachable by wan"
    assert here.asked == {"far-sw"}
    here.see(61, "far-sw-")
    assert here.state("far-sw") == "unreachable by wan"
    here.see(65, "far-sw+")
    assert here.told("far-sw") == ["up", "unreachable", "up"]


def test_what_stays_away_after_its_cause_has_gone_is_down() -> None:
    here = hand(circuit("wan"), device("far-sw", "wan"))
    here.see(0, "wan+", "far-sw+")
    here.see(10, "wan-", "far-sw-")
    here.see(60, "wan+")
    here.see(76, "far-sw-", "wan+")
    assert here.told("far-sw") == ["up", "unreachable", "down"]


def test_one_circuit_of_a_group_is_enough() -> None:
    here = hand(circuit("a", group="ab"), circuit("b", group="ab"), group("ab", "a", "b"), device("far-sw", "ab"))
    here.see(0, "a+", "b+", "far-sw+")
    here.see(10, "a-")
    assert here.state("ab") == "up"
    assert here.assessor.verdicts["ab"].marks == {Mark.REDUNDANCY_LOST}
    assert here.state("far-sw") == "up"
    here.see(20, "b-", "far-sw-")
    assert here.state("ab") == "down"
    assert here.assessor.verdicts["ab"].marks == frozenset()
    assert here.state("far-sw") == "unreachable by ab"
    here.see(40, "b+")
    assert here.state("ab") == "up"
    marks = [(e.old, e.new) for e in here.events if e.kind is EventKind.MARK]
    assert marks == [("", "redundancy_lost"), ("redundancy_lost", ""), ("", "redundancy_lost")]


def test_a_device_behind_a_group_that_works_fails_by_itself() -> None:
    here = hand(circuit("a", group="ab"), circuit("b", group="ab"), group("ab", "a", "b"), device("far-sw", "ab"))
    here.see(0, "a+", "b+", "far-sw+")
    here.see(10, "a-")
    here.see(20, "b+")
    here.see(20, "far-sw-")
    here.see(20.5, "b+")
    assert here.state("far-sw") == "down"


def test_a_site_follows_its_circuits_and_is_never_the_cause() -> None:
    here = hand(
        circuit("a", group="ab"),
        circuit("b", group="ab"),
        group("ab", "a", "b"),
        site("far", "a", "b"),
        site("near", "a", "b"),
        site("lonely"),
        device("far-sw", "far"),
        here="near",
    )
    here.see(0, "a+", "b+", "far-sw+")
    assert [here.state(name) for name in ("far", "near", "lonely")] == ["up", "up", "unknown"]
    here.see(10, "a-", "b-", "far-sw-")
    assert here.state("far") == "unreachable by ab"
    assert here.state("near") == "up"
    assert here.state("far-sw") == "unreachable by ab"


def test_a_remote_circuit_behind_another_is_unreachable_and_so_is_its_group() -> None:
    here = hand(
        circuit("near-mid"),
        circuit("mid-far", group="g", depends_on=["near-mid"]),
        group("g", "mid-far"),
        site("far", "mid-far"),
    )
    here.see(0, "near-mid+", "mid-far+")
    here.see(10, "near-mid-", "mid-far-")
    assert here.state("mid-far") == "unreachable by near-mid"
    assert here.state("g") == "unreachable by near-mid"
    assert here.state("far") == "unreachable by near-mid"


@pytest.mark.parametrize(
    ("needs", "seen", "state"),
    [
        (Needs.ALL, ["s/web+", "s/db+"], "up"),
        (Needs.ALL, ["s/web+"], "unknown"),
        (Needs.ALL, ["s/web+", "s/db-"], "down"),
        (Needs.ANY, ["s/web+"], "up"),
        (Needs.ANY, ["s/web+", "s/db-"], "up"),
        (Needs.ANY, ["s/web-"], "unknown"),
        (Needs.ANY, ["s/web-", "s/db-"], "down"),
    ],
)
def test_a_service_needs_all_or_any_of_its_checks(needs: Needs, seen: list[str], state: str) -> None:
    here = hand(service("s", checks=["web", "db"], needs=needs))
    here.see(0, *seen)
    assert here.state("s") == state


def test_a_service_without_checks_follows_what_it_depends_on() -> None:
    here = hand(device("srv"), service("crm", "srv"), service("nothing"))
    assert here.state("crm") == "unknown"
    here.see(0, "srv+")
    assert here.state("crm") == "up"
    assert here.state("nothing") == "unknown"
    here.see(10, "srv-")
    assert here.state("crm") == "unreachable by srv"


def test_a_device_is_judged_by_its_deciding_check_alone() -> None:
    here = hand(device("sw", checks=[icmp("sw"), snmp("sw")]))
    here.see(0, "sw+", "sw/snmp+")
    here.see(10, "sw/snmp-")
    assert here.state("sw") == "up"
    assert here.assessor.beliefs["sw", "snmp"].state is State.DOWN


def test_what_was_never_measured_behind_a_failed_circuit_is_unreachable() -> None:
    here = hand(circuit("wan"), device("far-sw", "wan"))
    here.see(0, "wan-")
    assert here.state("far-sw") == "unknown"
    here.hear(Observation("far-sw", "icmp", at(1), Outcome.NO_ANSWER, "0 of 1"))
    assert here.state("far-sw") == "unreachable by wan"


def test_an_end_that_is_down_fails_the_circuit_though_echoes_are_answered_by_another_way() -> None:
    here = hand(device("core", checks=[icmp("core"), snmp("core")]), circuit("wan", ends=[("core", "Gi1")]))
    here.see(0, "core+", "wan+")
    here.poll(1, "core", UP)
    assert here.state("wan") == "up"
    here.poll(61, "core", DOWN)
    assert here.state("wan") == "down"
    assert "Gi1 on core is down" in here.assessor.verdicts["wan"].reason


def test_an_end_polled_before_the_echoes_came_back_is_outdated() -> None:
    here = hand(device("core", checks=[icmp("core"), snmp("core")]), circuit("wan", ends=[("core", "Gi1")]))
    here.see(0, "core+", "wan+")
    here.poll(1, "core", UP)
    here.see(10, "wan-")
    here.poll(11, "core", DOWN)
    here.see(20, "wan+")
    assert here.state("wan") == "up"
    here.poll(21, "core", DOWN)
    assert here.state("wan") == "down"


def test_an_end_that_nobody_can_ask_is_no_reason_to_doubt_a_line_that_answers() -> None:
    here = hand(device("core", checks=[icmp("core"), snmp("core")]), circuit("wan", ends=[("core", "Gi1")]))
    here.see(0, "core+", "wan+")
    here.poll(1, "core", outcome=Outcome.NO_ANSWER)
    assert here.state("wan") == "up"


def test_proof_of_an_ancestor_that_was_never_measured_is_not_waited_for() -> None:
    here = hand(device("core", checks=[snmp("core", decisive=True)]), device("sw", "core"))
    here.see(0, "sw+")
    here.see(10, "sw-")
    assert here.state("sw") == "down"


def test_names_that_are_not_in_the_estate_are_left_out() -> None:
    here = hand(device("sw", "gone"), group("g", "gone"))
    here.see(0, "sw+")
    here.see(10, "sw-")
    assert here.state("sw") == "down"
    assert here.state("g") == "unknown"


def test_a_device_without_a_deciding_check_is_unknown() -> None:
    here = hand(Target("pc", Role.DEVICE, "desktop", "pc"))
    here.tick(1)
    assert here.state("pc") == "unknown"
    assert here.assessor.verdicts["pc"].reason == "nothing measures it"


def test_behind_the_agents_own_site_nothing_is_waited_for() -> None:
    here = hand(circuit("wan"), site("near", "wan"), device("sw", "near"), here="near")
    here.see(0, "wan+", "sw+")
    here.see(10, "sw-")
    assert here.state("sw") == "down"


def test_one_failure_of_what_was_never_seen_proves_nothing() -> None:
    here = hand(circuit("wan"), device("sw", "wan"))
    here.see(0, "wan+")
    here.hear(Observation("sw", "icmp", at(1), Outcome.NO_ANSWER, "0 of 1"))
    assert here.state("sw") == "unknown"

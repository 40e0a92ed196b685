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


def silent(name: str, since: float, until: float) -> Observation:
    """Echoes that were lost one after the other from `since`, the last one sent at `until`."""
    return Observation(
        name, "icmp", at(until + 0.3), Outcome.NO_ANSWER, "silent", since=at(since), proven_at=at(until), confirmed=True
    )


def test_an_echo_lost_by_chance_just_before_a_cut_makes_no_failure_of_its_own() -> None:
    here = hand(circuit("wan"), device("far-sw", "wan"))
    here.see(0, "wan+", "far-sw+")
    here.see(10.5, "wan+")  # after the lost echo, and before the cut
    here.asked.clear()
    here.now = 11.8
    here.hear(silent("far-sw", since=10.2, until=11.5))
    assert (here.state("far-sw"), here.asked) == ("up", {"wan"})
    here.see(12.5, "wan-")
    assert here.state("far-sw") == "unreachable by wan"
    assert here.told("far-sw") == ["up", "unreachable"]


def test_what_was_being_asked_already_is_asked_once_more() -> None:
    """Its answer tells of the time before: the failure may have come after it."""
    here = hand(circuit("wan"), device("far-sw", "wan"))
    here.see(0, "wan+", "far-sw+")
    here.now = 11.8
    here.hear(silent("far-sw", since=10.2, until=11.5))
    here.asked.clear()
    early = Observation("wan", "icmp", at(12.0), Outcome.OK, "answers", proven_at=at(11.2))
    here.now = 12.0
    here.hear(early)
    assert (here.state("far-sw"), here.asked) == ("up", {"wan"})
    here.asked.clear()
    here.hear(replace(early, at=at(12.1)))
    assert here.asked == set(), "twice is enough"
    here.see(12.2, "wan+")
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
    here.poll(21, "core", DOWN)  # from a table that the device has not renewed yet
    assert here.state("wan") == "up"
    here.poll(36, "core", DOWN)
    assert here.state("wan") == "down"


def test_an_end_that_nobody_can_ask_is_no_reason_to_doubt_a_line_that_answers() -> None:
    here = hand(device("core", checks=[icmp("core"), snmp("core")]), circuit("wan", ends=[("core", "Gi1")]))
    here.see(0, "core+", "wan+")
    here.poll(1, "core", outcome=Outcome.NO_ANSWER)
    assert here.state("wan") == "up"


def test_proof_of_an_ancestor_that_cannot_be_measured_is_not_waited_for() -> None:
    here = hand(device("core", checks=[snmp("core", decisive=True)]), device("sw", "core"))
    here.see(0, "sw+")
    here.see(10, "sw-")
    assert here.state("sw") == "up"
    assert here.asked == {"core"}
    here.poll(10.1, "core", outcome=Outcome.UNKNOWN)
    assert here.state("sw") == "down"


def test_an_interface_that_is_up_proves_nothing_of_the_line_behind_it() -> None:
    here = hand(device("core", checks=[icmp("core"), snmp("core")]), circuit("wan", ends=[("core", "Gi1")]),
                device("far-sw", "wan"))  # fmt: skip
    here.see(0, "core+", "wan+", "far-sw+")
    here.poll(1, "core", UP)
    here.see(10, "far-sw-")
    here.poll(10.1, "core", UP)
    assert here.state("far-sw") == "up"
    here.see(10.6, "wan-")
    assert here.told("far-sw") == ["up", "unreachable"]


def test_an_interface_proves_nothing_before_the_first_echoes_are_back() -> None:
    wan = circuit("wan", ends=[("core", "Gi1")])
    here = hand(device("core", checks=[icmp("core"), snmp("core")]), wan, device("far-sw", "wan"))
    here.poll(1, "core", UP)
    here.see(2, "core+", "far-sw-")
    assert here.state("far-sw") == "unknown"
    here.see(2.5, "wan-")
    assert here.told("far-sw") == ["unreachable"]


def test_an_ancestor_that_two_failed_polls_prove_down_is_waited_for() -> None:
    here = hand(device("sw", checks=[snmp("sw", decisive=True)]), device("srv", "sw"))
    here.poll(0, "sw")
    here.see(0, "srv+")
    here.see(10, "srv-")
    here.poll(16, "sw", outcome=Outcome.NO_ANSWER)
    here.tick(21)
    assert here.state("srv") == "up"
    here.poll(22, "sw", outcome=Outcome.NO_ANSWER)
    assert here.state("srv") == "unreachable by sw"


def test_a_cause_is_found_behind_what_cannot_be_asked_any_more() -> None:
    """The far circuit is known by a router behind the near one, which has just been cut."""
    here = hand(
        circuit("wan"), device("mid", "wan", checks=[snmp("mid", decisive=True)]),
        circuit("next", echoes=False, ends=[("mid", "Gi1")], depends_on=["wan"]), site("far", "next"),
        device("sw", "far"),
    )  # fmt: skip
    here.see(0, "wan+", "sw+")
    here.poll(0, "mid", UP)
    here.see(10, "wan-", "sw-")
    assert here.state("sw") == "unreachable by wan"
    here.see(60, "wan+")
    here.see(61, "sw-")
    assert here.state("sw") == "unreachable by wan"


def test_a_failure_from_before_a_return_counts_only_after_a_moment() -> None:
    """The line was away for seconds, and the poll behind it missed nothing else."""
    here = hand(circuit("wan"), device("sw", "wan", checks=[snmp("sw", decisive=True)]))
    here.see(0, "wan+")
    here.poll(0, "sw")
    here.see(10, "wan-")
    here.poll(14, "sw", outcome=Outcome.NO_ANSWER)
    here.see(15, "wan+")
    here.poll(16, "sw", outcome=Outcome.NO_ANSWER)
    assert here.state("sw") == "up"
    assert here.assessor.shown("sw", "snmp").state is State.UNKNOWN
    here.see(31, "wan+")
    here.poll(32, "sw", outcome=Outcome.NO_ANSWER)
    assert here.asked >= {"wan"}
    here.see(33, "wan+")
    assert here.told("sw") == ["up", "down"]


def test_a_line_that_fails_again_while_what_is_behind_it_settles_is_the_cause() -> None:
    here = hand(circuit("wan"), device("sw", "wan"))
    here.see(0, "wan+", "sw+")
    here.see(10, "wan-", "sw-")
    here.see(60, "wan+")
    here.see(76, "sw-")
    here.see(76.5, "wan-")
    assert here.told("sw") == ["up", "unreachable"]


def test_what_had_failed_by_itself_stays_down_when_its_line_fails_later() -> None:
    here = hand(circuit("wan"), device("sw", "wan"), device("srv", "sw"))
    here.see(0, "wan+", "sw+", "srv+")
    here.see(10, "sw-", "wan+", "srv-")
    here.see(100, "wan-", "sw-", "srv-")
    assert here.state("sw") == "down"
    assert here.state("srv") == "unreachable by sw"
    here.see(200, "wan+", "sw+", "srv+")
    assert here.told("sw") == ["up", "down", "up"]


def test_what_failed_shortly_before_its_line_is_a_consequence_after_all() -> None:
    here = hand(circuit("wan"), device("sw", "wan"))
    here.see(0, "wan+", "sw+")
    here.see(10, "sw-", "wan+")
    assert here.state("sw") == "down"
    here.see(20, "wan-")
    assert here.state("sw") == "unreachable by wan"


def test_what_is_held_back_is_not_told_as_the_failure_of_a_check() -> None:
    here = hand(circuit("wan"), device("sw", "wan"))
    here.see(0, "wan+", "sw+")
    here.see(10, "sw-")
    assert here.assessor.shown("sw", "icmp").state is State.UNKNOWN
    here.see(10.6, "wan+")
    assert here.assessor.shown("sw", "icmp").state is State.DOWN


def test_a_failure_is_not_decided_while_what_is_before_it_cannot_be_measured() -> None:
    here = hand(circuit("wan"), device("sw", "wan"))
    here.see(0, "wan+", "sw+")
    here.see(10, "sw-")
    here.see(10.6, "wan?")  # asked in vain: it may be the agent that sees nothing
    here.tick(20)
    assert here.state("sw") == "up"
    here.see(21, "sw-")  # the agent does see something
    assert here.state("sw") == "down"


def test_a_failure_is_made_sure_of_anew_once_its_target_can_be_measured_again() -> None:
    here = hand(circuit("wan"), device("sw", "wan"))
    here.see(0, "wan+", "sw+")
    here.see(10, "sw-")
    here.see(11, "sw?")
    here.tick(20)
    assert here.state("sw") == "up"
    here.asked.clear()
    here.see(30, "sw-")
    assert [here.state("sw"), here.asked] == ["up", {"wan"}]
    here.see(30.5, "wan-")
    assert here.told("sw") == ["up", "unreachable"]


def test_a_line_that_is_silent_is_down_though_its_end_cannot_be_asked() -> None:
    here = hand(device("core", checks=[icmp("core"), snmp("core")]), circuit("wan", ends=[("core", "Gi1")]))
    here.see(0, "core+", "wan+")
    here.poll(1, "core", UP)
    here.poll(9, "core", outcome=Outcome.NO_ANSWER)
    here.see(10, "wan-")
    assert here.state("wan") == "down"


def test_what_may_have_come_back_with_its_cause_is_measured_once_more() -> None:
    here = hand(device("sw", checks=[snmp("sw", decisive=True)]), device("srv", "sw"))
    here.see(0, "sw/snmp+", "srv+")
    here.see(10, "srv-")
    here.asked.clear()
    here.see(14, "sw/snmp+")  # at its third try: both may have been away
    assert [here.state("srv"), here.asked] == ["up", {"srv"}]
    here.see(14.5, "srv+")
    here.tick(30)
    assert here.told("srv") == ["up"]


def test_a_poll_that_is_answered_at_a_later_try_proves_nothing_of_the_first() -> None:
    here = hand(device("sw", checks=[snmp("sw", decisive=True)]), device("srv", "sw"))
    here.see(0, "sw/snmp+", "srv+")
    here.see(10, "srv-")
    here.now = 14
    here.hear(Observation("sw", "snmp", at(14), Outcome.OK, "answered", proven_at=at(10.2)))
    assert here.state("srv") == "up"
    here.see(14.5, "srv+")
    here.tick(30)
    assert here.told("srv") == ["up"]


def test_what_fails_still_once_its_cause_is_seen_to_work_fails_by_itself() -> None:
    for again, moment in (("srv-", 14.5), (None, 17.1)):  # seen to fail once more, or not seen at all in time
        here = hand(device("sw", checks=[snmp("sw", decisive=True)]), device("srv", "sw"))
        here.see(0, "sw/snmp+", "srv+")
        here.see(10, "srv-")
        here.see(14, "sw/snmp+")
        here.tick(16.9 if again is None else 14.1)
        assert here.state("srv") == "up"
        if again is not None:
            here.see(moment, again)
        here.tick(moment)
        assert here.state("srv") == "down"


def test_an_interface_that_is_down_says_so_whatever_is_before_it() -> None:
    here = hand(
        device("near", checks=[snmp("near", decisive=True)]),
        device("core", checks=[icmp("core"), snmp("core")]),
        circuit("wan", ends=[("core", "Gi1")], echoes=False, depends_on=["near"]),
    )
    here.see(0, "core+", "near/snmp+")
    here.poll(1, "core", UP)
    here.poll(60, "core", DOWN)
    here.see(64, "near/snmp+")
    assert here.state("wan") == "down"


def test_an_end_that_its_line_has_outlived_is_not_told_as_a_failed_check() -> None:
    here = hand(device("core", checks=[icmp("core"), snmp("core")]), circuit("wan", ends=[("core", "Gi1")]))
    here.see(0, "core+", "wan+")
    here.poll(1, "core", UP)
    here.see(10, "wan?")
    here.see(20, "wan+")  # nobody was there to see whether it had failed
    here.poll(30, "core", DOWN)
    assert here.state("wan") == "up"
    assert here.assessor.shown("wan", "end:core/Gi1").state is State.UNKNOWN
    here.poll(36, "core", DOWN)
    assert here.state("wan") == "down"


def test_what_waits_for_an_ancestor_that_is_held_back_itself_waits_as_long() -> None:
    here = hand(circuit("wan"), device("sw", "wan"), device("srv", "sw"))
    here.see(0, "wan+", "sw+", "srv+")
    here.see(10, "wan-")
    here.see(12, "wan+")
    for name, since in (("sw", 11.0), ("srv", 12.2)):
        here.hear(Observation(name, "icmp", at(12.5), Outcome.NO_ANSWER, "0 of 4", since=at(since), confirmed=True))
    here.tick(20)
    assert here.told("srv") == ["up"]
    here.see(28, "wan+", "sw-")
    here.see(28.5, "wan+")
    assert [here.state("sw"), here.state("srv")] == ["down", "unreachable by sw"]


def test_redundancy_is_lost_also_where_nobody_knows_of_the_other_circuit() -> None:
    here = hand(circuit("a", group="ab"), circuit("b", group="ab"), group("ab", "a", "b"))
    here.see(0, "a+", "b?")
    here.see(10, "a-")
    assert here.state("ab") == "unknown"
    assert here.assessor.verdicts["ab"].marks == {Mark.REDUNDANCY_LOST}


def test_a_circuit_that_is_only_unreachable_costs_no_redundancy_of_its_own() -> None:
    here = hand(device("r1"), circuit("a", group="ab", depends_on=["r1"]), circuit("b", group="ab"),
                group("ab", "a", "b"))  # fmt: skip
    here.see(0, "r1+", "a+", "b+")
    here.see(10, "r1-", "a-")
    assert here.state("a") == "unreachable by r1"
    assert here.assessor.verdicts["ab"].marks == frozenset()


def test_a_site_falls_with_what_it_depends_on() -> None:
    campus, branch = replace(site("campus"), depends_on=("fw",)), replace(site("branch", "wan"), depends_on=("fw",))
    here = hand(device("fw"), circuit("wan"), campus, branch, device("sw", "campus"))
    here.see(0, "fw+", "wan+", "sw+")
    assert [here.state(name) for name in ("campus", "branch")] == ["up", "up"]
    here.see(10, "fw-", "sw-")
    assert [here.state(name) for name in ("campus", "branch", "sw")] == ["unreachable by fw"] * 3


def test_a_service_that_others_need_is_proven_by_every_check_or_by_any_as_it_needs() -> None:
    for needs, state in ((Needs.ALL, "up"), (Needs.ANY, "down")):
        here = hand(service("s", checks=["web", "db"], needs=needs), device("sw", "s"))
        here.see(0, "s/web+", "s/db+", "sw+")
        here.see(10, "sw-")
        here.see(10.5, "s/web+")
        assert here.state("sw") == state


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

"""What is degraded because something before it is, and what is so by itself."""

from datetime import datetime, timedelta

import pytest

from agent.core.model import Mark, Needs, State
from agent.core.ports import Resumed
from tests.core.estates import Hand, at, circuit, device, group, hand, service, site, snmp


def alone_since(lab: Hand, name: str) -> datetime | None:
    return lab.assessor.verdicts[name].alone_since


def test_what_is_degraded_behind_something_degraded_is_its_consequence() -> None:
    lab = hand(circuit("wan"), site("far", "wan"), device("sw1", "far"), service("mail", "sw1", checks=["icmp"]))
    lab.see(0, "wan+", "sw1+", "mail+")
    lab.see(10, "sw1~")  # the device is measured first
    assert lab.state("sw1") == "degraded"
    assert alone_since(lab, "sw1") == at(10)
    lab.see(12, "wan~")
    assert lab.state("far") == "degraded by wan"
    assert lab.state("sw1") == "degraded by wan"
    assert alone_since(lab, "sw1") is None
    lab.see(20, "mail~")
    assert lab.state("mail") == "degraded by wan"
    assert lab.state("wan") == "degraded"


def test_when_the_cause_is_over_what_lasts_is_its_own_from_then_on() -> None:
    lab = hand(circuit("wan"), device("sw1", "wan"))
    lab.see(0, "wan~", "sw1~")
    assert lab.state("sw1") == "degraded by wan"
    lab.see(100, "wan+")
    assert lab.state("sw1") == "degraded"
    assert (lab.assessor.verdicts["sw1"].since, lab.assessor.verdicts["sw1"].alone_since) == (at(0), at(100))
    lab.see(110, "sw1~")
    assert lab.assessor.verdicts["sw1"].alone_since == at(100)


@pytest.mark.parametrize(
    ("before", "behind", "state"),
    [
        ("wan~", "sw1~", "degraded by wan"),
        ("wan~", "sw1=", "degraded by wan"),  # more delay is a worse voice
        ("wan~", "sw1%", "degraded"),  # more delay on the way loses nothing
        ("wan%", "sw1~", "degraded"),
        ("wan%", "sw1=", "degraded by wan"),
        ("wan+", "sw1=", "degraded"),
        ("wan-", "sw1~", "degraded"),  # it answers, whatever is believed of the way
    ],
)
def test_only_trouble_of_the_same_kind_explains(before: str, behind: str, state: str) -> None:
    lab = hand(circuit("wan"), device("sw1", "wan"))
    lab.see(0, before, behind)
    assert lab.state("sw1") == state


def test_a_group_is_as_good_as_its_best_circuit() -> None:
    lab = hand(circuit("a", group="g"), circuit("b", group="g"), group("g", "a", "b"), site("far", "a", "b"))
    lab.see(0, "a~", "b+")
    assert (lab.state("g"), lab.state("far")) == ("up", "up")
    lab.see(10, "b~")
    assert (lab.state("g"), lab.state("far")) == ("degraded by a,b", "degraded by a,b")
    lab.see(80, "b-")
    assert lab.state("g") == "degraded by a"
    assert Mark.REDUNDANCY_LOST in lab.assessor.verdicts["g"].marks


def test_the_way_is_looked_at_behind_what_shows_no_quality_itself() -> None:
    lab = hand(
        circuit("a", group="g"), circuit("b", group="g"), group("g", "a", "b", "gone"),
        device("polled", "g", checks=[snmp("polled", decisive=True)]), device("srv", "polled", "gone"),
    )  # fmt: skip
    lab.see(0, "a%", "b+", "polled/snmp+", "srv%")
    assert (lab.state("g"), lab.state("polled")) == ("up", "up")  # as good as its best circuit, and no echoes
    assert lab.state("srv") == "degraded by a"  # by which one the traffic goes nobody knows
    lab.see(100, "a+")
    assert lab.state("srv") == "degraded"


def test_a_service_that_needs_any_check_is_as_good_as_the_best_one() -> None:
    lab = hand(
        service("any", checks=["v4", "v6"], needs=Needs.ANY), service("all", checks=["v4", "v6"]),
        device("sw1"), service("follows", "sw1"),
    )  # fmt: skip
    lab.see(0, "any/v4+", "any/v6~", "all/v4+", "all/v6~", "sw1~")
    assert (lab.state("any"), lab.state("all"), lab.state("follows")) == ("up", "degraded", "degraded by sw1")
    lab.see(10, "any/v4~")
    assert lab.state("any") == "degraded"


def test_a_degraded_target_still_proves_that_what_it_stands_behind_works() -> None:
    lab = hand(circuit("wan"), device("sw1", "wan"), device("sw2", "wan"))
    lab.see(0, "wan~", "sw1+", "sw2+")
    lab.see(20, "wan~", "sw1+")
    lab.see(21, "sw2-")
    lab.see(22, "wan~")
    assert lab.state("sw2") == "down"


def test_what_was_degraded_and_is_not_measured_becomes_unknown_and_moves_with_the_clock() -> None:
    lab = hand(device("sw1"))
    lab.see(0, "sw1~")
    lab.assessor.shift(timedelta(seconds=100))
    assert lab.assessor.verdicts["sw1"].alone_since == at(100)
    lab.tick(131)
    assert lab.state("sw1") == "unknown"


@pytest.mark.parametrize(
    ("causes", "alone"), [((), 0.0), (("wan",), 300.0)], ids=["it had a ticket", "it was a consequence"]
)
def test_what_was_degraded_by_itself_before_a_restart_is_so_without_a_break(
    causes: tuple[str, ...], alone: float
) -> None:
    lab = hand(device("sw1"))
    lab.assessor.resume(
        Resumed(
            checks={("sw1", "icmp"): (State.DEGRADED, at(0))},
            targets={"sw1": (State.DEGRADED, at(0), causes)},
        )
    )
    lab.see(300, "sw1~")
    assert lab.state("sw1") == "degraded"
    assert alone_since(lab, "sw1") == at(alone)
    assert lab.assessor.verdicts["sw1"].since == at(0)

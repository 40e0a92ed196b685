"""Why a target is in its state, and who is told."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agent.core import explain as module
from agent.core.assessor import Assessor
from agent.core.explain import Explanation, Known, decides, explain, explanation_document, likely
from agent.core.learnt import Learning, Learnt, Source
from agent.core.model import (
    Against,
    Aspect,
    Estate,
    HardwareFlag,
    Health,
    Mark,
    Needs,
    Outage,
    State,
    Target,
    Trouble,
    Urgency,
    Verdict,
)
from agent.core.paging import pages
from tests.core.estates import START, Hand, at, circuit, device, estate, group, hand, icmp, service, site, snmp

NOW_TARGETS = (
    circuit("a", group="ab"),
    circuit("b", group="ab"),
    replace(group("ab", "a", "b"), urgency=Urgency.NOW),
    site("far", "a", "b"),
    replace(circuit("solo"), urgency=Urgency.NOW),
    replace(device("sw", "ab", "solo", checks=[icmp("sw"), snmp("sw")], at_site="far"), owners=("bcw",)),
    device("srv", "sw"),
    replace(service("crm", "srv", checks=["web", "db"]), owners=("bcw", "enc"), urgency=Urgency.NOW),
    replace(device("hidden"), urgency=Urgency.NEVER),
    site("near"),
)


def known(here: Hand) -> Known:
    verdicts, watched = here.assessor.verdicts, here.assessor.estate
    beliefs = {key: here.assessor.shown(*key) for key in here.assessor.beliefs}
    now = at(here.now)
    return Known(watched, verdicts, beliefs, now, pages(watched, verdicts, beliefs, now), here.assessor.held())


def made() -> Hand:
    here = hand(*NOW_TARGETS, here="near")
    here.see(0, "a+", "b+", "solo+", "sw+", "sw/snmp+", "srv+", "crm/web+", "crm/db+", "hidden+")
    return here


def why(here: Hand, name: str) -> Explanation:
    return explain(known(here), name)


def told(found: Explanation) -> str:
    return " ".join(f"{page.alert}/{page.target}/{page.severity}" for page in found.would_page)


def test_a_target_that_is_up() -> None:
    found = why(made(), "sw")
    assert (found.verdict.state, found.since, found.not_paged) == (State.UP, at(0), ("it is up",))
    assert [(one.name, one.state, one.alternative) for one in found.depends_on] == [
        ("ab", State.UP, False), ("solo", State.UP, False)
    ]  # fmt: skip
    assert [(one.name, one.direct, one.lost) for one in found.dependents] == [
        ("srv", True, True), ("crm", False, True)
    ]  # fmt: skip
    assert found.decides == "its check icmp; snmp only informs"
    (page,) = found.would_page
    assert (page.alert, page.labels["owner"], page.labels["site"]) == ("DeviceDown", "bcw", "far")
    assert "service crm" in page.description
    assert found.held is None


def test_what_is_redundant_is_lost_with_its_group_and_not_with_one() -> None:
    here = made()
    assert {one.name: one.lost for one in why(here, "a").dependents} == dict.fromkeys(
        ("ab", "far", "sw", "srv", "crm"), False
    )
    assert {one.name: one.lost for one in why(here, "ab").dependents}["sw"]
    assert [(one.name, one.alternative) for one in why(here, "far").depends_on] == [("a", True), ("b", True)]


@pytest.mark.parametrize(
    ("seen", "name", "sent"),
    [
        ((), "solo", "CircuitDown/solo/critical"),
        ((), "a", "RedundancyLost/ab/warning"),
        (("b-",), "a", "CircuitGroupDown/ab/critical"),
        (("a-",), "a", "RedundancyLost/ab/warning"),
        ((), "ab", "CircuitGroupDown/ab/critical"),
        ((), "sw", "DeviceDown/sw/warning"),
        ((), "crm", "ServiceDown/crm/critical"),
        ((), "far", ""),
        ((), "hidden", ""),
        (("solo-", "sw-"), "sw", "DeviceDown/sw/warning"),
    ],
)
def test_what_would_be_paged_if_it_were_down(seen: tuple[str, ...], name: str, sent: str) -> None:
    here = made()
    here.see(10, *seen)
    assert told(why(here, name)) == sent


def test_announced_work_hides_nothing_of_what_would_be_paged() -> None:
    here = made()
    marked = replace(here.assessor.verdicts["sw"], marks=frozenset({Mark.MAINTENANCE, Mark.FLAPPING}))
    here.assessor.verdicts["sw"] = marked
    found = why(here, "sw")
    assert told(found) == "DeviceDown/sw/warning"
    assert found.not_paged == (
        "maintenance: its pages are held back until that ends",
        "it is flapping, which is a ticket; a failure that lasts for a minute is paged again", "it is up",
    )  # fmt: skip


def test_a_circuit_of_a_group_that_is_not_in_the_estate_pages_nothing() -> None:
    here = hand(circuit("a", group="gone"))
    assert told(why(here, "a")) == ""


def test_a_consequence_names_its_cause_and_the_page_for_it() -> None:
    here = made()
    here.see(10, "solo-", "sw-", "srv-")
    found = why(here, "srv")
    assert (found.verdict.state, found.causes) == (State.UNREACHABLE, ("solo",))
    assert found.not_paged == ("it is a consequence of solo: CircuitDown solo",)
    assert [page.target for page in found.pages] == ["solo"]
    cause = why(here, "solo")
    assert (cause.consequences, cause.not_paged) == (("sw", "srv"), ())


def test_why_nothing_is_paged() -> None:
    here = made()
    here.see(10, "hidden-", "a-")
    here.tick(11)
    assert why(here, "hidden").not_paged == ("its configuration says `page: never`",)
    assert why(here, "a").not_paged == ("circuits of a group are paged as the group: linewarden explain ab",)
    assert why(here, "near").not_paged == ("it is up",)
    here.see(20, "b-")
    assert why(here, "far").not_paged == (
        "it is a consequence of ab: CircuitGroupDown ab", "a site is not paged by itself: what it hangs on is"
    )  # fmt: skip
    unseen = hand(*NOW_TARGETS, here="near")
    assert why(unseen, "sw").not_paged == ("what cannot be measured is not paged as down",)


def test_a_cause_that_nobody_is_told_of() -> None:
    here = hand(replace(circuit("quiet"), urgency=Urgency.NEVER), device("sw", "quiet"))
    here.see(0, "quiet+", "sw+")
    here.see(10, "quiet-", "sw-")
    assert why(here, "sw").not_paged == ("it is a consequence of quiet: no page is due for that either",)


def test_what_is_waited_for() -> None:
    here = hand(circuit("wan"), device("sw", "wan"))
    here.see(0, "wan+", "sw+")
    here.see(10, "sw-")
    found = why(here, "sw")
    assert found.held is not None
    assert (found.held.since, found.held.until, found.held.ask) == (at(10), at(13), ("wan",))
    assert found.checks[0].health.reason.startswith("being made sure of: ")
    assert found.not_paged == ("its failure is being made sure of, until 12:00:13 UTC at the latest",)
    here.see(10.6, "wan+")
    assert why(here, "sw").held is None
    assert here.assessor.held() == {}


def test_a_check_that_only_informs_is_paged_by_itself() -> None:
    here = made()
    here.see(60, "sw/snmp-")
    found = why(here, "sw")
    assert (found.verdict.state, found.checks[1].health.state) == (State.UP, State.DOWN)
    assert ([page.alert for page in found.pages], found.not_paged) == (["CheckDown"], ())


def test_what_is_degraded_says_in_what_way() -> None:
    watched = estate(device("sw"))
    trouble = Trouble(Aspect.LOSS, Against.PAST, START, 0.05, 0.001, "5 % lost", "onset_cusum_2%")
    health = {("sw", "icmp"): Health(State.DEGRADED, START, troubles=(trouble,))}
    found = explain(Known(watched, {"sw": Verdict(State.DEGRADED, START)}, health, START), "sw")
    assert found.not_paged == ("it works, though worse than it should: a ticket once that lasts for two minutes",)
    behind = explain(Known(watched, {"sw": Verdict(State.DEGRADED, START, ("wan",))}, health, START), "sw")
    assert behind.not_paged == ("it is a consequence of wan: no page is due for that either",)
    (check,) = explanation_document(found)["checks"]
    assert (check["name"], check["state"], check["troubles"][0]["rule"]) == ("icmp", "degraded", "onset_cusum_2%")
    assert check["policy"]["stale_after_seconds"] == 30.0


def test_without_an_agent_nothing_is_paged() -> None:
    watched = estate(device("sw"))
    found = explain(Known(watched, {"sw": Verdict(State.DOWN, START)}, {}, START, running=False), "sw")
    assert found.not_paged == ("no agent is running: only LinewardenDown can be paged",)


def test_what_is_known_beside_it_is_passed_on() -> None:
    watched = estate(device("sw", "gone"), device("core"))
    outage = Outage(7, "sw", State.DOWN, START, None, "silent")
    flag = HardwareFlag("sw", "age_over_policy", "warning", "11 years old", "asset register")
    learnt = Learnt("sw", "core", "the only way", Source.LLDP, START)
    found = explain(
        Known(watched, {}, {}, START, learning=Learning(proposals=(learnt,)), outages={"sw": outage},
              flags={"sw": (flag,)}), "sw",
    )  # fmt: skip
    assert (found.outage, found.flags, found.learnt) == (outage, (flag,), (learnt,))
    (above,) = found.depends_on
    assert (above.name, above.state, above.reason) == ("gone", State.UNKNOWN, "in no configuration")
    assert explanation_document(found)["outage"]["id"] == 7


def test_there_is_an_end_to_what_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DEPENDENTS", 2)
    found = why(hand(circuit("wan"), *(device(f"d{n}", "wan") for n in range(5))), "wan")
    assert (len(found.dependents), found.dependents_left_out) == (2, 3)


def test_a_target_that_there_is_not() -> None:
    with pytest.raises(KeyError):
        why(made(), "nobody")


SERVICE = service("s", checks=["web", "db"])


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (site("near"), "the agent stands here, so it is up"),
        (group("g", "a", "b"), "up while one of its circuits works, down when none does"),
        (site("far", "a", "b"), "up while one of its circuits works, unreachable when none does"),
        (service("s", "sw"), "nothing measures it: it follows what it depends on"),
        (service("s", checks=["web"]), "its check web"),
        (SERVICE, "its checks web, db: each has to answer"),
        (replace(SERVICE, needs=Needs.ANY), "its checks web, db: one that answers is enough"),
        (circuit("a"), "its check icmp"),
        (circuit("a", ends=[("sw", "Gi1")]), "its checks icmp, end:sw/Gi1: one that fails is enough"),
        (device("sw"), "its check icmp"),
        (device("sw", checks=[icmp("sw"), snmp("sw")]), "its check icmp; snmp only informs"),
    ],
)
def test_what_decides(target: Target, sentence: str) -> None:
    assert decides(Estate("dc1", {target.name: target}, site="near"), target) == sentence


def test_the_likely_name() -> None:
    assert likely("bcw-core-sw", ["bcw-core-sw1", "enc-core-sw1"]) == "; did you mean 'bcw-core-sw1'?"
    assert likely("x" * 900, ["bcw-core-sw1"]) == ""


def test_held_moves_with_a_clock_that_is_set() -> None:
    here = hand(circuit("wan"), device("sw", "wan"))
    here.see(0, "wan+", "sw+")
    here.see(10, "sw-")
    here.assessor.shift(timedelta(hours=1))
    assert isinstance(here.assessor, Assessor)
    assert here.assessor.held()["sw"].since == at(3610)
    here.tick(3611)
    assert here.assessor.held()["sw"].until == at(3613)

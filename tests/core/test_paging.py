"""Which pages are due, as a table: what is believed on the left, what is sent on the right."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from agent.core.maintenance import Excuse, Window, WindowKind
from agent.core.model import (
    Against,
    Aspect,
    Check,
    CircuitFacts,
    Estate,
    HardwareFlag,
    Health,
    Mark,
    Page,
    Role,
    State,
    Target,
    Trouble,
    Urgency,
    Verdict,
)
from agent.core.paging import losses, next_degraded, pages
from agent.core.watch import Watched, Why

NOW: Final = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
STATES: Final = {"u": State.UP, "e": State.DEGRADED, "d": State.DOWN, "n": State.UNKNOWN}
MARKS: Final = {"F": Mark.FLAPPING, "M": Mark.MAINTENANCE, "R": Mark.REDUNDANCY_LOST}


def circuit(name: str, group: str | None = None, urgency: Urgency = Urgency.NOW) -> Target:
    facts = CircuitFacts("ExampleTel", f"ETH/{name}", ("bcw", "crown"), group)
    return Target(name, Role.CIRCUIT, "circuit", name, owners=("bcw",), urgency=urgency, circuit=facts)


ESTATE: Final = Estate(
    "dc1",
    site="crown",
    targets=    {
        target.name: target
        for target in (
            circuit("solo"),
            circuit("ga", "g"),
            circuit("gb", "g"),
            circuit("ticket", urgency=Urgency.HOURS),
            circuit("silent", urgency=Urgency.NEVER),
            Target("g", Role.GROUP, "group", "g", members=("ga", "gb"), urgency=Urgency.NOW),
            Target("bcw", Role.SITE, "site", "West", owners=("bcw",), members=("g",), urgency=Urgency.NOW),
            Target("sw1", Role.DEVICE, "switch", "sw1", "bcw", ("bcw",), "10.0.0.1", checks=(
                Check("sw1", "icmp", "icmp", 10), Check("sw1", "snmp", "snmp", 60, decisive=False))),
            Target("box", Role.DEVICE, "server", "box", urgency=Urgency.NOW),
            Target("phones", Role.SERVICE, "service", "Telephony", "crown", ("bcw", "enc"), depends_on=("sw1",),
                   urgency=Urgency.NOW),
            Target("mail", Role.SERVICE, "service", "mail", depends_on=("bcw", "gone-from-the-estate")),
            Target("enc", Role.SITE, "site", "East", members=("solo", "gone-from-the-estate")),
            Target("crown", Role.SITE, "site", "Centre", members=("solo",)),
            Target("payroll", Role.SERVICE, "service", "payroll", "enc", ("bcw", "enc"),
                   depends_on=("enc", "solo", "mail")),
        )
    },
)  # fmt: skip


def believe(text: str) -> dict[str, Verdict]:
    """Return verdicts of `name:state[marks][<cause,cause]`, the later the word the younger the state."""
    verdicts = {}
    for number, word in enumerate(text.split()):
        name, _, rest = word.partition(":")
        rest, _, causes = rest.partition("<")
        state = State.UNREACHABLE if causes else STATES[rest[0]]
        marks = frozenset(MARKS[letter] for letter in rest if letter in MARKS)
        verdicts[name] = Verdict(
            state, NOW - timedelta(hours=1, minutes=-number), tuple(filter(None, causes.split(","))), marks,
            alone_since=NOW - timedelta(minutes=2) if state is State.DEGRADED else None,
        )  # fmt: skip
    return verdicts


def due(text: str, health: dict[tuple[str, str], Health] | None = None) -> list[Page]:
    return list(pages(ESTATE, believe(text), health or {}, NOW))


@pytest.mark.parametrize(
    ("believed", "sent"),
    [
        ("", ""),
        ("solo:u", ""),
        ("solo:n", ""),
        ("solo:d", "CircuitDown/solo/critical"),
        ("ticket:d", "CircuitDown/ticket/warning"),
        ("silent:d", ""),
        ("solo:dM", ""),
        ("solo:d bcw:x<solo sw1:x<solo phones:x<solo", "CircuitDown/solo/critical"),
        ("g:uR ga:d gb:u", "RedundancyLost/g/warning"),
        ("g:eR ga:x<z gb:e", "RedundancyLost/g/warning TargetDegraded/gb/warning"),
        ("g:uRM ga:d gb:u", ""),
        ("g:d ga:d gb:d", "CircuitGroupDown/g/critical"),
        ("g:dR ga:d gb:d", "CircuitGroupDown/g/critical"),
        ("g:dM ga:d gb:d", ""),
        ("bcw:d", ""),
        ("sw1:d", "DeviceDown/sw1/warning"),
        ("box:d", "DeviceDown/box/critical"),
        ("phones:d", "ServiceDown/phones/critical"),
        ("mail:d", "ServiceDown/mail/warning"),
        ("sw1:uF", "TargetFlapping/sw1/warning"),
        ("sw1:xF<solo", ""),
        ("sw1:dF", "TargetFlapping/sw1/warning"),  # a failure of what flaps is no page of its own
        ("solo:dF", "TargetFlapping/solo/warning"),
        ("g:dF ga:d gb:d", "TargetFlapping/g/warning"),
        ("sw1:e", "TargetDegraded/sw1/warning"),
        ("sw1:eF", "TargetFlapping/sw1/warning"),
        ("sw1:eM", ""),
        ("silent:e", ""),
        ("g:e ga:e gb:e bcw:e", "TargetDegraded/ga/warning TargetDegraded/gb/warning"),
        ("mail:d solo:d box:d", "CircuitDown/solo/critical DeviceDown/box/critical ServiceDown/mail/warning"),
    ],
)
def test_what_is_sent_critical_first_then_oldest(believed: str, sent: str) -> None:
    assert " ".join(f"{p.alert}/{p.target}/{p.severity}" for p in due(believed)) == sent


@pytest.mark.parametrize(
    ("alone_since", "sent"),
    [(NOW - timedelta(seconds=120), True), (NOW - timedelta(seconds=119), False), (None, False)],
)
def test_what_is_degraded_is_a_ticket_once_it_lasts_and_nothing_explains_it(
    alone_since: datetime | None, *, sent: bool
) -> None:
    verdict = Verdict(State.DEGRADED, NOW - timedelta(hours=1), alone_since=alone_since)
    troubles = tuple(
        Trouble(aspect, against, NOW, 1.0, 0.5, "")
        for aspect, against in (
            (Aspect.VOICE, Against.OBJECTIVE), (Aspect.DELAY_VARIATION, Against.PAST), (Aspect.LOSS, Against.PAST)
        )
    )  # fmt: skip
    health = {("sw1", "icmp"): Health(State.DEGRADED, troubles=troubles)}
    found = pages(ESTATE, {"sw1": verdict}, health, NOW)
    assert [page.alert for page in found] == ["TargetDegraded"] * sent
    text = (
        "It has more delay variation than usual; more loss than usual; worse voice than agreed. "
        "Its figures, and what found them: linewarden explain sw1"
    )
    assert [page.description for page in found] == [text] * sent


def test_when_the_next_ticket_of_what_is_degraded_is_due() -> None:
    soon, later = NOW - timedelta(seconds=100), NOW - timedelta(seconds=10)
    told = Verdict(State.DEGRADED, alone_since=NOW - timedelta(seconds=200))
    waiting = [Verdict(State.DEGRADED, alone_since=since) for since in (later, soon, None)]
    assert next_degraded([told, *waiting, Verdict(State.UP, alone_since=soon)], NOW) == soon + timedelta(seconds=120)
    assert next_degraded([told], NOW) is None


@pytest.mark.parametrize(
    ("target", "check", "sent"),
    [
        ("u", "d", "CheckDown/sw1/warning"),
        ("e", "d", "TargetDegraded/sw1/warning CheckDown/sw1/warning"),
        ("u", "u", ""),
        ("u", "n", ""),
        ("uM", "d", ""),
        ("d", "d", "DeviceDown/sw1/warning"),
        ("n", "d", ""),
        ("x<solo", "d", ""),
    ],
)
def test_a_check_that_does_not_decide_is_a_ticket_while_its_target_is_up(target: str, check: str, sent: str) -> None:
    found = due(f"sw1:{target}", {("sw1", "snmp"): Health(STATES[check])})
    assert " ".join(f"{p.alert}/{p.target}/{p.severity}" for p in found) == sent


def test_a_cut_circuit_names_everything_and_holds_names_only() -> None:
    (page,) = due("solo:d bcw:x<solo sw1:x<solo phones:x<solo,z mail:x<other")
    assert page.since == NOW - timedelta(hours=1)
    assert page.summary == "Circuit solo is down: ExampleTel ETH/solo, bcw to crown"
    assert page.description == (
        "Report it to ExampleTel, reference ETH/solo. Lost with it: site enc, service payroll (bcw,enc)."
    )
    assert page.consequences == ("bcw", "phones", "sw1")
    assert page.labels == {
        "alertname": "CircuitDown",
        "severity": "critical",
        "target": "solo",
        "kind": "circuit",
        "owner": "bcw",
        "supplier": "ExampleTel",
        "reference": "ETH/solo",
        "site_a": "bcw",
        "site_b": "crown",
    }


@pytest.mark.parametrize(
    ("believed", "summary", "description"),
    [
        (
            "g:d ga:d gb:d mail:x<g",
            "All circuits of g are down: ga (ExampleTel ETH/ga), gb (ExampleTel ETH/gb)",
            "Report each to its supplier. Lost with it: site bcw (bcw), service mail, service payroll (bcw,enc).",
        ),
        (
            "g:uR ga:d gb:u",
            "Redundancy of g is lost: ga (ExampleTel ETH/ga) failed",
            (
                "Traffic runs on what is left: gb (ExampleTel ETH/gb). Report the failed circuit to its supplier: "
                "the next failure cuts the sites off."
            ),
        ),
        ("sw1:d box:x<sw1", "switch sw1 (10.0.0.1) at bcw is down", "Lost with it: service phones (bcw,enc)."),
        ("box:d", "server box is down", "No site and no service is declared to depend on it."),
        (
            "phones:d",
            "Service phones (Telephony) at crown is down",
            "No site and no service is declared to depend on it.",
        ),
        ("mail:d", "Service mail is down", "Lost with it: service payroll (bcw,enc)."),
    ],
)
def test_what_they_say(believed: str, summary: str, description: str) -> None:
    (page,) = due(believed)
    assert (page.summary, page.description) == (summary, description)


def test_what_each_failure_takes_along() -> None:
    assert losses(ESTATE) == {
        "g": ("bcw", "mail", "payroll"),
        "bcw": ("mail", "payroll"),
        "mail": ("payroll",),
        "enc": ("payroll",),
        "solo": ("enc", "payroll"),  # and not crown: the agent stands there
        "sw1": ("phones",),
    }


def test_lost_redundancy_dates_from_the_failed_circuit() -> None:
    (page,) = due("g:uR gb:u ga:d")
    assert page.since == believe("g:uR gb:u ga:d")["ga"].since


def test_hardware_flags_are_tickets_unless_they_only_inform() -> None:
    flags = {
        "sw1": [
            HardwareFlag("sw1", "age_over_policy", "warning", "bought 2012", "register"),
            HardwareFlag("sw1", "end_of_sale", "info", "", ""),
        ],
        "box": [HardwareFlag("box", "battery_replace", "critical", "", "UPS-MIB")],
    }
    found = pages(ESTATE, {}, {}, NOW, flags=flags)
    assert [(p.alert, p.target, p.severity, p.labels["reason"]) for p in found] == [
        ("HardwareFlag", "box", "critical", "battery_replace"),
        ("HardwareFlag", "sw1", "warning", "age_over_policy"),
    ]
    assert found[1].summary == "switch sw1 at bcw wants attention: age_over_policy"
    assert pages(ESTATE, believe("box:uM sw1:uM"), {}, NOW, flags=flags) == ()


def test_a_watched_interface_is_a_ticket_while_both_devices_work() -> None:
    since = NOW - timedelta(minutes=3)
    watched = {
        "sw1": [
            Watched("Gi1", Why.UPLINK, "box", is_down=True, since=since),
            Watched("Gi2", Why.CONFIGURED, is_down=True),
            Watched("Gi3", Why.CIRCUIT_END, is_down=True),  # CircuitDown tells of it
            Watched("Gi4", Why.CONFIGURED, is_down=False),
            Watched("Gi5", Why.CONFIGURED),
        ]
    }
    found = pages(ESTATE, believe("sw1:u box:u"), {}, NOW, interfaces=watched)
    assert [(p.alert, p.labels["interface"], p.severity, p.since) for p in found] == [
        ("InterfaceDown", "Gi1", "warning", since),
        ("InterfaceDown", "Gi2", "warning", NOW),
    ]
    assert found[0].summary == "Interface Gi1 of switch sw1 at bcw is down"
    behind = pages(ESTATE, believe("sw1:u box:d"), {}, NOW, interfaces=watched)
    assert [p.labels["interface"] for p in behind if p.alert == "InterfaceDown"] == ["Gi2"]
    for state in ("sw1:d", "sw1:n", "sw1:uM"):
        assert [
            p for p in pages(ESTATE, believe(state), {}, NOW, interfaces=watched) if p.alert == "InterfaceDown"
        ] == []


def test_a_circuit_without_facts_is_no_reason_to_fail() -> None:
    odd = Estate("dc1", {"c": Target("c", Role.CIRCUIT, "circuit", "c")})
    assert pages(odd, {"c": Verdict(State.DOWN)}, {}, NOW) == ()


@pytest.mark.parametrize(
    ("believed", "since", "sent"),
    [
        # the first of the words below fails an hour ago, the second a minute later, and so on
        ("solo:dM", "solo-59", "CircuitDown/solo"),
        ("solo:dM", "solo-60", ""),
        ("solo:dM", "solo-61", ""),
        ("sw1:dM", "sw1-59", "DeviceDown/sw1"),
        ("sw1:dMF", "sw1-59", ""),  # nor is what flaps paged as down
        ("g:dM ga:d gb:d", "g-59", "CircuitGroupDown/g"),
        ("g:uRM ga:d gb:u", "g-58", "RedundancyLost/g"),
        ("g:uRM ga:d gb:u", "g-59", ""),
        ("g:uRM ga:d gb:u", "ga-58", "RedundancyLost/g"),
        ("g:uRM ga:d gb:u", "ga-59", ""),
        ("g:uRM ga:dM gb:dM", "ga-60 gb-57", "RedundancyLost/g"),  # the second failed before its own window
        ("ga:dM gb:dM g:dM", "ga-70 gb-57", "CircuitGroupDown/g"),
        ("ga:dM gb:dM g:dM", "ga-70 gb-58", ""),
    ],
)
def test_maintenance_keeps_what_was_due_before(believed: str, since: str, sent: str) -> None:
    minutes = {name: int(number) for name, _, number in (word.partition("-") for word in since.split())}
    excuses = {name: _excuse(-number) for name, number in minutes.items()}
    found = pages(ESTATE, believe(believed), {}, NOW, excuses=excuses)
    assert " ".join(f"{p.alert}/{p.target}" for p in found) == sent


def test_maintenance_ends_no_page_that_is_open_whatever_its_date() -> None:
    flags = {"box": [HardwareFlag("box", "battery_replace", "critical", "", "UPS-MIB")]}
    health = {("sw1", "snmp"): Health(State.DOWN, NOW - timedelta(minutes=5))}
    believed = believe("box:uM sw1:uM")
    excuses = {"box": _excuse(-10), "sw1": _excuse(-10)}
    open_before = pages(ESTATE, believe("box:u sw1:u"), health, NOW, flags=flags)
    assert {page.alert for page in open_before} == {"HardwareFlag", "CheckDown"}
    assert pages(ESTATE, believed, health, NOW, flags=flags, excuses=excuses) == ()
    assert pages(ESTATE, believed, health, NOW, flags=flags, excuses=excuses, earlier=open_before) == open_before
    first = pages(ESTATE, believed, health, NOW, flags=flags, excuses=excuses, earlier=None)
    assert [page.alert for page in first] == ["HardwareFlag"]  # nobody knows when that began
    assert pages(ESTATE, believed, {}, NOW, excuses=excuses, earlier=open_before) == ()


def _excuse(minutes: float) -> Excuse:
    began = NOW + timedelta(minutes=minutes)
    return Excuse(began, Window(WindowKind.MAINTENANCE, began, NOW + timedelta(hours=1), began))

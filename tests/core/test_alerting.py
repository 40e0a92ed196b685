"""What Alertmanagers are told: what begins, what is held, what ends, and what is known of it after a restart."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.alerting import (
    CONFIRM_SECONDS,
    ENDED_SECONDS,
    HOLD_SECONDS,
    KEPT_SECONDS,
    RESEND_SECONDS,
    Alert,
    Alertmanager,
    Standing,
    body,
    recall,
    remember,
)
from agent.core.model import (
    AdminStatus,
    Check,
    Estate,
    Health,
    Interface,
    Mark,
    OperStatus,
    Page,
    Role,
    State,
    Target,
    Urgency,
    Verdict,
)
from agent.core.paging import ALERTS
from agent.core.picture import DevicePoll, Picture

START: Final = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
SETTLED: Final = START + timedelta(hours=1)  # long after the start: whatever is due may begin
STATES: Final = {"u": State.UP, "d": State.DOWN, "x": State.UNREACHABLE, "n": State.UNKNOWN}


def target(name: str, role: Role = Role.DEVICE, **more: Any) -> Target:  # noqa: ANN401 - the fields of Target
    checks = (Check(name, "icmp", "icmp", 1.0), Check(name, "snmp", "snmp", 60.0, decisive=False))
    return Target(name, role, "switch", name, **{"checks": checks, "urgency": Urgency.NOW} | more)


ESTATE: Final = Estate(
    "dc1",
    {
        one.name: one
        for one in (
            target("sw"),
            target("silent", urgency=Urgency.NEVER),
            target("ga", Role.CIRCUIT),
            target("gb", Role.CIRCUIT),
            target("g", Role.GROUP, checks=(), members=("ga", "gb", "gone-from-the-estate")),
        )
    },
)


def page(text: str) -> Page:
    """Return the page `ALERT/target[/check]`."""
    alert, name, *check = text.split("/")
    labels = {"alertname": alert, "target": name, "severity": "critical", **({"check": check[0]} if check else {})}
    return Page(alert, name, "critical", START, f"{name} fails", "Mend it.", labels)


def picture(*due: str, **states: str) -> Picture:
    """Return what is believed: pages that are due, and the states of targets, `M` behind them for maintenance."""
    shown = Picture(ESTATE, START, START, pages=tuple(map(page, due)))
    for name, text in states.items():
        marks = frozenset({Mark.MAINTENANCE}) if "M" in text else frozenset[Mark]()
        shown.verdicts[name] = Verdict(STATES[text[0]], START, marks=marks)
    return shown


def firing(standing: Standing) -> list[str]:
    return sorted(f"{alert.labels['alertname']}/{alert.labels['target']}" for alert in standing.firing.values())


def ended(standing: Standing) -> list[str]:
    return sorted(f"{alert.labels['alertname']}/{alert.labels['target']}" for alert in standing.ended.values())


def after(seconds: float) -> datetime:
    return SETTLED + timedelta(seconds=seconds)


def test_a_page_begins_is_told_and_ends() -> None:
    standing = Standing()
    assert standing.follow(picture("DeviceDown/sw", sw="d"), SETTLED)
    assert firing(standing) == ["DeviceDown/sw"]
    assert not standing.follow(picture("DeviceDown/sw", sw="d"), after(1)), "nothing is new"
    assert not standing.unsettled
    assert standing.follow(picture(sw="u"), after(2))
    assert (firing(standing), ended(standing)) == ([], ["DeviceDown/sw"])
    assert [alert.ended_at for alert in standing.alerts()] == [after(2)]
    assert not standing.follow(picture(sw="u"), after(2 + ENDED_SECONDS))
    assert ended(standing) == ["DeviceDown/sw"], "an end is told again and again"
    standing.follow(picture(sw="u"), after(3 + ENDED_SECONDS))
    assert standing.alerts() == []


def test_a_page_that_comes_back_is_no_end_any_more() -> None:
    standing = Standing()
    for due in (["DeviceDown/sw"], [], ["DeviceDown/sw"]):
        standing.follow(picture(*due, sw="d" if due else "u"), SETTLED)
    assert (firing(standing), ended(standing)) == (["DeviceDown/sw"], [])


@pytest.mark.parametrize(
    ("alert", "states", "stands"),
    [
        ("DeviceDown/sw", {"sw": "n"}, True),
        ("DeviceDown/sw", {}, True),  # not known at all
        ("DeviceDown/sw", {"sw": "u"}, False),
        ("DeviceDown/sw", {"sw": "x"}, False),  # its cause is paged
        ("DeviceDown/sw", {"sw": "nM"}, False),
        ("DeviceDown/silent", {"silent": "n"}, False),
        ("DeviceDown/removed", {}, False),
        ("CheckDown/sw/snmp", {"sw": "n"}, True),
        ("CheckDown/sw/snmp", {"sw": "d"}, False),
        ("RedundancyLost/g", {"g": "n"}, True),
        ("TargetFlapping/sw", {"sw": "n"}, True),
    ],
)
def test_not_knowing_ends_nothing(alert: str, states: dict[str, str], *, stands: bool) -> None:
    standing = Standing()
    standing.follow(picture(alert, sw="d"), SETTLED)
    assert standing.follow(picture(**states), after(5)) is not stands
    assert bool(standing.firing) is stands
    assert standing.unsettled is stands


def poll(at: datetime, *, success: bool = True, complete: bool = True) -> DevicePoll:
    return DevicePoll(at, success, 0.1, "", at + timedelta(seconds=180), complete=complete)


@pytest.mark.parametrize("alert", KEPT_SECONDS)
@pytest.mark.parametrize(
    ("seen", "seconds", "stands"),
    [
        (None, 5, True),
        (poll(SETTLED), 5, False),
        (poll(SETTLED), 181, True),  # no longer fresh: nothing is known of it any more
        (poll(SETTLED, success=False), 5, True),
        (poll(SETTLED, complete=False), 5, True),
        (None, None, False),  # as long as the rules keep it
    ],
)
def test_what_comes_with_the_polls_ends_when_a_poll_says_so(
    alert: str, seen: DevicePoll | None, seconds: float | None, *, stands: bool
) -> None:
    standing = Standing()
    standing.follow(picture(f"{alert}/sw", sw="u"), SETTLED)
    shown = picture(sw="u")
    if seen is not None:
        shown.polls["sw"] = seen
    standing.follow(shown, after(KEPT_SECONDS[alert] + 1 if seconds is None else seconds))
    assert bool(standing.firing) is stands


@pytest.mark.parametrize(
    ("oper", "stands"),
    [(OperStatus.DOWN, True), (OperStatus.UP, False), (None, True)],
)
def test_an_interface_that_is_found_down_is_not_over(oper: OperStatus | None, *, stands: bool) -> None:
    """The first poll after a restart finds it down once, and that is no page yet."""
    due = page("InterfaceDown/sw")
    due = replace(due, labels={**due.labels, "interface": "Gi1"})
    standing = Standing()
    standing.follow(replace(picture(sw="u"), pages=(due,)), SETTLED)
    shown = picture(sw="u")
    rows = (Interface(1, "Gi1", "", AdminStatus.UP, oper), Interface(2, "Gi2", "", AdminStatus.UP, OperStatus.UP))
    shown.polls["sw"] = replace(poll(SETTLED), interfaces=rows)
    standing.follow(shown, after(5))
    assert bool(standing.firing) is stands


def heard(shown: Picture, *keys: tuple[str, str, State]) -> Picture:
    for name, check, state in keys:
        shown.health[name, check] = Health(state, START, heard_at=START)
    return shown


DOWN, UP = State.DOWN, State.UP


@pytest.mark.parametrize(
    ("due", "measured", "begins"),
    [
        ("DeviceDown/sw", [], False),
        ("DeviceDown/sw", [("sw", "snmp", DOWN)], False),  # that does not decide
        ("DeviceDown/sw", [("sw", "icmp", DOWN)], True),
        ("CheckDown/sw/snmp", [("sw", "icmp", UP)], False),
        ("CheckDown/sw/snmp", [("sw", "snmp", DOWN)], True),
        ("TargetFlapping/sw", [("sw", "icmp", UP)], True),
        ("CircuitGroupDown/g", [("ga", "icmp", DOWN)], False),
        ("CircuitGroupDown/g", [("ga", "icmp", DOWN), ("gb", "icmp", DOWN)], True),
        ("HardwareFlag/sw", [], True),  # what the asset register says needs no measurement
    ],
)
def test_what_the_ledger_calls_down_is_told_once_it_was_measured(
    due: str, measured: list[tuple[str, str, State]], *, begins: bool
) -> None:
    """The agent was away for longer than Alertmanager holds an alert: it may have ended long ago."""
    standing = Standing()
    assert standing.follow(heard(picture(due), *measured), START + timedelta(seconds=1)) is begins
    assert bool(standing.firing) is begins
    assert standing.unsettled is not begins
    standing.follow(picture(due), START + timedelta(seconds=CONFIRM_SECONDS + 1))
    assert standing.firing, "what cannot be measured is not kept back for ever"


def test_one_failed_check_of_several_is_enough_to_begin() -> None:
    both = (Check("sw", "icmp", "icmp", 1.0), Check("sw", "end", "end", 60.0))
    shown = picture("CircuitDown/sw")
    shown.estate = Estate("dc1", {"sw": target("sw", checks=both)})
    assert Standing().follow(heard(shown, ("sw", "icmp", DOWN)), START)
    assert not Standing().follow(heard(shown, ("sw", "icmp", UP)), START), "the other one is what is believed down"


def test_what_was_told_before_a_restart_goes_on_at_once() -> None:
    standing = Standing()
    standing.follow(picture("DeviceDown/sw", "CheckDown/ga/snmp"), SETTLED)
    now = after(1)
    again = Standing(recall(remember(standing.kept(), now), now + timedelta(seconds=60)))
    restarted = replace(picture("DeviceDown/sw", sw="d"), started_at=now)
    assert not again.follow(restarted, now + timedelta(seconds=60)), "nothing is new, and nothing has ended"
    assert firing(again) == ["CheckDown/ga", "DeviceDown/sw"]
    assert ended(again) == [], "it may have begun again before the agent was killed"
    assert again.unsettled
    assert again.follow(replace(picture(sw="u", ga="u"), started_at=now), now + timedelta(seconds=62))
    assert ended(again) == ["CheckDown/ga", "DeviceDown/sw"]


@pytest.mark.parametrize(
    ("due", "states", "told"),
    [
        ([], {}, None),  # not measured yet: it may have begun again just before the former run was killed
        (["CheckDown/sw/snmp"], {"sw": "u"}, None),  # it has, and waits to be measured
        ([], {"sw": "u"}, ["CheckDown/sw"]),
        ([], {"sw": "d"}, ["CheckDown/sw"]),
    ],
)
def test_an_end_of_the_former_run_is_told_once_it_is_known_to_hold(
    due: list[str], states: dict[str, str], told: list[str] | None
) -> None:
    former = Standing()
    former.follow(picture("CheckDown/sw/snmp", sw="u"), SETTLED)
    former.follow(picture(sw="u"), after(1))
    again = Standing(recall(remember(former.kept(), after(2)), after(3)))
    assert [alert.ended_at for alert in again.kept()] == [after(1)]
    assert again.alerts() == []
    restarted = replace(picture(*due, **states), started_at=after(3))
    assert again.follow(restarted, after(4)) is (told is not None)
    assert ended(again) == (told or [])
    assert not again.began
    assert again.unsettled is (told is None)
    assert len(again.kept()) == (0 if due else 1)


def test_what_alertmanagers_have_ended_by_themselves_is_not_remembered() -> None:
    standing = Standing()
    standing.follow(picture("DeviceDown/sw"), SETTLED)
    text = remember(standing.alerts(), SETTLED)
    assert recall(text, after(HOLD_SECONDS)) == tuple(standing.alerts())
    assert recall(text, after(HOLD_SECONDS + 1)) == ()
    assert recall(text, after(-HOLD_SECONDS - 1)) == (), "a clock that was far ahead says nothing"


@pytest.mark.parametrize(
    "text",
    [
        "", "nonsense", "[]", "{}", "null", '{"told_at": 1, "alerts": []}', '{"told_at": "2026", "alerts": []}',
        '{"told_at": "0001-01-01T00:00:00+14:00", "alerts": []}',
        json.dumps({"told_at": SETTLED.isoformat(), "alerts": 7}),
        json.dumps({"told_at": SETTLED.isoformat(), "alerts": [{"labels": []}]}),
        json.dumps({"told_at": SETTLED.isoformat(), "alerts": [{"labels": {"a": "b"}, "since": "x", "due_at": "y"}]}),
        "[" * 100_000,
    ],
)  # fmt: skip
def test_a_damaged_memory_is_told_so(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words are Python's
        recall(text, SETTLED)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda b: st.lists(b) | st.dictionaries(st.text(), b)
    )
)
def test_no_memory_raises_anything_else(value: object) -> None:
    for text in (json.dumps(value), json.dumps({"told_at": SETTLED.isoformat(), "alerts": [value]})):
        with pytest.raises(ValueError):  # noqa: PT011 - the words are Python's
            recall(text, SETTLED)


def test_what_is_posted() -> None:
    standing = Standing()
    standing.follow(picture("DeviceDown/sw", "DeviceDown/ga", sw="d"), SETTLED)
    standing.follow(picture("DeviceDown/sw", sw="d", ga="u"), after(10))
    fires, over = body(standing.alerts(), after(20), source="http://dc1:9799", runbooks="https://wiki.example/lw")
    assert fires == {
        "labels": {"alertname": "DeviceDown", "target": "sw", "severity": "critical"},
        "annotations": {
            "summary": "sw fails",
            "description": "Mend it.",
            "runbook_url": "https://wiki.example/lw/DeviceDown",
        },
        "startsAt": "2026-03-01T03:00:00+00:00",
        "endsAt": "2026-03-01T04:10:20+00:00",
        "generatorURL": "http://dc1:9799",
    }
    assert (over["startsAt"], over["endsAt"]) == ("2026-03-01T03:00:00+00:00", "2026-03-01T04:00:10+00:00")


@pytest.mark.parametrize("ended_at", [None, SETTLED])
def test_no_alert_ends_before_it_begins(ended_at: datetime | None) -> None:
    """A clock was set back: Alertmanager would refuse it."""
    alert = Alert({"alertname": "X"}, "", "", after(3600), SETTLED, ended_at)
    (posted,) = body([alert], SETTLED, source="", runbooks="")
    assert posted["startsAt"] == SETTLED.isoformat()
    assert posted["startsAt"] <= posted["endsAt"]


def test_the_limits_fit_one_another() -> None:
    assert HOLD_SECONDS > 120 + 2 * RESEND_SECONDS, "a restart of a minute or two ends nothing"
    assert ENDED_SECONDS > HOLD_SECONDS
    assert set(KEPT_SECONDS) <= ALERTS


def test_secrets_are_not_shown() -> None:
    one = Alertmanager("http://am:9093", authorization="Bearer hunter2", ca_file=Path("ca.pem"))
    assert "hunter2" not in repr(one)

"""Flags for ageing hardware: exact dates, cited sources, and nothing where nothing is known."""

from dataclasses import replace as changed
from datetime import UTC, date, datetime

import pytest

from agent.core.ageing import Case, Found, case_of, estate_cases, judged, merged, rank
from agent.core.consequence import Consequences
from agent.core.hardware import Age, Confidence, Hardware, Piece, Reason, Support
from agent.core.hardware_policy import HardwarePolicy
from agent.core.judges import judges
from agent.core.lifecycle import Lifecycle
from agent.core.model import AssetRow, Estate, Fact, HardwareFlag, Role, Target
from agent.core.risk import age_years
from agent.core.subjects import of_device, of_row

JUDGES = judges(Lifecycle()).now
POLICY = {"switch": 7.0, "ups": 1.0, "*": 5.5}


def flags(target: Target, facts: tuple[Fact, ...], policy: dict[str, float], today: date) -> tuple[HardwareFlag, ...]:
    """Return what the judges that need no table find of a device."""
    return merged(judged(of_device(target, facts), JUDGES, HardwarePolicy(policy), today).flags)


def target(kind: str = "switch", purchased: str | None = None) -> Target:
    return Target("sw1", Role.DEVICE, kind, "sw1", purchased=date.fromisoformat(purchased) if purchased else None)


@pytest.mark.parametrize(
    ("purchased", "today", "years", "part"),
    [
        ("2012-03-01", "2026-11-22", 14, 266 / 365),
        ("2020-02-29", "2021-02-28", 0, 365 / 366),
        ("2020-02-29", "2021-03-01", 1, 0.0),
        ("2020-02-29", "2024-02-29", 4, 0.0),
        ("2020-02-29", "2024-02-28", 3, 364 / 365),  # from 1 March 2023 on
        ("2020-03-01", "2020-03-01", 0, 0.0),
        ("2020-01-01", "2020-12-31", 0, 365 / 366),
        ("2020-12-31", "2021-01-01", 0, 1 / 365),
        ("2027-01-01", "2026-12-31", -1, 364 / 365),
    ],
)
def test_age_in_years_is_exact(purchased: str, today: str, years: int, part: float) -> None:
    found, found_part = age_years(date.fromisoformat(purchased), date.fromisoformat(today))
    assert found == years
    assert found_part == pytest.approx(part)


@pytest.mark.parametrize(
    ("kind", "purchased", "today", "detail"),
    [
        ("switch", "2012-03-01", "2026-11-22", "14.7 years, since 2012-03-01; policy for switch is 7 years"),
        ("switch", "2012-03-01", "2019-02-28", None),
        ("switch", "2012-03-01", "2019-03-01", "7.0 years, since 2012-03-01; policy for switch is 7 years"),
        ("switch", "2012-03-01", "2020-02-29", "7.9 years, since 2012-03-01; policy for switch is 7 years"),
        ("server", "2020-01-01", "2025-06-30", None),
        ("server", "2020-01-01", "2025-07-03", "5.5 years, since 2020-01-01; policy for server is 5.5 years"),
        ("ups", "2020-02-29", "2021-02-28", None),
        ("ups", "2020-02-29", "2021-03-01", "1.0 years, since 2020-02-29; policy for ups is 1 year"),
        ("switch", "2030-01-01", "2026-01-01", None),  # a typing error in the register, or an order: no age
        ("switch", None, "2026-01-01", None),
    ],
)
def test_age_over_policy(kind: str, purchased: str | None, today: str, detail: str | None) -> None:
    found = flags(target(kind, purchased), (), POLICY, date.fromisoformat(today))
    assert [flag.detail for flag in found] == ([detail] if detail else [])
    for flag in found:
        assert (flag.target, flag.reason, flag.severity) == ("sw1", "age_over_policy", "warning")
        assert flag.source == "configuration (purchased)"


@pytest.mark.parametrize("policy", [{}, {"server": 5.0}])
def test_no_policy_no_flag(policy: dict[str, float]) -> None:
    assert flags(target(purchased="1999-01-01"), (), policy, date(2026, 1, 1)) == ()


def test_both_at_once_in_order() -> None:
    bad = Fact("battery_replace", True, "UPS-MIB upsAlarmBatteryBad")
    found = flags(target("ups", "2012-01-01"), (bad,), POLICY, date(2026, 1, 1))
    assert [(flag.reason, flag.detail) for flag in found] == [
        ("age_over_policy", "14.0 years, since 2012-01-01; policy for ups is 1 year"),
        ("battery_replace", "the device says that its battery needs to be replaced"),
    ]


# ------------------------------------------------------------------ flags of several sources as one


def flag(reason: str, severity: str, detail: str, confidence: Confidence = Confidence.STATED) -> HardwareFlag:
    return HardwareFlag("sw1", reason, severity, detail, f"source of {detail}", confidence)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ([], []),
        (
            [("os_end_of_life", "info", "x"), ("fan_failed", "critical", "fan 2"), ("age_over_policy", "warning", "y")],
            [("fan_failed", "critical", "fan 2"), ("age_over_policy", "warning", "y"), ("os_end_of_life", "info", "x")],
        ),
        # the worst severity counts, and what others of the same severity say stands beside it
        (
            [("fan_failed", "warning", "fan 1"), ("fan_failed", "critical", "fan 2")],
            [("fan_failed", "critical", "fan 2")],
        ),
        (
            [("fan_failed", "critical", f"fan {number}") for number in (5, 4, 3, 2, 1, 1)],
            [("fan_failed", "critical", "fan 1; fan 2; fan 3; and 2 more")],
        ),
    ],
)
def test_one_flag_for_each_reason(found: list[tuple[str, str, str]], wanted: list[tuple[str, str, str]]) -> None:
    flags_found = merged(flag(*one) for one in found)
    assert [(one.reason, one.severity, one.detail) for one in flags_found] == wanted


def test_only_what_has_failed_may_page_at_night() -> None:
    loud = merged(flag(reason, "critical", reason) for reason in Reason)
    assert {one.reason for one in loud if one.severity == "critical"} == {
        "psu_failed", "fan_failed", "part_failed", "disk_failed", "battery_replace", "temperature_high", "memory_errors"
    }  # fmt: skip
    assert {one.severity for one in loud} == {"critical", "warning"}


def test_the_most_trusted_source_speaks_first() -> None:
    said = [flag("battery_old", "warning", "a", Confidence.ASSUMED), flag("battery_old", "warning", "b")]
    (found,) = merged(said)
    assert (found.detail, found.source, found.confidence) == ("b; a", "source of b", Confidence.STATED)


def test_what_is_due_first_comes_first() -> None:
    late, soon = date(2027, 1, 1), date(2026, 6, 1)
    dated = (("end_of_support_soon", "a", late), ("storage_full_soon", "b", soon))
    said = [changed(flag(reason, "warning", detail), due=due) for reason, detail, due in dated]
    found = merged([*said, flag("clock_drift", "odd", "c")])
    assert [one.detail for one in found] == ["b", "a", "c"]


# ------------------------------------------------------------------ judges, cases, rank

TODAY = date(2026, 1, 1)
SEEN = datetime(2016, 1, 1, tzinfo=UTC)


def test_first_seen_is_an_age_at_least() -> None:
    subject = of_device(target(), pieces=(Piece("sw1", "A", SEEN, SEEN),))
    found = judged(subject, JUDGES, HardwarePolicy(POLICY), TODAY)
    assert found.age == Age(date(2016, 1, 1), True, "first seen by the agent: it may be older", Confidence.STATED)
    (said,) = found.flags
    assert said.detail == "at least 10.0 years, since 2016-01-01 or before; policy for switch is 7 years"
    assert judged(of_device(target()), JUDGES, HardwarePolicy(POLICY), TODAY) == Found()


def test_a_row_of_a_register_has_an_age_and_names_its_line() -> None:
    row = AssetRow("LAP-1", "assets.csv:3", date(2015, 1, 1), {"kind": "Laptop", "owner": "bcw; enc,", "model": "L1"})
    subject = of_row(row)
    assert (subject.kind, subject.owners, subject.site) == ("laptop", ("bcw", "enc"), None)
    case = case_of(subject, JUDGES, Consequences(Estate("dc1", {})), Estate("dc1", {}), TODAY)
    assert [(one.reason, one.source) for one in case.flags] == [
        ("age_over_policy", "asset register assets.csv:3 (purchased)"), ("unknown_lifecycle", "lifecycle tables")
    ]  # fmt: skip
    assert (case.watched, case.register, case.age_years, case.fact("model")) == (False, "assets.csv:3", 11.0, "L1")


def test_identity_is_what_the_device_says_and_else_the_inventory() -> None:
    looked = Hardware(SEEN, (Fact("model", "ES-48", "entPhysicalModelName"), Fact("mood", "good", "?")))
    known = changed(target(), info={"model": "ES48", "serial": "A", "asset": "7"})
    subject = of_device(known, (Fact("vendor", "Example Networks", "sysObjectID"),), looked)
    case = case_of(subject, (), Consequences(Estate("dc1", {"sw1": known})), Estate("dc1", {"sw1": known}), TODAY)
    assert [(fact.name, fact.value, fact.source) for fact in case.facts] == [
        ("vendor", "Example Networks", "sysObjectID"),
        ("model", "ES-48", "entPhysicalModelName"),
        ("serial", "A", "configuration or asset register"),
    ]
    assert (case.fact("model"), case.fact("bios_date")) == ("ES-48", "")


def case(name: str, found: Found, watched: tuple[str, ...] = ("a", "b", "c")) -> Case:
    estate = Estate("dc1", {one: changed(target(), name=one) for one in watched})
    return case_of(of_device(estate.targets[name]), (), Consequences(estate), estate, TODAY, found)


def support(until: str) -> Support:
    return Support("P", "model P", "notice", "x.csv:2", end_of_support=date.fromisoformat(until))


def age(since: str) -> Age:
    return Age(date.fromisoformat(since), False, "register", Confidence.STATED)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        # of equals: the worst flag, then what is without support first, then the older, then the smaller name
        (Found(flags=(flag("fan_failed", "critical", "x"),)), Found(flags=(flag("fan_failed", "warning", "x"),))),
        (
            Found(support=support("2020-01-01"), flags=(flag("end_of_support", "warning", "x"),)),
            Found(support=support("2020-01-01")),
        ),
        (Found(support=support("2020-01-01")), Found(support=support("2020-01-02"))),
        (Found(age("2000-01-01")), Found(age("2000-01-02"))),
        (Found(age("2000-01-01")), Found(age("2000-01-01"))),
    ],
)
def test_ties_are_broken_as_stated(a: Found, b: Found) -> None:
    for cases in ([case("a", a), case("b", b)], [case("b", b), case("a", a)]):
        assert [(one.place, one.name) for one in rank(cases)] == [(1, "a"), (2, "b")]


def test_nothing_known_has_no_place() -> None:
    found = rank([case("a", Found()), case("b", Found(age("2000-01-01"))), case("c", Found(age("2030-01-01")))])
    assert [(one.place, one.name, one.age_years) for one in found] == [
        (1, "b", 26.0),
        (None, "a", None),
        (None, "c", None),
    ]


def test_of_what_two_judges_know_the_first_ones_word_counts() -> None:
    first, second = (
        Found(age("2000-01-01"), flags=(flag("clock_drift", "info", "x"),)),
        Found(age("2001-01-01"), support("2030-01-01")),
    )
    both = first.and_also(second)
    assert (both.age, both.support, len(both.flags)) == (first.age, second.support, 1)


def test_an_estate_that_nobody_polls() -> None:
    group = Target("g", Role.GROUP, "group", "g")
    rows = (AssetRow("LAP-1", "assets.csv:3", date(2015, 1, 1)),)
    watched = {"sw1": target(), "g": group}
    pieces = [Piece("sw1", "A", SEEN, SEEN), Piece("gone", "B", SEEN, SEEN)]
    found = estate_cases(Estate("dc1", watched, assets=rows), pieces, JUDGES, TODAY)
    assert [(one.name, one.kind, one.age is not None) for one in found] == [
        ("sw1", "switch", True),
        ("LAP-1", "other", True),
    ]

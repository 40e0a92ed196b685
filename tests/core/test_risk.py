"""The parts of a likelihood as tables; what is unknown is None and raises nothing."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from agent.core.hardware import Age, Confidence, Hardware, HardwareFlag, Support
from agent.core.hardware_policy import AGES_YEARS, EVERY_KIND, LEADS_DAYS, HardwarePolicy
from agent.core.risk import (
    Part,
    Risk,
    age_part,
    in_years,
    likelihood,
    policy_words,
    support_part,
    unsupported_from,
    wear_part,
)

TODAY = date(2026, 6, 1)
POLICY = HardwarePolicy({"switch": 8.0, "lamp": 1.0}, {"switch": 365.0})
SUPPORT = Support("ES-48", "model ES-48", "notice EX-1, page 2", "x.csv:3")


def age(since: str, *, at_least: bool = False) -> Age:
    return Age(date.fromisoformat(since), at_least, "asset register", Confidence.STATED)


@pytest.mark.parametrize(
    ("kind", "since", "ratio", "detail"),
    [
        ("switch", "2026-06-01", 0.0, "0.0 years old; policy for switch is 8 years"),
        ("switch", "2022-06-01", 0.0, "4.0 years old; policy for switch is 8 years"),  # half of it
        ("switch", "2020-06-01", 0.25, "6.0 years old; policy for switch is 8 years"),
        ("Switch ", "2018-06-01", 0.5, "8.0 years old; policy for Switch  is 8 years"),  # as a register writes it
        ("switch", "2014-06-01", 1.0, "12.0 years old; policy for switch is 8 years"),
        ("switch", "1990-06-01", 1.0, "36.0 years old; policy for switch is 8 years"),
        ("lamp", "2025-06-01", 0.5, "1.0 years old; policy for lamp is 1 year"),
        ("chair", "2014-06-01", None, "12.0 years old; no policy for chair"),
        ("switch", "2026-06-02", None, "its age is unknown"),  # an order, or a typing error
    ],
)
def test_age(kind: str, since: str, ratio: float | None, detail: str) -> None:
    found = age_part(kind, age(since), POLICY, TODAY)
    assert (found.ratio, found.detail) == (ratio, detail)


def test_an_age_that_is_a_lower_bound_says_so() -> None:
    found = age_part("switch", age("2020-06-01", at_least=True), POLICY, TODAY)
    assert (found.detail, found.source) == ("at least 6.0 years old; policy for switch is 8 years", "asset register")
    assert age_part("switch", None, POLICY, TODAY) == Part("age", None, 0.5, "its age is unknown")


def test_what_rests_on_an_assumed_fact_says_so() -> None:
    guess = Confidence.ASSUMED
    old = age_part("switch", replace(age("2020-06-01"), confidence=guess), POLICY, TODAY)
    assert (old.detail, old.confidence) == ("6.0 years old (assumed); policy for switch is 8 years", guess)
    ended = replace(SUPPORT, end_of_support=date(2020, 1, 1), confidence=guess)
    late = support_part("switch", (ended,), POLICY, TODAY)
    assert (late.detail, late.confidence) == ("ES-48: without support since 2020-01-01 (assumed)", guess)
    signs = (flag("disk_wear", "warning"), replace(flag("fan_failed", "warning"), confidence=guess))
    worn = wear_part(signs, looked=True)
    assert (worn.detail, worn.confidence) == ("disk_wear seen; fan_failed seen (assumed)", guess)
    derived = wear_part([replace(signs[0], confidence=Confidence.DERIVED), signs[0]], looked=True)
    assert (derived.detail, derived.confidence) == ("disk_wear seen; disk_wear seen", Confidence.DERIVED)


@pytest.mark.parametrize(
    ("dates", "ratio", "detail"),
    [
        ({}, None, "no date of its support is known"),
        ({"end_of_sale": "2020-01-01"}, None, "no date of its support is known"),
        ({"end_of_support": "2026-05-31"}, 1.0, "ES-48: without support since 2026-05-31"),
        ({"end_of_support": "2026-06-01"}, 0.4, "ES-48: support ends on 2026-06-01"),  # its last day
        ({"end_of_support": "2027-06-01"}, 0.4, "ES-48: support ends on 2027-06-01"),
        ({"end_of_support": "2027-06-02"}, 0.0, "ES-48: supported until 2027-06-02"),
        (
            {"end_of_security_fixes": "2026-01-01", "end_of_support": "2029-01-01"},
            1.0,
            "ES-48: without support since 2026-01-01",
        ),
        (
            {"end_of_software_maintenance": "2026-01-01", "end_of_support": "2029-01-01"},
            0.5,
            "ES-48: security fixes alone since 2026-01-01, without any from 2029-01-01",
        ),
        ({"end_of_software_maintenance": "2026-01-01"}, 0.5, "ES-48: security fixes alone since 2026-01-01"),
        ({"end_of_software_maintenance": "2027-01-01"}, None, "no date of its support is known"),
    ],
)
def test_support(dates: dict[str, str], ratio: float | None, detail: str) -> None:
    support = replace(SUPPORT, **{name: date.fromisoformat(text) for name, text in dates.items()})  # type: ignore[arg-type]
    found = support_part("switch", (support,), POLICY, TODAY)
    assert (found.ratio, found.detail, found.source) == (ratio, detail, "" if ratio is None else support.source)


def test_the_worse_of_hardware_and_operating_system_counts() -> None:
    hardware = replace(SUPPORT, end_of_support=date(2030, 1, 1))
    system = replace(SUPPORT, product="Example Linux 6", source="endoflife.date", end_of_support=date(2020, 1, 1))
    for supports in ((hardware, system), (system, hardware)):
        found = support_part("switch", supports, POLICY, TODAY)
        assert (found.ratio, found.source) == (1.0, "endoflife.date")
    assert support_part("chair", (hardware,), POLICY, TODAY).ratio == 0.0  # no lead time is known


def test_the_end_is_what_ends_first() -> None:
    both = replace(SUPPORT, end_of_support=date(2030, 1, 1), end_of_security_fixes=date(2029, 1, 1))
    assert unsupported_from(both) == date(2029, 1, 1)
    assert unsupported_from(SUPPORT) is None


def flag(reason: str, severity: str, source: str = "ENTITY-MIB") -> HardwareFlag:
    return HardwareFlag("sw", reason, severity, f"{reason} seen", source)


@pytest.mark.parametrize(
    ("flags", "looked", "ratio", "detail"),
    [
        ((), False, None, "nobody has looked at its condition"),
        ((), True, 0.0, "no sign of wear"),
        ((flag("fan_failed", "info"),), True, 0.0, "no sign of wear"),
        ((flag("age_over_policy", "warning"),), False, None, "nobody has looked at its condition"),  # no wear
        ((flag("fan_failed", "critical"),), True, 0.9, "fan_failed seen"),
        ((flag("disk_wear", "warning"),), False, 0.5, "disk_wear seen"),
        ((flag("disk_wear", "warning"), flag("psu_failed", "critical")), True, 0.95, "disk_wear seen; psu_failed seen"),
    ],
)
def test_wear(flags: tuple[HardwareFlag, ...], looked: bool, ratio: float | None, detail: str) -> None:
    found = wear_part(flags, looked=looked)
    assert found.ratio == (None if ratio is None else pytest.approx(ratio))
    assert found.detail == detail


def test_each_source_of_wear_is_named_once() -> None:
    flags = [flag("disk_wear", "warning", "smartctl"), flag("disk_failed", "critical", "smartctl")]
    assert wear_part(flags, looked=True).source == "smartctl"


def test_parts_are_taken_as_independent_and_what_is_unknown_counts_as_nothing() -> None:
    hardware = Hardware(datetime(2026, 6, 1, tzinfo=UTC))
    ended = replace(SUPPORT, end_of_support=date(2020, 1, 1))
    known = likelihood("switch", age("2014-06-01"), (ended,), [flag("disk_wear", "warning")], hardware, POLICY, TODAY)
    assert known.ratio == pytest.approx(1 - (1 - 0.5) * (1 - 0.8) * (1 - 0.5))
    assert known.part("wear").ratio == 0.5
    nothing = likelihood("switch", None, (), (), None, POLICY, TODAY)
    assert (nothing.ratio, [part.ratio for part in nothing.parts]) == (0.0, [None, None, None])
    with pytest.raises(KeyError):
        Risk((), 0.0).part("age")


@pytest.mark.parametrize(("years", "text"), [(4.6, "4.6 years"), (7.997, "7.9 years"), (0.0, "0.0 years")])
def test_years_are_cut(years: float, text: str) -> None:
    assert in_years(years) == text


def test_policy_in_words_and_its_defaults() -> None:
    assert policy_words("ups", 1) == "policy for ups is 1 year"
    default = HardwarePolicy()
    assert (default.age_years("Laptop"), default.age_years("chair")) == (4.0, AGES_YEARS[EVERY_KIND])
    assert (default.lead_days("server"), default.lead_days("chair")) == (548.0, LEADS_DAYS[EVERY_KIND])
    assert (default.battery_years, default.storage_lead_days) == (4.0, 90.0)

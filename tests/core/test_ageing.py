"""Flags for ageing hardware: exact dates, cited sources, and nothing where nothing is known."""

from datetime import date

import pytest

from agent.core.ageing import JUDGES, judged, merged
from agent.core.hardware_policy import HardwarePolicy
from agent.core.model import Fact, HardwareFlag, Role, Target
from agent.core.risk import age_years
from agent.core.subjects import of_device

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
        ("switch", "2012-03-01", "2026-11-22", "bought 2012-03-01, 14.7 years; policy for switch is 7 years"),
        ("switch", "2012-03-01", "2019-02-28", None),
        ("switch", "2012-03-01", "2019-03-01", "bought 2012-03-01, 7.0 years; policy for switch is 7 years"),
        ("switch", "2012-03-01", "2020-02-29", "bought 2012-03-01, 7.9 years; policy for switch is 7 years"),
        ("server", "2020-01-01", "2025-06-30", None),
        ("server", "2020-01-01", "2025-07-03", "bought 2020-01-01, 5.5 years; policy for server is 5.5 years"),
        ("ups", "2020-02-29", "2021-02-28", None),
        ("ups", "2020-02-29", "2021-03-01", "bought 2020-02-29, 1.0 years; policy for ups is 1 year"),
        ("switch", "2030-01-01", "2026-01-01", None),  # a typing error in the register, or an order: no age
        ("switch", None, "2026-01-01", None),
    ],
)
def test_age_over_policy(kind: str, purchased: str | None, today: str, detail: str | None) -> None:
    found = flags(target(kind, purchased), (), POLICY, date.fromisoformat(today))
    assert [flag.detail for flag in found] == ([detail] if detail else [])
    for flag in found:
        assert (flag.target, flag.reason, flag.severity) == ("sw1", "age_over_policy", "warning")
        assert flag.source == "purchased (asset register or configuration)"


@pytest.mark.parametrize("policy", [{}, {"server": 5.0}])
def test_no_policy_no_flag(policy: dict[str, float]) -> None:
    assert flags(target(purchased="1999-01-01"), (), policy, date(2026, 1, 1)) == ()


def replace(value: str | float | bool, source: str = "UPS-MIB upsAlarmBatteryBad") -> Fact:
    return Fact("battery_replace", value, source)


@pytest.mark.parametrize(
    ("facts", "severity", "detail"),
    [
        ((), None, ""),
        ((replace(False),), None, ""),
        ((replace("true"),), None, ""),  # only the device's own plain yes counts
        ((Fact("battery_status", "depleted", "UPS-MIB upsBatteryStatus"),), None, ""),
        ((replace(True),), "warning", "the device says that its battery needs to be replaced"),
        (
            (Fact("battery_status", "normal", "UPS-MIB upsBatteryStatus"), replace(True)),
            "warning",
            "the device says that its battery needs to be replaced; battery status: normal",
        ),
        (
            (replace(True), Fact("battery_status", "batteryLow", "UPS-MIB upsBatteryStatus"), replace(True, "other")),
            "critical",
            "the device says that its battery needs to be replaced; battery status: batteryLow",
        ),
    ],
)
def test_battery_replace(facts: tuple[Fact, ...], severity: str | None, detail: str) -> None:
    found = flags(target("ups"), facts, POLICY, date(2026, 1, 1))
    wanted = HardwareFlag("sw1", "battery_replace", severity or "", detail, "UPS-MIB upsAlarmBatteryBad")
    assert found == ((wanted,) if severity else ())


def test_both_at_once_in_order() -> None:
    found = flags(target("ups", "2012-01-01"), (replace(True),), POLICY, date(2026, 1, 1))
    assert [flag.reason for flag in found] == ["age_over_policy", "battery_replace"]

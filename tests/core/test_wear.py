"""Flags of wear: what hardware says now, and what its days say."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from agent.core.hardware import (
    Condition,
    Confidence,
    Entity,
    Fact,
    Hardware,
    HardwareFlag,
    PhysicalClass,
    Reading,
    Reason,
    Store,
    Wear,
)
from agent.core.model import Role, Target
from agent.core.wear import WearPolicy, flags
from agent.core.weardays import OBSERVED
from tests.bench.bench_wear import days_to_find, false_flags

TODAY = date(2026, 6, 1)
AT = datetime(2026, 6, 1, 9, tzinfo=UTC)
SWITCH = Target("sw1", Role.DEVICE, "switch", "Switch 1")
PSU, FAN, DISK = PhysicalClass.POWER_SUPPLY, PhysicalClass.FAN, PhysicalClass.STORAGE_DRIVE
OK, WARNING, FAILED, MISSING = Condition.OK, Condition.WARNING, Condition.FAILED, Condition.MISSING


def days(name: str, values: Sequence[float], *, until: int = 1) -> list[Wear]:
    """Return one value a day, the last one `until` days ago."""
    first = TODAY - timedelta(days=until + len(values) - 1)
    return [Wear("sw1", name, first + timedelta(days=at), value) for at, value in enumerate(values)]


def now(**seen: object) -> Hardware:
    return Hardware(AT, **seen)  # type: ignore[arg-type]


def told(hardware: Hardware | None, history: Sequence[Wear] = (), **policy: float) -> dict[str, HardwareFlag]:
    found = flags(SWITCH, hardware, history, TODAY, WearPolicy(**policy) if policy else None)  # type: ignore[arg-type]
    assert len({flag.reason for flag in found}) == len(found)
    return {flag.reason: flag for flag in found}


def part(condition: Condition | None, kind: PhysicalClass = PSU, name: str = "PSU 2", key: str = "k") -> Entity:
    return Entity(key, kind, name, condition=condition, source="CISCO-ENVMON-MIB ciscoEnvMonSupplyState")


def test_a_device_of_which_nothing_is_known_has_no_flag() -> None:
    assert told(None) == {}
    assert told(now()) == {}


@pytest.mark.parametrize(
    ("kind", "condition", "reason", "severity"),
    [
        (PSU, None, None, ""),
        (PSU, OK, None, ""),
        (PSU, WARNING, "psu_failed", "warning"),
        (PSU, FAILED, "psu_failed", "critical"),
        (FAN, FAILED, "fan_failed", "critical"),
        (DISK, WARNING, "disk_failed", "warning"),
        (DISK, FAILED, "disk_failed", "critical"),
        (PhysicalClass.MEMORY, WARNING, "memory_errors", "warning"),
        (PhysicalClass.BATTERY, WARNING, "battery_weak", "warning"),
        (PhysicalClass.BATTERY, FAILED, "battery_replace", "critical"),
        (PhysicalClass.MODULE, FAILED, "part_failed", "critical"),
        (PSU, MISSING, None, ""),
    ],
)
def test_parts(kind: PhysicalClass, condition: Condition | None, reason: str | None, severity: str) -> None:
    found = told(now(entities=(part(condition, kind),)))
    assert {name: flag.severity for name, flag in found.items()} == ({reason: severity} if reason else {})


def test_a_part_is_missing_where_it_was_before() -> None:
    seen = now(entities=(part(MISSING), part(MISSING, name="PSU 1", key="k1"), part(MISSING, FAN, "fan", "f")))
    history = [*days("part:PSU 2", [0.0]), *days("part:PSU 1", [3.0, 3.0])]
    found = told(seen, history)
    assert list(found) == ["psu_failed"]
    assert found["psu_failed"].severity == "warning"
    assert found["psu_failed"].detail == "PSU 2 is missing, and was there before"


def test_one_flag_names_the_worst_first_and_how_many_more_there_are() -> None:
    parts = tuple(part(WARNING, name=f"PSU {n}", key=str(n)) for n in range(4))
    flag = told(now(entities=(*parts, part(FAILED, name="", key="supply 9"))))["psu_failed"]
    assert flag.severity == "critical"
    assert flag.detail == "supply 9 has failed; PSU 0 warns; PSU 1 warns; and 2 more"
    assert flag.source == "CISCO-ENVMON-MIB ciscoEnvMonSupplyState"


def temperature(value: float, **limits: object) -> Hardware:
    return now(readings=(Reading("t", "Inlet", "temperature", "celsius", value, source="S", **limits),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "severity"),
    [
        (temperature(45), None),
        (temperature(45, warning=60.0), None),
        (temperature(60, warning=60.0), "warning"),
        (temperature(60, critical=60.0), "critical"),
        (temperature(45, condition=WARNING), "warning"),
        (temperature(45, condition=FAILED), "critical"),
        (temperature(25, critical=0.0, warning=10.0), None),  # limits of a sensor that has none
        (temperature(255, critical=60.0), None),  # no temperature
    ],
)
def test_heat_by_the_sensors_own_limits(seen: Hardware, severity: str | None) -> None:
    found = told(seen)
    assert {name: flag.severity for name, flag in found.items()} == ({"temperature_high": severity} if severity else {})


def replace(value: str | float | bool, source: str = "UPS-MIB upsAlarmBatteryBad") -> Fact:
    return Fact("battery_replace", value, source)


STATUS = Fact("battery_status", "normal", "UPS-MIB upsBatteryStatus")
LOW = Fact("battery_status", "low", "UPS-MIB upsBatteryStatus")
ASKED = "the device says that its battery needs to be replaced"


@pytest.mark.parametrize(
    ("facts", "severity", "detail"),
    [
        ((), None, ""),
        ((replace(False),), None, ""),
        ((replace("true"),), None, ""),  # only the device's own plain yes counts
        ((Fact("battery_status", "depleted", "UPS-MIB upsBatteryStatus"),), None, ""),
        ((replace(True),), "warning", ASKED),
        ((STATUS, replace(True)), "warning", f"{ASKED}; battery status: normal"),
        ((replace(True), LOW, replace(False, "other")), "critical", f"{ASKED}; battery status: low"),
    ],
)
def test_the_battery_that_is_to_be_replaced(facts: tuple[Fact, ...], severity: str | None, detail: str) -> None:
    wanted = HardwareFlag("sw1", "battery_replace", severity or "", detail, "UPS-MIB upsAlarmBatteryBad")
    expected = (wanted,) if severity else ()
    assert flags(SWITCH, now(facts=facts), (), TODAY) == expected
    assert flags(SWITCH, None, (), TODAY, facts=facts) == expected


def test_what_polls_say_of_a_battery_goes_before_the_look_at_the_whole() -> None:
    looked = now(facts=(replace(True), LOW))
    assert flags(SWITCH, looked, (), TODAY, facts=(replace(False),)) == ()
    (flag,) = flags(SWITCH, looked, (), TODAY, facts=(STATUS,))
    assert (flag.severity, flag.detail) == ("warning", f"{ASKED}; battery status: normal")


def test_a_battery_that_has_failed_is_to_be_replaced_whether_the_device_asks_for_it_or_not() -> None:
    battery, asks = part(FAILED, PhysicalClass.BATTERY, "battery"), replace(True, "PowerNet-MIB upsAdvBatteryReplace")
    assert told(now(entities=(battery,)))["battery_replace"].severity == "critical"
    found = told(now(facts=(asks,), entities=(part(OK), battery)))
    assert list(found) == ["battery_replace"]
    assert found["battery_replace"].severity == "critical"
    assert found["battery_replace"].detail == f"battery has failed; {ASKED}"
    assert found["battery_replace"].source == f"{battery.source}, {asks.source}"


@pytest.mark.parametrize(
    ("used", "expected"), [(94.0, False), (95.0, True), (99.9, True), (100.0, False)]
)  # fmt: skip
def test_full_storage(used: float, expected: bool) -> None:
    stores = (Store("1", "/var", 100.0, used), Store("2", "/none", 0.0, 0.0))
    assert ("storage_full_soon" in told(now(stores=stores))) is expected
    reading = Reading("1", "/var", "storage", "ratio", used / 100)
    assert ("storage_full_soon" in told(now(readings=(reading,)))) is expected


def test_disks_that_have_used_what_they_are_rated_for() -> None:
    def disk(used: float) -> Hardware:
        return now(readings=(Reading("d", "sda", "disk_life_used", "ratio", used, source="smartctl"),))

    assert told(disk(0.89)) == {}
    assert told(disk(0.95))["disk_wear"].detail == "sda has used 95% of the writes that its maker rates"


# ------------------------------------------------------------------ what days say


def counted(name: str, past: Mapping[int, float], recent: float, *, past_days: int = 60) -> list[Wear]:
    """Return `recent` a day for 14 days, and before that what `past` says by its days' numbers; 0 has no row."""
    observed = days(OBSERVED, [24.0] * (past_days + 14))
    first = TODAY - timedelta(days=past_days + 14)
    rows = [Wear("sw1", name, first + timedelta(days=at), value) for at, value in past.items()]
    return [*observed, *rows, *(days(name, [recent] * 14) if recent else [])]


@pytest.mark.parametrize(
    ("past", "recent", "past_days", "expected"),
    [
        ({}, 0, 60, False),
        ({}, 3, 60, True),
        ({}, 0.01, 60, False),  # too few to be sure
        ({}, 3, 20, False),  # too short a past
        (dict.fromkeys(range(60), 2.0), 3, 60, False),  # not doubled
        (dict.fromkeys(range(60), 2.0), 9, 60, True),
        (dict.fromkeys(range(20, 27), 9.0), 9, 60, False),  # such a week was there before
        ({5: 60.0, 33: 80.0}, 24, 60, False),  # clumps: as many, only spread otherwise
    ],
)
def test_errors_that_rise(past: Mapping[int, float], recent: float, past_days: int, expected: bool) -> None:
    found = told(None, counted("interface_errors:Gi1", past, recent, past_days=past_days))
    assert list(found) == (["errors_rising"] if expected else [])


def test_rising_errors_say_how_sure_that_is() -> None:
    flag = told(None, counted("crc_errors:Gi1", {3: 1.0}, 5))["errors_rising"]
    assert flag.detail.startswith("crc errors of Gi1: 5 a day in the last 14 days, 0.0167 before that (p < ")
    assert flag.confidence is Confidence.DERIVED
    assert "flaps_rising" in told(None, counted("flaps:Gi1", {}, 5))


def test_one_bad_day_is_no_trend() -> None:
    history = [*days(OBSERVED, [24.0] * 74), Wear("sw1", "flaps:Gi1", TODAY - timedelta(days=3), 5000.0)]
    assert told(None, history) == {}


def test_a_device_that_was_hardly_seen_of_late_says_nothing() -> None:
    history = [
        *days(OBSERVED, [24.0] * 60, until=40),
        *days(OBSERVED, [24.0] * 3),
        *days("flaps:Gi1", [9.0] * 17, until=35),
        *days("flaps:Gi1", [9.0] * 3),
    ]
    assert told(None, history) == {}


def test_days_of_others_and_of_today_do_not_count() -> None:
    other = [Wear("sw2", one.item, one.day, one.value) for one in counted("flaps:Gi1", {}, 5)]
    assert told(None, other) == {}
    assert told(None, days("memory_uncorrected:DIMM1", [1.0], until=0)) == {}


WINTER = [20.0 + (n % 3) * 0.5 for n in range(60)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (WINTER, False),
        (WINTER + [30.0] * 5, True),
        (WINTER + [30.0] * 2, False),  # two days are weather
        (WINTER + [26.0] * 5, False),  # within what a first year may bring
        (WINTER[:20] + [30.0] * 5, False),  # too short a past
        ([20.0 + 0.2 * n for n in range(90)], False),  # the season: what is usual follows
    ],
)
def test_temperatures_that_rise(values: list[float], expected: bool) -> None:
    found = told(None, days("temperature:Inlet", values))
    assert list(found) == (["temperature_rising"] if expected else [])


def test_a_summer_is_held_against_the_summer_before() -> None:
    summer_before = days("temperature:Inlet", [29.0] * 40, until=350)
    hot = [*summer_before, *days("temperature:Inlet", [*WINTER, *[30.0] * 5])]
    assert told(None, hot) == {}
    cool_before = days("temperature:Inlet", [20.0] * 40, until=350)
    rather = [*cool_before, *days("temperature:Inlet", [*WINTER, *[26.5] * 5])]
    assert list(told(None, rather)) == ["temperature_rising"]  # a smaller margin, once a season was seen


def test_three_days_after_a_long_silence_are_no_trend() -> None:
    history = [*days("temperature:Inlet", WINTER, until=20), *days("temperature:Inlet", [30.0] * 3)]
    assert told(None, history) == {}


def test_what_was_hot_a_week_ago_is_not_told() -> None:
    assert told(None, days("temperature:Inlet", WINTER + [30.0] * 5, until=7)) == {}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([-6.0] * 60, False),
        ([-6.0] * 45 + [-6.0 - 0.2 * n for n in range(25)], True),
        ([-6.0] * 45 + [-6.0 - 0.1 * n for n in range(20)], False),  # not yet half the light
        ([-6.0] * 60 + [-40.0] * 5, False),  # a cable is out
        ([-6.0] * 5 + [-20.0] * 5, False),
    ],
)
def test_optics_that_fade(values: list[float], expected: bool) -> None:
    found = told(None, days("optical_power_received:Te1", values))
    assert list(found) == (["optics_weak"] if expected else [])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2400.0] * 60, False),
        ([2400.0] * 40 + [2100.0] * 30 + [1700.0] * 20, True),  # each test finds less
        ([2400.0] * 60 + [2000.0] * 20, False),
        ([2400.0] * 5, False),
    ],
)
def test_batteries_that_last_ever_shorter(values: list[float], expected: bool) -> None:
    found = told(None, days("battery_runtime:", values))
    assert list(found) == (["battery_weak"] if expected else [])


def fill(start: float, a_day: float, count: int = 60) -> list[float]:
    noise = np.random.default_rng(1).normal(0, 0.002, count)
    return [float(start + a_day * n + noise[n]) for n in range(count)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (fill(0.5, 0.006), True),
        (fill(0.5, 0), False),
        (fill(0.3, 0.002), False),  # not full within a year
        (fill(0.5, 0.006, 15), False),  # too few days
        (fill(0.9, -0.006), False),
        ([0.5 + 0.2 * (n % 7) / 7 for n in range(60)], False),  # tidied up weekly
        ([0.5] * 29 + [0.9] * 2, False),
        ([0.5 + 0.01 * (n // 2 * 2 % 4 - 1) + n * 0.0016 for n in range(60)], False),
    ],
)
def test_storage_that_fills_up(values: list[float], expected: bool) -> None:
    found = told(None, days("storage:/var", values))
    assert list(found) == (["storage_full_soon"] if expected else [])


def test_the_forecast_names_its_day_and_how_sure_it_is() -> None:
    flag = told(None, days("storage:/var", fill(0.5, 0.006)))["storage_full_soon"]
    assert flag.due is not None
    assert abs((flag.due - TODAY).days - (1 - 0.86) / 0.006) <= 4
    assert flag.detail.startswith(f"/var is 85% full, and will be full about {flag.due} (2026-")
    assert told(None, days("storage:/var", fill(0.5, 0.006)), storage_lead_days=10) == {}
    assert told(None, days("storage:/var", fill(0.5, 0.006), until=10)) == {}  # it is gone


@pytest.mark.parametrize(
    ("name", "values", "reason", "severity"),
    [
        ("reallocated_sectors:sda", [3.0], None, ""),
        ("reallocated_sectors:sda", [3.0, 1.0], "disk_wear", "warning"),
        ("memory_corrected:DIMM1", [1.0] * 4, None, ""),
        ("memory_corrected:DIMM1", [1.0] * 5, "memory_errors", "warning"),
        ("memory_uncorrected:DIMM1", [1.0], "memory_errors", "critical"),
        ("clock_offset:", [70.0, 71.0], None, ""),
        ("clock_offset:", [70.0, 71.0, 0.0], "clock_drift", "warning"),
        ("clock_offset:", [-70.0, -71.0, -72.0], "clock_drift", "warning"),
        ("clock_offset:", [5.0, 71.0, 6.0], None, ""),
        ("reboots:", [1.0], None, ""),
        ("reboots:", [1.0, 1.0], "unexpected_reboots", "warning"),
        ("voltage:", [1.0, 1.0, 9.0], None, ""),
    ],
)
def test_things_that_are_counted(name: str, values: list[float], reason: str | None, severity: str) -> None:
    found = told(None, days(name, values))
    assert {name: flag.severity for name, flag in found.items()} == ({reason: severity} if reason else {})
    if name != "clock_offset:":
        assert told(None, days(name, values, until=45)) == {}


def test_details_are_sentences_with_figures() -> None:
    history = [
        *days("reboots:", [1.0, 2.0]), *days("clock_offset:hrSystemDate", [-70.0] * 3),
        *days("memory_uncorrected:DIMM1", [1.0]), *days("reallocated_sectors:sda", [8.0, 8.0]),
    ]  # fmt: skip
    found = {reason: flag.detail for reason, flag in told(None, history).items()}
    assert found == {
        "disk_wear": "sda: 16 more reallocated sectors on 2 of the last 30 days",
        "memory_errors": "DIMM1: 1 more uncorrected memory errors on 2026-05-31",
        "unexpected_reboots": "3 restarts in 30 days that no maintenance covers, the last on 2026-05-31",
        "clock_drift": "hrSystemDate is 70 s slow (median of 3 days)",
    }


# ------------------------------------------------------------------ how often, and how soon


def test_a_year_of_a_device_that_is_well_is_nearly_quiet() -> None:
    total = false_flags(np.random.default_rng(7), has_past=False, step=7)
    assert sum(total.values()) <= 2


@pytest.mark.parametrize("reason", [Reason.ERRORS_RISING, Reason.TEMPERATURE_RISING, Reason.STORAGE_FULL_SOON])
def test_wear_is_found_in_time(reason: Reason) -> None:
    chance = np.random.default_rng(3)
    found = [days_to_find(chance, reason) for _ in range(5)]
    assert sum(took is not None for took in found) >= 4

"""What the judges make of one piece of hardware, all together."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from agent.core.ageing import Found, judged
from agent.core.hardware import (
    Condition,
    Confidence,
    Entity,
    Fact,
    Hardware,
    PhysicalClass,
    Piece,
    Reading,
    Wear,
)
from agent.core.hardware_policy import HardwarePolicy
from agent.core.judges import judges
from agent.core.lifecycle import Lifecycle, Row
from agent.core.model import AssetRow, Role, Target
from agent.core.subjects import Subject, of_device, of_row

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TODAY = NOW.date()
HARDWARE = Row(
    "ExampleNet", "EN-48", "", "ExampleNet bulletin 7, table 1", "own.csv:2", TODAY, end_of_support=date(2025, 1, 31)
)
SWITCH = Target("sw", Role.DEVICE, "switch", "sw")


def said(**facts: str) -> tuple[Fact, ...]:
    return tuple(Fact(name, value, "rule") for name, value in facts.items())


def found(subject: Subject, *, daily: bool = False, rows: dict[str, AssetRow] | None = None) -> Found:
    made = judges(Lifecycle((HARDWARE,)), (), rows=lambda: rows or {})
    return judged(subject, made.daily if daily else made.now, HardwarePolicy(), TODAY)


def reasons(found: Found) -> list[str]:
    return [flag.reason for flag in found.flags]


def test_nothing_known_is_nothing_found() -> None:
    assert found(of_device(SWITCH)) == Found()
    assert found(of_device(SWITCH), daily=True) == Found()
    assert found(Subject("x", "switch", "x")) == Found()


def test_a_device_by_what_it_says() -> None:
    seen = Hardware(NOW, said(vendor="ExampleNet", model="EN-48", bios_date="2012-05-01"))
    judged_ = found(of_device(SWITCH, hardware=seen))
    assert judged_.support is not None
    assert judged_.support.end_of_support == date(2025, 1, 31)
    assert judged_.age is not None
    assert judged_.age.since == date(2012, 5, 1)
    assert reasons(judged_) == ["age_over_policy", "end_of_support"]


def test_a_model_that_no_table_has_is_unknown_and_one_by_the_inventory_is_known() -> None:
    assert reasons(found(of_device(SWITCH, said(model="EN-9")))) == ["unknown_lifecycle"]
    listed = replace(SWITCH, info={"vendor": "ExampleNet", "model": "EN-48"})
    assert reasons(found(of_device(listed))) == ["end_of_support"]


def test_the_register_knows_when_it_was_bought_and_what_nobody_polls() -> None:
    row = AssetRow("sw", "assets.csv:7", date(2010, 1, 1), {"model": "EN-48", "kind": "laptop", "vendor": "ExampleNet"})
    assert reasons(found(of_device(SWITCH), rows={"sw": row})) == ["age_over_policy"]
    assert reasons(found(of_row(row))) == ["age_over_policy", "end_of_support"]
    assert found(of_row(row), daily=True) == Found()


def test_pieces_give_a_lower_bound_of_the_age() -> None:
    piece = Piece("sw", "", NOW - timedelta(days=400), NOW)
    age = found(of_device(SWITCH, pieces=(piece,))).age
    assert age is not None
    assert (age.at_least, age.confidence) == (True, Confidence.STATED)


BATTERY = (Fact("battery_replace", value=True, source="UPS-MIB upsAlarmBatteryBad"),)


@pytest.mark.parametrize(
    ("polled", "seen", "wanted"),
    [
        (BATTERY, (), ["battery_replace"]),
        ((), BATTERY, ["battery_replace"]),
        (BATTERY, BATTERY, ["battery_replace"]),  # told once
        ((), said(battery_replaced="2015-03-04"), ["battery_old"]),
    ],
)
def test_batteries(polled: tuple[Fact, ...], seen: tuple[Fact, ...], wanted: list[str]) -> None:
    ups = replace(SWITCH, kind="ups")
    assert reasons(found(of_device(ups, polled, Hardware(NOW, seen)))) == wanted


def test_condition_is_of_now_and_what_is_missing_of_former_days() -> None:
    fan = Entity("fan1", PhysicalClass.FAN, "fan 1", condition=Condition.MISSING)
    supply = Entity("psu1", PhysicalClass.POWER_SUPPLY, "supply 1", condition=Condition.FAILED)
    hot = Reading("t", "inlet", "temperature", "celsius", 70.0, warning=45.0)
    seen = Hardware(NOW, entities=(fan, supply), readings=(hot,))
    subject = of_device(SWITCH, hardware=seen)
    assert reasons(found(subject)) == ["psu_failed", "temperature_high"]
    assert found(subject, daily=True) == Found()
    there = replace(subject, wear=(Wear("sw", "part:fan 1", TODAY - timedelta(days=7), 0.0),))
    assert reasons(found(there, daily=True)) == ["fan_failed"]

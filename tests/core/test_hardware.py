"""The words of hardware."""

import re
from datetime import UTC, datetime
from pathlib import Path

from agent.core.hardware import Fact, Hardware
from agent.core.hardware_policy import AGES_YEARS, EVERY_KIND, HardwarePolicy


def test_a_fact_is_found_by_its_name() -> None:
    serial = Fact("serial", "X1", "ENTITY-MIB entPhysicalSerialNum")
    hardware = Hardware(datetime(2026, 3, 1, tzinfo=UTC), (Fact("vendor", "ExampleNet", "rule"), serial))
    assert hardware.fact("serial") == serial
    assert hardware.fact("model") is None


def test_a_ups_is_not_old_because_its_battery_is() -> None:
    policy = HardwarePolicy()
    assert (policy.age_years("UPS"), policy.battery_years) == (10.0, 4.0)


def test_the_page_on_ageing_has_the_ages_that_count() -> None:
    page = (Path(__file__).parents[2] / "docs" / "ageing.md").read_text(encoding="utf-8")
    told = {
        kind: float(years)
        for kinds, years in re.findall(r"^\| ([a-z, ]+) \| (\d+) years \|", page, re.MULTILINE)
        for kind in kinds.split(", ")
    }
    assert {EVERY_KIND if kind == "all others" else kind: years for kind, years in told.items()} == AGES_YEARS

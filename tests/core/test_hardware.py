"""The words of hardware."""

from datetime import UTC, datetime

from agent.core.hardware import Fact, Hardware


def test_a_fact_is_found_by_its_name() -> None:
    serial = Fact("serial", "X1", "ENTITY-MIB entPhysicalSerialNum")
    hardware = Hardware(datetime(2026, 3, 1, tzinfo=UTC), (Fact("vendor", "ExampleNet", "rule"), serial))
    assert hardware.fact("serial") == serial
    assert hardware.fact("model") is None

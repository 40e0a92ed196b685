"""What a device is and how it is, as one."""

from datetime import UTC, datetime, timedelta

from agent.core.hardware import Condition, Counter, Entity, Hardware, PhysicalClass, Reading, Store
from agent.core.model import Fact
from probes.snmp.hardware import joined

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PSU = PhysicalClass.POWER_SUPPLY


def part(key: str, condition: Condition | None = None, **more: str) -> Entity:
    return Entity(key, PSU, more.pop("name", "PSU"), condition=condition, **more)  # type: ignore[arg-type]


def test_one_of_both_is_enough() -> None:
    one = Hardware(AT)
    assert joined(None, None) is None
    assert joined(one, None) is one
    assert joined(None, one) is one


def test_conditions_go_to_the_parts_that_are_known() -> None:
    known = [
        part("entPhysicalTable:10", name="A", serial="S1"),
        part("11"),
        part("cpq:1", Condition.OK),
        part("entPhysical:1x"),
    ]
    told = [
        part("entPhysical:10", Condition.FAILED, name="b", serial="S2", model="M"),
        part("entPhysical:11", Condition.OK),
        part("cpq:1", Condition.FAILED), part("fan:1", Condition.WARNING),
    ]  # fmt: skip
    found = joined(Hardware(AT, entities=tuple(known)), Hardware(AT + timedelta(seconds=1), entities=tuple(told)))
    assert found is not None
    assert found.at == AT + timedelta(seconds=1)
    assert [(one.key, one.name, one.condition, one.serial, one.model) for one in found.entities] == [
        ("entPhysicalTable:10", "A", Condition.FAILED, "S1", "M"),
        ("11", "PSU", Condition.OK, None, None),
        ("cpq:1", "PSU", Condition.OK, None, None),
        ("entPhysical:1x", "PSU", None, None, None),
        ("fan:1", "PSU", Condition.WARNING, None, None),
    ]


def test_facts_of_the_identity_win_and_the_rest_is_added() -> None:
    identity = Hardware(AT, facts=(Fact("model", "A", "i"), Fact("battery_replace", False, "i")))
    condition = Hardware(
        AT, facts=(Fact("battery_replace", True, "c"), Fact("battery_status", "x", "c")),
        readings=(Reading("r", "r", "temperature", "celsius", 1.0),), stores=(Store("s", "s", 1.0, 0.0),),
        counters=(Counter("c", "c", "flaps", 1.0),), complete=False,
    )  # fmt: skip
    found = joined(identity, condition)
    assert found is not None
    assert [(fact.name, fact.source) for fact in found.facts] == [
        ("model", "i"),
        ("battery_replace", "i"),
        ("battery_status", "c"),
    ]
    assert (len(found.readings), len(found.stores), len(found.counters), found.complete) == (1, 1, 1, False)

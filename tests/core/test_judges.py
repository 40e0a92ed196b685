"""What each judge finds of a subject: by what the device says, else by the inventory; unknown gives nothing."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from agent.core.ageing import Found, identity, judged, merged
from agent.core.hardware import Condition, Entity, Fact, Hardware, PhysicalClass, Piece, Wear
from agent.core.hardware_policy import HardwarePolicy
from agent.core.judges import judge_condition, judge_trends, judge_warranty, judges
from agent.core.lifecycle import Lifecycle, Row
from agent.core.model import AssetRow, Role, Target
from agent.core.releases import Names
from agent.core.subjects import Subject, of_device, of_row

TODAY = date(2026, 6, 1)
NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
POLICY = HardwarePolicy()
ROW = Row("Example", "ES-48", "", "notice EX-1, page 2", "x.csv:2", date(2026, 1, 1), end_of_support=date(2025, 1, 1))
TARGET = Target("sw", Role.DEVICE, "switch", "sw")


def seen(*facts: tuple[str, str], entities: tuple[Entity, ...] = ()) -> Hardware:
    return Hardware(NOW, tuple(Fact(name, value, "rule") for name, value in facts), entities)


def found(subject: Subject) -> Found:
    return judged(subject, judges(Lifecycle((ROW,))).now, POLICY, TODAY)


def reasons(subject: Subject) -> list[str]:
    return [flag.reason for flag in merged(found(subject).flags)]


def test_nothing_known_nothing_found() -> None:
    assert found(of_device(TARGET)) == Found()


def test_a_model_of_the_tables_by_the_device_or_by_the_inventory() -> None:
    said = of_device(TARGET, hardware=seen(("vendor", "Example"), ("model", "ES-48")))
    written = of_device(replace(TARGET, info={"vendor": "Example", "model": "ES-48"}))
    row = of_row(AssetRow("SW-9", "a.csv:2", None, {"vendor": "Example", "model": "ES-48"}))
    for subject in (said, written, row):
        support = found(subject).support
        assert support is not None
        assert support.end_of_support == date(2025, 1, 1)
        assert reasons(subject) == ["end_of_support"]


@pytest.mark.parametrize(
    ("version", "product"), [("2016 (NT 10.0, build 14393)", "windows-server 2016"), ("10 22H2", None)]
)
def test_a_windows_that_is_called_by_a_year_is_a_server(version: str, product: str | None) -> None:
    server = replace(ROW, vendor="", pattern="windows-server", release="2016")
    names = Names({("windows", "server"): "windows-server"})
    subject = of_device(TARGET, hardware=seen(("operating_system", "Windows"), ("software_version", version)))
    support = judged(subject, judges(Lifecycle((server,), names)).now, POLICY, TODAY).system_support
    assert (support.product if support is not None else None) == product


def test_a_model_of_no_table_is_unknown_lifecycle() -> None:
    assert reasons(of_device(replace(TARGET, info={"model": "ZZ-9"}))) == ["unknown_lifecycle"]


def test_age_of_devices_and_of_rows() -> None:
    bought = replace(TARGET, purchased=date(2012, 3, 1))
    assert reasons(of_device(bought, hardware=seen(("battery_replaced", "2015-03-02")))) == [
        "age_over_policy", "battery_old"
    ]  # fmt: skip
    assert reasons(of_row(AssetRow("LAP-1", "a.csv:2", date(2012, 3, 1), {"kind": "Laptop"}))) == ["age_over_policy"]
    age = found(of_device(TARGET, pieces=(Piece("sw", "A", NOW, NOW),))).age
    assert age is not None
    assert age.at_least


@pytest.mark.parametrize(("text", "told"), [("", False), ("soon", False), ("2026-06-01", False), ("2026-05-31", True)])
def test_warranty(text: str, told: bool) -> None:
    for subject in (
        of_device(replace(TARGET, info={"warranty": text})), of_row(AssetRow("a", "a.csv:2", None, {"warranty": text}))
    ):  # fmt: skip
        flags = judge_warranty(subject, POLICY, TODAY).flags
        assert [(flag.reason, flag.severity) for flag in flags] == [("warranty_over", "info")] * told
    assert judge_warranty(Subject("x", "switch", "x"), POLICY, TODAY) == Found()


def fan(condition: Condition) -> Entity:
    return Entity("2", PhysicalClass.FAN, "fan 1", condition=condition, source="table")


def test_what_failed_now_and_what_is_missing_that_was_there() -> None:
    assert judge_condition(of_device(TARGET), POLICY, TODAY) == Found()
    failed = judge_condition(of_device(TARGET, hardware=seen(entities=(fan(Condition.FAILED),))), POLICY, TODAY)
    assert [flag.reason for flag in failed.flags] == ["fan_failed"]
    missing = seen(entities=(fan(Condition.MISSING),))
    assert judge_condition(of_device(TARGET, hardware=missing), POLICY, TODAY).flags == ()  # an empty slot
    was_there = (Wear("sw", "part:fan 1", date(2026, 5, 25), 0.0),)
    gone = judge_condition(of_device(TARGET, hardware=missing, wear=was_there), POLICY, TODAY)
    assert [flag.reason for flag in gone.flags] == ["fan_failed"]


def test_trends_say_nothing_of_now() -> None:
    reboots = tuple(Wear("sw", item, date(2026, 5, day), 1.0) for day in (20, 28) for item in ("observed:", "reboots:"))
    subject = of_device(TARGET, hardware=seen(entities=(fan(Condition.FAILED),)), wear=reboots)
    assert [flag.reason for flag in judge_trends(subject, POLICY, TODAY).flags] == ["unexpected_reboots"]


def test_the_register_knows_when_it_was_bought() -> None:
    row = AssetRow("sw", "assets.csv:7", date(2010, 1, 4))
    made = judges(Lifecycle(), rows=lambda: {"sw": row})
    age = judged(of_device(TARGET), made.now, POLICY, TODAY).age
    assert age is not None
    assert age.since == date(2010, 1, 4)


BATTERY = Fact("battery_replace", value=True, source="UPS-MIB upsAlarmBatteryBad")


@pytest.mark.parametrize(("polled", "looked"), [((BATTERY,), ()), ((), (BATTERY,)), ((BATTERY,), (BATTERY,))])
def test_a_battery_that_is_to_be_replaced_is_told_once(polled: tuple[Fact, ...], looked: tuple[Fact, ...]) -> None:
    flags = found(of_device(replace(TARGET, kind="ups"), polled, Hardware(NOW, looked))).flags
    assert [flag.reason for flag in flags] == ["battery_replace"]


@pytest.mark.parametrize(
    ("register", "device", "product"),
    [("Debian 11", "Linux", "debian 11"), ("Debian 11", "Debian", None), ("Windows", "Linux", None)],
)
def test_a_device_that_tells_its_kernel_alone_has_the_distribution_of_the_register(
    register: str, device: str, product: str | None
) -> None:
    known = Lifecycle((replace(ROW, vendor="", pattern="debian", release="11"),))
    target = replace(TARGET, info={"operating_system": register})
    hardware = seen(("operating_system", device), ("software_version", "6.1.0-18-amd64"))
    support = judged(of_device(target, hardware=hardware), judges(known).now, POLICY, TODAY).system_support
    assert (support.product if support is not None else None) == product


@pytest.mark.parametrize(("model", "product"), [((), "Example ES-48"), ((("model", "ES-48"),), None)])
def test_maker_and_model_of_the_register_belong_together(
    model: tuple[tuple[str, str], ...], product: str | None
) -> None:
    target = replace(TARGET, info={"vendor": "Example", "model": "ES-48"})
    subject = of_device(target, hardware=seen(("vendor", "Linux"), *model))
    support = found(subject).support
    assert (support.product if support is not None else None) == product
    assert [fact.value for fact in identity(subject)] == ["Example" if product else "Linux", "ES-48"]

"""Age by its sources in order of trust, and what is refused."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.core.age import (
    age_flag,
    age_of,
    battery_age,
    battery_flag,
    constants_of,
    made_on,
    row_age,
)
from agent.core.datecode import DateCode
from agent.core.hardware import Age, Confidence, Entity, Fact, Hardware, PhysicalClass, Piece
from agent.core.hardware_policy import BATTERY_YEARS
from agent.core.model import AssetRow, HardwareFlag, Role, Target

TODAY = date(2026, 11, 27)
AT = datetime(2026, 11, 27, 9, tzinfo=UTC)
CODE = DateCode("made-up", ("example",), re.compile(r"EX(?P<year>\d\d)(?P<week>\d\d)\d{4}"), "Example's manual", 2000)


def day(text: str) -> date:
    return date.fromisoformat(text)


def target(purchased: str | None = None, register: AssetRow | None = None, **info: str) -> Target:
    bought = day(purchased) if purchased else None
    return Target("sw1", Role.DEVICE, "switch", "sw1", purchased=bought, info=info, register=register)


def row(purchased: str | None = None, **columns: str) -> AssetRow:
    return AssetRow("sw1", "r.csv:2", day(purchased) if purchased else None, columns)


def hardware(*entities: Entity, **facts: str) -> Hardware:
    return Hardware(AT, tuple(Fact(name, value, f"MIB {name}") for name, value in facts.items()), entities)


def part(
    kind: PhysicalClass, made: str | None, name: str = "part", *, serial: str | None = None, model: str | None = None
) -> Entity:
    manufactured = day(made) if made else None
    return Entity(name, kind, name, model=model, serial=serial, manufactured=manufactured, source="ENTITY-MIB")


def piece(serial: str, first: str, last: str = "2026-11-27", gone: str | None = None) -> Piece:
    stamps = [datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None for text in (first, last, gone)]
    first_seen, last_seen, gone_at = stamps
    assert first_seen
    assert last_seen
    return Piece("sw1", serial, first_seen, last_seen, gone_at)


def told(
    known: Target,
    asset: AssetRow | None,
    seen: Hardware | None,
    pieces: Sequence[Piece],
    constants: frozenset[date] = frozenset(),
) -> tuple[str, bool, str, str] | None:
    age = age_of(known, asset, seen, pieces, TODAY, codes=(CODE,), constants=constants)
    return None if age is None else (age.since.isoformat(), age.at_least, age.source, age.confidence.value)


ALL = {"vendor": "Example", "serial": "EX19050001", "manufactured": "2019-01-30", "bios_date": "2019-02-14"}
CONFIGURED = "configuration (purchased)"
REGISTER = "asset register r.csv:2 (purchased)"
CODED = "date code in the serial number (MIB serial) by rule made-up: Example's manual"
SEEN = "first seen by the agent: it may be older"


@pytest.mark.parametrize(
    ("left_out", "expected"),
    [
        ((), ("2019-03-01", False, REGISTER, "stated")),
        (("purchased",), ("2019-01-30", False, "MIB manufactured", "stated")),
        (("purchased", "manufactured"), ("2019-02-14", True, "date of the BIOS (MIB bios_date)", "assumed")),
        (("purchased", "manufactured", "bios_date"), ("2019-01-28", False, CODED, "assumed")),
        (("purchased", "manufactured", "bios_date", "vendor"), ("2024-05-06", True, SEEN, "stated")),
        (("purchased", "manufactured", "bios_date", "vendor", "piece"), None),
    ],
)
def test_the_order_of_trust(left_out: tuple[str, ...], expected: tuple[str, bool, str, str] | None) -> None:
    asset = row(None if "purchased" in left_out else "2019-03-01")
    facts = {name: value for name, value in ALL.items() if name not in left_out}
    pieces = () if "piece" in left_out else (piece("EX19050001", "2024-05-06"),)
    assert told(target(), asset, hardware(**facts), pieces) == expected


@pytest.mark.parametrize(
    ("known", "asset", "expected"),
    [
        (target("2012-03-01"), None, ("2012-03-01", False, CONFIGURED, "stated")),
        (target("2012-03-01", row("2012-03-01")), row("2012-03-01"), ("2012-03-01", False, REGISTER, "stated")),
        (target("2012-03-01", row("2013-03-01")), row("2013-03-01"), ("2012-03-01", False, CONFIGURED, "stated")),
        (target("2012-03-01", row("2012-03-01")), None, ("2012-03-01", False, REGISTER, "stated")),
        (target("2027-03-01"), None, None),  # of the future
        (target("2027-03-01"), row("2013-03-01"), ("2013-03-01", False, REGISTER, "stated")),
        (target(), row(), None),
    ],
)
def test_the_day_of_purchase(known: Target, asset: AssetRow | None, expected: object) -> None:
    assert told(known, asset, None, ()) == expected


FORMER = piece("OLD-1", "2020-01-01", "2025-06-01", "2025-06-02")
PRESENT = piece("NEW-1", "2025-06-02")
PRESENT_AGE = ("2025-06-02", True, SEEN, "stated")
BOUGHT = ("2012-03-01", False, REGISTER, "stated")


@pytest.mark.parametrize(
    ("asset", "seen", "pieces", "expected"),
    [
        # the register's serial number is that of the device, or of a part of it
        (row("2012-03-01", serial="new-1"), hardware(serial="NEW-1"), (FORMER, PRESENT), BOUGHT),
        (
            row("2012-03-01", serial="MEMBER-2"),
            hardware(part(PhysicalClass.MODULE, None, serial="MEMBER-2"), serial="NEW-1"),
            (FORMER, PRESENT),
            BOUGHT,
        ),
        # it is of what was there before
        (row("2012-03-01", serial="OLD-1"), hardware(serial="NEW-1"), (FORMER, PRESENT), PRESENT_AGE),
        (row("2012-03-01", serial="OLD-1"), hardware(serial="NEW-1"), (), None),
        (row("2012-03-01", serial="OLD-1"), None, (FORMER, PRESENT), PRESENT_AGE),
        (row("2012-03-01", serial="NEW-1"), None, (FORMER, PRESENT), BOUGHT),
        # the register has no serial number: what was bought while another was there is that other
        (row("2012-03-01"), hardware(serial="NEW-1"), (FORMER, PRESENT), PRESENT_AGE),
        (row("2025-06-01"), hardware(serial="NEW-1"), (FORMER, PRESENT), ("2025-06-01", False, REGISTER, "stated")),
        (row("2012-03-01"), hardware(serial="NEW-1"), (PRESENT,), BOUGHT),
        # nobody can say
        (row("2012-03-01", serial="X-99"), hardware(vendor="Example"), (), BOUGHT),
        (row("2012-03-01", serial="X-99"), hardware(vendor="Example"), (piece("", "2025-06-02"),), BOUGHT),
        (row(), hardware(serial="THIRD-1"), (FORMER, PRESENT), None),  # not in the ledger yet
    ],
)
def test_another_piece_starts_a_new_life(
    asset: AssetRow, seen: Hardware | None, pieces: tuple[Piece, ...], expected: object
) -> None:
    assert told(target(), asset, seen, pieces) == expected


def test_a_piece_of_tomorrow_tells_nothing() -> None:
    assert told(target(), None, None, (piece("NEW-1", "2026-11-28", "2026-11-29"),)) is None


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("2016-10-31", "2016-10-31"),
        ("2016-10-31T00:00:00+00:00", "2016-10-31"),
        ("1989-12-31", None),
        ("1970-01-01", None),
        ("2000-01-01", None),  # the year alone, or where a clock begins
        ("1999-11-30", None),
        ("2026-11-28", None),
        ("2018-03-07", None),  # the constant of this estate
        ("soon", None),
        ("", None),
    ],
)
def test_the_date_of_manufacture_is_plausible(stated: str, expected: str | None) -> None:
    seen = hardware(manufactured=stated)
    found = made_on(seen, TODAY, frozenset({day("2018-03-07")}))
    assert (found and found[0].isoformat()) == expected


CHASSIS = PhysicalClass.CHASSIS


@pytest.mark.parametrize(
    ("entities", "serial", "expected"),
    [
        ((part(CHASSIS, "2016-10-31", "Switch 1"),), "S-100", ("2016-10-31", "ENTITY-MIB of Switch 1")),
        (
            (part(CHASSIS, "2014-05-05", "Switch 1", serial="S-100"), part(CHASSIS, "2012-05-05", "Switch 2")),
            "S-100",
            ("2014-05-05", "ENTITY-MIB of Switch 1"),
        ),
        (
            (part(CHASSIS, "2014-05-05", "Switch 1", serial="S-1"), part(CHASSIS, "2012-05-05", "Switch 2")),
            "S-100",
            ("2012-05-05", "ENTITY-MIB of Switch 2"),
        ),
        ((part(PhysicalClass.STACK, "2014-05-05", "Stack"),), "S-100", ("2014-05-05", "ENTITY-MIB of Stack")),
        ((part(PhysicalClass.FAN, "2014-05-05"), part(CHASSIS, None), part(CHASSIS, "2000-01-01")), "S-100", None),
    ],
)
def test_a_chassis_tells_for_the_device(
    entities: tuple[Entity, ...], serial: str, expected: tuple[str, str] | None
) -> None:
    found = told(target(), None, hardware(*entities, serial=serial), ())
    assert found == (expected and (expected[0], False, expected[1], "stated"))


def test_one_day_on_three_models_is_no_day() -> None:
    estate = {
        "sw1": hardware(manufactured="2018-03-07", model="A"),
        "sw2": hardware(part(CHASSIS, "2018-03-07", model="B"), part(CHASSIS, None)),
        "sw3": hardware(part(PhysicalClass.FAN, "2018-03-07", "Fan 1")),
        "sw4": hardware(manufactured="2019-05-08", model="C"),  # a delivery
        "sw5": hardware(manufactured="2019-05-08", model="C"),
        "sw6": hardware(manufactured="2019-05-08"),
        "sw7": hardware(manufactured="never"),
    }
    assert constants_of(estate) == {day("2018-03-07")}
    seen, constants = estate["sw1"], constants_of(estate)
    assert told(target(), None, seen, (), constants=constants) is None


@pytest.mark.parametrize(
    ("serial", "vendor", "expected"),
    [
        ("EX19050001", "Example Ltd", "2019-01-28"),
        ("EX18010001", "Example Ltd", "2018-01-01"),  # a Monday, and no default here
        ("EX26480001", "Example Ltd", "2026-11-23"),
        ("EX26490001", "Example Ltd", None),  # next week
        ("EX19540001", "Example Ltd", None),
        ("EX19050001", "Other", None),
        ("FFFFFFFF", "Example Ltd", None),
    ],
)
def test_the_date_code_of_a_serial_number(serial: str, vendor: str, expected: str | None) -> None:
    found = told(target(), None, hardware(serial=serial, vendor=vendor), ())
    assert (found and found[0]) == expected


def test_uptime_and_a_bad_date_of_the_bios_are_no_age() -> None:
    assert told(target(), None, hardware(uptime_seconds="1e9", bios_date="1980-01-01"), ()) is None


def test_what_the_register_alone_knows() -> None:
    assert row_age(row("2019-02-14"), TODAY) == Age(day("2019-02-14"), False, REGISTER, Confidence.STATED)
    assert row_age(row("2027-02-14"), TODAY) is None
    assert row_age(row(), TODAY) is None


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (
            hardware(battery_replaced="2021-06-01", battery_installed="2018-06-01"),
            ("2021-06-01", "MIB battery_replaced"),
        ),
        (
            hardware(battery_replaced="2000-01-01", battery_installed="2018-06-01"),
            ("2018-06-01", "MIB battery_installed"),
        ),
        (
            hardware(
                part(PhysicalClass.BATTERY, "2020-06-01", "Pack 2"), part(PhysicalClass.BATTERY, "2019-06-01", "Pack 1")
            ),
            ("2019-06-01", "ENTITY-MIB of Pack 1"),
        ),
        (hardware(part(PhysicalClass.BATTERY, None), part(CHASSIS, "2019-06-01"), manufactured="2015-05-05"), None),
    ],
)
def test_a_battery_has_an_age_of_its_own(seen: Hardware, expected: object) -> None:
    age = battery_age(seen, TODAY)
    assert (age and (age.since.isoformat(), age.source)) == expected


def test_the_age_of_a_battery_is_not_that_of_its_ups() -> None:
    seen = hardware(part(PhysicalClass.BATTERY, "2019-06-01"), battery_replaced="2021-06-01")
    assert told(target(), None, seen, ()) is None


def age(since: str, *, at_least: bool = False) -> Age:
    return Age(day(since), at_least, "the source", Confidence.STATED)


@pytest.mark.parametrize(
    ("known", "policy", "detail", "due"),
    [
        (age("2012-03-01"), 7.0, "14.7 years, since 2012-03-01; policy for switch is 7 years", "2019-03-01"),
        (age("2012-03-01", at_least=True), 7.0,
         "at least 14.7 years, since 2012-03-01 or before; policy for switch is 7 years", "2019-03-01"),
        (age("2025-11-27"), 1.0, "1.0 years, since 2025-11-27; policy for switch is 1 year", "2026-11-27"),
        (age("2016-02-29"), 7.5, "10.7 years, since 2016-02-29; policy for switch is 7.5 years", "2023-08-31"),
    ],
)  # fmt: skip
def test_hardware_that_is_too_old(known: Age, policy: float, detail: str, due: str) -> None:
    flag = age_flag(target(), known, policy, TODAY)
    assert flag == HardwareFlag("sw1", "age_over_policy", "warning", detail, "the source", Confidence.STATED, day(due))


@pytest.mark.parametrize(
    ("known", "policy"),
    [(None, 7.0), (age("2012-03-01"), None), (age("2019-11-28"), 7.0), (age("2020-03-01", at_least=True), 7.0)],
)
def test_hardware_that_is_not(known: Age | None, policy: float | None) -> None:
    assert age_flag(target(), known, policy, TODAY) is None
    assert battery_flag(target(), known, TODAY, policy) is None


@given(since=st.dates(day("1990-01-01"), day("2016-11-27")), policy=st.floats(0.5, 9.5))
@example(since=date(2000, 1, 1), policy=5.4)
def test_it_is_due_on_the_first_day_that_has_the_flag(since: date, policy: float) -> None:
    known = age(since.isoformat())
    flag = age_flag(target(), known, policy, TODAY)
    assert flag
    assert flag.due
    assert age_flag(target(), known, policy, flag.due)
    assert age_flag(target(), known, policy, flag.due - timedelta(days=1)) is None


def test_a_battery_that_is_too_old() -> None:
    flag = battery_flag(target(), age("2022-11-27"), TODAY)
    detail = "battery: 4.0 years, since 2022-11-27; policy is 4 years"
    assert flag == HardwareFlag("sw1", "battery_old", "warning", detail, "the source", Confidence.STATED, TODAY)
    assert BATTERY_YEARS == 4
    assert battery_flag(target(), age("2022-11-28"), TODAY) is None

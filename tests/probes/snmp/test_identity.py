"""Facts and interfaces from what was read."""

import pytest

from agent.core.model import AdminStatus, Interface, OperStatus
from probes.snmp import identity
from probes.snmp.ber import Tag, Value, VarBind, encode_oid
from probes.snmp.render import columns

UPS = "1.3.6.1.2.1.33.1"
BAD_BATTERY = encode_oid(f"{UPS}.6.3.1")
ON_BATTERY = encode_oid(f"{UPS}.6.3.2")


def binds(objects: dict[str, tuple[int, Value]]) -> list[VarBind]:
    return [(encode_oid(oid), tag, value) for oid, (tag, value) in objects.items()]


def facts(objects: dict[str, tuple[int, Value]], *, complete: bool = True) -> dict[str, str | float | bool]:
    return {fact.name: fact.value for fact in identity.facts(binds(objects), complete)}


def test_text_is_made_fit_for_a_terminal_and_empty_text_is_no_fact() -> None:
    system = "1.3.6.1.2.1.1"
    assert facts({
        f"{system}.1.0": (Tag.OCTET_STRING, b"IOS\r\nVersion 15 \x1b[31mred\x00"),
        f"{system}.5.0": (Tag.OCTET_STRING, b" \x00"),
        f"{system}.3.0": (Tag.TIMETICKS, 12345),
        f"{system}.2.0": (Tag.OID, encode_oid("1.3.6.1.4.1.9.1.1208")),
    }) == {
        "system_description": "IOS Version 15 [31mred", "system_object_id": "1.3.6.1.4.1.9.1.1208",
        "uptime_seconds": 123.45,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("present", "alarms", "complete", "wanted"),
    [
        (0, [], True, False),
        (1, [ON_BATTERY], True, False),
        (1, [BAD_BATTERY], True, True),
        (2, [ON_BATTERY, BAD_BATTERY], False, True),
        (1, [], True, None),  # an alarm stands, and its row was not read
        (0, [], False, None),
        (None, [], True, None),
        (None, [BAD_BATTERY], True, True),
    ],
)
def test_a_battery_is_judged_by_the_alarm_table(
    present: int | None, alarms: list[bytes], complete: bool, wanted: bool | None
) -> None:
    objects: dict[str, tuple[int, Value]] = {
        f"{UPS}.6.2.1.2.{row}": (Tag.OID, alarm) for row, alarm in enumerate(alarms, 1)
    }
    if present is not None:
        objects[f"{UPS}.6.1.0"] = (Tag.GAUGE32, present)
    assert facts(objects, complete=complete).get("battery_replace") is wanted


def test_an_unknown_state_is_no_fact() -> None:
    assert facts({f"{UPS}.2.1.0": (Tag.INTEGER, 1), f"{UPS}.4.1.0": (Tag.INTEGER, 99)}) == {}
    assert facts({f"{UPS}.2.1.0": (Tag.INTEGER, 4)}) == {"battery_status": "depleted"}
    assert facts({f"{UPS}.2.3.0": (Tag.OCTET_STRING, b"4")}) == {}


def interfaces(objects: dict[str, tuple[int, Value]]) -> tuple[Interface, ...]:
    prefixed = {f"1.3.6.1.2.1.{oid}": value for oid, value in objects.items()}
    return identity.interfaces(columns(binds(prefixed), identity.INTERFACE_COLUMNS))


def test_what_a_row_lacks_is_none() -> None:
    assert interfaces({
        "2.2.1.2.10101": (Tag.OCTET_STRING, b"GigabitEthernet1/0/1"),
        "2.2.1.7.10101": (Tag.INTEGER, 2),
        "2.2.1.8.10101": (Tag.INTEGER, 7),
        "2.2.1.8.3": (Tag.INTEGER, 42),
        "31.1.1.1.1.2": (Tag.OCTET_STRING, b"Gi2"),
        "31.1.1.1.18.2": (Tag.OCTET_STRING, b""),
        "2.2.1.8.4.5": (Tag.INTEGER, 1),
    }) == (
        Interface(2, "Gi2", "", None, None, alias=""),
        Interface(3, "3", "", None, None),
        Interface(10101, "GigabitEthernet1/0/1", "GigabitEthernet1/0/1", AdminStatus.DOWN, OperStatus.LOWER_LAYER_DOWN),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("bits", "megabits", "speed"),
    [
        (100_000_000, 100, 1e8),
        (64_000, 0, 64e3),
        ((1 << 32) - 1, 10_000, 1e10),
        ((1 << 32) - 1, None, None),
        (0, 0, None),
        (None, 25_000, 2.5e10),
        (1_000_000_000, 1000, 1e9),
        (None, None, None),
    ],
)
def test_speed(bits: int | None, megabits: int | None, speed: float | None) -> None:
    objects: dict[str, tuple[int, Value]] = {"2.2.1.8.1": (Tag.INTEGER, 1)}
    if bits is not None:
        objects["2.2.1.5.1"] = (Tag.GAUGE32, bits)
    if megabits is not None:
        objects["31.1.1.1.15.1"] = (Tag.GAUGE32, megabits)
    assert interfaces(objects)[0].speed_bits_per_second == speed

"""The power of optics, from sensors of two MIBs to the interfaces they sit in."""

import pytest

from agent.core.model import Interface
from probes.snmp.ber import Tag, Value, VarBind, encode_oid
from probes.snmp.labels import columns
from probes.snmp.optics import ROOTS, with_optics

PORTS = (
    Interface(10101, "Te1/1/1", "TenGigabitEthernet1/1/1", None, None),
    Interface(10102, "Te1/1/2", "TenGigabitEthernet1/1/2", None, None),
)
ENTITY = "1.3.6.1.2.1.47.1.1.1.1"
MAPPING = "1.3.6.1.2.1.47.1.3.2.1.2"
STANDARD = "1.3.6.1.2.1.99.1.1.1"
CISCO = "1.3.6.1.4.1.9.9.91.1.1.1.1"


def binds(objects: dict[str, object]) -> list[VarBind]:
    def value(given: object) -> tuple[int, Value]:
        if isinstance(given, bytes):
            return Tag.OID, given
        return (Tag.INTEGER, given) if isinstance(given, int) else (Tag.OCTET_STRING, str(given).encode())

    return [(encode_oid(oid), *value(given)) for oid, given in objects.items()]


def sensor(table: str, kind: int, scale: int, precision: int, value: int, status: int = 1) -> dict[str, object]:
    columns = (kind, scale, precision, value, status)
    return {f"{table}.{number}.7": given for number, given in enumerate(columns, 1)}


def powers(objects: dict[str, object]) -> list[tuple[float | None, float | None]]:
    runs = columns(binds(objects), ROOTS)
    return [(one.receive_power_dbm, one.transmit_power_dbm) for one in with_optics(PORTS, runs)]


NOTHING = [(None, None), (None, None)]
IN_PORT: dict[str, object] = {
    f"{ENTITY}.4.7": 6,
    f"{ENTITY}.4.6": 5,
    f"{MAPPING}.5.0": encode_oid("1.3.6.1.2.1.2.2.1.1.10102"),
}


@pytest.mark.parametrize(
    ("made", "dbm"),
    [
        (sensor(CISCO, 14, 9, 1, -53), -5.3),
        (sensor(CISCO, 14, 8, 0, -5300), -5.3),  # milli
        (sensor(STANDARD, 6, 7, 1, 2951), -5.3),  # 295.1 µW
        (sensor(STANDARD, 6, 9, 6, 1000), 0.0),
        (sensor(STANDARD, 6, 9, 0, 0), None),  # no light has no logarithm
        (sensor(CISCO, 14, 9, 1, -53, status=2), None),
        (sensor(CISCO, 14, 9, 0, -1000), None),  # no sensor there
        (sensor(CISCO, 14, 99, 0, 1), None),
        (sensor(STANDARD, 8, 9, 0, 31), None),  # celsius
    ],
)
def test_watts_and_dbm(made: dict[str, object], dbm: float | None) -> None:
    found = powers(IN_PORT | {f"{ENTITY}.7.7": "Rx Power Sensor"} | made)
    assert found == ([(None, None), (pytest.approx(dbm, abs=0.01), None)] if dbm is not None else NOTHING)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Te1/1/1 Receive Power Sensor", [(-5.3, None), (None, None)]),
        ("TenGigabitEthernet1/1/2 Transmit Power Sensor", [(None, None), (None, -5.3)]),
        ("te1/1/1 Power Tx", [(None, -5.3), (None, None)]),
        ("Te1/1/1 Supply", NOTHING),
        ("Te1/1/10 Receive Power Sensor", NOTHING),
        ("PSU 1 Input Power", NOTHING),  # sits in no interface
    ],
)
def test_without_a_mapping_the_sensors_name_tells(text: str, found: list[tuple[float | None, float | None]]) -> None:
    assert powers({f"{ENTITY}.7.7": text} | sensor(CISCO, 14, 9, 1, -53)) == found


def test_the_weakest_of_several_lanes_counts() -> None:
    objects: dict[str, object] = {}
    for number, power in ((7, -53), (8, -91), (9, -20)):
        objects |= {f"{ENTITY}.7.{number}": f"Te1/1/1 Lane {number} Rx Power"}
        objects |= {oid[: -len(".7")] + f".{number}": value for oid, value in sensor(CISCO, 14, 9, 1, power).items()}
    assert powers(objects)[0] == (-9.1, None)


@pytest.mark.parametrize(
    "odd",
    [
        {f"{ENTITY}.4.7": 8, f"{ENTITY}.4.8": 7},  # a circle
        {f"{MAPPING}.7.0": encode_oid("1.3.6.1.2.1.2.2.1.1")},
        {f"{MAPPING}.7.0": b"\x2b\x06\x01\x02\x01\x02\x02\x01\x01\xff"},
        {f"{MAPPING}.7": encode_oid("1.3.6.1.2.1.2.2.1.1.10102")},
        {f"{MAPPING}.7.0": "text"},
    ],
)
def test_odd_devices(odd: dict[str, object]) -> None:
    assert powers({f"{ENTITY}.7.7": "Rx Power"} | sensor(CISCO, 14, 9, 1, -53) | odd) == NOTHING

"""Sensors of the four MIBs, as tables of what is on the wire and what is shown."""

import pytest

from probes.snmp.ber import Tag, Value, VarBind, encode_oid
from probes.snmp.sensors import MAX_SENSORS, Sensor, sensors

ENTITY = "1.3.6.1.2.1.99.1.1.1"
CISCO = "1.3.6.1.4.1.9.9.91.1.1.1.1"
NAME = "1.3.6.1.2.1.47.1.1.1.1.7"


def integer(oid: str, value: int) -> VarBind:
    return (encode_oid(oid), Tag.INTEGER, value)


def octets(oid: str, value: bytes) -> VarBind:
    return (encode_oid(oid), Tag.OCTET_STRING, value)


def row(root: str, index: int, *columns: int) -> list[VarBind]:
    return [integer(f"{root}.{column}.{index}", value) for column, value in enumerate(columns, start=1)]


@pytest.mark.parametrize(
    ("columns", "kind", "value", "unit", "status"),
    [
        # type, scale, precision, value, status (RFC 3433)
        ((8, 9, 0, 41, 1), "temperature", 41, "°C", "ok"),
        ((8, 9, 1, 415, 1), "temperature", 41.5, "°C", "ok"),
        ((3, 8, 0, 230500, 1), "voltage AC", 230.5, "V", "ok"),
        ((6, 10, 0, 2, 1), "power", 2000, "W", "ok"),
        ((5, 7, 0, 1, 1), "current", 1e-6, "A", "ok"),
        ((10, 9, -2, 3100, 1), "fan", 3100, "rpm", "ok"),
        ((14, 9, 1, -35, 1), "optical power", -3.5, "dBm", "ok"),
        ((12, 9, 0, 1, 1), "state", 1, "", "ok"),
        ((12, 9, 0, 2, 1), "state", 0, "", "ok"),
        ((10, 9, 0, 0, 3), "fan", None, "rpm", "nonoperational"),
        ((8, 9, 0, 0, 2), "temperature", None, "°C", "unavailable"),
        ((99, 9, 0, 7, 9), "unknown", 7, "", ""),
        ((8, 99, 0, 7, 1), "temperature", None, "°C", "ok"),
        ((8, 9, 2000000000, 7, 1), "temperature", None, "°C", "ok"),
    ],
)
@pytest.mark.parametrize(("root", "source"), [(ENTITY, "ENTITY-SENSOR-MIB"), (CISCO, "CISCO-ENTITY-SENSOR-MIB")])
def test_rfc_3433(
    root: str, source: str, columns: tuple[int, ...], kind: str, value: float | None, unit: str, status: str
) -> None:
    found = sensors([*row(root, 70000, *columns), octets(f"{NAME}.70000", b"Inlet")])
    (one,) = found
    assert (one.name, one.kind, one.unit, one.status, one.source) == ("Inlet", kind, unit, status, source)
    assert one.value == (None if value is None else pytest.approx(value))


def test_a_row_without_its_other_columns_and_name_is_shown_as_it_is() -> None:
    assert sensors([integer(f"{ENTITY}.4.12", 5)]) == (
        Sensor("entity 12", "unknown", 5.0, "", "", "ENTITY-SENSOR-MIB"),
    )


def test_rows_come_by_index() -> None:
    binds = [bind for index in (300, 2, 40) for bind in row(ENTITY, index, 8, 9, 0, index, 1)]
    assert [one.value for one in sensors(binds)] == [2, 40, 300]


def test_lm_sensors_and_ups() -> None:
    lm, ups = "1.3.6.1.4.1.2021.13.16", "1.3.6.1.2.1.33.1"
    found = sensors(
        [
            octets(f"{lm}.2.1.2.1", b"Core 0"),
            (encode_oid(f"{lm}.2.1.3.1"), Tag.GAUGE32, 41500),
            (encode_oid(f"{lm}.3.1.3.2"), Tag.GAUGE32, 900),
            integer(f"{ups}.2.5.0", 274),
            integer(f"{ups}.4.4.1.5.2", 38),
        ]
    )
    assert found == (
        Sensor("Core 0", "temperature", 41.5, "°C", "", "LM-SENSORS-MIB"),
        Sensor("fan 2", "fan", 900, "rpm", "", "LM-SENSORS-MIB"),
        Sensor("battery voltage", "voltage", 27.4, "V", "", "UPS-MIB"),
        Sensor("output load 2", "load", 38, "%", "", "UPS-MIB"),
    )


@pytest.mark.parametrize("value", [b"text", None])
def test_what_is_no_number_is_no_sensor(value: Value) -> None:
    assert sensors([(encode_oid(f"{ENTITY}.4.1"), Tag.OCTET_STRING, value)]) == ()


def test_a_device_that_invents_rows_fills_no_memory() -> None:
    assert len(sensors([integer(f"{ENTITY}.4.{index}", 1) for index in range(MAX_SENSORS + 5)])) == MAX_SENSORS

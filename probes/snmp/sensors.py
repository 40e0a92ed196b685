"""What sensors read: ENTITY-SENSOR-MIB (RFC 3433) and Cisco's of the same shape, LM-SENSORS-MIB, UPS-MIB. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from probes.snmp.ber import VarBind
from probes.snmp.identity import printable
from probes.snmp.oid import encode_oid
from probes.snmp.values import suffix_parts

_ENTITY: Final = "1.3.6.1.2.1.47.1.1.1.1"
_DESCR: Final = encode_oid(f"{_ENTITY}.2")
_NAME: Final = encode_oid(f"{_ENTITY}.7")
# the tables with RFC 3433's columns: type, scale, precision, value, status
_TABLES: Final = (
    ("ENTITY-SENSOR-MIB", "1.3.6.1.2.1.99.1.1.1", (1, 2, 3, 4, 5)),
    ("CISCO-ENTITY-SENSOR-MIB", "1.3.6.1.4.1.9.9.91.1.1.1.1", (1, 2, 3, 4, 5)),
)
_LM: Final = "1.3.6.1.4.1.2021.13.16"  # net-snmp's LM-SENSORS-MIB: tables of name and value
_LM_TABLES: Final = ((2, "temperature", "°C", 0.001), (3, "fan", "rpm", 1), (4, "voltage", "V", 0.001))
_UPS: Final = "1.3.6.1.2.1.33.1"
# RFC 1628: column or scalar, what it is, unit, factor to the unit
_UPS_OBJECTS: Final = (
    ("2.4", "battery charge", "%", 1.0),
    ("2.5", "battery voltage", "V", 0.1),
    ("2.6", "battery current", "A", 0.1),
    ("2.7", "battery temperature", "°C", 1.0),
    ("3.3.1.2", "input frequency", "Hz", 0.1),
    ("3.3.1.3", "input voltage", "V", 1.0),
    ("4.4.1.2", "output voltage", "V", 1.0),
    ("4.4.1.3", "output current", "A", 0.1),
    ("4.4.1.4", "output power", "W", 1.0),
    ("4.4.1.5", "output load", "%", 1.0),
)
# RFC 3433 EntitySensorDataType and the unit of each
KINDS: Final[Mapping[int, tuple[str, str]]] = {
    1: ("other", ""), 2: ("unknown", ""), 3: ("voltage AC", "V"), 4: ("voltage DC", "V"), 5: ("current", "A"),
    6: ("power", "W"), 7: ("frequency", "Hz"), 8: ("temperature", "°C"), 9: ("humidity", "%"), 10: ("fan", "rpm"),
    11: ("air flow", "m³/min"), 12: ("state", ""), 13: ("special", ""), 14: ("optical power", "dBm"),
}  # fmt: skip
NO_VALUE: Final = frozenset(("unavailable", "nonoperational"))
_STATES: Final[Mapping[int, str]] = {1: "ok", 2: "unavailable", 3: "nonoperational"}
_SCALE_UNITS: Final = 9  # EntitySensorDataScale: 9 is units, each step a thousand
_TRUTH: Final = 12
MAX_SENSORS: Final = 10_000
ENTITY_COLUMNS: Final = tuple(
    encode_oid(f"{root}.{column}") for _, root, columns in _TABLES for column in columns
)  # fmt: skip
NAME_COLUMNS: Final = (_DESCR, _NAME)
OTHER_COLUMNS: Final = tuple(
    encode_oid(f"{_LM}.{table}.1.{column}") for table, *_ in _LM_TABLES for column in (2, 3)
)  # fmt: skip
UPS_COLUMNS: Final = tuple(encode_oid(f"{_UPS}.{oid}") for oid, *_ in _UPS_OBJECTS)


@dataclass(frozen=True, slots=True)
class Sensor:
    """One thing that a device measures of itself.

    Attributes:
        value: in `unit`; 1 or 0 for the kind `state`; None where the sensor says that it has none.
        status: as the device judges it: `ok`, `unavailable`, `nonoperational`; "" where it judges nothing.
    """

    name: str
    kind: str
    value: float | None
    unit: str
    status: str
    source: str


def sensors(varbinds: Sequence[VarBind]) -> tuple[Sensor, ...]:
    """Return what the sensors of a walk over the columns above read, by MIB and row."""
    by_oid = {bind[0]: bind for bind in varbinds}
    out: list[Sensor] = []
    for source, root, columns in _TABLES:
        out += _entity(by_oid, source, [encode_oid(f"{root}.{column}") for column in columns])
    for table, kind, unit, factor in _LM_TABLES:
        out += _lm(by_oid, encode_oid(f"{_LM}.{table}.1.2"), encode_oid(f"{_LM}.{table}.1.3"), kind, unit, factor)
    for oid, name, unit, factor in _UPS_OBJECTS:
        out += _ups(by_oid, encode_oid(f"{_UPS}.{oid}"), name, unit, factor)
    return tuple(out[:MAX_SENSORS])


def _rows(by_oid: Mapping[bytes, VarBind], column: bytes) -> list[tuple[bytes, int]]:
    found = [
        (oid[len(column) :], bind[2]) for oid, bind in by_oid.items()
        if oid.startswith(column) and isinstance(bind[2], int)
    ]  # fmt: skip
    return sorted(((suffix, value) for suffix, value in found if isinstance(value, int)),
                  key=lambda row: suffix_parts(row[0]))  # fmt: skip


def _number(by_oid: Mapping[bytes, VarBind], oid: bytes) -> int | None:
    value = by_oid[oid][2] if oid in by_oid else None
    return value if isinstance(value, int) else None


def _entity(by_oid: Mapping[bytes, VarBind], source: str, columns: Sequence[bytes]) -> list[Sensor]:
    kind_at, scale_at, precision_at, value_at, status_at = columns
    out: list[Sensor] = []
    for suffix, value in _rows(by_oid, value_at):
        number = _number(by_oid, kind_at + suffix)
        kind, unit = KINDS.get(number or 2, ("unknown", ""))
        scale, precision = _number(by_oid, scale_at + suffix), _number(by_oid, precision_at + suffix)
        status = _STATES.get(_number(by_oid, status_at + suffix) or 0, "")
        read = float(value == 1) if number == _TRUTH else scaled(value, scale, precision)
        if status in NO_VALUE:
            read = None
        out.append(Sensor(_entity_name(by_oid, suffix), kind, read, unit, status, source))
    return out


def scaled(value: int, scale: int | None, precision: int | None) -> float | None:
    """Return the value by RFC 3433's scale and precision; None where they are out of its range."""
    scale, precision = scale or _SCALE_UNITS, precision or 0
    if not 1 <= scale <= 17 or not -8 <= precision <= 9:
        return None
    return value * 10.0 ** (3 * (scale - _SCALE_UNITS) - max(precision, 0))


def _entity_name(by_oid: Mapping[bytes, VarBind], suffix: bytes) -> str:
    for column in (_NAME, _DESCR):
        if (bind := by_oid.get(column + suffix)) is not None and (name := printable(bind)):
            return name
    return "entity " + ".".join(map(str, suffix_parts(suffix)))


def _lm(
    by_oid: Mapping[bytes, VarBind], name_at: bytes, value_at: bytes, kind: str, unit: str, factor: float
) -> list[Sensor]:  # fmt: skip
    out: list[Sensor] = []
    for suffix, value in _rows(by_oid, value_at):
        bind = by_oid.get(name_at + suffix)
        name = (printable(bind) if bind is not None else "") or f"{kind} {'.'.join(map(str, suffix_parts(suffix)))}"
        out.append(Sensor(name, kind, round(value * factor, 6), unit, "", "LM-SENSORS-MIB"))
    return out


def _ups(by_oid: Mapping[bytes, VarBind], column: bytes, name: str, unit: str, factor: float) -> list[Sensor]:
    out: list[Sensor] = []
    for suffix, value in _rows(by_oid, column):
        line = ".".join(map(str, suffix_parts(suffix)))
        shown = name if line == "0" else f"{name} {line}"
        out.append(Sensor(shown, name.rpartition(" ")[2], round(value * factor, 6), unit, "", "UPS-MIB"))
    return out

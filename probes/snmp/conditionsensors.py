"""Sensors of RFC 3433's shape, with Cisco's thresholds and its judgement of them, and a clock, as readings. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from agent.core.hardware import Condition, Reading
from probes.snmp.ber import VarBind
from probes.snmp.dates import date_and_time
from probes.snmp.identity import printable
from probes.snmp.oid import encode_oid
from probes.snmp.sensors import scaled
from probes.snmp.values import integer, suffix_parts

Runs = Mapping[bytes, Sequence[VarBind]]

_NAMES: Final = tuple(encode_oid(f"1.3.6.1.2.1.47.1.1.1.1.{column}") for column in (7, 2))  # entPhysicalName, Descr
# the entry of each table; its columns are type, scale, precision, value, status
_TABLES: Final = (
    ("ENTITY-SENSOR-MIB entPhySensorValue", "1.3.6.1.2.1.99.1.1.1"),
    ("CISCO-ENTITY-SENSOR-MIB entSensorValue", "1.3.6.1.4.1.9.9.91.1.1.1.1"),
)
_COLUMNS: Final = tuple(tuple(encode_oid(f"{entry}.{column}") for column in range(1, 6)) for _, entry in _TABLES)
_SEVERITY: Final = encode_oid("1.3.6.1.4.1.9.9.91.1.2.1.1.2")  # entSensorThresholdSeverity
_RELATION: Final = encode_oid("1.3.6.1.4.1.9.9.91.1.2.1.1.3")  # entSensorThresholdRelation
_LIMIT: Final = encode_oid("1.3.6.1.4.1.9.9.91.1.2.1.1.4")  # entSensorThresholdValue
_UPPER: Final = frozenset({3, 4})  # greaterThan, greaterOrEqual: the others are lower limits, or none
_EVALUATION: Final = encode_oid("1.3.6.1.4.1.9.9.91.1.2.1.1.5")  # entSensorThresholdEvaluation
_CRITICAL: Final = frozenset({20, 30})  # major, critical; other (1) and minor (10) warn
_CLOCK: Final = encode_oid("1.3.6.1.2.1.25.1.2")  # hrSystemDate
_WITH_ZONE_OCTETS: Final = 11
COLUMNS: Final = (
    *(oid for columns in _COLUMNS for oid in columns),
    *_NAMES,
    _SEVERITY,
    _RELATION,
    _LIMIT,
    _EVALUATION,
    _CLOCK,
)
# EntitySensorDataType -> quantity, unit, factor to the unit; optical power is told by the interface that it belongs to
_QUANTITIES: Final[Mapping[int, tuple[str, str, float]]] = {
    3: ("voltage", "volts", 1.0), 4: ("voltage", "volts", 1.0), 5: ("current", "amperes", 1.0),
    6: ("power", "watts", 1.0), 8: ("temperature", "celsius", 1.0), 9: ("humidity", "ratio", 0.01),
    10: ("fan_speed", "rpm", 1.0),
}  # fmt: skip
_OK: Final = 1
_FAILED: Final = 3  # nonoperational: the sensor is broken, which says nothing of what it measures


def readings(runs: Runs, at: datetime) -> Iterator[Reading]:
    """Yield the readings of all these tables."""
    names = [_cells(runs, column) for column in _NAMES]
    judged, limits = _judged(runs), _limits(runs)
    for (source, _), columns in zip(_TABLES, _COLUMNS, strict=True):
        told = (judged, limits) if "CISCO" in source else ({}, {})
        yield from _sensors(runs, source, columns, names, *told)
    yield from _clock(runs, at)


def _cells(runs: Runs, column: bytes) -> dict[bytes, VarBind]:
    return {bind[0][len(column) :]: bind for bind in runs.get(column, ())}


def _sensors(
    runs: Runs,
    source: str,
    columns: tuple[bytes, ...],
    names: Sequence[Mapping[bytes, VarBind]],
    judged: Mapping[tuple[int, ...], Condition],
    limits: Mapping[tuple[int, ...], tuple[int | None, int | None]],
) -> Iterator[Reading]:
    kinds, scales, precisions, values, states = (_cells(runs, column) for column in columns)
    for suffix, bind in values.items():
        kind, raw = _whole(kinds, suffix), integer(bind)
        if kind is None or kind not in _QUANTITIES or raw is None or _whole(states, suffix) not in (_OK, None):
            continue
        quantity, unit, factor = _QUANTITIES[kind]
        index = suffix_parts(suffix)
        raws = (raw, *limits.get(index, (None, None)))
        value, warning, critical = (
            _read(one, _whole(scales, suffix), _whole(precisions, suffix), factor) for one in raws
        )
        if value is None:
            continue
        shown = next((name for cells in names if suffix in cells and (name := printable(cells[suffix]))), "")
        text = ".".join(map(str, index))
        condition = judged.get(index) if quantity == "temperature" else None
        yield Reading(f"entPhysical:{text}", shown or f"sensor {text}", quantity, unit, value, warning, critical,
                      condition, source)  # fmt: skip


def _read(raw: int | None, scale: int | None, precision: int | None, factor: float) -> float | None:
    value = scaled(raw, scale, precision) if raw is not None else None
    return None if value is None else round(value * factor, 6)


def _whole(cells: Mapping[bytes, VarBind], suffix: bytes) -> int | None:
    bind = cells.get(suffix)
    return integer(bind) if bind is not None else None


def _judged(runs: Runs) -> dict[tuple[int, ...], Condition]:
    """Return what thresholds that are passed make of their sensors, by entPhysicalIndex."""
    severities = _cells(runs, _SEVERITY)
    out: dict[tuple[int, ...], Condition] = {}
    for suffix, bind in _cells(runs, _EVALUATION).items():
        if integer(bind) != 1:  # TruthValue
            continue
        index = suffix_parts(suffix)[:1]
        failed = _whole(severities, suffix) in _CRITICAL
        if failed or index not in out:
            out[index] = Condition.FAILED if failed else Condition.WARNING
    return out


def _limits(runs: Runs) -> dict[tuple[int, ...], tuple[int | None, int | None]]:
    """Return the lowest upper limits of sensors, as they warn and as they are critical, by entPhysicalIndex."""
    severities, relations = _cells(runs, _SEVERITY), _cells(runs, _RELATION)
    found: dict[tuple[int, ...], tuple[list[int], list[int]]] = {}
    for suffix, bind in _cells(runs, _LIMIT).items():
        severity, limit = _whole(severities, suffix), integer(bind)
        if limit is not None and severity is not None and _whole(relations, suffix) in _UPPER:
            found.setdefault(suffix_parts(suffix)[:1], ([], []))[severity in _CRITICAL].append(limit)
    return {index: (min(one, default=None), min(other, default=None)) for index, (one, other) in found.items()}


def _clock(runs: Runs, at: datetime) -> Iterator[Reading]:
    """Yield by how much a device's clock is ahead; of a date without its zone nothing is known."""
    for bind in runs.get(_CLOCK, ()):
        value = bind[2]
        if not isinstance(value, bytes) or len(value) != _WITH_ZONE_OCTETS:
            continue
        told = date_and_time(value)
        if told is not None:
            ahead = round(told - at.timestamp(), 1)
            yield Reading("hrSystemDate:0", "hrSystemDate", "clock_offset", "seconds", ahead,
                          source="HOST-RESOURCES-MIB hrSystemDate")  # fmt: skip

"""Parts of the simulated devices: ENTITY-MIB (RFC 6933), ENTITY-STATE-MIB (RFC 4268), ENTITY-SENSOR-MIB (RFC 3433)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agent.cli.simulated.mib import Object, Oid
from probes.snmp.ber import Tag

POWER_SUPPLY, FAN, SENSOR = 6, 7, 8  # PhysicalClass
_ENTITY: Final = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1)
_STATE: Final = (1, 3, 6, 1, 2, 1, 131, 1, 1, 1)
_SENSOR: Final = (1, 3, 6, 1, 2, 1, 99, 1, 1, 1)
_DISABLED, _ENABLED = 2, 3  # EntityOperState
_CRITICAL: Final = b"\x20"  # EntityAlarmStatus is BITS: critical(2)
_CELSIUS, _RPM = 8, 10  # EntitySensorDataType
_UNITS: Final = 9  # EntitySensorDataScale


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a chassis.

    Attributes:
        index: entPhysicalIndex; that of the chassis is 1.
        reads: what a sensor reads: its EntitySensorDataType, and the value.
    """

    index: int
    kind: int
    name: str
    model: str = ""
    serial: str = ""
    works: bool = True
    reads: tuple[int, int] | None = None


def celsius(index: int, name: str, value: int) -> Part:
    """Return a sensor of temperature."""
    return Part(index, SENSOR, name, reads=(_CELSIUS, value))


def fan(index: int, name: str, *, works: bool = True) -> tuple[Part, Part]:
    """Return a fan, and the sensor of its speed."""
    return Part(index, FAN, name, works=works), Part(
        index + 1, SENSOR, f"{name} speed", works=works, reads=(_RPM, 8_400 if works else 0)
    )


def parts(found: Sequence[Part]) -> dict[Oid, Object]:
    """Return the rows of these parts in all three tables."""
    objects: dict[Oid, Object] = {}
    for place, part in enumerate(found, 1):
        columns: dict[int, Object] = {
            2: _text(part.name), 3: (Tag.OID, b"\x00"), 4: (Tag.INTEGER, 1), 5: (Tag.INTEGER, part.kind),
            6: (Tag.INTEGER, place), 7: _text(part.name), 8: _text(""), 9: _text(""), 10: _text(""),
            11: _text(part.serial), 12: _text("Example Networks" if part.model else ""), 13: _text(part.model),
            14: _text(""), 15: _text(""), 16: (Tag.INTEGER, 1 if part.model else 2),
        }  # fmt: skip
        objects |= {(*_ENTITY, column, part.index): value for column, value in columns.items()}
        objects[(*_STATE, 3, part.index)] = (Tag.INTEGER, _ENABLED if part.works else _DISABLED)
        objects[(*_STATE, 5, part.index)] = (Tag.OCTET_STRING, b"\x00" if part.works else _CRITICAL)
        if part.reads is not None:
            kind, value = part.reads
            for column, number in enumerate((kind, _UNITS, 0, value, 1 if part.works else 3), 1):
                objects[(*_SENSOR, column, part.index)] = (Tag.INTEGER, number)
    return objects


def _text(text: str) -> Object:
    return Tag.OCTET_STRING, text.encode()

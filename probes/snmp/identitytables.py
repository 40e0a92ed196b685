"""Parts of a device: rows of ENTITY-MIB (RFC 6933) and of makers' tables, and which one stands for the whole. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from agent.core.hardware import Entity, PhysicalClass
from probes.snmp.ber import VarBind
from probes.snmp.identity import printable
from probes.snmp.identityrules import Table
from probes.snmp.identitywords import octets_day, sound
from probes.snmp.oid import encode_oid
from probes.snmp.values import suffix_parts

_ENTRY: Final = "1.3.6.1.2.1.47.1.1.1.1"
CLASS: Final = encode_oid(f"{_ENTRY}.5")
WITHIN: Final = encode_oid(f"{_ENTRY}.4")
_DESCR, _NAME, _HARDWARE, _FIRMWARE, _SOFTWARE, _SERIAL, _MAKER, _MODEL, _MADE = (
    encode_oid(f"{_ENTRY}.{column}") for column in (2, 7, 8, 9, 10, 11, 12, 13, 17)
)
TEXTS: Final = (_MODEL, _SERIAL, _DESCR, _NAME, _SOFTWARE, _HARDWARE, _FIRMWARE, _MAKER, _MADE)
_CLASSES: Final = {
    1: PhysicalClass.OTHER, 2: PhysicalClass.OTHER, 3: PhysicalClass.CHASSIS, 4: PhysicalClass.BACKPLANE,
    5: PhysicalClass.CONTAINER, 6: PhysicalClass.POWER_SUPPLY, 7: PhysicalClass.FAN, 8: PhysicalClass.SENSOR,
    9: PhysicalClass.MODULE, 10: PhysicalClass.PORT, 11: PhysicalClass.STACK, 12: PhysicalClass.CPU,
    14: PhysicalClass.BATTERY, 15: PhysicalClass.STORAGE_DRIVE, 16: PhysicalClass.MEMORY,
}  # fmt: skip
# the order in which rows are read where there are more than may be
_ORDER: Final = (
    PhysicalClass.STACK, PhysicalClass.CHASSIS, PhysicalClass.POWER_SUPPLY, PhysicalClass.BATTERY,
    PhysicalClass.STORAGE_DRIVE, PhysicalClass.BACKPLANE, PhysicalClass.MODULE, PhysicalClass.FAN,
    PhysicalClass.MEMORY, PhysicalClass.CPU,
)  # fmt: skip
# where there is no chassis, what may stand for the device; a power supply or a transceiver may not
_WHOLES: Final = frozenset(
    (PhysicalClass.OTHER, PhysicalClass.BACKPLANE, PhysicalClass.CONTAINER, PhysicalClass.MODULE, PhysicalClass.STACK)
)
# what runs no software that is the device's: theirs is their own
_NO_SOFTWARE: Final = frozenset((
    PhysicalClass.POWER_SUPPLY, PhysicalClass.FAN, PhysicalClass.BATTERY, PhysicalClass.STORAGE_DRIVE,
    PhysicalClass.SENSOR, PhysicalClass.PORT, PhysicalClass.MEMORY,
))  # fmt: skip
MAX_ROWS: Final = 60  # whose texts are read: nine objects of each
_SOURCE: Final = "ENTITY-MIB"


def rows_of_interest(varbinds: Sequence[VarBind]) -> tuple[bytes, ...]:
    """Return the indexes whose texts are worth reading, from `CLASS` and `WITHIN`; ports and such are not."""
    classes, within = _column(varbinds, CLASS), _column(varbinds, WITHIN)
    found: list[tuple[int, tuple[int, ...], bytes]] = []
    for suffix in {**classes, **within}:
        kind = _class(classes.get(suffix))
        is_root = suffix in within and within[suffix][2] == 0
        if kind in _ORDER or is_root:
            place = _ORDER.index(kind) if kind in _ORDER else 1
            found.append((place, suffix_parts(suffix), suffix))
    return tuple(suffix for _, _, suffix in sorted(found)[:MAX_ROWS])


def entities(varbinds: Sequence[VarBind], today: date) -> tuple[Entity, ...]:
    """Return rows of entPhysicalTable, by index, of which a text was read."""
    classes, within = _column(varbinds, CLASS), _column(varbinds, WITHIN)
    texts = {column: _column(varbinds, column) for column in TEXTS}
    known = {suffix for column in texts.values() for suffix in column}
    out = []
    for suffix in sorted(known & {*classes, *within}, key=suffix_parts):
        said = {column: printable(run[suffix]) if suffix in run else "" for column, run in texts.items()}
        made = texts[_MADE].get(suffix)
        parent = within[suffix][2] if suffix in within else None
        out.append(
            Entity(
                key=_key(suffix),
                physical_class=_class(classes.get(suffix)) or PhysicalClass.OTHER,
                name=said[_NAME] or said[_DESCR] or f"entity {_key(suffix)}",
                description=said[_DESCR],
                vendor=sound("vendor", said[_MAKER]),
                model=sound("model", said[_MODEL]),
                serial=sound("serial", said[_SERIAL]),
                hardware_version=sound("hardware_version", said[_HARDWARE]),
                firmware_version=sound("firmware_version", said[_FIRMWARE]),
                software_version=sound("software_version", said[_SOFTWARE]),
                manufactured=octets_day(made[2], today) if made is not None and isinstance(made[2], bytes) else None,
                within=str(parent) if isinstance(parent, int) and parent else None,
                source=_SOURCE,
            )
        )  # fmt: skip
    return tuple(out)


def table_entities(table: Table, varbinds: Sequence[VarBind]) -> tuple[Entity, ...]:
    """Return the rows of a maker's table."""
    columns = {name: _column(varbinds, encode_oid(oid)) for name, oid in table.columns.items()}
    out = []
    for suffix in sorted({suffix for run in columns.values() for suffix in run}, key=suffix_parts):
        said: dict[str, str] = dict(table.fixed)
        for name, run in columns.items():
            if suffix in run:
                said[name] = _cut(printable(run[suffix]), table.patterns.get(name), name)
        known = {name: sound(name, text) for name, text in said.items() if name not in ("name", "description")}
        known.pop("manufactured", None)
        if not any(known.values()):
            continue
        name = said.get("name") or said.get("description") or f"{table.physical_class} {_key(suffix)}"
        out.append(
            Entity(f"{table.object}:{_key(suffix)}", table.physical_class, name, said.get("description", ""),
                   source=table.object, **known)  # type: ignore[arg-type]
        )  # fmt: skip
    return tuple(out)


def whole(found: Sequence[Entity]) -> Entity | None:
    """Return the entity that stands for the device: of a stack its first member; None where none does."""
    by_key = {entity.key: entity for entity in found}
    chassis = [entity for entity in found if entity.physical_class is PhysicalClass.CHASSIS]
    # a chassis in a chassis is a part; one within a stack, or within nothing, is the device
    outer = [one for one in chassis if not _inside_chassis(one, by_key)]
    with_both = [one for one in outer if one.model and one.serial]
    with_one = [one for one in outer if one.model or one.serial]
    if with_one:
        return (with_both or with_one)[0]
    if outer:
        return _only_board(outer, found) or outer[0]
    roots = [one for one in found if one.within is None and one.physical_class in _WHOLES and (one.model or one.serial)]
    classless = all(one.physical_class is PhysicalClass.OTHER for one in found)  # then the first is the device itself
    if roots and (len(roots) == 1 or classless or roots[0].physical_class is PhysicalClass.STACK):
        return roots[0]
    holders = {one.within for one in found}
    with_parts = [one for one in roots if one.key in holders]  # of several, the only one that has parts
    return with_parts[0] if len(with_parts) == 1 else None


def _only_board(outer: Sequence[Entity], found: Sequence[Entity]) -> Entity | None:
    """Return the only thing in or beside a chassis that says nothing of itself: a box described by its board."""
    if len(outer) != 1 or re.search(r"\d\d", outer[0].description):
        return None
    boards = [
        one for one in found
        if one.within in (outer[0].key, None) and one.physical_class in _WHOLES and one.model and one.serial
    ]  # fmt: skip
    return boards[0] if len(boards) == 1 else None


def twin(found: Sequence[Entity], device: Entity) -> Entity | None:
    """Return the only other entity of the device's model, or serial number: the same thing, told more of."""
    others = [
        one for one in found
        if one is not device and ((device.serial and one.serial == device.serial and one.model)
                                  or (not device.serial and device.model and one.model == device.model and one.serial))
    ]  # fmt: skip
    return others[0] if len(others) == 1 else None


def _class(bind: VarBind | None) -> PhysicalClass | None:
    return _CLASSES.get(bind[2]) if bind is not None and isinstance(bind[2], int) else None


def _inside_chassis(entity: Entity, by_key: Mapping[str, Entity]) -> bool:
    seen: set[str] = set()
    while entity.within is not None and entity.within not in seen and entity.within in by_key:
        seen.add(entity.within)
        entity = by_key[entity.within]
        if entity.physical_class is PhysicalClass.CHASSIS:
            return True
    return False


def software(found: Sequence[Entity], device: Entity | None, description: str) -> str | None:
    """Return the version of what the device runs: what it or a part says and sysDescr has too, else what it says."""
    said = [one.software_version for one in found if one.software_version and one.physical_class not in _NO_SOFTWARE]
    if device is not None and device.software_version:
        said.insert(0, device.software_version)
    both = [one for one in said if _stands_in(one, description)]
    if both:
        return both[0]
    if device is not None and device.software_version:
        return device.software_version
    return said[0] if said and len(set(said)) == 1 else None


def _stands_in(word: str, text: str) -> bool:
    return len(word) >= 3 and re.search(rf"(?<![\w.]){re.escape(word)}(?![\w.]*\w)", text) is not None


def _cut(text: str, pattern: str | None, name: str) -> str:
    if pattern is None:
        return text
    found = re.search(pattern, text)
    return (found.groupdict().get(name) or "") if found else ""


def _column(varbinds: Sequence[VarBind], column: bytes) -> dict[bytes, VarBind]:
    return {bind[0][len(column) :]: bind for bind in varbinds if bind[0].startswith(column)}


def _key(suffix: bytes) -> str:
    return ".".join(map(str, suffix_parts(suffix)))

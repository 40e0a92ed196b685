"""How a device's parts are, out of what a poll has read anyway: by the rules of configs/condition. Pure.

Nothing is asked for: where no module has walked a table, nothing is said of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Final

from agent.core.hardware import Condition, Counter, Entity, Hardware, PhysicalClass, Reading, Store
from agent.core.model import Fact, Interface
from probes.snmp import conditionsensors
from probes.snmp.ber import Tag, VarBind
from probes.snmp.conditionrules import (
    MORE,
    Column,
    CounterRule,
    FactRule,
    Only,
    PartRule,
    ReadingRule,
    Rule,
    Rules,
    Said,
    StoreRule,
    built_in,
)
from probes.snmp.identity import printable
from probes.snmp.oid import oid_text
from probes.snmp.values import integer, number, suffix_parts

Runs = Mapping[bytes, Sequence[VarBind]]

MOST_ROWS: Final = 2000  # of each sort of one device: a chassis full of line cards has some hundreds
_WORST: Final = (Condition.OK, Condition.WARNING, Condition.MISSING, Condition.FAILED)
_MOST_DIGITS: Final = 9
_WRAP: Final = 1 << 32  # hrStorageUsed is signed: past 2^31 blocks some agents go below zero
_KEPT_FACTS: Final = frozenset({"battery_replace", "battery_status"})


def roots(rules: Rules | None = None) -> frozenset[bytes]:
    """Return the columns and scalars whose varbinds `hardware` wants."""
    return _built_in_roots() if rules is None else rules.columns() | frozenset(conditionsensors.COLUMNS)


@cache
def _built_in_roots() -> frozenset[bytes]:
    return roots(built_in())


def hardware(
    runs: Runs,
    interfaces: Sequence[Interface],
    facts: Sequence[Fact],
    at: datetime,
    *,
    complete: bool = True,
    rules: Rules | None = None,
) -> Hardware | None:
    """Return what a poll says of the condition of a device; None where it says nothing.

    Args:
        runs: the varbinds of each of `roots`.
        interfaces: for the light that their optics receive.
        facts: what was said already, by UPS-MIB.
        at: when the poll was.
    """
    rules = rules or built_in()
    table = _Table(runs)
    entities = _entities(table, rules.parts)
    readings = [
        *conditionsensors.readings(runs, at),
        *(one for rule in rules.readings for one in _readings(table, rule)),
        *_light(interfaces),
    ]
    stores = [one for store_rule in rules.stores for one in _stores(table, store_rule)]
    counters = [one for counter_rule in rules.counters for one in _counters(table, counter_rule)]
    said = [fact for fact in facts if fact.name in _KEPT_FACTS]
    said += [one for rule in rules.facts for one in _facts(table, rule) if one.name not in {two.name for two in said}]
    if not (entities or readings or stores or counters or said):
        return None
    return Hardware(
        at,
        facts=tuple(said),
        entities=tuple(entities[:MOST_ROWS]),
        readings=tuple(readings[:MOST_ROWS]),
        stores=tuple(stores[:MOST_ROWS]),
        counters=tuple(counters[:MOST_ROWS]),
        complete=complete,
    )


class _Table:
    """What was read, by column and row."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._columns: dict[bytes, dict[bytes, VarBind]] = {}

    def column(self, oid: bytes) -> dict[bytes, VarBind]:
        """Return the rows of a column by their indexes; of a scalar one row."""
        found = self._columns.get(oid)
        if found is None:
            found = self._columns[oid] = {bind[0][len(oid) :]: bind for bind in self._runs.get(oid, ())}
        return found

    def rows(self, rule: Rule, oid: bytes) -> Iterator[tuple[bytes, VarBind, str]]:
        """Yield index, object and name of each row that the rule speaks of."""
        for suffix, bind in self.column(oid).items():
            if rule.only is not None and not self._counts(rule.only, suffix):
                continue
            name = self.name(rule, suffix)
            if rule.named is not None and rule.named.fullmatch(name) is None:
                continue
            if rule.not_named is None or rule.not_named.fullmatch(name) is None:
                yield suffix, bind, name

    def name(self, rule: Rule, suffix: bytes) -> str:
        """Return what a row is called."""
        for column in rule.name:
            if (bind := self.column(column).get(suffix)) is not None and (name := printable(bind)):
                return name
        at = _index(suffix)
        return rule.label if at == "0" and rule.label else f"{rule.label} {at}".strip()

    def text(self, oid: bytes | None, suffix: bytes) -> str | None:
        """Return the text of a cell; None where there is none."""
        bind = self.column(oid).get(suffix) if oid is not None else None
        return (printable(bind) or None) if bind is not None else None

    def cell(self, oid: bytes | None, suffix: bytes) -> VarBind | None:
        """Return a cell; None where there is none."""
        return self.column(oid).get(suffix) if oid is not None else None

    def number(self, oid: bytes | None, suffix: bytes) -> float | None:
        """Return the number of a cell; None where there is none."""
        bind = self.cell(oid, suffix)
        return number(bind) if bind is not None else None

    def condition(self, column: Column | None, suffix: bytes) -> Condition | None:
        """Return what another column says of a row."""
        bind = self.column(column.oid).get(suffix) if column is not None else None
        return column.values.get(said(bind)) if column is not None and bind is not None else None

    def _counts(self, only: Only, suffix: bytes) -> bool:
        column = self.column(only.oid)
        bind = column.get(suffix)
        return bind is not None and said(bind) in only.values


def said(bind: VarBind) -> Said:
    """Return what an enumeration says: its number, its OID, or its word in small letters."""
    value = integer(bind)
    if value is not None:
        return value
    if bind[1] == Tag.OID and isinstance(bind[2], bytes):
        return oid_text(bind[2])
    return printable(bind).lower()


def _index(suffix: bytes) -> str:
    return ".".join(map(str, suffix_parts(suffix)))


# ------------------------------------------------------------------ parts


def _entities(table: _Table, rules: Sequence[PartRule]) -> list[Entity]:
    """Return the parts of all rules; what several rules say of one part becomes one, by the worst of it."""
    found: dict[str, Entity] = {}
    for rule in rules:
        for one in _parts(table, rule):
            known = found.get(one.key)
            found[one.key] = one if known is None else _worse(known, one)
    return list(found.values())


def _worse(known: Entity, other: Entity) -> Entity:
    kept = replace(known, model=known.model or other.model, serial=known.serial or other.serial)
    if other.condition is None or known.condition is None:
        return kept
    if _WORST.index(other.condition) <= _WORST.index(known.condition):
        return kept
    return replace(kept, condition=other.condition, source=other.source)


def _parts(table: _Table, rule: PartRule) -> Iterator[Entity]:
    for suffix, bind, name in table.rows(rule, rule.oid):
        condition = _bits(rule, bind) if rule.bits else _state(rule, said(bind))
        if rule.present is not None:
            there = table.column(rule.present.oid).get(suffix)
            if there is not None and said(there) in rule.present.missing:
                condition = Condition.MISSING
        kind = _kind(table, rule, suffix, name)
        if condition is None or kind is None:
            continue
        yield Entity(
            key=f"{rule.key or rule.object.rpartition(' ')[2]}:{_index(suffix)}",
            physical_class=kind,
            name=name,
            model=table.text(rule.model, suffix),
            serial=table.text(rule.serial, suffix),
            condition=condition,
            source=rule.object,
        )


def _state(rule: PartRule, value: Said) -> Condition | None:
    more = rule.states.get(MORE) if isinstance(value, int) and value > 0 else None
    return rule.states.get(value, more)


def _bits(rule: PartRule, bind: VarBind) -> Condition | None:
    """Return the worst of the bits that are set; none of them set is well."""
    octets = bind[2]
    if not isinstance(octets, bytes):
        return None
    is_set = (number for number in rule.bits if number // 8 < len(octets) and octets[number // 8] & 0x80 >> number % 8)
    return max((rule.bits[number] for number in is_set), key=_WORST.index, default=Condition.OK)


def _kind(table: _Table, rule: PartRule, suffix: bytes, name: str) -> PhysicalClass | None:
    for pattern, kind in rule.by_name.items():
        if pattern.fullmatch(name):
            return kind
    if rule.kinds is not None and (bind := table.column(rule.kinds.oid).get(suffix)) is not None:
        return rule.kinds.values.get(said(bind))
    return rule.kind


# ------------------------------------------------------------------ numbers


def _readings(table: _Table, rule: ReadingRule) -> Iterator[Reading]:
    for suffix, bind, name in table.rows(rule, rule.oid):
        digits = table.number(rule.digits, suffix) if rule.digits is not None else 0.0
        if digits is None or not 0 <= digits <= _MOST_DIGITS:
            continue
        factor = rule.factor * 10.0**-digits
        cells = (bind, *(table.cell(column, suffix) for column in (rule.warning, rule.critical)))
        value, warning, critical = (_told(rule, cell, factor) for cell in cells)
        if value is None or not rule.valid[0] <= value <= rule.valid[1]:
            continue
        yield Reading(
            f"{rule.object.rpartition(' ')[2]}:{_index(suffix)}", name, rule.quantity, rule.unit, value,
            warning, critical, table.condition(rule.state, suffix), rule.object,
        )  # fmt: skip


def _told(rule: ReadingRule, cell: VarBind | None, factor: float) -> float | None:
    """Return what a cell says, in the rule's unit; None where it says nothing."""
    if cell is None:
        return None
    read = number(cell)
    if read is None and rule.text is not None and (found := rule.text.search(printable(cell))) is not None:
        read = float(found[1])
    return None if read is None else round(read * factor + rule.offset, 6)


def _light(interfaces: Sequence[Interface]) -> Iterator[Reading]:
    for one in interfaces:
        if one.receive_power_dbm is not None:
            yield Reading(f"ifIndex:{one.index}", one.name, "optical_power_received", "dbm", one.receive_power_dbm,
                          source="ENTITY-SENSOR-MIB entPhySensorValue, by ENTITY-MIB entAliasMappingTable")  # fmt: skip


def _stores(table: _Table, rule: StoreRule) -> Iterator[Store]:
    for suffix, _, name in table.rows(rule, rule.size):
        unit = table.number(rule.unit, suffix) if rule.unit is not None else rule.factor
        size, used, free = (table.number(oid, suffix) for oid in (rule.size, rule.used, rule.free))
        if size is None or not unit or unit < 0:
            continue
        size += _WRAP if size < 0 else 0
        if used is None:
            if free is None:
                continue
            used = size - free
        elif used < 0:
            used += _WRAP
        if 0 <= used <= size and size > 0:
            yield Store(
                f"{rule.object.rpartition(' ')[2]}:{_index(suffix)}", name, size * unit, used * unit, rule.object
            )


def _counters(table: _Table, rule: CounterRule) -> Iterator[Counter]:
    for suffix, bind, name in table.rows(rule, rule.oid):
        total = number(bind)
        if total is not None and total >= 0:
            yield Counter(f"{rule.object.rpartition(' ')[2]}:{_index(suffix)}", name, rule.what, total, rule.object)


def _facts(table: _Table, rule: FactRule) -> Iterator[Fact]:
    for bind in table.column(rule.oid).values():
        value = rule.values.get(integer(bind) or 0)
        if value is not None:
            yield Fact(rule.fact, value, rule.object)

"""The light that optics send and receive: from sensors that the modules read to the interfaces they sit in. Pure.

ENTITY-SENSOR-MIB (RFC 3433) tells it in watts; CISCO-ENTITY-SENSOR-MIB has the same columns, and dBm as a unit.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from agent.core.model import Interface
from probes.snmp.ber import SnmpDecodeError, VarBind, decode_index
from probes.snmp.identity import printable
from probes.snmp.oid import encode_oid

_CONTAINED_IN: Final = encode_oid("1.3.6.1.2.1.47.1.1.1.1.4")
_DESCR: Final = encode_oid("1.3.6.1.2.1.47.1.1.1.1.2")
_NAME: Final = encode_oid("1.3.6.1.2.1.47.1.1.1.1.7")
_ALIAS_MAPPING: Final = encode_oid("1.3.6.1.2.1.47.1.3.2.1.2")
_IF_INDEX: Final = encode_oid("1.3.6.1.2.1.2.2.1.1")
# entPhySensorTable and entSensorValueTable: type, scale, precision, value and status are columns 1 to 5 of both
_TABLES: Final = ("1.3.6.1.2.1.99.1.1.1", "1.3.6.1.4.1.9.9.91.1.1.1.1")
_SENSORS: Final = tuple(tuple(encode_oid(f"{table}.{column}") for column in range(1, 6)) for table in _TABLES)
ROOTS: Final = frozenset((_CONTAINED_IN, _DESCR, _NAME, _ALIAS_MAPPING, *(oid for table in _SENSORS for oid in table)))
_WATTS: Final = 6
_DBM: Final = 14
_OK: Final = 1
_UNITS: Final = 9  # the scale of plain units; each step is a factor of 1000
_MOST_LEVELS: Final = 8  # sensor, transceiver, port, module, slot, chassis: deeper is a circle
_PLAUSIBLE_DBM: Final = (-50.0, 30.0)  # no light is some -40; what lies outside is a sensor that is not there
_RECEIVED: Final = re.compile(r"\b(rx|received?|input)\b.*power|power.*\b(rx|received?|input)\b", re.IGNORECASE)
_SENT: Final = re.compile(r"\b(tx|transmit(ted)?|output)\b.*power|power.*\b(tx|transmit(ted)?|output)\b", re.IGNORECASE)


def with_optics(interfaces: Sequence[Interface], runs: Mapping[bytes, Sequence[VarBind]]) -> tuple[Interface, ...]:
    """Return the interfaces with the power of their optics, where the modules read sensors that tell it.

    An optic of several lanes has its weakest received and its weakest sent one.

    Args:
        runs: the varbinds of each of `ROOTS`.
    """
    received: dict[int, float] = {}
    sent: dict[int, float] = {}
    powers = list(_powers(runs))
    if not powers:
        return tuple(interfaces)
    find = _Finder(runs, interfaces)
    for entity, dbm in powers:
        text = find.text(entity)
        store = received if _RECEIVED.search(text) else sent if _SENT.search(text) else None
        index = find.interface(entity, text) if store is not None else None
        if store is not None and index is not None:
            store[index] = min(dbm, store.get(index, dbm))
    return tuple(
        replace(one, receive_power_dbm=received.get(one.index), transmit_power_dbm=sent.get(one.index))
        if one.index in received or one.index in sent
        else one
        for one in interfaces
    )


def _powers(runs: Mapping[bytes, Sequence[VarBind]]) -> Iterator[tuple[int, float]]:
    """Yield each sensor of power that works: its entity, and dBm."""
    for roots in _SENSORS:
        kinds, scales, precisions, values, states = (_whole(runs, root) for root in roots)
        for entity, kind in kinds.items():
            value = values.get(entity)
            if kind not in (_WATTS, _DBM) or value is None or states.get(entity, _OK) != _OK:
                continue
            exponent = 3 * (scales.get(entity, _UNITS) - _UNITS) - precisions.get(entity, 0)
            if not -40 <= exponent <= 40:
                continue
            amount = value * 10.0**exponent
            if kind == _WATTS:
                if amount <= 0:
                    continue
                amount = 10 * math.log10(amount * 1000)
            if _PLAUSIBLE_DBM[0] <= amount <= _PLAUSIBLE_DBM[1]:
                yield entity, round(amount, 3)


class _Finder:
    """Finds the interface that a physical entity sits in."""

    def __init__(self, runs: Mapping[bytes, Sequence[VarBind]], interfaces: Sequence[Interface]) -> None:
        self._above = _whole(runs, _CONTAINED_IN)
        self._ports = dict(_mapped(runs.get(_ALIAS_MAPPING, ())))
        self._texts = {
            root: {key[0]: printable(bind) for key, bind in _rows(runs, root) if len(key) == 1}
            for root in (_NAME, _DESCR)
        }
        self._names = {word.lower(): one.index for one in interfaces for word in (one.descr, one.name) if word}

    def text(self, entity: int) -> str:
        """Return what the entity is called: its name and its description."""
        return " ".join(texts[entity] for texts in self._texts.values() if entity in texts)

    def interface(self, entity: int, text: str) -> int | None:
        """Return the ifIndex by what ENTITY-MIB maps, else by the name with which the sensor's own begins."""
        at = entity
        for _ in range(_MOST_LEVELS):
            if at in self._ports:
                return self._ports[at]
            at = self._above.get(at, 0)
        return self._names.get(text.partition(" ")[0].lower())


def _mapped(run: Iterable[VarBind]) -> Iterator[tuple[int, int]]:
    """Yield entity and ifIndex where an alias points to a row of ifTable."""
    for oid, _, value in run:
        key = decode_index(oid[len(_ALIAS_MAPPING) :])
        if len(key) == 2 and isinstance(value, bytes) and value.startswith(_IF_INDEX):
            try:
                row = decode_index(value[len(_IF_INDEX) :])
            except SnmpDecodeError:  # an octet string that looks like one
                continue
            if len(row) == 1:
                yield key[0], row[0]


def _rows(runs: Mapping[bytes, Sequence[VarBind]], root: bytes) -> Iterator[tuple[tuple[int, ...], VarBind]]:
    for bind in runs.get(root, ()):
        yield decode_index(bind[0][len(root) :]), bind


def _whole(runs: Mapping[bytes, Sequence[VarBind]], root: bytes) -> dict[int, int]:
    return {key[0]: bind[2] for key, bind in _rows(runs, root) if len(key) == 1 and isinstance(bind[2], int)}

"""What the fast tier asks for: state and counters of a device's interfaces by OIDs that the last full poll found. Pure.

Two ways lead there: GETs of known cells, packed until an answer fills an Ethernet frame, or GETBULK over several
columns side by side. The planner counts packets.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil
from typing import Final
from weakref import WeakValueDictionary

from probes.snmp.ber import VarBind
from probes.snmp.known import Names
from probes.snmp.oid import decode_index, encode_oid

SYS_UPTIME: Final = encode_oid("1.3.6.1.2.1.1.3.0")
IF_NUMBER: Final = encode_oid("1.3.6.1.2.1.2.1.0")
IF_TABLE_LAST_CHANGE: Final = encode_oid("1.3.6.1.2.1.31.1.5.0")
ENT_LAST_CHANGE: Final = encode_oid("1.3.6.1.2.1.47.1.4.1.0")
MARK_OIDS: Final = (SYS_UPTIME, IF_TABLE_LAST_CHANGE, ENT_LAST_CHANGE, IF_NUMBER)

_IF_ENTRY: Final = "1.3.6.1.2.1.2.2.1"
_IF_X_ENTRY: Final = "1.3.6.1.2.1.31.1.1.1"
IF_ADMIN: Final = encode_oid(f"{_IF_ENTRY}.7")
IF_OPER: Final = encode_oid(f"{_IF_ENTRY}.8")
IF_LAST_CHANGE: Final = encode_oid(f"{_IF_ENTRY}.9")
IF_IN_OCTETS: Final = encode_oid(f"{_IF_ENTRY}.10")
IF_IN_PACKETS: Final = encode_oid(f"{_IF_ENTRY}.11")
IF_IN_DISCARDS: Final = encode_oid(f"{_IF_ENTRY}.13")
IF_IN_ERRORS: Final = encode_oid(f"{_IF_ENTRY}.14")
IF_OUT_OCTETS: Final = encode_oid(f"{_IF_ENTRY}.16")
IF_OUT_PACKETS: Final = encode_oid(f"{_IF_ENTRY}.17")
IF_OUT_DISCARDS: Final = encode_oid(f"{_IF_ENTRY}.19")
IF_OUT_ERRORS: Final = encode_oid(f"{_IF_ENTRY}.20")
HC_IN_OCTETS: Final = encode_oid(f"{_IF_X_ENTRY}.6")
HC_IN_PACKETS: Final = encode_oid(f"{_IF_X_ENTRY}.7")
HC_OUT_OCTETS: Final = encode_oid(f"{_IF_X_ENTRY}.10")
HC_OUT_PACKETS: Final = encode_oid(f"{_IF_X_ENTRY}.11")
IF_DISCONTINUITY: Final = encode_oid(f"{_IF_X_ENTRY}.19")

# the short counter that each long one replaces, where the device has it
NARROW: Final[Mapping[bytes, bytes]] = {
    HC_IN_OCTETS: IF_IN_OCTETS,
    HC_IN_PACKETS: IF_IN_PACKETS,
    HC_OUT_OCTETS: IF_OUT_OCTETS,
    HC_OUT_PACKETS: IF_OUT_PACKETS,
}
# columns in the order of a walk, and how many octets a value takes at most, its tag and length included
COLUMNS: Final[Mapping[bytes, int]] = {
    IF_ADMIN: 3,
    IF_OPER: 3,
    IF_LAST_CHANGE: 7,
    IF_IN_OCTETS: 7,
    IF_IN_PACKETS: 7,
    IF_IN_DISCARDS: 7,
    IF_IN_ERRORS: 7,
    IF_OUT_OCTETS: 7,
    IF_OUT_PACKETS: 7,
    IF_OUT_DISCARDS: 7,
    IF_OUT_ERRORS: 7,
    HC_IN_OCTETS: 11,
    HC_IN_PACKETS: 11,
    HC_OUT_OCTETS: 11,
    HC_OUT_PACKETS: 11,
    IF_DISCONTINUITY: 7,
}
_HEADS_OCTETS: Final = 4  # of a varbind: its own tag and length, and those of its name
_MARKS_OCTETS: Final = 100  # what MARK_OIDS take of an answer, with room
_FRAME_OCTETS: Final = 1300  # for varbinds: an Ethernet frame without IP, UDP, and the most that v3 puts before them
# What every agent must take (RFC 3417, 3.2) is 484 octets: the first request stays below, to tell silence from size.
_SMALL_OCTETS: Final = 380
_REPETITIONS: Final = 25  # as the full poll, where nothing else is said


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Table:
    """Which cells a device has, as its last full poll showed.

    Attributes:
        suffixes: the index of each row as octets, in the order of a walk.
        cells: column -> the suffixes that it has; long counters stand for short ones where a row has both.
        plans: those that were made for it.
    """

    suffixes: tuple[bytes, ...]
    cells: Mapping[bytes, AbstractSet[bytes]]
    plans: "dict[tuple[bool, int | None, bool], Plan]" = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, runs: Mapping[bytes, Sequence[VarBind]]) -> "Table":
        """Take the varbinds of each of `COLUMNS`.

        A row has its long counters where they are there and count: agents exist whose long counters stand at zero
        while the short ones go on.
        """
        found = {column: {bind[0][len(column) :]: bind[2] for bind in runs.get(column, ())} for column in COLUMNS}
        for wide, narrow in NARROW.items():
            dead = [suffix for suffix, value in found[wide].items() if not value and found[narrow].get(suffix)]
            for suffix in dead:
                del found[wide][suffix]
            for suffix in found[wide]:
                found[narrow].pop(suffix, None)
        # ifIndex is one number: what has more is some other row
        rows = {suffix for cells in found.values() for suffix in cells if len(decode_index(suffix)) == 1}
        ordered = tuple(sorted(rows, key=decode_index))
        cells = {column: frozenset(rows.intersection(cells)) for column, cells in found.items()}
        # a fleet is of few models: their tables and plans are kept once
        return _all_tables.setdefault((ordered, tuple(cells.values())), cls(ordered, cells))

    def oids(self) -> list[bytes]:
        """Return every cell, row by row: what belongs to one interface is read together."""
        return [
            column + suffix for suffix in self.suffixes for column in COLUMNS if suffix in self.cells[column]
        ]  # fmt: skip


_all_tables: "Final[WeakValueDictionary[object, Table]]" = WeakValueDictionary()
NO_TABLE: Final = Table((), dict.fromkeys(COLUMNS, frozenset()))


@dataclass(frozen=True)
class Gets:
    """Cells to ask for by GET, packet by packet; each packet begins with sysUpTime, the first with all marks."""

    packets: tuple[tuple[bytes, ...], ...]

    @cached_property
    def names(self) -> Names:
        """The cells' names, prepared for being found in the answers."""
        return Names.of(self.cells)

    @property
    def cells(self) -> list[bytes]:
        """What is asked for besides the marks, in order."""
        first, *others = self.packets
        return [*first[len(MARK_OIDS) :], *(oid for packet in others for oid in packet[1:])]

    @property
    def cost(self) -> int:
        """Packets that it takes."""
        return len(self.packets)


@dataclass(frozen=True, slots=True)
class Bulks:
    """Groups of columns to walk side by side, between a GET of the marks and one of sysUpTime.

    Attributes:
        ends: for each column of each group the last cell that is wanted.
        repetitions: for each group.
    """

    groups: tuple[tuple[bytes, ...], ...]
    ends: tuple[tuple[bytes, ...], ...]
    repetitions: tuple[int, ...]
    wanted: frozenset[bytes]
    cost: int


Plan = Gets | Bulks


def plan(table: Table, *, v1: bool = False, max_repetitions: int | None = None, get_works: bool = True) -> Plan:
    """Return the way that takes fewer packets; of two that take the same, GETs: they read only what is wanted.

    Args:
        v1: has no GETBULK.
        get_works: whether the device is not known to be silent on a GET of many objects.
    """
    key = (v1, max_repetitions, get_works)
    if (known := table.plans.get(key)) is None:
        known = table.plans[key] = _planned(table, *key)
    return known


def _planned(table: Table, v1: bool, max_repetitions: int | None, get_works: bool) -> Plan:
    gets = _gets(table, _SMALL_OCTETS if v1 or not get_works else _FRAME_OCTETS)
    if v1 or not table.suffixes:
        return gets
    bulks = _bulks(table, max_repetitions or _REPETITIONS)
    return bulks if bulks.cost < gets.cost else gets


def _gets(table: Table, room: int) -> Gets:
    packets: list[tuple[bytes, ...]] = []
    packet: list[bytes] = list(MARK_OIDS)
    used, most = _MARKS_OCTETS, _SMALL_OCTETS
    for suffix in table.suffixes:
        for column, value in COLUMNS.items():
            if suffix not in table.cells[column]:
                continue
            octets = _HEADS_OCTETS + len(column) + len(suffix) + value
            if used + octets > most:
                packets.append(tuple(packet))
                packet, used, most = [SYS_UPTIME], _MARKS_OCTETS // 4, room
            packet.append(column + suffix)
            used += octets
    return Gets((*packets, tuple(packet)))


def _bulks(table: Table, max_repetitions: int) -> Bulks:
    columns = [column for column in COLUMNS if table.cells[column]]
    best: tuple[int, list[list[bytes]], list[int]] | None = None
    for width in range(1, len(columns) + 1):
        groups = [columns[at : at + width] for at in range(0, len(columns), width)]
        repetitions = [max(1, min(max_repetitions, _FRAME_OCTETS // _row_octets(table, group))) for group in groups]
        cost = sum(ceil(len(table.suffixes) / rows) for rows in repetitions)
        if best is None or cost < best[0]:
            best = cost, groups, repetitions
    assert best is not None  # a row has a cell
    last = {column: column + max(table.cells[column], key=decode_index) for column in columns}
    return Bulks(
        tuple(map(tuple, best[1])),
        tuple(tuple(last[column] for column in group) for group in best[1]),
        tuple(best[2]),
        frozenset(table.oids()),
        best[0] + 2,
    )


def _row_octets(table: Table, group: Sequence[bytes]) -> int:
    longest = max(map(len, table.suffixes))
    return sum(_HEADS_OCTETS + len(column) + longest + COLUMNS[column] for column in group)

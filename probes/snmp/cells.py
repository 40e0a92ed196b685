"""Which value of a poll belongs to which interface: state and counters as columns, one place per interface. Pure.

Where each cell lies among what was read is found once, and holds as long as the same objects come.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from agent.core.counters import Counts
from agent.core.interfaces import Reading
from agent.core.model import AdminStatus, Interface, OperStatus
from probes.snmp import fastplan
from probes.snmp.ber import VarBind, encode_index
from probes.snmp.fastplan import COLUMNS, NARROW, Table

_ADMIN: Final[Mapping[object, AdminStatus]] = {int(status): status for status in AdminStatus}
_OPER: Final[Mapping[object, OperStatus]] = {int(status): status for status in OperStatus}
_NOWHERE: Final = -1

Column = list[int | None]


@dataclass(frozen=True, slots=True)
class Cells:
    """What was read of a device's interfaces.

    Attributes:
        rows: the interfaces, as the last full poll named them.
        columns: the value of each interface; a column that no interface has is absent.
        times: when the cell of each was read, monotonic, for those columns of which that is known.
    """

    rows: tuple[Interface, ...]
    columns: Mapping[bytes, Column]
    times: Mapping[bytes, Sequence[float]]


class Places:
    """Where the cells of some interfaces lie in lists of varbinds whose names stay the same."""

    __slots__ = ("_places", "rows")

    def __init__(self, rows: tuple[Interface, ...], table: Table, names: Mapping[bytes, Sequence[bytes]]) -> None:
        """Take what was read of each column; cells that the table leaves out are not looked at."""
        self.rows = rows
        suffixes = [encode_index((row.index,)) for row in rows]
        self._places: dict[bytes, list[int] | None] = {}  # None: all, in the order of the rows
        for column, oids in names.items():
            have = table.cells[column]
            cut = len(column)
            at = {oid[cut:]: place for place, oid in enumerate(oids) if oid.startswith(column)}
            places = [at.get(suffix, _NOWHERE) if suffix in have else _NOWHERE for suffix in suffixes]
            if places == list(range(len(oids))):
                self._places[column] = None
            elif any(place != _NOWHERE for place in places):
                self._places[column] = places

    def cells(self, runs: Mapping[bytes, Sequence[VarBind]], times: Sequence[float] | None = None) -> Cells:
        """Return the cells.

        Args:
            runs: the varbinds of each column, named as they were when the places were found.
            times: when each varbind was read; of columns that share one list.
        """
        columns = {column: _picked(runs[column], places) for column, places in self._places.items()}
        if times is None:
            return Cells(self.rows, columns, {})
        counted = (fastplan.HC_IN_OCTETS, fastplan.IF_IN_OCTETS)
        read_at = {
            column: list(times) if places is None else [times[place] for place in places]
            for column, places in self._places.items()
            if column in counted
        }
        return Cells(self.rows, columns, read_at)


def _picked(run: Sequence[VarBind], places: list[int] | None) -> Column:
    if places is None:
        return [value if isinstance(value, int) else None for _, _, value in run]
    return [
        value if place != _NOWHERE and isinstance(value := run[place][2], int) else None for place in places
    ]  # fmt: skip


def found(
    rows: tuple[Interface, ...], table: Table, varbinds: Iterable[VarBind], times: Iterable[float]
) -> Cells:  # fmt: skip
    """Return the cells of a reading in which something is missing, or not where it was expected."""
    binds, read_at = list(varbinds), list(times)
    oids = [bind[0] for bind in binds]
    return Places(rows, table, dict.fromkeys(COLUMNS, oids)).cells(dict.fromkeys(COLUMNS, binds), read_at)


def interface_reading(cells: Cells, uptime_ticks: int | None, at_seconds: float) -> Reading:
    """Return cells as what `agent.core.interfaces` takes.

    Args:
        at_seconds: when `uptime_ticks` was read, and each cell of which nothing else is known; monotonic.
    """
    count = len(cells.rows)
    nothing: Column = [None] * count

    def column(root: bytes) -> Column:
        return cells.columns.get(root, nothing)

    def pair(received: bytes, sent: bytes) -> tuple[list[Column], np.typing.NDArray[np.bool_]]:
        """Return two counters, long ones where they were read, and where that is."""
        into, out = column(received), column(sent)
        if None not in into:
            return [into, out], np.ones(count, dtype=np.bool_)
        wide = [one is not None or other is not None for one, other in zip(into, out, strict=True)]
        merged = [
            [new if is_wide else old for new, old, is_wide in zip(long, column(NARROW[root]), wide, strict=True)]
            for root, long in ((received, into), (sent, out))
        ]
        return merged, np.array(wide, dtype=np.bool_)

    octets, wide = pair(fastplan.HC_IN_OCTETS, fastplan.HC_OUT_OCTETS)
    packets, wide_packets = pair(fastplan.HC_IN_PACKETS, fastplan.HC_OUT_PACKETS)
    into = [octets[0], packets[0], column(fastplan.IF_IN_ERRORS), column(fastplan.IF_IN_DISCARDS)]
    out = [octets[1], packets[1], column(fastplan.IF_OUT_ERRORS), column(fastplan.IF_OUT_DISCARDS)]
    return Reading(
        rows=cells.rows,
        uptime_ticks=uptime_ticks,
        at_seconds=at_seconds,
        taken_at_seconds=_read_at(cells, wide, at_seconds),
        admin=tuple([_ADMIN.get(value) for value in column(fastplan.IF_ADMIN)]),
        oper=tuple([_OPER.get(value) for value in column(fastplan.IF_OPER)]),
        last_change=Counts.of(column(fastplan.IF_LAST_CHANGE)),
        discontinuity=Counts.of(column(fastplan.IF_DISCONTINUITY)),
        counts=Counts.of_several([*into, *out]),
        wide=wide,
        wide_packets=wide_packets,
    )


def _read_at(
    cells: Cells, wide: np.typing.NDArray[np.bool_], at_seconds: float
) -> np.typing.NDArray[np.float64]:  # fmt: skip
    count = len(cells.rows)
    unknown = np.full(count, at_seconds)
    if not cells.times:
        return unknown
    long, short = (
        np.array(cells.times[root]) if root in cells.times else unknown
        for root in (fastplan.HC_IN_OCTETS, fastplan.IF_IN_OCTETS)
    )
    return np.where(wide, long, short)

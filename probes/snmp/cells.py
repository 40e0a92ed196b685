"""Which value of a poll belongs to which interface: state and counters as columns, one place per interface. Pure.

Where each cell lies among what was read is found once, and holds as long as the same objects come.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.core.counters import Bools, Counts
from agent.core.interfaces import Reading
from agent.core.model import AdminStatus, Interface, OperStatus
from agent.core.traffic import Floats
from probes.snmp import fastplan
from probes.snmp.ber import VarBind, encode_index
from probes.snmp.fastplan import COLUMNS, NARROW, Table

_ADMIN: Final[Mapping[object, AdminStatus]] = {int(status): status for status in AdminStatus}
_OPER: Final[Mapping[object, OperStatus]] = {int(status): status for status in OperStatus}
_NOWHERE: Final = -1
_COUNTED: Final = (fastplan.HC_IN_OCTETS, fastplan.IF_IN_OCTETS)


@dataclass(frozen=True, slots=True)
class Cells:
    """What was read of a device's interfaces.

    Attributes:
        rows: the interfaces, as the last full poll named them.
        columns: the value of each interface; a column that no interface has is absent.
        times: when the cell of each was read, monotonic, for those columns of which that is known.
    """

    rows: tuple[Interface, ...]
    columns: Mapping[bytes, Counts]
    times: Mapping[bytes, Sequence[float]]


class Places:
    """Where the cells of some interfaces lie in lists of varbinds whose names stay the same."""

    __slots__ = ("_have", "_matrix", "_places", "rows")

    def __init__(self, rows: tuple[Interface, ...], table: Table, names: Mapping[bytes, Sequence[bytes]]) -> None:
        """Take what was read of each column; cells that the table leaves out are not looked at."""
        self.rows = rows
        suffixes = [encode_index((row.index,)) for row in rows]
        self._places: dict[bytes, list[int]] = {}
        for column, oids in names.items():
            have = table.cells[column]
            cut = len(column)
            at = {oid[cut:]: place for place, oid in enumerate(oids) if oid.startswith(column)}
            places = [at.get(suffix, _NOWHERE) if suffix in have else _NOWHERE for suffix in suffixes]
            if any(place != _NOWHERE for place in places):
                self._places[column] = places
        self._matrix = np.array(list(self._places.values()), dtype=np.intp)
        self._have = self._matrix != _NOWHERE

    def cells(self, runs: Mapping[bytes, Sequence[VarBind]]) -> Cells:
        """Return the cells of columns that were read each by itself: as they were named when the places were found."""
        columns = {column: Counts.of(_picked(runs[column], places)) for column, places in self._places.items()}
        return Cells(self.rows, columns, {})

    def mixed(self, varbinds: Sequence[VarBind], times: Sequence[float]) -> Cells:
        """Return the cells that were read row by row.

        Args:
            times: when each varbind was read.
        """
        columns = {column: Counts.of(_picked(varbinds, places)) for column, places in self._places.items()}
        return Cells(self.rows, columns, self._times(times))

    def numbers(self, values: npt.NDArray[np.uint64], times: Sequence[float]) -> Cells:
        """Return the cells that were read row by row, all of them plain numbers."""
        columns = map(Counts, values[self._matrix], self._have)
        return Cells(self.rows, dict(zip(self._places, columns, strict=True)), self._times(times))

    def _times(self, times: Sequence[float]) -> dict[bytes, list[float]]:
        return {
            column: [times[place] for place in self._places[column]] for column in _COUNTED if column in self._places
        }


def _picked(run: Sequence[VarBind], places: Sequence[int]) -> list[int | None]:
    return [
        value if place != _NOWHERE and isinstance(value := run[place][2], int) else None for place in places
    ]  # fmt: skip


def found(
    rows: tuple[Interface, ...], table: Table, varbinds: Iterable[VarBind], times: Iterable[float]
) -> Cells:  # fmt: skip
    """Return the cells of a reading in which something is missing, or not where it was expected."""
    binds, read_at = list(varbinds), list(times)
    oids = [bind[0] for bind in binds]
    return Places(rows, table, dict.fromkeys(COLUMNS, oids)).mixed(binds, read_at)


def interface_reading(cells: Cells, uptime_ticks: int | None, at_seconds: float) -> Reading:
    """Return cells as what `agent.core.interfaces` takes.

    Args:
        at_seconds: when `uptime_ticks` was read, and each cell of which nothing else is known; monotonic.
    """
    count = len(cells.rows)
    nothing = Counts(np.zeros(count, dtype=np.uint64), np.zeros(count, dtype=np.bool_))

    def column(root: bytes) -> Counts:
        return cells.columns.get(root, nothing)

    def pair(received: bytes, sent: bytes) -> tuple[Counts, Counts, Bools]:
        """Return two counters, long ones where they were read, and where that is."""
        into, out = column(received), column(sent)
        wide: Bools = into.known | out.known
        if wide.all():
            return into, out, wide
        return _merged(into, column(NARROW[received]), wide), _merged(out, column(NARROW[sent]), wide), wide

    octets_in, octets_out, wide = pair(fastplan.HC_IN_OCTETS, fastplan.HC_OUT_OCTETS)
    packets_in, packets_out, wide_packets = pair(fastplan.HC_IN_PACKETS, fastplan.HC_OUT_PACKETS)
    into = [octets_in, packets_in, column(fastplan.IF_IN_ERRORS), column(fastplan.IF_IN_DISCARDS)]
    out = [octets_out, packets_out, column(fastplan.IF_OUT_ERRORS), column(fastplan.IF_OUT_DISCARDS)]
    return Reading(
        rows=cells.rows,
        uptime_ticks=uptime_ticks,
        at_seconds=at_seconds,
        taken_at_seconds=_read_at(cells, wide, at_seconds),
        # what was not read is 0, which is no status
        admin=tuple([_ADMIN.get(value) for value in column(fastplan.IF_ADMIN).values.tolist()]),
        oper=tuple([_OPER.get(value) for value in column(fastplan.IF_OPER).values.tolist()]),
        last_change=column(fastplan.IF_LAST_CHANGE),
        discontinuity=column(fastplan.IF_DISCONTINUITY),
        counts=Counts.stacked([*into, *out]),
        wide=wide,
        wide_packets=wide_packets,
    )


def _merged(long: Counts, short: Counts, wide: Bools) -> Counts:
    return Counts(np.where(wide, long.values, short.values), np.where(wide, long.known, short.known))


def _read_at(cells: Cells, wide: Bools, at_seconds: float) -> Floats:
    unknown = np.full(len(cells.rows), at_seconds)
    if not cells.times:
        return unknown
    long, short = (np.array(cells.times[root]) if root in cells.times else unknown for root in _COUNTED)
    return np.where(wide, long, short)

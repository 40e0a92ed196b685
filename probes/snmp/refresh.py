"""The series of a device between two full polls: those of the last one, with what the fast tier read in their place.

And the agent's own series of its interfaces, under the names of docs/endpoints.md.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.core.counters import Bools
from agent.core.interfaces import Told, labels
from agent.core.model import Interface
from agent.core.series import Family, Prefixes, SeriesBlock
from probes.snmp.ber import VarBind
from probes.snmp.fastplan import COLUMNS, SYS_UPTIME, Table
from probes.snmp.known import Columns
from probes.snmp.labels import Finder
from probes.snmp.modules import NUMERIC_TYPES, Metric
from probes.snmp.render import Renderer, label, scaled
from probes.snmp.values import counted, numbers

_UPTIME_COLUMN: Final = SYS_UPTIME[:-1]


class Refresher:
    """Renders what the fast tier reads as the modules have it."""

    def __init__(self, metrics: Sequence[Metric], extra: Mapping[str, str]) -> None:
        """Take the metrics of a full poll, and the labels that every series has."""
        self._extra = extra
        self._metrics = [m for m in metrics if m.type in NUMERIC_TYPES and m.oid in {*COLUMNS, _UPTIME_COLUMN}]
        self._lookups = frozenset(lookup.oid for metric in self._metrics for lookup in metric.lookups)
        self._whole: list[Metric] = []
        self._renderer = Renderer((), extra)
        self._finder = Finder({*self._lookups, *(metric.oid for metric in self._metrics)})
        self._names: list[VarBind] = []
        self._learnt = 0
        self._rendered: tuple[object, Mapping[str, Family]] | None = None  # by `block`, and under which shape
        self._block = SeriesBlock(())

    def learn(self, block: SeriesBlock, varbinds: Sequence[VarBind], table: Table, shape: object = None) -> None:
        """Take a full poll. A column of which the fast tier does not read every row stays as that poll gave it."""
        self._block = block
        self._learnt += 1
        runs = self._finder.find(varbinds, shape)
        self._names = [bind for oid in self._lookups for bind in runs.get(oid, ())]
        whole = [
            m for m in self._metrics if m.oid not in COLUMNS or len(runs.get(m.oid, ())) == len(table.cells[m.oid])
        ]
        if whole != self._whole:
            self._whole, self._renderer = whole, Renderer(whole, self._extra)

    def block(self, varbinds: Iterable[VarBind], *, keep: bool, shape: object = None) -> SeriesBlock:
        """Return the series with these values.

        Args:
            varbinds: cells of the fast tier and sysUpTime, in the order of a walk.
            keep: whether what the last full poll read may still be repeated.
            shape: what stands for the names of the varbinds.
        """
        whole = None if shape is None else (self._learnt, shape)
        fresh = {family.name: family for family in self._renderer.render([*self._names, *varbinds], whole).families}
        self._rendered = None if whole is None or self._renderer.duplicates else (whole, fresh)
        return self._whole_block(fresh, keep=keep)

    def renewed(
        self,
        read: Columns,
        order: Mapping[bytes, npt.NDArray[np.intp]],
        uptime: VarBind | None,
        shape: object,
        *,
        keep: bool,
    ) -> SeriesBlock | None:
        """Return the series with these values; None where `block` has not rendered them under this shape yet.

        Args:
            order: column -> the places of its cells among what was read, in the order of a walk.
            keep, shape: as for `block`.
        """
        if self._rendered is None or self._rendered[0] != (self._learnt, shape):
            return None
        before, fresh = self._rendered[1], {}
        cells = counted(read.tags, read.numbers)
        for metric in self._whole:
            old, places = before.get(metric.name), order.get(metric.oid)
            if old is None:
                continue
            if places is None:
                values = None if uptime is None else numbers([uptime])
                array = np.array(values or [], dtype=np.float64)
            else:
                array = cells[places]
            if len(array) != len(old.prefixes):
                return None
            fresh[metric.name] = Family(old.name, old.type, old.help, old.prefixes, scaled(metric, array))
        return self._whole_block(fresh, keep=keep)

    def _whole_block(self, fresh: Mapping[str, Family], *, keep: bool) -> SeriesBlock:
        if not keep:
            return SeriesBlock(tuple(fresh.values()))
        return SeriesBlock(
            tuple(
                new if (new := fresh.get(old.name)) is not None and len(new.prefixes) == len(old.prefixes) else old
                for old in self._block.families
            )
        )


class InterfaceSeries:
    """The families `linewarden_interface_*` of one device; what its interfaces are is kept while they are the same."""

    def __init__(self, target: str) -> None:
        """Take the device's name."""
        self._target = target
        self._interfaces: tuple[Interface, ...] | None = None
        self._names: tuple[str, ...] | None = None
        self._rows: dict[str, tuple[str, ...]] = {}  # by direction
        self._both: tuple[str, ...] = ()
        self._states: tuple[Family, ...] = ()
        self._flowing: dict[str, tuple[bytes, tuple[str, ...]]] = {}  # by family: which rows have a rate, and they

    def families(self, told: Told) -> tuple[Family, ...]:
        """Return what a reading says; what is unknown has no sample."""
        if told.interfaces is not self._interfaces:
            self._take(told.interfaces)
        found = list(self._states)
        for field, name in _RATES.items():
            values = np.concatenate([getattr(told.traffic.received, field), getattr(told.traffic.sent, field)])
            known = ~np.isnan(values)
            rows = self._both
            if not known.all():
                rows, values = self._known_rows(name, known), values[known]
            if rows:
                kind, text = FAMILIES[name]
                found.append(Family(name, kind, text, Prefixes(name, rows), values))
        return tuple(found)

    def _take(self, interfaces: tuple[Interface, ...]) -> None:
        names = labels(interfaces)
        if names != self._names:
            self._names = names
            self._rows = {direction: self._rendered(direction) for direction in ("", "received", "sent")}
            self._both = self._rows["received"] + self._rows["sent"]
            self._flowing.clear()
        self._interfaces = interfaces
        states = []
        for name, value in _STATES.items():
            values = np.array([value(one) for one in interfaces], dtype=np.float64)
            known = ~np.isnan(values)
            if known.any():
                kind, text = FAMILIES[name]
                rows = _picked(self._rows[""], known)
                states.append(Family(name, kind, text, Prefixes(name, rows), values[known]))
        self._states = tuple(states)

    def _known_rows(self, name: str, known: Bools) -> tuple[str, ...]:
        mask = known.tobytes()
        kept = self._flowing.get(name)
        if kept is None or kept[0] != mask:
            kept = self._flowing[name] = mask, _picked(self._both, known)
        return kept[1]

    def _rendered(self, direction: str) -> tuple[str, ...]:
        more = f",{label('direction', direction)}" if direction else ""
        target = label("target", self._target)
        return tuple(f"{target},{label('interface', one)}{more}" for one in self._names or ())


def _picked(rows: tuple[str, ...], known: Bools) -> tuple[str, ...]:
    return rows if known.all() else tuple([rows[place] for place in np.flatnonzero(known).tolist()])


def _known(value: float | None) -> float:
    return float("nan") if value is None else float(value)


_STATES: Final[Mapping[str, Callable[[Interface], float]]] = {
    "linewarden_interface_admin_status": lambda one: _known(one.admin),
    "linewarden_interface_oper_status": lambda one: _known(one.oper),
    "linewarden_interface_speed_bits_per_second": lambda one: _known(one.speed_bits_per_second),
    "linewarden_interface_changed_timestamp_seconds": lambda one: _known(
        one.changed_at.timestamp() if one.changed_at is not None else None
    ),
    "linewarden_interface_flaps_total": lambda one: float(one.flaps),
    "linewarden_interface_duplex_mismatch": lambda one: _known(one.duplex_mismatch),
    "linewarden_interface_receive_power_dbm": lambda one: _known(one.receive_power_dbm),
    "linewarden_interface_transmit_power_dbm": lambda one: _known(one.transmit_power_dbm),
}
_RATES: Final[Mapping[str, str]] = {
    "octets_per_second": "linewarden_interface_octets_per_second",
    "packets_per_second": "linewarden_interface_unicast_packets_per_second",
    "errors_per_second": "linewarden_interface_errors_per_second",
    "discards_per_second": "linewarden_interface_discards_per_second",
    "utilisation_ratio": "linewarden_interface_utilisation_ratio",
}
FAMILIES: Final[Mapping[str, tuple[str, str]]] = {
    "linewarden_interface_admin_status": ("gauge", "AdminStatus (RFC 2863): 1 up, 2 down, 3 testing."),
    "linewarden_interface_oper_status": (
        "gauge",
        "OperStatus (RFC 2863): 1 up, 2 down, 3 testing, 4 unknown, 5 dormant, 6 notPresent, 7 lowerLayerDown.",
    ),
    "linewarden_interface_speed_bits_per_second": ("gauge", "Speed as the device names it."),
    "linewarden_interface_changed_timestamp_seconds": ("gauge", "When the interface entered its present state."),
    "linewarden_interface_flaps_total": (
        "counter",
        "Changes of state that ifLastChange tells and no poll saw, since the agent began.",
    ),
    "linewarden_interface_duplex_mismatch": ("gauge", "1 where the two ends of the line do not agree on its duplex."),
    "linewarden_interface_receive_power_dbm": ("gauge", "Optical power that the interface receives."),
    "linewarden_interface_transmit_power_dbm": ("gauge", "Optical power that the interface sends."),
    "linewarden_interface_octets_per_second": ("gauge", "Octets between the last two polls."),
    "linewarden_interface_unicast_packets_per_second": ("gauge", "Unicast packets between the last two polls."),
    "linewarden_interface_errors_per_second": ("gauge", "Packets with errors between the last two polls."),
    "linewarden_interface_discards_per_second": (
        "gauge",
        "Packets that were discarded though nothing was wrong with them, between the last two polls.",
    ),
    "linewarden_interface_utilisation_ratio": ("gauge", "Octets of the last two polls against the speed."),
}

"""What the objects of a full poll say: series, interfaces, facts. What is the same as at the last poll is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from agent.core.hardware import Hardware
from agent.core.model import Fact, Interface
from agent.core.series import SeriesBlock
from probes.snmp import condition, identity, optics
from probes.snmp.ber import Value, VarBind
from probes.snmp.fastplan import COLUMNS, NARROW, Table
from probes.snmp.labels import Finder
from probes.snmp.optics import with_optics
from probes.snmp.render import Renderer

_Runs = Mapping[bytes, Sequence[VarBind]]
_SAYING: tuple[bytes, ...] = (*identity.INTERFACE_COLUMNS, *optics.ROOTS)  # what interfaces are made of


@dataclass(frozen=True, slots=True)
class Made:
    """What the objects of one full poll give.

    Attributes:
        interfaces: the same tuple as the last time while it would be equal.
        table: the same object while the same cells are there.
        runs: the varbinds of each column that the fast tier reads.
        hardware: how its parts are; None where nothing is said of them.
    """

    series: SeriesBlock
    interfaces: tuple[Interface, ...]
    facts: tuple[Fact, ...]
    table: Table
    runs: Mapping[bytes, Sequence[VarBind]]
    hardware: Hardware | None = None


class Reader:
    """Reads the full polls of one device for one set of modules. Not for several threads at once."""

    def __init__(self, renderer: Renderer) -> None:
        """Take what renders the modules' series."""
        self._renderer = renderer
        self._finder = Finder({*_SAYING, *COLUMNS, *identity.ROOTS})
        self._parts = Finder(condition.roots())
        self._shape: object = None
        self._said: list[list[Value]] = []
        self._interfaces: tuple[Interface, ...] = ()
        self._table: Table | None = None
        self._standing = False

    def made(
        self, varbinds: Sequence[VarBind], shape: object, *, complete: bool, at: datetime | None = None
    ) -> Made:  # fmt: skip
        """Return what a poll gives; may run in a thread.

        Args:
            shape: what stands for the names of the varbinds; None for nothing.
            complete: whether all was read that was asked for.
            at: when it was read; None: nothing is said of the hardware.
        """
        runs = self._finder.find(varbinds, shape)
        known = shape is not None and shape == self._shape
        said = [[bind[2] for bind in runs.get(root, ())] for root in _SAYING]
        if not known or said != self._said:
            self._interfaces = with_optics(identity.interfaces(runs), runs)
            self._said = said
        # a long counter that stands at zero may come to life
        standing = _standing(runs)
        if not known or self._table is None or standing or self._standing:
            self._table = Table.of(runs)
        self._standing = standing
        self._shape = shape
        facts = identity.facts([bind for root in identity.ROOTS for bind in runs.get(root, ())], complete)
        counted = {column: runs[column] for column in COLUMNS if column in runs}
        hardware = None
        if at is not None:
            parts = self._parts.find(varbinds, shape)
            hardware = condition.hardware(parts, self._interfaces, facts, at, complete=complete)
        series = self._renderer.render(varbinds, shape)
        return Made(series, self._interfaces, facts, self._table, counted, hardware)


def _standing(runs: _Runs) -> bool:
    """Return whether a long counter stands at zero while its short one does not, or may."""
    for wide, narrow in NARROW.items():
        long, short = runs.get(wide, ()), runs.get(narrow, ())
        if len(long) != len(short):
            return bool(long and short)
        if any(not one[2] and other[2] for one, other in zip(long, short, strict=True)):
            return True
    return False

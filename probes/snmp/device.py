"""One device between its polls: what its last full poll found, and what its interfaces have done since."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from agent.core.counters import TICKS_PER_SECOND
from agent.core.interfaces import Story, Told
from agent.core.model import Fact, Interface
from agent.core.series import SeriesBlock
from probes.snmp import lines, tiers
from probes.snmp.ber import VarBind
from probes.snmp.cells import Cells, Places, found, interface_reading
from probes.snmp.errors import SnmpTimeout
from probes.snmp.fast import BulkReading, GetReading, reading
from probes.snmp.fastplan import COLUMNS, NO_TABLE, SYS_UPTIME, Gets, Plan, Table
from probes.snmp.layout import new_shape
from probes.snmp.modules import Metric
from probes.snmp.poll import Poll
from probes.snmp.reader import Made
from probes.snmp.refresh import InterfaceSeries, Refresher
from probes.snmp.tiers import Marks, Tiers
from probes.snmp.walk import Walk

THREAD_FROM_VARBINDS: Final = 2000  # working on more than this would hold up the event loop
_LINES_SECONDS: Final = 300.0  # a neighbour that changed without a change of state is found within this
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class State:
    """What one reading of state and counters gave.

    Attributes:
        told: None where the device's structure is another one: nothing is said about interfaces then.
    """

    told: Told | None
    series: SeriesBlock
    varbinds: int = 0
    problems: tuple[str, ...] = ()


class Device:
    """What is kept of a device, and the part of its polls that goes beyond its modules.

    Attributes:
        is_polled: whether it was since the last reload.
        spoilt: a thread may still be at work on it, whose poll was cancelled: the next poll must not share it.
    """

    def __init__(self, target: str, decided: Tiers, metrics: Sequence[Metric] = ()) -> None:
        """Take the device's name and how its tiers are decided."""
        self.tiers = decided
        self.is_polled = True
        self.spoilt = False
        self._facts: tuple[Fact, ...] = ()
        self._target = target
        self._metrics = metrics
        self._refresher = Refresher(metrics, {"target": target})
        self._series = InterfaceSeries(target)
        self._story = Story()
        self._table = NO_TABLE
        self._walked: tuple[object, Places] | None = None  # where a full poll has its cells, and of which table
        self._planned: _Planned | None = None
        self._known: tuple[tuple[Interface, ...], lines.Lines, lines.Lines, tuple[Interface, ...]] | None = None
        self._lines = self._former_lines = lines.NOTHING
        self._lines_at: float | None = None
        self._changed: tuple[datetime | None, ...] = ()
        self._told_of: tuple[Interface, ...] = ()

    async def complete(self, poll: Poll, full: Made, metrics: Sequence[Metric], *, patient: bool = False) -> State:
        """Go on from a full poll: read the lines if that is due, then state and counters once more.

        What the fast tier reads is compared with what it has read itself: rows of a long walk were read at other times.

        Args:
            patient: go on although the device's tables changed meanwhile: it is not for the first time.

        Raises:
            SnmpTimeout, SnmpLocalError: as `Poll.aside`.
        """
        now = time.monotonic()
        if self.tiers.why:
            self._lines_at = None
        self._begin(poll, metrics)
        await self._read_lines(poll, full.interfaces, now)
        self._learn(poll, full, now)
        state = await self._closing(poll, full, patient)
        return replace(state, series=SeriesBlock((*full.series.families, *state.series.families)))

    def settle(self, poll: Poll, full: Made, metrics: Sequence[Metric]) -> State:
        """Take a full poll as it is, without a further packet: its time is over. The next one is due at once."""
        self._begin(poll, metrics)
        if not lines.same_ports(self.tiers.rows, full.interfaces):
            self._lines, self._former_lines, self._lines_at = lines.NOTHING, lines.NOTHING, None
        self._learn(poll, full, time.monotonic())
        state = self._of_cells(poll, full)
        self.tiers.anew()
        return replace(state, series=SeriesBlock((*full.series.families, *state.series.families)))

    def _begin(self, poll: Poll, metrics: Sequence[Metric]) -> None:
        if metrics is not self._metrics:
            self._metrics, self._refresher = metrics, Refresher(metrics, {"target": self._target})
        self.tiers.opened(Marks.of([*poll.greeted, *poll.marks]), poll.marked_at)

    def _learn(self, poll: Poll, full: Made, now: float) -> None:
        self.tiers.read(full.table, self._joined(full.interfaces), now)
        self._facts, self._table = full.facts, full.table
        if self.tiers.has_fast:
            self._refresher.learn(full.series, poll.varbinds, full.table, poll.shape)

    async def read_state(self, poll: Poll) -> State:
        """Read the fast tier.

        Raises:
            SnmpTimeout, SnmpLocalError: as `Poll.aside`.
        """
        conversation = await self._conversation(poll)
        if self.tiers.why:
            return State(None, SeriesBlock(()))
        told, series = await self.off_the_loop(conversation.count, lambda: self._stated(conversation))
        return State(told, series, conversation.count, tuple(conversation.problems))

    def facts(self) -> tuple[Fact, ...]:
        """Return the facts of the last full poll, with the uptime of now; none that may not be repeated any more."""
        if not self.tiers.is_fresh(time.monotonic()):
            return ()
        ticks = self.tiers.marks.uptime
        if ticks is None:
            return self._facts
        now = round(ticks / TICKS_PER_SECOND, 2)
        return tuple(replace(fact, value=now) if fact.name == "uptime_seconds" else fact for fact in self._facts)

    async def off_the_loop(self, varbinds: int, work: Callable[[], T]) -> T:
        """Do some work: at once, or in a thread where it is much."""
        if varbinds < THREAD_FROM_VARBINDS:
            return work()
        try:
            return await asyncio.to_thread(work)
        except asyncio.CancelledError:
            self.spoilt = True
            raise

    # -------------------------------------------------------------- state and counters

    async def _closing(self, poll: Poll, full: Made, patient: bool) -> State:
        if not self.tiers.has_fast:
            return await self._from_the_walk(poll, full, patient)
        try:
            conversation = await self._conversation(poll, patient)
            if self.tiers.why == tiers.GET_SILENCE:
                self.tiers.read(full.table, self.tiers.rows, time.monotonic())
                self.tiers.why = ""
                conversation = await self._conversation(poll, patient)
        except SnmpTimeout:  # it has given everything else: it is there, and does not like this question
            self.tiers.give_up()
            return self._of_cells(poll, full)
        if self._is_another(patient):
            return State(None, SeriesBlock(()))
        told = await self.off_the_loop(conversation.count, lambda: self._told(conversation))
        return State(told, SeriesBlock(self._series.families(told)), problems=tuple(conversation.problems))

    async def _from_the_walk(self, poll: Poll, full: Made, patient: bool) -> State:
        """Take state and counters as the full poll read them, if the device did not restart meanwhile."""
        with suppress(SnmpTimeout):  # it has given everything else
            await self._conversation(poll, patient)
        if self._is_another(patient):
            return State(None, SeriesBlock(()))
        return self._of_cells(poll, full)

    def _is_another(self, patient: bool) -> bool:
        return self.tiers.why == tiers.RESTARTED or (bool(self.tiers.why) and not patient)

    def _of_cells(self, poll: Poll, full: Made) -> State:
        rows, walked = self.tiers.rows, self._walked
        if walked is None or walked[0] is not full.table or walked[1].rows is not rows:
            names = {column: [bind[0] for bind in run] for column, run in full.runs.items()}
            walked = self._walked = full.table, Places(rows, full.table, names)
        told = self._tell(walked[1].cells(full.runs), Marks.of(poll.greeted).uptime, poll.marked_at)
        return State(told, SeriesBlock(self._series.families(told)))

    async def _conversation(self, poll: Poll, patient: bool = False) -> GetReading | BulkReading:
        decided, plan = self.tiers, self.tiers.plan
        assert plan is not None
        conversation = reading(
            plan, lambda marks: decided.look(marks, time.monotonic(), patient=patient), time.monotonic
        )
        try:
            await poll.aside(conversation)
        except SnmpTimeout:
            # the first packet is small: silence after it may be about size
            if not isinstance(plan, Gets) or not conversation.packets or not decided.get_works:
                raise
            decided.refused()
            return conversation
        if conversation.missing and not conversation.ended:
            decided.due(tiers.ROWS_GONE)
        elif not decided.why:
            decided.calm()
        return conversation

    def _told(self, conversation: GetReading | BulkReading) -> Told:
        decided, plan, times = self.tiers, self._as_planned(conversation), conversation.times
        if plan is None:
            cells = found(decided.rows, self._table, conversation.varbinds, times)
        elif conversation.columns is None:
            cells = plan.places.mixed(conversation.varbinds, times)
        else:
            cells = plan.places.numbers(conversation.columns.numbers, times)
        return self._tell(cells, decided.marks.uptime, decided.marked_at)

    def _stated(self, conversation: GetReading | BulkReading) -> tuple[Told, SeriesBlock]:
        told, keep = self._told(conversation), self.tiers.is_fresh(time.monotonic())
        plan, read, refresher = self._as_planned(conversation), conversation.columns, self._refresher
        series = None
        if plan is not None and read is not None:
            series = refresher.renewed(read, plan.order, _uptime(conversation), plan.shape, keep=keep)
        if series is None:
            varbinds = self._in_order(conversation) if plan is None else plan.in_order(conversation)
            series = refresher.block(varbinds, keep=keep, shape=None if plan is None else plan.shape)
        return told, SeriesBlock((*series.families, *self._series.families(told)))

    def _tell(self, cells: Cells, uptime: int | None, at: float) -> Told:
        told = self._story.tell(interface_reading(cells, uptime, at), datetime.now(UTC))
        if told.interfaces is not self._told_of:
            changed = tuple(one.changed_at for one in told.interfaces)
            if changed != self._changed:
                self._lines_at = None  # a cable was touched, perhaps
            self._changed, self._told_of = changed, told.interfaces
        return told

    def _as_planned(self, conversation: GetReading | BulkReading) -> "_Planned | None":
        """Return where the cells lie if all came as it was planned; else None."""
        plan, rows = self.tiers.plan, self.tiers.rows
        if not isinstance(plan, Gets) or not conversation.as_planned or conversation.count != len(plan.names.oids):
            return None
        if self._planned is None or self._planned.plan is not plan or self._planned.places.rows is not rows:
            self._planned = _Planned.of(plan, rows, self._table)
        return self._planned

    def _in_order(self, conversation: GetReading | BulkReading) -> list[VarBind]:
        """Return sysUpTime and the cells in the order of a walk."""
        have = {bind[0]: bind for bind in (*conversation.varbinds, *conversation.marks)}
        oids = [SYS_UPTIME, *(column + suffix for column in COLUMNS for suffix in self._table.suffixes)]
        return [bind for oid in oids if (bind := have.get(oid)) is not None]

    # -------------------------------------------------------------- lines

    async def _read_lines(self, poll: Poll, interfaces: tuple[Interface, ...], now: float) -> None:
        same = lines.same_ports(self.tiers.rows, interfaces)
        if not interfaces or (same and self._lines_at is not None and now - self._lines_at < _LINES_SECONDS):
            return
        walk = Walk(lines.ROOTS, version=poll.version, max_varbinds=lines.MAX_OBJECTS)
        self._former_lines = self._lines if same else lines.NOTHING
        self._lines = lines.NOTHING
        try:
            await poll.aside(walk)
            self._lines = lines.lines(walk.varbinds, interfaces)
        except SnmpTimeout:
            pass  # what it cannot tell is unknown
        self._lines_at = now

    def _joined(self, interfaces: tuple[Interface, ...]) -> tuple[Interface, ...]:
        known = self._known
        if known is None or known[0] is not interfaces or known[1:3] != (self._lines, self._former_lines):
            joined = lines.joined(interfaces, self._lines, self._former_lines)
            known = self._known = interfaces, self._lines, self._former_lines, joined
        return known[3]


@dataclass(frozen=True, slots=True)
class _Planned:
    """Where the values of a plan lie among what is read, when all comes as it was planned.

    Attributes:
        order: column -> the places of its cells in the order of a walk.
        shape: stands for the names of `in_order`.
    """

    plan: Plan
    places: Places
    order: Mapping[bytes, npt.NDArray[np.intp]]
    shape: int

    @classmethod
    def of(cls, plan: Gets, rows: tuple[Interface, ...], table: Table) -> "_Planned":
        """Take a plan for these interfaces."""
        cells = plan.names.oids
        places = Places(rows, table, dict.fromkeys(COLUMNS, cells))
        at = {oid: place for place, oid in enumerate(cells)}
        order = {}
        for column in COLUMNS:
            walked = [at[oid] for suffix in table.suffixes if (oid := column + suffix) in at]
            if walked:
                order[column] = np.array(walked, dtype=np.intp)
        return cls(plan, places, order, new_shape())

    def in_order(self, conversation: GetReading | BulkReading) -> list[VarBind]:
        """Return sysUpTime and the cells in the order of a walk."""
        varbinds, uptime = conversation.varbinds, _uptime(conversation)
        cells = [varbinds[place] for places in self.order.values() for place in places.tolist()]
        return cells if uptime is None else [uptime, *cells]


def _uptime(conversation: GetReading | BulkReading) -> VarBind | None:
    return next((bind for bind in reversed(conversation.marks) if bind[0] == SYS_UPTIME), None)

"""What a day did to hardware: from the polls of one device to one value a day for each thing. Pure; days are passed in.

Counters are kept as growth, and only days on which something grew; which days were looked at at all stands in an item
of its own (`OBSERVED`). So a switch that is well costs the ledger one row a day, and not 150.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import isnan
from statistics import median
from typing import Final

import numpy as np

from agent.core.counters import TICKS_PER_SECOND, Uptime, uptime
from agent.core.hardware import Condition, Counter, Hardware, PhysicalClass, Wear
from agent.core.model import AdminStatus, Interface, OperStatus
from agent.core.traffic import Traffic
from agent.core.weargap import Gap, LastReadings

OBSERVED: Final = "observed:"  # value: hours of the day in which the device was read
PART: Final = "part"
STORAGE: Final = "storage"
REBOOTS: Final = "reboots:"
FLAPS: Final = "flaps"
INTERFACE_ERRORS: Final = "interface_errors"
# quantities of readings that are kept day by day; the others are told as they are
KEPT: Final = frozenset(
    {"temperature", "optical_power_received", "battery_runtime", "disk_life_used", "clock_offset", STORAGE}
)
COUNTED: Final = frozenset(
    {INTERFACE_ERRORS, "crc_errors", FLAPS, "reallocated_sectors", "media_errors", "memory_corrected",
     "memory_uncorrected", "reboots", "fan_failures", "power_supply_failures"}
)  # fmt: skip
# parts of which it matters that they were there: where one is missing that never was, the slot is empty by design
PARTS: Final = frozenset(
    {PhysicalClass.POWER_SUPPLY, PhysicalClass.FAN, PhysicalClass.BATTERY, PhysicalClass.STORAGE_DRIVE,
     PhysicalClass.MODULE, PhysicalClass.MEMORY}
)  # fmt: skip
CONDITION_VALUES: Final[Mapping[Condition, float]] = {
    Condition.OK: 0.0, Condition.WARNING: 1.0, Condition.FAILED: 2.0, Condition.MISSING: 3.0,
}  # fmt: skip
MOST_ITEMS: Final = 1000  # of one device: whoever makes up names must not fill the ledger
MOST_OF_A_KIND: Final = 64  # readings of one quantity: a chassis full of optics has hundreds of temperatures
_MOST_CHARACTERS: Final = 120
_HOURS: Final = 24


def item(kind: str, name: str) -> str:
    """Return what a thing is called in the ledger."""
    return f"{kind}:{name[:_MOST_CHARACTERS]}"


def kind_of(name: str) -> str:
    """Return the kind of an item."""
    return name.partition(":")[0]


def named(kind: str, things: Iterable[tuple[str, str, float]]) -> Iterator[tuple[str, float]]:
    """Yield item and value of each (key, name, value): two of one name are told apart by their keys."""
    used: set[str] = set()
    for key, name, value in things:
        found = item(kind, name or key)
        if found in used:
            found = item(kind, f"{name} ({key})")
        used.add(found)
        yield found, value


def gauges(hardware: Hardware) -> dict[str, float]:
    """Return the items that have a value at every poll, with their values; a store's is the used ratio."""
    out: dict[str, float] = {}
    for quantity in sorted(KEPT):
        found = [(one.key, one.name, one.value) for one in hardware.readings if one.quantity == quantity]
        if quantity == STORAGE:
            stores = [one for one in hardware.stores if one.size_octets > 0]
            names = {one.name for one in stores}
            found = [one for one in found if one[1] not in names]  # two tables tell of the same file system
            found = [(one.key, one.name, one.used_octets / one.size_octets) for one in stores] + found
        out.update(named(quantity, found[:MOST_OF_A_KIND]))
    return out


def parts(hardware: Hardware) -> dict[str, Condition]:
    """Return the items of parts that can be missing, with their condition."""
    said = [one for one in hardware.entities if one.condition is not None and one.physical_class in PARTS]
    names = named(PART, [(one.key, one.name, 0.0) for one in said])
    return {name: one.condition for (name, _), one in zip(names, said, strict=True) if one.condition is not None}


def interface_errors(interfaces: Sequence[Interface], traffic: Traffic | None, seconds: float) -> dict[str, float]:
    """Return errors of both directions between two polls, by item; interfaces without any are left out.

    Args:
        traffic: in the order of `interfaces`.
        seconds: between the polls.
    """
    if traffic is None:
        return {}
    rates = np.nan_to_num(traffic.received.errors_per_second) + np.nan_to_num(traffic.sent.errors_per_second)
    return {
        item(INTERFACE_ERRORS, interfaces[place].name): float(rates[place]) * seconds
        for place in (rates > 0).nonzero()[0].tolist()
    }


def _errors_total(interfaces: Sequence[Interface], traffic: Traffic | None) -> Iterator[tuple[str, float]]:
    totals = traffic.errors_total if traffic is not None else None
    if totals is not None:
        for one, total in zip(interfaces, totals.tolist(), strict=True):
            if not isnan(total):
                yield item(INTERFACE_ERRORS, one.name), total


@dataclass(slots=True)
class _Day:
    """The day of one device that is not over."""

    day: date
    hours: set[int] = field(default_factory=set)
    samples: dict[str, "array[float]"] = field(default_factory=dict)
    sampled: set[int] = field(default_factory=set)
    grown: dict[str, float] = field(default_factory=dict)
    conditions: dict[str, float] = field(default_factory=dict)
    is_kept: bool = False  # the ledger has it as it is


class DayBook:
    """Collects what one device's polls say, a day at a time."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._now: _Day | None = None
        self._totals: dict[str, float] = {}
        self._states: dict[str, tuple[OperStatus | None, int]] = {}
        self._uptime: tuple[datetime, float] | None = None
        self._ports: tuple[Sequence[Interface], Traffic | None] = ((), None)
        self._gap: Gap | None = None

    def go_on(self, last: LastReadings) -> None:
        """Hold the first readings against these, which another run of the agent has left."""
        self._gap = Gap(last)

    def last(self) -> LastReadings | None:
        """Return what was read last, for the next run; None where no uptime was: nothing could be proven by it."""
        if self._uptime is None:
            return None
        interfaces, traffic = self._ports
        return LastReadings(
            *self._uptime,
            totals=self._totals | dict(_errors_total(interfaces, traffic)),
            up=tuple(item(FLAPS, one.name) for one in interfaces if one.oper is OperStatus.UP),
        )

    def resume(self, values: Iterable[Wear]) -> None:
        """Go on with a day whose first part is in the ledger: what has grown before counts.

        Args:
            values: of one day, as `values` gave them; those of other devices are left out.
        """
        for one in values:
            if one.target != self._target:
                continue
            day = self._at(one.day)
            if kind_of(one.item) in COUNTED:
                day.grown[one.item] = day.grown.get(one.item, 0.0) + one.value
            elif one.item == OBSERVED:
                day.hours |= set(range(-int(one.value), 0))  # which ones is not known; there are so many

    def take(self, at: datetime, hardware: Hardware) -> tuple[Wear, ...]:
        """Take a poll; return the values of the day before when this is the first one of a day.

        Args:
            at: when the poll was; its date decides, so in the zone of the agent's place.
        """
        ended = self._turned(at.date())
        day = self._at(at.date())
        day.hours.add(at.hour)
        if at.hour not in day.sampled:  # one value an hour is enough for a median
            day.sampled.add(at.hour)
            for name, value in gauges(hardware).items():
                if len(day.samples) < MOST_ITEMS or name in day.samples:
                    day.samples.setdefault(name, array("d")).append(value)
        day.conditions |= {name: CONDITION_VALUES[said] for name, said in parts(hardware).items()}
        for counter in hardware.counters:
            self._count(day, counter)
        self._close_gap(day)
        return ended

    def add(self, at: datetime, grown: Mapping[str, float]) -> tuple[Wear, ...]:
        """Take what has grown since the poll before; returns as `take`."""
        ended = self._turned(at.date())
        day = self._at(at.date())
        day.hours.add(at.hour)
        for name, growth in grown.items():
            if growth > 0 and (name in day.grown or len(day.grown) < MOST_ITEMS):
                day.grown[name] = day.grown.get(name, 0.0) + growth
        return ended

    def take_interfaces(
        self, at: datetime, interfaces: Sequence[Interface], traffic: Traffic | None = None
    ) -> tuple[Wear, ...]:
        """Count how often interfaces that should be up went down since the poll before; returns as `take`.

        Args:
            traffic: in the order of `interfaces`; its totals are held against those of the agent's former run.
        """
        self._ports = interfaces, traffic
        if self._gap is not None:
            for name, total in _errors_total(interfaces, traffic):
                self._gap.count(name, total)
            for one in interfaces:
                self._gap.see(item(FLAPS, one.name), at, one)
        grown: dict[str, float] = {}
        for one in interfaces:
            before = self._states.get(one.name)
            self._states[one.name] = one.oper, one.flaps
            if before is None or one.admin is AdminStatus.DOWN:
                continue
            went = before[0] is OperStatus.UP and one.oper is not OperStatus.UP and one.oper is not None
            grown[item(FLAPS, one.name)] = float(went) + max(0, one.flaps - before[1])
        return self.add(at, grown)

    def take_uptime(
        self, at: datetime, seconds: float, covered: Callable[[datetime], bool] = lambda _: False
    ) -> tuple[Wear, ...]:
        """Count a restart since the poll before, told from sysUpTime's own wrap; returns as `take`.

        Several restarts since then are one: a device tells only when it began last.

        Args:
            seconds: for which the device has been up.
            covered: says whether maintenance was announced for a moment: then a restart is somebody's work.
        """
        before, self._uptime = self._uptime, (at, seconds)
        since = Uptime.UNKNOWN
        if before is not None:
            former, ticks = (round(value * TICKS_PER_SECOND) for value in (before[1], seconds))
            since = uptime(former, ticks, (at - before[0]).total_seconds())
        elif self._gap is not None:
            since = self._gap.settle(at, seconds)
        if since is Uptime.RESTARTED:
            self._gap = None  # whatever it counted began anew
            began = at - timedelta(seconds=seconds)
            return self.add(at, {} if covered(began) or covered(at) else {REBOOTS: 1.0})
        ended = self.add(at, {})
        self._close_gap(self._at(at.date()))
        if self._gap is not None and self._gap.over(at):
            self._gap = None
        return ended

    def values(self) -> tuple[Wear, ...]:
        """Return those of the day that is not over, as far as it has come."""
        return () if self._now is None else self._of(self._now)

    def keep(self) -> tuple[Wear, ...]:
        """Return them to be kept: the day's end gives them no more, unless something is added."""
        if self._now is not None:
            self._now.is_kept = True
        return self.values()

    def owe(self) -> None:
        """Take back that they are kept: they could not be written."""
        if self._now is not None:
            self._now.is_kept = False

    def _turned(self, day: date) -> tuple[Wear, ...]:
        if self._now is None or self._now.day >= day:  # a clock that was set back stays on its day
            return ()
        ended, self._now = self._now, None
        return () if ended.is_kept else self._of(ended)

    def _at(self, day: date) -> _Day:
        if self._now is None or self._now.day < day:
            self._now = _Day(day)
        self._now.is_kept = False
        return self._now

    def _close_gap(self, day: _Day) -> None:
        for name, growth in (self._gap.grown() if self._gap is not None else {}).items():
            if name in day.grown or len(day.grown) < MOST_ITEMS:
                day.grown[name] = day.grown.get(name, 0.0) + growth

    def _count(self, day: _Day, counter: Counter) -> None:
        name = item(counter.what, counter.name or counter.key)
        before = self._totals.get(name)
        if before is None and len(self._totals) >= MOST_ITEMS:
            return
        self._totals[name] = counter.total
        if before is None and self._gap is not None:
            self._gap.count(name, counter.total)
        # from a counter that went back (a restart, another disk) nothing is known of the time between
        if before is not None and counter.total > before:
            day.grown[name] = day.grown.get(name, 0.0) + counter.total - before

    def _of(self, day: _Day) -> tuple[Wear, ...]:
        # a part that is well is written once a week: that it was there is all that is asked of it later
        weekly = day.day.weekday() == 0
        out = {OBSERVED: float(min(len(day.hours), _HOURS))}
        out |= {name: median(samples) for name, samples in day.samples.items()}
        out |= {name: value for name, value in day.conditions.items() if value or weekly}
        out |= day.grown
        return tuple([Wear(self._target, name, day.day, value) for name, value in sorted(out.items())])

"""What a day did to each thing that wears: gathered look by look, one value a day.

Of a counter its growth, of everything else the day's median: one hot minute or one full night is no trend.
"""

from array import array
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import date
from math import isfinite
from statistics import median
from typing import Final, TypeVar

from agent.core.hardware import Hardware, Wear

_VALUES: Final = 24  # of one thing a day: past that each second one goes, so that they stay spread over the day
_ITEMS: Final = 512  # of one device: a chassis with 500 ports; what would be more is a device that makes keys up

T = TypeVar("T")


class DayBook:
    """The present day of every device."""

    def __init__(self, day: date) -> None:
        """Begin a day."""
        self.day = day
        self._totals: dict[str, dict[str, float]] = {}  # counters at the last look; outlast the day
        self._growth: dict[str, dict[str, float]] = {}
        self._values: dict[str, dict[str, array[float]]] = {}
        self._written: dict[str, dict[str, float]] = {}  # of this day before a restart, until it is seen again

    def resume(self, values: Iterable[Wear]) -> None:
        """Go on from what was written of this day before; what is of another day is left out."""
        for one in values:
            if one.day == self.day:
                self._written.setdefault(one.target, {})[one.item] = one.value

    def take(self, target: str, hardware: Hardware) -> None:
        """Take one look at a device.

        A counter that is lower than before began anew: what it counts now has come to it since. The first look at a
        counter says nothing of today.
        """
        written = self._written.get(target, {})
        totals, growth = self._totals.setdefault(target, {}), self._growth.setdefault(target, {})
        for counter in hardware.counters:
            item = f"{counter.what}:{counter.key}"
            before = totals.get(item)
            if before is None and len(totals) >= _ITEMS:
                continue
            totals[item] = counter.total
            if item in written:
                growth[item] = written.pop(item)
            if before is not None:
                more = counter.total - before if counter.total >= before else counter.total
                growth[item] = growth.get(item, 0.0) + more
        values = self._values.setdefault(target, {})
        for item, value in _measured(hardware):
            if item not in values:
                if len(values) >= _ITEMS:
                    continue
                values[item] = _begun()
                if item in written:
                    _add(values[item], written.pop(item))
            _add(values[item], value)

    def forget(self, target: str) -> None:
        """Forget a device: another piece of hardware is there, or none."""
        for store in (self._totals, self._growth, self._values, self._written):
            store.pop(target, None)

    def rename(self, names: Mapping[str, str]) -> None:
        """Let devices go on under other names: old -> new."""
        for store in (self._totals, self._growth, self._written):
            _moved(store, names)
        _moved(self._values, names)

    def keep(self, names: Container[str]) -> None:
        """Forget every device but these."""
        known = {*self._totals, *self._growth, *self._values, *self._written}
        for name in known:
            if name not in names:
                self.forget(name)

    def so_far(self) -> Iterator[Wear]:
        """Yield the day's values as they are now, in order of devices and of each device's things."""
        for name in sorted({*self._growth, *self._values, *self._written}):
            items = dict(self._growth.get(name, {}))
            items |= {item: median(row[2:]) for item, row in self._values.get(name, {}).items()}
            items |= self._written.get(name, {})
            for item in sorted(items):
                yield Wear(name, item, self.day, items[item])

    def turn(self, day: date) -> "DayBook":
        """End the day and begin another; return the one that ended, which nobody changes any more. Counters go on."""
        ended = DayBook(self.day)
        ended._growth, ended._values, ended._written = self._growth, self._values, self._written
        self.day = day
        self._growth, self._values, self._written = {}, {}, {}
        return ended


def _begun() -> "array[float]":
    """Return an empty row of values: how many have passed, of how many each one is kept, then those that are kept.

    An array, and no object with attributes: half a million of them would hold up the garbage collector.
    """
    return array("d", (0.0, 1.0))


def _add(row: "array[float]", value: float) -> None:
    passed, each = row[0], row[1]
    if passed % each == 0:
        if len(row) == _VALUES + 2:
            row[2:] = row[2::2]
            row[1] = 2 * each
        row.append(value)
    row[0] = passed + 1


def _moved(store: dict[str, T], names: Mapping[str, str]) -> None:
    """Move what is kept under old names to new ones; two may change places."""
    taken = [(new, store.pop(old)) for old, new in names.items() if old in store]
    store.update(taken)


def _measured(hardware: Hardware) -> Iterable[tuple[str, float]]:
    for reading in hardware.readings:
        if isfinite(reading.value):  # a NaN has no place in a median
            yield f"{reading.quantity}:{reading.key}", reading.value
    for store in hardware.stores:
        yield f"storage:{store.key}", store.used_octets

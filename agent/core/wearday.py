"""What a day did to each thing that wears: gathered look by look, one value a day.

Of a counter its growth, of everything else the day's median: one hot minute or one full night is no trend.
"""

from array import array
from collections.abc import Container, Iterable, Mapping
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
        self._values: dict[str, dict[str, _Values]] = {}
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
                values[item] = _Values()
                if item in written:
                    values[item].add(written.pop(item))
            values[item].add(value)

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

    def so_far(self) -> list[Wear]:
        """Return the day's values as they are now, in order of devices and things."""
        found = []
        for store in (self._growth, self._written):
            found += [Wear(name, item, self.day, value) for name, of in store.items() for item, value in of.items()]
        for name, kept in self._values.items():
            found += [Wear(name, item, self.day, values.median) for item, values in kept.items()]
        return sorted(found, key=lambda one: (one.target, one.item))

    def turn(self, day: date) -> list[Wear]:
        """End the day and begin another; return the values of the one that ended. Counters go on."""
        ended = self.so_far()
        self.day = day
        self._growth.clear()
        self._values.clear()
        self._written.clear()
        return ended


class _Values:
    """Values of one thing, spread over the day."""

    __slots__ = ("_each", "_kept", "_passed")

    def __init__(self) -> None:
        self._kept = array("d")
        self._each = 1
        self._passed = 0

    def add(self, value: float) -> None:
        if self._passed % self._each == 0:
            if len(self._kept) == _VALUES:
                self._kept = self._kept[::2]
                self._each *= 2
            self._kept.append(value)
        self._passed += 1

    @property
    def median(self) -> float:
        return median(self._kept)


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

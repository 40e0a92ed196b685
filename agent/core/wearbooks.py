"""The present day of every device, and the days that have just ended. Pure."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import date, datetime

from agent.core.hardware import Hardware, Wear
from agent.core.model import Interface
from agent.core.traffic import Traffic
from agent.core.weardays import DayBook, interface_errors


class DayBooks:
    """A book for each device."""

    def __init__(self, day: date) -> None:
        """Begin a day."""
        self.day = day
        self._books: dict[str, DayBook] = {}
        self._ended: list[Wear] = []
        self._polled_at: dict[str, datetime] = {}

    def resume(self, values: Iterable[Wear]) -> None:
        """Go on from what was written of this day before; what is of another day is left out."""
        by_target: dict[str, list[Wear]] = defaultdict(list)
        for one in values:
            if one.day == self.day:
                by_target[one.target].append(one)
        for target, ones in by_target.items():
            self._book(target).resume(ones)

    def take(self, target: str, hardware: Hardware) -> None:
        """Take one look at a device's hardware."""
        self._ended += self._book(target).take(hardware.at, hardware)

    def take_poll(
        self, target: str, at: datetime, interfaces: Sequence[Interface], traffic: Traffic | None,
        uptime_seconds: float | None, *, covered: bool,
    ) -> None:  # fmt: skip
        """Take a poll of a device.

        Args:
            covered: maintenance is announced for it: then a restart is somebody's work.
        """
        book, before = self._book(target), self._polled_at.get(target)
        self._polled_at[target] = at
        self._ended += book.take_interfaces(at, interfaces)
        if before is not None:
            self._ended += book.add(at, interface_errors(interfaces, traffic, (at - before).total_seconds()))
        if uptime_seconds is not None:
            self._ended += book.take_uptime(at, uptime_seconds, covered=covered)

    def turn(self, day: date) -> list[Wear]:
        """Begin another day; return the values of those that have ended."""
        self.day = day
        for book in self._books.values():
            self._ended += book.turn(day)
        ended, self._ended = self._ended, []
        return ended

    def so_far(self) -> list[Wear]:
        """Return what is not written yet: days that have ended, and the present one as it is now."""
        return self._ended + [one for book in self._books.values() for one in book.values()]

    def forget(self, target: str) -> None:
        """Forget a device: another piece of hardware is there, or none."""
        self._books.pop(target, None)
        self._polled_at.pop(target, None)

    def rename(self, names: Mapping[str, str]) -> None:
        """Let devices go on under other names: old -> new; two may change places."""
        moved = [(new, self._books.pop(old)) for old, new in names.items() if old in self._books]
        for new, book in moved:
            book.rename(new)
        self._books.update(moved)
        self._polled_at.update(
            [(new, self._polled_at.pop(old)) for old, new in names.items() if old in self._polled_at]
        )

    def keep(self, names: Container[str]) -> None:
        """Forget every device but these."""
        for name in [name for name in self._books if name not in names]:
            self.forget(name)

    def _book(self, target: str) -> DayBook:
        if (book := self._books.get(target)) is None:
            book = self._books[target] = DayBook(target)
        return book

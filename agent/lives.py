"""The lives of pieces of hardware, kept in the ledger: which one answers under a name, and what each day does to it."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Final

from agent.core.hardware import Condition, Hardware, Piece, Wear
from agent.core.model import Event, Target
from agent.core.picture import DevicePoll
from agent.core.pieces import replaced_event, see, serials
from agent.core.ports import DetectorState, Ledger
from agent.core.weardays import CONDITION_VALUES, PART, DayBook, interface_errors, kind_of
from agent.core.weargap import LastReadings

_log = logging.getLogger(__name__)

READINGS: Final = "readings"  # what is kept of a device beside what detectors have learnt
_BOOKS_AT_ONCE: Final = 200
_WRITTEN_AT_ONCE: Final = 2_000  # some 20 ms of the ledger's writer, the longest that an event waits behind them
MISSING: Final = CONDITION_VALUES[Condition.MISSING]
_CLOSE_SECONDS: Final = 2.0  # of the five that systemd is promised for a stop; the day so far is no evidence
_HISTORY_DAYS: Final = 400  # a year and a month: what comes back each summer is no trend


class Lives:
    """Pieces and days of every device."""

    def __init__(self, ledger: Ledger, day: date) -> None:
        """Take where both are kept."""
        self._ledger = ledger
        self.day = day
        self._books: dict[str, DayBook] = {}
        self._ended: list[Wear] = []
        self._parts: dict[str, tuple[Wear, ...]] = {}
        self._polled: dict[str, datetime] = {}
        self._pieces: dict[str, tuple[Piece, ...]] = {}
        self._looked: dict[str, datetime] = {}  # when the hardware of each device was seen last

    def of(self, name: str) -> tuple[Piece, ...]:
        """Return the pieces of a device, the present one last."""
        return self._pieces.get(name, ())

    async def begin(self, targets: Mapping[str, Target]) -> None:
        """Go on from the ledger; a device that has another name now is found by its former one."""
        if self._ledger.problem:
            return
        names = {target.renamed_from: name for name, target in targets.items()}
        found: dict[str, dict[datetime, Piece]] = {}
        for piece in await self._ledger.pieces():
            name = piece.target if piece.target in targets else names.get(piece.target, piece.target)
            found.setdefault(name, {})[piece.first_seen] = replace(piece, target=name)
        self._pieces = {name: tuple(pieces[at] for at in sorted(pieces)) for name, pieces in found.items()}
        values: dict[str, list[Wear]] = {}
        for one in await self._ledger.wear(self.day):
            values.setdefault(one.target, []).append(one)
        for name, written in values.items():
            self._book(name).resume(written)
        for state in await self._ledger.detectors(READINGS):
            self._go_on(state.target if state.target in targets else names.get(state.target, state.target), state)

    def _go_on(self, name: str, kept: DetectorState) -> None:
        """Hold the first readings of a device against the last ones; those of a piece that is gone say nothing."""
        try:
            last = LastReadings.unpacked(kept.state)
        except ValueError as error:
            _log.warning("%s: what its counters stood at is not known: %s", name, error)
            return
        pieces = self.of(name)
        if not pieces or last.at >= pieces[-1].first_seen:
            self._book(name).go_on(last)

    def _book(self, name: str) -> DayBook:
        return self._books.setdefault(name, DayBook(name))

    def take(self, name: str, seen: Hardware, events: list[Event]) -> Sequence[Piece]:
        """Take one look at a device.

        Args:
            events: takes what has happened: hardware that was replaced.

        Returns:
            The pieces to keep.
        """
        serial, parts = serials(seen)
        sighting = see(self.of(name), name, serial, parts, seen.at, self._looked.get(name))
        self._pieces[name] = sighting.pieces
        self._looked[name] = seen.at
        if sighting.replaced is not None:
            everywhere = (piece for pieces in self._pieces.values() for piece in pieces)
            events.append(replaced_event(sighting.replaced, sighting.pieces[-1], everywhere))
            self._books.pop(name, None)
            self._parts.pop(name, None)
        self._ended += self._book(name).take(seen.at, seen)
        return sighting.changed

    def take_poll(self, name: str, poll: DevicePoll, covered: Callable[[datetime], bool]) -> None:
        """Take what a poll says of interfaces and of restarts.

        Args:
            covered: says whether maintenance was announced for a moment: then a restart is somebody's work.
        """
        before, self._polled[name] = self._polled.get(name), poll.at
        book = self._book(name)
        if poll.interfaces:
            seconds = (poll.at - before).total_seconds() if before is not None else 0.0
            self._ended += book.add(poll.at, interface_errors(poll.interfaces, poll.traffic, seconds))
            self._ended += book.take_interfaces(poll.at, poll.interfaces, poll.traffic)
        uptime = next((fact.value for fact in poll.facts if fact.name == "uptime_seconds"), None)
        if isinstance(uptime, float):
            self._ended += book.take_uptime(poll.at, uptime, covered)

    async def keep(self, pieces: Sequence[Piece]) -> None:
        """Keep what a look has changed."""
        if pieces:
            await self._ledger.record_pieces(pieces)

    async def history(self, name: str) -> tuple[Wear, ...]:
        """Return the daily values of the piece that is there now, of a year and a month."""
        if self._ledger.problem:
            return ()
        values: Iterable[Wear] = await self._ledger.wear(self.day - timedelta(days=_HISTORY_DAYS), name)
        pieces = self.of(name)
        if len(pieces) > 1:  # the day of the replacement belongs to both
            values = (one for one in values if one.day > pieces[-1].first_seen.date())
        kept = tuple(values)
        there = {one.item: one for one in kept if kind_of(one.item) == PART and one.value < MISSING}
        self._parts[name] = tuple(there.values())
        return kept

    def parts(self, name: str) -> tuple[Wear, ...]:
        """Return one day of each part that was there once: one that is missing now is no slot that is always empty."""
        return self._parts.get(name, ())

    async def turn(self, today: date) -> None:
        """End the day and keep it; what is polled a little late is added to it with the next day's first poll."""
        self.day = today
        await self._write()

    async def keep_ended(self) -> None:
        """Keep the days that polls have ended since."""
        ended, self._ended = self._ended, []
        for start in range(0, len(ended), _WRITTEN_AT_ONCE):
            await self._ledger.record_wear(ended[start : start + _WRITTEN_AT_ONCE])

    async def close(self) -> None:
        """Keep the day as it is so far, and when each piece was seen last."""
        seen = []
        for name, pieces in self._pieces.items():
            at = self._looked.get(name)
            if at is not None and pieces[-1].gone_at is None and at > pieces[-1].last_seen:
                seen.append(replace(pieces[-1], last_seen=at))
        await self.keep(seen)
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.keep_ended()
                await self._write()
        except TimeoutError:
            _log.warning("the stop did not wait until the day's values of all hardware were kept")

    def swap(self, targets: Mapping[str, Target], renamed: Mapping[str, str]) -> None:
        """Follow a new configuration; what is in it no more is forgotten here, and stays in the ledger."""
        moved = [(new, self._pieces[old]) for old, new in renamed.items() if old in self._pieces]
        self._pieces |= {new: tuple(replace(piece, target=new) for piece in pieces) for new, pieces in moved}
        self._looked |= {new: self._looked[old] for old, new in renamed.items() if old in self._looked}
        self._pieces = {name: pieces for name, pieces in self._pieces.items() if name in targets}
        self._looked = {name: at for name, at in self._looked.items() if name in targets}
        self._books |= {new: _moved(self._books[old], new) for old, new in renamed.items() if old in self._books}
        self._parts = {name: parts for name, parts in self._parts.items() if name in targets}
        self._books = {name: book for name, book in self._books.items() if name in targets}

    async def _write(self) -> None:
        """Write days, and with them the readings up to which they have counted."""
        books = iter(tuple(self._books.items()))
        while some := list(islice(books, _BOOKS_AT_ONCE)):
            # first the readings: what a stop in between leaves out is lost, and not counted twice
            await self._ledger.record_detectors(await asyncio.to_thread(_readings, some))
            values = (one for _, book in some for one in book.keep())
            while part := await asyncio.to_thread(list, islice(values, _WRITTEN_AT_ONCE)):
                await self._ledger.record_wear(part)
            if self._ledger.problem:
                for _, book in some:
                    book.owe()


def _readings(books: Iterable[tuple[str, DayBook]]) -> list[DetectorState]:
    last = [(name, book.last()) for name, book in books]
    return [DetectorState(name, "", READINGS, one.at, one.packed()) for name, one in last if one is not None]


def _moved(book: DayBook, name: str) -> DayBook:
    """Return a day under another name; what it has counted goes on."""
    made = DayBook(name)
    made.resume([replace(one, target=name) for one in book.values()])
    if (last := book.last()) is not None:
        made.go_on(last)
    return made

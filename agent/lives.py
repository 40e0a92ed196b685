"""The lives of pieces of hardware, kept in the ledger: which one answers under a name, and what each day does to it."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Final, Protocol

from agent.core.hardware import Hardware, Piece, Wear
from agent.core.model import Event, Target
from agent.core.pieces import replaced_event, see, serials
from agent.core.ports import Ledger
from agent.core.wearday import DayBook

_WRITTEN_AT_ONCE: Final = 2_000  # some 20 ms of the ledger's writer, the longest that an event waits behind them
_HISTORY_DAYS: Final = 400  # a year and a month: what comes back each summer is no trend


class WearStore(Protocol):
    """Where daily values are kept."""

    async def record_wear(self, values: Sequence[Wear]) -> None:
        """Keep values, each instead of what was known of its thing and day."""

    async def wear(self, target: str | None, since: date) -> Sequence[Wear]:
        """Return the values of a device, or of all, from a day on."""


class NoWear:
    """Keeps nothing."""

    async def record_wear(self, values: Sequence[Wear]) -> None:
        """Drop them."""

    async def wear(self, target: str | None, since: date) -> Sequence[Wear]:  # noqa: ARG002 - as `WearStore`
        """Return nothing."""
        return ()


class Lives:
    """Pieces and days of every device."""

    def __init__(self, ledger: Ledger, wear: WearStore, day: date) -> None:
        """Take where both are kept."""
        self._ledger = ledger
        self._wear = wear
        self._book = DayBook(day)
        self._pieces: dict[str, tuple[Piece, ...]] = {}
        self._looked: dict[str, datetime] = {}  # when the hardware of each device was seen last

    @property
    def day(self) -> date:
        """The day that is gathered now."""
        return self._book.day

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
        self._book.resume(await self._wear.wear(None, self.day))

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
            self._book.forget(name)
        self._book.take(name, seen)
        return sighting.changed

    async def keep(self, pieces: Sequence[Piece]) -> None:
        """Keep what a look has changed."""
        if pieces:
            await self._ledger.record_pieces(pieces)

    async def history(self, name: str) -> tuple[Wear, ...]:
        """Return the daily values of the piece that is there now, of a year and a month."""
        if self._ledger.problem:
            return ()
        values: Iterable[Wear] = await self._wear.wear(name, self.day - timedelta(days=_HISTORY_DAYS))
        pieces = self.of(name)
        if len(pieces) > 1:  # the day of the replacement belongs to both
            values = (one for one in values if one.day > pieces[-1].first_seen.date())
        return tuple(values)

    async def turn(self, today: date) -> None:
        """End the day and keep it."""
        await self._write(self._book.turn(today))

    async def close(self) -> None:
        """Keep the day as it is so far, and when each piece was seen last."""
        seen = []
        for name, pieces in self._pieces.items():
            at = self._looked.get(name)
            if at is not None and pieces[-1].gone_at is None and at > pieces[-1].last_seen:
                seen.append(replace(pieces[-1], last_seen=at))
        await self.keep(seen)
        await self._write(self._book)

    def swap(self, targets: Mapping[str, Target], renamed: Mapping[str, str]) -> None:
        """Follow a new configuration; what is in it no more is forgotten here, and stays in the ledger."""
        moved = [(new, self._pieces[old]) for old, new in renamed.items() if old in self._pieces]
        self._pieces |= {new: tuple(replace(piece, target=new) for piece in pieces) for new, pieces in moved}
        self._looked |= {new: self._looked[old] for old, new in renamed.items() if old in self._looked}
        self._pieces = {name: pieces for name, pieces in self._pieces.items() if name in targets}
        self._looked = {name: at for name, at in self._looked.items() if name in targets}
        self._book.rename(renamed)
        self._book.keep(targets)

    async def _write(self, book: DayBook) -> None:
        values = book.so_far()
        while part := await asyncio.to_thread(list, islice(values, _WRITTEN_AT_ONCE)):
            await self._wear.record_wear(part)

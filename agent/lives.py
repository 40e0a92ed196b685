"""The lives of pieces of hardware, kept in the ledger: which one answers under a name, and what each day does to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from agent.core.hardware import Hardware, Piece, Wear
from agent.core.model import Event, Target
from agent.core.picture import DevicePoll
from agent.core.pieces import replaced_event, see, serials
from agent.core.ports import Ledger
from agent.core.wearbooks import DayBooks

_WRITTEN_AT_ONCE: Final = 2_000  # some 20 ms of the ledger's writer, the longest that an event waits behind them
_HISTORY_DAYS: Final = 400  # a year and a month: what comes back each summer is no trend


class Lives:
    """Pieces and days of every device."""

    def __init__(self, ledger: Ledger, day: date) -> None:
        """Take where both are kept."""
        self._ledger = ledger
        self._books = DayBooks(day)
        self._pieces: dict[str, tuple[Piece, ...]] = {}
        self._looked: dict[str, datetime] = {}  # when the hardware of each device was seen last

    @property
    def day(self) -> date:
        """The day that is gathered now."""
        return self._books.day

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
        self._books.resume(await self._ledger.wear(self.day))

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
            self._books.forget(name)
        self._books.take(name, seen)
        return sighting.changed

    def take_poll(self, name: str, poll: DevicePoll, *, covered: bool) -> None:
        """Take a poll that was answered: errors, flaps and restarts since the one before.

        Args:
            covered: maintenance is announced for the device.
        """
        uptime = next((fact.value for fact in poll.facts if fact.name == "uptime_seconds"), None)
        seconds = uptime if isinstance(uptime, float | int) else None
        self._books.take_poll(name, poll.at, poll.interfaces, poll.traffic, seconds, covered=covered)

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
        return tuple(values)

    async def turn(self, today: date) -> None:
        """End the day and keep it."""
        await self._write(self._books.turn(today))

    async def close(self) -> None:
        """Keep the day as it is so far, and when each piece was seen last."""
        seen = []
        for name, pieces in self._pieces.items():
            at = self._looked.get(name)
            if at is not None and pieces[-1].gone_at is None and at > pieces[-1].last_seen:
                seen.append(replace(pieces[-1], last_seen=at))
        await self.keep(seen)
        await self._write(self._books.so_far())

    def swap(self, targets: Mapping[str, Target], renamed: Mapping[str, str]) -> None:
        """Follow a new configuration; what is in it no more is forgotten here, and stays in the ledger."""
        moved = [(new, self._pieces[old]) for old, new in renamed.items() if old in self._pieces]
        self._pieces |= {new: tuple(replace(piece, target=new) for piece in pieces) for new, pieces in moved}
        self._looked |= {new: self._looked[old] for old, new in renamed.items() if old in self._looked}
        self._pieces = {name: pieces for name, pieces in self._pieces.items() if name in targets}
        self._looked = {name: at for name, at in self._looked.items() if name in targets}
        self._books.rename(renamed)
        self._books.keep(targets)

    async def _write(self, values: Sequence[Wear]) -> None:
        for begin in range(0, len(values), _WRITTEN_AT_ONCE):
            await self._ledger.record_wear(values[begin : begin + _WRITTEN_AT_ONCE])

"""Where people announce work and speak of outages: what they say is recorded, then taken by the pipeline."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from agent.core import notes
from agent.core.maintenance import MAX_WINDOWS, Window, about, check, present_or_next
from agent.core.model import Event, EventKind
from agent.core.notes import MAX_NOTES, Note, NoteKind
from agent.core.picture import Picture
from agent.core.ports import Ledger

_SAID: Final = {NoteKind.ACKNOWLEDGEMENT: "acknowledged", NoteKind.NOTE: "note"}


class Desk:
    """Takes windows, acknowledgements and notes.

    Args:
        heard: takes over the events of what was recorded, with all that follows from them.
    """

    def __init__(self, picture: Picture, ledger: Ledger, heard: Callable[[Sequence[Event]], Awaitable[None]]) -> None:
        self._picture = picture
        self._ledger = ledger
        self._heard = heard

    async def add_window(self, window: Window) -> Window:
        """Take a window; return it with its number.

        Raises:
            ValueError: it cannot be; one sentence.
            NotRecordedError: the ledger cannot be written.
        """
        await asyncio.to_thread(check, window)  # a rule that holds for no day takes a moment to look through
        now = datetime.now(UTC)
        if sum(present_or_next(known, now) is not None for known in self._picture.windows) >= MAX_WINDOWS:
            raise ValueError(f"there are {MAX_WINDOWS} windows that are not over: end some of them first")
        words = f"{window.author} added {window.kind.replace('_', '-')} of {about(window)}: {window.reason}"
        written, event = await self._ledger.add_window(window, self._event(now, "window added", words))
        await self._heard([event])
        return written

    async def end_window(self, number: int, author: str) -> Window | None:
        """Let a window end now, or never begin; None where there is none of that number.

        Raises:
            ValueError: it is over already.
            NotRecordedError: the ledger cannot be written.
        """
        now = datetime.now(UTC)
        known = next((window for window in self._picture.windows if window.id == number), None)
        if known is None:
            return None
        event = self._event(now, "window ended", f"{author} ended window {number}: {known.reason}")
        done = None
        if present_or_next(known, now) is not None:
            done = await self._ledger.cancel_window(number, now, event)
        if done is None:
            raise ValueError(f"window {number} is over already")
        await self._heard([done[1]])
        return done[0]

    async def note(self, note: Note) -> Note | None:
        """Take an acknowledgement or a note; None where there is no such outage.

        Raises:
            ValueError: it cannot be; one sentence.
            NotRecordedError: the ledger cannot be written.
        """
        notes.check(note)
        if len(await self._ledger.notes([note.outage])) >= MAX_NOTES:
            raise ValueError(f"outage {note.outage} has {MAX_NOTES} notes: no more are taken")
        now = datetime.now(UTC)
        words = " ".join(f"{note.author}: {note.text}".split()) if note.text else note.author
        written = await self._ledger.add_note(note, self._event(now, _SAID[note.kind], words, EventKind.NOTE))
        if written is None:
            return None
        await self._heard([written[1]])
        return written[0]

    def _event(self, now: datetime, new: str, reason: str, kind: EventKind = EventKind.AGENT) -> Event:
        return Event(kind, now, now, self._picture.estate.agent, "", new, reason)

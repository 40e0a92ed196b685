"""What people say of an outage: that they have taken it on, and whatever else belongs into the record."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

MAX_TEXT: Final = 4000  # characters: a supplier's answer, not its mail thread
MAX_AUTHOR: Final = 200
MAX_NOTES: Final = 200  # of one outage


class NoteKind(StrEnum):
    """What a note is."""

    ACKNOWLEDGEMENT = "acknowledgement"  # somebody has taken it on; its text may be empty
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that one person said of one outage.

    Attributes:
        id: the ledger's number, once written.
    """

    outage: int
    kind: NoteKind
    at: datetime
    author: str
    text: str
    id: int | None = None


def check(note: Note) -> None:
    """Refuse a note that cannot be.

    Raises:
        ValueError: one sentence, with what was expected.
    """
    if not note.author.strip() or len(note.author) > MAX_AUTHOR:
        raise ValueError(f"the author must be a name of 1 to {MAX_AUTHOR} characters")
    if len(note.text) > MAX_TEXT or (note.kind is NoteKind.NOTE and not note.text.strip()):
        raise ValueError(f"the text must have 1 to {MAX_TEXT} characters")


def acknowledgement(notes: Iterable[Note]) -> Note | None:
    """Return who took an outage on last; None while nobody has."""
    found = [note for note in notes if note.kind is NoteKind.ACKNOWLEDGEMENT]
    return found[-1] if found else None

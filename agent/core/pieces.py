"""Which piece of hardware answers under a name: one follows the other, and each begins a life of its own."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from agent.core.hardware import Hardware, Piece
from agent.core.model import Event, EventKind

WRITE_EACH: Final = timedelta(days=1)  # how old `last_seen` of the ledger may be while an agent runs
_KEPT: Final = 16  # pieces of one name that are remembered; a slot that changes its card each day needs no more


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one look says of the pieces under a name.

    Attributes:
        pieces: all that are known, the present one last.
        changed: those to write.
        replaced: the one before, where another one has taken its place.
    """

    pieces: tuple[Piece, ...]
    changed: tuple[Piece, ...] = ()
    replaced: Piece | None = None


def see(
    known: Sequence[Piece],
    target: str,
    serial: str,
    also: Collection[str],
    at: datetime,
    before: datetime | None = None,
) -> Sighting:
    """Take a look at what answers under a name.

    A serial number that was not told before belongs to the piece that is there. One that is not told now says nothing.
    Where the former number is still on one of the parts (a member of a stack), nothing was replaced: another part
    speaks first.

    Args:
        known: pieces of this name, the present one last.
        serial: what it tells now; "" where it tells none.
        also: serial numbers of its parts.
        before: when it was looked at last; None where that is not known.
    """
    serial = serial.strip()
    present = known[-1] if known and known[-1].gone_at is None else None
    if present is None:
        first = Piece(target, serial, at, at)
        return Sighting((*known, first)[-_KEPT:], (first,))
    if serial and present.serial and serial != present.serial and present.serial not in also:
        gone = replace(present, last_seen=max(present.last_seen, before or present.last_seen), gone_at=at)
        # the ledger knows a piece by its name and first moment
        fresh = Piece(target, serial, max(at, present.first_seen + timedelta(microseconds=1)), at)
        return Sighting((*known[:-1], gone, fresh)[-_KEPT:], (gone, fresh), gone)
    learnt = present.serial or serial
    if learnt == present.serial and at - present.last_seen < WRITE_EACH:
        return Sighting(tuple(known))
    seen = replace(present, serial=learnt, last_seen=max(at, present.last_seen))
    return Sighting((*known[:-1], seen), (seen,))


def serials(hardware: Hardware) -> tuple[str, frozenset[str]]:
    """Return the serial number of the whole ("" where it tells none), and those of its parts."""
    fact = hardware.fact("serial")
    parts = frozenset(entity.serial.strip() for entity in hardware.entities if entity.serial)
    return (str(fact.value) if fact is not None else ""), parts


def replaced_event(old: Piece, new: Piece, known: Iterable[Piece]) -> Event:
    """Return the event that tells of replaced hardware, in plain words.

    Args:
        known: pieces of every name: one that was seen elsewhere, or here before, is no new one.
    """
    before = [piece for piece in known if piece.serial == new.serial and piece is not new]
    reason = (
        f"the hardware was replaced: serial number {new.serial} answers where {old.serial} did, "
        f"which was there since {old.first_seen:%Y-%m-%d}"
    )
    if before:
        places = sorted({piece.target for piece in before})
        reason += f"; {new.serial} was seen before as {', '.join(places)}"
    return Event(
        EventKind.HARDWARE, new.first_seen, new.first_seen, new.target, old.serial, new.serial, reason,
        evidence=(("first_seen", old.first_seen.isoformat()), ("last_seen", old.last_seen.isoformat())),
    )  # fmt: skip

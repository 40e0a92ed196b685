"""Which piece answers under a name: tables of looks, and what follows from each."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent.core.hardware import Entity, Fact, Hardware, PhysicalClass, Piece
from agent.core.model import EventKind
from agent.core.pieces import replaced_event, see, serials

START = datetime(2026, 3, 1, tzinfo=UTC)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("looks", "lives"),
    [
        # (hours, serial, serial numbers of parts) -> (serial, first, gone)
        ([(0, "A", "")], [("A", 0, None)]),
        ([(0, "A", ""), (1, "A", "")], [("A", 0, None)]),
        ([(0, "", ""), (1, "A", "")], [("A", 0, None)]),  # it was not told before
        ([(0, "A", ""), (1, "", "")], [("A", 0, None)]),  # not told now
        ([(0, "A", ""), (1, " A ", "")], [("A", 0, None)]),
        ([(0, "A", ""), (1, "B", "")], [("A", 0, 1), ("B", 1, None)]),
        ([(0, "A", ""), (1, "B", "C")], [("A", 0, 1), ("B", 1, None)]),
        ([(0, "A", "A B"), (1, "B", "A B")], [("A", 0, None)]),  # another member of the stack speaks first
        ([(0, "A", ""), (1, "B", ""), (2, "A", "")], [("A", 0, 1), ("B", 1, 2), ("A", 2, None)]),
        ([(0, "", ""), (1, "", "")], [("", 0, None)]),
    ],
)
def test_lives(looks: list[tuple[float, str, str]], lives: list[tuple[str, float, float | None]]) -> None:
    pieces: tuple[Piece, ...] = ()
    written: dict[datetime, Piece] = {}
    for hours, serial, parts in looks:
        found = see(pieces, "sw", serial, frozenset(parts.split()), at(hours))
        pieces = found.pieces
        written |= {piece.first_seen: piece for piece in found.changed}
    assert [
        (piece.serial, (piece.first_seen - START).total_seconds() / 3600,
         None if piece.gone_at is None else (piece.gone_at - START).total_seconds() / 3600)
        for piece in pieces
    ] == lives  # fmt: skip
    assert tuple(written[first] for first in sorted(written)) == pieces


def test_the_last_sight_is_written_once_a_day() -> None:
    first = see((), "sw", "A", frozenset(), START).pieces
    assert see(first, "sw", "A", frozenset(), at(23.9)).changed == ()
    (later,) = see(first, "sw", "A", frozenset(), at(24)).changed
    assert (later.first_seen, later.last_seen) == (START, at(24))


def test_a_piece_that_is_gone_is_followed_by_another() -> None:
    gone = Piece("sw", "A", START, at(1), gone_at=at(2))
    assert see((gone,), "sw", "A", frozenset(), at(3)).changed == (Piece("sw", "A", at(3), at(3)),)


def test_what_was_replaced_was_there_until_the_look_before() -> None:
    first = see((), "sw", "A", frozenset(), START).pieces
    found = see(first, "sw", "B", frozenset(), at(5), at(4))
    assert found.replaced == Piece("sw", "A", START, at(4), gone_at=at(5))
    assert found.pieces[-1] == Piece("sw", "B", at(5), at(5))


def test_no_two_lives_begin_in_one_moment() -> None:
    """A clock that was set back: the ledger knows pieces by their first moment."""
    first = see((), "sw", "A", frozenset(), START).pieces
    found = see(first, "sw", "B", frozenset(), START - timedelta(hours=1))
    assert found.pieces[0].first_seen < found.pieces[1].first_seen


def test_only_the_last_pieces_are_remembered() -> None:
    pieces: tuple[Piece, ...] = ()
    for number in range(40):
        pieces = see(pieces, "sw", f"S{number}", frozenset(), at(number)).pieces
    assert (len(pieces), pieces[-1].serial) == (16, "S39")


def test_serial_numbers_of_the_whole_and_of_its_parts() -> None:
    part = Entity("1", PhysicalClass.MODULE, "module 1", serial=" M1 ")
    seen = Hardware(START, (Fact("serial", "A", "entPhysicalSerialNum"),), (part, replace(part, key="2", serial=None)))
    assert serials(seen) == ("A", frozenset({"M1"}))
    assert serials(Hardware(START)) == ("", frozenset())


def test_the_event_says_it_in_plain_words() -> None:
    old, new = Piece("sw", "A", START, at(4), at(5)), Piece("sw", "B", at(5), at(5))
    found = replaced_event(old, new, [old, new])
    assert (found.kind, found.target, found.old, found.new, found.at) == (EventKind.HARDWARE, "sw", "A", "B", at(5))
    assert found.reason == (
        "the hardware was replaced: serial number B answers where A did, which was there since 2026-03-01"
    )
    spare = Piece("spare-sw", "B", START, at(1))
    assert replaced_event(old, new, [old, new, spare]).reason.endswith("; B was seen before as spare-sw")

"""What people may say of an outage."""

from datetime import UTC, datetime

import pytest

from agent.core.notes import MAX_AUTHOR, MAX_TEXT, Note, NoteKind, acknowledgement, check

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ACK, NOTE = NoteKind.ACKNOWLEDGEMENT, NoteKind.NOTE


@pytest.mark.parametrize(
    ("note", "error"),
    [
        (Note(1, ACK, AT, "alice", ""), None),
        (Note(1, NOTE, AT, "alice", "cut at the ring road"), None),
        (Note(1, NOTE, AT, "alice", " "), "text must have 1 to 4000 characters"),
        (Note(1, ACK, AT, "alice", "x" * (MAX_TEXT + 1)), "text must have"),
        (Note(1, ACK, AT, " ", ""), "author must be a name of 1 to 200 characters"),
        (Note(1, ACK, AT, "x" * (MAX_AUTHOR + 1), ""), "author must be"),
    ],
)
def test_what_is_taken(note: Note, error: str | None) -> None:
    if error is None:
        check(note)
    else:
        with pytest.raises(ValueError, match=error):
            check(note)


def test_the_last_acknowledgement_counts() -> None:
    first, said, last = (Note(1, kind, AT, name, "x") for kind, name in ((ACK, "alice"), (NOTE, "bob"), (ACK, "carol")))
    assert acknowledgement([first, said, last]) == last
    assert acknowledgement([said]) is None

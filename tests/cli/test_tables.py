"""Tables for terminals."""

from datetime import UTC, datetime, timedelta

import pytest

from agent.cli.tables import clean, lasted, parse_moment, table

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_columns_are_aligned_and_the_last_one_wrapped() -> None:
    text = table(("A", "BB", "WHY"), [["x", "1", "one two three four five six seven"], ["long one", "2", ""]], 46)
    assert text.splitlines() == [
        "A         BB  WHY",
        "x         1   one two three four five six",
        "              seven",
        "long one  2",
    ]


def test_a_last_column_without_room_gets_a_line_of_its_own() -> None:
    text = table(("A", "WHY"), [["x" * 30, "one two three four five six seven eight"]], 40)
    assert text.splitlines()[1:] == ["x" * 30, "    one two three four five six seven", "    eight"]


def test_an_empty_last_column_needs_no_room() -> None:
    assert table(("A", "WHY"), [["x" * 60, ""]], 40).splitlines()[1:] == ["x" * 60]


def test_names_are_not_cut_at_their_hyphens() -> None:
    text = table(("A", "WHY"), [["x", "because of bcw-crown-primary and of enc-crown"]], 43)
    assert text.splitlines()[1:] == ["x  because of bcw-crown-primary and of", "   enc-crown"]


def test_wide_and_combining_characters_keep_the_alignment() -> None:
    text = table(("A", "B"), [["\u4e2d\u6587", "x"], ["e\u0301", "y"]], None)
    assert text.splitlines() == ["A     B", "\u4e2d\u6587  x", "e\u0301     y"]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [("plain", "plain"), ("a\tb\nc", "a b c"), ("\x1b[2J", "\ufffd[2J"), ("x\u202ey", "x\ufffdy"), (5, "5")],
)
def test_clean(given: object, wanted: str) -> None:
    assert clean(given) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("1h30m", NOW - timedelta(minutes=90)),
        ("2026-02-01T00:00:00Z", datetime(2026, 2, 1, tzinfo=UTC)),
        ("2026-02-01T01:00:00+01:00", datetime(2026, 2, 1, tzinfo=UTC)),
        ("2026-02-01", datetime(2026, 2, 1).astimezone(UTC)),
    ],
)
def test_moments(text: str, wanted: datetime) -> None:
    assert parse_moment(text, NOW) == wanted


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "9999999999y"])
def test_moments_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration such as 2h"):
        parse_moment(text, NOW)


def test_how_long() -> None:
    assert lasted("2026-03-01T11:00:00+00:00", None, NOW) == "1 h"
    assert lasted("2026-03-01T11:00:00+00:00", "2026-03-01T11:00:30+00:00", NOW) == "30 s"
    assert lasted("2026-03-01T13:00:00+00:00", None, NOW) == "0 ms"  # a clock that was stepped

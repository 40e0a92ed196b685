"""Text for terminals: aligned tables, local times, and nothing in it that a terminal would obey."""

import os
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import click

STATE_COLOURS: Final = {
    "up": "green", "degraded": "yellow", "down": "red", "unreachable": "magenta", "unknown": "bright_black",
}  # fmt: skip
_GAP: Final = "  "
_NARROWEST_LAST: Final = 24  # below that the last column goes to a line of its own
Cell = str | tuple[str, str | None]  # text, or text and its colour


def clean(text: object) -> str:
    """Return one line without control characters: what a device says must not move the cursor."""
    words = str(text)
    if words.isprintable():
        return words.strip()
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in words).strip()


def local_time(moment: str | None) -> str:
    """Return an ISO stamp as local time with its offset from UTC, to the second."""
    return "" if moment is None else parse_stamp(moment).astimezone().isoformat(sep=" ", timespec="seconds")


def parse_stamp(moment: str) -> datetime:
    """Return the aware UTC datetime of a document's stamp."""
    return datetime.fromisoformat(moment).astimezone(UTC)


def lasted(began: str, ended: str | None, now: datetime) -> str:
    """Return how long something lasted, or lasts by `now`."""
    from agent.core.units import format_duration

    return format_duration(max(0.0, ((parse_stamp(ended) if ended else now) - parse_stamp(began)).total_seconds()))


def parse_moment(value: str, now: datetime) -> datetime:
    """Return the moment meant by a duration before `now`, or by a date or time, local where it names no zone.

    Raises:
        ValueError: naming what was expected.
    """
    from agent.core.units import parse_duration

    try:
        return now - timedelta(seconds=parse_duration(value))
    except (ValueError, OverflowError):
        pass
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"expected a duration such as 2h, or a time such as 2026-11-22, '2026-11-22 13:00', "
            f"2026-11-22T13:00:00Z; got {value!r}"
        ) from None


def moment(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """Turn an option's value into the moment it means (callback of --since and --until)."""
    try:
        return None if value is None else parse_moment(value, datetime.now(UTC))
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def as_parameter(moment: datetime | None) -> str | None:
    """Return the moment as the API takes it."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def terminal_width() -> int | None:
    """Return the columns of the terminal; None where the output goes elsewhere and lines may be long."""
    if "COLUMNS" not in os.environ and not sys.stdout.isatty():
        return None
    return max(40, shutil.get_terminal_size().columns)


def table(heads: Sequence[str], rows: Sequence[Sequence[Cell]], width: int | None) -> str:
    """Return an aligned table; the last column is wrapped where it passes `width`."""
    cells = [[(clean(c), None) if isinstance(c, str) else (clean(c[0]), c[1]) for c in row] for row in rows]
    columns = [max(_columns(head), *(_columns(row[i][0]) for row in cells)) for i, head in enumerate(heads[:-1])]
    indent = sum(columns) + len(_GAP) * len(columns)
    lines = [_line([(head, None) for head in heads], columns, None, indent)]
    return "\n".join([*lines, *(_line(row, columns, width, indent) for row in cells)])


def _line(row: Sequence[tuple[str, str | None]], columns: Sequence[int], width: int | None, indent: int) -> str:
    parts = [_coloured(text, colour) + " " * (size - _columns(text)) + _GAP
             for (text, colour), size in zip(row[:-1], columns, strict=True)]  # fmt: skip
    text, colour = row[-1]
    if width is not None and width - indent < _NARROWEST_LAST and text:
        wrapped = _wrap(text, width - 4) or [""]
        return "".join(parts).rstrip() + "".join("\n    " + _coloured(part, colour) for part in wrapped)
    wrapped = _wrap(text, max(1, width - indent)) or [""] if width is not None else [text]
    return ("".join(parts) + ("\n" + " " * indent).join(_coloured(part, colour) for part in wrapped)).rstrip()


def paragraph(text: str, width: int | None, indent: str = "", *, hanging: str = "  ") -> str:
    """Return a sentence behind an indent, wrapped where it passes `width`; its further lines hang."""
    if width is None:
        return indent + text
    return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent + hanging, break_on_hyphens=False)


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)  # a name that is cut at its hyphen cannot be copied


def _coloured(text: str, colour: str | None) -> str:
    return click.style(text, fg=colour) if colour and text else text


def _columns(text: str) -> int:
    if text.isascii():
        return len(text)
    # wide East Asian characters take two columns, combining ones none
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def counted(number: int, word: str) -> str:
    """Return `1 row`, `1,008 rows`."""
    return f"{number:,} {word if number == 1 else word + 's'}"

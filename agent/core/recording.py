"""A recording of round-trip times: lines `timestamp,rtt_seconds`, Unix seconds or ISO 8601, nothing for a loss."""

import csv
import math
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

HEADS: Final = ("timestamp", "rtt_seconds")
_EARLIEST, _LATEST = 0.0, 32_503_680_000.0  # the year 3000: whatever is above counts milliseconds
_LONGEST_SECONDS: Final = 60.0  # no echo is waited for so long: such a number is in milliseconds
_SHOWN: Final = 40
LONGEST_LINE: Final = 65_535


class RowError(ValueError):
    """A row that says nothing; the text names its line, and what was expected."""


class HeadError(RowError):
    """The first line names columns, and not those that are needed: no row of the file can be read."""


def rows(lines: Iterable[str], bad: Callable[[RowError], None] | None = None) -> Iterator[tuple[float, float | None]]:
    """Yield the Unix time and the round-trip time in seconds of each row; None: lost.

    A first line with the names of the columns may name them in any order and beside others. Times without a zone are
    UTC. Empty lines are no rows.

    Args:
        bad: told of each row that cannot be used, which is left out; None: the first one raises.

    Raises:
        HeadError: see there.
        RowError: a row that cannot be read, or is not later than the one before it.
    """
    columns: tuple[int, int] | None = None
    last, last_number = -math.inf, 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            cells = _cells(line)
            if columns is None:
                columns = _columns(cells, number)
                if columns is not None:
                    continue
                columns = (0, 1)
            at, rtt = _row(cells, columns)
            if at <= last:
                raise ValueError(_order(cells[columns[0]], last_number, same=at == last))
        except HeadError:
            raise
        except ValueError as error:
            trouble = RowError(f"{number}: {error}")
            if bad is None:
                raise trouble from error
            bad(trouble)
            continue
        last, last_number = at, number
        yield at, rtt


def parse_time(text: str) -> float:
    """Return the Unix time of Unix seconds or of ISO 8601.

    Raises:
        ValueError: naming what was expected.
    """
    text = text.strip()
    try:
        at = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(_expected_time(text)) from None
        at = (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).timestamp()
    if not _EARLIEST <= at <= _LATEST:
        likely = "; these look like milliseconds" if at > _LATEST and math.isfinite(at) else ""
        raise ValueError(_expected_time(text) + likely)
    return at


def parse_rtt(text: str) -> float | None:
    """Return seconds; None for an empty cell.

    Raises:
        ValueError: naming what was expected.
    """
    text = text.strip()
    if not text:
        return None
    try:
        rtt = float(text)
    except ValueError:
        rtt = math.nan
    if 0 < rtt <= _LONGEST_SECONDS:
        return rtt
    likely = "; in seconds, not in milliseconds" if _LONGEST_SECONDS < rtt < math.inf else ""
    raise ValueError(
        f"rtt_seconds: expected seconds such as 0.0213, or nothing for a lost echo, got {text[:_SHOWN]!r}{likely}"
    )


def _cells(line: str) -> list[str]:
    if len(line) > LONGEST_LINE:
        raise ValueError(f"longer than {LONGEST_LINE} characters: no row of a table")
    if '"' not in line:
        return line.split(",")
    try:  # line by line: a quotation mark that nothing closes must not swallow the rest of the file
        return next(csv.reader([line.rstrip("\r\n")]))
    except csv.Error as error:
        raise ValueError(f"cannot be read as a row of a table: {line.strip()[:_SHOWN]!r}") from error


def _row(cells: list[str], columns: tuple[int, int]) -> tuple[float, float | None]:
    if len(cells) <= max(columns):
        text = ",".join(cells).strip()
        raise ValueError(f"expected {','.join(HEADS)} with a comma between them, got {text[:_SHOWN]!r}")
    return parse_time(cells[columns[0]]), parse_rtt(cells[columns[1]])


def _columns(cells: list[str], number: int) -> tuple[int, int] | None:
    """Return where the columns stand if this is a line of names; None where it is a row."""
    names = [cell.strip().lower() for cell in cells]
    if not any(name in HEADS for name in names) and not names[0][:1].isalpha():
        return None
    for head in HEADS:
        if head not in names:
            raise HeadError(f"{number}: the first line names no column {head!r}; it has {', '.join(names)[:200]}")
    return names.index(HEADS[0]), names.index(HEADS[1])


def _order(time: str, before: int, *, same: bool) -> str:
    word = "the same time as" if same else "earlier than"
    return f"{time.strip()[:_SHOWN]} is {word} line {before}; sort the rows by time, and leave out what is there twice"


def _expected_time(text: str) -> str:
    return f"timestamp: expected Unix seconds or a time such as 2026-11-27T08:00:00Z, got {text[:_SHOWN]!r}"

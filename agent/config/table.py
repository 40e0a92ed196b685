"""CSV files as spreadsheets write them: three delimiters, three encodings, many ways to write a day."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from agent.config.problems import Problem

MAX_OCTETS: Final = 50_000_000  # some 200,000 rows
_MAX_TEXT: Final = 256  # of one cell: they become labels
_YEARS: Final = range(1970, 2100)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME: Final = re.compile(r"[T ]+\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?(Z|[+-]\d{2}:?\d{2})?$")
_ISO: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_DAY_FIRST: Final = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})")
_NAMED: Final = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[-/. ]+([A-Za-z]{3,9})[-/., ]+(\d{4}|\d{2})")
_NOTHING: Final = frozenset({"", "-", "n/a", "na", "none", "null", "unknown", "tbc", "?"})


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        line: where it begins.
        values: column -> text, where there is any.
        dates: column -> day, where it could be read.
    """

    file: Path
    line: int
    values: Mapping[str, str]
    dates: Mapping[str, date]

    def problem(self, message: str) -> Problem:
        """Return a problem with this row."""
        return Problem(self.file, self.line, "", message)


def normal(heading: str) -> str:
    """Return a heading's letters and digits, small: `S/N` and `Serial No.` become `sn` and `serialno`."""
    return re.sub(r"[^a-z0-9]", "", heading.lower())


def parse_day(text: str) -> date:
    """Return the day of `2012-03-01`, `01/03/2012` (day first), `1.3.2012`, `01-Mar-2012`, `1 March 2012`.

    A time of day behind it is left out; two digits of a year are of this century.

    Raises:
        ValueError: naming what was expected.
    """
    bare = _TIME.sub("", text.strip())
    try:
        if found := _ISO.fullmatch(bare):
            year, month, day = (int(part) for part in found.groups())
        elif found := _DAY_FIRST.fullmatch(bare):
            day, month, year = (int(part) for part in found.groups())
        elif found := _NAMED.fullmatch(bare):
            day, month, year = int(found[1]), _MONTHS.index(found[2][:3].lower()) + 1, int(found[3])
        else:
            raise ValueError
        parsed = date(year + 2000 if year < 100 else year, month, day)
        if parsed.year not in _YEARS:
            raise ValueError
    except ValueError:
        expected = "expected a day such as 2012-03-01, 01/03/2012 (day first) or 01-Mar-2012"
        raise ValueError(f"{expected}, got {text.strip()[:40]!r}") from None
    return parsed


def rows(
    file: Path, columns: Callable[[Sequence[str]], dict[str, int] | str], dates: Sequence[str]
) -> Iterator[Row | Problem]:
    """Yield each row, and what is wrong with others.

    Args:
        columns: takes the headings, returns the position of each wanted column, or why there is none.
        dates: which columns hold days; one that cannot be read is reported, and the row goes on without it.
    """
    text = _text(file)
    if isinstance(text, Problem):
        yield text
        return
    positions: dict[str, int] | None = None
    width = 0
    for line, cells in _cells(file, text):
        if isinstance(cells, Problem):
            yield cells
        elif not any(cell.strip() for cell in cells):
            continue
        elif positions is None:
            found = columns(cells)
            if isinstance(found, str):
                yield Problem(file, line, "", found)
                return
            positions, width = found, len(cells)
        elif any(cell.strip() for cell in cells[width:]):
            message = f"has {len(cells)} cells where the headings are {width}; left out (a delimiter without quotes?)"
            yield Problem(file, line, "", message)
        else:
            yield from _row(file, line, cells, positions, dates)


def _row(
    file: Path, line: int, cells: Sequence[str], positions: Mapping[str, int], dates: Sequence[str]
) -> Iterator[Row | Problem]:
    values = {}
    days = {}
    for column, position in positions.items():
        value = " ".join(cells[position].split())[:_MAX_TEXT] if position < len(cells) else ""
        value = "".join(letter for letter in value if letter.isprintable())
        if value.lower() not in _NOTHING:
            values[column] = value
    for column in dates:
        if column in values:
            try:
                days[column] = parse_day(values[column])
            except ValueError as error:
                yield Problem(file, line, column, str(error))
    yield Row(file, line, values, days)


def _cells(file: Path, text: str) -> Iterator[tuple[int, list[str] | Problem]]:
    first = text.lstrip("\r\n").partition("\n")[0].strip()
    marked = re.fullmatch(r'"?sep=(.)"?', first)  # a spreadsheet's own note
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=marked[1] if marked else _delimiter(first))
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, Problem(file, line, "", f"is no CSV: {error}")
            continue
        if not (marked and cells and cells[0].startswith("sep=")):
            yield line, cells


def _delimiter(heading_line: str) -> str:
    bare = re.sub(r'"[^"]*"', "", heading_line)
    return max(",;\t", key=bare.count)


def _text(file: Path) -> str | Problem:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_OCTETS + 1)
    except OSError as error:
        return Problem(file, None, "", f"cannot be read: {error.strerror or error}")
    if len(data) > MAX_OCTETS:
        return Problem(file, None, "", f"larger than {MAX_OCTETS // 1_000_000} MB; left out")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")  # what spreadsheets on Windows save as plain CSV

"""Lifecycle tables: the shipped ones, and the user's own CSV files."""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Final

from agent.config.document import Document
from agent.config.globs import files_of
from agent.config.problems import Findings, Problem
from agent.config.table import Row as Cells
from agent.config.table import normal, rows
from agent.core.lifecycle import MILESTONES, Lifecycle, Row
from agent.core.releases import Names

COLUMNS: Final = (
    "vendor", "model_pattern", "release", *MILESTONES, "source", "checked_on",
)  # fmt: skip
MOST_ROWS: Final = 100_000  # of one table; a vendor's whole price list has some 50,000
MOST_TABLES: Final = 200  # that one glob means: more than there are vendors in an estate
_DATES: Final = (*MILESTONES, "checked_on")
_PATTERN: Final = re.compile(r"[\w .,:;+/#=()&*?-]{1,120}")
_SHORT: Final = 3  # letters of an abbreviation: LTS, IOT, SAC
_MOST_STARS: Final = 4  # more would make matching slow, and match what nobody meant


def shipped() -> Lifecycle:
    """Return the tables of the package.

    Raises:
        ValueError: for the first row that is refused; a test sees to it that there is none.
    """
    with resources.as_file(resources.files("configs") / "lifecycle") as folder:
        found: list[Row] = []
        for file in sorted(folder.glob("*.csv")):
            found.extend(_good(table(file)))
        found.extend(_endoflife(folder / "endoflife" / "endoflife.csv"))
        return Lifecycle(tuple(found), _names(folder / "endoflife"))


def own_tables(main: Document, patterns: Sequence[str], findings: Findings) -> tuple[Row, ...]:
    """Return the rows of the user's tables; what is wrong with others is a warning, and a missing file an error."""
    found: list[Row] = []
    seen: set[Path] = set()
    for number, pattern in enumerate(patterns):
        for file in files_of(main, ("hardware", "lifecycle", number), pattern, findings, MOST_TABLES):
            if file not in seen:
                seen.add(file)
                for row in table(file, own=True):
                    if isinstance(row, Problem):
                        findings.warnings.append(row)
                    else:
                        found.append(row)
    return tuple(found)


def table(file: Path, *, own: bool = False) -> Iterator[Row | Problem]:
    """Yield the rows of one table, and what is wrong with those that are refused."""
    number = 0
    for cells in rows(file, _positions, _DATES):
        if isinstance(cells, Problem):
            yield cells
            continue
        number += 1
        if number > MOST_ROWS:
            yield cells.problem(f"more than {MOST_ROWS:,} rows; this one and those below it are left out")
            return
        if (wrong := problem_of(cells)) is not None:
            yield cells.problem(f"{wrong}; left out")
        else:
            yield row_of(cells, own=own)


def problem_of(cells: Cells) -> str | None:
    """Return why a row is refused."""
    values = cells.values
    if not values.get("model_pattern"):
        return "has no model_pattern: the model with * and ?, or the name of a software product"
    if not values.get("source"):
        return "has no source: name the document, and where in it the dates stand"
    if unread := [column for column in _DATES if column in values and column not in cells.dates]:
        return f"{unread[0]} is no day"
    if "checked_on" not in cells.dates:
        return "has no checked_on: the day on which somebody read the source"
    pattern = values["model_pattern"]
    if not _PATTERN.fullmatch(pattern) or pattern.count("*") > _MOST_STARS or not pattern.strip("*? "):
        return f"model_pattern {pattern[:60]!r} is none: letters, digits and marks, with at most {_MOST_STARS} * and ?"
    if not any(column in cells.dates for column in MILESTONES):
        return f"has no date: expected one of {', '.join(MILESTONES)}"
    days = cells.dates
    if "end_of_sale" in days and "end_of_support" in days and days["end_of_sale"] > days["end_of_support"]:
        return f"end_of_support {days['end_of_support']} comes before end_of_sale {days['end_of_sale']}"
    return None


def row_of(cells: Cells, *, own: bool) -> Row:
    """Return a good row."""
    values, days = cells.values, cells.dates
    return Row(
        values.get("vendor", ""), values["model_pattern"], values.get("release", ""), values["source"],
        f"{cells.file}:{cells.line}" if own else f"{cells.file.name}:{cells.line}", days["checked_on"],
        days.get("end_of_sale"), days.get("end_of_software_maintenance"), days.get("end_of_security_fixes"),
        days.get("end_of_support"), own,
    )  # fmt: skip


def _positions(headings: Sequence[str]) -> dict[str, int] | str:
    found = [normal(heading) for heading in headings]
    positions = {column: found.index(normal(column)) for column in COLUMNS if normal(column) in found}
    if missing := [column for column in ("model_pattern", "source", "checked_on") if column not in positions]:
        return f"has no column {', '.join(missing)}; expected the headings {','.join(COLUMNS)}"
    return positions


def _good(found: Iterator[Row | Problem]) -> Iterator[Row]:
    for row in found:
        if isinstance(row, Problem):
            raise ValueError(str(row))
        yield row


# ------------------------------------------------------------------ endoflife.date


def _endoflife(file: Path) -> Iterator[Row]:
    """Yield the release cycles of endoflife.date; `support_until` ends maintenance, `eol_date` the security fixes.

    Its `false` is an end that nobody has set; a `true` has no day, so that such a cycle is unknown.
    """
    columns = ("product", "cycle", "release_date", "support_until", "eol_date")
    named = _plain(file.with_name("titles.csv"), ("product", "title"))
    titles = {cells.values["product"]: cells.values["title"] for cells in named}
    entries = list(_plain(file, columns))
    newest = max((cells.values["release_date"] for cells in entries if "release_date" in cells.values), default="")
    checked = date.fromisoformat(newest) if newest else None
    for cells in entries:
        values = cells.values
        if "true" in (values.get("support_until"), values.get("eol_date")) and not _day(values.get("eol_date")):
            continue
        source = f"endoflife.date, product {values['product']}, cycle {values['cycle']}"
        yield Row(
            "", values["product"], values["cycle"], source, f"{file.name}:{cells.line}", checked,
            end_of_software_maintenance=_day(values.get("support_until")),
            end_of_security_fixes=_day(values.get("eol_date")),
            title=f"{titles[values['product']]} {in_words(values['cycle'])}",
        )  # fmt: skip


def in_words(cycle: str) -> str:
    """Return a cycle as people write it: `2008-r2-sp1` is 2008 R2 SP1."""
    words = cycle.split("-")
    return " ".join(word.upper() if len(word) <= _SHORT or not word.isalpha() else word.capitalize() for word in words)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text and text[:1].isdigit() else None


def _names(folder: Path) -> Names:
    products = {
        tuple(cells.values["name"].split()): cells.values["product"]
        for cells in _plain(folder / "names.csv", ("product", "name"))
    }
    words: dict[str, dict[str, tuple[str, str]]] = {}
    for cells in _plain(folder / "words.csv", ("product", "word", "token", "group")):
        meaning = (cells.values.get("token", ""), cells.values.get("group", ""))
        words.setdefault(cells.values["product"], {})[cells.values["word"]] = meaning
    return Names(products, words)


def _plain(file: Path, columns: Sequence[str]) -> Iterator[Cells]:
    def positions(headings: Sequence[str]) -> dict[str, int]:
        return {column: headings.index(column) for column in columns}

    for cells in rows(file, positions, ()):
        if isinstance(cells, Problem):
            raise ValueError(str(cells))
        yield cells

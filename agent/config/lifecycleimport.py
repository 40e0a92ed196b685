"""Others' lifecycle data as rows of a table: endoflife.date's JSON, Cisco's EoX JSON, and CSV with headings of its own.

Shapes: https://endoflife.date/docs/api (a product's list, and v1), https://developer.cisco.com/docs/support-apis/eox
(`EOXRecord`).
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from agent.config.lifecycle import COLUMNS, MOST_ROWS, problem_of, row_of
from agent.config.problems import Problem
from agent.config.table import MAX_OCTETS, normal, parse_day, rows
from agent.config.table import Row as Cells
from agent.core.lifecycle import MILESTONES, Row, differences

_ASKED: Final = frozenset({"vendor", "model_pattern"})  # a row that says no more is not filled in yet
# column -> its usual headings (letters and digits only); "EOS" is none: it means sale to some and support to others
HEADINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "vendor": ("vendor", "manufacturer", "make", "brand"),
    "model_pattern": (
        "modelpattern", "model", "modelnumber", "pid", "productid", "partnumber", "productnumber", "sku", "product",
    ),
    "release": ("release", "version", "cycle"),
    "end_of_sale": ("endofsale", "endofsaledate", "endofsales", "lastorderdate"),
    "end_of_software_maintenance": (
        "endofsoftwaremaintenance", "endofswmaintenance", "endofswmaintenancereleases", "endofengineering",
    ),
    "end_of_security_fixes": (
        "endofsecurityfixes", "endofsecurityupdates", "endofsecuritysupport", "endofvulnerabilitysecuritysupport",
    ),
    "end_of_support": (
        "endofsupport", "endofsupportdate", "lastdateofsupport", "ldos", "endofservicelife", "eosl", "endoflife",
        "endoflifedate", "eol", "eoldate", "endofservice",
    ),
    "source": ("source", "document", "bulletin", "url", "link", "reference"),
    "checked_on": ("checkedon", "checked", "readon"),
}  # fmt: skip
_EOX: Final = {  # column -> field of an EOXRecord, each {"value": "2021-10-31", "dateFormat": "YYYY-MM-DD"}
    "end_of_sale": "EndOfSaleDate",
    "end_of_software_maintenance": "EndOfSWMaintenanceReleases",
    "end_of_security_fixes": "EndOfSecurityVulSupportDate",
    "end_of_support": "LastDateOfSupport",
}
_CYCLE: Final = {  # column -> keys of a release, in v1 and before
    "end_of_sale": ("discontinuedFrom", "discontinued"),
    "end_of_software_maintenance": ("eoasFrom", "support"),
    "end_of_security_fixes": ("eolFrom", "eol"),
    "end_of_support": ("eoesFrom", "extendedSupport"),
}


Entry = tuple[int, dict[str, str] | str]  # its place in the document, from 1; column -> text, or why it is refused


class UnreadableError(Exception):
    """A file of which nothing can be taken; `str` names it and what was expected."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a file does not say itself.

    Attributes:
        name: of the product (endoflife.date's list does not name it), and of the table.
        read_on: the day on which it was got: rows that do not say when they were checked are of that day.
        source: of rows without one; "" refuses them.
        vendor: of rows without one.
    """

    name: str
    read_on: date
    source: str = ""
    vendor: str = ""


def imported(file: Path, defaults: Defaults) -> Iterator[Row | Problem]:
    """Yield the rows of a file, whichever of the formats it has, and what is wrong with others.

    Raises:
        UnreadableError: nothing can be taken of it.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_OCTETS + 1)
    except OSError as error:
        raise UnreadableError(f"{file} cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_OCTETS:
        raise UnreadableError(f"{file} is larger than {MAX_OCTETS // 1_000_000} MB")
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        yield from _checked(file, _of_json(file, data, defaults))
    else:
        yield from _of_csv(file, defaults)


def _checked(file: Path, entries: Iterable[Entry]) -> Iterator[Row | Problem]:
    """Hold what a JSON document says to the rules of a table; its place is the number of the entry."""
    for count, (number, entry) in enumerate(entries, 1):
        if count > MOST_ROWS:
            yield Problem(file, None, "", f"more than {MOST_ROWS:,} entries; the rest is left out")
            return
        if isinstance(entry, str):
            yield Problem(file, None, f"entry {number}", f"{entry}; left out")
            continue
        values = {column: " ".join(value.split())[:256] for column, value in entry.items() if value.strip()}
        days = {}
        for column in (*MILESTONES, "checked_on"):
            try:
                if column in values:
                    days[column] = parse_day(values[column])
            except ValueError:
                continue  # the rules say which
        cells = Cells(file, number, values, days)
        if (wrong := problem_of(cells)) is not None:
            yield Problem(file, None, f"entry {number}", f"{wrong}; left out")
        else:
            yield row_of(cells, own=True)


# ------------------------------------------------------------------ JSON


def _of_json(file: Path, data: bytes, defaults: Defaults) -> Iterator[Entry]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"{file} is no JSON: {error}") from error
    if isinstance(document, dict) and isinstance(records := document.get("EOXRecord"), list):
        return _eox(records, defaults)
    if isinstance(document, list) and any(isinstance(one, dict) and "cycle" in one for one in document):
        return _cycles(document, defaults.name, defaults.read_on)
    if isinstance(document, dict) and "result" in document:
        return _products(file, document, defaults)
    raise UnreadableError(
        f"{file}: expected a product of endoflife.date (https://endoflife.date/api/PRODUCT.json or"
        " https://endoflife.date/api/v1/products/PRODUCT), or Cisco's EoX answer with an `EOXRecord`"
    )


def _products(file: Path, document: Mapping[str, Any], defaults: Defaults) -> Iterator[Entry]:
    generated = document.get("generated_at")
    read_on = _iso(generated) or defaults.read_on
    result = document["result"]
    for product in result if isinstance(result, list) else [result]:
        if not isinstance(product, dict) or not isinstance(releases := product.get("releases"), list):
            raise UnreadableError(f"{file}: expected `result` with its `releases`, as /api/v1/products/PRODUCT has it")
        if product.get("category") == "device":
            if len(releases) and not isinstance(result, list):
                raise UnreadableError(
                    f"{file}: is about devices, whose days mean something else for every maker; write them as CSV:"
                    f" {','.join(COLUMNS)}"
                )
            continue
        yield from _cycles(releases, str(product.get("name") or defaults.name), read_on)


def _cycles(releases: Sequence[Any], product: str, read_on: date) -> Iterator[Entry]:
    for number, release in enumerate(releases, 1):
        if not isinstance(release, dict):
            continue
        cycle = str(release.get("name") or release.get("cycle") or "")
        days = {
            column: day
            for column, keys in _CYCLE.items()
            if (day := next((found for key in keys if (found := _end(release.get(key)))), None)) is not None
        }
        if days and not cycle:
            yield number, "has no cycle: its days would be those of every release"
        elif days:
            source = f"endoflife.date, product {product}, cycle {cycle}"
            given = {"model_pattern": product, "release": cycle, "source": source, "checked_on": read_on.isoformat()}
            yield number, given | days


def _end(value: Any) -> str | None:  # noqa: ANN401 - unvalidated
    """Return a day, or a text that is none, so that somebody hears of it; `true` and `false` say no day."""
    day = _iso(value)
    return day.isoformat() if day is not None else value if isinstance(value, str) and value.strip() else None


def _eox(records: Sequence[Any], defaults: Defaults) -> Iterator[Entry]:
    for number, record in enumerate(records, 1):
        if not isinstance(record, dict) or not str(record.get("EOLProductID") or "").strip():
            continue  # Cisco's answer for what has no such record: EOXError
        days = {column: _eox_day(record.get(name)) for column, name in _EOX.items()}
        notice, link = (str(record.get(key) or "") for key in ("ProductBulletinNumber", "LinkToProductBulletinURL"))
        bulletin = ", ".join(part for part in (f"Cisco {notice}" if notice else "", link) if part)
        yield (
            number,
            {
                "vendor": defaults.vendor or "Cisco",
                "model_pattern": str(record["EOLProductID"]),
                "source": bulletin or defaults.source,
                "checked_on": defaults.read_on.isoformat(),
                **days,
            },
        )


def _eox_day(value: Any) -> str:  # noqa: ANN401 - unvalidated
    return str(value.get("value") or "") if isinstance(value, dict) else ""


def _iso(value: Any) -> date | None:  # noqa: ANN401 - unvalidated
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


# ------------------------------------------------------------------ CSV


def _of_csv(file: Path, defaults: Defaults) -> Iterator[Row | Problem]:
    dates = (*MILESTONES, "checked_on")
    for number, cells in enumerate(rows(file, _positions, dates), 1):
        if isinstance(cells, Problem):
            if cells.line is None or "no column" in cells.message:
                raise UnreadableError(str(cells))
            yield cells
            continue
        if number > MOST_ROWS:
            yield cells.problem(f"more than {MOST_ROWS:,} rows; the rest is left out")
            return
        given = {"source": defaults.source, "vendor": defaults.vendor}
        if set(cells.values) <= _ASKED:
            continue
        values = {**{column: value for column, value in given.items() if value}, **cells.values}
        days = {"checked_on": defaults.read_on, **cells.dates} if "checked_on" not in values else dict(cells.dates)
        complete = replace(cells, values=values, dates=days)
        if (wrong := problem_of(complete)) is not None:
            hint = " (or give --source)" if "no source" in wrong else ""
            yield cells.problem(f"{wrong}{hint}; left out")
        else:
            yield row_of(complete, own=True)


def _positions(headings: Sequence[str]) -> dict[str, int] | str:
    found = [normal(heading) for heading in headings]
    positions: dict[str, int] = {}
    for column, usual in HEADINGS.items():
        place = next((found.index(word) for word in usual if word in found), None)
        if place is not None:
            positions[column] = place
    shown = ", ".join(heading.strip() for heading in headings if heading.strip())[:300]
    if "model_pattern" not in positions:
        return f"has no column for the model; headings found: {shown}; expected {','.join(COLUMNS)}"
    if not set(positions) & set(MILESTONES):
        return f"has no column with an end date; headings found: {shown}; expected one of {', '.join(MILESTONES)}"
    return positions


# ------------------------------------------------------------------ into the user's table


def single(imports: Iterable[Row]) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """Return the rows of an import, of the same model or release the last one, and what the others said otherwise."""
    found: dict[tuple[str, str, str], Row] = {}
    told: list[str] = []
    for row in imports:
        before = found.get(_key(row))
        if before is not None and _said(before) != _said(row):
            told.append(f"{row.product}: stands in {before.table} and in {row.table}; the latter is taken")
        found[_key(row)] = row
    return tuple(found.values()), tuple(told)


@dataclass(frozen=True, slots=True)
class Merged:
    """A table after an import: all its rows, and what the import did."""

    rows: tuple[Row, ...]
    new: int
    changed: int
    same: int


def merged(present: Iterable[Row], imports: Iterable[Row]) -> Merged:
    """Return a table with imported rows in it: of the same model or release the imported one stays."""
    table = {_key(row): row for row in present}
    new = changed = same = 0
    for row in imports:
        before = table.get(_key(row))
        new += before is None
        changed += before is not None and _said(before) != _said(row)
        same += before is not None and _said(before) == _said(row)
        table[_key(row)] = row
    return Merged(tuple(table.values()), new, changed, same)


def conflicts(row: Row, others: Iterable[Row]) -> Iterator[str]:
    """Yield what other tables say otherwise of what a row is about."""
    wild = any(letter in row.pattern for letter in "*?")
    pattern = row.pattern.lower()
    for other in others:
        theirs = other.pattern.lower()
        about = theirs == pattern or (not wild and not row.release and fnmatchcase(pattern, theirs))
        if about and other.release.lower() == row.release.lower():
            yield from differences(row, other)


def as_csv(table: Iterable[Row]) -> str:
    """Return a table as text, sorted, so that two imports can be compared."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in sorted(table, key=_key):
        writer.writerow(_said(row))
    return text.getvalue()


def _key(row: Row) -> tuple[str, str, str]:
    return row.vendor.lower(), row.pattern.lower(), row.release.lower()


def _said(row: Row) -> list[str]:
    days = (getattr(row, column) for column in (*MILESTONES, "checked_on"))
    *ends, checked = (day.isoformat() if day is not None else "" for day in days)
    return [row.vendor, row.pattern, row.release, *ends, row.source, checked]

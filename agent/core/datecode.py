"""Serial numbers that hold the day of manufacture, by schemes that their makers have published (`configs/age`)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

WEEKS: Final = 53  # ISO 8601; what a year does not have is refused


@dataclass(frozen=True, slots=True)
class DateCode:
    """How one maker writes the day of manufacture into serial numbers.

    Attributes:
        name: of the rule.
        vendors: words in small letters, one of which begins a word of the vendor's name.
        pattern: of the whole serial number, with the groups `year` and `week`, or `month` and perhaps `day`.
        document: where the maker says so.
        year_base: is added to the year's number.
        century_from: two-digit years from here on are of the century before; 100: none is.
        year_signs, month_signs: what is written for 1, 2, 3 ...; "" where it is a number.
        weeks: that a year has.
    """

    name: str
    vendors: tuple[str, ...]
    pattern: re.Pattern[str]
    document: str
    year_base: int
    century_from: int = 100
    year_signs: str = ""
    month_signs: str = ""
    weeks: int = WEEKS
    examples: Mapping[str, date] = field(default_factory=dict)


def made(code: DateCode, serial: str) -> date | None:
    """Return the first day of the week or month that a serial number names; None where it follows another scheme."""
    found = code.pattern.fullmatch(serial.strip().upper())
    if found is None:
        return None
    parts = found.groupdict()
    year, month = _number(parts["year"], code.year_signs), _number(parts.get("month"), code.month_signs)
    week, day = _number(parts.get("week"), ""), _number(parts.get("day"), "")
    if year is None:
        return None
    year += code.year_base - (100 if year >= code.century_from else 0)
    try:
        if week is not None:
            return date.fromisocalendar(year, week, 1) if week <= code.weeks else None
        return date(year, month or 0, 1 if day is None else day)
    except ValueError:  # week 54, month 13, 31 February
        return None


def date_of(vendor: str, serial: str, codes: Iterable[DateCode]) -> tuple[date, DateCode] | None:
    """Return the day of manufacture by the first rule of this vendor that reads the number; None where none does."""
    name = " " + re.sub(r"[^a-z0-9]+", " ", vendor.lower())
    for code in codes:
        if any(f" {word}" in name for word in code.vendors) and (day := made(code, serial)) is not None:
            return day, code
    return None


def _number(text: str | None, signs: str) -> int | None:
    if text is None:
        return None
    if signs:
        return signs.index(text) + 1 if text in signs else None
    return int(text)

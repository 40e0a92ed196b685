"""What a contract counts as time without service, and over which periods."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Final


class Period(StrEnum):
    """Over what an availability is agreed: a calendar month, quarter or year."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Exclusion(StrEnum):
    """What time may be left out."""

    MAINTENANCE = "maintenance"  # agreed beforehand: no service was due, so it is not measured at all
    CLOCK_STOPS = "clock_stops"  # the supplier waits for somebody else: what is down then is not held against it


@dataclass(frozen=True, slots=True)
class Rules:
    """How a contract counts.

    Attributes:
        zone: whose midnight begins a period.
        interval_seconds: time is counted in such intervals from the beginning of the period, and one in which anything
            counts is counted whole; 0: exactly.
        minimum_outage_seconds: a shorter outage does not count, a longer one counts from its beginning.
    """

    measured: Period = Period.MONTH
    zone: tzinfo = UTC
    interval_seconds: float = 0.0
    minimum_outage_seconds: float = 0.0
    excludes: tuple[Exclusion, ...] = tuple(Exclusion)


DEFAULT_RULES: Final = Rules()
_MONTHS: Final = {Period.MONTH: 1, Period.QUARTER: 3, Period.YEAR: 12}
_NAMED: Final = re.compile(r"(\d{4})(?:-(?:(\d{2})|[Qq]([1-4])))?")


def period_at(at: datetime, period: Period, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the calendar period that holds a moment, in UTC: as long as it really is where clocks are changed."""
    local = at.astimezone(zone)
    return _period(local.year, local.month, _MONTHS[period], zone)


def period_named(name: str, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the period that `2026-11`, `2026-Q4` or `2026` names, in UTC.

    Raises:
        ValueError: naming what was expected.
    """
    found = _NAMED.fullmatch(name)
    year, month, quarter = found.groups() if found else ("0", None, None)
    if not 1971 <= int(year) <= 9998 or (month is not None and not 1 <= int(month) <= 12):
        raise ValueError(f"expected a month such as 2026-11, a quarter such as 2026-Q4 or a year, got {name[:40]!r}")
    if month is not None:
        return _period(int(year), int(month), 1, zone)
    return _period(int(year), 3 * int(quarter) - 2, 3, zone) if quarter else _period(int(year), 1, 12, zone)


def _period(year: int, month: int, months: int, zone: tzinfo) -> tuple[datetime, datetime]:
    first = (month - 1) // months * months
    after = year * 12 + first + months
    began = datetime(year, first + 1, 1, tzinfo=zone)
    ended = datetime(after // 12, after % 12 + 1, 1, tzinfo=zone)
    return began.astimezone(UTC), ended.astimezone(UTC)

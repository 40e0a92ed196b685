"""Spans that come again: RFC 5545 recurrence rules in local time, kept small enough that no text makes much work.

A rule is worked out in the wall clock time of its zone, so that Sunday 22:00 stays Sunday 22:00 when clocks are set. A
local time that does not exist is read with the offset before the gap, one that comes twice is the first (RFC 5545,
3.3.5). Each occurrence lasts exactly as long as the first.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from itertools import takewhile
from typing import Any, Final
from zoneinfo import ZoneInfo

from dateutil import rrule

HORIZON: Final = timedelta(days=3653)  # nothing recurs past ten years after it began: who announced it is long gone
_MAX_OCTETS: Final = 200  # of a rule; what calendars write has some 60
_MAX_INTERVAL: Final = 1000
_MAX_COUNT: Final = 5000
_MAX_LIST: Final = 62  # values of one part: every day of a month, from either end
_LEAP_CYCLE_YEARS: Final = 400  # after which dates and weekdays come again
_LAST_CYCLE: Final = 9600
_FREQUENCIES: Final = {"DAILY": rrule.DAILY, "WEEKLY": rrule.WEEKLY, "MONTHLY": rrule.MONTHLY, "YEARLY": rrule.YEARLY}
_DAYS: Final = {"MO": rrule.MO, "TU": rrule.TU, "WE": rrule.WE, "TH": rrule.TH, "FR": rrule.FR, "SA": rrule.SA,
                "SU": rrule.SU}  # fmt: skip
_DAY: Final = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL: Final = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?")
_NUMBERS: Final = {"BYMONTHDAY": (1, 31), "BYMONTH": (1, 12), "BYSETPOS": (1, 366)}
_SIMPLE: Final = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTH"})
_FULL: Final = _SIMPLE | {"BYMONTHDAY", "BYSETPOS"}
_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}")


class RuleError(ValueError):
    """A rule, a zone or a weekday that cannot be used; the text names what was expected."""


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of this IANA name.

    Raises:
        RuleError: there is none.
    """
    try:
        if _ZONE.fullmatch(name):
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    raise RuleError(f"expected the IANA name of a time zone such as Europe/London or UTC, got {_short(name)}")


@lru_cache(maxsize=1024)
def occurrences(begins_at: datetime, rule: str, zone: str) -> tuple[datetime, ...]:
    """Return when something begins, in UTC, ascending: at least once, at most some thousand times.

    Args:
        begins_at: of the first occurrence; for it the rule must hold.
        rule: the text of an RFC 5545 RRULE, or empty for something that happens once.

    Raises:
        RuleError: the rule is none that is taken, or does not hold for the first occurrence.
    """
    tz = zone_of(zone)
    if not rule:
        return (begins_at.astimezone(UTC),)
    local = begins_at.astimezone(tz).replace(tzinfo=None, fold=0)
    parts = _parse(rule, tz)
    _check_first(local, parts)
    last = local + HORIZON
    if (until := parts.pop("until", None)) is not None:
        last = min(last, until)
    if last < local:
        raise RuleError(f"the rule {_short(rule)} ends before it begins: UNTIL is {last:%Y-%m-%d %H:%M}")
    found = takewhile(lambda moment: moment <= last, rrule.rrule(**parts, dtstart=local))
    begun = {moment.replace(tzinfo=tz).astimezone(UTC) for moment in found}
    begun.discard(local.replace(tzinfo=tz).astimezone(UTC))  # an hour that comes twice: the first is as it was said
    return tuple(sorted(begun | {begins_at.astimezone(UTC)}))


def weekly(day: str, at: str, zone: str, now: datetime) -> tuple[datetime, str]:
    """Return the next beginning, at or after `now`, and the rule of something weekly.

    Args:
        day: `sun`, `Sunday` ...
        at: `22:00`, wall clock time in the zone.

    Raises:
        RuleError: for a day, a time or a zone that is none.
    """
    tz = zone_of(zone)
    short = day[:2].upper()
    names = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    if len(day) < 2 or not any(name.startswith(day.lower()) for name in names):
        raise RuleError(f"expected a day of the week such as sun or Sunday, got {_short(day)}")
    clock = time_of_day(at)
    today = now.astimezone(tz).date()
    ahead = (list(_DAYS).index(short) - today.weekday()) % 7
    begins = (datetime.combine(today + timedelta(days=ahead + more), clock, tz) for more in (0, 7))
    return next(b.astimezone(UTC) for b in begins if b >= now), f"FREQ=WEEKLY;BYDAY={short}"


def time_of_day(text: str) -> time:
    """Return a wall clock time.

    Raises:
        RuleError: it is none.
    """
    if found := re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text, re.ASCII):
        return time(int(found[1]), int(found[2]))
    raise RuleError(f"expected a time of day such as 22:00, got {_short(text)}")


def _parse(rule: str, tz: ZoneInfo) -> dict[str, Any]:
    """Return the rule as dateutil's `rrule` takes it."""
    parts = _split(rule)
    frequency = parts.get("FREQ", "")
    if frequency not in _FREQUENCIES:
        raise RuleError(f"rule {_short(rule)}: expected FREQ={'|'.join(_FREQUENCIES)}, got FREQ={_short(frequency)}")
    allowed = _FULL if frequency in ("MONTHLY", "YEARLY") else _SIMPLE
    if unknown := [key for key in parts if key not in allowed]:
        raise RuleError(f"rule {_short(rule)}: FREQ={frequency} takes {', '.join(sorted(allowed - {'FREQ'}))}; "
                        f"got {_short(unknown[0])}; the time of day is that of the beginning")  # fmt: skip
    if "COUNT" in parts and "UNTIL" in parts:
        raise RuleError(f"rule {_short(rule)}: COUNT and UNTIL exclude each other (RFC 5545, 3.3.10)")
    made: dict[str, Any] = {"freq": _FREQUENCIES[frequency], "interval": _number(parts, "INTERVAL", _MAX_INTERVAL)}
    if "COUNT" in parts:
        made["count"] = _number(parts, "COUNT", _MAX_COUNT)
    if "UNTIL" in parts:
        made["until"] = _until(parts["UNTIL"], tz)
    if "WKST" in parts:
        made["wkst"] = _days("WKST", parts["WKST"], ordinals=False)[0]
    if "BYDAY" in parts:
        made["byweekday"] = _days("BYDAY", parts["BYDAY"], ordinals=allowed is _FULL)
    for key in _NUMBERS.keys() & parts.keys():
        made[key.lower()] = _numbers(key, parts[key])
    if "BYSETPOS" in parts and not {"BYDAY", "BYMONTHDAY", "BYMONTH"} & parts.keys():
        raise RuleError(f"rule {_short(rule)}: BYSETPOS needs BYDAY, BYMONTHDAY or BYMONTH (RFC 5545, 3.3.10)")
    return made


def _split(rule: str) -> Mapping[str, str]:
    text = rule.upper().removeprefix("RRULE:")
    if len(rule) > _MAX_OCTETS or not text.isascii():
        raise RuleError(f"expected a rule of up to {_MAX_OCTETS} plain characters, got {_short(rule)}")
    parts: dict[str, str] = {}
    for part in text.split(";"):
        key, _, value = part.partition("=")
        if not value or key in parts:
            raise RuleError(f"expected a rule such as FREQ=MONTHLY;BYDAY=2TU, each part once, got {_short(rule)}")
        parts[key] = value
    return parts


def _number(parts: Mapping[str, str], key: str, most: int) -> int:
    text = parts.get(key, "1")
    if not re.fullmatch(r"\d{1,6}", text) or not 1 <= int(text) <= most:
        raise RuleError(f"{key}: expected a number from 1 to {most}, got {_short(text)}")
    return int(text)


def _numbers(key: str, text: str) -> list[int]:
    least, most = _NUMBERS[key]
    words = text.split(",")
    sign = "" if key == "BYMONTH" else "[+-]?"
    if len(words) > _MAX_LIST or not all(
        re.fullmatch(rf"{sign}\d{{1,3}}", word) and least <= abs(int(word)) <= most for word in words
    ):
        back = "" if key == "BYMONTH" else ", or back from the end with a minus"
        raise RuleError(f"{key}: expected numbers from {least} to {most}{back}, got {_short(text)}")
    return [int(word) for word in words]


def _days(key: str, text: str, *, ordinals: bool) -> list[rrule.weekday]:
    found = [_DAY.fullmatch(word) for word in text.split(",")]
    days = [(match[1], _DAYS[match[2]]) for match in found if match is not None]
    if len(days) < len(found) or len(days) > _MAX_LIST or (not ordinals and any(place for place, _ in days)):
        example = "MO,WE or 2TU,-1FR" if ordinals else "MO,WE"
        raise RuleError(f"{key}: expected days such as {example}, got {_short(text)}")
    return [day(int(place)) if place else day for place, day in days]


def _until(text: str, tz: ZoneInfo) -> datetime:
    """Return the last moment in local time; a date alone includes its whole day."""
    if found := _UNTIL.fullmatch(text):
        try:
            moment = datetime.strptime(found[1] + (found[2] or "235959"), "%Y%m%d%H%M%S")  # noqa: DTZ007 - wall clock time
            if found[3]:
                return moment.replace(tzinfo=UTC).astimezone(tz).replace(tzinfo=None, fold=0)
        except (ValueError, OverflowError):
            pass
        else:
            return moment
    raise RuleError(f"UNTIL: expected 20271231 or 20271231T220000Z, got {_short(text)}")


def _check_first(local: datetime, parts: Mapping[str, Any]) -> None:
    """Refuse a rule that does not hold for its own beginning.

    Dates come again after 400 years: looked for in the last of these cycles that the calendar has, a rule that holds
    for no day at all ends soon.
    """
    years = (_LAST_CYCLE - local.year) // _LEAP_CYCLE_YEARS * _LEAP_CYCLE_YEARS
    moved = local.replace(year=local.year + max(0, years))
    day, months = parts.get("byweekday"), parts.get("bymonth")
    holds = (day is None or local.weekday() in {one.weekday for one in day}) and (not months or local.month in months)
    if holds:
        rule = {key: value for key, value in parts.items() if key != "until"}
        holds = next(iter(rrule.rrule(**rule, dtstart=moved)), None) == moved
    if not holds:
        raise RuleError(f"the rule does not hold for its own beginning, {local:%A %Y-%m-%d %H:%M}: "
                        "begin on a day that it names")  # fmt: skip


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")

"""Dates of devices as seconds since 1970, as Go counts them: a 13th month is the next year's first."""

import re
import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

_NTP_EPOCH: Final = 2208988800  # 1970-01-01 in seconds since 1900
_MOST_ZONE_HOURS: Final = 24  # what Go's time.Parse takes
_MOST_ZONE_MINUTES: Final = 60
_MONTHS: Final = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
                  "november", "december")  # fmt: skip
_WEEKDAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_COMPOSED: Final = {
    "c": "%a %b %e %H:%M:%S %Y", "+": "%a %b %e %H:%M:%S %Z %Y", "F": "%Y-%m-%d", "D": "%m/%d/%y", "x": "%m/%d/%y",
    "v": "%e-%b-%Y", "T": "%H:%M:%S", "X": "%H:%M:%S", "r": "%I:%M:%S %p", "R": "%H:%M",
}  # fmt: skip


def _one_of(words: tuple[str, ...], letters: int | None = None) -> str:
    return f"(?i:({'|'.join([word[:letters] for word in words])}))"


# each takes as much as it can and never gives back, as the parser that snmp_exporter uses
_LETTERS: Final[Mapping[str, str]] = {
    **dict.fromkeys("yCgmdHIMSVUW", r"(\d{1,2}+)"), **dict.fromkeys("ekl", r"[ ]?+(\d{1,2}+)"),
    **dict.fromkeys("YG", r"(\d{1,4}+)"), "j": r"(\d{1,3}+)", "f": r"(\d{1,6}+)", "s": r"(\d{1,10}+)",
    "w": "([0-6])", "u": "([1-7])", "B": _one_of(_MONTHS), **dict.fromkeys("bh", _one_of(_MONTHS, 3)),
    "A": _one_of(_WEEKDAYS), "a": _one_of(_WEEKDAYS, 3), **dict.fromkeys("pP", "(?i:(am|pm))"),
    "z": r"(Z|[+-]\d\d(?::?\d\d)?)", "Z": r"([A-Z]{3}|[A-Z]{3}T|WITA|[A-Z]{3}ST)(?![A-Z])",
    **dict.fromkeys("tn", r"([ \t\n\v\f\r]++)"), "%": "(%)",
}  # fmt: skip


def unix_seconds(
    year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, *, east_seconds: int = 0
) -> float:
    """Return a date of the proleptic Gregorian calendar; parts beyond their range carry over into the next."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    shifted = year - (month <= 2)  # days from civil: for years, too, that datetime does not have
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days = era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
    return float(days * 86400 + hour * 3600 + minute * 60 + second - east_seconds)


def date_and_time(value: bytes) -> float | None:
    """Read SNMPv2-TC DateAndTime in whole seconds; without a zone it is UTC. None for other lengths and zones."""
    if len(value) not in (8, 11):
        return None
    year, month, day, hour, minute, second, tenths = struct.unpack(">H6B", value[:8])
    east = 0
    if len(value) == 11:
        if value[8:9] not in (b"+", b"-") or value[9] > _MOST_ZONE_HOURS or value[10] > _MOST_ZONE_MINUTES:
            return None
        east = (value[9] * 60 + value[10]) * (-60 if value[8:9] == b"-" else 60)
    return unix_seconds(year, month, day, hour, minute, second + tenths // 10, east_seconds=east)


def ntp_timestamp(value: bytes) -> float | None:
    """Read the whole seconds of an NTP timestamp (RFC 5905 section 6); None when it is shorter than 8 octets."""
    return float(int.from_bytes(value[:4], "big") - _NTP_EPOCH) if len(value) >= 8 else None


def parsed_date(text: str, pattern: str) -> float | None:
    """Read a date by a pattern of strptime's: the parts have no range, names of zones are UTC.

    Returns:
        whole seconds; None when text and pattern do not fit, or the pattern has a letter that is not known.
    """
    regex, letters = _compiled(pattern)
    found = regex.fullmatch(text) if regex is not None else None
    return None if found is None else _seconds(dict(zip(letters, found.groups(), strict=True)))


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> tuple[re.Pattern[str] | None, str]:
    """Return a pattern as a regular expression, and the letter of each of its groups."""
    for letter, parts in _COMPOSED.items():
        pattern = re.sub(rf"(?<!%)((?:%%)*)%{re.escape(letter)}", rf"\1{parts}", pattern)
    regex, letters = [], []
    for percent, letter in re.findall(r"(%?)(.?)", pattern, re.DOTALL):
        if not percent:
            regex.append(re.escape(letter))
        elif letter in _LETTERS:
            regex.append(_LETTERS[letter])
            letters.append(letter)
        else:
            return None, ""
    return re.compile("".join(regex), re.ASCII), "".join(letters)


def _plain(part: str) -> Callable[[str], Mapping[str, int]]:
    return lambda word: {part: int(word)}


def _short_year(word: str) -> Mapping[str, int]:
    return {"year": int(word) + (2000 if int(word) < 69 else 1900)}  # POSIX strptime


def _month(word: str) -> Mapping[str, int]:
    return {"month": [name[:3] for name in _MONTHS].index(word[:3].lower()) + 1}


def _zone(word: str) -> Mapping[str, int]:
    digits = word[1:].replace(":", "").ljust(4, "0")
    return {"east": (int(digits[:2]) * 60 + int(digits[2:])) * (-60 if word[0] == "-" else 60)}


_READERS: Final[Mapping[str, Callable[[str], Mapping[str, int]]]] = {
    **dict.fromkeys("YG", _plain("year")), "y": _short_year, "g": lambda word: {"year": int(word) + 2000},
    "C": _plain("century"), "m": _plain("month"), **dict.fromkeys("Bbh", _month), **dict.fromkeys("de", _plain("day")),
    "j": _plain("day_of_year"), **dict.fromkeys("Hk", _plain("hour")),
    **dict.fromkeys("Il", lambda word: {"hour": int(word) if int(word) != 12 else 0}),
    **dict.fromkeys("pP", lambda word: {"afternoon": word.lower() == "pm"}), "M": _plain("minute"),
    "S": _plain("second"), "z": _zone,
    "s": lambda word: {"year": 1970, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": int(word)},
}  # fmt: skip


def _seconds(found: Mapping[str, str]) -> float:
    """Return the date of a match, by letters; of two letters for one part the later one counts."""
    parts = {"year": 1900, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0, "east": 0}
    for letter, word in found.items():
        if letter in _READERS:
            parts |= _READERS[letter](word)
    if parts.get("century"):
        parts["year"] = parts["century"] * 100 + parts["year"] % 100
    if parts.get("day_of_year"):
        parts |= {"month": 1, "day": parts["day_of_year"]}
    return unix_seconds(
        parts["year"], parts["month"], parts["day"], parts["hour"] + 12 * parts.get("afternoon", 0), parts["minute"],
        parts["second"], east_seconds=parts["east"],
    )  # fmt: skip

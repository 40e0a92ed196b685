"""What may be a fact: texts that stand where a serial, a model or a version should, and are none, are refused. Pure."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

_FIRST_YEAR: Final = 1990  # before that nothing spoke SNMP
# what makers leave in place of a value; whole texts, lower case
_JUNK: Final = re.compile(
    r"\W*|un(?:known|defined|available|specified|set|assigned)|n/?a|none|null|nil|nothing|empty|invalid|error|"
    r"default(?: string)?|"
    r"not (?:specified|provided|entered|found|available|applicable|present|set|supported|configured|defined|known|"
    r"settable|known yet)|"
    r"no (?:serial|such|data|value|information)\b.*|system (?:serial number|product name|manufacturer|version|model)|"
    r"(?:to|o) be (?:filled|set)\b.*|(?:base ?board|chassis) serial number|n\.a\.|"
    r"o\.?e\.?m\.?|serial(?:[ _-]?(?:number|no\.?))?|"
    r"model(?:[ _-]?(?:number|name))?|product|"
    r"<?(?:private|removed|redacted|hidden|deleted)>?|x{2,}|test|string|chassis|sys(?:tem)?|board|module|"
    r"(?:x|0|\.|-|_|#|f|\*|\?|:| )+|123456789?0?\w*|0?123456789\w*|(.)\1+|reserved|version|noname|no name|dummy|tbd|"
    r"type|vendor|manufacturer|hardware|software|firmware|unknown .*|power supply|ups"
)
_SERIAL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/+#()=-]{2,39}")
_LONGEST: Final = {"vendor": 40, "model": 60, "part_number": 40, "serial": 40, "kind": 30, "software": 120}
_LONGEST_OTHER: Final = 60
_WITH_DIGIT: Final = frozenset(("software_version", "firmware_version", "bios_version", "hardware_version"))
_VERSION_WORDS: Final = re.compile(
    r"^(?:(?:version|ver\.?|rev(?:ision|\.)?|release|firmware|fw)[ :=]*)?v?(?=\d)", re.IGNORECASE
)
_COMPANY: Final = re.compile(
    r"[,.]?\s+(?:inc(?:orporated)?|ltd|limited|corp(?:oration)?|co|company|gmbh|s\.?a\.?|s\.?p\.?a|a/?s|b\.?v|llc|ag|plc)\b\.?(?:.*)$",
    re.IGNORECASE,
)
_ADDRESS: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")  # of IPv4
_PREFIX: Final = re.compile(r"^(?:s/?n|serial(?: ?(?:number|no\.?))?)\s*[:=#]\s*", re.IGNORECASE)


def sound(name: str, said: str) -> str | None:
    """Return what a text says as a fact of this name; None where it is no such thing."""
    value = said.replace("\ufffd", "\x00").strip().strip("\"'").strip()
    if name == "serial":
        value = _PREFIX.sub("", value)
    elif name in _WITH_DIGIT:
        value = _VERSION_WORDS.sub("", value).rstrip(".,; ")
    elif name == "vendor":
        value = _COMPANY.sub("", value).strip(" ,")
    if "\x00" in value or not 2 <= len(value) + (name in _WITH_DIGIT) <= _LONGEST.get(name, _LONGEST_OTHER):
        return None
    if _JUNK.fullmatch(value.lower()):
        return None
    if name == "serial" and (not (_SERIAL.fullmatch(value) and re.search(r"\d", value)) or _ADDRESS.fullmatch(value)):
        return None
    if name in _WITH_DIGIT and not re.search(r"\d", value):
        return None
    if name in ("vendor", "model") and not re.search(r"[A-Za-z]|\d{3}", value):
        return None
    return value


def day(said: str, formats: Iterable[str], today: date) -> str | None:
    """Return a date as ISO 8601; None where it is none, or cannot be when anything was made."""
    for shape in formats:
        try:
            found = datetime.strptime(said.strip(), shape).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
        return found.isoformat() if plausible(found, today) else None
    return None


def plausible(found: date, today: date) -> bool:
    """Return whether a thing may have been made that day: clocks and empty fields begin on a 1 January."""
    return found.year >= _FIRST_YEAR and found <= today and (found.month, found.day) != (1, 1)


def octets_day(octets: bytes, today: date) -> date | None:
    """Return the day of a DateAndTime (RFC 2579); None where it holds none, or an unlikely one."""
    if len(octets) not in (8, 11):
        return None
    try:
        found = date(int.from_bytes(octets[:2], "big"), octets[2], octets[3])
    except ValueError:
        return None
    return found if plausible(found, today) else None

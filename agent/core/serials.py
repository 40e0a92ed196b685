"""Serial numbers, as devices and people write them: which are none, and which are the same."""

import re
from typing import Final

# what makers, BIOSes, spreadsheets and people put where a number is wanted
_NONE: Final = frozenset({
    "0", "NA", "NONE", "NULL", "NIL", "UNKNOWN", "TBC", "TBD", "DEFAULT", "DEFAULTSTRING", "TOBEFILLEDBYOEM", "OEM",
    "SERIAL", "SERIALNUMBER", "SYSTEMSERIALNUMBER", "CHASSISSERIALNUMBER", "NOTSPECIFIED", "NOTAVAILABLE", "INVALID",
    "NOTAPPLICABLE", "EMPTY", "BUILTIN", "PRIVATE", "REDACTED", "1234567890", "123456789", "0123456789", "12345678",
})  # fmt: skip
_ROUNDED: Final = re.compile(r"\d[.,]\d+E\+?\d+", re.IGNORECASE)
_LEAST: Final = 3


def normal(serial: str) -> str:
    """Return a serial number by which others can be compared with it; "" for what is none.

    Case, blanks and dashes say nothing, and a spreadsheet takes leading zeros away.
    """
    bare = re.sub(r"[^0-9A-Z]", "", serial.upper())
    if bare in _NONE or len(set(bare)) <= 1 or is_rounded(serial):
        return ""
    bare = bare.lstrip("0")
    return bare if len(bare) >= _LEAST else ""


def is_rounded(serial: str) -> bool:
    """Say whether a spreadsheet took a serial number for a number and lost its end: `2.10235E+19`."""
    return _ROUNDED.fullmatch(serial.strip()) is not None

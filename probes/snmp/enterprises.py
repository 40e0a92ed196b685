"""Whom IANA gave a private enterprise number: the maker of what nobody has written a rule for."""

import re
from functools import lru_cache
from importlib import resources
from typing import Final

_FORMS: Final = re.compile(  # of companies, at the end of their names
    r"[\s,]+(?:incorporated|inc|limited|ltd|llc|l\.l\.c|corporation|corp|company|co|gmbh|mbh|ag|kg|s\.?a|s\.?a\.?s|s\.?p\.?a|"
    r"s\.?r\.?l|b\.?v|n\.?v|a/s|aps|as|asa|oy|oyj|ab|kft|s\.r\.o|spol\. s r\.o|d\.o\.o|z o\.?o|sp|plc|pty|pte|k\.?k|"
    r"&|and|international|intl|holdings?|group|germany|deutschland|usa|us)\.?$",
    re.IGNORECASE,
)
_ASIDE: Final = re.compile(r"\s*(?:\(.*|\bformerly\b.*|\bf/k/a\b.*|\bdba\b.*)$", re.IGNORECASE)
_MAX_NAME: Final = 50  # a name, not an address


@lru_cache(maxsize=1024)
def registered(number: int) -> str | None:
    """Return the organization that has this number, without its legal form; None for a number of nobody.

    Source: configs/identity/iana/enterprises.tsv, where its origin is told. It is read for each number, which takes a
    millisecond or two, and is not kept: most agents meet a handful of such makers.
    """
    lines = b"\n" + resources.files("configs").joinpath("identity/iana/enterprises.tsv").read_bytes()
    head = f"\n{number}\t".encode()
    begin = lines.find(head)
    if begin < 0:
        return None
    return brand(lines[begin + len(head) : lines.find(b"\n", begin + 1)].decode())


def brand(organization: str) -> str | None:
    """Return what a maker is called, of what it is registered as; None where that is no name.

    `Raritan Computer, Inc.` is Raritan Computer.
    """
    name = _ASIDE.sub("", organization.strip())
    while (shorter := _FORMS.sub("", name).rstrip(" ,.")) != name and shorter:
        name = shorter
    return name if 2 <= len(name) <= _MAX_NAME and any(letter.isalpha() for letter in name) else None

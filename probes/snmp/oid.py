"""OIDs as the octets of their BER body (X.690 section 8.19), and their order.

A walk compares and cuts OIDs far more often than it shows them to anyone, so they stay octets.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

MAX_SUBIDENTIFIERS: Final = 128  # RFC 2578 section 3.5
# sub-identifiers below 2^32 in the fewest octets (X.690 8.19.2: the leading octet is never 0x80)
_OID_BODY: Final = re.compile(
    rb"(?:[\x00-\x7f]|[\x81-\xff][\x80-\xff]{0,2}[\x00-\x7f]|[\x81-\x8f][\x80-\xff]{3}[\x00-\x7f])+", re.DOTALL
)
# whether a sub-identifier goes on after each octet
_GOES_ON: Final = bytes(128) + b"\x01" * 128
_OID_TEXT: Final = re.compile(r"\.?\d{1,10}(?:\.\d{1,10})+", re.ASCII)
MAX_OID_OCTETS: Final = 5 * MAX_SUBIDENTIFIERS


class SnmpDecodeError(ValueError):
    """The octets are no SNMP message, or no OID; the text says what was expected where."""


@lru_cache(maxsize=4096)
def encode_oid(text: str) -> bytes:
    """Return the BER body of a dotted OID (`1.3.6.1.2.1.1.3.0`; a leading dot is allowed).

    Raises:
        ValueError: for what is no OID: fewer than two parts, a first part above 2, a part of 2^32 or more.
    """
    if not _OID_TEXT.fullmatch(text):
        raise ValueError(f"expected an OID such as 1.3.6.1.2.1.1, got {text!r}")
    return encode_parts(int(part) for part in text.lstrip(".").split("."))


def encode_parts(parts: Iterable[int]) -> bytes:
    """Return the BER body of an OID given as numbers.

    Raises:
        ValueError: as `encode_oid`.
    """
    numbers = tuple(parts)
    fits = 2 <= len(numbers) <= MAX_SUBIDENTIFIERS and numbers[0] <= 2 and (numbers[0] == 2 or numbers[1] < 40)
    if not fits or min(numbers) < 0 or max(numbers) >= 1 << 32 or 40 * numbers[0] + numbers[1] >= 1 << 32:
        raise ValueError(f"expected an OID of 2 to {MAX_SUBIDENTIFIERS} numbers, got {'.'.join(map(str, numbers))!r}")
    return encode_index((40 * numbers[0] + numbers[1], *numbers[2:]))


def encode_index(parts: Iterable[int]) -> bytes:
    """Return sub-identifiers as octets, without the special first pair: what is appended to an OID's body."""
    out = bytearray()
    for part in parts:
        if part < 0x80:
            out.append(part)
            continue
        groups = [part & 0x7F]
        while part := part >> 7:
            groups.append(part & 0x7F | 0x80)
        out += bytes(reversed(groups))
    return bytes(out)


def is_oid_body(body: bytes) -> bool:
    """Return whether the octets are whole sub-identifiers below 2^32, in the fewest octets each; b"" is not."""
    return _OID_BODY.fullmatch(body) is not None


def decode_index(body: bytes) -> tuple[int, ...]:
    """Return the sub-identifiers of the tail of an OID's body: an index, without the special first pair.

    Raises:
        SnmpDecodeError: when the octets end within a sub-identifier, pad one, or one is 2^32 or more.
    """
    if body.isascii():
        return tuple(body)
    if not is_oid_body(body):
        raise SnmpDecodeError(f"OID expected, got octets {body[:40].hex()}")
    parts, value = [], 0
    for octet in body:
        value = value << 7 | octet & 0x7F
        if octet < 0x80:
            parts.append(value)
            value = 0
    return tuple(parts)


def decode_oid(body: bytes) -> tuple[int, ...]:
    """Return an OID's numbers; `()` for an empty body.

    Raises:
        SnmpDecodeError: as `decode_index`.
    """
    parts = decode_index(body)
    if not parts:
        return ()
    first = min(parts[0] // 40, 2)
    return (first, parts[0] - 40 * first, *parts[1:])


def oid_text(body: bytes) -> str:
    """Return the dotted form, without a leading dot.

    Raises:
        SnmpDecodeError: as `decode_index`.
    """
    return ".".join(map(str, decode_oid(body)))


def oid_after(later: bytes, earlier: bytes) -> bool:
    """Return whether `later` follows `earlier` in the order of a walk.

    Octets compare like numbers only where the sub-identifiers have the same lengths.
    """
    if (later.isascii() and earlier.isascii()) or later.translate(_GOES_ON) == earlier.translate(_GOES_ON):
        return later > earlier
    return decode_index(later) > decode_index(earlier)

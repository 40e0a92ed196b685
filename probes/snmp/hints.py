"""DISPLAY-HINT of a textual convention (RFC 2579 section 3.1), as snmp_exporter after 0.30 applies it."""

import re
from typing import Final

_PART: Final = re.compile(r"(\*?)(\d+)([dxoat])([^\d*]?)", re.ASCII)
_WITH_TERMINATOR: Final = re.compile(r"(\*)(\d+)([dxoat])([^\d*]?)([^\d*]?)", re.ASCII)
_MOST_NUMBER_OCTETS: Final = 8


def hinted(hint: str, octets: bytes) -> bytes | None:
    """Return octets as a hint wants to see them; None when the hint is none, or cannot come to an end.

    The last part goes on until the octets are used up; no separator stands at the end. Hexadecimal is upper-case.
    """
    parts = _parts(hint)
    if parts is None or not octets:
        return None
    out, at, number = bytearray(), 0, 0
    while at < len(octets):
        star, take, kind, separator, terminator = parts[min(number, len(parts) - 1)]
        if number >= len(parts) and not take and not star:
            return None  # would go on for ever
        number += 1
        times = 1
        if star:
            times, at = octets[at], at + 1
        for turn in range(times):
            if at >= len(octets):
                break
            if kind in "do" and min(take, len(octets) - at) > _MOST_NUMBER_OCTETS:
                return None
            out += _shown(kind, octets[at : at + take])
            at = min(at + take, len(octets))
            if at < len(octets) and (not terminator or turn != times - 1):
                out += separator
        if at < len(octets):
            out += terminator
    return bytes(out)


def _parts(hint: str) -> list[tuple[bool, int, str, bytes, bytes]] | None:
    out, at = [], 0
    while at < len(hint):
        found = _WITH_TERMINATOR.match(hint, at) or _PART.match(hint, at)
        if found is None:
            return None
        star, take, kind, *rest = found.groups()
        separator, terminator = (*[mark.encode() for mark in rest], b"")[:2]
        out.append((bool(star), min(int(take), 1 << 16), kind, separator, terminator))
        at = found.end()
    return out or None


def _shown(kind: str, chunk: bytes) -> bytes:
    if kind == "x":
        return chunk.hex().upper().encode()
    if kind in "at":
        return chunk
    number = int.from_bytes(chunk, "big")
    return (b"%d" if kind == "d" else b"%o") % number

"""How a value or an index reads as text or as a number: the rules of snmp_exporter, which dashboards rely on."""

import math
import re
import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from probes.snmp.ber import Tag, VarBind
from probes.snmp.modules import Extract
from probes.snmp.oid import decode_index, oid_text

MAX_LABEL_OCTETS: Final = 4096  # a label is no place for a file; DisplayString ends at 255
_MAX_INDEX_OCTETS: Final = 128  # an OID has no more sub-identifiers: a longer length is a lie
_COUNTER64_MASK: Final = (1 << 53) - 1  # so that a double holds it exactly and rate() sees a clean wrap
_PLAIN_NUMBERS: Final = frozenset((Tag.INTEGER, Tag.COUNTER32, Tag.GAUGE32, Tag.TIMETICKS))
_NTP_EPOCH: Final = 2208988800  # 1970-01-01 in seconds since 1900
# which text type an address or identifier has, by the number before it (INET-ADDRESS-MIB, LLDP-MIB)
_COMBINED: Final[Mapping[str, Mapping[int, str]]] = {
    "InetAddress": {1: "InetAddressIPv4", 2: "InetAddressIPv6"},
    "InetAddressMissingSize": {1: "InetAddressIPv4", 2: "InetAddressIPv6"},
    "LldpPortId": {1: "DisplayString", 2: "DisplayString", 3: "PhysAddress48", 5: "DisplayString", 7: "DisplayString"},
}
_SURROGATES: Final = re.compile("[\udc80-\udcff]+")
_REFERENCE: Final = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))", re.ASCII)


def is_combined(kind: str) -> bool:
    """Return whether the type depends on the object before it."""
    return kind in _COMBINED


def combined_type(kind: str, number: int) -> str:
    """Return what `kind` is after the type number; OctetString where nobody knows."""
    return _COMBINED[kind].get(number, "OctetString")


# ------------------------------------------------------------------ numbers


def number(bind: VarBind) -> float | None:
    """Return a varbind as a number; None for what is none. Counter64 is taken modulo 2^53."""
    _, tag, value = bind
    if isinstance(value, int):
        return value & _COUNTER64_MASK if tag == Tag.COUNTER64 else value
    if tag == Tag.OPAQUE and isinstance(value, bytes):
        # net-snmp's floats within Opaque (NET-SNMP-TC, draft-perkins-opaque-01)
        if value[:3] == b"\x9f\x78\x04" and len(value) == 7:
            return float(struct.unpack(">f", value[3:])[0])
        if value[:3] == b"\x9f\x79\x08" and len(value) == 11:
            return float(struct.unpack(">d", value[3:])[0])
    return None


def numbers(run: Sequence[VarBind]) -> list[float] | None:
    """Return a whole column as numbers; None when one of them is none."""
    tags = {bind[1] for bind in run}
    if tags <= _PLAIN_NUMBERS:
        return [bind[2] for bind in run]  # type: ignore[misc] # these tags come with int
    if tags == {Tag.COUNTER64}:
        return [bind[2] & _COUNTER64_MASK for bind in run]  # type: ignore[operator]
    values = [number(bind) for bind in run]
    return None if None in values else values  # type: ignore[return-value]


def date_number(bind: VarBind, kind: str, pattern: str) -> float | None:
    """Return a date as seconds since 1970; None where the octets hold none."""
    value = bind[2]
    if not isinstance(value, bytes):
        return None
    if kind == "DateAndTime":
        return _date_and_time(value)
    if kind == "NTPTimeStamp":
        return float(int.from_bytes(value[:4], "big") - _NTP_EPOCH) if len(value) == 8 else None
    try:
        return datetime.strptime(utf8(value), pattern).replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return None


def _date_and_time(value: bytes) -> float | None:
    """Read SNMPv2-TC DateAndTime, without its tenths; a 13th month is the next year's first, as Go counts."""
    if len(value) not in (8, 11):
        return None
    year, month, day, hour, minute, second = struct.unpack(">HBBBBB", value[:7])
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    # days from civil: proleptic Gregorian, also for years that datetime does not have
    shifted = year - (month <= 2)
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days = era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
    seconds = days * 86400 + hour * 3600 + minute * 60 + second
    if len(value) == 11:
        east = (value[9] * 60 + value[10]) * 60
        seconds += east if value[8:9] == b"-" else -east
    return float(seconds)


def extracted(text: str, extracts: Sequence[Extract]) -> float | None:
    """Return the number that the first fitting regular expression gives; None where none does."""
    for extract in extracts:
        found = extract.regex.fullmatch(text)
        if found is None:
            continue
        groups: Mapping[str, str | None] = {
            **{str(place): group for place, group in enumerate((found[0], *found.groups()))},
            **found.groupdict(),
        }
        word = _REFERENCE.sub(lambda ref, by=groups: ref[1] or by.get(ref[2] or ref[3]) or "", extract.value)  # type: ignore[misc]
        if not word or word != word.strip() or "_" in word:
            continue
        try:
            value = float(word)
        except ValueError:
            continue
        if not math.isnan(value) or word.lower() == "nan":
            return value
    return None


# ------------------------------------------------------------------ text


def utf8(octets: bytes) -> str:
    """Return octets as text; each run of octets that is no UTF-8 becomes one U+FFFD."""
    octets = octets[:MAX_LABEL_OCTETS]
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return _SURROGATES.sub("\ufffd", octets.decode(errors="surrogateescape"))


def text(bind: VarBind, kind: str) -> str:
    """Return a varbind as the text of a label."""
    _, tag, value = bind
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    if tag == Tag.OID:
        return oid_text(value) or "0.0"
    if tag == Tag.IP_ADDRESS:
        return ".".join(map(str, value))
    if tag == Tag.OPAQUE and (real := number(bind)) is not None:
        return f"{real:g}"
    value = value[:MAX_LABEL_OCTETS]
    if kind in ("OctetString", "Bits", ""):
        return f"0x{value.hex().upper()}" if value else ""
    if kind == "DisplayString" or kind not in _FIXED:
        return utf8(value)
    return _FIXED[kind][1](_padded(value, _FIXED[kind][0]))


def index_text(
    parts: Sequence[int], kind: str, fixed_size: int = 0, *, implied: bool = False,
    enum_values: Mapping[int, str] | None = None,
) -> tuple[str, int]:  # fmt: skip
    """Return an index's first part as text, and how many sub-identifiers it takes.

    Args:
        fixed_size: octets of a string that has no length before it; 0 where the length comes first.
        implied: whether the string takes all that is left (RFC 2578 section 7.7).
    """
    if kind in _COMBINED:
        skip = 1 if kind == "InetAddressMissingSize" else 2
        inner = _COMBINED[kind].get(parts[0]) if parts else None
        if inner is not None:
            content, used = index_text(parts[skip:], inner, implied=inner == "DisplayString")
            return content, min(len(parts), skip) + used
        content, used = index_text(parts[1:], "OctetString")
        return content, min(len(parts), 1) + used
    if kind in _FIXED:
        size, show = _FIXED[kind]
        return show(_padded(parts, size)), min(len(parts), size)
    if kind in ("OctetString", "DisplayString", "Bits"):
        length, start = (len(parts), 0) if implied else (fixed_size, 0)
        if not length and parts:
            length, start = min(parts[0], _MAX_INDEX_OCTETS), 1
        octets = bytes(part & 0xFF for part in _padded(parts[start:], length))
        used = min(len(parts), start + length)
        if kind == "DisplayString":
            return utf8(octets), used
        return f"0x{octets.hex().upper()}" if octets else "", used
    value = parts[0] if parts else 0
    return (enum_values or {}).get(value, str(value)), min(len(parts), 1)


def suffix_parts(suffix: bytes) -> tuple[int, ...]:
    """Return the sub-identifiers behind a column's OID."""
    return decode_index(suffix) if suffix else ()


def _padded(parts: Sequence[int], size: int) -> list[int]:
    return [*parts[:size], *([0] * (size - len(parts)))]


def _hex48(parts: Sequence[int]) -> str:
    return ":".join(f"{part:02X}" for part in parts)


def _dotted(parts: Sequence[int]) -> str:
    return ".".join(map(str, parts))


def _groups(parts: Sequence[int]) -> str:
    return ":".join(f"{high:02X}{low:02X}" for high, low in zip(parts[::2], parts[1::2], strict=True))


_FIXED: Final = {
    "PhysAddress48": (6, _hex48),
    "InetAddressIPv4": (4, _dotted),
    "IpAddr": (4, _dotted),
    "InetAddressIPv6": (16, _groups),
}

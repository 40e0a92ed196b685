"""How a value or an index reads as text or as a number: the rules of snmp_exporter, which dashboards rely on."""

import math
import re
import struct
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from probes.snmp.ber import Tag, VarBind
from probes.snmp.dates import date_and_time, ntp_timestamp, parsed_date
from probes.snmp.hints import hinted
from probes.snmp.oid import decode_index, oid_text

MAX_LABEL_OCTETS: Final = 4096  # a label is no place for a file; DisplayString ends at 255
_MAX_INDEX_OCTETS: Final = 255  # an OID has at most 128 sub-identifiers: a longer length is a lie
_COUNTER64_MASK: Final = (1 << 53) - 1  # so that a double holds it exactly and rate() sees a clean wrap
_PLAIN_NUMBERS: Final = frozenset((Tag.INTEGER, Tag.COUNTER32, Tag.GAUGE32, Tag.TIMETICKS))
_LEAST_INT64: Final = -(1 << 63)  # what Go makes of a float that fits no integer
# which text type an address or identifier has, by the number before it (INET-ADDRESS-MIB, LLDP-MIB)
_COMBINED: Final[Mapping[str, Mapping[int, str]]] = {
    "InetAddress": {1: "InetAddressIPv4", 2: "InetAddressIPv6"},
    "InetAddressMissingSize": {1: "InetAddressIPv4", 2: "InetAddressIPv6"},
    "LldpPortId": {1: "DisplayString", 2: "DisplayString", 3: "PhysAddress48", 5: "DisplayString", 7: "DisplayString"},
}
_FIRST_NUMBER: Final = frozenset(("gauge", "counter", "Integer", "Integer32", "EnumAsInfo"))
_NAMED: Final = frozenset(("EnumAsInfo", "EnumAsStateSet"))  # indexes that show names; others have them for no use
_SURROGATES: Final = re.compile("[\udc80-\udcff]+")


def is_combined(kind: str) -> bool:
    """Return whether the type depends on the object before it."""
    return kind in _COMBINED


def combined_type(kind: str, number: int) -> str | None:
    """Return what `kind` is after the type number; None where nobody knows."""
    return _COMBINED[kind].get(number)


# ------------------------------------------------------------------ numbers


def number(bind: VarBind) -> float | None:
    """Return a varbind as a number; None for what is none. Counter64 is taken modulo 2^53."""
    _, tag, value = bind
    if isinstance(value, int):
        return value & _COUNTER64_MASK if tag == Tag.COUNTER64 else value
    if tag == Tag.OPAQUE and isinstance(value, bytes):
        return _real(value)
    return None


def _real(value: bytes) -> float | None:
    """Return net-snmp's floats within Opaque (NET-SNMP-TC, draft-perkins-opaque-01)."""
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


def counted(tags: npt.NDArray[np.uint8], values: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Return whole numbers of these types as `numbers` does."""
    masked = np.where(tags == Tag.COUNTER64, values & np.uint64(_COUNTER64_MASK), values)
    return masked.astype(np.float64)


def integer(bind: VarBind) -> int | None:
    """Return a varbind as a whole number, as an enumeration wants it; None for what is no number."""
    value = number(bind)
    if value is None or isinstance(value, int):
        return value
    return int(value) if math.isfinite(value) and abs(value) < 1 << 63 else _LEAST_INT64


def date_number(bind: VarBind, kind: str, pattern: str) -> float | None:
    """Return a date as seconds since 1970; None where there is none."""
    if kind == "ParseDateAndTime":
        return parsed_date(text(bind, "DisplayString"), pattern)
    value = bind[2]
    if bind[1] not in (Tag.OCTET_STRING, Tag.OPAQUE) or not isinstance(value, bytes):
        return None
    return date_and_time(value) if kind == "DateAndTime" else ntp_timestamp(value)


# ------------------------------------------------------------------ text


def utf8(octets: bytes, *, strict: bool = False) -> str:
    """Return octets as text; each run of octets that is no UTF-8 becomes one U+FFFD.

    Raises:
        UnicodeDecodeError: when that is wanted instead.
    """
    octets = octets[:MAX_LABEL_OCTETS]
    try:
        return octets.decode()
    except UnicodeDecodeError:
        if strict:
            raise
        return _SURROGATES.sub("\ufffd", octets.decode(errors="surrogateescape"))


def text(bind: VarBind, kind: str, hint: str = "") -> str:
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
    if tag == Tag.OPAQUE and (real := _real(value)) is not None:
        return _real_text(real, single=len(value) == 7)
    value = value[:MAX_LABEL_OCTETS]
    if kind in ("OctetString", "Bits", ""):
        if hint and (shown := hinted(hint, value)) is not None:
            return utf8(shown)
        return f"0x{value.hex().upper()}" if value else ""
    if kind in _FIXED:
        return _FIXED[kind][1](_split(value, _FIXED[kind][0])[0])
    if kind in _FIRST_NUMBER:
        return str(value[0] if value else 0)
    return index_value(value, kind).text if kind in _COMBINED else utf8(value)


def _real_text(value: float, *, single: bool) -> str:
    """Return the fewest digits that tell a float from its neighbours, never with an exponent."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return np.format_float_positional(np.float32(value) if single else np.float64(value), trim="-")


class IndexValue(NamedTuple):
    """One part of a row's index.

    Attributes:
        taken: its sub-identifiers, with zeroes for those that the agent left out.
    """

    text: str
    taken: tuple[int, ...]
    rest: tuple[int, ...]


def index_value(
    parts: Sequence[int], kind: str, fixed_size: int = 0, *, implied: bool = False,
    enum_values: Mapping[int, str] | None = None, strict: bool = False,
) -> IndexValue:  # fmt: skip
    """Return what the first sub-identifiers of an index say.

    Args:
        parts: the sub-identifiers; or the octets of a value, which read the same.
        fixed_size: octets of a string that has no length before it; 0 where the length comes first.
        implied: whether the string takes all that is left (RFC 2578 section 7.7).

    Raises:
        UnicodeDecodeError: when a string is no UTF-8, and `strict`.
    """
    if kind in _COMBINED:
        return _combined(parts, kind, strict=strict)
    if kind in _FIXED:
        size, show = _FIXED[kind]
        taken, rest = _split(parts, size)
        return IndexValue(show(taken), taken, rest)
    if kind in ("OctetString", "DisplayString", "Bits"):
        return _string(parts, kind, len(parts) if implied else fixed_size, strict=strict)
    taken, rest = _split(parts, 1)
    named = enum_values if enum_values and kind in _NAMED else {}
    return IndexValue(named.get(taken[0], str(taken[0])), taken, rest)


def _combined(parts: Sequence[int], kind: str, *, strict: bool) -> IndexValue:
    sized = kind != "InetAddressMissingSize"
    head, rest = _split(parts, 1 + sized)
    if (inner := _COMBINED[kind].get(head[0])) is not None:
        found = index_value(rest, inner, strict=strict)
        return IndexValue(found.text, head + found.taken, found.rest)
    return _string(parts, "OctetString", min(head[1], _MAX_INDEX_OCTETS) + 2 if sized else len(parts), strict=strict)


def _string(parts: Sequence[int], kind: str, size: int, *, strict: bool) -> IndexValue:
    head: tuple[int, ...] = ()
    if not size:
        head, parts = _split(parts, 1)
        size = min(head[0], _MAX_INDEX_OCTETS)
    content, rest = _split(parts, size)
    octets = bytes([part & 0xFF for part in content])
    if kind == "DisplayString":
        return IndexValue(utf8(octets, strict=strict), head + content, rest)
    return IndexValue(f"0x{octets.hex().upper()}" if octets else "", head + content, rest)


def suffix_parts(suffix: bytes) -> tuple[int, ...]:
    """Return the sub-identifiers behind a column's OID."""
    return decode_index(suffix) if suffix else ()


def _split(parts: Sequence[int], size: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return so many parts, with zeroes for what is missing, and the rest."""
    return (*parts[:size], *([0] * (size - len(parts)))), tuple(parts[size:])


def _hex48(parts: Sequence[int]) -> str:
    return ":".join([f"{part:02X}" for part in parts])


def _dotted(parts: Sequence[int]) -> str:
    return ".".join(map(str, parts))


def _groups(parts: Sequence[int]) -> str:
    return ":".join([f"{high:02X}{low:02X}" for high, low in zip(parts[::2], parts[1::2], strict=True)])


_FIXED: Final = {
    "PhysAddress48": (6, _hex48),
    "InetAddressIPv4": (4, _dotted),
    "IpAddr": (4, _dotted),
    "InetAddressIPv6": (16, _groups),
}

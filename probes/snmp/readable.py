"""Values as a person reads them: enumerations and OIDs by name, DISPLAY-HINTs (RFC 2579 section 3.1), durations."""

import re
from typing import Final

from agent.core.units import format_duration
from probes.snmp.ber import Tag, VarBind
from probes.snmp.names import MibObject, Names
from probes.snmp.oid import oid_text
from probes.snmp.values import number, utf8

_MAX_OCTETS: Final = 4096  # of one value that is shown
_MAX_BITS: Final = 1024
_OCTET_FORMAT: Final = re.compile(r"(\*?)(\d{1,5})([xdoat])([^\d*])?([^\d*])?", re.ASCII | re.DOTALL)
_PLAIN: Final = MibObject("", "")
TYPES: Final = {
    Tag.INTEGER: "Integer32", Tag.OCTET_STRING: "OctetString", Tag.NULL: "Null", Tag.OID: "ObjectIdentifier",
    Tag.IP_ADDRESS: "IpAddress", Tag.COUNTER32: "Counter32", Tag.GAUGE32: "Gauge32", Tag.TIMETICKS: "TimeTicks",
    Tag.OPAQUE: "Opaque", Tag.COUNTER64: "Counter64", Tag.NO_SUCH_OBJECT: "noSuchObject",
    Tag.NO_SUCH_INSTANCE: "noSuchInstance", Tag.END_OF_MIB_VIEW: "endOfMibView",
}  # fmt: skip


def type_name(tag: int) -> str:
    """Return SMI's name of a value's type."""
    return TYPES[Tag(tag)]


def plain(bind: VarBind) -> int | float | str | None:
    """Return a value for programs: a number, dotted text, or octets as text where they are text, else as 0x and hex."""
    _, tag, value = bind
    if value is None or isinstance(value, int):
        return value
    if tag == Tag.OID:
        return oid_text(value) or "0.0"
    if tag == Tag.IP_ADDRESS:
        return ".".join(map(str, value))
    if tag == Tag.OPAQUE and (real := number(bind)) is not None:
        return real
    return _as_text(value) or (f"0x{value.hex()}" if value else "")


def readable(bind: VarBind, names: Names, about: MibObject | None = None) -> str:
    """Return text for a person; what a device says may hold control characters still: a terminal must not get them.

    Args:
        about: how the object's values read; None where nobody knows the object.
    """
    _, tag, value = bind
    what = about or _PLAIN
    if value is None:
        return type_name(tag)
    if isinstance(value, int):
        if tag == Tag.TIMETICKS:
            return f"{format_duration(value / 100)} ({value})"
        if (state := what.enums.get(value)) is not None:
            return f"{state}({value})"
        shown = _decimal(value, what.hint)
        return f"{shown} {what.units}" if what.units else shown
    if tag == Tag.OID:
        return names.text(value)
    if tag == Tag.OCTET_STRING:
        shown = _octets(value[:_MAX_OCTETS], what)
        return shown + (f" ... ({len(value)} octets)" if len(value) > _MAX_OCTETS else "")
    return f"{plain(bind):g}" if isinstance(plain(bind), float) else str(plain(bind))


def _octets(value: bytes, what: MibObject) -> str:
    if what.bits:
        on = [bit for bit in range(min(8 * len(value), _MAX_BITS)) if value[bit // 8] & 0x80 >> bit % 8]
        return " ".join(f"{what.enums[bit]}({bit})" if bit in what.enums else str(bit) for bit in on)
    if what.hint and (shown := hinted(value, what.hint)) is not None:
        return shown
    if (text := _as_text(value)) is not None:
        return text
    return " ".join(f"{octet:02x}" for octet in value)


def _as_text(value: bytes) -> str | None:
    """Return octets as text; None where they are none."""
    try:
        text = value[:_MAX_OCTETS].rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return None
    return text if all(character.isprintable() or character in "\r\n\t" for character in text) else None


def _decimal(value: int, hint: str) -> str:
    """Return a number by an integer-format: `d-1` has one digit behind the point; x, o and b are other bases."""
    found = re.fullmatch(r"d-(\d{1,2})", hint, re.ASCII)
    if found and (places := int(found[1])):
        whole, rest = divmod(abs(value), 10**places)
        return f"{'-' if value < 0 else ''}{whole}.{rest:0{places}}"
    return format(value, hint) if hint in ("x", "o", "b") else str(value)


def hinted(value: bytes, hint: str) -> str | None:
    """Return octets by an octet-format such as `255a`, `1x:` or `2d-1d-1d,1d:1d:1d.1d,1a1d:1d`.

    Returns:
        None when the hint is none; the last format goes on for the octets that are left.
    """
    formats = _formats(hint)
    if not formats:
        return None
    out: list[str] = []
    at = place = 0
    while at < len(value):
        star, length, form, separator, terminator = formats[min(place, len(formats) - 1)]
        place += 1
        times, before = 1, at
        if star:  # the first octet says how often
            times, at = value[at], at + 1
        for again in range(times):
            if at >= len(value):
                break
            out.append(_field(value[at : at + length], form))
            at += length
            if at < len(value) and separator and not (terminator and again == times - 1):
                out.append(separator)
        if at < len(value) and times and terminator:
            out.append(terminator)
        if at == before:
            return None  # a format that takes nothing would go on for ever
    return "".join(out)


def _formats(hint: str) -> list[tuple[bool, int, str, str, str]]:
    formats: list[tuple[bool, int, str, str, str]] = []
    at = 0
    while at < len(hint):
        found = _OCTET_FORMAT.match(hint, at)
        if found is None:
            return []
        star, length, form, separator, terminator = found.groups()
        at = found.end(4) if separator else found.end(3)
        if star and separator and terminator:
            at = found.end(5)
        else:
            terminator = None
        formats.append((bool(star), int(length), form, separator or "", terminator or ""))
    return formats


def _field(part: bytes, form: str) -> str:
    if form == "x":
        return part.hex()
    if form == "d":
        return str(int.from_bytes(part, "big"))
    if form == "o":
        return f"{int.from_bytes(part, 'big'):o}"
    return utf8(part)  # devices send UTF-8 where the MIB says ASCII

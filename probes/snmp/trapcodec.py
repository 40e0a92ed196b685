"""Traps and informs as octets and back: v1 (RFC 1157), v2c (RFC 3416), and the header of v3 (RFC 3412, RFC 3414).

A pure codec beside `ber`, for what devices send unasked. What is secret in v3 is not touched here.
"""

from enum import IntEnum
from typing import Final, NamedTuple

from agent.core.traps import TrapKind
from probes.snmp.ber import (
    Pdu,
    Tag,
    VarBind,
    decode_index,
    decode_oid,
    decode_varbinds,
    encode_index,
    encode_integer,
    encode_oid,
    oid_text,
    tlv,
)
from probes.snmp.oid import MAX_OID_OCTETS, SnmpDecodeError, is_oid_body

MAX_TRAP_OCTETS: Final = 8192  # five Ethernet frames; what is longer is no trap that leads to anything
MAX_ENGINE_ID_OCTETS: Final = 32  # RFC 3411, SnmpEngineID
MAX_USER_OCTETS: Final = 32  # RFC 3414, usmUserName
MAX_NAME_LETTERS: Final = 255  # RFC 2578 DisplayString
USM: Final = 3  # the User-based Security Model

_SEQUENCE: Final = 0x30
_UPTIME: Final = encode_oid("1.3.6.1.2.1.1.3.0")
_TRAP_OID: Final = encode_oid("1.3.6.1.6.3.1.1.4.1.0")
_SNMP_TRAPS: Final = encode_oid("1.3.6.1.6.3.1.1.5")
_ENTERPRISE_SPECIFIC: Final = 6
_TRAP_OID_PLACES: Final = 4  # it is the second varbind; some put it a little later
_KINDS: Final = {
    _SNMP_TRAPS + bytes((number,)): kind
    for number, kind in (
        (1, TrapKind.COLD_START),
        (2, TrapKind.WARM_START),
        (3, TrapKind.LINK_DOWN),
        (4, TrapKind.LINK_UP),
        (5, TrapKind.AUTHENTICATION_FAILURE),
    )
}
_IF_INDEX: Final = encode_oid("1.3.6.1.2.1.2.2.1.1")
_IF_COLUMNS: Final = (_IF_INDEX, encode_oid("1.3.6.1.2.1.2.2.1.7"), encode_oid("1.3.6.1.2.1.2.2.1.8"))
_NAME_COLUMNS: Final = tuple(
    encode_oid(text) for text in ("1.3.6.1.2.1.31.1.1.1.1", "1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.31.1.1.1.18")
)


class TrapPdu(IntEnum):
    """Kinds of protocol data units that are sent unasked."""

    TRAP_V1 = 0xA4
    INFORM = 0xA6
    TRAP = 0xA7


_V2_PDUS: Final = frozenset((TrapPdu.INFORM, TrapPdu.TRAP))


class Notification(NamedTuple):
    """A trap or inform of any version, as RFC 3416 has it.

    Attributes:
        request_id: 0 for v1.
        trap_oid: BER body; for v1 as RFC 3584 section 3.1 makes it.
        varbinds: without sysUpTime and snmpTrapOID where they lead the list.
        raw_varbinds: all of them, as they came: an inform is answered with them.
    """

    pdu: int
    request_id: int
    trap_oid: bytes
    varbinds: list[VarBind]
    raw_varbinds: bytes

    @property
    def kind(self) -> TrapKind:
        """Return what it tells."""
        return _KINDS.get(self.trap_oid, TrapKind.OTHER)


class Envelope(NamedTuple):
    """The part of a v1 or v2c message around its PDU; `pdu_at` is where that begins."""

    version: int
    community: bytes
    pdu_at: int


class SecureHeader(NamedTuple):
    """What a v3 message says of itself before anything of it is checked.

    Attributes:
        engine_id: of the authoritative engine: a trap's sender, an inform's receiver; empty asks for ours.
        boots, seconds: that engine's, as the sender knows them.
    """

    message_id: int
    flags: int
    security_model: int
    engine_id: bytes
    boots: int
    seconds: int
    user: bytes

    @property
    def authenticated(self) -> bool:
        """Whether a digest is claimed."""
        return bool(self.flags & 0x01)

    @property
    def encrypted(self) -> bool:
        """Whether the PDU is encrypted."""
        return bool(self.flags & 0x02)

    @property
    def reportable(self) -> bool:
        """Whether the sender wants to hear what is wrong."""
        return bool(self.flags & 0x04)


class _Reader:
    """Takes elements one after another; each must lie within what holds it."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data, self.at, self.end = data, at, end

    def within(self, tag: int, what: str) -> "_Reader":
        """Return a reader of the next element's body, and go behind it."""
        data, at = self.data, self.at
        if at + 2 > self.end or data[at] != tag:
            got = data[at : min(at + 2, self.end)].hex() or "the end of what holds it"
            raise SnmpDecodeError(f"{what} (tag 0x{tag:02x}) expected at octet {at}, got {got}")
        size, start = data[at + 1], at + 2
        if size > 0x7F:  # as in `ber`: long forms with leading zeroes are sent
            width = size & 0x7F
            if not 1 <= width <= 4 or start + width > self.end:
                raise SnmpDecodeError(f"length of {what} in 1 to 4 octets expected at octet {at + 1}, got {width}")
            size, start = int.from_bytes(data[start : start + width], "big"), start + width
        if start + size > self.end:
            raise SnmpDecodeError(f"{what} needs {size} octets at octet {start}, got {self.end - start}")
        self.at = start + size
        return _Reader(data, start, start + size)

    def octets(self, tag: int, what: str, most: int = MAX_TRAP_OCTETS) -> bytes:
        body = self.within(tag, what)
        if body.end - body.at > most:
            raise SnmpDecodeError(f"{what} of at most {most} octets expected, got {body.end - body.at}")
        return body.data[body.at : body.end]

    def integer(self, what: str, tag: int = Tag.INTEGER) -> int:
        body = self.octets(tag, what, 5)
        if not body:
            raise SnmpDecodeError(f"{what} needs 1 to 5 octets, got 0")
        return int.from_bytes(body, "big", signed=True)

    def finish(self, what: str) -> None:
        if self.at != self.end:
            raise SnmpDecodeError(f"end of {what} expected at octet {self.at}, got {self.end - self.at} octets more")


def decode_version(data: bytes) -> int:
    """Return the version field of any SNMP message: 0 for v1, 1 for v2c, 3 for v3.

    Raises:
        SnmpDecodeError: no SNMP message, or one too long for a trap.
    """
    return _message(data).integer("version")


def _message(data: bytes) -> _Reader:
    if len(data) > MAX_TRAP_OCTETS:
        raise SnmpDecodeError(f"trap of at most {MAX_TRAP_OCTETS} octets expected, got {len(data)}")
    outer = _Reader(data, 0, len(data))
    message = outer.within(_SEQUENCE, "SNMP message")
    outer.finish("the message")
    return message


def decode_envelope(data: bytes) -> Envelope:
    """Return version and community of a v1 or v2c message, so that a wrong community costs no more than this.

    Raises:
        SnmpDecodeError: naming what was expected.
    """
    message = _message(data)
    version = message.integer("version")
    if version not in (0, 1):
        raise SnmpDecodeError(f"version 0 (v1) or 1 (v2c) expected, got {version}")
    return Envelope(version, message.octets(Tag.OCTET_STRING, "community"), message.at)


def decode_notification(data: bytes, at: int) -> Notification | None:
    """Return the trap or inform whose PDU begins at an octet and ends the data; None for any other PDU.

    Raises:
        SnmpDecodeError: naming what was expected.
    """
    if at >= len(data):
        raise SnmpDecodeError(f"PDU expected at octet {at}, got the end of the message")
    tag = data[at]
    if tag != TrapPdu.TRAP_V1 and tag not in _V2_PDUS:
        return None
    outer = _Reader(data, at, len(data))
    pdu = outer.within(tag, "PDU")
    outer.finish("the message")
    if tag == TrapPdu.TRAP_V1:
        return _trap_v1(pdu)
    request_id = pdu.integer("request-id")
    pdu.integer("error-status")
    pdu.integer("error-index")
    binds, raw = _binds(pdu)
    return Notification(tag, request_id, _trap_oid(binds), binds[2:] if _usual(binds) else binds, raw)


def _binds(pdu: _Reader) -> tuple[list[VarBind], bytes]:
    body = pdu.within(_SEQUENCE, "list of varbinds")
    pdu.finish("the PDU")
    return decode_varbinds(body.data, body.at, body.end), body.data[body.at : body.end]


def _trap_v1(pdu: _Reader) -> Notification:
    """RFC 3584 section 3.1: a generic trap has a name of its own, another is ENTERPRISE.0.SPECIFIC."""
    enterprise = pdu.octets(Tag.OID, "enterprise", MAX_OID_OCTETS)
    if not is_oid_body(enterprise):
        raise SnmpDecodeError(f"OID of an enterprise expected, got octets {enterprise[:40].hex()}")
    # agent-addr: who is meant behind a proxy. Anybody can write it, so it does not count
    if len(pdu.octets(Tag.IP_ADDRESS, "agent-addr", 16)) not in (0, 4, 16):
        raise SnmpDecodeError("agent-addr of 4 octets expected")
    generic, specific = pdu.integer("generic-trap"), pdu.integer("specific-trap")
    pdu.integer("time-stamp", Tag.TIMETICKS)
    binds, raw = _binds(pdu)
    if 0 <= generic < _ENTERPRISE_SPECIFIC:
        trap_oid = _SNMP_TRAPS + bytes((generic + 1,))
    elif generic == _ENTERPRISE_SPECIFIC and 0 <= specific < 1 << 32:
        trap_oid = enterprise + encode_index((0, specific))
    else:
        raise SnmpDecodeError(f"generic-trap from 0 to 6 with a specific-trap expected, got {generic} and {specific}")
    return Notification(TrapPdu.TRAP_V1, 0, trap_oid, binds, raw)


def _usual(binds: list[VarBind]) -> bool:
    return len(binds) >= 2 and binds[0][0] == _UPTIME and binds[1][0] == _TRAP_OID


def _trap_oid(binds: list[VarBind]) -> bytes:
    for name, tag, value in binds[:_TRAP_OID_PLACES]:
        if name == _TRAP_OID and tag == Tag.OID and isinstance(value, bytes) and value:
            return value
    raise SnmpDecodeError("snmpTrapOID.0 expected among the first varbinds")


def encode_acknowledgement(version: int, community: bytes, inform: Notification) -> bytes:
    """Return the Response to an inform: its request-id and varbinds, no error (RFC 3416 section 4.2.7)."""
    body = encode_integer(inform.request_id) + b"\x02\x01\x00\x02\x01\x00" + tlv(_SEQUENCE, inform.raw_varbinds)
    return tlv(_SEQUENCE, encode_integer(version) + tlv(Tag.OCTET_STRING, community) + tlv(Pdu.RESPONSE, body))


def decode_secure_header(data: bytes) -> SecureHeader:
    """Return what stands in front of the PDU of a v3 message (RFC 3412 section 6, RFC 3414 section 2.4).

    Raises:
        SnmpDecodeError: naming what was expected; also for privacy without authentication.
    """
    message = _message(data)
    version = message.integer("version")
    if version != USM:
        raise SnmpDecodeError(f"version 3 expected, got {version}")
    head = message.within(_SEQUENCE, "msgGlobalData")
    message_id = head.integer("msgID")
    head.integer("msgMaxSize")
    flags = head.octets(Tag.OCTET_STRING, "msgFlags", 1)
    if len(flags) != 1 or flags[0] & 0x03 == 0x02:
        raise SnmpDecodeError(f"msgFlags of one octet, with authentication where there is privacy, got {flags.hex()}")
    model = head.integer("msgSecurityModel")
    head.finish("msgGlobalData")
    wrapped = message.within(Tag.OCTET_STRING, "msgSecurityParameters")
    plain = message.data[message.at : message.at + 1]
    if plain != (b"\x04" if flags[0] & 0x02 else b"\x30"):
        raise SnmpDecodeError(f"scopedPDU as the flags say expected at octet {message.at}, got {plain.hex()}")
    message.within(plain[0], "msgData")
    message.finish("the message")
    if model != USM:
        return SecureHeader(message_id, flags[0], model, b"", 0, 0, b"")
    usm = wrapped.within(_SEQUENCE, "USM parameters")
    wrapped.finish("msgSecurityParameters")
    engine_id = usm.octets(Tag.OCTET_STRING, "msgAuthoritativeEngineID", MAX_ENGINE_ID_OCTETS)
    boots, seconds = usm.integer("msgAuthoritativeEngineBoots"), usm.integer("msgAuthoritativeEngineTime")
    user = usm.octets(Tag.OCTET_STRING, "msgUserName", MAX_USER_OCTETS)
    usm.octets(Tag.OCTET_STRING, "msgAuthenticationParameters", 64)
    usm.octets(Tag.OCTET_STRING, "msgPrivacyParameters", 64)
    usm.finish("USM parameters")
    if boots < 0 or seconds < 0:
        raise SnmpDecodeError(f"boots and time of 0 or more expected, got {boots} and {seconds}")
    return SecureHeader(message_id, flags[0], model, engine_id, boots, seconds, user)


def interface_of(notification: Notification) -> tuple[int | None, tuple[str, ...]]:
    """Return the ifIndex that a trap is about, and what it calls that interface; None and () where it names none."""
    index: int | None = None
    names: list[str] = []
    for oid, tag, value in notification.varbinds:
        if index is None and (column := next((c for c in _IF_COLUMNS if oid.startswith(c)), None)):
            rest = decode_index(oid[len(column) :]) if len(oid) > len(column) else ()
            if column == _IF_INDEX and tag == Tag.INTEGER and isinstance(value, int):
                index = value
            elif len(rest) == 1:
                index = rest[0]
        elif tag == Tag.OCTET_STRING and isinstance(value, bytes) and oid.startswith(_NAME_COLUMNS):
            name = value[: 4 * MAX_NAME_LETTERS].decode("utf-8", "replace").strip("\0 ")[:MAX_NAME_LETTERS]
            if name:
                names.append(name)
    return index, tuple(dict.fromkeys(names))


def oid_of(notification: Notification) -> str:
    """Return snmpTrapOID as text."""
    return oid_text(notification.trap_oid) if decode_oid(notification.trap_oid) else ""

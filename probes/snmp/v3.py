"""SNMPv3 messages as octets and back (RFC 3412 section 6, RFC 3414 section 2.4). Pure; `usm` has the cryptography.

A message is taken apart in two steps, since what is inside may be encrypted: `decode_envelope` reads what is in clear,
`Envelope.authentic` checks the digest, `open_scoped` decrypts and reads the scoped PDU.
"""

import hmac
from functools import lru_cache
from typing import Final, NamedTuple

from probes.snmp.ber import (
    MAX_DATAGRAM_OCTETS,
    Pdu,
    PduHead,
    Tag,
    Version,
    decode_pdu,
    element,
    encode_integer,
    integer,
    rest_at,
    tlv,
)
from probes.snmp.oid import SnmpDecodeError
from probes.snmp.usm import DecryptionError, Keys

FLAG_AUTH: Final = 0x01
FLAG_PRIV: Final = 0x02
FLAG_REPORTABLE: Final = 0x04
_SEQUENCE: Final = 0x30
_USM: Final = 3
_MAX_SIZE: Final = encode_integer(65507)  # what one UDP datagram over IPv4 can hold
_VERSION: Final = encode_integer(Version.V3)
_V3_HEAD: Final = _VERSION + b"\x30"
_LEAST_OCTETS: Final = 40
_CONTROL: Final = b"\x02\x02\x04\x02"  # the types of msgGlobalData's fields
_USM_FIELDS: Final = b"\x04\x02\x02\x04\x04\x04"  # ... and of the security parameters'
_MAX_INT: Final = (1 << 31) - 1
_ENGINE_ID_OCTETS: Final = (5, 32)  # SnmpEngineID of SNMP-FRAMEWORK-MIB
_MAX_USER_OCTETS: Final = 32
_MAX_CONTEXT_OCTETS: Final = 255
_MAX_MAC: Final = 64  # octets, of a salt too
_DES_PADDING_MAX: Final = 7
_PDUS: Final = frozenset((Pdu.GET, Pdu.GETNEXT, Pdu.RESPONSE, Pdu.SET, Pdu.GETBULK, Pdu.REPORT))


class Envelope(NamedTuple):
    """What is in clear in a message.

    Attributes:
        flags: msgFlags, see the constants above.
        mac_at: where msgAuthenticationParameters begin in the datagram.
        scoped: the scoped PDU, encrypted where FLAG_PRIV is set.
    """

    msg_id: int
    flags: int
    engine_id: bytes
    boots: int
    time: int
    user: bytes
    mac: bytes
    mac_at: int
    salt: bytes
    scoped: bytes

    def authentic(self, data: bytes, keys: Keys) -> bool:
        """Tell whether the digest of the datagram is the one that these keys give."""
        if len(self.mac) != keys.mac_octets or not self.mac:
            return False
        end = self.mac_at + len(self.mac)
        return hmac.compare_digest(keys.mac(data[: self.mac_at] + bytes(len(self.mac)) + data[end:]), self.mac)


class Scoped(NamedTuple):
    """A scoped PDU in clear: `head` says where its varbinds lie in `octets`."""

    context_engine_id: bytes
    context_name: bytes
    head: PduHead
    octets: bytes


def is_v3(data: bytes) -> bool:
    """Tell whether a datagram claims to be SNMPv3, without looking further."""
    start = 2 + (data[1] & 0x7F if len(data) > 1 and data[1] > 0x7F else 0)
    return data[start : start + 3] == b"\x02\x01\x03"


# ------------------------------------------------------------------ encoding


def encode_scoped(context_engine_id: bytes, context_name: bytes, pdu: bytes) -> bytes:
    """Return a scoped PDU in clear."""
    return tlv(_SEQUENCE, _context(context_engine_id, context_name) + pdu)


@lru_cache(maxsize=4096)
def _context(engine_id: bytes, name: bytes) -> bytes:
    return tlv(Tag.OCTET_STRING, engine_id) + tlv(Tag.OCTET_STRING, name)


def encode(
    msg_id: int, user: bytes, engine_id: bytes, boots: int, time: int, scoped: bytes, keys: Keys, *,
    reportable: bool = True,
) -> bytes:  # fmt: skip
    """Return a whole message, encrypted and authenticated as the keys want it.

    Args:
        boots, time: snmpEngineBoots and snmpEngineTime of the authoritative engine.
        scoped: as `encode_scoped` returns it.
        reportable: whether the other side may answer with a Report; False for answers.
    """
    mac_octets = keys.mac_octets
    flags = (FLAG_REPORTABLE if reportable else 0) | (FLAG_AUTH if mac_octets else 0)
    salt = b""
    if keys.privacy is not None:
        flags |= FLAG_PRIV
        encrypted, salt = keys.privacy.encrypt(scoped, boots, time)
        scoped = tlv(Tag.OCTET_STRING, encrypted)
    tail = tlv(Tag.OCTET_STRING, salt)
    control_end, engine, user_and_mac = _unchanging(flags, engine_id, user, mac_octets)
    security = tlv(_SEQUENCE, engine + _clock(boots) + _clock(time) + user_and_mac + tail)
    head = _VERSION + tlv(_SEQUENCE, encode_integer(msg_id) + control_end)
    message = tlv(_SEQUENCE, head + tlv(Tag.OCTET_STRING, security) + scoped)
    if not mac_octets:
        return message
    end = len(message) - len(scoped) - len(tail)
    return message[: end - mac_octets] + keys.mac(message) + message[end:]


_clock: Final = lru_cache(maxsize=256)(encode_integer)  # boots never change, and seconds seldom


@lru_cache(maxsize=4096)
def _unchanging(flags: int, engine_id: bytes, user: bytes, mac_octets: int) -> tuple[bytes, bytes, bytes]:
    """Return what is the same in all messages of one user to one engine: parts of msgGlobalData, and of the security
    parameters before and after the engine's clock.
    """
    control_end = _MAX_SIZE + tlv(Tag.OCTET_STRING, bytes((flags,))) + encode_integer(_USM)
    user_and_mac = tlv(Tag.OCTET_STRING, user) + tlv(Tag.OCTET_STRING, bytes(mac_octets))
    return control_end, tlv(Tag.OCTET_STRING, engine_id), user_and_mac


# ------------------------------------------------------------------ decoding


def decode_envelope(data: bytes) -> Envelope:
    """Return what is in clear in a message.

    Raises:
        SnmpDecodeError: when this is no message of SNMPv3 with the User-based Security Model.
    """
    if len(data) > MAX_DATAGRAM_OCTETS:
        raise SnmpDecodeError(f"message of at most {MAX_DATAGRAM_OCTETS} octets expected, got {len(data)}")
    return _usual_envelope(data) or _careful_envelope(data)


def _careful_envelope(data: bytes) -> Envelope:
    at, end = element(data, 0, len(data), _SEQUENCE, "SNMP message")
    if end != len(data):
        raise SnmpDecodeError(f"end of the message expected at octet {end}, got {len(data) - end} octets more")
    version, at = integer(data, at, end, "version")
    if version != Version.V3:
        raise SnmpDecodeError(f"version 3 expected, got {version}")
    at, stop = element(data, at, end, _SEQUENCE, "header")
    msg_id, at = _natural(data, at, stop, "msgID")
    _, at = _natural(data, at, stop, "msgMaxSize")
    flags, at = _octets(data, at, stop, "msgFlags", 1, 1)
    model, at = _natural(data, at, stop, "msgSecurityModel")
    if model != _USM:
        raise SnmpDecodeError(f"security model {_USM} (USM) expected, got {model}")
    at, security_end = element(data, stop, end, Tag.OCTET_STRING, "security parameters")
    at, stop = element(data, at, security_end, _SEQUENCE, "security parameters")
    engine_id, at = _octets(data, at, stop, "msgAuthoritativeEngineID", 0, _ENGINE_ID_OCTETS[1])
    boots, at = _natural(data, at, stop, "msgAuthoritativeEngineBoots")
    time, at = _natural(data, at, stop, "msgAuthoritativeEngineTime")
    user, at = _octets(data, at, stop, "msgUserName", 0, _MAX_USER_OCTETS)
    mac, at = _octets(data, at, stop, "msgAuthenticationParameters", 0, _MAX_MAC)
    mac_at = at - len(mac)
    salt, at = _octets(data, at, stop, "msgPrivacyParameters", 0, _MAX_MAC)
    if at != stop or stop != security_end:
        raise SnmpDecodeError(f"end of the security parameters expected at octet {at}, got octet {security_end}")
    tag = Tag.OCTET_STRING if flags[0] & FLAG_PRIV else _SEQUENCE
    start, stop = element(data, security_end, end, tag, "scoped PDU")
    if stop != end:
        raise SnmpDecodeError(f"end of the scoped PDU expected at octet {end}, got octet {stop}")
    scoped = data[start:stop] if flags[0] & FLAG_PRIV else data[security_end:end]
    return Envelope(msg_id, flags[0], engine_id, boots, time, user, mac, mac_at, salt, scoped)


def _usual_envelope(data: bytes) -> Envelope | None:
    """Return what is in clear in a message of the form that nearly all have; None for any other: it is read with care.

    That is: lengths in the fewest octets, all before the scoped PDU below 128, and a msgID of four octets.
    """
    end = len(data)
    if end < _LEAST_OCTETS or data[0] != _SEQUENCE or (at := rest_at(data, 1, end)) is None:
        return None
    control_end = at + 5 + data[at + 4]
    if data[at : at + 4] != _V3_HEAD or control_end + 4 > end:
        return None
    security_end = control_end + 2 + data[control_end + 1]
    heads = (data[control_end], data[control_end + 2], data[control_end + 3] + control_end + 4)
    if heads != (Tag.OCTET_STRING, _SEQUENCE, security_end) or security_end + 2 > end:
        return None
    control = _bodies(data, at + 5, control_end, _CONTROL)
    security = _bodies(data, control_end + 4, security_end, _USM_FIELDS)
    start = rest_at(data, security_end + 1, end)
    if control is None or security is None or start is None:
        return None
    msg_id, most, flags, model = control
    engine_id, boots, time, user, mac, salt = security
    for number in (msg_id, most, boots, time):
        if not 1 <= len(number) <= 4 or number[0] > 0x7F:
            return None
    if len(msg_id) != 4 or len(flags) != 1 or model != b"\x03":
        return None
    if len(engine_id) > _ENGINE_ID_OCTETS[1] or len(user) > _MAX_USER_OCTETS or max(len(mac), len(salt)) > _MAX_MAC:
        return None
    private = flags[0] & FLAG_PRIV
    if data[security_end] != (Tag.OCTET_STRING if private else _SEQUENCE):
        return None
    whole = int.from_bytes
    return Envelope(
        whole(msg_id, "big"), flags[0], engine_id, whole(boots, "big"), whole(time, "big"), user, mac,
        security_end - len(salt) - 2 - len(mac), salt, data[start if private else security_end :],
    )  # fmt: skip


def _bodies(data: bytes, at: int, stop: int, tags: bytes) -> list[bytes] | None:
    """Return the bodies of elements of these types, lengths in the short form, that fill the octets; else None."""
    bodies = []
    for tag in tags:
        if at + 2 > stop or data[at] != tag or data[at + 1] > 0x7F:
            return None
        start = at + 2
        at = start + data[at + 1]
        bodies.append(data[start:at])
    return bodies if at == stop else None


def open_scoped(envelope: Envelope, keys: Keys) -> Scoped:
    """Return the scoped PDU of a message, decrypted where it has to be.

    Raises:
        SnmpDecodeError: when it holds none; after decryption with the wrong key it hardly ever does.
    """
    octets = envelope.scoped
    slack = 0
    if envelope.flags & FLAG_PRIV:
        if keys.privacy is None:
            raise SnmpDecodeError("an encrypted message, and no key for it")
        try:
            octets = keys.privacy.decrypt(octets, envelope.salt, envelope.boots, envelope.time)
        except DecryptionError as error:
            raise SnmpDecodeError(str(error)) from error
        slack = _DES_PADDING_MAX
    at, end = element(octets, 0, len(octets), _SEQUENCE, "scoped PDU")
    if not 0 <= len(octets) - end <= slack:
        raise SnmpDecodeError(f"end of the scoped PDU expected at octet {end}, got {len(octets) - end} octets more")
    context_engine_id, at = _octets(octets, at, end, "contextEngineID", 0, _MAX_CONTEXT_OCTETS)
    context_name, at = _octets(octets, at, end, "contextName", 0, _MAX_CONTEXT_OCTETS)
    return Scoped(context_engine_id, context_name, decode_pdu(octets, at, end, _PDUS), octets)


def is_engine_id(octets: bytes) -> bool:
    """Tell whether octets can be an engine's id: 5 to 32, and neither all zero nor all 0xff."""
    low, high = _ENGINE_ID_OCTETS
    return low <= len(octets) <= high and octets.strip(b"\0") != b"" and octets.strip(b"\xff") != b""


def _natural(data: bytes, at: int, end: int, what: str) -> tuple[int, int]:
    number, at = integer(data, at, end, what)
    if not 0 <= number <= _MAX_INT:
        raise SnmpDecodeError(f"{what} of 0 to {_MAX_INT} expected, got {number}")
    return number, at


def _octets(data: bytes, at: int, end: int, what: str, least: int, most: int) -> tuple[bytes, int]:
    start, stop = element(data, at, end, Tag.OCTET_STRING, what)
    if not least <= stop - start <= most:
        raise SnmpDecodeError(f"{what} of {least} to {most} octets expected, got {stop - start}")
    return data[start:stop], stop

"""SNMPv3 messages as octets and back (RFC 3412 section 6, RFC 3414 section 2.4). Pure; `usm` has the cryptography.

A message is taken apart in two steps, since what is inside may be encrypted: `decode_envelope` reads what is in clear,
`Envelope.authentic` checks the digest, `open_scoped` decrypts and reads the scoped PDU.
"""

import hmac
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
_MAX_INT: Final = (1 << 31) - 1
_ENGINE_ID_OCTETS: Final = (5, 32)  # SnmpEngineID of SNMP-FRAMEWORK-MIB
_MAX_USER_OCTETS: Final = 32
_MAX_CONTEXT_OCTETS: Final = 255
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
    names = tlv(Tag.OCTET_STRING, context_engine_id) + tlv(Tag.OCTET_STRING, context_name)
    return tlv(_SEQUENCE, names + pdu)


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
    flags = (FLAG_REPORTABLE if reportable else 0) | (FLAG_AUTH if keys.mac_octets else 0)
    salt = b""
    if keys.privacy is not None:
        flags |= FLAG_PRIV
        encrypted, salt = keys.privacy.encrypt(scoped, boots, time)
        scoped = tlv(Tag.OCTET_STRING, encrypted)
    tail = tlv(Tag.OCTET_STRING, salt)
    security = tlv(
        _SEQUENCE,
        tlv(Tag.OCTET_STRING, engine_id) + encode_integer(boots) + encode_integer(time) + tlv(Tag.OCTET_STRING, user)
        + tlv(Tag.OCTET_STRING, bytes(keys.mac_octets)) + tail,
    )  # fmt: skip
    control = encode_integer(msg_id) + _MAX_SIZE + tlv(Tag.OCTET_STRING, bytes((flags,))) + encode_integer(_USM)
    head = encode_integer(Version.V3) + tlv(_SEQUENCE, control)
    message = tlv(_SEQUENCE, head + tlv(Tag.OCTET_STRING, security) + scoped)
    if not keys.mac_octets:
        return message
    end = len(message) - len(scoped) - len(tail)
    return message[: end - keys.mac_octets] + keys.mac(message) + message[end:]


# ------------------------------------------------------------------ decoding


def decode_envelope(data: bytes) -> Envelope:
    """Return what is in clear in a message.

    Raises:
        SnmpDecodeError: when this is no message of SNMPv3 with the User-based Security Model.
    """
    if len(data) > MAX_DATAGRAM_OCTETS:
        raise SnmpDecodeError(f"message of at most {MAX_DATAGRAM_OCTETS} octets expected, got {len(data)}")
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
    mac, at = _octets(data, at, stop, "msgAuthenticationParameters", 0, 64)
    mac_at = at - len(mac)
    salt, at = _octets(data, at, stop, "msgPrivacyParameters", 0, 64)
    if at != stop or stop != security_end:
        raise SnmpDecodeError(f"end of the security parameters expected at octet {at}, got octet {security_end}")
    tag = Tag.OCTET_STRING if flags[0] & FLAG_PRIV else _SEQUENCE
    start, stop = element(data, security_end, end, tag, "scoped PDU")
    if stop != end:
        raise SnmpDecodeError(f"end of the scoped PDU expected at octet {end}, got octet {stop}")
    scoped = data[start:stop] if flags[0] & FLAG_PRIV else data[security_end:end]
    return Envelope(msg_id, flags[0], engine_id, boots, time, user, mac, mac_at, salt, scoped)


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

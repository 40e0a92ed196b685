"""SNMP messages to octets (BER: X.690)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from probes.snmp.message import EMPTY, SEQUENCE, Message, Pdu, Tag, Value, VarBind
from probes.snmp.oid import oid_text

_FEW_OIDS: Final = 10  # fewer are encoded sooner than found again
_BITS: Final[dict[int, int]] = {Tag.COUNTER32: 32, Tag.GAUGE32: 32, Tag.TIMETICKS: 32, Tag.COUNTER64: 64}


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes((size,))
    body = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(body),)) + body


def tlv(tag: int, body: bytes) -> bytes:
    """Return one element: tag, definite length in the fewest octets, body."""
    size = len(body)
    return (bytes((tag, size)) if size < 0x80 else bytes((tag,)) + _length(size)) + body


def encode_integer(value: int, tag: int = Tag.INTEGER) -> bytes:
    """Return an integer in the fewest octets; unsigned types get a leading zero octet where the sign needs it."""
    width = ((value + (value < 0)).bit_length() + 8) // 8
    return tlv(tag, value.to_bytes(width, "big", signed=True))


def encode_varbind(oid: bytes, tag: int, value: Value) -> bytes:
    """Return one varbind.

    Raises:
        ValueError: when the value is not what its tag needs (see the table at the top).
    """
    name = tlv(Tag.OID, oid)
    if tag in EMPTY and value is None:
        return tlv(SEQUENCE, name + bytes((tag, 0)))
    if isinstance(value, int):
        low, bits = (-(1 << 31), 31) if tag == Tag.INTEGER else (0, _BITS.get(tag, 0))
        if bits and low <= value < 1 << bits:
            return tlv(SEQUENCE, name + encode_integer(value, tag))
    elif isinstance(value, bytes):
        fits = tag in (Tag.OCTET_STRING, Tag.OPAQUE, Tag.OID) or (tag == Tag.IP_ADDRESS and len(value) == 4)
        if fits:
            return tlv(SEQUENCE, name + tlv(tag, value))
    raise ValueError(f"no value for tag 0x{tag:02x} at {oid_text(oid)}: {value!r}")


def encode_message(message: Message) -> bytes:
    """Return the octets of any message.

    Raises:
        ValueError: as `encode_varbind`.
    """
    varbinds = b"".join([encode_varbind(*varbind) for varbind in message.varbinds])
    fields = encode_integer(message.request_id) + encode_integer(message.error_status)
    pdu = tlv(message.pdu, fields + encode_integer(message.error_index) + tlv(SEQUENCE, varbinds))
    return tlv(SEQUENCE, encode_integer(message.version) + tlv(Tag.OCTET_STRING, message.community) + pdu)


def encode_response(
    request: Message, varbinds: Sequence[VarBind], error_status: int = 0, error_index: int = 0
) -> bytes:
    """Return the answer to a decoded request: its version, community and request-id with these varbinds.

    Raises:
        ValueError: as `encode_varbind`.
    """
    return encode_message(
        Message(request.version, request.community, Pdu.RESPONSE, request.request_id, error_status, error_index,
                list(varbinds))
    )  # fmt: skip


class RequestTemplate:
    """What is the same in all requests to one device, encoded once.

    Request-ids are expected in four octets (2^23 to 2^31 - 1), so that only lengths and OIDs change between requests.
    """

    __slots__ = ("_head",)

    def __init__(self, version: int, community: bytes) -> None:
        self._head = encode_integer(version) + tlv(Tag.OCTET_STRING, community)

    def request(self, pdu: int, request_id: int, oids: Sequence[bytes], max_repetitions: int = 0) -> bytes:
        """Return a GET, GETNEXT or GETBULK of these OIDs; a GETBULK has no non-repeaters."""
        return tlv(SEQUENCE, self._head + encode_request_pdu(pdu, request_id, oids, max_repetitions))


def encode_request_pdu(pdu: int, request_id: int, oids: Sequence[bytes], max_repetitions: int = 0) -> bytes:
    """Return the PDU of a request whose id takes four octets (2^23 to 2^31 - 1)."""
    binds = _kept_binds(tuple(oids)) if len(oids) > _FEW_OIDS else _null_binds(oids)
    return tlv(pdu, b"\x02\x04" + request_id.to_bytes(4, "big") + _counts(max_repetitions) + binds)


def _null_binds(oids: Sequence[bytes]) -> bytes:
    return tlv(SEQUENCE, b"".join([tlv(SEQUENCE, tlv(0x06, oid) + b"\x05\x00") for oid in oids]))


# what polls ask for again and again: the fast tier of a thousand switches is some 11,000 packets of a kilobyte
_kept_binds: Final = lru_cache(maxsize=1 << 14)(_null_binds)


@lru_cache(maxsize=256)
def _counts(max_repetitions: int) -> bytes:
    return b"\x02\x01\x00" + encode_integer(max_repetitions)

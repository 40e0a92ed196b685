"""Octets to SNMP messages (BER: X.690). What most messages look like is read fast, anything else with care."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Final

from probes.snmp.message import (
    EMPTY,
    MAX_DATAGRAM_OCTETS,
    SEQUENCE,
    Header,
    Message,
    Pdu,
    PduHead,
    Tag,
    Value,
    VarBind,
)
from probes.snmp.oid import MAX_OID_OCTETS, SnmpDecodeError, is_oid_body

_NUMBERS_OCTETS: Final = 12  # request-id and error fields, as they are in most messages
_PDU_OCTETS: Final = 1 + 1 + _NUMBERS_OCTETS + 2
_SHORT_NAME_OCTETS: Final = 0x7B  # then a varbind's length is in the short form
_PDUS: Final = frozenset((Pdu.GET, Pdu.GETNEXT, Pdu.RESPONSE, Pdu.SET, Pdu.GETBULK))  # of v1 and v2c
_ONE_OCTET: Final = frozenset((Tag.INTEGER, Tag.COUNTER32, Tag.GAUGE32, Tag.TIMETICKS, Tag.COUNTER64))
# the longest body of each unsigned type: a leading zero octet keeps the sign clear
_UNSIGNED: Final[dict[int, int]] = {Tag.COUNTER32: 5, Tag.GAUGE32: 5, Tag.TIMETICKS: 5, Tag.COUNTER64: 9}


def element(data: bytes, at: int, end: int, tag: int, what: str) -> tuple[int, int]:
    """Return where the body of the element at `at` starts and ends; it must lie before `end` and have this tag.

    Raises:
        SnmpDecodeError: naming `what`.
    """
    if at + 2 > end:
        raise SnmpDecodeError(f"{what} expected at octet {at}, got the end of what holds it")
    if data[at] != tag:
        raise SnmpDecodeError(f"{what} (tag 0x{tag:02x}) expected at octet {at}, got tag 0x{data[at]:02x}")
    return _body(data, at, end, what)


def _body(data: bytes, at: int, end: int, what: str) -> tuple[int, int]:
    size, start = data[at + 1], at + 2
    if size > 0x7F:  # agents do send long forms with leading zeroes; X.690 8.1.3.5 allows them
        width = size & 0x7F
        if not 1 <= width <= 4 or start + width > end:
            raise SnmpDecodeError(f"length of {what} in 1 to 4 octets expected at octet {at + 1}, got {width}")
        size, start = int.from_bytes(data[start : start + width], "big"), start + width
    if start + size > end:
        raise SnmpDecodeError(f"{what} needs {size} octets at octet {start}, got {end - start}")
    return start, start + size


def integer(data: bytes, at: int, end: int, what: str) -> tuple[int, int]:
    """Return an INTEGER of a message's head, and where it ends.

    Raises:
        SnmpDecodeError: naming `what`.
    """
    start, stop = element(data, at, end, 0x02, what)
    if not 1 <= stop - start <= 5:
        raise SnmpDecodeError(f"{what} needs 1 to 5 octets, got {stop - start}")
    return int.from_bytes(data[start:stop], "big", signed=True), stop


def decode_header(data: bytes) -> Header:
    """Return everything before the varbinds, for finding out which request a datagram belongs to.

    Octets after the message are an error: no agent sends them, and a truncated or joined datagram is not to be trusted.

    Raises:
        SnmpDecodeError: when this is no message of SNMP v1 or v2c.
    """
    if len(data) > MAX_DATAGRAM_OCTETS:
        raise SnmpDecodeError(f"message of at most {MAX_DATAGRAM_OCTETS} octets expected, got {len(data)}")
    at, end = element(data, 0, len(data), SEQUENCE, "SNMP message")
    if end != len(data):
        raise SnmpDecodeError(f"end of the message expected at octet {end}, got {len(data) - end} octets more")
    version, at = integer(data, at, end, "version")
    if version not in (0, 1):
        raise SnmpDecodeError(f"version 0 (v1) or 1 (v2c) expected, got {version}")
    start, at = element(data, at, end, 0x04, "community")
    community = data[start:at]
    return Header(version, community, *decode_pdu(data, at, end, _PDUS))


def _usual_pdu(data: bytes, at: int, end: int, kinds: Collection[int]) -> PduHead | None:
    """Return the fields of a PDU in the form that nearly all have; None for any other: it is read with care.

    That is: lengths in the fewest octets, a request-id of four octets, error fields of one.
    """
    if at + _PDU_OCTETS > end or data[at] not in kinds or (numbers_at := rest_at(data, at + 1, end)) is None:
        return None
    id_at, status_at, binds_at = numbers_at + 2, numbers_at + 8, numbers_at + _NUMBERS_OCTETS
    if binds_at + 2 > end or data[binds_at] != SEQUENCE:
        return None
    heads = data[numbers_at:id_at] + data[id_at + 4 : status_at] + data[status_at + 1 : status_at + 3]
    status, index, varbinds_at = data[status_at], data[binds_at - 1], rest_at(data, binds_at + 1, end)
    if heads != b"\x02\x04\x02\x01\x02\x01" or status > 0x7F or index > 0x7F or varbinds_at is None:
        return None
    request_id = int.from_bytes(data[id_at : id_at + 4], "big", signed=True)
    return PduHead(data[at], request_id, status, index, varbinds_at, end)


def rest_at(data: bytes, at: int, end: int) -> int | None:
    """Return where the body begins whose length is told at `at`, if it fills all that is left; else None."""
    size = data[at]
    if size < 0x80:
        return at + 1 if at + 1 + size == end else None
    if size > 0x82 or size == 0x80:
        return None
    body = at + size - 0x7F
    return body if body + int.from_bytes(data[at + 1 : body], "big") == end else None


def decode_pdu(data: bytes, at: int, end: int, kinds: Collection[int]) -> PduHead:
    """Return the fields of the PDU that fills the octets from `at` to `end`; it must be one of these kinds.

    Raises:
        SnmpDecodeError: naming what was expected.
    """
    return _usual_pdu(data, at, end, kinds) or _careful_pdu(data, at, end, kinds)


def _careful_pdu(data: bytes, at: int, end: int, kinds: Collection[int]) -> PduHead:
    if at + 2 > end or data[at] not in kinds:
        raise SnmpDecodeError(f"PDU expected at octet {at}, got {data[at : at + 2].hex() or 'nothing'}")
    pdu = data[at]
    at, stop = _body(data, at, end, "PDU")
    if stop != end:
        raise SnmpDecodeError(f"end of the PDU expected at octet {end}, got octet {stop}")
    request_id, at = integer(data, at, end, "request-id")
    error_status, at = integer(data, at, end, "error-status")
    error_index, at = integer(data, at, end, "error-index")
    at, stop = element(data, at, end, SEQUENCE, "list of varbinds")
    if stop != end:
        raise SnmpDecodeError(f"end of the varbinds expected at octet {end}, got octet {stop}")
    return PduHead(pdu, request_id, error_status, error_index, at, end)


def decode_varbinds(data: bytes, at: int, end: int, expected: Sequence[bytes] = ()) -> list[VarBind]:
    """Return the varbinds between two octets, as `decode_header` found them.

    Args:
        expected: the names that will come, if all is as usual: those that do cost half as much.

    Raises:
        SnmpDecodeError: when one of them is broken: then none is to be trusted.
    """
    out: list[VarBind] = []
    if expected:
        at = _decode_expected(data, at, end, expected, out)
    while at < end:
        # the short form of all lengths, decided here because thousands pass; what is longer goes the careful way
        if at + 4 <= end and data[at] == 0x30 and data[at + 1] < 0x80 and data[at + 2] == 0x06 and data[at + 3] < 0x80:
            stop = at + 2 + data[at + 1]
            name = at + 4
            at = name + data[at + 3]
        else:
            start, stop = element(data, at, end, 0x30, "varbind")
            name, at = element(data, start, stop, 0x06, "name of a varbind")
        if stop > end or at + 2 > stop:
            raise SnmpDecodeError(f"varbind with a name and a value expected before octet {min(stop, end)}")
        oid = data[name:at]
        if not 1 <= len(oid) <= MAX_OID_OCTETS:
            raise SnmpDecodeError(f"OID of 1 to {MAX_OID_OCTETS} octets expected at octet {name}, got {len(oid)}")
        if not oid.isascii() and not is_oid_body(oid):
            raise SnmpDecodeError(f"OID expected at octet {name}, got octets {oid[:40].hex()}")
        tag, size, start = data[at], data[at + 1], at + 2
        if size > 0x7F:
            start, at = _body(data, at, stop, "value")
        else:
            at = start + size
        if at != stop:
            raise SnmpDecodeError(f"end of a varbind expected at octet {stop}, got octet {at}")
        if tag == 0x04:
            out.append((oid, tag, data[start:stop]))
        elif tag == 0x02 and 1 <= stop - start <= 8:
            out.append((oid, tag, int.from_bytes(data[start:stop], "big", signed=True)))
        elif 0x41 <= tag <= 0x43 and 1 <= stop - start <= 4:
            out.append((oid, tag, int.from_bytes(data[start:stop], "big")))
        else:
            out.append((oid, tag, decode_value(tag, data[start:stop])))
    return out


def _decode_expected(data: bytes, at: int, end: int, expected: Sequence[bytes], out: list[VarBind]) -> int:
    """Take varbinds as long as they have these names and are in the shortest form; return where the others begin."""
    keep, whole = out.append, int.from_bytes
    octets = -1  # of a name
    for oid in expected:
        if len(oid) != octets:
            octets = len(oid)
            if octets > _SHORT_NAME_OCTETS:
                break
            heads, to_tag, to_value = _heads(octets), octets + 4, octets + 6
        start = at + to_value
        if start > end:
            break
        size = data[start - 1]
        stop = start + size
        if stop > end or data[at : at + 4] != heads[size] or data[at + 4 : at + to_tag] != oid:
            break
        tag = data[start - 2]
        if tag == 0x04:
            keep((oid, tag, data[start:stop]))
        elif size == 1 and tag in _ONE_OCTET:
            number = data[start]
            keep((oid, tag, number if number < 0x80 or tag != 0x02 else number - 0x100))
        elif 0x41 <= tag <= 0x43 and 1 <= size <= 4:
            keep((oid, tag, whole(data[start:stop], "big")))
        elif tag == 0x02 and 1 <= size <= 8:
            keep((oid, tag, whole(data[start:stop], "big", signed=True)))
        else:
            keep((oid, tag, decode_value(tag, data[start:stop])))
        at = stop
    return at


@lru_cache(maxsize=_SHORT_NAME_OCTETS + 1)
def _heads(octets: int) -> tuple[bytes, ...]:
    """Return the four octets before a name of so many octets, by those of its value; none for a long form."""
    sizes = (octets + 4 + size for size in range(256))
    return tuple([bytes((0x30, size, 0x06, octets)) if size < 0x80 else b"" for size in sizes])


def decode_value(tag: int, body: bytes) -> Value:
    """Return the value of any type but OCTET STRING.

    Raises:
        SnmpDecodeError: when there is no such type, or it cannot have this value.
    """
    if longest := _UNSIGNED.get(tag):
        # agents exist that forget the leading zero of an unsigned number: read it as unsigned in any case
        number = int.from_bytes(body, "big")
        if not 1 <= len(body) <= longest or number >> (8 * longest - 8):
            raise SnmpDecodeError(f"{Tag(tag).name} of at most {longest - 1} octets expected, got {body[:12].hex()!r}")
        return number
    if tag == Tag.OID:
        if body and (len(body) > MAX_OID_OCTETS or not is_oid_body(body)):
            raise SnmpDecodeError(f"OID expected as value, got octets {body[:40].hex()}")
        return body
    if tag in EMPTY:
        if body:
            raise SnmpDecodeError(f"{Tag(tag).name} without octets expected, got {len(body)}")
        return None
    if tag == Tag.IP_ADDRESS:
        if len(body) != 4:
            raise SnmpDecodeError(f"IP_ADDRESS of 4 octets expected, got {len(body)}")
        return body
    if tag == Tag.OPAQUE:
        return body
    if tag == Tag.INTEGER:
        if not 1 <= len(body) <= 8:
            raise SnmpDecodeError(f"INTEGER of 1 to 8 octets expected, got {len(body)}")
        return int.from_bytes(body, "big", signed=True)
    raise SnmpDecodeError(f"type of a value expected, got tag 0x{tag:02x}")


def decode_message(data: bytes) -> Message:
    """Return a whole message of any kind.

    Raises:
        SnmpDecodeError: naming what was expected.
    """
    head = decode_header(data)
    return Message(*head[:6], decode_varbinds(data, head.varbinds_at, head.end))


def decode_request(data: bytes) -> Message:
    """Return a message that asks something, for whoever answers (tests and the simulated estate).

    Raises:
        SnmpDecodeError: also when it is an answer.
    """
    message = decode_message(data)
    if message.pdu == Pdu.RESPONSE:
        raise SnmpDecodeError("a request expected, got a response")
    return message


def decode_response(data: bytes) -> Message:
    """Return a message that answers.

    Raises:
        SnmpDecodeError: also when it is a request.
    """
    message = decode_message(data)
    if message.pdu != Pdu.RESPONSE:
        raise SnmpDecodeError(f"a response expected, got {Pdu(message.pdu).name}")
    return message

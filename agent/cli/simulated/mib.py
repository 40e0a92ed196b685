"""A device's objects in their order, and the answers to GET, GETNEXT and GETBULK (RFC 1157, RFC 3416). Pure."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Final

from probes.snmp.ber import (
    ErrorStatus,
    Message,
    Pdu,
    SnmpDecodeError,
    Tag,
    VarBind,
    Version,
    decode_oid,
    decode_request,
    encode_parts,
    encode_response,
)

MAX_RESPONSE_OCTETS: Final = 1472  # one Ethernet frame without fragments
_MAX_VARBINDS: Final = 512  # of one answer: no more fit into that anyway
_VARBIND_OVERHEAD: Final = 8  # headers of the varbind, its name and its value, at the least

Oid = tuple[int, ...]
TypedValue = tuple[Tag, int | bytes]
Object = TypedValue | Callable[[float], TypedValue]  # fixed, or a function of the seconds since the start


class Mib:
    """Objects in the order of their OIDs."""

    def __init__(self, objects: Mapping[Oid, Object]) -> None:
        self._oids: list[Oid] = sorted(objects)
        self._names = {oid: encode_parts(oid) for oid in self._oids}
        self._objects = dict(objects)
        # RFC 2578 section 7.9, RFC 3416: an OID below a column that exists lacks the instance, any other the object
        self._columns = {oid[:-1] for oid in self._oids}

    def __len__(self) -> int:
        return len(self._oids)

    def get(self, name: bytes, now: float) -> VarBind:
        """Return the object of exactly this name, or the exception of RFC 3416 section 4.2.1."""
        oid = decode_oid(name)
        if oid in self._objects:
            return self._varbind(oid, now)
        known = any(oid[:length] in self._columns for length in range(1, len(oid) + 1))
        return name, Tag.NO_SUCH_INSTANCE if known else Tag.NO_SUCH_OBJECT, None

    def following(self, name: bytes, now: float, *, skip_counter64: bool = False) -> VarBind:
        """Return the first object after this name, or endOfMibView (RFC 3416 section 4.2.2)."""
        for at in range(bisect_right(self._oids, decode_oid(name)), len(self._oids)):
            varbind = self._varbind(self._oids[at], now)
            if not (skip_counter64 and varbind[1] == Tag.COUNTER64):  # RFC 3584 section 4.2.2.1: v1 has none
                return varbind
        return name, Tag.END_OF_MIB_VIEW, None

    def _varbind(self, oid: Oid, now: float) -> VarBind:
        found = self._objects[oid]
        tag, value = found(now) if callable(found) else found
        return self._names[oid], tag, value


def answer(datagram: bytes, mib: Mib, community: bytes, now: float) -> bytes | None:
    """Return the response to one datagram; None where an agent keeps silent: garbage, or the wrong community."""
    try:
        request = decode_request(datagram)
        if request.community != community:
            return None
        if request.pdu == Pdu.GETBULK:
            return _bulk(request, mib, now) if request.version != Version.V1 else None
        if request.pdu == Pdu.SET:
            status = ErrorStatus.readOnly if request.version == Version.V1 else ErrorStatus.notWritable
            return encode_response(request, request.varbinds, status, 1 if request.varbinds else 0)
        return _one_by_one(request, mib, now)
    except (SnmpDecodeError, ValueError):  # ValueError: a request whose own values cannot be given back
        return None


def _one_by_one(request: Message, mib: Mib, now: float) -> bytes:
    first_version = request.version == Version.V1
    found: list[VarBind] = []
    for position, (name, _, _) in enumerate(request.varbinds, 1):
        if request.pdu == Pdu.GET:
            varbind = mib.get(name, now)
        else:
            varbind = mib.following(name, now, skip_counter64=first_version)
        if first_version and (varbind[2] is None or varbind[1] == Tag.COUNTER64):
            return encode_response(request, request.varbinds, ErrorStatus.noSuchName, position)
        found.append(varbind)
    response = encode_response(request, found)
    if len(response) <= MAX_RESPONSE_OCTETS:
        return response
    return encode_response(request, request.varbinds if first_version else [], ErrorStatus.tooBig)


def _bulk(request: Message, mib: Mib, now: float) -> bytes:
    """RFC 3416 section 4.2.3: as many varbinds as fit, in the order of the repetitions."""
    names = [name for name, _, _ in request.varbinds]
    single, repeated = names[: request.non_repeaters], names[request.non_repeaters :]
    found = [mib.following(name, now) for name in single]
    size = sum(map(_size, found))
    for _ in range(request.max_repetitions if repeated else 0):
        row = [mib.following(name, now) for name in repeated]
        found += row
        size += sum(map(_size, row))
        repeated = [name for name, _, _ in row]
        ended = all(tag == Tag.END_OF_MIB_VIEW for _, tag, _ in row)
        if ended or size > MAX_RESPONSE_OCTETS or len(found) >= _MAX_VARBINDS:
            break
    del found[_MAX_VARBINDS:]
    while len(response := encode_response(request, found)) > MAX_RESPONSE_OCTETS:
        if len(found) <= 1:
            return encode_response(request, [], ErrorStatus.tooBig)
        del found[-1 - len(found) // 16 :]
    return response


def _size(varbind: VarBind) -> int:
    """Return at least how many octets a varbind takes."""
    name, _, value = varbind
    return _VARBIND_OVERHEAD + len(name) + (len(value) if isinstance(value, bytes) else 0)

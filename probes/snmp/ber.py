"""SNMP v1 and v2c messages as octets and back (RFC 1157, RFC 3416, RFC 3417 section 8; BER: X.690).

A pure codec: it never sees a socket. An OID is kept as the octets of its BER body (`bytes`), so that a walk compares
and cuts OIDs without taking each one apart; `encode_oid`, `decode_oid` and `oid_text` convert. A varbind is a plain
tuple `(oid, tag, value)`, because a poll has thousands of them:

    INTEGER, Counter32, Gauge32, TimeTicks, Counter64     int
    OCTET STRING, Opaque                                  bytes
    OBJECT IDENTIFIER                                     bytes: the BER body, as for the name
    IpAddress                                             bytes, four of them
    NULL, noSuchObject, noSuchInstance, endOfMibView      None
"""

from probes.snmp.decode import (
    decode_header,
    decode_message,
    decode_pdu,
    decode_request,
    decode_response,
    decode_value,
    decode_varbinds,
    element,
    integer,
    rest_at,
)
from probes.snmp.encode import (
    RequestTemplate,
    encode_integer,
    encode_message,
    encode_request_pdu,
    encode_response,
    encode_varbind,
    tlv,
)
from probes.snmp.message import (
    MAX_DATAGRAM_OCTETS,
    ErrorStatus,
    Header,
    Message,
    Pdu,
    PduHead,
    Tag,
    Value,
    VarBind,
    Version,
)
from probes.snmp.oid import (
    SnmpDecodeError,
    decode_index,
    decode_oid,
    encode_index,
    encode_oid,
    encode_parts,
    oid_after,
    oid_text,
)

__all__ = [
    "MAX_DATAGRAM_OCTETS", "ErrorStatus", "Header", "Message", "Pdu", "PduHead", "RequestTemplate", "SnmpDecodeError",
    "Tag", "Value", "VarBind", "Version", "decode_header", "decode_index", "decode_message", "decode_oid",
    "decode_pdu", "decode_request", "decode_response", "decode_value", "decode_varbinds", "element", "encode_index",
    "encode_integer", "encode_message", "encode_oid", "encode_parts", "encode_request_pdu", "encode_response",
    "encode_varbind", "integer", "oid_after", "oid_text", "rest_at", "tlv",
]  # fmt: skip

"""What an SNMP message of v1 or v2c is made of (RFC 1157, RFC 3416). `ber` turns it into octets and back."""

from enum import IntEnum
from typing import Final, NamedTuple

MAX_DATAGRAM_OCTETS: Final = 65535  # what one UDP datagram can hold
SEQUENCE: Final = 0x30  # the type of whatever holds other elements


class Version(IntEnum):
    """The version field of a message."""

    V1 = 0
    V2C = 1
    V3 = 3


class Tag(IntEnum):
    """Types of values (RFC 2578 section 7.1, RFC 3416 section 3)."""

    INTEGER = 0x02
    OCTET_STRING = 0x04
    NULL = 0x05
    OID = 0x06
    IP_ADDRESS = 0x40
    COUNTER32 = 0x41
    GAUGE32 = 0x42  # Unsigned32 is the same
    TIMETICKS = 0x43
    OPAQUE = 0x44
    COUNTER64 = 0x46
    NO_SUCH_OBJECT = 0x80
    NO_SUCH_INSTANCE = 0x81
    END_OF_MIB_VIEW = 0x82


class Pdu(IntEnum):
    """Kinds of protocol data units that this codec knows."""

    GET = 0xA0
    GETNEXT = 0xA1
    RESPONSE = 0xA2
    SET = 0xA3
    GETBULK = 0xA5
    REPORT = 0xA8  # v3 only


class ErrorStatus(IntEnum):
    """RFC 3416 section 3; the names are the RFC's."""

    noError = 0
    tooBig = 1
    noSuchName = 2
    badValue = 3
    readOnly = 4
    genErr = 5
    noAccess = 6
    wrongType = 7
    wrongLength = 8
    wrongEncoding = 9
    wrongValue = 10
    noCreation = 11
    inconsistentValue = 12
    resourceUnavailable = 13
    commitFailed = 14
    undoFailed = 15
    authorizationError = 16
    notWritable = 17
    inconsistentName = 18


Value = int | bytes | None
VarBind = tuple[bytes, int, Value]


class Message(NamedTuple):
    """One message. In a GETBULK the two error fields are non-repeaters and max-repetitions, as on the wire."""

    version: int
    community: bytes
    pdu: int
    request_id: int
    error_status: int
    error_index: int
    varbinds: list[VarBind]

    @property
    def non_repeaters(self) -> int:
        """A GETBULK's first count (RFC 3416 section 4.2.3); a negative one counts as 0."""
        return max(0, self.error_status)

    @property
    def max_repetitions(self) -> int:
        """A GETBULK's second count; a negative one counts as 0."""
        return max(0, self.error_index)


class Header(NamedTuple):
    """A message's fields before the varbinds, and where those lie in the datagram."""

    version: int
    community: bytes
    pdu: int
    request_id: int
    error_status: int
    error_index: int
    varbinds_at: int
    end: int


class PduHead(NamedTuple):
    """A PDU's fields before the varbinds, and where those lie in the octets."""

    pdu: int
    request_id: int
    error_status: int
    error_index: int
    varbinds_at: int
    end: int


# types that have no value
EMPTY: Final[frozenset[int]] = frozenset((Tag.NULL, Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW))

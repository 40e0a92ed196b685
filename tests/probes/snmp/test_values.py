"""How values and indexes read: tables of what snmp_exporter gives."""

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.snmp import values
from probes.snmp.ber import Tag, Value, VarBind, encode_oid
from probes.snmp.modules import INDEX_TYPES
from probes.snmp.values import date_number, index_value, integer, number, numbers, text, utf8

OID = encode_oid("1.3.6.1.4.1.1")


def bind(tag: int, value: Value) -> VarBind:
    return (OID, tag, value)


def octets(value: bytes) -> VarBind:
    return bind(Tag.OCTET_STRING, value)


@pytest.mark.parametrize(
    ("one", "kind", "shown"),
    [
        (octets(b"plain"), "DisplayString", "plain"),
        (octets("Zürich".encode()), "DisplayString", "Zürich"),
        (octets(b"a\xff\xfe\xffb\xc3"), "DisplayString", "a\ufffdb\ufffd"),  # one for each run
        (octets(b"\x00\xab\xcd"), "OctetString", "0x00ABCD"),
        (octets(b""), "OctetString", ""),
        (octets(b"\x80"), "Bits", "0x80"),
        (octets(b"\x00\x1b\x54\x01\x02\x03"), "PhysAddress48", "00:1B:54:01:02:03"),
        (octets(b"\x01\x02"), "PhysAddress48", "01:02:00:00:00:00"),
        (octets(bytes(8)), "PhysAddress48", "00:00:00:00:00:00"),
        (octets(b"\x0a\x00\x00\x01"), "InetAddressIPv4", "10.0.0.1"),
        (octets(bytes(range(16))), "InetAddressIPv6", "0001:0203:0405:0607:0809:0A0B:0C0D:0E0F"),
        (bind(Tag.IP_ADDRESS, b"\x0a\x00\x00\x02"), "IpAddr", "10.0.0.2"),
        (bind(Tag.OID, encode_oid("1.3.6.1.4.1.9")), "OctetString", "1.3.6.1.4.1.9"),
        (bind(Tag.OID, b""), "OctetString", "0.0"),
        (bind(Tag.INTEGER, -5), "DisplayString", "-5"),
        (bind(Tag.NULL, None), "DisplayString", ""),
        (bind(Tag.OPAQUE, b"\x9f\x78\x04" + struct.pack(">f", 1.1)), "DisplayString", "1.1"),
        (bind(Tag.OPAQUE, b"\x9f\x79\x08" + struct.pack(">d", 1.1)), "DisplayString", "1.1"),
        (bind(Tag.OPAQUE, b"\x9f\x79\x08" + struct.pack(">d", 1e21)), "DisplayString", "1" + "0" * 21),
        (bind(Tag.OPAQUE, b"\x9f\x79\x08" + struct.pack(">d", -1e-7)), "DisplayString", "-0.0000001"),
        (bind(Tag.OPAQUE, b"\x9f\x78\x04" + struct.pack(">f", -0.0)), "DisplayString", "-0"),
        (bind(Tag.OPAQUE, b"\x9f\x78\x04" + struct.pack(">f", float("-inf"))), "DisplayString", "-Inf"),
        (bind(Tag.OPAQUE, b"\x9f\x78\x04" + struct.pack(">f", float("inf"))), "DisplayString", "+Inf"),
        (bind(Tag.OPAQUE, b"\x9f\x78\x04" + struct.pack(">f", float("nan"))), "DisplayString", "NaN"),
        (octets(b"\x0a\x00"), "gauge", "10"),  # the first octet, as if it were an index
        (octets(b""), "EnumAsInfo", "0"),
        (octets(b"\x01\x04\x0a\x00\x00\x01"), "InetAddress", "10.0.0.1"),  # likewise: no column says the type
        (octets(b"\x05\x04\x0a\x00"), "InetAddress", "0x05040A000000"),
        (octets(b"ab"), "DateAndTime", "ab"),
        (octets(b"x" * 5000), "DisplayString", "x" * values.MAX_LABEL_OCTETS),
    ],
)
def test_values_as_text(one: VarBind, kind: str, shown: str) -> None:
    assert text(one, kind) == shown


@pytest.mark.parametrize(
    ("parts", "kind", "size", "implied", "shown", "taken"),
    [
        ((7, 9), "gauge", 0, False, "7", (7,)),
        ((), "gauge", 0, False, "0", (0,)),
        ((2,), "EnumAsInfo", 0, False, "two", (2,)),
        ((5,), "EnumAsInfo", 0, False, "5", (5,)),
        ((2,), "gauge", 0, False, "2", (2,)),  # names are for enumerations only
        ((2, 104, 105, 9), "DisplayString", 0, False, "hi", (2, 104, 105)),
        ((104, 105), "DisplayString", 0, True, "hi", (104, 105)),
        ((104, 105, 9), "DisplayString", 2, False, "hi", (104, 105)),
        ((2, 1, 255), "OctetString", 0, False, "0x01FF", (2, 1, 255)),
        ((0, 1), "OctetString", 0, False, "", (0,)),
        ((4000000000, 1), "OctetString", 0, False, "0x01" + "00" * 254, (4000000000, 1, *[0] * 254)),  # a lie
        ((0, 27, 84, 1, 2, 3, 4), "PhysAddress48", 0, False, "00:1B:54:01:02:03", (0, 27, 84, 1, 2, 3)),
        ((0, 27, 84), "PhysAddress48", 0, False, "00:1B:54:00:00:00", (0, 27, 84, 0, 0, 0)),
        ((10, 0, 0, 1), "InetAddressIPv4", 0, False, "10.0.0.1", (10, 0, 0, 1)),
        ((1, 4, 10, 0, 0, 1, 8), "InetAddress", 0, False, "10.0.0.1", (1, 4, 10, 0, 0, 1)),
        ((2, 16, *range(16)), "InetAddress", 0, False, "0001:0203:0405:0607:0809:0A0B:0C0D:0E0F",
         (2, 16, *range(16))),
        ((1, 10, 0, 0, 1), "InetAddressMissingSize", 0, False, "10.0.0.1", (1, 10, 0, 0, 1)),
        ((16, 97, 98), "InetAddressMissingSize", 0, False, "0x106162", (16, 97, 98)),  # all that is left
        ((16, 2, 97, 98, 5), "InetAddress", 0, False, "0x10026162", (16, 2, 97, 98)),  # with type and length
        ((3, 0, 27, 84, 1, 2, 3), "LldpPortId", 0, False, "1B:54:01:02:03:00", (3, 0, 27, 84, 1, 2, 3, 0)),
    ],
)  # fmt: skip
def test_indexes_as_text(
    parts: Sequence[int], kind: str, size: int, implied: bool, shown: str, taken: Sequence[int]
) -> None:  # fmt: skip
    found = index_value(parts, kind, size, implied=implied, enum_values={2: "two"})
    assert found == (shown, taken, tuple(parts[len(taken) :]))


@given(st.lists(st.integers(0, (1 << 32) - 1), max_size=128), st.sampled_from(sorted(INDEX_TYPES)), st.booleans())
def test_any_index_gives_bounded_text_and_takes_from_the_front(parts: list[int], kind: str, implied: bool) -> None:
    shown, taken, rest = index_value(parts, kind, implied=implied)
    assert len(shown) <= 600
    assert [*taken[: len(parts)], *rest] == parts
    assert not any(taken[len(parts) :])


def test_an_index_that_is_no_utf8_may_be_an_error() -> None:
    assert index_value((1, 255), "DisplayString").text == "\ufffd"
    with pytest.raises(UnicodeDecodeError):
        index_value((5, 0, 1, 255), "LldpPortId", strict=True)


def test_numbers() -> None:
    counters = [bind(Tag.COUNTER64, (1 << 53) + 5), bind(Tag.COUNTER64, (1 << 64) - 1)]
    assert numbers(counters) == [5, (1 << 53) - 1]  # modulo 2^53, as snmp_exporter
    assert numbers([bind(Tag.GAUGE32, 1), bind(Tag.INTEGER, -1)]) == [1, -1]
    assert numbers([*counters, bind(Tag.TIMETICKS, 3)]) == [5, (1 << 53) - 1, 3]
    assert numbers([octets(b"1")]) is None
    assert number(bind(Tag.OPAQUE, b"\x9f\x79\x08" + struct.pack(">d", 2.25))) == 2.25
    assert number(bind(Tag.OPAQUE, b"\x9f\x79\x08")) is None
    assert number(bind(Tag.NULL, None)) is None
    reals = (5.9, -5.9, float("nan"), float("inf"), -1e300)
    found = [integer(bind(Tag.OPAQUE, b"\x9f\x79\x08" + struct.pack(">d", real))) for real in reals]
    assert found == [5, -5, *[-(1 << 63)] * 3]  # what Go makes of them
    assert integer(octets(b"5")) is None


@pytest.mark.parametrize(
    ("tag", "value", "kind", "pattern", "seconds"),
    [
        (Tag.OCTET_STRING, bytes.fromhex("07e8010203040506"), "DateAndTime", "", 1704164645),
        (Tag.OCTET_STRING, bytes(8), "NTPTimeStamp", "", -2208988800),
        (Tag.OCTET_STRING, b"Jan 02 2024", "ParseDateAndTime", "%b %d %Y", 1704153600),
        (Tag.INTEGER, 1704153600, "ParseDateAndTime", "%s", 1704153600),
        (Tag.INTEGER, 5, "DateAndTime", "", None),
        (Tag.OID, bytes(8), "DateAndTime", "", None),
        (Tag.NULL, None, "NTPTimeStamp", "", None),
    ],
)
def test_dates(tag: int, value: Value, kind: str, pattern: str, seconds: float | None) -> None:
    assert date_number(bind(tag, value), kind, pattern) == seconds


@given(st.binary(max_size=300))
def test_any_octets_are_text_that_can_be_written(raw: bytes) -> None:
    assert bool(utf8(raw).encode()) == bool(raw)

"""How values and indexes read: tables of what snmp_exporter gives."""

import re
import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.snmp import values
from probes.snmp.ber import Tag, Value, VarBind, encode_oid
from probes.snmp.modules import INDEX_TYPES, Extract
from probes.snmp.values import date_number, extracted, index_text, number, numbers, text, utf8

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
        (bind(Tag.OPAQUE, b"\x9f\x78\x04" + struct.pack(">f", 1.5)), "DisplayString", "1.5"),
        (octets(b"x" * 5000), "DisplayString", "x" * values.MAX_LABEL_OCTETS),
    ],
)
def test_values_as_text(one: VarBind, kind: str, shown: str) -> None:
    assert text(one, kind) == shown


@pytest.mark.parametrize(
    ("parts", "kind", "size", "implied", "shown", "used"),
    [
        ((7, 9), "gauge", 0, False, "7", 1),
        ((), "gauge", 0, False, "0", 0),
        ((2,), "EnumAsInfo", 0, False, "two", 1),
        ((5,), "EnumAsInfo", 0, False, "5", 1),
        ((2, 104, 105, 9), "DisplayString", 0, False, "hi", 3),
        ((104, 105), "DisplayString", 0, True, "hi", 2),
        ((104, 105, 9), "DisplayString", 2, False, "hi", 2),
        ((2, 1, 255), "OctetString", 0, False, "0x01FF", 3),
        ((0, 1), "OctetString", 0, False, "", 1),
        ((4000000000, 1), "OctetString", 0, False, "0x01" + "00" * 127, 2),  # a length that lies
        ((0, 27, 84, 1, 2, 3, 4), "PhysAddress48", 0, False, "00:1B:54:01:02:03", 6),
        ((10, 0, 0, 1), "InetAddressIPv4", 0, False, "10.0.0.1", 4),
        ((1, 4, 10, 0, 0, 1, 8), "InetAddress", 0, False, "10.0.0.1", 6),
        ((2, 16, *range(16)), "InetAddress", 0, False, "0001:0203:0405:0607:0809:0A0B:0C0D:0E0F", 18),
        ((1, 10, 0, 0, 1), "InetAddressMissingSize", 0, False, "10.0.0.1", 5),
        ((16, 2, 97, 98), "InetAddress", 0, False, "0x6162", 4),
    ],
)
def test_indexes_as_text(
    parts: Sequence[int], kind: str, size: int, implied: bool, shown: str, used: int
) -> None:  # fmt: skip
    assert index_text(parts, kind, size, implied=implied, enum_values={2: "two"}) == (shown, used)


@given(st.lists(st.integers(0, (1 << 32) - 1), max_size=128), st.sampled_from(sorted(INDEX_TYPES)), st.booleans())
def test_any_index_gives_text_and_takes_no_more_than_there_is(parts: list[int], kind: str, implied: bool) -> None:
    shown, used = index_text(parts, kind, implied=implied)
    assert len(shown) <= 600
    assert 0 <= used <= len(parts)


def test_numbers() -> None:
    counters = [bind(Tag.COUNTER64, (1 << 53) + 5), bind(Tag.COUNTER64, (1 << 64) - 1)]
    assert numbers(counters) == [5, (1 << 53) - 1]  # modulo 2^53, as snmp_exporter
    assert numbers([bind(Tag.GAUGE32, 1), bind(Tag.INTEGER, -1)]) == [1, -1]
    assert numbers([*counters, bind(Tag.TIMETICKS, 3)]) == [5, (1 << 53) - 1, 3]
    assert numbers([octets(b"1")]) is None
    assert number(bind(Tag.OPAQUE, b"\x9f\x79\x08" + struct.pack(">d", 2.25))) == 2.25
    assert number(bind(Tag.OPAQUE, b"\x9f\x79\x08")) is None
    assert number(bind(Tag.NULL, None)) is None


@pytest.mark.parametrize(
    ("value", "kind", "pattern", "seconds"),
    [
        (bytes.fromhex("07e8010203040506"), "DateAndTime", "", 1704164645),
        (bytes.fromhex("07e80102030405062b0100"), "DateAndTime", "", 1704164645 - 3600),
        (bytes.fromhex("07e80102030405062d011e"), "DateAndTime", "", 1704164645 + 5400),
        (bytes.fromhex("07e70d0203040506"), "DateAndTime", "", 1704164645),  # month 13 is next January
        (bytes.fromhex("0000000000000000"), "DateAndTime", "", -62169984000),
        (b"2024", "DateAndTime", "", None),
        (b"Jan 02 2024", "ParseDateAndTime", "%b %d %Y", 1704153600),
        (b"soon", "ParseDateAndTime", "%b %d %Y", None),
        ((2208988800 + 60).to_bytes(4, "big") + bytes(4), "NTPTimeStamp", "", 60),
        (b"", "NTPTimeStamp", "", None),
        (5, "DateAndTime", "", None),
    ],
)
def test_dates(value: bytes | int, kind: str, pattern: str, seconds: float | None) -> None:
    tag = Tag.INTEGER if isinstance(value, int) else Tag.OCTET_STRING
    assert date_number(bind(tag, value), kind, pattern) == seconds


@pytest.mark.parametrize(
    ("shown", "regex", "value", "found"),
    [
        ("42.5 C", r"^(?:(\d+\.\d+).*)$", "$1", 42.5),
        ("42.5 C", r"(\d+)", "$1", None),  # anchored at both ends
        ("True", "^(?:True)$", "1", 1.0),
        ("7", r"(?P<n>\d)", "${n}0", 70.0),
        ("7", r"(\d)", "$1x", None),  # Go reads the name `1x`
        ("7", r"(\d)", "$$1", None),
        ("1_0", "(.*)", "$1", None),  # Python's spelling of numbers, not Go's
        (" 1", "(.*)", "$1", None),
        ("NaN", "(.*)", "$1", float("nan")),
    ],
)
def test_extracts(shown: str, regex: str, value: str, found: float | None) -> None:
    assert extracted(shown, [Extract(re.compile(regex), value)]) == pytest.approx(found, nan_ok=True)


@given(st.binary(max_size=300))
def test_any_octets_are_text_that_can_be_written(raw: bytes) -> None:
    assert bool(utf8(raw).encode()) == bool(raw)

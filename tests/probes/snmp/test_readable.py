"""How values read for a person."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.snmp.ber import Tag, Value, encode_oid
from probes.snmp.names import MibObject, Names
from probes.snmp.readable import hinted, plain, readable, type_name

NAMES = Names([MibObject("sysUpTime", "1.3.6.1.2.1.1.3")])
DATE = "2d-1d-1d,1d:1d:1d.1d,1a1d:1d"


def about(hint: str = "", *, bits: bool = False, units: str = "", **enums: int) -> MibObject:
    return MibObject("x", "1.3", "", hint, {number: word for word, number in enums.items()}, bits, units)


@pytest.mark.parametrize(
    ("tag", "value", "what", "shown"),
    [
        (Tag.INTEGER, 1, about(up=1, down=2), "up(1)"),
        (Tag.INTEGER, 9, about(up=1), "9"),
        (Tag.INTEGER, -5, None, "-5"),
        (Tag.INTEGER, 215, about("d-1", units="degrees Celsius"), "21.5 degrees Celsius"),
        (Tag.INTEGER, -5, about("d-2"), "-0.05"),
        (Tag.INTEGER, 255, about("x"), "ff"),
        (Tag.INTEGER, 7, about("d"), "7"),
        (Tag.GAUGE32, 4294967295, None, "4294967295"),
        (Tag.COUNTER64, 1 << 63, about(units="octets"), "9223372036854775808 octets"),
        (Tag.TIMETICKS, 9378456, None, "1 d 2 h (9378456)"),
        (Tag.TIMETICKS, 0, None, "0 ms (0)"),
        (Tag.OCTET_STRING, b"eth0", None, "eth0"),
        (Tag.OCTET_STRING, b"", None, ""),
        (Tag.OCTET_STRING, "Zürich".encode(), about("255a"), "Zürich"),
        (Tag.OCTET_STRING, b"a\0", None, "a"),
        (Tag.OCTET_STRING, b"\x00\x1b\x54\x00\x00\x01", None, "00 1b 54 00 00 01"),
        (Tag.OCTET_STRING, b"\x00\x1b\x54\x00\x00\x01", about("1x:"), "00:1b:54:00:00:01"),
        (Tag.OCTET_STRING, b"\x80\x40", about(bits=True, front=0, roof=9), "front(0) roof(9)"),
        (Tag.OCTET_STRING, b"\x20", about(bits=True, front=0), "2"),
        (Tag.OCTET_STRING, b"\x07\xe7\x03\x04\x05\x06\x07\x08+\x01\x00", about(DATE), "2023-3-4,5:6:7.8,+1:0"),
        (Tag.OCTET_STRING, b"x" * 5000, None, "x" * 4096 + " ... (5000 octets)"),
        (Tag.OID, encode_oid("1.3.6.1.2.1.1.3.0"), None, "SNMPv2-MIB::sysUpTime.0"),
        (Tag.OID, b"", None, "0.0"),
        (Tag.IP_ADDRESS, b"\x0a\x14\x01\x02", None, "10.20.1.2"),
        (Tag.OPAQUE, b"\x9f\x78\x04" + struct.pack(">f", 1.5), None, "1.5"),
        (Tag.OPAQUE, b"\xff\x00", None, "0xff00"),
        (Tag.NO_SUCH_INSTANCE, None, None, "noSuchInstance"),
    ],
)
def test_values_read(tag: Tag, value: Value, what: MibObject | None, shown: str) -> None:
    assert readable((b"\x2b", tag, value), NAMES, what) == shown


@pytest.mark.parametrize(
    ("tag", "value", "expected"),
    [
        (Tag.INTEGER, -1, -1),
        (Tag.OID, encode_oid("1.3.6.1"), "1.3.6.1"),
        (Tag.OID, b"", "0.0"),
        (Tag.IP_ADDRESS, b"\x7f\0\0\x01", "127.0.0.1"),
        (Tag.OCTET_STRING, b"line\r\nline", "line\r\nline"),
        (Tag.OCTET_STRING, b"\x1b[2J", "0x1b5b324a"),
        (Tag.OPAQUE, b"\x9f\x79\x08" + struct.pack(">d", 0.1), 0.1),
        (Tag.NULL, None, None),
    ],
)
def test_values_for_programs(tag: Tag, value: Value, expected: object) -> None:
    assert plain((b"\x2b", tag, value)) == expected


@pytest.mark.parametrize(
    ("value", "hint", "shown"),
    [
        (b"\x02\x01\x02\x03", "*1d.:1d", "1.2:3"),
        (b"\x00\x03", "*1d.:1d", "3"),
        (b"\x01\x02\x03\x04\x05", "1d.1d:", "1.2:3:4:5"),
        (b"\x20\x01\x0d\xb8" + bytes(12), "2x:2x:2x:2x:2x:2x:2x:2x", "2001:0db8:0000:0000:0000:0000:0000:0000"),
        (b"\x0a", "1o", "12"),
        (b"abc", "255t", "abc"),
        (b"abc", "0a", None),
        (b"abc", "nonsense", None),
        (b"abc", "", None),
        (b"", "1x:", ""),
        (b"\x05", "*1x:", ""),
    ],
)
def test_display_hints(value: bytes, hint: str, shown: str | None) -> None:
    assert hinted(value, hint) == shown


@given(st.binary(max_size=300), st.text("*0123456789xdoat:.-, ", max_size=12))
def test_no_hint_and_no_value_does_harm(value: bytes, hint: str) -> None:
    shown = hinted(value, hint)
    assert shown is None or len(shown) <= 20 * (len(value) + 1)


def test_every_type_has_a_name() -> None:
    assert [type_name(tag) for tag in Tag]

"""DISPLAY-HINT: RFC 2579's own examples, and hints that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.snmp.hints import hinted


@pytest.mark.parametrize(
    ("hint", "octets", "shown"),
    [
        ("1d.1d.1d.1d", bytes((192, 168, 1, 1)), b"192.168.1.1"),
        ("1x:", bytes((0, 26, 43, 60, 77, 94)), b"00:1A:2B:3C:4D:5E"),
        ("255a", b"Hello", b"Hello"),
        ("2d-1d-1d,1d:1d:1d.1d", bytes.fromhex("07c8051a0d1e0f00"), b"1992-5-26,13:30:15.0"),
        ("1d.1d.1d.1d/2d", bytes.fromhex("0a00000100a1"), b"10.0.0.1/161"),
        ("*1x:/1x:", bytes((3, 1, 2, 3, 9, 8)), b"01:02:03/09:08"),
        ("*1x:", bytes((9, 1, 2)), b"01:02"),  # fewer octets than the count says
        ("1o ", bytes((8, 9)), b"10 11"),
        ("4d", b"\x01\x00", b"256"),
        ("10d", b"\x01" * 8, b"72340172838076673"),
        ("10d", b"\x01" * 9, None),  # no number of 64 bits
        ("0a[2x]0a:2d", bytes.fromhex("20010050"), b"[2001]:80"),
        ("2x", b"\x01\x02\x03", b"010203"),
        ("1d", b"", None),
        ("", b"a", None),
        ("x", b"a", None),
        ("1z", b"a", None),
        ("0a", b"ab", None),  # would go on for ever
        ("d-2", b"a", None),  # of an integer
    ],
)
def test_hints(hint: str, octets: bytes, shown: bytes | None) -> None:
    assert hinted(hint, octets) == shown


@given(st.text("*0129dxoat:./- ", max_size=12), st.binary(max_size=300))
def test_any_hint_comes_to_an_end(hint: str, octets: bytes) -> None:
    shown = hinted(hint, octets)
    assert shown is None or len(shown) <= 70_000

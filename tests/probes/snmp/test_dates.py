"""Dates as Go and snmp_exporter read them; what is expected here was printed by snmp_exporter 0.30.1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.snmp.dates import date_and_time, ntp_timestamp, parsed_date


@pytest.mark.parametrize(
    ("octets", "seconds"),
    [
        ("07e8010203040506", 1704164645),
        ("07e801020304050b", 1704164646),  # eleven tenths are a second and one
        ("07e80102030405062b0100", 1704164645 - 3600),
        ("07e80102030405062d011e", 1704164645 + 5400),
        ("07e80102030405ff2b183c", 1704164670 - 25 * 3600),  # 24 hours and 60 minutes east are taken
        ("07e80102030405002b193c", None),
        ("07e80102030405002b183d", None),
        ("07e8010203040500780100", None),
        ("07e70d0203040506", 1704164645),  # month 13 is next January
        ("0000000000000000", -62169984000),
        ("07e801", None),
    ],
)
def test_date_and_time(octets: str, seconds: float | None) -> None:
    assert date_and_time(bytes.fromhex(octets)) == seconds


def test_ntp_timestamps() -> None:
    assert ntp_timestamp((2208988800 + 60).to_bytes(4, "big") + b"\xff" * 4) == 60
    assert ntp_timestamp(bytes.fromhex("ffe801020304050b616161")) == 2084405890
    assert ntp_timestamp(bytes(7)) is None


@pytest.mark.parametrize(
    ("text", "pattern", "seconds"),
    [
        ("Jan 02 2024", "%b %d %Y", 1704153600),
        ("soon", "%b %d %Y", None),
        ("Jan 02 2024 ", "%b %d %Y", None),  # all of it has to fit
        ("2024-01-02 12:00:00 PM", "%Y-%m-%d %I:%M:%S %p", 1704196800),
        ("2024-01-02 12:00:00 am", "%F %r", 1704153600),
        ("2024-13-40 12:00:00 am", "%Y-%m-%d %I:%M:%S %p", 1739059200),  # parts have no range
        ("2024 +0100 100", "%Y %z %j", 1712617200),
        ("2024 +01:00 1", "%Y %z %j", 1704063600),
        ("2024 Z 1", "%Y %z %j", 1704067200),
        ("2024 -0160 1", "%Y %z %j", 1704074400),
        ("2024 UTC 100 5", "%Y %Z %f %s", 5),
        ("2024 XXXXXX", "%Y %Z", None),
        ("24 May", "%y %b", 1714521600),
        ("68 JUN", "%y %b", 3105734400),
        ("69 JUN", "%y %b", -18489600),
        ("50%, the 19th century: 99", "50%%, the %Cth century: %y", 915148800),
        ("Mon Jan  2 15:04:05 2006", "%c", 1136214245),
        ("Mon Jan 02 15:04:05 2006", "%a %b %d %H:%M:%S %Y", 1136214245),
        ("monday february 3 2024", "%A %B %e %Y", 1706918400),
        ("02/29/24 \t60", "%D%t%j", 1709164800),
        ("2024 %c", "%Y %%c", 1704067200),
        ("5", "%Q", None),
        ("5%", "%d%", None),
    ],
)
def test_patterns(text: str, pattern: str, seconds: float | None) -> None:
    assert parsed_date(text, pattern) == seconds


@given(st.text(max_size=40), st.text("%YmdHMSpzjbeyCs -:", max_size=12))
def test_any_text_and_pattern_give_a_number_or_none(text: str, pattern: str) -> None:
    assert parsed_date(text, pattern) is None or isinstance(parsed_date(text, pattern), float)

"""What may be a fact, and what only stands where one should."""

from datetime import date

import pytest

from probes.snmp.identitywords import day, octets_day, sound

TODAY = date(2026, 11, 27)


@pytest.mark.parametrize(
    ("name", "said", "fact"),
    [
        ("serial", "FXS0001A0AA", "FXS0001A0AA"),
        ("serial", "S/N: FXS0001A0AA ", "FXS0001A0AA"),
        ("serial", "123456789", None),
        ("serial", "0000000000", None),
        ("serial", "XXXXXXXXXX", None),
        ("serial", "To be filled by O.E.M.", None),
        ("serial", "Default string", None),
        ("serial", "N/A", None),
        ("serial", "System Serial Number", None),
        ("serial", "AB", None),
        ("serial", "ABCDEF", None),  # no digit in it: a word
        ("serial", "A1\ufffd\ufffd2345", None),
        ("serial", "A" * 30 + "1" * 20, None),
        ("model", " C9300-48P ", "C9300-48P"),
        ("model", "Unknown", None),
        ("model", "chassis", None),
        ("model", "-", None),
        ("model", "x" * 61, None),
        ("vendor", "Acme Networks, Inc.", "Acme Networks"),
        ("vendor", "Acme GmbH & Co. KG", "Acme"),
        ("vendor", "none", None),
        ("software_version", "Version 7.4.1,", "7.4.1"),
        ("software_version", "v7", "7"),
        ("software_version", "latest", None),
        ("software_version", "V200R010C00", "200R010C00"),
        ("hardware_version", "B", None),
        ("bios_version", "2.19.1", "2.19.1"),
    ],
)
def test_words(name: str, said: str, fact: str | None) -> None:
    assert sound(name, said) == fact


@pytest.mark.parametrize(
    ("said", "formats", "found"),
    [
        ("07/13/2012", ["%m/%d/%Y"], "2012-07-13"),
        ("13.07.2012", ["%m/%d/%Y", "%d.%m.%Y"], "2012-07-13"),
        ("01/01/2012", ["%m/%d/%Y"], None),  # where clocks begin
        ("07/13/1970", ["%m/%d/%Y"], None),
        ("07/13/2031", ["%m/%d/%Y"], None),
        ("soon", ["%m/%d/%Y"], None),
    ],
)
def test_days(said: str, formats: list[str], found: str | None) -> None:
    assert day(said, formats, TODAY) == found


@pytest.mark.parametrize(
    ("octets", "found"),
    [
        (bytes([7, 0xE4, 5, 6, 0, 0, 0, 0]), date(2020, 5, 6)),
        (bytes([7, 0xE4, 5, 6, 0, 0, 0, 0, 43, 0, 0]), date(2020, 5, 6)),
        (bytes(8), None),
        (bytes([7, 0xE4, 13, 6, 0, 0, 0, 0]), None),
        (bytes([7, 0xB2, 1, 1, 0, 0, 0, 0]), None),
        (b"2020-05-06", None),
    ],
)
def test_days_of_date_and_time(octets: bytes, found: date | None) -> None:
    assert octets_day(octets, TODAY) == found

"""Days of manufacture in serial numbers."""

import re
from datetime import date

import pytest

from agent.core.datecode import DateCode, date_of, made

WEEKS = DateCode(
    "weeks", ("cisco",), re.compile(r"[A-Z]{3}(?P<year>\d\d)(?P<week>\d\d)\w{4}"), "a document", 1996, weeks=52
)
CENTURY = DateCode(
    "century", ("apc",), re.compile(r"[A-Z]{2}(?P<year>\d\d)(?P<week>\d\d)\d+"), "a document", 2000, century_from=90
)
SIGNS = DateCode(
    "signs", ("huawei",), re.compile(r"21(?P<year>\w)(?P<month>\w)\d+"), "a document", 2000,
    year_signs="123456789ABCDEFGHJ", month_signs="123456789ABC",
)  # fmt: skip
DAYS = DateCode("days", ("extreme",), re.compile(r"(?P<year>\d\d)(?P<month>\d\d)(?P<day>\d\d)X"), "a document", 2000)


@pytest.mark.parametrize(
    ("code", "serial", "day"),
    [
        (WEEKS, "FOC1601X0AB", date(2012, 1, 2)),
        (WEEKS, " foc0832x0ab ", date(2004, 8, 2)),
        (WEEKS, "FOC1652X0AB", date(2012, 12, 24)),
        (WEEKS, "FOC1653X0AB", None),  # the maker counts to 52
        (WEEKS, "FOC1600X0AB", None),
        (WEEKS, "FOC1699X0AB", None),
        (WEEKS, "FOC1601X0ABC", None),
        (WEEKS, "", None),
        (CENTURY, "AS1915000001", date(2019, 4, 8)),
        (CENTURY, "WS9801000001", date(1997, 12, 29)),
        (CENTURY, "AS2053000001", date(2020, 12, 28)),
        (CENTURY, "AS1953000001", None),  # a year of 52 weeks
        (SIGNS, "21C1000001", date(2012, 1, 1)),
        (SIGNS, "219C000001", date(2009, 12, 1)),
        (SIGNS, "21JA000001", date(2018, 10, 1)),
        (SIGNS, "21I1000001", None),  # no sign of a year
        (SIGNS, "21CD000001", None),
        (DAYS, "210601X", date(2021, 6, 1)),
        (DAYS, "210631X", None),
        (DAYS, "210600X", None),
        (DAYS, "211301X", None),
    ],
)
def test_what_a_number_names(code: DateCode, serial: str, day: date | None) -> None:
    assert made(code, serial) == day


def test_a_rule_is_of_its_vendor() -> None:
    codes = (CENTURY, WEEKS)
    assert date_of("Cisco Systems, Inc.", "FOC1601X0AB", codes) == (date(2012, 1, 2), WEEKS)
    assert date_of("Example/Cisco", "FOC1601X0AB", codes) == (date(2012, 1, 2), WEEKS)
    assert date_of("San Francisco Networks", "FOC1601X0AB", codes) is None
    assert date_of("HP", "FOC1601X0AB", codes) is None
    assert date_of("APC", "FOC1601X0AB", codes) is None
    assert date_of("", "FOC1601X0AB", codes) is None

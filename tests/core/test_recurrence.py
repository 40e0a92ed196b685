"""What comes again, in local time; and that no text makes much work."""

import time
from datetime import UTC, datetime, timedelta
from datetime import time as clock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.recurrence import HORIZON, RuleError, occurrences, time_of_day, weekly, zone_of

LONDON = "Europe/London"
SUNDAY = datetime(2026, 1, 4, 22, 0, tzinfo=UTC)


def begun(first: datetime, rule: str, zone: str = "UTC", count: int = 4) -> list[str]:
    return [f"{moment:%m-%d %H:%M}" for moment in occurrences(first, rule, zone)[:count]]


@pytest.mark.parametrize(
    ("first", "rule", "wanted"),
    [
        (SUNDAY, "", ["01-04 22:00"]),
        (SUNDAY, "FREQ=WEEKLY", ["01-04 22:00", "01-11 22:00", "01-18 22:00", "01-25 22:00"]),
        (SUNDAY, "RRULE:freq=weekly;byday=su,we", ["01-04 22:00", "01-07 22:00", "01-11 22:00", "01-14 22:00"]),
        (SUNDAY, "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=SU", ["01-04 22:00", "01-05 22:00", "01-18 22:00",
                                                                "01-19 22:00"]),
        (SUNDAY, "FREQ=DAILY;COUNT=2", ["01-04 22:00", "01-05 22:00"]),
        (SUNDAY, "FREQ=DAILY;UNTIL=20260105", ["01-04 22:00", "01-05 22:00"]),
        (SUNDAY, "FREQ=DAILY;UNTIL=20260105T215959Z", ["01-04 22:00"]),
        (SUNDAY, "FREQ=DAILY;UNTIL=20260105T220000", ["01-04 22:00", "01-05 22:00"]),
        (SUNDAY, "FREQ=MONTHLY;BYDAY=1SU", ["01-04 22:00", "02-01 22:00", "03-01 22:00", "04-05 22:00"]),
        (SUNDAY, "FREQ=MONTHLY;BYMONTHDAY=-28;BYMONTH=1,3", ["01-04 22:00", "03-04 22:00", "01-04 22:00",
                                                             "03-04 22:00"]),
        (SUNDAY, "FREQ=MONTHLY;BYDAY=SA,SU;BYSETPOS=2", ["01-04 22:00", "02-07 22:00", "03-07 22:00", "04-05 22:00"]),
        (SUNDAY, "FREQ=YEARLY;COUNT=2", ["01-04 22:00", "01-04 22:00"]),
        (datetime(2028, 2, 29, 3, 0, tzinfo=UTC), "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", ["02-29 03:00"] * 3),
    ],
)  # fmt: skip
def test_rules(first: datetime, rule: str, wanted: list[str]) -> None:
    assert begun(first, rule) == wanted


@pytest.mark.parametrize(
    ("first", "rule", "wanted"),
    [
        # 22:00 in London stays 22:00: clocks go forward on 29 March, back on 25 October
        ("2026-03-22T22:00+00:00", "FREQ=WEEKLY", ["03-22 22:00", "03-29 21:00", "04-05 21:00", "04-12 21:00"]),
        ("2026-10-18T21:00+00:00", "FREQ=WEEKLY", ["10-18 21:00", "10-25 22:00", "11-01 22:00", "11-08 22:00"]),
        # 01:30 does not exist on 29 March: read with the offset before, 01:30 UTC
        ("2026-03-28T01:30+00:00", "FREQ=DAILY", ["03-28 01:30", "03-29 01:30", "03-30 00:30", "03-31 00:30"]),
        # 01:30 comes twice on 25 October: the first is meant, but for a window that began in the second
        ("2026-10-24T00:30+00:00", "FREQ=DAILY", ["10-24 00:30", "10-25 00:30", "10-26 01:30", "10-27 01:30"]),
        ("2026-10-25T01:30+00:00", "FREQ=DAILY", ["10-25 01:30", "10-26 01:30", "10-27 01:30", "10-28 01:30"]),
    ],
)
def test_local_times_stay_when_clocks_are_set(first: str, rule: str, wanted: list[str]) -> None:
    assert begun(datetime.fromisoformat(first), rule, LONDON) == wanted


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ("FREQ=MINUTELY", r"expected FREQ=DAILY\|WEEKLY\|MONTHLY\|YEARLY, got FREQ='MINUTELY'"),
        ("FREQ=SECONDLY;INTERVAL=1", "expected FREQ="),
        ("INTERVAL=2", "expected FREQ=.* got FREQ=''"),
        ("FREQ=DAILY;BYHOUR=1,2,3", "FREQ=DAILY takes BYDAY, .*; got 'BYHOUR'; the time of day is"),
        ("FREQ=WEEKLY;BYMONTHDAY=4", "FREQ=WEEKLY takes"),
        ("FREQ=YEARLY;BYEASTER=1", "FREQ=YEARLY takes"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20260105", "COUNT and UNTIL exclude each other"),
        ("FREQ=DAILY;COUNT=0", "COUNT: expected a number from 1 to 5000, got '0'"),
        ("FREQ=DAILY;INTERVAL=99999999999", "INTERVAL: expected a number from 1 to 1000"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL: expected"),
        ("FREQ=WEEKLY;BYDAY=2SU", "BYDAY: expected days such as MO,WE, got '2SU'"),
        ("FREQ=MONTHLY;BYDAY=XX", "BYDAY: expected days such as MO,WE or 2TU,-1FR, got 'XX'"),
        ("FREQ=MONTHLY;BYDAY=" + ",".join(["SU"] * 70), "expected a rule of up to 200 plain characters"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY: expected numbers from 1 to 31, or back from the end"),
        ("FREQ=MONTHLY;BYMONTH=-1", "BYMONTH: expected numbers from 1 to 12, got '-1'"),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS needs BYDAY"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL: expected 20271231 or 20271231T220000Z, got 'TOMORROW'"),
        ("FREQ=DAILY;UNTIL=20261331", "UNTIL: expected"),
        ("FREQ=DAILY;UNTIL=00010101T000000Z", "UNTIL: expected|ends before it begins"),
        ("FREQ=DAILY;UNTIL=20260103", "ends before it begins: UNTIL is 2026-01-03 23:59"),
        ("FREQ=DAILY;FREQ=DAILY", "each part once"),
        ("FREQ", "expected a rule such as"),
        ("FREQ=DÄILY", "plain characters"),
        ("FREQ=WEEKLY;BYDAY=MO", "does not hold for its own beginning, Sunday 2026-01-04 22:00: begin on a day"),
        ("FREQ=MONTHLY;BYDAY=2SU", "does not hold for its own beginning"),
        ("FREQ=YEARLY;BYMONTH=2", "does not hold for its own beginning"),
    ],
)  # fmt: skip
def test_refusals(rule: str, error: str) -> None:
    with pytest.raises(RuleError, match=error):
        occurrences(SUNDAY, rule, "America/New_York" if "00010101" in rule else "UTC")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "Europe", "", "x" * 5000, "/etc/localtime"])
def test_zones_that_are_none(zone: str) -> None:
    with pytest.raises(RuleError, match="expected the IANA name of a time zone such as Europe/London or UTC"):
        zone_of(zone)


def test_nothing_recurs_for_ever() -> None:
    found = occurrences(SUNDAY, "FREQ=DAILY", LONDON)
    assert len(found) == HORIZON.days + 1
    assert occurrences(SUNDAY, "FREQ=DAILY;UNTIL=99991231T235959Z", LONDON) == found


PARTS = st.fixed_dictionaries(
    {"FREQ": st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY", "HOURLY"])},
    optional={
        "INTERVAL": st.integers(0, 1100).map(str),
        "COUNT": st.integers(0, 6000).map(str),
        "UNTIL": st.sampled_from(["20270101", "20270101T000000Z", "99990101", "x"]),
        "BYDAY": st.sampled_from(["SU", "MO,SU", "1SU", "-5SU", "5SU", "MO"]),
        "BYMONTH": st.sampled_from(["1", "2", "1,2", "13"]),
        "BYMONTHDAY": st.sampled_from(["4", "-28", "30", "31", "4,31"]),
        "BYSETPOS": st.sampled_from(["1", "-1", "366", "4"]),
        "WKST": st.sampled_from(["SU", "MO", "XX"]),
    },
)


@settings(deadline=None, max_examples=60)
@given(PARTS)
def test_every_rule_is_refused_or_ends_soon_and_ascends(parts: dict[str, str]) -> None:
    began = time.process_time()
    try:
        found = occurrences(SUNDAY, ";".join(f"{key}={value}" for key, value in parts.items()), LONDON)
    except RuleError:
        pass
    else:
        assert found[0] == SUNDAY
        assert list(found) == sorted(set(found))
        assert found[-1] <= SUNDAY + HORIZON + timedelta(hours=1)
    assert time.process_time() - began < 20  # a storm would take hours


@pytest.mark.parametrize(
    ("day", "at", "now", "wanted"),
    [
        ("sun", "22:00", "2026-03-25T12:00+00:00", "2026-03-29T21:00+00:00"),
        ("Sunday", "22:00", "2026-03-22T22:00+00:00", "2026-03-22T22:00+00:00"),
        ("SU", "9:05", "2026-03-22T22:00+00:00", "2026-03-29T08:05+00:00"),
        ("thu", "00:00", "2026-10-21T12:00+00:00", "2026-10-21T23:00+00:00"),
    ],
)
def test_the_weekly_form(day: str, at: str, now: str, wanted: str) -> None:
    first, rule = weekly(day, at, LONDON, datetime.fromisoformat(now))
    assert first == datetime.fromisoformat(wanted)
    assert occurrences(first, rule, LONDON)[1] > first


@pytest.mark.parametrize(("day", "error"), [("s", "expected a day"), ("funday", "expected a day"), ("", "day of the")])
def test_days_that_are_none(day: str, error: str) -> None:
    with pytest.raises(RuleError, match=error):
        weekly(day, "22:00", "UTC", SUNDAY)


def test_times_of_day() -> None:
    assert time_of_day("22:05") == clock(22, 5)
    for text in ("24:00", "22", "22:60", "\u0662\u0662:00"):
        with pytest.raises(RuleError, match=r"expected a time of day such as 22:00"):
            time_of_day(text)

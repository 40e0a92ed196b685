"""Calendar periods of a zone, with the length that they really have."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.contract import Period, period_at, period_named

LONDON, NEW_YORK, BEIRUT = ZoneInfo("Europe/London"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Beirut")
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("name", "zone", "began", "hours"),
    [
        ("2026-11", UTC, "2026-11-01T00:00", 720),
        ("2026-02", LONDON, "2026-02-01T00:00", 672),
        ("2028-02", LONDON, "2028-02-01T00:00", 696),
        ("2026-03", LONDON, "2026-03-01T00:00", 743),  # clocks go forward
        ("2026-10", LONDON, "2026-09-30T23:00", 745),  # and back
        ("2026-07", LONDON, "2026-06-30T23:00", 744),
        ("2026-12", NEW_YORK, "2026-12-01T05:00", 744),
        ("2026-11", NEW_YORK, "2026-11-01T04:00", 721),
        ("2026-Q4", LONDON, "2026-09-30T23:00", 92 * 24 + 1),
        ("2026-q1", LONDON, "2026-01-01T00:00", 90 * 24 - 1),
        ("2026", LONDON, "2026-01-01T00:00", 8760),
        ("2028", LONDON, "2028-01-01T00:00", 8784),
        ("2017-04", BEIRUT, "2017-03-31T21:00", 720),
    ],
)
def test_a_period_is_as_long_as_it_is(name: str, zone: tzinfo, began: str, hours: int) -> None:
    begin, end = period_named(name, zone)
    assert begin == datetime.fromisoformat(began).replace(tzinfo=UTC)
    assert end - begin == hours * HOUR


def test_a_midnight_that_is_skipped_begins_its_period_when_the_clocks_go_on() -> None:
    """Paraguay set its clocks forward at midnight of 1 October 2017: 00:00 became 01:00 (IANA tz database)."""
    asuncion = ZoneInfo("America/Asuncion")
    september, october = period_named("2017-09", asuncion), period_named("2017-10", asuncion)
    assert september[1] == october[0] == datetime(2017, 10, 1, 4, tzinfo=UTC)
    assert october[0].astimezone(asuncion).hour == 1
    assert october[1] - october[0] == 743 * HOUR


@pytest.mark.parametrize("name", ["", "2026-13", "2026-00", "26-11", "2026-Q5", "november", "0001", "9999", "2026-1"])
def test_what_is_no_period_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(ValueError, match=r"expected a month such as 2026-11, a quarter such as 2026-Q4 or a year, got"):
        period_named(name, UTC)


@given(
    st.integers(0, 4_000_000_000).map(lambda second: datetime(1971, 1, 1, tzinfo=UTC) + timedelta(seconds=second)),
    st.sampled_from(list(Period)),
    st.sampled_from([UTC, LONDON, NEW_YORK, BEIRUT, ZoneInfo("Pacific/Apia"), ZoneInfo("Australia/Lord_Howe")]),
)
def test_periods_hold_their_moments_and_leave_no_gap(at: datetime, period: Period, zone: tzinfo) -> None:
    begin, end = period_at(at, period, zone)
    assert begin <= at < end
    assert period_at(begin, period, zone) == (begin, end)
    assert period_at(end, period, zone)[0] == end

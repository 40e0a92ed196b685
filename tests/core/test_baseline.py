"""What is usual, what is worse, and what is learnt of hours, days and weeks."""

import json
import math
import random
from typing import Any

import pytest

from agent.core.baseline import HOUR_SECONDS, Baseline, Margins

MONDAY = 1_767_571_200.0  # 2026-01-05 00:00 UTC
DAY = 24 * HOUR_SECONDS
MARGINS = Margins()


def fed(*spans: tuple[float, float, float], spacing: float = 60.0, line: Baseline | None = None) -> Baseline:
    """Feed (from, to, value) spans of constant values."""
    line = line or Baseline()
    for begin, end, value in spans:
        at = begin
        while at < end:
            line.push(at, value)
            at += spacing
    return line


def test_nothing_is_usual_before_something_is_known() -> None:
    line = Baseline()
    assert line.usual(MONDAY) is None
    assert line.limits(MONDAY, MARGINS) is None
    fed((MONDAY, MONDAY + 4 * 10, 0.010), spacing=10.0, line=line)
    assert line.present is None
    assert fed((MONDAY + 40, MONDAY + 100, 0.010), spacing=10.0, line=line).present == 0.010
    assert line.usual(MONDAY) is None
    fed((MONDAY + 100, MONDAY + 200, 0.010), spacing=10.0, line=line)
    assert line.usual(MONDAY + 200) == pytest.approx(0.010)


@pytest.mark.parametrize(
    ("usual", "noise", "margin"),
    [(0.001, 0.0, 0.005), (0.010, 0.0, 0.005), (0.100, 0.0, 0.020), (0.010, 0.004, 0.012)],
)
def test_the_margin_is_the_largest_of_what_matters(usual: float, noise: float, margin: float) -> None:
    line = fed((MONDAY, MONDAY + DAY, usual))
    line.noise = noise
    limits = line.limits(MONDAY + DAY, MARGINS)
    assert limits is not None
    assert limits == pytest.approx((usual, usual + margin, usual + margin / 2))


def test_the_present_is_the_median_of_the_last_rounds() -> None:
    line = fed((MONDAY, MONDAY + 20 * 60, 0.010))
    for number in range(4):
        line.push(MONDAY + 3600 + number, 0.900)  # peaks
    assert line.present == 0.010
    line.push(MONDAY + 3604, 0.900)
    assert line.present == 0.900
    assert line.above_since(0.5) == MONDAY + 3600
    line.push(MONDAY + 3605, 0.010)
    line.push(MONDAY + 3606, 0.900)
    assert line.above_since(0.5) == MONDAY + 3600  # one that was good between does not begin it anew
    for number, value in enumerate((0.010, 0.010, 0.900)):
        line.push(MONDAY + 3700 + number, value)
    assert line.above_since(0.5) == MONDAY + 3702


def test_a_slow_day_is_not_usual_and_a_slow_week_is() -> None:
    begin = MONDAY + 7 * DAY
    line = fed((MONDAY, begin, 0.010), (begin, begin + DAY, 0.030), spacing=300.0)
    assert line.usual(begin + DAY) == pytest.approx(0.010)
    fed((begin + DAY, begin + 5 * DAY, 0.030), spacing=300.0, line=line)
    assert line.usual(begin + 5 * DAY) == pytest.approx(0.010)
    fed((begin + 5 * DAY, begin + 7 * DAY, 0.030), spacing=300.0, line=line)
    assert line.usual(begin + 7 * DAY) == pytest.approx(0.030)


def weekly(line: Baseline, weeks: int, slow: frozenset[int]) -> None:
    """Feed weeks in which the tenth hour of each Monday is slow in the weeks that are given."""
    for hour in range(weeks * 168):
        week, place = divmod(hour, 168)
        value = 0.040 if place == 10 and week in slow else 0.010
        begin = MONDAY + hour * HOUR_SECONDS
        fed((begin, begin + HOUR_SECONDS, value), spacing=300.0, line=line)


@pytest.mark.parametrize(
    ("slow", "expected"), [(frozenset({0, 1}), 0.040), (frozenset({1}), 0.010), (frozenset({0}), 0.010)]
)
def test_what_came_in_both_of_the_last_weeks_is_expected(slow: frozenset[int], expected: float) -> None:
    line = Baseline()
    weekly(line, 1, slow)
    assert line.usual(MONDAY + 7 * DAY + 10.5 * HOUR_SECONDS) == pytest.approx(0.010)  # one week is no habit
    line = Baseline()
    weekly(line, 2, slow)
    usual = line.usual(MONDAY + 14 * DAY + 10.5 * HOUR_SECONDS)
    assert usual == pytest.approx(expected if len(slow) == 2 else 0.010, rel=0.01)
    assert line.usual(MONDAY + 14 * DAY + 15 * HOUR_SECONDS) == pytest.approx(0.010)


def test_hours_that_were_not_measured_are_not_known() -> None:
    line = Baseline()
    weekly(line, 2, frozenset({0, 1}))
    later = MONDAY + 28 * DAY
    fed((later, later + 2 * HOUR_SECONDS, 0.012), spacing=300.0, line=line)
    assert line.usual(later + 2 * HOUR_SECONDS) == pytest.approx(0.012)
    assert line.usual(later + 10 * HOUR_SECONDS) == pytest.approx(0.012)
    short = fed((MONDAY, MONDAY + 600, 0.010), (MONDAY + DAY, MONDAY + DAY + 60, 0.010), spacing=60.0)
    assert short.usual(MONDAY + DAY) == pytest.approx(0.010)
    lone = fed((MONDAY + 3550, MONDAY + 3600, 0.010), spacing=10.0)  # one sample of an hour is no hour
    lone.push(MONDAY + 3700, 0.010)
    assert lone.usual(MONDAY + 3700) is None


@pytest.mark.parametrize("sigma", [0.0005, 0.005, 0.020])
@pytest.mark.parametrize("window", [9, 13])
def test_noise_alone_is_hardly_ever_worse(sigma: float, window: int) -> None:
    draw = random.Random(7)
    line, alarms, inside, rounds = Baseline(window), 0, False, 60_480
    for number in range(rounds):  # a week of 10-second rounds
        at = MONDAY + number * 10.0
        line.push(at, 0.020 + abs(draw.gauss(0, sigma)) + (0.2 if draw.random() < 0.01 else 0.0))
        limits = line.limits(at, MARGINS)
        if limits is not None and line.present is not None:
            worse = line.present > (limits[2] if inside else limits[1])
            alarms += worse and not inside
            inside = worse
    assert alarms <= 1


def test_what_is_wrong_is_not_learnt_as_noise_and_one_peak_counts_little() -> None:
    line = fed((MONDAY, MONDAY + 3600, 0.010), spacing=10.0)
    noise = line.noise
    line.push(MONDAY + 3601, 5.0, learn=False)
    assert line.noise == noise
    line.push(MONDAY + 3602, 5.0)
    assert line.noise <= noise * (1 + 8 / 128)


def resumed(state: dict[str, Any], at: float, *, fresh: bool) -> Baseline:
    line = Baseline()
    line.resume(json.loads(json.dumps(state)), at, fresh=fresh)
    return line


def test_a_restart_forgets_nothing_that_is_still_true() -> None:
    line = Baseline()
    weekly(line, 2, frozenset({0, 1}))
    later = MONDAY + 14 * DAY
    same = resumed(line.state(), later, fresh=True)
    assert same.state() == line.state()
    assert same.present == line.present
    for one in (line, same):
        fed((later + 60, later + DAY, 0.011), spacing=60.0, line=one)
    assert same.usual(later + DAY) == line.usual(later + DAY)
    stale = resumed(line.state(), later + 2 * DAY, fresh=False)
    assert stale.present is None
    assert stale.usual(later + 2 * DAY) == line.usual(later + 2 * DAY)
    few = resumed(fed((MONDAY, MONDAY + 120, 0.010)).state(), MONDAY + 120, fresh=True)
    assert few.present is None
    assert resumed(Baseline().state(), MONDAY, fresh=True).usual(MONDAY) is None


@pytest.mark.parametrize(
    "change",
    [{"hours": "AAAA"}, {"hours": "?"}, {"noise": math.inf}, {"noise": -1}, {"values": ["x"]}, {"recent": [[1]]}],
)
def test_what_is_no_state_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        resumed(Baseline().state() | change, MONDAY, fresh=True)

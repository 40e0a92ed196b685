"""Trends by their significance: what the textbooks' formulas say."""

import math
import random

import pytest

from agent.core.trends import Trend, normal_tail, overdispersion, quantile, rate_rise_p, trend


def test_a_straight_line_is_found_exactly() -> None:
    found = trend(range(10), [3 + 0.5 * day for day in range(10)])
    assert found is not None
    assert (found.slope, found.low, found.high) == (0.5, 0.5, 0.5)
    assert found.level == 7.5
    # S = 45, Var = 10 * 9 * 25 / 18 = 125: z = 44 / 11.18
    assert found.p == pytest.approx(2 * normal_tail(44 / math.sqrt(125)))
    assert found.rises(0.01)
    assert not found.falls(0.01)


def test_ties_are_counted_as_kendall_does() -> None:
    # S of 1 2 2 3 is 5; Var = (4 * 3 * 13 - 2 * 1 * 9) / 18
    found = trend(range(4), [1, 2, 2, 3])
    assert found is not None
    assert found.p == pytest.approx(2 * normal_tail(4 / math.sqrt((156 - 18) / 18)))


def test_gaps_between_days_are_no_harm() -> None:
    found = trend([0, 1, 10, 30], [0.0, -1.0, -10.0, -30.0])
    assert found is not None
    assert found.slope == -1.0
    assert found.falls(0.2)


@pytest.mark.parametrize("values", [[5.0] * 10, [1.0, 2.0] * 5])
def test_what_does_not_move_has_no_trend(values: list[float]) -> None:
    found = trend(range(10), values)
    assert found is not None
    assert found.p > 0.1
    assert not found.rises(0.05)


def test_three_values_are_too_few() -> None:
    assert trend([0, 1, 2], [1, 2, 3]) is None


def test_one_outlier_does_not_bend_the_line() -> None:
    values = [float(day) for day in range(20)]
    values[10] = 1e6
    found = trend(range(20), values)
    assert isinstance(found, Trend)
    assert found.slope == pytest.approx(1, abs=0.01)
    assert found.low <= 1 <= found.high


def test_noise_is_called_a_trend_as_often_as_it_says() -> None:
    seeded = random.Random(1)
    found = [trend(range(20), [seeded.gauss(0, 1) for _ in range(20)]) for _ in range(1000)]
    wrong = sum(one is not None and one.p <= 0.05 for one in found)
    assert 25 <= wrong <= 75


@pytest.mark.parametrize(
    ("counts", "expected"), [([], 1), ([7], 1), ([0, 0, 0], 1), ([5, 5, 5], 1), ([0, 0, 0, 100], 100)]
)
def test_overdispersion(counts: list[float], expected: float) -> None:
    assert overdispersion(counts) == pytest.approx(expected)


def test_a_rate_that_stays_is_no_rise() -> None:
    assert rate_rise_p([2, 3, 1, 2], [2, 2]) == 1
    assert rate_rise_p([0] * 28, [0] * 7) == 1
    assert rate_rise_p([], [5]) == 1
    assert rate_rise_p([], []) == 1
    assert rate_rise_p([5], []) == 1


def test_a_rate_that_rises_is_bounded_by_the_binomial_tail() -> None:
    past, recent = [1.0, 0.0] * 14, [3.0] * 7  # 14 in 28 days, 21 in 7
    share = 7 / 35
    exact = sum(math.comb(35, k) * share**k * (1 - share) ** (35 - k) for k in range(21, 36))
    assert exact <= rate_rise_p(past, recent) <= exact * 30
    assert rate_rise_p([0] * 28, [3] * 7) == pytest.approx((7 / 35) ** 21)


def test_one_burst_is_weaker_than_the_same_number_of_single_events_where_bursts_are_usual() -> None:
    bursty, calm = [0.0] * 27 + [100.0], [3.6] * 28
    assert rate_rise_p(bursty, [100.0] + [0.0] * 6) > 0.1
    assert rate_rise_p(calm, [100.0] + [0.0] * 6) < 1e-6


def test_counts_of_billions_are_no_harm() -> None:
    assert rate_rise_p([1e12] * 28, [3e12] * 7) == 0


def test_quantiles() -> None:
    assert quantile([1, 2, 3], 0.5) == 2
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


def test_days_that_resemble_each_other_are_worth_fewer() -> None:
    line = trend(range(30), [0.5 * day for day in range(30)], serial=True)
    assert line == trend(range(30), [0.5 * day for day in range(30)])  # what is on the line resembles nothing
    seeded, wrong = random.Random(1), [0, 0]
    for _ in range(300):
        values = [0.0]
        for _ in range(59):
            values.append(0.8 * values[-1] + seeded.gauss(0, 1))
        for at, serial in enumerate((False, True)):
            found = trend(range(60), values, serial=serial)
            wrong[at] += found is not None and found.p <= 0.01
    assert wrong[0] > 60
    assert wrong[1] < 30

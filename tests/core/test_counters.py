"""Rates from counters: wraps, restarts, discontinuities; nothing that is not proven, and never a spike."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core import counters
from agent.core.counters import Counts, Uptime, changed, rates, uptime

WRAP = 1 << 32
NAN = float("nan")


@pytest.mark.parametrize(
    ("before", "after", "elapsed", "said"),
    [
        (100_000, 101_000, 10.0, "continued"),
        (100_000, 100_950, 10.0, "continued"),  # the answer came half a second late
        (100_000, 101_500, 10.0, "continued"),  # the one before did
        (100_000, 700, 10.0, "restarted"),
        (100_000, 0, 10.0, "restarted"),
        (100_000, 99_999, 10.0, "continued"),  # went back without having begun anew: its clock was set
        (0, 0, 0.0, "continued"),
        # first read just after a start, and again after the next one
        (1_000, 60_000, 3600.0, "restarted"),
        (1_000, 361_000, 3600.0, "continued"),
        (100, 700, 10.0, "restarted"),
        (500_000, 500_000, 10.0, "continued"),  # an agent that renews its clock every minute
        # 497 days
        (WRAP - 500, 500, 10.0, "continued"),
        (WRAP - 1, 0, 0.01, "continued"),
        (WRAP - 500, 1_700, 10.0, "continued"),  # seven seconds late
        (WRAP - 500, 200, 60.0, "restarted"),  # started anew 2 s ago, a minute after the first reading
        (WRAP - 30_000, 100, 10.0, "restarted"),
        (None, 100, 10.0, "unknown"),
        (100, None, 10.0, "unknown"),
    ],
)
def test_a_restart_is_told_from_the_wrap_of_sysuptime(
    before: int | None, after: int | None, elapsed: float, said: str
) -> None:
    assert uptime(before, after, elapsed) is Uptime(said)


@settings(deadline=None)
@given(
    before=st.integers(0, WRAP - 1),
    elapsed=st.floats(2.0, 86400.0),
    late=st.floats(-1.5, 1.5),
)
def test_a_device_that_runs_on_never_restarts(before: int, elapsed: float, late: float) -> None:
    after = (before + round((elapsed + late) * 100)) % WRAP
    assert uptime(before, after, elapsed) is Uptime.CONTINUED


@settings(deadline=None)
@given(
    before=st.integers(0, WRAP - 10_000_000),  # not within the last day before its wrap
    elapsed=st.floats(10.0, 3600.0),
    share=st.floats(0.0, 0.7),
)
def test_a_restart_is_seen_wherever_it_falls_between_two_readings(before: int, elapsed: float, share: float) -> None:
    assert uptime(before, round(share * elapsed * 100), elapsed) is Uptime.RESTARTED


def one(
    before: int | None, after: int | None, elapsed: float, *, bits: int = 32, most: float = NAN, broken: bool = False
) -> float:
    found = rates(
        Counts.of([before]),
        Counts.of([after]),
        np.array([elapsed]),
        wide=np.array([bits == 64]),
        most_per_second=np.array([most]),
        broken=np.array([broken]),
    )
    return float(found[0])


GIGABIT = 125e6  # octets per second


@pytest.mark.parametrize(
    ("before", "after", "elapsed", "bits", "most", "rate"),
    [
        (100, 1_100, 10.0, 64, NAN, 100.0),
        (100, 100, 10.0, 64, NAN, 0.0),
        (1 << 60, (1 << 60) + 1_000, 10.0, 64, NAN, 100.0),  # exact beyond 2^53
        ((1 << 64) - 500, 500, 10.0, 64, NAN, 100.0),  # no initial value is defined (RFC 2578, 7.1.10)
        (10**12, 0, 10.0, 64, NAN, None),  # went back
        (10**12, 10**12 - 1, 10.0, 64, NAN, None),
        (0, 1 << 62, 10.0, 64, NAN, None),  # faster than anything
        (0, 10**10, 10.0, 64, 1e6, 1e9),  # `bandwidth` set by hand: the counter knows better
        (100, 1_100, 10.0, 32, GIGABIT, 100.0),
        (WRAP - 500, 500, 10.0, 32, GIGABIT, 100.0),
        (WRAP - 500, 500, 10.0, 32, NAN, None),  # wrapped or reset: nobody knows
        (100, 1_100, 10.0, 32, NAN, 100.0),
        (10**9, 5, 10.0, 32, GIGABIT, None),  # a wrap would be faster than the line
        (0, 2 * 10**9, 10.0, 32, GIGABIT, None),
        (0, 10, 60.0, 32, GIGABIT, None),  # may have gone round once or more: 34 s are enough for that
        (0, 10, 10.0, 32, 10 * GIGABIT, None),
        (0, 1 << 33, 10.0, 32, NAN, None),  # no Counter32
        (1 << 33, 5, 10.0, 32, NAN, None),
        (None, 5, 10.0, 64, NAN, None),
        (5, None, 10.0, 64, NAN, None),
        (5, 1 << 64, 10.0, 64, NAN, None),
        (5, -1, 10.0, 64, NAN, None),
        (5, 10, 0.0, 64, NAN, None),
        (5, 10, -1.0, 64, NAN, None),
        (5, 10, NAN, 64, NAN, None),
    ],
)
def test_a_rate_where_two_readings_prove_it(
    before: int | None, after: int | None, elapsed: float, bits: int, most: float, rate: float | None
) -> None:
    found = one(before, after, elapsed, bits=bits, most=most)
    assert found == rate if rate is not None else np.isnan(found)
    assert np.isnan(one(before, after, elapsed, bits=bits, most=most, broken=True))


@settings(deadline=None)
@given(
    start=st.integers(0, WRAP - 1),
    truth=st.floats(0.0, 1.0),
    speed=st.sampled_from([1e6, 1e7, 1e8, 1e9, 1e10]),
    elapsed=st.floats(1.0, 600.0),
)
def test_a_counter32_within_its_speed_has_its_true_rate_or_none(
    start: int, truth: float, speed: float, elapsed: float
) -> None:
    counted = int(truth * speed / 8 * elapsed)
    found = one(start, (start + counted) % WRAP, elapsed, most=speed / 8)
    if speed / 8 * elapsed * counters.MARGIN < WRAP:
        assert found == pytest.approx(counted / elapsed)
    else:
        assert np.isnan(found)


@settings(deadline=None)
@given(
    before=st.integers(0, (1 << 64) - 1),
    after=st.integers(0, (1 << 64) - 1),
    elapsed=st.floats(0.1, 3600.0),
    bits=st.sampled_from([32, 64]),
    speed=st.sampled_from([NAN, 9e3, 1e8, 1e9, 4e11]),
)
def test_whatever_is_read_no_rate_is_a_spike(before: int, after: int, elapsed: float, bits: int, speed: float) -> None:
    most = float(counters.most_octets_per_second(np.array([speed]))[0])
    found = one(before, after, elapsed, bits=bits, most=most)
    if np.isnan(found):
        return
    assert found >= 0
    assert found <= counters.MOST_OCTETS_PER_SECOND
    if bits == 32 and not np.isnan(speed):
        assert found <= most * counters.MARGIN
    if bits == 32 and np.isnan(speed):
        assert after >= before


@settings(deadline=None)
@given(before=st.integers(1, 1 << 62), after=st.integers(0, 1 << 62), elapsed=st.floats(0.1, 3600.0))
def test_a_counter64_that_goes_back_gives_nothing(before: int, after: int, elapsed: float) -> None:
    found = one(before, min(after, before - 1), elapsed, bits=64)
    assert np.isnan(found)


def test_rows_go_with_their_interfaces() -> None:
    before = Counts.of([10, 20, None]).at(np.array([1, -1, 0, 2]))
    found = rates(
        before,
        Counts.of([30, 30, 30, 30]),
        np.array([10.0, 10.0, 20.0, 10.0]),
        wide=np.array([True]),
        most_per_second=np.full(4, NAN),
        broken=np.array([False] * 4),
    )
    assert found[[0, 2]].tolist() == [1.0, 1.0]
    assert np.isnan(found[[1, 3]]).all()
    assert not Counts.of([]).at(np.array([-1, -1])).known.any()


def test_a_change_needs_two_values() -> None:
    assert changed(Counts.of([0, 5, None, 7]), Counts.of([0, 6, 1, None])).tolist() == [False, True, False, False]


def test_what_an_interface_can_carry() -> None:
    assert counters.most_octets_per_second(np.array([1e9])).tolist() == [GIGABIT]
    assert int(counters.most_packets_per_second(np.array([1e9]))[0]) == 1_488_095

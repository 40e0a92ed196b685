"""No burst above the rate."""

from hypothesis import given
from hypothesis import strategies as st

from probes.icmp.pace import Pace

MS = 1_000_000


def test_without_a_rate_everything_leaves() -> None:
    pace = Pace(None)
    assert (pace.grant(50_000, 0), pace.short) == (50_000, False)


def test_what_is_wanted_leaves_in_parts() -> None:
    pace = Pace(1000)
    assert (pace.grant(250, 0), pace.short) == (100, True)
    assert pace.grant(150, 50 * MS) == 50
    assert pace.grant(100, 150 * MS) == 100
    assert not pace.short


def test_a_loop_that_was_held_up_does_not_send_all_that_it_missed() -> None:
    pace = Pace(1000)
    pace.grant(10, 0)
    assert pace.grant(5000, 60_000 * MS) == 100


def test_a_rate_below_one_a_tick_still_sends() -> None:
    pace = Pace(2)
    sent = sum(pace.grant(1, turn * 20 * MS) for turn in range(500))
    assert 19 <= sent <= 21


@given(st.floats(1, 100_000), st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 500)), max_size=50))
def test_never_more_than_the_rate_and_a_ticks_worth(rate: float, calls: list[tuple[int, int]]) -> None:
    pace, now, sent = Pace(rate), 0, 0
    for wanted, pause in calls:
        now += pause * MS
        granted = pace.grant(wanted, now)
        assert 0 <= granted <= wanted
        sent += granted
    assert sent <= rate * (now / 1e9) + max(1, rate * 0.1) + 1

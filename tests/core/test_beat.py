"""The grid of timers."""

from hypothesis import given
from hypothesis import strategies as st

from agent.core.beat import next_beat


@given(st.floats(0, 1e8), st.sampled_from([0.005, 0.02, 0.25, 0.5, 1.0]))
def test_the_next_beat_is_ahead_and_near_and_on_the_grid(now: float, seconds: float) -> None:
    beat = next_beat(now, seconds)
    rounding = 1e-15 * (1 + now)
    assert now - rounding <= beat <= now + seconds + rounding
    assert abs(beat - round(beat / seconds) * seconds) <= rounding


def test_periods_that_are_multiples_of_one_another_meet() -> None:
    assert next_beat(17.3, 0.5) == next_beat(17.3, 0.25) == 17.5
    assert next_beat(17.5, 0.25) == 17.75

"""Sets of time against sets of whole numbers."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.spans import NOTHING, Spans, common, from_us, join, length, tidy, to_us, widen, without

PAIRS = st.lists(st.tuples(st.integers(-20, 40), st.integers(-20, 40)), max_size=8)


def points(spans: Spans) -> set[int]:
    return {point for begin, end in spans for point in range(begin, end)}


def is_tidy(spans: Spans) -> bool:
    return all(b < e for b, e in spans) and all(a[1] < b[0] for a, b in pairwise(spans))


@given(PAIRS)
def test_pairs_in_any_order_make_one_set(pairs: list[tuple[int, int]]) -> None:
    made = tidy(pairs)
    assert is_tidy(made)
    assert points(made) == {point for begin, end in pairs for point in range(begin, end)}
    assert made == tidy(reversed(pairs)) == tidy(made)
    assert length(made) == len(points(made))


@given(PAIRS, PAIRS)
def test_the_algebra_of_sets(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    one, other = tidy(some), tidy(others)
    assert points(common(one, other)) == points(one) & points(other)
    assert points(without(one, other)) == points(one) - points(other)
    assert points(join(one, other)) == points(one) | points(other)
    assert all(is_tidy(made) for made in (common(one, other), without(one, other), join(one, other)))


@given(PAIRS, st.integers(-10, 10), st.integers(1, 9))
def test_whole_steps_that_are_touched(pairs: list[tuple[int, int]], origin: int, step: int) -> None:
    one = tidy(pairs)
    touched = {(point - origin) // step for point in points(one)}
    assert points(widen(one, origin, step)) == {
        point for n in touched for point in range(origin + n * step, origin + (n + 1) * step)
    }


def test_nothing_is_a_set() -> None:
    assert (join(), common(NOTHING, ((0, 1),)), without(NOTHING, ((0, 1),)), length(NOTHING)) == ((), (), (), 0)


@pytest.mark.parametrize("at", [
    datetime(2026, 11, 27, 8, 3, 26, 123457, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 30, tzinfo=timezone(timedelta(hours=1))),
])  # fmt: skip
def test_microseconds_are_exact(at: datetime) -> None:
    assert from_us(to_us(at)) == at

"""One line's losses: what is an alarm and when, what is learnt, when an alarm ends."""

import itertools

import numpy as np
import pytest

from agent.core.loss import (
    DAY_ECHOES,
    PRIOR_BURST,
    RATES,
    THRESHOLD,
    USUAL_MAX,
    USUAL_MIN,
    WEEK_ECHOES,
    LossChange,
    LossWatch,
    threshold,
)
from tests.core.lines import bursty, feed, isolated

HOUR = 3600


def known(hours: int = 1) -> LossWatch:
    """Return a line that has lost nothing for so long."""
    watch = LossWatch()
    assert feed(watch, [False] * (hours * HOUR)) == []
    return watch


def marks(text: str) -> list[bool | None]:
    """Read `.` as answered, `x` as lost, `?` as unknown."""
    return [{".": False, "x": True, "?": None}[mark] for mark in text]


def first(watch: LossWatch, text: str) -> tuple[int, str] | None:
    """Return after how many echoes there is an alarm, and by which rule."""
    return next(((at + 1, change.rule) for at, change in feed(watch, marks(text))), None)


@pytest.mark.parametrize(
    ("echoes", "found"),
    [
        ("x" + "." * 600, None),  # one lost echo means nothing
        ("xxxxxxxx" + "." * 600, None),  # nor does one burst
        ("x........x", (10, "onset_cusum_10%")),  # two within ten seconds do
        ("xxxx.....xxxx", (10, "onset_cusum_10%")),
        ("x..............x", None),
        ("x????????????????x", None),  # the same burst, for all that is known
        ("x.?????????????????????????x", (28, "onset_cusum_10%")),  # what is unknown takes no time
        (("x" + "." * 39) * 3, (81, "onset_cusum_2%")),
        (("x" + "." * 139) * 6, (561, "onset_cusum_0.5%")),
        (("x" + "." * 999) * 6, None),
        ("x" * 40, (17, "run_of_17")),
        ("x" * 16 + "." * 600, None),
        ("xxxx?xxxx?xxxx?xxxxx", (20, "run_of_17")),
        ("xx.x.xx.x.x", (4, "onset_cusum_10%")),
    ],
)
def test_what_is_an_alarm(echoes: str, found: tuple[int, str] | None) -> None:
    assert first(known(), echoes) == found


def test_an_alarm_tells_what_it_saw() -> None:
    watch = known()
    ((at, begun),) = feed(watch, marks("..xx....x"), 5000)
    assert (at, begun) == (5008, LossChange(5002, 3, 7, 0.0, "onset_cusum_10%"))
    assert begun.ratio == 3 / 7
    (found, (ended_at, over)) = feed(watch, [False, True, *[False] * 3000], 5009)[0], feed(watch, []) or (0, None)

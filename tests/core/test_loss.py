"""One line's losses: what is an alarm and when, what is learnt, when an alarm ends."""

import copy

import numpy as np
import pytest

from agent.core.loss import LOG_RATE, LOG_REST, RATES, USUAL_MAX, USUAL_MIN, LossChange, LossWatch
from tests.core.lines import bursty, feed, isolated

HOUR, DAY, WEEK = 3600, 86_400, 604_800
RUN = 17  # losses in a row, on a line that is well known


def known(hours: int = 1, interval: float = 1.0) -> LossWatch:
    """Return a line that has lost nothing for so many hours of echoes a second apart."""
    watch = LossWatch(interval)
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
        ("x.........x", (11, "onset_cusum_10%")),  # two within ten seconds do
        ("xxxx......xxxx", (11, "onset_cusum_10%")),  # however long each is
        ("x..............x", None),
        ("x????????????????x", None),  # for all that is known, one burst
        ("x.?????????????????????????x", (28, "onset_cusum_10%")),
        (("x" + "." * 39) * 3, (81, "onset_cusum_2%")),
        (("x" + "." * 139) * 6, (561, "onset_cusum_0.5%")),
        (("x" + "." * 999) * 6, None),
        ("x" * 40, (RUN, f"run_of_{RUN}")),
        ("x" * (RUN - 1) + "." * 600, None),
        ("xxxx?" * 5, (21, f"run_of_{RUN}")),  # what is unknown neither counts nor breaks a run
    ],
)
def test_what_is_an_alarm(echoes: str, found: tuple[int, str] | None) -> None:
    assert first(known(), echoes) == found


@pytest.mark.parametrize("echoes", ["x........x", ("x" + "." * 39) * 3, "x" * RUN])
def test_a_line_that_is_not_known_yet_is_given_more_time(echoes: str) -> None:
    assert first(LossWatch(), echoes) is None


def test_where_echoes_are_closer_together_more_is_asked_for() -> None:
    assert first(known(interval=0.1), "x.........x") is None
    assert first(known(interval=0.1), "x" * 40) == (23, "run_of_23")
    assert first(known(interval=60.0), "x.........x") == (11, "onset_cusum_10%")  # and where they are rarer, no less


def test_an_alarm_tells_what_it_saw_and_its_end_when_that_was() -> None:
    watch = known()
    ((at, begun),) = feed(watch, marks("..xx....x"), 5000)
    assert (at, begun) == (5008, LossChange(5002, 3, 7, 0.0, "onset_cusum_10%"))
    assert (begun.ratio, begun.of_run) == (3 / 7, False)
    assert feed(watch, marks(".x" + "." * 100), 5009) == []  # little is known of it, so that its end takes long
    ((_, over),) = feed(watch, [False] * 600, 5111)
    assert over == LossChange(5011, 4, 9, 0.0, "onset_cusum_10%", over=True)
    assert feed(watch, [False] * 600) == []


def test_what_is_bad_for_long_is_well_after_some_clean_minutes() -> None:
    watch = known(48)
    begun = feed(watch, isolated(np.random.default_rng(1), 2 * HOUR, 0.05).tolist())
    assert [change.over for _, change in begun] == [False]
    ((at, over),) = feed(watch, [False] * 600, 2 * HOUR)
    assert at - 2 * HOUR < 240
    assert over.ratio == pytest.approx(0.05, abs=0.01)
    assert 2 * HOUR - 60 < over.since <= 2 * HOUR


def test_nothing_is_learnt_of_what_becomes_an_alarm() -> None:
    watch = known()
    feed(watch, marks("x" + "." * 1000))
    usual = watch.usual_ratio
    assert usual == 1 / (HOUR + 1001)
    begun, over = feed(watch, [True, *isolated(np.random.default_rng(1), HOUR, 0.2).tolist(), *[False] * 60])
    assert (begun[1].usual_ratio, over[1].usual_ratio, over[1].over) == (usual, usual, True)
    assert watch.usual_ratio == pytest.approx(usual, rel=0.02)  # but for a few echoes after the alarm


def test_an_outage_teaches_nothing_but_that_bursts_may_be_long() -> None:
    watch = known()
    (at, begun), (_, over) = feed(watch, marks("x" * 600 + "." * 40))
    assert (at, begun) == (RUN - 1, LossChange(0, RUN, RUN, 0.0, f"run_of_{RUN}"))
    assert begun.of_run
    assert over == LossChange(600, RUN, RUN, 0.0, f"run_of_{RUN}", over=True)
    assert watch.usual_ratio == 0
    assert first(watch, "x" * 100) == (35, "run_of_35")
    feed(watch, marks("." * 100 + ("xxx" + "." * 3000) * 60))
    assert first(watch, "x" * 100) == (22, "run_of_22")  # bursts of the usual length are the rule again


def test_losses_after_an_outage_are_counted_from_its_end() -> None:
    watch = known()
    ((_, outage),) = feed(watch, marks("x" * 600 + "..x"))
    assert outage.of_run
    ((_, lossy),) = feed(watch, marks("...x"), 603)  # takes the place of the outage
    assert lossy == LossChange(602, 2, 5, 0.0, "onset_cusum_10%")


def test_an_outage_ends_with_as_many_answers_in_a_row() -> None:
    watch = known()
    feed(watch, marks("x" * 30))
    ((at, over),) = feed(watch, marks("." * (RUN - 1) + "x" + "." * RUN), 30)
    assert (at, over.since, over.lost, over.echoes) == (30 + 2 * RUN - 1, 30 + RUN, RUN + 1, 2 * RUN)


def test_an_outage_within_an_alarm_is_not_counted_into_its_ratio() -> None:
    watch = known()
    (_, begun), (_, over) = feed(watch, marks("x....x" + "." * 20 + "x" * 600 + "." * 2000))
    assert (begun.lost, begun.echoes) == (2, 6)
    assert (over.since, over.lost, over.echoes) == (626, 2 + RUN, 26 + RUN)


def test_what_lasts_as_long_as_what_was_learnt_before_is_usual() -> None:
    watch, chance = LossWatch(), np.random.default_rng(3)
    (_, begun), (at, usual) = feed(watch, isolated(chance, 2 * DAY, 0.004).tolist())
    assert begun.rule == "onset_cusum_2%"
    assert (usual.rule, usual.over, usual.since) == ("usual_now", True, at)
    assert usual.echoes == DAY
    assert usual.ratio == pytest.approx(0.004, rel=0.2)
    assert watch.usual_ratio == pytest.approx(0.004, rel=0.2)
    assert feed(watch, isolated(chance, DAY, 0.004).tolist()) == []


def test_what_no_line_should_do_is_never_usual() -> None:
    changes = feed(LossWatch(), isolated(np.random.default_rng(3), 2 * DAY, 2 * USUAL_MAX).tolist())
    assert "usual_now" not in {change.rule for _, change in changes}
    assert not changes[-1][1].over


def test_what_was_learnt_long_ago_counts_less() -> None:
    watch = LossWatch()
    feed(watch, [False] * (WEEK + 1))
    feed(watch, marks(("x" + "." * 1999) * 20))  # with the first loss all that was before it counts half
    assert watch.usual_ratio == pytest.approx(20 / (WEEK / 2 + 40_000), rel=0.05)


def test_before_anything_is_learnt_nothing_is_usual() -> None:
    watch = LossWatch()
    assert watch.push(None, 0) is None
    assert watch.usual_ratio is None


def test_rates_are_looked_up_to_two_per_cent() -> None:
    steps = np.diff(np.log(RATES))
    assert (steps > 0).all()
    assert steps.max() < 0.02
    assert (RATES[0], RATES[-1]) == (USUAL_MIN, 0.5)
    assert np.allclose(np.exp(LOG_RATE), RATES)
    assert np.allclose(-np.expm1(LOG_REST), RATES)


@pytest.mark.parametrize(("ratio", "seconds"), [(0.02, 240), (0.05, 80), (0.2, 20), (1.0, RUN)])
def test_loss_is_found_soon(ratio: float, seconds: int) -> None:
    chance = np.random.default_rng(5)
    found = []
    line = known()
    for _ in range(60):
        watch = copy.deepcopy(line)
        changes = feed(watch, isolated(chance, 2000, ratio).tolist())
        found.append(changes[0][0] + 1)
    assert np.mean(found) <= seconds


def test_a_line_is_seldom_said_to_be_worse_than_it_has_always_been() -> None:
    chance, alarms = np.random.default_rng(6), 0
    for burst in (1.0, 3.0, 6.0, 12.0):
        changes = feed(LossWatch(), bursty(chance, WEEK // 2, 0.001, burst).tolist())
        alarms += sum(not change.over for _, change in changes)
    assert alarms <= 4


def test_an_outage_is_taken_back_with_all_that_it_did() -> None:
    watch, twin = known(), known()
    for at, mark in enumerate("x...xxxx"):
        watch.push(mark == "x", at)
    assert watch.take_back() is not None, "it was the second burst, and so an alarm"
    assert watch.take_back() is None
    for at, mark in enumerate("xxxx", 8):
        watch.push(mark == "x", at)
    watch.push(lost=False, at=12)
    assert watch.take_back() is None, "there is no run"
    for at, mark in enumerate("x....", 0):
        twin.push(mark == "x", at)
    assert first(watch, "." * 900) is first(twin, "." * 900) is None
    assert watch.usual_ratio == pytest.approx(twin.usual_ratio, rel=1e-2)


def test_an_outage_in_a_lasting_alarm_is_no_part_of_it() -> None:
    watch = known()
    (alarm,) = [change for _, change in feed(watch, [mark == "x" for mark in "x...x....x...."])]
    for at in range(14, 34):
        assert watch.push(lost=True, at=at) is None
    assert watch.take_back() is None, "it goes on"
    (over,) = [change for _, change in feed(watch, [False] * 900, 34)]
    assert (alarm.over, over.over, over.lost) == (False, True, 3)

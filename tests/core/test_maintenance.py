"""Windows: when they last, whom they concern, what they do to marks and pages."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.assessor import Assessor
from agent.core.maintenance import (
    Calendar,
    Excuse,
    Span,
    Window,
    WindowKind,
    about,
    check,
    concerned,
    covers,
    next_change,
    present_or_next,
    spans,
)
from agent.core.model import CircuitFacts, EventKind, Mark, Observation, Outcome, Role, State, Target
from agent.core.ports import Resumed
from tests.core.estates import Hand, at, circuit, device, estate, group, hand, service, site

HOUR = 3600.0
DAY = 24 * HOUR
EVERYTHING = 10 * 366 * DAY


def window(begin: float = 0, end: float = HOUR, **more: Any) -> Window:  # noqa: ANN401 - the fields of Window
    known: dict[str, Any] = {
        "kind": WindowKind.MAINTENANCE,
        "added_at": at(-DAY),
        "reason": "fibre work",
        "author": "alice",
        "id": 7,
    }
    return Window(begins_at=at(begin), ends_at=at(end), **known | more)


def hours(found: tuple[Span, ...]) -> list[tuple[float, float]]:
    return [((a - at(0)).total_seconds() / HOUR, (b - at(0)).total_seconds() / HOUR) for a, b in found]


DAILY = window(rule="FREQ=DAILY;COUNT=3")


@pytest.mark.parametrize(
    ("made", "since", "until", "wanted"),
    [
        (window(), -HOUR, DAY, [(0, 1)]),
        (window(), 0, HOUR, [(0, 1)]),
        (window(), HOUR / 2, HOUR / 2 + 900, [(0.5, 0.75)]),
        (window(), HOUR, DAY, []),
        (window(), -HOUR, 0, []),
        (window(), DAY, 0, []),
        (DAILY, 0, EVERYTHING, [(0, 1), (24, 25), (48, 49)]),
        (DAILY, HOUR / 2, 24.5 * HOUR, [(0.5, 1), (24, 24.5)]),
        (window(end=DAY, rule="FREQ=DAILY;COUNT=3"), 0, EVERYTHING, [(0, 72)]),
        (window(end=2 * DAY, rule="FREQ=WEEKLY;COUNT=2"), 0, EVERYTHING, [(0, 48), (168, 216)]),
        (replace(DAILY, cancelled_at=at(24.5 * HOUR)), 0, EVERYTHING, [(0, 1), (24, 24.5)]),
        (replace(DAILY, cancelled_at=at(12 * HOUR)), 0, EVERYTHING, [(0, 1)]),
        (window(rule="FREQ=DAILY", zone="Mars/Olympus"), 0, EVERYTHING, [(0, 1)]),  # of a host that knows more zones
        (window(rule="FREQ=WEEKLY;BYDAY=MO"), 0, EVERYTHING, [(0, 1)]),  # a Monday there, a Sunday here
        (window(cancelled_at=at(0)), -DAY, DAY, []),
        (window(cancelled_at=at(-1)), -DAY, DAY, []),
    ],
)
def test_spans(made: Window, since: float, until: float, wanted: list[tuple[float, float]]) -> None:
    assert hours(spans(made, at(since), at(until))) == wanted


@pytest.mark.parametrize(
    ("second", "covered", "change"),
    [(-1, False, 0), (0, True, HOUR), (HOUR - 1, True, HOUR), (HOUR, False, DAY), (2 * DAY + HOUR, False, None)],
)
def test_now_and_next(second: float, covered: bool, change: float | None) -> None:
    assert covers(DAILY, at(second)) is covered
    assert next_change(DAILY, at(second)) == (None if change is None else at(change))
    assert (present_or_next(DAILY, at(second)) is None) is (change is None)


@given(st.lists(st.integers(0, 80), min_size=3, max_size=3))
def test_spans_of_neighbouring_stretches_are_those_of_the_whole(moments: list[int]) -> None:
    first, second, third = (at(hour * HOUR) for hour in sorted(moments))

    def total(begin: datetime, end: datetime) -> timedelta:
        return sum((b - a for a, b in spans(DAILY, begin, end)), timedelta())

    assert total(first, second) + total(second, third) == total(first, third)
    assert covers(DAILY, first) == (total(first, first + timedelta(seconds=1)) > timedelta())


ESTATE = estate(
    site("bcw", "a", "b"),
    site("enc", "solo"),
    circuit("a", group="ab", between=("bcw", "crown")),
    circuit("b", group="ab", between=("bcw", "crown")),
    circuit("c", group="cd", between=("enc", "crown")),
    Target("d", Role.CIRCUIT, "circuit", "d", circuit=CircuitFacts("OtherNet", "X1", ("enc", "crown"), "cd")),
    circuit("solo", between=("enc", "crown")),
    group("ab", "a", "b"),
    group("cd", "c", "d", "gone"),
    device("bcw-sw1", "ab", at_site="bcw"),
    device("bcw-sw2", "bcw-sw1", at_site="bcw"),
    service("phones", "bcw-sw1"),
)


@pytest.mark.parametrize(
    ("made", "names"),
    [
        (window(), " ".join(sorted(ESTATE.targets))),
        (window(sites=("bcw",)), "a ab b bcw bcw-sw1 bcw-sw2"),
        (window(targets=("bcw",)), "a ab b bcw bcw-sw1 bcw-sw2"),
        (window(sites=("enc",)), "c cd d enc solo"),
        (window(suppliers=("ExampleTel",)), "a ab b c solo"),
        (window(suppliers=("OtherNet",)), "d"),
        (window(targets=("bcw-sw1",)), "bcw-sw1"),  # what stands behind it is consequence
        (window(targets=("ab",)), "a ab b"),
        (window(targets=("a",)), "a"),
        (window(targets=("a", "b", "elsewhere")), "a ab b"),
        (window(targets=("cd",)), "c cd d"),
        (window(targets=("elsewhere",)), ""),
    ],
)
def test_whom_a_window_concerns(made: Window, names: str) -> None:
    assert " ".join(sorted(concerned(made, ESTATE))) == names


def test_a_group_that_is_no_target_is_nobody() -> None:
    assert concerned(window(targets=("a",)), estate(circuit("a", group="ab"))) == {"a"}


def test_in_words() -> None:
    assert about(window()) == "everything"
    named = window(sites=("bcw",), suppliers=("ExampleTel",), targets=tuple("abcdefgh"))
    wanted = ["site bcw", "supplier ExampleTel", *(f"target {name}" for name in "abcdef"), "2 more"]
    assert about(named).split(", ") == wanted


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (window(end=0), "ends .* before it begins"),
        (window(end=733 * DAY), "a window that happens once lasts 732 days at most"),
        (window(end=32 * DAY, rule="FREQ=YEARLY"), "a window that comes again lasts 31 days at most"),
        (window(reason=" "), "reason must be a text of 1 to 1000 characters"),
        (window(reason="x" * 1001), "reason must be"),
        (window(author=""), "author must be a name"),
        (window(author="x" * 201), "author must be a name"),
        (window(targets=tuple(map(str, range(501)))), "names 500 things at most"),
        (window(zone="Mars"), "time zone"),
        (window(rule="FREQ=SECONDLY"), "expected FREQ="),
        (replace(window(), begins_at=datetime(2026, 3, 1)), "begin must be a moment from 2000 to 2199 with its zone"),  # noqa: DTZ001
        (replace(window(), ends_at=at(0).replace(year=9999)), "end must be a moment"),
    ],
)
def test_windows_that_cannot_be(made: Window, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        check(made)


def test_windows_that_can_be() -> None:
    for made in (window(), window(rule="FREQ=WEEKLY;BYDAY=SU", zone="Europe/London")):
        check(made)


# ------------------------------------------------------------------ who is excused, since when


def excused(second: float, *windows: Window) -> dict[str, float]:
    found = Calendar(windows, ESTATE).excuses(at(second))
    return {name: (excuse.since - at(0)).total_seconds() for name, excuse in found.items()}


def test_who_is_excused_and_since_when() -> None:
    one, two = window(targets=("solo",)), window(HOUR, 2 * HOUR, targets=("solo", "a"))
    assert excused(-1, one, two) == {}
    assert excused(10, one, two) == {"solo": 0}
    assert excused(HOUR + 10, one, two) == {"solo": 0, "a": HOUR}  # without a gap they are one
    assert excused(HOUR + 10, one, replace(two, begins_at=at(HOUR + 1))) == {"solo": HOUR + 1, "a": HOUR + 1}
    assert excused(2 * HOUR, one, two) == {}
    assert excused(10, window(targets=("a", "solo"))) == {"a": 0, "solo": 0}


def test_what_was_announced_late_excuses_from_then_on() -> None:
    late = window(targets=("solo",), added_at=at(600))
    assert excused(700, late) == {"solo": 600}
    assert excused(700, late, window(-HOUR, 300, targets=("solo",))) == {"solo": 600}
    assert excused(700, late, window(-HOUR, HOUR / 2, targets=("solo",))) == {"solo": -HOUR}


def test_a_clock_stop_excuses_nobody() -> None:
    stop = window(kind=WindowKind.CLOCK_STOP)
    assert excused(10, stop) == {}
    assert Calendar([stop], ESTATE).next_change(at(0)) is None


def test_whether_a_target_was_in_maintenance_at_a_moment() -> None:
    calendar = Calendar([window(0, HOUR, targets=("d",))], ESTATE)
    told = [calendar.covers(name, at(second)) for name, second in (("d", 1), ("d", HOUR), ("a", 1), ("none", 1))]
    assert told == [True, False, False, False]


def test_when_somebody_is_excused_next() -> None:
    calendar = Calendar([window(DAY, DAY + 60), window(rule="FREQ=DAILY;COUNT=2")], ESTATE)
    assert [calendar.next_change(at(s)) for s in (-1, 0, HOUR, DAY, DAY + 60, DAY + HOUR)] == [
        at(0), at(HOUR), at(DAY), at(DAY + 60), at(DAY + HOUR), None,
    ]  # fmt: skip


def test_windows_that_follow_one_another_for_years_are_followed_for_a_while() -> None:
    days = [window(n * DAY, (n + 1) * DAY, targets=("solo",), added_at=at(-EVERYTHING)) for n in range(-300, 1)]
    assert excused(10, *days) == {"solo": -300 * DAY}
    assert -300 * DAY < excused(10, *reversed(days))["solo"] < -90 * DAY


# ------------------------------------------------------------------ marks


def maintain(here: Hand, second: float, *names: str, since: float | None = None) -> None:
    excuse = Excuse(at(second if since is None else since), window())
    here.now = second
    here.take(here.assessor.maintain(dict.fromkeys(names, excuse), at(second)))


def marks(here: Hand, name: str) -> list[str]:
    return sorted(here.assessor.verdicts[name].marks)


def told(here: Hand) -> list[str]:
    return [f"{e.target} {e.old}>{e.new}: {e.reason}" for e in here.events if e.kind is EventKind.MARK]


def test_the_mark_stands_while_the_window_lasts_whatever_happens() -> None:
    here = hand(circuit("wan"), device("far-sw", "wan"))
    here.see(0, "wan+", "far-sw+")
    maintain(here, 1, "wan")
    assert told(here) == ["wan >maintenance: window 7: fibre work (alice)"]
    here.see(2, "wan+", "far-sw+")
    here.see(3, "wan-", "far-sw-")
    assert [here.state(name) for name in ("wan", "far-sw")] == ["down", "unreachable by wan"]
    assert (marks(here, "wan"), marks(here, "far-sw")) == (["maintenance"], [])
    here.see(4, "wan?")
    maintain(here, 5, "wan")
    assert len(told(here)) == 1
    maintain(here, 6)
    assert told(here)[1:] == ["wan maintenance>: the window is over"]
    assert here.state("wan") == "down"


def test_a_target_in_maintenance_that_works_is_taken_as_quickly_as_any() -> None:
    here = hand(device("sw"))
    here.see(0, "sw+")
    maintain(here, 1, "sw")
    here.see(2, "sw+")
    changes = here.assessor.hear(Observation("sw", "icmp", at(3), Outcome.OK, "fine"), at(3))
    assert changes.fresh == [("sw", "icmp")]
    assert marks(here, "sw") == ["maintenance"]


def test_a_group_is_excused_while_each_circuit_that_failed_is() -> None:
    here = hand(circuit("a", group="ab"), circuit("b", group="ab"), group("ab", "a", "b"), device("sw", "ab"))
    here.see(0, "a+", "b+", "sw+")
    maintain(here, 1, "a")
    assert marks(here, "ab") == []
    here.see(2, "a-")
    assert marks(here, "ab") == ["maintenance", "redundancy_lost"]
    assert "ab >maintenance: each of its circuits that failed is in maintenance" in told(here)
    assert "ab >redundancy_lost: 1 of 2 circuits work" in told(here)
    here.see(3, "b-")
    assert (here.state("ab"), marks(here, "ab")) == ("down", [])
    here.see(20, "b+")
    assert marks(here, "ab") == ["maintenance", "redundancy_lost"]
    maintain(here, 21)
    assert marks(here, "ab") == ["redundancy_lost"]


def test_a_group_as_a_whole() -> None:
    here = hand(circuit("a", group="ab"), circuit("b", group="ab"), group("ab", "a", "b"))
    here.see(0, "a+", "b+")
    maintain(here, 1, "a", "b", "ab", "elsewhere")
    here.see(2, "a-", "b-")
    assert (here.state("ab"), marks(here, "ab")) == ("down", ["maintenance"])


def test_marks_over_a_restart() -> None:
    known = Assessor(estate(circuit("wan"), device("sw")))
    known.resume(Resumed(checks={("wan", "icmp"): (State.DOWN, at(-60))}, targets={"wan": (State.DOWN, at(-60), ())}))
    here = Hand(known)
    maintain(here, 1, "wan", "sw")
    assert [(here.state(name), marks(here, name)) for name in ("wan", "sw")] == [
        ("down", ["maintenance"]), ("unknown", ["maintenance"]),
    ]  # fmt: skip
    here.tick(2)
    here.see(3, "wan-", "sw+")
    assert [(here.state(name), marks(here, name)) for name in ("wan", "sw")] == [
        ("down", ["maintenance"]), ("up", ["maintenance"]),
    ]  # fmt: skip


def test_a_renamed_target_keeps_its_mark() -> None:
    here = hand(device("old"), device("other"))
    here.see(0, "old+", "other+")
    maintain(here, 1, "old")
    renamed = estate(replace(device("new"), renamed_from="old"), replace(device("newer"), renamed_from="other"))
    here.take(here.assessor.swap(renamed, at(2)))
    assert (marks(here, "new"), marks(here, "newer")) == (["maintenance"], [])
    assert len(told(here)) == 1
    maintain(here, 3, "new")
    assert len(told(here)) == 1
    assert Mark.MAINTENANCE in here.assessor.verdicts["new"].marks

"""Rows through the state machine, with detectors that are simple enough to see through."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.delay import Train
from agent.core.model import Against, Aspect, Event, EventKind, Loss, State, Trouble
from agent.core.replay import CHECK, CONFIRMED_ECHOES, TARGET, Kind, Replay, Spacing, Told, detectors, spacing

BEGAN = 1_790_000_000.0
SECONDS = Spacing(1.0, 10.0)
MINUTES = Spacing(240.0, 240.0)
SLOW = 0.050


@dataclass(frozen=True)
class Found:
    """A loss that was found, or is over."""

    since: int
    lost: int
    echoes: int
    over: bool = False
    rule: str = "three_of_ten"
    usual_ratio: float = 0.001

    @property
    def ratio(self) -> float:
        return self.lost / self.echoes


@dataclass
class ThreeOfTen:
    """Three lost of the last ten rows are an alarm; ten answered ones in a row end it."""

    last: list[bool] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    alarm: bool = False

    def push(self, lost: bool | None, at: int) -> Found | None:
        self.last = [*self.last, bool(lost)][-10:]
        self.rows = [*self.rows, at][-10:]
        if not self.alarm and sum(self.last) >= 3:
            self.alarm = True
            first = self.last.index(True)
            return Found(self.rows[first], sum(self.last), len(self.last) - first)
        if self.alarm and not any(self.last):
            self.alarm = False
            return Found(self.rows[0], 3, 10, over=True)
        return None

    def take_back(self) -> None:
        """Nothing: the alarms are part of what is compared."""


@dataclass
class Slower:
    """A round slower than `SLOW` is a trouble; the first after one that was not is a level shift."""

    troubles: tuple[Trouble, ...] = ()
    rounds: list[str] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    slow: bool = False

    def look(self, seen: Train) -> Sequence[Event]:
        self.rounds.append("".join("-" if rtt != rtt else "+" for rtt in seen.round.rtts_seconds.tolist()))
        if seen.duration_seconds is None or (seen.duration_seconds > SLOW) is self.slow:
            return []
        self.slow = not self.slow
        began = datetime.fromtimestamp(seen.first, UTC)
        self.troubles = (
            (Trouble(Aspect.DELAY, Against.PAST, began, 0.1, SLOW, "slower than usual", "slower"),) if self.slow else ()
        )
        evidence = (("old_seconds", 0.02), ("new_seconds", 0.1))
        return [Event(EventKind.CHECK, began, seen.round.ended_at, TARGET, "", "", "another level", CHECK,
                      evidence=evidence)]  # fmt: skip

    def lose(self, item: Loss) -> None:
        self.losses.append(item)


def rows(text: str, step: float = 1.0) -> list[tuple[float, float | None]]:
    """Return a row for each character: + answered, s slowly, - lost; a blank is no row."""
    known = {"+": 0.020, "s": 0.100, "-": None}
    return [(BEGAN + place * step, known[char]) for place, char in enumerate(text) if char != " "]


def replayed(
    given: Sequence[tuple[float, float | None]], spaced: Spacing = SECONDS
) -> tuple[list[Told], Replay, Slower]:
    judge = Slower()
    replay = Replay(spaced, ThreeOfTen(), judge)
    return [told for row in given for told in replay.push(*row)], replay, judge


def kinds(told: list[Told]) -> list[tuple[str, int, int]]:
    return [(one.kind.value, one.index, one.decided_index) for one in told]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("+" * 35, []),
        ("+" * 12 + "-" + "+" * 20, []),  # one lost echo means nothing
        ("+" * 12 + "-----" + "+" * 20, [("loss_onset", 12, 14), ("loss_over", 17, 26)]),
        # as many as a silence and a burst have; up with the first that answers
        ("+" * 12 + "-" * 20 + "+" * 3, [("loss_onset", 12, 14), ("down", 12, 17), ("up", 32, 32)]),
        ("-" * 30, [("loss_onset", 0, 2), ("down", 0, 5)]),
        ("+" * 10 + "s" * 20, [("level_shift", 10, 19), ("degraded", 10, 19)]),
        ("+" * 10 + "s" * 100 + "+" * 10,
         [("level_shift", 10, 19), ("degraded", 10, 19), ("level_shift", 110, 119), ("recovered", 110, 119)]),
        # a long outage of what was degraded: it answers slowly again
        ("+" * 10 + "s" * 10 + "-" * 20 + "s" * 5,
         [("level_shift", 10, 19), ("degraded", 10, 19), ("loss_onset", 20, 22), ("down", 20, 25),
          ("up", 40, 40), ("degraded", 40, 40)]),
        ("+" * 10 + "s" * 10 + "-" * 10 + "+" * 70,
         [("level_shift", 10, 19), ("degraded", 10, 19), ("loss_onset", 20, 22), ("down", 20, 25),
          ("up", 30, 30), ("degraded", 30, 30), ("level_shift", 30, 39), ("loss_over", 30, 39), ("recovered", 90, 99)]),
    ],
)  # fmt: skip
def test_a_row_a_second(text: str, wanted: list[tuple[str, int, int]]) -> None:
    assert sorted(kinds(replayed(rows(text))[0]), key=lambda one: (one[2], one[1], one[0])) == sorted(
        wanted, key=lambda one: (one[2], one[1], one[0])
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("+++-+++", []),
        ("+++--+", [("down", 3, 4), ("up", 5, 5)]),
        ("++sss+++", [("level_shift", 2, 2), ("degraded", 2, 2), ("level_shift", 5, 5), ("recovered", 5, 5)]),
        ("--+", [("down", 0, 1), ("up", 2, 2)]),
        ("ss", [("level_shift", 0, 0), ("degraded", 0, 0)]),
    ],
)
def test_rows_that_are_rounds(text: str, wanted: list[tuple[str, int, int]]) -> None:
    told, _, judge = replayed(rows(text, 240.0), MINUTES)
    assert kinds(told) == wanted
    assert judge.rounds == [char.replace("s", "+") for char in text]


def test_rows_are_gathered_into_rounds() -> None:
    _, _, judge = replayed(rows("+++++-+++" * 3), Spacing(1.0, 5.0))
    assert judge.rounds == ["+++++", "-++++", "++++-", "+++++", "+++-+"]


def test_a_gap_ends_a_round_and_leaves_the_state_unknown() -> None:
    told, replay, judge = replayed(rows("+" * 14 + " " * 40 + "+" * 9))
    assert kinds(told) == [("unknown", 14, 14)]
    assert told[0].reason == "there is no row of the 41 s before this one"
    assert judge.rounds == ["+" * 10, "+" * 4]
    assert replay.health.state is State.UNKNOWN
    told, replay, judge = replayed(rows("+" * 14 + " " * 12 + "+" * 16))  # a short one says nothing
    assert (kinds(told), judge.rounds, replay.health.state) == ([], ["+" * 10, "+" * 4, "+" * 10], State.UP)


def test_an_outage_lasts_over_a_gap() -> None:
    told, _, _ = replayed(rows("+" * 10 + "-" * 8 + " " * 500 + "-" * 3 + "+"))
    assert kinds(told) == [("loss_onset", 10, 12), ("down", 10, 15), ("up", 21, 21)]


def test_what_was_degraded_before_a_gap_has_recovered_after_it() -> None:
    told, _, _ = replayed(rows("+" * 10 + "s" * 10 + " " * 500 + "+" * 10))
    assert kinds(told)[2:] == [("unknown", 20, 20), ("level_shift", 20, 29), ("recovered", 20, 29)]


def test_each_thing_has_its_times_its_evidence_and_a_sentence() -> None:
    told, _, judge = replayed(rows("+" * 10 + "s" * 10 + "-" * 10))
    shift, degraded, onset, down = told
    assert (shift.at.timestamp(), shift.noticed_at.timestamp()) == (BEGAN + 10, BEGAN + 19)
    assert shift.evidence == {"old_seconds": 0.02, "new_seconds": 0.1}
    assert degraded.evidence["delay_past_rule"] == "slower"
    assert (degraded.reason, shift.reason) == ("slower than usual", "another level")
    assert onset.reason == "3 of 3 echoes lost (100.0%; usually 0.10%)"
    assert onset.evidence == {"lost": 3, "echoes": 3, "loss_ratio": 1.0, "usual_loss_ratio": 0.001,
                              "rule": "three_of_ten"}  # fmt: skip
    assert down.evidence["rule"] == "confirmed by its source"
    assert down.reason == "0 of 6 echoes answered"
    assert [(loss.since.timestamp(), loss.at.timestamp(), loss.over) for loss in judge.losses] == [
        (BEGAN + 20, BEGAN + 22, False)
    ]


def test_a_loss_that_is_over_is_told_as_such() -> None:
    told, _, judge = replayed(rows("+" * 10 + "---" + "+" * 12))
    assert told[-1].kind is Kind.LOSS_OVER
    assert told[-1].reason == "3 of 10 echoes were lost, and no more than usual since (30.0%; usually 0.10%)"
    assert judge.losses[-1].over


@pytest.mark.parametrize(
    ("gaps", "wanted"),
    [
        ([1, 1, 1, 1], Spacing(1.0, 10.0)),
        ([1, 60, 1, 1, 2], Spacing(1.0, 10.0)),
        ([240, 241, 239], Spacing(240, 240)),
        ([10, 10], Spacing(10, 10)),
        ([0.0001, 0.0001], Spacing(0.001, 10.0)),
    ],
)
def test_the_spacing_is_that_of_most_rows(gaps: list[float], wanted: Spacing) -> None:
    found = spacing(list(accumulate(gaps, initial=0.0)), 10.0)
    assert found == wanted
    assert (found.check.interval_seconds, found.check.settings) == (wanted.interval, wanted)


ROWS = st.lists(st.sampled_from("+++++s-- "), min_size=2, max_size=120).map("".join)


@given(ROWS, st.integers(1, 120), st.sampled_from([SECONDS, Spacing(1.0, 1.0), Spacing(1.0, 4.0)]))
def test_what_is_told_does_not_change_with_what_follows(text: str, cut: int, spaced: Spacing) -> None:
    whole = replayed(rows(text), spaced)[0]
    count = len(rows(text[:cut]))
    assert replayed(rows(text[:cut]), spaced)[0] == [one for one in whole if one.decided_index < count]


@given(ROWS)
def test_nothing_is_told_before_it_began(text: str) -> None:
    told = replayed(rows(text))[0]
    assert all(0 <= one.index <= one.decided_index for one in told)
    assert [one.decided_index for one in told] == sorted(one.decided_index for one in told)


def test_confirmed_is_a_silence_and_a_burst() -> None:
    from probes.icmp.table import BURST_ECHOES

    assert CONFIRMED_ECHOES == 2 + BURST_ECHOES


def test_the_agents_own_detectors_find_what_was_put_there() -> None:
    """A quiet hour, then 25 ms more for half an hour, then a cut of two minutes."""
    random = np.random.default_rng(5)
    noise = random.exponential(0.0005, 3600 + 1800 + 120 + 600)
    levels = [(0.020, 3600), (0.045, 1800), (None, 120), (0.020, 600)]
    plain = [level for level, count in levels for _ in range(count)]
    recorded = [None if level is None else level + extra for level, extra in zip(plain, noise.tolist(), strict=True)]
    replay = Replay(SECONDS, *detectors(SECONDS, {"rtt": 0.040}))
    told = [one for row, rtt in enumerate(recorded) for one in replay.push(BEGAN + row, rtt)]
    found = {kind: [one for one in told if one.kind is kind] for kind in Kind}
    (rise, *_) = found[Kind.LEVEL_SHIFT]
    assert abs(rise.index - 3600) <= 20
    assert rise.decided_index - rise.index <= 120
    assert rise.evidence["old_seconds"] == pytest.approx(0.0205, abs=0.001)
    assert rise.evidence["new_seconds"] == pytest.approx(0.0455, abs=0.001)
    assert 3600 <= found[Kind.DEGRADED][0].decided_index <= 3720
    assert [(one.index, one.decided_index) for one in found[Kind.DOWN]] == [(5400, 5405)]
    assert found[Kind.UP][0].index == 5520
    assert replay.health.state is State.UP
    assert any("delay_objective" in one.evidence for one in found[Kind.DEGRADED])


def test_outages_are_no_loss() -> None:
    """By the agent's own detectors: ten cuts in two minutes."""
    spaced = Spacing(1.0, 10.0)
    replay = Replay(spaced, *detectors(spaced, {}))
    told = [one for at in range(120) for one in replay.push(float(at), None if at % 12 in range(5, 12) else 0.010)]
    assert {one.kind for one in told} == {Kind.DOWN, Kind.UP}


def test_a_loss_alarm_that_begins_with_an_outage_is_over_when_that_is_known() -> None:
    spaced = Spacing(1.0, 10.0)
    replay = Replay(spaced, *detectors(spaced, {}))
    lost = {1998, *range(2001, 2016)}
    told = [one for at in range(2030) for one in replay.push(float(at), None if at in lost else 0.010)]
    assert [one.kind for one in told] == [Kind.LOSS_ONSET, Kind.LOSS_OVER, Kind.DOWN, Kind.UP]

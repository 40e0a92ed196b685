"""Rounds held against a line's own past and against what was agreed, and what of it outlasts a restart."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pytest

from agent.core.delay import Train, train
from agent.core.model import Against, Aspect, Check, CircuitFacts, Echo, EventKind, Loss, Round, Trouble
from agent.core.quality import Objectives, Qualities, Quality, objectives_of
from agent.core.shift import LevelShift
from tests.core.estates import circuit, device, snmp

BEGIN = 1_767_571_200.0  # 2026-01-05 00:00 UTC
CHECK = Check("wan", "icmp", "icmp", 10.0)


def looked(at: float, rtts: Sequence[float | None]) -> Train:
    """Return a round of echoes half a second apart; None is a lost one."""
    sent = np.array([at + 0.5 * number for number in range(len(rtts))])
    values = np.array([np.nan if rtt is None else rtt for rtt in rtts])
    outcomes = np.array([Echo.LOST if rtt is None else Echo.RECEIVED for rtt in rtts], dtype=np.uint8)
    began, ended = datetime.fromtimestamp(at, UTC), datetime.fromtimestamp(at + 10, UTC)
    return train(Round("wan", "icmp", began, ended, sent, values, outcomes))


@dataclass
class Line:
    """A quality, fed round by round."""

    quality: Quality
    at: float = BEGIN

    def rounds(self, number: int, *rtts: float | None) -> "Line":
        for _ in range(number):
            self.quality.look(looked(self.at, rtts))
            self.at += 10.0
        return self

    def told(self) -> list[str]:
        return [f"{one.aspect}/{one.against}/{one.rule}" for one in self.quality.troubles]


class Scripted:
    """Stands in for the detector of level shifts: tells what it is told to, once."""

    def __init__(self) -> None:
        self.next: LevelShift | None = None

    def push(self, value: float | None) -> LevelShift | None:
        del value
        found, self.next = self.next, None
        return found

    def snapshot(self) -> bytes:
        return b""


def line(objectives: Objectives | None = None) -> Line:
    made = Quality(CHECK, objectives or Objectives())
    made._shifts = Scripted()  # type: ignore[assignment]
    return Line(made)


STEADY = (0.010, 0.0101, 0.0102, 0.0101, 0.0103)


def test_a_large_rise_is_worse_than_usual_until_it_is_over() -> None:
    wan = line().rounds(60, *STEADY)
    assert wan.told() == []
    rose = wan.at
    wan.rounds(8, *(rtt + 0.020 for rtt in STEADY))
    assert wan.told() == ["delay/past/floor"]
    (found,) = wan.quality.troubles
    assert found.since.timestamp() == pytest.approx(rose, abs=1)
    assert found.value == pytest.approx(0.0301)
    assert found.detail == "round-trip time 30.1 ms, usually 10.1 ms"
    wan.rounds(3, *(rtt + 0.021 for rtt in STEADY))
    assert wan.quality.troubles[0].since == found.since
    wan.rounds(13, *STEADY)
    assert wan.told() == []


def test_few_slow_rounds_and_rounds_without_an_answer_are_nothing() -> None:
    wan = line().rounds(60, *STEADY)
    wan.rounds(5, 0.300).rounds(3, None, None).rounds(20, *STEADY)
    assert wan.told() == []
    wan.rounds(1)  # a round of which nothing is known
    assert wan.told() == []


def test_more_delay_variation_than_usual() -> None:
    wan = line().rounds(60, *STEADY)
    wan.rounds(8, 0.010, 0.010, 0.010, 0.010, 0.050)
    assert wan.told() == ["delay_variation/past/floor"]
    assert wan.quality.troubles[0].detail.startswith("delay variation 32.0 ms, usually 0.")
    wan.rounds(13, *STEADY)
    assert wan.told() == []


def test_a_round_with_few_echoes_says_nothing_of_delay_variation() -> None:
    assert line().rounds(60, 0.010).quality.variation.present is None


def test_what_was_agreed_is_told_apart_from_the_past() -> None:
    wan = line(Objectives(rtt_seconds=0.020, pdv_seconds=0.004)).rounds(60, 0.025, 0.025, 0.025, 0.025, 0.030)
    assert wan.told() == ["delay/objective/objective"]
    assert wan.quality.troubles[0].detail == "round-trip time 25.0 ms, agreed are 20.0 ms"
    began = wan.quality.troubles[0].since
    assert began.timestamp() == pytest.approx(BEGIN, abs=60)
    wan.rounds(20, 0.045, 0.045, 0.045, 0.045, 0.055)
    assert wan.told() == ["delay/objective/objective", "delay/past/floor", "delay_variation/objective/objective"]
    assert wan.quality.troubles[0].since == began
    wan.rounds(20, *STEADY)
    assert wan.told() == []


def test_loss_breaks_an_objective_only_beyond_chance() -> None:
    wan = line(Objectives(loss_ratio=0.01))
    good, one, three = STEADY * 2, (*STEADY * 2, None)[1:], (*STEADY, None, None, None, 0.01, 0.01)
    wan.rounds(60, *good).rounds(1, *three)  # 3 of 610 are what was agreed
    assert wan.told() == []
    wan.rounds(12, *one)
    assert wan.told() == []  # 15 of 730 may be chance
    wan.rounds(5, *three)
    assert wan.told() == ["loss/objective/objective"]
    (found,) = wan.quality.troubles
    assert found.detail == "30 of 780 echoes lost in a quarter of an hour (3.8%), agreed are 1.0%"
    wan.rounds(1, *one)
    assert wan.quality.troubles[0].since == found.since
    wan.rounds(95, *good)
    assert wan.told() == []
    tight = line(Objectives(loss_ratio=0.0001)).rounds(50, *good).rounds(1, *three)
    assert tight.quality.troubles[0].detail.endswith("agreed are 0.01%")


def test_what_the_engine_says_of_loss() -> None:
    wan = line()
    since = datetime.fromtimestamp(BEGIN, UTC)
    item = Loss("wan", "icmp", since, since, 0.05, 0.001, 5, 100, "onset_cusum_2%")
    wan.quality.lose(item)
    (found,) = wan.quality.troubles
    assert found == Trouble(
        Aspect.LOSS, Against.PAST, since, 0.05, 0.001,
        "5 of 100 echoes lost (5.0%), usually 0.10%", "onset_cusum_2%",
    )  # fmt: skip
    wan.rounds(60, *STEADY)
    assert wan.told() == ["loss/past/onset_cusum_2%"]
    assert wan.quality.ways == {(Aspect.LOSS, Against.PAST)}
    wan.quality.lose(replace(item, over=True))
    assert wan.told() == []


def test_the_voice_of_the_last_minute_is_held_against_its_objective() -> None:
    wan = line(Objectives(mos=4.0)).rounds(20, *STEADY)
    assert wan.quality.voice is not None
    assert wan.quality.voice.mos > 4.3
    assert wan.quality.voice.echoes == 6 * len(STEADY)
    wan.rounds(10, 0.010, None, None, 0.010, None, 0.010)
    assert wan.told() == ["voice/objective/objective"]
    assert wan.quality.troubles[0].detail.startswith("voice quality MOS 1.")
    since = wan.quality.troubles[0].since
    wan.rounds(1, 0.010, None, None, 0.010, None, 0.010)
    assert wan.quality.troubles[0].since == since
    wan.rounds(20, *STEADY)
    assert wan.told() == []
    assert Quality(CHECK, Objectives(mos=4.0), voice=False).look(looked(BEGIN, STEADY)) == []
    assert line().rounds(1, 0.010).quality.voice is None


def test_a_round_with_an_outage_counts_for_no_objective() -> None:
    wan = line(Objectives(loss_ratio=0.01, mos=4.0)).rounds(90, *STEADY)
    for _ in range(9):
        wan.quality.look(looked(wan.at, (0.010, None, None, None)), outage=True)
    assert wan.told() == []
    for _ in range(9):
        wan.quality.look(looked(wan.at, (0.010, None, None, None)))
    assert wan.told() == ["loss/objective/objective", "voice/objective/objective"]


# ------------------------------------------------------------------ level shifts


def shift(wan: Line, back: int, old: float, new: float) -> LevelShift:
    """Return a shift that began so many rounds ago, as the next round will tell it."""
    pushed = wan.quality._pushed + 1
    return LevelShift(pushed - back, pushed - 1, old, new, 0.9)


def decided(wan: Line, found: LevelShift, *rtts: float) -> list[str]:
    wan.quality._shifts.next = found  # type: ignore[attr-defined]
    events = wan.quality.look(looked(wan.at, rtts))
    wan.at += 10
    assert all(event.kind is EventKind.LEVEL for event in events)
    return [event.reason for event in events]


def test_a_small_lasting_rise_is_told_by_its_level_shift() -> None:
    wan = line().rounds(60, 0.020)
    wan.quality.delay.noise = 0.004  # the median alone would need 12 ms
    wan.rounds(7, 0.027)
    assert wan.told() == []
    told = decided(wan, shift(wan, 8, 0.020, 0.027), 0.027)
    assert told == ["the level of the round-trip time rose from 20.0 ms to 27.0 ms"]
    assert wan.told() == ["delay/past/level_shift"]
    assert wan.quality.troubles[0].since.timestamp() == wan.at - 80
    assert (wan.quality.shifts_up, wan.quality.shifts_down) == (1, 0)
    wan.rounds(3, 0.027)
    assert decided(wan, shift(wan, 3, 0.027, 0.026), 0.026) == []  # not back yet, and too little to be told
    assert wan.told() == ["delay/past/level_shift"]
    decided(wan, shift(wan, 2, 0.026, 0.020), 0.020)
    assert wan.told() == []
    assert (wan.quality.shifts_up, wan.quality.shifts_down) == (1, 2)


def test_small_level_shifts_are_told_to_who_asks_for_them() -> None:
    wan = Line(Quality(CHECK, Objectives(), small_shifts=True)).rounds(60, 0.020)
    wan.quality._shifts = Scripted()  # type: ignore[assignment]
    assert len(decided(wan, shift(wan, 8, 0.0200, 0.0202), 0.0202)) == 1


def test_a_rise_that_its_level_shift_told_ends_by_the_median_too() -> None:
    wan = line().rounds(60, 0.020)
    decided(wan, shift(wan, 8, 0.020, 0.027), 0.027)
    wan.rounds(13, 0.020)
    assert wan.told() == []


def test_a_rise_that_nobody_notices_or_back_to_the_usual_is_no_trouble() -> None:
    wan = line().rounds(60, 0.020)
    decided(wan, shift(wan, 8, 0.020, 0.024), 0.020)
    assert wan.told() == []
    decided(wan, shift(wan, 8, 0.010, 0.020), 0.020)
    assert wan.told() == []
    young = line().rounds(3, 0.020)  # nothing is usual yet
    decided(young, shift(young, 80, 0.020, 0.040), 0.040)
    assert young.told() == ["delay/past/level_shift"]


# ------------------------------------------------------------------ over a restart


def test_a_restart_forgets_no_trouble_and_nothing_that_was_learnt() -> None:
    wan = Line(Quality(CHECK, Objectives(loss_ratio=0.01, rtt_seconds=0.020)))
    wan.rounds(60, *STEADY).rounds(10, 0.030, None, 0.030, None, 0.030)
    assert sorted(wan.told()) == ["delay/objective/objective", "delay/past/floor", "loss/objective/objective"]
    state = wan.quality.snapshot()
    assert len(state) < 8192
    again = Line(Quality(CHECK, wan.quality.objectives), wan.at)
    again.quality.resume(state, wan.at, wan.at + 60)
    assert again.quality.troubles == wan.quality.troubles
    for one in (wan, again):
        one.rounds(20, *STEADY)
    assert again.told() == wan.told()
    assert again.quality.delay.usual(again.at) == wan.quality.delay.usual(wan.at)


def test_after_a_long_stop_only_what_is_usual_is_known() -> None:
    wan = line().rounds(60, *STEADY).rounds(10, 0.050)
    wan.quality._shifts = Quality(CHECK, Objectives())._shifts
    again = Quality(CHECK, Objectives())
    again.resume(wan.quality.snapshot(), wan.at, wan.at + 3600)
    assert again.troubles == ()
    assert again.delay.usual(wan.at) == wan.quality.delay.usual(wan.at)
    assert again.delay.present is None


@pytest.mark.parametrize(
    "state",
    [b"", b"nothing", zlib.compress(b"[]"), zlib.compress(b"{}"), zlib.compress(b'{"version": 99}'),
     zlib.compress(b" " * (1 << 21)), zlib.compress(b'{"version": 1, "delay": {}}')],
)  # fmt: skip
def test_what_is_no_snapshot_is_refused(state: bytes) -> None:
    with pytest.raises(ValueError, match="snapshot"):
        Quality(CHECK, Objectives()).resume(state, BEGIN, BEGIN)


# ------------------------------------------------------------------ all of them


def test_the_objectives_of_a_circuit() -> None:
    assert objectives_of(device("sw1")) == Objectives()
    facts = CircuitFacts(
        "ExampleTel", "E1", ("a", "b"), objective_rtt_seconds=0.03, objective_loss_ratio=0.001,
        objective_pdv_seconds=0.005, objective_mos=4.0,
    )  # fmt: skip
    assert objectives_of(replace(circuit("wan"), circuit=facts)) == Objectives(0.03, 0.001, 0.005, 4.0)


def test_a_new_configuration_keeps_what_is_known_of_what_stays() -> None:
    every = Qualities([circuit("wan"), device("sw1"), device("poll", checks=[snmp("poll")])])
    assert sorted(key for key, _ in every.items()) == [("sw1", "icmp"), ("wan", "icmp")]
    known, slower = every.get(("wan", "icmp")), every.get(("sw1", "icmp"))
    changed = replace(device("sw1"), checks=(replace(device("sw1").checks[0], interval_seconds=60.0),))
    every.swap([circuit("line"), changed], {"line": "wan"})
    assert every.get(("line", "icmp")) is known
    assert known is not None
    assert known.check.target == "line"
    assert every.get(("sw1", "icmp")) is not slower
    assert every.get(("wan", "icmp")) is None

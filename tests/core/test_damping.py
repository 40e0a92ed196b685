"""Flap damping: what is a flap, what is a failure that lasts, and what is forgotten."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent.core.assessor import Assessor
from agent.core.changes import Changes
from agent.core.damping import PENALTY, Damping, Flaps
from agent.core.model import EventKind, Mark, Observation, Outcome, State
from agent.core.ports import Resumed
from tests.core.estates import circuit, device, estate, group

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("failures", "flaps"),
    [
        ((0,), False),
        ((0, 299), True),  # two within a half-life
        ((0, 310), False),
        ((0, 430, 860), True),  # three within a quarter of an hour
        ((0, 600, 1200, 1800, 2400), False),  # once in ten minutes is a line that fails often, each time told
    ],
)
def test_how_many_failures_are_flapping(failures: tuple[int, ...], flaps: bool) -> None:
    found = Flaps()
    for second in failures:
        found.failed("t", at(second))
    assert found.is_flapping("t", None, at(failures[-1])) is flaps
    assert found.watched == ({"t"} if flaps else set())


def test_the_penalty_decays_and_is_bounded() -> None:
    flaps, damping = Flaps(), Damping()
    for second in range(20):
        flaps.failed("t", at(second))
    assert flaps.penalty("t", at(19)) == damping.most
    assert flaps.penalty("t", at(19 + 300)) == pytest.approx(damping.most / 2)
    assert flaps.penalty("t", at(0)) == damping.most  # a clock that was set back
    assert flaps.is_flapping("t", None, at(19 + 720))
    assert not flaps.is_flapping("t", None, at(19 + 730))
    assert not flaps.watched
    assert flaps.penalty("other", at(0)) == 0


def test_a_failure_that_lasts_is_no_flap() -> None:
    flaps = Flaps()
    flaps.failed("t", at(0))
    flaps.failed("t", at(30))
    assert flaps.is_flapping("t", at(30), at(89))
    assert not flaps.is_flapping("t", at(30), at(90))
    assert flaps.is_flapping("t", None, at(91))  # it is up again, and not known to be sound yet


def test_names_come_and_go_and_the_clock_moves() -> None:
    flaps = Flaps()
    flaps.resume({"a": (at(0), at(10)), "b": (at(0), at(10)), "c": (at(0),)})
    flaps.rename("a", "new")
    flaps.rename("c", "d")
    flaps.rename("nobody", "else")
    flaps.keep(["new", "d"])
    assert flaps.watched == {"new"}
    assert flaps.penalty("d", at(0)) == PENALTY
    assert flaps.penalty("b", at(10)) == 0
    flaps.shift(timedelta(hours=1))
    assert flaps.penalty("d", at(3600)) == PENALTY


# ------------------------------------------------------------------ in the assessor


def heard(assessor: Assessor, second: float, outcome: Outcome, name: str = "sw1") -> Changes:
    seen = Observation(name, "icmp", at(second), outcome, outcome.value, confirmed=True)
    return assessor.hear(seen, at(second))


def marks(assessor: Assessor) -> list[str]:
    return sorted(assessor.verdicts["sw1"].marks)


def test_a_target_that_flaps_is_marked_once_until_it_is_quiet() -> None:
    assessor = Assessor(estate(device("sw1")))
    told = []
    heard(assessor, 0, Outcome.OK)
    for turn in range(10):
        told += heard(assessor, 10 + 30 * turn, Outcome.NO_ANSWER).events
        told += heard(assessor, 25 + 30 * turn, Outcome.OK).events
    assert [event.new for event in told if event.kind is EventKind.MARK] == ["flapping"]
    assert marks(assessor) == [Mark.FLAPPING]
    quiet = [event for second in range(300, 1300, 10) for event in assessor.tick(at(second)).events]
    assert [(event.kind, event.old, event.new) for event in quiet if event.kind is EventKind.MARK] == [
        (EventKind.MARK, "flapping", "")
    ]


def test_a_flapping_target_that_stays_down_loses_the_mark() -> None:
    assessor = Assessor(estate(device("sw1")))
    for second, outcome in ((0, Outcome.OK), (10, Outcome.NO_ANSWER), (20, Outcome.OK), (30, Outcome.NO_ANSWER)):
        heard(assessor, second, outcome)
    assert (assessor.verdicts["sw1"].state, marks(assessor)) == (State.DOWN, [Mark.FLAPPING])
    assert not assessor.tick(at(80)).events
    assert [event.new for event in assessor.tick(at(91)).events] == [""]
    assert marks(assessor) == []


def test_damping_can_be_turned_off_and_is_by_the_configuration_in_force() -> None:
    flaps = Flaps()
    flaps.remember_for(0)
    for second in range(10):
        flaps.failed("t", at(second))
    assert not flaps.is_flapping("t", None, at(10))
    short = replace(estate(device("sw1")), flap_half_life_seconds=1.0)
    assessor = Assessor(short)
    for second, outcome in ((0, Outcome.OK), (10, Outcome.NO_ANSWER), (20, Outcome.OK), (30, Outcome.NO_ANSWER)):
        heard(assessor, second, outcome)
    assert marks(assessor) == []


def test_a_restart_forgets_no_flap_and_a_renamed_target_keeps_its_own() -> None:
    assessor = Assessor(estate(device("sw1")))
    assessor.resume(Resumed(failures={"sw1": (at(0), at(30)), "gone": (at(0), at(30))}))
    assert marks(assessor) == [Mark.FLAPPING]
    assert not [event for event in heard(assessor, 40, Outcome.OK).events if event.kind is EventKind.MARK]
    assessor.shift(timedelta(seconds=5))
    assert assessor.flaps.penalty("sw1", at(35)) == pytest.approx(2 * PENALTY, rel=0.1)


def test_a_failure_that_nobody_can_see_is_not_a_lasting_one() -> None:
    assessor = Assessor(estate(circuit("a", group="g"), circuit("b", group="g"), group("g", "a", "b", "gone")))
    for second, outcome in ((0, "+"), (10, "-"), (20, "+"), (30, "-"), (40, "?")):
        for name in ("a", "b"):
            heard(assessor, second, {"+": Outcome.OK, "-": Outcome.NO_ANSWER, "?": Outcome.UNKNOWN}[outcome], name)
    for name in ("a", "g"):
        assert assessor.verdicts[name].state is State.DOWN
        assert Mark.FLAPPING in assessor.verdicts[name].marks
    assessor.tick(at(150))
    assert all(Mark.FLAPPING in assessor.verdicts[name].marks for name in ("a", "g"))
    for name in ("a", "b"):
        heard(assessor, 160, Outcome.NO_ANSWER, name)
    assert not any(Mark.FLAPPING in assessor.verdicts[name].marks for name in ("a", "g"))
    for name in ("a", "b"):
        heard(assessor, 170, Outcome.UNKNOWN, name)
    assert not any(Mark.FLAPPING in assessor.verdicts[name].marks for name in ("a", "g"))


def test_after_a_restart_a_lasting_failure_is_no_flap_and_a_flap_costs_no_redundancy() -> None:
    watched = estate(circuit("a", group="g"), circuit("b", group="g"), group("g", "a", "b"), device("sw1"))
    failures = {"a": (at(0), at(100)), "sw1": (at(0), at(30))}
    targets = {"a": (State.DOWN, at(100), ()), "b": (State.UP, at(0), ()), "g": (State.UP, at(0), ()),
               "sw1": (State.DOWN, at(30), ())}  # fmt: skip
    assessor = Assessor(watched)
    assessor.resume(Resumed(targets=targets, failures=failures, alive_until=at(110)))
    assert {name: set(one.marks) for name, one in assessor.verdicts.items() if one.marks} == {"a": {Mark.FLAPPING}}
    again = Assessor(watched)
    again.resume(Resumed(targets=targets, failures=failures, alive_until=at(165)))
    assert {name: set(one.marks) for name, one in again.verdicts.items() if one.marks} == {"g": {Mark.REDUNDANCY_LOST}}

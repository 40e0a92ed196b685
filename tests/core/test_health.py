"""The table of belief about one check."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent.core.health import Policy, advance, expire, resume
from agent.core.model import Against, Aspect, EventKind, Health, Observation, Outcome, State, Trouble

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
POLICY = Policy(failures_to_down=2, stale_after_seconds=30)
OUTCOMES = {
    "+": Outcome.OK,
    "-": Outcome.NO_ANSWER,
    "r": Outcome.REFUSED,
    "b": Outcome.BAD_ANSWER,
    "f": Outcome.FAULT,
    "?": Outcome.UNKNOWN,
    "!": Outcome.NO_ANSWER,  # confirmed by the source
    "e": Outcome.OK,  # answers, with a trouble
}


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def seen(second: int, sign: str) -> Observation:
    troubles = (slow(second),) if sign == "e" else ()
    return Observation("t", "c", at(second), OUTCOMES[sign], f"saw {sign}", confirmed=sign == "!", troubles=troubles)


def slow(second: float, aspect: Aspect = Aspect.DELAY) -> Trouble:
    return Trouble(aspect, Against.PAST, at(second), 0.030, 0.015, f"{aspect} rose", "level_shift")


@pytest.mark.parametrize(
    ("signs", "changes"),
    [
        ("+", [("unknown", "up")]),
        ("++", [("unknown", "up")]),
        ("+-+", [("unknown", "up")]),  # one failure means nothing
        ("+--+", [("unknown", "up"), ("up", "down"), ("down", "up")]),
        ("+-+-+-", [("unknown", "up")]),
        ("+!+", [("unknown", "up"), ("up", "down"), ("down", "up")]),  # its source has made sure
        ("-", []),
        ("--", [("unknown", "down")]),
        ("+rb", [("unknown", "up"), ("up", "down")]),
        ("+ff", [("unknown", "up"), ("up", "down")]),
        ("+?", [("unknown", "up"), ("up", "unknown")]),  # what could not be read is unknown
        ("+?+", [("unknown", "up"), ("up", "unknown"), ("unknown", "up")]),
        ("--?", [("unknown", "down")]),  # not being able to look ends no outage
        ("--?+", [("unknown", "down"), ("down", "up")]),
        ("?", []),
        ("e", [("unknown", "degraded")]),
        ("+e", [("unknown", "up"), ("up", "degraded")]),
        ("+ee-e", [("unknown", "up"), ("up", "degraded")]),
        ("+e--", [("unknown", "up"), ("up", "degraded"), ("degraded", "down")]),
        ("--e", [("unknown", "down"), ("down", "degraded")]),
        ("e?e", [("unknown", "degraded"), ("degraded", "unknown"), ("unknown", "degraded")]),
        ("e+", [("unknown", "degraded")]),  # not before a minute is over
    ],
)
def test_the_table(signs: str, changes: list[tuple[str, str]]) -> None:
    health, told = Health(), []
    for second, sign in enumerate(signs):
        health, event = advance(health, seen(second, sign), POLICY)
        if event is not None:
            assert (event.kind, event.target, event.check) == (EventKind.CHECK, "t", "c")
            told.append((event.old, event.new))
    assert told == changes


def test_an_outage_begins_with_its_first_failure_and_keeps_its_reason_while_blind() -> None:
    health, _ = advance(Health(), seen(0, "+"), POLICY)
    health, _ = advance(health, seen(10, "-"), POLICY)
    assert (health.state, health.failures, health.failing_since) == (State.UP, 1, at(10))
    health, event = advance(health, seen(20, "-"), POLICY)
    assert event is not None
    assert (event.at, event.noticed_at, health.since) == (at(10), at(20), at(10))
    health, _ = advance(health, seen(30, "?"), POLICY)
    assert (health.state, health.reason) == (State.DOWN, "saw -")


def test_since_is_what_the_source_knows() -> None:
    lost = Observation("t", "c", at(5), Outcome.NO_ANSWER, "silent", since=at(2), confirmed=True)
    health, event = advance(Health(State.UP, at(0)), lost, POLICY)
    assert health.since == at(2)
    assert event is not None
    assert event.at == at(2)


def test_a_round_from_before_the_cut_speaks_for_nothing_after_it() -> None:
    down = Health(State.DOWN, since=at(10), seen_at=at(12))
    late_round = Observation("t", "c", at(14), Outcome.OK, "8 of 10", since=at(2), proven_at=at(9))
    assert advance(down, late_round, POLICY) == (down, None)
    up = Health(State.UP, since=at(20), seen_at=at(21))
    late_loss = Observation("t", "c", at(23), Outcome.NO_ANSWER, "0 of 10", since=at(10), proven_at=at(19))
    assert advance(up, late_loss, POLICY) == (up, None)


def test_a_round_that_spans_a_whole_outage_ends_it_at_its_latest_proof() -> None:
    down = Health(State.DOWN, since=at(10))
    spanning = Observation("t", "c", at(22), Outcome.OK, "5 of 10", since=at(8), proven_at=at(17))
    health, event = advance(down, spanning, POLICY)
    assert (health.state, health.since) == (State.UP, at(17))
    assert event is not None
    assert event.at == at(17)


@pytest.mark.parametrize(
    ("health", "second", "state"),
    [
        (Health(State.UP, at(0), seen_at=at(0)), 30, State.UP),
        (Health(State.UP, at(0), seen_at=at(0)), 31, State.UNKNOWN),
        (Health(State.DEGRADED, at(0), seen_at=at(0)), 31, State.UNKNOWN),
        (Health(State.DOWN, at(0), seen_at=at(0)), 500, State.DOWN),
        (Health(State.UP, at(0)), 500, State.UP),
        (Health(), 500, State.UNKNOWN),
    ],
)
def test_up_does_not_last_without_evidence(health: Health, second: int, state: State) -> None:
    after, event = expire("t", "c", health, at(second), POLICY)
    assert after.state is state
    assert (event is not None) == (after.state is not health.state)


def test_after_a_restart_an_outage_goes_on_and_what_was_up_is_no_event() -> None:
    down = resume(State.DOWN, at(0))
    assert (down.state, down.since) == (State.DOWN, at(0))
    assert resume(State.UNREACHABLE, at(0)).state is State.DOWN
    recovered, event = advance(down, seen(60, "+"), POLICY)
    assert event is not None
    assert (event.old, event.new, recovered.resumed) == ("down", "up", None)

    up = resume(State.UP, at(0))
    assert (up.state, up.since) == (State.UNKNOWN, at(0))
    found, event = advance(up, seen(60, "+"), POLICY)
    assert event is None
    assert (found.state, found.since, found.resumed) == (State.UP, at(0), None)
    failed, event = advance(up, seen(60, "!"), POLICY)
    assert event is not None
    assert failed.state is State.DOWN

    never = resume(State.UP, None)
    found, _ = advance(never, seen(60, "+"), POLICY)
    assert found.since == at(60)


def test_more_of_the_same_refreshes_the_reason() -> None:
    health, _ = advance(Health(), seen(0, "+"), POLICY)
    health, event = advance(health, Observation("t", "c", at(1), Outcome.OK, "10 of 10"), POLICY)
    assert (event, health.reason, health.seen_at) == (None, "10 of 10", at(1))
    health, _ = advance(health, Observation("t", "c", at(0), Outcome.OK, ""), POLICY)
    assert (health.reason, health.seen_at) == ("10 of 10", at(1))


# ------------------------------------------------------------------ degraded


def test_what_is_degraded_stays_so_for_a_minute_and_its_event_tells_why() -> None:
    health, _ = advance(Health(), seen(0, "+"), POLICY)
    health, event = advance(health, seen(10, "e"), POLICY)
    assert event is not None
    assert (event.new, event.reason) == ("degraded", "delay rose")
    assert event.evidence == (
        ("delay_past", 0.030), ("delay_past_limit", 0.015), ("delay_past_rule", "level_shift")
    )  # fmt: skip
    assert health.troubles == (slow(10),)
    health, event = advance(health, seen(69, "+"), POLICY)
    assert (health.state, event, health.troubles) == (State.DEGRADED, None, (slow(10),))
    health, event = advance(health, seen(70, "+"), POLICY)
    assert (health.state, health.troubles) == (State.UP, ())
    assert event is not None
    assert (event.old, event.new) == ("degraded", "up")
    undated = Health(State.DEGRADED)
    assert advance(undated, seen(70, "+"), POLICY)[0].state is State.UP


def test_worse_in_another_way_is_an_event_and_less_is_none() -> None:
    health, _ = advance(Health(), seen(0, "e"), POLICY)
    both = Observation("t", "c", at(10), Outcome.OK, "answers", troubles=(slow(0), slow(5, Aspect.LOSS)))
    health, event = advance(health, both, POLICY)
    assert event is not None
    assert (event.old, event.new, event.at, event.reason) == ("degraded", "degraded", at(5), "delay rose; loss rose")
    health, event = advance(health, seen(20, "e"), POLICY)
    assert (event, health.troubles, health.reason) == (None, (slow(20),), "delay rose")


def test_what_was_degraded_before_a_restart_is_no_event_when_it_is_found_so() -> None:
    found, event = advance(resume(State.DEGRADED, at(0)), seen(60, "e"), POLICY)
    assert event is None
    assert (found.state, found.since) == (State.DEGRADED, at(0))


def test_an_event_of_a_failure_tells_how_it_is_known() -> None:
    health, _ = advance(Health(), seen(0, "+"), POLICY)
    health, _ = advance(health, seen(1, "-"), POLICY)
    _, event = advance(health, seen(2, "-"), POLICY)
    assert event is not None
    assert event.evidence == (("failures_in_a_row", 2.0), ("rule", "failed again and again"))
    _, event = advance(health, seen(2, "!"), POLICY)
    assert event is not None
    assert dict(event.evidence)["rule"] == "confirmed by its source"


def test_what_cannot_be_measured_is_remembered_until_it_can() -> None:
    health, _ = advance(Health(State.UP, at(0), at(0)), seen(10, "?"), POLICY)
    health, _ = advance(health, seen(20, "?"), POLICY)
    assert health.vain_since == at(10)
    assert advance(health, seen(30, "+"), POLICY)[0].vain_since is None
    assert advance(health, seen(30, "-"), POLICY)[0].vain_since is None


def test_where_echoes_are_known_to_be_lost_one_burst_makes_sure_of_nothing() -> None:
    burst = replace(seen(10, "-"), outcome=Outcome.NO_ANSWER, confirmed=True)
    lossy = Health(State.DEGRADED, at(0), at(0), troubles=(slow(0, Aspect.LOSS),))
    once, event = advance(lossy, burst, POLICY)
    assert (once.state, event) == (State.DEGRADED, None)
    assert advance(once, replace(burst, at=at(11), proven_at=at(11)), POLICY)[0].state is State.DOWN
    assert advance(replace(lossy, troubles=(slow(0),)), burst, POLICY)[0].state is State.DOWN
    assert advance(lossy, replace(burst, outcome=Outcome.FAULT), POLICY)[0].state is State.DOWN


def test_what_comes_back_degraded_came_back_then_and_not_when_its_trouble_began() -> None:
    down = Health(State.DOWN, at(50), at(90))
    answer = replace(seen(100, "+"), since=at(99), troubles=(slow(60),))
    back, _ = advance(down, answer, POLICY)
    assert (back.state, back.since) == (State.DEGRADED, at(99))


def test_up_and_degraded_in_turn_work_since_the_first_of_them() -> None:
    health, _ = advance(Health(), seen(0, "+"), POLICY)
    for second, troubles in ((10, (slow(5),)), (100, ()), (110, ())):
        health, _ = advance(health, replace(seen(second, "+"), troubles=troubles), POLICY)
        assert health.works_since == at(0)
    assert health.since == at(100)
    health, _ = advance(health, replace(seen(120, "!")), POLICY)
    assert health.worked_since is None


def test_a_burst_for_another_s_sake_makes_sure_of_nothing_by_itself() -> None:
    health, _ = advance(Health(), seen(0, "+"), POLICY)
    burst = Observation("t", "c", at(2), Outcome.NO_ANSWER, "0 of 4", since=at(1.0), proven_at=at(1.18), confirmed=True)
    once, event = advance(health, burst, POLICY)
    assert (once.state, once.failures, event) == (State.UP, 1, None)
    twice, _ = advance(once, replace(burst, at=at(3), since=at(2.1), proven_at=at(2.28)), POLICY)
    assert (twice.state, twice.since) == (State.DOWN, at(1))
    silent, _ = advance(health, replace(burst, since=at(0.5)), POLICY)  # it had fallen silent before
    assert silent.state is State.DOWN


@pytest.mark.parametrize("troubled", [False, True])
def test_what_was_answered_before_a_failure_makes_no_doubt_good_again(troubled: bool) -> None:
    """A round of ten seconds is told when it is over, and holds echoes from before the failure."""
    up = Health(State.UP, at(0), at(9))
    doubted, _ = advance(up, Observation("t", "c", at(12), Outcome.NO_ANSWER, since=at(11)), POLICY)
    assert doubted.failures == 1
    troubles = (slow(10),) if troubled else ()
    old = Observation("t", "c", at(20), Outcome.OK, since=at(8), proven_at=at(10), troubles=troubles)
    assert advance(doubted, old, POLICY) == (doubted, None)
    new, _ = advance(doubted, replace(old, proven_at=at(19)), POLICY)
    assert new.failures == 0

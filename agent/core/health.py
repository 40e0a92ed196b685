"""Belief about one check: one table of transitions, a pure function to walk it.

What the outside world did is evidence for or against; what could not be measured is neither. A check that is believed
down stays so until something speaks for it: silence about an outage is no recovery. What answers, and worse than it
should, is degraded; in what way is found by the detectors of `agent.core.quality`, with a hysteresis of their own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from agent.core.model import Against, Aspect, Event, EventKind, Health, Observation, Outcome, State, Trouble


class Evidence(Enum):
    """What an observation says about the check's state."""

    GOOD = "good"
    POOR = "poor"  # speaks for it, with troubles
    SUSPECT = "suspect"  # speaks against it, but not often enough yet
    BAD = "bad"  # speaks against it, confirmed
    NONE = "none"


_SPEAKS: Final[Mapping[Outcome, Evidence]] = {
    Outcome.OK: Evidence.GOOD,
    Outcome.NO_ANSWER: Evidence.SUSPECT,
    Outcome.REFUSED: Evidence.SUSPECT,
    Outcome.BAD_ANSWER: Evidence.SUSPECT,
    Outcome.FAULT: Evidence.SUSPECT,
    Outcome.UNKNOWN: Evidence.NONE,
}

# The whole state machine. UNREACHABLE is no belief about a check: agent.core.verdict makes it from dependencies.
_NEXT: Final[Mapping[tuple[State, Evidence], State]] = {
    (State.UNKNOWN, Evidence.GOOD): State.UP,
    (State.UNKNOWN, Evidence.POOR): State.DEGRADED,
    (State.UNKNOWN, Evidence.SUSPECT): State.UNKNOWN,
    (State.UNKNOWN, Evidence.BAD): State.DOWN,
    (State.UNKNOWN, Evidence.NONE): State.UNKNOWN,
    (State.UP, Evidence.GOOD): State.UP,
    (State.UP, Evidence.POOR): State.DEGRADED,
    (State.UP, Evidence.SUSPECT): State.UP,
    (State.UP, Evidence.BAD): State.DOWN,
    (State.UP, Evidence.NONE): State.UNKNOWN,
    (State.DEGRADED, Evidence.GOOD): State.UP,  # not before `Policy.degraded_least_seconds`
    (State.DEGRADED, Evidence.POOR): State.DEGRADED,
    (State.DEGRADED, Evidence.SUSPECT): State.DEGRADED,
    (State.DEGRADED, Evidence.BAD): State.DOWN,
    (State.DEGRADED, Evidence.NONE): State.UNKNOWN,
    (State.DOWN, Evidence.GOOD): State.UP,
    (State.DOWN, Evidence.POOR): State.DEGRADED,
    (State.DOWN, Evidence.SUSPECT): State.DOWN,
    (State.DOWN, Evidence.BAD): State.DOWN,
    (State.DOWN, Evidence.NONE): State.DOWN,
}


_BRIEF: Final = timedelta(seconds=0.3)  # a burst of four lasts 0.18 s
WORKS: Final = frozenset({State.UP, State.DEGRADED})


@dataclass(frozen=True, slots=True)
class Policy:
    """How much evidence a change of belief needs.

    Attributes:
        failures_to_down: observations in a row against a check; 2, because one lost poll means nothing. A source that
            has confirmed by itself (a burst of echoes, a device's own statement) needs one.
        stale_after_seconds: without evidence for so long, `up` becomes `unknown`.
        degraded_least_seconds: what became degraded stays so for at least this long, so that a detector on its
            threshold makes few events; a minute is what a person needs to look.
    """

    failures_to_down: int = 2
    stale_after_seconds: float = 180.0
    degraded_least_seconds: float = 60.0


def advance(health: Health, observation: Observation, policy: Policy) -> tuple[Health, Event | None]:
    """Weigh one observation.

    Evidence older than the belief it speaks against changes nothing, nor does what is older than a failure that is
    being made sure of: a round reported after a confirmation burst holds echoes that were answered before the cut.

    Returns:
        The new belief, and the change of state as an Event, or None where the state stays.
    """
    at = observation.at
    proven_at = observation.proven_at
    if proven_at is None:
        proven_at = at
    if observation.outcome is Outcome.OK and health.state is State.UP and not observation.troubles:
        return stay_up(health, at, proven_at, observation.detail), None
    proven_at = min(proven_at, at)  # a clock set back must not prove ahead
    speaks = _SPEAKS[observation.outcome]
    if speaks is Evidence.NONE:
        vain = replace(health, heard_at=at, vain_since=health.vain_since or at)
        return _move(vain, _NEXT[health.state, speaks], observation)
    if health.since is not None and _contradicts(health.state, speaks) and proven_at <= health.since <= at:
        return health, None
    if speaks is Evidence.GOOD and _fails_since(health, proven_at):
        return health, None
    if speaks is Evidence.GOOD:
        seen_at = _later(health.seen_at, proven_at)
        seen = replace(health, seen_at=seen_at, failures=0, failing_since=None, heard_at=at, vain_since=None)
        return _answered(seen, observation, policy)
    failures = health.failures + 1
    sure = observation.confirmed and not (
        observation.outcome is Outcome.NO_ANSWER and (_loses(health) or _is_brief(health, observation, proven_at))
    )
    if sure or failures >= policy.failures_to_down:
        speaks = Evidence.BAD
    seen = replace(
        health,
        seen_at=_later(health.seen_at, proven_at),
        failures=failures,
        failing_since=health.failing_since or observation.since or at,
        heard_at=at,
        vain_since=None,
    )
    return _move(seen, _NEXT[health.state, speaks], observation)


def stay_up(health: Health, at: datetime, proven_at: datetime, detail: str) -> Health:
    """Weigh what is seen nearly always: what is up answers. Nothing moves but the evidence.

    Args:
        at, proven_at, detail: as an `Observation` has them.
    """
    proven_at = min(proven_at, at)
    if _fails_since(health, proven_at):
        return health
    seen_at = health.seen_at
    if seen_at is None or proven_at > seen_at:
        seen_at = proven_at
    return Health(
        State.UP, health.since, seen_at, 0, None, detail or health.reason, health.resumed, at,
        worked_since=health.worked_since,
    )  # fmt: skip


def expire(target: str, check: str, health: Health, now: datetime, policy: Policy) -> tuple[Health, Event | None]:
    """Turn `up` or `degraded` into `unknown` where there has been no evidence for `stale_after_seconds`."""
    if health.state not in WORKS or health.seen_at is None:
        return health, None
    if now - health.seen_at <= timedelta(seconds=policy.stale_after_seconds):
        return health, None
    reason = f"no measurement since {health.seen_at:%H:%M:%S} UTC"
    return _move(health, State.UNKNOWN, Observation(target, check, now, Outcome.UNKNOWN, reason))


def resume(state: State, since: datetime | None) -> Health:
    """Return the belief with which a check goes on after a restart of the agent.

    An outage that was open stays open until something speaks for the check. What was up is unknown until it is
    measured; finding it up again is then no event.
    """
    if state in (State.DOWN, State.UNREACHABLE):
        return Health(State.DOWN, since, failing_since=since, reason="down when the agent stopped", resumed=State.DOWN)
    return Health(State.UNKNOWN, since, reason="not measured since the agent started", resumed=state)


def _fails_since(health: Health, moment: datetime) -> bool:
    """Say whether a check that is believed to work has failed since then: what it did before says nothing of now."""
    return health.failures > 0 and health.failing_since is not None and moment < health.failing_since


def _contradicts(state: State, speaks: Evidence) -> bool:
    return (state is State.DOWN) if speaks is Evidence.GOOD else (state in WORKS)


def _answered(health: Health, observation: Observation, policy: Policy) -> tuple[Health, Event | None]:
    """Weigh an answer: up or degraded, and what is degraded not up again at once."""
    troubles = observation.troubles
    new = _NEXT[health.state, Evidence.POOR if troubles else Evidence.GOOD]
    if troubles:
        answered = observation.since
        observation = replace(observation, **_told(troubles))
        if health.state is State.DOWN:  # it may have been worse before it failed: what begins now is that it answers
            observation = replace(observation, since=answered)
    if health.state is not State.DEGRADED:
        return _move(replace(health, troubles=troubles), new, observation)
    if new is State.UP and health.since is not None:
        lasts = observation.at - health.since
        if timedelta() <= lasts < timedelta(seconds=policy.degraded_least_seconds):
            return health, None
    if new is State.DEGRADED and not _ways(troubles) <= _ways(health.troubles):  # worse in another way: that is news
        more = replace(health, troubles=troubles, reason=observation.detail)
        since = max(trouble.since for trouble in troubles)
        return more, _event(State.DEGRADED, State.DEGRADED, since, observation)
    return _move(replace(health, troubles=troubles), new, observation)


def _loses(health: Health) -> bool:
    """Say whether echoes are known to be lost: a few that are lost in a row then make sure of nothing yet.

    Of 20 % loss a silence and one burst come together every four hours, and with a second burst once in months.
    """
    return any(trouble.aspect is Aspect.LOSS for trouble in health.troubles)


def _is_brief(health: Health, observation: Observation, proven_at: datetime) -> bool:
    """Say whether all that was lost of what works was lost within a moment: a burst that was sent for another's sake.

    A queue that is full for a second loses that much. A target that fell silent itself has been so for longer.
    """
    since = observation.since
    return health.state in WORKS and since is not None and timedelta() <= proven_at - since < _BRIEF


def _ways(troubles: tuple[Trouble, ...]) -> set[tuple[Aspect, Against]]:
    return {(trouble.aspect, trouble.against) for trouble in troubles}


def _told(troubles: tuple[Trouble, ...]) -> dict[str, Any]:
    """Return the fields of an observation that tell of its troubles."""
    return {"detail": "; ".join(one.detail for one in troubles), "since": min(one.since for one in troubles)}


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)


def _move(health: Health, new: State, observation: Observation) -> tuple[Health, Event | None]:
    if new is health.state:
        blind_to_outage = new is State.DOWN and observation.outcome is Outcome.UNKNOWN
        reason = health.reason if blind_to_outage else observation.detail or health.reason
        return replace(health, reason=reason), None
    since = observation.since or observation.at
    if new is State.DOWN and health.failing_since is not None:
        since = health.failing_since
    if health.since is not None and since < health.since:  # a round that spans the whole of the former state
        since = observation.proven_at or observation.at
    found_again = new is health.resumed and new in WORKS
    works = new in WORKS and health.state in WORKS
    moved = replace(
        health,
        state=new,
        worked_since=health.works_since if works else None,
        since=health.since if found_again and health.since is not None else since,
        reason=observation.detail,
        resumed=health.resumed if new is State.UNKNOWN else None,
    )
    if found_again:
        return moved, None
    return moved, _event(health.state, new, since, observation, health.failures)


def _event(old: State, new: State, since: datetime, observation: Observation, failures: int = 0) -> Event:
    return Event(
        kind=EventKind.CHECK,
        at=since,
        noticed_at=observation.at,
        target=observation.target,
        check=observation.check,
        old=old.value,
        new=new.value,
        reason=observation.detail,
        evidence=(*observation.values, *_evidence(new, observation, failures)),
    )


def _evidence(new: State, observation: Observation, failures: int) -> Iterator[tuple[str, str | float]]:
    """Yield what decided: the rule, and each trouble's value, limit and rule."""
    if new is State.DOWN:
        yield "failures_in_a_row", float(failures)
        yield "rule", "confirmed by its source" if observation.confirmed else "failed again and again"
    for one in observation.troubles:
        name = f"{one.aspect}_{one.against}"
        yield name, one.value
        yield f"{name}_limit", one.limit
        yield f"{name}_rule", one.rule

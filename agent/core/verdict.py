"""Belief about one target: its checks first, then what it depends on.

A target that fails while something it depends on is down is `unreachable`, and the cause is named. A target may fall
silent a moment before the circuit that it stands behind: its verdict is held until that circuit has been asked, a few
seconds at the most. A target that was unreachable gets a moment to come back after its cause did.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from agent.core import proof
from agent.core.health import WORKS
from agent.core.model import Aspect, Check, Estate, Event, EventKind, Health, Mark, Needs, Role, State, Target, Verdict
from agent.core.proof import FAILED, Beliefs, Verdicts
from agent.core.topology import Topology, group_of, needed

SETTLE_SECONDS: Final = 15.0  # after a cause has gone: ARP, spanning tree and one round of echoes


@dataclass(frozen=True, slots=True)
class Own:
    """What a target's own checks say, before its dependencies are weighed.

    Attributes:
        failing_since: begin of the failure that may be the consequence of another.
        seen_at: latest evidence.
    """

    state: State
    since: datetime | None
    reason: str
    seen_at: datetime | None = None
    failing_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and what is needed to make it firm.

    Attributes:
        until: when to judge again, if nothing new comes before; None if the verdict is firm.
        ask: targets whose present state would settle it: measure them now.
        again: since when the target itself is to be measured once more, if that is what it waits for.
        began: what it depends on must have been seen to work at this moment or later.
    """

    verdict: Verdict
    until: datetime | None = None
    ask: tuple[str, ...] = ()
    again: datetime | None = None
    began: datetime | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A failure that is not told yet: what it may be the consequence of is being asked.

    Attributes:
        until: when it is judged again at the latest.
        ask: what is asked.
        again: since when it is held back only because it is to be seen to fail once more.
        began: what it depends on must have been seen to work then or later: the first judgement's, lest it run away.
        repeated: what was asked a second time, because the first answer was on its way already.
    """

    since: datetime
    until: datetime
    ask: tuple[str, ...]
    again: datetime | None = None
    began: datetime | None = None
    repeated: frozenset[str] = frozenset()


def judge(
    target: Target,
    topology: Topology,
    beliefs: Beliefs,
    verdicts: Verdicts,
    held: Held | None,
    now: datetime,
) -> Judgement:
    """Decide one target. All that it follows has been decided before and stands in `verdicts`.

    Args:
        verdicts: the present ones; that of the target itself is the former one.
        held: since when its failure has been held back, or None.
    """
    estate = topology.estate
    before = verdicts.get(target.name, Verdict())
    own = own_state(target, estate, beliefs, verdicts)
    above = needed(target, estate)
    failed = [cause for name in above for cause in proof.failures(name, own.failing_since, estate, beliefs, verdicts)]
    failing = own.state is State.DOWN or (own.state is State.UNKNOWN and own.failing_since is not None)
    if target.members:  # a site falls with what it depends on as well
        failing = bool(failed) and own.state not in FAILED and target.name != estate.site
    if not failing:
        causes = _member_causes(target, own, estate, verdicts)
        if own.state is State.DEGRADED:
            causes = degraded_causes(target, estate, beliefs, verdicts)
        verdict = _verdict(own, before, _marks(target, own, before, verdicts), causes)
        return Judgement(_alone(verdict, before, now) if own.state is State.DEGRADED else verdict)
    if failed and not _failed_first(own, before, failed, topology, verdicts):
        causes = roots(failed, estate, verdicts)
        since = own.failing_since if own.state in WORKS else own.since or own.failing_since
        behind = Own(State.UNREACHABLE, since, f"behind {', '.join(causes)}, which failed")
        return Judgement(_verdict(behind, before, frozenset(), causes))
    if own.state is not State.DOWN or before.state is State.DOWN:
        return Judgement(_verdict(own, before, frozenset()))
    return _made_sure(target, own, before, topology, beliefs, verdicts, held, now)


def _made_sure(
    target: Target, own: Own, before: Verdict, topology: Topology, beliefs: Beliefs, verdicts: Verdicts,
    held: Held | None, now: datetime,
) -> Judgement:  # fmt: skip
    """Decide a failure that nothing known explains: the target's own, or held back until that is sure."""
    estate, since = topology.estate, held.since if held else now
    if proof.fails_unseen(target, beliefs):
        return Judgement(before)  # once it can be measured again, what is before it is asked anew
    settled = _settled_at(target, estate, own, verdicts)
    if settled is not None and (own.seen_at is None or own.seen_at < settled):
        return Judgement(before)
    # what it depends on may have failed since the first failure, which chance may have brought: the last one counts
    began = own.seen_at
    if held is not None and held.began is not None and (settled is None or held.began >= settled):
        began = held.began
    if unproven := proof.unproven(target, began, topology, beliefs, verdicts):
        until = since + timedelta(seconds=max(proof.hold_seconds(estate.targets[name], estate) for name in unproven))
        waits = now < until or proof.pending(unproven, estate, beliefs, verdicts)
        if waits or _may_be_blind(own, unproven, estate, beliefs):
            return Judgement(before, until, tuple(unproven), began=began)
    elif proof.may_have_returned(target, topology, beliefs):
        again = (held and held.again) or now
        until = again + timedelta(seconds=proof.hold_seconds(target, estate))
        if now < until:
            return Judgement(before, until, (target.name,), again, began)
    return Judgement(_verdict(own, before, frozenset()))


def own_state(target: Target, estate: Estate, beliefs: Beliefs, verdicts: Verdicts) -> Own:
    """Return what the target's checks say; groups, sites and services without checks follow others."""
    if target.name == estate.site:
        return Own(State.UP, None, "the agent is here")
    if target.members or (target.role in (Role.GROUP, Role.SITE) and not needed(target, estate)):
        return _from_members(target, estate, verdicts)
    deciding = [(check, beliefs.get((target.name, check.name), Health())) for check in target.checks if check.decisive]
    if not deciding:
        return _from_dependencies(target, estate, verdicts)
    if target.role is Role.CIRCUIT:
        deciding = without_outdated_ends(deciding)
    states = [health.state for _, health in deciding]
    down = [pair for pair in deciding if pair[1].state is State.DOWN]
    if target.role is Role.SERVICE and target.needs is Needs.ANY:
        failed = bool(down) and len(down) == len(deciding)
        works = not WORKS.isdisjoint(states)
    elif target.role is Role.CIRCUIT:  # an end that nobody can ask is no reason to doubt a line that answers
        failed, works = bool(down), not WORKS.isdisjoint(states)
    else:
        failed, works = bool(down), WORKS.issuperset(states)
    state = State.DOWN if failed else _working(target, states) if works else State.UNKNOWN
    return _summary(state, [pair for pair in deciding if pair[1].state is state] or deciding)


def _working(target: Target, states: list[State]) -> State:
    """Return how good what works is: where any check is enough, the best one counts, else the worst."""
    if target.role is Role.SERVICE and target.needs is Needs.ANY and State.UP in states:
        return State.UP
    return State.DEGRADED if State.DEGRADED in states else State.UP


def roots(names: list[str], estate: Estate, verdicts: Verdicts) -> tuple[str, ...]:
    """Return the targets at the root of these failures, each once: the group where all of a group's circuits failed."""
    found: dict[str, None] = {}
    for name in names:
        verdict = verdicts[name]
        for cause in verdict.causes if verdict.state is not State.DOWN and verdict.causes else (name,):
            group = group_of(estate, cause)
            found[group if group and verdicts.get(group, Verdict()).state is State.DOWN else cause] = None
    return tuple(found)


def degraded_causes(target: Target, estate: Estate, beliefs: Beliefs, verdicts: Verdicts) -> tuple[str, ...]:
    """Return what explains that a target is degraded: what it follows is so as well, and in the same way.

    More delay or loss on the way explains what follows from it: delay variation and a worse voice.
    """
    above = dict.fromkeys((*needed(target, estate), *target.members))
    degraded = [found for name in above for found in _degraded_before(name, estate, verdicts)]
    causes = roots(degraded, estate, verdicts)
    own = _aspects(target.name, estate, beliefs) & {Aspect.DELAY, Aspect.LOSS}
    explained = {aspect for cause in causes for aspect in _aspects(cause, estate, beliefs)}
    return causes if own <= explained else ()


def _degraded_before(name: str, estate: Estate, verdicts: Verdicts) -> list[str]:
    """Return what is degraded of a target and, where it does not show it itself, of what it follows.

    A group is as good as its best circuit, and nobody knows which one carries; only echoes show delay and loss.
    """
    if name not in estate.targets:
        return []
    target, state = estate.targets[name], verdicts.get(name, Verdict()).state
    if state is State.DEGRADED:
        return [name]
    if state not in WORKS or any(check.decisive and check.type == "icmp" for check in target.checks):
        return []
    above = dict.fromkeys((*needed(target, estate), *target.members))
    return [found for other in above for found in _degraded_before(other, estate, verdicts)]


def _aspects(name: str, estate: Estate, beliefs: Beliefs) -> set[Aspect]:
    healths = [beliefs.get((name, check.name), Health()) for check in estate.targets[name].checks if check.decisive]
    return {one.aspect for health in healths if health.state is State.DEGRADED for one in health.troubles}


def _alone(verdict: Verdict, before: Verdict, now: datetime) -> Verdict:
    return replace(verdict, alone_since=None if verdict.causes else before.alone_since or now)


def target_event(name: str, before: Verdict, after: Verdict, now: datetime) -> Event | None:
    """Return the event of a change of state, or None. The first `up` after a restart is told by the caller."""
    if before.state is after.state and before.causes == after.causes:
        return None
    return Event(
        kind=EventKind.TARGET,
        at=after.since or now,
        noticed_at=now,
        target=name,
        old=before.state.value,
        new=after.state.value,
        reason=after.reason,
        causes=after.causes,
    )


def mark_events(name: str, before: Verdict, after: Verdict, now: datetime) -> list[Event]:
    """Return an event for each mark that was set or cleared."""
    changed = sorted(before.marks ^ after.marks)
    return [
        Event(
            kind=EventKind.MARK,
            at=now,
            noticed_at=now,
            target=name,
            old=mark.value if mark in before.marks else "",
            new=mark.value if mark in after.marks else "",
            reason=after.reason,
        )
        for mark in changed
    ]


def _verdict(own: Own, before: Verdict, marks: frozenset[Mark], causes: tuple[str, ...] = ()) -> Verdict:
    since = own.since
    if own.state is before.state:
        since = before.since
    elif since is not None and before.since is not None:  # checks that disagree may date a change before the last one
        since = max(since, before.since)
    worked, returned = before.worked_since, before.returned_at
    if own.state is not before.state:
        worked = before.works_since if own.state in WORKS and before.state in WORKS else None
        returned = since if own.state in WORKS and before.state in FAILED else returned
    return Verdict(own.state, since, causes, marks, own.reason, worked_since=worked, returned_at=returned)


def _summary(state: State, pairs: list[tuple[Check, Health]]) -> Own:
    healths = [health for _, health in pairs]
    reason = "; ".join(dict.fromkeys(_reason(check, health, len(pairs)) for check, health in pairs))
    return Own(
        state,
        since=min((h.since for h in healths if h.since), default=None)
        if state is State.DOWN
        else max((h.since for h in healths if h.since), default=None),
        reason=reason,
        seen_at=max((h.seen_at for h in healths if h.seen_at), default=None),
        failing_since=min((h.failing_since for h in healths if h.failing_since), default=None),
    )


def _reason(check: Check, health: Health, of: int) -> str:
    return f"{check.name}: {health.reason}" if of > 1 else health.reason


def without_outdated_ends(pairs: list[tuple[Check, Health]]) -> list[tuple[Check, Health]]:
    """Drop `down` ends whose poll is not well after the return of the echoes: the line has answered since.

    Devices answer SNMP from tables that they renew every few seconds, so a fresh poll may still tell of the past.
    """
    returned = max(
        (h.works_since for c, h in pairs if c.source is None and h.state in WORKS and h.works_since), default=None
    )
    if returned is None:
        return pairs
    settled = returned + timedelta(seconds=SETTLE_SECONDS)
    return [
        (check, health)
        for check, health in pairs
        if check.source is None or health.state is not State.DOWN or health.seen_at is None or health.seen_at > settled
    ]


def _from_members(target: Target, estate: Estate, verdicts: Verdicts) -> Own:
    members = [(name, verdicts.get(name, Verdict())) for name in target.members if name in estate.targets]
    failed = [(name, verdict) for name, verdict in members if verdict.state in FAILED]
    if members and len(failed) == len(members):
        since = max((verdict.since for _, verdict in failed if verdict.since), default=None)
        consequence = target.role is Role.SITE or all(v.state is State.UNREACHABLE for _, v in failed)
        names = ", ".join(name for name, _ in failed)
        reason = f"no circuit left: {names} failed" if len(failed) > 1 else f"its circuit {names} failed"
        return Own(State.UNREACHABLE if consequence else State.DOWN, since, reason)
    working = [verdict for _, verdict in members if verdict.state in WORKS]
    if working:
        reason = f"{len(members) - len(failed)} of {len(members)} circuits work"
        state = State.UP
        if all(verdict.state is State.DEGRADED for verdict in working):
            state, reason = State.DEGRADED, f"{reason}, and no better than degraded"
        return Own(state, max((v.since for v in working if v.since), default=None), reason)
    return Own(State.UNKNOWN, None, "its circuits have not been measured" if members else "no circuit leads here")


def _from_dependencies(target: Target, estate: Estate, verdicts: Verdicts) -> Own:
    above = [(name, verdicts.get(name, Verdict())) for name in needed(target, estate)]
    failed = [verdict for _, verdict in above if verdict.state in FAILED]
    if failed:
        since = min((verdict.since for verdict in failed if verdict.since), default=None)
        return Own(State.DOWN, since, "something it depends on failed", failing_since=since)
    if above and all(verdict.state in WORKS for _, verdict in above):
        since = max((verdict.since for _, verdict in above if verdict.since), default=None)
        if any(verdict.state is State.DEGRADED for _, verdict in above):
            return Own(State.DEGRADED, since, "something it depends on is degraded; nothing measures it itself")
        return Own(State.UP, since, "all that it depends on works; nothing measures it itself")
    return Own(State.UNKNOWN, None, "nothing measures it")


def _marks(target: Target, own: Own, before: Verdict, verdicts: Verdicts) -> frozenset[Mark]:
    """Redundancy is lost where a circuit of a group has failed by itself, also where nobody knows of the others.

    One that is flapping is told of as such.
    """
    members = [verdicts.get(name, Verdict()) for name in target.members]
    lost = [verdict for verdict in members if verdict.state is State.DOWN and Mark.FLAPPING not in verdict.marks]
    if target.role is Role.GROUP and own.state not in FAILED and lost:
        return frozenset({Mark.REDUNDANCY_LOST})
    return before.marks if own.state is State.UNKNOWN else frozenset()  # not knowing clears no mark


def _member_causes(target: Target, own: Own, estate: Estate, verdicts: Verdicts) -> tuple[str, ...]:
    """Return whose failure a site's or group's is; a group whose own circuits failed is itself the cause."""
    if own.state is not State.UNREACHABLE:
        return ()
    return roots([name for name in target.members if name in verdicts], estate, verdicts)


def _failed_first(own: Own, before: Verdict, failed: list[str], topology: Topology, verdicts: Verdicts) -> bool:
    """Say whether a target that is down was so before its dependencies failed: its page stays, it is no consequence."""
    if own.state is not State.DOWN or before.state is not State.DOWN or before.since is None:
        return False
    return proof.failed_before(before.since, failed, topology, verdicts)


def _may_be_blind(own: Own, unproven: list[str], estate: Estate, beliefs: Beliefs) -> bool:
    """Say whether what was asked cannot be measured, and the target has not failed once more since then.

    Then it may be the agent that sees nothing, and that no answer came proves nothing.
    """
    moments = [proof.blind_since(estate.targets[name], beliefs) for name in unproven]
    return any(since is not None and (own.seen_at is None or own.seen_at < since) for since in moments)


def _settled_at(target: Target, estate: Estate, own: Own, verdicts: Verdicts) -> datetime | None:
    """Return the moment from which evidence counts against a target whose dependencies came back; None: all counts."""
    returned = proof.returned_at(target, estate, verdicts)
    if returned is None or own.since is None or returned < own.since:
        return None
    return returned + timedelta(seconds=SETTLE_SECONDS)

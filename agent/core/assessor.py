"""The estate as it is believed to be: observations in, events out.

It holds the beliefs about checks and the verdicts about targets, and keeps the rules of `health`, `verdict` and
`topology` together. It does no I/O and reads no clock, so that a simulated estate runs through the very same code.
"""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from agent.core import health as rules
from agent.core.changes import Changes, removed, renames
from agent.core.damping import Flaps
from agent.core.ends import end_observation, ends_by_device
from agent.core.health import Policy
from agent.core.maintenance import Excuse
from agent.core.model import Check, Estate, Event, Health, Mark, Observation, Outcome, Role, State, Verdict
from agent.core.ports import Resumed
from agent.core.proof import fails_unseen
from agent.core.topology import Topology, group_of, topology
from agent.core.verdict import (
    SETTLE_SECONDS,
    Held,
    Judgement,
    judge,
    mark_events,
    own_state,
    target_event,
    without_outdated_ends,
)

_STALE_INTERVALS = 3.0  # two late or lost measurements are nothing yet; the third makes it unknown
_FAILED = frozenset({State.DOWN, State.UNREACHABLE})
_STAMPS = ("since", "seen_at", "failing_since", "heard_at", "vain_since", "worked_since")
_VERDICT_STAMPS = ("since", "alone_since", "worked_since", "returned_at")
_EXCUSED = frozenset({Mark.MAINTENANCE})
_STALE_LEAST_SECONDS = 30.0  # a round and its timeout, with room for one that is late


class Assessor:
    """Beliefs about every check, verdicts about every target, and the step from one to the next."""

    def __init__(self, estate: Estate) -> None:
        """Begin with everything unknown."""
        self.beliefs: dict[tuple[str, str], Health] = {}
        self.verdicts: dict[str, Verdict] = {}
        self.excuses: dict[str, Excuse] = {}  # who is in maintenance, and since when
        self._held: dict[str, Held] = {}  # target -> since when its failure is held back
        self._known: dict[str, Verdict] = {}  # verdicts of the former run: finding the same again is no event
        self._looks: list[tuple[datetime, tuple[str, str]]] = []  # a heap: when which belief may be stale
        self.flaps = Flaps()
        self._undecided = set(estate.targets)  # sites and services may be known without a measurement
        self._take(estate)

    def _take(self, estate: Estate) -> None:
        self.estate: Estate = estate
        self.topology: Topology = topology(estate)
        self.flaps.remember_for(estate.flap_half_life_seconds)
        self._ends: Mapping[str, tuple[Check, ...]] = ends_by_device(estate)
        self.checks: Mapping[tuple[str, str], Check] = {(check.target, check.name): check for check in estate.checks()}
        self._policies: dict[tuple[str, str], Policy] = {key: policy_of(check) for key, check in self.checks.items()}
        for name in estate.targets:
            self.verdicts.setdefault(name, Verdict())
        for key in self._policies:
            self.beliefs.setdefault(key, Health())
        self._look_at_all()
        self._sole = {
            (name, check.name): frozenset(self.topology.affected([name]))
            for name, target in estate.targets.items()
            for check in target.checks
            if check.decisive and check.source is None and not target.members and name != estate.site
            and not (check.name == "snmp" and name in self._ends)
            and [other.decisive for other in target.checks].count(True) == 1
        }  # fmt: skip
        self._troubled = {name for name, verdict in self.verdicts.items() if _is_troubled(verdict)}

    def _look_at_all(self) -> None:
        self._looks = [(datetime.min.replace(tzinfo=UTC), key) for key in sorted(self._policies)]

    def resume(self, resumed: Resumed) -> None:
        """Go on from what the ledger knew: outages stay open, what was up is unknown until it is measured."""
        for key, (state, since) in resumed.checks.items():
            if key in self._policies:
                self.beliefs[key] = rules.resume(state, since)
        for name, (state, since, causes) in resumed.targets.items():
            if name not in self.estate.targets:
                continue
            self._known[name] = Verdict(state, since, causes)
            if state in _FAILED:
                self._believe(name, Verdict(state, since, causes, reason="as when the agent stopped"))
        self.flaps.resume(resumed.failures)
        for name in self.flaps.watched & self.verdicts.keys():
            verdict = self.verdicts[name]
            down_since = verdict.since if verdict.state is State.DOWN else None
            moment = resumed.alive_until or down_since
            if moment is None or self.flaps.is_flapping(name, down_since, moment):
                self._believe(name, replace(verdict, marks=verdict.marks | {Mark.FLAPPING}))
        for name in resumed.targets.keys() & self.estate.targets.keys():
            members = [member for member in self.estate.targets[name].members if member in resumed.targets]
            states = [resumed.targets[member][0] for member in members]
            lost = [m for m in members if resumed.targets[m][0] is State.DOWN and not self._flaps(m)]
            if self.estate.targets[name].role is Role.GROUP and lost and not set(states) <= _FAILED:
                marks = frozenset({Mark.REDUNDANCY_LOST})
                self._believe(name, Verdict(marks=marks, reason="as when the agent stopped"))

    def _flaps(self, name: str) -> bool:
        return name in self.verdicts and Mark.FLAPPING in self.verdicts[name].marks

    def hear(self, observation: Observation, now: datetime, changes: Changes | None = None) -> Changes:
        """Weigh one observation, and what follows from it for circuits' ends and for what depends on it.

        Args:
            changes: what else this step has changed, to be added to.
        """
        changes = Changes() if changes is None else changes
        key = (observation.target, observation.check)
        good = observation.outcome is Outcome.OK and not observation.interfaces and not observation.troubles
        proven_at = observation.proven_at or observation.at
        if good and self.stays(key, observation.at, proven_at, observation.detail, changes):
            return changes
        touched = [observation]
        if observation.interfaces or observation.check == "snmp":
            touched += [end_observation(check, observation) for check in self._ends.get(observation.target, ())]
        for seen in touched:
            self._weigh(seen, changes)
        self._decide({seen.target for seen in touched}, now, changes)
        return changes

    def stays(self, key: tuple[str, str], at: datetime, proven_at: datetime, detail: str, changes: Changes) -> bool:
        """Take what says that a target which works goes on working, where nothing else can follow from it.

        That is nearly every observation, a thousand times a second in a large estate. Nothing follows where no failure
        is held back, and neither the target nor anything that follows it is in another state than `up`.

        Args:
            key: target and check that something good was seen of.
            at, proven_at, detail: as an `Observation` has them.

        Returns:
            Whether that was all; if not, nothing is done.
        """
        affected = self._sole.get(key)
        if affected is None or self._held:
            return False
        name, belief = key[0], self.beliefs[key]
        if belief.state is not State.UP or name in self._troubled:
            return False
        if len(affected) > 1 and not self._troubled.isdisjoint(affected):
            return False
        belief = self.beliefs[key] = rules.stay_up(belief, at, proven_at, detail)
        before = self.verdicts[name]
        self.verdicts[name] = Verdict(
            State.UP, before.since, (), before.marks, belief.reason, None, before.worked_since, before.returned_at
        )
        changes.fresh.append(key)
        return True

    def tick(self, now: datetime) -> Changes:
        """Let time pass: what has not been measured becomes unknown, what was held back is decided."""
        changes = Changes()
        stale = self._expire(now, changes)
        self._decide(stale | self._held.keys() | self._undecided | self.flaps.watched, now, changes)
        self._undecided = set()
        return changes

    def _expire(self, now: datetime, changes: Changes) -> set[str]:
        """Doubt what has not been measured for too long; only what may be that old by now is looked at."""
        stale = set()
        again = []
        while self._looks and self._looks[0][0] <= now:
            _, key = heapq.heappop(self._looks)
            policy = self._policies[key]
            belief, event = rules.expire(*key, self.beliefs[key], now, policy)
            if event is not None:
                self.beliefs[key] = belief
                changes.events.append(event)
                changes.checks.add(key)
                stale.add(key[0])
            fresh_from = belief.seen_at if belief.state in rules.WORKS and belief.seen_at is not None else now
            again.append((fresh_from + timedelta(seconds=policy.stale_after_seconds), key))
        for look in again:
            heapq.heappush(self._looks, look)
        return stale

    def maintain(self, excuses: Mapping[str, Excuse], now: datetime) -> Changes:
        """Take who is in maintenance now, all of them; marks are set and cleared, nothing else changes."""
        changes = Changes()
        names = self.excuses.keys() ^ excuses.keys()
        self.excuses = dict(excuses)
        names |= {group for name in names if (group := group_of(self.estate, name)) is not None}
        for name in sorted(names & self.verdicts.keys()):
            before = self.verdicts[name]
            after = self._marked(name, before)
            if after != before:
                self._believe(name, after)
                changes.targets.add(name)
                changes.events.extend(self._mark_events(name, before, after, now))
        return changes

    def swap(self, estate: Estate, now: datetime) -> Changes:
        """Take a new configuration: what stays keeps its state, what is gone ends with the reason `removed`."""
        changes = Changes()
        renamed = renames(self.estate, estate)
        for old, new in renamed.items():
            self.verdicts.setdefault(new, self.verdicts[old])
            self.flaps.rename(old, new)
            if old in self.excuses:
                self.excuses.setdefault(new, self.excuses[old])
            for key in [key for key in self.beliefs if key[0] == old]:
                self.beliefs[(new, key[1])] = self.beliefs[key]
        for name in self.estate.targets.keys() - estate.targets.keys():
            if name not in renamed:
                changes.events.append(removed(name, self.verdicts[name], now))
            changes.targets.add(name)
            del self.verdicts[name]
            self._held.pop(name, None)
        self._take(estate)
        self.flaps.keep(estate.targets)
        for key in self.beliefs.keys() - self._policies.keys():
            del self.beliefs[key]
            changes.checks.add(key)
        changes.checks |= self._policies.keys()
        changes.targets |= estate.targets.keys()
        self._decide(set(estate.targets), now, changes)
        return changes

    def _weigh(self, observation: Observation, changes: Changes) -> None:
        key = (observation.target, observation.check)
        policy = self._policies.get(key)
        if policy is None:
            return  # a measurement that was under way when its check was removed
        before = self.beliefs[key]
        belief, event = rules.advance(before, observation, policy)
        self.beliefs[key] = belief
        changes.checks.add(key)
        if event is not None:
            changes.events.append(event)
        if belief.failures and belief.state is not State.DOWN:
            changes.ask.add(key)  # one failure proves nothing: ask again soon, and whether it is more than this check
            self._ask([observation.target], changes)

    def _decide(self, names: Iterable[str], now: datetime, changes: Changes) -> None:
        for name in self.topology.affected(names):
            before = self.verdicts[name]
            held = self._held.get(name)
            judged = judge(self.estate.targets[name], self.topology, self.beliefs, self.verdicts, held, now)
            after = self._marked(name, self._damped(name, before, judged.verdict, now))
            if judged.until is None:
                if self._held.pop(name, None) is not None and self._answers(name):
                    after = replace(after, returned_at=now)  # it did fail, if not for long enough to be told
                    self._ask_informing(name, changes)
            else:
                self._held[name] = self._hold(judged, judged.until, held, now, changes)
            if after == before:
                continue
            self._believe(name, after)
            changes.targets.add(name)
            self._tell(name, before, after, now, changes)

    def _hold(self, judged: Judgement, until: datetime, held: Held | None, now: datetime, changes: Changes) -> Held:
        """Ask what would settle a failure, and once more what had been asked before and so told of the time before."""
        if held is None or (judged.again is not None and held.again is None):
            self._ask(judged.ask, changes)
            return Held(held.since if held else now, until, judged.ask, judged.again, judged.began)
        early = {name for name in judged.ask if name not in held.repeated and self._heard_since(name, held.since)}
        self._ask(sorted(early), changes)
        return Held(held.since, until, judged.ask, judged.again, judged.began, held.repeated | early)

    def _heard_since(self, name: str, moment: datetime) -> bool:
        heard = (
            self.beliefs[one.target, one.name].heard_at for one in self.estate.targets[name].checks if one.decisive
        )
        return any(at is not None and at > moment for at in heard)

    def _damped(self, name: str, before: Verdict, after: Verdict, now: datetime) -> Verdict:
        """Count a failure of a target's own, and mark what keeps failing.

        While nobody can see whether it still fails, time alone makes no failure a lasting one.
        """
        down = after.state is State.DOWN
        if down and before.state in (State.UP, State.DEGRADED):
            self.flaps.failed(name, now)
        if name not in self.flaps.watched:
            flaps = False
        elif down and self._fails_unseen(name):
            flaps = Mark.FLAPPING in before.marks
        else:
            flaps = self.flaps.is_flapping(name, after.since if down else None, now)
        if not flaps:
            return replace(after, marks=after.marks - {Mark.FLAPPING}) if Mark.FLAPPING in after.marks else after
        return replace(after, marks=after.marks | {Mark.FLAPPING})

    def _fails_unseen(self, name: str) -> bool:
        target = self.estate.targets[name]
        return any(
            fails_unseen(self.estate.targets[one], self.beliefs)
            for one in target.members or (name,)
            if one in self.estate.targets
        )

    def _believe(self, name: str, verdict: Verdict) -> None:
        self.verdicts[name] = verdict
        if _is_troubled(verdict):
            self._troubled.add(name)
        elif name in self._troubled:
            self._troubled.remove(name)
            if not self._troubled:
                self._troubled = set()  # one that once held thousands is slow to look through, though it is empty

    def _tell(self, name: str, before: Verdict, after: Verdict, now: datetime, changes: Changes) -> None:
        known = self._known.pop(name, None) if after.state is not State.UNKNOWN else None
        if known is not None and known.state is after.state and before.state is State.UNKNOWN:
            alone = after.alone_since
            if alone is not None and not known.causes:  # its ticket goes on
                alone = known.since or alone
            self._believe(name, replace(after, since=known.since or after.since, alone_since=alone))
        elif event := target_event(name, before, after, now):
            changes.events.append(event)
        changes.events.extend(self._mark_events(name, before, after, now))
        self._ask_below(name, before, after, changes)

    def _marked(self, name: str, verdict: Verdict) -> Verdict:
        """Return a verdict with the mark of maintenance, or without it.

        A group is in maintenance as a whole, or while each of its circuits that failed is.
        """
        excused = name in self.excuses
        if not excused and self.estate.targets[name].role is Role.GROUP:
            members = self.estate.targets[name].members
            failed = {member for member in members if self.verdicts.get(member, Verdict()).state in _FAILED}
            excused = bool(failed) and failed <= self.excuses.keys()
        marks = verdict.marks | _EXCUSED if excused else verdict.marks - _EXCUSED
        return verdict if marks == verdict.marks else replace(verdict, marks=marks)

    def _mark_events(self, name: str, before: Verdict, after: Verdict, now: datetime) -> list[Event]:
        told = mark_events(name, before, after, now)
        if Mark.MAINTENANCE not in before.marks ^ after.marks:
            return told
        excuse = self.excuses.get(name)
        if excuse is not None:
            reason = f"window {excuse.window.id}: {excuse.window.reason} ({excuse.window.author})"
        elif Mark.MAINTENANCE in after.marks:
            reason = "each of its circuits that failed is in maintenance"
        else:
            reason = "the window is over"
        return [
            replace(event, reason=reason) if Mark.MAINTENANCE in (event.old, event.new) else event for event in told
        ]

    def _ask_below(self, name: str, before: Verdict, after: Verdict, changes: Changes) -> None:
        """Measure what stands behind a cause that came or went, so that a page names at once what is lost with it."""
        fails = after.state is State.DOWN and before.state is not State.DOWN
        returns = after.state in rules.WORKS and before.state in _FAILED
        if returns:
            self._ask_informing(name, changes)
        if fails or returns:
            below = self.topology.descendants(name)
            self._ask((n for n in below if (self.verdicts[n].state is State.UNREACHABLE) == returns), changes)

    def _answers(self, name: str) -> bool:
        own = own_state(self.estate.targets[name], self.estate, self.beliefs, self.verdicts)
        return own.state in rules.WORKS

    def _ask_informing(self, name: str, changes: Changes) -> None:
        """Ask the checks that do not decide about a target that is back: they failed with it, and are out of date."""
        own = self.estate.targets[name].checks
        changes.ask.update((check.target, check.name) for check in own if not check.decisive)

    def _ask(self, names: Iterable[str], changes: Changes) -> None:
        for name in names:
            changes.ask.update((check.target, check.name) for check in self.deciding(name))

    def held(self) -> dict[str, Held]:
        """Return the targets whose failure is held back, until when, and what is asked meanwhile."""
        return dict(self._held)

    def shown(self, target: str, check: str) -> Health:
        """Return a check's belief as it is shown: while its target's failure is held back, it is not told as a fact."""
        belief, verdict = self.beliefs[target, check], self.verdicts[target]
        if belief.state is State.DOWN and verdict.state not in _FAILED:
            own = own_state(self.estate.targets[target], self.estate, self.beliefs, self.verdicts)
            if own.state is State.DOWN:
                return replace(belief, state=State.UNKNOWN, reason=f"being made sure of: {belief.reason}")
            if self._is_outdated_end(target, check):
                return replace(belief, state=State.UNKNOWN, reason=f"the line has answered since: {belief.reason}")
        return presented(belief, verdict)

    def _is_outdated_end(self, target: str, check: str) -> bool:
        """Say whether a circuit's verdict leaves this end out, because its echoes are newer than what the end tells."""
        checks = self.estate.targets[target].checks
        left = without_outdated_ends([(one, self.beliefs[target, one.name]) for one in checks if one.decisive])
        return self.checks[target, check].source is not None and all(one.name != check for one, _ in left)

    def shift(self, by: timedelta) -> None:
        """Move every stamp: the clock was set by so much, and what is to come is stamped by the new one."""
        for key, belief in self.beliefs.items():
            stamps = {name: getattr(belief, name) for name in _STAMPS}
            self.beliefs[key] = replace(belief, **{name: stamp and stamp + by for name, stamp in stamps.items()})
        for verdicts in (self.verdicts, self._known):
            for name, verdict in verdicts.items():
                stamps = {stamp: getattr(verdict, stamp) for stamp in _VERDICT_STAMPS}
                verdicts[name] = replace(verdict, **{key: stamp and stamp + by for key, stamp in stamps.items()})
        for name, held in self._held.items():
            again = held.again and held.again + by
            began = held.began and held.began + by
            self._held[name] = replace(held, since=held.since + by, until=held.until + by, again=again, began=began)
        self.flaps.shift(by)
        self._look_at_all()

    def deciding(self, name: str) -> list[Check]:
        """Return the checks to run to learn a target's state now; for a circuit's end, the poll of its device."""
        found: dict[tuple[str, str], Check] = {}
        for check in self.estate.targets[name].checks if name in self.estate.targets else ():
            if check.source is not None:
                device = self.estate.targets.get(check.source[0])
                polls = [poll for poll in device.checks if poll.type == "snmp"] if device else []
                found.update({(poll.target, poll.name): poll for poll in polls})
            elif check.decisive:
                found[check.target, check.name] = check
        return list(found.values())


def _is_troubled(verdict: Verdict) -> bool:
    return verdict.state is not State.UP or bool(verdict.causes) or bool(verdict.marks - _EXCUSED)


def presented(belief: Health, verdict: Verdict) -> Health:
    """Return a check's belief as it is shown.

    `unreachable` where its target is; a `down` that is older than the target's return says nothing any more.
    """
    if belief.state is State.DOWN and verdict.state is State.UNREACHABLE:
        return replace(belief, state=State.UNREACHABLE)
    settled = verdict.returned_at + timedelta(seconds=SETTLE_SECONDS) if verdict.returned_at is not None else None
    outdated = settled is not None and (belief.seen_at is None or belief.seen_at <= settled)
    if belief.state is State.DOWN and verdict.state in rules.WORKS and outdated:
        return replace(belief, state=State.UNKNOWN, reason=f"not asked since the target came back: {belief.reason}")
    return belief


def policy_of(check: Check) -> Policy:
    """Return how much evidence a change of belief about a check needs."""
    span = max(check.interval_seconds, float(getattr(check.settings, "round", 0.0)))
    return Policy(stale_after_seconds=max(_STALE_INTERVALS * span, _STALE_LEAST_SECONDS))

"""Whether what a target depends on was seen to work: the evidence that a failure is the target's own."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from agent.core.health import WORKS
from agent.core.model import Check, Estate, Health, Needs, Role, State, Target, Verdict
from agent.core.topology import Topology, needed

HOLD_SECONDS: Final = 3.0  # a burst answers in well under one second; twice that and a late loop still fit
POLL_SECONDS: Final = 10.0  # a poll that names no timeout: three tries at an SNMP agent, and a moment
TOGETHER_SECONDS: Final = 1.0  # bursts to a target and to what is before it leave within one second
CLOSE_SECONDS: Final = 2.0  # of echoes as close as this, two are missed before anything is back again
TRY_SECONDS: Final = 2.0  # how long a try of a poll waits for its answer before the next one
FAILED: Final = frozenset({State.DOWN, State.UNREACHABLE})

Beliefs = Mapping[tuple[str, str], Health]
Verdicts = Mapping[str, Verdict]


def proven_at(name: str, estate: Estate, beliefs: Beliefs) -> datetime | None:
    """Return the latest moment at which a target's own checks saw it work; None where they did not.

    An interface that is up carries nothing beyond its cable: where a circuit has echoes, they alone prove it. What
    needs all of its checks is proven by the oldest of them, for the others are not known since.
    """
    target = estate.targets[name]
    pairs = [(check, beliefs.get((name, check.name), Health())) for check in target.checks if check.decisive]
    if target.role is Role.CIRCUIT:
        if any(check.source is None and health.heard_at is None for check, health in pairs):
            return None  # its echoes are under way: they will tell
        known = [(check, health) for check, health in pairs if health.state is not State.UNKNOWN]
        pairs = [pair for pair in known if pair[0].source is None] or known
    good = [health.seen_at for _, health in pairs if health.state in WORKS and not health.failures and health.seen_at]
    if not good:
        return None
    if target.role is Role.SERVICE and target.needs is Needs.ANY:
        return max(good)
    return min(good) if len(good) == len(pairs) else None


def works_since(name: str, began: datetime, estate: Estate, beliefs: Beliefs, verdicts: Verdicts) -> bool:
    """Say whether a target, and what it depends on in turn, was seen to work at `began` or later.

    Of members, one that works is enough. What was asked meanwhile and never could be measured is not waited for.
    """
    target = estate.targets[name]
    if name == estate.site:
        return True
    if target.members and not any(
        works_since(member, began, estate, beliefs, verdicts) for member in target.members if member in estate.targets
    ):
        return False
    unknown = verdicts.get(name, Verdict()).state is State.UNKNOWN
    in_vain = unknown and _in_vain(target, began, beliefs)
    if target.checks and not in_vain and not _saw(target, began, estate, beliefs):
        return False
    return all(works_since(above, began, estate, beliefs, verdicts) for above in needed(target, estate))


def failures(name: str, began: datetime | None, estate: Estate, beliefs: Beliefs, verdicts: Verdicts) -> list[str]:
    """Return the failed targets for which nothing that comes by this one could arrive; empty where it could.

    What has answered since `began` is not cut off by what stands before it, whatever is believed of that; but an
    interface's state is no answer from beyond it.
    """
    if verdicts.get(name, Verdict()).state in FAILED:
        return [name]
    target = estate.targets[name]
    answers = any(check.decisive and check.source is None for check in target.checks)
    if name == estate.site or began is None or (answers and _saw(target, began, estate, beliefs)):
        return []
    members = [failures(m, began, estate, beliefs, verdicts) for m in target.members if m in estate.targets]
    found = [cause for causes in members for cause in causes] if all(members) else []
    return found + [
        cause for above in needed(target, estate) for cause in failures(above, began, estate, beliefs, verdicts)
    ]


def pending(names: list[str], estate: Estate, beliefs: Beliefs, verdicts: Verdicts) -> bool:
    """Say whether one of these is known or suspected not to answer, and its own verdict is not there yet."""
    return any(
        verdicts.get(name, Verdict()).state not in FAILED and _doubted(beliefs.get((name, check.name), Health()))
        for name in names
        for check in estate.targets[name].checks
        if check.decisive
    )


def _doubted(health: Health) -> bool:
    """Say whether a check fails, or did so the last time and is being asked again."""
    return health.state is State.DOWN or (health.failures > 0 and health.vain_since is None)


def blind_since(target: Target, beliefs: Beliefs) -> datetime | None:
    """Return since when a check that decides about a target cannot be measured, though it was before; None: it can."""
    healths = [beliefs.get((target.name, check.name), Health()) for check in target.checks if check.decisive]
    return max((h.vain_since for h in healths if h.vain_since is not None and h.seen_at is not None), default=None)


def fails_unseen(target: Target, beliefs: Beliefs) -> bool:
    """Say whether none of the checks that have failed can be measured now: nobody knows whether they still fail.

    What failed before the agent was restarted has to be measured once first.
    """
    healths = [beliefs.get((target.name, check.name), Health()) for check in target.checks if check.decisive]
    failed = [health for health in healths if health.state is State.DOWN]
    return bool(failed) and all(health.vain_since is not None or health.heard_at is None for health in failed)


def may_have_returned(target: Target, topology: Topology, beliefs: Beliefs) -> bool:
    """Say whether something that it depends on was seen to work only after the target was last seen to fail.

    It is asked of a target that has been seen to fail. Both may have failed together and come back together since: a
    poll that is answered at its third try, or a single echo of a device that is asked every ten seconds, tells nothing
    of the seconds before. Where echoes follow one another closely a break would have been noticed. An interface that
    is down says so by itself.
    """
    failed = [(c, beliefs.get((target.name, c.name), Health())) for c in target.checks if c.decisive]
    failed = [(check, health) for check, health in failed if health.state is State.DOWN]
    if any(check.source is not None for check, _ in failed):
        return False
    seen = [_fails_until(health) for _, health in failed if health.seen_at is not None]
    last = max(seen) + timedelta(seconds=TOGETHER_SECONDS)
    estate = topology.estate
    for name in topology.ancestors(target.name):
        if _answered_late_at(name, estate, beliefs, max(seen)):
            return True
        spacing = min((check.interval_seconds for check in estate.targets[name].checks if check.decisive), default=0.0)
        if spacing > CLOSE_SECONDS and (proof := proven_at(name, estate, beliefs)) is not None and proof > last:
            return True
    return False


def _answered_late_at(name: str, estate: Estate, beliefs: Beliefs, moment: datetime) -> bool:
    """Say whether a target's poll was answered after a moment, and at a later try than its first."""
    polls = [check for check in estate.targets[name].checks if check.decisive and check.type not in ("icmp", "end")]
    healths = [beliefs.get((name, poll.name), Health()) for poll in polls]
    return any(
        health.seen_at is not None and health.heard_at is not None and health.heard_at > moment
        and health.state in WORKS and health.heard_at - health.seen_at >= timedelta(seconds=TRY_SECONDS)
        for health in healths
    )  # fmt: skip


def _fails_until(health: Health) -> datetime:
    """Return the latest moment for which a failed check is evidence: when the last try or echo left."""
    assert health.seen_at is not None
    assert health.heard_at is not None
    return max(health.seen_at, health.heard_at - timedelta(seconds=TRY_SECONDS))


def unproven(target: Target, began: datetime | None, topology: Topology, beliefs: Beliefs, verdicts: Verdicts
             ) -> list[str]:  # fmt: skip
    """Return what to ask before a failure that began then is the target's own; empty where it is."""
    estate = topology.estate
    if began is None or all(works_since(name, began, estate, beliefs, verdicts) for name in needed(target, estate)):
        return []
    measured = [name for name in topology.ancestors(target.name) if estate.targets[name].checks]
    return [name for name in measured if not works_since(name, began, estate, beliefs, verdicts)]


def returned_at(target: Target, estate: Estate, verdicts: Verdicts) -> datetime | None:
    """Return since when, as far as is known, all that a target depends on has worked without a break; None: always."""
    moments = [_steady_since(name, estate, verdicts) for name in needed(target, estate)]
    return max((moment for moment in moments if moment is not None), default=None)


def failed_before(since: datetime, causes: list[str], topology: Topology, verdicts: Verdicts) -> bool:
    """Say whether at `since` all of these, which have failed now, were still seen to work.

    A measurement before a failure was noticed, the cause worked; a second one allows for lateness.
    """
    for name in causes:
        began = verdicts[name].since
        spacing = _spacing_seconds(name, topology)
        if began is None or began - timedelta(seconds=2 * spacing) <= since:
            return False
    return True


def hold_seconds(target: Target, estate: Estate) -> float:
    """Return how long the answer may take to whether a target works: where it answers, it comes much sooner."""
    return max((_answer_seconds(check, estate) for check in target.checks if check.decisive), default=HOLD_SECONDS)


def _answer_seconds(check: Check, estate: Estate) -> float:
    if check.type == "icmp":
        return HOLD_SECONDS
    if check.source is None:  # one failed poll means nothing, so there are two
        return HOLD_SECONDS + 2 * _timeout_seconds(check)
    device = estate.targets.get(check.source[0])
    polls = [poll for poll in device.checks if poll.type == "snmp"] if device else []
    return HOLD_SECONDS + max((_timeout_seconds(poll) for poll in polls), default=POLL_SECONDS)


def _timeout_seconds(check: Check) -> float:
    return float(getattr(check.settings, "timeout", POLL_SECONDS))


def _saw(target: Target, began: datetime, estate: Estate, beliefs: Beliefs) -> bool:
    proof = proven_at(target.name, estate, beliefs)
    return proof is not None and proof >= began


def _in_vain(target: Target, began: datetime, beliefs: Beliefs) -> bool:
    healths = [beliefs.get((target.name, check.name), Health()) for check in target.checks if check.decisive]
    return all(h.heard_at is not None and h.heard_at >= began and not h.seen_at for h in healths)


def _steady_since(name: str, estate: Estate, verdicts: Verdicts) -> datetime | None:
    target, verdict = estate.targets[name], verdicts.get(name, Verdict())
    if name == estate.site:
        return None
    if target.members:
        members = [member for member in target.members if member in estate.targets]
        working = [member for member in members if verdicts.get(member, Verdict()).state in WORKS]
        moments = [_steady_since(member, estate, verdicts) for member in working or members]
        known = [moment for moment in moments if moment is not None]
        own = min(known) if known and len(known) == len(moments) else None
    else:
        own = verdict.works_since if verdict.state in WORKS else None
    above = [_steady_since(other, estate, verdicts) for other in needed(target, estate)]
    return max((moment for moment in (own, *above) if moment is not None), default=None)


def _spacing_seconds(name: str, topology: Topology) -> float:
    names = [name, *topology.ancestors(name)]
    return max((check.interval_seconds for n in names for check in topology.estate.targets[n].checks), default=0.0)

"""What must be true of the pages of a simulated estate, and how long its faults took to be told."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from agent.core.proof import TOGETHER_SECONDS
from tests.core.simulation.desk import Pages
from tests.core.simulation.detectors import LOSS_RATIO, RISE_SECONDS
from tests.core.simulation.network import Simulation
from tests.core.simulation.seen import Late, confirmation, is_plain, is_seen, is_sure, longest_seen, moments, was_seen
from tests.core.simulation.truth import Fault, Span, Truth, Worse

DOWN = ("DeviceDown", "ServiceDown", "CircuitDown", "CircuitGroupDown", "RedundancyLost")
LASTING = 60.0  # a target that flaps is paged again once it fails for so long
MEMORY = 900.0  # flap damping forgets within a quarter of an hour
FOUND = 240.0  # a degradation is a ticket after a detector's minute, two more, and the next rounds
GONE = 200.0  # and is over after a detector's minute, and the least time of the state


class Kind(StrEnum):
    """In what way a page is wrong."""

    MISSED = "missed"  # a fault that could be seen for long enough, and no page
    TWICE = "twice"  # more than one page for one fault
    CONSEQUENCE = "consequence"  # nothing of its own failed, but something that it depends on
    NOTHING = "nothing failed"
    ORPHANED = "orphaned"  # not resolved, or long after
    BLIND = "while blind"
    EARLY = "resolved while it lasts"
    COINCIDENCE = "cause back in a second"  # see `_comes_back`; counted, and allowed
    LATE = "late"  # nothing else was wrong, and it took longer than confirmation and one interval


@dataclass(frozen=True)
class Wrong:
    """One page that should not be as it is, or is missing."""

    kind: Kind
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"


@dataclass(frozen=True)
class Fate:
    """What became of one fault: whether it had to be paged, and after how many seconds it was; None: it was not.

    `spacing` is that of the measurements that show it; `plain` says that the agent saw it from its first moment on,
    and nothing else was wrong before it, so that its delay says how quick the agent is.
    """

    fault: Fault
    due: bool
    delay: float | None
    spacing: float
    plain: bool


def wrong(simulation: Simulation, late: Late) -> list[Wrong]:
    """Return what the pages say that is not so, and what they do not say; empty when all is well."""
    truth = simulation.truth
    found = [
        wrong
        for page in simulation.pages.values()
        for began, ended in page.spans
        if (wrong := _untrue(simulation, page, began, ended, late))
    ]
    for fault in truth.faults:
        found += _missing(simulation, fault, late)
    found += [Wrong(Kind.MISSED, f"{one}") for one in truth.worse if not _is_told_of(simulation, one)]
    return found


def fates(simulation: Simulation, late: Late) -> list[Fate]:
    """Return what became of every fault."""
    truth = simulation.truth
    return [
        Fate(
            fault,
            longest_seen(truth, fault) > _needed(truth, fault, late),
            opened[0] - fault.begin if (opened := _opened(simulation, fault, late)) else None,
            truth.own_spacing(fault.target, agent=fault.agent),
            is_plain(truth, fault),
        )
        for fault in truth.faults
    ]


# ------------------------------------------------------------------ pages that are


def _untrue(simulation: Simulation, page: Pages, began: float, ended: float, late: Late) -> Wrong | None:
    truth = simulation.truth
    what = f"{page.alert} {page.target} {page.check} {began:.2f} to {ended:.2f}"
    if truth.is_blind(began) and truth.is_blind(began - 4):
        return Wrong(Kind.BLIND, what)
    if page.alert == "TargetFlapping":
        return None if _flaps(truth, page.target, began) else Wrong(Kind.NOTHING, what)
    if ended == math.inf:
        return Wrong(Kind.ORPHANED, what)
    if page.alert == "TargetDegraded":
        return _untrue_degraded(truth, page, began, what)
    causes = _causes(truth, page)
    if not any(f.begin <= began <= f.end + late(f.target) for f in causes):
        if _stands_for_unseen(truth, page.target, began):
            return None
        above = [f for name in truth.above(page.target) for f in truth.faults_of(name)]
        if _comes_back(above, began):
            return Wrong(Kind.COINCIDENCE, what)
        behind = any(f.begin <= began <= f.end + late(f.target) for f in above)
        return Wrong(Kind.CONSEQUENCE if behind else Kind.NOTHING, what)
    if _outlives(truth, page, max(f.end for f in causes if f.begin <= ended), ended, late):
        return Wrong(Kind.ORPHANED, what)
    lasts = [f for f in causes if f.begin <= began and f.end > ended + 1 and is_sure(truth, f, late)]
    if lasts and not _eased(simulation, page, ended):
        return Wrong(Kind.EARLY, what)
    return None


def _outlives(truth: Truth, page: Pages, mended: float, ended: float, late: Late) -> bool:
    """Say whether a page stayed after its cause had gone, though the agent could see that."""
    unseen = sum(span.end - span.begin for span in (*truth.blind, *truth.stops))
    above = [f for name in truth.above(page.target) for f in truth.faults_of(name)]
    behind = any(f.begin < ended and f.end > mended - late(page.target) for f in above)
    return not behind and ended > mended + late(page.target) + unseen


def _comes_back(above: Iterable[Fault], began: float) -> bool:
    """Say whether what failed before a target came back in the second between the bursts to both of them.

    The target was seen to fail just before, and its cause to work just after. To tell that from a failure of the
    target's own every page would have to wait for one more burst.
    """
    return any(fault.begin <= began and 0 <= began - fault.end <= TOGETHER_SECONDS for fault in above)


def _causes(truth: Truth, page: Pages) -> list[Fault]:
    if page.alert == "CheckDown":
        return [f for f in truth.faults_of(page.target) if f.agent]
    members = truth.estate.targets[page.target].members or (page.target,)
    return [f for member in members for f in truth.faults_of(member) if not f.agent]


def _flaps(truth: Truth, name: str, second: float) -> bool:
    failed = [f for f in truth.faults_of(name) if not f.agent and second - MEMORY <= f.begin <= second]
    members = truth.estate.targets[name].members
    return len(failed) > 1 or (bool(members) and any(_flaps(truth, member, second) for member in members))


def _untrue_degraded(truth: Truth, page: Pages, began: float, what: str) -> Wrong | None:
    def is_worse(names: set[str]) -> bool:
        return any(one.target in names and one.begin <= began <= one.end + GONE for one in truth.worse)

    above = truth.above(page.target)
    if is_worse({page.target}) or is_worse({name for name in above if not _shows_quality(truth, name)}):
        return None
    return Wrong(Kind.CONSEQUENCE if is_worse(above) else Kind.NOTHING, what)


def _shows_quality(truth: Truth, name: str) -> bool:
    """Say whether anything measures a target's loss and delay; if not, what is behind it stands for it."""
    return any(check.type == "icmp" for check in truth.estate.targets[name].checks)


def _stands_for_unseen(truth: Truth, name: str, second: float) -> bool:
    """Say whether what fails before this target is something that nobody could tell of since it began.

    The page of what is behind it is then the only one that there can be. What has been to be seen for less than the
    spacing of its own measurements nobody has looked at yet.
    """
    if truth.reached(name, second):
        return False
    failing = [f for above in truth.above(name) for f in truth.faults_of(above) if f.begin <= second < f.end]
    return any(
        not was_seen(truth, fault, fault.begin, second - truth.own_spacing(fault.target))
        for fault in failing
        if not fault.agent
    )


def _eased(simulation: Simulation, page: Pages, second: float) -> bool:
    """Say whether a page may end though a fault lasts.

    One circuit of a group works; nothing can be seen; a reload has taken the target out; or it is told as flapping.
    """
    truth = simulation.truth
    target = truth.estate.targets[page.target]
    if page.alert == "RedundancyLost" or truth.is_absent(page.target, second):
        return True
    if page.alert == "CheckDown":
        return not truth.carries(page.target, second - 15) or truth.is_blind(second)
    if any(truth.carries(member, second) for member in target.members):
        return True
    return any(
        other.alert == "TargetFlapping" and other.target in (page.target, *target.members)
        and any(began <= second <= ended for began, ended in other.spans)
        for other in simulation.pages.values()
    )  # fmt: skip


# ------------------------------------------------------------------ pages that are not


def _missing(simulation: Simulation, fault: Fault, late: Late) -> list[Wrong]:
    """Say whether a fault that could be seen for long enough was paged, once."""
    truth = simulation.truth
    opened = _opened(simulation, fault, late)
    if longest_seen(truth, fault) > _needed(truth, fault, late) and not opened:
        return [Wrong(Kind.MISSED, f"{fault}")]
    soon = confirmation(truth, fault)
    told = bool(opened) and opened[0] <= fault.begin + soon
    if not told and is_plain(truth, fault) and all(is_seen(truth, fault, s) for s in moments(fault, soon)):
        return [Wrong(Kind.LATE, f"{fault}: at {opened[:1]}")]
    alone = len(truth.faults_of(fault.target)) == 1 and not _group(truth, fault)
    if fault.agent:  # what cannot be reached tells nothing of its SNMP agent
        alone &= all(truth.carries(fault.target, second) for second in moments(fault))
    reloaded = any(fault.begin < moment < fault.end for moment in _absences(truth, fault.target))
    if len(opened) > 1 and alone and not reloaded and is_sure(truth, fault, late):
        return [Wrong(Kind.TWICE, f"{fault}: at {[round(second, 2) for second in opened]}")]
    return []


def _is_told_of(simulation: Simulation, worse: Worse) -> bool:
    """Say whether a degradation is a ticket, if it lasts, can be measured, and nothing else is wrong meanwhile."""
    truth = simulation.truth
    names = {worse.target, *truth.above(worse.target)}
    others: list[Span | Worse | Fault] = [*truth.blind, *truth.stops, *truth.stalls, *truth.absent.values()]
    others += [one for name in names for one in truth.faults_of(name)]
    others += [one for one in truth.worse if one is not worse and one.target in names]
    begin, end = worse.begin, worse.end
    if worse.rise_seconds:
        begin += (end - begin) * RISE_SECONDS / worse.rise_seconds
    found = max(worse.loss_ratio / LOSS_RATIO, worse.rise_seconds / RISE_SECONDS) >= 1
    if not found or end - begin < FOUND or not _shows_quality(truth, worse.target):
        return True
    if any(other.begin < end and other.end > worse.begin - MEMORY for other in others):
        return True
    page = simulation.pages.get(("TargetDegraded", worse.target, ""))
    return page is not None and any(begin < began < begin + FOUND for began, _ in page.spans)


def _opened(simulation: Simulation, fault: Fault, late: Late) -> list[float]:
    """Return when pages began that are of this fault, in order."""
    group = _group(simulation.truth, fault)
    names = {"CheckDown"} if fault.agent else {*DOWN}
    until = fault.end + late(fault.target)
    return sorted(
        began
        for page in simulation.pages.values()
        if (page.alert in names and page.target == (group or fault.target))
        or (page.alert == "TargetFlapping" and page.target in (fault.target, group) and not fault.agent)
        for began, ended in page.spans
        if ended > fault.begin and began < until
    )


def _group(truth: Truth, fault: Fault) -> str | None:
    circuit = truth.estate.targets[fault.target].circuit
    return circuit.group if circuit is not None else None


def _absences(truth: Truth, name: str) -> tuple[float, ...]:
    span = truth.absent.get(name)
    return (span.begin, span.end) if span else ()


def _needed(truth: Truth, fault: Fault, late: Late) -> float:
    flaps = any(_flaps(truth, name, fault.begin) for name in (fault.target, _group(truth, fault)) if name)
    return late(fault.target) + (LASTING if flaps else 0.0)

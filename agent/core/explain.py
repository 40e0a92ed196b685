"""Why a target is in its state: what decides it, what it hangs on, what hangs on it, and who is told. Pure.

The same answer for the API, the status of a running agent and the ledger of one that is not running: what is not known
is left out, and never guessed.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from agent.core.assessor import policy_of
from agent.core.documents import document
from agent.core.health import Policy
from agent.core.learnt import Learning, Learnt
from agent.core.model import (
    Check,
    Estate,
    HardwareFlag,
    Health,
    Mark,
    Needs,
    Outage,
    Page,
    Role,
    State,
    Target,
    Urgency,
    Verdict,
)
from agent.core.paging import lost_with, pages
from agent.core.proof import FAILED
from agent.core.topology import group_of, topology
from agent.core.verdict import Held

MAX_DEPENDENTS: Final = 500  # of one answer; behind a data centre's circuit stands everything


@dataclass(frozen=True)
class Known:
    """What is known of an estate at one moment; a ledger knows less of it than a running agent.

    Attributes:
        pages: those that are due.
        held: targets whose failure is held back.
        running: whether an agent runs; otherwise this is how it was when it stopped.
    """

    estate: Estate
    verdicts: Mapping[str, Verdict]
    health: Mapping[tuple[str, str], Health]
    now: datetime
    pages: tuple[Page, ...] = ()
    held: Mapping[str, Held] = field(default_factory=dict)
    learning: Learning = field(default_factory=Learning)
    outages: Mapping[str, Outage] = field(default_factory=dict)
    flags: Mapping[str, tuple[HardwareFlag, ...]] = field(default_factory=dict)
    running: bool = True

    def verdict(self, name: str) -> Verdict:
        """Return what is believed of a target."""
        return self.verdicts.get(name, Verdict())


@dataclass(frozen=True, slots=True)
class CheckSaid:
    """One check: what is believed of it, and how much evidence a change of that needs."""

    name: str
    type: str
    decisive: bool
    interval_seconds: float
    health: Health
    policy: Policy


@dataclass(frozen=True, slots=True)
class Needed:
    """Something that a target hangs on by its configuration.

    Attributes:
        alternative: one of several of which one is enough.
    """

    name: str
    kind: str
    state: State
    since: datetime | None
    reason: str
    alternative: bool = False


@dataclass(frozen=True, slots=True)
class Dependent:
    """Something that hangs on a target, near or far.

    Attributes:
        direct: whether it says so itself.
        lost: whether it is lost when the target alone fails; otherwise it has another way.
    """

    name: str
    kind: str
    state: State
    direct: bool
    lost: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one target is in its state.

    Attributes:
        decides: from what its state follows, as a sentence.
        dependents: at most MAX_DEPENDENTS, the nearest first; `dependents_left_out` says how many more there are.
        consequences: what is unreachable because of it now.
        learnt: what seems to depend on what and is not confirmed; nothing follows from it.
        held: its failure, where it is not told yet.
        pages: those that are due now and are about it, or take it along.
        would_page: what would be sent if it were down by itself, with the labels by which receivers choose.
        not_paged: why no page is due for it now; empty where one is.
    """

    target: str
    title: str
    role: Role
    kind: str
    site: str | None
    owners: tuple[str, ...]
    urgency: Urgency
    verdict: Verdict
    since: datetime | None
    decides: str
    checks: tuple[CheckSaid, ...]
    depends_on: tuple[Needed, ...]
    dependents: tuple[Dependent, ...]
    dependents_left_out: int
    consequences: tuple[str, ...]
    causes: tuple[str, ...]
    learnt: tuple[Learnt, ...]
    held: Held | None
    pages: tuple[Page, ...]
    would_page: tuple[Page, ...]
    not_paged: tuple[str, ...]
    outage: Outage | None
    flags: tuple[HardwareFlag, ...]


def explain(known: Known, name: str) -> Explanation:
    """Return why a target is in its state.

    Raises:
        KeyError: the estate has no such target.
    """
    estate = known.estate
    target, verdict = estate.targets[name], known.verdict(name)
    dependents = _dependents(known, target)
    due = tuple(page for page in known.pages if name in {page.target, *page.consequences})
    return Explanation(
        target=name,
        title=target.title,
        role=target.role,
        kind=target.kind,
        site=target.site,
        owners=target.owners,
        urgency=target.urgency,
        verdict=verdict,
        since=verdict.since,
        decides=decides(estate, target),
        checks=tuple(_said(known, check) for check in target.checks),
        depends_on=_needed(known, target),
        dependents=tuple(dependents[:MAX_DEPENDENTS]),
        dependents_left_out=max(0, len(dependents) - MAX_DEPENDENTS),
        consequences=tuple(n for n in estate.targets if name in known.verdict(n).causes),
        causes=verdict.causes,
        learnt=known.learning.about(name),
        held=known.held.get(name),
        pages=due,
        would_page=would_page(known, name),
        not_paged=() if any(page.target == name for page in due) else not_paged(known, target),
        outage=known.outages.get(name),
        flags=known.flags.get(name, ()),
    )


def explanation_document(found: Explanation) -> dict[str, Any]:
    """Return an explanation as JSON has it: what is believed of a check stands beside its name."""
    checks = [{**one, **one.pop("health")} for one in document(found.checks)]
    return document(found) | {"checks": checks}  # type: ignore[no-any-return] # a dataclass is an object


def decides(estate: Estate, target: Target) -> str:
    """Return from what a target's state follows, as a sentence."""
    deciding = [check for check in target.checks if check.decisive]
    names = ", ".join(check.name for check in deciding)
    others = ", ".join(check.name for check in target.checks if not check.decisive)
    if target.name == estate.site:
        return "the agent stands here, so it is up"
    if target.members:
        down = "down" if target.role is Role.GROUP else "unreachable"
        return f"up while one of its circuits works, {down} when none does"
    if not deciding:
        return "nothing measures it: it follows what it depends on"
    if target.role is Role.SERVICE:
        how = "one that answers is enough" if target.needs is Needs.ANY else "each has to answer"
        return f"its checks {names}: {how}" if len(deciding) > 1 else f"its check {names}"
    if target.role is Role.CIRCUIT and len(deciding) > 1:
        return f"its checks {names}: one that fails is enough"
    return f"its check {names}" + (f"; {others} only informs" if others else "")


def would_page(known: Known, name: str) -> tuple[Page, ...]:
    """Return the pages that would be due if a target were down by itself now; of a group's circuit, its group's.

    Announced work on it is left aside: what it holds back is said elsewhere.
    """
    estate = known.estate
    failed = [name, *estate.targets[name].members] if estate.targets[name].role is Role.GROUP else [name]
    verdicts = {**known.verdicts, **{one: Verdict(State.DOWN, known.now) for one in failed}}
    subject = name
    if (group := group_of(estate, name)) is not None and group in estate.targets:
        subject = group
        left = [m for m in estate.targets[group].members if verdicts.get(m, Verdict()).state not in FAILED]
        state, marks = (State.UP, {Mark.REDUNDANCY_LOST}) if left else (State.DOWN, set[Mark]())
        verdicts[group] = Verdict(state, known.now, marks=frozenset(marks))
    verdicts[subject] = replace(verdicts[subject], marks=verdicts[subject].marks & {Mark.REDUNDANCY_LOST})
    return tuple(page for page in pages(estate, verdicts, {}, known.now) if page.target == subject)


def not_paged(known: Known, target: Target) -> tuple[str, ...]:
    """Return why no page is due for a target, each reason a sentence."""
    verdict, held = known.verdict(target.name), known.held.get(target.name)
    found = [] if known.running else ["no agent is running: only LinewardenDown can be paged"]
    if held is not None:
        found.append(f"its failure is being made sure of, until {held.until:%H:%M:%S} UTC at the latest")
    if Mark.MAINTENANCE in verdict.marks:
        found.append("maintenance: its pages are held back until that ends")
    if target.urgency is Urgency.NEVER:
        found.append("its configuration says `page: never`")
    if Mark.FLAPPING in verdict.marks:
        found.append("it is flapping, which is a ticket; a failure that lasts for a minute is paged again")
    if verdict.causes and verdict.state in (State.UNREACHABLE, State.DEGRADED):
        told = [page for cause in verdict.causes for page in known.pages if page.target == cause]
        paged = ", ".join(f"{page.alert} {page.target}" for page in told) or "no page is due for that either"
        found.append(f"it is a consequence of {', '.join(verdict.causes)}: {paged}")
    elif verdict.state is State.DOWN and (group := group_of(known.estate, target.name)) is not None:
        found.append(f"circuits of a group are paged as the group: linewarden explain {group}")
    elif verdict.state is State.UNKNOWN and held is None:
        found.append("what cannot be measured is not paged as down")
    elif verdict.state is State.DEGRADED:
        found.append("it works, though worse than it should: a ticket once that lasts for two minutes")
    elif verdict.state is State.UP and held is None:
        found.append("it is up")
    if target.role is Role.SITE and verdict.state is not State.UP:
        found.append("a site is not paged by itself: what it hangs on is")
    return tuple(found)


def _said(known: Known, check: Check) -> CheckSaid:
    health = known.health.get((check.target, check.name), Health())
    return CheckSaid(check.name, check.type, check.decisive, check.interval_seconds, health, policy_of(check))


def _needed(known: Known, target: Target) -> tuple[Needed, ...]:
    alternatives = len(target.members) > 1
    wanted = {**dict.fromkeys(target.depends_on, False), **dict.fromkeys(target.members, alternatives)}
    found = []
    for name, alternative in wanted.items():
        verdict, other = known.verdict(name), known.estate.targets.get(name)
        if other is None:
            found.append(Needed(name, "", State.UNKNOWN, None, "in no configuration", alternative))
        else:
            found.append(Needed(name, other.kind, verdict.state, verdict.since, verdict.reason, alternative))
    return tuple(found)


def _dependents(known: Known, target: Target) -> list[Dependent]:
    estate = known.estate
    order = topology(estate)
    below = order.descendants(target.name)
    lost = lost_with(estate, target.name, below)
    direct = frozenset(order.followers[target.name])
    found = [
        Dependent(n, estate.targets[n].kind, known.verdict(n).state, direct=n in direct, lost=n in lost) for n in below
    ]
    return sorted(found, key=lambda one: not one.direct)


def likely(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'NAME'?` where a name is near, or nothing."""
    near = difflib.get_close_matches(word[:200], list(known)[:10_000], n=1)
    return f"; did you mean {near[0]!r}?" if near else ""

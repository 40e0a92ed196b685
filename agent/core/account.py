"""What a target's availability comes to over a period: its record put together, counted, and put into a document.

Time for which no state of the target is on record counts as blind, as time does in which the agent could not measure:
before it was first watched, while it was not configured, while its state was unknown.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from agent.core.availability import (
    Availability,
    Budget,
    Counted,
    Pair,
    Record,
    availability,
    budget,
    lost,
    percent,
    ratio,
    record,
    seconds,
)
from agent.core.contract import Exclusion, Rules, period_at, period_named
from agent.core.documents import document
from agent.core.model import Estate, Event, Outage, Role, State, Target
from agent.core.ports import Blind
from agent.core.spans import NOTHING, SECOND_US, Spans, common, join, length, tidy, to_us, without
from agent.core.units import format_duration

# What is accounted for unasked: what has a contract or is what users mean. Devices are, when one is asked about.
ROLES: Final = frozenset({Role.CIRCUIT, Role.GROUP, Role.SITE, Role.SERVICE})
_KNOWN: Final = frozenset({State.UP, State.DEGRADED, State.DOWN, State.UNREACHABLE})


class Excluded(NamedTuple):
    """What the calendar says of a target."""

    maintenance: Sequence[Pair] = ()
    clock_stops: Sequence[Pair] = ()


NO_EXCLUSION: Final = Excluded()
Calendar = Callable[[str, datetime, datetime], Excluded]  # of a target, between two moments


def no_calendar(target: str, since: datetime, until: datetime) -> Excluded:  # noqa: ARG001 - the signature of a Calendar
    """Return that nothing is excluded."""
    return NO_EXCLUSION


@dataclass(frozen=True, slots=True)
class History:
    """What the ledger knows of a stretch of time, of all targets or of one.

    Attributes:
        changes: events of targets since it began, oldest first.
        states: present state of each target.
        blind: spans that overlap it; one that is open lasts until now.
    """

    outages: Sequence[Outage] = ()
    changes: Sequence[Event] = ()
    states: Mapping[str, State] = field(default_factory=dict)
    blind: Sequence[Blind] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """One target's availability over a period, or over as much of it as has passed.

    Attributes:
        period: the whole of it; `until`: what is counted ends there.
        own, all: by the target's own faults; by whatever took it away.
        budget: what its objective leaves; None without one, and where the window is not a period of the contract.
        outages: those that overlap the time that is counted.
        counting: the time that counts against it by its own faults.
    """

    target: str
    period: Pair
    until: datetime
    rules: Rules
    known: Record
    own: Availability
    all: Availability
    budget: Budget | None
    outages: tuple[Outage, ...]
    counting: Spans


class Books:
    """Accounts of many targets out of one history."""

    def __init__(self, history: History, since: datetime, now: datetime) -> None:
        """Sort a history by target.

        Args:
            since: from when on the history is complete.
        """
        self._span = (to_us(since), max(to_us(now), to_us(since)))
        self._now = now
        self._states = history.states
        self._outages: dict[str, list[Outage]] = {}
        for outage in history.outages:
            self._outages.setdefault(outage.target, []).append(outage)
        self._changes: dict[str, list[Event]] = {}
        for event in history.changes:
            self._changes.setdefault(event.target, []).append(event)
        blind: dict[str | None, list[tuple[int, int]]] = {}
        for one in history.blind:
            end = to_us(now if one.ended_at is None else one.ended_at)
            blind.setdefault(one.target, []).append((to_us(one.began_at), end))
        self._blind = {name: tidy(pairs) for name, pairs in blind.items()}

    @property
    def names(self) -> list[str]:
        """Every target of which there is anything."""
        return sorted({*self._states, *self._outages, *self._changes})

    def eventless(self, name: str) -> bool:
        """Say whether there is nothing of a target but that it was up all the time."""
        quiet = name not in self._outages and name not in self._changes and name not in self._blind
        return quiet and self._states.get(name) in {State.UP, State.DEGRADED}

    def record(self, name: str, excluded: Excluded) -> Record:
        """Return a target's record."""
        blind = join(self._blind.get(None, NOTHING), self._blind.get(name, NOTHING), self._unseen(name))
        return record(self._outages.get(name, ()), self._now, blind=blind, maintenance=excluded.maintenance,
                      clock_stops=excluded.clock_stops)  # fmt: skip

    def account(
        self, name: str, period: Pair, rules: Rules, objective: float | None, excluded: Excluded = NO_EXCLUSION
    ) -> Account:
        """Count one target.

        Args:
            objective: the share of service that was agreed; its budget is that of a whole period of the contract.
        """
        known = self.record(name, excluded)
        until = min(max(self._now, period[0]), period[1])
        window = (period[0], until)
        counted = None
        if objective is not None and period == period_at(period[0], rules.measured, rules.zone):
            counted = budget(known, period, self._now, rules, Counted.OWN, ratio(objective))
        scope = (to_us(period[0]), to_us(until))
        return Account(
            name, period, until, rules, known,
            availability(known, window, rules, Counted.OWN), availability(known, window, rules, Counted.ALL), counted,
            tuple(one for one in self._outages.get(name, ()) if common((scope,), _span(one, self._now))),
            lost(known, window, rules, Counted.OWN),
        )  # fmt: skip

    def _unseen(self, name: str) -> Spans:
        """Return when no state of a target is on record."""
        begin, end = self._span
        changes = self._changes.get(name, ())
        state = changes[0].old if changes else self._states.get(name, State.UNKNOWN)
        unseen, since = [], begin
        for event in changes:
            at = min(max(to_us(event.at), since), end)
            if state not in _KNOWN:
                unseen.append((since, at))
            state, since = event.new, at
        if state not in _KNOWN:
            unseen.append((since, end))
        return tidy(unseen)


def rules_of(estate: Estate, target: Target) -> tuple[Rules, float | None]:
    """Return how a target's availability is counted, and what was agreed of it."""
    facts = target.circuit
    return (estate.rules, None) if facts is None else (facts.rules, facts.objective_availability_ratio)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which time is asked about: a calendar period by its name, the time between two moments, or the present period.

    Attributes:
        period: as `agent.core.contract.period_named` takes it; `since` and `until` count only without it.
    """

    period: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def window(self, rules: Rules, now: datetime) -> Pair:
        """Return the time that is meant, for a contract of these rules.

        Raises:
            ValueError: for what is no period; or it ends before it begins.
        """
        if self.period is not None:
            return period_named(self.period, rules.zone)
        began, ended = period_at(now, rules.measured, rules.zone)
        if self.since is None and self.until is None:
            return began, ended
        window = (self.since or began, self.until or now)
        if window[0] > window[1]:
            raise ValueError(f"the time asked about ends ({window[1]:%Y-%m-%d %H:%M}) before it begins "
                             f"({window[0]:%Y-%m-%d %H:%M} UTC)")  # fmt: skip
        return window


# ------------------------------------------------------------------ as a document


def describe(account: Account, target: Target | None = None) -> dict[str, Any]:
    """Return an account as a document: shares as text that is cut and never rounded up, times in seconds."""
    facts = target.circuit if target is not None else None
    left = account.budget
    return {
        "target": account.target,
        "title": target.title if target is not None else account.target,
        "kind": target.kind if target is not None else None,
        "supplier": facts.supplier if facts is not None else None,
        "reference": facts.reference if facts is not None else None,
        "began_at": document(account.period[0]),
        "ended_at": document(account.period[1]),
        "until": document(account.until),
        "rules": document(account.rules),
        "own": _figures(account.own),
        "all": _figures(account.all),
        "budget": None if left is None else {
            "objective_percent": percent(left.objective),
            "allowed_seconds": seconds(left.allowed_us),
            "used_seconds": seconds(left.used_us),
            "left_seconds": seconds(left.left_us),
            "spent_at": document(left.spent_at),
        },
        "outages": [_outage(outage, account) for outage in account.outages],
    }  # fmt: skip


def _figures(found: Availability) -> dict[str, Any]:
    return {
        "percent": percent(found.believed),
        "best_percent": percent(found.best),
        "worst_percent": percent(found.worst),
        "lost_seconds": seconds(found.lost_us),
        "least_lost_seconds": seconds(found.least_lost_us),
        "most_lost_seconds": seconds(found.most_lost_us),
        "measured_seconds": seconds(found.measured_us),
        "up_seconds": seconds(found.up_us),
        "down_seconds": seconds(found.down_us),
        "unreachable_seconds": seconds(found.unreachable_us),
        "blind_seconds": seconds(found.blind_us),
        "clock_stop_seconds": seconds(found.clock_stop_us),
        "maintenance_seconds": seconds(found.maintenance_us),
    }


def _span(outage: Outage, now: datetime) -> Spans:
    return tidy([(to_us(outage.began_at), to_us(now if outage.ended_at is None else min(outage.ended_at, now)))])


def _outage(outage: Outage, account: Account) -> dict[str, Any]:
    whole = _span(outage, account.until)
    within = common(whole, ((to_us(account.period[0]), to_us(account.until)),))
    counts = common(within, account.counting)
    return {
        **document(outage),
        "seconds": seconds(length(within)),
        "counted_seconds": seconds(length(counts)),
        "not_counted": ", ".join(_why_not(outage, within, without(within, counts), account)),
    }


def _why_not(outage: Outage, within: Spans, rest: Spans, account: Account) -> Iterable[str]:
    """Yield why some of an outage does not count."""
    rules, known = account.rules, account.known
    if outage.state is State.UNREACHABLE:
        yield "not its own fault"
        return
    if Exclusion.MAINTENANCE in rules.excludes and common(within, known.maintenance):
        yield "maintenance"
    if Exclusion.CLOCK_STOPS in rules.excludes and common(within, known.clock_stops):
        yield "clock stopped"
    if any(end - begin < round(rules.minimum_outage_seconds * SECOND_US) for begin, end in known.down
           if common(((begin, end),), rest)):  # fmt: skip
        yield f"shorter than {format_duration(rules.minimum_outage_seconds)}"

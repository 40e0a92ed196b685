"""Keeps the accounts: what availability has come to in the present period, and whatever stretch is asked about.

The ledger is read when something has changed; once a minute time alone is added. What has no event of its own shares
one count with all that is alike: a large estate costs what happened in it, and not its size.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from agent.core.account import (
    NO_EXCLUSION,
    ROLES,
    Account,
    Books,
    Calendar,
    History,
    Stretch,
    describe,
    rules_of,
)
from agent.core.availability import Pair
from agent.core.contract import Rules
from agent.core.exclusions import Exclusions
from agent.core.model import EventKind, State, Target
from agent.core.picture import Picture
from agent.core.ports import Blind, EventFilter, Ledger

_log = logging.getLogger(__name__)
_EACH_SECONDS: Final = 60.0
_SOONEST_SECONDS: Final = 2.0  # after a change; many changes at once are one
_MOST_ROWS: Final = 100_000


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Accounts:
    """The accounts of one agent's targets."""

    def __init__(
        self,
        picture: Picture,
        ledger: Ledger,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Take where the estate, its windows and the states are, and where the history is."""
        self._clock = clock
        self._picture = picture
        self._ledger = ledger
        self._changed = asyncio.Event()
        self._kept = (datetime.max.replace(tzinfo=UTC), History())  # since when, and what was read
        self._stale = True

    def changed(self) -> None:
        """Tell that a state, a window or the configuration has changed: the history is read anew, soon."""
        self._stale = True
        self._changed.set()

    async def run(self) -> None:
        """Keep `picture.accounts` true until cancelled."""
        while True:
            self._changed.clear()
            try:
                await self.refresh()
            except Exception:  # without accounts the agent still watches; the next minute tries again
                _log.exception("the accounts could not be worked out")
            await asyncio.sleep(_SOONEST_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EACH_SECONDS - _SOONEST_SECONDS):
                    await self._changed.wait()

    async def refresh(self) -> None:
        """Work out the present period of everything that is accounted for."""
        if self._ledger.problem:
            return  # what cannot be read is not shown: the accounts grow old, and disappear
        now, estate = self._clock(), self._picture.estate
        targets = [target for target in estate.targets.values() if target.role in ROLES]
        periods = {rules: Stretch().window(rules, now) for rules in {rules_of(estate, one)[0] for one in targets}}
        if not periods:
            self._picture.accounts = {}
            return
        since = min(period[0] for period in periods.values())
        if self._stale or self._kept[0] != since:
            self._stale = False  # before: what changes while this is read is read again
            try:
                self._kept = (since, await self._read(since, None))
            except BaseException:
                self._stale = True
                raise
        history = self._kept[1]
        history = replace(history, blind=(*history.blind, *self._unmeasured(history.states)))
        found = await asyncio.to_thread(self._count, targets, periods, history, since, now)
        present = self._picture.estate.targets  # a reload may have taken some away meanwhile
        self._picture.accounts = {name: account for name, account in found.items() if name in present}

    async def report(self, names: Iterable[str] | None, stretch: Stretch) -> list[dict[str, Any]]:
        """Return accounts as documents: of these targets, or of all that are accounted for unasked.

        Raises:
            ValueError: the stretch makes no sense.
        """
        now, estate = self._clock(), self._picture.estate
        if names is None:
            names = [name for name, target in estate.targets.items() if target.role in ROLES]
        asked = [estate.targets[name] for name in names]
        windows = {target.name: stretch.window(rules_of(estate, target)[0], now) for target in asked}
        if not windows:
            return []
        since = min(window[0] for window in windows.values())
        history = await self._read(since, asked[0].name if len(asked) == 1 else None)
        history = replace(history, blind=(*history.blind, *self._unmeasured(history.states)))

        def work() -> list[dict[str, Any]]:
            books = Books(history, since, now)
            calendar = self._calendar()
            return [describe(self._account(books, target, windows[target.name], calendar), target) for target in asked]

        return await asyncio.to_thread(work)

    def _calendar(self) -> Calendar:
        """Return what the windows of this moment exclude."""
        return Exclusions(self._picture.windows, self._picture.estate).of

    async def _read(self, since: datetime, target: str | None) -> History:
        now = self._clock()
        outages = await self._ledger.outages(target=target, since=since, limit=_MOST_ROWS)
        changes = await self._ledger.events(EventFilter(target, (EventKind.TARGET,), since=since, limit=_MOST_ROWS))
        known = await self._ledger.resume()
        blind = await self._ledger.blind(since, max(now, since))
        states = {name: state for name, (state, _, _) in known.targets.items()}
        return History(outages, changes, states, blind)

    def _unmeasured(self, states: Mapping[str, State]) -> Iterable[Blind]:
        """Yield what the ledger takes for known and this run has not measured yet: a state found again is no event."""
        picture = self._picture
        for name, verdict in dict(picture.verdicts).items():
            if verdict.state is State.UNKNOWN and states.get(name, State.UNKNOWN) is not State.UNKNOWN:
                yield Blind(name, "not measured since the agent started", picture.started_at, None)

    def _count(
        self, targets: Iterable[Target], periods: Mapping[Rules, Pair], history: History, since: datetime, now: datetime
    ) -> dict[str, Account]:
        books, calendar = Books(history, since, now), self._calendar()
        alike: dict[tuple[Rules, float | None], Account] = {}
        found: dict[str, Account] = {}
        for target in targets:
            rules, objective = rules_of(self._picture.estate, target)
            period = periods.get(rules)
            if period is None:
                continue  # came with a reload meanwhile
            if not books.eventless(target.name) or calendar(target.name, *period) != NO_EXCLUSION:
                found[target.name] = self._account(books, target, period, calendar)
                continue
            if (rules, objective) not in alike:
                alike[rules, objective] = self._account(books, target, period, calendar)
            found[target.name] = replace(alike[rules, objective], target=target.name)
        return found

    def _account(self, books: Books, target: Target, period: Pair, calendar: Calendar) -> Account:
        rules, objective = rules_of(self._picture.estate, target)
        return books.account(target.name, period, rules, objective, calendar(target.name, *period))

"""Accounts out of a ledger without its agent: by the configuration that can be found, or by the plainest rules."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from agent.cli.client import RefusedError
from agent.core.account import ROLES, Books, History, Stretch, describe, no_calendar, rules_of
from agent.core.contract import DEFAULT_RULES, Rules
from agent.core.exclusions import Exclusions
from agent.core.model import Estate, EventKind, Target
from agent.core.ports import Blind, EventFilter
from agent.ledger import LedgerReader

_MOST_ROWS: Final = 100_000


def accounts(
    reader: LedgerReader,
    config: Path,
    target: str | None,
    period: str | None,
    since: datetime | None,
    until: datetime | None,
) -> list[dict[str, Any]]:
    """Return the accounts of one target, or of all that a report is made of unasked.

    Raises:
        RefusedError: an unknown target, or no period.
        agent.ledger.LedgerError: the ledger cannot be read.
    """
    now, estate = datetime.now(UTC), _estate(config)
    known = reader.states()
    stretch = Stretch(period, since, until)
    asked: dict[str, tuple[Target | None, Rules, float | None]] = {}
    if estate is not None:
        for name, found in estate.targets.items():
            if found.role in ROLES or name == target:
                asked[name] = (found, *rules_of(estate, found))
    else:
        asked = dict.fromkeys(known.targets, (None, DEFAULT_RULES, None))
    if target is not None:
        if target not in asked:
            raise RefusedError(f"no target is called {target!r}" + ("" if estate else " in the ledger"))
        asked = {target: asked[target]}
    try:
        windows = {name: stretch.window(rules, now) for name, (_, rules, _) in asked.items()}
    except ValueError as error:
        raise RefusedError(str(error)) from error
    begin = min((window[0] for window in windows.values()), default=now)
    history = History(
        reader.outages(target=target, since=begin, limit=_MOST_ROWS),
        reader.events(EventFilter(target, (EventKind.TARGET,), since=begin, limit=_MOST_ROWS)),
        {name: state for name, (state, _, _) in known.targets.items()},
        [*reader.blind(begin, max(now, begin)), *_since_then(known.alive_until)],
    )
    books = Books(history, begin, now)
    calendar = Exclusions(reader.windows(), estate).of if estate is not None else no_calendar
    return [
        describe(books.account(name, windows[name], rules, objective, calendar(name, *windows[name])), found)
        for name, (found, rules, objective) in asked.items()
    ]


def _since_then(alive_until: datetime | None) -> list[Blind]:
    return [] if alive_until is None else [Blind(None, "no agent is running", alive_until, None)]


def _estate(config: Path) -> Estate | None:
    """Return what the configuration says, where it can be read; say so where it cannot."""
    from agent import config as configuration

    try:
        return configuration.load(config).estate
    except (configuration.ConfigError, OSError) as error:
        click.echo(f"(counted exactly, by months of UTC: {str(error).splitlines()[0]})", err=True)
        return None

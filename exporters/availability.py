"""Availability and what objectives leave, as metric families; rendered once for each time that they are worked out."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from agent.core.account import Account
from agent.core.availability import Availability, seconds
from agent.core.series import Family
from exporters.exposition import prefix
from exporters.names import FAMILIES

_FRESH: Final = timedelta(minutes=3)  # they are worked out every minute; what is older than three has stopped
_Sample = tuple[str, Mapping[str, str], float]


class AccountFamilies:
    """The families of the accounts that were given last."""

    def __init__(self) -> None:
        self._accounts: Mapping[str, Account] | None = None
        self._families: list[Family] = []

    def of(self, accounts: Mapping[str, Account], now: datetime) -> list[Family]:
        """Return the families of these accounts; none where they are not kept up any more."""
        if self._accounts is not accounts:
            self._families = _families(accounts)
            self._accounts = accounts
        newest = max((account.until for account in accounts.values()), default=now)
        return self._families if now - newest <= _FRESH else []


def _families(accounts: Mapping[str, Account]) -> list[Family]:
    gathered: dict[str, tuple[list[str], list[float]]] = {}
    for account in accounts.values():
        for name, labels, value in _samples(account):
            prefixes, values = gathered.setdefault(name, ([], []))
            prefixes.append(prefix(name, labels))
            values.append(value)
    return [
        Family(name, *FAMILIES[name], tuple(prefixes), np.array(values, dtype=np.float64))
        for name, (prefixes, values) in gathered.items()
    ]


def _samples(account: Account) -> Iterator[_Sample]:
    labels = {"target": account.target, "window": account.rules.measured.value}
    for figures in (account.own, account.all):
        yield from _shares(figures, labels | {"counted": figures.counted.value})
    if (left := account.budget) is not None:
        yield "linewarden_objective_availability_ratio", labels, float(left.objective)
        yield "linewarden_objective_budget_seconds", labels, seconds(left.allowed_us)
        yield "linewarden_objective_budget_left_seconds", labels, seconds(left.left_us)
        if left.spent_at is not None:
            yield "linewarden_objective_budget_spent_timestamp_seconds", labels, left.spent_at.timestamp()


def _shares(figures: Availability, labels: Mapping[str, str]) -> Iterator[_Sample]:
    for word, share in (("", figures.believed), ("best_", figures.best), ("worst_", figures.worst)):
        if share is not None:
            yield f"linewarden_availability_{word}ratio", labels, float(share)

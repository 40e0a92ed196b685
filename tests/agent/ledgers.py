"""Ledgers for tests, with events and rounds to put into them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from agent.core.model import Event, EventKind, Round
from agent.ledger import Limits, Retention, SqliteLedger

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
# a busy machine may stall a disk for seconds: only the test of patience itself is impatient
PATIENT = Limits(patience_seconds=60, retry_seconds=0.05, alive_seconds=0.1, prune_seconds=0.1)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def target_event(new: str, seconds: float = 0, *, target: str = "sw1", old: str = "up", reason: str = "3 echoes missed",
                 causes: tuple[str, ...] = ()) -> Event:  # fmt: skip
    return Event(
        EventKind.TARGET, at(seconds), at(seconds + 1), target, old, new, reason, causes=causes,
        evidence=(("missed", 3.0), ("last_reply", "10.0.0.1")),
    )  # fmt: skip


def check_event(new: str, seconds: float = 0, *, target: str = "sw1", check: str = "icmp") -> Event:
    return Event(EventKind.CHECK, at(seconds), at(seconds + 1), target, "up", new, "no answer", check=check)


def round_of(seconds: float, *, target: str = "sw1", check: str = "icmp", n: int = 10) -> Round:
    base = at(seconds)
    times = np.arange(n, dtype=np.float64) + base.timestamp()
    return Round(
        target, check, base, base + timedelta(seconds=n), times, np.full(n, 0.0125), np.ones(n, dtype=np.uint8)
    )  # fmt: skip


@asynccontextmanager
async def opened(path: Path, *, limits: Limits = PATIENT, retention: Retention | None = None,
                 clock: Callable[[], datetime] = lambda: at(100)) -> AsyncIterator[SqliteLedger]:  # fmt: skip
    ledger = SqliteLedger(path, limits=limits, retention=retention, clock=clock, agent="dc1")
    await ledger.open()
    try:
        yield ledger
    finally:
        await ledger.close()

"""Readings of interfaces for the tests: a few rows, and what they count at some second."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from agent.core.counters import Counts
from agent.core.interfaces import Reading, Story, Told
from agent.core.model import AdminStatus, Interface, OperStatus

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def row(index: int, name: str = "", descr: str = "", alias: str | None = None, speed: float | None = 1e9) -> Interface:
    return Interface(index, name or descr or str(index), descr, None, None, alias, speed)


def reading(
    rows: tuple[Interface, ...],
    seconds: float,
    octets: Sequence[int | None] = (),
    *,
    uptime: int | None = 0,
    oper: Sequence[int] = (),
    changed: Sequence[int | None] = (),
    discontinuity: Sequence[int | None] = (),
    errors: Sequence[int | None] = (),
    wide: bool = True,
) -> Reading:
    """Return a reading `seconds` after an uptime of 1000 s; sent is half of what is received."""
    count = len(rows)
    counts = [*octets, *[None] * (count - len(octets))]
    half = [None if value is None else value // 2 for value in counts]
    fixed = [*errors, *[0] * (count - len(errors))]
    return Reading(
        rows=rows,
        uptime_ticks=None if uptime is None else uptime or 100_000 + round(seconds * 100),
        at_seconds=seconds,
        taken_at_seconds=np.full(count, seconds),
        admin=(AdminStatus.UP,) * count,
        oper=tuple(OperStatus(oper[place]) if place < len(oper) else OperStatus.UP for place in range(count)),
        last_change=Counts.of([*changed, *[0] * (count - len(changed))]),
        discontinuity=Counts.of([*discontinuity, *[0] * (count - len(discontinuity))]),
        counts=Counts.stacked([Counts.of(one) for one in (counts, counts, fixed, fixed, half, half, fixed, fixed)]),
        wide=np.full(count, wide),
        wide_packets=np.full(count, wide),
    )


def tell(*readings: Reading) -> list[Told]:
    story = Story()
    return [story.tell(one, NOW + timedelta(seconds=one.at_seconds)) for one in readings]


TWO = (row(1, "Gi1"), row(2, "Gi2"))

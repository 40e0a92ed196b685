"""Records numbered events through the ledger and prints each number once it is on disk; runs until killed."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from agent.core.model import Event, EventKind, Round
from agent.core.ports import Blind
from agent.ledger import SqliteLedger


def now() -> datetime:
    return datetime.now(UTC)


async def record_for_ever(ledger: SqliteLedger, lane: int) -> None:
    number = 0
    while True:
        number += 1
        kind, new = (EventKind.TARGET, "down" if number % 2 else "up") if lane else (EventKind.CHECK, "down")
        at = now()
        await ledger.record([Event(kind, at, at, f"lane{lane}", "", new, f"{lane}:{number}", check="icmp")])
        # one system call for the whole line: a kill cannot leave half of it
        sys.stdout.write(f"{lane}:{number}\n")
        sys.stdout.flush()
        if number % 10 == 0:
            began = now()
            times = began.timestamp() + np.arange(10.0)
            await ledger.record_rounds(
                [Round(f"lane{lane}", "icmp", began, began, times, np.full(10, 0.01), np.ones(10, dtype=np.uint8))]
            )


async def main(path: Path) -> None:
    ledger = SqliteLedger(path)
    await ledger.open()
    former = await ledger.resume()
    if former.alive_until is not None:
        await ledger.record_blind(Blind(None, "the agent did not run", former.alive_until, now()))
    async with asyncio.TaskGroup() as group:
        for lane in range(4):
            group.create_task(record_for_ever(ledger, lane))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

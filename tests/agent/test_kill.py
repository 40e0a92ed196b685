"""SIGKILL at random moments: nothing that was confirmed is lost, and the gap is known."""

import random
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.core.ports import Blind, EventFilter
from agent.ledger import LedgerReader, SqliteLedger

ROOT = Path(__file__).resolve().parents[2]
KNOWN_WITHIN = timedelta(seconds=2)
# the stamp is a second old at most; a machine that is busy elsewhere gets that much more
BUSY = timedelta(seconds=8)


def run_until_killed(path: Path, wanted: int, seconds: float) -> tuple[list[str], datetime]:
    """Return the numbers that the child confirmed, and when it was killed: some time after `wanted` confirmations."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.agent.kill_child", str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    lines: list[str] = []
    began = threading.Event()

    def read() -> None:
        assert child.stdout is not None
        for line in child.stdout:
            lines.append(line)
            if len(lines) >= wanted:
                began.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert began.wait(60), f"only {len(lines)} confirmations in 60 s"
        threading.Event().wait(seconds)
    finally:
        killed_at = datetime.now(UTC)
        child.send_signal(signal.SIGKILL)
        child.wait(30)
        reader.join(30)
        child.stdout.close()
    return [line.strip() for line in lines if line.endswith("\n")], killed_at


async def kill_again_and_again(path: Path, times: int, seed: int) -> None:
    moments = random.Random(seed)
    confirmed: set[str] = set()
    kills: list[datetime] = []
    for _ in range(times):
        # each run numbers anew: a run's confirmations count from its own first event on
        last = newest_event(path)
        lines, killed_at = run_until_killed(path, moments.randrange(1, 200), moments.uniform(0, 0.15))
        kills.append(killed_at)
        found = [e for e in LedgerReader(path).events(EventFilter(limit=100_000)) if (e.id or 0) > last]
        recorded = {e.reason for e in found}
        confirmed = set(lines)
        assert confirmed <= recorded, f"lost: {sorted(confirmed - recorded)[:5]} of {len(confirmed)}"
        assert len(recorded) == len(found)
        assert len(recorded) <= len(confirmed) + 4 * 1  # at most one in each lane was written and not yet told
        states = LedgerReader(path).states()
        newest = {e.target: e for e in found}
        for lane in range(1, 4):
            if (event := newest.get(f"lane{lane}")) is not None:
                is_open = [o for o in states.outages if o.target == f"lane{lane}"]
                assert [o.began_at for o in is_open] == ([event.at] if event.new == "down" else [])
        assert not states.clean
        assert states.alive_until is not None
        assert killed_at - KNOWN_WITHIN - BUSY <= states.alive_until <= killed_at + KNOWN_WITHIN
    await check_the_end(path, kills)


def newest_event(path: Path) -> int:
    return max((e.id or 0 for e in LedgerReader(path).events(EventFilter(limit=1))), default=0) if path.exists() else 0


async def check_the_end(path: Path, kills: list[datetime]) -> None:
    ledger = SqliteLedger(path)
    await ledger.open()
    try:
        former = await ledger.resume()
        assert former.alive_until is not None
        assert not former.clean
        now = datetime.now(UTC)
        await ledger.record_blind(Blind(None, "the agent did not run", former.alive_until, now))
        blind = await ledger.blind(kills[0] - timedelta(days=1), now + timedelta(seconds=1))
        assert len(blind) == len(kills)
        for span, killed_at in zip(blind, kills, strict=True):
            assert span.ended_at is not None
            assert span.began_at <= killed_at + KNOWN_WITHIN
            assert span.ended_at >= killed_at
    finally:
        await ledger.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_twenty_kills(tmp_path: Path) -> None:
    await kill_again_and_again(tmp_path / "ledger.sqlite", 20, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_two_hundred_kills(tmp_path: Path) -> None:
    await kill_again_and_again(tmp_path / "ledger.sqlite", 200, seed=2)

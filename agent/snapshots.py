"""What detectors have learnt, kept in the ledger, so that after a restart no learnt floor starts from nothing.

Every check's snapshot is renewed within ten minutes, a few at each turn of the pipeline: ten thousand at once would
hold up the loop for seconds. One whose troubles have changed is renewed at once, so that even a killed agent goes on
with them. At the end all of them are.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from agent.core.model import Target
from agent.core.ports import DetectorState, Ledger
from agent.core.quality import Qualities

QUALITY: Final = "quality"
LOSS: Final = "loss"
PERIOD_SECONDS: Final = 600.0
WRITE_SECONDS: Final = 30.0
_AT_ONCE: Final = 200  # some 40 ms
_log = logging.getLogger(__name__)

Losses = Callable[[], Mapping[tuple[str, str], bytes]]


class Snapshots:
    """Takes snapshots little by little, and hands them out again."""

    def __init__(self, qualities: Qualities, ledger: Ledger, losses: Losses) -> None:
        """Begin.

        Args:
            losses: gives what the engine's loss detectors have learnt.
        """
        self._qualities = qualities
        self._ledger = ledger
        self._losses = losses
        self._todo: list[tuple[str, str]] = []
        self._ready: list[DetectorState] = []
        self._turn_at: datetime | None = None
        self._written_at: datetime | None = None
        self._owed = 0.0
        self._urgent: set[tuple[str, str]] = set()

    def soon(self, key: tuple[str, str]) -> None:
        """Take one check's snapshot with the next turn."""
        self._urgent.add(key)

    async def turn(self, now: datetime) -> None:
        """Take those that are due, and write what has gathered."""
        before, self._turn_at = self._turn_at or now, now
        self._written_at = self._written_at or now
        elapsed = (now - before).total_seconds()
        if not self._todo:
            self._todo = [key for key, _ in self._qualities.items()]
        self._owed = min(self._owed + max(0.0, elapsed) * len(list(self._qualities.items())) / PERIOD_SECONDS, _AT_ONCE)
        due, self._owed = int(self._owed), self._owed % 1.0
        self._take([self._todo.pop() for _ in range(min(due, len(self._todo)))], now)
        urgent, self._urgent = self._urgent, set()
        self._take(urgent, now)
        if urgent or (now - self._written_at).total_seconds() >= WRITE_SECONDS:
            self._written_at = now
            await self._write(now)

    async def all(self, now: datetime) -> None:
        """Take and write every one, at the end."""
        self._ready.clear()
        keys = [key for key, _ in self._qualities.items()]
        for start in range(0, len(keys), _AT_ONCE):
            self._take(keys[start : start + _AT_ONCE], now)
            await asyncio.sleep(0)
        await self._write(now)

    def _take(self, keys: Iterable[tuple[str, str]], now: datetime) -> None:
        for key in keys:
            if (quality := self._qualities.get(key)) is not None:
                self._ready.append(DetectorState(*key, QUALITY, now, quality.snapshot()))

    async def _write(self, now: datetime) -> None:
        states, self._ready = self._ready, []
        told = {(state.target, state.check) for state in states}
        losses = self._losses() if told else {}
        states += [DetectorState(*key, LOSS, now, state) for key, state in losses.items() if key in told]
        await self._ledger.record_detectors(states)


async def resume(
    qualities: Qualities, states: Sequence[DetectorState], targets: Mapping[str, Target], now: datetime
) -> dict[tuple[str, str], bytes]:
    """Hand each check what had been learnt of it; one that cannot be read begins anew, with a line in the log.

    Returns:
        What the engine's loss detectors had learnt.
    """
    names = {target.renamed_from: name for name, target in targets.items() if target.renamed_from}
    losses: dict[tuple[str, str], bytes] = {}
    for number, one in enumerate(states):
        key = (one.target if one.target in targets else names.get(one.target, one.target), one.check)
        quality = qualities.get(key)
        if quality is None:
            continue
        if one.detector == LOSS:
            losses[key] = one.state
            continue
        try:
            quality.resume(one.state, one.at.timestamp(), now.timestamp())
        except ValueError as error:
            _log.warning("%s %s: what was learnt of it cannot be read, and is learnt anew: %s", *key, error)
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return losses

"""Pages go to every configured Alertmanager by its API v2: at once when they begin or end, and again and again.

Each Alertmanager has a task of its own, so that one that hangs delays no other. What is told is always the present
state, never a queue of messages: an Alertmanager that was away hears what is true now.
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from agent.core.alerting import Alert, Alertmanager, Standing, body
from agent.core.picture import Picture
from exporters.alertmanager_memory import Memory
from exporters.alertmanager_peer import Counts, Pace, Peer, Requests, wait_for

_log = logging.getLogger(__name__)

_UNSETTLED_SECONDS: Final = 1.0  # how often it is looked whether a held alert may end
_BATCH: Final = 256  # alerts in one request: some 150 kB, far below what proxies take


class Push:
    """Keep every configured Alertmanager told.

    Attributes:
        counts: what metrics tell.
    """

    def __init__(self, picture: Picture, memory: Path, *, pace: Pace | None = None) -> None:
        """Take the picture whose pages are told.

        Args:
            memory: the file that keeps what was told over a restart.
        """
        self.counts = Counts()
        self._picture = picture
        self._memory = Memory(memory)
        self._pace = pace or Pace()
        self._standing = Standing()
        self._source = ""
        self._runbooks = ""
        self._wanted: tuple[Alertmanager, ...] = ()
        self._peers: dict[Alertmanager, tuple[Peer, asyncio.Task[None]]] = {}
        self._news = asyncio.Event()
        self._unsaved = asyncio.Event()
        # An end is told once it is written: a run that is killed between the two would let the alert fire again.
        self._after_writing = False

    @property
    def firing(self) -> int:
        """Return how many alerts Alertmanagers are told to be firing."""
        return len(self._standing.firing)

    @property
    def configured(self) -> int:
        """Return how many Alertmanagers are told."""
        return len(self._wanted)

    def configure(self, alertmanagers: Sequence[Alertmanager], *, source: str, runbooks: str) -> None:
        """Tell these from now on; what was told to one that is left out ends there by itself.

        Args:
            source: the address of the status page: where an alert came from.
            runbooks: the address below which each alert has its page.
        """
        self._wanted, self._source, self._runbooks = tuple(alertmanagers), source, runbooks
        for one in self._wanted:
            self.counts.begin(one.url)
        self._news.set()

    def changed(self) -> None:
        """Look at the pages of the picture at once: some began or ended."""
        self._news.set()

    async def run(self) -> None:
        """Follow the pages until cancelled. The picture must hold the outages of the former run already."""
        self._standing = Standing(await asyncio.to_thread(self._memory.read, datetime.now(UTC)))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep(), name="alertmanager-memory")
            while True:
                await self._leave()
                if self._wanted:
                    self._follow()
                    self._meet(tasks)
                else:
                    self._standing = Standing()
                hurry = self._wanted and self._standing.unsettled
                await wait_for(self._news, _UNSETTLED_SECONDS if hurry else self._pace.resend_seconds)

    def _follow(self) -> None:
        try:
            changed = self._standing.follow(self._picture, datetime.now(UTC))
        except Exception:  # a bug here must not end the watch: what was told last goes on being told
            _log.exception("the pages could not be followed")
            return
        if not changed:
            return
        self._unsaved.set()
        self._after_writing = not self._standing.began
        if self._standing.began:
            self._wake()

    def _wake(self) -> None:
        for peer, _ in self._peers.values():
            peer.news.set()

    async def _leave(self) -> None:
        """Tell Alertmanagers no more that are not wanted any more, or otherwise."""
        for one in self._peers.keys() - set(self._wanted):
            _, task = self._peers.pop(one)
            task.cancel()
            await asyncio.wait([task])
            if one.url not in {wanted.url for wanted in self._wanted}:
                self.counts.forget(one.url)

    def _meet(self, tasks: asyncio.TaskGroup) -> None:
        """Begin with Alertmanagers that are new."""
        for one in self._wanted:
            if one not in self._peers:
                peer = Peer(one, self._told, self.counts, self._pace)
                self._peers[one] = peer, tasks.create_task(peer.run(), name=f"alertmanager {one.url}")

    async def _keep(self) -> None:
        """Write what is told to the file: at changes and as often as it is told. No page waits for a slow disk."""
        while True:
            await wait_for(self._unsaved, self._pace.resend_seconds)
            if self._wanted:
                await asyncio.to_thread(self._memory.write, self._standing.kept(), datetime.now(UTC))
            if self._after_writing:
                self._after_writing = False
                self._wake()

    def _told(self) -> Requests:
        """Return what is true now as requests; at least one, if only to learn that the way is open."""
        alerts = self._standing.alerts()
        parts = [alerts[first : first + _BATCH] for first in range(0, max(len(alerts), 1), _BATCH)]
        return [(len(part), partial(self._request, part)) for part in parts]

    def _request(self, alerts: Sequence[Alert]) -> bytes:
        told = body(alerts, datetime.now(UTC), source=self._source, runbooks=self._runbooks)
        return json.dumps(told).encode()

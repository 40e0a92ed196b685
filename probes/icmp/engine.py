"""The ICMP engine: echoes to all targets, all the time, as one stream of rounds and silences.

All state is in arrays (`table`), all rules in `judge`, all sockets in `port`; `ticker` gives them the time. Ticks
instead of a wake-up per packet cost a quarter, and nothing of the accuracy: the kernel stamps every packet.
"""

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np

from agent.core.beat import next_beat
from agent.core.model import Check, Round, StreamItem, Trait, Turn
from probes.icmp import packet
from probes.icmp.names import Resolver
from probes.icmp.pace import Pace
from probes.icmp.port import Port
from probes.icmp.roster import Roster, Watched
from probes.icmp.settings import Settings
from probes.icmp.sockets import MODES, Mode
from probes.icmp.ticker import Ticker
from probes.wire.clock import Clock, KernelClock
from probes.wire.datagrams import arrivals_are_stamped

TICK_SECONDS: Final = 0.25
_TELL_SECONDS: Final = 0.2
_BURST_TICK_SECONDS: Final = 0.02  # while a burst is being sent
QUEUE_ITEMS: Final = 65_536  # a minute of rounds at the design scale
_RESOLVE_WAIT_SECONDS: Final = 2.0  # `configure` waits so long for names; the others follow when they come
_RESOLVE_RETRY_SECONDS: Final = 30.0
_STAMPS_LOOKS: Final = 200  # a millisecond apart: the kernel takes 3 to begin; where loopback is down, nobody sees it


class Engine:
    """A `Stream` of ICMP echo rounds.

    Attributes:
        queue_drops_total: rounds and silences dropped because nobody took them.
    """

    def __init__(
        self,
        *,
        tick_seconds: float = TICK_SECONDS,
        nonce: bytes | None = None,
        clock: Clock | None = None,
        modes: Sequence[Mode] = MODES,
        queue_items: int = QUEUE_ITEMS,
        echoes: int | None = None,
        resolver: Resolver | None = None,
        echo_rate: float | None = None,
        patient: bool = False,
    ) -> None:
        """Make an engine that does nothing until it is configured.

        Args:
            tick_seconds: the longest time between two looks at sockets and timers; shorter where there are many
                echoes, where they are close to one another, and where the receive buffer is small.
            nonce: 8 octets that every echo carries; random by default.
            clock: where the time comes from.
            modes: which kinds of socket to try, in order.
            queue_items: rounds and silences kept for a reader that is slow; beyond, the oldest is dropped and counted.
            resolver: who is asked for the addresses of names.
            echo_rate: how many echoes may leave in a second, over all targets; None: as many as are due.
            patient: send what is behind its time late, as fast as it goes, instead of giving it up.
            echoes: after how many regular echoes each check stops; None: never.
        """
        self.queue_drops_total = 0
        clock = clock or KernelClock()
        nonce = nonce if nonce is not None else os.urandom(packet.NONCE_OCTETS)
        self._roster = Roster(clock, nonce, modes, tick_seconds, -1 if echoes is None else echoes)
        self._pace = Pace(echo_rate)
        self._ticker = Ticker(self._roster, clock, self._pace, patient=patient)
        self._resolver = resolver or Resolver()
        self._queue: deque[StreamItem] = deque()
        self._queue_items = queue_items
        self._news = asyncio.Event()
        self._lock = asyncio.Lock()
        self._names: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._failure: BaseException | None = None
        self._tell_at, self._tell_seconds = 0.0, min(_TELL_SECONDS, 2 * tick_seconds)
        self._closed = False

    # ------------------------------------------------------------------ the Stream

    async def configure(self, checks: Sequence[Check]) -> None:
        """Watch these checks and no others; one with the same settings goes on undisturbed.

        Checks whose settings are not this package's are left out.
        """
        async with self._lock:
            wanted = {(check.target, check.name): check for check in checks if isinstance(check.settings, Settings)}
            for key, watched in list(self._roster.watched.items()):
                if key not in wanted or wanted[key].settings != watched.settings:
                    self._roster.forget(key)
            added = [self._roster.watch(check) for key, check in wanted.items() if key not in self._roster.watched]
            names = [watched for watched in added if watched.is_name]
            if names:
                tasks = [asyncio.create_task(self._resolve(watched), name="resolve") for watched in names]
                _, waiting = await asyncio.wait(tasks, timeout=_RESOLVE_WAIT_SECONDS)
                for task in waiting:
                    task.cancel()
                    await asyncio.wait([task])
            if added:
                await self._until_arrivals_are_stamped()
            self._roster.begin(added)
            self._roster.tend_ports()
            if self._names is None and not self._closed:
                self._names = asyncio.create_task(self._keep_names(), name="icmp names")
                self._names.add_done_callback(lambda _: self._news.set())
                self._tick_at(asyncio.get_running_loop().time())

    def burst(self, target: str, check: str) -> None:
        """Send a few echoes at once; their round follows as soon as they are decided."""
        watched = self._roster.watched.get((target, check))
        if watched is None or watched.row in self._roster.bursts:
            return
        if self._roster.layout.rounds.left[self._roster.layout.burst_round(watched.row)] < 0:
            self._roster.bursts[watched.row] = (0, 0)
            self._tick_at(0.0)

    def outage(self, target: str, check: str, since: datetime) -> None:
        """Take back what a check lost in a row then: that is an outage, and no sign of a lossy line."""
        if (watched := self._roster.watched.get((target, check))) is not None:
            self._roster.judge.losses.outage(watched.row, int(since.timestamp() * 1e9))

    def loss_snapshots(self) -> dict[tuple[str, str], bytes]:
        """Return what the loss detectors know of each check, small and with no meaning to anybody else."""
        watched = self._roster.watched
        rows = np.array([one.row for one in watched.values()], np.intp)
        return dict(zip(watched, self._roster.judge.losses.snapshots(rows), strict=True))

    def resume_losses(self, snapshots: Mapping[tuple[str, str], bytes]) -> None:
        """Go on where snapshots were taken, with checks that are configured after this.

        An alarm that lasted then is told anew. What is no snapshot is logged, and its check learnt anew.
        """
        self._roster.loss_snapshots = dict(snapshots)

    def usual_loss(self, target: str, check: str) -> float | None:
        """Return the share of its echoes that a check usually loses; None for one of which nothing is known."""
        watched = self._roster.watched.get((target, check))
        return self._roster.judge.losses.usual(watched.row) if watched else None

    async def __aiter__(self) -> AsyncIterator[StreamItem]:
        """Give rounds and silences as they come, until the engine is closed.

        Raises:
            Exception: whatever ended the engine's own work: a bug, never the network.
        """
        while True:
            while self._queue:
                yield self._queue.popleft()
            if self._names is not None and self._names.done() and not self._names.cancelled():
                self._failure = self._failure or self._names.exception()
            if self._failure is not None:
                raise self._failure
            if self._closed:
                return
            self._news.clear()
            await self._news.wait()

    async def close(self) -> None:
        """Stop sending, close the sockets, end the iteration."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._names is not None:
            self._names.cancel()
            await asyncio.wait([self._names])
        for port in self._roster.ports.values():
            port.close()
        self._news.set()

    # ------------------------------------------------------------------ for metrics and people

    @property
    def echo_rate(self) -> float | None:
        """How many echoes may leave in a second; can be set."""
        return self._pace.per_second

    @echo_rate.setter
    def echo_rate(self, per_second: float | None) -> None:
        self._pace.per_second = per_second

    @property
    def ticks_total(self) -> int:
        """Ticks so far."""
        return self._ticker.ticks_total

    @property
    def late_sends_total(self) -> int:
        """Echoes that left late, or not at all because the loop was held up."""
        return self._ticker.late_sends_total

    @property
    def send_errors_total(self) -> int:
        """Echoes that the kernel refused to send."""
        return self._ticker.send_errors_total

    @property
    def clock_steps_total(self) -> int:
        """Steps of the wall clock that were noticed."""
        return self._ticker.clock_steps_total

    @property
    def tick_seconds(self) -> float:
        """How often the sockets are read: shorter than asked for where the receive buffer is too small for that."""
        return self._roster.tick_seconds

    @property
    def ports(self) -> tuple[Port, ...]:
        """The sockets in use."""
        return tuple(self._roster.ports.values())

    @property
    def modes(self) -> dict[int, str]:
        """The kind of socket that each family uses: `raw`, `dgram`, or empty where there is none."""
        return {port.family: port.mode for port in self._roster.ports.values()}

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps echoes from being sent, as sentences."""
        return tuple(port.problem for port in self._roster.ports.values() if port.problem)

    @property
    def receive_buffer_octets(self) -> int:
        """The smallest receive buffer granted to a socket; 0 without sockets."""
        return min((p.datagrams.granted_octets for p in self._roster.ports.values() if p.datagrams), default=0)

    @property
    def receive_drops_total(self) -> int:
        """Replies that the kernel threw away for lack of buffer."""
        return sum(port.drops_total for port in self._roster.ports.values())

    @property
    def duplicates_total(self) -> int:
        """Replies to echoes that were already answered."""
        return self._roster.judge.duplicates_total

    @property
    def late_replies_total(self) -> int:
        """Replies after their echo's timeout."""
        return self._roster.judge.late_replies_total

    @property
    def reordered_replies_total(self) -> int:
        """Replies that came after that to a later echo of the same check (RFC 4737)."""
        return self._roster.judge.reordered_replies_total

    @property
    def corrupted_replies_total(self) -> int:
        """Replies with a wrong checksum; only a raw IPv4 socket sees them, elsewhere the kernel drops them."""
        return self._roster.judge.corrupted_replies_total

    @property
    def foreign_replies_total(self) -> int:
        """Replies that carry our mark and come from another address than the one that was asked."""
        return self._roster.judge.foreign_replies_total

    def address_of(self, target: str, check: str) -> str | None:
        """Return the address that a check's echoes go to; None while its name is not resolved."""
        watched = self._roster.watched.get((target, check))
        return str(watched.address) if watched and watched.address else None

    def addresses_of(self, target: str, check: str) -> tuple[str, ...]:
        """Return every address that a check's name has, as far as is known."""
        watched = self._roster.watched.get((target, check))
        return tuple(map(str, watched.addresses)) if watched else ()

    def unfinished(self) -> list[Round]:
        """Return what is decided of the rounds that are still open: for whoever ends before they do."""
        return self._ticker.unfinished()

    def _put(self, item: StreamItem) -> None:
        if len(self._queue) >= self._queue_items:
            self._queue.popleft()
            self.queue_drops_total += 1
        self._queue.append(item)

    # ------------------------------------------------------------------ tasks

    def _tick_at(self, when: float) -> None:
        """Let the next tick be at that time of the loop's clock."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._closed:
            self._timer = asyncio.get_running_loop().call_at(when, self._tick)

    def _tick(self) -> None:
        """Do what is due. Called by the loop itself: a task would wake it twice each time."""
        began = asyncio.get_running_loop().time()
        try:
            items = self._ticker.tick()
            behind = self._ticker.behind()
        except Exception as error:  # a bug; the reader raises it
            self._failure = error
            self._news.set()
            return
        for item in items:
            self._put(item)
        if self._queue and (began >= self._tell_at or any(_is_urgent(item) for item in items)):
            self._tell_at = began + self._tell_seconds
            self._news.set()
        tick = self._roster.tick_seconds
        pace = min(tick, _BURST_TICK_SECONDS) if self._roster.bursts else tick
        self._tick_at(began if behind else next_beat(began, pace))

    async def _keep_names(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = [w for w in self._roster.watched.values() if w.is_name and w.resolve_at <= loop.time()]
            if due:
                async with asyncio.TaskGroup() as group:
                    for watched in due:
                        group.create_task(self._resolve(watched), name="resolve")
            await asyncio.sleep(1)

    async def _until_arrivals_are_stamped(self) -> None:
        for _ in range(_STAMPS_LOOKS):
            if not any(port.stamping for port in self.ports) or arrivals_are_stamped():
                return
            await asyncio.sleep(0.001)

    async def _resolve(self, watched: Watched) -> None:
        """Look a name up; on failure the last address stays, since a dead name server says nothing of the target."""
        loop = asyncio.get_running_loop()
        watched.resolve_at = loop.time() + _RESOLVE_RETRY_SECONDS
        found = await self._resolver.resolve(watched.settings.address, watched.settings.family)
        if found is None or self._roster.by_row.get(watched.row) is not watched:
            return
        watched.resolve_at = loop.time() + found.ttl_seconds
        before, former, left = watched.addresses, watched.address, ""
        watched.addresses = found.addresses
        if former not in found.addresses:  # where a name has several, their order says nothing
            self._roster.aim(watched, found.addresses[0])
            left = str(former or "")
        if {*before} != {*found.addresses}:
            now, check = datetime.now(UTC), watched.check
            known = dict.fromkeys(map(str, (watched.address, *found.addresses)))
            self._put(Turn(check.target, check.name, now, now, Trait.ADDRESS, left, ", ".join(known)))
            self._news.set()


def _is_urgent(item: StreamItem) -> bool:
    """Tell whether an item is told at once; regular rounds are told a few times a second, together."""
    return not isinstance(item, Round) or item.burst

"""The ICMP engine: echoes to all targets, all the time, as one stream of rounds and silences.

All state is in arrays (`table`), all rules in `judge`, all sockets in `port`. The engine gives them the time: a tick
reads what has come, judges what is over, sends what is due, and gives out what is finished. Ticks instead of a wake-up
per packet cost a quarter, and nothing of the accuracy: the kernel stamps every packet.
"""

import asyncio
import logging
import os
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.core.model import Check, Echo, Round, Silence
from probes.icmp import packet
from probes.icmp.judge import Judge
from probes.icmp.names import Address, Resolver, literal
from probes.icmp.outbox import Outbox, sockaddr
from probes.icmp.port import Port
from probes.icmp.settings import Settings
from probes.icmp.sockets import DEFAULT_TTL, MODES, Mode
from probes.icmp.table import BURST_ECHOES, TAINTED, Finished, Layout, Rows, Slots
from probes.wire import kernel, route
from probes.wire.clock import Clock, KernelClock, Moment
from probes.wire.datagrams import ECHO_TRUESIZE_OCTETS, Inbox, sending_control

TICK_SECONDS: Final = 0.05
BURST_SPACING_NS: Final = 60_000_000
QUEUE_ITEMS: Final = 65_536  # a minute of rounds at the design scale
_NANO: Final = 1_000_000_000
_GOLDEN: Final = 0.6180339887498949  # multiples of it fill an interval evenly, however many there will be
_STEP_NS: Final = 1_000_000  # a smaller jump of the wall clock is within what readings differ by
_SUSPEND_NS: Final = 200_000_000
_LATE_NS: Final = 250_000_000  # an echo that leaves this much after its time counts as late
_TEND_NS: Final = 1_000_000_000
_RESOLVE_WAIT_SECONDS: Final = 2.0  # `configure` waits so long for names; the others follow when they come
_RESOLVE_AGAIN_SECONDS: Final = 300.0
_RESOLVE_RETRY_SECONDS: Final = 30.0
_BUFFER_MIN_OCTETS: Final = 1 << 20
_BUFFER_MAX_OCTETS: Final = 1 << 26
_STALL_SECONDS: Final = 1.0  # replies of a loop held up so long still fit into the receive buffer
_NEVER: Final = np.iinfo(np.int64).max
_ROUTE_LOOKUPS_MAX: Final = 50  # per tick: each takes some 50 microseconds

_log = logging.getLogger("linewarden.icmp")


@dataclass(slots=True, eq=False)
class Watched:
    """A check with its row, and what its name resolved to."""

    check: Check
    settings: Settings
    row: int
    address: Address | None = None
    is_name: bool = False
    resolve_at: float = 0.0


class Engine:
    """A `Stream` of ICMP echo rounds.

    Attributes (for metrics):
        ticks_total, late_sends_total, send_errors_total, clock_steps_total, queue_drops_total.
        ports: the sockets, with mode, drops and granted receive buffer of each.
    """

    def __init__(
        self,
        *,
        tick_seconds: float = TICK_SECONDS,
        nonce: bytes | None = None,
        clock: Clock | None = None,
        modes: Sequence[Mode] = MODES,
        queue_items: int = QUEUE_ITEMS,
    ) -> None:
        """Make an engine that does nothing until it is configured.

        Args:
            tick_seconds: between two looks at sockets and timers; shortened when the receive buffer is too small.
            nonce: 8 octets that every echo carries; random by default.
            clock: where the time comes from.
            modes: which kinds of socket to try, in order.
            queue_items: rounds and silences kept for a reader that is slow; beyond, the oldest is dropped and counted.
        """
        self.ticks_total = 0
        self.late_sends_total = 0
        self.send_errors_total = 0
        self.clock_steps_total = 0
        self.queue_drops_total = 0
        self.tick_seconds = tick_seconds
        self._longest_tick = tick_seconds
        self._nonce = nonce if nonce is not None else os.urandom(packet.NONCE_OCTETS)
        self._clock: Clock = clock or KernelClock()
        self._modes = tuple(modes)
        self._layout = Layout()
        self._judge = Judge(self._layout)
        self._outbox = Outbox()
        self._inbox = Inbox()
        self._resolver = Resolver()
        self._watched: dict[tuple[str, str], Watched] = {}
        self._by_row: dict[int, Watched] = {}
        self._ports: dict[int, Port] = {}
        self._bursts: dict[int, tuple[int, int]] = {}  # row -> (echoes sent, when the next is due)
        self._whys = ["overrun"]
        self._started = 0
        self._last = self._clock.read()
        self._tend_at = 0
        self._queue: deque[Round | Silence] = deque()
        self._queue_items = queue_items
        self._news = asyncio.Event()
        self._lock = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False

    # ------------------------------------------------------------------ the Stream

    async def configure(self, checks: Sequence[Check]) -> None:
        """Watch these checks and no others; one with the same settings goes on undisturbed.

        Checks whose settings are not this package's are left out.
        """
        async with self._lock:
            wanted = {(check.target, check.name): check for check in checks if isinstance(check.settings, Settings)}
            for key, watched in list(self._watched.items()):
                if key not in wanted or wanted[key].settings != watched.settings:
                    self._forget(key)
            added = [self._watch(check) for key, check in wanted.items() if key not in self._watched]
            names = [watched for watched in added if watched.is_name]
            if names:
                tasks = [asyncio.create_task(self._resolve(watched), name="resolve") for watched in names]
                _, waiting = await asyncio.wait(tasks, timeout=_RESOLVE_WAIT_SECONDS)
                for task in waiting:
                    task.cancel()
                    await asyncio.wait([task])
            self._begin(added)
            self._tend_ports()
            if not self._tasks and not self._closed:
                self._tasks = [
                    asyncio.create_task(self._run(), name="icmp ticks"),
                    asyncio.create_task(self._keep_names(), name="icmp names"),
                ]
                for task in self._tasks:
                    task.add_done_callback(lambda _: self._news.set())

    def burst(self, target: str, check: str) -> None:
        """Send a few echoes at once; their round follows as soon as they are decided."""
        watched = self._watched.get((target, check))
        if watched is None or watched.row in self._bursts:
            return
        if self._layout.rounds.left[self._layout.burst_round(watched.row)] < 0:
            self._bursts[watched.row] = (0, 0)

    async def __aiter__(self) -> AsyncIterator[Round | Silence]:
        """Give rounds and silences as they come, until the engine is closed.

        Raises:
            Exception: whatever ended the engine's own task: a bug, never the network.
        """
        while True:
            while self._queue:
                yield self._queue.popleft()
            for task in self._tasks:
                if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                    raise error
            if self._closed:
                return
            self._news.clear()
            await self._news.wait()

    async def close(self) -> None:
        """Stop sending, close the sockets, end the iteration."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for port in self._ports.values():
            port.close()
        self._news.set()

    # ------------------------------------------------------------------ for metrics and people

    @property
    def ports(self) -> tuple[Port, ...]:
        """The sockets in use."""
        return tuple(self._ports.values())

    @property
    def modes(self) -> dict[int, str]:
        """The kind of socket that each family uses: `raw`, `dgram`, or empty where there is none."""
        return {port.family: port.mode for port in self._ports.values()}

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps echoes from being sent, as sentences."""
        return tuple(port.problem for port in self._ports.values() if port.problem)

    @property
    def receive_buffer_octets(self) -> int:
        """The smallest receive buffer granted to a socket; 0 without sockets."""
        return min((p.datagrams.granted_octets for p in self._ports.values() if p.datagrams), default=0)

    @property
    def receive_drops_total(self) -> int:
        """Replies that the kernel threw away for lack of buffer."""
        return sum(port.drops_total for port in self._ports.values())

    @property
    def duplicates_total(self) -> int:
        """Replies to echoes that were already answered."""
        return self._judge.duplicates_total

    @property
    def late_replies_total(self) -> int:
        """Replies after their echo's timeout."""
        return self._judge.late_replies_total

    @property
    def foreign_replies_total(self) -> int:
        """Replies that carry our mark and come from another address than the one that was asked."""
        return self._judge.foreign_replies_total

    def address_of(self, target: str, check: str) -> str | None:
        """Return the address that a check's echoes go to; None while its name is not resolved."""
        watched = self._watched.get((target, check))
        return str(watched.address) if watched and watched.address else None

    # ------------------------------------------------------------------ one tick

    def tick(self) -> None:
        """Read, judge, send, give out: everything that is due now."""
        self.ticks_total += 1
        now = self._clock.read()
        self._look_at_clock(now)
        for port in self._ports.values():
            whole = port.drain(self._judge, self._inbox, self._clock)
            if port.new_drops() or not whole:
                self._judge.taint(self._pending_on(port), self._why("receive_drops"))
        self._judge_pending(now.monotonic)
        if now.monotonic >= self._tend_at:
            self._tend_at = now.monotonic + _TEND_NS
            self._tend_ports()
        self._send_bursts(now)
        self._send_due(now)
        self._give_out(now.wall)

    def _look_at_clock(self, now: Moment) -> None:
        last, self._last = self._last, now
        asleep = (now.boot - now.monotonic) - (last.boot - last.monotonic)
        if asleep > _SUSPEND_NS:
            self._judge.give_up(self._judge.pending(), self._why("suspended"))
        step = (now.wall - now.boot) - (last.wall - last.boot)
        # a slewed clock drifts by up to 500 parts in a million, which is no step
        if abs(step) > _STEP_NS + (now.boot - last.boot) // 1000:
            self.clock_steps_total += 1
            self._judge.stepped(step)

    def _judge_pending(self, now_ns: int) -> None:
        overdue, over = self._judge.overdue(now_ns), self._judge.expiring(now_ns)
        if len(overdue) or len(over):
            self._look_at_interfaces(np.union1d(overdue, over))
            untainted = (self._layout.slots.flags[overdue] & TAINTED) == 0
            self._judge.miss(overdue[untainted])
            self._judge.expire(over)

    def _look_at_interfaces(self, slots: Slots) -> None:
        """Taint echoes that this host could not put on the wire: their interface is down or has no carrier."""
        s, r = self._layout.slots, self._layout.rows
        for number in np.unique(r.port[s.row[slots]]).tolist():
            port = self._ports.get(number)
            if port is not None and port.interface is not None and route.interface_works(port.interface) is False:
                self._judge.taint(self._pending_on(port), self._why("interface_gone"))
        known: dict[int, bool] = {}
        for slot in slots[self._judge.never_left(slots)].tolist():
            row = int(s.row[slot])
            port, watched = self._ports.get(int(r.port[row])), self._by_row.get(row)
            if port is None or port.interface is not None or not port.stamping or not watched or not watched.address:
                continue
            if row not in known:
                if len(known) == _ROUTE_LOOKUPS_MAX:
                    break
                name = route.interface_towards(watched.address.octets)
                known[row] = name is not None and route.interface_works(name) is False
            if known[row]:
                self._judge.taint(np.array([slot]), self._why("no_carrier"))

    # ------------------------------------------------------------------ sending

    def _send_bursts(self, now: Moment) -> None:
        for row, (number, due) in list(self._bursts.items()):
            if now.monotonic < due:
                continue
            slots, indices = self._judge.take_burst(row, number, now.monotonic, now.wall)
            self._dispatch(np.array([row]), slots, indices)
            begun = due or now.monotonic
            self._bursts[row] = (number + 1, begun + BURST_SPACING_NS)
            if number + 1 == BURST_ECHOES:
                del self._bursts[row]

    def _send_due(self, now: Moment) -> None:
        r = self._layout.rows
        rows = np.flatnonzero(r.active & (r.due <= now.monotonic))
        if not len(rows):
            return
        late = now.monotonic - r.due[rows]
        self.late_sends_total += int(np.count_nonzero(late > _LATE_NS))
        missed = late // r.interval[rows]
        if missed.any():
            self._skip(rows[missed > 0], missed[missed > 0], now)
        size = min((port.chunk for port in self._ports.values()), default=len(rows))
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            if start:  # make room in the receive buffer: near targets have answered already
                for port in self._ports.values():
                    port.drain(self._judge, self._inbox, self._clock)
            sending = self._clock.read()
            slots, indices = self._judge.take(part, sending.monotonic, sending.wall)
            r.due[part] += r.interval[part]
            self._dispatch(part, slots, indices)

    def _skip(self, rows: Rows, missed: npt.NDArray[np.int64], now: Moment) -> None:
        """Account for echoes whose time passed while the loop was held up: they are unknown, in this round at most."""
        r = self._layout.rows
        count = np.minimum(missed, r.echoes[rows] - r.place[rows] % r.echoes[rows])
        for turn in range(int(count.max())):
            part = rows[count > turn]
            due = r.due[part]
            slots, _ = self._judge.take(part, due, now.wall - (now.monotonic - due))
            self._judge.give_up(slots, self._why("late_loop"))
            r.due[part] += r.interval[part]
        r.due[rows] += (missed - count) * r.interval[rows]
        self.late_sends_total += int(missed.sum())

    def _dispatch(self, rows: Rows, slots: Slots, indices: npt.NDArray[np.uint32]) -> None:
        r = self._layout.rows
        blocked = r.why[rows]
        for why in np.unique(blocked[blocked > 0]).tolist():
            self._judge.fail(slots[blocked == why], why)
        for number in np.unique(r.port[rows[blocked == 0]]).tolist():
            mine = (r.port[rows] == number) & (blocked == 0)
            port = self._ports[number]
            if port.datagrams is None:
                self._judge.fail(slots[mine], self._why(port.why))
                continue
            headers = self._outbox.address(rows[mine], indices[mine])
            failures = port.send(headers, slots[mine], self._judge, self._inbox)
            if failures:
                self._fail(port, slots[mine], failures)

    def _fail(self, port: Port, slots: Slots, failures: list[tuple[int, int]]) -> None:
        self.send_errors_total += len(failures)
        gone = port.interface is not None and route.interface_works(port.interface) is False
        if gone:
            self._tend_at = 0  # look at once whether the interface is there again under the same name
        for number in {number for _, number in failures}:
            places = [place for place, error in failures if error == number]
            why = "interface_gone" if gone else f"send_{kernel.error_name(number)}"
            self._judge.fail(slots[places], self._why(why))

    # ------------------------------------------------------------------ giving out

    def _give_out(self, wall_ns: int) -> None:
        changes, self._judge.changes = self._judge.changes, []
        finished, self._judge.finished = self._judge.finished, []
        at = _moment(wall_ns)
        for change in changes:
            if watched := self._by_row.get(change.row):
                check = watched.check
                since = _moment(change.since_ns)
                self._put(Silence(check.target, check.name, at, since, change.missed, change.over))
        for done in finished:
            if watched := self._by_row.get(done.row):
                self._put(self._round(watched.check, done, at))

    def _round(self, check: Check, done: Finished, at: datetime) -> Round:
        unknown = done.whys[done.outcomes == Echo.UNKNOWN]
        sent = done.sent_ns / _NANO
        return Round(
            target=check.target,
            check=check.name,
            began_at=datetime.fromtimestamp(float(sent[0]), UTC),
            ended_at=at,
            sent_at_seconds=sent,
            rtts_seconds=np.where(done.rtt_ns >= 0, done.rtt_ns / _NANO, np.nan),
            outcomes=done.outcomes,
            burst=done.burst,
            duplicates=done.duplicates,
            why_unknown={self._whys[why]: int(np.count_nonzero(unknown == why)) for why in np.unique(unknown).tolist()},
            refusals=done.refusals,
        )

    def _put(self, item: Round | Silence) -> None:
        if len(self._queue) >= self._queue_items:
            self._queue.popleft()
            self.queue_drops_total += 1
        self._queue.append(item)
        self._news.set()

    # ------------------------------------------------------------------ checks, addresses, sockets

    def _watch(self, check: Check) -> Watched:
        settings: Settings = check.settings
        echoes = max(1, round(settings.round / settings.interval))
        row = self._layout.add(echoes, round(settings.interval * _NANO), round(settings.timeout * _NANO), int(_NEVER))
        watched = Watched(check, settings, row)
        self._watched[check.target, check.name] = self._by_row[row] = watched
        address = literal(settings.address)
        if address is None:
            watched.is_name = True
            self._layout.rows.why[row] = self._why("no_address")
        else:
            self._aim(watched, address)
        return watched

    def _forget(self, key: tuple[str, str]) -> None:
        watched = self._watched.pop(key)
        del self._by_row[watched.row]
        self._bursts.pop(watched.row, None)
        self._layout.remove(watched.row)

    def _begin(self, added: Sequence[Watched]) -> None:
        now = self._clock.read().monotonic
        for watched in added:
            phase = (self._started * _GOLDEN) % 1
            self._started += 1
            self._layout.rows.due[watched.row] = now + int(phase * watched.settings.interval * _NANO)

    def _aim(self, watched: Watched, address: Address) -> None:
        """Point a check's echoes at an address; echoes under way to another one can have no answer any more."""
        settings, row, r = watched.settings, watched.row, self._layout.rows
        if watched.address is not None:
            pending = self._judge.pending()
            mine = pending[self._layout.slots.row[pending] == row]
            self._judge.give_up(mine, self._why("address_changed"))
        watched.address = address
        source = literal(settings.source) if settings.source is not None else None
        control = sending_control(
            address.family,
            ttl=settings.ttl if settings.ttl != DEFAULT_TTL else None,
            dscp=settings.dscp or None,
            source=source.octets if source and source.family == address.family else None,
        )
        port = self._port(address.family, settings.interface)
        head = packet.encode_echo(address.family, port.ident, self._nonce, 0, settings.size)[: packet.HEAD_OCTETS]
        where = sockaddr(address.family, address.octets, address.scope)
        self._outbox.prepare(row, where, head, settings.size, control)
        r.address[row] = np.frombuffer(address.octets.ljust(16, b"\0"), "V16")[0]
        r.port[row] = port.number
        r.why[row] = 0

    def _port(self, family: int, interface: str | None) -> Port:
        for port in self._ports.values():
            if port.key == (family, interface):
                return port
        number = max(self._ports, default=-1) + 1
        used = {port.ident for port in self._ports.values()}
        ident = next(ident for ident in iter(lambda: int.from_bytes(os.urandom(2), "big"), -1) if ident not in used)
        port = self._ports[number] = Port(number, (family, interface), ident, self._nonce, self._modes)
        port.open(_BUFFER_MIN_OCTETS)
        if port.problem:
            _log.warning("%s", port.problem)
        return port

    def _tend_ports(self) -> None:
        """Open what could not be opened, close what nobody uses, and fit buffers and tick to the rate."""
        r = self._layout.rows
        in_use = set(np.unique(r.port[r.active]).tolist())
        ticks = [self._longest_tick]
        for number, port in list(self._ports.items()):
            if number not in in_use:
                port.close()
                del self._ports[number]
                continue
            mine = r.active & (r.port == number)
            octets_per_second = float((_NANO / r.interval[mine]).sum()) * ECHO_TRUESIZE_OCTETS
            needed = octets_per_second * max(4 * self._longest_tick, _STALL_SECONDS)
            before = port.problem
            port.tend(int(min(max(needed, _BUFFER_MIN_OCTETS), _BUFFER_MAX_OCTETS)))
            if port.problem != before:
                _log.warning("%s", port.problem or f"ICMP over IPv{port.family} works again")
            if port.datagrams is not None:
                ticks.append(port.datagrams.granted_octets / (4 * octets_per_second))
        self.tick_seconds = max(0.005, min(ticks))

    def _pending_on(self, port: Port) -> Slots:
        pending = self._judge.pending()
        mine: Slots = pending[self._layout.rows.port[self._layout.slots.row[pending]] == port.number]
        return mine

    def _why(self, name: str) -> int:
        if name not in self._whys:
            self._whys.append(name)
        return self._whys.index(name)

    # ------------------------------------------------------------------ tasks

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self.tick()
            due = max(due + self.tick_seconds, loop.time())
            await asyncio.sleep(due - loop.time())

    async def _keep_names(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = [w for w in self._watched.values() if w.is_name and w.resolve_at <= loop.time()]
            if due:
                async with asyncio.TaskGroup() as group:
                    for watched in due:
                        group.create_task(self._resolve(watched), name="resolve")
            await asyncio.sleep(1)

    async def _resolve(self, watched: Watched) -> None:
        """Look a name up; on failure the last address stays, since a dead name server says nothing of the target."""
        loop = asyncio.get_running_loop()
        watched.resolve_at = loop.time() + _RESOLVE_RETRY_SECONDS
        address = await self._resolver.resolve(watched.settings.address, watched.settings.family)
        if self._by_row.get(watched.row) is not watched:
            return
        if address is not None:
            watched.resolve_at = loop.time() + _RESOLVE_AGAIN_SECONDS
            if address != watched.address:
                self._aim(watched, address)


def _moment(ns: int) -> datetime:
    return datetime.fromtimestamp(ns / _NANO, UTC)

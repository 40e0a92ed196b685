"""Which checks the engine watches: their rows in the table, their addresses, their packets and their sockets."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from agent.core.model import Check
from probes.icmp import packet
from probes.icmp.judge import Judge
from probes.icmp.names import Address, literal
from probes.icmp.outbox import Outbox, sockaddr
from probes.icmp.port import Port
from probes.icmp.settings import Settings
from probes.icmp.sockets import DEFAULT_TTL, Mode
from probes.icmp.table import Layout, Slots, address_words
from probes.wire.clock import Clock
from probes.wire.datagrams import ECHO_TRUESIZE_OCTETS, sending_control

_NANO: Final = 1_000_000_000
_IP_HEADER_MAX: Final = 60
_GOLDEN: Final = 0.6180339887498949  # multiples of it fill an interval evenly, however many there will be
_BUFFER_MIN_OCTETS: Final = 1 << 20
_BUFFER_MAX_OCTETS: Final = 1 << 26
_STALL_SECONDS: Final = 1.0  # replies of a loop held up so long still fit into the receive buffer
_TICK_MIN_SECONDS: Final = 0.005
_TICK_USUAL_SECONDS: Final = 0.02
_TICK_ECHOES: Final = 1000

_log = logging.getLogger("linewarden.icmp")


@dataclass(slots=True, eq=False)
class Watched:
    """A check with its row, and what its name resolved to: the address in use, and all that there are."""

    check: Check
    settings: Settings
    row: int
    address: Address | None = None
    addresses: tuple[Address, ...] = ()
    is_name: bool = False
    resolve_at: float = 0.0


class Roster:
    """The checks, with everything that is prepared for them before an echo is due.

    Attributes:
        bursts: row -> (echoes sent, monotonic time of the next), while a burst is being sent.
        loss_snapshots: what was known of checks before a restart, until they are watched.
        tick_seconds: how often the sockets must be read for their receive buffers to suffice.
    """

    def __init__(self, clock: Clock, nonce: bytes, modes: Sequence[Mode], tick_seconds: float, limit: int) -> None:
        """Begin without checks."""
        self.layout = Layout()
        self.judge = Judge(self.layout)
        self.outbox = Outbox()
        self.watched: dict[tuple[str, str], Watched] = {}
        self.by_row: dict[int, Watched] = {}
        self.ports: dict[int, Port] = {}
        self.bursts: dict[int, tuple[int, int]] = {}
        self.whys = ["overrun"]
        self.loss_snapshots: dict[tuple[str, str], bytes] = {}
        self.tick_seconds = tick_seconds
        self._longest_tick = tick_seconds
        self._clock = clock
        self._nonce = nonce
        self._modes = tuple(modes)
        self._begun = 0
        self._limit = limit

    def watch(self, check: Check) -> Watched:
        """Take a check up; its echoes begin with `begin`."""
        settings: Settings = check.settings
        echoes = max(1, round(settings.round / settings.interval))
        row = self.layout.add(echoes, round(settings.interval * _NANO), round(settings.timeout * _NANO), self._limit)
        self.layout.rows.octets[row] = settings.size + packet.HEADER_OCTETS
        self.judge.losses.begin(row)
        self._resume_losses(check, row)
        watched = Watched(check, settings, row)
        self.watched[check.target, check.name] = self.by_row[row] = watched
        address = literal(settings.address)
        if address is None:
            watched.is_name = True
            self.layout.rows.why[row] = self.why("no_address")
        else:
            watched.addresses = (address,)
            self.aim(watched, address)
        return watched

    def _resume_losses(self, check: Check, row: int) -> None:
        snapshot = self.loss_snapshots.pop((check.target, check.name), None)
        if snapshot is not None:
            try:
                self.judge.losses.resume(row, snapshot)
            except ValueError as error:
                _log.warning("what %s usually loses is learnt anew: %s", check.target, error)

    def forget(self, key: tuple[str, str]) -> None:
        """Let a check go, with what it has pending."""
        watched = self.watched.pop(key)
        del self.by_row[watched.row]
        self.bursts.pop(watched.row, None)
        self.judge.forget(watched.row)
        self.layout.remove(watched.row)

    def begin(self, added: Sequence[Watched]) -> None:
        """Start checks, each at a phase of its own, so that sends are spread evenly."""
        now = self._clock.read().monotonic
        offset = (self._begun * _GOLDEN) % 1  # those that come one by one are spread, too
        self._begun += 1
        for place, watched in enumerate(added):
            # neighbours in the table follow one another on the line: their rows are read together
            phase = (offset + place / len(added)) % 1
            self.layout.rows.due[watched.row] = now + int(phase * watched.settings.interval * _NANO)

    def aim(self, watched: Watched, address: Address) -> None:
        """Point a check's echoes at an address; echoes under way to another one can have no answer any more."""
        settings, row, r = watched.settings, watched.row, self.layout.rows
        if watched.address is not None:
            pending = self.judge.pending()
            mine = pending[self.layout.slots.row[pending] == row]
            self.judge.give_up(mine, self.why("address_changed"))
        watched.address = address
        source = literal(settings.source) if settings.source is not None else None
        control = sending_control(
            address.family,
            ttl=settings.ttl if settings.ttl != DEFAULT_TTL else None,
            dscp=settings.dscp or None,
            source=source.octets if source and source.family == address.family else None,
        )
        port = self.port(address.family, settings.interface, df=settings.df)
        head = packet.encode_echo(address.family, port.ident, self._nonce, 0, settings.size)[: packet.HEAD_OCTETS]
        where = sockaddr(address.family, address.octets, address.scope)
        self.outbox.prepare(row, where, head, settings.size, control)
        r.where[row], r.where_low[row] = address_words(address.octets)
        r.port[row] = port.number
        r.why[row] = 0

    def port(self, family: int, interface: str | None, *, df: bool) -> Port:
        """Return the socket for a family, an interface and DF, opened when it is first asked for."""
        key = (family, interface, df)
        for port in self.ports.values():
            if port.key == key:
                return port
        number = max(self.ports, default=-1) + 1
        used = {port.ident for port in self.ports.values()}
        ident = next(ident for ident in iter(lambda: int.from_bytes(os.urandom(2), "big"), -1) if ident not in used)
        port = self.ports[number] = Port(number, key, ident, self._nonce, self._modes)
        port.open(_BUFFER_MIN_OCTETS)
        if port.problem:
            _log.warning("%s", port.problem)
        return port

    def tend_ports(self) -> None:
        """Open what could not be opened, close what nobody uses, and fit buffers and tick to the rate."""
        r = self.layout.rows
        in_use = set(np.unique(r.port[r.active]).tolist())
        tick = self._tick_for_rate()
        ticks = [tick]
        for number, port in list(self.ports.items()):
            if number not in in_use:
                port.close()
                del self.ports[number]
                continue
            mine = r.active & (r.port == number)
            octets_per_second = float((_NANO / r.interval[mine]).sum()) * ECHO_TRUESIZE_OCTETS
            needed = octets_per_second * max(4 * tick, _STALL_SECONDS)
            before = port.problem
            port.tend(int(min(max(needed, _BUFFER_MIN_OCTETS), _BUFFER_MAX_OCTETS)))
            if port.problem != before:
                _log.warning("%s", port.problem or f"ICMP over IPv{port.family} works again")
            if port.datagrams is not None:
                ticks.append(port.datagrams.granted_octets / (4 * octets_per_second))
                self._tell_of_small_buffer(port, int(4 * tick * octets_per_second), ticks[-1])
        self.tick_seconds = max(_TICK_MIN_SECONDS, min(ticks))

    def _tell_of_small_buffer(self, port: Port, wanted_octets: int, tick: float) -> None:
        """Say once that the receive buffer is too small for the tick, until it is not any more."""
        assert port.datagrams is not None
        small = port.datagrams.granted_octets < wanted_octets
        if small and not port.is_told_small:
            _log.warning(
                "the receive buffer of IPv%d echoes holds %d of them, and %d are wanted: it is read every %.0f ms, "
                "which costs more and loses nothing; raise net.core.rmem_max to %d, or give CAP_NET_ADMIN",
                port.family, port.datagrams.granted_octets // ECHO_TRUESIZE_OCTETS,
                -(-wanted_octets // ECHO_TRUESIZE_OCTETS), 1000 * tick, wanted_octets // 2,
            )  # fmt: skip
        port.is_told_small = small

    def _tick_for_rate(self) -> float:
        """Return a tick that carries enough echoes to pay for its arrays, and few enough to be no flood on the line."""
        intervals = self.layout.rows.interval[self.layout.rows.active] / _NANO
        if not len(intervals):
            return self._longest_tick
        tick = max(_TICK_ECHOES / float((1 / intervals).sum()), _TICK_USUAL_SECONDS)
        # echoes that are close to one another want to leave one at a time
        return min(tick, float(intervals.min()) / 2, self._longest_tick)

    @property
    def largest_octets(self) -> int:
        """Return the length of the largest reply that is to come, with the largest IP header."""
        r = self.layout.rows
        return int(r.octets[r.active].max(initial=packet.HEADER_OCTETS)) + _IP_HEADER_MAX

    def pending_on(self, port: Port) -> Slots:
        """Return the echoes that are under way by one socket."""
        pending = self.judge.pending()
        mine: Slots = pending[self.layout.rows.port[self.layout.slots.row[pending]] == port.number]
        return mine

    def why(self, name: str) -> int:
        """Return the number that stands for a reason in the table."""
        if name not in self.whys:
            self.whys.append(name)
        return self.whys.index(name)

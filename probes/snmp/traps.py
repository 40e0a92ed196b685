"""Receives SNMP traps and informs: v1 and v2c by the own codec, v3 by pysnmp in a thread.

Whatever arrives is first held against who may send, and how much; only then is a datagram looked into. A flood costs
a look at its sender's address.
"""

import asyncio
import hmac
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING, Final

from agent.core.ports import TrapSetup
from agent.core.traps import SNMP_PORT, Sender, Trap, plain
from probes.snmp import ownengine, trapengines
from probes.snmp.oid import SnmpDecodeError
from probes.snmp.trapcodec import (
    MAX_TRAP_OCTETS,
    USM,
    Notification,
    TrapPdu,
    decode_envelope,
    decode_notification,
    decode_secure_header,
    decode_version,
    encode_acknowledgement,
    interface_of,
    oid_of,
)
from probes.snmp.trapcounters import VERSIONS, TrapCounters
from probes.snmp.trapengines import EngineBook, EngineIds
from probes.snmp.traprate import RateLimit
from probes.snmp.trapsockets import SYSTEMD, Answer, TrapListenError, TrapSocket, open_socket
from probes.snmp.trapv3 import SecureTrap, SecureTraps, choose, users

if TYPE_CHECKING:
    from probes.snmp.ownengine import OwnEngine

QUEUE_LIMIT: Final = 1000  # traps that count and wait: seconds of work for whoever takes them
TOTAL_RATE: Final = 1000.0  # traps of all senders that are looked into in a second: some 7 % of a core
SECURE_RATE: Final = 100.0  # v3 messages that pysnmp is given in a second: some 25 % of a core, beside the echoes
_DATAGRAMS_PER_WAKEUP: Final = 64  # then the loop gets its turn


class TrapReceiver:
    """Listens, drops what does not count, and gives what does: iterate over it. Belongs to one event loop."""

    capacity = QUEUE_LIMIT

    def __init__(
        self, state_dir: Path, *, handed_over: Sequence[socket] = (), engine_ids: EngineIds = lambda _address: ()
    ) -> None:
        """Open nothing yet.

        Args:
            state_dir: keeps the own engine's id and boots.
            handed_over: UDP sockets of systemd's.
            engine_ids: the engine ids that polls have learnt of the device at an address.
        """
        self._state_dir = state_dir
        self._handed_over = [TrapSocket(sock, own=False) for sock in handed_over]
        self._sockets: dict[str, list[TrapSocket]] = {}
        self._setup = TrapSetup()
        self._senders: Mapping[str, Sender] = {}
        self._communities: tuple[bytes, ...] = ()
        self._users = users({})
        self._book = EngineBook(engine_ids)
        self._own: OwnEngine | None = None
        self._secure: SecureTraps | None = None
        self._queue: deque[Trap] = deque()
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asking: set[asyncio.Task[None]] = set()
        self._closed_drops = 0
        self.counters = TrapCounters()
        self._limit_by_source = RateLimit(self._setup.rate)
        self._limit_in_all = RateLimit(TOTAL_RATE)
        self._limit_secure = RateLimit(SECURE_RATE)

    # ------------------------------------------------------------------ setting up

    async def configure(self, setup: TrapSetup) -> None:
        """Listen as `setup` says: on all of its addresses, or as before.

        Raises:
            TrapListenError: an address cannot be had.
        """
        self._loop = asyncio.get_running_loop()
        opened: dict[str, list[TrapSocket]] = {}
        try:
            for listen in setup.listen:
                if listen not in self._sockets:
                    opened[listen] = self._open(listen)
        except TrapListenError:
            for sock in (sock for socks in opened.values() for sock in socks):
                sock.close()
            raise
        if setup.listen and self._own is None:
            self._own = await asyncio.to_thread(ownengine.start, self._state_dir)
            self._secure = SecureTraps(self._own, self._accept_secure, self._judged)
        for listen in self._sockets.keys() - set(setup.listen):
            self._shut(self._sockets.pop(listen))
        for listen, socks in opened.items():
            self._sockets[listen] = socks
            for sock in socks:
                self._loop.add_reader(sock.sock, self._readable, sock)
        self._adopt(setup)

    def _open(self, listen: str) -> list[TrapSocket]:
        if listen != SYSTEMD:
            return [open_socket(listen)]
        if not self._handed_over:
            raise TrapListenError(
                "traps cannot be received: `listen: systemd`, and systemd handed over no socket;"
                " `systemctl enable --now linewarden-trap.socket`, then start the agent anew"
            )
        return self._handed_over

    def _adopt(self, setup: TrapSetup) -> None:
        if setup.rate != self._setup.rate:
            self._limit_by_source = RateLimit(setup.rate)
        self._setup = setup
        usable = [auth for auth in setup.auths.values() if auth.problem is None and auth.version != USM]
        found = dict.fromkeys(auth.community.encode(errors="surrogateescape") for auth in usable)
        self._communities = tuple(found)
        self._users = users(setup.auths)

    def know(self, senders: Mapping[str, Sender]) -> None:
        """Take from these addresses, and drop what comes from others."""
        self._senders = senders
        self._book.keep(senders)

    def learn(self, address: str, *engine_ids: bytes) -> None:
        """Take the engine ids that the agents at an address have told, in place of former ones."""
        self._book.learn(address, *engine_ids)

    def _shut(self, socks: list[TrapSocket]) -> None:
        for sock in socks:
            self._closed_drops += sock.dropped()
            if self._loop is not None and not self._loop.is_closed():
                self._loop.remove_reader(sock.sock)
            sock.close()

    async def close(self) -> None:
        """Stop listening."""
        for socks in self._sockets.values():
            self._shut(socks)
        self._sockets.clear()
        for task in self._asking:
            task.cancel()
        if self._secure is not None:
            await asyncio.to_thread(self._secure.close)

    # ------------------------------------------------------------------ what others read

    async def __aiter__(self) -> AsyncIterator[Trap]:
        """Give each trap that counts, until the task is cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                yield self._queue.popleft()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens."""
        return [sock.sock.getsockname()[:2] for socks in self._sockets.values() for sock in socks]

    @property
    def depth(self) -> int:
        """How many traps wait to be taken, or for pysnmp."""
        return len(self._queue) + (self._secure.waiting if self._secure is not None else 0)

    @property
    def received(self) -> Mapping[tuple[str, str], int]:
        """Traps that counted, by version and kind; nothing where traps are not received."""
        return self.counters.received if self._own is not None else {}

    @property
    def dropped(self) -> Mapping[tuple[str], int]:
        """Datagrams that did not count, by reason; nothing where traps are not received."""
        if self._own is None:
            return {}
        kernel = sum(sock.dropped() for socks in self._sockets.values() for sock in socks)
        return {**self.counters.dropped, ("receive_buffer",): self._closed_drops + kernel}

    @property
    def listening(self) -> int:
        """On how many sockets it listens."""
        return sum(len(socks) for socks in self._sockets.values())

    # ------------------------------------------------------------------ receiving

    def _readable(self, sock: TrapSocket) -> None:
        for _ in range(_DATAGRAMS_PER_WAKEUP):
            try:
                data, sender, answer = sock.receive()
            except BlockingIOError:
                return
            except OSError:  # what became of an answer
                continue
            self._received(data, sender[0], answer)

    def _received(self, data: bytes, host: str, answer: Answer) -> None:
        assert self._loop is not None
        address = plain(host) if ":" in host else host
        who = self._senders.get(address)
        now = self._loop.time()
        if who is None:
            return self._drop("unknown_source", address)
        if not self._limit_by_source.allow(address, now):
            return self._drop("source_rate", address)
        if not self._limit_in_all.allow("", now):
            return self._drop("total_rate", address)
        if len(data) > MAX_TRAP_OCTETS:
            return self._drop("too_long", address)
        try:
            secure = decode_version(data) == USM
            reason = self._on_secure(data, address, answer) if secure else self._on_plain(data, address, answer)
        except SnmpDecodeError:
            reason = "garbage"
        if reason:
            self._drop(reason, address)
        return None

    def _on_plain(self, data: bytes, address: str, answer: Answer) -> str:
        """Take a v1 or v2c message; return why it is dropped, or ""."""
        envelope = decode_envelope(data)
        # all of them are compared, so that the time tells nothing
        if not sum(hmac.compare_digest(envelope.community, known) for known in self._communities):
            return "wrong_community"
        notification = decode_notification(data, envelope.pdu_at)
        if notification is None or (notification.pdu == TrapPdu.TRAP_V1) != (envelope.version == 0):
            return "not_a_trap"
        trap = self._trap(address, VERSIONS[envelope.version], notification)
        if len(self._queue) >= QUEUE_LIMIT:
            return "queue_full"
        self._queue.append(trap)
        self._took(trap)
        if trap.inform:
            answer(encode_acknowledgement(envelope.version, envelope.community, notification))
        return ""

    def _trap(self, address: str, version: str, notification: Notification) -> Trap:
        index, names = interface_of(notification)
        devices = self._senders.get(address, Sender()).devices
        inform = notification.pdu == TrapPdu.INFORM
        kind, at = notification.kind, datetime.now(UTC)
        return Trap(address, devices, version, kind, oid_of(notification), at, inform, index, names)

    def _took(self, trap: Trap) -> None:
        self.counters.received[trap.version, trap.kind] += 1
        self.counters.acknowledged += trap.inform
        self._wake.set()

    def _drop(self, reason: str, address: str) -> None:
        assert self._loop is not None
        self.counters.drop(reason, address, self._loop.time())

    # ------------------------------------------------------------------ v3

    def _on_secure(self, data: bytes, address: str, answer: Answer) -> str:
        """Look at a v3 message's header, and let pysnmp judge the rest; return why it is dropped, or ""."""
        assert self._own is not None
        assert self._secure is not None
        header = decode_secure_header(data)
        if header.security_model != USM:
            return "not_a_trap"
        if not header.engine_id:  # who asks for our engine
            good = header.reportable and not header.authenticated
            return "garbage" if not good else self._judge(SecureTrap(data, header, address, None, answer))
        preferred = self._senders[address].auths
        auth, reason = choose(header, self._own.engine_id, self._users, preferred)
        if auth is None:
            return reason
        trap = SecureTrap(data, header, address, auth, answer)
        if header.engine_id != self._own.engine_id and not self._book.knows(address, header.engine_id):
            return self._ask(trap)
        return self._judge(trap)

    def _judge(self, trap: SecureTrap) -> str:
        assert self._secure is not None
        assert self._loop is not None
        if not self._limit_secure.allow("", self._loop.time()):
            return "total_rate"
        return "" if self._secure.offer(trap) else "queue_full"

    def _ask(self, trap: SecureTrap) -> str:
        """Ask the device for its engine id while its trap waits; return why that is dropped, or ""."""
        assert self._loop is not None
        room = len(self._asking) < trapengines.MAX_ASKED
        if not room or not self._book.may_ask(trap.address, self._loop.time()):
            return "unknown_engine"
        self.counters.engine_questions += 1
        task = self._loop.create_task(self._learn(trap), name=f"engine id of {trap.address}")
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        return ""

    async def _learn(self, trap: SecureTrap) -> None:
        ports = self._senders.get(trap.address, Sender()).ports or (SNMP_PORT,)
        told = await asyncio.gather(*(trapengines.ask(trap.address, port) for port in ports))
        if found := [engine_id for engine_id in told if engine_id is not None]:
            self._book.learn(trap.address, *found)
        known = self._book.knows(trap.address, trap.header.engine_id)
        if reason := self._judge(trap) if known else "unknown_engine":
            self._drop(reason, trap.address)

    def _accept_secure(self, secure: SecureTrap, notification: Notification) -> bool:
        """Called in pysnmp's thread."""
        try:
            trap = self._trap(secure.address, "v3", notification)
        except SnmpDecodeError:
            return False
        if len(self._queue) >= QUEUE_LIMIT:
            return False
        self._queue.append(trap)
        self._soon(self._took, trap)
        return True

    def _judged(self, reason: str, address: str) -> None:
        """Called in pysnmp's thread."""
        if reason:
            self._soon(self._drop, reason, address)

    def _soon(self, call: object, *arguments: object) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(call, *arguments)  # type: ignore[arg-type] # one of the two above
        except RuntimeError:  # the loop has ended
            return

"""The UDP engine of SNMP: one socket per family, any number of conversations, no task or timer per packet.

An answer is given to the conversation whose request-id it carries, if it comes from the address and port that was
asked; the conversation's next request leaves within the same callback. Lost packets are repeated with the same
request-id, so that a slow agent's answer to the first try counts, and later ones are merely late.
"""

import asyncio
import errno
import secrets
import socket
import struct
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from probes.snmp import refusals
from probes.snmp.asking import Asker, Question
from probes.snmp.ber import SnmpDecodeError
from probes.snmp.errors import SnmpLocalError, SnmpRefused, SnmpReportError, SnmpTimeout
from probes.snmp.known import Known
from probes.snmp.speaker import Answer, Community, Engines, Secure, Speaker, opened
from probes.snmp.usm import User

MAX_IN_FLIGHT: Final = 100  # measured: up to here no answer is lost in a default receive buffer
MAX_WAITING: Final = 10_000  # conversations that wait for their turn
TICK_SECONDS: Final = 0.05  # how exact a timeout is
# who is silent for longer will not fill the buffer together with the others: who waits may ask
_SLOT_SECONDS: Final = 0.25
_RECEIVE_BUFFER_OCTETS: Final = 1 << 20  # bounded by net.core.rmem_max
_DATAGRAMS_PER_WAKEUP: Final = 64  # then the loop gets its turn
_SO_MEMINFO: Final = 55
_MEMINFO_DROPS: Final = 8
_PASSING: Final = frozenset((errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM, errno.ECONNREFUSED))


@dataclass(slots=True)
class Counters:
    """What the engine has seen since it began; all are totals."""

    requests: int = 0
    retransmissions: int = 0
    answers: int = 0
    timeouts: int = 0  # tries without an answer
    garbage: int = 0  # datagrams that are no SNMP answer
    foreign: int = 0  # right request-id, wrong address or port
    late: int = 0  # request-id that nothing waits for: duplicates, and answers after the last try
    refusals: int = 0  # ICMP errors
    socket_drops: int = 0  # lost in this host's own receive buffer


@dataclass(frozen=True, slots=True)
class Peer:
    """A resolved address."""

    family: socket.AddressFamily
    sockaddr: tuple[str, int] | tuple[str, int, int, int]

    def __str__(self) -> str:
        """Show the address as people write it."""
        host, port = self.sockaddr[:2]
        return f"[{host}]:{port}" if self.family == socket.AF_INET6 else f"{host}:{port}"


@dataclass(frozen=True, slots=True)
class Session:
    """How one agent is spoken to.

    Attributes:
        retries: tries after the first.
        any_source: take answers from another address or port than the one asked (multi-homed agents do this);
            the request-id alone then protects against forged answers.
        user: who asks by SNMPv3; `version` and `community` do not count then.
        source: address of this host to ask from; None leaves it to the routing table.
    """

    peer: Peer
    version: int
    community: bytes = field(repr=False)
    timeout_seconds: float = 2.0
    retries: int = 2
    any_source: bool = False
    user: User | None = None
    source: str | None = None

    @property
    def where(self) -> tuple[str, int]:
        """Address and port of the agent."""
        return self.peer.sockaddr[0], self.peer.sockaddr[1]


class _Conversation:
    """One asker's present request. Lives in `_pending` under its request-id, or in `_waiting`."""

    __slots__ = (
        "asker",
        "data",
        "deadline",
        "drops",
        "future",
        "holds_slot",
        "question",
        "refusal",
        "repeats",
        "request_id",
        "session",
        "sock",
        "speaker",
        "tries",
    )

    def __init__(self, session: Session, speaker: Speaker, asker: Asker, future: asyncio.Future[None]) -> None:
        self.session = session
        self.speaker = speaker
        self.sock: socket.socket | None = None
        self.asker = asker
        self.future = future
        self.question: Question | None = None  # the one under way
        self.data = b""
        self.request_id = 0
        self.deadline = 0.0
        self.tries = 0
        self.repeats = 0  # of all its requests
        self.drops = 0
        self.holds_slot = False
        self.refusal: refusals.Refusal | None = None  # what ICMP said of the present request


class SnmpClient:
    """Conversations over UDP. Belongs to the event loop in which it is first used; close it there."""

    def __init__(self, *, max_in_flight: int = MAX_IN_FLIGHT) -> None:
        self.counters = Counters()
        self._max_in_flight = max_in_flight
        self._in_flight = 0
        self.engines = Engines()
        self._sockets: dict[tuple[int, str | None], socket.socket] = {}
        self._pending: dict[int, _Conversation] = {}
        self._waiting: deque[_Conversation] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    async def resolve(self, host: str, port: int) -> Peer:
        """Return the first address of a name; literals cost no look-up, names are looked up in a thread.

        Raises:
            SnmpLocalError: when the name has no address.
        """
        loop = asyncio.get_running_loop()
        numeric = socket.AI_NUMERICHOST
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=numeric)
        except (OSError, UnicodeError):
            try:
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
            except (OSError, UnicodeError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                raise SnmpLocalError(f"the name {host!r} has no address: {reason}") from error
        family, _, _, _, sockaddr = found[0]
        return Peer(socket.AddressFamily(family), sockaddr)  # type: ignore[arg-type] # UDP over IP has no other form

    async def converse(self, session: Session, asker: Asker) -> int:
        """Ask until the asker has no more questions; return how many requests were sent again.

        Raises:
            SnmpTimeout: when one request stays unanswered after all tries; what the asker has stays in it.
            SnmpRefused: the same, and the device says that nobody listens there.
            SnmpReportError: the agent refuses this SNMPv3 user or message, and says why.
            SnmpLocalError: when this host cannot send, or lost answers itself.
        """
        if self._closed:
            raise SnmpLocalError("the SNMP engine is closed")
        if len(self._waiting) >= MAX_WAITING:
            raise SnmpLocalError(f"{MAX_WAITING} SNMP conversations are waiting for their turn already")
        self._loop = asyncio.get_running_loop()
        talk = _Conversation(session, self._speaker(session), asker, self._loop.create_future())
        try:
            self._ask(talk)
            self._admit()
            await talk.future
            return talk.repeats
        finally:
            self._release(talk)
            self._admit()

    def _speaker(self, session: Session) -> Speaker:
        if session.user is not None:
            return Secure(session.user, self.engines, session.where)
        return Community(session.version, session.community)

    def close(self) -> None:
        """Close the sockets; conversations under way end with SnmpLocalError."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for sock in self._sockets.values():
            if self._loop is not None and not self._loop.is_closed():
                self._loop.remove_reader(sock)
            sock.close()
        self._sockets.clear()
        for talk in (*self._pending.values(), *self._waiting):
            self._fail(talk, SnmpLocalError("the SNMP engine was closed"))
        self._pending.clear()
        self._waiting.clear()

    # -------------------------------------------------------------- sending

    def _ask(self, talk: _Conversation) -> None:
        """Send the conversation's next question, or line it up when enough are in flight, or end it."""
        assert self._loop is not None
        if talk.question is None:
            talk.question = talk.asker.next()
        if talk.question is None:
            if not talk.future.done():
                talk.future.set_result(None)
            return
        # four octets in any case, unguessable, and not in use
        while (request_id := 0x40000000 | secrets.randbits(30)) in self._pending:
            pass
        talk.request_id = request_id
        talk.data = talk.speaker.request(talk.question, request_id, self._loop.time())
        talk.tries = 0
        talk.refusal = None
        if self._waiting or self._in_flight >= self._max_in_flight:
            self._waiting.append(talk)  # behind those that wait already: a long walk does not starve the others
        else:
            self._begin(talk)

    def _begin(self, talk: _Conversation) -> None:
        self._in_flight += 1
        talk.holds_slot = True
        self._pending[talk.request_id] = talk
        try:
            talk.sock = talk.sock or self._socket(talk.session)
            talk.drops = self._drops(talk.sock)
        except OSError as error:
            source = f" from {talk.session.source}" if talk.session.source else ""
            self._fail(talk, SnmpLocalError(f"no UDP socket{source}: {error.strerror}"))
            return
        self.counters.requests += 1
        self._transmit(talk)

    def _transmit(self, talk: _Conversation) -> None:
        assert self._loop is not None
        talk.tries += 1
        talk.deadline = self._loop.time() + talk.session.timeout_seconds
        sock = talk.sock or self._socket(talk.session)
        for last in (False, False, True):
            try:
                sock.sendto(talk.data, talk.session.peer.sockaddr)
                break
            except OSError as error:
                if error.errno in _PASSING and last:  # a full queue passes: the next try sends again
                    break
                if last:
                    self._fail(talk, SnmpLocalError(f"cannot send to {talk.session.peer}: {error.strerror}"))
                    return
                self._hear_refusals(sock)  # the error may be that of an earlier datagram to somebody else
        if self._timer is None:
            self._timer = self._loop.call_later(TICK_SECONDS, self._tick)

    def _admit(self) -> None:
        """Let those that wait go on, as far as slots are free."""
        while self._waiting and self._in_flight < self._max_in_flight and not self._closed:
            talk = self._waiting.popleft()
            if not talk.future.done():
                self._begin(talk)

    def _release(self, talk: _Conversation) -> None:
        """Forget the present request."""
        if self._pending.get(talk.request_id) is talk:
            del self._pending[talk.request_id]
        self._free_slot(talk)

    def _free_slot(self, talk: _Conversation) -> None:
        if talk.holds_slot:
            talk.holds_slot = False
            self._in_flight -= 1

    def _fail(self, talk: _Conversation, error: Exception) -> None:
        if not talk.future.done():
            talk.future.set_exception(error)

    # -------------------------------------------------------------- sockets

    def _socket(self, session: Session) -> socket.socket:
        family = session.peer.family
        if sock := self._sockets.get((family, session.source)):
            return sock
        assert self._loop is not None
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_OCTETS)
            refusals.enable(sock)
            sock.bind((session.source or "", 0))
        except OSError:
            sock.close()
            raise
        self._sockets[family, session.source] = sock
        self._loop.add_reader(sock, self._readable, sock)
        return sock

    def _drops(self, sock: socket.socket) -> int:
        """Return how many datagrams the kernel has dropped for want of room in this socket's buffer."""
        try:
            words = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36)
        except OSError:  # before Linux 4.12
            return 0
        return int(struct.unpack("9I", words)[_MEMINFO_DROPS]) if len(words) == 36 else 0

    # -------------------------------------------------------------- receiving

    def _readable(self, sock: socket.socket) -> None:
        # one more try than there are answers to come would be in vain; what is there all the same wakes us again
        self._receive(sock, min(_DATAGRAMS_PER_WAKEUP, max(1, len(self._pending))))

    def _receive(self, sock: socket.socket, most: int) -> None:
        for number in range(most):
            try:
                data, sender = sock.recvfrom(65535)
            except BlockingIOError:
                if not number:  # woken, and not by a datagram
                    self._hear_refusals(sock)
                break
            except OSError:
                self._hear_refusals(sock)
                continue
            self._received(data, sender)
        self._admit()

    def _received(self, data: bytes, sender: tuple[str, int]) -> None:
        assert self._loop is not None
        try:
            number, read = opened(data)
        except SnmpDecodeError:
            self.counters.garbage += 1
            return
        talk = self._pending.get(number)
        if talk is None or talk.future.done():
            self.counters.late += 1
            return
        if sender[:2] != talk.session.where and not talk.session.any_source:
            self.counters.foreign += 1
            return
        try:
            assert talk.question is not None
            answer = talk.speaker.read(read, data, self._loop.time(), talk.question)
            if isinstance(answer, Known) and talk.question.take_known is not None:
                talk.question.take_known(answer)
        except SnmpDecodeError:
            self.counters.garbage += 1
            return
        except SnmpReportError as error:
            self.counters.answers += 1
            self._release(talk)
            self._fail(talk, type(error)(f"{talk.session.peer}: {error}"))
            return
        self.counters.answers += 1
        self._release(talk)
        try:
            if isinstance(answer, Answer):
                talk.asker.take(*answer)
            if answer is not None:
                talk.question = None
            self._ask(talk)
        except Exception as error:
            self._fail(talk, error)

    def _hear_refusals(self, sock: socket.socket) -> None:
        """Note what ICMP says of requests; the tries go on, for an agent that restarts is refused for a moment."""
        for refusal in refusals.drained(sock):
            self.counters.refusals += 1
            for talk in self._pending.values():
                if talk.session.where == (refusal.host, refusal.port):
                    talk.refusal = refusal

    # -------------------------------------------------------------- time

    def _tick(self) -> None:
        """Repeat or end what has waited too long."""
        assert self._loop is not None
        self._timer = None
        if any(talk.deadline <= self._loop.time() for talk in self._pending.values()):
            # a loop that was busy has answers in its sockets: they came in time
            for sock in list(self._sockets.values()):
                self._receive(sock, _DATAGRAMS_PER_WAKEUP)
        now = self._loop.time()
        for talk in self._pending.values():
            if talk.holds_slot and talk.deadline - talk.session.timeout_seconds + _SLOT_SECONDS <= now:
                self._free_slot(talk)
        for talk in [talk for talk in self._pending.values() if talk.deadline <= now]:
            self.counters.timeouts += 1
            # who does not answer at once must not keep those from being asked who do
            self._free_slot(talk)
            if talk.tries <= talk.session.retries:
                self.counters.retransmissions += 1
                talk.repeats += 1
                self._transmit(talk)
            else:
                self._give_up(talk)
        self._admit()
        if self._pending and self._timer is None:
            self._timer = self._loop.call_later(TICK_SECONDS, self._tick)

    def _give_up(self, talk: _Conversation) -> None:
        peer, tries = talk.session.peer, talk.tries
        del self._pending[talk.request_id]
        hint = talk.speaker.silence()
        drops = self._drops(talk.sock or self._socket(talk.session))
        if lost := drops - talk.drops:
            self.counters.socket_drops = max(self.counters.socket_drops, drops)
            reason = f"no answer from {peer}, but this host's own receive buffer lost {lost} datagrams meanwhile"
            self._fail(talk, SnmpLocalError(reason))
            return
        counted = f"{tries} {'try' if tries == 1 else 'tries'}"
        if talk.refusal is None:
            self._fail(talk, SnmpTimeout(f"no answer from {peer} after {counted}{'; ' if hint else ''}{hint}"))
        elif talk.refusal.closed:
            self._fail(talk, SnmpRefused(f"{peer} refused {counted}: {talk.refusal.said}"))
        else:
            self._fail(talk, SnmpTimeout(f"no answer from {peer} after {counted}; {talk.refusal.said}"))

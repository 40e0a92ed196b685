"""One ICMP socket of the engine: what is sent by it, and what comes in."""

import contextlib
import socket
from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from probes.icmp import packet
from probes.icmp.judge import Judge
from probes.icmp.sockets import Mode, NotPermittedError, open_socket
from probes.icmp.table import Slots, address_words
from probes.wire.clock import Clock
from probes.wire.datagrams import ECHO_TRUESIZE_OCTETS, Datagrams, Inbox

_ECN: Final = 3  # RFC 3168 5: the low two bits of the type of service, which routers change as they please
_RING: Final = 1 << 16  # sent datagrams whose transmit stamp may still come
_MAX_BATCHES: Final = 64  # per tick: a flood of replies must not hold up the loop
_MAX_ERRORS: Final = 256  # per batch of replies: ICMP errors are taken apart one by one


class Port:
    """One socket of the engine, or why there is none.

    Attributes:
        why: the short reason why nothing can be sent; empty when it works.
        problem: the same as a sentence.
        mode: raw or dgram; empty without a socket.
        stamping: whether the kernel stamps what is sent.
        is_told_small: whether it was said that the receive buffer is too small.
    """

    def __init__(
        self, number: int, key: tuple[int, str | None, bool], ident: int, nonce: bytes, modes: Sequence[Mode]
    ) -> None:
        """Describe a socket by its key (family, interface to bind to, never to fragment); `open` opens it."""
        self.number = number
        self.key = key
        self.nonce = nonce
        self.family, self.interface, self.df = key
        self.ident = ident
        self.mode: Mode | Literal[""] = ""
        self.why = "no_socket"
        self.problem = ""
        self.stamping = False
        self.is_told_small = False
        self.datagrams: Datagrams | None = None
        self.drops_total = 0
        self._modes = modes
        self._interface_index = 0
        self._ring: npt.NDArray[np.int64] = np.full(_RING, -1, np.int64)
        self._sent = 0

    def open(self, buffer_octets: int) -> None:
        """Open the socket; what stands in the way is kept in `why` and `problem`."""
        try:
            sock, self.mode = open_socket(self.family, self.interface, self.ident, self._modes, df=self.df)
        except OSError as error:
            self.mode = ""
            if isinstance(error, NotPermittedError):
                self.why, self.problem = "no_permission", str(error)
            elif self.interface is not None and self._index() == 0:
                self.why, self.problem = "interface_gone", f"there is no interface {self.interface}"
            else:
                self.why, self.problem = "no_socket", f"no ICMP socket for IPv{self.family}: {error}"
            return
        self.datagrams = Datagrams(sock)
        self.datagrams.ask_receive_buffer(buffer_octets)
        self.stamping = self.datagrams.start_stamps()
        if self.family == 6 or self.mode == "dgram":  # a raw IPv4 socket hands the IP header over
            self.datagrams.receive_arrivals(self.family)
        self._sent = 0
        self._interface_index = self._index()
        self.why = self.problem = ""

    def tend(self, buffer_octets: int) -> None:
        """Open the socket if it is not, and again if its interface is another one by now under the same name."""
        if self.datagrams is not None and self.interface is not None and self._index() != self._interface_index:
            self.close()
            self.why, self.problem = "interface_gone", f"interface {self.interface} is gone"
        if self.datagrams is None:
            self.open(buffer_octets)
        else:
            self.datagrams.ask_receive_buffer(buffer_octets)

    @property
    def chunk(self) -> int:
        """Return how many echoes may be sent before their replies must be read."""
        granted = self.datagrams.granted_octets if self.datagrams else 0
        return min(256, max(16, granted // (4 * ECHO_TRUESIZE_OCTETS)))

    def new_drops(self) -> int:
        """Return how many replies the kernel threw away since the last call."""
        drops = self.datagrams.new_drops() if self.datagrams else 0
        self.drops_total += drops
        return drops

    def send(self, headers: npt.NDArray[np.uint64], slots: Slots, judge: Judge, inbox: Inbox) -> list[tuple[int, int]]:
        """Send echoes; return (position, errno) of those that could not be sent: one of them stops no other."""
        assert self.datagrams is not None
        failures: list[tuple[int, int]] = []
        place, retried = 0, False
        while place < len(headers):
            count = self.datagrams.send(headers[place:])
            if count > 0:
                self._remember(slots[place : place + count])
                self._sent = (self._sent + count) & 0xFFFFFFFF
                place, retried = place + count, False
                continue
            # the kernel may have counted the failed datagram or not: begin its counter anew
            self._read_error_queue(judge, inbox)
            self.stamping = self.datagrams.start_stamps()
            self._sent = 0
            if self.mode == "dgram" and not retried:
                # the error may be an earlier echo's: only the second one is this one's own
                self.datagrams.clear_error()
                retried = True
                continue
            failures.append((place, -count))
            place, retried = place + 1, False
        return failures

    def _remember(self, slots: Slots) -> None:
        """Keep which echo each datagram carries, for its transmit stamp."""
        begin = self._sent % _RING
        if begin + len(slots) <= _RING:
            self._ring[begin : begin + len(slots)] = slots
        else:
            self._ring[(begin + np.arange(len(slots))) % _RING] = slots

    def drain(self, judge: Judge, inbox: Inbox, clock: Clock) -> bool:
        """Take in everything that has come; return whether the socket is empty now."""
        if self.datagrams is None:
            return True
        self._read_error_queue(judge, inbox)
        for _ in range(_MAX_BATCHES):
            count = inbox.receive(self.datagrams.fd)
            if count == 0:
                return True
            if count < 0:  # an ICMP error that came meanwhile; receiving has taken it off the socket
                self._read_error_queue(judge, inbox)
                continue
            self._take(count, judge, inbox, clock)
            if count < inbox.batch:
                return True
        return False

    def close(self) -> None:
        """Close the socket."""
        if self.datagrams is not None:
            self.datagrams.close()
            self.datagrams = None
        self.mode = ""

    def _index(self) -> int:
        if self.interface is None:
            return 0
        with contextlib.suppress(OSError):
            return socket.if_nametoindex(self.interface)
        return 0

    def _take(self, count: int, judge: Judge, inbox: Inbox, clock: Clock) -> None:
        octets, lengths, stamps = inbox.octets[:count], inbox.lengths(count), inbox.stamps(count)
        high, low = inbox.senders(count, self.family)
        if self.family == 4 and self.mode == "raw":
            starts: int | npt.NDArray[np.int64] = packet.header_lengths(octets)
            arrivals = (octets[:, 8].astype(np.int32) << 8) | octets[:, 1]  # RFC 791 3.1: time to live, type of service
            whole = packet.intact(octets, lengths, starts)
        else:  # the kernel drops what is not intact
            starts, arrivals, whole = 0, inbox.arrivals(count), None
        replies, indices = packet.read_replies(octets, lengths, starts, self.family, self.nonce)
        if len(replies) < count:
            rest = np.setdiff1d(np.arange(count), replies)
            self._take_errors(rest if whole is None else rest[whole[rest]], judge, inbox)
            high, low, stamps, arrivals = high[replies], low[replies], stamps[replies], arrivals[replies]
        slots, ours = judge.find(indices, (high, low), self.number, (lengths - starts)[replies])
        if whole is not None and not whole.all():
            good = whole[replies]
            judge.corrupted(slots[ours & ~good], int(np.count_nonzero(~whole)) - int(np.count_nonzero(ours & ~good)))
            ours &= good
        if not ours.all():
            slots, stamps, arrivals = slots[ours], stamps[ours], arrivals[ours]
        if not len(slots):
            return
        judge.arrivals.look(slots, arrivals & ~_ECN)
        if self.stamping and judge.never_left(slots).any():
            self._read_error_queue(judge, inbox)  # a stamp is queued before its packet leaves: it is there by now
        now = clock.read()
        if not self.stamping:
            stamps = np.full(len(slots), now.wall)
        judge.receive(slots, stamps, now.monotonic)

    def _take_errors(self, places: npt.NDArray[np.intp], judge: Judge, inbox: Inbox) -> None:
        width = inbox.octets.shape[1]
        for place in places[:_MAX_ERRORS].tolist():
            octets = inbox.octets[place, : min(int(inbox.headers["len"][place]), width)].tobytes()
            try:
                if self.family == 4 and self.mode == "raw":
                    octets = packet.strip_ipv4(octets)
                message = packet.decode(self.family, octets)
            except packet.PacketError:
                continue
            if isinstance(message, packet.ErrorMessage):
                address = inbox.names[place, 4:8] if self.family == 4 else inbox.names[place, 8:24]
                domain = socket.AF_INET if self.family == 4 else socket.AF_INET6
                self._refuse(message, socket.inet_ntop(domain, address.tobytes()), judge)

    def _refuse(self, message: packet.ErrorMessage, offender: str, judge: Judge) -> None:
        slot = self._slot_of(message, judge)
        if slot is not None:
            words = packet.describe_error(self.family, message.type, message.code, message.mtu)
            judge.refuse(slot, f"{offender}: {words}")

    def _slot_of(self, message: packet.ErrorMessage, judge: Judge) -> int | None:
        where = address_words(message.destination)
        if message.index is not None:
            if message.nonce != self.nonce:
                return None
            index = np.array([message.index], np.uint32)
            words = tuple(np.array([word], np.uint64) for word in where)
            slots, ours = judge.find(index, (words[0], words[1]), self.number)
            return int(slots[0]) if ours[0] else None
        # RFC 792 asks a router for 8 octets only: identifier and sequence number, the low half of the index
        if message.ident != self._own_ident():
            return None
        s, r = judge.layout.slots, judge.layout.rows
        pending = judge.pending()
        rows = s.row[pending]
        match = (s.index[pending] & 0xFFFF == message.sequence) & (r.port[rows] == self.number)
        match &= (r.where[rows] == where[0]) & (r.where_low[rows] == where[1])
        found = pending[match]
        return int(found[0]) if len(found) == 1 else None

    def _own_ident(self) -> int:
        if self.mode == "raw" or self.datagrams is None:
            return self.ident
        ident: int = self.datagrams.sock.getsockname()[1]
        return ident

    def _read_error_queue(self, judge: Judge, inbox: Inbox) -> None:
        """Take transmit stamps, and with a ping socket ICMP errors, off the error queue."""
        assert self.datagrams is not None
        for _ in range(_MAX_BATCHES):
            count = inbox.receive(self.datagrams.fd, errors=True)
            if count <= 0:
                return
            keys, stamps, good = inbox.sent_stamps(count)
            good &= np.uint32((self._sent - 1) & 0xFFFFFFFF) - keys < _RING  # modulo 2^32: how far it lies behind
            if not good.all():
                keys, stamps = keys[good], stamps[good]
            judge.stamp(self._ring[keys % _RING], stamps)
            if self.mode == "dgram":
                self._take_queued(count, judge, inbox)
            if count < inbox.batch:
                return

    def _take_queued(self, count: int, judge: Judge, inbox: Inbox) -> None:
        for error in inbox.queued_errors(count):
            with contextlib.suppress(packet.PacketError):
                message = packet.decode_quoted(
                    self.family, error.type, error.code, error.destination, error.payload, error.mtu
                )
                if message is not None:
                    # the kernel gives a ping socket only errors about its own echoes; the index says about which
                    self._refuse(message, error.offender, judge)

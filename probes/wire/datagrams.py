"""Datagrams in batches, with the kernel's own stamps: sendmmsg, recvmmsg, SO_TIMESTAMPING, the error queue.

Nothing is allocated per packet: one `Inbox` receives for all sockets of a stream, and senders keep their headers built.
"""

import contextlib
import errno
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from probes.wire import kernel

ECHO_TRUESIZE_OCTETS: Final = 832  # what one small packet takes of a receive buffer, whatever its length
_STAMP_FLAGS: Final = kernel.TX_SOFTWARE | kernel.RX_SOFTWARE | kernel.SOFTWARE | kernel.OPT_TSONLY
_HEADER_WORDS: Final = kernel.MMSGHDR.itemsize // 8
_NAME_OCTETS: Final = 32  # room for an address, aligned
_CONTROL_OCTETS: Final = 256  # a time stamp (64) and an extended error with an IPv6 offender (16 + 16 + 28), with room
_NANO: Final = 1_000_000_000
# plain numbers: to combine two members of socket.MsgFlag takes as long as to receive a packet
_RECEIVE_FLAGS: Final = int(socket.MSG_DONTWAIT)
_ERROR_FLAGS: Final = _RECEIVE_FLAGS | kernel.MSG_ERRQUEUE
_SEND_FLAGS: Final = _RECEIVE_FLAGS | int(socket.MSG_NOSIGNAL)
# level and type of control messages, as they stand beside one another: of IPv4 and of IPv6
_TTL_KINDS: Final = (kernel.kind(socket.IPPROTO_IP, socket.IP_TTL), kernel.kind(41, socket.IPV6_HOPLIMIT))
_TOS_KINDS: Final = (kernel.kind(socket.IPPROTO_IP, socket.IP_TOS), kernel.kind(41, socket.IPV6_TCLASS))
_ARRIVAL_OCTETS: Final = kernel.SCM_TIMESTAMPING_OCTETS + 24 + kernel.CMSGHDR.size + 1
_STAMP_KIND: Final = kernel.kind(socket.SOL_SOCKET, kernel.SO_TIMESTAMPING)


@dataclass(frozen=True, slots=True)
class QueuedError:
    """One ICMP error from a socket's error queue.

    Attributes:
        destination: where the datagram was going, 4 or 16 octets.
        offender: who sent the error, as text.
        payload: as much of the datagram as the error quoted.
        mtu: of the link that it was too big for; else 0.
    """

    type: int
    code: int
    destination: bytes
    offender: str
    payload: bytes
    mtu: int


class Inbox:
    """Memory for one batch of received messages; what stands in it is true until the next `receive`."""

    def __init__(self, batch: int = 256, width: int = 256) -> None:
        """Lay out `batch` messages of at most `width` octets; longer ones are cut (their head is what matters)."""
        self.batch, self.width = batch, width
        self.octets = np.zeros((batch, width), np.uint8)
        self.names = np.zeros((batch, _NAME_OCTETS), np.uint8)
        self.controls = np.zeros((batch, _CONTROL_OCTETS), np.uint8)
        self._iov = np.zeros(batch, kernel.IOVEC)
        self._iov["base"] = self.octets.ctypes.data + np.arange(batch, dtype=np.uint64) * width
        self._iov["len"] = width
        self.headers = np.zeros(batch, kernel.MMSGHDR)
        places = np.arange(batch, dtype=np.uint64)
        self.headers["name"] = self.names.ctypes.data + places * _NAME_OCTETS
        self.headers["name_len"] = kernel.SOCKADDR_OCTETS
        self.headers["iov"] = self._iov.ctypes.data + places * kernel.IOVEC.itemsize
        self.headers["iov_len"] = 1
        self.headers["control"] = self.controls.ctypes.data + places * _CONTROL_OCTETS
        self.headers["control_len"] = _CONTROL_OCTETS
        self._words = self.headers.view(np.uint64)  # numpy copies structured records twenty times slower
        self._fresh = self._words.copy()
        self._used = 0
        self._address = self.headers.ctypes.data
        # views, made once: this is read some hundred times a second
        self._lengths, self._control_lengths = self.headers["len"], self.headers["control_len"]
        self._name_words, self._name_longs = self.names.view(np.uint32), self.names.view(np.uint64)
        self._numbers, self._times = self.controls.view(np.uint32), self.controls.view(np.int64)

    def receive(self, fd: int, *, errors: bool = False) -> int:
        """Take up to a batch of messages off the socket's queue (or its error queue) without waiting.

        Returns:
            How many there are now; 0 when the queue is empty; minus an errno when the socket had an error to tell.
        """
        words = self._used * _HEADER_WORDS
        self._words[:words] = self._fresh[:words]  # the kernel has written the lengths that it used
        count = kernel.recvmmsg(fd, self._address, self.batch, _ERROR_FLAGS if errors else _RECEIVE_FLAGS)
        self._used = max(0, count)
        return 0 if count == -errno.EAGAIN else count

    def lengths(self, count: int) -> npt.NDArray[np.int64]:
        """Return int64[count]: the octets of each message."""
        return self._lengths[:count].astype(np.int64)

    def stamps(self, count: int) -> npt.NDArray[np.int64]:
        """Return int64[count]: each message's kernel stamp in nanoseconds of Unix time, 0 where there is none."""
        times = self._times[:count]
        stamps: npt.NDArray[np.int64] = times[:, 2] * _NANO
        stamps += times[:, 3]
        good = times[:, 1] == _STAMP_KIND
        good &= self._control_lengths[:count] >= kernel.SCM_TIMESTAMPING_OCTETS
        if not good.all():
            stamps[~good] = 0
        return stamps

    def senders(self, count: int, family: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        """Return two uint64[count]: the address that each message came from, as its first and its last 8 octets.

        In the order of this host's memory; an IPv4 address is the beginning of the first, and the rest is 0.
        """
        if family == 4:  # struct sockaddr_in { sa_family_t; in_port_t; struct in_addr; }
            first = np.zeros((count, 2), np.uint32)
            first[:, 0] = self._name_words[:count, 1]
            return first.view(np.uint64)[:, 0], np.zeros(count, np.uint64)
        names = self._name_longs[:count]  # struct sockaddr_in6 { ...; uint32_t sin6_flowinfo; struct in6_addr; ... }
        return names[:, 1], names[:, 2]

    def arrivals(self, count: int) -> npt.NDArray[np.int32]:
        """Return int32[count]: TTL (hop limit) * 256 + type of service (traffic class) with which each message came.

        From control messages, where `receive_arrivals` asked for them; -1 where there are none.
        """
        numbers, times = self._numbers[:count], self._times[:count]
        # they stand behind the stamp, each in 24 octets: TTL, then type of service
        ttl_kind, tos_kind = times[:, 9], times[:, 12]
        told = (ttl_kind == _TTL_KINDS[0]) & (tos_kind == _TOS_KINDS[0])
        told |= (ttl_kind == _TTL_KINDS[1]) & (tos_kind == _TOS_KINDS[1])
        told &= self._control_lengths[:count] >= _ARRIVAL_OCTETS
        found = ((numbers[:, 20] & 0xFF) << 8) | (numbers[:, 26] & 0xFF)
        return np.where(told, found, -1).astype(np.int32)

    def sent_stamps(self, count: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Read transmit stamps from a batch of the error queue.

        Returns:
            uint32[count] the counter of each datagram on its socket (OPT_ID), int64[count] the stamps, bool[count]
            whether the message is a transmit stamp at all.
        """
        place = kernel.SCM_TIMESTAMPING_OCTETS  # the stamp's control message comes first, the extended error second
        stamps = self.stamps(count)
        error = place + kernel.CMSGHDR.size
        good = (
            (stamps != 0)
            & (self._control_lengths[:count] >= error + kernel.EXTENDED_ERR.size)
            & (self.controls[:count, error + 4] == kernel.ORIGIN_TIMESTAMPING)
        )
        return self._numbers[:count, (error + 12) // 4], stamps, good

    def queued_errors(self, count: int) -> Iterator[QueuedError]:
        """Give the ICMP errors among a batch of the error queue."""
        for place in range(count):
            header = self.headers[place]
            control = self.controls[place, : int(header["control_len"])].tobytes()
            payload = self.octets[place, : min(int(header["len"]), self.octets.shape[1])].tobytes()
            error = _extended_error(control)
            if error is not None:
                kind, code, offender, mtu = error
                yield QueuedError(kind, code, _address(self.names[place].tobytes()), offender, payload, mtu)


class Datagrams:
    """One socket with what this module does to it. Closes with `close`."""

    def __init__(self, sock: socket.socket) -> None:
        """Take over a socket."""
        sock.setblocking(False)
        self.sock = sock
        self.fd = sock.fileno()
        self.granted_octets = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self._drops = self._read_drops()

    def ask_receive_buffer(self, octets: int) -> int:
        """Ask for a receive buffer and return the octets granted, which is what the kernel counts packets against.

        Without CAP_NET_ADMIN net.core.rmem_max bounds it. socket(7): "the kernel doubles this value".
        """
        if octets > self.granted_octets:
            for option in (kernel.SO_RCVBUFFORCE, socket.SO_RCVBUF):
                with contextlib.suppress(OSError):
                    self.sock.setsockopt(socket.SOL_SOCKET, option, octets // 2)
                    break
            self.granted_octets = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        return self.granted_octets

    def start_stamps(self) -> bool:
        """Ask for kernel stamps, with the counter of sent datagrams at 0; False where this kernel has none.

        Asked again, it sets the counter back to 0: the flag must be taken off first for that. What comes in is stamped
        a few milliseconds later only, when no other socket of this host had asked before: see `arrivals_are_stamped`.
        """
        try:
            for flags in (_STAMP_FLAGS, _STAMP_FLAGS | kernel.OPT_ID):
                self.sock.setsockopt(socket.SOL_SOCKET, kernel.SO_TIMESTAMPING, flags)
        except OSError:
            return False
        return True

    def receive_arrivals(self, family: int) -> None:
        """Ask for the TTL and the type of service of each message that comes in."""
        if family == 4:
            self.sock.setsockopt(socket.IPPROTO_IP, kernel.IP_RECVTTL, 1)
            self.sock.setsockopt(socket.IPPROTO_IP, kernel.IP_RECVTOS, 1)
        else:
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)

    def new_drops(self) -> int:
        """Return how many received packets the kernel threw away since the last call, for lack of buffer."""
        drops = self._read_drops()
        new = (drops - self._drops) & 0xFFFFFFFF
        self._drops = drops
        return new

    def clear_error(self) -> None:
        """Take the pending error off the socket: it belongs to an earlier datagram, not to the next one."""
        self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def send(self, headers: npt.NDArray[np.uint64]) -> int:
        """Send prebuilt messages, one struct mmsghdr a row; return how many left, or minus the errno of the first."""
        return kernel.sendmmsg(self.fd, headers.ctypes.data, len(headers), _SEND_FLAGS)

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()

    def _read_drops(self) -> int:
        words = self.sock.getsockopt(socket.SOL_SOCKET, kernel.SO_MEMINFO, 4 * kernel.MEMINFO_WORDS)
        number: int = struct.unpack_from("@I", words, 4 * kernel.MEMINFO_DROPS)[0]
        return number


def arrivals_are_stamped() -> bool:
    """Tell, by a datagram on loopback, whether the kernel stamps what comes in by now.

    It begins to when the first socket on this host asks, but by a work item (net_enable_timestamp() in net/core/dev.c),
    so that packets of the next milliseconds have no stamp. False too where loopback carries nothing.
    """
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        probe, inbox = Datagrams(sock), Inbox(batch=1)
        probe.start_stamps()
        sock.sendto(b"?", sock.getsockname())
        return inbox.receive(probe.fd) == 1 and bool(inbox.stamps(1)[0])
    return False


def sending_control(family: int, *, ttl: int | None, dscp: int | None, source: bytes | None) -> bytes:
    """Return the control messages that give one datagram its TTL, DSCP and source address.

    Args:
        family: 4 or 6.
        ttl, dscp, source: None leaves it to the socket and the routing table. `source` is 4 or 16 octets.
    """
    parts = []
    if family == 4:
        if ttl is not None:
            parts.append(kernel.control_message(socket.IPPROTO_IP, socket.IP_TTL, struct.pack("@i", ttl)))
        if dscp is not None:
            parts.append(kernel.control_message(socket.IPPROTO_IP, socket.IP_TOS, struct.pack("@i", dscp << 2)))
        if source is not None:
            # ip(7): struct in_pktinfo { unsigned int ipi_ifindex; struct in_addr ipi_spec_dst, ipi_addr; };
            # "ipi_spec_dst is used as the local source address for the routing table lookup"
            info = struct.pack("@I4s4x", 0, source)
            parts.append(kernel.control_message(socket.IPPROTO_IP, kernel.IP_PKTINFO, info))
        return b"".join(parts)
    if ttl is not None:
        parts.append(kernel.control_message(socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT, struct.pack("@i", ttl)))
    if dscp is not None:
        parts.append(kernel.control_message(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, struct.pack("@i", dscp << 2)))
    if source is not None:
        # RFC 3542 6: struct in6_pktinfo { struct in6_addr ipi6_addr; unsigned int ipi6_ifindex; }
        info = struct.pack("@16sI", source, 0)
        parts.append(kernel.control_message(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, info))
    return b"".join(parts)


def _extended_error(control: bytes) -> tuple[int, int, str, int] | None:
    """Return (type, code, offender, MTU) of an ICMP error's control message."""
    wanted = {(socket.IPPROTO_IP, kernel.IP_RECVERR), (socket.IPPROTO_IPV6, kernel.IPV6_RECVERR)}
    place, head = 0, kernel.CMSGHDR.size
    while place + head <= len(control):
        length, level, kind = kernel.CMSGHDR.unpack_from(control, place)
        if length < head:
            return None
        data = control[place + head : place + length]
        if (level, kind) in wanted and len(data) >= kernel.EXTENDED_ERR.size:
            number, origin, icmp_type, icmp_code, _, info, _ = kernel.EXTENDED_ERR.unpack_from(data)
            if origin not in (kernel.ORIGIN_ICMP, kernel.ORIGIN_ICMP6):
                return None
            offender = _address(data[kernel.EXTENDED_ERR.size :])
            family = socket.AF_INET if len(offender) == 4 else socket.AF_INET6
            # ip(7): "ee_info contains the discovered MTU for EMSGSIZE errors"
            mtu = info if number == errno.EMSGSIZE else 0
            return icmp_type, icmp_code, socket.inet_ntop(family, offender) if offender else "a router", mtu
        place += length + -length % 8
    return None


def _address(sockaddr: bytes) -> bytes:
    """Return the address in a sockaddr_in (4 octets) or sockaddr_in6 (16), or nothing."""
    if len(sockaddr) < 8:
        return b""
    family = struct.unpack_from("@H", sockaddr)[0]
    if family == socket.AF_INET:
        return sockaddr[4:8]
    return sockaddr[8:24] if family == socket.AF_INET6 and len(sockaddr) >= 24 else b""

"""The sockets that traps arrive at: opened here, or handed over by systemd."""

import errno
import socket
import struct
from collections.abc import Callable
from typing import Final

from probes.snmp.trapcodec import MAX_TRAP_OCTETS

SYSTEMD: Final = "systemd"  # stands in `listen` for the sockets that systemd handed over
_RECEIVE_BUFFER_OCTETS: Final = 4 << 20  # bounded by net.core.rmem_max; systemd gives more (ReceiveBuffer=)
_SO_MEMINFO: Final = 55
_MEMINFO_DROPS: Final = 8
_CONTROL_OCTETS: Final = 128
_IP_PKTINFO: Final = 8  # ip(7); Python has no name for it before 3.12
_IPV6_RECVPKTINFO: Final = 49
_IPV6_PKTINFO: Final = 50
_V4_INFO: Final = struct.Struct("=i4s4s")  # struct in_pktinfo: interface, own address, address in the header
_V6_INFO: Final = struct.Struct("=16si")  # struct in6_pktinfo: address, interface

Place = tuple[str, int] | tuple[str, int, int, int]
Answer = Callable[[bytes], None]


class TrapListenError(OSError):
    """An address cannot be listened on; the message names it and the likely way out."""


class TrapSocket:
    """One UDP socket; it answers from the address that was written to, also where it listens on all of them."""

    def __init__(self, sock: socket.socket, *, own: bool = True) -> None:
        """Take a bound socket.

        Args:
            own: closed when it is no longer wanted; one that was handed over cannot be had again.
        """
        self.sock = sock
        self._own = own
        sock.setblocking(False)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)

    def receive(self) -> tuple[bytes, Place, Answer]:
        """Take one datagram off the queue: its octets, who sent it, and what answers it.

        Raises:
            BlockingIOError: there is none.
            OSError: the socket has something else to tell; the next call goes on.
        """
        data, controls, _, sender = self.sock.recvmsg(MAX_TRAP_OCTETS + 1, _CONTROL_OCTETS)
        return data, sender, lambda octets: self._send(octets, sender, controls)

    def _send(self, octets: bytes, to: Place, controls: list[tuple[int, int, bytes]]) -> None:
        back = [found for control in controls if (found := _turned(*control)) is not None]
        for attached in (back, []):  # what was written to a broadcast address cannot be answered from there
            try:
                self.sock.sendmsg([octets], attached, 0, to)
            except OSError:
                continue
            return

    def dropped(self) -> int:
        """Return how many datagrams the kernel had no room for in this socket's buffer."""
        try:
            words = self.sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36)
        except OSError:
            return 0
        return int(struct.unpack("9I", words)[_MEMINFO_DROPS]) if len(words) == 36 else 0

    def close(self) -> None:
        """Free the socket, unless it was handed over."""
        if self._own:
            self.sock.close()


def _turned(level: int, kind: int, data: bytes) -> tuple[int, int, bytes] | None:
    """Return the control message that sends from the address that a datagram was written to."""
    if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO) and len(data) >= _V4_INFO.size:
        return level, kind, _V4_INFO.pack(0, _V4_INFO.unpack_from(data)[2], b"\0\0\0\0")
    if (level, kind) == (socket.IPPROTO_IPV6, _IPV6_PKTINFO) and len(data) >= _V6_INFO.size:
        address, interface = _V6_INFO.unpack_from(data)
        return level, kind, _V6_INFO.pack(address, interface if address[:2] == b"\xfe\x80" else 0)
    return None


def open_socket(listen: str) -> TrapSocket:
    """Bind `ADDRESS:PORT`; without an address all of both families.

    Raises:
        TrapListenError: it cannot be had.
    """
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET if "." in host else socket.AF_INET6
    try:
        try:
            return _bound(family, host or "::", int(port), dual=not host)
        except OSError as error:
            if host or error.errno != errno.EAFNOSUPPORT:
                raise
            return _bound(socket.AF_INET, "0.0.0.0", int(port), dual=False)  # noqa: S104 - a host without IPv6
    except OSError as error:
        raise TrapListenError(f"traps cannot be received at {listen}: {_why(error, int(port))}") from error


def _bound(family: socket.AddressFamily, host: str, port: int, *, dual: bool) -> TrapSocket:
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if dual else 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_OCTETS)
        sock.bind((host, port))
        return TrapSocket(sock)
    except OSError:
        sock.close()
        raise


def _why(error: OSError, port: int) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"not permitted: port {port} needs CAP_NET_BIND_SERVICE, or a socket of systemd"
            " (linewarden-trap.socket, and `listen: systemd`)"
        )
    if error.errno == errno.EADDRINUSE:
        return f"another program has this port (`ss -lunp sport = :{port}` shows it; often snmptrapd)"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this host does not have that address"
    return error.strerror or str(error)

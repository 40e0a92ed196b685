"""Whether this host itself can put a packet on the wire: which interface a packet takes, and whether that works."""

import contextlib
import fcntl
import socket
import struct
from typing import Final

from probes.wire import kernel

_RTM_NEWROUTE: Final = 24
_RTM_GETROUTE: Final = 26
_NLM_F_REQUEST: Final = 1
_RTA_DST: Final = 1  # rtnetlink(7)
_RTA_OIF: Final = 4
_NLMSGHDR: Final = struct.Struct("@IHHII")  # netlink(7): len, type, flags, seq, pid
_RTMSG: Final = struct.Struct("@BBBBBBBBI")  # family, dst_len, src_len, tos, table, protocol, scope, type, flags
_RTATTR: Final = struct.Struct("@HH")


def interface_works(name: str) -> bool | None:
    """Return whether an interface is up with carrier; None where that cannot be read.

    A missing interface does not work.
    """
    if len(name) > 15:
        return False
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            answer = fcntl.ioctl(sock, kernel.SIOCGIFFLAGS, kernel.IFREQ.pack(name.encode(), 0))
    except OSError as error:
        import errno

        return False if error.errno == errno.ENODEV else None
    flags = kernel.IFREQ.unpack(answer)[1]
    return bool(flags & kernel.IFF_UP) and bool(flags & kernel.IFF_RUNNING)


def interface_towards(address: bytes) -> str | None:
    """Return the interface that the routing table takes for an address of 4 or 16 octets; None without a route.

    None also where the kernel cannot be asked: what is not known is no evidence.
    """
    family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
    body = (
        _RTMSG.pack(family, len(address) * 8, 0, 0, 0, 0, 0, 0, 0) + _RTATTR.pack(4 + len(address), _RTA_DST) + address
    )
    request = _NLMSGHDR.pack(_NLMSGHDR.size + len(body), _RTM_GETROUTE, _NLM_F_REQUEST, 1, 0) + body
    answer = b""
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as sock,
    ):
        sock.settimeout(0.1)  # the kernel answers within the call to send
        sock.send(request)
        answer = sock.recv(4096)
    index = _outgoing(answer)
    if index is None:
        return None
    try:
        return socket.if_indextoname(index)
    except OSError:
        return None


def _outgoing(answer: bytes) -> int | None:
    if len(answer) < _NLMSGHDR.size + _RTMSG.size or _NLMSGHDR.unpack_from(answer)[1] != _RTM_NEWROUTE:
        return None
    place = _NLMSGHDR.size + _RTMSG.size
    while place + _RTATTR.size <= len(answer):
        length, kind = _RTATTR.unpack_from(answer, place)
        if length < _RTATTR.size:
            return None
        if kind == _RTA_OIF and length == 8:
            index: int = struct.unpack_from("@i", answer, place + 4)[0]
            return index
        place += length + -length % 4
    return None

"""What ICMP says of datagrams that did not arrive: the socket's error queue (ip(7), IP_RECVERR).

It tells "nobody listens on that port" from silence, which a wrong community and a dead device share.
"""

import errno
import os
import socket
import struct
from typing import Final, NamedTuple

_IP_RECVERR: Final = 11
_IPV6_RECVERR: Final = 25
_EXTENDED_ERROR: Final = struct.Struct("=IBBBBII")  # struct sock_extended_err; a sockaddr of who said it follows
_ICMP_ORIGINS: Final = frozenset((2, 3))  # SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6: the others are of this host
_AT_ONCE: Final = 64  # then the loop gets its turn


class Refusal(NamedTuple):
    """One ICMP error: where the datagram was sent, and what came back.

    Attributes:
        closed: nobody listens on that port; otherwise the way there is the trouble.
        said: for a person: who said what.
    """

    host: str
    port: int
    closed: bool
    said: str


def enable(sock: socket.socket) -> None:
    """Have the kernel keep ICMP errors for a UDP socket.

    The next send or receive then also fails once for each, whatever its target: drain and try again.
    """
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


def drained(sock: socket.socket) -> list[Refusal]:
    """Return and remove what the error queue holds."""
    out: list[Refusal] = []
    for _ in range(_AT_ONCE):
        try:
            _, controls, _, sent_to = sock.recvmsg(1, 512, socket.MSG_ERRQUEUE)
        except OSError:
            break
        for level, kind, data in controls:
            known = (level, kind) in ((socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR))
            if known and len(data) >= _EXTENDED_ERROR.size and (found := _refusal(data, sent_to)) is not None:
                out.append(found)
    return out


def _refusal(data: bytes, sent_to: tuple[str, int]) -> Refusal | None:
    code, origin, *_ = _EXTENDED_ERROR.unpack_from(data)
    if origin not in _ICMP_ORIGINS:
        return None
    closed = code == errno.ECONNREFUSED
    what = "port unreachable" if closed else os.strerror(code).lower()
    return Refusal(sent_to[0], sent_to[1], closed, f"{_offender(data[_EXTENDED_ERROR.size :])} says: {what}")


def _offender(sockaddr: bytes) -> str:
    family = int.from_bytes(sockaddr[:2], "little" if struct.pack("=H", 1)[0] else "big")
    if family == socket.AF_INET and len(sockaddr) >= 8:
        return socket.inet_ntop(socket.AF_INET, sockaddr[4:8])
    if family == socket.AF_INET6 and len(sockaddr) >= 24:
        return socket.inet_ntop(socket.AF_INET6, sockaddr[8:24])
    return "somebody"

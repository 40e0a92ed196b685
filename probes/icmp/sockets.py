"""Opening ICMP sockets: raw where that is allowed, else the kernel's ping socket.

Traps that shaped it: two raw sockets both get every reply, hence the filter on the identifier; an unfiltered raw socket
on loopback sees its own requests; a ping socket overwrites the identifier, and has ICMP errors in its error queue only.
"""

import socket
import struct
from collections.abc import Sequence
from typing import Final, Literal

from probes.icmp import packet
from probes.wire import kernel

Mode = Literal["raw", "dgram"]
MODES: Final[tuple[Mode, ...]] = ("raw", "dgram")
DEFAULT_TTL: Final = 64
_SEND_BUFFER_OCTETS: Final = 1 << 20


class NotPermittedError(PermissionError):
    """Neither a raw socket nor a ping socket is allowed; the text says what to do."""

    def __init__(self, family: int) -> None:
        """Say which family, and what allows it."""
        super().__init__(
            f"no permission to send ICMP echoes over IPv{family}: neither a raw socket (needs CAP_NET_RAW) nor a ping "
            "socket (needs a group within net.ipv4.ping_group_range) could be opened. Allow ping sockets with "
            "`sysctl -w net.ipv4.ping_group_range='0 2147483647'` (it counts for IPv6, too), or give the capability: "
            "AmbientCapabilities=CAP_NET_RAW in the systemd unit, or `setcap cap_net_raw+ep` on the Python interpreter"
        )


def open_socket(
    family: int, interface: str | None, ident: int, modes: Sequence[Mode] = MODES, *, df: bool = False
) -> tuple[socket.socket, Mode]:
    """Open an ICMP socket in the first mode that is permitted.

    Args:
        family: 4 or 6.
        interface: to bind to, for sending and receiving.
        ident: ICMP identifier whose replies a raw socket is to get.
        df: never fragment what is sent, here or on the way, and ignore what is known of the path's MTU.

    Raises:
        NotPermittedError: when none is permitted.
        OSError: when the interface is missing, or the host has no such family.
    """
    domain, protocol = (
        (socket.AF_INET, socket.IPPROTO_ICMP) if family == 4 else (socket.AF_INET6, socket.IPPROTO_ICMPV6)
    )
    for mode in modes:
        try:
            sock = socket.socket(domain, socket.SOCK_RAW if mode == "raw" else socket.SOCK_DGRAM, protocol)
        except PermissionError:
            continue
        try:
            _prepare(sock, family, interface, ident, mode)
            if df:
                _forbid_fragments(sock, family)
        except BaseException:
            sock.close()
            raise
        return sock, mode
    raise NotPermittedError(family)


def _prepare(sock: socket.socket, family: int, interface: str | None, ident: int, mode: Mode) -> None:
    if interface is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_OCTETS)
    if family == 4:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, DEFAULT_TTL)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, DEFAULT_TTL)
    if mode == "dgram":  # errors come by the error queue only
        if family == 4:
            sock.setsockopt(socket.IPPROTO_IP, kernel.IP_RECVERR, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, kernel.IPV6_RECVERR, 1)
        return
    if family == 4:
        wanted = (packet.ECHO_REPLY_V4, *packet.ERRORS_V4)
        mask = 0xFFFFFFFF & ~sum(1 << kind for kind in wanted)
        sock.setsockopt(kernel.SOL_RAW, kernel.ICMP_FILTER, struct.pack("@I", mask))
    else:
        words = [0xFFFFFFFF] * 8
        for kind in (packet.ECHO_REPLY_V6, *packet.ERRORS_V6):
            words[kind >> 5] &= ~(1 << (kind & 31))
        sock.setsockopt(socket.IPPROTO_ICMPV6, kernel.ICMP6_FILTER, struct.pack("@8I", *words))
    kernel.attach_filter(sock, _ident_filter(family, ident))


def _forbid_fragments(sock: socket.socket, family: int) -> None:
    if family == 4:
        sock.setsockopt(socket.IPPROTO_IP, kernel.IP_MTU_DISCOVER, kernel.PMTUDISC_PROBE)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, kernel.IPV6_MTU_DISCOVER, kernel.PMTUDISC_PROBE)
        sock.setsockopt(socket.IPPROTO_IPV6, kernel.IPV6_DONTFRAG, 1)


def _ident_filter(family: int, ident: int) -> list[tuple[int, int, int, int]]:
    """Return a BPF program: replies with our identifier, and errors about ICMP packets.

    A raw IPv4 socket's filter sees the IP header, a raw IPv6 socket's begins at the ICMP header.
    """
    load_header_length = [(0xB1, 0, 0, 0)] if family == 4 else [(0x01, 0, 0, 0)]  # x = 4 * ihl, or x = 0
    reply = packet.ECHO_REPLY_V4 if family == 4 else packet.ECHO_REPLY_V6
    inner_protocol, protocol = (17, socket.IPPROTO_ICMP) if family == 4 else (14, socket.IPPROTO_ICMPV6)
    return [
        *load_header_length,
        (0x50, 0, 0, 0),  # a = type
        (0x15, 0, 2, reply),  # a reply: go on, else to the errors
        (0x48, 0, 0, 4),  # a = identifier
        (0x15, 2, 3, ident),  # accept or drop
        (0x50, 0, 0, inner_protocol),  # a = protocol of the quoted packet
        (0x15, 0, 1, protocol),  # accept or drop
        (0x06, 0, 0, 0xFFFFFFFF),
        (0x06, 0, 0, 0),
    ]

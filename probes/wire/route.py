"""Whether this host itself can put a packet on the wire: which interface it takes, whether that and its queue work."""

import contextlib
import errno
import fcntl
import socket
import struct
from collections.abc import Iterable
from typing import Final

from probes.wire import kernel
from probes.wire.netlink import NLM_F_DUMP, Netlink, attribute

_RTM_NEWROUTE: Final = 24
_RTM_GETROUTE: Final = 26
_RTM_NEWQDISC: Final = 36
_RTM_GETQDISC: Final = 38
_RTA_DST: Final = 1  # rtnetlink(7)
_RTA_OIF: Final = 4
_TCA_STATS2: Final = 7  # linux/rtnetlink.h
_TCA_STATS_QUEUE: Final = 3  # linux/gen_stats.h
_TC_H_ROOT: Final = 0xFFFFFFFF  # linux/pkt_sched.h
_RTMSG: Final = struct.Struct("@BBBBBBBBI")  # family, dst_len, src_len, tos, table, protocol, scope, type, flags
_RTATTR: Final = struct.Struct("@HH")
_TCMSG: Final = struct.Struct("@B3xiIII")  # family, ifindex, handle, parent, info
_QUEUE: Final = struct.Struct("@IIIII")  # struct gnet_stats_queue: qlen, backlog, drops, requeues, overlimits


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
        return False if error.errno == errno.ENODEV else None
    flags = kernel.IFREQ.unpack(answer)[1]
    return bool(flags & kernel.IFF_UP) and bool(flags & kernel.IFF_RUNNING)


def interfaces_towards(addresses: Iterable[bytes]) -> dict[bytes, str]:
    """Return the interface that the routing table takes for each address of 4 or 16 octets.

    What has no route is left out, and so is everything where the kernel cannot be asked: what is not known is no
    evidence.
    """
    found: dict[bytes, str] = {}
    names: dict[int, str] = {}
    with contextlib.suppress(OSError), Netlink() as kernel_socket:
        for address in addresses:
            index = _outgoing(kernel_socket, address)
            if index is None:
                continue
            if index not in names:
                names[index] = socket.if_indextoname(index)
            found[address] = names[index]
    return found


def _outgoing(kernel_socket: Netlink, address: bytes) -> int | None:
    family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
    body = (
        _RTMSG.pack(family, len(address) * 8, 0, 0, 0, 0, 0, 0, 0)
        + _RTATTR.pack(_RTATTR.size + len(address), _RTA_DST)
        + address
    )
    with contextlib.suppress(OSError):
        for kind, content in kernel_socket.ask(_RTM_GETROUTE, 0, body):
            value = attribute(content[_RTMSG.size :], [_RTA_OIF]) if kind == _RTM_NEWROUTE else None
            if value is not None and len(value) == 4:
                index: int = struct.unpack("@i", value)[0]
                return index
    return None


def queue_drops() -> dict[str, int]:
    """Return how many packets each interface's send queue has thrown away; empty where the kernel cannot be asked.

    A raw socket is not told of that: the call that sends succeeds, and the packet is gone (ip(7): "ENOBUFS ... by
    default" only with IP_RECVERR).
    """
    found: dict[str, int] = {}
    with contextlib.suppress(OSError), Netlink() as kernel_socket:
        for kind, content in kernel_socket.ask(_RTM_GETQDISC, NLM_F_DUMP, _TCMSG.pack(0, 0, 0, 0, 0)):
            if kind != _RTM_NEWQDISC or len(content) < _TCMSG.size:
                continue
            _, index, _, parent, _ = _TCMSG.unpack_from(content)
            stats = attribute(content[_TCMSG.size :], [_TCA_STATS2, _TCA_STATS_QUEUE])
            if parent == _TC_H_ROOT and stats is not None and len(stats) >= _QUEUE.size:
                with contextlib.suppress(OSError):  # it is gone meanwhile
                    found[socket.if_indextoname(index)] = _QUEUE.unpack_from(stats)[2]
    return found

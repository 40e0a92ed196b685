"""The kernel's layouts and numbers for batched datagrams, as the man pages and headers give them.

64-bit Linux: `struct msghdr` has other offsets elsewhere, and the import says so.
"""

import ctypes
import errno
import socket
import struct
from typing import Final

import numpy as np

if ctypes.sizeof(ctypes.c_void_p) != 8:
    raise ImportError("Linewarden's datagram layouts are those of 64-bit Linux")

# recvmsg(2): struct msghdr { void *msg_name; socklen_t msg_namelen; struct iovec *msg_iov; size_t msg_iovlen;
#   void *msg_control; size_t msg_controllen; int msg_flags; }
# sendmmsg(2): struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; }
MMSGHDR: Final = np.dtype(
    [
        ("name", "u8"), ("name_len", "u4"), ("pad1", "u4"), ("iov", "u8"), ("iov_len", "u8"),
        ("control", "u8"), ("control_len", "u8"), ("flags", "i4"), ("pad2", "u4"), ("len", "u4"), ("pad3", "u4"),
    ]
)  # fmt: skip
# readv(2): struct iovec { void *iov_base; size_t iov_len; }
IOVEC: Final = np.dtype([("base", "u8"), ("len", "u8")])
SOCKADDR_OCTETS: Final = 28  # struct sockaddr_in6, the longer of the two

# cmsg(3): struct cmsghdr { size_t cmsg_len; int cmsg_level; int cmsg_type; }, data aligned to 8
CMSGHDR: Final = struct.Struct("@Nii")
# <linux/errqueue.h>: struct scm_timestamping { struct timespec ts[3]; }: "ts[0] ... software timestamps"
SCM_TIMESTAMPING_OCTETS: Final = CMSGHDR.size + 48
# struct sock_extended_err { u32 ee_errno; u8 ee_origin, ee_type, ee_code, ee_pad; u32 ee_info; u32 ee_data; },
# "SO_EE_OFFENDER returns a pointer to the address of the network object", right behind it
EXTENDED_ERR: Final = struct.Struct("@IBBBBII")
ORIGIN_ICMP: Final = 2
ORIGIN_ICMP6: Final = 3
ORIGIN_TIMESTAMPING: Final = 4

SO_ATTACH_FILTER: Final = 26
SO_RCVBUFFORCE: Final = 33
SO_TIMESTAMPING: Final = 37
SO_MEMINFO: Final = 55
MEMINFO_DROPS: Final = 8  # <linux/sock_diag.h>: place of SK_MEMINFO_DROPS among the u32 that SO_MEMINFO gives
MEMINFO_WORDS: Final = 9
MSG_ERRQUEUE: Final = 0x2000

IP_RECVERR: Final = 11
IPV6_RECVERR: Final = 25
IP_PKTINFO: Final = 8
IP_RECVTTL: Final = 12
IP_RECVTOS: Final = 13
IP_MTU_DISCOVER: Final = 10
IPV6_MTU_DISCOVER: Final = 23
PMTUDISC_PROBE: Final = 3  # <linux/in.h>: "Ignore dst pmtu": every packet leaves whole, however large, and with DF
IPV6_DONTFRAG: Final = 62  # RFC 3542 11.2: "disable the inserting of a fragment header"
ICMP_FILTER: Final = 1  # level SOL_RAW; "a bit mask ... the bit is set to 1: the message is filtered out" (raw(7))
SOL_RAW: Final = 255
ICMP6_FILTER: Final = 1  # level IPPROTO_ICMPV6, 256 bits of the same sense (RFC 3542 3.2)

# Documentation/networking/timestamping.rst
TX_SOFTWARE: Final = 1 << 1  # "request tx timestamps when data leaves the kernel"
RX_SOFTWARE: Final = 1 << 3  # "request rx timestamps when data enters the kernel"
SOFTWARE: Final = 1 << 4  # "report any software timestamps when available"
OPT_ID: Final = 1 << 7  # "generate a unique identifier along with each packet": a u32 counter in ee_data
OPT_TSONLY: Final = 1 << 11  # "return the timestamp as a cmsg alongside an empty packet"

SIOCGIFFLAGS: Final = 0x8913  # netdevice(7): struct ifreq { char ifr_name[16]; short ifr_flags; ... }
IFREQ: Final = struct.Struct("@16sH22x")
IFF_UP: Final = 0x1
IFF_RUNNING: Final = 0x40

_libc = ctypes.CDLL(None, use_errno=True)
_libc.sendmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
_libc.recvmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)


def sendmmsg(fd: int, address: int, count: int, flags: int) -> int:
    """Send `count` messages whose mmsghdrs stand at `address`.

    Returns:
        How many were sent, or minus the errno of the first, when not even that one was.
    """
    sent: int = _libc.sendmmsg(fd, address, count, flags)
    return sent if sent >= 0 else -ctypes.get_errno()


def recvmmsg(fd: int, address: int, count: int, flags: int) -> int:
    """Receive up to `count` messages into the mmsghdrs at `address`.

    Returns:
        How many were received, or minus the errno.
    """
    received: int = _libc.recvmmsg(fd, address, count, flags, None)
    return received if received >= 0 else -ctypes.get_errno()


def control_message(level: int, kind: int, data: bytes) -> bytes:
    """Return one control message, padded so that another may follow (CMSG_SPACE)."""
    return CMSGHDR.pack(CMSGHDR.size + len(data), level, kind) + data + bytes(-len(data) % 8)


def kind(level: int, number: int) -> int:
    """Return level and type of a control message as the one 64-bit number that they are in memory."""
    return int(np.array([level, number], np.int32).view(np.int64)[0])


def attach_filter(sock: socket.socket, program: list[tuple[int, int, int, int]]) -> None:
    """Attach a classic BPF program (socket(7), SO_ATTACH_FILTER) of (code, jump if true, jump if false, k).

    Raises:
        OSError: when the kernel refuses it.
    """
    # struct sock_filter { u16 code; u8 jt; u8 jf; u32 k; }; struct sock_fprog { u16 len; struct sock_filter *filter; }
    code = ctypes.create_string_buffer(b"".join(struct.pack("@HBBI", *line) for line in program))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(code)))


def error_name(number: int) -> str:
    """Return an errno's name in lower case (`enetunreach`), or its number where it has none."""
    return errno.errorcode.get(number, str(number)).lower()

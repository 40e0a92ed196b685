"""Questions to the kernel's routing subsystem (rtnetlink): one request, the messages that answer it."""

import socket
import struct
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Final, Self

NLM_F_REQUEST: Final = 1  # netlink(7)
NLM_F_DUMP: Final = 0x300
_NLMSGHDR: Final = struct.Struct("@IHHII")  # len, type, flags, seq, pid
_RTATTR: Final = struct.Struct("@HH")  # rtnetlink(7): len, type
_NLMSG_ERROR: Final = 2
_NLMSG_DONE: Final = 3
_ANSWER_OCTETS: Final = 1 << 16  # "a multiple of the page size, and large enough": the kernel's own tools take 32 KiB
_PATIENCE_SECONDS: Final = 0.1  # the kernel answers within the call that sends


class Netlink:
    """A socket to the kernel; a context manager."""

    def __init__(self) -> None:
        """Open it; raises OSError where this process may not."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.settimeout(_PATIENCE_SECONDS)

    def __enter__(self) -> Self:
        """Return the open socket."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self._socket.close()

    def ask(self, kind: int, flags: int, body: bytes) -> Iterator[tuple[int, bytes]]:
        """Send one request and give the type and the body of each message of the answer.

        Raises:
            OSError: the kernel refused, or did not answer.
        """
        self._socket.send(_NLMSGHDR.pack(_NLMSGHDR.size + len(body), kind, NLM_F_REQUEST | flags, 1, 0) + body)
        while True:
            for found, content in messages(self._socket.recv(_ANSWER_OCTETS)):
                if found == _NLMSG_DONE:
                    return
                if found == _NLMSG_ERROR:
                    raise OSError(-struct.unpack_from("@i", content)[0], "the kernel refuses a request by netlink")
                yield found, content
            if not flags & NLM_F_DUMP:
                return


def messages(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Give the type and the body of each message in what was received; one that is cut short ends them."""
    place = 0
    while place + _NLMSGHDR.size <= len(octets):
        length, kind, _, _, _ = _NLMSGHDR.unpack_from(octets, place)
        if length < _NLMSGHDR.size or place + length > len(octets):
            return
        yield kind, octets[place + _NLMSGHDR.size : place + length]
        place += length + -length % 4


def attributes(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Give the type and the value of each attribute; one that is cut short ends them."""
    place = 0
    while place + _RTATTR.size <= len(octets):
        length, kind = _RTATTR.unpack_from(octets, place)
        if length < _RTATTR.size or place + length > len(octets):
            return
        yield kind, octets[place + _RTATTR.size : place + length]
        place += length + -length % 4


def attribute(octets: bytes, path: Sequence[int]) -> bytes | None:
    """Return the value of an attribute by the types that lead to it; None where it is not there."""
    for wanted in path:
        inside = next((value for kind, value in attributes(octets) if kind == wanted), None)
        if inside is None:
            return None
        octets = inside
    return octets

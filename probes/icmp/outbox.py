"""Echo requests ready to send: one prebuilt packet, address and header for each check, nothing built per echo."""

import ctypes
import socket
import struct
from typing import Final

import numpy as np
import numpy.typing as npt

from probes.icmp import packet
from probes.icmp.settings import MAX_SIZE_OCTETS
from probes.wire import kernel

_CONTROL_OCTETS: Final = 88  # TTL (24), DSCP (24) and IPv6 packet information (40)
_IOVS: Final = 2  # the head that changes, and the padding that all share


def sockaddr(family: int, address: bytes, scope: int = 0) -> bytes:
    """Return struct sockaddr_in or sockaddr_in6 for an address of 4 or 16 octets."""
    if family == 4:
        return struct.pack("@H2s4s8x", socket.AF_INET, b"\0\0", address)
    return struct.pack("@HHI16sI", socket.AF_INET6, 0, 0, address, scope)


class Outbox:
    """Rows of send headers; row numbers are those of the table of checks."""

    def __init__(self) -> None:
        """Begin without rows."""
        pattern = bytes(place & 0xFF for place in range(packet.TAG_OCTETS, MAX_SIZE_OCTETS))
        self._padding = ctypes.create_string_buffer(pattern, len(pattern))
        self._names = np.zeros((0, kernel.SOCKADDR_OCTETS), np.uint8)
        self._heads = np.zeros((0, packet.HEAD_OCTETS), np.uint8)
        self._controls = np.zeros((0, _CONTROL_OCTETS), np.uint8)
        self._iovs = np.zeros((0, _IOVS), kernel.IOVEC)
        self._headers = np.zeros(0, kernel.MMSGHDR)
        self._words = np.zeros((0, kernel.MMSGHDR.itemsize // 8), np.uint64)

    def prepare(self, row: int, address: bytes, head: bytes, size: int, control: bytes) -> None:
        """Build a row.

        Args:
            address: struct sockaddr.
            head: the first 24 octets of an echo request whose payload has `size` octets.
            control: control messages for each datagram, or none.
        """
        if row >= len(self._headers):
            self._resize(max(64, 2 * row))
        self._names[row, : len(address)] = np.frombuffer(address, np.uint8)
        self._heads[row] = np.frombuffer(head, np.uint8)
        self._controls[row, : len(control)] = np.frombuffer(control, np.uint8)
        self._iovs["len"][row, 1] = size - packet.TAG_OCTETS
        header = self._headers[row]
        header["name_len"] = len(address)
        header["control_len"] = len(control)

    def address(self, rows: npt.NDArray[np.intp], indices: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint64]:
        """Write each echo's index into its row's packet and return the headers to send, in this order.

        Returns:
            uint64[rows, 8]: each row is one struct mmsghdr. (numpy copies structured records twenty times slower.)

        A row may stand in `rows` once only: its packet is used in place.
        """
        packet.write_indices(self._heads, rows, indices)
        return self._words.take(rows, axis=0)

    def _resize(self, rows: int) -> None:
        kept = len(self._headers)
        names = np.zeros((rows, kernel.SOCKADDR_OCTETS), np.uint8)
        heads = np.zeros((rows, packet.HEAD_OCTETS), np.uint8)
        controls = np.zeros((rows, _CONTROL_OCTETS), np.uint8)
        iovs = np.zeros((rows, _IOVS), kernel.IOVEC)
        headers = np.zeros(rows, kernel.MMSGHDR)
        names[:kept], heads[:kept], controls[:kept] = self._names, self._heads, self._controls
        iovs[:kept], headers[:kept] = self._iovs, self._headers
        places = np.arange(rows, dtype=np.uint64)
        iovs["base"][:, 0] = heads.ctypes.data + places * packet.HEAD_OCTETS
        iovs["len"][:, 0] = packet.HEAD_OCTETS
        iovs["base"][:, 1] = ctypes.addressof(self._padding)
        headers["name"] = names.ctypes.data + places * kernel.SOCKADDR_OCTETS
        headers["iov"] = iovs.ctypes.data + places * (_IOVS * kernel.IOVEC.itemsize)
        headers["iov_len"] = _IOVS
        headers["control"] = controls.ctypes.data + places * _CONTROL_OCTETS
        # the headers point into these arrays: they live and move together
        self._names, self._heads, self._controls, self._iovs, self._headers = names, heads, controls, iovs, headers
        self._words = headers.view(np.uint64).reshape(rows, -1)

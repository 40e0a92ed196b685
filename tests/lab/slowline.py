"""A line that takes its time: two ends joined by a program that holds each frame for a while.

This kernel has no netem; a hub in a namespace of its own does what a long fibre or a full queue does.
"""

import contextlib
import heapq
import itertools
import select
import socket
import threading
import time
from collections.abc import Iterator
from typing import Final

from tests.lab.net import Namespace

_ALL: Final = 3  # ETH_P_ALL
_OUTGOING: Final = 4  # PACKET_OUTGOING: what this host itself has sent


class SlowLine:
    """The line; `seconds` is how long each frame takes in either direction, and may be changed while it runs."""

    def __init__(self, hub: Namespace, left: str, right: str) -> None:
        """Join two devices of the hub."""
        self.seconds = 0.0
        with hub.inside():
            self._ends = [self._open(name) for name in (left, right)]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._carry, name="slow-line", daemon=True)

    @staticmethod
    def _open(name: str) -> socket.socket:
        end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
        end.bind((name, _ALL))
        return end

    @contextlib.contextmanager
    def running(self) -> Iterator["SlowLine"]:
        """Carry frames until the block ends."""
        self._thread.start()
        try:
            yield self
        finally:
            self._over.set()
            self._thread.join()
            for end in self._ends:
                end.close()

    def _carry(self) -> None:
        waiting: list[tuple[float, int, socket.socket, bytes]] = []
        number = itertools.count()
        while not self._over.is_set():
            until = waiting[0][0] - time.monotonic() if waiting else 0.2
            ready, _, _ = select.select(self._ends, [], [], min(0.2, max(0.0, until)))
            for end in ready:
                frame, address = end.recvfrom(65535)
                if address[2] != _OUTGOING:
                    other = self._ends[1 - self._ends.index(end)]
                    heapq.heappush(waiting, (time.monotonic() + self.seconds, next(number), other, frame))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, other, frame = heapq.heappop(waiting)
                with contextlib.suppress(OSError):  # the other end is down
                    other.send(frame)

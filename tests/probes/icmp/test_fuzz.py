"""Hostile packets by the hundred thousand into the receive path, as the kernel would hand them over.

What counts is that nothing raises, and that an echo is answered exactly where an honest reply to it was among them:
whole, from the address that was asked, with this process's nonce and the index of an echo that is under way.
"""

import random
import socket
import struct

import numpy as np
import pytest

from agent.core.model import Echo
from probes.icmp import packet
from probes.icmp.judge import Judge
from probes.icmp.port import Port
from probes.icmp.sockets import Mode
from probes.icmp.table import Layout, address_words
from probes.wire.clock import KernelClock
from probes.wire.datagrams import Inbox

NONCE, IDENT, ROWS, SECOND = b"\x01nonce\xff\0", 0x4C57, 64, 1_000_000_000


class Target:
    """A receive path without a socket, with some echoes under way."""

    def __init__(self, family: int, mode: Mode, chance: random.Random) -> None:
        self.family, self.mode, self.chance = family, mode, chance
        self.layout = Layout()
        self.judge = Judge(self.layout)
        self.port = Port(0, (family, None, False), IDENT, NONCE, ())
        self.port.mode = mode
        self.inbox = Inbox()
        self.clock = KernelClock()
        self.rows = np.array([self.layout.add(4, SECOND, SECOND, -1) for _ in range(ROWS)])
        self.layout.rows.port[self.rows] = 0
        self.layout.rows.octets[self.rows] = 64
        for row in self.rows.tolist():
            high, low = address_words(self.address(row))
            self.layout.rows.where[row], self.layout.rows.where_low[row] = high, low
        self.former: list[bytes] = []

    def address(self, row: int) -> bytes:
        """Return a row's address."""
        return bytes([10, 0, 0, row]) if self.family == 4 else bytes(14) + bytes([1, row])

    def reply(self, index: int, *, nonce: bytes = NONCE, ident: int = IDENT) -> bytes:
        """Return an honest reply, from its ICMP header on."""
        return packet.encode_echo(self.family, ident, nonce, index, 56, reply=True)

    def frame(self, body: bytes) -> bytes:
        """Return what a socket of this kind hands over: with the IP header on a raw IPv4 socket only."""
        if self.family == 6 or self.mode == "dgram":
            return body
        return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, 1, 0, bytes(4), bytes(4)) + body

    def mutate(self, honest: bytes) -> bytes:
        """Return something that is nearly an honest frame."""
        chance, octets = self.chance, bytearray(honest)
        turn = chance.randrange(7)
        if turn == 0:
            return bytes(octets[: chance.randrange(len(octets))])
        if turn == 1:
            octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)
        elif turn == 2:
            for _ in range(chance.randrange(1, 20)):
                octets[chance.randrange(len(octets))] = chance.randrange(256)
        elif turn == 3:
            return chance.randbytes(chance.randrange(2000))
        elif turn == 4:
            octets += chance.randbytes(chance.randrange(1, 60_000))
        elif turn == 5:
            return self.frame(self.error(self.reply(chance.getrandbits(32))))
        else:
            octets = bytearray(self.frame(self.reply(chance.getrandbits(32), nonce=chance.randbytes(8))))
        return bytes(octets)

    def error(self, quoted: bytes) -> bytes:
        """Return an ICMP error about something, nearly as it should be."""
        chance = self.chance
        inner = bytearray(struct.pack("!BBHHHBBH4s4s", 0x45, 0, 84, 0, 0, 64, 1, 0, bytes(4), self.address(1)))
        if self.family == 6:
            inner = bytearray(struct.pack("!IHBB16s16s", 6 << 28, 64, 58, 64, bytes(16), self.address(1)))
        inner += quoted
        if chance.random() < 0.5:
            inner[chance.randrange(len(inner))] ^= 1 << chance.randrange(8)
        kind = chance.choice(packet.ERRORS_V4 if self.family == 4 else packet.ERRORS_V6)
        body = struct.pack("!BBHI", kind, chance.randrange(20), 0, chance.getrandbits(32)) + inner
        return body[:2] + packet.checksum(body).to_bytes(2, "big") + body[4:] if self.family == 4 else body

    def is_honest(self, octets: bytes, honest: bytes) -> bool:
        """Tell whether a frame answers that echo: what a checksum cannot tell apart counts as the same."""
        start = (octets[0] & 15) * 4 if octets and len(honest) == 84 else 0
        body, wanted = octets[start:], honest[len(honest) - 64 :]
        if start and packet.checksum(body):
            return False
        # else the kernel has compared the identifier and the checksum; some hosts cut what is long
        return 24 <= len(body) <= 64 and (body[:2], body[6:24]) == (wanted[:2], wanted[6:24])

    def put(self, place: int, octets: bytes, source: bytes) -> None:
        """Let one message stand in the inbox."""
        inbox, kept = self.inbox, octets[: self.inbox.width]
        inbox.octets[place, : len(kept)] = np.frombuffer(kept, np.uint8)
        inbox.headers["len"][place], inbox.headers["control_len"][place] = len(kept), 0
        name = struct.pack("@H2x4s", socket.AF_INET, source) if self.family == 4 else None
        name = name or struct.pack("@HHI16sI", socket.AF_INET6, 0, 0, source, 0)
        inbox.names[place, : len(name)] = np.frombuffer(name, np.uint8)

    def batch(self) -> None:
        """Send an echo to each, let one batch arrive, and see who counts as answered."""
        chance, now = self.chance, self.clock.read()
        slots, indices = self.judge.take(self.rows, now.monotonic, now.wall)
        honest = {row: self.frame(self.reply(int(index))) for row, index in enumerate(indices)}
        answered: set[int] = set()
        for place in range(self.inbox.batch):
            row = chance.randrange(ROWS)
            octets, source, turn = honest[row], self.address(row), chance.random()
            if turn < 0.05:
                answered.add(row)
            elif turn < 0.15:
                source = self.address((row + 1) % ROWS)  # spoofed, or sent by somebody who saw the echo
            elif turn < 0.25 and self.former:
                octets = chance.choice(self.former)  # replayed
            else:
                octets = self.mutate(octets)
                if self.is_honest(octets, honest[row]):
                    answered.add(row)
            self.put(place, octets, source)
        self.former = list(honest.values())
        self.port._take(self.inbox.batch, self.judge, self.inbox, self.clock)
        outcomes = self.layout.slots.outcome[slots]
        assert set((outcomes == Echo.RECEIVED).nonzero()[0].tolist()) == answered
        assert set(outcomes.tolist()) <= {Echo.RECEIVED, Echo.PENDING}
        self.judge.settle_refusals()
        self.judge.give_up(slots, 1)
        self.judge.harvest.take_finished()


def attack(family: int, mode: Mode, batches: int, seed: int) -> None:
    """Let so many batches arrive."""
    target = Target(family, mode, random.Random(seed))
    for _ in range(batches):
        target.batch()


KINDS: list[tuple[int, Mode]] = [(4, "raw"), (4, "dgram"), (6, "raw")]


@pytest.mark.parametrize(("family", "mode"), KINDS)
def test_hostile_packets_answer_nothing(family: int, mode: Mode) -> None:
    attack(family, mode, 200, seed=1)  # 51,200 packets


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("family", "mode"), KINDS)
def test_a_million_hostile_packets_answer_nothing(family: int, mode: Mode) -> None:
    attack(family, mode, 3_907, seed=random.randrange(1 << 32))

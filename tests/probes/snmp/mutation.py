"""Damaged messages: what is nearly right goes deeper into a decoder than noise does.

A message is taken apart once into its elements. One is changed, and the lengths of all that hold it are made right
again; or octets are changed anywhere, which breaks the lengths too.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_CONSTRUCTED: Final = frozenset((0x30, *range(0xA0, 0xA9)))
_TAGS: Final = (
    0x02,
    0x04,
    0x05,
    0x06,
    0x30,
    0x40,
    0x41,
    0x42,
    0x43,
    0x44,
    0x46,
    0x80,
    0x81,
    0x82,
    0xA0,
    0xA2,
    0xA5,
    0xA8,
)
_OCTETS: Final = (0x00, 0x01, 0x02, 0x04, 0x06, 0x2B, 0x30, 0x7F, 0x80, 0x81, 0x82, 0x84, 0x85, 0x88, 0xFF)
_BODIES: Final = (
    b"", b"\x00", b"\x7f", b"\x80", b"\xff", b"\x80\x01", b"\x00" * 9, b"\xff" * 8, b"\xff" * 9, b"\x00" + b"\xff" * 8,
    b"\x01" * 700, b"\x8f\xff\xff\xff\x7f", b"\x90\x80\x80\x80\x00", b"\xff" * 40, b"\x88\x37\x83\xff\x7f",
    b"\x9f\x78\x04\x7f\x80\x00\x00", b"\x9f\x79\x08" + b"\xff" * 8, b"\x07\xe2" + bytes(6), b"\xc3\x28\xa0\xa1",
    b'"\\\n', b"\x30\x80" * 60, b"\x30\x84\xff\xff\xff\xff",
)  # fmt: skip


def length(size: int) -> bytes:
    """Return a definite length in the fewest octets."""
    if size < 0x80:
        return bytes((size,))
    body = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(body),)) + body


@dataclass(frozen=True, slots=True)
class Element:
    """One element of BER, with those that it holds."""

    tag: int
    octets: bytes  # all of it
    body: bytes
    inner: "tuple[Element, ...]" = ()


def elements(data: bytes) -> tuple[Element, ...]:
    """Take sound BER apart; () for what is none."""
    out, at = [], 0
    while at < len(data):
        start, size, at = at, data[at + 1] if at + 1 < len(data) else 0x80, at + 2
        if size > 0x7F:
            width = size & 0x7F
            size, at = int.from_bytes(data[at : at + width], "big"), at + width
        if at + size > len(data):
            return ()
        body, tag = data[at : at + size], data[start]
        at += size
        out.append(Element(tag, data[start:at], body, elements(body) if tag in _CONSTRUCTED else ()))
    return tuple(out)


class Mutator:
    """Makes damaged messages of some sound ones, the same ones for the same seed."""

    def __init__(self, seeds: Sequence[bytes], chance: random.Random) -> None:
        self._seeds = seeds
        self._trees = [found for seed in seeds for found in elements(seed)[:1]]
        self._chance = chance
        self._parts = [part for tree in self._trees for part in _below(tree)][:2000]

    def next(self) -> bytes:
        """Return the next message."""
        chance = self._chance
        turn = chance.random()
        if turn < 0.55 and self._trees:
            data = self._rebuilt(chance.choice(self._trees))
            return self._spoiled(data) if turn < 0.05 else data
        if turn < 0.97:
            return self._spoiled(chance.choice(self._seeds))
        return chance.randbytes(chance.randrange(120))

    def _rebuilt(self, element: Element) -> bytes:
        """Change one element below (or this one), and write the rest as it was, with right lengths."""
        chance = self._chance
        if not element.inner or chance.random() < 0.06:
            return self._changed(element)
        place = chance.randrange(len(element.inner))
        parts = [inner.octets for inner in element.inner]
        turn = chance.random()
        if turn < 0.04:
            del parts[place]
        elif turn < 0.08:
            parts[place:place] = [parts[place]] * chance.randrange(1, 8)
        elif turn < 0.12:
            parts[place] = chance.choice(self._parts).octets
        else:
            parts[place] = self._rebuilt(element.inner[place])
        body = b"".join(parts)
        return bytes((element.tag,)) + length(len(body)) + body

    def _changed(self, element: Element) -> bytes:
        chance = self._chance
        tag, body = element.tag, element.body
        turn = chance.randrange(6)
        if turn == 0:
            tag = chance.choice(_TAGS)
        elif turn == 1:
            body = chance.choice(_BODIES)
        elif turn == 2:
            tag, body = chance.choice(_TAGS), chance.choice(_BODIES)
        elif turn == 3:
            body = chance.choice(self._parts).body
        elif turn == 4:
            body = body[: chance.randrange(len(body) + 1)] + chance.randbytes(chance.randrange(6))
        else:
            body = self._spoiled(body)
        size = length(len(body))
        if chance.random() < 0.05:  # a length in more octets than it needs, or a wrong one
            size = bytes((0x80 | (wide := chance.randrange(1, 9)),)) + len(body).to_bytes(8, "big")[-wide:]
        return bytes((tag,)) + size + body

    def _spoiled(self, data: bytes) -> bytes:
        """Change octets anywhere."""
        chance, octets = self._chance, bytearray(data)
        for _ in range(chance.choice((1, 1, 1, 2, 4))):
            place = chance.randrange(len(octets) + 1)
            turn = chance.randrange(6)
            if turn == 0:
                octets[place : place + 1] = bytes((chance.choice(_OCTETS),))
            elif turn == 1 and place < len(octets):
                octets[place] ^= 1 << chance.randrange(8)
            elif turn == 2:
                del octets[place:]
            elif turn == 3:
                octets[place:place] = chance.randbytes(chance.randrange(1, 6))
            elif turn == 4:
                del octets[place : place + chance.randrange(1, 9)]
            else:
                octets[place:place] = octets[place // 2 : place]
        return bytes(octets)


def _below(element: Element) -> list[Element]:
    return [element, *[deeper for inner in element.inner for deeper in _below(inner)]]

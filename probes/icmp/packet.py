"""Echo requests, replies and ICMP errors as octets (RFC 792, RFC 4443); no socket is known here.

The payload of every echo begins with 16 octets by which its reply is told from any other packet: a nonce of the process
(8), the index of the echo (4) and the complement of it (4), so that the checksum of all echoes to a target is the same.
The ICMP sequence number repeats the low 16 bits of the index, for routers that quote 8 octets only, and for people who
read packet captures.
"""

import functools
import struct
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

HEADER_OCTETS: Final = 8
TAG_OCTETS: Final = 16  # nonce, index, complement
HEAD_OCTETS: Final = HEADER_OCTETS + TAG_OCTETS
NONCE_OCTETS: Final = 8

ECHO_REPLY_V4: Final = 0
ECHO_REQUEST_V4: Final = 8
ECHO_REQUEST_V6: Final = 128
ECHO_REPLY_V6: Final = 129
ERRORS_V4: Final = (3, 11, 12)  # RFC 792: destination unreachable, time exceeded, parameter problem
ERRORS_V6: Final = (1, 2, 3, 4)  # RFC 4443: destination unreachable, packet too big, time exceeded, parameter problem
_ICMP: Final = 1
_ICMPV6: Final = 58
_IPV6_HEADER_OCTETS: Final = 40

_HEADER: Final = struct.Struct("!BBHHH")
_TAG: Final = struct.Struct("!8sIHH")

_UNREACHABLE_V4: Final = (
    "destination network unreachable", "destination host unreachable", "protocol unreachable", "port unreachable",
    "fragmentation needed", "source route failed", "destination network unknown", "destination host unknown",
    "source host isolated", "network prohibited", "host prohibited", "network unreachable for this class of service",
    "host unreachable for this class of service", "communication prohibited by filter", "host precedence violation",
    "precedence cut off",
)  # fmt: skip
_UNREACHABLE_V6: Final = (
    "no route to destination", "communication prohibited by filter", "beyond scope of source address",
    "address unreachable", "port unreachable", "source address failed policy", "route to destination rejected",
    "error in source routing header",
)  # fmt: skip


class PacketError(ValueError):
    """An ICMP message that is not what it should be; the text says what was expected."""


@dataclass(frozen=True, slots=True)
class EchoMessage:
    """An echo request or reply that carries a tag."""

    reply: bool
    ident: int
    sequence: int
    nonce: bytes
    index: int


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    """An ICMP error about an echo request.

    Attributes:
        destination: where the echo was going, as 4 or 16 octets.
        nonce, index: None where the router quoted too little of the echo; the sequence number has to do then.
        mtu: of the link that the echo was too big for; 0 where that is not the trouble, or is not told (RFC 1191).
    """

    type: int
    code: int
    destination: bytes
    ident: int
    sequence: int
    nonce: bytes | None
    index: int | None
    mtu: int = 0


def checksum(octets: bytes) -> int:
    """Return the Internet checksum (RFC 1071) of `octets`."""
    if len(octets) % 2:
        octets += b"\0"
    total: int = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@functools.lru_cache(maxsize=64)
def padding(size: int) -> bytes:
    """Return the payload after the tag for `size` octets of payload in all: the pattern of `ping`."""
    return bytes((TAG_OCTETS + place) & 0xFF for place in range(size - TAG_OCTETS))


def complement(index: int) -> tuple[int, int]:
    """Return the two words that cancel an index (and the sequence number that repeats its low half) in the checksum."""
    twice = (index & 0xFFFF) * 2
    return ~(index >> 16) & 0xFFFF, ~((twice & 0xFFFF) + (twice >> 16)) & 0xFFFF


def encode_echo(family: int, ident: int, nonce: bytes, index: int, size: int, *, reply: bool = False) -> bytes:
    """Return an echo request (or reply) as it goes to a socket.

    Args:
        family: 4 or 6. With 6 the checksum is left 0: it covers the IPv6 header, and the kernel fills it in.
        size: octets of payload, at least 16.

    Raises:
        PacketError: when `size` has no room for the tag.
    """
    if size < TAG_OCTETS:
        raise PacketError(f"echo payload needs {TAG_OCTETS} octets, got {size}")
    types = (ECHO_REQUEST_V4, ECHO_REPLY_V4) if family == 4 else (ECHO_REQUEST_V6, ECHO_REPLY_V6)
    body = _TAG.pack(nonce, index, *complement(index)) + padding(size)
    head = _HEADER.pack(types[reply], 0, 0, ident, index & 0xFFFF)
    check = checksum(head + body) if family == 4 else 0
    return _HEADER.pack(types[reply], 0, check, ident, index & 0xFFFF) + body


def decode(family: int, octets: bytes) -> EchoMessage | ErrorMessage | None:
    """Return what an ICMP message says, or None for one that is none of ours: another type, no tag.

    Args:
        family: 4 or 6.
        octets: from the ICMP header on.

    Raises:
        PacketError: when it ends before it should, or its tag contradicts itself.
    """
    if len(octets) < HEADER_OCTETS:
        raise PacketError(f"ICMP header needs {HEADER_OCTETS} octets, got {len(octets)}")
    kind, code, _, ident, sequence = _HEADER.unpack_from(octets)
    if kind in (ERRORS_V4 if family == 4 else ERRORS_V6):
        error = _decode_error(family, kind, code, octets[HEADER_OCTETS:])
        mtu = link_mtu(family, kind, code, ident << 16 | sequence)
        return replace(error, mtu=mtu) if error is not None and mtu else error
    request, answer = (ECHO_REQUEST_V4, ECHO_REPLY_V4) if family == 4 else (ECHO_REQUEST_V6, ECHO_REPLY_V6)
    if kind not in (request, answer) or code != 0:
        return None
    if len(octets) < HEAD_OCTETS:
        raise PacketError(f"tagged echo needs {HEAD_OCTETS} octets, got {len(octets)}")
    nonce, index = _decode_tag(octets[HEADER_OCTETS:HEAD_OCTETS])
    if sequence != index & 0xFFFF:
        raise PacketError(f"expected sequence {index & 0xFFFF} with index {index}, got {sequence}")
    return EchoMessage(kind == answer, ident, sequence, nonce, index)


def link_mtu(family: int, kind: int, code: int, rest: int) -> int:
    """Return the MTU that an error tells of in the 32 bits after its checksum; 0 where it tells of none.

    RFC 1191 4: destination unreachable, fragmentation needed: the low 16 bits. RFC 4443 3.2: packet too big: all.
    """
    if (family, kind, code) == (4, 3, 4):
        return rest & 0xFFFF
    return rest if (family, kind) == (6, 2) else 0


def describe_error(family: int, kind: int, code: int, mtu: int = 0) -> str:
    """Return an ICMP error's type and code in words, with the MTU where it tells of one."""
    return f"{_error_name(family, kind, code)}, MTU {mtu}" if mtu else _error_name(family, kind, code)


def _error_name(family: int, kind: int, code: int) -> str:
    if (family, kind) == (4, 3) and code < len(_UNREACHABLE_V4):
        return _UNREACHABLE_V4[code]
    if (family, kind) == (6, 1) and code < len(_UNREACHABLE_V6):
        return _UNREACHABLE_V6[code]
    names = {(4, 11): "time to live exceeded", (4, 12): "parameter problem", (6, 2): "packet too big",
             (6, 3): "hop limit exceeded", (6, 4): "parameter problem"}  # fmt: skip
    return names.get((family, kind), f"ICMP error type {kind} code {code}")


def strip_ipv4(octets: bytes) -> bytes:
    """Return what follows an IPv4 header: a raw IPv4 socket hands the header over too.

    Raises:
        PacketError: when there is no whole IPv4 header.
    """
    if len(octets) < 20:
        raise PacketError(f"IPv4 header needs 20 octets, got {len(octets)}")
    length = (octets[0] & 15) * 4
    if octets[0] >> 4 != 4 or length < 20 or length > len(octets):
        raise PacketError(f"expected an IPv4 header, got version {octets[0] >> 4} with {length} octets")
    return octets[length:]


def _decode_tag(octets: bytes) -> tuple[bytes, int]:
    nonce, index, high, low = _TAG.unpack(octets)
    if (high, low) != complement(index):
        raise PacketError(f"tag is damaged: {high:04x} {low:04x} is not the complement of index {index}")
    return nonce, index


def _decode_error(family: int, kind: int, code: int, quoted: bytes) -> ErrorMessage | None:
    """RFC 792: the internet header plus the first 64 bits of the original datagram; RFC 4443: as much as fits."""
    if family == 4:
        inner = strip_ipv4(quoted)
        protocol, destination, request = quoted[9], quoted[16:20], ECHO_REQUEST_V4
        if protocol != _ICMP:
            return None
    else:
        if len(quoted) < _IPV6_HEADER_OCTETS:
            raise PacketError(f"quoted IPv6 header needs {_IPV6_HEADER_OCTETS} octets, got {len(quoted)}")
        inner, destination, request = quoted[_IPV6_HEADER_OCTETS:], quoted[24:40], ECHO_REQUEST_V6
        if quoted[6] != _ICMPV6:
            return None
    if len(inner) < HEADER_OCTETS:
        raise PacketError(f"quoted ICMP header needs {HEADER_OCTETS} octets, got {len(inner)}")
    return decode_quoted(family, kind, code, destination, inner) if inner[0] == request else None


def decode_quoted(
    family: int, kind: int, code: int, destination: bytes, inner: bytes, mtu: int = 0
) -> ErrorMessage | None:
    """Return an ICMP error whose quotation is already taken apart, as the error queue of a ping socket gives it.

    Args:
        inner: the echo request as quoted, from its ICMP header on, at least 8 octets.

    Raises:
        PacketError: when the quoted tag contradicts itself.
    """
    if len(inner) < HEADER_OCTETS:
        raise PacketError(f"quoted ICMP header needs {HEADER_OCTETS} octets, got {len(inner)}")
    request, _, _, ident, sequence = _HEADER.unpack_from(inner)
    if request != (ECHO_REQUEST_V4 if family == 4 else ECHO_REQUEST_V6):
        return None
    nonce, index = None, None
    if len(inner) >= HEAD_OCTETS:
        nonce, index = _decode_tag(inner[HEADER_OCTETS:HEAD_OCTETS])
    return ErrorMessage(kind, code, destination, ident, sequence, nonce, index, mtu)


def header_lengths(octets: npt.NDArray[np.uint8]) -> int | npt.NDArray[np.int64]:
    """Return the octets of each row's IPv4 header: one number where all are alike, which is nearly always."""
    firsts = octets[:, 0]
    if (firsts == firsts[0]).all():
        return (int(firsts[0]) & 15) * 4
    return (firsts.astype(np.int64) & 15) * 4


def read_replies(
    octets: npt.NDArray[np.uint8],
    lengths: npt.NDArray[np.int64],
    starts: int | npt.NDArray[np.int64],
    family: int,
    nonce: bytes,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.uint32]]:
    """Pick the echo replies that carry `nonce` out of a batch of received messages, all at once.

    Args:
        octets: uint8[n, width]: one received message a row.
        lengths: int64[n]: how many octets of each row are a message.
        starts: where the ICMP header begins, in each row (int64[n]) or in all of them.

    Returns:
        The rows that are whole replies with this nonce and an intact tag, and the echo index of each.
    """
    if isinstance(starts, int):
        head = octets[:, starts : starts + HEAD_OCTETS]
        good = np.minimum(lengths, octets.shape[1]) >= starts + HEAD_OCTETS
    else:
        head = octets[np.arange(len(octets))[:, None], np.minimum(starts, octets.shape[1] - HEAD_OCTETS)[:, None]
                      + np.arange(HEAD_OCTETS)]  # fmt: skip
        good = np.minimum(lengths, octets.shape[1]) >= starts + HEAD_OCTETS
    words = np.ascontiguousarray(head).view(np.uint32)
    reply = _HEADER.pack(ECHO_REPLY_V4 if family == 4 else ECHO_REPLY_V6, 0, 0, 0, 0)
    first, second = np.frombuffer(nonce, np.uint32).tolist()
    numbers = words.view(">u4")
    index = numbers[:, 4].astype(np.uint32)
    low = index & 0xFFFF
    good &= words.view(np.uint16)[:, 0] == np.frombuffer(reply, np.uint16, 1)[0]
    good &= words[:, 2] == first
    good &= words[:, 3] == second
    good &= words.view(">u2")[:, 3] == low
    good &= numbers[:, 5] == _complements(index)
    rows = good.nonzero()[0]
    return rows, index if len(rows) == len(index) else index[rows]


def intact(
    octets: npt.NDArray[np.uint8], lengths: npt.NDArray[np.int64], starts: int | npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Tell which messages have a right ICMP checksum (RFC 792): a raw IPv4 socket gets the others, too.

    A message that fills its row may be longer, and is taken for intact.

    Args:
        octets, lengths, starts: as `read_replies` has them.
    """
    first = int(lengths[0])
    if isinstance(starts, int) and (lengths == first).all():
        return _all_intact(octets, first, starts)
    begins = np.full(len(octets), starts) if isinstance(starts, int) else starts
    good = np.zeros(len(octets), np.bool_)
    kinds = lengths * 64 + begins  # an IPv4 header has 60 octets at most
    for alike in set(kinds.tolist()):
        rows = (kinds == alike).nonzero()[0]
        good[rows] = _all_intact(octets[rows], alike // 64, alike % 64)
    return good


def _all_intact(octets: npt.NDArray[np.uint8], length: int, start: int) -> npt.NDArray[np.bool_]:
    if length >= octets.shape[1]:
        return np.ones(len(octets), np.bool_)
    if length < start + HEADER_OCTETS:
        return np.zeros(len(octets), np.bool_)
    body = octets[:, start:length]
    if (length - start) % 2:
        body = np.pad(body, ((0, 0), (0, 1)))
    # RFC 1071 2(B): "the sum of 16-bit integers can be computed in either byte order"
    sums = np.ascontiguousarray(body).view(np.uint16).sum(axis=1, dtype=np.uint32)
    sums = (sums & 0xFFFF) + (sums >> 16)
    good: npt.NDArray[np.bool_] = (sums & 0xFFFF) + (sums >> 16) == 0xFFFF
    return good


def write_indices(heads: npt.NDArray[np.uint8], rows: npt.NDArray[np.intp], indices: npt.NDArray[np.uint32]) -> None:
    """Write each echo's index, its complement and its sequence number into the prebuilt heads `heads[rows]`.

    Args:
        heads: uint8[n, 24], changed in place; the checksum in them stays right.
        indices: uint32.
    """
    words, longs = heads.view(">u2"), heads.view(">u4")
    words[rows, 3] = indices
    longs[rows, 4] = indices
    longs[rows, 5] = _complements(indices)


def _complements(indices: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Return `complement` of each index, its two words as one number."""
    low = indices & np.uint32(0xFFFF)
    twice = low + low
    words: npt.NDArray[np.uint32] = (indices & np.uint32(0xFFFF0000)) | ((twice & np.uint32(0xFFFF)) + (twice >> 16))
    return ~words

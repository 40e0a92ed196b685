"""The codec: what is encoded is decoded, scapy agrees, and of all that may come only true replies are taken."""

import contextlib
import random
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.icmp import packet
from probes.icmp.packet import EchoMessage, ErrorMessage, PacketError

NONCE = bytes(range(8))
INDEX = st.integers(0, 2**32 - 1)
FAMILY = st.sampled_from([4, 6])


def ipv4(body: bytes, *, options: bytes = b"", protocol: int = 1, destination: bytes = b"\x0a\x00\x00\x02") -> bytes:
    """Wrap ICMP octets in an IPv4 header, as a raw socket hands them over."""
    words = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH4s4s", 64 + words, 0, words * 4 + len(body), 0, 0, 64, protocol, 0,
                       b"\x0a\0\0\x01", destination)  # fmt: skip
    return head + options + body


def ipv6(body: bytes, *, next_header: int = 58, destination: bytes = bytes(15) + b"\x02") -> bytes:
    """Wrap ICMPv6 octets in an IPv6 header."""
    return struct.pack("!IHBB16s16s", 6 << 28, len(body), next_header, 64, bytes(16), destination) + body


@given(FAMILY, st.integers(0, 65535), st.binary(min_size=8, max_size=8), INDEX, st.integers(16, 1500), st.booleans())
def test_what_is_encoded_is_decoded(family: int, ident: int, nonce: bytes, index: int, size: int, reply: bool) -> None:
    octets = packet.encode_echo(family, ident, nonce, index, size, reply=reply)
    assert len(octets) == packet.HEADER_OCTETS + size
    assert packet.decode(family, octets) == EchoMessage(reply, ident, index & 0xFFFF, nonce, index)


@given(st.integers(0, 65535), st.binary(min_size=8, max_size=8), INDEX, st.integers(16, 200))
def test_the_checksum_is_right_and_the_same_for_every_echo(ident: int, nonce: bytes, index: int, size: int) -> None:
    octets = packet.encode_echo(4, ident, nonce, index, size)
    assert packet.checksum(octets) in (0, 0xFFFF)  # RFC 1071: the sum over data and checksum is all ones
    assert octets[2:4] == packet.encode_echo(4, ident, nonce, 0, size)[2:4]


def test_scapy_builds_the_same_octets_and_reads_ours() -> None:
    from scapy.layers.inet import ICMP  # heavy, and the independent oracle here
    from scapy.packet import Raw

    ours = packet.encode_echo(4, 4711, NONCE, 0x12345678, 56)
    theirs = bytes(ICMP(type=8, id=4711, seq=0x5678) / Raw(ours[8:]))
    assert ours == theirs
    assert ICMP(ours).seq == 0x5678


@given(st.lists(INDEX, min_size=1, max_size=20), st.integers(16, 100))
def test_writing_an_index_into_a_prebuilt_head_gives_the_packet_with_that_index(indices: list[int], size: int) -> None:
    whole = packet.encode_echo(4, 7, NONCE, 0, size)
    heads = np.tile(np.frombuffer(whole[: packet.HEAD_OCTETS], np.uint8), (len(indices), 1))
    packet.write_indices(heads, np.arange(len(indices)), np.array(indices, np.uint32))
    for place, index in enumerate(indices):
        assert heads[place].tobytes() + whole[packet.HEAD_OCTETS :] == packet.encode_echo(4, 7, NONCE, index, size)


@pytest.mark.parametrize(
    ("family", "octets", "expected"),
    [
        (4, b"\0" * 7, "ICMP header needs 8 octets, got 7"),
        (4, b"\0" * 23, "tagged echo needs 24 octets, got 23"),
        (4, b"\x03" + b"\0" * 7 + b"\x45" * 10, "IPv4 header needs 20 octets, got 10"),
        (4, b"\x03" + b"\0" * 7 + b"\x65" * 30, "expected an IPv4 header, got version 6 with 20 octets"),
        (4, b"\x03" + b"\0" * 7 + ipv4(b"\x08" * 7), "quoted ICMP header needs 8 octets, got 7"),
        (6, b"\x01" + b"\0" * 7 + b"\0" * 39, "quoted IPv6 header needs 40 octets, got 39"),
        (6, b"\x01" + b"\0" * 7 + ipv6(b"\x80" * 5), "quoted ICMP header needs 8 octets, got 5"),
        (4, packet.encode_echo(4, 1, NONCE, 5, 16)[:-1] + b"x", "tag is damaged"),
    ],
)
def test_an_error_says_what_was_expected(family: int, octets: bytes, expected: str) -> None:
    with pytest.raises(PacketError, match=expected):
        packet.decode(family, octets)


def test_a_sequence_number_that_contradicts_the_index_is_refused() -> None:
    octets = bytearray(packet.encode_echo(4, 1, NONCE, 5, 16))
    octets[7] ^= 1
    with pytest.raises(PacketError, match="expected sequence 5 with index 5, got 4"):
        packet.decode(4, bytes(octets))


def test_no_room_for_the_tag() -> None:
    with pytest.raises(PacketError, match="echo payload needs 16 octets, got 15"):
        packet.encode_echo(4, 1, NONCE, 0, 15)


@pytest.mark.parametrize(
    ("family", "octets"),
    [
        (4, b"\x0d" + b"\0" * 40),  # timestamp request
        (4, b"\x00\x01" + b"\0" * 40),  # an echo reply with a code
        (6, b"\x87" + b"\0" * 40),  # neighbour solicitation
        (4, b"\x03\x03" + b"\0" * 6 + ipv4(b"\0" * 20, protocol=17)),  # about somebody's UDP
        (6, b"\x01\x04" + b"\0" * 6 + ipv6(b"\0" * 20, next_header=17)),
        (4, b"\x03\x01" + b"\0" * 6 + ipv4(packet.encode_echo(4, 1, NONCE, 5, 16, reply=True))),  # about a reply
    ],
)
def test_what_is_no_business_of_ours_is_none(family: int, octets: bytes) -> None:
    assert packet.decode(family, octets) is None


@pytest.mark.parametrize("options", [b"", b"\x01" * 8])
@pytest.mark.parametrize("quoted", [None, 8])
def test_an_error_leads_back_to_its_echo(options: bytes, quoted: int | None) -> None:
    echo = packet.encode_echo(4, 9, NONCE, 0xABCD1234, 56)[:quoted]
    message = packet.decode(4, b"\x03\x01\0\0\0\0\0\0" + ipv4(echo, options=options))
    index = None if quoted else 0xABCD1234
    assert message == ErrorMessage(3, 1, b"\x0a\0\0\x02", 9, 0x1234, None if quoted else NONCE, index)
    echo = packet.encode_echo(6, 9, NONCE, 0xABCD1234, 56)[:quoted]
    message = packet.decode(6, b"\x01\x03\0\0\0\0\0\0" + ipv6(echo))
    assert message == ErrorMessage(1, 3, bytes(15) + b"\x02", 9, 0x1234, None if quoted else NONCE, index)


def test_a_quotation_by_itself() -> None:
    echo = packet.encode_echo(4, 9, NONCE, 77, 56)
    assert packet.decode_quoted(4, 3, 1, b"abcd", echo) == ErrorMessage(3, 1, b"abcd", 9, 77, NONCE, 77)
    assert packet.decode_quoted(4, 3, 1, b"abcd", b"\0" * 30) is None
    with pytest.raises(PacketError, match="quoted ICMP header needs 8"):
        packet.decode_quoted(4, 3, 1, b"abcd", b"\x08")


@pytest.mark.parametrize(
    ("family", "kind", "code", "words"),
    [
        (4, 3, 1, "destination host unreachable"),
        (4, 3, 13, "communication prohibited by filter"),
        (4, 3, 99, "ICMP error type 3 code 99"),
        (4, 11, 0, "time to live exceeded"),
        (6, 1, 0, "no route to destination"),
        (6, 1, 200, "ICMP error type 1 code 200"),
        (6, 2, 0, "packet too big"),
        (6, 3, 0, "hop limit exceeded"),
    ],
)
def test_errors_in_words(family: int, kind: int, code: int, words: str) -> None:
    assert packet.describe_error(family, kind, code) == words


@given(FAMILY, st.binary(max_size=200))
@settings(max_examples=500)
def test_noise_gives_none_or_a_packet_error(family: int, noise: bytes) -> None:
    for octets in (noise, b"\x03" + noise, b"\x01" + noise):
        with contextlib.suppress(PacketError):
            packet.decode(family, octets)
        with contextlib.suppress(PacketError):
            packet.strip_ipv4(octets)


def _mutate(octets: bytes, chance: random.Random) -> bytes:
    changed = bytearray(octets)
    for _ in range(chance.randint(0, 4)):
        kind = chance.randrange(3)
        if kind == 0 and changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del changed[chance.randrange(len(changed) + 1) :]
        else:
            changed[chance.randrange(len(changed) + 1) :] = chance.randbytes(chance.randint(0, 40))
    return bytes(changed)


@pytest.mark.parametrize("family", [4, 6])
def test_forty_thousand_mutated_packets_and_the_batch_reader_takes_exactly_what_the_codec_takes(family: int) -> None:
    chance = random.Random(20261122 + family)
    taken = 0
    for _ in range(80):
        packets = []
        for _ in range(250):
            echo = packet.encode_echo(family, 3, NONCE, chance.getrandbits(32), chance.randint(16, 80), reply=True)
            packets.append(_mutate(ipv4(echo) if family == 4 else echo, chance))
        octets = np.frombuffer(chance.randbytes(250 * 128), np.uint8).reshape(250, 128).copy()
        for place, body in enumerate(packets):
            octets[place, : min(128, len(body))] = np.frombuffer(body[:128], np.uint8)
        lengths = np.array([len(body) for body in packets], np.int64)
        starts = (octets[:, 0].astype(np.int64) & 15) * 4 if family == 4 else np.zeros(250, np.int64)
        places, indices = packet.read_replies(octets, lengths, starts, family, NONCE)
        found = dict(zip(places.tolist(), indices.tolist(), strict=True))
        taken += len(found)
        for place, body in enumerate(packets):
            assert found.get(place) == _accepted(family, body)
    assert taken > 5_000  # most are mutated lightly, and many in the padding only


def _accepted(family: int, body: bytes) -> int | None:
    try:
        inner = body[(body[0] & 15) * 4 :] if family == 4 and body else body
        message = packet.decode(family, inner)
    except PacketError:
        return None
    if isinstance(message, EchoMessage) and message.reply and message.nonce == NONCE:
        return message.index
    return None


@pytest.mark.parametrize("size", [16, 17, 56])
@pytest.mark.parametrize("options", [b"", bytes(4)])
def test_a_wrong_checksum_is_seen(size: int, options: bytes) -> None:
    body = packet.encode_echo(4, 1, NONCE, 7, size, reply=True)
    messages = [ipv4(body, options=options), ipv4(body[:-1] + bytes([body[-1] ^ 1]), options=options)]
    octets = np.zeros((3, 128), np.uint8)
    for row, message in enumerate(messages):
        octets[row, : len(message)] = np.frombuffer(message, np.uint8)
    lengths = np.array([len(message) for message in messages])
    starts = packet.header_lengths(octets[:2])
    assert starts == 20 + len(options)
    assert packet.intact(octets[:2], lengths, starts).tolist() == [True, False]
    # as a mixed batch, with one that is too short to have a checksum
    octets[2, 0] = 0x47
    mixed = packet.header_lengths(octets)
    assert packet.intact(octets, np.array([*lengths, 30]), mixed).tolist() == [True, False, False]


def test_a_message_that_was_cut_is_taken_for_intact() -> None:
    body = packet.encode_echo(4, 1, NONCE, 7, 500, reply=True)
    octets = np.frombuffer(ipv4(body)[:64], np.uint8).reshape(1, 64)
    assert packet.intact(octets, np.array([64]), 20).all()


@pytest.mark.parametrize(
    ("family", "kind", "code", "rest", "mtu", "words"),
    [
        (4, 3, 4, 1400, 1400, "fragmentation needed, MTU 1400"),
        (4, 3, 4, 0, 0, "fragmentation needed"),
        (4, 3, 1, 1400, 0, "destination host unreachable"),
        (6, 2, 0, 1280, 1280, "packet too big, MTU 1280"),
        (6, 1, 0, 1280, 0, "no route to destination"),
    ],
)
def test_the_mtu_of_an_error(family: int, kind: int, code: int, rest: int, mtu: int, words: str) -> None:
    echo = packet.encode_echo(family, 1, NONCE, 7, 56)
    quoted = ipv4(echo) if family == 4 else ipv6(echo)
    message = packet.decode(family, struct.pack("!BBHI", kind, code, 0, rest) + quoted)
    assert isinstance(message, ErrorMessage)
    assert message.mtu == mtu
    assert packet.describe_error(family, kind, code, message.mtu) == words

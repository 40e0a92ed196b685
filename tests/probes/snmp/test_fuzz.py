"""Hostile octets by the hundred thousand into everything that reads what an agent sends (the table in fuzzing.py).

What counts is that there is a value or a documented error, never anything else, and that neither time nor memory grow
faster than the octets do. How often a line ran is counted, not how long it took: that says the same on a busy machine.
"""

import contextlib
import random
import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.snmp import ber
from probes.snmp.ber import Message, Pdu, SnmpDecodeError, Tag
from tests.probes.snmp import fuzzing, sound
from tests.probes.snmp.fuzzing import Entry, attack
from tests.probes.snmp.mutation import elements, length

ENTRIES = {entry.name: entry for entry in fuzzing.entries()}


@pytest.mark.timeout(600)
def test_damaged_messages_are_an_error_or_a_value() -> None:
    passed, findings = attack(200_000, seed=1)
    assert [str(finding) for finding in findings] == []
    assert min(passed.values()) > 0, passed  # each decoder was reached with something that it takes


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(10))
def test_ten_million_damaged_messages_are_an_error_or_a_value(part: int) -> None:
    _, findings = attack(1_000_000, seed=random.randrange(1 << 32))
    assert [str(finding) for finding in findings] == []


@pytest.mark.parametrize("name", ENTRIES)
@given(data=st.binary(max_size=300))
def test_noise_is_an_error_or_a_value(name: str, data: bytes) -> None:
    entry = ENTRIES[name]
    with contextlib.suppress(*entry.errors):
        entry.decode(data)


@pytest.mark.parametrize("name", ENTRIES)
@given(place=st.integers(0, 10_000), at=st.integers(0, 400), octets=st.binary(max_size=6), gone=st.integers(0, 6))
def test_a_change_at_any_place_is_an_error_or_a_value(name: str, place: int, at: int, octets: bytes, gone: int) -> None:
    entry = ENTRIES[name]
    seeds = entry.seeds()
    data = seeds[place % len(seeds)]
    at %= len(data) + 1
    with contextlib.suppress(*entry.errors):
        entry.decode(data[:at] + octets + data[at + gone :])


def test_the_fuzzer_finds_what_is_wrong() -> None:
    def careless(data: bytes) -> int:
        ber.decode_header(data)
        return data[150]  # beyond the end of the shorter ones

    _, findings = attack(500, 1, [Entry("careless", sound.messages, careless)])
    assert findings
    assert str(findings[0]).startswith("careless(bytes.fromhex('30")
    assert str(findings[0]).endswith("IndexError: index out of range")


def test_damage_is_the_same_for_the_same_seed_and_reaches_deep() -> None:
    seen: list[bytes] = []
    attack(300, 7, [Entry("kept", sound.messages, seen.append)])
    first = list(seen)
    seen.clear()
    attack(300, 7, [Entry("kept", sound.messages, seen.append)])
    assert seen == first
    assert len(set(first)) > 250
    whole = [data for data in first if elements(data)]  # damaged, and all lengths right
    assert len(whole) > 100


# ------------------------------------------------------------------ bounded time and memory


def message(varbinds: bytes) -> bytes:
    """Return a message around any octets as its list of varbinds."""
    body = b"\x02\x04\x40\x00\x00\x01\x02\x01\x00\x02\x01\x00\x30" + length(len(varbinds)) + varbinds
    body = b"\x02\x01\x01\x04\x06public\xa2" + length(len(body)) + body
    return b"\x30" + length(len(body)) + body


def bind(name: bytes, value: bytes) -> bytes:
    """Return a varbind of any octets."""
    body = b"\x06" + length(len(name)) + name + value
    return b"\x30" + length(len(body)) + body


BOMBS: dict[str, Callable[[int], bytes]] = {
    "the smallest varbinds": lambda size: message(b"\x30\x05\x06\x01\x2b\x05\x00" * (size // 7)),
    "the same with long lengths": lambda size: message(b"\x30\x83\0\0\x08\x06\x82\0\1\x2b\x05\x81\0" * (size // 13)),
    "nested sequences": lambda size: message(b"\x30\x80" * (size // 2)),
    "nested sequences with lengths": lambda size: message(b"".join(
        b"\x30" + b"\x82" + (size - 4 * depth).to_bytes(2, "big") for depth in range(size // 4)
    )),
    "a name of one endless number": lambda size: message(bind(b"\x81" * size, b"\x05\x00")),
    "a name of many numbers": lambda size: message(bind(b"\x81\x00" * (size // 2), b"\x05\x00")),
    "an OID as value": lambda size: message(bind(b"\x2b", b"\x06" + length(size) + b"\x81" * size)),
    "one string": lambda size: message(bind(b"\x2b", b"\x04" + length(size) + b"\xff\x41" * (size // 2))),
    "strings of interfaces": lambda size: message(b"".join(
        bind(ber.encode_oid(f"1.3.6.1.2.1.2.2.1.2.{row + 1000}"), b"\x04\x0a" + b"\xff\x00\n\"\\Gi1/0")
        for row in range(size // 26)
    )),
    "rows with long indexes": lambda size: message(b"".join(
        bind(ber.encode_oid(f"1.3.6.1.2.1.31.1.1.1.6.{row + 1000}") + b"\x81\x00" * 300, b"\x46\x01\x00")
        for row in range(size // 630)
    )),
    "a community": lambda size: (
        b"\x30" + length(size + 7) + b"\x02\x01\x01\x04\x82" + size.to_bytes(2, "big") + bytes(size)
    ),
}  # fmt: skip


def lines_run(decode: Callable[[bytes], object], data: bytes, errors: tuple[type[Exception], ...]) -> int:
    """Return how many lines of Python the decoder runs for these octets."""
    count = 0

    def trace(frame: FrameType, event: str, arg: object) -> object:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type] # it returns itself
    try:
        decode(data)
    except errors:
        pass
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("name", ["decode_message", "walk", "render if_mib", "indexes", "oids", "texts"])
def test_time_grows_with_the_octets_and_no_faster(name: str, bomb: str) -> None:
    entry = ENTRIES[name]
    errors = (*entry.errors, SnmpDecodeError)
    small, large = BOMBS[bomb](4_000), BOMBS[bomb](16_000)
    entry.decode(entry.seeds()[0])  # what is made at the first use
    few, many = (lines_run(entry.decode, data, errors) for data in (small, large))
    assert many <= 6 * few + 2000  # four times the octets; what grows with their square would be sixteen
    assert many <= 60 * len(large) + 2000


@pytest.mark.parametrize("bomb", BOMBS)
def test_memory_is_a_multiple_of_the_octets(bomb: str) -> None:
    data = BOMBS[bomb](60_000)
    assert len(data) <= ber.MAX_DATAGRAM_OCTETS
    tracemalloc.start()
    try:
        ber.decode_message(data)
    except SnmpDecodeError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak <= 40 * len(data) + 100_000


def test_a_length_that_lies_reserves_nothing() -> None:
    for lie in (b"\x30\x84\xff\xff\xff\xff", b"\x30\x84\x7f\xff\xff\xff" + bytes(40), b"\x30\x88" + b"\xff" * 8):
        tracemalloc.start()
        with pytest.raises(SnmpDecodeError):
            ber.decode_message(lie)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 100_000


def test_an_answer_of_the_largest_datagram_is_read() -> None:
    name = ber.encode_oid("1.3.6.1.2.1.1.1.0")
    room = 65_507 - len(ber.encode_message(Message(1, b"public", Pdu.RESPONSE, 1 << 30, 0, 0, [(name, 4, b"")])))
    for size in range(room - 20, room + 1):
        data = ber.encode_message(Message(1, b"public", Pdu.RESPONSE, 1 << 30, 0, 0, [(name, 4, bytes(size))]))
        if len(data) == 65_507:  # the most that a datagram over IPv4 holds
            assert ber.decode_response(data).varbinds == [(name, Tag.OCTET_STRING, bytes(size))]
            return
    pytest.fail("no answer of that size was made")

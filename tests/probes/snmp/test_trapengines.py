"""Whose engine is whose: what polls know, what is learnt and forgotten, and how a device is asked."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from probes.snmp.ber import encode_integer, tlv
from probes.snmp.trapcodec import decode_secure_header
from probes.snmp.trapengines import ASK_AGAIN_SECONDS, EngineBook, ask, question

ONE, OTHER = b"\x80\0\0\0\x05one", b"\x80\0\0\0\x05other"


def test_ids_are_known_from_polls_or_learnt() -> None:
    polled = {"10.0.0.1": (ONE,)}
    book = EngineBook(lambda address: polled.get(address, ()))
    assert book.knows("10.0.0.1", ONE)
    assert not book.knows("10.0.0.2", ONE)  # another device's is not this one's
    book.learn("10.0.0.2", ONE)
    assert book.knows("10.0.0.2", ONE)
    book.learn("10.0.0.2", OTHER)  # the device was replaced
    assert not book.knows("10.0.0.2", ONE)
    book.learn("10.0.0.3", ONE, OTHER)  # two agents at one address
    assert book.knows("10.0.0.3", ONE)
    assert book.knows("10.0.0.3", OTHER)
    polled["10.0.0.1"] = (OTHER,)
    assert book.knows("10.0.0.1", OTHER)
    assert not book.knows("10.0.0.1", ONE)


def test_a_device_is_asked_once_a_minute_and_forgotten_with_its_address() -> None:
    book = EngineBook()
    assert book.may_ask("10.0.0.1", 0.0)
    assert not book.may_ask("10.0.0.1", ASK_AGAIN_SECONDS - 1)
    assert book.may_ask("10.0.0.2", 1.0)
    assert book.may_ask("10.0.0.1", ASK_AGAIN_SECONDS)
    book.learn("10.0.0.1", ONE)
    book.keep({"10.0.0.2"})
    assert not book.knows("10.0.0.1", ONE)
    assert book.may_ask("10.0.0.1", ASK_AGAIN_SECONDS + 1)
    assert not book.may_ask("10.0.0.2", 2.0)


def report(asked: bytes, engine: bytes, change: int = 0) -> bytes:
    head = decode_secure_header(asked)
    fields = encode_integer(head.message_id + change) + encode_integer(65507) + tlv(4, b"\0") + encode_integer(3)
    usm = tlv(4, engine) + encode_integer(1) + encode_integer(2) + tlv(4, b"") * 3
    return tlv(0x30, encode_integer(3) + tlv(0x30, fields) + tlv(4, tlv(0x30, usm)) + b"\x30\x00")


@asynccontextmanager
async def device(answer: Callable[[bytes], list[bytes]]) -> AsyncIterator[int]:
    class Device(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - of a class that asyncio keeps to itself
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            for octets in answer(data):
                self.transport.sendto(octets, addr)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Device, local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


async def test_the_answer_to_the_question_is_taken_and_no_other() -> None:
    odd = [b"", b"nonsense", b"\x30\x00"]
    async with device(lambda asked: [*odd, report(asked, OTHER, 1), report(asked, b"ab"), report(asked, ONE)]) as port:
        assert await ask("127.0.0.1", port) == ONE


async def test_a_lost_question_is_repeated() -> None:
    heard: list[bytes] = []

    def second(asked: bytes) -> list[bytes]:
        heard.append(asked)
        return [report(asked, ONE)] if len(heard) == 2 else []

    async with device(second) as port:
        assert await ask("127.0.0.1", port, try_seconds=0.2) == ONE


async def test_who_does_not_tell_is_not_waited_for_for_ever() -> None:
    async with device(lambda _: []) as port:
        assert await ask("127.0.0.1", port, try_seconds=0.02) is None
    assert await ask("127.0.0.1", port, try_seconds=0.02) is None  # nobody listens there any more
    assert await ask("240.0.0.1", port, try_seconds=0.02) is None


def test_the_question_is_what_rfc_3414_wants() -> None:
    head = decode_secure_header(question(77))
    assert (head.message_id, head.engine_id, head.user, head.boots, head.seconds) == (77, b"", b"", 0, 0)
    assert (head.reportable, head.authenticated, head.encrypted) == (True, False, False)

"""The TCP probe against real sockets."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from pydantic import ValidationError

from agent.core.model import Check, Observation, Outcome
from agent.core.ports import Probe as ProbeProtocol
from agent.core.ports import Resources
from probes.tcp import Probe, Settings

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(handler: Handler, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """Serve on a free port until the block ends; every connection is closed behind its handler."""
    handlers = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        handlers.add(task)
        try:
            await handler(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            writer.transport.abort()
            handlers.discard(task)

    listener = await asyncio.start_server(serve, host, 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        for task in list(handlers):
            if task is not None:
                task.cancel()
        await asyncio.sleep(0)


async def run(
    port: int,
    *,
    address: str = "127.0.0.1",
    timeout: str = "5s",  # noqa: ASYNC109 - the probe's setting, not a deadline of this function
    **more: str,
) -> Observation:
    settings = Settings.model_validate({"type": "tcp", "address": address, "port": port, "timeout": timeout, **more})
    probe: ProbeProtocol = Probe(Resources())
    probe.configure(Resources())
    seen = await probe.run(Check("citrix", "ica", "tcp", settings.interval, settings))
    await probe.close()
    assert (seen.target, seen.check) == ("citrix", "ica")
    assert seen.at.tzinfo is not None
    return seen


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def says(text: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await writer.drain()
        await reader.read()

    return handler


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        assert isinstance(port, int)
        return port


async def test_an_open_port_is_ok_with_the_time_of_the_handshake() -> None:
    async with server(silent) as port:
        seen = await run(port)
    assert seen.outcome is Outcome.OK
    assert seen.duration_seconds is not None
    assert 0 < seen.duration_seconds < 5
    assert seen.values == (("connect_seconds", seen.duration_seconds),)
    assert seen.detail.startswith(f"127.0.0.1:{port}: connected in ")


async def test_ipv6_is_named_in_brackets() -> None:
    async with server(silent, "::1") as port:
        seen = await run(port, address="::1")
    assert seen.outcome is Outcome.OK
    assert seen.detail.startswith(f"[::1]:{port}: connected")


async def test_a_closed_port_is_refused_and_has_no_duration() -> None:
    port = closed_port()
    seen = await run(port)
    assert seen.outcome is Outcome.REFUSED
    assert seen.duration_seconds is None
    assert seen.values == ()
    assert seen.detail == f"127.0.0.1:{port}: connection refused"


async def test_a_full_backlog_gives_no_answer() -> None:
    # on Linux a listener whose backlog is full drops the handshake: the same as a firewall that drops
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        port = listener.getsockname()[1]
        seen = await run(port, timeout="300ms")
    assert seen.outcome is Outcome.NO_ANSWER
    assert seen.detail == f"127.0.0.1:{port}: no TCP connection within 300 ms"
    assert seen.duration_seconds is None


@pytest.mark.parametrize(
    ("greeting", "expect", "outcome", "words"),
    [
        (b"\x7f\x7fICA\0", "ICA", Outcome.OK, "answered as expected"),
        (b"220 mail ESMTP\r\n", "ESMTP", Outcome.OK, "answered as expected"),
        (b"x" * 9000, "ICA", Outcome.BAD_ANSWER, "but expected 'ICA': the answer begins 'xxx"),
        (b"x" * 5000 + b"ICA", "ICA", Outcome.BAD_ANSWER, "but expected 'ICA'"),
    ],
)
async def test_the_greeting(greeting: bytes, expect: str, outcome: Outcome, words: str) -> None:
    async with server(says(greeting)) as port:
        seen = await run(port, expect=expect)
    assert seen.outcome is outcome
    assert words in seen.detail
    assert len(seen.detail) < 300
    assert seen.duration_seconds is not None


async def test_a_greeting_may_come_in_pieces() -> None:
    async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for octet in b"SSH-2.0":
            writer.write(bytes([octet]))
            await writer.drain()
            await asyncio.sleep(0.01)
        await reader.read()

    async with server(dribble) as port:
        assert (await run(port, expect="SSH-2")).outcome is Outcome.OK


async def test_what_is_sent_is_answered() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        await writer.drain()

    async with server(echo) as port:
        assert (await run(port, send="ping é\r\n", expect="PING")).outcome is Outcome.OK


async def test_sending_alone_is_ok_whatever_comes_back() -> None:
    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()

    async with server(drop) as port:
        assert (await run(port, send="hello\n")).outcome is Outcome.OK


async def test_a_peer_that_hangs_up_is_a_bad_answer() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        await writer.wait_closed()

    async with server(hang_up) as port:
        seen = await run(port, expect="220")
    assert seen.outcome is Outcome.BAD_ANSWER
    assert "the peer hung up without a word" in seen.detail


async def test_a_peer_that_resets_refuses() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    async with server(reset) as port:
        seen = await run(port, expect="220")
    assert seen.outcome is Outcome.REFUSED
    assert "connection reset by peer" in seen.detail


async def test_a_peer_that_says_nothing_gives_no_answer() -> None:
    async with server(silent) as port:
        seen = await run(port, expect="220", timeout="200ms")
    assert seen.outcome is Outcome.NO_ANSWER
    assert "connected, but no expected answer within 200 ms" in seen.detail


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a..b"])
async def test_a_name_that_does_not_resolve_is_unknown(name: str) -> None:
    seen = await run(80, address=name)
    assert seen.outcome is Outcome.UNKNOWN
    assert "the name does not resolve" in seen.detail


async def test_an_address_this_host_cannot_send_to_is_unknown() -> None:
    # RFC 6890: 255.255.255.255 is no TCP peer; the kernel says so at once
    seen = await run(80, address="255.255.255.255")
    assert seen.outcome is Outcome.UNKNOWN
    assert "could not be measured" in seen.detail


async def test_no_socket_left_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr("probes.tcp._Bound", refuse)
    seen = await run(80)
    assert seen.outcome is Outcome.UNKNOWN
    assert "too many open files" in seen.detail


async def test_cancelling_frees_the_socket() -> None:
    # filterwarnings=error turns a socket that was forgotten into a failure
    async with server(silent) as port:
        task = asyncio.create_task(run(port, expect="220"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 0},
        {"port": 65536},
        {"port": 80, "address": ""},
        {"port": 80, "timeout": "0"},
        {"port": 80, "interval": "-1s"},
        {"port": 80, "expects": "typo"},
        {},
    ],
)
def test_settings_refuse(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"type": "tcp", "address": "10.0.0.1", **wrong})

"""Does a TCP port answer, how fast, and (if asked for) with the words that were expected?

The plain example of a probe: docs/adding-a-probe.md walks through it.
"""

import asyncio
import errno
import os
import socket
import time
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from agent.core.model import Check, Observation, Outcome
from agent.core.ports import Resources
from agent.core.units import Duration, Strict, format_duration

_ANSWER_LIMIT_OCTETS: Final = 4096  # greetings are one line; whoever sends more is not read further
_OWN_SHARE: Final = 0.95  # of the timeout: ends before the runner's deadline, so that it can say what was missing
_SHOWN_OCTETS: Final = 60  # of an answer that was not expected: enough to see what is there


class Settings(Strict):
    """`{type: tcp, address: 10.20.2.7, port: 1494, expect: ICA}`."""

    type: Literal["tcp"]
    address: Annotated[str, Field(min_length=1, max_length=253)]
    port: Annotated[int, Field(ge=1, le=65535)]
    interval: Annotated[Duration, Field(gt=0)] = 30.0
    timeout: Annotated[Duration, Field(gt=0)] = 5.0
    send: Annotated[str, Field(max_length=4096, description="text to send once connected, as UTF-8")] = ""
    expect: Annotated[
        str, Field(max_length=1024, description="text that must stand in the first 4096 octets of the answer")
    ] = ""


class _OwnTroubleError(Exception):
    """This host could not even send: says nothing about the peer."""


class Probe:
    """Connects, looks at the greeting if one is expected, and hangs up."""

    type: ClassVar[str] = "tcp"

    def __init__(self, resources: Resources) -> None:
        """Need nothing: the resources are for probes that share credentials or module files."""

    def configure(self, resources: Resources) -> None:
        """Keep nothing of the former configuration either."""

    async def run(self, check: Check) -> Observation:
        """Measure once.

        Returns:
            An observation whose `duration_seconds` is the time from the first packet to the end of the handshake;
            `unknown` where the name cannot be resolved or this host cannot send.
        """
        settings = check.settings
        assert isinstance(settings, Settings)
        peer = f"[{settings.address}]" if ":" in settings.address else settings.address
        peer = f"{peer}:{settings.port}"
        connect_seconds: float | None = None
        answer: bytes | None = None
        try:
            async with asyncio.timeout(settings.timeout * _OWN_SHARE):
                with await _socket_for(settings) as sock:
                    connect_seconds = await _connect(sock)
                    if settings.expect or settings.send:
                        answer = await _converse(sock, settings)
            outcome, detail = _judge(peer, settings, connect_seconds, answer)
        except TimeoutError:  # the kernel's own ETIMEDOUT is one too
            missing = "no TCP connection" if connect_seconds is None else "connected, but no expected answer"
            outcome = Outcome.NO_ANSWER
            detail = f"{peer}: {missing} within {format_duration(settings.timeout)}"
        except _OwnTroubleError as error:
            outcome, detail = Outcome.UNKNOWN, f"{peer}: could not be measured: {error}"
        except OSError as error:  # of a connection that was under way: the peer, or a router before it, said no
            outcome, detail = Outcome.REFUSED, f"{peer}: {_words(error.errno)}"
        return Observation(
            check.target,
            check.name,
            datetime.now(UTC),
            outcome,
            detail,
            duration_seconds=connect_seconds,
            values=() if connect_seconds is None else (("connect_seconds", connect_seconds),),
        )

    async def close(self) -> None:
        """Hold nothing between runs."""


class _Bound(socket.socket):
    """A socket that remembers whom it is for."""

    peer: tuple[object, ...]


async def _socket_for(settings: Settings) -> _Bound:
    """Resolve the name (in a thread) and take the address that the resolver puts first."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(settings.address, settings.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise _OwnTroubleError(f"the name does not resolve ({said})") from error
    family, kind, protocol, _, address = found[0]
    try:
        sock = _Bound(family, kind, protocol)
    except OSError as error:
        raise _OwnTroubleError(_words(error.errno)) from error
    sock.setblocking(False)
    sock.peer = address
    return sock


async def _connect(sock: _Bound) -> float:
    """Return the seconds until the handshake was done.

    An error that comes back at once is this host's own (no route, no permission); the network's come later.
    """
    began = time.monotonic()
    code = sock.connect_ex(sock.peer)
    if code not in (0, errno.EINPROGRESS):
        raise _OwnTroubleError(_words(code))
    # a second connect() on the same socket reports how the first one ended (Linux, connect(2))
    await asyncio.get_running_loop().sock_connect(sock, sock.peer)
    return time.monotonic() - began


async def _converse(sock: socket.socket, settings: Settings) -> bytes:
    """Send what is to be sent; return what came until the expected text, the end, or the cap."""
    loop = asyncio.get_running_loop()
    if settings.send:
        await loop.sock_sendall(sock, settings.send.encode())
    wanted = settings.expect.encode()
    answer = b""
    while wanted not in answer and len(answer) < _ANSWER_LIMIT_OCTETS:
        part = await loop.sock_recv(sock, _ANSWER_LIMIT_OCTETS - len(answer))
        if not part:
            break
        answer += part
    return answer


def _judge(peer: str, settings: Settings, connect_seconds: float, answer: bytes | None) -> tuple[Outcome, str]:
    connected = f"{peer}: connected in {format_duration(connect_seconds)}"
    if answer is None or not settings.expect:
        return Outcome.OK, connected
    if settings.expect.encode() in answer:
        return Outcome.OK, f"{connected}, answered as expected"
    shown = ascii(answer[:_SHOWN_OCTETS].decode("latin-1"))
    said = f"the answer begins {shown}" if answer else "the peer hung up without a word"
    return Outcome.BAD_ANSWER, f"{connected}, but expected {settings.expect!r}: {said}"


def _words(code: int | None) -> str:
    return os.strerror(code).lower() if code else "connection failed"

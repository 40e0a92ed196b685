"""`python -m agent.cli.simulated --socket NAME=FD ...`: answer on sockets that the parent has bound.

It serves until its standard input ends, so that it never outlives the parent, however that ends. The script of failures
begins with the first request: however long the agent takes to start, it sees the estate whole before anything fails.
"""

import argparse
import asyncio
import functools
import os
import socket
import sys
import time
from datetime import datetime
from typing import Final, cast

from agent.cli.simulated.devices import Device, estate
from agent.cli.simulated.mib import answer
from agent.cli.simulated.script import Script

_COMMUNITY: Final = b"public"


class Agent(asyncio.DatagramProtocol):
    """One device on one socket."""

    def __init__(self, device: Device, script: Script, started: float) -> None:
        self._device = device
        self._script = script
        self._started = started
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.DatagramTransport", transport)  # asyncio's own is no subclass of that

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer, unless the circuit before this device is down."""
        now = time.monotonic() - self._started
        if self._script.begun_at is None:
            self._script.begin(now)
        if self._device.behind is not None and self._script.failed(self._device.behind, now):
            return
        response = answer(data, self._device.mib, _COMMUNITY, now)
        if response is not None and self._transport is not None:
            self._transport.sendto(response, addr)


def _same(agent: Agent) -> Agent:
    return agent


async def serve(sockets: dict[str, socket.socket], speed: float, lifeline: int) -> None:
    """Answer until the pipe `lifeline` (a file descriptor) is closed at its other end."""
    started = time.monotonic()
    clock = datetime.now().astimezone()
    script = Script(speed)
    devices = estate(script, clock.hour * 3600.0 + clock.minute * 60 + clock.second)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def heard() -> None:
        if not os.read(lifeline, 4096):
            loop.remove_reader(lifeline)
            ended.set()

    loop.add_reader(lifeline, heard)
    transports = []
    for name, sock in sockets.items():
        agent = Agent(devices[name], script, started)
        transport, _ = await loop.create_datagram_endpoint(functools.partial(_same, agent), sock=sock)
        transports.append(transport)
    await ended.wait()
    for transport in transports:
        transport.close()


def main() -> None:
    """Serve the devices named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m agent.cli.simulated", description=__doc__)
    parser.add_argument("--socket", action="append", required=True, metavar="NAME=FD", help="a bound UDP socket")
    parser.add_argument("--speed", type=float, default=1.0, help="how many times faster the script runs")
    arguments = parser.parse_args()
    sockets = {}
    for pair in arguments.socket:
        name, _, descriptor = pair.partition("=")
        sock = socket.socket(fileno=int(descriptor))
        sock.setblocking(False)
        sockets[name] = sock
    asyncio.run(serve(sockets, arguments.speed, sys.stdin.fileno()))


if __name__ == "__main__":
    main()

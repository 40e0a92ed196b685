"""Start and end the process that plays the estate; bind its sockets before, so that no port can be lost between."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import agent

# as configs/quickstart.yaml has them; all of 127.0.0.0/8 is loopback on Linux
ADDRESSES: Final = {
    "crown-rtr1": "127.77.0.1",
    "bcw-core-sw1": "127.77.0.2",
    "enc-sw1": "127.77.0.3",
    "crown-srv1": "127.77.0.4",
    "crown-ups1": "127.77.0.5",
    "enc-voice1": "127.77.0.6",
}
PORT: Final = 16161
_END_SECONDS: Final = 5.0
_TRIES: Final = 20  # of free ports: each must be free on every address


class NoPortError(OSError):
    """The loopback addresses cannot be used."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """A running simulation.

    Attributes:
        port: the UDP port on which every device answers, each on its own address.
    """

    port: int
    process: subprocess.Popen[bytes]


@contextmanager
def simulation(port: int = PORT, speed: float = 1.0) -> Iterator[Simulation]:
    """Play the devices until the block ends.

    Args:
        port: the wanted one; where it is taken another is found.
        speed: how many times faster the script of failures runs.

    Raises:
        NoPortError: when no port is free on all addresses.
    """
    with ExitStack() as stack:
        found, sockets = _bind(ADDRESSES, port)
        for sock in sockets.values():
            stack.enter_context(sock)
        command = [sys.executable, "-P", "-m", "agent.cli.simulated", "--speed", str(speed)]
        for name, sock in sockets.items():
            command += ["--socket", f"{name}={sock.fileno()}"]
        # a session of its own: Ctrl-C is for the agent, and this process ends when its standard input does
        process = subprocess.Popen(  # noqa: S603 - this very interpreter with arguments made above
            command,
            env={**os.environ, "PYTHONPATH": str(Path(agent.__file__).parents[1])},  # the same program, -P or not
            stdin=subprocess.PIPE,
            pass_fds=[sock.fileno() for sock in sockets.values()],
            start_new_session=True,
        )
        stack.callback(_end, process)
        for sock in sockets.values():
            sock.close()
        yield Simulation(found, process)


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _bind(addresses: Mapping[str, str], port: int) -> tuple[int, dict[str, socket.socket]]:
    """Bind one port on every address: the wanted one, else whichever the kernel offers."""
    trouble: OSError | None = None
    for wanted in (port, *[0] * _TRIES):
        sockets: dict[str, socket.socket] = {}
        number = wanted
        try:
            for name, address in addresses.items():
                sockets[name] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sockets[name].bind((address, number))
                number = sockets[name].getsockname()[1]
        except OSError as error:
            trouble = error
            for sock in sockets.values():
                sock.close()
            continue
        return number, sockets
    raise NoPortError(f"no UDP port is free on {', '.join(addresses.values())}: {trouble}")

"""Sockets from systemd: taken by name, once, and only when they are meant for this process."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from agent import activation

FIRST = 200  # far from what pytest has open


@pytest.fixture
def given() -> Iterator[list[int]]:
    """Three descriptors in a row: two sockets and a pipe."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        reading, writing = os.pipe()
        for place, descriptor in enumerate((one.fileno(), two.fileno(), reading)):
            os.dup2(descriptor, FIRST + place)
        yield [one.getsockname()[1]]
        os.close(reading)
        os.close(writing)
        os.close(FIRST + 2)


def test_sockets_are_taken_by_their_names(given: list[int]) -> None:
    environment = {"LISTEN_FDS": "3", "LISTEN_PID": str(os.getpid()), "LISTEN_FDNAMES": "traps:web:odd", "OTHER": "1"}
    found = activation.take(environment, first=FIRST)
    assert {name: len(socks) for name, socks in found.items()} == {"traps": 1, "web": 1}  # a pipe is no socket
    (traps,) = found["traps"]
    assert (traps.type, traps.family, traps.getsockname()[1]) == (socket.SOCK_DGRAM, socket.AF_INET, given[0])
    assert not traps.get_inheritable()
    assert environment == {"OTHER": "1"}
    for socks in found.values():
        socks[0].close()


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1", "LISTEN_PID": "1"},  # a parent's, which it left to its children
        {"LISTEN_FDS": "x", "LISTEN_PID": str(os.getpid())},
        {"LISTEN_FDS": "1", "LISTEN_PID": ""},
        {"LISTEN_FDS": "-1", "LISTEN_PID": str(os.getpid())},
        {"LISTEN_FDS": "100000", "LISTEN_PID": str(os.getpid())},
    ],
)
def test_what_is_not_for_this_process_is_left(environment: dict[str, str]) -> None:
    assert activation.take(environment, first=FIRST) == {}
    assert environment == {}


def test_a_socket_without_a_name_is_unknown(given: list[int]) -> None:
    environment = {"LISTEN_FDS": "2", "LISTEN_PID": str(os.getpid()), "LISTEN_FDNAMES": "traps"}
    found = activation.take(environment, first=FIRST)
    assert list(found) == ["traps", "unknown"]
    for socks in found.values():
        socks[0].close()


def test_a_real_handover(given: list[int]) -> None:
    """As systemd does it: descriptor 3, and the process id of who is started."""
    child = (
        "import os, sys\n"
        "os.dup2(int(sys.argv[1]), 3)\n"
        "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES='traps')\n"
        "from agent import activation\n"
        "print(activation.take()['traps'][0].getsockname()[1], 'LISTEN_FDS' in os.environ)\n"
    )
    command = [sys.executable, "-c", child, str(FIRST)]
    done = subprocess.run(command, pass_fds=[FIRST], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == [str(given[0]), "False"]
    os.close(FIRST)
    os.close(FIRST + 1)

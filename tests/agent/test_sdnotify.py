"""What systemd would receive, on a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from agent.sdnotify import Notifier


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A socket such as systemd opens, and its name as NOTIFY_SOCKET gives it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@linewarden-{uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.bind(name.replace("@", "\0") if name.startswith("@") else name)
        yield sock, name


def test_every_message_as_systemd_reads_it(listener: tuple[socket.socket, str]) -> None:
    sock, name = listener
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": name})
    notifier.ready("12 targets\nREADY=0")
    notifier.reloading()
    notifier.ready()
    notifier.status("round 3")
    notifier.ping()
    notifier.stopping()
    notifier.close()
    notifier.ping()
    received = [sock.recv(4096).decode() for _ in range(6)]
    assert received[0] == "READY=1\nSTATUS=12 targets READY=0", "a line break must not begin a new assignment"
    assert received[1].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert received[2:] == ["READY=1", "STATUS=round 3", "WATCHDOG=1", "STOPPING=1\nSTATUS=stopping"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "10000000"}, 10.0),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"}, None),  # meant for another
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "10000000", "WATCHDOG_PID": str(os.getpid())}, 10.0),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "soon"}, None),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "0"}, None),
        ({"NOTIFY_SOCKET": "vsock:2:1", "WATCHDOG_USEC": "10000000"}, None),
    ],
)
def test_the_watchdog_comes_from_the_environment(environment: dict[str, str], expected: float | None) -> None:
    notifier = Notifier.from_environment(environment)
    assert notifier.watchdog_seconds == expected
    notifier.close()


def test_a_systemd_that_went_away_harms_nobody(tmp_path: Path) -> None:
    notifier = Notifier(str(tmp_path / "gone"))
    notifier.ping()
    notifier.close()

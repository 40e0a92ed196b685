"""Sockets that systemd opened for this service: sd_listen_fds(3) in a few lines, as `sdnotify` does its part."""

import os
import socket
from collections.abc import MutableMapping
from typing import Final

_FIRST: Final = 3  # SD_LISTEN_FDS_START
_MOST: Final = 64
_VARIABLES: Final = ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")


def take(
    environment: MutableMapping[str, str] = os.environ, pid: int | None = None, first: int = _FIRST
) -> dict[str, list[socket.socket]]:
    """Return the sockets that were handed over, by the name that their unit gives them.

    The variables go, so that a child does not take the sockets for its own. What is no socket stays as it is.

    Args:
        pid: whose they must be; this process by default.
        first: the first descriptor.
    """
    said = {name: environment.pop(name, "") for name in _VARIABLES}
    try:
        count, owner = int(said["LISTEN_FDS"] or 0), int(said["LISTEN_PID"] or 0)
    except ValueError:
        return {}
    if owner != (os.getpid() if pid is None else pid) or not 0 < count <= _MOST:
        return {}
    names = said["LISTEN_FDNAMES"].split(":")
    found: dict[str, list[socket.socket]] = {}
    for number in range(count):
        try:
            os.set_inheritable(first + number, False)
            sock = socket.socket(fileno=first + number)
        except OSError:
            continue
        found.setdefault(names[number] if number < len(names) else "unknown", []).append(sock)
    return found

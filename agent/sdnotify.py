"""Tell systemd how the service does: sd_notify(3) in a few lines, because its library would be a dependency in C."""

import os
import socket
import time
from collections.abc import Mapping
from typing import Final, Self

_LONGEST_STATUS: Final = 500  # what `systemctl status` can show in a line or two


class Notifier:
    """One end of systemd's notification socket; every call does nothing where no systemd listens.

    Args:
        path: `$NOTIFY_SOCKET`: a path, or `@name` for Linux' abstract namespace; None for no systemd.
        watchdog_seconds: the time after which systemd kills a service that sent no ping; None for no watchdog.
    """

    def __init__(self, path: str | None = None, watchdog_seconds: float | None = None) -> None:
        self.watchdog_seconds = watchdog_seconds
        self._address = "\0" + path[1:] if path and path.startswith("@") else path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if path else None
        if self._socket:
            self._socket.setblocking(False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, pid: int | None = None) -> Self:
        """Take `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID` from systemd; odd values count as none."""
        path = environment.get("NOTIFY_SOCKET")
        if not path or path[0] not in "/@":
            return cls()
        try:
            ours = int(environment.get("WATCHDOG_PID", os.getpid())) == (os.getpid() if pid is None else pid)
            watchdog = int(environment.get("WATCHDOG_USEC", "0")) / 1e6 if ours else 0.0
        except ValueError:
            watchdog = 0.0
        return cls(path, watchdog if watchdog > 0 else None)

    def ready(self, status: str = "") -> None:
        """Say that the service has started, or that a reload has ended; without a text the former status stays."""
        self._send(f"READY=1\n{_status(status)}" if status else "READY=1")

    def reloading(self) -> None:
        """Say that the configuration is being read again; `ready` ends it. systemd wants the time with it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str = "stopping") -> None:
        """Say that the service is about to end."""
        self._send(f"STOPPING=1\n{_status(status)}")

    def status(self, status: str) -> None:
        """Show one line in `systemctl status`."""
        self._send(_status(status))

    def ping(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def close(self) -> None:
        """Free the socket; later calls do nothing."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def _send(self, message: str) -> None:
        if self._socket is None or self._address is None:
            return
        try:
            self._socket.sendto(message.encode(), self._address)
        except OSError:
            # systemd is being restarted, or its queue is full: the next ping comes in seconds, and the service
            # must not end for a lack of listeners
            return


def _status(text: str) -> str:
    """Return the assignment; a line break would begin the next one."""
    return "STATUS=" + " ".join(text.split())[:_LONGEST_STATUS]

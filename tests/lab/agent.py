"""The agent as its users start it: a process, asked over its control socket."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.waiting import wait_until


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@dataclass
class AgentProcess:
    """The agent as its users start it, inside a namespace; asked over its control socket."""

    namespace: str | None
    config: Path
    state_dir: Path
    arguments: Sequence[str] = ()
    pinned: str | None = None  # to these cores, as `taskset -c` has them
    _process: subprocess.Popen[bytes] | None = None
    _logs: list[Path] = field(default_factory=list)

    def start(self, *, ready: bool = True, seconds: float = 60) -> None:
        """Start it; by default return when its first round is done."""
        assert self._process is None
        enter = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        if self.pinned is not None:
            enter += ["taskset", "-c", self.pinned]
        log = self.config.parent / f"agent-{len(self._logs)}.log"
        self._logs.append(log)
        command = [*enter, sys.executable, "-m", "agent.cli", "run", "--config", str(self.config)]
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [*command, "--state-dir", str(self.state_dir), *self.arguments], stdout=out, stderr=out,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        if ready:
            wait_until(self._ready, seconds)

    def answers(self) -> bool:
        """Return whether its control socket answers."""
        with contextlib.suppress(OSError):
            return self._request("/-/healthy")[0] == 200
        return False

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the agent ended:\n{self.log()}"
        with contextlib.suppress(OSError):
            return self._request("/-/ready")[0] == 200
        return False

    @property
    def pid(self) -> int:
        """Return the process id (`ip netns exec` replaces itself by the agent)."""
        assert self._process is not None
        return self._process.pid

    def cpu_seconds(self) -> float:
        """Return user and system time so far."""
        return cpu_seconds(self.pid)

    def memory_octets(self) -> int:
        """Return its resident set."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        try:
            return process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the agent did not stop:\n{self.log()}") from None

    def wait(self, seconds: float = 30) -> int:
        """Wait until it ends by itself; return its exit code."""
        process, self._process = self._process, None
        assert process is not None
        return process.wait(seconds)

    def log(self) -> str:
        """Return what it has logged since it was started last."""
        return self._logs[-1].read_text(errors="replace") if self._logs else ""

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON document at a path of its API."""
        status, body = self._request(path)
        assert status == 200, f"{path}: {status}: {body.decode()}"
        return json.loads(body)

    def text(self, path: str, *, method: str = "GET") -> str:
        """Return the text at a path."""
        return self._request(path, method)[1].decode()

    def state(self, target: str) -> str:
        """Return a target's present state."""
        state: str = self.get(f"/api/v1/explain?target={target}")["verdict"]["state"]
        return state

    def events(self, target: str, kind: str = "target") -> list[dict[str, Any]]:
        """Return a target's events, oldest first."""
        found: list[dict[str, Any]] = self.get(f"/api/v1/events?target={target}&kind={kind}")["events"]
        return found

    def outages(self, target: str) -> list[dict[str, Any]]:
        """Return a target's outages."""
        found: list[dict[str, Any]] = self.get(f"/api/v1/outages?target={target}")["outages"]
        return found

    def wait_state(self, target: str, state: str, seconds: float = 30) -> None:
        """Wait until a target is in a state."""
        wait_until(lambda: self.state(target) == state, seconds)

    def _request(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        connection = _UnixConnection(self.state_dir / "control.sock")
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def many_addresses(number: int) -> list[str]:
    """Return as many addresses of 10.8.0.0/16."""
    return [f"10.8.{one // 250}.{1 + one % 250}" for one in range(number)]


def many_devices(folder: Path, addresses: Sequence[str]) -> Path:
    """Write a configuration of devices with an echo a second each; return its path."""
    lines = [
        f"  - {{name: t{number}, kind: server, address: {address}, icmp: {{interval: 1s}}}}"
        for number, address in enumerate(addresses)
    ]
    path = folder / "linewarden.yaml"
    path.write_text("agent: {name: many, listen: 127.0.0.1:0}\ndevices:\n" + "\n".join(lines) + "\n")
    return path


def moment(text: str) -> float:
    """Return an ISO time of the API as Unix seconds."""
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()

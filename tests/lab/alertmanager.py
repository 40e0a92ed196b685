"""A real Alertmanager, and a receiver that records what it is sent, as context managers.

    with webhook_receiver() as pager, alertmanager(tmp_path, lab_configuration(pager.url)) as am:
        ...                                     # point Prometheus at am.address
        pager.wait_for(lambda sent: any(n.status == "firing" for n in sent), seconds=10)

Both take `netns`, the name of a network namespace made with `ip netns add`.
"""

import ctypes
import http.client
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import yaml

# Debian calls it prometheus-alertmanager, everybody else alertmanager
BINARY: Final = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
_CLONE_NEWNET: Final = 0x40000000
_BODY_MAX_OCTETS: Final = 4_000_000


# ------------------------------------------------------------------ sockets in namespaces


def tcp_socket(netns: str | None = None) -> socket.socket:
    """Return a fresh TCP socket that lives in the named network namespace, wherever it is used afterwards."""
    if netns is None:
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made: list[socket.socket] = []
    failed: list[BaseException] = []

    def make() -> None:  # setns moves only the calling thread, and this one ends here
        try:
            with Path(f"/var/run/netns/{netns}").open("rb") as handle:
                if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"setns {netns}: {os.strerror(ctypes.get_errno())}")
            made.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=make, name=f"setns-{netns}")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]


def free_port(host: str = "127.0.0.1", netns: str | None = None) -> int:
    """Return a TCP port that nobody listens on at this moment."""
    with tcp_socket(netns) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


# ------------------------------------------------------------------ the receiver


@dataclass(frozen=True, slots=True)
class SentAlert:
    """One alert inside a notification."""

    status: str  # firing | resolved
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    fingerprint: str

    @property
    def name(self) -> str:
        """Return the alert's name."""
        return self.labels["alertname"]


@dataclass(frozen=True, slots=True)
class Notification:
    """One HTTP call of Alertmanager to the receiver: what a pager would ring for.

    Attributes:
        at: when it arrived; `monotonic_seconds` the same on the monotonic clock.
        path: of the URL that was called, so that one server can play several receivers.
        status: `firing` while any of its alerts fires.
    """

    at: datetime
    monotonic_seconds: float
    path: str
    receiver: str
    status: str
    group_labels: Mapping[str, str]
    alerts: tuple[SentAlert, ...]

    def names(self) -> list[str]:
        """Return `status alertname target` of each alert: what tests compare."""
        return sorted(f"{a.status} {a.name} {a.labels.get('target', '')}".strip() for a in self.alerts)


def _notification(path: str, body: Mapping[str, Any]) -> Notification:
    return Notification(
        at=datetime.now(UTC),
        monotonic_seconds=time.monotonic(),
        path=path,
        receiver=body["receiver"],
        status=body["status"],
        group_labels=body["groupLabels"],
        alerts=tuple(
            SentAlert(
                status=alert["status"],
                labels=alert["labels"],
                annotations=alert["annotations"],
                starts_at=datetime.fromisoformat(alert["startsAt"]),
                fingerprint=alert["fingerprint"],
            )
            for alert in body["alerts"]
        ),
    )


@dataclass(slots=True)
class Receiver:
    """What was received so far. Safe to read from the test while Alertmanager sends."""

    url: str
    _sent: list[Notification] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def sent(self, path: str | None = None) -> tuple[Notification, ...]:
        """Return the notifications, oldest first; only those to `path` if given."""
        with self._changed:
            return tuple(n for n in self._sent if path is None or n.path == path)

    def clear(self) -> None:
        """Forget what was received so far."""
        with self._changed:
            self._sent.clear()

    def wait_for(self, wanted: Callable[[Sequence[Notification]], bool], seconds: float) -> tuple[Notification, ...]:
        """Wait until `wanted(all notifications)` holds; return them.

        Raises:
            AssertionError: naming what did arrive, when the time is over.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: wanted(self._sent), timeout=seconds):
                arrived = "; ".join(f"{n.path} {n.names()}" for n in self._sent) or "nothing"
                raise AssertionError(f"not the notifications waited for in {seconds} s; arrived: {arrived}")
            return tuple(self._sent)

    def take(self, path: str, body: Mapping[str, Any]) -> None:
        """Record one call."""
        with self._changed:
            self._sent.append(_notification(path, body))
            self._changed.notify_all()


@contextmanager
def webhook_receiver(*, host: str = "127.0.0.1", netns: str | None = None) -> Iterator[Receiver]:
    """Serve a webhook for Alertmanager on a free port until the block ends; any path is accepted."""
    listening = tcp_socket(netns)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, 0))
    listening.listen(64)
    receiver = Receiver(f"http://{host}:{listening.getsockname()[1]}")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), _BODY_MAX_OCTETS))
            receiver.take(self.path, json.loads(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            return

    server = ThreadingHTTPServer((host, 0), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="webhook-receiver")
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# ------------------------------------------------------------------ Alertmanager


@dataclass(slots=True)
class Alertmanager:
    """A running Alertmanager; `stop`, `kill` and `start` keep its port, its configuration and what it has notified."""

    folder: Path
    host: str
    port: int
    netns: str | None = None
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Return `host:port` for Prometheus' `alerting:` section."""
        return f"{self.host}:{self.port}"

    def start(self, seconds: float = 30) -> None:
        """Start it and wait until it is ready.

        Raises:
            AssertionError: with its log, when it does not become ready.
        """
        assert BINARY is not None
        enter = ["ip", "netns", "exec", self.netns] if self.netns else []
        with (self.folder / "alertmanager.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *enter, BINARY,
                    f"--config.file={self.folder / 'alertmanager.yml'}",
                    f"--storage.path={self.folder / 'data'}",
                    f"--web.listen-address={self.address}",
                    "--cluster.listen-address=",
                ],
                stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + seconds
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"Alertmanager did not become ready:\n{self.log()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it as systemd would; it writes its notification log first."""
        self._end(lambda process: process.terminate())

    def kill(self) -> None:
        """End it without a chance to write anything."""
        self._end(lambda process: process.kill())

    def alerts(self) -> list[dict[str, Any]]:
        """Return what it holds now, as its API gives it (resolved ones are left out by Alertmanager)."""
        answer = self._get("/api/v2/alerts")
        alerts: list[dict[str, Any]] = json.loads(answer)
        return alerts

    def log(self) -> str:
        """Return its log so far."""
        return (self.folder / "alertmanager.log").read_text(errors="replace")

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        if self._process is None:
            return
        how(self._process)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _ready(self) -> bool:
        try:
            self._get("/-/ready")
        except OSError:
            return False
        return True

    def _get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=5)
        connection.sock = tcp_socket(self.netns)
        try:
            connection.sock.settimeout(5)
            connection.sock.connect((self.host, self.port))
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise ConnectionError(f"{path}: HTTP {answer.status}")
        return body


def lab_configuration(url: str, *, group_wait: str = "1s", group_interval: str = "1s") -> str:
    """Return a configuration that sends everything to `url`: /critical, /warning, /watchdog, /other by severity.

    The grouping is the example's (one page per alert and target); only the waiting is shorter.
    """
    receivers = ("critical", "warning", "watchdog", "other")
    return yaml.safe_dump(
        {
            "route": {
                "receiver": "other",
                "group_by": ["alertname", "target"],
                "group_wait": group_wait,
                "group_interval": group_interval,
                "repeat_interval": "4h",
                "routes": [
                    {"matchers": ['alertname="LinewardenWatchdog"'], "receiver": "watchdog"},
                    {"matchers": ['severity="critical"'], "receiver": "critical"},
                    {"matchers": ['severity="warning"'], "receiver": "warning"},
                ],
            },
            "receivers": [
                {"name": name, "webhook_configs": [{"url": f"{url}/{name}", "send_resolved": True}]}
                for name in receivers
            ],
        }
    )


@contextmanager
def alertmanager(
    folder: Path, configuration: str, *, host: str = "127.0.0.1", port: int | None = None, netns: str | None = None
) -> Iterator[Alertmanager]:
    """Run a real Alertmanager on this configuration until the block ends; its files lie in `folder`/alertmanager."""
    home = folder / "alertmanager"
    home.mkdir(parents=True, exist_ok=True)
    (home / "alertmanager.yml").write_text(configuration)
    running = Alertmanager(home, host, port or free_port(host, netns), netns)
    running.start()
    try:
        yield running
    finally:
        running.stop()

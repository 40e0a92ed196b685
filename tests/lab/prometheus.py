"""A real Prometheus for tests: started on a free port, its configuration and data in one folder that outlives a stop.

The calls block, so that plain tests can use them; a test whose server runs on the event loop calls them through
`asyncio.to_thread`, or uses `await prometheus.until(...)`, which does that.
"""

import asyncio
import contextlib
import json
import math
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pytest
import yaml

BINARY: Final = "prometheus"
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through the environment's proxy
START_SECONDS: Final = 60.0  # a busy machine with two cores takes some seconds to replay the log


@dataclass(frozen=True, slots=True)
class Sample:
    """One element of an instant vector."""

    labels: Mapping[str, str]
    value: float


def free_port() -> int:
    """Return a TCP port of loopback that nobody listens on at this moment."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


class Prometheus:
    """Prometheus as a context manager; `stop` and `start` in between keep port and data.

    Args:
        config: prometheus.yml, as text or as a dict.
        rules: rule files by file name, as text or as a dict; they are added to `rule_files`.
        folder: where configuration and data are kept; a temporary one by default.
        prefix: what stands before the command, such as `ip netns exec NAME`.
        address: the address that it listens on.
        arguments: further command line arguments.
    """

    def __init__(
        self,
        config: str | Mapping[str, Any],
        *,
        rules: Mapping[str, str | Mapping[str, Any]] | None = None,
        folder: Path | None = None,
        prefix: Sequence[str] = (),
        address: str = "127.0.0.1",
        arguments: Sequence[str] = (),
    ) -> None:
        if shutil.which(BINARY) is None:
            pytest.skip("prometheus is not installed: apt-get install prometheus")
        self._temporary = tempfile.TemporaryDirectory(prefix="lw-prometheus-") if folder is None else None
        self.folder = folder or Path(self._temporary.name if self._temporary else "")
        self._prefix = tuple(prefix)
        self._arguments = tuple(arguments)
        self._process: subprocess.Popen[bytes] | None = None
        self._listen = f"{address}:{free_port()}"
        self.url = f"http://{self._listen}"
        self.configure(config, rules)

    def configure(
        self, config: str | Mapping[str, Any], rules: Mapping[str, str | Mapping[str, Any]] | None = None
    ) -> None:
        """Write the configuration; a running server takes it at `reload`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        document = dict(yaml.safe_load(config)) if isinstance(config, str) else dict(config)
        if rules:
            document["rule_files"] = [*document.get("rule_files", []), *(str(self.folder / name) for name in rules)]
            for name, rule in rules.items():
                (self.folder / name).write_text(rule if isinstance(rule, str) else yaml.safe_dump(dict(rule)))
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(document, sort_keys=False))

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._clean()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._clean()

    def start(self) -> None:
        """Start it, or start it again on the same data; return when it is ready."""
        assert self._process is None
        command = [
            *self._prefix,
            BINARY,
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address={self._listen}",
            "--web.enable-lifecycle",
            "--log.level=info",
            *self._arguments,
        ]
        with (self.folder / "prometheus.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"prometheus did not become ready:\n{self.log()[-4000:]}")
            time.sleep(0.05)

    def stop(self, *, kill: bool = False) -> None:
        """End it (SIGTERM, or SIGKILL with `kill`); nothing if it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            process.kill()
        else:
            process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def reload(self) -> None:
        """Make it read its files again; a refusal is raised with its reason."""
        self._fetch("/-/reload", method="POST")

    def log(self) -> str:
        """Return what it has written so far."""
        path = self.folder / "prometheus.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def query(self, expression: str, at: float | None = None) -> list[Sample]:
        """Return an instant vector; a scalar is one sample without labels.

        Args:
            at: Unix time of evaluation; now by default.
        """
        data = self.api("query", {"query": expression, **({} if at is None else {"time": str(at)})})
        if data["resultType"] == "scalar":
            return [Sample({}, float(data["result"][1]))]
        return [Sample(item["metric"], float(item["value"][1])) for item in data["result"]]

    def value(self, expression: str) -> float:
        """Return the one value of an expression; NaN where it gives none."""
        samples = self.query(expression)
        assert len(samples) <= 1, f"{expression} gives {len(samples)} samples"
        return samples[0].value if samples else math.nan

    def targets(self) -> list[dict[str, Any]]:
        """Return the active scrape targets."""
        found: list[dict[str, Any]] = self.api("targets", {"state": "active"})["activeTargets"]
        return found

    def alerts(self) -> list[dict[str, Any]]:
        """Return pending and firing alerts."""
        found: list[dict[str, Any]] = self.api("alerts")["alerts"]
        return found

    async def until(
        self, expression: str, holds: Callable[[list[Sample]], bool] = bool, seconds: float = 30.0
    ) -> list[Sample]:
        """Ask until the answer is as wanted (by default: not empty), and return it.

        Raises:
            AssertionError: with the last answer, when it has not come true in time.
        """
        deadline = time.monotonic() + seconds
        while True:
            samples = await asyncio.to_thread(self.query, expression)
            if holds(samples):
                return samples
            assert time.monotonic() < deadline, f"{expression} did not come true in {seconds} s; last: {samples}"
            await asyncio.sleep(0.1)

    def api(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Return `data` of one call of /api/v1."""
        text = self._fetch(f"/api/v1/{path}?{urllib.parse.urlencode(parameters or {})}")
        return json.loads(text)["data"]

    def _fetch(self, path: str, method: str = "GET") -> bytes:
        request = urllib.request.Request(self.url + path, method=method)
        try:
            with _DIRECT.open(request, timeout=30) as response:
                body: bytes = response.read()
                return body
        except urllib.error.HTTPError as error:
            with error:
                raise RuntimeError(f"{path}: {error.code}: {error.read().decode(errors='replace')}") from None

    def _ready(self) -> bool:
        with contextlib.suppress(OSError, RuntimeError):
            self._fetch("/-/ready")
            return True
        return False

    def _clean(self) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()

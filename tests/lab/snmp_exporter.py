"""The real snmp_exporter on loopback, as a context manager.

Debian 12 has it in a version before the language that this project reads: tests/install-peers.sh unpacks the one of
Debian's unstable distribution below .cache/peers, and installs nothing.
"""

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

VERSION = "0.30."  # what tests compare with; others differ in what they do with broken values
START_SECONDS = 60.0  # generous: the machine may be busy, and a large configuration takes seconds
UNPACKED = Path(__file__).resolve().parents[2] / ".cache/peers/snmp_exporter"
_AUTHS = "auths: {public_v1: {version: 1}, public_v2: {version: 2}}\nmodules: {}\n"


@cache
def missing() -> str | None:
    """Return why snmp_exporter cannot run here; None when it can."""
    seen = []
    for program in _programs():
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        version = (said.stdout + said.stderr).partition("version ")[2].split(" ")[0]
        if version.startswith(VERSION):
            return None
        seen.append(f"{program} is {version or 'broken'}")
    found = f" ({'; '.join(seen)})" if seen else ""
    return f"snmp_exporter {VERSION}x is not here{found}: tests/install-peers.sh unpacks it on Debian"


def _programs() -> list[str]:
    named = [os.environ.get("SNMP_EXPORTER"), str(UNPACKED)]
    found = [*named, shutil.which("snmp_exporter"), shutil.which("prometheus-snmp-exporter")]
    return [program for program in found if program and os.access(program, os.X_OK)]


def _program() -> str:
    for program in _programs():
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        if f"version {VERSION}" in said.stdout + said.stderr:
            return program
    raise AssertionError(missing())


@dataclass(frozen=True, slots=True)
class Exporter:
    """A running snmp_exporter."""

    port: int
    process: "subprocess.Popen[bytes]"
    log: Path

    def scrape(
        self,
        target: str,
        modules: str,
        auth: str = "public_v2",
        timeout: float = 60.0,
        more: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """Return status and text of one request of `/snmp`.

        Args:
            more: further parameters of the query.

        Raises:
            ConnectionError: when snmp_exporter died of it.
        """
        query = urllib.parse.urlencode({"target": target, "module": modules, "auth": auth, **(more or {})})
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/snmp?{query}", timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(errors="replace")
        except urllib.error.URLError as error:
            raise ConnectionError(f"snmp_exporter: {error.reason}") from error


@contextmanager
def snmp_exporter(directory: Path, files: Sequence[Path]) -> Iterator[Exporter]:
    """Run snmp_exporter with these files of modules, and end it afterwards.

    Args:
        directory: an empty folder for its log and the auths `public_v1` and `public_v2`, where the files have none.
    """
    auths = directory / "auths.yml"
    auths.write_text(_AUTHS)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    log = directory / "snmp_exporter.log"
    command = [_program(), f"--web.listen-address=127.0.0.1:{port}"]
    have_auths = any(line.startswith("auths:") for file in files for line in file.read_text().splitlines()[:5])
    command += [f"--config.file={file}" for file in (files if have_auths else (auths, *files))]
    with log.open("wb") as stream, subprocess.Popen(command, stdout=stream, stderr=stream) as process:
        try:
            _wait(process, port, log)
            yield Exporter(port, process, log)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/healthy", timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"snmp_exporter does not answer; it said: {log.read_text()[-2000:]}")

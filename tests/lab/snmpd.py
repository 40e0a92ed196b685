"""A real net-snmp agent on loopback, as a context manager."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

COMMUNITY = "public"
START_SECONDS = 20.0  # generous: the machine may be busy
_CONFIGURATION = """\
rocommunity {community} 127.0.0.1
rocommunity6 {community} ::1
sysName lab-agent
sysLocation cellar
sysContact ict@example.org
sysServices 72
sysDescr Test agent
master no
{more}
"""


@dataclass(frozen=True, slots=True)
class Snmpd:
    """A running snmpd."""

    port: int
    community: str
    process: "subprocess.Popen[bytes]"

    @property
    def address(self) -> str:
        """Return what net-snmp's commands take."""
        return f"127.0.0.1:{self.port}"


def missing() -> str | None:
    """Return why snmpd cannot run here; None when it can."""
    return None if _program() else "snmpd is not installed (apt-get install snmpd snmp)"


def _program() -> str | None:
    return shutil.which("snmpd") or shutil.which("snmpd", path="/usr/sbin:/sbin")


def free_port() -> int:
    """Return a UDP port of loopback that is free now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def snmpd(directory: Path, *, more: str = "", port: int | None = None, netns: str | None = None) -> Iterator[Snmpd]:
    """Run an agent that answers v1 and v2c with `COMMUNITY`, and end it afterwards.

    Args:
        directory: an empty folder for its configuration and state.
        more: further lines of snmpd.conf.
        port: UDP port of loopback; a free one by default.
        netns: network namespace to run in; then it listens on all of that namespace's addresses.
    """
    program = _program()
    assert program, missing()
    number = port or free_port()
    community_from = "" if netns is None else f"rocommunity {COMMUNITY}\n"
    configuration = directory / "snmpd.conf"
    configuration.write_text(_CONFIGURATION.format(community=COMMUNITY, more=community_from + more))
    listen = f"udp:{'127.0.0.1:' if netns is None else ''}{number}"
    inside = ["ip", "netns", "exec", netns] if netns else []
    arguments = ["-f", "-C", "-c", str(configuration), "-Lf", str(directory / "log"), "-I", "-smux", listen]
    environment = {"SNMP_PERSISTENT_DIR": str(directory), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MIBS": ""}
    with subprocess.Popen([*inside, program, *arguments], env=environment) as process:
        try:
            _wait(process, number, directory / "log", inside)
            yield Snmpd(number, COMMUNITY, process)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path, inside: list[str]) -> None:
    """Wait until it answers one GET of sysUpTime."""
    deadline = time.monotonic() + START_SECONDS
    ask = ["snmpget", "-v2c", "-c", COMMUNITY, "-t", "0.5", "-r", "0", "-On", f"127.0.0.1:{port}", ".1.3.6.1.2.1.1.3.0"]
    while time.monotonic() < deadline and process.poll() is None:
        if subprocess.run([*inside, *ask], capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.05)
    said = log.read_text() if log.exists() else "nothing"
    raise AssertionError(f"snmpd does not answer on port {port}; it said: {said}")

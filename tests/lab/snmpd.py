"""A real net-snmp agent on loopback, as a context manager."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

COMMUNITY = "public"
START_SECONDS = 20.0  # generous: the machine may be busy
_CONFIGURATION = """\
rocommunity {community}
rocommunity6 {community}
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
    """A running snmpd; `address` is what net-snmp's commands take."""

    address: str
    port: int
    process: "subprocess.Popen[bytes]"
    community: str = COMMUNITY


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
def snmpd(
    directory: Path, *, more: str = "", address: str = "127.0.0.1", port: int | None = None, prefix: Sequence[str] = ()
) -> Iterator[Snmpd]:
    """Run an agent that answers v1 and v2c with `COMMUNITY`, and end it afterwards.

    Args:
        directory: an empty folder for its configuration and state.
        more: further lines of snmpd.conf.
        address: where it listens, of IPv4 or IPv6.
        port: a free one of this host's loopback by default.
        prefix: what stands before the command, such as `ip netns exec NAME`.
    """
    program = _program()
    assert program, missing()
    number = port or free_port()
    peer = f"udp6:[{address}]:{number}" if ":" in address else f"{address}:{number}"
    configuration = directory / "snmpd.conf"
    configuration.write_text(_CONFIGURATION.format(community=COMMUNITY, more=more))
    log = directory / "log"
    arguments = ["-f", "-C", "-c", str(configuration), "-Lf", str(log), "-I", "-smux", peer]
    environment = {"SNMP_PERSISTENT_DIR": str(directory), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MIBS": ""}
    with subprocess.Popen([*prefix, program, *arguments], env=environment) as process:
        try:
            _wait(process, peer, log, prefix)
            yield Snmpd(peer, number, process)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(process: "subprocess.Popen[bytes]", peer: str, log: Path, prefix: Sequence[str]) -> None:
    """Wait until it answers one GET of sysUpTime."""
    deadline = time.monotonic() + START_SECONDS
    ask = ["snmpget", "-v2c", "-c", COMMUNITY, "-t", "0.5", "-r", "0", "-On", peer, ".1.3.6.1.2.1.1.3.0"]
    while time.monotonic() < deadline and process.poll() is None:
        if subprocess.run([*prefix, *ask], capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.05)
    said = log.read_text() if log.exists() else "nothing"
    raise AssertionError(f"snmpd does not answer at {peer}; it said: {said}")

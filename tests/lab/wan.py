"""Two sites in network namespaces: routers, one or two circuits, a switch and a server with real snmpd, and the agent.

    mon ---- agent ---- ra ==== rb ---- sw (bridge) ---- srv
      mgmt       lan       wan1      lan2            lan2
                           (wan2)

The agent probes through `lan`; Prometheus, Alertmanager and the pager stand in `mon`, on a management link of its own.
Each circuit's echoes go out and come back over that circuit (policy routing at rb), so that the other cannot answer.
"""

import contextlib
import ctypes
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

import yaml

from tests.waiting import wait_until

_CLONE_NEWNET: Final = 0x40000000
AGENT_MGMT: Final = "10.99.0.2"
PORT: Final = 9799
NAMES: Final = ("mon", "agent", "ra", "rb", "sw", "srv")


def run(*command: str) -> str:
    """Run a command; its error text is in the exception."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Move the calling thread into a network namespace: what it opens, and what it starts, lives there."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{namespace}", "rb") as there:  # noqa: PTH123
        if libc.setns(there.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
        try:
            yield
        finally:
            libc.setns(home.fileno(), _CLONE_NEWNET)


class Wan:
    """The namespaces, their addresses and routes; `backup` adds the second circuit."""

    def __init__(self, *, backup: bool) -> None:
        self.backup = backup
        self._tag = secrets.token_hex(3)

    def name(self, role: str) -> str:
        """Return the full name of a namespace."""
        return f"lw{self._tag}{role}"

    def ip(self, role: str, *words: str) -> str:
        """Run `ip` inside a namespace."""
        return run("ip", "-n", self.name(role), *words)

    def sh(self, role: str, *command: str) -> str:
        """Run a command inside a namespace."""
        return run("ip", "netns", "exec", self.name(role), *command)

    def build(self) -> None:
        """Make it all."""
        for role in NAMES:
            run("ip", "netns", "add", self.name(role))
            self.ip(role, "link", "set", "lo", "up")
            # a router takes the backup's route when the line of the better one has no carrier
            for setting in ("rp_filter=0", "ignore_routes_with_linkdown=1"):
                self.sh(role, "sysctl", "-qw", *(f"net.ipv4.conf.{which}.{setting}" for which in ("all", "default")))
            self.sh(role, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        self._link("mon", "mgmt", "10.99.0.1/30", "agent", "mgmt", f"{AGENT_MGMT}/30")
        self._link("agent", "lan", "10.1.0.10/24", "ra", "lan", "10.1.0.1/24")
        self._link("ra", "wan1", "10.20.0.1/30", "rb", "wan1", "10.20.0.2/30")
        self._bridge()
        self.ip("agent", "route", "add", "default", "via", "10.1.0.1")
        self.ip("ra", "route", "add", "10.2.0.0/24", "via", "10.20.0.2", "metric", "100")
        self.ip("rb", "route", "add", "10.1.0.0/24", "via", "10.20.0.1", "metric", "100")
        self._own_way("101", "10.20.0.2", "10.20.0.1")
        if self.backup:
            self._link("ra", "wan2", "10.20.1.1/30", "rb", "wan2", "10.20.1.2/30")
            self.ip("ra", "route", "add", "10.2.0.0/24", "via", "10.20.1.2", "metric", "200")
            self.ip("rb", "route", "add", "10.1.0.0/24", "via", "10.20.1.1", "metric", "200")
            self._own_way("102", "10.20.1.2", "10.20.1.1")

    def remove(self) -> None:
        """Remove every namespace, and with them their links."""
        for role in NAMES:
            subprocess.run(["ip", "netns", "del", self.name(role)], capture_output=True, check=False)

    def _link(self, one: str, one_name: str, one_address: str, two: str, two_name: str, two_address: str) -> None:
        peer = ("peer", "name", two_name, "netns", self.name(two))
        self.ip(one, "link", "add", one_name, "type", "veth", *peer)
        for role, name, address in ((one, one_name, one_address), (two, two_name, two_address)):
            if address:
                self.ip(role, "addr", "add", address, "dev", name)
            self.ip(role, "link", "set", name, "up")

    def _bridge(self) -> None:
        self.ip("sw", "link", "add", "br0", "type", "bridge")
        self.ip("sw", "addr", "add", "10.2.0.2/24", "dev", "br0")
        self.ip("sw", "link", "set", "br0", "up")
        self._link("rb", "lan2", "10.2.0.1/24", "sw", "port1", "")
        self._link("srv", "eth0", "10.2.0.5/24", "sw", "port2", "")
        for port in ("port1", "port2"):
            self.ip("sw", "link", "set", port, "up", "master", "br0")
        for role in ("sw", "srv"):
            self.ip(role, "route", "add", "default", "via", "10.2.0.1")

    def _own_way(self, table: str, far: str, near: str) -> None:
        self.ip("rb", "route", "add", "default", "via", near, "table", table)
        self.ip("rb", "rule", "add", "from", far, "lookup", table)

    def pid(self, role: str, name: str) -> int:
        """Return the process of that name inside a namespace."""
        found = [int(pid) for pid in run("ip", "netns", "pids", self.name(role)).split()]
        named = [pid for pid in found if Path(f"/proc/{pid}/comm").read_text().strip() == name]
        assert len(named) == 1, f"{len(named)} processes {name} in {role}"
        return named[0]

    # ------------------------------------------------------------------ cuts

    def cut(self, way: str) -> None:
        """Cut the primary circuit at ra: `link`, `blackhole` or `drop`."""
        if way == "link":
            self.ip("ra", "link", "set", "wan1", "down")
        elif way == "blackhole":
            self.ip("ra", "route", "add", "blackhole", "10.20.0.2/32")
            self.ip("ra", "route", "replace", "blackhole", "10.2.0.0/24", "metric", "50")
        else:
            self.nft("ra", *(f'add rule inet lab forward {way}ifname "wan1" drop' for way in "io"))

    def mend(self, way: str) -> None:
        """Undo a cut."""
        if way == "link":
            self.ip("ra", "link", "set", "wan1", "up")
            self.ip("ra", "route", "replace", "10.2.0.0/24", "via", "10.20.0.2", "metric", "100")
        elif way == "blackhole":
            self.ip("ra", "route", "del", "blackhole", "10.20.0.2/32")
            self.ip("ra", "route", "del", "blackhole", "10.2.0.0/24", "metric", "50")
        else:
            self.sh("ra", "nft", "flush", "chain", "inet", "lab", "forward")

    def nft(self, role: str, *rules: str) -> None:
        """Add nftables rules to `inet lab forward`."""
        base = ("add table inet lab", "add chain inet lab forward { type filter hook forward priority 0; }")
        self.sh(role, "nft", "; ".join((*base, *rules)))


def configuration(folder: Path, *, backup: bool, snmp_interval: str = "5s") -> Path:
    """Write the agent's configuration for the lab, and return the file."""
    group = {"group": "a-b"} if backup else {}
    circuits = [
        {
            "name": "a-b-primary", "supplier": "ExampleTel", "reference": "ETH/12345", "between": ["a", "b"],
            "role": "primary", "far_end": "10.20.0.2", "ends": [{"device": "ra", "interface": "wan1"}], **group,
        }
    ]  # fmt: skip
    if backup:
        circuits.append({
            "name": "a-b-backup", "supplier": "OtherNet", "reference": "BK-7", "between": ["a", "b"],
            "role": "backup", "far_end": "10.20.1.2", "ends": [{"device": "ra", "interface": "wan2"}], **group,
        })  # fmt: skip
    behind = ["a-b"] if backup else ["a-b-primary"]
    poll = {"auth": "lab", "interval": snmp_interval, "timeout": "4s"}
    echoes = {"interval": "1s"}
    document = {
        "agent": {"name": "lab", "listen": f"{AGENT_MGMT}:{PORT}", "site": "a"},
        "owners": ["one", "two"],
        "snmp": {"auths": {"lab": {"version": 2, "community": "public"}}},
        "sites": [{"name": "a", "owner": ["one"]}, {"name": "b", "owner": ["two"]}],
        "circuits": circuits,
        "devices": [
            {"name": "ra", "kind": "router", "site": "a", "address": "10.1.0.1", "icmp": echoes, "snmp": poll},
            {"name": "sw", "kind": "switch", "site": "b", "address": "10.2.0.2", "icmp": echoes, "snmp": poll,
             "depends_on": behind},
            {"name": "srv", "kind": "server", "site": "b", "address": "10.2.0.5", "icmp": echoes, "snmp": poll,
             "depends_on": ["sw"]},
        ],
        "services": [
            {"name": "crm", "site": "b", "owner": ["one", "two"], "depends_on": ["srv"],
             "checks": [{"type": "icmp", "address": "10.2.0.5", "interval": "1s"}]},
        ],
    }  # fmt: skip
    file = folder / "linewarden.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return file


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
    _process: subprocess.Popen[bytes] | None = None
    _logs: list[Path] = field(default_factory=list)

    def start(self, *, ready: bool = True, seconds: float = 60) -> None:
        """Start it; by default return when its first round is done."""
        assert self._process is None
        enter = ["ip", "netns", "exec", self.namespace] if self.namespace else []
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


@contextmanager
def snmpd(wan: Wan, role: str, address: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run net-snmp's snmpd inside a namespace."""
    config = folder / f"snmpd-{role}.conf"
    config.write_text(f"rocommunity public\nagentaddress udp:{address}:161\nsysName {role}\n")
    state = folder / f"snmpd-{role}"
    state.mkdir(exist_ok=True)
    command = ["ip", "netns", "exec", wan.name(role), "snmpd", "-f", "-Lf", str(folder / f"snmpd-{role}.log"), "-C"]
    process = subprocess.Popen(
        [*command, "-c", str(config)], env={**os.environ, "SNMP_PERSISTENT_DIR": str(state)}, stdin=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        process.wait(10)


@contextmanager
def lab(folder: Path, *, backup: bool = False) -> Iterator[tuple[Wan, AgentProcess]]:
    """Build the lab and start the agent in it."""
    wan = Wan(backup=backup)
    with contextlib.ExitStack() as stack:
        stack.callback(wan.remove)
        wan.build()
        for role, address in (("ra", "10.1.0.1"), ("sw", "10.2.0.2"), ("srv", "10.2.0.5")):
            stack.enter_context(snmpd(wan, role, address, folder))
        agent = AgentProcess(wan.name("agent"), configuration(folder, backup=backup), folder / "state")
        stack.callback(agent.stop)
        agent.start()
        for name in ("a-b-primary", "ra", "sw", "srv", "crm"):
            agent.wait_state(name, "up")
        yield wan, agent


def moment(text: str) -> float:
    """Return an ISO time of the API as Unix seconds."""
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


def since(began: float) -> float:
    """Return the seconds since a Unix time."""
    return time.time() - began

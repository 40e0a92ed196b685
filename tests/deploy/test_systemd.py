"""The service as systemd runs it: what its unit closes, and the agent at work under it on a real systemd."""

import contextlib
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.app import TRAP_SOCKETS
from probes.local.document import DEFAULT_FILE
from probes.snmp import ber
from probes.snmp.ber import Message, Tag, encode_oid
from probes.snmp.trapcodec import TrapPdu
from tests.deploy.machine import ROOT, Machine, booted, missing, root_python, wait_until, wheelhouse

TRAP_SOCKET = ROOT / "deploy/systemd/linewarden-trap.socket"
UNIT = ROOT / "deploy/systemd/linewarden.service"
HARDWARE_UNIT = ROOT / "deploy/systemd/linewarden-hardware.service"
COMMAND = "/opt/linewarden/.venv/bin/linewarden"
CONFIG = "/etc/linewarden/linewarden.yaml"
URL = "http://127.0.0.1:9799"
CAP_NET_RAW = 1 << 13  # <linux/capability.h>

ESTATE = """\
agent: {name: vm}
snmp:
  auths:
    local: {version: 2, community: {credential: snmp-community}}
devices:
  - name: myself
    kind: server
    address: 127.0.0.1
    icmp: &quick {interval: 500ms, round: 2s}
    snmp: {auth: local, interval: 5s}
  - {name: far-v4, kind: server, address: 10.9.0.2, icmp: *quick}
  - {name: far-v6, kind: server, address: "fd00:9::2", icmp: *quick}
  - {name: host, kind: server, address: 127.0.0.1, host: {interval: 5s}}
"""
TRAPS_ESTATE = ESTATE.replace(
    "snmp:\n  auths:\n",
    """snmp:
  traps: {listen: systemd}
  auths:
    ops: {version: 3, username: ops, security_level: authPriv, auth_protocol: SHA256, password: {credential: snmp-auth},
          priv_protocol: AES, priv_password: {credential: snmp-priv}}
""",
    1,
)
SECRETS = {"snmp-community": "k33p-quiet", "snmp-auth": "4uth-quiet", "snmp-priv": "pr1v-quiet"}
OPS = ["-v3", "-u", "ops", "-l", "authPriv", "-a", "SHA-256", "-A", SECRETS["snmp-auth"],
       "-x", "AES", "-X", SECRETS["snmp-priv"]]  # fmt: skip
LINK_DOWN = ["", "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.2.1.2.2.1.1.1", "i", "1"]
LINK_UP = ["", "1.3.6.1.6.3.1.1.5.4", *LINK_DOWN[2:]]
PATIENT = ["-t", "5", "-r", "3"]
ENGINE_OID = "1.3.6.1.6.3.10.2.1.1.0"  # snmpEngineID
ENGINE = "/var/lib/private/linewarden/snmp-engine.json"
ONE_MORE = "  - {name: added, kind: server, address: 127.0.0.2, icmp: *quick}\n"

# a v2c trap of the community above
COLD_START = ber.encode_message(
    Message(1, b"k33p-quiet", TrapPdu.TRAP, 1, 0, 0, [
        (encode_oid("1.3.6.1.2.1.1.3.0"), Tag.TIMETICKS, 1),
        (encode_oid("1.3.6.1.6.3.1.1.4.1.0"), Tag.OID, encode_oid("1.3.6.1.6.3.1.1.5.1")),
    ])
)  # fmt: skip

# the far end of a cable, in a namespace of the machine's own
FAR_END = """
set -e
ip netns add far
ip link add near type veth peer name far netns far
ip addr add 10.9.0.1/24 dev near && ip -6 addr add fd00:9::1/64 dev near nodad && ip link set near up
ip -n far addr add 10.9.0.2/24 dev far && ip -n far -6 addr add fd00:9::2/64 dev far nodad && ip -n far link set far up
"""


# ---------------------------------------------------------------- the files themselves


def test_the_unit_leaves_little_open() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", str(UNIT)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stdout[-3000:] + judged.stderr


def test_net_raw_is_the_only_capability() -> None:
    text = UNIT.read_text()
    assert re.findall(r"^(?:Ambient|Bounding\w*)?Capabilit\w+=(.*)$", text, re.MULTILINE) == ["CAP_NET_RAW"] * 2


def test_the_look_at_the_hardware_leaves_little_open(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", str(HARDWARE_UNIT)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stdout[-3000:] + judged.stderr
    for path in (HARDWARE_UNIT, HARDWARE_UNIT.with_suffix(".timer")):
        (tmp_path / path.name).write_text(path.read_text().replace(COMMAND, "/bin/true"))
    units = sorted(map(str, tmp_path.iterdir()))
    verified = subprocess.run(["systemd-analyze", "verify", *units], check=False, capture_output=True, text=True)
    assert verified.returncode == 0, verified.stderr
    assert "linewarden-hardware" not in verified.stderr


def test_the_agent_reads_the_file_that_the_unit_writes() -> None:
    text = HARDWARE_UNIT.read_text()
    assert f"--output {DEFAULT_FILE}\n" in text
    assert f"RuntimeDirectory={DEFAULT_FILE.parent.name}\n" in text
    group = re.search(r"^Group=(\w+)$", text, re.MULTILINE)
    assert group is not None
    assert group[0] in UNIT.read_text().splitlines()


def test_the_sysctl_file_sets_what_the_design_says() -> None:
    lines = (ROOT / "deploy/systemd/sysctl.d/90-linewarden.conf").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["net.core.rmem_max = 8388608"]


def test_the_socket_of_traps_is_one_for_systemd(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    # the command is not installed here: true stands in for it
    service = UNIT.read_text().replace(f"ExecStart={COMMAND}", "ExecStart=/bin/true")
    (tmp_path / UNIT.name).write_text(service)
    (tmp_path / TRAP_SOCKET.name).write_text(TRAP_SOCKET.read_text())
    judged = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / TRAP_SOCKET.name)],
        check=False, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )  # fmt: skip
    assert (judged.returncode, judged.stderr) == (0, "")


def test_the_agent_knows_the_socket_by_the_name_that_its_unit_gives() -> None:
    text = TRAP_SOCKET.read_text()
    assert re.findall(r"^FileDescriptorName=(.*)$", text, re.MULTILINE) == [TRAP_SOCKETS]
    assert re.findall(r"^ListenDatagram=(.*)$", text, re.MULTILINE) == ["162"]


# ---------------------------------------------------------------- on a machine


@dataclass
class Installed:
    """A machine with the service running."""

    machine: Machine
    seconds_to_ready: float

    def samples(self, name: str, **labels: str) -> list[float]:
        """Return the values of a metric now."""
        return [
            sample.value
            for family in text_string_to_metric_families(self.machine.get(f"{URL}/metrics"))
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]

    def total(self, name: str, **labels: str) -> float:
        return sum(self.samples(name, **labels))

    def v3_traps(self, kind: str) -> float:
        """Return how many SNMPv3 traps and informs of a kind have counted."""
        return self.total("linewarden_traps_received_total", version="v3", kind=kind)

    def tell(self, *command: str) -> str:
        """Run one of net-snmp's commands inside, or one that runs it; return what it prints."""
        return self.machine.run("env", "MIBS=", *command).stdout

    def is_up(self, target: str) -> bool:
        return self.samples("linewarden_target_state", target=target, state="up") == [1.0]

    def pid(self) -> int:
        return int(self.machine.show("linewarden", "MainPID"))

    def status(self, name: str) -> str:
        """Return a line of the main process' /proc/PID/status."""
        text = self.machine.run("cat", f"/proc/{self.pid()}/status").stdout
        return next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith(f"{name}:"))


def install(machine: Machine) -> float:
    """Follow docs/install.md; return the seconds from the start until the unit was ready."""
    machine.run("python3", "-m", "venv", "/opt/linewarden/.venv", timeout=300)
    wheel = machine.run("sh", "-c", "ls /wheels/linewarden-*.whl").stdout.strip()
    pip = ["/opt/linewarden/.venv/bin/pip", "install", "--no-index", "--find-links", "/wheels", wheel]
    machine.run(*pip, timeout=600)
    machine.write(CONFIG, ESTATE)
    for name, secret in SECRETS.items():
        machine.write(f"/etc/linewarden/secrets/{name}", f"{secret}\n")
    drop_in(machine, "secrets", "\n".join(f"LoadCredential={name}:/etc/linewarden/secrets/{name}" for name in SECRETS))
    started = 0.0
    steps, _, _ = machine.run(COMMAND, "deploy", "/srv/deploy").stdout.partition("\nPrometheus:")
    for line in steps.splitlines():
        if line.startswith("  ") and not re.match(r"  (#|sysctl )", line):  # a container may set no net.core
            started = time.monotonic()  # the last one enables and starts the service
            machine.run("sh", "-ec", line)
    return time.monotonic() - started


def drop_in(machine: Machine, name: str, setting: str) -> None:
    """Write what `systemctl edit linewarden` would."""
    machine.write(f"/etc/systemd/system/linewarden.service.d/{name}.conf", f"[Service]\n{setting}\n")
    machine.run("systemctl", "daemon-reload")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """A machine with snmpd, a neighbour at the end of a cable, and the service installed and started."""
    if (why := missing()) is not None:
        pytest.skip(why)
    wheels, scratch = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("machine")
    wheelhouse(wheels, root_python())
    with booted(scratch, [(wheels, "/wheels")]) as machine:
        machine.run("sh", "-c", FAR_END)
        machine.write("/etc/snmp/snmpd.conf", "agentaddress udp:127.0.0.1:161\nrocommunity k33p-quiet\n")
        machine.run("sh", "-c", "rm -f /etc/systemd/system/snmpd.service && systemctl daemon-reload")
        machine.run("systemctl", "start", "snmpd")
        try:
            yield Installed(machine, install(machine))
        finally:
            with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
                print(machine.journal("linewarden"))


@pytest.mark.systemd
@pytest.mark.timeout(1200)
class TestService:
    """In order: each test leaves the service running for the next."""

    def test_it_is_ready_after_the_first_round(self, installed: Installed) -> None:
        assert installed.machine.show("linewarden", "ActiveState") == "active"
        assert installed.machine.show("linewarden", "StatusText") == "watching 4 targets"
        assert installed.samples("linewarden_ready") == [1.0]
        assert installed.seconds_to_ready < 60

    def test_it_has_no_privilege_but_one(self, installed: Installed) -> None:
        assert {installed.status(name) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {f"{CAP_NET_RAW:016x}"}
        assert installed.status("NoNewPrivs") == "1"
        assert installed.status("Seccomp") == "2", "system calls are filtered"
        uid = int(installed.status("Uid").split()[0])
        assert 61184 <= uid <= 65519, "systemd.exec(5): the range of dynamic users"

    def test_it_pings_with_raw_sockets(self, installed: Installed) -> None:
        targets = ("myself", "far-v4", "far-v6")
        wait_until(lambda: all(installed.is_up(target) for target in targets), "all of them are up")
        for target in targets:
            assert sum(installed.samples("linewarden_echoes_sent_total", target=target)) > 0
            assert sum(installed.samples("linewarden_echoes_lost_total", target=target)) == 0
        raw = installed.machine.run("cat", "/proc/net/raw", "/proc/net/raw6").stdout.splitlines()
        assert len(raw) >= 4, "a heading and a socket for each family"

    def test_it_polls_snmp_with_a_secret_that_it_cannot_read_itself(self, installed: Installed) -> None:
        up = {"target": "myself", "check": "snmp", "state": "up"}
        wait_until(lambda: installed.samples("linewarden_check_state", **up) == [1.0], "snmpd is polled")
        assert "sysUpTime" in installed.machine.get(f"{URL}/metrics/device/myself")

    def test_it_reads_the_hosts_own_figures(self, installed: Installed) -> None:
        wait_until(lambda: installed.is_up("host"), "the host is measured")

    def test_it_keeps_its_record_to_itself(self, installed: Installed) -> None:
        files = installed.machine.run("find", "/var/lib/private/linewarden", "-type", "f", "-printf", "%m %f\n").stdout
        assert files.strip(), "a ledger"
        assert all(line.startswith("600 ") for line in files.splitlines()), files

    def test_a_member_of_the_group_may_ask_it(self, installed: Installed) -> None:
        machine = installed.machine
        machine.run("useradd", "--groups", "linewarden", "engineer")
        machine.run("useradd", "visitor")
        wait_until(lambda: installed.is_up("far-v4"), "far-v4 is up")
        ask = [COMMAND, "events", "--config", CONFIG, "--json"]
        told = machine.run("setpriv", "--reuid=engineer", "--regid=engineer", "--init-groups", *ask).stdout
        assert "far-v4" in {json.loads(line)["target"] for line in told.splitlines()}
        refused = machine.run("setpriv", "--reuid=visitor", "--regid=visitor", "--init-groups", *ask, check=False)
        assert refused.returncode == 3
        assert "Traceback" not in refused.stderr

    def test_a_reload_takes_the_new_configuration(self, installed: Installed) -> None:
        before = installed.pid()
        installed.machine.write(CONFIG, ESTATE + ONE_MORE)
        installed.machine.run("systemctl", "reload", "linewarden")
        wait_until(lambda: installed.is_up("added"), "the added device is up")
        assert installed.is_up("far-v4"), "what stayed keeps its state"
        assert installed.pid() == before

    def test_a_bad_configuration_changes_nothing(self, installed: Installed) -> None:
        before = installed.pid()
        installed.machine.write(CONFIG, ESTATE + ONE_MORE + "  - {name: bad, kind: server, adress: 127.0.0.3}\n")
        installed.machine.run("systemctl", "reload", "linewarden")
        wait_until(lambda: installed.samples("linewarden_config_last_reload_successful") == [0.0], "it is refused")
        wait_until(lambda: "did you mean 'address'" in installed.machine.journal("linewarden"), "the journal says why")
        assert installed.is_up("added")
        assert installed.pid() == before
        assert installed.machine.show("linewarden", "ActiveState") == "active"
        installed.machine.write(CONFIG, ESTATE)
        installed.machine.run("systemctl", "reload", "linewarden")
        wait_until(lambda: installed.samples("linewarden_config_last_reload_successful") == [1.0], "it is mended")

    def test_traps_come_in_at_port_162_by_a_socket_of_systemd(self, installed: Installed) -> None:
        machine = installed.machine
        machine.write(CONFIG, TRAPS_ESTATE)
        machine.run("systemctl", "restart", "linewarden", check=False)
        assert "systemd handed over no socket" in machine.journal("linewarden")
        machine.run("systemctl", "stop", "linewarden")
        machine.run("install", "-m", "644", "/srv/deploy/systemd/linewarden-trap.socket", "/etc/systemd/system/")
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "enable", "--now", "linewarden-trap.socket")
        machine.run("systemctl", "reset-failed", "linewarden")
        machine.run("systemctl", "start", "linewarden")
        assert installed.status("CapEff") == f"{CAP_NET_RAW:016x}", "and it may still open no port below 1024"
        for host in ("127.0.0.1", "::ffff:127.0.0.1"):
            machine.send(host, 162, COLD_START)
        counted = {"version": "v2c", "kind": "coldStart"}
        wait_until(lambda: installed.samples("linewarden_traps_received_total", **counted) == [2.0], "both count")

    def test_snmpv3_traps_and_informs_come_in_there_too(self, installed: Installed) -> None:
        machine = installed.machine
        own = installed.tell("snmpget", "-v2c", "-c", SECRETS["snmp-community"], "-Ovx", "127.0.0.1", f".{ENGINE_OID}")
        engine_id = "".join(own.partition("Hex-STRING:")[2].split())
        # the device is polled by v2c: its engine id is asked for when its first v3 trap comes
        installed.tell("snmptrap", "-e", f"0x{engine_id}", *OPS, "127.0.0.1:162", *LINK_DOWN)
        wait_until(lambda: installed.v3_traps("linkDown") == 1, "the trap counts")
        # snmpinform fails unless it is answered, and from the address that it asked
        far = ("ip", "netns", "exec", "far")
        for place in ("10.9.0.1:162", "udp6:[fd00:9::1]:162"):
            installed.tell(*far, "snmpinform", *OPS, *PATIENT, place, *LINK_UP)
        wait_until(lambda: installed.v3_traps("linkUp") >= 2, "both informs count")
        assert installed.total("linewarden_traps_dropped_total") == 0
        assert installed.total("linewarden_traps_acknowledged_total") == installed.v3_traps("linkUp")
        wrong = [word.replace("4uth", "wr0ng") for word in OPS]
        done = machine.run(*far, "snmpinform", *wrong, *PATIENT, "10.9.0.1:162", *LINK_UP, check=False)
        assert done.returncode != 0
        assert "Authentication failure" in done.stderr

    def test_the_engine_of_informs_counts_its_lives(self, installed: Installed) -> None:
        machine = installed.machine
        before = json.loads(machine.run("cat", ENGINE).stdout)
        machine.run("systemctl", "restart", "linewarden")
        after = json.loads(machine.run("cat", ENGINE).stdout)
        assert after == {"engine_id": before["engine_id"], "boots": before["boots"] + 1}
        machine.run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", "linewarden")
        wait_until(
            lambda: json.loads(machine.run("cat", ENGINE).stdout)["boots"] == after["boots"] + 1,
            "it counts a crash too",
        )
        wait_until(lambda: machine.show("linewarden", "ActiveState") == "active", "it is ready again")
        # a device that holds on to a former life is told of the new one, and then its inform counts
        remembers = ["-e", f"0x{before['engine_id']}", "-Z", f"{before['boots']},1"]
        installed.tell("ip", "netns", "exec", "far", "snmpinform", *remembers, *OPS, *PATIENT, "10.9.0.1:162", *LINK_UP)
        wait_until(lambda: installed.v3_traps("linkUp") >= 1, "the inform counts")
        machine.run("systemctl", "disable", "--now", "linewarden-trap.socket")
        machine.write(CONFIG, ESTATE)
        machine.run("systemctl", "restart", "linewarden")

    def test_the_journal_can_be_read(self, installed: Installed) -> None:
        journal = installed.machine.journal("linewarden")
        assert "Traceback" not in journal
        assert not [secret for secret in SECRETS.values() if secret in journal]
        assert not re.search(r"\d\d:\d\d:\d\d.*linewarden\[\d+\]: \d{4}-\d\d-\d\d", journal), "one time stamp is enough"

    def test_the_watchdog_restarts_a_hung_agent(self, installed: Installed) -> None:
        machine = installed.machine
        drop_in(machine, "watchdog", "WatchdogSec=6\nTimeoutAbortSec=3")
        machine.run("systemctl", "restart", "linewarden")
        hung = installed.pid()
        time.sleep(7)  # longer than the watchdog's patience: the agent that works is left alone
        assert installed.pid() == hung
        machine.run("kill", "-STOP", str(hung))
        wait_until(lambda: machine.show("linewarden", "NRestarts") == "1", "it was started again")
        wait_until(lambda: machine.show("linewarden", "ActiveState") == "active", "it is ready again")
        assert installed.pid() != hung
        assert "Watchdog timeout" in machine.journal("linewarden")
        wait_until(lambda: installed.is_up("far-v4"), "far-v4 is up")

    def test_it_stops_within_five_seconds(self, installed: Installed) -> None:
        began = time.monotonic()
        installed.machine.run("systemctl", "stop", "linewarden")
        assert time.monotonic() - began < 5
        assert installed.machine.show("linewarden", "Result") == "success"
        assert installed.machine.show("linewarden", "ExecMainStatus") == "0"
        assert installed.machine.run("test", "-e", "/run/linewarden", check=False).returncode == 1

    def test_a_configuration_that_cannot_be_used_is_not_tried_again(self, installed: Installed) -> None:
        installed.machine.write(CONFIG, "devices: [{nam: x}]\n")
        installed.machine.run("systemctl", "start", "linewarden", check=False)
        wait_until(lambda: installed.machine.show("linewarden", "ActiveState") == "failed", "it gave up")
        assert installed.machine.show("linewarden", "ExecMainStatus") == "2"
        journal = installed.machine.journal("linewarden")
        assert f"{CONFIG}:1" in journal
        assert "Traceback" not in journal

"""The simulation as a process: net-snmp's own commands walk it, and it ends when its parent does."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli.simulated.process import ADDRESSES, NoPortError, Simulation, _bind, simulation
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(
    shutil.which("snmpbulkwalk") is None, reason="needs net-snmp's commands: apt-get install snmp"
)
ROUTER, SWITCH, BRANCH = "crown-rtr1", "bcw-core-sw1", "enc-sw1"
IF_OPER, UPTIME = "1.3.6.1.2.1.2.2.1.8.3", "1.3.6.1.2.1.1.3.0"


def snmp(
    tool: str, simulated: Simulation, device: str, *oids: str, version: str = "2c", more: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    command = [tool, f"-v{version}", "-c", "public", "-r0", "-t3", "-On", "-OQ", *more]
    command += [f"{ADDRESSES[device]}:{simulated.port}", *oids]
    environment = {**os.environ, "MIBS": "", "SNMPCONFPATH": "/nonexistent"}
    return subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment, check=False)


@pytest.mark.parametrize("tool", ["snmpbulkwalk", "snmpwalk"])
def test_a_walk_of_the_switch(tool: str) -> None:
    with simulation(0) as simulated:
        walk = snmp(tool, simulated, SWITCH, "1.3.6.1.2.1.2.2.1")
    assert walk.returncode == 0, walk.stderr  # net-snmp refuses OIDs that do not increase
    assert len(walk.stdout.splitlines()) == 52 * 22


def test_get_bulk_v1_and_the_wrong_community() -> None:
    with simulation(0) as simulated:
        found = snmp("snmpget", simulated, ROUTER, "1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.1.5.9")
        assert '"crown-rtr1"' in found.stdout
        assert "No Such Instance" in found.stdout
        old = snmp("snmpwalk", simulated, ROUTER, "1.3.6.1.2.1.31", version="1")
        assert old.returncode == 0, old.stderr
        assert ".1.3.6.1.2.1.31.1.1.1.18.3 = " in old.stdout
        assert ".1.3.6.1.2.1.31.1.1.1.6." not in old.stdout  # Counter64
        bulk = snmp("snmpbulkget", simulated, ROUTER, "1.3.6.1.2.1.1.2", "1.3.6.1.2.1.2.2.1.2", more=("-Cn1", "-Cr3"))
        assert len(bulk.stdout.splitlines()) == 4
        stranger = snmp("snmpget", simulated, ROUTER, UPTIME, more=("-c", "private", "-t1"))
        assert "Timeout" in stranger.stderr


def test_the_circuit_goes_down_the_branch_falls_silent_and_both_come_back() -> None:
    # ten times faster: down from 2 s to 6.5 s after the first request
    with simulation(0, speed=10.0) as simulated:

        def oper() -> str:
            return snmp("snmpget", simulated, ROUTER, IF_OPER).stdout.strip()[-1:]

        def answers() -> bool:
            return snmp("snmpget", simulated, BRANCH, UPTIME, more=("-t0.3",)).returncode == 0

        assert oper() == "1"
        wait_until(lambda: oper() == "2")
        assert not answers()
        wait_until(lambda: oper() == "1")
        assert answers()


def test_a_port_that_is_taken_is_left_to_its_owner() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((ADDRESSES[SWITCH], 0))
        port = taken.getsockname()[1]
        with simulation(port) as simulated:
            assert simulated.port != port
            assert snmp("snmpget", simulated, SWITCH, UPTIME).returncode == 0


def test_no_such_address() -> None:
    with pytest.raises(NoPortError, match=r"no UDP port is free on 192\.0\.2\.1"):
        _bind({"device": "192.0.2.1"}, 16161)


def test_it_ends_with_the_block() -> None:
    with simulation(0) as simulated:
        assert simulated.process.poll() is None
    assert simulated.process.poll() == 0


def test_it_does_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import time\nfrom agent.cli.simulated.process import simulation\n"
        "with simulation(0) as s:\n    print(s.process.pid, flush=True)\n    time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=tmp_path)
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
    assert Path(f"/proc/{child}").exists()
    parent.send_signal(signal.SIGKILL)
    parent.wait(10)
    wait_until(lambda: not _runs(child))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

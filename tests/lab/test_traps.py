"""A switch in a namespace of its own tells that a link went down: the agent looks at once, and believes what it sees.

The switch is polled once an hour, so that whatever is known within seconds is known by its trap.
"""

import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.lab.agent import AgentProcess, moment
from tests.lab.net import Namespace, pair
from tests.lab.snmpd import missing, snmpd
from tests.waiting import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

TRAP_PORT = 9162
AGENT, SWITCH, STRANGER = "10.9.0.1", "10.9.0.2", "10.9.0.3"
LINK_DOWN, LINK_UP = "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.6.3.1.1.5.4"
V3 = ["-v3", "-u", "ops", "-l", "authPriv", "-a", "SHA-256", "-A", "auth-secret", "-x", "AES", "-X", "priv-secret"]


def document(folder: Path) -> dict[str, object]:
    (folder / "auth").write_text("auth-secret\n")
    (folder / "priv").write_text("priv-secret\n")
    ops = {"version": 3, "username": "ops", "security_level": "authPriv", "auth_protocol": "SHA256",
           "password": {"file": "auth"}, "priv_protocol": "AES", "priv_password": {"file": "priv"}}  # fmt: skip
    return {
        "agent": {"name": "lab"},
        "snmp": {
            "auths": {"lab": {"version": 2, "community": "public"}, "ops": ops},
            "traps": {"listen": f"0.0.0.0:{TRAP_PORT}"},
        },
        "sites": [{"name": "a"}, {"name": "b"}],
        "circuits": [
            # no echoes: only what the switch says of its interface tells that it is down
            {"name": "a-b", "between": ["a", "b"], "ends": [{"device": "sw", "interface": "wan1"}]},
            # echoes, to be burst; its interface is another
            {"name": "lan", "between": ["a", "b"], "far_end": SWITCH, "ends": [{"device": "sw", "interface": "eth0"}]},
        ],
        "devices": [
            {"name": "sw", "kind": "switch", "site": "a", "address": SWITCH, "icmp": {"interval": "10s"},
             "snmp": {"auth": "lab", "interval": "1h"}},
        ],
    }  # fmt: skip


@dataclass
class Lab:
    agent: AgentProcess
    near: Namespace
    switch: Namespace
    folder: Path

    def index(self, device: str) -> str:
        return self.switch.run("cat", f"/sys/class/net/{device}/ifindex").stdout.strip()

    def tell(self, oid: str, device: str, *how: str, program: str = "snmptrap") -> None:
        """Send a trap from the switch about one of its interfaces, as net-snmp's tools do."""
        environment = ["env", "MIBS=", f"SNMP_PERSISTENT_DIR={self.folder}"]
        index = self.index(device)
        self.switch.run(*environment, program, *(how or ("-v2c", "-c", "public")), f"{AGENT}:{TRAP_PORT}", "", oid,
                        f"1.3.6.1.2.1.2.2.1.1.{index}", "i", index)  # fmt: skip

    def tell_until(self, oid: str, device: str, target: str, state: str) -> None:
        """Send a trap every few seconds until a target is in a state: snmpd looks at its interfaces every 15 s only."""

        def reached() -> bool:
            self.tell(oid, device)
            return self.agent.state(target) == state

        wait_until(reached, 60, 3)

    def total(self, family: str, *labels: str) -> float:
        """Return the sum of a family's samples that have these labels."""
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in self.agent.text("/metrics").splitlines()
            if line.startswith(family + "{") and all(label in line for label in labels)
        )


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with ExitStack() as stack:
        near, switch = stack.enter_context(pair("agent", "switch"))
        if reason := missing() or (
            "" if shutil.which("snmptrap") else "snmptrap is not installed (apt-get install snmp)"
        ):
            pytest.skip(reason)
        switch.ip(f"address add {STRANGER}/24 dev eth0")
        switch.ip("link add wan1 type veth peer name far1")
        switch.up("far1")
        switch.up("wan1", "10.20.0.1/30")
        state = tmp_path / "snmpd"
        state.mkdir()
        prefix = ("ip", "netns", "exec", switch.name)
        stack.enter_context(snmpd(state, address=SWITCH, port=161, prefix=prefix))
        config = tmp_path / "linewarden.yaml"
        config.write_text(yaml.safe_dump(document(tmp_path)))
        agent = AgentProcess(near.name, config, tmp_path / "state")
        stack.callback(agent.stop)
        agent.start()
        agent.wait_state("a-b", "up")
        agent.wait_state("sw", "up")
        yield Lab(agent, near, switch, tmp_path)


def test_a_link_that_goes_down_is_known_by_its_trap(lab: Lab) -> None:
    lab.switch.ip("link set far1 down")
    time.sleep(4)
    assert lab.agent.state("a-b") == "up"  # nobody has looked
    told = time.time()
    lab.tell_until(LINK_DOWN, "wan1", "a-b", "down")
    (outage,) = lab.agent.outages("a-b")
    assert re.fullmatch("wan1 on sw is (down|lowerlayerdown)", outage["reason"])
    assert moment(outage["began_at"]) >= told - 1
    wait_until(lambda: lab.total("linewarden_burst_echoes_sent_total", 'target="sw"') > 0)
    assert lab.total("linewarden_burst_echoes_sent_total", 'target="lan"') == 0  # another interface's circuit
    lab.switch.ip("link set far1 up")
    lab.tell_until(LINK_UP, "wan1", "a-b", "up")
    lab.tell(LINK_DOWN, "eth0")
    wait_until(lambda: lab.total("linewarden_burst_echoes_sent_total", 'target="lan"') > 0)


def test_a_v3_trap_and_a_v3_inform_of_the_switch_count(lab: Lab) -> None:
    """The switch is polled by v2c: its engine id is asked for when its first v3 trap comes, and that waits."""
    engine = lab.near.run("snmpget", "-v2c", "-c", "public", "-Ovx", SWITCH, ".1.3.6.1.6.3.10.2.1.1.0").stdout
    own = "0x" + "".join(engine.partition("Hex-STRING:")[2].split())
    lab.tell(LINK_UP, "wan1", "-e", own, *V3)
    wait_until(lambda: lab.total("linewarden_traps_received_total", 'version="v3"', 'kind="linkUp"') == 1)
    lab.tell(LINK_DOWN, "wan1", *V3, program="snmpinform")
    wait_until(lambda: lab.total("linewarden_traps_received_total", 'version="v3"', 'kind="linkDown"') == 1)
    assert lab.total("linewarden_traps_dropped_total") == 0
    assert lab.agent.state("a-b") == "up"


def test_forged_traps_change_no_state_and_a_strangers_are_not_even_heard(lab: Lab) -> None:
    before = lab.agent.get("/api/v1/events?limit=1000")["events"]
    polls = lab.total("linewarden_traps_polls_total")
    lab.tell(LINK_DOWN, "wan1")
    wait_until(lambda: lab.total("linewarden_traps_polls_total") == polls + 1)
    lab.switch.call(lambda: _send_as(STRANGER))
    wait_until(lambda: lab.total("linewarden_traps_dropped_total", 'reason="unknown_source"') == 1)
    time.sleep(8)  # the poll, the bursts, and a round
    assert lab.agent.state("a-b") == "up"
    assert lab.agent.state("sw") == "up"
    assert lab.agent.get("/api/v1/events?limit=1000")["events"] == before
    assert lab.total("linewarden_traps_received_total") == 1


def _send_as(address: str) -> None:
    from tests.agent.test_app_traps import octets

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((address, 0))
        sock.sendto(octets(LINK_DOWN, "public"), (AGENT, TRAP_PORT))

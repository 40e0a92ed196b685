"""Traps at the whole agent: what they lead to, what they never do, a reload, a restart, and a flood."""

import contextlib
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from probes.snmp import ber
from probes.snmp.ber import Message, Tag, VarBind, encode_oid
from probes.snmp.trapcodec import TrapPdu
from tests.lab.agent import AgentProcess
from tests.lab.prometheus import free_port
from tests.lab.snmpd import free_port as free_udp_port
from tests.needs import needs_icmp
from tests.probes.snmp.agents import Mib, UdpAgent, switch
from tests.waiting import wait_until

COMMUNITY = "tr4p-secret"
V3 = ["-v3", "-u", "ops", "-l", "authPriv", "-a", "SHA", "-A", "auth-secret", "-x", "AES", "-X", "priv-secret"]
LINK_DOWN = ["1.3.6.1.6.3.1.1.5.3", "1.3.6.1.2.1.2.2.1.1.1", "i", "1"]

needs_tools = pytest.mark.skipif(
    shutil.which("snmptrap") is None, reason="snmptrap is not installed (apt-get install snmp)"
)


def octets(oid: str, community: str = COMMUNITY) -> bytes:
    """Return a v2c trap about interface 1."""
    binds: list[VarBind] = [
        (encode_oid("1.3.6.1.2.1.1.3.0"), Tag.TIMETICKS, 1),
        (encode_oid("1.3.6.1.6.3.1.1.4.1.0"), Tag.OID, encode_oid(oid)),
        (encode_oid("1.3.6.1.2.1.2.2.1.1.1"), Tag.INTEGER, 1),
    ]
    return ber.encode_message(Message(1, community.encode(), TrapPdu.TRAP, 1, 0, 0, binds))


@dataclass
class Trapped:
    """The agent with one switch, whose regular polls are an hour apart."""

    agent: AgentProcess
    device: UdpAgent
    port: int
    document: dict[str, Any]

    def write(self) -> None:
        self.agent.config.write_text(yaml.safe_dump(self.document, sort_keys=False))

    def start(self) -> None:
        self.agent.start()
        self.agent.wait_state("sw1", "up")
        wait_until(lambda: self.agent.get("/api/v1/explain?target=a-b")["verdict"]["state"] == "up")

    def samples(self, name: str, **labels: str) -> dict[str, float]:
        """Return the samples of a family, by their labels."""
        lines = re.findall(rf"^{name}(\{{[^}}]*\}}) (\S+)$", self.agent.text("/metrics"), re.MULTILINE)
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return {found: float(value) for found, value in lines if all(word in found for word in wanted)}

    def total(self, name: str, **labels: str) -> float:
        return sum(self.samples(name, **labels).values())

    def polls(self) -> int:
        """Return how often the switch was asked for its system group."""
        return sum(len(request.varbinds) == 7 for request in self.device.requests)

    def run(self, *command: str, expect: int = 0) -> str:
        place = f"127.0.0.1:{self.port}"
        environment = {"PATH": "/usr/bin:/bin", "MIBS": "", "SNMP_PERSISTENT_DIR": str(self.agent.config.parent)}
        words = [place if word == "@" else word for word in command]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, env=environment, check=False)
        assert done.returncode == expect, done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def trapped(tmp_path: Path) -> Iterator[Trapped]:
    mib = Mib(switch(2))
    with UdpAgent(mib.answer) as device:
        (tmp_path / "auth").write_text("auth-secret\n")
        (tmp_path / "priv").write_text("priv-secret\n")
        port = free_udp_port()
        document = {
            "agent": {"name": "dc1", "listen": f"127.0.0.1:{free_port()}"},
            "snmp": {
                "auths": {
                    "public": {"version": 2, "community": "public"},
                    "traps": {"version": 2, "community": COMMUNITY},
                    "ops": {"version": 3, "username": "ops", "security_level": "authPriv", "auth_protocol": "SHA",
                            "password": {"file": "auth"}, "priv_protocol": "AES", "priv_password": {"file": "priv"}},
                },
                "traps": {"listen": f"127.0.0.1:{port}"},
            },
            "sites": [{"name": "a"}, {"name": "b"}],
            "circuits": [{"name": "a-b", "between": ["a", "b"], "ends": [{"device": "sw1", "interface": "Gi1/0/1"}]}],
            "devices": [
                {"name": "sw1", "kind": "switch", "site": "a", "address": "127.0.0.1",
                 "snmp": {"auth": "public", "port": device.port, "interval": "1h", "fast": "off",
                          "modules": ["system", "if_mib"]}},
            ],
        }  # fmt: skip
        agent = AgentProcess(None, tmp_path / "linewarden.yaml", tmp_path / "state")
        made = Trapped(agent, device, port, document)
        made.write()
        yield made
        with contextlib.suppress(AssertionError):
            agent.stop(signal.SIGKILL)


@needs_tools
def test_a_trap_leads_to_a_poll_and_that_to_the_truth(trapped: Trapped) -> None:
    trapped.start()
    assert trapped.polls() == 1
    mib = Mib(switch(2))
    mib.objects[ber.decode_oid(encode_oid("1.3.6.1.2.1.2.2.1.8.1"))] = (Tag.INTEGER, 2)
    trapped.device.answer = mib.answer
    trapped.run("snmptrap", "-v2c", "-c", COMMUNITY, "@", "", *LINK_DOWN)
    trapped.agent.wait_state("a-b", "down")
    assert trapped.polls() == 2
    assert "Gi1/0/1 on sw1 is down" in trapped.agent.outages("a-b")[0]["reason"]
    assert trapped.total("linewarden_traps_received_total", version="v2c", kind="linkDown") == 1
    assert trapped.total("linewarden_traps_polls_total") == 1
    trapped.device.answer = Mib(switch(2)).answer
    wait_until(lambda: trapped.polls() == 2, 1)
    trapped.run("snmpinform", *V3, "-t", "5", "-r", "3", "@", "", "1.3.6.1.6.3.1.1.5.4", *LINK_DOWN[1:])
    trapped.agent.wait_state("a-b", "up")
    assert trapped.total("linewarden_traps_acknowledged_total") >= 1
    assert trapped.total("linewarden_traps_received_total", version="v3", kind="linkUp") >= 1
    for word in ("auth-secret", "priv-secret", COMMUNITY):
        assert word not in trapped.agent.log()
        assert word not in trapped.agent.text("/metrics")


@needs_tools
def test_a_trap_alone_changes_no_state(trapped: Trapped) -> None:
    trapped.start()
    before = trapped.agent.get("/api/v1/events?limit=1000")["events"]
    for oid in ("1", "2", "3", "4", "5"):
        trapped.run("snmptrap", "-v2c", "-c", COMMUNITY, "@", "", f"1.3.6.1.6.3.1.1.5.{oid}", *LINK_DOWN[1:])
    trapped.run("snmptrap", "-v2c", "-c", "guess", "@", "", *LINK_DOWN)
    wait_until(lambda: trapped.polls() >= 3)  # at once, and once more for all that came within five seconds
    assert trapped.total("linewarden_traps_dropped_total", reason="wrong_community") == 1
    assert trapped.total("linewarden_traps_received_total") == 5
    assert trapped.agent.state("a-b") == "up"
    assert trapped.agent.state("sw1") == "up"
    assert trapped.agent.get("/api/v1/events?limit=1000")["events"] == before
    assert trapped.agent.get("/api/v1/explain?target=a-b")["pages"] == []
    time.sleep(0.5)
    assert trapped.polls() == 3


@needs_tools
def test_a_reload_takes_auths_and_addresses_and_refuses_what_cannot_be_had(trapped: Trapped) -> None:
    trapped.start()
    trapped.document["snmp"]["auths"]["traps"]["community"] = "an0ther"
    former, trapped.port = trapped.port, free_udp_port()
    trapped.document["snmp"]["traps"] = {"listen": [f"127.0.0.1:{trapped.port}"], "rate": 50}
    trapped.write()
    assert "reloaded" in trapped.agent.text("/-/reload", method="POST").lower()
    trapped.run("snmptrap", "-v2c", "-c", "an0ther", "@", "", *LINK_DOWN)
    wait_until(lambda: trapped.polls() == 2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", former))  # it is free
        trapped.document["snmp"]["traps"] = {"listen": [f"127.0.0.1:{former}"]}
        trapped.write()
        assert f"127.0.0.1:{former}: another program has this port" in trapped.agent.text("/-/reload", method="POST")
    trapped.run("snmptrap", "-v2c", "-c", "an0ther", "@", "", "1.3.6.1.6.3.1.1.5.1")
    wait_until(lambda: trapped.total("linewarden_traps_received_total", kind="coldStart") == 1)  # as before
    del trapped.document["snmp"]["traps"]
    trapped.write()
    trapped.agent.text("/-/reload", method="POST")
    assert trapped.total("linewarden_traps_sockets") == 0


@needs_tools
def test_informs_know_the_agent_again_after_it_was_killed(trapped: Trapped) -> None:
    trapped.start()
    inform = ["snmpinform", *V3, "-t", "5", "-r", "3", "@", "", *LINK_DOWN]
    trapped.run(*inform)
    kept = trapped.agent.state_dir / "snmp-engine.json"
    before = yaml.safe_load(kept.read_text())
    trapped.agent.stop(signal.SIGKILL)
    trapped.start()
    after = yaml.safe_load(kept.read_text())
    assert (after["engine_id"], after["boots"]) == (before["engine_id"], before["boots"] + 1)
    trapped.run(*inform)
    assert trapped.total("linewarden_traps_received_total", version="v3") >= 1


def test_a_port_that_is_taken_is_told_at_the_start(trapped: Trapped) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", trapped.port))
        trapped.agent.start(ready=False)
        assert trapped.agent.wait() == 3
    assert f"traps cannot be received at 127.0.0.1:{trapped.port}: another program has this port" in trapped.agent.log()
    assert "Traceback" not in trapped.agent.log()


# ------------------------------------------------------------------ a flood


def watched(trapped: Trapped) -> None:
    """Add what is pinged meanwhile: twenty addresses of loopback, each once a second."""
    trapped.document["devices"] += [
        {"name": f"pinged-{number}", "kind": "server", "address": f"127.0.1.{number}",
         "icmp": {"interval": "1s", "round": "2s"}}
        for number in range(1, 21)
    ]  # fmt: skip
    trapped.document["snmp"]["traps"]["rate"] = 1000
    trapped.write()


def flood(trapped: Trapped, seconds: float, rate: float | None, most: int) -> int:
    """Send traps from one source, of every worth: good ones, of a wrong community, and no traps at all."""
    data = [octets("1.3.6.1.6.3.1.1.5.3"), octets("1.3.6.1.6.3.1.1.5.4"), octets("1.3.6.1.6.3.1.1.5.3", "guess"),
            b"\x30\x82nonsense"]  # fmt: skip
    sent, began = 0, time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", trapped.port))
        while sent < most and (now := time.monotonic()) < began + seconds:
            if rate is not None and sent > (now - began) * rate:
                time.sleep(0.001)
                continue
            for octets_of_one in data:
                with contextlib.suppress(OSError):
                    sock.send(octets_of_one)
                sent += 1
    return sent


def rounds_are_whole(trapped: Trapped, seconds: float) -> None:
    """Check that no echo was lost or unknown, and that those of these seconds were all sent."""
    for number in range(1, 21):
        assert trapped.total("linewarden_echoes_lost_total", target=f"pinged-{number}") == 0
        assert trapped.samples("linewarden_echoes_unknown_total", target=f"pinged-{number}") == {}
        sent = trapped.total("linewarden_echoes_sent_total", target=f"pinged-{number}")
        assert sent >= seconds - 8  # the round under way, and the one before it, are not counted yet


@needs_icmp
def test_twenty_thousand_traps_at_full_speed_harm_nobody(trapped: Trapped) -> None:
    watched(trapped)
    trapped.start()
    wait_until(lambda: trapped.total("linewarden_echoes_sent_total", target="pinged-20") > 0)
    flood(trapped, 60, None, 4000)  # whatever is needed once is there
    before, began = trapped.agent.memory_octets(), time.monotonic()
    sent = flood(trapped, 60, None, 20_000)
    assert sent == 20_000

    def heard() -> float:
        return trapped.total("linewarden_traps_received_total") + trapped.total("linewarden_traps_dropped_total")

    wait_until(lambda: heard() >= sent + 4000)
    assert trapped.agent.memory_octets() - before < 20e6
    time.sleep(6)
    rounds_are_whole(trapped, time.monotonic() - began)
    assert trapped.total("linewarden_loop_lag_seconds") < 2
    assert trapped.polls() < 5 + (time.monotonic() - began) / 5
    assert trapped.total("linewarden_traps_dropped_total", reason="source_rate") > 0


@needs_icmp
@pytest.mark.soak
@pytest.mark.timeout(300)
def test_ten_thousand_traps_a_second_for_ten_seconds(trapped: Trapped) -> None:
    watched(trapped)
    trapped.start()
    flood(trapped, 2, 10_000, 20_000)
    before, began = trapped.agent.memory_octets(), time.monotonic()
    cpu = trapped.agent.cpu_seconds()
    sent = flood(trapped, 10, 10_000, 10**9)
    took = time.monotonic() - began
    print(f"{sent / took:.0f} traps/s, {(trapped.agent.cpu_seconds() - cpu) / took:.1%} of a core")
    assert sent > 90_000
    assert trapped.agent.memory_octets() - before < 10e6
    time.sleep(6)
    rounds_are_whole(trapped, time.monotonic() - began)
    assert trapped.total("linewarden_loop_lag_seconds") < 0.25

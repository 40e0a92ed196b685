"""`linewarden inspect` against simulated devices, and net-snmp's snmpd."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.cli.inspect_device import command
from probes.snmp import ber
from probes.snmp.ber import Tag, Value
from probes.snmp.identityrules import FACTS
from tests.lab.snmpd import Snmpd
from tests.probes.snmp.agents import UdpAgent, serving, silent, switch, ups

ENTITY = "1.3.6.1.2.1.47.1.1.1.1"
DEVICE: dict[str, tuple[int, Value]] = switch(2) | {
    "1.3.6.1.2.1.1.1.0": (
        Tag.OCTET_STRING, b"Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E3, RELEASE",
    ),
    "1.3.6.1.2.1.1.2.0": (Tag.OID, ber.encode_oid("1.3.6.1.4.1.9.1.1208")),
    f"{ENTITY}.4.1": (Tag.INTEGER, 0),
    f"{ENTITY}.5.1": (Tag.INTEGER, 3),
    f"{ENTITY}.7.1": (Tag.OCTET_STRING, b"Switch 1"),
    f"{ENTITY}.11.1": (Tag.OCTET_STRING, b"FOC0001A0AA"),
    f"{ENTITY}.13.1": (Tag.OCTET_STRING, b"WS-C2960X-48FPS-L"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep this host's own configuration out of it."""
    monkeypatch.delenv("LINEWARDEN_CONFIG", raising=False)
    monkeypatch.setattr("agent.cli.snmp_target.DEFAULT_CONFIG", tmp_path / "none.yaml")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_a_switch_is_told_in_a_line_and_each_fact_with_its_source() -> None:
    with serving(DEVICE) as agent:
        result = run(f"127.0.0.1:{agent.port}")
    assert result.exit_code == 0
    first, *rest = result.stdout.splitlines()
    assert first == (
        f"127.0.0.1:{agent.port}: Cisco WS-C2960X-48FPS-L, switch, Cisco IOS 15.2(7)E3, serial FOC0001A0AA"
    )
    lines = [line.split() for line in rest]
    assert ["serial", "FOC0001A0AA", "stated", "ENTITY-MIB", "entPhysicalSerialNum", "of", "entity", "1"] in lines
    assert ["software_version", "15.2(7)E3", "derived", "SNMPv2-MIB", "sysDescr,", "rule", "cisco_ios"] in lines
    assert ["chassis", "Switch", "1", "WS-C2960X-48FPS-L", "FOC0001A0AA"] in lines
    assert ["1", "Gi1/0/1", "up", "up", "1Gbit/s", "uplink"] in lines
    assert "packets; rules: cisco_ios, cisco_catalyst" in result.stderr


def test_json_has_every_key_and_null_for_what_is_not_known() -> None:
    with serving(DEVICE) as agent:
        result = run(f"127.0.0.1:{agent.port}", "--json")
        assert len(agent.requests) < 30
    document = json.loads(result.stdout)
    assert result.stderr == ""
    assert set(FACTS) | {"facts", "entities", "interfaces", "sensors"} <= set(document)
    assert document["serial"] == "FOC0001A0AA"
    assert document["manufactured"] is None
    assert {fact["name"]: fact["confidence"] for fact in document["facts"]}["model"] == "stated"
    assert all(fact["source"] for fact in document["facts"])
    assert document["entities"][0]["physical_class"] == "chassis"
    assert [one["name"] for one in document["interfaces"]] == ["Gi1/0/1", "Gi1/0/2"]
    assert document["problems"] == []


def test_several_are_asked_at_once_and_the_worst_code_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.cli.inspect_device._SEARCH_SECONDS", 0.1)
    with serving(DEVICE) as first, serving(ups()) as second, UdpAgent(silent) as third:
        ports = [agent.port for agent in (first, second, third)]
        result = run(*(f"127.0.0.1:{port}" for port in ports), "--version", "2c", "--json")
        good = run(*(f"127.0.0.1:{port}" for port in ports[:2]))
    assert result.exit_code == 1
    documents = {one["address"]: one for one in map(json.loads, result.stdout.splitlines())}
    assert [documents[f"127.0.0.1:{port}"]["vendor"] for port in ports] == ["Cisco", "Examplepower", None]
    assert good.exit_code == 0
    assert good.stdout.count("known by") == 2


def test_a_ups_shows_what_it_measures() -> None:
    with serving(ups()) as agent:
        result = run(f"127.0.0.1:{agent.port}", "--version", "1")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"127.0.0.1:{agent.port}: Examplepower Tower 1500, ups")
    assert "\nsensors\n" in result.stdout


def test_what_a_device_says_does_not_move_the_cursor() -> None:
    hostile = {"1.3.6.1.2.1.33.1.1.2.0": (Tag.OCTET_STRING, b"Tower\x1b[2J 1500\x07")}
    with serving(ups() | hostile) as agent:
        result = run(f"127.0.0.1:{agent.port}")
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout


def test_no_answer_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.cli.inspect_device._SEARCH_SECONDS", 0.1)
    with UdpAgent(silent) as agent:
        result = run(f"127.0.0.1:{agent.port}")
        document = json.loads(run(f"127.0.0.1:{agent.port}", "--json", "--version", "2c").stdout)
    assert result.exit_code == 1
    assert "no answer" in result.stderr
    assert document["vendor"] is None
    assert document["facts"] == []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    assert run(f"127.0.0.1:{port}").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("127.0.0.1:99999",), 2, "a port from 1 to 65535"),
        (("127.0.0.1", "--auth", "x", "--community", "y"), 2, "give one of --auth"),
        (("no.such.host.invalid",), 3, "has no address"),
    ],
)
def test_what_cannot_be_asked_is_refused(arguments: tuple[str, ...], code: int, said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == code
    assert said in result.stderr


def test_an_agent_of_net_snmp_is_a_host(daemon: Snmpd) -> None:
    result = run(f"127.0.0.1:{daemon.port}", "--community", "public", "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["interfaces"]
    assert document["operating_system"] in (None, "Linux")
    assert document["serial"] is None


def test_it_is_a_command_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent.cli", "inspect", "--help"], capture_output=True, text=True, check=True
    )
    assert "linewarden inspect 10.20.1.2" in done.stdout
    assert "Exit codes: 0 answered" in done.stdout

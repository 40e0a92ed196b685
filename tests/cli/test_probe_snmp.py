"""`linewarden probe snmp` against simulated devices."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.cli.probe_snmp import command
from probes.snmp import ber
from tests.probes.snmp.agents import Mib, UdpAgent, serving, silent, switch, ups


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_a_switch_is_explained() -> None:
    with serving(switch(3)) as agent:
        result = run(f"127.0.0.1:{agent.port}")
    assert result.exit_code == 0
    assert f"asking 127.0.0.1:{agent.port} with SNMP v2c and the community 'public'" in result.stderr
    assert "1 of 3 interfaces up; 89 objects in " in result.stderr
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["system_name", "sw1", "SNMPv2-MIB", "sysName"] in lines
    assert ["1", "Gi1/0/1", "up", "up", "1Gbit/s", "uplink"] in lines
    assert ["2", "Gi1/0/2", "up", "down", "1Gbit/s"] in lines


def test_a_ups_shows_its_battery() -> None:
    with serving(ups()) as agent:
        result = run(f"127.0.0.1:{agent.port}", "--version", "1")
        assert all(request.version == 0 for request in agent.requests)
    assert result.exit_code == 0
    assert "SNMP v1" in result.stderr
    shown = {line.split()[0]: line for line in result.stdout.splitlines() if line.startswith("  ")}
    assert "yes  UPS-MIB upsAlarmBatteryBad" in shown["battery_replace"]
    assert "4 min" in shown["battery_seconds_left"]
    assert "81%" in shown["battery_charge_ratio"]


def test_json_is_one_document_on_stdout_and_nothing_else() -> None:
    with serving(switch(2)) as agent:
        result = run(f"127.0.0.1:{agent.port}", "--json", "--modules", "system, if_mib")
    document = json.loads(result.stdout)
    assert result.stderr == ""
    assert document["outcome"] == "ok"
    assert document["interfaces"][0]["name"] == "Gi1/0/1"
    assert {"name": "system_name", "value": "sw1", "source": "SNMPv2-MIB sysName"} in document["facts"]


def test_silence_is_explained() -> None:
    with UdpAgent(silent) as agent:
        result = run(f"127.0.0.1:{agent.port}", "--community", "s3cret", "--timeout", "500ms")
    assert result.exit_code == 1
    assert "--community is visible in the process list" in result.stderr
    assert "a wrong community is answered by silence" in result.stderr
    assert "s3cret" not in result.output
    assert result.stdout == ""


def test_an_incomplete_answer_is_shown_with_what_is_missing() -> None:
    with UdpAgent(lambda request, data: [ber.encode_response(request, request.varbinds, 5, 1)]) as agent:
        result = run(f"127.0.0.1:{agent.port}")
    assert result.exit_code == 1
    assert "answered, and showed none of the objects asked for: genErr for 1.3.6.1.2.1.1.3.0; " in result.stderr


def test_the_community_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "community"
    file.write_text("s3cret\n")
    with UdpAgent(Mib(switch(1)).answer) as agent:
        assert run(f"127.0.0.1:{agent.port}", "--community-file", str(file)).exit_code == 0
        assert {request.community for request in agent.requests} == {b"s3cret"}
    file.write_text("")
    assert "a community in its first line expected" in run("127.0.0.1", "--community-file", str(file)).stderr
    assert "No such file" in run("127.0.0.1", "--community-file", str(tmp_path / "none")).stderr


def test_a_device_of_the_configuration_is_asked_as_configured(tmp_path: Path) -> None:
    file = tmp_path / "linewarden.yaml"
    (tmp_path / "community").write_text("s3cret")
    with serving(switch(1)) as agent:
        file.write_text(
            f"""
            snmp: {{auths: {{closed: {{version: 1, community: {{file: {tmp_path}/community}}}}}}}}
            sites: [{{name: bcw}}]
            devices:
              - name: sw1
                kind: switch
                site: bcw
                address: 127.0.0.1
                snmp: {{auth: closed, port: {agent.port}, modules: [system], timeout: 10s}}
            """
        )
        configured = run("sw1", "--config", str(file))
        by_auth = run(f"127.0.0.1:{agent.port}", "--config", str(file), "--auth", "closed")
        other = run("sw1", "--config", str(file), "--auth", "open")
        assert {(request.version, request.community) for request in agent.requests} == {(0, b"s3cret")}
    assert (configured.exit_code, by_auth.exit_code, other.exit_code) == (0, 0, 2), configured.output + by_auth.output
    assert "the auth 'closed'" in configured.stderr
    assert "interfaces" not in configured.stdout
    assert "has no such auth; there are: closed" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["127.0.0.1:0"], "expected TARGET[:PORT] with a port from 1 to 65535"),
        (["127.0.0.1:1:x"], "expected TARGET[:PORT]"),
        (["[::1]x"], "expected [ADDRESS]:PORT"),
        (["127.0.0.1", "--auth", "x"], "give --config FILE too"),
        (["127.0.0.1", "--community", "x", "--community-file", "y"], "give one of"),
        (["127.0.0.1", "--modules", "ifmib"], "no SNMP module 'ifmib'; did you mean 'if_mib'?"),
        (["127.0.0.1", "--timeout", "5"], "--timeout: Value error, expected a duration with its unit"),
        (["127.0.0.1", "--config", "/nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_usage_errors_exit_2_and_say_what_was_expected(arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize("target", ["::1", "[::1]", "[::1]:161"])
def test_ipv6_targets(target: str) -> None:
    from agent.cli.probe_snmp import _split

    assert _split(target) == ("::1", 161)
    assert _split("[2001:db8::2]:1161") == ("2001:db8::2", 1161)


def test_what_cannot_be_asked_exits_3() -> None:
    result = run("255.255.255.255:9")
    assert result.exit_code == 3
    assert "could not be measured" in result.stderr

"""`linewarden probe snmp` against simulated devices."""

import json
import re
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.cli.probe_snmp import command
from agent.cli.snmp_target import split
from probes.snmp import ber
from probes.snmp.ber import Message, Tag, Value
from tests.lab.snmpd import Snmpd
from tests.probes.snmp.agents import SYSTEM, Mib, UdpAgent, serving, silent, switch, ups


@pytest.fixture(autouse=True)
def no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep this host's own configuration out of it."""
    monkeypatch.delenv("LINEWARDEN_CONFIG", raising=False)
    monkeypatch.setattr("agent.cli.snmp_target.DEFAULT_CONFIG", tmp_path / "none.yaml")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_a_switch_is_explained() -> None:
    with serving(switch(3)) as agent:
        result = run(f"127.0.0.1:{agent.port}")
    assert result.exit_code == 0
    assert f"asking 127.0.0.1:{agent.port} with SNMP v2c, then v1 and the community 'public'" in result.stderr
    assert "default (v2c): answered" in result.stderr
    assert "1 of 3 interfaces up; 89 objects in " in result.stderr
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["system_name", "sw1", "SNMPv2-MIB", "sysName"] in lines
    assert ["1", "Gi1/0/1", "up", "up", "1Gbit/s", "uplink"] in lines
    assert ["2", "Gi1/0/2", "up", "down", "1Gbit/s"] in lines
    assert "further series" not in result.stdout  # of interfaces the table has what there is


def test_a_ups_shows_its_battery() -> None:
    with serving(ups()) as agent:
        result = run(f"127.0.0.1:{agent.port}", "--version", "1")
        assert all(request.version == 0 for request in agent.requests)
    assert result.exit_code == 0
    assert "SNMP v1" in result.stderr
    shown = {line.split()[0]: line for line in result.stdout.splitlines() if line.startswith("  ")}
    assert shown["battery_replace"].split() == ["battery_replace", "yes", "UPS-MIB", "upsAlarmBatteryBad"]
    assert "4 min" in shown["battery_seconds_left"]
    assert "81%" in shown["battery_charge_ratio"]
    sensors = [line.split() for line in result.stdout.partition("\nsensors\n")[2].splitlines()]
    assert ["battery", "voltage", "voltage", "27.4", "V", "UPS-MIB"] in sensors
    assert ["output", "load", "1", "load", "38", "%", "UPS-MIB"] in sensors


CISCO: dict[str, tuple[int, Value]] = {
    "1.3.6.1.2.1.1.2.0": (Tag.OID, ber.encode_oid("1.3.6.1.4.1.9.1.1208")),
    "1.3.6.1.4.1.9.9.48.1.1.1.5.1": (Tag.GAUGE32, 1000),
    "1.3.6.1.4.1.318.1.1.1.1.1.1.0": (Tag.OCTET_STRING, b"not asked of this maker"),
}


def read_by(result: Result) -> str:
    return result.stdout.partition("\nread by\n")[2].partition("\ninterfaces\n")[0]


def test_it_says_which_modules_were_chosen_and_why() -> None:
    with serving(switch(2) | CISCO) as agent:
        result = run(f"127.0.0.1:{agent.port}")
    chosen = read_by(result)
    assert re.search(r"^  system +every device is read by it$", chosen, re.MULTILINE)
    why = r"answers below 1.3.6.1.4.1.9.9.48.1.1.1; asked since its sysObjectID begins with 1.3.6.1.4.1.9"
    assert re.search(rf"^  cisco_memory +{re.escape(why)}$", chosen, re.MULTILINE)
    absent = " ".join(chosen.partition("asked about, and not there: ")[2].split())
    assert {"ups_mib", "cisco_cpu"} <= set(absent.split(", "))
    assert "apc_ups" not in chosen


def test_of_an_unknown_maker_all_makers_modules_are_asked_about() -> None:
    unknown = CISCO | {"1.3.6.1.2.1.1.2.0": (Tag.OID, ber.encode_oid("1.3.6.1.4.1.99999.1"))}
    with serving(switch(2) | unknown) as agent:
        chosen = read_by(run(f"127.0.0.1:{agent.port}"))
    assert re.search(r"^  apc_ups +answers below 1.3.6.1.4.1.318.1.1.1; asked since its sysObjectID tells no maker$",
                     chosen, re.MULTILINE)  # fmt: skip
    assert re.search(r", \d\d modules of makers$", " ".join(chosen.split()))


def test_modules_that_were_named_are_not_chosen(tmp_path: Path) -> None:
    with serving(switch(2) | CISCO) as agent:
        named = run(f"127.0.0.1:{agent.port}", "--modules", "system,if_mib")
        document = json.loads(run(f"127.0.0.1:{agent.port}", "--modules", "system", "--json").stdout)
        chosen = json.loads(run(f"127.0.0.1:{agent.port}", "--json").stdout)
        file = tmp_path / "linewarden.yaml"
        file.write_text(
            f"""
            snmp: {{auths: {{open: {{version: 2, community: public}}}}}}
            sites: [{{name: bcw}}]
            devices:
              - {{name: sw1, kind: switch, site: bcw, address: 127.0.0.1,
                  snmp: {{auth: open, port: {agent.port}, modules: [system]}}}}
            """
        )
        configured = run("sw1", "--config", str(file))
    assert re.findall(r"^  (\w+) +--modules names it$", read_by(named), re.MULTILINE) == ["system", "if_mib"]
    assert "not there" not in read_by(named)
    assert document["modules"] == [{"name": "system", "why": "--modules names it"}]
    assert re.search(r"^  system +the configuration names it$", configured.stdout, re.MULTILINE)
    assert [module["name"] for module in chosen["modules"]] == ["system", "if_mib", "cisco_memory"]
    assert "entity" in chosen["modules_absent"]


def test_a_device_that_cannot_be_asked_what_it_has_is_shown_all_the_same() -> None:
    mib = Mib(switch(2))

    def answer(request: Message, data: bytes) -> list[bytes]:
        return silent(request, data) if request.pdu == ber.Pdu.GETNEXT else mib.answer(request, data)

    with UdpAgent(answer) as agent:
        result = run(f"127.0.0.1:{agent.port}", "--timeout", "10s")
    assert result.exit_code == 0
    assert "what else it has could not be asked: no answer from " in result.stderr
    assert re.findall(r"^  (\w+) +every device", read_by(result), re.MULTILINE) == ["system", "if_mib"]


def test_json_is_one_document_on_stdout_and_nothing_else() -> None:
    with serving(switch(2)) as agent:
        result = run(f"127.0.0.1:{agent.port}", "--json", "--modules", "system, if_mib")
    document = json.loads(result.stdout)
    assert result.stderr == ""
    assert document["outcome"] == "ok"
    assert document["interfaces"][0]["name"] == "Gi1/0/1"
    stated = {"name": "system_name", "value": "sw1", "source": "SNMPv2-MIB sysName", "confidence": "stated"}
    assert stated in document["facts"]


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
    assert split(target) == ("::1", 161)
    assert split("[2001:db8::2]:1161") == ("2001:db8::2", 1161)


def test_what_cannot_be_asked_exits_3() -> None:
    result = run("255.255.255.255:9")
    assert result.exit_code == 3
    assert "could not be asked" in result.stderr


def entity_sensors() -> dict[str, tuple[int, Value]]:
    """Return a device with a temperature, a fan that has failed, and a power supply's state."""
    out: dict[str, tuple[int, Value]] = dict(SYSTEM)
    rows = ((1001, b"Inlet", 8, 8, 0, 23500, 1), (1002, b"Fan 1", 10, 9, 0, 0, 3), (1003, b"", 12, 9, 0, 2, 1))
    for index, name, *columns in rows:
        out[f"1.3.6.1.2.1.47.1.1.1.1.2.{index}"] = (Tag.OCTET_STRING, b"PSU 1 \x1b[31mok")
        out[f"1.3.6.1.2.1.47.1.1.1.1.7.{index}"] = (Tag.OCTET_STRING, name)
        for column, value in enumerate(columns, start=1):
            out[f"1.3.6.1.2.1.99.1.1.1.{column}.{index}"] = (Tag.INTEGER, value)
    return out


def test_sensors_of_entity_sensor_mib_are_a_table_too() -> None:
    with serving(entity_sensors()) as agent:
        result = run(f"127.0.0.1:{agent.port}")
        document = json.loads(run(f"127.0.0.1:{agent.port}", "--json").stdout)
        less = run(f"127.0.0.1:{agent.port}", "--modules", "system")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["Inlet", "temperature", "23.5", "°C", "ok", "ENTITY-SENSOR-MIB"] in lines
    assert ["Fan", "1", "fan", "-", "nonoperational", "ENTITY-SENSOR-MIB"] in lines
    assert ["PSU", "1", "[31mok", "state", "false", "ok", "ENTITY-SENSOR-MIB"] in lines
    assert document["sensors"][0] == {
        "name": "Inlet", "kind": "temperature", "value": 23.5, "unit": "°C", "status": "ok",
        "source": "ENTITY-SENSOR-MIB",
    }  # fmt: skip
    assert "sensors" not in less.stdout
    assert "\x1b" not in result.output


def test_v1_is_tried_where_v2c_is_silent() -> None:
    mib = Mib(switch(1))
    with UdpAgent(lambda request, data: mib.answer(request) if request.version == 0 else []) as agent:
        result = run(f"127.0.0.1:{agent.port}", "--timeout", "4s")
    assert result.exit_code == 0, result.output
    assert "default (v2c): no answer" in result.stderr
    assert "default (v1): answered" in result.stderr
    assert "1 of 1 interfaces up" in result.stderr


CONFIGURED = """
snmp:
  auths:
    first: {{version: 2, community: {{file: first}}}}
    second: {{version: 2, community: {{file: second}}}}
    same: {{version: 2, community: {{file: second}}}}
    gone: {{version: 2, community: {{file: gone}}}}
devices: [{{name: sw1, kind: switch, address: 127.0.0.1, snmp: {{auth: second, port: {port}, timeout: 3s}}}}]
"""


def configured(folder: Path, port: int) -> Path:
    (folder / "first").write_text("f1rst-secret")
    (folder / "second").write_text("s3cond-secret")
    file = folder / "linewarden.yaml"
    file.write_text(CONFIGURED.format(port=port))
    return file


def only(community: bytes, request: Message, data: bytes) -> list[bytes]:
    return Mib(switch(1)).answer(request) if request.community == community else []


def test_the_auth_is_found_among_those_of_the_configuration(tmp_path: Path) -> None:
    with UdpAgent(partial(only, b"s3cond-secret")) as agent:
        file = configured(tmp_path, agent.port + 1)  # the device of the file is another one
        result = run(f"127.0.0.1:{agent.port}", "--config", str(file), "--timeout", "5s")
        tried = list(dict.fromkeys(request.community for request in agent.requests))
    assert result.exit_code == 0, result.output
    assert tried == [b"f1rst-secret", b"s3cond-secret"]
    assert "first (v2c): no answer" in result.stderr
    assert "second (v2c): answered" in result.stderr
    assert "-secret" not in result.output


def test_where_none_is_taken_all_are_listed_with_why(tmp_path: Path) -> None:
    with UdpAgent(silent) as agent:
        file = configured(tmp_path, agent.port + 1)
        result = run(f"127.0.0.1:{agent.port}", "--config", str(file), "--timeout", "1s")
        as_json = run(f"127.0.0.1:{agent.port}", "--config", str(file), "--timeout", "1s", "--json")
    assert (result.exit_code, as_json.exit_code) == (1, 1)
    assert "gone (v2c): not tried: it cannot be used: community: the secret's file" in result.stderr
    assert result.stderr.count("a wrong community is answered by silence") == 1
    document = json.loads(as_json.stdout)
    assert [attempt["error"] for attempt in document["attempts"]] == ["SnmpTimeout", "SnmpTimeout", None]
    assert document["auth"] is None


def test_a_device_is_known_by_its_address_too(tmp_path: Path) -> None:
    with UdpAgent(partial(only, b"s3cond-secret")) as agent:
        file = configured(tmp_path, agent.port)
        result = run(f"127.0.0.1:{agent.port}", "--config", str(file))
        assert {request.community for request in agent.requests} == {b"s3cond-secret"}
    assert result.exit_code == 0
    assert "the auth 'second' of its configuration" in result.stderr


def test_a_device_that_answers_from_elsewhere_is_heard_where_the_configuration_allows_it(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere, UdpAgent(silent) as agent:
        mib = Mib(switch(1))

        def answer(request: Message, data: bytes) -> list[bytes]:
            for datagram in mib.answer(request):
                elsewhere.sendto(datagram, agent.sender)
            return []

        agent.answer = answer
        file = configured(tmp_path, agent.port)
        refused = run("sw1", "--config", str(file), "--timeout", "1s")
        file.write_text(file.read_text().replace("auth: second,", "auth: second, any_source: true,"))
        heard = run("sw1", "--config", str(file))
    assert (refused.exit_code, heard.exit_code) == (1, 0), heard.output


def test_the_installed_configuration_is_used_and_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with UdpAgent(partial(only, b"s3cond-secret")) as agent:
        monkeypatch.setattr("agent.cli.snmp_target.DEFAULT_CONFIG", configured(tmp_path, agent.port))
        assert run("sw1").exit_code == 0
        (tmp_path / "bad.yaml").write_text("snpm: {}")
        monkeypatch.setattr("agent.cli.snmp_target.DEFAULT_CONFIG", tmp_path / "bad.yaml")
        without = run(f"127.0.0.1:{agent.port}", "--timeout", "500ms")
        monkeypatch.setenv("LINEWARDEN_CONFIG", str(tmp_path / "bad.yaml"))
        named = run(f"127.0.0.1:{agent.port}")
    assert without.exit_code == 1
    assert "warning: going on without" in without.stderr
    assert "the community 'public'" in without.stderr
    assert named.exit_code == 2
    assert "did you mean 'snmp'?" in named.stderr


def test_a_port_where_nobody_listens_ends_the_search() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    result = run(f"127.0.0.1:{port}", "--timeout", "3s")
    assert result.exit_code == 1
    assert "port unreachable: no SNMP agent listens there" in result.stderr
    assert "(v1)" not in result.stderr


def test_a_name_without_an_address_is_this_hosts_trouble() -> None:
    result = run("no-such-name.invalid", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["attempts"][0]["error"] == "SnmpLocalError"


def test_colours_are_for_terminals_alone() -> None:
    with serving(switch(2)) as agent:
        plain = run(f"127.0.0.1:{agent.port}")
        coloured = CliRunner().invoke(command, [f"127.0.0.1:{agent.port}"], color=True)
    assert "\x1b[" not in plain.output
    assert "\x1b[31mdown\x1b[0m" in coloured.stdout


def test_what_a_module_of_the_command_line_reads_is_shown(tmp_path: Path) -> None:
    with serving(switch(1) | {"1.3.6.1.2.1.33.1.2.4.0": (Tag.INTEGER, 81)}) as agent:
        file = tmp_path / "linewarden.yaml"
        file.write_text("multitarget: {modules: [fans.yml]}\n")
        (tmp_path / "fans.yml").write_text(
            "modules: {fans: {walk: [1.3.6.1.2.1.2.2.1.7], metrics: [{name: fanState, oid: 1.3.6.1.2.1.2.2.1.7, "
            "type: EnumAsStateSet, help: x, enum_values: {1: ok, 2: stuck}, "
            "indexes: [{labelname: fan, type: gauge}]}]}}"
        )
        result = run(f"127.0.0.1:{agent.port}", "--config", str(file), "--modules", "fans", "--community", "x")
    assert ["fanState", "1", 'fan="1",fanState="ok"'] in [line.split() for line in result.stdout.splitlines()]
    assert "stuck" not in result.stdout


def test_a_real_agent(daemon: Snmpd) -> None:
    result = run(daemon.address)
    assert result.exit_code == 0, result.output
    assert ["system_name", "lab-agent", "SNMPv2-MIB", "sysName"] in [
        line.split() for line in result.stdout.splitlines()
    ]
    wrong = run(daemon.address, "--community", "wr0ng", "--timeout", "1s")
    assert wrong.exit_code == 1
    assert "a wrong community looks the same" in wrong.stderr
    assert "wr0ng" not in wrong.output


def test_help_is_quick_and_has_examples() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "agent.cli", "probe", "snmp", "--help"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "linewarden probe snmp 10.20.1.2" in done.stdout
    assert not re.search(r"\b(numpy|yaml|pysmi|pysnmp|pydantic_core)$", done.stderr, re.MULTILINE)

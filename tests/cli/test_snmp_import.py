"""`linewarden snmp import`: which modules load, what they cost, and the configuration that uses the file."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from agent.cli import main
from agent.config import load
from probes.snmp.ber import Message, Tag, encode_oid, encode_response
from tests.lab.snmpd import Snmpd
from tests.probes.snmp.agents import Mib, UdpAgent, serving, silent, switch

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "snmp_exporter" / "snmp.yml"
GOOD = """\
auths:
  public_v1: {community: public, version: 1}
  public_v2: {community: public, version: 2}
modules:
  ports:
    walk:
    - 1.3.6.1.2.1.2.2.1.8
    - 1.3.6.1.2.1.31.1.1.1.1
    metrics:
    - name: ifOperStatus
      oid: 1.3.6.1.2.1.2.2.1.8
      type: gauge
      help: State
      indexes: [{labelname: ifIndex, type: gauge}]
      lookups:
      - {labels: [ifIndex], labelname: ifName, oid: 1.3.6.1.2.1.31.1.1.1.1, type: DisplayString}
  uptime:
    get: [1.3.6.1.2.1.1.3.0]
    metrics:
    - {name: sysUpTime, oid: 1.3.6.1.2.1.1.3, type: gauge, help: Time}
  absent:
    walk: [1.3.6.1.4.1.99999]
    metrics:
    - {name: nothing, oid: 1.3.6.1.4.1.99999.1, type: gauge, help: Nothing}
"""
BROKEN = """\
modules:
  good:
    get: [1.3.6.1.2.1.1.3.0]
    metrics:
    - {name: sysUpTime, oid: 1.3.6.1.2.1.1.3, type: gauge, help: Time}
  mistyped:
    walk: [1.3.6.1.2.1.2]
    metrics:
    - name: ifMtu
      oid: 1.3.6.1.2.1.2.2.1.4
      type: guage
  misspelt:
    wlak: [1.3.6.1.2.1.2]
"""


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep this host's configuration out of it."""
    monkeypatch.delenv("LINEWARDEN_CONFIG", raising=False)
    monkeypatch.setattr("agent.cli.snmp_target.DEFAULT_CONFIG", tmp_path / "none.yaml")


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["snmp", "import", *words], catch_exceptions=False)


def written(folder: Path, text: str) -> str:
    file = folder / "snmp.yml"
    file.write_text(text)
    return str(file)


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_modules_that_load_and_the_lines_of_configuration(tmp_path: Path) -> None:
    file = written(tmp_path, GOOD)
    result = run(file)
    assert result.exit_code == 0, result.output
    assert ["ports", "loads", "2", "0", "1"] in rows(result.stdout)
    assert f"{file}: 3 of 3 modules load" in result.stderr
    assert f"  multitarget: {{modules: [{file}]}}\n" in result.stdout
    assert "  snmp: {auth: public_v2, modules: [ports, uptime, absent]}\n" in result.stdout


def test_the_configuration_that_is_suggested_is_one_that_loads(tmp_path: Path) -> None:
    folder = tmp_path / "a 'dir', with: trouble"
    folder.mkdir()
    top, device = json.loads(run(written(folder, GOOD), "--json").stdout)["configuration"]
    config = tmp_path / "linewarden.yaml"
    config.write_text(f"{top}\ndevices:\n  - name: sw1\n    kind: switch\n    address: 10.0.0.1\n    {device}\n")
    loaded = load(config)
    assert [file.name for file in loaded.module_files] == ["snmp.yml"]
    (check,) = [check for check in loaded.estate.targets["sw1"].checks if check.type == "snmp"]
    assert getattr(check.settings, "modules", None) == ("ports", "uptime", "absent")


def test_what_does_not_load_is_told_with_its_line_and_the_likely_word(tmp_path: Path) -> None:
    file = written(tmp_path, BROKEN)
    result = run(file)
    assert result.exit_code == 1
    assert f"{file}:11: modules.mistyped.metrics[0].ifMtu.type: unknown type 'guage'" in result.stderr
    assert "did you mean 'gauge'?" in result.stderr
    assert f"{file}:13: modules.misspelt.wlak: unknown key; did you mean 'walk'?" in result.stderr
    assert ["good", "loads", "0", "1", "1"] in rows(result.stdout)
    assert ["mistyped", "does", "not", "load"] in rows(result.stdout)
    assert f"{file}: 1 of 3 modules load" in result.stderr
    assert run(file, "--module", "good").exit_code == 0
    document = json.loads(run(file, "--json").stdout)
    assert [bool(module["problem"]) for module in document["modules"]] == [False, True, True]


def test_what_each_module_costs_on_a_device(tmp_path: Path) -> None:
    file = written(tmp_path, GOOD)
    with serving(switch(40)) as agent:
        result = run(file, "--target", f"127.0.0.1:{agent.port}", "--version", "2c")
        document = json.loads(run(file, "--target", f"127.0.0.1:{agent.port}", "--json", "--version", "2c").stdout)
    assert result.exit_code == 0, result.output
    costs = {row[0]: row[1:4] for row in rows(result.stdout.partition("PACKETS")[2]) if len(row) > 3}
    # two columns of 40 rows in answers of 25; the first column's last answer brings rows of others
    assert costs["ports"][1:] == ["80", "40"]
    assert costs["uptime"] == ["1", "1", "1"]
    assert costs["absent"][1:] == ["0", "0"]
    assert "nothing of it here" in result.stdout
    assert "  snmp: {auth: public_v2, modules: [ports, uptime]}\n" in result.stdout
    assert {cost["module"]: cost["series"] for cost in document["costs"]} == {"ports": 40, "uptime": 1, "absent": 0}
    assert document["auth"] == "default"


def test_filters_are_obeyed_and_told(tmp_path: Path) -> None:
    filtered = """
    filters:
    - {oid: 1.3.6.1.2.1.31.1.1.1.1, targets: [1.3.6.1.2.1.2.2.1.8], values: ["/7$", "/1[12]$"]}
"""
    file = written(tmp_path, GOOD.replace("  uptime:", filtered.lstrip("\n") + "  uptime:"))
    with serving(switch(400)) as agent:
        target = f"127.0.0.1:{agent.port}"
        result = run(file, "--target", target, "--version", "2c")
        document = json.loads(run(file, "--target", target, "--json", "--version", "2c").stdout)
        agent.requests.clear()
        run(file, "--target", target, "--version", "2c", "--module", "uptime")
        others = len(agent.requests) - 1
        agent.requests.clear()
        run(file, "--target", target, "--version", "2c", "--module", "ports", "--json")
        asked = len(agent.requests) - others
    assert result.exit_code == 0, result.output
    assert ["ports", "loads", "2", "0", "1", "1"] in rows(result.stdout)
    assert ["uptime", "loads", "0", "1", "1", "0"] in rows(result.stdout)
    (ports, uptime, _) = document["costs"]
    assert (ports["series"], ports["varbinds"]) == (3, 2 * 400 + 3)  # names twice: to choose rows, and as labels
    assert ports["packets"] + ports["unfiltered_packets"] == asked
    assert 400 / 25 <= ports["filter_packets"] < ports["packets"]
    assert (uptime["filter_packets"], uptime["unfiltered_packets"]) == (0, None)
    remark = f"filters took {ports['filter_packets']} of the packets; without them {ports['unfiltered_packets']}"
    assert result.stdout.count(remark) == 1
    assert result.stdout.count("filters took") == 1


def test_a_filter_whose_column_cannot_be_read_filters_nothing(tmp_path: Path) -> None:
    filtered = '    filters: [{oid: 1.3.6.1.4.1.5, targets: [1.3.6.1.2.1.2.2.1.8], values: ["x"]}]\n'
    file = written(tmp_path, GOOD.replace("  uptime:", filtered + "  uptime:"))
    mib = Mib(switch(4))

    def answer(request: Message, data: bytes) -> list[bytes]:
        if request.varbinds[0][0].startswith(encode_oid("1.3.6.1.4.1.5")):
            return [encode_response(request, request.varbinds, 5, 1)]
        return mib.answer(request, data)

    with UdpAgent(answer) as agent:
        words = (file, "--target", f"127.0.0.1:{agent.port}", "--version", "2c", "--module", "ports", "--json")
        (cost,) = json.loads(run(*words).stdout)["costs"]
    assert (cost["series"], cost["filter_packets"], cost["problem"]) == (4, 1, "")


def test_the_auths_of_the_file_are_tried(tmp_path: Path) -> None:
    file = written(tmp_path, GOOD.replace("{community: public, version: 2}", "{community: fr0m-file, version: 2}"))
    with serving(switch(1)) as agent:
        found = run(file, "--target", f"127.0.0.1:{agent.port}", "--module", "uptime")
        named = run(file, "--target", f"127.0.0.1:{agent.port}", "--module", "uptime", "--auth", "public_v1")
        unknown = run(file, "--target", f"127.0.0.1:{agent.port}", "--auth", "core")
        asked = [(request.version, request.community) for request in agent.requests]
    assert (found.exit_code, named.exit_code, unknown.exit_code) == (0, 0, 2), found.output + named.output
    assert (asked[0], asked[-1]) == ((1, b"fr0m-file"), (0, b"public"))
    assert "answers to the auth 'public_v2'" in found.stderr
    assert "has no such auth; there are: public_v1, public_v2" in unknown.stderr
    assert "fr0m-file" not in found.output + json.dumps(run(file, "--json").stdout)


def test_a_device_that_does_not_answer(tmp_path: Path) -> None:
    with UdpAgent(silent) as agent:
        pass  # its port is closed now
    result = run(written(tmp_path, GOOD), "--target", f"127.0.0.1:{agent.port}", "--version", "2c")
    assert result.exit_code == 1
    assert "no SNMP agent listens there" in result.stderr
    assert "PACKETS" not in result.stdout
    assert run(written(tmp_path, GOOD), "--target", "no-such-name.invalid").exit_code == 3


def test_a_module_that_is_not_read_to_its_end_says_so(tmp_path: Path) -> None:
    with serving({"1.3.6.1.2.1.1.3.0": (Tag.TIMETICKS, 5)}) as agent:
        honest = agent.answer
        agent.answer = lambda request, data: honest(request, data) if request.pdu == 0xA0 else []
        result = run(
            written(tmp_path, GOOD), "--target", f"127.0.0.1:{agent.port}", "--version", "2c", "--timeout", "300ms"
        )
    assert result.exit_code == 1
    assert "not read to its end within 0.3 s" in result.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("if_mib:\n  walk: [1.3]\n", "this is the format from before snmp_exporter 0.23"),
        ("x: 1\n", "expected `modules:` or `auths:`"),
        ("modules: [\n", "snmp.yml:2"),
        ("", "expected `modules:` or `auths:`"),
    ],
)
def test_what_is_no_such_file_is_told(tmp_path: Path, text: str, said: str) -> None:
    result = run(written(tmp_path, text))
    assert result.exit_code == 2
    assert said in result.stderr


def test_usage(tmp_path: Path) -> None:
    file = written(tmp_path, GOOD)
    assert "did you mean 'ports'?" in run(file, "--module", "prots").stderr
    assert run(str(tmp_path / "none.yml")).exit_code == 2
    assert run(file, "--timeout", "5").exit_code == 2


def test_a_file_with_auths_alone(tmp_path: Path) -> None:
    result = run(written(tmp_path, "auths: {public_v2: {version: 2}}\n"))
    assert result.exit_code == 0
    assert "0 of 0 modules load" in result.stderr
    assert "modules: [NAME]" in result.stdout


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="no snmp.yml of snmp_exporter beside the project")
def test_every_module_of_snmp_exporters_own_file(daemon: Snmpd) -> None:
    names = list(yaml.load(SHARED.read_text("utf-8"), Loader=yaml.CSafeLoader)["modules"])
    result = run(str(SHARED), "--target", daemon.address, "--json")
    document = json.loads(result.stdout)
    assert [module["name"] for module in document["modules"]] == names
    assert {module["problem"] for module in document["modules"]} == {""}
    costs = {cost["module"]: cost for cost in document["costs"]}
    assert costs["if_mib"]["series"] > 20
    assert costs["ucd_la_table"]["problem"] == ""
    assert result.exit_code == 0

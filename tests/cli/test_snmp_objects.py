"""`linewarden snmp get` and `walk`: against simulated agents, hostile ones, and net-snmp's own."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.cli import main
from probes.snmp import ber
from probes.snmp.ber import ErrorStatus, Message, Tag, Value
from tests.lab.snmpd import Snmpd
from tests.probes.snmp.agents import SYSTEM, Mib, UdpAgent, serving, silent, switch

ROOT = Path(__file__).parents[2]
MIBS = Path(__file__).parent / "mibs"
FANS = "1.3.6.1.4.1.32473.1"
EXAMPLE: dict[str, tuple[int, Value]] = {
    **SYSTEM,
    f"{FANS}.1.0": (Tag.INTEGER, 215),
    f"{FANS}.2.0": (Tag.OCTET_STRING, b"\x80\x40"),
    f"{FANS}.3.1.2.7": (Tag.INTEGER, 2),
    f"{FANS}.3.1.3.7": (Tag.OCTET_STRING, b"\x00\x1b\x54\x00\x00\x07"),
    f"{FANS}.9.0": (Tag.OCTET_STRING, b"red\x1b[31m\nline"),
}


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep this host's configuration and MIBs, and the user's cache, out of it."""
    monkeypatch.delenv("LINEWARDEN_CONFIG", raising=False)
    monkeypatch.setattr("agent.cli.snmp_target.DEFAULT_CONFIG", tmp_path / "none.yaml")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("MIBDIRS", str(tmp_path / "none"))


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["snmp", *words], catch_exceptions=False)


def test_get_by_name_and_number_with_values_as_people_read_them() -> None:
    with serving(switch(2)) as agent:
        target = f"127.0.0.1:{agent.port}"
        wanted = ["sysUpTime.0", "IF-MIB::ifOperStatus.2", "ifPhysAddress.1", "1.3.6.1.2.1.1.2.0", "ifAlias.1"]
        result = run("get", target, *wanted)
        numeric = run("get", target, *wanted[3:], "ifOperStatus.2", "--numeric")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "SNMPv2-MIB::sysUpTime.0 = 1 d (8640000)",
        "IF-MIB::ifOperStatus.2 = down(2)",
        "IF-MIB::ifPhysAddress.1 = 00:1b:54:00:00:01",
        "SNMPv2-MIB::sysObjectID.0 = SNMPv2-SMI::enterprises.9.1.1208",
        "IF-MIB::ifAlias.1 = uplink",
    ]
    assert numeric.stdout.splitlines() == [
        "1.3.6.1.2.1.1.2.0 = 1.3.6.1.4.1.9.1.1208",
        "1.3.6.1.2.1.31.1.1.1.18.1 = uplink",
        "1.3.6.1.2.1.2.2.1.8.2 = 2",
    ]


def test_a_mib_of_a_directory_names_what_a_device_has() -> None:
    with serving(EXAMPLE) as agent:
        result = run("walk", f"127.0.0.1:{agent.port}", "EXAMPLE-MIB::example", "--mib-dir", str(MIBS))
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "EXAMPLE-MIB::exampleTemperature.0 = 21.5 degrees Celsius",
        "EXAMPLE-MIB::exampleDoors.0 = front(0) roof(9)",
        "EXAMPLE-MIB::exampleFanState.7 = stuck(2)",
        "EXAMPLE-MIB::exampleFanMac.7 = 00:1b:54:00:00:07",
        "EXAMPLE-MIB::exampleObjects.9.0 = 72 65 64 1b 5b 33 31 6d 0a 6c 69 6e 65",
    ]


def test_what_a_device_says_moves_no_cursor() -> None:
    mib = {"1.3.6.1.2.1.1.5.0": (Tag.OCTET_STRING, b"a\nb\tc"), "1.3.6.1.2.1.1.6.0": (Tag.OCTET_STRING, b"\xc2\x9b31m")}
    with serving(mib) as agent:
        result = run("walk", f"127.0.0.1:{agent.port}", "system")
        numeric = run("walk", f"127.0.0.1:{agent.port}", "1.3.6.1.2.1.1", "--numeric")
    assert result.stdout == "SNMPv2-MIB::sysName.0 = a b c\nSNMPv2-MIB::sysLocation.0 = \ufffd31m\n"
    assert numeric.stdout == "1.3.6.1.2.1.1.5.0 = a b c\n1.3.6.1.2.1.1.6.0 = 0xc29b33316d\n"


def test_json_is_one_object_a_line() -> None:
    with serving(switch(1)) as agent:
        target = f"127.0.0.1:{agent.port}"
        got = run("get", target, "ifOperStatus.1", "--json")
        walked = run("walk", target, "ifXTable", "--json")
        numeric = run("walk", target, "system", "--json", "--numeric", "--max", "1")
    assert json.loads(got.stdout) == {
        "oid": "1.3.6.1.2.1.2.2.1.8.1", "name": "IF-MIB::ifOperStatus.1", "type": "Integer32", "value": 1,
        "text": "up(1)",
    }  # fmt: skip
    documents = [json.loads(line) for line in walked.stdout.splitlines()]
    assert len(documents) == 16
    assert documents[0]["value"] == "Gi1/0/1"
    assert set(json.loads(numeric.stdout)) == {"oid", "type", "value"}


@pytest.mark.parametrize("version", ["1", "2c"])
def test_what_is_not_there_is_told_and_the_rest_is_shown(version: str) -> None:
    with serving(switch(1)) as agent:
        target = f"127.0.0.1:{agent.port}"
        result = run("get", target, "sysName.0", "ifDescr.9", "sysUpTime", "--version", version)
    assert result.exit_code == 1
    assert result.stdout == "SNMPv2-MIB::sysName.0 = sw1\n"
    kind = "noSuchName" if version == "1" else "noSuchObject"
    assert f"IF-MIB::ifDescr.9: {kind}: the device has no such object" in result.stderr
    assert f"SNMPv2-MIB::sysUpTime: {kind}: an object's OID ends with its instance: sysUpTime.0" in result.stderr


def test_a_device_that_answers_with_errors() -> None:
    with UdpAgent(lambda request, data: [ber.encode_response(request, request.varbinds, 5, 1)]) as agent:
        got = run("get", f"127.0.0.1:{agent.port}", "sysName.0", "--version", "2c")
        walked = run("walk", f"127.0.0.1:{agent.port}", "system", "--version", "2c")
    assert (got.exit_code, walked.exit_code) == (1, 1)
    assert "not read: genErr for 1.3.6.1.2.1.1.5.0" in got.stderr
    assert "incomplete: 0 objects in 1 answers, then: genErr after 1.3.6.1.2.1.1" in walked.stderr


def test_a_walk_ends_at_max_and_asks_no_further() -> None:
    with serving(switch(20)) as agent:
        result = run(
            "walk", f"127.0.0.1:{agent.port}", "ifTable", "--max", "7", "--max-repetitions", "5", "--version", "2c"
        )
        requests = len(agent.requests)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 7
    assert requests == 2
    assert "ended after 7 objects, as --max says: there may be more" in result.stderr


class Ceasing:
    """Answers a number of requests and is silent then."""

    def __init__(self, answers: int) -> None:
        self._left = answers
        self._mib = Mib(switch(30))
        self._known: set[int] = set()

    def __call__(self, request: Message, data: bytes) -> list[bytes]:
        if request.request_id not in self._known and not self._left:
            return []
        self._left -= request.request_id not in self._known
        self._known.add(request.request_id)
        return self._mib.answer(request)


def test_a_walk_whose_answers_cease_says_how_far_it_came() -> None:
    with UdpAgent(Ceasing(2)) as agent:
        result = run(
            "walk", f"127.0.0.1:{agent.port}", "ifTable", "--version", "2c", "--timeout", "200ms", "--retries", "1"
        )
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 50
    assert f"incomplete: 50 objects in 2 answers, then: no answer from 127.0.0.1:{agent.port}" in result.stderr


def test_a_walk_that_goes_in_circles_is_ended() -> None:
    first = ber.encode_oid("1.3.6.1.2.1.2.2.1.2.1")

    def circle(request: Message, data: bytes) -> list[bytes]:
        return [ber.encode_response(request, [(first, Tag.OCTET_STRING, b"again")])]

    with UdpAgent(circle) as agent:
        result = run("walk", f"127.0.0.1:{agent.port}", "ifTable", "--version", "2c")
    assert result.exit_code == 1
    assert "then: OID does not increase: 1.3.6.1.2.1.2.2.1.2.1" in result.stderr


def test_a_walk_of_one_object_and_of_nothing() -> None:
    with serving(SYSTEM) as agent:
        one = run("walk", f"127.0.0.1:{agent.port}", "sysName.0")
        nothing = run("walk", f"127.0.0.1:{agent.port}", "ifTable")
        everything = run("walk", f"127.0.0.1:{agent.port}", ".1")
        by_default = run("walk", f"127.0.0.1:{agent.port}", "--version", "1")
    assert (one.exit_code, one.stdout) == (0, "SNMPv2-MIB::sysName.0 = sw1\n")
    assert (nothing.exit_code, nothing.stdout) == (1, "")
    assert "the device has nothing at or below IF-MIB::ifTable" in nothing.stderr
    assert len(everything.stdout.splitlines()) == len(by_default.stdout.splitlines()) == 7


@pytest.mark.parametrize("command", [("get", "sysName.0"), ("walk", "system")])
def test_silence_and_refusal_are_explained(command: tuple[str, str]) -> None:
    name, oid = command
    with UdpAgent(silent) as agent:
        result = run(
            name, f"127.0.0.1:{agent.port}", oid, "--timeout", "100ms", "--retries", "0", "--community", "s3cret"
        )
    closed = run(name, f"127.0.0.1:{agent.port}", oid, "--timeout", "100ms", "--retries", "0", "--version", "2c")
    nowhere = run(name, "no-such-name.invalid", oid)
    assert (result.exit_code, closed.exit_code, nowhere.exit_code) == (1, 1, 3)
    assert result.stderr.count("a wrong community looks the same") == 1
    assert "s3cret" not in result.output
    assert "no SNMP agent listens there" in closed.stderr
    assert "has no address" in nowhere.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["get", "127.0.0.1"], "Missing argument 'OID...'"),
        (["get", "127.0.0.1", "sysNme.0"], "nothing is called 'sysNme'; did you mean 'sysName'?"),
        (["get", "127.0.0.1", "1.x"], "expected an OID such as"),
        (["walk", "127.0.0.1:x", "1.3"], "expected TARGET[:PORT]"),
        (["walk", "127.0.0.1", "ifTabel"], "did you mean 'ifTable'?"),
        (["walk", "127.0.0.1", "1.3", "--mib-dir", "/nowhere"], "--mib-dir /nowhere: there is no such directory"),
        (["walk", "127.0.0.1", "1.3", "--timeout", "5"], "--timeout: expected a duration with its unit"),
        (["walk", "127.0.0.1", "1.3", "--auth", "x", "--version", "1"], "--version goes with a community"),
        (["wlak", "127.0.0.1"], "No such command 'wlak'; did you mean 'walk'?"),
    ],
)
def test_usage_errors_exit_2(words: list[str], said: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_an_auth_that_lacks_its_secret_is_told(tmp_path: Path) -> None:
    file = tmp_path / "linewarden.yaml"
    file.write_text("snmp: {auths: {closed: {version: 2, community: {file: gone}}}}\n")
    result = run("get", "127.0.0.1:9", "sysName.0", "--config", str(file), "--auth", "closed")
    assert result.exit_code == 3
    assert "closed (v2c): not tried: it cannot be used: community: the secret's file" in result.stderr


def test_a_real_agent_and_net_snmps_own_tool_agree(daemon: Snmpd) -> None:
    for subtree, oid in (("system", "1.3.6.1.2.1.1"), ("snmp", "1.3.6.1.2.1.11"), ("ifTable", "1.3.6.1.2.1.2.2")):
        ours = run("walk", daemon.address, subtree, "--numeric")
        command = ["snmpwalk", "-v2c", "-c", daemon.community, "-On", "-m", "", daemon.address, oid]
        theirs = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        oids = re.findall(r"^\.([\d.]+) = ", theirs, re.MULTILINE)
        assert [line.split(" = ")[0] for line in ours.stdout.splitlines()] == oids, ours.output
        assert len(oids) > 5
    named = run("get", daemon.address, "SNMPv2-MIB::sysName.0", "sysUpTime.0", "snmpInPkts.0", "ifAdminStatus.1")
    assert named.exit_code == 0, named.output
    assert "SNMPv2-MIB::sysName.0 = lab-agent" in named.stdout
    assert "IF-MIB::ifAdminStatus.1 = up(1)" in named.stdout
    wrong = run("get", daemon.address, "sysName.0", "--community", "wr0ng", "--timeout", "200ms", "--retries", "0")
    assert (wrong.exit_code, wrong.stdout) == (1, "")


def test_a_walk_in_v1_of_a_real_agent(daemon: Snmpd) -> None:
    first, second = (run("walk", daemon.address, "sysORTable", "--version", version) for version in ("1", "2c"))
    assert first.exit_code == second.exit_code == 0, first.output
    assert first.stdout == second.stdout
    assert "SNMPv2-MIB::sysORID.1 = " in first.stdout


def test_a_reader_that_goes_away_is_no_traceback(daemon: Snmpd) -> None:
    command = f"{sys.executable} -m agent.cli snmp walk {daemon.address} .1 --numeric | head -n 1"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("1.3.6.1.2.1.1.1.0 = ")
    assert "Traceback" not in done.stderr


def test_a_user_without_a_home_can_ask(daemon: Snmpd) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent.cli", "snmp", "get", daemon.address, "sysName.0"],
        cwd=ROOT, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "SNMPv2-MIB::sysName.0 = lab-agent\n"


@pytest.mark.parametrize("words", [["--help"], ["get", "--help"], ["walk", "--help"], ["import", "--help"]])
def test_help_is_quick_and_has_examples(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "agent.cli", "snmp", *words],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Examples:\n" in done.stdout
    assert not re.search(r"\b(numpy|yaml|pysmi|pysnmp|pydantic_core)$", done.stderr, re.MULTILINE)


def test_an_error_status_is_no_absence() -> None:
    def refuse(request: Message, data: bytes) -> list[bytes]:
        return [ber.encode_response(request, request.varbinds, ErrorStatus.authorizationError, 1)]

    with UdpAgent(refuse) as agent:
        result = run("get", f"127.0.0.1:{agent.port}", "sysName.0", "--version", "2c")
    assert "not read: authorizationError for 1.3.6.1.2.1.1.5.0" in result.stderr

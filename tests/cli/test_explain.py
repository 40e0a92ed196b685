"""`linewarden explain`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import Result

from tests.cli.agents import Served, answering, linewarden, served


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("state")) as found:
        yield found


def test_a_circuit_that_is_down(agent: Served) -> None:
    result = linewarden("explain", "enc-crown", "--url", agent.url, COLUMNS="200")
    assert result.exit_code == 1
    first, *rest = result.stdout.splitlines()
    assert first.startswith("enc-crown is down since ")
    text = "\n".join(rest)
    for part in (
        "CHECK",
        "icmp",
        "Unreachable because of it: ",
        "Lost if it fails: enc (unreachable), ",
        "Paged (critical, ",
        "Recent events",
        "3 echoes missed",
    ):
        assert part in text, part


def test_json_is_one_document_with_the_same_exit_code(agent: Served) -> None:
    result = linewarden("explain", "enc-crown", "--json", "--url", agent.url)
    found = json.loads(result.stdout)
    assert (result.exit_code, found["verdict"]["state"]) == (1, "down")
    assert {"checks", "consequences", "causes", "pages", "outage", "depends_on", "recent_events"} <= set(found)


def test_a_target_that_is_up(agent: Served) -> None:
    result = linewarden("explain", "bcw-core-sw1", "--url", agent.url)
    assert result.exit_code == 0
    assert result.stdout.startswith("bcw-core-sw1 is up")


EVERYTHING: dict[str, object] = {
    "target": "sw2", "kind": "switch", "title": "Switch 2", "site": "far", "owners": ["bcw", "enc"], "urgency": "hours",
    "verdict": {"state": "unreachable", "reason": "behind wan1", "marks": ["flapping", "redundancy_lost"]},
    "since": "2026-01-01T00:00:00+00:00",
    "decides": "its check icmp; snmp only informs",
    "checks": [
        {"name": "icmp", "type": "icmp", "state": "unreachable", "since": None, "reason": "silent", "last": None,
         "addresses": ["192.0.2.1", "192.0.2.2"], "failures": 2, "failing_since": "2026-01-01T00:00:00+00:00",
         "policy": {"failures_to_down": 2, "stale_after_seconds": 30.0}},
        {"name": "snmp", "type": "snmp", "state": "down", "since": "2026-01-01T00:00:00+00:00", "reason": "",
         "last": {"at": "2026-01-02T00:00:00+00:00", "outcome": "no_answer", "detail": "",
                  "values": {"tries": 3.0, "said": "no\x1b[31m"}}, "failures": 1},
        {"name": "web", "type": "http", "state": "unknown", "since": "2026-01-01T00:00:00+00:00", "reason": "old",
         "last": {"at": "2026-01-01T00:00:00+00:00", "outcome": "ok", "detail": "old"}, "failures": 0,
         "seen_at": "2026-01-01T00:00:00+00:00", "policy": {"failures_to_down": 2, "stale_after_seconds": 180.0}},
        {"name": "wan", "type": "icmp", "state": "degraded", "since": "2026-01-01T00:00:00+00:00", "reason": "slow",
         "last": None, "troubles": [
             {"aspect": "delay_variation", "against": "objective", "since": "2026-01-01T00:00:00+00:00",
              "value": 0.03, "limit": 0.02, "detail": "30 ms where 20 ms are agreed", "rule": "objective"},
             {"aspect": "loss", "against": "past", "since": "2026-01-01T00:00:00+00:00",
              "value": 0.05, "limit": 0.001, "detail": "5 % lost", "rule": ""}]},
    ],
    "depends_on": [
        {"name": "wan1", "kind": "circuit", "state": "down", "reason": "silent", "alternative": True},
        {"name": "core", "kind": "switch", "state": "up", "reason": "answers", "alternative": False},
    ],
    "dependents": [{"name": "srv1", "state": "unreachable", "lost": True, "direct": True},
                   {"name": "far", "state": "up", "lost": False, "direct": False}],
    "dependents_left_out": 7,
    "consequences": ["srv1", "srv2"],
    "causes": ["wan1"],
    "held": {"since": "2026-01-01T00:00:00+00:00", "until": "2026-01-01T00:00:03+00:00", "ask": ["wan2"]},
    "pages": [{"alert": "CircuitDown", "severity": "critical", "target": "wan1", "summary": "wan1 is down",
               "description": "ring", "labels": {"alertname": "CircuitDown", "owner": "bcw"}}],
    "not_paged": ["it is a consequence of wan1: CircuitDown wan1", "maintenance"],
    "would_page": [
        {"alert": "DeviceDown", "severity": "warning", "target": "sw2", "summary": "switch sw2 is down",
         "description": "x", "labels": {"alertname": "DeviceDown", "owner": "bcw,enc"}},
        {"alert": "CircuitDown", "severity": "critical", "target": "wan1", "summary": "paged already",
         "description": "x", "labels": {}},
    ],
    "learnt": [{"target": "sw2", "depends_on": "core", "why": "the only way", "source": "lldp", "since": None}],
    "flags": [{"target": "sw2", "reason": "age_over_policy", "severity": "warning", "detail": "11 years old",
               "source": "asset register"}],
    "interfaces": [
        {"interface": "Te1/1/1", "why": "uplink", "neighbour": "core1", "is_down": True, "admin": 1, "oper": 7,
         "changed_at": "2026-01-01T00:00:00+00:00", "flaps": 3, "duplex_mismatch": None},
        {"interface": "Gi1/0/2", "why": "circuit_end", "neighbour": "", "is_down": False, "admin": 2, "oper": 2,
         "changed_at": None, "flaps": 0, "duplex_mismatch": None},
        {"interface": "Gi1/0/3", "why": "configured", "neighbour": "", "is_down": None, "admin": 1, "oper": None,
         "changed_at": None, "flaps": 0, "duplex_mismatch": True},
    ],
    "outage": {"id": 7, "began_at": "2026-01-01T00:00:00+00:00", "reason": "behind wan1"},
    "recent_events": [],
}  # fmt: skip


def said(columns: int = 200, **other: object) -> Result:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response(EVERYTHING | other)

    with answering(handler) as url:
        return linewarden("explain", "sw2", "--url", url, COLUMNS=str(columns), TZ="UTC")


def test_everything_that_can_be_said() -> None:
    result = said()
    assert result.exit_code == 1
    for part in (
        "sw2 is unreachable since 20", "  switch: Switch 2, at far, owned by bcw, enc\n", "  behind wan1\n",
        "  marks: flapping, redundancy lost", "  caused by: wan1",
        "silent; not measured yet; its name leads to 192.0.2.1, 192.0.2.2", ": no_answer",
        "Unreachable because of it: srv1, srv2", "Paged (critical, CircuitDown): wan1 is down\n  ring\n",
        "  labels: alertname=CircuitDown owner=bcw", "  outage 7: open since 20",
        "Flag age_over_policy (warning): 11 years old\n  source: asset register",
        "Not paged itself: it is a consequence of wan1: CircuitDown wan1; maintenance",
        "Decided by: its check icmp; snmp only informs",
        "  icmp: 2 measurements in a row against it since 20", "; 2 make it down, or one that was made sure of",
        "  snmp: 1 measurement in a row against it; tries 3, said no\ufffd[31m",
        "; unknown after 180 s without any",
        "  wan: delay variation against its objective: 30 ms where 20 ms are agreed (value 0.03, limit 0.02, ",
        ", rule objective; since 20",
        "  wan: loss against its own past: 5 % lost (value 0.05, limit 0.001; since 20",
        "for an answer of wan2: its failure may be the consequence of another",
        "\nDepends on\n", "wan1  circuit  down   one is enough; silent", "core  switch   up     answers",
        "Lost if it fails: srv1 (unreachable) and 7 more\n", "Depends on it, and has another way: far (up)\n",
        "If it were down: DeviceDown (warning: a ticket in working hours): switch sw2 is down\n",
        "\n  labels: alertname=DeviceDown owner=bcw,enc",
        "  sw2 depends on core: the only way\n",
    ):  # fmt: skip
        assert part in result.stdout, part
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in result.stdout.splitlines() if "/" in line[:8]}
    assert rows["Te1/1/1"].startswith("lowerLayerDown 20")
    assert rows["Te1/1/1"].endswith("uplink, leads to core1, 3 flaps that no poll saw")
    assert rows["Gi1/0/2"] == "down circuit end, shut down"
    assert rows["Gi1/0/3"] == "? configured, duplex mismatch"
    assert "Recent events" not in result.stdout
    assert "paged already" not in result.stdout
    assert "\x1b" not in result.stdout


def test_it_is_readable_on_eighty_columns() -> None:
    lines = said(80).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    group = said(80, depends_on=[{"name": n, "kind": "circuit", "state": "up", "alternative": True} for n in "ab"])
    assert "\nDepends on, and one of them is enough\n" in group.stdout


def test_the_last_events_come_with_their_evidence() -> None:
    event = {"kind": "check", "at": "2026-01-01T00:00:00+00:00", "target": "sw2", "check": "icmp", "old": "up",
             "new": "down", "reason": "silent", "causes": [], "late": False, "id": 1,
             "evidence": [["lost", 4.0], ["loss_ratio", 0.05], ["rule", "run_of_5"]]}  # fmt: skip
    assert said(recent_events=[event]).stdout.endswith("up > down  silent [lost 4, loss_ratio 0.05, rule run_of_5]\n")


def test_a_long_list_of_names_is_cut() -> None:
    text = said(consequences=[f"d{n}" for n in range(40)]).stdout
    assert "Unreachable because of it: d0, d1, d2, d3, d4, d5, d6, d7, d8, d9, d10, d11 and 28 more\n" in text


# ------------------------------------------------------------------ without an agent

CONFIG = """
agent: {{state_dir: '{state_dir}', site: crown}}
owners: [enc]
sites: [{{name: crown}}, {{name: enc, owner: [enc]}}]
circuits: [{{name: enc-crown, supplier: ExampleTel, reference: ETH/1, between: [enc, crown], far_end: 192.0.2.1}}]
devices: [{{name: enc-sw1, kind: switch, site: enc, address: 192.0.2.2, icmp: {{}}}}]
"""


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """Return the configuration of an agent that has stopped."""
    (tmp_path / "state").mkdir()
    with served(tmp_path / "state"):
        pass
    path = tmp_path / "linewarden.yaml"
    path.write_text(CONFIG.format(state_dir=tmp_path / "state"))
    return path


def test_without_an_agent_the_ledger_says_how_it_was(stopped: Path) -> None:
    result = linewarden("explain", "enc-crown", "--config", stopped, COLUMNS="100")
    assert result.exit_code == 1
    assert result.stderr == f"(no agent is running; read from {stopped.parent}/state/ledger.sqlite)\n"
    for part in ("As of ", ", when the agent was last alive:\nenc-crown is down since ", "3 echoes missed",
                 "Not paged itself: no agent is running: only LinewardenDown can be paged",
                 "If it were down: CircuitDown (critical: a person is told at once)", "Recent events"):  # fmt: skip
        assert part in result.stdout, part
    behind = linewarden("explain", "enc-sw1", "--config", stopped, "--json")
    found = json.loads(behind.stdout)
    assert (behind.exit_code, found["verdict"]["state"], found["causes"]) == (1, "unreachable", ["enc-crown"])
    assert [one["name"] for one in found["depends_on"]] == ["enc"]
    assert [event["new"] for event in found["recent_events"]] == ["unreachable"]


def test_without_an_agent_the_likely_name_is_told_too(stopped: Path) -> None:
    result = linewarden("explain", "enc-sw", "--config", stopped)
    assert (result.exit_code, result.stderr) == (2, "Error: no target is called 'enc-sw'; did you mean 'enc-sw1'?\n")


def test_without_an_agent_a_bad_configuration_is_told(stopped: Path) -> None:
    stopped.write_text(stopped.read_text().replace("devices:", "devcies:"))
    result = linewarden("explain", "enc-sw1", "--config", stopped)
    assert result.exit_code == 3
    assert "did you mean 'devices'?" in result.stderr


def test_the_ledger_is_damaged(stopped: Path) -> None:
    (stopped.parent / "state" / "ledger.sqlite").write_bytes(b"no database " * 500)
    result = linewarden("explain", "enc-sw1", "--config", stopped)
    assert result.exit_code == 3
    assert "its ledger is of no use" in result.stderr

"""`linewarden explain`."""

import json
from collections.abc import Iterator

import pytest
from aiohttp import web

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


def test_everything_that_can_be_said() -> None:
    document = {
        "target": {"name": "sw2", "kind": "switch", "title": "Switch 2"},
        "verdict": {"state": "unreachable", "reason": "behind wan1", "marks": ["flapping"]},
        "since": "2026-01-01T00:00:00+00:00",
        "checks": [
            {"name": "icmp", "type": "icmp", "state": "unreachable", "since": None, "reason": "silent", "last": None,
             "addresses": ["192.0.2.1", "192.0.2.2"]},
            {"name": "snmp", "type": "snmp", "state": "down", "since": "2026-01-01T00:00:00+00:00", "reason": "",
             "last": {"at": "2026-01-02T00:00:00+00:00", "outcome": "no_answer", "detail": ""}},
        ],
        "depends_on": [{"name": "wan1", "state": "down"}, {"name": "wan2", "state": "up"}],
        "consequences": ["srv1", "srv2"],
        "causes": ["wan1"],
        "pages": [{"alert": "CircuitDown", "severity": "critical", "summary": "wan1 is down", "description": "ring"}],
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

    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response(document)

    with answering(handler) as url:
        result = linewarden("explain", "sw2", "--url", url, COLUMNS="200")
    assert result.exit_code == 1
    for part in (
        "sw2 is unreachable since 20", "  switch: Switch 2", "  behind wan1", "  marks: flapping",
        "  caused by: wan1", "silent; not measured yet; its name leads to 192.0.2.1, 192.0.2.2",
        ": no_answer", "Depends on: wan1 (down), wan2 (up)",
        "Unreachable because of it: srv1, srv2", "Paged (critical, CircuitDown): wan1 is down\n  ring",
        "Outage 7: open since 20", "Flag age_over_policy (warning): 11 years old\n  source: asset register",
    ):  # fmt: skip
        assert part in result.stdout, part
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in result.stdout.splitlines() if "/" in line[:8]}
    assert rows["Te1/1/1"].startswith("lowerLayerDown 20")
    assert rows["Te1/1/1"].endswith("uplink, leads to core1, 3 flaps that no poll saw")
    assert rows["Gi1/0/2"] == "down circuit end, shut down"
    assert rows["Gi1/0/3"] == "? configured, duplex mismatch"
    assert "Recent events" not in result.stdout

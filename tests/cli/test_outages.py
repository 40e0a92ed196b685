"""`linewarden outages`."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.agents import HISTORY, Served, ago, happened, linewarden, served


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("state")) as found:
        yield found


def test_the_table(agent: Served) -> None:
    result = linewarden("outages", "--url", agent.url)
    assert (result.exit_code, result.stderr) == (0, "")
    rows = [re.split(r"\s{2,}", line) for line in result.stdout.splitlines()]
    assert rows[0] == ["ID", "BEGAN", "ENDED", "LASTED", "TARGET", "STATE", "WHY"]
    assert rows[1][3:] == ["10 min", "bcw-core-sw1", "down", "3 echoes missed"]
    assert rows[2][2] == "still open"
    assert re.fullmatch(r"3\d min( \d+ s)?", rows[2][3])
    assert rows[3][4:] == ["enc-sw1", "unreachable", "what it depends on is down (because of enc-crown)"]


def test_open_ones_give_exit_code_1(agent: Served) -> None:
    result = linewarden("outages", "--open", "--url", agent.url)
    assert result.exit_code == 1
    assert [re.split(r"\s{2,}", line)[2] for line in result.stdout.splitlines()[1:]] == ["still open"] * 2
    assert linewarden("outages", "--open", "--json", "--url", agent.url).exit_code == 1
    assert linewarden("outages", "--url", agent.url).exit_code == 0


def test_json_is_one_document(agent: Served) -> None:
    result = linewarden("outages", "--json", "--url", agent.url, "--target", "bcw-core-sw1")
    (outage,) = json.loads(result.stdout)["outages"]
    assert (outage["began_at"], outage["ended_at"]) == (ago(days=2).isoformat(), ago(days=2, minutes=-10).isoformat())
    assert outage["close_reason"] == "recovered"


def test_since_keeps_what_had_not_ended_by_then(agent: Served) -> None:
    found = json.loads(linewarden("outages", "--json", "--url", agent.url, "--since", "1d").stdout)
    assert [o["target"] for o in found["outages"]] == ["enc-crown", "enc-sw1"]
    assert len(json.loads(linewarden("outages", "--json", "--url", agent.url, "--limit", "1").stdout)["outages"]) == 1
    assert "(the newest 1; more with --limit)" in linewarden("outages", "--url", agent.url, "--limit", "1").stderr


def test_none(tmp_path: Path) -> None:
    with served(tmp_path, HISTORY[:1]) as agent:
        assert linewarden("outages", "--url", agent.url).stdout == "no outages\n"
        result = linewarden("outages", "--open", "--url", agent.url, "--target", "enc-crown")
        assert (result.exit_code, result.stdout) == (0, "no open outages of enc-crown\n")
        result = linewarden("outages", "--url", agent.url, "--since", "2026-11-01T00:00:00Z")
        assert re.fullmatch(r"no outages since 2026-1\d-\d\d \S+\n", result.stdout)
        assert json.loads(linewarden("outages", "--json", "--url", agent.url).stdout) == {"outages": []}


def test_why_an_outage_ended_otherwise_than_by_recovery(tmp_path: Path) -> None:
    events = [
        happened("unreachable", ago(hours=2), causes=("wan",)),
        happened("down", ago(hours=1), reason="still silent"),
        happened("unknown", ago(minutes=30), reason="removed"),
    ]
    with served(tmp_path, events) as agent:
        pass
    lines = linewarden("outages", "--state-dir", tmp_path).stdout.splitlines()
    assert lines[1].endswith("3 echoes missed (because of wan); became down")
    assert lines[2].endswith("still silent; removed")
    assert agent.state_dir == tmp_path

"""`linewarden report availability`: from a running agent, and from the ledger alone."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.cli.report_availability import _spent
from agent.core.ports import Blind
from agent.ledger import FILE_NAME, SqliteLedger
from tests.cli.agents import NOW, Served, happened, linewarden, served

CONFIG = """
agent: {name: dc1, state_dir: STATE}
contract: {zone: Europe/London}
sites: [{name: enc, title: Eastern Newtown}, {name: crown}]
circuits:
  - name: enc-crown
    title: The line
    supplier: ExampleTel
    reference: ETH/20417
    between: [enc, crown]
    far_end: 10.0.0.1
    objective: {availability: 99.5%}
    contract: {minimum_outage: 1m, zone: UTC}
devices: [{name: sw1, kind: switch, site: enc, address: 10.0.0.2, icmp: {}}]
"""
MONTH = (NOW.replace(day=1) - timedelta(days=1)).replace(day=1, hour=0, minute=0, second=0)  # the last one, whole
NAME = f"{MONTH:%Y-%m}"


def on(day: int, **more: float) -> datetime:
    return MONTH + timedelta(days=day - 1, **more)


# known to be up for long, then an hour of outage of which a quarter was blind, and half a minute that does not count
HISTORY = (
    happened("up", on(-70), old="unknown"),
    happened("up", on(-70), "enc", old="unknown"),
    happened("down", on(10), reason="no answer"),
    happened("unreachable", on(10), "enc", causes=("enc-crown",)),
    happened("up", on(10, minutes=60), old="down"),
    happened("up", on(10, minutes=60), "enc", old="unreachable"),
    happened("down", on(15)),
    happened("up", on(15, seconds=30), old="down"),
)
SINCE = ("--since", on(2).isoformat(), "--until", on(21).isoformat())


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state directory with a ledger that no agent keeps."""
    import asyncio

    folder = tmp_path_factory.mktemp("state")

    async def fill() -> None:
        ledger = SqliteLedger(folder / FILE_NAME, agent="dc1")
        await ledger.open()
        await ledger.record(HISTORY)
        began = on(10, minutes=45)
        await ledger.record_blind(Blind(None, "the agent was stopped", began, began + timedelta(minutes=30)))
        await ledger.close()

    asyncio.run(fill())
    (folder / "linewarden.yaml").write_text(CONFIG.replace("STATE", str(folder)))
    return folder


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("agent")) as found:
        yield found


def asked(state_dir: Path, *options: str) -> dict[str, Any]:
    result = linewarden("report", "availability", "--config", state_dir / "linewarden.yaml", "--json", *options)
    assert result.exit_code == 0
    return {one["target"]: one for one in json.loads(result.stdout)["availability"]}


def figures(account: dict[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = account["own"]
    return own


def test_what_the_ledger_comes_to_by_the_contract(state_dir: Path) -> None:
    found = asked(state_dir, *SINCE)
    assert list(found) == ["enc-crown", "enc", "crown"]
    line = figures(found["enc-crown"])
    days = 19 * 86400
    assert (line["lost_seconds"], line["least_lost_seconds"], line["most_lost_seconds"]) == (3600, 2700, 4500)
    assert (line["measured_seconds"], line["blind_seconds"], line["down_seconds"]) == (days, 1800, 2730)
    assert line["percent"] == f"{100 - 100 * 3600 / days:.6f}"[:-1]
    site = figures(found["enc"])
    assert (site["lost_seconds"], site["unreachable_seconds"]) == (0, 2700)
    assert found["enc-crown"]["budget"] is None  # not a whole month
    unseen = figures(found["crown"])
    assert (unseen["best_percent"], unseen["worst_percent"]) == ("100.00000", "0.00000")


def test_the_same_question_has_the_same_digits(state_dir: Path) -> None:
    assert asked(state_dir, *SINCE) == asked(state_dir, *SINCE)


def test_a_device_is_reported_when_it_is_asked_for(state_dir: Path) -> None:
    assert list(asked(state_dir, "--target", "sw1")) == ["sw1"]


def test_the_table(state_dir: Path) -> None:
    result = linewarden("report", "availability", "--config", state_dir / "linewarden.yaml", *SINCE)
    assert result.exit_code == 0
    assert "no agent is running" in result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("from ")
    assert lines[1].split()[:4] == ["TARGET", "AVAILABLE", "%", "AT"]
    assert [line.split()[0] for line in lines[2:]] == ["enc-crown", "enc", "crown"]
    assert "1 h" in lines[2]


def test_one_target_with_its_outages_its_rules_and_its_budget(state_dir: Path) -> None:
    result = linewarden("report", "availability", "--config", state_dir / "linewarden.yaml", "--target", "enc-crown",
                        "--month", NAME)  # fmt: skip
    assert result.exit_code == 0
    text = result.stdout
    assert text.startswith(f"The line (ExampleTel, ETH/20417): from {NAME}-01 00:00:00+00:00 until ")
    agreed = r"^agreed             99\.50000 %: 3 h \d+ min in the whole period, 1 h used, 2 h \d+ min left$"
    assert re.search(agreed, text, re.MULTILINE)
    own = r"^by its own faults  99\.8\d+ % \(1 h lost; at best 99\.8\d+ %, at worst 99\.8\d+ %\)$"
    assert re.search(own, text, re.MULTILINE)
    assert "time               blind 30 min, down 45 min 30 s, up " in text
    rules = "by the month of UTC, exactly, outages of 1 min and more; maintenance and clock-stops excluded"
    assert f"rules              {rules}" in text
    assert re.search(r"  1 h +1 h +down  +no answer$", text, re.MULTILINE)
    assert "30 s    0 (shorter than 1 min)" in text


def test_a_budget_that_is_spent_and_one_that_will_be(state_dir: Path, tmp_path: Path) -> None:
    config = tmp_path / "strict.yaml"
    text = CONFIG.replace("STATE", str(state_dir))
    config.write_text(text.replace("99.5%", "99.99%"))
    question = ("report", "availability", "--config", str(config), "--month", NAME)
    spent = linewarden(*question, "--target", "enc-crown").stdout
    assert re.search(rf", 1 h used, 55 min \d+ s over; was used up {NAME}-10 00:04:\d\d\+00:00$", spent, re.MULTILINE)
    assert re.search(r"^enc-crown .*  55 min \d+ s over$", linewarden(*question).stdout, re.MULTILINE)
    assert _spent({"spent_at": (NOW + timedelta(days=1)).isoformat()}).startswith("; at this rate it will be used up ")


def test_an_agent_that_runs_is_asked(agent: Served) -> None:
    result = linewarden("report", "availability", "--url", agent.url, "--json")
    assert (result.exit_code, result.stderr) == (2, "Error: this agent keeps no accounts of availability\n")


def test_a_ledger_without_its_configuration_is_counted_plainly(state_dir: Path) -> None:
    result = linewarden("report", "availability", "--state-dir", state_dir, "--json", LINEWARDEN_CONFIG="")
    found = {one["target"]: one for one in json.loads(result.stdout)["availability"]}
    assert set(found) == {"enc-crown", "enc"}
    assert found["enc"]["rules"]["zone"] == "UTC"
    assert "(counted exactly, by months of UTC: " in result.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--target", "enc-crwn"], "no target is called 'enc-crwn'"),
        (["--month", "november"], "expected a month such as 2026-11"),
        (["--since", "2d", "--until", "4d"], "before it begins"),
        (["--month", "2026-11", "--since", "2d"], "--month: not together with --since or --until"),
    ],
)
def test_wrong_questions(options: list[str], said: str, state_dir: Path) -> None:
    result = linewarden("report", "availability", "--config", state_dir / "linewarden.yaml", *options)
    assert result.exit_code == 2
    assert said in result.stderr


def test_an_estate_without_anything_to_account_for(tmp_path: Path, state_dir: Path) -> None:
    config = tmp_path / "empty.yaml"
    config.write_text(f"agent: {{name: dc1, state_dir: {state_dir}}}\n")
    result = linewarden("report", "availability", "--config", config)
    assert result.stdout == "nothing is accounted for: there are no circuits, sites or services\n"


def test_time_after_the_agent_s_last_sign_of_life_is_blind(state_dir: Path) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    later = ("--since", tomorrow.isoformat(), "--until", (tomorrow + timedelta(days=1)).isoformat())
    assert figures(asked(state_dir, "--target", "enc-crown", *later)["enc-crown"])["percent"] is None
    since = figures(asked(state_dir, "--target", "enc-crown", "--since", NOW.isoformat())["enc-crown"])
    assert since["blind_seconds"] > 0

"""Announced work and the whole agent as a process: commands, kill -9 in a window, pages in its log."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.test_app import Door, estate, write
from tests.cli.agents import linewarden
from tests.lab.agent import AgentProcess
from tests.waiting import wait_until

MARK = 'linewarden_target_mark{target="web",mark="maintenance"} 1'
PAGE = "PAGE critical: Service web at here is down"


@pytest.fixture
def door() -> Iterator[Door]:
    made = Door()
    made.open()
    yield made
    made.shut()


def test_a_window_over_a_crash_from_announcement_to_page(tmp_path: Path, door: Door) -> None:
    agent = AgentProcess(None, write(tmp_path / "linewarden.yaml", estate(door)), tmp_path / "state")

    def say(*words: str) -> dict[str, Any]:
        result = linewarden(*words, "--author", "alice", "--json", "--state-dir", agent.state_dir)
        assert result.exit_code == 0, result.stderr
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    try:
        agent.start()
        agent.wait_state("web", "up")
        number = say("maintenance", "add", "--site", "here", "--for", "1h", "--reason", "power work")["window"]["id"]
        assert MARK in agent.text("/metrics/state")
        door.shut()
        agent.wait_state("web", "down")
        say("outages", "ack", str(agent.outages("web")[0]["id"]), "known")
        agent.stop(signal.SIGKILL)
        agent.start(ready=False)
        wait_until(agent.answers)
        assert MARK in agent.text("/metrics/state")  # the first scrape after the crash
        assert 'linewarden_outage_acknowledged{target="web"} 1' in agent.text("/metrics")
        agent.wait_state("web", "down")
        assert len(agent.events("web", "mark")) == 1
        assert PAGE not in agent.log()
        assert agent.get("/api/v1/explain?target=web")["outage"]["acknowledged"]["text"] == "known"
        say("maintenance", "end", str(number))
        wait_until(lambda: PAGE in agent.log())
        assert MARK not in agent.text("/metrics/state")
        assert "Traceback" not in agent.log()
    finally:
        agent.stop(signal.SIGKILL)

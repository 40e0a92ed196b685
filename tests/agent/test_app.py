"""The whole agent as a process: start, reload, stop, and every trouble of its host that ends in a clear message."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent import app, config, learning
from agent.core.clockwatch import ClockReading
from agent.core.learnt import Source
from agent.core.model import State
from agent.selfcheck import read_clocks
from tests.lab.agent import AgentProcess
from tests.lab.prometheus import free_port
from tests.waiting import until, wait_until


class Door:
    """A TCP port that can be open or shut: the service that the agent watches."""

    def __init__(self) -> None:
        self.port = free_port()
        self._socket: socket.socket | None = None

    def open(self) -> None:
        assert self._socket is None
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", self.port))
        self._socket.listen(16)

    def shut(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


@pytest.fixture
def door() -> Iterator[Door]:
    made = Door()
    made.open()
    yield made
    made.shut()


def estate(door: Door, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - YAML
    return {
        "agent": {"name": "dc1", "listen": f"127.0.0.1:{free_port()}"},
        "sites": [{"name": "here"}],
        "services": [
            {
                "name": "web",
                "site": "here",
                "checks": [{"type": "tcp", "address": "127.0.0.1", "port": door.port, "interval": "300ms"}],
            }
        ],
        **more,
    }


def write(file: Path, document: dict[str, Any]) -> Path:
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return file


@pytest.fixture
def agent(tmp_path: Path, door: Door) -> Iterator[AgentProcess]:
    config = write(tmp_path / "linewarden.yaml", estate(door))
    made = AgentProcess(None, config, tmp_path / "state")
    yield made
    with contextlib.suppress(AssertionError):
        made.stop(signal.SIGKILL)


def fails(config: Path, state: Path) -> tuple[int, str]:
    """Run the agent where it cannot start; return exit code and what it says."""
    command = [sys.executable, "-m", "agent.cli", "run", "--config", str(config), "--state-dir", str(state)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_it_starts_watches_tells_and_stops_within_seconds(agent: AgentProcess, door: Door) -> None:
    agent.start()
    agent.wait_state("web", "up")
    door.shut()
    agent.wait_state("web", "down")
    assert agent.get("/api/v1/explain?target=web")["pages"][0]["alert"] == "ServiceDown"
    assert len(agent.outages("web")) == 1
    assert 'linewarden_target_state{target="web",kind="service",site="here",state="down"} 1' in agent.text("/metrics")
    door.open()
    agent.wait_state("web", "up")
    assert agent.outages("web")[0]["close_reason"] == "recovered"
    began = time.monotonic()
    assert agent.stop() == 0
    assert time.monotonic() - began < 5
    assert "Traceback" not in agent.log()
    assert "PAGE critical: Service web at here is down" in agent.log()


def test_it_keeps_accounts_of_availability(agent: AgentProcess, door: Door) -> None:
    agent.start()
    agent.wait_state("web", "up")
    family = 'linewarden_availability_ratio{target="web",window="month",counted="own"}'
    wait_until(lambda: f"{family} 1\n" in agent.text("/metrics"))
    door.shut()
    agent.wait_state("web", "down")
    wait_until(lambda: f"{family} 0.9" in agent.text("/metrics"))
    (account,) = agent.get("/api/v1/availability?target=web")["availability"]
    assert account["own"]["down_seconds"] > 0
    assert account["own"]["blind_seconds"] > 0  # before this agent first ran
    assert [outage["target"] for outage in account["outages"]] == ["web"]


def test_an_estate_without_targets_becomes_ready(tmp_path: Path) -> None:
    config = write(tmp_path / "empty.yaml", {"agent": {"name": "dc1", "listen": f"127.0.0.1:{free_port()}"}})
    agent = AgentProcess(None, config, tmp_path / "state")
    agent.start()
    assert agent.stop() == 0


@pytest.mark.parametrize("way", ["signal", "post"])
def test_a_reload_keeps_what_stays_and_closes_what_goes(agent: AgentProcess, door: Door, way: str) -> None:
    agent.start()
    door.shut()
    agent.wait_state("web", "down")
    began = agent.outages("web")[0]["began_at"]
    second = estate(door)
    second["services"].append({**second["services"][0], "name": "other"})
    write(agent.config, second)
    reload(agent, way)
    wait_until(lambda: 'target="other"' in agent.text("/metrics/state"))
    agent.wait_state("other", "down")
    assert agent.outages("web")[0]["began_at"] == began
    assert agent.outages("web")[0]["ended_at"] is None
    second["services"].pop(0)
    write(agent.config, second)
    reload(agent, way)
    wait_until(lambda: agent.outages("web")[0]["close_reason"] == "removed")
    assert 'target="web"' not in agent.text("/metrics")


def reload(agent: AgentProcess, way: str) -> None:
    if way == "signal":
        os.kill(agent.pid, signal.SIGHUP)
    else:
        assert "reloaded" in agent.text("/-/reload", method="POST")


def test_a_bad_reload_changes_nothing_and_says_why(agent: AgentProcess, door: Door) -> None:
    agent.start()
    bad = estate(door)
    bad["services"][0]["chekcs"] = bad["services"][0].pop("checks")
    write(agent.config, bad)
    answer = agent.text("/-/reload", method="POST")
    assert "unknown key" in answer
    assert "did you mean 'checks'" in answer
    assert agent.state("web") == "up"
    assert 'linewarden_config_last_reload_successful{target="dc1"} 0' in agent.text("/metrics")
    agent.config.unlink()
    assert str(agent.config) in agent.text("/-/reload", method="POST")
    write(agent.config, estate(door))
    assert "reloaded" in agent.text("/-/reload", method="POST")
    assert 'linewarden_config_last_reload_successful{target="dc1"} 1' in agent.text("/metrics")


def test_what_cannot_start_says_what_is_in_the_way(tmp_path: Path, door: Door) -> None:
    state = tmp_path / "state"
    missing = tmp_path / "missing.yaml"
    code, text = fails(missing, state)
    assert (code, str(missing) in text) == (2, True)

    broken = tmp_path / "broken.yaml"
    broken.write_text("agent: {name: dc1\nsites: [")
    code, text = fails(broken, state)
    assert code == 2
    assert f"{broken}:2" in text

    taken = estate(door)
    taken["agent"]["listen"] = f"127.0.0.1:{door.port}"
    code, text = fails(write(tmp_path / "taken.yaml", taken), state)
    assert code == 3
    assert str(door.port) in text
    assert "is taken" in text

    occupied = tmp_path / "occupied"
    occupied.write_text("a file where the directory should be")
    code, text = fails(write(tmp_path / "good.yaml", estate(door)), occupied / "state")
    assert code == 3
    assert "state directory" in text


def test_an_address_that_is_none_is_a_usage_error(tmp_path: Path, door: Door) -> None:
    config = write(tmp_path / "good.yaml", estate(door))
    command = [sys.executable, "-m", "agent.cli", "run", "--config", str(config), "--listen", "nonsense"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "HOST:PORT" in done.stderr


def test_two_agents_do_not_share_a_ledger(agent: AgentProcess, tmp_path: Path, door: Door) -> None:
    agent.start()
    code, text = fails(write(tmp_path / "second.yaml", estate(door)), agent.state_dir)
    assert code == 3
    assert "another" in text


def test_a_corrupt_ledger_is_moved_aside_and_the_agent_goes_on(agent: AgentProcess) -> None:
    agent.state_dir.mkdir()
    (agent.state_dir / "ledger.sqlite").write_bytes(b"SQLite format 3\0" + b"garbage" * 4000)
    agent.start()
    agent.wait_state("web", "up")
    assert list(agent.state_dir.glob("ledger.sqlite.corrupt-*"))
    told = [event["reason"] for event in agent.get("/api/v1/events?kind=agent")["events"]]
    assert any("corrupt" in reason for reason in told), told


@pytest.mark.lab
def test_a_full_disk_keeps_paging_and_is_written_late(agent: AgentProcess, door: Door) -> None:
    agent.state_dir.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(agent.state_dir)], check=True)
    try:
        agent.start()
        agent.wait_state("web", "up")
        ballast = agent.state_dir / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"\0" * 4096)
        door.shut()
        agent.wait_state("web", "down")
        page = agent.get("/api/v1/explain?target=web")["pages"]
        assert page
        assert page[0]["alert"] == "ServiceDown"
        wait_until(lambda: 'linewarden_ledger_ok{target="dc1"} 0' in agent.text("/metrics"))
        ballast.unlink()
        wait_until(lambda: 'linewarden_ledger_ok{target="dc1"} 1' in agent.text("/metrics"), 60)
        wait_until(lambda: any(event["late"] and event["new"] == "down" for event in agent.events("web")))
        assert len(agent.outages("web")) == 1
        assert agent.stop() == 0
    finally:
        with contextlib.suppress(AssertionError):
            agent.stop(signal.SIGKILL)
        subprocess.run(["umount", str(agent.state_dir)], check=True)


def test_killed_at_any_moment_nothing_confirmed_is_lost(agent: AgentProcess, door: Door) -> None:
    """What the API showed before SIGKILL is in the ledger after it; the gap is blind."""
    for turn in range(5):
        agent.start()
        door.shut() if turn % 2 == 0 else door.open()
        wait_until(lambda turn=turn: agent.state("web") == ("down" if turn % 2 == 0 else "up"))  # type: ignore[misc]
        seen = {event["id"] for event in agent.events("web")}
        outages = agent.outages("web")
        time.sleep(0.07 * turn)
        agent.stop(signal.SIGKILL)
        agent.start(ready=False)
        wait_until(agent.answers)
        assert seen <= {event["id"] for event in agent.events("web")}
        assert {outage["id"] for outage in outages} <= {outage["id"] for outage in agent.outages("web")}
        if turn % 2 == 0:
            assert agent.state("web") == "down"
        blind = [
            line for line in agent.text("/metrics").splitlines() if line.startswith("linewarden_blind_seconds_total")
        ]
        assert any(float(line.split()[-1]) > 0 for line in blind)
        if turn % 2:
            agent.wait_state("web", "up")
        assert agent.stop() == 0


class Clocks:
    """The kernel's clocks, with a hand on them."""

    step = 0.0
    slept = 0.0

    def read(self) -> ClockReading:
        now = read_clocks()
        return replace(
            now,
            realtime_seconds=now.realtime_seconds + self.step + self.slept,
            boottime_seconds=now.boottime_seconds + self.slept,
        )


async def test_a_suspended_host_is_blind_time(tmp_path: Path, door: Door) -> None:
    config_file = write(tmp_path / "linewarden.yaml", estate(door))
    agent = app.Agent(app.Options(config_file, state_dir=tmp_path / "state"), config.load(config_file))
    clocks = Clocks()
    agent.selfcheck._clocks = clocks.read
    task = asyncio.create_task(agent.run())
    try:
        await until(lambda: agent.picture.ready)
        clocks.slept = 600.0
        await until(lambda: any("suspended for 10 min" in event.reason for event in agent.picture.events))
        assert agent.picture.blind_seconds[""] == pytest.approx(600, abs=0.1)
        now = datetime.now(UTC)
        spans = await agent.ledger.blind(now - timedelta(hours=1), now)
        assert [(span.target, span.why) for span in spans] == [(None, "this host was suspended")]
    finally:
        agent.stop()
        await task


async def test_a_stepped_clock_is_an_event_and_every_poll_is_scheduled_anew(tmp_path: Path, door: Door) -> None:
    config_file = write(tmp_path / "linewarden.yaml", estate(door))
    agent = app.Agent(app.Options(config_file, state_dir=tmp_path / "state"), config.load(config_file))
    clocks = Clocks()
    agent.selfcheck._clocks = clocks.read
    rescheduled: list[bool] = []
    agent.schedule.reschedule = lambda: rescheduled.append(True)  # type: ignore[method-assign]
    task = asyncio.create_task(agent.run())
    try:
        await until(lambda: agent.picture.ready)
        clocks.step = -3600.0
        await until(lambda: any("clock was set" in event.reason for event in agent.picture.events))
        assert rescheduled == [True]
        told = next(event for event in agent.picture.events if "clock was set" in event.reason)
        assert dict(told.evidence)["step_seconds"] == pytest.approx(-3600, abs=0.1)
        assert agent.picture.verdicts["web"].state is State.UP
    finally:
        agent.stop()
        await task


async def test_what_seems_to_depend_on_what_is_learnt_and_changes_nothing(
    tmp_path: Path, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "learn", partial(learning.learn, look_seconds=0.05))
    router = {"name": "rtr1", "kind": "router", "address": "127.0.0.1", "snmp": {"auth": "a", "port": free_port()}}
    line = {"name": "wan", "between": ["here", "far"], "ends": [{"device": "rtr1", "interface": "Gi1"}]}
    more = {"sites": [{"name": "here"}, {"name": "far"}], "devices": [router], "circuits": [line],
            "snmp": {"auths": {"a": {"version": 2}}}}  # fmt: skip
    config_file = write(tmp_path / "linewarden.yaml", estate(door, **more))
    agent = app.Agent(app.Options(config_file, state_dir=tmp_path / "state"), config.load(config_file))
    task = asyncio.create_task(agent.run())
    try:
        await until(lambda: bool(agent.picture.learning.proposals))
        (one,) = agent.picture.learning.proposals
        assert (one.target, one.depends_on, one.source) == ("wan", "rtr1", Source.CIRCUIT_END)
        assert agent.picture.estate.targets["wan"].depends_on == ()
        assert agent.pipeline.assessor.topology.ancestors("wan") == []
    finally:
        agent.stop()
        await task

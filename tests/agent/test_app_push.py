"""The whole agent and the Alertmanagers that it tells itself: over restarts and reloads, and what it says of it."""

import contextlib
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.test_app import Door, estate, write
from tests.lab.agent import AgentProcess
from tests.lab.alertmanager import (
    BINARY,
    Alertmanager,
    Receiver,
    alertmanager,
    free_port,
    lab_configuration,
    webhook_receiver,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(BINARY is None, reason="no Alertmanager: apt-get install prometheus-alertmanager")

Monitoring = tuple[Receiver, Alertmanager]
FIRING, RESOLVED = "firing ServiceDown web", "resolved ServiceDown web"


@pytest.fixture
def door() -> Iterator[Door]:
    made = Door()
    made.open()
    yield made
    made.shut()


@pytest.fixture
def monitoring(tmp_path: Path) -> Iterator[Monitoring]:
    with webhook_receiver() as pager, alertmanager(tmp_path, lab_configuration(pager.url, group_wait="0s")) as am:
        yield pager, am


@contextlib.contextmanager
def running(tmp_path: Path, door: Door, *alertmanagers: str) -> Iterator[AgentProcess]:
    config = write(tmp_path / "linewarden.yaml", estate(door, alertmanagers=list(alertmanagers)))
    agent = AgentProcess(None, config, tmp_path / "state")
    agent.start()
    try:
        yield agent
    finally:
        with contextlib.suppress(AssertionError):
            agent.stop(signal.SIGKILL)


def metric(agent: AgentProcess, name: str, alertmanager: str = "") -> float | None:
    labels = f'alertmanager="{alertmanager}"' if alertmanager else ""
    found = re.search(rf"^linewarden_push_{name}{{[^}}]*{labels}[^}}]*}} (.*)$", agent.text("/metrics"), re.MULTILINE)
    return float(found[1]) if found else None


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_restart_in_the_middle_sends_nothing_twice(
    tmp_path: Path, door: Door, monitoring: Monitoring, how: signal.Signals
) -> None:
    pager, am = monitoring
    with running(tmp_path, door, f"http://{am.address}") as agent:
        agent.wait_state("web", "up")
        door.shut()
        pager.wait_for(lambda sent: len(sent) == 1, 30)
        agent.stop(how)
        agent.start()
        wait_until(lambda: (metric(agent, "sent_total") or 0) > 0)
        agent.stop(how)
        door.open()
        agent.start()
        pager.wait_for(lambda sent: len(sent) == 2, 30)
        assert [name for n in pager.sent() for name in n.names()] == [FIRING, RESOLVED]
        assert "Traceback" not in agent.log()
        assert agent.stop() == 0


def test_one_that_is_away_is_told_of_and_keeps_nobody_from_being_ready(
    tmp_path: Path, door: Door, monitoring: Monitoring
) -> None:
    pager, am = monitoring
    away = f"http://127.0.0.1:{free_port()}"
    here = f"http://{am.address}"
    with running(tmp_path, door, away, here) as agent:  # it waits until the agent is ready
        agent.wait_state("web", "up")
        wait_until(lambda: metric(agent, "ok", here) == 1 and metric(agent, "ok", away) == 0)
        door.shut()
        pager.wait_for(lambda sent: len(sent) == 1, 30)
        assert metric(agent, "alertmanagers") == 2
        assert metric(agent, "alerts") == 1
        assert (metric(agent, "failures_total", away) or 0) > 0
        assert metric(agent, "failures_total", here) == 0
        assert metric(agent, "sent_total", away) == 0
        assert (metric(agent, "last_success_timestamp_seconds", here) or 0) > 1e9
        assert metric(agent, "last_success_timestamp_seconds", away) is None
        assert agent.log().count(f"Alertmanager {away} cannot be told: no connection: Connection refused") == 1


def test_a_reload_brings_an_alertmanager(tmp_path: Path, door: Door, monitoring: Monitoring) -> None:
    pager, am = monitoring
    with running(tmp_path, door) as agent:
        agent.wait_state("web", "up")
        door.shut()
        agent.wait_state("web", "down")
        assert metric(agent, "alertmanagers") == 0
        assert metric(agent, "ok") is None
        document = estate(door, alertmanagers=[f"http://{am.address}"])
        document["agent"] |= {"external_url": "https://status.example", "runbook_base": "https://wiki.example/lw/"}
        write(agent.config, document)
        agent.text("/-/reload", method="POST")
        (told,) = pager.wait_for(lambda sent: len(sent) == 1, 30)
        assert told.names() == [FIRING]
        assert told.alerts[0].annotations["runbook_url"] == "https://wiki.example/lw/ServiceDown"
        (held,) = am.alerts()
        assert held["generatorURL"] == "https://status.example"

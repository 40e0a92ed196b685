"""The agent's own trouble, light loss, and restarts in the middle of an outage, in the lab of `test_cut`."""

import re
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.lab.test_cut import BEHIND, Estate, estate
from tests.waiting import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

TARGETS = ("a-b-primary", "ra", *BEHIND)
LOSSY_SECONDS = 120.0


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Estate]:
    """Give each test an agent of its own: one that has seen loss and cuts knows its line for a bad one."""
    with estate(tmp_path, backup=False) as made, made.here():
        yield made


def total(running: Estate, family: str) -> int:
    """Return the sum of a family's samples in /metrics."""
    text = running.agent.text("/metrics")
    return round(sum(float(value) for value in re.findall(rf"^{family}\{{.*?\}} (\S+)$", text, re.MULTILINE)))


def test_the_agents_own_interface_down_is_blindness_and_one_alert_on_the_agent(running: Estate) -> None:
    running.settle()
    began = time.time()
    running.wan.agent.ip("link set lan down")
    running.pager.wait_for(lambda n: any("LinewardenBlind" in line for x in n for line in x.names()), 120)
    assert [running.agent.state(name) for name in TARGETS] == ["unknown"] * len(TARGETS)
    time.sleep(10)
    assert running.pages() == ["firing LinewardenBlind lab"]
    running.wan.raise_link(running.wan.agent, "lan", "default via 10.1.0.1")
    for name in TARGETS:
        running.agent.wait_state(name, "up", 60)
    for name in TARGETS:
        states = {event["new"] for event in running.agent.events(name) if event["at"] > iso(began)}
        assert not states & {"down", "unreachable"}, f"{name} was called {states}"
    assert total(running, "linewarden_blind_seconds_total") > 10
    assert total(running, "linewarden_echoes_unknown_total") > 0
    running.settle()


def iso(moment: float) -> str:
    """Return a Unix time as the API writes it."""
    return datetime.fromtimestamp(moment, UTC).isoformat()


def test_five_percent_loss_is_no_outage_and_is_counted_exactly(running: Estate) -> None:
    running.settle()
    wan = running.wan
    lost = "linewarden_(?:burst_)?echoes_lost_total"
    before = total(running, lost)
    one_in_twenty = 'oifname "wan1" icmp type echo-request numgen random mod 100 < 5'
    wan.forwarding(f"add counter inet lab lost\nadd rule inet lab forward {one_in_twenty} counter name lost drop\n")
    deadline = time.monotonic() + LOSSY_SECONDS
    while time.monotonic() < deadline:
        assert running.agent.state("a-b-primary") in ("up", "degraded")
        time.sleep(1)
    wan.mend("drop")
    counted = wan.ra.counter("lost")
    assert counted > 5, "the rule dropped nothing worth the test"
    wait_until(lambda: total(running, lost) - before >= counted, 40)  # rounds end, and their timeouts
    time.sleep(14)
    assert total(running, lost) - before == counted
    assert {page.split()[1] for page in running.pages()} <= {"TargetDegraded"}  # which takes two minutes more


@pytest.mark.parametrize("what", ["prometheus", "alertmanager", "agent", "agent killed"])
def test_a_restart_in_the_middle_of_an_outage_sends_nothing_twice_and_resolves_nothing(
    running: Estate, what: str
) -> None:
    running.settle()
    running.wan.cut("drop")
    running.pager.wait_for(lambda n: any(x.path == "/critical" for x in n), 30)
    time.sleep(2)
    outages = len(running.agent.outages("a-b-primary"))
    if what == "prometheus":
        running.prometheus.stop()
        time.sleep(5)
        running.prometheus.start()
    elif what == "alertmanager":
        running.alertmanager.stop()
        time.sleep(5)
        running.alertmanager.start()
    else:
        if what == "agent":
            assert running.agent.stop() == 0
        else:
            running.agent.stop(signal.SIGKILL)
        time.sleep(5)
        running.agent.start(ready=False)
        wait_until(running.agent.answers, 30)
        assert running.agent.state("a-b-primary") == "down"  # before anything was measured
    time.sleep(25)  # a first round, its timeout, and every hold in the rules that is shorter than a scrape
    assert running.pages() == ["firing CircuitDown a-b-primary"]
    assert running.agent.state("a-b-primary") == "down"
    assert len(running.agent.outages("a-b-primary")) == outages
    running.wan.mend("drop")
    running.pager.wait_for(lambda n: any(x.status == "resolved" for x in n), 40)
    time.sleep(3)
    assert running.pages() == ["firing CircuitDown a-b-primary", "resolved CircuitDown a-b-primary"]

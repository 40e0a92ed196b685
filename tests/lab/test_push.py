"""The direct way of a page: from the agent to Alertmanager, with no Prometheus anywhere.

The lab's intervals: echoes each second, group_wait 0s, group_interval 1s.
"""

import re
import signal
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.agent import AgentProcess
from tests.lab.alertmanager import (
    BINARY,
    Alertmanager,
    Notification,
    Receiver,
    alertmanager,
    lab_configuration,
    webhook_receiver,
)
from tests.lab.wan import Wan, lab
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(900),
    pytest.mark.skipif(BINARY is None, reason="no Alertmanager: apt-get install prometheus-alertmanager"),
]

MON = "10.99.0.1"  # of the namespace in which Alertmanager stands, as the agent sees it
PORT = 9093
WAYS = ("link", "blackhole", "drop")
PAGE_SECONDS = 4.0
FIRING, RESOLVED = "firing CircuitDown a-b-primary", "resolved CircuitDown a-b-primary"


@dataclass
class Estate:
    """Everything that runs."""

    wan: Wan
    agent: AgentProcess
    alertmanager: Alertmanager
    pager: Receiver

    def settle(self) -> None:
        """Wait until all is well, Alertmanager knows it, and nothing more is sent; then forget what was sent."""
        for name in ("a-b-primary", "ra", "sw", "srv", "crm"):
            self.agent.wait_state(name, "up", 60)
        wait_until(lambda: not self.alertmanager.alerts() and self.metric("ok") == 1, 60)
        time.sleep(2.5)  # two group intervals: what is late would be seen by the test before
        self.pager.clear()

    def metric(self, name: str) -> float | None:
        """Return what the agent tells of its pushing."""
        found = re.search(rf"^linewarden_push_{name}{{.*}} (.*)$", self.agent.text("/metrics"), re.MULTILINE)
        return float(found[1]) if found else None

    def pages(self) -> list[str]:
        """Return every alert that was sent so far, in order: `status name target`."""
        return [line for notification in self.pager.sent() for line in notification.names()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    folder = tmp_path_factory.mktemp("push")
    with (
        lab(folder, more={"alertmanagers": [f"http://{MON}:{PORT}"]}) as (wan, agent),
        _monitoring(folder, wan) as (am, pager),
    ):
        yield Estate(wan, agent, am, pager)


@contextmanager
def _monitoring(folder: Path, wan: Wan) -> Iterator[tuple[Alertmanager, Receiver]]:
    with wan.mon.inside(), webhook_receiver() as pager:
        configuration = lab_configuration(pager.url, group_wait="0s")
        with alertmanager(folder, configuration, host=MON, port=PORT) as am:
            yield am, pager


@pytest.fixture
def running(whole: Estate) -> Estate:
    whole.settle()
    return whole


def paged(sent: Sequence[Notification]) -> bool:
    return any(n.status == "firing" for n in sent)


def resolved(sent: Sequence[Notification]) -> bool:
    return any(n.status == "resolved" for n in sent)


def test_a_cut_is_at_the_pager_within_four_seconds(running: Estate) -> None:
    """Ten cuts, the three ways in turn; each from a moment of the echoes' second that differs."""
    delays = []
    for turn in range(10):
        running.settle()
        time.sleep(turn * 0.1)
        cut = time.monotonic()
        running.wan.cut(WAYS[turn % 3])
        sent = running.pager.wait_for(paged, 30)
        delays.append(sent[0].monotonic_seconds - cut)
        assert running.pages() == [FIRING]
        running.wan.mend(WAYS[turn % 3])
        running.pager.wait_for(resolved, 40)
        assert running.pages() == [FIRING, RESOLVED]
    told = " ".join(f"{delay:.2f}" for delay in sorted(delays))
    print(f"cut to webhook without Prometheus, seconds: {told}; median {statistics.median(delays):.2f}")
    assert max(delays) <= PAGE_SECONDS


@pytest.mark.parametrize("what", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_restart_in_the_middle_of_an_outage_sends_nothing_twice_and_resolves_nothing(
    running: Estate, what: signal.Signals
) -> None:
    running.wan.cut("drop")
    running.pager.wait_for(paged, 30)
    running.agent.stop(what)
    time.sleep(5)
    assert running.pages() == [FIRING]
    running.agent.start(ready=False)
    wait_until(running.agent.answers, 30)
    wait_until(lambda: running.metric("ok") == 1 and running.metric("alerts") == 1, 20)
    time.sleep(20)  # a first round and its timeout: what is found is what was told before
    assert running.pages() == [FIRING]
    assert running.metric("alerts") == 1
    running.wan.mend("drop")
    running.pager.wait_for(resolved, 40)
    time.sleep(2.5)
    assert running.pages() == [FIRING, RESOLVED]


@pytest.mark.parametrize("what", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_what_recovers_while_the_agent_is_away_is_resolved_when_it_is_back(
    running: Estate, what: signal.Signals
) -> None:
    running.wan.cut("drop")
    running.pager.wait_for(paged, 30)
    running.agent.stop(what)
    running.wan.mend("drop")
    time.sleep(3)
    assert running.pages() == [FIRING], "nobody has seen that it is mended"
    running.agent.start(ready=False)
    running.pager.wait_for(resolved, 40)
    time.sleep(2.5)
    assert running.pages() == [FIRING, RESOLVED]


@pytest.mark.parametrize("what", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_failed_check_is_held_over_a_restart_until_it_is_known_again(running: Estate, what: signal.Signals) -> None:
    """No outage stands in the ledger for it: only what was told before says that it fires."""
    silent = running.wan.snmpd["10.2.0.2"].process
    silent.send_signal(signal.SIGSTOP)
    try:
        running.pager.wait_for(paged, 60)
        assert running.pages() == ["firing CheckDown sw"]
        running.agent.stop(what)
        running.agent.start()
        time.sleep(15)  # some polls
        assert running.pages() == ["firing CheckDown sw"]
        running.agent.stop(what)
    finally:
        silent.send_signal(signal.SIGCONT)
    running.agent.start()
    running.pager.wait_for(resolved, 60)
    time.sleep(2.5)
    assert running.pages() == ["firing CheckDown sw", "resolved CheckDown sw"]


def test_an_alertmanager_that_is_restarted_in_the_middle_sends_nothing_twice(running: Estate) -> None:
    running.wan.cut("drop")
    running.pager.wait_for(paged, 30)
    time.sleep(2)
    running.alertmanager.stop()
    time.sleep(3)
    running.alertmanager.start()
    wait_until(lambda: len(running.alertmanager.alerts()) == 1, 60)  # told again, within half a minute
    time.sleep(2.5)
    assert running.pages() == [FIRING]
    running.wan.mend("drop")
    running.pager.wait_for(resolved, 40)
    assert running.pages() == [FIRING, RESOLVED]

"""The proof: a cut circuit is one page within seconds, whatever the way of cutting; what is behind it pages nothing.

The lab's intervals: echoes each second, `/metrics/state` scraped and rules evaluated each second, group_wait 1s.
"""

import signal
import statistics
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.lab.agent import AgentProcess, moment
from tests.lab.alertmanager import Alertmanager, Receiver, alertmanager, lab_configuration, webhook_receiver
from tests.lab.prometheus import Prometheus
from tests.lab.wan import AGENT_MGMT, PORT, Wan, lab
from tests.waiting import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "linewarden.rules.yml"
WAYS = ("link", "blackhole", "drop")
BEHIND = ("sw", "srv", "crm")
LEDGER_SECONDS = 3.0
PAGE_SECONDS = 6.0
TRUTH_SECONDS = 2.0


@dataclass
class Estate:
    """Everything that runs."""

    wan: Wan
    agent: AgentProcess
    prometheus: Prometheus
    alertmanager: Alertmanager
    pager: Receiver

    def settle(self) -> None:
        """Wait until all is well and nothing fires, then forget what was sent."""
        for name in ("a-b-primary", "ra", *BEHIND):
            self.agent.wait_state(name, "up", 60)
        wait_until(lambda: not self.firing(), 150)  # some rules keep firing for a minute
        time.sleep(2.5)  # one group_interval, so that a late notification would still be seen by the test before
        self.pager.clear()

    def firing(self) -> list[str]:
        """Return the alerts that Alertmanager holds, but for the dead man's switch."""
        labels = [alert["labels"] for alert in self.alertmanager.alerts()]
        return sorted(
            f"{label['alertname']} {label.get('target', '')}"
            for label in labels
            if label["alertname"] != "LinewardenWatchdog"
        )

    def pages(self) -> list[str]:
        """Return every alert that was sent so far, in order, but for the dead man's switch: `status name target`."""
        sent = [n for n in self.pager.sent() if n.path != "/watchdog"]
        return [line for notification in sent for line in notification.names()]

    def here(self) -> AbstractContextManager[None]:
        """Move the calling thread to where Prometheus, Alertmanager and the pager stand."""
        return self.wan.mon.inside()


@contextmanager
def estate(folder: Path, *, backup: bool) -> Iterator[Estate]:
    """Run everything; the calling thread is back home when it is given out (see `Estate.here`)."""
    with ExitStack() as stack:
        wan, agent = stack.enter_context(lab(folder, backup=backup))
        with wan.mon.inside():
            running = Estate(wan, agent, *monitoring(stack, folder))
            running.settle()
        yield running


def monitoring(stack: ExitStack, folder: Path) -> tuple[Prometheus, Alertmanager, Receiver]:
    """Run Prometheus with the shipped rules, Alertmanager and a pager where the calling thread is; all is scraped."""
    pager = stack.enter_context(webhook_receiver())
    am = stack.enter_context(alertmanager(folder, lab_configuration(pager.url)))
    target = [{"targets": [f"{AGENT_MGMT}:{PORT}"]}]
    config = {
        "global": {"scrape_interval": "5s", "evaluation_interval": "1s"},
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [am.address]}]}]},
        "scrape_configs": [
            {"job_name": "linewarden", "static_configs": target},
            {"job_name": "linewarden-state", "metrics_path": "/metrics/state", "scrape_interval": "1s",
             "scrape_timeout": "1s", "static_configs": target},
        ],
    }  # fmt: skip
    rules = yaml.safe_load(RULES.read_text())
    prometheus = stack.enter_context(Prometheus(config, rules={"linewarden.rules.yml": rules}))
    wait_until(lambda: prometheus.query("up == 1"), 30)
    return prometheus, am, pager


@pytest.fixture
def single(tmp_path: Path) -> Iterator[Estate]:
    """Give each test an agent of its own: one that has seen many cuts knows its line for a bad one."""
    with estate(tmp_path, backup=False) as running, running.here():
        yield running


@pytest.fixture
def double(tmp_path: Path) -> Iterator[Estate]:
    with estate(tmp_path, backup=True) as running, running.here():
        yield running


@pytest.mark.parametrize("way", WAYS)
def test_a_cut_is_exactly_one_page_and_one_outage(single: Estate, way: str) -> None:
    single.settle()
    outages = len(single.agent.outages("a-b-primary"))
    cut = time.time()
    single.wan.cut(way)
    sent = single.pager.wait_for(lambda n: any(x.path == "/critical" for x in n), 30)
    page = next(n for n in sent if n.path == "/critical")
    assert page.at.timestamp() - cut < PAGE_SECONDS
    assert page.names() == ["firing CircuitDown a-b-primary"]
    told = page.alerts[0]
    assert all(word in told.annotations["summary"] for word in ("a-b-primary", "ExampleTel", "ETH/12345"))
    for name in BEHIND:
        single.agent.wait_state(name, "unreachable")
    time.sleep(12)  # longer than a round and its timeout: late rounds must not change anything
    assert single.pages() == ["firing CircuitDown a-b-primary"]
    mended = time.time()
    single.wan.mend(way)
    single.pager.wait_for(lambda n: any(x.status == "resolved" for x in n), 30)
    for name in BEHIND:
        single.agent.wait_state(name, "up", 40)
    time.sleep(3)
    assert single.pages() == ["firing CircuitDown a-b-primary", "resolved CircuitDown a-b-primary"]
    assert len(single.agent.outages("a-b-primary")) == outages + 1
    outage = single.agent.outages("a-b-primary")[-1]
    assert abs(moment(outage["began_at"]) - cut) < TRUTH_SECONDS
    assert abs(moment(outage["ended_at"]) - mended) < TRUTH_SECONDS
    for name in BEHIND:
        assert "down" not in [event["new"] for event in single.agent.events(name) if moment(event["at"]) > cut - 5]


def test_the_event_is_in_the_ledger_within_seconds(single: Estate) -> None:
    """Ten cuts, the three ways in turn; each from a moment of the echoes' second that differs."""
    delays = []
    for turn in range(10):
        for name in ("a-b-primary", *BEHIND):  # after some cuts it loses more than usual
            wait_until(lambda name=name: single.agent.state(name) in ("up", "degraded"), 60)  # type: ignore[misc]
        time.sleep(1 + turn * 0.1)
        before = len(single.agent.outages("a-b-primary"))
        cut = time.time()
        single.wan.cut(WAYS[turn % 3])
        wait_until(lambda before=before: len(single.agent.outages("a-b-primary")) > before, 30, 0.02)  # type: ignore[misc]
        delays.append(time.time() - cut)
        single.wan.mend(WAYS[turn % 3])
    print("cut to ledger, seconds:", " ".join(f"{delay:.2f}" for delay in sorted(delays)))
    assert statistics.median(delays) <= LEDGER_SECONDS


def test_a_backup_that_takes_over_is_one_warning_and_both_cut_one_page(double: Estate) -> None:
    double.settle()
    cut = time.time()
    double.wan.cut("link")
    double.pager.wait_for(lambda n: any(x.path == "/warning" for x in n), 30)
    time.sleep(8)
    assert double.pages() == ["firing RedundancyLost a-b"]
    for name in BEHIND:
        assert double.agent.state(name) == "up"
        assert [event["new"] for event in double.agent.events(name) if moment(event["at"]) > cut] == []
    summary = double.pager.sent("/warning")[0].alerts[0].annotations["summary"]
    assert "ExampleTel" in summary
    assert "ETH/12345" in summary
    double.wan.cut_backup()
    double.pager.wait_for(lambda n: any(x.path == "/critical" for x in n), 30)
    for name in BEHIND:
        double.agent.wait_state(name, "unreachable")
    time.sleep(8)
    firing = [line for line in double.pages() if line.startswith("firing")]
    assert firing == ["firing RedundancyLost a-b", "firing CircuitGroupDown a-b"]
    double.wan.mend_backup()
    double.wan.mend("link")
    double.pager.wait_for(lambda n: sum("resolved CircuitGroupDown a-b" in x.names() for x in n) == 1, 60)
    wait_until(lambda: not double.firing(), 60)
    assert sum(line == "firing CircuitGroupDown a-b" for line in double.pages()) == 1


def test_snmpd_that_stops_is_a_failed_check_and_no_failed_device(single: Estate) -> None:
    single.settle()
    agent_of_switch = single.wan.snmpd["10.2.0.2"].process
    agent_of_switch.send_signal(signal.SIGSTOP)
    try:
        single.pager.wait_for(lambda n: any(x.path == "/warning" for x in n), 60)
        assert single.pages() == ["firing CheckDown sw"]
        assert single.agent.state("sw") == "up"
    finally:
        agent_of_switch.send_signal(signal.SIGCONT)
    single.settle()

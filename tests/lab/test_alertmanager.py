"""The lab's own Alertmanager and receiver do what the end-to-end tests rely on."""

import json
import os
import subprocess
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.lab.alertmanager import BINARY, Alertmanager, alertmanager, lab_configuration, webhook_receiver

pytestmark = pytest.mark.skipif(BINARY is None, reason="no Alertmanager: apt install prometheus-alertmanager")


def _post(running: Alertmanager, severity: str, *, over: bool = False) -> None:
    now = datetime.now(UTC).isoformat()
    alert = {"labels": {"alertname": "CircuitDown", "target": "c1", "severity": severity}}
    body = json.dumps([alert | {"endsAt": now} if over else alert]).encode()
    request = urllib.request.Request(
        f"http://{running.address}/api/v2/alerts", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 200


def test_firing_restart_and_resolved_arrive_once_each(tmp_path: Path) -> None:
    with webhook_receiver() as pager, alertmanager(tmp_path, lab_configuration(pager.url)) as running:
        _post(running, "critical")
        (page,) = pager.wait_for(lambda sent: len(sent) == 1, seconds=20)
        assert (page.path, page.status, page.names()) == ("/critical", "firing", ["firing CircuitDown c1"])
        assert running.alerts()[0]["labels"]["target"] == "c1"

        running.stop()
        running.start()
        _post(running, "critical")
        _post(running, "critical", over=True)
        sent = pager.wait_for(lambda sent: sent[-1].status == "resolved", seconds=20)
        assert [n.names() for n in sent] == [["firing CircuitDown c1"], ["resolved CircuitDown c1"]]
        pager.clear()
        assert pager.sent() == ()


def test_a_configuration_that_is_wrong_is_told_with_the_log(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="yaml"), alertmanager(tmp_path, "route: 5"):
        pass


@pytest.mark.lab
@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_both_live_in_a_network_namespace(tmp_path: Path) -> None:
    name = f"lw-am-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        with (
            webhook_receiver(netns=name) as pager,
            alertmanager(tmp_path, lab_configuration(pager.url), netns=name) as running,
        ):
            with pytest.raises(OSError, match="refused"):  # not here
                _post(running, "warning")
            enter = ["ip", "netns", "exec", name, "amtool", f"--alertmanager.url=http://{running.address}"]
            subprocess.run([*enter, "alert", "add", "CircuitDown", "target=c1", "severity=warning"], check=True)
            (ticket,) = pager.wait_for(lambda sent: len(sent) == 1, seconds=20)
            assert (ticket.path, ticket.names()) == ("/warning", ["firing CircuitDown c1"])
            assert len(running.alerts()) == 1
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)

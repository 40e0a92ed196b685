"""The example for Alertmanager: whom an alert reaches, and what keeps quiet beside it."""

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from tests.lab.alertmanager import BINARY, Alertmanager, Notification, alertmanager, webhook_receiver

EXAMPLE: Final = Path(__file__).parents[2] / "deploy" / "alertmanager" / "alertmanager.yml"
pytestmark = pytest.mark.skipif(
    BINARY is None or shutil.which("amtool") is None, reason="no Alertmanager: apt-get install prometheus-alertmanager"
)


def _amtool(*arguments: str) -> str:
    done = subprocess.run(["amtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def test_amtool_accepts_it() -> None:
    assert "SUCCESS" in _amtool("check-config", str(EXAMPLE))


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (("alertname=CircuitDown", "severity=critical"), "pager"),
        (("alertname=RedundancyLost", "severity=warning"), "tickets"),
        (("alertname=LinewardenWatchdog", "severity=none"), "dead-mans-switch"),
        (("alertname=Foreign",), "tickets"),
    ],
)
def test_routing(labels: tuple[str, ...], receiver: str) -> None:
    assert _amtool("config", "routes", "test", f"--config.file={EXAMPLE}", *labels) == receiver


def _post(running: Alertmanager, *alerts: tuple[str, str, str]) -> None:
    now = datetime.now(UTC).isoformat()
    body = [
        {"labels": {"alertname": name, "target": target, "severity": severity}, "startsAt": now}
        for name, target, severity in alerts
    ]
    request = urllib.request.Request(
        f"http://{running.address}/api/v2/alerts", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=5):
        return


def test_one_failure_is_one_notification_and_what_follows_from_it_is_quiet(tmp_path: Path) -> None:
    with webhook_receiver() as receiver:
        configuration = EXAMPLE.read_text().replace("http://127.0.0.1:9095", receiver.url)
        with alertmanager(tmp_path, configuration) as running:
            _post(
                running,
                ("CircuitGroupDown", "bcw-crown", "critical"),
                ("CircuitDown", "enc-crown", "critical"),
                ("RedundancyLost", "bcw-crown", "warning"),  # the group that is down altogether
                ("RedundancyLost", "other", "warning"),
                ("TargetFlapping", "enc-crown", "warning"),
                ("LinewardenDown", "dc1", "critical"),
                ("LinewardenLate", "dc1", "warning"),
                ("LinewardenLate", "dc2", "warning"),
                ("LinewardenWatchdog", "", "none"),
            )
            wanted = {
                "/pager": ["CircuitDown enc-crown", "CircuitGroupDown bcw-crown", "LinewardenDown dc1"],
                "/tickets": ["LinewardenLate dc2", "RedundancyLost other"],
                "/watchdog": ["LinewardenWatchdog"],
            }

            def told(sent: Sequence[Notification]) -> dict[str, list[str]]:
                paths = {n.path for n in sent}
                return {
                    path: sorted(name.removeprefix("firing ") for n in sent if n.path == path for name in n.names())
                    for path in paths
                }

            sent = receiver.wait_for(lambda sent: told(sent) == wanted, seconds=20)
            assert all(len(n.alerts) == 1 for n in sent)
            assert len(sent) == 6

"""An existing job of snmp_exporter, moved to the agent: a real Prometheus, `/snmp` with relabelling, a real snmpd."""

import asyncio
import contextlib
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab import snmpd
from tests.lab.agent import AgentProcess
from tests.lab.prometheus import Prometheus, free_port

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs Prometheus: apt-get install prometheus"),
    pytest.mark.skipif(snmpd.missing() is not None, reason=str(snmpd.missing())),
]


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    made = AgentProcess(None, configure(tmp_path / "linewarden.yaml", free_port(), ["127.0.0.1"]), tmp_path / "state")
    made.start()
    yield made
    with contextlib.suppress(AssertionError):
        made.stop(signal.SIGKILL)


def configure(file: Path, port: int, allow: list[str]) -> Path:
    document = {
        "agent": {"name": "dc1", "listen": f"127.0.0.1:{port}"},
        "snmp": {"auths": {"public_v2": {"community": snmpd.COMMUNITY}}},
        "multitarget": {"allow": allow, "auths": ["public_v2"]},
    }
    file.write_text(yaml.safe_dump(document))
    return file


def listening(agent: AgentProcess) -> str:
    address: str = yaml.safe_load(agent.config.read_text())["agent"]["listen"]
    return address


def job(agent: AgentProcess, targets: list[str]) -> dict[str, Any]:
    """Return the job as snmp_exporter's README has it; only the last line is another one."""
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {
                "job_name": "snmp",
                "metrics_path": "/snmp",
                "params": {"auth": ["public_v2"], "module": ["system,if_mib"]},
                "static_configs": [{"targets": targets}],
                "relabel_configs": [
                    {"source_labels": ["__address__"], "target_label": "__param_target"},
                    {"source_labels": ["__param_target"], "target_label": "instance"},
                    {"target_label": "__address__", "replacement": listening(agent)},
                ],
            }
        ],
    }


async def test_a_job_of_snmp_exporter_works_here(agent: AgentProcess, tmp_path: Path) -> None:
    (tmp_path / "snmpd").mkdir()
    with snmpd.snmpd(tmp_path / "snmpd") as device:
        text = agent.text(f"/snmp?target=127.0.0.1:{device.port}&module=system,if_mib")
        assert "snmp_scrape_pdus_returned" in text, text
        here, elsewhere = f"127.0.0.1:{device.port}", f"127.0.0.2:{device.port}"
        prometheus = Prometheus(job(agent, [here, elsewhere]))
        await asyncio.to_thread(prometheus.__enter__)
        try:
            await prometheus.until(f'up{{job="snmp",instance="{here}"}} == 1')
            await prometheus.until(f'up{{job="snmp",instance="{elsewhere}"}} == 0')
            octets = await prometheus.until(f'ifHCInOctets{{instance="{here}",ifName="lo"}}')
            assert (octets[0].labels["ifIndex"], octets[0].labels["ifDescr"]) == ("1", "lo")
            modules = await prometheus.until(f'snmp_scrape_pdus_returned{{instance="{here}"}} > 0')
            assert {sample.labels["module"] for sample in modules} == {"system", "if_mib"}
            assert await asyncio.to_thread(prometheus.query, f'{{instance="{elsewhere}",__name__=~"if.*"}}') == []
            assert "Error on ingesting" not in prometheus.log()

            configure(agent.config, int(listening(agent).split(":")[1]), ["127.0.0.2"])
            assert "reloaded" in agent.text("/-/reload", method="POST")
            await prometheus.until(f'up{{job="snmp",instance="{here}"}} == 0')
        finally:
            await asyncio.to_thread(prometheus.__exit__, None, None, None)

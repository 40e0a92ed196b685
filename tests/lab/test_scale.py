"""The largest estate that one process is meant for, for an hour: what it costs, and that nothing grows."""

import time
from pathlib import Path

import pytest

from tests.lab.agent import AgentProcess, many_addresses, many_devices
from tests.lab.net import pair

pytestmark = [pytest.mark.lab, pytest.mark.soak]
TARGETS, SECONDS, SETTLE_SECONDS = 10_000, 3600, 300
CORE_SHARE, MEMORY_OCTETS, GROWTH = 0.30, 300_000_000, 1.05


@pytest.mark.timeout(SECONDS + SETTLE_SECONDS + 600)
def test_ten_thousand_targets_for_an_hour(tmp_path: Path) -> None:
    with pair() as (near, far):
        far.ip("route add local 10.8.0.0/16 dev lo")
        near.ip("route add 10.8.0.0/16 via 10.9.0.2")
        agent = AgentProcess(near.name, many_devices(tmp_path, many_addresses(TARGETS)), tmp_path / "state")
        agent.start(seconds=180)
        try:
            time.sleep(SETTLE_SECONDS)
            before, cpu, began = agent.memory_octets(), agent.cpu_seconds(), time.monotonic()
            most = before
            while time.monotonic() - began < SECONDS:
                time.sleep(10)
                most = max(most, agent.memory_octets())
            share = (agent.cpu_seconds() - cpu) / (time.monotonic() - began)
            text = agent.text("/metrics")
        finally:
            agent.stop()
    print(f"{share:.1%} of a core, {before / 1e6:.0f} MB after {SETTLE_SECONDS} s, {most / 1e6:.0f} MB at most")
    assert share < CORE_SHARE
    assert most < MEMORY_OCTETS
    assert most < GROWTH * before
    lost = [line for line in text.splitlines() if line.startswith("linewarden_echoes_lost_total{")]
    assert len(lost) == TARGETS
    assert all(line.endswith(" 0") for line in lost)

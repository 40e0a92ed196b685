"""A circuit that ends at this host: the interface that its echoes are bound to is a part of it."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.lab.agent import AgentProcess, moment
from tests.lab.net import Namespace, link
from tests.waiting import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

ESTATE = {
    "agent": {"name": "lab", "site": "a"},
    "sites": [{"name": "a"}, {"name": "b"}],
    "circuits": [
        {
            "name": "a-b",
            "supplier": "ExampleTel",
            "reference": "ETH/1",
            "between": ["a", "b"],
            "far_end": "10.20.0.2",
            "icmp": {"interval": "1s", "interface": "wan"},
        }
    ],
}


@dataclass
class Line:
    near: Namespace
    far: Namespace
    agent: AgentProcess


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    with ExitStack() as stack:
        near, far = stack.enter_context(Namespace("near")), stack.enter_context(Namespace("far"))
        link(near, "wan", far, "wan", addresses=("10.20.0.1/30", "10.20.0.2/30"))
        config = tmp_path / "linewarden.yaml"
        config.write_text(yaml.safe_dump(ESTATE))
        agent = AgentProcess(near.name, config, tmp_path / "state")
        stack.callback(agent.stop)
        agent.start()
        agent.wait_state("a-b", "up")
        yield Line(near, far, agent)


@pytest.mark.parametrize(("at", "reason"), [("near", "switched off"), ("far", "no carrier")])
def test_its_failure_is_the_circuits_and_told_within_seconds(line: Line, at: str, reason: str) -> None:
    host = line.near if at == "near" else line.far
    cut = time.time()
    host.ip("link set wan down")
    wait_until(lambda: line.agent.outages("a-b"), 30, 0.02)
    delay = time.time() - cut
    print(f"interface down to ledger: {delay:.2f} s")
    assert delay < 8  # 1 to 3 s on a machine with nothing else to do; by the end of a round it would be up to 13
    time.sleep(14)  # the round that was under way, and its timeout
    (outage,) = line.agent.outages("a-b")
    assert (outage["state"], outage["ended_at"]) == ("down", None)
    assert reason in outage["reason"]
    assert abs(moment(outage["began_at"]) - cut) < 3
    assert "blind" not in [event["new"] for event in line.agent.events("a-b", kind="blind")]
    mended = time.time()
    host.ip("link set wan up")
    line.agent.wait_state("a-b", "up")
    (outage,) = line.agent.outages("a-b")
    assert abs(moment(outage["ended_at"]) - mended) < 8

"""`/snmp` of the whole agent: nothing is allowed until the configuration says so, and a reload counts at once."""

import contextlib
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.agent import AgentProcess
from tests.lab.prometheus import free_port

MODULES = """\
auths: {theirs: {community: hidden-word, version: 2}, core: {community: other-word}}
modules: {quick: {get: [1.3.6.1.2.1.1.3.0], timeout: 200ms, retries: 0}}
"""


def write(file: Path, **multitarget: Any) -> Path:  # noqa: ANN401 - YAML
    """Write a configuration without targets."""
    (file.parent / "snmp.yml").write_text(MODULES)
    document = {
        "agent": {"name": "dc1", "listen": f"127.0.0.1:{free_port()}"},
        "snmp": {"auths": {"public_v2": {"community": "public"}, "core": {"community": "sesame-word"}}},
        "multitarget": {"modules": ["snmp.yml"], **multitarget},
    }
    file.write_text(yaml.safe_dump(document))
    return file


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    made = AgentProcess(None, write(tmp_path / "linewarden.yaml"), tmp_path / "state")
    made.start()
    yield made
    with contextlib.suppress(AssertionError):
        made.stop(signal.SIGKILL)


@pytest.fixture
def deaf() -> Iterator[str]:
    """Give the address of a device that never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{sock.getsockname()[1]}"


def reload(agent: AgentProcess, **multitarget: Any) -> None:  # noqa: ANN401 - YAML
    write(agent.config, **multitarget)
    assert "reloaded" in agent.text("/-/reload", method="POST")


def test_what_may_be_asked_follows_the_configuration(agent: AgentProcess, deaf: str) -> None:
    query = f"/snmp?target={deaf}&module=quick"
    refusal = agent.text(query)
    assert refusal.startswith("Not allowed: 127.0.0.1 is not in multitarget.allow, and auth 'public_v2' is not in")

    reload(agent, **yaml.safe_load(refusal[refusal.index("multitarget:\n") :])["multitarget"])  # its own advice
    failed = agent.text(query)
    assert failed.startswith("An error has occurred while serving metrics:\n\n")
    assert "Not allowed: auth 'theirs' is not in multitarget.auths." in agent.text(f"{query}&auth=theirs")
    assert agent.text(f"{query}&auth=nope") == "Unknown auth 'nope'\n"
    assert agent.text(f"{query},nope") == "Unknown module 'nope'\n"

    reload(agent, allow=["127.0.0.0/8"], auths=["theirs"])
    assert "Not allowed: auth 'public_v2'" in agent.text(query)
    failed += agent.text(f"{query}&auth=theirs")
    assert "Not allowed" not in failed

    reload(agent)
    assert "Not allowed: 127.0.0.1 is not in multitarget.allow" in agent.text(query)
    metrics = agent.text("/metrics")
    for status, count in ((200, 0), (400, 2), (403, 4), (500, 2)):
        sample = f'linewarden_multitarget_scrapes_total{{target="dc1",endpoint="/snmp",status="{status}"}} {count}\n'
        assert sample in metrics
    assert 'linewarden_multitarget_scrapes_in_flight{target="dc1",endpoint="/snmp"} 0\n' in metrics
    told = metrics + agent.log() + failed
    assert not [word for word in ("sesame-word", "hidden-word", "other-word") if word in told]
    assert "snmp.auths.core: wins over the auth of the same name in" in agent.log()


def test_a_reload_that_is_refused_changes_nothing(agent: AgentProcess, deaf: str) -> None:
    write(agent.config, allow=["127.0.0.0/8", "10.0.0.1/8"], auths=["public_v2"])
    assert "multitarget.allow[1]: expected a network such as 10.0.0.0/8" in agent.text("/-/reload", method="POST")
    assert "Not allowed: 127.0.0.1" in agent.text(f"/snmp?target={deaf}")

"""The real snmpd of the lab, also within a network namespace."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.snmpd import missing, snmpd


@pytest.fixture
def namespace() -> Iterator[str]:
    """A network namespace of its own, with nothing but loopback."""
    if reason := missing() or ("" if os.geteuid() == 0 else "network namespaces need root"):
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    name = f"lw-snmpd-{uuid.uuid4().hex[:8]}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


@pytest.mark.lab
def test_it_answers_within_a_namespace_and_not_outside(namespace: str, tmp_path: Path) -> None:
    inside = ["ip", "netns", "exec", namespace]
    with snmpd(tmp_path, port=161, prefix=inside) as agent:
        get = ["snmpget", "-v2c", "-c", agent.community, "-t", "1", "-r", "0", agent.address, ".1.3.6.1.2.1.1.5.0"]
        found = subprocess.run([*inside, *get], capture_output=True, check=True, text=True)
        assert "lab-agent" in found.stdout
        assert subprocess.run(get, capture_output=True, check=False).returncode != 0
    assert agent.process.poll() is not None

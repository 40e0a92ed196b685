"""`linewarden probe snmp` on recorded devices: a stage of its own, run where the recordings lie beside the project."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli.probe_snmp import command

SHARED = Path(__file__).resolve().parents[3] / "shared"
FOLDER = SHARED / "data/recordings/rec"
# what each of these devices has: kinds of sensors, and the MIB that it tells them by
DEVICES = {
    "lnms_asa.snmprec": ({"fan", "temperature", "state"}, "ENTITY-SENSOR-MIB"),
    "lnms_ios_2960x.snmprec": ({"voltage DC", "optical power", "current"}, "CISCO-ENTITY-SENSOR-MIB"),
    "sim_unknown-006.snmprec": ({"temperature"}, "LM-SENSORS-MIB"),
}

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not FOLDER.exists(), reason="no recordings beside the project"),
]


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """Serve the recordings on loopback, one port each."""
    files = [str(FOLDER / name) for name in DEVICES]
    for _ in range(10):
        words = [str(SHARED / "tools/serve_recordings.py"), "--port", str(random.randrange(31000, 32000)), *files]
        command_line = [sys.executable, "-W", "ignore", *words]
        with subprocess.Popen(command_line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
            assert server.stdout is not None
            line = server.stdout.readline()
            try:
                if line:
                    yield {Path(file).name: port for file, port in json.loads(line).items()}
                    return
            finally:
                server.terminate()
    pytest.fail("the recordings cannot be served")


@pytest.mark.parametrize("name", list(DEVICES))
def test_sensors_of_recorded_devices(ports: dict[str, int], name: str, tmp_path: Path) -> None:
    kinds, source = DEVICES[name]
    empty = tmp_path / "linewarden.yaml"
    empty.write_text("snmp: {}\n")
    done = CliRunner().invoke(command, [f"127.0.0.1:{ports[name]}", "--config", str(empty), "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["interfaces"]
    assert {sensor["source"] for sensor in document["sensors"]} == {source}
    assert kinds <= {sensor["kind"] for sensor in document["sensors"]}
    assert all(-60 < sensor["value"] < 120 for sensor in document["sensors"] if sensor["kind"] == "temperature")

"""Recorded devices, served on loopback where the recordings lie beside the project."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[4] / "shared"
GOOD = sorted((SHARED / "data/recordings/rec").glob("*.snmp*"))
BAD = sorted((SHARED / "data/recordings-bad").glob("*.snmp*"))


@contextmanager
def served(paths: Sequence[Path]) -> Iterator[dict[str, int]]:
    """Serve each file on a port of its own, where a run of them is free; yield the ports by file."""
    tool = SHARED / "tools/serve_recordings.py"
    for _ in range(10):
        base = random.randrange(21000, 31000)
        command = [sys.executable, "-W", "ignore", str(tool), "--port", str(base), *map(str, paths)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
            assert server.stdout is not None
            line = server.stdout.readline()
            try:
                if line:
                    yield json.loads(line)
                    return
            finally:
                server.terminate()
    pytest.fail("no run of free ports for the recordings")

"""The own engine's id and boots: they survive everything but a disk that is lost, and never come twice."""

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from probes.snmp.ownengine import FILE_NAME, MAX_BOOTS, start


def test_boots_grow_by_one_at_each_start_and_the_id_stays(tmp_path: Path) -> None:
    lives = [start(tmp_path) for _ in range(3)]
    assert [life.boots for life in lives] == [1, 2, 3]
    assert len({life.engine_id for life in lives}) == 1
    assert json.loads((tmp_path / FILE_NAME).read_text()) == {"engine_id": lives[0].engine_id.hex(), "boots": 3}
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert lives[0].seconds() in range(60)


def test_the_id_is_one(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = start(tmp_path / "a").engine_id, start(tmp_path / "b").engine_id
    assert one != other
    assert 5 <= len(one) <= 32  # RFC 3411, SnmpEngineID
    assert one[0] & 0x80
    assert one[4] == 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[1]",
        '{"engine_id": "80004fb805aa"}',
        '{"engine_id": "zz", "boots": 7}',
        '{"engine_id": "80", "boots": 7}',
        '{"engine_id": "80004fb80501020304", "boots": "7"}',
        '{"engine_id": "80004fb80501020304", "boots": 0}',
        '{"engine_id": "00004fb80501020304", "boots": 7}',
        '{"engine_id": 7, "boots": 7}',
        f'{{"engine_id": "80004fb80501020304", "boots": {MAX_BOOTS - 1}}}',  # RFC 3414, 2.2.2: a new id is needed
    ],
)
def test_what_cannot_be_trusted_makes_a_new_engine(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    life = start(tmp_path)
    assert life.boots == 1
    assert life.engine_id != bytes.fromhex("80004fb80501020304")
    assert start(tmp_path).engine_id == life.engine_id


def test_without_a_disk_every_life_is_a_new_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = start(tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with caplog.at_level(logging.WARNING):
        lives = [start(tmp_path), start(tmp_path)]
    assert len({before.engine_id, *(life.engine_id for life in lives)}) == 3
    assert [life.boots for life in lives] == [1, 1]
    assert "No space left on device" in caplog.text
    monkeypatch.undo()
    after = start(tmp_path)
    assert (after.engine_id, after.boots) == (before.engine_id, 2)  # as if the others had not been
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


_STARTS = """
import sys
from pathlib import Path
from probes.snmp.ownengine import start
while True:
    print(start(Path(sys.argv[1])).boots, flush=True)
"""


def test_boots_that_were_used_are_on_disk_after_a_kill(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", _STARTS, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(20):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    used = [int(line) for line in process.stdout.read().split("\n")[:-1] if line]
    process.wait()
    process.stdout.close()
    assert start(tmp_path).boots > max([20, *used])

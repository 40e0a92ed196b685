"""A scan with a smartctl of our own making: a script that answers as the real one does."""

import json
import os
import shutil
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent.cli.hardware_scan import command
from probes.local import scan
from probes.local.document import Document, load
from tests.probes.local.test_kernel import put
from tests.probes.local.test_smart import ATA, NVME

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SCRIPT = """\
#!/bin/sh
for last; do :; done
case "$*" in
  *--scan-open*) cat '{root}/scan.json';;
  *) cat "{root}/$(basename "$last").json"; exit $(cat "{root}/$(basename "$last").status" 2>/dev/null || echo 0);;
esac
"""


def smartctl(root: Path, answers: dict[str, Any], **status: int) -> str:
    """Write a smartctl that answers so by device, and returns where it is."""
    devices = [{"name": f"/dev/{name}", "type": "sat"} for name in answers]
    (root / "scan.json").write_text(json.dumps({"devices": devices}))
    for name, answer in answers.items():
        (root / f"{name}.json").write_text(answer if isinstance(answer, str) else json.dumps(answer))
    for name, code in status.items():
        (root / f"{name}.status").write_text(str(code))
    tool = root / "smartctl"
    tool.write_text(SCRIPT.format(root=root))
    tool.chmod(0o755)
    return str(tool)


def test_all_that_can_be_read_is_and_the_rest_is_a_problem(tmp_path: Path) -> None:
    refused = {"smartctl": {"messages": [{"string": "Smartctl open device: /dev/sdc failed"}]}}
    asleep = {"smartctl": {"messages": [{"string": "Device is in STANDBY mode, exit(2)"}]}}
    tool = smartctl(
        tmp_path, {"sda": ATA, "sdb": "no JSON", "sdc": refused, "sdd": asleep, "nvme0": NVME, "sde": {}},
        sda=64, sdc=2, sdd=2,
    )  # fmt: skip
    put(tmp_path / "sys/class/dmi/id", sys_vendor="Made Up Inc.")
    put(tmp_path / "sys/devices/system/edac/mc/mc0", ce_count="3")
    found = scan.scan(NOW, sys_root=tmp_path / "sys", smartctl=tool)
    assert [disk.serial for disk in found.disks] == ["MADEUP0001", "MADEUP0002"]
    assert (found.machine.vendor, found.memory[0].corrected) == ("Made Up Inc.", 3)
    assert found.problems == (
        f"/dev/sdb: {tool} gave no JSON (exit status 0); it has to be 7.0 or later",
        f"/dev/sdc: {tool} could not read it (exit status 2): Smartctl open device: /dev/sdc failed",
    )


def test_a_host_without_smartctl(tmp_path: Path) -> None:
    (problem,) = scan.scan(NOW, sys_root=tmp_path, smartctl=str(tmp_path / "none")).problems
    assert problem.endswith("none cannot be started: No such file or directory; is smartmontools installed?")


def test_a_disk_that_hangs_does_not_hold_up_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "DISK_SECONDS", 0.2)
    tool = smartctl(tmp_path, {"sda": ATA})
    sleep = shutil.which("sleep")
    Path(tool).write_text(SCRIPT.format(root=tmp_path).replace('  *) cat "', f'  *) exec {sleep} 1000; cat "'))
    (problem,) = scan.scan(NOW, sys_root=tmp_path, smartctl=tool).problems
    assert problem == f"/dev/sda: {tool} took longer than 0.2 s"


def test_whoever_says_too_much_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = smartctl(tmp_path, {"sda": ATA})
    Path(tool).write_text(SCRIPT.format(root=tmp_path).replace('  *) cat "', '  *) exec yes; cat "'))
    (problem,) = scan.scan(NOW, sys_root=tmp_path, smartctl=tool).problems
    assert problem == f"/dev/sda: {tool} said more than {1 << 20} octets"
    monkeypatch.setattr(scan, "MOST_DISKS", 1)
    tool = smartctl(tmp_path, {"sda": ATA, "sdb": ATA})
    found = scan.scan(NOW, sys_root=tmp_path, smartctl=tool)
    assert (len(found.disks), found.problems) == (1, ("disks: 2 found, the first 1 read",))


def test_the_file_is_replaced_at_once_and_is_not_for_everybody(tmp_path: Path) -> None:
    path = tmp_path / "hardware.json"
    path.write_text("old")
    former = os.umask(0)
    try:
        scan.write(path, Document(at=NOW))
    finally:
        os.umask(former)
    assert load(path, NOW) == Document(at=NOW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [entry.name for entry in tmp_path.iterdir()] == ["hardware.json"]


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "hardware.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        scan.write(tmp_path / "hardware.json", Document(at=NOW))
    assert [entry.name for entry in tmp_path.iterdir()] == ["hardware.json"]


def test_the_command(tmp_path: Path) -> None:
    tool = smartctl(tmp_path, {"sda": ATA})
    told = ["--smartctl", tool, "--sys", str(tmp_path)]
    shown = CliRunner().invoke(command, told)
    assert shown.exit_code == 0
    assert json.loads(shown.stdout)["disks"][0]["reallocated_sectors"] == 8
    path = tmp_path / "hardware.json"
    wrote = CliRunner().invoke(command, [*told, "--output", str(path)])
    assert wrote.stdout == f"{path}: 1 disks, 0 memory modules\n"
    found = load(path, datetime.now(UTC))
    assert found is not None
    assert len(found.disks) == 1
    nowhere = CliRunner().invoke(command, [*told, "--output", str(tmp_path / "no" / "x.json")])
    assert nowhere.exit_code == 3
    assert "x.json: cannot be written: No such file or directory" in nowhere.stderr

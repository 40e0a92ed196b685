"""The host probe on this very host, and on hosts of which parts are missing."""

import asyncio
import contextlib
import os
import threading
import time
from collections import namedtuple
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError

from agent.core.hardware import Condition
from agent.core.model import Check, Observation, Outcome
from agent.core.ports import Resources
from agent.core.series import SeriesBlock
from probes import host
from probes.host import Probe, Settings
from probes.local.document import Disk, Document, Machine, text_of
from probes.local.ours import Sample

Temperature = namedtuple("Temperature", "label current high critical")  # noqa: PYI024 - psutil's own shape
Fan = namedtuple("Fan", "label current")  # noqa: PYI024 - psutil's own shape


@pytest.fixture(autouse=True)
def proc_is_put_back() -> Iterator[None]:
    yield
    psutil.PROCFS_PATH = "/proc"


async def run(
    resources: Resources | None = None,
    probe: Probe | None = None,
    timeout: str = "10s",  # noqa: ASYNC109 - the probe's setting, not a deadline of this function
    hardware_file: str = "/nonexistent/hardware.json",
) -> Observation:
    settings = Settings.model_validate({"type": "host", "timeout": timeout, "hardware_file": hardware_file})
    probe = probe or Probe(resources or Resources())
    seen = await probe.run(Check("this host", "host", "host", settings.interval, settings))
    assert (seen.target, seen.check) == ("this host", "host")
    await probe.close()
    return seen


def samples(block: SeriesBlock | None) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Parse the block as Prometheus would; a name or a sample that comes twice fails."""
    assert block is not None
    lines = []
    for family in block.families:
        lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.type}"]
        lines += [f"{prefix} {value!r}" for prefix, value in zip(family.prefixes, family.values.tolist(), strict=True)]
    parsed = list(text_string_to_metric_families("\n".join(lines) + "\n"))
    assert len({family.name for family in block.families}) == len(block.families) == len(parsed)
    every = [(one.name, frozenset(one.labels.items()), one.value) for family in parsed for one in family.samples]
    assert len(every) == len(block)
    found = {(name, labels): value for name, labels, value in every}
    assert len(found) == len(every)
    assert all(dict(labels)["target"] == "this host" for _, labels in found)
    return found


def value(found: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str) -> float:
    return found[name, frozenset({"target": "this host", **labels}.items())]


async def test_this_host_in_node_exporters_words() -> None:
    seen = await run()
    assert seen.outcome is Outcome.OK
    assert seen.duration_seconds is not None
    assert seen.interfaces == ()
    found = samples(seen.series)
    memory = psutil.virtual_memory()
    assert value(found, "node_memory_MemTotal_bytes") == memory.total
    assert 0 < value(found, "node_memory_MemAvailable_bytes") <= memory.total
    assert value(found, "node_boot_time_seconds") == psutil.boot_time()
    for number in range(len(psutil.cpu_times(percpu=True))):
        assert value(found, "node_cpu_seconds_total", cpu=str(number), mode="idle") > 0
    assert value(found, "node_load1") >= 0
    assert value(found, "node_network_up", device="lo") in (0, 1)
    assert value(found, "node_network_receive_bytes_total", device="lo") >= 0
    size = next(v for (name, labels), v in found.items()
                if name == "node_filesystem_size_bytes" and ("mountpoint", "/") in labels)  # fmt: skip
    root = os.statvfs("/")
    assert size == root.f_blocks * root.f_frsize
    assert not any("/run/netns" in str(labels) for _, labels in found)
    assert {family.type for family in (seen.series or SeriesBlock(())).families} == {"counter", "gauge"}


async def test_facts_and_the_sentence() -> None:
    seen = await run()
    facts = {fact.name: fact.value for fact in seen.facts}
    assert facts["system_name"] == os.uname().nodename
    assert facts["cpu_count"] == os.cpu_count()
    uptime = facts["uptime_seconds"]
    assert isinstance(uptime, float)
    assert 0 <= time.clock_gettime(time.CLOCK_BOOTTIME) - uptime < 60
    assert {"os_name", "kernel_release", "boot_time", "memory_octets"} <= set(facts)
    assert all(fact.source for fact in seen.facts)
    assert seen.detail.startswith("load ")
    assert "memory available" in seen.detail
    assert "fullest file system /" in seen.detail


async def test_a_counter_moves_between_two_runs() -> None:
    first = samples((await run()).series)
    second = samples((await run()).series)
    name = "node_context_switches_total"
    assert value(second, name) > value(first, name)


@pytest.fixture
def only_stat(tmp_path: Path) -> Path:
    """Return a place where the kernel shows its stat file alone: no memory, no mounts, no network."""
    (tmp_path / "stat").write_text(Path("/proc/stat").read_text())
    return tmp_path


async def test_what_is_missing_is_left_out_and_the_rest_stays(only_stat: Path) -> None:
    probe = Probe(Resources())
    probe.configure(Resources(proc_root=only_stat))
    seen = await run(probe=probe)
    assert seen.outcome is Outcome.OK
    found = samples(seen.series)
    names = {name for name, _ in found}
    assert "node_cpu_seconds_total" in names
    assert not any(name.startswith(("node_memory_Mem", "node_network_receive", "node_filesystem")) for name in names)
    assert "memory available" not in seen.detail


async def test_a_host_that_shows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[Sample]:
        yield from [("never", {}, float(Path("/no/such/file").stat().st_size))]

    def no_release() -> dict[str, str]:
        raise OSError("no os-release")

    monkeypatch.setattr(host, "_PARTS", (broken, broken))
    monkeypatch.setattr("platform.freedesktop_os_release", no_release)
    monkeypatch.setattr("os.cpu_count", lambda: None)
    seen = await run(Resources(proc_root=tmp_path))
    assert seen.outcome is Outcome.OK
    assert seen.detail == "nothing could be read of this host"
    assert seen.series is not None
    assert len(seen.series) == 0
    assert {fact.name for fact in seen.facts} == {"system_name", "kernel_release"}


async def test_sensors_of_one_driver_get_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    disks = [Temperature("Composite", 41.0, 84.8, 88.0), Temperature("Composite", 43.0, None, None)]
    temperatures = {"nvme": disks, "acpitz": [Temperature("", 27.5, None, 105.0)]}
    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: temperatures)
    monkeypatch.setattr(psutil, "sensors_fans", lambda: {"thinkpad": [Fan("", 3200), Fan("rear", 0)]})
    found = samples((await run()).series)
    assert value(found, "node_hwmon_temp_celsius", chip="nvme", sensor="Composite") == 41.0
    assert value(found, "node_hwmon_temp_celsius", chip="nvme", sensor="Composite #2") == 43.0
    assert value(found, "node_hwmon_temp_crit_celsius", chip="acpitz", sensor="temp1") == 105.0
    assert value(found, "node_hwmon_fan_rpm", chip="thinkpad", sensor="fan1") == 3200
    with pytest.raises(KeyError):
        value(found, "node_hwmon_temp_max_celsius", chip="nvme", sensor="Composite #2")


async def test_mounts_each_device_once_and_nothing_that_is_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    mount = namedtuple("mount", "device mountpoint fstype opts")  # noqa: PYI024 - psutil's own shape
    block = [
        mount("/dev/sda1", "/usr", "ext4", "ro"),
        mount("/dev/sda1", "/", "ext4", "rw"),
        mount("/dev/loop7", "/snap/core/1", "squashfs", "ro"),
        mount("/dev/sdb1", "/var/lib/docker/volumes/x", "xfs", "rw"),
        mount("/dev/sdc1", "/no/such/place", "xfs", "rw"),
        mount("/dev/sdd1", "/proc\n", "xfs", "rw"),
    ]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: block)  # noqa: A006 - psutil's own name
    places = {
        dict(labels)["mountpoint"] for name, labels in samples((await run()).series) if name.startswith("node_filesy")
    }
    assert places == {"/"}


@pytest.mark.parametrize(
    ("device", "whole"),
    [("sda", True), ("sda1", False), ("nvme0n1", True), ("nvme0n1p2", False), ("dm-0", True), ("md0", True),
     ("loop3", False), ("zram0", False), ("vdb", True), ("vdb2", False), ("mmcblk0", True), ("mmcblk0p1", False)],
)  # fmt: skip
def test_whole_disks(device: str, whole: bool) -> None:
    assert (host._NO_DISK.fullmatch(device) is None) is whole


def test_label_values_are_escaped() -> None:
    block = host._block("this host", [("node_filesystem_files", {"mountpoint": '/a"b\\c\nd\udcff'}, 1)])
    assert value(samples(block), "node_filesystem_files", mountpoint='/a"b\\c\nd�') == 1


async def test_a_reading_that_hangs_is_unknown_and_is_not_piled_up(monkeypatch: pytest.MonkeyPatch) -> None:
    hang = threading.Event()
    started = []

    def hanging() -> Iterator[Sample]:
        started.append(1)
        hang.wait(30)
        yield "node_load1", {}, 1.0

    monkeypatch.setattr(host, "_PARTS", (hanging,))
    probe = Probe(Resources())
    seen = await run(probe=probe, timeout="100ms")
    assert seen.outcome is Outcome.UNKNOWN
    assert seen.detail == "reading this host took longer than 100 ms"
    seen = await run(probe=probe)
    assert seen.outcome is Outcome.UNKNOWN
    assert "has not come back" in seen.detail
    assert len(started) == 1
    hang.set()
    assert probe._reading is not None
    await asyncio.to_thread(probe._reading.join, 10)
    assert (await run(probe=probe)).outcome is Outcome.OK
    assert len(started) == 2


async def test_a_bug_is_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(proc_root: Path) -> Any:  # noqa: ANN401 - it never returns
        raise ZeroDivisionError

    monkeypatch.setattr(host, "_read", bug)
    with pytest.raises(ZeroDivisionError):
        await run()


async def test_cancelled_while_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    hang = threading.Event()

    def hanging() -> Iterator[Sample]:
        hang.wait(30)
        yield "node_load1", {}, 1.0

    monkeypatch.setattr(host, "_PARTS", (hanging,))
    probe = Probe(Resources())
    task = asyncio.create_task(run(probe=probe))
    await asyncio.sleep(0.05)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    hang.set()
    assert probe._reading is not None
    await asyncio.to_thread(probe._reading.join, 10)
    await asyncio.sleep(0)


def test_settings_refuse_what_they_do_not_know() -> None:
    assert Settings.model_validate({"type": "host"}).interval == 30
    with pytest.raises(ValidationError):
        Settings.model_validate({"type": "host", "intervall": "3s"})


def test_importing_the_probe_does_not_import_psutil() -> None:
    import subprocess
    import sys

    code = "import sys, probes.host; sys.exit('psutil' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


async def test_hardware_of_this_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def heat() -> dict[str, list[Any]]:
        return {"coretemp": [Temperature("Package id 0", 45.0, 80.0, 100.0), Temperature("", 40.0, None, None)]}

    monkeypatch.setattr(psutil, "sensors_temperatures", heat)
    path = tmp_path / "hardware.json"
    scan = Document(
        at=datetime.now(UTC), disks=(Disk(device="/dev/sda", passed=False),), machine=Machine(vendor="Made Up")
    )
    path.write_text(text_of(scan))
    seen = (await run(hardware_file=str(path))).hardware
    assert seen is not None
    assert [(one.name, one.condition) for one in seen.entities] == [("sda", Condition.FAILED)]
    assert [(one.name, one.value, one.warning, one.critical) for one in seen.readings] == [
        ("coretemp Package id 0", 45.0, 80.0, 100.0),
        ("coretemp temp2", 40.0, None, None),
    ]
    assert "/" in {store.name for store in seen.stores}
    assert all(0 <= store.used_octets <= store.size_octets for store in seen.stores)
    assert [fact.value for fact in seen.facts] == ["Made Up"]
    assert seen.complete


async def test_a_scan_that_cannot_be_used_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "hardware.json"
    path.write_text("{")
    seen = await run(hardware_file=str(path))
    assert seen.outcome is Outcome.OK
    assert f"; {path}: Invalid JSON" in seen.detail
    assert seen.hardware is not None
    assert not seen.hardware.complete
    missing = await run(hardware_file=str(tmp_path / "none"))
    assert missing.hardware is not None
    assert missing.hardware.complete
    assert "none" not in missing.detail

"""The agent's own host by psutil: CPU, memory, file systems, disks, network, temperatures.

Names and meanings are node_exporter's, so that its dashboards and rules go on working. Every series has `target`:

- `node_cpu_seconds_total{cpu,mode}`, `node_load1`, `node_load5`, `node_load15`, `node_context_switches_total`,
  `node_intr_total`, `node_boot_time_seconds`, `node_uname_info{sysname,release,version,machine,nodename}`
- `node_memory_MemTotal_bytes`, `node_memory_MemAvailable_bytes`, `node_memory_MemFree_bytes`,
  `node_memory_Buffers_bytes`, `node_memory_SwapTotal_bytes`, `node_memory_SwapFree_bytes`
- `node_filesystem_{size,free,avail}_bytes`, `node_filesystem_files`, `node_filesystem_files_free`
  `{device,fstype,mountpoint}`: block devices, each once (the shortest mount point), and `/` whatever it is on
- `node_disk_{reads,writes}_completed_total`, `node_disk_read_bytes_total`, `node_disk_written_bytes_total`,
  `node_disk_{read,write,io}_time_seconds_total` `{device}`: whole disks, not partitions
- `node_network_{receive,transmit}_{bytes,packets,errs,drop}_total`, `node_network_up` (also 1 for `lo`),
  `node_network_mtu_bytes`, `node_network_speed_bytes` `{device}`
- `node_hwmon_temp_celsius`, `node_hwmon_temp_max_celsius`, `node_hwmon_temp_crit_celsius`, `node_hwmon_fan_rpm`
  `{chip,sensor}`: chip is the driver's name, sensor its label or `temp1`, `fan1` ...

A part that cannot be read (no sensors in a virtual machine, no /proc/diskstats in a container) is left out, and never
fails the others.
"""

import asyncio
import contextlib
import os
import platform
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from agent.core.model import Check, Fact, Observation, Outcome
from agent.core.ports import Resources
from agent.core.series import Family, SeriesBlock
from agent.core.units import Duration, Strict, format_duration
from probes.local import ours
from probes.local.document import DEFAULT_FILE, DocumentError
from probes.local.ours import Sample, Scanned

# node_exporter's defaults: partitions and memory disks; mount points that belong to containers or to the kernel
_NO_DISK: Final = re.compile(r"(z?ram|loop|fd|sr|(h|s|v|xv)d[a-z]|(nvme\d+n|mmcblk)\d+p)\d+")
_NO_MOUNT: Final = re.compile(
    r"/(dev|proc|sys|run/(credentials|netns|user)|var/lib/(docker|containers/storage))(/.*)?", re.DOTALL
)
_OWN_SHARE: Final = 0.95  # of the timeout: ends before the runner's deadline, which would count against the host
_IMAGES: Final = frozenset({"squashfs", "iso9660", "erofs"})  # read-only images are always full

Part = Callable[[], Iterator[Sample]]
_Read = tuple[list[Sample], tuple[Fact, ...], Scanned]


class Settings(Strict):
    """`host: {interval: 30s}`.

    Attributes:
        hardware_file: what linewarden-hardware.service writes; where there is none, disks and memory say nothing.
    """

    type: Literal["host"]
    interval: Annotated[Duration, Field(gt=0)] = 30.0
    timeout: Annotated[Duration, Field(gt=0)] = 10.0
    hardware_file: Path = DEFAULT_FILE


class Probe:
    """Reads this host in a thread of its own: a file system that hangs must not hold up anything else."""

    type: ClassVar[str] = "host"

    def __init__(self, resources: Resources) -> None:
        """Take the place where the kernel shows this host."""
        self._proc_root = resources.proc_root
        self._reading: threading.Thread | None = None

    def configure(self, resources: Resources) -> None:
        """Read from the new place at the next run."""
        self._proc_root = resources.proc_root

    async def run(self, check: Check) -> Observation:
        """Measure once.

        Returns:
            `ok` with the series and facts of every part that could be read; `unknown` where the reading hangs.
        """
        settings = check.settings
        assert isinstance(settings, Settings)
        now = datetime.now(UTC)
        if self._reading is not None and self._reading.is_alive():
            detail = "the former reading of this host has not come back: a file system or disk that hangs?"
            return Observation(check.target, check.name, now, Outcome.UNKNOWN, detail)
        began = time.monotonic()
        try:
            async with asyncio.timeout(settings.timeout * _OWN_SHARE):
                samples, facts, scanned = await self._in_thread(settings.hardware_file)
        except TimeoutError:
            detail = f"reading this host took longer than {format_duration(settings.timeout)}"
            return Observation(check.target, check.name, datetime.now(UTC), Outcome.UNKNOWN, detail)
        now = datetime.now(UTC)
        return Observation(
            check.target,
            check.name,
            now,
            Outcome.OK,
            _summary(samples) + (f"; {scanned}" if isinstance(scanned, DocumentError) else ""),
            duration_seconds=time.monotonic() - began,
            series=_block(check.target, samples),
            facts=facts,
            hardware=ours.hardware(samples, scanned, now),
        )

    async def close(self) -> None:
        """Leave a reading that hangs behind: its thread is a daemon and does not hold up the end of the process."""

    async def _in_thread(self, hardware_file: Path) -> _Read:
        """Read in a daemon thread: one of the loop's pool could never be given up."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[_Read] = loop.create_future()
        proc_root = self._proc_root

        def settle(read: _Read, error: Exception | None) -> None:
            if result.done():
                return
            if error is None:
                result.set_result(read)
            else:
                result.set_exception(error)

        def read() -> None:
            found: _Read = ([], (), None)
            failed: Exception | None = None
            try:
                found = (*_read(proc_root), ours.scanned(hardware_file))
            except Exception as error:
                failed = error
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile: nobody waits any more
                loop.call_soon_threadsafe(settle, found, failed)

        self._reading = threading.Thread(target=read, name="host probe", daemon=True)
        self._reading.start()
        return await result


def _read(proc_root: Path) -> tuple[list[Sample], tuple[Fact, ...]]:
    import psutil

    psutil.PROCFS_PATH = str(proc_root)  # psutil's own way of being pointed elsewhere
    samples: list[Sample] = []
    for part in _PARTS:
        # a part that breaks off keeps what it gave: each sample is true by itself
        try:
            samples.extend(part())
        except (OSError, NotImplementedError, AttributeError, ValueError, KeyError, IndexError, RuntimeError):
            continue  # psutil raises any of these for a file of the kernel's that is missing or looks otherwise
    return samples, tuple(_facts({name: value for name, labels, value in samples if not labels}))


def _cpu() -> Iterator[Sample]:
    import psutil

    for number, times in enumerate(psutil.cpu_times(percpu=True)):
        for mode in ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"):
            yield "node_cpu_seconds_total", {"cpu": str(number), "mode": mode}, getattr(times, mode)


def _kernel() -> Iterator[Sample]:
    import psutil

    yield "node_boot_time_seconds", {}, psutil.boot_time()
    stats = psutil.cpu_stats()
    yield "node_context_switches_total", {}, stats.ctx_switches
    yield "node_intr_total", {}, stats.interrupts


def _load() -> Iterator[Sample]:
    for name, value in zip(("node_load1", "node_load5", "node_load15"), os.getloadavg(), strict=True):
        yield name, {}, value


def _uname() -> Iterator[Sample]:
    names = os.uname()
    words = ("sysname", "release", "version", "machine", "nodename")
    yield "node_uname_info", {word: getattr(names, word) for word in words}, 1


def _memory() -> Iterator[Sample]:
    import psutil

    memory = psutil.virtual_memory()
    yield "node_memory_MemTotal_bytes", {}, memory.total
    yield "node_memory_MemAvailable_bytes", {}, memory.available
    yield "node_memory_MemFree_bytes", {}, memory.free
    yield "node_memory_Buffers_bytes", {}, memory.buffers


def _swap() -> Iterator[Sample]:
    import psutil

    swap = psutil.swap_memory()
    yield "node_memory_SwapTotal_bytes", {}, swap.total
    yield "node_memory_SwapFree_bytes", {}, swap.free


def _filesystems() -> Iterator[Sample]:
    import psutil

    shown: dict[str, tuple[str, str]] = {}  # device -> mount point, type
    # in a container / is no block device: it is the one that fills up, all the same
    root = [mount for mount in psutil.disk_partitions(all=True) if mount.mountpoint == "/" and mount.fstype != "rootfs"]
    for mount in sorted((*root[-1:], *psutil.disk_partitions(all=False)), key=lambda found: len(found.mountpoint)):
        if mount.fstype not in _IMAGES and not _NO_MOUNT.fullmatch(mount.mountpoint):
            shown.setdefault(mount.device, (mount.mountpoint, mount.fstype))
    for device, (place, fstype) in shown.items():
        try:
            stat = os.statvfs(place)
        except OSError:
            continue  # gone meanwhile, or not ours to see
        labels = {"device": device, "fstype": fstype, "mountpoint": place}
        yield "node_filesystem_size_bytes", labels, stat.f_blocks * stat.f_frsize
        yield "node_filesystem_free_bytes", labels, stat.f_bfree * stat.f_frsize
        yield "node_filesystem_avail_bytes", labels, stat.f_bavail * stat.f_frsize
        if stat.f_files:  # btrfs and others count no inodes
            yield "node_filesystem_files", labels, stat.f_files
            yield "node_filesystem_files_free", labels, stat.f_ffree


def _disks() -> Iterator[Sample]:
    import psutil

    for device, count in psutil.disk_io_counters(perdisk=True, nowrap=False).items():
        if _NO_DISK.fullmatch(device):
            continue
        labels = {"device": device}
        yield "node_disk_reads_completed_total", labels, count.read_count
        yield "node_disk_writes_completed_total", labels, count.write_count
        yield "node_disk_read_bytes_total", labels, count.read_bytes
        yield "node_disk_written_bytes_total", labels, count.write_bytes
        yield "node_disk_read_time_seconds_total", labels, count.read_time / 1000
        yield "node_disk_write_time_seconds_total", labels, count.write_time / 1000
        yield "node_disk_io_time_seconds_total", labels, count.busy_time / 1000


def _network() -> Iterator[Sample]:
    import psutil

    for device, count in psutil.net_io_counters(pernic=True, nowrap=False).items():
        labels = {"device": device}
        for word, ending in (("receive", "recv"), ("transmit", "sent")):
            yield f"node_network_{word}_bytes_total", labels, getattr(count, f"bytes_{ending}")
            yield f"node_network_{word}_packets_total", labels, getattr(count, f"packets_{ending}")
        yield "node_network_receive_errs_total", labels, count.errin
        yield "node_network_transmit_errs_total", labels, count.errout
        yield "node_network_receive_drop_total", labels, count.dropin
        yield "node_network_transmit_drop_total", labels, count.dropout
    for device, state in psutil.net_if_stats().items():
        labels = {"device": device}
        yield "node_network_up", labels, state.isup
        yield "node_network_mtu_bytes", labels, state.mtu
        if state.speed > 0:  # 0 is psutil's word for unknown
            yield "node_network_speed_bytes", labels, state.speed * 125_000


def _temperatures() -> Iterator[Sample]:
    import psutil

    for chip, sensors in psutil.sensors_temperatures().items():
        for sensor, seen in _named(sensors, "temp"):
            labels = {"chip": chip, "sensor": sensor}
            for name, value in (("", seen.current), ("_max", seen.high), ("_crit", seen.critical)):
                if value is not None:
                    yield f"node_hwmon_temp{name}_celsius", labels, value


def _fans() -> Iterator[Sample]:
    import psutil

    for chip, sensors in psutil.sensors_fans().items():
        for sensor, seen in _named(sensors, "fan"):
            yield "node_hwmon_fan_rpm", {"chip": chip, "sensor": sensor}, seen.current


# each is read by itself, in this order
_PARTS: Final[tuple[Part, ...]] = (
    _cpu, _kernel, _load, _uname, _memory, _swap, _filesystems, _disks, _network, _temperatures, _fans,
)  # fmt: skip


def _named(sensors: list[Any], word: str) -> Iterator[tuple[str, Any]]:
    """Give each sensor a name of its own: two disks of one driver bear the same labels."""
    used: set[str] = set()
    for number, sensor in enumerate(sensors, 1):
        name = sensor.label or f"{word}{number}"
        if name in used:
            name = f"{name} #{number}"
        used.add(name)
        yield name, sensor


def _facts(single: dict[str, float]) -> Iterator[Fact]:
    names = os.uname()
    yield Fact("system_name", names.nodename, "uname(2)")
    yield Fact("kernel_release", f"{names.sysname} {names.release}", "uname(2)")
    try:
        system = platform.freedesktop_os_release()
        yield Fact("os_name", system.get("PRETTY_NAME") or system["NAME"], "os-release(5)")
    except OSError:
        pass
    if count := os.cpu_count():
        yield Fact("cpu_count", float(count), "sysconf(3)")
    if memory := single.get("node_memory_MemTotal_bytes"):
        yield Fact("memory_octets", memory, "proc(5) meminfo MemTotal")
    if booted := single.get("node_boot_time_seconds"):
        yield Fact("boot_time", datetime.fromtimestamp(booted, UTC).isoformat(), "proc(5) stat btime")
        # not now - boot_time: that would jump with every step of the clock
        yield Fact("uptime_seconds", time.clock_gettime(time.CLOCK_BOOTTIME), "clock_gettime(2) CLOCK_BOOTTIME")


def _summary(samples: list[Sample]) -> str:
    """Say in one sentence how this host is, of what is known."""
    single = {name: value for name, labels, value in samples if not labels}
    said = []
    if "node_load1" in single:
        said.append(f"load {single['node_load1']:.2f} on {os.cpu_count()} CPUs")
    if total := single.get("node_memory_MemTotal_bytes"):
        available = single["node_memory_MemAvailable_bytes"]
        said.append(f"{available / total:.0%} of {total / 2**30:.1f} GiB memory available")
    sizes = {labels["mountpoint"]: value for name, labels, value in samples if name == "node_filesystem_size_bytes"}
    frees = {labels["mountpoint"]: value for name, labels, value in samples if name == "node_filesystem_avail_bytes"}
    full = [(1 - frees[place] / size, place) for place, size in sizes.items() if size]
    if full:
        used, place = max(full)
        said.append(f"fullest file system {place} at {used:.0%}")
    return ", ".join(said) or "nothing could be read of this host"


def _block(target: str, samples: list[Sample]) -> SeriesBlock:
    grouped: dict[str, list[tuple[str, float]]] = {}
    for name, labels, value in samples:
        text = ",".join(f'{key}="{_escape(word)}"' for key, word in {"target": target, **labels}.items())
        grouped.setdefault(name, []).append((f"{name}{{{text}}}", float(value)))
    return SeriesBlock(
        tuple(
            Family(
                name,
                "counter" if name.endswith("_total") else "gauge",
                "As node_exporter, read by psutil.",
                tuple(prefix for prefix, _ in rows),
                np.array([value for _, value in rows], dtype=np.float64),
            )
            for name, rows in grouped.items()
        )
    )


def _escape(text: str) -> str:
    """Escape a label value (exposition format 0.0.4); octets that are no UTF-8 become U+FFFD."""
    clean = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return clean.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

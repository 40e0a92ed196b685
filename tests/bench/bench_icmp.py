"""What an echo costs: CPU time per completed echo, the engine against fping, at the same rate over the same cable.

Run as root as `python -m tests.bench.bench_icmp`. Both ping 2,000 addresses behind one namespace once a second; runs
are interleaved, because the machine's mood changes. Ends with 1 when fping is missing or echoes were lost.
"""

import asyncio
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from agent.core.model import Check, Echo, Round
from probes.icmp.engine import Engine
from probes.icmp.settings import Settings
from tests.lab.net import Namespace, pair

TARGETS: Final = 2_000
ECHOES: Final = 5
RUNS: Final = 3
ADDRESSES: Final = [f"10.8.{number // 250}.{1 + number % 250}" for number in range(TARGETS)]


def cpu_seconds(usage: resource.struct_rusage) -> float:
    """Return user and system time."""
    return usage.ru_utime + usage.ru_stime


async def ping_all() -> tuple[int, float]:
    """Run the engine until every round is in; return answered echoes and the CPU time it took."""
    settings = Settings.model_validate({"address": ADDRESSES[0], "interval": "1s", "round": f"{ECHOES}s"})
    checks = [
        Check(address, "icmp", "icmp", 1.0, settings.model_copy(update={"address": address})) for address in ADDRESSES
    ]
    engine = Engine(echoes=ECHOES)
    before = cpu_seconds(resource.getrusage(resource.RUSAGE_SELF))
    answered = rounds = 0
    try:
        await engine.configure(checks)
        async for item in engine:
            if isinstance(item, Round):
                answered += int((item.outcomes == Echo.RECEIVED).sum())
                rounds += 1
            if rounds == TARGETS:
                break
    finally:
        await engine.close()
    return answered, cpu_seconds(resource.getrusage(resource.RUSAGE_SELF)) - before


def run_engine(place: Namespace) -> tuple[int, float]:
    """Run the engine in a process of its own."""
    done = place.run(sys.executable, "-m", "tests.bench.bench_icmp", "--engine", timeout=120)
    answered, seconds = done.stdout.split()
    return int(answered), float(seconds)


def run_fping(place: Namespace, fping: str, targets: Path) -> tuple[int, float]:
    """Run fping at the same rate; the CPU time is all of its process."""
    spacing = 900 / TARGETS  # milliseconds; all within the second, with room for its own timer
    command = [fping, "-q", "-c", str(ECHOES), "-p", "1000", "-i", f"{spacing:.2f}", "-f", str(targets)]
    with tempfile.TemporaryFile("w+") as report:
        process = subprocess.Popen(["ip", "netns", "exec", place.name, *command], stderr=report, stdout=report)
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0  # it is waited for already
        report.seek(0)
        lines = [line for line in report if "xmt/rcv" in line]
    return sum(int(line.split("=")[1].split("/")[1]) for line in lines), cpu_seconds(usage)


def main() -> int:
    """Compare, print, and return the exit code."""
    fping = shutil.which("fping")
    if fping is None:
        print("fping is missing: apt-get install fping", file=sys.stderr)
        return 1
    costs: dict[str, list[float]] = {"engine": [], "fping": []}
    lost = 0
    with pair() as (near, far), tempfile.TemporaryDirectory() as folder:
        far.ip("route add local 10.8.0.0/16 dev lo")
        near.ip("route add 10.8.0.0/16 via 10.9.0.2")
        targets = Path(folder) / "targets"
        targets.write_text("\n".join(ADDRESSES) + "\n")
        for number in range(RUNS):
            for name in ("engine", "fping"):
                answered, seconds = run_engine(near) if name == "engine" else run_fping(near, fping, targets)
                costs[name].append(1e6 * seconds / max(answered, 1))
                lost += TARGETS * ECHOES - answered
                print(f"run {number + 1}  {name:6}  {answered:6} echoes  {costs[name][-1]:6.1f} µs of CPU each")
    medians = {name: statistics.median(values) for name, values in costs.items()}
    ratio = medians["engine"] / medians["fping"]
    print(f"median  engine {medians['engine']:.1f} µs, fping {medians['fping']:.1f} µs: ratio {ratio:.2f}")
    if lost:
        print(f"{lost} echoes were not answered: the comparison does not count", file=sys.stderr)
    return 1 if lost else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--engine"]:
        print(*asyncio.run(ping_all()))
    else:
        sys.exit(main())

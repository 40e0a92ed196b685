"""What an echo costs: CPU time per completed echo, side by side with fping and blackbox_exporter, over one cable.

Run as root as `python -m tests.bench.bench_icmp [--rounds N] [CASE...]`. Runs are interleaved, because the machine's
mood changes. Ends with 1 when a peer is missing, when echoes were lost, or when a promise is broken.

The kernel answers for the far end within the call that sends: that work is on the bill of whoever sends, ours and the
peer's alike.
"""

import argparse
import contextlib
import http.client
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.lab.agent import AgentProcess, cpu_seconds, many_devices
from tests.lab.agent import many_addresses as addresses
from tests.lab.net import Namespace, pair
from tests.waiting import wait_until

ROUNDS: Final = 5
SECONDS: Final = 30
SETTLE_SECONDS: Final = 12  # every check is up, and its rounds are of one length
BURST_TARGETS: Final = 10_000
BURST_ECHOES: Final = 41  # to each, by ours: enough to see what an echo costs beside the start of a Python program
BURST_ECHOES_FPING: Final = 6  # to each: its 16-bit sequence numbers suffice for no more
BLACKBOX_PROBES: Final = 1_000
FULL_TARGETS: Final = 5_000  # ten a second each
FULL_SECONDS: Final = 10
UNSENT_MOST: Final = 0.01  # a machine that stands still for an instant; more is a program that does not keep up


@dataclass(frozen=True, slots=True)
class Run:
    """What one run did.

    Attributes:
        sent, answered: echoes.
        seconds: the CPU time that all of it took.
        unsent: echoes that this host was too late to send, and said so.
    """

    sent: int
    answered: int
    seconds: float
    unsent: int = 0

    @property
    def each(self) -> float:
        """CPU microseconds per answered echo."""
        return 1e6 * self.seconds / max(1, self.answered)


class Stage:
    """The two namespaces, and the files that the runs need."""

    def __init__(self, near: Namespace, folder: Path) -> None:
        """Take the near end, and a folder for files."""
        self.near = near
        self.folder = folder

    def listing(self, number: int) -> Path:
        """Return a file of so many addresses, one a line."""
        path = self.folder / f"targets-{number}"
        path.write_text("\n".join(addresses(number)) + "\n")
        return path

    def timed(self, *command: str) -> tuple[str, float]:
        """Run a command inside; return what it printed and the CPU time of its process and its children."""
        with tempfile.TemporaryFile("w+") as out:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.near.name, *command],
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(self.folder / "pycache")},
            )
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            return out.read(), usage.ru_utime + usage.ru_stime


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """Give two hosts on one cable, the far one with many addresses."""
    with pair() as (near, far), tempfile.TemporaryDirectory() as folder:
        far.ip("route add local 10.8.0.0/16 dev lo")
        near.ip("route add 10.8.0.0/16 via 10.9.0.2")
        yield Stage(near, Path(folder))


# ------------------------------------------------------------------ who runs


def run_agent(place: Stage, targets: int) -> Run:
    """Run the whole agent, with its rounds, beliefs, ledger and metrics; measure when it is under way."""
    folder = place.folder / f"agent-{targets}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    agent = AgentProcess(place.near.name, many_devices(folder, addresses(targets)), folder / "state", pinned="0")
    agent.start(seconds=120)
    try:
        time.sleep(SETTLE_SECONDS)
        sent, lost = _echoes(agent)
        before = agent.cpu_seconds()
        time.sleep(SECONDS)
        seconds = agent.cpu_seconds() - before
        sent_after, lost_after = _echoes(agent)
    finally:
        agent.stop()
    sent, lost = sent_after - sent, lost_after - lost
    return Run(sent, sent - lost, seconds)


def run_fping(place: Stage, targets: int, *options: str) -> Run:
    """Run fping; the CPU time is all of its process."""
    text, seconds = place.timed("taskset", "1", "fping", "-q", *options, "-f", str(place.listing(targets)))
    counts = [line.split("=")[1].split("/") for line in text.splitlines() if "xmt/rcv" in line]
    return Run(sum(int(sent) for sent, *_ in counts), sum(int(got) for _, got, *_ in counts), seconds)


def run_command(place: Stage, targets: int, count: int) -> Run:
    """Run `linewarden probe icmp` without a limit; the CPU time is all of its process."""
    command = ("probe", "icmp", "--rate", "0", "-i", "10ms", "-c", str(count), "-f", str(place.listing(targets)))
    text, seconds = place.timed("taskset", "1", sys.executable, "-m", "agent.cli", *command)
    counts = [line.split()[2].split("/") for line in text.splitlines()[1:]]
    return Run(sum(int(sent) for _, sent in counts), sum(int(got) for got, _ in counts), seconds)


class Further:
    """What further echoes cost: so many to each target, less the same program with one to each."""

    def __init__(self, run: Callable[[Stage, int], Run], count: int) -> None:
        """Take a program that runs with a number of echoes to each target."""
        self._run = run
        self._count = count
        self._least = float("inf")

    def __call__(self, place: Stage) -> Run:
        """Run it twice. Of all runs with one echo the cheapest counts: noise only ever adds."""
        one, many = self._run(place, 1), self._run(place, self._count)
        self._least = min(self._least, one.seconds)
        return Run(many.sent - one.sent, many.answered - one.answered, many.seconds - self._least)


def run_blackbox(place: Stage, exporter: str, probes: int) -> Run:
    """Ask blackbox_exporter for one echo after the other."""
    config = place.folder / "blackbox.yml"
    config.write_text("modules: {icmp: {prober: icmp, timeout: 3s, icmp: {preferred_ip_protocol: ip4}}}\n")
    process = place.near.start(
        "taskset", "1", exporter, f"--config.file={config}", "--web.listen-address=127.0.0.1:9115",
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def ask() -> int:
        answered = 0
        for address in addresses(probes):
            answered += _asked(address)
        return answered

    try:
        wait_until(lambda: place.near.call(lambda: _asked("10.9.0.2")), 20)
        before = cpu_seconds(process.pid)
        answered = place.near.call(ask, timeout=120)
        return Run(probes, answered, cpu_seconds(process.pid) - before)
    finally:
        process.terminate()
        process.wait(10)


def run_full(place: Stage) -> Run:
    """Run the engine alone at 50,000 echoes a second, on one core."""
    text, _ = place.timed("taskset", "1", sys.executable, "-m", "tests.bench.bench_icmp", "--engine")
    sent, answered, unsent, seconds = text.split()
    return Run(int(sent), int(answered), float(seconds), int(unsent))


def engine() -> None:
    """Print sent, answered, unsent and CPU seconds of the engine alone: what `run_full` starts."""
    import asyncio
    import gc

    from agent.core.model import Check, Echo, Round
    from probes.icmp.engine import Engine
    from probes.icmp.settings import Settings

    async def ping() -> Counter[int]:
        settings = Settings.model_validate({"address": "10.8.0.1", "interval": "100ms", "round": "1s"})
        checks = [
            Check(address, "icmp", "icmp", 0.1, settings.model_copy(update={"address": address}))
            for address in addresses(FULL_TARGETS)
        ]
        made = Engine(echoes=10 * FULL_SECONDS)
        counts: Counter[int] = Counter()
        try:
            await made.configure(checks)
            gc.freeze()  # as the agent does
            async for item in made:
                if isinstance(item, Round):
                    counts.update(item.outcomes.tolist())
                if counts.total() == FULL_TARGETS * 10 * FULL_SECONDS:
                    break
        finally:
            await made.close()
        return counts

    counts = asyncio.run(ping())
    usage = resource.getrusage(resource.RUSAGE_SELF)
    unsent = counts[Echo.UNKNOWN]
    print(counts.total() - unsent, counts[Echo.RECEIVED], unsent, usage.ru_utime + usage.ru_stime)


def _echoes(agent: AgentProcess) -> tuple[int, int]:
    text = agent.text("/metrics")
    return tuple(  # type: ignore[return-value]
        sum(int(float(line.rpartition(" ")[2])) for line in text.splitlines() if line.startswith(f"{family}{{"))
        for family in ("linewarden_echoes_sent_total", "linewarden_echoes_lost_total")
    )


def _asked(address: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", 9115, timeout=10)
    try:
        connection.request("GET", f"/probe?module=icmp&target={address}")
        return b"\nprobe_success 1" in connection.getresponse().read()
    except OSError:
        return False
    finally:
        connection.close()


# ------------------------------------------------------------------ what is promised


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison.

    Attributes:
        ours, peer: how they are run.
        most: the ratio that is promised.
        goal: the ratio that is aimed at, where it is not reached yet.
    """

    name: str
    about: str
    ours: Callable[[Stage], Run]
    peer: tuple[str, Callable[[Stage], Run]] | None
    most: float | None
    goal: float | None = None


def cases(exporter: str) -> list[Case]:
    """Return all comparisons."""

    def paced(targets: int, spacing: str, most: float) -> Case:
        return Case(
            f"paced-{targets}",
            f"{targets} targets at one echo a second: the whole agent, and fping -q -i {spacing} -p 1000 -c {SECONDS}",
            lambda place: run_agent(place, targets),
            ("fping", lambda place: run_fping(place, targets, "-i", spacing, "-p", "1000", "-c", str(SECONDS))),
            most,
            0.5,
        )

    def fping(place: Stage, count: int) -> Run:
        return run_fping(place, BURST_TARGETS, "-i", "0", "-p", "10", "-c", str(count))

    return [
        paced(2_000, "0.5", 0.8),
        paced(6_000, "0.1", 1.2),
        Case(
            "burst",
            f"{BURST_TARGETS} targets as fast as it goes, each further echo: probe icmp --rate 0, and fping -i 0",
            Further(lambda place, count: run_command(place, BURST_TARGETS, count), BURST_ECHOES),
            ("fping", Further(fping, BURST_ECHOES_FPING)),
            1.2,
        ),
        Case(
            "blackbox",
            "the whole agent at 6000 targets, and blackbox_exporter asked for one echo after the other",
            lambda place: run_agent(place, 6_000),
            ("blackbox_exporter", lambda place: run_blackbox(place, exporter, BLACKBOX_PROBES)),
            1 / 40,
            1 / 50,
        ),
        Case("full", "50,000 echoes a second on one core: the engine alone", run_full, None, None),
    ]


def main() -> int:
    """Compare, print, and return the exit code."""
    words = argparse.ArgumentParser(description="What an echo costs, beside fping and blackbox_exporter.")
    words.add_argument("--rounds", type=int, default=ROUNDS)
    words.add_argument("--engine", action="store_true", help=argparse.SUPPRESS)
    words.add_argument("cases", nargs="*", metavar="CASE", help="paced-2000, paced-6000, burst, blackbox, full")
    options = words.parse_args()
    if options.engine:
        engine()
        return 0
    exporter = shutil.which("prometheus-blackbox-exporter") or shutil.which("blackbox_exporter")
    missing = [name for name, found in (("fping", shutil.which("fping")), ("blackbox_exporter", exporter)) if not found]
    if missing:
        print(f"missing: {', '.join(missing)} (apt-get install fping prometheus-blackbox-exporter)", file=sys.stderr)
        return 1
    failed = False
    with stage() as place:
        for case in cases(str(exporter)):
            if not options.cases or case.name in options.cases:
                failed |= not _compare(case, place, options.rounds)
    return int(failed)


def _compare(case: Case, place: Stage, rounds: int) -> bool:
    print(f"== {case.name}: {case.about}", flush=True)
    runners: dict[str, Callable[[Stage], Run]] = {"linewarden": case.ours}
    if case.peer is not None:
        runners[case.peer[0]] = case.peer[1]
    costs: dict[str, list[float]] = {name: [] for name in runners}
    lost = 0
    for number in range(1, rounds + 1):
        for name, runner in runners.items():
            run = runner(place)
            costs[name].append(run.each)
            lost += run.sent - run.answered if name == "linewarden" else 0
            late = f", {run.unsent} not sent in time" if run.unsent else ""
            print(
                f"   {number}  {name:18} {run.answered:8} of {run.sent} answered  {run.each:8.2f} µs each{late}",
                flush=True,
            )
            lost += run.unsent if run.unsent > UNSENT_MOST * run.sent else 0
    medians = {name: statistics.median(values) for name, values in costs.items()}
    print("   median  " + ", ".join(f"{name} {median:.2f} µs" for name, median in medians.items()))
    good = lost == 0
    if lost:
        print(f"   {lost} echoes were lost where nothing loses any", file=sys.stderr)
    if case.peer is not None and case.most is not None:
        ratios = sorted(ours / peer for ours, peer in zip(costs["linewarden"], costs[case.peer[0]], strict=True))
        ratio = medians["linewarden"] / medians[case.peer[0]]
        kept = ratio <= case.most
        goal = f"aimed at {case.goal:.3f}, " if case.goal is not None else ""
        print(f"   ratio {ratio:.3f} (rounds {ratios[0]:.3f} to {ratios[-1]:.3f}), {goal}promised {case.most:.3f}: "
              f"{'kept' if kept else 'BROKEN'}", flush=True)  # fmt: skip
        good &= kept
    return good


if __name__ == "__main__":
    sys.exit(main())

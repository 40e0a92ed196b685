"""What ten thousand devices cost the hardware desk, and how long it holds up the event loop.

Run as `python -m tests.bench.bench_ageing [--devices 10000] [--ports 48] [--worn]`. Each device has its ports' errors
counted, of which one has some (`--worn`: all have), four temperatures, and stands behind another one.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Coroutine
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from agent.core.hardware import Counter, Fact, Hardware, Reading
from agent.core.judges import judges
from agent.core.lifecycle import Lifecycle
from agent.core.model import Estate, Role, Target
from agent.core.picture import DevicePoll, Picture
from agent.hardware import HardwareDesk
from agent.ledger import SqliteLedger

TICK_SECONDS = 0.005


class Lag:
    """How late the loop is at worst."""

    def __init__(self) -> None:
        self.worst = 0.0

    async def watch(self) -> None:
        """Go on until cancelled."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TICK_SECONDS)
            self.worst = max(self.worst, time.perf_counter() - began - TICK_SECONDS)

    async def timed(self, what: str, work: Coroutine[None, None, None]) -> None:
        """Print what a step cost."""
        await asyncio.sleep(10 * TICK_SECONDS)
        self.worst = 0.0
        began, cpu = time.perf_counter(), time.process_time()
        await work
        took, used = time.perf_counter() - began, time.process_time() - cpu
        print(f"{what:16} {took:6.2f} s  CPU {used:6.2f} s  worst lag {self.worst * 1000:4.0f} ms", flush=True)


def estate(devices: int) -> Estate:
    """Return devices of which each 48 stand behind one of the others."""
    targets = {}
    for number in range(devices):
        name, above = f"sw{number}", f"sw{number // 48}"
        targets[name] = Target(
            name, Role.DEVICE, "switch", name, f"site{number % 50}", ("bcw",),
            depends_on=(above,) if above != name else (), purchased=date(2012 + number % 12, 1, 1),
        )  # fmt: skip
    return Estate("dc1", targets)


def see(picture: Picture, number: int, ports: int, errors: float, *, worn: bool) -> None:
    """Let a device be polled."""
    now, name = datetime.now(UTC), f"sw{number}"
    facts = (Fact("serial", f"S{number}", "x"), Fact("uptime_seconds", errors, "x"))
    counters = tuple(
        Counter(f"Gi{port}", f"Gi{port}", "crc_errors", errors if worn or port == 0 else 0.0) for port in range(ports)
    )
    readings = tuple(Reading(f"T{n}", f"T{n}", "temperature", "celsius", 20.0 + n) for n in range(4))
    picture.hardware[name] = Hardware(now, facts, counters=counters, readings=readings)
    picture.polls[name] = DevicePoll(now, True, 0.1, "", now, facts=facts)


async def run(devices: int, ports: int, folder: Path, *, worn: bool) -> None:
    """Take an estate through a day."""
    now, ahead = datetime.now(UTC), timedelta()
    picture, ledger, lag = Picture(estate(devices), now, now), SqliteLedger(folder / "ledger.sqlite"), Lag()
    await ledger.open()
    desk = HardwareDesk(
        picture, ledger, judges=judges(Lifecycle()), report_seconds=0.0, clock=lambda: datetime.now(UTC) + ahead
    )
    watching = asyncio.create_task(lag.watch())
    await lag.timed("start", desk.begin())
    for errors in (1.0, 2.0):
        for number in range(devices):
            see(picture, number, ports, errors, worn=worn)
        await lag.timed("every one seen", desk.look())
    await lag.timed("nothing new", desk.look())
    for number in range(0, devices, 300):
        see(picture, number, ports, 3.0, worn=worn)
    await lag.timed("one of 300 seen", desk.look())
    ahead = timedelta(days=1)
    await lag.timed("midnight", desk.look())
    await lag.timed("stop", desk.close())
    watching.cancel()
    await ledger.close()


def main() -> None:
    """Print what each step costs."""
    parser = argparse.ArgumentParser(prog="bench_ageing", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--ports", type=int, default=48)
    parser.add_argument("--worn", action="store_true", help="errors grow on every port")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(wanted.devices, wanted.ports, Path(folder), worn=wanted.worn))


if __name__ == "__main__":
    main()

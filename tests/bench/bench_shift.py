"""What the detector of level shifts costs: CPU per value and memory per series, on series of several kinds.

Run as `python -m tests.bench.bench_shift`. Ends with 1 when a promise is broken: 25 µs of CPU for each value and 8 KB
for each series and its snapshot. "steps" is a series that shifts every 40 values; with ../shared/data/rtt there, the
recorded round-trip times are among the series. Garbage collection stays on, as in the agent.
"""

import csv
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from agent.core.shift import Shifts
from tests.bench.steady import kinds

PROMISED_MICROSECONDS: Final = 25.0
PROMISED_OCTETS: Final = 8_192
LENGTH: Final = 20_000
REPEATS: Final = 5
RECORDED: Final = Path(__file__).resolve().parents[3] / "shared" / "data" / "rtt"


def octets(detector: Shifts) -> int:
    """Return the memory of a detector: itself, its lists and every number in them that is not shared by Python."""
    total = sys.getsizeof(detector)
    for name in detector.__slots__:
        held = getattr(detector, name)
        total += sys.getsizeof(held)
        if isinstance(held, list):
            total += sum(sys.getsizeof(value) for value in held)
    return total


def series() -> Iterator[tuple[str, list[float | None]]]:
    """Yield the series that are timed, by name."""
    yield from ((name, values.tolist()) for name, values in kinds(LENGTH, 3))
    generator = np.random.default_rng(4)
    levels = np.repeat(generator.uniform(0.01, 0.1, LENGTH // 40), 40)
    yield "steps", (levels + 0.0001 * generator.standard_normal(LENGTH)).tolist()
    recorded: list[float | None] = []
    for path in sorted(RECORDED.glob("*.csv")):
        with path.open(encoding="utf-8") as file:
            rtts = [float(row["rtt"].replace(",", ".")) for row in csv.DictReader(file, delimiter=";")]
        recorded += [rtt / 1000 if rtt > 0 else None for rtt in rtts]
    if recorded:
        yield "recorded (RIPE Atlas)", recorded


def measured(values: list[float | None]) -> tuple[float, Shifts, int]:
    """Return CPU microseconds for each value (the least of some runs), the detector afterwards, and what it found."""
    least, detector, found = float("inf"), Shifts(), 0
    for _ in range(REPEATS):
        detector, found = Shifts(), 0
        began = time.process_time()
        for value in values:
            if detector.push(value) is not None:
                found += 1
        least = min(least, time.process_time() - began)
    return least / len(values) * 1e6, detector, found


def main() -> int:
    """Print one line for each series; return 1 where a promise is broken."""
    broken = False
    print(f"{'series':22}  values  found  µs/value  octets  snapshot")
    for name, values in series():
        microseconds, detector, found = measured(values)
        held, kept = octets(detector), len(detector.snapshot())
        broken |= microseconds > PROMISED_MICROSECONDS or max(held, kept) > PROMISED_OCTETS
        print(f"{name:22} {len(values):7} {found:6} {microseconds:9.2f} {held:7} {kept:9}")
    promise = f"{PROMISED_MICROSECONDS:g} µs and {PROMISED_OCTETS} octets"
    print(f"dearer than {promise}" if broken else f"within {promise}")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())

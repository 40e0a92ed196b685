"""Whether every fault is one page: a thousand simulated estates with known truth, and how soon each fault was told.

Run as `python -m tests.bench.bench_paging [--seeds 1000] [--first 0] [--large 2]`. A scenario is a quarter of an hour
of a small estate, or some minutes of one with thousands of targets. Ends with 1 where there was one page too many, or
one too few.
"""

import argparse
import sys
import time

from tests.core.simulation.report import Report, scenario
from tests.core.simulation.scenarios import run_large

SITES = 100  # of a large estate, 25 targets each
PROGRESS_EVERY = 50


def main() -> int:
    """Print what became of all faults; return 1 if any promise is broken."""
    parser = argparse.ArgumentParser(prog="bench_paging", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1000, help="how many small estates")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--large", type=int, default=2, help="how many estates of thousands of targets")
    wanted = parser.parse_args()
    began = time.process_time()
    report = Report()
    for number, seed in enumerate(range(wanted.first, wanted.first + wanted.seeds), 1):
        report.add(scenario(seed))
        if number % PROGRESS_EVERY == 0:
            print(f".. {number} of {wanted.seeds}, {time.process_time() - began:.0f} s", file=sys.stderr, flush=True)
    for seed in range(wanted.first, wanted.first + wanted.large):
        report.add(run_large(seed, SITES))
    report.tell()
    print(f"CPU time: {time.process_time() - began:.0f} s")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

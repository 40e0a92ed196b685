"""How soon loss is found, and how often none is found: the detectors of `agent.core.loss` on lines made by chance.

Run as `python -m tests.bench.bench_loss [--weeks N] [--runs N] [--seed N]`. Echoes are a second apart, and nothing
waits for them. Ends with 1 when loss is found later than is promised, or when there is more than one false alarm in a
week of a line that has been learnt. What is counted by chance is held against its promise with two standard errors to
spare.

A line learns for a week; the next week counts. Of those whose bursts become longer than they were learnt the week after
that counts, too, since the first long bursts must be an alarm where nothing is known of them.
"""

import argparse
import copy
import math
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np

from agent.core.loss import LossWatch
from tests.core.lines import Lost, bursty, feed, isolated

WEEK: Final = 604_800
USUAL: Final = (0.001, 3.0)  # ratio and mean burst of the line on which loss is to be found
# Share of echoes that is lost -> mean seconds in which that is to be found.
FOUND_SECONDS: Final = {0.01: 383.0, 0.02: 154.0, 0.05: 53.0, 0.20: 13.0, 1.0: 18.0}
# And of so many runs it is to be found within two minutes.
FOUND_SOON: Final = {0.03: 0.70, 0.05: 0.94}
SOON_SECONDS: Final = 120
BASELINES: Final = (
    (0.0, 1.0),
    *((ratio, burst) for ratio in (0.0001, 0.001, 0.005) for burst in (1.0, 3.0, 6.0, 12.0)),
)
LONGER: Final = tuple((ratio, burst) for ratio in (0.0001, 0.001, 0.005) for burst in (6.0, 12.0))
LINES: Final = 16  # that learn for a week, for loss to be found on
LONGEST_SECONDS: Final = 50_000
STANDARD_ERRORS: Final = 2.0
FOUND_ROUNDING: Final = 0.5  # the promises are whole seconds


def learnt(chance: np.random.Generator, ratio: float, burst: float) -> LossWatch:
    """Return a line of a week, after which nothing is suspicious."""
    watch = LossWatch()
    feed(watch, bursty(chance, WEEK, ratio, burst).tolist())
    feed(watch, [False] * 3600)
    return watch


def seconds_to_find(chance: np.random.Generator, line: LossWatch, ratio: float) -> int:
    """Return after how many echoes it is known that a line has begun to lose this share, one by one."""
    watch, passed = copy.deepcopy(line), 0
    while passed < LONGEST_SECONDS:
        span = min(LONGEST_SECONDS - passed, 1000)
        lost = isolated(chance, span, ratio) | bursty(chance, span, *USUAL)
        for place, echo in enumerate(lost.tolist(), 1):
            if watch.push(echo, passed + place) is not None:
                return passed + place
        passed += span
    return LONGEST_SECONDS


def alarms(watch: LossWatch, lost: Lost) -> Counter[str]:
    """Return how often each rule raised an alarm."""
    return Counter(change.rule.rpartition("_of_")[0] or change.rule for _, change in feed(watch, lost.tolist())
                   if not change.over)  # fmt: skip


def find(chance: np.random.Generator, runs: int) -> bool:
    """Print how soon loss is found; return whether that is soon enough."""
    print(f"== how soon loss is found, on a line that loses {USUAL[0]:.1%} in bursts of {USUAL[1]:g}; {runs} runs")
    lines = [learnt(chance, *USUAL) for _ in range(LINES)]
    good = True
    for ratio in sorted({*FOUND_SECONDS, *FOUND_SOON}):
        found = [seconds_to_find(chance, lines[run % LINES], ratio) for run in range(runs)]
        mean = statistics.mean(found)
        # no two lines have learnt quite the same, so that runs of one are no independent ones
        error = statistics.stdev(statistics.mean(found[line::LINES]) for line in range(LINES)) / math.sqrt(LINES)
        soon = sum(seconds <= SOON_SECONDS for seconds in found) / runs
        most, least = FOUND_SECONDS.get(ratio, math.inf), FOUND_SOON.get(ratio, 0.0)
        kept = mean - STANDARD_ERRORS * error < most + FOUND_ROUNDING
        kept &= soon + STANDARD_ERRORS * math.sqrt(least * (1 - least) / runs) >= least
        promised = [f"{most:g} s"] * (most < math.inf) + [f"{least:.0%} in two minutes"] * (least > 0)
        print(f"   {ratio:4.0%} lost  found in {mean:6.1f} ± {error:.1f} s, {soon:6.1%} within two minutes; promised "
              f"{', '.join(promised)}: {'kept' if kept else 'BROKEN'}", flush=True)  # fmt: skip
        good &= kept
    return good


def _weeks(
    chance: np.random.Generator, ratio: float, burst: float, before: float | None, weeks: int
) -> Iterator[tuple[Counter[str], Counter[str]]]:
    """Give the alarms of each line's first week of this kind, and of the one after it."""
    for _ in range(weeks):
        watch = LossWatch() if before is None else learnt(chance, ratio, before)
        yield alarms(watch, bursty(chance, WEEK, ratio, burst)), alarms(watch, bursty(chance, WEEK, ratio, burst))


def spare(chance: np.random.Generator, weeks: int) -> bool:
    """Print how often there is an alarm where nothing has changed; return whether that is seldom enough."""
    print(f"== false alarms in a week of a line; {weeks} lines each")
    good = True
    kinds = [(*kind, None) for kind in BASELINES] + [(*kind, USUAL[1]) for kind in LONGER]
    for ratio, burst, before in kinds:
        lines = weeks * 8 if (ratio, burst) == USUAL else weeks  # by this one the threshold was set
        first: Counter[str] = Counter()
        later: Counter[str] = Counter()
        for one, two in _weeks(chance, ratio, burst, before, lines):
            first, later = first + one, later + two
        kept = later.total() - STANDARD_ERRORS * math.sqrt(later.total()) <= lines
        after = f"bursts of {before:g} learnt, then of {burst:g}" if before else f"bursts of {burst:g}"
        rules = ", ".join(f"{rule} {number}" for rule, number in sorted(later.items()))
        each = f"first week {first.total() / lines:.2f}, then {later.total() / lines:.2f}  ({rules or 'none'})"
        print(f"   {ratio:.2%} lost, {after:30}  {each} {'kept' if kept else 'BROKEN'}", flush=True)
        good &= kept
    return good


def main() -> int:
    """Measure, print, and return the exit code."""
    words = argparse.ArgumentParser(description="How soon loss is found, and how often none.")
    words.add_argument("--weeks", type=int, default=3, help="lines of which two weeks each are looked at")
    words.add_argument("--runs", type=int, default=3000)
    words.add_argument("--seed", type=int, default=1)
    options = words.parse_args()
    chance = np.random.default_rng(options.seed)
    found = find(chance, options.runs)
    return int(not (spare(chance, options.weeks) and found))


if __name__ == "__main__":
    sys.exit(main())

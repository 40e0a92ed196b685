"""How often hardware that is well is called worn, and how soon worn hardware is: `agent.core.weartrends` on made years.

Run as `python -m tests.bench.bench_wear [--devices N] [--seed N]`. A device-year is a switch of 48 ports with errors
and flaps of every sort that is usual (none, single ones, clumps, spells of days), 8 temperatures that follow the
seasons, 4 optics, 4 stores that are tidied up, a battery, and a clock; every other device has no year before it. Ends
with 1 when there is more than one false flag of a reason in a device-year, or wear is found less often than promised.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

import numpy as np

from agent.core.hardware import Reason
from agent.core.traffic import Floats
from agent.core.weardays import OBSERVED
from agent.core.wearpolicy import WearPolicy
from agent.core.weartrends import causes

FIRST: Final = date(2026, 3, 1)
PORTS: Final = 48
YEAR: Final = 365
STEP_DAYS: Final = 2  # between looks; a flag that comes and goes in between is none that anybody sees
QUIET_DAYS: Final = 14  # a flag that comes back within these is the same one
MOST_FALSE: Final = 1.0  # flags of one reason in a device-year
LEAST_FOUND: Final = 0.9  # of the devices that wear, within the days of `WEAR`

Series = dict[str, dict[date, float]]


def _days(values: Floats) -> dict[date, float]:
    return {FIRST + timedelta(days=place): float(value) for place, value in enumerate(values)}


def _nonzero(values: Floats) -> dict[date, float]:
    return {day: value for day, value in _days(values).items() if value}


def _wander(chance: np.random.Generator, days: int, spread: float, memory: float = 0.7) -> Floats:
    """Return an AR(1) series of this standard deviation."""
    out, last = np.empty(days), 0.0
    for place, shock in enumerate(chance.normal(0, spread * np.sqrt(1 - memory**2), days)):
        last = out[place] = memory * last + shock
    return out


def counts(chance: np.random.Generator, days: int, kind: str, rate: float = 1.0) -> Floats:
    """Return daily counts: `single` Poisson, `clumps` negative binomial, `spells` of some 3 days at 30 times that."""
    if kind == "single":
        return chance.poisson(rate, days).astype(np.float64)
    if kind == "clumps":
        return chance.poisson(rate * chance.gamma(0.2, 5, days)).astype(np.float64)
    spell, rates = 0, np.empty(days)
    for day in range(days):
        spell = spell - 1 if spell else int(chance.geometric(1 / 3)) * int(chance.random() < 0.03)
        rates[day] = rate * (10 if spell else 0.3)
    return chance.poisson(rates).astype(np.float64)


def healthy(chance: np.random.Generator, days: int) -> Series:
    """Return a device that is well."""
    items: Series = {OBSERVED: _days(np.full(days, 24.0))}
    for port in range(PORTS):
        kind = ("none", "none", "single", "clumps", "spells")[port % 5]
        if kind != "none":
            rate = 10 ** chance.uniform(-1.5, 2)
            items[f"interface_errors:{port}"] = _nonzero(counts(chance, days, kind, rate))
            items[f"flaps:{port}"] = _nonzero(counts(chance, days, kind, rate / 10))
    season = np.sin(2 * np.pi * (np.arange(days) / YEAR - chance.uniform(0, 1)))
    for number in range(8):
        swing = chance.uniform(0.5, 5)
        items[f"temperature:{number}"] = _days(25 + number + swing * season + _wander(chance, days, 1.5))
    for number in range(4):
        items[f"optical_power_received:{number}"] = _days(-6 + 0.4 * season + _wander(chance, days, 0.3))
    saw = (np.arange(days) % 7) / 7
    for number, mean in enumerate((0.3, 0.6, 0.8, 0.9)):
        wave = 0.04 * saw * (number % 2) + _wander(chance, days, 0.015, 0.9)
        items[f"storage:{number}"] = _days(np.clip(mean + wave, 0, 0.99))
    items["battery_runtime:"] = _days(2400 * (1 + _wander(chance, days, 0.05)))
    items["clock_offset:"] = _days(_wander(chance, days, 5))
    return items


def worn(chance: np.random.Generator, reason: Reason, days: int, since: int) -> Series:
    """Return one thing that wears from this day on."""
    age = np.maximum(np.arange(days) - since, 0)
    if reason in (Reason.ERRORS_RISING, Reason.FLAPS_RISING):
        rate = np.where(age > 0, 4.0, 0.2)
        name = "interface_errors:1" if reason is Reason.ERRORS_RISING else "flaps:1"
        return {OBSERVED: _days(np.full(days, 24.0)), name: _nonzero(chance.poisson(rate).astype(np.float64))}
    if reason is Reason.TEMPERATURE_RISING:
        return {"temperature:1": _days(25 + _wander(chance, days, 1) + np.minimum(age, 3) * 4)}
    if reason is Reason.OPTICS_WEAK:
        return {"optical_power_received:1": _days(-6 + _wander(chance, days, 0.3) - 0.1 * age)}
    if reason is Reason.BATTERY_WEAK:
        return {"battery_runtime:": _days(2400 * (1 + _wander(chance, days, 0.05) - 0.006 * age))}
    assert reason is Reason.STORAGE_FULL_SOON
    return {"storage:1": _days(np.clip(0.4 + 0.006 * age + _wander(chance, days, 0.01), 0, 0.94))}


# what wears, and within how many days it is to be found
WEAR: Final = {
    Reason.ERRORS_RISING: 28, Reason.FLAPS_RISING: 28, Reason.TEMPERATURE_RISING: 14, Reason.OPTICS_WEAK: 60,
    Reason.BATTERY_WEAK: 90, Reason.STORAGE_FULL_SOON: 45,
}  # fmt: skip


def spoken(items: Series, first: int, last: int, step: int = STEP_DAYS) -> Iterator[tuple[int, Reason]]:
    """Yield day and reason of every cause, looking at only what was known then."""
    for day in range(first, last, step):
        today = FIRST + timedelta(days=day)
        known = {name: {at: value for at, value in days.items() if at < today} for name, days in items.items()}
        for cause in causes(known, today, WearPolicy()):
            yield day, cause.reason


def false_flags(chance: np.random.Generator, *, has_past: bool, step: int = STEP_DAYS) -> Counter[Reason]:
    """Count the flags of one device that is well, over one year; with or without a year before that."""
    first = YEAR if has_past else 30
    items = healthy(chance, first + YEAR)
    out: Counter[Reason] = Counter()
    last: dict[Reason, int] = {}
    for day, reason in spoken(items, first, first + YEAR, step):
        if day - last.get(reason, -YEAR) > QUIET_DAYS:
            out[reason] += 1
        last[reason] = day
    return out


def days_to_find(chance: np.random.Generator, reason: Reason) -> int | None:
    """Return after how many days wear is told; None where it is not within a third more than promised."""
    since = 90
    items = worn(chance, reason, since + 2 * WEAR[reason], since)
    found = spoken(items, since, since + WEAR[reason] * 4 // 3, 1)
    return next((day - since for day, said in found if said is reason), None)


def main() -> int:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    chance, total, good = np.random.default_rng(wanted.seed), Counter[Reason](), True
    for number in range(wanted.devices):
        total += false_flags(chance, has_past=number % 2 == 0)
    print(f"false flags in a device-year ({wanted.devices} devices that are well)")
    for reason in (*WEAR, Reason.CLOCK_DRIFT):
        rate = total[reason] / wanted.devices
        good = good and rate <= MOST_FALSE
        print(f"  {reason:22} {rate:.2f}")
    print(f"days until wear is told ({wanted.devices} devices each)")
    for reason, promised in WEAR.items():
        took = [days_to_find(chance, reason) for _ in range(wanted.devices)]
        soon = sum(days is not None and days <= promised for days in took) / len(took)
        good = good and soon >= LEAST_FOUND
        told = sorted(days for days in took if days is not None)
        middle = f"median {told[len(told) // 2]}" if told else "never"
        print(f"  {reason:22} {middle}; within {promised} days {soon:.0%}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

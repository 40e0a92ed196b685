"""Many lines at once: the same as one by one; and over a restart."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.loss import DAY_ECHOES, WEEK_ECHOES, LossChange, LossWatch
from agent.core.lossbank import LossBank
from tests.core.lines import Lost, bursty, isolated

INTERVALS = (0.1, 1.0, 1.0, 10.0)


def everything(bank: LossBank, lines: Lost, known: Lost) -> dict[int, list[LossChange]]:
    """Fold the echoes of all lines, bool[lines, echoes]; return the changes by line."""
    found: dict[int, list[LossChange]] = {}
    for at in range(lines.shape[1]):
        rows = known[:, at].nonzero()[0]
        for change in bank.fold(rows, lines[rows, at], np.full(len(rows), at)):
            found.setdefault(change.row, []).append(change)
    return found


def one_by_one(watch: LossWatch, line: Lost, known: Lost, row: int) -> list[LossChange]:
    """Push the echoes of one line."""
    changes = [watch.push(echo if told else None, at)
               for at, (echo, told) in enumerate(zip(line.tolist(), known.tolist(), strict=True))]  # fmt: skip
    return [LossChange(c.since, c.lost, c.echoes, c.usual_ratio, c.rule, c.over, row) for c in changes if c is not None]


def line_of_moods(chance: np.random.Generator, echoes: int) -> Lost:
    """Return a line that is well, bad or gone by turns."""
    parts: list[Lost] = []
    while sum(map(len, parts)) < echoes:
        span = int(chance.integers(5, 900))
        parts.append(
            [
                np.zeros(span, bool),
                np.ones(int(chance.integers(5, 120)), bool),
                bursty(chance, span, 0.005, float(chance.integers(2, 20))),
                isolated(chance, span, float(chance.choice([0.001, 0.01, 0.05, 0.2, 0.6]))),
            ][int(chance.integers(0, 4))]
        )
    return np.concatenate(parts)[:echoes]


@pytest.mark.parametrize("seed", range(3))
def test_a_bank_finds_what_one_by_one_finds(seed: int) -> None:
    chance = np.random.default_rng(seed)
    lines = np.stack([line_of_moods(chance, 4000) for _ in range(60)])
    known = chance.random(lines.shape) > 0.02
    bank = LossBank(len(lines))
    watches = []
    for row in range(len(lines)):
        interval = INTERVALS[row % len(INTERVALS)]
        bank.begin(row, interval)
        watches.append(LossWatch(interval))
    found = everything(bank, lines, known)
    rules = set()
    for row, watch in enumerate(watches):
        expected = one_by_one(watch, lines[row], known[row], row)
        assert found.get(row, []) == expected
        assert bank.usual_ratio(row) == watch.usual_ratio
        rules |= {(change.rule.split("_")[0], change.over) for change in expected}
    assert rules == {("onset", False), ("onset", True), ("run", False), ("run", True)}

"""Fit the weights of agent/core/shift_evidence.py, and say what they are worth on series that they were not fitted to.

Run as `python -m tests.bench.fit_shift`, with the labelled series in ../shared/data/rtt and their scorer in
../shared/tools. It prints precision, recall, F1, F2 and delay for a range of thresholds, cross-validated by file, false
alarms on series that never shift, and INTERCEPT and WEIGHTS to be pasted into the module; it ends with 1 if the module
holds others. Always the same figures: every draw has a fixed seed.

A logistic regression with a quadratic penalty on the standardised weights. Its cases are the places that the detector
itself proposes: in the labelled series those that match a label are changes and the others none; places from drawn
series that never shift (steady.py) are further counter-examples, with less weight, for the labelled ones hold little
correlated noise.
"""

import importlib.util
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agent.core.shift import _APART, _SHIFTED, Place, Shifts
from agent.core.shift_evidence import INTERCEPT, WEIGHTS, Evidence
from tests.bench.steady import drawn, kinds

SHARED: Final = Path(__file__).resolve().parents[3] / "shared"
WINDOW: Final = 2  # samples between label and finding, as the scorer has it
PENALTY: Final = 10.0
STEADY_WEIGHT: Final = 0.3
STEADY_SERIES: Final = 120
STEADY_LENGTH: Final = 4_000
STEADY_PLACES: Final = 60  # of one series, so that the noisiest do not rule
FOLDS: Final = 5
REPEATS: Final = 10
THRESHOLDS: Final = (0.10, 0.14, 0.18, 0.20, 0.22, 0.24, 0.28, 0.32, 0.40, 0.50)
ALARM_LENGTH: Final = 60_480  # a week of 10-second rounds

Floats = npt.NDArray[np.float64]


class Series(NamedTuple):
    """One labelled series: its labels, the places that the detector proposes and whether each matches a label."""

    name: str
    length: int
    labels: list[int]
    places: list[Place]
    cases: Floats
    truths: Floats


class Fit(NamedTuple):
    """Weights for the figures as they are, not standardised."""

    intercept: float
    weights: Floats

    def scores(self, cases: Floats) -> Floats:
        """Return the score of each case."""
        return np.asarray(1 / (1 + np.exp(-(self.intercept + cases @ self.weights))), dtype=np.float64)


def scorer() -> ModuleType:
    """Return ../shared/tools/score_shifts.py as a module."""
    spec = importlib.util.spec_from_file_location("score_shifts", SHARED / "tools" / "score_shifts.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def propose(values: Iterable[float | None]) -> list[Place]:
    """Return the places of a series that the detector would judge."""
    detector = Shifts()
    return [place for value in values if (place := detector.examine(value)) is not None]


def matrix(places: Sequence[Place]) -> Floats:
    """Return one row of figures for each place."""
    return np.array([place.evidence for place in places], dtype=np.float64).reshape(-1, len(Evidence._fields))


def labelled(tool: ModuleType) -> list[Series]:
    """Return the labelled series, in the order of their names."""
    found = []
    for path in sorted((SHARED / "data" / "rtt").glob("*.csv")):
        labels, rows = tool.read(path)
        places = propose(float(value) if value else None for _, value in rows)
        truths = np.zeros(len(places))
        truths[[at for _, at in tool.match(labels, [place.index for place in places], WINDOW)]] = 1.0
        found.append(Series(path.stem, len(rows), labels, places, matrix(places), truths))
    return found


def steady() -> Floats:
    """Return counter-examples: places in drawn series that never shift."""
    generator = np.random.default_rng(7)
    found = []
    for _ in range(STEADY_SERIES):
        cases = matrix(propose(drawn(generator, STEADY_LENGTH).tolist()))
        found.append(cases[generator.permutation(len(cases))[:STEADY_PLACES]])
    return np.concatenate(found)


def fit(series: Sequence[Series], counter: Floats) -> Fit:
    """Return the penalised logistic regression (Newton's method)."""
    cases = np.concatenate([one.cases for one in series])
    centre, scale = cases.mean(axis=0), cases.std(axis=0)
    truths = np.concatenate([*(one.truths for one in series), np.zeros(len(counter))])
    shares = np.concatenate([np.ones(len(cases)), np.full(len(counter), STEADY_WEIGHT)])
    rows = (np.concatenate([cases, counter]) - centre) / scale
    rows = np.concatenate([np.ones((len(rows), 1)), rows], axis=1)
    penalty = np.diag([0.0] + [PENALTY] * len(centre))
    weights = np.zeros(rows.shape[1])
    for _ in range(30):
        likely = 1 / (1 + np.exp(-(rows @ weights)))
        slope = rows.T @ (shares * (likely - truths)) + penalty @ weights
        curve = (rows * (shares * likely * (1 - likely))[:, None]).T @ rows + penalty
        weights -= np.linalg.solve(curve, slope)
    plain = weights[1:] / scale
    return Fit(float(weights[0] - plain @ centre), plain)


def cross_validated(series: Sequence[Series], counter: Floats, folds: int, seed: int) -> list[Floats]:
    """Return the scores of each series' places by weights fitted without its fold of the files."""
    order = np.random.default_rng(seed).permutation(len(series)).tolist()
    found: list[Floats] = [np.zeros(0)] * len(series)
    for fold in range(folds):
        tested = set(order[fold::folds])
        weights = fit([one for at, one in enumerate(series) if at not in tested], counter)
        for at in tested:
            found[at] = weights.scores(series[at].cases)
    return found


def outcome(tool: ModuleType, series: Sequence[Series], scores: Sequence[Floats], threshold: float) -> list[float]:
    """Return precision, recall, F1, F2, and the delay's p50 and p90 in samples."""
    counts, delays = [], []
    for one, likely in zip(series, scores, strict=True):
        taken: list[Place] = []
        for place, value in zip(one.places, likely.tolist(), strict=True):
            if value >= threshold and not (taken and place.index - taken[-1].index < _APART):
                taken.append(place)
        pairs = tool.match(one.labels, [place.index for place in taken], WINDOW)
        counts.append((len(pairs), len(taken), len(one.labels)))
        delays += [taken[found].decided_index - one.labels[label] for label, found in pairs]
    delays.sort()
    return [*tool.scores(counts), statistics.median(delays), delays[int(0.9 * (len(delays) - 1))]]


def false_alarms(weights: Fit, threshold: float) -> None:
    """Print how often weights find a shift where there is none."""
    for name, values in kinds(ALARM_LENGTH, 11):
        cases = matrix(propose(values.tolist()))
        alarms = int((weights.scores(cases) >= threshold).sum())
        print(f"  {name:20} {alarms / ALARM_LENGTH * 10_000:6.2f}")


def report(title: str, rows: Iterable[tuple[float, Sequence[float]]]) -> None:
    """Print a table of thresholds and outcomes."""
    print(f"{title}\n  threshold  precision recall    F1    F2   delay p50 p90")
    for threshold, (precision, recall, f1, f2, middle, late) in rows:
        mark = " <- _SHIFTED" if threshold == _SHIFTED else ""
        print(f"  {threshold:9.2f} {precision:10.3f} {recall:6.3f} {f1:.3f} {f2:.3f} {middle:11.1f} {late:3.0f}{mark}")


def main() -> int:
    """Print everything; return 1 where the module holds other weights."""
    tool = scorer()
    series, counter = labelled(tool), steady()
    samples, labels = sum(one.length for one in series), sum(len(one.labels) for one in series)
    places, matching = sum(len(one.places) for one in series), sum(one.truths.sum() for one in series)
    print(
        f"{len(series)} series, {samples} samples, {labels} labels, {places} places of which {matching:.0f} match one"
    )
    print(f"{len(counter)} places in series that never shift")
    draws = [cross_validated(series, counter, FOLDS, seed) for seed in range(REPEATS)]
    report(f"{FOLDS} folds by file, mean of {REPEATS} draws", (
        (threshold, np.mean([outcome(tool, series, draw, threshold) for draw in draws], axis=0).tolist())
        for threshold in THRESHOLDS
    ))  # fmt: skip
    alone = cross_validated(series, counter, len(series), 0)
    report("each file alone left out", [(_SHIFTED, outcome(tool, series, alone, _SHIFTED))])
    found = fit(series, counter)
    own = [found.scores(one.cases) for one in series]
    report("fitted to all files (flattering)", [(_SHIFTED, outcome(tool, series, own, _SHIFTED))])
    print("found per 10,000 values that never shift, weights fitted to all files")
    false_alarms(found, _SHIFTED)
    print(f"\nINTERCEPT: Final = {found.intercept:.3f}\nWEIGHTS: Final = Evidence(")
    for name, weight in zip(Evidence._fields, found.weights, strict=True):
        print(f"    {name}={weight:.3f},")
    print(")")
    same = np.allclose([found.intercept, *found.weights], [INTERCEPT, *WEIGHTS], atol=0.0011)
    print("the module holds these weights" if same else "the module holds OTHER weights")
    return int(not same)


if __name__ == "__main__":
    sys.exit(main())

"""Series of round-trip times whose level never shifts, of many kinds: what a detector of shifts must keep quiet on.

`drawn` gives series whose kind and figures are drawn anew each time (to fit with); `kinds` a fixed list of other ones
(to measure with). All in seconds.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def queue(generator: np.random.Generator, length: int, load: float) -> Floats:
    """Return waiting times of an M/M/1 queue as each customer finds it (Lindley), in service times' unit."""
    change = generator.exponential(load, length) - generator.exponential(1.0, length)
    walk = np.concatenate(([0.0], np.cumsum(change)))
    return np.asarray(walk - np.minimum.accumulate(walk), dtype=np.float64)[:length]


def bursts(generator: np.random.Generator, length: int, apart: float, longest: int) -> Floats:
    """Return 0 with bursts of up to `longest` values, each by its own exponential height."""
    values = np.zeros(length)
    at = 0
    while (at := at + 1 + int(generator.exponential(apart))) < length:
        values[at : at + int(generator.integers(1, longest + 1))] += generator.exponential(1.0)
    return values


def smoothed(values: Floats, share: float) -> Floats:
    """Return the first-order autoregression driven by the values, with their variance."""
    kept = np.sqrt(1 - share * share)
    state, found = 0.0, []
    for value in values.tolist():
        state = share * state + kept * value
        found.append(state)
    return np.array(found)


def drawn(generator: np.random.Generator, length: int) -> Floats:
    """Return one series of a kind, level and noise drawn at random."""
    level, noise = 10 ** generator.uniform(-3.5, -0.5), 10 ** generator.uniform(-3.5, -1.5)
    white = generator.standard_normal(length)
    match int(generator.integers(7)):
        case 0:
            shape = smoothed(white, generator.uniform(0, 0.95))
        case 1:
            shape = smoothed(generator.standard_t(generator.uniform(1.5, 5), length), generator.uniform(0, 0.8))
        case 2:
            shape = queue(generator, length, generator.uniform(0.2, 0.95)) * generator.uniform(0.5, 10) + np.abs(white)
        case 3:
            shape = bursts(generator, length, generator.uniform(15, 200), 4) * 10 ** generator.uniform(0, 2) + white
        case 4:
            shape = np.exp(generator.uniform(0.3, 1.5) * smoothed(white, generator.uniform(0, 0.8)))
        case 5:
            turns = np.arange(length) / 10 ** generator.uniform(2.2, 4)
            shape = generator.uniform(1, 15) * np.maximum(np.sin(2 * np.pi * turns), generator.uniform(-1, 0.5)) + white
        case _:
            shape = generator.uniform(2, 30) * (generator.random(length) < generator.uniform(0.05, 0.5)) + white
    return np.asarray(np.maximum(level * (1 + noise * shape), level / 10), dtype=np.float64)


def kinds(length: int, seed: int) -> Iterator[tuple[str, Floats]]:
    """Yield named series: white and correlated noise, heavy tails, queues, bursts, waves, coarse clocks."""
    generator = np.random.default_rng(seed)
    normal = generator.standard_normal
    yield "Gaussian", 0.020 + 0.0003 * normal(length)
    yield "Laplace", 0.020 + 0.0003 * generator.laplace(size=length)
    yield "exponential", 0.020 + 0.0005 * generator.exponential(1.0, length)
    yield "Pareto 1.5", 0.020 + 0.0001 * generator.pareto(1.5, length)
    yield "log-normal", 0.020 + 0.0002 * generator.lognormal(0.0, 1.2, length)
    yield "autoregression 0.5", 0.020 + 0.0003 * smoothed(normal(length), 0.5)
    yield "autoregression 0.8", 0.020 + 0.0003 * smoothed(normal(length), 0.8)
    yield (
        "a quarter spikes",
        0.020
        + 0.0001 * normal(length)
        + 0.003 * generator.exponential(1.0, length) * (generator.random(length) < 0.25),
    )
    yield "two values", 0.020 + 0.001 * (generator.random(length) < 0.3) + 0.00005 * normal(length)
    yield "queue, load 0.5", 0.020 + 0.0002 * queue(generator, length, 0.5) + 0.00005 * np.abs(normal(length))
    yield "queue, load 0.8", 0.020 + 0.0002 * queue(generator, length, 0.8) + 0.00005 * np.abs(normal(length))
    yield "bursts of 1-3", 0.020 + 0.010 * bursts(generator, length, 100, 3) + 0.0001 * np.abs(normal(length))
    yield "bursts of 1-4", 0.020 + 0.010 * bursts(generator, length, 60, 4) + 0.0001 * np.abs(normal(length))
    turns = np.arange(length)
    yield "daily wave, 10 s", 0.020 + 0.002 * np.sin(2 * np.pi * turns / 8640) + 0.0002 * normal(length)
    yield "daily wave, 5 min", 0.020 + 0.002 * np.sin(2 * np.pi * turns / 288) + 0.0002 * normal(length)
    yield "slow drift", 0.020 + 1e-6 * turns + 0.0002 * normal(length)
    yield "clock of 1 ms", np.round(0.020 + 0.0007 * normal(length), 3)
    yield "clock of 0.1 ms", np.round(0.020 + 0.0001 * normal(length), 4)

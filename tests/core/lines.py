"""Lines that lose echoes, made by chance: in bursts, as real ones do, or one by one."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from agent.core.loss import LossChange, LossWatch

Lost = npt.NDArray[np.bool_]


def bursty(chance: np.random.Generator, echoes: int, ratio: float, burst: float) -> Lost:
    """Return which echoes are lost: such a share of all, in bursts of such a mean length (E. N. Gilbert's model)."""
    lost = np.zeros(echoes, bool)
    if ratio:
        onsets = ratio / (burst * (1 - ratio))
        most = int(echoes * onsets * 1.3) + 50
        lengths = chance.geometric(1 / burst, most)
        starts = np.cumsum(chance.geometric(onsets, most) + lengths) - lengths - 1
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
            lost[start : start + length] = True
    return lost


def isolated(chance: np.random.Generator, echoes: int, ratio: float) -> Lost:
    """Return which echoes are lost, each by its own chance."""
    lost: Lost = chance.random(echoes) < ratio
    return lost


def feed(watch: LossWatch, lost: Iterable[bool | None], begin: int = 0) -> list[tuple[int, LossChange]]:
    """Push echoes; return each change with the stamp of the echo at which it was found."""
    return [(at, change) for at, echo in enumerate(lost, begin) if (change := watch.push(echo, at)) is not None]

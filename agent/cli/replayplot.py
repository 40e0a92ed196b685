"""A recording as a plot of text, with a mark for each thing that was told."""

import statistics
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agent.core.replay import Told

_HEIGHT: Final = 18
_LETTERS: Final = {
    "level_shift": "S", "loss_onset": "L", "loss_over": "l", "degraded": "D", "recovered": "R", "down": "X", "up": "U",
    "unknown": "?",
}  # fmt: skip
_HEAD: Final = "round-trip time in ms, the median of each column; a dot at the bottom: lost echoes"
_LEGEND: Final = "S level shift  L loss begins  l is over  D degraded  R recovered  X down  U up  ? not measured"
_ABOVE: Final = 1.15  # room over the highest median: single peaks are cut off, or nothing else would be seen
_TICKS: Final = 5
_FRAME_ROWS: Final = 3  # of the height: frame and times
_MOST_ROWS: Final = 6  # of marks below one another
_DAY_SECONDS: Final = 86_400.0
# what a terminal without Unicode gets for the frame and the dots
_PLAIN: Final = str.maketrans({**dict.fromkeys("┌┐└┘├┤┬┴┼", "+"), "─": "-", "│": "|"})


def plot(times: Sequence[float], rtts_seconds: Sequence[float], told: "Sequence[Told]", width: int) -> str:
    """Return the medians of as many stretches of time as there are columns, in milliseconds, without colours.

    Args:
        times: Unix times in order, at least one; `rtts_seconds` with not-a-number for a lost echo.
    """
    import plotext

    began, span = times[0], max(times[-1] - times[0], 1.0)
    columns = max(10, width - 10)
    heights, lost = _stretches(times, rtts_seconds, columns)
    top = _ABOVE * max(heights.values(), default=1.0)
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(width, _HEIGHT)
    plotext.xlim(-0.5, columns - 0.5)
    plotext.ylim(0, top)
    plotext.yticks([tick * top / 4 for tick in range(5)], [f"{tick * top / 4:.3g}" for tick in range(5)])
    ticks = [place * (columns - 1) / (_TICKS - 1) for place in range(_TICKS)]
    plotext.xticks(ticks, [_clock(began + tick / (columns - 1) * span, span) for tick in ticks])
    plotext.scatter(list(heights), list(heights.values()), marker="braille" if _unicode() else "*")
    if lost:
        plotext.scatter(lost, [0.0] * len(lost), marker=".")
    for letter, place, row in _marks(told, [int((times[one.index] - began) / span * columns) for one in told], columns):
        plotext.text(letter, place, top * (1 - row / (_HEIGHT - _FRAME_ROWS - 1)))
    text = plotext.uncolorize(plotext.build())
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return f"{_HEAD}\n{lines if _unicode() else lines.translate(_PLAIN)}\n{_LEGEND}\n"


def _stretches(
    times: Sequence[float], rtts_seconds: Sequence[float], columns: int
) -> tuple[dict[int, float], list[int]]:
    """Return the median of each stretch of time in milliseconds, and the stretches in which echoes were lost."""
    began, span = times[0], max(times[-1] - times[0], 1.0)
    values: dict[int, list[float]] = {}
    lost: dict[int, None] = {}
    for at, rtt in zip(times, rtts_seconds, strict=True):
        place = min(columns - 1, int((at - began) / span * columns))
        if rtt == rtt:
            values.setdefault(place, []).append(rtt)
        else:
            lost[place] = None
    return {place: 1000 * statistics.median(found) for place, found in values.items()}, list(lost)


def _marks(told: "Sequence[Told]", places: Sequence[int], columns: int) -> Iterator[tuple[str, int, int]]:
    """Yield letter, column and row from the top: what would cover another mark goes below it."""
    taken: dict[int, set[str]] = {}
    for one, found in zip(told, places, strict=True):
        place, letter = min(columns - 1, found), _LETTERS[one.kind.value]
        here = taken.setdefault(place, set())
        if letter not in here and len(here) < _MOST_ROWS:
            yield letter, place, len(here)
            here.add(letter)


def _clock(at: float, span: float) -> str:
    form = "%d %b %H:%M" if span > _DAY_SECONDS / 2 else "%H:%M:%S"
    return datetime.fromtimestamp(at).astimezone().strftime(form)  # local, as everything on a terminal


def _unicode() -> bool:
    return "utf" in (sys.stdout.encoding or "").lower()

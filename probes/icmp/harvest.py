"""Finished rounds: copied out of their slots and given out, those of a check in their order."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.core.model import Echo
from probes.icmp.table import BURST_ECHOES, NOTHING_ODD, PENDING, Finished, Layout, Odd, Rows, Slots

_REFUSALS_MAX: Final = 5  # different sentences kept for one round
_NANO: Final = 1_000_000_000
_NO_WHYS: Final[npt.NDArray[np.uint8]] = np.zeros(0, np.uint8)
_UNKNOWN: Final = int(Echo.UNKNOWN)  # numpy compares with an enum member ten times slower


class Harvest:
    """The rounds that are complete, with what was said of them and what was odd about their replies."""

    def __init__(self, layout: Layout) -> None:
        """Copy rounds out of a table."""
        self._layout = layout
        self._complete: list[int] = []  # rounds whose echoes are all decided, not copied out yet
        self._finished: list[Finished] = []
        self._odd: set[int] = set()  # rows whose replies were odd since their last round
        self._sentences: dict[int, dict[str, None]] = {}  # by number of the round

    def complete(self, numbers: npt.NDArray[np.int64]) -> None:
        """Note rounds whose echoes are all decided."""
        self._complete.extend(dict.fromkeys(numbers.tolist()))

    def say(self, number: int, sentence: str) -> None:
        """Keep what an ICMP error said of an echo of a round."""
        said = self._sentences.setdefault(number, {})
        if len(said) < _REFUSALS_MAX:
            said[sentence] = None

    def open(self, numbers: npt.NDArray[np.int64]) -> None:
        """Forget what was said of the checks that had these rounds before: they went in the middle of one."""
        if self._sentences:
            for number in numbers.tolist():
                self._sentences.pop(number, None)

    def forget(self, row: int) -> None:
        """Drop what is still to be given out about a check that is no longer watched."""
        self._finished = [done for done in self.finished if done.row != row]
        self._odd.discard(row)

    @property
    def finished(self) -> list[Finished]:
        """The rounds that are finished and not taken yet; rounds of a check come in their order."""
        self.copy_out()
        return self._finished

    def unfinished(self) -> list[Finished]:
        """Return what is decided of the rounds that are still open: for whoever ends before they do."""
        r, s, left = self._layout.rows, self._layout.slots, self._layout.rounds.left
        found = []
        for row in r.active.nonzero()[0].tolist():
            echoes, base, first, place = (int(c[row]) for c in (r.echoes, r.base, r.first_round, r.place))
            for number in range(int(r.rounds[row])):
                if left[first + number] <= 0:
                    continue
                begun = place - number * echoes if place // echoes == number and place % echoes else echoes
                slots = base + number * echoes + np.arange(begun)
                slots = slots[s.outcome[slots] != PENDING]
                if len(slots):
                    rtts = np.where(s.rtt[slots] < 0, np.nan, s.rtt[slots] / _NANO)
                    said = tuple(self._sentences.get(first + number, ()))
                    sent, outcomes, whys = s.sent[slots] / _NANO, s.outcome[slots], s.why[slots]
                    found.append(Finished(row, False, sent, rtts, outcomes, whys, NOTHING_ODD, said))
        return found

    def take_finished(self) -> list[Finished]:
        """Return the finished rounds and forget them."""
        finished, self._finished = self.finished, []
        return finished

    def copy_out(self) -> None:
        """Copy finished rounds out of their slots; rounds of a check come out in their order."""
        if not self._complete:
            return
        s = self._layout.slots
        for rows, numbers, bases, lengths in self._in_order():
            for echoes in {*lengths.tolist()}:
                mine = (lengths == echoes).nonzero()[0]
                slots = bases[mine][:, np.newaxis] + np.arange(echoes)
                outcomes, rtts = s.outcome[slots], s.rtt[slots]
                seconds = rtts / _NANO
                seconds[rtts < 0] = np.nan
                unknown = outcomes == _UNKNOWN
                # an echo that was tainted may have been answered
                whys = s.why[slots] * unknown if unknown.any() else itertools.repeat(_NO_WHYS)
                burst = numbers[mine] == self._layout.burst_rounds(rows[mine])
                found: Iterable[Finished] = map(
                    Finished, rows[mine].tolist(), burst.tolist(), s.sent[slots] / _NANO, seconds, outcomes, whys,
                    itertools.repeat(NOTHING_ODD), itertools.repeat(()),
                )  # fmt: skip
                if self._sentences or self._odd:
                    found = map(self._remark, found, numbers[mine].tolist())
                self._finished += found

    def _remark(self, done: Finished, number: int) -> Finished:
        """Add to a round what was said of it and what was odd about it."""
        odd = self._take_odd(done.row) if done.row in self._odd and not done.burst else NOTHING_ODD
        return done._replace(odd=odd, refusals=tuple(self._sentences.pop(number, ())))

    def _in_order(self) -> Iterator[tuple[Rows, Rows, Slots, Rows]]:
        """Give the rows, numbers, first slots and lengths of complete rounds, those of one check in their order.

        A round that is complete before an older one of its check waits for that.
        """
        r, left = self._layout.rows, self._layout.rounds.left
        numbers = np.array(self._complete)
        self._complete.clear()
        rows = self._layout.rounds.row[numbers]
        bursts = numbers == self._layout.burst_rounds(rows)
        if bursts.any():
            numbers, of = numbers[bursts], rows[bursts]
            left[numbers] = -1
            yield of, numbers, self._layout.burst_slots(of)[:, 0], np.full(len(of), BURST_ECHOES)
        rows = np.array([*dict.fromkeys(rows[~bursts].tolist())], np.intp)
        while len(rows):
            oldest = r.oldest[rows]
            numbers = r.first_round[rows] + oldest
            ready = left[numbers] == 0
            rows, oldest, numbers = rows[ready], oldest[ready], numbers[ready]
            left[numbers] = -1
            r.oldest[rows] = (oldest + 1) % r.rounds[rows]
            if len(rows):
                yield rows, numbers, r.base[rows] + oldest * r.echoes[rows], r.echoes[rows]

    def _take_odd(self, row: int) -> Odd:
        """Return what was odd about a row's replies since this was last asked, and count anew."""
        self._odd.discard(row)
        r = self._layout.rows
        counts = Odd(int(r.duplicates[row]), int(r.late[row]), int(r.reordered[row]), int(r.corrupted[row]))
        r.duplicates[row] = r.late[row] = r.reordered[row] = r.corrupted[row] = 0
        return counts

    def count_odd(self, counter: npt.NDArray[np.int64], rows: Rows) -> int:
        """Count one odd reply for each of these rows; return how many that are."""
        np.add.at(counter, rows, 1)
        self._odd.update(rows.tolist())
        return len(rows)

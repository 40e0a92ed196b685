"""Echoes into the loss detectors: of each check in the order of departure, whatever order they were decided in.

A reply is decided at once and a loss only after its timeout, so that each check has a pointer to its next echo that is
not folded yet; what is decided behind one that is still pending waits for it. Echoes of a confirmation burst take no
part: they are sent because of losses. Losses in a row that prove to be an outage are taken back; that may be known
before the first of them is folded.
"""

from typing import Final

import numpy as np

from agent.core.loss import LossChange
from agent.core.lossbank import LossBank
from agent.core.model import Echo
from probes.icmp.table import PENDING, Layout, Rows, Slots

_NANO: Final = 1_000_000_000
# numpy compares with an enum member ten times slower than with a number
_RECEIVED: Final = int(Echo.RECEIVED)
_UNKNOWN: Final = int(Echo.UNKNOWN)


class Losses:
    """The detectors of all checks, and what they found since they were last asked."""

    def __init__(self, layout: Layout) -> None:
        """Look at the echoes of a table."""
        self._layout = layout
        self._bank = LossBank(layout.rows.size)
        self._decided: list[Slots] = []
        self._found: list[LossChange] = []
        self._held: set[int] = set()  # rows with an alarm that is to be told as soon as they are not silent
        self._told: set[int] = set()
        self._outages: dict[int, int] = {}  # row -> a stamp at which it was lost to an outage, until that is folded

    def begin(self, row: int) -> None:
        """Take up a check that has just been added to the table."""
        self._make_room()
        self._bank.begin(row, int(self._layout.rows.interval[row]) / _NANO)

    def forget(self, row: int) -> None:
        """Drop what is still to be told about a check that is no longer watched."""
        self.fold()
        self._found = [change for change in self._found if change.row != row]
        self._held.discard(row)
        self._told.discard(row)
        self._outages.pop(row, None)

    def outage(self, row: int, since: int) -> None:
        """Take back what a check lost in a row at this stamp: it, or what it depends on, was down."""
        self._outages[row] = since

    def decided(self, slots: Slots) -> None:
        """Note echoes whose outcome is known now."""
        self._decided.append(slots)

    def fold(self) -> None:
        """Give the detectors what was decided. It must be called before the slots of these echoes are used again."""
        if not self._decided:
            return
        r, s = self._layout.rows, self._layout.slots
        concerned = np.zeros(r.size, np.bool_)
        for slots in self._decided:
            concerned[s.row[slots]] = True
        self._decided.clear()
        self._make_room()
        rows = concerned.nonzero()[0]
        rows = rows[r.folded[rows] != r.place[rows]]  # else it was an echo of a burst
        while len(rows):
            places = r.folded[rows]
            slots = r.base[rows] + places
            outcomes = s.outcome[slots]
            pending = outcomes == PENDING
            if pending.any():
                rows, places, slots, outcomes = (part[~pending] for part in (rows, places, slots, outcomes))
            places += 1
            places *= places < r.span[rows]
            r.folded[rows] = places
            self._fold(rows, slots, outcomes)
            rows = rows[places != r.place[rows]]

    def _make_room(self) -> None:
        if self._bank.size < self._layout.rows.size:
            self._bank.grow(self._layout.rows.size)

    def _fold(self, rows: Rows, slots: Slots, outcomes: "np.ndarray[tuple[int], np.dtype[np.uint8]]") -> None:
        unknown = outcomes == _UNKNOWN
        if unknown.any():
            rows, slots, outcomes = rows[~unknown], slots[~unknown], outcomes[~unknown]
        lost, at = outcomes != _RECEIVED, self._layout.slots.sent[slots]
        due: list[int] = []
        if self._outages:
            due = [row for row, stamp in zip(rows.tolist(), at.tolist(), strict=True)
                   if stamp >= self._outages.get(row, stamp + 1)]  # fmt: skip
        for row in due:
            if self._bank.in_a_run(row):
                self._take_back(row)
        self._found += self._bank.fold(rows, lost, at)
        for row in due:
            if row in self._outages:
                self._take_back(row)

    def _take_back(self, row: int) -> None:
        del self._outages[row]
        if (change := self._bank.take_back(row)) is not None:
            self._found.append(change)

    def take_changes(self) -> list[LossChange]:
        """Return the alarms that began or are over, and forget them.

        Nothing is told of a check while it is silent: that it does not answer at all has been told, and says more. An
        alarm that began before or in a silence is told when that is over, if it still lasts; and of losses in a row
        that were a silence nothing is told at all.
        """
        self.fold()
        if not self._found and not self._held:
            return []
        silent = self._layout.rows.silent
        changes: list[LossChange] = []
        found, self._found = self._found, []
        for change in found:
            row = change.row
            if change.over:
                self._held.discard(row)
                if row in self._told:
                    self._told.discard(row)
                    changes.append(change)
            elif not silent[row]:
                self._told.add(row)
                changes.append(change)
            elif not change.of_run:
                self._held.add(row)
        for row in [row for row in self._held if not silent[row]]:
            self._held.discard(row)
            if (change_now := self._bank.lasting(row)) is not None:
                self._told.add(row)
                changes.append(change_now)
        return changes

    # ------------------------------------------------------------------ what is learnt

    def usual(self, row: int) -> float | None:
        """Return the share of a check's echoes that is usually lost; None before anything is learnt."""
        return self._bank.usual_ratio(row)

    def snapshots(self, rows: Rows) -> list[bytes]:
        """Return what is to be known of each of these checks after a restart."""
        return self._bank.snapshots(rows)

    def resume(self, row: int, snapshot: bytes) -> None:
        """Go on where a snapshot was taken; an alarm that lasted then is told anew.

        Raises:
            ValueError: it is no snapshot of this version.
        """
        self._bank.resume(row, snapshot)
        if self._bank.lasting(row) is not None:
            self._held.add(row)

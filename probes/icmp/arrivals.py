"""How replies come: the TTL and the type of service that are learnt of each check, and when they change."""

from typing import Final

import numpy as np
import numpy.typing as npt

from probes.icmp.table import Arrival, Layout, Slots

_ARRIVALS_TO_CHANGE: Final = 3  # in a row: where a balancer alternates between two ways, nothing changes


class Arrivals:
    """What is learnt of how replies come, and the changes since they were last taken."""

    def __init__(self, layout: Layout) -> None:
        """Learn of the checks of a table."""
        self._layout = layout
        self._changes: list[Arrival] = []

    def take_changes(self) -> list[Arrival]:
        """Return the changes and forget them."""
        changes, self._changes = self._changes, []
        return changes

    def forget(self, row: int) -> None:
        """Drop what is still to be told about a check that is no longer watched."""
        self._changes = [change for change in self._changes if change.row != row]

    def look(self, slots: Slots, arrivals: npt.NDArray[np.int32]) -> None:
        """Compare how replies came with what is learnt of their checks; several others in a row are a change.

        Args:
            arrivals: TTL * 256 + type of service of each reply; -1 where it is not known.
        """
        s, r = self._layout.slots, self._layout.rows
        rows = s.row[slots]
        differs = arrivals != r.arrival[rows]
        differs |= r.others[rows] > 0
        if not differs.any():
            return
        for slot, row, arrival in zip(
            slots[differs].tolist(), rows[differs].tolist(), arrivals[differs].tolist(), strict=True
        ):
            if arrival < 0:
                continue
            if r.arrival[row] < 0:
                r.arrival[row] = arrival
            if arrival == r.arrival[row]:
                r.others[row] = 0
                continue
            if arrival != r.other[row] or not r.others[row]:
                r.other[row], r.others[row], r.other_wall[row] = arrival, 0, s.sent[slot]
            r.others[row] += 1
            if r.others[row] >= _ARRIVALS_TO_CHANGE:
                self._changes.append(Arrival(row, int(r.other_wall[row]), int(r.arrival[row]), arrival))
                r.arrival[row], r.others[row] = arrival, 0

"""What windows take out of the accounts of each target: its maintenance, and its supplier's clock-stops."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from agent.core.account import NO_EXCLUSION, Excluded
from agent.core.maintenance import Window, WindowKind, concerned, spans
from agent.core.model import Estate

if TYPE_CHECKING:
    from agent.core.availability import Pair


class Exclusions:
    """The windows of an estate, by whom they concern; `of` is an `agent.core.account.Calendar`."""

    def __init__(self, windows: Iterable[Window], estate: Estate) -> None:
        """Work out whom each window concerns."""
        self._windows: dict[str, list[tuple[int, Window]]] = {}
        self._known: dict[tuple[int, datetime, datetime], list[Pair]] = {}
        for number, window in enumerate(windows):
            for name in concerned(window, estate):
                self._windows.setdefault(name, []).append((number, window))

    def of(self, target: str, since: datetime, until: datetime) -> Excluded:
        """Return what is excluded of a target between two moments."""
        windows = self._windows.get(target)
        if windows is None:
            return NO_EXCLUSION
        pairs: dict[WindowKind, list[Pair]] = {kind: [] for kind in WindowKind}
        for number, window in windows:
            key = (number, since, until)
            if key not in self._known:
                self._known[key] = [(span.begins_at, span.ends_at) for span in spans(window, since, until)]
            pairs[window.kind] += self._known[key]
        found = Excluded(tuple(pairs[WindowKind.MAINTENANCE]), tuple(pairs[WindowKind.CLOCK_STOP]))
        return found if found.maintenance or found.clock_stops else NO_EXCLUSION

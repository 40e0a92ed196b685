"""Keeps who is in maintenance true: the windows of the picture, held against the clock. Only the pipeline calls."""

from collections.abc import Iterable
from datetime import datetime

from agent.core.assessor import Assessor
from agent.core.changes import Changes
from agent.core.maintenance import Calendar, Window
from agent.core.model import Estate
from agent.core.picture import Picture


class Windows:
    """The windows, and when somebody's maintenance begins or ends next."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._estate = picture.estate
        self._calendar = Calendar((), picture.estate)
        self._due: datetime | None = None

    def resume(self, windows: Iterable[Window], assessor: Assessor, alive_until: datetime | None, now: datetime
               ) -> Changes:  # fmt: skip
        """Take the windows that the ledger has; what began or ended since the former run is told, and nothing else."""
        self.take(windows, now)
        if alive_until is not None:
            assessor.maintain(self._calendar.excuses(alive_until), alive_until)
        return self.look(assessor, now)

    def take(self, windows: Iterable[Window], now: datetime) -> None:
        """Take these in place of the former ones; the next look is due."""
        self._picture.windows = tuple(windows)
        self.swap(self._estate, now)

    def swap(self, estate: Estate, now: datetime) -> None:
        """Hold them against another configuration; the next look is due."""
        self._estate = estate
        self._calendar = Calendar(self._picture.windows, estate)
        self._due = now

    def look_again(self, now: datetime) -> None:
        """Make the next look due: the clock was set."""
        self._due = now

    def look(self, assessor: Assessor, now: datetime) -> Changes:
        """Set and clear marks where a window began or ended; costs nothing while none did."""
        if self._due is None or now < self._due:
            return Changes()
        self._picture.excuses = self._calendar.excuses(now)
        self._due = self._calendar.next_change(now)
        return assessor.maintain(self._picture.excuses, now)

"""What the log says of traps that were taken: enough to find each that mattered, never a storm.

The ledger has no line of them: it keeps what was measured, and a trap is nobody's measurement.
"""

import logging
import math
from collections import Counter
from typing import Final

from agent.core.traps import Trap, TrapKind

_log = logging.getLogger(__name__)

LINES_A_MINUTE: Final = 60  # of all senders together
SENDER_LINES_A_MINUTE: Final = 10  # a switch that boots tells of every port; a port that flaps hides no other switch
OTHER_SECONDS: Final = 3600.0  # how often a sender's other traps of one kind are told: they lead to nothing
_MOST_KINDS: Final = 4096  # of these remembered
_WINDOW_SECONDS: Final = 60.0
_SHOWN: Final = 200  # of an OID


class TrapLog:
    """Writes the lines, and counts them."""

    def __init__(self) -> None:
        """Begin with an empty minute."""
        self._began = -math.inf
        self._all = 0
        self._of: Counter[str] = Counter()  # by address
        self._others: dict[tuple[str, str], float] = {}  # address and OID -> when it was told

    def tell(self, trap: Trap, done: str, now: float) -> None:
        """Log a trap; what it says is shown with its odd characters escaped.

        Args:
            done: what it led to; "" for nothing.
            now: seconds that do not go back.
        """
        level = logging.DEBUG if trap.kind is TrapKind.OTHER and not self._is_first(trap, now) else logging.INFO
        if not _log.isEnabledFor(level) or not self._has_room(trap, now):
            return
        what = " ".join(ascii(name)[1:-1] for name in trap.names) or (
            f"ifIndex {trap.if_index}" if trap.if_index else ""
        )
        _log.log(
            level, "%s from %s (%s)%s: %s", trap.oid[:_SHOWN] if trap.kind is TrapKind.OTHER else trap.kind,
            ", ".join(trap.devices), trap.version, f" of {what}" if what else "",
            done or "leads to nothing",
        )  # fmt: skip

    def _is_first(self, trap: Trap, now: float) -> bool:
        """Return whether a trap of this kind of this sender was told last long ago, or never."""
        key = (trap.address, trap.oid)
        told = self._others.get(key)
        if told is not None and now - told < OTHER_SECONDS:
            return False
        if len(self._others) >= _MOST_KINDS:
            self._others.clear()
        self._others[key] = now
        return True

    def _has_room(self, trap: Trap, now: float) -> bool:
        """Return whether this minute has a line left for a trap; the first that finds none says so."""
        if now - self._began >= _WINDOW_SECONDS:
            self._began, self._all = now, 0
            self._of.clear()
        if self._all > LINES_A_MINUTE:
            return False
        self._of[trap.address] += 1
        if self._of[trap.address] > SENDER_LINES_A_MINUTE + 1:
            return False
        self._all += 1
        if self._all > LINES_A_MINUTE:
            _log.info("more traps within this minute are counted only")
        elif self._of[trap.address] > SENDER_LINES_A_MINUTE:
            _log.info("more traps from %s within this minute are counted only", ", ".join(trap.devices))
        else:
            return True
        return False

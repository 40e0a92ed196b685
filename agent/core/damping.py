"""Flap damping: what keeps going up and down is one thing to tell, and not ten.

Each failure adds a penalty that decays by half every few minutes, as BGP's route flap damping does it (RFC 2439) and
Zino for interfaces. Above one threshold a target is *flapping*, until the penalty has fallen below a lower one. While
it is, a further failure opens no page of its own; but one that lasts is no flap: the mark goes, and the page leaves.
Recoveries are never held back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

PENALTY: Final = 1000.0  # of one failure, RFC 2439's unit


@dataclass(frozen=True, slots=True)
class Damping:
    """The parameters.

    Attributes:
        half_life_seconds: 5 minutes: two failures within it are no chance, for a sound line fails less than once a
            week. RFC 2439's 15 minutes are for routers that keep a route from the whole net.
        set_above: two failures within one half-life reach it, and three within a quarter of an hour.
        clear_below: RFC 2439's reuse threshold: after two failures the mark lasts some seven minutes more.
        most: bounds how long an unstable line is remembered: at most some twelve minutes after its last failure.
        lasting_seconds: a failure that lasts so long is no flap. A minute, because a line that flaps is seldom down for
            longer, and nobody should wait for a page for more.
    """

    half_life_seconds: float = 300.0
    set_above: float = 1500.0
    clear_below: float = 750.0
    most: float = 4000.0
    lasting_seconds: float = 60.0


class Flaps:
    """Penalties of the targets that have failed lately."""

    def __init__(self, damping: Damping = Damping()) -> None:
        """Begin with no failure known."""
        self._damping = damping
        self._penalties: dict[str, tuple[float, datetime]] = {}
        self._flapping: set[str] = set()

    def remember_for(self, half_life_seconds: float) -> None:
        """Take another half-life; 0 lets nothing be flapping."""
        self._damping = Damping(half_life_seconds=half_life_seconds)

    def resume(self, failures: Mapping[str, Iterable[datetime]]) -> None:
        """Go on from the failures of the last hour, which the ledger knows; oldest first."""
        for name, moments in failures.items():
            for moment in moments:
                self.failed(name, moment)

    def failed(self, name: str, at: datetime) -> None:
        """Count one failure."""
        damping = self._damping
        penalty = min(self.penalty(name, at) + PENALTY, damping.most)
        self._penalties[name] = (penalty, at)
        if penalty >= damping.set_above:
            self._flapping.add(name)

    def penalty(self, name: str, now: datetime) -> float:
        """Return what is left of a target's penalty."""
        if self._damping.half_life_seconds <= 0:
            return 0.0
        value, at = self._penalties.get(name, (0.0, now))
        seconds = max(0.0, (now - at).total_seconds())  # a clock that was set back lets nothing grow
        return float(value * 0.5 ** (seconds / self._damping.half_life_seconds))

    def is_flapping(self, name: str, down_since: datetime | None, now: datetime) -> bool:
        """Say whether a target is flapping.

        Args:
            down_since: since when it has been down; None where it is not.
        """
        if name not in self._flapping:
            return False
        if self.penalty(name, now) < self._damping.clear_below:
            self._flapping.discard(name)
            return False
        lasts = timedelta(seconds=self._damping.lasting_seconds)
        return down_since is None or now - down_since < lasts

    @property
    def watched(self) -> frozenset[str]:
        """The targets whose mark may change as time passes."""
        return frozenset(self._flapping)

    def keep(self, names: Iterable[str]) -> None:
        """Forget all but these."""
        kept = set(names)
        self._penalties = {name: penalty for name, penalty in self._penalties.items() if name in kept}
        self._flapping &= kept

    def rename(self, old: str, new: str) -> None:
        """Carry a target's penalty over to its new name."""
        if old in self._penalties:
            self._penalties[new] = self._penalties.pop(old)
        if old in self._flapping:
            self._flapping.add(new)

    def shift(self, by: timedelta) -> None:
        """Move every stamp: the clock was set by so much."""
        self._penalties = {name: (value, at + by) for name, (value, at) in self._penalties.items()}

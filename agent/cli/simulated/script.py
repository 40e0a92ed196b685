"""What fails when: the same every time, on the monotonic clock, over and over."""

from dataclasses import dataclass, field
from typing import Final

CYCLE_SECONDS: Final = 600.0  # seldomer than what counts as flapping


@dataclass(frozen=True, slots=True)
class Failure:
    """One circuit that ceases within each cycle.

    Attributes:
        begins_seconds: after the start of the cycle.
        story: what a person will see, for the terminal.
    """

    circuit: str
    begins_seconds: float
    ends_seconds: float
    story: str


FAILURES: Final = (
    Failure("enc-crown", 20.0, 65.0, "circuit enc-crown ceases, and the switch enc-sw1 behind it falls silent"),
    Failure("bcw-crown-backup", 100.0, 135.0, "the backup circuit bcw-crown-backup ceases: redundancy is lost"),
)


@dataclass(slots=True)
class Script:
    """The script, once it was begun; before, nothing fails.

    Times are seconds on the caller's clock, which starts at 0 with the devices.

    Attributes:
        speed: how many times faster than written.
    """

    speed: float = 1.0
    failures: tuple[Failure, ...] = FAILURES
    begun_at: float | None = field(default=None)

    def begin(self, now: float) -> None:
        """Start the first cycle."""
        self.begun_at = now

    def failed(self, circuit: str, now: float) -> bool:
        """Return whether the circuit is down."""
        place = self._place(now)
        return place is not None and any(
            failure.begins_seconds <= place[1] < failure.ends_seconds for failure in self._of(circuit)
        )

    def down_seconds(self, circuit: str, now: float) -> float:
        """Return for how long it has been down in all, since the devices started."""
        place = self._place(now)
        if place is None:
            return 0.0
        cycles, position = place
        total = 0.0
        for failure in self._of(circuit):
            length = failure.ends_seconds - failure.begins_seconds
            total += cycles * length + min(max(position - failure.begins_seconds, 0.0), length)
        return total / self.speed

    def changed_at(self, circuit: str, now: float) -> float | None:
        """Return when it last changed between up and down; None while it never did."""
        place = self._place(now)
        if place is None or self.begun_at is None:
            return None
        cycles, position = place
        moments = [
            (cycles - back) * CYCLE_SECONDS + edge
            for failure in self._of(circuit)
            for edge in (failure.begins_seconds, failure.ends_seconds)
            for back in (0 if edge <= position else 1,)
        ]
        latest = max(moments, default=-1.0)
        return None if latest < 0 else self.begun_at + latest / self.speed

    def _of(self, circuit: str) -> list[Failure]:
        return [failure for failure in self.failures if failure.circuit == circuit]

    def _place(self, now: float) -> tuple[int, float] | None:
        """Return the number of whole cycles and the place in the present one, in the script's own seconds."""
        if self.begun_at is None or now < self.begun_at:
            return None
        cycles, position = divmod((now - self.begun_at) * self.speed, CYCLE_SECONDS)
        return int(cycles), position

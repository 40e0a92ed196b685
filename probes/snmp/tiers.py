"""Which tier of polling is due for a device, and what says that its structure is another one. Pure: time is passed in.

The slow tier reads everything; the fast one state and counters of the interfaces that the slow one found. A restart, a
change of ifTable or of the physical entities, or rows that are gone make the slow one due at once: until it has run,
nothing is said about interfaces, because their numbers may mean others now.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from agent.core.counters import Uptime, uptime
from agent.core.model import Interface
from probes.snmp import fastplan
from probes.snmp.ber import VarBind
from probes.snmp.fastplan import NO_TABLE, Plan, Table

RESTARTED: Final = "the device has restarted"
TABLE_CHANGED: Final = "ifTableLastChange is another"
ENTITIES_CHANGED: Final = "entLastChangeTime is another"
NUMBER_CHANGED: Final = "ifNumber is another"
ROWS_GONE: Final = "interfaces are gone"
GET_SILENCE: Final = "no answer to a GET of many objects"
# agents exist whose marks move all the time: after so many full polls in a row for nothing they are left alone
_STRIKES: Final = 3
_STALE_POLLS: Final = 3.0  # full polls that may fail before what the last one said is no longer repeated
_STALE_LEAST_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Marks:
    """What a device says of its own changes; None for what it has not. All but `interfaces` in TimeTicks."""

    uptime: int | None = None
    table_changed: int | None = None
    entities_changed: int | None = None
    interfaces: int | None = None

    @classmethod
    def of(cls, binds: Iterable[VarBind]) -> "Marks":
        """Take these objects; of each the last one counts."""
        found = {bind[0]: bind[2] for bind in binds if isinstance(bind[2], int)}
        return cls(*(value if isinstance(value := found.get(oid), int) else None for oid in fastplan.MARK_OIDS))


def changes(before: Marks, after: Marks, elapsed_seconds: float) -> tuple[str, ...]:
    """Return what speaks against reading on by the OIDs that were known; what is not told says nothing."""
    if uptime(before.uptime, after.uptime, elapsed_seconds) is Uptime.RESTARTED:
        return (RESTARTED,)
    told = (
        (TABLE_CHANGED, before.table_changed, after.table_changed),
        (ENTITIES_CHANGED, before.entities_changed, after.entities_changed),
        (NUMBER_CHANGED, before.interfaces, after.interfaces),
    )
    return tuple(word for word, old, new in told if old is not None and new is not None and old != new)


def phase(device: str) -> float:
    """Return 0-1, the same for one device at every start."""
    return zlib.crc32(device.encode()) / 2**32


class Tiers:
    """One device's tiers.

    Attributes:
        why: what made a full poll due out of its turn; "" for nothing.
        get_works: whether the device is not known to be silent on a GET of many objects.
        plan: what the fast tier asks for; None before the first full poll.
        rows: the interfaces as the last full poll named them.
        marks: those of the last full poll, with the sysUpTime that was read last.
        marked_at: when that was, monotonic.
    """

    def __init__(
        self,
        interval_seconds: float,
        fast_seconds: float | None,
        *,
        v1: bool,
        max_repetitions: int | None,
        phase: float = 0.0,
    ) -> None:
        """Take the settings of a device.

        Args:
            fast_seconds: spacing of the fast tier; None where there is none.
            phase: 0-1, how much of the first interval is left out: all devices begin together, and their full polls
                are not to stay so.
        """
        self.why = ""
        self.get_works = True
        self.plan: Plan | None = None
        self.rows: tuple[Interface, ...] = ()
        self._interval = interval_seconds
        self._fast = fast_seconds
        self._v1 = v1
        self._max_repetitions = max_repetitions
        self._phase = phase
        self._full_at: float | None = None
        self._next_full_at = 0.0
        self.marks = Marks()
        self.marked_at = 0.0
        self._seen = Marks()  # at the last look
        self._strikes: dict[str, int] = {}
        self._planned: tuple[Table | None, bool] = None, True

    @property
    def has_fast(self) -> bool:
        """Whether there are two tiers."""
        return self._fast is not None

    def fast_due(self, now: float) -> bool:
        """Say whether the fast tier is what is to be read now; half a spacing early is on time."""
        if self._fast is None or self._full_at is None or self.plan is None or self.why:
            return False
        return now < self._next_full_at - self._fast / 2

    def is_fresh(self, now: float) -> bool:
        """Say whether what the last full poll read may still be repeated."""
        life = max(_STALE_POLLS * self._interval, _STALE_LEAST_SECONDS)
        return self._full_at is not None and now - self._full_at <= life

    def look(self, binds: Iterable[VarBind], now: float, *, patient: bool = False) -> bool:
        """Look at the marks of one answer of the fast tier; True when it is not worth reading on.

        Args:
            patient: read on in spite of all but a restart; the full poll is due all the same.
        """
        told = tuple(binds)
        if len(told) == 1 and told[0][0] == fastplan.SYS_UPTIME and self._goes_on(told[0][2], now):
            return False
        after = Marks.of(told)
        moving = changes(self._seen, after, now - self.marked_at)
        if after != Marks(after.uptime):  # the first answer: the others have sysUpTime alone
            for word in [word for word in self._strikes if self._is_idle(word) and word not in moving]:
                del self._strikes[word]  # it has come to rest
            self._seen = after
        found = [word for word in changes(self.marks, after, now - self.marked_at) if not self._is_idle(word)]
        if found:
            self.due(found[0])
        elif after.uptime is not None:
            self.marks = replace(self.marks, uptime=after.uptime)
            self.marked_at = now
        return RESTARTED in found or (bool(found) and not patient)

    def _goes_on(self, ticks: object, now: float) -> bool:
        """Take the uptime that all answers but the first have alone; return whether the device has not restarted."""
        known = self.marks
        if not isinstance(ticks, int) or uptime(known.uptime, ticks, now - self.marked_at) is Uptime.RESTARTED:
            return False
        self.marks = Marks(ticks, known.table_changed, known.entities_changed, known.interfaces)
        self.marked_at = now
        return True

    def due(self, why: str) -> None:
        """Make a full poll due at once."""
        if not self._is_idle(why):
            self.why = self.why or why

    def calm(self) -> None:
        """Take note of a fast poll that found nothing changed."""
        self._strikes = {word: count for word, count in self._strikes.items() if count >= _STRIKES}

    def opened(self, marks: Marks, now: float) -> None:
        """Take the marks of a full poll, from before it: what changes while it runs is seen by the next look."""
        if self.why not in ("", RESTARTED):
            self._strikes[self.why] = self._strikes.get(self.why, 0) + 1
        if self.why == RESTARTED:
            self._strikes.clear()  # other software, perhaps
        self.marks, self.marked_at, self.why = marks, now, ""
        self._seen = marks

    def read(self, table: Table, rows: tuple[Interface, ...], now: float) -> None:
        """Take what a full poll found."""
        self.rows, self._full_at = rows, now
        self._next_full_at = now + self._interval * (1 - self._phase)
        self._phase = 0.0
        wanted = table if self.has_fast else NO_TABLE
        if self._planned[0] is not wanted or self._planned[1] != self.get_works:
            self.plan = fastplan.plan(
                wanted, v1=self._v1, max_repetitions=self._max_repetitions, get_works=self.get_works
            )
            self._planned = wanted, self.get_works

    def anew(self) -> None:
        """Have everything read anew, without a reason that lies with the device."""
        self._next_full_at = 0.0

    def refused(self) -> None:
        """Take note that the device is silent on a GET of many objects, and have everything read anew."""
        self.get_works = False
        self.why = self.why or GET_SILENCE

    def give_up(self) -> None:
        """Take note that the device does not answer the fast tier: everything is read every time."""
        self._fast = None

    def _is_idle(self, word: str) -> bool:
        return self._strikes.get(word, 0) >= _STRIKES

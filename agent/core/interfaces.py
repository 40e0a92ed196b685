"""What a device's interfaces do, from poll to poll: state, rates, flaps. Pure; vectorised over the interfaces.

An interface is its name: after a restart the same ifIndex may mean another port (RFC 2863, 3.1.5), so what is known of
an interface goes with ifName, then ifDescr, then ifAlias, and with the number only where nothing else tells.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.core import counters
from agent.core.counters import TICKS_PER_SECOND, TIMETICKS_WRAP, Bools, Counts, Uptime
from agent.core.model import AdminStatus, Duplex, Interface, OperStatus
from agent.core.traffic import Direction, Floats, Traffic

HALF_DUPLEX_BITS_PER_SECOND: Final = 100e6  # from here on no hub is left, and half duplex is a failed negotiation
# an agent that answers the time of asking for ifLastChange tells no change; its clock ticks in seconds, perhaps
_JUST_NOW_TICKS: Final = 150
_LATE_TICKS: Final = 1500
_ERRORS_WRAP: Final = 1 << 31  # nothing fails so often between two polls: more is a reset
_KINDS_OF_COUNTERS: Final = 8  # as in `Reading.counts`
_FAILURES: Final = [2, 3, 6, 7]  # errors and discards
_ERRORS: Final = [2, 6]
_Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """State and counters of a device's interfaces at one moment.

    Attributes:
        rows: what the last full poll says of each: index, names, speed, duplex, neighbour.
        uptime_ticks: sysUpTime; None where the device has none.
        at_seconds: when that was read, monotonic.
        taken_at_seconds: float64[n], when each row was read.
        last_change: ifLastChange.
        discontinuity: ifCounterDiscontinuityTime.
        counts: [8, n]: octets, packets, errors and discards received, then the same sent.
        wide, wide_packets: bool[n], whether octets and packets are Counter64.
    """

    rows: tuple[Interface, ...]
    uptime_ticks: int | None
    at_seconds: float
    taken_at_seconds: Floats
    admin: tuple[AdminStatus | None, ...]
    oper: tuple[OperStatus | None, ...]
    last_change: Counts
    discontinuity: Counts
    counts: Counts
    wide: Bools
    wide_packets: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What a reading, after those before it, says of the interfaces.

    Attributes:
        interfaces: the same tuple as the last time while nothing about them changed but what they carry.
    """

    interfaces: tuple[Interface, ...]
    traffic: Traffic


class Story:
    """What is known of one device's interfaces from poll to poll."""

    def __init__(self) -> None:
        """Begin without a reading."""
        self._before: Reading | None = None
        self._told: tuple[Interface, ...] = ()
        self._rows: _Rows | None = None

    def tell(self, reading: Reading, now: datetime) -> Told:
        """Take a reading.

        Args:
            now: the wall clock's time of it.
        """
        rows, before, told = self._rows, self._before, self._told
        same_rows = before is not None and before.rows is reading.rows
        if rows is None or rows.rows is not reading.rows:
            rows = self._rows = _Rows.of(reading.rows)
        if before is None:
            places, since = np.full(len(reading.rows), -1, dtype=np.intp), Uptime.UNKNOWN
            before = _nothing(len(reading.rows))
        else:
            since = counters.uptime(before.uptime_ticks, reading.uptime_ticks, reading.at_seconds - before.at_seconds)
            places = follow(before.rows, reading.rows, by_index=since is not Uptime.RESTARTED)
            if not same_rows:
                before = _at(before, places, reading.rows)
                pairs = zip(places, reading.rows, strict=True)
                told = tuple([told[place] if place >= 0 else row for place, row in pairs])
        broken = _broken(before, reading, places, since)
        traffic = _traffic(before, reading, rows, broken)
        flapped = _flapped(before, reading) & ~broken
        still = _unchanged(before, reading) & ~broken
        same_state = (before.admin, before.oper) == (reading.admin, reading.oper)
        if not (same_rows and same_state and still.all() and not flapped.any()):
            told = _interfaces(reading, told, flapped, still, now, same_rows=same_rows)
        self._told, self._before = told, reading
        return Told(self._told, traffic)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """What is the same from reading to reading while the rows are the same: float64[8, n], at most per second."""

    rows: tuple[Interface, ...]
    most: Floats
    octets: Floats

    @classmethod
    def of(cls, rows: tuple[Interface, ...]) -> "_Rows":
        speeds = np.array([row.speed_bits_per_second or np.nan for row in rows], dtype=np.float64)
        octets, packets = counters.most_octets_per_second(speeds), counters.most_packets_per_second(speeds)
        return cls(rows, np.array([octets, packets, packets, packets] * 2), octets)


def follow(before: Sequence[Interface], after: Sequence[Interface], *, by_index: bool = True) -> _Places:
    """Return for each interface its place in the former poll; -1 for one that was not there.

    Args:
        by_index: whether a number may stand for an interface that bears no name which only one bears.
    """
    if before is after:
        return np.arange(len(after), dtype=np.intp)
    found = np.full(len(after), -1, dtype=np.intp)
    taken: set[int] = set()
    for kind, word_of in _KINDS.items():
        if kind == "index" and not by_index:
            continue
        # a name that two bear is no name
        olds = _unique({place: word_of(one) for place, one in enumerate(before) if place not in taken})
        news = _unique({place: word_of(one) for place, one in enumerate(after) if found[place] < 0})
        for word, place in news.items():
            old = olds.get(word)
            # descriptions and numbers move from port to port; where both have names, those have spoken already
            if old is not None and (kind in ("name", "descr") or not (_name(after[place]) and _name(before[old]))):
                found[place] = old
                taken.add(old)
    return found


def labels(interfaces: Sequence[Interface]) -> tuple[str, ...]:
    """Return the label `interface` of each: its name, which it keeps when its number changes.

    Where several bear one name, their numbers tell them apart.
    """
    count: dict[str, int] = {}
    for one in interfaces:
        count[one.name] = count.get(one.name, 0) + 1
    return tuple(one.name if count[one.name] == 1 else f"{one.name} ({one.index})" for one in interfaces)


def duplex_mismatch(row: Interface, *, late_collisions: bool) -> bool | None:
    """Say whether the two ends of a line do not agree on its duplex; None where the device does not tell its own.

    Args:
        late_collisions: whether they grew since the last look. On a line that works nobody sends after the first 512
            bit times of another's frame; half duplex against full does so all the time.
    """
    if row.duplex is None:
        return None
    if row.neighbour is not None and row.neighbour.duplex is not None:
        return row.duplex is not row.neighbour.duplex
    fast = row.speed_bits_per_second is not None and row.speed_bits_per_second >= HALF_DUPLEX_BITS_PER_SECOND
    return row.duplex is Duplex.HALF and (fast or late_collisions)


def _name(one: Interface) -> str:
    return one.name if one.name != str(one.index) else ""  # without a name the number stands for it


_KINDS: Final[Mapping[str, Callable[[Interface], object]]] = {
    "name": _name,
    "descr": lambda one: one.descr,
    "alias": lambda one: one.alias,
    "index": lambda one: one.index,
}


def _unique(words: Mapping[int, object]) -> dict[object, int]:
    count: dict[object, int] = {}
    for word in words.values():
        count[word] = count.get(word, 0) + 1
    return {word: place for place, word in words.items() if word not in (None, "") and count[word] == 1}


def _nothing(count: int) -> Reading:
    """Return what is known before the first reading."""
    nothing = Counts(np.zeros(count, dtype=np.uint64), np.zeros(count, dtype=np.bool_))
    no = np.zeros(count, dtype=np.bool_)
    return Reading(
        rows=(),
        uptime_ticks=None,
        at_seconds=0.0,
        taken_at_seconds=np.full(count, np.nan),
        admin=(None,) * count,
        oper=(None,) * count,
        last_change=nothing,
        discontinuity=nothing,
        counts=Counts.stacked([nothing] * _KINDS_OF_COUNTERS),
        wide=no,
        wide_packets=no,
    )


def _at(before: Reading, places: _Places, rows: tuple[Interface, ...]) -> Reading:
    """Return a reading in the order of other rows; what it did not have is unknown."""
    if not len(before.rows):
        return replace(_nothing(len(places)), uptime_ticks=before.uptime_ticks, at_seconds=before.at_seconds)
    # another number, another instance of the counters
    same = np.array(
        [place >= 0 and before.rows[place].index == row.index for place, row in zip(places, rows, strict=True)],
        dtype=np.bool_,
    )
    counts = before.counts.at(places)
    return Reading(
        rows=rows,
        uptime_ticks=before.uptime_ticks,
        at_seconds=before.at_seconds,
        taken_at_seconds=before.taken_at_seconds[places],
        admin=tuple([before.admin[place] if place >= 0 else None for place in places]),
        oper=tuple([before.oper[place] if place >= 0 else None for place in places]),
        last_change=before.last_change.at(places),
        discontinuity=before.discontinuity.at(places),
        counts=Counts(counts.values, counts.known & same),
        wide=before.wide[places],
        wide_packets=before.wide_packets[places],
    )


def _broken(before: Reading, reading: Reading, places: _Places, since: Uptime) -> Bools:
    """Return where counters cannot be compared with those of the former reading."""
    if since is Uptime.RESTARTED:
        return np.ones(len(places), dtype=np.bool_)
    other: Bools = (before.wide != reading.wide) | (before.wide_packets != reading.wide_packets) | (places < 0)
    return other | counters.changed(before.discontinuity, reading.discontinuity)


def _traffic(before: Reading, reading: Reading, rows: _Rows, broken: Bools) -> Traffic:
    """Return the rates of all counters."""
    elapsed = reading.taken_at_seconds - before.taken_at_seconds
    narrow = np.zeros(len(elapsed), dtype=np.bool_)
    most = rows.most.copy()
    with np.errstate(divide="ignore", invalid="ignore"):
        # nothing fails more often than packets can come, nor so often that its counter goes half round
        most[_FAILURES] = np.minimum(most[_FAILURES[0]], _ERRORS_WRAP / np.maximum(elapsed, 0))
    found = counters.rates(
        before.counts,
        reading.counts,
        elapsed,
        wide=np.array([reading.wide, reading.wide_packets, narrow, narrow] * 2),
        most_per_second=most,
        broken=broken,
    )
    values, known = reading.counts.values[_ERRORS], reading.counts.known[_ERRORS]
    errors = np.where(known.all(axis=0), values.astype(np.float64).sum(axis=0), np.nan)
    return Traffic(_direction(found[:4], rows), _direction(found[4:], rows), errors)


def _direction(found: Floats, rows: _Rows) -> Direction:
    octets, packets, errors, discards = found
    return Direction(octets, packets, errors, discards, octets / rows.octets)


def _unchanged(before: Reading, reading: Reading) -> Bools:
    known = before.last_change.known & reading.last_change.known
    return known & ~counters.changed(before.last_change, reading.last_change)


def _flapped(before: Reading, reading: Reading) -> Bools:
    """Return where the state is the same again, and ifLastChange says that it was another in between."""
    moved = counters.changed(before.last_change, reading.last_change)
    if before.uptime_ticks is None or reading.uptime_ticks is None or not moved.any():
        return np.zeros(len(reading.rows), dtype=np.bool_)
    same: Bools = np.array(
        [old is not None and old is new for old, new in zip(before.oper, reading.oper, strict=True)], dtype=np.bool_
    )
    # the change must lie between the two readings; a clock that is always now has seen none
    clockwork = _ago(before.uptime_ticks, before.last_change) <= _JUST_NOW_TICKS
    between = _ago(reading.uptime_ticks, reading.last_change) <= (
        (reading.uptime_ticks - before.uptime_ticks) % TIMETICKS_WRAP + _LATE_TICKS
    )
    return same & between & ~clockwork & moved


def _ago(uptime_ticks: int, moments: Counts) -> Floats:
    """Return how many ticks before `uptime_ticks` each moment was."""
    ago: Floats = ((uptime_ticks - moments.values.astype(np.int64)) % TIMETICKS_WRAP).astype(np.float64)
    return ago


def _changed_at(reading: Reading, place: int, now: datetime) -> datetime | None:
    moment = int(reading.last_change.values[place])
    if reading.uptime_ticks is None or not reading.last_change.known[place] or not moment:
        return None  # 0: before the device's agent started
    ago = (reading.uptime_ticks - moment) % TIMETICKS_WRAP
    return now - timedelta(seconds=ago / TICKS_PER_SECOND)


def _interfaces(
    reading: Reading, before: tuple[Interface, ...], flapped: Bools, still: Bools, now: datetime, *, same_rows: bool
) -> tuple[Interface, ...]:
    """Return the interfaces as they are now; each is the object that it was while nothing changed.

    Args:
        before: what was told of the same interfaces, in the same order; () for nothing.
        still: where each entered its present state at the moment that is known already.
        same_rows: whether what the last full poll says of them is what was told of them then.
    """
    out = []
    for place, (row, admin, oper, flaps, kept) in enumerate(
        zip(reading.rows, reading.admin, reading.oper, flapped.tolist(), still.tolist(), strict=True)
    ):
        old = before[place] if before else row
        changed_at = old.changed_at if kept else _changed_at(reading, place, now)
        if same_rows and not flaps and (old.admin, old.oper, old.changed_at) == (admin, oper, changed_at):
            out.append(old)
            continue
        mismatch = row.duplex_mismatch if oper is OperStatus.UP else None
        count = old.flaps + flaps
        out.append(replace(row, admin=admin, oper=oper, changed_at=changed_at, flaps=count, duplex_mismatch=mismatch))
    return tuple(out)

"""What a device's interfaces do, from poll to poll: state, rates, flaps. Pure; vectorised over the interfaces.

An interface is its name: after a restart the same ifIndex may mean another port (RFC 2863, 3.1.5), so what is known of
an interface goes with ifName, then ifDescr, then ifAlias, and with the number only where nothing else tells.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.core import counters
from agent.core.counters import TICKS_PER_SECOND, TIMETICKS_WRAP, Bools, Counts, Floats, Uptime
from agent.core.model import AdminStatus, Duplex, Flow, Interface, OperStatus

HALF_DUPLEX_BITS_PER_SECOND: Final = 100e6  # from here on no hub is left, and half duplex is a failed negotiation
# an agent that answers the time of asking for ifLastChange tells no change; its clock ticks in seconds, perhaps
_JUST_NOW_TICKS: Final = 150
_LATE_TICKS: Final = 1500
_ERRORS_WRAP: Final = 1 << 31  # nothing fails so often between two polls: more is a reset
_Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One kind of counter, received and sent."""

    received: Counts
    sent: Counts


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
    octets: Pair
    packets: Pair
    errors: Pair
    discards: Pair
    wide: Bools
    wide_packets: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """Rates of all interfaces in one direction; float64[n], nan where unknown. The fields are those of `Flow`."""

    octets_per_second: Floats
    packets_per_second: Floats
    errors_per_second: Floats
    discards_per_second: Floats
    utilisation_ratio: Floats

    def flows(self) -> list[Flow]:
        """Return them interface by interface."""
        columns = [_or_none(getattr(self, field.name)) for field in fields(self)]
        return [Flow(*row) for row in zip(*columns, strict=True)]


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What a reading, after those before it, says of the interfaces."""

    interfaces: tuple[Interface, ...]
    received: Direction
    sent: Direction


class Story:
    """What is known of one device's interfaces from poll to poll."""

    def __init__(self) -> None:
        """Begin without a reading."""
        self._before: Reading | None = None
        self._flaps: list[int] = []
        self._changed_at: list[datetime | None] = []

    def tell(self, reading: Reading, now: datetime) -> Told:
        """Take a reading.

        Args:
            now: the wall clock's time of it.
        """
        rows, before = reading.rows, self._before
        if before is None:
            since, places = Uptime.UNKNOWN, np.full(len(rows), -1, dtype=np.intp)
        else:
            since = counters.uptime(before.uptime_ticks, reading.uptime_ticks, reading.at_seconds - before.at_seconds)
            places = follow(before.rows, rows, by_index=since is not Uptime.RESTARTED)
        flaps = [self._flaps[place] if place >= 0 else 0 for place in places]
        changed_at = [_changed_at(reading, place, now) for place in range(len(rows))]
        speeds = np.array([row.speed_bits_per_second or np.nan for row in rows], dtype=np.float64)
        if before is None:
            received = sent = _nothing(len(rows))
        else:
            broken = _broken(before, reading, places, since)
            received = _direction(before, reading, places, broken, speeds, lambda pair: pair.received)
            sent = _direction(before, reading, places, broken, speeds, lambda pair: pair.sent)
            for place in np.flatnonzero(_flapped(before, reading, places) & ~broken):
                flaps[place] += 1
            changed_at = [
                self._changed_at[old] if old >= 0 and kept else new
                for old, kept, new in zip(
                    places, _unchanged(before, reading, places) & ~broken, changed_at, strict=True
                )
            ]
        self._before, self._flaps, self._changed_at = reading, flaps, changed_at
        return Told(_interfaces(reading, flaps, changed_at, received.flows(), sent.flows()), received, sent)


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


def _broken(before: Reading, reading: Reading, places: _Places, since: Uptime) -> Bools:
    """Return where counters cannot be compared with those of the former reading."""
    if since is Uptime.RESTARTED:
        return np.ones(len(places), dtype=np.bool_)
    # another number, another kind of counter: another instance of them
    indexes = np.array([row.index for row in before.rows] or [0])
    same: Bools = indexes[places] == np.array([row.index for row in reading.rows], dtype=np.int64)
    if len(before.rows):
        same &= (before.wide[places] == reading.wide) & (before.wide_packets[places] == reading.wide_packets)
    moved = counters.changed(before.discontinuity.at(places), reading.discontinuity)
    return (places < 0) | ~same | moved


def _direction(
    before: Reading,
    reading: Reading,
    places: _Places,
    broken: Bools,
    speeds: Floats,
    side: Callable[[Pair], Counts],
) -> Direction:
    if len(before.taken_at_seconds):
        elapsed = reading.taken_at_seconds - before.taken_at_seconds[places]
    else:
        elapsed = np.full(len(places), np.nan)

    def rates(old: Pair, new: Pair, wide: Bools, most: Floats) -> Floats:
        arguments = (side(old).at(places), side(new), elapsed)
        long = counters.rates(*arguments, bits=64, most_per_second=most, broken=broken)
        short = counters.rates(*arguments, bits=32, most_per_second=most, broken=broken)
        return np.where(wide, long, short)

    packets = counters.most_packets_per_second(speeds)
    with np.errstate(divide="ignore"):
        few = np.minimum(packets, _ERRORS_WRAP / np.maximum(elapsed, 0))
    narrow = np.zeros(len(places), dtype=np.bool_)
    octets = rates(before.octets, reading.octets, reading.wide, counters.most_octets_per_second(speeds))
    return Direction(
        octets_per_second=octets,
        packets_per_second=rates(before.packets, reading.packets, reading.wide_packets, packets),
        errors_per_second=rates(before.errors, reading.errors, narrow, few),
        discards_per_second=rates(before.discards, reading.discards, narrow, few),
        utilisation_ratio=octets / counters.most_octets_per_second(speeds),
    )


def _nothing(count: int) -> Direction:
    unknown = np.full(count, np.nan)
    return Direction(unknown, unknown, unknown, unknown, unknown)


def _unchanged(before: Reading, reading: Reading, places: _Places) -> Bools:
    old = before.last_change.at(places)
    return old.known & reading.last_change.known & ~counters.changed(old, reading.last_change)


def _flapped(before: Reading, reading: Reading, places: _Places) -> Bools:
    """Return where the state is the same again, and ifLastChange says that it was another in between."""
    if before.uptime_ticks is None or reading.uptime_ticks is None or not len(before.rows):
        return np.zeros(len(places), dtype=np.bool_)
    old = before.last_change.at(places)
    same: Bools = np.array(
        [
            old_place >= 0 and before.oper[old_place] is not None and before.oper[old_place] is new
            for old_place, new in zip(places, reading.oper, strict=True)
        ],
        dtype=np.bool_,
    )
    # the change must lie between the two readings; a clock that is always now has seen none
    clockwork = _ago(before.uptime_ticks, old) <= _JUST_NOW_TICKS
    between = _ago(reading.uptime_ticks, reading.last_change) <= (
        (reading.uptime_ticks - before.uptime_ticks) % TIMETICKS_WRAP + _LATE_TICKS
    )
    return same & between & ~clockwork & counters.changed(old, reading.last_change)


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
    reading: Reading,
    flaps: Sequence[int],
    changed_at: Sequence[datetime | None],
    received: Sequence[Flow],
    sent: Sequence[Flow],
) -> tuple[Interface, ...]:
    return tuple(
        Interface(
            index=row.index,
            name=row.name,
            descr=row.descr,
            admin=admin,
            oper=oper,
            alias=row.alias,
            speed_bits_per_second=row.speed_bits_per_second,
            changed_at=changed,
            flaps=count,
            received=into,
            sent=out,
            duplex=row.duplex,
            duplex_mismatch=row.duplex_mismatch if oper is OperStatus.UP else None,
            neighbour=row.neighbour,
            receive_power_dbm=row.receive_power_dbm,
            transmit_power_dbm=row.transmit_power_dbm,
        )
        for row, admin, oper, changed, count, into, out in zip(
            reading.rows, reading.admin, reading.oper, changed_at, flaps, received, sent, strict=True
        )
    )


def _or_none(values: Floats) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]  # only nan is not itself

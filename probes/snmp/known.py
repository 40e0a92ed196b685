"""Answers whose names are known beforehand: outlined when they come, decoded all at once when the last one is there.

A poll of a switch brings thousands of varbinds whose names are those of the poll before. Looking at each costs more
than everything else that is done for the device; over arrays it costs a quarter.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from probes.snmp import ber
from probes.snmp.ber import SnmpDecodeError, Tag, Value, VarBind

FEWEST: Final = 100  # varbinds: for less the arrays cost more than they save
MOST: Final = 5000  # ... at once: some two milliseconds, for which the event loop does nothing else
_SHORT: Final = 0x80  # lengths below are one octet
_WIDTH: Final = 8  # octets of the longest number, but for a leading zero
_PAD: Final = bytes(_WIDTH)
_BEFORE: Final = np.arange(-_WIDTH, 0)
_MASKS: Final = np.array([(1 << 8 * octets) - 1 for octets in range(_WIDTH + 1)], dtype=np.uint64)
_OCTETS: Final = 0x04
# the longest body of a number that is read here, by tag; what is longer, or no number, goes the careful way
_WIDEST: Final = np.zeros(256, dtype=np.intp)
_WIDEST[[Tag.COUNTER32, Tag.GAUGE32, Tag.TIMETICKS]] = 4
_WIDEST[[Tag.INTEGER, Tag.COUNTER64]] = 8
_GONE: Final = frozenset((Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW))

_Places = npt.NDArray[np.intp]


class Known(NamedTuple):
    """An answer that looks as it was expected, and is not decoded yet.

    Attributes:
        data: what holds its varbinds, from `at` to `end`.
        starts: where each of them begins.
    """

    data: bytes
    at: int
    end: int
    starts: list[int]


def outlined(data: bytes, at: int, end: int, expected: Sequence[bytes]) -> Known | None:
    """Return an answer as known if it is whole, all lengths are in the short form, and it ends as expected."""
    starts: list[int] = []
    keep, place = starts.append, at
    try:
        while place < end:
            keep(place)
            size = data[place + 1]
            if size >= _SHORT:
                return None
            place += size + 2
    except IndexError:
        return None
    count = len(starts)
    if place != end or not 0 < count <= len(expected):
        return None
    last = expected[count - 1]
    name = starts[-1] + 4
    return Known(data, at, end, starts) if data[name : name + len(last)] == last else None


_all_names: "Final[WeakValueDictionary[bytes, Names]]" = WeakValueDictionary()


class Names:
    """The names that some varbinds will have, prepared for being compared with many at once."""

    __slots__ = ("__weakref__", "_ends", "_joined", "oids")

    def __init__(self, oids: Sequence[bytes]) -> None:
        """Take the names, in order."""
        self.oids = tuple(oids)
        self._joined = b"".join(oids)
        self._ends = np.cumsum(np.fromiter(map(len, oids), dtype=np.int32, count=len(oids)), dtype=np.int32)

    @classmethod
    def of(cls, oids: Sequence[bytes]) -> "Names":
        """Return these names; the same object for all devices that have them: a fleet is of few models."""
        names = cls(oids)
        known = _all_names.setdefault(names._joined, names)
        return known if known.oids == names.oids else names

    def first_other(self, octets: npt.NDArray[np.uint8], names_at: _Places, lengths: _Places, place: int) -> int:
        """Return which of some names, the first of which should be that at `place`, is the first that is another one.

        Args:
            names_at: where each name begins in `octets`.
            lengths: of each.
        """
        count = len(names_at)
        before = int(self._ends[place - 1]) if place else 0
        ends = self._ends[place : place + count] - before
        wanted = np.diff(ends, prepend=0)
        sound = _first(lengths != wanted)
        if sound < count:
            ends, wanted, names_at = ends[:sound], wanted[:sound], names_at[:sound]
        if not sound:
            return 0
        total = int(ends[-1])
        places = np.repeat(names_at - ends + wanted, wanted)
        places += np.arange(total)
        joined = np.frombuffer(self._joined, dtype=np.uint8, count=total, offset=before)
        differ = octets[np.minimum(places, len(octets) - 1)] != joined
        return int(np.searchsorted(ends, differ.argmax(), side="right")) if differ.any() else sound


class Columns(NamedTuple):
    """Varbinds as arrays, as far as they are whole and have the expected names.

    Attributes:
        names: of each.
        tags, sizes, stops: the type of each value, how many octets it has, and where it ends in `data`.
        numbers: uint64[n], of those that are plain numbers.
        plain: which are.
    """

    data: bytes
    names: Sequence[bytes]
    tags: npt.NDArray[np.uint8]
    sizes: _Places
    stops: _Places
    numbers: npt.NDArray[np.uint64]
    plain: npt.NDArray[np.bool_]

    def varbinds(self) -> list[VarBind]:
        """Return them, up to the first that has no value."""
        values: list[Value] = self.numbers.tolist()
        tags: list[int] = self.tags.tolist()
        others = np.flatnonzero(~self.plain)
        stops = self.stops[others]
        begins = (stops - self.sizes[others]).tolist()
        # what is no plain number, and what may be a negative one
        for place, at, stop in zip(others.tolist(), begins, stops.tolist(), strict=True):
            tag = tags[place]
            if tag == _OCTETS:
                values[place] = self.data[at:stop]
                continue
            try:
                values[place] = ber.decode_value(tag, self.data[at:stop])
            except SnmpDecodeError:
                tag = Tag.END_OF_MIB_VIEW
            if tag in _GONE:
                return list(zip(self.names[:place], tags, values, strict=False))
        return list(zip(self.names, tags, values, strict=True))


def decoded(answers: Sequence[Known], names: Names, place: int) -> list[VarBind]:
    """Return the varbinds of some answers, as far as they have a value and the names from `place` on."""
    return columns(answers, names, place).varbinds()


def columns(answers: Sequence[Known], names: Names, place: int) -> Columns:
    """Return the varbinds of some answers, as far as they are whole and have the names from `place` on."""
    oids = names.oids[place : place + sum([len(answer.starts) for answer in answers])]
    data = b"".join([_PAD, *[answer.data[answer.at : answer.end] for answer in answers], _PAD])
    octets = np.frombuffer(data, dtype=np.uint8)
    starts = _starts(answers, len(oids))
    stops = starts + 2 + octets[starts + 1]
    lengths = octets[starts + 3].astype(np.intp)
    tags_at = starts + 4 + lengths
    whole = (octets[starts] == 0x30) & (octets[starts + 2] == 0x06) & (tags_at + 2 <= stops)
    tags_at[~whole] = 0
    sizes = stops - tags_at - 2
    whole &= octets[tags_at + 1] == sizes
    sound = min(_first(~whole), names.first_other(octets, starts + 4, lengths, place))
    if sound < len(oids):
        oids, tags_at, sizes, stops = oids[:sound], tags_at[:sound], sizes[:sound], stops[:sound]
    tags = octets[tags_at]
    widest, first, signed = _WIDEST[tags], octets[stops - sizes], tags == Tag.INTEGER
    plain = (sizes > 0) & (sizes <= widest)
    # an unsigned number may have a zero before it, which keeps the sign clear
    plain |= (widest > 0) & (sizes == widest + 1) & (first == 0) & ~signed
    plain &= ~signed | (first < _SHORT)
    numbers = octets[stops[:, np.newaxis] + _BEFORE].view(">u8")[:, 0] & _MASKS[np.minimum(sizes, _WIDTH)]
    return Columns(data, oids, tags, sizes, stops, numbers, plain)


def _starts(answers: Sequence[Known], count: int) -> _Places:
    """Return where each varbind begins when the answers' varbinds follow one another."""
    starts = np.fromiter(chain.from_iterable([answer.starts for answer in answers]), dtype=np.intp, count=count)
    shifts, at = [], len(_PAD)
    for answer in answers:
        shifts.append(at - answer.at)
        at += answer.end - answer.at
    starts += np.repeat(shifts, [len(answer.starts) for answer in answers])
    return starts


def _first(wrong: npt.NDArray[np.bool_]) -> int:
    """Return the first place where something is wrong; how many there are if nothing is."""
    return int(wrong.argmax()) if wrong.any() else len(wrong)

"""What a device's objects looked like at its last poll: what makes the next one cheaper, as long as nothing changed.

A walk that knows what will come asks for as many rows as fit one Ethernet frame, and no more than there are; and what
comes as it was expected needs no second look, row by row.
"""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, count
from typing import Final

from probes.snmp.ber import Tag, VarBind
from probes.snmp.known import Names

ANSWER_OCTETS: Final = 1300  # of varbinds: with SNMPv3's header, UDP's and IPv6's, an Ethernet frame holds it
ROWS_MAX: Final = 100  # an answer of 100 rows is 3 KB at the least where rows came in between
_HEAD_OCTETS: Final = 6  # tags and lengths of a varbind, its name and its value
# numbers grow between polls: the longest form of each type counts
_NUMBER_OCTETS: Final = {
    Tag.INTEGER: 4, Tag.COUNTER32: 5, Tag.GAUGE32: 5, Tag.TIMETICKS: 5, Tag.COUNTER64: 9,
}  # fmt: skip


_shapes: Final = count(1)


def new_shape() -> int:
    """Return what no other sequence of names is called."""
    return next(_shapes)


class Layout:
    """The OIDs of one device's walk, in order.

    Attributes:
        names: the OIDs.
        shape: stands for these OIDs and no others; 0 for none.
        rows_limit: at most so many rows are asked for: what the agent, or the way to it, was found to bear.
    """

    __slots__ = ("_gaps", "_lanes", "_octets", "names", "rows_limit", "shape")

    def __init__(self) -> None:
        """Know nothing."""
        self.rows_limit = ROWS_MAX
        self.shape = 0
        self.names = Names([])
        self._lanes = array("H")
        self._gaps: list[int] = []
        self._octets = array("I", [0])

    def learn(self, varbinds: Sequence[VarBind], roots: Sequence[bytes], gaps: Sequence[int]) -> None:
        """Take the objects of a walk that came to its end.

        Args:
            roots: the subtrees, in the order of the walk.
            gaps: places before which the agent has objects that were not asked for, ascending.
        """
        self.shape = new_shape()
        self.names = Names.of([oid for oid, _, _ in varbinds])
        self._gaps = list(gaps)
        self._octets = array("I", accumulate((_octets(bind) for bind in varbinds), initial=0))
        self._lanes = array("H")
        lane = 0
        for oid in self.names.oids:
            while not oid.startswith(roots[lane]):
                lane += 1
            self._lanes.append(lane)

    def rows(self, place: int) -> int | None:
        """Return how many rows to ask for when so many objects have come; None where that is not known."""
        if place >= len(self.names.oids):
            return None
        fit = bisect_right(self._octets, self._octets[place] + ANSWER_OCTETS) - 1
        rows = fit - place if fit < len(self.names.oids) else self.rows_limit
        gap = bisect_right(self._gaps, place)
        here = (self._gaps[gap] if gap < len(self._gaps) else len(self.names.oids)) - place
        # one more than there are: it tells that no row was added
        return max(1, min(rows, here + 1, self.rows_limit))

    @property
    def size(self) -> int:
        """How many objects there were."""
        return len(self.names.oids)

    def name(self, place: int) -> bytes:
        """Return the name of the object at a place."""
        return self.names.oids[place]

    def expected(self, place: int, rows: int) -> Sequence[bytes]:
        """Return the names of so many rows from a place on."""
        return self.names.oids[place : place + rows]

    def as_known(self, place: int, varbinds: Sequence[VarBind]) -> int:
        """Return how many of these objects, which came at this place, are what came there the last time."""
        oids = tuple([bind[0] for bind in varbinds])
        known = self.names.oids[place : place + len(oids)]
        if oids == known:
            return len(oids)
        return next((n for n, (one, other) in enumerate(zip(oids, known, strict=False)) if one != other), len(known))

    def lane(self, place: int) -> int:
        """Return the number of the subtree of the object at a place."""
        return self._lanes[place]

    def goes_on(self, place: int, lane: int) -> bool:
        """Tell whether the walk, now in this subtree, is where it was the last time after so many objects."""
        if place >= len(self.names.oids):
            return True
        return lane <= self._lanes[place] and (place == 0 or lane >= self._lanes[place - 1])


def _octets(bind: VarBind) -> int:
    oid, tag, value = bind
    longest = _NUMBER_OCTETS.get(tag)  # type: ignore[call-overload]
    return _HEAD_OCTETS + len(oid) + (longest or (len(value) + 2 if isinstance(value, bytes) else 0))

"""What to ask an agent next for a walk of subtrees, as a pure state machine.

Agents misbehave; each way that is known ends in rows or in one problem that names the OID, never in a loop. Whatever
ends a conversation early, a limit below or the clock, the rows until then stay, and `problems` says that there is more.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from probes.snmp.asking import MAX_UNANSWERED, MISSING, Question, shown, status_name
from probes.snmp.ber import (
    MAX_DATAGRAM_OCTETS,
    ErrorStatus,
    Pdu,
    Tag,
    VarBind,
    Version,
    decode_index,
    oid_after,
)
from probes.snmp.known import FEWEST, MOST, Known, decoded
from probes.snmp.layout import Layout

# The limits of one conversation. Time is bounded by a check's `timeout`, objects by its `max_objects`.
# twelve columns of 20,000 interfaces; some 40 MB, which an agent that invents rows may cost
MAX_VARBINDS: Final = 250_000
MAX_PACKETS: Final = 50_000  # all 41 columns of 20,000 interfaces at 25 rows in each: more is an agent that dribbles
MAX_OCTETS: Final = 32 << 20  # of names and values: twice what those 41 columns have; one answer may hold 64 KiB
MAX_PROBLEMS: Final = 32  # subtrees that may fail before the agent is left alone
_FEWER_ROWS: Final = 5  # asked for after a silence: rows of interfaces then fit 1,200 octets, which nothing fragments
_LANES: Final = 10  # columns asked together in one GETNEXT of v1: fits the 484 octets that every agent must take
_GONE: Final = MISSING | {Tag.END_OF_MIB_VIEW}


@dataclass(slots=True)
class _Lane:
    """One subtree that is being walked: its root, and the last OID seen in it."""

    root: bytes
    last: bytes


class Walk:
    """All objects below some subtrees, in order: GETBULK, or GETNEXT over several columns at once for v1.

    What a GETBULK brings from beyond its subtree is kept when it belongs to a later one, and subtrees that such an
    answer skips are known to be empty: columns of one table cost no request of their own for their ends.

    Args:
        any_order: take the rows of agents that do not give them in order, until they give one for the second time.
        layout: what is known of these subtrees from the last walk; it learns from this one. Not used for v1.

    Attributes:
        problems: what went wrong, each naming an OID; the subtree concerned is cut short there.
        packets: answers taken.
    """

    def __init__(
        self,
        subtrees: Iterable[bytes],
        *,
        version: int = Version.V2C,
        max_repetitions: int = 25,
        any_order: bool = False,
        layout: Layout | None = None,
        max_varbinds: int = MAX_VARBINDS,
        max_packets: int = MAX_PACKETS,
        max_octets: int = MAX_OCTETS,
    ) -> None:
        self._rows: list[VarBind] = []
        self._waiting: list[Known] = []  # what came behind them as it was known, and is not decoded yet
        self._ahead = 0  # how many objects that is
        self.problems: list[str] = []
        self.packets = 0
        self._roots = _without_nested(subtrees)
        self._left = [_Lane(root, root) for root in self._roots]
        self._width = 1 if version != Version.V1 else _LANES
        self._v1 = version == Version.V1
        self._repetitions = max_repetitions
        self._max_varbinds = max_varbinds
        self._max_packets = max_packets
        self._asked: set[bytes] | None = set() if any_order else None  # an agent may go round in circles
        self._layout = layout if not self._v1 and not any_order else None
        self._in_step = self._layout is not None and self._layout.rows(0) is not None
        self._gaps: list[int] = []  # before these places the agent has rows that nobody asked for
        self._max_octets = max_octets
        self._octets = 0
        # packets that cannot hold more: most walks are over by then
        self._uncounted = max_octets // MAX_DATAGRAM_OCTETS
        self._unanswered = 0

    @property
    def _place(self) -> int:
        """How many objects have come."""
        return len(self._rows) + self._ahead

    @property
    def varbinds(self) -> list[VarBind]:
        """What was read."""
        self._decode()
        return self._rows

    @property
    def shape(self) -> object:
        """What stands for the names of what was read: the same as at another walk that read the same; else None."""
        if self._layout is None or self._left or self.problems:
            return None
        return self._layout.shape

    @property
    def at(self) -> str:
        """After which OID the walk goes on; "" when it is over."""
        return shown(self._left[0].last) if self._left else ""

    def next(self) -> Question | None:
        """Return the next request, after the last OID of the subtree (of the first subtrees, for v1) in hand."""
        if not self._left:
            return None
        oids = [lane.last for lane in self._left[: self._width]]
        if self._v1:
            return Question(Pdu.GETNEXT, oids)
        layout, place = self._layout, self._place
        if layout is None or not self._in_step or self._unanswered or (rows := layout.rows(place)) is None:
            return Question(Pdu.GETBULK, oids, self._repetitions)
        self._repetitions = rows
        take_known = self._take_unseen if layout.size >= FEWEST else None
        return Question(Pdu.GETBULK, oids, rows, layout.expected(place, rows), take_known)

    def take(self, error_status: int, error_index: int, varbinds: list[VarBind]) -> None:
        """Keep the rows, and find out what is left to ask."""
        self.packets += 1
        if self._waiting and not self._decode():
            return  # something else came before what this answers
        if error_status != ErrorStatus.noError:
            self._refused(error_status, error_index)
        elif not varbinds:
            if len(self._left[: self._width]) > 1:
                self._width = 1
            else:
                self._left.clear()  # RFC 3416 has no such answer; agents that give it mean the end
        elif self._v1:
            self._take_lanes(varbinds)
        elif not self._in_step:
            self._take_bulk(varbinds)
        else:
            self._take_known(varbinds)
        if self.packets > self._uncounted:
            self._octets += sum(
                [len(oid) + len(value) if isinstance(value, bytes) else len(oid) for oid, _, value in varbinds]
            )
        if self._left:
            self._limit()
        elif self._layout is not None and not self.problems and not (self._in_step and self._is_whole()):
            self._layout.learn(self.varbinds, self._roots, self._gaps)

    def unanswered(self, said: str) -> None:
        """Take it that the agent is there and did not answer the last question.

        Agents hang at some of their tables, and firewalls drop the fragments of long answers: fewer rows are asked
        for first, then the next subtree.
        """
        asked = self._left[: self._width]
        self._unanswered += 1
        if self._unanswered > MAX_UNANSWERED:
            self._stop(f"{said}, asked for what follows {self.at}; the rest was not asked for")
        elif len(asked) > 1:
            self._width = 1
        elif self._repetitions > _FEWER_ROWS and not self._v1:
            self._repetitions = _FEWER_ROWS
        else:
            self._cut(asked[0], f"{said}, asked for what follows {self.at}")

    def _limit(self) -> None:
        """End the walk where it has reached a limit."""
        reached = f"{self._place} objects in {self.packets} packets"
        if self._place >= self._max_varbinds:
            self._stop(
                f"more than expected: stopped after {reached} at {self.at}; `max_objects` sets how many are read"
            )
        elif self._octets >= self._max_octets:
            self._stop(f"more than expected: stopped after {reached} ({self._max_octets} octets and more) at {self.at}")
        elif self.packets >= self._max_packets:
            self._stop(f"more than expected: stopped after {reached} at {self.at}")
        elif len(self.problems) >= MAX_PROBLEMS:
            self._stop(f"stopped after {len(self.problems)} problems at {self.at}")

    def _stop(self, problem: str) -> None:
        self.problems.append(problem)
        self._left.clear()

    def _cut(self, lane: _Lane, problem: str) -> None:
        self.problems.append(problem)
        self._left.remove(lane)

    def _refused(self, error_status: int, error_index: int) -> None:
        asked = self._left[: self._width]
        if error_status == ErrorStatus.tooBig:
            # both ways of asking for less: fewer columns (v1), fewer rows
            if len(asked) > 1:
                self._width = (len(asked) + 1) // 2
            elif self._repetitions > 1 and not self._v1:
                self._repetitions //= 2
                if self._layout is not None:
                    self._layout.rows_limit = self._repetitions
            else:
                self._cut(asked[0], f"tooBig for one object after {shown(asked[0].last)}")
            return
        if not 1 <= error_index <= len(asked):
            if len(asked) > 1:  # an agent that does not say which: ask one at a time
                self._width = 1
                return
            error_index = 1
        lane = asked[error_index - 1]
        if error_status == ErrorStatus.noSuchName:  # how v1 says that the MIB ends (RFC 1157 section 4.1.3)
            self._left.remove(lane)
        else:
            self._cut(lane, f"{status_name(error_status)} after {shown(lane.last)}")

    def _take_lanes(self, varbinds: list[VarBind]) -> None:
        asked = self._left[: self._width]
        if len(varbinds) < len(asked):
            self._width = max(1, len(varbinds))
        for lane, (oid, tag, value) in zip(asked, varbinds, strict=False):
            if tag == Tag.END_OF_MIB_VIEW or not oid.startswith(lane.root):
                self._left.remove(lane)
            elif (problem := _unsound(oid, tag, lane.last, "GETNEXT")) and not self._in_any_order(oid, tag):
                self._cut(lane, problem)
            else:
                self._rows.append((oid, tag, value))
                lane.last = oid

    def _take_unseen(self, known: Known) -> None:
        """Take an answer that looks as the last time; whether it is is seen when all have come."""
        assert self._layout is not None
        self.packets += 1
        self._waiting.append(known)
        self._ahead += len(known.starts)
        del self._left[: self._layout.lane(self._place - 1) - (len(self._roots) - len(self._left))]
        self._left[0].last = self._layout.name(self._place - 1)
        if self.packets > self._uncounted:
            self._octets += known.end - known.at
        if self._ahead < MOST or self._decode():
            self._limit()

    def _decode(self) -> bool:
        """Decode what waits; return whether it was what it looked like. If not, the walk goes on where it was not."""
        if not self._waiting:
            return True
        assert self._layout is not None
        found = decoded(self._waiting, self._layout.names, len(self._rows))
        as_known = len(found) == self._ahead
        self._rows += found
        self._waiting, self._ahead = [], 0
        if as_known:
            return True
        self._in_step = False
        if self._left:
            place = len(self._rows)
            lane = self._layout.lane(place - 1) if place else 0
            self._left = [_Lane(root, root) for root in self._roots[lane:]]
            self._left[0].last = self._rows[-1][0] if place else self._roots[0]
        return False

    def _take_known(self, varbinds: list[VarBind]) -> None:
        """Keep what came as it did the last time without looking at each row; the rest goes the careful way."""
        assert self._layout is not None
        place = self._place
        known = self._layout.as_known(place, varbinds)
        rows = varbinds if known == len(varbinds) else varbinds[:known]
        if rows and not _GONE.isdisjoint([bind[1] for bind in rows]):
            known, rows = 0, []
        if rows:
            self._rows += rows
            place += known
            del self._left[: self._layout.lane(place - 1) - (len(self._roots) - len(self._left))]
            self._left[0].last = rows[-1][0]
        if known < len(varbinds):
            self._take_bulk(varbinds[known:])
        # what came beyond it must be what was left out the last time, too
        self._in_step = self._place == place and (
            not self._left or self._layout.goes_on(place, len(self._roots) - len(self._left))
        )

    def _is_whole(self) -> bool:
        assert self._layout is not None
        return self._layout.rows(self._place) is None

    def _take_bulk(self, varbinds: list[VarBind]) -> None:
        lane = self._left[0]
        root, last, keep = lane.root, lane.last, self._rows.append
        for bind in varbinds:
            oid, tag, _ = bind
            if tag == Tag.END_OF_MIB_VIEW:
                self._left.clear()
                return
            if not oid.startswith(root):
                # the subtree ends here; an agent that jumps back at the end of its MIB says no more than that
                if not oid_after(oid, last) or not self._enter(oid):
                    self._gaps.append(len(self._rows))
                    if self._left and self._left[0] is lane:
                        del self._left[0]
                    return
                lane = self._left[0]
                root, last = lane.root, lane.root
            if (
                tag in MISSING or not (oid > last if oid.isascii() and last.isascii() else oid_after(oid, last))
            ) and not self._in_any_order(oid, tag):
                self._cut(lane, _unsound(oid, tag, last, "GETBULK"))
                return
            keep(bind)
            last = lane.last = oid

    def _in_any_order(self, oid: bytes, tag: int) -> bool:
        """Return whether a row out of order is taken: where that is allowed, and each only once."""
        if self._asked is None or tag in MISSING or oid in self._asked:
            return False
        self._asked.add(oid)
        return True

    def _enter(self, oid: bytes) -> bool:
        """Drop the subtree in hand and those that `oid` has passed; return whether it lies in the next one."""
        del self._left[0]
        while self._left and oid_after(oid, self._left[0].root):
            if oid.startswith(self._left[0].root):
                return True
            del self._left[0]
        return False


def _unsound(oid: bytes, tag: int, last: bytes, pdu: str) -> str:
    """Return what is wrong with a row of a walk; "" for nothing."""
    if tag in MISSING:
        return f"{'noSuchObject' if tag == Tag.NO_SUCH_OBJECT else 'noSuchInstance'} as answer to {pdu}: {shown(oid)}"
    if not oid_after(oid, last):
        return f"OID does not increase: {shown(oid)} after {shown(last)}"
    return ""


def _without_nested(subtrees: Iterable[bytes]) -> list[bytes]:
    """Return the subtrees in the order of a walk, without those that lie in another."""
    out: list[bytes] = []
    for root in sorted(set(subtrees), key=decode_index):
        if not out or not root.startswith(out[-1]):
            out.append(root)
    return out

"""The conversations of the fast tier: what to ask next for a plan, as pure state machines.

What an answer says of the device's own changes (its uptime, its tables) is looked at packet by packet, so that a device
that has renumbered its interfaces is not read to the end.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from probes.snmp.asking import Question, status_name
from probes.snmp.ber import ErrorStatus, Pdu, SnmpDecodeError, Tag, VarBind, decode_varbinds, oid_after, oid_text
from probes.snmp.fastplan import MARK_OIDS, SYS_UPTIME, Bulks, Gets, Plan
from probes.snmp.known import MOST, Columns, Known, columns

_MISSING: Final = frozenset((Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW, Tag.NULL))

_MARKS: Final = frozenset(MARK_OIDS)

Look = Callable[[Sequence[VarBind]], bool]  # is told the marks of each answer; True ends the conversation


class _Reading:
    """What both ways of reading have in common.

    Attributes:
        times: when the answer with each of them came.
        marks: the scalars of all answers, in order.
        problems: what could not be read though it may be there, each naming its OID.
        missing: how many cells are gone.
        packets: answers taken.
        ended: whether a look ended it before everything was read.
        as_planned: whether every cell of the plan came, in its order, and nothing else.
        columns: what was read as arrays, if it came so and all are plain numbers; else None.
    """

    def __init__(self, look: Look, clock: Callable[[], float]) -> None:
        self._rows: list[VarBind] = []
        self.times: list[float] = []
        self.marks: list[VarBind] = []
        self.problems: list[str] = []
        self.missing = 0
        self.packets = 0
        self.ended = False
        self.as_planned = False
        self.columns: Columns | None = None
        self._look = look
        self._clock = clock

    @property
    def varbinds(self) -> list[VarBind]:
        """Cells that have a value."""
        self._decode()
        return self._rows

    @property
    def count(self) -> int:
        """How many that are."""
        return len(self.times)

    def _decode(self) -> None:
        """Decode what waits."""

    def _keep(self, binds: Iterable[VarBind]) -> None:
        now = self._clock()
        marks = []
        for bind in binds:
            if bind[0] in _MARKS:
                marks.append(bind)
            else:
                self._rows.append(bind)
                self.times.append(now)
        self.marks += marks
        self.ended = self._look(marks)


class GetReading(_Reading):
    """Asks for a plan of GETs."""

    def __init__(self, plan: Gets, look: Look, clock: Callable[[], float]) -> None:
        super().__init__(look, clock)
        self.as_planned = True
        self._left = deque(plan.packets)
        self._names = plan.names
        self._waiting: list[Known] = []  # answers as planned, without their marks, that are not decoded yet

    def next(self) -> Question | None:
        """Return the next packet."""
        if not self._left or self.ended:
            self._decode()
            return None
        asked = self._left[0]
        known = self.as_planned and len(self._names.oids) <= 2 * MOST
        return Question(Pdu.GET, asked, 0, asked, self._take_planned if known else None)

    def _take_planned(self, known: Known) -> None:
        """Take an answer that looks as it was planned; whether it is is seen when all have come.

        Raises:
            SnmpDecodeError: when it is broken where it is looked at now; nothing is taken of it then.
        """
        many = self._marks()
        if len(known.starts) != len(self._left[0]) or many == len(known.starts):
            self.take(0, 0, decode_varbinds(known.data, known.at, known.end, self._left[0]))
            return
        at = known.starts[many]
        marks = [bind for bind in decode_varbinds(known.data, known.at, at, MARK_OIDS) if bind[1] not in _MISSING]
        self.packets += 1
        self._left.popleft()
        self._waiting.append(Known(known.data, at, known.end, known.starts[many:]))
        self.times += [self._clock()] * (len(known.starts) - many)
        self.marks += marks
        self.ended = self._look(marks)

    def _marks(self) -> int:
        """Return how many marks the next answer begins with, as `Gets` has them."""
        return 1 if self.packets else len(MARK_OIDS)

    @property
    def varbinds(self) -> list[VarBind]:
        """Cells that have a value."""
        self._decode()
        if self.columns is not None and not self._rows:
            self._rows = self.columns.varbinds()
        return self._rows

    def _decode(self) -> None:
        """Decode what waits; where it is not what it looked like, each answer is looked at as others are."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        count = sum([len(known.starts) for known in waiting])
        read = columns(waiting, self._names, len(self._rows))
        if len(read.names) == count == len(self._names.oids) and read.plain.all():
            self.columns = read
            return
        rows = read.varbinds()
        if len(rows) == count and _MISSING.isdisjoint([bind[1] for bind in rows]):
            self._rows += rows
            return
        self.as_planned = False
        times, place = self.times[-count:], len(self._rows)
        del self.times[-count:]
        for known in waiting:
            wanted = set(self._names.oids[place : place + len(known.starts)])
            place += len(known.starts)
            try:
                binds = decode_varbinds(known.data, known.at, known.end)
            except SnmpDecodeError as error:
                self.problems.append(f"a broken answer: {error}")
                binds = []
            got = [bind for bind in binds if bind[0] in wanted and bind[1] not in _MISSING]
            self.missing += len(wanted) - len(got)
            self._rows += got
            self.times += times[:1] * len(got)
            del times[: len(known.starts)]

    def take(self, error_status: int, error_index: int, varbinds: list[VarBind]) -> None:
        """Keep what was asked for; leave out what an error names."""
        self._decode()
        asked = self._left.popleft()
        planned = error_status == ErrorStatus.noError and self.as_planned and self._keep_planned(asked, varbinds)
        self.packets += 1
        if planned:
            return
        self.as_planned = False
        if error_status == ErrorStatus.noError:
            wanted = set(asked)
            got = [bind for bind in varbinds if bind[0] in wanted and bind[1] not in _MISSING]
            self.missing += len(wanted - _MARKS) - sum(bind[0] not in _MARKS for bind in got)
            self._keep(got)
            return
        named = 1 <= error_index <= len(asked)
        if len(asked) > 1 and (error_status == ErrorStatus.tooBig or not named):
            half = (len(asked) + 1) // 2
            self._left.extendleft((asked[half:], asked[:half]))
            return
        place = error_index - 1 if named else 0
        culprit, asked = asked[place], asked[:place] + asked[place + 1 :]
        if error_status != ErrorStatus.noSuchName:
            self.problems.append(f"{status_name(error_status)} for {oid_text(culprit)}")
        elif culprit not in _MARKS:
            self.missing += 1
        if asked:
            self._left.appendleft(asked)

    def _keep_planned(self, asked: tuple[bytes, ...], varbinds: list[VarBind]) -> bool:
        """Keep an answer that brings every cell that it was asked for; return whether it does."""
        many = self._marks()
        cells = varbinds[many:]
        if tuple([bind[0] for bind in varbinds]) != asked or not _MISSING.isdisjoint([bind[1] for bind in cells]):
            return False
        marks = [bind for bind in varbinds[:many] if bind[1] not in _MISSING]
        self._rows += cells
        self.times += [self._clock()] * len(cells)
        self.marks += marks
        self.ended = self._look(marks)
        return True


class BulkReading(_Reading):
    """Asks for a plan of GETBULKs."""

    def __init__(self, plan: Bulks, look: Look, clock: Callable[[], float]) -> None:
        super().__init__(look, clock)
        self._wanted = plan.wanted
        self._stage = 0  # the marks; then the groups; then the uptime once more
        self._left = deque(
            (list(zip(group, group, ends, strict=True)), rows)
            for group, ends, rows in zip(plan.groups, plan.ends, plan.repetitions, strict=True)
        )

    def next(self) -> Question | None:
        """Return the next request."""
        if self.ended or self._stage > 1:
            return None
        if self._stage == 0:
            return Question(Pdu.GET, MARK_OIDS)
        if not self._left:
            return Question(Pdu.GET, (SYS_UPTIME,))
        lanes, rows = self._left[0]
        return Question(Pdu.GETBULK, [last for _, last, _ in lanes], rows)

    def take(self, error_status: int, error_index: int, varbinds: list[VarBind]) -> None:
        """Keep the cells that are wanted, and go on where each column ended."""
        self.packets += 1
        if self._stage == 0 or not self._left:
            self._stage += 1
            if self._stage > 1:
                self.missing = len(self._wanted) - len(self._rows)
            if error_status == ErrorStatus.noError:
                self._keep(bind for bind in varbinds if bind[0] in _MARKS and bind[1] not in _MISSING)
        elif error_status != ErrorStatus.noError:
            self._refused(error_status, error_index)
        else:
            self._take_rows(varbinds)

    def _refused(self, error_status: int, error_index: int) -> None:
        lanes, rows = self._left.popleft()
        if error_status == ErrorStatus.tooBig and rows > 1:
            self._left.appendleft((lanes, rows // 2))
            return
        if error_status != ErrorStatus.tooBig and 1 <= error_index <= len(lanes):
            culprit = lanes.pop(error_index - 1)
            self.problems.append(f"{status_name(error_status)} after {oid_text(culprit[1])}")
            if lanes:
                self._left.appendleft((lanes, rows))
        elif len(lanes) > 1:
            half = (len(lanes) + 1) // 2
            self._left.extendleft(((lanes[half:], rows), (lanes[:half], rows)))
        else:
            self.problems.append(f"{status_name(error_status)} after {oid_text(lanes[0][1])}")

    def _take_rows(self, varbinds: list[VarBind]) -> None:
        lanes, rows = self._left.popleft()
        lasts = [last for _, last, _ in lanes]
        over = [False] * len(lanes)
        kept: list[VarBind] = []
        for number, bind in enumerate(varbinds):
            place = number % len(lanes)
            oid, tag, _ = bind
            if over[place]:
                continue
            if tag in _MISSING or not oid.startswith(lanes[place][0]) or not oid_after(oid, lasts[place]):
                over[place] = True
                continue
            lasts[place] = oid
            if oid in self._wanted:
                kept.append(bind)
        self._keep(kept)
        left = [
            (column, last, end)
            for (column, _, end), last, done in zip(lanes, lasts, over, strict=True)
            if not done and oid_after(end, last)
        ]
        if left and lasts != [last for _, last, _ in lanes]:  # what brings nothing is not asked again
            self._left.appendleft((left, rows))


def reading(plan: Plan, look: Look, clock: Callable[[], float]) -> GetReading | BulkReading:
    """Return the conversation of a plan."""
    return GetReading(plan, look, clock) if isinstance(plan, Gets) else BulkReading(plan, look, clock)

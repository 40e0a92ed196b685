"""What became of each echo: answered, lost, refused or unknown; and which check fell silent.

Works on the table's arrays, whole batches at once. Times are nanoseconds and come in as arguments.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from agent.core.model import Echo
from probes.icmp.arrivals import Arrivals
from probes.icmp.harvest import Harvest
from probes.icmp.losses import Losses
from probes.icmp.table import (
    BURST_ECHOES,
    FIRST_SILENCE_NS,
    IDLE,
    MIN_SILENCE_NS,
    MISSES_TO_SILENCE,
    OVERDUE,
    PENDING,
    PENDING_STATE,
    SILENCE_RTTS,
    SLOT_BITS,
    STAMPED,
    TAINTED,
    Change,
    Layout,
    Rows,
    Slots,
)

BURST_WAIT_MAX_NS: Final = 1_000_000_000
JUDGING_SLACK_NS: Final = 10_000_000  # a reply within the timeout may be read a little later than its deadline
_NANO: Final = 1_000_000_000
_SLOT_MASK: Final = (1 << SLOT_BITS) - 1
_GENERATION: Final = np.uint32(1 << SLOT_BITS)
_NOTHING: Final[Slots] = np.zeros(0, np.intp)
# numpy compares with, and writes, an enum member ten times slower than a number
_RECEIVED: Final = int(Echo.RECEIVED)
_ELAPSED_SLACK_NS: Final = 1_000_000  # kernel stamps and our clock readings are not of one instant
Times = int | npt.NDArray[np.int64]  # one for all, or one each
Words = npt.NDArray[np.uint64]


class Judge:
    """The rules, and what they found since it was last asked for."""

    def __init__(self, layout: Layout) -> None:
        """Judge the echoes of a table."""
        self.layout = layout
        self.harvest = Harvest(layout)
        self.arrivals = Arrivals(layout)
        self.losses = Losses(layout)
        self.changes: list[Change] = []
        self.duplicates_total = 0
        self.late_replies_total = 0
        self.reordered_replies_total = 0
        self.corrupted_replies_total = 0
        self.foreign_replies_total = 0  # from an address that was not asked, or on another socket
        self._flight: list[Slots] = []  # what was sent, with what was decided since it was last looked through
        self._stepped = False
        self._refused: list[tuple[int, int, str]] = []  # slot, index of its echo, sentence

    # ------------------------------------------------------------------ sending

    def take(self, rows: Rows, mono_ns: Times, wall_ns: Times) -> tuple[Slots, npt.NDArray[np.uint32]]:
        """Give each of these checks the slot of its next echo, as sent now.

        Returns:
            The slots, and the index that each echo carries.
        """
        self.harvest.copy_out()  # the slots of a finished round may be among those that are taken now
        self.losses.fold()
        r = self.layout.rows
        places, echoes = r.place[rows], r.echoes[rows]
        slots = r.base[rows] + places
        opening = (places % echoes == 0).nonzero()[0]
        if len(opening):
            self._open(self.layout.slots.round[slots[opening]], echoes[opening])
        places += 1
        places *= places < r.span[rows]
        r.place[rows] = places
        return slots, self._launch(slots, mono_ns, wall_ns, mono_ns + r.timeout[rows])

    def take_burst(self, row: int, number: int, mono_ns: int, wall_ns: int) -> tuple[Slots, npt.NDArray[np.uint32]]:
        """Give one check the slot of the echo `number` of its burst, as sent now."""
        self.harvest.copy_out()
        if number == 0:
            self.pending()  # those of the burst before, decided in the last tick, must not stand twice among them
            self._open(np.array([self.layout.burst_round(row)]), np.array([BURST_ECHOES]))
        slots = np.array([self.layout.burst_base(row) + number])
        wait = min(int(self.limits(np.array([row]))[0]), BURST_WAIT_MAX_NS)
        return slots, self._launch(slots, mono_ns, wall_ns, np.array([mono_ns + wait]))

    def fail(self, slots: Slots, why: int) -> None:
        """Declare echoes unknown that could not be sent; what else these checks have pending can be lost no more."""
        rows = self.layout.slots.row[slots]
        self._decide(slots, Echo.UNKNOWN, why)
        pending = self.pending()
        self.taint(pending[np.isin(self.layout.slots.row[pending], rows)], why)

    # ------------------------------------------------------------------ receiving

    def stamp(self, slots: Slots, stamps: npt.NDArray[np.int64]) -> None:
        """Take the kernel's transmit stamps; one that is older than the echo belongs to an earlier datagram."""
        s = self.layout.slots
        good = (stamps >= s.sent[slots]) & ((s.flags[slots] & STAMPED) == 0)
        s.sent[slots[good]] = stamps[good]
        s.flags[slots[good]] |= STAMPED

    def find(
        self, indices: npt.NDArray[np.uint32], where: tuple[Words, Words], port: int, octets: Times | None = None
    ) -> tuple[Slots, npt.NDArray[np.bool_]]:
        """Lead replies to their echoes.

        Args:
            indices: as the replies carry them.
            where: who sent the replies, as `probes.icmp.table.address_words` has addresses.
            port: the socket that they came in by.
            octets: how long they are, from the ICMP header on; None where that says nothing.

        Returns:
            A slot for each reply, and whether the reply is one to that slot's echo from the address that was asked.
        """
        s, r = self.layout.slots, self.layout.rows
        slots = (indices & np.uint32(_SLOT_MASK)).astype(np.intp)
        inside = slots < s.size
        slots *= inside
        rows = s.row[slots]
        known = inside & (rows >= 0) & (s.index[slots] == indices) & (s.outcome[slots] != IDLE)
        ours = known & (r.where[rows] == where[0]) & (r.where_low[rows] == where[1]) & (r.port[rows] == port)
        if octets is not None:
            ours &= octets <= r.octets[rows]  # some hosts return less than they got; none has a reason to return more
        self.foreign_replies_total += int(np.count_nonzero(known)) - int(np.count_nonzero(ours))
        return slots, ours

    def never_left(self, slots: Slots) -> npt.NDArray[np.bool_]:
        """Tell which of these echoes lack the kernel's transmit stamp."""
        missing: npt.NDArray[np.bool_] = (self.layout.slots.flags[slots] & STAMPED) == 0
        return missing

    def receive(self, slots: Slots, stamps: npt.NDArray[np.int64], mono_ns: int) -> None:
        """Take replies, in the order of their coming; the first one counts.

        Args:
            stamps: when the replies came, Unix time; 0 where that is not known: the echo is answered, and has no
                round-trip time, since the time of reading is up to a tick later.
            mono_ns: the time now, after they were read.
        """
        s, r = self.layout.slots, self.layout.rows
        rows = s.row[slots]
        r.heard[rows] = mono_ns
        order = np.arange(len(slots))
        s.scratch[slots[::-1]] = order[::-1]  # the last write stays: the first reply to each echo
        first = s.scratch[slots] == order
        fresh = first & (s.outcome[slots] == PENDING)
        if not fresh.all():
            self._count_further(slots, first)
            slots, rows, stamps = slots[fresh], rows[fresh], stamps[fresh]
            if not len(slots):
                return
        mono = s.mono[slots]
        rtts = self._rtts(slots, stamps, mono_ns - mono)
        late = rtts > s.deadline[slots] - mono
        if late.any():  # read late enough that nobody has judged it yet
            self.late_replies_total += self.harvest.count_odd(r.late, rows[late])
            self._lose(slots[late])
            slots, rows, rtts, mono = slots[~late], rows[~late], rtts[~late], mono[~late]
        s.rtt[slots] = rtts
        self._decide(slots, _RECEIVED)
        self._learn(rows, rtts)
        self._look_at_order(rows, mono)
        self._answered(slots, rows, mono)

    def _count_further(self, slots: Slots, first: npt.NDArray[np.bool_]) -> None:
        """Count replies that came after another one to the same echo, and those that came after its timeout."""
        s, r = self.layout.slots, self.layout.rows
        outcomes = s.outcome[slots]
        again = ~first | (outcomes == _RECEIVED)
        self.duplicates_total += self.harvest.count_odd(r.duplicates, s.row[slots[again]])
        self.late_replies_total += self.harvest.count_odd(r.late, s.row[slots[~again & (outcomes != PENDING)]])

    def refuse(self, slot: int, sentence: str) -> None:
        """Take an ICMP error for an echo; it counts with `settle_refusals`."""
        if self.layout.slots.outcome[slot] == PENDING:
            self._refused.append((slot, int(self.layout.slots.index[slot]), sentence))

    def refused(self) -> Slots:
        """Return the echoes for which ICMP errors wait to be counted."""
        return np.array(sorted({slot for slot, _, _ in self._refused}), np.intp)

    def settle_refusals(self) -> None:
        """Count ICMP errors: the echo is lost, and somebody said why.

        Where the echo never left and its own interface does not work, it was this host that said so: that is no answer
        of the network, and the echo stays pending until it is unknown.
        """
        s = self.layout.slots
        for slot, index, sentence in self._refused:
            if s.outcome[slot] != PENDING or s.index[slot] != index:
                continue
            if s.flags[slot] & (TAINTED | STAMPED) == TAINTED:
                continue
            self.harvest.say(int(s.round[slot]), sentence)
            slots = np.array([slot])
            if not self._is_burst(slots)[0]:
                self._miss(slots)
            self._decide(slots, Echo.REFUSED)
        self._refused.clear()

    # ------------------------------------------------------------------ the passing of time

    def pending(self) -> Slots:
        """Return every echo that is under way, in the order of sending."""
        if not self._flight:
            return _NOTHING
        slots: Slots = self._flight[0] if len(self._flight) == 1 else np.concatenate(self._flight)
        slots = slots[self.layout.slots.outcome[slots] == PENDING]
        self._flight = [slots] if len(slots) else []
        return slots

    def limits(self, rows: Rows) -> npt.NDArray[np.int64]:
        """Return how long each of these checks may be silent: it is learnt from its round-trip times."""
        r = self.layout.rows
        srtt = r.srtt[rows]
        limits = np.where(srtt < 0, FIRST_SILENCE_NS, np.maximum(SILENCE_RTTS * srtt, MIN_SILENCE_NS))
        return np.minimum(limits, r.timeout[rows])

    def overdue(self, now_ns: int) -> Slots:
        """Return pending echoes that have just passed their check's silence limit, in the order of sending."""
        s = self.layout.slots
        pending = self.pending()
        slots = pending[now_ns - s.mono[pending] > MIN_SILENCE_NS]
        if not len(slots):
            return slots
        late = now_ns - s.mono[slots] > self.limits(s.row[slots])
        late &= (s.flags[slots] & (OVERDUE | TAINTED)) == 0
        slots = slots[late]
        slots = slots[~self._is_burst(slots)]
        ordered: Slots = slots[np.argsort(s.mono[slots], kind="stable")]
        return ordered

    def miss(self, slots: Slots) -> None:
        """Count echoes as missed that stay pending; two in a row make a silence."""
        if len(slots):
            self._miss(slots)

    def expiring(self, now_ns: int) -> Slots:
        """Return the pending echoes whose time is over."""
        pending = self.pending()
        over: Slots = pending[now_ns > self.layout.slots.deadline[pending] + JUDGING_SLACK_NS]
        return over

    def expire(self, over: Slots) -> None:
        """Declare echoes lost whose time is over, and tainted ones unknown.

        The sockets must have been drained since the time was read by which they are over.
        """
        s = self.layout.slots
        over = self._wait_for_the_slow(over[s.outcome[over] == PENDING])
        tainted = (s.flags[over] & TAINTED) != 0
        for why in np.unique(s.why[over[tainted]]):
            self._decide(over[tainted & (s.why[over] == why)], Echo.UNKNOWN, int(why))
        self._lose(over[~tainted])

    def _wait_for_the_slow(self, over: Slots) -> Slots:
        """Give a burst its full timeout where only other echoes were answered since it left; return what is over.

        A line whose round trips became longer than the silence limit is slow, and not cut.
        """
        s, r = self.layout.slots, self.layout.rows
        rows = s.row[over]
        whole = s.mono[over] + r.timeout[rows]
        slow = (r.heard[rows] >= s.mono[over]) & (s.deadline[over] < whole) & self._is_burst(over)
        if slow.any():
            echoes = self.layout.burst_slots(rows)
            slow &= (s.outcome[echoes] != Echo.RECEIVED).all(axis=1)
            s.deadline[over[slow]] = whole[slow]
        return over[~slow]

    def taint(self, slots: Slots, why: int) -> None:
        """Note own trouble while these echoes were pending: they can be answered, but not be lost any more."""
        s = self.layout.slots
        fresh = slots[(s.outcome[slots] == PENDING) & ((s.flags[slots] & TAINTED) == 0)]
        s.flags[fresh] |= TAINTED
        s.why[fresh] = why

    def give_up(self, slots: Slots, why: int) -> None:
        """Declare pending echoes unknown at once: no answer to them can mean anything."""
        self._decide(slots[self.layout.slots.outcome[slots] == PENDING], Echo.UNKNOWN, why)

    def forget(self, row: int) -> None:
        """Drop what is still to be given out about a check that is no longer watched."""
        self.changes = [change for change in self.changes if change.row != row]
        self.harvest.forget(row)
        self.arrivals.forget(row)
        self.losses.forget(row)
        pending = self.pending()
        self._flight = [pending[self.layout.slots.row[pending] != row]]

    def stepped(self, by_ns: int) -> None:
        """Note that the wall clock was stepped while echoes were pending: their stamps are on two sides of it."""
        self._stepped = True
        self.layout.slots.step[self.pending()] += by_ns

    # ------------------------------------------------------------------ inside

    def _open(self, numbers: npt.NDArray[np.int64], echoes: npt.NDArray[np.int64]) -> None:
        left = self.layout.rounds.left
        self.harvest.open(numbers)
        unfinished = numbers[left[numbers] > 0]
        if len(unfinished):  # its slots are needed, so what is still pending there can have no other end
            s = self.layout.slots
            pending = self.pending()
            self._decide(pending[np.isin(s.round[pending], unfinished)], Echo.UNKNOWN, 0)
            self.harvest.copy_out()
            self.losses.fold()
            self.pending()  # an echo may stand once among those under way
        left[numbers] = echoes

    def _launch(
        self, slots: Slots, mono_ns: Times, wall_ns: Times, deadlines: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.uint32]:
        s = self.layout.slots
        index = s.index[slots] + _GENERATION  # the low bits lead to the slot and stay
        s.index[slots], s.state[slots] = index, PENDING_STATE
        s.mono[slots], s.sent[slots], s.deadline[slots] = mono_ns, wall_ns, deadlines
        if self._stepped:
            s.step[slots] = 0
        self._flight.append(slots)
        return index

    def _rtts(
        self, slots: Slots, stamps: npt.NDArray[np.int64], elapsed: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """Kernel receive stamp minus kernel transmit stamp; -1 without one, or with a step of the clock between them.

        A round trip lies between 0 and the time that has passed since the echo was handed over. Where a step is known,
        the stamps may be on both sides of it or on one; what fits alone is right.
        """
        s = self.layout.slots
        plain: npt.NDArray[np.int64] = stamps - s.sent[slots]
        most = elapsed + _ELAPSED_SLACK_NS
        fits = (plain >= 0) & (plain <= most)
        if not self._stepped:
            if not fits.all():
                plain[~fits] = -1
            return plain
        step = s.step[slots]
        moved = plain - step
        moved_fits = (step != 0) & (moved >= 0) & (moved <= most)
        return np.where(fits & ~moved_fits, plain, np.where(moved_fits & ~fits, moved, -1))

    def _learn(self, rows: Rows, rtts: npt.NDArray[np.int64]) -> None:
        """RFC 6298 2.3: SRTT <- (1 - alpha) * SRTT + alpha * R', alpha = 1/8; the first one as it is."""
        r = self.layout.rows
        before = r.srtt[rows]
        after = before + (rtts - before) // 8
        if (odd := (before < 0) | (rtts < 0)).any():
            after[odd] = np.maximum(before, rtts)[odd]  # one of them is missing: the other one is all that is known
        r.srtt[rows] = after

    def _look_at_order(self, rows: Rows, mono: npt.NDArray[np.int64]) -> None:
        """RFC 4737 3.3: a packet is reordered where one that was sent after it has arrived before it."""
        r = self.layout.rows
        late = mono < r.answered[rows]
        if (mono[1:] < mono[:-1]).any():  # within the batch, too
            order = np.argsort(rows, kind="stable")
            same = (rows[order][1:] == rows[order][:-1]).nonzero()[0]
            highest: dict[int, int] = {}
            for place in sorted({*same.tolist(), *(same + 1).tolist()}):
                reply = int(order[place])
                row, left = int(rows[reply]), int(mono[reply])
                late[reply] |= left < highest.get(row, left)
                highest[row] = max(left, highest.get(row, left))
        if late.any():
            self.reordered_replies_total += self.harvest.count_odd(r.reordered, rows[late])

    def corrupted(self, slots: Slots, others: int) -> None:
        """Count replies whose checksum is wrong: to these echoes, and `others` that lead to none. None is an answer."""
        r = self.layout.rows
        self.corrupted_replies_total += others + self.harvest.count_odd(r.corrupted, self.layout.slots.row[slots])

    def _answered(self, slots: Slots, rows: Rows, mono: npt.NDArray[np.int64]) -> None:
        """End the row of misses of each check that was answered to an echo from within or after it."""
        s, r = self.layout.slots, self.layout.rows
        np.maximum.at(r.answered, rows, mono)
        missing = (r.misses[rows] > 0).nonzero()[0]
        for slot in slots[missing].tolist():
            row = int(s.row[slot])
            if not r.misses[row] or s.mono[slot] < r.missed_mono[row]:
                continue
            if r.silent[row]:
                self.changes.append(Change(row, int(s.sent[slot]), int(r.misses[row]), over=True))
                r.silent[row] = False
            r.misses[row] = 0

    def _miss(self, slots: Slots) -> None:
        s, r = self.layout.slots, self.layout.rows
        slots = slots[(s.flags[slots] & OVERDUE) == 0]
        s.flags[slots] |= OVERDUE
        # "in a row" is by departure: what left before an answered echo is no longer part of any row
        slots = slots[s.mono[slots] > r.answered[s.row[slots]]]
        rows = s.row[slots]
        beginning = slots[r.misses[rows] == 0][::-1]  # the last assignment stays: the earliest echo of each row
        r.missed_mono[s.row[beginning]] = s.mono[beginning]
        r.missed_wall[s.row[beginning]] = s.sent[beginning]
        np.add.at(r.misses, rows, 1)
        fallen = np.unique(rows[(r.misses[rows] >= MISSES_TO_SILENCE) & ~r.silent[rows]])
        r.silent[fallen] = True
        for row in fallen.tolist():
            self.changes.append(Change(row, int(r.missed_wall[row]), int(r.misses[row]), over=False))

    def _lose(self, slots: Slots) -> None:
        regular = slots[~self._is_burst(slots)]
        self._miss(regular[np.argsort(self.layout.slots.mono[regular], kind="stable")])
        self._decide(slots, Echo.LOST)

    def _is_burst(self, slots: Slots) -> npt.NDArray[np.bool_]:
        s, r = self.layout.slots, self.layout.rows
        rows = s.row[slots]
        burst: npt.NDArray[np.bool_] = s.round[slots] == r.first_round[rows] + r.rounds[rows]
        return burst

    def _decide(self, slots: Slots, outcome: int, why: int = 0) -> None:
        if not len(slots):
            return
        s, left = self.layout.slots, self.layout.rounds.left
        s.outcome[slots] = outcome
        if outcome != _RECEIVED:
            s.why[slots], s.rtt[slots] = why, -1
        self.losses.decided(slots)
        numbers = s.round[slots]
        np.subtract.at(left, numbers, 1)
        complete = numbers[left[numbers] == 0]
        if len(complete):
            self.harvest.complete(complete)

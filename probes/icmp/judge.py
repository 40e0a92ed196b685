"""What became of each echo: answered, lost, refused or unknown; and which check fell silent.

Works on the table's arrays, whole batches at once. Times are nanoseconds and come in as arguments.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from agent.core.model import Echo
from probes.icmp.table import (
    BURST_ECHOES,
    IDLE,
    MIN_SILENCE_NS,
    MISSES_TO_SILENCE,
    OVERDUE,
    PENDING,
    SILENCE_RTTS,
    SLOT_BITS,
    STAMPED,
    TAINTED,
    Change,
    Finished,
    Layout,
    Rows,
    Slots,
)

BURST_WAIT_MAX_NS: Final = 1_000_000_000
JUDGING_SLACK_NS: Final = 10_000_000  # a reply within the timeout may be read a little later than its deadline
_REFUSALS_MAX: Final = 5  # different sentences kept for one round
_SLOT_MASK: Final = (1 << SLOT_BITS) - 1
_ELAPSED_SLACK_NS: Final = 1_000_000  # kernel stamps and our clock readings are not of one instant
Times = int | npt.NDArray[np.int64]  # one for all, or one each


class Judge:
    """The rules, and what they found since it was last asked for."""

    def __init__(self, layout: Layout) -> None:
        """Judge the echoes of a table."""
        self.layout = layout
        self.changes: list[Change] = []
        self.finished: list[Finished] = []
        self.duplicates_total = 0
        self.late_replies_total = 0
        self.foreign_replies_total = 0  # from an address that was not asked, or on another socket
        self._refused: list[tuple[int, int, str]] = []  # slot, index of its echo, sentence
        self._sentences: dict[int, dict[str, None]] = {}

    # ------------------------------------------------------------------ sending

    def take(self, rows: Rows, mono_ns: Times, wall_ns: Times) -> tuple[Slots, npt.NDArray[np.uint32]]:
        """Give each of these checks the slot of its next echo, as sent now.

        Returns:
            The slots, and the index that each echo carries.
        """
        r = self.layout.rows
        places, echoes = r.place[rows], r.echoes[rows]
        slots = r.base[rows] + places
        opening = places % echoes == 0
        if opening.any():
            self._open((r.first_round[rows] + places // echoes)[opening], echoes[opening])
        r.place[rows] = (places + 1) % (echoes * r.rounds[rows])
        return slots, self._launch(slots, mono_ns, wall_ns, mono_ns + r.timeout[rows])

    def take_burst(self, row: int, number: int, mono_ns: int, wall_ns: int) -> tuple[Slots, npt.NDArray[np.uint32]]:
        """Give one check the slot of the echo `number` of its burst, as sent now."""
        if number == 0:
            self._open(np.array([self.layout.burst_round(row)]), np.array([BURST_ECHOES]))
        slots = np.array([self.layout.burst_base(row) + number])
        wait = min(int(self.layout.rows.limit[row]), BURST_WAIT_MAX_NS)
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
        self, indices: npt.NDArray[np.uint32], addresses: npt.NDArray[np.void], port: int
    ) -> tuple[Slots, npt.NDArray[np.bool_]]:
        """Lead replies to their echoes.

        Args:
            indices: as the replies carry them.
            addresses: 16 octets each: who sent the replies.
            port: the socket that they came in by.

        Returns:
            A slot for each reply, and whether the reply is one to that slot's echo from the address that was asked.
        """
        s, r = self.layout.slots, self.layout.rows
        slots = (indices & np.uint32(_SLOT_MASK)).astype(np.intp)
        inside = slots < s.size
        slots = np.where(inside, slots, 0)
        rows = s.row[slots]
        known = inside & (rows >= 0) & (s.index[slots] == indices) & (s.outcome[slots] != IDLE)
        ours = known & (r.address[rows] == addresses) & (r.port[rows] == port)
        self.foreign_replies_total += int(np.count_nonzero(known & ~ours))
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
        r.heard[s.row[slots]] = mono_ns
        first = np.zeros(len(slots), np.bool_)
        first[np.unique(slots, return_index=True)[1]] = True
        state = s.outcome[slots]
        again = ~first | (state == Echo.RECEIVED)
        np.add.at(r.duplicates, s.row[slots[again]], 1)
        self.duplicates_total += int(np.count_nonzero(again))
        self.late_replies_total += int(np.count_nonzero(~again & (state != PENDING)))
        fresh = first & (state == PENDING)
        if not fresh.any():
            return
        slots, stamps = slots[fresh], stamps[fresh]
        rtts = self._rtts(slots, stamps, mono_ns)
        late = rtts > s.deadline[slots] - s.mono[slots]
        if late.any():  # read late enough that nobody has judged it yet
            self.late_replies_total += int(np.count_nonzero(late))
            self._lose(slots[late])
            slots, rtts = slots[~late], rtts[~late]
        s.rtt[slots] = rtts
        self._decide(slots, Echo.RECEIVED)
        self._learn(slots, rtts)
        self._answered(slots)

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
            said = self._sentences.setdefault(int(s.round[slot]), {})
            if len(said) < _REFUSALS_MAX:
                said[sentence] = None
            slots = np.array([slot])
            if not self._is_burst(slots)[0]:
                self._miss(slots)
            self._decide(slots, Echo.REFUSED)
        self._refused.clear()

    # ------------------------------------------------------------------ the passing of time

    def pending(self) -> Slots:
        """Return every echo that is under way."""
        return np.flatnonzero(self.layout.slots.outcome == PENDING)

    def overdue(self, now_ns: int) -> Slots:
        """Return pending echoes that have just passed their check's silence limit, in the order of sending."""
        s = self.layout.slots
        pending = self.pending()
        late = now_ns - s.mono[pending] > self.layout.rows.limit[s.row[pending]]
        late &= (s.flags[pending] & (OVERDUE | TAINTED)) == 0
        slots = pending[late]
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
        self.finished = [done for done in self.finished if done.row != row]

    def stepped(self, by_ns: int) -> None:
        """Note that the wall clock was stepped while echoes were pending: their stamps are on two sides of it."""
        self.layout.slots.step[self.pending()] += by_ns

    # ------------------------------------------------------------------ inside

    def _open(self, numbers: npt.NDArray[np.int64], echoes: npt.NDArray[np.int64]) -> None:
        left = self.layout.rounds.left
        if self._sentences:  # what was said of a check that was removed in the middle of a round
            for number in numbers.tolist():
                self._sentences.pop(number, None)
        unfinished = numbers[left[numbers] > 0]
        if len(unfinished):  # its slots are needed, so what is still pending there can have no other end
            s = self.layout.slots
            pending = self.pending()
            self._decide(pending[np.isin(s.round[pending], unfinished)], Echo.UNKNOWN, 0)
        left[numbers] = echoes

    def _launch(
        self, slots: Slots, mono_ns: Times, wall_ns: Times, deadlines: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.uint32]:
        s = self.layout.slots
        generation = (s.index[slots] >> SLOT_BITS) + np.uint32(1)
        index = ((generation << SLOT_BITS) | slots).astype(np.uint32)
        s.index[slots], s.outcome[slots], s.why[slots], s.flags[slots] = index, PENDING, 0, 0
        s.mono[slots], s.sent[slots], s.deadline[slots] = mono_ns, wall_ns, deadlines
        s.step[slots], s.rtt[slots] = 0, -1
        return index

    def _rtts(self, slots: Slots, stamps: npt.NDArray[np.int64], mono_ns: int) -> npt.NDArray[np.int64]:
        """Kernel receive stamp minus kernel transmit stamp; -1 without one, or with a step of the clock between them.

        A round trip lies between 0 and the time that has passed since the echo was handed over. Where a step is known,
        the stamps may be on both sides of it or on one; what fits alone is right.
        """
        s = self.layout.slots
        plain = stamps - s.sent[slots]
        most = mono_ns - s.mono[slots] + _ELAPSED_SLACK_NS
        fits = (plain >= 0) & (plain <= most)
        step = s.step[slots]
        moved = plain - step
        moved_fits = (step != 0) & (moved >= 0) & (moved <= most)
        return np.where(fits & ~moved_fits, plain, np.where(moved_fits & ~fits, moved, -1))

    def _learn(self, slots: Slots, rtts: npt.NDArray[np.int64]) -> None:
        """RFC 6298 2.3: SRTT <- (1 - alpha) * SRTT + alpha * R', alpha = 1/8; the first one as it is."""
        r = self.layout.rows
        known = rtts >= 0
        rows, fresh = self.layout.slots.row[slots[known]], rtts[known]
        before = r.srtt[rows]
        r.srtt[rows] = np.where(before < 0, fresh, before + (fresh - before) // 8)
        r.limit[rows] = np.minimum(np.maximum(SILENCE_RTTS * r.srtt[rows], MIN_SILENCE_NS), r.timeout[rows])

    def _answered(self, slots: Slots) -> None:
        """End the row of misses of each check that was answered to an echo from within or after it."""
        s, r = self.layout.slots, self.layout.rows
        np.maximum.at(r.answered, s.row[slots], s.mono[slots])
        for slot in slots[r.misses[s.row[slots]] > 0].tolist():
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

    def _decide(self, slots: Slots, outcome: Echo, why: int = 0) -> None:
        if not len(slots):
            return
        s, rounds = self.layout.slots, self.layout.rounds
        s.outcome[slots] = outcome
        s.why[slots] = why
        numbers = s.round[slots]
        np.subtract.at(rounds.left, numbers, 1)
        for number in np.unique(numbers[rounds.left[numbers] == 0]).tolist():
            self._finish(number)

    def _finish(self, number: int) -> None:
        """Copy out a round whose echoes are all decided; rounds of a check come out in their order."""
        r, left = self.layout.rows, self.layout.rounds.left
        row = int(self.layout.rounds.row[number])
        first, rounds = int(r.first_round[row]), int(r.rounds[row])
        if number == first + rounds:
            self._copy_out(row, number, self.layout.burst_base(row), BURST_ECHOES)
            return
        echoes = int(r.echoes[row])
        while left[first + r.oldest[row]] == 0:
            oldest = int(r.oldest[row])
            self._copy_out(row, first + oldest, int(r.base[row]) + oldest * echoes, echoes)
            r.oldest[row] = (oldest + 1) % rounds

    def _copy_out(self, row: int, number: int, base: int, echoes: int) -> None:
        s, r = self.layout.slots, self.layout.rows
        part = slice(base, base + echoes)
        burst = number == self.layout.burst_round(row)
        duplicates = 0 if burst else int(r.duplicates[row])
        self.finished.append(
            Finished(
                row, burst, s.sent[part].copy(), s.rtt[part].copy(), s.outcome[part].copy(), s.why[part].copy(),
                duplicates, tuple(self._sentences.pop(number, ())),
            )
        )  # fmt: skip
        if not burst:
            r.duplicates[row] = 0
        self.layout.rounds.left[number] = -1

"""One tick of the engine: read what has come, judge what is over, send what is due, give out what is finished."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.core.loss import LossChange
from agent.core.model import Check, Echo, Loss, Round, Silence, StreamItem, Trait, Turn
from probes.icmp.departures import Departures
from probes.icmp.pace import Pace
from probes.icmp.port import Port
from probes.icmp.roster import Roster
from probes.icmp.table import BURST_ECHOES, NEVER, TAINTED, Arrival, Finished, Rows, Slots
from probes.wire import kernel, route
from probes.wire.clock import Clock, Moment
from probes.wire.datagrams import Inbox

_UNKNOWN: Final = int(Echo.UNKNOWN)  # numpy compares with an enum member ten times slower
BURST_SPACING_NS: Final = 60_000_000
_NO_REASONS: Final[Mapping[str, int]] = MappingProxyType({})
_NANO: Final = 1_000_000_000
_STEP_NS: Final = 1_000_000  # a smaller jump of the wall clock is within what readings differ by
_SUSPEND_NS: Final = 200_000_000
_INBOX_WIDTH: Final = 256
_INBOX_BATCH: Final = 256
_INBOX_BATCH_MIN: Final = 32
_INBOX_OCTETS_MAX: Final = 1 << 21
_HELD_UP_TICKS: Final = 2.0
_LATE_SLACK_NS: Final = 20_000_000  # how late the loop may be without a word; each echo waits for the next tick anyway
_TEND_NS: Final = 1_000_000_000


class Ticker:
    """What happens at each tick, and counters of what went wrong on the way."""

    def __init__(self, roster: Roster, clock: Clock, pace: Pace, *, patient: bool = False) -> None:
        """Work on a roster by a clock.

        Args:
            pace: how many echoes may leave.
            patient: send an echo whose time is over late, instead of giving it up.
        """
        self._pace = pace
        self._patient = patient
        self.ticks_total = 0
        self.late_sends_total = 0
        self.send_errors_total = 0
        self.clock_steps_total = 0
        self._roster = roster
        self._clock = clock
        self._inbox = _inbox_for(0)
        self._last = clock.read()
        self._tend_at = 0
        self._departures = Departures(roster)

    def tick(self) -> list[StreamItem]:
        """Send, read, judge: everything that is due now; return what is finished.

        Reading follows at once on sending: near targets have answered by then, and what the kernel has just done for
        one packet is at hand for the next.
        """
        self.ticks_total += 1
        now = self._clock.read()
        held_up = now.monotonic - self._last.monotonic > _HELD_UP_TICKS * self._roster.tick_seconds * _NANO
        self._look_at_clock(now)
        if held_up:
            self._read()  # what was answered long ago is not to be sent anew
        if now.monotonic >= self._tend_at:
            self._tend_at = now.monotonic + _TEND_NS
            self._tend()
        self._send_bursts(now)
        self._send_due(now)
        self._read()
        self._judge_pending(now.monotonic)
        return self._give_out(now.wall)

    def _read(self) -> None:
        judge = self._roster.judge
        for port in self._roster.ports.values():
            whole = port.drain(judge, self._inbox, self._clock)
            if port.new_drops() or not whole:
                judge.taint(self._roster.pending_on(port), self._roster.why("receive_drops"))

    def _tend(self) -> None:
        self._roster.tend_ports()
        self._departures.tend(self._last.monotonic)
        if self._roster.largest_octets >= self._inbox.width:
            self._inbox = _inbox_for(self._roster.largest_octets)

    def unfinished(self) -> list[Round]:
        """Return what is decided of the rounds that are still open."""
        at = _moment(self._clock.read().wall)
        judge, by_row = self._roster.judge, self._roster.by_row
        return [
            self._round(by_row[done.row].check, done, at) for done in judge.harvest.unfinished() if done.row in by_row
        ]

    def behind(self) -> bool:
        """Tell whether echoes wait that may leave at once."""
        r = self._roster.layout.rows
        return self._patient and not self._pace.short and bool((r.due <= self._clock.read().monotonic).any())

    def _look_at_clock(self, now: Moment) -> None:
        last, self._last = self._last, now
        asleep = (now.boot - now.monotonic) - (last.boot - last.monotonic)
        if asleep > _SUSPEND_NS:
            self._roster.judge.give_up(self._roster.judge.pending(), self._roster.why("suspended"))
        step = (now.wall - now.boot) - (last.wall - last.boot)
        # a slewed clock drifts by up to 500 parts in a million, which is no step
        if abs(step) > _STEP_NS + (now.boot - last.boot) // 1000:
            self.clock_steps_total += 1
            self._roster.judge.stepped(step)

    def _judge_pending(self, now_ns: int) -> None:
        judge = self._roster.judge
        overdue, over, refused = judge.overdue(now_ns), judge.expiring(now_ns), judge.refused()
        later = self._departures.look(np.concatenate((refused, over, overdue)), now_ns)
        if len(later):
            overdue, over = overdue[~np.isin(overdue, later)], over[~np.isin(over, later)]
        if len(overdue) or len(over) or len(refused):
            judge.settle_refusals()
            untainted = (self._roster.layout.slots.flags[overdue] & TAINTED) == 0
            judge.miss(overdue[untainted])
            judge.expire(over)

    # ------------------------------------------------------------------ sending

    def _send_bursts(self, now: Moment) -> None:
        ready = [(row, *sent) for row, sent in self._roster.bursts.items() if now.monotonic >= sent[1]]
        for row, number, due in ready[: self._pace.grant(len(ready), now.monotonic)] if ready else ():
            slots, indices = self._roster.judge.take_burst(row, number, now.monotonic, now.wall)
            self._dispatch(np.array([row]), slots, indices)
            begun = due or now.monotonic
            self._roster.bursts[row] = (number + 1, begun + BURST_SPACING_NS)
            if number + 1 == BURST_ECHOES:
                del self._roster.bursts[row]

    def _send_due(self, now: Moment) -> None:
        r = self._roster.layout.rows
        rows = (r.due <= now.monotonic).nonzero()[0]
        if not len(rows):
            return
        late = now.monotonic - r.due[rows]
        if self._patient:
            r.due[rows[late >= r.interval[rows]]] = now.monotonic  # the next one an interval after this one
        else:
            in_time = int(self._roster.tick_seconds * _NANO) + _LATE_SLACK_NS
            if int(late.max()) > in_time:
                self.late_sends_total += int(np.count_nonzero(late > in_time))
            over = late >= r.interval[rows]
            if over.any():
                self._skip(rows[over], late[over] // r.interval[rows[over]], now)
                rows = rows[r.due[rows] <= now.monotonic]
        granted = self._pace.grant(len(rows), now.monotonic)
        if granted < len(rows):
            rows = rows[np.argsort(r.due[rows], kind="stable")[:granted]]
        size = min((port.chunk for port in self._roster.ports.values()), default=len(rows))
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            if start:  # make room in the receive buffer: near targets have answered already
                for port in self._roster.ports.values():
                    port.drain(self._roster.judge, self._inbox, self._clock)
            sending = self._clock.read()
            slots, indices = self._roster.judge.take(part, sending.monotonic, sending.wall)
            self._advance(part)
            self._dispatch(part, slots, indices)

    def _advance(self, rows: Rows) -> None:
        r = self._roster.layout.rows
        r.due[rows] += r.interval[rows]
        left = r.left[rows] - 1
        r.left[rows] = left
        if (ended := rows[left == 0]).size:
            r.due[ended] = NEVER

    def _skip(self, rows: Rows, missed: npt.NDArray[np.int64], now: Moment) -> None:
        """Account for echoes whose time passed while the loop was held up: they are unknown, in this round at most."""
        r = self._roster.layout.rows
        count = np.minimum(missed, r.echoes[rows] - r.place[rows] % r.echoes[rows])
        for turn in range(int(count.max())):
            part = rows[count > turn]
            due = r.due[part]
            slots, _ = self._roster.judge.take(part, due, now.wall - (now.monotonic - due))
            self._roster.judge.give_up(slots, self._roster.why("echo_rate" if self._pace.short else "late_loop"))
            self._advance(part)
        going_on = r.due[rows] < NEVER
        r.due[rows[going_on]] += ((missed - count) * r.interval[rows])[going_on]
        self.late_sends_total += int(missed.sum())

    def _dispatch(self, rows: Rows, slots: Slots, indices: npt.NDArray[np.uint32]) -> None:
        r = self._roster.layout.rows
        if r.why[rows].any():
            for why in np.unique(r.why[rows]).tolist():
                if why:
                    self._roster.judge.fail(slots[r.why[rows] == why], why)
            free = r.why[rows] == 0
            rows, slots, indices = rows[free], slots[free], indices[free]
        ports = r.port[rows]
        for number in {*ports.tolist()}:
            mine = slice(None) if len(self._roster.ports) == 1 else (ports == number).nonzero()[0]
            port = self._roster.ports[number]
            if port.datagrams is None:
                self._roster.judge.fail(slots[mine], self._roster.why(port.why))
                continue
            headers = self._roster.outbox.address(rows[mine], indices[mine])
            failures = port.send(headers, slots[mine], self._roster.judge, self._inbox)
            if failures:
                self._fail(port, slots[mine], failures)

    def _fail(self, port: Port, slots: Slots, failures: list[tuple[int, int]]) -> None:
        self.send_errors_total += len(failures)
        gone = port.interface is not None and route.interface_works(port.interface) is False
        if gone:
            self._tend_at = 0  # look at once whether the interface is there again under the same name
        for number in {number for _, number in failures}:
            places = [place for place, error in failures if error == number]
            why = "interface_gone" if gone else f"send_{kernel.error_name(number)}"
            self._roster.judge.fail(slots[places], self._roster.why(why))

    def _give_out(self, wall_ns: int) -> list[StreamItem]:
        items: list[StreamItem] = []
        changes, self._roster.judge.changes = self._roster.judge.changes, []
        at = _moment(wall_ns)
        for change in changes:
            if watched := self._roster.by_row.get(change.row):
                check = watched.check
                since = _moment(change.since_ns)
                items.append(Silence(check.target, check.name, at, since, change.missed, change.over))
        for arrival in self._roster.judge.arrivals.take_changes():
            if watched := self._roster.by_row.get(arrival.row):
                items.extend(_turns(watched.check, arrival, at))
        items.extend(
            _loss(watched.check, change, at)
            for change in self._roster.judge.losses.take_changes()
            if (watched := self._roster.by_row.get(change.row)) is not None
        )
        items.extend(
            self._round(watched.check, done, at)
            for done in self._roster.judge.harvest.take_finished()
            if (watched := self._roster.by_row.get(done.row)) is not None
        )
        return items

    def _round(self, check: Check, done: Finished, at: datetime) -> Round:
        why: Mapping[str, int] = _NO_REASONS
        if len(done.whys) and (unknown := done.outcomes == _UNKNOWN).any():
            why = Counter(self._roster.whys[code] for code in done.whys[unknown].tolist())
        return Round(
            target=check.target,
            check=check.name,
            began_at=datetime.fromtimestamp(done.sent_seconds.item(0), UTC),
            ended_at=at,
            sent_at_seconds=done.sent_seconds,
            rtts_seconds=done.rtts_seconds,
            outcomes=done.outcomes,
            burst=done.burst,
            duplicates=done.odd.duplicates,
            late=done.odd.late,
            reordered=done.odd.reordered,
            corrupted=done.odd.corrupted,
            why_unknown=why,
            refusals=done.refusals,
        )


def _turns(check: Check, arrival: Arrival, at: datetime) -> list[Turn]:
    since = _moment(arrival.since_ns)
    pairs = (
        (Trait.REPLY_TTL, arrival.before >> 8, arrival.after >> 8),
        (Trait.REPLY_DSCP, (arrival.before & 0xFF) >> 2, (arrival.after & 0xFF) >> 2),
    )
    return [
        Turn(check.target, check.name, at, since, trait, str(before), str(after))
        for trait, before, after in pairs
        if before != after
    ]


def _loss(check: Check, change: LossChange, at: datetime) -> Loss:
    return Loss(
        check.target, check.name, at, _moment(change.since), change.ratio, change.usual_ratio, change.lost,
        change.echoes, change.rule, change.over,
    )  # fmt: skip


def _inbox_for(octets: int) -> Inbox:
    """Return memory for messages of this size, to be checked whole, which tells by its width that none was cut."""
    width = max(_INBOX_WIDTH, (octets // _INBOX_WIDTH + 1) * _INBOX_WIDTH)
    return Inbox(max(_INBOX_BATCH_MIN, min(_INBOX_BATCH, _INBOX_OCTETS_MAX // width)), width)


def _moment(ns: int) -> datetime:
    return datetime.fromtimestamp(ns / _NANO, UTC)

"""The rules of the engine in virtual time: one check (or two), echoes sent and answered by hand."""

import numpy as np
import numpy.typing as npt
import pytest

from agent.core.model import Echo
from probes.icmp.judge import BURST_WAIT_MAX_NS, JUDGING_SLACK_NS, Judge
from probes.icmp.table import BURST_ECHOES, IDLE, SLOT_BITS, STAMPED, Finished, Layout, Odd, address_words

MS = 1_000_000
SECOND = 1000 * MS
WALL = 1_700_000_000 * SECOND  # wall clock when the monotonic clock stands at 0
ADDRESS = address_words(b"\x0a\0\0\x01")[0]
OTHER = address_words(b"\x0a\0\0\x09")[0]


def nanoseconds(done: Finished) -> list[int]:
    """Return round-trip times, -1 where there is none."""
    return [-1 if rtt != rtt else round(rtt * SECOND) for rtt in done.rtts_seconds.tolist()]


def come_from(address: int, replies: int = 1) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    return np.full(replies, address, np.uint64), np.zeros(replies, np.uint64)


class Link:
    """One check with one echo a second, and hands to send, answer and let time pass."""

    def __init__(self, echoes: int = 5, interval: int = SECOND, timeout: int = 3 * SECOND) -> None:
        self.layout = Layout()
        self.judge = Judge(self.layout)
        self.row = self.layout.add(echoes, interval, timeout, -1)
        self.layout.rows.port[self.row] = 0
        self.layout.rows.where[self.row] = ADDRESS

    def send(self, at: int) -> int:
        """Send one echo at `at` (monotonic) and return its index."""
        return int(self.judge.take(np.array([self.row]), at, WALL + at)[1][0])

    def answer(
        self, *indices: int, at: int, read_at: int | None = None, wall_step: int = 0, stamp: int | None = None
    ) -> None:
        """Let replies arrive at `at`, read later if `read_at` says so."""
        slots, ours = self.judge.find(np.array(indices, np.uint32), come_from(ADDRESS, len(indices)), 0)
        received = WALL + at + wall_step if stamp is None else stamp
        read = at if read_at is None else read_at
        self.judge.receive(slots[ours], np.full(int(ours.sum()), received), read)

    def pass_time(self, now: int) -> None:
        """Judge what is overdue and over by `now`."""
        self.judge.miss(self.judge.overdue(now))
        self.judge.settle_refusals()
        self.judge.expire(self.judge.expiring(now))

    def teach(self, rtt: int, at: int = -10 * SECOND) -> None:
        """Give the check a smoothed round-trip time, by one answered echo."""
        self.answer(self.send(at), at=at + rtt)

    def finished(self) -> Finished:
        """Return the one round that is finished."""
        (done,) = self.judge.harvest.finished
        self.judge.harvest.finished.clear()
        return done

    def silences(self) -> list[tuple[int, int, bool]]:
        """Return (missed, since as monotonic, over) of what was noticed, and forget it."""
        changes, self.judge.changes = self.judge.changes, []
        return [(change.missed, change.since_ns - WALL, change.over) for change in changes]


def test_a_round_of_answered_echoes() -> None:
    link = Link()
    for second in range(5):
        link.answer(link.send(second * SECOND), at=second * SECOND + 2 * MS)
    done = link.finished()
    assert done.outcomes.tolist() == [Echo.RECEIVED] * 5
    assert nanoseconds(done) == [2 * MS] * 5
    assert (done.sent_seconds - WALL / SECOND).tolist() == list(range(5))
    assert not done.burst
    assert link.silences() == []


def test_a_lost_echo_is_lost_only_after_its_timeout_and_has_no_round_trip_time() -> None:
    link = Link(echoes=2)
    link.send(0)
    link.answer(link.send(SECOND), at=SECOND + MS)
    link.pass_time(3 * SECOND)
    assert not link.judge.harvest.finished
    link.pass_time(3 * SECOND + JUDGING_SLACK_NS + 1)
    done = link.finished()
    assert done.outcomes.tolist() == [Echo.LOST, Echo.RECEIVED]
    assert nanoseconds(done) == [-1, MS]


def test_rounds_come_out_in_their_order() -> None:
    link = Link(echoes=1, interval=SECOND)
    lost = link.send(0)
    assert lost >= 0
    link.answer(link.send(SECOND), at=SECOND + MS)
    link.answer(link.send(2 * SECOND), at=2 * SECOND + MS)
    assert not link.judge.harvest.finished  # the first one may still be answered
    link.pass_time(4 * SECOND)
    assert [done.outcomes.tolist() for done in link.judge.harvest.finished] == [
        [Echo.LOST],
        [Echo.RECEIVED],
        [Echo.RECEIVED],
    ]


def test_two_missed_echoes_make_a_silence_and_the_next_reply_ends_it() -> None:
    link = Link()
    link.teach(2 * MS)
    link.send(0)
    link.pass_time(251 * MS)  # max(4 * 2 ms, 250 ms)
    assert link.silences() == []
    link.send(SECOND)
    link.pass_time(SECOND + 249 * MS)
    assert link.silences() == []
    link.pass_time(SECOND + 251 * MS)
    assert link.silences() == [(2, 0, False)]
    link.send(2 * SECOND)
    link.pass_time(3 * SECOND)
    assert link.silences() == []  # it is told once
    link.answer(link.send(4 * SECOND), at=4 * SECOND + 2 * MS)
    assert link.silences() == [(3, 4 * SECOND, True)]


def test_one_missed_echo_means_nothing() -> None:
    link = Link()
    for second in range(10):
        index = link.send(second * SECOND)
        if second % 2:
            link.answer(index, at=second * SECOND + MS)
        link.pass_time(second * SECOND + 900 * MS)
    assert link.silences() == []


def test_the_silence_limit_is_learnt() -> None:
    link = Link()
    link.teach(200 * MS)
    for second in (0, 1):
        link.send(second * SECOND)
    link.pass_time(SECOND + 799 * MS)
    assert link.silences() == []
    link.pass_time(SECOND + 801 * MS)
    assert link.silences() == [(2, 0, False)]


def test_a_late_reply_to_the_first_missed_echo_ends_the_silence_it_began() -> None:
    link = Link()
    link.teach(2 * MS)
    first = link.send(0)
    link.send(SECOND)
    link.pass_time(SECOND + 300 * MS)
    assert link.silences() == [(2, 0, False)]
    link.answer(first, at=2 * SECOND)
    assert link.silences() == [(2, 0, True)]


def test_a_reply_to_an_echo_from_before_the_silence_does_not_end_it() -> None:
    link = Link()
    link.teach(100 * MS)  # limit 400 ms
    early = link.send(0)
    slots, _ = link.judge.find(np.array([early], np.uint32), come_from(ADDRESS), 0)
    link.layout.slots.flags[slots] |= 1
    link.send(SECOND)
    link.send(2 * SECOND)
    link.pass_time(2 * SECOND + 500 * MS)
    assert link.silences() == [(2, SECOND, False)]
    link.answer(early, at=2 * SECOND + 600 * MS)
    assert link.silences() == []


def test_a_check_that_never_answered_is_given_a_second() -> None:
    link = Link(interval=500 * MS)
    link.send(0)
    link.send(500 * MS)
    link.pass_time(1400 * MS)
    assert link.silences() == []
    link.pass_time(1501 * MS)
    assert link.silences() == [(2, 0, False)]


def test_refusals_count_at_once_and_keep_their_sentences() -> None:
    link = Link(echoes=2)
    for number, at in enumerate((0, SECOND)):
        index = link.send(at)
        link.judge.refuse(index & 0xFFFFFF, "10.0.0.254: destination host unreachable")
        link.pass_time(at + MS)
        assert link.silences() == ([(2, 0, False)] if number else [])
    done = link.finished()
    assert done.outcomes.tolist() == [Echo.REFUSED] * 2
    assert done.refusals == ("10.0.0.254: destination host unreachable",)


def test_a_refusal_by_this_host_itself_is_no_answer_of_the_network() -> None:
    link = Link(echoes=1)
    slot = link.send(0) & 0xFFFFFF
    link.judge.taint(np.array([slot]), 3)
    link.judge.refuse(slot, "10.0.0.1: destination host unreachable")
    link.pass_time(4 * SECOND)
    done = link.finished()
    assert (done.outcomes.tolist(), done.whys.tolist()) == ([Echo.UNKNOWN], [3])


def test_first_reply_wins_also_within_one_batch_and_the_others_are_duplicates() -> None:
    link = Link(echoes=2)
    first = link.send(0)
    link.answer(first, first, first, at=5 * MS)
    link.answer(first, at=700 * MS)
    link.answer(link.send(SECOND), at=SECOND + MS)
    done = link.finished()
    assert nanoseconds(done) == [5 * MS, MS]
    assert done.odd.duplicates == 3
    assert link.judge.duplicates_total == 3


def test_a_reply_after_its_timeout_is_counted_and_changes_nothing() -> None:
    link = Link(echoes=1, timeout=SECOND)
    index = link.send(0)
    link.pass_time(2 * SECOND)
    assert link.finished().outcomes.tolist() == [Echo.LOST]
    link.answer(index, at=2 * SECOND)
    assert (link.judge.late_replies_total, link.judge.duplicates_total) == (1, 0)
    link.answer(link.send(3 * SECOND), at=3 * SECOND + MS)
    assert link.finished().odd == Odd(late=1)
    link.answer(link.send(4 * SECOND), at=4 * SECOND + MS)
    assert link.finished().odd == Odd()


def test_replies_in_another_order_than_their_echoes_are_counted() -> None:
    link = Link(echoes=6, interval=10 * MS)
    first, second, third, fourth, fifth, sixth = (link.send(turn * 10 * MS) for turn in range(6))
    link.answer(second, at=60 * MS)
    link.answer(first, at=61 * MS)  # in a later batch
    link.answer(fourth, third, sixth, fifth, at=62 * MS)  # within one
    assert link.finished().odd == Odd(reordered=3)
    assert link.judge.reordered_replies_total == 3


def test_checks_with_different_round_trips_are_no_reordering() -> None:
    layout = Layout()
    judge = Judge(layout)
    rows = np.array([layout.add(1, SECOND, SECOND, -1) for _ in range(2)])
    early, _ = judge.take(rows[:1], 0, WALL)
    late, _ = judge.take(rows[1:], 10 * MS, WALL + 10 * MS)
    both = np.concatenate((late, early))
    judge.receive(both, np.full(2, WALL + 20 * MS), 30 * MS)
    assert judge.reordered_replies_total == 0


def test_corrupted_replies_are_counted_and_answer_nothing() -> None:
    link = Link(echoes=1, timeout=SECOND)
    slot = link.send(0) & 0xFFFFFF
    link.judge.corrupted(np.array([slot]), 2)
    link.pass_time(2 * SECOND)
    done = link.finished()
    assert (done.outcomes.tolist(), done.odd) == ([Echo.LOST], Odd(corrupted=1))
    assert link.judge.corrupted_replies_total == 3


def _arrive(link: Link, *arrivals: int) -> list[tuple[int, int]]:
    """Let one reply come with each TTL; return the changes that are noticed."""
    for arrival in arrivals:
        slot = link.send(0) & 0xFFFFFF
        link.judge.arrivals.look(np.array([slot]), np.array([arrival], np.int32))
        link.judge.give_up(np.array([slot]), 1)
    found = link.judge.arrivals.take_changes()
    return [(change.before, change.after) for change in found]


def test_another_ttl_is_a_change_once_it_stays() -> None:
    link = Link()
    assert _arrive(link, 61, 61, 58, 58) == []
    assert _arrive(link, 58) == [(61, 58)]
    assert _arrive(link, 58, 58, 58, 58) == []
    assert _arrive(link, 61, 61, 61) == [(58, 61)]


def test_a_balancer_that_alternates_is_no_change_and_neither_is_what_is_not_known() -> None:
    link = Link()
    assert _arrive(link, -1, 61, 58, 61, 58, 58, 61, 57, 58, 57, 58, -1, 61) == []


def test_the_change_is_dated_from_the_first_echo_that_was_answered_so() -> None:
    link = Link()
    _arrive(link, 61)
    for second in (1, 2, 3):
        slot = link.send(second * SECOND) & 0xFFFFFF
        link.judge.arrivals.look(np.array([slot]), np.array([58], np.int32))
    (change,) = link.judge.arrivals.take_changes()
    assert change.since_ns == WALL + SECOND
    link.judge.forget(link.row)
    assert link.judge.arrivals.take_changes() == []


@pytest.mark.parametrize(("rtt", "outcome"), [(999 * MS, Echo.RECEIVED), (1001 * MS, Echo.LOST)])
def test_a_held_up_loop_judges_by_the_kernels_stamps_not_by_when_it_got_to_read(rtt: int, outcome: Echo) -> None:
    link = Link(echoes=1, timeout=SECOND)
    link.answer(link.send(0), at=rtt, read_at=20 * SECOND)
    assert link.finished().outcomes.tolist() == [outcome]


def test_a_forged_reply_is_not_taken() -> None:
    link = Link(echoes=1)
    index = link.send(0)
    for indices, address, port in (
        ([index], OTHER, 0),  # from elsewhere
        ([index], ADDRESS, 1),  # by another socket
        ([index ^ (1 << SLOT_BITS)], ADDRESS, 0),  # of another generation
        ([index | 0xFFFFFF], ADDRESS, 0),  # of no slot
    ):
        _, ours = link.judge.find(np.array(indices, np.uint32), come_from(address), port)
        assert not ours.any()
    assert link.judge.foreign_replies_total == 2


def test_echoes_pending_while_packets_were_dropped_can_be_answered_but_not_lost() -> None:
    link = Link(echoes=3)
    link.teach(MS)
    indices = [link.send(at * SECOND) for at in (0, 1)]
    link.judge.taint(link.judge.pending(), 4)
    link.answer(indices[1], at=SECOND + 5 * MS)
    link.pass_time(10 * SECOND)
    done = link.finished()
    assert done.outcomes.tolist() == [Echo.RECEIVED, Echo.UNKNOWN, Echo.RECEIVED]
    assert done.whys.tolist() == [0, 4, 0]
    assert link.silences() == []


def test_a_failed_send_is_unknown_and_what_was_pending_cannot_be_lost() -> None:
    link = Link(echoes=2)
    link.send(0)
    slots, _ = link.judge.take(np.array([link.row]), SECOND, WALL + SECOND)
    link.judge.fail(slots, 7)
    link.pass_time(10 * SECOND)
    done = link.finished()
    assert (done.outcomes.tolist(), done.whys.tolist()) == ([Echo.UNKNOWN] * 2, [7, 7])


@pytest.mark.parametrize("step", [-3600 * SECOND, 3600 * SECOND, -5 * SECOND])
def test_a_stepped_clock_spoils_no_round_trip_time(step: int) -> None:
    link = Link(echoes=2)
    before, after = link.send(0), link.send(100 * MS)
    # the first reply was stamped before the step and is read after it, the second one came after the step
    link.judge.stepped(step)
    link.answer(before, at=2 * MS, read_at=200 * MS, stamp=WALL + 2 * MS)
    link.answer(after, at=300 * MS, wall_step=step)
    assert nanoseconds(link.finished()) == [2 * MS, 200 * MS]


def test_a_small_step_that_leaves_two_readings_gives_no_round_trip_time_rather_than_a_wrong_one() -> None:
    link = Link(echoes=1)
    index = link.send(0)
    link.judge.stepped(20 * MS)
    link.answer(index, at=50 * MS)
    done = link.finished()
    assert (done.outcomes.tolist(), nanoseconds(done)) == ([Echo.RECEIVED], [-1])


def test_a_step_that_nobody_has_noticed_yet_gives_no_round_trip_time() -> None:
    link = Link(echoes=1)
    link.answer(link.send(0), at=50 * MS, stamp=WALL - SECOND)
    assert nanoseconds(link.finished()) == [-1]


def test_the_kernels_transmit_stamp_replaces_ours_unless_it_is_of_an_earlier_packet() -> None:
    link = Link(echoes=1)
    index = link.send(0)
    slots = np.array([index & 0xFFFFFF])
    link.judge.stamp(slots, np.array([WALL - 1]))
    assert link.judge.never_left(slots).all()
    link.judge.stamp(slots, np.array([WALL + 30_000]))
    link.judge.stamp(slots, np.array([WALL + 90_000]))
    assert link.layout.slots.flags[slots[0]] & STAMPED
    link.answer(index, at=MS)
    assert nanoseconds(link.finished()) == [MS - 30_000]


def _burst(link: Link, at: int) -> list[int]:
    return [
        int(link.judge.take_burst(link.row, n, at + n * 60 * MS, WALL + at + n * 60 * MS)[1][0])
        for n in range(BURST_ECHOES)
    ]


def test_a_burst_is_decided_after_the_silence_limit_and_touches_no_regular_round() -> None:
    link = Link(echoes=2)
    link.teach(2 * MS)
    _burst(link, 0)
    link.pass_time(180 * MS + 250 * MS + JUDGING_SLACK_NS + 1)
    done = link.finished()
    assert done.burst
    assert done.outcomes.tolist() == [Echo.LOST] * BURST_ECHOES
    assert link.silences() == []
    link.answer(link.send(SECOND), at=SECOND + MS)
    assert link.finished().outcomes.tolist() == [Echo.RECEIVED] * 2


def test_a_burst_that_follows_at_once_on_another_is_given_out_too() -> None:
    link = Link()
    link.teach(2 * MS)
    over = 180 * MS + 250 * MS + JUDGING_SLACK_NS + 1
    for number in range(3):
        began = number * over
        _burst(link, began)
        link.pass_time(began + over)
        done = link.finished()
        assert (done.burst, done.outcomes.tolist()) == (True, [Echo.LOST] * BURST_ECHOES)
    assert len(link.judge.pending()) == 0


def test_a_burst_that_is_answered_ends_the_silence() -> None:
    link = Link()
    link.teach(2 * MS)
    link.send(0)
    link.send(SECOND)
    link.pass_time(SECOND + 251 * MS)
    assert link.silences() == [(2, 0, False)]
    indices = _burst(link, SECOND + 260 * MS)
    link.answer(*indices, at=SECOND + 450 * MS)
    assert link.silences() == [(2, SECOND + 260 * MS, True)]
    assert link.finished().outcomes.tolist() == [Echo.RECEIVED] * BURST_ECHOES


def test_a_line_that_became_slow_is_not_taken_for_a_cut_one() -> None:
    link = Link()
    link.teach(10 * MS)
    late = link.send(0)
    link.send(SECOND)
    link.pass_time(SECOND + 260 * MS)
    assert link.silences() == [(2, 0, False)]
    indices = _burst(link, SECOND + 260 * MS)
    link.answer(late, at=1500 * MS)  # every round trip takes 1.5 s by now
    link.pass_time(1800 * MS)  # the silence limit after the burst
    assert not link.judge.harvest.finished
    link.answer(*indices, at=2760 * MS)
    assert link.finished().outcomes.tolist() == [Echo.RECEIVED] * 4


def test_a_burst_that_is_answered_in_part_waits_no_longer_for_the_rest() -> None:
    link = Link()
    link.teach(10 * MS)
    indices = _burst(link, 0)
    link.answer(*indices[1:], at=190 * MS)
    link.pass_time(190 * MS + 250 * MS)
    assert link.finished().outcomes.tolist() == [Echo.LOST] + [Echo.RECEIVED] * 3


def test_a_burst_into_a_line_that_was_cut_after_a_slow_answer_ends_with_its_timeout() -> None:
    link = Link()
    link.teach(10 * MS)
    late = link.send(0)
    _burst(link, SECOND + 260 * MS)
    link.answer(late, at=1500 * MS)
    link.pass_time(4 * SECOND)
    assert not link.judge.harvest.finished
    link.pass_time(SECOND + 440 * MS + 3 * SECOND + JUDGING_SLACK_NS + 1)
    assert link.finished().outcomes.tolist() == [Echo.LOST] * 4


def test_a_burst_waits_no_longer_than_a_second() -> None:
    link = Link()
    link.teach(900 * MS)
    _burst(link, 0)
    link.pass_time(180 * MS + BURST_WAIT_MAX_NS + JUDGING_SLACK_NS + 1)
    assert link.finished().burst


def test_a_row_that_is_given_back_and_out_again_knows_nothing_of_its_former_check() -> None:
    link = Link()
    link.teach(900 * MS)
    old = link.send(0)
    link.judge.refuse(old & 0xFFFFFF, "somebody: no")
    link.judge.forget(link.row)
    link.layout.remove(link.row)
    link.pass_time(10 * SECOND)
    assert (link.judge.harvest.finished, link.judge.changes) == ([], [])
    row = link.layout.add(5, SECOND, 3 * SECOND, -1)
    assert row == link.row
    assert link.layout.rows.srtt[row] == -1
    link.layout.rows.port[row], link.layout.rows.where[row] = 0, ADDRESS
    assert link.send(0) != old
    _, ours = link.judge.find(np.array([old], np.uint32), come_from(ADDRESS), 0)
    assert not ours.any()


def test_an_answer_without_a_receive_stamp_is_an_answer_without_a_round_trip_time() -> None:
    link = Link(echoes=2)
    link.answer(link.send(0), at=MS, stamp=0)
    link.answer(link.send(SECOND), at=SECOND + MS)
    done = link.finished()
    assert done.outcomes.tolist() == [Echo.RECEIVED] * 2
    assert nanoseconds(done) == [-1, MS]


def test_thousands_of_checks_share_the_arrays_without_touching_one_another() -> None:
    layout = Layout()
    judge = Judge(layout)
    rows = np.array([layout.add(3, SECOND, SECOND, -1) for _ in range(3000)])
    assert len(set(rows.tolist())) == 3000
    layout.rows.port[rows] = 0
    for turn in range(3):
        slots, indices = judge.take(rows, turn * SECOND, WALL + turn * SECOND)
        assert len(np.unique(indices)) == 3000
        answered = slots[::2]
        judge.receive(answered, np.full(len(answered), WALL + turn * SECOND + MS), turn * SECOND + MS)
    judge.expire(judge.expiring(10 * SECOND))
    assert len(judge.harvest.finished) == 3000
    assert {done.row for done in judge.harvest.finished} == set(rows.tolist())
    for done in judge.harvest.finished:
        expected = Echo.LOST if done.row in set(rows[1::2].tolist()) else Echo.RECEIVED
        assert done.outcomes.tolist() == [expected] * 3
    assert np.count_nonzero(layout.slots.outcome == Echo.PENDING) == 0
    assert layout.slots.outcome[-1] == IDLE


def test_slots_are_bounded() -> None:
    layout = Layout()
    with pytest.raises(OverflowError, match="shard"):
        layout.add(1 << 23, SECOND, SECOND, -1)


def test_what_is_decided_of_an_open_round() -> None:
    link = Link(echoes=4)
    for second in range(4):
        link.answer(link.send(second * SECOND), at=second * SECOND + MS)
    link.finished()
    link.answer(link.send(4 * SECOND), at=4 * SECOND + 2 * MS)
    link.send(5 * SECOND)
    (done,) = link.judge.harvest.unfinished()
    assert (done.row, nanoseconds(done), done.outcomes.tolist()) == (link.row, [2 * MS], [Echo.RECEIVED])
    assert Link().judge.harvest.unfinished() == []


def test_a_check_with_few_echoes_takes_few_slots() -> None:
    layout = Layout()
    layout.add(20, 10 * MS, 3 * SECOND, 20)
    layout.add(20, 10 * MS, 3 * SECOND, 20)
    assert layout.rows.base[1] == 2 * 20 + BURST_ECHOES

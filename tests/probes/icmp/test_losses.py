"""What reaches the loss detectors, in which order, and what is told of them; in virtual time."""

import numpy as np
import pytest

from agent.core.loss import LossChange
from agent.core.lossbank import LossBank
from tests.core.lines import Lost, isolated
from tests.probes.icmp.test_judge import MS, SECOND, WALL, Link

RTT = 20 * MS


class LossyLink(Link):
    """A link whose echoes are answered or lost as a list says, one a second."""

    def __init__(self, *, timeout: int = 3 * SECOND) -> None:
        """Begin at second 0."""
        super().__init__(timeout=timeout)
        self.losses = self.judge.losses
        self.second = 0

    def know(self) -> None:
        """Have learnt that it loses nothing."""
        self.losses.resume(self.row, in_order(np.zeros(3600, bool)))

    def go_on(self, lost: Lost, *, silent: bool = False) -> list[LossChange]:
        """Send an echo each, and let answers come; return what is told meanwhile."""
        told = []
        for gone in lost.tolist():
            now = self.second * SECOND
            index = self.send(now)
            if not gone:
                self.answer(index, at=now + RTT)
            self.pass_time(now + 900 * MS)
            if silent:
                self.layout.rows.silent[self.row] = True
            told += self.losses.take_changes()
            self.second += 1
        return told

    def settle(self) -> list[LossChange]:
        """Let what is still pending be decided."""
        self.pass_time((self.second + 10) * SECOND)
        return self.losses.take_changes()

    def snapshot(self) -> bytes:
        """Return what is learnt."""
        return self.losses.snapshots(np.array([self.row]))[0]


def all_in_order(lines: Lost) -> list[bytes]:
    """Return what is learnt of each line's echoes, bool[lines, echoes], that come one after the other."""
    rows = np.arange(len(lines))
    bank = LossBank(len(lines))
    for second, gone in enumerate(lines.T):
        bank.fold(rows, gone, np.full(len(lines), WALL + second * SECOND))
    return bank.snapshots(rows)


def in_order(lost: Lost) -> bytes:
    """Return what is learnt of one line's echoes."""
    return all_in_order(lost[np.newaxis])[0]


def marks(text: str) -> Lost:
    """Read `x` as lost."""
    return np.array([mark == "x" for mark in text])


@pytest.mark.parametrize("timeout", [800 * MS, 3 * SECOND, 7 * SECOND])
@pytest.mark.parametrize("ratio", [0.002, 0.05, 0.5])
def test_echoes_are_folded_as_they_left_and_not_as_they_were_decided(ratio: float, timeout: int) -> None:
    link, lost = LossyLink(timeout=timeout), isolated(np.random.default_rng(1), 700, ratio)
    link.go_on(lost)
    link.settle()
    assert link.snapshot() == in_order(lost)


def test_an_alarm_is_told_with_times_of_departure() -> None:
    link = LossyLink()
    link.know()
    (begun,) = link.go_on(marks("..x....x........"))
    assert (begun.since, begun.lost, begun.echoes, begun.over) == (WALL + 2 * SECOND, 2, 6, False)
    (over,) = link.go_on(marks("." * 900))
    assert (over.since, over.over) == (WALL + 8 * SECOND, True)


def test_echoes_of_a_burst_are_no_evidence() -> None:
    link = LossyLink()
    link.go_on(marks("." * 50))
    before = link.snapshot()
    for number in range(4):
        link.judge.take_burst(link.row, number, 50 * SECOND, WALL + 50 * SECOND)
    assert link.settle() == []
    assert link.snapshot() == before


def test_unknown_echoes_are_no_evidence_and_hold_nothing_up() -> None:
    link = LossyLink()
    link.go_on(marks("." * 20))
    for _ in range(30):
        slots, _ = link.judge.take(np.array([link.row]), link.second * SECOND, WALL + link.second * SECOND)
        link.judge.give_up(slots, 1)
        link.second += 1
    link.go_on(marks("." * 10))
    assert link.snapshot() == in_order(marks("." * 30))


def test_slots_that_are_needed_again_hold_no_echo_back() -> None:
    link = LossyLink()
    for _ in range(100):  # nobody judges them: they are given up when their slots are needed
        link.send(link.second * SECOND)
        link.second += 1
    link.settle()
    link.go_on(marks("." * 1500))
    usual = link.losses.usual(link.row)
    assert usual is not None
    assert 0 < usual <= 10 / 1500  # of all that were given up none counts


def test_of_an_outage_nothing_is_told() -> None:
    link = LossyLink()
    link.know()
    assert link.go_on(marks("x" * 60 + "." * 60)) == []
    assert len(link.silences()) == 2  # it began, and it was over
    assert link.losses.usual(link.row) == 0


def test_loss_is_told_after_a_silence_and_not_within() -> None:
    link = LossyLink()
    link.know()
    assert link.go_on(marks("x......x" + "x" * 8)) == []
    assert [over for _, _, over in link.silences()] == [False]
    (begun,) = link.go_on(marks(".x."))
    assert (begun.over, begun.since) == (False, WALL)
    assert begun.lost > 2  # with the counts of now
    (over,) = link.go_on(marks("." * 900))
    assert over.over


def test_an_alarm_that_was_not_told_has_no_end_either() -> None:
    link = LossyLink()
    link.know()
    assert link.go_on(marks("x......x" + "." * 900), silent=True) == []
    link.layout.rows.silent[link.row] = False
    assert link.settle() == []


def test_a_check_that_is_let_go_leaves_nothing_behind() -> None:
    link = LossyLink()
    link.know()
    link.go_on(marks("x....x."))
    link.pass_time((link.second + 10) * SECOND)
    link.judge.forget(link.row)
    link.layout.remove(link.row)
    assert link.losses.take_changes() == []
    row = link.layout.add(5, SECOND, 3 * SECOND, -1)
    assert row == link.row
    link.losses.begin(row)
    assert link.losses.usual(row) is None


def test_an_alarm_that_lasted_before_a_restart_is_told_anew() -> None:
    before, after = LossyLink(), LossyLink()
    before.know()
    (begun,) = before.go_on(marks("x....x...."))
    after.losses.resume(after.row, before.snapshot())
    (again,) = after.losses.take_changes()
    assert (again.since, again.lost, again.rule, again.over) == (begun.since, 2, begun.rule, False)
    (over,) = after.go_on(marks("." * 900))
    assert over.over


TEN_CUTS = marks(10 * "xxx.......")


def test_outages_are_no_loss() -> None:
    told, untold = LossyLink(), LossyLink()
    for link in (told, untold):
        link.know()
    usual = told.snapshot()
    for cut in range(10):
        told.losses.outage(told.row, WALL + (10 * cut + 1) * SECOND)  # known before the first of its losses is folded
        assert told.go_on(TEN_CUTS[:10]) == []
    assert told.settle() == []
    assert told.losses.usual(told.row) == 0
    assert told.snapshot() != usual, "what was answered meanwhile counts"
    assert [change.rule for change in untold.go_on(TEN_CUTS)] == ["onset_cusum_10%"]


def test_an_outage_that_is_told_of_late_takes_its_alarm_back() -> None:
    link = LossyLink(timeout=800 * MS)
    link.know()
    (alarm,) = link.go_on(marks("x....xxxxx"))
    link.losses.outage(link.row, alarm.since + 5 * SECOND)
    (over,) = link.go_on(marks("xxxx....."))
    assert (over.over, over.since) == (True, alarm.since + 5 * SECOND)
    assert link.go_on(marks("." * 900)) == []
    assert link.losses.usual(link.row) == pytest.approx(1 / 4500, rel=0.1), "the one before it counts"


def test_an_outage_whose_echoes_were_answered_leaves_no_trace() -> None:
    link = LossyLink()
    link.know()
    link.go_on(marks("...."))
    link.losses.outage(link.row, WALL + 2 * SECOND)
    link.go_on(marks("....."))
    (alarm,) = link.go_on(marks("x....xx....."))
    assert alarm.lost == 2


def test_many_checks_share_the_arrays() -> None:
    link = LossyLink()
    rows = [link.row, *(link.layout.add(5, SECOND, 3 * SECOND, -1) for _ in range(199))]  # more than there was room for
    for row in rows[1:]:
        link.layout.rows.port[row], link.layout.rows.where[row] = 0, link.layout.rows.where[link.row]
        link.losses.begin(row)
    lost = isolated(np.random.default_rng(2), 300 * len(rows), 0.05).reshape(len(rows), 300)
    for second in range(300):
        _, indices = link.judge.take(np.array(rows), second * SECOND, WALL + second * SECOND)
        link.answer(*indices[~lost[:, second]].tolist(), at=second * SECOND + RTT)
        link.pass_time(second * SECOND + 900 * MS)
        link.losses.take_changes()
    link.pass_time(310 * SECOND)
    link.losses.take_changes()
    assert link.losses.snapshots(np.array(rows)) == all_in_order(lost)

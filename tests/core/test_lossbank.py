"""Many lines at once: the same as one by one; and over a restart."""

import math
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.loss import DAY_ECHOES, WEEK_ECHOES, LossChange, LossWatch
from agent.core.lossbank import LossBank
from tests.core.lines import Lost, bursty, isolated

INTERVALS = (0.1, 1.0, 1.0, 10.0)


def everything(bank: LossBank, lines: Lost, known: Lost, outages: Lost) -> dict[int, list[LossChange]]:
    """Fold the echoes of all lines, bool[lines, echoes]; return the changes by line."""
    found: dict[int, list[LossChange]] = {}
    for at in range(lines.shape[1]):
        rows = known[:, at].nonzero()[0]
        changes: list[LossChange | None] = [*bank.fold(rows, lines[rows, at], np.full(len(rows), at))]
        changes += map(bank.take_back, outages[:, at].nonzero()[0].tolist())
        for change in changes:
            if change is not None:
                found.setdefault(change.row, []).append(change)
    return found


def one_by_one(watch: LossWatch, line: Lost, known: Lost, outages: Lost, row: int) -> list[LossChange]:
    """Push the echoes of one line."""
    changes = []
    for at, (echo, told, outage) in enumerate(zip(line.tolist(), known.tolist(), outages.tolist(), strict=True)):
        changes.append(watch.push(echo if told else None, at))
        if outage:
            changes.append(watch.take_back())
    return [replace(change, row=row) for change in changes if change is not None]


def line_of_moods(chance: np.random.Generator, echoes: int) -> Lost:
    """Return a line that is well, bad or gone by turns."""
    parts: list[Lost] = []
    while sum(map(len, parts)) < echoes:
        span = int(chance.integers(5, 900))
        parts.append(
            [
                np.zeros(span, bool),
                np.ones(int(chance.integers(5, 120)), bool),
                bursty(chance, span, 0.005, float(chance.integers(2, 20))),
                isolated(chance, span, float(chance.choice([0.001, 0.01, 0.05, 0.2, 0.6]))),
            ][int(chance.integers(0, 4))]
        )
    return np.concatenate(parts)[:echoes]


@pytest.mark.parametrize("seed", range(3))
def test_a_bank_finds_what_one_by_one_finds(seed: int) -> None:
    chance = np.random.default_rng(seed)
    lines = np.stack([line_of_moods(chance, 2500) for _ in range(40)])
    known = chance.random(lines.shape) > 0.02
    outages = chance.random(lines.shape) < 0.05
    bank = LossBank(len(lines))
    watches = []
    for row in range(len(lines)):
        interval = INTERVALS[row % len(INTERVALS)]
        bank.begin(row, interval)
        watches.append(LossWatch(interval))
    found = everything(bank, lines, known, outages)
    rules = set()
    for row, watch in enumerate(watches):
        expected = one_by_one(watch, lines[row], known[row], outages[row], row)
        assert found.get(row, []) == expected
        assert bank.usual_ratio(row) == watch.usual_ratio
        rules |= {(change.rule.split("_")[0], change.over) for change in expected}
    assert rules == {("onset", False), ("onset", True), ("run", False), ("run", True)}


def known(hours: int = 1) -> LossBank:
    """Return a bank with one line, of which so much is known: that it loses nothing."""
    bank = LossBank(1)
    bank.resume(0, head(echoes=3600.0 * hours))
    return bank


def head(*, version: int = 1, echoes: float = 0.0, lost: float = 0.0, onsets: float = 0.0, bursts: float = 10.0,
         bursts_lost: float = 30.0, alarm: int = -1) -> bytes:  # fmt: skip
    """Return a snapshot without an alarm, by hand."""
    return struct.pack("<B5db", version, echoes, lost, onsets, bursts, bursts_lost, alarm)


def lasting(*, stage: tuple[int, int, int] = (9, 2, 2), clean: float = 1.5,
            clean_stage: tuple[int, int, int] = (5, 2, 2)) -> bytes:  # fmt: skip
    """Return what a snapshot with an alarm has beside."""
    return struct.pack("<q3qdq3q", 7, *stage, clean, 12, *clean_stage)


def push(bank: LossBank, text: str, begin: int = 0) -> list[LossChange]:
    """Fold the echoes of the first line, `.` answered and `x` lost."""
    found: list[LossChange] = []
    for at, mark in enumerate(text, begin):
        found += bank.fold(np.array([0]), np.array([mark == "x"]), np.array([at]))
    return found


def test_what_is_learnt_outlasts_a_restart() -> None:
    bank = known()
    push(bank, "x" + "." * 1000)
    after = LossBank(3)
    after.resume(2, bank.snapshot(0))
    assert len(bank.snapshot(0)) == 42
    assert after.usual_ratio(2) == bank.usual_ratio(0) == 1 / 4601
    assert after.usual_ratio(0) is None
    assert after.snapshots(np.array([2, 0])) == [bank.snapshot(0), LossBank(1).snapshot(0)]


def test_an_alarm_outlasts_a_restart_and_ends_as_it_would_have() -> None:
    bank = known()
    (begun,) = push(bank, "x.....x")
    push(bank, "...x" + "." * 100, 7)
    after = LossBank(1)
    after.resume(0, bank.snapshot(0))
    assert after.lasting(0) == bank.lasting(0) == LossChange(0, 3, 111, 0.0, begun.rule)
    assert len(bank.snapshot(0)) == 114
    (over,) = push(bank, "." * 2000, 111)
    assert push(after, "." * 2000, 111) == [over]
    assert after.lasting(0) is None


def test_an_alarm_that_has_just_begun_ends_after_a_restart_too() -> None:
    bank, after = known(), LossBank(1)
    push(bank, "x.....x")
    after.resume(0, bank.snapshot(0))
    (over,) = push(after, "." * 2000, 50)
    assert (over.since, over.lost, over.echoes) == (50, 2, 7)


def test_an_outage_does_not_outlast_a_restart() -> None:
    bank, after = known(), LossBank(1)
    (outage,) = push(bank, "x" * 30)
    assert outage.of_run
    after.resume(0, bank.snapshot(0))
    assert after.lasting(0) is None
    assert after.usual_ratio(0) == 0


@pytest.mark.parametrize("echoes", [0.0, 2.5 * WEEK_ECHOES])
def test_what_lasts_long_is_usual(echoes: float) -> None:
    bank = LossBank(1)
    span = int(max(DAY_ECHOES, min(echoes, WEEK_ECHOES)))
    bank.resume(0, head(echoes=echoes, alarm=1) + lasting(stage=(span - 3, 900, 900)))
    (usual,) = push(bank, "...", 5)
    assert (usual.rule, usual.since, usual.over) == ("usual_now", 7, True)
    assert bank.usual_ratio(0) == pytest.approx(900 / span)


def test_what_was_learnt_long_ago_counts_less() -> None:
    bank = LossBank(1)
    bank.resume(0, head(echoes=2.5 * WEEK_ECHOES, lost=100, onsets=40, bursts=199.0, bursts_lost=500.0))
    push(bank, "xx" + "." * 700 + "x" + "." * 700)
    assert bank.usual_ratio(0) == pytest.approx(103 / 2.5 / WEEK_ECHOES, rel=0.1)
    assert struct.unpack("<B5db", bank.snapshot(0))[1] < WEEK_ECHOES
    assert struct.unpack("<B5db", bank.snapshot(0))[4] == 100.5


GOOD = head(echoes=5000.0)


@pytest.mark.parametrize(
    ("snapshot", "reason"),
    [
        (b"", "expected version 1, got -"),
        (b"\x02" + GOOD[1:], "expected version 1, got 02"),
        (GOOD[:-1], "expected 42 or 114 octets, got 41"),
        (GOOD + b"\0", "got 43"),
        (head(echoes=math.nan), "counts contradict"),
        (head(echoes=math.inf), "counts contradict"),
        (head(echoes=-1.0), "counts contradict"),
        (head(echoes=5.0, lost=6.0), "counts contradict"),
        (head(echoes=5.0, lost=2.0, onsets=3.0), "counts contradict"),
        (head(bursts=3.0), "counts contradict"),
        (head(bursts=201.0, bursts_lost=400.0), "counts contradict"),
        (head(bursts=31.0), "counts contradict"),
        (head(bursts_lost=math.nan), "counts contradict"),
        (head(alarm=1), "counts contradict"),
        (head(alarm=3) + lasting(), "counts contradict"),
        (head(alarm=-1) + lasting(), "counts contradict"),
        (head(alarm=0) + lasting(stage=(0, 0, 0)), "alarm contradicts"),
        (head(alarm=0) + lasting(stage=(3, 4, 1)), "alarm contradicts"),
        (head(alarm=0) + lasting(stage=(1 << 60, 4, 1)), "alarm contradicts"),
        (head(alarm=0) + lasting(clean=math.nan), "alarm contradicts"),
        (head(alarm=0) + lasting(clean=-1.0), "alarm contradicts"),
        (head(alarm=0) + lasting(clean_stage=(0, 0, 0)), "alarm contradicts"),
        (head(alarm=0) + lasting(clean_stage=(5, 2, -1)), "alarm contradicts"),
    ],
)
def test_what_is_no_snapshot_is_refused_and_changes_nothing(snapshot: bytes, reason: str) -> None:
    bank = known(2)
    before = bank.snapshot(0)
    with pytest.raises(ValueError, match=f"^snapshot of a loss detector: .*{reason}"):
        bank.resume(0, snapshot)
    assert bank.snapshot(0) == before


@given(st.binary(max_size=130), st.sampled_from([b"", b"\x01", GOOD, head(alarm=0) + lasting()]))
@settings(max_examples=200, deadline=None)
def test_any_octets_are_refused_or_can_be_gone_on_with(octets: bytes, begin: bytes) -> None:
    bank = LossBank(1)
    snapshot = begin[: max(0, len(begin) - len(octets))] + octets
    try:
        bank.resume(0, snapshot)
    except ValueError:
        return
    push(bank, "x...x" + "." * 50)
    bank.resume(0, bank.snapshot(0))


def test_a_bank_that_grows_keeps_what_it_knows() -> None:
    bank = known()
    push(bank, "x..")
    bank.grow(5)
    assert bank.size == 5
    (begun,) = push(bank, "...x", 3)
    assert (begun.row, begun.since) == (0, 0)
    bank.begin(0, 1.0)
    assert (bank.usual_ratio(0), bank.lasting(0)) == (None, None)


def test_whether_the_last_echo_was_lost() -> None:
    bank = known()
    for text, lost in ((".", False), ("x", True), ("x", True), (".", False)):
        push(bank, text)
        assert bank.in_a_run(0) is lost

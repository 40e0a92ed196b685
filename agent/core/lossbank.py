"""The rules of `agent.core.loss` for many lines at once, in arrays: one call takes an echo each of any of them.

A line whose last echo was answered and about which nothing is suspicious costs one addition. Time is a stamp that comes
with each echo; nothing here reads a clock.
"""

import math
import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agent.core.loss import (
    BURSTS_MAX,
    DAY_ECHOES,
    END_THRESHOLD,
    LEAST_RISE,
    LOG_RATE,
    LOG_REST,
    NO_ALARM,
    ONSET_RATES,
    PRIOR_BURST,
    PRIOR_BURSTS,
    PRIOR_ECHOES,
    PRIOR_ONSETS,
    RATE_MAX,
    RATES,
    RUN,
    RUN_MAX,
    SURPRISED_BURSTS,
    TAKEN_BACK,
    THRESHOLDS,
    USUAL_MAX,
    USUAL_MIN,
    USUAL_NOW,
    WEEK_ECHOES,
    LossChange,
    further,
    rule_name,
    run_scale,
)

_RATES: Final = np.array(RATES)
_LOG_RATE: Final = np.array(LOG_RATE)
_LOG_REST: Final = np.array(LOG_REST)
_ONSET_RATES: Final = np.array(ONSET_RATES)
_THRESHOLDS: Final = np.array(THRESHOLDS)
_SUMS: Final = len(ONSET_RATES)
_VERSION: Final = 1
_LEARNT: Final = np.dtype([("version", "u1"), ("learnt", "<f8", 5), ("alarm", "i1")])
_LASTING: Final = struct.Struct(
    "<q3qdq3q"
)  # of an alarm: began, counts, the sum that ends it, since, counts until then
_MOST: Final = 1 << 53  # whole numbers are exact up to here

_COUNTS: Final = (np.int64, (3,))
# What losses in a row change is kept until it is known whether they are an outage.
_OF_A_RUN: Final[dict[str, tuple[type[np.generic], tuple[int, ...]]]] = {
    "calm": (np.bool_, ()), "alarm": (np.int8, ()), "stage": _COUNTS, "sought": (np.int64, (_SUMS,)),
    "sums": (np.float64, (_SUMS,)), "sums_since": (np.int64, (_SUMS,)), "sums_stage": (np.int64, (_SUMS, 3)),
    "clean_stage": _COUNTS,
    **dict.fromkeys(("run_limit", "began", "usual", "clean_since"), (np.int64, ())),
    **dict.fromkeys(("bursts", "bursts_lost", "clean"), (np.float64, ())),
}  # fmt: skip
_COLUMNS: Final[dict[str, tuple[type[np.generic], tuple[int, ...]]]] = {
    **dict.fromkeys(("run", "run_since"), (np.int64, ())),
    **dict.fromkeys(("run_scale", "further", "echoes", "lost", "onsets"), (np.float64, ())),
}

Rows = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class LossBank:
    """Lines by row, each with one echo a second as long as `begin` says nothing else."""

    _calm: Bools
    _run: Whole
    _run_since: Whole
    _run_limit: Whole
    _run_scale: Floats
    _further: Floats
    _echoes: Floats
    _lost: Floats
    _onsets: Floats
    _bursts: Floats
    _bursts_lost: Floats
    _alarm: npt.NDArray[np.int8]
    _began: Whole
    _stage: Whole
    _usual: Whole
    _sought: Whole
    _sums: Floats
    _sums_since: Whole
    _sums_stage: Whole
    _clean: Floats
    _clean_since: Whole
    _clean_stage: Whole

    def __init__(self, size: int = 0) -> None:
        """Make room for so many lines."""
        self._size = 0
        self._before: dict[str, npt.NDArray[Any]] = {}  # of each line, before the first loss of its present run
        self.grow(size)

    def grow(self, size: int) -> None:
        """Make room for more lines; those that are there stay."""
        for name, (kind, shape) in (_COLUMNS | _OF_A_RUN).items():
            setattr(self, f"_{name}", self._wider(getattr(self, f"_{name}", None), size, kind, shape))
        for name, (kind, shape) in _OF_A_RUN.items():
            self._before[name] = self._wider(self._before.get(name), size, kind, shape)
        fresh = np.arange(self._size, size)
        self._size = size
        self._begin_anew(fresh, 1.0)

    def _wider(
        self, column: npt.NDArray[Any] | None, size: int, kind: type[np.generic], shape: tuple[int, ...]
    ) -> npt.NDArray[Any]:
        wider = np.zeros((size, *shape), kind)
        if column is not None:
            wider[: self._size] = column
        return wider

    @property
    def size(self) -> int:
        """How many lines there is room for."""
        return self._size

    def begin(self, row: int, interval_seconds: float) -> None:
        """Know nothing of a line.

        Args:
            row: which.
            interval_seconds: spacing of its echoes.
        """
        self._begin_anew(np.array([row]), interval_seconds)

    def usual_ratio(self, row: int) -> float | None:
        """Return the lost echoes of all, as learnt; None before anything is."""
        echoes = float(self._echoes[row])
        return float(self._lost[row]) / echoes if echoes else None

    def lasting(self, row: int) -> LossChange | None:
        """Return the alarm that lasts, with the counts of now, as if it began; None where there is none."""
        return self._tell(np.array([row]))[0] if self._alarm[row] != NO_ALARM else None

    def fold(self, rows: Rows, lost: Bools, at: Whole) -> Sequence[LossChange]:
        """Take one echo each of some lines; echoes whose outcome is unknown are left out.

        Args:
            rows: each once at most.
            lost: whether it was.
            at: its stamp.

        Returns:
            Alarms that began or are over, in no order.
        """
        quiet = self._calm[rows] & ~lost
        if quiet.all():
            self._echoes[rows] += 1.0
            return ()
        self._echoes[rows[quiet]] += 1.0
        return self._weigh(rows[~quiet], lost[~quiet], at[~quiet])

    def in_a_run(self, row: int) -> bool:
        """Return whether the last echo of a line was lost."""
        return bool(self._run[row])

    def take_back(self, row: int) -> LossChange | None:
        """Make a line's present run of losses no evidence: it is an outage. As `LossWatch.take_back`."""
        if not self._run[row]:
            return None
        rows, alarm = np.array([row]), self._alarm[row]
        told = self._tell(rows, since=self._run_since[rows], over=True) if alarm != NO_ALARM else [None]
        for name, before in self._before.items():
            getattr(self, f"_{name}")[row] = before[row]
        if self._calm[row]:
            self._suspect(rows)
        self._run[row] = TAKEN_BACK
        return told[0] if self._alarm[row] != alarm else None

    # ------------------------------------------------------------------ what is not quiet

    def _begin_anew(self, rows: Rows, interval_seconds: float) -> None:
        self._further[rows], self._run_scale[rows] = further(interval_seconds), run_scale(interval_seconds)
        self._echoes[rows] = self._lost[rows] = self._onsets[rows] = 0.0
        self._bursts[rows], self._bursts_lost[rows] = PRIOR_BURSTS, PRIOR_BURSTS * PRIOR_BURST
        self._run[rows] = 0
        self._calm_down(rows)

    def _weigh(self, rows: Rows, lost: Bools, at: Whole) -> list[LossChange]:
        before = self._run[rows]
        fresh = before == 0
        onset = lost & fresh
        if onset.any():
            self._begin_runs(rows[onset], at[onset])
        if (calm := self._calm[rows]).any():
            self._suspect(rows[calm])
        run = (before + 1) * lost
        self._run[rows] = run
        alarm = self._alarm[rows]
        listening = (alarm == NO_ALARM) | (alarm == RUN)
        sums = self._add(rows, lost, at, listening & fresh)
        counted = run <= self._run_limit[rows]
        stage = self._stage[rows]
        stage += np.stack((counted, counted & lost, onset), axis=1)
        self._stage[rows] = stage
        marked = ~lost & ~fresh & (self._clean[rows] == 0)
        self._clean_since[rows[marked]] = at[marked]
        self._clean_stage[rows[marked]] = stage[marked] - (1, 0, 0)
        beyond = sums - _THRESHOLDS
        crossing = listening & (beyond.max(axis=1) >= self._further[rows])
        changes: list[LossChange] = []
        if crossing.any():
            changes += self._begin(rows[crossing], beyond[crossing].argmax(axis=1))
        free = (alarm == NO_ALARM) & ~crossing
        out = free & (run == self._run_limit[rows])
        if out.any():
            changes += self._run_out(rows[out])
        over = free & ~lost & (sums == 0).all(axis=1)
        if over.any():
            self._learn(rows[over])
            self._calm[rows[over]] = True
        last = (alarm != NO_ALARM) & ~crossing
        if last.any():
            changes += self._last(rows[last], lost[last], fresh[last], at[last])
        return changes

    def _begin_runs(self, rows: Rows, at: Whole) -> None:
        for name, kept in self._before.items():
            kept[rows] = getattr(self, f"_{name}")[rows]
        self._run_since[rows] = at

    def _suspect(self, rows: Rows) -> None:
        echoes, lost, onsets = self._echoes[rows], self._lost[rows], self._onsets[rows]
        usual = (PRIOR_ONSETS + onsets) / (PRIOR_ECHOES + echoes - lost)
        q = np.searchsorted(_RATES, np.minimum(np.maximum(usual, USUAL_MIN), USUAL_MAX))
        self._usual[rows] = q
        least = LEAST_RISE * _RATES[q]
        self._sought[rows] = np.searchsorted(_RATES, np.maximum(_ONSET_RATES, least[:, np.newaxis]))
        ends = np.searchsorted(_RATES, np.minimum(self._bursts[rows] / self._bursts_lost[rows], 1 / PRIOR_BURST))
        length = (_LOG_RATE[q] + self._run_scale[rows]) / -_LOG_REST[ends]
        self._run_limit[rows] = np.minimum(1 + np.ceil(length), RUN_MAX)
        self._calm[rows], self._stage[rows], self._clean[rows] = False, 0, 0.0

    def _add(self, rows: Rows, lost: Bools, at: Whole, evidence: Bools) -> Floats:
        """Add echoes to the sums; return all sums of all these rows."""
        sums = self._sums[rows]
        some = evidence.nonzero()[0]
        if not len(some):
            return sums
        of, q, p = rows[some], self._usual[rows[some]][:, np.newaxis], self._sought[rows[some]]
        before, bad = sums[some], lost[some][:, np.newaxis]
        which, number = (bad & (before == 0)).nonzero()
        self._sums_since[of[which], number] = at[some][which]
        self._sums_stage[of[which], number] = self._stage[of[which]]
        weights = np.where(bad, _LOG_RATE[p] - _LOG_RATE[q], _LOG_REST[p] - _LOG_REST[q])
        sums[some] = np.maximum(0.0, before + weights)
        self._sums[of] = sums[some]
        return sums

    def _begin(self, rows: Rows, numbers: Rows) -> list[LossChange]:
        self._alarm[rows], self._began[rows] = numbers, self._sums_since[rows, numbers]
        self._stage[rows] -= self._sums_stage[rows, numbers]
        self._clean[rows] = 0.0
        return self._tell(rows)

    def _run_out(self, rows: Rows) -> list[LossChange]:
        limit = self._run_limit[rows]
        self._alarm[rows], self._began[rows] = RUN, self._run_since[rows]
        self._stage[rows] = np.stack((limit, limit, np.ones_like(limit)), axis=1)
        self._bursts_lost[rows] = self._bursts_lost[rows] * (SURPRISED_BURSTS / self._bursts[rows]) + limit
        self._bursts[rows] = SURPRISED_BURSTS + 1
        self._sums[rows] = 0.0
        return self._tell(rows)

    def _last(self, rows: Rows, lost: Bools, fresh: Bools, at: Whole) -> list[LossChange]:
        of_run = self._alarm[rows] == RUN
        echoes, losses, onsets = self._stage[rows].T
        found = onsets / np.maximum(1, echoes - losses)
        q = self._usual[rows]
        p = np.searchsorted(_RATES, np.minimum(np.maximum(found, _RATES[self._sought[rows, 0]]), RATE_MAX))
        weights = np.where(lost, _LOG_RATE[q] - _LOG_RATE[p], _LOG_REST[q] - _LOG_REST[p])
        before = self._clean[rows]
        summed = np.where(fresh, np.maximum(0.0, before + weights), before)
        clean = np.where(of_run, np.where(lost, 0.0, before + 1.0), summed)
        self._clean[rows] = clean
        ended = ~lost & (clean >= np.where(of_run, self._run_limit[rows], END_THRESHOLD + self._further[rows]))
        long_enough = echoes >= np.minimum(np.maximum(self._echoes[rows], DAY_ECHOES), WEEK_ECHOES)
        usual = ~lost & ~ended & ~of_run & long_enough & (found <= USUAL_MAX)
        changes: list[LossChange] = []
        if ended.any():
            of = rows[ended]
            changes += self._tell(of, since=self._clean_since[of], counts=self._clean_stage[of], over=True)
            self._calm_down(of)
        if usual.any():
            of = rows[usual]
            changes += self._tell(of, since=at[usual], over=True, rule=USUAL_NOW)
            self._echoes[of] = self._lost[of] = self._onsets[of] = 0.0
            self._learn(of)
            self._calm_down(of)
        return changes

    def _calm_down(self, rows: Rows) -> None:
        self._alarm[rows], self._calm[rows], self._sums[rows] = NO_ALARM, True, 0.0

    def _learn(self, rows: Rows) -> None:
        stage = self._stage[rows]
        for learnt, now in zip((self._echoes, self._lost, self._onsets), stage.T, strict=True):
            learnt[rows] += now
        self._bursts[rows] += stage[:, 2]
        self._bursts_lost[rows] += stage[:, 1]
        while len(many := rows[self._echoes[rows] > WEEK_ECHOES]):
            for learnt in (self._echoes, self._lost, self._onsets):
                learnt[many] /= 2
        while len(many := rows[self._bursts[rows] > BURSTS_MAX]):
            self._bursts[many] /= 2
            self._bursts_lost[many] /= 2

    def _tell(
        self, rows: Rows, *, since: Whole | None = None, counts: Whole | None = None, over: bool = False, rule: str = ""
    ) -> list[LossChange]:
        since = self._began[rows] if since is None else since
        counts = self._stage[rows] if counts is None else counts
        return [
            LossChange(
                stamp, lost, echoes, self.usual_ratio(row) or 0.0, rule or rule_name(alarm, limit), over, row
            )
            for row, stamp, (echoes, lost, _), alarm, limit in zip(
                rows.tolist(), since.tolist(), counts.tolist(), self._alarm[rows].tolist(),
                self._run_limit[rows].tolist(), strict=True,
            )
        ]  # fmt: skip

    # ------------------------------------------------------------------ over a restart

    def snapshot(self, row: int) -> bytes:
        """Return what is to be known of a line after a restart: what is learnt, and an alarm that lasts.

        Suspicions are worth a few minutes and are left out; and so is an alarm of the run rule, which is an outage.
        """
        return self.snapshots(np.array([row]))[0]

    def snapshots(self, rows: Rows) -> list[bytes]:
        """Return the snapshots of some lines."""
        heads = np.zeros(len(rows), _LEARNT)
        alarms = self._alarm[rows]
        alarms[alarms == RUN] = NO_ALARM
        heads["version"], heads["alarm"] = _VERSION, alarms
        for place, column in enumerate((self._echoes, self._lost, self._onsets, self._bursts, self._bursts_lost)):
            heads["learnt"][:, place] = column[rows]
        octets, size = heads.tobytes(), _LEARNT.itemsize
        found = [octets[begin : begin + size] for begin in range(0, len(octets), size)]
        for place in (alarms != NO_ALARM).nonzero()[0].tolist():
            row = rows[place]
            found[place] += _LASTING.pack(
                self._began[row], *self._stage[row], self._clean[row], self._clean_since[row], *self._clean_stage[row]
            )
        return found

    def resume(self, row: int, snapshot: bytes) -> None:
        """Go on where a snapshot was taken; the row must have been begun.

        Raises:
            ValueError: it is none, or of another version; the row is as it was.
        """
        if not snapshot or snapshot[0] != _VERSION:
            raise ValueError(
                f"snapshot of a loss detector: expected version {_VERSION}, got {snapshot[:1].hex() or '-'}"
            )
        size, longer = _LEARNT.itemsize, _LEARNT.itemsize + _LASTING.size
        if len(snapshot) not in (size, longer):
            raise ValueError(f"snapshot of a loss detector: expected {size} or {longer} octets, got {len(snapshot)}")
        head = np.frombuffer(snapshot, _LEARNT, 1)[0]
        (echoes, lost, onsets, bursts, bursts_lost), alarm = head["learnt"].tolist(), int(head["alarm"])
        lasts = len(snapshot) > size
        # written so that a NaN fails, too
        good = 0 <= onsets <= lost <= echoes <= _MOST
        good &= SURPRISED_BURSTS <= bursts <= BURSTS_MAX and bursts <= bursts_lost <= _MOST
        if not good or (not 0 <= alarm < RUN if lasts else alarm != NO_ALARM):
            raise ValueError("snapshot of a loss detector: its counts contradict one another")
        if lasts:
            began, *stage, clean, clean_since, clean_echoes, clean_lost, clean_onsets = _LASTING.unpack_from(
                snapshot, size
            )
            parts = (stage, (clean_echoes, clean_lost, clean_onsets))
            sound = all(0 <= part[2] <= part[1] <= part[0] <= _MOST for part in parts) and stage[0] > 0
            if not sound or not 0 <= clean < math.inf or (clean > 0 and not clean_echoes):
                raise ValueError("snapshot of a loss detector: its alarm contradicts itself")
        self._echoes[row], self._lost[row], self._onsets[row] = echoes, lost, onsets
        self._bursts[row], self._bursts_lost[row] = bursts, bursts_lost
        self._calm_down(np.array([row]))
        self._run[row] = 0
        if lasts:
            self._suspect(np.array([row]))
            self._alarm[row], self._began[row], self._stage[row] = alarm, began, stage
            self._clean[row], self._clean_since[row] = clean, clean_since
            self._clean_stage[row] = clean_echoes, clean_lost, clean_onsets
            # what comes next is no evidence; and where nothing was clean yet, its first answer is where that begins
            self._run[row] = 1

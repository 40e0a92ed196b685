"""Whether a line loses more echoes than it used to: found echo by echo, in order of departure.

The detectors are one-sided CUSUMs (E. S. Page, Continuous Inspection Schemes, Biometrika 41, 1954) over *onsets*: an
echo counts as evidence only where the echo before it was not lost, so that a burst counts once and losses that come
in bursts (G. Hasslinger and O. Hohlfeld on the models of E. N. Gilbert and E. O. Elliott) do not look like many. Each
looks for one rate p1 of onsets, against the rate q0 that was learnt of this line:

    S <- max(0, S + ln(p1 / q0)) on a loss, max(0, S + ln((1 - p1) / (1 - q0))) otherwise; alarm at S >= threshold

A line that loses everything has one onset and no more: beside them a run rule counts losses in a row. "Lost" is RFC
6673's: no reply within the timeout. Echoes whose outcome is unknown are no evidence, and neither count nor break a run.

*What is learnt* is the number of echoes, of losses and of onsets while nothing is suspicious: what is seen while a sum
stands above 0 is learnt when it is back at 0, and never when an alarm comes of it. While an alarm lasts nothing is
learnt. A run that reaches its limit is an outage, and outages are for the state `down` to tell: the sums begin anew
after it, its further losses count into no ratio, and all that is learnt of it is that bursts may be as long as that.

*A run that proved to be an outage is taken back*: who made sure of it says so, and all is as it was before its first
loss. The outage has been told, and an hour in which a line was cut ten times shows no more of them than that.

*An alarm ends* when the other hypothesis wins by the same margin: a sum that looks from the rate that was found down
to q0, with the same threshold. So a short alarm on little evidence lasts longer than its evidence, and one of five per
cent ends after some three clean minutes. What lasts as long as what was learnt before (at least a day, at most a week
of echoes) is the new usual, unless no line should be used to it. An alarm of the run rule ends after as many answers
in a row as there had to be losses.

`LossWatch` is this for one series; `agent.core.lossbank` does the same for many at once.
"""

import math
from bisect import bisect_left
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# Rates that are looked for. Between two of them the nearer one is nearly as fast as one made for it would be.
ONSET_RATES: Final = (0.005, 0.02, 0.1)
# What their sums must reach, at one echo a second. By simulation, for one false alarm in a week of echoes at the most,
# all rules together, on a line that loses one in a thousand in bursts of three (tests/bench/bench_loss.py). With one
# threshold for all that would be 10.28. Three false alarms of four are two bursts within ten seconds, found by the
# last; with it a little higher and the second lower, two per cent are found sooner, and nothing later.
THRESHOLDS: Final = (10.28, 9.65, 10.35)
# And of the sum that ends an alarm: there is only one, and no line is to be well for a moment once a week.
END_THRESHOLD: Final = 10.28
# No rate below twice the usual one is looked for: the difference would be of use to nobody, and is hardly to be told
# from an error of what was learnt.
LEAST_RISE: Final = 2.0
# Below this nothing better is learnt of a line: the threshold was set for it, and with less two losses within half a
# minute on a line that never lost any would be an alarm.
USUAL_MIN: Final = 1 / 3000
# Above this nothing is usual. A line that loses in every twentieth place is never as it should be, and goes on being
# told of.
USUAL_MAX: Final = 0.05
# What is believed of a line before it is known: one onset in two thousand echoes, more than a good line has. A clean
# one is known to be better after half an hour, and meanwhile two losses of a bad one are no alarm.
PRIOR_ECHOES: Final = 1000.0
PRIOR_ONSETS: Final = 0.5
# And of its bursts: three long, until ten have been seen. Losses that come one by one say nothing of the longest ones
# to come, so that no shorter bursts than these are assumed.
PRIOR_BURSTS: Final = 10.0
PRIOR_BURST: Final = 3.0
# How many bursts are remembered; and how many of them are after a run has reached its limit. If that was an outage, a
# few bursts later all is as before; if bursts have become longer, the limit follows at once.
BURSTS_MAX: Final = 200.0
SURPRISED_BURSTS: Final = 4.0
DAY_ECHOES: Final = 86_400.0  # of one a second
# What was learnt counts for a week of echoes: working days, nights and the weekend. Beyond, all of it counts half.
WEEK_ECHOES: Final = 7 * DAY_ECHOES
# Runs that reach their limit without an outage, in a week: the share of one false alarm that the sums leave.
RUNS_A_WEEK: Final = 0.31
RUN_MAX: Final = 300  # five minutes of one echo a second without one answer are no burst of anything
RATE_MAX: Final = 0.5  # the rate that an alarm found, as far as its end is concerned

# Rates and their logarithms, in steps of two per cent: looked up, so that all who count come to the same digits.
_STEP: Final = 1.02
_LEVELS: Final = math.ceil(math.log(RATE_MAX / USUAL_MIN, _STEP)) + 1
RATES: Final = tuple(min(USUAL_MIN * _STEP**level, RATE_MAX) for level in range(_LEVELS))
LOG_RATE: Final = tuple(map(math.log, RATES))
LOG_REST: Final = tuple(math.log1p(-rate) for rate in RATES)

NO_ALARM: Final = -1  # else the number of the rate that found it, or
RUN: Final = len(ONSET_RATES)
USUAL_NOW: Final = "usual_now"
_RUN_OF: Final = "run_of_"
_NO_COUNTS: Final = (0, 0, 0)
TAKEN_BACK: Final = RUN_MAX + 1  # losses in a row of which no more is to be said


@dataclass(frozen=True, slots=True)
class LossChange:
    """An alarm began, or is over. One that begins while another lasts takes its place.

    Attributes:
        since: stamp of the echo with which it began; once `over`, of the first one after it.
        lost, echoes: of those since it began; once `over`, of those until then.
        usual_ratio: what was learnt before; 0 where nothing was.
        rule: `onset_cusum_2%`, `run_of_17`; of one that is over, too, or `usual_now`: it is what is usual from now on.
        row: of a bank.
    """

    since: int
    lost: int
    echoes: int
    usual_ratio: float
    rule: str
    over: bool = False
    row: int = 0

    @property
    def ratio(self) -> float:
        """Lost echoes of all."""
        return self.lost / self.echoes

    @property
    def of_run(self) -> bool:
        """Whether losses in a row were what was found."""
        return self.rule.startswith(_RUN_OF)


def further(interval_seconds: float) -> float:
    """Return what sums must reach beyond their thresholds: more where there are more echoes in a week.

    The mean time between false alarms grows as e^threshold (G. Lorden, Annals of Mathematical Statistics 42, 1971).
    Where there are fewer it stays: they are the many devices with an echo now and then, and nobody waits for those.
    """
    return max(0.0, -math.log(interval_seconds))


def run_scale(interval_seconds: float) -> float:
    """Return ln(echoes in a week / runs that may reach their limit in a week)."""
    return math.log(WEEK_ECHOES / interval_seconds / RUNS_A_WEEK)


def rule_name(alarm: int, run_limit: int) -> str:
    """Return the name of the rule behind an alarm."""
    return f"{_RUN_OF}{run_limit}" if alarm == RUN else f"onset_cusum_{100 * ONSET_RATES[alarm]:g}%"


class LossWatch:
    """One series of echoes."""

    def __init__(self, interval_seconds: float = 1.0) -> None:
        """Know nothing of the line.

        Args:
            interval_seconds: spacing of echoes.
        """
        self._further = further(interval_seconds)
        self._run_scale = run_scale(interval_seconds)
        self._learnt = (0.0, 0.0, 0.0)  # echoes, lost ones, onsets
        self._bursts = (PRIOR_BURSTS, PRIOR_BURSTS * PRIOR_BURST)  # how many, and how many echoes were lost in them
        self._calm = True  # nothing is suspicious, and the last echo was answered
        self._run = 0  # losses in a row
        self._run_since = 0
        self._alarm = NO_ALARM
        self._began = 0
        self._stage = _NO_COUNTS  # as `_learnt`, since it was calm; in an alarm, since that began
        self._usual = 0  # level of q0, while it is not calm
        self._sought = (0, 0, 0)  # levels of what is looked for
        self._run_limit = 0
        self._sums = [0.0, 0.0, 0.0]
        self._sums_since = [0, 0, 0]  # the echo with which each began to grow
        self._sums_stage = [_NO_COUNTS, _NO_COUNTS, _NO_COUNTS]  # and what had been counted before it
        self._clean = 0.0  # the sum that ends an alarm; in one of the run rule, answers in a row
        self._clean_since = 0
        self._clean_stage = _NO_COUNTS
        self._before: Mapping[str, Any] = {}  # all of this, before the first loss of the present run

    @property
    def usual_ratio(self) -> float | None:
        """Lost echoes of all, as learnt; None before anything is."""
        echoes, lost, _ = self._learnt
        return lost / echoes if echoes else None

    def push(self, lost: bool | None, at: int) -> LossChange | None:
        """Take the next echo.

        Args:
            lost: None where that is unknown.
            at: its stamp, whatever it counts.
        """
        if lost is None:
            return None
        fresh = not self._run
        if lost and fresh:
            self._before = {name: copy(value) for name, value in vars(self).items() if name != "_before"}
        if self._calm:
            if not lost:
                self._learnt = (self._learnt[0] + 1.0, *self._learnt[1:])
                return None
            self._suspect()
        self._run = self._run + 1 if lost else 0
        if lost and fresh:
            self._run_since = at
        if fresh and self._alarm in (NO_ALARM, RUN):
            self._add(at, lost=lost)
        if self._run <= self._run_limit:
            echoes, losses, onsets = self._stage
            self._stage = (echoes + 1, losses + lost, onsets + (lost and fresh))
        if not lost and not fresh and not self._clean:
            self._clean_since, self._clean_stage = at, (self._stage[0] - 1, *self._stage[1:])
        if self._alarm in (NO_ALARM, RUN):
            beyond = [now - enough for now, enough in zip(self._sums, THRESHOLDS, strict=True)]
            highest = max(beyond)
            if highest >= self._further:
                return self._begin(beyond.index(highest))
            if self._alarm == NO_ALARM:
                return self._doubt(lost=lost)
        return self._last(at, lost=lost, fresh=fresh)

    def take_back(self) -> LossChange | None:
        """Make the present run of losses no evidence, neither what it did nor what is to come of it: it is an outage.

        Returns:
            The end of an alarm that would not have begun without it.
        """
        if not self._run:
            return None
        now = self._tell(self._run_since, *self._stage[1::-1], over=True) if self._alarm != NO_ALARM else None
        alarm = self._alarm
        vars(self).update({name: copy(value) for name, value in self._before.items()})
        if self._calm:
            self._suspect()
        self._run = TAKEN_BACK
        return now if self._alarm != alarm else None

    def _suspect(self) -> None:
        """Fix what is usual, for as long as it is not calm again."""
        echoes, lost, onsets = self._learnt
        usual = (PRIOR_ONSETS + onsets) / (PRIOR_ECHOES + echoes - lost)
        self._usual = q = bisect_left(RATES, min(max(usual, USUAL_MIN), USUAL_MAX))
        first, second, third = (bisect_left(RATES, max(rate, LEAST_RISE * RATES[q])) for rate in ONSET_RATES)
        self._sought = first, second, third
        ends = min(self._bursts[0] / self._bursts[1], 1 / PRIOR_BURST)
        # bursts whose lengths are geometrically distributed: of all in a week, so many are longer than this
        length = (LOG_RATE[q] + self._run_scale) / -LOG_REST[bisect_left(RATES, ends)]
        self._run_limit = min(1 + math.ceil(length), RUN_MAX)
        self._calm, self._stage, self._clean = False, _NO_COUNTS, 0.0

    def _add(self, at: int, *, lost: bool) -> None:
        """Add an echo to the sums."""
        q = self._usual
        for number, p in enumerate(self._sought):
            before = self._sums[number]
            if lost:
                if not before:
                    self._sums_since[number], self._sums_stage[number] = at, self._stage
                self._sums[number] = before + (LOG_RATE[p] - LOG_RATE[q])
            else:
                self._sums[number] = max(0.0, before + (LOG_REST[p] - LOG_REST[q]))

    def _begin(self, number: int) -> LossChange:
        """Let one of the sums raise the alarm."""
        self._alarm, self._began = number, self._sums_since[number]
        echoes, lost, onsets = (now - then for now, then in zip(self._stage, self._sums_stage[number], strict=True))
        self._stage, self._clean = (echoes, lost, onsets), 0.0
        return self._tell(self._began, lost, echoes)

    def _doubt(self, *, lost: bool) -> LossChange | None:
        """Without an alarm: look whether this is an outage, or nothing any more."""
        if self._run == self._run_limit:
            self._alarm, self._began = RUN, self._run_since
            self._stage = (self._run, self._run, 1)
            bursts, lost_in_them = self._bursts
            self._bursts = SURPRISED_BURSTS + 1, lost_in_them * (SURPRISED_BURSTS / bursts) + self._run
            self._sums = [0.0, 0.0, 0.0]
            return self._tell(self._began, self._run, self._run)
        if not lost and not any(self._sums):
            self._learn()
            self._calm = True
        return None

    def _last(self, at: int, *, lost: bool, fresh: bool) -> LossChange | None:
        """In an alarm: look whether it is over."""
        if self._alarm == RUN:
            self._clean = 0.0 if lost else self._clean + 1.0
            return self._end() if self._clean >= self._run_limit else None
        echoes, losses, onsets = self._stage
        found = onsets / max(1, echoes - losses)
        if fresh:
            q, p = self._usual, bisect_left(RATES, min(max(found, RATES[self._sought[0]]), RATE_MAX))
            weights = LOG_RATE if lost else LOG_REST
            self._clean = max(0.0, self._clean + (weights[q] - weights[p]))
        if lost:
            return None
        if self._clean >= END_THRESHOLD + self._further:
            return self._end()
        if echoes >= min(max(self._learnt[0], DAY_ECHOES), WEEK_ECHOES) and found <= USUAL_MAX:
            change = self._tell(at, losses, echoes, over=True, rule=USUAL_NOW)
            self._learnt = (0.0, 0.0, 0.0)
            self._learn()
            self._calm_down()
            return change
        return None

    def _end(self) -> LossChange:
        echoes, lost, _ = self._clean_stage
        change = self._tell(self._clean_since, lost, echoes, over=True)
        self._calm_down()
        return change

    def _calm_down(self) -> None:
        self._alarm, self._calm, self._sums = NO_ALARM, True, [0.0, 0.0, 0.0]

    def _learn(self) -> None:
        """Take what was counted into what is usual."""
        echoes, lost, onsets = (before + now for before, now in zip(self._learnt, self._stage, strict=True))
        while echoes > WEEK_ECHOES:
            echoes, lost, onsets = echoes / 2, lost / 2, onsets / 2
        self._learnt = echoes, lost, onsets
        bursts, lost = self._bursts[0] + self._stage[2], self._bursts[1] + self._stage[1]
        while bursts > BURSTS_MAX:
            bursts, lost = bursts / 2, lost / 2
        self._bursts = bursts, lost

    def _tell(self, since: int, lost: int, echoes: int, *, over: bool = False, rule: str = "") -> LossChange:
        rule = rule or rule_name(self._alarm, self._run_limit)
        return LossChange(since, lost, echoes, self.usual_ratio or 0.0, rule, over)

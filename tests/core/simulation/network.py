"""A network with known truth, measured as engine and runner would.

Echoes leave at their spacing, bursts follow silences and questions, polls take their time and their tries, rounds are
reported late and may span a cut. What an agent sees of it goes to its desk.
"""

import heapq
import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from agent.core import delay
from agent.core.assessor import Assessor
from agent.core.model import (
    AdminStatus,
    Check,
    Echo,
    Event,
    Interface,
    Observation,
    Outcome,
    Round,
    Silence,
)
from tests.core.estates import at
from tests.core.simulation.desk import Desk, Pages
from tests.core.simulation.detectors import LAGS, troubles
from tests.core.simulation.truth import Truth

TICK = 0.05  # of the ICMP engine
TURN = 0.5  # the pipeline turns at least so often
LIMIT = 0.25  # after which an echo counts as missed
LOST = 3.0  # after which it is lost
BURST = 4
TRIES, TRY_SECONDS = 3, 2.0  # of a poll
RTTS = (0.001, 0.01, 0.05)


@dataclass
class Line:
    """One check's echoes; `lag`: how long its detectors take."""

    check: Check
    per_round: int
    rtt: float
    sent: int = 0
    rounds: list[dict[int, tuple[float, Echo]]] = field(default_factory=list)
    bursting: bool = False
    misses: int = 0
    missed_at: float = 0.0
    answered_at: float = -1.0
    silent: bool = False
    lag: float = LAGS[0]


class Simulation:
    """Runs one truth through agents that follow one another over one ledger."""

    def __init__(self, truth: Truth, seed: int) -> None:
        self.truth = truth
        self.random = random.Random(seed)
        self.desk = Desk(truth, self._ask)
        self.now = 0.0
        self._run = 0  # which agent runs; what an earlier one had under way comes to nothing
        self._agenda: list[tuple[float, int, int, int, Callable[[], None]]] = []
        self._number = itertools.count()
        self._queue: list[Silence | Observation] = []
        self._polling: set[tuple[str, str]] = set()
        self._cadence: dict[tuple[str, str], int] = {}  # which of the cadences of a check goes on
        self._lines: dict[tuple[str, str], Line] = {}
        self._rtts: dict[tuple[str, str], float] = {}
        self._turn_due = False

    @property
    def assessor(self) -> Assessor:
        """The present agent's."""
        return self.desk.assessor

    @property
    def events(self) -> list[Event]:
        """What was told, in order."""
        return self.desk.events

    @property
    def pages(self) -> dict[tuple[str, str, str], Pages]:
        """Every page that there was."""
        return self.desk.pages

    def run(self, seconds: float) -> None:
        """Let time pass."""
        for span in self.truth.stops:
            self._at(span.begin, self._stop, always=True)
            self._at(span.end, self._start, always=True)
        for span in self.truth.absent.values():
            self._at(span.begin, self._reload, always=True)
            self._at(span.end, self._reload, always=True)
        self._begin()
        while self._agenda and self._agenda[0][0] <= seconds:
            self.now, _, _, run, act = heapq.heappop(self._agenda)
            if run in (self._run, -1):
                act()
        self.desk.end(seconds)

    def _begin(self) -> None:
        self._measure({check.target for check in self.truth.estate.checks()})
        self._beat()

    def _measure(self, names: set[str]) -> None:
        """Begin to measure targets, each check at a phase of its own."""
        for check in self.truth.estate.checks():
            if check.target not in names or self.truth.is_absent(check.target, self.now):
                continue
            phase = self.random.random()
            if check.type == "icmp":
                per_round = max(1, round(10.0 / check.interval_seconds))
                key = (check.target, check.name)
                self._rtts.setdefault(key, self.random.choice(RTTS))
                line = self._lines[key] = Line(check, per_round, self._rtts[key], lag=self.random.choice(LAGS))
                first = phase * check.interval_seconds
                self._at(self.now + first, lambda line=line: self._echo(line))  # type: ignore[misc]
            elif check.source is None:
                first = phase * min(check.interval_seconds, 5.0)
                number = self._cadence[check.target, check.name] = next(self._number)
                self._at(self.now + first, lambda check=check, number=number: self._due(check, number))  # type: ignore[misc]

    def _stop(self) -> None:
        self._run += 1
        self._queue, self._lines, self._polling, self._turn_due = [], {}, set(), False

    def _start(self) -> None:
        self.desk.restart(self.now)
        self._begin()

    def _reload(self) -> None:
        if self.truth.is_stopped(self.now):
            return  # the next one begins with it
        known = set(self.assessor.estate.targets)
        self.desk.reload(self.now)
        for key in [key for key in self._lines if key[0] not in self.assessor.estate.targets]:
            del self._lines[key]
        self._measure(set(self.assessor.estate.targets) - known)

    def _at(self, second: float, act: Callable[[], None], rank: int = 0, *, always: bool = False) -> None:
        run = -1 if always else self._run
        heapq.heappush(self._agenda, (second, rank, next(self._number), run, act))

    def _is_gone(self, check: Check) -> bool:
        return check.target not in self.assessor.estate.targets

    # ------------------------------------------------------------------ echoes

    def _echo(self, line: Line) -> None:
        if self._lines.get((line.check.target, line.check.name)) is not line:
            return  # a reload took it out
        sent, place = self.now, line.sent % line.per_round
        line.sent += 1
        if place == 0:
            line.rounds.append({})
        part = line.rounds[-1]
        self._at(sent + line.check.interval_seconds, lambda: self._echo(line))
        outcome = self._fate(line, sent)
        if outcome is Echo.UNKNOWN:
            self._at(_tick(sent), lambda: self._decide(line, part, place, sent, outcome))
            return
        rtt = line.rtt + self.truth.rise_seconds(line.check.target, sent)
        if outcome is Echo.LOST or rtt > LIMIT:
            self._at(_tick(sent + LIMIT), lambda: self._miss(line, sent))
        decided = sent + (rtt if outcome is Echo.RECEIVED else LOST)
        self._at(_tick(decided), lambda: self._decide(line, part, place, sent, outcome))

    def _fate(self, line: Line, sent: float) -> Echo:
        name = line.check.target
        if self.truth.is_blind(sent):
            return Echo.UNKNOWN
        if not self.truth.carries(name, sent):
            return Echo.LOST
        ratio = self.truth.loss_ratio(name, sent)
        return Echo.LOST if ratio and self.random.random() < ratio else Echo.RECEIVED

    def _miss(self, line: Line, sent: float) -> None:
        if sent <= line.answered_at:
            return
        line.misses += 1
        if line.misses == 1:
            line.missed_at = sent
        if line.misses >= 2 and not line.silent:
            line.silent = True
            self._offer(Silence(line.check.target, line.check.name, at(self.now), at(line.missed_at), line.misses))

    def _decide(self, line: Line, part: dict[int, tuple[float, Echo]], place: int, sent: float, outcome: Echo) -> None:
        part[place] = (sent, outcome)
        if outcome is Echo.RECEIVED:
            self._answered(line, sent)
        while line.rounds and len(line.rounds[0]) == line.per_round:
            done = line.rounds.pop(0)
            self._round(line, [done[number] for number in sorted(done)])

    def _answered(self, line: Line, sent: float) -> None:
        """End a row of misses with an answer to an echo from within or after it, be it one of a burst."""
        line.answered_at = max(line.answered_at, sent)
        if line.misses and sent >= line.missed_at:
            if line.silent:
                check = line.check
                self._offer(Silence(check.target, check.name, at(self.now), at(sent), line.misses, over=True))
            line.silent, line.misses = False, 0

    def _burst(self, line: Line) -> None:
        if line.bursting:
            return
        line.bursting = True
        begun = _tick(self.now + 0.001)
        sent = [begun + 0.06 * number for number in range(BURST)]

        def finish() -> None:
            line.bursting = False
            for second, outcome in zip(sent, outcomes, strict=True):
                if outcome is Echo.RECEIVED:
                    self._answered(line, second)
            self._round(line, list(zip(sent, outcomes, strict=True)), burst=True)

        outcomes = [self._fate(line, second) for second in sent]
        rtt = line.rtt + self.truth.rise_seconds(line.check.target, self.now)
        worst = max(LIMIT if outcome is Echo.LOST else rtt for outcome in outcomes)
        self._at(_tick(sent[-1] + worst), finish)

    def _round(self, line: Line, echoes: list[tuple[float, Echo]], *, burst: bool = False) -> None:
        check = line.check
        if all(outcome is Echo.RECEIVED for _, outcome in echoes):  # nearly always: made at once, as `delay` would
            self._heard(line, at(echoes[0][0]), at(echoes[-1][0]), burst=burst)
            return
        sent = np.array([at(second).timestamp() for second, _ in echoes])
        outcomes = np.array([outcome for _, outcome in echoes], dtype=np.uint8)
        rtts = np.where(outcomes == Echo.RECEIVED, 0.002, np.nan)
        why = {"no_carrier": 1} if Echo.UNKNOWN in outcomes else {}
        done = Round(
            check.target, check.name, at(echoes[0][0]), at(self.now), sent, rtts, outcomes, burst, why_unknown=why
        )
        seen = delay.observe(delay.train(done))
        self._offer(
            replace(seen, troubles=troubles(self.truth, line.check.target, line.lag, self.now))
            if seen.outcome is Outcome.OK
            else seen
        )

    def _heard(self, line: Line, first: datetime, last: datetime, *, burst: bool) -> None:
        self._offer(
            Observation(
                line.check.target, line.check.name, at(self.now), Outcome.OK, "answered", since=first, proven_at=last,
                confirmed=burst, troubles=troubles(self.truth, line.check.target, line.lag, self.now),
            )
        )  # fmt: skip

    # ------------------------------------------------------------------ polls

    def _due(self, check: Check, number: int) -> None:
        if self._cadence.get((check.target, check.name)) != number or self._is_gone(check):
            return
        self._at(self.now + check.interval_seconds, lambda: self._due(check, number))
        self._poll(check)

    def _poll(self, check: Check) -> None:
        key = (check.target, check.name)
        if key in self._polling:
            return
        self._polling.add(key)
        began = self.now
        ends: tuple[Interface, ...] = ()
        outcome, ended = Outcome.NO_ANSWER, began + TRIES * TRY_SECONDS
        asked = [began + turn * TRY_SECONDS for turn in range(TRIES)]
        heard = next((second for second in asked if self._says(check.target, second)), None)
        if self.truth.is_blind(began):
            outcome, ended = Outcome.UNKNOWN, began + 0.01
        elif heard is not None:
            outcome, ended = Outcome.OK, heard + self.random.choice((0.02, 0.2, 1.5))
            ends = self._interfaces(check.target, heard)
        self._at(ended, lambda: self._polled(check, began, outcome, ends))

    def _says(self, device: str, second: float) -> bool:
        ratio = self.truth.loss_ratio(device, second)
        return self.truth.speaks(device, second) and not (ratio and self.random.random() < ratio)

    def _interfaces(self, device: str, second: float) -> tuple[Interface, ...]:
        return tuple(
            Interface(n, c.source[1], c.source[1], AdminStatus.UP, self.truth.shows(c.target, second))
            for n, c in enumerate(self.truth.plugged.get(device, ()))
            if c.source
        )

    def _polled(self, check: Check, began: float, outcome: Outcome, interfaces: tuple[Interface, ...]) -> None:
        self._polling.discard((check.target, check.name))
        confirmed = outcome is Outcome.OK
        self._offer(
            Observation(check.target, check.name, at(self.now), outcome, f"poll: {outcome}", proven_at=at(began),
                        confirmed=confirmed, interfaces=interfaces)
        )  # fmt: skip

    # ------------------------------------------------------------------ to the desk and back

    def _offer(self, item: Silence | Observation) -> None:
        self._queue.append(item)
        self._soon()

    def _soon(self) -> None:
        if not self._turn_due:
            self._turn_due = True
            stalled = [span.end for span in self.truth.stalls if span.holds(self.now)]
            self._at(max(stalled, default=self.now), self._turn, rank=1)

    def _beat(self) -> None:
        self._soon()
        self._at(self.now + TURN, self._beat)

    def _turn(self) -> None:
        self._turn_due = False
        waiting, self._queue = self._queue, []
        self.desk.turn(waiting, self.now)

    def _ask(self, check: Check) -> None:
        if check.type == "icmp":
            self._burst(self._lines[check.target, check.name])
        else:
            self._at(self.now + 0.001, lambda: self._poll(check))


def _tick(second: float) -> float:
    return math.ceil(round(second / TICK, 6)) * TICK

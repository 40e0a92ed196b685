"""An estate with known truth, measured as engine and runner would, and judged by the assessor: no I/O, no clock.

Echoes leave at their spacing, bursts follow silences and questions, polls take their time and their tries, rounds are
reported late and may span a cut. What is believed of it can then be held against what was true.
"""

import heapq
import itertools
import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from agent.core import delay
from agent.core.assessor import Assessor, Changes
from agent.core.model import (
    AdminStatus,
    Check,
    Echo,
    Estate,
    Event,
    Interface,
    Observation,
    OperStatus,
    Outcome,
    Role,
    Round,
    Silence,
)
from agent.core.paging import pages
from tests.core.estates import at

TICK = 0.05  # of the ICMP engine
TURN = 0.5  # the pipeline turns at least so often
LIMIT = 0.25  # after which an echo counts as missed
LOST = 3.0  # after which it is lost
BURST = 4
LOOK = 1.0  # the view of the agent's own interfaces is renewed so often
TRIES, TRY_SECONDS = 3, 2.0  # of a poll


@dataclass(frozen=True)
class Fault:
    """A target that fails by itself; `link`: its ends' interfaces show it; `agent`: only its SNMP agent is silent."""

    target: str
    begin: float
    end: float
    link: bool = False
    agent: bool = False


@dataclass(frozen=True)
class Span:
    """Seconds in which the agent is blind, or its ledger does not take a write."""

    begin: float
    end: float

    def holds(self, second: float) -> bool:
        return self.begin <= second < self.end


@dataclass
class Truth:
    """What is really so."""

    estate: Estate
    faults: Sequence[Fault] = ()
    blind: Sequence[Span] = ()
    stalls: Sequence[Span] = ()

    def fails(self, name: str, second: float) -> bool:
        """Say whether a target itself fails."""
        return any(f.target == name and not f.agent and f.begin <= second < f.end for f in self.faults)

    def reached(self, name: str, second: float) -> bool:
        """Say whether all that a target depends on carries what is sent to it."""
        return all(self.carries(above, second) for above in self.estate.targets[name].depends_on)

    def carries(self, name: str, second: float) -> bool:
        target = self.estate.targets[name]
        if name == self.estate.site:
            return True
        if target.members:
            return any(self.carries(member, second) for member in target.members)
        return not self.fails(name, second) and self.reached(name, second)

    def speaks(self, name: str, second: float) -> bool:
        """Say whether a device's SNMP agent answers."""
        silent = any(f.target == name and f.agent and f.begin <= second < f.end for f in self.faults)
        return not silent and self.carries(name, second)

    def shows(self, circuit: str, second: float) -> OperStatus:
        cut = any(f.target == circuit and f.link and f.begin <= second < f.end for f in self.faults)
        return OperStatus.DOWN if cut else OperStatus.UP

    def is_blind(self, second: float) -> bool:
        return any(span.holds(second) for span in self.blind)


@dataclass
class Pages:
    """A page by its identity: when it was open."""

    alert: str
    target: str
    spans: list[tuple[float, float]] = field(default_factory=list)


@dataclass
class _Line:
    """One check's echoes."""

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


class Simulation:
    """Runs one truth through one assessor.

    Attributes:
        events: what the assessor told, in order.
        pages: every page that there was.
        asked: how many measurements were asked for out of turn.
    """

    def __init__(self, truth: Truth, seed: int) -> None:
        self.truth = truth
        self.random = random.Random(seed)
        self.assessor = Assessor(truth.estate)
        self.events: list[Event] = []
        self.pages: dict[tuple[str, str], Pages] = {}
        self.asked = 0
        self.now = 0.0
        self._agenda: list[tuple[float, int, int, Callable[[], None]]] = []
        self._number = itertools.count()
        self._queue: list[Silence | Observation] = []
        self._open: dict[tuple[str, str], float] = {}
        self._polling: set[tuple[str, str]] = set()
        self._silent_since: dict[tuple[str, str], float] = {}
        self._lines: dict[tuple[str, str], _Line] = {}
        self._turn_due = False

    def run(self, seconds: float) -> None:
        """Let time pass."""
        for check in self.truth.estate.checks():
            phase = self.random.random()
            if check.type == "icmp":
                per_round = max(1, round(10.0 / check.interval_seconds))
                line = _Line(check, per_round, self.random.choice((0.001, 0.01, 0.05)))
                self._lines[check.target, check.name] = line
                self._at(phase * check.interval_seconds, lambda line=line: self._echo(line))  # type: ignore[misc]
            elif check.source is None:
                first = phase * min(check.interval_seconds, 5.0)
                self._at(first, lambda check=check: self._due(check))  # type: ignore[misc]
        self._at(0.0, self._beat)
        while self._agenda and self._agenda[0][0] <= seconds:
            self.now, _, _, act = heapq.heappop(self._agenda)
            act()
        for key, began in self._open.items():
            self.pages[key].spans.append((began, math.inf))

    def _at(self, second: float, act: Callable[[], None], rank: int = 0) -> None:
        heapq.heappush(self._agenda, (second, rank, next(self._number), act))

    # ------------------------------------------------------------------ echoes

    def _echo(self, line: _Line) -> None:
        sent, place = self.now, line.sent % line.per_round
        line.sent += 1
        if place == 0:
            line.rounds.append({})
        part = line.rounds[-1]
        self._at(sent + line.check.interval_seconds, lambda: self._echo(line))
        if self.truth.is_blind(sent):
            self._at(_tick(sent), lambda: self._decide(line, part, place, sent, Echo.UNKNOWN))
        elif self.truth.carries(line.check.target, sent):
            self._at(_tick(sent + line.rtt), lambda: self._decide(line, part, place, sent, Echo.RECEIVED))
        else:
            self._at(_tick(sent + LIMIT), lambda: self._miss(line, sent))
            self._at(_tick(sent + LOST), lambda: self._decide(line, part, place, sent, Echo.LOST))

    def _miss(self, line: _Line, sent: float) -> None:
        if sent <= line.answered_at:
            return
        line.misses += 1
        if line.misses == 1:
            line.missed_at = sent
        if line.misses >= 2 and not line.silent:
            line.silent = True
            self._offer(Silence(line.check.target, line.check.name, at(self.now), at(line.missed_at), line.misses))

    def _decide(self, line: _Line, part: dict[int, tuple[float, Echo]], place: int, sent: float, outcome: Echo) -> None:
        part[place] = (sent, outcome)
        if outcome is Echo.RECEIVED:
            line.answered_at = max(line.answered_at, sent)
            if line.misses and sent >= line.missed_at:
                if line.silent:
                    check = line.check
                    self._offer(Silence(check.target, check.name, at(self.now), at(sent), line.misses, over=True))
                line.silent, line.misses = False, 0
        while line.rounds and len(line.rounds[0]) == line.per_round:
            done = line.rounds.pop(0)
            self._round(line.check, [done[number] for number in sorted(done)])

    def _burst(self, line: _Line) -> None:
        if line.bursting:
            return
        line.bursting = True
        begun = _tick(self.now + 0.001)
        sent = [begun + 0.06 * number for number in range(BURST)]

        def finish() -> None:
            line.bursting = False
            self._round(line.check, [(s, self._answer(line, s)) for s in sent], burst=True)

        worst = max((LIMIT if not self.truth.carries(line.check.target, s) else line.rtt) for s in sent)
        self._at(_tick(sent[-1] + worst), finish)

    def _answer(self, line: _Line, sent: float) -> Echo:
        if self.truth.is_blind(sent):
            return Echo.UNKNOWN
        return Echo.RECEIVED if self.truth.carries(line.check.target, sent) else Echo.LOST

    def _round(self, check: Check, echoes: list[tuple[float, Echo]], *, burst: bool = False) -> None:
        sent = np.array([at(second).timestamp() for second, _ in echoes])
        outcomes = np.array([outcome for _, outcome in echoes], dtype=np.uint8)
        rtts = np.where(outcomes == Echo.RECEIVED, 0.002, np.nan)
        why = {"no_carrier": 1} if Echo.UNKNOWN in outcomes else {}
        done = Round(
            check.target, check.name, at(echoes[0][0]), at(self.now), sent, rtts, outcomes, burst, why_unknown=why
        )
        self._offer(delay.observe(delay.train(done)))

    # ------------------------------------------------------------------ polls

    def _due(self, check: Check) -> None:
        self._at(self.now + check.interval_seconds, lambda: self._due(check))
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
        heard = next((second for second in asked if self.truth.speaks(check.target, second)), None)
        if self.truth.is_blind(began):
            outcome, ended = Outcome.UNKNOWN, began + 0.01
        elif heard is not None:
            outcome, ended = Outcome.OK, heard + self.random.choice((0.02, 0.2, 1.5))
            ends = self._interfaces(check.target, heard)
        self._at(ended, lambda: self._polled(check, began, outcome, ends))

    def _interfaces(self, device: str, second: float) -> tuple[Interface, ...]:
        plugged = [check for check in self.truth.estate.checks() if check.source and check.source[0] == device]
        return tuple(
            Interface(n, c.source[1], c.source[1], AdminStatus.UP, self.truth.shows(c.target, second))
            for n, c in enumerate(plugged)
            if c.source
        )

    def _polled(self, check: Check, began: float, outcome: Outcome, interfaces: tuple[Interface, ...]) -> None:
        self._polling.discard((check.target, check.name))
        confirmed = outcome is Outcome.OK
        self._offer(
            Observation(check.target, check.name, at(self.now), outcome, f"poll: {outcome}", proven_at=at(began),
                        confirmed=confirmed, interfaces=interfaces)
        )  # fmt: skip

    # ------------------------------------------------------------------ what the pipeline does

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
        now, changes = at(self.now), Changes()
        waiting, self._queue = self._queue, []
        for item in waiting:
            if isinstance(item, Silence):
                self._on_silence(item)
            else:
                _merge(changes, self.assessor.hear(self._honest(self._dated(item)), now))
        _merge(changes, self.assessor.tick(now))
        for key in changes.ask:
            self._ask(self.assessor.checks[key])
        self.events += changes.events
        if changes.events:
            self._page()

    def _on_silence(self, silence: Silence) -> None:
        key = (silence.target, silence.check)
        for check in self.assessor.deciding(silence.target):
            self._ask(check)
        if silence.over:
            self._silent_since.pop(key, None)
            return
        self._silent_since[key] = (silence.since - at(0)).total_seconds()
        for name in self.assessor.topology.ancestors(silence.target):
            for check in self.assessor.deciding(name):
                if check.type == "icmp":
                    self._ask(check)

    def _dated(self, seen: Observation) -> Observation:
        since = self._silent_since.get((seen.target, seen.check))
        if since is None:
            return seen
        if seen.outcome is Outcome.OK:
            if seen.proven_at is not None and seen.proven_at > at(since):
                del self._silent_since[seen.target, seen.check]
            return seen
        return replace(seen, since=min(seen.since or seen.at, at(since)))

    def _honest(self, seen: Observation) -> Observation:
        """Hold own trouble against what failed, as the pipeline does: it looks at its interfaces once a second."""
        failed = seen.outcome is not Outcome.OK
        if failed and self.truth.is_blind(math.floor(self.now / LOOK) * LOOK):
            return replace(seen, outcome=Outcome.UNKNOWN, confirmed=False, detail="no carrier")
        return seen

    def _ask(self, check: Check) -> None:
        self.asked += 1
        if check.type == "icmp":
            self._burst(self._lines[check.target, check.name])
        else:
            self._at(self.now + 0.001, lambda: self._poll(check))

    def _page(self) -> None:
        assessor = self.assessor
        health = {key: assessor.shown(*key) for key in assessor.beliefs}
        due = {(page.alert, page.target) for page in pages(assessor.estate, assessor.verdicts, health, at(self.now))}
        for key in due - self._open.keys():
            self._open[key] = self.now
            self.pages.setdefault(key, Pages(*key))
        for key in self._open.keys() - due:
            self.pages[key].spans.append((self._open.pop(key), self.now))


def _tick(second: float) -> float:
    return math.ceil(round(second / TICK, 6)) * TICK


def _merge(changes: Changes, more: Changes) -> None:
    changes.events.extend(more.events)
    changes.checks |= more.checks
    changes.targets |= more.targets
    changes.ask |= more.ask


# ------------------------------------------------------------------ what must be true of it


def wrong(simulation: Simulation, late: Callable[[str], float]) -> list[str]:
    """Return what the pages say that is not so, and what they do not say; empty when all is well.

    Args:
        late: target -> seconds within which its failure must be paged, and its recovery known.
    """
    truth = simulation.truth
    found = [
        text
        for page in simulation.pages.values()
        for began, ended in page.spans
        if (text := _untrue(truth, page, began, ended, late))
    ]
    for fault in truth.faults:
        found += _missing(simulation, fault, late)
    return found


def _untrue(truth: Truth, page: Pages, began: float, ended: float, late: Callable[[str], float]) -> str:
    what = f"{page.alert} {page.target} {began:.2f} to {ended:.2f}"
    if truth.is_blind(began) and truth.is_blind(began - 4):
        return f"{what}: paged while blind"
    if ended == math.inf:
        return f"{what}: never resolved"
    causes = _causes(truth, page)
    if not any(f.begin <= began <= f.end + late(f.target) for f in causes):
        return f"{what}: nothing failed"
    if any(f.begin <= began and f.end > ended + 1 and _sure(truth, f, late) for f in causes) and not _eased(
        truth, page, ended
    ):
        return f"{what}: resolved while it lasts"
    return ""


def _eased(truth: Truth, page: Pages, second: float) -> bool:
    """Say whether a page may end though a fault lasts: one circuit of a group works, or nothing can be seen."""
    target = truth.estate.targets[page.target]
    if page.alert == "RedundancyLost":
        return True
    if page.alert == "CheckDown":
        return not truth.carries(page.target, second - 15) or truth.is_blind(second)
    return any(truth.carries(member, second) for member in target.members)


def _sure(truth: Truth, fault: Fault, late: Callable[[str], float]) -> bool:
    """Say whether a fault began well before those of what is above it, so that it is known to be one of its own."""
    above = _above(truth.estate, fault.target)
    return not any(
        f.target in above and fault.begin - late(f.target) < f.begin < fault.begin + 3 * late(fault.target)
        for f in truth.faults
    )


def _above(estate: Estate, name: str) -> set[str]:
    target = estate.targets[name]
    near = {*target.depends_on, *target.members}
    return near.union(*(_above(estate, other) for other in near))


def _causes(truth: Truth, page: Pages) -> list[Fault]:
    if page.alert == "CheckDown":
        return [f for f in truth.faults if f.target == page.target and f.agent]
    members = truth.estate.targets[page.target].members or (page.target,)
    return [f for f in truth.faults if f.target in members and not f.agent]


def _missing(simulation: Simulation, fault: Fault, late: Callable[[str], float]) -> list[str]:
    """Say whether a fault that could be seen for long enough was paged, once."""
    truth, needed = simulation.truth, late(fault.target)
    seconds = np.arange(fault.begin, fault.end, 0.5).tolist()
    lasted = longest = 0.0
    for second in seconds:
        seen = truth.reached(fault.target, second) and not truth.is_blind(second)
        lasted = lasted + 0.5 if seen else 0.0
        longest = max(longest, lasted)
    target = truth.estate.targets[fault.target]
    group = target.circuit.group if target.circuit else None
    names = {"CheckDown"} if fault.agent else {"DeviceDown", "ServiceDown", "CircuitDown"}
    if group is not None:
        names = {"RedundancyLost", "CircuitGroupDown"}
    opened = [
        began
        for (alert, name), page in simulation.pages.items()
        if alert in names and name == (group or fault.target)
        for began, ended in page.spans
        if ended > fault.begin and began < fault.end + needed
    ]
    if longest > needed and not opened:
        return [f"{fault}: was not paged"]
    alone = sum(f.target == fault.target for f in truth.faults) == 1
    if len(opened) > 1 and alone and group is None and not fault.agent and _sure(truth, fault, late):
        return [f"{fault}: was paged {len(opened)} times: {[round(second, 2) for second in opened]}"]
    return []


def measured_every(estate: Estate, name: str) -> float:
    """Return the longest spacing of the measurements that decide about a target or what it depends on."""
    target = estate.targets[name]
    spacing = [check.interval_seconds for check in target.checks]
    above: Iterable[str] = (*target.depends_on, *target.members)
    return max([*spacing, *(measured_every(estate, other) for other in above)], default=0.0)


def is_circuit(estate: Estate, name: str) -> bool:
    return estate.targets[name].role is Role.CIRCUIT

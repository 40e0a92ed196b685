"""What the agent makes of what it sees: as `agent.pipeline` does, with a ledger that is a list.

The pipeline itself reads clocks and runs on an event loop; this is its rules over a time that is told.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from agent.core.assessor import Assessor
from agent.core.changes import Changes
from agent.core.model import Check, Estate, Event, EventKind, Mark, Observation, Outcome, Silence, State
from agent.core.paging import pages
from agent.core.ports import Resumed
from tests.core.estates import at
from tests.core.simulation.truth import Truth

LOOK_SECONDS = 1.0  # the view of the agent's own interfaces is renewed so often
PAGE_SECONDS = 10.0  # what only time makes due is looked for so often


@dataclass
class Pages:
    """A page by its identity: when it was open."""

    alert: str
    target: str
    check: str = ""
    spans: list[tuple[float, float]] = field(default_factory=list)


class Desk:
    """One agent after another, over one ledger.

    Attributes:
        events: what the assessors told, in order; the ledger.
        pages: every page that there was, by its identity.
        asked: how many measurements were asked for out of turn.
        page_least: seconds between two looks at what is due; 0: with every event, as the pipeline does.
    """

    page_least = 0.0

    def __init__(self, truth: Truth, ask: Callable[[Check], None]) -> None:
        self.truth = truth
        self.events: list[Event] = []
        self.pages: dict[tuple[str, str, str], Pages] = {}
        self.asked = 0
        self._ask = ask
        self._open: dict[tuple[str, str, str], float] = {}
        self._silent_since: dict[tuple[str, str], float] = {}
        self._paged_at, self._news = 0.0, False
        self.assessor = Assessor(self._estate(0.0))

    def _estate(self, second: float) -> Estate:
        whole = self.truth.estate
        present = {name: one for name, one in whole.targets.items() if not self.truth.is_absent(name, second)}
        return replace(whole, targets=present)

    # ------------------------------------------------------------------ life

    def restart(self, second: float) -> None:
        """Begin anew with what the ledger knows; what is due is worked out before anything is measured."""
        self.assessor = Assessor(self._estate(second))
        self._silent_since = {}
        self.assessor.resume(self._resumed(max(span.begin for span in self.truth.stops if span.end <= second)))
        self._page(second)

    def _resumed(self, alive_until: float) -> Resumed:
        checks = {(e.target, e.check): (State(e.new), e.at) for e in self.events if e.kind is EventKind.CHECK}
        told = [event for event in self.events if event.kind is EventKind.TARGET]
        targets = {e.target: (State(e.new), e.at, e.causes) for e in told if e.new}
        for gone in (event for event in told if not event.new):
            targets.pop(gone.target, None)
        works = (State.UP, State.DEGRADED)
        failed = [(e.target, e.noticed_at) for e in told if e.new == State.DOWN and e.old in works]
        failures = {name: tuple(moment for other, moment in failed if other == name) for name, _ in failed}
        return Resumed(
            checks={(t, c): known for (t, c), known in checks.items() if c is not None},
            targets=targets,
            failures=failures,
            alive_until=at(alive_until),
        )

    def reload(self, second: float) -> None:
        """Take the configuration as it is now."""
        self._take(self.assessor.swap(self._estate(second), at(second)), second)
        self._page(second)

    def end(self, second: float) -> None:
        """Note what is still open."""
        for key, began in self._open.items():
            self.pages[key].spans.append((began, math.inf))

    # ------------------------------------------------------------------ one turn

    def turn(self, waiting: Iterable[Silence | Observation], second: float) -> None:
        """Take what waits, let time pass, ask what is to be asked and see which pages are due."""
        now, changes = at(second), Changes()
        for item in waiting:
            if (item.target, item.check) not in self.assessor.checks:
                continue
            if isinstance(item, Silence):
                self._on_silence(item)
            else:
                self.assessor.hear(self._honest(item, second), now, changes)
        _merge(changes, self.assessor.tick(now))
        self._take(changes, second)

    def _take(self, changes: Changes, second: float) -> None:
        for key in changes.ask:
            if check := self.assessor.checks.get(key):
                self._ask_now(check)
        self.events += changes.events
        self._news |= bool(changes.events)
        if (self._news and second - self._paged_at >= self.page_least) or second - self._paged_at >= PAGE_SECONDS:
            self._page(second)

    def _on_silence(self, silence: Silence) -> None:
        key = (silence.target, silence.check)
        for check in self.assessor.deciding(silence.target):
            self._ask_now(check)
        if silence.over:
            self._silent_since.pop(key, None)
            return
        self._silent_since[key] = (silence.since - at(0)).total_seconds()
        for name in self.assessor.topology.ancestors(silence.target):
            for check in self.assessor.deciding(name):
                if check.type == "icmp":
                    self._ask_now(check)

    def _honest(self, seen: Observation, second: float) -> Observation:
        """Date a failure from the first echo that was missed, and hold own trouble against what failed."""
        key = (seen.target, seen.check)
        since = self._silent_since.get(key)
        if seen.outcome is Outcome.OK:
            if since is not None and seen.proven_at is not None and seen.proven_at > at(since):
                del self._silent_since[key]
            return seen
        if since is not None:
            seen = replace(seen, since=min(seen.since or seen.at, at(since)))
        if self.truth.is_blind(math.floor(second / LOOK_SECONDS) * LOOK_SECONDS):
            return replace(seen, outcome=Outcome.UNKNOWN, confirmed=False, detail="no carrier")
        return seen

    def _ask_now(self, check: Check) -> None:
        self.asked += 1
        self._ask(check)

    def _page(self, second: float) -> None:
        assessor, self._paged_at, self._news = self.assessor, second, False
        health = {key: assessor.shown(*key) for key in assessor.beliefs}
        found = pages(assessor.estate, assessor.verdicts, health, at(second))
        due = {(page.alert, page.target, page.labels.get("check", "")) for page in found}
        for key in due - self._open.keys():
            self._open[key] = second
            self.pages.setdefault(key, Pages(*key))
        for key in self._open.keys() - due:
            if key[1] in assessor.verdicts and assessor.verdicts[key[1]].state is State.UNKNOWN:
                continue  # rules and push hold what is told of a target while nobody knows
            self.pages[key].spans.append((self._open.pop(key), second))

    def flapping(self) -> list[str]:
        """Return the targets that were marked as flapping, each as often as it was."""
        return [e.target for e in self.events if e.kind is EventKind.MARK and e.new == Mark.FLAPPING]


def _merge(changes: Changes, more: Changes) -> None:
    changes.events.extend(more.events)
    changes.checks |= more.checks
    changes.targets |= more.targets
    changes.ask |= more.ask
    changes.fresh += more.fresh

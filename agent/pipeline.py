"""From what was seen to what is believed, recorded and shown: one consumer, in order.

`offer` takes what probes and streams saw. The assessor makes beliefs and events of it; events are on disk before the
picture shows them. While the ledger works, further observations wait in a bounded queue and are taken together.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from agent.core import ageing, delay
from agent.core.assessor import Assessor, Changes, presented
from agent.core.model import (
    Check,
    Echo,
    Estate,
    Event,
    EventKind,
    Observation,
    Outcome,
    Page,
    Role,
    Round,
    Silence,
    State,
    Verdict,
)
from agent.core.paging import pages
from agent.core.picture import RECENT_EVENTS, DevicePoll, EchoTotals, Picture
from agent.core.ports import Blind, EventFilter, Ledger, Resumed

_log = logging.getLogger(__name__)
_QUEUE_LIMIT = 50_000  # five rounds of 10,000 targets: more would be older than it is worth
_TICK_SECONDS = 0.5  # how exactly held verdicts and stale beliefs are timed
_BATCH = 5_000  # items taken in one step; events of one step share one commit
_POLL_STALE_INTERVALS = 3.0
_POLL_STALE_LEAST_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Polled:
    """A finished probe run: what it saw, and its series as text, rendered and compressed off the loop."""

    check: Check
    observation: Observation
    gzip_text: bytes | None = None


Item = Round | Silence | Polled


class Pipeline:
    """Owns the assessor and writes the picture.

    Attributes:
        dropped: items that found the queue full.
        all_heard: set once every check has been measured once since the start.
    """

    capacity = _QUEUE_LIMIT

    def __init__(
        self,
        picture: Picture,
        ledger: Ledger,
        *,
        ask: Callable[[Check], None],
        local_problem: Callable[[Check], str | None],
        on_pages: Callable[[Sequence[Page], Sequence[Page]], None] = lambda _new, _gone: None,
    ) -> None:
        """Take the picture to keep.

        Args:
            ask: measures a check at once: a burst of echoes or a poll.
            local_problem: why this host itself cannot reach a check's address now, or None.
            on_pages: told of pages that begin and that end.
        """
        self.picture = picture
        self.assessor = Assessor(picture.estate)
        self.dropped = 0
        self._ledger = ledger
        self._ask = ask
        self._local_problem = local_problem
        self._on_pages = on_pages
        self._queue: deque[Item] = deque()
        self._unheard = {key for key, check in self.assessor.checks.items() if check.source is None}
        self.all_heard = asyncio.Event()
        self._wake = asyncio.Event()
        self._silent_since: dict[tuple[str, str], datetime] = {}
        self._step = asyncio.Lock()  # a reload waits for the step under way, and steps wait for a reload
        self._flags_day = datetime.now(UTC).date()

    @property
    def depth(self) -> int:
        """Return how many items wait."""
        return len(self._queue)

    def offer(self, item: Item) -> None:
        """Take what was seen; never blocks."""
        if len(self._queue) >= _QUEUE_LIMIT:
            self.dropped += 1
            return
        self._queue.append(item)
        self._wake.set()

    async def resume(self, resumed: Resumed, now: datetime) -> None:
        """Go on from the ledger before anything is shown: open outages, and the gap as blind time."""
        self.assessor.resume(resumed)
        picture = self.picture
        picture.open_outages = {outage.target: outage for outage in resumed.outages}
        self._show(self.assessor.beliefs.keys(), self.assessor.verdicts.keys())
        if resumed.alive_until is not None and resumed.alive_until < now:
            why = "the agent was stopped" if resumed.clean else "the agent was not running"
            await self._ledger.record_blind(Blind(None, why, resumed.alive_until, now))
            picture.blind_seconds[""] = (now - resumed.alive_until).total_seconds()
        picture.events.extend(await self._ledger.events(EventFilter(limit=RECENT_EVENTS)))
        self._all_flags()
        self._page(now)

    async def run(self, beat: Callable[[], None] = lambda: None) -> None:
        """Take items as they come, and let time pass at least every half second, until cancelled.

        Args:
            beat: called with every turn, so that a watchdog knows that the pipeline moves.
        """
        while True:
            try:
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            async with self._step:
                await self._turn()
            beat()

    async def reconfigure(self, estate: Estate) -> None:
        """Swap the estate between two steps; everything is told to the ledger before it is shown."""
        async with self._step:
            now = datetime.now(UTC)
            changes = self.assessor.swap(estate, now)
            await self._commit(changes, now, before_show=lambda: self._swap_picture(estate))

    async def tell(
        self, reason: str, *, old: str = "", new: str = "", evidence: Iterable[tuple[str, str | float]] = ()
    ) -> None:
        """Record an event of the agent itself."""
        now = datetime.now(UTC)
        agent = self.picture.estate.agent
        event = Event(EventKind.AGENT, now, now, agent, old, new, reason, evidence=tuple(evidence))
        await self._record([event])

    async def drain(self) -> None:
        """Take what still waits, once, at the end."""
        async with self._step:
            await self._turn()

    # ------------------------------------------------------------------ one step

    async def _turn(self) -> None:
        now = datetime.now(UTC)
        rounds: list[Round] = []
        blinds: list[Blind] = []
        changes = self.assessor.tick(now)
        for _ in range(min(len(self._queue), _BATCH)):
            item = self._queue.popleft()
            if isinstance(item, Silence):
                self._on_silence(item)
                continue
            if isinstance(item, Round):
                rounds.append(item)
                observation = self._on_round(item, blinds)
            else:
                observation = self._on_poll(item)
            if observation is not None:
                self._unheard.discard((observation.target, observation.check))
                _merge(changes, self.assessor.hear(observation, now))
        if self._queue:
            self._wake.set()
        await self._commit(changes, now)
        if not self._unheard:
            self.all_heard.set()
        if rounds:
            await self._ledger.record_rounds(rounds)
        for blind in blinds:
            await self._ledger.record_blind(blind)
        if now.date() != self._flags_day:
            self._flags_day = now.date()
            self._all_flags()

    async def _commit(self, changes: Changes, now: datetime, before_show: Callable[[], None] = lambda: None) -> None:
        for name in changes.ask:
            self._ask_target(name)
        if changes.events:
            await self._record(changes.events)
        before_show()
        self._show(changes.checks, changes.targets)
        if changes.targets or changes.checks:
            self._page(now)

    async def _record(self, events: Sequence[Event]) -> None:
        written = await self._ledger.record(events)
        self.picture.events.extend(written)
        if any(event.kind is EventKind.TARGET for event in written):
            outages = await self._ledger.outages(open_only=True, limit=_QUEUE_LIMIT)
            self.picture.open_outages = {outage.target: outage for outage in outages}
        for event in written:
            level = logging.WARNING if event.new in (State.DOWN, State.UNREACHABLE) else logging.INFO
            name = event.target if event.check is None else f"{event.target}/{event.check}"
            if event.kind is not EventKind.CHECK:
                _log.log(level, "%s: %s -> %s: %s", name, event.old or "-", event.new or "-", event.reason)

    def _on_silence(self, silence: Silence) -> None:
        """A line fell silent or speaks again: make sure now, of it and of what it may be the consequence of."""
        target = self.assessor.estate.targets.get(silence.target)
        if target is None:
            return
        key = (silence.target, silence.check)
        self._ask_target(silence.target)
        if silence.over:
            self._silent_since.pop(key, None)
        else:
            self._silent_since[key] = silence.since
            for name in self.assessor.topology.ancestors(silence.target):
                self._ask_target(name, only_stream=True)

    def _on_round(self, item: Round, blinds: list[Blind]) -> Observation | None:
        key = (item.target, item.check)
        check = self.assessor.checks.get(key)
        if check is None:
            return None  # removed while its echoes were under way
        if not item.burst:
            self.picture.rounds[key] = delay.summarize(item)
            delay.add(self.picture.echoes.setdefault(key, EchoTotals()), item)
        observation = delay.observe(item)
        if observation.outcome is not Outcome.OK:
            observation = self._honest(check, observation)
        self._see_blind(item, observation, blinds)
        self.picture.observations[key] = observation
        return observation

    def _honest(self, check: Check, observation: Observation) -> Observation:
        """Hold own trouble against a failed round, and date the failure from the first echo that was missed."""
        if silent_since := self._silent_since.get((check.target, check.name)):
            began = min(observation.since or observation.at, silent_since)
            observation = replace(observation, since=began)
        problem = self._local_problem(check)
        if problem is None:
            return observation
        circuit = self.assessor.estate.targets[check.target].role is Role.CIRCUIT
        if circuit and getattr(check.settings, "interface", None):
            # the interface of a declared circuit is a part of the circuit
            return replace(observation, outcome=Outcome.FAULT, confirmed=True, detail=problem)
        return replace(observation, outcome=Outcome.UNKNOWN, confirmed=False, detail=problem)

    def _see_blind(self, item: Round, observation: Observation, blinds: list[Blind]) -> None:
        spans = self.picture.blind
        present = spans.get(item.target)
        if observation.outcome is Outcome.UNKNOWN and present is None:
            lost = item.outcomes != Echo.RECEIVED
            first = float(item.sent_at_seconds[lost][0]) if lost.any() else item.began_at.timestamp()
            began = datetime.fromtimestamp(first, UTC)
            spans[item.target] = Blind(item.target, observation.detail, began, None)
            blinds.append(spans[item.target])
        elif observation.outcome is not Outcome.UNKNOWN and present is not None:
            self._end_blind(item.target, max(observation.since or item.began_at, present.began_at), blinds)

    def _end_blind(self, target: str, ended: datetime, blinds: list[Blind]) -> None:
        span = self.picture.blind.pop(target)
        blinds.append(replace(span, ended_at=ended))
        seconds = self.picture.blind_seconds
        seconds[target] = seconds.get(target, 0.0) + (ended - span.began_at).total_seconds()

    def _on_poll(self, item: Polled) -> Observation:
        check, seen = item.check, item.observation
        if seen.outcome is Outcome.NO_ANSWER and (problem := self._local_problem(check)):
            seen = replace(seen, outcome=Outcome.UNKNOWN, detail=problem)
        self.picture.observations[(check.target, check.name)] = seen
        target = self.assessor.estate.targets.get(check.target)
        if target is not None and target.role is Role.DEVICE and check.type in ("snmp", "host"):
            self.picture.polls[check.target] = _device_poll(item, seen)
            if seen.outcome is Outcome.OK:
                self._flags(check.target)
        return seen

    # ------------------------------------------------------------------ asking and showing

    def _ask_target(self, name: str, *, only_stream: bool = False) -> None:
        estate = self.assessor.estate
        for check in estate.targets[name].checks:
            if check.source is not None:
                device, _ = check.source
                polled = estate.targets.get(device)
                for other in polled.checks if polled and not only_stream else ():
                    if other.type == "snmp":
                        self._ask(other)
            elif check.type == "icmp" or not only_stream:
                self._ask(check)

    def _show(self, checks: Iterable[tuple[str, str]], targets: Iterable[str]) -> None:
        picture, beliefs, verdicts = self.picture, self.assessor.beliefs, self.assessor.verdicts
        shown = set(checks)
        for name in targets:
            if name in verdicts:
                picture.verdicts[name] = verdicts[name]
                shown.update((name, check.name) for check in self.assessor.estate.targets[name].checks)
            else:
                picture.verdicts.pop(name, None)
        for key in shown:
            if key in beliefs:
                picture.health[key] = presented(beliefs[key], picture.verdicts.get(key[0], Verdict()))
            else:
                picture.health.pop(key, None)

    def _page(self, now: datetime) -> None:
        before = {(page.alert, page.target): page for page in self.picture.pages}
        present = pages(self.picture.estate, self.picture.verdicts, self.picture.health, now)
        after = {(page.alert, page.target): page for page in present}
        self.picture.pages = present
        new = [page for key, page in after.items() if key not in before]
        gone = [page for key, page in before.items() if key not in after]
        if new or gone:
            self._on_pages(new, gone)

    def _swap_picture(self, estate: Estate) -> None:
        picture = self.picture
        picture.estate = estate
        self._unheard &= self.assessor.checks.keys()
        keys = {(check.target, check.name) for check in estate.checks()}
        for store in (picture.observations, picture.rounds, picture.echoes):
            for key in [key for key in store if key not in keys]:
                store.pop(key)
        for name in picture.polls.keys() - estate.targets.keys():
            del picture.polls[name]
        for name in [name for name in picture.blind if name is not None and name not in estate.targets]:
            del picture.blind[name]
        self._all_flags()

    def _all_flags(self) -> None:
        self.picture.flags.clear()
        for name in self.picture.estate.targets:
            self._flags(name)

    def _flags(self, name: str) -> None:
        estate, poll = self.picture.estate, self.picture.polls.get(name)
        target = estate.targets[name]
        if target.role is not Role.DEVICE:
            return
        today = datetime.now(UTC).date()
        found = ageing.flags(target, poll.facts if poll else (), estate.age_policy_years, today)
        if found:
            self.picture.flags[name] = found
        else:
            self.picture.flags.pop(name, None)


def _device_poll(item: Polled, seen: Observation) -> DevicePoll:
    life = max(_POLL_STALE_INTERVALS * item.check.interval_seconds, _POLL_STALE_LEAST_SECONDS)
    good = seen.outcome is Outcome.OK
    return DevicePoll(
        at=seen.at,
        success=good,
        duration_seconds=seen.duration_seconds,
        detail=seen.detail,
        fresh_until=seen.at + timedelta(seconds=life),
        gzip_text=item.gzip_text if good else None,
        series_count=len(seen.series) if good and seen.series is not None else 0,
        interfaces=seen.interfaces,
        facts=seen.facts,
    )


def _merge(changes: Changes, more: Changes) -> None:
    changes.events.extend(more.events)
    changes.checks |= more.checks
    changes.targets |= more.targets
    changes.ask |= more.ask

"""From what was seen to what is believed, recorded and shown: one consumer, in order.

`offer` takes what probes and streams saw. The assessor makes beliefs and events of it; events are on disk before the
picture shows them. While the ledger works, further observations wait in a bounded queue and are taken together.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from agent import snapshots
from agent.board import Board, OnPages, Polled
from agent.core import delay
from agent.core.assessor import Assessor
from agent.core.beat import next_beat
from agent.core.changes import Changes, renames
from agent.core.clockwatch import CLOCK_STEP_SECONDS
from agent.core.health import WORKS
from agent.core.model import (
    Check,
    Estate,
    Event,
    EventKind,
    Loss,
    Observation,
    Outcome,
    Round,
    Silence,
    State,
    StreamItem,
    Trait,
    Trouble,
    Turn,
)
from agent.core.picture import RECENT_EVENTS, Picture
from agent.core.ports import Blind, EventFilter, Ledger, Resumed
from agent.core.quality import Qualities
from agent.core.turns import turn_event
from agent.core.uplinks import Uplinks, bound_circuits, fault
from agent.snapshots import Losses, Snapshots
from agent.windows import Windows

_log = logging.getLogger(__name__)
_QUEUE_LIMIT = 50_000  # five rounds of 10,000 targets: more would be older than it is worth
_TICK_SECONDS = 0.5  # how exactly held verdicts and stale beliefs are timed
_BATCH = 5_000  # items taken in one step; events of one step share one commit


Item = StreamItem | Polled


class Pipeline:
    """Owns the assessor and writes the picture.

    Attributes:
        dropped: items that found the queue full.
        failures: items that met a bug; the log has the tracebacks.
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
        answered: Callable[[Check], None] = lambda _check: None,
        on_pages: OnPages = lambda _new, _gone: None,
        on_states: Callable[[], None] = lambda: None,
        losses: Losses = dict,
        outage: Callable[[Check, datetime], None] = lambda _check, _since: None,
    ) -> None:
        """Take the picture to keep.

        Args:
            ask: measures a check at once: a burst of echoes or a poll.
            local_problem: why this host itself cannot reach a check's address now, or None.
            answered: told when a check's address answers: by what way it answers now explains a later silence.
            on_pages: told of pages that begin and that end.
            on_states: told when states of targets have changed, and that is on record.
            losses: gives what the engine's loss detectors have learnt, as snapshots.
            outage: told that a check, or what it depends on, is down: what it loses in a row then is that.
        """
        self.picture = picture
        self.assessor = Assessor(picture.estate)
        self.dropped = 0
        self.failures = 0
        self._ledger = ledger
        self._ask = ask
        self._local_problem = local_problem
        self._answered = answered
        self._on_states = on_states
        self._outage = outage
        self._board = Board(picture, on_pages)
        self._queue: deque[Item] = deque()
        self._unheard = {key for key, check in self.assessor.checks.items() if check.source is None}
        self.all_heard = asyncio.Event()
        self._wake = asyncio.Event()
        self._silent_since: dict[tuple[str, str], datetime] = {}
        self._step = asyncio.Lock()  # a reload waits for the step under way, and steps wait for a reload
        self._repage = False
        self._uplinks = Uplinks(bound_circuits(picture.estate))
        self.qualities = picture.qualities = Qualities(picture.estate.targets.values())
        self._snapshots = Snapshots(self.qualities, ledger, losses)
        self._windows = Windows(picture)
        self._clocks = (datetime.now(UTC), time.clock_gettime(time.CLOCK_BOOTTIME))

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
        if not isinstance(item, Round) or item.burst:  # what cannot wait: a cut is told by silences and bursts
            self._wake.set()

    async def resume(self, resumed: Resumed, now: datetime) -> None:
        """Go on from the ledger before anything is shown: open outages, and the gap as blind time."""
        self.assessor.resume(resumed)
        picture = self.picture
        picture.open_outages = {outage.target: outage for outage in resumed.outages}
        began_or_ended: Sequence[Event] = ()
        if not self._ledger.problem:
            picture.events.extend(await self._ledger.events(EventFilter(limit=RECENT_EVENTS)))
            # the stamp "alive" may be older than the last event, and what that told must not be told again
            told = [event.noticed_at for event in picture.events if event.noticed_at <= now]
            known_until = max([*told, resumed.alive_until]) if resumed.alive_until else None
            windows = await self._ledger.windows()
            began_or_ended = self._windows.resume(windows, self.assessor, known_until, now).events
            await self._load_notes()
        self._board.show(self.assessor, self.assessor.beliefs.keys(), self.assessor.verdicts.keys())
        if resumed.alive_until is not None and resumed.alive_until < now:
            why = "the agent was stopped" if resumed.clean else "the agent was not running"
            await self.lost_sight(why, resumed.alive_until, now)
        await self._record(began_or_ended)
        self._board.page(now)

    async def run(self, beat: Callable[[], None] = lambda: None) -> None:
        """Take items as they come, and let time pass at least every half second, until cancelled.

        Args:
            beat: called with every turn, so that a watchdog knows that the pipeline moves.
        """
        loop = asyncio.get_running_loop()
        while True:
            timer = loop.call_at(next_beat(loop.time(), _TICK_SECONDS), self._wake.set)
            await self._wake.wait()
            timer.cancel()
            self._wake.clear()
            async with self._step:
                await self._turn()
            beat()

    async def reconfigure(self, estate: Estate) -> None:
        """Swap the estate between two steps; everything is told to the ledger before it is shown."""
        async with self._step:
            now = datetime.now(UTC)
            ended = [self._board.end_blind(name, now) for name in self._removed_blind(estate)]
            former = {new: old for old, new in renames(self.assessor.estate, estate).items()}
            changes = self.assessor.swap(estate, now)
            self.qualities.swap(estate.targets.values(), former)
            self._unheard &= self.assessor.checks.keys()
            self._uplinks = Uplinks(bound_circuits(estate))
            if not self._ledger.problem:  # a window names a renamed target by its new name
                self._windows.take(await self._ledger.windows(), now)
            self._windows.swap(estate, now)
            _merge(changes, self._windows.look(self.assessor, now))
            self._repage = True
            await self._commit(changes, now, before_show=lambda: self._board.swap(estate))
            for blind in ended:
                await self._ledger.record_blind(blind)

    async def tell(
        self, reason: str, *, old: str = "", new: str = "", evidence: Iterable[tuple[str, str | float]] = ()
    ) -> None:
        """Record an event of the agent itself."""
        now = datetime.now(UTC)
        agent = self.picture.estate.agent
        event = Event(EventKind.AGENT, now, now, agent, old, new, reason, evidence=tuple(evidence))
        await self._record([event])

    async def told(self, events: Sequence[Event]) -> None:
        """Record what another part of the agent has found out."""
        await self._record(events)

    def repage(self) -> None:
        """Work out the pages anew, soon: the flags have changed."""
        self._repage = True
        self._wake.set()

    async def heard(self, said: Sequence[Event]) -> None:
        """Take over what people said and the ledger has: windows, acknowledgements and notes, with what follows."""
        async with self._step:
            now = datetime.now(UTC)
            self._windows.take(await self._ledger.windows(), now)
            await self._load_notes()
            self._take_written(said)
            self._repage = True
            await self._commit(self._windows.look(self.assessor, now), now)

    async def lost_sight(self, why: str, began: datetime, ended: datetime) -> None:
        """Record a span in which nothing at all could be measured."""
        await self._ledger.record_blind(self._board.gap(why, began, ended))

    async def remember(self, now: datetime) -> Mapping[tuple[str, str], bytes]:
        """Go on from what detectors had learnt; return what is the engine's of it."""
        if self._ledger.problem:
            return {}
        return await snapshots.resume(self.qualities, await self._ledger.detectors(), self.picture.estate.targets, now)

    async def drain(self) -> None:
        """Take what still waits, once, at the end, and keep what was learnt."""
        async with self._step:
            await self._turn()
            await self._snapshots.all(datetime.now(UTC))

    def _removed_blind(self, estate: Estate) -> list[str]:
        return [name for name in self.picture.blind if name is not None and name not in estate.targets]

    # ------------------------------------------------------------------ one step

    async def _turn(self) -> None:
        now = datetime.now(UTC)
        blinds: list[Blind] = []
        self._follow_clock(now)
        changes = Changes()
        items = [self._queue.popleft() for _ in range(min(len(self._queue), _BATCH))]
        rounds = [item for item in items if isinstance(item, Round)]
        looked = iter(delay.trains(rounds) if rounds else ())
        for item in items:
            try:
                self._take(next(looked) if isinstance(item, Round) else item, now, changes, blinds)
            except Exception:  # a bug with one item is logged and counted; the other targets go on
                self.failures += 1
                _log.exception("an item of the pipeline failed")
        self._look_at_uplinks(now, changes)
        self._repage |= self._board.page_is_due(now)
        _merge(changes, self._windows.look(self.assessor, now))
        _merge(changes, self.assessor.tick(now))  # last: what waited may settle what was held back
        if self._queue:
            self._wake.set()
        await self._commit(changes, now)
        if not self._unheard:
            self.all_heard.set()
        await self._watch_ledger()
        if rounds:
            await self._ledger.record_rounds(rounds)
        await self._snapshots.turn(now)
        await asyncio.gather(*map(self._ledger.record_blind, blinds))  # together: one commit for all of them

    def _follow_clock(self, now: datetime) -> None:
        """Move what is believed with a clock that was set; a host's sleep is no such step."""
        boot = time.clock_gettime(time.CLOCK_BOOTTIME)
        before, self._clocks = self._clocks, (now, boot)
        step = now - before[0] - timedelta(seconds=boot - before[1])
        if abs(step.total_seconds()) >= CLOCK_STEP_SECONDS:
            self.assessor.shift(step)
            self._windows.look_again(now)
            self._uplinks = Uplinks(self._uplinks.checks)
            self._silent_since = {key: since + step for key, since in self._silent_since.items()}

    def _look_at_uplinks(self, now: datetime, changes: Changes) -> None:
        for check in self._uplinks.checks:
            key = (check.target, check.name)
            failure, ask = self._uplinks.look(check, self._local_problem(check), self.assessor.beliefs[key].state, now)
            if failure is not None:
                self._board.observe(failure)
                self.assessor.hear(failure, now, changes)
            if ask:
                changes.ask.add(key)

    def _take(
        self, item: delay.Train | Silence | Turn | Loss | Polled, now: datetime, changes: Changes, blinds: list[Blind]
    ) -> None:
        if isinstance(item, delay.Train):
            self._on_round(item, now, changes, blinds)
        elif isinstance(item, Polled):
            self._on_poll(item, now, changes)
        elif isinstance(item, Silence):
            self._on_silence(item)
        elif isinstance(item, Loss):
            self._on_loss(item, now, changes)
        elif (item.target, item.check) in self.assessor.checks:
            if item.trait is Trait.ADDRESS:
                self._board.resolve(item)
            if item.old:
                changes.events.append(turn_event(item))

    async def _commit(self, changes: Changes, now: datetime, before_show: Callable[[], None] = lambda: None) -> None:
        for key in changes.ask:
            if check := self.assessor.checks.get(key):
                self._ask(check)
        if changes.events:
            self._tell_outages(changes.events)
            await self._record(changes.events)
        before_show()
        self._board.refresh(self.assessor, changes.fresh)  # first: what was fresh may have failed in the same step
        turned = self._board.show(self.assessor, changes.checks, changes.targets)
        if changes.events or turned or self._repage:
            self._repage = False
            self._board.page(now)

    def tell_resumed_outages(self, since: datetime) -> None:
        """Tell the engine of outages that stood in the ledger: they have no event that begins them."""
        for key, belief in self.assessor.beliefs.items():
            check = self.assessor.checks[key]
            if check.type == "icmp" and State.DOWN in (belief.state, belief.resumed):
                self._outage(check, since)

    def _tell_outages(self, events: Iterable[Event]) -> None:
        for event in events:
            if event.new != State.DOWN:
                continue
            if event.kind is EventKind.CHECK and event.check is not None:
                known = self.assessor.checks.get((event.target, event.check))
                concerned = [known] if known is not None else []
            elif event.kind is EventKind.TARGET:  # what depends on it may work again before it was called unreachable
                names = self.assessor.topology.descendants(event.target)
                concerned = [check for name in names for check in self.assessor.estate.targets[name].checks]
            else:
                continue
            for check in concerned:
                if check.type == "icmp":
                    self._outage(check, event.at)

    async def _record(self, events: Sequence[Event]) -> None:
        written = await self._ledger.record(events)
        self._take_written(written)
        if any(event.kind is EventKind.TARGET for event in written):
            await self._open_outages()
            self._on_states()

    def _take_written(self, events: Sequence[Event]) -> None:
        self.picture.events.extend(events)
        for event in events:
            _log_event(event)

    async def _open_outages(self) -> None:
        if self._ledger.problem:
            return  # what is open stands in the events; a ledger that fails must not hold up their pages
        outages = await self._ledger.outages(open_only=True, limit=_QUEUE_LIMIT)
        self.picture.open_outages = {outage.target: outage for outage in outages}
        notes = self.picture.notes
        self.picture.notes = {outage.id: notes[outage.id] for outage in outages if outage.id in notes}

    async def _load_notes(self) -> None:
        said = await self._ledger.notes([outage.id for outage in self.picture.open_outages.values()])
        self.picture.notes = {note.outage: tuple(n for n in said if n.outage == note.outage) for note in said}

    async def _watch_ledger(self) -> None:
        """Show whether the record can be kept, and tell of a change once: silence would be the worst answer."""
        self.picture.events.extend(self._ledger.take_notices())
        before, present = self.picture.ledger_problem, self._ledger.problem
        self.picture.ledger_problem = present
        if bool(before) == bool(present):
            return
        if present:
            await self.tell(f"the ledger cannot be written: {present}", old="ledger ok", new="ledger failed")
        else:
            self._windows.take(await self._ledger.windows(), datetime.now(UTC))  # it may be another file
            await self.tell("the ledger can be written again", old="ledger failed", new="ledger ok")

    def _on_silence(self, silence: Silence) -> None:
        """A line fell silent or speaks again: make sure now, of it and of what it may be the consequence of."""
        key = (silence.target, silence.check)
        if key not in self.assessor.checks:
            return
        for check in self.assessor.deciding(silence.target):
            self._ask(check)
        if silence.over:
            self._silent_since.pop(key, None)
            return
        self._silent_since[key] = silence.since
        for name in self.assessor.topology.ancestors(silence.target):
            for check in self.assessor.deciding(name):
                if check.type == "icmp":
                    self._ask(check)

    def _on_round(self, seen: delay.Train, now: datetime, changes: Changes, blinds: list[Blind]) -> None:
        item = seen.round
        key = (item.target, item.check)
        check = self.assessor.checks.get(key)
        if check is None:
            return  # removed while its echoes were under way
        self._board.count(seen)
        self._unheard.discard(key)
        good = seen.outcome is Outcome.OK
        troubles = self._hold_against_past(seen, changes)
        if good:
            self._answered(check)
            proven_at = datetime.fromtimestamp(seen.last, UTC)
            since = self._silent_since.get(key)
            if since is not None and proven_at > since:
                del self._silent_since[key]
            steady = item.target not in self.picture.blind
            if (
                steady
                and not troubles
                and self.assessor.stays(key, item.ended_at, proven_at, delay.describe(seen), changes)
            ):
                return
        observation = delay.observe(seen)
        observation = replace(observation, troubles=troubles) if good else self._honest(check, observation)
        if blind := self._board.see_blind(item, observation):
            blinds.append(blind)
        self._board.observe(observation)
        self.assessor.hear(observation, now, changes)

    def _hold_against_past(self, seen: delay.Train, changes: Changes) -> tuple[Trouble, ...]:
        """Return in what way a check is worse than it should be; bursts are sent because of losses and tell nothing."""
        quality = self.qualities.get((seen.round.target, seen.round.check))
        if quality is None:
            return ()
        key, before = (seen.round.target, seen.round.check), quality.ways
        if not seen.round.burst:
            belief = self.assessor.beliefs[key]
            outage = belief.state is State.DOWN or key in self._silent_since
            back = belief.works_since if belief.state in WORKS else None
            outage |= back is not None and back > seen.round.began_at
            changes.events += quality.look(seen, outage=outage)
        if quality.ways != before:
            self._snapshots.soon(key)
        return quality.troubles

    def _on_loss(self, item: Loss, now: datetime, changes: Changes) -> None:
        """Take what the engine found of loss at once where it begins; that it is over, the next round tells."""
        key = (item.target, item.check)
        quality = self.qualities.get(key)
        if quality is None:
            return
        quality.lose(item)
        self._snapshots.soon(key)
        belief = self.assessor.beliefs[key]
        if item.over or belief.state not in WORKS or belief.failures:
            return
        seen = Observation(
            *key, item.at, Outcome.OK, since=item.since, proven_at=item.since, troubles=quality.troubles,
            values=(("echoes_sent", float(item.echoes)), ("echoes_lost", float(item.lost))),
        )  # fmt: skip
        self.assessor.hear(seen, now, changes)

    def _honest(self, check: Check, observation: Observation) -> Observation:
        """Hold own trouble against a failed round, and date the failure from the first echo that was missed."""
        if silent_since := self._silent_since.get((check.target, check.name)):
            began = min(observation.since or observation.at, silent_since)
            observation = replace(observation, since=began)
        problem = self._local_problem(check)
        if problem is None:
            return observation
        if check in self._uplinks.checks:
            return fault(observation, problem)
        return replace(observation, outcome=Outcome.UNKNOWN, confirmed=False, detail=problem)

    def _on_poll(self, item: Polled, now: datetime, changes: Changes) -> None:
        check, seen = item.check, item.observation
        key = (check.target, check.name)
        if key not in self.assessor.checks:
            return  # removed while it was asked
        if seen.outcome is Outcome.NO_ANSWER and (problem := self._local_problem(check)):
            seen = replace(seen, outcome=Outcome.UNKNOWN, detail=problem)
        self._board.observe(seen)
        self._repage |= self._board.poll(item, seen)
        self._unheard.discard(key)
        self.assessor.hear(seen, now, changes)


def _log_event(event: Event) -> None:
    """Log what happened to targets and to the agent; changes of single checks stand in the ledger."""
    if event.kind is EventKind.AGENT:
        _log.info("%s: %s", event.target, event.reason)
    elif event.kind is not EventKind.CHECK:
        level = logging.WARNING if event.new in (State.DOWN, State.UNREACHABLE) else logging.INFO
        _log.log(level, "%s: %s -> %s: %s", event.target, event.old or "-", event.new or "-", event.reason)


def _merge(changes: Changes, more: Changes) -> None:
    changes.events.extend(more.events)
    changes.checks |= more.checks
    changes.targets |= more.targets
    changes.ask |= more.ask
    changes.fresh += more.fresh

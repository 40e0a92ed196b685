"""Writes the picture: what exporters and the status page read. Only the pipeline calls it, on the event loop."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from agent.core import delay
from agent.core.assessor import Assessor
from agent.core.delay import EchoTotals
from agent.core.looks import Looks
from agent.core.model import Check, Echo, Estate, Observation, Outcome, Page, Role, Round, Turn
from agent.core.paging import next_degraded, pages
from agent.core.picture import DevicePoll, Picture
from agent.core.ports import Blind
from agent.core.watch import Watched, Watcher

_STALE_INTERVALS: Final = 3.0  # as long as a check's belief lasts without evidence
_STALE_LEAST_SECONDS: Final = 30.0
POLLED_TYPES: Final = frozenset({"snmp", "host"})  # what gives a device its series

OnPages = Callable[[Sequence[Page], Sequence[Page]], None]


@dataclass(frozen=True, slots=True)
class Polled:
    """A finished probe run: what it saw, and what gives its series as text, compressed."""

    check: Check
    observation: Observation
    gzip_text: Callable[[], bytes] | None = None


class Board:
    """Keeps one picture true."""

    def __init__(self, picture: Picture, on_pages: OnPages) -> None:
        """Take the picture, and who is told of pages that begin and end."""
        self.picture = picture
        self._on_pages = on_pages
        self._page_at: datetime | None = None  # when time alone makes a page due
        self._polls: dict[str, dict[str, DevicePoll]] = {}  # by device and check
        self._looks = Looks()
        self._watcher = Watcher(picture.estate)

    def show(self, assessor: Assessor, checks: Iterable[tuple[str, str]], targets: Iterable[str]) -> bool:
        """Take over these beliefs and verdicts; what the assessor does not hold any more disappears.

        Returns:
            Whether a state or a mark is another now, be it only found again after a restart, which is no event.
        """
        picture, beliefs, verdicts = self.picture, assessor.beliefs, assessor.verdicts
        picture.held = assessor.held()
        turned = False
        shown = {(check.target, check.name) for name, _ in checks if name in assessor.estate.targets
                 for check in assessor.estate.targets[name].checks}.union(checks)  # fmt: skip
        for name in targets:
            if name in verdicts:
                before, after = picture.verdicts.get(name), verdicts[name]
                turned |= before is None or (before.state, before.marks) != (after.state, after.marks)
                picture.verdicts[name] = after
                shown.update((name, check.name) for check in assessor.estate.targets[name].checks)
            else:
                picture.verdicts.pop(name, None)
        for key in shown:
            if key in beliefs:
                known, belief = picture.health.get(key), assessor.shown(*key)
                turned |= known is None or known.state is not belief.state
                picture.health[key] = belief
            else:
                picture.health.pop(key, None)
        return turned

    def refresh(self, assessor: Assessor, checks: Iterable[tuple[str, str]]) -> None:
        """Take over new evidence for checks that are up, of targets that are: nothing else about them is new."""
        health, verdicts = self.picture.health, self.picture.verdicts
        beliefs, judged = assessor.beliefs, assessor.verdicts
        for key in checks:
            health[key] = beliefs[key]
            verdicts[key[0]] = judged[key[0]]

    def page(self, now: datetime) -> None:
        """Work out anew which pages are due, and tell of those that begin and end."""
        picture = self.picture
        self._page_at = next_degraded(picture.verdicts.values(), now)
        before = {_identity(page): page for page in picture.pages}
        due = pages(
            picture.estate,
            picture.verdicts,
            picture.health,
            now,
            excuses=picture.excuses,
            earlier=picture.pages if picture.ready else None,  # what the first round finds was there before
            flags=picture.flags,
            interfaces={name: poll.watched for name, poll in picture.polls.items() if now <= poll.fresh_until},
        )
        picture.pages = tuple(_aged(page, before.get(_identity(page))) for page in due)
        after = {_identity(page): page for page in picture.pages}
        new = [page for key, page in after.items() if key not in before]
        gone = [page for key, page in before.items() if key not in after]
        if new or gone:
            self._on_pages(new, gone)

    def page_is_due(self, now: datetime) -> bool:
        """Say whether a page may be due because time has passed."""
        return self._page_at is not None and now >= self._page_at

    def count(self, seen: delay.Train) -> None:
        """Take a round as what its check saw last, its totals, and a regular round's figures."""
        key = (seen.round.target, seen.round.check)
        self.picture.observations[key] = seen
        if not seen.round.burst:
            self.picture.rounds[key] = seen
        totals = self.picture.echoes.get(key)
        if totals is None:
            totals = self.picture.echoes[key] = EchoTotals()
        delay.add(totals, seen)

    def observe(self, observation: Observation) -> None:
        """Keep a check's last observation, where it is no round that speaks for itself."""
        self.picture.observations[observation.target, observation.check] = observation

    def resolve(self, turn: Turn) -> None:
        """Keep the addresses that a check's name has."""
        self.picture.addresses[turn.target, turn.check] = tuple(turn.new.split(", "))

    def poll(self, item: Polled, seen: Observation) -> bool:
        """Take a device's poll; return whether other interfaces of it are down now."""
        target = self.picture.estate.targets.get(item.check.target)
        if target is None or target.role is not Role.DEVICE or item.check.type not in POLLED_TYPES:
            return False
        if seen.hardware is not None:  # a poll that did not look, or got no answer, takes nothing away
            self.picture.hardware[target.name] = self._looks.see(target.name, seen.check, seen.hardware)
        polls = self._polls.setdefault(target.name, {})
        before = self.picture.polls.get(target.name)
        watched: tuple[Watched, ...] = ()
        if seen.outcome is Outcome.OK and seen.interfaces:
            watched = self._watcher.look(target.name, seen.interfaces, seen.facts, seen.at, complete=seen.complete)
        polls[item.check.name] = _device_poll(item, seen, watched, polls.get(item.check.name))
        poll = self.picture.polls[target.name] = _together(list(polls.values()))
        return _alarming(poll.watched) != _alarming(before.watched if before is not None else ())

    def swap(self, estate: Estate) -> None:
        """Take a new configuration; nothing of what was removed stays."""
        picture = self.picture
        picture.estate = estate
        picture.accounts = {name: account for name, account in picture.accounts.items() if name in estate.targets}
        self._watcher.swap(estate)
        keys = {(check.target, check.name) for check in estate.checks()}
        for store in (picture.observations, picture.rounds, picture.echoes, picture.addresses):
            for key in [key for key in store if key not in keys]:
                store.pop(key)
        for name, polls in list(self._polls.items()):
            for check in [check for check in polls if (name, check) not in keys]:
                del polls[check]
            if polls:
                picture.polls[name] = _together(list(polls.values()))
            else:
                del self._polls[name], picture.polls[name]
        picture.hardware = self._looks.keep(keys)
        for name in [name for name in picture.flags if name not in estate.targets]:
            del picture.flags[name]

    # ------------------------------------------------------------------ blind time

    def see_blind(self, item: Round, observation: Observation) -> Blind | None:
        """Begin or end a target's blind span as a round says; return the span for the ledger, or None."""
        present = self.picture.blind.get(item.target)
        if observation.outcome is Outcome.UNKNOWN:
            if present is not None:
                return None
            unanswered = item.sent_at_seconds[item.outcomes != Echo.RECEIVED]
            began = datetime.fromtimestamp(float(unanswered[0]), UTC) if len(unanswered) else item.began_at
            span = self.picture.blind[item.target] = Blind(item.target, observation.detail, began, None)
            return span
        if present is None:
            return None
        return self.end_blind(item.target, observation.since or item.began_at)

    def end_blind(self, target: str, at: datetime) -> Blind:
        """End a target's open blind span."""
        span = self.picture.blind.pop(target)
        ended = max(at, span.began_at)
        self._add_blind(target, (ended - span.began_at).total_seconds())
        return replace(span, ended_at=ended)

    def gap(self, why: str, began: datetime, ended: datetime) -> Blind:
        """Take a span in which the whole agent did not run."""
        self._add_blind("", (ended - began).total_seconds())
        return Blind(None, why, began, ended)

    def _add_blind(self, key: str, seconds: float) -> None:
        self.picture.blind_seconds[key] = self.picture.blind_seconds.get(key, 0.0) + seconds


def _identity(page: Page) -> frozenset[tuple[str, str]]:
    return frozenset(page.labels.items())


def _aged(page: Page, known: Page | None) -> Page:
    """Keep the beginning of a flag's page: the flag itself has none."""
    return replace(page, since=known.since) if known is not None and page.alert == "HardwareFlag" else page


def _together(polls: list[DevicePoll]) -> DevicePoll:
    """Return the polls of one device as one; gzip members may follow one another (RFC 1952, 2.2)."""
    if len(polls) == 1:
        return polls[0]
    texts = [poll.gzip_text for poll in polls if poll.gzip_text is not None]
    success = all(poll.success for poll in polls)
    durations = [poll.duration_seconds for poll in polls if poll.duration_seconds is not None]
    return DevicePoll(
        at=max(poll.at for poll in polls),
        success=success,
        duration_seconds=sum(durations) if durations else None,
        detail="; ".join(poll.detail for poll in polls if poll.success is success),
        fresh_until=min(poll.fresh_until for poll in polls),
        gzip_text=partial(_joined, texts) if texts else None,
        series_count=sum(poll.series_count for poll in polls),
        interfaces=tuple(interface for poll in polls for interface in poll.interfaces),
        facts=tuple(fact for poll in polls for fact in poll.facts),
        watched=tuple(watched for poll in polls for watched in poll.watched),
        complete=all(poll.complete for poll in polls),
    )


def _joined(texts: Sequence[Callable[[], bytes]]) -> bytes:
    return b"".join([text() for text in texts])


def _alarming(watched: Iterable[Watched]) -> set[str]:
    return {one.interface for one in watched if one.alarms}


def _device_poll(
    item: Polled, seen: Observation, watched: tuple[Watched, ...], before: DevicePoll | None
) -> DevicePoll:
    life = max(_STALE_INTERVALS * item.check.interval_seconds, _STALE_LEAST_SECONDS)
    good = seen.outcome is Outcome.OK
    facts = seen.facts
    if good and not seen.complete and before is not None:  # what was not read has not ended: a flag stays
        said = {fact.name for fact in facts}
        facts += tuple(fact for fact in before.facts if fact.name not in said)
    return DevicePoll(
        at=seen.at,
        success=good,
        duration_seconds=seen.duration_seconds,
        detail=seen.detail,
        fresh_until=seen.at + timedelta(seconds=life),
        gzip_text=item.gzip_text if good else None,
        series_count=len(seen.series) if good and seen.series is not None else 0,
        interfaces=seen.interfaces,
        traffic=seen.traffic,
        facts=facts,
        watched=watched,
        complete=good and seen.complete,
    )

"""The hardware desk: what is found of each piece of hardware, and which is to be replaced first.

It looks now and then at what the polls have seen, so that nothing of this stands in the way of a measurement; what
takes long runs in a thread, a few hundred devices at a time. The picture shows the flags, and the ranked report.
"""

import asyncio
import gc
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from agent.core.ageing import Case, Found, Judges, case_of, judged, rank
from agent.core.ageing_report import AgeingReport, report
from agent.core.consequence import Consequences
from agent.core.maintenance import Calendar, Window
from agent.core.model import AssetRow, Estate, Event, Fact, Role
from agent.core.picture import DevicePoll, Picture
from agent.core.ports import Ledger
from agent.core.register import disagreement
from agent.core.register import report as compared
from agent.core.subjects import Subject, of_device, of_row
from agent.lives import Lives

if TYPE_CHECKING:
    from agent.core.hardware import Hardware, Piece

_log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 2.0  # a failed part is a ticket: two seconds more are nothing
REPORT_SECONDS: Final = 30.0  # at most so long a change waits for the next report
_REPORT_SHARE: Final = 0.01  # of the time goes into reports: that of a small estate follows at once
_AT_ONCE: Final = 200  # devices judged in one go of the thread: some 20 ms, between which the loop has its turn
_TAKEN_AT_ONCE: Final = 50  # some 5 ms, where each has 50 ports
_MANY: Final = 1_000  # devices: below that a walk of the garbage collector is not felt
_TRENDS_AT_ONCE: Final = 50  # devices whose history is read in one look, after midnight
_BEGIN_SECONDS: Final = 2.0  # at most so long the start waits for trends; the rest follows
_KEPT_SECONDS: Final = 60.0  # joining a register of twenty thousand rows takes half a second
_TRACEBACKS: Final = 10  # of bugs that are logged: one rule that fails for every device must not fill the disk

T = TypeVar("T")
Key = tuple[str, str]  # ("", device), or (FILE:LINE, name) of a row of a register


def _utc_now() -> datetime:
    return datetime.now(UTC)


async def _untold(_events: Sequence[Event]) -> None:
    return


class HardwareDesk:
    """Keeps `picture.flags` and `picture.ageing` true.

    Attributes:
        failures: devices that met a bug; the log has the first tracebacks.
    """

    def __init__(
        self,
        picture: Picture,
        ledger: Ledger,
        *,
        judges: Judges | None = None,
        changed: Callable[[], None] = lambda: None,
        tell: Callable[[Sequence[Event]], Awaitable[None]] = _untold,
        clock: Callable[[], datetime] = _utc_now,
        look_seconds: float = LOOK_SECONDS,
        report_seconds: float = REPORT_SECONDS,
    ) -> None:
        """Take where the polls are shown and what is kept.

        Args:
            changed: told that flags have changed.
            tell: records events: hardware that was replaced.
        """
        self._picture = picture
        self.judges = judges or Judges()
        self._changed = changed
        self._tell = tell
        self._clock = clock
        self._look_seconds = look_seconds
        self._report_seconds = report_seconds
        self._step = asyncio.Lock()  # a reload waits for the look under way
        self._lives = Lives(ledger, clock().date())
        self._consequences = Consequences(picture.estate)
        self._seen: dict[str, Hardware] = {}
        self._facts: dict[str, tuple[Fact, ...]] = {}  # of the last poll that said anything new
        self._polls: dict[str, DevicePoll] = {}
        self._trends: dict[str, Found] = {}
        self._trends_due: deque[str] = deque()
        self._stale: dict[Key, None] = {}
        self._rows: dict[Key, AssetRow] = {}
        self._cases: dict[Key, Case] = {}
        self._report_due = False
        self._calendar: tuple[tuple[Window, ...], Estate, Calendar] | None = None
        self.failures = 0
        self._next_report = float("-inf")

    # ------------------------------------------------------------------ life

    async def begin(self) -> None:
        """Go on from the ledger, and judge everything by what is known before the first poll."""
        await self._lives.begin(self._picture.estate.targets)
        self._all_anew()
        async with self._step:
            await self._find_trends(_BEGIN_SECONDS)
            await self._judge()
            await self._rank()

    async def run(self) -> None:
        """Look until cancelled. A bug in it is logged, and the agent goes on to watch."""
        while True:
            await asyncio.sleep(self._look_seconds)
            try:
                await self.look()
            except Exception:
                _log.exception("what the hardware is like could not be worked out")

    async def close(self) -> None:
        """Keep the day as it is so far, and when each piece was seen last."""
        async with self._step:
            await self._lives.close()

    async def reconfigure(self, renamed: Mapping[str, str]) -> None:
        """Follow the picture's new estate.

        Args:
            renamed: old name -> new one.
        """
        async with self._step:
            estate = self._picture.estate
            self._lives.swap(estate.targets, renamed)
            _follow(self._seen, renamed, estate.targets)
            _follow(self._facts, renamed, estate.targets)
            _follow(self._polls, renamed, estate.targets)
            _follow(self._trends, renamed, estate.targets)
            self._consequences = Consequences(estate)
            self._cases.clear()
            self._all_anew()
            await self._judge()
            await self._rank()

    def _all_anew(self) -> None:
        estate = self._picture.estate
        self._rows = {(row.source, row.name): row for row in estate.assets}
        devices = [name for name, target in estate.targets.items() if target.role is Role.DEVICE]
        self._stale = dict.fromkeys([*(("", name) for name in devices), *self._rows])
        self._trends_due = deque(devices if self.judges.daily else ())

    # ------------------------------------------------------------------ one look

    async def look(self) -> None:
        """Take what the polls have seen since, and work out what follows."""
        async with self._step:
            today = self._clock().date()
            new_day = today != self._lives.day
            with _uncollected(new_day and len(self._cases) >= _MANY):
                if new_day:
                    await self._lives.turn(today)
                    self._all_anew()
                await self._take_polls()
                await self._find_trends(0.0)
                await self._judge()
            if self._report_due and time.monotonic() >= self._next_report:
                await self._rank()

    async def _take_polls(self) -> None:
        """Find what is new: another look at the hardware, or another word of a device about itself.

        A figure that moves with each poll is no change of what a device is; it is judged with the next look.
        """
        changed: list[Piece] = []
        events: list[Event] = []
        targets, hardware = self._picture.estate.targets, self._picture.hardware
        fresh = [(name, seen) for name, seen in hardware.items() if self._seen.get(name) is not seen]
        for number, (name, seen) in enumerate(fresh, 1):
            if number % _TAKEN_AT_ONCE == 0:
                await asyncio.sleep(0)
            if name in targets:
                self._seen[name] = seen
                changed += self._lives.take(name, seen, events)
                self._stale[("", name)] = None
        for number, (name, poll) in enumerate(list(self._picture.polls.items()), 1):
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
            if not poll.success or name not in targets:
                continue  # a device that cannot be asked for a while has not been mended
            if self._polls.get(name) is not poll:
                self._polls[name] = poll
                self._lives.take_poll(name, poll, partial(self._covered, name))
            if _lasting(self._facts.get(name)) != _lasting(poll.facts):
                self._facts[name] = poll.facts
                self._stale[("", name)] = None
        await self._lives.keep(changed)
        await self._lives.keep_ended()
        if events:
            for event in events:
                self._trends.pop(event.target, None)  # those of the piece that is gone
            await self._tell(events)

    def _covered(self, name: str, at: datetime) -> bool:
        """Say whether maintenance is announced for a device at a moment: a restart may lie before the agent's own."""
        windows, estate = self._picture.windows, self._picture.estate
        if self._calendar is None or self._calendar[0] is not windows or self._calendar[1] is not estate:
            self._calendar = windows, estate, Calendar(windows, estate)
        return self._calendar[2].covers(name, at)

    async def _find_trends(self, seconds: float) -> None:
        """Judge the history of the next few devices, and of more for as long as given."""
        until = time.monotonic() + seconds
        while self._trends_due:
            for _ in range(min(_TRENDS_AT_ONCE, len(self._trends_due))):
                await self._find_trend(self._trends_due.popleft())
            if time.monotonic() >= until:
                return

    async def _find_trend(self, name: str) -> None:
        subject = self._subject(("", name))
        if subject is None:
            return
        subject = replace(subject, wear=await self._lives.history(name))
        policy = self._picture.estate.hardware
        try:
            found = await asyncio.to_thread(judged, subject, self.judges.daily, policy, self._lives.day)
        except Exception:
            self._failed(name)
            return
        if self._trends.get(name, Found()) != found:
            self._trends[name] = found
            self._stale[("", name)] = None

    async def _judge(self) -> None:
        """Judge what has changed, some hundred at a time."""
        told = False
        waiting, self._stale = deque(self._stale), {}
        while waiting:
            keys = [waiting.popleft() for _ in range(min(_AT_ONCE, len(waiting)))]
            estate = self._picture.estate
            subjects = [(key, subject) for key in keys if (subject := self._subject(key)) is not None]
            cases = await asyncio.to_thread(self._cases_of, estate, subjects)
            if estate is self._picture.estate:  # else a reload came between, and judges everything anew
                told |= self._show(cases)
        if told:
            self._changed()

    def _subject(self, key: Key) -> Subject | None:
        source, name = key
        if source:
            return of_row(self._rows[key])
        target = self._picture.estate.targets.get(name)
        if target is None:
            return None
        return of_device(
            target,
            self._facts.get(name, ()),
            self._picture.hardware.get(name),
            self._lives.of(name),
            self._lives.parts(name),
        )

    def _cases_of(self, estate: Estate, subjects: Iterable[tuple[Key, Subject]]) -> list[tuple[Key, Case]]:
        """Return cases, not ranked. Runs in a thread."""
        judges, today = self.judges.now, self._lives.day
        found: list[tuple[Key, Case]] = []
        for key, subject in subjects:
            trend = self._trends.get(key[1]) if not key[0] else None
            try:
                found.append((key, case_of(subject, judges, self._consequences, estate, today, trend)))
            except Exception:
                self._failed(subject.name)
        return found

    def _failed(self, name: str) -> None:
        """Take note of a bug: of that device stays what was found before, and the others go on."""
        self.failures += 1
        if self.failures <= _TRACEBACKS:
            _log.exception("%s: what its hardware is like could not be worked out", name)

    def _show(self, cases: Iterable[tuple[Key, Case]]) -> bool:
        """Show these; return whether a flag came or went."""
        told = False
        flags = self._picture.flags
        for key, case in cases:
            if self._cases.get(key) != case:
                self._cases[key] = case
                self._report_due = True
            if key[0]:
                continue
            told |= flags.get(case.name, ()) != case.flags
            if case.flags:
                flags[case.name] = case.flags
            else:
                flags.pop(case.name, None)
        return told

    async def _rank(self) -> None:
        self._report_due, began = False, time.monotonic()
        cases = tuple(self._cases.values())
        estate, hardware = self._picture.estate, dict(self._picture.hardware)
        self._picture.ageing = await asyncio.to_thread(_report, cases, self._clock(), self._lives.day, estate, hardware)
        ended = time.monotonic()
        self._next_report = ended + min((ended - began) / _REPORT_SHARE, self._report_seconds)


class NowAndThen(Generic[T]):
    """What the whole estate shows together, and is dear to find: found anew now and then."""

    def __init__(self, find: Callable[[], T], seconds: float = _KEPT_SECONDS) -> None:
        """Find it with the first question."""
        self._find = find
        self._seconds = seconds
        self._until = float("-inf")

    def __call__(self) -> T:
        """Return what was found last. Runs in a thread."""
        if time.monotonic() >= self._until:
            self._known = self._find()
            self._until = time.monotonic() + self._seconds
        return self._known


@contextmanager
def _uncollected(wanted: bool) -> Iterator[None]:
    """Keep the garbage collector out of what makes a million objects: one walk through them takes half a second.

    None of them is in a cycle; what is there afterwards stays, and need not be walked through again.
    """
    if not wanted or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _follow(store: dict[str, T], renamed: Mapping[str, str], targets: Container[str]) -> None:
    store.update([(new, store.pop(old)) for old, new in renamed.items() if old in store])
    for name in [name for name in store if name not in targets]:
        del store[name]


def _lasting(facts: tuple[Fact, ...] | None) -> tuple[Fact, ...] | None:
    return None if facts is None else tuple(fact for fact in facts if type(fact.value) is not float)


def _report(
    cases: Sequence[Case], now: datetime, today: date, estate: Estate, hardware: "Mapping[str, Hardware]"
) -> AgeingReport:
    return report(rank(cases), now, today, register=disagreement(compared(estate, hardware, today)))

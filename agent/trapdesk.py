"""What traps lead to: the devices and circuits that they concern are measured at once, and nothing else.

A trap never becomes a belief, an event or a page. What it says may be forged; what the measurement says is evidence.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from agent.core.model import Check, Estate, Interface
from agent.core.picture import Picture
from agent.core.ports import TrapSource
from agent.core.traps import (
    BURST_GAP_SECONDS,
    POLL_GAP_SECONDS,
    Pace,
    Trap,
    TrapRules,
    device_addresses,
    is_address,
    senders,
)
from agent.traplog import TrapLog

_log = logging.getLogger(__name__)

RESOLVE_SECONDS: Final = 300.0  # how old the addresses of devices may be that are named by a name
_RESOLVED_AT_ONCE: Final = 8


class TrapDesk:
    """Takes traps, and asks for measurements: one poll of a device in five seconds, however many traps tell of it.

    Attributes:
        polls, bursts: what was asked for because of traps.
        put_off: what waited for its turn, because the same was asked for just before.
    """

    def __init__(
        self,
        picture: Picture,
        *,
        poll: Callable[[Check], None],
        burst: Callable[[Check], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the picture, and what measures.

        Args:
            poll: polls a device at once; where it is being polled already, once more after that.
            burst: sends a few echoes at once.
            clock: seconds that do not go back.
        """
        self.polls = self.bursts = self.put_off = 0
        self._picture = picture
        self._poll, self._burst = poll, burst
        self._clock = clock
        self._rules: tuple[Estate, TrapRules] | None = None
        self._poll_pace, self._burst_pace = Pace(POLL_GAP_SECONDS), Pace(BURST_GAP_SECONDS)
        self._checks: dict[tuple[str, str], Check] = {}
        self._soon = asyncio.Event()
        self._log = TrapLog()

    async def run(self, source: TrapSource) -> None:
        """Take traps until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._catch_up(), name="traps-put-off")
            async for trap in source:
                try:
                    self.take(trap)
                except Exception:  # a bug with one trap must not end the hearing of others
                    _log.exception("a trap from %s failed", trap.address)

    def take(self, trap: Trap) -> None:
        """Ask for what a trap concerns."""
        interfaces: Mapping[str, tuple[Interface, ...]] = {
            name: poll.interfaces for name in trap.devices if (poll := self._picture.polls.get(name)) is not None
        }
        concern = self._present_rules().concern(trap, interfaces)
        now = self._clock()
        asked = [check for check in concern.polls if self._poll_pace.may(self._key(check), now)]
        echoes = [check for check in concern.bursts if self._burst_pace.may(self._key(check), now)]
        self.put_off += len(concern.polls) + len(concern.bursts) - len(asked) - len(echoes)
        self._measure(asked, echoes)
        wanted = bool(concern.polls or concern.bursts)
        self._log.tell(trap, "looked at now" if asked or echoes else "looked at again soon" if wanted else "", now)
        self._soon.set()

    def _present_rules(self) -> TrapRules:
        estate = self._picture.estate
        if self._rules is None or self._rules[0] is not estate:
            self._rules = (estate, TrapRules(estate))
            self._checks = {(check.target, check.name): check for check in estate.checks()}
        return self._rules[1]

    @staticmethod
    def _key(check: Check) -> tuple[str, str]:
        return check.target, check.name

    def _measure(self, polls: Iterable[Check], bursts: Iterable[Check]) -> None:
        for check in polls:
            self.polls += 1
            self._poll(check)
        for check in bursts:
            self.bursts += 1
            self._burst(check)

    async def _catch_up(self) -> None:
        """Ask for what was put off, when its time has come."""
        while True:
            due = [at for pace in (self._poll_pace, self._burst_pace) if (at := pace.next_at()) is not None]
            try:
                async with asyncio.timeout(max(0.0, min(due) - self._clock()) if due else None):
                    await self._soon.wait()
            except TimeoutError:
                self.catch_up()
            self._soon.clear()

    def catch_up(self) -> None:
        """Ask for what was put off and may be asked for now; what was removed since is left."""
        self._present_rules()
        now = self._clock()
        polls = [self._checks[key] for key in self._poll_pace.due(now) if key in self._checks]
        bursts = [self._checks[key] for key in self._burst_pace.due(now) if key in self._checks]
        self._measure(polls, bursts)


class KnownSenders:
    """Tells a source who may send: at once, after each reload, and when a name may have moved."""

    def __init__(self, source: TrapSource, picture: Picture) -> None:
        """Begin with nobody."""
        self._source = source
        self._picture = picture
        self._resolved: Mapping[str, tuple[str, ...]] = {}
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Look at the estate anew: it was swapped."""
        self._changed.set()

    async def run(self) -> None:
        """Keep at it until cancelled."""
        while True:
            self._changed.clear()
            estate = self._picture.estate
            self._source.know(senders(estate, self._resolved))  # those that need no look-up wait for none
            if names := sorted(_names(estate)):
                found = await resolved(names)
                # a name server that fails takes nobody's word away
                self._resolved = {name: found.get(name, self._resolved.get(name, ())) for name in names}
                self._source.know(senders(estate, self._resolved))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RESOLVE_SECONDS):
                    await self._changed.wait()


def _names(estate: Estate) -> set[str]:
    return {
        written
        for target in estate.targets
        for written in device_addresses(estate, target)
        if not is_address(written)
    }  # fmt: skip


async def resolved(names: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the addresses of names; one that has none is left out."""
    loop = asyncio.get_running_loop()
    room = asyncio.Semaphore(_RESOLVED_AT_ONCE)

    async def look_up(name: str) -> tuple[str, tuple[str, ...]]:
        async with room:
            try:
                found = await loop.getaddrinfo(name, None)
            except (OSError, UnicodeError):
                return name, ()
            return name, tuple(dict.fromkeys(str(entry[4][0]) for entry in found))

    return {name: addresses for name, addresses in await asyncio.gather(*map(look_up, names)) if addresses}

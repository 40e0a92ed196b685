"""The seams: what the application expects of a probe, a stream, the ledger and an exporter."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import ClassVar, Protocol

from agent.core.hardware import Piece, Wear
from agent.core.maintenance import Window
from agent.core.model import Check, Event, EventKind, Observation, Outage, Round, SnmpAuth, State, StreamItem
from agent.core.notes import Note
from agent.core.ondemand import SnmpQuery
from agent.core.series import SeriesBlock
from agent.core.traps import Sender, Trap


@dataclass(frozen=True, slots=True)
class Resources:
    """What probes share. Given when a probe is made and again at each reload.

    Attributes:
        auths: SNMP credentials by name.
        module_files: further snmp.yml module files named in the configuration.
        proc_root: the kernel's view of this host.
    """

    auths: Mapping[str, SnmpAuth] = field(default_factory=dict)
    module_files: tuple[Path, ...] = ()
    proc_root: Path = Path("/proc")


class Probe(Protocol):
    """A way of measuring that is asked now and then.

    A probe module has two names that the registry looks for: `Settings` (pydantic, `agent.core.units.Strict`, with at
    least `type: Literal["..."]`, `interval: Duration`, `timeout: Duration`) and `Probe` (a class with this protocol).
    Settings of a probe that does different things at different speeds have a property `cadence`: how often it is due.
    """

    type: ClassVar[str]

    def __init__(self, resources: Resources) -> None: ...

    def configure(self, resources: Resources) -> None:
        """Take the resources of a reloaded configuration; runs under way end as they began."""

    async def run(self, check: Check) -> Observation:
        """Measure once. Never raises for what the network or the peer does; an exception is a bug.

        The runner enforces the deadline `check.settings.timeout` from outside by cancelling; a probe that is cancelled
        frees what it holds.
        """

    async def close(self) -> None: ...


class Stream(Protocol):
    """A way of measuring that runs all the time."""

    async def configure(self, checks: Sequence[Check]) -> None:
        """Watch these and no others; a check that stays keeps its counters, silence and pending echoes."""

    def burst(self, target: str, check: str) -> None:
        """Send a few echoes at once; a `Round` with `burst` set follows. Unknown name, burst under way: nothing."""

    def loss_snapshots(self) -> Mapping[tuple[str, str], bytes]:
        """Return what is learnt of each (target, check)'s losses: to be kept over a restart, by nobody to be read."""

    def resume_losses(self, snapshots: Mapping[tuple[str, str], bytes]) -> None:
        """Go on where these were taken; before the first `configure`.

        A `Loss` that lasted when its snapshot was taken is told anew. What cannot be used is logged and learnt anew.
        """

    def usual_loss(self, target: str, check: str) -> float | None:
        """Return the share of its echoes that a check usually loses; None before anything is learnt."""

    def __aiter__(self) -> AsyncIterator[StreamItem]: ...

    async def close(self) -> None: ...


class OnDemand(Protocol):
    """Polls a device because somebody asks for it now, and not because it is due."""

    async def scrape(self, query: SnmpQuery) -> SeriesBlock:
        """Return a device's series as snmp_exporter would give them.

        Asks `query.address` and resolves nothing. It is cancelled after `query.timeout_seconds`, and frees what it
        holds. Any number may be under way at once.

        Raises:
            UnknownName: there is no such auth or module.
            CollectionFailed: the device did not answer, or not as its modules want it; or an auth cannot be used.
        """


@dataclass(frozen=True, slots=True)
class TrapSetup:
    """How traps are received.

    Attributes:
        listen: `ADDRESS:PORT` each, or `systemd` for the sockets that systemd handed over; empty: not at all.
        rate: traps of one sender that are looked at in a second.
        auths: communities and users that count.
    """

    listen: tuple[str, ...] = ()
    rate: float = 20.0
    auths: Mapping[str, SnmpAuth] = field(default_factory=dict)


class TrapSource(Protocol):
    """Where traps come in; iterating gives each that counts."""

    async def configure(self, setup: TrapSetup) -> None:
        """Listen on these addresses and no others: on all of them, or as before.

        Raises:
            OSError: an address cannot be listened on; the text names it and the likely way out.
        """

    def know(self, senders: Mapping[str, Sender]) -> None:
        """Take from these addresses, and drop what comes from others."""

    def __aiter__(self) -> AsyncIterator[Trap]: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are asked for; None asks for all. `limit` takes the newest; they come oldest first."""

    target: str | None = None
    kinds: tuple[EventKind, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class Blind:
    """A span in which the agent could not measure; `target` None: all of them, `ended_at` None: it still cannot."""

    target: str | None
    why: str
    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class DetectorState:
    """What a detector has learnt of one check, as its own snapshot."""

    target: str
    check: str
    detector: str
    at: datetime
    state: bytes


@dataclass(frozen=True, slots=True)
class Resumed:
    """What the ledger knew when it was opened.

    Attributes:
        checks: (target, check) -> (state, since).
        targets: target -> (state, since, causes).
        outages: the open ones.
        failures: target -> when it became down by itself, within the last hour, oldest first.
        alive_until: the last moment the former run is known to have been alive; None for a new ledger.
        clean: whether the former run stopped by itself.
    """

    checks: Mapping[tuple[str, str], tuple[State, datetime | None]] = field(default_factory=dict)
    targets: Mapping[str, tuple[State, datetime | None, tuple[str, ...]]] = field(default_factory=dict)
    outages: tuple[Outage, ...] = ()
    failures: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    alive_until: datetime | None = None
    clean: bool = True


class NotRecordedError(Exception):
    """What somebody said was not taken, because the ledger cannot be written; the text says why."""


class Ledger(Protocol):
    """The record. Every call is a coroutine; one writer thread stands behind it."""

    @property
    def problem(self) -> str:
        """Why nothing can be written now; empty when it can."""

    def take_notices(self) -> list[Event]:
        """Return, once, the events that the ledger wrote about itself."""

    async def resume(self) -> Resumed: ...

    async def record(self, events: Sequence[Event]) -> Sequence[Event]:
        """Write events durably, opening and closing outages as TARGET events say; return them with their ids.

        Returns when they are on disk (synchronous=FULL). While the ledger cannot be written it returns at once,
        keeps them in a bounded queue and writes them later, marked `late`.
        """

    async def record_rounds(self, rounds: Sequence[Round]) -> None:
        """Keep raw rounds, packed; may be lost in the last seconds before a crash."""

    async def record_blind(self, blind: Blind) -> None:
        """Write the start (`ended_at` None) or the end of a blind span."""

    async def record_detectors(self, states: Sequence[DetectorState]) -> None:
        """Keep what detectors have learnt, each instead of its former state; what is older than a month goes."""

    async def detectors(self, only: str | None = None) -> Sequence[DetectorState]:
        """Return what is kept of one detector, or of all, in order of targets."""

    async def record_pieces(self, pieces: Sequence[Piece]) -> None:
        """Keep pieces of hardware, each instead of what was known of it by its name and first moment."""

    async def pieces(self) -> Sequence[Piece]:
        """Return all that are kept, by name, of each name in the order of their coming."""

    async def add_window(self, window: Window, event: Event) -> tuple[Window, Event]:
        """Write a window and the event that tells of it, durably; return both with their ids.

        Raises:
            NotRecordedError: it cannot be written now, and nothing was taken.
        """

    async def cancel_window(self, number: int, at: datetime, event: Event) -> tuple[Window, Event] | None:
        """Write that a window counts no longer, from `at` on; None where there is none, or it was cancelled before.

        Raises:
            NotRecordedError: it cannot be written now, and nothing was taken.
        """

    async def windows(self) -> Sequence[Window]:
        """Return all that are kept, in the order in which they were added."""

    async def add_note(self, note: Note, event: Event) -> tuple[Note, Event] | None:
        """Write a note and the event that tells of it, durably; None where there is no such outage.

        Raises:
            NotRecordedError: it cannot be written now, and nothing was taken.
        """

    async def notes(self, outages: Sequence[int]) -> Sequence[Note]:
        """Return the notes of these outages, in the order in which they were written."""

    async def events(self, wanted: EventFilter) -> Sequence[Event]: ...

    async def outages(self, *, target: str | None = None, open_only: bool = False, since: datetime | None = None,
                      limit: int = 1000) -> Sequence[Outage]: ...  # fmt: skip

    async def blind(self, since: datetime, until: datetime) -> Sequence[Blind]: ...

    async def record_wear(self, values: Sequence[Wear]) -> None:
        """Keep what days did to hardware, each instead of its former value; after 400 days it goes, within a month."""

    async def wear(self, since: date, target: str | None = None) -> Sequence[Wear]:
        """Return what is kept of that day and of later ones, by target, item and day; of one target, or of all."""

    async def close(self) -> None: ...

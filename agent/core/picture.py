"""The agent's present picture of the estate: what exporters and the status page read.

Only the pipeline, the self-check, the hardware desk and what learns dependencies write to it, on the event loop;
readers take what they find there. It holds frozen values, so a reader that keeps one keeps a truth of its time.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from agent.core.account import Account
from agent.core.ageing_report import AgeingReport
from agent.core.delay import EchoTotals, RoundSummary, Train, observe, summarize
from agent.core.hardware import Hardware
from agent.core.learnt import Learning
from agent.core.maintenance import Excuse, Window
from agent.core.model import Estate, Event, Fact, HardwareFlag, Health, Interface, Observation, Outage, Page, Verdict
from agent.core.notes import Note
from agent.core.ports import Blind
from agent.core.quality import Qualities
from agent.core.traffic import Traffic
from agent.core.verdict import Held
from agent.core.watch import Watched

RECENT_EVENTS: Final = 200  # what the status page shows; the ledger has all of them


@dataclass(frozen=True, slots=True)
class DevicePoll:
    """The last SNMP or host poll of one device.

    Attributes:
        fresh_until: after this moment the series are no longer true and are not served.
        watched: those interfaces that may alarm.
        gzip_text: gives the poll's series in text format 0.0.4, compressed; that takes milliseconds, in a thread. None
            when the poll failed.
        complete: whether all that was asked for was read; what an incomplete one lacks is not known to be absent, and
            facts that it lacks are those of the poll before.
    """

    at: datetime
    success: bool
    duration_seconds: float | None
    detail: str
    fresh_until: datetime
    gzip_text: Callable[[], bytes] | None = None
    series_count: int = 0
    interfaces: tuple[Interface, ...] = ()
    facts: tuple[Fact, ...] = ()
    watched: tuple[Watched, ...] = ()
    complete: bool = True
    traffic: Traffic | None = None


@dataclass(slots=True)
class Picture:
    """Everything that is known now. Keys of pairs are (target, check)."""

    estate: Estate
    started_at: datetime
    config_loaded_at: datetime
    config_ok: bool = True  # whether the last reload succeeded
    config_problem: str = ""
    ready: bool = False  # first round done, or nothing to do
    health: dict[tuple[str, str], Health] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    observations: dict[tuple[str, str], Observation | Train] = field(default_factory=dict)  # the last of each check
    usual_loss: Callable[[str, str], float | None] = lambda _target, _check: None
    qualities: Qualities = field(default_factory=lambda: Qualities(()))
    rounds: dict[tuple[str, str], Train] = field(default_factory=dict)  # the last regular one
    echoes: dict[tuple[str, str], EchoTotals] = field(default_factory=dict)
    addresses: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)  # of names, the one in use first
    polls: dict[str, DevicePoll] = field(default_factory=dict)  # by device
    hardware: dict[str, Hardware] = field(default_factory=dict)  # by device: what was last seen of it
    ageing: AgeingReport | None = None  # all hardware, ranked; a little older than `flags`
    flags: dict[str, tuple[HardwareFlag, ...]] = field(default_factory=dict)  # by device; none: no entry
    accounts: dict[str, Account] = field(default_factory=dict)  # by target: availability of the present period so far
    pages: tuple[Page, ...] = ()  # what would be paged now, critical first, oldest first
    held: dict[str, Held] = field(default_factory=dict)  # failures that are being made sure of, by target
    learning: Learning = field(default_factory=Learning)  # shown for confirmation; nothing follows from it
    open_outages: dict[str, Outage] = field(default_factory=dict)  # by target
    notes: dict[int, tuple[Note, ...]] = field(default_factory=dict)  # by open outage; none: no entry
    windows: tuple[Window, ...] = ()  # those that are not over, and what is over but kept for the record
    excuses: dict[str, Excuse] = field(default_factory=dict)  # who is in maintenance now
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=RECENT_EVENTS))  # oldest first
    blind: dict[str | None, Blind] = field(default_factory=dict)  # open blind spans by target (None: everything)
    blind_seconds: dict[str, float] = field(default_factory=dict)  # ended spans by target ("" for everything)
    ledger_problem: str = ""  # why the ledger cannot be written; "" when it can

    def observation(self, target: str, check: str) -> Observation | None:
        """Return what a check saw last; a round is put into words when it is asked for."""
        seen = self.observations.get((target, check))
        return observe(seen) if isinstance(seen, Train) else seen

    def round(self, target: str, check: str) -> RoundSummary | None:
        """Return a check's last regular round in figures."""
        seen = self.rounds.get((target, check))
        return None if seen is None else summarize(seen)

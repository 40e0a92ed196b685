"""The agent's present picture of the estate: what exporters and the status page read.

Only the pipeline and the self-check write to it, on the event loop; readers take what they find there. It holds frozen
values, so a reader that keeps one keeps a truth of its time.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from agent.core.model import Estate, Event, Fact, HardwareFlag, Health, Interface, Observation, Outage, Page, Verdict
from agent.core.ports import Blind

RECENT_EVENTS: Final = 200  # what the status page shows; the ledger has all of them

# smokeping_prober's default buckets (seconds), so that its dashboards go on working
RTT_BUCKETS_SECONDS: Final = (
    0.00005, 0.0001, 0.0002, 0.0004, 0.0008, 0.0016, 0.0032, 0.0064, 0.0128, 0.0256, 0.0512, 0.1024, 0.2048, 0.4096,
    0.8192, 1.6384, 3.2768, 6.5536, 13.1072, 26.2144,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RoundSummary:
    """One round in figures (RFC 2681, 6673, 5481); None where no echo gives the figure.

    Attributes:
        sent: echoes whose outcome is known.
        rtt_seconds: stat -> value for min, mean, max, p50, p95.
        pdv_seconds: RFC 5481 packet delay variation (against the round's minimum): p50, p95, max.
        ipdv_seconds: RFC 3393 difference of neighbours, absolute: mean, p95, max.
    """

    at: datetime
    sent: int
    received: int
    unknown: int
    loss_ratio: float | None
    rtt_seconds: Mapping[str, float] = field(default_factory=dict)
    pdv_seconds: Mapping[str, float] = field(default_factory=dict)
    ipdv_seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class EchoTotals:
    """Counters of one check's echoes since the agent started.

    Attributes:
        burst_sent, burst_lost: those of confirmation bursts, apart: they are sent because echoes were lost, and
            would bias every ratio.
        rtt_counts: round-trip times in each of `RTT_BUCKETS_SECONDS`, and last those above all of them.
    """

    sent: int = 0  # outcome known: received + lost
    received: int = 0
    lost: int = 0
    duplicates: int = 0
    burst_sent: int = 0
    burst_lost: int = 0
    late: int = 0
    reordered: int = 0
    corrupted: int = 0
    unknown: dict[str, int] = field(default_factory=dict)  # by why
    rtt_sum_seconds: float = 0.0
    rtt_counts: list[int] = field(default_factory=lambda: [0] * (len(RTT_BUCKETS_SECONDS) + 1))


@dataclass(frozen=True, slots=True)
class DevicePoll:
    """The last SNMP or host poll of one device.

    Attributes:
        gzip_text: the poll's series in text format 0.0.4, rendered and compressed once; None when the poll failed.
        fresh_until: after this moment the series are no longer true and are not served.
    """

    at: datetime
    success: bool
    duration_seconds: float | None
    detail: str
    fresh_until: datetime
    gzip_text: bytes | None = None
    series_count: int = 0
    interfaces: tuple[Interface, ...] = ()
    facts: tuple[Fact, ...] = ()


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
    observations: dict[tuple[str, str], Observation] = field(default_factory=dict)  # the last of each check
    rounds: dict[tuple[str, str], RoundSummary] = field(default_factory=dict)
    echoes: dict[tuple[str, str], EchoTotals] = field(default_factory=dict)
    polls: dict[str, DevicePoll] = field(default_factory=dict)  # by device
    flags: dict[str, tuple[HardwareFlag, ...]] = field(default_factory=dict)  # by device; none: no entry
    pages: tuple[Page, ...] = ()  # what would be paged now, critical first, oldest first
    open_outages: dict[str, Outage] = field(default_factory=dict)  # by target
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=RECENT_EVENTS))  # oldest first
    blind: dict[str | None, Blind] = field(default_factory=dict)  # open blind spans by target (None: everything)
    blind_seconds: dict[str, float] = field(default_factory=dict)  # ended spans by target ("" for everything)
    ledger_problem: str = ""  # why the ledger cannot be written; "" when it can

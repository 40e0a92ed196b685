"""The values that every part of the agent passes on: what is watched, what was seen, what is believed, what happened.

All are frozen. Times are aware UTC datetimes; durations are seconds; ratios are 0-1; `None` means unknown, never 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from agent.core.contract import DEFAULT_RULES, Rules
from agent.core.hardware_policy import HardwarePolicy
from agent.core.series import SeriesBlock
from agent.core.traffic import Traffic

if TYPE_CHECKING:  # it is made of these words
    from agent.core.hardware import Hardware

# ------------------------------------------------------------------ what is watched


class Role(StrEnum):
    """What part a target plays in the estate."""

    CIRCUIT = "circuit"
    GROUP = "group"  # circuits that back each other up
    SITE = "site"
    DEVICE = "device"
    SERVICE = "service"


class Urgency(StrEnum):
    """When a person is to be told that a target is down."""

    NOW = "now"
    HOURS = "hours"  # a ticket, in working hours
    NEVER = "never"


class Needs(StrEnum):
    """How a service's state follows from its checks."""

    ALL = "all"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Check:
    """One way in which one target is measured.

    Attributes:
        target: name of the target.
        name: unique within the target: `icmp`, `snmp`, `host`, or `end:DEVICE/INTERFACE` for a circuit's end.
        type: key of the probe registry; `end` marks a check fed from the polls of another device.
        interval_seconds: spacing of echoes or polls.
        settings: the probe's own frozen `Settings`; None for `end`.
        decisive: whether the target's state follows from it; the others only inform.
        source: for `end`, the device and interface whose polled state is meant.
    """

    target: str
    name: str
    type: str
    interval_seconds: float
    settings: Any = None
    decisive: bool = True
    source: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class CircuitFacts:
    """A WAN circuit as the contract names it. Money and ratios as configured; unset is None."""

    supplier: str
    reference: str
    between: tuple[str, str]
    group: str | None = None
    role: str | None = None
    capacity_bits_per_second: float | None = None
    objective_availability_ratio: float | None = None
    objective_rtt_seconds: float | None = None
    objective_loss_ratio: float | None = None
    objective_pdv_seconds: float | None = None
    objective_mos: float | None = None
    contract: str | None = None  # one line for a person: cost, currency, period, end
    contract_ends: date | None = None
    rules: Rules = DEFAULT_RULES  # how its contract counts time without service


@dataclass(frozen=True, slots=True)
class Target:
    """One thing with a name and a state.

    Attributes:
        kind: the `kind` label: `circuit`, `group`, `site`, `service`, or the device's kind (`switch`, `ups` ...).
        depends_on: names of circuits, groups, sites, devices, services; every one is needed (a group or site inside
            counts as one thing that has its own alternatives).
        members: of a group or site, the circuits of which any one is enough.
        watch: patterns of interfaces that may alarm (fnmatch), beside circuit ends; empty: what leads to other devices.
        register: the row of the asset register that was joined to it, as it stands there.
    """

    name: str
    role: Role
    kind: str
    title: str
    site: str | None = None
    owners: tuple[str, ...] = ()
    address: str | None = None
    depends_on: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    needs: Needs = Needs.ALL
    urgency: Urgency = Urgency.HOURS
    circuit: CircuitFacts | None = None
    purchased: date | None = None
    watch: tuple[str, ...] = ()
    renamed_from: str | None = None
    info: Mapping[str, str] = field(default_factory=dict)  # asset register's further columns: serial, model, asset ...
    register: "AssetRow | None" = None


@dataclass(frozen=True, slots=True)
class AssetRow:
    """One row of an asset register: of a device, or of what no device of the estate stands for: a laptop, a spare.

    Attributes:
        name: as the register calls it; its asset tag, serial number or address where it has no name.
        source: `FILE:LINE`.
        columns: what the row says beside name and date: serial, vendor, model, operating_system, warranty, address ...
    """

    name: str
    source: str
    purchased: date | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Estate:
    """Everything that is watched, as one value; a reload swaps it whole.

    Attributes:
        targets: by name, in the order of the configuration.
        hardware: when hardware is to be replaced.
        flap_half_life_seconds: how long flap damping remembers a failure (`agent.core.damping`); 0: not at all.
        assets: rows of the asset registers that no device of the estate stands for.
        rules: how availability is counted of what has no contract of its own.
    """

    agent: str
    targets: Mapping[str, Target]
    site: str | None = None  # where the agent stands
    hardware: HardwarePolicy = field(default_factory=HardwarePolicy)
    flap_half_life_seconds: float = 300.0
    assets: tuple[AssetRow, ...] = ()
    rules: Rules = DEFAULT_RULES

    def checks(self) -> list[Check]:
        """Return every check of every target, in order."""
        return [check for target in self.targets.values() for check in target.checks]


# ------------------------------------------------------------------ what was seen


class Aspect(StrEnum):
    """What of a line's quality a trouble is about."""

    LOSS = "loss"
    DELAY = "delay"
    DELAY_VARIATION = "delay_variation"
    VOICE = "voice"  # MOS by the E-model


class Against(StrEnum):
    """By what a trouble is measured."""

    PAST = "past"  # its own: what has been learnt of it
    OBJECTIVE = "objective"  # what was agreed


@dataclass(frozen=True, slots=True)
class Trouble:
    """One way in which something answers worse than it should. A check with one is degraded.

    Attributes:
        since: when it began, by the evidence.
        value, limit: what is seen and what it is held against, in the aspect's unit: a ratio, seconds, or a MOS.
        detail: one sentence for a person, with both.
        rule: which rule found it: `onset_cusum_2%`, `run_of_5`, `level_shift`, `floor`, `objective` ...
    """

    aspect: Aspect
    against: Against
    since: datetime
    value: float
    limit: float
    detail: str
    rule: str = ""


class Outcome(StrEnum):
    """How one measurement ended. A network failure is data; a bug is an exception."""

    OK = "ok"
    NO_ANSWER = "no_answer"  # nothing before the deadline
    REFUSED = "refused"  # the peer, or a router before it, said no
    BAD_ANSWER = "bad_answer"  # answered, and not as it should
    FAULT = "fault"  # answered as it should, and said that the thing asked about is down
    UNKNOWN = "unknown"  # could not be measured: own trouble, or not supported yet; never counts against the target


class AdminStatus(IntEnum):
    """RFC 2863 ifAdminStatus."""

    UP = 1
    DOWN = 2
    TESTING = 3


class OperStatus(IntEnum):
    """RFC 2863 ifOperStatus."""

    UP = 1
    DOWN = 2
    TESTING = 3
    UNKNOWN = 4
    DORMANT = 5
    NOT_PRESENT = 6
    LOWER_LAYER_DOWN = 7


class Duplex(IntEnum):
    """RFC 3635 dot3StatsDuplexStatus; `unknown` is None."""

    HALF = 2
    FULL = 3


@dataclass(frozen=True, slots=True)
class Neighbour:
    """What stands at the other end of an interface, as LLDP tells (IEEE 802.1AB).

    Attributes:
        addresses: at which it says that it is managed.
    """

    system: str
    port: str
    duplex: Duplex | None = None
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Interface:
    """One row of ifTable/ifXTable at one poll. `alias` is the operator's description; None where not read.

    Attributes:
        changed_at: when it entered its present state (ifLastChange); None where that was before the device started.
        flaps: changes seen by ifLastChange although the state was the same at both polls; since the agent began.
        duplex_mismatch: half duplex where no working line has it, or another duplex than the neighbour's.
        receive_power_dbm, transmit_power_dbm: of its optic, where the device has sensors for it.
    """

    index: int
    name: str
    descr: str
    admin: AdminStatus | None
    oper: OperStatus | None
    alias: str | None = None
    speed_bits_per_second: float | None = None
    changed_at: datetime | None = None
    flaps: int = 0
    duplex: Duplex | None = None
    duplex_mismatch: bool | None = None
    neighbour: Neighbour | None = None
    receive_power_dbm: float | None = None
    transmit_power_dbm: float | None = None


class Confidence(StrEnum):
    """How a fact is known, best first."""

    STATED = "stated"  # an object that exists to say it
    DERIVED = "derived"  # taken out of a text by a rule that names the maker's format
    ASSUMED = "assumed"  # follows from something else: an enterprise number, a date code


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing a device says of itself, with where it was read.

    `name` is a plain key: vendor, model, serial, software_version, system_name, system_description, battery_status,
    battery_replace, battery_seconds_left, uptime_seconds ... `source` names the object (`UPS-MIB upsBatteryStatus`).
    """

    name: str
    value: str | float | bool
    source: str
    confidence: Confidence = Confidence.STATED


@dataclass(frozen=True, slots=True)
class Observation:
    """What one run of one probe saw: exactly one per run.

    Attributes:
        at: when the measurement ended.
        detail: one sentence for a person, with figures and names; no secret.
        duration_seconds: how long the answer took; None without an answer.
        since: when what was seen began, if the source knows (first lost echo, first reply).
        proven_at: the latest moment for which this is evidence (departure of the last answered, or last lost, echo);
            None means `at`. A round that is reported late must not speak against fresher evidence.
        confirmed: the source has made sure itself (a confirmation burst; a device's own statement of a state).
        complete: whether all that was asked for was read; what an incomplete one lacks is not known to be absent.
        values: few named numbers, as evidence and metrics, unit in the name.
        series: bulk data of a poll.
        traffic: what the `interfaces` carried since the poll before; None where none was read.
        troubles: in what way what answered is worse than it should be.
        hardware: parts, readings and condition; None where this run did not look.
    """

    target: str
    check: str
    at: datetime
    outcome: Outcome
    detail: str = ""
    duration_seconds: float | None = None
    since: datetime | None = None
    proven_at: datetime | None = None
    confirmed: bool = False
    complete: bool = True
    values: tuple[tuple[str, float], ...] = ()
    series: SeriesBlock | None = None
    interfaces: tuple[Interface, ...] = ()
    traffic: Traffic | None = None
    facts: tuple[Fact, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    hardware: "Hardware | None" = None


class Echo(IntEnum):
    """How one echo ended; the array code of the ICMP engine and of the ledger's packed rounds."""

    PENDING = 0
    RECEIVED = 1
    LOST = 2  # no reply within the timeout (RFC 6673), and no own trouble
    UNKNOWN = 3  # own trouble: send error, socket drop, late loop, stepped clock
    REFUSED = 4  # an ICMP error came back for it: lost, and somebody said why


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """All echoes of one check in one span, in the order of sending (RFC 2330 calls this a sample).

    Attributes:
        began_at: when its first echo left.
        ended_at: when the outcome of its last echo was known.
        sent_at_seconds: float64[n], Unix time of each echo's departure.
        rtts_seconds: float64[n]; NaN for an echo that has no round-trip time.
        outcomes: uint8[n] of `Echo`; no PENDING.
        burst: whether these were the echoes of a confirmation burst (not counted into the regular statistics).
        duplicates: further replies to echoes that were already answered.
        late: replies that came after their echo's timeout.
        reordered: replies to echoes that were sent before one that is answered already (RFC 4737).
        corrupted: replies with a wrong checksum; they answer nothing.
        why_unknown: reason -> number of unknown echoes.
        refusals: what ICMP errors said, each once: `10.0.0.1: destination host unreachable`.
    """

    target: str
    check: str
    began_at: datetime
    ended_at: datetime
    sent_at_seconds: npt.NDArray[np.float64]
    rtts_seconds: npt.NDArray[np.float64]
    outcomes: npt.NDArray[np.uint8]
    burst: bool = False
    duplicates: int = 0
    late: int = 0
    reordered: int = 0
    corrupted: int = 0
    why_unknown: Mapping[str, int] = field(default_factory=dict)
    refusals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Silence:
    """A check fell silent (two echoes in a row beyond its own silence limit), or answered again after that.

    Attributes:
        at: when it was noticed.
        since: departure of the first unanswered echo; once `over`, departure of the first answered one.
        missed: unanswered echoes in a row.
        over: whether this tells the end of a silence.
    """

    target: str
    check: str
    at: datetime
    since: datetime
    missed: int
    over: bool = False


class Trait(StrEnum):
    """What may change about how a target answers, while it goes on answering."""

    REPLY_TTL = "reply_ttl"
    REPLY_DSCP = "reply_dscp"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Turn:
    """A target answers otherwise than it did: by another way, with another marking, from another address.

    Attributes:
        at: when it was noticed.
        since: departure of the first echo that was answered so.
        old, new: a TTL, a DSCP as a number, or addresses, the one in use first. An empty `old` is no change of what is
            in use: more was learnt.
    """

    target: str
    check: str
    at: datetime
    since: datetime
    trait: Trait
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Loss:
    """A check loses more echoes than it used to, found echo by echo; or does so no longer.

    Nothing is told while the check is silent. One that begins while another lasts takes its place: more is known.

    Attributes:
        at: when it was found.
        since: departure of the echo with which it began; once `over`, of the first one after it.
        ratio: lost echoes of those since it began; `usual_ratio`: what was learnt before.
        lost, echoes: the counts behind `ratio`.
        rule: which detector found it; of an end, `usual_now` says that it has become what is usual.
        over: whether this tells the end.
    """

    target: str
    check: str
    at: datetime
    since: datetime
    ratio: float
    usual_ratio: float
    lost: int
    echoes: int
    rule: str
    over: bool = False


StreamItem = Round | Silence | Turn | Loss


# ------------------------------------------------------------------ what is believed


class State(StrEnum):
    """What is believed of a check or a target."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNREACHABLE = "unreachable"  # something it depends on is down
    UNKNOWN = "unknown"


class Mark(StrEnum):
    """What may stand beside a target's state."""

    FLAPPING = "flapping"
    MAINTENANCE = "maintenance"
    REDUNDANCY_LOST = "redundancy_lost"


@dataclass(frozen=True, slots=True)
class Health:
    """Belief about one check.

    Attributes:
        since: when the state began, by the evidence (not when it was noticed); None before the first observation.
        seen_at: the latest moment for which there is evidence (not UNKNOWN); None before.
        failures: observations in a row that spoke against it.
        failing_since: when the first of those began.
        resumed: what the ledger knew of it before this run; until the first evidence.
        heard_at: when it was last measured, if only in vain; None before this run measured it.
        vain_since: since when it could not be measured; None while it can.
        worked_since: since when it has worked, where that is not `since`: up and degraded follow one another.
        troubles: while `degraded`, in what way; an open one outlasts what cannot be measured.
    """

    state: State = State.UNKNOWN
    since: datetime | None = None
    seen_at: datetime | None = None
    failures: int = 0
    failing_since: datetime | None = None
    reason: str = "not measured yet"
    resumed: State | None = None
    heard_at: datetime | None = None
    troubles: tuple[Trouble, ...] = ()
    vain_since: datetime | None = None
    worked_since: datetime | None = None

    @property
    def works_since(self) -> datetime | None:
        """Since when it has worked, well or badly; means nothing while it does not."""
        return self.worked_since or self.since


@dataclass(frozen=True, slots=True)
class Verdict:
    """Belief about one target, after its checks and what it depends on were weighed.

    Attributes:
        causes: while `unreachable` or `degraded`, the targets at the root of it.
        alone_since: while `degraded`, since when nothing that it depends on explains that; None where something does.
        worked_since: since when it has worked, where that is not `since`: up and degraded follow one another.
        returned_at: when it last came back from a failure; None where it has not.
    """

    state: State = State.UNKNOWN
    since: datetime | None = None
    causes: tuple[str, ...] = ()
    marks: frozenset[Mark] = frozenset()
    reason: str = "not measured yet"
    alone_since: datetime | None = None
    worked_since: datetime | None = None
    returned_at: datetime | None = None

    @property
    def works_since(self) -> datetime | None:
        """Since when it has worked, well or badly; means nothing while it does not."""
        return self.worked_since or self.since


# ------------------------------------------------------------------ what happened


class EventKind(StrEnum):
    """What sort of thing an event tells."""

    TARGET = "target"  # a target's state changed
    CHECK = "check"  # one check's state changed
    MARK = "mark"  # a mark was set or cleared: old/new are "" or the mark
    BLIND = "blind"  # the agent could not measure: old/new are "" or "blind"
    PATH = "path"  # replies come by another way: their TTL, their DSCP, or the address behind a name changed
    LEVEL = "level"  # the delay of a check moved to another level: old/new are round-trip times
    AGENT = "agent"  # started, stopped, configuration reloaded, ledger failed, clock stepped, windows added and ended
    HARDWARE = "hardware"  # another piece of hardware answers under a name: old/new are serial numbers
    NOTE = "note"  # somebody acknowledged an outage of the target, or wrote something about it


@dataclass(frozen=True, slots=True)
class Event:
    """One change of belief, as it goes to the ledger.

    Attributes:
        at: when it happened, by the evidence.
        noticed_at: when the agent knew.
        target: what it is about; the agent's own name for AGENT and for BLIND of everything.
        causes: for `unreachable`, the roots.
        evidence: named numbers and texts that led to it, ready for a person.
        late: written to the ledger after it was exposed, because the ledger could not be written then.
    """

    kind: EventKind
    at: datetime
    noticed_at: datetime
    target: str
    old: str
    new: str
    reason: str
    check: str | None = None
    causes: tuple[str, ...] = ()
    evidence: tuple[tuple[str, str | float], ...] = ()
    late: bool = False
    id: int | None = None  # the ledger's sequence number, once written


@dataclass(frozen=True, slots=True)
class Outage:
    """The time between two events in which a target was down or unreachable.

    Attributes:
        ended_at: None while open.
        close_reason: `recovered`, `removed`, or None while open.
        causes: empty where the target itself failed.
    """

    id: int
    target: str
    state: State
    began_at: datetime
    ended_at: datetime | None
    reason: str
    close_reason: str | None = None
    causes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it would be sent: one failure, what it took along, whom it concerns.

    Attributes:
        labels: names only, never values or times: alertname, target, severity, supplier ...
        severity: `critical` pages a person, `warning` is a ticket.
        consequences: the targets that are unreachable because of it.
    """

    alert: str
    target: str
    severity: str
    since: datetime
    summary: str
    description: str
    labels: Mapping[str, str]
    consequences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HardwareFlag:
    """Why a piece of hardware wants attention, with where that was read."""

    target: str
    reason: str  # from the closed list: age_over_policy, battery_replace ...
    severity: str  # info | warning | critical
    detail: str
    source: str
    confidence: Confidence = Confidence.STATED
    due: date | None = None  # the day it speaks of: when support ends, when storage is full


@dataclass(frozen=True, slots=True)
class SnmpAuth:
    """How to speak SNMP to a device: the fields of snmp_exporter's `auths`, secrets already read.

    `repr` shows no secret. `problem` says why it cannot be used (a secret that is missing); its devices are unknown.
    """

    name: str
    version: int = 2
    community: str = field(default="public", repr=False)
    username: str = ""
    security_level: str = "noAuthNoPriv"
    auth_protocol: str = ""
    password: str = field(default="", repr=False)
    priv_protocol: str = ""
    priv_password: str = field(default="", repr=False)
    context_name: str = ""
    context_engine_id: str = ""  # hexadecimal
    problem: str | None = None

"""Which hardware wants replacing, and which first: facts -> findings -> rank, each step with what it rests on.

A subject is a device, or a row of an asset register that nobody polls. Judges (age, lifecycle, wear) find of it what
they know; `findings` joins that to one case, and `rank` orders the cases. Unknown gives no flag and raises no rank.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from agent.core.consequence import Consequences, Lost, consequence
from agent.core.hardware import Age, Confidence, Piece, Reason, Support
from agent.core.hardware_policy import HardwarePolicy
from agent.core.model import Estate, Fact, HardwareFlag, Role
from agent.core.risk import Risk, likelihood, unsupported_from, years_between
from agent.core.subjects import Subject, of_device, of_row

_SEVERITY: Final = {"critical": 0, "warning": 1, "info": 2}
_TRUST: Final = {confidence: place for place, confidence in enumerate(Confidence)}
_TOLD: Final = 3  # details of one reason that are shown: three failed fans say enough
_IDENTITY: Final = (
    "vendor", "model", "serial", "hardware_version", "software", "software_version", "operating_system", "kind",
    "manufactured", "bios_date", "battery_replaced",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """What one judge found, or several together.

    Attributes:
        support, system_support: dates of the hardware, and of the operating system.
        flags: may hold several of one reason.
    """

    age: Age | None = None
    support: Support | None = None
    system_support: Support | None = None
    flags: tuple[HardwareFlag, ...] = ()

    def and_also(self, other: "Found") -> "Found":
        """Return both; of what both know, the first's."""
        return Found(
            self.age or other.age,
            self.support or other.support,
            self.system_support or other.system_support,
            self.flags + other.flags,
        )


Judge = Callable[[Subject, HardwarePolicy, date], Found]


@dataclass(frozen=True, slots=True)
class Case:
    """One piece of hardware with all that was found of it, ready for a person.

    Attributes:
        place: in the order of replacement, from 1; None where nothing that is known speaks for it.
        watched: whether it is a device of the estate, or stands in an asset register alone.
        facts: its identity, each with where it was read.
        age_years: None where its age is unknown.
        unsupported_from: the last day with security fixes, of hardware and operating system what ends first.
        flags: at most one for each reason, the worst first.
        pieces: what has answered under this name, the present one last.
    """

    name: str
    kind: str
    title: str
    site: str | None
    owners: tuple[str, ...]
    watched: bool
    facts: tuple[Fact, ...]
    age: Age | None
    age_years: float | None
    support: Support | None
    system_support: Support | None
    unsupported_from: date | None
    flags: tuple[HardwareFlag, ...]
    likelihood: Risk
    consequence: Risk
    pieces: tuple[Piece, ...] = ()
    register: str = ""
    place: int | None = None

    def fact(self, name: str) -> str:
        """Return a fact of its identity as text; "" where it is not known."""
        return next((str(fact.value) for fact in self.facts if fact.name == name), "")

    @property
    def score(self) -> float:
        """What the order goes by: likelihood times consequence. Shown as its parts, never by itself."""
        return self.likelihood.ratio * self.consequence.ratio


def judged(subject: Subject, judges: Iterable[Judge], policy: HardwarePolicy, today: date) -> Found:
    """Return what all judges find of a subject; of what several know, the first one's word counts."""
    found = Found()
    for judge in judges:
        found = found.and_also(judge(subject, policy, today))
    return found


def findings(subject: Subject, found: Found, lost: Lost, policy: HardwarePolicy, today: date) -> Case:
    """Return a subject's case, not ranked yet.

    Args:
        found: by all judges.
        lost: what fails with it.
    """
    flags = merged(found.flags)
    supports = tuple(support for support in (found.support, found.system_support) if support is not None)
    ends = [day for support in supports if (day := unsupported_from(support)) is not None]
    known = found.age is not None and found.age.since <= today
    return Case(
        name=subject.name,
        kind=subject.kind,
        title=subject.title,
        site=subject.site,
        owners=subject.owners,
        watched=subject.target is not None,
        facts=identity(subject),
        age=found.age,
        age_years=years_between(found.age.since, today) if known and found.age is not None else None,
        support=found.support,
        system_support=found.system_support,
        unsupported_from=min(ends, default=None),
        flags=flags,
        likelihood=likelihood(subject.kind, found.age, supports, flags, subject.hardware, policy, today),
        consequence=consequence(subject.target, lost),
        pieces=subject.pieces,
        register=subject.row.source if subject.row is not None else "",
    )


# What may page at night: something has failed, or goes out with the next power cut. Everything else is a ticket.
FAILURES: Final = frozenset({
    Reason.PSU_FAILED, Reason.FAN_FAILED, Reason.PART_FAILED, Reason.DISK_FAILED, Reason.BATTERY_REPLACE,
    Reason.TEMPERATURE_HIGH, Reason.MEMORY_ERRORS,
})  # fmt: skip


def merged(flags: Iterable[HardwareFlag]) -> tuple[HardwareFlag, ...]:
    """Return at most one flag for each reason, the worst first: of the worst severity, by the most trusted source.

    What has not failed is a ticket at most, whatever its judge thinks of it. What others of the same severity say of a
    reason stands in its detail as well.
    """
    by_reason: dict[str, list[HardwareFlag]] = {}
    for flag in flags:
        too_loud = flag.severity == "critical" and flag.reason not in FAILURES
        by_reason.setdefault(flag.reason, []).append(replace(flag, severity="warning") if too_loud else flag)
    return tuple(sorted((_one(same) for same in by_reason.values()), key=_urgency))


def _one(same: Sequence[HardwareFlag]) -> HardwareFlag:
    ordered = sorted(same, key=lambda flag: (*_urgency(flag)[:1], _TRUST[flag.confidence], *_urgency(flag)[1:]))
    first = ordered[0]
    details = list(dict.fromkeys(flag.detail for flag in ordered if flag.severity == first.severity))
    more = len(details) - _TOLD
    told = "; ".join(details[:_TOLD]) + (f"; and {more} more" if more > 0 else "")
    return replace(first, detail=told)


def _urgency(flag: HardwareFlag) -> tuple[int, date, str, str]:
    return _SEVERITY.get(flag.severity, len(_SEVERITY)), flag.due or date.max, flag.reason, flag.detail


def identity(subject: Subject) -> tuple[Fact, ...]:
    """Return what the piece is: what it says itself, and where it says nothing what the inventory says of it."""
    found = []
    source = subject.row.source if subject.row is not None else "configuration or asset register"
    for name in _IDENTITY:
        if (fact := subject.fact(name)) is not None:
            found.append(fact)
        elif text := subject.written.get(name):
            found.append(Fact(name, text, source))
    return tuple(found)


def rank(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Return the cases in the order in which to replace them, with their places.

    By likelihood times consequence. Of equals first what has the worst flag, then what is without support first, then
    the older one, then what has the smaller name: the order is the same each time. What is unknown counts as nothing.
    """
    ordered = sorted(cases, key=_order)
    return tuple(
        replace(case, place=place if case.likelihood.ratio > 0.0 else None) for place, case in enumerate(ordered, 1)
    )


def _order(case: Case) -> tuple[float, int, date, float, str]:
    worst = _urgency(case.flags[0])[0] if case.flags else len(_SEVERITY)
    score = round(case.score, 9)  # sums in another order are the same
    return -score, worst, case.unsupported_from or date.max, -(case.age_years or 0.0), case.name


@dataclass(frozen=True, slots=True)
class Judges:
    """Who finds what of a piece of hardware.

    Attributes:
        now: asked whenever something has changed.
        daily: asked once a day, with the history of its wear.
    """

    now: tuple[Judge, ...] = ()
    daily: tuple[Judge, ...] = ()


def case_of(
    subject: Subject,
    judges: Iterable[Judge],
    consequences: Consequences,
    estate: Estate,
    today: date,
    trend: Found | None = None,
) -> Case:
    """Return a subject's case, not ranked yet.

    Args:
        trend: what was found of its history.
    """
    found = judged(subject, judges, estate.hardware, today)
    if trend is not None:
        found = found.and_also(trend)
    lost = consequences.of(subject.name) if subject.target is not None else Lost()
    return findings(subject, found, lost, estate.hardware, today)


def estate_cases(estate: Estate, pieces: Iterable[Piece], judges: Iterable[Judge], today: date) -> tuple[Case, ...]:
    """Return the ranked cases of an estate that nobody polls now: by its configuration, registers and ledger.

    What only a poll tells (wear, condition, versions) is unknown in them.
    """
    by_name: dict[str, tuple[Piece, ...]] = {}
    for piece in pieces:
        by_name[piece.target] = (*by_name.get(piece.target, ()), piece)
    devices = [target for target in estate.targets.values() if target.role is Role.DEVICE]
    subjects = [of_device(target, pieces=by_name.get(target.name, ())) for target in devices]
    subjects += [of_row(row) for row in estate.assets]
    consequences, asked = Consequences(estate), tuple(judges)
    return rank(case_of(subject, asked, consequences, estate, today) for subject in subjects)

"""The list for the budget paper: the ranked cases, counted by year, owner and site, and what nobody knows of them."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from agent.core.ageing import Case
from agent.core.documents import document
from agent.core.hardware import Reason
from agent.core.lookups import UNKNOWN, ModelCount, without_dates
from agent.core.register import Disagreement
from agent.core.risk import Risk

_URGENT: Final = frozenset({"critical", "warning"})
Labels = Callable[[Case], Iterable[str]]


@dataclass(frozen=True, slots=True)
class YearCount:
    """How much loses its support in one year.

    Attributes:
        year: None for what has no known date.
        past: of those, how much has lost it already.
        kinds: the same by kind of device, the most first.
    """

    year: int | None
    number: int
    past: int
    kinds: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ShareCount:
    """What one owner or one site has.

    Attributes:
        number: pieces of hardware; what two share counts for both.
        flagged: with a flag that is more than a note; critical: with something that has failed.
        unsupported: without security fixes today; undated: of which nobody knows until when.
        over_age: older than the policy.
    """

    label: str
    number: int
    flagged: int
    critical: int
    unsupported: int
    undated: int
    over_age: int


@dataclass(frozen=True, slots=True)
class AgeingReport:
    """All hardware of the estate and its registers, ranked.

    Attributes:
        cases: in the order in which to replace them.
        as_of: what was seen of the devices is no newer; None where an agent looks now.
        register: how often the asset register and the network do not agree; None without a register.
    """

    made_at: datetime
    today: date
    cases: tuple[Case, ...]
    years: tuple[YearCount, ...]
    owners: tuple[ShareCount, ...]
    sites: tuple[ShareCount, ...]
    unknown_models: tuple[ModelCount, ...]
    as_of: datetime | None = None
    register: Disagreement | None = None


def report(
    cases: Iterable[Case],
    made_at: datetime,
    today: date,
    as_of: datetime | None = None,
    register: Disagreement | None = None,
) -> AgeingReport:
    """Return the report of ranked cases."""
    ranked = tuple(cases)
    return AgeingReport(
        made_at, today, ranked, by_year(ranked, today), by_owner(ranked, today), by_site(ranked, today),
        tuple(count for count, _ in without_dates(ranked)), as_of, register,
    )  # fmt: skip


def by_year(cases: Iterable[Case], today: date) -> tuple[YearCount, ...]:
    """Count by the year in which support ends, the earliest first; what has no date comes last."""
    years: dict[int | None, list[Case]] = {}
    for case in cases:
        years.setdefault(case.unsupported_from.year if case.unsupported_from else None, []).append(case)
    return tuple(
        YearCount(
            year,
            len(found),
            sum(case.unsupported_from is not None and case.unsupported_from < today for case in found),
            _most(case.kind for case in found),
        )
        for year, found in sorted(years.items(), key=lambda item: (item[0] is None, item[0] or 0))
    )


def by_owner(cases: Iterable[Case], today: date) -> tuple[ShareCount, ...]:
    """Count by owner, by name; what has none comes last, as `unknown`."""
    return _shares(cases, today, lambda case: case.owners)


def by_site(cases: Iterable[Case], today: date) -> tuple[ShareCount, ...]:
    """Count by site, by name; what has none comes last, as `unknown`."""
    return _shares(cases, today, lambda case: (case.site,) if case.site else ())


def unsupported_by(cases: Iterable[Case], day: date) -> tuple[Case, ...]:
    """Return what gets no more security fixes on that day, or has no support at all: in the order of its end.

    What has no known date is not among them; nor is it known to be supported.
    """
    ended = [case for case in cases if case.unsupported_from is not None and case.unsupported_from < day]
    return tuple(sorted(ended, key=lambda case: (case.unsupported_from or date.max, case.name)))


def _shares(cases: Iterable[Case], today: date, labels: Labels) -> tuple[ShareCount, ...]:
    shares: dict[str | None, list[Case]] = {}
    for case in cases:
        named: list[str | None] = [*dict.fromkeys(labels(case))]
        for label in named or [None]:
            shares.setdefault(label, []).append(case)
    return tuple(
        _share(label or UNKNOWN, found, today)
        for label, found in sorted(shares.items(), key=lambda item: (item[0] is None, item[0] or ""))
    )


def _share(label: str, cases: list[Case], today: date) -> ShareCount:
    return ShareCount(
        label,
        len(cases),
        flagged=sum(any(flag.severity in _URGENT for flag in case.flags) for case in cases),
        critical=sum(any(flag.severity == "critical" for flag in case.flags) for case in cases),
        unsupported=len(unsupported_by(cases, today)),
        undated=sum(case.unsupported_from is None for case in cases),
        over_age=sum(any(flag.reason == Reason.AGE_OVER_POLICY for flag in case.flags) for case in cases),
    )


def _most(kinds: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(kinds).items(), key=lambda item: (-item[1], item[0])))


# ------------------------------------------------------------------ as JSON


def ageing_document(made: AgeingReport, day: date | None = None) -> dict[str, Any]:
    """Return the report as JSON has it.

    Args:
        day: adds `unsupported_by`: the names of what is unsupported on that day.
    """
    found = {
        "made_at": document(made.made_at),
        "today": document(made.today),
        "as_of": document(made.as_of),
        "years": document(made.years),
        "owners": document(made.owners),
        "sites": document(made.sites),
        "unknown_models": document(made.unknown_models),
        "register": document(made.register),
        "cases": [case_document(case) for case in made.cases],
    }
    if day is not None:
        names = [case.name for case in unsupported_by(made.cases, day)]
        found["unsupported_by"] = {"day": document(day), "names": names}
    return found


def case_document(case: Case) -> dict[str, Any]:
    """Return a case; its likelihood and consequence as the parts that they are made of."""
    return {
        **document(case),
        "likelihood": _risk_document(case.likelihood),
        "consequence": _risk_document(case.consequence),
    }


def _risk_document(risk: Risk) -> Mapping[str, Any]:
    return {"ratio": round(risk.ratio, 4), "parts": document(risk.parts)}

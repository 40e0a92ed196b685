"""The words of the report on ageing hardware: dates, ages and reasons as a committee reads them."""

import calendar
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from agent.core.ageing import Case
from agent.core.ageing_report import AgeingReport, unsupported_by
from agent.core.hardware import Age, Reason, Support
from agent.core.lookups import without_dates
from agent.core.risk import Part, Risk, in_years, unsupported_from, years_between

BY: Final = ("owner", "site", "year")
UNKNOWN: Final = "unknown"
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the start of one

REASONS: Final[dict[str, str]] = {
    Reason.END_OF_SALE: "no longer sold",
    Reason.END_OF_SOFTWARE_MAINTENANCE: "no new software",
    Reason.END_OF_SECURITY_FIXES: "no security fixes",
    Reason.END_OF_SUPPORT: "out of support",
    Reason.END_OF_SUPPORT_SOON: "support ends soon",
    Reason.OS_END_OF_LIFE: "operating system out of support",
    Reason.OS_END_OF_LIFE_SOON: "support of the operating system ends soon",
    Reason.AGE_OVER_POLICY: "older than the policy",
    Reason.WARRANTY_OVER: "out of warranty",
    Reason.BATTERY_OLD: "old battery",
    Reason.BATTERY_REPLACE: "replace the battery",
    Reason.BATTERY_WEAK: "weak battery",
    Reason.PSU_FAILED: "power supply failed",
    Reason.FAN_FAILED: "fan failed",
    Reason.PART_FAILED: "a part failed",
    Reason.TEMPERATURE_HIGH: "too hot",
    Reason.TEMPERATURE_RISING: "getting hotter",
    Reason.OPTICS_WEAK: "weak optics",
    Reason.ERRORS_RISING: "errors rising",
    Reason.FLAPS_RISING: "interface flaps rising",
    Reason.DISK_FAILED: "disk failed",
    Reason.DISK_WEAR: "worn disk",
    Reason.MEMORY_ERRORS: "memory errors",
    Reason.STORAGE_FULL_SOON: "storage full soon",
    Reason.UNEXPECTED_REBOOTS: "unexpected reboots",
    Reason.CLOCK_DRIFT: "clock drifts",
    Reason.UNKNOWN_LIFECYCLE: "support dates unknown",
}
PARTS: Final = {
    "age": "age", "support": "support", "wear": "condition", "alone": "single point of failure",
    "dependents": "what depends on it", "sites": "sites", "owners": "owners",
}  # fmt: skip


def plain(text: object) -> str:
    """Return one line of characters that can be printed: what a device says becomes part of a document."""
    words = str(text)
    if words.isprintable():
        return words.strip()
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in words).strip()


def cell(value: object) -> str:
    """Return the text of a cell of a CSV file; what a spreadsheet would work out (CWE-1236) is marked as text."""
    text = "" if value is None else plain(value)
    return f"'{text}" if text.startswith(_FORMULAS) else text


def day(value: date) -> str:
    """Return a date as people say it: 3 January 2027."""
    return f"{value.day} {calendar.month_name[value.month]} {value.year}"


def short_day(value: date) -> str:
    """Return a date for a table: 3 Jan 2027."""
    return f"{value.day} {calendar.month_abbr[value.month]} {value.year}"


def reason(name: str) -> str:
    """Return why hardware wants attention, in a few words; one that is not of the list as its key says it."""
    return REASONS.get(name, plain(name.replace("_", " ")))


def reasons(case: Case) -> str:
    """Return the reasons of a case, the worst first; that something is unknown is no reason to replace it."""
    return ", ".join(dict.fromkeys(reason(f.reason) for f in case.flags if f.reason != Reason.UNKNOWN_LIFECYCLE))


def age(value: Age | None, today: date) -> str:
    """Return how old something is, in years cut to one digit: `7.4 years`, `at least 1.2 years`."""
    if value is None:
        return UNKNOWN
    if value.since > today:
        return f"from {value.since.isoformat()}"
    return f"{'at least ' if value.at_least else ''}{in_years(years_between(value.since, today))}"


def support(case: Case, today: date, show: Callable[[date], str] = short_day) -> str:
    """Return until when a case is supported: `until 3 Jan 2027`, `ended 31 Jan 2021`."""
    if case.unsupported_from is None:
        return UNKNOWN
    return f"{'ended' if case.unsupported_from < today else 'until'} {show(case.unsupported_from)}"


def supports(case: Case) -> tuple[Support, ...]:
    """Return what is known of the support of a case's hardware and operating system."""
    return tuple(one for one in (case.support, case.system_support) if one is not None)


def ending(case: Case) -> Support | None:
    """Return which product ends first; None where no date is known."""
    return next((one for one in supports(case) if unsupported_from(one) == case.unsupported_from is not None), None)


def speaking(risk: Risk) -> tuple[Part, ...]:
    """Return the parts that add to a risk, the heaviest first."""
    found = [part for part in risk.parts if part.ratio]
    return tuple(sorted(found, key=lambda part: -(part.ratio or 0.0) * part.weight))


def share(part: Part, risk: Risk) -> float:
    """Return how much of a risk this part is: 0-1, all of them together the risk itself, so that bars compare."""
    whole = sum((one.ratio or 0.0) * one.weight for one in risk.parts)
    return (part.ratio or 0.0) * part.weight / whole * risk.ratio if whole else 0.0


def unknowns(risk: Risk) -> str:
    """Return which parts of a risk nobody knows: `age and condition`; empty where all are known."""
    return listed([PARTS.get(part.name, part.name) for part in risk.parts if part.ratio is None])


def said(risk: Risk, most: int | None = None) -> str:
    """Return what the heaviest parts of a risk say, as one sentence: `Power supply 2 has failed; 14.7 years old.`

    Where no part adds anything, what the first one says of which something is known.
    """
    parts = speaking(risk)[:most] or [part for part in risk.parts if part.ratio is not None][:1]
    text = "; ".join(plain(part.detail).rstrip(".") for part in parts)
    if not text:
        return "Nothing is known."
    first, _, rest = text.partition(" ")
    return f"{first.capitalize() if first.islower() else first} {rest}".rstrip() + "."  # not the names of objects


def model(case: Case) -> str:
    """Return maker and model of a case; empty where neither is known."""
    return product(case.fact("vendor"), case.fact("model"))


def product(vendor: str, name: str) -> str:
    """Return maker and model; the maker once where its name is a part of the model's."""
    if vendor and name.casefold().startswith(vendor.casefold()):
        vendor = ""
    return plain(" ".join(word for word in (vendor, name) if word and word != UNKNOWN))


def place(case: Case) -> str:
    """Return what and whose it is: `switch, bcw; owner bcw and enc`."""
    parts = [case.kind.replace("_", " "), *([case.site] if case.site else [])]
    return plain(", ".join(parts) + (f"; owner {listed(case.owners)}" if case.owners else ""))


def listed(words: Sequence[str]) -> str:
    """Return words as a list in a sentence: `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def pieces(number: int) -> str:
    """Return a number of pieces of hardware."""
    return "1 piece" if number == 1 else f"{number:,} pieces"


# ------------------------------------------------------------------ counts and groups


@dataclass(frozen=True, slots=True)
class Split:
    """How the support of some hardware stands on the day of the report.

    Attributes:
        key: a year, an owner, a site; "" where nobody knows it.
        over: ended; soon: ends within a year; later; unknown: no date is known.
    """

    key: str
    over: int = 0
    soon: int = 0
    later: int = 0
    unknown: int = 0

    @property
    def total(self) -> int:
        """Return how many pieces that are."""
        return self.over + self.soon + self.later + self.unknown


def split(cases: Iterable[Case], today: date, key: str = "") -> Split:
    """Count cases by how their support stands."""
    soon, counts = today + timedelta(days=365), dict.fromkeys(("over", "soon", "later", "unknown"), 0)
    for case in cases:
        end = case.unsupported_from
        counts["unknown" if end is None else "over" if end < today else "soon" if end <= soon else "later"] += 1
    return Split(key, **counts)


def splits(made: AgeingReport, by: str) -> list[Split]:
    """Return the counts of each year in time's order, of owners and sites the most urgent first; unknown ones last."""
    found = [split(cases, made.today, key) for key, cases in grouped(made, by).items()]
    if by == "year":
        return sorted(found, key=lambda one: (not one.key, one.key))
    return sorted(found, key=lambda one: (not one.key, -one.over, -one.soon, -one.total, one.key))


def grouped(made: AgeingReport, by: str) -> dict[str, list[Case]]:
    """Return the cases of each year, owner or site; a piece of two owners stands under both."""
    found: dict[str, list[Case]] = {}
    for case in made.cases:
        for key in _keys(case, by):
            found.setdefault(key, []).append(case)
    return found


def _keys(case: Case, by: str) -> Sequence[str]:
    if by == "owner":
        return tuple(dict.fromkeys(case.owners)) or ("",)
    if by == "site":
        return (case.site or "",)
    return ("" if case.unsupported_from is None else str(case.unsupported_from.year),)


def groups(made: AgeingReport, by: str | None) -> list[tuple[str, list[Case]]]:
    """Return the full list under its headings; without `by` under none, in the order of rank."""
    if by is None:
        return [("", list(made.cases))]
    found = grouped(made, by)
    return [(heading(by, one.key), found[one.key]) for one in splits(made, by)]


def heading(by: str, key: str) -> str:
    """Return the heading of a group of the list."""
    if key:
        return f"Support ends in {key}" if by == "year" else key
    return {"year": "Support dates unknown", "owner": "Without an owner", "site": "Without a site"}[by]


def headline(made: AgeingReport) -> tuple[str, ...]:
    """Return what the whole comes to, as sentences."""
    whole = split(made.cases, made.today)
    if not whole.total:
        return ("No hardware is known: there are no devices, and no asset register.",)
    are = "is" if whole.over == 1 else "are"
    found = [f"Of {pieces(whole.total)} of hardware, {whole.over:,} {are} out of support today."]
    if whole.soon:
        found.append(f"Support of {whole.soon:,} more ends within a year.")
    if whole.unknown:
        found.append(f"Of {whole.unknown:,} no support date is known; that speaks neither for nor against them.")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Ending:
    """What loses its support on one day with one product."""

    day: date
    product: str
    source: str
    cases: tuple[Case, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds of device that are meant."""
        return tuple(dict.fromkeys(case.kind.replace("_", " ") for case in self.cases))

    @property
    def owners(self) -> tuple[str, ...]:
        """Return whose they are."""
        return tuple(dict.fromkeys(owner for case in self.cases for owner in case.owners))


def endings(made: AgeingReport, until: date) -> list[Ending]:
    """Return what is unsupported on a day, by its last day of support and product: sixteen desktops are one line."""
    found: dict[tuple[date, str, str], list[Case]] = {}
    for case in unsupported_by(made.cases, until):
        one = ending(case)
        assert case.unsupported_from is not None
        found.setdefault((case.unsupported_from, one.product if one else "", one.source if one else ""), []).append(
            case
        )
    return [Ending(*key, tuple(cases)) for key, cases in found.items()]


def undated(made: AgeingReport) -> list[tuple[str, int, list[str]]]:
    """Return the models whose dates are worth looking up, how many there are of each, and the names of those."""
    return [
        (_unknown_model(one.vendor, one.model), one.number, [case.name for case in cases])
        for one, cases in without_dates(made.cases)
    ]


def _unknown_model(vendor: str, name: str) -> str:
    known = product(vendor, name)
    return known if name != UNKNOWN else f"{known}, model unknown" if known else "maker and model unknown"

"""How likely a piece of hardware is to fail or to be a danger, as three parts that can be shown: age, support, wear.

Each part is a ratio with its sentence and its source; what is not known is None, and raises nothing. The weights are
judgements, not measurements: they stand here with their reasons, and docs/ageing.md has them for the reader.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import prod
from typing import Final

from agent.core.hardware import Age, Confidence, Hardware, HardwareFlag, Reason, Support
from agent.core.hardware_policy import HardwarePolicy

# How much each part alone can make of the likelihood. They are taken as independent of each other.
AGE_WEIGHT: Final = 0.5  # most old hardware runs on for years: age alone never makes it more likely than not
SUPPORT_WEIGHT: Final = 0.8  # what is found in it from now on stays open, and no spare part comes
WEAR_WEIGHT: Final = 1.0  # nobody has to guess: it says so itself

# Age, as a share of the age at which the policy has it replaced.
AGE_BEGINS: Final = 0.5  # up to half of it nobody would think of replacing it
AGE_FULL: Final = 1.5  # at the age of the policy itself the part is one half

ENDED: Final = 1.0  # no more fixes, or no more support at all
MAINTENANCE_ENDED: Final = 0.5  # security is still mended, other faults are not
ENDS_SOON: Final = 0.4  # within the lead time of its kind: it is to be planned, and nothing is open yet
COVERED: Final = 0.0

CRITICAL_SIGN: Final = 0.9  # something has failed: what is left has no spare
WARNING_SIGN: Final = 0.5  # it is on its way
_SIGNS: Final = {"critical": CRITICAL_SIGN, "warning": WARNING_SIGN}

WEAR: Final = frozenset({
    Reason.BATTERY_OLD, Reason.BATTERY_REPLACE, Reason.BATTERY_WEAK, Reason.PSU_FAILED, Reason.FAN_FAILED,
    Reason.PART_FAILED, Reason.TEMPERATURE_HIGH, Reason.TEMPERATURE_RISING, Reason.OPTICS_WEAK, Reason.ERRORS_RISING,
    Reason.FLAPS_RISING, Reason.DISK_FAILED, Reason.DISK_WEAR, Reason.MEMORY_ERRORS, Reason.STORAGE_FULL_SOON,
    Reason.UNEXPECTED_REBOOTS, Reason.CLOCK_DRIFT,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a likelihood or of a consequence.

    Attributes:
        ratio: 0-1; None where it is not known.
        weight: how much of the whole it can make.
        source: where that was read; "" where nothing was.
        confidence: of the least certain fact that it rests on; one that is assumed says so in `detail`, too.
    """

    name: str
    ratio: float | None
    weight: float
    detail: str
    source: str = ""
    confidence: Confidence = Confidence.STATED


@dataclass(frozen=True, slots=True)
class Risk:
    """A likelihood or a consequence: its parts, and what they come to (0-1)."""

    parts: tuple[Part, ...]
    ratio: float

    def part(self, name: str) -> Part:
        """Return a part by its name.

        Raises:
            KeyError: there is none.
        """
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(name)


def likelihood(
    kind: str,
    age: Age | None,
    supports: Sequence[Support],
    flags: Sequence[HardwareFlag],
    hardware: Hardware | None,
    policy: HardwarePolicy,
    today: date,
) -> Risk:
    """Return how likely it is that this piece fails or is a danger.

    The parts are taken as independent: 1 - (1 - a)(1 - s)(1 - w) of each part's ratio times its weight.

    Args:
        supports: of the hardware and of its operating system, where they are known.
        flags: what was found of it.
        hardware: what the last look at it saw; None where nobody looked, so that nothing is known of its wear.
    """
    parts = (
        age_part(kind, age, policy, today),
        support_part(kind, supports, policy, today),
        wear_part(flags, looked=hardware is not None),
    )
    return Risk(parts, 1.0 - prod(1.0 - (part.ratio or 0.0) * part.weight for part in parts))


def age_part(kind: str, age: Age | None, policy: HardwarePolicy, today: date) -> Part:
    """Return what its age says: nothing up to half of the policy's, half at that, all at one and a half times it."""
    if age is None or age.since > today:
        return Part("age", None, AGE_WEIGHT, "its age is unknown")
    known, years = (age.source, age.confidence), years_between(age.since, today)
    words = f"{'at least ' if age.at_least else ''}{in_years(years)} old{_assumed(age.confidence)}"
    limit = policy.age_years(kind)
    if limit is None:
        return Part("age", None, AGE_WEIGHT, f"{words}; no policy for {kind}", *known)
    ratio = (years / limit - AGE_BEGINS) / (AGE_FULL - AGE_BEGINS)
    return Part("age", min(max(ratio, 0.0), 1.0), AGE_WEIGHT, f"{words}; {policy_words(kind, limit)}", *known)


def _assumed(confidence: Confidence) -> str:
    return " (assumed)" if confidence is Confidence.ASSUMED else ""


def support_part(kind: str, supports: Sequence[Support], policy: HardwarePolicy, today: date) -> Part:
    """Return what the ends of support say: the worst of the hardware's and the operating system's."""
    told = [found for support in supports if (found := _of_support(kind, support, policy, today)) is not None]
    if not told:
        return Part("support", None, SUPPORT_WEIGHT, "no date of its support is known")
    ratio, detail, support = max(told, key=lambda one: one[0])
    detail += _assumed(support.confidence)
    return Part("support", ratio, SUPPORT_WEIGHT, detail, support.source, support.confidence)


def _of_support(kind: str, support: Support, policy: HardwarePolicy, today: date) -> tuple[float, str, Support] | None:
    day, product = unsupported_from(support), support.product
    if day is not None and day < today:
        return ENDED, f"{product}: without support since {day.isoformat()}", support
    maintenance = support.end_of_software_maintenance
    if maintenance is not None and maintenance < today:
        rest = f", without any from {day.isoformat()}" if day is not None else ""
        return MAINTENANCE_ENDED, f"{product}: security fixes alone since {maintenance.isoformat()}{rest}", support
    if day is None:
        return None
    lead = policy.lead_days(kind)
    if lead is not None and (day - today).days <= lead:
        return ENDS_SOON, f"{product}: support ends on {day.isoformat()}", support
    return COVERED, f"{product}: supported until {day.isoformat()}", support


def unsupported_from(support: Support) -> date | None:
    """Return the last day on which its security is mended: with the fixes or with all support, what ends first."""
    days = [day for day in (support.end_of_security_fixes, support.end_of_support) if day is not None]
    return min(days, default=None)


def wear_part(flags: Iterable[HardwareFlag], *, looked: bool) -> Part:
    """Return what it says of itself: each sign counts, as independent of the others."""
    signs = [flag for flag in flags if flag.reason in WEAR and flag.severity in _SIGNS]
    if signs:
        ratio = 1.0 - prod(1.0 - _SIGNS[flag.severity] for flag in signs)
        sources = dict.fromkeys(flag.source for flag in signs)
        detail = "; ".join(flag.detail + _assumed(flag.confidence) for flag in signs)
        least = max((flag.confidence for flag in signs), key=tuple(Confidence).index)
        return Part("wear", ratio, WEAR_WEIGHT, detail, "; ".join(sources), least)
    if looked:
        return Part("wear", 0.0, WEAR_WEIGHT, "no sign of wear", "the last look at its hardware")
    return Part("wear", None, WEAR_WEIGHT, "nobody has looked at its condition")


def years_between(since: date, today: date) -> float:
    """Return years with the part of the present one; of the future: negative."""
    years, part = age_years(since, today)
    return years + part


def age_years(since: date, today: date) -> tuple[int, float]:
    """Return whole years and the part of the present one (0 to below 1); of the future: negative years.

    A thing bought on 29 February has its anniversary on 1 March in the years that lack that day.
    """
    years = today.year - since.year
    if anniversary(since, today.year) > today:
        years -= 1
    last = anniversary(since, since.year + years)
    following = anniversary(since, since.year + years + 1)
    return years, (today - last).days / (following - last).days


def anniversary(day: date, year: int) -> date:
    """Return that day in another year; of 29 February 1 March, in the years that lack it."""
    try:
        return day.replace(year=year)
    except ValueError:  # 29 February
        return date(year, 3, 1)


def policy_words(kind: str, limit: float) -> str:
    """Return `policy for switch is 7 years`."""
    return f"policy for {kind} is {number_of_years(limit)}"


def number_of_years(number: float) -> str:
    """Return `7 years`, as a policy has them."""
    return f"{number:g} {'year' if number == 1 else 'years'}"


def in_years(years: float) -> str:
    """Return `7.9 years`: cut, not rounded up."""
    tenths = int(years * 10)
    return f"{tenths // 10}.{tenths % 10} years"

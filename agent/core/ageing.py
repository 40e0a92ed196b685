"""Which hardware wants replacing, by facts that can be shown: each flag cites its source; unknown gives no flag."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from agent.core.model import Fact, HardwareFlag, Target

_BATTERY_GONE: Final = frozenset({"low", "depleted"})  # UPS-MIB upsBatteryStatus batteryLow(3), batteryDepleted(4)


def flags(target: Target, facts: Sequence[Fact], policy: Mapping[str, float], today: date) -> tuple[HardwareFlag, ...]:
    """Return the flags of one device, at most one for each reason.

    Args:
        facts: what the device said of itself at its last poll; may be empty.
        policy: device kind -> years after which it is to be replaced; `*` stands for every other kind.
        today: the date at the agent's place.
    """
    found = (_age(target, policy, today), _battery(target.name, facts))
    return tuple(flag for flag in found if flag is not None)


def age_years(purchased: date, today: date) -> tuple[int, float]:
    """Return whole years and the part of the present one (0 to below 1); of the future: negative years.

    A thing bought on 29 February has its anniversary on 1 March in the years that lack that day.
    """
    years = today.year - purchased.year
    if _anniversary(purchased, today.year) > today:
        years -= 1
    last = _anniversary(purchased, purchased.year + years)
    following = _anniversary(purchased, purchased.year + years + 1)
    return years, (today - last).days / (following - last).days


def _anniversary(day: date, year: int) -> date:
    try:
        return day.replace(year=year)
    except ValueError:  # 29 February
        return date(year, 3, 1)


def _age(target: Target, policy: Mapping[str, float], today: date) -> HardwareFlag | None:
    limit = policy.get(target.kind, policy.get("*"))
    if target.purchased is None or limit is None or target.purchased > today:
        return None
    years, part = age_years(target.purchased, today)
    if years + part < limit:
        return None
    bought = f"bought {target.purchased.isoformat()}, {years}.{int(part * 10)} years"  # cut, not rounded up
    return HardwareFlag(
        target.name,
        "age_over_policy",
        "warning",
        f"{bought}; policy for {target.kind} is {limit:g} {'year' if limit == 1 else 'years'}",
        "purchased (asset register or configuration)",
    )


def _battery(name: str, facts: Sequence[Fact]) -> HardwareFlag | None:
    """A battery that is to be replaced is a ticket; one that is low or empty as well will not carry the load."""
    cause = next((fact for fact in facts if fact.name == "battery_replace" and fact.value is True), None)
    if cause is None:
        return None
    status = next((str(fact.value) for fact in facts if fact.name == "battery_status"), None)
    gone = status is not None and status.lower().removeprefix("battery") in _BATTERY_GONE
    detail = "the device says that its battery needs to be replaced"
    if status is not None:
        detail += f"; battery status: {status}"
    return HardwareFlag(name, "battery_replace", "critical" if gone else "warning", detail, cause.source)

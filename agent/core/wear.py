"""Which hardware wears out, fails or fills up: from what it says now, and from what its days say. Pure.

A flag cites what it rests on; where nothing is known there is none. It is critical only where something has failed.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from agent.core import wearnow, weartrends
from agent.core.hardware import Hardware, HardwareFlag, Reason, Wear
from agent.core.model import Confidence, Fact, Target
from agent.core.weardays import PART, PARTS, kind_of, named
from agent.core.wearpolicy import Cause, WearPolicy

__all__ = ["WearPolicy", "flags"]

_SHOWN: Final = 3  # causes that one flag names
_MISSING: Final = 3.0
_TRUST: Final = tuple(Confidence)  # best first


def flags(
    target: Target,
    hardware: Hardware | None,
    history: Sequence[Wear],
    today: date,
    policy: WearPolicy | None = None,
    *,
    facts: Sequence[Fact] = (),
) -> tuple[HardwareFlag, ...]:
    """Return the flags of one device, at most one for each reason, in the order of `Reason`.

    Args:
        hardware: what was seen last; None where nothing is known of now.
        history: daily values; those of other devices are left out.
        today: the date at the agent's place.
        facts: what polls have said since; they go before those of `hardware`.
    """
    policy = policy or WearPolicy()
    items: dict[str, dict[date, float]] = defaultdict(dict)
    for one in history:
        if one.target == target.name:
            items[one.item][one.day] = one.value
    found = list(weartrends.causes(items, today, policy))
    if hardware is not None:
        found += wearnow.causes(hardware, _known_parts(hardware, items), policy)
        facts = (*facts, *hardware.facts)
    found += wearnow.battery(facts)
    return _joined(target.name, found)


def _known_parts(hardware: Hardware, items: Mapping[str, Mapping[date, float]]) -> set[str]:
    """Return the keys of entities of which a former day says that they were there."""
    said = [one for one in hardware.entities if one.condition is not None and one.physical_class in PARTS]
    names = named(PART, [(one.key, one.name, 0.0) for one in said])
    there = {name for name, days in items.items() if kind_of(name) == PART and min(days.values()) < _MISSING}
    return {one.key for (name, _), one in zip(names, said, strict=True) if name in there}


def _joined(target: str, found: Iterable[Cause]) -> tuple[HardwareFlag, ...]:
    by_reason: dict[Reason, list[Cause]] = defaultdict(list)
    for cause in found:
        by_reason[cause.reason].append(cause)
    return tuple(_flag(target, reason, by_reason[reason]) for reason in Reason if reason in by_reason)


def _flag(target: str, reason: Reason, found: list[Cause]) -> HardwareFlag:
    ranked = sorted(found, key=lambda cause: (not cause.critical, -cause.weight, cause.text))
    more = len(ranked) - _SHOWN
    detail = "; ".join([cause.text for cause in ranked[:_SHOWN]]) + (f"; and {more} more" if more > 0 else "")
    sources = dict.fromkeys(cause.source for cause in ranked[:_SHOWN] if cause.source)
    return HardwareFlag(
        target,
        reason.value,
        "critical" if ranked[0].critical else "warning",
        detail,
        ", ".join(sources),
        min((cause.confidence for cause in ranked), key=_TRUST.index),
        min((cause.due for cause in ranked if cause.due is not None), default=None),
    )

"""What stays known of a device's hardware from look to look."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from agent.core.hardware import Fact, Hardware
from agent.core.serials import normal


class _Keyed(Protocol):
    @property
    def key(self) -> str: ...


T = TypeVar("T", bound=_Keyed)


class Looks:
    """What is known of every device's hardware, by the checks that look at it."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Hardware]] = {}

    def see(self, target: str, check: str, now: Hardware) -> Hardware:
        """Take a look, and return what is known of the device after it."""
        kept = self._kept.setdefault(target, {})
        kept[check] = after(kept.get(check), now)
        return together(list(kept.values()))

    def keep(self, checks: Collection[tuple[str, str]]) -> dict[str, Hardware]:
        """Forget what other checks saw, and return what is known of each device."""
        wanted = {
            target: {check: look for check, look in kept.items() if (target, check) in checks}
            for target, kept in self._kept.items()
        }
        self._kept = {target: kept for target, kept in wanted.items() if kept}
        return {target: together(list(kept.values())) for target, kept in self._kept.items()}


def after(before: Hardware | None, now: Hardware) -> Hardware:
    """Return what is known after a look; what an incomplete one did not get to stays as it was.

    Nothing stays of another piece: of a device that now states another serial number.
    """
    if before is None or now.complete or _replaced(before, now):
        return now
    return replace(
        now,
        facts=_facts(now.facts, before.facts),
        entities=_keyed(now.entities, before.entities),
        readings=_keyed(now.readings, before.readings),
        stores=_keyed(now.stores, before.stores),
        counters=_keyed(now.counters, before.counters),
    )


def together(looks: Sequence[Hardware]) -> Hardware:
    """Return the looks of a device's several checks as one; of a fact that several have, the first one's."""
    first, *others = looks
    for other in others:
        first = Hardware(
            at=max(first.at, other.at),
            facts=_facts(first.facts, other.facts),
            entities=_keyed(first.entities, other.entities),
            readings=_keyed(first.readings, other.readings),
            stores=_keyed(first.stores, other.stores),
            counters=_keyed(first.counters, other.counters),
            complete=first.complete and other.complete,
        )
    return first


def _replaced(before: Hardware, now: Hardware) -> bool:
    had, has = before.fact("serial"), now.fact("serial")
    return had is not None and has is not None and normal(str(had.value)) != normal(str(has.value))


def _facts(first: tuple[Fact, ...], others: tuple[Fact, ...]) -> tuple[Fact, ...]:
    named = {fact.name for fact in first}
    return first + tuple(fact for fact in others if fact.name not in named)


def _keyed(first: tuple[T, ...], others: tuple[T, ...]) -> tuple[T, ...]:
    keys = {item.key for item in first}
    return first + tuple(item for item in others if item.key not in keys)

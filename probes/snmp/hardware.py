"""One look at a device's hardware, joined from what it is and how it is. Pure."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from agent.core.hardware import Entity, Hardware
from agent.core.model import Fact

_ENTITY: Final = re.compile(r"(?:entPhysical[A-Za-z]*[ .:])?([0-9]+)")


def joined(identity: Hardware | None, condition: Hardware | None) -> Hardware | None:
    """Return both as one: facts of the identity win; of a part that both know the condition is added to it.

    Parts are the same by their keys; those of ENTITY-MIB by entPhysicalIndex, however the table's name is written.
    """
    if identity is None or condition is None:
        return identity or condition
    said = {_key(one): one for one in condition.entities}
    known = {_key(one) for one in identity.entities}
    entities = [_with_condition(one, said.get(_key(one))) for one in identity.entities]
    return Hardware(
        max(identity.at, condition.at),
        facts=_facts(identity.facts, condition.facts),
        entities=(*entities, *(one for key, one in said.items() if key not in known)),
        readings=(*identity.readings, *condition.readings),
        stores=(*identity.stores, *condition.stores),
        counters=(*identity.counters, *condition.counters),
        complete=identity.complete and condition.complete,
    )


def _key(entity: Entity) -> str:
    found = _ENTITY.fullmatch(entity.key)
    return f"entPhysical:{found[1]}" if found else entity.key


def _with_condition(known: Entity, told: Entity | None) -> Entity:
    if told is None or known.condition is not None:
        return known
    return replace(known, condition=told.condition, model=known.model or told.model, serial=known.serial or told.serial)


def _facts(first: Iterable[Fact], second: Iterable[Fact]) -> tuple[Fact, ...]:
    out: dict[str, Fact] = {}
    for fact in (*first, *second):
        out.setdefault(fact.name, fact)
    return tuple(out.values())

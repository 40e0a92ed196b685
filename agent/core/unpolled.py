"""What stands in the asset register and nobody polls: desktops, laptops, and the support of what runs on them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from agent.core.age import row_age
from agent.core.hardware import Age, Support
from agent.core.model import AssetRow

SupportOf = Callable[[str, str], Support | None]  # an operating system and its version, "" where it is not known

_KINDS: Final = re.compile(
    r"desktop|lap ?top|note ?book|workstation|thin ?client|zero ?client|tablet|all[- ]in[- ]one|chrome ?book|mac ?book|"
    r"\bi?mac\b|\bpcs?\b|computer|phone|mobile|handset|\bipads?\b|monitor|screen|display|dock|headset|webcam|scanner",
    re.IGNORECASE,
)
_SERVED: Final = re.compile(r"server|switch|router|firewall|ups\b|storage", re.IGNORECASE)
_CLIENT_SYSTEMS: Final = re.compile(
    r"windows (?:xp|vista|7|8|8\.1|10|11)\b|mac ?os|os x|chrome ?os|ipados|android", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Unpolled:
    """One row that nobody polls.

    Attributes:
        age: since it was bought; None where the register does not say when.
        support: of its operating system; None where no table has it, or the register names none.
    """

    name: str
    source: str
    kind: str | None
    vendor: str | None
    model: str | None
    serial: str | None
    site: str | None
    owner: str | None
    operating_system: str | None
    operating_system_version: str | None
    purchased: date | None
    age: Age | None
    support: Support | None


def is_unpolled(row: AssetRow) -> bool:
    """Say whether a row is of something that nobody is expected to poll, by its kind, else by its operating system."""
    kind = row.columns.get("kind")
    if kind is not None:
        return _KINDS.search(kind) is not None and _SERVED.search(kind) is None
    system = row.columns.get("operating_system", "")
    return _CLIENT_SYSTEMS.search(system) is not None and "server" not in system.lower()


def unpolled_of(row: AssetRow, today: date, support_of: SupportOf | None = None) -> Unpolled:
    """Return what is known of a row: its age, and until when its operating system is supported."""
    say = row.columns.get
    system, version = say("operating_system"), say("operating_system_version")
    support = support_of(system, version or "") if support_of is not None and system is not None else None
    return Unpolled(
        row.name, row.source, say("kind"), say("vendor"), say("model"), say("serial"), say("site"), say("owner"),
        system, version, row.purchased, row_age(row, today), support,
    )  # fmt: skip

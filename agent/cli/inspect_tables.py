"""What a device is, as a headline and tables."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from agent.cli.snmp_tables import indented
from agent.cli.tables import Cell, clean

if TYPE_CHECKING:
    from agent.core.hardware import Entity, Hardware

_COLOURS: Final[Mapping[str, str | None]] = {"stated": "green", "derived": None, "assumed": "yellow"}
_MOST_PARTS: Final = 40  # the rest is for programs: --json


def headline(address: str, hardware: "Hardware") -> str:
    """Return one line that a person would say: `10.20.1.2: Cisco C9300-48P, switch, serial FCW0000A0AA`."""
    said = {fact.name: clean(fact.value) for fact in hardware.facts}
    maker, model = said.get("vendor"), said.get("model")
    if maker and model and model.lower().startswith(maker.lower()):
        maker = None
    named = " ".join(word for word in (maker, model) if word)
    software = " ".join(dict.fromkeys(said[name] for name in ("operating_system", "software_version") if name in said))
    parts = [named, said.get("kind", "").replace("_", " "), software]
    if "serial" in said:
        parts.append(f"serial {said['serial']}")
    return f"{address}: {', '.join(part for part in parts if part) or 'nothing is known of it'}"


def facts(hardware: "Hardware") -> str:
    """Return what is known, how it is known, and where it was read; "" for nothing."""
    rows: list[list[Cell]] = [
        [fact.name, str(fact.value), (fact.confidence.value, _COLOURS[fact.confidence.value]), fact.source]
        for fact in hardware.facts
    ]
    return indented(("fact", "value", "known", "source"), rows)


def entities(found: "Sequence[Entity]") -> str:
    """Return the parts that have a model, a serial number or a version; "" for none."""
    told = [one for one in found if one.model or one.serial or one.software_version or one.firmware_version]
    rows: list[list[Cell]] = [
        [
            one.physical_class.value.replace("_", " "),
            one.name,
            one.model or "",
            one.serial or "",
            one.software_version or one.firmware_version or "",
        ]
        for one in told[:_MOST_PARTS]
    ]
    text = indented(("class", "name", "model", "serial", "version"), rows)
    more = len(told) - _MOST_PARTS
    return text + (f"\n  and {more} more: --json has them" if more > 0 else "")

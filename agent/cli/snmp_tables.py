"""What a device says of itself, as tables."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from agent.cli.tables import Cell, table, terminal_width

if TYPE_CHECKING:
    from agent.core.model import Fact, Interface
    from agent.core.series import SeriesBlock
    from probes.snmp.sensors import Sensor

_INDENT: Final = "  "
_MOST_SERIES: Final = 60  # the rest is for programs: `linewarden snmp import`, `/metrics/device/NAME`
_WIDTH: Final = 120  # of lines that go to no terminal
_SHOWN_ELSEWHERE: Final = ("system", "if_mib", "ups_mib", "ups")
# in the table of interfaces, or what needs a second poll to tell anything
_OF_INTERFACES: Final = frozenset(
    f"linewarden_interface_{what}"
    for what in (
        "admin_status", "oper_status", "speed_bits_per_second", "changed_timestamp_seconds", "flaps_total",
        "duplex_mismatch",
    )
)  # fmt: skip


def indented(heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Return a table behind an indent, as wide as the terminal; "" without rows."""
    if not rows:
        return ""
    width = terminal_width()
    text = table(heads, rows, None if width is None else width - len(_INDENT))
    return "\n".join(_INDENT + line for line in text.splitlines())


def modules(chosen: Sequence[tuple[str, str]], absent: Sequence[str]) -> str:
    """Return by which modules a device is read, and which it was asked about in vain."""
    text = indented(("module", "why"), [[name, why] for name, why in chosen])
    if not absent:
        return text
    width = max((terminal_width() or _WIDTH) - len(_INDENT), _WIDTH // 2)
    rest = textwrap.wrap(f"asked about, and not there: {', '.join(absent)}", width)
    return "\n".join([text, *(_INDENT + line for line in rest)])


def facts(found: "Sequence[Fact]") -> str:
    """Return what a device says of itself; "" for nothing."""
    rows: list[list[Cell]] = [
        [fact.name, ("yes", "yellow") if fact.value is True else _value(fact.name, fact.value), fact.source]
        for fact in found
    ]
    return indented(("fact", "value", "source"), rows)


def _value(name: str, value: str | float | bool) -> str:
    from agent.core.units import format_duration

    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if name.endswith(("_seconds", "seconds_left")):
        return format_duration(value)
    return f"{value:.0%}" if name.endswith("_ratio") else f"{value:g}"


def interfaces(found: "Sequence[Interface]") -> str:
    """Return interfaces by index: what is wanted up and is not is red, and a duplex that does not fit."""
    rows: list[list[Cell]] = []
    with_duplex = any(one.duplex for one in found)
    for one in found:
        admin = one.admin.name.lower() if one.admin else "?"
        oper = one.oper.name.lower().replace("_", " ") if one.oper else "?"
        colour = ("green" if oper == "up" else "red") if admin == "up" else None
        speed = _speed(one.speed_bits_per_second)
        duplex = (one.duplex.name.lower() if one.duplex else "-", "red" if one.duplex_mismatch else None)
        told: list[Cell] = [speed, duplex] if with_duplex else [speed]
        rows.append([str(one.index), one.name, admin, (oper, colour), *told, one.alias or ""])
    told_heads = ("speed", "duplex") if with_duplex else ("speed",)
    return indented(("index", "name", "admin", "oper", *told_heads, "alias"), rows)


def _speed(bits: float | None) -> str:
    if bits is None:
        return "-"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if bits >= size:
            return f"{bits / size:g}{unit}bit/s"
    return f"{bits:g}bit/s"


def sensors(found: "Sequence[Sensor]") -> str:
    """Return what sensors read; one that the device calls broken is red."""
    rows: list[list[Cell]] = [
        [one.name, one.kind, _reading(one), (one.status, None if one.status in ("", "ok") else "red"), one.source]
        for one in found
    ]
    return indented(("sensor", "kind", "reads", "status", "source"), rows)


def _reading(one: "Sensor") -> str:
    if one.value is None:
        return "-"
    if one.kind == "state":
        return "true" if one.value else "false"
    return f"{one.value:g} {one.unit}".strip()


def series(block: "SeriesBlock | None") -> str:
    """Return the series of modules whose objects no other table shows; of states only the one that holds."""
    from agent.config.modulefiles import names
    from probes.snmp.modules import ModuleLibrary

    if block is None:
        return ""
    library = ModuleLibrary()
    known = names(())
    shown = {metric.name for name in _SHOWN_ELSEWHERE if name in known for metric in library.get(name).metrics}
    rows: list[list[Cell]] = []
    for family in block.families:
        if family.name in _OF_INTERFACES or family.name in shown or family.name.removesuffix("_info") in shown:
            continue
        states = family.help.endswith(("(EnumAsStateSet)", "(Bits)"))
        for prefix, value in zip(family.prefixes, family.values.tolist(), strict=True):
            if not states or value:
                rows.append([family.name, f"{value:.10g}", _labels(prefix, family.name)])
    more = len(rows) - _MOST_SERIES
    text = indented(("series", "value", "labels"), rows[:_MOST_SERIES])
    return text + (f"\n{_INDENT}and {more} more" if more > 0 else "")


def _labels(prefix: str, name: str) -> str:
    """Return the labels of a series without those that name the device."""
    inner = prefix.removeprefix(name).strip("{}")
    return ",".join(part for part in inner.split(",") if not part.startswith("target="))

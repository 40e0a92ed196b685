"""Which row of the asset register is of which device: by serial number, name or address."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent.core.hardware import Fact, Hardware, Piece
from agent.core.model import AssetRow, Estate, Role
from agent.core.serials import normal


@dataclass(frozen=True, slots=True)
class Joined:
    """Which row is of which device.

    Attributes:
        rows: by device: the row with the serial number that the device states, else with its name or address.
        parts: by device: rows of its stack members and modules, by their serial numbers.
        left: rows of nothing that is polled.
    """

    rows: Mapping[str, AssetRow]
    parts: Mapping[str, tuple[AssetRow, ...]]
    left: tuple[AssetRow, ...]


def rows_of(estate: Estate) -> list[AssetRow]:
    """Return every row of the registers that names something."""
    return [target.register for target in estate.targets.values() if target.register is not None] + [*estate.assets]


def join(estate: Estate, hardware: Mapping[str, Hardware]) -> Joined:
    """Find the row of each device. The serial number that a device states comes first: it tells which piece it is.

    A serial number that two devices state joins nothing.
    """
    devices = [target for target in estate.targets.values() if target.role is Role.DEVICE]
    own = _claimed((target.name, [stated_serial(hardware.get(target.name))]) for target in devices)
    of_parts = _claimed((target.name, part_serials(hardware.get(target.name))) for target in devices)
    rows: dict[str, AssetRow] = {}
    rest: dict[str, AssetRow] = {}
    for row in rows_of(estate):
        if (name := own.get(row_serial(row))) is not None and name not in rows:
            rows[name] = row
        else:
            rest[row.source] = row
    for target in devices:
        at_load = target.register
        if at_load is None or target.name in rows or at_load.source not in rest:
            continue
        if of_parts.get(row_serial(at_load), target.name) == target.name:
            rows[target.name] = rest.pop(at_load.source)
    parts: dict[str, tuple[AssetRow, ...]] = {}
    left: list[AssetRow] = []
    for row in rest.values():
        if (name := of_parts.get(row_serial(row))) is not None:
            parts[name] = (*parts.get(name, ()), row)
        else:
            left.append(row)
    return Joined(rows, parts, tuple(left))


def of_pieces(pieces: Iterable[Piece]) -> dict[str, Hardware]:
    """Return what the ledger knows of devices while no agent runs: their serial numbers."""
    return {
        piece.target: Hardware(piece.last_seen, (Fact("serial", piece.serial, "ledger"),))
        for piece in sorted(pieces, key=lambda piece: piece.first_seen)
        if piece.serial and piece.gone_at is None
    }


def row_serial(row: AssetRow) -> str:
    """Return the serial number of a row, to compare; "" where it has none."""
    return normal(row.columns.get("serial", ""))


def stated_serial(seen: Hardware | None) -> str:
    """Return the serial number that a device states, to compare; "" where it states none."""
    fact = seen.fact("serial") if seen is not None else None
    return normal(str(fact.value)) if fact is not None else ""


def part_serials(seen: Hardware | None) -> list[str]:
    """Return the serial numbers of a device's parts, to compare."""
    return [normal(entity.serial) for entity in seen.entities if entity.serial] if seen is not None else []


def _claimed(claims: Iterable[tuple[str, list[str]]]) -> dict[str, str]:
    """Return serial number -> device, of those that one device alone states."""
    pairs = {(serial, name) for name, serials in claims for serial in serials if serial}
    times = Counter(serial for serial, _ in pairs)
    return {serial: name for serial, name in pairs if times[serial] == 1}

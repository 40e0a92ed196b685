"""What hardware there is: devices of the estate, and what stands in an asset register alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.core.hardware import Hardware, Piece, Wear
from agent.core.model import AssetRow, Fact, Target


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of one piece of hardware before anything is found of it.

    Attributes:
        kind: as the configuration or the register names it.
        target: None for a row of a register.
        row: of the register, where no device of the estate stands for it.
        facts: what it said of itself at its last poll.
        hardware: what the last look at it saw; None where nobody looked.
        pieces: what has answered under its name, the present one last.
        wear: daily values of the present piece; empty where they are not asked for.
    """

    name: str
    kind: str
    title: str
    site: str | None = None
    owners: tuple[str, ...] = ()
    target: Target | None = None
    row: AssetRow | None = None
    facts: tuple[Fact, ...] = ()
    hardware: Hardware | None = None
    pieces: tuple[Piece, ...] = ()
    wear: tuple[Wear, ...] = ()

    def fact(self, name: str) -> Fact | None:
        """Return a fact: of the look at its hardware, else of its last poll; None where nothing is known.

        A maker without a model gives way to maker and model of the inventory: servers name who made their system.
        """
        if name == "vendor" and self._said("model") is None and {"vendor", "model"} <= self.written.keys():
            return None
        return self._said(name)

    def _said(self, name: str) -> Fact | None:
        found = self.hardware.fact(name) if self.hardware is not None else None
        return found or next((fact for fact in self.facts if fact.name == name), None)

    @property
    def written(self) -> Mapping[str, str]:
        """What the configuration and the register say of it."""
        return self.target.info if self.target is not None else self.row.columns if self.row is not None else {}


def of_device(
    target: Target,
    facts: tuple[Fact, ...] = (),
    hardware: Hardware | None = None,
    pieces: tuple[Piece, ...] = (),
    wear: tuple[Wear, ...] = (),
) -> Subject:
    """Return a device of the estate, as the configuration has it and as it was seen."""
    return Subject(
        target.name, target.kind, target.title, target.site, target.owners, target,
        facts=facts, hardware=hardware, pieces=pieces, wear=wear,
    )  # fmt: skip


def of_row(row: AssetRow) -> Subject:
    """Return what a row of an asset register stands for: nobody polls it."""
    columns = row.columns
    owners = (name.strip() for name in columns.get("owner", "").replace(";", ",").split(","))
    return Subject(
        row.name, columns.get("kind", "other").lower(), row.name, columns.get("site"),
        tuple(name for name in owners if name), row=row,
    )  # fmt: skip

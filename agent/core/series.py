"""Bulk SNMP data without an object per value: kept prefixes and one array of values.

A `Family` is what Prometheus calls a metric family: one name, one TYPE, one HELP, any number of samples. A sample's
prefix is its name and labels as text, rendered once and kept between polls; only the values change.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import numpy.typing as npt


class Prefixes(Sequence[str]):
    """Prefixes of samples that differ in their labels alone: columns of one table share the text of their rows.

    A thousand switches have two million series; their prefixes as text would be most of the agent's memory.
    """

    __slots__ = ("_name", "_rows")

    def __init__(self, name: str, rows: tuple[str, ...]) -> None:
        """Take a family's name, and each sample's labels as text; "" for none."""
        self._name = name
        self._rows = rows

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        """Give `name{label="value",...}` of each sample."""
        name = self._name
        return (f"{name}{{{row}}}" if row else name for row in self._rows)

    def lines(self, values: Iterable[str]) -> list[str]:
        """Return a line of each sample and its value."""
        head = self._name + "{"
        if self._rows and "" not in self._rows:
            return [f"{head}{row}}} {value}\n" for row, value in zip(self._rows, values, strict=True)]
        return [f"{prefix} {value}\n" for prefix, value in zip(self, values, strict=True)]

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> "Prefixes": ...

    def __getitem__(self, place: int | slice) -> "str | Prefixes":
        """Return one prefix, or some."""
        if isinstance(place, slice):
            return Prefixes(self._name, self._rows[place])
        return next(iter(Prefixes(self._name, (self._rows[place],))))

    def __eq__(self, other: object) -> bool:
        """Compare with any sequence of texts."""
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        """As the texts' tuple has it."""
        return hash(tuple(self))


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """One metric family's samples.

    Attributes:
        name: the family's name.
        type: counter, gauge, histogram, info, untyped ...: the word after `# TYPE`.
        help: the text after `# HELP`, already escaped.
        prefixes: `name{label="value",...}` of each sample, in order; without the space before the value.
        values: float64[len(prefixes)].
    """

    name: str
    type: str
    help: str
    prefixes: Sequence[str]
    values: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SeriesBlock:
    """Everything one poll of one device gives, in families whose names are unique within the block."""

    families: tuple[Family, ...]

    def __len__(self) -> int:
        """Return the number of samples."""
        return sum(len(family.prefixes) for family in self.families)

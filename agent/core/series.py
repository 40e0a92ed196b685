"""Bulk SNMP data without an object per value: kept prefixes and one array of values.

A `Family` is what Prometheus calls a metric family: one name, one TYPE, one HELP, any number of samples. A sample's
prefix is its name and labels as text, rendered once and kept between polls; only the values change.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


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
    prefixes: tuple[str, ...]
    values: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SeriesBlock:
    """Everything one poll of one device gives, in families whose names are unique within the block."""

    families: tuple[Family, ...]

    def __len__(self) -> int:
        """Return the number of samples."""
        return sum(len(family.prefixes) for family in self.families)

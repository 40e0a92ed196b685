"""What interfaces carried between two polls of a device: columns over all its interfaces, not an object for each."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Flow:
    """What an interface carried in one direction between its last two polls; None where they prove nothing.

    Attributes:
        packets_per_second: unicast.
        utilisation_ratio: of the speed that the device names; above 1 where that was set too low by hand.
    """

    octets_per_second: float | None = None
    packets_per_second: float | None = None
    errors_per_second: float | None = None
    discards_per_second: float | None = None
    utilisation_ratio: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """Rates of all interfaces in one direction; float64[n], nan where unknown. The fields are those of `Flow`."""

    octets_per_second: Floats
    packets_per_second: Floats
    errors_per_second: Floats
    discards_per_second: Floats
    utilisation_ratio: Floats

    def flow(self, place: int) -> Flow:
        """Return those of one interface."""
        return Flow(
            _or_none(self.octets_per_second[place]),
            _or_none(self.packets_per_second[place]),
            _or_none(self.errors_per_second[place]),
            _or_none(self.discards_per_second[place]),
            _or_none(self.utilisation_ratio[place]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Traffic:
    """Both directions, in the order of the device's interfaces.

    Attributes:
        errors_total: of both directions, as the counters stand; float64[n], nan where one is unknown.
    """

    received: Direction
    sent: Direction
    errors_total: Floats | None = None


def _or_none(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)

"""The judges of hardware with the tables that the agent ships and the user adds, and with what the picture shows."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final, TypeVar

from agent.config.agecodes import load_age_codes
from agent.config.lifecycle import shipped
from agent.core.age import constants_of
from agent.core.ageing import Judges
from agent.core.judges import judges
from agent.core.lifecycle import Lifecycle, Row
from agent.core.model import AssetRow
from agent.core.picture import Picture
from agent.core.registerjoin import join

_KEPT_SECONDS: Final = 60.0  # joining a register of twenty thousand rows takes half a second

T = TypeVar("T")


def lifecycle_with(rows: Sequence[Row]) -> Lifecycle:
    """Return the shipped tables and the user's own rows, which win."""
    known = shipped()
    return Lifecycle((*rows, *known.rows), known.names)


def judges_of(lifecycle: Lifecycle, picture: Callable[[], Picture] | None = None) -> Judges:
    """Return the judges.

    Args:
        picture: what devices say of themselves; None where no agent runs.
    """
    if picture is None:
        return judges(lifecycle, load_age_codes())

    def rows() -> Mapping[str, AssetRow]:
        shown = picture()
        return join(shown.estate, dict(shown.hardware)).rows

    def constants() -> frozenset[date]:
        return constants_of(dict(picture().hardware))

    return judges(lifecycle, load_age_codes(), rows=_kept(rows), constants=_kept(constants))


def _kept(made: Callable[[], T]) -> Callable[[], T]:
    """Make it anew once a minute at most."""
    kept: list[tuple[float, T]] = []

    def value() -> T:
        now = time.monotonic()
        if not kept or now - kept[0][0] >= _KEPT_SECONDS:
            kept[:] = [(now, made())]
        return kept[0][1]

    return value

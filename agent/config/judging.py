"""Who judges hardware: the tables and rules of the package, and the user's own."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

from agent.config.agecodes import load_age_codes
from agent.config.lifecycle import shipped
from agent.config.load import Loaded
from agent.core.ageing import Judges
from agent.core.judges import NO_CONSTANTS, judges
from agent.core.lifecycle import Lifecycle
from agent.core.model import AssetRow


def lifecycle_of(loaded: Loaded) -> Lifecycle:
    """Return the tables of the package with the user's own rows. Reads files: a fraction of a second."""
    tables = shipped()
    return replace(tables, rows=(*loaded.lifecycle, *tables.rows))


def judges_of(
    lifecycle: Lifecycle,
    constants: Callable[[], frozenset[date]] = lambda: NO_CONSTANTS,
    rows: Callable[[], Mapping[str, AssetRow]] = dict,
) -> Judges:
    """Return the judges that have these tables.

    Args:
        constants: gives days of manufacture that are none, as the whole estate shows them.
        rows: gives the row of the asset register that each device is found to be.
    """
    return judges(lifecycle, load_age_codes(), constants, rows)

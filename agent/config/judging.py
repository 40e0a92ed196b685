"""Who judges hardware: the tables and rules of the package, and the user's own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

from agent.config.agecodes import load_age_codes
from agent.config.lifecycle import shipped
from agent.config.load import Loaded
from agent.core.ageing import Judges
from agent.core.judges import NO_CONSTANTS, judges


def judges_of(loaded: Loaded, constants: Callable[[], frozenset[date]] = lambda: NO_CONSTANTS) -> Judges:
    """Return the judges of a configuration. Reads the tables of the package: a fraction of a second.

    Args:
        constants: gives days of manufacture that are none, as the whole estate shows them.
    """
    tables = shipped()
    return judges(replace(tables, rows=(*loaded.lifecycle, *tables.rows)), load_age_codes(), constants)

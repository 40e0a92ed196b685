"""What of a damaged or vanished ledger goes over into the new one: how things stand, not the history."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

# open spans, last states, what detectors have learnt, since when each piece of hardware is there and what days did to
# it, what people announced and said of what is open, and the sequence numbers, so that an id never means two events
_KEPT: Final = {
    "runs": "SELECT * FROM runs ORDER BY id DESC LIMIT 1",
    "outages": "SELECT * FROM outages WHERE ended_us IS NULL",
    "blinds": "SELECT * FROM blinds WHERE ended_us IS NULL",
    "target_states": "SELECT * FROM target_states",
    "check_states": "SELECT * FROM check_states",
    "renames": "SELECT * FROM renames",
    "detectors": "SELECT * FROM detectors",
    "pieces": "SELECT * FROM pieces",
    "windows": "SELECT * FROM windows",
    "notes": "SELECT * FROM notes WHERE outage IN (SELECT id FROM outages WHERE ended_us IS NULL)",
    "wear": "SELECT * FROM wear",
    "sqlite_sequence": "SELECT * FROM sqlite_sequence WHERE name IN ('events', 'outages', 'windows', 'notes')",
}

Carried = Mapping[str, Sequence[tuple[Any, ...]]]


def salvage(source: sqlite3.Connection | Path) -> Carried:
    """Return the rows that can still be read, table by table; damage in one does not touch the others."""
    if isinstance(source, Path):
        try:
            with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)) as db:
                return salvage(db)
        except sqlite3.Error:
            return {}
    found: dict[str, Sequence[tuple[Any, ...]]] = {}
    for table, query in _KEPT.items():
        with suppress(sqlite3.Error, UnicodeDecodeError):
            found[table] = source.execute(query).fetchall()
    return found


def plant(db: sqlite3.Connection, carried: Carried) -> int:
    """Write salvaged rows into a new ledger; return how many went in. A row that does not fit is left out."""
    planted = 0
    for table, rows in carried.items():
        for row in rows:
            with suppress(sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.OperationalError):
                db.execute(f"INSERT OR IGNORE INTO {table} VALUES ({','.join('?' * len(row))})", row)  # noqa: S608 - constants
                planted += 1
    return planted

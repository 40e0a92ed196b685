"""How long things are kept, and how they go: in small batches, so that no event ever waits for a deletion."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from agent.core.recurrence import HORIZON
from agent.ledger.rows import to_us
from agent.ledger.writing import MINUTE_US

BATCH_ROWS: Final = 500  # some 10 ms
_VACUUM_PAGES: Final = 500
_SPARE_OCTETS: Final = 64 << 20  # free pages below this are left in the file for what comes next


@dataclass(frozen=True, slots=True)
class Retention:
    """What the ledger keeps.

    Attributes:
        rounds: raw rounds; the default covers a quarter with time left to argue about it.
        events: events, outages with their notes, blind times and windows; the default covers the six years in which a
            contract can be disputed.
        octets: size of the file; past it the oldest rounds go first, events only when no round is left.
    """

    rounds: timedelta = timedelta(days=100)
    events: timedelta = timedelta(days=7 * 366)
    octets: int = 4 << 30


def prune(db: sqlite3.Connection, retention: Retention, now: datetime) -> bool:
    """Delete one batch of what is too old or too much; return whether there may be more."""
    rounds_us, events_us = to_us(now - retention.rounds), to_us(now - retention.events)
    if _rounds(db, "WHERE minute < ?", rounds_us // MINUTE_US):
        return True
    for table, key in (("events", "at_us"), ("outages", "ended_us"), ("blinds", "ended_us"), ("runs", "alive_us")):
        if _oldest(db, table, key, events_us):
            return True
    if _notes(db) or _windows(db, events_us):
        return True
    if used_octets(db) > retention.octets:
        return _rounds(db, "") or _oldest(db, "events", "at_us", to_us(now))
    return _shrink(db)


def used_octets(db: sqlite3.Connection) -> int:
    """Return the octets in use, free pages of the file not counted."""
    pages, free, size = (db.execute(f"PRAGMA {p}").fetchone()[0] for p in ("page_count", "freelist_count", "page_size"))
    return int((pages - free) * size)


def _rounds(db: sqlite3.Connection, where: str, *values: int) -> bool:
    oldest = (
        f"SELECT minute, check_id, began_us, burst FROM rounds {where} ORDER BY minute, check_id LIMIT {BATCH_ROWS}"  # noqa: S608 - constants
    )
    found = db.execute(f"DELETE FROM rounds WHERE (minute, check_id, began_us, burst) IN ({oldest})", values)  # noqa: S608 - constants
    return found.rowcount > 0


def _oldest(db: sqlite3.Connection, table: str, key: str, before_us: int) -> bool:
    # an open outage or blind span has no end yet: NULL is never below anything, so it stays
    last = " AND id < (SELECT max(id) FROM runs)" if table == "runs" else ""
    oldest = f"SELECT id FROM {table} WHERE {key} < ?{last} ORDER BY {key} LIMIT {BATCH_ROWS}"  # noqa: S608 - constants
    return db.execute(f"DELETE FROM {table} WHERE id IN ({oldest})", (before_us,)).rowcount > 0  # noqa: S608 - constants


def _notes(db: sqlite3.Connection) -> bool:
    """Delete notes whose outage is gone."""
    orphans = f"SELECT id FROM notes WHERE outage NOT IN (SELECT id FROM outages) LIMIT {BATCH_ROWS}"  # noqa: S608 - constants
    return db.execute(f"DELETE FROM notes WHERE id IN ({orphans})").rowcount > 0  # noqa: S608 - constants


def _windows(db: sqlite3.Connection, before_us: int) -> bool:
    """Delete windows that have counted for nothing since then: over, cancelled, or past the horizon of their rule."""
    return (
        db.execute(
            "DELETE FROM windows WHERE CASE WHEN rule='' THEN ended_us ELSE ended_us + ? END < ? OR cancelled_us < ?",
            (HORIZON // timedelta(microseconds=1), before_us, before_us),
        ).rowcount
        > 0
    )


def _shrink(db: sqlite3.Connection) -> bool:
    pages, free, size = (db.execute(f"PRAGMA {p}").fetchone()[0] for p in ("page_count", "freelist_count", "page_size"))
    if free * size <= max(_SPARE_OCTETS, pages * size // 4):
        return False
    db.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()
    return True

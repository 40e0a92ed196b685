"""What is read. Every read opens the file anew: it then always reads the ledger that is there, also after a move."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from agent.core.hardware import Piece, Wear
from agent.core.maintenance import Window
from agent.core.model import Event, EventKind, Outage, Round, State
from agent.core.notes import Note
from agent.core.ports import Blind, DetectorState, EventFilter, Resumed
from agent.ledger.errors import LedgerError, is_corrupt, surroundings_text
from agent.ledger.packing import unpack
from agent.ledger.rows import (
    BLIND_COLUMNS,
    EVENT_COLUMNS,
    OUTAGE_COLUMNS,
    blind_of,
    event_of,
    from_us,
    outage_of,
    to_us,
)
from agent.ledger.said import read_notes, read_windows
from agent.ledger.schema import open_for_reading
from agent.ledger.writing import MINUTE_US, day_number

MOST_ROWS: Final = 100_000  # one answer stays within some 100 MB
_FAILURES_US: Final = 3_600_000_000  # flap damping has forgotten what is older
T = TypeVar("T")


def _limit(wanted: int) -> int:
    return max(0, min(wanted, MOST_ROWS))


def read_events(db: sqlite3.Connection, wanted: EventFilter) -> list[Event]:
    """Return the newest `limit` events that match, oldest first."""
    where = ["1"]
    values: list[object] = []
    if wanted.target is not None:
        names = _names(db, wanted.target)
        where.append("(" + " OR ".join(["(target=? AND id<=?)"] * len(names)) + ")")
        values += [value for name in names for value in name]
    if wanted.kinds is not None:
        where.append(f"kind IN ({','.join('?' * len(wanted.kinds))})")
        values += [kind.value for kind in wanted.kinds]
    for bound, relation in ((wanted.since, ">="), (wanted.until, "<")):
        if bound is not None:
            where.append(f"at_us {relation} ?")
            values.append(to_us(bound))
    rows = db.execute(
        f"SELECT {EVENT_COLUMNS} FROM events WHERE {' AND '.join(where)} ORDER BY at_us DESC, id DESC LIMIT ?",  # noqa: S608 - values are bound
        (*values, _limit(wanted.limit)),
    ).fetchall()
    return [event_of(row) for row in reversed(rows)]


def _names(db: sqlite3.Connection, target: str) -> list[tuple[str, int]]:
    """Return the target's names, present and former, each with the last event id that it had under that name."""
    names, waiting = [(target, (1 << 63) - 1)], [target]
    while waiting:
        for old, last in db.execute("SELECT old, last_event FROM renames WHERE new=?", (waiting.pop(),)):
            if old not in (name for name, _ in names):
                names.append((old, last))
                waiting.append(old)
    return names


def read_outages(
    db: sqlite3.Connection, *, target: str | None, open_only: bool, since: datetime | None, limit: int
) -> list[Outage]:
    """Return the newest `limit` outages that match, oldest first; `since` keeps those that had not ended by then."""
    where = ["1"]
    values: list[object] = []
    if target is not None:
        where.append("target=?")
        values.append(target)
    if open_only:
        where.append("ended_us IS NULL")
    if since is not None:
        where.append("(ended_us IS NULL OR ended_us >= ?)")
        values.append(to_us(since))
    rows = db.execute(
        f"SELECT {OUTAGE_COLUMNS} FROM outages WHERE {' AND '.join(where)} ORDER BY began_us DESC, id DESC LIMIT ?",  # noqa: S608 - values are bound
        (*values, _limit(limit)),
    ).fetchall()
    return [outage_of(row) for row in reversed(rows)]


def read_blind(db: sqlite3.Connection, since: datetime, until: datetime) -> list[Blind]:
    """Return the blind spans that overlap [since, until), oldest first."""
    rows = db.execute(
        f"SELECT {BLIND_COLUMNS} FROM blinds WHERE began_us < ? AND (ended_us IS NULL OR ended_us > ?)"  # noqa: S608 - values are bound
        " ORDER BY began_us, id",
        (to_us(until), to_us(since)),
    ).fetchall()
    return [blind_of(row) for row in rows]


def read_rounds(db: sqlite3.Connection, target: str, check: str, since: datetime, until: datetime) -> list[Round]:
    """Return the rounds of a check that began in [since, until), in order of time."""
    key = db.execute("SELECT id FROM checks WHERE target=? AND check_name=?", (target, check)).fetchone()
    first, last = to_us(since), to_us(until)
    if key is None or last <= first:
        return []
    bounds = db.execute("SELECT min(minute), max(minute) FROM rounds").fetchone()
    if bounds[0] is None:
        return []
    # The key begins with the minute: go from minute to minute and look the check up in each.
    rows = db.execute(
        "WITH RECURSIVE span(minute) AS (VALUES(?) UNION ALL SELECT minute + 1 FROM span WHERE minute < ?)"
        " SELECT began_us, burst, ended_us, echoes, more FROM span CROSS JOIN rounds USING (minute)"
        " WHERE check_id=? AND began_us >= ? AND began_us < ? ORDER BY began_us",
        (max(first // MINUTE_US, bounds[0]), min(last // MINUTE_US, bounds[1]), key[0], first, last),
    ).fetchall()
    return [_round_of(target, check, row) for row in rows]


def _round_of(target: str, check: str, row: tuple[Any, ...]) -> Round:
    began, burst, ended, echoes, more = row
    sent, rtts, outcomes = unpack(echoes)
    rest = json.loads(more) if more else {}
    return Round(
        target, check, from_us(began), from_us(ended), sent, rtts, outcomes, burst=bool(burst),
        duplicates=rest.get("duplicates", 0), late=rest.get("late", 0), reordered=rest.get("reordered", 0),
        corrupted=rest.get("corrupted", 0), why_unknown=rest.get("why_unknown", {}),
        refusals=tuple(rest.get("refusals", ())),
    )  # fmt: skip


def read_last_run(db: sqlite3.Connection) -> tuple[datetime | None, bool]:
    """Return until when the last run is known to have been alive, and whether it ended by itself."""
    row = db.execute("SELECT alive_us, clean FROM runs ORDER BY id DESC LIMIT 1").fetchone()
    return (from_us(row[0]), bool(row[1])) if row else (None, True)


def read_states(db: sqlite3.Connection) -> Resumed:
    """Return the last states and the open outages, with the last run's stamp."""
    alive, clean = read_last_run(db)
    return Resumed(
        checks={(t, c): (State(s), from_us(since)) for t, c, s, since in db.execute("SELECT * FROM check_states")},
        targets={
            t: (State(s), from_us(since), tuple(json.loads(causes)))
            for t, s, since, causes in db.execute("SELECT * FROM target_states")
        },
        outages=tuple(read_outages(db, target=None, open_only=True, since=None, limit=MOST_ROWS)),
        failures=_last_failures(db),
        alive_until=alive,
        clean=clean,
    )


def _last_failures(db: sqlite3.Connection) -> dict[str, tuple[datetime, ...]]:
    """Return when targets that worked became down, in the last hour that the ledger knows of."""
    last = db.execute("SELECT max(at_us) FROM events").fetchone()[0] or 0
    rows = db.execute(
        "SELECT target, noticed_us FROM events WHERE at_us > ? AND kind=? AND new=? AND old IN (?, ?)"
        " ORDER BY noticed_us, id LIMIT ?",
        (last - _FAILURES_US, EventKind.TARGET, State.DOWN, State.UP, State.DEGRADED, MOST_ROWS),
    )
    found: dict[str, list[datetime]] = {}
    for target, noticed in rows:
        found.setdefault(target, []).append(from_us(noticed))
    return {target: tuple(moments) for target, moments in found.items()}


def read_detectors(db: sqlite3.Connection, only: str | None = None) -> list[DetectorState]:
    """Return what one detector had learnt, or all, in order of targets."""
    rows = db.execute(
        "SELECT target, check_name, detector, at_us, state FROM detectors WHERE ?1 IS NULL OR detector = ?1"
        " ORDER BY 1, 2, 3",
        (only,),
    )
    return [DetectorState(target, check, detector, from_us(at), state) for target, check, detector, at, state in rows]


def read_pieces(db: sqlite3.Connection) -> list[Piece]:
    """Return all pieces of hardware, by name, of each name in the order of their coming."""
    rows = db.execute("SELECT target, serial, first_us, last_us, gone_us FROM pieces ORDER BY target, first_us")
    return [
        Piece(target, serial, from_us(first), from_us(last), from_us(gone))
        for target, serial, first, last, gone in rows
    ]


def read_wear(db: sqlite3.Connection, since: date, target: str | None = None) -> list[Wear]:
    """Return what is kept of that day and of later ones, by target, item and day; of one target, or of all."""
    first, of = day_number(since), "" if target is None else "target = ?2 AND "
    query = f"SELECT target, item, day, value FROM wear WHERE {of}day >= ?1 ORDER BY 1, 2, 3"  # noqa: S608 - constants
    rows = db.execute(query, (first,) if target is None else (first, target))
    return [Wear(name, item, since + timedelta(days=day - first), value) for name, item, day, value in rows]


class LedgerReader:
    """Reads a ledger file, beside a running agent or without one. Blocking; writes nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def events(self, wanted: EventFilter) -> list[Event]:
        """Return the newest `wanted.limit` events that match, oldest first."""
        return self.read(lambda db: read_events(db, wanted))

    def outages(
        self, *, target: str | None = None, open_only: bool = False, since: datetime | None = None, limit: int = 1000
    ) -> list[Outage]:
        """Return the newest `limit` outages that match, oldest first."""
        return self.read(lambda db: read_outages(db, target=target, open_only=open_only, since=since, limit=limit))

    def blind(self, since: datetime, until: datetime) -> list[Blind]:
        """Return the blind spans that overlap [since, until), oldest first."""
        return self.read(lambda db: read_blind(db, since, until))

    def rounds(self, target: str, check: str, since: datetime, until: datetime) -> list[Round]:
        """Return the rounds of a check that began in [since, until)."""
        return self.read(lambda db: read_rounds(db, target, check, since, until))

    def detectors(self, only: str | None = None) -> list[DetectorState]:
        """Return what one detector had learnt, or all, in order of targets."""
        return self.read(lambda db: read_detectors(db, only))

    def pieces(self) -> list[Piece]:
        """Return all pieces of hardware, by name, of each name in the order of their coming."""
        return self.read(read_pieces)

    def windows(self) -> list[Window]:
        """Return all windows, in the order in which they were added."""
        return self.read(read_windows)

    def notes(self, outages: Sequence[int]) -> list[Note]:
        """Return the notes of these outages, in the order in which they were written."""
        return self.read(lambda db: read_notes(db, outages))

    def states(self) -> Resumed:
        """Return the last states and the open outages."""
        return self.read(read_states)

    def wear(self, since: date, target: str | None = None) -> list[Wear]:
        """Return what is kept of that day and of later ones, by target, item and day; of one target, or of all."""
        return self.read(lambda db: read_wear(db, since, target))

    def read(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """Run `ask` on a fresh read-only connection.

        Raises:
            LedgerError: one sentence that names the file, for whatever is in the way.
        """
        try:
            with closing(open_for_reading(self._path)) as db:
                return ask(db)
        except (sqlite3.Error, OSError, ValueError) as error:
            if is_corrupt(error) or isinstance(error, ValueError):
                raise LedgerError(f"{self._path}: the ledger is damaged: {error}") from error
            raise LedgerError(
                f"{self._path}: the ledger cannot be read: {surroundings_text(error) or error}"
            ) from error

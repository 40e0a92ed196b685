"""The tables, how they came to be, and how a ledger file is opened."""

import os
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from agent.ledger.errors import LedgerCorruptError, LedgerError, LedgerTooNewError

APPLICATION_ID: Final = 0x4C57726E  # "LWrn": so that `file` and the agent know a ledger from any other database
BUSY_SECONDS: Final = 1.0  # somebody's sqlite3 shell may hold the file a moment; past that events are written late
WAL_LIMIT_OCTETS: Final = 16 << 20  # the WAL file is cut back to this after a checkpoint
CHECKED_WHOLE_OCTETS: Final = 64 << 20  # up to here a whole check at opening takes a fraction of a second
_SMALL_TABLES: Final = ("runs", "outages", "target_states", "check_states", "blinds", "windows", "notes")
_KEPT_CORRUPT: Final = 5  # damaged files kept for a person to look at; a bad disk must not fill itself with them

# Migration n brings a ledger of version n to n + 1; statements end with `;`, and no comment holds one. Never edit a
# released one: add the next. Times are integers: microseconds since 1970-01-01 UTC. Lists are JSON.
_VERSION_1: Final = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, started_us INTEGER NOT NULL, alive_us INTEGER NOT NULL, clean INTEGER NOT NULL DEFAULT 0);

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, at_us INTEGER NOT NULL, noticed_us INTEGER NOT NULL,
    target TEXT NOT NULL, check_name TEXT, old TEXT NOT NULL, new TEXT NOT NULL, reason TEXT NOT NULL,
    causes TEXT NOT NULL, evidence TEXT NOT NULL, late INTEGER NOT NULL);
CREATE INDEX events_at ON events (at_us);
CREATE INDEX events_target ON events (target, at_us);

CREATE TABLE outages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, state TEXT NOT NULL, began_us INTEGER NOT NULL,
    ended_us INTEGER, reason TEXT NOT NULL, close_reason TEXT, causes TEXT NOT NULL);
CREATE UNIQUE INDEX outages_open ON outages (target) WHERE ended_us IS NULL;
CREATE INDEX outages_target ON outages (target, began_us);
CREATE INDEX outages_began ON outages (began_us);

CREATE TABLE target_states (
    target TEXT PRIMARY KEY, state TEXT NOT NULL, since_us INTEGER, causes TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE check_states (
    target TEXT NOT NULL, check_name TEXT NOT NULL, state TEXT NOT NULL, since_us INTEGER,
    PRIMARY KEY (target, check_name)) WITHOUT ROWID;

-- target '' stands for all of them: NULL would never equal itself in the key
CREATE TABLE blinds (
    id INTEGER PRIMARY KEY, target TEXT NOT NULL, why TEXT NOT NULL, began_us INTEGER NOT NULL, ended_us INTEGER,
    UNIQUE (target, began_us));
CREATE INDEX blinds_began ON blinds (began_us);

CREATE TABLE renames (
    old TEXT NOT NULL, new TEXT NOT NULL, last_event INTEGER NOT NULL, PRIMARY KEY (new, old)) WITHOUT ROWID;

CREATE TABLE checks (
    id INTEGER PRIMARY KEY, target TEXT NOT NULL, check_name TEXT NOT NULL, UNIQUE (target, check_name));
-- the minute leads the key: a batch of all targets' rounds then touches few pages, and the oldest lie together
CREATE TABLE rounds (
    minute INTEGER NOT NULL, check_id INTEGER NOT NULL, began_us INTEGER NOT NULL, burst INTEGER NOT NULL,
    ended_us INTEGER NOT NULL, echoes BLOB NOT NULL, more TEXT,
    PRIMARY KEY (minute, check_id, began_us, burst)) WITHOUT ROWID;
"""
# Detectors' states; maintenance windows and clock-stops; what people say of outages.
_VERSION_2: Final = """
CREATE TABLE detectors (
    target TEXT NOT NULL, check_name TEXT NOT NULL, detector TEXT NOT NULL, at_us INTEGER NOT NULL, state BLOB NOT NULL,
    PRIMARY KEY (target, check_name, detector)) WITHOUT ROWID;

-- rule: empty for one span, else an RFC 5545 RRULE whose occurrences last as long as the first one (began to ended),
-- cancelled_us: nothing of it counts from that moment on. Where sites, suppliers and
-- targets are all empty, everything is meant.
CREATE TABLE windows (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, began_us INTEGER NOT NULL, ended_us INTEGER NOT NULL,
    rule TEXT NOT NULL, zone TEXT NOT NULL, sites TEXT NOT NULL, suppliers TEXT NOT NULL, targets TEXT NOT NULL,
    reason TEXT NOT NULL, author TEXT NOT NULL, added_us INTEGER NOT NULL, cancelled_us INTEGER);

CREATE TABLE notes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, outage INTEGER NOT NULL, kind TEXT NOT NULL, at_us INTEGER NOT NULL,
    author TEXT NOT NULL, text TEXT NOT NULL);
CREATE INDEX notes_outage ON notes (outage);
"""
# Pieces of hardware under one name, one after the other; what each day did to what wears out (days since 1970-01-01).
_VERSION_3: Final = """
CREATE TABLE pieces (
    target TEXT NOT NULL, serial TEXT NOT NULL, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, gone_us INTEGER,
    PRIMARY KEY (target, first_us)) WITHOUT ROWID;

CREATE TABLE wear (
    target TEXT NOT NULL, item TEXT NOT NULL, day INTEGER NOT NULL, value REAL NOT NULL,
    PRIMARY KEY (target, item, day)) WITHOUT ROWID;
"""
MIGRATIONS: Final = (_VERSION_1, _VERSION_2, _VERSION_3)


FILE_MODE: Final = 0o640  # evidence is not for every user of the host


def _connect(path: Path, query: str) -> sqlite3.Connection:
    # isolation_level None: transactions begin and end where the code says, never by themselves
    return sqlite3.connect(f"file:{quote(str(path))}?{query}", uri=True, isolation_level=None, timeout=BUSY_SECONDS)


def open_for_writing(path: Path, *, check: bool = True, migrations: Sequence[str] = MIGRATIONS) -> sqlite3.Connection:
    """Open or begin the ledger, check it, and bring it to the version of this program.

    Raises:
        LedgerTooNewError: written by a later version.
        LedgerError: another program's database, or a file system without what WAL needs.
        LedgerCorruptError: damaged, found by the check.
        sqlite3.Error: disk full, damaged, locked ... (`agent.ledger.errors` sorts them).
    """
    path.touch(mode=FILE_MODE, exist_ok=True)  # SQLite gives -wal and -shm the mode of the file
    db = _connect(path, "mode=rwc")
    try:
        version = _identify(db, path, len(migrations))
        db.execute("PRAGMA trusted_schema=OFF")
        db.execute("PRAGMA auto_vacuum=INCREMENTAL")  # takes effect in a new file only
        mode = db.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            raise LedgerError(f"{path}: no ledger on this file system (journal mode {mode}); use a local disk")
        db.execute(f"PRAGMA journal_size_limit={WAL_LIMIT_OCTETS}")
        db.execute("PRAGMA cache_size=-8192")
        if version and check:
            _check(db, path)
        _migrate(db, version, migrations)
    except BaseException:
        db.close()
        raise
    return db


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open an existing ledger for reading; works beside a running agent and on a disk that is full or read-only.

    Raises:
        LedgerError: none there, another program's, or of another version.
        sqlite3.Error: it cannot be read.
    """
    if not path.exists():
        raise LedgerError(f"{path}: no ledger there (no agent has run with this state directory)")
    # A ledger without a -wal was closed cleanly and is in nobody's hands: read as it is, so that no file is made beside
    # it (on a full or read-only disk none could be).
    wal = path.with_name(path.name + "-wal")
    in_use = wal.exists() and wal.stat().st_size > 0
    db = _connect(path, "mode=ro" if in_use else "mode=ro&immutable=1")
    try:
        version = _identify(db, path, len(MIGRATIONS))
    except BaseException:
        db.close()
        raise
    if version < len(MIGRATIONS):
        db.close()
        raise LedgerError(f"{path}: ledger of version {version}, this program reads {len(MIGRATIONS)}; "
                          "start the agent once, it brings the ledger up to date")  # fmt: skip
    return db


def _identify(db: sqlite3.Connection, path: Path, known: int) -> int:
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    application = int(db.execute("PRAGMA application_id").fetchone()[0])
    tables = int(db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    if application != APPLICATION_ID and (tables or version):
        raise LedgerError(f"{path}: a database, but not a ledger of linewarden; move it away or use another state_dir")
    if version > known:
        raise LedgerTooNewError(f"{path}: ledger of version {version}, this program knows up to {known}; "
                           "install the later version again, or move the file away to begin a new ledger")  # fmt: skip
    return version


def _check(db: sqlite3.Connection, path: Path) -> None:
    if path.stat().st_size <= CHECKED_WHOLE_OCTETS:
        checks = ["PRAGMA quick_check(1)"]
    else:  # the agent must not take minutes to start: what it resumes from is checked, the bulk when it is read
        checks = [f"PRAGMA quick_check({table})" for table in _SMALL_TABLES]
    for check in checks:
        verdict = db.execute(check).fetchone()[0]
        if verdict != "ok":
            raise LedgerCorruptError(" ".join(str(verdict).split()))


def _migrate(db: sqlite3.Connection, version: int, migrations: Sequence[str]) -> None:
    for number in range(version, len(migrations)):
        db.execute("BEGIN IMMEDIATE")
        try:
            for statement in migrations[number].split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            db.execute(f"PRAGMA user_version={number + 1}")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


def move_aside(path: Path, now: datetime) -> Path:
    """Rename a damaged ledger, with its WAL, to `NAME.corrupt-STAMP`; return that path. Only a few are kept."""
    stem = f"{path.name}.corrupt-{now:%Y%m%dT%H%M%SZ}"
    aside, number = path.with_name(stem), 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{stem}.{number}")
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        if (part := path.with_name(path.name + suffix)).exists():
            part.rename(aside.with_name(aside.name + suffix))
    former = sorted(
        (p for p in path.parent.glob(f"{path.name}.corrupt-*") if not p.name.endswith(("-wal", "-shm"))),
        key=lambda p: p.stat().st_mtime,
    )
    for old in [p for p in former if p != aside][: max(0, len(former) - _KEPT_CORRUPT)]:
        for suffix in ("", "-wal", "-shm"):
            old.with_name(old.name + suffix).unlink(missing_ok=True)
    return aside


def file_identity(path: Path) -> tuple[int, int] | None:
    """Return device and inode of `path`, None where nothing is there."""
    try:
        found = os.stat(path)  # noqa: PTH116 - one system call before every commit
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino

"""What can be wrong with a ledger, sorted by what has to be done about it."""

import sqlite3
from typing import Final

_CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PASSING: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM})
# the surroundings, not the program: each of these may pass, so writing is tried again
_SURROUNDINGS: Final = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_PERM: "access is not permitted",
    sqlite3.SQLITE_AUTH: "access is not permitted",
    sqlite3.SQLITE_BUSY: "another process holds it locked",
    sqlite3.SQLITE_LOCKED: "another process holds it locked",
    sqlite3.SQLITE_PROTOCOL: "another process holds it locked",
    sqlite3.SQLITE_NOMEM: "there is no memory left",
    sqlite3.SQLITE_NOLFS: "the file is too large for the file system",
}


class LedgerError(Exception):
    """The ledger cannot be used, and trying again will not help; the text says what will."""


class LedgerTooNewError(LedgerError):
    """The ledger was written by a later version of the program."""


class LedgerInUseError(LedgerError):
    """Another agent writes to this ledger."""


class LedgerCorruptError(Exception):
    """The file is damaged or no database at all; the agent moves it aside and begins a new one."""


def _primary_code(error: sqlite3.Error) -> int | None:
    # an extended result code holds the primary one in its low octet
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None


def is_corrupt(error: BaseException) -> bool:
    """Return whether `error` says that the file itself is damaged."""
    return isinstance(error, LedgerCorruptError) or (
        isinstance(error, sqlite3.Error) and _primary_code(error) in _CORRUPT
    )


def is_passing(error: BaseException) -> bool:
    """Return whether the connection that met `error` is sound: SQLite has rolled back, and will take the next try."""
    return isinstance(error, sqlite3.Error) and _primary_code(error) in _PASSING


def surroundings_text(error: BaseException) -> str | None:
    """Return in words what stands in the way of writing, or None where `error` is no matter of the surroundings."""
    if isinstance(error, sqlite3.Error):
        words = _SURROUNDINGS.get(code) if (code := _primary_code(error)) is not None else None
        name = getattr(error, "sqlite_errorname", "")
        return f"{words} ({name}: {error})" if words else None
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return None

"""The ledger: events, outages, raw rounds and blind times in one SQLite file. Nothing else in the agent uses sqlite3.

`SqliteLedger` is the agent's (one writer thread behind coroutines); `LedgerReader` reads the file, with or without a
running agent.
"""

from agent.ledger.errors import LedgerError, LedgerInUseError, LedgerTooNewError
from agent.ledger.ledger import FILE_NAME, LedgerStats, SqliteLedger
from agent.ledger.limits import Limits
from agent.ledger.reading import LedgerReader
from agent.ledger.retention import Retention

__all__ = [
    "FILE_NAME",
    "LedgerError",
    "LedgerInUseError",
    "LedgerReader",
    "LedgerStats",
    "LedgerTooNewError",
    "Limits",
    "Retention",
    "SqliteLedger",
]

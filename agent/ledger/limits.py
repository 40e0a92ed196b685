"""Bounds and paces of the ledger's writer."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds and paces of the writer.

    Attributes:
        events: that wait, some 10 MB: a failed disk during an outage of the whole estate.
        rounds: that wait, some 20 MB: 20 s of 10,000 targets.
        patience_seconds: how long a caller waits for a commit before events are exposed without it.
        retry_seconds: between attempts while nothing can be written.
        alive_seconds: how exactly the end of a killed run is known.
    """

    events: int = 10_000
    rounds: int = 20_000
    patience_seconds: float = 5.0
    retry_seconds: float = 2.0
    alive_seconds: float = 1.0
    prune_seconds: float = 60.0

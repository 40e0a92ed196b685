"""Between the model's values and the ledger's columns."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, overload

from agent.core.model import Event, EventKind, Outage, State
from agent.core.ports import Blind

EVENT_COLUMNS: Final = "id, kind, at_us, noticed_us, target, check_name, old, new, reason, causes, evidence, late"
OUTAGE_COLUMNS: Final = "id, target, state, began_us, ended_us, reason, close_reason, causes"
BLIND_COLUMNS: Final = "target, why, began_us, ended_us"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@overload
def to_us(at: datetime) -> int: ...
@overload
def to_us(at: datetime | None) -> int | None: ...
def to_us(at: datetime | None) -> int | None:
    """Return microseconds since 1970 UTC; exact, unlike `timestamp()`.

    Raises:
        TypeError: for a datetime without a zone.
    """
    return None if at is None else (at - _EPOCH) // _MICROSECOND


@overload
def from_us(value: int) -> datetime: ...
@overload
def from_us(value: int | None) -> datetime | None: ...
def from_us(value: int | None) -> datetime | None:
    """Return the aware UTC datetime."""
    return None if value is None else _EPOCH + timedelta(microseconds=value)


def text(value: str) -> str:
    """Return `value` as UTF-8 can hold it: a lone surrogate from the network becomes `?`."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace").decode()
    return value


def to_list(values: Iterable[object]) -> str:
    """Return a JSON list."""
    return json.dumps(list(values), separators=(",", ":"))


def event_values(event: Event) -> tuple[object, ...]:
    """Return the values of an event's columns, but for the id."""
    return (
        event.kind.value, to_us(event.at), to_us(event.noticed_at), text(event.target),
        None if event.check is None else text(event.check), text(event.old), text(event.new), text(event.reason),
        to_list(event.causes), to_list(event.evidence), int(event.late),
    )  # fmt: skip


def event_of(row: tuple[Any, ...]) -> Event:
    """Return the event of a row of `EVENT_COLUMNS`."""
    number, kind, at, noticed, target, check, old, new, reason, causes, evidence, late = row
    return Event(
        kind=EventKind(kind), at=from_us(at), noticed_at=from_us(noticed), target=target, check=check, old=old, new=new,
        reason=reason, causes=tuple(json.loads(causes)), evidence=tuple((k, v) for k, v in json.loads(evidence)),
        late=bool(late), id=number,
    )  # fmt: skip


def outage_of(row: tuple[Any, ...]) -> Outage:
    """Return the outage of a row of `OUTAGE_COLUMNS`."""
    number, target, state, began, ended, reason, close_reason, causes = row
    return Outage(
        id=number, target=target, state=State(state), began_at=from_us(began), ended_at=from_us(ended), reason=reason,
        close_reason=close_reason, causes=tuple(json.loads(causes)),
    )  # fmt: skip


def blind_of(row: tuple[Any, ...]) -> Blind:
    """Return the blind span of a row of `BLIND_COLUMNS`."""
    target, why, began, ended = row
    return Blind(target=target or None, why=why, began_at=from_us(began), ended_at=from_us(ended))

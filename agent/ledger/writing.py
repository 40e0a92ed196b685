"""What is written, within a transaction that the caller begins and ends."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from math import isfinite
from operator import itemgetter
from typing import Final
from zlib import crc32

from agent.core.hardware import Piece, Wear
from agent.core.model import Event, EventKind, Outage, Round
from agent.core.ports import Blind, DetectorState
from agent.core.weardays import OBSERVED
from agent.ledger.outages import REMOVED, RENAMED, step
from agent.ledger.packing import pack
from agent.ledger.rows import OUTAGE_COLUMNS, event_values, outage_of, text, to_list, to_us

MINUTE_US: Final = 60_000_000
_INSERT_EVENT: Final = (
    "INSERT INTO events (kind, at_us, noticed_us, target, check_name, old, new, reason, causes, evidence, late)"
    " VALUES (?,?,?,?,?,?,?,?,?,?,?)"
)


def write_events(db: sqlite3.Connection, events: Sequence[Event], *, late: bool) -> list[Event]:
    """Insert events in order, with what follows from them for states and outages; return them with their ids."""
    written = []
    for event in events:
        event = replace(event, late=late or event.late)  # noqa: PLW2901 - the event as it is written
        number = db.execute(_INSERT_EVENT, event_values(event)).lastrowid
        if event.kind is EventKind.TARGET:
            _advance_outage(db, event)
            _set_target_state(db, event)
        elif event.kind is EventKind.CHECK:
            _set_check_state(db, event)
        written.append(replace(event, id=number))
    return written


def open_outage(db: sqlite3.Connection, target: str) -> Outage | None:
    """Return the open outage of a target; there is at most one."""
    row = db.execute(f"SELECT {OUTAGE_COLUMNS} FROM outages WHERE target=? AND ended_us IS NULL", (target,)).fetchone()  # noqa: S608 - a constant
    return outage_of(row) if row else None


def _advance_outage(db: sqlite3.Connection, event: Event) -> None:
    target = text(event.target)
    current = open_outage(db, target)
    close_reason, begins = step(current, event)
    at = to_us(event.at)
    if current is not None and close_reason is not None:
        # Evidence may reach back before the outage's own start (a clock that was stepped): never a negative length.
        at = max(at, to_us(current.began_at))
        db.execute("UPDATE outages SET ended_us=?, close_reason=? WHERE id=?", (at, close_reason, current.id))
    if begins:
        # ... and no time is counted twice: an outage begins no earlier than the target's last one ended.
        ended = db.execute("SELECT max(ended_us) FROM outages WHERE target=?", (target,)).fetchone()[0]
        db.execute(
            "INSERT INTO outages (target, state, began_us, reason, causes) VALUES (?,?,?,?,?)",
            (target, event.new, max(at, ended or at), text(event.reason), to_list(event.causes)),
        )


def _set_target_state(db: sqlite3.Connection, event: Event) -> None:
    target = text(event.target)
    if event.reason == REMOVED:
        db.execute("DELETE FROM target_states WHERE target=?", (target,))
        db.execute("DELETE FROM check_states WHERE target=?", (target,))
        return
    # a state that is told again (other causes) keeps its beginning
    db.execute(
        "INSERT INTO target_states (target, state, since_us, causes) VALUES (?,?,?,?)"
        " ON CONFLICT (target) DO UPDATE SET"
        " since_us=CASE WHEN state=excluded.state THEN since_us ELSE excluded.since_us END,"
        " state=excluded.state, causes=excluded.causes",
        (target, event.new, to_us(event.at), to_list(event.causes)),
    )


def _set_check_state(db: sqlite3.Connection, event: Event) -> None:
    key = (text(event.target), text(event.check or ""))
    if event.reason == REMOVED:
        db.execute("DELETE FROM check_states WHERE target=? AND check_name=?", key)
        return
    db.execute(
        "INSERT INTO check_states (target, check_name, state, since_us) VALUES (?,?,?,?)"
        " ON CONFLICT (target, check_name) DO UPDATE SET"
        " since_us=CASE WHEN state=excluded.state THEN since_us ELSE excluded.since_us END, state=excluded.state",
        (*key, event.new, to_us(event.at)),
    )


def mark_late(db: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Mark events that were exposed before their commit ended."""
    db.executemany("UPDATE events SET late=1 WHERE id=?", [(number,) for number in ids])


def write_blind(db: sqlite3.Connection, blind: Blind) -> None:
    """Write the start or the end of a blind span; an end without its start writes the whole span."""
    db.execute(
        "INSERT INTO blinds (target, why, began_us, ended_us) VALUES (?,?,?,?) ON CONFLICT (target, began_us)"
        " DO UPDATE SET why=excluded.why, ended_us=coalesce(excluded.ended_us, ended_us)",
        (text(blind.target or ""), text(blind.why), to_us(blind.began_at), to_us(blind.ended_at)),
    )


def write_detectors(db: sqlite3.Connection, states: Sequence[DetectorState]) -> None:
    """Write what detectors have learnt; forget what nobody has renewed for a month."""
    db.executemany(
        "INSERT INTO detectors VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET at_us=excluded.at_us, state=excluded.state",
        [(text(one.target), text(one.check), one.detector, to_us(one.at), one.state) for one in states],
    )
    if states:
        db.execute("DELETE FROM detectors WHERE at_us < ?", (to_us(states[-1].at) - _DETECTORS_KEPT_US,))


_DETECTORS_KEPT_US: Final = (
    31 * 86_400_000_000
)  # a target that is taken out and put in again; its usual lasts two weeks
CheckIds = dict[tuple[str, str], int]  # (target, check) -> its row of `checks`


def write_pieces(db: sqlite3.Connection, pieces: Sequence[Piece]) -> None:
    """Write pieces of hardware; each is known by its name and the moment when it was first seen."""
    db.executemany(
        "INSERT INTO pieces VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET"
        " serial=excluded.serial, last_us=excluded.last_us, gone_us=excluded.gone_us",
        [(text(p.target), text(p.serial), to_us(p.first_seen), to_us(p.last_seen), to_us(p.gone_at)) for p in pieces],
    )


def write_rounds(db: sqlite3.Connection, rounds: Sequence[Round], known: CheckIds) -> CheckIds:
    """Insert rounds; one that is there already stays as it is.

    Args:
        known: checks whose rows are known to be there.

    Returns:
        Those that came to it; they are there once this transaction is.
    """
    fresh: CheckIds = {}
    numbers = []
    for r in rounds:
        key = (r.target, r.check)
        number = known.get(key) or fresh.get(key)
        if number is None:  # in the order of coming: checks whose rounds end together are neighbours, and share pages
            number = fresh[key] = _check_id(db, text(r.target), text(r.check))
        numbers.append(number)
    echoes = pack([(r.sent_at_seconds, r.rtts_seconds, r.outcomes) for r in rounds])
    rows = []
    for r, number, octets in zip(rounds, numbers, echoes, strict=True):
        began = to_us(r.began_at)
        rows.append((began // MINUTE_US, number, began, int(r.burst), to_us(r.ended_at), octets, _remarks(r)))
    rows.sort(key=itemgetter(0, 1, 2, 3))  # in the order of the key: neighbours share a page
    db.executemany("INSERT OR IGNORE INTO rounds VALUES (?,?,?,?,?,?,?)", rows)
    return fresh


def _check_id(db: sqlite3.Connection, *key: str) -> int:
    db.execute("INSERT OR IGNORE INTO checks (target, check_name) VALUES (?,?)", key)
    number: int = db.execute("SELECT id FROM checks WHERE target=? AND check_name=?", key).fetchone()[0]
    return number


def _remarks(item: Round) -> str | None:
    told = (item.duplicates, item.late, item.reordered, item.corrupted, item.why_unknown, item.refusals)
    if not any(told):
        return None
    counts = {name: number for name, number in zip(_REMARKS, told, strict=False) if number}
    why = {"why_unknown": dict(item.why_unknown)} if item.why_unknown else {}
    return json.dumps(counts | why | ({"refusals": item.refusals} if item.refusals else {}))


_REMARKS: Final = ("duplicates", "late", "reordered", "corrupted")


def begin_run(db: sqlite3.Connection, now: datetime) -> int:
    """Begin a run of the agent and end what its predecessor left blind; return the run's number."""
    at = to_us(now)
    former = db.execute("SELECT alive_us FROM runs ORDER BY id DESC LIMIT 1").fetchone()
    # Between the two runs nobody looked: that gap is a blind span of its own, which the agent records.
    db.execute("UPDATE blinds SET ended_us=max(began_us, ?) WHERE ended_us IS NULL", (former[0] if former else at,))
    number = db.execute("INSERT INTO runs (started_us, alive_us) VALUES (?,?)", (at, at)).lastrowid
    assert number is not None
    return number


def keep_alive(db: sqlite3.Connection, run: int, now: datetime, *, clean: bool = False) -> None:
    """Stamp the run: the agent lives, or (`clean`) ends by itself."""
    db.execute("UPDATE runs SET alive_us=?, clean=? WHERE id=?", (to_us(now), int(clean), run))


def rename(db: sqlite3.Connection, old: str, new: str, now: datetime) -> bool:
    """Carry states, outages, blind spans and rounds of `old` over to `new`; return whether there was anything to do.

    Events are never rewritten: they are found under the new name through the table of renames. A rename that was done
    before does nothing, for `renamed_from` may stand in the configuration for years.
    """
    names = (text(new), text(old))
    if names[0] == names[1] or db.execute("SELECT 1 FROM renames WHERE new=? AND old=?", names).fetchone():
        return False
    found = db.execute(
        "SELECT EXISTS (SELECT 1 FROM events WHERE target=?1) OR EXISTS (SELECT 1 FROM target_states WHERE target=?1)"
        " OR EXISTS (SELECT 1 FROM outages WHERE target=?1) OR EXISTS (SELECT 1 FROM checks WHERE target=?1)"
        " OR EXISTS (SELECT 1 FROM pieces WHERE target=?1) OR EXISTS (SELECT 1 FROM wear WHERE target=?1)",
        (names[1],),
    ).fetchone()[0]
    if not found:
        return False
    last = db.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0]
    db.execute("INSERT INTO renames (new, old, last_event) VALUES (?,?,?)", (*names, last))
    if open_outage(db, names[0]) is not None:  # both are open: the one under the present name goes on
        db.execute(
            "UPDATE outages SET ended_us=max(began_us, ?), close_reason=? WHERE target=? AND ended_us IS NULL",
            (to_us(now), RENAMED, names[1]),
        )
    db.execute("UPDATE outages SET target=? WHERE target=?", names)
    for table in ("target_states", "check_states", "checks", "blinds", "detectors", "pieces", "wear"):
        db.execute(f"UPDATE OR IGNORE {table} SET target=? WHERE target=?", names)  # noqa: S608 - constants
    for table in (
        "target_states",
        "check_states",
        "detectors",
        "pieces",
        "wear",
    ):  # what the present name has already is the newer
        db.execute(f"DELETE FROM {table} WHERE target=?", (names[1],))  # noqa: S608 - constants
    return True


_FORGOTTEN_EACH_DAYS: Final = 32
WEAR_KEPT_DAYS: Final = 400  # a year, so that a summer is compared with a summer, and a month to spare
_EPOCH: Final = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Return the days since 1970-01-01."""
    return (day - _EPOCH).days


def write_wear(db: sqlite3.Connection, values: Sequence[Wear]) -> None:
    """Write what days did to hardware; forget what is too old, reckoned from the newest of these."""
    finite = [one for one in values if isfinite(one.value)]  # SQLite has no NaN: one would fail all the others
    rows = [(text(one.target), text(one.item), day_number(one.day), float(one.value)) for one in finite]
    db.executemany("INSERT INTO wear VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET value=excluded.value", rows)
    if rows:
        today = max(row[2] for row in rows)
        _forget_wear(db, sorted({row[0] for row in rows}), today)


def _forget_wear(db: sqlite3.Connection, targets: Iterable[str], today: int) -> None:
    """Delete what is too old of each of these once a month: a look through the whole table takes minutes in a year.

    Whoever stands behind one of them in the table and is written of no more has nobody else to be thought of by.
    """
    for name in targets:
        found: str | None = (
            name if crc32(name.encode()) % _FORGOTTEN_EACH_DAYS == today % _FORGOTTEN_EACH_DAYS else None
        )
        while found is not None:
            db.execute("DELETE FROM wear WHERE target=? AND day < ?", (found, today - WEAR_KEPT_DAYS))
            found = db.execute("SELECT min(target) FROM wear WHERE target > ?", (found,)).fetchone()[0]
            recent = "SELECT 1 FROM wear WHERE target=? AND item=? AND day >= ?"
            if found is not None and db.execute(recent, (found, OBSERVED, today - 1)).fetchone() is not None:
                found = None

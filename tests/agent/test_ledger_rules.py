"""The ledger's rules without a database file on disk: outages, packing, stamps."""

import math
import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.model import Echo, Event, EventKind, Outage, State
from agent.ledger.outages import step
from agent.ledger.packing import pack, unpack
from agent.ledger.rows import from_us, text, to_us
from agent.ledger.schema import MIGRATIONS
from agent.ledger.writing import write_events

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def told(new: str, *, at: float = 0, reason: str = "r", causes: tuple[str, ...] = ()) -> Event:
    when = T0 + timedelta(seconds=at)
    return Event(EventKind.TARGET, when, when, "t", "", new, reason, causes=causes)


def is_open(state: State, *causes: str) -> Outage:
    return Outage(1, "t", state, T0, None, "r", causes=causes)


@pytest.mark.parametrize(
    ("current", "event", "wanted"),
    [
        (None, told("down"), (None, True)),
        (None, told("unreachable", causes=("c",)), (None, True)),
        (None, told("up"), (None, False)),
        (None, told("unknown"), (None, False)),
        (None, told("unknown", reason="removed"), (None, False)),
        (is_open(State.DOWN), told("up"), ("recovered", False)),
        (is_open(State.DOWN), told("degraded"), ("recovered", False)),
        (is_open(State.DOWN), told("down"), (None, False)),
        (is_open(State.DOWN), told("unknown"), (None, False)),
        (is_open(State.DOWN), told("unknown", reason="removed"), ("removed", False)),
        (is_open(State.DOWN), told("down", reason="removed"), ("removed", False)),
        (is_open(State.DOWN), told("unreachable", causes=("c",)), ("became unreachable", True)),
        (is_open(State.UNREACHABLE, "c"), told("down"), ("became down", True)),
        (is_open(State.UNREACHABLE, "c"), told("unreachable", causes=("c",)), (None, False)),
        (is_open(State.UNREACHABLE, "c", "d"), told("unreachable", causes=("d", "c")), (None, False)),
        (is_open(State.UNREACHABLE, "c"), told("unreachable"), (None, False)),
        (is_open(State.UNREACHABLE, "c"), told("unreachable", causes=("d",)), ("cause changed", True)),
    ],
)
def test_what_an_event_does_to_an_outage(current: Outage | None, event: Event, wanted: tuple[str | None, bool]) -> None:
    assert step(current, event) == wanted


def test_a_state_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="sideways"):
        step(None, told("sideways"))


states = st.sampled_from(["up", "degraded", "down", "unreachable", "unknown"])
histories = st.lists(
    st.builds(
        told,
        states,
        at=st.floats(-30, 300),  # evidence may reach back, and clocks are stepped
        reason=st.sampled_from(["r", "r", "r", "removed"]),
        causes=st.sampled_from([(), ("c",), ("d",), ("c", "d")]),
    ),
    max_size=25,
)


@given(histories)
def test_outages_never_overlap_and_follow_the_last_event(history: list[Event]) -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    try:
        db.executescript(MIGRATIONS[0])
        write_events(db, history, late=False)
        rows = db.execute("SELECT began_us, ended_us, state, close_reason FROM outages ORDER BY id").fetchall()
    finally:
        db.close()
    for (began, ended, _, why), following in zip(rows, [*rows[1:], None], strict=False):
        assert (ended is None) == (why is None) == (following is None and ended is None)
        assert ended is None or ended >= began
        assert following is None or following[0] >= ended
    known = [e for e in history if e.new != "unknown" or e.reason == "removed"]
    still_bad = bool(known) and known[-1].reason != "removed" and known[-1].new in ("down", "unreachable")
    assert [row[1] is None for row in rows[-1:]] == ([still_bad] if rows else [])
    assert not still_bad or rows[-1][2] == known[-1].new


@given(
    st.lists(st.tuples(st.floats(0, 4000), st.floats(1e-6, 3) | st.just(math.nan), st.sampled_from(Echo)), max_size=50)
)
def test_a_round_comes_back_as_it_was(echoes: list[tuple[float, float, Echo]]) -> None:
    base = T0.timestamp()
    sent = np.array([base + offset for offset, _, _ in echoes], dtype=np.float64)
    rtts = np.array([rtt for _, rtt, _ in echoes], dtype=np.float64)
    outcomes = np.array([int(o) for _, _, o in echoes], dtype=np.uint8)
    packed, other = pack([(sent, rtts, outcomes), (sent[:3], rtts[:3], outcomes[:3])])
    assert len(other) == 21 + 9 * len(sent[:3])
    assert len(packed) == 21 + 9 * len(echoes)
    again = unpack(packed)
    np.testing.assert_allclose(again[0], sent, atol=2e-6, rtol=0)
    np.testing.assert_allclose(again[1], rtts, rtol=1e-7)
    np.testing.assert_array_equal(again[2], outcomes)


def test_packing_keeps_an_unknown_departure_and_a_long_round() -> None:
    sent = np.array([math.nan, 1e9, 1e9 + 86400.0])
    again = unpack(*pack([(sent, np.full(3, math.nan), np.array([3, 1, 1], dtype=np.uint8))]))[0]
    assert math.isnan(again[0])
    np.testing.assert_allclose(again[1:], sent[1:], atol=3e-5, rtol=0)


@pytest.mark.parametrize(
    ("octets", "complaint"),
    [(b"", "at least 21 octets, got 0"), (b"\x01" + b"\x02\0\0\0" + bytes(16), "2 echoes needs 39 octets, got 21"),
     (b"\x07" + bytes(20), "of version 7")],
)  # fmt: skip
def test_a_packed_round_that_is_none(octets: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        unpack(octets)


def test_packing_refuses_arrays_of_different_lengths() -> None:
    with pytest.raises(ValueError, match="one length, got 2, 1 and 2"):
        pack([(np.zeros(2), np.zeros(1), np.zeros(2, dtype=np.uint8))])


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_stamps_are_exact(at: datetime) -> None:
    assert from_us(to_us(at)) == at


def test_a_stamp_without_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        to_us(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


def test_text_that_utf8_cannot_hold() -> None:
    assert text("plain \u00e9") == "plain \u00e9"
    assert text("bad \ud800 end") == "bad ? end"


def test_nothing_else_uses_sqlite() -> None:
    root = Path(__file__).resolve().parents[2]
    users = {
        path.parent.relative_to(root).as_posix()
        for package in ("agent", "probes", "exporters", "configs", "deploy")
        for path in (root / package).rglob("*.py")
        if re.search(r"^\s*(import|from) sqlite3\b", path.read_text(), re.MULTILINE)
    }
    assert users == {"agent/ledger"}

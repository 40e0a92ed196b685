"""The record as the agent keeps and reads it."""

import asyncio
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from agent.core.hardware import Piece
from agent.core.model import Event, EventKind, State
from agent.core.ports import Blind, EventFilter, Ledger
from agent.ledger import LedgerReader, Limits, Retention
from tests.agent.ledgers import PATIENT, T0, at, check_event, opened, round_of, target_event
from tests.waiting import until


async def test_what_is_recorded_is_read_back(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        port: Ledger = ledger  # the protocol, to the letter
        first, second = await port.record([check_event("down", 1), target_event("down", 2)])
        assert (first.id, second.id) == (1, 2)
        assert not second.late
        assert list(await port.events(EventFilter())) == [first, second]
        assert list(await port.record([])) == []


async def test_the_evidence_is_not_for_every_user_of_the_host(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        await ledger.record([target_event("down", 1)])
        modes = {entry.name: entry.stat().st_mode & 0o007 for entry in os.scandir(tmp_path)}
        assert len(modes) >= 3
        assert set(modes.values()) == {0}


async def test_filters(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        await ledger.record([check_event("down", 1), target_event("down", 2), target_event("down", 3, target="sw2")])
        await ledger.record([replace(target_event("up", 0, target="old"), reason="told later")])

        async def reasons(**wanted: object) -> list[tuple[str, str]]:
            return [(e.target, e.kind.value) for e in await ledger.events(EventFilter(**wanted))]  # type: ignore[arg-type]

        assert await reasons() == [("old", "target"), ("sw1", "check"), ("sw1", "target"), ("sw2", "target")]
        assert await reasons(target="sw1") == [("sw1", "check"), ("sw1", "target")]
        assert await reasons(kinds=(EventKind.CHECK,)) == [("sw1", "check")]
        assert await reasons(kinds=()) == []
        assert await reasons(since=at(2)) == [("sw1", "target"), ("sw2", "target")]
        assert await reasons(until=at(2)) == [("old", "target"), ("sw1", "check")]
        assert await reasons(limit=1) == [("sw2", "target")]
        assert await reasons(limit=-5) == []


async def test_an_outage_from_open_to_recovered(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        await ledger.record([target_event("unreachable", 10, causes=("wan",))])
        (outage,) = await ledger.outages(open_only=True)
        assert (outage.state, outage.causes, outage.began_at, outage.ended_at) == (
            State.UNREACHABLE,
            ("wan",),
            at(10),
            None,
        )
        await ledger.record([target_event("down", 20, old="unreachable")])
        await ledger.record([target_event("up", 30, old="down")])
        first, second = await ledger.outages(target="sw1")
        assert (first.ended_at, first.close_reason) == (at(20), "became down")
        assert (second.state, second.began_at, second.ended_at) == (State.DOWN, at(20), at(30))
        assert second.close_reason == "recovered"
        assert await ledger.outages(open_only=True) == []
        assert await ledger.outages(since=at(25)) == [second]
        assert await ledger.outages(limit=1) == [second]
        assert await ledger.outages(target="nobody") == []


async def test_resume_after_a_clean_end(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with opened(path) as ledger:
        fresh = await ledger.resume()
        assert (fresh.alive_until, fresh.clean, fresh.outages) == (None, True, ())
        await ledger.record([
            check_event("down", 1), target_event("down", 1),
            target_event("unreachable", 2, target="sw2", causes=("sw1",)),
            target_event("unreachable", 9, target="sw2", causes=("sw1", "sw3")),
            target_event("up", 3, target="gone"), check_event("up", 3, target="gone"),
            replace(target_event("unknown", 4, target="gone"), reason="removed"),
        ])  # fmt: skip
    async with opened(path, clock=lambda: at(500)) as ledger:
        resumed = await ledger.resume()
        assert resumed.checks == {("sw1", "icmp"): (State.DOWN, at(1))}
        assert resumed.targets == {
            "sw1": (State.DOWN, at(1), ()),
            "sw2": (State.UNREACHABLE, at(2), ("sw1", "sw3")),  # told again: since stays
        }
        assert [(o.target, o.began_at) for o in resumed.outages] == [("sw1", at(1)), ("sw2", at(9))]
        assert (resumed.alive_until, resumed.clean) == (at(100), True)


async def test_a_removed_check_is_not_resumed(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        await ledger.record([check_event("down"), replace(check_event("unknown", 1), reason="removed")])
        assert (await ledger.resume()).checks == {}


async def test_a_thousand_callers_at_once_share_commits(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        answers = await asyncio.gather(*(ledger.record([target_event("down", i, target=f"t{i}")]) for i in range(1000)))
        assert [answer[0].id for answer in answers] == list(range(1, 1001))
        assert len(await ledger.outages(open_only=True)) == 1000
        assert len(await ledger.events(EventFilter(limit=5000))) == 1000


async def test_readers_do_not_wait_for_writers(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger, asyncio.TaskGroup() as group:
        for i in range(50):
            group.create_task(ledger.record([target_event("down" if i % 2 else "up", i) for _ in range(20)]))
            group.create_task(ledger.events(EventFilter(limit=10)))
            group.create_task(ledger.outages())


async def test_a_cancelled_caller_does_not_take_the_event_along(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        task = asyncio.create_task(ledger.record([target_event("down")]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await ledger.record([target_event("up", 1)])
        assert [e.new for e in await ledger.events(EventFilter())] == ["down", "up"]


async def test_one_bad_event_spoils_no_other(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        naive = replace(target_event("down"), at=T0.replace(tzinfo=None))
        answers = await asyncio.gather(
            ledger.record([target_event("down", 1, target="a")]),
            ledger.record([target_event("down", 2, target="b"), naive]),
            ledger.record([target_event("sideways", 3)]),
            ledger.record([target_event("down", 4, target="c")]),
            return_exceptions=True,
        )
        assert [type(a) for a in answers] == [list, TypeError, ValueError, list]
        assert [e.target for e in await ledger.events(EventFilter())] == ["a", "c"]
        assert ledger.problem == ""


async def test_text_from_a_hostile_network(tmp_path: Path) -> None:
    nasty = "'; DROP TABLE events; -- \x00 \ud800 \u202e"
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        event = replace(target_event("down", target=nasty), reason=nasty, evidence=((nasty, nasty),), causes=(nasty,))
        await ledger.record([event])
        (again,) = await ledger.events(EventFilter())
        assert again.reason == nasty.replace("\ud800", "?")
        assert again.evidence == ((nasty, nasty),)
        await ledger.record([replace(event, new="up")])
        assert await ledger.outages(open_only=True) == []


async def test_rounds_come_back(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        lost = replace(round_of(120), outcomes=np.full(10, 2, dtype=np.uint8), rtts_seconds=np.full(10, np.nan),
                       why_unknown={"own drops": 2}, refusals=("10.0.0.1: no route",), duplicates=1, late=2,
                       reordered=3, corrupted=4)  # fmt: skip
        burst = replace(round_of(120, n=3), burst=True)
        rounds = (
            [round_of(i * 10) for i in range(12)] + [lost, burst] + [round_of(i * 10, target="sw2") for i in range(5)]
        )
        await ledger.record_rounds(rounds)
        await ledger.record_rounds(rounds)  # told twice, kept once
        await until(lambda: ledger.stats.rounds_written == 2 * len(rounds))
        found = await ledger.rounds("sw1", "icmp", at(0), at(1000))
        assert [r.began_at for r in found] == [at(i * 10) for i in range(13)] + [at(120)]
        assert [r.burst for r in found[-2:]] == [False, True]
        assert (found[12].why_unknown, found[12].refusals, found[12].duplicates) == (
            {"own drops": 2}, ("10.0.0.1: no route",), 1,
        )  # fmt: skip
        assert (found[12].late, found[12].reordered, found[12].corrupted) == (2, 3, 4)
        assert np.isnan(found[12].rtts_seconds).all()
        assert len(await ledger.rounds("sw1", "icmp", at(60), at(90))) == 3
        assert await ledger.rounds("sw1", "snmp", at(0), at(1000)) == []
        assert await ledger.rounds("sw1", "icmp", at(90), at(90)) == []


async def test_no_rounds_yet(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        bad = replace(round_of(0), rtts_seconds=np.zeros(1))
        await ledger.record_rounds([bad, round_of(10), bad])
        await until(lambda: ledger.stats.rounds_written + ledger.stats.dropped_rounds == 3)
        assert ledger.stats.dropped_rounds == 2
        assert len(await ledger.rounds("sw1", "icmp", at(0), at(20))) == 1
        assert ledger.problem == ""


async def test_blind_spans(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with opened(path) as ledger:
        await ledger.record_blind(Blind(None, "no carrier", at(10), None))
        await ledger.record_blind(Blind("sw1", "send errors", at(20), at(30)))
        assert await ledger.blind(at(0), at(15)) == [Blind(None, "no carrier", at(10), None)]
        await ledger.record_blind(Blind(None, "no carrier", at(10), at(25)))
        await ledger.record_blind(Blind(None, "no carrier", at(10), None))  # a start told late reopens nothing
        assert len(await ledger.blind(at(24), at(40))) == 2
        assert await ledger.blind(at(30), at(40)) == []
        await ledger.record_blind(Blind("sw2", "left open", at(40), None))
    async with opened(path, clock=lambda: at(900)) as ledger:  # what the former run left open ends with it
        assert await ledger.blind(at(40), at(1000)) == [Blind("sw2", "left open", at(40), at(100))]


async def test_a_renamed_target_keeps_its_history(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        await ledger.record([check_event("down", 1, target="old"), target_event("down", 2, target="old")])
        await ledger.record_rounds([round_of(0, target="old")])
        await until(lambda: ledger.stats.rounds_written)
        assert await ledger.rename("old", "new")
        assert not await ledger.rename("old", "new")  # renamed_from stays in the configuration
        assert not await ledger.rename("never seen", "new")
        assert not await ledger.rename("new", "new")
        await ledger.record([target_event("up", 10, target="new"), target_event("down", 20, target="old")])
        assert await ledger.rename("new", "newest")
        names = [(e.target, e.new) for e in await ledger.events(EventFilter(target="newest"))]
        assert names == [("old", "down"), ("old", "down"), ("new", "up")]  # not what took the old name later
        (outage,) = await ledger.outages(target="newest")
        assert (outage.began_at, outage.ended_at, outage.close_reason) == (at(2), at(10), "recovered")
        resumed = await ledger.resume()
        assert resumed.checks == {("newest", "icmp"): (State.DOWN, at(1))}
        assert set(resumed.targets) == {"newest", "old"}
        assert len(await ledger.rounds("newest", "icmp", at(0), at(10))) == 1


async def test_pieces_of_hardware_are_kept_by_name_and_first_moment(tmp_path: Path) -> None:
    first, other = Piece("sw1", "A", at(0), at(5)), Piece("sw0", "\udc80", at(1), at(1))
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        await ledger.record_pieces([])
        await ledger.record_pieces([first, other])
        gone = replace(first, serial="B", last_seen=at(9), gone_at=at(10))
        await ledger.record_pieces([gone])
        assert await ledger.pieces() == [replace(other, serial="?"), gone]
        assert await ledger.rename("sw1", "sw9")  # there is nothing of it but its hardware
        await ledger.record_pieces([replace(gone, serial="C")])
        assert await ledger.rename("sw9", "sw1")  # what is there under that name is the newer
        assert [(piece.target, piece.serial) for piece in await ledger.pieces()] == [("sw0", "?"), ("sw1", "C")]


async def test_a_rename_onto_a_name_that_is_down_too(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        await ledger.record([target_event("down", 2, target="old"), target_event("down", 5, target="new")])
        assert await ledger.rename("old", "new")
        first, second = await ledger.outages(target="new")
        assert (first.close_reason, first.ended_at) == ("renamed", at(100))
        assert (second.began_at, second.ended_at) == (at(5), None)


async def test_what_is_old_goes_and_what_is_open_stays(tmp_path: Path) -> None:
    now = T0 + timedelta(days=400)
    retention = Retention(rounds=timedelta(days=100), events=timedelta(days=200))
    path = tmp_path / "ledger.sqlite"
    day = 86400.0
    async with opened(path, clock=lambda: at(0)) as ledger:
        await ledger.record([target_event("down", 0, target="closed"), target_event("up", 5, target="closed")])
        await ledger.record([target_event("down", 0, target="open"), target_event("down", 300 * day, target="new")])
        await ledger.record_blind(Blind("closed", "x", at(0), at(1)))
        await ledger.record_rounds([round_of(i * 10) for i in range(1200)] + [round_of(350 * day)])
        await until(lambda: ledger.stats.rounds_written == 1201)
    async with opened(path, clock=lambda: now, retention=retention) as ledger:
        while len(await ledger.events(EventFilter())) > 1 or await ledger.blind(at(0), now):
            await asyncio.sleep(0.02)
        while len(await ledger.rounds("sw1", "icmp", at(0), now)) > 1:
            await asyncio.sleep(0.02)
        assert [o.target for o in await ledger.outages()] == ["open", "new"]
        assert [e.target for e in await ledger.events(EventFilter())] == ["new"]


async def test_the_size_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    limit = 400_000
    async with opened(path, retention=Retention(octets=limit)) as ledger:
        await ledger.record([target_event("down")])
        await ledger.record_rounds([round_of(i * 10) for i in range(6000)])  # some 900 KB
        await until(lambda: ledger.stats.rounds_written == 6000)

        def used() -> int:
            with closing(sqlite3.connect(path)) as db:
                pages, free = (db.execute(f"PRAGMA {p}").fetchone()[0] for p in ("page_count", "freelist_count"))
            return int((pages - free) * 4096)

        await until(lambda: used() <= limit)
        kept = await ledger.rounds("sw1", "icmp", at(0), at(100_000))
        assert kept[-1].began_at == at(59_990)  # the newest stay
        assert 500 < len(kept) < 4000
        assert len(await ledger.events(EventFilter())) == 1


async def test_rounds_past_the_queue_are_dropped_and_counted(tmp_path: Path) -> None:
    limits = Limits(rounds=100, alive_seconds=30)
    async with opened(tmp_path / "ledger.sqlite", limits=limits) as ledger:
        await until(lambda: ledger.stats.waiting_rounds == 0)
        await ledger.record_rounds([round_of(i) for i in range(500)])
        assert ledger.stats.dropped_rounds >= 400
    found = LedgerReader(tmp_path / "ledger.sqlite").rounds("sw1", "icmp", at(0), at(1000))
    assert found[-1].began_at == at(499)


async def test_alive_is_stamped_while_nothing_happens(tmp_path: Path) -> None:
    seconds = iter(range(100, 10_000))
    path = tmp_path / "ledger.sqlite"
    async with opened(path, clock=lambda: at(next(seconds))):
        reader = LedgerReader(path)
        await until(lambda: (reader.states().alive_until or T0) > at(105))
        assert not reader.states().clean
    assert reader.states().clean
    assert PATIENT.alive_seconds < 1


async def test_an_event_of_every_kind(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        wanted = [
            Event(
                kind,
                at(i),
                at(i),
                "x",
                "",
                "y",
                "because",
                check=None,
                causes=("c",),
                evidence=(("n", 1.5), ("t", "s")),
            )
            if kind is not EventKind.TARGET
            else target_event("down", i)
            for i, kind in enumerate(EventKind)
        ]
        written = await ledger.record(wanted)
        assert list(await ledger.events(EventFilter())) == list(written)
        assert [replace(e, id=None) for e in written] == wanted

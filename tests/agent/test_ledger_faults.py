"""What the ledger does when its file, its disk or its neighbours misbehave."""

import errno
import logging
import os
import resource
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agent.core.model import Event, EventKind, State
from agent.core.ports import Blind, EventFilter
from agent.ledger import (
    LedgerError,
    LedgerInUseError,
    LedgerReader,
    LedgerTooNewError,
    Limits,
    Retention,
    SqliteLedger,
    writing,
)
from agent.ledger.errors import is_corrupt, surroundings_text
from agent.ledger.schema import MIGRATIONS, open_for_writing
from tests.agent.ledgers import PATIENT, at, check_event, opened, round_of, target_event
from tests.waiting import until

ALL = EventFilter(limit=100_000)


@contextmanager
def locked_by_another(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def file_size_limit(octets: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def damaged_files(folder: Path) -> list[str]:
    return [p.name for p in folder.glob("*.corrupt-*") if not p.name.endswith(("-wal", "-shm"))]


# ------------------------------------------------------------------ writing fails and comes back


async def test_what_cannot_be_written_is_told_at_once_and_written_late(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with opened(path) as ledger:
        await ledger.record([target_event("down", i, target=f"t{i}") for i in range(500)])
        size = (tmp_path / "ledger.sqlite-wal").stat().st_size
        with file_size_limit(size):
            (late,) = await ledger.record([target_event("down", 1000, target="wan")])
            assert (late.late, late.id) == (True, None)
            assert str(path) in ledger.problem
            began = time.monotonic()
            for i in range(20):
                (late,) = await ledger.record([target_event("down", 1001 + i, target=f"late{i}")])
                assert late.late
            await ledger.record_blind(Blind("wan", "why", at(1000), at(1001)))
            assert not await ledger.rename("t1", "t1b")
            assert time.monotonic() - began < 5  # none of them waited for the disk
            assert ledger.stats.waiting_events == 23
        await until(lambda: not ledger.problem and not ledger.stats.waiting_events)
        (after,) = await ledger.record([target_event("up", 2000, target="wan")])
        assert not after.late
        events = await ledger.events(ALL)
        assert len(events) == 522
        assert [e.target for e in events if e.late] == ["wan", *(f"late{i}" for i in range(20))]
        (outage,) = await ledger.outages(target="wan")
        assert (outage.began_at, outage.ended_at) == (at(1000), at(2000))
        assert len(await ledger.blind(at(999), at(1002))) == 1
        assert len(await ledger.outages(target="t1b")) == 1
        assert ledger.stats.dropped_events == 0


async def test_a_ledger_locked_by_another_process(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with opened(path) as ledger:
        with locked_by_another(path):
            (late,) = await ledger.record([target_event("down")])
            assert late.late
            assert "another process holds it locked" in ledger.problem
            assert await ledger.events(ALL) == []  # reading goes on
        await until(lambda: not ledger.problem)
        assert [e.late for e in await ledger.events(ALL)] == [True]


async def test_a_slow_disk_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with opened(path, limits=replace(PATIENT, patience_seconds=0.1)) as ledger:
        with locked_by_another(path):  # shorter than the time after which SQLite itself gives up
            (late,) = await ledger.record([target_event("down")])
            assert (late.late, late.id) == (True, None)
            assert "has not taken a write for 0.1 s" in ledger.problem
        await until(lambda: not ledger.problem)
        assert [e.late for e in await ledger.events(ALL)] == [True]


async def test_more_than_can_be_kept_is_dropped_counted_and_recorded(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with opened(path, limits=replace(PATIENT, events=50, retry_seconds=2)) as ledger:
        await ledger.record_rounds([round_of(i) for i in range(1000)])
        await until(lambda: ledger.stats.rounds_written == 1000)
        with file_size_limit((tmp_path / "ledger.sqlite-wal").stat().st_size):
            for i in range(80):
                await ledger.record([target_event("down", i, target=f"t{i}")])
            assert ledger.stats.waiting_events == 50
        await until(lambda: not ledger.problem)
        await until(lambda: ledger.stats.dropped_events == 30)
        notices: list[Event] = []

        def noticed() -> bool:  # the notice is written after what waited
            notices.extend(ledger.take_notices())
            return bool(notices)

        await until(noticed)
        events = await ledger.events(ALL)
        assert [e.target for e in events if e.kind is EventKind.TARGET] == [f"t{i}" for i in range(30, 80)]
        (lost,) = [e for e in events if e.kind is EventKind.AGENT]
        assert (lost.target, lost.new) == ("dc1", "events_lost")
        assert "30 events" in lost.reason
        assert notices == [lost]
        assert ledger.take_notices() == []


async def test_a_bad_value_among_late_ones_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "ledger.sqlite"
    async with opened(path) as ledger:
        with locked_by_another(path):
            for new in ("down", "sideways", "up"):
                await ledger.record([target_event(new)])
        await until(lambda: not ledger.problem and not ledger.stats.waiting_events)
        assert [e.new for e in await ledger.events(ALL)] == ["down", "up"]
    assert "a late entry cannot be written and is left out" in caplog.text


@pytest.mark.parametrize("took", [True, False])
async def test_a_commit_that_failed_is_not_written_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, took: bool
) -> None:
    # a failed fsync: the transaction may be in the file all the same
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        await ledger.record([target_event("down", 0)])
        store = ledger._writer._store
        honest = store.transaction

        @contextmanager
        def failing(*, durable: bool) -> Iterator[sqlite3.Connection]:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            monkeypatch.setattr(store, "transaction", honest)
            with honest(durable=durable) as db:
                yield db
                if not took:
                    raise error
            raise error

        await until(lambda: not store.db.in_transaction)
        monkeypatch.setattr(store, "transaction", failing)
        await ledger.record([target_event("up", 1)])
        await until(lambda: not ledger.problem and not ledger.stats.waiting_events)
        await ledger.record([target_event("down", 2)])
        assert [(e.id, e.new) for e in await ledger.events(ALL)] == [(1, "down"), (2, "up"), (3, "down")]
        assert len(await ledger.outages()) == 2


async def test_a_programming_error_does_not_end_the_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        with monkeypatch.context() as patch:
            patch.setattr("agent.ledger.writer.keep_alive", lambda *a, **k: 1 / 0)
            await until(lambda: "ZeroDivisionError" in ledger.problem)
        await until(lambda: not ledger.problem)
        assert not (await ledger.record([target_event("down")]))[0].late


async def test_closing_while_nothing_can_be_written_ends_and_tells(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "ledger.sqlite"
    async with opened(path) as ledger:
        with locked_by_another(path):
            await ledger.record([target_event("down")])
            began = time.monotonic()
            await ledger.close()
            assert time.monotonic() - began < 8
    assert "1 late events are lost" in caplog.text
    assert not LedgerReader(path).states().clean


async def test_recording_after_the_end_does_not_hang(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        await ledger.close()
        assert (await ledger.record([target_event("down")]))[0].late


# ------------------------------------------------------------------ the file


def damage(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)  # the noise of the damage is asserted by its traces in the ledger
    octets = bytearray(path.read_bytes())
    for start in range(4096 * 3 + 100, len(octets), 4096 * 7):
        octets[start : start + 2000] = os.urandom(2000)
    path.write_bytes(octets)


@pytest.mark.parametrize("how", ["garbage", "pages", "cut"])
async def test_a_damaged_file_is_moved_aside(tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "ledger.sqlite"
    async with opened(path) as ledger:
        await ledger.record([target_event("down", i, target=f"t{i}") for i in range(300)])
        await ledger.record([check_event("down", i, target=f"t{i}") for i in range(300)])
    if how == "garbage":
        path.write_bytes(os.urandom(50_000))
    elif how == "pages":
        damage(path, caplog)
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 // 4096 * 4096])
    async with opened(path, clock=lambda: at(5000)) as ledger:
        assert ledger.problem == ""
        (notice,) = ledger.take_notices()
        assert (notice.kind, notice.target, notice.new) == (EventKind.AGENT, "dc1", "ledger_moved_aside")
        assert "ledger.sqlite.corrupt-20260301T132320Z" in notice.reason
        assert list(await ledger.events(ALL)) == [notice]
        assert not (await ledger.record([target_event("up", 6000, target="t1")]))[0].late
        await ledger.resume()
    assert (tmp_path / "ledger.sqlite.corrupt-20260301T132320Z").exists()


async def test_open_outages_are_carried_over_from_a_file_that_is_damaged_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with opened(path) as ledger:
        await ledger.record([check_event("down", 1), target_event("down", 1)])
        await ledger.record([check_event("up", i, target=f"t{i}") for i in range(3000)])
    with closing(sqlite3.connect(path)) as db:
        page = db.execute("SELECT rootpage FROM sqlite_master WHERE name='events'").fetchone()[0]
    octets = bytearray(path.read_bytes())
    octets[(page - 1) * 4096 : page * 4096] = os.urandom(4096)
    path.write_bytes(octets)
    async with opened(path, clock=lambda: at(5000)) as ledger:
        resumed = await ledger.resume()
        assert [(o.id, o.target, o.began_at) for o in resumed.outages] == [(1, "sw1", at(1))]
        assert resumed.targets["sw1"] == (State.DOWN, at(1), ())
        assert len(resumed.checks) == 3001
        assert resumed.alive_until == at(100)
        (event,) = await ledger.record([target_event("up", 5001)])
        assert (event.id or 0) > 3002  # an id never means two events
        assert (await ledger.outages())[0].close_reason == "recovered"


async def test_damage_met_while_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.sqlite"
    honest = writing.write_events
    async with opened(path) as ledger:
        await ledger.record([target_event("down", 1)])

        def damaged(*args: object, **kwargs: object) -> None:
            monkeypatch.setattr("agent.ledger.jobs.write_events", honest)
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT_VTAB  # an extended code
            raise error

        monkeypatch.setattr("agent.ledger.jobs.write_events", damaged)
        (event,) = await ledger.record([target_event("up", 2)])
        assert not event.late
        assert [(o.began_at, o.ended_at) for o in await ledger.outages()] == [(at(1), at(2))]
        assert [n.new for n in ledger.take_notices()] == ["ledger_moved_aside"]
    assert len(damaged_files(tmp_path)) == 1


async def test_only_a_few_damaged_files_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    for i in range(8):
        path.write_bytes(b"no database" * 100)
        async with opened(path, clock=lambda i=i: at(i)):  # type: ignore[misc]
            pass
    assert len(damaged_files(tmp_path)) == 5


async def test_a_ledger_that_is_removed_under_the_agent(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with opened(path, limits=replace(PATIENT, alive_seconds=30, prune_seconds=30)) as ledger:
        await ledger.record([target_event("down", 1)])
        await ledger.record_rounds([round_of(1)])
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink()
        (event,) = await ledger.record([target_event("up", 2)])
        assert not event.late
        assert [n.new for n in ledger.take_notices()] == ["ledger_vanished"]
        (outage,) = await ledger.outages()
        assert (outage.began_at, outage.ended_at) == (at(1), at(2))
        assert (await ledger.resume()).alive_until is None  # the former run, before this one: there was none


async def test_a_ledger_that_is_removed_during_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.sqlite"
    honest = writing.write_events
    async with opened(path) as ledger:

        def removing(db: sqlite3.Connection, events: Sequence[Event], *, late: bool) -> list[Event]:
            monkeypatch.setattr("agent.ledger.jobs.write_events", honest)
            path.unlink()
            return honest(db, events, late=late)

        monkeypatch.setattr("agent.ledger.jobs.write_events", removing)
        (event,) = await ledger.record([target_event("down", 2)])
        assert not event.late
        assert event in await ledger.events(ALL)
        assert len(await ledger.outages(open_only=True)) == 1


async def test_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with opened(path):
        pass
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version=99")
    before = path.read_bytes()
    ledger = SqliteLedger(path)
    with pytest.raises(LedgerTooNewError, match=r"ledger of version 99, this program knows up to 3; install the later"):
        await ledger.open()
    await ledger.close()
    assert path.read_bytes() == before
    with pytest.raises(LedgerTooNewError, match="version 99"):
        LedgerReader(path).events(ALL)


async def test_another_programs_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE theirs (x)")
    ledger = SqliteLedger(path)
    with pytest.raises(LedgerError, match="a database, but not a ledger"):
        await ledger.open()
    await ledger.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


async def test_two_agents_do_not_share_a_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with opened(path):
        second = SqliteLedger(path)
        with pytest.raises(LedgerInUseError, match=rf"another agent \(process {os.getpid()}\) uses this directory"):
            await second.open()
        await second.close()
    async with opened(path):
        pass


async def test_a_directory_that_is_missing(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "nowhere" / "ledger.sqlite")
    with pytest.raises(LedgerError, match=r"nowhere: no such directory for the ledger; create it"):
        await ledger.open()
    await ledger.close()
    with pytest.raises(LedgerError, match="no ledger there"):
        LedgerReader(tmp_path / "ledger.sqlite").outages()


# ------------------------------------------------------------------ migrations


def test_a_migration_brings_an_older_ledger_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    open_for_writing(path).close()
    added = "ALTER TABLE events ADD COLUMN seal BLOB; CREATE TABLE seals (id INTEGER PRIMARY KEY);"
    with closing(open_for_writing(path, migrations=(*MIGRATIONS, added))) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
        db.execute("SELECT seal FROM events").fetchall()


def test_a_ledger_of_the_first_version_keeps_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with closing(open_for_writing(path, migrations=MIGRATIONS[:1])) as db:
        db.execute("INSERT INTO runs (started_us, alive_us) VALUES (1, 2)")
    with closing(open_for_writing(path)) as db:
        assert db.execute("SELECT started_us, alive_us, clean FROM runs").fetchall() == [(1, 2, 0)]
        assert db.execute("SELECT count(*) FROM detectors").fetchone() == (0,)


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    open_for_writing(path).close()
    bad = "CREATE TABLE seals (id INTEGER PRIMARY KEY); INSERT INTO nowhere VALUES (1);"
    with pytest.raises(sqlite3.OperationalError, match="no such table: nowhere"):
        open_for_writing(path, migrations=(*MIGRATIONS, bad))
    with closing(open_for_writing(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert db.execute("SELECT 1 FROM sqlite_master WHERE name='seals'").fetchone() is None


def test_a_reader_of_an_older_ledger_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.sqlite"
    open_for_writing(path).close()
    monkeypatch.setattr("agent.ledger.schema.MIGRATIONS", (*MIGRATIONS, ""))
    with pytest.raises(LedgerError, match="start the agent once"):
        LedgerReader(path).events(ALL)


# ------------------------------------------------------------------ a start while nothing can be written


async def test_a_start_on_a_locked_ledger_goes_on_and_catches_up(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with opened(path) as ledger:
        await ledger.record([target_event("down", 1)])
    with locked_by_another(path):
        ledger = SqliteLedger(path, limits=PATIENT, clock=lambda: at(200))
        await ledger.open()
        assert "locked" in ledger.problem
        resumed = await ledger.resume()
        assert [o.began_at for o in resumed.outages] == [at(1)]
        assert (resumed.alive_until, resumed.clean) == (at(100), True)
        assert (await ledger.record([target_event("up", 2)]))[0].late
    await until(lambda: not ledger.problem)
    assert (await ledger.resume()).alive_until == at(100)
    assert [o.ended_at for o in await ledger.outages()] == [at(2)]
    await ledger.close()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("mounting a small tmpfs needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017 - filling it up is the point
    return ballast


@pytest.mark.lab
async def test_a_full_disk_while_running(tiny_disk: Path) -> None:
    async with opened(tiny_disk / "ledger.sqlite") as ledger:
        await ledger.record([target_event("down", 0)])
        ballast = fill(tiny_disk)
        events = [(await ledger.record([target_event("down" if i % 2 else "up", i)]))[0] for i in range(1, 200)]
        assert events[-1].late
        assert "the disk is full" in ledger.problem
        ballast.unlink()
        await until(lambda: not ledger.problem and not ledger.stats.waiting_events)
        found = await ledger.events(ALL)
        assert [e.at for e in found] == [at(i) for i in range(200)]
        assert found[-1].late
        assert not found[0].late


@pytest.mark.lab
async def test_a_start_on_a_full_disk(tiny_disk: Path) -> None:
    path = tiny_disk / "ledger.sqlite"
    async with opened(path) as ledger:
        await ledger.record([target_event("down", 0)])
    ballast = fill(tiny_disk)
    ledger = SqliteLedger(path, limits=PATIENT, clock=lambda: at(200))
    await ledger.open()
    assert ledger.problem
    assert [o.target for o in (await ledger.resume()).outages] == ["sw1"]
    assert (await ledger.record([target_event("up", 9)]))[0].late
    ballast.unlink()
    await until(lambda: not ledger.problem)
    assert [e.new for e in await ledger.events(ALL)] == ["down", "up"]
    await ledger.close()


def test_limits_have_their_defaults() -> None:
    assert Limits().retry_seconds < Limits().patience_seconds


# ------------------------------------------------------------------ further corners


async def test_a_disk_that_damages_one_file_after_the_other_is_told_not_chased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.sqlite"
    async with opened(path) as ledger:

        def damaged(*args: object, **kwargs: object) -> None:
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error

        with monkeypatch.context() as patch:
            patch.setattr("agent.ledger.jobs.write_events", damaged)
            (event,) = await ledger.record([target_event("down", 1)])
            assert event.late
            assert "malformed" in ledger.problem
        await until(lambda: not ledger.problem and not ledger.stats.waiting_events)
        assert [e.new for e in await ledger.events(ALL) if e.kind is EventKind.TARGET] == ["down"]
        assert len(damaged_files(tmp_path)) == 1


async def test_rounds_wait_while_nothing_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with opened(path) as ledger:
        await ledger.record_rounds([round_of(i) for i in range(500)])
        await until(lambda: ledger.stats.rounds_written == 500)
        with file_size_limit((tmp_path / "ledger.sqlite-wal").stat().st_size):
            await ledger.record_rounds([round_of(i) for i in range(500, 1000)])
            await until(lambda: ledger.problem)
        await until(lambda: ledger.stats.rounds_written == 1000)
        assert len(await ledger.rounds("sw1", "icmp", at(0), at(1000))) == 1000


async def test_events_go_only_when_no_round_is_left_and_the_file_shrinks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.ledger.retention._SPARE_OCTETS", 100_000)
    path = tmp_path / "ledger.sqlite"
    async with opened(path, clock=lambda: at(100_000)) as ledger:
        await ledger.record([check_event("down", i) for i in range(5000)])
        await ledger.record_rounds([round_of(i) for i in range(100)])
    before = path.stat().st_size
    small = Retention(octets=300_000)
    async with opened(path, clock=lambda: at(100_000), retention=small) as ledger:
        await until(lambda: len(LedgerReader(path).events(ALL)) < 2000)
        assert await ledger.rounds("sw1", "icmp", at(0), at(1000)) == []
        kept = await ledger.events(ALL)
        assert kept[-1].at == at(4999)
        assert (await ledger.record([check_event("down", 5001)]))[0].id == 5001  # ids are never used again

        def octets() -> int:
            with closing(sqlite3.connect(path)) as db:
                return int(db.execute("PRAGMA page_count").fetchone()[0]) * 4096

        await until(lambda: octets() < before * 2 // 3)


async def test_every_error_is_sorted() -> None:
    assert surroundings_text(OSError(30, "Read-only file system")) == "Read-only file system"
    assert surroundings_text(ValueError("x")) is None
    assert surroundings_text(sqlite3.OperationalError("no code")) is None
    assert not is_corrupt(ValueError("x"))


async def test_a_ledger_of_another_user_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *a: False)  # root may everything
    ledger = SqliteLedger(tmp_path / "ledger.sqlite")
    with pytest.raises(LedgerError, match=r"not writable by this user \(uid \d+\)"):
        await ledger.open()
    await ledger.close()

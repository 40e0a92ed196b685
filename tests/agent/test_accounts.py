"""Accounts that are kept, with a real ledger: what is read when, what is shared, what a new state changes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent import accounts as module
from agent.accounts import Accounts
from agent.core.account import Account, Books, Calendar, Stretch
from agent.core.availability import Pair
from agent.core.contract import Period, Rules
from agent.core.maintenance import Window, WindowKind
from agent.core.model import CircuitFacts, Estate, Event, Role, State, Target, Verdict
from agent.core.picture import Picture
from agent.core.ports import Blind
from agent.ledger import SqliteLedger
from tests.agent.ledgers import at, opened, target_event
from tests.waiting import until

HOUR = 3600


def circuit(name: str, rules: Rules = Rules(), objective: float | None = 0.99) -> Target:  # noqa: B008 - frozen
    facts = CircuitFacts("ExampleTel", "E-1", ("a", "b"), objective_availability_ratio=objective, rules=rules)
    return Target(name, Role.CIRCUIT, "circuit", name, circuit=facts)


ESTATE = Estate(
    "dc1",
    {
        target.name: target
        for target in (
            circuit("one"), circuit("two"), circuit("three"), circuit("quarterly", Rules(Period.QUARTER)),
            Target("a", Role.SITE, "site", "a"), Target("sw1", Role.DEVICE, "switch", "sw1"),
        )
    },
)  # fmt: skip


@dataclass
class Kept:
    """Accounts with what they are made of."""

    accounts: Accounts
    picture: Picture
    ledger: SqliteLedger
    now: datetime
    reads: int = 0

    async def fresh(self, after_hours: float = 0.0) -> Picture:
        """Let time pass, and work the accounts out."""
        self.now += timedelta(hours=after_hours)
        await self.accounts.refresh()
        return self.picture


def a_minute(name: str) -> list[Event]:
    """Return an outage of a minute, as its events."""
    return [target_event("down", 0, target=name), target_event("up", 60, target=name, old="down")]


@asynccontextmanager
async def kept(path: Path, windows: tuple[Window, ...] = ()) -> AsyncIterator[Kept]:
    async with opened(path / "ledger.sqlite") as ledger:
        picture = Picture(ESTATE, at(0), at(0))
        picture.verdicts = {name: Verdict(State.UP, at(0)) for name in ESTATE.targets}
        await ledger.record([target_event("up", -90 * 86400, target=name, old="unknown") for name in ESTATE.targets])
        picture.windows = windows
        made: Kept

        def now() -> datetime:
            return made.now

        made = Kept(Accounts(picture, ledger, now), picture, ledger, at(0))
        yield made


async def test_what_is_accounted_for_and_over_which_period(tmp_path: Path) -> None:
    async with kept(tmp_path) as books:
        found = (await books.fresh()).accounts
    assert set(found) == {"one", "two", "three", "quarterly", "a"}  # a device is not
    assert found["one"].period == (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
    assert found["quarterly"].period[0] == datetime(2026, 1, 1, tzinfo=UTC)
    assert found["a"].budget is None
    assert {account.target for account in found.values()} == set(found)


async def test_what_is_alike_is_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    real = module.Accounts._account

    def account(self: Accounts, books: Books, target: Target, period: Pair, calendar: Calendar) -> Account:
        counted.append(target.name)
        return real(self, books, target, period, calendar)

    monkeypatch.setattr(module.Accounts, "_account", account)
    window = Window(WindowKind.MAINTENANCE, at(-HOUR), at(0), at(-HOUR), targets=("three",))
    async with kept(tmp_path, (window,)) as books:
        await books.fresh()
        assert counted == ["one", "three", "quarterly", "a"]
        await books.ledger.record([target_event("down", 60, target="two")])
        books.accounts.changed()
        found = (await books.fresh(1)).accounts
    assert counted[4:] == ["one", "two", "three", "quarterly", "a"]
    assert (found["one"].own.lost_us, found["two"].own.lost_us) == (0, (HOUR - 60) * 1_000_000)
    assert found["three"].own.maintenance_us == HOUR * 1_000_000


async def test_time_alone_reads_no_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with kept(tmp_path) as books:
        await books.ledger.record([target_event("down", 0, target="one")])
        await books.fresh(1)
        monkeypatch.setattr(books.ledger, "outages", None)  # whoever asks it now fails
        found = (await books.fresh(1)).accounts
        assert found["one"].own.lost_us == 2 * HOUR * 1_000_000
        books.accounts.changed()
        with pytest.raises(TypeError):
            await books.fresh()


async def test_a_month_that_begins_is_read_anew(tmp_path: Path) -> None:
    async with kept(tmp_path) as books:
        await books.ledger.record(a_minute("one"))
        assert (await books.fresh(1)).accounts["one"].own.lost_us == 60_000_000
        found = (await books.fresh(31 * 24)).accounts["one"]
    assert (found.period[0], found.own.lost_us) == (datetime(2026, 4, 1, tzinfo=UTC), 0)


async def test_what_this_run_has_not_measured_is_blind(tmp_path: Path) -> None:
    async with kept(tmp_path) as books:
        books.picture.verdicts["one"] = Verdict()
        await books.ledger.record_blind(Blind(None, "stopped", at(-HOUR), at(-HOUR / 2)))
        found = (await books.fresh(1)).accounts
    assert (found["one"].own.blind_us, found["two"].own.blind_us) == (1.5 * HOUR * 1e6, 0.5 * HOUR * 1e6)


async def test_a_reload_that_leaves_nothing_to_account_for(tmp_path: Path) -> None:
    async with kept(tmp_path) as books:
        assert (await books.fresh()).accounts
        books.picture.estate = replace(ESTATE, targets={})
        assert (await books.fresh()).accounts == {}
        assert await books.accounts.report(None, Stretch()) == []


async def test_a_report_of_any_target_and_stretch(tmp_path: Path) -> None:
    async with kept(tmp_path) as books:
        await books.ledger.record(a_minute("sw1"))
        books.now = at(HOUR)
        (one,) = await books.accounts.report(["sw1"], Stretch(since=at(30), until=at(90)))
        assert (one["target"], one["own"]["percent"], one["own"]["lost_seconds"]) == ("sw1", "50.00000", 30.0)
        every = await books.accounts.report(None, Stretch("2026-02"))
        assert [account["target"] for account in every] == ["one", "two", "three", "quarterly", "a"]
        assert {account["own"]["percent"] for account in every} == {"100.00000"}
        assert every[0]["budget"]["left_seconds"] == 28 * 864.0
        with pytest.raises(ValueError, match="expected a month"):
            await books.accounts.report(None, Stretch("soon"))


async def test_they_are_kept_while_the_agent_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SOONEST_SECONDS", 0.01)
    async with kept(tmp_path) as books:
        task = asyncio.create_task(books.accounts.run())
        await until(lambda: "one" in books.picture.accounts)
        await books.ledger.record([target_event("down", 0, target="one")])
        books.now = at(60)
        books.accounts.changed()
        await until(lambda: books.picture.accounts["one"].own.lost_us == 60_000_000)
        assert not task.done()
        task.cancel()


async def test_a_failure_does_not_end_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_SOONEST_SECONDS", 0.01)
    async with kept(tmp_path) as books:
        real, tries = books.ledger.outages, iter([ValueError("a bug")])

        async def failing(**more: object) -> object:
            for error in tries:
                raise error
            return await real(**more)  # type: ignore[arg-type]

        monkeypatch.setattr(books.ledger, "outages", failing)
        task = asyncio.create_task(books.accounts.run())
        await until(lambda: "could not be worked out" in caplog.text)
        books.accounts.changed()
        await until(lambda: "one" in books.picture.accounts)
        task.cancel()


async def test_what_could_not_be_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with kept(tmp_path) as books:
        await books.fresh()
        await books.ledger.record(a_minute("one"))
        books.accounts.changed()
        with monkeypatch.context() as broken:
            broken.setattr(books.ledger, "outages", None)
            with pytest.raises(TypeError):
                await books.fresh(1)
        assert (await books.fresh(1)).accounts["one"].own.lost_us == 60_000_000


async def test_what_a_reload_takes_away_meanwhile_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with kept(tmp_path) as books:
        real = books.ledger.blind

        async def slow(since: datetime, until: datetime) -> Sequence[Blind]:
            left = {name: target for name, target in ESTATE.targets.items() if name != "two"}
            books.picture.estate = replace(ESTATE, targets=left)
            return await real(since, until)

        monkeypatch.setattr(books.ledger, "blind", slow)
        assert set((await books.fresh()).accounts) == {"one", "three", "quarterly", "a"}


async def test_a_ledger_in_trouble_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with kept(tmp_path) as books:
        monkeypatch.setattr(SqliteLedger, "problem", "disk full")
        assert (await books.fresh()).accounts == {}

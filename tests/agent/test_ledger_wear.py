"""What days did to hardware, as the ledger keeps it."""

from dataclasses import replace
from datetime import date, timedelta
from math import nan
from pathlib import Path

from agent.core.hardware import Wear
from agent.core.weardays import OBSERVED
from tests.agent.ledgers import at, opened, target_event
from tests.waiting import until

DAY = date(2026, 3, 1)


def wear(item: str = "temperature:Inlet", value: float = 21.5, *, target: str = "sw1", days: int = 0) -> Wear:
    return Wear(target, item, DAY + timedelta(days=days), value)


async def test_what_days_did_is_read_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with opened(path) as ledger:
        await ledger.record_wear([wear(days=1), wear("storage:/var", 0.5), wear(target="a"), wear()])
        await ledger.record_wear([])
        await ledger.record_wear([wear(value=23.0)])  # the day was not over when it was written first
    async with opened(path) as ledger:
        expected = [wear(target="a"), wear("storage:/var", 0.5), wear(value=23.0), wear(days=1)]
        assert list(await ledger.wear(DAY)) == expected
        assert list(await ledger.wear(DAY + timedelta(days=1))) == [wear(days=1)]
        assert list(await ledger.wear(DAY + timedelta(days=2))) == []


async def test_a_day_of_the_year_before_is_kept_and_what_is_older_goes_within_a_month(tmp_path: Path) -> None:
    """Also that of a device of which nothing is written any more, wherever it stands among the others."""
    names = ("a", "gone", "gone too", "sw1")
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        await ledger.record_wear([wear(target=name, days=-400 + day) for name in names for day in range(-1, 33)])
        for day in range(32):
            alive = [wear(OBSERVED, target=name, days=day) for name in ("a", "sw1")]
            await ledger.record_wear(alive)
        for name in names:
            kept = [one.day for one in await ledger.wear(date(1969, 1, 1), name) if one.item != OBSERVED]
            assert DAY - timedelta(days=401) not in kept
            assert kept[-2:] == [DAY - timedelta(days=369), DAY - timedelta(days=368)]
            assert len(kept) < 34


async def test_a_value_that_no_table_holds_leaves_the_others(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        await ledger.record_wear([wear(value=nan), wear("storage:\udcff", 1.0)])
        assert list(await ledger.wear(DAY)) == [wear("storage:?", 1.0)]
        assert ledger.problem == ""


async def test_wear_follows_a_rename_and_the_present_name_wins(tmp_path: Path) -> None:
    async with opened(tmp_path / "ledger.sqlite") as ledger:
        await ledger.record_wear([wear(target="old", value=1), wear(target="old", value=2, days=1)])
        await ledger.record_wear([wear(target="new", value=9, days=1)])
        assert await ledger.rename("old", "new")
        assert list(await ledger.wear(DAY)) == [wear(target="new", value=1), wear(target="new", value=9, days=1)]


async def test_wear_goes_over_into_a_new_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with opened(path) as ledger:
        await ledger.record_wear([wear()])
        await ledger.record([target_event("down", 1)])
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink()
        await until(path.exists)
        await ledger.record([replace(target_event("up", 2, old="down"), at=at(2))])
        assert list(await ledger.wear(DAY)) == [wear()]

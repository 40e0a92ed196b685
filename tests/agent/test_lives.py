"""Wear over a restart of the agent: a real ledger file is closed and opened again, and another desk goes on from it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from agent.core.ageing import Judges
from agent.core.hardware import Counter, Fact, Hardware
from agent.core.maintenance import Window, WindowKind
from agent.core.model import AdminStatus, Estate, Interface, OperStatus
from agent.core.picture import DevicePoll, Picture
from agent.core.ports import DetectorState
from agent.core.traffic import Direction, Traffic
from agent.hardware import HardwareDesk
from agent.ledger import SqliteLedger
from agent.lives import READINGS
from tests.core.estates import device, estate

T0 = datetime(2026, 3, 1, 9, tzinfo=UTC)
BOOT = T0 - timedelta(days=3)
WATCHED = estate(device("sw1"))


class Run:
    """One run of the agent, as far as hardware goes."""

    def __init__(self, ledger: SqliteLedger, picture: Picture, desk: HardwareDesk) -> None:
        self.ledger, self.picture, self.desk = ledger, picture, desk

    async def poll(
        self,
        hours: float,
        *,
        sectors: float = 0.0,
        errors: float = 0.0,
        oper: OperStatus = OperStatus.UP,
        boot: datetime = BOOT,
        serial: str = "A1",
        name: str = "sw1",
    ) -> None:
        now, none = T0 + timedelta(hours=hours), np.full(1, np.nan)
        self.picture.hardware[name] = Hardware(
            now, (Fact("serial", serial, "x"),), counters=(Counter("d1", "Disk 1", "reallocated_sectors", sectors),)
        )
        way = Direction(none, none, none, none, none)
        traffic = Traffic(way, way, np.array([errors]))
        self.picture.polls[name] = DevicePoll(
            now, True, 0.1, "", now, facts=(Fact("uptime_seconds", (now - boot).total_seconds(), "sysUpTime"),),
            interfaces=(Interface(1, "Gi1", "Gi1", AdminStatus.UP, oper),), traffic=traffic,
        )  # fmt: skip
        await self.desk.look()


@asynccontextmanager
async def run(
    folder: Path, *, killed: bool = False, estate: Estate = WATCHED, windows: tuple[Window, ...] = ()
) -> AsyncIterator[Run]:
    """Give a run of the agent; at its end it stops, or (`killed`) is gone without a word."""
    ledger = SqliteLedger(folder / "ledger.sqlite")
    await ledger.open()
    picture = Picture(estate, T0, T0, windows=windows)
    desk = HardwareDesk(picture, ledger, judges=Judges((), ()), clock=lambda: T0)
    await desk.begin()
    yield Run(ledger, picture, desk)
    if not killed:
        await desk.close()
    await ledger.close()


async def kept(folder: Path) -> dict[str, float]:
    async with run(folder, killed=True) as one:
        return {wear.item: wear.value for wear in await one.ledger.wear(date(2026, 1, 1)) if wear.item != "observed:"}


async def test_what_grew_between_two_runs_counts_once(tmp_path: Path) -> None:
    async with run(tmp_path) as one:
        await one.poll(0, sectors=10, errors=100)
        await one.poll(1, sectors=11, errors=100)
    for hours in (3, 4):  # the second restart finds nothing new
        async with run(tmp_path) as one:
            await one.poll(hours, sectors=14, errors=150, oper=OperStatus.DOWN)
    expected = {"flaps:Gi1": 1.0, "interface_errors:Gi1": 50.0, "reallocated_sectors:Disk 1": 4.0}
    assert await kept(tmp_path) == expected


async def test_after_a_kill_it_goes_on_from_what_was_written_last(tmp_path: Path) -> None:
    async with run(tmp_path) as one:
        await one.poll(0, sectors=10, errors=100)
    async with run(tmp_path, killed=True) as one:
        await one.poll(1, sectors=12, errors=100)  # counted, and lost with the day
    async with run(tmp_path) as one:
        await one.poll(2, sectors=13, errors=100)
    assert await kept(tmp_path) == {"reallocated_sectors:Disk 1": 3.0}


async def test_a_device_that_restarted_between_two_runs(tmp_path: Path) -> None:
    async with run(tmp_path) as one:
        await one.poll(0, sectors=10, errors=100)
    async with run(tmp_path) as one:
        await one.poll(3, sectors=14, errors=150, oper=OperStatus.DOWN, boot=T0 + timedelta(hours=2))
    assert await kept(tmp_path) == {"reboots:": 1.0}


async def test_a_restart_in_announced_maintenance_is_somebodys_work_also_when_that_is_over(tmp_path: Path) -> None:
    window = Window(WindowKind.MAINTENANCE, T0 + timedelta(hours=1), T0 + timedelta(hours=2.5), T0, reason="firmware")
    async with run(tmp_path) as one:
        await one.poll(0)
    async with run(tmp_path, windows=(window,)) as one:
        await one.poll(3, boot=T0 + timedelta(hours=2))
        await one.poll(5, boot=T0 + timedelta(hours=4))
        await one.poll(7, boot=T0 + timedelta(hours=6))
    assert await kept(tmp_path) == {"reboots:": 2.0}


async def test_other_hardware_at_the_same_name_begins_anew(tmp_path: Path) -> None:
    async with run(tmp_path) as one:
        await one.poll(0, sectors=10)
    async with run(tmp_path, killed=True) as one:
        await one.poll(1, sectors=400, serial="B2")
    async with run(tmp_path) as one:
        await one.poll(2, sectors=500, serial="B2")
    assert await kept(tmp_path) == {}


async def test_a_device_with_another_name_is_held_against_its_former_one(tmp_path: Path) -> None:
    async with run(tmp_path) as one:
        await one.poll(0, sectors=10, errors=100)
    renamed = estate(replace(device("new"), renamed_from="sw1"))
    async with run(tmp_path, estate=renamed) as one:
        await one.poll(1, sectors=12, errors=100, name="new")
        one.picture.estate = estate(device("newer"))
        await one.desk.reconfigure({"new": "newer"})
        await one.poll(2, sectors=15, errors=107, name="newer")
    assert await kept(tmp_path) == {"reallocated_sectors:Disk 1": 5.0, "interface_errors:Gi1": 7.0}


async def test_what_is_damaged_is_told_and_begins_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with run(tmp_path) as one:
        await one.poll(0, sectors=10)
    async with run(tmp_path, killed=True) as one:
        await one.ledger.record_detectors([DetectorState("sw1", "", READINGS, T0, b"[]")])
    async with run(tmp_path) as one:
        await one.poll(1, sectors=12)
    assert "sw1: what its counters stood at is not known: expected the last readings" in caplog.text
    assert await kept(tmp_path) == {}

"""Cadence: even phases, no silent loss, a stepped clock."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agent.core.model import Check
from agent.schedule import Schedule
from tests.waiting import until


@pytest.fixture
def due() -> Counter[str]:
    return Counter()


@pytest.fixture
async def schedule(due: Counter[str]) -> AsyncIterator[Schedule]:
    made = Schedule(lambda check: due.update([check.target]), lambda: due.update(["late"]))
    yield made
    made.stop()


def check(name: str, seconds: float = 0.2) -> Check:
    return Check(name, "snmp", "snmp", seconds)


async def test_every_check_is_due_at_its_interval(schedule: Schedule, due: Counter[str]) -> None:
    schedule.start()
    schedule.configure([check("quick"), check("slow", 3600)])
    await until(lambda: due["quick"] >= 4)
    assert due["slow"] <= 1


async def test_what_stays_as_it_was_keeps_its_phase_and_what_is_gone_stops(
    schedule: Schedule, due: Counter[str]
) -> None:
    schedule.start()
    schedule.configure([check("a", 3600), check("b"), check("c", 3600)])
    before = {job.id: job.next_run_time for job in schedule._scheduler.get_jobs()}
    schedule.configure([check("a", 3600), replace(check("c", 3600), interval_seconds=1800.0)])
    after = {job.id: job.next_run_time for job in schedule._scheduler.get_jobs()}
    assert after.keys() == {"a/snmp", "c/snmp"}
    assert after["a/snmp"] == before["a/snmp"]


async def test_first_runs_are_spread_over_the_first_seconds(schedule: Schedule) -> None:
    schedule.start()
    schedule.configure([check(f"d{n}", 60) for n in range(200)])
    first = sorted(job.next_run_time for job in schedule._scheduler.get_jobs())
    span = (first[-1] - first[0]).total_seconds()
    assert 4 < span < 5.5


async def test_after_a_clock_step_everything_is_due_anew(schedule: Schedule, due: Counter[str]) -> None:
    schedule.start()
    schedule.configure([check("a", 3600)])
    stuck = next(iter(schedule._scheduler.get_jobs()))
    stuck.modify(next_run_time=stuck.next_run_time.replace(year=2100))  # what a step back by decades leaves behind
    schedule.reschedule()
    await until(lambda: due["a"] > 0)


async def test_a_stop_in_the_instant_when_a_check_falls_due_is_silent(
    schedule: Schedule, caplog: pytest.LogCaptureFixture
) -> None:
    schedule.start()
    schedule.configure([check("a", 3600)])
    await asyncio.sleep(0.01)
    for job in schedule._scheduler.get_jobs():
        job.modify(next_run_time=datetime.now(UTC))
    schedule._scheduler.wakeup()
    schedule.stop()
    await asyncio.sleep(0.05)
    assert caplog.records == []


async def test_a_late_run_is_run_and_counted(schedule: Schedule, due: Counter[str]) -> None:
    schedule.start()
    schedule.configure([check("a", 5.0)])
    await until(lambda: due["a"] > 0)
    job = next(iter(schedule._scheduler.get_jobs()))
    time.sleep(max(0.0, job.next_run_time.timestamp() - time.time()) + 1.5)  # noqa: ASYNC251 - the loop is to stall
    await until(lambda: due["a"] > 1)
    assert due["late"] == 1

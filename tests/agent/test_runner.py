"""One run, one deadline, exactly one observation."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import ClassVar, Literal

import pytest

from agent.core.model import Check, Observation, Outcome
from agent.core.ports import Resources
from agent.core.units import Strict
from agent.runner import Runner
from tests.waiting import until


class Settings(Strict):
    type: Literal["sample"] = "sample"
    interval: float = 1.0
    timeout: float = 0.2


class Sample:
    """A probe that does what it is told."""

    type: ClassVar[str] = "sample"

    def __init__(self, act: Callable[[Check], Awaitable[Observation]]) -> None:
        self._act = act

    def configure(self, resources: Resources) -> None: ...

    async def run(self, check: Check) -> Observation:
        return await self._act(check)

    async def close(self) -> None: ...


def check(name: str = "a") -> Check:
    return Check(name, "sample", "sample", 1.0, Settings())


async def well(asked: Check) -> Observation:
    return Observation(asked.target, asked.name, datetime.now(UTC), Outcome.OK, "well")


@asynccontextmanager
async def running(act: Callable[[Check], Awaitable[Observation]]) -> AsyncIterator[tuple[Runner, list[Observation]]]:
    seen: list[Observation] = []

    async def take(_: Check, observation: Observation) -> None:
        seen.append(observation)

    runner = Runner({"sample": Sample(act)}, take)
    task = asyncio.create_task(runner.run())
    try:
        yield runner, seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_is_due_is_run_and_handed_on() -> None:
    async with running(well) as (runner, seen):
        runner.due(check("a"))
        runner.due(check("b"))
        await until(lambda: len(seen) == 2)
        assert {observation.target for observation in seen} == {"a", "b"}
        runner.due(check("a"))
        await until(lambda: len(seen) == 3)


async def test_a_device_that_is_still_asked_is_not_asked_again() -> None:
    gate = asyncio.Event()

    async def slow(asked: Check) -> Observation:
        if asked.target == "slow":
            await gate.wait()
        return await well(asked)

    async with running(slow) as (runner, seen):
        slow_check = Check("slow", "sample", "sample", 1.0, Settings(timeout=5))
        runner.due(slow_check)
        runner.due(slow_check)
        runner.due(check("quick"))
        await until(lambda: len(seen) == 1)
        runner.due(slow_check)
        assert runner.overlaps == 2
        gate.set()
        await until(lambda: len(seen) == 2)


async def test_the_deadline_is_no_answer_and_the_probe_is_cancelled() -> None:
    ended = asyncio.Event()

    async def hang(_: Check) -> Observation:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()
        raise AssertionError("not reached")

    async with running(hang) as (runner, seen):
        runner.due(check())
        await until(lambda: bool(seen))
    assert (seen[0].outcome, seen[0].detail) == (Outcome.NO_ANSWER, "no result within 0.2 s")
    assert ended.is_set()
    assert runner.failures == 0


@pytest.mark.parametrize("bug", [RuntimeError("boom"), TimeoutError("escaped")])
async def test_a_bug_is_unknown_and_logged_and_never_a_target_down(
    bug: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_: Check) -> Observation:
        raise bug

    with caplog.at_level(logging.ERROR):
        async with running(broken) as (runner, seen):
            runner.due(check())
            await until(lambda: bool(seen))
    assert seen[0].outcome is Outcome.UNKNOWN
    assert runner.failures == 1
    assert "Traceback" in caplog.text


async def test_a_type_that_is_not_loaded_is_unknown() -> None:
    async with running(well) as (runner, seen):
        runner.due(Check("a", "x", "nothing", 1.0))
        await until(lambda: bool(seen))
    assert seen[0].outcome is Outcome.UNKNOWN
    assert "'nothing'" in seen[0].detail


async def test_a_full_queue_drops_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.runner._QUEUE_LIMIT", 2)

    async def take(_: Check, __: Observation) -> None: ...

    runner = Runner({}, take)
    for name in "abc":
        runner.due(check(name))
    assert (runner.depth, runner.dropped) == (2, 1)


async def test_what_a_run_saw_is_evidence_for_the_moment_of_asking() -> None:
    async def slow(asked: Check) -> Observation:
        await asyncio.sleep(0.05)
        return await well(asked)

    async with running(slow) as (runner, seen):
        runner.due(check())
        await until(lambda: bool(seen))
        assert seen[0].proven_at is not None
        assert (seen[0].at - seen[0].proven_at).total_seconds() >= 0.04


async def test_what_is_wanted_at_once_is_run_again_after_the_run_under_way_and_only_once() -> None:
    began: list[str] = []
    go = asyncio.Event()

    async def slow(asked: Check) -> Observation:
        began.append(asked.target)
        await go.wait()
        return await well(asked)

    async with running(slow) as (runner, seen):
        runner.at_once(check())
        runner.at_once(check())  # the first has not begun: it will do
        await until(lambda: began == ["a"])
        await asyncio.sleep(0.05)
        assert began == ["a"]
        for _ in range(3):
            runner.at_once(check())  # it may have looked before things changed
        go.set()
        await until(lambda: len(seen) == 2)
        await asyncio.sleep(0.05)
        assert began == ["a", "a"]
        assert runner.overlaps == 0

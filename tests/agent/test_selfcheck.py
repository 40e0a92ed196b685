"""The agent's watch on itself, run on a real loop; the kernel's clocks and systemd's socket are given."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from agent.core.clockwatch import ClockReading
from agent.routewatch import RouteWatch
from agent.sdnotify import Notifier
from agent.selfcheck import SelfCheck, read_clocks
from tests.waiting import until


@asynccontextmanager
async def running(check: SelfCheck) -> AsyncIterator[SelfCheck]:
    """Run a self-check beside a test's body."""
    task = asyncio.create_task(check.run())
    try:
        yield check
    finally:
        check.stop()
        await asyncio.wait_for(task, 10)
        check.notifier.close()


def samples(registry: CollectorRegistry) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Read back what a scrape would give."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


async def test_every_sample_names_the_agent() -> None:
    registry = CollectorRegistry()
    check = SelfCheck("dc1", registry)
    check.watch_queue("events", lambda: 3, 100, lambda: 7)
    check.job_late()
    async with running(check):
        await until(lambda: "linewarden_loop_lag_seconds" in samples(registry))
    found = samples(registry)
    assert all(labels["target"] == "dc1" for rows in found.values() for labels, _ in rows)
    assert found["linewarden_queue_depth"] == [({"target": "dc1", "queue": "events"}, 3.0)]
    assert found["linewarden_queue_capacity"] == [({"target": "dc1", "queue": "events"}, 100.0)]
    assert found["linewarden_queue_dropped_total"] == [({"target": "dc1", "queue": "events"}, 7.0)]
    assert found["linewarden_jobs_late_total"] == [({"target": "dc1"}, 1.0)]
    assert {"process_resident_memory_bytes", "python_info", "python_gc_collections_total"} <= set(found)


async def test_a_blocked_loop_shows_as_lag() -> None:
    registry = CollectorRegistry()
    async with running(SelfCheck("dc1", registry)):
        await asyncio.sleep(0.1)
        time.sleep(0.7)  # noqa: ASYNC251 - the very mistake that is to be seen
        await until(lambda: samples(registry).get("linewarden_loop_lag_seconds", [({}, 0.0)])[0][1] > 0.3)


class Clocks:
    """Clocks that a test can set."""

    def __init__(self) -> None:
        self.stepped = 0.0
        self.slept = 0.0

    def __call__(self) -> ClockReading:
        now = read_clocks()
        boottime = now.boottime_seconds + self.slept
        return ClockReading(now.realtime_seconds + self.slept + self.stepped, now.monotonic_seconds, boottime)


async def test_a_step_and_a_suspend_are_told_apart_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    clocks, registry = Clocks(), CollectorRegistry()
    told: list[tuple[str, float]] = []

    async def step(seconds: float) -> None:
        told.append(("step", seconds))
        raise RuntimeError("a listener's bug")

    async def suspend(seconds: float) -> None:
        told.append(("suspend", seconds))

    with caplog.at_level(logging.WARNING):
        async with running(SelfCheck("dc1", registry, on_clock_step=step, on_suspend=suspend, clocks=clocks)):
            await asyncio.sleep(0.1)
            clocks.stepped = -3600.0
            await until(lambda: len(told) == 1)
            clocks.slept = 900.0
            await until(lambda: len(told) == 2)
    assert [what for what, _ in told] == ["step", "suspend"]
    assert [seconds for _, seconds in told] == pytest.approx([-3600, 900], abs=0.5)
    assert samples(registry)["linewarden_clock_steps_total"][0][1] == 1
    assert samples(registry)["linewarden_suspended_seconds_total"][0][1] == pytest.approx(900, abs=0.5)
    assert "the clock was set by -3600" in caplog.text
    assert "a listener of the self-check failed" in caplog.text


async def test_the_watchdog_is_fed_only_while_everything_moves(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)

        def pings() -> int:
            count = 0
            while True:
                try:
                    count += systemd.recv(4096) == b"WATCHDOG=1"
                except BlockingIOError:
                    return count

        notifier = Notifier(str(tmp_path / "notify"), watchdog_seconds=2.0)
        async with running(SelfCheck("dc1", CollectorRegistry(), notifier=notifier)) as check:
            await until(pings)
            beat = check.watch_beat("pipeline", limit_seconds=1.0)
            await until(check.unhealthy)
            assert "pipeline has not moved" in (check.unhealthy() or "")
            await asyncio.sleep(0.5)  # the tick that knows
            pings()
            await asyncio.sleep(1.2)
            assert pings() == 0, "a ping while the pipeline hangs keeps a dead agent alive"
            beat()
            assert check.unhealthy() is None
            await until(lambda: (beat(), pings())[1])
    assert caplog.text.count("pipeline has not moved") == 1, "said once, not four times a second"
    assert "watchdog will restart" in caplog.text


async def test_a_loop_that_does_not_turn_is_unhealthy(monkeypatch: pytest.MonkeyPatch) -> None:
    check = SelfCheck("dc1", CollectorRegistry())
    assert check.unhealthy() is None
    async with running(check):
        await asyncio.sleep(0.4)
        now = time.monotonic()
        with monkeypatch.context() as patch:
            patch.setattr(time, "monotonic", lambda: now + 60.0)
            assert "has not turned" in (check.unhealthy() or "")


async def test_local_trouble_is_seen_within_a_look(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net/route").write_text("Iface\nlan0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0\n")
    link = tmp_path / "sys/class/net/lan0"
    link.mkdir(parents=True)
    (link / "flags").write_text("0x1003\n")
    (link / "carrier").write_text("1\n")
    check = SelfCheck("dc1", CollectorRegistry(), routes=RouteWatch(tmp_path, tmp_path / "sys"))
    assert await check.local_problem_now("10.0.0.1") is None
    (link / "carrier").write_text("0\n")
    assert check.local_problem("10.0.0.1") is None, "the view is the last one"
    assert await check.local_problem_now("10.0.0.1") == "interface lan0 has no carrier"
    assert check.local_problem("10.0.0.1", bound_to="wan0") == "interface wan0 does not exist"
    (link / "carrier").write_text("1\n")
    async with running(check):
        await until(lambda: check.local_problem("10.0.0.1") is None)
    check.notifier.close()


def test_the_clocks_are_read_together() -> None:
    first, second = read_clocks(), read_clocks()
    assert second.monotonic_seconds >= first.monotonic_seconds
    assert abs((second.realtime_seconds - first.realtime_seconds)
               - (second.monotonic_seconds - first.monotonic_seconds)) < 0.05  # fmt: skip

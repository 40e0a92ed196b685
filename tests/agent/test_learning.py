"""What keeps the proposals in the picture."""

import asyncio
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from agent import learning
from agent.core.learnt import Host, Learner, Learning
from agent.core.model import AdminStatus, Estate, Interface, Neighbour, OperStatus
from agent.core.picture import DevicePoll, Picture
from agent.core.routes import Route
from agent.routewatch import RouteWatch
from tests.core.estates import device, estate

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def poll(*ports: tuple[str, str]) -> DevicePoll:
    interfaces = tuple(
        Interface(n, name, name, AdminStatus.UP, OperStatus.UP, neighbour=Neighbour(system, "1"))
        for n, (name, system) in enumerate(ports)
    )
    return DevicePoll(NOW, True, 0.1, "polled", NOW + timedelta(minutes=3), interfaces=interfaces)


def picture(watched: Estate) -> Picture:
    return Picture(watched, NOW, NOW)


async def learnt(seen: Picture, *routes: Route) -> Learning:
    """Let it look until it has something to propose."""
    task = asyncio.create_task(learning.learn(seen, lambda: routes, look_seconds=0.01))
    try:
        async with asyncio.timeout(60):
            while not seen.learning.proposals:
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
    return seen.learning


async def test_what_polls_say_becomes_a_proposal() -> None:
    seen = picture(estate(device("core"), device("acc")))
    seen.polls["core"] = poll(("Gi1", socket.gethostname()), ("Gi2", "acc"))
    found = await learnt(seen)
    assert [(one.target, one.depends_on) for one in found.proposals] == [("acc", "core")]


async def test_routes_are_looked_at() -> None:
    seen = picture(estate(*(replace(device(n), address=a) for n, a in (("gw", "192.0.2.1"), ("sw", "198.51.100.1")))))
    found = await learnt(seen, Route(IPv4Network("0.0.0.0/0"), "eth0", "192.0.2.1", 0))
    assert [(one.target, one.depends_on) for one in found.proposals] == [("sw", "gw")]


async def test_a_bug_is_logged_and_the_next_look_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failing = [True]
    look = Learner.look

    def sometimes(self: Learner, watched: Estate, polls: dict[str, DevicePoll], host: Host, now: datetime) -> Learning:
        if failing:
            failing.clear()
            raise RuntimeError("a bug")
        return look(self, watched, polls, host, now)

    monkeypatch.setattr(Learner, "look", sometimes)
    seen = picture(estate(device("core"), device("acc")))
    seen.polls["core"] = poll(("Gi1", socket.gethostname()), ("Gi2", "acc"))
    assert (await learnt(seen)).proposals
    assert "could not be learnt" in caplog.text


def test_the_routing_table_is_that_of_the_last_look(tmp_path: Path) -> None:
    watch = RouteWatch(tmp_path, tmp_path)
    assert watch.routes == ()
    watch.take(watch.read())
    assert watch.routes == ()
    real = RouteWatch()
    real.take(real.read())
    assert all(isinstance(route, Route) for route in real.routes)

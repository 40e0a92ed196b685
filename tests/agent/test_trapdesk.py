"""What the desk asks for because of traps: at once, not too often, never forgotten; and who is said to be known."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from agent import trapdesk
from agent.core.model import Check, Estate, Role, Target
from agent.core.picture import Picture
from agent.core.ports import TrapSetup
from agent.core.traps import BURST_GAP_SECONDS, POLL_GAP_SECONDS, Sender, Trap, TrapKind
from agent.trapdesk import KnownSenders, TrapDesk, resolved
from tests.waiting import until

AT = datetime(2026, 3, 1, tzinfo=UTC)
DOWN = Trap("10.0.0.1", ("ra",), "v2c", TrapKind.LINK_DOWN, "1.3.6.1.6.3.1.1.5.3", AT, names=("wan1",))


@dataclass(frozen=True)
class Asked:
    address: str
    auth: str = "public"


def device(name: str, address: str) -> Target:
    checks = tuple(Check(name, kind, kind, 60, Asked(address)) for kind in ("icmp", "snmp"))
    return Target(name, Role.DEVICE, "router", name, address=address, checks=checks)


def picture(*devices: Target) -> Picture:
    circuit = Target("a-b", Role.CIRCUIT, "circuit", "a-b", checks=(
        Check("a-b", "icmp", "icmp", 1), Check("a-b", "end:ra/wan1", "end", 60, source=("ra", "wan1")),
    ))  # fmt: skip
    targets = devices or (device("ra", "10.0.0.1"), device("rb", "10.0.0.2"))
    return Picture(Estate("dc1", {target.name: target for target in (*targets, circuit)}), AT, AT)


class Desk:
    def __init__(self) -> None:
        self.now = 100.0
        self.asked: list[str] = []
        self.picture = picture()
        self.desk = TrapDesk(
            self.picture,
            poll=lambda check: self.asked.append(f"poll {check.target}"),
            burst=lambda check: self.asked.append(f"burst {check.target}"),
            clock=lambda: self.now,
        )

    def take(self) -> list[str]:
        taken, self.asked = self.asked, []
        return taken


def test_a_trap_leads_to_a_poll_and_bursts_at_once_and_the_next_ones_wait() -> None:
    desk = Desk()
    desk.desk.take(DOWN)
    assert desk.take() == ["poll ra", "burst ra", "burst a-b"]
    for _ in range(1000):
        desk.desk.take(replace(DOWN, kind=TrapKind.LINK_UP))
    assert desk.take() == []
    desk.desk.take(replace(DOWN, devices=("rb",)))
    assert desk.take() == ["poll rb", "burst rb"]
    desk.now += BURST_GAP_SECONDS
    desk.desk.catch_up()
    assert sorted(desk.take()) == ["burst a-b", "burst ra"]
    desk.now += POLL_GAP_SECONDS - BURST_GAP_SECONDS
    desk.desk.catch_up()
    assert desk.take() == ["poll ra"]
    desk.now += 60
    desk.desk.catch_up()
    assert desk.take() == []
    assert (desk.desk.polls, desk.desk.bursts, desk.desk.put_off) == (3, 5, 3000)


def test_what_was_removed_meanwhile_is_not_asked() -> None:
    desk = Desk()
    desk.desk.take(DOWN)
    desk.desk.take(DOWN)
    desk.take()
    desk.picture.estate = picture(device("rb", "10.0.0.2")).estate
    desk.now += 60
    desk.desk.catch_up()
    assert desk.take() == ["burst a-b"]
    desk.desk.take(DOWN)
    assert "poll ra" not in desk.take()


def test_other_traps_lead_to_nothing() -> None:
    desk = Desk()
    desk.desk.take(replace(DOWN, kind=TrapKind.OTHER))
    desk.desk.take(replace(DOWN, kind=TrapKind.AUTHENTICATION_FAILURE))
    assert desk.take() == []


def test_a_trap_that_was_taken_leaves_a_line(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    with caplog.at_level(logging.INFO):
        desk.desk.take(DOWN)
        desk.desk.take(replace(DOWN, kind=TrapKind.AUTHENTICATION_FAILURE, names=()))
    assert caplog.messages == [
        "linkDown from ra (v2c) of wan1: looked at now",
        "authenticationFailure from ra (v2c): leads to nothing",
    ]


class Source:
    """A source of traps for tests."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Trap] = asyncio.Queue()
        self.known: list[Mapping[str, Sender]] = []

    async def configure(self, setup: TrapSetup) -> None: ...

    def know(self, senders: Mapping[str, Sender]) -> None:
        self.known.append(senders)

    async def __aiter__(self) -> AsyncIterator[Trap]:
        while True:
            yield await self.queue.get()

    async def close(self) -> None: ...


@asynccontextmanager
async def running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_waits_is_asked_for_when_its_time_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trapdesk, "POLL_GAP_SECONDS", 0.05)
    monkeypatch.setattr(trapdesk, "BURST_GAP_SECONDS", 0.02)
    asked: list[str] = []
    desk = TrapDesk(picture(), poll=lambda check: asked.append(f"poll {check.target}"), burst=lambda _: None)
    source = Source()
    async with running(desk.run(source)):
        for _ in range(100):
            source.queue.put_nowait(DOWN)
        await until(lambda: asked == ["poll ra", "poll ra"])
        await until(lambda: desk.bursts == 4)


async def test_a_bug_with_one_trap_does_not_end_the_hearing(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[str] = []

    def poll(check: Check) -> None:
        asked.append(check.target)
        if check.target == "ra":
            raise ZeroDivisionError

    source = Source()
    desk = TrapDesk(picture(), poll=poll, burst=lambda _: None)
    with caplog.at_level(logging.ERROR):
        async with running(desk.run(source)):
            source.queue.put_nowait(DOWN)
            source.queue.put_nowait(replace(DOWN, devices=("rb",)))
            await until(lambda: asked == ["ra", "rb"])
    assert "a trap from 10.0.0.1 failed" in caplog.text


async def test_senders_are_known_at_once_and_names_when_they_are_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: dict[str, tuple[str, ...]] = {}

    async def look_up(names: list[str]) -> Mapping[str, tuple[str, ...]]:
        return {name: answers[name] for name in names if name in answers}

    monkeypatch.setattr(trapdesk, "resolved", look_up)
    shown = picture(device("ra", "10.0.0.1"), device("rb", "rb.example"))
    source = Source()
    known = KnownSenders(source, shown)
    async with running(known.run()):
        await until(lambda: len(source.known) == 2)
        assert [list(senders) for senders in source.known] == [["10.0.0.1"], ["10.0.0.1"]]
        answers["rb.example"] = ("10.0.0.2",)
        known.changed()
        await until(lambda: len(source.known) == 4)
        assert list(source.known[-1]) == ["10.0.0.1", "10.0.0.2"]
        answers.clear()  # the name server fails: who was known stays known
        known.changed()
        await until(lambda: len(source.known) == 6)
        assert list(source.known[-1]) == ["10.0.0.1", "10.0.0.2"]
        shown.estate = picture(device("rc", "10.0.0.3")).estate
        known.changed()
        await until(lambda: len(source.known) == 7)
        assert list(source.known[-1]) == ["10.0.0.3"]


async def test_names_are_resolved_and_one_that_has_no_address_is_left_out() -> None:
    found = await resolved(["localhost", "no-such-name.invalid", "a" * 300])
    assert list(found) == ["localhost"]
    assert "127.0.0.1" in found["localhost"]

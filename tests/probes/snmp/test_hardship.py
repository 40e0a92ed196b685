"""Large, slow and lossy devices, and many hostile ones beside good ones: what is counted is what was read, not time."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack

import pytest

from agent.core.model import Check, Observation, Outcome, SnmpAuth
from agent.core.ports import Resources
from probes.snmp import ber
from probes.snmp.ber import ErrorStatus, Message, Pdu, Tag, Value
from probes.snmp.probe import Probe, Settings
from probes.snmp.walk import MAX_VARBINDS
from tests.probes.snmp.agents import Answer, Mib, Table, UdpAgent, serving, silent, switch

MANY = 20_000
IF_COLUMNS = (*range(1, 6), 7, 8, *range(10, 22))
IFX_COLUMNS = (1, *range(2, 16), 17, 18, 19)


@pytest.fixture
async def probe() -> AsyncIterator[Probe]:
    made = Probe(Resources(auths={"v2": SnmpAuth("v2")}))
    yield made
    await made.close()


async def polled(probe: Probe, agent: UdpAgent, name: str = "sw1", **settings: object) -> Observation:
    patient = {"timeout": "300s", "request_timeout": "30s", "modules": ["system", "if_mib"]}
    values = {"address": "127.0.0.1", "auth": "v2", "port": agent.port, **patient, **settings}
    return await probe.run(Check(name, "snmp", "snmp", 60.0, Settings.model_validate(values)))


# ------------------------------------------------------------------ large


def interfaces_of_an_access_router() -> dict[str, Callable[[int], tuple[int, Value]]]:
    columns: dict[str, Callable[[int], tuple[int, Value]]] = {}
    for number in IF_COLUMNS:
        columns[f"1.3.6.1.2.1.2.2.1.{number}"] = lambda row: (Tag.COUNTER32, row)
    for number in IFX_COLUMNS:
        columns[f"1.3.6.1.2.1.31.1.1.1.{number}"] = lambda row: (Tag.COUNTER64, row)
    columns["1.3.6.1.2.1.2.2.1.2"] = lambda row: (Tag.OCTET_STRING, b"Virtual-Access%d" % row)
    columns["1.3.6.1.2.1.31.1.1.1.1"] = lambda row: (Tag.OCTET_STRING, b"Vi%d" % row)
    columns["1.3.6.1.2.1.31.1.1.1.18"] = lambda row: (Tag.OCTET_STRING, b"")
    for column in (7, 8):
        columns[f"1.3.6.1.2.1.2.2.1.{column}"] = lambda row: (Tag.INTEGER, 1 + row % 2)
    return columns


@pytest.mark.timeout(600)
async def test_20000_interfaces_are_read_as_far_as_the_limit_and_marked(probe: Probe) -> None:
    with UdpAgent(Table(interfaces_of_an_access_router(), MANY).answer) as agent:
        seen = await polled(probe, agent)
    assert (seen.outcome, seen.complete) == (Outcome.OK, False)
    assert MAX_VARBINDS <= dict(seen.values)["varbinds"] < MAX_VARBINDS + 100
    assert "incomplete: more than expected: stopped after 250000 objects in " in seen.detail
    assert seen.detail.endswith("; `max_objects` sets how many are read")
    assert len(seen.interfaces) == MANY
    assert sum(interface.oper is not None for interface in seen.interfaces) == MANY
    assert seen.series is not None
    assert len(seen.series) > 150_000


@pytest.mark.soak
@pytest.mark.timeout(1200)
async def test_20000_interfaces_are_read_whole_where_the_configuration_allows_it(probe: Probe) -> None:
    with UdpAgent(Table(interfaces_of_an_access_router(), MANY).answer) as agent:
        seen = await polled(probe, agent, max_objects=1_000_000, timeout="600s")
    assert (seen.outcome, seen.complete) == (Outcome.OK, True), seen.detail
    assert {interface.name for interface in seen.interfaces} == {f"Vi{row}" for row in range(1, MANY + 1)}
    assert seen.series is not None
    ends = {family.name: family.values[-1] for family in seen.series.families if family.name.startswith("ifHC")}
    assert len(ends) == 8
    assert set(ends.values()) == {MANY}


# ------------------------------------------------------------------ slow and lossy


async def test_answers_after_five_seconds_are_waited_for(probe: Probe) -> None:
    """As configured by default: three tries of two seconds; the answer to the first counts when it comes."""
    mib, tried = Mib(switch(1)), threading.Event()

    def answer(request: Message, data: bytes) -> list[bytes]:
        if len([other for other in agent.requests if other.request_id == request.request_id]) > 1:
            return []  # busy with the first
        if not tried.is_set():
            tried.set()
            time.sleep(5)
        return mib.answer(request)

    with UdpAgent(answer) as agent:
        seen = await polled(probe, agent, modules=["system"], timeout="20s", request_timeout=None)
    assert (seen.outcome, seen.complete) == (Outcome.OK, True), seen.detail
    assert probe.counters.retransmissions >= 2
    assert dict(seen.values)["first_answer_seconds"] >= 5


async def test_a_device_that_is_too_slow_for_its_timeout_gives_what_it_had_time_for(probe: Probe) -> None:
    mib = Mib(switch(48))

    def answer(request: Message, data: bytes) -> list[bytes]:
        time.sleep(0.1)
        return mib.answer(request)

    with UdpAgent(answer) as agent:
        seen = await polled(probe, agent, timeout="3s", request_timeout=None)
    assert (seen.outcome, seen.complete, seen.confirmed) == (Outcome.OK, False, True)
    assert "incomplete: stopped at its timeout of 3 s at 1.3.6.1.2.1.2.2.1." in seen.detail
    assert 0 < len(seen.interfaces) <= 48
    assert {fact.name for fact in seen.facts} >= {"system_name", "uptime_seconds"}
    assert seen.series is not None
    assert len(seen.series) > 20


async def test_a_loss_of_a_third_costs_time_and_no_row(probe: Probe) -> None:
    mib, count = Mib(switch(10)), 0

    def answer(request: Message, data: bytes) -> list[bytes]:
        nonlocal count
        count += 1
        return [] if count % 3 == 0 else mib.answer(request)

    with UdpAgent(answer) as agent:
        seen = await polled(probe, agent, request_timeout="100ms", retries=5)
    assert (seen.outcome, seen.complete) == (Outcome.OK, True), seen.detail
    assert [interface.index for interface in seen.interfaces] == list(range(1, 11))
    assert (
        len({family.name for family in seen.series.families if family.name.startswith("ifHC")} if seen.series else ())
        == 8
    )
    assert probe.counters.retransmissions >= count // 3 - 1 > 3


async def test_a_loss_that_leaves_no_time_makes_the_poll_incomplete(probe: Probe) -> None:
    mib, count = Mib(switch(48)), 0

    def answer(request: Message, data: bytes) -> list[bytes]:
        nonlocal count
        count += 1
        return [] if count % 3 == 0 else mib.answer(request)

    with UdpAgent(answer) as agent:
        seen = await polled(probe, agent, timeout="4s", request_timeout="1s", retries=2)
    assert (seen.outcome, seen.complete) == (Outcome.OK, False), seen.detail
    assert "incomplete: stopped at its timeout of 4 s at 1.3.6.1.2.1.2.2.1." in seen.detail
    assert seen.interfaces != ()


# ------------------------------------------------------------------ many hostile ones, a few good ones


def hostile() -> dict[str, Callable[[], Answer]]:
    """Return ways of being hostile, each made anew for every agent."""
    big = {f"1.3.6.1.2.1.2.2.1.2.{row}": (int(Tag.OCTET_STRING), bytes(2500)) for row in range(1, 200)}
    small = Mib(switch(20))

    def after(sound: Callable[[Message, bytes], list[bytes]]) -> Answer:
        """Answer single objects honestly, so that the walk begins."""
        return lambda request, data: small.answer(request) if request.pdu == Pdu.GET else sound(request, data)

    def slow(request: Message, data: bytes) -> list[bytes]:
        time.sleep(0.7)
        return small.answer(request)

    def one_by_one() -> Answer:
        rows = iter(range(1, 1 << 30))
        return after(lambda request, data: [
            ber.encode_response(request, [(ber.encode_oid(f"1.3.6.1.2.1.2.2.1.2.{next(rows)}"), Tag.INTEGER, 1)])
        ])  # fmt: skip

    return {
        "silent": lambda: silent,
        "slow": lambda: slow,
        "garbage": lambda: lambda request, data: [b"\x30\x84\xff\xff\xff\xff", data, b"", bytes(1400)] * 5,
        "silent in walks": lambda: after(silent),
        "large answers": lambda: after(Mib(big).answer),
        "the smallest rows in the largest answers": lambda: after(
            lambda request, data: [ber.encode_response(request, [(b"\x2b", Tag.NULL, None)] * 9000)]
        ),
        "endless rows, one by one": one_by_one,
        "the same for ever": lambda: after(
            lambda request, data: [ber.encode_response(request, [(request.varbinds[0][0] + b"\x01", Tag.INTEGER, 1)])]
        ),
        "too big for ever": lambda: after(
            lambda request, data: [ber.encode_response(request, [], ErrorStatus.tooBig, 0)]
        ),
        "each answer twenty times": lambda: lambda request, data: small.answer(request) * 20,
    }  # fmt: skip


@pytest.mark.timeout(600)
async def test_fifty_hostile_and_slow_agents_do_not_delay_five_good_ones(probe: Probe) -> None:
    with ExitStack() as running:
        kinds = hostile()
        bad = {
            f"{kind} {number}": running.enter_context(UdpAgent(made()))
            for kind, made in kinds.items()
            for number in range(5)
        }
        good = [running.enter_context(serving(switch(48))) for _ in range(5)]
        against = [
            asyncio.create_task(polled(probe, agent, name, request_timeout="250s"), name=name)
            for name, agent in bad.items()
        ]
        await asyncio.sleep(0.05)  # the hostile ones are first
        for number in range(3):
            seen = await asyncio.gather(*[polled(probe, agent, f"good{n}") for n, agent in enumerate(good)])
            for one in seen:
                assert (one.outcome, one.complete, len(one.interfaces)) == (Outcome.OK, True, 48), (number, one.detail)
        under_way = {task.get_name().rsplit(" ", 1)[0] for task in against if not task.done()}
        # the good ones were polled three times while these had not even ended one try
        assert {"silent", "garbage", "silent in walks"} <= under_way
        assert probe.counters.timeouts == 0
        ended = [task.result() for task in against if task.done()]
        assert {observation.outcome for observation in ended} <= {Outcome.OK, Outcome.BAD_ANSWER}
        for task in against:
            task.cancel()
        await asyncio.gather(*against, return_exceptions=True)
    assert probe._client is not None
    assert (probe._client._pending, probe._client._in_flight, len(probe._client._waiting)) == ({}, 0, 0)


async def test_a_site_that_is_dark_does_not_delay_the_others(probe: Probe) -> None:
    """Ten times as many silent devices as may be asked at once; none of them has ended its first try."""
    with UdpAgent(silent) as dark, serving(switch(4)) as good:
        lost = [asyncio.create_task(polled(probe, dark, f"dark{n}", request_timeout="200s")) for n in range(1000)]
        await asyncio.sleep(0)
        seen = await polled(probe, good)
        assert (seen.outcome, seen.complete) == (Outcome.OK, True)
        assert probe.counters.timeouts == 0
        for task in lost:
            task.cancel()
        await asyncio.gather(*lost, return_exceptions=True)

"""One scrape: what it answers, what it asks, and what is an error."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from agent.core.series import SeriesBlock
from probes.snmp.ber import Message, Pdu, Tag, Version
from probes.snmp.client import Session, SnmpClient
from probes.snmp.language import Filter, Index, Metric, Module
from probes.snmp.oid import encode_oid
from probes.snmp.scrape import ScrapeError, Scraper
from tests.lab.snmpd import Snmpd
from tests.probes.snmp.agents import Mib, UdpAgent, serving, silent, switch

ROOT = "1.3.6.1.4.1.9"
ROW = (Index("row", "gauge"),)
OBJECTS = {f"{ROOT}.{column}.{row}": (int(Tag.INTEGER), 10 * column + row) for column in (1, 2) for row in (1, 2, 3)}


def module(name: str = "own", **more: object) -> Module:
    metrics = tuple(Metric(f"{name}{n}", encode_oid(f"{ROOT}.{n}"), "gauge", "A number.", ROW) for n in (1, 2))
    return Module(name, **{"walk": (encode_oid(ROOT),), "metrics": metrics, "timeout_seconds": 5.0, **more})  # type: ignore[arg-type]


@pytest.fixture
async def client() -> AsyncIterator[SnmpClient]:
    client = SnmpClient()
    yield client
    client.close()


async def session(client: SnmpClient, agent: UdpAgent, version: int = Version.V2C) -> Session:
    return Session(await client.resolve("127.0.0.1", agent.port), version, b"public", timeout_seconds=60, retries=0)


def values(block: SeriesBlock, *, durations: bool = False) -> dict[str, float]:
    return {
        prefix: value
        for family in block.families
        if durations or "duration" not in family.name
        for prefix, value in zip(family.prefixes, family.values.tolist(), strict=True)
    }


async def test_a_scrape_of_two_modules(client: SnmpClient) -> None:
    now = iter(range(0, 100, 3))
    with serving(OBJECTS) as agent:
        scraper = Scraper(client, clock=lambda: float(next(now)))
        asking = await session(client, agent)
        modules = [module(), module("more", get=(encode_oid(f"{ROOT}.2.2"),), walk=())]
        first = await scraper.scrape(asking, modules)
        again = await scraper.scrape(asking, modules)
    assert [family.name for family in first.families] == sorted(family.name for family in first.families)
    assert values(first) == {
        'own1{row="1"}': 11, 'own1{row="2"}': 12, 'own1{row="3"}': 13,
        'own2{row="1"}': 21, 'own2{row="2"}': 22, 'own2{row="3"}': 23,
        'more2{row="2"}': 22,
        'snmp_scrape_packets_retried{module="own"}': 0, 'snmp_scrape_packets_retried{module="more"}': 0,
        'snmp_scrape_packets_sent{module="own"}': 1, 'snmp_scrape_packets_sent{module="more"}': 1,
        'snmp_scrape_pdus_returned{module="own"}': 6, 'snmp_scrape_pdus_returned{module="more"}': 1,
    }  # fmt: skip
    seconds = {prefix: value for prefix, value in values(first, durations=True).items() if "duration" in prefix}
    assert seconds == {
        f'snmp_scrape{what}_duration_seconds{{module="{name}"}}': value
        for what, value in (("_walk", 3.0), ("", 6.0))
        for name in ("own", "more")
    }
    kept = {family.name: family for family in again.families}
    assert kept["own1"].prefixes is next(family for family in first.families if family.name == "own1").prefixes


async def test_a_lost_packet_is_asked_for_again_and_counted_and_a_module_says_how_often(client: SnmpClient) -> None:
    mib, seen = Mib(OBJECTS), []

    def forgetful(request: Message, data: bytes) -> list[bytes]:
        seen.append(request)
        return [] if len(seen) == 1 else mib.answer(request)

    with UdpAgent(forgetful) as agent:
        asking = await session(client, agent)
        block = await Scraper(client).scrape(asking, [module(timeout_seconds=0.2, retries=50)])
        sent = values(block)['snmp_scrape_packets_sent{module="own"}']
        assert sent == len(agent.requests) >= 2
        assert values(block)['snmp_scrape_packets_retried{module="own"}'] == sent - 1
        agent.answer = silent
        with pytest.raises(ScrapeError, match=r"module own: no answer from 127.0.0.1:\d+ after 1 try") as caught:
            await Scraper(client).scrape(asking, [module(timeout_seconds=0.1, retries=0)])
    assert caught.value.module == "own"


async def test_the_modules_own_repetitions_and_version_1(client: SnmpClient) -> None:
    gets = tuple(encode_oid(f"{ROOT}.{column}.{row}") for column in (1, 2, 3) for row in (1, 2, 3))
    with serving(OBJECTS) as agent:
        two = await session(client, agent)
        await Scraper(client).scrape(two, [module(get=gets, max_repetitions=2)])
        asked = [(request.pdu, len(request.varbinds), request.max_repetitions) for request in agent.requests]
        assert asked[:5] == [(Pdu.GET, count, 0) for count in (2, 2, 2, 2, 1)]
        assert asked[5:] == [(Pdu.GETBULK, 1, 2)] * 4
        agent.requests.clear()
        await Scraper(client).scrape(two, [module(get=gets, max_repetitions=0)])
        asked = [(request.pdu, len(request.varbinds), request.max_repetitions) for request in agent.requests]
        assert asked == [*[(Pdu.GET, 1, 0)] * 9, (Pdu.GETBULK, 1, 50)]
        agent.requests.clear()
        block = await Scraper(client).scrape(await session(client, agent, Version.V1), [module(get=gets)])
        assert [(request.pdu, len(request.varbinds)) for request in agent.requests] == [
            *[(Pdu.GET, 1)] * 9, *[(Pdu.GETNEXT, 1)] * 7,
        ]  # fmt: skip
        assert values(block)['snmp_scrape_pdus_returned{module="own"}'] == 12  # six of them twice


async def test_answers_from_another_address_are_taken_where_a_module_says_so(client: SnmpClient) -> None:
    import socket

    mib = Mib(OBJECTS)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))

        def elsewhere(request: Message, data: bytes) -> list[bytes]:
            for datagram in mib.answer(request):
                other.sendto(datagram, agent.sender)
            return []

        with UdpAgent(elsewhere) as agent:
            asking = await session(client, agent)
            taking = module("taking", use_unconnected_udp_socket=True)
            assert 'taking1{row="1"}' in values(await Scraper(client).scrape(asking, [taking, module()]))
            with pytest.raises(ScrapeError):
                await Scraper(client).scrape(asking, [module(timeout_seconds=0.1, retries=0)])


async def test_a_device_of_too_many_objects(client: SnmpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.snmp.scrape.MAX_VARBINDS", 10)
    twice = (encode_oid(ROOT), encode_oid(f"{ROOT}.1"), encode_oid(f"{ROOT}.2"))
    with serving(OBJECTS) as agent, pytest.raises(ScrapeError, match="module own: more than 10 objects"):
        await Scraper(client).scrape(await session(client, agent), [module(walk=twice)])


async def test_what_is_kept_between_scrapes_is_bounded(client: SnmpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.snmp.scrape.MAX_KEPT", 17)  # two modules of six objects and two metrics
    modules = [module(name) for name in ("a", "b", "c")]

    async def prefixes(scraper: Scraper, number: int) -> object:
        block = await scraper.scrape(asking, [modules[number]])
        return block.families[0].prefixes

    with serving(OBJECTS) as agent:
        asking = await session(client, agent)
        scraper = Scraper(client)
        first = [await prefixes(scraper, number) for number in (0, 1, 1, 2)]
        assert first[1] is first[2]
        assert await prefixes(scraper, 1) is first[1]
        assert await prefixes(scraper, 2) is first[3]
        assert await prefixes(scraper, 0) is not first[0]
        assert await prefixes(scraper, 1) is not first[1]


async def test_filters_choose_rows(client: SnmpClient) -> None:
    import re

    rule = Filter(encode_oid(f"{ROOT}.2"), (encode_oid(f"{ROOT}.1"),), (re.compile("1$"), re.compile("^23")))
    walks = (encode_oid(f"{ROOT}.1"), encode_oid(f"{ROOT}.2"))
    with serving(OBJECTS) as agent:
        asking = await session(client, agent)
        block = await Scraper(client).scrape(
            asking, [module(walk=walks, get=(encode_oid(f"{ROOT}.1.2"), encode_oid(f"{ROOT}.2.1")), filters=(rule,))]
        )
        assert [prefix for prefix in values(block) if prefix.startswith("own1")] == ['own1{row="1"}', 'own1{row="3"}']
        # the target is not walked, and of its rows that were to be got only the chosen ones are
        assert [request.pdu for request in agent.requests] == [Pdu.GETBULK, Pdu.GET, Pdu.GETBULK]
        broken = Filter(encode_oid(f"{ROOT}.3"), (encode_oid(f"{ROOT}.1"),), ())
        mib = agent.answer

        def endless(request: Message, data: bytes) -> list[bytes]:
            if request.varbinds[0][0].startswith(encode_oid(f"{ROOT}.3")):
                return Mib({f"{ROOT}.3.5": (Tag.INTEGER, 5)}).answer(
                    request._replace(pdu=Pdu.GET, varbinds=[(encode_oid(f"{ROOT}.3.5"), Tag.NULL, None)])
                )
            return mib(request, data)

        agent.answer = endless
        block = await Scraper(client).scrape(asking, [module(walk=walks, filters=(broken,))])
        assert len([prefix for prefix in values(block) if prefix.startswith("own1")]) == 3  # nothing is filtered


async def test_modules_that_do_not_go_together_and_devices_that_give_no_valid_exposition(client: SnmpClient) -> None:
    twice = Module("twice", (encode_oid(ROOT),), metrics=(Metric("x", encode_oid(f"{ROOT}.1"), "gauge", "No rows."),))
    with serving(OBJECTS) as agent:
        asking = await session(client, agent)
        scraper = Scraper(client)
        with pytest.raises(ScrapeError, match=r"^module twice: two samples of x$"):
            await scraper.scrape(asking, [twice])
        same = module()
        with pytest.raises(ScrapeError, match=r'^two samples of own1\{row="1"}$') as caught:
            await scraper.scrape(asking, [same, Module("other", same.walk, metrics=same.metrics)])
        assert caught.value.module == ""


async def test_changed_definitions_are_not_rendered_by_those_of_before(client: SnmpClient) -> None:
    with serving(OBJECTS) as agent:
        asking = await session(client, agent)
        scraper = Scraper(client)
        await scraper.scrape(asking, [module()])
        renamed = Module(
            "own", (encode_oid(ROOT),), metrics=(Metric("new", encode_oid(f"{ROOT}.2"), "gauge", "", ROW),)
        )
        assert 'new{row="1"}' in values(await scraper.scrape(asking, [renamed]))


async def test_broken_answers_are_series_or_the_one_error(client: SnmpClient) -> None:
    import random

    mib, chance = Mib(OBJECTS), random.Random("broken")

    def broken(request: Message, data: bytes) -> list[bytes]:
        (answer,) = mib.answer(request)
        place = chance.randrange(len(answer))
        return [answer[:place] + bytes((chance.randrange(256),)) + answer[place + chance.randrange(2) :]]

    asked, failed = module(timeout_seconds=0.05, retries=0, get=(encode_oid(f"{ROOT}.1.1"),)), 0
    with UdpAgent(broken) as agent:
        for _ in range(40):
            try:
                await Scraper(client).scrape(await session(client, agent), [asked])
            except ScrapeError:
                failed += 1
    assert failed


async def test_a_large_device_twice_at_once(client: SnmpClient) -> None:
    from probes.snmp.modules import ModuleLibrary

    ports = 120
    with serving(switch(ports)) as agent:
        asking = await session(client, agent)
        scraper = Scraper(client)
        if_mib = [ModuleLibrary().get("if_mib")]
        one, other = await asyncio.gather(scraper.scrape(asking, if_mib), scraper.scrape(asking, if_mib))
    assert values(one) == values(other)
    assert values(one)['snmp_scrape_pdus_returned{module="if_mib"}'] > 2000
    assert len([prefix for prefix in values(one) if prefix.startswith("ifHCInOctets")]) == ports


async def test_a_real_agent(client: SnmpClient, daemon: Snmpd) -> None:
    from probes.snmp.modules import ModuleLibrary

    for version in (Version.V1, Version.V2C):
        asking = Session(await client.resolve("127.0.0.1", daemon.port), version, daemon.community.encode())
        library = ModuleLibrary()
        block = await Scraper(client).scrape(asking, [library.get("system"), library.get("if_mib")])
        found = values(block)
        assert 'sysName{sysName="lab-agent"}' in found
        assert found['ifOperStatus{ifAlias="",ifDescr="lo",ifIndex="1",ifName="lo"}'] == 1
        assert 'snmp_scrape_packets_sent{module="if_mib"}' in found

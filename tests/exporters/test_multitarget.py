"""`/snmp` over real HTTP, with a fake in place of what polls: statuses, refusals, bounds, counts."""

import asyncio
import gzip
import logging
import random
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from urllib.parse import quote

import aiohttp
import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from yarl import URL

from agent.core.ondemand import CollectionFailed, Offer, SnmpQuery, UnknownName
from agent.core.permission import Address, Permission
from agent.core.series import Family, SeriesBlock
from exporters import multitarget
from exporters.exposition import CONTENT_TYPE
from exporters.multitarget import MAX_AT_ONCE, MAX_SECONDS, TIMEOUT_HEADER, Source, patience_seconds
from tests.exporters.pictures import healthy
from tests.exporters.serving import asking, serving
from tests.exporters.strict import parse
from tests.waiting import until

BLOCK = SeriesBlock((Family("sysUpTime", "gauge", "Time.", ("sysUpTime",), np.array([12.0])),))
TEXT = "# HELP sysUpTime Time.\n# TYPE sysUpTime gauge\nsysUpTime 12\n"
PREAMBLE = 'An error has occurred while serving metrics:\n\nerror collecting metric Desc{fqName: "snmp_error", '
IN_FLIGHT = ("linewarden_multitarget_scrapes_in_flight", {"endpoint": "/snmp"})
OFFER = Offer(
    Permission((ip_network("10.0.0.0/8"),), frozenset({"listed"}), frozenset({"public_v2"})),
    frozenset({"public_v2", "core_v3"}),
    frozenset({"if_mib", "system"}),
)


@dataclass
class Scraper:
    """Answers at once, or raises, or waits until it is let go; remembers what it was asked."""

    error: Exception | None = None
    gate: asyncio.Event | None = None
    asked: list[SnmpQuery] = field(default_factory=list)
    cancelled: int = 0

    async def scrape(self, query: SnmpQuery) -> SeriesBlock:
        self.asked.append(query)
        try:
            if self.gate is not None:
                await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return BLOCK


@dataclass
class Names:
    """A name server, and how often it was asked."""

    found: Sequence[str] = ()
    error: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def __call__(self, name: str) -> Sequence[Address]:
        self.asked.append(name)
        if self.error is not None:
            raise self.error
        return [ip_address(text) for text in self.found]


@asynccontextmanager
async def asking_snmp(
    scraper: Scraper,
    offer: Offer | Callable[[], Offer] = OFFER,
    registry: CollectorRegistry | None = None,
    *,
    names: Callable[[str], Sequence[Address]] = multitarget.look_up,
    raw: bool = False,
) -> AsyncIterator[aiohttp.ClientSession]:
    source = Source(scraper, offer if callable(offer) else lambda: offer, names)
    async with (
        serving(healthy(datetime.now(UTC)), registry=registry, on_demand=source) as server,
        asking(server, raw=raw) as client,
    ):
        yield client


async def ask(client: aiohttp.ClientSession, query: str, **headers: str) -> tuple[int, str]:
    async with client.get(f"/snmp?{query}", headers=headers) as answer:
        return answer.status, await answer.text()


async def test_a_device_is_asked_as_the_query_says() -> None:
    scraper = Scraper()
    async with asking_snmp(scraper) as client:
        query = "target=10.0.0.1:1161&module=system,if_mib&module=system&snmp_context=vlan%2010&snmp_engineid=80"
        async with client.get(f"/snmp?{query}", headers={TIMEOUT_HEADER: "10"}) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"] == CONTENT_TYPE
            assert await answer.text() == TEXT
        assert await ask(client, "target=10.0.0.1") == (200, TEXT)
    first, second = scraper.asked
    assert (first.target, first.address, first.port) == ("10.0.0.1:1161", ip_address("10.0.0.1"), 1161)
    assert (first.modules, first.auth, first.context, first.engine_id) == (
        ("system", "if_mib"), "public_v2", "vlan 10", "80",
    )  # fmt: skip
    assert 0 < first.timeout_seconds <= 9.5
    assert (second.modules, second.port) == (("if_mib",), 161)
    assert 9.5 < second.timeout_seconds <= MAX_SECONDS


async def test_compressed_is_the_same_text() -> None:
    async with asking_snmp(Scraper(), raw=True) as client:
        async with client.get("/snmp?target=10.0.0.1", headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert gzip.decompress(await answer.read()).decode() == TEXT
        async with client.get("/snmp?target=10.0.0.1", headers={"Accept-Encoding": "identity"}) as answer:
            assert "Content-Encoding" not in answer.headers
        async with client.head("/snmp?target=10.0.0.1") as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ("", 400, "'target' parameter must be specified once\n"),
        ("target=", 400, "'target' parameter must be specified once\n"),
        ("target=10.0.0.1&target=10.0.0.1", 400, "'target' parameter must be specified once\n"),
        ("target=10.0.0.1&auth=a&auth=a", 400, "'auth' parameter must only be specified once\n"),
        ("target=10.0.0.1&module=,", 400, "'module' parameter must contain at least one module name\n"),
        ("target=10.0.0.1&module=nope", 400, "Unknown module 'nope'\n"),
        ("target=10.0.0.1&module=system,nope", 400, "Unknown module 'nope'\n"),
        ("target=10.0.0.1&auth=nope&module=nope", 400, "Unknown auth 'nope'\n"),
    ],
)
async def test_queries_that_are_wrong(query: str, status: int, text: str) -> None:
    scraper = Scraper()
    async with asking_snmp(scraper) as client:
        assert await ask(client, query) == (status, text)
    assert scraper.asked == []


@pytest.mark.parametrize(
    "target",
    [
        "11.0.0.1", "127.0.0.1", "::1", "[::1]:161", "::ffff:11.0.0.1", "0.0.0.0", "169.254.169.254", "fd00::a00:1",
        "224.0.0.1", "ff02::1", "fe80::1%eth0", "udp://192.0.2.1",
    ],
)  # fmt: skip
async def test_what_is_not_allowed(target: str) -> None:
    scraper = Scraper()
    async with asking_snmp(scraper) as client:
        status, text = await ask(client, f"target={quote(target)}")
    assert status == 403
    assert scraper.asked == []
    assert ("multitarget:\n" in text) is not target.startswith(("0.", "224.", "ff02"))


@pytest.mark.parametrize(
    "target",
    [
        "0x0a000001",
        "167772161",
        "10.1",
        "012.0.0.1",
        "10.0.0.1%eth0",
        "ff02::1%eth0",
        "::ffff:10.0.0.1%1",
        "10.0.0.1.",
    ],
)
async def test_other_ways_to_write_an_address_reach_nobody(target: str) -> None:
    names = Names(["10.0.0.1"])
    scraper = Scraper()
    async with asking_snmp(scraper, names=names) as client:
        status, text = await ask(client, f"target={quote(target)}")
    assert status == 500
    assert text.startswith(PREAMBLE)
    assert scraper.asked == []
    assert names.asked == []


async def test_the_refusal_says_how_to_allow_it() -> None:
    async with asking_snmp(Scraper(), Offer(Permission(), frozenset({"public_v2"}), frozenset({"if_mib"}))) as client:
        status, text = await ask(client, "target=192.0.2.1")
    assert status == 403
    assert text.endswith("\n\nmultitarget:\n  allow: [192.0.2.1]\n  auths: [public_v2]\n")


async def test_a_reload_counts_at_once() -> None:
    offers = [OFFER]
    async with asking_snmp(Scraper(), lambda: offers[-1]) as client:
        assert (await ask(client, "target=192.0.2.1"))[0] == 403
        other = Permission((ip_network("192.0.2.0/24"),), auths=frozenset({"core_v3"}))
        offers.append(replace(OFFER, permission=other))
        assert (await ask(client, "target=192.0.2.1&auth=core_v3"))[0] == 200
        assert (await ask(client, "target=10.0.0.1"))[0] == 403


# ------------------------------------------------------------------ names


async def scraped_by_name(
    names: Names, offer: Offer = OFFER, name: str = "switch1"
) -> tuple[int, str, list[SnmpQuery]]:
    scraper = Scraper()
    async with asking_snmp(scraper, offer, names=names) as client:
        return *(await ask(client, f"target={name}:1161")), scraper.asked


async def test_a_name_is_resolved_once_and_its_address_asked() -> None:
    names = Names(["10.0.0.2", "10.0.0.1"])
    status, _, asked = await scraped_by_name(names)
    assert status == 200
    assert names.asked == ["switch1"]
    assert [(query.target, query.address) for query in asked] == [("switch1:1161", ip_address("10.0.0.2"))]


@pytest.mark.parametrize("found", [["192.0.2.1"], ["10.0.0.1", "192.0.2.1"], ["127.0.0.1"], ["::1"]])
async def test_a_name_that_leads_elsewhere(found: list[str]) -> None:
    status, text, asked = await scraped_by_name(Names(found))
    assert (status, asked) == (403, [])
    assert f"switch1 ({found[-1]}) is not in multitarget.allow" in text
    assert text.endswith("multitarget:\n  allow: [switch1]\n")


async def test_a_name_that_is_listed_may_lead_anywhere() -> None:
    status, _, asked = await scraped_by_name(Names(["127.0.0.1"]), name="Listed.")
    assert status == 200
    assert [query.address for query in asked] == [ip_address("127.0.0.1")]


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (Names(error=OSError(-2, "Name or service not known")), "lookup switch1: Name or service not known"),
        (Names(error=UnicodeError("label too long")), "lookup switch1: label too long"),
        (Names(error=ValueError("odd zone")), "lookup switch1: odd zone"),
        (Names([]), "lookup switch1: no such host"),
    ],
)
async def test_a_name_without_an_address(names: Names, why: str) -> None:
    status, text, asked = await scraped_by_name(names)
    assert (status, asked) == (500, [])
    assert 'help: "Error connecting to target", constLabels: {}, variableLabels: {}}' in text
    assert text.endswith(f": error connecting to target switch1: {why}\n")


async def test_where_no_network_is_allowed_no_name_is_looked_up() -> None:
    names = Names(["10.0.0.1"])
    only_names = replace(OFFER, permission=replace(OFFER.permission, networks=()))
    status, _, _ = await scraped_by_name(names, only_names)
    assert (status, names.asked) == (403, [])


async def test_the_real_look_up() -> None:
    found = await asyncio.to_thread(multitarget.look_up, "localhost")
    assert set(found) <= {ip_address("127.0.0.1"), ip_address("::1")}
    assert found


@pytest.mark.parametrize(
    ("sockaddr", "address"),
    [
        (("10.0.0.1", 0), "10.0.0.1"),
        (("fd00::1", 0, 0, 0), "fd00::1"),
        (("fe80::1", 0, 0, 3), "fe80::1%3"),
        (("::ffff:10.0.0.1", 0, 0, 0), "10.0.0.1"),
    ],
)
def test_socket_addresses(sockaddr: tuple[object, ...], address: str) -> None:
    assert str(multitarget.read_sockaddr(sockaddr)) == address


# ------------------------------------------------------------------ failures and bounds


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (
            CollectionFailed("error walking target 10.0.0.1: request timeout (after 3 retries)", module='if"mib'),
            500,
            PREAMBLE + 'help: "Error scraping target", constLabels: {module="if\\"mib"}, variableLabels: {}}: '
            "error walking target 10.0.0.1: request timeout (after 3 retries)\n",
        ),
        (UnknownName("Unknown module 'if_mib'"), 400, "Unknown module 'if_mib'\n"),
    ],
)
async def test_a_scrape_that_fails(error: Exception, status: int, text: str) -> None:
    async with asking_snmp(Scraper(error)) as client:
        assert await ask(client, "target=10.0.0.1") == (status, text)


async def test_an_error_without_end_is_cut() -> None:
    async with asking_snmp(Scraper(CollectionFailed("x" * 1_000_000))) as client:
        status, text = await ask(client, "target=10.0.0.1")
    assert status == 500
    assert len(text) < 11_000


async def test_a_bug_is_a_bug(caplog: pytest.LogCaptureFixture) -> None:
    registry = CollectorRegistry()
    for error in (KeyError("public"), TimeoutError("not ours")):
        async with asking_snmp(Scraper(error), registry=registry) as client:
            try:
                status, text = await ask(client, "target=10.0.0.1")
            except aiohttp.ClientError:  # the gate hangs up on a TimeoutError that is not its own
                continue
            assert (status, text) == (500, "This is a bug; the agent's log has its traceback.\n")
        registry = CollectorRegistry()
    assert "KeyError: 'public'" in caplog.text


async def test_a_scrape_ends_before_its_client_gives_up() -> None:
    scraper = Scraper(gate=asyncio.Event())
    registry = CollectorRegistry()
    async with asking_snmp(scraper, registry=registry) as client:
        status, text = await ask(client, "target=10.0.0.1", **{TIMEOUT_HEADER: "0.4"})
        assert status == 500
        assert 'constLabels: {module="if_mib"}' in text
        assert re.search(
            r": error walking target 10\.0\.0\.1: scrape cancelled after \d+\.\ds \(possible timeout\)\n$", text
        )
        assert scraper.cancelled == 1
        _, text = await ask(client, "target=10.0.0.1&module=if_mib,system", **{TIMEOUT_HEADER: "0.4"})
        assert "constLabels: {}" in text
    assert registry.get_sample_value(*IN_FLIGHT) == 0


async def test_a_scrape_ends_when_its_client_has_gone() -> None:
    scraper = Scraper(gate=asyncio.Event())
    registry = CollectorRegistry()
    async with asking_snmp(scraper, registry=registry) as client:
        waiting = asyncio.create_task(ask(client, "target=10.0.0.1"))
        await until(lambda: scraper.asked)
        waiting.cancel()
        await until(lambda: scraper.cancelled == 1)
        await until(lambda: registry.get_sample_value(*IN_FLIGHT) == 0)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, MAX_SECONDS), ("", MAX_SECONDS), ("ten", MAX_SECONDS), ("nan", MAX_SECONDS), ("inf", MAX_SECONDS),
        ("-1", MAX_SECONDS), ("0", MAX_SECONDS), ("1e9", MAX_SECONDS), ("10", 9.5), ("2", 1.5), ("1", 0.75),
        ("0.1", 0.075), ("9" * 400, MAX_SECONDS),
    ],
)  # fmt: skip
def test_the_patience_of_a_client(header: str | None, seconds: float) -> None:
    assert patience_seconds(header) == pytest.approx(seconds)


async def test_so_many_at_once_and_no_more() -> None:
    scraper = Scraper(gate=asyncio.Event())
    registry = CollectorRegistry()
    source = Source(scraper, lambda: OFFER)
    async with (
        serving(healthy(datetime.now(UTC)), registry=registry, on_demand=source) as server,
        asking(server) as many,  # at most 100 connections of one client
        asking(server) as client,
    ):
        running = [asyncio.create_task(ask(many, f"target=10.0.0.{n}")) for n in range(MAX_AT_ONCE)]
        await until(lambda: len(scraper.asked) == MAX_AT_ONCE)
        assert registry.get_sample_value(*IN_FLIGHT) == MAX_AT_ONCE
        status, text = await ask(client, "target=10.0.1.1")
        assert status == 503
        assert text == "100 scrapes are under way already; ask again later, or spread the scrapes out.\n"
        assert (await ask(client, "target=11.0.0.1"))[0] == 403
        assert scraper.gate is not None
        scraper.gate.set()
        assert {status for status, _ in await asyncio.gather(*running)} == {200}
        assert (await ask(client, "target=10.0.1.1"))[0] == 200


async def test_any_query_gets_a_plain_answer() -> None:
    """Pieces of good queries and of bad ones, put together at random, never meet a bug."""
    chance = random.Random(20261127)
    pieces = [
        "target=", "module=", "auth=", "snmp_context=", "snmp_engineid=", "&", "&", "=", "10.0.0.1", "listed", ":161",
        "[", "]", "::1", "%25", "%00", "%0a", "%zz", "%ff", "%F0%9F%90%99", ",", ";", "+", "udp://", "tcp://", "if_mib",
        "system", "public_v2", "core_v3", "a" * 70, "9" * 30, "0x7f", "/", "@", "\\", '"', "'", "{}", ".", "-",
    ]  # fmt: skip
    names = Names(error=OSError(-2, "Name or service not known"))
    seen = set()
    async with asking_snmp(Scraper(), names=names) as client:
        for _ in range(500):
            query = "target=10.0.0.1" * chance.randrange(2) + "".join(chance.choices(pieces, k=chance.randrange(9)))
            async with client.get(URL(f"/snmp?{query}", encoded=True)) as answer:
                text = await answer.text()
            assert "This is a bug" not in text, query
            seen.add(answer.status)
    assert seen == {200, 400, 403, 500}


async def test_what_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    registry = CollectorRegistry()
    scraper = Scraper()
    with caplog.at_level(logging.INFO, "exporters.multitarget"):
        async with asking_snmp(scraper, registry=registry) as client:
            await ask(client, "target=10.0.0.1")
            await ask(client, "target=10.0.0.1")
            await ask(client, "")
            await ask(client, "target=192.0.2.1%0Aforged")
            scraper.error = CollectionFailed("no answer\nforged line")
            await ask(client, "target=10.0.0.1")
            async with client.get("/metrics") as answer:
                text = await answer.text()
    assert parse(text)
    for status, count in ((200, 2), (400, 1), (403, 0), (500, 2), (503, 0)):
        sample = f'linewarden_multitarget_scrapes_total{{target="dc1",endpoint="/snmp",status="{status}"}} {count}\n'
        assert sample in text
    assert 'linewarden_multitarget_scrapes_in_flight{target="dc1",endpoint="/snmp"} 0\n' in text
    assert 'linewarden_multitarget_scrape_duration_seconds_count{target="dc1",endpoint="/snmp"} 3\n' in text
    assert len(caplog.messages) == 2
    assert "\n" not in "".join(caplog.messages)


async def test_without_a_source_there_is_no_such_endpoint() -> None:
    async with serving(healthy(datetime.now(UTC))) as server, asking(server) as client:
        assert (await ask(client, "target=10.0.0.1"))[0] == 404

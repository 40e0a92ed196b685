"""Names to addresses: a real name server on loopback, hosts files, and what happens when nobody answers."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from probes.icmp import names
from probes.icmp.names import Address, Resolver

V4, OTHER, V6 = Address(4, b"\x7f\0\0\x02"), Address(4, b"\x7f\0\0\x03"), Address(6, bytes(15) + b"\x01")
Zone = dict[tuple[str, str], tuple[int, list[str]]]  # (name, type) -> TTL and records


class Server(asyncio.DatagramProtocol):
    """A name server that knows one zone."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.asked: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        question = dns.message.from_wire(data)
        name, kind = question.question[0].name.to_text(), dns.rdatatype.to_text(question.question[0].rdtype)
        self.asked.append(name)
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        if not any(known == name for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif found := self.zone.get((name, kind)):
            answer.answer.append(dns.rrset.from_text(name, found[0], "IN", kind, *found[1]))
        self.transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def serving(zone: Zone) -> AsyncIterator[tuple[Server, int]]:
    """Run a name server; give its port."""
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Server(zone), local_addr=("127.0.0.1", 0)
    )
    try:
        yield server, transport.get_extra_info("sockname")[1]
    finally:
        transport.close()
        await asyncio.sleep(0)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Resolver]:
    """Make resolvers that ask this host only."""
    monkeypatch.setattr(names, "_LIFETIME_SECONDS", 0.5)
    monkeypatch.setattr(names, "_look_up_anywhere", lambda name, family: ())
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\nsearch council.example\n")
    (tmp_path / "hosts").write_text(
        "127.0.0.9 core core.example  # by hand\n::1 core\n\n# 10.0.0.1 other\n300.1.1.1 bad\n"
    )
    return lambda port: Resolver(tmp_path / "hosts", tmp_path / "resolv.conf", port)


async def test_every_address_and_the_shortest_ttl(made: Callable[[int], Resolver]) -> None:
    zone: Zone = {("sw1.example.", "A"): (60, ["127.0.0.2", "127.0.0.3"]), ("sw1.example.", "AAAA"): (30, ["::1"])}
    async with serving(zone) as (_, port):
        found = await made(port).resolve("sw1.example", None)
        assert found is not None
        assert (set(found.addresses), found.ttl_seconds) == ({V4, OTHER, V6}, 30)
        found = await made(port).resolve("sw1.example", 4)
        assert found is not None
        assert (found.addresses, found.ttl_seconds) == ((V4, OTHER), 60)


@pytest.mark.parametrize(("told", "believed"), [(0, 5), (7, 7), (1_000_000, 3600)])
async def test_a_ttl_is_believed_within_reason(made: Callable[[int], Resolver], told: int, believed: float) -> None:
    async with serving({("sw1.example.", "A"): (told, ["127.0.0.2"])}) as (_, port):
        found = await made(port).resolve("sw1.example", 4)
        assert found is not None
        assert found.ttl_seconds == believed


async def test_an_address_without_a_route_comes_last(
    made: Callable[[int], Resolver], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "_has_route", lambda address: address.family == 4)
    zone: Zone = {("sw1.example.", "A"): (60, ["127.0.0.2"]), ("sw1.example.", "AAAA"): (60, ["::1"])}
    async with serving(zone) as (_, port):
        found = await made(port).resolve("sw1.example", None)
    assert found is not None
    assert found.addresses == (V4, V6)


async def test_the_search_list_counts(made: Callable[[int], Resolver]) -> None:
    async with serving({("sw1.council.example.", "A"): (60, ["127.0.0.2"])}) as (_, port):
        found = await made(port).resolve("sw1", 4)
    assert found is not None
    assert found.addresses == (V4,)


async def test_the_hosts_file_comes_first(made: Callable[[int], Resolver]) -> None:
    async with serving({("core.example.", "A"): (60, ["127.0.0.2"])}) as (server, port):
        resolver = made(port)
        found = await resolver.resolve("CORE.example", None)
        assert found is not None
        assert found.addresses == (Address(4, b"\x7f\0\0\x09"),)
        both = await resolver.resolve("core", None)
        assert both is not None
        assert set(both.addresses) == {V6, Address(4, b"\x7f\0\0\x09")}
        assert server.asked == []
        assert await resolver.resolve("bad", 4) is None


async def test_a_name_server_that_is_dead_or_says_no_gives_none(made: Callable[[int], Resolver]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        assert await made(silent.getsockname()[1]).resolve("sw1.example", 4) is None
    async with serving({("other.example.", "A"): (60, ["127.0.0.2"])}) as (_, port):
        assert await made(port).resolve("sw1.example", None) is None
        assert await made(port).resolve("other.example", 6) is None


async def test_what_dns_does_not_know_the_c_library_may(
    made: Callable[[int], Resolver], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "_look_up_anywhere", lambda name, family: (OTHER,))
    async with serving({}) as (_, port):
        found = await made(port).resolve("printer.local", 4)
    assert found is not None
    assert (found.addresses, found.ttl_seconds) == ((OTHER,), 300)


async def test_another_name_server_is_asked_once_the_file_says_so(
    made: Callable[[int], Resolver], tmp_path: Path
) -> None:
    async with serving({("sw1.example.", "A"): (60, ["127.0.0.2"])}) as (_, port):
        resolver = made(port)
        (tmp_path / "resolv.conf").unlink()
        assert await resolver.resolve("sw1.example", 4) is None
        (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        assert await resolver.resolve("sw1.example", 4) is not None


def test_the_c_librarys_resolver_knows_localhost() -> None:
    assert names._look_up_anywhere("localhost", 4) == (Address(4, b"\x7f\0\0\x01"),)
    assert names._look_up_anywhere("x..y", None) == ()


def test_a_name_and_no_file(tmp_path: Path) -> None:
    assert names._in_hosts(tmp_path / "none", "core", (4, 6)) == []

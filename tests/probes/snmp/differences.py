"""Comparing two expositions, and asking snmp_exporter and this agent for the same device."""

import asyncio
import math
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from exporters import exposition
from probes.snmp import ber
from probes.snmp.ber import Version
from probes.snmp.client import Peer, Session, SnmpClient
from probes.snmp.modules import Module
from probes.snmp.scrape import ScrapeError, Scraper
from tests.lab.snmp_exporter import Exporter
from tests.probes.snmp.agents import Answer, silent

_DURATION = re.compile(r"snmp_scrape(_walk)?_duration_seconds\{")
_MOST_SHOWN = 5


class LoopAgent(asyncio.DatagramProtocol):
    """An agent within the event loop.

    Attributes:
        answer: may change between two requests.
        port: on loopback.
    """

    def __init__(self) -> None:
        self.answer: Answer = silent
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        for datagram in self.answer(ber.decode_request(data), data):
            self._transport.sendto(datagram, addr)


@asynccontextmanager
async def agent() -> AsyncIterator[LoopAgent]:
    """Serve a device that has nothing yet."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(LoopAgent, local_addr=("127.0.0.1", 0))
    try:
        yield protocol
    finally:
        transport.close()


@dataclass(slots=True)
class Exposition:
    """A text, taken apart: HELP and TYPE by family, values by series as they are written."""

    about: dict[str, tuple[str, str]] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)


def parsed(text: str) -> Exposition:
    """Take a text apart; a family or series that is there twice is an error, as is a series without family."""
    out, kinds, helps = Exposition(), {}, {}
    for line in text.split("\n")[:-1]:
        if line.startswith("# HELP "):
            name, _, about = line[7:].partition(" ")
            assert name not in helps, f"HELP of {name} twice"
            helps[name] = about
        elif line.startswith("# TYPE "):
            name, _, kind = line[7:].partition(" ")
            assert name not in kinds, f"TYPE of {name} twice"
            kinds[name] = kind
        else:
            series, _, value = line.rpartition(" ")
            assert series not in out.values, f"{series} twice"
            assert series.partition("{")[0] in kinds, f"{series} without TYPE"
            out.values[series] = 0.0 if _DURATION.match(series) else float(value)
    out.about = {name: (kinds[name], helps.get(name, "")) for name in kinds}
    return out


def differences(ours: str, theirs: str) -> list[str]:
    """Return what differs, for people; [] where nothing does."""
    one, other = parsed(ours), parsed(theirs)
    out = [
        f"{name}: ours {one.about.get(name)}, theirs {other.about.get(name)}"
        for name in sorted(one.about.keys() | other.about.keys())
        if one.about.get(name) != other.about.get(name)
    ]
    for series in sorted(one.values.keys() | other.values.keys()):
        a, b = one.values.get(series), other.values.get(series)
        if a != b and not (a is not None and b is not None and math.isnan(a) and math.isnan(b)):
            out.append(f"{series}: ours {a}, theirs {b}")
    return out


@dataclass(slots=True)
class Comparison:
    """One exporter, one scraper, one device after the other.

    Attributes:
        agreed: devices for which both gave the same series.
        refused: those for which both failed.
        series: compared so far.
    """

    exporter: Exporter
    scraper: Scraper
    agent: LoopAgent
    agreed: int = 0
    refused: int = 0
    series: int = 0

    async def compare(self, answer: Answer, modules: list[Module], auth: str = "public_v2") -> list[str]:
        """Return how the answers for the device within the event loop differ."""
        self.agent.answer = answer
        return await self.compare_port(self.agent.port, modules, auth)

    async def compare_port(self, port: int, modules: list[Module], auth: str = "public_v2") -> list[str]:
        """Return how the answers for a device on loopback differ."""
        names = ",".join([module.name for module in modules])
        version = Version.V1 if auth == "public_v1" else Version.V2C
        peer = Peer(socket.AF_INET, ("127.0.0.1", port))
        try:
            block = await self.scraper.scrape(Session(peer, version, b"public"), modules)
            ours = exposition.render(block.families).decode()
        except ScrapeError as error:
            ours, reason = "", str(error)
        status, theirs = await asyncio.to_thread(self.exporter.scrape, f"127.0.0.1:{port}", names, auth)
        if status != 200:
            self.refused += 1
            return [] if not ours else [f"{names}: only snmp_exporter fails: {status} {theirs.strip()[:400]}"]
        if not ours:
            return [f"{names}: only this agent fails: {reason}"]
        self.agreed += 1
        self.series += theirs.count("\n") - 2 * theirs.count("# TYPE")
        found = [f"{names}: {difference}" for difference in differences(ours, theirs)]
        return found[:_MOST_SHOWN]


@asynccontextmanager
async def comparing(exporter: Exporter) -> AsyncIterator[Comparison]:
    """Compare with a running snmp_exporter."""
    client = SnmpClient()
    try:
        async with agent() as device:
            yield Comparison(exporter, Scraper(client), device)
    finally:
        client.close()

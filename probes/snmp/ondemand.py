"""Polls on demand: from the query of `/snmp` to a scrape, and from its errors to those that the endpoint knows."""

import re
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Final, Protocol

from agent.core.model import SnmpAuth
from agent.core.ondemand import BEGINNING, CONNECTING, CollectionFailed, SnmpQuery, UnknownName
from agent.core.permission import Address
from agent.core.series import SeriesBlock
from probes.snmp.client import Peer, Session
from probes.snmp.errors import SnmpError, SnmpLocalError
from probes.snmp.modules import Module, ModuleError
from probes.snmp.sessions import auth_session

_ENGINE_ID: Final = re.compile(r"(?:0x)?(?:[0-9a-fA-F]{2}){5,32}", re.ASCII)


class Parts(Protocol):
    """What is shared with the polls that are due: `probes.snmp.probe.Probe` has it."""

    def auth(self, name: str) -> SnmpAuth | None: ...

    async def module(self, name: str) -> Module: ...


class Scraping(Protocol):
    """What makes the scrape; an SnmpError may say by its attribute `module` which of the modules failed."""

    async def scrape(self, session: Session, modules: Sequence[Module]) -> SeriesBlock: ...


class OnDemand:
    """The port `agent.core.ports.OnDemand`; follows a reload because `parts` does."""

    def __init__(self, parts: Parts, scraper: Scraping) -> None:
        self._parts: Final = parts
        self._scraper: Final = scraper

    async def scrape(self, query: SnmpQuery) -> SeriesBlock:
        """Poll one device once.

        Raises:
            UnknownName: the configuration has no such auth any more.
            CollectionFailed: an auth or a module that cannot be used; a device that did not answer, or not well.
        """
        auth = self._parts.auth(query.auth)
        if auth is None:
            raise UnknownName(f"Unknown auth '{query.auth}'")
        module = ""
        try:
            session = session_for(query, auth)
            modules = []
            for module in query.modules:
                modules.append(await self._parts.module(module))
            return await self._scraper.scrape(session, modules)
        except ModuleError as error:
            raise CollectionFailed(str(error), doing=BEGINNING, module=module) from error
        except SnmpError as error:
            failed: str = getattr(error, "module", "")
            raise CollectionFailed(f"error scraping target {query.address}: {error}", module=failed) from error


def session_for(query: SnmpQuery, auth: SnmpAuth) -> Session:
    """Return how the device is spoken to; timeout and retries are the modules'.

    Raises:
        CollectionFailed: with these credentials nobody can be spoken to.
        SnmpLocalError: this host has no such zone.
    """
    if auth.problem:
        raise CollectionFailed(f"auth {auth.name!r} cannot be used: {auth.problem}", doing=CONNECTING)
    if query.engine_id and not _ENGINE_ID.fullmatch(query.engine_id):
        raise CollectionFailed(
            f"'snmp_engineid' of 5 to 32 octets in hexadecimal expected, got {query.engine_id[:80]!r}", doing=CONNECTING
        )
    return auth_session(
        auth,
        peer_of(query.address, query.port),
        context_name=query.context or None,
        context_engine_id=query.engine_id.removeprefix("0x") or None,
    )


def peer_of(address: Address, port: int) -> Peer:
    """Return an address that was judged as a socket address; no resolver sees it again.

    Raises:
        SnmpLocalError: this host has no such zone.
    """
    if isinstance(address, IPv4Address):
        return Peer(socket.AF_INET, (str(address), port))
    host, _, zone = str(address).partition("%")
    try:
        number = int(zone) if zone.isdigit() else socket.if_nametoindex(zone) if zone else 0
    except OSError as error:
        raise SnmpLocalError(f"this host has no interface {zone!r}") from error
    return Peer(socket.AF_INET6, (host, port, 0, number))

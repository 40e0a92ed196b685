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

_OCTETS: Final = re.compile(r"(?:[0-9a-fA-F]{2})*", re.ASCII)


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
    return auth_session(
        auth,
        peer_of(query.address, query.port),
        context_name=query.context or None,
        context_engine_id=hexadecimal(query.engine_id) or None,
    )


def hexadecimal(text: str) -> str:
    """Return the digits before the first that makes no octet, as snmp_exporter 0.30.1 reads an engine id.

    It decodes with Go's `hex.DecodeString`, which gives what it has read so far beside its error, and leaves the error
    aside: `0x8000...` and words are no engine id, so that the device's own is asked.
    """
    found = _OCTETS.match(text)
    return found[0] if found is not None else ""


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

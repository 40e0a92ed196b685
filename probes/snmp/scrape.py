"""What one request of `/snmp?target=&module=a,b` does: a drop-in for snmp_exporter 0.30.1."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from agent.core.series import Family, SeriesBlock
from probes.snmp.ber import VarBind, Version
from probes.snmp.client import Session, SnmpClient
from probes.snmp.errors import SnmpAgentError, SnmpError
from probes.snmp.filters import narrowed
from probes.snmp.language import (
    DEFAULT_MAX_REPETITIONS,
    DEFAULT_RETRIES,
    DEFAULT_TIMEOUT_SECONDS,
    Module,
)
from probes.snmp.plainwalk import PlainGet, PlainWalk
from probes.snmp.render import Renderer, Unrenderable, joined, label
from probes.snmp.walk import MAX_VARBINDS

MAX_KEPT: Final = 500_000  # objects and metrics whose prefixes are kept between scrapes: some 75 MB
_THREAD_FROM_VARBINDS: Final = 2000  # rendering more than this would hold up the event loop
_WALK_REPETITIONS: Final = 50  # where a module says 0: what the library of snmp_exporter then takes
_HELP: Final = {
    "snmp_scrape_walk_duration_seconds": "Time SNMP walk/bulkwalk took.",
    "snmp_scrape_packets_sent": "Packets sent for get, bulkget, and walk; including retries.",
    "snmp_scrape_packets_retried": "Packets retried for get, bulkget, and walk.",
    "snmp_scrape_pdus_returned": "PDUs returned from get, bulkget, and walk.",
    "snmp_scrape_duration_seconds": "Total SNMP time scrape took (walk and processing).",
}


class ScrapeError(SnmpError):
    """A target could not be scraped, or gave what makes no valid exposition: snmp_exporter answers 500.

    Attributes:
        module: which of the modules failed; "" when they do not go together.
    """

    def __init__(self, module: str, reason: str) -> None:
        super().__init__(f"module {module}: {reason}" if module else reason)
        self.module = module


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept of a target and a module between scrapes."""

    module: Module
    renderer: Renderer
    weight: int


class Scraper:
    """Scrapes targets; keeps what does not change between two scrapes of a target with a module.

    Belongs to the event loop of its client.
    """

    def __init__(self, client: SnmpClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._kept: OrderedDict[tuple[object, str], _Kept] = OrderedDict()  # the longest unused first
        self._kept_weight = 0

    async def scrape(self, session: Session, modules: Sequence[Module]) -> SeriesBlock:
        """Return all series of the modules, families sorted by name, with those about the scrape itself.

        The modules are read one after the other, each with its own timeout, retries and max-repetitions; those of the
        session are not looked at. A limit for all of it is the caller's: `asyncio.timeout` around this.

        Raises:
            ScrapeError: when one of the modules fails, or two of them give the same series.
        """
        any_source = session.any_source or any(module.use_unconnected_udp_socket for module in modules)
        asking = replace(session, any_source=any_source)
        families: list[Family] = []
        for module in modules:
            families += await self._module(asking, module)
        try:
            return SeriesBlock(joined(families))
        except Unrenderable as error:
            raise ScrapeError("", str(error)) from error

    async def _module(self, session: Session, module: Module) -> list[Family]:
        began = self._clock()
        try:
            reading = _Reading(self._client, _session_for(session, module), module)
            varbinds = await reading.read()
        except SnmpError as error:
            raise ScrapeError(module.name, str(error)) from error
        walked = self._clock() - began
        block = await self._rendered((session.peer.sockaddr, module.name), module, varbinds)
        about = {
            "snmp_scrape_walk_duration_seconds": walked,
            "snmp_scrape_packets_sent": reading.packets,
            "snmp_scrape_packets_retried": reading.repeats,
            "snmp_scrape_pdus_returned": len(varbinds),
            "snmp_scrape_duration_seconds": self._clock() - began,
        }
        own = label("module", module.name)
        numbers = [
            Family(name, "gauge", _HELP[name], (f"{name}{{{own}}}",), np.array([value], dtype=np.float64))
            for name, value in about.items()
        ]
        return [*block.families, *numbers]

    async def _rendered(
        self, key: tuple[object, str], module: Module, varbinds: Sequence[VarBind]
    ) -> SeriesBlock:  # fmt: skip
        # taken out while it is in use: the same target may be scraped twice at once, and rendering be in a thread
        kept = self._kept.pop(key, None)
        self._kept_weight -= kept.weight if kept is not None else 0
        same = kept is not None and kept.module is module
        renderer = kept.renderer if kept is not None and same else Renderer(module.metrics, exact=True)
        if len({bind[0] for bind in varbinds}) < len(varbinds):
            varbinds = list({bind[0]: bind for bind in varbinds}.values())  # of an object read twice the last counts
        try:
            if len(varbinds) < _THREAD_FROM_VARBINDS:
                block = renderer.render(varbinds)
            else:
                block = await asyncio.to_thread(renderer.render, varbinds)
        except Unrenderable as error:
            raise ScrapeError(module.name, str(error)) from error
        self._keep(key, _Kept(module, renderer, len(varbinds) + len(module.metrics)))
        return block

    def _keep(self, key: tuple[object, str], kept: _Kept) -> None:
        replaced = self._kept.pop(key, None)  # by a scrape of the same target meanwhile
        self._kept[key] = kept
        self._kept_weight += kept.weight - (replaced.weight if replaced is not None else 0)
        while self._kept_weight > MAX_KEPT:
            _, oldest = self._kept.popitem(last=False)
            self._kept_weight -= oldest.weight


def _session_for(session: Session, module: Module) -> Session:
    retries, timeout = module.retries, module.timeout_seconds
    return replace(
        session,
        retries=DEFAULT_RETRIES if retries is None else retries,
        timeout_seconds=DEFAULT_TIMEOUT_SECONDS if timeout is None else timeout,
    )


@dataclass(slots=True)
class _Reading:
    """The conversation for one module."""

    client: SnmpClient
    session: Session
    module: Module
    repeats: int = 0
    packets: int = 0

    async def read(self) -> list[VarBind]:
        gets, walks = await narrowed(self.module, self._walk)
        repetitions = self._repetitions()
        get = PlainGet(gets, v1=self._v1, max_oids=repetitions)
        await self._converse(get)
        varbinds = get.varbinds
        for root in walks:
            varbinds += await self._walk(root)
            if len(varbinds) > MAX_VARBINDS:
                raise SnmpAgentError(f"more than {MAX_VARBINDS} objects")
        return varbinds

    @property
    def _v1(self) -> bool:
        return self.session.version == Version.V1

    def _repetitions(self) -> int:
        said = self.module.max_repetitions
        return DEFAULT_MAX_REPETITIONS if said is None else said

    async def _walk(self, root: bytes) -> list[VarBind]:
        walk = PlainWalk(
            root,
            v1=self._v1,
            max_repetitions=self._repetitions() or _WALK_REPETITIONS,
            any_order=self.module.allow_nonincreasing_oids,
        )
        await self._converse(walk)
        return walk.varbinds

    async def _converse(self, asker: PlainGet | PlainWalk) -> None:
        repeats = await self.client.converse(self.session, asker)
        self.repeats += repeats
        self.packets += asker.requests + repeats

"""`/snmp`: one device polled because somebody asks, answered as snmp_exporter answers.

What may be asked is judged in `agent.core.permission`, what is asked in `agent.core.ondemand`; here are HTTP, the
look-up of names, and the bounds: so many at once, and none for longer than its client waits.
"""

import asyncio
import contextlib
import ipaddress
import logging
import math
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from agent.core.ondemand import (
    Asked,
    BadQuery,
    CollectionFailed,
    NotAllowed,
    Offer,
    OnDemandError,
    TooMany,
    read_query,
    unresolved,
)
from agent.core.permission import Address, Host, plain
from agent.core.ports import OnDemand
from agent.core.series import SeriesBlock
from exporters import exposition
from exporters.gate import refuse
from exporters.sending import send, takes_gzip

MAX_AT_ONCE: Final = 100  # a scrape of a large switch keeps some megabytes; the SNMP engine has as many in flight
MAX_SECONDS: Final = 55.0  # within what the gate gives a whole answer
OFFSET_SECONDS: Final = 0.5  # of the client's patience, for the way back; blackbox_exporter's --timeout-offset
TIMEOUT_HEADER: Final = "X-Prometheus-Scrape-Timeout-Seconds"
RESOLVERS: Final = 8  # threads: a name server that does not answer keeps one for some ten seconds
_LOOK_AGAIN_SECONDS: Final = 0.5  # whether the client is still there
_SHOWN: Final = 10_000  # of an error, in letters
_STATUS: Final[dict[type[OnDemandError], int]] = {BadQuery: 400, NotAllowed: 403, CollectionFailed: 500, TooMany: 503}
_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, math.inf)
_log: Final = logging.getLogger(__name__)


def look_up(name: str) -> list[Address]:
    """Return every address of a name, the preferred one first. Blocks; raises OSError or ValueError."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    return [read_sockaddr(sockaddr) for *_, sockaddr in found]


def read_sockaddr(sockaddr: tuple[Any, ...]) -> Address:
    """Return the address of a socket address; the zone of a link-local one stands behind it, as a number."""
    zone = f"%{sockaddr[3]}" if len(sockaddr) == 4 and sockaddr[3] else ""
    return plain(ipaddress.ip_address(f"{sockaddr[0]}{zone}"))


@dataclass(frozen=True, slots=True)
class Source:
    """Where the answers come from.

    Attributes:
        snmp: polls a device.
        offer: what may be asked at this moment.
        look_up: returns the addresses of a name; runs in a thread.
    """

    snmp: OnDemand
    offer: Callable[[], Offer]
    look_up: Callable[[str], Sequence[Address]] = look_up


class Multitarget:
    """The endpoint, and what it counts."""

    def __init__(self, source: Source, registry: CollectorRegistry | None, work: Callable[..., Awaitable[Any]]) -> None:
        """Register what is counted.

        Args:
            work: runs a job with its arguments in a thread.
        """
        self._source = source
        self._work = work
        self._running = 0
        self._names: Final = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="names")
        registry = registry or CollectorRegistry()
        scrapes = Counter(
            "linewarden_multitarget_scrapes_total",
            "Polls that were asked for, by the status of their answer.",
            ["endpoint", "status"],
            registry=registry,
        )
        self._answers: Final = {status: scrapes.labels("/snmp", str(status)) for status in (200, *_STATUS.values())}
        self._in_flight: Final = Gauge(
            "linewarden_multitarget_scrapes_in_flight",
            "Polls that were asked for and are under way.",
            ["endpoint"],
            registry=registry,
        ).labels("/snmp")
        self._seconds: Final = Histogram(
            "linewarden_multitarget_scrape_duration_seconds",
            "How long polls that were asked for took, with the look-up of the name; refused ones are not counted.",
            ["endpoint"],
            registry=registry,
            buckets=_BUCKETS,
        ).labels("/snmp")

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoint."""
        return [web.get("/snmp", self.snmp)]

    def close(self) -> None:
        """Let the threads end."""
        self._names.shutdown(wait=False, cancel_futures=True)

    async def snmp(self, request: web.Request) -> web.StreamResponse:
        """`/snmp?target=&module=&auth=&snmp_context=`: the device's series, as they are at this moment."""
        try:
            block = await self._scraped(request)
        except OnDemandError as error:
            status = next(status for kind, status in _STATUS.items() if isinstance(error, kind))
            self._answers[status].inc()
            if status in {403, 500}:  # Prometheus shows the status alone
                _log.info("%r: %d: %r", request.path_qs, status, str(error)[:_SHOWN].partition("\n")[0])
            return refuse(status, _said(error))
        except Exception:
            self._answers[500].inc()
            raise
        packed = takes_gzip(request)
        pieces = await self._work(_rendered, block, packed)
        self._answers[200].inc()
        return await send(request, pieces, packed)

    async def _scraped(self, request: web.Request) -> SeriesBlock:
        asked = read_query({name: request.query.getall(name) for name in request.query})
        offer = self._source.offer()
        host, port = asked.judge(offer)
        loop = asyncio.get_running_loop()
        began = loop.time()
        end = began + patience_seconds(request.headers.get(TIMEOUT_HEADER))
        with self._one_more():
            limit = asyncio.timeout_at(end)
            try:
                async with limit, _ending_with(request, limit):
                    address = await self._address(asked, offer, host)
                    return await self._source.snmp.scrape(asked.query(address, port, end - loop.time()))
            except TimeoutError:
                if not limit.expired():
                    raise
                took = loop.time() - began
                text = f"error walking target {host}: scrape cancelled after {took:.1f}s (possible timeout)"
                raise CollectionFailed(text, module=asked.modules[0] if len(asked.modules) == 1 else "") from None

    async def _address(self, asked: Asked, offer: Offer, host: Host) -> Address:
        """Return the one address that is asked: a name is resolved here, once, and nowhere else."""
        if not isinstance(host, str):
            return host
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._names, self._source.look_up, host)
        except (OSError, ValueError) as error:
            raise unresolved(host, getattr(error, "strerror", None) or str(error)) from None
        return asked.judge_found(offer, host, found)

    @contextlib.contextmanager
    def _one_more(self) -> Iterator[None]:
        """Count a scrape that is under way.

        Raises:
            TooMany: there are as many as may be.
        """
        if self._running >= MAX_AT_ONCE:
            raise TooMany(f"{MAX_AT_ONCE} scrapes are under way already; ask again later, or spread the scrapes out.")
        self._running += 1
        self._in_flight.inc()
        try:
            with self._seconds.time():
                yield
        finally:
            self._running -= 1
            self._in_flight.dec()


@contextlib.asynccontextmanager
async def _ending_with(request: web.Request, limit: asyncio.Timeout) -> AsyncIterator[None]:
    """Let the time of a scrape be over soon after its client has hung up: nobody is left to read the answer."""
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle | None = None

    def look() -> None:
        nonlocal timer
        if request.transport is None or request.transport.is_closing():
            if not limit.expired():
                limit.reschedule(loop.time())
        else:
            timer = loop.call_later(_LOOK_AGAIN_SECONDS, look)

    look()
    try:
        yield
    finally:
        if timer is not None:
            timer.cancel()


def patience_seconds(header: str | None) -> float:
    """Return how long a client waits, by Prometheus' header; what is no time counts as none given."""
    try:
        seconds = float(header or "")
    except ValueError:
        return MAX_SECONDS
    if not 0 < seconds < math.inf:
        return MAX_SECONDS
    return min(seconds - min(OFFSET_SECONDS, seconds / 4), MAX_SECONDS)


def _said(error: OnDemandError) -> str:
    """Return an error as snmp_exporter words it: a failed scrape comes out of Prometheus' client library there."""
    text = str(error)[:_SHOWN]
    if not isinstance(error, CollectionFailed):
        return text
    labels = f'module="{exposition.escape_label(error.module)}"' if error.module else ""
    what = f'Desc{{fqName: "snmp_error", help: "{error.doing}", constLabels: {{{labels}}}, variableLabels: {{}}}}'
    return f"An error has occurred while serving metrics:\n\nerror collecting metric {what}: {text}"


def _rendered(block: SeriesBlock, packed: bool) -> list[bytes]:
    pieces = exposition.chunks(block.families)
    return list(exposition.compressed(pieces) if packed else pieces)

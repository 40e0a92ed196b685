"""The web application: status page, metrics, service discovery, API and switches (names: docs/endpoints.md).

Whatever takes time over a large estate (rendering, compressing, documents) runs in a small pool of threads of its own,
so that the loop that times echoes is never kept waiting.
"""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import hdrs, web
from prometheus_client import CollectorRegistry

from agent.core.model import Role
from agent.core.picture import Picture
from agent.core.unpolled import SupportOf
from exporters import api, exposition, multitarget, prometheus, status
from exporters.desk import Desk, DeskApi
from exporters.gate import GATE, Gate, dress, guard, refuse
from exporters.sending import send, takes_gzip
from exporters.server import ListenError, Server, serve

__all__ = ["Actions", "ListenError", "Server", "build", "serve"]

MAX_BODY_OCTETS: Final = 64 * 1024  # nothing that is sent to us is large
WORKERS: Final = 2  # answers in the making at once; further ones wait
POLLED_TYPES: Final = frozenset({"snmp", "host"})  # checks whose polls give a device's own series
_STATIC_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class Actions:
    """What the application does for a request that changes something.

    Attributes:
        reload: reads the configuration again; returns what is wrong with it, nothing when it was taken.
        unhealthy: why the application does not do its work, or None.
        desk: takes windows, acknowledgements and notes; None: none are taken.
    """

    reload: Callable[[], Awaitable[Sequence[str]]]
    unhealthy: Callable[[], str | None] = lambda: None
    desk: Desk | None = None


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Web:
    """The handlers, and what they read."""

    def __init__(
        self,
        picture: Callable[[], Picture],
        ledger: api.Record,
        registry: CollectorRegistry | None,
        actions: Actions,
        now: Callable[[], datetime],
        on_demand: multitarget.Source | None,
        report: api.Report | None,
        support_of: SupportOf | None,
    ) -> None:
        self._picture = picture
        self._registry = registry
        self._actions = actions
        self._now = now
        self._api: Final = api.Api(picture, ledger, now, self._work, report, support_of)
        self._desk: Final = DeskApi(picture, actions.desk, now)
        self._page: Final = status.StatusPage()
        self._renderer: Final = exposition.Renderer()
        self._state_lock: Final = asyncio.Lock()  # the renderer serves one at a time
        self._state_packed: tuple[list[bytes], bytes] = ([], b"")
        self._prefixes: prometheus.Prefixes | None = None
        self._pool: Final = ThreadPoolExecutor(WORKERS, thread_name_prefix="web")
        self._on_demand: Final = on_demand and multitarget.Multitarget(on_demand, registry, self._work)

    def routes(self) -> list[web.RouteDef]:
        """Return every endpoint."""
        return [
            web.get("/", self.page),
            web.get("/static/{name}", self.static),
            web.get("/favicon.ico", self.icon),
            web.get("/metrics", self.metrics),
            web.get("/metrics/state", self.state),
            web.get("/metrics/device/{name:.+}", self.device),
            web.get("/sd", self.discovery),
            web.get("/-/healthy", self.healthy),
            web.get("/-/ready", self.ready),
            web.post("/-/reload", self.reload),
            *self._api.routes(),
            *self._desk.routes(),
            *(self._on_demand.routes() if self._on_demand else ()),
        ]

    async def close(self, _: web.Application) -> None:
        """Let the threads end (`on_cleanup`)."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._on_demand:
            self._on_demand.close()

    # -------------------------------------------------------------- metrics

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """`/metrics`: everything small."""
        packed = takes_gzip(request)
        return await send(request, await self._work(self._all_pieces, packed), packed)

    async def state(self, request: web.Request) -> web.StreamResponse:
        """`/metrics/state`: states, causes, marks, inventory; cheap enough for every second."""
        packed = takes_gzip(request)
        async with self._state_lock:
            pieces = await self._work(self._state_pieces, packed)
        return await send(request, pieces, packed)

    async def device(self, request: web.Request) -> web.StreamResponse:
        """`/metrics/device/NAME`: one device's series; 503 makes Prometheus' `up` 0 when there are none."""
        name, picture = request.match_info["name"], self._picture()
        poll = picture.polls.get(name)
        if name not in picture.estate.targets:
            return refuse(404, api.unknown_target(name, picture))
        if poll is None:
            return refuse(503, f"{name} has not been polled yet.")
        if poll.gzip_text is None or not poll.success:
            return refuse(503, f"The last poll of {name} failed at {poll.at:%H:%M:%S} UTC: {poll.detail}")
        if self._now() > poll.fresh_until:
            return refuse(503, f"The last poll of {name} is too old: {poll.at:%Y-%m-%d %H:%M:%S} UTC.")
        packed = takes_gzip(request)
        body = await self._work(poll.gzip_text)
        if not packed:
            body = await self._work(_unpack, body)
        return await send(request, [body], packed)

    def _all_pieces(self, packed: bool) -> list[bytes]:
        picture = self._picture()
        found = prometheus.families(picture, self._now(), self._prefixes_of(picture), self._registry)
        pieces = exposition.chunks(found)
        return list(exposition.compressed(pieces) if packed else pieces)

    def _state_pieces(self, packed: bool) -> list[bytes]:
        picture = self._picture()
        pieces = self._renderer.pieces(prometheus.state_families(picture, self._prefixes_of(picture), self._now()))
        if not packed:
            return pieces
        before, text = self._state_packed
        if len(before) != len(pieces) or any(a is not b for a, b in zip(before, pieces, strict=True)):
            text = exposition.compress(pieces)
            self._state_packed = (pieces, text)
        return [text]

    def _prefixes_of(self, picture: Picture) -> prometheus.Prefixes:
        kept = self._prefixes
        if kept is None or kept.estate is not picture.estate:
            kept = self._prefixes = prometheus.Prefixes(picture.estate)
        return kept

    # -------------------------------------------------------------- Prometheus' service discovery

    async def discovery(self, request: web.Request) -> web.Response:
        """`/sd`: every device that is polled, for `http_sd_configs`; `instance` is set, or devices would merge."""
        groups = [
            {
                "targets": [request.host],
                "labels": {
                    "instance": target.name,
                    "target": target.name,
                    "site": target.site or "",
                    "kind": target.kind,
                    "owner": ",".join(target.owners),
                    "__metrics_path__": f"/metrics/device/{target.name}",
                    **({"__scheme__": "https"} if request.secure else {}),
                },
            }
            for target in self._picture().estate.targets.values()
            if target.role is Role.DEVICE and any(check.type in POLLED_TYPES for check in target.checks)
        ]
        return web.json_response(groups)

    # -------------------------------------------------------------- page

    async def page(self, request: web.Request) -> web.Response:
        """`/`: the status page; with `?part=main` only what changes, for the page's own script."""
        part = request.query.get("part") == "main"
        html, tag = await self._work(self._page.render, self._picture(), self._now(), part)
        headers = {hdrs.ETAG: f'"{tag}"', hdrs.CACHE_CONTROL: "no-cache"}
        if request.headers.get(hdrs.IF_NONE_MATCH) == f'"{tag}"':
            return web.Response(status=304, headers=headers)
        return web.Response(text=html, content_type="text/html", headers=headers)

    async def static(self, request: web.Request) -> web.Response:
        """`/static/NAME`: the page's style and script."""
        found = status.static_files().get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        body, kind = found
        headers = {hdrs.CACHE_CONTROL: f"max-age={_STATIC_SECONDS}"}
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)

    async def icon(self, _: web.Request) -> web.Response:
        """`/favicon.ico`: what browsers ask for by themselves."""
        return web.Response(status=301, headers={hdrs.LOCATION: "/static/icon.svg"})

    # -------------------------------------------------------------- switches

    async def healthy(self, _: web.Request) -> web.Response:
        """`/-/healthy`: the loop turns, and every part of the agent moves."""
        if problem := self._actions.unhealthy():
            return refuse(503, f"Linewarden is not healthy: {problem}.")
        return web.Response(text="Linewarden is healthy.\n")

    async def ready(self, _: web.Request) -> web.Response:
        """`/-/ready`: the first round is done, or there is nothing to do."""
        if self._picture().ready:
            return web.Response(text="Linewarden is ready.\n")
        return refuse(503, "Not ready: the first round is still under way.")

    async def reload(self, _: web.Request) -> web.Response:
        """`/-/reload` (POST): take the configuration anew, all of it or nothing."""
        problems = await self._actions.reload()
        if problems:
            return refuse(400, "\n".join(problems))
        return web.Response(text="The configuration was reloaded.\n")

    async def _work(self, job: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - what the job returns
        return await asyncio.get_running_loop().run_in_executor(self._pool, job, *arguments)


def build(
    picture: Callable[[], Picture],
    ledger: api.Record,
    registry: CollectorRegistry | None,
    actions: Actions,
    now: Callable[[], datetime] = _utc_now,
    on_demand: multitarget.Source | None = None,
    report: api.Report | None = None,
    support_of: SupportOf | None = None,
) -> web.Application:
    """Return the application; `serve` gives it addresses.

    Args:
        picture: gives the present picture.
        registry: the agent's own instruments, or None.
        actions: what requests that change something call.
        now: gives an aware UTC time.
        on_demand: what `/snmp` gives; None: there is no such endpoint.
        report: gives accounts of availability.
        support_of: finds the support dates of an operating system.
    """
    handlers = Web(picture, ledger, registry, actions, now, on_demand, report, support_of)
    app = web.Application(middlewares=[guard], client_max_size=MAX_BODY_OCTETS)
    app[GATE] = Gate()
    app.on_response_prepare.append(dress)
    app.on_cleanup.append(handlers.close)
    app.add_routes(handlers.routes())
    return app


def _unpack(text: bytes) -> bytes:
    return gzip.decompress(text)  # of several members, where a device is polled in more than one way

"""Who may do what: the first thing that sees a request, and the last that sees its answer."""

import asyncio
import base64
import logging
import socket
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from exporters.security import Users, WebConfig, allowed_san

RESPONSE_SECONDS: Final = 60.0  # for a whole answer, however slowly it is taken
UNSENT_OCTETS: Final = 256 * 1024  # of one client, before its next request is looked at
_LOOK_AGAIN_SECONDS: Final = 0.02
_READING: Final = frozenset({"GET", "HEAD"})
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_CLOSED: Final = (
    "Writing calls are not served here: this agent's TCP address asks nobody for a password.\n"
    "Use the control socket, as the commands on the agent's own host do (curl --unix-socket "
    "/run/linewarden/control.sock -X POST http://localhost/-/reload), or set basic_auth_users in the web configuration "
    "file.\n"
)
_log: Final = logging.getLogger(__name__)


class Gate:
    """Authentication, as the web configuration says; open for reading, closed for writing without one."""

    def __init__(self) -> None:
        self._users: Final = Users({})
        self._sans: tuple[str, ...] = ()
        self._headers: dict[str, str] = _HEADERS

    def configure(self, config: WebConfig) -> None:
        """Take a web configuration in place of the former one."""
        self._users.replace(config.basic_auth_users)
        self._sans = config.tls_server_config.client_allowed_sans if config.tls_server_config else ()
        self._headers = {**_HEADERS, **config.http_server_config.headers}

    async def refusal(self, request: web.Request) -> web.Response | None:
        """Return the answer to a request that may not pass; None for one that may."""
        if is_local(request):
            return None
        if self._sans and not allowed_san(_certificate(request), self._sans):
            return refuse(403, "The client certificate's names are not among client_allowed_sans.")
        writing = request.method not in _READING
        if writing and not _same_origin(request):
            return refuse(403, "A page of another site may not ask this.")
        if self._users:
            return await self._unknown(request)
        return web.Response(status=403, text=_CLOSED) if writing else None

    async def _unknown(self, request: web.Request) -> web.Response | None:
        given = credentials(request.headers.get(hdrs.AUTHORIZATION, ""))
        known = given is not None and await self._users.check(*given)
        if known:
            return None
        if known is None:
            return refuse(503, "Too many passwords are being checked; try again.")
        answer = refuse(401, "A user and a password are needed here.")
        answer.headers[hdrs.WWW_AUTHENTICATE] = 'Basic realm="linewarden", charset="UTF-8"'
        return answer

    def dress(self, response: web.StreamResponse) -> None:
        """Set the headers that every answer has."""
        for name, value in self._headers.items():
            response.headers.setdefault(name, value)
        response.headers[hdrs.SERVER] = "linewarden"  # not which version of what stands behind it
        response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")


GATE: Final = web.AppKey("gate", Gate)


def credentials(header: str) -> tuple[str, str] | None:
    """Return user and password of an Authorization header (RFC 7617); None where it is nothing of that kind."""
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(coded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return (user, password) if colon else None


def is_local(request: web.Request) -> bool:
    """Return whether a request came over the control socket."""
    sock = request.transport.get_extra_info("socket") if request.transport else None
    return sock is not None and sock.family == socket.AF_UNIX


def refuse(status: int, text: str) -> web.Response:
    """Return a plain answer of one sentence."""
    return web.Response(status=status, text=text + "\n")


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let pass who may, send the whole answer within its time, and turn a bug into a logged 500."""
    try:
        async with asyncio.timeout(RESPONSE_SECONDS):
            response = await _answer(request, handler)
            await response.prepare(request)
            await response.write_eof()
            await _taken(request)
            return response
    except TimeoutError:
        _log.warning("%s %s: not taken within %.0f s; hung up", request.method, request.path, RESPONSE_SECONDS)
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:
        pass  # the client has hung up: its right, and no news
    return web.Response(status=408)  # nobody is left to read it


async def dress(request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers of an answer, errors included (`on_response_prepare`)."""
    request.app[GATE].dress(response)


async def _taken(request: web.Request) -> None:
    """Wait until most of what was written has left: a client that asks and does not read must not fill memory."""
    transport = request.transport
    while transport and transport.get_write_buffer_size() > UNSENT_OCTETS:  # noqa: ASYNC110 - it has no event for this
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        refusal = await request.app[GATE].refusal(request)
        return await handler(request) if refusal is None else _refusal(request, refusal)
    except web.HTTPException as error:
        return _plain(request, error.status, error.text or error.reason, error.headers.get(hdrs.ALLOW))
    except (ConnectionError, TimeoutError):
        raise
    except Exception:
        _log.exception("%s %s failed", request.method, request.path)
        return _plain(request, 500, "This is a bug; the agent's log has its traceback.", None)


def _refusal(request: web.Request, answer: web.Response) -> web.Response:
    """Return who may not pass the reason as a document, where documents are asked for."""
    if not request.path.startswith("/api/"):
        return answer
    found = web.json_response({"error": (answer.text or "").strip()}, status=answer.status)
    if hdrs.WWW_AUTHENTICATE in answer.headers:
        found.headers[hdrs.WWW_AUTHENTICATE] = answer.headers[hdrs.WWW_AUTHENTICATE]
    return found


def _plain(request: web.Request, status: int, text: str, allow: str | None) -> web.Response:
    if request.path.startswith("/api/"):
        answer = web.json_response({"error": text}, status=status)
    else:
        answer = refuse(status, text)
    if allow:
        answer.headers[hdrs.ALLOW] = allow
    return answer


def _certificate(request: web.Request) -> dict[str, object] | None:
    found: dict[str, object] | None = request.transport.get_extra_info("peercert") if request.transport else None
    return found


def _same_origin(request: web.Request) -> bool:
    """A browser that has the password would send it along for any page that asks: only our own may write."""
    origin = request.headers.get(hdrs.ORIGIN)
    return origin is None or origin.partition("://")[2] == request.host

"""Where the web application listens: TCP with TLS and authentication, and the control socket."""

import asyncio
import contextlib
import errno
import grp
import os
import socket
import ssl
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aiohttp import web

from exporters import security
from exporters.gate import GATE, Gate

MAX_CONNECTIONS: Final = 256  # a handful of Prometheus servers and browsers; not a flood
KEEPALIVE_SECONDS: Final = 75.0  # longer than the usual scrape interval of a minute
HANDSHAKE_SECONDS: Final = 10.0
BACKLOG: Final = 128
STALLED_MILLISECONDS: Final = 60_000  # a peer that takes nothing for so long is gone
SOCKET_MODE: Final = 0o660
SOCKET_GROUP: Final = "linewarden"


class ListenError(OSError):
    """An address cannot be listened on; the message names it and the likely way out."""


class Server:
    """A web application that listens.

    Attributes:
        urls: what to open in a browser, one for each address.
    """

    def __init__(self, runner: web.AppRunner, gate: Gate) -> None:
        self.urls: tuple[str, ...] = ()
        self._runner: Final = runner
        self._gate: Final = gate
        self._listeners: list[asyncio.Server] = []
        self._socket_path: Path | None = None
        self._web_config: Path | None = None
        self._tls: security.TlsServer | None = None
        self._context: ssl.SSLContext | None = None

    @property
    def addresses(self) -> list[str]:
        """Lines for the person at the terminal: what can be opened where."""
        lines = [line for url in self.urls for line in (f"{url}/  status page", f"{url}/metrics  for Prometheus")]
        return lines + ([f"{self._socket_path}  control socket"] if self._socket_path else [])

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        server = self._runner.server
        return len(server.connections) if server is not None else 0

    async def listen(self, address: str, web_config: Path | None) -> None:
        """Listen on `HOST:PORT`, as the web configuration file says."""
        if web_config is not None:
            config = await asyncio.to_thread(security.load, web_config)
            self._web_config, self._tls = web_config, config.tls_server_config
            if self._tls is not None:
                self._context = await asyncio.to_thread(security.tls_context, self._tls)
            self._gate.configure(config)
        scheme = "http" if self._context is None else "https"
        for sock in await bind(address):
            self.urls += (f"{scheme}://{_authority(sock)}",)
            await self._serve(sock, self._context)

    async def control(self, path: Path) -> None:
        """Listen on the control socket, in place of one that a former run left."""
        sock = await asyncio.to_thread(bind_control, path)
        self._socket_path = path
        await self._serve(sock, None)

    async def refresh(self) -> list[str]:
        """Read the web configuration again: users, headers and certificate; return what is wrong with it.

        On a problem everything stays as it was. Which clients' certificates are trusted, and whether there is TLS at
        all, changes only with a restart.
        """
        if self._web_config is None:
            return []
        try:
            config = await asyncio.to_thread(security.load, self._web_config)
            if (config.tls_server_config is None) != (self._tls is None):
                return [f"{self._web_config}: switching TLS on or off needs a restart"]
            if self._context is not None and config.tls_server_config is not None:
                await asyncio.to_thread(security.tls_context, config.tls_server_config)  # whether all of it can be used
                await asyncio.to_thread(security.load_certificate, self._context, config.tls_server_config)
        except security.WebConfigError as error:
            return str(error).splitlines()
        self._gate.configure(config)
        return []

    async def close(self) -> None:
        """Stop listening, let requests under way end for a moment, and remove the control socket."""
        for listener in self._listeners:
            listener.close()
        await self._runner.cleanup()
        if self._socket_path is not None:
            self._socket_path.unlink(missing_ok=True)

    async def _serve(self, sock: socket.socket, context: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        handshake = None if context is None else HANDSHAKE_SECONDS
        self._listeners.append(
            await loop.create_server(
                self._protocol, sock=sock, ssl=context, backlog=BACKLOG, ssl_handshake_timeout=handshake
            )
        )

    def _protocol(self) -> asyncio.Protocol:
        server = self._runner.server
        assert server is not None  # the runner was set up
        return server() if self.connections < MAX_CONNECTIONS else _TooMany()


async def serve(
    app: web.Application, listen: str | None, web_config: Path | None = None, control_socket: Path | None = None
) -> Server:
    """Start serving.

    Args:
        listen: `HOST:PORT`, `[IPV6]:PORT` or `:PORT` for all addresses; port 0 takes a free one; None: no TCP.
        web_config: exporter-toolkit's web configuration file.
        control_socket: path of the control socket.

    Raises:
        ListenError: for an address or path that cannot be listened on.
        WebConfigError: for a web configuration file that cannot be used.
    """
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=KEEPALIVE_SECONDS, shutdown_timeout=2.0)
    await runner.setup()
    server = Server(runner, app[GATE])
    try:
        if control_socket is not None:
            await server.control(control_socket)
        if listen is not None:
            await server.listen(listen, web_config)
    except BaseException:
        await server.close()
        raise
    return server


def parse_listen(address: str) -> tuple[str | None, int]:
    """Return host and port of `HOST:PORT`; None for all addresses.

    Raises:
        ListenError: naming what was expected.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535 or (":" in host and host[0] != "["):
        raise ListenError(f"cannot listen on {address!r}: expected HOST:PORT such as 127.0.0.1:9799 or [::1]:9799")
    return host.strip("[]") or None, int(port)


async def bind(address: str) -> Sequence[socket.socket]:
    """Return bound sockets for an address; a name may stand for several.

    Raises:
        ListenError: naming the address and the likely way out.
    """
    host, port = parse_listen(address)
    loop = asyncio.get_running_loop()
    found: list[socket.socket] = []
    try:
        hosts = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, where in dict.fromkeys(hosts):
            sock = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
            found.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MILLISECONDS)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(where)
    except OSError as error:
        for sock in found:
            sock.close()
        refusal = ListenError(_advice(address, error))
        refusal.errno = error.errno  # not as an argument: the message would begin with its number
        raise refusal from None
    return found


def bind_control(path: Path) -> socket.socket:
    """Return the control socket bound, not yet listening: nobody can connect before its mode is right.

    Raises:
        ListenError: when another agent answers there, or the folder does not let us.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        _remove_stale(path)
        sock.bind(str(path))
        path.chmod(SOCKET_MODE)
        with contextlib.suppress(KeyError, PermissionError):  # no such group, or we are not in it
            os.chown(path, -1, grp.getgrnam(SOCKET_GROUP).gr_gid)
    except OSError as error:
        sock.close()
        if isinstance(error, ListenError):
            raise
        raise ListenError(f"cannot make the control socket {path}: {error.strerror or error}") from None
    return sock


def _remove_stale(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ListenError(f"cannot make the control socket {path}: a file that is no socket stands there")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(1.0)
        try:
            caller.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except TimeoutError:
            pass  # somebody listens, and is busy
    raise ListenError(f"cannot make the control socket {path}: another agent answers there; is linewarden running?")


def _advice(address: str, error: OSError) -> str:
    advice = {
        errno.EADDRINUSE: "the port is taken; stop what listens there (`ss -ltnp`) or set agent.listen or --listen",
        errno.EADDRNOTAVAIL: "this host has no such address (`ip address`)",
        errno.EACCES: "no permission; ports below 1024 need root or CAP_NET_BIND_SERVICE",
        errno.EAFNOSUPPORT: "this host does not speak that kind of address",
    }
    if isinstance(error, socket.gaierror):
        return f"cannot listen on {address}: the host name is not known ({error.strerror})"
    return f"cannot listen on {address}: {advice.get(error.errno or 0, error.strerror)}"


def _authority(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _TooMany(asyncio.Protocol):
    """Hangs up at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()

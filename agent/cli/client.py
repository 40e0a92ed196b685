"""How commands reach a running agent; those that only read are answered by its ledger when none runs.

Everything comes back as the documents of `/api/v1`, whichever it was.
"""

import asyncio
import base64
import errno
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    import aiohttp

    from agent.ledger import LedgerReader

DEFAULT_CONFIG: Final = Path("/etc/linewarden/linewarden.yaml")
SERVICE_RUNTIME: Final = Path("/run/linewarden")
SERVICE_STATE: Final = Path("/var/lib/linewarden")
_SOCKET: Final = "control.sock"
_ANSWER_SECONDS: Final = 15.0  # an agent that is alive answers within one
_MOST_OCTETS: Final = 256 << 20  # whatever stands behind --url, it does not fill this machine's memory
_NOBODY: Final = frozenset({errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR, errno.ENOTSOCK})


class CannotError(click.ClickException):
    """The question cannot be answered: no agent, no permission."""

    exit_code = 3


class RefusedError(click.ClickException):
    """The question is wrong: an unknown target, a parameter out of range, a bad URL."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Where:
    """Which agent is meant: by URL, or by the configuration that it runs with."""

    url: str | None = None
    config: Path | None = None
    state_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A document, and where it came from; `ledger` or `config` where no agent answered."""

    document: dict[str, Any]
    ledger: Path | None = None
    config: Path | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call of `/api/v1`: its path, its parameters, and what is sent along."""

    what: str
    parameters: Mapping[str, str]
    method: str = "GET"
    body: Mapping[str, Any] | None = None


def where_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --url, --config and --state-dir to a command, which gets them as `where`."""

    @click.option(
        "--url",
        metavar="URL",
        help="Ask the agent at this http(s) address; user and password from the URL, ~/.netrc, or "
        "$LINEWARDEN_USER and $LINEWARDEN_PASSWORD.",
    )
    @click.option(
        "--config",
        "config_file",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="LINEWARDEN_CONFIG",
        show_envvar=True,
        help=f"Ask the agent that runs with this configuration.  [default: {DEFAULT_CONFIG}]",
    )
    @click.option(
        "--state-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Ask the agent that was started with this --state-dir.",
    )
    @wraps(function)
    def command(url: str | None, config_file: Path | None, state_dir: Path | None, **rest: Any) -> Any:  # noqa: ANN401 - whatever it returns
        return function(where=Where(url, config_file, state_dir), **rest)  # fmt: skip

    return command


def ask(where: Where, what: str, **parameters: str | None) -> Answer:
    """Return the answer of the agent to `what` (`events`, `maintenance` ...), or of its ledger when none runs.

    Raises:
        RefusedError: the question is wrong (exit code 2).
        CannotError: nobody can answer (exit code 3).
    """
    wanted = {name: value for name, value in parameters.items() if value is not None}
    found = _ask_agent(where, Call(what, wanted))
    return Answer(found) if found is not None else _ask_ledger(where, *places(where), what, wanted)


def say(where: Where, method: str, what: str, body: Mapping[str, Any] | None = None, **parameters: str
        ) -> dict[str, Any]:  # fmt: skip
    """Tell the agent something, and return its answer. Only a running agent takes it.

    Raises:
        RefusedError: it cannot be (exit code 2).
        CannotError: no agent, or it may not be (exit code 3).
    """
    found = _ask_agent(where, Call(what, parameters, method, body))
    if found is None:
        tried = ", ".join(str(socket) for socket in places(where)[1])
        raise CannotError(f"no agent is running (tried {tried}), and only a running one takes this; "
                          "name it with --url or --config")  # fmt: skip
    return found


def _ask_agent(where: Where, call: Call) -> dict[str, Any] | None:
    """Return the answer of the agent; None where none runs."""
    if where.url is not None:
        return asyncio.run(_ask_url(where.url, call))
    for socket in places(where)[1]:
        try:
            socket.stat()  # most are not there: told before anything heavy is imported
            return asyncio.run(_ask_socket(socket, call))
        except OSError as error:
            if error.errno not in _NOBODY:
                raise CannotError(_socket_trouble(socket, error)) from error
    return None


def places(where: Where) -> tuple[list[Path], list[Path]]:
    """Return the state directories and the control sockets to try, in order.

    An agent that is a service has its socket in its runtime directory; one that was started by hand in its state
    directory. The service's own places count only where nothing names another agent.
    """
    runtime = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    configured = where.state_dir or _configured_state_dir(where.config)
    if configured is not None:
        state_dirs = [configured]
    else:
        given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
        own = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "linewarden"
        state_dirs = [Path(given)] if given else [own]
    if where.state_dir is not None:
        return state_dirs, [where.state_dir / _SOCKET]
    by_default = (where.config or DEFAULT_CONFIG) == DEFAULT_CONFIG
    folders = [Path(runtime)] if runtime else []
    if by_default or SERVICE_STATE in state_dirs:
        folders.append(SERVICE_RUNTIME)
    if by_default and configured is None:
        state_dirs.append(SERVICE_STATE)
    return state_dirs, [folder / _SOCKET for folder in (*folders, *state_dirs)]


def _configured_state_dir(config: Path | None) -> Path | None:
    """Return `agent.state_dir` of the file; the rest of it is not looked at, for a question must not fail on it."""
    import yaml

    try:
        with (config or DEFAULT_CONFIG).open("rb") as file:
            found = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader
    except OSError as error:
        if config is None:
            return None  # no service is set up here, or only its group may read its configuration
        raise RefusedError(f"{config}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RefusedError(f"{config or DEFAULT_CONFIG}: not YAML: {' '.join(str(error).split())}") from error
    agent = found.get("agent") if isinstance(found, dict) else None
    state_dir = agent.get("state_dir") if isinstance(agent, dict) else None
    return Path(state_dir) if isinstance(state_dir, str) and state_dir else None


def _socket_trouble(socket: Path, error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return f"the agent at {socket} does not answer within {_ANSWER_SECONDS:.0f} s; see its log"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"{socket}: not permitted; be root or a member of its group (usually linewarden)"
    return f"{socket}: {error.strerror or error}"


# ------------------------------------------------------------------ a running agent


async def _ask_socket(socket: Path, call: Call) -> dict[str, Any]:
    import aiohttp

    try:
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(socket))) as session:
            return await _send(session, "http://localhost", call)
    except aiohttp.ClientConnectorError as error:
        raise OSError(error.os_error.errno, error.os_error.strerror) from error
    except aiohttp.ClientError as error:
        raise CannotError(f"{socket}: the agent hung up: {error}") from error


async def _ask_url(url: str, call: Call) -> dict[str, Any]:
    import aiohttp
    from yarl import URL

    try:
        base = URL(url)
    except ValueError as error:
        raise RefusedError(f"--url {url}: {error}") from error
    if base.scheme not in {"http", "https"} or not base.host:
        raise RefusedError(f"--url {url}: expected http://HOST:PORT or https://HOST:PORT")
    shown = base.with_user(None)  # a password belongs in no message
    headers = {}
    if (user := os.environ.get("LINEWARDEN_USER")) and base.user is None:
        secret = f"{user}:{os.environ.get('LINEWARDEN_PASSWORD', '')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(secret).decode()}"
    try:
        # trust_env: ~/.netrc and proxies, where nothing nearer says who asks
        async with aiohttp.ClientSession(headers=headers, trust_env=not headers) as session:
            return await _send(session, str(base).rstrip("/"), call)
    except aiohttp.ClientConnectorCertificateError as error:
        raise CannotError(f"{shown}: its certificate is not trusted ({error.certificate_error}); "
                          "name its CA in $SSL_CERT_FILE") from error  # fmt: skip
    except aiohttp.ClientConnectorError as error:
        raise CannotError(f"{shown}: no agent answers there: {error.os_error.strerror or error.os_error}") from error
    except TimeoutError as error:
        raise CannotError(f"{shown}: no answer within {_ANSWER_SECONDS:.0f} s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise CannotError(f"{shown}: {error or type(error).__name__}") from error


async def _send(session: "aiohttp.ClientSession", base: str, call: Call) -> dict[str, Any]:
    import json

    url, parameters = f"{base}/api/v1/{call.what}", dict(call.parameters)
    async with (
        asyncio.timeout(_ANSWER_SECONDS),
        session.request(call.method, url, params=parameters, json=call.body, allow_redirects=False) as response,
    ):
        body = bytearray()
        async for part in response.content.iter_chunked(1 << 16):
            body += part
            if len(body) > _MOST_OCTETS:
                raise CannotError(f"the answer is larger than {_MOST_OCTETS >> 20} MiB; ask for less with --limit")
    if response.status in range(300, 400):
        raise RefusedError(f"redirected to {response.headers.get('Location', '?')}; give that as --url")
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    text = found["error"] if isinstance(found, dict) and isinstance(found.get("error"), str) else response.reason
    if response.status == 401:
        raise CannotError(f"not permitted: {text}; user and password are taken from the URL, ~/.netrc, or "
                          "$LINEWARDEN_USER and $LINEWARDEN_PASSWORD")  # fmt: skip
    if response.status == 403:
        raise CannotError(f"not permitted: {text}")
    if response.status in {400, 404} and isinstance(found, dict):
        raise RefusedError(str(text))
    if response.status == 503 and isinstance(found, dict):
        raise CannotError(str(text))
    if response.status not in {200, 201} or not isinstance(found, dict):
        raise CannotError(f"no answer of a linewarden agent (HTTP {response.status} {text})")
    return found


# ------------------------------------------------------------------ no agent: the ledger


def _ask_ledger(
    where: Where, state_dirs: list[Path], sockets: list[Path], what: str, wanted: Mapping[str, str]
) -> Answer:
    from agent.ledger import FILE_NAME, LedgerError, LedgerReader

    tried = ", ".join(str(socket) for socket in sockets)
    path = next((d / FILE_NAME for d in state_dirs if _there(d / FILE_NAME)), None)
    try:
        if what in {"topology", "register", "ageing"}:
            return _offline(where, tried, path, what, wanted)
        if path is None:
            folders = " or ".join(str(d) for d in state_dirs)
            raise CannotError(f"no agent is running (tried {tried}), and there is no ledger in {folders}; "
                              "name the agent with --url or --config")  # fmt: skip
        if what == "explain":
            return _offline(where, tried, path, what, wanted)
        return Answer({what: _rows(LedgerReader(path), where.config or DEFAULT_CONFIG, what, wanted)}, path)
    except LedgerError as error:
        raise CannotError(f"no agent is running (tried {tried}), and its ledger is of no use: {error}") from error


def _rows(reader: "LedgerReader", config: Path, what: str, wanted: Mapping[str, str]) -> object:
    """Return the events, outages, accounts or windows that are wanted."""
    from agent.core.documents import document
    from agent.core.model import EventKind
    from agent.core.ports import EventFilter
    from exporters.desk import outage_document, window_documents

    limit = int(wanted.get("limit", "1000"))
    since, until = (datetime.fromisoformat(wanted[k]) if k in wanted else None for k in ("since", "until"))
    found: object
    if what == "availability":
        from agent.cli.ledgerbooks import accounts

        found = accounts(reader, config, wanted.get("target"), wanted.get("period"), since, until)
    elif what == "events":
        kinds = tuple(EventKind(kind) for kind in wanted["kind"].split(",")) if "kind" in wanted else None
        found = reader.events(EventFilter(wanted.get("target"), kinds, since, until, limit))
    elif what == "maintenance":
        return window_documents(reader.windows(), datetime.now(UTC), everything="all" in wanted)
    else:
        outages = reader.outages(target=wanted.get("target"), open_only="open" in wanted, since=since, limit=limit)
        notes = reader.notes([outage.id for outage in outages])
        return [outage_document(one, [note for note in notes if note.outage == one.id]) for one in outages]
    return document(found)


def _offline(where: Where, tried: str, path: Path | None, what: str, wanted: Mapping[str, str]) -> Answer:
    """Answer what needs the configuration as well: the ledger has states, and not what depends on what."""
    from agent.cli import offline
    from agent.config import ConfigError
    from agent.ledger import LedgerReader

    config = where.config or DEFAULT_CONFIG
    try:
        loaded = offline.loaded_of(config)
    except ConfigError as error:
        first = str(error).splitlines()[0]
        raise CannotError(f"no agent is running (tried {tried}), and without one its configuration is needed: {first}; "
                          "name it with --config, or the agent with --url") from error  # fmt: skip
    reader = LedgerReader(path) if path is not None else None
    try:
        if what == "register":
            return Answer(offline.register(loaded, reader), path)
        if what == "ageing":
            return Answer(offline.ageing(loaded, reader, wanted), path, config)
        if what == "topology" or reader is None:
            return Answer(offline.tree(loaded.estate, reader), path)
        return Answer(offline.explained(loaded.estate, reader, wanted["target"]), path)
    except (offline.UnknownTargetError, ValueError) as error:
        raise RefusedError(str(error)) from error


def _there(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError as error:
        raise CannotError(f"{path}: not permitted; be root or a member of its group (usually linewarden)") from error

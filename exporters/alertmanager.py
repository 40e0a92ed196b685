"""Pages go to every configured Alertmanager by its API v2: at once when they begin or end, and again and again.

Each Alertmanager has a task of its own, so that one that hangs delays no other. What is told is always the present
state, never a queue of messages: an Alertmanager that was away hears what is true now.
"""

import asyncio
import contextlib
import json
import logging
import os
import random
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import aiohttp

from agent.core.alerting import RESEND_SECONDS, Alert, Alertmanager, Standing, body, recall, remember
from agent.core.picture import Picture

_log = logging.getLogger(__name__)

FILE_NAME: Final = "pushed.json"  # in the state directory: what Alertmanagers were told
_PATH: Final = "/api/v2/alerts"
_UNSETTLED_SECONDS: Final = 1.0  # how often it is looked whether a held alert may end
_FIRST_RETRY_SECONDS: Final = 1.0
_BATCH: Final = 256  # alerts in one request: some 150 kB, far below what proxies take
_ANSWER_OCTETS: Final = 2000  # of a refusal: enough for its first sentence
_SHOWN: Final = 200
_MEMORY_MAX_OCTETS: Final = 100_000_000

Requests = list[tuple[int, Callable[[], bytes]]]  # how many alerts, and what makes the text of them


@dataclass(slots=True)
class Counts:
    """What metrics tell, by the address of the Alertmanager.

    Attributes:
        sent: alerts that were taken, resent ones and ends included.
        failures: attempts that were not taken.
        ok: 1 while the last attempt was taken, 0 while it was not; nothing before the first.
        last_success: Unix seconds.
    """

    sent: dict[tuple[str, ...], int] = field(default_factory=dict)
    failures: dict[tuple[str, ...], int] = field(default_factory=dict)
    ok: dict[tuple[str, ...], int] = field(default_factory=dict)
    last_success: dict[tuple[str, ...], float] = field(default_factory=dict)

    def begin(self, url: str) -> None:
        """Show an Alertmanager that is told from now on."""
        self.sent.setdefault((url,), 0)
        self.failures.setdefault((url,), 0)

    def forget(self, url: str) -> None:
        """Show an Alertmanager no more."""
        for each in (self.sent, self.failures, self.ok, self.last_success):
            each.pop((url,), None)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things are done; tests are more impatient."""

    resend_seconds: float = RESEND_SECONDS
    first_retry_seconds: float = _FIRST_RETRY_SECONDS


class Push:
    """Keep every configured Alertmanager told.

    Attributes:
        counts: what metrics tell.
    """

    def __init__(self, picture: Picture, memory: Path, *, pace: Pace | None = None) -> None:
        """Take the picture whose pages are told.

        Args:
            memory: the file that keeps what was told over a restart.
        """
        self.counts = Counts()
        self._picture = picture
        self._memory = _Memory(memory)
        self._pace = pace or Pace()
        self._standing = Standing()
        self._source = ""
        self._runbooks = ""
        self._wanted: tuple[Alertmanager, ...] = ()
        self._peers: dict[Alertmanager, tuple[_Peer, asyncio.Task[None]]] = {}
        self._news = asyncio.Event()
        self._unsaved = asyncio.Event()
        # An end is told once it is written: a run that is killed between the two would let the alert fire again.
        self._after_writing = False

    @property
    def firing(self) -> int:
        """Return how many alerts Alertmanagers are told to be firing."""
        return len(self._standing.firing)

    @property
    def configured(self) -> int:
        """Return how many Alertmanagers are told."""
        return len(self._wanted)

    def configure(self, alertmanagers: Sequence[Alertmanager], *, source: str, runbooks: str) -> None:
        """Tell these from now on; what was told to one that is left out ends there by itself.

        Args:
            source: the address of the status page: where an alert came from.
            runbooks: the address below which each alert has its page.
        """
        self._wanted, self._source, self._runbooks = tuple(alertmanagers), source, runbooks
        for one in self._wanted:
            self.counts.begin(one.url)
        self._news.set()

    def changed(self) -> None:
        """Look at the pages of the picture at once: some began or ended."""
        self._news.set()

    async def run(self) -> None:
        """Follow the pages until cancelled. The picture must hold the outages of the former run already."""
        self._standing = Standing(await asyncio.to_thread(self._memory.read, datetime.now(UTC)))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep(), name="alertmanager-memory")
            while True:
                await self._leave()
                if self._wanted:
                    self._follow()
                    self._meet(tasks)
                else:
                    self._standing = Standing()
                hurry = self._wanted and self._standing.unsettled
                await _wait(self._news, _UNSETTLED_SECONDS if hurry else self._pace.resend_seconds)

    def _follow(self) -> None:
        try:
            changed = self._standing.follow(self._picture, datetime.now(UTC))
        except Exception:  # a bug here must not end the watch: what was told last goes on being told
            _log.exception("the pages could not be followed")
            return
        if not changed:
            return
        self._unsaved.set()
        self._after_writing = not self._standing.began
        if self._standing.began:
            self._wake()

    def _wake(self) -> None:
        for peer, _ in self._peers.values():
            peer.news.set()

    async def _leave(self) -> None:
        """Tell Alertmanagers no more that are not wanted any more, or otherwise."""
        for one in self._peers.keys() - set(self._wanted):
            _, task = self._peers.pop(one)
            task.cancel()
            await asyncio.wait([task])
            if one.url not in {wanted.url for wanted in self._wanted}:
                self.counts.forget(one.url)

    def _meet(self, tasks: asyncio.TaskGroup) -> None:
        """Begin with Alertmanagers that are new."""
        for one in self._wanted:
            if one not in self._peers:
                peer = _Peer(one, self._told, self.counts, self._pace)
                self._peers[one] = peer, tasks.create_task(peer.run(), name=f"alertmanager {one.url}")

    async def _keep(self) -> None:
        """Write what is told to the file: at changes and as often as it is told. No page waits for a slow disk."""
        while True:
            await _wait(self._unsaved, self._pace.resend_seconds)
            if self._wanted:
                await asyncio.to_thread(self._memory.write, self._standing.kept(), datetime.now(UTC))
            if self._after_writing:
                self._after_writing = False
                self._wake()

    def _told(self) -> Requests:
        """Return what is true now as requests; at least one, if only to learn that the way is open."""
        alerts = self._standing.alerts()
        parts = [alerts[first : first + _BATCH] for first in range(0, max(len(alerts), 1), _BATCH)]
        return [(len(part), partial(self._request, part)) for part in parts]

    def _request(self, alerts: Sequence[Alert]) -> bytes:
        told = body(alerts, datetime.now(UTC), source=self._source, runbooks=self._runbooks)
        return json.dumps(told).encode()


class _Peer:
    """Keeps one Alertmanager told."""

    def __init__(self, settings: Alertmanager, told: Callable[[], Requests], counts: Counts, pace: Pace) -> None:
        self.news = asyncio.Event()
        self._settings = settings
        self._told = told
        self._counts = counts
        self._pace = pace
        self._failures = 0  # in a row

    async def run(self) -> None:
        """Tell it what is true: at news, and at least every `resend_seconds`; sooner again where it was not taken."""
        async with contextlib.AsyncExitStack() as stack:
            session: aiohttp.ClientSession | None = None
            while True:
                self.news.clear()
                try:
                    if session is None:
                        session = await stack.enter_async_context(await self._session())
                    problem = await self._tell(session)
                except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
                    problem = _in_words(error, self._settings)
                except Exception as error:  # a bug here must not end the watch, nor be silent
                    _log.exception("telling Alertmanager %s failed", self._settings.url)
                    problem = f"a bug: {type(error).__name__}"
                self._note(problem)
                await _wait(self.news, self._pause())

    async def _session(self) -> aiohttp.ClientSession:
        if self._settings.problem is not None:
            raise ValueError(self._settings.problem)
        headers = {aiohttp.hdrs.CONTENT_TYPE: "application/json"}
        if self._settings.authorization:
            headers[aiohttp.hdrs.AUTHORIZATION] = self._settings.authorization
        tls = await asyncio.to_thread(tls_context, self._settings)
        return aiohttp.ClientSession(
            # a new connection each time: one that a firewall has forgotten would swallow the first page of the night
            connector=aiohttp.TCPConnector(ssl=tls, force_close=True),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=self._settings.timeout_seconds),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def _tell(self, session: aiohttp.ClientSession) -> str:
        """Send all that is true now; return why it was not taken, or nothing."""
        key, url = (self._settings.url,), self._settings.url + _PATH
        name = self._settings.server_name
        for number, request in self._told():
            async with session.post(url, data=request(), allow_redirects=False, server_hostname=name) as answer:
                if problem := await _refusal(answer):
                    return problem
            self._counts.sent[key] += number
        return ""

    def _note(self, problem: str) -> None:
        """Count an attempt; log where failing begins, and where it ends."""
        key, url = (self._settings.url,), self._settings.url
        if problem:
            self._failures += 1
            self._counts.failures[key] += 1
            if self._failures == 1:
                _log.warning("Alertmanager %s cannot be told: %s", url, problem)
        else:
            if self._failures:
                _log.info("Alertmanager %s is told again, after %d failed attempts", url, self._failures)
            self._failures = 0
            self._counts.last_success[key] = datetime.now(UTC).timestamp()
        self._counts.ok[key] = int(not problem)

    def _pause(self) -> float:
        """Return how long nothing need be told; after failures twice as long each time, with jitter."""
        if not self._failures:
            return self._pace.resend_seconds
        longest = min(self._pace.first_retry_seconds * 2.0 ** min(self._failures - 1, 16), self._pace.resend_seconds)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret: it keeps agents from retrying as one


class _Memory:
    """The file that keeps what was told; its trouble is logged once, and pages go on."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._written = self._failed = False

    def read(self, now: datetime) -> tuple[Alert, ...]:
        """Return what Alertmanagers hold from the former run."""
        try:
            if self._file.stat().st_size > _MEMORY_MAX_OCTETS:
                raise ValueError(f"larger than {_MEMORY_MAX_OCTETS} octets")
            found = recall(self._file.read_text(encoding="utf-8"), now)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError) as error:
            _log.warning("%s: which alerts were told before is not known: %s", self._file, error)
            return ()
        self._written = bool(found)
        return found

    def write(self, alerts: Sequence[Alert], now: datetime) -> None:
        """Replace the file in one step; nothing to remember where there was nothing needs none."""
        if not alerts and not self._written:
            return
        temporary = self._file.with_suffix(".new")
        try:
            with temporary.open("w", encoding="utf-8") as stream:
                stream.write(remember(alerts, now))
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(self._file)
        except OSError as error:
            if not self._failed:
                _log.warning("%s: which alerts are told cannot be kept over a restart: %s", self._file, error)
            self._failed = True
            return
        self._written, self._failed = bool(alerts), False


def tls_context(settings: Alertmanager) -> ssl.SSLContext | bool:
    """Return what aiohttp takes as `ssl`; it reads files.

    Raises:
        OSError: a file cannot be read, or holds no certificate (ssl.SSLError).
    """
    if not settings.url.startswith("https:"):
        return True
    context = ssl.create_default_context(cafile=settings.ca_file)
    if settings.cert_file is not None:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _refusal(answer: aiohttp.ClientResponse) -> str:
    """Return why an answer is no consent; nothing where it is."""
    kind = answer.headers.get(aiohttp.hdrs.CONTENT_TYPE, "")
    if answer.ok and answer.status < 300:
        # a sign-on page or another server's welcome takes everything, and tells nobody
        return "it answers with a web page: is this an Alertmanager?" if kind.startswith("text/html") else ""
    said = (await answer.content.read(_ANSWER_OCTETS)).decode(errors="replace")
    words = " ".join("".join(c if c.isprintable() else " " for c in said).split())[:_SHOWN]
    return f"HTTP {answer.status}" + (f": {words}" if words else "")


def _in_words(error: Exception, settings: Alertmanager) -> str:
    """Put a failure into words; the URL stands in the log line already, and no header is in any of these."""
    if isinstance(error, TimeoutError):
        return f"no answer within {settings.timeout_seconds:g} s"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not trusted: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error  # asyncio writes the address in place of the kernel's words; the resolver's are negative
        known = cause.errno is not None and cause.errno > 0
        return f"no connection: {os.strerror(cause.errno or 0) if known else cause.strerror or cause}"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "it hung up without an answer"
    if isinstance(error, aiohttp.ClientResponseError):
        return f"no HTTP answer: {' '.join(error.message.split())[:_SHOWN]}"
    return " ".join(str(error).split())[:_SHOWN] or type(error).__name__


async def _wait(news: asyncio.Event, seconds: float) -> None:
    """Wait for news, or as long as this; the news is taken."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news.wait()
    news.clear()

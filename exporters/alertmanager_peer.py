"""Keeping one Alertmanager told: how it is reached, what counts as an answer, and when it is tried again."""

import asyncio
import contextlib
import logging
import os
import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import aiohttp

from agent.core.alerting import RESEND_SECONDS, Alertmanager

_log = logging.getLogger(__name__)

_PATH: Final = "/api/v2/alerts"
_FIRST_RETRY_SECONDS: Final = 1.0
_ANSWER_OCTETS: Final = 2000  # of a refusal: enough for its first sentence
_SHOWN: Final = 200

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


class Peer:
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
                await wait_for(self.news, self._pause())

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


async def wait_for(news: asyncio.Event, seconds: float) -> None:
    """Wait for news, or as long as this; the news is taken."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news.wait()
    news.clear()

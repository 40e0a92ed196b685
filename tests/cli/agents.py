"""An agent to ask: the real web application and ledger, in a thread of their own."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
from aiohttp import web
from click.testing import CliRunner, Result

import agent.cli
from agent.core.model import Event, EventKind
from agent.ledger import FILE_NAME, SqliteLedger
from tests.exporters.pictures import trouble
from tests.exporters.serving import serving

T = TypeVar("T")
NOW = datetime.now(UTC).replace(microsecond=0)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def happened(new: str, at: datetime, target: str = "enc-crown", *, old: str = "up", reason: str = "3 echoes missed",
             causes: tuple[str, ...] = (), kind: EventKind = EventKind.TARGET,
             check: str | None = None) -> Event:  # fmt: skip
    return Event(kind, at, at + timedelta(seconds=2), target, old, new, reason, check=check, causes=causes)


HISTORY = (
    Event(EventKind.AGENT, ago(days=3), ago(days=3), "dc1", "", "started", "version 0.1.0"),
    happened("down", ago(days=2), "bcw-core-sw1"),
    happened("up", ago(days=2, minutes=-10), "bcw-core-sw1", old="down", reason="answers again"),
    happened("down", ago(minutes=30), kind=EventKind.CHECK, check="icmp"),
    happened("down", ago(minutes=30)),
    happened("unreachable", ago(minutes=29), "enc-sw1", causes=("enc-crown",), reason="what it depends on is down"),
)


@dataclass(frozen=True)
class Served:
    """An agent that is served until the `with` ends."""

    state_dir: Path
    url: str
    ledger: SqliteLedger
    loop: asyncio.AbstractEventLoop

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)


@contextmanager
def served(state_dir: Path, events: Sequence[Event] = HISTORY, *, listen: str = "127.0.0.1:0") -> Iterator[Served]:
    started: Future[Served] = Future()
    stop = asyncio.Event()

    async def main() -> None:
        ledger = SqliteLedger(state_dir / FILE_NAME, agent="dc1")
        await ledger.open()
        try:
            await ledger.record(events)
            async with serving(
                lambda: trouble(datetime.now(UTC)),
                ledger=ledger,
                listen=listen,
                control_socket=state_dir / "control.sock",
            ) as server:
                started.set_result(Served(state_dir, server.urls[0], ledger, asyncio.get_running_loop()))
                await stop.wait()
        finally:
            await ledger.close()

    thread, result = in_thread(main, started)
    found = started.result(30)
    try:
        yield found
    finally:
        found.loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        result.result(0)


@contextmanager
def answering(handler: Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]],
              context: ssl.SSLContext | None = None) -> Iterator[str]:  # fmt: skip
    """Serve whatever the handler says at a URL."""
    started: Future[tuple[str, asyncio.AbstractEventLoop]] = Future()
    stop = asyncio.Event()

    async def main() -> None:
        app = web.Application()
        app.add_routes([web.get("/{path:.*}", handler)])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        scheme = "https" if context else "http"
        started.set_result((f"{scheme}://127.0.0.1:{runner.addresses[0][1]}", asyncio.get_running_loop()))
        await stop.wait()
        await runner.cleanup()

    thread, result = in_thread(main, started)
    url, loop = started.result(30)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        result.result(0)


def in_thread(
    main: Callable[[], Coroutine[Any, Any, None]], started: Future[Any]
) -> tuple[threading.Thread, Future[None]]:
    """Run a coroutine function on a loop of its own; what it fails with is seen by whoever waits for either future."""
    result: Future[None] = Future()

    def run() -> None:
        try:
            asyncio.run(main())
            result.set_result(None)
        except BaseException as error:
            result.set_exception(error)
            if not started.done():
                started.set_exception(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, result


def linewarden(*arguments: str | Path, **environment: str) -> Result:
    """Run the command in this process."""
    assert isinstance(agent.cli.main, click.Command)
    return CliRunner().invoke(agent.cli.main, [str(a) for a in arguments], env=environment, catch_exceptions=False)

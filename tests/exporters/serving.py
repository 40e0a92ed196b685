"""The real server on a free port, a picture behind it, and certificates to try it with."""

import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import aiohttp
from prometheus_client import CollectorRegistry

from agent.core.model import Event, Outage
from agent.core.notes import Note
from agent.core.picture import Picture
from agent.core.ports import EventFilter
from agent.core.unpolled import SupportOf
from exporters import api, multitarget, web

# "secret", at bcrypt's lowest cost: the tests are about the rules, not about the price
SECRET_HASH: Final = "$2b$04$sM5GVWhLYY6wcYZh8B37/eSMFiWzWBq0PYpI2Pk1ehX0U904KWF9m"


class MemoryLedger:
    """Events and outages that are simply kept; remembers what it was asked."""

    def __init__(self, events: Sequence[Event] = (), outages: Sequence[Outage] = ()) -> None:
        self.kept = tuple(events)
        self.kept_outages = tuple(outages)
        self.kept_notes: tuple[Note, ...] = ()
        self.asked: list[object] = []

    async def events(self, wanted: EventFilter) -> Sequence[Event]:
        self.asked.append(wanted)
        found = [e for e in self.kept if wanted.target in {None, e.target}]
        return found[-wanted.limit :]

    async def outages(
        self, *, target: str | None = None, open_only: bool = False, since: datetime | None = None, limit: int = 1000
    ) -> Sequence[Outage]:
        self.asked.append((target, open_only, since, limit))
        return self.kept_outages[:limit]

    async def notes(self, outages: Sequence[int]) -> Sequence[Note]:
        return [note for note in self.kept_notes if note.outage in outages]


async def nothing_wrong() -> Sequence[str]:
    """Reload without a problem."""
    return ()


@asynccontextmanager
async def serving(
    picture: Picture | Callable[[], Picture],
    *,
    ledger: api.Record | None = None,
    registry: CollectorRegistry | None = None,
    actions: web.Actions | None = None,
    now: datetime | None = None,
    listen: str | None = "127.0.0.1:0",
    web_config: Path | None = None,
    control_socket: Path | None = None,
    on_demand: multitarget.Source | None = None,
    report: api.Report | None = None,
    support_of: SupportOf | None = None,
) -> AsyncIterator[web.Server]:
    """Serve a picture for the length of a `with`.

    Args:
        now: a clock that stands still; the real one by default.
    """
    app = web.build(
        picture if callable(picture) else lambda: picture,
        ledger or MemoryLedger(),
        registry,
        actions or web.Actions(nothing_wrong),
        (lambda: now) if now else (lambda: datetime.now(UTC)),
        on_demand,
        report,
        support_of,
    )
    server = await web.serve(app, listen, web_config, control_socket)
    try:
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def asking(
    server: web.Server | Path, headers: Mapping[str, str] | None = None, *, raw: bool = False
) -> AsyncIterator[aiohttp.ClientSession]:
    """Give a client of a server, or of a control socket.

    Args:
        raw: leaves bodies compressed.
    """
    connector = aiohttp.UnixConnector(str(server)) if isinstance(server, Path) else aiohttp.TCPConnector()
    url = "http://localhost" if isinstance(server, Path) else server.urls[0]
    async with aiohttp.ClientSession(
        url, connector=connector, headers=headers, auto_decompress=not raw, timeout=aiohttp.ClientTimeout(30)
    ) as session:
        yield session


def make_certificate(
    folder: Path, name: str, *, issuer: str | None = None, san: str = "IP:127.0.0.1"
) -> tuple[Path, Path]:
    """Make a certificate and its key; self-signed, or signed by one that was made here before."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    signer = ["-CA", str(folder / f"{issuer}.pem"), "-CAkey", str(folder / f"{issuer}.key")] if issuer else []
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-addext", f"subjectAltName={san}", "-keyout", key, "-out", certificate, *signer,
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return certificate, key

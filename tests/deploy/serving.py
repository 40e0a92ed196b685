"""A picture served by the real web application, for a real Prometheus to scrape."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import yaml
from aiohttp import web
from prometheus_client import CollectorRegistry

from agent.core.picture import Picture
from exporters.web import Actions, build

if TYPE_CHECKING:
    from agent.core.ports import Ledger

DEPLOY: Final = Path(__file__).parents[2] / "deploy"


@asynccontextmanager
async def served(
    picture: Callable[[], Picture], registry: CollectorRegistry | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[str]:
    """Serve the picture, on a free port if none is given; yield `host:port`."""

    async def reload() -> Sequence[str]:
        return []

    ledger = cast("Ledger", None)  # what Prometheus asks for is in the picture alone
    runner = web.AppRunner(build(picture, ledger, registry, Actions(reload)))
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        host, port = runner.addresses[0][:2]
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()


def scrape_configuration(address: str, **changes: dict[str, Any]) -> dict[str, Any]:
    """Return the shipped jobs for an agent at this address; `changes` by job name with `_` for `-`."""
    text = (DEPLOY / "prometheus" / "linewarden.scrape.yml").read_text().replace("127.0.0.1:9799", address)
    document: dict[str, Any] = yaml.safe_load(text)
    for job in document["scrape_configs"]:
        job.update(changes.get(job["job_name"].replace("-", "_"), {}))
    return document


def fast_rules() -> dict[str, Any]:
    """Return the shipped rules with every group evaluated each second."""
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "linewarden.rules.yml").read_text())
    for group in document["groups"]:
        group["interval"] = "1s"
    return document

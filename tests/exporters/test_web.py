"""Every endpoint but the API and the page, over real HTTP."""

import asyncio
import gzip
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Gauge

from agent.core.model import Estate, State, Verdict
from agent.core.picture import Picture
from exporters import prometheus, web
from exporters.exposition import CONTENT_TYPE
from tests.exporters.pictures import device, trouble
from tests.exporters.serving import asking, serving
from tests.exporters.strict import parse

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)


@pytest.fixture
def picture() -> Picture:
    return trouble(NOW)


async def test_metrics(picture: Picture) -> None:
    registry = CollectorRegistry()
    Gauge("linewarden_loop_lag_seconds", "Lag.", registry=registry).set(0.25)
    async with serving(picture, registry=registry, now=NOW) as server, asking(server) as client:
        async with client.get("/metrics", headers={"Accept-Encoding": "identity"}) as answer:
            assert answer.headers["Content-Type"] == CONTENT_TYPE
            assert "Content-Encoding" not in answer.headers
            text = await answer.text()
        names = {family.name for family in parse(text)}
        assert {"linewarden_target_state", "probe_success", "linewarden_loop_lag_seconds"} <= names
        assert answer.headers["Server"] == "linewarden"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
        async with client.get("/metrics", headers={"Accept": "application/openmetrics-text"}) as answer:
            assert answer.headers["Content-Type"] == CONTENT_TYPE


@pytest.mark.parametrize("path", ["/metrics", "/metrics/state", "/metrics/device/crown-rt1"])
async def test_compressed_is_the_same_text(picture: Picture, path: str) -> None:
    async with serving(picture, now=NOW) as server, asking(server, raw=True) as client:
        async with client.get(path, headers={"Accept-Encoding": "identity"}) as answer:
            plain = await answer.read()
        async with client.get(path, headers={"Accept-Encoding": "deflate, gzip;q=0.5"}) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert answer.headers["Vary"] == "Accept-Encoding"
            assert gzip.decompress(await answer.read()) == plain
        async with client.get(path, headers={"Accept-Encoding": "gzip;q=0"}) as answer:
            assert "Content-Encoding" not in answer.headers
        async with client.head(path) as answer:
            assert answer.status == 200
            assert await answer.read() == b""
    assert parse(plain.decode())


async def test_the_state_follows_the_picture(picture: Picture) -> None:
    wanted = 'linewarden_target_state{target="telephony",kind="service",site="crown",state="up"} '
    async with serving(lambda: picture, now=NOW) as server, asking(server) as client:
        for encoding in ("gzip", "identity"):
            for state, value in ((State.DOWN, "0"), (State.UP, "1"), (State.UP, "1")):
                picture.verdicts["telephony"] = Verdict(state, NOW)
                async with client.get("/metrics/state", headers={"Accept-Encoding": encoding}) as answer:
                    assert wanted + value in await answer.text()
        picture.estate = Estate("dc1", {name: t for name, t in picture.estate.targets.items() if name != "telephony"})
        async with client.get("/metrics/state") as answer:
            text = await answer.text()
            assert '"telephony"' not in text
            assert parse(text)


async def test_scrapes_at_once_give_whole_texts(picture: Picture) -> None:
    async with serving(picture, now=NOW) as server, asking(server) as client:

        async def scrape(path: str) -> int:
            async with client.get(path) as answer:
                return len(parse(await answer.text()))

        counts = await asyncio.gather(*(scrape(path) for path in ("/metrics", "/metrics/state") * 6))
        assert len(set(counts)) == 2


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("crown-rt1", 200, "sysUpTime"),
        ("crown-ups1", 503, "The last poll of crown-ups1 failed at 13:00:00 UTC: no answer from 10.20.2.9:161"),
        ("telephony", 503, "telephony has not been polled yet"),
        ("crown-rt2", 404, "no target is called 'crown-rt2'; did you mean 'crown-rt1'?"),
        ("%3Cscript%3E", 404, "no target is called '<script>'"),
    ],
)
async def test_one_device(picture: Picture, path: str, status: int, text: str) -> None:
    async with (
        serving(picture, now=NOW) as server,
        asking(server) as client,
        client.get(f"/metrics/device/{path}") as answer,
    ):
        assert answer.status == status
        assert text in await answer.text()
        assert answer.headers["Content-Type"].startswith("text/plain")


async def test_a_poll_that_is_no_longer_fresh_fails_the_scrape(picture: Picture) -> None:
    late = NOW + timedelta(minutes=3, seconds=1)
    path = "/metrics/device/crown-rt1"
    async with serving(picture, now=late) as server, asking(server) as client, client.get(path) as answer:
        assert answer.status == 503
        assert "too old: 2026-11-22 13:00:00 UTC" in await answer.text()


async def test_a_name_with_a_slash(picture: Picture) -> None:
    odd = device("bcw/sw 1", "switch", "bcw", "10.0.0.1", ("bcw",))
    picture.estate = Estate("dc1", {odd.name: odd})
    picture.polls = {odd.name: picture.polls["crown-rt1"]}
    path = "/metrics/device/bcw%2Fsw%201"
    async with serving(picture, now=NOW) as server, asking(server) as client, client.get(path) as answer:
        assert answer.status == 200


async def test_service_discovery(picture: Picture) -> None:
    hosted = device("dc1-host", "server", "crown", "127.0.0.1", ("bcw",))
    hosted = replace(hosted, checks=tuple(replace(check, type="host", name="host") for check in hosted.checks[1:]))
    pinged = device("printer", "printer", "bcw", "10.0.0.9", ())
    pinged = replace(pinged, checks=pinged.checks[:1])
    picture.estate = Estate("dc1", {**picture.estate.targets, hosted.name: hosted, pinged.name: pinged})
    host = {"Host": "agent.example:9799"}
    async with serving(picture, now=NOW) as server, asking(server, host) as client, client.get("/sd") as answer:
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        groups = json.loads(await answer.text())
    assert {group["labels"]["instance"] for group in groups} == {
        "crown-rt1", "crown-ups1", "bcw-core-sw1", "bcw-files1", "enc-core-sw1", "enc-payroll", "dc1-host",
    }  # fmt: skip
    assert groups[0] == {
        "targets": ["agent.example:9799"],
        "labels": {
            "instance": "crown-rt1", "target": "crown-rt1", "site": "crown", "kind": "router", "owner": "bcw,enc",
            "__metrics_path__": "/metrics/device/crown-rt1",
        },
    }  # fmt: skip


async def test_an_agent_that_hangs_is_not_healthy(picture: Picture) -> None:
    async def reload() -> list[str]:
        return []

    actions = web.Actions(reload, unhealthy=lambda: "pipeline has not moved for 12.0 s")
    async with (
        serving(picture, actions=actions, now=NOW) as server,
        asking(server) as client,
        client.get("/-/healthy") as answer,
    ):
        assert answer.status == 503
        assert "pipeline has not moved" in await answer.text()


async def test_healthy_and_ready(picture: Picture) -> None:
    async with serving(picture, now=NOW) as server, asking(server) as client:
        for ready, status, text in ((False, 503, "the first round is still under way"), (True, 200, "is ready")):
            picture.ready = ready
            async with client.get("/-/ready") as answer:
                assert answer.status == status
                assert text in await answer.text()
        async with client.get("/-/healthy") as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/static/", 404),
        ("GET", "/static/..%2Fstatus.py", 404),
        ("GET", "/static/page.html", 404),
        ("GET", "/api/v1/nothing", 404),
        ("POST", "/metrics", 403),
        ("DELETE", "/", 403),
    ],
)
async def test_what_is_not_served(picture: Picture, method: str, path: str, status: int) -> None:
    async with serving(picture, now=NOW) as server, asking(server) as client, client.request(method, path) as answer:
        assert answer.status == status
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        body = await answer.text()
        assert "error" in json.loads(body) if path.startswith("/api/") else body


async def test_the_icon_and_static_files(picture: Picture) -> None:
    async with serving(picture, now=NOW) as server, asking(server) as client:
        for name, kind in (("status.css", "text/css"), ("status.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
            async with client.get(f"/static/{name}") as answer:
                assert (answer.status, answer.content_type) == (200, kind)
                assert answer.headers["Cache-Control"] == "max-age=3600"
        async with client.get("/favicon.ico", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (301, "/static/icon.svg")


async def test_a_bug_is_logged_and_tells_nothing(
    picture: Picture, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a secret place")

    monkeypatch.setattr(prometheus, "families", broken)
    async with serving(picture, now=NOW) as server, asking(server) as client:
        with caplog.at_level(logging.ERROR):
            async with client.get("/metrics") as answer:
                assert answer.status == 500
                assert "secret" not in await answer.text()
    assert "GET /metrics failed" in caplog.text


async def test_a_client_that_hangs_up_is_no_news(picture: Picture, caplog: pytest.LogCaptureFixture) -> None:
    begun = asyncio.Event()

    async def slow() -> Sequence[str]:
        begun.set()
        await asyncio.sleep(0.2)
        return ()

    async with serving(picture, actions=web.Actions(slow)) as server, asking(server) as client:
        host, port = server.urls[0].removeprefix("http://").split(":")
        for _ in range(20):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            await writer.drain()
            writer.transport.abort()
        async with client.get("/-/healthy") as answer:
            assert answer.status == 200
    assert "Traceback" not in caplog.text


async def test_keepalive_connections_end_with_the_server(picture: Picture) -> None:
    async with aiohttp.ClientSession() as client:
        async with serving(picture, now=NOW) as server, client.get(server.urls[0] + "/-/healthy") as answer:
            assert answer.status == 200
        with pytest.raises(aiohttp.ClientError):
            async with client.get(server.urls[0] + "/-/healthy"):
                pass

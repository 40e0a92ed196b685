"""A real Prometheus scrapes the agent: all endpoints through service discovery, TLS and a password."""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from agent.core.model import Estate
from agent.core.picture import DevicePoll, Picture
from agent.core.series import Family
from exporters.exposition import Packed, prefix
from tests.exporters.pictures import AGENT, device, trouble
from tests.exporters.serving import SECRET_HASH, make_certificate, serving
from tests.lab.prometheus import Prometheus

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs Prometheus: apt-get install prometheus"),
]

HOSTILE: Final = 'a"b\\c\nd{e}\x00\x7f\u2028é\udcff,=#'


def jobs(address: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - as Prometheus' configuration has it
    """Return a configuration that scrapes everything of one agent, every second."""
    static = {"static_configs": [{"targets": [address]}]}
    discovery = {"url": f"{more.get('scheme', 'http')}://{address}/sd", "refresh_interval": "1s"}
    discovery |= {key: value for key, value in more.items() if key != "scheme"}
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {"job_name": "linewarden", **static, **more},
            {"job_name": "state", "metrics_path": "/metrics/state", **static, **more},
            {"job_name": "devices", "http_sd_configs": [discovery], **more},
        ],
    }


@pytest.fixture
def picture() -> Picture:
    """Give a picture whose measurements stay fresh for as long as a slow machine needs."""
    now = datetime.now(UTC)
    return trouble(now + timedelta(seconds=60))


async def start(prometheus: Prometheus) -> None:
    """Start it off the loop that it scrapes."""
    await asyncio.to_thread(prometheus.__enter__)


async def stop(prometheus: Prometheus) -> None:
    await asyncio.to_thread(prometheus.__exit__, None, None, None)


async def test_every_endpoint_and_two_devices_that_stay_two(picture: Picture) -> None:
    async with serving(picture) as server:
        address = server.urls[0].removeprefix("http://")
        prometheus = Prometheus(jobs(address))
        await start(prometheus)
        try:
            await prometheus.until('up{job="linewarden"} == 1')
            await prometheus.until('up{job="state"} == 1')
            devices = await prometheus.until('up{job="devices"}', lambda found: len(found) == 6)
            assert {sample.labels["instance"] for sample in devices} == {
                name for name, target in picture.estate.targets.items() if name in picture.polls
            }
            up = await prometheus.until('up{job="devices"} == 1', lambda found: len(found) == 3)
            assert {s.labels["instance"] for s in up} == {"crown-rt1", "bcw-core-sw1", "bcw-files1"}
            down = await prometheus.until('up{job="devices"} == 0', lambda found: len(found) == 3)
            assert {s.labels["target"] for s in down} == {"crown-ups1", "enc-core-sw1", "enc-payroll"}

            octets = await asyncio.to_thread(prometheus.query, 'ifHCInOctets{ifName="Gi1/0/1"}')
            found = {(s.labels["instance"], s.labels["target"], s.labels["site"], s.labels["kind"]) for s in octets}
            assert found == {
                ("crown-rt1", "crown-rt1", "crown", "router"),
                ("bcw-core-sw1", "bcw-core-sw1", "bcw", "switch"),
                ("bcw-files1", "bcw-files1", "bcw", "server"),
            }
            assert len({s.value for s in octets}) == 3
            nameless = await asyncio.to_thread(prometheus.query, '{target="",__name__=~"linewarden_.*|probe_.*"}')
            assert nameless == []
            down_state = 'linewarden_target_state{job="state",target="enc-crown",state="down"}'
            assert await asyncio.to_thread(prometheus.value, down_state) == 1
            quantile = "histogram_quantile(0.5, smokeping_response_duration_seconds_bucket)"
            assert len(await asyncio.to_thread(prometheus.query, quantile)) == 3
            assert "Error on ingesting" not in prometheus.log()
        finally:
            await stop(prometheus)


async def test_up_follows_the_poll(picture: Picture) -> None:
    async with serving(picture) as server:
        address = server.urls[0].removeprefix("http://")
        prometheus = Prometheus(jobs(address))
        await start(prometheus)
        try:
            up = 'up{job="devices",instance="crown-rt1"}'
            await prometheus.until(f"{up} == 1")
            good, now = picture.polls["crown-rt1"], datetime.now(UTC)
            picture.polls["crown-rt1"] = DevicePoll(now, False, None, "no answer", now + timedelta(minutes=3))
            await prometheus.until(f"{up} == 0")
            await prometheus.until('absent(ifHCInOctets{instance="crown-rt1"})')
            picture.polls["crown-rt1"] = good
            await prometheus.until(f"{up} == 1")
            await prometheus.until('ifHCInOctets{instance="crown-rt1"}')
        finally:
            await stop(prometheus)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
async def test_tls_and_a_password(picture: Picture, tmp_path: Path) -> None:
    make_certificate(tmp_path, "server")
    web_config = tmp_path / "web.yml"
    web_config.write_text(
        "tls_server_config: {cert_file: server.pem, key_file: server.key}\n"
        f"basic_auth_users: {{prometheus: {SECRET_HASH}}}\n"
    )
    async with serving(picture, web_config=web_config) as server:
        secure = {
            "scheme": "https",
            "tls_config": {"ca_file": str(tmp_path / "server.pem")},
            "basic_auth": {"username": "prometheus", "password": "secret"},
        }
        config = jobs(server.urls[0].removeprefix("https://"), **secure)
        stranger = {**config["scrape_configs"][0], "job_name": "stranger"}
        stranger["basic_auth"] = {"username": "prometheus", "password": "wrong"}
        config["scrape_configs"].append(stranger)
        prometheus = Prometheus(config)
        await start(prometheus)
        try:
            await prometheus.until('up{job="linewarden"} == 1')
            await prometheus.until('up{job="devices",instance="crown-rt1"} == 1')
            await prometheus.until('up{job="stranger"} == 0')
        finally:
            await stop(prometheus)


async def test_hostile_names_and_values_are_taken_as_they_are(picture: Picture) -> None:
    odd = device("odd", "switch", "bcw", "10.0.0.1", ("bcw",))
    picture.estate = Estate(AGENT, {odd.name: odd})
    labels = {"ifAlias": HOSTILE}
    values = np.array([np.inf, -np.inf, 2.0**64, 1e-300])
    names = tuple(prefix("odd", labels | {"n": str(n)}) for n in range(4))
    families = (
        Family("odd", "gauge", "Odd.", names, values),
        Family("other", "info", "O.", ("other",), np.array([np.nan])),
    )
    now = datetime.now(UTC)
    poll = DevicePoll(now, True, 0.1, "", now + timedelta(hours=1), Packed(families), 5)
    picture.polls = {odd.name: poll}
    async with serving(picture) as server:
        prometheus = Prometheus(jobs(server.urls[0].removeprefix("http://")))
        await start(prometheus)
        try:
            found = await prometheus.until("odd", lambda samples: len(samples) == 4)
            by_number = {sample.labels["n"]: sample for sample in found}
            assert [by_number[str(n)].value for n in range(4)] == values.tolist()
            assert {sample.labels["ifAlias"] for sample in found} == {HOSTILE.replace("\udcff", "?")}
            assert len(await asyncio.to_thread(prometheus.query, "other")) == 1
        finally:
            await stop(prometheus)

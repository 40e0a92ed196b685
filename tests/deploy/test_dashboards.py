"""The dashboards are what their script makes, and every query of every panel returns data from a real Prometheus."""

import asyncio
import json
import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from prometheus_client import CollectorRegistry

from agent.core.model import Check, Role, Target
from agent.core.picture import DevicePoll, Picture
from agent.core.ports import Resources
from agent.selfcheck import SelfCheck
from exporters.exposition import Packed
from probes import host
from tests.deploy.serving import scrape_configuration, served
from tests.exporters.pictures import AGENT, trouble
from tests.lab.prometheus import Prometheus

GRAFANA: Final = Path(__file__).parents[2] / "deploy" / "grafana"
FILES: Final = ("overview", "circuit", "device")
HOST: Final = "dc1-host"
# each query has to return data for one of these
TARGETS: Final = {
    "overview": [""],
    "circuit": ["bcw-crown-backup", "enc-crown"],
    "device": ["bcw-core-sw1", HOST, "crown-ups1"],
}
SUBSTITUTES: Final = {"site": ".*", "interface": ".*", "__rate_interval": "15s", "__interval": "5s", "__range": "30s"}


@dataclass(frozen=True, slots=True)
class Query:
    """One query of one panel."""

    panel: str
    expression: str
    instant: bool

    def filled(self, target: str) -> str:
        """Return it with all variables replaced, as Grafana does."""
        text = self.expression
        for name, value in (SUBSTITUTES | {"target": target}).items():
            text = re.sub(rf"\$(?:{name}\b|\{{{name}\}})", value.replace("\\", r"\\"), text)
        assert "$" not in text, f"{self.panel}: a variable that nobody sets in {text}"
        return text


def _document(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GRAFANA / "dashboards" / f"{name}.json").read_text())
    return found


def _queries(name: str) -> Iterator[Query]:
    for panel in _document(name)["panels"]:
        for target in panel.get("targets", []):
            yield Query(panel["title"], target["expr"], bool(target.get("instant")))


def test_the_files_are_what_the_script_makes() -> None:
    pytest.importorskip("grafana_foundation_sdk", reason="pip install grafana-foundation-sdk")
    from deploy.grafana.build import dashboards

    made = dashboards()
    assert set(made) == {f"{name}.json" for name in FILES} == {path.name for path in (GRAFANA / "dashboards").iterdir()}
    for name, text in made.items():
        assert (GRAFANA / "dashboards" / name).read_text() == text, "stale: run python -m deploy.grafana.build"


@pytest.mark.parametrize("name", FILES)
def test_every_panel_can_be_read(name: str) -> None:
    document = _document(name)
    assert document["uid"] == f"linewarden-{name}"
    panels = document["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels), "two panels in one place"
    for panel in panels:
        assert panel["title"]
        if panel["type"] in {"timeseries", "stat"}:
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        if panel["type"] != "row":
            assert panel["targets"], panel["title"]
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
            assert panel["datasource"]["uid"] == "${datasource}"
    variables = {variable["name"] for variable in document["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", " ".join(query.expression for query in _queries(name))))
    assert {word for word in used if not word.startswith("__")} <= variables


def test_grafana_is_told_where_they_are() -> None:
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/linewarden.yml").read_text())["providers"]
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/linewarden.yml").read_text())["datasources"]
    assert provider["type"] == "file"
    assert source["type"] == "prometheus"


async def _host_poll() -> DevicePoll:
    """Return what the real probe reads of this host."""
    probe = host.Probe(Resources())
    seen = await probe.run(Check(HOST, "host", "host", 30.0, host.Settings(type="host")))
    await probe.close()
    assert seen.series is not None
    text = Packed(seen.series.families)
    return DevicePoll(seen.at, True, 0.1, seen.detail, seen.at + timedelta(minutes=5), text, len(seen.series))


def _picture(polled: DevicePoll) -> Picture:
    """Return the council in trouble as of now, and this host beside it."""
    picture = trouble(datetime.now(UTC))
    own = Target(HOST, Role.DEVICE, "server", HOST, "crown", checks=(Check(HOST, "host", "host", 30.0),))
    picture.estate = replace(picture.estate, targets={**picture.estate.targets, HOST: own})
    picture.polls[HOST] = polled
    more = int(time.time()) % 100_000  # echoes go on
    for totals in picture.echoes.values():
        totals.sent, totals.received = totals.sent + more, totals.received + more
        totals.rtt_counts = [count + more if count else 0 for count in totals.rtt_counts]
    return picture


def _returns_data(prometheus: Prometheus, query: Query, target: str) -> bool:
    expression = query.filled(target)
    if query.instant:
        return any(not math.isnan(sample.value) for sample in prometheus.query(expression))
    end = time.time()
    found = prometheus.api("query_range", {"query": expression, "start": str(end - 15), "end": str(end), "step": "5"})
    return any(value != "NaN" for series in found["result"] for _, value in series["values"])


async def _enough(prometheus: Prometheus) -> None:
    """Wait until every job has been scraped often enough for a rate, and for longer than one step of a subquery.

    Steps of a subquery lie on multiples of $__interval: 5 s of samples, a second apart, may lie between two of them.
    """
    jobs = 'count by (job) (count_over_time(up{job=~"linewarden.*"}[1m]) >= 7)'
    await prometheus.until(jobs, lambda samples: len(samples) == 3, seconds=60)


async def test_every_query_of_every_panel_returns_data(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    selfcheck = SelfCheck(AGENT, registry)
    selfcheck.watch_queue("observations", lambda: 3, 50_000, lambda: 0)
    polled = await _host_poll()
    quick: dict[str, Any] = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    async with served(lambda: _picture(polled), registry) as address, asyncio.TaskGroup() as tasks:
        tasks.create_task(selfcheck.run(), name="selfcheck")
        configuration = scrape_configuration(address, linewarden=quick, linewarden_devices=quick)
        prometheus = Prometheus(configuration, folder=tmp_path)
        try:
            await asyncio.to_thread(prometheus.start)
            await _enough(prometheus)
            empty = []
            for name in FILES:
                for query in _queries(name):
                    tried = [asyncio.to_thread(_returns_data, prometheus, query, target) for target in TARGETS[name]]
                    if not any(await asyncio.gather(*tried)):
                        empty.append(f"{name}: {query.panel}: {query.expression}")
            assert not empty, "no data:\n" + "\n".join(empty)
        finally:
            selfcheck.stop()
            await asyncio.to_thread(prometheus.stop)

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
from types import SimpleNamespace
from typing import Any, Final

import pytest
import yaml
from prometheus_client import CollectorRegistry

from agent.core.account import Books, History, Stretch, rules_of
from agent.core.model import Against, Aspect, Check, Observation, Role, SnmpAuth, State, Target, Trouble
from agent.core.picture import DevicePoll, Picture
from agent.core.ports import Resources
from agent.instruments import TRAP_DESK, TRAPS_BY, Instruments
from agent.selfcheck import SelfCheck
from exporters.exposition import Packed
from probes import host
from probes.snmp import probe as snmp
from probes.snmp.ber import Tag, Value
from tests.deploy.serving import scrape_configuration, served
from tests.exporters.pictures import AGENT, trouble
from tests.lab.prometheus import Prometheus
from tests.probes.snmp.agents import UdpAgent
from tests.probes.snmp.living import Clock, LiveSwitch

GRAFANA: Final = Path(__file__).parents[2] / "deploy" / "grafana"
FILES: Final = ("overview", "circuit", "device", "ageing")
HOST: Final = "dc1-host"
SWITCH: Final = "bcw-core-sw1"
# each query has to return data for one of these
TARGETS: Final = {
    "overview": [""],
    "ageing": [""],
    "circuit": ["bcw-crown-backup", "enc-crown"],
    "device": [SWITCH, HOST, "crown-ups1"],
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
        assert not re.search(r"\$[a-z_{]", text), f"{self.panel}: a variable that nobody sets in {text}"
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
    used = set(re.findall(r"\$\{?([a-z_]\w*)", " ".join(query.expression for query in _queries(name))))
    assert {word for word in used if not word.startswith("__")} <= variables


def test_grafana_is_told_where_they_are() -> None:
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/linewarden.yml").read_text())["providers"]
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/linewarden.yml").read_text())["datasources"]
    assert provider["type"] == "file"
    assert source["type"] == "prometheus"


def test_a_window_holds_several_scrapes() -> None:
    """Grafana takes $__rate_interval for four times the interval of a query; without one, of the data source.

    A rate needs two scrapes, of which one may fail; a mean needs one, and one more where the window begins at it.
    """
    intervals = {job["job_name"]: job["scrape_interval"] for job in scrape_configuration("")["scrape_configs"]}
    of_devices = re.compile(r"node_|\bif[A-Z]|linewarden_interface_(?!down\b)")
    seconds = {"15s": 15, "30s": 30, "60s": 60, "1m": 60}
    for name in FILES:
        for panel in _document(name)["panels"]:
            for target in panel.get("targets", []):
                if "$__rate_interval" in target["expr"]:
                    job = "linewarden-devices" if of_devices.search(target["expr"]) else "linewarden"
                    asked = seconds[target.get("interval", intervals["linewarden"])]
                    scrapes = 2 if "avg_over_time(" in target["expr"] else 4
                    assert 4 * asked >= scrapes * seconds[intervals[job]], f"{panel['title']}: {target['expr']}"


@pytest.mark.parametrize("name", FILES)
def test_every_override_and_order_names_a_column(name: str) -> None:
    for panel in _document(name)["panels"]:
        if panel["type"] == "table":
            (organize,) = [one["options"] for one in panel["transformations"] if one["id"] == "organize"]
            headings = set(organize["renameByName"].values())
            overridden = {one["matcher"]["options"] for one in panel["fieldConfig"]["overrides"]}
            assert overridden <= headings, panel["title"]
            assert {one["displayName"] for one in panel["options"].get("sortBy") or []} <= headings, panel["title"]


class _Traps:
    """Traps that keep coming."""

    @property
    def received(self) -> dict[tuple[str, str], float]:
        return {("v2c", "linkDown"): time.monotonic()}

    @property
    def dropped(self) -> dict[tuple[str], float]:
        return {("wrong_community",): time.monotonic()}


async def _host_poll() -> DevicePoll:
    """Return what the real probe reads of this host."""
    probe = host.Probe(Resources())
    seen = await probe.run(Check(HOST, "host", "host", 30.0, host.Settings(type="host")))
    await probe.close()
    return _poll(seen)


async def _switch_poll() -> DevicePoll:
    """Return what the real probe reads of a switch that counts, has an optic, and a port at half duplex."""
    clock = Clock()
    switch = LiveSwitch.of(clock, 4)
    switch.turn("Gi1/0/2", 2)
    sound = switch.objects
    more: dict[str, tuple[int, Value]] = {"1.3.6.1.2.1.10.7.2.1.19.1": (Tag.INTEGER, 2)}
    for part, text, watts in ((1, b"Gi1/0/1 Receive Power", 295), (2, b"Gi1/0/1 Transmit Power", 501)):
        more[f"1.3.6.1.2.1.47.1.1.1.1.7.{part}"] = (Tag.OCTET_STRING, text)
        sensor = (6, 8, 3, watts, 1)  # watts, milli, three digits behind the point
        more |= {f"1.3.6.1.2.1.99.1.1.1.{n}.{part}": (Tag.INTEGER, one) for n, one in enumerate(sensor, 1)}
    switch.objects = lambda: {**sound(), **more}  # type: ignore[method-assign] # a switch that says more
    probe = snmp.Probe(Resources(auths={"public_v2": SnmpAuth("public_v2")}))
    with UdpAgent(switch.answer) as agent:
        modules = ["system", "if_mib", "entity"]
        values = {"address": "127.0.0.1", "auth": "public_v2", "port": agent.port, "fast": "off", "modules": modules}
        check = Check(SWITCH, "snmp", "snmp", 60.0, snmp.Settings.model_validate(values))
        await probe.run(check)
        clock.now += 0.01  # at most what has gone by: the switch must not count faster than its lines are
        seen = await probe.run(check)
    await probe.close()
    return _poll(seen)


def _poll(seen: Observation) -> DevicePoll:
    assert seen.series is not None, seen.detail
    text, until = Packed(seen.series.families), seen.at + timedelta(minutes=5)
    return DevicePoll(seen.at, True, 0.1, seen.detail, until, text, len(seen.series), seen.interfaces)


def _picture(polled: DevicePoll, switch: DevicePoll) -> Picture:
    """Return the council in trouble as of now, one of its switches as it was polled, and this host beside it."""
    picture = trouble(datetime.now(UTC))
    own = Target(HOST, Role.DEVICE, "server", HOST, "crown", checks=(Check(HOST, "host", "host", 30.0),))
    picture.estate = replace(picture.estate, targets={**picture.estate.targets, HOST: own})
    picture.polls[HOST] = polled
    picture.polls[SWITCH] = replace(switch, watched=picture.polls[SWITCH].watched)
    slow = ("bcw-crown-backup", "icmp")
    worse = Trouble(Aspect.DELAY, Against.PAST, datetime.now(UTC), 0.031, 0.015, "31 ms, usually 10 ms")
    picture.health[slow] = replace(picture.health[slow], troubles=(worse,))
    now = datetime.now(UTC)
    rules, objective = rules_of(picture.estate, picture.estate.targets["enc-crown"])
    period = Stretch().window(rules, now)
    books = Books(History(states=dict.fromkeys(picture.estate.targets, State.UP)), period[0], now)
    picture.accounts = {"enc-crown": books.account("enc-crown", period, rules, objective)}
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
    traps = Instruments(AGENT, registry)
    traps.add(SimpleNamespace(polls=3, bursts=2, put_off=1), TRAP_DESK)
    traps.add_labelled(_Traps(), TRAPS_BY)
    polled, switch = await _host_poll(), await _switch_poll()
    quick: dict[str, Any] = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    async with served(lambda: _picture(polled, switch), registry) as address, asyncio.TaskGroup() as tasks:
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

"""The same queries to `/snmp` here and to the real snmp_exporter: the same statuses and the same words."""

import asyncio
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest

from agent.core.ondemand import Offer, SnmpQuery
from agent.core.permission import Permission
from agent.core.series import SeriesBlock
from exporters.multitarget import Source
from tests.exporters.pictures import healthy
from tests.exporters.serving import asking, serving
from tests.lab.snmp_exporter import missing, snmp_exporter
from tests.lab.snmpd import Snmpd, snmpd

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
    pytest.mark.skipif(shutil.which("snmpget") is None, reason="needs snmpd and snmp: apt-get install snmpd snmp"),
]

MODULES = """\
auths:
  public_v2: {community: public, version: 2}
  other: {community: public, version: 2}
modules:
  if_mib: {walk: [1.3.6.1.2.1.2.2.1.8], timeout: 1s, retries: 0}
  system: {get: [1.3.6.1.2.1.1.3.0], timeout: 1s, retries: 0}
"""
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Fake:
    """Answers with nothing, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[SnmpQuery] = []

    async def scrape(self, query: SnmpQuery) -> SeriesBlock:
        self.asked.append(query)
        return SeriesBlock(())


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    with snmpd(tmp_path_factory.mktemp("snmpd")) as running:
        yield running


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a running snmp_exporter."""
    folder = tmp_path_factory.mktemp("snmp_exporter")
    (folder / "snmp.yml").write_text(MODULES)
    with snmp_exporter(folder, [folder / "snmp.yml"]) as running:
        yield f"http://127.0.0.1:{running.port}"


def theirs(url: str) -> tuple[int, str]:
    try:
        with _DIRECT.open(url, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


async def ours(query: str) -> tuple[int, str, list[SnmpQuery]]:
    everything = tuple(ip_network(text) for text in ("0.0.0.0/0", "127.0.0.0/8", "::1"))
    auths, modules = frozenset({"public_v2", "other"}), frozenset({"if_mib", "system"})
    fake, offer = Fake(), Offer(Permission(everything, auths=auths), auths, modules)
    async with (
        serving(healthy(datetime.now(UTC)), on_demand=Source(fake, lambda: offer)) as server,
        asking(server) as client,
        client.get(f"/snmp?{query}") as answer,
    ):
        return answer.status, await answer.text(), fake.asked


@pytest.mark.parametrize(
    "query",
    [
        "", "target=", "target=a&target=b", "target=127.0.0.1&auth=nope", "target=127.0.0.1&auth=nope&module=nope",
        "target=127.0.0.1&module=nope", "target=127.0.0.1&module=system,nope", "target=127.0.0.1&module=Nope%0A%3Cx",
        "target=127.0.0.1&auth=a&auth=a", "target=127.0.0.1&snmp_context=a&snmp_context=a", "auth=nope",
        "target=127.0.0.1&snmp_engineid=a&snmp_engineid=b", "target=x:y:z&auth=nope", "target=127.0.0.1:abc&module=no",
        "target=+&auth=+", "Target=127.0.0.1", "target=127.0.0.1&auth=public_v2+",
    ],
)  # fmt: skip
async def test_refused_queries_in_the_same_words(exporter: str, query: str) -> None:
    status, text, _ = await ours(query)
    assert (status, text) == await asyncio.to_thread(theirs, f"{exporter}/snmp?{query}")
    assert status == 400


@pytest.mark.parametrize(
    "query",
    [
        "target={}", "target={}&module=system", "target={}&module=system,,if_mib&module=system&module=if_mib",
        "target={}&module=if_mib&auth=", "target={}&auth=other&snmp_context=abc", "target=udp://{}&snmp_context=",
        "target={}&module=system%2Cif_mib&unknown=1&unknown=2", "module=system&target={}&module=",
    ],
)  # fmt: skip
async def test_the_same_modules_are_asked(exporter: str, device: Snmpd, query: str) -> None:
    query = query.format(f"127.0.0.1:{device.port}")
    status, _, asked = await ours(query)
    expected, text = await asyncio.to_thread(theirs, f"{exporter}/snmp?{query}")
    assert status == expected == 200
    modules = set(re.findall(r'^snmp_scrape_duration_seconds\{module="(\w+)"\}', text, re.MULTILINE))
    assert len(asked[0].modules) == len(set(asked[0].modules))
    assert set(asked[0].modules) == modules
    assert asked[0].port == device.port


@pytest.mark.parametrize(
    "target",
    ["127.0.0.1:abc", "127.0.0.1:", "tcp://127.0.0.1:1", "foo://127.0.0.1", "nowhere.invalid", "0x7f000001", "127.1"],
)
async def test_what_cannot_be_scraped_fails_in_the_same_place(exporter: str, target: str) -> None:
    status, text, asked = await ours(f"target={target}")
    expected, wanted = await asyncio.to_thread(theirs, f"{exporter}/snmp?target={target}")
    assert status == expected == 500
    same = re.compile(r'(.*help: "[\w ]+", constLabels: \{.*?\}, variableLabels: \{\}\}: error )', re.DOTALL)
    place, where = same.match(text), same.match(wanted)
    assert place is not None
    assert where is not None
    assert place[1] == where[1]
    assert asked == []

"""What recorded devices are, held against what a peer knows: run where the recordings lie beside the project."""

import csv
import importlib.util
from collections.abc import Awaitable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from probes.snmp.asking import Asker
from probes.snmp.ber import Version
from probes.snmp.client import Session, SnmpClient
from probes.snmp.identitylook import Identity, look
from tests.probes.snmp.recordings import BAD, GOOD, SHARED, served

INDEX = SHARED / "data/recordings/index.csv"
WANTED = {"vendor": 0.97, "model": 0.85, "serial": 0.95, "software_version": 0.92}  # issue: Ageing hardware
PRECISION = {"vendor": 0.97, "model": 0.96, "serial": 0.97, "software_version": 0.97}
MEDIAN_PACKETS = 60

pytestmark = [
    pytest.mark.shared,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not GOOD, reason="no recordings beside the project"),
]


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    with served([*GOOD, *BAD]) as found:
        yield found


@pytest.fixture(scope="module")
def score() -> ModuleType:
    spec = importlib.util.spec_from_file_location("score_identity", SHARED / "tools/score_identity.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def identified(client: SnmpClient, port: int, version: int = Version.V2C) -> Identity:
    session = Session(await client.resolve("127.0.0.1", port), version, b"public", timeout_seconds=20.0)

    def converse(asker: Asker) -> Awaitable[int]:
        return client.converse(session, asker)

    return await look(converse, version)


def truth(row: dict[str, str], score: ModuleType) -> dict[str, str]:
    """Return what the peer knows, without what is redacted or no fact."""
    named = {
        "vendor": row["vendor"], "model": row["truth_hardware"], "serial": row["truth_serial"],
        "software_version": row["truth_version"],
    }  # fmt: skip
    known = {name: value for name, value in named.items() if value and not score.REDACTED.match(value.strip())}
    if score.GENERIC.search(known.get("model", "")):
        del known["model"]
    return known


async def test_what_recorded_devices_are(ports: dict[str, int], score: ModuleType) -> None:
    right, spoken, total = (dict.fromkeys(WANTED, 0) for _ in range(3))
    packets = []
    client = SnmpClient()
    for row in csv.DictReader(INDEX.read_text().splitlines()):
        found = await identified(client, ports[str(SHARED / "data/recordings" / row["file"])])
        packets.append(found.packets)
        for name, value in truth(row, score).items():
            fact = found.hardware.fact(name)
            total[name] += 1
            if fact is not None:
                spoken[name] += 1
                right[name] += score.CHECKS[name](value, str(fact.value))
    client.close()
    assert sorted(packets)[len(packets) // 2] <= MEDIAN_PACKETS
    for name, least in WANTED.items():
        assert right[name] / total[name] >= least, name
        assert right[name] / spoken[name] >= PRECISION[name], name


@pytest.mark.parametrize("version", [Version.V1, Version.V2C])
@pytest.mark.parametrize("path", BAD, ids=[path.stem for path in BAD])
async def test_a_broken_recording_ends_without_an_invented_fact(
    ports: dict[str, int], path: Path, version: int
) -> None:
    client = SnmpClient()
    found = await identified(client, ports[str(path)], version)
    client.close()
    text = recorded(path)
    for fact in found.hardware.facts:
        if fact.confidence == "stated" and fact.name in ("model", "serial"):
            value = str(fact.value)
            assert value in text or value.encode().hex() in text.lower(), fact


def recorded(path: Path) -> str:
    """Return what a recording holds, texts in hexadecimal as they are."""
    return path.read_bytes().decode(errors="replace")

"""The module language beside the real snmp_exporter: randomised devices, no series may differ."""

import os
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

import pytest
import yaml

from probes.snmp.ber import Message, Tag, encode_oid, encode_response
from probes.snmp.modules import ModuleLibrary
from tests.lab.snmp_exporter import Exporter, missing, snmp_exporter
from tests.probes.snmp.agents import Answer, Mib, silent
from tests.probes.snmp.devices import Objects, device
from tests.probes.snmp.differences import comparing
from tests.probes.snmp.recordings import GOOD
from tests.probes.snmp.test_recordings import ports as recordings  # noqa: F401 - a fixture, asked for by name

KINDS = Path(__file__).with_name("modules") / "kinds.yml"
OWN = sorted(Path(str(resources.files("configs").joinpath("snmp"))).glob("*.yml"))
SHARED = Path(__file__).resolve().parents[4] / "shared/data/snmp_exporter/snmp.yml"
SEEDS = int(os.environ.get("SNMP_SEEDS", "6"))  # more of them look harder

MOST_SHOWN = 20  # differences in an error

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """One snmp_exporter with the project's own modules and those of the tests."""
    yield from running(tmp_path_factory.mktemp("snmp_exporter"), [KINDS, *OWN])


@pytest.fixture(scope="module")
def shared_exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """One snmp_exporter with its own modules."""
    yield from running(tmp_path_factory.mktemp("snmp_exporter"), [SHARED])


def running(directory: Path, files: list[Path]) -> Iterator[Exporter]:
    if reason := missing():
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with snmp_exporter(directory, files) as exporter:
        yield exporter


async def check(exporter: Exporter, files: list[Path], names: list[str], seeds: range) -> None:
    """Compare each module on several devices, every other one a wild one, every fifth in SNMP version 1."""
    library = ModuleLibrary(files)
    wrong: list[str] = []
    async with comparing(exporter) as comparison:
        for name in names:
            module = library.get(name)
            for seed in seeds:
                wild = 0.15 * (seed % 2)
                auth = "public_v1" if seed % 5 == 4 else "public_v2"
                mib = device(module, f"{name} {seed}", wild=wild, rows=30 if seed % 3 == 2 else 4)
                wrong += [f"seed {seed}: {found}" for found in await comparison.compare(mib.answer, [module], auth)]
        print(f"{comparison.agreed} devices with {comparison.series} series, {comparison.refused} refused")
    assert not wrong, "\n".join(wrong[:MOST_SHOWN])
    assert comparison.agreed > comparison.refused


@pytest.mark.parametrize("name", [name for name in ModuleLibrary([KINDS]).names() if name.startswith("kinds_")])
async def test_every_kind_of_metric_index_and_look_up(exporter: Exporter, name: str) -> None:
    trouble = name == "kinds_trouble"  # two definitions that do not go together
    library = ModuleLibrary([KINDS])
    module = library.get(name)
    wrong: list[str] = []
    async with comparing(exporter) as comparison:
        for seed in range(SEEDS * 4):
            auth = "public_v1" if seed % 5 == 4 and not trouble else "public_v2"
            mib = device(module, f"{name} {seed}", wild=0.1 * (seed % 3))
            wrong += [f"seed {seed}: {found}" for found in await comparison.compare(mib.answer, [module], auth)]
    assert not wrong, "\n".join(wrong[:MOST_SHOWN])
    assert comparison.agreed
    assert comparison.refused or not trouble


async def test_the_modules_of_this_project(exporter: Exporter) -> None:
    await check(exporter, OWN, list(ModuleLibrary(OWN).names()), range(SEEDS))


async def test_several_modules_in_one_request(exporter: Exporter) -> None:
    library = ModuleLibrary([KINDS])
    wrong: list[str] = []
    refused = []
    async with comparing(exporter) as comparison:
        for names in (
            "kinds_numbers,kinds_enumerations,kinds_dates",
            "kinds_lookups,system",
            "kinds_numbers,kinds_text",
        ):
            modules = [library.get(name) for name in names.split(",")]
            for seed in range(SEEDS):
                objects: Objects = {}
                for module in modules:
                    objects |= device(module, f"{names} {seed}").texts
                wrong += await comparison.compare(Mib(objects).answer, modules)
            refused.append(comparison.refused)
    assert not wrong, "\n".join(wrong[:MOST_SHOWN])
    assert refused[:2] == [0, 0]
    assert refused[2]  # both have kindScalarText


def unordered(rows: Sequence[int]) -> Answer:
    """Return an agent that gives its rows in this order, one in a packet, and then what lies beyond them."""
    column = encode_oid("1.3.6.1.4.1.99999.12.1")
    order = [column + bytes((row,)) for row in rows]

    def answer(request: Message, data: bytes) -> list[bytes]:
        asked = request.varbinds[0][0]
        place = order.index(asked) + 1 if asked in order else 0
        oid = order[place] if place < len(order) else encode_oid("1.3.6.1.4.1.99999.13.1")
        return [encode_response(request, [(oid, Tag.INTEGER, place)])]

    return answer


async def test_rows_in_no_order_and_devices_that_do_not_answer(exporter: Exporter) -> None:
    library = ModuleLibrary([KINDS])
    wrong: list[str] = []
    async with comparing(exporter) as comparison:
        wrong += await comparison.compare(unordered((7, 3, 9, 1)), [library.get("unordered")])
        wrong += await comparison.compare(unordered((1, 3, 7, 9)), [library.get("ordered")])
        assert (comparison.agreed, comparison.refused) == (2, 0)
        for rows in ((7, 7), (7, 3, 9, 1), (1, 2, 1, 3)):
            wrong += await comparison.compare(unordered(rows), [library.get("ordered")])
        wrong += await comparison.compare(silent, [library.get("impatient")])
        assert (comparison.agreed, comparison.refused) == (2, 4)
    assert not wrong, "\n".join(wrong)


def names_of_snmp_exporter() -> list[str]:
    """Return the modules of its file, without our own ones."""
    return list(yaml.load(SHARED.read_bytes(), Loader=yaml.CSafeLoader)["modules"])


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="no modules of snmp_exporter beside the project")
async def test_the_modules_of_snmp_exporter(shared_exporter: Exporter) -> None:
    await check(shared_exporter, [SHARED], names_of_snmp_exporter(), range(10))


@pytest.mark.shared
@pytest.mark.skipif(not GOOD, reason="no recordings beside the project")
async def test_recorded_devices(shared_exporter: Exporter, request: pytest.FixtureRequest) -> None:
    recorded: dict[str, int] = request.getfixturevalue("recordings")
    library = ModuleLibrary([SHARED])
    wrong: list[str] = []
    async with comparing(shared_exporter) as comparison:
        for file, port in recorded.items():
            for name in ("system", "if_mib", "ip_mib", "printer_mib", "ups_mib", "hrStorage"):
                found = await comparison.compare_port(port, [library.get(name)])
                wrong += [f"{Path(file).name}: {difference}" for difference in found]
    assert not wrong, "\n".join(wrong[:MOST_SHOWN])
    assert comparison.agreed > comparison.refused

"""`linewarden report register`: of a running agent, and of the configuration alone."""

import csv
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import Result

from agent.core.documents import document
from agent.core.hardware import Fact, Hardware, Support
from agent.core.model import AssetRow, Estate, Role, Target
from agent.core.register import report
from tests.cli.agents import answering, linewarden, served

TODAY = date(2026, 11, 27)
CONFIG = """
agent: {name: dc1, state_dir: STATE}
inventory: [assets.csv]
devices:
  - {name: sw1, kind: switch, address: 10.0.0.1, icmp: {}}
  - {name: ups1, kind: ups, address: 10.0.0.3, icmp: {}}
"""
REGISTER = "Name;Serial;Type;OS;User\nsw1;FOC-1;Switch;;\nLT-1;5CG-1;Laptop;Windows 10;Jane Doe\nA-9;;Fax;;\n"


def row(line: int, name: str, **columns: str) -> AssetRow:
    return AssetRow(name, f"r.csv:{line}", None, columns)


def said(*options: str, estate: Estate | None = None) -> Result:
    """Ask an agent in whose picture a switch was replaced, and says so in a way that a spreadsheet would work out."""
    switch = Target("sw1", Role.DEVICE, "switch", "sw1", register=row(2, "sw1", serial="=2+557"))
    laptop = row(3, "LT-1\x1b[2J", kind="Laptop", model="L", operating_system="Windows 10")
    known = estate or Estate("dc1", {"sw1": switch}, assets=(laptop,))
    seen = {"sw1": Hardware(datetime.now(UTC), (Fact("serial", "FOC-1", "ENTITY-MIB entPhysicalSerialNum"),))}
    support = Support("Windows 10", "Windows 10", "a document", "w.csv:2", end_of_support=date(2025, 10, 14))
    found = document(report(known, seen, TODAY, lambda _system, _version: support))

    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response(found)

    with answering(handler) as url:
        return linewarden("report", "register", "--url", url, *options, COLUMNS="200")


TEXT = """\
2 rows in the register; 1 of 1 device joined to a row, 1 told what they are

The register says one thing, the device or the configuration another (1)
  sw1: serial number: the register (r.csv:2) says =2+557, the device (ENTITY-MIB entPhysicalSerialNum) says FOC-1

In the register, and polled by nobody (1)
NAME      KIND    MODEL  BOUGHT  OPERATING SYSTEM  SUPPORTED UNTIL  STANDS IN
LT-1\ufffd[2J  Laptop  L              Windows 10        2025-10-14       r.csv:3
"""


def test_text() -> None:
    result = said()
    assert (result.exit_code, result.stderr, result.stdout) == (0, "", TEXT)


def test_a_spreadsheet_works_nothing_out() -> None:
    result = said("--format", "csv")
    assert result.stdout.startswith("\ufeffkind,")  # without the mark Excel takes it for another code page
    (first,) = csv.DictReader(io.StringIO(result.stdout.removeprefix("\ufeff")))
    assert (first["kind"], first["name"], first["field"]) == ("differs", "sw1", "serial")
    assert (first["register"], first["device"]) == ("'=2+557", "FOC-1")
    assert first["device_source"] == "ENTITY-MIB entPhysicalSerialNum"


@pytest.mark.parametrize("options", [("--json",), ("--format", "json")])
def test_json(options: tuple[str, ...]) -> None:
    found = json.loads(said(*options).stdout)
    assert [one["field"] for one in found["mismatches"]] == ["serial"]
    assert "as_of" not in found


def test_no_register() -> None:
    result = said(estate=Estate("dc1", {}))
    assert result.stdout == "there is no asset register; name one in the configuration: inventory: [assets/*.csv]\n"


def test_all_is_well() -> None:
    switch = Target("sw1", Role.DEVICE, "switch", "sw1", register=row(2, "sw1", serial="FOC-1"))
    result = said(estate=Estate("dc1", {"sw1": switch}))
    assert result.stdout.endswith("\nnothing is said otherwise by what was compared\n")


def test_without_an_agent_the_configuration_is_read(tmp_path: Path) -> None:
    config = tmp_path / "linewarden.yaml"
    config.write_text(CONFIG.replace("STATE", str(tmp_path / "state")))
    (tmp_path / "assets.csv").write_text(REGISTER)
    result = linewarden("report", "register", "--config", config)
    assert result.exit_code == 0
    assert "no agent is running" in result.stderr
    assert result.stdout.startswith("3 rows in the register; 1 of 2 devices joined to a row, 0 told what they are\n")
    for part in (
        f"A-9 (Fax): in the register ({tmp_path}/assets.csv:4)",
        "ups1 (ups): on the network",
        "\nLT-1  Laptop ",
    ):
        assert part in result.stdout
    assert "Doe" not in result.stdout


def test_a_running_agent(tmp_path: Path) -> None:
    with served(tmp_path) as agent:
        result = linewarden("report", "register", "--url", agent.url, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["rows"] == 0


def test_neither_agent_nor_configuration(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(f"agent: {{name: dc1, state_dir: {tmp_path}}}\nnonsense: 1\n")
    result = linewarden("report", "register", "--config", tmp_path / "bad.yaml")
    assert result.exit_code == 3
    assert "without one its configuration is needed" in result.stderr

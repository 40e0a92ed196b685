"""`linewarden report ageing`: what it writes where, asked of an agent and without one."""

import asyncio
import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web

from agent.cli.report_ageing import parse_day
from agent.core.ageing_reader import read
from agent.core.ageing_report import AgeingReport, ageing_document, report
from agent.core.hardware import Piece
from agent.core.register import Disagreement
from agent.ledger import FILE_NAME, SqliteLedger
from tests.cli.agents import NOW, ago, answering, linewarden, served
from tests.exporters.ageingestate import HOSTILE, TODAY, cases, estate, hostile

CONFIG: Final = """
agent: {name: dc1, state_dir: STATE}
owners: [bcw, enc]
sites: [{name: bcw, owner: [bcw]}, {name: enc, owner: [enc]}]
devices:
  - {name: sw1, kind: switch, site: bcw, address: 127.0.0.1, icmp: {}, purchased: 2012-03-01}
  - {name: sw2, kind: switch, site: enc, address: 127.0.0.2, icmp: {}, depends_on: [sw1]}
"""


def agent_with(made: AgeingReport | Any) -> Any:  # noqa: ANN401 - a context manager
    """Serve a report, or whatever document, as an agent does."""
    document = ageing_document(made) if isinstance(made, AgeingReport) else made

    async def handler(request: web.Request) -> web.Response:
        assert request.path == "/api/v1/ageing"
        return web.Response(text=json.dumps(document), content_type="application/json")

    return answering(handler)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with agent_with(estate()) as found:
        yield found


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "linewarden.yaml").write_text(CONFIG.replace("STATE", str(tmp_path)))
    return tmp_path / "linewarden.yaml"


def asked(url: str, *options: str | Path) -> str:
    result = linewarden("report", "ageing", "--url", url, *options)
    assert result.exit_code == 0, result.stderr
    return result.stdout


# ------------------------------------------------------------------ text


def test_a_terminal_gets_the_ten_first_and_the_lists(url: str) -> None:
    lines = asked(url, "--until", "2028-03-31").splitlines()
    assert lines[0].startswith("Of 42 pieces of hardware, 23 are out of support today.")
    heads = [line for line in lines if line in HEADS]
    assert heads == list(HEADS)
    first = lines.index("What to replace first")
    assert (
        lines[first + 1]
        == "1. bcw-core-sw1 (Core switch, Borough Hall): Example Networks EN-4510R, switch, bcw; owner bcw"
    )
    assert lines[first + 2].startswith("    likelihood   Power supply 2 has failed; EN-4510R: without support since")
    assert lines[first + 3].startswith("    consequence  Single point of failure: with it fails bcw-sw3")
    assert sum(line.startswith("    likelihood ") for line in lines) == 10
    assert "    likelihood   The device says that its battery needs to be replaced. Unknown: support." in lines
    late = lines.index("What will be unsupported by 2028-03-31")
    assert lines[late + 2].split() == ["2021-01-31", "1", "bcw", "EN-4510R", "bcw-core-sw1"]
    assert lines[late + 5].endswith("pc-1007, pc-1008 and 8 more")
    full = lines.index("The full list")
    assert len(lines) == full + 2 + 42


HEADS: Final = (
    "What to replace first", "What will be unsupported by 2028-03-31", "Dates to look up first", "The full list"
)  # fmt: skip


def test_a_terminal_is_told_how_far_the_register_agrees() -> None:
    with agent_with(replace(estate(), register=Disagreement(40, 0, 2))) as url:
        found = asked(url)
    assert "do not agree: 2 rows have nothing on the network. linewarden report register lists them.\n" in found


def test_the_list_is_grouped_as_asked(url: str) -> None:
    lines = asked(url, "--by", "site").splitlines()
    assert [line for line in lines if line.startswith("The full list")] == [
        "The full list: bcw", "The full list: enc", "The full list: crown", "The full list: Without a site"
    ]  # fmt: skip


def test_a_narrow_terminal_is_filled_and_not_passed() -> None:
    with agent_with(report(cases()[:2], NOW, TODAY)) as url:
        result = linewarden("report", "ageing", "--url", url, COLUMNS="70")
    part = result.stdout[: result.stdout.index("What will be unsupported")]
    assert max(map(len, part.splitlines())) <= 70


def test_what_a_device_says_moves_no_cursor() -> None:
    with agent_with(hostile()) as url:
        found = asked(url)
    assert HOSTILE[:7] in found
    assert all(line.isprintable() for line in found.splitlines())


def test_no_hardware_at_all() -> None:
    with agent_with(report((), NOW, TODAY)) as url:
        found = asked(url, "--until", "2028")
    assert found.splitlines() == [
        "No hardware is known: there are no devices, and no asset register.",
        "",
        "What will be unsupported by 2028-12-31",
        "nothing of which a date is known",
    ]


# ------------------------------------------------------------------ files


def test_formats_on_standard_output(url: str) -> None:
    assert asked(url, "--format", "html").startswith("<!doctype html>")
    found = asked(url, "--format", "csv", "--by", "owner")
    assert len(list(csv.reader(io.StringIO(found.removeprefix("\ufeff"))))) == 50
    document = json.loads(asked(url, "--json", "--by", "year", "--until", "2028-03-31"))
    assert document == json.loads(asked(url, "--format", "json", "--by", "year", "--until", "2028-03"))
    assert read(document) == read(ageing_document(estate()))
    assert document["unsupported_by"]["day"] == "2028-03-31"


@pytest.mark.parametrize(
    ("name", "options", "begins"),
    [
        ("a.html", (), b"<!doctype html>"),
        ("a.HTM", (), b"<!doctype html>"),
        ("a.csv", (), b"\xef\xbb\xbfrank,"),
        ("a.json", (), b"{"),
        ("a.txt", (), b"Of 42 pieces"),
        ("a", ("--format", "csv"), b"\xef\xbb\xbfrank,"),
        ("a.html", ("--json",), b"{"),
    ],
)
def test_a_file_is_what_its_name_says(
    url: str, tmp_path: Path, name: str, options: tuple[str, ...], begins: bytes
) -> None:
    result = linewarden("report", "ageing", "--url", url, "--output", tmp_path / name, *options)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"written: {tmp_path / name}\n"
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_pdf(tmp_path: Path) -> None:
    with agent_with(report(cases()[:1], NOW, TODAY)) as url:
        asked(url, "--output", tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF-1.")


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--until", "soon"), "expected a day such as 2028-03-31, or 2028-03 or 2028 for its last day; got 'soon'"),
        (("--until", "2027-02-29"), "got '2027-02-29'"),
        (("--by", "colour"), "'colour' is not one of 'owner', 'site', 'year'"),
        (
            ("--output", "a.xlsx"),
            "--output: no format ends in .xlsx; expected html, pdf, csv, json or txt, or --format",
        ),
        (("--json", "--format", "csv"), "--json: not together with --format csv"),
    ],
)
def test_a_wrong_question_is_refused(options: tuple[str, ...], said: str) -> None:
    result = linewarden("report", "ageing", "--url", "http://127.0.0.1:9", *options)
    assert result.exit_code == 2
    assert said in result.stderr


def test_an_answer_that_is_no_report_is_refused() -> None:
    with agent_with({"ageing": 1}) as url:
        result = linewarden("report", "ageing", "--url", url)
    assert result.exit_code == 3
    assert "Error: no ageing report: made_at: Field required; expected the document of /api/v1/ageing" in result.stderr


def test_a_place_that_cannot_be_written(url: str, tmp_path: Path) -> None:
    result = linewarden("report", "ageing", "--url", url, "--output", tmp_path / "no" / "a.html")
    assert result.exit_code == 3
    assert result.stderr == f"Error: {tmp_path / 'no' / 'a.html'}: No such file or directory\n"


def test_without_the_libraries_of_pdf(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import exporters.report

    def missing(html: str) -> bytes:
        raise exporters.report.PdfError("PDF needs libraries that are missing here")

    monkeypatch.setattr(exporters.report, "_pdf", missing)
    result = linewarden("report", "ageing", "--url", url, "--output", tmp_path / "a.pdf")
    assert (result.exit_code, result.stderr) == (3, "Error: PDF needs libraries that are missing here\n")
    assert not (tmp_path / "a.pdf").exists()


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2028", "2028-12-31"), ("2028-02", "2028-02-29"), ("2028-03-31", "2028-03-31"),
        ("28", None), ("2028-13", None), ("2028-00", None), ("2028-1", None), ("2028-04-31", None), ("0000", None),
        ("", None), ("٢٠٢٨", None),
    ],
)  # fmt: skip
def test_days(text: str, day: str | None) -> None:
    if day is None:
        with pytest.raises(ValueError, match="expected a day such as"):
            parse_day(text)
    else:
        assert parse_day(text) == date.fromisoformat(day)


# ------------------------------------------------------------------ an agent, and none


def test_a_running_agent_is_asked_at_its_socket(tmp_path: Path) -> None:
    with served(tmp_path) as agent:
        by_socket = linewarden("report", "ageing", "--state-dir", tmp_path, "--json")
        by_url = linewarden("report", "ageing", "--url", agent.url, "--json")
    assert (by_socket.exit_code, by_socket.stderr) == (0, "")
    found = read(json.loads(by_socket.stdout))
    assert found.cases
    assert [case.name for case in found.cases] == [case["name"] for case in json.loads(by_url.stdout)["cases"]]


def test_without_an_agent_the_configuration_is_read(config: Path) -> None:
    result = linewarden("report", "ageing", "--config", config)
    assert result.exit_code == 0
    assert result.stderr == f"(no agent is running, and there is no ledger; read from {config})\n"
    assert "1. sw1: switch, bcw; owner bcw" in result.stdout
    assert "with it fails sw2" in result.stdout
    assert "Unknown: support and condition." in result.stdout


def test_without_an_agent_the_ledger_is_read_too_and_named(config: Path) -> None:
    seen = ago(days=400)

    async def fill() -> None:
        ledger = SqliteLedger(config.parent / FILE_NAME, agent="dc1")
        await ledger.open()
        await ledger.record_pieces([Piece("sw2", "XN1", seen, NOW)])
        await ledger.close()

    asyncio.run(fill())
    result = linewarden("report", "ageing", "--config", config, "--json")
    assert result.exit_code == 0
    assert "no agent is running" in result.stderr
    case = next(case for case in read(json.loads(result.stdout)).cases if case.name == "sw2")
    assert case.age is not None
    assert (case.age.since, case.age.at_least) == (seen.date(), True)

"""`linewarden replay`: what a file may be, what is said of it, what is shown; with detectors one can see through."""

import io
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

import agent.cli
import agent.core.replay
from agent.cli import progress
from agent.core.replay import Judge, LossDetector, Spacing
from tests.cli.agents import linewarden
from tests.core.test_replay import BEGAN, Slower, ThreeOfTen, rows

SECONDS = "+" * 20 + "s" * 20 + "+" * 60 + "-" * 12 + "+" * 20


def recording(text: str, step: float = 1.0, head: str = "timestamp,rtt_seconds\n") -> str:
    return head + "".join(f"{at:.0f},{'' if rtt is None else rtt}\n" for at, rtt in rows(text, step))


@pytest.fixture
def agreed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Spacing, Mapping[str, float | None]]]:
    """Return with what the detectors were made; they are those of tests.core.test_replay."""
    asked: list[tuple[Spacing, Mapping[str, float | None]]] = []

    def detectors(spaced: Spacing, agreed: Mapping[str, float | None]) -> tuple[LossDetector, Judge]:
        asked.append((spaced, agreed))
        return ThreeOfTen(), Slower()

    monkeypatch.setattr(agent.core.replay, "detectors", detectors)
    return asked


@pytest.fixture
def file(tmp_path: Path, agreed: list[object]) -> Path:
    file = tmp_path / "line.csv"
    file.write_text(recording(SECONDS))
    return file


def test_each_thing_is_one_line_of_json(file: Path) -> None:
    result = linewarden("replay", str(file), "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(one["kind"], one["index"], one["decided_index"], one["page"]) for one in found] == [
        ("level_shift", 20, 29, None),
        ("degraded", 20, 29, "warning"),
        ("level_shift", 40, 49, None),
        ("recovered", 80, 89, None),
        ("loss_onset", 100, 102, None),
        ("down", 100, 105, "critical"),
        ("up", 112, 112, None),
        ("loss_over", 112, 121, None),
    ]
    assert found[0]["at"] == datetime.fromtimestamp(BEGAN + 20, UTC).isoformat()
    assert found[0]["evidence"]["new_seconds"] == 0.1
    assert found[5]["reason"] == "0 of 6 echoes answered"


def test_standard_input_is_as_good_as_a_file(file: Path) -> None:
    given = CliRunner().invoke(agent.cli.main, ["replay", "-", "--json"], input=file.read_text())
    assert given.exit_code == 0
    assert given.stdout == linewarden("replay", str(file), "--json").stdout != ""


def test_a_person_sees_a_plot_a_table_and_what_would_have_been_paged(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TZ", "UTC")
    result = linewarden("replay", str(file), "--objective-rtt", "30ms", "--objective-loss", "0.1%", "--objective-mos",
                        "3.9")  # fmt: skip
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("132 rows from 2026-09-21 ")
    assert lines[0].endswith("1 s apart; 12 lost (9.09%)")
    assert lines[1] == "rounds of 10 s; objectives: rtt 30 ms, loss 0.1%, mos 3.9"
    assert max(len(line) for line in lines) <= 100
    marks = [line.partition("┤")[2] or line.partition("│")[2] for line in lines[4:17]]
    columns = zip(*(line.ljust(100) for line in marks), strict=True)
    stacks = ["".join(char for char in column if char.isalpha()) for column in columns]
    assert [stack for stack in stacks if stack] == ["SD", "S", "R", "LX", "Ul"]  # none covers another
    assert [line.split()[0] for line in lines[lines.index("") + 2 :] if line[:1].isdigit()] == [
        "20", "20", "40", "80", "100", "100", "112", "112",
    ]  # fmt: skip
    assert lines[-1] == "Of a circuit that would have been 1 page and 1 ticket."


def test_a_quiet_line_has_nothing_to_tell(tmp_path: Path, agreed: list[object]) -> None:
    file = tmp_path / "quiet.csv"
    file.write_text(recording("+" * 50))
    assert linewarden("replay", str(file)).stdout.splitlines()[-1] == "nothing would have been told"
    assert linewarden("replay", str(file), "--json").stdout == ""


@pytest.mark.parametrize("text", ["+", "-", "--------", "+ +"])
def test_the_shortest_recordings_are_shown(text: str, tmp_path: Path, agreed: list[object]) -> None:
    file = tmp_path / "short.csv"
    file.write_text(recording(text))
    result = linewarden("replay", str(file))
    assert result.exit_code == 0
    assert "round-trip time in ms" in result.stdout


def test_a_terminal_without_unicode_gets_plain_characters(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from agent.cli import replayplot

    monkeypatch.setattr(replayplot, "_unicode", lambda: False)
    assert linewarden("replay", str(file)).stdout.isascii()


@pytest.mark.parametrize(
    ("options", "step", "wanted"),
    [
        ([], 1.0, Spacing(1.0, 10.0)),
        ([], 240.0, Spacing(240.0, 240.0)),
        (["--round", "5s"], 1.0, Spacing(1.0, 5.0)),
        (["--interval", "2s"], 1.0, Spacing(2.0, 10.0)),
        (["--interval", "30s"], 30.0, Spacing(30.0, 30.0)),
    ],
)
def test_the_spacing_is_that_of_the_rows_or_as_given(
    options: list[str], step: float, wanted: Spacing, file: Path, agreed: list[tuple[Spacing, object]]
) -> None:
    file.write_text(recording("+" * 30, step))
    assert linewarden("replay", str(file), "--json", *options).exit_code == 0
    assert agreed[-1][0] == wanted


def test_objectives_reach_the_detectors(file: Path, agreed: list[tuple[Spacing, Mapping[str, float | None]]]) -> None:
    options = ["--objective-rtt", "30ms", "--objective-pdv", "5ms", "--objective-loss", "0.1%", "--objective-mos", "4"]
    linewarden("replay", str(file), "--json", *options)
    assert agreed[-1][1] == {"rtt": 0.03, "pdv": 0.005, "loss": 0.001, "mos": 4.0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no row in it; expected lines such as 1790000000,0.0213"),
        ("timestamp,rtt_seconds\n", "there is no row in it; expected lines such as 1790000000,0.0213"),
        ("1790000000,0.02\n1790000001,x\n",
         "2: rtt_seconds: expected seconds such as 0.0213, or nothing for a lost echo, got 'x'"),
        ("time,rtt\n1,2\n", "1: the first line names no column 'timestamp'; it has time, rtt"),
    ],
)  # fmt: skip
def test_a_bad_file_is_told_with_its_line(text: str, said: str, file: Path) -> None:
    file.write_text(text)
    for options in ([], ["--json"]):
        result = linewarden("replay", str(file), *options)
        assert result.exit_code == 2
        assert result.stderr.splitlines()[-1] == f"Error: {file}:{' ' if said.startswith('there') else ''}{said}"


def test_bad_rows_can_be_left_out(file: Path) -> None:
    text = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*text[:5], "x,0.02\n", text[5], text[5], "1790000006;0.02\n", "\x00\n", *text[6:]]))
    assert linewarden("replay", str(file), "--json").exit_code == 2
    result = linewarden("replay", str(file), "--json", "--skip-bad")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 8
    told = result.stderr.splitlines()
    assert [line.split(": ")[0] for line in told[:-1]] == [f"{file}:6", f"{file}:8", f"{file}:9"]
    assert told[-1] == "(4 rows were left out)"


def test_a_file_with_a_byte_order_mark_and_carriage_returns(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert len(linewarden("replay", str(file), "--json").stdout.splitlines()) == 8


def test_octets_without_an_end_fill_no_memory(file: Path) -> None:
    file.write_bytes(b"\xff" * 200_000)
    result = linewarden("replay", str(file), "--json")
    assert result.exit_code == 2
    assert "1: longer than 65535 characters: no row of a table" in result.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--interval", "0s"], "--interval and --round: expected more than 0s"),
        (["--round", "0s"], "--interval and --round: expected more than 0s"),
        (["--interval", "5"], "expected a duration with its unit (ms, s, m, h, d, w, y) such as 10s or 1h30m, got '5'"),
        (["--objective-loss", "2"], "expected a ratio such as 99.9% or 0.999, got '2'"),
        (["--objective-mos", "7"], "7.0 is not in the range 1<=x<=4.5"),
    ],
)
def test_options_that_make_no_sense(options: list[str], said: str, file: Path) -> None:
    result = linewarden("replay", str(file), *options)
    assert result.exit_code == 2
    assert said in result.stderr


def test_files_that_are_none(tmp_path: Path, agreed: list[object]) -> None:
    result = linewarden("replay", str(tmp_path / "none.csv"))
    assert (result.exit_code, result.stderr) == (2, f"Error: {tmp_path}/none.csv: No such file or directory\n")
    assert linewarden("replay", str(tmp_path)).stderr == f"Error: {tmp_path}: Is a directory\n"


def test_a_long_file_tells_how_far_it_is(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(progress, "_FIRST_SECONDS", 0.0)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    counter = progress.Counter(lambda: "4,096 rows, 12%")
    counter.at()
    counter.at()  # too soon
    counter.over()
    assert terminal.getvalue() == "\r\x1b[K4,096 rows, 12%\r\x1b[K"
    monkeypatch.setattr(sys, "stderr", other := io.StringIO())
    quiet = progress.Counter(lambda: "never")
    quiet.at()
    quiet.over()
    assert other.getvalue() == ""

"""`linewarden events`."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.core.model import EventKind
from tests.cli.agents import HISTORY, Served, ago, happened, linewarden, served

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def in_a_fixed_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/London")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("state")) as found:
        yield found


def test_the_table(agent: Served) -> None:
    result = linewarden("events", "--url", agent.url)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert re.split(r"\s{2,}", lines[0]) == ["TIME", "KIND", "TARGET", "CHANGE", "REASON"]
    assert len(lines) == 1 + len(HISTORY)
    local = ago(minutes=29).astimezone().isoformat(sep=" ", timespec="seconds")
    assert re.split(r"\s{2,}", lines[-1]) == [
        local, "target", "enc-sw1", "up > unreachable", "what it depends on is down (because of enc-crown)",
    ]  # fmt: skip
    assert re.split(r"\s{2,}", lines[1])[1:4] == ["agent", "dc1", "started"]
    assert "enc-crown / icmp" in lines[4]
    starts = {line.index(word) for line, word in zip(lines[1:], ["agent", "target", "target", "check"], strict=False)}
    assert len(starts) == 1  # aligned


def test_narrow_terminals_wrap_the_reason(agent: Served) -> None:
    for columns in ("100", "60"):
        result = linewarden("events", "--url", agent.url, COLUMNS=columns)
        assert max(len(line) for line in result.stdout.splitlines()[1:]) <= max(int(columns), 79)
        assert "because" in result.stdout


def test_filters(agent: Served) -> None:
    def reasons(*arguments: str) -> list[str]:
        result = linewarden("events", "--url", agent.url, "--json", *arguments)
        assert result.exit_code == 0, result.stderr
        return [json.loads(line)["reason"] for line in result.stdout.splitlines()]

    assert reasons("--target", "bcw-core-sw1") == ["3 echoes missed", "answers again"]
    assert reasons("--kind", "check", "--kind", "agent") == ["version 0.1.0", "3 echoes missed"]
    assert len(reasons("--since", "2h")) == 3
    assert len(reasons("--since", ago(days=2.5).isoformat(), "--until", "1d")) == 2
    assert len(reasons("--since", ago(days=2.5).astimezone().strftime("%Y-%m-%d %H:%M"))) == 5
    assert len(reasons("--limit", "2")) == 2


def test_json_is_one_document_per_line_in_utc(agent: Served) -> None:
    result = linewarden("events", "--url", agent.url, "--json", "--limit", "1")
    event = json.loads(result.stdout)
    assert event["at"] == ago(minutes=29).isoformat()
    assert event["at"].endswith("+00:00")
    assert (event["causes"], event["late"], event["check"]) == (["enc-crown"], False, None)


def test_no_events(agent: Served) -> None:
    result = linewarden("events", "--url", agent.url, "--target", "enc-crown", "--kind", "mark", "--since", "1h")
    assert result.exit_code == 0
    assert re.fullmatch(r"no mark events of enc-crown since 20\d\d-\S+ \S+\n", result.stdout)
    assert linewarden("events", "--url", agent.url, "--until", "2020-01-01", "--json").stdout == ""
    nothing = linewarden("events", "--url", agent.url, "--until", "2020-01-01").stdout
    assert nothing == "no events until 2020-01-01 00:00:00+00:00\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--since", "yesterday"], "expected a duration such as 2h, or a time such as 2026-11-22"),
        (["--since", "99999999y"], "expected a duration"),
        (["--kind", "nonsense"], "'nonsense' is not one of"),
        (["--limit", "0"], "0 is not in the range"),
        (["--follow", "--until", "1h"], "--follow has no end"),
    ],
)
def test_usage(arguments: list[str], complaint: str) -> None:
    result = linewarden("events", *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr


def test_a_terminal_is_not_controlled_by_what_a_device_says(tmp_path: Path) -> None:
    nasty = "gone\x1b[2J\x1b]0;owned\x07\r\n\u202eback"
    with served(tmp_path, [happened("down", ago(minutes=1), reason=nasty)]) as agent:
        result = linewarden("events", "--url", agent.url)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", result.stdout)
    assert "gone" in result.stdout


def test_late_events_say_so(tmp_path: Path) -> None:
    with served(tmp_path, [replace(happened("down", ago(minutes=1)), late=True)]) as agent:
        assert "3 echoes missed [late]" in linewarden("events", "--url", agent.url).stdout


def test_follow_shows_what_comes_also_after_a_restart_of_the_agent(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    with served(state) as agent:
        child = subprocess.Popen(
            [sys.executable, "-m", "agent.cli", "events", "--follow", "--json", "--state-dir", str(state)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert child.stdout is not None
        try:
            first = [json.loads(child.stdout.readline()) for _ in HISTORY]
            assert [event["id"] for event in first] == list(range(1, 7))
            agent.do(agent.ledger.record([happened("up", datetime.now(UTC), reason="the splice is done")]))
            assert json.loads(child.stdout.readline())["reason"] == "the splice is done"
            agent.do(agent.ledger.record([happened("down", ago(minutes=50), reason="noticed late")]))
            assert json.loads(child.stdout.readline())["reason"] == "noticed late"
            (state / "control.sock").rename(state / "aside")  # the agent is away: its ledger goes on being read
            agent.do(agent.ledger.record([happened("up", datetime.now(UTC), reason="while it was away")]))
            assert json.loads(child.stdout.readline())["reason"] == "while it was away"
            (state / "aside").rename(state / "control.sock")
            agent.do(agent.ledger.record([happened("up", datetime.now(UTC), reason="back")]))
            assert json.loads(child.stdout.readline())["reason"] == "back"
        finally:
            child.send_signal(2)
            rest = child.communicate(timeout=30)
        assert (child.returncode, rest[1].strip()) == (0, "")


def test_help_is_quick_and_has_examples() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "agent.cli", "events", "--help"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "linewarden events --since 2h" in done.stdout
    assert not re.search(r"\b(aiohttp|numpy|yaml|sqlite3|pydantic_core)$", done.stderr, re.MULTILINE)


def test_every_kind_of_event_can_be_asked_for() -> None:
    help_text = " ".join(linewarden("events", "--help").stdout.split())
    assert f"[{'|'.join(EventKind)}]".replace(" ", "") in help_text.replace(" ", "")

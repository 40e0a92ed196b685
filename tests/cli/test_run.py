"""What the person at the terminal is shown."""

import io
import logging
import os
import sys
from pathlib import Path

import pytest

from agent.cli.run import JournalFormatter, _to_journal, show_addresses, show_pages
from agent.core.model import Page
from tests.core.estates import at

PAGE = Page(
    "CircuitDown",
    "wan",
    "critical",
    at(0),
    "Circuit wan is down: ExampleTel ETH/1, a to b",
    "Report it to ExampleTel, reference ETH/1.",
    {"alertname": "CircuitDown", "target": "wan"},
)


def test_a_page_is_shown_as_it_would_be_sent_and_so_is_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    show_pages([PAGE], [])
    show_pages([], [PAGE])
    assert capsys.readouterr().out.splitlines() == [
        "PAGE critical: Circuit wan is down: ExampleTel ETH/1, a to b",
        "     Report it to ExampleTel, reference ETH/1.",
        '     alertname="CircuitDown" target="wan"',
        "RESOLVED: Circuit wan is down: ExampleTel ETH/1, a to b",
    ]


@pytest.mark.parametrize(
    ("level", "priority"), [(logging.DEBUG, 7), (logging.INFO, 6), (logging.WARNING, 4), (logging.ERROR, 3)]
)
def test_the_journal_gets_a_priority_on_every_line(level: int, priority: int) -> None:
    record = logging.LogRecord("agent.app", level, "app.py", 1, "one\ntwo %d", (2,), None)
    assert JournalFormatter("%(name)s: %(message)s").format(record).splitlines() == [
        f"<{priority}>agent.app: one",
        f"<{priority}>two 2",
    ]


def test_the_journal_is_told_from_a_terminal_that_inherited_its_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (tmp_path / "stderr").open("w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.delenv("JOURNAL_STREAM", raising=False)
        assert not _to_journal()
        monkeypatch.setenv("JOURNAL_STREAM", "8:1")
        assert not _to_journal()
        found = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        assert _to_journal()
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not _to_journal()


def test_the_addresses_to_open_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    show_addresses(["http://127.0.0.1:9799"])
    assert "http://127.0.0.1:9799/metrics (Prometheus)" in capsys.readouterr().out

"""What the person at the terminal is shown."""

import logging

import pytest

from agent.cli.run import JournalFormatter, show_addresses, show_pages
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


def test_the_addresses_to_open_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    show_addresses(["http://127.0.0.1:9799"])
    assert "http://127.0.0.1:9799/metrics (Prometheus)" in capsys.readouterr().out

"""What the person at the terminal is shown."""

import pytest

from agent.cli.run import show_addresses, show_pages
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


def test_the_addresses_to_open_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    show_addresses(["http://127.0.0.1:9799"])
    assert "http://127.0.0.1:9799/metrics (Prometheus)" in capsys.readouterr().out

"""What is said of drops: the first of each kind in a minute, with its sender, and nothing from the network."""

import logging
from pathlib import Path

import pytest

from probes.snmp.trapcounters import DROPS, TrapCounters


@pytest.mark.parametrize("now", [0.0, 0.1, 1234.567, 98765.4321])
def test_the_first_of_a_minute_is_logged_and_all_are_counted(now: float, caplog: pytest.LogCaptureFixture) -> None:
    counters = TrapCounters()
    with caplog.at_level(logging.INFO):
        for second in (0, 1, 59, 61, 62):
            counters.drop("wrong_community", f"10.0.0.{second}", now + second)
        counters.drop("unknown_source", "10.0.0.9", now + 62)
        counters.drop("garbage", "10.0.0.9", now + 62)  # nobody could do anything about it
    said = "a trap from {} is dropped: {} (more of these within a minute are counted)"
    assert [record.getMessage() for record in caplog.records] == [
        said.format("10.0.0.0", DROPS["wrong_community"]),
        said.format("10.0.0.61", DROPS["wrong_community"]),
        said.format("10.0.0.9", DROPS["unknown_source"]),
    ]
    assert {reason: count for (reason,), count in counters.dropped.items() if count} == {
        "wrong_community": 5, "unknown_source": 1, "garbage": 1,
    }  # fmt: skip


def test_every_reason_and_kind_is_there_from_the_start() -> None:
    counters = TrapCounters()
    assert set(counters.dropped) == {(reason,) for reason in DROPS}
    assert len(counters.received) == 18


def test_every_reason_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "traps.md").read_text()
    assert [reason for reason in DROPS if f"`{reason}`" not in page] == []

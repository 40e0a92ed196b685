"""Traps in the log: each that matters has its line, no storm fills it, and what they say does no harm."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agent.core.traps import Trap, TrapKind
from agent.traplog import LINES_A_MINUTE, OTHER_SECONDS, SENDER_LINES_A_MINUTE, TrapLog

DOWN = Trap(
    "10.0.0.1", ("sw1",), "v3", TrapKind.LINK_DOWN, "1.3.6.1.6.3.1.1.5.3", datetime(2026, 3, 1, tzinfo=UTC),
    names=("Gi1/0/1",),
)  # fmt: skip
OTHER = replace(DOWN, kind=TrapKind.OTHER, oid="1.3.6.1.4.1.9.9.43.2.0.1", names=())
LINE = "linkDown from sw1 (v3) of Gi1/0/1: looked at now"


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Iterator["Said"]:
    with caplog.at_level(logging.INFO):
        yield Said(caplog)


class Said:
    """The lines until now."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def take(self) -> list[str]:
        lines = self._caplog.messages.copy()
        self._caplog.clear()
        return lines


def test_what_a_line_says(said: Said) -> None:
    log = TrapLog()
    log.tell(DOWN, "looked at now", 0)
    log.tell(replace(DOWN, names=(), if_index=7, kind=TrapKind.LINK_UP), "looked at again soon", 1)
    log.tell(replace(DOWN, names=(), devices=("sw1", "sw1-host"), kind=TrapKind.COLD_START), "looked at now", 2)
    log.tell(replace(DOWN, names=("wan1\x1b[2J\n<0>forged",)), "looked at now", 3)
    log.tell(replace(OTHER, oid="1." * 500), "", 4)
    assert said.take() == [
        LINE,
        "linkUp from sw1 (v3) of ifIndex 7: looked at again soon",
        "coldStart from sw1, sw1-host (v3): looked at now",
        "linkDown from sw1 (v3) of wan1\\x1b[2J\\n<0>forged: looked at now",
        f"{'1.' * 100} from sw1 (v3): leads to nothing",
    ]


def test_a_sender_that_storms_hides_no_other(said: Said) -> None:
    log = TrapLog()
    for _ in range(1000):
        log.tell(DOWN, "looked at now", 10)
    log.tell(replace(DOWN, address="10.0.0.2", devices=("sw2",)), "looked at now", 10)
    assert said.take() == [
        *[LINE] * SENDER_LINES_A_MINUTE,
        "more traps from sw1 within this minute are counted only",
        LINE.replace("sw1", "sw2"),
    ]
    log.tell(DOWN, "looked at now", 69)
    assert said.take() == []
    log.tell(DOWN, "looked at now", 70)
    assert said.take() == [LINE]


def test_all_together_fill_no_log(said: Said) -> None:
    log = TrapLog()
    for number in range(1000):
        log.tell(replace(DOWN, address=f"10.0.{number // 250}.{number % 250}"), "looked at now", 10)
    assert said.take() == [*[LINE] * LINES_A_MINUTE, "more traps within this minute are counted only"]
    log.tell(DOWN, "looked at now", 70)
    assert said.take() == [LINE]


def test_other_traps_are_told_once_an_hour_and_take_no_lines_of_links(said: Said) -> None:
    log = TrapLog()
    line = f"{OTHER.oid} from sw1 (v3): leads to nothing"
    for _ in range(100):
        log.tell(OTHER, "", 10)
    log.tell(replace(OTHER, oid="1.3.6.1.4.1.9.9.41.2.0.1"), "", 10)
    log.tell(DOWN, "looked at now", 10)
    assert said.take() == [line, line.replace("43.2", "41.2"), LINE]
    log.tell(OTHER, "", 9 + OTHER_SECONDS)
    assert said.take() == []
    log.tell(OTHER, "", 10 + OTHER_SECONDS)
    assert said.take() == [line]


def test_kinds_that_a_sender_makes_up_take_no_memory() -> None:
    log = TrapLog()
    for number in range(20_000):
        log.tell(replace(OTHER, oid=f"1.3.6.1.4.1.{number}"), "", float(number))
    assert len(log._others) <= 4096


def test_verbose_logs_the_others_too(caplog: pytest.LogCaptureFixture) -> None:
    log = TrapLog()
    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            log.tell(OTHER, "", 10)
    assert [record.levelname for record in caplog.records] == ["INFO", "DEBUG", "DEBUG"]

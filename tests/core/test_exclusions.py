"""What windows take out of the accounts, and whose."""

from datetime import UTC, datetime, timedelta

from agent.core.account import NO_EXCLUSION
from agent.core.exclusions import Exclusions
from agent.core.maintenance import Window, WindowKind
from tests.core.estates import circuit, device, estate

BEGIN = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ESTATE = estate(circuit("wan"), circuit("other"), device("sw1", at_site="far"))


def window(kind: WindowKind = WindowKind.MAINTENANCE, **more: tuple[str, ...] | str) -> Window:
    return Window(kind, BEGIN, BEGIN + HOUR, BEGIN - HOUR, **more)  # type: ignore[arg-type] # fields of Window


def test_a_window_is_taken_out_of_whom_it_concerns_as_often_as_it_comes() -> None:
    weekly = window(targets=("wan",), rule="FREQ=WEEKLY")
    stop = window(WindowKind.CLOCK_STOP, targets=("wan", "other"))
    found = Exclusions([weekly, stop], ESTATE)
    month = (BEGIN - HOUR, BEGIN + timedelta(days=10))
    week = timedelta(days=7)
    excluded = found.of("wan", *month)
    assert excluded.maintenance == ((BEGIN, BEGIN + HOUR), (BEGIN + week, BEGIN + week + HOUR))
    assert excluded.clock_stops == ((BEGIN, BEGIN + HOUR),)
    assert found.of("wan", *month) == excluded
    assert found.of("other", *month) == ((), ((BEGIN, BEGIN + HOUR),))
    assert found.of("sw1", *month) is NO_EXCLUSION
    assert found.of("wan", BEGIN - 2 * HOUR, BEGIN - HOUR) is NO_EXCLUSION


def test_a_site_is_meant_with_what_stands_there() -> None:
    found = Exclusions([window(sites=("far",))], ESTATE)
    assert found.of("sw1", BEGIN, BEGIN + timedelta(minutes=10)).maintenance == ((BEGIN, BEGIN + HOUR / 6),)

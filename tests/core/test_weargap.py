"""What hardware did while the agent was not there."""

import zlib
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from agent.core import weardays
from agent.core.hardware import Counter, Hardware
from agent.core.model import AdminStatus, Interface, OperStatus
from agent.core.traffic import Direction, Traffic
from agent.core.weardays import DayBook
from agent.core.weargap import LastReadings

T0 = datetime(2026, 3, 3, 0, 30, tzinfo=UTC)
UP, DOWN = OperStatus.UP, OperStatus.DOWN
DAY = 24 * 3600.0


def at(hours: float) -> datetime:
    return T0 + timedelta(hours=hours)


def port(oper: OperStatus | None, *, changed: float | None = None, admin: AdminStatus = AdminStatus.UP) -> Interface:
    return Interface(1, "Gi1", "Gi1", admin, oper, changed_at=None if changed is None else at(changed))


def errors(total: float) -> Traffic:
    none = np.full(1, np.nan)
    way = Direction(none, none, none, none, none)
    return Traffic(way, way, np.array([total]))


def counter(total: float) -> Hardware:
    return Hardware(T0, counters=(Counter("d1", "Disk 1", "reallocated_sectors", total),))


def again(book: DayBook) -> DayBook:
    """Return the book of the agent's next run."""
    last = book.last()
    assert last is not None
    made = DayBook("sw1")
    made.go_on(LastReadings.unpacked(last.packed()))
    return made


def grown(book: DayBook) -> dict[str, float]:
    return {one.item: one.value for one in book.values() if one.item != "observed:"}


def before(up_seconds: float = DAY) -> DayBook:
    """Return a book of a day on which nothing grew: 10 sectors, 500 errors, an interface that is up."""
    book = DayBook("sw1")
    book.take(at(0), counter(10))
    book.take_interfaces(at(0), [port(UP)], errors(500))
    book.take_uptime(at(0), up_seconds)
    assert grown(book) == {}
    return book


def test_what_grew_while_nobody_looked_counts_once() -> None:
    book = again(before())
    book.take(at(2), counter(13))
    book.take_interfaces(at(2), [port(DOWN)], errors(520))
    assert grown(book) == {}  # whether the device went on is not known yet
    book.take_uptime(at(2), DAY + 2 * 3600)
    expected = {"reallocated_sectors:Disk 1": 3.0, "interface_errors:Gi1": 20.0, "flaps:Gi1": 1.0}
    assert grown(book) == expected
    book.take(at(2.1), counter(13))
    book.take_interfaces(at(2.1), [port(DOWN)], errors(521))  # from now on its rates tell
    book.take_uptime(at(2.1), DAY + 2.1 * 3600)
    assert grown(book) == expected


def test_a_table_that_is_read_after_the_uptime_counts_too() -> None:
    book = again(before())
    book.take_uptime(at(2), DAY + 2 * 3600)
    book.take(at(2.1), counter(13))
    assert grown(book) == {"reallocated_sectors:Disk 1": 3.0}


def test_a_table_that_comes_after_hours_is_another_one() -> None:
    book = again(before())
    for hours in (2.0, 3.5):
        book.take_uptime(at(hours), DAY + hours * 3600)
    book.take(at(3.6), counter(13))
    assert grown(book) == {}


def test_a_device_that_restarted_meanwhile_has_restarted_and_its_counters_say_nothing() -> None:
    book = again(before())
    book.take(at(2), counter(13))
    book.take_interfaces(at(2), [port(DOWN)], errors(520))
    book.take_uptime(at(2), 600.0)
    book.take(at(2.1), counter(13))
    assert grown(book) == {"reboots:": 1.0}


def test_a_restart_before_the_first_look_at_a_table_ends_the_gap() -> None:
    book = again(before())
    book.take_uptime(at(2), DAY + 2 * 3600)
    book.take_uptime(at(2.1), 60.0)
    book.take(at(2.2), counter(13))
    assert grown(book) == {"reboots:": 1.0}


@pytest.mark.parametrize(("announced", "expected"), [((1.0, 1.5), {}), ((0.0, 0.5), {"reboots:": 1.0})])
def test_a_restart_counts_by_the_moment_at_which_the_device_began(
    announced: tuple[float, float], expected: dict[str, float]
) -> None:
    book = again(before())
    book.take_uptime(at(2), 3000.0, lambda moment: at(announced[0]) <= moment < at(announced[1]))
    assert grown(book) == expected


@pytest.mark.parametrize("hours", [-1.0, 498 * 24.0])
def test_an_absence_that_an_uptime_cannot_span_says_nothing(hours: float) -> None:
    book = again(before())
    book.take(at(hours), counter(13))
    book.take_uptime(at(hours), 600.0)
    assert grown(book) == {}


def test_a_wrap_of_the_uptime_is_no_restart() -> None:
    wrap = 2**32 / 100
    book = again(before(wrap - 600))
    book.take(at(2), counter(13))
    book.take_uptime(at(2), 7200.0 - 600)
    assert grown(book) == {"reallocated_sectors:Disk 1": 3.0}


def test_counters_that_went_back_and_those_that_are_new_say_nothing() -> None:
    book = again(before())
    new = Counter("d2", "Disk 2", "reallocated_sectors", 400.0)
    book.take(at(2), Hardware(T0, counters=(*counter(4).counters, new)))
    book.take_interfaces(at(2), [port(UP)], errors(np.nan))
    book.take_uptime(at(2), DAY + 2 * 3600)
    assert grown(book) == {}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (port(UP, changed=-5.0), {}),
        (port(UP, changed=1.0), {"flaps:Gi1": 1.0}),
        (port(UP, changed=2.0), {}),  # such a clock always says now
        (port(UP), {}),
        (port(None), {}),
        (port(DOWN, admin=AdminStatus.DOWN), {}),
        (port(OperStatus.LOWER_LAYER_DOWN), {"flaps:Gi1": 1.0}),
    ],
)
def test_interfaces_that_went_down_meanwhile(now: Interface, expected: dict[str, float]) -> None:
    book = again(before())
    book.take_interfaces(at(2), [now])
    book.take_uptime(at(2), DAY + 2 * 3600)
    assert grown(book) == expected


def test_an_interface_that_was_down_before_has_not_gone_down() -> None:
    book = before()
    book.take_interfaces(at(0.1), [port(DOWN)])
    book.take_uptime(at(0.1), DAY + 360)
    book = again(book)
    book.take_interfaces(at(2), [port(DOWN, changed=1.0)])
    book.take_uptime(at(2), DAY + 2 * 3600)
    assert grown(book) == {}


def test_without_an_uptime_there_is_nothing_to_go_on_from() -> None:
    book = DayBook("sw1")
    book.take(at(0), counter(1))
    assert book.last() is None


def test_a_gap_does_not_fill_the_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    book = again(before())
    monkeypatch.setattr(weardays, "MOST_ITEMS", 1)
    book.add(at(1), {"media_errors:x": 1.0})
    book.take(at(2), counter(13))
    book.take_uptime(at(2), DAY + 2 * 3600)
    assert grown(book) == {"media_errors:x": 1.0}


@pytest.mark.parametrize(
    "packed",
    [b"", b"x", zlib.compress(b"[1]"), zlib.compress(b"[1,2,3,4]"), zlib.compress(b"[1e99,1,{},[]]"),
     zlib.compress(b'[0,0,{"a":' + b" " * (5 << 20) + b"1},[]]")],
)  # fmt: skip
def test_what_is_damaged_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match="expected the last readings of a device"):
        LastReadings.unpacked(packed)

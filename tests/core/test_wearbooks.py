"""The days of many devices: what they are made of is in test_weardays.py."""

from datetime import UTC, date, datetime, timedelta

import numpy as np

from agent.core.hardware import Counter, Hardware, Wear
from agent.core.model import AdminStatus, Interface, OperStatus
from agent.core.traffic import Direction, Traffic
from agent.core.wearbooks import DayBooks
from agent.core.weardays import OBSERVED

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TODAY, TOMORROW = date(2026, 3, 1), date(2026, 3, 2)


def errors(at: datetime, total: float) -> Hardware:
    return Hardware(at, counters=(Counter("Gi1", "Gi1", "crc_errors", total),))


def told(values: list[Wear]) -> list[tuple[str, str, date, float]]:
    return [(one.target, one.item, one.day, one.value) for one in values if one.item != OBSERVED]


def counted(at: datetime = NOW) -> DayBooks:
    books = DayBooks(TODAY)
    for total in (10.0, 13.0):
        books.take("sw", errors(at, total))
    return books


def test_a_day_ends_at_midnight_or_with_the_first_look_after_it() -> None:
    books = counted()
    assert told(books.so_far()) == [("sw", "crc_errors:Gi1", TODAY, 3.0)]
    books.take("sw", errors(NOW + timedelta(days=1), 14.0))
    assert told(books.so_far()) == [("sw", "crc_errors:Gi1", TODAY, 3.0), ("sw", "crc_errors:Gi1", TOMORROW, 1.0)]
    assert told(books.turn(TOMORROW)) == [("sw", "crc_errors:Gi1", TODAY, 3.0)]
    silent = counted()
    assert told(silent.turn(TOMORROW)) == [("sw", "crc_errors:Gi1", TODAY, 3.0)]
    assert told(silent.so_far()) == []


def test_a_day_goes_on_after_a_restart() -> None:
    after = DayBooks(TODAY)
    after.resume([*counted().so_far(), Wear("sw", "crc_errors:Gi1", TODAY - timedelta(days=1), 70.0)])
    for total in (20.0, 22.0):
        after.take("sw", errors(NOW, total))
    assert told(after.so_far()) == [("sw", "crc_errors:Gi1", TODAY, 5.0)]


def test_devices_that_change_names_or_go() -> None:
    books = counted()
    books.take("other", errors(NOW, 1.0))
    books.rename({"sw": "other", "other": "sw", "gone": "gone2"})
    assert [one.target for one in books.so_far() if one.item != OBSERVED] == ["other"]
    books.keep({"sw"})
    assert told(books.so_far()) == []


def test_polls_tell_of_errors_flaps_and_restarts() -> None:
    def interface(oper: OperStatus) -> Interface:
        return Interface(1, "Gi1", "Gi1", AdminStatus.UP, oper)

    rates = {name: np.array([0.0]) for name in Direction.__dataclass_fields__}
    received = Direction(**rates | {"errors_per_second": np.array([0.5])})
    traffic = Traffic(received, Direction(**rates | {"errors_per_second": np.array([np.nan])}))
    books = DayBooks(TODAY)
    for place, (oper, uptime, covered) in enumerate(
        ((OperStatus.UP, 1000.0, False), (OperStatus.DOWN, 5.0, False), (OperStatus.UP, 3.0, True))
    ):
        at = NOW + timedelta(seconds=60 * place)
        books.take_poll("sw", at, (interface(oper),), traffic, uptime, covered=covered)
    books.take_poll("sw", NOW + timedelta(seconds=180), (), None, None, covered=False)
    assert told(books.so_far()) == [
        ("sw", "flaps:Gi1", TODAY, 1.0), ("sw", "interface_errors:Gi1", TODAY, 60.0), ("sw", "reboots:", TODAY, 1.0)
    ]  # fmt: skip
    books.rename({"sw": "sw2"})
    books.take_poll("sw2", NOW + timedelta(seconds=240), (interface(OperStatus.UP),), traffic, None, covered=False)
    assert ("sw2", "interface_errors:Gi1", TODAY, 90.0) in told(books.so_far())

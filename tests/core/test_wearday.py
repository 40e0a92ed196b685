"""What a day did: growth of counters with their resets, medians of the rest, what outlasts midnight or a restart."""

import math
from datetime import UTC, date, datetime

import pytest

from agent.core.hardware import Counter, Hardware, Reading, Store, Wear
from agent.core.wearday import DayBook

TODAY, TOMORROW = date(2026, 3, 1), date(2026, 3, 2)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def counts(*totals: float, name: str = "Gi1") -> list[Hardware]:
    return [Hardware(NOW, counters=(Counter(name, name, "crc_errors", total),)) for total in totals]


def degrees(*values: float) -> list[Hardware]:
    return [Hardware(NOW, readings=(Reading("Inlet", "Inlet", "temperature", "celsius", value),)) for value in values]


def book_of(looks: list[Hardware], book: DayBook | None = None) -> DayBook:
    found = book or DayBook(TODAY)
    for look in looks:
        found.take("sw", look)
    return found


@pytest.mark.parametrize(
    ("totals", "growth"),
    [
        ((100.0,), None),  # the first look says nothing of today
        ((100.0, 100.0), 0.0),
        ((100.0, 107.0, 110.0), 10.0),
        ((100.0, 107.0, 3.0, 5.0), 12.0),  # began anew, and has counted 3 since
    ],
)
def test_growth(totals: tuple[float, ...], growth: float | None) -> None:
    wanted = [] if growth is None else [Wear("sw", "crc_errors:Gi1", TODAY, growth)]
    assert list(book_of(counts(*totals)).so_far()) == wanted


def test_medians() -> None:
    book = book_of(degrees(20.0, 90.0, 22.0, math.nan))
    book.take("sw", Hardware(NOW, stores=(Store("/var", "/var", 100.0, 40.0),)))
    assert list(book.so_far()) == [
        Wear("sw", "storage:/var", TODAY, 40.0),
        Wear("sw", "temperature:Inlet", TODAY, 22.0),
    ]


def test_many_values_stay_few_and_spread_over_the_day() -> None:
    (found,) = book_of(degrees(*map(float, range(1000)))).so_far()
    assert found.value == pytest.approx(500, abs=40)


def test_the_next_day_begins_with_the_counters_as_they_are() -> None:
    book = book_of([*counts(100.0, 107.0), *degrees(20.0)])
    assert [one.value for one in book.turn(TOMORROW).so_far()] == [7.0, 20.0]
    assert list(book.so_far()) == []
    assert list(book_of(counts(110.0), book).so_far()) == [Wear("sw", "crc_errors:Gi1", TOMORROW, 3.0)]


def test_a_day_goes_on_after_a_restart() -> None:
    book = DayBook(TODAY)
    book.resume([
        Wear("sw", "crc_errors:Gi1", TODAY, 7.0), Wear("sw", "temperature:Inlet", TODAY, 20.0),
        Wear("sw", "temperature:Inlet", date(2026, 2, 28), 80.0), Wear("other", "charge:1", TODAY, 0.9),
    ])  # fmt: skip
    assert [one.value for one in book.so_far()] == [0.9, 7.0, 20.0]  # what nobody has seen again is not lost
    book_of([*counts(200.0, 203.0), *degrees(24.0)], book)
    assert [(one.item, one.value) for one in book.so_far()] == [
        ("charge:1", 0.9), ("crc_errors:Gi1", 10.0), ("temperature:Inlet", 22.0)
    ]  # fmt: skip
    book.turn(TOMORROW)
    assert list(book.so_far()) == []


def test_another_piece_begins_anew() -> None:
    book = book_of([*counts(100.0, 107.0), *degrees(20.0)])
    book.forget("sw")
    book_of(counts(500.0), book)
    assert list(book.so_far()) == []


def test_devices_that_change_places() -> None:
    book = DayBook(TODAY)
    for name, total in (("a", 1.0), ("b", 5.0)):
        for look in counts(0.0, total):
            book.take(name, look)
        for look in degrees(total):
            book.take(name, look)
    book.rename({"a": "b", "b": "a", "c": "d"})
    assert [(one.target, one.value) for one in book.so_far()] == [("a", 5.0), ("a", 5.0), ("b", 1.0), ("b", 1.0)]
    book.keep({"b"})
    assert {one.target for one in book.so_far()} == {"b"}


def test_a_device_that_makes_up_keys_is_bounded() -> None:
    book = DayBook(TODAY)
    for number in range(600):
        for look in counts(0.0, 1.0, name=f"made-up-{number}"):
            book.take("sw", look)
        book.take("sw", Hardware(NOW, stores=(Store(f"{number}", "", 1.0, 1.0),)))
    assert len(list(book.so_far())) == 1024

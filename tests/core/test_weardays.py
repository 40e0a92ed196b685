"""What a day did to hardware."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from agent.core import weardays
from agent.core.hardware import Condition, Counter, Entity, Hardware, PhysicalClass, Reading, Store, Wear
from agent.core.model import AdminStatus, Interface, OperStatus
from agent.core.traffic import Direction, Traffic
from agent.core.weardays import DayBook, gauges, interface_errors, parts

T0 = datetime(2026, 3, 3, 0, 30, tzinfo=UTC)  # a Tuesday


def at(hours: float) -> datetime:
    return T0 + timedelta(hours=hours)


def hardware(celsius: float = 20.0, **more: object) -> Hardware:
    reading = Reading("t1", "Inlet", "temperature", "celsius", celsius)
    return Hardware(T0, readings=(reading,), **more)  # type: ignore[arg-type]


def counters(**totals: float) -> Hardware:
    return Hardware(T0, counters=tuple(Counter(f"k{name}", name, "media_errors", of) for name, of in totals.items()))


def by_item(values: tuple[Wear, ...]) -> dict[str, float]:
    return {one.item: one.value for one in values}


def interface(name: str, oper: OperStatus | None, *, flaps: int = 0, admin: AdminStatus = AdminStatus.UP) -> Interface:
    return Interface(1, name, name, admin, oper, flaps=flaps)


def test_a_day_gives_the_median_of_its_hours() -> None:
    book = DayBook("sw1")
    for hour, celsius in enumerate([20.0, 22.0, 90.0]):
        assert book.take(at(hour), hardware(celsius)) == ()
        assert book.take(at(hour + 0.1), hardware(999)) == ()  # the same hour
    assert by_item(book.values()) == {"observed:": 3.0, "temperature:Inlet": 22.0}
    ended = book.take(at(24), hardware(30.0))
    assert {one.day for one in ended} == {date(2026, 3, 3)}
    assert by_item(ended)["temperature:Inlet"] == 22.0
    assert by_item(book.values()) == {"observed:": 1.0, "temperature:Inlet": 30.0}


def test_a_day_that_is_kept_is_given_once_unless_something_is_added() -> None:
    book = DayBook("sw1")
    assert book.keep() == ()
    book.owe()
    book.add(at(0), {"reboots:": 1.0})
    assert by_item(book.keep()) == {"observed:": 1.0, "reboots:": 1.0}
    assert book.add(at(24), {}) == ()
    book.keep()
    book.add(at(25), {"reboots:": 2.0})  # polled a little late
    assert by_item(book.add(at(48), {})) == {"observed:": 2.0, "reboots:": 2.0}
    book.keep()
    book.owe()  # the disk was full
    assert by_item(book.add(at(72), {})) == {"observed:": 1.0}


def test_a_clock_that_is_set_back_stays_on_its_day() -> None:
    book = DayBook("sw1")
    book.take(at(24), hardware())
    assert book.take(at(2), hardware()) == ()
    assert {one.day for one in book.values()} == {date(2026, 3, 4)}


def test_nothing_taken_gives_nothing() -> None:
    assert DayBook("sw1").values() == ()


def test_stores_are_ratios_and_told_once() -> None:
    seen = Hardware(
        T0,
        stores=(Store("1", "/var", 200.0, 50.0), Store("2", "/empty", 0.0, 0.0), Store("3", "/var", 100.0, 90.0)),
        readings=(Reading("d1", "/var", "storage", "ratio", 0.9), Reading("d2", "/srv", "storage", "ratio", 0.4)),
    )
    assert gauges(seen) == {"storage:/var": 0.25, "storage:/var (3)": 0.9, "storage:/srv": 0.4}


def test_counters_are_kept_as_growth_and_only_where_there_is_some() -> None:
    book = DayBook("sw1")
    for hour, (a, b) in enumerate([(5, 7), (5, 9), (5, 10), (5, 2), (5, 3)]):  # the fourth: another disk
        book.take(at(hour), counters(a=a, b=b))
    assert by_item(book.values()) == {"observed:": 5.0, "media_errors:b": 4.0}


def test_a_day_goes_on_after_a_restart() -> None:
    before, book = DayBook("sw1"), DayBook("sw1")
    for hour, total in enumerate([1, 4]):
        before.take(at(hour), counters(a=total))
    book.resume([*before.values(), Wear("other", "media_errors:a", T0.date(), 50.0), Wear("sw1", "x:", T0.date(), 1)])
    for hour, total in enumerate([9, 11], 2):
        book.take(at(hour), counters(a=total))
    assert by_item(book.values()) == {"observed:": 4.0, "media_errors:a": 5.0}


def test_parts_are_told_when_they_are_not_well_and_once_a_week() -> None:
    def psu(condition: Condition | None, name: str = "PSU 1") -> Hardware:
        part = Entity("p1", PhysicalClass.POWER_SUPPLY, name, condition=condition)
        chassis = Entity("c", PhysicalClass.CHASSIS, "chassis", condition=Condition.FAILED)
        return Hardware(T0, entities=(part, chassis))

    assert parts(psu(None)) == {}
    tuesday, monday, failed = DayBook("sw1"), DayBook("sw1"), DayBook("sw1")
    tuesday.take(at(0), psu(Condition.OK))
    monday.take(at(-24), psu(Condition.OK))
    failed.take(at(0), psu(Condition.OK))
    failed.take(at(1), psu(Condition.FAILED))
    assert by_item(tuesday.values()) == {"observed:": 1.0}
    assert by_item(monday.values()) == {"observed:": 1.0, "part:PSU 1": 0.0}
    assert by_item(failed.values()) == {"observed:": 2.0, "part:PSU 1": 2.0}


def test_interfaces_that_went_down_are_counted() -> None:
    up, down = OperStatus.UP, OperStatus.DOWN
    book = DayBook("sw1")
    for hour, (oper, flaps) in enumerate([(up, 0), (down, 0), (up, 0), (up, 3), (None, 3), (down, 3)]):
        quiet = interface("Gi2", up if hour % 2 else down, admin=AdminStatus.DOWN)
        book.take_interfaces(at(hour), [interface("Gi1", oper, flaps=flaps), quiet])
    assert by_item(book.values()) == {"observed:": 6.0, "flaps:Gi1": 4.0}


@pytest.mark.parametrize(
    ("polls", "expected"),
    [
        ([(0, 5000.0)], 0),
        ([(0, 5000.0), (1, 8600.0)], 0),
        ([(0, 5000.0), (1, 30.0)], 1),
        ([(0, 5000.0), (1, 30.0), (2, 3630.0), (3, 5.0)], 2),
        ([(0, 2**32 / 100 - 600), (1, 3000.0)], 0),  # the wrap after 497 days
    ],
)
def test_restarts_are_counted(polls: list[tuple[float, float]], expected: int) -> None:
    book, announced = DayBook("sw1"), DayBook("sw1")
    for hours, seconds in polls:
        book.take_uptime(at(hours), seconds)
        announced.take_uptime(at(hours), seconds, lambda _: True)
    assert by_item(book.values()).get("reboots:", 0) == expected
    assert "reboots:" not in by_item(announced.values())


def test_of_a_chassis_full_of_optics_some_are_kept() -> None:
    readings = tuple(Reading(f"t{n}", f"T{n}", "temperature", "celsius", 20.0) for n in range(300))
    assert len(gauges(Hardware(T0, readings=readings))) == weardays.MOST_OF_A_KIND


def test_errors_of_both_directions_count() -> None:
    nan = float("nan")

    def direction(*rates: float) -> Direction:
        none = np.full(len(rates), nan)
        return Direction(none, none, np.array(rates), none, none)

    faces = [interface("Gi1", OperStatus.UP), interface("Gi2", OperStatus.UP), interface("Gi3", OperStatus.UP)]
    traffic = Traffic(direction(0.5, 0.0, nan), direction(0.25, 0.0, nan))
    assert interface_errors(faces, traffic, 60.0) == {"interface_errors:Gi1": 45.0}
    assert interface_errors(faces, None, 60.0) == {}


def test_growth_over_midnight_belongs_to_the_new_day() -> None:
    book = DayBook("sw1")
    book.add(at(0), {"reboots:": 1.0, "flaps:x": 0.0})
    ended = book.add(at(24), {"reboots:": 2.0})
    assert by_item(ended) == {"observed:": 1.0, "reboots:": 1.0}
    assert by_item(book.values())["reboots:"] == 2.0


def test_whoever_makes_up_names_does_not_fill_the_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weardays, "MOST_ITEMS", 2)
    book = DayBook("sw1")
    readings = tuple(Reading(f"t{n}", f"T{n}" + "x" * 500, "temperature", "celsius", 20.0) for n in range(5))
    for hour in range(2):
        totals = tuple(Counter(f"c{n}", f"C{n}", "media_errors", n + hour) for n in range(5))
        book.take(at(hour), Hardware(T0, readings=readings, counters=totals))
    book.add(at(2), {f"flaps:{n}": 1.0 for n in range(5)})
    found = by_item(book.values())
    assert len(found) == 1 + 2 + 2
    assert max(map(len, found)) < 150

"""State, rates and flaps of interfaces from reading to reading, and which interface is which after a restart."""

from datetime import timedelta

import numpy as np
import pytest

from agent.core.interfaces import Told, duplex_mismatch, follow
from agent.core.model import AdminStatus, Duplex, Interface, Neighbour, OperStatus
from tests.core.readings import NOW, TWO, reading, row, tell


def received(told: Told) -> list[float | None]:
    return [told.traffic.received.flow(place).octets_per_second for place in range(len(told.interfaces))]


# ------------------------------------------------------------------ rates


def test_the_second_reading_has_rates() -> None:
    first, second = tell(reading(TWO, 0, [0, 1000]), reading(TWO, 10, [1250, 1000]))
    assert received(first) == [None, None]
    assert received(second) == [125.0, 0.0]
    into, out = second.traffic.received.flow(0), second.traffic.sent.flow(0)
    assert into.utilisation_ratio == pytest.approx(1e-6)
    assert out.octets_per_second == 62.5
    assert (into.errors_per_second, into.discards_per_second) == (0.0, 0.0)
    assert (second.interfaces[0].admin, second.interfaces[0].oper) == (AdminStatus.UP, OperStatus.UP)


@pytest.mark.parametrize(
    ("then", "rates"),
    [
        ({"uptime": 500}, [None, None]),  # restarted
        ({"discontinuity": [0, 100_500]}, [125.0, None]),
        ({"discontinuity": [None, None]}, [125.0, 0.0]),  # not told: nothing is said to have changed
        ({"uptime": None}, [125.0, 0.0]),
        ({"wide": False}, [None, None]),  # another counter
    ],
)
def test_no_rate_over_a_discontinuity(then: dict[str, object], rates: list[float | None]) -> None:
    second = reading(TWO, 10, [1250, 1000], **then)  # type: ignore[arg-type] # a table of options
    assert received(tell(reading(TWO, 0, [0, 1000]), second)[1]) == rates


def test_errors_of_both_directions_are_told_as_they_stand() -> None:
    total = tell(reading(TWO, 0, errors=[5, None]))[0].traffic.errors_total  # as many are sent as received
    assert total is not None
    np.testing.assert_array_equal(total, [10.0, np.nan])


def test_the_rates_of_an_unknown_speed_have_no_utilisation() -> None:
    rows = (row(1, "Tu1", speed=None),)
    flow = tell(reading(rows, 0, [0]), reading(rows, 10, [1250]))[1].traffic.received.flow(0)
    assert (flow.octets_per_second, flow.utilisation_ratio) == (125.0, None)


@pytest.mark.parametrize(
    ("before", "after", "rate"),
    [(5, 25, 2.0), (25, 5, None), (3_000_000_000, 0, None), ((1 << 32) - 10, 10, 2.0)],
)
def test_errors_that_were_cleared_are_no_spike(before: int, after: int, rate: float | None) -> None:
    flow = tell(reading(TWO, 0, errors=[before]), reading(TWO, 10, errors=[after]))[1].traffic.received.flow(0)
    assert flow.errors_per_second == rate


def test_interfaces_that_come_and_go() -> None:
    told = tell(
        reading((), 0), reading(TWO, 10, [0, 0]), reading(TWO[:1], 20, [100]), reading((), 30), reading(TWO, 40, [0, 0])
    )
    assert [received(one) for one in told] == [[], [None, None], [10.0], [], [None, None]]


def test_two_readings_at_one_moment_say_nothing() -> None:
    assert received(tell(reading(TWO, 10, [0, 0]), reading(TWO, 10, [5, 5]))[1]) == [None, None]


# ------------------------------------------------------------------ which is which


@pytest.mark.parametrize(
    ("before", "after", "places"),
    [
        ([row(1, "a"), row(2, "b")], [row(1, "a"), row(2, "b")], [0, 1]),
        ([row(1, "a"), row(2, "b")], [row(1, "b"), row(2, "a")], [1, 0]),  # renumbered
        ([row(1, "a"), row(2, "b")], [row(5, "b"), row(6, "c")], [1, -1]),
        # no ifName: ifDescr stands for it
        ([row(1, "", "eth0"), row(2, "", "eth1")], [row(2, "", "eth0"), row(1, "", "eth1")], [0, 1]),
        # another way of writing the names
        ([row(1, "a", "port 1"), row(2, "b", "port 2")], [row(2, "A", "port 1"), row(1, "B", "port 2")], [0, 1]),
        # a name that two bear is none
        ([row(1, "x", "p1"), row(2, "x", "p2")], [row(2, "x", "p1"), row(1, "x", "p2")], [0, 1]),
        # nameless ports: the operator's words, then the number
        ([row(1, alias="up"), row(2, alias="wan")], [row(7, alias="wan"), row(8, alias="up")], [1, 0]),
        ([row(1), row(2)], [row(2), row(3)], [1, -1]),
        # words that moved to another port with a name of its own do not take its history along
        ([row(1, "a", alias="wan"), row(2, "b")], [row(3, "c", alias="wan"), row(2, "b")], [-1, 1]),
        ([row(1, "a")], [row(1, "b")], [-1]),
        ([], [row(1, "a")], [-1]),
    ],
)
def test_an_interface_is_its_name(before: list[Interface], after: list[Interface], places: list[int]) -> None:
    assert follow(tuple(before), tuple(after)).tolist() == places


def test_a_number_says_nothing_after_a_restart() -> None:
    assert follow((row(1), row(2)), (row(1), row(2)), by_index=False).tolist() == [-1, -1]


def test_history_goes_with_the_name_and_rates_do_not() -> None:
    flapped = reading(TWO, 10, [0, 0], changed=[100_500, 0])
    after = (row(1, "Gi2"), row(2, "Gi1"))
    told = tell(reading(TWO, 0, [0, 0]), flapped, reading(after, 20, [1000, 1000], uptime=500))
    assert [(one.name, one.flaps) for one in told[2].interfaces] == [("Gi2", 0), ("Gi1", 1)]
    assert received(told[2]) == [None, None]
    moved = tell(reading(TWO, 0, [0, 0]), reading(after, 10, [1000, 1000]))[1]
    assert received(moved) == [None, None]  # without a restart: other instances of the counters all the same


# ------------------------------------------------------------------ changes


@pytest.mark.parametrize(
    ("changed", "oper", "flaps"),
    [
        ((0, 0), (1, 1), 0),
        ((0, 100_600), (1, 1), 1),
        ((5000, 5000), (1, 1), 0),
        ((0, 100_600), (1, 2), 0),  # seen as what it is
        ((0, 100_600), (2, 2), 1),  # came up for a moment
        ((0, 90_000), (1, 1), 0),  # long before: the agent thought better of it
        ((None, 100_600), (1, 1), 0),
        ((0, None), (1, 1), 0),
        ((99_990, 100_990), (1, 1), 0),  # always just now: this agent answers the time of asking
    ],
)
def test_a_flap_is_a_change_of_which_the_state_tells_nothing(
    changed: tuple[int | None, int | None], oper: tuple[int, int], flaps: int
) -> None:
    told = tell(
        reading(TWO, 0, changed=changed[:1], oper=oper[:1]), reading(TWO, 10, changed=changed[1:], oper=oper[1:])
    )
    assert [one.flaps for one in told[1].interfaces] == [flaps, 0]


@pytest.mark.parametrize("uptimes", [(None, 0), (0, None)])
def test_without_an_uptime_no_flap_is_told(uptimes: tuple[int | None, int | None]) -> None:
    told = tell(reading(TWO, 0, changed=[0], uptime=uptimes[0]), reading(TWO, 10, changed=[100_600], uptime=uptimes[1]))
    assert told[1].interfaces[0].flaps == 0


def test_the_moment_of_a_change_is_told_once_and_stays() -> None:
    told = tell(
        reading(TWO, 0, changed=[90_000]),
        reading(TWO, 10.004, changed=[90_000]),
        reading(TWO, 20, changed=[101_500], oper=[2]),
        reading(TWO, 30, changed=[101_500], oper=[2], uptime=None),
    )
    moments = [one.interfaces[0].changed_at for one in told]
    assert moments[0] == moments[1] == NOW - timedelta(seconds=100)
    assert moments[2] == moments[3] == NOW + timedelta(seconds=15)
    assert told[0].interfaces[1].changed_at is None  # 0: before the device started


# ------------------------------------------------------------------ duplex


@pytest.mark.parametrize(
    ("duplex", "speed", "late", "neighbour", "mismatch"),
    [
        (None, 1e9, True, None, None),
        (Duplex.FULL, 1e9, False, None, False),
        (Duplex.FULL, 1e9, True, None, False),
        (Duplex.HALF, 1e8, False, None, True),
        (Duplex.HALF, 1e7, False, None, False),  # a console server of 1998
        (Duplex.HALF, 1e7, True, None, True),
        (Duplex.HALF, None, False, None, False),
        (Duplex.HALF, 1e7, False, Duplex.FULL, True),
        (Duplex.FULL, 1e8, False, Duplex.HALF, True),
        (Duplex.HALF, 1e8, False, Duplex.HALF, False),  # poor, and agreed
    ],
)
def test_both_ends_must_agree_on_the_duplex(
    duplex: Duplex | None, speed: float | None, late: bool, neighbour: Duplex | None, mismatch: bool | None
) -> None:
    other = Neighbour("sw2", "Gi1", neighbour) if neighbour is not None or late else None
    one = Interface(1, "Gi1", "", None, None, None, speed, duplex=duplex, neighbour=other)
    assert duplex_mismatch(one, late_collisions=late) is mismatch


def test_a_mismatch_is_told_while_the_line_is_up() -> None:
    rows = (Interface(1, "Gi1", "", None, None, duplex_mismatch=True),)
    told = tell(reading(rows, 0), reading(rows, 10, oper=[2]))
    assert [one.interfaces[0].duplex_mismatch for one in told] == [True, None]

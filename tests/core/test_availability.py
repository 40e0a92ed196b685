"""Availability by a contract's rules: small windows by hand, the sums that must hold, the bounds that must enclose."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise, product
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.availability import (
    Availability,
    Budget,
    Counted,
    Pair,
    Record,
    availability,
    budget,
    lost,
    percent,
    ratio,
    record,
    seconds,
)
from agent.core.contract import Exclusion, Rules, period_named
from agent.core.model import Outage, State
from agent.core.spans import Spans, common, from_us, join, length, tidy, to_us, without

NOON: Final = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)
MINUTE_US: Final = 60_000_000
EXACT: Final = Rules()


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def window(begin: float = 0, end: float = 60) -> Pair:
    return at(begin), at(end)


def spans(*minutes: tuple[float, float]) -> Spans:
    return tidy((to_us(at(begin)), to_us(at(end))) for begin, end in minutes)


def outage(begin: float, end: float | None, state: State = State.DOWN, number: int = 1) -> Outage:
    return Outage(number, "link", state, at(begin), None if end is None else at(end), "no answer")


def known(text: str, step: float = 1.0) -> Record:
    """Return a record from rows of one character a minute: D down, U unreachable, B blind, M maintenance, S stopped."""
    rows = text.split()
    made = {
        letter: tidy(
            (to_us(at(place * step)), to_us(at((place + 1) * step)))
            for row in rows
            for place, char in enumerate(row)
            if char == letter
        )
        for letter in "DUBMS"
    }
    return Record(made["D"], made["U"], made["B"], made["M"], made["S"])


def minutes(found: Availability) -> dict[str, float]:
    parts = {"maintenance": found.maintenance_us, "clock_stop": found.clock_stop_us, "blind": found.blind_us,
             "down": found.down_us, "unreachable": found.unreachable_us, "up": found.up_us}  # fmt: skip
    return {name: us / MINUTE_US for name, us in parts.items() if us}


@pytest.mark.parametrize(
    ("text", "counted", "parts", "lost_minutes"),
    [  # lost: at best, believed, at worst
        ("..........", "own", {"up": 10}, (0, 0, 0)),
        ("..DDD.....", "own", {"down": 3, "up": 7}, (3, 3, 3)),
        ("..UUU.....", "own", {"unreachable": 3, "up": 7}, (0, 0, 3)),
        ("..UUU.....", "all", {"down": 3, "up": 7}, (3, 3, 3)),
        ("..DDUU....", "all", {"down": 4, "up": 6}, (4, 4, 4)),
        ("..BBB.....", "own", {"blind": 3, "up": 7}, (0, 0, 3)),
        ("..DDDD.... ...BB.....", "own", {"blind": 2, "down": 2, "up": 6}, (2, 4, 4)),
        ("..DDDD.... ....MMM...", "own", {"maintenance": 3, "down": 2, "up": 5}, (2, 2, 2)),
        ("..DDDD.... ....SSS...", "own", {"clock_stop": 2, "down": 2, "up": 6}, (2, 2, 2)),
        ("..BBBB.... ....SSS...", "own", {"clock_stop": 2, "blind": 2, "up": 6}, (0, 0, 2)),
        ("..UUUU.... ....SSS...", "own", {"unreachable": 4, "up": 6}, (0, 0, 2)),
        (".......... ....SSS...", "own", {"up": 10}, (0, 0, 0)),  # a stopped clock of nothing
        ("DDDDDDDDDD MMMMMMMMMM", "own", {"maintenance": 10}, (0, 0, 0)),
        # all at once: maintenance, then clock-stop, then blind, then down
        ("DDDDDDDDD. BBBBBBB... SSSSS..... MMM.......", "own",
         {"maintenance": 3, "clock_stop": 2, "blind": 2, "down": 2, "up": 1}, (2, 4, 4)),
    ],
)  # fmt: skip
def test_every_minute_belongs_to_one_part(
    text: str, counted: str, parts: dict[str, int], lost_minutes: tuple[int, int, int]
) -> None:
    found = availability(known(text), window(0, 10), EXACT, Counted(counted))
    assert minutes(found) == parts
    assert tuple(us / MINUTE_US for us in (found.least_lost_us, found.lost_us, found.most_lost_us)) == lost_minutes


def test_time_that_is_maintained_is_not_measured_and_a_stopped_clock_is() -> None:
    maintained = availability(known("DD........ MMMMM....."), window(0, 10), EXACT, Counted.OWN)
    assert (maintained.measured_us, maintained.believed) == (5 * MINUTE_US, Fraction(1))
    stopped = availability(known("DDDD...... SS........"), window(0, 10), EXACT, Counted.OWN)
    assert (stopped.measured_us / MINUTE_US, stopped.believed) == (10, Fraction(8, 10))


def test_of_what_nobody_saw_nothing_is_believed() -> None:
    found = availability(known("BBBBBBBBBB"), window(0, 10), EXACT, Counted.OWN)
    assert (found.best, found.believed, found.worst) == (Fraction(1), None, Fraction(0))
    down = availability(known("BBBBBBBBBB DD........"), window(0, 10), EXACT, Counted.OWN)
    assert (down.best, down.believed, down.worst) == (Fraction(1), Fraction(8, 10), Fraction(0))


def test_a_contract_that_excludes_nothing_counts_everything() -> None:
    text = "DDDD...... SS........ ..MM......"
    assert availability(known(text), window(0, 10), Rules(excludes=()), Counted.OWN).believed == Fraction(6, 10)
    no_stops = Rules(excludes=(Exclusion.MAINTENANCE,))
    assert availability(known(text), window(0, 10), no_stops, Counted.OWN).believed == Fraction(6, 8)


def test_where_nothing_was_due_there_is_no_availability() -> None:
    found = availability(known("MMMMMMMMMM"), window(0, 10), EXACT, Counted.OWN)
    assert (found.best, found.believed, found.worst) == (None, None, None)
    assert percent(found.believed) is None


@pytest.mark.parametrize(
    ("text", "least", "lost_minutes"),
    [
        ("DDD..DD...", 3, (3, 3, 3)),
        ("DDD..DD...", 2, (5, 5, 5)),
        ("DDD..DD...", 4, (0, 0, 0)),
        ("BB........", 3, (0, 0, 0)),  # too short to hide one that counts
        ("BBB.......", 3, (0, 0, 3)),
        ("DD........ ..BB......", 3, (0, 0, 4)),  # it may have gone on
        ("DDDD...... .B........", 3, (0, 4, 4)),  # it may have been two
        ("DDUU......", 3, (0, 0, 4)),
    ],
)
def test_short_outages_do_not_count(text: str, least: int, lost_minutes: tuple[int, int, int]) -> None:
    rules = Rules(minimum_outage_seconds=60.0 * least)
    found = availability(known(text), window(0, 10), rules, Counted.OWN)
    assert tuple(us / MINUTE_US for us in (found.least_lost_us, found.lost_us, found.most_lost_us)) == lost_minutes


def test_an_outage_that_becomes_unreachable_is_one_where_both_count() -> None:
    rules = Rules(minimum_outage_seconds=180.0)
    assert availability(known("DDUU......"), window(0, 10), rules, Counted.ALL).lost_us == 4 * MINUTE_US


def test_the_whole_outage_is_held_against_the_least_length() -> None:
    rules = Rules(minimum_outage_seconds=600.0)
    long = Record(down=spans((-20, 2)))
    assert availability(long, window(), rules, Counted.OWN).lost_us == 2 * MINUTE_US


@pytest.mark.parametrize(
    ("text", "step", "lost_minutes"),
    [
        (".D........", 5, 5),
        ("....DD....", 5, 10),
        ("....D.....", 5, 5),
        (".....D....", 5, 5),
        ("DDDDDDDDDD", 5, 10),
        (".........D", 4, 2),  # the last interval ends with the window
        (".D........ ..MM......", 5, 3),  # what is not due is in no interval
        (".D........ ..SS......", 5, 3),
        ("..D....... .MMM......", 5, 0),
    ],
)
def test_an_outage_counts_in_whole_intervals(text: str, step: int, lost_minutes: int) -> None:
    found = availability(known(text), window(0, 10), Rules(interval_seconds=60.0 * step), Counted.OWN)
    assert found.lost_us / MINUTE_US == lost_minutes


def test_an_outage_of_a_microsecond_counts() -> None:
    begin = to_us(at(1))
    found = availability(Record(down=((begin, begin + 1),)), window(), EXACT, Counted.OWN)
    assert found.believed == 1 - Fraction(1, 3_600_000_000)
    assert percent(found.believed) == "99.99999"
    assert percent(found.believed, 3) == "99.999"


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [
        (Fraction(1), 5, "100.00000"),
        (Fraction(0), 7, "0.0000000"),
        (Fraction(99_999_999_999, 100_000_000_000), 3, "99.999"),
        (Fraction(2, 3), 5, "66.66666"),
        (Fraction(999, 1000), 1, "99.9"),
        (Fraction(1, 8), 1, "12.5"),
        (Fraction(10**30 - 1, 10**30), 9, "99.999999999"),
    ],
)
def test_a_percentage_is_never_rounded_up(share: Fraction, digits: int, text: str) -> None:
    assert percent(share, digits) == text


def test_a_record_of_outages_ends_now() -> None:
    made = record(
        [outage(50, None), outage(10, 20), outage(20, 30, State.UNREACHABLE), outage(58, 70)],
        at(60),
        maintenance=[window(5, 6)],
        clock_stops=[window(7, 8)],
        blind=spans((1, 2)),
    )
    assert made == Record(spans((10, 20), (50, 60)), spans((20, 30)), spans((1, 2)), spans((5, 6)), spans((7, 8)))
    assert record([outage(70, None)], at(60)) == Record()  # begun after now: a clock that was set back


def test_a_march_in_london_is_an_hour_shorter() -> None:
    march = period_named("2026-03", ZoneInfo("Europe/London"))
    found = availability(
        Record(down=((to_us(march[0]), to_us(march[0]) + 743 * 1_000_000),)), march, EXACT, Counted.OWN
    )
    assert found.believed == 1 - Fraction(1, 3600)


# ------------------------------------------------------------------ budgets


def left(text: str, now: float, objective: float, length_minutes: float = 100, rules: Rules = EXACT) -> Budget:
    return budget(known(text), window(0, length_minutes), at(now), rules, Counted.OWN, ratio(objective))


def test_what_is_left_of_a_budget() -> None:
    found = left("DD", 50, 0.9)
    assert (found.allowed_us / MINUTE_US, found.used_us / MINUTE_US, found.left_us / MINUTE_US) == (10, 2, 8)
    assert found.spent_at is None  # 2 in 50 minutes are 4 in 100


def test_when_a_budget_will_be_spent_at_this_rate() -> None:
    assert left("DD", 10, 0.9).spent_at == at(50)
    assert left("DDDDD", 50, 0.9).spent_at == at(100)
    assert left("", 50, 0.9).spent_at is None
    assert left("", 50, 1.0).spent_at is None


def test_when_a_budget_was_spent() -> None:
    found = left(".DD..DDDDDDDDDDDD", 50, 0.9)
    assert (found.left_us / MINUTE_US, found.spent_at) == (-4, at(13))
    assert left("...D", 50, 1.0).spent_at == at(3)
    assert left("DDDDDDDDDD", 50, 0.9).spent_at == at(10)  # nothing is left


def test_maintenance_to_come_makes_a_budget_smaller() -> None:
    found = budget(Record(spans((0, 1)), maintenance=spans((50, 70))), window(0, 100), at(10), EXACT, Counted.OWN,
                   ratio(0.9))  # fmt: skip
    assert found.allowed_us / MINUTE_US == 8
    assert found.spent_at == at(10 + 70 + 20)  # seven more at one in ten, and twenty in which nothing counts


def test_a_period_that_is_over_promises_nothing() -> None:
    assert left("DD", 500, 0.9).spent_at is None
    assert left("DD" * 10, 500, 0.9).spent_at == at(10)
    assert left("DD", -5, 0.9) == Budget(Fraction(9, 10), 10 * MINUTE_US, 0, None)  # nor one that has not begun


def test_an_objective_is_what_was_written() -> None:
    assert ratio(0.999) == ratio(99.9 / 100) == Fraction(999, 1000)
    assert ratio(0.9995) == Fraction(9995, 10000)
    assert ratio(1) == 1


# ------------------------------------------------------------------ what must hold whatever happened

STEPS = st.integers(-30, 130)
SETS = st.lists(st.tuples(STEPS, STEPS), max_size=5).map(
    lambda pairs: tidy((to_us(NOON) + a * MINUTE_US, to_us(NOON) + b * MINUTE_US) for a, b in pairs)
)
RECORDS = st.builds(Record, SETS, SETS, SETS, SETS, SETS)
RULES = st.builds(
    Rules,
    interval_seconds=st.sampled_from([0.0, 60.0, 300.0, 420.0]),
    minimum_outage_seconds=st.sampled_from([0.0, 120.0, 600.0]),
    excludes=st.sampled_from([(), (Exclusion.MAINTENANCE,), (Exclusion.CLOCK_STOPS,), tuple(Exclusion)]),
)
COUNTED = st.sampled_from(list(Counted))


@given(RECORDS, RULES, COUNTED)
def test_the_parts_sum_to_the_window(one: Record, rules: Rules, counted: Counted) -> None:
    found = availability(one, window(0, 100), rules, counted)
    assert sum(us for us in (found.maintenance_us, found.clock_stop_us, found.blind_us, found.down_us,
                             found.unreachable_us, found.up_us)) == found.span_us == 100 * MINUTE_US  # fmt: skip
    assert found.measured_us == found.span_us - found.maintenance_us
    assert length(lost(one, window(0, 100), rules, counted)) == found.lost_us


@given(RECORDS, RULES, COUNTED)
def test_the_bounds_enclose_what_is_believed(one: Record, rules: Rules, counted: Counted) -> None:
    found = availability(one, window(0, 100), rules, counted)
    assert 0 <= found.least_lost_us <= found.lost_us <= found.most_lost_us <= found.measured_us
    assert availability(one, window(0, 100), rules, counted) == found


@given(RECORDS, SETS, RULES)
def test_whatever_happened_unseen_lies_between_the_bounds(one: Record, truth: Spans, rules: Rules) -> None:
    """Let what was blind or unreachable have been down in any pattern: the truth is enclosed."""
    found = availability(one, window(0, 100), rules, Counted.OWN)
    unseen = tidy([*one.blind, *one.unreachable])
    down = join(without(one.down, one.blind), common(truth, unseen))
    real = Record(down, maintenance=one.maintenance, clock_stops=one.clock_stops)
    assert found.least_lost_us <= availability(real, window(0, 100), rules, Counted.OWN).lost_us <= found.most_lost_us


@given(RECORDS, COUNTED, st.lists(st.integers(1, 99), max_size=3, unique=True), st.sampled_from([0.0, 600.0]))
def test_split_windows_add_up_where_time_counts_exactly(
    one: Record, counted: Counted, cuts: list[int], least: float
) -> None:
    rules = Rules(minimum_outage_seconds=least)
    edges = [0, *sorted(cuts), 100]
    parts = [availability(one, window(begin, end), rules, counted) for begin, end in pairwise(edges)]
    whole = availability(one, window(0, 100), rules, counted)
    for name in ("span_us", "maintenance_us", "clock_stop_us", "blind_us", "down_us", "unreachable_us", "up_us",
                 "measured_us", "lost_us", "least_lost_us", "most_lost_us"):  # fmt: skip
        assert sum(getattr(part, name) for part in parts) == getattr(whole, name)


@given(st.permutations([(0, 5), (3, 8), (20, 30), (30, 31), (25, 26)]))
def test_the_order_of_outages_does_not_matter(order: list[tuple[int, int]]) -> None:
    made = record([outage(*pair, number=number) for number, pair in enumerate(order)], at(60))
    assert made.down == spans((0, 8), (20, 31))


@given(RECORDS, RULES, COUNTED, st.integers(0, 120), st.integers(0, 1000))
def test_a_budget_adds_up(one: Record, rules: Rules, counted: Counted, now: int, permille: int) -> None:
    found = budget(one, window(0, 100), at(now), rules, counted, Fraction(permille, 1000))
    assert found.used_us + found.left_us == found.allowed_us
    assert 0 <= found.allowed_us <= 100 * MINUTE_US
    if found.spent_at is not None:
        assert at(0) <= found.spent_at <= at(100)
        assert (found.spent_at <= at(now)) or found.left_us > 0


@given(RECORDS, RULES, COUNTED, st.integers(1, 100), st.integers(0, 999))
def test_a_spent_budget_was_spent_when_it_says(
    one: Record, rules: Rules, counted: Counted, now: int, permille: int
) -> None:
    found = budget(one, window(0, 100), at(now), rules, counted, Fraction(permille, 1000))
    if found.used_us and found.left_us <= 0:
        assert found.spent_at is not None
        upto = ((to_us(at(0)), to_us(found.spent_at)),)
        assert length(common(lost(one, window(0, now), rules, counted), upto)) == found.allowed_us


def test_more_that_is_bad_is_never_better() -> None:
    for text, counted in product(("DD...", "DDB..", "UUB..", "DDU.."), Counted):
        before = availability(known(text), window(0, 5), EXACT, counted)
        after = availability(known(text + " ....D"), window(0, 5), EXACT, counted)
        assert after.lost_us >= before.lost_us


def test_seconds_print_the_digits_they_have() -> None:
    assert [str(seconds(us)) for us in (1, 1_500_000, 2_678_400_000_001)] == ["1e-06", "1.5", "2678400.000001"]
    assert from_us(to_us(NOON)) == NOON

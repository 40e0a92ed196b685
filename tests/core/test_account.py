"""From what the ledger holds to an account: what is on record, what counts, what the document says."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from agent.core.account import NO_EXCLUSION, Account, Books, Excluded, History, Stretch, describe, no_calendar, rules_of
from agent.core.availability import Pair
from agent.core.contract import DEFAULT_RULES, Period, Rules, period_named
from agent.core.model import CircuitFacts, Estate, Event, EventKind, Outage, Role, State, Target
from agent.core.ports import Blind

NOVEMBER = period_named("2026-11", UTC)
NOW = datetime(2026, 11, 11, tzinfo=UTC)
FACTS = CircuitFacts("ExampleTel", "ETH/1", ("a", "b"), objective_availability_ratio=0.999)
CIRCUIT = Target("wan", Role.CIRCUIT, "circuit", "The line", circuit=FACTS)


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def outage(began: datetime, ended: datetime | None, state: State = State.DOWN, target: str = "wan") -> Outage:
    return Outage(7, target, state, began, ended, "no answer", None if ended is None else "recovered")


def change(when: datetime, old: str, new: str, target: str = "wan") -> Event:
    return Event(EventKind.TARGET, when, when, target, old, new, "because")


def counted(history: History, rules: Rules = DEFAULT_RULES, objective: float | None = None, window: Pair = NOVEMBER,
            excluded: Excluded = NO_EXCLUSION) -> Account:  # fmt: skip
    history = replace(history, states={"wan": State.UP} | dict(history.states))
    return Books(history, min(NOVEMBER[0], window[0]), NOW).account("wan", window, rules, objective, excluded)


def hours(us: int) -> float:
    return us / 3_600_000_000


def test_a_quiet_month_so_far() -> None:
    found = counted(History())
    assert (found.until, hours(found.own.span_us), found.own.worst, found.budget) == (NOW, 240.0, Fraction(1), None)
    assert found.outages == ()


@pytest.mark.parametrize(
    ("history", "blind_hours"),
    [
        (History(), 0),
        (History(states={"wan": State.DEGRADED}), 0),
        (History(states={"wan": State.UNKNOWN}), 240),
        (History(states={"wan": State.UP}, blind=[Blind(None, "stopped", at(2), at(2, 5))]), 5),
        (History(states={"wan": State.UP}, blind=[Blind("wan", "own trouble", at(10, 20), None)]), 4),
        (History(states={"wan": State.UP}, blind=[Blind("other", "own trouble", at(10, 20), None)]), 0),
        # first watched on the third; before it there is no state
        (History(changes=[change(at(3), "unknown", "up")]), 48),
        # not known for an hour
        (History(changes=[change(at(3), "up", "unknown"), change(at(3, 1), "unknown", "up")]), 1),
        # known to be up, then taken out of the configuration
        (History(changes=[change(at(10), "up", "")], states={"wan": State.UP}), 24),
        # evidence that reaches back before what was known already, or before the beginning, gives no time twice
        (History(changes=[change(at(3), "up", "unknown"), change(at(2), "unknown", "up")]), 0),
        (History(changes=[change(at(3) - timedelta(days=30), "unknown", "up")]), 0),
        (History(changes=[change(at(3), "unknown", "down"), change(at(4), "down", "unreachable")]), 48),
        # both at once are one
        (History(changes=[change(at(3), "up", "unknown"), change(at(3, 2), "unknown", "up")],
                 blind=[Blind(None, "stopped", at(3, 1), at(3, 4))]), 4),
    ],
)  # fmt: skip
def test_what_nobody_saw_is_blind(history: History, blind_hours: float) -> None:
    found = counted(history)
    assert hours(found.own.blind_us) == blind_hours
    assert found.own.believed == (1 if blind_hours < 240 else None)


def test_a_target_that_nothing_is_known_of_was_blind_all_the_time() -> None:
    found = Books(History(), NOVEMBER[0], NOW).account("wan", NOVEMBER, DEFAULT_RULES, None)
    assert (found.own.best, found.own.believed, found.own.worst) == (Fraction(1), None, Fraction(0))


def test_own_faults_and_all_of_them() -> None:
    history = History([
        outage(at(2), at(2, 6)), outage(at(3), at(3, 12), State.UNREACHABLE), outage(at(10, 12), None),
        outage(at(4), at(5), target="other"), outage(at(30) - timedelta(days=60), at(30) - timedelta(days=50)),
    ])  # fmt: skip
    found = counted(history, objective=0.9)
    assert (hours(found.own.down_us), hours(found.own.unreachable_us), hours(found.all.down_us)) == (18, 12, 30)
    assert found.budget is not None
    assert (hours(found.budget.allowed_us), hours(found.budget.left_us)) == (72, 54)
    assert len(found.outages) == 3


def test_only_a_whole_period_of_the_contract_has_a_budget() -> None:
    history = History([outage(at(2), at(2, 6))])
    quarter = Rules(Period.QUARTER)
    assert counted(history, objective=0.9).budget is not None
    assert counted(history, quarter, objective=0.9).budget is None
    assert counted(history, objective=0.9, window=(at(1), at(8))).budget is None
    assert counted(history, quarter, 0.9, period_named("2026-Q4", UTC)).budget is not None


def test_a_month_to_come_has_nothing_to_count() -> None:
    found = counted(History(), objective=0.9, window=period_named("2027-01", UTC))
    assert (found.own.span_us, found.own.believed) == (0, None)
    assert found.budget is not None
    assert found.budget.used_us == 0


@pytest.mark.parametrize(
    ("one", "rules", "excluded", "seconds", "why"),
    [
        (outage(at(2), at(2, 1)), DEFAULT_RULES, Excluded(), 3600, ""),
        (outage(at(2), at(2, 1), State.UNREACHABLE), DEFAULT_RULES, Excluded(), 0, "not its own fault"),
        (outage(at(2), at(2, 1)), Rules(minimum_outage_seconds=7200), Excluded(), 0, "shorter than 2 h"),
        (outage(at(2), at(2, 1)), DEFAULT_RULES, Excluded([(at(2), at(2, 0, 30))]), 1800, "maintenance"),
        (outage(at(2), at(2, 1)), DEFAULT_RULES, Excluded((), [(at(1), at(2, 0, 15))]), 2700, "clock stopped"),
        (outage(at(2), at(2, 1)), Rules(minimum_outage_seconds=7200),
         Excluded([(at(2), at(2, 0, 1))], [(at(2, 0, 2), at(2, 0, 3))]), 0,
         "maintenance, clock stopped, shorter than 2 h"),
        (outage(at(2), at(2, 1)), Rules(excludes=()), Excluded([(at(1), at(3))], [(at(1), at(3))]), 3600, ""),
        (outage(at(2), at(2, 0, 1)), Rules(interval_seconds=300), Excluded(), 60, ""),
    ],
)  # fmt: skip
def test_why_an_outage_does_not_count(one: Outage, rules: Rules, excluded: Excluded, seconds: int, why: str) -> None:
    found = describe(counted(History([one]), rules, excluded=excluded))["outages"][0]
    assert (found["counted_seconds"], found["not_counted"]) == (seconds, why)


def test_the_document() -> None:
    history = History([outage(at(2), at(2, 6)), outage(at(10, 23, 59), None)], blind=[Blind(None, "x", at(5), at(6))])
    rules = Rules(zone=ZoneInfo("Europe/London"), minimum_outage_seconds=120.0)
    found = json.loads(json.dumps(describe(counted(history, rules, 0.999), CIRCUIT)))
    assert found["title"] == "The line"
    assert (found["supplier"], found["reference"], found["kind"]) == ("ExampleTel", "ETH/1", "circuit")
    assert (found["began_at"], found["until"]) == ("2026-11-01T00:00:00+00:00", "2026-11-11T00:00:00+00:00")
    assert found["rules"] == {"measured": "month", "zone": "Europe/London", "interval_seconds": 0.0,
                              "minimum_outage_seconds": 120.0, "excludes": ["maintenance", "clock_stops"]}  # fmt: skip
    assert found["own"]["percent"] == found["own"]["best_percent"] == "97.50000"
    assert found["own"]["worst_percent"] == "87.50000"
    assert (found["own"]["blind_seconds"], found["own"]["down_seconds"]) == (86400.0, 21660.0)
    assert found["budget"] == {"objective_percent": "99.90000", "allowed_seconds": 2592.0, "used_seconds": 21600.0,
                               "left_seconds": -19008.0, "spent_at": "2026-11-02T00:43:12+00:00"}  # fmt: skip
    assert [(one["seconds"], one["counted_seconds"], one["not_counted"]) for one in found["outages"]] == [
        (21600.0, 21600.0, ""),
        (60.0, 0.0, "shorter than 2 min"),
    ]
    bare = describe(counted(history))
    assert (bare["title"], bare["supplier"], bare["budget"]) == ("wan", None, None)


def test_books_know_what_is_quiet() -> None:
    history = History([outage(at(2), at(3), target="a")], [change(at(2), "up", "down", "b")],
                      {"c": State.UP, "d": State.UNKNOWN, "e": State.UP, "f": State.DEGRADED},
                      [Blind("e", "x", at(2), at(3)), Blind(None, "x", at(2), at(3))])  # fmt: skip
    books = Books(history, NOVEMBER[0], NOW)
    assert [name for name in "abcdefg" if books.eventless(name)] == ["c", "f"]
    assert books.names == ["a", "b", "c", "d", "e", "f"]


def test_rules_are_the_contract_s_or_the_estate_s() -> None:
    rules = Rules(interval_seconds=60.0)
    estate = Estate("dc1", {}, rules=rules)
    assert rules_of(estate, CIRCUIT) == (DEFAULT_RULES, 0.999)
    assert rules_of(estate, Target("a", Role.SITE, "site", "A")) == (rules, None)
    assert no_calendar("a", at(1), at(2)) == ((), ())


def test_which_time_is_asked_about() -> None:
    london = Rules(zone=ZoneInfo("Europe/London"))
    assert Stretch().window(london, NOW) == NOVEMBER
    assert Stretch("2026-07").window(london, NOW)[0] == datetime(2026, 6, 30, 23, tzinfo=UTC)
    assert Stretch(since=at(3)).window(london, NOW) == (at(3), NOW)
    assert Stretch(until=at(3)).window(london, NOW) == (at(1), at(3))
    with pytest.raises(ValueError, match=r"ends \(2026-11-02 00:00\) before it begins \(2026-11-03 00:00 UTC\)"):
        Stretch(since=at(3), until=at(2)).window(london, NOW)
    with pytest.raises(ValueError, match="expected a month"):
        Stretch("soon").window(london, NOW)

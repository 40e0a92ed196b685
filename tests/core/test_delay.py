"""Round statistics: figures by hand, numpy as the oracle for percentiles, and what a round says of its check."""

from dataclasses import replace
from datetime import UTC, datetime
from math import nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.delay import (
    RTT_BUCKETS_SECONDS,
    EchoTotals,
    Train,
    add,
    format_milliseconds,
    observe,
    summarize,
    train,
    trains,
)
from agent.core.model import Echo, Outcome, Round

BEGAN = 1_700_000_000.0
CODES = {"+": Echo.RECEIVED, "-": Echo.LOST, "?": Echo.UNKNOWN, "x": Echo.REFUSED}


def make_round(outcomes: str, rtts: list[float] | None = None, *, burst: bool = False, duplicates: int = 0,
               why: dict[str, int] | None = None, refusals: tuple[str, ...] = ()) -> Round:  # fmt: skip
    """Build a round of one echo a second; `rtts` are those of the received echoes, 1 ms where not given."""
    given_rtts = iter(rtts if rtts is not None else [0.001] * outcomes.count("+"))
    return Round(
        target="link",
        check="icmp",
        began_at=datetime.fromtimestamp(BEGAN, UTC),
        ended_at=datetime.fromtimestamp(BEGAN + len(outcomes) + 3, UTC),
        sent_at_seconds=BEGAN + np.arange(len(outcomes), dtype=np.float64),
        rtts_seconds=np.array([next(given_rtts) if code == "+" else nan for code in outcomes], dtype=np.float64),
        outcomes=np.array([CODES[code] for code in outcomes], dtype=np.uint8),
        burst=burst,
        duplicates=duplicates,
        why_unknown=why if why is not None else ({"receive_drops": outcomes.count("?")} if "?" in outcomes else {}),
        refusals=refusals,
    )


def make_train(outcomes: str, rtts: list[float] | None = None, **more: Any) -> Train:  # noqa: ANN401 - as make_round
    """Build a round and look through it."""
    return train(make_round(outcomes, rtts, **more))


def test_figures_of_a_round_by_hand() -> None:
    summary = summarize(make_train("++-++?", [0.010, 0.014, 0.012, 0.020]))
    assert (summary.sent, summary.received, summary.unknown) == (5, 4, 1)
    assert summary.loss_ratio == pytest.approx(0.2)
    assert summary.rtt_seconds == pytest.approx(
        {"min": 0.010, "mean": 0.014, "max": 0.020, "p50": 0.013, "p95": 0.0191}
    )
    assert summary.pdv_seconds == pytest.approx({"p50": 0.003, "p95": 0.0091, "max": 0.010})
    # neighbours are 10->14 and 12->20; 14->12 stand on both sides of a lost echo
    assert summary.ipdv_seconds == pytest.approx({"mean": 0.006, "p95": 0.0078, "max": 0.008})
    assert summary.at == datetime.fromtimestamp(BEGAN + 9, UTC)


@pytest.mark.parametrize(
    ("outcomes", "loss_ratio"),
    [
        ("++++", 0.0),
        ("+-", 0.5),
        ("----", 1.0),
        ("+x", 0.5),
        ("xx", 1.0),
        ("+?", 0.0),
        ("-?", 1.0),
        ("??", None),
        ("", None),
    ],
)
def test_loss_ratio_counts_refused_as_lost_and_leaves_unknown_out(outcomes: str, loss_ratio: float | None) -> None:
    assert summarize(make_train(outcomes)).loss_ratio == loss_ratio


@pytest.mark.parametrize("outcomes", ["", "----", "??", "x"])
def test_without_replies_there_are_no_times(outcomes: str) -> None:
    summary = summarize(make_train(outcomes))
    assert (summary.rtt_seconds, summary.pdv_seconds, summary.ipdv_seconds) == ({}, {}, {})


def test_one_reply_has_a_delay_and_no_variation() -> None:
    summary = summarize(make_train("-+-", [0.004]))
    assert summary.rtt_seconds == pytest.approx(dict.fromkeys(("min", "mean", "max", "p50", "p95"), 0.004))
    assert (summary.pdv_seconds, summary.ipdv_seconds) == ({}, {})


def test_a_reply_without_round_trip_time_is_received_and_has_no_part_in_the_times() -> None:
    stepped = make_round("+++", [0.001, nan, 0.002])
    summary = summarize(train(stepped))
    assert (summary.received, summary.loss_ratio) == (3, 0.0)
    assert summary.rtt_seconds["mean"] == pytest.approx(0.0015)
    assert summary.ipdv_seconds == {}
    observation = observe(make_train("+", [nan]))
    assert (observation.outcome, observation.duration_seconds) == (Outcome.OK, None)
    assert observation.detail == "1 of 1 echo answered"
    assert "rtt_mean_seconds" not in dict(observation.values)


@given(st.lists(st.lists(st.none() | st.floats(0, 100), min_size=20, max_size=20), min_size=1, max_size=5))
def test_percentiles_are_numpys(several: list[list[float | None]]) -> None:
    rounds = [
        make_round("".join("-" if rtt is None else "+" for rtt in one), [rtt for rtt in one if rtt is not None])
        for one in several
    ]
    for one, seen in zip(several, trains(rounds), strict=True):
        values = [rtt for rtt in one if rtt is not None]
        if values:
            wanted = [min(values), np.mean(values), max(values), *np.percentile(values, [50, 95])]
            assert seen.rtt == pytest.approx(wanted)


@given(st.lists(st.text(alphabet="+-?x", max_size=12), min_size=1, max_size=8))
def test_rounds_that_are_looked_through_together_are_as_each_alone(several: list[str]) -> None:
    rounds = [make_round(one, [0.003 / (place + 1) for place in range(one.count("+"))]) for one in several]
    for alone, together in zip(map(train, rounds), trains(rounds), strict=True):
        assert together.round is alone.round
        assert summarize(together) == summarize(alone)
        assert observe(together) == observe(alone)
        assert (together.at, together.duration_seconds) == (alone.at, alone.duration_seconds)


@given(st.text(alphabet="+-?x", max_size=40))
def test_every_round_gives_a_summary_whose_counts_add_up(outcomes: str) -> None:
    round_ = make_round(outcomes, [0.001 * (place + 1) for place in range(outcomes.count("+"))])
    summary = summarize(train(round_))
    assert summary.sent + summary.unknown == len(outcomes)
    assert summary.received == outcomes.count("+")
    observation = observe(train(round_))
    assert (observation.outcome is Outcome.UNKNOWN) == (summary.sent == 0)
    assert (observation.outcome is Outcome.OK) == (summary.received > 0)


def test_totals_grow_with_regular_rounds_and_count_bursts_apart() -> None:
    totals = EchoTotals()
    add(totals, make_train("++-x?", [0.0001, 0.05], duplicates=2))
    add(totals, make_train("??", why={"receive_drops": 1, "send_enetunreach": 1}))
    add(totals, make_train("----", burst=True))
    add(totals, make_train("++x?", burst=True))
    assert (totals.sent, totals.received, totals.lost, totals.duplicates) == (4, 2, 2, 2)
    assert (totals.burst_sent, totals.burst_lost) == (7, 5)
    add(totals, train(replace(make_round("+"), late=1, reordered=2, corrupted=3)))
    assert (totals.late, totals.reordered, totals.corrupted) == (1, 2, 3)
    assert totals.unknown == {"receive_drops": 2, "send_enetunreach": 1}
    assert totals.rtt_sum_seconds == pytest.approx(0.0511)
    # a value on a bound belongs below it: le="0.0001"
    expected = [0] * (len(RTT_BUCKETS_SECONDS) + 1)
    expected[1] = expected[5] = expected[10] = 1  # 0.1 ms, 1 ms, 50 ms
    assert totals.rtt_counts == expected


@pytest.mark.parametrize(
    ("outcomes", "outcome", "since"),
    [
        ("++++", Outcome.OK, 0),
        ("--+-", Outcome.OK, 2),
        ("?-+", Outcome.OK, 2),
        ("----", Outcome.NO_ANSWER, 0),
        ("??--", Outcome.NO_ANSWER, 2),
        ("-?--", Outcome.NO_ANSWER, 0),
        ("--x-", Outcome.REFUSED, 0),
        ("xxxx", Outcome.REFUSED, 0),
        ("????", Outcome.UNKNOWN, None),
        ("", Outcome.UNKNOWN, None),
    ],
)
def test_what_a_round_says_and_since_when(outcomes: str, outcome: Outcome, since: int | None) -> None:
    observation = observe(make_train(outcomes))
    assert observation.outcome is outcome
    assert observation.since == (None if since is None else datetime.fromtimestamp(BEGAN + since, UTC))
    assert observation.at == datetime.fromtimestamp(BEGAN + len(outcomes) + 3, UTC)
    assert (observation.target, observation.check) == ("link", "icmp")


@pytest.mark.parametrize(
    ("round_", "detail"),
    [
        (make_round("+" * 10, [0.0019] * 10), "10 of 10 echoes answered, 1.9 ms"),
        (make_round("-----"), "0 of 5 echoes answered"),
        (
            make_round("xx", refusals=("10.0.0.1: destination host unreachable",)),
            "0 of 2 echoes answered (10.0.0.1: destination host unreachable)",
        ),
        (
            make_round("++?", [0.1, 0.2], why={"this host is busy": 1}),
            "2 of 2 echoes answered, 150 ms; 1 not measured: this host is busy",
        ),
        (make_round("??", why={"send_enetunreach": 2}), "not measured: this host has no route to the target's network"),
        (make_round("?", why={"something_new": 1}), "not measured: something_new"),
        (make_round("?", why={"send_einval": 1}), "not measured: this host could not send (EINVAL)"),
        (make_round(""), "not measured: no echo was sent"),
    ],
)
def test_the_sentence_for_a_person(round_: Round, detail: str) -> None:
    assert observe(train(round_)).detail == detail


def test_a_burst_confirms_and_carries_its_figures() -> None:
    observation = observe(make_train("+---", [0.002], burst=True))
    assert observation.confirmed
    assert observation.duration_seconds == pytest.approx(0.002)
    assert dict(observation.values) == pytest.approx(
        {"rtt_mean_seconds": 0.002, "echoes_sent": 4, "echoes_received": 1, "loss_ratio": 0.75}
    )
    assert not observe(make_train("??", burst=True)).confirmed


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.000042, "0.042 ms"), (0.0019, "1.9 ms"), (0.2314, "231 ms"), (0.0999, "99.9 ms")]
)
def test_round_trip_times_for_a_person(seconds: float, text: str) -> None:
    assert format_milliseconds(seconds) == text

"""The E-model against G.107's own figures and others' fits, and what it makes of rounds of echoes."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core import delay
from agent.core.delay import Train
from agent.core.model import Echo, Round
from agent.core.voice import (
    BURST_RATIO_MOST,
    G711,
    G711_PLC,
    G729A,
    LEAST_ECHOES,
    Codec,
    Phone,
    Voice,
    burst,
    effective_impairment,
    judge,
    listen,
    opinion,
    rating,
)

START = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
CODECS = st.sampled_from([G711, G711_PLC, G729A])
DELAYS = st.floats(0.0, 0.6)
RATIOS = st.floats(0.0, 0.5)
RTTS = st.lists(st.none() | st.floats(0.0001, 0.5), min_size=LEAST_ECHOES, max_size=40).filter(
    lambda rtts: any(rtt is not None for rtt in rtts)
)


def heard(rtts: Sequence[float | None]) -> Voice:
    found = judge(rtts)
    assert found is not None
    return found


def train(echoes: str, rtt: float = 0.020, *, burst: bool = False) -> Train:
    """Return a round: + answered, - lost, x refused, ? unknown, o answered without a time."""
    codes = {"+": Echo.RECEIVED, "o": Echo.RECEIVED, "-": Echo.LOST, "x": Echo.REFUSED, "?": Echo.UNKNOWN}
    sent = START.timestamp() + np.arange(len(echoes), dtype=np.float64)
    rtts = np.array([rtt if echo == "+" else math.nan for echo in echoes])
    outcomes = np.array([codes[echo] for echo in echoes], dtype=np.uint8)
    ended = START + timedelta(seconds=len(echoes))
    return delay.train(Round("t", "icmp", START, ended, sent, rtts, outcomes, burst=burst))


def test_the_defaults_of_g107_give_its_default_rating() -> None:
    assert round(rating(0.0), 1) == 93.2
    assert round(opinion(rating(0.0)), 2) == 4.41


@pytest.mark.parametrize(("r", "mos"), [(90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58), (0, 1), (100, 4.5)])
def test_mos_follows_annex_b(r: float, mos: float) -> None:
    assert opinion(r) == pytest.approx(mos, abs=0.0065)  # its table is rounded up to the next hundredth at 80


@pytest.mark.parametrize("r", [-20.0, 0.0, 3.0, 6.4])
def test_mos_never_falls_below_one(r: float) -> None:
    assert opinion(r) == 1.0


@pytest.mark.parametrize("ms", [50, 100, 150, 177, 200, 250, 300])
def test_delay_costs_what_cole_and_rosenbluth_fitted(ms: int) -> None:
    """Voice over IP performance monitoring, ACM CCR 31(2), 2001: Id of G.107 for delays below 400 ms."""
    fitted = 0.024 * ms + 0.11 * max(0.0, ms - 177.3)
    assert 93.2 - rating(ms / 1000) == pytest.approx(fitted, abs=1.0)  # two straight lines for a curve


@pytest.mark.parametrize("loss", [0.0, 0.01, 0.02, 0.05, 0.1])
def test_loss_costs_what_cole_and_rosenbluth_fitted(loss: float) -> None:
    assert effective_impairment(G729A, loss) == pytest.approx(11 + 40 * math.log(1 + 10 * loss), abs=1.5)
    assert effective_impairment(G711_PLC, loss) == pytest.approx(30 * math.log(1 + 15 * loss), abs=1.5)


@pytest.mark.parametrize(
    ("codec", "loss", "ratio", "impairment"),
    [
        (G711, 0.0, 1.0, 0.0),
        (G711_PLC, 0.0, 4.0, 0.0),
        (G729A, 0.0, 1.0, 11.0),
        (G711, 0.01, 1.0, 95 / 5.3),  # Ie + (95 - Ie) Ppl / (Ppl / BurstR + Bpl), by hand
        (G711_PLC, 0.01, 1.0, 95 / 26.1),
        (G729A, 0.02, 1.0, 11 + 84 * 2 / 21),
        (G711_PLC, 0.05, 2.0, 95 * 5 / 27.6),
        (Codec("of a measured call", 0, 4.8), 0.015, 5.91, 28.1966),
    ],
)
def test_the_effective_impairment_by_hand(codec: Codec, loss: float, ratio: float, impairment: float) -> None:
    assert effective_impairment(codec, loss, ratio) == pytest.approx(impairment, abs=1e-4)


@pytest.mark.parametrize(
    ("pattern", "ratio"),
    [
        ("+++++", 1.0),
        ("-----", 1.0),
        ("+-+-+-+-", 1.0),  # more even than chance
        ("++++--++++", 2 * 0.8),
        ("--++++++++", 2 * 0.8),  # a run at the very beginning is a run
        ("-++++++++--", 1.5 * 8 / 11),
        ("+" * 190 + "-" * 10, BURST_RATIO_MOST),
    ],
)
def test_the_burst_ratio(pattern: str, ratio: float) -> None:
    assert burst([echo == "-" for echo in pattern]) == pytest.approx(ratio)


def test_the_burst_ratio_is_one_by_g107s_markov_chain_where_losses_are_random() -> None:
    random = np.random.default_rng(7)
    assert burst((random.random(200_000) < 0.05).tolist()) == pytest.approx(1.0, abs=0.02)


def test_the_burst_ratio_of_a_markov_chain_is_that_of_its_parameters() -> None:
    p, q = 0.02, 0.5  # G.107 7.5: BurstR = 1 / (p + q)
    random, lost, pattern = np.random.default_rng(11), False, []
    for draw in random.random(200_000):
        lost = draw >= q if lost else draw < p
        pattern.append(bool(lost))
    assert burst(pattern) == pytest.approx(1 / (p + q), rel=0.02)


def test_every_part_of_the_delay_is_counted() -> None:
    assert heard([0.050] * 10).delay_seconds == pytest.approx(0.025 + 0.020 + 0.040)
    found = judge([0.050] * 10, Phone(G729A, 0.060))
    assert found is not None
    assert found.delay_seconds == pytest.approx(0.025 + 0.020 + 0.005 + 0.060)


def test_what_comes_too_late_for_the_buffer_is_lost() -> None:
    found = heard([0.020] * 8 + [0.0601, 0.2])
    assert (found.lost_ratio, found.discarded_ratio) == (0.0, 0.2)
    assert found.burst_ratio == pytest.approx(2 * 0.8)
    assert heard([0.020] * 8 + [0.0599, 0.03]).discarded_ratio == 0.0


def test_late_and_lost_ones_make_one_run() -> None:
    assert heard([0.02] * 8 + [None, 0.2]).burst_ratio == heard([0.02] * 8 + [None, None]).burst_ratio


def test_an_advantage_is_forgiven_and_r_ends_at_a_hundred() -> None:
    plain, mobile = judge([0.02] * 10), judge([0.02] * 10, Phone(advantage=5.0))
    assert plain is not None
    assert mobile is not None
    assert mobile.r_factor == pytest.approx(plain.r_factor + 5.0)
    most = judge([0.02] * 10, Phone(advantage=20.0))
    assert most is not None
    assert (most.r_factor, most.mos) == (100.0, 4.5)


@pytest.mark.parametrize("echoes", ["", "++++", "----------", "?????????+", "oooooooooo"])
def test_too_little_says_nothing(echoes: str) -> None:
    assert listen([train(echoes)]) is None


def test_rounds_are_heard_together_and_bursts_not_at_all() -> None:
    found = listen([train("++x++"), train("-----", burst=True), train("+-?+o")])
    assert found is not None
    assert (found.echoes, found.lost_ratio) == (8, 0.25)
    assert listen([]) is None


def test_a_good_line_satisfies_and_a_bad_one_does_not() -> None:
    assert heard([0.020] * 60).mos > 4.3
    assert heard([0.020] * 57 + [None] * 3).mos < 3.9
    assert heard([0.7] * 60).mos < 3.3
    assert heard([0.020, None] * 30).r_factor == pytest.approx(30, abs=5)


@given(DELAYS, DELAYS, RATIOS, RATIOS, CODECS, st.floats(1.0, BURST_RATIO_MOST), st.floats(1.0, BURST_RATIO_MOST))
def test_more_of_anything_bad_is_never_better(
    one: float, other: float, loss: float, more: float, codec: Codec, ratio: float, burstier: float
) -> None:
    assert effective_impairment(codec, min(loss, more)) <= effective_impairment(codec, max(loss, more))
    assert effective_impairment(codec, loss, min(ratio, burstier)) <= effective_impairment(
        codec, loss, max(ratio, burstier)
    )
    # sidetone and echo trade places below a few milliseconds: there R may rise by a tenth (0.109 at 1 ms)
    assert rating(min(one, other)) >= rating(max(one, other)) - 0.11


@given(st.floats(-50, 150), st.floats(-50, 150))
def test_mos_never_falls_as_r_rises(one: float, other: float) -> None:
    assert opinion(min(one, other)) <= opinion(max(one, other)) + 1e-9


@given(RTTS)
def test_every_line_is_rated_within_the_scales(rtts: list[float | None]) -> None:
    found = heard(rtts)
    assert 0 <= found.r_factor <= 100
    assert 1 <= found.mos <= 4.5
    assert 1 <= found.burst_ratio <= BURST_RATIO_MOST
    assert 0 <= found.lost_ratio <= found.lost_ratio + found.discarded_ratio <= 1


@given(RTTS)
def test_a_slower_line_is_never_better(rtts: list[float | None]) -> None:
    slower = [None if rtt is None else rtt + 0.1 for rtt in rtts]
    assert heard(slower).r_factor <= heard(rtts).r_factor + 0.01

"""The judge of simulated estates finds each way in which a page can be wrong."""

import math
from dataclasses import replace

import pytest

from agent.core.model import Check
from tests.core.estates import circuit, device, estate
from tests.core.simulation.desk import Pages
from tests.core.simulation.judge import Kind, wrong
from tests.core.simulation.network import Simulation
from tests.core.simulation.truth import Fault, Span, Truth, Worse

WATCHED = estate(
    replace(circuit("wan"), checks=(Check("wan", "icmp", "icmp", 1.0),)), device("sw", "wan"), device("other")
)
CUT = Fault("wan", 200, 400)
Spans = list[tuple[float, float]]


def judged(truth: Truth, pages: dict[tuple[str, str], Spans]) -> list[Kind]:
    simulation = Simulation(truth, seed=1)
    for (alert, target), spans in pages.items():
        simulation.desk.pages[alert, target, ""] = Pages(alert, target, spans=spans)
    return [one.kind for one in wrong(simulation, lambda _: 40.0)]


@pytest.mark.parametrize(
    ("pages", "kinds"),
    [
        ({("CircuitDown", "wan"): [(202, 403)]}, []),
        ({}, [Kind.MISSED]),
        ({("CircuitDown", "wan"): [(230, 403)]}, [Kind.LATE]),
        ({("CircuitDown", "wan"): [(202, 300), (310, 403)]}, [Kind.EARLY, Kind.TWICE]),
        ({("CircuitDown", "wan"): [(202, math.inf)]}, [Kind.ORPHANED]),
        ({("CircuitDown", "wan"): [(202, 441)]}, [Kind.ORPHANED]),
        ({("CircuitDown", "wan"): [(202, 403)], ("DeviceDown", "sw"): [(205, 402)]}, [Kind.CONSEQUENCE]),
        ({("CircuitDown", "wan"): [(202, 403)], ("DeviceDown", "sw"): [(400.7, 402)]}, [Kind.COINCIDENCE]),
        ({("CircuitDown", "wan"): [(202, 403)], ("DeviceDown", "sw"): [(401.1, 402)]}, [Kind.CONSEQUENCE]),
        ({("CircuitDown", "wan"): [(202, 403)], ("DeviceDown", "other"): [(205, 402)]}, [Kind.NOTHING]),
        ({("CircuitDown", "wan"): [(202, 403)], ("TargetFlapping", "wan"): [(403, 500)]}, [Kind.NOTHING, Kind.TWICE]),
        ({("CircuitDown", "wan"): [(202, 403)], ("TargetDegraded", "wan"): [(403, 500)]}, [Kind.NOTHING]),
    ],
)
def test_each_wrong_page_is_found(pages: dict[tuple[str, str], Spans], kinds: list[Kind]) -> None:
    assert judged(Truth(WATCHED, [CUT]), pages) == kinds


def test_what_is_paged_while_blind_is_wrong_and_what_nobody_could_see_need_not_be_paged() -> None:
    blind = Truth(WATCHED, [CUT], blind=[Span(190, 410)])
    assert judged(blind, {("CircuitDown", "wan"): [(202, 403)]}) == [Kind.BLIND]
    assert judged(blind, {}) == []
    assert judged(Truth(WATCHED, [CUT], stops=[Span(205, 410)]), {}) == []
    assert judged(Truth(WATCHED, [CUT], absent={"wan": Span(0, 500)}), {}) == []


@pytest.mark.parametrize(
    "worse", [Worse("wan", 2000, 2400, loss_ratio=0.05), Worse("wan", 2000, 2400, rise_seconds=0.1)]
)
def test_a_degradation_is_one_ticket_for_its_cause(worse: Worse) -> None:
    truth = Truth(WATCHED, worse=[worse])
    assert judged(truth, {}) == [Kind.MISSED]
    assert judged(truth, {("TargetDegraded", "wan"): [(2200, 2450)]}) == []
    both = {("TargetDegraded", "wan"): [(2200.0, 2450.0)], ("TargetDegraded", "sw"): [(2200.0, 2450.0)]}
    assert judged(truth, both) == [Kind.CONSEQUENCE]
    assert judged(truth, {("TargetDegraded", "wan"): [(2200, 2450)], ("DeviceDown", "sw"): [(2200, 2450)]}) == [
        Kind.NOTHING
    ]

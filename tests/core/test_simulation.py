"""Random estates with known truth: one page for one fault, none for what follows from it, none for nothing.

The same scenarios, a thousand of them, are counted by `python -m tests.bench.bench_paging`.
"""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from agent.core.model import Check, EventKind, State
from tests.core.estates import at, circuit, device, estate
from tests.core.simulation.network import Simulation
from tests.core.simulation.report import Report, scenario
from tests.core.simulation.scenarios import Ran, run, run_large
from tests.core.simulation.truth import Fault, Span, Truth


def check_books(simulation: Simulation) -> None:
    """Events follow from one another, and at the end all is as it was."""
    for name, target in simulation.truth.estate.targets.items():
        told = [e for e in simulation.events if e.kind is EventKind.TARGET and e.target == name]
        whole = not simulation.truth.stops and name not in simulation.truth.absent
        assert all((one.new == two.old or not whole) and one.at <= two.at for one, two in itertools.pairwise(told)), (
            told
        )
        if target.checks:
            assert simulation.assessor.verdicts[name].state in (State.UP, State.DEGRADED), name


def check_dates(simulation: Simulation) -> None:
    """What is paged as down began when it did: within one measurement before it was missed."""
    truth = simulation.truth
    for event in simulation.events:
        if event.kind is EventKind.TARGET and event.new == State.DOWN and truth.is_circuit(event.target):
            spacing = max(check.interval_seconds for check in truth.estate.targets[event.target].checks)
            second = (event.at - at(0)).total_seconds()
            near = [f for f in truth.faults_of(event.target) if f.begin <= second <= f.end + 0.5]
            assert near, (event, truth.faults)
            unseen = truth.blind or truth.stops
            assert spacing > 1 or unseen or min(second - f.begin for f in near) < 40, event


def check(ran: Ran) -> None:
    assert [str(one) for one in ran.problems] == []


@pytest.mark.parametrize("seed", range(60))
def test_one_fault_is_one_page_and_what_follows_is_none(seed: int) -> None:
    ran = run(seed)
    check(ran)
    check_books(ran.simulation)
    check_dates(ran.simulation)


@pytest.mark.parametrize("seed", range(30))
def test_what_flaps_is_told_and_told_no_more_when_it_is_over(seed: int) -> None:
    check(run(seed, flaps=True))


@pytest.mark.parametrize("seed", range(30))
def test_losses_and_slow_answers_are_no_outage_and_explain_what_follows(seed: int) -> None:
    check(run(seed, worse=True))


@pytest.mark.parametrize("spacing", [1.0, 10.0])
def test_ten_flaps_in_five_minutes_are_one_page_and_one_mark(spacing: float) -> None:
    echoes = Check("wan", "icmp", "icmp", spacing)
    watched = estate(replace(circuit("wan"), checks=(echoes,)), device("sw", "wan"), device("srv", "sw"))
    flaps = [Fault("wan", begin, begin + 14) for begin in np.linspace(100, 370, 10).tolist()]
    simulation = Simulation(Truth(watched, flaps), seed=1)
    simulation.run(2000)
    spans = {(page.alert, page.target): len(page.spans) for page in simulation.pages.values()}
    assert spans in ({("CircuitDown", "wan"): 1, ("TargetFlapping", "wan"): 1}, {("TargetFlapping", "wan"): 1})
    assert simulation.desk.flapping() == ["wan"]
    assert all(ended < math.inf for page in simulation.pages.values() for _, ended in page.spans)


@pytest.mark.parametrize("stop", [Span(101, 110), Span(103.2, 104), Span(130, 160), Span(135, 250), Span(199, 201)])
def test_an_agent_that_restarts_in_the_middle_of_an_outage_pages_it_once(stop: Span) -> None:
    watched = estate(replace(circuit("wan"), checks=(Check("wan", "icmp", "icmp", 1.0),)), device("sw", "wan"))
    cut = Fault("wan", 100, 200) if stop.begin < 130 or stop.end < 200 or stop.begin > 190 else Fault("wan", 100, 240)
    simulation = Simulation(Truth(watched, [cut], stops=[stop]), seed=2)
    simulation.run(400)
    assert [(page.alert, page.target, len(page.spans)) for page in simulation.pages.values()] == [
        ("CircuitDown", "wan", 1)
    ]
    ((began, ended),) = simulation.pages["CircuitDown", "wan", ""].spans
    assert cut.begin < began < max(cut.begin, stop.end) + 10
    assert cut.end < ended < max(cut.end, stop.end) + 10


def test_a_shared_router_takes_half_of_thousands_of_targets_along_and_is_one_page() -> None:
    ran = run_large(1, sites=40)
    assert len(ran.simulation.truth.estate.targets) > 1000
    check(ran)
    check_books(ran.simulation)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_thousand_estates_get_no_page_too_many_and_none_too_few() -> None:
    report = Report()
    for seed in range(1000):
        report.add(scenario(seed))
    report.tell()
    assert report.bad == []

"""Random estates with known truth: one page for one fault, none for what follows from it, none for nothing."""

import itertools
import random
from dataclasses import replace

import pytest

from agent.core.model import Check, Estate, EventKind, State, Target
from tests.core.estates import circuit, device, end, estate, group, service, site, snmp
from tests.core.simulation import Fault, Simulation, Span, Truth, is_circuit, measured_every, wrong

SECONDS = 900.0
QUIET = 150.0  # at the end, for what is polled once a minute to be found mended


def made(dice: random.Random) -> Estate:
    """Return an estate of several sites behind one another, measured in every way that there is."""
    targets: list[Target] = [site("near"), device("core", checks=[_icmp("core", 10.0), snmp("core")])]
    places: list[str] = []
    for number in range(dice.randint(1, 3)):
        name, behind = f"s{number}", dice.choice([*places, None])
        above = (behind,) if behind else ()
        cuts = [f"{name}-a", f"{name}-b"][: dice.randint(1, 2)]
        together = f"{name}-ab" if len(cuts) == 2 else None
        targets += [_circuit(dice, cut, together, above) for cut in cuts]
        if together:
            targets.append(group(together, *cuts))
        targets.append(site(name, *cuts))
        places.append(name)
        entry = dice.choice([name, together or cuts[0]])
        targets.append(_device(dice, f"{name}-sw", entry, polled=True))
        targets += [_device(dice, f"{name}-srv{n}", f"{name}-sw") for n in range(dice.randint(0, 2))]
        if dice.random() < 0.5:
            app = service(f"{name}-app", f"{name}-sw", checks=["web", "db"])
            spacing = dice.choice((1.0, 10.0))
            targets.append(replace(app, checks=tuple(replace(c, interval_seconds=spacing) for c in app.checks)))
    dice.shuffle(targets)
    return estate(*targets, here="near")


def _icmp(target: str, interval: float) -> Check:
    return Check(target, "icmp", "icmp", interval)


def _circuit(dice: random.Random, name: str, together: str | None, above: tuple[str, ...]) -> Target:
    kind = dice.choice(["echoes", "echoes", "both", "ends"])
    made = circuit(name, group=together, depends_on=above)
    checks = [_icmp(name, dice.choice((1.0, 1.0, 10.0)))] if kind != "ends" else []
    near = above[0] + "-sw" if above else "core"
    ends = [end(name, near, f"to-{name}")] if kind != "echoes" else []
    return replace(made, checks=(*checks, *ends))


def _device(dice: random.Random, name: str, *above: str, polled: bool = False) -> Target:
    kind = dice.choice(["both", "snmp"] if polled else ["echoes", "both", "snmp"])
    if kind == "snmp":
        return device(name, *above, checks=[snmp(name, decisive=True)])
    echoes = _icmp(name, dice.choice((1.0, 10.0, 10.0)))
    return device(name, *above, checks=[echoes, snmp(name)] if kind == "both" else [echoes])


def fault(dice: random.Random, watched: Estate, begin: float, end: float) -> Fault:
    name = dice.choice([n for n, t in watched.targets.items() if t.checks and n != "core"])
    target = watched.targets[name]
    only_ends = all(check.source for check in target.checks)
    two_ways = {check.type for check in target.checks} >= {"icmp", "snmp"}
    return Fault(name, begin, end, link=only_ends or dice.random() < 0.5, agent=two_ways and dice.random() < 0.3)


def late(watched: Estate, name: str) -> float:
    """Return within which time a failure has to be known: a poll, its second try, and a moment to settle."""
    spacing = measured_every(watched, name)
    return 30.0 + (2 * spacing + 25.0 if spacing > 10 else spacing + 5.0)


def run(seed: int, *, flaps: bool = False) -> tuple[Simulation, list[str]]:
    dice = random.Random(seed)
    watched = made(dice)
    faults: list[Fault] = []
    for _ in range(dice.randint(1, 5)):
        begin = dice.uniform(100, SECONDS - QUIET - 200)
        one = fault(dice, watched, begin, begin + (dice.uniform(2, 40) if flaps else dice.uniform(150, 300)))
        faults.append(one)
        again = one.end
        for _ in range(dice.randint(2, 8) if flaps else 0):
            again += dice.uniform(2, 40)
            lasts = dice.uniform(2, 40)
            if again + lasts < SECONDS - QUIET:
                faults.append(replace(one, begin=again, end=again + lasts))
                again += lasts
    blind = [Span(b, b + dice.uniform(5, 60)) for b in _moments(dice, 0.3)]
    stalls = [Span(b, b + dice.uniform(0.5, 4.5)) for b in _moments(dice, 0.5)]
    simulation = Simulation(Truth(watched, faults if flaps else _apart(faults), blind, stalls), seed)
    simulation.run(SECONDS)
    return simulation, wrong(simulation, lambda name: late(watched, name) + sum(s.end - s.begin for s in stalls))


def _moments(dice: random.Random, chance: float) -> list[float]:
    return [dice.uniform(60, SECONDS - QUIET - 60)] if dice.random() < chance else []


def _apart(faults: list[Fault]) -> list[Fault]:
    """Leave out faults of one target that follow one another so soon that their pages could be mixed up."""
    kept: list[Fault] = []
    for one in sorted(faults, key=lambda fault: fault.begin):
        same = [other for other in kept if other.target == one.target]
        if all(other.end + 200 < one.begin for other in same):
            kept.append(one)
    return kept


def check_books(simulation: Simulation) -> None:
    """Events follow from one another, and at the end all is as it was."""
    for name, target in simulation.truth.estate.targets.items():
        told = [e for e in simulation.events if e.kind is EventKind.TARGET and e.target == name]
        assert all(one.new == two.old and one.at <= two.at for one, two in itertools.pairwise(told)), told
        if target.checks:
            assert simulation.assessor.verdicts[name].state is State.UP, name


def check_dates(simulation: Simulation) -> None:
    """What is paged as down began when it did: within one measurement before it was missed."""
    truth = simulation.truth
    for event in simulation.events:
        if event.kind is EventKind.TARGET and event.new == State.DOWN and is_circuit(truth.estate, event.target):
            spacing = max(check.interval_seconds for check in truth.estate.targets[event.target].checks)
            second = event.at.timestamp() - event.at.replace(hour=12, minute=0, second=0, microsecond=0).timestamp()
            near = [f for f in truth.faults if f.target == event.target and f.begin <= second <= f.end + 0.5]
            assert near, (event, truth.faults)
            assert spacing > 1 or truth.blind or min(second - f.begin for f in near) < 40, event


@pytest.mark.parametrize("seed", range(40))
def test_one_fault_is_one_page_and_what_follows_is_none(seed: int) -> None:
    simulation, problems = run(seed)
    assert problems == []
    check_books(simulation)
    check_dates(simulation)


# Not complete yet: about one random estate in a hundred gets a page too many or too few. The bound only falls.
BAD_RATIO = 0.01


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_one_fault_is_one_page_in_many_estates() -> None:
    seeds = range(1000, 2500)
    bad = {seed: problems for seed in seeds if (problems := run(seed)[1])}
    print(f"{len(bad)} of {len(seeds)} estates: {sorted(bad)}")
    assert len(bad) <= BAD_RATIO * len(seeds), bad

"""Scenarios at random, each from its seed: an estate, what goes wrong in it, and what goes wrong with the agent."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent.core.model import Check, Estate, Target
from tests.core.estates import circuit, device, end, estate, group, service, site, snmp
from tests.core.simulation.judge import Fate, Kind, Wrong, fates, wrong
from tests.core.simulation.network import Simulation
from tests.core.simulation.truth import Fault, Span, Truth, Worse

SECONDS = 900.0
QUIET = 150.0  # at the end, for what is polled once a minute to be found mended
# Of echoes, at random, and no reason for a page. With 20 % chance alone loses two echoes in a row and the burst after
# them once in four hours, until a detector has found the loss and a second burst is wanted.
LOSS_RATIOS = (0.01, 0.02, 0.05, 0.1)


@dataclass(frozen=True)
class Ran:
    """A scenario that was run: what was wrong with its pages, and what became of its faults.

    `allowed` are pages that cannot be told from right ones.
    """

    seed: int
    simulation: Simulation
    problems: Sequence[Wrong]
    fates: Sequence[Fate]
    allowed: Sequence[Wrong] = ()


def run(seed: int, *, flaps: bool = False, worse: bool = False) -> Ran:
    """Run a quarter of an hour of a small estate.

    Args:
        flaps: faults last for seconds, and come again and again.
        worse: targets lose echoes and answer more slowly as well.
    """
    dice = random.Random(seed)
    watched = made(dice)
    faults = _flapping(dice, watched) if flaps else _apart(_failing(dice, watched))
    truth = Truth(
        watched,
        faults,
        worse=_worse(dice, watched) if worse else (),
        blind=[Span(b, b + dice.uniform(5, 60)) for b in _moments(dice, 0.3)],
        stalls=[Span(b, b + dice.uniform(0.5, 4.5)) for b in _moments(dice, 0.5)],
        stops=[Span(b, b + dice.uniform(1, 45)) for b in _moments(dice, 0.4)],
        absent=_absent(dice, watched) if dice.random() < 0.2 else {},
    )
    return _judged(truth, seed, SECONDS)


def run_large(seed: int, sites: int = 100) -> Ran:
    """Run some minutes of an estate of thousands of targets, in which a shared router takes half of it along."""
    dice = random.Random(seed)
    watched = large(dice, sites)
    names = [n for n, t in watched.targets.items() if t.checks]
    faults = [Fault("hub-1", 70.0, 190.0)]
    for name in dice.sample([n for n in names if n not in ("hub-0", "hub-1", "core")], 40):
        begin = dice.choice((70.0, dice.uniform(60, 120)))
        faults.append(Fault(name, begin, begin + dice.uniform(60, 120), link=dice.random() < 0.5))
    truth = Truth(watched, faults, stalls=[Span(71, 73)], stops=[Span(150, 155)] if seed % 2 else [])
    return _judged(truth, seed, 360.0, page_least=0.25)  # of thousands each look is dear


def _judged(truth: Truth, seed: int, seconds: float, page_least: float = 0.0) -> Ran:
    simulation = Simulation(truth, seed)
    simulation.desk.page_least = page_least
    simulation.run(seconds)

    def bound(name: str) -> float:
        return late(truth, name)

    found = wrong(simulation, bound)
    problems = [one for one in found if one.kind is not Kind.COINCIDENCE]
    allowed = [one for one in found if one.kind is Kind.COINCIDENCE]
    return Ran(seed, simulation, problems, fates(simulation, bound), allowed)


def late(truth: Truth, name: str) -> float:
    """Return within which time a failure has to be known.

    A second poll where one has failed, and twice a settling time after something before it has come back.
    """
    spacing = truth.measured_every(name)
    stalled = sum(span.end - span.begin for span in truth.stalls)
    return 30.0 + (2 * spacing + 25.0 if spacing > 10 else spacing + 5.0) + stalled


# ------------------------------------------------------------------ estates


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


def large(dice: random.Random, sites: int) -> Estate:
    """Return an estate of `sites` branches behind two shared routers, some 25 targets each."""
    targets: list[Target] = [site("near"), device("core", checks=[_icmp("core", 10.0), snmp("core")])]
    targets += [device(f"hub-{n}", "core", checks=[_icmp(f"hub-{n}", 1.0)]) for n in range(2)]
    for number in range(sites):
        name, hub = f"b{number}", f"hub-{number % 2}"
        targets.append(replace(circuit(f"{name}-a", depends_on=[hub]), checks=(_icmp(f"{name}-a", 1.0),)))
        targets.append(site(name, f"{name}-a"))
        targets.append(_device(dice, f"{name}-sw", name, polled=True))
        targets += [device(f"{name}-d{n}", f"{name}-sw", checks=[_icmp(f"{name}-d{n}", 10.0)]) for n in range(22)]
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


# ------------------------------------------------------------------ what goes wrong


def fault(dice: random.Random, watched: Estate, begin: float, end: float) -> Fault:
    """Return a fault of anything that is measured."""
    name = dice.choice([n for n, t in watched.targets.items() if t.checks and n != "core"])
    target = watched.targets[name]
    only_ends = all(check.source for check in target.checks)
    two_ways = {check.type for check in target.checks} >= {"icmp", "snmp"}
    return Fault(name, begin, end, link=only_ends or dice.random() < 0.5, agent=two_ways and dice.random() < 0.3)


def _failing(dice: random.Random, watched: Estate) -> list[Fault]:
    """Return faults that last; now and then several begin at one moment, by a cause that nobody watches."""
    faults = []
    begin = dice.uniform(100, SECONDS - QUIET - 200)
    for _ in range(dice.randint(1, 5)):
        if dice.random() < 0.7:
            begin = dice.uniform(100, SECONDS - QUIET - 200)
        faults.append(fault(dice, watched, begin, begin + dice.uniform(150, 300)))
    return faults


def _flapping(dice: random.Random, watched: Estate) -> list[Fault]:
    faults: list[Fault] = []
    for _ in range(dice.randint(1, 5)):
        begin = dice.uniform(100, SECONDS - QUIET - 200)
        one = fault(dice, watched, begin, begin + dice.uniform(2, 40))
        faults.append(one)
        again = one.end
        for _ in range(dice.randint(2, 8)):
            again += dice.uniform(2, 40)
            lasts = dice.uniform(2, 40)
            if again + lasts < SECONDS - QUIET:
                faults.append(replace(one, begin=again, end=again + lasts))
                again += lasts
    return faults


def _worse(dice: random.Random, watched: Estate) -> list[Worse]:
    """Return losses and drifts; or bursts in which everything is lost for less than the time of two echoes."""
    names = [n for n, t in watched.targets.items() if t.checks]
    found: list[Worse] = []
    if dice.random() < 0.3:
        name, moment = dice.choice(names), dice.uniform(60, 200)
        for _ in range(dice.randint(5, 20)):
            found.append(Worse(name, moment, moment + dice.uniform(0.1, 0.9), loss_ratio=1.0))
            moment += dice.uniform(10, 40)
        return found
    for _ in range(dice.randint(1, 3)):
        begin = dice.uniform(60, SECONDS - 500)
        ratio, rise = (dice.choice(LOSS_RATIOS), 0.0) if dice.random() < 0.6 else (0.0, dice.uniform(0.02, 0.3))
        found.append(Worse(dice.choice(names), begin, begin + dice.uniform(100, 400), ratio, rise))
    return found


def _absent(dice: random.Random, watched: Estate) -> dict[str, Span]:
    """Return when a reload takes out something that nothing else depends on, and the next one brings it back."""
    needed = {above for t in watched.targets.values() for above in (*t.depends_on, *t.members)}
    plugged = {check.source[0] for check in watched.checks() if check.source}
    names = [n for n, t in watched.targets.items() if t.checks and n not in needed | plugged]
    begin = dice.uniform(60, SECONDS - QUIET - 200)
    return {dice.choice(names): Span(begin, begin + dice.uniform(5, 200))} if names else {}


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

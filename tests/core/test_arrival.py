"""Whatever arrives, and in whatever order: nothing raises, and one moment ends in one state."""

import itertools
import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.assessor import Assessor
from agent.core.model import (
    AdminStatus,
    Against,
    Aspect,
    Estate,
    EventKind,
    Interface,
    Mark,
    Needs,
    Observation,
    OperStatus,
    Outcome,
    State,
    Trouble,
)
from agent.core.paging import pages
from agent.core.ports import Resumed
from tests.core.estates import Hand, at, circuit, device, end, estate, group, icmp, service, site, snmp

ESTATE = estate(
    site("near"),
    device("core", checks=[icmp("core"), snmp("core")]),
    circuit("a", group="ab", ends=[("core", "to-a")]),
    replace(circuit("b", group="ab"), checks=(end("b", "core", "to-b"),)),
    group("ab", "a", "b"),
    site("far", "a", "b"),
    device("sw", "far", checks=[snmp("sw", decisive=True)]),
    circuit("c", depends_on=["far"], ends=[("sw", "to-c")]),
    device("srv", "sw", checks=[icmp("srv"), snmp("srv")]),
    service("mail", "srv", checks=["v4", "v6"], needs=Needs.ANY),
    service("web", "srv", "c", checks=["v4", "v6"]),
    service("all", "mail", "web"),
    here="near",
)
SMALLER = replace(
    ESTATE, targets={name: one for name, one in ESTATE.targets.items() if name not in ("srv", "c", "all")}
)
CHECKS = [(check.target, check.name) for check in ESTATE.checks() if check.source is None]
CIRCUITS = ("a", "b", "c")
TROUBLE = Trouble(Aspect.DELAY, Against.PAST, at(0), 2.0, 1.0, "more delay")


def interfaces(target: str, cut: frozenset[str]) -> tuple[Interface, ...]:
    plugged = [c for c in ESTATE.checks() if c.source and c.source[0] == target]
    return tuple(
        Interface(n, c.source[1], c.source[1], AdminStatus.UP, OperStatus.DOWN if c.target in cut else OperStatus.UP)
        for n, c in enumerate(plugged)
        if c.source
    )


# ------------------------------------------------------------------ nothing raises


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    """Return what any check may see, as of the moment 0: late, early, with or without stamps of its own."""
    target, check = draw(st.sampled_from(CHECKS))
    outcome, late = draw(st.sampled_from(list(Outcome))), draw(st.none() | st.floats(-5, 400))
    good = outcome is Outcome.OK
    cut = draw(st.frozensets(st.sampled_from(CIRCUITS)))
    return Observation(
        target,
        check,
        at(0),
        outcome,
        "seen",
        since=None if late is None else at(-late),
        proven_at=at(-(late or 0) / 2),
        confirmed=draw(st.booleans()),
        troubles=(TROUBLE,) if good and draw(st.booleans()) else (),
        interfaces=interfaces(target, cut) if good and check == "snmp" else (),
    )


OTHER = st.sampled_from(["tick", "smaller", "whole", "clock", "restart"])
STEPS = st.lists(st.tuples(observations() | OTHER, st.floats(0, 200)), max_size=60)


@given(STEPS)
@settings(deadline=None)
def test_no_sequence_raises_and_the_books_stay_in_order(steps: list[tuple[Observation | str, float]]) -> None:
    """Observations late and early, by a clock that is set; time, reloads, restarts. Pages can be worked out of all."""
    here, now = Hand(Assessor(ESTATE)), 0.0
    for step, wait in steps:
        now += wait
        if isinstance(step, Observation):
            moved = {name: at(now) + (stamp - at(0)) for name in ("since", "proven_at")
                     if (stamp := getattr(step, name)) is not None}  # fmt: skip
            here.now = now
            here.hear(replace(step, at=at(now), **moved))
        elif step == "tick":
            here.tick(now)
        elif step == "clock":
            here.assessor.shift(at(60) - at(0))
        elif step == "restart":
            here = restarted(here, now)
        else:
            here.take(here.assessor.swap(SMALLER if step == "smaller" else ESTATE, at(now)))
        check_books(here, now)


def restarted(here: Hand, now: float) -> Hand:
    before = here.assessor
    again = Hand(Assessor(before.estate), now)
    again.assessor.resume(Resumed(
        checks={key: (belief.state, belief.since) for key, belief in before.beliefs.items()},
        targets={name: (one.state, one.since, one.causes) for name, one in before.verdicts.items()},
        failures={"a": (at(now - 30), at(now - 10))},
    ))  # fmt: skip
    return again


def check_books(here: Hand, now: float) -> None:
    assessor = here.assessor
    assert assessor.verdicts.keys() == assessor.estate.targets.keys()
    for name, verdict in assessor.verdicts.items():
        told = [e for e in here.events if e.kind is EventKind.TARGET and e.target == name]
        assert all(one.new == two.old or not one.new for one, two in itertools.pairwise(told))
        assert verdict.causes or verdict.state is not State.UNREACHABLE
        assert not verdict.causes or verdict.state in (State.UNREACHABLE, State.DEGRADED)
        assert not {State.UP, State.DOWN} & {assessor.verdicts[c].state for c in verdict.causes} - {State.DOWN}
    health = {key: assessor.shown(*key) for key in assessor.beliefs}
    for page in pages(assessor.estate, assessor.verdicts, health, at(now)):
        assert assessor.verdicts[page.target].state not in (State.UNREACHABLE, State.UNKNOWN) or page.alert in (
            "RedundancyLost", "TargetFlapping",
        )  # fmt: skip


# ------------------------------------------------------------------ one moment, any order


def carries(name: str, failed: frozenset[str], of: Estate = ESTATE) -> bool:
    target = of.targets[name]
    if name == of.site:
        return True
    if target.members:
        return any(carries(member, failed) for member in target.members)
    return name not in failed and all(carries(above, failed) for above in target.depends_on)


def of_one_moment(second: float, failed: frozenset[str]) -> list[Observation]:
    """Return what every check sees of a truth: bursts, and polls that have made sure."""
    return [
        Observation(
            target, check, at(second), Outcome.OK if carries(target, failed) else Outcome.NO_ANSWER, confirmed=True,
            interfaces=interfaces(target, failed) if check == "snmp" and carries(target, failed) else (),
        )
        for target, check in CHECKS
    ]  # fmt: skip


FAILING = [name for name, target in ESTATE.targets.items() if target.checks and name != "core"]


@given(st.frozensets(st.sampled_from(FAILING), max_size=4), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_what_is_of_one_moment_ends_in_one_state_in_any_order(failed: frozenset[str], dice: random.Random) -> None:
    """The rules say so once everything has been measured after a failure, and the holds have run out.

    Then a target is down where it has failed and all that it depends on works, unreachable where something before it
    has failed, else up; and `causes` are those that are down. On the way there verdicts may differ, for what has not
    arrived yet is held back or not; what is no consequence in the end must not have been told as down.
    """
    here = Hand(Assessor(ESTATE))
    for second, truth in ((0, frozenset[str]()), (100, failed), (105, failed)):
        seen = of_one_moment(second, truth)
        dice.shuffle(seen)
        for place, one in enumerate(seen):
            here.now = second + 0.05 * place
            here.hear(one)
        here.tick(second + 2)
    here.tick(133)  # before the last of it is too old to count
    for name, target in ESTATE.targets.items():
        verdict = here.assessor.verdicts[name]
        reached = all(carries(above, failed) for above in target.depends_on)
        if carries(name, failed):
            assert verdict.state is State.UP, (name, verdict)
        elif target.checks and name in failed and reached:
            assert verdict.state is State.DOWN, (name, verdict)
        elif target.checks and _is_told_of(name, failed):
            assert verdict.state is State.UNREACHABLE, (name, verdict)
            assert {here.assessor.verdicts[cause].state for cause in verdict.causes} == {State.DOWN}
            assert "down" not in here.told(name), (name, here.told(name))
    assert (Mark.REDUNDANCY_LOST in here.assessor.verdicts["ab"].marks) == (len({"a", "b"} & failed) == 1)


def _is_told_of(name: str, failed: frozenset[str]) -> bool:
    """Say whether something tells of a target: behind what has failed, an interface may still say that it is up."""
    return any(check.source is None for check in ESTATE.targets[name].checks)

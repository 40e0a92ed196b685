"""Interfaces of this host that circuits are bound to: a line of looks, and what each of them says."""

from dataclasses import replace

import pytest

from agent.core.model import Check, Outcome, State
from agent.core.units import Strict
from agent.core.uplinks import Uplinks, bound_circuits
from tests.core.estates import at, circuit, device, estate


class Bound(Strict):
    """Settings of an echo check."""

    interface: str | None = "eth1"


CHECK = Check("wan", "icmp", "icmp", 1.0, Bound())


def test_only_circuits_that_are_bound_to_an_interface_are_watched() -> None:
    free = Check("free", "icmp", "icmp", 1.0, Bound(interface=None))
    watched = estate(
        replace(circuit("wan"), checks=(CHECK,)),
        replace(circuit("free"), checks=(free,)),
        circuit("ends", echoes=False, ends=[("sw", "Gi1")]),
        replace(device("sw"), checks=(replace(CHECK, target="sw"),)),
    )
    assert bound_circuits(watched) == (CHECK,)


# One look each half second: `+` the interface works, `-` not. What follows: `F` a failure, `a` ask, `.` nothing.
# The check is believed down from its failure on, until the look that `up` names.
@pytest.mark.parametrize(
    ("looks", "said", "up"),
    [
        ("+++++", ".....", 99),
        ("+-+++", ".....", 99),  # a blip
        ("+--+-", ".....", 99),  # blips: each begins anew
        ("+---+", "...Fa", 99),
        ("+-----", "...F..", 99),  # told once
        ("+---++++", "...Faa..", 6),  # asked until it answers
        ("+---++-++", "...Faa.aa", 99),
        ("+---" + 33 * "+", "...F" + 31 * "a" + "..", 99),  # the line itself is down: its rounds will tell
    ],
)
def test_a_line_of_looks(looks: str, said: str, up: int) -> None:
    uplinks, state, found = Uplinks([CHECK]), State.UP, ""
    for place, sign in enumerate(looks):
        if place == up:
            state = State.UP
        failure, ask = uplinks.look(CHECK, None if sign == "+" else "no carrier", state, at(place / 2))
        found += "F" if failure else "a" if ask else "."
        if failure:
            state = State.DOWN
            assert (failure.outcome, failure.confirmed, failure.detail) == (Outcome.FAULT, True, "no carrier")
            assert (failure.target, failure.check) == ("wan", "icmp")
            assert failure.since == at(looks.index("---") / 2)
            assert failure.at == at(place / 2)
    assert found == said

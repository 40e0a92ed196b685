"""What a device's poll says about a circuit's end."""

from dataclasses import replace

import pytest

from agent.core.ends import end_observation, ends_by_device, find_interface
from agent.core.model import AdminStatus, Check, Interface, Observation, OperStatus, Outcome
from tests.core.estates import at, circuit, device, end, estate

CHECK = end("wan", "core", "Gi1")
GI1 = Interface(1, "Gi1", "GigabitEthernet1", AdminStatus.UP, OperStatus.UP, "WAN")
GI2 = Interface(2, "Gi2", "GigabitEthernet2", AdminStatus.UP, OperStatus.UP, "WAN")


def polled(*interfaces: Interface, outcome: Outcome = Outcome.OK, detail: str = "") -> Observation:
    return Observation("core", "snmp", at(0), outcome, detail, interfaces=interfaces)


@pytest.mark.parametrize(
    ("oper", "admin", "outcome", "detail"),
    [
        (OperStatus.UP, AdminStatus.UP, Outcome.OK, "Gi1 on core is up"),
        (OperStatus.UNKNOWN, AdminStatus.UP, Outcome.OK, "Gi1 on core is up"),
        (OperStatus.UP, None, Outcome.OK, "Gi1 on core is up"),
        (OperStatus.DOWN, AdminStatus.UP, Outcome.FAULT, "Gi1 on core is down"),
        (OperStatus.DOWN, AdminStatus.DOWN, Outcome.FAULT, "Gi1 on core is shut down (admin down)"),
        (OperStatus.LOWER_LAYER_DOWN, AdminStatus.UP, Outcome.FAULT, "Gi1 on core is lowerlayerdown"),
        (OperStatus.DORMANT, AdminStatus.UP, Outcome.FAULT, "Gi1 on core is dormant"),
        (None, AdminStatus.UP, Outcome.UNKNOWN, "core does not report its state: Gi1"),
    ],
)
def test_the_interface_speaks_for_its_circuit(
    oper: OperStatus | None, admin: AdminStatus | None, outcome: Outcome, detail: str
) -> None:
    seen = end_observation(CHECK, polled(replace(GI1, oper=oper, admin=admin)))
    assert (seen.target, seen.check) == ("wan", "end:core/Gi1")
    assert (seen.outcome, seen.detail) == (outcome, detail)
    assert seen.confirmed == (outcome in (Outcome.OK, Outcome.FAULT))


def test_a_device_that_cannot_be_asked_leaves_the_end_unknown() -> None:
    seen = end_observation(CHECK, polled(outcome=Outcome.NO_ANSWER, detail="no answer"))
    assert (seen.outcome, seen.detail) == (Outcome.UNKNOWN, "core could not be asked for Gi1: no answer")
    seen = end_observation(CHECK, polled(GI2))
    assert (seen.outcome, seen.detail) == (Outcome.UNKNOWN, "core does not report such an interface: Gi1")


def test_an_interface_that_a_poll_did_not_get_to_is_not_said_to_be_missing() -> None:
    cut = replace(polled(GI2, detail="1 of 1 interfaces up; incomplete: genErr"), complete=False, confirmed=True)
    seen = end_observation(CHECK, cut)
    assert (seen.outcome, seen.confirmed) == (Outcome.UNKNOWN, False)
    assert seen.detail == "core was not read as far as Gi1: 1 of 1 interfaces up; incomplete: genErr"
    stateless = replace(cut, interfaces=(replace(GI1, oper=None),))
    assert end_observation(CHECK, stateless).detail.startswith("core was not read as far as Gi1: ")
    assert end_observation(CHECK, replace(cut, interfaces=(GI1,))).outcome is Outcome.OK


def test_an_alias_decides_nothing_while_interfaces_are_missing() -> None:
    assert find_interface("WAN", (GI1,), complete=False) is None
    assert find_interface("Gi1", (GI1,), complete=False) is GI1
    assert find_interface("GigabitEthernet1", (GI1,), complete=False) is GI1


def test_an_interface_is_found_by_name_then_description_then_alias() -> None:
    assert find_interface("Gi2", (GI1, GI2)) is GI2
    assert find_interface("GigabitEthernet1", (GI1, GI2)) is GI1
    assert find_interface("WAN", (GI1, GI2)) is None
    assert find_interface("WAN", (GI1,)) is GI1


def test_ends_are_found_by_device() -> None:
    found = ends_by_device(estate(device("core"), circuit("wan", ends=[("core", "Gi1"), ("edge", "ge-0")])))
    assert {name: [check.name for check in checks] for name, checks in found.items()} == {
        "core": ["end:core/Gi1"],
        "edge": ["end:edge/ge-0"],
    }
    assert all(isinstance(check, Check) for checks in found.values() for check in checks)

"""A circuit's ends: what the poll of a device says about the circuits that are plugged into it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from agent.core.model import AdminStatus, Check, Estate, Interface, Observation, OperStatus, Outcome

# RFC 2863: `unknown` is what tunnels and software bridges report while they forward; it is no fault
CARRIES: Final = frozenset({OperStatus.UP, OperStatus.UNKNOWN})


def ends_by_device(estate: Estate) -> Mapping[str, tuple[Check, ...]]:
    """Return device -> the checks of circuits whose ends are its interfaces."""
    found: dict[str, list[Check]] = {}
    for check in estate.checks():
        if check.source is not None:
            found.setdefault(check.source[0], []).append(check)
    return {device: tuple(checks) for device, checks in found.items()}


def end_observation(check: Check, polled: Observation) -> Observation:
    """Return what the poll of a device says about one circuit's end.

    A device that says that an interface is down is believed at once: it is its own statement. A device that says
    nothing leaves the end unknown.
    """
    assert check.source is not None
    device, name = check.source
    end = replace(
        polled, target=check.target, check=check.name, series=None, facts=(), interfaces=(), values=(), since=None
    )
    if polled.outcome is not Outcome.OK:
        detail = f"{device} could not be asked for {name}: {polled.detail}"
        return replace(end, outcome=Outcome.UNKNOWN, detail=detail, confirmed=False, duration_seconds=None)
    interface = find_interface(name, polled.interfaces, complete=polled.complete)
    if interface is None or interface.oper is None:
        known = "its state" if interface else "such an interface"
        detail = f"{device} does not report {known}: {name}"
        if not polled.complete:
            detail = f"{device} was not read as far as {name}: {polled.detail}"
        return replace(end, outcome=Outcome.UNKNOWN, confirmed=False, detail=detail)
    if interface.admin is AdminStatus.DOWN:
        return replace(
            end, outcome=Outcome.FAULT, confirmed=True, detail=f"{name} on {device} is shut down (admin down)"
        )
    if interface.oper not in CARRIES:
        state = interface.oper.name.lower().replace("_", "")
        return replace(end, outcome=Outcome.FAULT, confirmed=True, detail=f"{name} on {device} is {state}")
    return replace(end, outcome=Outcome.OK, confirmed=True, detail=f"{name} on {device} is up")


def find_interface(name: str, interfaces: tuple[Interface, ...], *, complete: bool = True) -> Interface | None:
    """Return the interface whose ifName, ifDescr or ifAlias is `name`, in that order; None where there is none.

    Two interfaces of one alias are no answer: the first kind of name that exactly one interface bears decides. Where
    not all interfaces were read, an alias decides nothing: the other one that bears it may be missing.
    """
    kinds: list[list[str | None]] = [
        [interface.name for interface in interfaces],
        [interface.descr for interface in interfaces],
        [interface.alias for interface in interfaces],
    ]
    for names in kinds if complete else kinds[:2]:
        if names.count(name) == 1:
            return interfaces[names.index(name)]
    return None

"""Interfaces of this host that circuits are bound to: each is a part of its circuit, and its failure is no blindness.

Echoes that cannot leave are unknown, and tell so at the end of their round; what the kernel says of the interface is
known at once.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from agent.core.model import Check, Estate, Observation, Outcome, Role, State

CONFIRM_SECONDS: Final = 1.0  # the view of interfaces is renewed each second: a blip in one look is nothing yet
ASK_SECONDS: Final = 15.0  # a line comes back seconds after its carrier: ARP, spanning tree


def bound_circuits(estate: Estate) -> tuple[Check, ...]:
    """Return the checks of circuits whose echoes are bound to an interface of this host."""
    circuits = (target for target in estate.targets.values() if target.role is Role.CIRCUIT)
    return tuple(check for target in circuits for check in target.checks if getattr(check.settings, "interface", None))


def fault(seen: Observation, problem: str) -> Observation:
    """Return an observation as the failure of the circuit that its interface's problem is."""
    return replace(seen, outcome=Outcome.FAULT, confirmed=True, detail=problem)


class Uplinks:
    """What has been seen of these interfaces, look by look."""

    def __init__(self, checks: Iterable[Check]) -> None:
        """Watch the interfaces of these checks."""
        self.checks = tuple(checks)
        self._broken: dict[tuple[str, str], datetime] = {}
        self._mended: dict[tuple[str, str], datetime] = {}

    def look(self, check: Check, problem: str | None, state: State, now: datetime) -> tuple[Observation | None, bool]:
        """Take one look at a check's interface.

        Args:
            problem: what is wrong with the interface now, or None.
            state: what is believed of the check.

        Returns:
            The failure, once it is confirmed and news, or None; and whether to measure the check now, because its
            interface works again and it is still believed down.
        """
        key = (check.target, check.name)
        if problem is not None:
            self._mended.pop(key, None)
            began = self._broken.setdefault(key, now)
            if state is State.DOWN or now - began < timedelta(seconds=CONFIRM_SECONDS):
                return None, False
            return fault(Observation(*key, now, Outcome.UNKNOWN, since=began), problem), False
        if self._broken.pop(key, None) is not None:
            self._mended[key] = now
        mended = self._mended.get(key)
        if mended is None:
            return None, False
        if state is not State.DOWN or now - mended > timedelta(seconds=ASK_SECONDS):
            del self._mended[key]
            return None, False
        return None, True

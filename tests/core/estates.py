"""Small estates for tests of the pure core, and a hand that feeds them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from agent.core.assessor import Assessor
from agent.core.changes import Changes
from agent.core.model import (
    Against,
    Aspect,
    Check,
    CircuitFacts,
    Estate,
    Event,
    EventKind,
    Interface,
    Needs,
    Observation,
    Outcome,
    Role,
    Target,
    Trouble,
)

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def icmp(target: str, name: str = "icmp", *, decisive: bool = True) -> Check:
    return Check(target, name, "icmp", 10.0, decisive=decisive)


def snmp(target: str, *, decisive: bool = False) -> Check:
    return Check(target, "snmp", "snmp", 60.0, decisive=decisive)


def end(target: str, device: str, interface: str) -> Check:
    return Check(target, f"end:{device}/{interface}", "end", 60.0, source=(device, interface))


def circuit(
    name: str,
    *,
    group: str | None = None,
    ends: Sequence[tuple[str, str]] = (),
    echoes: bool = True,
    depends_on: Sequence[str] = (),
    between: tuple[str, str] = ("near", "far"),
) -> Target:
    checks = ([icmp(name)] if echoes else []) + [end(name, device, interface) for device, interface in ends]
    facts = CircuitFacts(supplier="ExampleTel", reference=f"ETH/{name}", between=between, group=group)
    return Target(
        name, Role.CIRCUIT, "circuit", name, checks=tuple(checks), circuit=facts, depends_on=tuple(depends_on)
    )


def group(name: str, *members: str) -> Target:
    return Target(name, Role.GROUP, "group", name, members=members)


def site(name: str, *members: str) -> Target:
    return Target(name, Role.SITE, "site", name, members=members)


def device(name: str, *depends_on: str, checks: Sequence[Check] | None = None, at_site: str | None = None) -> Target:
    own = (icmp(name),) if checks is None else tuple(checks)
    return Target(name, Role.DEVICE, "switch", name, site=at_site, depends_on=depends_on, checks=own)


def service(name: str, *depends_on: str, checks: Sequence[str] = (), needs: Needs = Needs.ALL) -> Target:
    own = tuple(icmp(name, check) for check in checks)
    return Target(name, Role.SERVICE, "service", name, depends_on=depends_on, checks=own, needs=needs)


def estate(*targets: Target, here: str | None = None) -> Estate:
    return Estate("dc1", {target.name: target for target in targets}, site=here)


@dataclass
class Hand:
    """Feeds an assessor second by second and keeps what it says."""

    assessor: Assessor
    now: float = 0.0
    events: list[Event] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def see(self, second: float, *seen: str) -> None:
        """Observe `name+` (answers), `name-` (confirmed silence), `name?` (cannot be measured); `name/check+` too.

        `name~` answers with more delay than usual, `name%` with more loss, `name=` with a worse voice.
        """
        self.now = second
        for text in seen:
            name, sign = text[:-1], text[-1]
            target, _, check = name.partition("/")
            outcome = {"-": Outcome.NO_ANSWER, "?": Outcome.UNKNOWN}.get(sign, Outcome.OK)
            worse = {"~": Aspect.DELAY, "%": Aspect.LOSS, "=": Aspect.VOICE}.get(sign)
            troubles = (Trouble(worse, Against.PAST, at(second), 2.0, 1.0, f"more {worse}"),) if worse else ()
            self.hear(
                Observation(
                    target, check or "icmp", at(second), outcome, f"{name} {sign}", confirmed=sign != "?",
                    troubles=troubles,
                )
            )  # fmt: skip

    def poll(self, second: float, name: str, *interfaces: Interface, outcome: Outcome = Outcome.OK) -> None:
        self.now = second
        self.hear(Observation(name, "snmp", at(second), outcome, "polled", interfaces=interfaces))

    def hear(self, observation: Observation) -> None:
        self.take(self.assessor.hear(observation, at(self.now)))

    def tick(self, second: float) -> None:
        self.now = second
        self.take(self.assessor.tick(at(second)))

    def take(self, changes: Changes) -> None:
        self.events += changes.events
        self.asked |= {target for target, _ in changes.ask}

    def state(self, name: str) -> str:
        verdict = self.assessor.verdicts[name]
        return verdict.state.value + (f" by {','.join(verdict.causes)}" if verdict.causes else "")

    def told(self, name: str) -> list[str]:
        """Return the states that TARGET events gave this target, in order."""
        return [e.new for e in self.events if e.kind is EventKind.TARGET and e.target == name]


def hand(*targets: Target, here: str | None = None) -> Hand:
    return Hand(Assessor(estate(*targets, here=here)))

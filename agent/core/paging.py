"""Which pages are due: the same alerts that deploy/prometheus/linewarden.rules.yml fires, worked out from the verdicts.

One failure is one page. What is unreachable pages nothing, for its cause does; a circuit of a group is not paged by
itself, for its group is. Maintenance keeps pages from being opened, and ends none: what failed before the window began
is paged until it recovers. Rules and this table are compared by a test against a real Prometheus. That an alert is held
while its target is unknown or the agent silent is no part of it: the rules do that, and `alerting` for what is pushed.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from agent.core.maintenance import Excuse
from agent.core.model import (
    Against,
    Aspect,
    Estate,
    HardwareFlag,
    Health,
    Mark,
    Page,
    Role,
    State,
    Target,
    Urgency,
    Verdict,
)
from agent.core.topology import follows, group_of
from agent.core.watch import Watched

# Every alert about the estate. With `alertmanagers:` configured the agent pushes these, and the rules that
# `linewarden deploy` writes leave them out; what only Prometheus can know (the agent is silent) stays with it.
ALERTS: Final = frozenset({
    "CircuitDown", "CircuitGroupDown", "RedundancyLost", "DeviceDown", "ServiceDown", "CheckDown", "TargetDegraded",
    "TargetFlapping", "InterfaceDown", "HardwareFlag",
})  # fmt: skip
RUNBOOK_BASE: Final = "https://linewarden.example/runbooks"  # a name that no host has (RFC 2606): yours goes there
CRITICAL: Final = "critical"
WARNING: Final = "warning"

_WORKS: Final = frozenset({State.UP, State.DEGRADED})
_FAILED: Final = frozenset({State.DOWN, State.UNREACHABLE})
_SEVERITY: Final = {Urgency.NOW: CRITICAL, Urgency.HOURS: WARNING}
_MEASURED: Final = (Role.CIRCUIT, Role.DEVICE, Role.SERVICE)
DEGRADED_SECONDS: Final = 120.0  # by then what it depends on has been measured as well, and may be the cause
_NAMED: Final = (Role.SITE, Role.SERVICE)  # what people call a loss
_UNDATED: Final = frozenset({"HardwareFlag", "TargetFlapping"})  # nobody knows when what they tell of began


@dataclass(frozen=True)
class _Situation:
    """What is known at one moment; what goes through the whole estate is worked out once, and only if it is asked."""

    estate: Estate
    verdicts: Mapping[str, Verdict]
    health: Mapping[tuple[str, str], Health]
    now: datetime
    excuses: Mapping[str, Excuse] = field(default_factory=dict)

    def verdict(self, name: str) -> Verdict:
        """Return what is believed of a target."""
        return self.verdicts.get(name, Verdict())

    @cached_property
    def by_cause(self) -> Mapping[str, list[str]]:
        """The targets that are unreachable because of each cause, by name."""
        found: dict[str, list[str]] = {}
        for name in sorted(self.estate.targets):
            verdict = self.verdict(name)
            for cause in verdict.causes if verdict.state is State.UNREACHABLE else ():
                found.setdefault(cause, []).append(name)
        return found

    @cached_property
    def losses(self) -> Mapping[str, tuple[str, ...]]:
        """The sites and services that are lost with each target."""
        return losses(self.estate)

    def worse(self, target: Target) -> list[str]:
        """Return in which ways a target is degraded: `more delay than usual`."""
        ways = {
            (one.aspect.value, one.against.value)
            for check in target.checks
            for one in self.health.get((target.name, check.name), Health()).troubles
        }
        return [
            f"{'worse' if aspect == Aspect.VOICE else 'more'} {aspect.replace('_', ' ')} than "
            f"{'usual' if against == Against.PAST else 'agreed'}"
            for aspect, against in sorted(ways)
        ]

    def consequences(self, cause: str) -> tuple[str, ...]:
        """Return the targets that are unreachable because of this one, by name."""
        return tuple(self.by_cause.get(cause, ()))

    def circuits(self, group: Target, wanted: frozenset[State] | None = None) -> list[Target]:
        """Return a group's circuits, by name; only those in one of these states, if given."""
        names = sorted(name for name in self.estate.targets if group_of(self.estate, name) == group.name)
        return [self.estate.targets[n] for n in names if wanted is None or self.verdict(n).state in wanted]


def pages(
    estate: Estate,
    verdicts: Mapping[str, Verdict],
    health: Mapping[tuple[str, str], Health],
    now: datetime,
    *,
    flags: Mapping[str, Iterable[HardwareFlag]] | None = None,
    interfaces: Mapping[str, Iterable[Watched]] | None = None,
    excuses: Mapping[str, Excuse] | None = None,
    earlier: Collection[Page] | None = (),
) -> tuple[Page, ...]:
    """Return the pages that are due, critical before warning, then oldest first.

    Args:
        verdicts: by target; one that is missing is unknown.
        health: by (target, check).
        now: stands for the beginning of what has none.
        flags: hardware flags by device; they are tickets as well, and have no known beginning.
        interfaces: the watched interfaces of each device.
        excuses: who is in maintenance, and since when; a page that was due before is kept.
        earlier: the pages of the last look; None in the first round after a start, which takes what has no known
            beginning to have begun before the window.
    """
    situation = _Situation(estate, verdicts, health, now, excuses or {})
    kept = None if earlier is None else {(page.alert, page.target) for page in earlier}
    found: list[Page] = []
    for target in estate.targets.values():
        if target.urgency is Urgency.NEVER:
            continue
        of_target = _of_state(situation, target)
        of_target += _of_degraded(situation, target)
        of_target += _of_marks(situation, target)
        of_target += _of_checks(situation, target, health)
        of_target += _of_hardware(situation, target, (flags or {}).get(target.name, ()))
        of_target += _of_interfaces(situation, target, (interfaces or {}).get(target.name, ()))
        if of_target and Mark.MAINTENANCE in situation.verdict(target.name).marks:
            alerts = {page.alert for page in of_target if _began_before(situation, target, page, kept)}
            of_target = [page for page in of_target if page.alert in alerts]
        found += of_target
    return tuple(sorted(found, key=lambda page: (page.severity != CRITICAL, page.since, page.alert, page.target)))


def _began_before(situation: _Situation, target: Target, page: Page, kept: Collection[tuple[str, str]] | None) -> bool:
    """Say whether a page of a target in maintenance was due before: before the window began, or was announced."""
    if kept is not None and (page.alert, page.target) in kept:
        return True
    if page.alert in _UNDATED:
        return kept is None
    excuses = situation.excuses
    excuse = excuses.get(target.name)
    if excuse is not None or target.role is not Role.GROUP:
        return excuse is not None and page.since < excuse.since
    began = [
        (situation.verdict(circuit.name).since or situation.now, excuses[circuit.name].since)
        for circuit in situation.circuits(target, _FAILED)
        if circuit.name in excuses
    ]
    if page.alert == "RedundancyLost":  # due as soon as a circuit fails that is in no window
        return any(since < excused for since, excused in began)
    return bool(began) and page.since < max(excused for _, excused in began)


def losses(estate: Estate) -> Mapping[str, tuple[str, ...]]:
    """Return the sites and services that are lost when a target fails, by name; a target that takes none has no entry.

    This is what the inventory says, and not what has been noticed so far: a page leaves within seconds, before a
    service that is polled once a minute has been missed.
    """
    lost: dict[str, list[str]] = {}
    for name in sorted(name for name, target in estate.targets.items() if target.role in _NAMED):
        for cause in _ancestors(estate, name):
            if _fails_with(estate, name, cause, {}):
                lost.setdefault(cause, []).append(name)
    return {cause: tuple(names) for cause, names in lost.items()}


def lost_with(estate: Estate, cause: str, names: Iterable[str]) -> frozenset[str]:
    """Return those of these targets that are lost when `cause` alone fails."""
    known: dict[str, bool] = {}
    return frozenset(name for name in names if _fails_with(estate, name, cause, known))


def _ancestors(estate: Estate, name: str) -> Iterable[str]:
    found: dict[str, None] = {}
    waiting = [name]
    while waiting:
        for above in follows(estate, waiting.pop()):
            if above not in found:
                found[above] = None
                waiting.append(above)
    return found


def _fails_with(estate: Estate, name: str, cause: str, known: dict[str, bool]) -> bool:
    """Say whether a target is lost when `cause` alone has failed; of members, one that is left is enough."""
    if name not in known:
        target = estate.targets[name]
        members = [member for member in target.members if member in estate.targets]
        above = [other for other in target.depends_on if other in estate.targets]
        known[name] = cause in (name, group_of(estate, name)) or (
            name != estate.site  # the agent is there
            and (
                (bool(members) and all(_fails_with(estate, member, cause, known) for member in members))
                or any(_fails_with(estate, other, cause, known) for other in above)
            )
        )
    return known[name]


def _of_state(situation: _Situation, target: Target) -> list[Page]:
    verdict = situation.verdict(target.name)
    if verdict.state is not State.DOWN or Mark.FLAPPING in verdict.marks:
        return []
    more: dict[str, str] = {}
    first = ""
    if target.role is Role.CIRCUIT and target.circuit is not None:
        facts = target.circuit
        if facts.group is not None:
            return []
        alert = "CircuitDown"
        site_a, site_b = facts.between
        more = {"supplier": facts.supplier, "reference": facts.reference, "site_a": site_a, "site_b": site_b}
        summary = f"Circuit {target.name} is down: {facts.supplier} {facts.reference}, {site_a} to {site_b}"
        first = f"Report it to {facts.supplier}, reference {facts.reference}. "
    elif target.role is Role.GROUP:
        alert = "CircuitGroupDown"
        summary = f"All circuits of {target.name} are down: {_listed(situation.circuits(target))}"
        first = "Report each to its supplier. "
    elif target.role is Role.DEVICE:
        alert = "DeviceDown"
        address = f" ({target.address})" if target.address else ""
        summary = f"{target.kind} {target.name}{address}{_at_site(target)} is down"
    elif target.role is Role.SERVICE:
        alert = "ServiceDown"
        title = f" ({target.title})" if target.title != target.name else ""
        summary = f"Service {target.name}{title}{_at_site(target)} is down"
    else:  # a site fails only as a consequence
        return []
    return [
        _page(
            alert,
            target,
            _SEVERITY[target.urgency],
            verdict.since or situation.now,
            summary,
            first + _lost(situation, target.name),
            more,
            situation.consequences(target.name),
        )
    ]


def _of_degraded(situation: _Situation, target: Target) -> list[Page]:
    """A ticket once it lasts, and nothing that the target depends on explains it."""
    verdict = situation.verdict(target.name)
    if target.role not in _MEASURED or Mark.FLAPPING in verdict.marks or not is_degraded_due(verdict, situation.now):
        return []
    worse = "; ".join(situation.worse(target))
    return [
        _page(
            "TargetDegraded",
            target,
            WARNING,
            verdict.since or situation.now,
            f"{target.kind} {target.name}{_at_site(target)} works worse than it should",
            f"It has {worse or 'troubles'}. Its figures, and what found them: linewarden explain {target.name}",
        )
    ]


def is_degraded_due(verdict: Verdict, now: datetime) -> bool:
    """Say whether a target has been degraded for long enough, by nothing that it depends on, to be told."""
    since = verdict.alone_since
    held = timedelta(seconds=DEGRADED_SECONDS)
    return verdict.state is State.DEGRADED and since is not None and now - since >= held


def next_degraded(verdicts: Iterable[Verdict], now: datetime) -> datetime | None:
    """Return when the next target will have been degraded for long enough; None where none is on its way."""
    held = timedelta(seconds=DEGRADED_SECONDS)
    moments = [one.alone_since + held for one in verdicts if one.state is State.DEGRADED and one.alone_since]
    return min((moment for moment in moments if moment > now), default=None)


def _of_marks(situation: _Situation, target: Target) -> list[Page]:
    verdict = situation.verdict(target.name)
    found = []
    if Mark.REDUNDANCY_LOST in verdict.marks and verdict.state is not State.DOWN:
        failed = situation.circuits(target, _FAILED)
        left = _listed(situation.circuits(target, _WORKS))
        moments = [since for circuit in failed if (since := situation.verdict(circuit.name).since)]
        found.append(
            _page(
                "RedundancyLost",
                target,
                WARNING,
                min(moments, default=situation.now),
                f"Redundancy of {target.name} is lost: {_listed(failed)} failed",
                f"Traffic runs on what is left: {left}. Report the failed circuit to its supplier: "
                "the next failure cuts the sites off.",
            )
        )
    if Mark.FLAPPING in verdict.marks and verdict.state is not State.UNREACHABLE:
        found.append(
            _page(
                "TargetFlapping",
                target,
                WARNING,
                verdict.since or situation.now,
                f"{target.kind} {target.name}{_at_site(target)} keeps going up and down",
                "It fails and recovers again and again: a loose cable, a failing optic or a supplier's unstable line.",
            )
        )
    return found


def _of_checks(situation: _Situation, target: Target, health: Mapping[tuple[str, str], Health]) -> list[Page]:
    if situation.verdict(target.name).state not in _WORKS:
        return []
    found = []
    for check in target.checks:
        belief = health.get((target.name, check.name), Health())
        if belief.state is State.DOWN:
            found.append(
                _page(
                    "CheckDown",
                    target,
                    WARNING,
                    belief.since or situation.now,
                    f"Check {check.name} of {target.kind} {target.name} fails, while the {target.kind} is up",
                    f"What {check.name} measures is missing until this is mended.",
                    {"check": check.name},
                )
            )
    return found


def _of_hardware(situation: _Situation, target: Target, flags: Iterable[HardwareFlag]) -> list[Page]:
    return [
        _page(
            "HardwareFlag",
            target,
            flag.severity,
            situation.now,
            f"{target.kind} {target.name}{_at_site(target)} wants attention: {flag.reason}",
            f"The fact behind it and its source: linewarden explain {target.name}",
            {"reason": flag.reason},
        )
        for flag in flags
        if flag.severity in (CRITICAL, WARNING)
    ]


def _of_interfaces(situation: _Situation, target: Target, watched: Iterable[Watched]) -> list[Page]:
    """An interface is a ticket while its device works, and while the device behind it has not failed itself."""
    if situation.verdict(target.name).state not in _WORKS:
        return []
    return [
        _page(
            "InterfaceDown",
            target,
            WARNING,
            one.since or situation.now,
            f"Interface {one.interface} of {target.kind} {target.name}{_at_site(target)} is down",
            "It is up by configuration, and carries nothing: its cable, its optic, or what is at the other end.",
            {"interface": one.interface},
        )
        for one in watched
        if one.alarms and situation.verdict(one.neighbour).state not in _FAILED
    ]


def _page(
    alert: str,
    target: Target,
    severity: str,
    since: datetime,
    summary: str,
    description: str,
    more: Mapping[str, str] | None = None,
    consequences: tuple[str, ...] = (),
) -> Page:
    labels = {
        "alertname": alert,
        "severity": severity,
        "target": target.name,
        "kind": target.kind,
        "site": target.site or "",
        "owner": ",".join(target.owners),
        **(more or {}),
    }
    kept = {name: value for name, value in labels.items() if value}  # Prometheus has no empty labels
    return Page(alert, target.name, severity, since, summary, description, kept, consequences)


def _listed(circuits: Iterable[Target]) -> str:
    return ", ".join(f"{c.name} ({c.circuit.supplier} {c.circuit.reference})" for c in circuits if c.circuit)


def _at_site(target: Target) -> str:
    return f" at {target.site}" if target.site else ""


def _lost(situation: _Situation, cause: str) -> str:
    lost = situation.losses.get(cause, ())
    if not lost:
        return "No site and no service is declared to depend on it."
    told = [situation.estate.targets[name] for name in lost]
    named = ", ".join(f"{t.role} {t.name}" + (f" ({','.join(t.owners)})" if t.owners else "") for t in told)
    return f"Lost with it: {named}."

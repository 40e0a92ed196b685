"""From settings to the estate that the agent watches: targets, their checks, what depends on what."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from agent.config.settings import Circuit, Contract, Counting, Device, Service, Settings, Site
from agent.config.settings_hardware import DAY_SECONDS, YEAR_SECONDS
from agent.core.contract import DEFAULT_RULES, Rules
from agent.core.hardware_policy import AGES_YEARS, LEADS_DAYS, HardwarePolicy
from agent.core.model import Check, CircuitFacts, Estate, Role, Target, Urgency

# without these a whole site is cut off or open to the world
_URGENT_KINDS: Final = frozenset({"router", "firewall"})


def build(settings: Settings, agent_name: str) -> Estate:
    """Return the estate of valid settings; no I/O."""
    sites = {site.name: site for site in settings.sites}
    implied = Implied(settings.agent.site, settings.circuits)
    rules = _rules(settings.contract, DEFAULT_RULES)
    devices = {device.name: device for device in settings.devices}
    targets: dict[str, Target] = {}
    for circuit in settings.circuits:
        targets[circuit.name] = _circuit(circuit, sites, devices, implied, rules)
    for name, members in _groups(settings.circuits).items():
        targets[name] = _group(name, members, sites)
    for site in settings.sites:
        targets[site.name] = _site(site, [targets[name] for name in implied.touching(site.name)], settings.agent.site)
    for device in settings.devices:
        targets[device.name] = _device(device, sites, implied)
    for service in settings.services:
        targets[service.name] = _service(service, sites, implied)
    return Estate(
        agent_name,
        targets,
        settings.agent.site,
        _policy(settings),
        flap_half_life_seconds=settings.agent.flap_half_life,
        rules=rules,
    )


def _policy(settings: Settings) -> HardwarePolicy:
    """Return when hardware is to be replaced; `ageing.policy` is what `hardware.ages` was called before."""
    written = settings.hardware
    ages = {**settings.ageing.policy, **written.ages}
    return HardwarePolicy(
        {**AGES_YEARS, **{_kind(kind): seconds / YEAR_SECONDS for kind, seconds in ages.items()}},
        {**LEADS_DAYS, **{_kind(kind): seconds / DAY_SECONDS for kind, seconds in written.lead.items()}},
        written.battery_age / YEAR_SECONDS,
        written.storage_lead / DAY_SECONDS,
    )


def _kind(written: str) -> str:
    return written.strip().lower()  # as it is looked up: registers write `Laptop`


class Implied:
    """What depends on what because of where the agent stands; without `agent.site` nothing does."""

    def __init__(self, home: str | None, circuits: Iterable[Circuit]) -> None:
        """Take where the agent stands and what joins the sites."""
        self._home = home
        self._touching: dict[str, list[Circuit]] = {}
        for circuit in circuits:
            for site in circuit.between:
                self._touching.setdefault(site, []).append(circuit)
        self._without: dict[str | None, set[str]] = {}

    def touching(self, site: str) -> list[str]:
        """Return the names of the circuits at a site."""
        return [circuit.name for circuit in self._touching.get(site, ())]

    def of_place(self, site: str | None) -> tuple[str, ...]:
        """Return what a device or service at `site` depends on where it names nothing."""
        return (site,) if site is not None and self._home is not None and site != self._home else ()

    def of_circuit(self, circuit: Circuit) -> tuple[str, ...]:
        """Return the site through which alone the agent can see a circuit between two other sites.

        The nearer one, if the farther cannot be reached without it; in a ring either end may carry the echoes, and
        nothing is implied.
        """
        if self._home is None or self._home in circuit.between:
            return ()
        reached = self._reached(None)
        for near, far in (circuit.between, circuit.between[::-1]):
            if near in reached and far in reached and far not in self._reached(near):
                return (near,)
        return ()

    def _reached(self, without: str | None) -> set[str]:
        """Return the sites that circuits join to the agent's, not counting paths through `without`."""
        if without in self._without:
            return self._without[without]
        assert self._home is not None
        found = {self._home}
        todo = [self._home]
        while todo:
            for circuit in self._touching.get(todo.pop(), ()):
                for site in circuit.between:
                    if site not in found and site != without:
                        found.add(site)
                        todo.append(site)
        self._without[without] = found
        return found


def _circuit(
    circuit: Circuit, sites: Mapping[str, Site], devices: Mapping[str, Device], implied: Implied, rules: Rules
) -> Target:
    checks = []
    if circuit.icmp is not None:
        checks.append(_check(circuit.name, "icmp", circuit.icmp))
    for end in circuit.ends:
        poll = devices[end.device].snmp
        name = f"end:{end.device}/{end.interface}"
        if all(check.name != name for check in checks):
            source = (end.device, end.interface)
            checks.append(Check(circuit.name, name, "end", _cadence(poll), source=source))
    return Target(
        name=circuit.name,
        role=Role.CIRCUIT,
        kind="circuit",
        title=circuit.title or circuit.name,
        owners=circuit.owner or _owners(sites, circuit.between),
        address=circuit.far_end,
        depends_on=circuit.depends_on or implied.of_circuit(circuit),
        checks=tuple(checks),
        urgency=circuit.page or Urgency.NOW,
        circuit=_facts(circuit, rules),
        renamed_from=circuit.renamed_from,
    )


def _facts(circuit: Circuit, rules: Rules) -> CircuitFacts:
    return CircuitFacts(
        supplier=circuit.supplier,
        reference=circuit.reference,
        between=circuit.between,
        group=circuit.group,
        role=circuit.role,
        capacity_bits_per_second=circuit.capacity,
        objective_availability_ratio=circuit.objective.availability,
        objective_rtt_seconds=circuit.objective.rtt,
        objective_loss_ratio=circuit.objective.loss,
        objective_pdv_seconds=circuit.objective.pdv,
        objective_mos=circuit.objective.mos,
        contract=_contract(circuit.contract),
        contract_ends=circuit.contract.ends,
        rules=_rules(circuit.contract, rules),
    )


def _rules(counting: Counting, default: Rules) -> Rules:
    """Return how a contract counts; what it leaves open is as in `default`."""
    written: dict[str, Any] = {
        "measured": counting.measured,
        "zone": counting.zone and (UTC if counting.zone == "UTC" else ZoneInfo(counting.zone)),
        "interval_seconds": counting.interval,
        "minimum_outage_seconds": counting.minimum_outage,
        "excludes": counting.excludes,
    }
    return replace(default, **{name: value for name, value in written.items() if value is not None})


def _contract(contract: Contract) -> str | None:
    """Return `GBP 1,200.00 per month, ends 2027-03-31`, or None where nothing is known."""
    parts = []
    if contract.cost is not None:
        amount = f"{contract.cost.quantize(Decimal('0.01')):,}"
        parts.append(" ".join(filter(None, (contract.currency, amount, f"per {contract.per}"))))
    if contract.ends is not None:
        parts.append(f"ends {contract.ends.isoformat()}")
    return ", ".join(parts) or None


def _groups(circuits: Iterable[Circuit]) -> dict[str, list[Circuit]]:
    groups: dict[str, list[Circuit]] = {}
    for circuit in circuits:
        if circuit.group is not None:
            groups.setdefault(circuit.group, []).append(circuit)
    return groups


def _group(name: str, members: list[Circuit], sites: Mapping[str, Site]) -> Target:
    between = list(dict.fromkeys(site for circuit in members for site in circuit.between))
    owned = [owner for circuit in members for owner in circuit.owner]
    return Target(
        name=name,
        role=Role.GROUP,
        kind="group",
        title=name,
        owners=tuple(dict.fromkeys(owned)) or _owners(sites, between),
        members=tuple(circuit.name for circuit in members),
        urgency=min((circuit.page or Urgency.NOW for circuit in members), key=list(Urgency).index),
    )


def _site(site: Site, touching: list[Target], home: str | None) -> Target:
    """A site hangs on the circuits that lead to it: not on those behind it, and the agent's own on none."""
    members = [] if site.name == home else [circuit.name for circuit in touching if site.name not in circuit.depends_on]
    return Target(
        name=site.name,
        role=Role.SITE,
        kind="site",
        title=site.title or site.name,
        site=site.name,
        owners=site.owner,
        depends_on=site.depends_on,
        members=tuple(members),
        urgency=site.page or Urgency.HOURS,
        renamed_from=site.renamed_from,
    )


def _device(device: Device, sites: Mapping[str, Site], implied: Implied) -> Target:
    blocks = [("icmp", device.icmp), ("snmp", device.snmp), ("host", device.host)]
    present = [(name, settings) for name, settings in blocks if settings is not None]
    checks = [
        _check(device.name, name, settings, decisive=place == 0) for place, (name, settings) in enumerate(present)
    ]
    return Target(
        name=device.name,
        role=Role.DEVICE,
        kind=device.kind,
        title=device.title or device.name,
        site=device.site,
        owners=device.owner or _owners(sites, [device.site]),
        address=device.address,
        depends_on=device.depends_on or implied.of_place(device.site),
        checks=tuple(checks),
        urgency=device.page or (Urgency.NOW if device.kind in _URGENT_KINDS else Urgency.HOURS),
        purchased=device.purchased,
        info={word: text for word in ("serial", "model", "asset") if (text := getattr(device, word)) is not None},
        watch=device.interfaces.watch,
        renamed_from=device.renamed_from,
    )


def _service(service: Service, sites: Mapping[str, Site], implied: Implied) -> Target:
    checks: dict[str, Check] = {}
    taken = {named.name for named in service.checks if named.name}
    for named in service.checks:
        name = named.name or _free(named.type, {*taken, *checks})
        checks[name] = _check(service.name, name, named.settings)
    return Target(
        name=service.name,
        role=Role.SERVICE,
        kind="service",
        title=service.title or service.name,
        site=service.site,
        owners=service.owner or _owners(sites, [service.site]),
        depends_on=service.depends_on or implied.of_place(service.site),
        checks=tuple(checks.values()),
        needs=service.needs,
        urgency=service.page or Urgency.NOW,
        renamed_from=service.renamed_from,
    )


def _free(word: str, taken: Iterable[str]) -> str:
    """Return `icmp`, or `icmp-2` and so on where that is taken."""
    numbers = {1 if name == word else int(name.rsplit("-", 1)[1]) for name in taken
               if name == word or re.fullmatch(re.escape(word) + r"-\d{1,9}", name)}  # fmt: skip
    number = next(number for number in range(1, len(numbers) + 2) if number not in numbers)
    return word if number == 1 else f"{word}-{number}"


def _check(target: str, name: str, settings: Any, *, decisive: bool = True) -> Check:  # noqa: ANN401 - a probe's own
    return Check(target, name, settings.type, _cadence(settings), settings, decisive)


def _cadence(settings: Any) -> float:  # noqa: ANN401 - a probe's own
    """Return how often a check is due: a probe that polls at two speeds is asked at the faster one."""
    return float(getattr(settings, "cadence", settings.interval))


def _owners(sites: Mapping[str, Site], names: Iterable[str | None]) -> tuple[str, ...]:
    found = [owner for name in names if name is not None and name in sites for owner in sites[name].owner]
    return tuple(dict.fromkeys(found))

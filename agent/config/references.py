"""What refers to what: every name that is used must exist, once, and nothing may depend on itself."""

import difflib
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from agent.config.document import Document
from agent.config.items import SECTIONS, Item
from agent.config.problems import Findings, Problem, did_you_mean
from agent.config.settings import Circuit, Device, Service, Settings, Site
from agent.core.units import Strict

# kinds that tables and pages know; another word is allowed, a near miss is most likely a slip
KINDS: Final = (
    "switch", "router", "firewall", "server", "hypervisor", "storage", "ups", "pdu", "sensor", "controller",
    "access_point", "bmc", "printer", "phone", "camera", "appliance", "loadbalancer", "desktop", "laptop",
)  # fmt: skip
_SAME_WORD: Final = 0.9  # one wrong letter in ten: `bcw-crown` and `enc-crown` are two groups


@dataclass(slots=True)
class Names:
    """Who is called what, with the place of each name. Things that are themselves in error count as known."""

    sites: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    devices: set[str] = field(default_factory=set)
    owners: set[str] = field(default_factory=set)
    all: dict[str, tuple[str, Document, int | None]] = field(default_factory=dict)  # name -> (what, where)


def register(documents: Iterable[Document], settings_owners: Iterable[str], findings: Findings) -> Names:
    """Collect the names of all files; a name that is taken is an error."""
    names = Names(owners=set(settings_owners))
    groups: dict[str, tuple[Document, int]] = {}
    for document in documents:
        for section in SECTIONS:
            entries = document.value.get(section)
            for number, entry in enumerate(entries if isinstance(entries, list) else []):
                if not isinstance(entry, dict):
                    continue
                if (name := _word(entry.get("name"))) is not None:
                    _add(names, name, section, document, number, findings)
                if section == "circuits" and (group := _word(entry.get("group"))) is not None:
                    groups.setdefault(group, (document, number))
    for group, (document, number) in groups.items():
        names.groups.add(group)
        if group in names.all:
            what, other, line = names.all[group]
            message = (
                f"{group!r} is the name of a {what} already ({other.file}:{line}); give the group a name of its own"
            )
            findings.errors.append(document.problem(("circuits", number, "group"), message))
        else:
            names.all[group] = "group", document, document.line(("circuits", number, "group"))
    return names


def _word(value: Any) -> str | None:  # noqa: ANN401 - unvalidated
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _add(names: Names, name: str, section: str, document: Document, number: int, findings: Findings) -> None:
    place = (section, number, "name")
    if name in names.all:
        what, other, line = names.all[name]
        message = f"the name {name!r} is taken by a {what} ({other.file}:{line}); names are unique together"
        findings.errors.append(document.problem(place, message))
        return
    names.all[name] = section.removesuffix("s"), document, document.line(place)
    if section == "sites":
        names.sites.add(name)
    elif section == "devices":
        names.devices.add(name)


@dataclass(frozen=True, slots=True)
class Things:
    """All valid things of all files."""

    sites: tuple[Item[Site], ...]
    circuits: tuple[Item[Circuit], ...]
    devices: tuple[Item[Device], ...]
    services: tuple[Item[Service], ...]

    def all(self) -> Iterator[Item[Any]]:
        """Yield each, in the order of the sections."""
        yield from self.sites
        yield from self.circuits
        yield from self.devices
        yield from self.services


def check(
    things: Things, main: Document, settings: Settings, names: Names, known_auths: Iterable[str], findings: Findings
) -> None:
    """Report every name that means nothing."""
    auths = {*known_auths, *_keys(main.value, "snmp", "auths")}
    errors, warnings = findings.errors, findings.warnings
    for item in things.all():
        errors.extend(_common(item, names))
    for circuit in things.circuits:
        errors.extend(_circuit(circuit, things, names))
    for device in things.devices:
        errors.extend(_auth(device, device.value.snmp, auths, "snmp"))
        warnings.extend(_device_warnings(device))
    for service in things.services:
        for number, named in enumerate(service.value.checks):
            errors.extend(_auth(service, named.settings, auths, "checks", number))
    errors.extend(_hosts(things))
    warnings.extend(_lonely(things))
    errors.extend(_main(main, settings, names, auths))


def _keys(value: Mapping[str, Any], *path: str) -> set[str]:
    below: Any = value
    for part in path:
        below = below.get(part) if isinstance(below, dict) else None
    return set(below) if isinstance(below, dict) else set()


def _common(item: Item[Any], names: Names) -> Iterator[Problem]:
    thing = item.value
    for word, known, what in (("owner", names.owners, "owner"), ("depends_on", names.all, "thing")):
        for number, name in enumerate(getattr(thing, word)):
            place = (word, number) if item.document.has((*item.place, word, number)) else (word,)
            if word == "depends_on" and name == thing.name:
                yield item.problem(f"{name!r} cannot depend on itself", *place)
            elif name not in known:
                listing = "`owners` lists" if word == "owner" else "there are"
                hint = did_you_mean(name, known, listing=listing)
                kinds = "" if word == "owner" else " (circuit, group, site, device or service)"
                yield item.problem(f"there is no {what} {name!r}{kinds}{hint}", *place)
    site = getattr(thing, "site", None)
    if site is not None and site not in names.sites:
        yield item.problem(f"there is no site {site!r}{did_you_mean(site, names.sites, listing='sites')}", "site")
    if thing.renamed_from is not None and thing.renamed_from in names.all:
        what = names.all[thing.renamed_from][0]
        yield item.problem(f"{thing.renamed_from!r} is the name of a {what} that still exists", "renamed_from")


def _circuit(item: Item[Circuit], things: Things, names: Names) -> Iterator[Problem]:
    for number, site in enumerate(item.value.between):
        if site not in names.sites:
            hint = did_you_mean(site, names.sites, listing="sites")
            yield item.problem(f"there is no site {site!r}{hint}", "between", number)
    polled = {device.value.name for device in things.devices if device.value.snmp is not None}
    valid = {device.value.name for device in things.devices}
    for number, end in enumerate(item.value.ends):
        place = ("ends", number, "device")
        if end.device not in names.devices:
            hint = did_you_mean(end.device, names.devices, listing="devices")
            yield item.problem(f"there is no device {end.device!r}{hint}", *place)
        elif end.device in valid and end.device not in polled:
            yield item.problem(f"{end.device!r} has no `snmp`: the state of its interface cannot be read", *place)


def _auth(item: Item[Any], settings: Strict | None, auths: set[str], *below: str | int) -> Iterator[Problem]:
    name = getattr(settings, "auth", None)
    if isinstance(name, str) and name not in auths:
        hint = did_you_mean(name, auths, listing="`snmp.auths` holds")
        yield item.problem(f"there is no auth {name!r}{hint}", *below, "auth")


def _hosts(things: Things) -> Iterator[Problem]:
    own = [device for device in things.devices if device.value.host is not None]
    for device in own[1:]:
        yield device.problem(f"the agent runs on one host, and that is {own[0].value.name!r} already", "host")


def _device_warnings(item: Item[Device]) -> Iterator[Problem]:
    device = item.value
    if device.icmp is None and device.snmp is None and device.host is None:
        advice = "; `icmp: {}` pings it" if device.address else ""
        yield item.problem(f"nothing of {device.name!r} is measured{advice}")
    if device.kind not in KINDS:
        hint = did_you_mean(device.kind, KINDS)
        if "did you mean" in hint:
            yield item.problem(f"{device.kind!r} is no usual kind{hint}", "kind")


def _lonely(things: Things) -> Iterator[Problem]:
    """A group of one circuit beside another of almost the same name is most likely a slip."""
    members: dict[str, list[Item[Circuit]]] = {}
    for circuit in things.circuits:
        if circuit.value.group is not None:
            members.setdefault(circuit.value.group, []).append(circuit)
    for group, circuits in members.items():
        others = [name for name in members if name != group]
        near = difflib.get_close_matches(group, others, n=1, cutoff=_SAME_WORD) if len(circuits) == 1 else []
        if near:
            message = f"the group {group!r} has this circuit only; did you mean {near[0]!r}?"
            yield circuits[0].problem(message, "group")


def _main(main: Document, settings: Settings, names: Names, auths: set[str]) -> Iterator[Problem]:
    site = settings.agent.site
    if site is not None and site not in names.sites:
        hint = did_you_mean(site, names.sites, listing="sites")
        yield main.problem(("agent", "site"), f"there is no site {site!r}{hint}")
    for number, name in enumerate(settings.multitarget.auths):
        if name not in auths:
            hint = did_you_mean(name, auths, listing="`snmp.auths` holds")
            yield main.problem(("multitarget", "auths", number), f"there is no auth {name!r}{hint}")
    for number, network in enumerate(settings.multitarget.allow):
        try:
            ipaddress.ip_network(network, strict=True)
        except ValueError as error:
            message = f"expected a network such as 10.0.0.0/8: {error}"
            yield main.problem(("multitarget", "allow", number), message)

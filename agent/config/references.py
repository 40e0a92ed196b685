"""What refers to what: every name that is used must exist, once, and nothing may depend on itself."""

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from agent.config.document import Document
from agent.config.items import Item
from agent.config.problems import Findings, Problem, did_you_mean
from agent.config.settings import Circuit, Device, Service, Settings, Site
from agent.core.permission import read_allowed
from agent.core.units import Strict

# kinds that tables and pages know; another word is allowed, a near miss is most likely a slip
KINDS: Final = (
    "switch", "router", "firewall", "server", "hypervisor", "storage", "ups", "pdu", "sensor", "controller",
    "access_point", "bmc", "printer", "phone", "camera", "appliance", "loadbalancer", "desktop", "laptop",
)  # fmt: skip
_FEW: Final = 200
_MAX_SEARCHES: Final = 100  # looking for a likely word among 5,000 takes some 10 ms
_SAME_WORD: Final = 0.9  # one wrong letter in ten: `bcw-crown` and `enc-crown` are two groups


@dataclass(slots=True)
class Names:
    """Who is called what, with the place of each name. Things that are themselves in error count as known."""

    sites: set[str] = field(default_factory=set)
    devices: set[str] = field(default_factory=set)
    owners: set[str] = field(default_factory=set)
    all: dict[str, tuple[str, Document, int | None]] = field(default_factory=dict)  # name -> (what, where)
    searches: int = _MAX_SEARCHES

    def hint(self, word: str, known: Collection[str], listing: str) -> str:
        """Return the likely word; where thousands are wrong among thousands, for the first of them only."""
        if len(known) > _FEW:
            self.searches -= 1
            if self.searches < 0:
                return ""
        return did_you_mean(word, known, listing=listing)


def register(written: Iterable[Item[dict[str, Any]]], owners: Iterable[str], findings: Findings) -> Names:
    """Collect the names of all files; a name that is taken is an error."""
    names = Names(owners=set(owners))
    groups: dict[str, Item[dict[str, Any]]] = {}
    for item in written:
        if (name := _word(item.value.get("name"))) is not None:
            _add(names, name, item, findings)
        if item.place[0] == "circuits" and (group := _word(item.value.get("group"))) is not None:
            groups.setdefault(group, item)
    for group, item in groups.items():
        if group in names.all:
            what, other, line = names.all[group]
            message = f"{group!r} is the name of a {what} already ({other.file}:{line}); give the group another"
            findings.errors.append(item.problem(message, "group"))
        else:
            names.all[group] = "group", item.document, item.document.line((*item.place, "group"))
    return names


def _word(value: Any) -> str | None:  # noqa: ANN401 - unvalidated
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _add(names: Names, name: str, item: Item[dict[str, Any]], findings: Findings) -> None:
    section = str(item.place[0])
    if name in names.all:
        what, other, line = names.all[name]
        message = f"the name {name!r} is taken by a {what} ({other.file}:{line}); names are unique together"
        findings.errors.append(item.problem(message, "name"))
        return
    names.all[name] = section.removesuffix("s"), item.document, item.document.line((*item.place, "name"))
    if section == "sites":
        names.sites.add(name)
    elif section == "devices":
        names.devices.add(name)


@dataclass(frozen=True, slots=True)
class Things:
    """All things of all files that are valid in themselves, and all that are written."""

    sites: tuple[Item[Site], ...]
    circuits: tuple[Item[Circuit], ...]
    devices: tuple[Item[Device], ...]
    services: tuple[Item[Service], ...]
    written: tuple[Item[dict[str, Any]], ...]

    def all(self) -> Iterator[Item[Any]]:
        """Yield each valid one, in the order of the sections."""
        yield from self.sites
        yield from self.circuits
        yield from self.devices
        yield from self.services


@dataclass(frozen=True, slots=True)
class Known:
    """What may be referred to."""

    names: Names
    auths: frozenset[str]
    modules: frozenset[str]


def check(things: Things, main: Document, settings: Settings, known: Known, findings: Findings) -> None:
    """Report every name that means nothing, also in things that are in error otherwise."""
    auths = known.auths | _keys(main.value, "snmp", "auths")
    errors, warnings = findings.errors, findings.warnings
    polled = {_word(item.value.get("name")) for item in things.written if "snmp" in item.value}
    for entry in things.written:
        errors.extend(_common(entry, known.names))
        if entry.place[0] == "circuits":
            errors.extend(_circuit(entry, polled, known.names))
    for device in things.devices:
        errors.extend(_snmp(device, device.value.snmp, auths, known.modules, "snmp"))
        warnings.extend(_device_warnings(device))
    for service in things.services:
        for number, named in enumerate(service.value.checks):
            errors.extend(_snmp(service, named.settings, auths, known.modules, "checks", number))
    errors.extend(_hosts(things))
    warnings.extend(_lonely(things))
    warnings.extend(_same_far_end(things))
    warnings.extend(_policy_kinds(main, settings, {device.value.kind for device in things.devices}))
    errors.extend(_main(main, settings, known.names, auths))


def _keys(value: Mapping[str, Any], *path: str) -> frozenset[str]:
    below: Any = value
    for part in path:
        below = below.get(part) if isinstance(below, dict) else None
    return frozenset(below) if isinstance(below, dict) else frozenset()


def _words(value: Any) -> Iterator[tuple[tuple[int, ...], str]]:  # noqa: ANN401 - unvalidated
    """Yield (place below, word) for a list of words, or one word that stands for a list of one."""
    if isinstance(value, list):
        yield from (((number,), word) for number, part in enumerate(value) if (word := _word(part)) is not None)
    elif (word := _word(value)) is not None:
        yield (), word


def _common(item: Item[dict[str, Any]], names: Names) -> Iterator[Problem]:
    own = _word(item.value.get("name"))
    for place, owner in _words(item.value.get("owner")):
        if owner not in names.owners:
            hint = names.hint(owner, names.owners, listing="`owners` lists")
            yield item.problem(f"there is no owner {owner!r}{hint}", "owner", *place)
    for place, name in _words(item.value.get("depends_on")):
        if name == own:
            yield item.problem(f"{name!r} cannot depend on itself", "depends_on", *place)
        elif name not in names.all:
            hint = names.hint(name, names.all, listing="there are")
            message = f"there is no circuit, group, site, device or service {name!r}{hint}"
            yield item.problem(message, "depends_on", *place)
    site = _word(item.value.get("site"))
    if site is not None and site not in names.sites:
        yield item.problem(f"there is no site {site!r}{names.hint(site, names.sites, listing='sites')}", "site")
    former = _word(item.value.get("renamed_from"))
    if former is not None and former in names.all:
        what = names.all[former][0]
        yield item.problem(f"{former!r} is the name of a {what} that still exists", "renamed_from")


def _circuit(item: Item[dict[str, Any]], polled: set[str | None], names: Names) -> Iterator[Problem]:
    for place, site in _words(item.value.get("between")):
        if site not in names.sites:
            hint = names.hint(site, names.sites, listing="sites")
            yield item.problem(f"there is no site {site!r}{hint}", "between", *place)
    ends = item.value.get("ends")
    for number, end in enumerate(ends if isinstance(ends, list) else ()):
        device = _word(end.get("device")) if isinstance(end, dict) else None
        if device is None:
            continue
        if device not in names.devices:
            hint = names.hint(device, names.devices, listing="devices")
            yield item.problem(f"there is no device {device!r}{hint}", "ends", number, "device")
        elif device not in polled:
            message = f"{device!r} has no `snmp`: the state of its interface cannot be read"
            yield item.problem(message, "ends", number, "device")


def _snmp(
    item: Item[Any], settings: Strict | None, auths: frozenset[str], modules: frozenset[str], *below: str | int
) -> Iterator[Problem]:
    """Check the names in any probe's settings that has an `auth` or `modules`."""
    name = getattr(settings, "auth", None)
    if isinstance(name, str) and name not in auths:
        hint = did_you_mean(name, auths, listing="`snmp.auths` holds")
        yield item.problem(f"there is no auth {name!r}{hint}", *below, "auth")
    wanted = getattr(settings, "modules", None)
    for number, module in enumerate(wanted if isinstance(wanted, tuple | list) else ()):
        if modules and module not in modules:
            hint = did_you_mean(module, modules, listing="there are")
            yield item.problem(f"there is no module {module!r}{hint}", *below, "modules", number)


def _hosts(things: Things) -> Iterator[Problem]:
    own = [device for device in things.devices if device.value.host is not None]
    for device in own[1:]:
        yield device.problem(f"the agent runs on one host, and that is {own[0].value.name!r} already", "host")


def _device_warnings(item: Item[Device]) -> Iterator[Problem]:
    device = item.value
    if device.icmp is None and device.snmp is None and device.host is None:
        advice = "; `icmp: {}` pings it" if device.address else ""
        yield item.problem(f"nothing of {device.name!r} is measured{advice}")
    if (unusual := _unusual(device.kind)) is not None:
        yield item.problem(unusual, "kind")


def _unusual(kind: str) -> str | None:
    """Return what is said of a kind that is most likely another one."""
    hint = did_you_mean(kind, KINDS) if kind not in KINDS else ""
    return f"{kind!r} is no usual kind{hint}" if "did you mean" in hint else None


def _policy_kinds(main: Document, settings: Settings, used: Collection[str]) -> Iterator[Problem]:
    """Warn of ages for a kind that is most likely another one: they would count for nothing."""
    for key in ("ages", "lead"):
        for kind in getattr(settings.hardware, key):
            if kind not in used and (unusual := _unusual(kind.strip().lower())) is not None:
                yield main.problem(("hardware", key, kind), unusual, key=True)


def _same_far_end(things: Things) -> Iterator[Problem]:
    """Two circuits that ask one address over one path cannot be told apart: the backup answers for the primary."""
    asked: dict[tuple[str, str | None], str] = {}
    for circuit in things.circuits:
        address = getattr(circuit.value.icmp, "address", None)
        if address is None:
            continue
        path = (address, getattr(circuit.value.icmp, "interface", None))
        first = asked.setdefault(path, circuit.value.name)
        if first != circuit.value.name:
            message = (
                f"{address} is asked for {first!r} already: each circuit needs an address of its own at its far end,"
                " or `icmp: {interface: NAME}` that binds the echoes to it"
            )
            yield circuit.problem(message, "far_end")


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


def _main(main: Document, settings: Settings, names: Names, auths: frozenset[str]) -> Iterator[Problem]:
    site = settings.agent.site
    if site is not None and site not in names.sites:
        hint = did_you_mean(site, names.sites, listing="sites")
        yield main.problem(("agent", "site"), f"there is no site {site!r}{hint}")
    for number, name in enumerate(settings.multitarget.auths):
        if name not in auths:
            hint = did_you_mean(name, auths, listing="`snmp.auths` holds")
            yield main.problem(("multitarget", "auths", number), f"there is no auth {name!r}{hint}")
    for number, entry in enumerate(settings.multitarget.allow):
        try:
            read_allowed(entry)
        except ValueError as error:
            yield main.problem(("multitarget", "allow", number), str(error))

"""The asset register against the network: where they say different things, and what is in one and not in the other."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import Final

from agent.core.age import made_on
from agent.core.hardware import Hardware
from agent.core.model import AssetRow, Estate, Role, Target
from agent.core.registerfields import same_model, same_system, same_vendor
from agent.core.registerjoin import Joined, join, part_serials, row_serial, rows_of, stated_serial
from agent.core.serials import is_rounded, normal
from agent.core.unpolled import SupportOf, Unpolled, is_unpolled, unpolled_of

_CONFIGURED: Final = "configuration"
_EARLY: Final = timedelta(days=31)  # a date code names a week or a month, and things are ordered before they are made


class Kind(StrEnum):
    """What does not agree."""

    DIFFERS = "differs"  # the register says A and the device, or the configuration, B
    NOT_ON_NETWORK = "not_on_network"  # in the register, and nothing of the estate
    NOT_IN_REGISTER = "not_in_register"  # on the network, and in no register
    DUPLICATE_SERIAL = "duplicate_serial"  # two rows of the register have it


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that the register and the estate do not agree on.

    Attributes:
        name: of the device; what the register calls it where there is none.
        sentence: for a person, with names, values and sources.
        field: serial, vendor, model, operating_system, purchased, address, site, owner; None where it is about a row.
        register, device: what each says; None where it says nothing.
        register_source: `FILE:LINE`.
        device_source: the object it was read from, or `configuration`.
    """

    kind: Kind
    name: str
    sentence: str
    field: str | None = None
    register: str | None = None
    register_source: str | None = None
    device: str | None = None
    device_source: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What comes of comparing.

    Attributes:
        rows: of all registers; 0: there is none.
        devices: of the estate; `seen` of them said something of their hardware.
        joined: devices that have a row.
        mismatches: by kind, then in the order of the estate and the register.
        unpolled: desktops, laptops and the like that nobody polls: no mismatch.
    """

    rows: int
    devices: int
    seen: int
    joined: int
    mismatches: tuple[Mismatch, ...] = ()
    unpolled: tuple[Unpolled, ...] = ()


@dataclass(frozen=True, slots=True)
class Disagreement:
    """How often the register and the network do not agree.

    Attributes:
        rows: of all registers.
        differs: devices of which a row says something else than they do, or than is configured.
        not_on_network: rows; not_in_register: devices.
        duplicate_serial: serial numbers that stand in several rows.
    """

    rows: int
    differs: int = 0
    not_on_network: int = 0
    not_in_register: int = 0
    duplicate_serial: int = 0

    @property
    def total(self) -> int:
        """Return how many rows, devices and serial numbers are to be looked at."""
        return self.differs + self.not_on_network + self.not_in_register + self.duplicate_serial


def disagreement(found: Report) -> Disagreement | None:
    """Count what does not agree; None where there is no register. Of a device three wrong fields are one."""
    if not found.rows:
        return None
    unlike = {(one.kind, one.name, None if one.kind is Kind.DIFFERS else one.sentence) for one in found.mismatches}
    counts = Counter(kind.value for kind, _, _ in unlike)
    return Disagreement(found.rows, *(counts[kind.value] for kind in Kind))


def report(
    estate: Estate, hardware: Mapping[str, Hardware], today: date, support_of: SupportOf | None = None
) -> Report:
    """Compare the asset registers with the estate and with what its devices say.

    Args:
        hardware: by device, of those that said something.
        support_of: finds the support dates of an operating system.
    """
    devices = [target for target in estate.targets.values() if target.role is Role.DEVICE]
    joined = join(estate, hardware)
    rows = rows_of(estate)
    found = [] if not rows else [
        *_differing(estate, devices, joined, hardware, today),
        *_not_on_network(estate, joined, hardware),
        *_not_in_register(devices, joined, hardware),
        *_duplicates(rows),
    ]  # fmt: skip
    unpolled = tuple(unpolled_of(row, today, support_of) for row in joined.left if is_unpolled(row))
    seen = sum(target.name in hardware for target in devices)
    return Report(len(rows), len(devices), seen, len(joined.rows), tuple(found), unpolled)


# ------------------------------------------------------------------ the register says A and the device B


def _differing(
    estate: Estate, devices: list[Target], joined: Joined, hardware: Mapping[str, Hardware], today: date
) -> Iterator[Mismatch]:
    words = _known_words(estate)
    for target in devices:
        row = joined.rows.get(target.name)
        if row is None:
            continue
        if (seen := hardware.get(target.name)) is not None:
            yield from _by_device(target.name, row, seen, today)
        yield from _by_configuration(target, row, words)


def _by_device(name: str, row: AssetRow, seen: Hardware, today: date) -> Iterator[Mismatch]:
    said = row.columns
    serial, stated = said.get("serial", ""), seen.fact("serial")
    known = {stated_serial(seen), *part_serials(seen)} - {""}
    if stated is not None and known and normal(serial) not in {"", *known}:
        yield _differs(name, row, "serial", serial, str(stated.value), stated.source)
    elif stated is not None and is_rounded(serial):
        hint = "; a spreadsheet took it for a number: format that column as text"
        yield _differs(name, row, "serial", serial, str(stated.value), stated.source, hint)
    for field_name, same in (("vendor", same_vendor), ("model", same_model)):
        fact, ours = seen.fact(field_name), said.get(field_name)
        others = [entity.model for entity in seen.entities if entity.model] if field_name == "model" else []
        if ours and fact is not None and not any(same(ours, theirs) for theirs in (str(fact.value), *others)):
            yield _differs(name, row, field_name, ours, str(fact.value), fact.source)
    yield from _system_differs(name, row, seen)
    if row.purchased is not None and (made := made_on(seen, today)) is not None:
        day, fact = made
        if row.purchased + _EARLY < day:
            hint = ": it was made after it was bought, so that is another piece, or a wrong day"
            yield _differs(name, row, "purchased", row.purchased.isoformat(), f"made {day}", fact.source, hint)


def _system_differs(name: str, row: AssetRow, seen: Hardware) -> Iterator[Mismatch]:
    ours = row.columns.get("operating_system")
    fact = seen.fact("operating_system") or seen.fact("software")
    if not ours or fact is None:
        return
    version = seen.fact("software_version")
    theirs = str(fact.value)
    if version is not None and str(version.value) not in theirs:
        theirs = f"{theirs} {version.value}"
    if not same_system(ours, theirs):
        yield _differs(name, row, "operating_system", ours, theirs, fact.source)


def _by_configuration(target: Target, row: AssetRow, words: Mapping[str, Mapping[str, str]]) -> Iterator[Mismatch]:
    """Compare with what is configured. Places and owners are free text: only what names another one contradicts."""
    address = row.columns.get("address")
    if address and target.address and _other_address(address, target.address):
        yield _differs(target.name, row, "address", address, target.address, _CONFIGURED)
    for field_name, configured in (("site", (target.site,) if target.site else ()), ("owner", target.owners)):
        ours = row.columns.get(field_name, "")
        meant = words[field_name].get(ours.lower())
        if meant is not None and configured and meant not in configured:
            yield _differs(target.name, row, field_name, ours, ", ".join(configured), _CONFIGURED)
    if row.purchased and target.purchased and row.purchased != target.purchased and row is target.register:
        bought = row.purchased.isoformat()
        yield _differs(target.name, row, "purchased", bought, target.purchased.isoformat(), _CONFIGURED)


def _known_words(estate: Estate) -> dict[str, dict[str, str]]:
    """Return, for site and owner, the name that is meant by each word in small letters."""
    sites: dict[str, str] = {}
    owners: dict[str, str] = {}
    for target in estate.targets.values():
        owners.update({owner.lower(): owner for owner in target.owners})
        if target.role is Role.SITE:
            sites.update({target.name.lower(): target.name, target.title.lower(): target.name})
    return {"site": sites, "owner": owners}


def _other_address(ours: str, theirs: str) -> bool:
    """Say whether two addresses are two; of names nobody can say."""
    try:
        return ip_address(ours) != ip_address(theirs)
    except ValueError:
        return False


def _differs(
    name: str, row: AssetRow, field_name: str, ours: str, theirs: str, source: str, hint: str = ""
) -> Mismatch:
    word = field_name.replace("_", " ").replace("serial", "serial number")
    who = "the configuration" if source == _CONFIGURED else f"the device ({source})"
    sentence = f"{name}: {word}: the register ({row.source}) says {ours}, {who} says {theirs}{hint}"
    return Mismatch(Kind.DIFFERS, name, sentence, field_name, ours, row.source, theirs, source)


# ------------------------------------------------------------------ in one and not in the other


def _not_on_network(estate: Estate, joined: Joined, hardware: Mapping[str, Hardware]) -> Iterator[Mismatch]:
    names = {target.name.lower(): target.name for target in estate.targets.values() if target.role is Role.DEVICE}
    by_row = {target.register.source: target.name for target in estate.targets.values() if target.register is not None}
    for row in joined.left:
        if is_unpolled(row):
            continue
        name = names.get(row.name.lower(), by_row.get(row.source))
        why = "no device of the estate has its name, serial number or address"
        if name is not None:
            fact = hardware[name].fact("serial") if name in hardware else None
            present = f", which says that its serial number is {fact.value}" if fact is not None else ""
            why = f"its name or address is that of {name}{present}; a piece that was replaced, or one that is not seen"
        serial = row.columns.get("serial")
        shown = _described(row)
        sentence = f"{row.name}{shown}: in the register ({row.source}), but not on the network: {why}"
        yield Mismatch(Kind.NOT_ON_NETWORK, row.name, sentence, None, serial, row.source)


def _described(row: AssetRow) -> str:
    words = [row.columns[key] for key in ("kind", "vendor", "model") if key in row.columns]
    words += [f"serial number {row.columns['serial']}"] if "serial" in row.columns else []
    return f" ({', '.join(words)})" if words else ""


def _not_in_register(devices: list[Target], joined: Joined, hardware: Mapping[str, Hardware]) -> Iterator[Mismatch]:
    for target in devices:
        if target.name in joined.rows or target.name in joined.parts:
            continue
        seen = hardware.get(target.name)
        words = ("vendor", "model", "serial") if seen is not None else ()
        facts = [fact for word in words if seen is not None and (fact := seen.fact(word)) is not None]
        said = "; it says " + ", ".join(f"{fact.name} {fact.value}" for fact in facts) if facts else ""
        if not stated_serial(seen):
            said += "; it has not told its serial number, by which a row might be found"
        serial = next((fact for fact in facts if fact.name == "serial"), None)
        sentence = f"{target.name} ({target.kind}): on the network, but in no register{said}"
        device, source = (str(serial.value), serial.source) if serial is not None else (None, None)
        yield Mismatch(Kind.NOT_IN_REGISTER, target.name, sentence, device=device, device_source=source)


def _duplicates(rows: Iterable[AssetRow]) -> Iterator[Mismatch]:
    by_serial: dict[str, list[AssetRow]] = {}
    for row in rows:
        if serial := row_serial(row):
            by_serial.setdefault(serial, []).append(row)
    for same in by_serial.values():
        if len(same) > 1:
            serial = same[0].columns["serial"]
            places = " and ".join(f"{row.source} ({row.name})" for row in same)
            sources = ", ".join(row.source for row in same)
            sentence = f"serial number {serial} stands {len(same)} times in the register: {places}"
            yield Mismatch(Kind.DUPLICATE_SERIAL, same[0].name, sentence, "serial", serial, sources)

"""From what a device says to facts, by the rules: the closest rule first, each fact once. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from agent.core.hardware import Entity, PhysicalClass
from agent.core.model import Confidence, Fact
from probes.snmp.ber import VarBind
from probes.snmp.enterprises import registered
from probes.snmp.identity import printable
from probes.snmp.identityrules import DATES, FACTS, KINDS, Matched, Read, Rules, Saying
from probes.snmp.identitytables import software, twin, whole
from probes.snmp.identitywords import day, octets_day, sound
from probes.snmp.nexts import Wanted
from probes.snmp.oid import MAX_SUBIDENTIFIERS, decode_oid, encode_index, encode_oid, encode_parts, oid_text

SYS_DESCR: Final = Wanted(encode_oid("1.3.6.1.2.1.1.1.0"))
SYS_OBJECT_ID: Final = Wanted(encode_oid("1.3.6.1.2.1.1.2.0"))
SYS_UPTIME: Final = Wanted(encode_oid("1.3.6.1.2.1.1.3.0"))
SYS_NAME: Final = Wanted(encode_oid("1.3.6.1.2.1.1.5.0"))
# what a device tells its neighbours that it is, where sysDescr may be somebody's own words
TOLD: Final = Wanted(encode_oid("1.0.8802.1.1.2.1.3.4.0"))
ENTITY_ROWS: Final = tuple(Wanted(encode_oid(f"1.3.6.1.2.1.47.1.1.1.1.{column}"), first=True) for column in (4, 5))
OPENING: Final = (SYS_DESCR, SYS_OBJECT_ID, SYS_UPTIME, SYS_NAME, TOLD, *ENTITY_ROWS)
_VERSIONS: Final = frozenset(name for name in FACTS if name.endswith("_version"))
_ENTERPRISES: Final = (1, 3, 6, 1, 4, 1)
_SHORTEST_ROOT: Final = 7  # an enterprise: what is shorter is no maker's own
_DESCRIBED: Final = "SNMPv2-MIB sysDescr"
_KERNEL: Final = "Linux"
_TOLD: Final = "LLDP-MIB lldpLocSysDesc"


@dataclass(slots=True)
class Said:
    """What a device said.

    Attributes:
        answers: what was wanted -> what came.
        entities: the rows of ENTITY-MIB; those of makers' tables are not the device itself.
    """

    answers: dict[Wanted, VarBind] = field(default_factory=dict)
    entities: tuple[Entity, ...] = ()

    @property
    def description(self) -> str:
        """The sysDescr on one line; "" for none."""
        bind = self.answers.get(SYS_DESCR)
        return printable(bind) if bind is not None else ""

    @property
    def told(self) -> str:
        """What it tells its neighbours that it is, on one line; "" for nothing, or the same as sysDescr."""
        bind = self.answers.get(TOLD)
        text = printable(bind) if bind is not None else ""
        return text if text != self.description else ""

    @property
    def object_id(self) -> bytes:
        """The sysObjectID; b"" for none."""
        bind = self.answers.get(SYS_OBJECT_ID)
        return bind[2] if bind is not None and isinstance(bind[2], bytes) else b""


def wanted(read: Read, object_id: bytes = b"") -> Wanted | None:
    """Return what to ask for; None for what is read elsewhere, or has no place on this device."""
    if read.oid is None:
        return None
    if read.under is None:
        return Wanted(encode_oid(read.oid), read.first)
    parts = decode_oid(object_id)
    root = parts[: len(parts) - read.under]
    more = tuple(int(part) for part in read.oid.split("."))
    if len(root) < _SHORTEST_ROOT or len(root) + len(more) > MAX_SUBIDENTIFIERS:
        return None
    return Wanted(encode_parts((*root, *more)), read.first)


def opening(rules: Rules) -> tuple[Wanted, ...]:
    """Return what every device is asked first."""
    asked = [one for rule in rules.general for read in rule.read if (one := wanted(read)) is not None]
    return tuple(dict.fromkeys((*OPENING, *asked)))


def further(matched: Sequence[Matched], said: Said, most: int) -> tuple[Wanted, ...]:
    """Return what the rules want beside what was asked already, of the closest rules first."""
    own = said.object_id
    reads = [read for match in matched for read in match.rule.read]
    asked = [one for read in reads for one in (wanted(read, own), *_going_on(read)) if one is not None]
    return tuple(one for one in dict.fromkeys(asked) if one not in said.answers)[:most]


def _going_on(read: Read) -> tuple[Wanted, ...]:
    return tuple(Wanted(encode_oid(oid)) for oid in read.then)


def lookups(matched: Sequence[Matched], said: Said) -> tuple[Wanted, ...]:
    """Return the rows that are known to be needed only now."""
    reads = [read for match in matched for read in match.rule.read if read.lookup is not None]
    return tuple(one for read in reads if (one := _looked_up(read, said)) is not None)


def _looked_up(read: Read, said: Said) -> Wanted | None:
    asked = wanted(read, said.object_id)
    bind = said.answers.get(asked) if asked is not None else None
    if read.lookup is None or bind is None or not isinstance(bind[2], int) or not 0 <= bind[2] < 1 << 32:
        return None
    return Wanted(encode_oid(read.lookup) + encode_index((bind[2],)))


def facts(rules: Rules, matched: Sequence[Matched], said: Said, today: date) -> tuple[Fact, ...]:
    """Return what is known of a device: each fact once, by the closest rule that has it."""
    first, late = _by_rules(matched, said, today)
    never = {name for match in matched for name in match.rule.never}
    general: list[Fact] = []
    last: list[Fact] = []
    for rule in (one for one in rules.general if not (one.strangers and matched)):
        found, its_late = _by_rules([Matched(rule, "")], said, today)
        general += [fact for fact in found if fact.name not in never]
        last += [fact for fact in its_late if fact.name not in never]
    candidates = (
        *first,
        *(fact for fact in general if fact.name == "vendor"),
        *_by_number(rules, said),
        *(fact for fact in _by_entities(said) if fact.name not in never),
        *general,
        *late,
        *last,
        *(fact for fact in _by_firmware(said) if fact.name not in never),
    )
    out: dict[str, Fact] = {}
    for fact in candidates:
        out.setdefault(fact.name, fact)
    if "vendor" not in out and (maker := _by_front(rules, said) or _by_registry(rules, said)) is not None:
        out["vendor"] = maker
    if (maker := out.get("vendor")) is not None:
        out["vendor"] = replace(maker, value=rules.vendor(str(maker.value)))
    if "software" not in out and (system := out.get("operating_system")) is not None:
        out["software"] = Fact("software", system.value, system.source, system.confidence)
    return tuple(out[name] for name in FACTS if name in out)


# ------------------------------------------------------------------ rules


def _by_rules(matched: Sequence[Matched], said: Said, today: date) -> tuple[list[Fact], list[Fact]]:
    """Return what rules say, and what they say where nothing else does."""
    first: list[Fact] = []
    late: list[Fact] = []
    never: set[str] = set()
    device = whole(said.entities)
    for match in matched:
        rule = match.rule
        of_rule, late_of_rule = _by_rule(match, said, device, today)
        first += [fact for fact in of_rule if fact.name not in never]
        late += [fact for fact in late_of_rule if fact.name not in never]
        never.update(rule.never)
    return first, late


def _by_rule(match: Matched, said: Said, device: Entity | None, today: date) -> tuple[list[Fact], list[Fact]]:
    first: list[Fact] = []
    late: list[Fact] = []
    rule = match.rule
    object_id = oid_text(said.object_id) if said.object_id else ""
    for read in rule.read:
        text, octets, source = _text(read, said, device)
        if text:
            (late if read.after else first).extend(_of(read, text, octets, source, today))
    for text, where, into in ((said.description, _DESCRIBED, first), (said.told, _TOLD, late)):
        for pattern in rule.patterns:
            saying = Saying(patterns=(pattern,), format=rule.format, dates=rule.dates, leading_zeros=rule.leading_zeros)
            into.extend(_found(saying, text, f"{where}, rule {rule.name}", today))
    if (model := rule.models.get(object_id)) is not None:
        first.append(Fact("model", model, f"sysObjectID {object_id}, rule {rule.name}", Confidence.ASSUMED))
    if (product := rule.product(object_id)) is not None:
        late.append(Fact("model", product, f"sysObjectID {object_id}, rule {rule.name}", Confidence.ASSUMED))
    by = f"rule {rule.name}" + (f" ({match.how})" if match.how else "")
    first += [Fact(name, value, by, Confidence.ASSUMED) for name, value in rule.facts.items()]
    if rule.after:  # it knows no maker: whatever the device states comes before it
        return [], [*first, *late]
    return first, late


def _text(read: Read, said: Said, device: Entity | None) -> tuple[str, bytes, str]:
    """Return what a rule reads as text and as octets, and where it stands."""
    if read.entity is not None:
        if device is None:
            return "", b"", ""
        if read.entity == "stack":
            around = next((one for one in said.entities if one.key == device.within), None)
            is_stack = around is not None and around.physical_class is PhysicalClass.STACK
            return around.description if around is not None and is_stack else "", b"", "ENTITY-MIB entPhysicalDescr"
        return getattr(device, read.entity) or "", b"", f"ENTITY-MIB {read.entity} of entity {device.key}"
    asked = wanted(read, said.object_id)
    if read.given is not None and not any(one.oid == encode_oid(read.given) for one in said.answers):
        return "", b"", ""
    if read.lookup is not None:
        asked = _looked_up(read, said)
    bind = said.answers.get(asked) if asked is not None else None
    if bind is None:
        return "", b"", ""
    more = [said.answers[one][2] for one in _going_on(read) if one in said.answers]
    text = ".".join((printable(bind), *(f"{number:02d}" for number in more if isinstance(number, int))))
    return text, bind[2] if isinstance(bind[2], bytes) else b"", read.object


def _of(read: Read, text: str, octets: bytes, source: str, today: date) -> Iterator[Fact]:
    yield from _found(read, text, source, today)
    if read.fact is not None and not read.patterns:
        value: str | None
        if read.fact in DATES and not read.dates:
            made = octets_day(octets, today)
            value = made.isoformat() if made else None
        else:
            value = _value(read, read.fact, text, today)
        if value is not None:
            yield Fact(read.fact, value, source, Confidence.STATED)
    for name, value in read.implies.items():
        yield Fact(name, value, f"{source} is there", Confidence.ASSUMED)


def _found(saying: Saying, text: str, source: str, today: date) -> Iterator[Fact]:
    """Return what the first pattern that fits says."""
    for pattern in saying.patterns:
        if (match := re.search(pattern, text)) is None:
            continue
        for name, part in match.groupdict().items():
            if part is not None and (value := _value(saying, name, part, today)) is not None:
                yield Fact(name, value, source, Confidence.DERIVED)
        return


def _value(saying: Saying, name: str, text: str, today: date) -> str | None:
    if saying.values:
        return saying.values.get(text)
    if name in DATES:
        return day(text, saying.dates, today)
    if name in _VERSIONS and not saying.leading_zeros:
        text = re.sub(r"(?<!\d)0+(?=\d)", "", text)
    value = sound(name, text)
    if value is None or (name == "kind" and value not in KINDS):
        return None
    shape = saying.format.get(name, "{}")
    return shape.replace("{upper}", value.upper()).replace("{}", value)


# ------------------------------------------------------------------ what holds for all


def _by_number(rules: Rules, said: Said) -> list[Fact]:
    """Return the maker by the enterprise number of the sysObjectID."""
    number = _enterprise(said)
    if number is None:
        return []
    named: Mapping[str, str | None] = {"vendor": rules.enterprise(number), "kind": rules.enterprise_kind(number)}
    return [Fact(name, value, _numbered(number), Confidence.ASSUMED) for name, value in named.items() if value]


def _by_front(rules: Rules, said: Said) -> Fact | None:
    """Return the maker whose name begins the sysDescr; Linux is none, its text is that of the kernel."""
    name = rules.vendor_in_front(said.description)
    if name is None or name == _KERNEL:
        return None
    return Fact("vendor", name, f"{_DESCRIBED}, its first words", Confidence.ASSUMED)


def _by_registry(rules: Rules, said: Said) -> Fact | None:
    """Return whom the number was given to, where it says something of the maker."""
    number = _enterprise(said)
    if number is None or rules.is_generic(number) or (name := registered(number)) is None:
        return None
    return Fact("vendor", name, _numbered(number), Confidence.ASSUMED)


def _enterprise(said: Said) -> int | None:
    parts = decode_oid(said.object_id) if said.object_id else ()
    return parts[6] if parts[:6] == _ENTERPRISES and len(parts) >= _SHORTEST_ROOT else None


def _numbered(number: int) -> str:
    return f"sysObjectID: IANA enterprise number {number}"


def _by_entities(said: Said) -> Iterator[Fact]:
    device = whole(said.entities)
    other = twin(said.entities, device) if device is not None else None
    for entity in (one for one in (device, other) if one is not None):
        known = {
            "vendor": (entity.vendor, "entPhysicalMfgName"),
            "model": (entity.model, "entPhysicalModelName"),
            "serial": (entity.serial, "entPhysicalSerialNum"),
            "hardware_version": (entity.hardware_version, "entPhysicalHardwareRev"),
            "firmware_version": (entity.firmware_version, "entPhysicalFirmwareRev"),
            "manufactured": (entity.manufactured and entity.manufactured.isoformat(), "entPhysicalMfgDate"),
        }
        for name, (value, column) in known.items():
            if value:
                yield Fact(name, value, f"ENTITY-MIB {column} of entity {entity.key}", Confidence.STATED)
    version = software(said.entities, device, said.description)
    if version is not None:
        yield Fact("software_version", version, "ENTITY-MIB entPhysicalSoftwareRev", Confidence.STATED)


def _by_firmware(said: Said) -> Iterator[Fact]:
    """Return the version of a device that has one version only, and calls it its firmware."""
    device = whole(said.entities)
    if device is not None and device.firmware_version and not any(one.software_version for one in said.entities):
        source = f"ENTITY-MIB entPhysicalFirmwareRev of entity {device.key}"
        yield Fact("software_version", device.firmware_version, source, Confidence.ASSUMED)

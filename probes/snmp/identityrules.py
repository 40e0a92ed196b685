"""How devices are known: the language of the rules, which docs/identity.md explains, and which of them hold."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from agent.core.hardware import PhysicalClass
from agent.core.units import Strict
from probes.snmp.oid import encode_oid

FACTS: Final = (
    "vendor", "model", "part_number", "serial", "hardware_version", "software", "software_version", "firmware_version",
    "operating_system", "kind", "manufactured", "bios_version", "bios_date", "battery_replaced",
)  # fmt: skip
DATES: Final = frozenset(("manufactured", "bios_date", "battery_replaced"))
KINDS: Final = (
    "access_point", "battery", "camera", "cooling", "firewall", "gateway", "load_balancer", "management", "modem",
    "network", "optical", "pdu", "phone", "power", "printer", "radio", "rack", "router", "sensor", "server", "storage",
    "switch", "tape_library", "timeserver", "transfer_switch", "ups", "video", "wireless_controller",
)  # fmt: skip
COLUMNS: Final = (
    "name", "description", "model", "serial", "vendor", "hardware_version", "firmware_version", "software_version",
    "manufactured",
)  # fmt: skip
_SHORTEST_NAME: Final = 3  # of a maker, to be told from an abbreviation
_MOST_WORDS: Final = 3  # of a maker's name
_MOST_CUT: Final = 8


def _several(value: object) -> object:
    return (value,) if isinstance(value, str | int | float) else value


def _is_oid(value: object) -> object:
    encode_oid(str(value))
    return str(value).removeprefix(".")


def _is_regex(value: object) -> object:
    try:
        re.compile(str(value))
    except re.error as error:
        raise ValueError(f"expected a regular expression, got {value!r}: {error}") from error
    return str(value)


def _is_pattern(value: object) -> object:
    groups = re.compile(str(_is_regex(value))).groupindex
    if not groups or (wrong := set(groups) - set(FACTS)):
        named = ", ".join(sorted(wrong)) if groups else "none"
        raise ValueError(f"expected groups named after facts ({', '.join(FACTS)}), got {named}")
    return value


def _is_fact(value: object) -> object:
    if value not in FACTS:
        raise ValueError(f"expected one of {', '.join(FACTS)}, got {value!r}")
    return value


def _are_facts(value: object) -> object:
    if isinstance(value, dict):
        for name in value:
            _is_fact(name)
        if (kind := value.get("kind", "network")) not in KINDS:
            raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {kind!r}")
    return value


Oid = Annotated[str, BeforeValidator(_is_oid)]
Numbers = Annotated[str, Field(pattern=r"^\.?[0-9]{1,10}(\.[0-9]{1,10})*$")]
Regex = Annotated[str, BeforeValidator(_is_regex)]
Pattern = Annotated[str, BeforeValidator(_is_pattern)]
FactName = Annotated[str, BeforeValidator(_is_fact)]
Facts = Annotated[dict[str, str], BeforeValidator(_are_facts)]


class Saying(Strict):
    """How a text becomes facts: whole, or by patterns; by a list of its values; by formats of dates."""

    fact: FactName | None = None
    patterns: Annotated[tuple[Pattern, ...], BeforeValidator(_several)] = ()
    values: dict[str, str] = Field(default_factory=dict)  # what is read -> what it means; then nothing else is taken
    format: Facts = Field(default_factory=dict)  # fact -> text in which {} is what was found
    leading_zeros: bool = True  # false: `05.03.0008` is 5.3.8
    dates: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()
    implies: Facts = Field(default_factory=dict)  # what follows from there being such a text
    after: bool = False  # only where ENTITY-MIB and the general rules say nothing


class Read(Saying):
    """One object to ask for."""

    oid: Numbers | None = None
    first: bool = False  # the first row of that column
    under: int | None = None  # `oid` goes on from the sysObjectID, without so many of its last numbers
    object: str = ""
    lookup: Oid | None = None  # a column: the number read is the row whose text counts
    then: Annotated[tuple[Oid, ...], BeforeValidator(_several)] = ()  # numbers that go on a version, in two digits
    given: Oid | None = None  # only where this object, which is asked for too, is there
    # or a text of the device in ENTITY-MIB; of the stack in which it is
    entity: (
        Literal["name", "description", "model", "hardware_version", "firmware_version", "software_version", "stack"]
        | None
    ) = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.oid is None) == (self.entity is None):
            raise ValueError("expected either `oid` or `entity`")
        if self.oid is not None and self.under is None:
            _is_oid(self.oid)
        if self.under is not None and not 0 <= self.under <= _MOST_CUT:
            raise ValueError(f"expected 0 to {_MOST_CUT} for `under`: numbers cut off the sysObjectID")
        if self.then and (self.oid is None or self.first or self.under is not None):
            raise ValueError("expected a whole `oid` beside `then`: what goes on is asked for in the same way")
        if self.oid is not None and not self.object:
            raise ValueError("expected `object`: the MIB and the name of the object, as the source of what it says")
        if not (self.fact or self.patterns or self.implies):
            raise ValueError("expected `fact`, `patterns` or `implies`: else there is no use in asking")
        return self


class Table(Strict):
    """A maker's table whose rows are parts of the device."""

    object: str
    physical_class: PhysicalClass
    columns: dict[Literal[COLUMNS], Oid] = Field(min_length=1)  # type: ignore[valid-type]
    patterns: dict[Literal[COLUMNS], Pattern] = Field(default_factory=dict)  # type: ignore[valid-type]
    fixed: dict[Literal[COLUMNS], str] = Field(default_factory=dict)  # type: ignore[valid-type]


class Rule(Strict):
    """What is known of devices with a sysObjectID, or a sysDescr, or both; of all devices where it names neither."""

    name: Annotated[str, Field(pattern=r"[a-z0-9_]+")]
    object_id: Annotated[tuple[Oid, ...], BeforeValidator(_several)] = ()
    description: Regex | None = None
    unless: Regex | None = None
    facts: Facts = Field(default_factory=dict)
    patterns: Annotated[tuple[Pattern, ...], BeforeValidator(_several)] = ()
    format: Facts = Field(default_factory=dict)  # of what the patterns find
    dates: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()  # formats of the dates that they find
    leading_zeros: bool = True  # of what the patterns find
    models: dict[Oid, str] = Field(default_factory=dict)  # whole sysObjectID -> model
    # what a maker's MIB of products calls a sysObjectID: all but its last number -> that number -> name
    products: dict[Oid, dict[int, str]] = Field(default_factory=dict)
    read: tuple[Read, ...] = ()
    tables: tuple[Table, ...] = ()
    never: Annotated[tuple[FactName, ...], BeforeValidator(_several)] = ()  # what nothing less close is believed
    after: bool = False  # ranks behind the rules that know only the sysObjectID
    strangers: bool = False  # a rule for all devices that counts only where none of a maker's holds

    def product(self, object_id: str) -> str | None:
        """Return what the maker's MIB calls the product with this sysObjectID; None for one that it does not have."""
        root, _, last = object_id.rpartition(".")
        return self.products.get(root, {}).get(int(last or 0))

    @property
    def is_general(self) -> bool:
        """Whether it holds for every device."""
        return not self.object_id and self.description is None


class File(Strict):
    """What stands in a file of rules."""

    rules: tuple[Rule, ...]


class Vendor(Strict):
    """A maker: its IANA enterprise numbers, and how its devices spell it."""

    enterprises: Annotated[tuple[int, ...], BeforeValidator(_several)] = ()
    names: Annotated[tuple[Regex, ...], BeforeValidator(_several)] = ()
    kind: str | None = None


class Vendors(Strict):
    """What stands in the file of makers.

    Attributes:
        generic: enterprise numbers that say nothing of the maker.
    """

    generic: tuple[int, ...]
    vendors: dict[str, Vendor]


@dataclass(frozen=True, slots=True)
class Matched:
    """A rule that holds for a device, and how."""

    rule: Rule
    how: str


class Rules:
    """All rules, ready to be asked."""

    def __init__(self, rules: Iterable[Rule], vendors: Vendors) -> None:
        rules = tuple(rules)
        self.general = tuple(rule for rule in rules if rule.is_general)
        self._special = tuple(
            (
                rule,
                tuple(encode_oid(oid) for oid in rule.object_id),
                _compiled(rule.description),
                _compiled(rule.unless),
            )
            for rule in rules
            if not rule.is_general
        )
        self._generic = frozenset(vendors.generic)
        self._vendors = {number: name for name, vendor in vendors.vendors.items() for number in vendor.enterprises}
        self._kinds = {n: v.kind for v in vendors.vendors.values() for n in v.enterprises if v.kind}
        self._spelt = {name.lower(): name for name in vendors.vendors if len(name) >= _SHORTEST_NAME}
        self._names = [
            (re.compile("|".join(f"(?:{spelt})" for spelt in (*vendor.names, re.escape(name))), re.IGNORECASE), name)
            for name, vendor in vendors.vendors.items()
        ]

    def matched(self, object_id: bytes, description: str, told: str = "") -> tuple[Matched, ...]:
        """Return the rules that hold, the closest first: those that know the text, then by the length of the OID.

        Args:
            told: what the device tells its neighbours that it is; may say what `description` hides.
        """
        found: list[tuple[tuple[bool, bool, int], Matched]] = []
        for rule, roots, pattern, unless in self._special:
            length = max((len(root) for root in roots if _below(object_id, root)), default=0)
            if roots and not length:
                continue
            where = "sysDescr"
            if pattern is not None and not pattern.search(description):
                if not roots or not pattern.search(told):  # a text alone that is not sysDescr says too little
                    continue
                where = "lldpLocSysDesc"
            if unless is not None and unless.search(description):
                continue
            how = " and ".join(what for what, is_so in (("sysObjectID", roots), (where, pattern)) if is_so)
            found.append(((rule.after, pattern is None, -length), Matched(rule, how)))
        return tuple(one for _, one in sorted(found, key=lambda pair: pair[0]))

    def enterprise(self, number: int) -> str | None:
        """Return the maker whose IANA enterprise number this is; None for one that says nothing of the maker."""
        return None if self.is_generic(number) else self._vendors.get(number)

    def is_generic(self, number: int) -> bool:
        """Say whether a number says nothing of the maker: agents that many makers build upon."""
        return number in self._generic

    def enterprise_kind(self, number: int) -> str | None:
        """Return what kind of device all of that maker's are; None where it makes several kinds."""
        return self._kinds.get(number)

    def vendor_in_front(self, text: str) -> str | None:
        """Return the maker with whose name, as it is written here, a text begins: `CAREL pCO controller`."""
        words = text.lower().split(maxsplit=_MOST_WORDS)[:_MOST_WORDS]
        fronts = (" ".join(words[:count]).strip(",.:;") for count in range(len(words), 0, -1))
        return next((self._spelt[front] for front in fronts if front in self._spelt), None)

    def vendor(self, said: str) -> str:
        """Return a maker's name as it is written here, for one of its spellings; others stay as they are."""
        for pattern, name in self._names:
            if pattern.fullmatch(said):
                return name
        return said


def _below(oid: bytes, root: bytes) -> bool:
    return oid.startswith(root)  # the octets of a whole sub-identifier: none begins another


def _compiled(pattern: str | None) -> "re.Pattern[str] | None":
    return None if pattern is None else re.compile(pattern)

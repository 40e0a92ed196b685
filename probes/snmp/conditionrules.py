"""Which objects say what of parts, readings, stores and counters: the rules of configs/condition/*.yaml, strictly read.

docs/condition.md explains the keys. Whatever a rule does not say gives no condition; so a number that a maker adds to
an enumeration is unknown and not a failure.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from agent.core.hardware import Condition, PhysicalClass
from agent.core.units import Strict
from probes.snmp.oid import SnmpDecodeError, encode_oid

MORE: Final = "more"  # in `states`
FOLDER: Final = "condition"  # in configs/
_SECTIONS: Final = ("parts", "readings", "stores", "counters", "facts")


class ConditionError(ValueError):
    """A rule cannot be used; the text names file, line, what was expected and got."""


def _oid(text: object) -> bytes:
    if isinstance(text, bytes):
        return text
    try:
        return encode_oid(str(text))
    except (SnmpDecodeError, ValueError) as error:
        raise ValueError(f"expected an OID such as 1.3.6.1.2.1.25.3.2.1.5, got {text!r}") from error


def _object(text: str) -> str:
    if not re.fullmatch(r"\S+ [a-z][A-Za-z0-9-]*", text):
        raise ValueError(f"expected MIB and object such as UPS-MIB upsBatteryStatus, got {text!r}")
    return text


def _pattern(text: object) -> object:
    return re.compile(text, re.IGNORECASE) if isinstance(text, str) else text


Oid = Annotated[bytes, BeforeValidator(_oid)]
Object = Annotated[str, AfterValidator(_object)]
Pattern = Annotated[re.Pattern[str], BeforeValidator(_pattern)]
Said = int | str  # a number of an enumeration; a word, in small letters; an OID


class Column(Strict):
    """Another column of the same row, and what its values mean."""

    oid: Oid
    values: Mapping[Said, Condition]


class Kinds(Strict):
    """The column that says what a row is; rows of other kinds are left out."""

    oid: Oid
    values: Mapping[Said, PhysicalClass]


class Only(Strict):
    """Rows that count: those whose other column, or scalar, has one of these values."""

    oid: Oid
    values: tuple[Said, ...]


class Present(Strict):
    """The column that says whether a part is there."""

    oid: Oid
    missing: tuple[Said, ...]


class Spoken(Strict):
    """What all rules have: the object that speaks."""

    object: Object

    def columns(self) -> Iterator[bytes]:
        """Yield the columns that are read."""
        for value in self.__dict__.values():
            if isinstance(value, bytes):
                yield value
            elif isinstance(value, Column | Kinds | Only | Present):
                yield value.oid
            elif isinstance(value, tuple):
                yield from (one for one in value if isinstance(one, bytes))


class Rule(Spoken):
    """What a rule for rows has.

    Attributes:
        name: columns of which the first that says something names the row.
        label: what a row without a name is called, with its index behind.
        named: rows of another name are left out.
        not_named: rows of such a name are left out.
    """

    name: tuple[Oid, ...] = ()
    label: str = ""
    only: Only | None = None
    named: Pattern | None = None
    not_named: Pattern | None = None


class PartRule(Rule):
    """A part, and how it is.

    Attributes:
        key: rules of one key speak of the same parts; the worst of what they say counts.
        by_name: a pattern for the whole name -> kind; the first that fits wins over `kind`.
        states: `more` is any number above 0 that does not stand there: objects that count what has failed.
        bits: for an object of type BITS.
    """

    oid: Oid
    key: str = ""
    kind: PhysicalClass | None = None
    kinds: Kinds | None = None
    by_name: Mapping[Pattern, PhysicalClass] = Field(default_factory=dict)
    states: Mapping[Said, Condition] = Field(default_factory=dict)
    bits: Mapping[int, Condition] = Field(default_factory=dict)
    present: Present | None = None
    model: Oid | None = None
    serial: Oid | None = None

    @model_validator(mode="after")
    def _whole(self) -> "PartRule":
        if bool(self.states) == bool(self.bits):
            raise ValueError("expected either `states` or `bits`")
        if self.kind is None and self.kinds is None:
            raise ValueError("expected `kind`, or `kinds` with the column that says it")
        return self


class ReadingRule(Rule):
    """A number.

    Attributes:
        factor, offset: what is read, times factor, plus offset, is in `unit`; of limits as well.
        valid: outside of it the value is one that stands for nothing.
        text: for numbers within a text, of limits as well: the pattern whose first group is the number.
        digits: the column that says how many decimal places the value has.
    """

    oid: Oid
    quantity: str
    unit: str
    factor: float = 1.0
    offset: float = 0.0
    valid: tuple[float, float]
    text: Pattern | None = None
    digits: Oid | None = None
    warning: Oid | None = None
    critical: Oid | None = None
    state: Column | None = None


class StoreRule(Rule):
    """Something that fills; sizes are octets after `factor`, or after the column `unit`."""

    size: Oid
    used: Oid | None = None
    free: Oid | None = None
    unit: Oid | None = None
    factor: float = 1.0

    @model_validator(mode="after")
    def _whole(self) -> "StoreRule":
        if (self.used is None) == (self.free is None):
            raise ValueError("expected either `used` or `free`")
        return self


class CounterRule(Rule):
    """Something that only grows."""

    oid: Oid
    what: str


class FactRule(Spoken):
    """A scalar that says one thing."""

    oid: Oid
    fact: str
    values: Mapping[int, bool]


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules, in the order of the files' names and of their lines."""

    parts: tuple[PartRule, ...] = ()
    readings: tuple[ReadingRule, ...] = ()
    stores: tuple[StoreRule, ...] = ()
    counters: tuple[CounterRule, ...] = ()
    facts: tuple[FactRule, ...] = ()

    def columns(self) -> frozenset[bytes]:
        """Return all columns and scalars that are read."""
        every: tuple[Spoken, ...] = (*self.parts, *self.readings, *self.stores, *self.counters, *self.facts)
        return frozenset(column for rule in every for column in rule.columns())


_MODELS: Final[Mapping[str, type[Spoken]]] = {
    "parts": PartRule, "readings": ReadingRule, "stores": StoreRule, "counters": CounterRule, "facts": FactRule,
}  # fmt: skip


@cache
def built_in() -> Rules:
    """Return the rules of configs/condition/*.yaml."""
    folder = resources.files("configs").joinpath(FOLDER)
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    found: dict[str, list[Any]] = {section: [] for section in _SECTIONS}
    for name in names:
        text = folder.joinpath(name).read_text("utf-8")
        for section, rules in read(f"configs/{FOLDER}/{name}", text).items():
            found[section] += rules
    return Rules(**{section: tuple(rules) for section, rules in found.items()})


def read(file: str, text: str) -> dict[str, list[Any]]:
    """Return the rules of one file by section.

    Raises:
        ConditionError: at the first thing that is wrong, with file and line.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C loader is ten times faster, where there is one
    try:
        node = yaml.compose(text, loader)
        raw = yaml.load(text, loader)  # noqa: S506 - both are safe
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f":{mark.line + 1}" if mark else ""
        raise ConditionError(f"{file}{at}: no YAML: {getattr(error, 'problem', None) or error}") from error
    if not isinstance(raw, dict):
        raise ConditionError(f"{file}: expected sections {', '.join(_SECTIONS)}, got {type(raw).__name__}")
    assert node is not None
    out: dict[str, list[Any]] = {}
    for (key, rows), (section, items) in zip(node.value, raw.items(), strict=True):
        if section not in _MODELS or not isinstance(items, list):
            at = f"{file}:{key.start_mark.line + 1}"
            raise ConditionError(f"{at}: expected one of {', '.join(_SECTIONS)} with a list, got {section!r}")
        out[section] = [_rule(file, section, row, item) for row, item in zip(rows.value, items, strict=True)]
    return out


def _rule(file: str, section: str, node: Any, item: object) -> Spoken:  # noqa: ANN401 - a node of PyYAML
    try:
        return _MODELS[section].model_validate(item)
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"]]
        line = _line(node, place[0] if place else "")
        where = ".".join([section, *place])
        raise ConditionError(f"{file}:{line}: {where}: {first['msg'].removeprefix('Value error, ')}") from error


def _line(node: Any, key: str) -> int:  # noqa: ANN401 - a node of PyYAML
    pairs = node.value if isinstance(node.value, list) else []
    for pair in pairs:
        if isinstance(pair, tuple) and pair[0].value == key:
            return int(pair[0].start_mark.line) + 1
    return int(node.start_mark.line) + 1

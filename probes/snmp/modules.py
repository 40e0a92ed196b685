"""What is read from a device, in the language of snmp_exporter's snmp.yml.

A module names subtrees to walk, objects to get, and what becomes of them as metrics. Modules of the configured files
win over the built-in ones (configs/snmp/NAME.yml). Files are read when the first of their modules is asked for, and
only modules that are asked for are taken apart: a file with 50 modules takes about two seconds to read.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Final

from probes.snmp.oid import encode_oid

NUMERIC_TYPES: Final = frozenset(("gauge", "counter", "Float", "Double"))
STRING_TYPES: Final = frozenset(
    ("DisplayString", "OctetString", "PhysAddress48", "InetAddressIPv4", "InetAddressIPv6", "InetAddress",
     "InetAddressMissingSize", "IpAddr", "LldpPortId"),
)  # fmt: skip
ENUM_TYPES: Final = frozenset(("EnumAsInfo", "EnumAsStateSet", "Bits"))
DATE_TYPES: Final = frozenset(("DateAndTime", "ParseDateAndTime", "NTPTimeStamp"))
METRIC_TYPES: Final = NUMERIC_TYPES | STRING_TYPES | ENUM_TYPES | DATE_TYPES
INDEX_TYPES: Final = frozenset(
    ("gauge", "counter", "Integer", "Integer32", "DisplayString", "OctetString", "PhysAddress48", "InetAddressIPv4",
     "InetAddressIPv6", "InetAddress", "InetAddressMissingSize", "IpAddr", "EnumAsInfo", "EnumAsStateSet", "Bits"),
)  # fmt: skip
ALIASES: Final = {"ups": "ups_mib"}  # other names of built-in modules
_MODULE_KEYS: Final = frozenset(("walk", "get", "metrics", "max_repetitions", "retries", "timeout", "filters",
                                 "allow_nonincreasing_oids", "use_unconnected_udp_socket"))  # fmt: skip
_METRIC_KEYS: Final = frozenset(("name", "oid", "type", "help", "indexes", "lookups", "enum_values", "regex_extracts",
                                 "scale", "offset", "datetime_pattern", "display_hint"))  # fmt: skip
_INDEX_KEYS: Final = frozenset(("labelname", "type", "fixed_size", "implied", "enum_values"))
_LOOKUP_KEYS: Final = frozenset(("labels", "labelname", "oid", "type", "drop_source_indexes", "display_hint"))
_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_METRIC_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)


class ModuleError(ValueError):
    """A module is missing or its definition is wrong; the text names file, place and what was expected."""


@dataclass(frozen=True, slots=True)
class Index:
    """One part of a row's index: how many sub-identifiers it takes and how it reads as a label."""

    labelname: str
    type: str
    fixed_size: int = 0
    implied: bool = False
    enum_values: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lookup:
    """A label that is read from another object of the same row. No `labels`: the label is dropped."""

    labels: tuple[str, ...]
    labelname: str
    oid: bytes = b""
    type: str = ""


@dataclass(frozen=True, slots=True)
class Extract:
    """A regular expression over the whole text, and the number that a match becomes (with Go's `$1`)."""

    regex: re.Pattern[str]
    value: str


@dataclass(frozen=True, slots=True)
class Metric:
    """One object or column, and what it is called and means in Prometheus."""

    name: str
    oid: bytes
    type: str
    help: str
    indexes: tuple[Index, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    enum_values: Mapping[int, str] = field(default_factory=dict)
    regex_extracts: Mapping[str, tuple[Extract, ...]] = field(default_factory=dict)
    scale: float = 0.0  # 0: unset
    offset: float = 0.0
    datetime_pattern: str = ""


@dataclass(frozen=True, slots=True)
class Module:
    """What one poll of one module asks for and yields."""

    name: str
    walk: tuple[bytes, ...] = ()
    get: tuple[bytes, ...] = ()
    metrics: tuple[Metric, ...] = ()
    max_repetitions: int | None = None


class ModuleLibrary:
    """Modules by name, read and taken apart once. Blocking: the first use of a large file belongs in a thread."""

    def __init__(self, files: Sequence[Path] = ()) -> None:
        self._files = tuple(files)
        self._raw: dict[str, tuple[str, Any]] | None = None  # name -> (file, definition), of the configured files
        self._modules: dict[str, Module] = {}

    def get(self, name: str) -> Module:
        """Return one module.

        Raises:
            ModuleError: when there is none of that name (the likely one is named), or its definition is wrong.
        """
        if name not in self._modules:
            file, definition = self._find(name)
            self._modules[name] = _module(_Place(file, f"modules.{name}"), name, definition)
        return self._modules[name]

    def known(self, name: str) -> bool:
        """Return whether `get` needs no reading of files any more."""
        return name in self._modules

    def _find(self, name: str) -> tuple[str, Any]:
        if self._raw is None:
            raw: dict[str, tuple[str, Any]] = {}
            for path in self._files:
                for found, definition in _read_modules(path).items():
                    raw.setdefault(found, (str(path), definition))  # of two files the first has it
            self._raw = raw
        if name in self._raw:
            return self._raw[name]
        built_in = resources.files("configs").joinpath("snmp")
        names = sorted(entry.name[:-4] for entry in built_in.iterdir() if entry.name.endswith(".yml"))
        own = ALIASES.get(name, name)
        if own in names:
            file = f"configs/snmp/{own}.yml"
            return file, _modules_of(file, built_in.joinpath(f"{own}.yml").read_text("utf-8"))[own]
        near = difflib.get_close_matches(name, [*self._raw, *names], n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted({*self._raw, *names}))}"
        raise ModuleError(f"no SNMP module {name!r}; {hint}")


def _read_modules(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "UTF-8 text expected"
        raise ModuleError(f"{path}: cannot read SNMP modules: {reason}") from error
    return _modules_of(str(path), text)


def _modules_of(file: str, text: str) -> Mapping[str, Any]:
    import yaml

    try:
        # the C loader is ten times faster; it may be missing where libyaml is
        document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ModuleError(f"{file}{line}: no YAML: {getattr(error, 'problem', None) or error}") from error
    modules = document.get("modules") if isinstance(document, dict) else None
    if modules is None and isinstance(document, dict) and "auths" in document:
        return {}  # a file may hold auths alone
    if not isinstance(modules, dict) or not all(isinstance(name, str) for name in modules):
        raise ModuleError(f"{file}: a key `modules` with modules by name expected")
    return modules


# ------------------------------------------------------------------ from YAML to values


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a file a value stands, for errors."""

    file: str
    path: str

    def of(self, key: str | int) -> "_Place":
        return _Place(self.file, f"{self.path}[{key}]" if isinstance(key, int) else f"{self.path}.{key}")

    def wrong(self, what: str) -> ModuleError:
        return ModuleError(f"{self.file}: {self.path}: {what}")


def _mapping(place: _Place, value: object, keys: frozenset[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise place.wrong(f"a mapping expected, got {value!r}")
    for key in value:
        if key not in keys:
            near = difflib.get_close_matches(str(key), keys, n=1)
            raise place.of(str(key)).wrong("unknown key" + (f"; did you mean {near[0]!r}?" if near else ""))
    return value


def _list(place: _Place, value: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise place.wrong(f"a list expected, got {value!r}")
    return value


def _oid(place: _Place, value: object) -> bytes:
    # YAML reads 1.3 as a number; nobody walks that much
    if not isinstance(value, str):
        raise place.wrong(f"an OID such as 1.3.6.1.2.1.2 expected, got {value!r}")
    try:
        return encode_oid(value)
    except ValueError as error:
        raise place.wrong(str(error)) from error


def _name(place: _Place, value: object, pattern: re.Pattern[str] = _LABEL) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise place.wrong(f"a name of letters, digits and _ expected, got {value!r}")
    return value


def _type(place: _Place, value: object, types: frozenset[str]) -> str:
    if value not in types:
        near = difflib.get_close_matches(str(value), types, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the types are {', '.join(sorted(types))}"
        raise place.wrong(f"unknown type {value!r}; {hint}")
    return str(value)


def _number(place: _Place, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise place.wrong(f"a number expected, got {value!r}")
    return float(value)


def _enum(place: _Place, value: object) -> Mapping[int, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(key, int) for key in value):
        raise place.wrong(f"names by number expected, got {value!r}")
    return {key: str(name) for key, name in value.items()}


def _module(place: _Place, name: str, definition: object) -> Module:
    raw = _mapping(place, definition, _MODULE_KEYS)
    repetitions = raw.get("max_repetitions")
    return Module(
        name=name,
        walk=tuple(_oid(place.of("walk").of(n), oid) for n, oid in enumerate(_list(place.of("walk"), raw.get("walk")))),
        get=tuple(_oid(place.of("get").of(n), oid) for n, oid in enumerate(_list(place.of("get"), raw.get("get")))),
        metrics=tuple(
            _metric(place.of("metrics").of(n), metric)
            for n, metric in enumerate(_list(place.of("metrics"), raw.get("metrics")))
        ),
        max_repetitions=None if repetitions is None else int(_number(place.of("max_repetitions"), repetitions)),
    )


def _metric(place: _Place, definition: object) -> Metric:
    raw = _mapping(place, definition, _METRIC_KEYS)
    for key in ("name", "oid", "type"):
        if key not in raw:
            raise place.wrong(f"the key {key!r} expected")
    name = _name(place.of("name"), raw["name"], _METRIC_NAME)
    place = place.of(name)
    return Metric(
        name=name,
        oid=_oid(place.of("oid"), raw["oid"]),
        type=_type(place.of("type"), raw["type"], METRIC_TYPES),
        help=str(raw.get("help", "")),
        indexes=tuple(
            _index(place.of("indexes").of(n), index)
            for n, index in enumerate(_list(place.of("indexes"), raw.get("indexes")))
        ),
        lookups=tuple(
            _lookup(place.of("lookups").of(n), lookup)
            for n, lookup in enumerate(_list(place.of("lookups"), raw.get("lookups")))
        ),
        enum_values=_enum(place.of("enum_values"), raw.get("enum_values")),
        regex_extracts=_extracts(place.of("regex_extracts"), raw.get("regex_extracts")),
        scale=_number(place.of("scale"), raw.get("scale", 0)),
        offset=_number(place.of("offset"), raw.get("offset", 0)),
        datetime_pattern=str(raw.get("datetime_pattern", "")),
    )


def _index(place: _Place, definition: object) -> Index:
    raw = _mapping(place, definition, _INDEX_KEYS)
    return Index(
        labelname=_name(place.of("labelname"), raw.get("labelname")),
        type=_type(place.of("type"), raw.get("type"), INDEX_TYPES),
        fixed_size=int(_number(place.of("fixed_size"), raw.get("fixed_size", 0))),
        implied=bool(raw.get("implied", False)),
        enum_values=_enum(place.of("enum_values"), raw.get("enum_values")),
    )


def _lookup(place: _Place, definition: object) -> Lookup:
    raw = _mapping(place, definition, _LOOKUP_KEYS)
    labels = tuple(_name(place.of("labels"), label) for label in _list(place.of("labels"), raw.get("labels")))
    labelname = _name(place.of("labelname"), raw.get("labelname"))
    if not labels:
        return Lookup((), labelname)
    oid = _oid(place.of("oid"), raw.get("oid"))
    return Lookup(labels, labelname, oid, _type(place.of("type"), raw.get("type"), METRIC_TYPES))


def _extracts(place: _Place, definition: object) -> Mapping[str, tuple[Extract, ...]]:
    if definition is None:
        return {}
    if not isinstance(definition, dict):
        raise place.wrong(f"a mapping expected, got {definition!r}")
    out: dict[str, tuple[Extract, ...]] = {}
    for suffix, entries in definition.items():
        extracts = []
        for number, entry in enumerate(_list(place.of(str(suffix)), entries)):
            here = place.of(str(suffix)).of(number)
            raw = _mapping(here, entry, frozenset(("regex", "value")))
            try:
                regex = re.compile(str(raw.get("regex", "")))
            except re.error as error:
                raise here.of("regex").wrong(f"a regular expression expected: {error}") from error
            extracts.append(Extract(regex, str(raw.get("value", "$1"))))
        out[str(suffix)] = tuple(extracts)
    return out

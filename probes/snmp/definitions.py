"""From the YAML of a module to its values; what is wrong is told with its place and what was expected."""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from probes.snmp.goregex import compiled
from probes.snmp.language import (
    INDEX_TYPES,
    LOOKUP_TYPES,
    METRIC_TYPES,
    Extract,
    Filter,
    Index,
    Lookup,
    Metric,
    Module,
    ModuleError,
)
from probes.snmp.oid import encode_oid

MODULE_KEYS: Final = frozenset(("walk", "get", "metrics", "max_repetitions", "retries", "timeout", "filters",
                                "allow_nonincreasing_oids", "use_unconnected_udp_socket"))  # fmt: skip
METRIC_KEYS: Final = frozenset(("name", "oid", "type", "help", "indexes", "lookups", "enum_values", "regex_extracts",
                                "scale", "offset", "datetime_pattern", "display_hint"))  # fmt: skip
INDEX_KEYS: Final = frozenset(("labelname", "type", "fixed_size", "implied", "enum_values"))
LOOKUP_KEYS: Final = frozenset(("labels", "labelname", "oid", "type", "enum_values", "display_hint",
                                "drop_source_indexes"))  # fmt: skip
FILTER_KEYS: Final = frozenset(("oid", "targets", "values"))
_LABEL: Final = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_METRIC_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_DURATION: Final = re.compile(r"(?:\d+(?:\.\d*)?(?:h|ms|m|s|us|µs|ns))+", re.ASCII)
_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d*)?)(h|ms|m|s|us|µs|ns)", re.ASCII)
_UNIT_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_WORDS: Final = dict.fromkeys(("true", "yes", "on", "y"), True) | dict.fromkeys(("false", "no", "off", "n"), False)
_MAX_RETRIES: Final = 100
_MAX_REPETITIONS: Final = (1 << 31) - 1  # what fits the field (RFC 3416 section 3)
_MAX_FIXED_SIZE: Final = 128  # sub-identifiers of an OID

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file a value stands, for errors."""

    file: str
    path: str

    def of(self, key: str | int) -> "Place":
        """Return the place of what stands below a key."""
        return Place(self.file, f"{self.path}[{key}]" if isinstance(key, int) else f"{self.path}.{key}")

    def wrong(self, what: str) -> ModuleError:
        """Return the error that something is wrong here."""
        return ModuleError(f"{self.file}: {self.path}: {what}")


def module(place: Place, name: str, definition: object) -> Module:
    """Return a module.

    Raises:
        ModuleError: when its definition is wrong.
    """
    raw = _mapping(place, definition, MODULE_KEYS)
    metrics = _each(place, raw, "metrics", _metric)
    return Module(
        name=name,
        walk=_each(place, raw, "walk", _oid),
        get=_each(place, raw, "get", _oid),
        metrics=tuple({metric.oid: metric for metric in metrics}.values()),  # of two for one object the last has it
        max_repetitions=_optional(place, raw, "max_repetitions", _count, _MAX_REPETITIONS),
        retries=_optional(place, raw, "retries", _count, _MAX_RETRIES),
        timeout_seconds=_optional(place, raw, "timeout", _seconds),
        filters=_filters(place, raw),
        allow_nonincreasing_oids=_flag(place, raw, "allow_nonincreasing_oids"),
        use_unconnected_udp_socket=_flag(place, raw, "use_unconnected_udp_socket"),
    )


# ------------------------------------------------------------------ single values


def _mapping(place: Place, value: object, keys: frozenset[str], needed: tuple[str, ...] = ()) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise place.wrong(f"a mapping expected, got {value!r}")
    for key in value:
        if key not in keys:
            near = difflib.get_close_matches(str(key), keys, n=1)
            raise place.of(str(key)).wrong("unknown key" + (f"; did you mean {near[0]!r}?" if near else ""))
    for key in needed:
        if key not in value:
            raise place.wrong(f"the key {key!r} expected")
    return value


def _each(place: Place, raw: Mapping[str, Any], key: str, read: Callable[[Place, object], T]) -> tuple[T, ...]:
    """Return a list's values, each read; an absent list is empty."""
    place, value = place.of(key), raw.get(key)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise place.wrong(f"a list expected, got {value!r}")
    return tuple([read(place.of(number), entry) for number, entry in enumerate(value)])


def _optional(place: Place, raw: Mapping[str, Any], key: str, read: Callable[..., T], *more: object) -> T | None:
    value = raw.get(key)
    return None if value is None else read(place.of(key), value, *more)


def _flag(place: Place, raw: Mapping[str, Any], key: str) -> bool:
    value = raw.get(key, "false")
    if str(value).lower() not in _WORDS:
        raise place.of(key).wrong(f"true or false expected, got {value!r}")
    return _WORDS[str(value).lower()]


def _oid(place: Place, value: object) -> bytes:
    # YAML reads 1.3 as a number; nobody walks that much
    if not isinstance(value, str):
        raise place.wrong(f"an OID such as 1.3.6.1.2.1.2 expected, got {value!r}")
    try:
        return encode_oid(value)
    except ValueError as error:
        raise place.wrong(str(error)) from error


def _name(place: Place, value: object, pattern: re.Pattern[str] = _LABEL) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise place.wrong(f"a name of letters, digits and _ expected, got {value!r}")
    return value


def _type(place: Place, value: object, types: frozenset[str]) -> str:
    if not isinstance(value, str) or value not in types:
        near = difflib.get_close_matches(str(value), types, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the types are {', '.join(sorted(types - {''}))}"
        raise place.wrong(f"unknown type {value!r}; {hint}")
    return value


def _number(place: Place, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise place.wrong(f"a number expected, got {value!r}")
    return float(value)


def _count(place: Place, value: object, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise place.wrong(f"a whole number from 0 to {most} expected, got {value!r}")
    return value


def _seconds(place: Place, value: object) -> float:
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        hint = f"; did you mean '{value}s'?" if isinstance(value, int | float) and not isinstance(value, bool) else ""
        raise place.wrong(f"a duration such as 5s or 1m30s expected, got {value!r}{hint}")
    seconds = sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _DURATION_PART.findall(value))
    if seconds <= 0:
        raise place.wrong(f"a duration above 0 expected, got {value!r}")
    return seconds


def _enum(place: Place, value: object) -> Mapping[int, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(key, int) for key in value):
        raise place.wrong(f"names by number expected, got {value!r}")
    return {key: "" if name is None else str(name) for key, name in value.items()}


def _text(place: Place, value: object) -> str:
    if not isinstance(value, str):
        raise place.wrong(f"a text expected, got {value!r}")
    return value


def _regex(place: Place, value: object) -> re.Pattern[str]:
    try:
        return compiled(value if isinstance(value, str) else str(value))
    except ValueError as error:
        raise place.wrong(str(error)) from error


# ------------------------------------------------------------------ parts of a module


def _metric(place: Place, definition: object) -> Metric:
    raw = _mapping(place, definition, METRIC_KEYS, ("name", "oid", "type"))
    name = _name(place.of("name"), raw["name"], _METRIC_NAME)
    place = place.of(name)
    return Metric(
        name=name,
        oid=_oid(place.of("oid"), raw["oid"]),
        type=_type(place.of("type"), raw["type"], METRIC_TYPES),
        help=str(raw.get("help") or ""),
        indexes=_each(place, raw, "indexes", _index),
        lookups=tuple([lookup for lookups in _each(place, raw, "lookups", _lookups) for lookup in lookups]),
        enum_values=_enum(place.of("enum_values"), raw.get("enum_values")),
        regex_extracts=_extracts(place.of("regex_extracts"), raw.get("regex_extracts")),
        scale=_number(place.of("scale"), raw.get("scale", 0)),
        offset=_number(place.of("offset"), raw.get("offset", 0)),
        datetime_pattern=_text(place.of("datetime_pattern"), raw.get("datetime_pattern", "")),
        display_hint=_text(place.of("display_hint"), raw.get("display_hint", "")),
    )


def _index(place: Place, definition: object) -> Index:
    raw = _mapping(place, definition, INDEX_KEYS, ("labelname", "type"))
    return Index(
        labelname=_name(place.of("labelname"), raw["labelname"]),
        type=_type(place.of("type"), raw["type"], INDEX_TYPES),
        fixed_size=_count(place.of("fixed_size"), raw.get("fixed_size", 0), _MAX_FIXED_SIZE),
        implied=_flag(place, raw, "implied"),
        enum_values=_enum(place.of("enum_values"), raw.get("enum_values")),
    )


def _lookups(place: Place, definition: object) -> tuple[Lookup, ...]:
    """Return a look-up, and those that drop its source labels."""
    raw = _mapping(place, definition, LOOKUP_KEYS, ("labelname",))
    labels = _each(place, raw, "labels", _name)
    labelname = _name(place.of("labelname"), raw["labelname"])
    if not labels:
        return (Lookup((), labelname),)
    lookup = Lookup(
        labels,
        labelname,
        _oid(place.of("oid"), raw.get("oid")),
        _type(place.of("type"), raw.get("type", ""), LOOKUP_TYPES),
        _enum(place.of("enum_values"), raw.get("enum_values")),
        _text(place.of("display_hint"), raw.get("display_hint", "")),
    )
    dropped = labels if _flag(place, raw, "drop_source_indexes") else ()
    return (lookup, *[Lookup((), label) for label in dropped])


def _extracts(place: Place, definition: object) -> Mapping[str, tuple[Extract, ...]]:
    if definition is None:
        return {}
    if not isinstance(definition, dict):
        raise place.wrong(f"a mapping expected, got {definition!r}")
    for suffix in definition:
        if not isinstance(suffix, str) or not re.fullmatch("[a-zA-Z0-9_:]*", suffix):
            raise place.wrong(f"a suffix of letters, digits and _ expected, got {suffix!r}")
    return {suffix: _each(place, definition, suffix, _extract) for suffix in definition}


def _extract(place: Place, definition: object) -> Extract:
    raw = _mapping(place, definition, frozenset(("regex", "value")))
    return Extract(_regex(place.of("regex"), raw.get("regex", "")), str(raw.get("value", "$1")))


def _filters(place: Place, raw: Mapping[str, Any]) -> tuple[Filter, ...]:
    filters = raw.get("filters")
    if isinstance(filters, dict) and not filters.keys() - {"static", "dynamic"}:
        raise place.of("filters").wrong(
            "a list of filters expected, got the form of generator.yml, of which the generator makes this list"
            " (of what stands below `dynamic`) and entries of `get` (of `static`): generate the file"
        )
    return _each(place, raw, "filters", _filter)


def _filter(place: Place, definition: object) -> Filter:
    raw = _mapping(place, definition, FILTER_KEYS, ("oid",))
    return Filter(
        _oid(place.of("oid"), raw["oid"]),
        _each(place, raw, "targets", _oid),
        _each(place, raw, "values", _regex),
    )

"""The values of the module language: what a module asks for, and what becomes of it as metrics.

The language is that of snmp_exporter's snmp.yml: version 0.30, and the fields that came after it (display hints,
enumerations of look-ups, `drop_source_indexes`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

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
     "InetAddressIPv6", "InetAddress", "InetAddressMissingSize", "IpAddr", "LldpPortId", "EnumAsInfo",
     "EnumAsStateSet", "Bits"),
)  # fmt: skip
LOOKUP_TYPES: Final = METRIC_TYPES | INDEX_TYPES | {""}
DEFAULT_MAX_REPETITIONS: Final = 25  # these three are snmp_exporter's
DEFAULT_RETRIES: Final = 3
DEFAULT_TIMEOUT_SECONDS: Final = 5.0


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
    enum_values: Mapping[int, str] = field(default_factory=dict)
    display_hint: str = ""


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
    display_hint: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """Rows chosen by what one of their objects holds: of the targets only those rows are asked for.

    Attributes:
        oid: the column whose values choose.
        targets: the columns that are then read by GET; a walk of just one of them is left out.
        values: regular expressions; a row is chosen when one of them is found in its value.
    """

    oid: bytes
    targets: tuple[bytes, ...]
    values: tuple[re.Pattern[str], ...]


@dataclass(frozen=True, slots=True)
class Module:
    """What one poll of one module asks for and yields.

    Attributes:
        max_repetitions, retries, timeout_seconds: None where the module does not say; `timeout_seconds` is for one try.
        allow_nonincreasing_oids: an agent that gives its rows in no order is walked all the same.
        use_unconnected_udp_socket: answers from another address than the one asked are taken.
    """

    name: str
    walk: tuple[bytes, ...] = ()
    get: tuple[bytes, ...] = ()
    metrics: tuple[Metric, ...] = ()
    max_repetitions: int | None = None
    retries: int | None = None
    timeout_seconds: float | None = None
    filters: tuple[Filter, ...] = ()
    allow_nonincreasing_oids: bool = False
    use_unconnected_udp_socket: bool = False

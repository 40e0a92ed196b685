"""From the text of MIB files to names, by pysmi's parser.

A MIB is somebody else's file: it becomes data, never code that is run. What a file imports and nobody has costs the
names below it, not the file: on most hosts some MIB is missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from probes.snmp.names import MibObject

_ROOTS: Final = {
    "iso": (1,), "ccitt": (0,), "joint-iso-ccitt": (2,), "org": (1, 3), "dod": (1, 3, 6), "internet": (1, 3, 6, 1),
    "directory": (1, 3, 6, 1, 1), "mgmt": (1, 3, 6, 1, 2), "mib-2": (1, 3, 6, 1, 2, 1), "mib": (1, 3, 6, 1, 2, 1),
    "transmission": (1, 3, 6, 1, 2, 1, 10), "experimental": (1, 3, 6, 1, 3), "private": (1, 3, 6, 1, 4),
    "enterprises": (1, 3, 6, 1, 4, 1), "security": (1, 3, 6, 1, 5), "snmpV2": (1, 3, 6, 1, 6),
    "snmpDomains": (1, 3, 6, 1, 6, 1), "snmpProxys": (1, 3, 6, 1, 6, 2), "snmpModules": (1, 3, 6, 1, 6, 3),
    "system": (1, 3, 6, 1, 2, 1, 1), "interfaces": (1, 3, 6, 1, 2, 1, 2), "ifMIB": (1, 3, 6, 1, 2, 1, 31),
    "host": (1, 3, 6, 1, 2, 1, 25), "ip": (1, 3, 6, 1, 2, 1, 4),
}  # fmt: skip
_MAX_DEPTH: Final = 64  # of types made of types and of names below names: deeper is a circle


@dataclass(frozen=True, slots=True)
class Syntax:
    """How a type reads; `base` is the type that it is made of, "" for one of ASN.1's own."""

    base: str = ""
    hint: str = ""
    enums: Mapping[int, str] = field(default_factory=dict)
    bits: bool = False


# RFC 2579 and the conventions that most MIBs import: known also where their own MIB is not installed
_TYPES: Final = {
    "DisplayString": Syntax(hint="255a"),
    "OwnerString": Syntax(hint="255a"),
    "SnmpAdminString": Syntax(hint="255t"),
    "PhysAddress": Syntax(hint="1x:"),
    "MacAddress": Syntax(hint="1x:"),
    "DateAndTime": Syntax(hint="2d-1d-1d,1d:1d:1d.1d,1a1d:1d"),
    "InetAddressIPv4": Syntax(hint="1d.1d.1d.1d"),
    "InetAddressIPv6": Syntax(hint="2x:2x:2x:2x:2x:2x:2x:2x"),
    "TruthValue": Syntax(enums={1: "true", 2: "false"}),
    "RowStatus": Syntax(
        enums={1: "active", 2: "notInService", 3: "notReady", 4: "createAndGo", 5: "createAndWait", 6: "destroy"}
    ),
    "StorageType": Syntax(enums={1: "other", 2: "volatile", 3: "nonVolatile", 4: "permanent", 5: "readOnly"}),
    "InetAddressType": Syntax(enums={0: "unknown", 1: "ipv4", 2: "ipv6", 3: "ipv4z", 4: "ipv6z", 16: "dns"}),
}


@dataclass(frozen=True, slots=True)
class Node:
    """One definition: a name below another one."""

    name: str
    parent: str
    below: tuple[int, ...]
    syntax: Syntax = field(default_factory=Syntax)
    units: str = ""


@dataclass(frozen=True, slots=True)
class Mib:
    """What one MIB defines, as far as names and values need it."""

    name: str
    nodes: tuple[Node, ...]
    types: Mapping[str, Syntax]
    imports: Mapping[str, str]  # symbol -> MIB


def mib(tree: Sequence[Any]) -> Mib:
    """Return a MIB from what pysmi's parser makes of it: (name, _, imports, definitions)."""
    name, _, imported, definitions = tree
    nodes: list[Node] = []
    types: dict[str, Syntax] = {}
    for kind, word, *parts in definitions or ():
        if kind == "typeDeclaration":
            if (syntax := _declared(parts[0])) is not None:
                types[word] = syntax
        elif parts and isinstance(parts[-1], tuple) and parts[-1][:1] == ("objectIdentifier",):
            is_object = kind == "objectTypeClause"
            found = _place(parts[-1][1])
            if found is not None:
                syntax = _syntax(parts[0]) if is_object else Syntax()
                nodes.append(Node(word, *found, syntax, _units(parts[1]) if is_object else ""))
    imports = {symbol: source for source, symbols in (imported or {}).items() for symbol in symbols}
    return Mib(name, tuple(nodes), types, imports)


def _place(path: Sequence[Any]) -> tuple[str, tuple[int, ...]] | None:
    """Return the parent and the numbers below it of `{ enterprises 9 }` or `{ iso org(3) 6 }`."""
    first, *rest = path
    numbers = [part[1] if isinstance(part, tuple) else part for part in rest]
    if isinstance(first, tuple):  # { iso(1) ... }
        first = first[0]
    if not isinstance(first, str) or not all(isinstance(number, int) for number in numbers):
        return None
    return first, tuple(numbers)


def _units(part: Any) -> str:  # noqa: ANN401 - a piece of pysmi's tree
    return str(part[1]) if isinstance(part, tuple) and part[0] == "UNITS" else ""


def _declared(right: Sequence[Any]) -> Syntax | None:
    if not right:
        return None
    syntax = _syntax(right[-1])
    hint = right[1][1] if len(right) > 2 and isinstance(right[1], tuple) and right[1][0] == "DISPLAY-HINT" else ""
    return Syntax(syntax.base, str(hint), syntax.enums, syntax.bits) if hint else syntax


def _syntax(part: Any) -> Syntax:  # noqa: ANN401 - a piece of pysmi's tree
    if not isinstance(part, tuple) or len(part) < 2:
        return Syntax()
    if part[0] == "BITS":
        return Syntax(enums=_enums(part[1]), bits=True)
    detail = part[2] if len(part) > 2 else None
    enums = _enums(detail[1]) if isinstance(detail, tuple) and detail[0] == "enumSpec" else {}
    return Syntax(part[1] if isinstance(part[1], str) else "", enums=enums)


def _enums(pairs: Iterable[Any]) -> dict[int, str]:
    return {number: str(word) for word, number in pairs if isinstance(number, int)}


# ------------------------------------------------------------------ joined


class _Joined:
    """All MIBs together: where a name or a type is defined."""

    def __init__(self, mibs: Sequence[Mib]) -> None:
        self._mibs: dict[str, Mib] = {}
        self._nodes: dict[tuple[str, str], Node] = {}
        self._homes: dict[str, str] = {}  # a name that is imported from nowhere is looked for everywhere
        self._types: dict[str, Syntax] = dict(_TYPES)
        self._oids: dict[tuple[str, str], tuple[int, ...] | None] = {}
        for one in mibs:
            if one.name in self._mibs:
                continue  # of two files with one MIB the first has it
            self._mibs[one.name] = one
            for node in one.nodes:
                self._nodes.setdefault((one.name, node.name), node)
                self._homes.setdefault(node.name, one.name)
            for name, syntax in one.types.items():
                self._types.setdefault(name, syntax)

    def objects(self) -> Iterable[MibObject]:
        for one in self._mibs.values():
            for node in one.nodes:
                oid = self._oid(one.name, node.name)
                if oid is not None and len(oid) > 1:
                    syntax = self._reading(one, node.syntax)
                    dotted = ".".join(map(str, oid))
                    yield MibObject(node.name, dotted, one.name, syntax.hint, syntax.enums, syntax.bits, node.units)

    def _oid(self, home: str, name: str) -> tuple[int, ...] | None:
        """Return the numbers of a name; None where a MIB is missing, or names go in a circle."""
        path: list[tuple[str, str]] = []
        below: tuple[int, ...] | None = None
        while below is None and len(path) < _MAX_DEPTH:
            key = (home, name)
            if key in self._oids:
                below = self._oids[key]
                break
            node = self._nodes.get(key)
            if node is None:
                source = self._mibs[home].imports.get(name) if home in self._mibs else None
                other = source if (source, name) in self._nodes else self._homes.get(name)
                if other is not None and other != home:
                    home = other
                    continue
                below = _ROOTS.get(name)
                break
            path.append(key)
            name = node.parent
        for key in reversed(path):
            below = None if below is None else (*below, *self._nodes[key].below)
            self._oids[key] = below
        return below

    def _reading(self, one: Mib, syntax: Syntax) -> Syntax:
        """Return how values read, with what the types behind the type say."""
        hint, enums, bits, base = syntax.hint, syntax.enums, syntax.bits, syntax.base
        for _ in range(_MAX_DEPTH):
            behind = one.types.get(base) or self._types.get(base)
            if behind is None:
                break
            hint, enums, bits, base = hint or behind.hint, enums or behind.enums, bits or behind.bits, behind.base
        return Syntax("", hint, enums, bits)


def joined(mibs: Sequence[Mib]) -> list[MibObject]:
    """Return the objects of all MIBs with their OIDs; what hangs on a MIB that is not there is left out."""
    return list(_Joined(mibs).objects())

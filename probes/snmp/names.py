"""Names of OIDs: `IF-MIB::ifDescr.1` to octets and back. Pure: whoever has names (MIB files, modules) brings them."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from probes.snmp.oid import decode_index, encode_index, encode_oid, oid_text

_T = TypeVar("_T")
_NEAR: Final = 0.7
EVERYTHING: Final = ("1.0", "1.1", "1.2", "1.3")  # what a walk of `.1` asks for: an OID of one number fits no packet
_NAMED: Final = re.compile(
    r"(?:(?P<module>[A-Za-z][\w-]*)::)?(?P<name>[A-Za-z][\w-]*)(?P<rest>(?:\.\d{1,10})*)", re.ASCII
)
_NUMERIC: Final = re.compile(r"\.?\d+(?:\.\d+)*", re.ASCII)
# the nodes above everything, as RFC 1155, RFC 1213 and RFC 2578 name them
_ROOTS: Final = {
    "org": ("1.3", "SNMPv2-SMI"),
    "dod": ("1.3.6", "SNMPv2-SMI"),
    "internet": ("1.3.6.1", "SNMPv2-SMI"),
    "directory": ("1.3.6.1.1", "SNMPv2-SMI"),
    "mgmt": ("1.3.6.1.2", "SNMPv2-SMI"),
    "mib-2": ("1.3.6.1.2.1", "SNMPv2-SMI"),
    "transmission": ("1.3.6.1.2.1.10", "SNMPv2-SMI"),
    "experimental": ("1.3.6.1.3", "SNMPv2-SMI"),
    "private": ("1.3.6.1.4", "SNMPv2-SMI"),
    "enterprises": ("1.3.6.1.4.1", "SNMPv2-SMI"),
    "security": ("1.3.6.1.5", "SNMPv2-SMI"),
    "snmpV2": ("1.3.6.1.6", "SNMPv2-SMI"),
    "snmpDomains": ("1.3.6.1.6.1", "SNMPv2-SMI"),
    "snmpProxys": ("1.3.6.1.6.2", "SNMPv2-SMI"),
    "snmpModules": ("1.3.6.1.6.3", "SNMPv2-SMI"),
    "zeroDotZero": ("0.0", "SNMPv2-SMI"),
    "system": ("1.3.6.1.2.1.1", "SNMPv2-MIB"),
    "interfaces": ("1.3.6.1.2.1.2", "IF-MIB"),
    "ifTable": ("1.3.6.1.2.1.2.2", "IF-MIB"),
    "ifEntry": ("1.3.6.1.2.1.2.2.1", "IF-MIB"),
    "ifXTable": ("1.3.6.1.2.1.31.1.1", "IF-MIB"),
    "ifXEntry": ("1.3.6.1.2.1.31.1.1.1", "IF-MIB"),
    "ip": ("1.3.6.1.2.1.4", "IP-MIB"),
    "icmp": ("1.3.6.1.2.1.5", "IP-MIB"),
    "tcp": ("1.3.6.1.2.1.6", "TCP-MIB"),
    "udp": ("1.3.6.1.2.1.7", "UDP-MIB"),
    "snmp": ("1.3.6.1.2.1.11", "SNMPv2-MIB"),
    "host": ("1.3.6.1.2.1.25", "HOST-RESOURCES-MIB"),
    "ifMIB": ("1.3.6.1.2.1.31", "IF-MIB"),
    "upsMIB": ("1.3.6.1.2.1.33", "UPS-MIB"),
    "entityMIB": ("1.3.6.1.2.1.47", "ENTITY-MIB"),
    "entitySensorMIB": ("1.3.6.1.2.1.99", "ENTITY-SENSOR-MIB"),
    "ucdavis": ("1.3.6.1.4.1.2021", "UCD-SNMP-MIB"),
}
# RFC 2863: the columns of ifTable and ifXTable in their order; modules read but some of them
_IF_COLUMNS: Final = {
    "1.3.6.1.2.1.2.2.1": (
        "ifIndex ifDescr ifType ifMtu ifSpeed ifPhysAddress ifAdminStatus ifOperStatus ifLastChange ifInOctets "
        "ifInUcastPkts ifInNUcastPkts ifInDiscards ifInErrors ifInUnknownProtos ifOutOctets ifOutUcastPkts "
        "ifOutNUcastPkts ifOutDiscards ifOutErrors ifOutQLen ifSpecific"
    ),
    "1.3.6.1.2.1.31.1.1.1": (
        "ifName ifInMulticastPkts ifInBroadcastPkts ifOutMulticastPkts ifOutBroadcastPkts ifHCInOctets ifHCInUcastPkts "
        "ifHCInMulticastPkts ifHCInBroadcastPkts ifHCOutOctets ifHCOutUcastPkts ifHCOutMulticastPkts "
        "ifHCOutBroadcastPkts ifLinkUpDownTrapEnable ifHighSpeed ifPromiscuousMode ifConnectorPresent ifAlias "
        "ifCounterDiscontinuityTime"
    ),
}
# which MIB names what lies below: for names that come without one (modules know objects, not their MIBs)
_MIBS: Final = {
    "1.3.6.1.2.1.1": "SNMPv2-MIB",
    "1.3.6.1.2.1.2": "IF-MIB",
    "1.3.6.1.2.1.4": "IP-MIB",
    "1.3.6.1.2.1.5": "IP-MIB",
    "1.3.6.1.2.1.6": "TCP-MIB",
    "1.3.6.1.2.1.7": "UDP-MIB",
    "1.3.6.1.2.1.10.7": "EtherLike-MIB",
    "1.3.6.1.2.1.11": "SNMPv2-MIB",
    "1.3.6.1.2.1.14": "OSPF-MIB",
    "1.3.6.1.2.1.15": "BGP4-MIB",
    "1.3.6.1.2.1.17": "BRIDGE-MIB",
    "1.3.6.1.2.1.25": "HOST-RESOURCES-MIB",
    "1.3.6.1.2.1.31": "IF-MIB",
    "1.3.6.1.2.1.33": "UPS-MIB",
    "1.3.6.1.2.1.43": "Printer-MIB",
    "1.3.6.1.2.1.47": "ENTITY-MIB",
    "1.3.6.1.2.1.99": "ENTITY-SENSOR-MIB",
    "1.3.6.1.2.1.131": "ENTITY-STATE-MIB",
    "1.0.8802.1.1.2": "LLDP-MIB",
    "1.3.6.1.4.1.2021": "UCD-SNMP-MIB",
}


class UnknownNameError(ValueError):
    """Nobody has brought this name; the text names the likely one."""


@dataclass(frozen=True, slots=True)
class MibObject:
    """A name in the tree, and how its values read.

    Attributes:
        oid: the dotted form, without an instance.
        module: the MIB; "" where the source does not know it.
        hint: an RFC 2579 DISPLAY-HINT, or "".
        enums: names of numbers, or of bits.
        bits: the value is a string of bits (RFC 2578 section 7.1.4).
        units: what stands behind the number, or "".
    """

    name: str
    oid: str
    module: str = ""
    hint: str = ""
    enums: Mapping[int, str] = field(default_factory=dict)
    bits: bool = False
    units: str = ""


class Names:
    """All names that were brought; of two for one OID the first has it."""

    def __init__(self, objects: Iterable[MibObject] = ()) -> None:
        self._by_oid: dict[bytes, MibObject] = {}
        self._by_name: dict[str, dict[str, bytes]] = {}  # name -> MIB -> OID
        for name, (oid, module) in _ROOTS.items():
            self._add(MibObject(name, oid, module))
        mibs = {encode_oid(oid): mib for oid, mib in _MIBS.items()}
        for found in objects:
            self._add(found, mibs)
        for entry, columns in _IF_COLUMNS.items():  # last: who brings more than the name has it
            for number, name in enumerate(columns.split(), start=1):
                self._add(MibObject(name, f"{entry}.{number}", "IF-MIB"))

    def __len__(self) -> int:
        """Return how many OIDs have a name."""
        return len(self._by_oid)

    def _add(self, found: MibObject, mibs: Mapping[bytes, str] | None = None) -> None:
        try:
            oid = encode_oid(found.oid)
        except ValueError:
            return  # a MIB may define what no packet can carry
        module = found.module or (_nearest(oid, mibs)[0] if mibs else None) or ""
        kept = self._by_oid.get(oid)
        if kept is None:
            self._by_oid[oid] = found if found.module == module else MibObject(
                found.name, found.oid, module, found.hint, found.enums, found.bits, found.units
            )  # fmt: skip
        self._by_name.setdefault(found.name, {}).setdefault(module, oid)

    def oid(self, text: str) -> bytes:
        """Return the OID of `1.3.6.1.2.1.1.3.0`, `sysUpTime.0`, `IF-MIB::ifDescr.1` or `IF-MIB::ifDescr`.

        Raises:
            UnknownNameError: naming the likely name, or what was expected.
        """
        if _NUMERIC.fullmatch(text):
            try:
                return encode_oid(text)
            except ValueError as error:
                raise UnknownNameError(str(error)) from error
        found = _NAMED.fullmatch(text)
        if found is None:
            raise UnknownNameError(
                f"expected an OID such as 1.3.6.1.2.1.1.3.0, sysUpTime.0, IF-MIB::ifDescr.1; got {text!r}"
            )
        try:
            return self._named(found["module"], found["name"]) + encode_index(
                _below(part) for part in found["rest"].split(".")[1:]
            )
        except OverflowError as error:
            raise UnknownNameError(f"{text}: {error}") from error

    def _named(self, module: str | None, name: str) -> bytes:
        homes = self._by_name.get(name)
        if homes is None:
            # letters in another case are the likeliest slip
            lowered = {known.lower(): known for known in self._by_name}
            near = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=_NEAR)
            hint = f"; did you mean {lowered[near[0]]!r}?" if near else ""
            raise UnknownNameError(
                f"nothing is called {name!r}{hint or '; give the MIB file a place in --mib-dir, or the OID as numbers'}"
            )
        if module is None or module in homes:
            return homes[module] if module is not None else next(iter(homes.values()))
        if "" in homes:
            return homes[""]
        raise UnknownNameError(f"{name} is not of {module}; it is of {' and '.join(sorted(homes))}")

    def subtrees(self, text: str) -> tuple[bytes, ...]:
        """Return where a walk of this begins: one OID, or several for `.1`, which is everything.

        Raises:
            UnknownNameError: as `oid`.
        """
        if text.removeprefix(".") in ("1", "iso"):
            return tuple(map(encode_oid, EVERYTHING))
        return (self.oid(text),)

    def find(self, oid: bytes) -> tuple[MibObject | None, bytes]:
        """Return the nearest name at or above an OID, and what of the OID lies below it."""
        return _nearest(oid, self._by_oid)

    def text(self, oid: bytes) -> str:
        """Return `IF-MIB::ifDescr.1`; an OID below no name as numbers."""
        found, rest = self.find(oid)
        if found is None:
            return oid_text(oid) or "0.0"
        named = f"{found.module}::{found.name}" if found.module else found.name
        return f"{named}.{_dotted(rest)}" if rest else named


def _nearest(oid: bytes, table: Mapping[bytes, _T]) -> tuple[_T | None, bytes]:
    for end in range(len(oid), 0, -1):
        if oid[end - 1] < 0x80 and (found := table.get(oid[:end])) is not None:
            return found, oid[end:]
    return None, oid


def _below(part: str) -> int:
    if (number := int(part)) >= 1 << 32:
        raise OverflowError(f"expected numbers below 4294967296 behind the name, got {part}")
    return number


def _dotted(rest: bytes) -> str:
    return ".".join(map(str, decode_index(rest)))

"""What stands at the other end of a device's interfaces, and whether both ends agree: EtherLike-MIB and LLDP-MIB. Pure.

Read with the slow tier, now and then: neighbours and duplex change with a cable, and that changes an interface's state.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Final

from agent.core.interfaces import duplex_mismatch
from agent.core.model import Duplex, Interface, Neighbour
from probes.snmp.ber import VarBind
from probes.snmp.identity import printable
from probes.snmp.oid import encode_oid
from probes.snmp.render import columns
from probes.snmp.values import suffix_parts

# RFC 3635 dot3StatsTable, by ifIndex
_LATE_COLLISIONS: Final = encode_oid("1.3.6.1.2.1.10.7.2.1.8")
_DUPLEX: Final = encode_oid("1.3.6.1.2.1.10.7.2.1.19")
# IEEE 802.1AB LLDP-MIB: local ports by lldpLocPortNum; neighbours by time mark, local port, and a number
_LOCAL_PORT_ID: Final = encode_oid("1.0.8802.1.1.2.1.3.7.1.3")
_LOCAL_PORT_DESC: Final = encode_oid("1.0.8802.1.1.2.1.3.7.1.4")
_REMOTE_PORT_ID: Final = encode_oid("1.0.8802.1.1.2.1.4.1.1.7")
_REMOTE_PORT_DESC: Final = encode_oid("1.0.8802.1.1.2.1.4.1.1.8")
_REMOTE_NAME: Final = encode_oid("1.0.8802.1.1.2.1.4.1.1.9")
# lldpRemManAddrTable: the addresses are in its index, and of its columns this one is the first that may be read
_REMOTE_ADDRESS: Final = encode_oid("1.0.8802.1.1.2.1.4.2.1.3")
# IEEE 802.3 annex 79A lldpXdot3RemPortTable: what the neighbour's transceiver is at (dot3MauType, RFC 4836)
_REMOTE_MAU: Final = encode_oid("1.0.8802.1.1.2.1.5.4623.1.3.1.1.4")
ROOTS: Final = (
    _LATE_COLLISIONS,
    _DUPLEX,
    _LOCAL_PORT_ID,
    _LOCAL_PORT_DESC,
    _REMOTE_PORT_ID,
    _REMOTE_PORT_DESC,
    _REMOTE_NAME,
    _REMOTE_ADDRESS,
    _REMOTE_MAU,
)
# IANA-MAU-MIB: the types that are of one duplex only
_MAU_DUPLEX: Final[Mapping[object, Duplex]] = {
    **dict.fromkeys((10, 12, 15, 17, 19, 21, 23, 25, 27, 29), Duplex.HALF),
    **dict.fromkeys((11, 13, 16, 18, 20, 22, 24, 26, 28, 30), Duplex.FULL),
}
_DUPLEXES: Final[Mapping[object, Duplex]] = {int(duplex): duplex for duplex in Duplex}
_FAMILIES: Final[Mapping[int, int]] = {1: 4, 2: 16}  # IANA AddressFamilyNumbers -> octets of an address
_MAX_ADDRESSES: Final = 8  # of one neighbour: what more it has is no help
MAX_OBJECTS: Final = 20_000  # a core switch has some hundred neighbours


@dataclass(frozen=True, slots=True)
class Lines:
    """What was read of the lines; all by ifIndex."""

    duplexes: Mapping[int, Duplex]
    late_collisions: Mapping[int, int]
    neighbours: Mapping[int, Neighbour]


NOTHING: Final = Lines({}, {}, {})


def lines(varbinds: Sequence[VarBind], interfaces: Sequence[Interface]) -> Lines:
    """Return what these objects say; a port with several neighbours has a hub or a phone behind it, and no line."""
    runs = columns(varbinds, ROOTS)
    ports = _ports(runs, interfaces)
    by_port: dict[int, list[tuple[int, ...]]] = {}
    texts = {root: _texts(runs.get(root, ()), root) for root in (_REMOTE_PORT_ID, _REMOTE_PORT_DESC, _REMOTE_NAME)}
    for key in texts[_REMOTE_NAME]:
        if len(key) == 3:
            by_port.setdefault(key[1], []).append(key)
    addresses = _addresses(runs.get(_REMOTE_ADDRESS, ()))
    maus = {suffix_parts(bind[0][len(_REMOTE_MAU) :]): bind[2] for bind in runs.get(_REMOTE_MAU, ())}
    neighbours = {
        ports[port]: Neighbour(
            texts[_REMOTE_NAME][keys[0]],
            texts[_REMOTE_PORT_ID].get(keys[0]) or texts[_REMOTE_PORT_DESC].get(keys[0], ""),
            _MAU_DUPLEX.get(maus.get(keys[0])),
            tuple(addresses.get(keys[0], ())[:_MAX_ADDRESSES]),
        )
        for port, keys in by_port.items()
        if len(keys) == 1 and port in ports and texts[_REMOTE_NAME][keys[0]]
    }
    duplexes = {index: _DUPLEXES[value] for index, value in _numbers(runs, _DUPLEX) if value in _DUPLEXES}
    return Lines(duplexes, dict(_numbers(runs, _LATE_COLLISIONS)), neighbours)


def joined(interfaces: tuple[Interface, ...], found: Lines, before: Lines) -> tuple[Interface, ...]:
    """Return the interfaces, which nothing was said of yet, with what is known of their lines.

    Args:
        before: what was found the last time, of the same interfaces under the same numbers.
    """
    if found == NOTHING:
        return interfaces
    out = []
    for one in interfaces:
        late, former = found.late_collisions.get(one.index), before.late_collisions.get(one.index)
        duplex, neighbour = found.duplexes.get(one.index), found.neighbours.get(one.index)
        row = one
        if (duplex, neighbour) != (one.duplex, one.neighbour):
            row = replace(one, duplex=duplex, neighbour=neighbour)
        grew = late is not None and former is not None and late > former
        mismatch = duplex_mismatch(row, late_collisions=grew)
        out.append(row if mismatch == row.duplex_mismatch else replace(row, duplex_mismatch=mismatch))
    return tuple(out)


def _ports(runs: Mapping[bytes, Sequence[VarBind]], interfaces: Sequence[Interface]) -> dict[int, int]:
    """Return lldpLocPortNum -> ifIndex, by the port's name; by the number where the agent tells no names."""
    by_name: dict[str, int] = {}
    for words in ("alias", "descr", "name"):  # the last one counts most
        by_name.update({word: one.index for one in interfaces if (word := getattr(one, words))})
    found: dict[int, int] = {}
    for root in (_LOCAL_PORT_DESC, _LOCAL_PORT_ID):  # the id counts more
        for key, word in _texts(runs.get(root, ()), root).items():
            if len(key) == 1 and word in by_name:
                found[key[0]] = by_name[word]
    if not found:
        found = {one.index: one.index for one in interfaces}  # most agents number both alike
    return found


def _addresses(run: Sequence[VarBind]) -> dict[tuple[int, ...], list[str]]:
    """Return the management addresses of each neighbour: its index, then family, length and octets of the address."""
    found: dict[tuple[int, ...], list[str]] = {}
    for oid, _, _ in run:
        parts = suffix_parts(oid[len(_REMOTE_ADDRESS) :])
        family, octets = _FAMILIES.get(parts[3] if len(parts) > 3 else 0), parts[5:]
        if family is not None and parts[4:5] == (family,) == (len(octets),) and max(octets) < 256:
            found.setdefault(parts[:3], []).append(str(ip_address(bytes(octets))))
    return found


def _texts(run: Sequence[VarBind], root: bytes) -> dict[tuple[int, ...], str]:
    return {suffix_parts(bind[0][len(root) :]): printable(bind) for bind in run}


def _numbers(runs: Mapping[bytes, Sequence[VarBind]], root: bytes) -> Iterable[tuple[int, int]]:
    for oid, _, value in runs.get(root, ()):
        parts = suffix_parts(oid[len(root) :])
        if len(parts) == 1 and isinstance(value, int):
            yield parts[0], value


def same_ports(before: Sequence[Interface], after: Sequence[Interface]) -> bool:
    """Say whether these are the same interfaces under the same numbers."""
    return [(one.index, one.name) for one in before] == [(one.index, one.name) for one in after]

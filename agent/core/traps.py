"""What a trap concerns, and how often it may be asked about: a trap is a hint to look, never a fact.

Who may send one is decided where it is received. Here it only leads to measurements, and those decide about states.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from agent.core.ends import ends_by_device
from agent.core.model import Check, Estate, Interface, Role

POLL_GAP_SECONDS: Final = 5.0  # a switch that boots tells a linkUp for every port: one poll shows them all
BURST_GAP_SECONDS: Final = 2.0  # a burst lasts about as long

SNMP_PORT: Final = 161


class TrapKind(StrEnum):
    """What a trap tells, by the names of RFC 1215 and SNMPv2-MIB."""

    COLD_START = "coldStart"
    WARM_START = "warmStart"
    LINK_DOWN = "linkDown"
    LINK_UP = "linkUp"
    AUTHENTICATION_FAILURE = "authenticationFailure"
    OTHER = "other"


_LINK: Final = frozenset({TrapKind.LINK_DOWN, TrapKind.LINK_UP})
_ASKED_AFTER: Final = _LINK | {TrapKind.COLD_START, TrapKind.WARM_START}


@dataclass(frozen=True, slots=True)
class Trap:
    """One trap or inform from an address of the estate, with a community or user that is configured.

    Attributes:
        devices: those that have the address; most often one.
        version: `v1`, `v2c` or `v3`.
        oid: snmpTrapOID, dotted; for v1 as RFC 3584 section 3.1 makes it.
        inform: the sender was told that it arrived.
        if_index: the interface that it is about; None where it names none.
        names: what it calls that interface (ifName, ifDescr, ifAlias). Text from the network.
    """

    address: str
    devices: tuple[str, ...]
    version: str
    kind: TrapKind
    oid: str
    at: datetime
    inform: bool = False
    if_index: int | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sender:
    """Who may send from one address.

    Attributes:
        devices: the names of the devices that have it.
        auths: names of the auths that they are polled with.
        ports: where their SNMP agents are asked.
    """

    devices: tuple[str, ...] = ()
    auths: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Concern:
    """What is to be measured because of a trap."""

    polls: tuple[Check, ...] = ()
    bursts: tuple[Check, ...] = ()


def senders(estate: Estate, resolved: Mapping[str, Iterable[str]]) -> Mapping[str, Sender]:
    """Return, by address in its shortest form, who may send from it.

    Args:
        resolved: addresses of the names that stand as a device's address; a name that is missing sends nothing.
    """
    found: dict[str, Sender] = {}
    for target in estate.targets.values():
        if target.role is not Role.DEVICE:
            continue
        asked = [check.settings for check in target.checks if hasattr(check.settings, "auth")]
        own = Sender(
            (target.name,),
            tuple(str(settings.auth) for settings in asked),
            tuple(int(getattr(settings, "port", SNMP_PORT)) for settings in asked),
        )
        for written in sorted(device_addresses(estate, target.name)):
            for address in (written,) if is_address(written) else resolved.get(written, ()):
                found[plain(address)] = _together(found.get(plain(address), Sender()), own)
    return found


def _together(one: Sender, other: Sender) -> Sender:
    return Sender(
        tuple(dict.fromkeys((*one.devices, *other.devices))),
        tuple(dict.fromkeys((*one.auths, *other.auths))),
        tuple(dict.fromkeys((*one.ports, *other.ports))),
    )


def device_addresses(estate: Estate, device: str) -> frozenset[str]:
    """Return the addresses and names under which a device is measured."""
    target = estate.targets[device]
    written = [target.address, *(getattr(check.settings, "address", None) for check in target.checks)]
    return frozenset(text for text in written if text)


def is_address(text: str) -> bool:
    """Return whether this is an address and no name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def plain(address: str) -> str:
    """Return an address as it is compared: its shortest form, without a zone; IPv4 within IPv6 as IPv4."""
    if address.startswith("::ffff:") and "." in address:
        return address.removeprefix("::ffff:")
    return ipaddress.ip_address(address.partition("%")[0]).compressed


class TrapRules:
    """What traps concern, for one estate."""

    def __init__(self, estate: Estate) -> None:
        """Look up once what is asked with every trap."""
        checks: dict[str, list[Check]] = {}
        for check in estate.checks():
            checks.setdefault(check.target, []).append(check)
        self._polls = {name: tuple(c for c in own if c.type == "snmp") for name, own in checks.items()}
        self._echoes = {name: tuple(c for c in own if c.type == "icmp") for name, own in checks.items()}
        self._ends = ends_by_device(estate)

    def concern(self, trap: Trap, interfaces: Mapping[str, tuple[Interface, ...]]) -> Concern:
        """Return what is to be measured now.

        A device that started again is polled. So is one that tells of a link, and echoes go to it and over the
        circuits that end at that interface.

        Args:
            interfaces: those of each device, as it was polled last.
        """
        if trap.kind not in _ASKED_AFTER:
            return Concern()
        polls: list[Check] = []
        bursts: list[Check] = []
        for device in trap.devices:
            polls += self._polls.get(device, ())
            if trap.kind in _LINK:
                bursts += self._echoes.get(device, ())
                for circuit in self._circuits(device, trap, interfaces.get(device, ())):
                    bursts += self._echoes.get(circuit, ())
        return Concern(tuple(dict.fromkeys(polls)), tuple(dict.fromkeys(bursts)))

    def _circuits(self, device: str, trap: Trap, interfaces: tuple[Interface, ...]) -> list[str]:
        """Return the circuits that end at the interface; where it cannot be told which that is, all of the device."""
        ends = {check.target: check.source[1] for check in self._ends.get(device, ()) if check.source is not None}
        polled = [interface for interface in interfaces if interface.index == trap.if_index]
        called = {*trap.names}
        for interface in polled:
            called |= {interface.name, interface.descr, interface.alias or interface.name}
        found = [circuit for circuit, interface in ends.items() if interface in called]
        return found if found or polled else list(ends)


class Pace:
    """How often each thing may happen: at once, and then not again before the gap is over; put off, never dropped."""

    def __init__(self, gap_seconds: float) -> None:
        """Begin with nothing done."""
        self._gap = gap_seconds
        self._free_at: dict[tuple[str, str], float] = {}  # when each may happen again
        self._put_off: set[tuple[str, str]] = set()

    def may(self, key: tuple[str, str], now: float) -> bool:
        """Return whether it may happen now; if not, `due` returns it once when it may."""
        if now < self._free_at.get(key, now):
            self._put_off.add(key)
            return False
        self._free_at[key] = now + self._gap
        self._put_off.discard(key)
        return True

    def due(self, now: float) -> list[tuple[str, str]]:
        """Return what was put off and may happen now."""
        over = [key for key, free_at in self._free_at.items() if free_at <= now]
        again = sorted(key for key in over if key in self._put_off)
        self._put_off.difference_update(again)
        for key in over:
            del self._free_at[key]
        for key in again:
            self._free_at[key] = now + self._gap
        return again

    def next_at(self) -> float | None:
        """Return when `due` will have something to return; None: nothing was put off."""
        return min((self._free_at[key] for key in self._put_off), default=None)

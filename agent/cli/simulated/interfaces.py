"""IF-MIB for the simulated devices: ifTable and ifXTable (RFC 2863) with counters that move as a council's day does."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agent.cli.simulated.mib import Object, Oid, TypedValue
from agent.cli.simulated.script import Script
from probes.snmp.ber import Tag

ETHERNET, LOOPBACK = 6, 24  # IANAifType
_IF_NUMBER: Final = (1, 3, 6, 1, 2, 1, 2, 1, 0)
_IF_ENTRY: Final = (1, 3, 6, 1, 2, 1, 2, 2, 1)
_IF_X_ENTRY: Final = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
_DAY_SECONDS: Final = 86400.0
_PEAK_SECONDS: Final = 14 * 3600.0  # busiest at two in the afternoon
_SWING, _RIPPLE, _RIPPLE_SECONDS = 0.6, 0.3, 97.0  # together below 1: a counter never goes back
_PACKET_OCTETS: Final = 700.0  # mean size of a packet


@dataclass(frozen=True, slots=True)
class Port:
    """One interface.

    Attributes:
        circuit: the circuit that it carries: it goes down and comes back with that.
        in_octets, out_octets: mean per second.
        errors: incoming errors per second.
    """

    index: int
    name: str
    alias: str = ""
    descr: str = ""
    type: int = ETHERNET
    mtu: int = 1500
    speed_bits: int = 1_000_000_000
    up: bool = True
    enabled: bool = True
    circuit: str | None = None
    in_octets: float = 0.0
    out_octets: float = 0.0
    errors: float = 0.0


@dataclass(frozen=True, slots=True)
class Clock:
    """How old a device was when the simulation started, and what time of the day it was then."""

    uptime_seconds: float
    day_seconds: float

    def ticks(self, now: float) -> int:
        """Return sysUpTime: hundredths of a second, modulo 2^32 (RFC 3418)."""
        return int((self.uptime_seconds + now) * 100) % 2**32


def volume(mean: float, clock: Clock, phase: float, seconds: float) -> int:
    """Return what has passed since the device's start: the integral of a rate that swings with the day and a ripple.

    Args:
        mean: per second.
        phase: shifts the ripple, so that no two ports move alike.
        seconds: since the simulation started.
    """
    day = math.tau / _DAY_SECONDS
    ripple = math.tau / _RIPPLE_SECONDS
    begin = clock.day_seconds - _PEAK_SECONDS
    swung = (math.sin(day * (begin + seconds)) - math.sin(day * begin)) / day
    rippled = (math.cos(phase) - math.cos(ripple * seconds + phase)) / ripple
    return int(mean * (clock.uptime_seconds + seconds + _SWING * swung + _RIPPLE * rippled))


def if_mib(ports: Sequence[Port], clock: Clock, script: Script, mac: bytes) -> dict[Oid, Object]:
    """Return the objects of both tables.

    Args:
        mac: the first five octets of the device's addresses; the sixth is the interface's index.
    """
    objects: dict[Oid, Object] = {_IF_NUMBER: (Tag.INTEGER, len(ports))}
    for port in ports:
        for column, value in _if_entry(port, clock, script, mac).items():
            objects[(*_IF_ENTRY, column, port.index)] = value
        for column, value in _if_x_entry(port, clock, script).items():
            objects[(*_IF_X_ENTRY, column, port.index)] = value
    return objects


def _counter(tag: Tag, mean: float, port: Port, clock: Clock, script: Script, phase: float) -> Object:
    if not mean or not port.up:
        return tag, 0
    size = 2**32 if tag is Tag.COUNTER32 else 2**64

    def count(now: float) -> TypedValue:
        flowing = now - (script.down_seconds(port.circuit, now) if port.circuit else 0.0)
        return tag, volume(mean, clock, phase, flowing) % size

    return count


def _oper(port: Port, script: Script) -> Object:
    circuit = port.circuit
    if circuit is None:
        return Tag.INTEGER, 1 if port.up and port.enabled else 2
    return lambda now: (Tag.INTEGER, 2 if script.failed(circuit, now) else 1)


def _last_change(port: Port, clock: Clock, script: Script) -> Object:
    circuit = port.circuit
    if circuit is None:
        return Tag.TIMETICKS, 4200

    def ticks(now: float) -> TypedValue:
        changed = script.changed_at(circuit, now)
        return Tag.TIMETICKS, 4200 if changed is None else clock.ticks(changed)

    return ticks


def _if_entry(port: Port, clock: Clock, script: Script, mac: bytes) -> dict[int, Object]:
    def counter(mean: float, phase: float) -> Object:
        return _counter(Tag.COUNTER32, mean, port, clock, script, phase + port.index)

    return {
        1: (Tag.INTEGER, port.index),
        2: (Tag.OCTET_STRING, (port.descr or port.name).encode()),
        3: (Tag.INTEGER, port.type),
        4: (Tag.INTEGER, port.mtu),
        5: (Tag.GAUGE32, min(port.speed_bits, 2**32 - 1)),
        6: (Tag.OCTET_STRING, mac + bytes((port.index,)) if port.type == ETHERNET else b""),
        7: (Tag.INTEGER, 1 if port.enabled else 2),
        8: _oper(port, script),
        9: _last_change(port, clock, script),
        10: counter(port.in_octets, 0.0),
        11: counter(port.in_octets / _PACKET_OCTETS, 0.0),
        12: counter(port.in_octets / 1e5, 0.0),
        13: counter(port.errors / 10, 0.0),
        14: counter(port.errors, 0.0),
        15: (Tag.COUNTER32, 0),
        16: counter(port.out_octets, 2.0),
        17: counter(port.out_octets / _PACKET_OCTETS, 2.0),
        18: counter(port.out_octets / 1e5, 2.0),
        19: (Tag.COUNTER32, 0),
        20: (Tag.COUNTER32, 0),
        21: (Tag.GAUGE32, 0),
        22: (Tag.OID, b"\x00"),
    }


def _if_x_entry(port: Port, clock: Clock, script: Script) -> dict[int, Object]:
    def counter(mean: float, phase: float, tag: Tag = Tag.COUNTER64) -> Object:
        return _counter(tag, mean, port, clock, script, phase + port.index)

    return {
        1: (Tag.OCTET_STRING, port.name.encode()),
        2: counter(port.in_octets / 2e5, 0.0, Tag.COUNTER32),
        3: counter(port.in_octets / 2e5, 1.0, Tag.COUNTER32),
        4: counter(port.out_octets / 2e5, 2.0, Tag.COUNTER32),
        5: counter(port.out_octets / 2e5, 3.0, Tag.COUNTER32),
        6: counter(port.in_octets, 0.0),
        7: counter(port.in_octets / _PACKET_OCTETS, 0.0),
        8: counter(port.in_octets / 2e5, 0.0),
        9: counter(port.in_octets / 2e5, 1.0),
        10: counter(port.out_octets, 2.0),
        11: counter(port.out_octets / _PACKET_OCTETS, 2.0),
        12: counter(port.out_octets / 2e5, 2.0),
        13: counter(port.out_octets / 2e5, 3.0),
        14: (Tag.INTEGER, 1),
        15: (Tag.GAUGE32, port.speed_bits // 1_000_000),
        16: (Tag.INTEGER, 2),
        17: (Tag.INTEGER, 1 if port.type == ETHERNET else 2),
        18: (Tag.OCTET_STRING, port.alias.encode()),
        19: (Tag.TIMETICKS, 0),
    }

"""The devices of two councils that share a data centre. Makers and models are examples (RFC 5612: enterprise 32473)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from agent.cli.simulated.interfaces import LOOPBACK, Clock, Port, if_mib
from agent.cli.simulated.mib import Mib, Object, Oid
from agent.cli.simulated.parts import POWER_SUPPLY, Part, celsius, fan, parts
from agent.cli.simulated.script import Script
from probes.snmp.ber import Tag, encode_oid

_DAY: Final = 86400.0
_SYSTEM: Final = (1, 3, 6, 1, 2, 1, 1)
_ENTITY: Final = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1)
_HOST: Final = (1, 3, 6, 1, 2, 1, 25)
_UPS: Final = (1, 3, 6, 1, 2, 1, 33, 1)
_GBIT, _MBIT = 1_000_000_000, 1_000_000


@dataclass(frozen=True, slots=True)
class Device:
    """One SNMP agent.

    Attributes:
        behind: the circuit without which it cannot be asked.
    """

    name: str
    mib: Mib
    behind: str | None = None


def estate(script: Script, day_seconds: float) -> Mapping[str, Device]:
    """Return every device by its name, as configs/quickstart.yaml calls it.

    Args:
        day_seconds: time of the day at the start: traffic is low at night.
    """
    made = (
        _router(script, day_seconds),
        _switch(script, day_seconds),
        _branch_switch(script, day_seconds),
        _gateway(script, day_seconds),
        _server(script, day_seconds),
        _ups(script, day_seconds),
    )
    return {device.name: device for device in made}


def _text(text: str) -> Object:
    return Tag.OCTET_STRING, text.encode()


def _system(name: str, descr: str, place: str, product: int, services: int, clock: Clock) -> dict[Oid, Object]:
    return {
        (*_SYSTEM, 1, 0): _text(descr),
        (*_SYSTEM, 2, 0): (Tag.OID, encode_oid(f"1.3.6.1.4.1.32473.1.{product}")),
        (*_SYSTEM, 3, 0): lambda now: (Tag.TIMETICKS, clock.ticks(now)),
        (*_SYSTEM, 4, 0): _text("ICT helpdesk"),
        (*_SYSTEM, 5, 0): _text(name),
        (*_SYSTEM, 6, 0): _text(place),
        (*_SYSTEM, 7, 0): (Tag.INTEGER, services),
    }


def _chassis(model: str, serial: str, software: str) -> dict[Oid, Object]:
    """ENTITY-MIB (RFC 6933): one row, the chassis."""
    columns: dict[int, Object] = {
        2: _text(f"{model} chassis"), 3: (Tag.OID, b"\x00"), 4: (Tag.INTEGER, 0), 5: (Tag.INTEGER, 3),
        6: (Tag.INTEGER, -1), 7: _text("chassis"), 8: _text(""), 9: _text(""), 10: _text(software),
        11: _text(serial), 12: _text("Example Networks"), 13: _text(model), 14: _text(""), 15: _text(""),
        16: (Tag.INTEGER, 1),
    }  # fmt: skip
    return {(*_ENTITY, column, 1): value for column, value in columns.items()}


def _neighbour(number: int, port: str, system: str, far_port: str) -> dict[Oid, Object]:
    """LLDP-MIB (IEEE 802.1AB): one neighbour, at the port of this number."""
    lldp, far = (1, 0, 8802, 1, 1, 2, 1), (0, number, 1)
    return {
        (*lldp, 3, 7, 1, 3, number): _text(port),
        (*lldp, 4, 1, 1, 7, *far): _text(far_port),
        (*lldp, 4, 1, 1, 9, *far): _text(system),
    }


def _router(script: Script, day_seconds: float) -> Device:
    clock = Clock(203 * _DAY, day_seconds)
    ports = (
        Port(1, "Gi0/0/0", "WAN bcw-crown-primary ExampleTel ETH/12345", circuit="bcw-crown-primary",
             speed_bits=100 * _MBIT, in_octets=2.1e6, out_octets=3.4e6),
        Port(2, "Gi0/0/1", "WAN bcw-crown-backup Othernet ON-778120", circuit="bcw-crown-backup",
             speed_bits=100 * _MBIT, in_octets=9e3, out_octets=8e3),
        Port(3, "Gi0/0/2", "WAN enc-crown ExampleTel ETH/23456", circuit="enc-crown",
             speed_bits=50 * _MBIT, in_octets=9e5, out_octets=1.6e6, errors=0.02),
        Port(4, "Gi0/0/3", "LAN data centre", speed_bits=10 * _GBIT, in_octets=5.1e6, out_octets=3.2e6),
        Port(5, "Lo0", type=LOOPBACK, speed_bits=8 * _GBIT),
    )  # fmt: skip
    descr = "Example Networks ER-4 router, software 16.9.4"
    objects = {
        **_system("crown-rtr1", descr, "Crown House, rack A2", 4, 78, clock),
        **if_mib(ports, clock, script, b"\x02\x00\x5e\x10\x01"),
        **_chassis("ER-4", "EX1903R0042", "16.9.4"),
        **parts(
            [
                Part(10, POWER_SUPPLY, "power supply 1", "EP-250", "EX1903P0107"),
                Part(11, POWER_SUPPLY, "power supply 2", "EP-250", "EX1903P0108", works=False),  # it has failed
                celsius(12, "inlet", 24),
            ]
        ),
    }
    return Device("crown-rtr1", Mib(objects))


def _switch(script: Script, day_seconds: float) -> Device:
    """48 access ports, of which a third is free, and four uplinks."""
    clock = Clock(412 * _DAY, day_seconds)
    access = [
        Port(number, f"Gi1/0/{number}", up=number % 3 != 0, in_octets=3e3 * (1 + number * 7 % 13),
             out_octets=1.1e4 * (1 + number * 5 % 11), errors=0.05 if number == 17 else 0.0)
        for number in range(1, 49)
    ]  # fmt: skip
    uplinks = [
        Port(48 + number, f"Te1/1/{number}", f"uplink {place}", speed_bits=10 * _GBIT, up=number < 3,
             in_octets=1.9e6, out_octets=6e5)
        for number, place in enumerate(("router", "server room", "spare", "spare"), 1)
    ]  # fmt: skip
    descr = "Example Networks ES-48 48-port gigabit switch, software 15.2(7)E3"
    objects = {
        **_system("bcw-core-sw1", descr, "Town hall, comms room 1", 48, 6, clock),
        **if_mib([*access, *uplinks], clock, script, b"\x02\x00\x5e\x10\x02"),
        **_chassis("ES-48", "EX2208S1177", "15.2(7)E3"),
        **parts([*fan(20, "fan 1"), *fan(22, "fan 2", works=False), celsius(24, "inlet", 31)]),
    }  # fmt: skip
    return Device("bcw-core-sw1", Mib(objects))


def _branch_switch(script: Script, day_seconds: float) -> Device:
    clock = Clock(57 * _DAY, day_seconds)
    ports = [
        Port(number, f"Gi0/{number}", up=number % 2 == 0, in_octets=2e3 * number, out_octets=7e3 * number)
        for number in range(1, 24)
    ]
    uplink = Port(24, "Gi0/24", "uplink enc-crown", in_octets=1.6e6, out_octets=9e5, circuit="enc-crown")
    descr = "Example Networks ES-24 24-port gigabit switch, software 15.0(2)SE11"
    objects = {
        **_system("enc-sw1", descr, "District offices, first floor", 24, 2, clock),
        **if_mib([*ports, uplink], clock, script, b"\x02\x00\x5e\x10\x03"),
        **_chassis("ES-24", "EX2105S0301", "15.0(2)SE11"),
        **_neighbour(22, "Gi0/22", "enc-sw2", "Gi0/24"),  # in no configuration: a device that nobody watches
    }
    return Device("enc-sw1", Mib(objects), behind="enc-crown")


def _gateway(script: Script, day_seconds: float) -> Device:
    """The telephone gateway of the branch: what a service there is judged by."""
    clock = Clock(57 * _DAY, day_seconds)
    ports = (Port(1, "eth0", "voice", speed_bits=100 * _MBIT, in_octets=2.4e4, out_octets=2.3e4),)
    objects = {
        **_system("enc-voice1", "Example Voice EV-30 gateway, software 7.2", "District offices, ground floor", 30, 72,
                  clock),
        **if_mib(ports, clock, script, b"\x02\x00\x5e\x10\x06"),
    }  # fmt: skip
    return Device("enc-voice1", Mib(objects), behind="enc-crown")


def _server(script: Script, day_seconds: float) -> Device:
    clock = Clock(96 * _DAY, day_seconds)
    ports = (
        Port(1, "lo", type=LOOPBACK, mtu=65536, speed_bits=10 * _MBIT),
        Port(2, "eth0", "server network", in_octets=2.2e5, out_octets=1.4e6, errors=0.01),
    )
    # Windows Server 2008 R2, as its own SNMP service tells of it: it gets no more fixes
    descr = (
        "Hardware: Intel64 Family 6 Model 44 Stepping 2 AT/AT COMPATIBLE - "
        "Software: Windows Version 6.1 (Build 7601 Multiprocessor Free)"
    )
    storage = (
        # index, hrStorageType, description, unit octets, size, used
        (1, 2, "Physical memory", 1024, 16_384_000, 15_100_000),
        (31, 4, "C:", 4096, 25_600_000, 18_400_000),
        (36, 4, "D:", 4096, 256_000_000, 233_000_000),
    )
    objects: dict[Oid, Object] = {
        **_system("crown-srv1", descr, "Crown House, rack C7", 2900, 72, clock),
        **if_mib(ports, clock, script, b"\x02\x00\x5e\x10\x04"),
        (*_SYSTEM, 2, 0): (Tag.OID, encode_oid("1.3.6.1.4.1.311.1.1.3.1.2")),
        (*_HOST, 1, 1, 0): lambda now: (Tag.TIMETICKS, clock.ticks(now)),
        (*_HOST, 1, 5, 0): (Tag.GAUGE32, 3),
        (*_HOST, 1, 6, 0): (Tag.GAUGE32, 214),
        (*_HOST, 2, 2, 0): (Tag.INTEGER, 16_384_000),
    }
    for index, kind, name, unit, size, used in storage:
        columns: tuple[Object, ...] = (
            (Tag.INTEGER, index), (Tag.OID, encode_oid(f"1.3.6.1.2.1.25.2.1.{kind}")), _text(name),
            (Tag.INTEGER, unit), (Tag.INTEGER, size), (Tag.INTEGER, used),
        )  # fmt: skip
        objects.update({(*_HOST, 2, 3, 1, column, index): value for column, value in enumerate(columns, 1)})
    return Device("crown-srv1", Mib(objects))


def _ups(script: Script, day_seconds: float) -> Device:
    """UPS-MIB (RFC 1628): on mains, and with a battery that failed its last test."""
    clock = Clock(318 * _DAY, day_seconds)
    scalars: dict[Oid, Object] = {
        (1, 1): _text("Example Power"), (1, 2): _text("EP-3000"), (1, 3): _text("2.11"), (1, 4): _text("2.11"),
        (1, 5): _text("crown-ups1"), (1, 6): _text("rack A2, C7"),
        (2, 1): (Tag.INTEGER, 2), (2, 2): (Tag.INTEGER, 0), (2, 3): (Tag.INTEGER, 6), (2, 4): (Tag.INTEGER, 97),
        (2, 5): (Tag.INTEGER, 531), (2, 6): (Tag.INTEGER, 0), (2, 7): (Tag.INTEGER, 31),
        (3, 1): (Tag.COUNTER32, 3), (3, 2): (Tag.INTEGER, 1),
        (4, 1): (Tag.INTEGER, 3), (4, 2): (Tag.INTEGER, 500), (4, 3): (Tag.INTEGER, 1),
        (6, 1): (Tag.GAUGE32, 1),
        (7, 1): (Tag.OID, encode_oid("1.3.6.1.2.1.33.1.7.7.3")), (7, 3): (Tag.INTEGER, 3),
        (7, 4): _text("battery capacity 41 %"), (7, 5): (Tag.TIMETICKS, 190_000_000), (7, 6): (Tag.INTEGER, 62),
        (9, 1): (Tag.INTEGER, 230), (9, 2): (Tag.INTEGER, 500), (9, 3): (Tag.INTEGER, 230),
        (9, 4): (Tag.INTEGER, 500), (9, 5): (Tag.INTEGER, 3000), (9, 6): (Tag.INTEGER, 2700),
        (9, 7): (Tag.INTEGER, 2), (9, 8): (Tag.INTEGER, 2),
    }  # fmt: skip
    tables: dict[Oid, Object] = {
        # upsInputTable: frequency, voltage, current, true power; upsOutputTable: voltage, current, power, percent load
        (3, 3, 1, 2, 1): (Tag.INTEGER, 500), (3, 3, 1, 3, 1): (Tag.INTEGER, 238), (3, 3, 1, 4, 1): (Tag.INTEGER, 52),
        (3, 3, 1, 5, 1): (Tag.INTEGER, 1190), (4, 4, 1, 2, 1): (Tag.INTEGER, 230), (4, 4, 1, 3, 1): (Tag.INTEGER, 48),
        (4, 4, 1, 4, 1): (Tag.INTEGER, 1080), (4, 4, 1, 5, 1): (Tag.INTEGER, 40),
        # upsAlarmTable: one alarm, upsAlarmBatteryBad, since the test
        (6, 2, 1, 2, 1): (Tag.OID, encode_oid("1.3.6.1.2.1.33.1.6.3.1")),
        (6, 2, 1, 3, 1): (Tag.TIMETICKS, 190_000_062),
    }  # fmt: skip
    ports = (Port(1, "eth0", "management card", speed_bits=100 * _MBIT, in_octets=300.0, out_octets=500.0),)
    objects = {
        **_system("crown-ups1", "Example Power EP-3000 UPS, management card 2.11", "Crown House, rack A2", 3000, 72,
                  clock),
        **if_mib(ports, clock, script, b"\x02\x00\x5e\x10\x05"),
        **{(*_UPS, *oid, 0): value for oid, value in scalars.items()},
        **{(*_UPS, *oid): value for oid, value in tables.items()},
    }  # fmt: skip
    return Device("crown-ups1", Mib(objects))

"""Neighbours and duplex: from EtherLike-MIB and LLDP-MIB to the interfaces they belong to."""

import pytest

from agent.core.model import Duplex, Interface, Neighbour
from probes.snmp.ber import Tag, Value, VarBind, encode_oid
from probes.snmp.lines import NOTHING, Lines, joined, lines, same_ports

PORTS = (
    Interface(10101, "Gi1/0/1", "GigabitEthernet1/0/1", None, None, "uplink", 1e9),
    Interface(10102, "Gi1/0/2", "GigabitEthernet1/0/2", None, None, "", 1e9),
)
LOCAL = "1.0.8802.1.1.2.1.3.7.1"
REMOTE = "1.0.8802.1.1.2.1.4.1.1"
ADDRESS = "1.0.8802.1.1.2.1.4.2.1.3"
MAU = "1.0.8802.1.1.2.1.5.4623.1.3.1.1.4"
DOT3 = "1.3.6.1.2.1.10.7.2.1"


def binds(objects: dict[str, object]) -> list[VarBind]:
    def value(given: object) -> tuple[int, Value]:
        return (Tag.INTEGER, given) if isinstance(given, int) else (Tag.OCTET_STRING, str(given).encode())

    return [(encode_oid(oid), *value(given)) for oid, given in objects.items()]


NEIGHBOUR: dict[str, object] = {
    f"{REMOTE}.7.0.1.5": "Gi0/24",
    f"{REMOTE}.8.0.1.5": "to sw1",
    f"{REMOTE}.9.0.1.5": "sw2",
}


@pytest.mark.parametrize(
    "local",
    [
        {f"{LOCAL}.3.1": "Gi1/0/1"},
        {f"{LOCAL}.3.1": "GigabitEthernet1/0/1"},
        {f"{LOCAL}.3.1": "uplink"},
        {f"{LOCAL}.3.1": "00:1b:54:00:00:01", f"{LOCAL}.4.1": "GigabitEthernet1/0/1"},
        {f"{LOCAL}.3.1": "Gi1/0/1", f"{LOCAL}.4.1": "Gi1/0/2"},  # the id counts more
    ],
)
def test_a_neighbour_stands_at_the_port_that_lldp_names(local: dict[str, object]) -> None:
    assert lines(binds(local | NEIGHBOUR), PORTS).neighbours == {10101: Neighbour("sw2", "Gi0/24")}


def test_agents_that_name_no_ports_number_them_alike() -> None:
    ports = (Interface(1, "eth0", "eth0", None, None),)
    assert lines(binds(NEIGHBOUR), ports).neighbours == {1: Neighbour("sw2", "Gi0/24")}
    assert lines(binds(NEIGHBOUR), PORTS).neighbours == {}  # no such number


@pytest.mark.parametrize(
    ("remote", "found"),
    [
        ({f"{REMOTE}.9.0.1.5": "sw2"}, Neighbour("sw2", "")),
        ({f"{REMOTE}.9.0.1.5": "sw2", f"{REMOTE}.8.0.1.5": "port 24"}, Neighbour("sw2", "port 24")),
        ({f"{REMOTE}.9.0.1.5": ""}, None),
        # two behind one port: a switch that speaks no LLDP stands between
        ({f"{REMOTE}.9.0.1.5": "sw2", f"{REMOTE}.9.0.1.6": "sw3"}, None),
        ({f"{REMOTE}.9.0.1.5.7": "sw2"}, None),
        ({f"{REMOTE}.9.0.7.5": "sw2"}, None),
        ({**NEIGHBOUR, f"{MAU}.0.1.5": 30}, Neighbour("sw2", "Gi0/24", Duplex.FULL)),
        ({**NEIGHBOUR, f"{MAU}.0.1.5": 15}, Neighbour("sw2", "Gi0/24", Duplex.HALF)),
        ({**NEIGHBOUR, f"{MAU}.0.1.5": 0}, Neighbour("sw2", "Gi0/24")),
        (
            {
                **NEIGHBOUR,
                f"{ADDRESS}.0.1.5.1.4.10.0.0.2": 2,
                f"{ADDRESS}.0.1.5.2.16.{'.0' * 15}.1".replace("..", "."): 2,
            },
            Neighbour("sw2", "Gi0/24", addresses=("10.0.0.2", "::1")),
        ),
        # another neighbour's; an address family that is none; lengths that are wrong; octets that are none
        ({**NEIGHBOUR, f"{ADDRESS}.0.1.6.1.4.10.0.0.2": 2}, Neighbour("sw2", "Gi0/24")),
        ({**NEIGHBOUR, f"{ADDRESS}.0.1.5.6.6.2.0.94.16.1.1": 2}, Neighbour("sw2", "Gi0/24")),
        (
            {
                **NEIGHBOUR,
                f"{ADDRESS}.0.1.5.1.4.10.0.0": 2,
                f"{ADDRESS}.0.1.5.1.5.10.0.0.2": 2,
                f"{ADDRESS}.0": 2,
                f"{ADDRESS}.0.1.5.1.4.10.0.0.256": 2,
            },
            Neighbour("sw2", "Gi0/24"),
        ),
    ],
)
def test_what_is_told_of_the_other_end(remote: dict[str, object], found: Neighbour | None) -> None:
    said = lines(binds({f"{LOCAL}.3.1": "Gi1/0/1"} | remote), PORTS).neighbours
    assert said == ({10101: found} if found else {})


def test_duplex_and_late_collisions() -> None:
    said = lines(
        binds({f"{DOT3}.8.10101": 7, f"{DOT3}.8.10102": "x", f"{DOT3}.19.10101": 2, f"{DOT3}.19.10102": 1}), PORTS
    )
    assert said == Lines({10101: Duplex.HALF}, {10101: 7}, {})


def test_a_device_that_says_nothing_of_its_lines() -> None:
    assert lines([], PORTS) == NOTHING
    assert joined(PORTS, NOTHING, NOTHING) == PORTS


@pytest.mark.parametrize(("before", "mismatch"), [({}, False), ({10101: 7}, False), ({10101: 6}, True)])
def test_late_collisions_count_where_they_grow(before: dict[int, int], mismatch: bool) -> None:
    slow = (Interface(10101, "Gi1/0/1", "", None, None, speed_bits_per_second=1e7),)
    found = Lines({10101: Duplex.HALF}, {10101: 7}, {})
    (one,) = joined(slow, found, Lines({}, before, {}))
    assert (one.duplex, one.duplex_mismatch) == (Duplex.HALF, mismatch)


def test_ports_are_the_same_by_number_and_name() -> None:
    assert same_ports(PORTS, PORTS)
    assert not same_ports(PORTS, PORTS[::-1])
    assert not same_ports(PORTS, PORTS[:1])

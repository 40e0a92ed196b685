"""What a trap leads to, as tables."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from agent.core.model import AdminStatus, Check, Estate, Interface, OperStatus, Role, Target
from agent.core.traps import Pace, Sender, Trap, TrapKind, TrapRules, is_address, plain, senders

AT = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Polled:
    address: str
    auth: str


def device(name: str, address: str | None, *types: str, auth: str = "public", asked: str | None = None) -> Target:
    checks = tuple(Check(name, kind, kind, 10, Polled(asked or address or "", auth)) for kind in types)
    return Target(name, Role.DEVICE, "router", name, address=address, checks=checks)


def circuit(name: str, *ends: tuple[str, str], icmp: bool = True) -> Target:
    checks = [Check(name, f"end:{of}/{interface}", "end", 60, source=(of, interface)) for of, interface in ends]
    if icmp:
        checks.insert(0, Check(name, "icmp", "icmp", 1))
    return Target(name, Role.CIRCUIT, "circuit", name, checks=tuple(checks))


def estate(*targets: Target) -> Estate:
    return Estate("dc1", {target.name: target for target in targets})


ESTATE = estate(
    device("ra", "10.0.0.1", "icmp", "snmp"),
    device("ups", "10.0.0.2", "snmp"),
    device("pinged", "10.0.0.3", "icmp"),
    circuit("a-b", ("ra", "wan1")),
    circuit("a-c", ("ra", "Gi0/2")),
    circuit("a-d", ("ra", "to the depot")),
    circuit("dark", ("ra", "wan1"), icmp=False),
    circuit("other", ("ups", "wan1")),
)


def interface(index: int, name: str, descr: str, alias: str | None = None) -> Interface:
    return Interface(index, name, descr, AdminStatus.UP, OperStatus.UP, alias)


POLLED = {
    "ra": (
        interface(1, "lan", "lan"),
        interface(2, "wan1", "wan1"),
        interface(3, "Gi0/2", "GigabitEthernet0/2"),
        interface(4, "Gi0/3", "GigabitEthernet0/3", "to the depot"),
    )
}


def trap(kind: TrapKind, *devices: str, index: int | None = None, names: tuple[str, ...] = ()) -> Trap:
    return Trap("10.0.0.1", devices, "v2c", kind, "1.3.6.1.6.3.1.1.5.3", AT, if_index=index, names=names)


def shown(checks: tuple[Check, ...]) -> str:
    return " ".join(f"{check.target}/{check.name}" for check in checks)


@pytest.mark.parametrize(
    ("kind", "index", "names", "polls", "bursts"),
    [
        ("linkDown", 2, (), "ra/snmp", "ra/icmp a-b/icmp"),
        ("linkUp", 2, (), "ra/snmp", "ra/icmp a-b/icmp"),
        ("linkDown", 3, (), "ra/snmp", "ra/icmp a-c/icmp"),  # by ifIndex, as the last poll names it
        ("linkDown", 4, (), "ra/snmp", "ra/icmp a-d/icmp"),  # by ifAlias
        ("linkDown", None, ("wan1",), "ra/snmp", "ra/icmp a-b/icmp"),
        ("linkDown", 2, ("Gi0/2",), "ra/snmp", "ra/icmp a-b/icmp a-c/icmp"),  # renumbered since: either may be meant
        ("linkDown", 1, (), "ra/snmp", "ra/icmp"),  # no circuit ends there
        ("linkDown", 9, (), "ra/snmp", "ra/icmp a-b/icmp a-c/icmp a-d/icmp"),  # nobody knows which that is
        ("linkDown", None, (), "ra/snmp", "ra/icmp a-b/icmp a-c/icmp a-d/icmp"),
        ("coldStart", None, (), "ra/snmp", ""),
        ("warmStart", None, (), "ra/snmp", ""),
        ("authenticationFailure", None, (), "", ""),
        ("other", 2, ("wan1",), "", ""),
    ],
)
def test_what_a_trap_concerns(kind: str, index: int | None, names: tuple[str, ...], polls: str, bursts: str) -> None:
    found = TrapRules(ESTATE).concern(trap(TrapKind(kind), "ra", index=index, names=names), POLLED)
    assert (shown(found.polls), shown(found.bursts)) == (polls, bursts)


def test_devices_that_share_an_address_are_all_asked() -> None:
    found = TrapRules(ESTATE).concern(trap(TrapKind.LINK_DOWN, "ups", "pinged", "gone", index=1), POLLED)
    assert (shown(found.polls), shown(found.bursts)) == ("ups/snmp", "other/icmp pinged/icmp")


def test_who_may_send() -> None:
    watched = estate(
        device("a", "10.0.0.1", "icmp", "snmp"),
        device("b", "10.0.0.1", "snmp", auth="core"),
        device("six", "fd00:0::00:1", "snmp"),
        device("named", "named.example", "snmp"),
        device("lost", "lost.example", "snmp"),
        device("elsewhere", "10.0.0.5", "snmp", asked="10.0.0.6"),
        device("nothing", None),
        circuit("a-b", ("a", "wan1")),
    )
    assert senders(watched, {"named.example": ["10.0.0.9", "fe80::1%eth0"]}) == {
        "10.0.0.1": Sender(("a", "b"), ("public", "core"), (161,)),
        "fd00::1": Sender(("six",), ("public",), (161,)),
        "10.0.0.9": Sender(("named",), ("public",), (161,)),
        "fe80::1": Sender(("named",), ("public",), (161,)),
        "10.0.0.5": Sender(("elsewhere",), ("public",), (161,)),
        "10.0.0.6": Sender(("elsewhere",), ("public",), (161,)),
    }


@pytest.mark.parametrize(
    ("address", "as_compared"),
    [("10.0.0.1", "10.0.0.1"), ("::ffff:10.0.0.1", "10.0.0.1"), ("FD00::0:1", "fd00::1"), ("fe80::1%eth0", "fe80::1")],
)
def test_an_address_has_one_form(address: str, as_compared: str) -> None:
    assert plain(address) == as_compared
    assert is_address(address)
    assert not is_address("ra.example")


def test_pace_lets_the_first_pass_and_puts_off_the_rest_until_the_gap_is_over() -> None:
    pace, key, other = Pace(5), ("ra", "snmp"), ("rb", "snmp")
    assert pace.next_at() is None
    assert pace.may(key, 100.0)
    assert not pace.may(key, 101.0)
    assert not pace.may(key, 104.9)
    assert pace.may(other, 104.0)
    assert pace.next_at() == 105.0
    assert pace.due(104.9) == []
    assert pace.due(105.0) == [key]  # once, however many there were
    assert pace.next_at() is None
    assert not pace.may(key, 106.0)  # that was one, too
    assert pace.due(110.0) == [key]
    assert pace.due(120.0) == []
    assert pace.may(key, 120.0)
    assert not pace.may(key, 121.0)
    assert pace.may(key, 125.0)  # what was put off is done by this one
    assert pace.next_at() is None


def test_pace_remembers_nothing_of_what_is_long_over() -> None:
    pace = Pace(5)
    for number in range(100):
        assert pace.may((str(number), "snmp"), 0.0)
    assert pace.due(5.0) == []
    assert pace._free_at == {}

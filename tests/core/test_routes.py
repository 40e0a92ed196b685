"""Routes, interfaces and ARP, from the text that a kernel printed."""

import pytest

from agent.core.routes import (
    Link,
    Neighbour,
    Route,
    find_route,
    is_address,
    link_problem,
    parse_arp,
    parse_routes_v4,
    parse_routes_v6,
    route_problem,
)

ROUTES_V4 = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	100	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
eth1	0000090A	00000000	0001	0	0	0	00FFFFFF	0	0	0
eth1	00000A0A	0200090A	0003	0	0	20	0000FFFF	0	0	0
eth2	00000A0A	0300090A	0003	0	0	10	0000FFFF	0	0	0
eth3	00000D0A	0300090A	0000	0	0	10	0000FFFF	0	0	0
*	00000B0A	00000000	0001	0	0	0	0000FFFF	0	0	0
*	00000C0A	00000000	0201	0	0	0	0000FFFF	0	0	0
odd line
eth1	zzzzzzzz	00000000	0001	0	0	0	00FFFFFF	0	0	0
"""

ROUTES_V6 = """\
fd000009000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001       v0
fd000012000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000400 00000001 00000000 00200200       lo
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000009000000000000000000000002 00000400 00000001 00000000 00000003       v0
fd000013000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000400 00000001 00000000 00000000       v0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
odd
"""  # noqa: E501 - as the kernel prints it

ARP = """\
IP address       HW type     Flags       HW address            Mask     Device
192.0.2.1        0x1         0x2         02:fc:00:00:00:05     *        eth0
10.9.0.2         0x1         0x0         00:00:00:00:00:00     *        eth1
10.9.0.3         0x1         0x2         02:fc:00:00:00:06     *        eth2
10.9.0.3         0x1         0x0         00:00:00:00:00:00     *        eth1
short line
"""

UP = Link(flags=0x1003, carrier=True, operstate="up")
LINKS = {"eth0": UP, "eth1": UP, "eth2": UP, "lo": Link(0x9, True, "unknown")}


@pytest.mark.parametrize(
    ("address", "interface", "gateway"),
    [
        ("10.9.0.7", "eth1", None),
        ("10.10.3.4", "eth2", "10.9.0.3"),  # of two routes the one with the lower metric
        ("10.11.0.1", "", None),  # blackhole
        ("10.12.0.1", "", None),  # unreachable
        ("10.13.0.1", "eth0", "192.0.2.1"),  # the route that is not up does not count
        ("203.0.113.9", "eth0", "192.0.2.1"),
        ("127.0.0.1", "lo", None),
        ("::1", "lo", None),
        ("fd00:9::7", "v0", None),
        ("fd00:12::1", "", None),
        ("2001:db8::1", "v0", "fd00:9::2"),
        ("fd00:9::7%v0", "v0", None),
    ],
)
def test_the_most_specific_route_wins(address: str, interface: str, gateway: str | None) -> None:
    route = find_route(address, parse_routes_v4(ROUTES_V4) + parse_routes_v6(ROUTES_V6))
    assert route is not None
    assert (route.interface, route.gateway) == (interface, gateway)


def test_the_row_that_ends_an_ipv6_table_is_no_route() -> None:
    last = ROUTES_V6.splitlines()[4]
    assert find_route("2001:db8::1", parse_routes_v6(last)) is None


def test_an_arp_entry_is_complete_if_any_interface_has_it() -> None:
    assert parse_arp(ARP) == {
        "192.0.2.1": Neighbour("eth0", complete=True),
        "10.9.0.2": Neighbour("eth1", complete=False),
        "10.9.0.3": Neighbour("eth2", complete=True),
    }


@pytest.mark.parametrize(("text", "expected"), [("10.0.0.1", True), ("fe80::1%eth0", True), ("www.example.org", False)])
def test_names_are_told_from_addresses(text: str, expected: bool) -> None:
    assert is_address(text) is expected


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (UP, None),
        (Link(), None),  # nothing could be read: nothing speaks against it
        (Link(0x9, True, "unknown"), None),
        (None, "interface eth1 does not exist"),
        (Link(0x1002, None, "down"), "interface eth1 is switched off"),
        (Link(0x1003, False, "lowerlayerdown"), "interface eth1 has no carrier"),
        (Link(0x1003, None, "lowerlayerdown"), "interface eth1 is lowerlayerdown"),
    ],
)
def test_what_is_wrong_with_an_interface(link: Link | None, expected: str | None) -> None:
    assert link_problem("eth1", link) == expected


def problem(address: str, links: dict[str, Link], known_by: str | None = None) -> str | None:
    route: Route | None = find_route(address, parse_routes_v4(ROUTES_V4))
    return route_problem(route, links, parse_arp(ARP), known_by)


def test_a_sound_route_is_no_excuse() -> None:
    assert problem("10.9.0.7", LINKS, known_by="eth1") is None
    assert problem("10.10.3.4", LINKS) is None
    assert problem("203.0.113.9", LINKS) is None


def test_a_failed_interface_explains_the_silence_behind_it() -> None:
    failed = {**LINKS, "eth1": Link(0x1003, False, "lowerlayerdown")}
    assert problem("10.9.0.7", failed) == "interface eth1 has no carrier"
    assert problem("10.10.3.4", failed) is None, "another interface leads there"


def test_a_failed_interface_explains_a_detour_that_leads_nowhere() -> None:
    gone = {name: link for name, link in LINKS.items() if name != "eth1"}
    assert problem("203.0.113.9", gone, known_by="eth1") == "interface eth1 does not exist"


def test_no_route_is_evidence_with_or_without_its_reason() -> None:
    switched_off = {**LINKS, "eth1": Link(0x1002, None, "down")}
    assert problem("10.11.0.1", LINKS) == "the route to 10.11.0.0/16 refuses"
    assert problem("fd00::1", LINKS) == "no route"
    assert problem("fd00::1", switched_off, known_by="eth1") == "no route: interface eth1 is switched off"


def test_a_gateway_that_nobody_answers_for() -> None:
    route = Route(parse_routes_v4(ROUTES_V4)[3].network, "eth1", "10.9.0.2", 0)
    assert route_problem(route, LINKS, parse_arp(ARP)) == "gateway 10.9.0.2 on eth1 does not answer ARP"
    assert route_problem(route, LINKS, {"10.9.0.2": Neighbour("eth0", complete=False)}) is None, "not on this interface"

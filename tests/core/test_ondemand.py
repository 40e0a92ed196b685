"""The query of `/snmp`, as tables of parameters and what snmp_exporter 0.30.1 says to them."""

from ipaddress import ip_address, ip_network
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.ondemand import (
    Asked,
    BadQuery,
    CollectionFailed,
    NotAllowed,
    Offer,
    SnmpQuery,
    UnknownName,
    read_query,
    read_target,
)
from agent.core.permission import Permission

OFFER = Offer(
    Permission((ip_network("10.0.0.0/8"),), frozenset({"listed"}), frozenset({"public_v2"})),
    frozenset({"public_v2", "core_v3"}),
    frozenset({"if_mib", "system"}),
)


def read(query: str) -> Asked:
    return read_query(parse_qs(query, keep_blank_values=True))


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("target=a", Asked("a", ("if_mib",), "public_v2", "", "")),
        ("target=a&auth=&snmp_context=&snmp_engineid=", Asked("a", ("if_mib",), "public_v2", "", "")),
        ("target=a&module=b,,c&module=b&module=d", Asked("a", ("b", "c", "d"), "public_v2", "", "")),
        ("target=a&auth=b&snmp_context=c%20d&snmp_engineid=8000", Asked("a", ("if_mib",), "b", "c d", "8000")),
        ("target=a&other=1&other=2", Asked("a", ("if_mib",), "public_v2", "", "")),
    ],
)
def test_queries(query: str, asked: Asked) -> None:
    assert read(query) == asked


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "'target' parameter must be specified once"),
        ("target=", "'target' parameter must be specified once"),
        ("target=a&target=b", "'target' parameter must be specified once"),
        ("target=a&target=a", "'target' parameter must be specified once"),
        ("target=a&auth=b&auth=b", "'auth' parameter must only be specified once"),
        ("target=a&snmp_context=b&snmp_context=c", "'snmp_context' parameter must only be specified once"),
        ("target=a&snmp_engineid=b&snmp_engineid=c", "'snmp_engineid' parameter must only be specified once"),
        ("target=a&module=", "'module' parameter must contain at least one module name"),
        ("target=a&module=,,&module=", "'module' parameter must contain at least one module name"),
    ],
)
def test_queries_that_are_wrong(query: str, message: str) -> None:
    with pytest.raises(BadQuery) as caught:
        read(query)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("target", "host", "port"),
    [
        ("10.0.0.1", "10.0.0.1", 161),
        ("10.0.0.1:1161", "10.0.0.1", 1161),
        ("udp://10.0.0.1", "10.0.0.1", 161),
        ("udp://10.0.0.1:1161", "10.0.0.1", 1161),
        ("fd00::1", "fd00::1", 161),
        ("[fd00::1]", "fd00::1", 161),
        ("[fd00::1]:1161", "fd00::1", 1161),
        ("udp://[fd00::1]:65535", "fd00::1", 65535),
        ("[fe80::1%eth0]:161", "fe80::1%eth0", 161),
        ("::ffff:10.0.0.1", "10.0.0.1", 161),
        ("[::ffff:10.0.0.1]:99", "10.0.0.1", 99),
        ("Switch1.example.org:0161", "switch1.example.org", 161),
    ],
)
def test_targets(target: str, host: str, port: int) -> None:
    found, number = read_target(target)
    assert (str(found), number) == (host, port)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("tcp://10.0.0.1", "10.0.0.1: tcp is not spoken here: SNMP goes over UDP only"),
        ("tcp6://[fd00::1]:161", "tcp6 is not spoken here"),
        ("UDP://10.0.0.1", "UDP is not spoken here"),
        ("://10.0.0.1", " is not spoken here"),
        ("10.0.0.1:", "expected a port between 1 and 65535, got ''"),
        ("10.0.0.1:abc", "got 'abc'"),
        ("10.0.0.1:0", "got '0'"),
        ("10.0.0.1:65536", "got '65536'"),
        ("10.0.0.1:-1", "got '-1'"),
        ("10.0.0.1:\u0663", "got '\u0663'"),
        ("10.0.0.1:" + "9" * 5000, "got '999"),
        (":161", "'' is no IPv4 address"),
        ("[]:161", "'' is no IPv4 address"),
        ("[fd00::1]x", "is no IPv4 address"),
        ("[fd00::1", "is no IPv4 address"),
        ("[[::1]]:161", "is no IPv4 address"),
        ("10.0.0.1:161:161", "is no IPv4 address"),
        ("0x0a000001", "is no IPv4 address"),
        ("167772161:161", "is no IPv4 address"),
        ("user@10.0.0.1", "is no IPv4 address"),
        ("a/b", "is no IPv4 address"),
        ("x" * 6000, "is no IPv4 address"),
    ],
)
def test_targets_that_cannot_be_asked(target: str, why: str) -> None:
    with pytest.raises(CollectionFailed) as caught:
        read_target(target)
    assert why in str(caught.value)
    assert str(caught.value).startswith("error connecting to target ")
    port = "port" in why or why.startswith("got")
    assert caught.value.doing == ("Error during initialisation of the Worker" if port else "Error connecting to target")
    assert len(str(caught.value)) < 1000


@given(st.text(max_size=100) | st.from_regex(r"(udp://)?[0-9a-f.:%\[\]]{0,30}", fullmatch=True))
def test_any_target_is_read_or_refused(target: str) -> None:
    try:
        _, port = read_target(target)
    except CollectionFailed:
        return
    assert 1 <= port <= 65535


def test_what_is_not_there_is_told_before_what_is_not_allowed() -> None:
    with pytest.raises(UnknownName, match=r"^Unknown auth 'nope'$"):
        read("target=tcp://1:x&auth=nope&module=nope").judge(OFFER)
    with pytest.raises(UnknownName, match=r"^Unknown module 'nope'$"):
        read("target=tcp://1:x&module=system,nope").judge(OFFER)
    with pytest.raises(CollectionFailed, match="tcp is not spoken"):
        read("target=tcp://192.0.2.1&auth=core_v3").judge(OFFER)
    with pytest.raises(NotAllowed, match=r"^Not allowed: 192\.0\.2\.1 is not in .* auth 'core_v3' is not in"):
        read("target=192.0.2.1&auth=core_v3").judge(OFFER)


def test_a_name_is_asked_where_it_was_found() -> None:
    asked = read("target=switch1:1161&snmp_context=c")
    assert asked.judge(OFFER) == ("switch1", 1161)
    found = [ip_address("10.0.0.2"), ip_address("10.0.0.1")]
    address = asked.judge_found(OFFER, "switch1", found)
    assert asked.query(address, 1161, 9.5) == SnmpQuery(
        "switch1:1161", ip_address("10.0.0.2"), 1161, ("if_mib",), "public_v2", "c", "", 9.5
    )
    with pytest.raises(NotAllowed, match=r"switch1 \(192\.0\.2\.1\)"):
        asked.judge_found(OFFER, "switch1", [ip_address("192.0.2.1")])
    with pytest.raises(CollectionFailed, match="lookup switch1: no such host"):
        asked.judge_found(OFFER, "switch1", [])


def test_by_default_nothing_is_offered() -> None:
    with pytest.raises(UnknownName):
        read("target=10.0.0.1").judge(Offer())

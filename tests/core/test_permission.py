"""Who may be asked: as tables of what is allowed, what is asked for, and what comes of it."""

import socket
from ipaddress import IPv6Address, ip_address, ip_network

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from agent.core.permission import Host, Permission, read_allowed, read_host


def permission(*allow: str, auths: tuple[str, ...] = ("public_v2",)) -> Permission:
    read = [read_allowed(entry) for entry in allow]
    return Permission(
        tuple(entry for entry in read if not isinstance(entry, str)),
        frozenset(entry for entry in read if isinstance(entry, str)),
        frozenset(auths),
    )


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("10.0.0.1", ip_address("10.0.0.1")),
        ("fd00::1", ip_address("fd00::1")),
        ("FD00:0::1", ip_address("fd00::1")),
        ("::ffff:10.0.0.1", ip_address("10.0.0.1")),
        ("::FFFF:a00:1", ip_address("10.0.0.1")),
        ("fe80::1%eth0", IPv6Address("fe80::1%eth0")),
        ("fe80::1", ip_address("fe80::1")),
        ("Switch1.Example.ORG.", "switch1.example.org"),
        ("ups_3", "ups_3"),
        ("10.0.0.1.example.org", "10.0.0.1.example.org"),
        ("0x0a000001.example.org", "0x0a000001.example.org"),
    ],
)
def test_hosts(text: str, host: Host) -> None:
    assert read_host(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "0x0a000001", "0X0A000001", "167772161", "012.0.0.1", "10.1", "10.0.0.256", "10.0.0.0x1", "10.0.0.1.", "0x",
        "10.0.0.1%eth0", "::1%lo", "::ffff:10.0.0.1%1", "fd00::1%eth0", "fe80::1%", "fe80::1%a b",
        "fe80::1%" + "x" * 16,
        "", ".", "..", "a..b", "-a", "a-", "a b", "a/8", "10.0.0.0/8", "[::1]", "a\n", "10.0.0.1\n", " 10.0.0.1", "a\0",
        "\u0661\u0660.0.0.1", "k\xf6ln", "x" * 64, "a." * 127 + "aa", "user@10.0.0.1",
    ],
)  # fmt: skip
def test_what_is_no_host(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no IPv4 address|a zone id such as %eth0 belongs to") as error:
        read_host(text)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


@given(st.text(max_size=300) | st.from_regex(r"[0-9a-fA-Fx.:%\[\]/]{0,40}", fullmatch=True))
def test_any_text_is_a_host_or_a_value_error(text: str) -> None:
    """And what passes as a name is none of the forms that a resolver takes for an address."""
    try:
        host = read_host(text)
    except ValueError:
        return
    if isinstance(host, str):
        with pytest.raises(OSError, match="illegal IP address"):
            socket.inet_aton(host)


@pytest.mark.parametrize(
    ("entry", "read"),
    [
        ("10.0.0.0/8", ip_network("10.0.0.0/8")),
        ("10.0.0.7", ip_network("10.0.0.7/32")),
        ("fd00::/8", ip_network("fd00::/8")),
        ("::ffff:10.0.0.0/104", ip_network("10.0.0.0/8")),
        ("::ffff:10.0.0.7", ip_network("10.0.0.7/32")),
        ("0.0.0.0/0", ip_network("0.0.0.0/0")),
        ("Host.example.org", "host.example.org"),
    ],
)
def test_entries_of_allow(entry: str, read: object) -> None:
    assert read_allowed(entry) == read


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("10.0.0.1/8", r"^expected a network such as 10\.0\.0\.0/8: 10\.0\.0\.1/8 has host bits set$"),
        ("net/8", r"^expected a network such as 10\.0\.0\.0/8: 'net/8' does not appear to be"),
        ("10.0.0", r"^expected a network such as 10\.0\.0\.0/8, an address or a host name: '10\.0\.0' is no IPv4"),
        ("*.example.org", r"an address or a host name: '\*\.example\.org' is no"),
        ("fe80::1%eth0", "without its zone id"),
        ("0.0.0.0", r"^no device has an address in 0\.0\.0\.0/32"),
        ("::", "no device has an address in ::/128"),
        ("224.0.0.0/24", "no device has an address in"),
        ("ff02::1", "no device has an address in"),
        ("255.255.255.255", "no device has an address in"),
    ],
)
def test_entries_that_are_refused(entry: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_allowed(entry)


@pytest.mark.parametrize(
    ("allow", "host", "allowed"),
    [
        ("", "10.0.0.1", False),
        ("", "switch1", False),
        ("10.0.0.0/8", "10.0.0.1", True),
        ("10.0.0.0/8", "11.0.0.1", False),
        ("10.0.0.0/8", "::ffff:10.0.0.1", True),
        ("10.0.0.0/8", "::ffff:11.0.0.1", False),
        ("::/0", "::ffff:10.0.0.1", False),  # it would be asked as 10.0.0.1
        ("::ffff:0:0/96", "10.0.0.1", True),
        ("10.0.0.7", "10.0.0.7", True),
        ("10.0.0.7", "10.0.0.8", False),
        ("10.0.0.0/8 192.0.2.0/24", "192.0.2.9", True),
        ("0.0.0.0/0", "fd00::1", False),
        ("fd00::/8", "fd00::1", True),
        ("fd00::/8", "fe80::1", False),
        # close: only where it is named closely
        ("0.0.0.0/0", "127.0.0.1", False),
        ("0.0.0.0/0", "::ffff:127.0.0.1", False),
        ("127.0.0.0/8", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("126.0.0.0/7", "127.0.0.1", False),
        ("::/0", "::1", False),
        ("::1", "::1", True),
        ("0.0.0.0/0", "169.254.169.254", False),
        ("169.254.0.0/16", "169.254.169.254", True),
        ("::/0", "fe80::1%eth0", False),
        ("fe80::/10", "fe80::1%eth0", True),
        ("fe80::1", "fe80::1%eth0", True),
        ("fe80::1", "fe80::2%eth0", False),
        # no device has these
        ("0.0.0.0/0", "0.0.0.0", False),
        ("0.0.0.0/0", "0.1.2.3", False),
        ("0.0.0.0/0", "224.0.0.1", False),
        ("0.0.0.0/0", "239.255.255.255", False),
        ("0.0.0.0/0", "255.255.255.255", False),
        ("0.0.0.0/0", "::ffff:0.0.0.0", False),
        ("::/0", "::", False),
        ("::/0", "ff02::1", False),
        # names: before they are resolved
        ("switch1.example.org", "Switch1.Example.org.", True),
        ("switch1.example.org", "switch2.example.org", False),
        ("switch1.example.org", "10.0.0.1", False),
        ("10.0.0.0/8", "switch1", True),
    ],
)
def test_hosts_that_may_be_asked(allow: str, host: str, allowed: bool) -> None:
    refusal = permission(*allow.split()).refusal(read_host(host), "public_v2")
    assert (refusal is None) is allowed, refusal


@pytest.mark.parametrize(
    ("allow", "found", "allowed"),
    [
        ("10.0.0.0/8", "10.0.0.1", True),
        ("10.0.0.0/8", "10.0.0.1 10.0.0.2", True),
        ("10.0.0.0/8", "10.0.0.1 192.0.2.1", False),
        ("10.0.0.0/8", "192.0.2.1", False),
        ("0.0.0.0/0", "127.0.0.1", False),
        ("10.0.0.0/8", "10.0.0.1 fd00::1", False),
        ("switch1", "192.0.2.1", True),
        ("switch1", "127.0.0.1 ::1", True),  # who lists a name trusts whoever answers for it
        ("switch1", "0.0.0.0", False),
        ("switch1", "10.0.0.1 ff02::1", False),
    ],
)
def test_what_a_name_may_resolve_to(allow: str, found: str, allowed: bool) -> None:
    addresses = [ip_address(word) for word in found.split()]
    refusal = permission(*allow.split()).refusal_of("switch1", addresses)
    assert (refusal is None) is allowed, refusal


@pytest.mark.parametrize(
    ("host", "auth", "allow", "auths"),
    [
        ("10.1.2.3", "public_v2", ["10.1.2.3"], None),
        ("fd00::1", "core", ["fd00::1"], ["core"]),
        ("fe80::1%eth0", "core_v3", ["fe80::1"], ["core_v3"]),
        ("switch1.example.org", 'a "quoted": auth', ["switch1.example.org"], ['a "quoted": auth']),
        ("listed", "core_v3", None, ["core_v3"]),
    ],
)
def test_the_advice_works(host: str, auth: str, allow: list[str] | None, auths: list[str] | None) -> None:
    before = permission("listed")
    read = read_host(host)
    refusal = before.refusal(read, auth)
    assert refusal is not None
    advice = yaml.safe_load(refusal[refusal.index("multitarget:\n") :])["multitarget"]
    assert (advice.get("allow"), advice.get("auths")) == (allow, auths)
    after = permission("listed", *advice.get("allow", []), auths=("public_v2", *advice.get("auths", [])))
    assert after.refusal(read, auth) is None


def test_the_advice_is_one_answer_for_all_that_lacks() -> None:
    assert permission(auths=()).refusal(read_host("127.0.0.1"), "public_v2") == (
        "Not allowed: 127.0.0.1 is not in multitarget.allow, and auth 'public_v2' is not in multitarget.auths.\n"
        "To allow it, add this to the agent's configuration, to the lists that stand there already, and reload:\n"
        "\n"
        "multitarget:\n"
        "  allow: [127.0.0.1]\n"
        "  auths: [public_v2]"
    )


def test_without_credentials_only_the_host_counts() -> None:
    assert permission("10.0.0.0/8", auths=()).refusal(read_host("10.0.0.1")) is None


def test_what_a_wide_network_leaves_out_is_told() -> None:
    refusal = permission("0.0.0.0/0").refusal(read_host("127.0.0.1"), "public_v2")
    assert refusal is not None
    assert "127.0.0.1 is not in multitarget.allow (a wide network does not include this host and its links)." in refusal


def test_what_nothing_allows_gets_no_advice() -> None:
    refusal = permission("0.0.0.0/0").refusal(read_host("224.0.0.1"), "core")
    assert refusal is not None
    assert "multitarget:" not in refusal
    assert "224.0.0.1: no one device has this address" in refusal


def test_the_address_that_is_outside_is_told() -> None:
    refusal = permission("10.0.0.0/8").refusal_of("switch1", [ip_address("10.0.0.1"), ip_address("192.0.2.1")])
    assert refusal is not None
    assert refusal.startswith("Not allowed: switch1 (192.0.2.1) is not in multitarget.allow.")
    assert refusal.endswith("  allow: [switch1]")

"""What may be asked for on demand (`/snmp`, `/probe`): which addresses and names, with which credentials.

An agent that asks whatever it is told to is a way around every firewall in front of it: what is not listed is refused.
"""

import ipaddress
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Host = Address | str  # a name stands in small letters, without a dot at its end

_LINK_LOCAL: Final = IPv6Network("fe80::/10")
# The agent's own host and its links: only a network that lies within one of these means them, not 0.0.0.0/0 or ::/0.
_CLOSE: Final[tuple[Network, ...]] = (
    IPv4Network("127.0.0.0/8"),
    IPv4Network("169.254.0.0/16"),
    IPv6Network("::1/128"),
    _LINK_LOCAL,
)
# No one device has such an address; a kernel takes 0.0.0.0 and :: for its own host.
_NOWHERE: Final[tuple[Network, ...]] = (
    IPv4Network("0.0.0.0/8"),
    IPv4Network("224.0.0.0/4"),
    IPv4Network("255.255.255.255/32"),
    IPv6Network("::/128"),
    IPv6Network("ff00::/8"),
)
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_MAPPED_BITS: Final = 96
_ZONE: Final = re.compile(r"[A-Za-z0-9_.-]{1,15}")  # IFNAMSIZ, or the interface's number
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")  # as the last label: what inet_aton reads as an address
_MAX_NAME: Final = 253  # RFC 1035, 2.3.4, without the octets that stand for dots


def read_host(text: str) -> Host:
    """Return the address or the name that a text is; an IPv4 address that is mapped into IPv6 is an IPv4 address.

    Addresses are taken in their usual form only: `10.1`, `0x0a000001` and `167772161` are neither address nor name
    (RFC 1123, 2.1: the last label of a name is no number).

    Raises:
        ValueError: saying what was expected.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return _name(text)
    return plain(address)


def _name(text: str) -> str:
    name = text.lower().removesuffix(".")
    labels = name.split(".")
    good = len(name) <= _MAX_NAME and all(_LABEL.fullmatch(label) for label in labels)
    if not good or _NUMBER.fullmatch(labels[-1]):
        raise ValueError(f"{_shown(text)} is no IPv4 address (four decimal numbers), IPv6 address or host name")
    return name


def plain(address: Address) -> Address:
    """Return an address in the one form in which it is judged and asked.

    Raises:
        ValueError: for a zone id where none belongs; with it two texts would be one address.
    """
    if isinstance(address, IPv4Address):
        return address
    if address.scope_id is not None and not (address in _LINK_LOCAL and _ZONE.fullmatch(address.scope_id)):
        raise ValueError(
            f"{_shown(str(address))}: a zone id such as %eth0 belongs to link-local addresses (fe80::/10) only"
        )
    return address.ipv4_mapped or address


def read_allowed(text: str) -> Network | str:
    """Return what one entry of `multitarget.allow` allows: a network, or a name.

    Raises:
        ValueError: saying what was expected.
    """
    if "/" in text:
        try:
            network = ipaddress.ip_network(text, strict=True)
        except ValueError as error:
            raise ValueError(f"expected a network such as 10.0.0.0/8: {error}") from None
    else:
        try:
            host = read_host(text)
        except ValueError as error:
            raise ValueError(f"expected a network such as 10.0.0.0/8, an address or a host name: {error}") from None
        if isinstance(host, str):
            return host
        if isinstance(host, IPv6Address) and host.scope_id is not None:
            raise ValueError("expected an address without its zone id: it is allowed on every interface")
        network = ipaddress.ip_network(host)
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        mapped = IPv4Address(int(network.network_address) & 0xFFFFFFFF)
        network = IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    if any(_within(network, nowhere) for nowhere in _NOWHERE):
        raise ValueError(f"no device has an address in {network}: nothing can be asked there")
    return network


@dataclass(frozen=True, slots=True)
class Permission:
    """The block `multitarget`. Empty, it allows nothing.

    Attributes:
        networks: whose addresses may be asked.
        names: hosts that may be asked wherever their names lead.
        auths: credentials that may be used.
    """

    networks: tuple[Network, ...] = ()
    names: frozenset[str] = frozenset()
    auths: frozenset[str] = frozenset()

    def refusal(self, host: Host, auth: str | None = None) -> str | None:
        """Return why a host may not be asked with these credentials; None where it may.

        A name that is not listed may pass here, if there are networks that its addresses can lie in: what it resolves
        to goes through `refusal_of`, and what passed there is what is asked.

        Args:
            auth: the credentials that are meant; None where it takes none.
        """
        if not isinstance(host, str) and _is_nowhere(host):
            return _nowhere(host)
        known = host in self.names or bool(self.networks) if isinstance(host, str) else self.covers(host)
        allow = None if known else _bare(host)
        credentials = None if auth is None or auth in self.auths else auth
        if allow is None and credentials is None:
            return None
        hint = "" if known or isinstance(host, str) else self._too_wide(host)
        return _advice(str(host), hint, allow=allow, auth=credentials)

    def refusal_of(self, name: str, addresses: Sequence[Address]) -> str | None:
        """Return why what a name resolved to may not be asked; None where each of its addresses may."""
        for address in addresses:
            if _is_nowhere(address):
                return f"{name} is {_nowhere(address)}"
        if name in self.names or all(self.covers(address) for address in addresses):
            return None
        outside = next(address for address in addresses if not self.covers(address))
        return _advice(f"{name} ({outside})", self._too_wide(outside), allow=name, auth=None)

    def covers(self, address: Address) -> bool:
        """Tell whether one of the networks means this address."""
        return any(address in network and _means(network, address) for network in self.networks)

    def _too_wide(self, address: Address) -> str:
        if any(address in network for network in self.networks):
            return " (a wide network does not include this host and its links)"
        return ""


def _means(network: Network, address: Address) -> bool:
    """Tell whether a network that holds an address means it: the close ones have to be named closely."""
    return all(network.prefixlen >= close.prefixlen for close in _CLOSE if address in close)


def _within(network: Network, other: Network) -> bool:
    return network.network_address in other and network.prefixlen >= other.prefixlen


def _is_nowhere(address: Address) -> bool:
    return any(address in nowhere for nowhere in _NOWHERE)


def _nowhere(address: Address) -> str:
    return f"{address}: no one device has this address (unspecified, broadcast or multicast), and nothing can allow it"


def _bare(host: Host) -> str:
    """Return a host as `allow` takes it."""
    return str(host).partition("%")[0]


def _advice(what: str, hint: str, *, allow: str | None, auth: str | None) -> str:
    """Return what is refused, and the lines that would allow it."""
    told = [f"{what} is not in multitarget.allow{hint}"] if allow is not None else []
    lines = [f"  allow: [{_quoted(allow)}]"] if allow is not None else []
    if auth is not None:
        told.append(f"auth {_shown(auth)} is not in multitarget.auths")
        lines.append(f"  auths: [{_quoted(auth)}]")
    return "\n".join([
        f"Not allowed: {', and '.join(told)}.",
        "To allow it, add this to the agent's configuration, to the lists that stand there already, and reload:",
        "",
        "multitarget:",
        *lines,
    ])  # fmt: skip


def _quoted(word: str) -> str:
    """Return a word as YAML takes it in a list."""
    return word if re.fullmatch(r"[A-Za-z_][A-Za-z0-9._-]*|[0-9.]+", word) else json.dumps(word)


def _shown(text: str) -> str:
    """Return foreign text in quotes, on one line and not without end."""
    return repr(text if len(text) <= _MAX_NAME else text[:_MAX_NAME] + "...")

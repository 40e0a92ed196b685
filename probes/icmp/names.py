"""Names to addresses, each with the time for which that is true: the hosts file, then DNS, then the C library.

DNS is asked by dnspython, for the C library's resolver tells no TTL. It is asked only for names that DNS does not know:
a host may have other sources (`nsswitch.conf`). That call blocks, for many seconds when a name server is away, so it
runs in a thread that keeps nobody waiting.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import dns.asyncresolver

_AT_ONCE: Final = 64  # questions under way
_THREADS: Final = 8  # a dead name server holds each for its whole timeout
_LIFETIME_SECONDS: Final = 5.0  # of one question, over all name servers: the C library's default
_UNTOLD_TTL_SECONDS: Final = 300.0  # of what comes without one
_TTL_LEAST_SECONDS: Final = 5.0
_TTL_MOST_SECONDS: Final = 3600.0
_HOSTS: Final = Path("/etc/hosts")
_RESOLV_CONF: Final = Path("/etc/resolv.conf")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a target is.

    Attributes:
        octets: 4 or 16.
        scope: of an IPv6 link-local address: the interface's index.
    """

    family: int
    octets: bytes
    scope: int = 0

    def __str__(self) -> str:
        """Return it as people write it."""
        return socket.inet_ntop(socket.AF_INET if self.family == 4 else socket.AF_INET6, self.octets)


@dataclass(frozen=True, slots=True)
class Found:
    """Every address of a name, the best first, and for how many seconds that may be believed."""

    addresses: tuple[Address, ...]
    ttl_seconds: float


def literal(text: str) -> Address | None:
    """Return the address that `text` is, or None for a name. Asks nobody."""
    found = _look_up(text, None, socket.AI_NUMERICHOST)
    return found[0] if found else None


class Resolver:
    """Looks names up, many at a time."""

    def __init__(self, hosts: Path = _HOSTS, resolv_conf: Path = _RESOLV_CONF, port: int = 53) -> None:
        """Read names from these files; name servers answer on `port`."""
        self._hosts = hosts
        self._resolv_conf = resolv_conf
        self._port = port
        self._questions = asyncio.Semaphore(_AT_ONCE)
        self._threads = asyncio.Semaphore(_THREADS)
        self._dns: dns.asyncresolver.Resolver | None = None
        self._dns_of: float | None = None  # when the file that it was made from was changed

    async def resolve(self, name: str, family: int | None) -> Found | None:
        """Return the addresses of a name; None where there are none, or nobody answers."""
        families = (family,) if family else (6, 4)
        if found := _in_hosts(self._hosts, name, families):
            return Found(_ordered(found), _UNTOLD_TTL_SECONDS)
        async with self._questions:
            answers = [answer for answer in await asyncio.gather(*(self._ask(name, one) for one in families)) if answer]
        if answers:
            ttl = min(answer.ttl_seconds for answer in answers)
            return Found(_ordered([address for answer in answers for address in answer.addresses]), ttl)
        async with self._threads:
            others = await _in_thread(name, family)
        return Found(others, _UNTOLD_TTL_SECONDS) if others else None

    async def _ask(self, name: str, family: int) -> Found | None:
        import dns.exception

        try:
            answer = await self._resolver().resolve(name, "A" if family == 4 else "AAAA", search=True)
        except (dns.exception.DNSException, OSError, UnicodeError):
            return None
        addresses = tuple(address for record in answer if (address := literal(record.to_text())) is not None)
        ttl = float(answer.chaining_result.minimum_ttl)
        return Found(addresses, min(max(ttl, _TTL_LEAST_SECONDS), _TTL_MOST_SECONDS)) if addresses else None

    def _resolver(self) -> "dns.asyncresolver.Resolver":
        """Return what asks the name servers of the file as it is now."""
        import dns.asyncresolver
        import dns.resolver

        changed = _changed(self._resolv_conf)
        if self._dns is None or changed != self._dns_of:
            made = dns.asyncresolver.Resolver(configure=False)
            with contextlib.suppress(OSError, dns.resolver.NoResolverConfiguration):
                made.read_resolv_conf(str(self._resolv_conf))
            made.port, made.lifetime = self._port, _LIFETIME_SECONDS
            self._dns, self._dns_of = made, changed
        return self._dns


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _in_hosts(path: Path, name: str, families: Sequence[int]) -> list[Address]:
    """Return what a hosts file says of a name (hosts(5): address, then names; `#` begins a comment)."""
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return []
    wanted = name.rstrip(".").lower()
    found = []
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if wanted in [word.lower() for word in words[1:]]:
            address = literal(words[0])
            if address is not None and address.family in families:
                found.append(address)
    return found


def _ordered(addresses: Sequence[Address]) -> tuple[Address, ...]:
    """Return each once: first those to which there is a route (RFC 6724, rule 1), IPv6 before IPv4, then by number.

    Name servers turn the order round with each answer; the same address is to be measured tomorrow.
    """
    return tuple(sorted(set(addresses), key=lambda one: (not _has_route(one), -one.family, one.octets)))


def _has_route(address: Address) -> bool:
    domain = socket.AF_INET if address.family == 4 else socket.AF_INET6
    try:
        with socket.socket(domain, socket.SOCK_DGRAM) as sock:
            sock.connect((str(address), 9))  # of a datagram socket: nothing is sent
    except OSError:
        return False
    return True


async def _in_thread(name: str, family: int | None) -> tuple[Address, ...]:
    """Ask the C library; the thread is a daemon: one that is stuck keeps no process alive."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[Address, ...]] = loop.create_future()

    def settle(addresses: tuple[Address, ...]) -> None:
        if not answer.done():
            answer.set_result(addresses)

    def work() -> None:
        addresses = _look_up_anywhere(name, family)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, addresses)

    threading.Thread(target=work, name=f"resolve {name}", daemon=True).start()
    return await answer


def _look_up_anywhere(name: str, family: int | None) -> tuple[Address, ...]:
    return _look_up(name, family, 0)


def _look_up(name: str, family: int | None, flags: int) -> tuple[Address, ...]:
    domain = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}[family]
    try:
        answers = socket.getaddrinfo(name, None, domain, socket.SOCK_DGRAM, 0, flags)
    except (OSError, UnicodeError):  # UnicodeError: a label that IDNA refuses
        return ()
    found: dict[Address, None] = {}
    for kind, _, _, _, where in answers:
        if kind == socket.AF_INET:
            found[Address(4, socket.inet_aton(str(where[0])))] = None
        elif kind == socket.AF_INET6:
            octets = socket.inet_pton(socket.AF_INET6, str(where[0]).partition("%")[0])
            found[Address(6, octets, int(where[3]) if len(where) == 4 else 0)] = None
    return tuple(found)

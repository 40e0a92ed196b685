"""Names to addresses, in threads: the C library's resolver blocks, for many seconds when a name server is away."""

import asyncio
import contextlib
import socket
import threading
from dataclasses import dataclass
from typing import Final

_AT_ONCE: Final = 8  # threads; a dead name server holds each for its whole timeout


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


def literal(text: str) -> Address | None:
    """Return the address that `text` is, or None for a name. Asks nobody."""
    return _look_up(text, None, socket.AI_NUMERICHOST)


class Resolver:
    """Looks names up, a few at a time. The threads are daemons: a stuck one keeps no process alive."""

    def __init__(self) -> None:
        """Begin with nothing to look up."""
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def resolve(self, name: str, family: int | None) -> Address | None:
        """Return the first address of a name, in the resolver's order (RFC 6724); None where there is none."""
        async with self._slots:
            loop = asyncio.get_running_loop()
            answer: asyncio.Future[Address | None] = loop.create_future()

            def settle(address: Address | None) -> None:
                if not answer.done():
                    answer.set_result(address)

            def work() -> None:
                address = _look_up(name, family, 0)
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                    loop.call_soon_threadsafe(settle, address)

            threading.Thread(target=work, name=f"resolve {name}", daemon=True).start()
            return await answer


def _look_up(name: str, family: int | None, flags: int) -> Address | None:
    domain = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}[family]
    try:
        found = socket.getaddrinfo(name, None, domain, socket.SOCK_DGRAM, 0, flags)
    except (OSError, UnicodeError):  # UnicodeError: a label that IDNA refuses
        return None
    for kind, _, _, _, where in found:
        if kind == socket.AF_INET:
            return Address(4, socket.inet_aton(str(where[0])))
        if kind == socket.AF_INET6:
            octets = socket.inet_pton(socket.AF_INET6, str(where[0]).partition("%")[0])
            return Address(6, octets, int(where[3]) if len(where) == 4 else 0)
    return None

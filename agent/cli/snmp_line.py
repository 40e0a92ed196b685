"""The line of a command to one device: opened once, then any number of questions with any auth."""

from typing import TYPE_CHECKING, Final, Self

from probes.snmp.ber import Version
from probes.snmp.client import Counters, Peer, Session, SnmpClient
from probes.snmp.oid import encode_oid
from probes.snmp.walk import Asker, Get

if TYPE_CHECKING:
    from agent.core.model import SnmpAuth

TRY_SECONDS: Final = 2.0
TRIES_AGAIN: Final = 2
_SEARCH_SECONDS: Final = 1.0  # of many auths each wrong one costs a silence
_SEARCH_AGAIN: Final = 1
_FEW: Final = 2
SPOKEN: Final = frozenset((1, 2))
_GREETING: Final = (encode_oid("1.3.6.1.2.1.1.3.0"), encode_oid("1.3.6.1.2.1.1.2.0"))  # sysUpTime, sysObjectID


def session(peer: Peer, auth: "SnmpAuth", timeout_seconds: float, retries: int) -> Session:
    """Return how an agent is spoken to with an auth, whose version is one of `SPOKEN`."""
    assert auth.version in SPOKEN
    return Session(
        peer=peer,
        version=Version.V1 if auth.version == 1 else Version.V2C,
        community=auth.community.encode(errors="surrogateescape"),
        timeout_seconds=timeout_seconds,
        retries=retries,
    )


class Line:
    """An SNMP engine of its own, and the address of one device; close it in its event loop."""

    def __init__(self, peer: Peer, client: SnmpClient, timeout_seconds: float, retries: int) -> None:
        self.peer = peer
        self._client = client
        self._timeout_seconds = timeout_seconds
        self._retries = retries

    @classmethod
    async def open(
        cls, address: str, port: int, timeout_seconds: float = TRY_SECONDS, retries: int = TRIES_AGAIN
    ) -> Self:
        """Look the address up.

        Raises:
            SnmpLocalError: when it has none.
        """
        client = SnmpClient()
        return cls(await client.resolve(address, port), client, timeout_seconds, retries)

    @property
    def counters(self) -> Counters:
        """What came and went."""
        return self._client.counters

    def close(self) -> None:
        """Close the socket."""
        self._client.close()

    async def converse(self, auth: "SnmpAuth", asker: Asker) -> None:
        """Ask until the asker has no more questions.

        Raises:
            SnmpError: as `SnmpClient.converse`.
        """
        await self._client.converse(session(self.peer, auth, self._timeout_seconds, self._retries), asker)

    async def greet(self, auth: "SnmpAuth", of: int = 1) -> None:
        """Find out whether the device answers to an auth; what it answers does not matter.

        Args:
            of: how many auths are to be tried: with many, each gets less time.

        Raises:
            SnmpError: as `SnmpClient.converse`.
        """
        few = of <= _FEW
        seconds = self._timeout_seconds if few else min(self._timeout_seconds, _SEARCH_SECONDS)
        retries = self._retries if few else min(self._retries, _SEARCH_AGAIN)
        await self._client.converse(session(self.peer, auth, seconds, retries), Get(_GREETING))

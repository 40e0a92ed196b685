"""The line of a command to one device: opened once, then any number of questions with any auth."""

from typing import TYPE_CHECKING, Final, Self

from agent.cli.snmp_target import Whom
from probes.snmp.asking import Asker, Get
from probes.snmp.client import Counters, Peer, Session, SnmpClient
from probes.snmp.oid import encode_oid
from probes.snmp.sessions import auth_session

if TYPE_CHECKING:
    from agent.core.model import SnmpAuth

TRY_SECONDS: Final = 2.0
TRIES_AGAIN: Final = 2
_SEARCH_SECONDS: Final = 1.0  # of many auths each wrong one costs a silence
_SEARCH_AGAIN: Final = 1
_FEW: Final = 2
SPOKEN: Final = frozenset((1, 2, 3))
_GREETING: Final = (encode_oid("1.3.6.1.2.1.1.3.0"), encode_oid("1.3.6.1.2.1.1.2.0"))  # sysUpTime, sysObjectID


class Line:
    """An SNMP engine of its own, and the address of one device; close it in its event loop."""

    def __init__(
        self, client: SnmpClient, peer: Peer, timeout_seconds: float, retries: int, *, any_source: bool,
        source: str | None
    ) -> None:  # fmt: skip
        self.peer = peer
        self._client = client
        self._timeout_seconds = timeout_seconds
        self._retries = retries
        self._any_source = any_source
        self._source = source

    @classmethod
    async def open(
        cls, whom: Whom, timeout_seconds: float = TRY_SECONDS, retries: int = TRIES_AGAIN
    ) -> Self:  # fmt: skip
        """Look the address up.

        Raises:
            SnmpLocalError: when it has none.
        """
        client = SnmpClient()
        peer = await client.resolve(whom.address, whom.port)
        source = whom.values.get("source_address")
        return cls(
            client, peer, timeout_seconds, retries, any_source=bool(whom.values.get("any_source")),
            source=str(source) if source else None,
        )  # fmt: skip

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
        await self._client.converse(self._session(auth, self._timeout_seconds, self._retries), asker)

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
        await self._client.converse(self._session(auth, seconds, retries), Get(_GREETING))

    def _session(self, auth: "SnmpAuth", timeout_seconds: float, retries: int) -> Session:
        """Return how the device is spoken to with an auth, whose version is one of `SPOKEN`."""
        return auth_session(
            auth, self.peer, timeout_seconds=timeout_seconds, retries=retries, any_source=self._any_source,
            source=self._source,
        )  # fmt: skip

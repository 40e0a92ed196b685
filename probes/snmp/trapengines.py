"""Whose engine is whose: a v3 trap counts only with the engine id that its device itself has told (RFC 3414).

The engine that polls knows the ids of devices that are polled by v3. A device that is polled otherwise is asked once,
when it sends its first v3 trap.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Collection
from typing import Final

from probes.snmp.ber import Pdu, Tag, encode_integer, tlv
from probes.snmp.oid import SnmpDecodeError
from probes.snmp.trapcodec import SecureHeader, decode_secure_header

ASK_AGAIN_SECONDS: Final = 60.0  # how often a device is asked that sends with an engine id that is not its own
MAX_ASKED: Final = 32  # devices that are asked at once
_TRY_SECONDS: Final = 2.0
_TRIES: Final = 3
_MAX_MESSAGE: Final = 65507
_REPORTABLE: Final = b"\x04"
_SEQUENCE: Final = 0x30

EngineIds = Callable[[str], Collection[bytes]]  # address of a device -> ids that it has told


class EngineBook:
    """Engine ids by address: those that the polls have learnt, and those that were asked for here."""

    def __init__(self, polled: EngineIds = lambda _address: ()) -> None:
        """Take what the polls know."""
        self._polled = polled
        self._learnt: dict[str, frozenset[bytes]] = {}
        self._asked: dict[str, float] = {}

    def learn(self, address: str, *engine_ids: bytes) -> None:
        """Take the ids that the agents at an address have told, in place of former ones."""
        self._learnt[address] = frozenset(engine_ids)

    def knows(self, address: str, engine_id: bytes) -> bool:
        """Return whether the device at an address has told this id."""
        if engine_id in self._learnt.get(address, ()):
            return True
        polled = self._polled(address)
        if engine_id in polled:
            self.learn(address, *polled)  # looking through what the polls know may be dear
            return True
        return False

    def keep(self, addresses: Collection[str]) -> None:
        """Forget what is not among these."""
        for store in (self._learnt, self._asked):
            for address in [address for address in store if address not in addresses]:
                del store[address]

    def may_ask(self, address: str, now: float) -> bool:
        """Return whether it is time to ask a device for its id, and note that it is asked."""
        last = self._asked.get(address)
        if last is not None and now - last < ASK_AGAIN_SECONDS:
            return False
        self._asked[address] = now
        return True


async def ask(address: str, port: int, *, try_seconds: float = _TRY_SECONDS) -> bytes | None:
    """Ask an SNMP agent for its engine id (RFC 3414 section 4); None where it does not tell."""
    loop = asyncio.get_running_loop()
    message_id = secrets.randbits(30)
    heard: asyncio.Future[bytes] = loop.create_future()
    try:
        transport, _ = await loop.create_datagram_endpoint(lambda: _Ear(message_id, heard), remote_addr=(address, port))
    except OSError:
        return None
    try:
        for _ in range(_TRIES):
            transport.sendto(question(message_id))
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(asyncio.shield(heard), try_seconds)
        return None
    finally:
        transport.close()


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, message_id: int, heard: "asyncio.Future[bytes]") -> None:
        self._message_id = message_id
        self._heard = heard

    def datagram_received(self, data: bytes, _sender: object) -> None:
        """Take the answer; the socket is connected, so that nobody else is heard."""
        try:
            header: SecureHeader = decode_secure_header(data)
        except SnmpDecodeError:
            return
        good = header.message_id == self._message_id and len(header.engine_id) >= 5
        if good and not self._heard.done():
            self._heard.set_result(header.engine_id)

    def error_received(self, _error: Exception) -> None:
        """Nobody listens there, or the way is closed: the tries go on."""


def question(message_id: int) -> bytes:
    """Return a request that no engine can take for its own, so that it tells who it is."""
    head = encode_integer(message_id) + encode_integer(_MAX_MESSAGE) + tlv(Tag.OCTET_STRING, _REPORTABLE)
    nothing = tlv(Tag.OCTET_STRING, b"")
    usm = tlv(_SEQUENCE, nothing + encode_integer(0) + encode_integer(0) + nothing * 3)
    pdu = tlv(Pdu.GET, encode_integer(message_id) + encode_integer(0) + encode_integer(0) + tlv(_SEQUENCE, b""))
    scoped = tlv(_SEQUENCE, nothing + nothing + pdu)
    return tlv(
        _SEQUENCE,
        encode_integer(3) + tlv(_SEQUENCE, head + encode_integer(3)) + tlv(Tag.OCTET_STRING, usm) + scoped,
    )

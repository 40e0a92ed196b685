"""pysnmp's engine as a judge of single v3 messages: no sockets, no files, no state that grows.

Imported only when the first v3 message comes: it takes a quarter of a second. Belongs to one thread.
"""

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from pyasn1.codec.ber import encoder
from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.carrier.base import AbstractTransportDispatcher
from pysnmp.entity import config, engine
from pysnmp.proto import errind, error, rfc1905
from pysnmp.proto.api import v2c
from pysnmp.proto.mpmod import cache as message_cache
from pysnmp.proto.mpmod.rfc3412 import SnmpV3MessageProcessingModel
from pysnmp.proto.rfc1902 import Integer32, OctetString
from pysnmp.proto.secmod import cache as security_cache
from pysnmp.proto.secmod.rfc3414 import SnmpUSMSecurityModel

from agent.core.model import SnmpAuth
from probes.snmp.ownengine import OwnEngine

if TYPE_CHECKING:
    from probes.snmp.trapv3 import SecureTrap

# pysnmp's word for what is wrong -> ours; what asks after our engine is answered, and no drop
_REASONS: Final = (
    (errind.UnknownEngineID, ""),
    (errind.NotInTimeWindow, "not_in_time"),
    (errind.AuthenticationFailure, "not_authentic"),
    (errind.AuthenticationError, "not_authentic"),
    (errind.DecryptionError, "not_authentic"),
    (errind.UnknownSecurityName, "unknown_user"),
    (errind.UnsupportedSecurityLevel, "wrong_level"),
)
_AUTH: Final = {
    "MD5": config.USM_AUTH_HMAC96_MD5,
    "SHA": config.USM_AUTH_HMAC96_SHA,
    "SHA224": config.USM_AUTH_HMAC128_SHA224,
    "SHA256": config.USM_AUTH_HMAC192_SHA256,
    "SHA384": config.USM_AUTH_HMAC256_SHA384,
    "SHA512": config.USM_AUTH_HMAC384_SHA512,
}
_PRIV: Final = {
    "DES": config.USM_PRIV_CBC56_DES,
    "AES": config.USM_PRIV_CFB128_AES,
    "AES192": config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "AES256": config.USM_PRIV_CFB256_AES_BLUMENTHAL,
    "AES192C": config.USM_PRIV_CFB192_AES,  # C: the key is lengthened as Cisco does it
    "AES256C": config.USM_PRIV_CFB256_AES,
}
_MAX_USERS: Final = 5_000  # rows of users at engines; more than that, and the table begins anew
_CLASSES: Final = (rfc1905.SNMPv2TrapPDU.tagSet, rfc1905.InformRequestPDU.tagSet)

Take = Callable[["SecureTrap", bool, bytes], tuple[str, bool]]


class _Security(SnmpUSMSecurityModel):  # type: ignore[misc] # pysnmp ships no types
    def forget(self) -> None:
        """Drop the state of messages that came to a bad end: pysnmp keeps some of it for ever."""
        self._cache = security_cache.Cache()


class _Messages(SnmpV3MessageProcessingModel):  # type: ignore[misc] # as above
    def forget(self) -> None:
        """As above."""
        self._cache = message_cache.Cache()


class _Answers(AbstractTransportDispatcher):  # type: ignore[misc] # as above
    """Where pysnmp sends Reports and acknowledgements."""

    answer: Callable[[bytes], None]

    def send_message(self, outgoingMessage: Any, *_place: object) -> None:  # noqa: N803, ANN401 - pysnmp's signature
        """Send to whoever the present message came from."""
        self.answer(bytes(outgoingMessage))


class _Clock:
    """snmpEngineTime: pysnmp counts it by the wall clock, which may be set, and does so until 2038 only."""

    def __init__(self, own: OwnEngine) -> None:
        self._own = own

    def clone(self) -> Any:  # noqa: ANN401 - pysnmp's Integer32
        """Return the present time, as pysnmp asks for it."""
        return Integer32(self._own.seconds())


class Usm:
    """Judges one message at a time."""

    def __init__(self, own: OwnEngine, take: Take) -> None:
        """Make an engine that is ours.

        Args:
            take: judges a PDU that is genuine: told the message, whether it was authenticated, and the PDU's octets.
        """
        self._own = own
        self._take = take
        self._trap: SecureTrap | None = None
        self._reason: str | None = None
        self._masters: dict[tuple[str, str, str], Any] = {}  # (protocols, password) -> key before it is localised
        self._make()

    def _make(self) -> None:
        # without an id pysnmp keeps no file; ours is set afterwards
        self._engine = made = engine.SnmpEngine()
        self._security, self._messages = _Security(), _Messages()
        made.security_models = {3: self._security}
        made.message_processing_subsystems = {3: self._messages}
        self._id, self._boots, clock = made.get_mib_builder().import_symbols(
            "__SNMP-FRAMEWORK-MIB", "snmpEngineID", "snmpEngineBoots", "snmpEngineTime"
        )
        self._id.syntax = self._id.syntax.clone(self._own.engine_id)
        made.snmpEngineID = self._id.syntax
        self._boots.syntax = self._boots.syntax.clone(self._own.boots)
        clock.syntax = _Clock(self._own)
        self._answers = _Answers()
        made.register_transport_dispatcher(self._answers)
        made.message_dispatcher.register_context_engine_id(b"", _CLASSES, self._process)
        made.observer.register_observer(self._failed, "rfc3412.prepareDataElements:sm-failure")
        self._users: dict[tuple[bytes, str], SnmpAuth] = {}

    def install(self, engine_id: bytes, auth: SnmpAuth) -> None:
        """Make a user known at an engine, with the keys of this auth."""
        key = (engine_id, auth.username)
        if self._users.get(key) == auth:
            return
        if len(self._users) >= _MAX_USERS:
            self._make()
        authenticated, private = auth.security_level != "noAuthNoPriv", auth.security_level == "authPriv"
        config.add_v3_user(
            self._engine,
            OctetString(auth.username.encode(errors="surrogateescape")),
            _AUTH[auth.auth_protocol] if authenticated else config.USM_AUTH_NONE,
            self._master(auth) if authenticated else None,
            _PRIV[auth.priv_protocol] if private else config.USM_PRIV_NONE,
            self._private_master(auth) if private else None,
            securityEngineId=OctetString(engine_id),
            authKeyType=config.USM_KEY_TYPE_MASTER,
            privKeyType=config.USM_KEY_TYPE_MASTER,
        )
        self._users[key] = auth

    def _master(self, auth: SnmpAuth) -> Any:  # noqa: ANN401 - pysnmp's OctetString
        key = ("auth", auth.auth_protocol, auth.password)
        if key not in self._masters:
            self._masters[key] = config.AUTH_SERVICES[_AUTH[auth.auth_protocol]].hash_passphrase(auth.password.encode())
        return self._masters[key]

    def _private_master(self, auth: SnmpAuth) -> Any:  # noqa: ANN401 - as above
        key = (auth.priv_protocol, auth.auth_protocol, auth.priv_password)
        if key not in self._masters:
            service = config.PRIV_SERVICES[_PRIV[auth.priv_protocol]]
            self._masters[key] = service.hash_passphrase(_AUTH[auth.auth_protocol], auth.priv_password.encode())
        return self._masters[key]

    def receive(self, trap: "SecureTrap") -> str:
        """Judge a message; return why it is dropped, or "".

        Raises:
            Exception: of any kind, for octets that pysnmp cannot read.
        """
        self._trap, self._reason = trap, None
        self._answers.answer = trap.answer
        try:
            self._engine.message_dispatcher.receive_message(
                self._engine,
                udp.DOMAIN_NAME,
                udp.UdpTransportAddress(("127.0.0.1", 0)),  # `answer` knows where it goes
                trap.data,
            )
        finally:
            self._security.forget()
            self._messages.forget()
            self._trap = None
        return "garbage" if self._reason is None else self._reason

    def _failed(self, _engine: Any, _point: str, variables: Any, _context: Any) -> None:  # noqa: ANN401 - pysnmp's
        said = variables["statusInformation"].get("errorIndication")
        self._reason = next((word for kind, word in _REASONS if isinstance(said, kind)), "garbage")

    def _process(self, snmp: Any, *words: Any) -> None:  # noqa: ANN401 - pysnmp's signature
        """Take a PDU that is genuine; acknowledge an inform when it was accepted."""
        *around, pdu, most, state = words  # around: models, name, level, context and version
        assert self._trap is not None
        level = int(around[3])
        self._reason, acknowledge = self._take(self._trap, level > 1, encoder.encode(pdu))
        if acknowledge:
            answer = v2c.apiPDU.get_response(pdu)
            v2c.apiPDU.set_varbinds(answer, v2c.apiPDU.get_varbinds(pdu))
            with contextlib.suppress(error.StatusInformation):  # larger than the sender takes: it will send again
                snmp.message_dispatcher.return_response_pdu(snmp, *around, answer, most, state, {})

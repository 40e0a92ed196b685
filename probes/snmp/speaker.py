"""How one request is put into a message and its answer taken out again: by community, or by an SNMPv3 user.

Pure: no sockets, and the time is an argument. What SNMPv3 needs to know of an agent, the id of its engine and that
engine's clock, is learnt from the agent's own messages (RFC 3414 section 4) and kept in `Engines`.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from probes.snmp import v3
from probes.snmp.asking import Question
from probes.snmp.ber import (
    Header,
    Pdu,
    PduHead,
    RequestTemplate,
    SnmpDecodeError,
    VarBind,
    decode_header,
    decode_varbinds,
    encode_oid,
    encode_request_pdu,
    oid_text,
)
from probes.snmp.errors import (
    SnmpDecryptionError,
    SnmpNotInTimeWindow,
    SnmpReportError,
    SnmpUnknownEngine,
    SnmpUnknownUser,
    SnmpUnsupportedLevel,
    SnmpWrongDigest,
)
from probes.snmp.known import Known, outlined
from probes.snmp.usm import Keys, User
from probes.snmp.v3 import Envelope, Scoped

_ENGINES_MAX: Final = 20_000  # addresses; on demand polls may name many
_MAX_INT: Final = (1 << 31) - 1
_RESYNCHRONISATIONS_MAX: Final = 2  # one for a guess at the discovery, one for a reboot just now
_NO_KEYS: Final = Keys("", b"", None)
_UNKNOWN_ENGINE_IDS: Final = encode_oid("1.3.6.1.6.3.15.1.1.4")  # usmStatsUnknownEngineIDs
_NOT_IN_TIME_WINDOWS: Final = encode_oid("1.3.6.1.6.3.15.1.1.2")
_UNKNOWN_CONTEXTS: Final = encode_oid("1.3.6.1.6.3.12.1.5")  # snmpUnknownContexts
_REFUSALS: Final[dict[bytes, tuple[type[SnmpReportError], str]]] = {
    encode_oid("1.3.6.1.6.3.15.1.1.1"): (
        SnmpUnsupportedLevel,
        "does not let user {user!r} ask with {level} (usmStatsUnsupportedSecLevels)",
    ),
    encode_oid("1.3.6.1.6.3.15.1.1.3"): (SnmpUnknownUser, "has no user {user!r} (usmStatsUnknownUserNames)"),
    encode_oid("1.3.6.1.6.3.15.1.1.5"): (
        SnmpWrongDigest,
        "knows user {user!r} with another authentication password or protocol than {auth} (usmStatsWrongDigests)",
    ),
    encode_oid("1.3.6.1.6.3.15.1.1.6"): (
        SnmpDecryptionError,
        "knows user {user!r} with another privacy password or protocol than {priv} (usmStatsDecryptionErrors)",
    ),
}


class Answer(NamedTuple):
    """What an agent answered."""

    error_status: int
    error_index: int
    varbinds: list[VarBind]


class Speaker(Protocol):
    """The messages of one conversation."""

    def request(self, question: Question, request_id: int, now: float) -> bytes:
        """Return the datagram that asks this, or what has to be asked before it."""

    def read(
        self, opened: Header | Envelope, data: bytes, now: float, question: Question
    ) -> Answer | Known | None:  # fmt: skip
        """Return what a datagram answers; None when the question must be asked again, with what was learnt.

        Args:
            question: what was asked.

        Raises:
            SnmpDecodeError: no answer to this conversation.
            SnmpReportError: the agent refuses, and asking again would not help.
        """

    def silence(self) -> str:
        """Say what an unanswered request may mean, beyond a dead agent; "" for nothing. Forgets what was learnt."""


def opened(data: bytes) -> tuple[int, Header | Envelope]:
    """Return the number by which a datagram's conversation is found, and what could be read so far.

    Raises:
        SnmpDecodeError: when it is no answer of any version.
    """
    if v3.is_v3(data):
        envelope = v3.decode_envelope(data)
        return envelope.msg_id, envelope
    head = decode_header(data)
    if head.pdu != Pdu.RESPONSE:
        raise SnmpDecodeError("a response expected")
    return head.request_id, head


def _answer(data: bytes, head: Header | PduHead, question: Question) -> Answer | Known:
    """Return the varbinds of an answer; as known where the asker takes that, and they look so."""
    at, end = head.varbinds_at, head.end
    if question.take_known is not None and not head.error_status:
        known = outlined(data, at, end, question.expected)
        if known is not None:
            return known
    return Answer(head.error_status, head.error_index, decode_varbinds(data, at, end, question.expected))


class Community:
    """v1 and v2c."""

    __slots__ = ("_template", "_version")

    def __init__(self, version: int, community: bytes) -> None:
        """Speak this version."""
        self._version = version
        self._template = RequestTemplate(version, community)

    def request(self, question: Question, request_id: int, now: float) -> bytes:  # noqa: ARG002 - as the protocol
        """Return the datagram that asks this."""
        return self._template.request(question.pdu, request_id, question.oids, question.max_repetitions)

    def read(
        self, opened: Header | Envelope, data: bytes, now: float, question: Question  # noqa: ARG002 - as the protocol
    ) -> Answer | Known:  # fmt: skip
        """Return what a datagram answers.

        Raises:
            SnmpDecodeError: another version, or broken varbinds.
        """
        if not isinstance(opened, Header) or opened.version != self._version:
            raise SnmpDecodeError("the version asked expected")
        return _answer(data, opened, question)

    def silence(self) -> str:
        """Nothing is known beyond the silence."""
        return ""


@dataclass(slots=True)
class Engine:
    """An agent's SNMP engine, and its clock as last heard.

    Attributes:
        boots, time_seconds: snmpEngineBoots and snmpEngineTime (RFC 3414 section 2.2).
        heard_at: local monotonic time of that.
    """

    engine_id: bytes
    boots: int
    time_seconds: int
    heard_at: float

    def time_at(self, now: float) -> int:
        """Return what its clock should show."""
        return min(_MAX_INT, self.time_seconds + int(now - self.heard_at))


class Engines:
    """The engines that are known, by address and port; what was learnt longest ago goes first."""

    def __init__(self) -> None:
        """Begin knowing none."""
        self._known: dict[tuple[str, int], Engine] = {}

    def get(self, where: tuple[str, int]) -> Engine | None:
        """Return the engine at an address."""
        return self._known.get(where)

    def learn(self, where: tuple[str, int], engine: Engine) -> None:
        """Keep an engine."""
        self._known.pop(where, None)
        if len(self._known) >= _ENGINES_MAX:
            del self._known[next(iter(self._known))]
        self._known[where] = engine

    def forget(self, where: tuple[str, int]) -> None:
        """Let the next conversation begin with a discovery."""
        self._known.pop(where, None)

    def ids_of(self, host: str) -> tuple[bytes, ...]:
        """Return the engine ids that were learnt at an address, whatever the port: its traps carry one of them."""
        return tuple(engine.engine_id for (known, _), engine in self._known.items() if known == host)


class Secure:
    """v3: discovers the agent's engine, follows its clock, and turns its Reports into errors.

    A forger must guess the number of the message, which is random; where the user authenticates, a response (but not
    a Report) must also carry the right digest. That number is part of what is digested: an old message cannot pass for
    a new one, and a clock that runs backwards after a reset is therefore believed.
    """

    __slots__ = ("_discovered", "_discovering", "_engines", "_last_keys", "_resynchronised", "_user", "_where")

    def __init__(self, user: User, engines: Engines, where: tuple[str, int]) -> None:
        """Speak as this user to the agent at this address."""
        self._user = user
        self._engines = engines
        self._where = where
        self._discovering = False
        self._discovered = 0
        self._resynchronised = 0
        self._last_keys: tuple[bytes, Keys] = b"", _NO_KEYS

    def request(self, question: Question, request_id: int, now: float) -> bytes:
        """Return the datagram that asks this, or the discovery that must come before it."""
        engine = self._engines.get(self._where)
        self._discovering = engine is None
        if engine is None:
            nothing = v3.encode_scoped(b"", b"", encode_request_pdu(Pdu.GET, request_id, ()))
            return v3.encode(request_id, b"", b"", 0, 0, nothing, _NO_KEYS)
        user = self._user
        pdu = encode_request_pdu(question.pdu, request_id, question.oids, question.max_repetitions)
        scoped = v3.encode_scoped(user.context_engine_id or engine.engine_id, user.context_name, pdu)
        keys = self._keys(engine.engine_id)
        boots, time = (engine.boots, engine.time_at(now)) if keys.mac_octets else (0, 0)
        return v3.encode(request_id, user.name, engine.engine_id, boots, time, scoped, keys)

    def read(
        self, opened: Header | Envelope, data: bytes, now: float, question: Question
    ) -> Answer | Known | None:  # fmt: skip
        """Return what a datagram answers; None when the question must be asked again.

        Raises:
            SnmpDecodeError: not from the agent and user that were asked, or less protected than asked.
            SnmpReportError: the agent refuses.
        """
        if not isinstance(opened, Envelope):
            raise SnmpDecodeError("the version asked expected")
        authentic = bool(opened.flags & v3.FLAG_AUTH)
        keys = self._keys(opened.engine_id) if v3.is_engine_id(opened.engine_id) else _NO_KEYS
        if authentic and not opened.authentic(data, keys):
            raise SnmpDecodeError("a message with the right digest expected")
        scoped = v3.open_scoped(opened, keys)
        if scoped.head.pdu == Pdu.REPORT:
            self._reported(opened, decode_varbinds(scoped.octets, scoped.head.varbinds_at, scoped.head.end), now)
            return None
        self._check(opened, scoped, keys)
        answer = _answer(scoped.octets, scoped.head, question)
        self._discovered = self._resynchronised = 0
        if authentic:
            self._learn(opened, now)
        return answer

    def _keys(self, engine_id: bytes) -> Keys:
        known, keys = self._last_keys
        if known != engine_id:
            keys = self._user.keys(engine_id)
            self._last_keys = engine_id, keys
        return keys

    def silence(self) -> str:
        """Say what silence may mean here, and begin with a discovery next time: the device may be another one now."""
        self._engines.forget(self._where)
        if self._discovering:
            return ""
        if self._user.priv_protocol:
            return "its engine answered the discovery: a wrong privacy password or protocol looks like this"
        return "its engine answered the discovery: the user may not see what was asked, or it gave up in between"

    def _check(self, opened: Envelope, scoped: Scoped, keys: Keys) -> None:
        """Refuse an answer that is not what was asked for (RFC 3412 section 7.2.10)."""
        engine = self._engines.get(self._where)
        if scoped.head.pdu != Pdu.RESPONSE:
            raise SnmpDecodeError("a response expected")
        if engine is None or opened.engine_id != engine.engine_id or opened.user != self._user.name:
            raise SnmpDecodeError("the engine and the user that were asked expected")
        wanted = (v3.FLAG_AUTH if keys.mac_octets else 0) | (v3.FLAG_PRIV if keys.privacy is not None else 0)
        if opened.flags & (v3.FLAG_AUTH | v3.FLAG_PRIV) != wanted:
            raise SnmpDecodeError("the security level that was asked expected")

    def _reported(self, opened: Envelope, varbinds: list[VarBind], now: float) -> None:
        """Learn what a Report tells, or raise what it means."""
        oid = varbinds[0][0] if varbinds else b""
        if oid.startswith(_UNKNOWN_ENGINE_IDS):
            if not v3.is_engine_id(opened.engine_id):
                raise SnmpDecodeError("the id of the agent's engine expected")
            self._discovered += 1
            self._learn(opened, now)
            if self._discovered > 2:  # the first discovery, and one for an agent that was replaced
                raise SnmpUnknownEngine("the agent refuses the engine id that it gave (usmStatsUnknownEngineIDs)")
            return
        if oid.startswith(_NOT_IN_TIME_WINDOWS):
            self._resynchronised += 1
            # some agents send this one without a digest: its clock is tried, and the answer tells whether it is right
            self._learn(opened, now)
            if self._resynchronised > _RESYNCHRONISATIONS_MAX:
                raise SnmpNotInTimeWindow(
                    "the agent refuses its own clock (usmStatsNotInTimeWindows): are two devices at this address, or"
                    " does its engine time not run?"
                )
            return
        raise self._refusal(oid)

    def _refusal(self, oid: bytes) -> SnmpReportError:
        user = self._user
        name = user.name.decode(errors="replace")
        for root, (kind, words) in _REFUSALS.items():
            if oid.startswith(root):
                said = words.format(user=name, level=user.level, auth=user.auth_protocol, priv=user.priv_protocol)
                return kind(f"the agent {said}")
        if oid.startswith(_UNKNOWN_CONTEXTS):
            context = user.context_name.decode(errors="replace")
            return SnmpReportError(f"the agent has no context {context!r} (snmpUnknownContexts)")
        return SnmpReportError(f"the agent refused by a report of {oid_text(oid) if oid else 'nothing'}")

    def _learn(self, opened: Envelope, now: float) -> None:
        self._engines.learn(self._where, Engine(opened.engine_id, opened.boots, opened.time, now))

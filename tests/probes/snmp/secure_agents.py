"""An SNMPv3 agent on loopback for the tests, which keeps to RFC 3414 section 3.2 and can be told not to."""

import time
from collections.abc import Callable, Mapping

from probes.snmp import ber, v3
from probes.snmp.ber import Message, Pdu, Tag, Value, VarBind, Version
from probes.snmp.usm import Keys, User
from tests.probes.snmp.agents import Mib, UdpAgent, silent

STATS = "1.3.6.1.6.3.15.1.1."
UNSUPPORTED_LEVELS, NOT_IN_TIME_WINDOWS, UNKNOWN_USERS, UNKNOWN_ENGINES, WRONG_DIGESTS, DECRYPTION_ERRORS = range(1, 7)
WINDOW_SECONDS = 150
NO_KEYS = Keys("", b"", None)


class SecureAgent(UdpAgent):
    """Answers its users; counts its Reports by kind.

    Attributes:
        boots, started: its clock; setting them is a reboot.
        distort: what becomes of each datagram that it would send.
    """

    def __init__(
        self, objects: Mapping[str, tuple[int, Value]], *users: User, engine_id: bytes = b"\x80\0\0\0\x05agent"
    ) -> None:
        super().__init__(silent)
        self.users = {user.name: user for user in users}
        self.engine_id = engine_id
        self.boots = 3
        self.started = time.monotonic() - 1000
        self.reports: list[int] = []
        self.contexts = {b"": Mib(objects)}
        self.levels: list[int] = []
        self.distort: Callable[[bytes], list[bytes]] = lambda datagram: [datagram]

    @property
    def time(self) -> int:
        """Its snmpEngineTime."""
        return int(time.monotonic() - self.started)

    def reboot(self) -> None:
        """Begin a new life under the same engine id."""
        self.boots += 1
        self.started = time.monotonic()

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                data, self.sender = self._socket.recvfrom(65535)
            except TimeoutError:
                continue
            if not v3.is_v3(data):
                continue
            for datagram in self.distort(self._respond(data)):
                self._socket.sendto(datagram, self.sender)

    def _respond(self, data: bytes) -> bytes:
        asked = v3.decode_envelope(data)
        if asked.engine_id != self.engine_id:
            return self._report(asked, UNKNOWN_ENGINES)
        user = self.users.get(asked.user)
        if user is None:
            return self._report(asked, UNKNOWN_USERS)
        keys = user.keys(self.engine_id)
        level = asked.flags & (v3.FLAG_AUTH | v3.FLAG_PRIV)
        self.levels.append(level)
        if level != (v3.FLAG_AUTH if keys.mac_octets else 0) | (v3.FLAG_PRIV if keys.privacy else 0):
            return self._report(asked, UNSUPPORTED_LEVELS)
        if keys.mac_octets:
            if not asked.authentic(data, keys):
                return self._report(asked, WRONG_DIGESTS)
            if asked.boots != self.boots or abs(asked.time - self.time) > WINDOW_SECONDS:
                return self._report(
                    asked, NOT_IN_TIME_WINDOWS, Keys(keys.auth_protocol, keys.auth_key, None), asked.user
                )
        try:
            scoped = v3.open_scoped(asked, keys)
        except ber.SnmpDecodeError:
            return self._report(asked, DECRYPTION_ERRORS)
        return self._answer(asked, scoped, keys)

    def _answer(self, asked: v3.Envelope, scoped: v3.Scoped, keys: Keys) -> bytes:
        head = scoped.head
        varbinds = ber.decode_varbinds(scoped.octets, head.varbinds_at, head.end)
        request = Message(Version.V2C, b"", head.pdu, head.request_id, head.error_status, head.error_index, varbinds)
        self.requests.append(request)
        mib = self.contexts.get(scoped.context_name)
        if mib is None:
            return self._report(asked, 0)
        answer = ber.decode_response(mib.answer(request)[0])
        return self._message(asked, answer, scoped.context_name, keys, asked.user)

    def _message(self, asked: v3.Envelope, answer: Message, context: bytes, keys: Keys, user: bytes) -> bytes:
        whole = ber.encode_message(answer._replace(version=Version.V2C, community=b""))
        at, end = ber.element(whole, 0, len(whole), 0x30, "message")
        _, at = ber.integer(whole, at, end, "version")
        _, at = ber.element(whole, at, end, Tag.OCTET_STRING, "community")
        scoped = v3.encode_scoped(self.engine_id, context, whole[at:end])
        return v3.encode(asked.msg_id, user, self.engine_id, self.boots, self.time, scoped, keys, reportable=False)

    def _report(self, asked: v3.Envelope, kind: int, keys: Keys = NO_KEYS, user: bytes = b"") -> bytes:
        self.reports.append(kind)
        oid = f"{STATS}{kind}.0" if kind else "1.3.6.1.6.3.12.1.5.0"
        bind: VarBind = (ber.encode_oid(oid), Tag.COUNTER32, len(self.reports))
        report = Message(Version.V2C, b"", Pdu.REPORT, asked.msg_id, 0, 0, [bind])
        return self._message(asked, report, b"", keys, user)

"""SNMPv3 traps and informs, by pysnmp, in a thread of its own: 3 ms each would hold up the echoes.

What arrives here has passed the pre-decoder: the sender is known, within its rate, and names a user and an engine that
are known. pysnmp checks digests, decrypts, and makes Reports and acknowledgements. Three things it leaves out are done
here: whether the message is as protected as its user (RFC 3414 section 3.2, step 5), whether it is fresh (step 7 b),
and that an inform is acknowledged only when it was accepted.
"""

import logging
import queue
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent.core.model import SnmpAuth
from probes.snmp.oid import SnmpDecodeError
from probes.snmp.ownengine import OwnEngine
from probes.snmp.trapcodec import Notification, SecureHeader, TrapPdu, decode_notification
from probes.snmp.traprate import Timeline

if TYPE_CHECKING:
    from probes.snmp.trapusm import Usm

_log = logging.getLogger(__name__)

MAX_WAITING: Final = 256  # a second of pysnmp's work: more would be older than it is worth
LEVELS: Final = ("noAuthNoPriv", "authNoPriv", "authPriv")


@dataclass(frozen=True, slots=True)
class SecureTrap:
    """One v3 message that pysnmp is to judge.

    Attributes:
        auth: of the user that it names; None for a question after our engine.
        answer: sends octets back to where it came from.
    """

    data: bytes
    header: SecureHeader
    address: str
    auth: SnmpAuth | None
    answer: Callable[[bytes], None]


Accept = Callable[[SecureTrap, Notification], bool]


class SecureTraps:
    """The thread, its queue, and what it knows of users and engines.

    `offer` is called on the event loop; `accept` and `judged` are called in the thread.
    """

    def __init__(self, own: OwnEngine, accept: Accept, judged: Callable[[str, str], None]) -> None:
        """Start nothing yet.

        Args:
            own: our engine: that of informs.
            accept: takes a trap that counts; False: there is no room for it now.
            judged: told of each message why it was dropped ("" for one that was taken, and for a question that was
                answered), and where it came from.
        """
        self._own = own
        self._accept = accept
        self._judged = judged
        self._queue: queue.Queue[SecureTrap | None] = queue.Queue(MAX_WAITING)
        self._thread: threading.Thread | None = None
        self._timeline = Timeline()
        self._closed = False

    @property
    def waiting(self) -> int:
        """Return how many messages wait for pysnmp."""
        return self._queue.qsize()

    def offer(self, trap: SecureTrap) -> bool:
        """Queue a message; return whether there was room."""
        if self._closed:
            return False
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="snmp-traps-v3", daemon=True)
            self._thread.start()
        try:
            self._queue.put_nowait(trap)
        except queue.Full:
            return False
        return True

    def close(self) -> None:
        """End the thread after what it is at; what still waits is left."""
        self._closed = True
        while self._thread is not None and self._thread.is_alive():
            try:
                self._queue.put_nowait(None)
                break
            except queue.Full:
                self._queue.get_nowait()
        if self._thread is not None:
            self._thread.join(5)

    # ------------------------------------------------------------------ in the thread

    def _run(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pysnmp's own modules; only here, where they are imported
            from probes.snmp.trapusm import Usm
        usm = Usm(self._own, self._take)
        while (trap := self._queue.get()) is not None:
            try:
                reason = self._judge(usm, trap)
            except Exception:
                # pysnmp meets hostile octets with exceptions of many kinds, and none of them ends this thread
                _log.debug("a v3 message from %s cannot be read", trap.address, exc_info=True)
                reason = "garbage"
            self._judged(reason, trap.address)

    def _judge(self, usm: "Usm", trap: SecureTrap) -> str:
        if trap.auth is not None:
            usm.install(trap.header.engine_id, trap.auth)
        return usm.receive(trap)

    def _take(self, trap: SecureTrap, authenticated: bool, pdu: bytes) -> tuple[str, bool]:
        """Judge what pysnmp found genuine; return why it is dropped or "", and whether to acknowledge it."""
        header = trap.header
        if trap.auth is None:
            return "not_a_trap", False
        if header.engine_id != self._own.engine_id and authenticated:
            fresh = self._timeline.fresh(header.engine_id, header.boots, header.seconds, time.monotonic())
            if not fresh:
                return "not_in_time", False
        try:
            notification = decode_notification(pdu, 0)
        except SnmpDecodeError:
            return "garbage", False
        if notification is None or notification.pdu == TrapPdu.TRAP_V1:
            return "not_a_trap", False
        if not self._accept(trap, notification):
            return "queue_full", False
        return "", notification.pdu == TrapPdu.INFORM


def choose(
    header: SecureHeader, own: bytes, auths: Mapping[bytes, tuple[SnmpAuth, ...]], preferred: tuple[str, ...]
) -> tuple[SnmpAuth | None, str]:
    """Return the auth of the user that a message names, or None and why it does not count.

    Of several users with one name that of the sender's own polls is meant. The message must be protected as its auth
    says: a user with a password is not believed without it. What asks after our boots (RFC 3414 section 4) may be
    less: it is answered, and tells nothing.
    """
    named = [auth for auth in auths.get(header.user, ()) if auth.problem is None]
    if not named:
        return None, "unknown_user"
    auth = next((auth for auth in named if auth.name in preferred), named[0])
    level = LEVELS[header.authenticated + header.encrypted]
    asks = header.engine_id == own and not header.boots and not header.seconds and header.authenticated
    if level != auth.security_level and not (asks and auth.security_level == "authPriv"):
        return None, "wrong_level"
    return auth, ""


def users(auths: Mapping[str, SnmpAuth]) -> Mapping[bytes, tuple[SnmpAuth, ...]]:
    """Return the v3 auths by their user's name."""
    found: dict[bytes, tuple[SnmpAuth, ...]] = {}
    for auth in auths.values():
        if auth.version == 3 and auth.username:
            name = auth.username.encode(errors="surrogateescape")
            found[name] = (*found.get(name, ()), auth)
    return found

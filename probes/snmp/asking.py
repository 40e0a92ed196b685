"""What to ask an agent next, as pure state machines: what every conversation is, and a GET of single objects."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, Protocol

from probes.snmp.ber import ErrorStatus, Pdu, Tag, VarBind, oid_text
from probes.snmp.known import Known

MAX_UNANSWERED: Final = 3  # questions at which an agent may hang: each costs all tries, and a poll's time is short
MISSING: Final = frozenset((Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE))
_SHOWN_CHARACTERS: Final = 200  # of an OID in a problem; those of real tables have at most some 150
_OIDS_PER_GET: Final = 20  # fits the 484 octets that every agent must take (RFC 3417 section 3.2)


class Question(NamedTuple):
    """The next request of a conversation.

    Attributes:
        expected: the names that the answer will have, if all is as usual.
        take_known: takes an answer that looks so, in place of the asker's `take`, or raises SnmpDecodeError and has
            taken nothing; None where all answers are decoded.
    """

    pdu: int
    oids: Sequence[bytes]
    max_repetitions: int = 0
    expected: Sequence[bytes] = ()
    take_known: Callable[[Known], None] | None = None


class Asker(Protocol):
    """One conversation: asked for its next question until it has none; given each answer."""

    def next(self) -> Question | None:
        """Return what to ask now; None when the conversation is over."""

    def take(self, error_status: int, error_index: int, varbinds: list[VarBind]) -> None:
        """Take the answer to the last question."""


def status_name(error_status: int) -> str:
    """Return the RFC's name of an error-status."""
    return ErrorStatus(error_status).name if 0 <= error_status <= 18 else f"error-status {error_status}"


class Get:
    """Single objects, as many in one packet as the agent takes.

    Attributes:
        varbinds: those that have a value.
        problems: what could not be read though it may be there, each naming its OID.
        packets: answers taken.
    """

    def __init__(self, oids: Iterable[bytes]) -> None:
        self.varbinds: list[VarBind] = []
        self.problems: list[str] = []
        self.packets = 0
        self._left = list(dict.fromkeys(oids))
        self._size = _OIDS_PER_GET
        self._unanswered = 0

    @property
    def shape(self) -> object:
        """The names of what was read."""
        return tuple([bind[0] for bind in self.varbinds])

    @property
    def at(self) -> str:
        """Where the conversation is: an OID, or "" when it is over."""
        return shown(self._left[0]) if self._left else ""

    def next(self) -> Question | None:
        """Return the next packet's worth."""
        asked = self._left[: self._size]
        return Question(Pdu.GET, asked, expected=asked) if asked else None

    def take(self, error_status: int, error_index: int, varbinds: list[VarBind]) -> None:
        """Keep what came; drop the object that an error names and ask again for the others."""
        asked = self._left[: self._size]
        self.packets += 1
        if error_status == ErrorStatus.noError:
            # an object that was asked and does not come back is missing; what was not asked is not looked at, nor twice
            wanted = set(asked)
            for bind in varbinds:
                if bind[0] in wanted:
                    wanted.remove(bind[0])
                    if bind[1] not in MISSING and bind[1] != Tag.NULL:
                        self.varbinds.append(bind)
            del self._left[: self._size]
            return
        named = 1 <= error_index <= len(asked)
        if len(asked) > 1 and (error_status == ErrorStatus.tooBig or not named):
            self._size = (len(asked) + 1) // 2
            return
        culprit = asked[error_index - 1] if named else asked[0]
        self._left.remove(culprit)
        if error_status != ErrorStatus.noSuchName:
            self.problems.append(f"{status_name(error_status)} for {shown(culprit)}")

    def unanswered(self, said: str) -> None:
        """Take it that the agent is there and did not answer the last question: ask for less, then for the others."""
        asked = self._left[: self._size]
        self._unanswered += 1
        if self._unanswered > MAX_UNANSWERED:
            self.problems.append(f"{said}, asked for {self.at}; the rest was not asked for")
            self._left.clear()
        elif len(asked) > 1:
            self._size = (len(asked) + 1) // 2
        else:
            self.problems.append(f"{said}, asked for {shown(asked[0])}")
            self._left.remove(asked[0])


def shown(oid: bytes) -> str:
    """Return an OID as text that a log line bears: an agent may make it 1,400 characters long."""
    text = oid_text(oid)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."

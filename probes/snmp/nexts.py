"""Single objects and first rows of columns, asked for by GETNEXT in few packets, as a pure state machine.

A GET of what is not there fails as a whole in v1, one object at a time; GETNEXT does not, in no version.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from probes.snmp.asking import MISSING, Question
from probes.snmp.ber import ErrorStatus, Pdu, Tag, VarBind, oid_after
from probes.snmp.oid import decode_index, encode_index

_OIDS_PER_QUESTION: Final = 20  # fits the 484 octets that every agent must take (RFC 3417 section 3.2)
_NOTHING: Final = MISSING | {Tag.END_OF_MIB_VIEW, Tag.NULL}


class Wanted(NamedTuple):
    """An object, or the first one below an OID."""

    oid: bytes
    first: bool = False

    @property
    def before(self) -> bytes:
        """What is asked for, so that this one follows."""
        if self.first:
            return self.oid
        parts = decode_index(self.oid)
        return encode_index((*parts[:-1], parts[-1] - 1) if parts[-1] else parts[:-1])


class Nexts:
    """Asks for some objects.

    Attributes:
        found: what was wanted -> its varbind.
        problems: always empty: what could not be read is taken as absent.
        packets: answers taken.
    """

    def __init__(self, wanted: Iterable[Wanted], size: int = _OIDS_PER_QUESTION) -> None:
        self.problems: list[str] = []
        self.found: dict[Wanted, VarBind] = {}
        self.packets = 0
        self._left = list(dict.fromkeys(wanted))
        self._size = size

    @property
    def varbinds(self) -> list[VarBind]:
        """What was wanted, and is there."""
        return list(self.found.values())

    def next(self) -> Question | None:
        """Return the next packet's worth."""
        asked = self._left[: self._size]
        return Question(Pdu.GETNEXT, [wanted.before for wanted in asked]) if asked else None

    def take(self, error_status: int, error_index: int, varbinds: list[VarBind]) -> None:
        """Keep what was wanted; ask again without what an error names."""
        asked = self._left[: self._size]
        self.packets += 1
        if error_status != ErrorStatus.noError:
            self._refused(asked, error_status, error_index)
            return
        answered = varbinds[: len(asked)]
        for wanted, bind in zip(asked, answered, strict=False):
            oid, tag, _ = bind
            fits = oid.startswith(wanted.oid) if wanted.first else oid == wanted.oid
            if fits and tag not in _NOTHING:
                self.found[wanted] = bind
        # an agent may answer fewer than were asked; one that answers none has said all that it will say
        del self._left[: len(answered) or len(asked)]

    def _refused(self, asked: list[Wanted], error_status: int, error_index: int) -> None:
        named = 1 <= error_index <= len(asked)
        if named and error_status == ErrorStatus.noSuchName:  # v1: the MIB has ended, so nothing comes after either
            end = asked[error_index - 1]
            self._left = [one for one in self._left if one != end and not oid_after(one.before, end.before)]
        elif len(asked) > 1 and (error_status == ErrorStatus.tooBig or not named):
            self._size = (len(asked) + 1) // 2
        else:
            self._left.remove(asked[error_index - 1] if named else asked[0])

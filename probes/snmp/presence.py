"""Below which of some OIDs does a device have an object? Asked by GETNEXT, as a pure state machine."""

from collections.abc import Iterable
from typing import Final

from probes.snmp.asking import Question
from probes.snmp.ber import ErrorStatus, Pdu, Tag, VarBind, decode_index, oid_after

_OIDS_PER_QUESTION: Final = 10  # their answers, of any length, shall fit an Ethernet frame


class Presence:
    """One GETNEXT of many OIDs, or several where the agent takes fewer.

    Attributes:
        varbinds: always empty: what came back is no object that was wanted.
        problems: always empty: what could not be found out is taken as absent.
        packets: answers taken.
        present: the OIDs that have an object below them, as far as is known.
    """

    shape: object = ()  # the names of nothing

    def __init__(self, roots: Iterable[bytes]) -> None:
        self.varbinds: list[VarBind] = []
        self.problems: list[str] = []
        self.packets = 0
        self.present: set[bytes] = set()
        self._left = sorted(set(roots), key=decode_index)
        self._size = _OIDS_PER_QUESTION

    def next(self) -> Question | None:
        """Return the next packet's worth."""
        return Question(Pdu.GETNEXT, self._left[: self._size]) if self._left else None

    def take(self, error_status: int, error_index: int, varbinds: list[VarBind]) -> None:
        """Note what is there; ask again without what an error names."""
        asked = self._left[: self._size]
        self.packets += 1
        if error_status != ErrorStatus.noError:
            self._refused(asked, error_status, error_index)
            return
        answered = varbinds[: len(asked)]
        for root, (oid, tag, _) in zip(asked, answered, strict=False):
            if tag not in (Tag.END_OF_MIB_VIEW, Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE) and oid.startswith(root):
                self.present.add(root)
        # an agent may answer fewer than were asked; one that answers none has said all that it will say
        del self._left[: len(answered) or len(asked)]

    def _refused(self, asked: list[bytes], error_status: int, error_index: int) -> None:
        named = 1 <= error_index <= len(asked)
        if named and error_status == ErrorStatus.noSuchName:  # v1: the MIB has ended, so nothing comes after either
            end = asked[error_index - 1]
            self._left = [root for root in self._left if root != end and not oid_after(root, end)]
        elif len(asked) > 1 and (error_status == ErrorStatus.tooBig or not named):
            self._size = (len(asked) + 1) // 2
        else:
            self._left.remove(asked[error_index - 1] if named else asked[0])

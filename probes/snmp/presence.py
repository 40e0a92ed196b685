"""Below which of some OIDs does a device have an object? Asked by GETNEXT, as a pure state machine."""

from collections.abc import Iterable
from typing import Final

from probes.snmp.ber import VarBind, decode_index
from probes.snmp.nexts import Nexts, Wanted

_OIDS_PER_QUESTION: Final = 10  # their answers, of any length, shall fit an Ethernet frame


class Presence(Nexts):
    """One GETNEXT of many OIDs, or several where the agent takes fewer."""

    shape: object = ()  # the names of nothing

    def __init__(self, roots: Iterable[bytes]) -> None:
        super().__init__(
            (Wanted(root, first=True) for root in sorted(set(roots), key=decode_index)), _OIDS_PER_QUESTION
        )

    @property
    def varbinds(self) -> list[VarBind]:
        """Nothing: what came back is no object that was wanted."""
        return []

    @property
    def present(self) -> set[bytes]:
        """The OIDs that have an object below them, as far as is known."""
        return {wanted.oid for wanted in self.found}

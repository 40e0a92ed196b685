"""Gets and walks as snmp_exporter asks them: packet by packet the same questions.

`/snmp` answers with how many packets it took and what they brought, so it cannot use the shorter ways of `walk.Walk`.
An agent that would keep snmp_exporter busy until its time is over ends in an error here.
"""

from collections.abc import Iterable
from typing import Final

from probes.snmp.asking import Question, status_name
from probes.snmp.ber import ErrorStatus, Pdu, Tag, VarBind, oid_after, oid_text
from probes.snmp.errors import SnmpAgentError
from probes.snmp.walk import MAX_PACKETS, MAX_VARBINDS

_NOTHING: Final = frozenset((Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW))
_MAX_OIDS: Final = 60  # in one GET: more, the library of snmp_exporter refuses to send


class PlainGet:
    """Single objects; those that the agent does not have are left out.

    Attributes:
        varbinds: those that have a value, or NULL.
        requests: questions asked.
    """

    def __init__(self, oids: Iterable[bytes], *, v1: bool, max_oids: int) -> None:
        self.varbinds: list[VarBind] = []
        self.requests = 0
        self._left = list(oids)
        self._v1 = v1
        self._size = 1 if v1 else max(1, min(max_oids, _MAX_OIDS))

    def next(self) -> Question | None:
        """Return the next packet's worth."""
        if not self._left:
            return None
        self.requests += 1
        return Question(Pdu.GET, self._left[: self._size])

    def take(self, error_status: int, error_index: int, varbinds: list[VarBind]) -> None:
        """Keep what came.

        Raises:
            SnmpAgentError: for an error-status other than noSuchName in v1, and tooBig.
        """
        if error_status == ErrorStatus.tooBig and self._size > 1:
            self._size //= 2  # snmp_exporter gives up here
            return
        if error_status == ErrorStatus.noError:
            self.varbinds += [bind for bind in varbinds if bind[1] not in _NOTHING]
        elif not self._v1 or error_status != ErrorStatus.noSuchName:
            culprit = self._left[error_index - 1 if 0 < error_index <= len(self._left) else 0]
            raise SnmpAgentError(f"{status_name(error_status)} for {oid_text(culprit)}")
        del self._left[: self._size]
        if len(self.varbinds) > MAX_VARBINDS:
            raise SnmpAgentError(f"more than {MAX_VARBINDS} objects")


class PlainWalk:
    """One subtree. When the first answer lies beyond it, its root is asked for by a GET: it may be a single object.

    Attributes:
        varbinds: what was read.
        requests: questions asked.
        problem: the error-status that ended it; "" otherwise.
    """

    def __init__(self, root: bytes, *, v1: bool, max_repetitions: int, any_order: bool = False) -> None:
        self.varbinds: list[VarBind] = []
        self.requests = 0
        self.problem = ""
        self._root = root
        self._last = root
        self._pdu = Pdu.GETNEXT if v1 else Pdu.GETBULK
        self._repetitions = max_repetitions
        self._any_order = any_order
        self._over = False
        self._asked: set[bytes] = set()

    def next(self) -> Question | None:
        """Return the next request, after the last OID that came."""
        if self._over:
            return None
        self.requests += 1
        return Question(self._pdu, (self._last,), self._repetitions if self._pdu == Pdu.GETBULK else 0)

    def take(self, error_status: int, error_index: int, varbinds: list[VarBind]) -> None:  # noqa: ARG002 - a walk asks for one object
        """Keep the rows of the subtree.

        Raises:
            SnmpAgentError: when the agent would never come to an end.
        """
        if error_status == ErrorStatus.tooBig and self._repetitions > 1 and self._pdu == Pdu.GETBULK:
            self._repetitions //= 2  # snmp_exporter ends the walk here, without a word
        elif error_status != ErrorStatus.noError or not varbinds:
            self._over = True
            self.problem = status_name(error_status) if error_status else ""
        else:
            self._keep(varbinds)
        if len(self.varbinds) > MAX_VARBINDS or self.requests >= MAX_PACKETS:
            raise SnmpAgentError(f"more than expected below {oid_text(self._root)}: no end after {self._reached()}")

    def _keep(self, varbinds: list[VarBind]) -> None:
        if not self._any_order and self._is_usual(varbinds):
            self.varbinds += varbinds
            self._last = varbinds[-1][0]
            return
        root, last, keep = self._root, self._last, self.varbinds.append
        for bind in varbinds:
            oid, tag, _ = bind
            if tag in _NOTHING or not oid.startswith(root) or oid == root:
                self._end(bind, first=bind is varbinds[0])
                return
            # within one answer nobody looks at the order
            if not (oid > last if oid.isascii() and last.isascii() else oid_after(oid, last)) and not self._any_order:
                raise SnmpAgentError(f"OID does not increase: {oid_text(oid)} after {oid_text(last)}")
            keep(bind)
        self._last = varbinds[-1][0]
        if self._any_order:
            if self._last in self._asked:
                raise SnmpAgentError(f"OIDs go round in circles at {oid_text(self._last)}")
            self._asked.add(self._last)

    def _is_usual(self, varbinds: list[VarBind]) -> bool:
        """Return whether an answer is rows of the subtree in order, without looking at each of them in Python.

        Octets compare as numbers do where all sub-identifiers are below 128; what lies between two OIDs that begin
        with the root begins with it, too.
        """
        root, last = self._root, self._last
        oids = [bind[0] for bind in varbinds]
        return (
            oids[0] > last
            and oids[0].startswith(root)
            and oids[-1].startswith(root)
            and sorted(oids) == oids
            and last.isascii()
            and b"".join(oids).isascii()
            and _NOTHING.isdisjoint([bind[1] for bind in varbinds])
        )

    def _end(self, bind: VarBind, *, first: bool) -> None:
        oid, tag, _ = bind
        if first and self.requests == 1 and tag not in _NOTHING:
            self._pdu = Pdu.GET
            return
        self._over = True
        if oid == self._root and tag not in _NOTHING:
            self.varbinds.append(bind)

    def _reached(self) -> str:
        return f"{len(self.varbinds)} objects in {self.requests} packets"

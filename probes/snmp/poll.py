"""One poll of one device: first a small GET by which a dead device is known, then what its modules ask for."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from probes.snmp import identity
from probes.snmp.ber import VarBind
from probes.snmp.client import Session, SnmpClient
from probes.snmp.errors import SnmpTimeout
from probes.snmp.modules import Metric, Module
from probes.snmp.oid import encode_oid
from probes.snmp.presence import Presence
from probes.snmp.walk import Get, Walk

DEFAULT_MAX_REPETITIONS: Final = 25  # as snmp_exporter: an answer of interface rows stays below an Ethernet frame
_SYS_OBJECT_ID: Final = encode_oid("1.3.6.1.2.1.1.2.0")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a set of modules asks for, each thing once.

    Attributes:
        more_gets: what is asked at the end, of modules that the configuration does not name.
        more_walks: the same; what of it cannot be read is missing, and the poll is good all the same.
    """

    modules: tuple[str, ...]
    gets: tuple[bytes, ...]
    walks: tuple[bytes, ...]
    metrics: tuple[Metric, ...]
    max_repetitions: int
    more_gets: tuple[bytes, ...] = ()
    more_walks: tuple[bytes, ...] = ()
    any_order: bool = False


def planned(modules: Sequence[Module], max_repetitions: int | None = None, more: Sequence[Module] = ()) -> Plan:
    """Return what these modules ask for; the first module of a metric's name has it.

    Args:
        more: modules that are read after the others, as far as the device and the time allow.
        max_repetitions: wins over what the modules say; of those the smallest counts.
    """
    metrics: dict[str, Metric] = {}
    for module in (*modules, *more):
        for metric in module.metrics:
            metrics.setdefault(metric.name, metric)
    said = [module.max_repetitions for module in (*modules, *more) if module.max_repetitions]
    gets, walks = ({oid: None for module in modules for oid in getattr(module, what)} for what in ("get", "walk"))
    return Plan(
        modules=tuple(module.name for module in (*modules, *more)),
        gets=tuple(gets),
        walks=tuple(walks),
        metrics=tuple(metrics.values()),
        max_repetitions=max_repetitions or min(said, default=DEFAULT_MAX_REPETITIONS),
        more_gets=tuple(dict.fromkeys(oid for module in more for oid in module.get if oid not in gets)),
        more_walks=tuple(dict.fromkeys(oid for module in more for oid in module.walk if not _within(oid, walks))),
        any_order=any(module.allow_nonincreasing_oids for module in (*modules, *more)),
    )


def _within(oid: bytes, roots: Iterable[bytes]) -> bool:
    return any(oid.startswith(root) for root in roots)


class Poll:
    """The conversation with one device, and what it gave as far as it got.

    Attributes:
        first_answer_seconds: how long the first GET took; None before it is answered.
        enough: whether all was read that the poll is for: what comes after may be cut short.
    """

    def __init__(self, client: SnmpClient, session: Session) -> None:
        self.first_answer_seconds: float | None = None
        self._client = client
        self._session = session
        self.enough = False
        self._cut: list[str] = []
        self._parts: list[Get | Walk | Presence] = []

    @property
    def varbinds(self) -> list[VarBind]:
        """Everything that was read, each part in the order of its OIDs."""
        return [bind for part in self._parts for bind in part.varbinds]

    @property
    def problems(self) -> list[str]:
        """What could not be read, each naming an OID."""
        return [*(problem for part in self._parts for problem in part.problems), *self._cut]

    @property
    def packets(self) -> int:
        """Answers taken."""
        return sum(part.packets for part in self._parts)

    def reached(self) -> str:
        """Say how far the poll has got."""
        objects = sum(len(part.varbinds) for part in self._parts)
        return f"{_counted(objects, 'object')} in {_counted(self.packets, 'packet')}"

    async def greet(self) -> bytes | None:
        """Ask for the system group; return the sysObjectID, None where the device tells none.

        Raises:
            SnmpTimeout, SnmpLocalError: as `SnmpClient.converse`.
        """
        began = time.monotonic()
        get = Get(identity.SYSTEM_OIDS)
        await self._converse(get)
        self.first_answer_seconds = time.monotonic() - began
        return next(
            (bind[2] for bind in get.varbinds if bind[0] == _SYS_OBJECT_ID and isinstance(bind[2], bytes)), None
        )

    async def present(self, roots: Iterable[bytes]) -> frozenset[bytes] | None:
        """Return below which of these OIDs the device has objects; None when it did not answer that.

        Raises:
            SnmpLocalError: as `SnmpClient.converse`.
        """
        asked = Presence(roots)
        try:
            await self._converse(asked)
        except SnmpTimeout:  # it has answered the greeting: what it must give can still be read
            return None
        return frozenset(asked.present)

    async def read(self, plan: Plan) -> None:
        """Ask for what the modules want and `greet` did not ask yet.

        Raises:
            SnmpTimeout, SnmpLocalError: as `SnmpClient.converse`; what came before stays.
        """
        await self._ask(plan.gets, plan.walks, plan)
        self.enough = True
        try:
            await self._ask(plan.more_gets, plan.more_walks, plan)
        except SnmpTimeout as error:
            self.cut_short(str(error))

    def cut_short(self, why: str) -> None:
        """Note that what was asked last has not come to its end."""
        self._cut.append(why)

    async def _ask(self, gets: Sequence[bytes], walks: Sequence[bytes], plan: Plan) -> None:
        if gets := _without(gets, identity.SYSTEM_OIDS):
            await self._converse(Get(gets))
        if walks:
            walk = Walk(
                walks,
                version=self._session.version,
                max_repetitions=plan.max_repetitions,
                any_order=plan.any_order,
            )
            await self._converse(walk)

    async def _converse(self, part: Get | Walk | Presence) -> None:
        self._parts.append(part)
        await self._client.converse(self._session, part)


def _without(oids: Iterable[bytes], known: Sequence[bytes]) -> list[bytes]:
    return [oid for oid in oids if oid not in known]


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"

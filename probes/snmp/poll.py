"""One poll of one device: first a small GET by which a dead device is known, then what its modules ask for."""

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from probes.snmp import identity
from probes.snmp.ber import VarBind
from probes.snmp.client import Session, SnmpClient
from probes.snmp.errors import SnmpTimeout
from probes.snmp.fastplan import MARK_OIDS
from probes.snmp.modules import Metric, Module
from probes.snmp.walk import Asker, Get, Walk

DEFAULT_MAX_REPETITIONS: Final = 25  # as snmp_exporter: an answer of interface rows stays below an Ethernet frame


@dataclass(frozen=True, slots=True)
class Plan:
    """What a set of modules asks for, each thing once."""

    modules: tuple[str, ...]
    gets: tuple[bytes, ...]
    walks: tuple[bytes, ...]
    metrics: tuple[Metric, ...]
    max_repetitions: int


def planned(modules: Sequence[Module], max_repetitions: int | None = None) -> Plan:
    """Return what these modules ask for; the first module of a metric's name has it.

    Args:
        max_repetitions: wins over what the modules say; of those the smallest counts.
    """
    metrics: dict[str, Metric] = {}
    for module in modules:
        for metric in module.metrics:
            metrics.setdefault(metric.name, metric)
    said = [module.max_repetitions for module in modules if module.max_repetitions]
    return Plan(
        modules=tuple(module.name for module in modules),
        gets=tuple(dict.fromkeys(oid for module in modules for oid in module.get)),
        walks=tuple(dict.fromkeys(oid for module in modules for oid in module.walk)),
        metrics=tuple(metrics.values()),
        max_repetitions=max_repetitions or min(said, default=DEFAULT_MAX_REPETITIONS),
    )


class Counted(Asker, Protocol):
    """A conversation that counts its answers, and keeps what they bring."""

    packets: int
    varbinds: list[VarBind]


class Poll:
    """The conversation with one device, and what it gave as far as it got.

    Attributes:
        first_answer_seconds: how long the first GET took; None before it is answered.
        marks: what the device said of its own changes before its tables were read.
        marked_at: when that was, monotonic.
    """

    def __init__(self, client: SnmpClient, session: Session) -> None:
        self.first_answer_seconds: float | None = None
        self._client = client
        self._session = session
        self._parts: list[Get | Walk] = []
        self._own: list[Counted] = []
        self._spent = 0
        self.marks: list[VarBind] = []
        self.marked_at = 0.0

    @property
    def version(self) -> int:
        """The version that is spoken."""
        return self._session.version

    @property
    def varbinds(self) -> list[VarBind]:
        """Everything that was read, each part in the order of its OIDs."""
        return [bind for part in self._parts for bind in part.varbinds]

    @property
    def problems(self) -> list[str]:
        """What could not be read, each naming an OID."""
        return [problem for part in self._parts for problem in part.problems]

    @property
    def packets(self) -> int:
        """Answers taken."""
        return self._spent + sum(part.packets for part in (*self._parts, *self._own))

    def reached(self) -> str:
        """Say how far the poll has got."""
        objects = sum(len(part.varbinds) for part in self._parts or self._own)
        return f"{_counted(objects, 'object')} in {_counted(self.packets, 'packet')}"

    async def greet(self, *, ask_ups: bool) -> bool:
        """Ask for the system group; return whether the device has UPS-MIB (False where that was not asked).

        Raises:
            SnmpTimeout, SnmpLocalError: as `SnmpClient.converse`.
        """
        began = time.monotonic()
        get = Get([*identity.SYSTEM_OIDS, *(identity.UPS_PRESENCE_OIDS if ask_ups else ())])
        await self._converse(get)
        self.first_answer_seconds = time.monotonic() - began
        return any(bind[0].startswith(identity.UPS_ROOT) for bind in get.varbinds)

    async def read(self, plan: Plan) -> None:
        """Ask for what the modules want and `greet` did not ask yet.

        Raises:
            SnmpTimeout, SnmpLocalError: as `SnmpClient.converse`; what came before stays.
        """
        opening = Get(MARK_OIDS)
        with suppress(SnmpTimeout):  # it has answered the greeting: what it must give can still be read
            await self.aside(opening)
        self.marks, self.marked_at = opening.varbinds, time.monotonic()
        if gets := _without(plan.gets, identity.SYSTEM_OIDS):
            await self._converse(Get(gets))
        if plan.walks:
            await self._converse(Walk(plan.walks, version=self._session.version, max_repetitions=plan.max_repetitions))

    async def aside(self, asker: Counted) -> None:
        """Ask for what is no part of the modules' objects.

        Raises:
            SnmpTimeout, SnmpLocalError: as `SnmpClient.converse`; what came before stays.
        """
        self._own.append(asker)
        await self._client.converse(self._session, asker)

    def forget(self) -> None:
        """Drop what was read, to read it anew; the packets were spent."""
        self._spent = self.packets
        self._parts.clear()
        self._own.clear()

    async def _converse(self, part: Get | Walk) -> None:
        self._parts.append(part)
        await self._client.converse(self._session, part)


def _without(oids: Iterable[bytes], known: Sequence[bytes]) -> list[bytes]:
    return [oid for oid in oids if oid not in known]


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"

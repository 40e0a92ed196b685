"""One poll of one device: first a small GET by which a dead device is known, then what its modules ask for."""

import contextlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from probes.snmp import identity
from probes.snmp.ber import Tag, VarBind
from probes.snmp.client import Session, SnmpClient
from probes.snmp.errors import SnmpTimeout
from probes.snmp.modules import Metric, Module
from probes.snmp.walk import MAX_VARBINDS, Get, Walk

DEFAULT_MAX_REPETITIONS: Final = 25  # as snmp_exporter: an answer of interface rows stays below an Ethernet frame
_RESTART_SECONDS: Final = 0.5  # no agent restarts faster: a poll that is over by then need not ask whether it did
_SYS_UPTIME: Final = identity.SYSTEM_OIDS[0]
_TIMETICKS: Final = 1 << 32


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


class Poll:
    """The conversation with one device, and what it gave as far as it got.

    Attributes:
        first_answer_seconds: how long the first GET took; None before it is answered.
        silent: whether all tries of a question stayed unanswered, and nothing was heard since.
    """

    def __init__(self, client: SnmpClient, session: Session, max_varbinds: int = MAX_VARBINDS) -> None:
        self.first_answer_seconds: float | None = None
        self.silent = False
        self._client = client
        self._session = session
        self._max_varbinds = max_varbinds
        self._parts: list[Get | Walk] = []
        self._said: list[str] = []
        self._began = time.monotonic()

    @property
    def varbinds(self) -> list[VarBind]:
        """Everything that was read, each part in the order of its OIDs."""
        return [bind for part in self._parts for bind in part.varbinds]

    @property
    def problems(self) -> list[str]:
        """What could not be read, each naming an OID."""
        return [*self._said, *[problem for part in self._parts for problem in part.problems]]

    @property
    def packets(self) -> int:
        """Answers taken."""
        return sum(part.packets for part in self._parts)

    def reached(self) -> str:
        """Say how far the poll has got."""
        objects = sum(len(part.varbinds) for part in self._parts)
        return f"{_counted(objects, 'object')} in {_counted(self.packets, 'packet')}"

    def cut_short(self, why: str) -> None:
        """Note that the poll ends before all was asked for: what it has is incomplete."""
        at = self._parts[-1].at if self._parts else ""
        self._said.append(f"{why} at {at}" if at else why)

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
        if gets := _without(plan.gets, identity.SYSTEM_OIDS):
            await self._converse(Get(gets))
        if plan.walks:
            await self._converse(
                Walk(
                    plan.walks, version=self._session.version, max_repetitions=plan.max_repetitions,
                    max_varbinds=self._max_varbinds,
                )
            )  # fmt: skip
            await self._look_for_restart()

    async def _converse(self, part: Get | Walk) -> None:
        """Ask until the part is over; an agent that is silent at one question only is asked the others."""
        self._parts.append(part)
        while True:
            try:
                await self._client.converse(self._session, part)
            except SnmpTimeout as error:
                if len(self._parts) == 1:  # nothing was heard yet
                    raise
                self.silent = True
                try:
                    await self._client.converse(self._session, Get([_SYS_UPTIME]))
                except SnmpTimeout:
                    raise error from None
                self.silent = False
                part.unanswered(str(error))
            else:
                return

    async def _look_for_restart(self) -> None:
        """Ask for sysUpTime again: rows of an agent before and after its restart are not of one device."""
        seconds = time.monotonic() - self._began
        before = _uptime(self._parts[0])
        if seconds < _RESTART_SECONDS or before is None:
            return
        get = Get([_SYS_UPTIME])
        with contextlib.suppress(SnmpTimeout):  # all is read: the next poll will find out whether it is dead
            await self._client.converse(self._session, get)
        after = _uptime(get)
        if after is None or before + 200 * seconds + 100 >= _TIMETICKS:  # 497 days after a start it wraps
            return
        if after < before and after <= 100 * seconds + 1000:  # some clocks go back a little; a restart begins anew
            said = f"sysUpTime went from {before / 100:.2f} s to {after / 100:.2f} s"
            self._said.append(f"the agent restarted within the poll ({said}): rows of before and after may be mixed")


def _uptime(part: Get | Walk) -> int | None:
    """Return sysUpTime as it was read, in hundredths of a second."""
    for oid, tag, value in part.varbinds:
        if oid == _SYS_UPTIME and tag == Tag.TIMETICKS and isinstance(value, int):
            return value
    return None


def _without(oids: Iterable[bytes], known: Sequence[bytes]) -> list[bytes]:
    return [oid for oid in oids if oid not in known]


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"

"""One poll of one device: first a small GET by which a dead device is known, then what its modules ask for."""

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from probes.snmp import identity
from probes.snmp.asking import Asker, Get
from probes.snmp.ber import VarBind
from probes.snmp.client import Session, SnmpClient
from probes.snmp.errors import SnmpAgentError, SnmpTimeout
from probes.snmp.fastplan import MARK_OIDS
from probes.snmp.filters import narrowed
from probes.snmp.layout import Layout
from probes.snmp.modules import Metric, Module
from probes.snmp.oid import encode_oid
from probes.snmp.presence import Presence
from probes.snmp.walk import MAX_VARBINDS, Walk

DEFAULT_MAX_REPETITIONS: Final = 25  # as snmp_exporter: an answer of interface rows stays below an Ethernet frame
_SYS_OBJECT_ID: Final = encode_oid("1.3.6.1.2.1.1.2.0")
_SYS_UPTIME: Final = encode_oid("1.3.6.1.2.1.1.3.0")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a set of modules asks for, each thing once.

    Attributes:
        more_gets: what is asked at the end, of modules that the configuration does not name.
        more_walks: the same; what of it cannot be read is missing, and the poll is good all the same.
        filtered, more_filtered: modules of both kinds that have filters; what they ask for stands in none of the above.
        free_repetitions: whether nobody says how many rows an answer should have: then as many as fit a frame.
    """

    modules: tuple[str, ...]
    gets: tuple[bytes, ...]
    walks: tuple[bytes, ...]
    metrics: tuple[Metric, ...]
    max_repetitions: int
    more_gets: tuple[bytes, ...] = ()
    more_walks: tuple[bytes, ...] = ()
    any_order: bool = False
    free_repetitions: bool = False
    filtered: tuple[Module, ...] = ()
    more_filtered: tuple[Module, ...] = ()


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
    filtered, more_filtered = (tuple([module for module in some if module.filters]) for some in (modules, more))
    plain, plain_more = ([module for module in some if not module.filters] for some in (modules, more))
    gets, walks = ({oid: None for module in plain for oid in getattr(module, what)} for what in ("get", "walk"))
    return Plan(
        modules=tuple(module.name for module in (*modules, *more)),
        gets=tuple(gets),
        walks=tuple(walks),
        metrics=tuple(metrics.values()),
        max_repetitions=max_repetitions or min(said, default=DEFAULT_MAX_REPETITIONS),
        free_repetitions=not max_repetitions and not said,
        more_gets=tuple(dict.fromkeys(oid for module in plain_more for oid in module.get if oid not in gets)),
        more_walks=tuple(dict.fromkeys(oid for module in plain_more for oid in module.walk if not _within(oid, walks))),
        any_order=any(module.allow_nonincreasing_oids for module in (*modules, *more)),
        filtered=filtered,
        more_filtered=more_filtered,
    )


def _within(oid: bytes, roots: Iterable[bytes]) -> bool:
    return any(oid.startswith(root) for root in roots)


class Counted(Asker, Protocol):
    """A conversation that counts its answers, and keeps what they bring."""

    packets: int

    @property
    def varbinds(self) -> list[VarBind]:
        """What was read."""


class Poll:
    """The conversation with one device, and what it gave as far as it got.

    Attributes:
        first_answer_seconds: how long the first GET took; None before it is answered.
        silent: whether all tries of a question stayed unanswered, and nothing was heard since.
        enough: whether all was read that the poll is for: what comes after may be cut short.
        marks: what the device said of its own changes before its tables were read.
        marked_at: when that was, monotonic.
    """

    def __init__(self, client: SnmpClient, session: Session, max_varbinds: int = MAX_VARBINDS) -> None:
        """Poll the device of a session; no walk takes more objects than `max_varbinds`."""
        self.first_answer_seconds: float | None = None
        self.silent = False
        self.enough = False
        self.marks: list[VarBind] = []
        self.marked_at = 0.0
        self._client = client
        self._session = session
        self._max_varbinds = max_varbinds
        self._parts: list[Get | Walk | Presence] = []
        self._all: list[VarBind] = []  # of the parts
        self._own: list[Counted] = []
        self._cut: list[str] = []
        self._spent = 0

    @property
    def version(self) -> int:
        """The version that is spoken."""
        return self._session.version

    @property
    def varbinds(self) -> list[VarBind]:
        """Everything that was read, each part in the order of its OIDs."""
        count = sum(len(part.varbinds) for part in self._parts)
        if len(self._all) != count:
            self._all = [bind for part in self._parts for bind in part.varbinds]
        return self._all

    @property
    def shape(self) -> object:
        """What stands for the names of `varbinds`, the same as at a poll that read the same; None for nothing."""
        shapes = tuple([part.shape for part in self._parts if part.varbinds])
        return None if None in shapes else shapes

    @property
    def greeted(self) -> list[VarBind]:
        """What the first GET brought: of the system group."""
        return self._parts[0].varbinds if self._parts else []

    @property
    def problems(self) -> list[str]:
        """What could not be read, each naming an OID."""
        return [*self._cut, *(problem for part in self._parts for problem in part.problems)]

    @property
    def packets(self) -> int:
        """Answers taken."""
        return self._spent + sum(part.packets for part in (*self._parts, *self._own))

    def reached(self) -> str:
        """Say how far the poll has got."""
        objects = sum(len(part.varbinds) for part in self._parts or self._own)
        return f"{_counted(objects, 'object')} in {_counted(self.packets, 'packet')}"

    def cut_short(self, why: str) -> None:
        """Note that the poll ends before all was asked for: what it has is incomplete."""
        last = self._parts[-1] if self._parts else None
        at = last.at if isinstance(last, Get | Walk) else ""
        self._cut.append(f"{why} at {at}" if at else why)

    def forget(self) -> None:
        """Drop what was read, to read it anew; the packets were spent."""
        self._spent = self.packets
        self._parts.clear()
        self._all = []
        self._own.clear()
        self._cut.clear()
        self.enough = False

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
        self._parts.append(asked)
        try:
            await self._talk(asked)
        except SnmpTimeout:  # it has answered the greeting: what it must give can still be read
            return None
        return frozenset(asked.present)

    async def read(self, plan: Plan, layouts: dict[tuple[bytes, ...], Layout]) -> None:
        """Ask for what the modules want and `greet` did not ask yet.

        Args:
            layouts: what is known of the device's walks, by their subtrees; learnt from this poll.

        Raises:
            SnmpTimeout, SnmpLocalError: as `SnmpClient.converse`; what came before stays.
        """
        opening = Get(MARK_OIDS)
        with suppress(SnmpTimeout):  # it has answered the greeting: what it must give can still be read
            await self.aside(opening)
        self.marks, self.marked_at = opening.varbinds, time.monotonic()
        await self._ask(plan.gets, plan.walks, plan, layouts)
        await self._ask_filtered(plan.filtered, plan, layouts)
        self.enough = True
        try:
            await self._ask(plan.more_gets, plan.more_walks, plan, layouts)
            await self._ask_filtered(plan.more_filtered, plan, layouts)
        except SnmpTimeout as error:
            self.cut_short(str(error))

    async def aside(self, asker: Counted) -> None:
        """Ask for what is no part of the modules' objects.

        Raises:
            SnmpTimeout, SnmpLocalError: as `SnmpClient.converse`; what came before stays.
        """
        self._own.append(asker)
        await self._talk(asker)

    async def _talk(self, asker: Asker) -> None:
        try:
            await self._client.converse(self._session, asker)
        except SnmpTimeout:
            self.silent = True
            raise
        self.silent = False

    async def _ask(
        self,
        gets: Sequence[bytes],
        walks: tuple[bytes, ...],
        plan: Plan,
        layouts: dict[tuple[bytes, ...], Layout],
    ) -> None:
        if gets := _without(gets, identity.SYSTEM_OIDS):
            await self._converse(Get(gets))
        if walks:
            walk = Walk(
                walks,
                version=self._session.version,
                max_repetitions=plan.max_repetitions,
                max_varbinds=self._max_varbinds,
                any_order=plan.any_order,
                layout=layouts.setdefault(walks, Layout()) if plan.free_repetitions else None,
            )
            await self._converse(walk)

    async def _ask_filtered(
        self, modules: Sequence[Module], plan: Plan, layouts: dict[tuple[bytes, ...], Layout]
    ) -> None:
        """Ask for the rows that the filters of modules choose, and of them for what was not asked yet."""

        async def column(root: bytes) -> list[VarBind]:
            walk = Walk(
                (root,),
                version=self._session.version,
                max_repetitions=plan.max_repetitions,
                max_varbinds=self._max_varbinds,
                any_order=plan.any_order,
            )
            await self.aside(walk)
            if walk.problems:  # its rows are not all known: then all are read
                raise SnmpAgentError(walk.problems[0])
            return walk.varbinds

        gets, walks = {*plan.gets, *plan.more_gets}, [*plan.walks, *plan.more_walks]
        for module in modules:
            own_gets, own_walks = await narrowed(module, column)
            own_gets = [oid for oid in dict.fromkeys(own_gets) if oid not in gets and not _within(oid, walks)]
            own_walks = [root for root in own_walks if not _within(root, walks)]
            await self._ask(own_gets, tuple(own_walks), plan, layouts)
            gets.update(own_gets)
            walks += own_walks

    async def _converse(self, part: Get | Walk) -> None:
        """Ask until the part is over; an agent that is silent at one question only is asked the others."""
        self._parts.append(part)
        while True:
            try:
                await self._talk(part)
            except SnmpTimeout as error:
                if len(self._parts) == 1:  # nothing was heard yet
                    raise
                try:
                    await self._talk(Get([_SYS_UPTIME]))
                except SnmpTimeout:
                    raise error from None
                part.unanswered(str(error))
            else:
                return


def _without(oids: Iterable[bytes], known: Sequence[bytes]) -> list[bytes]:
    return [oid for oid in oids if oid not in known]


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"

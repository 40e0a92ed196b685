"""One look at a device: the few objects by which it is known, then the parts that it has.

Two to three packets tell what it is; what follows are short walks. Whatever a device does, what came before stays.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from agent.core.hardware import Entity, Hardware
from probes.snmp import identityfacts, identitytables
from probes.snmp.ber import SnmpDecodeError, VarBind, Version
from probes.snmp.errors import SnmpTimeout
from probes.snmp.identityfacts import ENTITY_ROWS, Said
from probes.snmp.identityfiles import built_in
from probes.snmp.identityrules import Matched, Rules
from probes.snmp.nexts import Nexts, Wanted
from probes.snmp.oid import encode_oid
from probes.snmp.walk import Walk

MAX_FURTHER: Final = 40  # objects beside the opening: two packets
_REPETITIONS: Final = 50  # of numbers: an answer stays below an Ethernet frame
_MAX_ENTITIES: Final = 2000  # rows whose class is read
_MAX_ROWS: Final = 1000  # of makers' tables, all columns
_MAX_SILENCES: Final = 1  # questions without an answer, after which no further ones are asked

Converse = Callable[[Nexts | Walk], Awaitable[object]]
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Identity:
    """What a look gave.

    Attributes:
        rules: names of the rules that held, the closest first.
        packets: answers taken.
        problems: what could not be read, as sentences.
    """

    hardware: Hardware
    rules: tuple[str, ...]
    packets: int
    problems: tuple[str, ...] = ()


class _Look:
    """The conversation, and what it gave as far as it got."""

    def __init__(self, converse: Converse, version: int, rules: Rules, progress: Progress | None) -> None:
        self.said = Said()
        self.matched: tuple[Matched, ...] = ()
        self.parts: tuple[Entity, ...] = ()
        self.problems: list[str] = []
        self.packets = 0
        self._converse = converse
        self._version = version
        self._rules = rules
        self._progress = progress or _ignore
        self._silences = 0

    async def run(self, today: datetime) -> Identity:
        """Ask, and say what was learnt."""
        opening = Nexts(identityfacts.opening(self._rules))
        self._progress("who it is")
        try:
            await self._converse(opening)
        finally:
            self.packets += opening.packets
            self.said.answers |= opening.found
        self.matched = self._rules.matched(self.said.object_id, self.said.description, self.said.told)
        more = identityfacts.further(self.matched, self.said, MAX_FURTHER)
        self.said.answers |= await self._ask(more, "what its maker tells")
        self.said.answers |= await self._ask(identityfacts.lookups(self.matched, self.said), "what its maker tells")
        if any(column in self.said.answers for column in ENTITY_ROWS):
            await self._read_entities(today)
        for match in self.matched:
            for table in match.rule.tables:
                roots = [encode_oid(oid) for oid in table.columns.values()]
                rows = await self._walk(roots, _MAX_ROWS, table.object)
                self.parts += identitytables.table_entities(table, rows)
        found = identityfacts.facts(self._rules, self.matched, self.said, today.date())
        hardware = Hardware(
            today, found, (*self.said.entities, *self.parts), complete=not self.problems,
        )  # fmt: skip
        names = tuple(match.rule.name for match in self.matched)
        return Identity(hardware, names, self.packets, tuple(self.problems))

    async def _read_entities(self, today: datetime) -> None:
        columns = (identitytables.WITHIN, identitytables.CLASS)
        rows = await self._walk(columns, _MAX_ENTITIES, "its parts")
        found = identitytables.rows_of_interest(rows)
        wanted = [Wanted(column + suffix) for suffix in found for column in identitytables.TEXTS]
        texts = await self._ask(wanted, f"{len(found)} of its parts")
        self.said.entities = identitytables.entities([*rows, *texts.values()], today.date())

    async def _ask(self, wanted: Sequence[Wanted], what: str) -> dict[Wanted, VarBind]:
        asked = Nexts(wanted)
        if wanted:
            await self._talk(asked, what)
        return asked.found

    async def _walk(self, roots: Sequence[bytes], most: int, what: str) -> list[VarBind]:
        walk = Walk(roots, version=self._version, max_repetitions=_REPETITIONS, max_varbinds=most)
        await self._talk(walk, what)
        self.problems += walk.problems
        return walk.varbinds

    async def _talk(self, asker: Nexts | Walk, what: str) -> None:
        if self._silences > _MAX_SILENCES:
            return
        self._progress(what)
        try:
            await self._converse(asker)
        except SnmpTimeout as error:
            self._silences += 1
            self.problems.append(f"{error}, asked for {what}")
        except SnmpDecodeError as error:
            self.problems.append(f"{error}, asked for {what}")
        finally:
            self.packets += asker.packets


def _ignore(_: str) -> None:
    pass


async def look(
    converse: Converse, version: int = Version.V2C, *, now: datetime | None = None, rules: Rules | None = None,
    progress: Progress | None = None,
) -> Identity:  # fmt: skip
    """Find out what a device is.

    Args:
        converse: asks a device until the asker has no more questions.
        version: that is spoken.
        progress: told what is asked for next.

    Raises:
        SnmpError: when it does not answer at all, or this host cannot ask.
    """
    moment = now if now is not None else datetime.now(UTC)
    return await _Look(converse, version, rules if rules is not None else built_in(), progress).run(moment)

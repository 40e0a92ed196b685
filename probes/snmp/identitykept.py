"""What is known of a polled device's hardware between polls, and when it is to be read again."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from agent.core.looks import after
from agent.core.model import Fact
from probes.snmp.ber import VarBind
from probes.snmp.errors import SnmpTimeout
from probes.snmp.fastplan import SYS_UPTIME
from probes.snmp.hardware import joined
from probes.snmp.identitylook import Converse, look
from probes.snmp.reader import Made

if TYPE_CHECKING:
    from agent.core.hardware import Hardware

READ_SECONDS: Final = 6 * 3600.0  # parts are changed by hand: within a shift it is known
AGAIN_SECONDS: Final = 15 * 60.0  # after a reading that failed or was not complete
_SHARE: Final = 0.5  # of the poll's time that is left: it must not cost the interfaces
# what the rules tell better than the one object that every poll reads
_OF_IDENTITY: Final = frozenset(("vendor", "model", "software_version"))


class Kept:
    """The last reading of one device."""

    def __init__(self) -> None:
        self._hardware: Hardware | None = None
        self._due_at = float("-inf")
        self._uptime: int | None = None

    def is_due(self, greeted: Sequence[VarBind], now: float) -> bool:
        """Return whether to read it now: for the first time, after a restart, or because it is old.

        Args:
            greeted: the system group; sysUpTime may wrap after 497 days, which costs one reading.
            now: monotonic.
        """
        uptime = next((bind[2] for bind in greeted if bind[0] == SYS_UPTIME and isinstance(bind[2], int)), None)
        restarted = uptime is not None and self._uptime is not None and uptime < self._uptime
        self._uptime = uptime if uptime is not None else self._uptime
        return restarted or now >= self._due_at

    async def read(self, converse: Converse, version: int, seconds_left: float) -> None:
        """Read it; what is known stays as it was where the device does not answer, or not in time.

        Raises:
            SnmpLocalError: as `SnmpClient.converse`.
        """
        self._due_at = time.monotonic() + AGAIN_SECONDS
        try:
            async with asyncio.timeout(max(0.0, seconds_left * _SHARE)):
                found = (await look(converse, version)).hardware
        except (SnmpTimeout, TimeoutError):
            return
        self._hardware = after(self._hardware, found)
        if found.complete:
            self._due_at = time.monotonic() + READ_SECONDS

    def added_to(self, full: Made) -> Made:
        """Return what a poll made with what the last reading knows: each fact once, each part with its condition."""
        if self._hardware is None:
            return full
        hardware = joined(self._hardware, full.hardware)
        return replace(full, facts=_facts(full.facts, self._hardware.facts), hardware=hardware)


def _facts(polled: tuple[Fact, ...], read: tuple[Fact, ...]) -> tuple[Fact, ...]:
    known = {fact.name for fact in read}
    kept = [fact for fact in polled if fact.name not in _OF_IDENTITY or fact.name not in known]
    names = {fact.name for fact in kept}
    return (*kept, *(fact for fact in read if fact.name not in names))

"""What came in as traps, counted; and what is said of drops to whoever set up the device."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from agent.core.traps import TrapKind

_log = logging.getLogger(__name__)

_COMPLAIN_SECONDS: Final = 60.0  # how often a reason for drops is logged
VERSIONS: Final = {0: "v1", 1: "v2c", 3: "v3"}  # as on the wire -> as shown

# why something is dropped -> what is said of it, if that helps whoever set up the device; no text from the network
DROPS: Final[Mapping[str, str]] = {
    "unknown_source": "no device of the configuration has this address",
    "source_rate": "it sends more than `snmp.traps.rate` allows",
    "total_rate": "all senders together send more than can be looked at",
    "too_long": "",
    "garbage": "",
    "not_a_trap": "",
    "wrong_community": "its community is none of `snmp.auths`",
    "unknown_user": "its SNMPv3 user is none of `snmp.auths`",
    "wrong_level": "its messages are not protected as `security_level` of the user's auth says",
    "unknown_engine": "its engine id is not the one that the device itself tells",
    "not_authentic": "password or protocol are not those of the user's auth",
    "not_in_time": "its boots and time are older than what came before",
    "queue_full": "",
    "receive_buffer": "",
}


@dataclass(slots=True)
class TrapCounters:
    """What was received; all are totals. Keys are label values."""

    received: dict[tuple[str, str], int] = field(
        default_factory=lambda: {(version, kind): 0 for version in VERSIONS.values() for kind in TrapKind}
    )
    dropped: dict[tuple[str], int] = field(default_factory=lambda: {(reason,): 0 for reason in DROPS})
    acknowledged: int = 0  # informs
    engine_questions: int = 0  # devices that were asked for their engine id
    _complained: dict[str, float] = field(default_factory=dict)

    def drop(self, reason: str, address: str, now: float) -> None:
        """Count a drop, and log the first of its kind in a minute where that helps.

        Args:
            now: a clock that does not go back.
        """
        self.dropped[reason,] += 1
        said, last = DROPS[reason], self._complained.get(reason)
        if said and (last is None or now - last >= _COMPLAIN_SECONDS):
            self._complained[reason] = now
            _log.warning("a trap from %s is dropped: %s (more of these within a minute are counted)", address, said)

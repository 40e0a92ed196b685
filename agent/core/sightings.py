"""What devices say of their neighbours, remembered for as long as it may be true. Hostile: it comes from the network.

A port that is down sees nobody, and a device that fails is not asked: what stood there before still stands there, or a
way that is only broken would look like one that never was.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from agent.core.interfaces import labels
from agent.core.model import Estate, Fact, Interface, Role
from agent.core.neighbours import Names

REMEMBERED: Final = timedelta(days=1)  # longer than what fails in the night stays so; shorter than a rebuilt cupboard
MAX_PORTS: Final = 512  # of one device that see somebody: a large chassis, each port with a phone
MAX_SIGHTINGS: Final = 50_000
MAX_CHARACTERS: Final = 64  # of a name or port that a neighbour tells


class Said(Protocol):
    """What is read of a device's last poll."""

    @property
    def interfaces(self) -> tuple[Interface, ...]: ...

    @property
    def facts(self) -> tuple[Fact, ...]: ...


@dataclass(frozen=True, slots=True)
class Sighting:
    """One device's port, and what it sees there.

    Attributes:
        system, far_port: as the neighbour calls itself and its end.
        addresses: at which it says that it is managed.
        first_at: since when this run of the agent has known it so.
        last_at: when it was seen last.
    """

    device: str
    port: str
    system: str
    far_port: str
    addresses: tuple[str, ...]
    first_at: datetime
    last_at: datetime


class Sightings:
    """What the devices of an estate have seen lately.

    Attributes:
        left_out: how many neighbours there was no room for at the last look.
    """

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._known: dict[tuple[str, str], Sighting] = {}
        self.left_out = 0

    def look(self, estate: Estate, names: Names, polls: Mapping[str, Said], now: datetime) -> list[Sighting]:
        """Take what the last polls say, forget what is too old, and return what is left by device and port."""
        self.left_out = 0
        moved: set[tuple[str, str]] = set()
        for device, poll in polls.items():
            target = estate.targets.get(device)
            if target is not None and target.role is Role.DEVICE:
                names.hear(device, poll.facts)
                moved.update(self._take(device, poll.interfaces, now))
        self._known = {
            key: one
            for key, one in self._known.items()
            if now - one.last_at <= REMEMBERED and one.device in estate.targets
            and (one.last_at == now or (one.system.lower(), one.far_port) not in moved)
        }  # fmt: skip
        return [self._known[key] for key in sorted(self._known)]

    def _take(self, device: str, interfaces: tuple[Interface, ...], now: datetime) -> Iterable[tuple[str, str]]:
        """Return the ends that are seen at another port than before: there the cable was moved."""
        seeing = [(name, one.neighbour) for name, one in zip(labels(interfaces), interfaces, strict=True)
                  if one.neighbour is not None]  # fmt: skip
        self.left_out += max(0, len(seeing) - MAX_PORTS)
        for name, neighbour in seeing[:MAX_PORTS]:
            system, far_port = told(neighbour.system), told(neighbour.port)
            if not system:
                continue
            before = self._known.get((device, name))
            if before is not None and (before.system, before.far_port) == (system, far_port):
                self._known[device, name] = replace(before, addresses=neighbour.addresses, last_at=now)
            elif before is not None or len(self._known) < MAX_SIGHTINGS:
                self._known[device, name] = Sighting(device, name, system, far_port, neighbour.addresses, now, now)
                if far_port:
                    yield system.lower(), far_port
            else:
                self.left_out += 1


def told(text: str) -> str:
    """Return one line of what a neighbour tells, printable and short."""
    if len(text) <= MAX_CHARACTERS and text.isprintable():
        return text.strip()
    return "".join(c if c.isprintable() else " " for c in text[: 4 * MAX_CHARACTERS]).strip()[:MAX_CHARACTERS]

"""A switch that lives: it counts, restarts, renumbers, clears counters; on a clock that the test turns."""

from collections.abc import Callable
from dataclasses import dataclass, field

from probes.snmp.ber import Message, Pdu, Tag, Value
from tests.probes.snmp.agents import SYSTEM, Mib

WRAP32 = 1 << 32
WRAP64 = 1 << 64


class Clock:
    """Stands for the module `time` where a test turns the clock itself."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class Port:
    """One port; `rate` in octets a second each way, a packet being 500 octets and an error every 1000 packets."""

    name: str
    index: int
    rate: float = 1e6
    oper: int = 1
    admin: int = 1
    alias: str = ""
    start: float = 0.0  # what its counters stood at, at `since`
    since: float = 0.0
    changed: int = 0
    discontinuity: int = 0


@dataclass
class LiveSwitch:
    """What it answers follows from the clock and from what was done to it."""

    clock: Clock
    ports: list[Port] = field(default_factory=list)
    wide: bool = True
    mbits: int = 1000
    booted: float = 0.0
    uptime_base: int = 8_640_000
    table_changed: int | None = 0
    entities_changed: int | None = 0
    most_octets: int = 65_000  # of a request; more is silence
    answered: int = 0
    before_answer: Callable[[int], None] = lambda number: None

    @classmethod
    def of(cls, clock: Clock, count: int = 6, **more: object) -> "LiveSwitch":
        made = cls(clock, **more)  # type: ignore[arg-type] # the fields of this class
        made.booted = clock.now
        made.ports = [Port(f"Gi1/0/{n}", n, 1e5 * n, alias=f"port {n}", since=clock.now) for n in range(1, count + 1)]
        return made

    def port(self, name: str) -> Port:
        return next(port for port in self.ports if port.name == name)

    @property
    def uptime(self) -> int:
        return (self.uptime_base + round((self.clock.now - self.booted) * 100)) % WRAP32

    def octets(self, port: Port) -> int:
        return int(port.start + port.rate * (self.clock.now - port.since))

    def restart(self, numbers: list[int] | None = None, after: float = 0.0) -> None:
        """Begin anew `after` seconds ago, with other numbers."""
        self.booted, self.uptime_base = self.clock.now - after, 0
        for place, port in enumerate(self.ports):
            port.start, port.since, port.changed, port.discontinuity = 0.0, self.clock.now - after, 0, 0
            if numbers is not None:
                port.index = numbers[place]
        self.table_changed = 0 if self.table_changed is not None else None

    def turn(self, name: str, oper: int) -> None:
        """Change a port's state."""
        port = self.port(name)
        port.oper, port.changed = oper, self.uptime

    def clear(self, name: str, *, told: bool) -> None:
        """Set a port's counters to zero, with or without a word."""
        port = self.port(name)
        port.start, port.since = 0.0, self.clock.now
        if told:
            port.discontinuity = self.uptime

    def objects(self) -> dict[str, tuple[int, Value]]:
        out = dict(SYSTEM)
        out["1.3.6.1.2.1.1.3.0"] = (Tag.TIMETICKS, self.uptime)
        out["1.3.6.1.2.1.2.1.0"] = (Tag.INTEGER, len(self.ports))
        if self.table_changed is not None:
            out["1.3.6.1.2.1.31.1.5.0"] = (Tag.TIMETICKS, self.table_changed)
        if self.entities_changed is not None:
            out["1.3.6.1.2.1.47.1.4.1.0"] = (Tag.TIMETICKS, self.entities_changed)
        for port in self.ports:
            octets = self.octets(port)
            packets = octets // 500
            columns: dict[str, tuple[int, Value]] = {
                "2.2.1.1": (Tag.INTEGER, port.index),
                "2.2.1.2": (Tag.OCTET_STRING, f"long name of {port.name}".encode()),
                "2.2.1.5": (Tag.GAUGE32, min(self.mbits * 1_000_000, WRAP32 - 1)),
                "2.2.1.7": (Tag.INTEGER, port.admin),
                "2.2.1.8": (Tag.INTEGER, port.oper),
                "2.2.1.9": (Tag.TIMETICKS, port.changed),
                "2.2.1.10": (Tag.COUNTER32, octets % WRAP32),
                "2.2.1.11": (Tag.COUNTER32, packets % WRAP32),
                "2.2.1.13": (Tag.COUNTER32, 0),
                "2.2.1.14": (Tag.COUNTER32, packets // 1000 % WRAP32),
                "2.2.1.16": (Tag.COUNTER32, octets // 2 % WRAP32),
                "2.2.1.17": (Tag.COUNTER32, packets // 2 % WRAP32),
                "2.2.1.19": (Tag.COUNTER32, 0),
                "2.2.1.20": (Tag.COUNTER32, 0),
                "31.1.1.1.1": (Tag.OCTET_STRING, port.name.encode()),
                "31.1.1.1.15": (Tag.GAUGE32, self.mbits),
                "31.1.1.1.18": (Tag.OCTET_STRING, port.alias.encode()),
                "31.1.1.1.19": (Tag.TIMETICKS, port.discontinuity),
            }
            if self.wide:
                columns |= {
                    "31.1.1.1.6": (Tag.COUNTER64, octets % WRAP64),
                    "31.1.1.1.7": (Tag.COUNTER64, packets % WRAP64),
                    "31.1.1.1.10": (Tag.COUNTER64, octets // 2 % WRAP64),
                    "31.1.1.1.11": (Tag.COUNTER64, packets // 2 % WRAP64),
                }
            out |= {f"1.3.6.1.2.1.{column}.{port.index}": value for column, value in columns.items()}
        return out

    def answer(self, request: Message, data: bytes) -> list[bytes]:
        if request.pdu == Pdu.GET and len(data) > self.most_octets:
            return []
        self.answered += 1
        self.before_answer(self.answered)
        return Mib(self.objects()).answer(request, data)

"""What is really so in a simulated estate: who carries, who answers, how well, and when the agent can see it."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agent.core.model import Check, Estate, OperStatus, Role


@dataclass(frozen=True)
class Fault:
    """A target that fails by itself; `link`: its ends' interfaces show it; `agent`: only its SNMP agent is silent."""

    target: str
    begin: float
    end: float
    link: bool = False
    agent: bool = False


@dataclass(frozen=True)
class Worse:
    """A target that works worse than it should.

    Attributes:
        loss_ratio: of echoes and polls that are lost at random, on the way there and back together.
        rise_seconds: how much the round-trip time has risen at the end, in a steady drift.
    """

    target: str
    begin: float
    end: float
    loss_ratio: float = 0.0
    rise_seconds: float = 0.0


@dataclass(frozen=True)
class Span:
    """Seconds of something that is about the agent, or about one target's place in the configuration."""

    begin: float
    end: float

    def holds(self, second: float) -> bool:
        """Say whether a moment lies in it."""
        return self.begin <= second < self.end


@dataclass
class Truth:
    """What is really so.

    Attributes:
        faults: what fails by itself; one may last for less than anybody could notice.
        worse: what loses or delays.
        blind: when the agent cannot send, and knows it.
        stalls: when its ledger takes no write, so that its pipeline waits.
        stops: when no agent runs; the next one goes on from the ledger.
        absent: targets that a reload takes out of the configuration for a while.
        plugged: the ends of circuits by the device whose interfaces they are.
    """

    estate: Estate
    faults: Sequence[Fault] = ()
    worse: Sequence[Worse] = ()
    blind: Sequence[Span] = ()
    stalls: Sequence[Span] = ()
    stops: Sequence[Span] = ()
    absent: Mapping[str, Span] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Index by target, and note the moments between which nothing changes."""
        self._faults: dict[str, list[Fault]] = {}
        for fault in self.faults:
            self._faults.setdefault(fault.target, []).append(fault)
        self._worse: dict[str, list[Worse]] = {}
        for one in self.worse:
            self._worse.setdefault(one.target, []).append(one)
        spans: list[Fault | Worse] = [*self.faults, *self.worse]
        self._moments = sorted({moment for one in spans for moment in (one.begin, one.end)})
        self._carries: dict[tuple[str, int], bool] = {}
        self._lossy: dict[tuple[str, int], float] = {}
        self.plugged: dict[str, list[Check]] = {}
        self._only_ends: dict[str, list[str]] = {}
        own = {check.target for check in self.estate.checks() if check.source is None}
        for check in self.estate.checks():
            if check.source is not None:
                self.plugged.setdefault(check.source[0], []).append(check)
                if check.target not in own:
                    self._only_ends.setdefault(check.target, []).append(check.source[0])

    # ------------------------------------------------------------------ what works

    def faults_of(self, name: str) -> Sequence[Fault]:
        """Return the faults of one target."""
        return self._faults.get(name, ())

    def fails(self, name: str, second: float) -> bool:
        """Say whether a target itself fails."""
        return any(not f.agent and f.begin <= second < f.end for f in self.faults_of(name))

    def reached(self, name: str, second: float) -> bool:
        """Say whether all that a target depends on carries what is sent to it."""
        return all(self.carries(above, second) for above in self.estate.targets[name].depends_on)

    def carries(self, name: str, second: float) -> bool:
        """Say whether what is sent to or through a target arrives."""
        key = (name, bisect_right(self._moments, second))
        known = self._carries.get(key)
        if known is None:
            known = self._carries[key] = self._works(name, second)
        return known

    def _works(self, name: str, second: float) -> bool:
        target = self.estate.targets[name]
        if name == self.estate.site:
            return True
        if target.members:
            return any(self.carries(member, second) for member in target.members)
        return not self.fails(name, second) and self.reached(name, second)

    def speaks(self, name: str, second: float) -> bool:
        """Say whether a device's SNMP agent answers."""
        silent = any(f.agent and f.begin <= second < f.end for f in self.faults_of(name))
        return not silent and self.carries(name, second)

    def shows(self, circuit: str, second: float) -> OperStatus:
        """Return what a circuit's ends say."""
        cut = any(f.link and f.begin <= second < f.end for f in self.faults_of(circuit))
        return OperStatus.DOWN if cut else OperStatus.UP

    # ------------------------------------------------------------------ how well it works

    def loss_ratio(self, name: str, second: float) -> float:
        """Return how much is lost on the way to a target and back; of a group, on its first circuit that works."""
        key = (name, bisect_right(self._moments, second))
        known = self._lossy.get(key)
        if known is None:
            passed = 1.0
            for one in self._way(name, second):
                for worse in self._worse.get(one, ()):
                    passed *= 1.0 - (worse.loss_ratio if worse.begin <= second < worse.end else 0.0)
            known = self._lossy[key] = 1.0 - passed
        return known

    def rise_seconds(self, name: str, second: float) -> float:
        """Return by how much the round-trip time has risen."""
        return sum(
            worse.rise_seconds * (second - worse.begin) / (worse.end - worse.begin)
            for one in self._way(name, second)
            for worse in self._worse.get(one, ())
            if worse.begin <= second < worse.end
        )

    def _way(self, name: str, second: float) -> list[str]:
        if not self._worse or name == self.estate.site:
            return []
        target = self.estate.targets[name]
        members = [member for member in target.members if self.carries(member, second)][:1]
        return [name, *(one for above in (*members, *target.depends_on) for one in self._way(above, second))]

    # ------------------------------------------------------------------ what the agent can know

    def is_blind(self, second: float) -> bool:
        """Say whether the agent cannot send."""
        return any(span.holds(second) for span in self.blind)

    def is_stopped(self, second: float) -> bool:
        """Say whether no agent runs."""
        return any(span.holds(second) for span in self.stops)

    def is_absent(self, name: str, second: float) -> bool:
        """Say whether a target is not in the configuration."""
        return name in self.absent and self.absent[name].holds(second)

    def is_observable(self, name: str, second: float) -> bool:
        """Say whether the agent can tell whether a target works: what it depends on carries, and something asks it.

        A circuit whose only checks are its ends can be told of by devices that answer SNMP, and by nothing else.
        """
        if self.is_blind(second) or self.is_stopped(second) or self.is_absent(name, second):
            return False
        devices = self._only_ends.get(name)
        asked = devices is None or any(self.speaks(device, second) for device in devices)
        return asked and self.reached(name, second)

    def above(self, name: str) -> set[str]:
        """Return all that a target depends on, near or far."""
        target = self.estate.targets[name]
        near = {*target.depends_on, *target.members}
        return near.union(*(self.above(other) for other in near))

    def measured_every(self, name: str) -> float:
        """Return the longest spacing of the measurements that decide about a target or what it depends on."""
        names = [name, *self.above(name)]
        return max((check.interval_seconds for n in names for check in self.estate.targets[n].checks), default=0.0)

    def own_spacing(self, name: str, *, agent: bool = False) -> float:
        """Return how often a target itself is measured: by what decides about it, or by its polls."""
        checks = self.estate.targets[name].checks
        return min((c.interval_seconds for c in checks if (c.type == "snmp" if agent else c.decisive)), default=0.0)

    def is_circuit(self, name: str) -> bool:
        """Say whether a target is a circuit."""
        return self.estate.targets[name].role is Role.CIRCUIT

"""The agent's watch on itself: a late loop, a stepped clock, a sleeping host, full queues, failed local interfaces.

What is found here is the agent's own trouble. It is shown as metrics and told to systemd, and it keeps the agent from
taking its own trouble for the network's.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from agent.core.beat import next_beat
from agent.core.clockwatch import Beat, ClockChange, ClockReading, LagWindow, clock_change, stalled
from agent.routewatch import RouteWatch
from agent.sdnotify import Notifier

_log = logging.getLogger(__name__)

TICK_SECONDS: Final = 0.25  # four looks a second cost 0.1 % of a core, and find a stall that the watchdog would miss
_ROUTES_SECONDS: Final = 1.0  # how old the view of routes and interfaces may be
_LATE_LOOP_SECONDS: Final = 5.0  # a loop as late as this does not measure any more; half of systemd's shortest watchdog


@dataclass(frozen=True, slots=True)
class _Queue:
    depth: Callable[[], int]
    capacity: int
    dropped: Callable[[], int]


def read_clocks() -> ClockReading:
    """Read the three clocks as one moment: again, if the kernel put the process aside between two of them."""
    for _ in range(5):
        began = time.monotonic()
        realtime = time.time()
        boottime = time.clock_gettime(time.CLOCK_BOOTTIME)
        monotonic = time.monotonic()
        if monotonic - began < 0.001:
            break
    return ClockReading(realtime, monotonic, boottime)


async def _ignore(_seconds: float) -> None:
    """Take a clock change that nobody asked to hear of."""


async def _tell(listener: Callable[[float], Awaitable[None]], seconds: float) -> None:
    """Call a listener; its bug must not end the watch."""
    try:
        await listener(seconds)
    except Exception:
        _log.exception("a listener of the self-check failed")


class SelfCheck:
    """Run beside everything else on the loop that it judges.

    Args:
        agent_name: the `target` label of every metric about the agent.
        registry: where those metrics are registered.
        on_clock_step: told by how many seconds the wall clock was set (negative: back).
        on_suspend: told for how many seconds the host slept.
        notifier: systemd's end; by default what the environment names.
        routes: the view of this host's interfaces.
        clocks: reads the kernel's clocks.
    """

    def __init__(
        self,
        agent_name: str,
        registry: CollectorRegistry,
        *,
        on_clock_step: Callable[[float], Awaitable[None]] = _ignore,
        on_suspend: Callable[[float], Awaitable[None]] = _ignore,
        notifier: Notifier | None = None,
        routes: RouteWatch | None = None,
        clocks: Callable[[], ClockReading] = read_clocks,
    ) -> None:
        self.notifier = Notifier.from_environment() if notifier is None else notifier
        self.routes = RouteWatch() if routes is None else routes
        self._on_clock_step = on_clock_step
        self._on_suspend = on_suspend
        self._clocks = clocks
        self._lag = LagWindow()
        self._beats: dict[str, Beat] = {}
        self._queues: dict[str, _Queue] = {}
        self._jobs_late = 0
        self._clock_steps = 0
        self._suspended_seconds = 0.0
        self._turned_at: float | None = None
        self._pinged_at = 0.0
        self._hung = False
        self._stop = asyncio.Event()
        registry.register(_OwnMetrics(self._families, agent_name))

    # -------------------------------------------------------------- what the application tells and asks

    def watch_queue(self, name: str, depth: Callable[[], int], capacity: int, dropped: Callable[[], int]) -> None:
        """Show a bounded queue's depth, capacity and drops so far; a name that is known is replaced."""
        self._queues[name] = _Queue(depth, capacity, dropped)

    def watch_beat(self, name: str, limit_seconds: float) -> Callable[[], None]:
        """Return what a part of the agent calls as it moves; silent for longer than the limit, it counts as hung.

        A part that waits for work must call it while it waits, too.
        """

        def beat() -> None:
            self._beats[name] = Beat(time.monotonic(), limit_seconds)

        beat()
        return beat

    def job_late(self) -> None:
        """Count a job that began after its time, or was left out because the former run was still going."""
        self._jobs_late += 1

    def unhealthy(self) -> str | None:
        """Say why the agent does not do its work; None while it does."""
        now = time.monotonic()
        if self._turned_at is not None and now - self._turned_at > _LATE_LOOP_SECONDS:
            return f"the event loop has not turned for {now - self._turned_at:.1f} s"
        return stalled(now, self._beats)

    def local_problem(self, address: str, bound_to: str | None = None) -> str | None:
        """Say what on this host keeps packets from `address`, by the view of at most a second ago; None: nothing."""
        return self.routes.problem(address, bound_to)

    async def local_problem_now(self, address: str, bound_to: str | None = None) -> str | None:
        """Look at this host's interfaces anew, then answer as `local_problem` does."""
        self.routes.take(await asyncio.to_thread(self.routes.read))
        return self.routes.problem(address, bound_to)

    # -------------------------------------------------------------- the loop

    async def run(self) -> None:
        """Watch until `stop`; the notifier stays open, so that the end can still be told."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_routes(), name="selfcheck-routes")
            clocks = self._clocks()
            while not self._stop.is_set():
                expected = next_beat(time.monotonic(), TICK_SECONDS)
                await asyncio.sleep(expected - time.monotonic())
                now = time.monotonic()
                self._turned_at = now
                self._lag.add(now, now - expected)
                self._feed_watchdog(now, now - expected)
                before, clocks = clocks, self._clocks()
                self._judge_clocks(clock_change(before, clocks), tasks)

    def stop(self) -> None:
        """End `run` within a second."""
        self._stop.set()

    async def _watch_routes(self) -> None:
        """Keep the view of routes fresh; apart from the ticks, because a thread may not be free at once."""
        while not self._stop.is_set():
            self.routes.take(await asyncio.to_thread(self.routes.read))
            await asyncio.sleep(_ROUTES_SECONDS)

    def _judge_clocks(self, change: ClockChange, tasks: asyncio.TaskGroup) -> None:
        slept, step = change.suspended_seconds, change.step_seconds
        if slept:
            self._suspended_seconds += slept
            _log.warning("the host was suspended for %.1f s: nothing was measured in that time", slept)
            tasks.create_task(_tell(self._on_suspend, slept), name="selfcheck-suspend")
        if step:
            self._clock_steps += 1
            _log.warning("the clock was set by %+.3f s: stamps before and after cannot be compared", step)
            tasks.create_task(_tell(self._on_clock_step, step), name="selfcheck-clock-step")

    def _feed_watchdog(self, now: float, lag_seconds: float) -> None:
        """Ping systemd, unless the loop is late or a part hangs: then silence is the message."""
        limit = self.notifier.watchdog_seconds
        problem = stalled(now, self._beats)
        if problem is None and lag_seconds > _LATE_LOOP_SECONDS:
            problem = f"the event loop was late by {lag_seconds:.1f} s"
        if problem and not self._hung:
            _log.error("%s%s", problem, "; systemd's watchdog will restart the agent" if limit else "")
        self._hung = problem is not None
        if limit is not None and not self._hung and now - self._pinged_at >= limit / 4:
            self._pinged_at = now
            self.notifier.ping()

    # -------------------------------------------------------------- metrics

    def _families(self) -> Iterator[Metric]:
        """Yield the agent's own metrics, without the `target` label that all of them get."""
        lag = self._lag.worst_seconds(time.monotonic())
        if lag is not None:
            yield GaugeMetricFamily(
                "linewarden_loop_lag_seconds", "How late the event loop was at worst within the last minute.", value=lag
            )
        yield CounterMetricFamily(
            "linewarden_jobs_late", "Jobs that began late, or were left out because the former run was still going.",
            value=self._jobs_late,
        )  # fmt: skip
        yield CounterMetricFamily(
            "linewarden_clock_steps",
            "How often the wall clock was set by more than it drifts.",
            value=self._clock_steps,
        )
        yield CounterMetricFamily(
            "linewarden_suspended_seconds",
            "How long the host slept while the agent ran.",
            value=self._suspended_seconds,
        )
        depth = GaugeMetricFamily("linewarden_queue_depth", "Entries that wait in a queue.", labels=["queue"])
        capacity = GaugeMetricFamily("linewarden_queue_capacity", "Entries that a queue can hold.", labels=["queue"])
        dropped = CounterMetricFamily(
            "linewarden_queue_dropped", "Entries that a full queue did not take.", labels=["queue"]
        )
        for name, queue in self._queues.items():
            depth.add_metric([name], queue.depth())
            capacity.add_metric([name], queue.capacity)
            dropped.add_metric([name], queue.dropped())
        yield from (depth, capacity, dropped)


class _OwnMetrics(Collector):
    """The self-check's families and those that prometheus_client has for every process, all with `target`."""

    def __init__(self, families: Callable[[], Iterator[Metric]], agent_name: str) -> None:
        self._families = families
        self._labels = {"target": agent_name}
        self._process = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)
        GCCollector(registry=self._process)

    def collect(self) -> Iterator[Metric]:
        """Yield every family with the agent's name on every sample."""
        for source in (self._families(), self._process.collect()):
            for family in source:
                family.samples = [
                    sample._replace(labels={**self._labels, **sample.labels}) for sample in family.samples
                ]
                yield family

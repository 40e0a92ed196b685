"""The composition root: builds every part, runs them in one TaskGroup, reloads them, ends them in order."""

import asyncio
import contextlib
import gc
import logging
import platform
import signal
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry

from agent import __version__, activation, config, instruments
from agent.accounts import Accounts
from agent.board import OnPages, Polled
from agent.config.judging import judges_of, lifecycle_of
from agent.config.registry import probe_types
from agent.core.age import constants_of
from agent.core.ageing import Judges
from agent.core.changes import renames
from agent.core.model import Check, Observation, Page
from agent.core.picture import Picture
from agent.core.ports import OnDemand, Probe, Resources, TrapSetup
from agent.core.registerjoin import join
from agent.core.units import format_duration
from agent.desk import Desk
from agent.hardware import HardwareDesk, NowAndThen
from agent.learning import learn
from agent.ledger import FILE_NAME, SqliteLedger
from agent.pipeline import Pipeline
from agent.places import StartError, control_socket, state_directory
from agent.runner import Runner
from agent.schedule import Schedule
from agent.selfcheck import SelfCheck
from agent.trapdesk import KnownSenders, TrapDesk
from exporters import exposition, multitarget, web
from exporters.alertmanager import Push
from exporters.alertmanager_memory import FILE_NAME as PUSHED
from exporters.server import ListenError, Server, serve

if TYPE_CHECKING:
    from probes.icmp.engine import Engine
    from probes.snmp.traps import TrapReceiver

_log = logging.getLogger(__name__)

STREAMED: Final = "icmp"  # the type that runs all the time; every other one is asked now and then
TRAP_SOCKETS: Final = "traps"  # what linewarden-trap.socket calls its sockets
FED: Final = "end"  # the type that follows from the polls of another device
_READY_SECONDS: Final = 15.0  # a first round and its timeout; what has not answered by then is known not to answer
_GARBAGE_OBJECTS: Final = 20_000  # some seconds of rounds: nearly all are replaced by then, and none is in a cycle
_HANG_SECONDS: Final = 10.0  # the pipeline turns twice a second; a disk that stalls longer than this is a hang


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says over the configuration."""

    config: Path
    listen: str | None = None
    state_dir: Path | None = None
    announce: Callable[[Sequence[str]], None] = lambda _urls: None  # told the addresses to open, once they answer
    on_pages: OnPages = lambda _new, _gone: None


class Agent:
    """One agent: from a loaded configuration to the last event."""

    def __init__(self, options: Options, loaded: config.Loaded) -> None:
        """Build what needs no running loop."""
        self.options = options
        self.loaded = loaded
        self.state_dir = state_directory(options.state_dir, loaded.settings.agent.state_dir)
        now = datetime.now(UTC)
        self.picture = Picture(estate=loaded.estate, started_at=now, config_loaded_at=now)
        self.registry = CollectorRegistry()
        self.selfcheck = SelfCheck(
            loaded.estate.agent, self.registry, on_clock_step=self._clock_stepped, on_suspend=self._suspended
        )
        self.ledger = SqliteLedger(self.state_dir / FILE_NAME, agent=loaded.estate.agent)
        self.accounts = Accounts(self.picture, self.ledger)
        self.pipeline = Pipeline(
            self.picture,
            self.ledger,
            ask=self._ask,
            local_problem=self._local_problem,
            answered=self._answered,
            on_pages=self._on_pages,
            losses=self._losses,
            outage=self._outage,
            on_states=self.accounts.changed,
        )
        self._lifecycle = lifecycle_of(loaded)
        self.hardware = HardwareDesk(
            self.picture, self.ledger, judges=self._judges(), changed=self.pipeline.repage, tell=self.pipeline.told
        )
        self.desk = Desk(self.picture, self.ledger, self.pipeline.heard)
        self.runner = runner = Runner({}, self._polled)
        self.schedule = Schedule(runner.due, self.selfcheck.job_late)
        self.stream: Engine | None = None
        self._instruments = instruments.Instruments(loaded.estate.agent, self.registry)
        self._instruments.add(runner, instruments.RUNNER)
        self._instruments.add(self.pipeline, instruments.PIPELINE)
        self._instruments.add(self.ledger, instruments.LEDGER)
        self._instruments.add(self.hardware, instruments.HARDWARE)
        self.push = Push(self.picture, self.state_dir / PUSHED)
        self._instruments.add(self.push, instruments.PUSH)
        self._instruments.add_labelled(self.push, instruments.PUSH_BY)
        self.traps: TrapReceiver | None = None
        self.trap_desk = TrapDesk(self.picture, poll=runner.at_once, burst=self._ask)
        self._handed_over = activation.take()
        self._serving = False
        self._stopping = asyncio.Event()
        self._reload_lock = asyncio.Lock()

    # ------------------------------------------------------------------ life

    async def run(self) -> None:
        """Run until a signal says stop.

        Raises:
            StartError: the state directory, the ledger or the address cannot be had.
        """
        self._signals()
        async with contextlib.AsyncExitStack() as stack:
            async with self._reload_lock:  # a SIGHUP that comes early waits
                await self._open(stack)
            beat = self.selfcheck.watch_beat("pipeline", _HANG_SECONDS)
            async with asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(self.selfcheck.run(), name="selfcheck"),
                    tasks.create_task(self.pipeline.run(beat), name="pipeline"),
                    tasks.create_task(self.runner.run(), name="runner"),
                    tasks.create_task(self._pump(), name="stream"),
                    tasks.create_task(self._hear_traps(), name="traps"),
                    tasks.create_task(self._become_ready(), name="ready"),
                    tasks.create_task(self.accounts.run(), name="accounts"),
                    tasks.create_task(learn(self.picture, lambda: self.selfcheck.routes.routes), name="learning"),
                    tasks.create_task(self.hardware.run(), name="hardware"),
                    tasks.create_task(self.push.run(), name="push"),
                ]
                await self._stopping.wait()
                self.selfcheck.notifier.stopping()
                _log.info("stopping")
                for task in running:
                    task.cancel()
            await self.pipeline.drain()
            await self.hardware.close()
            await self.pipeline.tell("the agent was stopped", old="running", new="stopped")

    def stop(self) -> None:
        """End `run` in good order."""
        self._stopping.set()

    async def _open(self, stack: contextlib.AsyncExitStack) -> None:
        now = datetime.now(UTC)
        await self.ledger.open()
        stack.push_async_callback(self.ledger.close)
        self._watch_queues()
        self._make_stream(stack)
        self._make_probes(stack)
        self._instruments.add(self.runner.probes["snmp"], instruments.SNMP)
        await self._make_traps(stack)
        await self.hardware.begin()  # first: what is old is a ticket from the start
        await self.pipeline.resume(await self.ledger.resume(), now)
        self._stream().resume_losses(await self.pipeline.remember(now))
        self.server = await self._serve()
        self._configure_push()
        stack.push_async_callback(self.server.close)
        evidence = (("version", __version__), ("python", platform.python_version()))
        await self.pipeline.tell("the agent started", old="stopped", new="running", evidence=evidence)
        self.schedule.start()
        stack.callback(self.schedule.stop)
        await self._configure()
        self.pipeline.tell_resumed_outages(now)

    def _make_stream(self, stack: contextlib.AsyncExitStack) -> None:
        from probes.icmp.engine import Engine

        engine = Engine()
        stack.push_async_callback(engine.close)
        self.stream = engine
        self.picture.usual_loss = engine.usual_loss
        self._instruments.add(engine, instruments.ICMP)

    def _make_probes(self, stack: contextlib.AsyncExitStack) -> None:
        """Make each probe that there is not yet: all at the start, at a reload those whose file was added since."""
        self._stack = stack
        for name, made in probe_types().items():
            if name != STREAMED and name not in self.runner.probes:
                probe: Probe = made.probe(self._resources())
                self.runner.probes[name] = probe
                stack.push_async_callback(probe.close)

    async def _make_traps(self, stack: contextlib.AsyncExitStack) -> None:
        from probes.snmp.traps import TrapReceiver

        handed_over = self._handed_over.get(TRAP_SOCKETS, [])
        self.traps = traps = TrapReceiver(self.state_dir, handed_over=handed_over, engine_ids=self._engine_ids)
        self.senders = KnownSenders(traps, self.picture)
        stack.push_async_callback(traps.close)
        settings = self.loaded.settings.snmp.traps
        if handed_over and (settings is None or "systemd" not in settings.listen):
            _log.warning("systemd handed over sockets for traps, and `snmp.traps.listen` does not name `systemd`")
        try:
            await traps.configure(self._trap_setup(self.loaded))
        except OSError as error:
            raise StartError(str(error)) from error
        self._instruments.add(traps, instruments.TRAPS)
        self._instruments.add(self.trap_desk, instruments.TRAP_DESK)
        self._instruments.add_labelled(traps, instruments.TRAPS_BY)

    @staticmethod
    def _trap_setup(loaded: config.Loaded) -> TrapSetup:
        settings = loaded.settings.snmp.traps
        return TrapSetup() if settings is None else TrapSetup(settings.listen, settings.rate, loaded.auths)

    def _engine_ids(self, address: str) -> Collection[bytes]:
        """Return the SNMP engine ids that polls have learnt at an address, where the probe tells them."""
        told: Callable[[str], Collection[bytes]] | None = getattr(self.runner.probes.get("snmp"), "engine_ids", None)
        return told(address) if told is not None else ()

    def _resources(self) -> Resources:
        return Resources(auths=self.loaded.auths, module_files=self.loaded.module_files)

    async def _configure(self) -> None:
        stream, checks = self._stream(), self.loaded.estate.checks()
        stream.echo_rate = self.loaded.settings.agent.echo_rate
        await stream.configure([check for check in checks if check.type == STREAMED])
        self.schedule.configure([check for check in checks if check.type not in (STREAMED, FED)])
        addresses = {str(getattr(check.settings, "address", "")) for check in checks}
        self.selfcheck.routes.keep(addresses)

    def _configure_push(self) -> None:
        settings = self.loaded.settings.agent
        source = settings.external_url or next(iter(self.server.urls), "")
        self.push.configure(self.loaded.alertmanagers, source=source, runbooks=settings.runbook_base)

    def _on_demand(self) -> OnDemand:
        from probes.snmp.ondemand import OnDemand as SnmpOnDemand
        from probes.snmp.probe import Probe as SnmpProbe
        from probes.snmp.scrape import Scraper

        probe = self.runner.probes["snmp"]
        assert isinstance(probe, SnmpProbe)
        return SnmpOnDemand(probe, Scraper(probe.client))

    def _judges(self) -> Judges:
        picture = self.picture
        return judges_of(
            self._lifecycle,
            NowAndThen(lambda: constants_of(dict(picture.hardware))),
            NowAndThen(lambda: join(picture.estate, dict(picture.hardware)).rows),
        )

    async def _serve(self) -> Server:
        actions = web.Actions(reload=self.reload, unhealthy=self.selfcheck.unhealthy, desk=self.desk)
        on_demand = multitarget.Source(self._on_demand(), lambda: self.loaded.offer)
        app = web.build(
            lambda: self.picture,
            self.ledger,
            self.registry,
            actions,
            on_demand=on_demand,
            report=self.accounts.report,
            support_of=lambda system, version: self._lifecycle.of_software([system], version),
        )
        listen = self.options.listen or self.loaded.settings.agent.listen
        try:
            server = await serve(app, listen, self.loaded.web_config, control_socket(self.state_dir))
        except ListenError as error:
            raise StartError(str(error)) from error
        self.options.announce(server.urls)
        self._serving = True
        self._on_pages(self.picture.pages, ())
        return server

    # ------------------------------------------------------------------ while it runs

    async def _pump(self) -> None:
        async for item in self._stream():
            self.pipeline.offer(item)

    async def _hear_traps(self) -> None:
        assert self.traps is not None
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.senders.run(), name="trap-senders")
            tasks.create_task(self.trap_desk.run(self.traps), name="trap-desk")

    async def _polled(self, check: Check, observation: Observation) -> None:
        text = None
        if observation.series is not None:
            families = observation.series.families
            text = exposition.Packed(families)
        self.pipeline.offer(Polled(check, observation, text))

    def _stream(self) -> "Engine":
        assert self.stream is not None
        return self.stream

    def _losses(self) -> Mapping[tuple[str, str], bytes]:
        return self._stream().loss_snapshots()

    def _outage(self, check: Check, since: datetime) -> None:
        if self.stream is not None:
            self.stream.outage(check.target, check.name, since)

    def _ask(self, check: Check) -> None:
        if check.type == STREAMED:
            self._stream().burst(check.target, check.name)
        else:
            self.runner.due(check)

    def _local_problem(self, check: Check) -> str | None:
        address = getattr(check.settings, "address", None)
        return self.selfcheck.local_problem(address, getattr(check.settings, "interface", None)) if address else None

    def _on_pages(self, new: Sequence[Page], gone: Sequence[Page]) -> None:
        self.push.changed()
        if self._serving and (new or gone):  # what is due from the start is told after the address to open
            self.options.on_pages(new, gone)

    def _answered(self, check: Check) -> None:
        self.selfcheck.routes.answered(str(getattr(check.settings, "address", "")))

    async def _clock_stepped(self, seconds: float) -> None:
        self.schedule.reschedule()
        await self.pipeline.tell(f"the clock was set by {seconds:+.3f} s", evidence=(("step_seconds", seconds),))

    async def _suspended(self, seconds: float) -> None:
        now = datetime.now(UTC)
        await self.pipeline.lost_sight("this host was suspended", now - timedelta(seconds=seconds), now)
        await self.pipeline.tell(f"this host was suspended for {format_duration(seconds)}")

    async def _become_ready(self) -> None:
        """Wait for the first word of every check, or as long as a first round takes."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_READY_SECONDS):
                await self.pipeline.all_heard.wait()
        self.picture.ready = True
        gc.collect()
        gc.freeze()  # the estate stays as it is: the collector need not walk through it again and again
        gc.set_threshold(_GARBAGE_OBJECTS, *gc.get_threshold()[1:])
        self._tell_ready()
        _log.info("ready: watching %d targets", len(self.picture.estate.targets))

    def _tell_ready(self) -> None:
        self.selfcheck.notifier.ready(f"watching {len(self.picture.estate.targets)} targets")

    def _watch_queues(self) -> None:
        pipeline, runner = self.pipeline, self.runner
        self.selfcheck.watch_queue("pipeline", lambda: pipeline.depth, pipeline.capacity, lambda: pipeline.dropped)
        self.selfcheck.watch_queue("runner", lambda: runner.depth, runner.capacity, lambda: runner.dropped)

    def _signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload_soon)

    def _reload_soon(self) -> None:
        self._reload_task = asyncio.create_task(self.reload(), name="reload")

    # ------------------------------------------------------------------ reload

    async def reload(self) -> list[str]:
        """Take the configuration anew: all of it, or none.

        Returns:
            The problems for which the old configuration stays; empty when the new one is in force.
        """
        async with self._reload_lock:
            self.selfcheck.notifier.reloading()
            problems = await self._reload()
            self._tell_ready()
            picture = self.picture
            picture.config_ok, picture.config_problem = not problems, "\n".join(problems)
            if problems:
                for line in problems:
                    _log.error("reload: %s", line)
                await self.pipeline.tell(f"the configuration was not reloaded: {problems[0]}", new="reload failed")
            else:
                picture.config_loaded_at = datetime.now(UTC)
                await self.pipeline.tell("the configuration was reloaded", new="reloaded")
            return problems

    async def _reload(self) -> list[str]:
        try:
            loaded = await asyncio.to_thread(config.load, self.options.config)
        except config.ConfigError as error:
            return str(error).splitlines()
        if problems := await self.server.refresh():
            return problems
        assert self.traps is not None
        try:
            await self.traps.configure(self._trap_setup(loaded))
        except OSError as error:
            return [f"{self.options.config}: snmp.traps.listen: {error}"]
        renamed = renames(self.loaded.estate, loaded.estate)
        for old, new in renamed.items():
            await self.ledger.rename(old, new)
        self.loaded = loaded
        for probe in self.runner.probes.values():
            probe.configure(self._resources())
        self._make_probes(self._stack)
        await self.pipeline.reconfigure(loaded.estate)
        self._lifecycle = await asyncio.to_thread(lifecycle_of, loaded)
        self.hardware.judges = self._judges()
        await self.hardware.reconfigure(renamed)
        self.accounts.changed()
        self._configure_push()
        self.senders.changed()
        await self._configure()
        return []


async def main(options: Options) -> None:
    """Load the configuration and run the agent until it is told to stop.

    Raises:
        agent.config.ConfigError: every problem of the configuration.
        exporters.security.WebConfigError: the web configuration cannot be used.
        StartError: something else is in the way.
    """
    loaded = await asyncio.to_thread(config.load, options.config)
    for warning in loaded.warnings:
        _log.warning("%s", warning)
    await Agent(options, loaded).run()

"""Poll a device over SNMP: what it says of itself, its interfaces, and the series of its modules."""

import asyncio
import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar, Final

from agent.core.model import Check, Observation, Outcome, SnmpAuth
from agent.core.ports import Resources
from agent.core.units import format_duration
from probes.snmp import choose
from probes.snmp.ber import Version
from probes.snmp.client import Counters, Session, SnmpClient
from probes.snmp.device import Device
from probes.snmp.errors import SnmpLocalError, SnmpRefused, SnmpReportError, SnmpTimeout
from probes.snmp.identitykept import Kept as KeptIdentity
from probes.snmp.layout import Layout
from probes.snmp.modules import Module, ModuleError, ModuleLibrary
from probes.snmp.poll import Plan, Poll, planned
from probes.snmp.reader import Made, Reader
from probes.snmp.render import Renderer
from probes.snmp.results import ceased, failed, full_result, no_answer, nothing_shown, state_result
from probes.snmp.sessions import auth_session
from probes.snmp.settings import READING_SHARE, Settings
from probes.snmp.tiers import Tiers, phase

__all__ = ["Probe", "Settings"]

_log: Final = logging.getLogger(__name__)

_CHOICE_TRIES: Final = 3  # polls that may ask in vain what the device has, before it is left at what all have


@dataclass(slots=True)
class _Kept:
    """What is remembered of a device between polls."""

    settings: Settings
    object_id: bytes | None = None
    chosen: tuple[str, ...] | None = None  # None: not asked yet
    choice_tries: int = 0
    names: tuple[str, ...] = ()
    plan: Plan | None = None
    reader: Reader | None = None
    layouts: dict[tuple[bytes, ...], Layout] = field(default_factory=dict)
    identity: KeptIdentity = field(default_factory=KeptIdentity)


class Probe:
    """Polls all devices through one UDP engine; keeps for each what does not change between polls."""

    type: ClassVar[str] = "snmp"

    def __init__(self, resources: Resources) -> None:
        self._client: SnmpClient | None = None
        self._loading = asyncio.Lock()
        self._devices: dict[tuple[str, str], tuple[Settings, Device]] = {}
        self.configure(resources)

    def configure(self, resources: Resources) -> None:
        """Take new credentials and module files; what was kept of devices is learnt again."""
        self._auths = dict(resources.auths)
        self._library = ModuleLibrary(resources.module_files)
        self._kept: dict[tuple[str, str], _Kept] = {}
        # what interfaces have done stays known; of devices that nobody polled since the last reload nothing does
        self._devices = {key: pair for key, pair in self._devices.items() if pair[1].is_polled}
        for _, device in self._devices.values():
            device.is_polled = False
            device.tiers.anew()

    @property
    def client(self) -> SnmpClient:
        """The UDP engine; what asks on demand shares it."""
        if self._client is None:
            self._client = SnmpClient()
        return self._client

    def auth(self, name: str) -> SnmpAuth | None:
        """Return the credentials of that name, as the configuration has them now."""
        return self._auths.get(name)

    async def module(self, name: str) -> Module:
        """Return a module as its file has it; raises ModuleError."""
        return await self._module(name)

    @property
    def counters(self) -> Counters:
        """What the UDP engine has seen."""
        return self._client.counters if self._client is not None else Counters()

    def engine_ids(self, host: str) -> tuple[bytes, ...]:
        """Return the SNMPv3 engine ids that were learnt by polling an address."""
        return self.client.engines.ids_of(host)

    async def close(self) -> None:
        """Close the sockets."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def run(self, check: Check) -> Observation:
        """Poll a device once: state and counters of its interfaces, or everything, as is due.

        Returns:
            `ok` with series, interfaces and facts when it answered, not `complete` where something could not be read,
            or not within the time (`detail` says what); `no_answer`; `refused` when nobody listens there; `bad_answer`
            when it answered and showed nothing of what was asked, or refused the SNMPv3 user; `unknown` for this
            host's own trouble and for what this version cannot do.
        """
        settings = check.settings
        assert isinstance(settings, Settings)
        auth = self._auths.get(settings.auth)
        if auth is None:
            return failed(check, Outcome.UNKNOWN, f"there is no auth {settings.auth!r}")
        if auth.problem:
            return failed(check, Outcome.UNKNOWN, f"auth {auth.name!r} cannot be used: {auth.problem}")
        poll: Poll | None = None
        kept = self._remembered(check, settings)
        began = time.monotonic()
        try:
            try:
                async with asyncio.timeout(settings.timeout * READING_SHARE):
                    poll = Poll(*await self._session(settings, auth), settings.max_objects)
                    return await self._poll(check, kept, poll, began)
            except TimeoutError as error:
                return await self._as_far_as_read(check, kept, poll, began, error)
        except ModuleError as error:
            return failed(check, Outcome.UNKNOWN, f"cannot be polled: {error}")
        except SnmpLocalError as error:
            return failed(check, Outcome.UNKNOWN, f"could not be measured: {error}", poll)
        except SnmpRefused as error:
            return failed(check, Outcome.REFUSED, f"{error}: no SNMP agent listens there", poll)
        except SnmpReportError as error:
            return failed(check, Outcome.BAD_ANSWER, f"{error} (auth {auth.name!r})", poll)
        except SnmpTimeout as error:
            heard = poll is not None and poll.packets
            detail = ceased(str(error), poll) if poll and heard else no_answer(settings, auth, said=str(error))
            return failed(check, Outcome.NO_ANSWER, detail, poll)
        except TimeoutError:
            if poll is None:
                return failed(check, Outcome.UNKNOWN, f"no address of {settings.address!r} within the timeout")
            within = f"within {format_duration(settings.timeout)}"
            detail = f"the poll did not end {within}: {poll.reached()} so far" if poll.packets else ""
            return failed(check, Outcome.NO_ANSWER, detail or no_answer(settings, auth, within), poll)

    async def _session(self, settings: Settings, auth: SnmpAuth) -> tuple[SnmpClient, Session]:
        client = self.client
        session = auth_session(
            auth,
            await client.resolve(settings.address, settings.port),
            timeout_seconds=settings.try_seconds,
            retries=settings.retries,
            any_source=settings.any_source,
            source=str(settings.source_address) if settings.source_address else None,
        )
        return client, session

    def _remembered(self, check: Check, settings: Settings) -> _Kept:
        key = (check.target, check.name)
        kept = self._kept.get(key)
        if kept is None or kept.settings != settings:
            kept = self._kept[key] = _Kept(settings)
        return kept

    async def _poll(self, check: Check, kept: _Kept, poll: Poll, began: float) -> Observation:
        device = self._device(check, kept.settings, poll)
        if device.tiers.fast_due(began):
            state = await device.read_state(poll)
            if state.told is not None:
                return state_result(check, device, state, poll, time.monotonic() - began)
        return await self._full(check, kept, device, poll, began)

    def _device(self, check: Check, settings: Settings, poll: Poll) -> Device:
        key = (check.target, check.name)
        known = self._devices.get(key)
        if known is None or known[0] != settings or known[1].spoilt:
            decided = Tiers(
                settings.interval,
                settings.fast_seconds,
                v1=poll.version == Version.V1,
                max_repetitions=settings.max_repetitions,
                phase=phase(check.target),
            )
            known = self._devices[key] = settings, Device(check.target, decided)
        known[1].is_polled = True
        return known[1]

    async def _full(self, check: Check, kept: _Kept, device: Device, poll: Poll, began: float) -> Observation:
        """Read everything; once more if the device became another one meanwhile, for then the tables do not agree."""
        for patient in (False, True):
            poll.forget()
            await self._read(check, kept, poll)
            if not poll.varbinds:
                return nothing_shown(check, poll, time.monotonic() - began)
            full = await _made(kept, device, poll)
            await self._identify(kept, poll, began)
            full = kept.identity.added_to(full)
            assert kept.plan is not None
            state = await device.complete(poll, full, kept.plan.metrics, patient=patient)
            if state.told is not None:
                break
        return full_result(check, full, state, poll, time.monotonic() - began)

    async def _identify(self, kept: _Kept, poll: Poll, began: float) -> None:
        """Read what the device is, if that is due."""
        now = time.monotonic()
        if kept.identity.is_due(poll.greeted, now):
            seconds_left = kept.settings.timeout * READING_SHARE - (now - began)
            await kept.identity.read(poll.aside, poll.version, seconds_left)

    async def _as_far_as_read(
        self, check: Check, kept: _Kept, poll: Poll | None, began: float, error: TimeoutError
    ) -> Observation:
        """Take what came before the poll's time was over, as incomplete; raise where there is nothing to keep."""
        if isinstance(error, SnmpTimeout) or poll is None or poll.first_answer_seconds is None:
            raise error
        if kept.plan is None or kept.reader is None:  # its modules were still being read from files
            raise error
        if poll.silent and not poll.enough:
            raise error
        poll.cut_short(f"stopped at its timeout of {format_duration(kept.settings.timeout)}")
        if not poll.varbinds:
            return nothing_shown(check, poll, time.monotonic() - began)
        device = self._device(check, kept.settings, poll)
        full = await _made(kept, device, poll)
        full = kept.identity.added_to(full)
        state = device.settle(poll, full, kept.plan.metrics)
        return full_result(check, full, state, poll, time.monotonic() - began)

    async def _read(self, check: Check, kept: _Kept, poll: Poll) -> None:
        settings = kept.settings
        for name in settings.modules or ():
            await self._module(name)  # a wrong name is wrong whether or not the device answers
        object_id = await poll.greet()
        names = settings.modules or await self._choose(kept, poll, object_id)
        if kept.plan is None or kept.reader is None or kept.names != names:
            kept.names = names
            modules = [await self._module(name) for name in names]
            wanted = len(settings.modules or choose.built_in().always)
            kept.plan = planned(modules[:wanted], settings.max_repetitions, more=modules[wanted:])
            kept.reader = Reader(Renderer(kept.plan.metrics, {"target": check.target}))
        await poll.read(kept.plan, kept.layouts)

    async def _choose(self, kept: _Kept, poll: Poll, object_id: bytes | None) -> tuple[str, ...]:
        """Return the modules that the device is found to have; asked once, and again of another device."""
        choice = choose.built_in()
        if kept.chosen is not None and kept.object_id == object_id:
            return kept.chosen
        if kept.object_id != object_id:
            kept.object_id, kept.choice_tries = object_id, 0
        kept.choice_tries += 1
        present = await poll.present(choice.presence_oids(object_id))
        found = choice.chosen(object_id, present or ())
        names = tuple([name for name in found if name in choice.always or await self._loads(name)])
        if present is not None or kept.choice_tries >= _CHOICE_TRIES:
            kept.chosen = names
        return names

    async def _loads(self, name: str) -> bool:
        """Return whether a module found by itself can be used: a wrong file of its name must not fail the poll."""
        try:
            await self._module(name)
        except ModuleError as error:
            _log.warning("left out of polls: %s", error)
            return False
        return True

    async def _module(self, name: str) -> Module:
        library = self._library
        if library.known(name):
            return library.get(name)
        async with self._loading:  # one thread reads, however many devices wait
            return await asyncio.to_thread(library.get, name)


async def _made(kept: _Kept, device: Device, poll: Poll) -> Made:
    varbinds, shape, complete, reader = poll.varbinds, poll.shape, not poll.problems, kept.reader
    at = datetime.now(UTC)
    assert reader is not None
    try:
        return await device.off_the_loop(len(varbinds), lambda: reader.made(varbinds, shape, complete=complete, at=at))
    except asyncio.CancelledError:
        # the thread may still be at it: the next poll must not share it
        kept.plan, kept.reader = None, None
        raise

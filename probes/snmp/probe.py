"""Poll a device over SNMP: what it says of itself, its interfaces, and the series of its modules."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Final, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from agent.core.model import Check, Interface, Observation, OperStatus, Outcome, SnmpAuth
from agent.core.ports import Resources
from agent.core.units import Duration, Strict, format_duration, parse_duration
from probes.snmp.ber import Version
from probes.snmp.client import TICK_SECONDS, Counters, Session, SnmpClient
from probes.snmp.device import Device, Made, State, made
from probes.snmp.errors import SnmpLocalError, SnmpRefused, SnmpTimeout
from probes.snmp.modules import Module, ModuleError, ModuleLibrary
from probes.snmp.poll import Plan, Poll, planned
from probes.snmp.render import Renderer
from probes.snmp.tiers import Tiers, phase

DEFAULT_MODULES: Final = ("system", "if_mib")
UPS_MODULE: Final = "ups_mib"
_REQUEST_TIMEOUT_SECONDS: Final = 2.0
_OWN_SHARE: Final = 0.95  # of the whole timeout: ends before the runner's deadline, so that it can say how far it got
_TRIES_SHARE: Final = 0.9  # of the whole timeout: all tries of the first request fit in
# A port that goes down is known as soon as a device that falls silent (ICMP rounds of 10 s), for a dozen small packets.
_FAST_SECONDS: Final = 10.0
_SHOWN_PROBLEMS: Final = 3


def _spacing(value: object) -> object:
    if value is None or value is False or value == "off":
        return None
    try:
        return parse_duration(value)
    except ValueError as error:
        raise ValueError(f"{error}; or off") from None


class Settings(Strict):
    """`{type: snmp, address: 10.20.1.2, auth: public_v2}`."""

    type: Literal["snmp"] = "snmp"
    address: Annotated[str, Field(min_length=1, max_length=253)]
    auth: Annotated[str, Field(min_length=1, description="name of one of `snmp.auths`")]
    port: Annotated[int, Field(ge=1, le=65535)] = 161
    modules: Annotated[
        tuple[str, ...] | None,
        Field(description="what to read; by default system and if_mib, and ups_mib where the device has UPS-MIB"),
    ] = None
    interval: Annotated[Duration, Field(gt=0, description="spacing of full polls: everything that the modules say")] = (
        60.0
    )
    fast: Annotated[
        Annotated[float, Field(gt=0)] | None,
        BeforeValidator(_spacing, json_schema_input_type=str | Literal[False]),
        Field(description="spacing of polls of interfaces' state and counters alone; off: full polls only"),
    ] = _FAST_SECONDS
    timeout: Annotated[Duration, Field(gt=0, description="for a whole poll")] = 20.0
    request_timeout: Annotated[
        Duration | None, Field(gt=0, description="for one try of one request; by default 2s, or what fits into timeout")
    ] = None
    retries: Annotated[int, Field(ge=0, le=10, description="further tries of a request")] = 2
    max_repetitions: Annotated[
        int | None, Field(ge=1, le=200, description="rows in one answer; by default what the modules say, or 25")
    ] = None
    any_source: Annotated[
        bool, Field(description="take answers from another address than the one asked, as some routers send them")
    ] = False

    @field_validator("fast")
    @classmethod
    def _shorter(cls, value: float | None, info: ValidationInfo) -> float | None:
        interval = info.data.get("interval")
        if value is not None and interval is not None and value > interval:
            most, got = format_duration(interval), format_duration(value)
            raise ValueError(f"expected at most the interval ({most}), got {got}; `off` for full polls only")
        return value

    @property
    def fast_seconds(self) -> float | None:
        """The spacing of the fast tier; None where there is none."""
        return self.fast if self.fast is not None and self.fast < self.interval else None

    @property
    def cadence(self) -> float:
        """How often the device is to be asked: by the fast tier where there is one."""
        return self.fast_seconds or self.interval

    @property
    def try_seconds(self) -> float:
        """How long one try waits for its answer."""
        fits = self.timeout * _TRIES_SHARE / (self.retries + 1) - TICK_SECONDS  # a tick late is on time
        return self.request_timeout or min(_REQUEST_TIMEOUT_SECONDS, max(fits, TICK_SECONDS))


@dataclass(slots=True)
class _Kept:
    """What is remembered of a device between polls."""

    settings: Settings
    has_ups: bool | None = None  # None: not asked yet
    plan: Plan | None = None
    renderer: Renderer | None = None


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
    def counters(self) -> Counters:
        """What the UDP engine has seen."""
        return self._client.counters if self._client is not None else Counters()

    async def close(self) -> None:
        """Close the sockets."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def run(self, check: Check) -> Observation:
        """Poll a device once: state and counters of its interfaces, or everything, as is due.

        Returns:
            `ok` with series, interfaces and facts when it answered (`detail` and the value `problems` say what could
            not be read); `no_answer`; `refused` when nobody listens there; `bad_answer` when it answered and showed
            nothing of what was asked; `unknown` for this host's own trouble and for what this version cannot do.
        """
        settings = check.settings
        assert isinstance(settings, Settings)
        auth = self._auths.get(settings.auth)
        if auth is None or (problem := _unusable(auth)):
            return _failed(check, Outcome.UNKNOWN, problem if auth else f"there is no auth {settings.auth!r}")
        poll: Poll | None = None
        try:
            async with asyncio.timeout(settings.timeout * _OWN_SHARE):
                began = time.monotonic()
                poll = Poll(*await self._session(settings, auth))
                device = self._device(check, settings, poll)
                if device.tiers.fast_due(began):
                    state = await device.read_state(poll)
                    if state.told is not None:
                        return _state_result(check, device, state, poll, time.monotonic() - began)
                return await self._full(check, settings, device, poll, began)
        except ModuleError as error:
            return _failed(check, Outcome.UNKNOWN, f"cannot be polled: {error}")
        except SnmpLocalError as error:
            return _failed(check, Outcome.UNKNOWN, f"could not be measured: {error}", poll)
        except SnmpRefused as error:
            return _failed(check, Outcome.REFUSED, f"{error}: no SNMP agent listens there", poll)
        except SnmpTimeout as error:
            heard = poll is not None and poll.packets
            detail = _ceased(str(error), poll) if poll and heard else _no_answer(settings, auth, said=str(error))
            return _failed(check, Outcome.NO_ANSWER, detail, poll)
        except TimeoutError:
            if poll is None:
                return _failed(check, Outcome.UNKNOWN, f"no address of {settings.address!r} within the timeout")
            within = f"within {format_duration(settings.timeout)}"
            detail = f"the poll did not end {within}: {poll.reached()} so far" if poll.packets else ""
            return _failed(check, Outcome.NO_ANSWER, detail or _no_answer(settings, auth, within), poll)

    async def _session(self, settings: Settings, auth: SnmpAuth) -> tuple[SnmpClient, Session]:
        if self._client is None:
            self._client = SnmpClient()
        client = self._client
        session = Session(
            peer=await client.resolve(settings.address, settings.port),
            version=Version.V1 if auth.version == 1 else Version.V2C,
            community=auth.community.encode(errors="surrogateescape"),
            timeout_seconds=settings.try_seconds,
            retries=settings.retries,
            any_source=settings.any_source,
        )
        return client, session

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

    async def _full(self, check: Check, settings: Settings, device: Device, poll: Poll, began: float) -> Observation:
        """Read everything; once more if the device became another one meanwhile, for then the tables do not agree."""
        for patient in (False, True):
            poll.forget()
            kept = await self._read(check, settings, poll)
            if not poll.varbinds:
                return _nothing_shown(check, poll, time.monotonic() - began)
            full = await _made(kept, device, poll)
            assert kept.plan is not None
            state = await device.complete(poll, full, kept.plan.metrics, patient=patient)
            if state.told is not None:
                break
        return _full_result(check, full, state, poll, time.monotonic() - began)

    async def _read(self, check: Check, settings: Settings, poll: Poll) -> _Kept:
        key = (check.target, check.name)
        kept = self._kept.get(key)
        if kept is None or kept.settings != settings:
            kept = self._kept[key] = _Kept(settings)
        modules = [await self._module(name) for name in settings.modules or DEFAULT_MODULES]
        ask_ups = settings.modules is None and kept.has_ups is None
        found_ups = await poll.greet(ask_ups=ask_ups)
        if ask_ups:
            kept.has_ups = found_ups
        if kept.has_ups:
            modules.append(await self._module(UPS_MODULE))
        if kept.plan is None or kept.renderer is None:
            kept.plan = planned(modules, settings.max_repetitions)
            kept.renderer = Renderer(kept.plan.metrics, {"target": check.target})
        await poll.read(kept.plan)
        return kept

    async def _module(self, name: str) -> Module:
        library = self._library
        if library.known(name):
            return library.get(name)
        async with self._loading:  # one thread reads, however many devices wait
            return await asyncio.to_thread(library.get, name)


def _unusable(auth: SnmpAuth) -> str:
    """Return why an auth cannot be used; "" where it can."""
    if auth.problem:
        return f"auth {auth.name!r} cannot be used: {auth.problem}"
    if auth.version not in (1, 2):
        return f"auth {auth.name!r} is SNMPv{auth.version}: this version of the agent speaks v1 and v2c only"
    return ""


def _no_answer(settings: Settings, auth: SnmpAuth, within: str = "", said: str = "") -> str:
    address = f"[{settings.address}]" if ":" in settings.address else settings.address
    spoken = f"(v{'1' if auth.version == 1 else '2c'}, auth {auth.name!r})"
    tries = within or f"after {settings.retries + 1} {'try' if settings.retries == 0 else 'tries'}"
    why = said.partition("; ")[2] or "a wrong community looks the same"  # what a router says tells more
    return f"no answer from {address}:{settings.port} {spoken} {tries}; {why}"


def _ceased(said: str, poll: Poll) -> str:
    return f"the answers ceased: {said}, {poll.reached()} before that"


def _failed(check: Check, outcome: Outcome, detail: str, poll: Poll | None = None) -> Observation:
    values = (("packets", float(poll.packets)),) if poll is not None else ()
    return Observation(check.target, check.name, datetime.now(UTC), outcome, detail, values=values)


async def _made(kept: _Kept, device: Device, poll: Poll) -> Made:
    varbinds, complete, renderer = poll.varbinds, not poll.problems, kept.renderer
    assert renderer is not None
    try:
        return await device.off_the_loop(len(varbinds), lambda: made(renderer, varbinds, complete=complete))
    except asyncio.CancelledError:
        kept.plan = kept.renderer = None  # the thread may still be at it: the next poll must not share it
        raise


def _values(poll: Poll, varbinds: int, problems: int, *, full: bool) -> tuple[tuple[str, float], ...]:
    return (
        ("packets", float(poll.packets)),
        ("varbinds", float(varbinds)),
        ("problems", float(problems)),
        ("full", float(full)),
        *((("first_answer_seconds", poll.first_answer_seconds or 0.0),) if full else ()),
    )


def _nothing_shown(check: Check, poll: Poll, seconds: float) -> Observation:
    problems = poll.problems
    said = _shown(problems) if problems else "may this community see the system group and the modules asked for?"
    detail = f"answered, and showed none of the objects asked for: {said}"
    values = _values(poll, 0, len(problems), full=True)
    return Observation(
        check.target, check.name, datetime.now(UTC), Outcome.BAD_ANSWER, detail, seconds, values=values
    )  # fmt: skip


def _full_result(check: Check, full: Made, state: State, poll: Poll, seconds: float) -> Observation:
    problems = [*poll.problems, *state.problems]
    interfaces = state.told.interfaces if state.told is not None else ()
    if state.told is None:
        problems.append("nothing is said of interfaces: the device restarted again while it was read")
    detail = _summary(interfaces, f"{poll.reached()}, {format_duration(seconds)}")
    if problems:
        detail += f"; incomplete: {_shown(problems)}"
    return Observation(
        check.target, check.name, datetime.now(UTC), Outcome.OK, detail, seconds, confirmed=True,
        values=_values(poll, len(poll.varbinds), len(problems), full=True),
        series=state.series, interfaces=interfaces, facts=full.facts,
    )  # fmt: skip


def _state_result(check: Check, device: Device, state: State, poll: Poll, seconds: float) -> Observation:
    assert state.told is not None
    read = f"state and counters: {state.varbinds} objects in {poll.packets} packets, {format_duration(seconds)}"
    detail = _summary(state.told.interfaces, read)
    if state.problems:
        detail += f"; incomplete: {_shown(list(state.problems))}"
    return Observation(
        check.target, check.name, datetime.now(UTC), Outcome.OK, detail, seconds, confirmed=True,
        values=_values(poll, state.varbinds, len(state.problems), full=False),
        series=state.series, interfaces=state.told.interfaces, facts=device.facts(),
    )  # fmt: skip


def _summary(interfaces: tuple[Interface, ...], read: str) -> str:
    if not interfaces:
        return f"answered: {read}"
    up = sum(interface.oper is OperStatus.UP for interface in interfaces)
    return f"{up} of {len(interfaces)} interfaces up; {read}"


def _shown(problems: list[str]) -> str:
    more = len(problems) - _SHOWN_PROBLEMS
    return "; ".join(problems[:_SHOWN_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")

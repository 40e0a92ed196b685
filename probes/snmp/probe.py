"""Poll a device over SNMP: what it says of itself, its interfaces, and the series of its modules."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from agent.core.model import Check, Fact, Interface, Observation, OperStatus, Outcome, SnmpAuth
from agent.core.ports import Resources
from agent.core.series import SeriesBlock
from agent.core.units import Duration, Strict, format_duration
from probes.snmp import identity
from probes.snmp.ber import VarBind, Version
from probes.snmp.client import TICK_SECONDS, Counters, Session, SnmpClient
from probes.snmp.errors import SnmpLocalError, SnmpRefused, SnmpTimeout
from probes.snmp.modules import Module, ModuleError, ModuleLibrary
from probes.snmp.poll import Plan, Poll, planned
from probes.snmp.render import Renderer, columns
from probes.snmp.walk import MAX_VARBINDS

DEFAULT_MODULES: Final = ("system", "if_mib")
UPS_MODULE: Final = "ups_mib"
_REQUEST_TIMEOUT_SECONDS: Final = 2.0
# of the whole timeout: all tries of the first request fit in, and what came is rendered before the runner's deadline
_READING_SHARE: Final = 0.9
_THREAD_FROM_VARBINDS: Final = 2000  # rendering more than this would hold up the event loop
_SHOWN_PROBLEMS: Final = 3


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
    interval: Annotated[Duration, Field(gt=0)] = 60.0
    timeout: Annotated[Duration, Field(gt=0, description="for a whole poll")] = 20.0
    request_timeout: Annotated[
        Duration | None, Field(gt=0, description="for one try of one request; by default 2s, or what fits into timeout")
    ] = None
    retries: Annotated[int, Field(ge=0, le=10, description="further tries of a request")] = 2
    max_repetitions: Annotated[
        int | None, Field(ge=1, le=200, description="rows in one answer; by default what the modules say, or 25")
    ] = None
    max_objects: Annotated[
        int, Field(ge=1, le=5_000_000, description="rows times columns of one poll; beyond them it is incomplete")
    ] = MAX_VARBINDS
    any_source: Annotated[
        bool, Field(description="take answers from another address than the one asked, as some routers send them")
    ] = False

    @property
    def try_seconds(self) -> float:
        """How long one try waits for its answer."""
        fits = self.timeout * _READING_SHARE / (self.retries + 1) - TICK_SECONDS  # a tick late is on time
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
        self.configure(resources)

    def configure(self, resources: Resources) -> None:
        """Take new credentials and module files; what was kept of devices is learnt again."""
        self._auths = dict(resources.auths)
        self._library = ModuleLibrary(resources.module_files)
        self._kept: dict[tuple[str, str], _Kept] = {}

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
        """Poll a device once.

        Returns:
            `ok` with series, interfaces and facts when it answered, not `complete` where something could not be read,
            or not within the time (`detail` says what); `no_answer`; `refused` when nobody listens there; `bad_answer`
            when it answered and showed nothing of what was asked; `unknown` for this host's own trouble and for what
            this version cannot do.
        """
        settings = check.settings
        assert isinstance(settings, Settings)
        auth = self._auths.get(settings.auth)
        if auth is None or (problem := _unusable(auth)):
            return _failed(check, Outcome.UNKNOWN, problem if auth else f"there is no auth {settings.auth!r}")
        poll: Poll | None = None
        began = time.monotonic()
        try:
            try:
                async with asyncio.timeout(settings.timeout * _READING_SHARE):
                    poll = Poll(*await self._session(settings, auth), settings.max_objects)
                    kept = await self._read(check, settings, poll)
            except TimeoutError as error:
                kept = self._as_far_as_read(check, settings, poll, error)
            assert poll is not None
            return await _result(check, kept, poll, time.monotonic() - began)
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

    def _as_far_as_read(self, check: Check, settings: Settings, poll: Poll | None, error: TimeoutError) -> _Kept:
        """Keep what came before the poll's time was over, as incomplete; raise where there is nothing to keep."""
        kept = self._kept.get((check.target, check.name))
        if isinstance(error, SnmpTimeout) or poll is None or poll.first_answer_seconds is None or poll.silent:
            raise error
        if kept is None or kept.renderer is None:  # its modules were still being read from files
            raise error
        poll.cut_short(f"stopped at its timeout of {format_duration(settings.timeout)}")
        return kept

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


async def _result(check: Check, kept: _Kept, poll: Poll, seconds: float) -> Observation:
    """Return the observation of a poll that came to its end."""
    varbinds, problems = poll.varbinds, poll.problems
    values = (
        ("packets", float(poll.packets)),
        ("varbinds", float(len(varbinds))),
        ("problems", float(len(problems))),
        ("first_answer_seconds", poll.first_answer_seconds or 0.0),
    )
    if not varbinds:
        said = _shown(problems) if problems else "may this community see the system group and the modules asked for?"
        detail = f"answered, and showed none of the objects asked for: {said}"
        return Observation(
            check.target, check.name, datetime.now(UTC), Outcome.BAD_ANSWER, detail, seconds, complete=not problems,
            values=values,
        )  # fmt: skip
    if len(varbinds) >= _THREAD_FROM_VARBINDS:
        try:
            made = await asyncio.to_thread(_made, kept, varbinds, complete=not problems)
        except asyncio.CancelledError:
            kept.plan = kept.renderer = None  # the thread may still be at it: the next poll must not share it
            raise
    else:
        made = _made(kept, varbinds, complete=not problems)
    series, interfaces, facts = made
    detail = _summary(interfaces, f"{poll.reached()}, {format_duration(seconds)}")
    if problems:
        detail += f"; incomplete: {_shown(problems)}"
    return Observation(
        check.target, check.name, datetime.now(UTC), Outcome.OK, detail, seconds, confirmed=True,
        complete=not problems, values=values, series=series, interfaces=interfaces, facts=facts,
    )  # fmt: skip


def _made(
    kept: _Kept, varbinds: list[VarBind], *, complete: bool
) -> tuple[SeriesBlock, tuple[Interface, ...], tuple[Fact, ...]]:
    assert kept.renderer is not None
    runs = columns(varbinds, identity.INTERFACE_COLUMNS)
    return kept.renderer.render(varbinds), identity.interfaces(runs), identity.facts(varbinds, complete)


def _summary(interfaces: tuple[Interface, ...], read: str) -> str:
    if not interfaces:
        return f"answered: {read}"
    up = sum(interface.oper is OperStatus.UP for interface in interfaces)
    return f"{up} of {len(interfaces)} interfaces up; {read}"


def _shown(problems: list[str]) -> str:
    more = len(problems) - _SHOWN_PROBLEMS
    return "; ".join(problems[:_SHOWN_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")

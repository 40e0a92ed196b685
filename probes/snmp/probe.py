"""Poll a device over SNMP: what it says of itself, its interfaces, and the series of its modules."""

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, IPvAnyAddress

from agent.core.model import Check, Fact, Interface, Observation, OperStatus, Outcome, SnmpAuth
from agent.core.ports import Resources
from agent.core.series import SeriesBlock
from agent.core.units import Duration, Strict, format_duration
from probes.snmp import choose, identity
from probes.snmp.ber import VarBind
from probes.snmp.client import TICK_SECONDS, Counters, Session, SnmpClient
from probes.snmp.errors import SnmpLocalError, SnmpRefused, SnmpReportError, SnmpTimeout
from probes.snmp.modules import Module, ModuleError, ModuleLibrary
from probes.snmp.poll import Plan, Poll, planned
from probes.snmp.render import Renderer, columns
from probes.snmp.sessions import auth_session

_log: Final = logging.getLogger(__name__)

_REQUEST_TIMEOUT_SECONDS: Final = 2.0
_OWN_SHARE: Final = 0.95  # of the whole timeout: ends before the runner's deadline, so that it can say how far it got
_TRIES_SHARE: Final = 0.9  # of the whole timeout: all tries of the first request fit in
_THREAD_FROM_VARBINDS: Final = 2000  # rendering more than this would hold up the event loop
_SHOWN_PROBLEMS: Final = 3
_CHOICE_TRIES: Final = 3  # polls that may ask in vain what the device has, before it is left at what all have


class Settings(Strict):
    """`{type: snmp, address: 10.20.1.2, auth: public_v2}`."""

    type: Literal["snmp"] = "snmp"
    address: Annotated[str, Field(min_length=1, max_length=253)]
    auth: Annotated[str, Field(min_length=1, description="name of one of `snmp.auths`")]
    port: Annotated[int, Field(ge=1, le=65535)] = 161
    modules: Annotated[
        tuple[str, ...] | None,
        Field(description="what to read; by default system, if_mib and what the device is found to have"),
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
    any_source: Annotated[
        bool, Field(description="take answers from another address than the one asked, as some routers send them")
    ] = False
    source_address: Annotated[
        IPvAnyAddress | None, Field(description="address of this host to ask from; by default the routing table's")
    ] = None

    @property
    def try_seconds(self) -> float:
        """How long one try waits for its answer."""
        fits = self.timeout * _TRIES_SHARE / (self.retries + 1) - TICK_SECONDS  # a tick late is on time
        return self.request_timeout or min(_REQUEST_TIMEOUT_SECONDS, max(fits, TICK_SECONDS))


@dataclass(slots=True)
class _Kept:
    """What is remembered of a device between polls."""

    settings: Settings
    object_id: bytes | None = None
    chosen: tuple[str, ...] | None = None  # None: not asked yet
    choice_tries: int = 0
    names: tuple[str, ...] = ()
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
        """Poll a device once.

        Returns:
            `ok` with series, interfaces and facts when it answered (`detail` and the value `problems` say what could
            not be read); `no_answer`; `refused` when nobody listens there; `bad_answer` when it answered and showed
            nothing of what was asked; `unknown` for this host's own trouble and for what this version cannot do.
        """
        settings = check.settings
        assert isinstance(settings, Settings)
        auth = self._auths.get(settings.auth)
        if auth is None:
            return _failed(check, Outcome.UNKNOWN, f"there is no auth {settings.auth!r}")
        if auth.problem:
            return _failed(check, Outcome.UNKNOWN, f"auth {auth.name!r} cannot be used: {auth.problem}")
        poll: Poll | None = None
        kept = self._remembered(check, settings)
        began = time.monotonic()
        try:
            async with asyncio.timeout(settings.timeout * _OWN_SHARE):
                poll = Poll(*await self._session(settings, auth))
                await self._read(check, kept, poll)
                return await _result(check, kept, poll, time.monotonic() - began)
        except ModuleError as error:
            return _failed(check, Outcome.UNKNOWN, f"cannot be polled: {error}")
        except SnmpLocalError as error:
            return _failed(check, Outcome.UNKNOWN, f"could not be measured: {error}", poll)
        except SnmpRefused as error:
            return _failed(check, Outcome.REFUSED, f"{error}: no SNMP agent listens there", poll)
        except SnmpReportError as error:
            return _failed(check, Outcome.BAD_ANSWER, f"{error} (auth {auth.name!r})", poll)
        except SnmpTimeout as error:
            heard = poll is not None and poll.packets
            detail = _ceased(str(error), poll) if poll and heard else _no_answer(settings, auth, said=str(error))
            return _failed(check, Outcome.NO_ANSWER, detail, poll)
        except TimeoutError:
            if poll is None:
                return _failed(check, Outcome.UNKNOWN, f"no address of {settings.address!r} within the timeout")
            within = f"within {format_duration(settings.timeout)}"
            if poll.enough and kept.renderer is not None:
                poll.cut_short(f"the poll did not end {within}")
                return await _result(check, kept, poll, time.monotonic() - began)
            detail = f"the poll did not end {within}: {poll.reached()} so far" if poll.packets else ""
            return _failed(check, Outcome.NO_ANSWER, detail or _no_answer(settings, auth, within), poll)

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

    async def _read(self, check: Check, kept: _Kept, poll: Poll) -> None:
        settings = kept.settings
        for name in settings.modules or ():
            await self._module(name)  # a wrong name is wrong whether or not the device answers
        object_id = await poll.greet()
        names = settings.modules or await self._choose(kept, poll, object_id)
        if kept.plan is None or kept.renderer is None or kept.names != names:
            kept.names = names
            modules = [await self._module(name) for name in names]
            wanted = len(settings.modules or choose.built_in().always)
            kept.plan = planned(modules[:wanted], settings.max_repetitions, more=modules[wanted:])
            kept.renderer = Renderer(kept.plan.metrics, {"target": check.target})
        await poll.read(kept.plan)

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


def _no_answer(settings: Settings, auth: SnmpAuth, within: str = "", said: str = "") -> str:
    address = f"[{settings.address}]" if ":" in settings.address else settings.address
    spoken = f"(v{'2c' if auth.version == 2 else auth.version}, auth {auth.name!r})"
    tries = within or f"after {settings.retries + 1} {'try' if settings.retries == 0 else 'tries'}"
    # what a router or the conversation says tells more
    why = said.partition("; ")[2] or ("" if auth.version == 3 else "a wrong community looks the same")
    return f"no answer from {address}:{settings.port} {spoken} {tries}{'; ' if why else ''}{why}"


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
            check.target, check.name, datetime.now(UTC), Outcome.BAD_ANSWER, detail, seconds, values=values
        )
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
        check.target, check.name, datetime.now(UTC), Outcome.OK, detail, seconds, confirmed=True, values=values,
        series=series, interfaces=interfaces, facts=facts,
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

"""What a module takes on a device: packets, objects, series and seconds."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.cli.snmp_target import Whom, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.cli.snmp_line import Line
    from agent.core.model import SnmpAuth
    from probes.snmp.ber import VarBind
    from probes.snmp.modules import Module


@dataclass(frozen=True, slots=True)
class Cost:
    """What one module took on a device.

    Attributes:
        packets, varbinds, seconds: of all that was read, with what its filters took.
        filter_packets: what the columns took by which its filters choose rows.
        unfiltered_packets: what it takes without its filters; None where it has none.
    """

    module: str
    packets: int
    varbinds: int
    series: int
    seconds: float
    problem: str = ""
    filter_packets: int = 0
    unfiltered_packets: int | None = None


@dataclass(slots=True)
class _Reading:
    """One module as it was read, as far as that got."""

    packets: int = 0
    filter_packets: int = 0
    filter_varbinds: int = 0
    seconds: float = 0.0
    varbinds: "list[VarBind]" = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


async def measure(
    asked: Whom, modules: "Sequence[Module]", seconds: float, *, quiet: bool
) -> "tuple[int, list[Cost], SnmpAuth | None]":
    """Read each module once; return the exit code, the costs, and the auth that was answered."""
    from agent.cli.progress import progress
    from agent.cli.snmp_find import exit_code, explain, find, verdict
    from agent.cli.snmp_line import Line
    from probes.snmp.errors import SnmpError

    try:
        line = await Line.open(asked)
    except SnmpError as error:
        say(str(error), "red")
        return exit_code(error), [], None
    try:
        attempts = await find(line, asked.auths, loud=False)
        if not attempts[-1].answered:
            explain(attempts, loud=False)
            return verdict(attempts), [], None
        auth = attempts[-1].auth
        if not quiet:
            say(f"{asked.shown} answers to the auth {auth.name!r}; reading each module once")
        costs: list[Cost] = []
        async with progress(lambda _: f"module {len(costs) + 1} of {len(modules)}, {line.counters.answers} answers"):
            for module in modules:
                costs.append(await _read(line, auth, module, seconds))  # noqa: PERF401 - the line above counts them
        return 0, costs, auth
    finally:
        line.close()


async def _read(line: "Line", auth: "SnmpAuth", module: "Module", seconds: float) -> Cost:
    """Read one module, and render it as a scrape does."""
    import asyncio
    from dataclasses import replace

    from agent.cli.tables import clean
    from probes.snmp.render import Renderer

    reading = await _conversed(line, auth, module, seconds)
    problem, series, unfiltered = "; ".join(reading.problems), 0, None
    try:
        series = len(await asyncio.to_thread(Renderer(module.metrics).render, reading.varbinds))
    except ValueError as error:  # what this device gives makes no valid series
        problem = problem or str(error)
    if module.filters:
        unfiltered = (await _conversed(line, auth, replace(module, filters=()), seconds)).packets
    return Cost(
        module.name, reading.packets, len(reading.varbinds) + reading.filter_varbinds, series,
        round(reading.seconds, 4), clean(problem), reading.filter_packets, unfiltered,
    )  # fmt: skip


async def _conversed(line: "Line", auth: "SnmpAuth", module: "Module", seconds: float) -> _Reading:
    """Read one module as a poll does, and by its filters as a scrape of `/snmp` does."""
    import asyncio
    import time
    from dataclasses import replace

    from probes.snmp.asking import Get
    from probes.snmp.ber import Version
    from probes.snmp.errors import SnmpAgentError, SnmpError
    from probes.snmp.filters import narrowed
    from probes.snmp.poll import planned
    from probes.snmp.walk import Walk

    version = Version.V1 if auth.version == 1 else Version.V2C
    repetitions = planned([module]).max_repetitions
    found, sent, began = _Reading(), line.counters.requests, time.monotonic()
    parts: list[Get | Walk] = []

    async def column(oid: bytes) -> "list[VarBind]":
        walk = Walk((oid,), version=version, max_repetitions=repetitions)
        try:
            await line.converse(auth, walk)
        finally:
            found.filter_packets, found.filter_varbinds = (
                line.counters.requests - sent, found.filter_varbinds + len(walk.varbinds)
            )  # fmt: skip
        if walk.problems:
            raise SnmpAgentError(walk.problems[0])
        return walk.varbinds

    try:
        async with asyncio.timeout(seconds):
            gets, walks = await narrowed(module, column)
            plan = planned([replace(module, get=tuple(gets), walk=tuple(walks), filters=())])
            for part in (Get(plan.gets), Walk(plan.walks, version=version, max_repetitions=repetitions)):
                parts.append(part)
                await line.converse(auth, part)
    except SnmpError as error:
        found.problems.append(str(error))
    except TimeoutError:
        found.problems.append(f"not read to its end within {seconds:g} s")
    found.seconds, found.packets = time.monotonic() - began, line.counters.requests - sent
    found.varbinds = [bind for part in parts for bind in part.varbinds]
    found.problems = [*(said for part in parts for said in part.problems), *found.problems]
    return found

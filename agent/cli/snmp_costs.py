"""What a module takes on a device: packets, objects, series and seconds."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.cli.snmp_target import Whom, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.cli.snmp_line import Line
    from agent.core.model import SnmpAuth
    from probes.snmp.modules import Module


@dataclass(frozen=True, slots=True)
class Cost:
    """What one module took on a device."""

    module: str
    packets: int
    varbinds: int
    series: int
    seconds: float
    problem: str = ""


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
    import time

    from agent.cli.tables import clean
    from probes.snmp.ber import Version
    from probes.snmp.errors import SnmpError
    from probes.snmp.poll import planned
    from probes.snmp.render import Renderer
    from probes.snmp.walk import Get, Walk

    plan = planned([module])
    version = Version.V1 if auth.version == 1 else Version.V2C
    parts = (Get(plan.gets), Walk(plan.walks, version=version, max_repetitions=plan.max_repetitions))
    sent, began, problem = line.counters.requests, time.monotonic(), ""
    try:
        async with asyncio.timeout(seconds):
            for part in parts:
                await line.converse(auth, part)
    except SnmpError as error:
        problem = str(error)
    except TimeoutError:
        problem = f"not read to its end within {seconds:g} s"
    took = time.monotonic() - began
    varbinds = [bind for part in parts for bind in part.varbinds]
    problem = "; ".join([*(said for part in parts for said in part.problems), *([problem] if problem else [])])
    series = 0
    try:
        series = len(await asyncio.to_thread(Renderer(plan.metrics).render, varbinds))
    except ValueError as error:  # what this device gives makes no valid series
        problem = problem or str(error)
    return Cost(module.name, line.counters.requests - sent, len(varbinds), series, round(took, 4), clean(problem))

"""`linewarden inspect`: what a device is, of which parts, and by which words of its own that is known."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from agent.cli.snmp_complete import complete_target
from agent.cli.snmp_target import Access, Whom, access_options, say, whoms

if TYPE_CHECKING:
    from agent.cli.snmp_auths import Attempt
    from agent.cli.snmp_line import Line
    from agent.core.model import Interface, SnmpAuth
    from probes.snmp.identitylook import Identity
    from probes.snmp.sensors import Sensor

_SEARCH_SECONDS: Final = 2.0
_AT_ONCE: Final = 20  # devices: more would wait for this one core
_REPETITIONS: Final = 30  # rows of interfaces with usual names: an answer stays below an Ethernet frame


@dataclass(slots=True)
class _Seen:
    """What one call found out, as far as it got."""

    attempts: "list[Attempt]"
    identity: "Identity | None" = None
    interfaces: "tuple[Interface, ...]" = ()
    sensors: "tuple[Sensor, ...]" = ()
    problems: tuple[str, ...] = ()
    packets: int = 0


@click.command(
    "inspect",
    epilog="Exit codes: 0 answered; 1 no answer, or not as it should; 2 usage or configuration; 3 could not be asked.",
)
@click.argument("targets", metavar="TARGET[:PORT]...", nargs=-1, required=True, shell_complete=complete_target)
@access_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead, in one line for each target.")
def command(targets: tuple[str, ...], access: Access, as_json: bool) -> None:
    """Say what a device is: maker, model, serial number, software, and the parts it has.

    TARGET is an address, a name, or a device of the configuration; credentials are found as `linewarden probe snmp`
    finds them. Two or three packets tell what it is; short walks then read its parts, interfaces and sensors. Each
    fact says where it was read, and how it is known: stated by an object that exists to say it, derived from a text
    by a rule, or assumed from something else. What is not known is not guessed. Several targets are asked at the same
    time, and the worst exit code counts.

    \b
    Examples:
      linewarden inspect 10.20.1.2
      linewarden inspect 10.20.1.2:1161 --community-file /etc/linewarden/community
      linewarden inspect 10.20.1.2 10.20.1.3 10.20.1.4 --json > estate.jsonl
      linewarden inspect bcw-core-sw1 --config /etc/linewarden/linewarden.yaml
      linewarden inspect "[2001:db8::2]:161" --config linewarden.yaml --auth public_v2 --json | jq .serial
    """
    import asyncio

    sys.exit(max(asyncio.run(_all(whoms(targets, access), as_json=as_json))))


# ------------------------------------------------------------------ asking


async def _all(asked: list[Whom], *, as_json: bool) -> list[int]:
    """Ask all; each is shown when it is known. Return their exit codes."""
    import asyncio

    from agent.cli.progress import progress
    from agent.cli.snmp_find import explain, verdict

    slots, done = asyncio.Semaphore(_AT_ONCE), 0

    async def one(whom: Whom) -> int:
        nonlocal done
        async with slots:
            seen = await _run(whom, loud=not as_json, alone=len(asked) == 1)
        done += 1
        if as_json:
            _print_json(whom, seen)
        elif seen.identity is None:
            explain(seen.attempts, loud=True)
        else:
            _show(whom, seen, seen.identity)
        return 0 if seen.identity is not None else verdict(seen.attempts)

    if len(asked) == 1:
        return [await one(asked[0])]
    async with (
        progress(lambda seconds: f"{done} of {len(asked)} devices, {seconds:.0f} s"),
        asyncio.TaskGroup() as group,
    ):
        tasks = [group.create_task(one(whom), name=f"inspect {whom.shown}") for whom in asked]
    return [task.result() for task in tasks]


async def _run(asked: Whom, *, loud: bool, alone: bool) -> _Seen:
    from agent.cli.snmp_auths import Attempt
    from agent.cli.snmp_find import find, tell
    from agent.cli.snmp_line import Line
    from probes.snmp.errors import SnmpError

    try:
        line = await Line.open(asked, _SEARCH_SECONDS)
    except SnmpError as error:
        seen = _Seen([Attempt(asked.auths[0], error)])
        if loud:
            tell(seen.attempts[0])
        return seen
    try:
        seen = _Seen(await find(line, asked.auths, loud=loud and alone))
        if seen.attempts[-1].answered:
            try:
                await _inspect(line, seen.attempts[-1].auth, seen, alone=alone)
            except SnmpError as error:  # it has answered a greeting, and then nothing any more
                seen.attempts.append(Attempt(seen.attempts[-1].auth, error))
                if loud and seen.identity is None:
                    tell(seen.attempts[-1])
        return seen
    finally:
        line.close()


async def _inspect(line: "Line", auth: "SnmpAuth", seen: _Seen, *, alone: bool) -> None:
    from contextlib import nullcontext

    from agent.cli.progress import progress
    from probes.snmp import identity, sensors
    from probes.snmp.ber import Version
    from probes.snmp.errors import SnmpError
    from probes.snmp.identitylook import look
    from probes.snmp.walk import Walk

    stage = ["who it is"]
    version = Version.V1 if auth.version == 1 else Version.V2C
    told = progress(lambda seconds: f"reading {stage[0]}: {line.counters.answers} answers, {seconds:.0f} s")
    async with told if alone else nullcontext():
        seen.identity = await look(
            lambda asker: line.converse(auth, asker), version, progress=lambda what: _set(stage, what)
        )
        seen.problems, seen.packets = seen.identity.problems, seen.identity.packets
        ports = Walk(identity.INTERFACE_COLUMNS, version=version, max_repetitions=_REPETITIONS)
        roots = (*sensors.ENTITY_COLUMNS, *sensors.OTHER_COLUMNS, *sensors.UPS_COLUMNS)
        readings = Walk(roots, version=version, max_repetitions=_REPETITIONS)
        names = Walk(sensors.NAME_COLUMNS, version=version, max_repetitions=_REPETITIONS)
        try:
            for walk, what in ((ports, "interfaces"), (readings, "sensors"), (names, "names of sensors")):
                if walk is names and not any(bind[0].startswith(sensors.ENTITY_COLUMNS) for bind in readings.varbinds):
                    continue
                _set(stage, what)
                await line.converse(auth, walk)
        except SnmpError as error:
            seen.problems += (f"{error}, asked for {stage[0]}",)
    runs = {root: [bind for bind in ports.varbinds if bind[0].startswith(root)] for root in identity.INTERFACE_COLUMNS}
    seen.interfaces = identity.interfaces(runs)
    seen.sensors = sensors.sensors([*readings.varbinds, *names.varbinds])
    seen.problems += (*ports.problems, *readings.problems, *names.problems)
    seen.packets += ports.packets + readings.packets + names.packets


def _set(stage: list[str], what: str) -> None:
    stage[0] = what


# ------------------------------------------------------------------ what came back


def _print_json(asked: Whom, seen: _Seen) -> None:
    import json

    from agent.cli.snmp_find import documents
    from agent.core.documents import document
    from probes.snmp.identityrules import FACTS

    answered = next((attempt.auth.name for attempt in seen.attempts if attempt.answered), None)
    out: dict[str, Any] = {"address": asked.shown, "auth": answered, "attempts": documents(seen.attempts)}
    hardware = seen.identity.hardware if seen.identity is not None else None
    for name in FACTS:
        fact = hardware.fact(name) if hardware is not None else None
        out[name] = fact.value if fact is not None else None
    out["facts"] = document(hardware.facts) if hardware is not None else []
    out["entities"] = document(hardware.entities) if hardware is not None else []
    out["interfaces"] = document(seen.interfaces)
    out["sensors"] = document(seen.sensors)
    out["rules"] = list(seen.identity.rules) if seen.identity is not None else []
    out["packets"], out["problems"] = seen.packets, list(seen.problems)
    click.echo(json.dumps(out))


def _show(asked: Whom, seen: _Seen, found: "Identity") -> None:
    from agent.cli import inspect_tables, snmp_tables
    from agent.cli.tables import clean

    click.echo(click.style(inspect_tables.headline(asked.shown, found.hardware), bold=True))
    for title, text in (
        ("known by", inspect_tables.facts(found.hardware)),
        ("parts", inspect_tables.entities(found.hardware.entities)),
        ("interfaces", snmp_tables.interfaces(seen.interfaces)),
        ("sensors", snmp_tables.sensors(seen.sensors)),
    ):
        if text:
            click.echo(click.style(title, bold=True))
            click.echo(text)
    say(f"{seen.packets} packets; rules: {', '.join(found.rules) or 'the general ones only'}", "green")
    for problem in seen.problems:
        say(f"not everything could be read: {clean(problem)}", "yellow")

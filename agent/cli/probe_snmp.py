"""`linewarden probe snmp`: find out how a device is to be asked, poll it once, and say what it answered."""

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from agent.cli.snmp_complete import complete_modules, complete_target
from agent.cli.snmp_target import Access, Whom, access_options, say, whom

if TYPE_CHECKING:
    from agent.cli.snmp_auths import Attempt
    from agent.cli.snmp_choice import Choosing
    from agent.core.model import Check, Observation, SnmpAuth
    from probes.snmp.sensors import Sensor

_SEARCH_SHARE: Final = 0.2  # of the whole timeout, for one try of one auth


@dataclass(slots=True)
class _Seen:
    """What one call found out, as far as it got."""

    attempts: "list[Attempt]"
    check: "Check | None" = None
    observation: "Observation | None" = None
    choosing: "Choosing | None" = None
    sensors: "tuple[Sensor, ...]" = ()
    further: tuple[str, ...] = ()  # what could not be read of the sensors


@click.command(
    "snmp",
    epilog="Exit codes: 0 answered; 1 no answer, or not as it should; 2 usage or configuration; 3 could not be asked.",
)
@click.argument("target", metavar="TARGET[:PORT]", shell_complete=complete_target)
@access_options
@click.option(
    "--modules", shell_complete=complete_modules,
    help="Modules to read, with commas.  [default: those that the device is found to have]",
)  # fmt: skip
@click.option("--timeout", help="For the whole poll.  [default: 20s]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
def command(target: str, access: Access, modules: str | None, timeout: str | None, as_json: bool) -> None:
    """Ask a device who it is and how it fares, and explain each step.

    TARGET is an address, a name, or a device of the configuration. Without --auth or a community the auths of the
    configuration are tried until one is answered: the device's own, or else v3, v2c, v1 in this order. After one wrong
    password no other one is tried for that user, so that nobody is locked out. Without a configuration the community
    is "public", as most devices leave the factory.

    Then it shows the system group, by which modules the device is read and why, interfaces and sensors
    (ENTITY-SENSOR-MIB, Cisco's, LM-SENSORS-MIB, UPS-MIB); with --modules what these read, and no other sensors. Where
    there is no answer, or a refusal, it says what that means and what to look at.

    \b
    Examples:
      linewarden probe snmp 10.20.1.2
      linewarden probe snmp 10.20.1.2:1161 --community-file /etc/linewarden/community --modules system
      linewarden probe snmp bcw-core-sw1 --config /etc/linewarden/linewarden.yaml
      linewarden probe snmp "[2001:db8::2]:161" --config linewarden.yaml --auth public_v2 --json
    """
    import asyncio

    from agent.cli.snmp_find import explain, verdict

    asked = whom(target, access)
    settings = _settings(asked, modules, timeout)
    seen = asyncio.run(_run(target, asked, settings, loud=not as_json, all_sensors=modules is None))
    if as_json:
        _print_json(asked, seen)
    elif seen.observation is None:
        explain(seen.attempts, loud=True)
    else:
        _explain(seen.observation, seen)
    sys.exit(verdict(seen.attempts) if seen.observation is None else _exit_code(seen.observation))


def _settings(asked: Whom, modules: str | None, timeout: str | None) -> Any:  # noqa: ANN401 - probes.snmp.probe.Settings
    """Return the settings of the poll: those of the configuration, and what the words say.

    Raises:
        click.UsageError: for a module that there is not, and for what is no duration.
    """
    from probes.snmp.modules import ModuleError, ModuleLibrary
    from probes.snmp.probe import Settings

    values = {**asked.values, "auth": asked.auths[0].name}
    if timeout is not None:
        values["timeout"] = timeout
    if modules is not None:
        values["modules"] = tuple(part.strip() for part in modules.split(",") if part.strip())
    try:
        settings = Settings.model_validate(values)
        library = ModuleLibrary(asked.module_files)
        for name in settings.modules or ():
            library.get(name)
    except ModuleError as error:
        raise click.UsageError(str(error)) from error
    except ValueError as error:
        first = getattr(error, "errors", list)()[0]
        raise click.UsageError(f"--{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    return settings


# ------------------------------------------------------------------ asking


async def _run(
    target: str, asked: Whom, settings: Any, *, loud: bool, all_sensors: bool  # noqa: ANN401 - as above
) -> _Seen:  # fmt: skip
    from agent.cli.snmp_auths import Attempt
    from agent.cli.snmp_find import find, tell
    from agent.cli.snmp_line import Line
    from agent.core.model import Check
    from probes.snmp.errors import SnmpError

    if loud:
        say(f"asking {asked.shown} with {asked.how}")
    try:
        seconds = min(settings.try_seconds, settings.timeout * _SEARCH_SHARE)
        line = await Line.open(asked, seconds, settings.retries)
    except SnmpError as error:
        seen = _Seen([Attempt(asked.auths[0], error)])
        if loud:
            tell(seen.attempts[0])
        return seen
    try:
        seen = _Seen(await find(line, asked.auths, loud=loud))
        if seen.attempts[-1].answered:
            auth = seen.attempts[-1].auth
            settings = settings.model_copy(update={"auth": auth.name})
            seen.check = Check(target, "snmp", "snmp", settings.cadence, settings)
            seen.observation = await _poll(seen.check, asked, auth)
            if seen.observation.outcome.value == "ok":
                await _explore(line, auth, seen, settings.modules, all_sensors=all_sensors)
        return seen
    finally:
        line.close()


async def _poll(check: "Check", asked: Whom, auth: "SnmpAuth") -> "Observation":
    from agent.cli.progress import progress
    from agent.core.ports import Resources
    from probes.snmp.probe import Probe

    probe = Probe(Resources(auths={auth.name: auth}, module_files=asked.module_files))
    try:
        async with progress(lambda seconds: f"reading: {probe.counters.answers} answers, {seconds:.0f} s"):
            return await probe.run(check)
    finally:
        await probe.close()


async def _explore(
    line: Any, auth: "SnmpAuth", seen: _Seen, modules: tuple[str, ...] | None, *, all_sensors: bool  # noqa: ANN401
) -> None:  # fmt: skip
    """Find out what a poll does not tell: why its modules are read, and what sensors there are."""
    from agent.cli import snmp_choice

    assert seen.observation is not None
    if modules:
        seen.choosing = snmp_choice.named(
            modules, "the configuration names it" if all_sensors else "--modules names it"
        )
    else:
        seen.choosing = await snmp_choice.asked(line, auth, seen.observation)
    if all_sensors:
        await _read_sensors(line, auth, seen)


async def _read_sensors(line: Any, auth: "SnmpAuth", seen: _Seen) -> None:  # noqa: ANN401 - agent.cli.snmp_line.Line
    """Walk what sensors there are; a device without any is asked four times."""
    from agent.cli.progress import progress
    from probes.snmp import sensors
    from probes.snmp.ber import Version
    from probes.snmp.errors import SnmpError
    from probes.snmp.walk import Walk

    version = Version.V1 if auth.version == 1 else Version.V2C
    walk = Walk((*sensors.ENTITY_COLUMNS, *sensors.OTHER_COLUMNS, *sensors.UPS_COLUMNS), version=version)
    names = Walk(sensors.NAME_COLUMNS, version=version)
    problems: list[str] = []
    try:
        async with progress(lambda seconds: f"reading sensors: {len(walk.varbinds)} objects, {seconds:.0f} s"):
            await line.converse(auth, walk)
            if any(bind[0].startswith(sensors.ENTITY_COLUMNS) for bind in walk.varbinds):
                await line.converse(auth, names)
    except SnmpError as error:
        problems.append(str(error))
    seen.sensors = sensors.sensors([*walk.varbinds, *names.varbinds])
    seen.further = (*walk.problems, *names.problems, *problems)


# ------------------------------------------------------------------ what came back


def _exit_code(observation: "Observation") -> int:
    from agent.core.model import Outcome

    return {Outcome.OK: 0, Outcome.UNKNOWN: 3}.get(observation.outcome, 1)


def _explain(observation: "Observation", seen: _Seen) -> None:
    from agent.cli import snmp_choice, snmp_tables
    from agent.cli.tables import clean
    from agent.core.model import Outcome
    from agent.core.units import format_duration

    values = dict(observation.values)
    if (first := values.get("first_answer_seconds")) is not None:
        say(f"the system group came after {format_duration(first)}")
    if observation.outcome is not Outcome.OK:
        say(clean(observation.detail), "yellow" if observation.outcome is Outcome.UNKNOWN else "red")
        return
    say(clean(observation.detail), "yellow" if values.get("problems") else "green")
    for title, text in (
        ("says of itself", snmp_tables.facts(observation.facts)),
        ("read by", snmp_choice.shown(seen.choosing) if seen.choosing else ""),
        ("interfaces", snmp_tables.interfaces(observation.interfaces)),
        ("sensors", snmp_tables.sensors(seen.sensors)),
        ("further series", snmp_tables.series(observation.series)),
    ):
        if text:
            click.echo(click.style(title, bold=True))
            click.echo(text)
    if seen.choosing and seen.choosing.problem:
        say(f"what else it has could not be asked: {clean(seen.choosing.problem)}", "yellow")
    for problem in seen.further:
        say(f"of the sensors not everything could be read: {clean(problem)}", "yellow")


def _print_json(asked: Whom, seen: _Seen) -> None:
    import json

    from agent.cli import snmp_choice
    from agent.cli.snmp_find import documents
    from agent.core.documents import document

    answered = seen.attempts[-1].auth.name if seen.attempts and seen.attempts[-1].answered else None
    out: dict[str, Any] = {"address": asked.shown, "auth": answered, "attempts": documents(seen.attempts)}
    if seen.observation is not None:
        out |= document(seen.observation)
        out |= snmp_choice.document(seen.choosing) if seen.choosing else {}
        out["sensors"] = [asdict(sensor) for sensor in seen.sensors]
    click.echo(json.dumps(out))

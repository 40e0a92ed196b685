"""`linewarden probe snmp`: poll a device once and say what it answered."""

import ipaddress
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.core.model import Check, Interface, Observation, SnmpAuth
    from agent.core.ports import Resources

_COMMUNITY_LIMIT_OCTETS: Final = 4096  # a file that is longer holds something else
_HINTS: Final = (
    "a wrong community is answered by silence: is it the one that the device has?",
    "does the device allow this host's address (access list, view)?",
    "is its SNMP agent running, and does no firewall drop UDP to this port?",
)
_DEFAULT_PORT: Final = 161


@dataclass(frozen=True, slots=True)
class _Errand:
    """What is to be asked, and by which words that was found."""

    check: "Check"
    resources: "Resources"
    how: str


@click.command(
    "snmp",
    epilog="Exit codes: 0 answered; 1 no answer, or not as it should; 2 usage or configuration; 3 could not be asked.",
)
@click.argument("target", metavar="TARGET[:PORT]")
@click.option("--config", type=click.Path(path_type=Path), help="Configuration file: TARGET may be a device of it.")
@click.option("--auth", "auth_name", help="Name of one of its `snmp.auths`; a device of the file has its own.")
@click.option("--community-file", type=click.Path(path_type=Path), help="File whose first line is the community.")
@click.option("--community", help="The community itself: visible to every user of this host in the process list.")
@click.option("--version", type=click.Choice(["1", "2c"]), default="2c", show_default=True, help="With a community.")
@click.option("--modules", help="Modules to read, with commas; system, if_mib (and ups_mib on a UPS) by default.")
@click.option("--timeout", help="For the whole poll; 20s by default.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
def command(
    target: str, config: Path | None, auth_name: str | None, community_file: Path | None, community: str | None,
    version: str, modules: str | None, timeout: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Poll a device once over SNMP and explain each step.

    Without a configuration or a community it asks with the community "public", as most devices leave the factory.

    \b
    Examples:
      linewarden probe snmp 10.20.1.2
      linewarden probe snmp 10.20.1.2:1161 --community-file /etc/linewarden/community --modules system
      linewarden probe snmp bcw-core-sw1 --config /etc/linewarden/linewarden.yaml
      linewarden probe snmp "[2001:db8::2]:161" --config linewarden.yaml --auth public_v2 --json
    """
    import asyncio

    if sum(given is not None for given in (auth_name, community_file, community)) > 1:
        raise click.UsageError("give one of --auth, --community-file and --community")
    if auth_name is not None and config is None:
        raise click.UsageError("--auth names an entry of a configuration: give --config FILE too")
    if community is not None:
        _say("warning: --community is visible in the process list; --community-file is not", "yellow")
    own = _own_auth(community_file, community, version)
    errand = _errand(target, config, auth_name or own, modules, timeout)
    if not as_json:
        _say(f"asking {_address(errand.check.settings)} with {errand.how}")
    observation = asyncio.run(_run(errand))
    if as_json:
        _print_json(errand.check, observation)
    else:
        _explain(observation)
    sys.exit(_exit_code(observation))


async def _run(errand: _Errand) -> "Observation":
    from probes.snmp.probe import Probe

    probe = Probe(errand.resources)
    try:
        return await probe.run(errand.check)
    finally:
        await probe.close()


# ------------------------------------------------------------------ what is to be asked


def _own_auth(community_file: Path | None, community: str | None, version: str) -> "SnmpAuth":
    """Return the credentials of the command line; the factory's community where it has none."""
    from agent.core.model import SnmpAuth

    name = "default" if community_file is None and community is None else "command line"
    if community_file is not None:
        try:
            with community_file.open("rb") as file:
                lines = file.read(_COMMUNITY_LIMIT_OCTETS).splitlines()
        except OSError as error:
            raise click.UsageError(f"--community-file {community_file}: {error.strerror}") from error
        community = lines[0].decode(errors="surrogateescape").strip() if lines else ""
        if not community:
            raise click.UsageError(f"--community-file {community_file}: a community in its first line expected")
    return SnmpAuth(name, version=1 if version == "1" else 2, community="public" if community is None else community)


def _errand(
    target: str, config: Path | None, auth: "SnmpAuth | str", modules: str | None, timeout: str | None
) -> _Errand:
    """Find out address, credentials and settings, from the configuration where there is one.

    Args:
        auth: the name of an auth of the configuration, or the credentials of the command line; those named
            `default` give way to what the configuration says of the device.
    """
    from agent.core.model import Check
    from agent.core.ports import Resources
    from probes.snmp.modules import ModuleError, ModuleLibrary
    from probes.snmp.probe import Settings

    values, auths, files = _configured(target, config)
    if isinstance(auth, str):
        if auth not in auths:
            known = ", ".join(sorted(auths)) or "none"
            raise click.UsageError(f"--auth {auth}: {config} has no such auth; there are: {known}")
        values["auth"] = auth
    elif "auth" not in values or auth.name != "default":
        auths[auth.name] = auth
        values["auth"] = auth.name
    if timeout is not None:
        values["timeout"] = timeout
    if modules is not None:
        values["modules"] = tuple(part.strip() for part in modules.split(","))
    try:
        settings = Settings.model_validate(values)
        library = ModuleLibrary(files)
        for name in settings.modules or ():
            library.get(name)
    except ModuleError as error:
        raise click.UsageError(str(error)) from error
    except ValueError as error:
        first = getattr(error, "errors", list)()[0]
        raise click.UsageError(f"--{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    check = Check(target, "snmp", "snmp", settings.cadence, settings)
    return _Errand(check, Resources(auths=auths, module_files=files), _how(auths[settings.auth]))


def _configured(target: str, config: Path | None) -> "tuple[dict[str, Any], dict[str, SnmpAuth], tuple[Path, ...]]":
    """Return what is known of a target as the values of its settings, the auths, and the module files."""
    auths: dict[str, SnmpAuth] = {}
    files: tuple[Path, ...] = ()
    if config is not None:
        loaded = _loaded(config)
        auths, files = dict(loaded.auths), loaded.module_files
        device = loaded.estate.targets.get(target)
        for check in device.checks if device is not None else ():
            if check.type == "snmp":
                values = check.settings.model_dump(exclude_unset=True)
                # durations are read from text: what the file gave in its own unit goes back in seconds
                return {k: f"{v}s" if k in _DURATIONS and v is not None else v for k, v in values.items()}, auths, files
    host, port = _split(target)
    return {"address": host, "port": port}, auths, files


_DURATIONS: Final = frozenset(("interval", "fast", "timeout", "request_timeout"))


def _loaded(config: Path) -> Any:  # noqa: ANN401 - agent.config is imported by the command that needs it
    from agent.config import ConfigError, load

    try:
        return load(config)
    except ConfigError as error:
        for problem in error.problems:
            _say(str(problem), "red")
        sys.exit(2)


def _how(auth: "SnmpAuth") -> str:
    if auth.name == "default":
        return f"SNMP v{'1' if auth.version == 1 else '2c'} and the community 'public'"
    if auth.name == "command line":
        return f"SNMP v{'1' if auth.version == 1 else '2c'} and the community given"
    return f"SNMP v{ {1: '1', 2: '2c'}.get(auth.version, str(auth.version)) } and the auth {auth.name!r}"


def _split(target: str) -> tuple[str, int]:
    """Return host and port of `host`, `host:port`, `::1`, `[::1]` or `[::1]:port`."""
    host, port = target, ""
    if target.startswith("["):
        host, _, rest = target[1:].partition("]")
        if rest and not rest.startswith(":"):
            raise click.UsageError(f"expected [ADDRESS]:PORT, got {target!r}")
        port = rest[1:]
    elif target.count(":") == 1:
        host, _, port = target.partition(":")
    elif ":" in target:
        try:
            ipaddress.IPv6Address(target)
        except ValueError:
            host = ""
    if not host or (port and not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535)):
        raise click.UsageError(f"expected TARGET[:PORT] with a port from 1 to 65535, got {target!r}")
    return host, int(port or _DEFAULT_PORT)


def _address(settings: Any) -> str:  # noqa: ANN401 - probes.snmp.probe.Settings, imported late
    host = f"[{settings.address}]" if ":" in settings.address else settings.address
    return f"{host}:{settings.port}"


# ------------------------------------------------------------------ what came back


def _exit_code(observation: "Observation") -> int:
    from agent.core.model import Outcome

    return {Outcome.OK: 0, Outcome.UNKNOWN: 3}.get(observation.outcome, 1)


def _explain(observation: "Observation") -> None:
    from agent.core.model import Outcome
    from agent.core.units import format_duration

    values = dict(observation.values)
    if (first := values.get("first_answer_seconds")) is not None:
        _say(f"the system group came after {format_duration(first)}")
    if observation.outcome is not Outcome.OK:
        _say(observation.detail, "yellow" if observation.outcome is Outcome.UNKNOWN else "red")
        if observation.outcome is Outcome.NO_ANSWER:
            for hint in _HINTS:
                _say(f"  - {hint}")
        return
    _say(observation.detail, "yellow" if values.get("problems") else "green")
    if observation.facts:
        click.echo(_heading("says of itself"))
        width = max(len(fact.name) for fact in observation.facts)
        for fact in observation.facts:
            click.echo(f"  {fact.name:<{width}}  {_value(fact.name, fact.value)}  {click.style(fact.source, dim=True)}")
    if observation.interfaces:
        click.echo(_heading("interfaces"))
        _table(observation.interfaces)


def _value(name: str, value: str | float | bool) -> str:
    from agent.core.units import format_duration

    if isinstance(value, bool):
        return click.style("yes", fg="yellow") if value else "no"
    if isinstance(value, str):
        return value
    if name.endswith(("_seconds", "seconds_left")):
        return format_duration(value)
    return f"{value:.0%}" if name.endswith("_ratio") else f"{value:g}"


def _table(interfaces: "Sequence[Interface]") -> None:
    rows = [
        (
            str(one.index),
            one.name,
            one.admin.name.lower() if one.admin else "?",
            one.oper.name.lower().replace("_", " ") if one.oper else "?",
            _speed(one.speed_bits_per_second),
            one.alias or "",
        )
        for one in interfaces
    ]
    head = ("index", "name", "admin", "oper", "speed", "alias")
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    click.echo("  " + "  ".join(f"{word:<{width}}" for word, width in zip(head, widths, strict=True)).rstrip())
    for row in rows:
        cells = [f"{word:<{width}}" for word, width in zip(row, widths, strict=True)]
        if row[2] == "up":
            cells[3] = click.style(cells[3], fg="green" if row[3] == "up" else "red")
        click.echo("  " + "  ".join(cells).rstrip())


def _speed(bits: float | None) -> str:
    if bits is None:
        return "-"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if bits >= size:
            return f"{bits / size:g}{unit}bit/s"
    return f"{bits:g}bit/s"


def _print_json(check: "Check", observation: "Observation") -> None:
    import json

    from agent.core.documents import document

    click.echo(json.dumps({"address": _address(check.settings), **document(observation)}))


def _heading(word: str) -> str:
    return click.style(word, bold=True)


def _say(line: str, colour: str | None = None) -> None:
    click.echo(click.style(line, fg=colour) if colour else line, err=True)

"""Whom an SNMP command asks, and with which credentials: by its words, and by the configuration where there is one."""

import ipaddress
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from agent.cli.client import DEFAULT_CONFIG
from agent.cli.snmp_complete import CONFIG_VARIABLE, complete_auth

if TYPE_CHECKING:
    from agent.config import Loaded
    from agent.core.model import SnmpAuth

DEFAULT_PORT: Final = 161
_COMMUNITY_LIMIT_OCTETS: Final = 4096  # a file that is longer holds something else
_DURATIONS: Final = frozenset(("interval", "fast", "timeout", "request_timeout"))


@dataclass(frozen=True, slots=True)
class Access:
    """The options by which an SNMP command is told how to ask."""

    config: Path | None = None
    auth: str | None = None
    community_file: Path | None = None
    community: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Whom:
    """A device to ask.

    Attributes:
        auths: what may be tried, in this order.
        values: the settings of its SNMP check in the configuration; address and port alone where it has none.
        module_files: further snmp.yml files of the configuration.
        how: for a person: where the credentials come from.
    """

    address: str
    port: int
    auths: "tuple[SnmpAuth, ...]"
    how: str
    values: dict[str, Any] = field(default_factory=dict)
    module_files: tuple[Path, ...] = ()

    @property
    def shown(self) -> str:
        """The address as people write it."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


# ------------------------------------------------------------------ words


def access_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --config, --auth, --community-file, --community and --version; the command gets them as `access`."""

    @click.option(
        "--config", type=click.Path(path_type=Path), envvar=CONFIG_VARIABLE, show_envvar=True,
        help="Configuration with `snmp.auths` and devices: the target may be a device of it.  "
        f"[default: {DEFAULT_CONFIG}, if it is there]",
    )  # fmt: skip
    @click.option("--auth", shell_complete=complete_auth, help="Name of one of `snmp.auths`; no other one is tried.")
    @click.option("--community-file", type=click.Path(path_type=Path), help="File whose first line is the community.")
    @click.option("--community", help="The community itself: visible to every user of this host in the process list.")
    @click.option(
        "--version", type=click.Choice(["1", "2c"]), help="With a community.  [default: 2c, and 1 where that is silent]"
    )
    @wraps(function)
    def command(
        config: Path | None,
        auth: str | None,
        community_file: Path | None,
        community: str | None,
        version: str | None,
        **rest: Any,  # noqa: ANN401 - whatever the command has
    ) -> Any:  # noqa: ANN401 - whatever it returns
        return function(access=Access(config, auth, community_file, community, version), **rest)  # fmt: skip

    return command


def whom(target: str, access: Access, more: "Mapping[str, SnmpAuth] | None" = None) -> Whom:
    """Find out address and credentials of a target.

    Args:
        more: auths beside those of the configuration, which win.

    Raises:
        click.UsageError: for words that do not fit together, or name nothing.
    """
    return whoms([target], access, more)[0]


def whoms(targets: Iterable[str], access: Access, more: "Mapping[str, SnmpAuth] | None" = None) -> list[Whom]:
    """Find out address and credentials of several targets; the configuration is read once.

    Raises:
        click.UsageError: as `whom`.
    """
    if sum(given is not None for given in (access.auth, access.community_file, access.community)) > 1:
        raise click.UsageError("give one of --auth, --community-file and --community")
    if access.version is not None and access.auth is not None:
        raise click.UsageError("--version goes with a community: an auth has its own")
    if access.community is not None:
        say("warning: --community is visible in the process list; --community-file is not", "yellow")
    community = _community(access)
    loaded = _loaded(access)
    files = loaded.module_files if loaded is not None else ()
    found = []
    for target in targets:
        values, own = _device(target, loaded)
        if not values:
            values["address"], values["port"] = split(target)
        auths, how = _credentials(access, community, loaded, own, more or {})
        found.append(Whom(values["address"], values.get("port", DEFAULT_PORT), tuple(auths), how, values, files))
    return found


def _credentials(
    access: Access, community: str | None, loaded: "Loaded | None", own: str | None, more: "Mapping[str, SnmpAuth]"
) -> "tuple[list[SnmpAuth], str]":  # fmt: skip
    from agent.cli.snmp_auths import ordered, version_name
    from agent.core.model import SnmpAuth

    auths: dict[str, SnmpAuth] = {**more, **(loaded.auths if loaded is not None else {})}
    if access.auth is not None:
        if loaded is None and not more:
            raise click.UsageError("--auth names an entry of a configuration: give --config FILE too")
        if access.auth not in auths:
            known = ", ".join(sorted(auths)) or "none"
            place = loaded.file if loaded is not None else "the file"
            raise click.UsageError(f"--auth {access.auth}: {place} has no such auth; there are: {known}")
        found = auths[access.auth]
        return [found], f"SNMP {version_name(found)} and the auth {found.name!r}"
    if community is None and access.version is None:
        if own is not None and own in auths:
            found = auths[own]
            return [found], f"SNMP {version_name(found)} and the auth {found.name!r} of its configuration"
        if auths:
            listed = ordered(auths)
            place = loaded.file if loaded is not None else "the file"
            return listed, f"the auths of {place}: {', '.join(auth.name for auth in listed)}"
    word = "the community 'public'" if community is None else "the community given"
    name = "default" if community is None else "command line"
    versions = {"1": (1,), "2c": (2,)}.get(access.version or "", (2, 1))
    spoken = ", then ".join("v1" if version == 1 else "v2c" for version in versions)
    return [SnmpAuth(name, version, community or "public") for version in versions], f"SNMP {spoken} and {word}"


def _community(access: Access) -> str | None:
    if access.community_file is None:
        return access.community
    try:
        with access.community_file.open("rb") as file:
            lines = file.read(_COMMUNITY_LIMIT_OCTETS).splitlines()
    except OSError as error:
        raise click.UsageError(f"--community-file {access.community_file}: {error.strerror}") from error
    community = lines[0].decode(errors="surrogateescape").strip() if lines else ""
    if not community:
        raise click.UsageError(f"--community-file {access.community_file}: a community in its first line expected")
    return community


def split(target: str) -> tuple[str, int]:
    """Return host and port of `host`, `host:port`, `::1`, `[::1]` or `[::1]:port`.

    Raises:
        click.UsageError: for what is none of these.
    """
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
    return host, int(port or DEFAULT_PORT)


# ------------------------------------------------------------------ the configuration


def _loaded(access: Access) -> "Loaded | None":
    """Return the configuration that is named, or the installed one; None where there is none that can be used."""
    named = access.config is not None
    file = access.config or DEFAULT_CONFIG
    if not named and not _is_there(file):
        return None
    from agent.config import ConfigError, load

    try:
        return load(file)
    except ConfigError as error:
        if named:
            for problem in error.problems:
                say(str(problem), "red")
            sys.exit(2)
        say(f"warning: going on without {file}: {error.problems[0]}", "yellow")
        return None


def _is_there(file: Path) -> bool:
    try:
        return file.exists()
    except OSError:  # /etc/linewarden itself is closed to this user
        say(f"warning: going on without {file}, which this user may not read", "yellow")
        return False


def _device(target: str, loaded: "Loaded | None") -> tuple[dict[str, Any], str | None]:
    """Return the settings of a target's SNMP check, and its auth, where the configuration has it by name or address."""
    if loaded is None:
        return {}, None
    known = loaded.estate.targets
    found = known.get(target)
    for check in found.checks if found is not None else ():
        if check.type == "snmp":
            values = check.settings.model_dump(exclude_unset=True)
            # durations are read from text: what the file gave in its own unit goes back in seconds
            values = {k: f"{v}s" if k in _DURATIONS and v is not None else v for k, v in values.items()}
            return values, values.get("auth")
    if found is not None and found.address is not None:
        return {"address": found.address, "port": DEFAULT_PORT}, None
    return {}, _auth_of(target, (check for one in known.values() for check in one.checks if check.type == "snmp"))


def _auth_of(target: str, checks: Iterable[Any]) -> str | None:
    host, port = split(target)
    for check in checks:
        if (check.settings.address, check.settings.port) == (host, port):
            return str(check.settings.auth)
    return None


def say(line: str, colour: str | None = None) -> None:
    """Say something that is no data."""
    click.echo(click.style(line, fg=colour) if colour else line, err=True)

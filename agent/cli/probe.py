"""`linewarden probe`: measure once, and explain each step. One subcommand for each way of measuring."""

import importlib
import pkgutil
import sys
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from agent.core.model import Observation
    from agent.core.ports import Probe
    from agent.core.units import Strict

# these have commands of their own; every other probe gets the general one
_OWN: Final = {
    "icmp": ("agent.cli.probe_icmp", "Ping targets with kernel time stamps; delay, loss, delay variation."),
    "snmp": ("agent.cli.probe_snmp", "Ask a device who it is and how it fares."),
}
_TARGET_FIELDS: Final = ("address", "url", "host", "target")  # what a probe calls the thing that it is pointed at
_HOST_FIELDS: Final = ("address", "host")  # of these a port can be split off
_WITH_OPTIONS: Final = ("type", "interval", "timeout")  # said by other words, or of no meaning for one measurement


class ProbeGroup(click.Group):
    """A group whose commands are the probes that there are."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the probes' names, without importing one."""
        import probes

        found = {
            m.name for m in pkgutil.iter_modules(probes.__path__) if m.name != "wire" and not m.name.startswith("_")
        }
        return [*_OWN, *sorted(found - set(_OWN))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return a probe's own command, or the general one for its type; None where there is no such probe."""
        if cmd_name in _OWN:
            command = importlib.import_module(_OWN[cmd_name][0]).command
            assert isinstance(command, click.Command)
            return command
        from agent.config.registry import probe_types

        known = probe_types()
        return _general(cmd_name, known[cmd_name].settings) if cmd_name in known else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the probes without importing them."""
        with formatter.section("Probes"):
            formatter.write_dl(
                [(n, _OWN[n][1] if n in _OWN else f"The {n} probe, once.") for n in self.list_commands(ctx)]
            )

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve as click does, and name the probes that there are where the word is wrong."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            names = self.list_commands(ctx)
            near = difflib.get_close_matches(args[0], names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
            raise click.UsageError(f"no probe of type {args[0]!r}; {hint}", ctx) from error


@click.command(cls=ProbeGroup, subcommand_metavar="TYPE TARGET...")
def command() -> None:
    """Measure once, and explain each step.

    \b
    Examples:
      linewarden probe icmp 10.20.0.1
      linewarden probe snmp 10.20.1.2
      linewarden probe tcp 10.20.2.5:443
      linewarden probe host --json
    """


def _general(name: str, settings: "type[Strict]") -> click.Command:
    """Make the command of a probe that has none of its own."""
    field = next((field for field in _TARGET_FIELDS if field in settings.model_fields), None)
    with_port = field in _HOST_FIELDS and "port" in settings.model_fields
    metavar = "[TARGET]" if field is None else "TARGET[:PORT]" if with_port else "TARGET"

    @click.command(name, help=_help(name, settings, field, with_port=with_port),
                   epilog="Exit codes: 0 as it should be; 1 it is not; 2 usage; 3 could not be measured.")  # fmt: skip
    @click.argument("target", required=field is not None, metavar=metavar)
    @click.option("--timeout", help="How long to wait, such as 5s.")
    @click.option(
        "--set", "sets", multiple=True, metavar="KEY=VALUE", help="Any other setting, as in the configuration."
    )
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
    def run(target: str | None, timeout: str | None, sets: tuple[str, ...], as_json: bool) -> None:
        values: dict[str, Any] = {"type": name, **_parse(sets)}
        if field is not None:
            host, port = split_port(target) if with_port and target is not None else (target, None)
            values |= {field: host} | ({} if port is None else {"port": port})
        if timeout is not None:
            values["timeout"] = timeout
        seen = _measure(name, target or name, checked(settings, values))
        _print(seen, as_json=as_json)
        from agent.core.model import Outcome

        sys.exit({Outcome.OK: 0, Outcome.UNKNOWN: 3}.get(seen.outcome, 1))

    return run


def _help(name: str, settings: "type[Strict]", field: str | None, *, with_port: bool) -> str:
    """Return the help of a probe's command: examples with what it needs, and every setting."""
    fields = {key: found for key, found in settings.model_fields.items() if key not in {*_WITH_OPTIONS, field}}
    words = ["linewarden probe", name]
    if field is not None:
        words.append("10.20.2.5:443" if with_port else "10.20.2.5")
    words += [f"--set {key}=..." for key, found in fields.items() if found.is_required() and key != "port"]
    example = " ".join(words)
    lines = [f"Run the {name} probe once{' against TARGET' if field else ''} and say what it saw.", ""]
    lines += ["\b", "Examples:", f"  {example}", f"  {example} --json", ""]
    if fields:
        width = max(map(len, fields))
        lines += ["\b", "Settings (--set):", *(f"  {key:<{width}}  {_about(found)}" for key, found in fields.items())]
    return "\n".join(lines)


def _about(found: "FieldInfo") -> str:
    needed = "needed" if found.is_required() else f"default: {found.default!r}"
    return f"{found.description} ({needed})" if found.description else needed


def split_port(target: str) -> tuple[str, int | None]:
    """Return host and port of `host`, `host:port`, `::1`, `[::1]` or `[::1]:port`; None where no port is named."""
    host, sign, port = target.rpartition(":")
    if not sign or not (port.isascii() and port.isdigit()) or (":" in host and not host.endswith("]")):
        host, port = target, ""
    return host.removeprefix("[").removesuffix("]"), int(port) if port else None


def checked(model: "type[Strict]", values: dict[str, Any]) -> Any:  # noqa: ANN401 - each probe has its own type
    """Return settings, or end with a usage error that names each wrong option.

    Raises:
        click.UsageError: naming the options, what was expected, and which there are.
    """
    from pydantic import ValidationError

    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = []
        for item in error.errors():
            where = ".".join(str(part) for part in item["loc"])
            what = item["msg"].removeprefix("Value error, ")
            if item["type"] == "extra_forbidden":
                what = f"unknown setting; there are {', '.join(sorted(set(model.model_fields) - {'type'}))}"
            if item["type"] == "missing":
                what = f"is missing; give it with --set {where}=..."
            lines.append(f"{where}: {what}" if where else what)
        raise click.UsageError("; ".join(lines)) from error


def _parse(sets: tuple[str, ...]) -> dict[str, Any]:
    import yaml

    values: dict[str, Any] = {}
    for text in sets:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise click.UsageError(f"--set: expected KEY=VALUE, got {text!r}")
        try:
            values[key.strip().replace("-", "_")] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise click.UsageError(f"--set {key}: expected a YAML value, got {value!r}") from error
    return values


def _measure(name: str, target: str, settings: "Strict") -> "Observation":
    import asyncio

    from agent.config.registry import probe_types
    from agent.core.model import Check
    from agent.core.ports import Resources
    from agent.runner import Runner

    async def ignore(_: Check, __: "Observation") -> None:
        """Take nothing: the one observation is returned."""

    async def once() -> "Observation":
        probe: Probe = probe_types()[name].probe(Resources())
        try:
            return await Runner({name: probe}, ignore).measure(Check(target, name, name, 0.0, settings))
        finally:
            await probe.close()

    return asyncio.run(once())


def _print(seen: "Observation", *, as_json: bool) -> None:
    from agent.core.documents import document

    if as_json:
        import json

        click.echo(json.dumps(document(seen)))
        return
    colour = {"ok": "green", "unknown": "yellow"}.get(seen.outcome.value, "red")
    click.echo(f"{seen.target}: {click.style(seen.outcome.value.replace('_', ' '), fg=colour)}: {seen.detail}")
    for key, value in seen.values:
        click.echo(f"  {key} {value:g}")
    for fact in seen.facts:
        click.echo(f"  {fact.name} {fact.value}   ({fact.source})")
    if seen.series is not None:
        click.echo(f"  {len(seen.series)} series")

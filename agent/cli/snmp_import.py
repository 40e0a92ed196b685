"""`linewarden snmp import`: which modules of a snmp.yml load, and what each costs on a device."""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from agent.cli.snmp_complete import complete_target
from agent.cli.snmp_costs import Cost, measure
from agent.cli.snmp_target import Access, access_options, say, whom

if TYPE_CHECKING:
    from agent.cli.tables import Cell
    from agent.config.document import Document
    from agent.core.model import SnmpAuth
    from probes.snmp.modules import Module

_PART: Final = re.compile(r"\[(\d+)\]|\.?([^.\[\]]+)")
# of files from before snmp_exporter 0.23: modules at the top, each with its own walk
_OLD_KEYS: Final = frozenset(("walk", "get", "metrics"))


@dataclass(frozen=True, slots=True)
class _Loaded:
    """One module of the file, and what it asks for; `problem` where it does not load."""

    name: str
    problem: str = ""
    walks: int = 0
    gets: int = 0
    metrics: int = 0
    filters: int = 0


@click.command(
    "import",
    epilog="Exit codes: 0 every module loads (and the device answered); 1 some do not, or it did not; "
    "2 usage, or the file cannot be read; 3 the device could not be asked.",
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--target", metavar="TARGET[:PORT]", shell_complete=complete_target, help="Try the modules on this device."
)
@click.option("--module", "only", multiple=True, metavar="NAME", help="Only this module; may be given several times.")
@access_options
@click.option("--timeout", help="For each module on the device.  [default: 20s]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
def command(
    file: Path, target: str | None, only: tuple[str, ...], access: Access, timeout: str | None, as_json: bool
) -> None:  # fmt: skip
    """Try FILE, a snmp.yml as snmp_exporter's generator writes it, before the agent uses it.

    Says which of its modules load, and for each that does not the place, what was expected there, and the likely fix.
    With --target each module is read once from that device: packets, objects, series and seconds are what a poll of it
    costs. A module with filters is read with them, as in scrapes of /snmp, and once without them. The auths of FILE may
    be used there, beside those of the configuration. At the end stand the lines of configuration that make the agent
    use the file. Nothing is changed.

    \b
    Examples:
      linewarden snmp import /etc/prometheus/snmp.yml
      linewarden snmp import snmp.yml --target 10.20.1.2 --auth public_v2 --config linewarden.yaml
      linewarden snmp import snmp.yml --target bcw-core-sw1 --module if_mib --module cisco_device --json
    """
    import asyncio

    from probes.snmp.modules import ModuleLibrary

    document, names = _names(file, only)
    library = ModuleLibrary([file])
    loaded = [_load(library, document, name) for name in names]
    asked = whom(target, access, _auths(document)) if target is not None else None
    seconds = _seconds(timeout)
    code = 0
    costs: list[Cost] = []
    auth: SnmpAuth | None = None
    if not as_json:
        _show_loaded(file, loaded)
    if asked is not None:
        modules = [library.get(one.name) for one in loaded if not one.problem]
        code, costs, auth = asyncio.run(measure(asked, modules, seconds, quiet=as_json))
    if as_json:
        click.echo(json.dumps(_document(file, document, loaded, costs, auth)))
    else:
        _show_costs(costs)
        _suggest(file, document, _worth(loaded, costs), auth)
    sys.exit(code or int(any(one.problem for one in loaded) or any(cost.problem for cost in costs)))


def _seconds(timeout: str | None) -> float:
    from agent.core.units import parse_duration

    try:
        return 20.0 if timeout is None else max(0.1, parse_duration(timeout))
    except ValueError as error:
        raise click.UsageError(f"--timeout: {error}") from error


# ------------------------------------------------------------------ the file


def _names(file: Path, only: Sequence[str]) -> "tuple[Document, list[str]]":
    """Return the file with its lines, and the modules that are meant.

    Raises:
        click.UsageError: for a module that the file does not have.
    """
    from agent.config.document import read
    from agent.config.problems import Findings, did_you_mean

    findings = Findings()
    document = read(file, findings, names_only="modules")
    for problem in findings.errors:
        say(str(problem), "red")
    if document is None or findings.errors:
        sys.exit(2)
    modules, auths = document.value.get("modules"), document.value.get("auths")
    if not isinstance(modules, dict) and not isinstance(auths, dict):
        say(str(document.problem((), _no_modules(document.value))), "red")
        sys.exit(2)
    names = [str(name) for name in modules] if isinstance(modules, dict) else []
    for name in only:
        if name not in names:
            raise click.UsageError(f"--module {name}: {file} has no such module{did_you_mean(name, names)}")
    return document, [name for name in names if not only or name in only]


def _auths(document: "Document") -> "dict[str, SnmpAuth]":
    from agent.config.modulefiles import auths_of
    from agent.config.problems import Findings

    findings = Findings()
    auths = auths_of(document, findings)
    for problem in findings.warnings:
        say(f"warning: {problem}", "yellow")
    return auths


def _no_modules(value: dict[str, Any]) -> str:
    if any(isinstance(module, dict) and _OLD_KEYS & module.keys() for module in value.values()):
        return (
            "expected a key `modules:` with the modules below it; this is the format from before snmp_exporter 0.23: "
            "generate it anew, or put `modules:` above and indent the rest, with credentials in `auths:`"
        )
    return "expected `modules:` or `auths:` as in snmp_exporter's snmp.yml (version 0.23 or later)"


def _load(library: Any, document: "Document", name: str) -> _Loaded:  # noqa: ANN401 - ModuleLibrary, imported late
    from probes.snmp.modules import ModuleError

    try:
        module: Module = library.get(name)
    except ModuleError as error:
        return _Loaded(name, _with_line(document, name, str(error)))
    return _Loaded(name, "", len(module.walk), len(module.get), len(module.metrics), len(module.filters))


def _with_line(document: "Document", name: str, said: str) -> str:
    """Return an error with the line of the place that it names: `FILE:LINE: modules.x.metrics[3]...: what`."""
    prefix = f"{document.file}: "
    place, _, what = said.removeprefix(prefix).partition(": ")
    path: list[str | int] = ["modules", name]
    rest = place.removeprefix(f"modules.{name}")
    for number, word in _PART.findall(rest) if rest != place else ():
        part: str | int = int(number) if number else word
        if document.has([*path, part]):  # the metric's own name stands in the path for people
            path.append(part)
    if not said.startswith(prefix) or not what:
        return str(document.problem(path, said))
    return f"{document.file}:{document.line(path)}: {place}: {what}"


# ------------------------------------------------------------------ shown


def _show_loaded(file: Path, loaded: Sequence[_Loaded]) -> None:
    from agent.cli.tables import table, terminal_width

    bad = [one for one in loaded if one.problem]
    for one in bad:
        say(one.problem, "red")
    columns = 4 if any(one.filters for one in loaded) else 3  # hardly a file has filters
    rows: list[list[Cell]] = [
        [one.name, ("does not load", "red") if one.problem else ("loads", "green"), *_counts(one)[:columns]]
        for one in loaded
    ]
    if rows:
        heads = ("SUBTREES", "OBJECTS", "METRICS", "FILTERS")[:columns]
        click.echo(table(("MODULE", "", *heads), rows, terminal_width()))
    say(f"{file}: {len(loaded) - len(bad)} of {len(loaded)} modules load", "red" if bad else "green")


def _counts(one: _Loaded) -> list[str]:
    counts = (one.walks, one.gets, one.metrics, one.filters)
    return [""] * len(counts) if one.problem else [str(count) for count in counts]


def _show_costs(costs: Sequence[Cost]) -> None:
    from agent.cli.tables import table, terminal_width

    if costs:
        rows: list[list[Cell]] = [
            [cost.module, str(cost.packets), str(cost.varbinds), str(cost.series), f"{cost.seconds:.3f}",
             (_remark(cost), "red" if cost.problem else None)]
            for cost in costs
        ]  # fmt: skip
        click.echo(table(("MODULE", "PACKETS", "VARBINDS", "SERIES", "SECONDS", ""), rows, terminal_width()))


def _remark(cost: Cost) -> str:
    """Return what there is to say about a module on a device, beside its numbers."""
    said = [cost.problem or ("" if cost.series else "nothing of it here")]
    if cost.unfiltered_packets is not None:
        said.append(f"filters took {cost.filter_packets} of the packets; without them {cost.unfiltered_packets}")
    return "; ".join(part for part in said if part)


def _worth(loaded: Sequence[_Loaded], costs: Sequence[Cost]) -> list[str]:
    """Return the modules that gave series on the device; without one, all that load."""
    return [cost.module for cost in costs if cost.series] or [one.name for one in loaded if not one.problem]


def _lines(file: Path, document: "Document", modules: Sequence[str], auth: "SnmpAuth | None") -> list[str]:
    """Return the configuration that uses the file: the file itself, and what a device says."""
    auths = document.value.get("auths")
    known = auth.name if auth is not None and auth.name not in ("default", "command line") else None
    if known is None and isinstance(auths, dict) and auths:
        known = min(auths, key=lambda name: not _is_v2(auths[name]))
    shown = ", ".join(map(_quoted, modules)) if modules else "NAME"
    return [
        f"multitarget: {{modules: [{_quoted(str(file.resolve()))}]}}",
        f"snmp: {{auth: {_quoted(str(known)) if known else 'NAME'}, modules: [{shown}]}}",
    ]


def _is_v2(auth: Any) -> bool:  # noqa: ANN401 - unvalidated
    return isinstance(auth, dict) and auth.get("version") == 2


def _quoted(word: str) -> str:
    return word if re.fullmatch(r"[\w./-]*[A-Za-z_/][\w./-]*", word, re.ASCII) else json.dumps(word)


def _suggest(file: Path, document: "Document", modules: Sequence[str], auth: "SnmpAuth | None") -> None:
    top, device = _lines(file, document, modules[:4], auth)
    click.echo("\nTo use it, in the configuration:")
    click.echo(f"  {top}")
    click.echo("and for a device, with the modules that it is to be read by:")
    click.echo(f"  {device}")


def _document(
    file: Path, document: "Document", loaded: Sequence[_Loaded], costs: Sequence[Cost], auth: "SnmpAuth | None"
) -> dict[str, Any]:
    return {
        "file": str(file),
        "modules": [asdict(one) for one in loaded],
        "auth": auth.name if auth is not None else None,
        "costs": [asdict(cost) for cost in costs],
        "configuration": _lines(file, document, _worth(loaded, costs), auth),
    }

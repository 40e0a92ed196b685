"""`linewarden lifecycle import`: support dates of others into the user's own table."""

import os
import re
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from agent.cli.client import CannotError
from agent.cli.lifecycle_common import Chosen, complete_vendor, config_option, configured
from agent.cli.progress import Counter
from agent.cli.snmp_target import say
from agent.cli.tables import clean, counted

if TYPE_CHECKING:
    from agent.config import Loaded
    from agent.config.lifecycleimport import Merged
    from agent.core.lifecycle import Row

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,60}")
_MOST_SHOWN: Final = 20  # of each kind of remark; more are counted


@click.command(
    "import",
    epilog="Exit codes: 0 every row is taken; 1 some are refused, the others are taken; 2 usage, or a file of which "
    "nothing can be taken; 3 the table cannot be written.",
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--as", "name", metavar="NAME", help="Name of the table, and of endoflife.date's product.  [default: FILE's]"
)
@click.option(
    "--source", default="", metavar="TEXT", help="Source of rows that name none: a document, and where in it."
)
@click.option("--vendor", default="", shell_complete=complete_vendor, help="Vendor of rows that name none.")
@click.option("--checked-on", metavar="DATE", help="Day on which the source was read.  [default: FILE's own day]")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and write nothing.")
@config_option
def command(
    file: Path, name: str | None, source: str, vendor: str, checked_on: str | None, dry_run: bool, chosen: Chosen
) -> None:  # fmt: skip
    """Take the support dates of FILE into a table of your own, which wins over the shipped ones.

    FILE is JSON of endoflife.date (/api/PRODUCT.json, or /api/v1/products/PRODUCT), JSON of Cisco's EoX API
    (EOXRecord), or a CSV with headings such as vendor, model, end of sale, end of support, source. A row without a
    source is refused: --source names it for all. Where other tables say something else, both days are shown.

    The table is NAME.csv in the folder of `hardware.lifecycle` beside the configuration. Rows of the same model or
    release are replaced, the others stay.

    \b
    Examples:
      curl -O https://endoflife.date/api/fortios.json && linewarden lifecycle import fortios.json
      linewarden lifecycle import eox.json --as cisco --dry-run
      linewarden lifecycle import aruba.csv --vendor Aruba --source "EoS list of 2026-09, table 2"
    """
    from agent.config.lifecycle import shipped
    from agent.config.lifecycleimport import Defaults, UnreadableError, imported, merged, single
    from agent.config.problems import Problem

    table_name = _table_name(file, name)
    loaded = configured(chosen)
    if loaded is None:
        raise click.UsageError(
            f"there is no {chosen.file}; name a configuration with --config: your tables go beside it"
        )
    target = _target(loaded, table_name)
    taken: list[Row] = []
    refused: list[Problem] = []
    counter = Counter(lambda: f"  {len(taken):,} rows taken")
    try:
        for row in imported(file, Defaults(table_name, _read_on(file, checked_on), source, vendor)):
            refused.append(row) if isinstance(row, Problem) else taken.append(row)
            counter.at()
    except UnreadableError as error:
        raise click.UsageError(str(error)) from error
    finally:
        counter.over()
    _tell([str(problem) for problem in refused], "red")
    if not taken:
        say(f"{file}: nothing to take", "red")
        sys.exit(1 if refused else 2)
    rows, twice = single(taken)
    _tell(twice, "yellow")
    result = merged(_present(target), rows)
    others = [row for row in loaded.lifecycle if not row.table.startswith(f"{target}:")]
    _tell(_conflicts(rows, [*others, *shipped().rows]), "yellow")
    if not dry_run:
        _write(target, result)
    _conclude(loaded, target, result, dry_run=dry_run)
    sys.exit(1 if refused else 0)


def _table_name(file: Path, name: str | None) -> str:
    wanted = (name if name is not None else file.stem).removesuffix(".csv")
    if not _NAME.fullmatch(wanted):
        raise click.UsageError(f"--as: {wanted[:60]!r} is no name of a file: letters, digits, '.', '_' and '-' only")
    return wanted


def _read_on(file: Path, checked_on: str | None) -> date:
    from agent.config.table import parse_day

    if checked_on is not None:
        try:
            return parse_day(checked_on)
        except ValueError as error:
            raise click.UsageError(f"--checked-on: {error}") from error
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC).date()
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror or error}") from error


def _target(loaded: "Loaded", name: str) -> Path:
    patterns = loaded.settings.hardware.lifecycle
    folder = loaded.file.parent / Path(patterns[0] if patterns else "lifecycle/*.csv").parent
    return folder / f"{name}.csv"


def _present(target: Path) -> "list[Row]":
    """Return the rows that the table has; one with a row that cannot be read is not written over."""
    from agent.config.lifecycle import table
    from agent.config.problems import Problem

    present: list[Row] = []
    wrong: list[str] = []
    for row in table(target, own=True) if target.exists() else ():
        wrong.append(str(row)) if isinstance(row, Problem) else present.append(row)
    if wrong:
        _tell(wrong, "red")
        say(
            f"{target} is left as it is, or those rows would be lost: put them right, or choose another name with --as",
            "red",
        )
        sys.exit(2)
    return present


def _conflicts(taken: "Sequence[Row]", others: "Sequence[Row]") -> list[str]:
    from agent.config.lifecycleimport import conflicts

    hardware = [row for row in others if not row.release]
    software: dict[tuple[str, str], list[Row]] = {}
    for row in others:
        if row.release:
            software.setdefault((row.pattern.lower(), row.release.lower()), []).append(row)
    found: list[str] = []
    counter = Counter(lambda: f"  compared with other tables: {len(found):,} differences")
    for row in taken:
        near = software.get((row.pattern.lower(), row.release.lower()), []) if row.release else hardware
        found.extend(f"{row.product}: {said}" for said in conflicts(row, near))
        counter.at()
    counter.over()
    return found


def _tell(lines: Sequence[str], colour: str) -> None:
    for line in lines[:_MOST_SHOWN]:
        say(clean(line), colour)
    if len(lines) > _MOST_SHOWN:
        say(f"and {len(lines) - _MOST_SHOWN:,} more like that", colour)


def _write(target: Path, result: "Merged") -> None:
    """Write the table whole or not at all."""
    from agent.config.lifecycleimport import as_csv

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="", dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as stream:
            stream.write(as_csv(result.rows))
        part = Path(stream.name)
        part.chmod(0o644)  # the agent reads it as another user
        os.replace(part, target)  # noqa: PTH105 - Path.replace is the same
    except OSError as error:
        raise CannotError(f"{target} cannot be written: {error.strerror or error}") from error


def _conclude(loaded: "Loaded", target: Path, result: "Merged", *, dry_run: bool) -> None:
    from agent.config.globs import is_pattern, matching

    did = "would have" if dry_run else "has"
    click.echo(
        f"{target} {did} {counted(len(result.rows), 'row')}: {result.new:,} new, {result.changed:,} changed, "
        f"{result.same:,} as before"
    )
    patterns = loaded.settings.hardware.lifecycle
    read = {file for pattern in patterns for file in matching(loaded.file.parent, pattern) if is_pattern(pattern)}
    named = {loaded.file.parent / pattern for pattern in patterns if not is_pattern(pattern)}
    if not dry_run and target not in read | named:
        say(f"the configuration does not read it: add it to `hardware: {{lifecycle: [{target}]}}`", "yellow")

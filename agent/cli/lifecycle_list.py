"""`linewarden lifecycle list`: the support dates that are known, with their sources."""

import json
import sys
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from agent.cli.lifecycle_common import Chosen, complete_vendor, config_option, configured
from agent.cli.snmp_target import say
from agent.cli.tables import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.cli.tables import Cell
    from agent.config import Loaded
    from agent.core.hardware import Support
    from agent.core.lifecycle import Lifecycle, Row


@click.command("list", epilog="Exit codes: 0 done; 1 no row is like that; 2 usage or configuration.")
@click.option("--vendor", default="", shell_complete=complete_vendor, help="Only rows of this vendor.")
@click.option("--model", default="", help="Only rows about this model or software, and what is found for it.")
@click.option("--due", metavar="DATE", help="Only what is no longer supported after this day.")
@click.option("--unknown", is_flag=True, help="Instead: models of your devices and registers that no table has.")
@click.option("--url", metavar="URL", help="With --unknown: ask the agent at this address.")
@click.option("--csv", "as_csv", is_flag=True, help="With --unknown: a table to fill in and to import.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@config_option
def command(
    vendor: str,
    model: str,
    due: str | None,
    unknown: bool,
    url: str | None,
    as_csv: bool,
    as_json: bool,
    chosen: Chosen,
) -> None:
    """Show lifecycle rows with their sources: your own, and the shipped ones.

    With --model: what a device of that model, or that operating system with its version, is found to have, and which
    tables say something else. With --unknown: which models to look up first, the most frequent at the top, of as many
    the oldest. The running agent is asked for it; without one, only what the configuration and the asset registers name
    is known. With --csv it is a table: fill in what you find, and take it with linewarden lifecycle import.

    \b
    Examples:
      linewarden lifecycle list --model WS-C3850-24T-S
      linewarden lifecycle list --model "Windows Server 2012 R2 Standard"
      linewarden lifecycle list --vendor Juniper --due 2026-12-31
      linewarden lifecycle list --unknown
      linewarden lifecycle list --unknown --csv > found.csv
      linewarden lifecycle list --json | jq '.rows[] | select(.own)'
    """
    if not unknown and (url or as_csv):
        raise click.UsageError("--url and --csv: only together with --unknown")
    if unknown:
        from agent.cli.lifecycle_unknown import show

        show(chosen, url, as_csv=as_csv, as_json=as_json)
        return
    tables = _tables(configured(chosen))
    found = (tables.of_hardware(vendor, model) or tables.of_software([model])) if model else None
    rows = [row for row in tables.rows if _wanted(row, vendor, model) or (found and row.table == found.table)]
    if due is not None:
        day = _day(due)
        rows = [row for row in rows if row.last_day is not None and row.last_day <= day]
        rows.sort(key=lambda row: row.last_day or date.max)
    if as_json:
        click.echo(json.dumps({"rows": [_document(row) for row in rows], "found": _found(found)}, ensure_ascii=False))
    else:
        _show(rows, model, found)
    sys.exit(0 if rows or found else 1)


def _tables(loaded: "Loaded | None") -> "Lifecycle":
    from agent.config.lifecycle import shipped
    from agent.core.lifecycle import Lifecycle

    base = shipped()
    for problem in loaded.warnings if loaded is not None else ():
        if problem.file.suffix == ".csv":
            say(f"warning: {problem}", "yellow")
    return Lifecycle(((*loaded.lifecycle,) if loaded is not None else ()) + base.rows, base.names)


def _day(text: str) -> date:
    from agent.config.table import parse_day

    try:
        return parse_day(text)
    except ValueError as error:
        raise click.UsageError(f"--due: {error}") from error


def _wanted(row: "Row", vendor: str, model: str) -> bool:
    from fnmatch import fnmatchcase

    if vendor and vendor.lower() not in row.vendor.lower():
        return False
    text = model.lower()
    if not text:
        return True
    said = f"{row.pattern} {row.release}".lower() if row.release else row.pattern.lower()
    return text in said or (not row.release and any(fnmatchcase(word, said) for word in (text, *text.split())))


def _show(rows: "Sequence[Row]", model: str, found: "Support | None") -> None:
    from agent.cli.tables import table, terminal_width

    shown: list[list[Cell]] = [
        [row.product, *_days(row), ("yours" if row.own else "shipped", "cyan" if row.own else None),
         f"{row.source} [{row.table}, checked {row.checked_on}]"]
        for row in rows
    ]  # fmt: skip
    if shown:
        heads = ("PRODUCT", "SALE", "SOFTWARE", "SECURITY", "SUPPORT", "TABLE", "SOURCE")
        click.echo(table(heads, shown, terminal_width()))
    if not model:
        if not shown:
            say("no row is like that; linewarden lifecycle list shows all")
        return
    if found is None:
        click.echo(f"{clean(model)}: in no table; look its dates up, and import them with linewarden lifecycle import")
        return
    click.echo(f"{clean(model)}: {clean(found.product)} by {found.table} ({found.confidence})")
    for said in found.overruled:
        click.echo(f"  {clean(said)}")


def _days(row: "Row") -> list[str]:
    ends = (row.end_of_sale, row.end_of_software_maintenance, row.end_of_security_fixes, row.end_of_support)
    return [day.isoformat() if day is not None else "" for day in ends]


def _document(row: "Row") -> dict[str, Any]:
    return _plain({**asdict(row), "model_pattern": row.pattern}, without="pattern")


def _found(support: "Support | None") -> dict[str, Any] | None:
    return None if support is None else _plain(asdict(support))


def _plain(values: dict[str, Any], without: str = "") -> dict[str, Any]:
    return {
        key: value.isoformat() if isinstance(value, date) else value for key, value in values.items() if key != without
    }

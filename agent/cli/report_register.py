"""`linewarden report register`: where the asset register and the network say different things."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, Final

import click

from agent.cli.client import Where, ask, where_options
from agent.cli.tables import Cell, clean, counted, paragraph, table, terminal_width

_SECTIONS: Final = {
    "differs": "The register says one thing, the device or the configuration another",
    "not_on_network": "In the register, but not on the network",
    "not_in_register": "On the network, but in no register",
    "duplicate_serial": "One serial number in several rows",
}
_COLUMNS: Final = (
    "kind", "name", "field", "register", "register_source", "device", "device_source", "sentence",
)  # fmt: skip
_HEADS: Final = ("NAME", "KIND", "MODEL", "BOUGHT", "OPERATING SYSTEM", "SUPPORTED UNTIL", "STANDS IN")


@click.command("register", epilog="Exit codes: 0 done, mismatches or not; 2 usage; 3 no agent and no configuration.")
@click.option(
    "--format", "shape", type=click.Choice(["text", "csv", "json"]), default="text", show_default=True,
    help="For a person, for a spreadsheet (mismatches only), or one JSON document.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@where_options
def command(where: Where, shape: str, as_json: bool) -> None:
    """Show where the asset register and the network say different things.

    Rows are joined to devices by serial number, name or address. Shown is what a row says otherwise than its device or
    the configuration, what is in the register and not on the network, what is on the network and in no register, and
    serial numbers that stand there twice. Desktops and laptops, which nobody polls, are listed apart from that.

    Without a running agent the configuration is read: then nobody knows what the devices say.

    \b
    Examples:
      linewarden report register
      linewarden report register --format csv > mismatches.csv
      linewarden report register --json | jq -r '.mismatches[].sentence'
    """
    found = ask(where, "register").document
    if "as_of" in found:
        click.echo("(no agent is running; read from its configuration: what devices say is not known)", err=True)
    if as_json or shape == "json":
        click.echo(json.dumps(found, ensure_ascii=False))
    elif shape == "csv":
        click.echo(_csv(found).encode("utf-8-sig", errors="replace"), nl=False)
    else:
        for line in _text(found):
            click.echo(line)


def _text(found: dict[str, Any]) -> Iterator[str]:
    if not found["rows"]:
        yield "there is no asset register; name one in the configuration: inventory: [assets/*.csv]"
        return
    devices, joined, seen = found["devices"], found["joined"], found["seen"]
    yield (
        f"{counted(found['rows'], 'row')} in the register; {joined} of {counted(devices, 'device')} joined to a row, "
        f"{seen} told what they are"
    )
    width = terminal_width()
    for kind, head in _SECTIONS.items():
        sentences = [one["sentence"] for one in found["mismatches"] if one["kind"] == kind]
        if sentences:
            yield f"\n{click.style(head, bold=True)} ({len(sentences)})"
            yield from (paragraph(clean(sentence), width, "  ") for sentence in sentences)
    if not found["mismatches"]:
        yield "nothing is said otherwise by what was compared"
    if found["unpolled"]:
        yield f"\n{click.style('In the register, and polled by nobody', bold=True)} ({len(found['unpolled'])})"
        yield table(_HEADS, [_row(one) for one in found["unpolled"]], width)


def _row(one: dict[str, Any]) -> list[Cell]:
    system = " ".join(one[key] for key in ("operating_system", "operating_system_version") if one[key])
    support = one["support"] or {}
    until = support.get("end_of_security_fixes") or support.get("end_of_support") or ""
    return [
        one["name"], one["kind"] or "", one["model"] or "", one["purchased"] or "", system, until, one["source"],
    ]  # fmt: skip


def _csv(found: dict[str, Any]) -> str:
    from exporters.reportwords import cell

    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for one in found["mismatches"]:
        writer.writerow([cell(one[column]) for column in _COLUMNS])
    return out.getvalue()

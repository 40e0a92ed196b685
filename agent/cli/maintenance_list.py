"""`linewarden maintenance list`: what is announced."""

import json
from typing import Any, Final

import click

from agent.cli.client import Where, ask, where_options
from agent.cli.events import tell_source
from agent.cli.tables import Cell, clean, local_time, table, terminal_width

_HEADS: Final = ("ID", "KIND", "STATE", "BEGINS", "ENDS", "ABOUT", "REASON")


@click.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that are over, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@where_options
def command(where: Where, everything: bool, as_json: bool) -> None:
    """Show the windows that last or are to come, the next first. Without a running agent the ledger is read.

    \b
    Examples:
      linewarden maintenance list
      linewarden maintenance list --all --json | jq '.maintenance[] | select(.kind == "clock_stop")'
    """
    answer = ask(where, "maintenance", all="1" if everything else None)
    tell_source(answer)
    found: list[dict[str, Any]] = answer.document["maintenance"]
    if as_json:
        click.echo(json.dumps(answer.document, ensure_ascii=False))
    elif found:
        click.echo(table(_HEADS, [_row(window) for window in found], terminal_width()))
    else:
        click.echo("no windows" if everything else "no windows that last or are to come")


def _row(window: dict[str, Any]) -> list[Cell]:
    span = window["present_or_next"]
    state: Cell = ("lasts", "yellow") if window["active"] else "to come" if span else "over"
    began, ended = span or (window["begins_at"], window["cancelled_at"] or window["ends_at"])
    again = f"; {window['rule']} in {window['zone']}" if window["rule"] else ""
    reason = f"{clean(window['reason'])} ({clean(window['author'])}){again}"
    kind = window["kind"].replace("_", "-")
    return [str(window["id"]), kind, state, local_time(began), local_time(ended), clean(window["about"]), reason]

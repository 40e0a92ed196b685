"""`linewarden outages`: what was down, and what people say of it."""

import json
import sys
from datetime import UTC, datetime
from typing import Any, Final

import click

from agent.cli.client import Where, ask, say, where_options
from agent.cli.events import tell_source
from agent.cli.speaker import author_option
from agent.cli.tables import (
    STATE_COLOURS,
    Cell,
    as_parameter,
    clean,
    lasted,
    local_time,
    moment,
    table,
    terminal_width,
)

_HEADS: Final = ("ID", "BEGAN", "ENDED", "LASTED", "TARGET", "STATE", "WHY")


@click.group(invoke_without_command=True, subcommand_metavar="[ack|note ...]")
@click.option("--open", "open_only", is_flag=True, help="Only those that last; exit code 1 if there are any.")
@click.option("--target", metavar="NAME", help="Only of this target.")
@click.option("--since", callback=moment, metavar="WHEN", help="Not ended before then: 7d, 2026-11-01.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@where_options
@click.pass_context
def command(
    ctx: click.Context,
    where: Where,
    open_only: bool,
    target: str | None,
    since: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """Show what was down or unreachable, from when to when, and why; oldest first.

    An outage ends when its target is up (or degraded) again, is removed, or is out of reach for another reason: no
    span is ever charged to two causes. Without a running agent the ledger is read.

    \b
    Examples:
      linewarden outages --since 30d
      linewarden outages --open || echo something is down
      linewarden outages --target bcw-crown-primary --json
      linewarden outages ack 7 "on it, called ExampleTel"
      linewarden outages note 7 "ExampleTel INC5521: fibre cut at the ring road"
    """
    if ctx.invoked_subcommand is not None:
        if where.url or where.state_dir:
            raise click.UsageError(f"say which agent is meant behind the command: outages {ctx.invoked_subcommand} ...")
        return
    answer = ask(where, "outages", target=target, open="1" if open_only else None, since=as_parameter(since),
                 limit=str(limit))  # fmt: skip
    tell_source(answer)
    found: list[dict[str, Any]] = answer.document["outages"]
    if as_json:
        click.echo(json.dumps(answer.document, ensure_ascii=False))
    elif found:
        now = datetime.now(UTC)
        click.echo(table(_HEADS, [_row(outage, now) for outage in found], terminal_width()))
        if len(found) == limit:
            click.echo(f"(the newest {limit}; more with --limit)", err=True)
    else:
        click.echo(_nothing(target, since, open_only=open_only))
    if open_only and found:
        sys.exit(1)


@command.command()
@click.argument("number", type=click.IntRange(1), metavar="ID")
@click.argument("text", default="")
@author_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@where_options
def ack(where: Where, number: int, text: str, author: str, as_json: bool) -> None:
    """Say that you have taken the outage ID on; others see who has, and since when. It silences nothing.

    \b
    Examples:
      linewarden outages ack 7
      linewarden outages ack 7 "on it, called ExampleTel"
    """
    _say(where, number, "acknowledge", {"author": author, "text": text}, as_json=as_json)


@command.command()
@click.argument("number", type=click.IntRange(1), metavar="ID")
@click.argument("text")
@author_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@where_options
def note(where: Where, number: int, text: str, author: str, as_json: bool) -> None:
    """Write TEXT beside the outage ID, open or over; it stays in the record.

    \b
    Examples:
      linewarden outages note 7 "ExampleTel INC5521: fibre cut at the ring road"
    """
    _say(where, number, "notes", {"author": author, "text": text}, as_json=as_json)


def _say(where: Where, number: int, what: str, body: dict[str, str], *, as_json: bool) -> None:
    answer = say(where, "POST", f"outages/{number}/{what}", body)
    said = answer["note"]
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        click.echo(
            f"outage {number}: {said['kind']} of {clean(said['author'])} at {local_time(said['at'])} is recorded"
        )


def _row(outage: dict[str, Any], now: datetime) -> list[Cell]:
    why = clean(outage["reason"])
    if outage.get("causes"):
        why += f" (because of {', '.join(outage['causes'])})"
    if outage.get("close_reason") not in {None, "recovered"}:
        why += f"; {outage['close_reason']}"
    for said in outage.get("notes", ()):
        what = "acknowledged" if said["kind"] == "acknowledgement" else "note"
        why += f"; {what} by {clean(said['author'])}" + (f": {clean(said['text'])}" if said["text"] else "")
    ended: Cell = local_time(outage["ended_at"]) if outage["ended_at"] else ("still open", "red")
    length = lasted(outage["began_at"], outage["ended_at"], now)
    state = outage["state"]
    began, colour = local_time(outage["began_at"]), STATE_COLOURS.get(state)
    return [str(outage["id"]), began, ended, length, outage["target"], (state, colour), why]


def _nothing(target: str | None, since: datetime | None, *, open_only: bool) -> str:
    text = "no open outages" if open_only else "no outages"
    text += f" of {target}" if target else ""
    return text + (f" since {local_time(since.isoformat())}" if since else "")

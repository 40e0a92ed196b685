"""`linewarden outages`: what was down."""

import json
import sys
from datetime import UTC, datetime
from typing import Any, Final

import click

from agent.cli.client import Where, ask, where_options
from agent.cli.events import tell_source
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

_HEADS: Final = ("BEGAN", "ENDED", "LASTED", "TARGET", "STATE", "WHY")


@click.command()
@click.option("--open", "open_only", is_flag=True, help="Only those that last; exit code 1 if there are any.")
@click.option("--target", metavar="NAME", help="Only of this target.")
@click.option("--since", callback=moment, metavar="WHEN", help="Not ended before then: 7d, 2026-11-01.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@where_options
def command(
    where: Where, open_only: bool, target: str | None, since: datetime | None, limit: int, as_json: bool
) -> None:
    """Show what was down or unreachable, from when to when, and why; oldest first.

    An outage ends when its target is up (or degraded) again, is removed, or is out of reach for another reason: no
    span is ever charged to two causes. Without a running agent the ledger is read.

    \b
    Examples:
      linewarden outages --since 30d
      linewarden outages --open || echo something is down
      linewarden outages --target bcw-crown-primary --json
    """
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


def _row(outage: dict[str, Any], now: datetime) -> list[Cell]:
    why = clean(outage["reason"])
    if outage.get("causes"):
        why += f" (because of {', '.join(outage['causes'])})"
    if outage.get("close_reason") not in {None, "recovered"}:
        why += f"; {outage['close_reason']}"
    ended: Cell = local_time(outage["ended_at"]) if outage["ended_at"] else ("still open", "red")
    length = lasted(outage["began_at"], outage["ended_at"], now)
    state = outage["state"]
    return [local_time(outage["began_at"]), ended, length, outage["target"], (state, STATE_COLOURS.get(state)), why]


def _nothing(target: str | None, since: datetime | None, *, open_only: bool) -> str:
    text = "no open outages" if open_only else "no outages"
    text += f" of {target}" if target else ""
    return text + (f" since {local_time(since.isoformat())}" if since else "")

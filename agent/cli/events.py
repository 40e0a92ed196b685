"""`linewarden events`: what happened."""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from agent.cli.client import Answer, CannotError, Where, ask, where_options
from agent.cli.tables import (
    STATE_COLOURS,
    Cell,
    as_parameter,
    clean,
    local_time,
    moment,
    parse_stamp,
    table,
    terminal_width,
)

_KINDS: Final = ("target", "check", "mark", "blind", "path", "level", "agent", "hardware", "note")
_HEADS: Final = ("TIME", "KIND", "TARGET", "CHANGE", "REASON")
_POLL_SECONDS: Final = 1.0
_LOOK_BACK: Final = timedelta(hours=1)  # an event is stamped when it happened: what is noticed later has an older stamp
_DEFAULT_LIMIT: Final = 100
_FOLLOW_LIMIT: Final = 10


@click.command()
@click.option("--target", metavar="NAME", help="Only of this target.")
@click.option("--kind", "kinds", type=click.Choice(_KINDS), multiple=True, help="Only of this kind; may be repeated.")
@click.option("--since", callback=moment, metavar="WHEN", help="From then on: 2h, 2026-11-22, '2026-11-22 13:00'.")
@click.option("--until", callback=moment, metavar="WHEN", help="Before that moment.")
@click.option("--limit", type=click.IntRange(1, 10_000), help="The newest so many.  [default: 100; 10 with --follow]")
@click.option("--follow", is_flag=True, help="Go on and show events as they come.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@where_options
def command(
    where: Where,
    target: str | None,
    kinds: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    limit: int | None,
    follow: bool,
    as_json: bool,
) -> None:
    """Show what happened: changes of belief, oldest first, with their reasons.

    Times are local with their offset from UTC; in JSON they are UTC. Without a running agent the ledger is read.

    \b
    Examples:
      linewarden events --since 2h
      linewarden events --target bcw-crown-primary --kind target --since 2026-11-01 --until 2026-12-01
      linewarden events --follow --json | jq .reason
    """
    if follow and until is not None:
        raise click.UsageError("--follow has no end: leave out --until")
    wanted = {"target": target, "kind": ",".join(kinds) or None, "until": as_parameter(until)}
    rows = limit or (_FOLLOW_LIMIT if follow else _DEFAULT_LIMIT)
    answer = ask(where, "events", since=as_parameter(since), limit=str(rows), **wanted)
    tell_source(answer)
    found: list[dict[str, Any]] = answer.document["events"]
    if found or as_json or follow:
        show(found, as_json=as_json, heads=not follow or bool(found))
        if len(found) == rows and not follow:
            click.echo(f"(the newest {rows}; more with --limit)", err=True)
    else:
        click.echo(_nothing(target, kinds, since, until))
    if follow:
        try:
            _follow(where, wanted, found, as_json=as_json)
        except KeyboardInterrupt:
            click.echo(err=True)


def tell_source(answer: Answer) -> None:
    """Say on stderr when what is shown comes from the ledger or the configuration alone."""
    if answer.ledger is None and answer.config is not None:
        click.echo(f"(no agent is running, and there is no ledger; read from {answer.config})", err=True)
    elif answer.ledger is not None:
        click.echo(f"(no agent is running; read from {answer.ledger})", err=True)


def show(found: Sequence[dict[str, Any]], *, as_json: bool, heads: bool = True, evidence: bool = False) -> None:
    """Print events; in a table with their evidence, if that is wanted."""
    if as_json:
        for event in found:
            click.echo(json.dumps(event, ensure_ascii=False))
        return
    if found:
        text = table(_HEADS, [_row(event, evidence=evidence) for event in found], terminal_width())
        click.echo(text if heads else text.split("\n", 1)[1])


def _row(event: dict[str, Any], *, evidence: bool = False) -> list[Cell]:
    about = event["target"] + (f" / {event['check']}" if event.get("check") else "")
    reason = clean(event["reason"])
    if event.get("causes"):
        reason += f" (because of {', '.join(event['causes'])})"
    if evidence and event.get("evidence"):
        pairs = (f"{clean(name)} {value:g}" if isinstance(value, float) else f"{clean(name)} {clean(value)}"
                 for name, value in event["evidence"])  # fmt: skip
        reason += f" [{', '.join(pairs)}]"
    if event.get("late"):
        reason += " [late]"
    old, new = event["old"] or "-", event["new"] or "-"
    change = new if event["kind"] in {"agent", "note"} and not event["old"] else f"{old} > {new}"
    return [local_time(event["at"]), event["kind"], about, (change, STATE_COLOURS.get(new)), reason]


def _nothing(target: str | None, kinds: Sequence[str], since: datetime | None, until: datetime | None) -> str:
    text = f"no {' or '.join(kinds)} events" if kinds else "no events"
    text += f" of {target}" if target else ""
    text += f" since {local_time(since.isoformat())}" if since else ""
    return text + (f" until {local_time(until.isoformat())}" if until else "")


def _follow(where: Where, wanted: dict[str, str | None], shown: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    newest = max((event["id"] or 0 for event in shown), default=0)
    floor = datetime.now(UTC)
    last = max((parse_stamp(event["at"]) for event in shown), default=floor)
    trouble = ""
    while True:
        time.sleep(_POLL_SECONDS)
        try:
            answer = ask(where, "events", since=as_parameter(min(last, datetime.now(UTC)) - _LOOK_BACK), limit="1000",
                         **wanted)  # fmt: skip
        except CannotError as error:  # the agent restarts: go on when it is back
            if trouble != error.message:
                click.echo(f"({error.message}; waiting)", err=True)
            trouble = error.message
            continue
        trouble = ""
        fresh = [event for event in answer.document["events"] if (event["id"] or 0) > newest]
        show(fresh, as_json=as_json, heads=False)
        newest = max([newest, *(event["id"] for event in fresh)])
        last = max([last, *(parse_stamp(event["at"]) for event in fresh)])

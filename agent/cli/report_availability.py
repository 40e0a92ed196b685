"""`linewarden report availability`: what availability came to."""

import json
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
    parse_stamp,
    table,
    terminal_width,
)
from agent.core.units import format_duration

_HEADS: Final = ("TARGET", "AVAILABLE %", "AT BEST", "AT WORST", "DOWN", "BLIND", "ALL FAULTS %", "AGREED %", "LEFT")
_OUTAGE_HEADS: Final = ("BEGAN", "ENDED", "LASTED", "COUNTED", "STATE", "WHY")
_EXCLUDED: Final = {"maintenance": "maintenance", "clock_stops": "clock-stops"}


@click.command("availability")
@click.option("--target", metavar="NAME", help="Only of this target, with its outages and the rules.")
@click.option(
    "--month", "--period", "period", metavar="PERIOD", help="2026-11, 2026-Q4 or 2026.  [default: the present one]"
)
@click.option("--since", callback=moment, metavar="WHEN", help="From then on: 30d, 2026-11-01, '2026-11-01 13:00'.")
@click.option("--until", callback=moment, metavar="WHEN", help="Until that moment.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@where_options
def command(
    where: Where, target: str | None, period: str | None, since: datetime | None, until: datetime | None, as_json: bool
) -> None:
    """Show what availability came to: of circuits, groups, sites and services, or of any one target.

    A circuit is counted by the rules of its `contract`, over the month (quarter, year) of its zone; everything else by
    those at the top of the configuration. AVAILABLE is by the target's own faults; ALL FAULTS also by those of what it
    depends on. What nobody could see (BLIND) counts as up, AT WORST as down. LEFT is what the objective still bears.
    Percentages are cut, never rounded up. Without a running agent the ledger is read.

    \b
    Examples:
      linewarden report availability
      linewarden report availability --month 2026-11 --target bcw-crown-primary
      linewarden report availability --since 7d --json
    """
    if period is not None and (since is not None or until is not None):
        raise click.UsageError("--month: not together with --since or --until")
    answer = ask(
        where, "availability", target=target, period=period, since=as_parameter(since), until=as_parameter(until)
    )
    tell_source(answer)
    found: list[dict[str, Any]] = answer.document["availability"]
    if as_json:
        click.echo(json.dumps(answer.document, ensure_ascii=False))
    elif not found:
        click.echo("nothing is accounted for: there are no circuits, sites or services")
    elif target is not None:
        _show_one(found[0])
    else:
        _show_all(found)


def _show_all(found: list[dict[str, Any]]) -> None:
    for window in dict.fromkeys((one["began_at"], one["until"]) for one in found):
        click.echo(f"from {local_time(window[0])} until {local_time(window[1])}")
        click.echo(table(_HEADS, [_row(one) for one in found if (one["began_at"], one["until"]) == window], None))


def _row(one: dict[str, Any]) -> list[Cell]:
    own, budget = one["own"], one["budget"]
    agreed, left = ("", "") if budget is None else (budget["objective_percent"].rstrip("0").rstrip("."), _left(budget))
    spent = budget is not None and budget["left_seconds"] < 0
    return [
        one["target"], (own["percent"] or "-", "red" if spent else None), own["best_percent"] or "-",
        own["worst_percent"] or "-", _time(own["lost_seconds"]), _time(own["blind_seconds"]),
        one["all"]["percent"] or "-", agreed, (left, "red" if spent else None),
    ]  # fmt: skip


def _show_one(one: dict[str, Any]) -> None:
    own, every, budget = one["own"], one["all"], one["budget"]
    named = f" ({one['supplier']}, {one['reference']})" if one["supplier"] else ""
    click.echo(f"{clean(one['title'] + named)}: from {local_time(one['began_at'])} until {local_time(one['until'])}")
    click.echo(f"by its own faults  {_shares(own)}")
    click.echo(f"by all faults      {_shares(every)}")
    if budget is not None:
        bears = f"{budget['objective_percent']} %: {_time(budget['allowed_seconds'])} in the whole period"
        click.echo(f"agreed             {bears}, {_time(budget['used_seconds'])} used, {_left(budget)}{_spent(budget)}")
    parts = ("maintenance", "clock_stop", "blind", "down", "unreachable", "up")
    shown = [f"{part.replace('_', '-')} {_time(own[f'{part}_seconds'])}" for part in parts if own[f"{part}_seconds"]]
    click.echo(f"time               {', '.join(shown) or 'none yet'}")
    click.echo(f"rules              {_rules(one['rules'])}")
    if one["outages"]:
        click.echo()
        click.echo(table(_OUTAGE_HEADS, [_outage_row(outage) for outage in one["outages"]], terminal_width()))


def _shares(figures: dict[str, Any]) -> str:
    if figures["percent"] is None:
        return "nothing of it was seen" if figures["measured_seconds"] else "no service was due"
    bounds = f"; at best {figures['best_percent']} %, at worst {figures['worst_percent']} %"
    same = figures["best_percent"] == figures["worst_percent"]
    return f"{figures['percent']} % ({_time(figures['lost_seconds'])} lost{'' if same else bounds})"


def _left(budget: dict[str, Any]) -> str:
    left = budget["left_seconds"]
    return f"{_time(left)} left" if left >= 0 else f"{_time(-left)} over"


def _spent(budget: dict[str, Any]) -> str:
    if budget["spent_at"] is None:
        return ""
    tense = "was" if parse_stamp(budget["spent_at"]) <= datetime.now(UTC) else "at this rate it will be"
    return f"; {tense} used up {local_time(budget['spent_at'])}"


def _rules(rules: dict[str, Any]) -> str:
    interval, least = rules["interval_seconds"], rules["minimum_outage_seconds"]
    counted = f"in whole intervals of {format_duration(interval)}" if interval else "exactly"
    short = f", outages of {format_duration(least)} and more" if least else ""
    left_out = " and ".join(_EXCLUDED[name] for name in rules["excludes"]) or "nothing"
    return f"by the {rules['measured']} of {rules['zone']}, {counted}{short}; {left_out} excluded"


def _outage_row(outage: dict[str, Any]) -> list[Cell]:
    now = datetime.now(UTC)
    ended: Cell = local_time(outage["ended_at"]) if outage["ended_at"] else ("still open", "red")
    counts = _time(outage["counted_seconds"]) + (f" ({outage['not_counted']})" if outage["not_counted"] else "")
    why = clean(outage["reason"]) + (f" (because of {', '.join(outage['causes'])})" if outage.get("causes") else "")
    state = outage["state"]
    length = lasted(outage["began_at"], outage["ended_at"], now)
    return [local_time(outage["began_at"]), ended, length, counts, (state, STATE_COLOURS.get(state)), why]


def _time(seconds: float) -> str:
    return format_duration(seconds) if seconds else "0"

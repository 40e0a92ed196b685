"""`linewarden maintenance add`: announce work, or note that a supplier could not get in."""

import json
import warnings
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from agent.cli.client import Where, say, where_options
from agent.cli.speaker import author_option
from agent.cli.tables import clean, lasted, local_time

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_FEW: Final = 12  # names of targets that are shown
_FORMS: Final = "'2026-11-29 22:00', 2026-11-29T22:00:00Z, or 22:00 for the next time that it is so late"


@click.command()
@click.option("--site", "sites", metavar="NAME", multiple=True, help="Its devices, services and circuits.")
@click.option("--supplier", "suppliers", metavar="NAME", multiple=True, help="Its circuits.")
@click.option("--target", "targets", metavar="NAME", multiple=True, help="A circuit, group, device or service.")
@click.option("--everything", is_flag=True, help="All that is watched.")
@click.option("--from", "begin", metavar="WHEN", help=f"{_FORMS}.  [default: now]")
@click.option("--until", "end", metavar="WHEN", help="The same forms.")
@click.option("--for", "lasts", metavar="DURATION", help="Instead of --until: 2h, 90m.")
@click.option("--weekly", metavar="DAY", help="Each week on that day (sun), from --at on, for --for.")
@click.option("--at", "clock", metavar="TIME", help="The time of day of --weekly: 22:00.")
@click.option("--rule", metavar="RRULE", default="", help="How it comes again, by RFC 5545: 'FREQ=MONTHLY;BYDAY=2TU'.")
@click.option("--zone", metavar="ZONE", help="Whose wall clock is meant: Europe/London.  [default: this host's]")
@click.option("--clock-stop", is_flag=True, help="Time that does not count against the supplier; excuses from no page.")
@click.option("--reason", required=True, metavar="TEXT", help="What is done; it stands in the record.")
@author_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@where_options
def command(
    where: Where,
    begin: str | None,
    end: str | None,
    lasts: str | None,
    weekly: str | None,
    clock: str | None,
    rule: str,
    zone: str | None,
    clock_stop: bool,
    as_json: bool,
    **said: Any,  # noqa: ANN401 - what is passed on as it is: sites, suppliers, targets, everything, reason, author
) -> None:
    """Announce work, so that nobody is paged for it, or (--clock-stop) take time off a supplier's account.

    At least one of --site, --supplier, --target or --everything says what it is about. What stands behind it needs no
    word: it is unreachable, and pages nothing. A window may lie in the past: it counts in reports.

    \b
    Examples:
      linewarden maintenance add --target bcw-crown-primary --for 2h --reason "ExampleTel CHG0042"
      linewarden maintenance add --site bcw --from '2026-11-29 22:00' --until '2026-11-30 02:00' --reason "power work"
      linewarden maintenance add --everything --weekly sun --at 22:00 --for 2h --zone Europe/London --reason patching
      linewarden maintenance add --supplier ExampleTel --rule 'FREQ=MONTHLY;BYDAY=2TU' --from '2026-12-08 01:00' \\
        --for 4h --reason "their monthly window"
      linewarden maintenance add --target enc-crown --clock-stop --from '2026-11-20 09:00' --for 3h \\
        --reason "no key for the engineer"
    """
    zone = zone or _own_zone()
    begins_at, ends_at, rule = _when(begin, end, lasts, weekly, clock, rule, zone)
    body = {
        **said,
        "kind": "clock_stop" if clock_stop else "maintenance",
        "begins_at": begins_at.isoformat(),
        "ends_at": ends_at.isoformat(),
        "rule": rule,
        "zone": zone,
    }
    answer = say(where, "POST", "maintenance", body)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    for line in _lines(answer["window"], answer["concerns"]):
        click.echo(line)


def _when(
    begin: str | None, end: str | None, lasts: str | None, weekly: str | None, clock: str | None, rule: str, zone: str
) -> tuple[datetime, datetime, str]:
    """Return begin and end of the first occurrence, and the rule by which it comes again."""
    from agent.core import recurrence
    from agent.core.units import parse_duration

    now = datetime.now(UTC)
    if (weekly is None) != (clock is None) or (weekly is not None and (begin or end or rule)):
        raise click.UsageError("--weekly goes with --at and --for, and with none of --from, --until and --rule")
    if (end is None) == (lasts is None):
        raise click.UsageError("say when it ends: --until WHEN or --for DURATION, one of the two")
    try:
        tz = recurrence.zone_of(zone)
        if weekly is not None and clock is not None:
            begins_at, rule = recurrence.weekly(weekly, clock, zone, now)
        else:
            begins_at = now.replace(microsecond=0) if begin is None else _moment("--from", begin, tz, now)
        if lasts is not None:
            ends_at = begins_at + timedelta(seconds=parse_duration(lasts))
        else:
            ends_at = _moment("--until", end or "", tz, begins_at)
    except OverflowError:
        raise click.UsageError(f"--for: {lasts} is too long") from None
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return begins_at, ends_at, rule


def _moment(option: str, text: str, tz: "ZoneInfo", after: datetime) -> datetime:
    """Return the moment that is meant; a time without a zone is one of `tz`, one without a date the next after."""
    from agent.core import recurrence

    try:
        if len(text) <= 5:
            clock = recurrence.time_of_day(text)
            day = after.astimezone(tz).date()
            days = (datetime.combine(day + timedelta(days=n), clock, tz).astimezone(UTC) for n in range(3))
            return next(moment for moment in days if moment > after)
        moment = datetime.fromisoformat(text)
        return (moment.replace(tzinfo=tz) if moment.tzinfo is None else moment).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.UsageError(f"{option}: expected a time such as {_FORMS}; got {text!r}") from None


def _own_zone() -> str:
    import tzlocal

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a host that names no zone keeps UTC
        try:
            return str(tzlocal.get_localzone_name() or "UTC")
        except (LookupError, ValueError):
            return "UTC"


def _lines(window: dict[str, Any], concerns: list[str]) -> list[str]:
    kind = window["kind"].replace("_", "-")
    began, ended = window["begins_at"], window["ends_at"]
    length = lasted(began, ended, datetime.now(UTC))
    again = f", then {window['rule']} in {window['zone']}" if window["rule"] else ""
    shown = ", ".join(concerns[:_FEW]) + (f" and {len(concerns) - _FEW} more" if len(concerns) > _FEW else "")
    lines = [
        f"window {window['id']}: {kind} of {clean(window['about'])}",
        f"  {local_time(began)} to {local_time(ended)} ({length}){again}",
        f"  {clean(window['reason'])} ({clean(window['author'])})",
        f"  {len(concerns)} target{'' if len(concerns) == 1 else 's'}: {clean(shown)}",
    ]
    if window["present_or_next"] is None:
        lines.append("  it is over already: it counts in the record, and ends no page")
    return lines

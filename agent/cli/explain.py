"""`linewarden explain`: why a target is in its state."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import click

from agent.cli.client import Where, ask, where_options
from agent.cli.events import show
from agent.cli.tables import STATE_COLOURS, Cell, clean, lasted, local_time, table, terminal_width

# RFC 2863 ifOperStatus and ifAdminStatus, as the API gives them
_OPER: Final = {
    1: "up", 2: "down", 3: "testing", 4: "unknown", 5: "dormant", 6: "notPresent", 7: "lowerLayerDown",
}  # fmt: skip
_ADMIN_UP: Final = 1
_BAD: Final = frozenset({"down", "unreachable"})


@click.command()
@click.argument("target")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@where_options
def command(where: Where, target: str, as_json: bool) -> None:
    """Say why TARGET is in its state, what each check saw last, what depends on it, and what is paged for it.

    Exit code 1 if it is down or unreachable. This is the agent's present picture: it needs a running agent.

    \b
    Examples:
      linewarden explain bcw-crown-primary
      linewarden explain bcw-core-sw1 --json --url http://127.0.0.1:9799
    """
    found = ask(where, "explain", target=target).document
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        for line in _lines(found, datetime.now(UTC)):
            click.echo(line)
        if found.get("recent_events"):
            click.echo("\nRecent events")
            show(found["recent_events"], as_json=False)
    if found["verdict"]["state"] in _BAD:
        sys.exit(1)


def _lines(found: dict[str, Any], now: datetime) -> Iterator[str]:
    verdict = found["verdict"]
    about = found["target"] if isinstance(found["target"], dict) else found
    name = about["name"] if "name" in about else about["target"]
    yield f"{click.style(clean(name), bold=True)} is {_state(verdict['state'])}{_since(found.get('since'), now)}"
    if about.get("title") and about["title"] != name:
        yield f"  {clean(about.get('kind', ''))}: {clean(about['title'])}"
    if verdict.get("reason"):
        yield f"  {clean(verdict['reason'])}"
    if verdict.get("marks"):
        yield f"  marks: {', '.join(verdict['marks'])}"
    if found.get("causes"):
        yield f"  caused by: {_names(found['causes'])}"
    if found.get("checks"):
        rows = [
            (check["name"], (check["state"], STATE_COLOURS.get(check["state"])), local_time(check.get("since")),
             clean(check.get("reason") or "") + _last(check) + _addresses(check))
            for check in found["checks"]
        ]  # fmt: skip
        yield ""
        yield table(("CHECK", "STATE", "SINCE", "WHY"), rows, terminal_width())
    if found.get("interfaces"):
        yield ""
        head = ("INTERFACE", "OPER", "SINCE", "WATCHED AS")
        yield table(head, [_interface(one) for one in found["interfaces"]], terminal_width())
    if found.get("depends_on"):
        needed = ", ".join(f"{clean(d['name'])} ({_state(d['state'])})" for d in found["depends_on"])
        yield f"\nDepends on: {needed}"
    if found.get("consequences"):
        yield f"\nUnreachable because of it: {_names(found['consequences'])}"
    for page in found.get("pages") or ():
        yield f"\nPaged ({clean(page['severity'])}, {clean(page['alert'])}): {clean(page['summary'])}"
        yield f"  {clean(page['description'])}"
    for flag in found.get("flags") or ():
        yield f"\nFlag {clean(flag['reason'])} ({clean(flag['severity'])}): {clean(flag['detail'])}"
        yield f"  source: {clean(flag['source'])}"
    if outage := found.get("outage"):
        yield f"\nOutage {outage['id']}: open{_since(outage['began_at'], now)}; {clean(outage['reason'])}"
        yield from map(_said, outage.get("notes", ()))


def _said(note: dict[str, Any]) -> str:
    text = f": {clean(note['text'])}" if note["text"] else ""
    return f"  {note['kind']} by {clean(note['author'])} at {local_time(note['at'])}{text}"


def _interface(one: dict[str, Any]) -> tuple[Cell, ...]:
    """Return an interface that may alarm as a row; what is wrong with it stands behind why it is watched."""
    about = [one["why"].replace("_", " ")]
    if one.get("neighbour"):
        about.append(f"leads to {one['neighbour']}")
    if one.get("admin") not in (None, _ADMIN_UP):
        about.append("shut down")
    if one.get("flaps"):
        about.append(f"{one['flaps']} flaps that no poll saw")
    if one.get("duplex_mismatch"):
        about.append("duplex mismatch")
    colour = {True: "red", False: "green"}.get(one["is_down"])
    oper = _OPER.get(one.get("oper") or 0, "?")
    return clean(one["interface"]), (oper, colour), local_time(one.get("changed_at")), clean(", ".join(about))


def _state(state: str) -> str:
    return click.style(clean(state), fg=STATE_COLOURS.get(state))


def _since(moment: str | None, now: datetime) -> str:
    return f" since {local_time(moment)} ({lasted(moment, None, now)})" if moment else ""


def _names(names: list[str]) -> str:
    return ", ".join(clean(name) for name in names)


def _addresses(check: dict[str, Any]) -> str:
    """Return what a check's name leads to, the address in use first."""
    known = check.get("addresses")
    return f"; its name leads to {clean(', '.join(known))}" if known else ""


def _last(check: dict[str, Any]) -> str:
    # the end of a circuit is judged by another device's poll: it has a state, and no observation of its own
    last = check.get("last")
    if last is None:
        return "" if check.get("since") else "; not measured yet"
    if last.get("detail") and last["detail"] == check.get("reason"):
        return ""
    return f"; last at {local_time(last['at'])}: {clean(last.get('detail') or last['outcome'])}"

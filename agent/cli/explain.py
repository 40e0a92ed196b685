"""`linewarden explain`: why a target is in its state, what hangs on it, and who is told."""

import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import click

from agent.cli.client import Where, ask, where_options
from agent.cli.events import show, tell_source
from agent.cli.tables import (
    STATE_COLOURS,
    Cell,
    clean,
    lasted,
    local_time,
    paragraph,
    parse_stamp,
    table,
    terminal_width,
)

# RFC 2863 ifOperStatus and ifAdminStatus, as the API gives them
_OPER: Final = {
    1: "up", 2: "down", 3: "testing", 4: "unknown", 5: "dormant", 6: "notPresent", 7: "lowerLayerDown",
}  # fmt: skip
_ADMIN_UP: Final = 1
_BAD: Final = frozenset({"down", "unreachable"})
_WHEN: Final = {"now": "a person is told at once", "hours": "a ticket in working hours", "never": "nobody is told"}
_LISTED: Final = 12  # names in one paragraph; the JSON has all of them


@click.command()
@click.argument("target")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@where_options
def command(where: Where, target: str, as_json: bool) -> None:
    """Say why TARGET is in its state: since when, by which evidence, and who is told.

    What it depends on and what depends on it; what is paged for it, or why nothing is, and what would be.

    Exit code 1 if it is down or unreachable. Without a running agent its ledger and configuration are read.

    \b
    Examples:
      linewarden explain bcw-crown-primary
      linewarden explain bcw-core-sw1 --json --url http://127.0.0.1:9799
    """
    answer = ask(where, "explain", target=target)
    tell_source(answer)
    found = answer.document
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        for line in Told(found, datetime.now(UTC), terminal_width()).lines():
            click.echo(line)
        if found.get("recent_events"):
            click.echo("\nRecent events")
            show(found["recent_events"], as_json=False, evidence=True)
    if found["verdict"]["state"] in _BAD:
        sys.exit(1)


class Told:
    """An explanation in words; what the document lacks is left out."""

    def __init__(self, found: dict[str, Any], now: datetime, width: int | None) -> None:
        self.found = found
        self.now = parse_stamp(found["as_of"]) if found.get("as_of") else now
        self.width = width

    def lines(self) -> Iterator[str]:
        """Yield it line by line: what is wrong and who knows of it first, then why, then what belongs to it."""
        yield from self.verdict()
        yield from self.paged()
        yield from self.checks()
        yield from self.evidence()
        yield from self.interfaces()
        yield from self.above()
        yield from self.below()
        yield from self.would_page()
        yield from self.learnt()
        yield from self.flags()

    def say(self, text: str, indent: str = "  ") -> str:
        """Return a sentence, wrapped, with nothing in it that a terminal would obey."""
        return paragraph(clean(text), self.width, indent)

    def verdict(self) -> Iterator[str]:
        """Say what is believed, since when and why."""
        found, verdict = self.found, self.found["verdict"]
        name = clean(found["target"])
        since = self.since(found.get("since"))
        if found.get("as_of"):
            yield f"As of {local_time(found['as_of'])}, when the agent was last alive:"
        yield f"{click.style(name, bold=True)} is {_state(verdict['state'])}{since}"
        about = [found.get("kind") or ""]
        if found.get("title") and found["title"] != name:
            about[0] += f": {found['title']}"
        about += [f"at {found['site']}"] if found.get("site") and found["site"] != name else []
        about += [f"owned by {', '.join(found['owners'])}"] if found.get("owners") else []
        yield self.say(", ".join(filter(None, about)))
        if verdict.get("reason"):
            yield self.say(verdict["reason"])
        if found.get("causes"):
            yield self.say(f"caused by: {', '.join(found['causes'])}")
        if verdict.get("marks"):
            yield self.say(f"marks: {', '.join(mark.replace('_', ' ') for mark in verdict['marks'])}")
        if held := found.get("held"):
            asked = _names(held["ask"]) or "what it depends on"
            yield self.say(f"waiting until {local_time(held['until'])} at the latest, for an answer of {asked}: its "
                           "failure may be the consequence of another")  # fmt: skip
        if outage := found.get("outage"):
            text = f"outage {outage['id']}: open{self.since(outage['began_at'])}; {outage['reason']}"
            yield self.say(text)
            for note in outage.get("notes", ()):
                text = f": {note['text']}" if note["text"] else ""
                yield self.say(f"{note['kind']} by {note['author']} at {local_time(note['at'])}{text}", "    ")

    def paged(self) -> Iterator[str]:
        """Say what is paged now, or why nothing is."""
        for page in self.found.get("pages") or ():
            yield "\n" + self.say(f"Paged ({page['severity']}, {page['alert']}): {page['summary']}", "")
            yield self.say(page["description"])
            if page.get("labels"):
                yield self.say(_labels(page["labels"]))
        if reasons := self.found.get("not_paged"):
            yield "\n" + self.say(f"Not paged itself: {'; '.join(reasons)}", "")

    def checks(self) -> Iterator[str]:
        """Say what decides, and what is believed of each check."""
        yield ""
        if self.found.get("decides"):
            yield self.say(f"Decided by: {self.found['decides']}", "")
        if self.found.get("checks"):
            rows = [
                (check["name"], (check["state"], STATE_COLOURS.get(check["state"])), local_time(check.get("since")),
                 clean(check.get("reason") or "") + _last(check) + _addresses(check))
                for check in self.found["checks"]
            ]  # fmt: skip
            yield table(("CHECK", "STATE", "SINCE", "WHY"), rows, self.width)

    def evidence(self) -> Iterator[str]:
        """Say by which counts, values and rules the checks are believed so."""
        for check in self.found.get("checks") or ():
            said = list(_evidence(check))
            if said:
                yield self.say(f"{check['name']}: {'; '.join(said)}")
            for trouble in check.get("troubles") or ():
                against = "its own past" if trouble["against"] == "past" else "its objective"
                yield self.say(
                    f"{check['name']}: {trouble['aspect'].replace('_', ' ')} against {against}: {trouble['detail']} "
                    f"(value {_number(trouble['value'])}, limit {_number(trouble['limit'])}"
                    + (f", rule {trouble['rule']}" if trouble.get("rule") else "")
                    + f"{self.since(trouble['since'], '; ')})"
                )

    def interfaces(self) -> Iterator[str]:
        """Say what is known of a device's interfaces that may alarm."""
        if self.found.get("interfaces"):
            yield ""
            head = ("INTERFACE", "OPER", "SINCE", "WATCHED AS")
            yield table(head, [_interface(one) for one in self.found["interfaces"]], self.width)

    def above(self) -> Iterator[str]:
        """Say what it depends on, each with its state."""
        if needed := self.found.get("depends_on"):
            one_of = all(one.get("alternative") for one in needed)
            yield "\nDepends on" + (", and one of them is enough" if one_of else "")
            rows = [
                (one["name"], one.get("kind", ""), (one["state"], STATE_COLOURS.get(one["state"])),
                 ("one is enough; " if one.get("alternative") and not one_of else "") + clean(one.get("reason") or ""))
                for one in needed
            ]  # fmt: skip
            yield table(("NAME", "KIND", "STATE", "WHY"), rows, self.width)

    def below(self) -> Iterator[str]:
        """Say what depends on it, and what of that is out of reach now."""
        dependents = self.found.get("dependents") or ()
        more = self.found.get("dependents_left_out") or 0
        for lost, head in ((True, "Lost if it fails"), (False, "Depends on it, and has another way")):
            some = [one for one in dependents if one["lost"] is lost]
            if some:
                rest = more if lost else 0
                text = _listed([f"{one['name']} ({one['state']})" for one in some], rest)
                yield "\n" + self.say(f"{head}: {text}", "")
        if self.found.get("consequences"):
            yield "\n" + self.say(f"Unreachable because of it: {_listed(self.found['consequences'])}", "")

    def would_page(self) -> Iterator[str]:
        """Say what would be sent if it were down, and whom that reaches."""
        paged = {(page["alert"], page.get("target")) for page in self.found.get("pages") or ()}
        for page in self.found.get("would_page") or ():
            if (page["alert"], page.get("target")) not in paged:
                when = _WHEN.get(self.found.get("urgency") or "", "")
                told = f" ({page['severity']}{f': {when}' if when else ''})"
                yield "\n" + self.say(f"If it were down: {page['alert']}{told}: {page['summary']}", "")
                yield self.say(_labels(page["labels"]))

    def learnt(self) -> Iterator[str]:
        """Say what seems to depend on what, and is not confirmed."""
        if learnt := self.found.get("learnt"):
            yield "\nLearnt, not confirmed, and not counted on (linewarden topology --suggest)"
            for one in learnt:
                yield self.say(f"{one['target']} depends on {one['depends_on']}: {one['why']}")

    def flags(self) -> Iterator[str]:
        """Say why its hardware wants attention."""
        for flag in self.found.get("flags") or ():
            yield "\n" + self.say(f"Flag {flag['reason']} ({flag['severity']}): {flag['detail']}", "")
            yield self.say(f"source: {flag['source']}")

    def since(self, moment: str | None, before: str = " ") -> str:
        """Return since when, and how long that is."""
        return f"{before}since {local_time(moment)} ({lasted(moment, None, self.now)})" if moment else ""


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


def _evidence(check: dict[str, Any]) -> Iterator[str]:
    """Yield the counts against a check, with the thresholds that they are held against."""
    policy = check.get("policy") or {}
    if failures := check.get("failures"):
        began = f" since {local_time(check['failing_since'])}" if check.get("failing_since") else ""
        yield f"{failures} measurement{'s' if failures > 1 else ''} in a row against it{began}"
        if wanted := policy.get("failures_to_down"):
            yield f"{wanted} make it down, or one that was made sure of"
    if check.get("state") == "unknown" and check.get("seen_at"):
        yield f"last evidence at {local_time(check['seen_at'])}"
        if stale := policy.get("stale_after_seconds"):
            yield f"unknown after {_number(stale)} s without any"
    values = (check.get("last") or {}).get("values") or {}
    if values and check.get("state") in _BAD | {"degraded"}:
        yield ", ".join(f"{clean(name)} {_number(value)}" for name, value in list(values.items())[:_LISTED])


def _state(state: str) -> str:
    return click.style(clean(state), fg=STATE_COLOURS.get(state))


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, int | float) else clean(value)


def _names(names: Iterable[str]) -> str:
    return ", ".join(clean(name) for name in names)


def _listed(names: list[str], left_out: int = 0) -> str:
    more = len(names) - _LISTED + left_out if len(names) > _LISTED else left_out
    return _names(names[:_LISTED]) + (f" and {more} more" if more else "")


def _labels(labels: dict[str, str]) -> str:
    return "labels: " + " ".join(f"{name}={value}" for name, value in labels.items())


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

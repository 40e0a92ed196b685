"""`linewarden topology`: what depends on what, as configured and as learnt."""

import json
from collections.abc import Iterator
from typing import Any, Final

import click

from agent.cli.client import Where, ask, where_options
from agent.cli.tables import STATE_COLOURS, clean, local_time, paragraph, terminal_width

_STRANGERS: Final = 20  # of a terminal; the JSON has more of them


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--suggest", is_flag=True, help="Only the lines of YAML that would confirm what is learnt.")
@where_options
def command(where: Where, as_json: bool, suggest: bool) -> None:
    """Show what depends on what, from the agent outward, each with its state.

    Apart from that: what has been learnt of it from LLDP, routes and circuits' ends. That is a proposal, and nothing
    counts on it until it stands in the configuration.

    Without a running agent the configuration is read, with the states that the ledger knew last, and nothing is learnt.

    \b
    Examples:
      linewarden topology
      linewarden topology --suggest >> notes.yaml
      linewarden topology --json | jq '.learnt.strangers[].name'
    """
    answer = ask(where, "topology")
    found = answer.document
    if "as_of" in found:
        states = f", states as of {local_time(found['as_of'])} from {answer.ledger}" if found["as_of"] else ""
        click.echo(f"(no agent is running; read from its configuration{states})", err=True)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    width = terminal_width()
    lines = _suggested(found["learnt"]) if suggest else [*_tree(found), *_learnt(found["learnt"], width)]
    for line in lines:
        click.echo(line)


def _tree(found: dict[str, Any]) -> Iterator[str]:
    at = f", at {clean(found['site'])}" if found["site"] else ""
    yield click.style(clean(found["agent"]), bold=True) + f", this agent{at}"
    for line in found["tree"]:
        trunk = "".join("   " if last else "\u2502  " for last in line["last"][:-1])
        trunk += "\u2514\u2500 " if line["last"][-1] else "\u251c\u2500 "
        name = clean(line["name"])
        if line["again"]:
            yield f"{trunk}{name}, see above"
            continue
        about = f"{clean(line['kind'])}  {click.style(line['state'], fg=STATE_COLOURS.get(line['state']))}"
        if line["causes"]:
            about += f" because of {', '.join(map(clean, line['causes']))}"
        if line["marks"]:
            about += f", {', '.join(mark.replace('_', ' ') for mark in line['marks'])}"
        yield f"{trunk}{'one of: ' if line['alternative'] else ''}{name}  {about}"


def _learnt(learnt: dict[str, Any], width: int | None) -> Iterator[str]:
    """Yield what is not confirmed, kind by kind."""
    if learnt["stands"]:
        yield f"\nLearnt, not confirmed: {clean(learnt['stands'])}"
    for head, sentences in _kinds(learnt):
        said = list(sentences)
        if said and head:
            yield f"\n{head}"
        yield from (paragraph(clean(sentence), width, "  ") for sentence in said)


def _kinds(learnt: dict[str, Any]) -> Iterator[tuple[str, Iterator[str]]]:
    """Yield heads and the sentences under them."""
    yield "", _proposals(learnt)
    contradicted = (f"{one['target']} depends on {one['depends_on']}: {one['why']}" for one in learnt["contradicted"])
    yield "Configured, and contradicted", contradicted
    yield "No proposal", _notes(learnt)
    yield "In no configuration: LLDP sees them, and nobody watches them", _strangers(learnt)


def _proposals(learnt: dict[str, Any]) -> Iterator[str]:
    if learnt["confirmed"]:
        yield f"{learnt['confirmed']} dependencies between devices are as LLDP sees them"
    for one in learnt["proposals"]:
        source = f"{one['source'].replace('_', ' ')}, since {local_time(one['since'])}"
        yield f"{one['target']} depends on {one['depends_on']}: {one['why']} ({source})"
    if learnt["proposals"]:
        yield "To confirm: linewarden topology --suggest prints the lines for the configuration"


def _notes(learnt: dict[str, Any]) -> Iterator[str]:
    for one in learnt["notes"]:
        yield f"{one['target']} {one['text']}"
    if learnt["apart"]:
        yield (f"{', '.join(learnt['apart'])}: they tell of neighbours, and nothing joins them to this host; the far "
               "end of a circuit (`ends`), or a device that depends on it, says where a site begins")  # fmt: skip


def _strangers(learnt: dict[str, Any]) -> Iterator[str]:
    for one in learnt["strangers"][:_STRANGERS]:
        yield f"{one['name']}, at {', '.join(one['seen_by'])}"
    more = max(0, len(learnt["strangers"]) - _STRANGERS) + learnt["left_out"]
    if more:
        yield f"and {more} more"


def _suggested(learnt: dict[str, Any]) -> Iterator[str]:
    """Yield YAML, and nothing else, so that it can go to a file."""
    if not learnt["yaml"]:
        yield "# nothing is learnt that the configuration does not have"
        return
    yield "# Learnt by linewarden, not confirmed. Take over what is so: each line into the entry of that name."
    yield from learnt["yaml"]

"""`linewarden lifecycle list --unknown`: which support dates to look up first."""

import csv
import io
import json
from typing import TYPE_CHECKING

import click

from agent.cli.client import CannotError, Where, ask
from agent.cli.events import tell_source
from agent.cli.lifecycle_common import Chosen, configured
from agent.cli.snmp_target import say
from agent.cli.tables import Cell, counted, table, terminal_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.core.ageing import Case
    from agent.core.lookups import ModelCount

    Found = Sequence[tuple[ModelCount, tuple[Case, ...]]]

_HEADS = ("DEVICES", "MODEL", "OLDEST", "WHICH")
_NAMES = 5  # of a line; --json has all


def show(chosen: Chosen, url: str | None, *, as_csv: bool, as_json: bool) -> None:
    """Print the models that no table has: for a person, as JSON, or as a table to fill in.

    Raises:
        CannotError: the agent at the URL, or its ledger, gives no answer.
    """
    from agent.core.lookups import UNKNOWN

    found = _asked(chosen, url)
    nameless = sum(count.number for count, _ in found if count.model == UNKNOWN)
    found = [(count, cases) for count, cases in found if count.model != UNKNOWN]
    if as_json:
        click.echo(json.dumps({"unknown": [_document(*one) for one in found]}, ensure_ascii=False))
    elif as_csv:
        click.echo(_table(found), nl=False)
    elif found:
        click.echo(table(_HEADS, [_row(*one) for one in found], terminal_width()))
    else:
        say("every model that is named stands in a table, or none is named")
    if nameless:
        say(
            f"of {counted(nameless, 'device')} more the model is unknown: linewarden inspect shows what it says of "
            "itself, and the register may name it"
        )


def _asked(chosen: Chosen, url: str | None) -> "Found":
    if url is None and configured(chosen) is None:  # a bad one is told here
        try:
            answer = ask(Where(), "ageing")
        except CannotError:
            return ()
    else:
        answer = ask(Where(url, chosen.file if chosen.named else None), "ageing")
    tell_source(answer)
    from agent.core.ageing_reader import read
    from agent.core.lookups import without_dates

    try:
        return without_dates(read(answer.document).cases)
    except ValueError as error:
        raise CannotError(str(error)) from error


def _vendor(count: "ModelCount") -> str:
    from agent.core.lookups import UNKNOWN

    return "" if count.vendor == UNKNOWN else count.vendor


def _row(count: "ModelCount", cases: "Sequence[Case]") -> list[Cell]:
    from agent.core.lookups import oldest
    from exporters.reportwords import product

    names = [case.name for case in cases]
    more = f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else ""
    since = oldest(cases)
    return [
        str(count.number), product(_vendor(count), count.model), since.isoformat() if since else "",
        ", ".join(names[:_NAMES]) + more,
    ]  # fmt: skip


def _document(count: "ModelCount", cases: "Sequence[Case]") -> dict[str, object]:
    from agent.core.lookups import oldest

    since = oldest(cases)
    return {
        "vendor": _vendor(count), "model": count.model, "devices": count.number,
        "oldest": since.isoformat() if since else None, "names": [case.name for case in cases],
    }  # fmt: skip


def _table(found: "Found") -> str:
    from agent.config.lifecycle import COLUMNS
    from agent.core.lookups import shortest
    from exporters.reportwords import cell

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for count, cases in found:
        writer.writerow([cell(_vendor(count)), cell(shortest(cases)), *[""] * (len(COLUMNS) - 2)])
    return out.getvalue()

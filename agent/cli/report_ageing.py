"""`linewarden report ageing`: what to replace first, and what will be unsupported."""

import calendar
import re
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from agent.cli.client import CannotError, Where, ask, where_options
from agent.cli.events import tell_source
from agent.cli.tables import Cell, clean, paragraph, table, terminal_width

if TYPE_CHECKING:
    from agent.core.ageing import Case
    from agent.core.ageing_report import AgeingReport

_DAY: Final = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
_TEXT: Final = "text"
_BY_ENDING: Final = {"": _TEXT, "txt": _TEXT, "htm": "html"} | {form: form for form in ("html", "pdf", "csv", "json")}
_FIRST: Final = 10
_HEADS: Final = ("RANK", "NAME", "KIND", "MODEL", "SITE", "OWNER", "AGE", "SUPPORT", "REASONS")
_ENDING_HEADS: Final = ("ENDS", "PIECES", "OWNER", "PRODUCT", "WHICH")
_UNKNOWN_HEADS: Final = ("PIECES", "MODEL", "WHICH")
_NAMES: Final = 8  # of a line; the files have all


def _day(ctx: click.Context, param: click.Parameter, value: str | None) -> date | None:
    """Return the day that is meant: of a month or a year the last one."""
    try:
        return None if value is None else parse_day(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def parse_day(value: str) -> date:
    """Return a day as 2028-03-31; a month or a year stands for its last day.

    Raises:
        ValueError: naming what was expected.
    """
    found = _DAY.fullmatch(value)
    try:
        if found is None:
            raise ValueError(value)
        year, month, day = (None if part is None else int(part) for part in found.groups())
        assert year is not None
        month = 12 if month is None else month
        return date(year, month, calendar.monthrange(year, month)[1] if day is None else day)
    except ValueError:
        raise ValueError(
            f"expected a day such as 2028-03-31, or 2028-03 or 2028 for its last day; got {value!r}"
        ) from None


@click.command(
    "ageing",
    epilog="Exit codes: 0 done; 2 usage; 3 no agent and no configuration, FILE cannot be written, no library for PDF.",
)
@click.option("--format", "form", type=click.Choice([_TEXT, "html", "csv", "json", "pdf"]),
              help="[default: text, or what the ending of --output says]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--by", type=click.Choice(["owner", "site", "year"]), help="Group the full list.  [default: by rank alone]"
)
@click.option("--until", callback=_day, metavar="DATE",
              help="What will be unsupported by then: 2028-03-31, or 2028.  [default: in a year]")  # fmt: skip
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write to FILE, not to standard output.")  # fmt: skip
@where_options
def command(
    where: Where, form: str | None, as_json: bool, by: str | None, until: date | None, output: Path | None
) -> None:
    """Show which hardware to replace first and why, what will be unsupported, and which dates are unknown.

    HTML and PDF begin with one page for a committee, and end with every fact and its source. HTML is one file that
    needs nothing else. CSV opens in a spreadsheet. Ranks are shown as their parts; what is unknown raises none.
    Without a running agent the configuration, the asset registers and the ledger are read.

    \b
    Examples:
      linewarden report ageing
      linewarden report ageing --output ageing.pdf --by owner --until 2028-03-31
      linewarden report ageing --format csv > ageing.csv
    """
    chosen = _format(form, as_json, output)
    if chosen == "pdf" and output is None and sys.stdout.isatty():
        raise click.UsageError("--format pdf: a terminal cannot show it; name a file with --output")
    answer = ask(where, "ageing")
    tell_source(answer)
    from agent.core.ageing_reader import read
    from exporters.report import PdfError, horizon, render

    try:
        made = read(answer.document)
        if chosen == _TEXT:
            found = (
                click.unstyle(text) if output else text for text in [_text(made, by, until or horizon(made.today))]
            )
            _write(next(found), output)
        else:
            _write(render(made, chosen, by, until), output)
    except (ValueError, PdfError) as error:
        raise CannotError(str(error)) from error


def _format(form: str | None, as_json: bool, output: Path | None) -> str:
    if as_json and form not in {None, "json"}:
        raise click.UsageError(f"--json: not together with --format {form}")
    if as_json:
        return "json"
    ending = output.suffix.lower().lstrip(".") if output is not None else ""
    if form is None and ending not in _BY_ENDING:
        raise click.UsageError(
            f"--output: no format ends in .{ending}; expected html, pdf, csv, json or txt, or --format"
        )
    return form or _BY_ENDING[ending]


def _write(found: str | bytes, output: Path | None) -> None:
    if output is None:
        click.echo(found, nl=isinstance(found, str))
        return
    try:
        output.write_bytes(found.encode(errors="replace") + b"\n" if isinstance(found, str) else found)
    except OSError as error:
        raise CannotError(f"{output}: {error.strerror or error}") from error
    click.echo(f"written: {output}", err=True)


# ------------------------------------------------------------------ text


def _text(made: "AgeingReport", by: str | None, until: date) -> str:
    from exporters import reportwords as words
    from exporters.registerwords import line

    width = terminal_width()
    lines = [paragraph(" ".join(words.headline(made)), width, hanging="")]
    if (said := line(made.register)) is not None:
        lines.append(paragraph(said, width, hanging=""))
    first = [case for case in made.cases if case.place is not None][:_FIRST]
    if first:
        lines += ["", click.style("What to replace first", bold=True)]
        for case in first:
            lines += _reasons(case, width)
    lines += ["", click.style(f"What will be unsupported by {until.isoformat()}", bold=True)]
    lines.append(_endings(made, until, width) or "nothing of which a date is known")
    if made.unknown_models:
        rows: list[list[Cell]] = [[str(number), model, _some(names)] for model, number, names in words.undated(made)]
        lines += ["", click.style("Dates to look up first", bold=True), table(_UNKNOWN_HEADS, rows, width)]
    for heading, cases in words.groups(made, by) if made.cases else ():
        lines += ["", click.style(f"The full list: {clean(heading)}" if heading else "The full list", bold=True)]
        lines.append(table(_HEADS, [_row(case, made.today) for case in cases], width))
    return "\n".join(lines)


def _reasons(case: "Case", width: int | None) -> list[str]:
    from exporters import reportwords as words

    title = f" ({clean(case.title)})" if case.title not in {"", case.name} else ""
    what = ", ".join(filter(None, (words.model(case), words.place(case))))
    lines = [paragraph(f"{case.place}. {clean(case.name)}{title}: {what}", width, hanging="    ")]
    for name, risk in (("likelihood", case.likelihood), ("consequence", case.consequence)):
        unknown = f" Unknown: {words.unknowns(risk)}." if words.unknowns(risk) else ""
        lines.append(paragraph(f"{name:<11}  {words.said(risk)}{unknown}", width, "    ", hanging=" " * 17))
    return lines


def _endings(made: "AgeingReport", until: date, width: int | None) -> str:
    from exporters import reportwords as words

    rows: list[list[Cell]] = [
        [(one.day.isoformat(), "red" if one.day < made.today else None), str(len(one.cases)),
         ", ".join(one.owners) or "none", one.product, _some([case.name for case in one.cases])]
        for one in words.endings(made, until)
    ]  # fmt: skip
    return table(_ENDING_HEADS, rows, width) if rows else ""


def _some(names: list[str]) -> str:
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more} more" if more > 0 else "")


def _row(case: "Case", today: date) -> list[Cell]:
    from exporters import reportwords as words

    over = case.unsupported_from is not None and case.unsupported_from < today
    support = words.support(case, today, date.isoformat)
    return [
        "-" if case.place is None else str(case.place), case.name, case.kind, words.model(case) or words.UNKNOWN,
        case.site or "none", ", ".join(case.owners) or "none", words.age(case.age, today),
        (support, "red" if over else None), words.reasons(case) or "none",
    ]  # fmt: skip

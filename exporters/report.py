"""The report on ageing hardware as HTML, PDF, CSV and JSON.

HTML is one file: styles and charts stand in it, and it asks for nothing elsewhere. PDF is the same page in print.
"""

import contextlib
import csv
import functools
import io
import json
import logging
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn

from agent import __version__
from agent.core.ageing import Case
from agent.core.ageing_report import AgeingReport, ageing_document, unsupported_by
from agent.core.hardware import Piece, Support
from agent.core.risk import Part, Risk
from exporters import registerwords
from exporters import reportwords as words

if TYPE_CHECKING:
    from jinja2 import Environment

FORMATS: Final = ("html", "csv", "json", "pdf")
FIRST: Final = 10  # what fits on the committee's page
PDF_PACKAGES: Final = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
_PDF_EVIDENCE: Final = 150  # pieces: a hundred pages; each takes 0.2 s and 3 MiB to lay out, and nobody prints the rest
_COLUMNS: Final = (
    "rank", "name", "title", "kind", "site", "owners", "watched", "vendor", "model", "serial", "software version",
    "in use since", "years", "years are at least", "supported until", "out of support", "reasons", "likelihood",
    "consequence", "evidence",
)  # fmt: skip


class PdfError(Exception):
    """No PDF can be made here; the text says what to install."""


def horizon(today: date) -> date:
    """Return the day that the view `unsupported by` looks to where nobody names one: a year from now."""
    return today + timedelta(days=365)


def render(made: AgeingReport, form: str, by: str | None = None, until: date | None = None) -> bytes:
    """Return the report as a file of one of `FORMATS`.

    Args:
        by: groups the full list: one of `reportwords.BY`; None: one list in the order of rank.
        until: the day of the view "what will be unsupported by"; None: a year from the report's day.

    Raises:
        PdfError: a library that PDF needs is missing.
    """
    day = until or horizon(made.today)
    if form == "csv":
        return table(made, by).encode("utf-8-sig")  # without the mark a spreadsheet takes it for another code page
    if form == "json":
        return (json.dumps(as_document(made, by, day), ensure_ascii=False, indent=1) + "\n").encode(errors="replace")
    if form == "pdf":
        return _pdf(page(made, by, day, _PDF_EVIDENCE))
    return page(made, by, day).encode()


def as_document(made: AgeingReport, by: str | None, until: date) -> dict[str, Any]:
    """Return the report with its views: what `--format json` prints."""
    groups = [{"heading": heading, "names": [case.name for case in cases]} for heading, cases in words.groups(made, by)]
    return ageing_document(made, until) | {"by": by, "groups": groups}


# ------------------------------------------------------------------ CSV


def table(made: AgeingReport, by: str | None = None) -> str:
    """Return the full list as CSV (RFC 4180): a row for each piece, or for each group that it stands in."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([by, *_COLUMNS] if by else _COLUMNS)
    for heading, cases in words.groups(made, by):
        for case in cases:
            row = _row(case, made.today)
            writer.writerow([words.cell(value) for value in ([heading, *row] if by else row)])
    return out.getvalue()


def _row(case: Case, today: date) -> list[object]:
    end, age = case.unsupported_from, case.age
    facts = [case.fact(name) for name in ("vendor", "model", "serial", "software_version")]
    years = None if case.age_years is None else f"{int(case.age_years * 10) / 10:.1f}"
    said = "; ".join(f"{what}: {says}{_by(source, confidence)}"
                     for _, rows in evidence(case) for what, says, source, confidence in rows)  # fmt: skip
    return [
        case.place, case.name, case.title, case.kind, case.site, "; ".join(case.owners), _yes(case.watched), *facts,
        age.since if age else None, years, _yes(age.at_least) if age else None, end or words.UNKNOWN,
        _yes(end < today) if end else words.UNKNOWN, words.reasons(case), _said(case.likelihood),
        _said(case.consequence), said,
    ]  # fmt: skip


def _by(*known: str) -> str:
    told = ", ".join(filter(None, known))
    return f" ({told})" if told else ""


def _said(risk: Risk) -> str:
    return "; ".join(f"{part.name}: {part.detail} ({_counts(part)})" for part in risk.parts)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


# ------------------------------------------------------------------ evidence

Row = tuple[str, str, str, str]  # what, what it says, source, confidence


def evidence(case: Case) -> list[tuple[str, list[Row]]]:
    """Return everything that is known of a case under a few headings, each line with source and confidence."""
    found = [("Likelihood", _risk_rows(case.likelihood)), ("Consequence", _risk_rows(case.consequence))]
    found.append(("Flags", [(words.reason(flag.reason), f"{flag.severity}: {flag.detail}", flag.source,
                             flag.confidence.value) for flag in case.flags]))  # fmt: skip
    found.append(("Support", [row for one in words.supports(case) for row in _support_rows(one)]))
    age = case.age
    if age is not None:
        says = f"{'at least since' if age.at_least else 'since'} {words.short_day(age.since)}"
        found.append(("Age", [("in use", says, age.source, age.confidence.value)]))
    facts = [(fact.name.replace("_", " "), str(fact.value), fact.source, fact.confidence.value) for fact in case.facts]
    found.append(("What it is", facts))
    history = [_piece_row(piece) for piece in case.pieces] if len(case.pieces) > 1 else []
    found.append(("What answered under this name", history))
    return [(title, rows) for title, rows in found if rows]


def _piece_row(piece: Piece) -> Row:
    seen = f"seen {words.short_day(piece.first_seen)} to {words.short_day(piece.last_seen)}"
    return piece.serial or "no serial number", seen, "the agent's ledger", ""


def _risk_rows(risk: Risk) -> list[Row]:
    return [(words.PARTS.get(part.name, part.name), f"{part.detail} ({_counts(part)})", part.source,
             part.confidence.value if part.source else "") for part in risk.parts]  # fmt: skip


def _counts(part: Part) -> str:
    if part.ratio is None:
        return f"unknown: counts nothing of at most {part.weight:.2f}"
    return f"counts {part.ratio * part.weight:.2f} of at most {part.weight:.2f}"


def _support_rows(one: Support) -> list[Row]:
    days = {
        "end of sale": one.end_of_sale, "end of software maintenance": one.end_of_software_maintenance,
        "end of security fixes": one.end_of_security_fixes, "end of support": one.end_of_support,
    }  # fmt: skip
    checked = f", checked {words.short_day(one.checked_on)}" if one.checked_on else ""
    source = f"{one.source} ({one.table}{checked})"
    rows = [(f"{one.product}: {what}", words.short_day(value), source, f"by {one.matched}")
            for what, value in days.items() if value is not None]  # fmt: skip
    return rows + [(f"{one.product}: overruled", said, source, "") for said in one.overruled]


# ------------------------------------------------------------------ HTML and PDF


def page(made: AgeingReport, by: str | None, until: date, most: int | None = None) -> str:
    """Return the report as one HTML page, with evidence on at most so many pieces, the first in rank."""
    from markupsafe import Markup

    from exporters import reportcharts as charts

    proven = made.cases[:most]
    ids = {id(case): f"case-{number}" for number, case in enumerate(proven, 1)}
    values: dict[str, Any] = {
        "made": made, "until": until, "whole": words.split(made.cases, made.today), "by": by,
        "first": [case for case in made.cases if case.place is not None][:FIRST], "groups": words.groups(made, by),
        "late": words.endings(made, until), "late_total": len(unsupported_by(made.cases, until)),
        "register": registerwords.line(made.register), "undated": words.undated(made),
        "link": lambda case: ids.get(id(case)),
        "proven": proven, "series": charts.SERIES,
        # made by pygal out of text nodes, with all scripts taken out
        "year_chart": Markup(charts.by_year(words.splits(made, "year"), made.today)),  # noqa: S704
        "owner_chart": Markup(charts.by_owner(words.splits(made, "owner"))),  # noqa: S704
    }  # fmt: skip
    return _environment().get_template("report.html").render(values)


@functools.cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("exporters"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=lambda value: words.plain(value) if type(value) is str else value,
    )  # fmt: skip
    made.filters |= {
        "day": words.day, "short_day": words.short_day, "pieces": words.pieces, "listed": words.listed,
        "thousands": lambda number: f"{number:,}",
    }  # fmt: skip
    made.globals |= {"version": __version__, "w": words, "evidence": evidence}
    return made


def _pdf(html: str) -> bytes:
    said = io.StringIO()  # what it prints of libraries that are missing; the error says it in one line
    try:
        with contextlib.redirect_stdout(said):
            from weasyprint import HTML  # loads pango when it is imported
    except (ImportError, OSError) as error:
        missing = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PdfError(f"PDF needs libraries that are missing here ({missing}); on Debian and Ubuntu: "
                       f"apt install {PDF_PACKAGES}") from error  # fmt: skip
    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # else it tells each property that is for screens alone
    found: bytes = HTML(string=html, url_fetcher=_nothing).write_pdf(pdf_variant="pdf/ua-1")
    return found


def _nothing(url: str, *_: object, **__: object) -> NoReturn:
    """Fetch nothing: the page is whole, and what stands in it must not reach for anything."""
    raise ValueError(f"a report fetches nothing: {url[:100]}")

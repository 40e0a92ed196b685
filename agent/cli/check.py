"""`linewarden check`: is a configuration good, and what would the agent do with it?"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from agent.config import Problem
    from agent.core.model import Estate


@click.command(
    "check",
    epilog="Exit codes: 0 the configuration is good (there may be warnings); 2 it is not.",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="A secret that is missing is an error, not a warning.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
def command(file: Path, strict: bool, as_json: bool) -> None:
    """Check the configuration FILE, everything that it includes, and the asset registers.

    All errors and warnings of one run go to stderr as `FILE:LINE: path: what`; a good file ends with one line that
    says what the agent would watch, and how much it would send. Nothing is sent here.

    \b
    Examples:
      linewarden check /etc/linewarden/linewarden.yaml
      linewarden check --strict linewarden.yaml     on the host itself: every secret must be there
      linewarden check --json linewarden.yaml | jq .errors
    """
    from agent.config import ConfigError, load

    try:
        loaded = load(file, strict=strict)
    except ConfigError as error:
        if as_json:
            click.echo(json.dumps(_report(error.problems, error.warnings, None)))
        else:
            _print(error.warnings, "warning", "yellow")
            _print(error.problems, "error", "red")
            click.echo(f"{file}: {_count(len(error.problems), 'error')}", err=True)
        sys.exit(2)
    totals = _summary(loaded.estate)
    if as_json:
        click.echo(json.dumps(_report((), loaded.warnings, totals)))
        return
    _print(loaded.warnings, "warning", "yellow")
    click.echo(f"{file}: {click.style('good', fg='green')}: {_sentence(totals)}")


def _print(problems: tuple["Problem", ...], word: str, colour: str) -> None:
    label = click.style(f"{word}: ", fg=colour, bold=True)
    for problem in problems:
        click.echo(f"{label}{problem}", err=True)


def _report(
    errors: tuple["Problem", ...], warnings: tuple["Problem", ...], summary: dict[str, Any] | None
) -> dict[str, Any]:
    def rows(problems: tuple["Problem", ...]) -> list[dict[str, Any]]:
        return [
            {"file": str(problem.file), "line": problem.line, "path": problem.path, "message": problem.message}
            for problem in problems
        ]

    return {"good": not errors, "errors": rows(errors), "warnings": rows(warnings), "summary": summary}


def _summary(estate: "Estate") -> dict[str, Any]:
    """Return what is watched by role, and how many echoes and polls that takes."""
    checks = estate.checks()
    echoes = [check for check in checks if check.type == "icmp"]
    polls = [check for check in checks if check.type not in {"icmp", "end"}]
    roles = [target.role.value for target in estate.targets.values()]
    return {
        **{f"{role}s": roles.count(role) for role in ("circuit", "group", "site", "device", "service")},
        "checks": len(checks),
        "echoes_per_second": round(sum(1 / check.interval_seconds for check in echoes), 3),
        "polls_per_minute": round(sum(60 / check.interval_seconds for check in polls), 3),
        "assets": len(estate.assets),
    }


def _sentence(totals: dict[str, Any]) -> str:
    things = ", ".join(
        _count(totals[f"{word}s"], word) for word in ("circuit", "group", "site", "device", "service", "check")
    )
    sends = f"{totals['echoes_per_second']:,.4g} echoes/s, {totals['polls_per_minute']:,.4g} polls/min"
    assets = f"; {_count(totals['assets'], 'further asset')} in the register" if totals["assets"] else ""
    return f"{things}; sends {sends}{assets}"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")

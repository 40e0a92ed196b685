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

    problems: tuple[Problem, ...] = ()
    try:
        loaded = load(file, strict=strict)
        warnings = loaded.warnings
        if loaded.web_config is not None:
            problems, more = _web_problems(loaded.web_config, strict=strict)
            warnings += more
    except ConfigError as error:
        problems, warnings = error.problems, error.warnings
    totals = None if problems else _summary(loaded.estate)
    if as_json:
        click.echo(json.dumps(_report(problems, warnings, totals)))
    else:
        for problem in warnings:
            click.echo(f"{click.style('warning: ', fg='yellow', bold=True)}{problem}", err=True)
        for problem in problems:
            click.echo(click.style(str(problem), fg="red"), err=True)
        if totals is None:
            click.echo(f"{file}: {_count(len(problems), 'error')}", err=True)
        else:
            click.echo(f"{file}: {click.style('good', fg='green')}: {_sentence(totals)}")
    if problems:
        sys.exit(2)


def _web_problems(file: Path, *, strict: bool) -> tuple[tuple["Problem", ...], tuple["Problem", ...]]:
    """Return errors and warnings of the web configuration; a key that only the service may read is a warning."""
    from exporters.security import WebConfigError, load, tls_context

    tls = None
    try:
        tls = load(file).tls_server_config
        if tls is not None:
            tls_context(tls)
    except WebConfigError as error:
        found = tuple(_web_problem(file, line) for line in str(error).splitlines())
        hidden = tls is not None and any(_hidden(path) for path in (tls.cert_file, tls.key_file, tls.client_ca_file))
        return ((), found) if hidden and not strict else (found, ())
    return (), ()


def _web_problem(file: Path, line: str) -> "Problem":
    from agent.config import Problem

    number, _, rest = line.removeprefix(f"{file}:").partition(":")
    if number.isdigit():
        return Problem(file, int(number), "", rest.strip())
    return Problem(file, None, "", line.removeprefix(f"{file}: "))


def _hidden(path: Path | None) -> bool:
    try:
        if path is not None:
            path.open("rb").close()
    except PermissionError:
        return True
    except OSError:
        return False
    return False


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

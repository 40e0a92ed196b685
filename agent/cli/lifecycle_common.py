"""What the lifecycle commands share: the configuration, and the tables beside it."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.cli.client import DEFAULT_CONFIG
from agent.cli.snmp_target import say

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from agent.config import Loaded


@dataclass(frozen=True, slots=True)
class Chosen:
    """A configuration file, and whether somebody named it."""

    file: Path
    named: bool


def config_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --config to a command, which gets it as `chosen`."""

    @click.option(
        "--config",
        "config_file",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="LINEWARDEN_CONFIG",
        show_envvar=True,
        help=f"Your own tables stand beside this configuration.  [default: {DEFAULT_CONFIG}]",
    )
    @wraps(function)
    def command(config_file: Path | None, **rest: Any) -> Any:  # noqa: ANN401 - whatever it returns
        return function(chosen=Chosen(config_file or DEFAULT_CONFIG, config_file is not None), **rest)

    return command


def configured(chosen: Chosen) -> "Loaded | None":
    """Return the configuration; None where nobody named one and there is none. Ends the command where it is bad."""
    from agent.config import ConfigError, load

    if not chosen.named and not chosen.file.exists():
        return None
    try:
        loaded = load(chosen.file)
    except ConfigError as error:
        for problem in error.problems:
            say(str(problem), "red")
        sys.exit(2)
    return loaded


def complete_vendor(_: click.Context, __: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Complete the vendors of the shipped tables."""
    from click.shell_completion import CompletionItem

    from agent.config.lifecycle import shipped

    vendors = sorted({row.vendor for row in shipped().rows if row.vendor})
    return [CompletionItem(vendor) for vendor in vendors if vendor.lower().startswith(incomplete.lower())]

"""`linewarden lifecycle`: the tables of support dates."""

from typing import Final

import click

from agent.cli import LazyGroup

_COMMANDS: Final = {
    "import": ("lifecycle_import", "Take support dates from endoflife.date, Cisco's EoX or a CSV into your own table."),
    "list": ("lifecycle_list", "Show the support dates that are known, with their sources."),
}


class LifecycleGroup(LazyGroup):
    """A group that imports the command that is called."""

    table = _COMMANDS


@click.command("lifecycle", cls=LifecycleGroup)
def command() -> None:
    """Show and extend the tables of support dates.

    \b
    Examples:
      linewarden lifecycle list --model WS-C2960X-48FPS-L
      linewarden lifecycle list --due 2027-12-31
      linewarden lifecycle import eox.json --as cisco
    """

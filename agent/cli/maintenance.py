"""`linewarden maintenance`: announced work."""

from typing import Final

import click

from agent.cli import LazyGroup

_COMMANDS: Final = {
    "add": ("maintenance_add", "Announce work or a clock-stop: once, weekly, or by a rule."),
    "end": ("maintenance_end", "End a window now; one that has not begun never will."),
    "list": ("maintenance_list", "Windows that last or are to come; with --all those that are over."),
}


class MaintenanceGroup(LazyGroup):
    """A group that imports the command that is called."""

    table = _COMMANDS


@click.command("maintenance", cls=MaintenanceGroup)
def command() -> None:
    """Announce work, so that nobody is paged for what it takes down.

    What is in maintenance is measured and recorded as always. A page that was open before the window stays open until
    the target recovers; what fails in the window and is still down when it ends is paged then.

    \b
    Examples:
      linewarden maintenance add --site bcw --for 2h --reason "power work"
      linewarden maintenance list
      linewarden maintenance end 3
    """

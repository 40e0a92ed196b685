"""`linewarden report`: what comes out of the record."""

from typing import Final

import click

from agent.cli import LazyGroup

_COMMANDS: Final = {
    "availability": ("report_availability", "Availability by the rules of each contract, with what is left."),
    "register": ("report_register", "Where the asset register and the network say different things."),
    "ageing": ("report_ageing", "Which hardware to replace first, and why; as HTML, PDF, CSV, JSON."),
}


class ReportGroup(LazyGroup):
    """A group that imports the command that is called."""

    table = _COMMANDS


@click.command("report", cls=ReportGroup)
def command() -> None:
    """Reports out of the record, of a running agent or of its ledger.

    \b
    Examples:
      linewarden report availability
      linewarden report availability --month 2026-11 --target bcw-crown-primary
      linewarden report register --format csv > mismatches.csv
      linewarden report ageing --output ageing.pdf
    """

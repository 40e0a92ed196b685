"""`linewarden snmp`: read single objects and subtrees, and try out a file of modules."""

import importlib
from typing import Final

import click

_COMMANDS: Final = {
    "get": ("snmp_get", "Read single objects of a device, by name or OID."),
    "walk": ("snmp_walk", "Read everything below a name or OID."),
    "import": ("snmp_import", "Try snmp_exporter's snmp.yml: which modules load, and what each costs."),
}


class SnmpGroup(click.Group):
    """A group that imports the command that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import and return the command, or None where there is none of that name."""
        if cmd_name not in _COMMANDS:
            return None
        command = importlib.import_module(f"agent.cli.{_COMMANDS[cmd_name][0]}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.command("snmp", cls=SnmpGroup)
def command() -> None:
    """Read objects of a device, and try out files of modules.

    `linewarden probe snmp` shows a device as a whole and explains why one does not answer.

    \b
    Examples:
      linewarden snmp get 10.20.1.2 sysUpTime.0 IF-MIB::ifOperStatus.3
      linewarden snmp walk 10.20.1.2 ifXTable
      linewarden snmp import /etc/prometheus/snmp.yml --target 10.20.1.2
    """

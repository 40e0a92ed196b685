"""`linewarden snmp`: read single objects and subtrees, and try out a file of modules."""

from typing import Final

import click

from agent.cli import LazyGroup

_COMMANDS: Final = {
    "get": ("snmp_get", "Read single objects of a device, by name or OID."),
    "walk": ("snmp_walk", "Read everything below a name or OID."),
    "import": ("snmp_import", "Try snmp_exporter's snmp.yml: which modules load, and what each costs."),
}


class SnmpGroup(LazyGroup):
    """A group that imports the command that is called."""

    table = _COMMANDS


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

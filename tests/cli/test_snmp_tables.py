"""What a device says of itself, as tables."""

import click
import numpy as np

from agent.cli import snmp_tables
from agent.core.model import AdminStatus, Duplex, Interface, OperStatus
from agent.core.series import Family, SeriesBlock


def _interface(index: int, duplex: Duplex | None = None, *, mismatch: bool | None = None) -> Interface:
    name = f"Gi1/0/{index}"
    return Interface(index, name, name, AdminStatus.UP, OperStatus.UP, "", 1e9, duplex=duplex, duplex_mismatch=mismatch)


def test_a_duplex_has_a_column_where_the_device_tells_it() -> None:
    assert "duplex" not in snmp_tables.interfaces([_interface(1), _interface(2)])
    text = snmp_tables.interfaces([_interface(1), _interface(2, Duplex.HALF, mismatch=True)])
    assert [line.split() for line in click.unstyle(text).splitlines()] == [
        ["index", "name", "admin", "oper", "speed", "duplex", "alias"],
        ["1", "Gi1/0/1", "up", "up", "1Gbit/s", "-"],
        ["2", "Gi1/0/2", "up", "up", "1Gbit/s", "half"],
    ]
    assert click.style("half", fg="red") in text


def test_what_the_table_of_interfaces_shows_is_no_further_series() -> None:
    names = ("ifOperStatus", "linewarden_interface_oper_status", "entPhysicalIsFRU")
    block = SeriesBlock(
        tuple(Family(name, "gauge", "", (f'{name}{{target="sw",ifIndex="1"}}',), np.ones(1)) for name in names)
    )
    assert [line.split() for line in snmp_tables.series(block).splitlines()] == [
        ["series", "value", "labels"],
        ["entPhysicalIsFRU", "1", 'ifIndex="1"'],
    ]
    assert snmp_tables.series(None) == ""

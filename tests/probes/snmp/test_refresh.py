"""The agent's own series of interfaces: their labels, and that the documentation names every one."""

from pathlib import Path

from agent.core.interfaces import labels
from agent.core.model import Interface
from probes.snmp.refresh import FAMILIES, InterfaceSeries
from tests.core.readings import TWO, reading, row, tell


def test_every_family_is_in_the_documentation() -> None:
    text = (Path(__file__).parents[3] / "docs" / "endpoints.md").read_text()
    assert [name for name in FAMILIES if f"`{name}`" not in text] == []


def test_interfaces_of_one_name_are_told_apart_by_their_numbers() -> None:
    rows = (
        Interface(1, "lan", "", None, None),
        Interface(2, "lan", "", None, None),
        Interface(3, "wan", "", None, None),
    )
    assert labels(rows) == ("lan (1)", "lan (2)", "wan")


def test_no_series_is_there_twice_and_what_is_unknown_is_not_there() -> None:
    series = InterfaceSeries('a "switch"')
    rows = (row(1, 'odd"\\name'), row(2, "", "same"), row(3, "", "same", speed=None))
    first, second = tell(reading(rows, 0, [0, None, 0]), reading(rows, 10, [100, 5, 100]))
    for told in (first, second):
        families = series.families(told)
        prefixes = [prefix for family in families for prefix in family.prefixes]
        assert len(set(prefixes)) == len(prefixes)
        assert {family.name for family in families} <= FAMILIES.keys()
        assert all(len(family.prefixes) == len(family.values) for family in families)
    by_name = {family.name: dict(zip(family.prefixes, family.values.tolist(), strict=True)) for family in families}
    target = 'target="a \\"switch\\""'
    assert by_name["linewarden_interface_octets_per_second"] == {
        f'linewarden_interface_octets_per_second{{{target},interface="odd\\"\\\\name",direction="received"}}': 10.0,
        f'linewarden_interface_octets_per_second{{{target},interface="same (3)",direction="received"}}': 10.0,
        f'linewarden_interface_octets_per_second{{{target},interface="odd\\"\\\\name",direction="sent"}}': 5.0,
        f'linewarden_interface_octets_per_second{{{target},interface="same (3)",direction="sent"}}': 5.0,
    }
    assert len(by_name["linewarden_interface_utilisation_ratio"]) == 2
    assert "linewarden_interface_duplex_mismatch" not in by_name


def test_prefixes_follow_the_names() -> None:
    series = InterfaceSeries("sw1")
    renamed = (row(1, "Gi2"), row(2, "Gi1"))
    first, second = tell(reading(TWO, 0), reading(renamed, 10))
    before = {family.name: family for family in series.families(first)}["linewarden_interface_oper_status"]
    after = {family.name: family for family in series.families(second)}["linewarden_interface_oper_status"]
    assert before.prefixes == after.prefixes[::-1]

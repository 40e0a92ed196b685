"""What a full poll says, and what of it is the same object at the next one."""

from collections.abc import Mapping

from agent.core.model import OperStatus
from probes.snmp.ber import Tag, Value, VarBind
from probes.snmp.fastplan import HC_IN_OCTETS, IF_IN_OCTETS
from probes.snmp.modules import ModuleLibrary
from probes.snmp.reader import Made, Reader
from probes.snmp.render import Renderer
from tests.probes.snmp.agents import Mib, switch


def reader() -> Reader:
    return Reader(Renderer(ModuleLibrary().get("if_mib").metrics, {"target": "sw1"}))


def made(read: Reader, objects: Mapping[str, tuple[int, Value]], shape: object = "as before") -> Made:
    mib = Mib(objects)
    varbinds: list[VarBind] = [mib.bind(oid) for oid in mib.keys]
    return read.made(varbinds, shape, complete=True)


def test_what_is_the_same_is_the_same_object() -> None:
    read, objects = reader(), switch(3)
    first = made(read, objects)
    objects["1.3.6.1.2.1.31.1.1.1.6.1"] = (Tag.COUNTER64, 12345)  # counters move
    second = made(read, objects)
    assert second.interfaces is first.interfaces
    assert second.table is first.table
    values = {family.name: family for family in second.series.families}
    assert values["ifHCInOctets"].values[0] == 12345
    assert {fact.name for fact in first.facts} >= {"system_name", "uptime_seconds"}


def test_what_interfaces_say_is_seen_at_once() -> None:
    read, objects = reader(), switch(3)
    first = made(read, objects)
    objects["1.3.6.1.2.1.2.2.1.8.1"] = (Tag.INTEGER, 2)
    objects["1.3.6.1.2.1.31.1.1.1.18.2"] = (Tag.OCTET_STRING, b"new")
    second = made(read, objects)
    assert second.interfaces is not first.interfaces
    assert (second.interfaces[0].oper, second.interfaces[1].alias) == (OperStatus.DOWN, "new")


def test_other_objects_are_read_anew() -> None:
    read, objects = reader(), switch(3)
    made(read, objects)
    fewer = {name: value for name, value in objects.items() if not name.endswith(".3") or ".2.2.1." not in name}
    assert len(made(read, fewer, "another").table.cells[IF_IN_OCTETS]) == 0
    assert [one.index for one in made(read, switch(2), None).interfaces] == [1, 2]
    assert [one.index for one in made(read, switch(4), None).interfaces] == [1, 2, 3, 4]


def test_a_long_counter_that_stands_is_left_until_it_counts() -> None:
    read, objects = reader(), switch(2)
    objects["1.3.6.1.2.1.31.1.1.1.6.1"] = (Tag.COUNTER64, 0)
    objects["1.3.6.1.2.1.2.2.1.10.1"] = (Tag.COUNTER32, 0)
    assert made(read, objects).table.cells[HC_IN_OCTETS] == {b"\x01", b"\x02"}  # neither counts yet
    objects["1.3.6.1.2.1.2.2.1.10.1"] = (Tag.COUNTER32, 9)
    standing = made(read, objects)
    assert (standing.table.cells[HC_IN_OCTETS], standing.table.cells[IF_IN_OCTETS]) == ({b"\x02"}, {b"\x01"})
    objects["1.3.6.1.2.1.31.1.1.1.6.1"] = (Tag.COUNTER64, 9)
    assert made(read, objects).table.cells[HC_IN_OCTETS] == {b"\x01", b"\x02"}

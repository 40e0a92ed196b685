"""Which row of the register is of which device."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from agent.core.hardware import Entity, Fact, Hardware, PhysicalClass, Piece
from agent.core.model import AssetRow, Estate, Role, Target
from agent.core.registerjoin import join, of_pieces, rows_of

AT = datetime(2026, 11, 27, 9, tzinfo=UTC)


def row(line: int, name: str, serial: str = "") -> AssetRow:
    return AssetRow(name, f"r.csv:{line}", columns={"serial": serial} if serial else {})


def device(name: str, register: AssetRow | None = None) -> Target:
    return Target(name, Role.DEVICE, "switch", name, register=register)


def says(serial: str = "", *parts: str) -> Hardware:
    entities = tuple(Entity(part, PhysicalClass.MODULE, part, serial=part) for part in parts)
    return Hardware(AT, (Fact("serial", serial, "ENTITY-MIB"),) if serial else (), entities)


def estate(*targets: Target, assets: tuple[AssetRow, ...] = ()) -> Estate:
    site = Target("bcw", Role.SITE, "site", "Town Hall")
    return Estate("dc1", {target.name: target for target in (site, *targets)}, assets=assets)


def lines(rows: object) -> list[str]:
    assert isinstance(rows, tuple)
    return [one.source for one in rows]


def test_rows_as_the_configuration_joined_them() -> None:
    first, spare = row(2, "sw1", "FOC-1"), row(3, "spare")
    found = join(estate(device("sw1", first), device("sw2"), assets=(spare,)), {})
    assert (found.rows, found.parts, found.left) == ({"sw1": first}, {}, (spare,))
    assert rows_of(estate(device("sw1", first), assets=(spare,))) == [first, spare]


def test_what_a_device_states_finds_its_row() -> None:
    other = row(2, "asset-17", "foc 1")
    found = join(estate(device("sw1"), assets=(other,)), {"sw1": says("FOC-1")})
    assert (found.rows, found.left) == ({"sw1": other}, ())


def test_the_serial_number_tells_which_piece_it_is() -> None:
    """The row with the device's name is of the piece that was replaced."""
    old, new = row(2, "sw1", "OLD-1"), row(9, "sw1-new", "NEW-1")
    found = join(estate(device("sw1", old), assets=(new,)), {"sw1": says("NEW-1")})
    assert (found.rows, found.left) == ({"sw1": new}, (old,))


def test_rows_that_were_exchanged_are_joined_crosswise() -> None:
    first, second = row(2, "sw1", "FOC-2"), row(3, "sw2", "FOC-1")
    found = join(estate(device("sw1", first), device("sw2", second)), {"sw1": says("FOC-1"), "sw2": says("FOC-2")})
    assert found.rows == {"sw1": second, "sw2": first}


def test_stack_members_and_modules() -> None:
    member1, member2, stranger = row(2, "sw1", "M-100"), row(3, "sw1", "M-200"), row(4, "sw1", "M-300")
    known = estate(device("sw1", member1), assets=(member2, stranger))
    found = join(known, {"sw1": says("", "M-100", "M-200", "M-999")})
    assert (found.rows, found.parts, lines(found.left)) == ({"sw1": member1}, {"sw1": (member2,)}, ["r.csv:4"])


def test_a_row_of_a_device_that_is_a_part_of_another() -> None:
    moved = row(2, "sw1", "M-200")
    found = join(estate(device("sw1", moved), device("sw2")), {"sw1": says("FOC-1"), "sw2": says("FOC-2", "M-200")})
    assert (found.rows, found.parts) == ({}, {"sw2": (moved,)})


def test_a_serial_number_of_two_devices_joins_nothing() -> None:
    one = row(2, "asset-17", "FOC-1")
    found = join(estate(device("sw1"), device("sw2"), assets=(one,)), {"sw1": says("FOC-1"), "sw2": says("FOC-1")})
    assert (found.rows, found.left) == ({}, (one,))


def test_of_two_rows_with_one_serial_number_the_first_is_the_devices() -> None:
    first, again = row(2, "sw1", "FOC-1"), row(3, "sw1-bis", "FOC-1")
    found = join(estate(device("sw1", first), assets=(again,)), {"sw1": says("FOC-1")})
    assert (found.rows, found.left) == ({"sw1": first}, (again,))


def test_what_the_ledger_knows_while_no_agent_runs() -> None:
    former = Piece("sw1", "OLD-1", AT - timedelta(days=9), AT, AT)
    present = Piece("sw1", "NEW-1", AT, AT + timedelta(days=1))
    nameless = Piece("sw2", "", AT, AT)
    found = of_pieces([present, replace(present, serial="OLDER", first_seen=AT - timedelta(days=1)), former, nameless])
    assert found == {"sw1": Hardware(present.last_seen, (Fact("serial", "NEW-1", "ledger"),))}

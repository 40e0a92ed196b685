"""Cells of interfaces: whole columns, row by row, and where something is missing, the same reading comes of them."""

from collections.abc import Callable

import numpy as np
import pytest

from agent.core.model import AdminStatus, Interface, OperStatus
from probes.snmp.ber import Tag, Value, VarBind, encode_index
from probes.snmp.cells import Cells, Places, found, interface_reading
from probes.snmp.fastplan import (
    COLUMNS,
    HC_IN_OCTETS,
    HC_OUT_OCTETS,
    IF_ADMIN,
    IF_IN_ERRORS,
    IF_IN_OCTETS,
    IF_OPER,
    IF_OUT_OCTETS,
    Table,
)

ROWS = tuple(Interface(index, f"Gi{index}", "", None, None) for index in (1, 200, 3))
SUFFIX = {row.index: encode_index((row.index,)) for row in ROWS}


def run(column: bytes, values: dict[int, Value], tag: int = Tag.COUNTER64) -> list[VarBind]:
    return [(column + SUFFIX[index], tag, value) for index, value in values.items()]


RUNS = {
    IF_ADMIN: run(IF_ADMIN, {1: 1, 3: 2, 200: 1}, Tag.INTEGER),
    IF_OPER: run(IF_OPER, {1: 1, 3: 2, 200: -1}, Tag.INTEGER),
    IF_IN_OCTETS: run(IF_IN_OCTETS, {1: 5, 3: 6, 200: 7}, Tag.COUNTER32),
    IF_OUT_OCTETS: run(IF_OUT_OCTETS, {1: 8, 3: 9}, Tag.COUNTER32),
    HC_IN_OCTETS: run(HC_IN_OCTETS, {1: 1 << 40, 200: 1 << 41}),
    HC_OUT_OCTETS: run(HC_OUT_OCTETS, {1: (1 << 64) - 1, 200: 1 << 42}),
    IF_IN_ERRORS: run(IF_IN_ERRORS, {1: b"12"}, Tag.OCTET_STRING),
}
TABLE = Table.of(RUNS)
MIXED = [bind for row in ROWS for column in RUNS.values() for bind in column if bind[0].endswith(SUFFIX[row.index])]


def by_column() -> Cells:
    return Places(ROWS, TABLE, {column: [bind[0] for bind in run] for column, run in RUNS.items()}).cells(RUNS)


def row_by_row() -> Cells:
    names = [bind[0] for bind in MIXED]
    return Places(ROWS, TABLE, dict.fromkeys(COLUMNS, names)).mixed(MIXED, [7.0] * len(MIXED))


def by_chance() -> Cells:
    return found(ROWS, TABLE, reversed(MIXED), [7.0] * len(MIXED))


@pytest.mark.parametrize("way", [by_column, row_by_row, by_chance])
def test_each_value_is_that_of_its_interface(way: Callable[[], Cells]) -> None:
    read = interface_reading(way(), 100, 7.0)
    assert read.admin == (AdminStatus.UP, AdminStatus.UP, AdminStatus.DOWN)
    assert read.oper == (OperStatus.UP, None, OperStatus.DOWN)  # no status is negative
    assert read.wide.tolist() == [True, True, False]
    received, sent = read.counts.values[0].tolist(), read.counts.values[4].tolist()
    assert received == [1 << 40, 1 << 41, 6]  # the short counter where there is no long one
    assert sent == [(1 << 64) - 1, 1 << 42, 9]
    assert read.counts.known[0].all()
    assert not read.counts.known[[1, 2, 3, 5, 6, 7]].any()  # a text is no count
    assert read.taken_at_seconds.tolist() == [7.0] * 3


def test_times_are_those_of_the_counter_that_counts() -> None:
    names = [bind[0] for bind in MIXED]
    cells = Places(ROWS, TABLE, dict.fromkeys(COLUMNS, names)).mixed(
        MIXED, [float(place) for place in range(len(MIXED))]
    )
    at = [names.index(HC_IN_OCTETS + SUFFIX[1]), names.index(HC_IN_OCTETS + SUFFIX[200])]
    short = names.index(IF_IN_OCTETS + SUFFIX[3])
    assert interface_reading(cells, None, 0.0).taken_at_seconds.tolist() == [*map(float, at), float(short)]


def test_numbers_are_taken_as_they_are() -> None:
    binds = [bind for bind in MIXED if isinstance(bind[2], int) and bind[2] >= 0]
    names = [bind[0] for bind in binds]
    places = Places(ROWS, TABLE, dict.fromkeys(COLUMNS, names))
    cells = places.numbers(np.array([bind[2] for bind in binds], dtype=np.uint64), [7.0] * len(binds))
    assert interface_reading(cells, 100, 7.0).counts.values[4].tolist() == [(1 << 64) - 1, 1 << 42, 9]
    assert interface_reading(cells, 100, 7.0).oper == (OperStatus.UP, None, OperStatus.DOWN)


def test_a_device_without_interfaces_has_an_empty_reading() -> None:
    for cells in (found((), Table.of({}), [], []), Places((), Table.of({}), {}).cells({})):
        read = interface_reading(cells, None, 0.0)
        assert (read.rows, read.admin, read.counts.values.shape) == ((), (), (8, 0))

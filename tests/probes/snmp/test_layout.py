"""What is remembered of a walk: how much to ask for, and what is as it was."""

import pytest

from probes.snmp.ber import Tag, VarBind, encode_oid, encode_varbind
from probes.snmp.layout import ANSWER_OCTETS, Layout


def column(number: int, rows: int, tag: int = Tag.COUNTER64, value: int | bytes = 7) -> list[VarBind]:
    return [(encode_oid(f"1.3.6.1.2.1.2.2.1.{number}.{row}"), tag, value) for row in range(1, rows + 1)]


def known(*columns: list[VarBind], gaps: tuple[int, ...] = ()) -> tuple[Layout, list[VarBind]]:
    layout, binds = Layout(), [bind for rows in columns for bind in rows]
    layout.learn(binds, [rows[0][0][:-1] for rows in columns], gaps)
    return layout, binds


def test_nothing_is_known_at_first() -> None:
    assert Layout().rows(0) is None
    assert Layout().as_known(0, column(1, 3)) == 0


def test_as_many_rows_are_asked_for_as_fit_a_frame() -> None:
    layout, binds = known(column(10, 100), column(11, 100))
    rows = layout.rows(0)
    assert rows is not None
    largest = (1 << 64) - 1
    size = sum(len(encode_varbind(oid, tag, largest)) for oid, tag, _ in binds[:rows])
    assert ANSWER_OCTETS - 30 < size <= ANSWER_OCTETS


def test_long_texts_count_with_their_length() -> None:
    layout, _ = known(column(2, 100, Tag.OCTET_STRING, bytes(200)))
    assert layout.rows(0) == ANSWER_OCTETS // (6 + 11 + 2 + 200)


def test_one_row_is_asked_for_at_least() -> None:
    layout, _ = known(column(2, 2, Tag.OCTET_STRING, bytes(60000)))
    assert layout.rows(0) == 1


@pytest.mark.parametrize(("place", "rows"), [(0, 5), (3, 2), (4, 9), (11, 2), (12, None)])
def test_no_more_is_asked_for_than_there_is_and_one(place: int, rows: int | None) -> None:
    layout, _ = known(column(10, 4), column(14, 8), gaps=(4,))
    assert layout.rows(place) == rows


def test_what_the_agent_bears_is_the_limit() -> None:
    layout, _ = known(column(10, 40))
    layout.rows_limit = 6
    assert layout.rows(0) == 6


def test_what_is_as_it_was() -> None:
    layout, binds = known(column(10, 4), column(11, 4))
    assert layout.as_known(2, binds[2:7]) == 5
    assert layout.as_known(2, [*binds[2:4], *column(12, 3)]) == 2
    assert layout.as_known(2, binds[3:]) == 0
    assert layout.as_known(6, [*binds[6:], *column(12, 3)]) == 2
    assert [layout.lane(place) for place in (0, 3, 4)] == [0, 0, 1]
    assert [layout.goes_on(4, lane) for lane in (0, 1, 2)] == [True, True, False]
    assert layout.goes_on(8, 5)

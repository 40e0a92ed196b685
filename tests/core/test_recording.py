"""Lines of a recording: what they may look like, and what is said of those that are none."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.recording import HeadError, RowError, rows

AT = datetime(2026, 11, 27, 8, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "timestamp,rtt_seconds\n{0},0.02\n{1},\n",
        "{0},0.02\n{1},\n",
        "timestamp,rtt_seconds\r\n2026-11-27T08:00:00Z,0.02\r\n2026-11-27T08:00:01Z,\r\n",
        "2026-11-27 08:00:00,2e-2\n2026-11-27 08:00:01, \n",
        "2026-11-27T09:00:00+01:00,0.02\n\n2026-11-27T08:00:01+00:00,\n\n",
        'host,RTT_seconds,Timestamp\nx,"0.02",{0}\nx,,{1}\n',
        "{0}.0,0.020,more\n{1}.0,,\n",
    ],
)
def test_what_rows_may_look_like(text: str) -> None:
    lines = text.replace("{0}", f"{AT:.0f}").replace("{1}", f"{AT + 1:.0f}").splitlines(keepends=True)
    assert list(rows(lines)) == [(AT, 0.02), (AT + 1, None)]


EXPECTED_TIME = "timestamp: expected Unix seconds or a time such as 2026-11-27T08:00:00Z, got"
SORT = "sort the rows by time, and leave out what is there twice"
EXPECTED_RTT = "rtt_seconds: expected seconds such as 0.0213, or nothing for a lost echo, got"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2026-11-32,0.02", f"2: {EXPECTED_TIME} '2026-11-32'"),
        (",0.02", f"2: {EXPECTED_TIME} ''"),
        ("-5,0.02", f"2: {EXPECTED_TIME} '-5'"),
        ("inf,0.02", f"2: {EXPECTED_TIME} 'inf'"),
        ("nan,0.02", f"2: {EXPECTED_TIME} 'nan'"),
        ("1790000000000,0.02", f"2: {EXPECTED_TIME} '1790000000000'; these look like milliseconds"),
        ("1790000001,lost", f"2: {EXPECTED_RTT} 'lost'"),
        ("1790000001,-1", f"2: {EXPECTED_RTT} '-1'"),
        ("1790000001,0", f"2: {EXPECTED_RTT} '0'"),
        ("1790000001,nan", f"2: {EXPECTED_RTT} 'nan'"),
        ("1790000001,inf", f"2: {EXPECTED_RTT} 'inf'"),
        ("1790000001,75.3", f"2: {EXPECTED_RTT} '75.3'; in seconds, not in milliseconds"),
        ("1790000001;0.02", "2: expected timestamp,rtt_seconds with a comma between them, got '1790000001;0.02'"),
        ("1790000000,0.02", f"2: 1790000000 is the same time as line 1; {SORT}"),
        ("1789999999,0.02", f"2: 1789999999 is earlier than line 1; {SORT}"),
        ("1790000001," + "9" * 70_000, "2: longer than 65535 characters: no row of a table"),
        ('"1790000001,0.02', "2: expected timestamp,rtt_seconds with a comma between them, got '1790000001,0.02'"),
        ('17"\r9', """2: cannot be read as a row of a table: '17"\\r9'"""),
    ],
)
def test_what_is_said_of_a_bad_row(line: str, said: str) -> None:
    text = ["1790000000,0.02\n", f"{line}\n", "1790000002,0.03\n"]
    with pytest.raises(RowError) as caught:
        list(rows(text))
    assert str(caught.value) == said
    told: list[RowError] = []
    assert list(rows(text, told.append)) == [(1790000000.0, 0.02), (1790000002.0, 0.03)]
    assert [str(error) for error in told] == [said]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,rtt", "1: the first line names no column 'timestamp'; it has time, rtt"),
        ("timestamp,rtt_ms", "1: the first line names no column 'rtt_seconds'; it has timestamp, rtt_ms"),
        ("seq,rtt_seconds", "1: the first line names no column 'timestamp'; it has seq, rtt_seconds"),
    ],
)
def test_wrong_names_of_columns_are_no_row_to_leave_out(text: str, said: str) -> None:
    for bad in (None, lambda _error: None):
        with pytest.raises(RowError) as caught:
            list(rows([text, "1790000000,0.02"], bad))
        assert str(caught.value) == said


def test_no_rows() -> None:
    assert list(rows([])) == list(rows(["\n", "  \n"])) == list(rows(["timestamp,rtt_seconds\n"])) == []


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=20))
def test_no_text_breaks_it(lines: list[str]) -> None:
    try:
        found = list(rows(lines, lambda _error: None))
    except HeadError:
        return
    assert [at for at, _ in found] == sorted({at for at, _ in found})

"""Others' lifecycle data: three formats, and what comes of nonsense in each."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.config.lifecycle import table
from agent.config.lifecycleimport import Defaults, UnreadableError, as_csv, conflicts, imported, merged, single
from agent.config.problems import Problem
from agent.core.lifecycle import Row

READ_ON = date(2026, 11, 20)
EOX = {
    "PaginationResponseRecord": {"PageIndex": 1, "LastIndex": 1},
    "EOXRecord": [
        {
            "EOLProductID": "WS-X9999-24T",
            "ProductIDDescription": "Example 24 ports",
            "ProductBulletinNumber": "EOL0001",
            "LinkToProductBulletinURL": "https://vendor.example/eol0001.html",
            "EOXExternalAnnouncementDate": {"value": "2019-10-31", "dateFormat": "YYYY-MM-DD"},
            "EndOfSaleDate": {"value": "2020-10-30", "dateFormat": "YYYY-MM-DD"},
            "EndOfSWMaintenanceReleases": {"value": "2021-10-30", "dateFormat": "YYYY-MM-DD"},
            "EndOfSecurityVulSupportDate": {"value": "2023-10-31", "dateFormat": "YYYY-MM-DD"},
            "LastDateOfSupport": {"value": "2025-10-31", "dateFormat": "YYYY-MM-DD"},
            "EOXInputType": "ShowEOXByPids",
            "EOXInputValue": "WS-X9999-24T",
        },
        {"EOLProductID": "", "EOXError": {"ErrorID": "SSA_ERR_026"}, "EOXInputValue": "NEW-1"},
        {"EOLProductID": "WS-X1", "EndOfSaleDate": {"value": "", "dateFormat": "null"}, "LastDateOfSupport": None},
        "nonsense",
    ],
}
CYCLES: list[dict[str, Any]] = [
    {"cycle": "7.2", "releaseDate": "2022-03-31", "support": "2025-03-31", "eol": "2026-09-30", "latest": "7.2.11"},
    {"cycle": "8.0", "support": False, "eol": False, "lts": True},
    {"cycle": "6.0", "eol": True},
    {"cycle": 5, "eol": "2020-01-31", "extendedSupport": "2023-01-31", "discontinued": "2018-01-31"},
]
V1: dict[str, Any] = {
    "schema_version": "1.2.1",
    "generated_at": "2026-05-04T18:48:02+00:00",
    "result": {
        "name": "pan-os",
        "category": "os",
        "releases": [{"name": "11.1", "eoasFrom": None, "eolFrom": "2027-05-03", "isEol": False}, 7],
    },
}


def of(tmp_path: Path, content: Any, *, name: str = "f.json", **given: str) -> list[Row | str]:  # noqa: ANN401 - JSON
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return [
        str(one).removeprefix(f"{tmp_path}/") if isinstance(one, Problem) else one
        for one in imported(file, Defaults("fortios", READ_ON, **given))
    ]


def test_cisco_eox(tmp_path: Path) -> None:
    found = of(tmp_path, EOX)
    assert found == [
        Row(
            "Cisco", "WS-X9999-24T", "", "Cisco EOL0001, https://vendor.example/eol0001.html", f"{tmp_path}/f.json:1",
            READ_ON, date(2020, 10, 30), date(2021, 10, 30), date(2023, 10, 31), date(2025, 10, 31), True,
        ),
        "f.json: entry 3: has no source: name the document, and where in it the dates stand; left out",
    ]  # fmt: skip


def test_eox_without_a_bulletin_takes_the_source_that_is_given(tmp_path: Path) -> None:
    record = {"EOLProductID": "X1", "LastDateOfSupport": {"value": "2025-10-31"}}
    (row,) = of(tmp_path, {"EOXRecord": [record]}, source="EoX of 2026-11-20", vendor="Cisco Meraki")
    assert isinstance(row, Row)
    assert (row.vendor, row.source) == ("Cisco Meraki", "EoX of 2026-11-20")


def test_a_products_list_of_endoflife_date(tmp_path: Path) -> None:
    first, second = of(tmp_path, CYCLES)
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert (first.pattern, first.release) == ("fortios", "7.2")
    assert (first.end_of_software_maintenance, first.end_of_security_fixes) == (date(2025, 3, 31), date(2026, 9, 30))
    assert (first.source, first.checked_on) == ("endoflife.date, product fortios, cycle 7.2", READ_ON)
    assert (second.release, second.end_of_sale) == ("5", date(2018, 1, 31))
    assert (second.end_of_security_fixes, second.end_of_support) == (date(2020, 1, 31), date(2023, 1, 31))


def test_a_product_of_endoflife_dates_v1(tmp_path: Path) -> None:
    (row,) = of(tmp_path, V1)
    assert isinstance(row, Row)
    assert (row.pattern, row.release, row.end_of_security_fixes) == ("pan-os", "11.1", date(2027, 5, 3))
    assert row.checked_on == date(2026, 5, 4)  # the day of the answer, not of the file


def test_all_products_of_v1_at_once_leave_the_devices_out(tmp_path: Path) -> None:
    phone = {"name": "phone", "category": "device", "releases": [{"name": "1", "eolFrom": "2025-01-01"}]}
    found = of(tmp_path, {**V1, "result": [phone, V1["result"]]})
    assert [row.pattern for row in found if isinstance(row, Row)] == ["pan-os"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b'{"a": 1}', "expected a product of endoflife.date"),
        (b"[1, 2]", "expected a product of endoflife.date"),
        (b'{"result": {"name": "x"}}', "expected `result` with its `releases`"),
        (b'{"result": {"category": "device", "releases": [1]}}', "is about devices"),
        (b"", "cannot be read|has no column|nothing"),
        (b"a,b\n1,2\n", "has no column for the model; headings found: a, b"),
        (b"model,b\n1,2\n", "has no column with an end date"),
    ],
)
def test_a_file_of_which_nothing_can_be_taken(tmp_path: Path, content: bytes, said: str) -> None:
    if not content:
        assert of(tmp_path, content) == []
        return
    with pytest.raises(UnreadableError, match=said):
        of(tmp_path, content)


def test_a_missing_file_and_a_file_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreadableError, match="cannot be read: No such file"):
        list(imported(tmp_path / "none.json", Defaults("x", READ_ON)))
    monkeypatch.setattr("agent.config.lifecycleimport.MAX_OCTETS", 10)
    with pytest.raises(UnreadableError, match="larger than"):
        of(tmp_path, b"[" * 11)


def test_entries_are_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.config.lifecycleimport.MOST_ROWS", 1)
    assert of(tmp_path, CYCLES)[1:] == ["f.json: more than 1 entries; the rest is left out"]
    lines = b"model,end of support,source\nA,2025-01-01,s\nB,2025-01-01,s\n"
    assert of(tmp_path, lines, name="f.csv")[1:] == ["f.csv:3: more than 1 rows; the rest is left out"]


def test_a_csv_with_headings_of_its_own(tmp_path: Path) -> None:
    text = (
        "Manufacturer;PID;EoS;End of Sale;LDoS;Link;Remark\n"
        "Aruba;J9772A;x;31/10/2019;31.10.2024;https://vendor.example/eos.pdf p. 2;b\n"
        "Aruba;J9773A;;;tbd.;https://vendor.example/eos.pdf p. 2;\n"
        ";J9774A;;;2024-10-31;;\n"
    )
    row, unread, refused, missing = of(tmp_path, text.encode(), name="f.csv")
    assert isinstance(row, Row)
    assert (row.vendor, row.pattern, row.end_of_sale, row.end_of_support) == (
        "Aruba", "J9772A", date(2019, 10, 31), date(2024, 10, 31),
    )  # fmt: skip
    assert (row.source, row.checked_on) == ("https://vendor.example/eos.pdf p. 2", READ_ON)
    assert str(unread).startswith("f.csv:3: end_of_support: expected a day")
    assert refused == "f.csv:3: end_of_support is no day; left out"
    assert str(missing).endswith("where in it the dates stand (or give --source); left out")
    given = of(tmp_path, text.encode(), name="f.csv", source="the list", vendor="HPE")[-1]
    assert isinstance(given, Row)
    assert (given.vendor, given.source) == ("HPE", "the list")


def test_an_import_replaces_its_like_and_leaves_the_rest(tmp_path: Path) -> None:
    def one(pattern: str, day: str) -> Row:
        return Row("A", pattern, "", "s", "t:1", READ_ON, end_of_support=date.fromisoformat(day), own=True)

    result = merged([one("M1", "2025-01-01"), one("M2", "2025-01-01"), one("M3", "2025-01-01")],
                    [one("m1", "2026-01-01"), one("M2", "2025-01-01"), one("M4", "2025-01-01")])  # fmt: skip
    assert (result.new, result.changed, result.same) == (1, 1, 1)
    text = as_csv(result.rows)
    assert [line.split(",")[1] for line in text.splitlines()] == ["model_pattern", "m1", "M2", "M3", "M4"]
    (tmp_path / "t.csv").write_text(text)
    again = [row for row in table(tmp_path / "t.csv", own=True) if isinstance(row, Row)]
    assert as_csv(again) == text


def test_conflicts_are_about_the_same_model_or_release() -> None:
    def one(pattern: str, day: str, release: str = "") -> Row:
        return Row("A", pattern, release, "s", f"{pattern}:1", end_of_support=date.fromisoformat(day))

    shipped = [one("M1*", "2025-01-01"), one("M2", "2025-01-01"), one("os", "2025-01-01", "7.0")]
    assert list(conflicts(one("M10", "2026-01-01"), shipped)) == [
        "M1*:1 says end of support 2025-01-01 for A M1*, not 2026-01-01 as M10:1"
    ]
    assert list(conflicts(one("m2", "2025-01-01"), shipped)) == []
    assert list(conflicts(one("M*", "2026-01-01"), shipped)) == []  # wider: of which model, nobody can say
    assert len(list(conflicts(one("OS", "2026-01-01", "7.0"), shipped))) == 1
    assert list(conflicts(one("OS", "2026-01-01", "7.1"), shipped)) == []


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["2025-01-01", "x-y-z"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["EOXRecord", "result", "releases", "name", "cycle", "eol", "EOLProductID", "value",
                                 "LastDateOfSupport", "category", "eolFrom", "generated_at"]),
                inner, max_size=4,
            )
        ),
        max_leaves=12,
    )
)  # fmt: skip
def test_no_document_is_a_crash(tmp_path: Path, document: Any) -> None:  # noqa: ANN401 - JSON
    try:
        found = of(tmp_path, document)
    except UnreadableError:
        return
    assert all(isinstance(one, Row | str) for one in found)


def test_a_release_without_a_cycle_or_with_a_day_that_is_none_is_told_with_its_place(tmp_path: Path) -> None:
    entries = [{"cycle": "6.0", "eol": True}, {"cycle": "7.0", "eol": "soon"}, {"eol": "2022-01-01"}]
    assert of(tmp_path, entries) == [
        "f.json: entry 2: end_of_security_fixes is no day; left out",
        "f.json: entry 3: has no cycle: its days would be those of every release; left out",
    ]


def test_an_eox_record_that_is_refused_is_named_by_its_place_among_all(tmp_path: Path) -> None:
    record = {"EOLProductID": "BAR", "LastDateOfSupport": {"value": "2027-02-31"}, "ProductBulletinNumber": "EOL2"}
    error = {"EOLProductID": "", "EOXError": {"ErrorID": "SSA_ERR_026"}}
    assert of(tmp_path, {"EOXRecord": [error, record]}) == ["f.json: entry 2: end_of_support is no day; left out"]


def test_a_file_that_says_two_things_of_one_model_is_told() -> None:
    first, last, other = (
        Row("Acme", model, "", "page", f"f.csv:{line}", READ_ON, end_of_support=date(year, 1, 31))
        for model, line, year in (("M1", 2, 2025), ("m1", 3, 2026), ("M2", 4, 2026))
    )
    rows, told = single([first, last, other])
    assert rows == (last, other)
    assert told == ("Acme m1: stands in f.csv:2 and in f.csv:3; the latter is taken",)
    assert single([other, other]) == ((other,), ())

"""Lifecycle tables: what is refused and why, what is shipped, and the user's own."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from agent.config import ConfigError, Loaded, load
from agent.config.lifecycle import COLUMNS, MOST_ROWS, shipped, table
from agent.config.problems import Problem
from agent.core.lifecycle import MILESTONES, Lifecycle, Row

ROOT = Path(__file__).parents[2]
TABLES = sorted((ROOT / "configs" / "lifecycle").glob("*.csv"))
HEAD = ",".join(COLUMNS)
GOOD = "Cisco,WS-C1*,,2020-01-31,,,2025-01-31,EOL1 table 1,2026-11-01"


def read(tmp_path: Path, *lines: str, head: str = HEAD) -> list[str]:
    """Return what is said of a table: the product of a good row, the message of another."""
    file = tmp_path / "t.csv"
    file.write_text("\n".join((head, *lines)) + "\n")
    return [str(one).removeprefix(f"{tmp_path}/") if isinstance(one, Problem) else one.product for one in table(file)]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (GOOD, "Cisco WS-C1*"),
        ("Juniper,junos,18.4,,2021-12-22,,2022-06-22,EOL page,2026-11-01", "Juniper junos 18.4"),
        (
            "Cisco,X1,,,,,2025-01-31,,2026-11-01",
            "t.csv:2: has no source: name the document, and where in it the dates stand; left out",
        ),
        (
            "Cisco,X1,,,,,2025-01-31,EOL1,",
            "t.csv:2: has no checked_on: the day on which somebody read the source; left out",
        ),
        (
            "Cisco,,,,,,2025-01-31,EOL1,2026-11-01",
            "t.csv:2: has no model_pattern: the model with * and ?, or the name of a software product; left out",
        ),
        (
            "Cisco,X1,,,,,,EOL1,2026-11-01",
            "t.csv:2: has no date: expected one of " + ", ".join(MILESTONES) + "; left out",
        ),
        (
            "Cisco,X1,,2026-01-01,,,2025-01-31,EOL1,2026-11-01",
            "t.csv:2: end_of_support 2025-01-31 comes before end_of_sale 2026-01-01; left out",
        ),
        (
            "Cisco,a*b*c*d*e*f,,,,,2025-01-31,EOL1,2026-11-01",
            "t.csv:2: model_pattern 'a*b*c*d*e*f' is none: letters, digits and marks, with at most 4 * and ?; left out",
        ),
        (
            "Cisco,[ab]+$,,,,,2025-01-31,EOL1,2026-11-01",
            "t.csv:2: model_pattern '[ab]+$' is none: letters, digits and marks, with at most 4 * and ?; left out",
        ),
        (
            "Cisco,**,,,,,2025-01-31,EOL1,2026-11-01",
            "t.csv:2: model_pattern '**' is none: letters, digits and marks, with at most 4 * and ?; left out",
        ),
    ],
)  # fmt: skip
def test_a_row_is_taken_or_refused_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    assert read(tmp_path, line) == [said]


def test_a_date_that_cannot_be_read_refuses_its_row_and_the_rest_goes_on(tmp_path: Path) -> None:
    said = read(tmp_path, "Cisco,X1,,,,,soon,EOL1,2026-11-01", GOOD)
    assert said[0].startswith("t.csv:2: end_of_support: expected a day such as 2012-03-01")
    assert said[1:] == ["t.csv:2: end_of_support is no day; left out", "Cisco WS-C1*"]


def test_headings_may_be_written_as_people_write_them(tmp_path: Path) -> None:
    line = "WS-C1*;31/01/2025;a notice;01.11.2026"
    assert read(tmp_path, line, head="Model pattern;End of support;Source;Checked on") == ["WS-C1*"]


def test_a_table_without_the_columns_says_which(tmp_path: Path) -> None:
    (said,) = read(tmp_path, "X1,2025-01-31", head="model_pattern,end_of_support")
    assert said == f"t.csv:1: has no column source, checked_on; expected the headings {HEAD}"


def test_rows_are_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.config.lifecycle.MOST_ROWS", 2)
    assert MOST_ROWS == 100_000
    assert read(tmp_path, *[GOOD] * 4)[2:] == ["t.csv:4: more than 2 rows; this one and those below it are left out"]


# ------------------------------------------------------------------ the user's own


def configured(tmp_path: Path, hardware: str = "") -> Loaded:
    file = tmp_path / "linewarden.yaml"
    file.write_text(f"{hardware}\ndevices: []\n")
    return load(file, environ={})


def test_the_users_tables_are_read_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "lifecycle").mkdir()
    (tmp_path / "lifecycle" / "a.csv").write_text(f"{HEAD}\n{GOOD}\nCisco,X1,,,,,2025-01-31,,2026-11-01\n")
    found = configured(tmp_path)
    assert [(row.product, row.own, row.table) for row in found.lifecycle] == [
        ("Cisco WS-C1*", True, f"{tmp_path}/lifecycle/a.csv:2")
    ]
    assert [str(problem) for problem in found.warnings] == [
        f"{tmp_path}/lifecycle/a.csv:3: has no source: name the document, and where in it the dates stand; left out"
    ]


def test_a_table_that_is_named_and_missing_is_an_error(tmp_path: Path) -> None:
    assert configured(tmp_path).lifecycle == ()
    with pytest.raises(ConfigError, match=r"linewarden.yaml:1: hardware.lifecycle.*there is no file .*/mine.csv"):
        configured(tmp_path, "hardware: {lifecycle: [mine.csv]}")


def test_a_file_that_two_patterns_name_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"{HEAD}\n{GOOD}\n")
    assert len(configured(tmp_path, "hardware: {lifecycle: [a.csv, '*.csv']}").lifecycle) == 1


# ------------------------------------------------------------------ what is shipped


@pytest.fixture(scope="module")
def tables() -> Lifecycle:
    return shipped()


def test_every_shipped_row_is_good_and_names_its_document(tables: Lifecycle) -> None:
    rows = [row for row in tables.rows if not row.table.startswith("endoflife.csv")]
    assert len(rows) == sum(len(file.read_text().splitlines()) - 1 for file in TABLES)
    for row in rows:
        assert row.vendor, row.table
        assert "://" in row.source or "Barracuda Campus" in row.source, row.table
        assert row.checked_on is not None, row.table
        assert row.checked_on <= date(2026, 11, 27), row.table
        days = [day for milestone in MILESTONES if (day := getattr(row, milestone)) is not None]
        assert days == sorted(days), row.table
        assert len(row.source) <= 256, row.table


def test_no_two_shipped_rows_are_about_the_same(tables: Lifecycle) -> None:
    counts = Counter((row.vendor, row.pattern.lower(), row.release) for row in tables.rows)
    assert [key for key, number in counts.items() if number > 1] == []


def test_thirty_rows_of_five_vendors(tables: Lifecycle) -> None:
    hardware = [row for row in tables.rows if not row.release]
    assert len(hardware) >= 30
    assert len({row.vendor for row in hardware}) >= 5


def test_a_shipped_model_is_found_by_its_own_row(tables: Lifecycle) -> None:
    for row in (row for row in tables.rows if not row.release):
        model = row.pattern.replace("*", "9").replace("?", "9")
        found = tables.of_hardware(row.vendor, model)
        assert found is not None, row.table
        assert found.table == row.table, row.table


def test_every_cycle_of_endoflife_is_found_by_one_of_its_names(tables: Lifecycle) -> None:
    called = {product: " ".join(name) for name, product in tables.names.products.items()}
    for row in (row for row in tables.rows if row.table.startswith("endoflife.csv")):
        assert row.pattern in called, row.table
    for product in set(tables.names.words):
        assert product in called, product


def test_endoflife_is_shipped_with_its_licence_and_its_columns_mean_what_they_mean(tables: Lifecycle) -> None:
    folder = ROOT / "configs" / "lifecycle" / "endoflife"
    assert "endoflife.date contributors" in (folder / "NOTICE").read_text()
    assert "Permission is hereby granted" in (folder / "LICENSE.MIT").read_text()
    found = tables.of_software(["FortiOS v7.0.14"])
    assert found is not None
    assert (found.end_of_software_maintenance, found.end_of_security_fixes) == (date(2024, 3, 30), date(2025, 9, 30))
    assert (found.source, found.end_of_support) == ("endoflife.date, product fortios, cycle 7.0", None)
    assert tables.of_software(["RouterOS"], "6.48.6") is None  # its end is `true`: no day, so unknown
    assert tables.of_software(["macOS 15.1"]) is not None  # its end is `false`: known, and open


@pytest.mark.parametrize(
    ("text", "version", "day"),
    [
        ("Windows Server 2012 R2 Standard", "", "2023-10-10"),
        ("Microsoft Windows 10 Pro", "", "2025-10-14"),
        ("Windows 7 Professional", "", "2020-01-14"),
        ("Ubuntu 22.04.3 LTS", "", "2027-04-01"),
        ("Debian GNU/Linux 12 (bookworm)", "", "2026-07-11"),
        ("Red Hat Enterprise Linux Server release 7.9 (Maipo)", "", "2024-06-30"),
        ("VMware ESXi", "7.0.3", "2025-10-02"),
        ("IOS-XE", "17.09.04a", "2026-07-29"),
        ("PAN-OS", "10.1.6-h3", "2024-12-01"),
        ("SQL Server 2012 SP4", "", "2022-07-12"),
        ("Exchange Server 2016 CU23", "", "2025-10-14"),
    ],
)
def test_what_devices_and_registers_call_it(tables: Lifecycle, text: str, version: str, day: str) -> None:
    found = tables.of_software([text], version)
    assert found is not None
    assert str(found.end_of_security_fixes) == day


def test_another_products_name_is_not_taken(tables: Lifecycle) -> None:
    assert tables.of_software(["IOS"], "15.2(4)E10") is None
    assert tables.of_software(["Linux 5.10.0-21-amd64"]) is None
    mine = Row("", "ios", "15", "s", "mine.csv:2", end_of_security_fixes=date(2024, 1, 1), own=True)
    assert Lifecycle((*tables.rows, mine), tables.names).of_software(["IOS"], "15.2(4)E10") is None

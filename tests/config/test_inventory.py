"""Asset registers as spreadsheets write them."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.config import ConfigError, Loaded, load
from agent.config.table import parse_day
from agent.core.model import AssetRow

ESTATE = """
devices:
  - {name: sw1, kind: switch, address: 10.0.0.1, icmp: {}}
  - {name: sw2, kind: switch, address: 10.0.0.2, icmp: {}, serial: FOC-2, purchased: 2015-01-01, model: C2960}
"""


def load_with(tmp_path: Path, register: bytes | str, inventory: str = "[r.csv]") -> Loaded:
    (tmp_path / "r.csv").write_bytes(register if isinstance(register, bytes) else register.encode())
    file = tmp_path / "linewarden.yaml"
    file.write_text(f"inventory: {inventory}\n{ESTATE}")
    return load(file, environ={})


def told(found: Loaded) -> list[str]:
    return [f"{problem.line}: {problem.message}" for problem in found.warnings]


def test_joined_by_name_serial_or_address(tmp_path: Path) -> None:
    register = """Hostname,S/N,Model,Date of purchase,Warranty expiry,Location,Asset Tag,User,IP Address
SW1.council.example,FOC-1,C9300,01/03/2012,2017-03-01,Town Hall,A-1,Jane,
,foc-2,C3560,2014-12-31,,,,,
printer-7,,LJ,01-Mar-2019,,Town Hall,A-9,Joe,10.0.9.9
"""
    found = load_with(tmp_path, register)
    sw1, sw2 = found.estate.targets["sw1"], found.estate.targets["sw2"]
    assert sw1.purchased == date(2012, 3, 1)
    assert sw1.info == {  # and not whose it is
        "serial": "FOC-1", "model": "C9300", "warranty": "2017-03-01", "site": "Town Hall", "asset": "A-1",
    }  # fmt: skip
    assert sw2.purchased == date(2015, 1, 1)
    assert sw2.info == {"serial": "FOC-2", "model": "C2960"}  # the configuration wins
    assert told(found) == ["3: 'sw2' was purchased 2014-12-31 here and 2015-01-01 in the configuration, which wins"]
    assert found.estate.assets == (
        AssetRow(
            "printer-7",
            f"{tmp_path}/r.csv:4",
            date(2019, 3, 1),
            {"model": "LJ", "site": "Town Hall", "asset": "A-9", "address": "10.0.9.9"},
        ),
    )


def test_joined_by_address(tmp_path: Path) -> None:
    found = load_with(tmp_path, "Management IP\tPurchased\r\n10.0.0.1\t2012-03-01\r\n")
    assert found.estate.targets["sw1"].purchased == date(2012, 3, 1)
    assert found.estate.targets["sw1"].info == {}


@pytest.mark.parametrize(
    "register",
    [
        "Name,Purchased,Model\nsw1,2012-03-01,Größe\n".encode(),
        "\ufeffName,Purchased,Model\nsw1,2012-03-01,Größe\n".encode(),
        "Name;Purchased;Model\nsw1;2012-03-01;Größe\n".encode("cp1252"),
        "Name\tPurchased\tModel\nsw1\t2012-03-01\tGröße\n".encode("utf-16"),
        'sep=;\r\nName;Purchased;Model\r\nsw1;"2012-03-01";"Größe"\r\n'.encode(),
        "\n\nName,Purchased,Model\n\nsw1,2012-03-01,Größe\n\n".encode(),
        '"Name","Purchased","Model"\n"sw1","2012-03-01 00:00:00","Größe"\n'.encode(),
        "  NAME , purchased,model,,\nsw1, 2012-03-01 , Größe,,\n".encode(),
        "Name,Purchased,Model\rsw1,2012-03-01,Größe\r".encode(),
    ],
)
def test_spreadsheets(tmp_path: Path, register: bytes) -> None:
    found = load_with(tmp_path, register)
    target = found.estate.targets["sw1"]
    assert (target.purchased, target.info) == (date(2012, 3, 1), {"model": "Größe"})
    assert told(found) == []


def test_what_the_register_says_is_kept_beside_what_is_configured(tmp_path: Path) -> None:
    """Excel's export: BOM, semicolons, day first. Who uses a thing stands in no column that is taken."""
    register = (
        "\ufeffName;Serial No.;Manufacturer;Model;OS;OS version;Purchase date;IP address;Last user\r\n"
        "sw2;FOC-9;Cisco;C3560;IOS;15.2;31/12/2014;10.0.0.99;Jane Doe\r\n"
        "LT-1;5CG-1;HP;EliteBook;Windows 10;22H2;14/02/2019;;Joe Doe\r\n"
    )
    found = load_with(tmp_path, register)
    sw2 = found.estate.targets["sw2"]
    columns = {
        "serial": "FOC-9", "vendor": "Cisco", "model": "C3560", "operating_system": "IOS",
        "operating_system_version": "15.2", "address": "10.0.0.99",
    }  # fmt: skip
    assert sw2.register == AssetRow("sw2", f"{tmp_path}/r.csv:2", date(2014, 12, 31), columns)
    assert sw2.purchased == date(2015, 1, 1)  # as configured
    assert sw2.info == {**columns, "serial": "FOC-2", "model": "C2960"}
    assert found.estate.targets["sw1"].register is None
    (laptop,) = found.estate.assets
    assert laptop.columns["operating_system"] == "Windows 10"
    assert "Doe" not in repr(found.estate)


def test_every_column_can_be_named(tmp_path: Path) -> None:
    headings = {
        "name": "A", "address": "B", "serial": "C", "vendor": "D", "model": "E", "operating_system": "F",
        "operating_system_version": "G", "purchased": "H", "warranty": "I", "site": "J", "owner": "K", "kind": "L",
        "asset": "M",
    }  # fmt: skip
    cells = "spare,10.9.9.9,S-100,Cisco,C9300,IOS XE,17.9,01/03/2012,01/03/2017,Cellar,bcw,Switch,A-17"
    register = f"{','.join(headings.values())},Name\n{cells},Jane\n"
    found = load_with(tmp_path, register, f"[{{file: r.csv, columns: {headings}}}]".replace("'", ""))
    assert found.estate.assets == (
        AssetRow(
            "spare", f"{tmp_path}/r.csv:2", date(2012, 3, 1),
            {
                "address": "10.9.9.9", "serial": "S-100", "vendor": "Cisco", "model": "C9300",
                "operating_system": "IOS XE", "operating_system_version": "17.9", "warranty": "2017-03-01",
                "site": "Cellar", "owner": "bcw", "kind": "Switch", "asset": "A-17",
            },
        ),
    )  # fmt: skip


def test_a_stack_member_has_a_row_of_its_own(tmp_path: Path) -> None:
    found = load_with(tmp_path, "Name,Serial\nsw1,M-100\nsw1,M-200\nsw1,m-100\n")
    register = found.estate.targets["sw1"].register
    assert register is not None
    assert register.columns == {"serial": "M-100"}
    assert [row.columns for row in found.estate.assets] == [{"serial": "M-200"}]
    assert told(found) == [f"4: 'sw1' stands in {tmp_path}/r.csv:2 already; left out"]


def test_columns_named_in_the_configuration(tmp_path: Path) -> None:
    found = load_with(
        tmp_path,
        "Name,Gerät,Gekauft,Serial\nRoom 5,sw1,1.3.2012,X\n",
        "[{file: '*.csv', columns: {name: Gerät, purchased: gekauft}}]",
    )
    target = found.estate.targets["sw1"]
    assert (target.purchased, target.info) == (date(2012, 3, 1), {"serial": "X"})


def test_bad_rows_are_told_and_the_others_load(tmp_path: Path) -> None:
    register = """Name,Serial,Purchased
sw1,FOC-2,2012-03-01
sw1,"two
lines",03/25/2012
,,2012-03-01
sw2,X,unknown,too,much
sw2,,n/a
sw1,,
spare,,soon
"""
    found = load_with(tmp_path, register)
    expected = "expected a day such as 2012-03-01, 01/03/2012 (day first) or 01-Mar-2012, got"
    assert told(found) == [
        "2: describes two devices: its name is that of sw1, its serial is that of sw2; joined to neither",
        f"3: {expected} '03/25/2012'",
        "5: has neither name, asset, serial nor address; left out",
        "6: has 5 cells where the headings are 3; left out (a delimiter without quotes?)",
        f"8: 'sw1' stands in {tmp_path}/r.csv:3 already; left out",
        f"9: {expected} 'soon'",
    ]
    assert found.estate.targets["sw1"].info == {"serial": "two lines"}
    assert [asset.name for asset in found.estate.assets] == ["sw1", "spare"]


@pytest.mark.parametrize(
    ("register", "inventory", "message"),
    [
        ("Owner,Colour\na,b\n", "[r.csv]", "no column tells which device is meant; headings found: Owner, Colour"),
        ("Name,X\na,b\n", "[{file: r.csv, columns: {serial: SN}}]", "has no column 'SN' for `serial`"),
        ("Name\n" + "x" * 200_000 + "\n", "[r.csv]", "is no CSV: field larger than field limit"),
    ],
)
def test_useless_register_is_a_warning(tmp_path: Path, register: str, inventory: str, message: str) -> None:
    (warning,) = load_with(tmp_path, register, inventory).warnings
    assert message in warning.message


def test_empty_glob_and_empty_file_are_fine(tmp_path: Path) -> None:
    assert load_with(tmp_path, "", "['r.csv', 'assets/*.csv']").warnings == ()


def test_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"inventory\[1\]: there is no file .*/none\.csv"):
        load_with(tmp_path, "", "['*.csv', none.csv]")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2012-03-01", date(2012, 3, 1)),
        ("2012-03-01T00:00:00Z", date(2012, 3, 1)),
        ("2012/3/1", date(2012, 3, 1)),
        ("01/03/2012", date(2012, 3, 1)),
        ("1/3/2012 12:30 PM", date(2012, 3, 1)),
        ("1.3.2012", date(2012, 3, 1)),
        ("01-03-12", date(2012, 3, 1)),
        ("01-Mar-2012", date(2012, 3, 1)),
        ("1-mar-12", date(2012, 3, 1)),
        ("1st March 2012", date(2012, 3, 1)),
        ("31/12/1999", date(1999, 12, 31)),
    ],
)
def test_days(text: str, day: date) -> None:
    assert parse_day(text) == day


@pytest.mark.parametrize("text", ["", "soon", "2012-02-30", "13/13/2012", "41000", "1-Foo-2012", "01/03/1066", "1/2"])
def test_no_days(text: str) -> None:
    with pytest.raises(ValueError, match="expected a day such as 2012-03-01"):
        parse_day(text)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(register=st.one_of(st.binary(max_size=80), st.text(alphabet='Name,Serial;"\n\r\t\0 x1/-', max_size=80)))
def test_whatever_stands_in_a_register_the_rest_loads(tmp_path: Path, register: bytes | str) -> None:
    for heading in ("", "Name,Purchased\n"):
        found = load_with(tmp_path, heading.encode() + (register if isinstance(register, bytes) else register.encode()))
        assert set(found.estate.targets) == {"sw1", "sw2"}

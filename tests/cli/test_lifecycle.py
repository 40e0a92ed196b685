"""`linewarden lifecycle`: rows with their sources, and other people's data in a table of one's own."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.cli import main
from agent.cli.lifecycle_common import complete_vendor
from agent.core.ageing_report import report
from tests.cli.test_report_ageing import agent_with
from tests.config.test_lifecycleimport import CYCLES, EOX
from tests.exporters.ageingestate import NOW, TODAY, cases


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "linewarden.yaml"
    file.write_text("devices: []\n")
    return file


def run(*words: str | Path, config: Path | None = None) -> Result:
    options = ["--config", str(config)] if config is not None else []
    environment = {"LINEWARDEN_CONFIG": None, "COLUMNS": "200"}
    return CliRunner().invoke(main, ["lifecycle", *map(str, words), *options], env=environment)


def written(tmp_path: Path, name: str, content: object) -> Path:
    file = tmp_path / name
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    os.utime(file, (1_790_000_000, 1_790_000_000))  # 2026-09-21
    return file


# ------------------------------------------------------------------ list


def test_a_model_with_its_row_and_its_source(config: Path) -> None:
    found = run("list", "--model", "WS-C3850-24T-S", config=config)
    assert found.exit_code == 0
    assert "Cisco WS-C3850-24T*" in found.stdout
    assert "EOL13188" in found.stdout
    assert "WS-C3850-24T-S: Cisco WS-C3850-24T* by cisco.csv:" in found.stdout


def test_an_operating_system(config: Path) -> None:
    found = run("list", "--model", "Windows Server 2012 R2 Standard", config=config)
    assert "Windows Server 2012 R2" in found.stdout
    assert "2023-10-10" in found.stdout


def test_what_is_in_no_table(config: Path) -> None:
    found = run("list", "--model", "ZX81", config=config)
    assert found.exit_code == 1
    assert found.stdout == "ZX81: in no table; look its dates up, and import them with linewarden lifecycle import\n"


def test_no_row_is_like_that(config: Path) -> None:
    found = run("list", "--vendor", "Frobnicators", config=config)
    assert (found.exit_code, found.stdout) == (1, "")
    assert found.stderr == "no row is like that; linewarden lifecycle list shows all\n"


def test_by_vendor_and_day_as_json(config: Path) -> None:
    found = run("list", "--vendor", "juniper", "--due", "2019-12-31", "--json", config=config)
    document = json.loads(found.stdout)
    assert document["found"] is None
    assert {row["vendor"] for row in document["rows"]} == {"Juniper"}
    assert {row["end_of_support"] for row in document["rows"]} == {"2019-08-31"}
    assert document["rows"][0]["model_pattern"].startswith("EX3200-")
    assert document["rows"][0]["own"] is False


def test_without_a_configuration_the_shipped_tables_are_shown() -> None:
    assert run("list", "--model", "PA-3020").exit_code == 0


def test_a_day_that_is_none_and_a_configuration_that_is_bad(config: Path) -> None:
    found = run("list", "--due", "soon", config=config)
    assert found.exit_code == 2
    assert "--due: expected a day such as 2012-03-01" in found.stderr
    config.write_text("devicse: []\n")
    found = run("list", config=config)
    assert found.exit_code == 2
    assert "did you mean 'devices'?" in found.stderr


def test_a_row_that_is_refused_is_said_and_the_others_win(config: Path) -> None:
    folder = config.parent / "lifecycle"
    folder.mkdir()
    (folder / "mine.csv").write_text(
        "vendor,model_pattern,end_of_support,source,checked_on\n"
        "Cisco,WS-C3850*,2030-01-01,our contract,2026-11-01\n"
        "Cisco,WS-C1,2030-01-01,,2026-11-01\n"
    )
    found = run("list", "--model", "WS-C3850-24T-S", config=config)
    assert "mine.csv:3: has no source" in found.stderr
    assert f"WS-C3850-24T-S: Cisco WS-C3850* by {folder}/mine.csv:2" in found.stdout
    assert "says end of support 2025-10-31 for Cisco WS-C3850-24T*, not 2030-01-01" in found.stdout


@pytest.fixture
def estate(config: Path) -> Path:
    device = "{{name: d{0}, kind: switch, address: 10.0.0.1, icmp: {{}}, purchased: 2012-03-0{0}{1}}}"
    models = (", model: ZX81", ", model: ZX80", ", model: ZX81", ", model: WS-C3850-24T-S", "")
    devices = [device.format(number, model) for number, model in enumerate(models, 1)]
    config.write_text(f"devices: [{', '.join(devices)}]\ninventory: [r.csv]\n")
    (config.parent / "r.csv").write_text("name,manufacturer,model\npc1,Sinclair,zx 81\npc2,,\n=1+1,Acorn,BBC\n")
    return config


def test_models_that_no_table_has(estate: Path) -> None:
    found = run("list", "--unknown", config=estate)
    assert found.exit_code == 0
    assert [line.split() for line in found.stdout.splitlines()] == [
        ["DEVICES", "MODEL", "OLDEST", "WHICH"],
        ["3", "Sinclair", "ZX81", "2012-03-01", "d1,", "d3,", "pc1"],
        ["1", "ZX80", "2012-03-02", "d2"],
        ["1", "Acorn", "BBC", "=1+1"],
    ]
    assert "of 2 devices more the model is unknown: linewarden inspect shows" in found.stderr
    document = json.loads(run("list", "--unknown", "--json", config=estate).stdout)
    assert document["unknown"][:2] == [
        {"vendor": "Sinclair", "model": "ZX81", "devices": 3, "oldest": "2012-03-01", "names": ["d1", "d3", "pc1"]},
        {"vendor": "", "model": "ZX80", "devices": 1, "oldest": "2012-03-02", "names": ["d2"]},
    ]


def test_the_table_to_fill_in_is_taken_by_import(estate: Path, tmp_path: Path) -> None:
    lines = run("list", "--unknown", "--csv", config=estate).stdout.splitlines()
    assert lines[1:] == ["Sinclair,ZX81,,,,,,,", ",ZX80,,,,,,,", "Acorn,BBC,,,,,,,"]
    lines[2] = ",ZX80,,,,,1981-03-31,a leaflet,2026-11-01"
    taken = run("import", written(tmp_path, "found.csv", "\n".join(lines)), config=estate)
    assert (taken.exit_code, taken.stderr) == (0, "")
    assert "found.csv has 1 row: 1 new" in taken.stdout
    assert "ZX80" not in run("list", "--unknown", config=estate).stdout


def test_an_agent_is_asked_what_it_sees(config: Path) -> None:
    made = report(cases()[:30], NOW, TODAY)
    with agent_with(made) as url:
        found = run("list", "--unknown", "--url", url, config=config)
    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout.splitlines()[1].startswith("16       MiniDesk 400")
    assert found.stdout.splitlines()[1].endswith("pc-1005 and 11 more")
    with agent_with({"cases": 1}) as url:
        found = run("list", "--unknown", "--url", url, config=config)
    assert (found.exit_code, found.stdout) == (3, "")
    assert "no ageing report: " in found.stderr


def test_what_only_the_unknown_ones_have_is_refused_elsewhere(config: Path) -> None:
    for option in ("--csv", "--url=http://127.0.0.1:1"):
        found = run("list", option, config=config)
        assert (found.exit_code, found.stdout) == (2, "")
        assert "only together with --unknown" in found.stderr


def test_nothing_is_unknown_where_nothing_is_named(config: Path) -> None:
    found = run("list", "--unknown", config=config)
    assert (found.exit_code, found.stdout) == (0, "")
    assert "every model that is named stands in a table" in found.stderr


# ------------------------------------------------------------------ import


def test_cisco_eox_becomes_a_table_that_counts(config: Path, tmp_path: Path) -> None:
    file = written(tmp_path, "eox.json", EOX)
    found = run("import", file, "--as", "cisco", config=config)
    assert found.exit_code == 1  # one record names no bulletin
    assert "entry 3: has no source" in found.stderr
    target = tmp_path / "lifecycle" / "cisco.csv"
    assert found.stdout == f"{target} has 1 row: 1 new, 0 changed, 0 as before\n"
    assert target.read_text().splitlines()[1] == (
        'Cisco,WS-X9999-24T,,2020-10-30,2021-10-30,2023-10-31,2025-10-31,'
        '"Cisco EOL0001, https://vendor.example/eol0001.html",2026-09-21'
    )  # fmt: skip
    assert oct(target.stat().st_mode & 0o777) == "0o644"
    assert list(target.parent.iterdir()) == [target]
    assert "by" in run("list", "--model", "WS-X9999-24T", config=config).stdout


def test_endoflife_dates_list_is_named_by_its_file_and_differences_are_shown(config: Path, tmp_path: Path) -> None:
    file = written(tmp_path, "fortios.json", [{**CYCLES[0], "eol": "2027-01-31"}])
    found = run("import", file, config=config)
    assert found.exit_code == 0
    assert "fortios 7.2: endoflife.csv:" in found.stderr
    assert "says end of security fixes 2026-09-30 for FortiOS 7.2, not 2027-01-31" in found.stderr
    listed = run("list", "--model", "FortiOS v7.2.4", config=config)
    assert "FortiOS v7.2.4: fortios 7.2 by" in listed.stdout
    assert "fortios.csv:2 (stated)" in listed.stdout


def test_a_second_import_changes_what_changed(config: Path, tmp_path: Path) -> None:
    head = "vendor,model,end of support,source\n"
    first = written(tmp_path, "a.csv", f"{head}A,M1,2025-01-01,s\nA,M2,2025-01-01,s\n")
    second = written(tmp_path, "b.csv", f"{head}A,M1,2026-01-01,s\nA,M2,2025-01-01,s\nA,M3,2025-01-01,s\n")
    run("import", first, "--as", "mine", config=config)
    dry = run("import", second, "--as", "mine", "--dry-run", config=config)
    assert "would have 3 rows: 1 new, 1 changed, 1 as before" in dry.stdout
    assert "M3" not in (tmp_path / "lifecycle" / "mine.csv").read_text()
    assert "has 3 rows: 1 new, 1 changed, 1 as before" in run("import", second, "--as", "mine", config=config).stdout


def test_a_table_with_a_bad_row_is_not_written_over(config: Path, tmp_path: Path) -> None:
    target = tmp_path / "lifecycle" / "mine.csv"
    target.parent.mkdir()
    before = "model_pattern,end_of_support,source,checked_on\nM1,2025-01-01,,2026-01-01\n"
    target.write_text(before)
    file = written(tmp_path, "a.csv", "model,end of support,source\nM2,2025-01-01,s\n")
    found = run("import", file, "--as", "mine", config=config)
    assert found.exit_code == 2
    assert "is left as it is, or those rows would be lost" in found.stderr
    assert target.read_text() == before


def test_options_give_what_a_csv_does_not_say(config: Path, tmp_path: Path) -> None:
    file = written(tmp_path, "a.csv", "model,end of support\nM2,2025-01-01\n")
    assert "has no source" in run("import", file, config=config).stderr
    words = ("--source", "list of 2026", "--vendor", "A", "--checked-on", "2026-10-01")
    assert run("import", file, *words, config=config).exit_code == 0
    assert (tmp_path / "lifecycle" / "a.csv").read_text().splitlines()[
        1
    ] == "A,M2,,,,,2025-01-01,list of 2026,2026-10-01"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing.json"], "cannot be read: No such file"),
        (["nothing.json", "--checked-on", "2026-01-01"], "cannot be read: No such file"),
        (["f.csv", "--as", "../x"], "--as: '../x' is no name of a file"),
        (["f.csv", "--checked-on", "soon"], "--checked-on: expected a day"),
        (["f.csv"], "has no column for the model"),
    ],
)
def test_usage(config: Path, tmp_path: Path, words: list[str], said: str) -> None:
    written(tmp_path, "f.csv", "a,b\n1,2\n")
    found = run("import", tmp_path / words[0], *words[1:], config=config)
    assert found.exit_code == 2
    assert said in found.stderr


def test_a_file_with_nothing_in_it(config: Path, tmp_path: Path) -> None:
    found = run("import", written(tmp_path, "f.json", [{"cycle": "1", "eol": False}]), config=config)
    assert found.exit_code == 2
    assert "nothing to take" in found.stderr


def test_many_refusals_are_counted(config: Path, tmp_path: Path) -> None:
    lines = "".join(f"M{number},2025-01-01\n" for number in range(30))
    found = run("import", written(tmp_path, "f.csv", f"model,end of support\n{lines}"), config=config)
    assert found.exit_code == 1
    assert "and 10 more like that" in found.stderr


def test_a_place_that_cannot_be_written(config: Path, tmp_path: Path) -> None:
    (tmp_path / "lifecycle").write_text("a file")
    file = written(tmp_path, "a.csv", "model,end of support,source\nM2,2025-01-01,s\n")
    found = run("import", file, config=config)
    assert found.exit_code == 3
    assert "cannot be written" in found.stderr


def test_a_table_that_the_configuration_does_not_read_is_told(config: Path, tmp_path: Path) -> None:
    config.write_text("hardware: {lifecycle: []}\n")
    file = written(tmp_path, "a.csv", "model,end of support,source\nM2,2025-01-01,s\n")
    found = run("import", file, config=config)
    assert "the configuration does not read it: add it to `hardware: {lifecycle: [" in found.stderr


def test_an_import_needs_a_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.cli.lifecycle_common.DEFAULT_CONFIG", tmp_path / "none.yaml")
    found = run("import", written(tmp_path, "a.csv", "model,end of support,source\nM2,2025-01-01,s\n"))
    assert found.exit_code == 2
    assert "name a configuration with --config" in found.stderr


def test_vendors_are_completed() -> None:
    import click

    with click.Context(main) as ctx:
        assert [one.value for one in complete_vendor(ctx, click.Option(["--vendor"]), "ci")] == [
            "Cisco",
            "Cisco Meraki",
        ]

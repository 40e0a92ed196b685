"""`linewarden deploy`: what is written, what is left alone, and what is said."""

import importlib
import re
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli.deploy import command

deploy_module = importlib.import_module("agent.cli.deploy")
ROOT = Path(__file__).resolve().parents[2]


def shipped_files() -> set[str]:
    """What the checkout holds for others to install."""
    files = (path.relative_to(ROOT / "deploy") for path in (ROOT / "deploy").rglob("*") if path.is_file())
    return {str(path) for path in files if path.suffix not in (".py", ".pyc")}


def test_everything_is_written_once(tmp_path: Path) -> None:
    first = CliRunner().invoke(command, [str(tmp_path / "out")])
    assert first.exit_code == 0, first.output
    written = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert written == shipped_files()
    assert "systemd/linewarden.service" in written
    assert (tmp_path / "out/systemd/linewarden.service").read_bytes() == (
        ROOT / "deploy/systemd/linewarden.service"
    ).read_bytes()
    again = CliRunner().invoke(command, [str(tmp_path / "out")])
    assert again.exit_code == 0
    assert f"0 files written, {len(written)} unchanged" in again.output


def test_a_changed_file_is_kept_unless_forced(tmp_path: Path) -> None:
    CliRunner().invoke(command, [str(tmp_path)])
    unit, sysctl = tmp_path / "systemd/linewarden.service", tmp_path / "systemd/sysctl.d/90-linewarden.conf"
    unit.write_text("mine\n")
    sysctl.unlink()
    refused = CliRunner().invoke(command, [str(tmp_path)])
    assert refused.exit_code == 3
    assert refused.stderr.splitlines() == [
        f"{unit}: differs from what this version would write",
        "nothing was written; --force overwrites these files",
    ]
    assert unit.read_text() == "mine\n"
    assert not sysctl.exists(), "all or nothing"
    forced = CliRunner().invoke(command, [str(tmp_path), "--force"])
    assert forced.exit_code == 0
    assert f"overwritten: {unit}" in forced.stdout
    assert unit.read_text() != "mine\n"
    assert sysctl.exists()


def test_the_next_steps_name_files_that_were_written(tmp_path: Path) -> None:
    output = CliRunner().invoke(command, [str(tmp_path)]).stdout
    named = re.findall(rf"{re.escape(str(tmp_path))}/[\w./*-]*\w", output)
    assert f"{tmp_path}/systemd/linewarden.service" in named
    assert all(list(tmp_path.glob(str(Path(name).relative_to(tmp_path)))) for name in named)


def test_a_command_that_stands_elsewhere_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = CliRunner().invoke(command, [str(tmp_path)]).stdout
    assert "Install it there first" in output
    assert f"pip install {ROOT}\n" in output
    monkeypatch.setattr(sys, "prefix", "/opt/linewarden/.venv")
    assert "Install it there first" not in CliRunner().invoke(command, [str(tmp_path)]).stdout


def test_alerts_link_to_where_the_team_reads_the_runbooks(tmp_path: Path) -> None:
    options = [str(tmp_path), "--runbook-base", "https://wiki.example.org/linewarden/"]
    assert CliRunner().invoke(command, options).exit_code == 0
    rules = (tmp_path / "prometheus" / "linewarden.rules.yml").read_text()
    assert "runbook_url: https://wiki.example.org/linewarden/CircuitDown\n" in rules
    assert "linewarden.example" not in rules


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "systemd").write_text("a file where a directory belongs")
    result = CliRunner().invoke(command, [str(tmp_path)])
    assert result.exit_code == 3
    assert str(tmp_path / "systemd") in result.stderr
    assert "cannot be written" in result.stderr


def test_a_packed_package_gives_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a wheel holds is read in the same way, even from within a zip."""
    archive = tmp_path / "packed.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for name in shipped_files():
            packed.write(ROOT / "deploy" / name, f"deploy/{name}")
    monkeypatch.setattr(deploy_module.resources, "files", lambda _name: zipfile.Path(archive, "deploy/"))
    result = CliRunner().invoke(command, [str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert {
        str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*") if p.is_file()
    } == shipped_files()


PUSHING = 'alertmanagers: ["http://am:9093"]\nagent: {runbook_base: "https://wiki.example.org/lw"}\n'


def rules_of(folder: Path) -> str:
    return (folder / "prometheus" / "linewarden.rules.yml").read_text()


def test_rules_leave_out_what_the_agent_pushes(tmp_path: Path) -> None:
    config = tmp_path / "linewarden.yaml"
    config.write_text(PUSHING)
    result = CliRunner().invoke(command, [str(tmp_path / "out"), "--config", str(config)])
    assert result.exit_code == 0, result.output
    assert "linewarden.rules.yml leaves out what the agent tells them itself" in result.stdout
    rules = rules_of(tmp_path / "out")
    assert "- alert: CircuitDown" not in rules
    assert "- alert: LinewardenDown" in rules
    assert "runbook_url: https://wiki.example.org/lw/LinewardenDown\n" in rules
    config.write_text("agent: {name: dc1}\n")
    by_variable = CliRunner().invoke(command, [str(tmp_path / "whole")], env={"LINEWARDEN_CONFIG": str(config)})
    assert by_variable.exit_code == 0
    assert "leaves out" not in by_variable.stdout
    assert rules_of(tmp_path / "whole") == (ROOT / "deploy/prometheus/linewarden.rules.yml").read_text()


@pytest.mark.parametrize("there", [True, False])
def test_the_configuration_of_the_service_counts_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    config = tmp_path / "linewarden.yaml"
    if there:
        config.write_text(PUSHING)
    monkeypatch.setattr(deploy_module, "DEFAULT_CONFIG", config)
    monkeypatch.delenv("LINEWARDEN_CONFIG", raising=False)
    assert CliRunner().invoke(command, [str(tmp_path / "out")]).exit_code == 0
    assert ("- alert: CircuitDown" in rules_of(tmp_path / "out")) is not there


def test_a_configuration_that_may_not_be_read_is_said_to_be_left_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy_module, "DEFAULT_CONFIG", tmp_path)  # root may read everything, but no directory
    monkeypatch.delenv("LINEWARDEN_CONFIG", raising=False)
    result = CliRunner().invoke(command, [str(tmp_path / "out")])
    assert result.exit_code == 0
    assert f"{tmp_path}: cannot be read: Is a directory" in result.stderr
    assert "- alert: CircuitDown" in rules_of(tmp_path / "out")


def test_a_configuration_in_error_writes_nothing(tmp_path: Path) -> None:
    config = tmp_path / "linewarden.yaml"
    config.write_text("alertmanagers: [am]\n")
    result = CliRunner().invoke(command, [str(tmp_path / "out"), "--config", str(config)])
    assert result.exit_code == 2
    assert "alertmanagers[0]: expected http://HOST:PORT" in result.stderr
    assert not (tmp_path / "out").exists()

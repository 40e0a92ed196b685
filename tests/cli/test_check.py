"""`linewarden check`, `config schema`, `completion`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.cli import main

ROOT = Path(__file__).parents[2]
GOOD = """
snmp: {auths: {a: {community: {env: LW_TEST_NOT_SET}}}}
sites: [{name: a}, {name: b}]
circuits: [{name: c, between: [a, b], far_end: 10.0.0.1, ends: [{device: d, interface: x}]}]
devices:
  - {name: d, kind: switch, address: 10.0.0.2, icmp: {interval: 10s}, snmp: {auth: a, interval: 30s}}
  - {name: e, kind: server, address: 10.0.0.3, icmp: {interval: 10s}}
"""


def run(*args: str, color: bool = False) -> Result:
    return CliRunner().invoke(main, args, prog_name="linewarden", color=color)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    file = tmp_path / "good.yaml"
    file.write_text(GOOD)
    return file


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    file = tmp_path / "bad.yaml"
    file.write_text(GOOD.replace("depends_on", "x").replace("kind: switch", "kidn: switch").replace("[a, b]", "[a, q]"))
    return file


def test_good(good: Path) -> None:
    result = run("check", str(good))
    assert result.exit_code == 0
    assert result.stdout == (
        f"{good}: good: 1 circuit, 0 groups, 2 sites, 2 devices, 0 services, 5 checks;"
        " sends 1.2 echoes/s, 6 polls/min\n"
    )
    assert result.stderr == (
        f"warning: {good}:2: snmp.auths.a.community: the secret's environment variable LW_TEST_NOT_SET is not set\n"
    )


def test_strict(good: Path) -> None:
    result = run("check", "--strict", str(good))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{good}:2: snmp.auths.a.community: ")
    assert result.stderr.endswith(f"{good}: 1 error\n")


def test_bad(bad: Path) -> None:
    result = run("check", str(bad))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[1:] == [
        f"{bad}:4: circuits[0].between[1]: there is no site 'q'; sites: a, b",
        f"{bad}:6: devices[0].kind: is missing",
        f"{bad}:6: devices[0].kidn: unknown key; did you mean 'kind'?",
        f"{bad}: 3 errors",
    ]


def test_json(good: Path, bad: Path) -> None:
    document = json.loads(run("check", "--json", str(good)).stdout)
    assert document["good"] is True
    assert document["errors"] == []
    assert document["warnings"][0]["line"] == 2
    assert document["summary"]["echoes_per_second"] == 1.2
    result = run("check", "--json", str(bad))
    document = json.loads(result.stdout)
    assert (result.exit_code, document["good"], document["summary"]) == (2, False, None)
    assert [error["path"] for error in document["errors"]] == [
        "circuits[0].between[1]", "devices[0].kind", "devices[0].kidn",
    ]  # fmt: skip


WEB = "agent: {web_config: web.yml}\n"


@pytest.mark.parametrize(
    ("web", "told"),
    [
        ("basic_auth_users: {ops: plain}", "web.yml: basic_auth_users.ops: expected a bcrypt hash"),
        ("a: [", "web.yml:1: not YAML: "),
        ("tls_server_config: {cert_file: no.pem, key_file: no.key}", "no.key: cannot be used: No such file"),
    ],
)
def test_the_web_configuration_is_looked_at_too(tmp_path: Path, web: str, told: str) -> None:
    (tmp_path / "linewarden.yaml").write_text(WEB)
    (tmp_path / "web.yml").write_text(web)
    result = run("check", str(tmp_path / "linewarden.yaml"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    assert result.stderr.endswith("linewarden.yaml: 1 error\n")
    assert json.loads(run("check", "--json", str(tmp_path / "linewarden.yaml")).stdout)["good"] is False


def test_a_key_that_only_the_service_may_read_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "linewarden.yaml").write_text(WEB)
    (tmp_path / "web.yml").write_text("tls_server_config: {cert_file: a.pem, key_file: a.key}")

    def forbidden(_: object, path: Path, *__: object, **___: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("agent.cli.check._hidden", lambda path: path is not None)
    monkeypatch.setattr("ssl.SSLContext.load_cert_chain", forbidden)
    result = run("check", str(tmp_path / "linewarden.yaml"))
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: ")
    assert "a.key: cannot be used: Permission denied" in result.stderr
    assert run("check", "--strict", str(tmp_path / "linewarden.yaml")).exit_code == 2


def test_missing_file() -> None:
    result = run("check", "/nowhere/linewarden.yaml")
    assert result.exit_code == 2
    assert "/nowhere/linewarden.yaml: cannot be read: No such file or directory" in result.stderr


def test_colours_on_a_terminal_alone(bad: Path) -> None:
    assert "\x1b[" not in run("check", str(bad)).stderr
    assert "\x1b[31m" in run("check", str(bad), color=True).stderr


def test_no_color_is_obeyed(bad: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in run("check", str(bad), color=True).stderr


def test_an_interrupted_command_has_not_found_anything_bad(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("agent.config.load", interrupted)
    result = run("check", str(good))
    assert (result.exit_code, result.output) == (130, "\n")


def test_as_a_process(good: Path) -> None:
    command = [sys.executable, "-m", "agent.cli", "check", str(good)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert "good: 1 circuit" in done.stdout


def test_schema() -> None:
    result = run("config", "schema")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["title"] == "Linewarden configuration"


@pytest.mark.parametrize(("shell", "word"), [("bash", "complete -o"), ("zsh", "#compdef linewarden"), ("fish", "fish")])
def test_completion(shell: str, word: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert word in result.stdout
    assert "_LINEWARDEN_COMPLETE" in result.stdout


def test_completion_of_another_shell() -> None:
    assert run("completion", "tcsh").exit_code == 2


def test_help_has_examples() -> None:
    for words in (["check"], ["completion"], ["config", "schema"]):
        result = run(*words, "--help")
        assert result.exit_code == 0
        assert "linewarden " in result.stdout

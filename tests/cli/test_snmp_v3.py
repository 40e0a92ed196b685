"""The SNMP commands against SNMPv3 users of a real snmpd: the auth is found, each refusal is told for what it is."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.cli import main
from tests.lab.snmpd import Snmpd, missing, snmpd

USERS = """\
createUser ops SHA-256 authpassword AES privpassword
createUser low SHA-256 authpassword
rouser ops priv
rouser low auth
"""
AUTH = (
    "{{version: 3, security_level: {level}, username: {user}, auth_protocol: SHA256, password: {{file: {password}}}, "
    "priv_protocol: AES, priv_password: {{file: {priv}}}}}"
)


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    """An agent with two users: `ops` encrypts, `low` does not."""
    if reason := missing():
        pytest.skip(reason)
    with snmpd(tmp_path_factory.mktemp("snmpd"), more=USERS) as running:
        yield running


@pytest.fixture
def config(tmp_path: Path) -> Path:
    for name in ("authpassword", "privpassword", "wr0ngpassword"):
        (tmp_path / name).write_text(name)
    auths = {
        "nobody": AUTH.format(level="authPriv", user="nobody", password="authpassword", priv="privpassword"),
        "toolow": AUTH.format(level="authPriv", user="low", password="authpassword", priv="privpassword"),
        "wrongpriv": AUTH.format(level="authPriv", user="ops", password="authpassword", priv="wr0ngpassword"),
        "right": AUTH.format(level="authPriv", user="ops", password="authpassword", priv="privpassword"),
        "wrong": AUTH.format(level="authPriv", user="ops", password="wr0ngpassword", priv="privpassword"),
        "low": AUTH.format(level="authNoPriv", user="low", password="authpassword", priv="privpassword"),
    }
    file = tmp_path / "linewarden.yaml"
    lines = "\n".join(f"    {name}: {auth}" for name, auth in auths.items())
    file.write_text(f"snmp:\n  auths:\n{lines}\n")
    return file


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words, catch_exceptions=False)


def test_the_user_is_found_among_those_of_the_configuration(secure: Snmpd, config: Path) -> None:
    done = run("probe", "snmp", secure.address, "--config", str(config))
    assert done.exit_code == 0, done.output
    assert "nobody (v3): unknown user: " in done.stderr
    assert "toolow (v3): unsupported security level: " in done.stderr
    assert "wrongpriv (v3): no answer" in done.stderr
    assert "right (v3): answered" in done.stderr
    assert "system_name" in done.stdout
    assert "password" not in done.stdout


@pytest.mark.parametrize(
    ("auth", "said"),
    [
        ("nobody", "unknown user: "),
        ("toolow", "unsupported security level: "),
        ("wrong", "wrong password or protocol: "),
        ("wrongpriv", "many devices drop what they cannot decrypt"),
    ],
)
def test_a_refusal_is_told_for_what_it_is(secure: Snmpd, config: Path, auth: str, said: str) -> None:
    words = ("--config", str(config), "--auth", auth, "--timeout", "300ms", "--retries", "0")
    done = run("snmp", "get", secure.address, "sysName.0", *words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert said in done.stderr


@pytest.mark.parametrize("auth", ["right", "low"])
def test_get_and_walk(secure: Snmpd, config: Path, auth: str) -> None:
    words = ("--config", str(config), "--auth", auth)
    assert run("snmp", "get", secure.address, "sysName.0", *words).stdout == "SNMPv2-MIB::sysName.0 = lab-agent\n"
    assert len(run("snmp", "walk", secure.address, "snmp", *words).stdout.splitlines()) > 5

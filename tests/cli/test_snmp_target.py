"""The Tab key of the SNMP commands, and the words by which a device is meant."""

from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from agent.cli import main

CONFIG = """
snmp: {auths: {public_v2: {version: 2, community: {file: x}}, core_v2: {version: 2, community: {file: x}}}}
devices:
  - {name: bcw-core-sw1, kind: switch, address: 10.20.1.2, snmp: {auth: core_v2}}
  - {name: bcw-ups, kind: ups, address: 10.20.1.3, snmp: {auth: public_v2}}
  - {name: bcw-srv1, kind: server, address: 10.20.1.4, icmp: {interval: 10s}}
multitarget: {modules: [more.yml]}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration, of which the commands know by $LINEWARDEN_CONFIG."""
    (tmp_path / "more.yml").write_text("modules: {fans: {}, fabric: {}}\n")
    file = tmp_path / "linewarden.yaml"
    file.write_text(CONFIG)
    monkeypatch.setenv("LINEWARDEN_CONFIG", str(file))
    return file


def offered(words: str, incomplete: str) -> list[str]:
    complete = ShellComplete(main, {}, "linewarden", "_LINEWARDEN_COMPLETE")
    return [item.value for item in complete.get_completions(words.split(), incomplete)]


@pytest.mark.parametrize(
    ("words", "incomplete", "expected"),
    [
        ("", "sn", ["snmp"]),
        ("snmp", "", ["get", "walk", "import"]),
        ("snmp get", "bcw", ["bcw-core-sw1", "bcw-ups"]),
        ("snmp walk", "bcw-u", ["bcw-ups"]),
        ("probe snmp", "", ["bcw-core-sw1", "bcw-ups"]),
        ("probe snmp x --auth", "", ["core_v2", "public_v2"]),
        ("snmp get x --auth", "pub", ["public_v2"]),
        ("probe snmp x --modules", "fa", ["fabric", "fans"]),
        ("probe snmp x --modules", "if_mib,sys", ["if_mib,system"]),
        ("snmp import f --target", "bcw-c", ["bcw-core-sw1"]),
    ],
)
def test_names_of_the_configuration_are_completed(
    config: Path, words: str, incomplete: str, expected: list[str]
) -> None:  # fmt: skip
    assert offered(words, incomplete) == expected


def test_without_a_configuration_nothing_is_offered_and_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINEWARDEN_CONFIG", str(tmp_path / "none.yaml"))
    assert offered("snmp get", "") == []
    assert offered("snmp get x --auth", "") == []
    assert "if_mib" in offered("probe snmp x --modules", "if")


def test_the_configuration_of_the_line_wins(config: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("snmp: {auths: {mine: {version: 1}}}\n")
    assert offered(f"snmp get --config {other} x --auth", "") == ["mine"]

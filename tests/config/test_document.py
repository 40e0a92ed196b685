"""YAML as people write it: what traps others just works, and every value knows its line."""

from pathlib import Path

import pytest

from agent.config.document import Document, dotted, read
from agent.config.problems import Findings


def document(tmp_path: Path, text: str) -> Document:
    file = tmp_path / "a.yaml"
    file.write_text(text)
    findings = Findings()
    found = read(file, findings)
    assert found is not None
    assert findings.errors == []
    return found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),  # a site in Norway
        ("on", "on"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("'null'", "null"),
        ("12:30:45", "12:30:45"),  # YAML 1.1: 45,045
        ("007", "007"),  # YAML 1.1: octal
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("2012-03-01", "2012-03-01"),
        ("10.20", 10.2),
        ("'10.20'", "10.20"),
        ("10.20.0.1", "10.20.0.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("00:1b:21:3c:4d:5e", "00:1b:21:3c:4d:5e"),
        (".inf", ".inf"),
        ("-5", -5),
        ("123456789012345678901", "123456789012345678901"),  # a serial number
        ("!!str 5", "5"),
        ("=", "="),
    ],
)
def test_scalars(tmp_path: Path, text: str, value: object) -> None:
    found = document(tmp_path, f"key: {text}\n").value["key"]
    assert (found, type(found)) == (value, type(value))


def test_keys_are_text_as_written(tmp_path: Path) -> None:
    assert document(tmp_path, "{1: a, yes: b, 2012-03-01: c, 1.50: d}").value == {
        "1": "a", "yes": "b", "2012-03-01": "c", "1.50": "d",
    }  # fmt: skip


def test_merge_and_alias(tmp_path: Path) -> None:
    text = """
base: &base {interval: 1s, round: 10s}
more: &more {round: 20s, dscp: EF}
one: {<<: *base, interval: 5s}
two: {<<: [*base, *more]}
"""
    found = document(tmp_path, text)
    assert found.value["one"] == {"interval": "5s", "round": "10s"}
    assert found.value["two"] == {"interval": "1s", "round": "10s", "dscp": "EF"}
    assert found.line(("one", "round")) == 2
    assert found.line(("two", "dscp")) == 3


def test_lines(tmp_path: Path) -> None:
    text = """# a comment
devices:
  - name: a
    snmp:
      auth: x
    title:
  - {name: b,
     snmp: {auth: y}}
"""
    found = document(tmp_path, text)
    assert found.line(("devices",), key=True) == 2
    assert found.line(("devices", 0, "snmp"), key=True) == 4
    assert found.line(("devices", 0, "snmp")) == 5
    assert found.line(("devices", 0, "title")) == 6
    assert found.line(("devices", 1, "snmp", "auth")) == 8
    assert found.line(("devices", 1, "nothing")) == 7  # the nearest thing that exists
    assert found.line(("devices", 9)) == 3
    assert found.has(("devices", 0, "snmp"))
    assert not found.has(("devices", 2))


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "~", "\ufeff# with a mark\n"])
def test_empty_file(tmp_path: Path, text: str) -> None:
    found = document(tmp_path, text)
    assert found.value == {}
    assert found.line(()) is None


def test_dotted() -> None:
    assert dotted(("devices", 3, "snmp", "modules", 0)) == "devices[3].snmp.modules[0]"
    assert dotted(()) == ""


def test_names_only(tmp_path: Path) -> None:
    file = tmp_path / "snmp.yml"
    file.write_text("auths: {a: {version: 2}}\nmodules: {if_mib: {walk: [1.3.6]}, system: {}}\n")
    found = read(file, Findings(), names_only="modules")
    assert found is not None
    assert found.value == {"auths": {"a": {"version": 2}}, "modules": {"if_mib": None, "system": None}}


def test_all_errors_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\na: 2\nb: !x 3\nb: 4\n? {c: 1}\n: 2\nd: {<<: 5}\n")
    findings = Findings()
    read(file, findings)
    assert [(problem.line, problem.path) for problem in findings.errors] == [
        (2, "a"), (3, "b"), (4, "b"), (5, ""), (7, "d"),
    ]  # fmt: skip

"""One bad configuration file per rule: its first lines say what must be said about it, and nothing else may be."""

from pathlib import Path

import pytest

from agent.config import ConfigError, load

BAD = Path(__file__).parent / "bad"


@pytest.mark.parametrize("name", sorted(path.name for path in BAD.glob("*.yaml")))
def test_bad_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    file = Path(name)
    mark = "# expect: "
    expected = [line.removeprefix(mark) for line in file.read_text().splitlines() if line.startswith(mark)]
    assert expected, "the file does not say what is wrong with it"
    with pytest.raises(ConfigError) as caught:
        load(file, environ={"HOME": "/nowhere"})
    assert str(caught.value).splitlines() == expected


@pytest.mark.parametrize("name", sorted(path.name for path in BAD.glob("*.yaml")))
def test_no_secret_is_shown(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    with pytest.raises(ConfigError) as caught:
        load(Path(name), environ={"HOME": "hunter2hunter2"})
    shown = [str(problem) for problem in (*caught.value.problems, *caught.value.warnings)]
    assert not [line for line in shown if "hunter2" in line]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^.*/none\.yaml: cannot be read: No such file or directory$"):
        load(tmp_path / "none.yaml")


def test_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path)


def test_not_utf8(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes("agent: {name: dc1}\nsites:\n  - {name: a, title: Köln}\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"a\.yaml:3: not UTF-8 \(octet 0xf6\)"):
        load(file)


def test_too_large(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"#" * 10_000_001)
    with pytest.raises(ConfigError, match="larger than 10 MB"):
        load(file)

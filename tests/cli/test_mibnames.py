"""Names from MIB files of this host, from the built-in modules, and from what pysnmp ships."""

import json
from pathlib import Path

import pytest

from agent.cli import mibnames
from probes.snmp.names import Names, UnknownNameError
from probes.snmp.oid import encode_oid, oid_text

MIBS = Path(__file__).parent / "mibs"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep this host's MIBs and the user's cache out of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("MIBDIRS", str(tmp_path / "none"))
    return tmp_path / "cache" / "linewarden" / "names.json"


def reads(names: Names, text: str) -> tuple[str, str, dict[int, str], bool, str]:
    found, _ = names.find(names.oid(text))
    assert found is not None
    return found.oid, found.hint, dict(found.enums), found.bits, found.units


def test_a_mib_file_gives_names_types_and_units() -> None:
    names = mibnames.load([MIBS])
    root = "1.3.6.1.4.1.32473.1"
    assert reads(names, "EXAMPLE-MIB::exampleTemperature.0") == (f"{root}.1", "d-1", {}, False, "degrees Celsius")
    assert reads(names, "exampleDoors.0") == (f"{root}.2", "", {0: "front", 1: "back", 9: "roof"}, True, "")
    assert reads(names, "exampleFanState.7") == (f"{root}.3.1.2", "", {1: "ok", 2: "stuck"}, False, "")
    assert reads(names, "exampleFanMac.7") == (f"{root}.3.1.3", "1x:", {}, False, "")
    assert names.text(encode_oid(f"{root}.3.1.2.7")) == "EXAMPLE-MIB::exampleFanState.7"


@pytest.mark.parametrize("name", ["exampleOrphan", "exampleCircleA", "exampleCircleB"])
def test_what_hangs_on_nothing_costs_that_name_alone(name: str) -> None:
    names = mibnames.load([MIBS])
    with pytest.raises(UnknownNameError):
        names.oid(name)
    assert names.oid("example")


def test_a_broken_file_is_told_and_costs_itself_alone(tmp_path: Path) -> None:
    folder = tmp_path / "mibs"
    folder.mkdir()
    (folder / "BROKEN-MIB.txt").write_text("BROKEN-MIB DEFINITIONS ::= BEGIN\nx OBJECT-TYPE SYNTAX ::= {\nEND\n")
    (folder / "README").write_text("no MIB")
    (folder / "GOOD-MIB").write_text(
        "GOOD-MIB DEFINITIONS ::= BEGIN\ngood OBJECT IDENTIFIER ::= { enterprises 5 }\nEND\n"
    )
    (folder / "vendor").mkdir()
    (folder / "vendor" / "DEEP-MIB.mib").write_text(
        "DEEP-MIB DEFINITIONS ::= BEGIN\nIMPORTS good FROM GOOD-MIB;\n"
        "deep OBJECT IDENTIFIER ::= { good sub(2) 3 }\nEND\n"
    )
    said: list[str] = []
    names = mibnames.load([folder], said.append)
    assert oid_text(names.oid("DEEP-MIB::deep.0")) == "1.3.6.1.4.1.5.2.3.0"
    (complaint,) = said
    assert "BROKEN-MIB.txt is no MIB that can be read" in complaint


def test_without_any_mib_common_objects_have_names() -> None:
    names = mibnames.load()
    assert names.text(encode_oid("1.3.6.1.2.1.2.2.1.8.3")) == "IF-MIB::ifOperStatus.3"
    assert reads(names, "ifOperStatus")[2][7] == "lowerLayerDown"
    assert reads(names, "ifPhysAddress")[1] == "1x:"
    assert oid_text(names.oid("IF-MIB::ifAlias.3")) == "1.3.6.1.2.1.31.1.1.1.18.3"
    assert names.text(encode_oid("1.3.6.1.6.3.10.2.1.1.0")) == "SNMP-FRAMEWORK-MIB::snmpEngineID.0"
    assert names.text(encode_oid("1.3.6.1.2.1.4.20.1.1.10.0.0.1")) == "IP-MIB::ipAdEntAddr.10.0.0.1"


def test_what_was_read_is_kept_until_a_file_changes(own_cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mibs"
    folder.mkdir()
    file = folder / "A-MIB"
    file.write_text("A-MIB DEFINITIONS ::= BEGIN\naOne OBJECT IDENTIFIER ::= { enterprises 1 }\nEND\n")
    mibnames.load([folder])
    document = json.loads(own_cache.read_text())
    row = next(row for row in document["objects"] if row[0] == "aOne")
    row[0] = "fromTheCache"
    own_cache.write_text(json.dumps(document))
    assert oid_text(mibnames.load([folder]).oid("fromTheCache")) == "1.3.6.1.4.1.1"
    file.write_text("A-MIB DEFINITIONS ::= BEGIN\naTwo OBJECT IDENTIFIER ::= { enterprises 2 }\nEND\n")
    names = mibnames.load([folder])
    assert oid_text(names.oid("aTwo")) == "1.3.6.1.4.1.2"
    with pytest.raises(UnknownNameError):
        names.oid("fromTheCache")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"key": []}', '{"key": 1, "objects": [[1]]}'])
def test_a_broken_cache_is_made_anew(own_cache: Path, content: str) -> None:
    own_cache.parent.mkdir(parents=True)
    own_cache.write_text(content)
    assert mibnames.load().oid("ifAlias")
    assert json.loads(own_cache.read_text())["objects"]


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert mibnames.load().oid("ifAlias")


@pytest.mark.parametrize(
    ("said", "first", "last"),
    [
        ("", "/given", "/usr/local/share/snmp/mibs"),
        ("/a:/b", "/given", "/b"),
        ("+/a", "/given", "/usr/local/share/snmp/mibs"),
        ("-/a", "/given", "/a"),
    ],
)
def test_mibdirs_is_read_as_net_snmp_reads_it(said: str, first: str, last: str) -> None:
    found = mibnames.directories([Path("/given")], {"MIBDIRS": said})
    assert (str(found[0]), str(found[-1])) == (first, last)
    assert (Path("/usr/share/snmp/mibs") in found) == (said[:1] != "/")


def test_a_directory_that_may_not_be_entered_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mibs").mkdir()
    (tmp_path / "mibs" / "A-MIB").write_text("A-MIB DEFINITIONS ::= BEGIN\nEND\n")

    def refuse(self: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)
    monkeypatch.setattr(Path, "is_dir", refuse)
    assert list(mibnames._files([tmp_path / "mibs"])) == []


def test_files_that_are_no_mib_or_too_large_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mibnames, "_MAX_OCTETS", 100)
    for name, text in (("A-MIB", "A-MIB DEFINITIONS ::= BEGIN\nEND\n" + " " * 100), ("notes", "see DEFINITIONS")):
        (tmp_path / name).write_text(text)
        assert mibnames._text(tmp_path / name) is None
    assert mibnames._text(tmp_path / "gone") is None

"""Module definitions: the built-in ones, those of files, and what is said about wrong ones."""

import re
from importlib import resources
from pathlib import Path

import pytest

from probes.snmp.modules import ModuleError, ModuleLibrary
from probes.snmp.oid import encode_oid

GOOD = """\
auths: {public_v2: {version: 2, community: public}}
modules:
  if_mib:
    walk: [1.3.6.1.2.1.2]
    max_repetitions: 10
    metrics:
      - name: mine
        oid: 1.3.6.1.2.1.2.2.1.1
        type: gauge
        help: Mine
        indexes: [{labelname: a, type: OctetString, fixed_size: 4}, {labelname: b, type: DisplayString, implied: true}]
        lookups: [{labels: [a], labelname: c, oid: 1.3.6.1.2.1.2.2.1.2, type: gauge}, {labels: [], labelname: a}]
        regex_extracts: {Temp: [{regex: '(\\d+)', value: $1}]}
        scale: 0.1
        offset: -1
"""


def built_in() -> list[str]:
    return sorted(entry.name[:-4] for entry in resources.files("configs").joinpath("snmp").iterdir())


@pytest.mark.parametrize("name", built_in())
def test_built_in_modules_are_sound(name: str) -> None:
    module = ModuleLibrary().get(name)
    assert module.name == name
    assert module.metrics
    asked = (*module.walk, *module.get)
    assert len(asked) == len(set(asked))
    metrics = [metric.name for metric in module.metrics]
    assert len(metrics) == len(set(metrics))
    for metric in module.metrics:
        assert any(metric.oid.startswith(root) or root.startswith(metric.oid) for root in asked), metric.name
        assert len(metric.help) > 10
        assert not metric.help.endswith(".")
        for lookup in metric.lookups:
            assert any(lookup.oid.startswith(root) for root in asked), f"{metric.name}: {lookup.labelname}"


def test_a_file_wins_over_the_built_in_module_and_the_first_file_over_the_second(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("auths: {x: {version: 2}}")
    (tmp_path / "b.yml").write_text(GOOD)
    (tmp_path / "c.yml").write_text(GOOD.replace("mine", "other"))
    library = ModuleLibrary([tmp_path / name for name in ("a.yml", "b.yml", "c.yml")])
    module = library.get("if_mib")
    (metric,) = module.metrics
    assert (module.walk, module.max_repetitions) == ((encode_oid("1.3.6.1.2.1.2"),), 10)
    assert (metric.name, metric.scale, metric.offset) == ("mine", 0.1, -1)
    assert [(index.labelname, index.fixed_size, index.implied) for index in metric.indexes] == [
        ("a", 4, False),
        ("b", 0, True),
    ]
    assert [(lookup.labels, lookup.labelname) for lookup in metric.lookups] == [(("a",), "c"), ((), "a")]
    assert metric.regex_extracts["Temp"][0].value == "$1"
    assert library.get("if_mib") is module
    assert library.known("if_mib")
    assert not library.known("system")
    assert library.get("system").metrics


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("type: gauge", "type: gaug", ".metrics[0].mine.type: unknown type 'gaug'; did you mean 'gauge'?"),
        ("type: gauge", "type: 7", "unknown type 7; the types are Bits, "),
        ("oid: 1.3.6.1.2.1.2.2.1.1\n", "oid: 1.3\n", "mine.oid: an OID such as 1.3.6.1.2.1.2 expected, got 1.3"),
        ("oid: 1.3.6.1.2.1.2.2.1.1\n", "oid: 9.9.9\n", "expected an OID"),
        ("name: mine", "name: my-own", "metrics[0].name: a name of letters, digits and _ expected, got 'my-own'"),
        ("scale: 0.1", "scale: much", "mine.scale: a number expected, got 'much'"),
        ("help: Mine", "hlep: Mine", "metrics[0].hlep: unknown key; did you mean 'help'?"),
        ("        type: gauge\n", "", "metrics[0]: the key 'type' expected"),
        ("labelname: b", "labelname: b-c", "indexes[1].labelname: a name"),
        ("'(\\d+)'", "'('", "regex_extracts.Temp[0].regex: a regular expression as Go has them expected"),
        ("{Temp:", "[Temp:", "b.yml:"),
        ("walk: [1.3.6.1.2.1.2]", "walk: 1.3.6.1.2.1.2", "modules.if_mib.walk: a list expected"),
        ("{Temp: [{regex: '(\\d+)', value: $1}]}", "7", "regex_extracts: a mapping expected, got 7"),
        ("    metrics:", "    enum_values: {a: b}\n    metrics:", "enum_values: unknown key"),
        ("scale: 0.1", "enum_values: {a: b}", "mine.enum_values: names by number expected"),
        ("modules:", "modulse:\n  x:", "b.yml: a key `modules` with modules by name expected"),
        ("  if_mib:", "  if_mib: 7\n  other:", "modules.if_mib: a mapping expected, got 7"),
    ],
)
def test_errors_name_file_place_and_what_was_expected(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    file = tmp_path / "b.yml"
    file.write_text(GOOD.replace("auths: {public_v2: {version: 2, community: public}}\n", "").replace(old, new, 1))
    with pytest.raises(ModuleError, match=re.escape(said)) as caught:
        ModuleLibrary([file]).get("if_mib")
    assert str(caught.value).startswith(str(file))


def test_a_missing_module_names_the_likely_one_or_all(tmp_path: Path) -> None:
    with pytest.raises(ModuleError, match="no SNMP module 'ifmib'; did you mean 'if_mib'"):
        ModuleLibrary().get("ifmib")
    with pytest.raises(ModuleError, match="no SNMP module 'zzz'; there are if_mib, system, ups_mib"):
        ModuleLibrary().get("zzz")
    with pytest.raises(ModuleError, match="cannot read SNMP modules: No such file"):
        ModuleLibrary([tmp_path / "none.yml"]).get("if_mib")
    (tmp_path / "binary.yml").write_bytes(b"\xff\xfe")
    with pytest.raises(ModuleError, match="UTF-8 text expected"):
        ModuleLibrary([tmp_path / "binary.yml"]).get("if_mib")

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
    entries = resources.files("configs").joinpath("snmp").iterdir()
    return sorted(entry.name[:-4] for entry in entries if entry.name.endswith(".yml"))


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


def test_another_name_gives_the_same_module_unless_a_file_has_it(tmp_path: Path) -> None:
    assert ModuleLibrary().get("ups").metrics == ModuleLibrary().get("ups_mib").metrics
    (tmp_path / "own.yml").write_text("modules: {ups: {walk: [1.3.6.1.4.1.1]}}")
    assert ModuleLibrary([tmp_path / "own.yml"]).get("ups").walk == (encode_oid("1.3.6.1.4.1.1"),)


def test_no_two_built_in_modules_have_a_metric_of_the_same_name() -> None:
    library = ModuleLibrary()
    owners: dict[str, list[str]] = {}
    for name in built_in():
        for metric in library.get(name).metrics:
            owners.setdefault(metric.name, []).append(name)
    assert {metric: names for metric, names in owners.items() if len(names) > 1} == {}


def test_files_with_data_of_snmp_exporter_come_with_its_notice() -> None:
    folder = resources.files("configs").joinpath("snmp")
    heads = [folder.joinpath(f"{name}.yml").read_text("utf-8").partition("modules:")[0] for name in built_in()]
    assert any("Apache-2.0, see NOTICE" in head for head in heads)
    assert "Copyright 2016 The Prometheus Authors" in folder.joinpath("NOTICE").read_text("utf-8")
    assert "Apache License" in folder.joinpath("LICENSE.Apache-2.0").read_text("utf-8")
    assert all("configured module file wins" in head for head in heads)


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
        (
            "max_repetitions: 10",
            "timeout: 5",
            "timeout: a duration such as 5s or 1m30s expected, got 5; did you mean '5s'?",
        ),
        ("max_repetitions: 10", "timeout: 0s", "timeout: a duration above 0 expected, got '0s'"),
        ("max_repetitions: 10", "timeout: 5 s", "timeout: a duration such as 5s or 1m30s expected, got '5 s'"),
        ("max_repetitions: 10", "retries: -1", "retries: a whole number from 0 to 100 expected, got -1"),
        (
            "max_repetitions: 10",
            "max_repetitions: ten",
            "max_repetitions: a whole number from 0 to 2147483647 expected",
        ),
        ("max_repetitions: 10", "allow_nonincreasing_oids: maybe", "allow_nonincreasing_oids: true or false expected"),
        (
            "max_repetitions: 10",
            "filters: {static: []}",
            "filters: a list of filters expected, got",
        ),
        ("max_repetitions: 10", "filters: [{targets: []}]", "filters[0]: the key 'oid' expected"),
        ("max_repetitions: 10", "filters: [{oid: 1.3.6, values: ['(']}]", "filters[0].values[0]: a regular expression"),
        (
            "max_repetitions: 10",
            "filters: [{oid: 1.3.6, value: x}]",
            "filters[0].value: unknown key; did you mean 'values'",
        ),
        ("fixed_size: 4", "fixed_size: 400", "indexes[0].fixed_size: a whole number from 0 to 128 expected, got 400"),
        ("implied: true", "implied: 2", "indexes[1].implied: true or false expected, got 2"),
        ("type: OctetString", "type: DateAndTime", "indexes[0].type: unknown type 'DateAndTime'"),
        ("labels: [a]", "labels: [a-b]", "lookups[0].labels[0]: a name of letters"),
        ("labelname: c", "labelname: __c", "lookups[0].labelname: a name of letters"),
        ("{Temp:", "{Te-mp:", "regex_extracts: a suffix of letters, digits and _ expected, got 'Te-mp'"),
        ("'(\\d+)'", "'(?=x)'", "Temp[0].regex: a regular expression as Go has them expected: '(?=x' is not to be had"),
        ("scale: 0.1", "datetime_pattern: 5", "mine.datetime_pattern: a text expected, got 5"),
    ],
)
def test_errors_name_file_place_and_what_was_expected(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    file = tmp_path / "b.yml"
    file.write_text(GOOD.replace("auths: {public_v2: {version: 2, community: public}}\n", "").replace(old, new, 1))
    with pytest.raises(ModuleError, match=re.escape(said)) as caught:
        ModuleLibrary([file]).get("if_mib")
    assert str(caught.value).startswith(str(file))


def test_everything_that_a_module_may_say(tmp_path: Path) -> None:
    file = tmp_path / "all.yml"
    file.write_text("""
modules:
  all:
    get: [1.3.6.1.2.1.1.3.0]
    retries: 0
    timeout: 1m2.5s100ms
    max_repetitions: 0
    allow_nonincreasing_oids: true
    use_unconnected_udp_socket: yes
    filters: [{oid: 1.3.6.1.2.1.2.2.1.8, targets: [1.3.6.1.2.1.2.2.1.10], values: ["^1$", x]}, {oid: 1.3.6.1.2.1.2}]
    metrics:
      - {name: first, oid: 1.3.6.1.2.1.1.3, type: gauge}
      - name: second
        oid: 1.3.6.1.2.1.1.3
        type: EnumAsInfo
        help:
        enum_values: {1: on, 2: off, 3: true, 4: 2024-01-01, 5: 10, 6: }
        display_hint: "1x:"
        indexes: [{labelname: a, type: EnumAsInfo, enum_values: {1: yes}}, {labelname: b, type: gauge}]
        lookups:
          - {labels: [a, b], labelname: c, oid: 1.3.6.1.2.1.1.4, drop_source_indexes: true}
          - {labels: [c], labelname: d, oid: 1.3.6.1.2.1.1.5, type: EnumAsInfo, enum_values: {1: no}, display_hint: 1d}
""")
    module = ModuleLibrary([file]).get("all")
    assert (module.retries, module.max_repetitions) == (0, 0)
    assert module.timeout_seconds == pytest.approx(62.6)
    assert module.allow_nonincreasing_oids
    assert module.use_unconnected_udp_socket
    assert [rule.targets for rule in module.filters] == [(encode_oid("1.3.6.1.2.1.2.2.1.10"),), ()]
    assert [value.pattern for value in module.filters[0].values] == [r"^1\Z", "x"]
    (metric,) = module.metrics  # of two definitions of one object the last has it
    assert (metric.name, metric.help, metric.display_hint) == ("second", "", "1x:")
    # words stay words, as snmp_exporter reads them
    assert metric.enum_values == {1: "on", 2: "off", 3: "true", 4: "2024-01-01", 5: "10", 6: ""}
    assert metric.indexes[0].enum_values == {1: "yes"}
    assert [(lookup.labels, lookup.labelname, lookup.type) for lookup in metric.lookups] == [
        (("a", "b"), "c", ""), ((), "a", ""), ((), "b", ""), (("c",), "d", "EnumAsInfo"),
    ]  # fmt: skip
    assert (metric.lookups[-1].enum_values, metric.lookups[-1].display_hint) == ({1: "no"}, "1d")


def test_all_names_those_of_files_first(tmp_path: Path) -> None:
    (tmp_path / "b.yml").write_text(GOOD)
    assert ModuleLibrary([tmp_path / "b.yml"]).names() == tuple(dict.fromkeys(["if_mib", *built_in()]))


def test_a_built_in_file_without_its_module_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "snmp").mkdir()
    (tmp_path / "snmp/mine.yml").write_text("modules: {other: {metrics: []}}")
    monkeypatch.setattr("probes.snmp.modules.resources.files", lambda _: tmp_path)
    with pytest.raises(ModuleError, match=r"configs/snmp/mine\.yml: a module 'mine' expected, got other"):
        ModuleLibrary().get("mine")


def test_a_missing_module_names_the_likely_one_or_all(tmp_path: Path) -> None:
    with pytest.raises(ModuleError, match="no SNMP module 'ifmib'; did you mean 'if_mib'"):
        ModuleLibrary().get("ifmib")
    with pytest.raises(ModuleError, match=f"no SNMP module 'zzz'; there are {', '.join(built_in())}"):
        ModuleLibrary().get("zzz")
    with pytest.raises(ModuleError, match="cannot read SNMP modules: No such file"):
        ModuleLibrary([tmp_path / "none.yml"]).get("if_mib")
    (tmp_path / "binary.yml").write_bytes(b"\xff\xfe")
    with pytest.raises(ModuleError, match="UTF-8 text expected"):
        ModuleLibrary([tmp_path / "binary.yml"]).get("if_mib")

"""The rules of condition: each object is one that a module reads, by the same OID and name; bad files are refused."""

import re
from collections import defaultdict
from importlib import resources
from itertools import pairwise

import pytest
import yaml

from agent.core.hardware import Condition
from probes.snmp.conditionrules import ConditionError, PartRule, Spoken, built_in, read
from probes.snmp.modules import ModuleLibrary
from probes.snmp.oid import encode_oid, oid_text

_COMMENTED = re.compile(r"(?m)^ *- ([0-9.]+) # (\S+)$")
_FOLDER = resources.files("configs")


def _walked() -> dict[bytes, str]:
    """Return what the built-in modules read, with the names that they give."""
    out: dict[bytes, str] = {}
    for entry in _FOLDER.joinpath("snmp").iterdir():
        if entry.name.endswith(".yml"):
            for oid, name in _COMMENTED.findall(entry.read_text("utf-8")):
                out[encode_oid(oid.removesuffix(".0") if oid.endswith(".0") else oid)] = name
    ups = ModuleLibrary().get("ups_mib")  # walks groups
    return out | {metric.oid: metric.name for metric in ups.metrics}


def _rules() -> list[Spoken]:
    rules = built_in()
    return [*rules.parts, *rules.readings, *rules.stores, *rules.counters, *rules.facts]


def test_every_column_is_one_that_a_module_reads() -> None:
    walked = _walked()
    missing = {oid_text(column) for rule in _rules() for column in rule.columns() if column not in walked}
    assert missing == set()


def test_every_rule_names_the_object_that_it_reads() -> None:
    walked = _walked()
    wrong = []
    for rule in _rules():
        told = [getattr(rule, attribute, None) for attribute in ("oid", "used", "free")]
        oid = next(oid for oid in told if isinstance(oid, bytes))
        if walked[oid] != rule.object.rpartition(" ")[2]:
            wrong.append((rule.object, walked[oid]))
    assert wrong == []


def test_every_comment_names_its_object() -> None:
    walked, seen = _walked(), 0
    for entry in _FOLDER.joinpath("condition").iterdir():
        for oid, name in re.findall(r": \[?([0-9.]+)\]? # ([a-z]\w+)", entry.read_text("utf-8")):
            assert walked[encode_oid(oid)] == name, (entry.name, oid)
            seen += 1
    assert seen > 50


def test_every_state_is_one_of_the_objects_enumeration() -> None:
    library = ModuleLibrary()
    known: dict[bytes, set[int]] = defaultdict(set)
    for name in library.names():
        for metric in library.get(name).metrics:
            known[metric.oid] |= set(metric.enum_values)
    wrong = [
        (rule.object, state)
        for rule in built_in().parts
        for state in (rule.states or rule.bits)
        if isinstance(state, int) and known[rule.oid] and state not in known[rule.oid]
    ]
    assert wrong == []
    assert sum(bool(known[rule.oid]) for rule in built_in().parts) > 80


def test_no_column_lies_within_another() -> None:
    columns = sorted(built_in().columns())
    assert not [one for one, after in pairwise(columns) if after.startswith(one)]


def test_what_fails_is_never_the_default() -> None:
    for rule in built_in().parts:
        assert Condition.OK in rule.states.values() or rule.bits or rule.key, rule.object


GOOD = """\
parts:
  - object: UPS-MIB upsBatteryStatus
    oid: 1.3.6.1.2.1.33.1.2.1
    kind: battery
    states: {2: ok}
"""


def test_a_file_is_read() -> None:
    (rule,) = read("x.yaml", GOOD)["parts"]
    assert isinstance(rule, PartRule)
    assert rule.states == {2: Condition.OK}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("states", "stats"), "x.yaml:5: parts.stats: Extra inputs are not permitted"),
        (GOOD.replace("2: ok", "2: fine"), "x.yaml:5: parts.states.2: Input should be 'ok', 'warning', 'failed' or"),
        (GOOD.replace("1.3.6.1.2.1.33.1.2.1", "1.x"), "x.yaml:3: parts.oid: expected an OID such as 1.3.6.1.2.1.25.3"),
        (GOOD.replace("UPS-MIB ups", "ups"), "x.yaml:2: parts.object: expected MIB and object such as UPS-MIB"),
        (GOOD.replace("    kind: battery\n", ""), "x.yaml:2: parts: expected `kind`, or `kinds` with the column"),
        (GOOD.replace("    states: {2: ok}\n", ""), "x.yaml:2: parts: expected either `states` or `bits`"),
        (GOOD.replace("parts", "part"), "x.yaml:1: expected one of parts, readings, stores, counters, facts with a"),
        ("parts: 5", "x.yaml:1: expected one of parts"),
        ("parts: [5]", "x.yaml:1: parts: Input should be a valid dictionary"),
        ("parts: [", "x.yaml:2: no YAML: "),
        ("5", "x.yaml: expected sections parts, readings, stores, counters, facts, got int"),
        (
            "stores:\n  - {object: A b, size: 1.3.6.1, free: 1.3.6.2, used: 1.3.6.3}",
            "x.yaml:2: stores: expected either `used` or `free`",
        ),
        ("\ncounters:\n  - {object: A b, oid: 1.3.6.1}", "x.yaml:3: counters.what: Field required"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ConditionError) as caught:
        read("x.yaml", text)
    assert str(caught.value).startswith(said)


def test_the_files_are_yaml_for_others_too() -> None:
    for entry in _FOLDER.joinpath("condition").iterdir():
        assert isinstance(yaml.safe_load(entry.read_text("utf-8")), dict)

"""The rules of configs/identity: what comes with the agent, and how a wrong file is refused."""

import pytest

from probes.snmp.identityfiles import IdentityError, built_in, loaded
from probes.snmp.oid import encode_oid

RULE = """\
rules:
  - name: acme_switch
    object_id: 1.3.6.1.4.1.99999.1
    facts: {vendor: Acme, kind: switch}
"""


def test_the_rules_that_come_with_the_agent_are_good_and_few_enough_to_ask_first() -> None:
    rules = built_in()
    asked = [read for rule in rules.general for read in rule.read]
    assert 5 <= len(asked) <= 14  # with the system group: one packet
    assert rules.enterprise(9) == "Cisco"
    assert rules.enterprise(8072) is None  # net-snmp: whoever builds upon it
    assert rules.enterprise(4_000_000) is None


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Cisco Systems, Inc.", "Cisco"), ("Hewlett-Packard", "HP"), ("H3C", "H3C"), ("EATON", "Eaton"),
        ("american power conversion", "APC"), ("Unheard of", "Unheard of"),
    ],
)  # fmt: skip
def test_makers_have_one_name(said: str, name: str) -> None:
    assert built_in().vendor(said) == name


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("rules: []]\n", ":1", "no YAML"),
        ("rule: []\n", ":1: rules", "is missing"),
        (RULE.replace("object_id", "objekt_id"), ":3: rules[0].objekt_id", "unknown key; did you mean 'object_id'?"),
        (RULE.replace("1.3.6.1.4.1.99999.1", "1.3.6.x"), ":3: rules[0].object_id", "expected an OID"),
        (RULE.replace("kind: switch", "kind: swich"), ":4: rules[0].facts", "kind: expected one of"),
        (RULE.replace("vendor: Acme", "maker: Acme"), ":4: rules[0].facts", "expected one of vendor, model"),
        (RULE + "    patterns: '(?P<model'\n", ":5: rules[0].patterns", "expected a regular expression"),
        (RULE + "    patterns: '(?P<modell>x)'\n", ":5: rules[0].patterns", "groups named after facts"),
        (RULE + "    patterns: 'x'\n", ":5: rules[0].patterns", "got none"),
        (RULE + "    read: [{oid: 1.3.6.1.2.0, fact: serial}]\n", ":5: rules[0].read[0]", "expected `object`"),
        (RULE + "    read: [{object: A b, fact: serial}]\n", ":5: rules[0].read[0]", "either `oid` or `entity`"),
        (RULE + "    read: [{oid: 1.3.6.1.2.0, object: A b}]\n", ":5: rules[0].read[0]", "no use in asking"),
        (RULE + RULE.partition("\n")[2], ":5: rules[1].name", "'acme_switch' is the name of a rule of acme.yaml"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(text: str, where: str, said: str) -> None:
    with pytest.raises(IdentityError) as error:
        loaded({"acme.yaml": text})
    assert str(error.value).startswith(f"acme.yaml{where}")
    assert said in str(error.value)


def test_a_wrong_file_of_makers_is_told_likewise() -> None:
    with pytest.raises(
        IdentityError, match=r"vendors\.yaml:3: vendors\.Acme\.enterprise: unknown key; did you mean 'enterprises'"
    ):
        loaded({"vendors.yaml": "generic: []\nvendors:\n  Acme: {enterprise: 99999}\n"})


CLOSER = """\
rules:
  - {name: number, object_id: 1.3.6.1.4.1.99999, facts: {vendor: Number}}
  - {name: longer, object_id: 1.3.6.1.4.1.99999.7, facts: {vendor: Longer}}
  - {name: text, description: "^Acme", unless: "Beta", facts: {vendor: Text}}
  - {name: last, description: "^Acme", after: true, facts: {vendor: Last}}
"""


@pytest.mark.parametrize(
    ("object_id", "description", "names"),
    [
        ("1.3.6.1.4.1.99999.1", "", ["number"]),
        ("1.3.6.1.4.1.99999.7.1", "", ["longer", "number"]),
        ("1.3.6.1.4.1.99999.7", "Acme One", ["text", "longer", "number", "last"]),
        ("1.3.6.1.4.1.99999.70", "Acme Beta", ["number", "last"]),
        ("1.3.6.1.4.1.999990", "", []),
        ("", "Acme One", ["text", "last"]),
    ],
)
def test_the_closest_rule_comes_first(object_id: str, description: str, names: list[str]) -> None:
    oid = encode_oid(object_id) if object_id else b""
    assert [match.rule.name for match in loaded({"a.yaml": CLOSER}).matched(oid, description)] == names

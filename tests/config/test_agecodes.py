"""The rules for serial numbers that come with the product, and what is refused."""

from datetime import date

import pytest

from agent.config.agecodes import AgeCodesError, load_age_codes, parse
from agent.core.datecode import DateCode, made

RULE = """
- name: made-up
  vendors: [Example]
  pattern: 'X(?P<year>[0-9]{2})(?P<week>[0-9]{2})'
  year_base: 2000
  document: Example Ltd, "How to read our numbers", page 3
"""


@pytest.mark.parametrize("code", load_age_codes(), ids=lambda code: code.name)
def test_each_rule_reads_its_examples_and_names_its_document(code: DateCode) -> None:
    assert code.examples
    for serial, day in code.examples.items():
        assert made(code, serial) == day, serial
    assert len(code.document) > 40
    assert all(word == word.lower() for word in code.vendors)


def test_each_rule_has_a_name_of_its_own() -> None:
    names = [code.name for code in load_age_codes()]
    assert len(set(names)) == len(names) >= 4


def test_a_rule() -> None:
    (code,) = parse(RULE, "a.yaml")
    assert (code.name, code.vendors, code.weeks) == ("made-up", ("example",), 53)
    assert made(code, "X1902") == date(2019, 1, 7)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  document:", "  dokument:", "a.yaml: 0.document: Field required"),
        (
            'document: Example Ltd, "How to read our numbers", page 3',
            "document: page 3",
            "0.document: String should have",
        ),
        ("(?P<week>[0-9]{2})", "", "0.pattern: Value error, expected a group"),
        ("(?P<week>[0-9]{2})", "(", "0.pattern: Value error, no regular expression: missing )"),
        ("year_base: 2000", "year_base: 20", "0.year_base: Input should be greater"),
        ("[Example]", "[Example", "a.yaml: not YAML: while parsing"),
    ],
)
def test_what_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(AgeCodesError) as caught:
        parse(RULE.replace(old, new), "a.yaml")
    assert message in str(caught.value)


def test_a_file_is_a_list() -> None:
    with pytest.raises(AgeCodesError, match=r"^a\.yaml: the whole: Input should be a valid tuple"):
        parse("name: made-up", "a.yaml")

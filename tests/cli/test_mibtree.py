"""MIBs as texts, and the names, enumerations and hints that they give."""

import pytest
from pysmi.parser import SmiStarParser

from agent.cli.mibtree import joined, mib
from probes.snmp.names import MibObject


@pytest.fixture(scope="module")
def parser() -> SmiStarParser:
    """The grammar takes half a second to set up."""
    return SmiStarParser()


def objects(parser: SmiStarParser, *texts: str) -> dict[str, MibObject]:
    mibs = [mib(tree) for text in texts for tree in parser.parse(text)]
    return {f"{one.module}::{one.name}": one for one in joined(mibs)}


def text(name: str, *lines: str) -> str:
    return "\n".join([f"{name} DEFINITIONS ::= BEGIN", *lines, "END", ""])


@pytest.mark.parametrize(
    ("line", "oid"),
    [
        ("x OBJECT IDENTIFIER ::= { enterprises 9 }", "1.3.6.1.4.1.9"),
        ("x OBJECT IDENTIFIER ::= { iso org(3) dod(6) 1 }", "1.3.6.1"),
        ("x OBJECT IDENTIFIER ::= { iso(1) org(3) 6 }", "1.3.6"),
        ("x OBJECT IDENTIFIER ::= { 1 3 6 1 }", None),
        ("x OBJECT IDENTIFIER ::= { nowhere 9 }", None),
        ("x OBJECT IDENTIFIER ::= { iso }", None),
        ("x OBJECT IDENTIFIER ::= { x 1 }", None),
    ],
)
def test_where_a_name_hangs(parser: SmiStarParser, line: str, oid: str | None) -> None:
    found = objects(parser, text("A-MIB", line))
    assert (found["A-MIB::x"].oid if found else None) == oid


def test_smi_v1_and_notifications(parser: SmiStarParser) -> None:
    found = objects(
        parser,
        text(
            "OLD-MIB",
            "IMPORTS enterprises FROM RFC1155-SMI OBJECT-TYPE FROM RFC-1212 TRAP-TYPE FROM RFC-1215;",
            "old OBJECT IDENTIFIER ::= { enterprises 7 }",
            "oldState OBJECT-TYPE SYNTAX INTEGER { on(1), off(2) } ACCESS read-only STATUS mandatory",
            'DESCRIPTION "x" ::= { old 1 }',
            "oldTrap TRAP-TYPE ENTERPRISE old VARIABLES { oldState } ::= 4",
        ),
    )
    assert found["OLD-MIB::oldState"].oid == "1.3.6.1.4.1.7.1"
    assert found["OLD-MIB::oldState"].enums == {1: "on", 2: "off"}
    assert "OLD-MIB::oldTrap" not in found


def test_a_type_is_that_of_its_own_mib_before_all_others(parser: SmiStarParser) -> None:
    column = 'OBJECT-TYPE SYNTAX {} MAX-ACCESS read-only STATUS current DESCRIPTION "x" ::= {{ enterprises 7 {} }}'
    convention = '{} ::= TEXTUAL-CONVENTION DISPLAY-HINT "{}" STATUS current DESCRIPTION "x" SYNTAX {}'
    found = objects(
        parser,
        text("A-MIB", convention.format("Colour", "1x-", "OCTET STRING"), f"a {column.format('Colour', 1)}"),
        text(
            "B-MIB", convention.format("Colour", "1d.", "OCTET STRING"),
            convention.format("Round", "1d.", "Rounder"), convention.format("Rounder", "1x", "Round"),
            f"b {column.format('Colour', 2)}", f"c {column.format('DisplayString', 3)}",
            f"d {column.format('TruthValue', 4)}", f"e {column.format('Unheard', 5)}", f"f {column.format('Round', 6)}",
        ),
    )  # fmt: skip
    assert {name[7:]: one.hint for name, one in found.items()} == {
        "a": "1x-", "b": "1d.", "c": "255a", "d": "", "e": "", "f": "1d.",
    }  # fmt: skip
    assert found["B-MIB::d"].enums == {1: "true", 2: "false"}


def test_of_two_mibs_of_one_name_the_first_has_it_and_imports_say_which_parent_is_meant(parser: SmiStarParser) -> None:
    found = objects(
        parser,
        text("X-MIB", "root OBJECT IDENTIFIER ::= { enterprises 1 }"),
        text("X-MIB", "root OBJECT IDENTIFIER ::= { enterprises 2 }"),
        text("Y-MIB", "root OBJECT IDENTIFIER ::= { enterprises 3 }"),
        text("Z-MIB", "IMPORTS root FROM Y-MIB;", "leaf OBJECT IDENTIFIER ::= { root 5 }"),
        text("Q-MIB", "IMPORTS root FROM NOBODYS-MIB;", "leaf OBJECT IDENTIFIER ::= { root 5 }"),
    )
    assert found["X-MIB::root"].oid == "1.3.6.1.4.1.1"
    assert found["Z-MIB::leaf"].oid == "1.3.6.1.4.1.3.5"
    assert found["Q-MIB::leaf"].oid == "1.3.6.1.4.1.1.5"

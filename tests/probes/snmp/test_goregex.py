"""Go's regular expressions in Python: what is rewritten, what is refused, and what a match becomes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.snmp.goregex import compiled, extracted, parsed_float
from probes.snmp.language import Extract


@pytest.mark.parametrize(
    ("pattern", "fits", "fails"),
    [
        (r"^(?:^(\d+\.\d+).*)$", "42.5 C", "x42.5"),
        (r"\d", "7", "\u0667"),  # ASCII only
        (r"a$", "a", "a\n"),
        (r"(?m)a$(?s).*", "a\nb", "ab"),
        (r"(?m:^a$)\nb\z", "a\nb", "a\nb\n"),
        (r"(?-m)a$", "a", "a\n"),
        (r"\s", "\f", "\v"),
        (r"[\s]", " ", "\v"),
        (r"\S[^\S]", "\v ", "\v\v"),
        (r"[[:alpha:][:digit:]_]+", "ab1_", "a-b"),
        (r"[]a]+", "]a", "b"),
        (r"[^]a]", "b", "]"),
        (r"[a\-z]+", "-az", "b"),
        (r"[a&&~~||[]+", "a&~|[", "b"),
        (r"x(?i)a|b", "xA", "XA"),
        (r"x(?i)a|b", "B", "x"),
        (r"(x(?i)a|b)c", "Bc", "BC"),
        (r"(?i:a)b", "Ab", "AB"),
        (r"(?P<one>a)(?<two>b)", "ab", "ba"),
        (r"\Qa.b\E+", "a.bb", "axb"),
        (r"\Qa.b", "a.b", "axb"),
        (r"\x41\x{42}", "AB", "A"),
        (r"[\x41-\x{43}]", "B", "D"),
        (r"a{2}", "aa", "a"),
        (r"a{,2}", "a{,2}", "aa"),
        (r"a{2,3}?", "aaa", "a"),
        (r"\.\/\-\_", "./-_", "a"),
        (r"\bb\B", "", "x"),
    ],
)
def test_what_go_understands(pattern: str, fits: str, fails: str) -> None:
    regex = compiled(pattern)
    assert not fits or regex.fullmatch(fits)
    assert not regex.fullmatch(fails)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(", "missing"), (")", "unbalanced"), ("[a", "']' expected"), ("a**", "one repetition expected"),
        ("a++", "one repetition"), ("a{2}+", "one repetition"), ("a{1001}", "at most 1000"), ("(?=a)", "'(?=a' is not"),
        ("(?<=a)", "is not to be had"), ("(?U)a", "is not to be had"), (r"(a)\1", r"the escape '\\1' is not"),
        (r"\pL", "is not to be had"), (r"\Z", "is not to be had"), (r"[\b]", "is not to be had"),
        ("[[:word]", "a class such as"), ("[[:nothing:]]", "a class such as"), (r"\x{110000}", "character of Unicode"),
        ("a\\", "is not to be had"), ("[b-a]", "bad character range"), ("(?P<a>b)(?P<a>c)", "redefinition"),
    ],
)  # fmt: skip
def test_what_python_cannot_say_or_go_does_not_know_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(ValueError, match="a regular expression as Go has them expected: ") as caught:
        compiled(pattern)
    assert said in str(caught.value)


@given(st.text(r"ab(?i:m)[^]]|*+{1,}\\dQEz$.", max_size=20))
def test_any_pattern_is_an_expression_or_a_value_error(pattern: str) -> None:
    try:
        compiled(pattern)
    except ValueError as error:
        assert "expected" in str(error)  # noqa: PT017 - either is fine


@pytest.mark.parametrize(
    ("text", "regex", "value", "found"),
    [
        ("42.5 C", r"^(?:(\d+\.\d+).*)$", "$1", 42.5),
        ("42.5 C", r"(\d+)", "$1", None),  # anchored at both ends
        ("True", r"^(?:True)$", "1", 1.0),
        ("7", r"(?P<n>\d)", "${n}0", 70.0),
        ("7", r"(\d)", "$1x", None),  # Go reads the name `1x`
        ("7", r"(\d)", "$$1", None),
        ("7", r"(\d)", "${1", None),
        ("7", r"(\d)(x)?", "$1$2$9", 7.0),  # a group that took no part, and one that is not there
        ("NaN", "(.*)", "$1", math.nan),
        ("7" * 2000, "(.*)", "1", None),  # a text that long is not searched
    ],
)
def test_extracts(text: str, regex: str, value: str, found: float | None) -> None:
    assert extracted(text, [Extract(compiled(regex), value)]) == pytest.approx(found, nan_ok=True)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1", 1.0), ("+1.", 1.0), ("-.5e-1", -0.05), ("1_0", 10.0), ("1__0", None), ("_1", None), ("1_", None),
        ("0x1p4", 16.0), ("0x_1.8P1", 3.0), ("0x1", None), ("0xg", None), ("inf", math.inf), ("-Infinity", -math.inf),
        ("nan", math.nan), ("+nan", None), ("1e400", None), ("0x1p9999", None), ("", None), (" 1", None), ("1 ", None),
        ("\u0661", None), ("1e", None), ("infinit", None),
    ],
)  # fmt: skip
def test_numbers_are_those_of_go(word: str, value: float | None) -> None:
    assert parsed_float(word) == pytest.approx(value, nan_ok=True)

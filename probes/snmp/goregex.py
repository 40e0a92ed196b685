"""Go's regular expressions (RE2) by means of Python's, and what Go makes of a match.

What the two read differently is rewritten, what Python cannot say is refused when a module is read: nothing is silently
understood in another way. Sources: Go's regexp/syntax, regexp.Expand and strconv.ParseFloat.
"""

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Final

from probes.snmp.language import Extract

MAX_SUBJECT_CHARACTERS: Final = 1024  # Python's expressions go back and forth: a device must not choose for how long
_POSIX: Final = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": r"\x00-\x7F", "blank": r"\t ", "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~", "space": r"\t\n\v\f\r ",
    "upper": "A-Z", "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_SPACES: Final = r"\t\n\f\r "  # Go's \s: without \v
_GROUP: Final = re.compile(r"\(\?(?:P?<(?P<name>\w+)>|(?P<flags>[ims]*(?:-[ims]+)?)(?P<end>[:)]))", re.ASCII)
_REPEAT: Final = re.compile(r"\{(\d+)(?:,(\d*))?\}", re.ASCII)
_CODE: Final = re.compile(r"\\x(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2}))")
_CLASS: Final = re.compile(r"\[:(\w+):\]", re.ASCII)
_MOST_REPEATS: Final = 1000  # Go's own limit
_REFERENCE: Final = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))")
_DIGITS: Final = "[0-9]+(?:_[0-9]+)*"
_HEX_DIGITS: Final = "[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*"
_DECIMAL: Final = re.compile(rf"[+-]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?")
_HEXADECIMAL: Final = re.compile(
    rf"[+-]?0[xX]_?(?:{_HEX_DIGITS}(?:\.(?:{_HEX_DIGITS})?)?|\.{_HEX_DIGITS})[pP][+-]?{_DIGITS}"
)
_INFINITE: Final = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)


def compiled(pattern: str) -> re.Pattern[str]:
    """Return a Go expression as Python's; `fullmatch` and `search` of it then mean the same.

    Raises:
        ValueError: when it is no expression of Go's, or one that cannot be said in Python.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # of sets that a later Python will read differently
            return re.compile(_Translation(pattern).text(), re.ASCII)  # \d, \w and \b are about ASCII in Go
    except (re.error, FutureWarning, OverflowError, RecursionError) as error:
        raise ValueError(f"a regular expression as Go has them expected: {error}") from error


class _Translation:
    """One pass over an expression."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._out: list[str] = []
        self._open: list[list[str]] = [[]]  # for each group around: the flags set within it, which end with it
        self._multiline = [False]

    def text(self) -> str:
        while self._at < len(self._pattern):
            self._next()
        self._close_flags()
        return "".join(self._out)

    def _refuse(self, what: str) -> ValueError:
        return ValueError(f"a regular expression as Go has them expected: {what} at character {self._at + 1}")

    def _take(self, octets: int, written: str) -> None:
        self._at += octets
        self._out.append(written)

    def _next(self) -> None:
        pattern, at = self._pattern, self._at
        char = pattern[at]
        if char == "\\":
            self._escape()
        elif char == "[":
            self._set()
        elif pattern.startswith("(?", at):
            self._special_group()
        elif char == "(":
            self._begin_group("(", 1)
        elif char == ")":
            self._close_flags()
            if len(self._open) > 1:
                self._open.pop()
                self._multiline.pop()
            self._take(1, ")")
        elif char == "|":
            flags = self._open[-1]
            self._take(1, ")" * len(flags) + "|" + "".join([f"(?{some}:" for some in flags]))
        elif char == "$":
            self._take(1, "$" if self._multiline[-1] else r"\Z")
        elif char == "{":
            self._repeat()
        elif char in "*+?" and pattern[at + 1 : at + 2] in ("+", "*"):
            raise self._refuse("one repetition expected, got two")
        else:
            self._take(1, char)

    def _close_flags(self) -> None:
        self._out.append(")" * len(self._open[-1]))
        self._open[-1].clear()

    def _begin_group(self, written: str, octets: int) -> None:
        self._open.append([])
        self._multiline.append(self._multiline[-1])
        self._take(octets, written)

    def _special_group(self) -> None:
        found = _GROUP.match(self._pattern, self._at)
        if found is None:
            raise self._refuse(f"{self._pattern[self._at : self._at + 4]!r} is not to be had")
        if found["name"]:
            self._begin_group(f"(?P<{found['name']}>", len(found[0]))
            return
        on, _, off = found["flags"].partition("-")
        if found["end"] == ":":
            self._begin_group(f"(?{found['flags']}:", len(found[0]))
        else:  # flags until the end of the group around: a group of their own, opened anew behind each `|`
            self._open[-1].append(found["flags"])
            self._take(len(found[0]), f"(?{found['flags']}:")
        self._multiline[-1] = ("m" in on or self._multiline[-1]) and "m" not in off

    def _repeat(self) -> None:
        found = _REPEAT.match(self._pattern, self._at)
        if found is None:
            self._take(1, r"\{")
            return
        if max(int(number or 0) for number in found.groups()) > _MOST_REPEATS:
            raise self._refuse(f"at most {_MOST_REPEATS} repetitions expected")
        if self._pattern[self._at + len(found[0]) :][:1] in ("+", "*"):
            raise self._refuse("one repetition expected, got two")
        self._take(len(found[0]), found[0])

    def _escape(self) -> None:
        pattern, at = self._pattern, self._at
        if pattern.startswith(r"\Q", at):
            end = pattern.find(r"\E", at)
            quoted = pattern[at + 2 : end if end >= 0 else None]
            self._take(len(quoted) + 4, re.escape(quoted))
            return
        special = {r"\z": r"\Z", r"\s": f"[{_SPACES}]", r"\S": f"[^{_SPACES}]"}
        self._take(*self._character(special, "AbBdDwW"))

    def _character(self, special: Mapping[str, str], letters: str) -> tuple[int, str]:
        """Return how long an escape is, and how Python writes it."""
        pattern, at = self._pattern, self._at
        if (found := _CODE.match(pattern, at)) is not None:
            code = int(found[1] or found[2], 16)
            if code > 0x10FFFF:
                raise self._refuse("a character of Unicode expected")
            return len(found[0]), re.escape(chr(code))
        pair = pattern[at : at + 2]
        if pair in special:
            return 2, special[pair]
        letter = pair[1:]
        if not letter or letter.isdigit() or (letter.isalpha() and letter not in letters + "afnrtv"):
            raise self._refuse(f"the escape {pair!r} is not to be had")
        return 2, pair if letter.isalpha() else re.escape(letter)

    def _set(self) -> None:
        pattern = self._pattern
        self._take(1, "[")
        if pattern.startswith("^", self._at):
            self._take(1, "^")
        if pattern.startswith("]", self._at):
            self._take(1, r"\]")
        while self._at < len(pattern) and pattern[self._at] != "]":
            if pattern.startswith("[:", self._at):
                found = _CLASS.match(pattern, self._at)
                if found is None or found[1] not in _POSIX:
                    raise self._refuse(f"a class such as [:alpha:] expected, got {pattern[self._at : self._at + 10]!r}")
                self._take(len(found[0]), _POSIX[found[1]])
            elif pattern[self._at] == "\\":
                self._take(*self._character({r"\s": _SPACES, r"\S": r"\S\v"}, "dDwW"))
            else:
                char = pattern[self._at]
                self._take(1, char if char == "-" else re.escape(char))
        if self._at >= len(pattern):
            raise self._refuse("']' expected")
        self._take(1, "]")


# ------------------------------------------------------------------ what a match becomes


def extracted(text: str, extracts: Sequence[Extract]) -> float | None:
    """Return the number that the first expression gives that fits the whole text; None where none does."""
    if len(text) > MAX_SUBJECT_CHARACTERS:
        return None
    for extract in extracts:
        found = extract.regex.fullmatch(text)
        if found is not None and (value := parsed_float(_expanded(found, extract.value))) is not None:
            return value
    return None


def _expanded(found: re.Match[str], template: str) -> str:
    """Return a template with `$1`, `${1}` and `$name` filled in; `$1x` is the name `1x`, as in Go."""
    groups: dict[str, str | None] = {str(place): group for place, group in enumerate((found[0], *found.groups()))}
    groups |= found.groupdict()
    return _REFERENCE.sub(lambda ref: ref[1] or groups.get(ref[2] or ref[3]) or "", template)


def parsed_float(word: str) -> float | None:
    """Return what Go's strconv.ParseFloat gives; None where it fails, also for what is beyond a double."""
    if word.lower() == "nan":
        return math.nan
    if _INFINITE.fullmatch(word):
        return float(word)
    try:
        if _DECIMAL.fullmatch(word):
            value = float(word.replace("_", ""))
        elif _HEXADECIMAL.fullmatch(word):
            value = float.fromhex(word.replace("_", ""))
        else:
            return None
    except (OverflowError, ValueError):
        return None
    return None if math.isinf(value) else value

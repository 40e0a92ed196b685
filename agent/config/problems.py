"""What is wrong with a configuration, said so that a person finds the place and the word."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

NEAR = 0.66  # two letters of a three-letter word in order (`bwc` for `bcw`); below that a suggestion misleads


@dataclass(frozen=True, slots=True)
class Problem:
    """One error or warning.

    Attributes:
        file: as the person named it (relative stays relative).
        line: from 1; None where the file as a whole is meant.
        path: `devices[3].snmp.modules`; empty where the line says enough.
        message: what was expected and the likely fix; no secret.
    """

    file: Path
    line: int | None
    path: str
    message: str

    def __str__(self) -> str:
        """Return `FILE:LINE: path: message`."""
        place = str(self.file) if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self.path, self.message) if part)


class ConfigError(Exception):
    """A configuration that cannot be used; `str` is all errors, one a line.

    Attributes:
        problems: every error of the run, by file and line.
        warnings: what was noticed beside them.
    """

    def __init__(self, problems: Iterable[Problem], warnings: Iterable[Problem] = ()) -> None:
        self.problems = tuple(problems)
        self.warnings = tuple(warnings)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(slots=True)
class Findings:
    """Errors and warnings of one run, collected so that a person sees all of them at once."""

    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def raise_errors(self) -> None:
        """Raise what was found, each once, by file and line.

        Raises:
            ConfigError: when there is at least one error.
        """
        if self.errors:
            raise ConfigError(ordered(self.errors), ordered(self.warnings))


def ordered(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return each problem once; files in the order in which they were read, lines ascending."""
    unique = list(dict.fromkeys(problems))
    files = {file: place for place, file in reversed(list(enumerate(problem.file for problem in unique)))}
    return tuple(sorted(unique, key=lambda problem: (files[problem.file], problem.line or 0)))


def did_you_mean(word: str, known: Iterable[str], *, listing: str = "known") -> str:
    """Return `; did you mean 'x'?`, or a list of the few that there are, or nothing where there are many."""
    names = [name for name in known if name != word]
    lowered = {name.lower(): name for name in names}
    near = difflib.get_close_matches(word.lower(), list(lowered), n=1, cutoff=NEAR)
    if near:
        return f"; did you mean {lowered[near[0]]!r}?"
    if 0 < len(names) <= 20:
        return f"; {listing}: {', '.join(sorted(names))}"
    return ""

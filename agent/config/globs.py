"""The files that a name or glob of the configuration means, and an end to looking for them.

A glob over a whole disk would keep `linewarden check` and every reload busy for minutes.
"""

import fnmatch
import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent.config.document import Document, Place
from agent.config.problems import Findings

MOST_FILES: Final = 20_000  # twice the largest estate, with a file for each device
MOST_LOOKED_AT: Final = 50_000  # names; a slow disk gives them in a few seconds
MOST_LEVELS: Final = 16  # of folders below each other under `**`
_ALL_BELOW: Final = "**"


class TooMuchError(ValueError):
    """A glob reaches too far; the text says how far, what was expected, and what to write instead."""


@dataclass(slots=True)
class _Looking:
    """One search, and how many names it has seen."""

    pattern: str
    most_files: int
    seen: int = 0
    below: set[tuple[int, int, tuple[str, ...]]] = field(default_factory=set)  # under `**`: links can make circles

    def entries(self, folder: Path) -> Iterator[os.DirEntry[str]]:
        """Yield what is in a folder; one that cannot be read holds nothing."""
        try:
            with os.scandir(folder) as found:
                for entry in found:
                    self.seen += 1
                    if self.seen > MOST_LOOKED_AT:
                        raise self.too_much(f"more than {MOST_LOOKED_AT:,} names to look at, the last in {folder}")
                    yield entry
        except OSError:
            return

    def too_much(self, what: str) -> TooMuchError:
        """Return the error; `what` is how far the glob reaches."""
        return TooMuchError(
            f"{self.pattern!r} reaches too far: {what}; expected the files of one folder or a few: put them into a "
            "folder of their own, and name that, such as lifecycle/*.csv"
        )

    def files(self, folder: Path, parts: tuple[str, ...]) -> Iterator[Path]:
        """Yield the files below a folder that the parts of a glob mean; some of them twice."""
        part, *rest = parts
        if part == _ALL_BELOW:
            yield from self.anywhere(folder, tuple(rest) or ("*",), 0)
        elif not glob.has_magic(part):
            yield from self.named(folder / part, tuple(rest))
        else:
            hidden = part.startswith(".")
            for entry in self.entries(folder):
                if fnmatch.fnmatchcase(entry.name, part) and (hidden or not entry.name.startswith(".")):
                    yield from self.named(folder / entry.name, tuple(rest))

    def named(self, path: Path, rest: tuple[str, ...]) -> Iterator[Path]:
        """Yield the file itself, or what the rest of a glob means below it."""
        if rest:
            yield from self.files(path, rest)
        elif is_file(path):
            yield path

    def anywhere(self, folder: Path, rest: tuple[str, ...], level: int) -> Iterator[Path]:
        """Yield what the rest of a glob means in a folder and in those below it, each once."""
        try:
            found = folder.stat()
        except (OSError, ValueError):
            return
        place = (found.st_dev, found.st_ino, rest)
        if place in self.below:
            return
        self.below.add(place)
        if level > MOST_LEVELS:
            raise self.too_much(f"more than {MOST_LEVELS} folders below each other, the last {folder}")
        yield from self.files(folder, rest)
        for entry in self.entries(folder):
            if not entry.name.startswith(".") and _is_folder(entry):
                yield from self.anywhere(folder / entry.name, rest, level + 1)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def is_pattern(text: str) -> bool:
    """Tell whether a file name is a glob."""
    return glob.has_magic(text)


def is_file(path: Path) -> bool:
    """Tell whether there is a file of that name; a name that cannot be one (too long, a circle of links) is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def matching(base: Path, pattern: str, most_files: int = MOST_FILES) -> list[Path]:
    """Return the files that a name or glob relative to `base` means, sorted; a plain name is taken as it is.

    Raises:
        TooMuchError: the glob means more files than that, or looking for them takes too long.
    """
    if "\0" in pattern:
        return []
    if not is_pattern(pattern):
        return [base / pattern]
    looking = _Looking(pattern, most_files)
    parts = Path(pattern).parts
    first, parts = (Path(parts[0]), parts[1:]) if Path(pattern).is_absolute() else (base, parts)
    found: set[Path] = set()
    for path in looking.files(first, parts):
        found.add(path)
        if len(found) > most_files:
            raise looking.too_much(f"more than {most_files:,} files")
    return sorted(found)


def files_of(
    main: Document, place: Place, pattern: str, findings: Findings, most_files: int = MOST_FILES
) -> list[Path]:
    """Return the files that a setting names, relative to the configuration; a missing file is an error there."""
    try:
        found = matching(main.file.parent, pattern, most_files)
    except TooMuchError as error:
        findings.errors.append(main.problem(place, str(error)))
        return []
    for file in found:
        if not is_file(file):
            findings.errors.append(main.problem(place, f"there is no file {file}"))
    return [file for file in found if is_file(file)]

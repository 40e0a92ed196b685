"""One YAML file as plain values, with the line of every key and value.

libyaml reads it, PyYAML composes nodes (which know their lines), and the values are taken from the nodes by YAML 1.2's
core rules: only `true` and `false` are booleans (`no` is a fine site name), `12:30` and `007` and dates stay text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from agent.config.problems import Findings, Problem

Place = tuple[str | int, ...]

MAX_BYTES: Final = 10_000_000  # 5,000 devices take about 1 MB
MAX_DEPTH: Final = 40  # the deepest place of a real configuration is 7
MAX_VALUES: Final = 2_000_000  # after aliases are expanded: nested aliases can make a few lines into billions
MAX_DIGITS: Final = 18  # longer runs of digits are serial numbers, not counts

_INT: Final = re.compile(r"-?(0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]{1,2})?")
_WORDS: Final[dict[str, bool | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_MERGE: Final = "tag:yaml.org,2002:merge"
_STR: Final = "tag:yaml.org,2002:str"
# what an untagged value can resolve to; anything else was written as a tag
_KNOWN_TAGS: Final = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("null", "bool", "int", "float", "str", "timestamp", "value", "merge", "seq", "map")
)


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read.

    Attributes:
        value: the top mapping; keys are text as written.
    """

    file: Path
    value: dict[str, Any]
    root: yaml.Node | None

    def line(self, path: Sequence[str | int], *, key: bool = False) -> int | None:
        """Return the line of the value at `path` (or of its key), or of the nearest thing around it that exists."""
        node, line = self.root, _line(self.root)
        for place, part in enumerate(path):
            found = _child(node, part)
            if found is None:
                break
            key_node, node = found
            line = _line(key_node if key and place == len(path) - 1 and key_node else node)
            if isinstance(node, yaml.ScalarNode) and node.value == "" and key_node:
                line = _line(key_node)  # an empty value's mark is where the next token stands
        return line

    def has(self, path: Sequence[str | int]) -> bool:
        """Tell whether something is written at `path`."""
        node = self.root
        for part in path:
            found = _child(node, part)
            if found is None:
                return False
            node = found[1]
        return True

    def problem(self, path: Sequence[str | int], message: str, *, key: bool = False) -> Problem:
        """Return a problem with the place at `path`."""
        return Problem(self.file, self.line(path, key=key), dotted(path), message)


def dotted(path: Sequence[str | int]) -> str:
    """Return `devices[3].snmp.modules` for a path."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def read(file: Path, findings: Findings, *, names_only: str | None = None) -> Document | None:
    """Read one file; what is wrong with it as YAML goes to `findings`.

    Args:
        names_only: a key of the top mapping of which only the keys below are wanted (they have the value None): the
            modules of a 2 MB snmp.yml.

    Returns:
        None where nothing of it can be used. An empty file is an empty mapping.
    """
    text = _text(file, findings)
    if text is None:
        return None
    node = _compose(file, text)
    if isinstance(node, Problem):
        findings.errors.append(node)
        return None
    if node is None or (isinstance(node, yaml.ScalarNode) and _scalar(node) is None):
        return Document(file, {}, None)
    if trouble := _unbounded(node):
        findings.errors.append(Problem(file, trouble[0], "", trouble[1]))
        return None
    if not isinstance(node, yaml.MappingNode):
        found = "a list" if isinstance(node, yaml.SequenceNode) else "text"
        message = f"expected a mapping (`agent:`, `sites:`, `devices:` ...) at the top of the file, got {found}"
        findings.errors.append(Problem(file, _line(node), "", message))
        return None
    return Document(file, _Values(file, findings, names_only).mapping(node, ()), node)


def _text(file: Path, findings: Findings) -> str | None:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        findings.errors.append(Problem(file, None, "", f"cannot be read: {error.strerror or error}"))
        return None
    if len(data) > MAX_BYTES:
        message = f"larger than {MAX_BYTES // 1_000_000} MB, which no configuration is; split it with `include`"
        findings.errors.append(Problem(file, None, "", message))
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8 (octet 0x{data[error.start]:02x}); save the file as UTF-8"
        findings.errors.append(Problem(file, line, "", message))
        return None


def _compose(file: Path, text: str) -> yaml.Node | Problem | None:
    """Return the nodes, or what hinders."""
    try:
        # the events come one by one, the nodes by recursion in C, where too deep a nesting ends the process
        depth = 0
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                line = event.start_mark.line if event.start_mark else 0
                return Problem(file, line + 1, "", f"nested deeper than {MAX_DEPTH} levels")
        return yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        return _syntax(file, text, error)
    except ValueError:  # a code point that is no character
        return Problem(file, None, "", "not YAML: an escape in it names no character")


def _syntax(file: Path, text: str, error: yaml.YAMLError) -> Problem:
    """Return libyaml's complaint without what it quotes: the place may hold a secret."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be parsed")
    what = re.sub(r"\s*['\"`].*", "", what) if "alias" in what or "tag" in what else what
    line = mark.line + 1 if mark else None
    hint = ""
    if "alias" in what or "anchor" in what or "alphabetic or numeric" in what:
        hint = "; a value that begins with * or & must stand in quotes"
    elif "tag" in what:
        hint = "; a value that begins with ! must stand in quotes"
    elif "\t" in text and "cannot start any token" in what:
        hint = "; indent with spaces, not tabs, and put values that begin with @, ` or % in quotes"
    elif "mapping values are not allowed" in what:
        hint = "; a value that contains ': ' must stand in quotes, and keys of one mapping must be indented alike"
    elif "expected a single document" in what or "document" in what:
        hint = "; one file holds one document: leave out `---` further down"
    return Problem(file, line, "", f"not YAML: {what}{hint}")


def _unbounded(root: yaml.Node) -> tuple[int | None, str] | None:
    """Return what makes a document too deep or, with its aliases expanded, too large; None where it is neither."""
    sizes: dict[int, tuple[int, int]] = {}  # id -> (values, depth)
    open_: set[int] = set()
    stack: list[tuple[yaml.Node, bool]] = [(root, False)]
    while stack:
        node, done = stack.pop()
        if done:
            children = [sizes[id(child)] for child in _children(node)]
            size = 1 + sum(values for values, _ in children)
            depth = 1 + max((below for _, below in children), default=0)
            if size > MAX_VALUES:
                return _line(node), f"aliases expand to more than {MAX_VALUES:,} values"
            if depth > MAX_DEPTH:
                return _line(node), f"nested deeper than {MAX_DEPTH} levels"
            sizes[id(node)] = size, depth
            open_.discard(id(node))
        elif id(node) in open_:
            return _line(node), "an alias stands inside what it names"
        elif id(node) not in sizes:
            open_.add(id(node))
            stack.append((node, True))
            for child in _children(node):
                if id(child) in open_:
                    return _line(child), "an alias stands inside what it names"
                stack.append((child, False))
    return None


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _line(node: yaml.Node | None) -> int | None:
    return None if node is None else node.start_mark.line + 1


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node | None, yaml.Node] | None:
    """Return (key, value) below `node`; a merged key is looked for where it was written."""
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return None, node.value[part]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == part:
                return key, value
        for key, value in node.value:
            if key.tag == _MERGE:
                sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for source in sources:
                    if found := _child(source, part):
                        return found
    return None


def _scalar(node: yaml.ScalarNode) -> str | int | float | bool | None:
    text: str = node.value
    if node.style or node.tag == _STR:  # quoted, or nothing but text
        return text
    if text in _WORDS:
        return _WORDS[text]
    if len(text) <= MAX_DIGITS:
        if _INT.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
    return text


@dataclass(frozen=True, slots=True)
class _Values:
    """Takes plain values from nodes; what cannot be used is reported and left out."""

    file: Path
    findings: Findings
    names_only: str | None

    def any(self, node: yaml.Node, path: Place) -> Any:  # noqa: ANN401 - a YAML value is any of six types
        if len(path) == 2 and path[0] == self.names_only:
            return None
        if node.tag not in _KNOWN_TAGS:
            self._report(node, path, "a tag (a word after !) means nothing here; put the value in quotes")
            return None
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.any(child, (*path, place)) for place, child in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return _scalar(node)

    def mapping(self, node: yaml.MappingNode, path: Place) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        lines: dict[str, int | None] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                merged = {**self._merge(value, path), **merged}
            elif not isinstance(key, yaml.ScalarNode):
                self._report(key, path, "a key must be a word, not a list or mapping")
            elif key.value in own:
                self._report(key, (*path, key.value), f"this key stands twice, first in line {lines[key.value]}")
            else:
                own[key.value] = self.any(value, (*path, key.value))
                lines[key.value] = _line(key)
        return {**merged, **own}

    def _merge(self, node: yaml.Node, path: Place) -> dict[str, Any]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for source in sources:
            if isinstance(source, yaml.MappingNode):
                merged = {**self.mapping(source, path), **merged}
            else:
                self._report(source, path, "`<<` takes mappings only")
        return merged

    def _report(self, node: yaml.Node, path: Place, message: str) -> None:
        self.findings.errors.append(Problem(self.file, _line(node), dotted(path), message))

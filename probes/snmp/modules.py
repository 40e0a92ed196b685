"""What is read from a device, in the language of snmp_exporter's snmp.yml: where modules are found.

Modules of the configured files win over the built-in ones (configs/snmp/NAME.yml). Files are read when the first of
their modules is asked for, and only modules that are asked for are taken apart: a file with 50 modules takes about two
seconds to read.
"""

import difflib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from probes.snmp.definitions import Place, module
from probes.snmp.language import (
    DATE_TYPES,
    ENUM_TYPES,
    INDEX_TYPES,
    METRIC_TYPES,
    NUMERIC_TYPES,
    STRING_TYPES,
    Extract,
    Filter,
    Index,
    Lookup,
    Metric,
    Module,
    ModuleError,
)

__all__ = [
    "ALIASES", "DATE_TYPES", "ENUM_TYPES", "INDEX_TYPES", "METRIC_TYPES", "NUMERIC_TYPES", "STRING_TYPES", "Extract",
    "Filter", "Index", "Lookup", "Metric", "Module", "ModuleError", "ModuleLibrary",
]  # fmt: skip

ALIASES: Final = {"ups": "ups_mib"}  # other names of built-in modules


class ModuleLibrary:
    """Modules by name, read and taken apart once. Blocking: the first use of a large file belongs in a thread."""

    def __init__(self, files: Sequence[Path] = ()) -> None:
        self._files = tuple(files)
        self._raw: dict[str, tuple[str, Any]] | None = None  # name -> (file, definition), of the configured files
        self._modules: dict[str, Module] = {}

    def get(self, name: str) -> Module:
        """Return one module.

        Raises:
            ModuleError: when there is none of that name (the likely one is named), or its definition is wrong.
        """
        if name not in self._modules:
            file, definition = self._find(name)
            self._modules[name] = module(Place(file, f"modules.{name}"), name, definition)
        return self._modules[name]

    def known(self, name: str) -> bool:
        """Return whether `get` needs no reading of files any more."""
        return name in self._modules

    def names(self) -> tuple[str, ...]:
        """Return all names there are, those of the files first.

        Raises:
            ModuleError: when a file cannot be read.
        """
        return tuple(dict.fromkeys((*self._read(), *_built_in())))

    def _read(self) -> Mapping[str, tuple[str, Any]]:
        if self._raw is None:
            raw: dict[str, tuple[str, Any]] = {}
            for path in self._files:
                for found, definition in _read_modules(path).items():
                    raw.setdefault(found, (str(path), definition))  # of two files the first has it
            self._raw = raw
        return self._raw

    def _find(self, name: str) -> tuple[str, Any]:
        raw = self._read()
        if name in raw:
            return raw[name]
        names, own = _built_in(), ALIASES.get(name, name)
        if own in names:
            file = f"configs/snmp/{own}.yml"
            text = resources.files("configs").joinpath("snmp", f"{own}.yml").read_text("utf-8")
            if (found := _modules_of(file, text)).get(own) is None:
                raise ModuleError(f"{file}: a module {own!r} expected, got {', '.join(found) or 'none'}")
            return file, found[own]
        near = difflib.get_close_matches(name, [*raw, *names], n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted({*raw, *names}))}"
        raise ModuleError(f"no SNMP module {name!r}; {hint}")


def _built_in() -> list[str]:
    entries = resources.files("configs").joinpath("snmp").iterdir()
    return sorted(entry.name[:-4] for entry in entries if entry.name.endswith(".yml"))


def _read_modules(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "UTF-8 text expected"
        raise ModuleError(f"{path}: cannot read SNMP modules: {reason}") from error
    return _modules_of(str(path), text)


@cache
def _loader() -> Any:  # noqa: ANN401 - a class of PyYAML, which has no common type for both
    """Return a safe loader to which `on`, `true` and dates are words: names of enumerations are often that."""
    import yaml

    # the C loader is ten times faster; it may be missing where libyaml is
    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    words = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")
    resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag not in words]
        for first, found in base.yaml_implicit_resolvers.items()
    }
    return type("_Loader", (base,), {"yaml_implicit_resolvers": resolvers})


def _modules_of(file: str, text: str) -> Mapping[str, Any]:
    import yaml

    try:
        document = yaml.load(text, Loader=_loader())  # noqa: S506 - it is a safe one
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ModuleError(f"{file}{line}: no YAML: {getattr(error, 'problem', None) or error}") from error
    modules = document.get("modules") if isinstance(document, dict) else None
    if modules is None and isinstance(document, dict) and "auths" in document:
        return {}  # a file may hold auths alone
    if not isinstance(modules, dict) or not all(isinstance(name, str) for name in modules):
        raise ModuleError(f"{file}: a key `modules` with modules by name expected")
    return modules

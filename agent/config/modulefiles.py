"""Further snmp.yml files: which there are, which modules they hold, and the auths in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from agent.config.document import Document, read
from agent.config.globs import files_of
from agent.config.problems import Findings
from agent.config.settings import Auth
from agent.core.model import SnmpAuth
from probes.snmp.modules import ALIASES


@dataclass(frozen=True, slots=True)
class ModuleFile:
    """One file in snmp_exporter's format."""

    file: Path
    modules: tuple[str, ...]
    auths: Mapping[str, SnmpAuth]


def find(main: Document, patterns: Sequence[str], findings: Findings) -> tuple[ModuleFile, ...]:
    """Return the files that `multitarget.modules` names; a plain name without a file is an error."""
    found: dict[Path, ModuleFile] = {}
    for number, pattern in enumerate(patterns):
        for file in files_of(main, ("multitarget", "modules", number), pattern, findings):
            if file not in found and (document := read(file, findings, names_only="modules")) is not None:
                found[file] = _module_file(document, findings)
    return tuple(found.values())


def _module_file(document: Document, findings: Findings) -> ModuleFile:
    modules, auths = document.value.get("modules"), document.value.get("auths")
    if not isinstance(modules, dict) and not isinstance(auths, dict):
        message = "expected `modules:` or `auths:` as in snmp_exporter's snmp.yml (version 0.23 or later)"
        findings.errors.append(document.problem((), message))
    names_of = tuple(modules) if isinstance(modules, dict) else ()
    return ModuleFile(document.file, names_of, auths_of(document, findings))


def auths_of(document: Document, findings: Findings) -> dict[str, SnmpAuth]:
    """Return the auths of one file; one that is none is a warning."""
    auths = document.value.get("auths")
    return {
        name: auth
        for name, value in (auths.items() if isinstance(auths, dict) else ())
        if (auth := _auth(document, name, value, findings)) is not None
    }


def _auth(document: Document, name: str, value: Any, findings: Findings) -> SnmpAuth | None:  # noqa: ANN401 - unvalidated
    """Return an auth as snmp_exporter keeps it: with its secrets in the file."""
    try:
        auth = Auth.model_validate(value)
    except ValidationError:
        message = "is no auth in snmp_exporter's format; it is left out"
        findings.warnings.append(document.problem(("auths", name), message))
        return None

    def secret(field: str) -> str:
        source = getattr(auth, field)
        return source.get_secret_value() if isinstance(source, SecretStr) else ""

    return SnmpAuth(
        name=name,
        version=auth.version,
        community=secret("community") or "public",
        username=auth.username or "",
        security_level=auth.security_level,
        auth_protocol=auth.auth_protocol,
        password=secret("password"),
        priv_protocol=auth.priv_protocol,
        priv_password=secret("priv_password"),
        context_name=auth.context_name or "",
    )


def names(modules: Sequence[ModuleFile]) -> frozenset[str]:
    """Return every module that a device may name: those of the files, and the built-in ones."""
    built_in = resources.files("configs").joinpath("snmp")
    entries = built_in.iterdir() if built_in.is_dir() else ()
    own = {Path(entry.name).stem for entry in entries if entry.name.endswith(".yml")}
    return frozenset(own.union(ALIASES, *(module.modules for module in modules)))


def merged(
    own: Mapping[str, SnmpAuth], modules: Sequence[ModuleFile], main: Document, findings: Findings
) -> dict[str, SnmpAuth]:
    """Return all auths; the agent's own file wins, with a warning."""
    auths = dict(own)
    for module in modules:
        for name, auth in module.auths.items():
            if name in own:
                message = f"wins over the auth of the same name in {module.file}"
                findings.warnings.append(main.problem(("snmp", "auths", name), message, key=True))
            auths.setdefault(name, auth)
    return auths

"""From a file to what the agent runs on, with every error of one run."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agent.config import modulefiles, references
from agent.config.alerting import alertmanagers
from agent.config.circles import circles, in_words
from agent.config.credentials import Vault
from agent.config.document import Document, Place, read
from agent.config.estate import build
from agent.config.explain import explain
from agent.config.globs import is_file
from agent.config.inventory import enrich
from agent.config.items import SECTIONS, Item, included, items, written
from agent.config.lifecycle import own_tables
from agent.config.problems import Findings, Problem, ordered
from agent.config.registry import RegistryError, rescan
from agent.config.schema import json_schema
from agent.config.settings import Circuit, Device, Multitarget, Service, Settings, Site
from agent.core.alerting import Alertmanager
from agent.core.lifecycle import Row as LifecycleRow
from agent.core.model import Estate, SnmpAuth
from agent.core.ondemand import Offer
from agent.core.permission import Permission, read_allowed


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be used.

    Attributes:
        file: the main file.
        settings: as written, with the included files merged in.
        auths: SNMP credentials by name, secrets read; one that lacks a secret has `problem` set.
        module_files: further snmp.yml files.
        offer: what may be asked on demand (`/snmp`).
        web_config: the web configuration's file; None where none is named.
        alertmanagers: which of them the agent tells itself; one that lacks a secret has `problem` set.
        warnings: by file and line.
        lifecycle: rows of the user's own lifecycle tables.
    """

    file: Path
    settings: Settings
    estate: Estate
    auths: Mapping[str, SnmpAuth]
    module_files: tuple[Path, ...]
    offer: Offer
    web_config: Path | None
    alertmanagers: tuple[Alertmanager, ...]
    warnings: tuple[Problem, ...]
    lifecycle: tuple[LifecycleRow, ...] = ()


def load(path: Path, *, strict: bool = False, environ: Mapping[str, str] = os.environ) -> Loaded:
    """Read, check and resolve a configuration; touches files only, and may run in a thread.

    Args:
        strict: a secret that is missing is an error instead of a warning.

    Raises:
        ConfigError: with every error found.
    """
    findings = Findings()
    rescan()
    try:
        return _load(path, Vault(path.parent, environ, strict, findings), findings)
    except RegistryError as error:
        findings.errors.append(Problem(path, None, "", str(error)))
        findings.raise_errors()
        raise


def _load(path: Path, vault: Vault, findings: Findings) -> Loaded:
    main = read(path, findings)
    if main is None:
        findings.raise_errors()
        raise AssertionError("a document that cannot be read says why")
    settings = _head(main, findings)
    documents = [main, *included(main, main.value.get("include"), findings)]
    entries = tuple(written(documents))
    names = references.register(entries, settings.owners, findings)
    things = references.Things(
        tuple(_items(documents, "sites", Site, findings)),
        tuple(_items(documents, "circuits", Circuit, findings)),
        tuple(_items(documents, "devices", Device, findings)),
        tuple(_items(documents, "services", Service, findings)),
        entries,
    )
    modules = modulefiles.find(main, settings.multitarget.modules, findings)
    auths = modulefiles.merged(vault.auths(settings.snmp.auths, main), modules, main, findings)
    known = references.Known(names, frozenset(auths), modulefiles.names(modules))
    references.check(things, main, settings, known, findings)
    web_config = _web_config(main, settings, findings)
    told = alertmanagers(settings.alertmanagers, main, vault)
    findings.raise_errors()

    settings = settings.model_copy(
        update={section: tuple(item.value for item in getattr(things, section)) for section in SECTIONS}
    )
    estate = build(settings, settings.agent.name or _host_name())
    places = {item.value.name: item for item in things.all()}
    findings.errors.extend(_circles(estate, places, main))
    findings.raise_errors()
    estate = enrich(estate, main, settings.inventory, findings)
    lifecycle = own_tables(main, settings.hardware.lifecycle, findings)
    findings.raise_errors()
    files = tuple(module.file for module in modules)
    offer = Offer(_permission(settings.multitarget), known.auths, known.modules)
    return Loaded(path, settings, estate, auths, files, offer, web_config, told, ordered(findings.warnings), lifecycle)


def _permission(block: Multitarget) -> Permission:
    """Return what a valid block allows."""
    entries = [read_allowed(entry) for entry in block.allow]
    networks = tuple(entry for entry in entries if not isinstance(entry, str))
    return Permission(networks, frozenset(e for e in entries if isinstance(e, str)), frozenset(block.auths))


def _items(
    documents: list[Document],
    section: str,
    model: Any,  # noqa: ANN401 - a section's own model
    findings: Findings,
) -> list[Item[Any]]:
    return [item for document in documents for item in items(document, section, model, findings)]


def _head(main: Document, findings: Findings) -> Settings:
    """Return everything of the main file but the lists of things; what is in error has its default."""
    value = {key: part for key, part in main.value.items() if key not in SECTIONS}
    for _ in range(2):
        try:
            return Settings.model_validate(value)
        except ValidationError as error:
            findings.errors.extend(explain(error, main, (), json_schema()))
            broken = {details["loc"][0] for details in error.errors(include_url=False) if details["loc"]}
            value = {key: part for key, part in value.items() if key not in broken}
    return Settings.model_validate({})


def _circles(estate: Estate, places: Mapping[str, Item[Any]], main: Document) -> list[Problem]:
    problems = []
    for circle in circles(estate):
        written = [places[name] for name in circle if name in places and places[name].value.depends_on]
        message = f"a circle: {in_words(estate, circle)}"
        if estate.site is not None and any(not places[name].value.depends_on for name in circle if name in places):
            message += " (what names nothing depends on its own site, because `agent.site` is set)"
        problems.append(written[0].problem(message, "depends_on") if written else main.problem((), message))
    return problems


def _web_config(main: Document, settings: Settings, findings: Findings) -> Path | None:
    if settings.agent.web_config is None:
        return None
    file = main.file.parent / settings.agent.web_config
    place: Place = ("agent", "web_config")
    if not is_file(file):
        findings.errors.append(main.problem(place, f"there is no file {file}"))
    return file


def _host_name() -> str:
    """Return the host's short name; without one (some containers) the product's."""
    return socket.gethostname().partition(".")[0] or "linewarden"

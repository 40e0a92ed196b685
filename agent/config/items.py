"""The files of one configuration, and in them the things that have names, each with its place."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pydantic import ValidationError

from agent.config.document import Document, Place, read
from agent.config.explain import explain
from agent.config.globs import files_of
from agent.config.problems import Findings, Problem, did_you_mean
from agent.config.schema import json_schema
from agent.config.settings import Circuit, Device, Service, Settings, Site
from agent.core.units import Strict

SECTIONS: Final[Mapping[str, type[Strict]]] = {
    "sites": Site,
    "circuits": Circuit,
    "devices": Device,
    "services": Service,
}
T = TypeVar("T")
M = TypeVar("M", bound=Strict)


@dataclass(frozen=True, slots=True)
class Item(Generic[T]):
    """One site, circuit, device or service, and where it is written."""

    value: T
    document: Document
    place: Place

    def problem(self, message: str, *below: str | int, key: bool = False) -> Problem:
        """Return a problem with this thing, or with something `below` it."""
        return self.document.problem((*self.place, *below), message, key=key)


def included(main: Document, patterns: Any, findings: Findings) -> list[Document]:  # noqa: ANN401 - unvalidated
    """Return the documents that `include` names."""
    documents = []
    wanted = patterns if isinstance(patterns, list) else [patterns]
    seen = {os.path.realpath(main.file)}
    for number, pattern in enumerate(wanted):
        if not isinstance(pattern, str):
            continue
        place: Place = ("include", number) if isinstance(patterns, list) else ("include",)
        for file in files_of(main, place, pattern, findings):
            if os.path.realpath(file) in seen:
                continue
            seen.add(os.path.realpath(file))
            document = read(file, findings)
            if document is not None:
                documents.append(document)
                findings.errors.extend(_foreign(document))
    return documents


def _foreign(document: Document) -> Iterator[Problem]:
    for key in document.value:
        if key in SECTIONS:
            continue
        if key in Settings.model_fields:
            message = "belongs into the main file; an included file holds sites, circuits, devices and services"
        else:
            message = f"unknown key{did_you_mean(key, SECTIONS, listing='known here')}"
        yield document.problem((key,), message, key=True)


def written(documents: list[Document]) -> Iterator[Item[dict[str, Any]]]:
    """Yield every thing as it is written, valid or not, section by section."""
    for section in SECTIONS:
        for document in documents:
            entries = document.value.get(section)
            for number, entry in enumerate(entries if isinstance(entries, list) else ()):
                if isinstance(entry, dict):
                    yield Item(entry, document, (section, number))


def items(document: Document, section: str, model: type[M], findings: Findings) -> Iterator[Item[M]]:
    """Yield the valid things of one section of one file; the others are reported."""
    entries = document.value.get(section)
    if entries is None:
        return
    if not isinstance(entries, list):
        message = f"expected a list of {section} (lines that begin with `- `)"
        findings.errors.append(document.problem((section,), message))
        return
    for number, entry in enumerate(entries):
        place: Place = (section, number)
        try:
            yield Item(model.model_validate(entry), document, place)
        except ValidationError as error:
            findings.errors.extend(explain(error, document, place, json_schema()))

"""The configuration as a JSON schema: editors complete by it, and error messages find the likely word in it."""

import functools
import json
from typing import Any, Final

from agent.config.registry import probe_types
from agent.config.settings import Settings
from agent.config.settings_hardware import DAY_SECONDS, YEAR_SECONDS

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the schema of the main file, with the settings of every probe that is installed."""
    return _schema(tuple(probe_types()))


def as_text() -> str:
    """Return the schema as it stands in `configs/schema.json`."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


@functools.cache
def _schema(types: tuple[str, ...]) -> dict[str, Any]:  # noqa: ARG001 - the key of the cache
    schema = {**Settings.model_json_schema(mode="validation"), "title": "Linewarden configuration"}
    _write_durations(schema)
    return {"$schema": _DIALECT, **schema}


def _write_durations(node: object) -> None:
    """Turn defaults that the program keeps in seconds into what a person would write."""
    if isinstance(node, dict) and isinstance(default := node.get("default"), int | float):
        kinds = {part.get("type") for part in (node, *node.get("anyOf", ()))}
        if "string" in kinds and not kinds & {"integer", "number"}:
            node["default"] = _as_written(default)
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _write_durations(below)


def _as_written(seconds: float) -> str:
    """Return a duration in the largest unit in which it is a whole number."""
    for unit, size in (("y", YEAR_SECONDS), ("d", DAY_SECONDS)):
        if seconds >= size and not seconds % size:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"

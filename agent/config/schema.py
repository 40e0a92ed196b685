"""The configuration as a JSON schema: editors complete by it, and error messages find the likely word in it."""

import functools
import json
from typing import Any, Final

from agent.config.registry import probe_types
from agent.config.settings import Settings

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the schema of the main file, with the settings of every probe that is installed."""
    return _schema(tuple(probe_types()))


def as_text() -> str:
    """Return the schema as it stands in `configs/schema.json`."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


@functools.cache
def _schema(types: tuple[str, ...]) -> dict[str, Any]:  # noqa: ARG001 - the key of the cache
    return {"$schema": _DIALECT, **Settings.model_json_schema(mode="validation")}

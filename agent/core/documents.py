"""The one way in which values become JSON documents: in the API, in `--json`, in files."""

import functools
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, tzinfo
from enum import Enum
from typing import Any, Final

import numpy as np

# bulk data and secrets have no place in a document about a target or an event
_LEFT_OUT: Final = frozenset({"settings", "series", "gzip_text"})
_PLAIN: Final = frozenset({float, int, str, bool, type(None)})


@functools.cache
def _names(kind: Any) -> tuple[str, ...]:  # noqa: ANN401 - a class of dataclasses
    return tuple(field.name for field in fields(kind) if field.name not in _LEFT_OUT)


def document(value: object) -> Any:  # noqa: ANN401 - JSON has no better type
    """Return `value` as what `json.dumps` takes: dataclasses as objects with their field names, times as ISO 8601.

    Raises:
        TypeError: for a type that has no place in a document.
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, int | float | str):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, tzinfo):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {name: document(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, Mapping):
        return {str(document(key)): document(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(document(item) for item in value)
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple | list):
        return [document(item) for item in value]
    raise TypeError(f"no document for a {type(value).__name__}")

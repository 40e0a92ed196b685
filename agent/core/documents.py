"""The one way in which values become JSON documents: in the API, in `--json`, in files."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any, Final

import numpy as np

# bulk data and secrets have no place in a document about a target or an event
_LEFT_OUT: Final = frozenset({"settings", "series", "gzip_text"})


def document(value: object) -> Any:  # noqa: ANN401 - JSON has no better type
    """Return `value` as what `json.dumps` takes: dataclasses as objects with their field names, times as ISO 8601.

    Raises:
        TypeError: for a type that has no place in a document.
    """
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: document(getattr(value, f.name)) for f in fields(value) if f.name not in _LEFT_OUT}
    if isinstance(value, Mapping):
        return {str(document(key)): document(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(document(item) for item in value)
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple | list):
        return [document(item) for item in value]
    raise TypeError(f"no document for a {type(value).__name__}")

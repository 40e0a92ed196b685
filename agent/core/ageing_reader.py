"""The report on ageing hardware read back from its document, which may come over a network: strict, and capped."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from agent.core.ageing_report import AgeingReport

MOST_CASES: Final = 20_000  # twice the largest estate, with its registers
_MOST_OF_A_CASE: Final = 500  # facts, flags, parts: more than anybody writes about one device
_LONGEST_TEXT: Final = 10_000
_VIEWS: Final = frozenset({"unsupported_by", "by", "groups"})  # follow from the rest
_EXPECTED: Final = "expected the document of /api/v1/ageing"


@with_config(ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, str_max_length=_LONGEST_TEXT))
@dataclass(frozen=True, slots=True)
class _Envelope:
    """Its configuration holds for all that is in it."""

    ageing: AgeingReport


def read(document: Mapping[str, Any]) -> AgeingReport:
    """Return the report of which `agent.core.ageing_report.ageing_document` made this.

    Raises:
        ValueError: it is none; names the place, and what was expected there.
    """
    ageing = {key: item for key, item in document.items() if key not in _VIEWS}
    for name, items in ageing.items():
        if isinstance(items, list):
            _capped(items, name)
    # half a surrogate, which JSON can carry and no text can, costs its character and not the report
    text = json.dumps({"ageing": ageing}, ensure_ascii=False).encode(errors="replace")
    try:
        found = _reader().validate_json(text).ageing
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"][1:])
        raise ValueError(f"no ageing report: {place}: {first['msg']}; {_EXPECTED}") from error
    for stamp in (found.made_at, found.as_of):
        _aware(stamp)
    return found


def _capped(items: list[Any], name: str) -> None:
    if len(items) > MOST_CASES:
        raise ValueError(
            f"no ageing report: {name}: {len(items):,} items, at most {MOST_CASES:,} are read; {_EXPECTED}"
        )
    for number, item in enumerate(items):
        for key, inner in item.items() if isinstance(item, dict) else ():
            parts = inner.get("parts") if isinstance(inner, dict) else inner
            if isinstance(parts, list) and len(parts) > _MOST_OF_A_CASE:
                raise ValueError(f"no ageing report: {name}.{number}.{key}: {len(parts):,} items, "
                                 f"at most {_MOST_OF_A_CASE} are read; {_EXPECTED}")  # fmt: skip


def _aware(stamp: datetime | None) -> None:
    if stamp is not None and stamp.tzinfo is None:
        raise ValueError(f"no ageing report: a time without a zone: {stamp.isoformat()}; {_EXPECTED}")


@functools.cache
def _reader() -> TypeAdapter[_Envelope]:
    return TypeAdapter(_Envelope)

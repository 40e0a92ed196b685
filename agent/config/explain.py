"""pydantic's errors as a person needs them: the place in the file, what was expected, the likely word."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from agent.config.document import Document, Place
from agent.config.problems import Problem, did_you_mean

_MAPPINGS: Final = frozenset({"model_type", "dict_type", "model_attributes_type", "mapping_type", "dataclass_type"})
_LISTS: Final = frozenset({"tuple_type", "list_type", "set_type", "iterable_type"})
_NUMBERS: Final = {
    "int_type": "a whole number", "int_parsing": "a whole number", "int_from_float": "a whole number",
    "int_parsing_size": "a whole number", "float_type": "a number", "float_parsing": "a number",
    "decimal_type": "a number", "decimal_parsing": "a number", "finite_number": "a number",
    "bool_type": "true or false", "bool_parsing": "true or false",
}  # fmt: skip
_BOUNDS: Final = {
    "le": "at most", "lt": "less than", "ge": "at least", "gt": "more than", "multiple_of": "a multiple of",
    "max_length": "at most", "min_length": "at least",
}  # fmt: skip
_SHOWN: Final = 60  # of a value that is not as expected
# what a block takes from around it: an echo's address is written as the device's `address`, the circuit's `far_end`
_AROUND: Final = {"devices": "address", "circuits": "far_end"}


def explain(error: ValidationError, document: Document, at: Place, schema: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem for each of pydantic's errors.

    Args:
        at: where in the document the validated value stands.
        schema: the JSON schema of the whole configuration: it knows which words belong where.
    """
    for details in error.errors(include_url=False):
        if details["type"] == "too_short" and _emptied(details, error):
            continue
        place, message = _message(details, (*at, *_written(details, document, at)), schema, document)
        is_key = details["type"] in {"extra_forbidden", "missing"}
        yield document.problem(place, message, key=is_key)


def _emptied(details: ErrorDetails, error: ValidationError) -> bool:
    """Tell whether a list is too short only because what stands in it is in error."""
    at = details["loc"]
    return any(other["loc"][: len(at)] == at and len(other["loc"]) > len(at) for other in error.errors())


def _written(details: ErrorDetails, document: Document, at: Place) -> Place:
    """Return the error's place without the parts that pydantic adds (`[key]`, names of validators)."""
    place: list[str | int] = []
    parts = list(details["loc"])
    for position, part in enumerate(parts):
        last = position == len(parts) - 1
        if part == "[key]":
            continue
        if document.has((*at, *place, part)) or (last and details["type"] == "missing"):
            place.append(part)
    return tuple(place)


def _message(details: ErrorDetails, place: Place, schema: Mapping[str, Any], document: Document) -> tuple[Place, str]:
    kind, value = details["type"], details.get("input")
    context = details.get("ctx", {})
    if kind == "extra_forbidden":
        known = keys_at(schema, place[:-1], document.value)
        return place, f"unknown key{did_you_mean(str(place[-1]), known, listing='known here')}"
    if kind == "missing":
        return _missing(place, document)
    if kind == "value_error":
        return _own(str(context.get("error", details["msg"])), place, schema, document)
    secret = place[:2] == ("snmp", "auths") or place[:1] == ("alertmanagers",)
    got = "" if secret else f", got {_shown(value)}"
    if kind in _MAPPINGS:
        return place, f"expected a mapping (`key: value`), got {_type(value)}"
    if kind in _LISTS:
        return place, f"expected a list such as [a, b], got {_type(value)}"
    if kind in _NUMBERS:
        return place, f"expected {_NUMBERS[kind]}{got}"
    if kind in {"string_type", "string_sub_type"}:
        return place, f"expected text, got {_type(value)}"
    if kind in {"literal_error", "enum"}:
        return place, _choice(str(context.get("expected", "")), value, got)
    if kind == "string_too_short":
        return place, "expected text, got ''"
    for word, bound in _BOUNDS.items():
        if word in context:
            unit = " characters" if kind.startswith("string_") else ""
            got = f", got {context['actual_length']}" if "actual_length" in context else got
            return place, f"expected {bound} {context[word]}{unit}{got}"
    return place, str(details["msg"]).replace("Input should be", "expected").replace("String should", "should") + got


def _missing(place: Place, document: Document) -> tuple[Place, str]:
    if len(place) >= 3 and place[-1] == "address" and place[0] in _AROUND and len(place) == 4:
        key = _AROUND[str(place[0])]
        return (*place[:2], key), f"is missing: `{place[2]}` needs it"
    if place and isinstance(place[-1], int):
        return place[:-1], f"expected at least {place[-1] + 1}, got {place[-1]}"
    if document.has(place):
        return place, "is empty"
    return place, "is missing"


def _own(message: str, place: Place, schema: Mapping[str, Any], document: Document) -> tuple[Place, str]:
    """Return a message of our own; one that begins with a key of the place is about that key."""
    word, colon, rest = message.partition(": ")
    if colon and word.isidentifier() and word in keys_at(schema, place, document.value):
        return (*place, word), rest
    return place, message


def _choice(expected: str, value: object, got: str) -> str:
    words = expected.replace("'", "").replace(" or ", ", ").split(", ")
    near = did_you_mean(value, words) if isinstance(value, str) and got else ""
    near = near if "did you mean" in near else ""
    return f"expected one of {', '.join(words)}{got}{near}"


def _type(value: object) -> str:
    names: Sequence[tuple[type | tuple[type, ...], str]] = (
        (bool, "true or false"), (str, "text"), ((int, float), "a number"), (dict, "a mapping"),
        ((list, tuple), "a list"),
    )  # fmt: skip
    return next((name for kind, name in names if isinstance(value, kind)), "nothing")


def _shown(value: object) -> str:
    if isinstance(value, str):
        return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "...")
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)[:_SHOWN] if isinstance(value, int | float) else _type(value)


def keys_at(schema: Mapping[str, Any], place: Sequence[str | int], value: object) -> list[str]:
    """Return the keys that may stand at `place`, by the JSON schema; several kinds of check are told by their type."""
    nodes = [schema]
    for part in place:
        value = _step(value, part)
        nodes = [below for node in nodes for below in _below(node, part)]
        nodes = [found for node in nodes for found in _alternatives(schema, node, value)]
    return list(dict.fromkeys(key for node in nodes for key in node.get("properties", {})))


def _step(value: object, part: str | int) -> object:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None


def _below(node: Mapping[str, Any], part: str | int) -> Iterator[Mapping[str, Any]]:
    for candidate in (
        [node.get("items"), *node.get("prefixItems", ())]
        if isinstance(part, int)
        else [node.get("properties", {}).get(part), node.get("additionalProperties")]
    ):
        if isinstance(candidate, dict):
            yield candidate


def _alternatives(schema: Mapping[str, Any], node: Mapping[str, Any], value: object) -> Iterator[Mapping[str, Any]]:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    options = [option for word in ("anyOf", "oneOf", "allOf") for option in node.get(word, ())]
    if not options:
        yield node
        return
    for option in options:
        for found in _alternatives(schema, option, value):
            word = found.get("properties", {}).get("type", {}).get("const")
            if word is None or not isinstance(value, dict) or value.get("type") in {None, word}:
                yield found

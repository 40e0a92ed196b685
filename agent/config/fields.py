"""Types that the settings are made of: names, text, lists that may be one word, secrets, and a probe's own block."""

import contextlib
import difflib
import inspect
import re
import zoneinfo
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final, Self

from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    SecretStr,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from agent.config.registry import probe_types, settings_of
from agent.core.units import Strict, parse_duration

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
NAME_PATTERN: Final = "^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"
_KIND: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")


def text_of(value: object) -> object:
    """Return text as it is, and a whole number as written (`name: 123`); say what to quote otherwise."""
    if isinstance(value, bool):
        raise ValueError(f"expected text, got {str(value).lower()}; put it in quotes")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        raise ValueError(f"expected text, got the number {value}; put it in quotes")
    if isinstance(value, str) and not value.isprintable():
        raise ValueError("holds a line break or another character that cannot be shown")
    return value


def name_of(value: object) -> object:
    """Check a name: it becomes a metric label, a part of an address in the API and a file name."""
    value = text_of(value)
    if isinstance(value, str) and not _NAME.fullmatch(value):
        raise ValueError(
            f"{value[:60]!r} is no name: letters, digits, '.', '_' and '-' only, at most 128 and no blank"
            " (`title` takes any text)"
        )
    return value


def kind_of(value: object) -> object:
    """Check a device's kind."""
    value = text_of(value)
    if isinstance(value, str) and not _KIND.fullmatch(value):
        raise ValueError(f"{value[:40]!r} is no kind: one small word such as switch, router, server, ups")
    if isinstance(value, str) and value in {"circuit", "group", "site", "service"}:
        raise ValueError(f"{value!r} is what other things are called; a device is a switch, router, server, ups ...")
    return value


def zone_of(value: object) -> object:
    """Check the IANA name of a time zone; the likely one is named where it is none."""
    if value is None or value == "UTC":
        return value
    try:
        if isinstance(value, str):
            zoneinfo.ZoneInfo(value)
            return value
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        pass
    known = zoneinfo.available_timezones()
    if not known:
        raise ValueError(f"no time zone {value!r}: this host has no time zone database; install tzdata, or use UTC")
    near = difflib.get_close_matches(str(value)[:60], known, n=1)
    likely = f"; did you mean {near[0]}?" if near else ""
    raise ValueError(f"expected a time zone such as Europe/London or UTC, got {str(value)[:60]!r}{likely}")


def several(value: object) -> object:
    """Return one word as a list of one."""
    return [value] if isinstance(value, str | int | float | bool) else value


def date_of(value: object) -> object:
    """Return a date from `2027-03-31`; numbers and times of day are refused."""
    if isinstance(value, date) or value is None:
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"there is no day {value}") from None
    shown = repr(value) if isinstance(value, str | int | float) else type(value).__name__
    raise ValueError(f"expected a date such as 2027-03-31, got {shown[:40]}")


_MAX_TEXT: Final = 1024  # a label or a title; longer is a mistake in the file
Text = Annotated[
    str, Field(min_length=1, max_length=_MAX_TEXT), BeforeValidator(text_of, json_schema_input_type=str | int)
]
Name = Annotated[str, Field(pattern=NAME_PATTERN), BeforeValidator(name_of, json_schema_input_type=str | int)]
Kind = Annotated[str, BeforeValidator(kind_of, json_schema_input_type=str)]
Names = Annotated[tuple[Name, ...], BeforeValidator(several, json_schema_input_type=list[Name] | Name)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(several, json_schema_input_type=list[Text] | Text)]
Day = Annotated[date, BeforeValidator(date_of, json_schema_input_type=str)]


class Section(Strict):
    """A mapping of the file, in which a key without a value is a key left out."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        blocks = {name for name, field in cls.model_fields.items() if any(_is_block(meta) for meta in field.metadata)}
        return {key: {} if item is None else item for key, item in value.items() if item is not None or key in blocks}


class SecretSource(Section):
    """Where a secret is read from: exactly one of the three."""

    file: Annotated[Text | None, Field(description="a file that holds the secret alone")] = None
    env: Annotated[Text | None, Field(description="an environment variable")] = None
    credential: Annotated[
        Text | None, Field(description="a file in $CREDENTIALS_DIRECTORY (systemd's LoadCredential)")
    ] = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(value is not None for value in (self.file, self.env, self.credential)) != 1:
            raise ValueError("expected exactly one of {file: PATH}, {env: NAME}, {credential: NAME}")
        return self


def secret_of(value: object) -> SecretSource | SecretStr:
    """Return where a secret stands, or the secret itself where it is written plainly; messages never show it."""
    if isinstance(value, SecretSource | SecretStr):
        return value
    if isinstance(value, dict):
        return SecretSource.model_validate(value)
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return SecretStr(str(value))
    raise ValueError("expected {file: PATH}, {env: NAME} or {credential: NAME}")


Secret = Annotated[SecretSource | SecretStr, PlainValidator(secret_of, json_schema_input_type=SecretSource | str)]


@dataclass(frozen=True, slots=True)
class ProbeBlock:
    """A block that a probe's own `Settings` check; the device or circuit around it gives the type and the address.

    Attributes:
        interval: as written; the spacing where the block names none. None: the probe's own default.
    """

    type: str
    interval: str | None = None

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._validate)

    def _validate(self, value: object) -> object:
        if value is None or isinstance(value, Strict):
            return value
        settings = settings_of(self.type)
        if isinstance(value, dict):
            value = {**_with_round(settings, value), "type": self.type}
        return settings.model_validate(value)

    def complete(self, value: object, address: object) -> object:
        """Return the block with what stands around it, where the probe has a place for it and it is not written."""
        value = {} if value is None else value
        known = probe_types().get(self.type)
        if known is None or not isinstance(value, dict):
            return value
        given = {"address": address, "interval": self.interval}
        fitting = {key: item for key, item in given.items() if key in known.settings.model_fields and item is not None}
        return {**fitting, **value}

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        known = probe_types().get(self.type)
        if known is None:
            return {"type": "object"}
        schema = _schema_of(known.settings, handler, without=("type", "address"))
        if self.interval is not None:
            schema["properties"]["interval"] = {**schema["properties"]["interval"], "default": self.interval}
        return schema


@dataclass(frozen=True, slots=True)
class AnyProbe:
    """One check of a service: `{type: ..., ...}`, checked by the probe of that type."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._validate)

    def _validate(self, value: object) -> object:
        if isinstance(value, NamedCheck):
            return value
        if not isinstance(value, dict):
            raise ValueError("expected a mapping such as {type: icmp, address: 10.20.2.5}")
        word = value.get("type")
        if not isinstance(word, str):
            raise ValueError(f"`type` is missing; there are: {', '.join(probe_types())}")
        settings = settings_of(word)
        rest = {key: item for key, item in value.items() if key != "name" or "name" in settings.model_fields}
        name = None if value.get("name") is None else _CheckName.model_validate({"name": value["name"]}).name
        return NamedCheck(name, settings.model_validate(_with_round(settings, rest)))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"oneOf": [_schema_of(kind.settings, handler, named=True) for kind in probe_types().values()]}


class _CheckName(Strict):
    name: Name


@dataclass(frozen=True, slots=True)
class NamedCheck:
    """A service's check; without a name it is called by its type."""

    name: str | None
    settings: Strict

    @property
    def type(self) -> str:
        """Return the type word."""
        return str(getattr(self.settings, "type", ""))


def _with_round(settings: type[Strict], block: dict[str, object]) -> dict[str, object]:
    """Return the block with a `round` of one interval where none is written and the default would be shorter."""
    field = settings.model_fields.get("round")
    if field is None or "round" in block or "interval" not in block or not isinstance(field.default, float):
        return block
    with contextlib.suppress(ValueError):
        if parse_duration(block["interval"]) > field.default:
            return {**block, "round": block["interval"]}
    return block


def _schema_of(
    settings: type[Strict], handler: GetJsonSchemaHandler, *, without: tuple[str, ...] = (), named: bool = False
) -> JsonSchemaValue:
    schema = dict(handler.resolve_ref_schema(handler(settings.__pydantic_core_schema__)))
    told = _attributes(settings)
    properties = {
        name: {"description": told[name], **value} if name in told else value
        for name, value in schema.get("properties", {}).items()
        if name not in without
    }
    if named:
        properties.setdefault("name", {"type": "string", "description": "a check's own name; its type by default"})
    required = [name for name in schema.get("required", []) if name not in without]
    if named and "type" not in required:
        required.insert(0, "type")
    title = str(getattr(settings.model_fields["type"], "default", "") or "check")
    return {**schema, "title": title, "properties": properties, "required": required}


def _attributes(settings: type[Strict]) -> dict[str, str]:
    """Return what a model's docstring says of its fields under `Attributes:`."""
    lines = inspect.getdoc(settings) or ""
    entries = re.findall(r"^    (\w+): (.+(?:\n {8,}\S.*)*)", lines.partition("Attributes:\n")[2], re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def _is_block(meta: object) -> bool:
    return isinstance(meta, ProbeBlock)

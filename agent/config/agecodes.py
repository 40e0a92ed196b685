"""The rules by which serial numbers tell the day of manufacture: `configs/age/*.yaml`."""

import re
from datetime import date
from importlib import resources
from typing import Annotated, Final

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from agent.core.datecode import WEEKS, DateCode

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class AgeCodesError(ValueError):
    """A file of rules that cannot be used; the text names file, rule and what is wrong."""


def _pattern(text: str) -> str:
    try:
        groups = re.compile(text).groupindex
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from error
    if "year" not in groups or ("week" in groups) == ("month" in groups):
        raise ValueError("expected a group (?P<year>...), and one of (?P<week>...) and (?P<month>...)")
    return text


class _Code(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    vendors: Annotated[tuple[str, ...], Field(min_length=1)]
    pattern: Annotated[str, AfterValidator(_pattern)]
    document: Annotated[str, Field(min_length=20)]  # no rule without its source
    year_base: Annotated[int, Field(ge=1900, le=2100)]
    century_from: Annotated[int, Field(ge=0, le=100)] = 100
    year_signs: str = ""
    month_signs: str = ""
    weeks: Annotated[int, Field(ge=52, le=WEEKS)] = WEEKS
    examples: dict[str, date] = {}


_CODES: Final = TypeAdapter(tuple[_Code, ...])


def parse(text: str, file: str) -> tuple[DateCode, ...]:
    """Return the rules of one file.

    Raises:
        AgeCodesError: with the first thing that is wrong.
    """
    try:
        found = _CODES.validate_python(yaml.load(text, Loader=_LOADER))  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise AgeCodesError(f"{file}: not YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise AgeCodesError(f"{file}: {place}: {first['msg']}") from error
    return tuple(
        DateCode(
            code.name, tuple(word.lower() for word in code.vendors), re.compile(code.pattern),
            " ".join(code.document.split()), code.year_base, code.century_from, code.year_signs, code.month_signs,
            code.weeks, code.examples,
        )
        for code in found
    )  # fmt: skip


def load_age_codes() -> tuple[DateCode, ...]:
    """Return the rules that come with the product, file by file.

    Raises:
        AgeCodesError: a file cannot be used.
    """
    folder = resources.files("configs").joinpath("age")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name)
    return tuple(code for file in files for code in parse(file.read_text("utf-8"), f"configs/age/{file.name}"))

"""The files of configs/identity: read, checked, and refused with the line where something is wrong."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

from pydantic import ValidationError

from probes.snmp.identityrules import File, Read, Rule, Rules, Table, Vendor, Vendors

_VENDORS: Final = "vendors.yaml"


class IdentityError(ValueError):
    """A file of rules is wrong; the text names file, line, what was expected, and the likely fix."""


@cache
def built_in() -> Rules:
    """Return the rules that come with the agent.

    Raises:
        IdentityError: when a file is wrong.
    """
    folder = resources.files("configs").joinpath("identity")
    texts = {entry.name: entry.read_text("utf-8") for entry in folder.iterdir() if entry.name.endswith(".yaml")}
    return loaded({f"configs/identity/{name}": text for name, text in sorted(texts.items())})


def loaded(texts: Mapping[str, str]) -> Rules:
    """Return the rules of some files; the one called vendors.yaml has the makers.

    Raises:
        IdentityError: naming file and line.
    """
    rules: list[Rule] = []
    seen: dict[str, str] = {}
    vendors = Vendors(generic=(), vendors={})
    for file, text in texts.items():
        if file.endswith(_VENDORS):
            vendors = _checked(Vendors, file, text)
            continue
        for number, rule in enumerate(_checked(File, file, text).rules):
            if rule.name in seen:
                place = _line(text, ("rules", number, "name"))
                raise IdentityError(f"{file}{place}: rules[{number}].name: {rule.name!r} is the name of a rule of "
                                    f"{seen[rule.name]} already; choose another")  # fmt: skip
            seen[rule.name] = file
            rules.append(rule)
    return Rules(rules, vendors)


def _checked(model: Any, file: str, text: str) -> Any:  # noqa: ANN401 - one of the two kinds of file
    import yaml

    try:
        document = yaml.load(text, Loader=_loader())  # noqa: S506 - it is a safe one
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise IdentityError(f"{file}{line}: no YAML: {getattr(error, 'problem', None) or error}") from error
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise IdentityError(_told(error, file, text, model)) from error


def _told(error: ValidationError, file: str, text: str, model: Any) -> str:  # noqa: ANN401 - as above
    first = error.errors()[0]
    where = tuple(part for part in first["loc"] if part != "[key]")
    dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).removeprefix(".")
    said = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        said = f"unknown key{_near(str(where[-1]), where, model)}"
    elif first["type"] == "missing":
        said = "is missing"
    return f"{file}{_line(text, where)}: {dotted or 'the file'}: {said}"


def _near(word: str, where: tuple[str | int, ...], model: Any) -> str:  # noqa: ANN401 - as above
    import difflib

    names = [name for name in where[:-1] if isinstance(name, str)]
    of = {"read": Read, "tables": Table, "rules": Rule, "vendors": Vendor}.get(names[-1] if names else "", model)
    if "vendors" in names:
        of = Vendor
    near = difflib.get_close_matches(word, of.model_fields, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(of.model_fields)}"


def _line(text: str, where: tuple[str | int, ...]) -> str:
    """Return `:LINE` of the nearest place that is written."""
    import yaml

    node = yaml.compose(text, Loader=_loader())
    line = 1 if node is None else node.start_mark.line + 1
    for part in where:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        elif isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
            continue
        else:
            break
        line = node.start_mark.line + 1
    return f":{line}"


@cache
def _loader() -> Any:  # noqa: ANN401 - a class of PyYAML, which has no common type for both
    """Return a safe loader to which dates and numbers with a point are text: versions and OIDs look like that."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    words = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:float")
    resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag not in words]
        for first, found in base.yaml_implicit_resolvers.items()
    }
    return type("_Loader", (base,), {"yaml_implicit_resolvers": resolvers})

"""Which support dates to look up first: what is in no lifecycle table, by model."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from agent.core.ageing import Case
from agent.core.registerfields import same_vendor

_NUMBER: Final = 6  # letters and digits of a maker's number, such as J9775A; shorter ones begin many names
UNKNOWN: Final = "unknown"  # whose, where, and what model: what nobody has said


@dataclass(frozen=True, slots=True)
class ModelCount:
    """A model whose dates are in no table: what to look up first."""

    vendor: str
    model: str
    number: int


def without_dates(cases: Iterable[Case]) -> list[tuple[ModelCount, tuple[Case, ...]]]:
    """Return the models that are in no lifecycle table, the most frequent first, of as many the oldest.

    Dell and Dell Inc. are one maker, and of which nobody knows the maker is of the only one that has such a model. What
    is of no known model comes last: there is nothing to look up.
    """
    models: dict[str, list[list[Case]]] = {}
    undated = [case for case in cases if case.support is None]
    for case in sorted(undated, key=lambda case: not case.fact("vendor")):
        alike = models.setdefault(_told_by(case.fact("model")), [])
        vendor = case.fact("vendor")
        known = [group for group in alike if not vendor or _of_maker(vendor, group)]
        if len(known) == 1:
            known[0].append(case)
        else:
            alike.append([case])
    place = {id(case): number for number, case in enumerate(undated)}
    groups = [sorted(group, key=lambda case: place[id(case)]) for alike in models.values() for group in alike]
    found = [(_counted(group), tuple(group)) for group in groups]
    return sorted(found, key=lambda one: (one[0].model == UNKNOWN, -one[0].number, oldest(one[1]) or date.max,
                                          one[0].vendor, one[0].model))  # fmt: skip


def oldest(cases: Iterable[Case]) -> date | None:
    """Return since when the oldest of them is in use; None where nobody knows of any."""
    return min((case.age.since for case in cases if case.age is not None), default=None)


def shortest(cases: Iterable[Case]) -> str:
    """Return the shortest of what their model is called: a table's row of that name is one of them all."""
    return min(filter(None, (case.fact("model") for case in cases)), key=len, default="")


def _told_by(model: str) -> str:
    """Return what tells a model: its number where it begins with one, as `J9775A 2530-48G Switch` does."""
    first, *_ = [*model.split(), ""]
    number = _bare(first)
    is_one = len(number) >= _NUMBER and not number.isdigit() and any(letter.isdigit() for letter in number)
    return number if is_one else _bare(model)


def _bare(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


def _of_maker(vendor: str, group: Sequence[Case]) -> bool:
    theirs = group[0].fact("vendor")
    return bool(theirs) and same_vendor(vendor, theirs)


def _counted(group: Sequence[Case]) -> ModelCount:
    vendor, model = (_usual(group, name) for name in ("vendor", "model"))
    return ModelCount(vendor, model, len(group))


def _usual(group: Sequence[Case], name: str) -> str:
    """Return how most of them are called."""
    said = Counter(text for case in group if (text := case.fact(name)))
    return said.most_common(1)[0][0] if said else UNKNOWN

"""A report that comes over a network is not believed: it is read strictly, or refused with the place."""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from agent.core.ageing_reader import MOST_CASES, read
from agent.core.ageing_report import ageing_document
from tests.exporters.ageingestate import TODAY, estate

Change = Callable[[Any], object]
DOCUMENT: Final = json.dumps(ageing_document(estate(), TODAY))


def test_a_report_survives_its_document() -> None:
    found = read(json.loads(DOCUMENT))
    assert ageing_document(found, TODAY) == json.loads(DOCUMENT)
    assert [case.place for case in found.cases] == [case.place for case in estate().cases]


def test_what_follows_from_the_rest_is_not_needed() -> None:
    found = json.loads(DOCUMENT)
    del found["unsupported_by"]
    assert read(found) == read(json.loads(DOCUMENT))


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (lambda found: found.pop("today"), "today: Field required"),
        (lambda found: found.update(more=1), "more: Unexpected"),
        (lambda found: found.update(made_at="2026-11-27T09:00:00"), "a time without a zone: 2026-11-27T09:00:00"),
        (lambda found: found.update(as_of="2026-11-27T09:00:00"), "a time without a zone"),
        (lambda found: found["cases"][0].update(more=1), r"cases\.0\.more: Unexpected"),
        (lambda found: found["cases"][0].update(place="1"), r"cases\.0\.place: "),
        (lambda found: found["cases"][0]["likelihood"].update(ratio=float("nan")), r"cases\.0\.likelihood\.ratio: "),
        (lambda found: found["cases"][0].update(title="x" * 10_001), r"cases\.0\.title: "),
        (lambda found: found["cases"][0]["age"].update(since=5), r"cases\.0\.age\.since: "),
        (lambda found: found["cases"][0]["flags"][0].update(more=1), r"cases\.0\.flags\.0\.more: "),
        (lambda found: found["cases"][0]["facts"].extend([found["cases"][0]["facts"][0]] * 500),
         r"cases\.0\.facts: 504 items, at most 500 are read"),
        (lambda found: found["cases"][0]["likelihood"].update(parts=found["cases"][0]["likelihood"]["parts"] * 200),
         r"cases\.0\.likelihood: 600 items, at most 500 are read"),
        (lambda found: found.update(cases=[None] * (MOST_CASES + 1)), "cases: 20,001 items, at most 20,000 are read"),
        (lambda found: found.update(cases=[None]), r"cases\.0: "),
        (lambda found: found.update(cases=None), "cases: "),
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused_with_the_place(spoil: Change, place: str) -> None:
    found = json.loads(DOCUMENT)
    spoil(found)
    with pytest.raises(ValueError, match=rf"^no ageing report: {place}.*; expected the document of /api/v1/ageing$"):
        read(found)


def test_an_empty_document_is_none() -> None:
    with pytest.raises(ValueError, match=r"^no ageing report: made_at: Field required"):
        read({})


def test_half_a_surrogate_costs_its_character() -> None:
    found = json.loads(DOCUMENT)
    found["cases"][0]["title"] = "Core \ud800 switch"
    assert read(found).cases[0].title == "Core ? switch"

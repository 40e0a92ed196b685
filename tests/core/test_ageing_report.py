"""What the budget paper counts: by year, owner, site and model; whole numbers that add up."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from agent.core.ageing import Case, Found, case_of, rank
from agent.core.ageing_report import (
    ShareCount,
    YearCount,
    ageing_document,
    by_owner,
    by_site,
    by_year,
    report,
    unsupported_by,
)
from agent.core.consequence import Consequences
from agent.core.hardware import Fact, Hardware, HardwareFlag, Support
from agent.core.lookups import ModelCount
from agent.core.model import Estate, Role, Target
from agent.core.subjects import of_device

TODAY = date(2026, 6, 1)
NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)


def case(
    name: str, kind: str, end: str = "", *reasons: str, owners: tuple[str, ...] = (), site: str | None = None,
    model: str = "", severity: str = "warning",
) -> Case:  # fmt: skip
    target = Target(name, Role.DEVICE, kind, name, site, owners)
    support = Support("P", "model P", "notice", "x.csv:2", end_of_support=date.fromisoformat(end)) if end else None
    flags = tuple(HardwareFlag(name, reason, severity, reason, "source") for reason in reasons)
    seen = Hardware(NOW, (Fact("vendor", "Example", "rule"), Fact("model", model, "rule"))) if model else None
    estate = Estate("dc1", {name: target})
    return case_of(
        of_device(target, hardware=seen), (), Consequences(estate), estate, TODAY, Found(None, support, None, flags)
    )


CASES: Sequence[Case] = (
    case("a", "switch", "2026-05-31", "end_of_support", owners=("bcw", "enc"), site="crown"),
    case("b", "switch", "2026-12-31", owners=("bcw",), site="crown"),
    case("c", "server", "2026-06-01", owners=("enc",)),  # its last day
    case(
        "d", "server", "2031-01-01", "age_over_policy", "fan_failed", owners=("enc",), site="enc", severity="critical"
    ),
    case("e", "ups", "", "unknown_lifecycle", site="enc", model="EP-3000", severity="info"),
    case("f", "ups", "", site="enc", model="EP-3000"),
    case("g", "ups", "", site="enc"),
)


def test_by_year() -> None:
    assert by_year(CASES, TODAY) == (
        YearCount(2026, 3, 1, (("switch", 2), ("server", 1))),
        YearCount(2031, 1, 0, (("server", 1),)),
        YearCount(None, 3, 0, (("ups", 3),)),
    )
    assert sum(one.number for one in by_year(CASES, TODAY)) == len(CASES)


def test_by_owner_and_by_site() -> None:
    assert by_owner(CASES, TODAY) == (
        ShareCount("bcw", 2, flagged=1, critical=0, unsupported=1, undated=0, over_age=0),
        ShareCount("enc", 3, flagged=2, critical=1, unsupported=1, undated=0, over_age=1),
        ShareCount("unknown", 3, flagged=0, critical=0, unsupported=0, undated=3, over_age=0),
    )
    assert [(one.label, one.number) for one in by_site(CASES, TODAY)] == [("crown", 2), ("enc", 4), ("unknown", 1)]


def test_unsupported_by() -> None:
    assert [one.name for one in unsupported_by(CASES, TODAY)] == ["a"]
    assert [one.name for one in unsupported_by(CASES, date(2027, 1, 1))] == ["a", "c", "b"]
    assert [one.name for one in unsupported_by(reversed(CASES), date(2100, 1, 1))] == ["a", "c", "b", "d"]


def test_models_to_look_up_first() -> None:
    made = report(CASES, NOW, TODAY)
    assert made.unknown_models == (ModelCount("Example", "EP-3000", 2), ModelCount("unknown", "unknown", 1))


def test_as_json() -> None:
    made = report(rank(CASES), NOW, TODAY)
    found = json.loads(json.dumps(ageing_document(made, date(2027, 1, 1)), allow_nan=False))
    assert found["unsupported_by"] == {"day": "2027-01-01", "names": ["a", "c", "b"]}
    assert (found["made_at"], found["today"], found["as_of"]) == ("2026-06-01T09:00:00+00:00", "2026-06-01", None)
    assert [one["name"] for one in found["cases"]] == [one.name for one in made.cases]
    first = found["cases"][0]
    assert {"name", "ratio", "weight", "detail", "source", "confidence"} == set(first["likelihood"]["parts"][0])
    assert [part["name"] for part in first["likelihood"]["parts"]] == ["age", "support", "wear"]
    assert [part["name"] for part in first["consequence"]["parts"]] == ["alone", "dependents", "sites", "owners"]
    assert "score" not in json.dumps(found)
    assert "unsupported_by" not in ageing_document(replace(made, as_of=NOW))

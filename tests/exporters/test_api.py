"""`/api/v1` over real HTTP, with a real ledger where it is asked."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.core.account import Stretch
from agent.core.hardware import Hardware, Support
from agent.core.learnt import Learning, Learnt, Source
from agent.core.model import AssetRow, Event, EventKind, Fact, Outage, Outcome, State
from agent.core.picture import Picture
from agent.core.ports import EventFilter
from agent.core.verdict import Held
from agent.ledger import SqliteLedger
from exporters import api
from tests.exporters.pictures import trouble
from tests.exporters.serving import MemoryLedger, asking, serving

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)


@asynccontextmanager
async def asked(picture: Picture, ledger: api.Record | None = None) -> AsyncIterator[Any]:
    """Give a function that asks: path -> (status, document)."""
    async with serving(picture, ledger=ledger, now=NOW) as server, asking(server) as client:

        async def ask(path: str) -> tuple[int, Any]:
            async with client.get(f"/api/v1/{path}") as answer:
                assert answer.content_type == "application/json"
                return answer.status, await answer.json()

        yield ask


@pytest.fixture
def picture() -> Picture:
    return trouble(NOW)


async def test_targets(picture: Picture) -> None:
    async with asked(picture) as ask:
        status, document = await ask("targets")
        assert status == 200
        assert [target["name"] for target in document["targets"]] == list(picture.estate.targets)
        _, document = await ask("targets?kind=site")
        assert {target["name"] for target in document["targets"]} == {"bcw", "enc", "crown"}
        _, document = await ask("targets?target=enc-crown")
    (found,) = document["targets"]
    assert found["verdict"]["state"] == "down"
    assert found["outage"]["state"] == "down"
    assert found["circuit"]["reference"] == "ETH/20417"
    assert [check["name"] for check in found["checks"]] == ["icmp", "end:crown-rt1/Te0/0/1"]
    assert found["checks"][0]["round"]["loss_ratio"] == 1
    assert "settings" not in str(document)


async def test_ageing(picture: Picture) -> None:
    async with asked(picture) as ask:
        status, document = await ask("ageing?by=2021-01-01")
        assert status == 200
        assert document["unsupported_by"] == {"day": "2021-01-01", "names": ["bcw-files1"]}
        first = document["cases"][0]
        assert (first["place"], first["likelihood"]["parts"][0]["name"]) == (1, "age")
        assert {case["name"] for case in document["cases"] if not case["watched"]} == {"LAP-7"}
        _, document = await ask("ageing?target=bcw-files1")
        assert [case["name"] for case in document["cases"]] == ["bcw-files1"]
        assert "unsupported_by" not in document
        assert (await ask("ageing?by=soon"))[1]["error"] == "by: expected a day such as 2027-03-31, got 'soon'"
        assert (await ask("ageing?target=bcw-file1"))[0] == 404
        picture.ageing = None
        assert (await ask("ageing"))[0] == 404


async def test_devices_and_circuits(picture: Picture) -> None:
    async with asked(picture) as ask:
        _, document = await ask("devices?target=crown-ups1")
        (device,) = document["devices"]
        assert device["poll"]["success"] is False
        assert {flag["reason"] for flag in device["flags"]} == {"battery_replace", "age_over_policy"}
        assert len((await ask("devices"))[1]["devices"]) == 6
        _, document = await ask("explain?target=crown-rt1")
        assert [(one["name"], one["why"], one["is_down"]) for one in document["interfaces"]] == [
            ("Gi1/0/1", "uplink", False), ("Gi1/0/2", "configured", True),
        ]  # fmt: skip
        assert document["interfaces"][1]["oper"] == 2
        assert (await ask("explain?target=enc-crown"))[1]["interfaces"] == []
        assert [d["name"] for d in (await ask("devices?kind=router"))[1]["devices"]] == ["crown-rt1"]
        _, document = await ask("circuits")
        assert [c["name"] for c in document["circuits"]] == ["bcw-crown-primary", "bcw-crown-backup", "enc-crown"]


async def test_explain(picture: Picture) -> None:
    async with asked(picture, MemoryLedger(list(picture.events))) as ask:
        _, cut = await ask("explain?target=enc-crown")
        _, behind = await ask("explain?target=enc-payroll")
        _, group = await ask("explain?target=bcw-crown")
    assert set(cut) >= {
        "target", "verdict", "since", "checks", "depends_on", "consequences", "causes", "pages", "outage",
        "recent_events",
    }  # fmt: skip
    assert (cut["target"], cut["verdict"]["state"], cut["causes"]) == ("enc-crown", "down", [])
    assert cut["since"] == (NOW - timedelta(minutes=4, seconds=12)).isoformat()
    assert set(cut["consequences"]) == {"enc", "enc-core-sw1", "enc-payroll", "housing-management"}
    assert [page["alert"] for page in cut["pages"]] == ["CircuitDown"]
    assert [event["new"] for event in cut["recent_events"]] == ["down"]
    check = cut["checks"][0]
    assert (check["name"], check["type"], check["state"], check["last"]["outcome"]) == ("icmp", "icmp", "down", "ok")
    assert behind["causes"] == ["enc-crown"]
    (above,) = behind["depends_on"]
    assert (above["name"], above["state"], above["alternative"]) == ("enc-core-sw1", "unreachable", False)
    assert behind["not_paged"] == ["it is a consequence of enc-crown: CircuitDown enc-crown"]
    assert [(page["alert"], page["labels"]["owner"]) for page in behind["would_page"]] == [("DeviceDown", "enc")]
    assert cut["not_paged"] == []
    assert {one["name"]: one["lost"] for one in cut["dependents"]} == {
        "enc": True, "enc-core-sw1": True, "enc-payroll": True, "housing-management": True
    }  # fmt: skip
    assert check["policy"]["failures_to_down"] == 2
    assert all(one["alternative"] for one in group["depends_on"])
    assert [page["target"] for page in behind["pages"]] == ["enc-crown"]
    assert {other["name"] for other in group["depends_on"]} == {"bcw-crown-primary", "bcw-crown-backup"}


async def test_what_is_being_made_sure_of_is_explained(picture: Picture) -> None:
    picture.held["telephony"] = Held(NOW, NOW + timedelta(seconds=3), ("crown-rt1",))
    async with asked(picture) as ask:
        _, document = await ask("explain?target=telephony")
    assert document["held"] == {
        "since": NOW.isoformat(), "until": (NOW + timedelta(seconds=3)).isoformat(), "ask": ["crown-rt1"],
        "again": None, "began": None, "repeated": [],
    }  # fmt: skip


async def test_what_depends_on_what(picture: Picture) -> None:
    async with asked(picture) as ask:
        _, document = await ask("topology")
        assert (await ask("topology?target=enc"))[0] == 400
    assert (document["agent"], document["site"], document["learnt"]["proposals"]) == ("dc1", "crown", [])
    lines = {line["name"]: line for line in document["tree"] if not line["again"]}
    assert lines.keys() == picture.estate.targets.keys()
    assert (lines["enc-payroll"]["depth"], lines["enc-payroll"]["state"]) == (2, "unreachable")
    assert lines["bcw-crown-backup"]["alternative"] is True
    assert lines["bcw-crown"]["marks"] == ["redundancy_lost"]


async def test_what_is_learnt(picture: Picture) -> None:
    proposal = Learnt("crown-ups1", "crown-rt1", "the only way there", Source.LLDP, NOW)
    picture.learning = Learning("this host is plugged into crown-rt1 Gi1 (LLDP)", (proposal,))
    async with asked(picture) as ask:
        _, document = await ask("learnt")
        _, explained = await ask("explain?target=crown-rt1")
    assert document["stands"].startswith("this host")
    assert document["proposals"] == explained["learnt"] == [{
        "target": "crown-ups1", "depends_on": "crown-rt1", "why": "the only way there", "source": "lldp",
        "since": NOW.isoformat(),
    }]  # fmt: skip
    assert document["yaml"][-1] == "    depends_on: [crown-rt1]"


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("explain", 400, "explain needs ?target=NAME"),
        ("explain?target=enc-crwn", 404, "no target is called 'enc-crwn'; did you mean 'enc-crown'?"),
        ("targets?target=" + "x" * 3000, 404, "no target is called"),
        ("targets?targt=a", 400, "/api/v1/targets: unknown parameter 'targt'; did you mean 'target'?"),
        ("register?target=a", 400, "/api/v1/register: unknown parameter 'target'; it takes none"),
        ("events?open=1", 400, "unknown parameter 'open'; it takes kind, limit, since, target, until"),
        ("events?limit=0", 400, "limit: expected a number from 1 to 10000, got '0'"),
        ("events?limit=٣", 400, "limit: expected a number"),
        ("events?limit=99999999999", 400, "limit: expected a number"),
        (
            "events?kind=target,chek",
            400,
            "kind: unknown kind 'chek'; expected target, check, mark, blind, path, level, agent",
        ),
        ("events?since=yesterday", 400, "since: expected a time such as 2026-11-22T13:00:00Z or a duration such as 2h"),
        ("events?since=99999999y", 400, "since: expected a time"),
        ("events?until=0001-01-01T00:00:00%2B10:00", 400, "until: expected a time"),
        ("outages?open=perhaps", 400, "open: expected true or false, got 'perhaps'"),
    ],
)
async def test_refusals(picture: Picture, path: str, status: int, error: str) -> None:
    async with asked(picture) as ask:
        got, document = await ask(path)
        assert got == status
        assert error in document["error"]


async def test_what_the_ledger_is_asked(picture: Picture) -> None:
    ledger = MemoryLedger()
    async with asked(picture, ledger) as ask:
        await ask("events")
        await ask("events?target=a&kind=target,mark&since=2h&until=2026-11-22T12:00:00&limit=7")
        await ask("events?since=2026-11-22T14:00:00%2B02:00&until=2026-11-22T14:00:00+02:00")
        await ask("outages?open&since=1d")
        await ask("outages?open=false&target=a&limit=3")
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert ledger.asked == [
        EventFilter(limit=1000),
        EventFilter("a", (EventKind.TARGET, EventKind.MARK), NOW - timedelta(hours=2), noon, 7),
        EventFilter(since=noon, until=noon, limit=1000),
        (None, True, NOW - timedelta(days=1), 1000),
        ("a", False, None, 3),
    ]


async def test_outages_until(picture: Picture) -> None:
    ledger = MemoryLedger(
        outages=[Outage(n, "a", State.DOWN, NOW - timedelta(hours=n), None, "cut") for n in range(1, 4)]
    )
    async with asked(picture, ledger) as ask:
        _, document = await ask("outages?until=90m")
    assert [outage["id"] for outage in document["outages"]] == [2, 3]


async def test_a_real_ledger(picture: Picture, tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.sqlite")
    await ledger.open()
    try:
        cut = Event(EventKind.TARGET, NOW - timedelta(minutes=5), NOW, "enc-crown", "up", "down", "cut")
        await ledger.record([cut])
        async with asked(picture, ledger) as ask:
            _, events = await ask("events?target=enc-crown&since=1h")
            _, outages = await ask("outages?open=true")
            _, explained = await ask("explain?target=enc-crown")
    finally:
        await ledger.close()
    assert [event["new"] for event in events["events"]] == ["down"]
    assert [(o["target"], o["ended_at"]) for o in outages["outages"]] == [("enc-crown", None)]
    assert explained["recent_events"] == events["events"]


async def test_json_has_no_nan(picture: Picture) -> None:
    from dataclasses import replace

    key = ("crown-rt1", "snmp")
    seen = picture.observation(*key)
    assert seen is not None
    picture.observations[key] = replace(seen, outcome=Outcome.OK, values=(("odd", float("nan")), ("even", 2.0)))
    async with asked(picture) as ask:
        _, document = await ask("targets?target=crown-rt1")
    assert document["targets"][0]["checks"][1]["last"]["values"] == {"odd": None, "even": 2.0}


async def test_availability_is_asked_of_the_accounts(picture: Picture) -> None:
    wanted: list[tuple[Sequence[str] | None, Stretch]] = []

    async def report(names: Sequence[str] | None, stretch: Stretch) -> list[dict[str, Any]]:
        wanted.append((names, stretch))
        if stretch.period == "soon":
            raise ValueError("expected a month")
        return [{"target": "enc-crown"}]

    async with serving(picture, now=NOW, report=report) as server, asking(server) as client:

        async def ask(path: str) -> tuple[int, Any]:
            async with client.get(f"/api/v1/availability{path}") as answer:
                return answer.status, await answer.json()

        assert await ask("") == (200, {"availability": [{"target": "enc-crown"}]})
        assert await ask("?target=enc-crown&period=2026-11") == (200, {"availability": [{"target": "enc-crown"}]})
        assert (await ask("?since=2d&until=2026-11-21"))[0] == 200
        assert await ask("?period=soon") == (400, {"error": "expected a month"})
        assert await ask("?period=2026-11&since=2d") == (400, {"error": "period: not together with since or until"})
        assert (await ask("?target=enc-crwn"))[0] == 404
        assert (await ask("?month=2026-11"))[0] == 400
    assert wanted == [
        (None, Stretch()),
        (["enc-crown"], Stretch("2026-11")),
        (None, Stretch(None, NOW - timedelta(days=2), datetime(2026, 11, 21, tzinfo=UTC))),
        (None, Stretch("soon")),
    ]


async def test_without_accounts_there_is_no_availability(picture: Picture) -> None:
    async with asked(picture) as ask:
        assert await ask("availability") == (404, {"error": "this agent keeps no accounts of availability"})


async def test_the_register_against_the_network(picture: Picture) -> None:
    row = AssetRow("bcw-core-sw1", "r.csv:2", None, {"serial": "FOC-2"})
    laptop = AssetRow("LT-1", "r.csv:3", date(2019, 2, 14), {"kind": "Laptop", "operating_system": "Windows 10"})
    targets = dict(picture.estate.targets)
    targets["bcw-core-sw1"] = replace(targets["bcw-core-sw1"], register=row)
    picture.estate = replace(picture.estate, targets=targets, assets=(laptop,))
    picture.hardware["bcw-core-sw1"] = Hardware(NOW, (Fact("serial", "FOC-1", "ENTITY-MIB entPhysicalSerialNum"),))
    async with asked(picture) as ask:
        status, document = await ask("register")
        refused, problem = await ask("register?target=bcw-core-sw1")
    assert (status, document["rows"], document["joined"], document["seen"]) == (200, 2, 1, 1)
    first = document["mismatches"][0]
    assert (first["kind"], first["name"], first["field"]) == ("differs", "bcw-core-sw1", "serial")
    assert (first["register"], first["register_source"]) == ("FOC-2", "r.csv:2")
    assert (first["device"], first["device_source"]) == ("FOC-1", "ENTITY-MIB entPhysicalSerialNum")
    assert {one["kind"] for one in document["mismatches"][1:]} == {"not_in_register"}
    (unpolled,) = document["unpolled"]
    assert (unpolled["name"], unpolled["age"]["since"], unpolled["support"]) == ("LT-1", "2019-02-14", None)
    assert refused == 400
    assert "unknown parameter 'target'" in problem["error"]


async def test_the_support_of_what_runs_on_laptops(picture: Picture) -> None:
    laptop = AssetRow("LT-1", "r.csv:3", None, {"operating_system": "Windows 10", "operating_system_version": "22H2"})
    picture.estate = replace(picture.estate, assets=(laptop,))

    def support_of(system: str, version: str) -> Support:
        return Support(system, f"{system} {version}", "a document", "w.csv:2", end_of_support=date(2025, 10, 14))

    async with (
        serving(picture, now=NOW, support_of=support_of) as server,
        asking(server) as client,
        client.get("/api/v1/register") as answer,
    ):
        document = await answer.json()
    support = document["unpolled"][0]["support"]
    assert (support["matched"], support["end_of_support"]) == ("Windows 10 22H2", "2025-10-14")

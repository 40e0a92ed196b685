"""The JSON schema: as generated, complete, and of use to an editor."""

import json
from pathlib import Path
from typing import Any

from agent.config.registry import probe_types
from agent.config.schema import as_text, json_schema
from agent.config.settings import Settings

FILE = Path(__file__).parents[2] / "configs" / "schema.json"


def test_schema_is_not_stale() -> None:
    assert FILE.read_text() == as_text(), "run: linewarden config schema > configs/schema.json"


def test_every_section_is_described() -> None:
    schema = json.loads(as_text())
    assert set(schema["properties"]) == set(Settings.model_fields)
    assert schema["additionalProperties"] is False
    for name in ("Device", "Circuit", "Site", "Service", "Auth"):
        definition = schema["$defs"][name]
        assert definition["description"]
        assert definition["additionalProperties"] is False


def test_probe_blocks_are_the_probes_own_settings() -> None:
    device = json_schema()["$defs"]["Device"]["properties"]
    assert {"interval", "round", "dscp", "interface"} <= set(device["icmp"]["properties"])
    assert "type" not in device["icmp"]["properties"]
    assert "required" not in device["icmp"] or "address" not in device["icmp"]["required"]
    assert {"auth", "modules", "port"} <= set(device["snmp"]["properties"])
    checks = json_schema()["$defs"]["Service"]["properties"]["checks"]["items"]["oneOf"]
    assert [check["properties"]["type"]["const"] for check in checks] == list(probe_types())
    assert all("type" in check["required"] for check in checks)


def test_defaults_are_what_a_person_would_write() -> None:
    device = json_schema()["$defs"]["Device"]["properties"]
    assert device["icmp"]["properties"]["timeout"]["default"] == "3s"
    assert device["icmp"]["properties"]["ttl"]["default"] == 64


def test_every_reference_leads_somewhere() -> None:
    schema = json_schema()

    def references(node: Any) -> set[str]:  # noqa: ANN401 - any JSON value
        if isinstance(node, dict):
            own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*(references(below) for below in node.values()))
        return set().union(*(references(below) for below in node)) if isinstance(node, list) else set()

    found = references(schema)
    assert {reference.removeprefix("#/$defs/") for reference in found} <= set(schema["$defs"])

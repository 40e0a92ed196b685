"""The ageing report without an agent: by the configuration, its asset register, and the pieces in the ledger."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.cli.client import CannotError, RefusedError, Where, ask
from agent.core.hardware import Piece
from agent.ledger import FILE_NAME, SqliteLedger

CONFIG = """
agent: {{name: dc1, state_dir: '{state_dir}'}}
devices:
  - {{name: sw1, kind: switch, address: 192.0.2.2, icmp: {{}}, purchased: 2001-02-03}}
  - {{name: sw2, kind: switch, address: 192.0.2.3, icmp: {{}}}}
inventory: ["*.csv"]
"""
SEEN = datetime(2010, 1, 1, tzinfo=UTC)


@pytest.fixture
def where(tmp_path: Path) -> Where:
    path = tmp_path / "linewarden.yaml"
    path.write_text(CONFIG.format(state_dir=tmp_path))
    (tmp_path / "assets.csv").write_text("name,purchased,kind,owner\nLAP-7,2015-01-01,Laptop,bcw\n")
    return Where(None, path, None)


def asked(where: Where, **parameters: str) -> Mapping[str, Any]:
    return ask(where, "ageing", **parameters).document


def write(folder: Path, piece: Piece) -> None:
    async def writing() -> None:
        ledger = SqliteLedger(folder / FILE_NAME)
        await ledger.open()
        await ledger.record_pieces([piece])
        await ledger.close()

    asyncio.run(writing())


def test_by_the_configuration_and_its_register_alone(where: Where) -> None:
    found = asked(where)
    cases = {case["name"]: case for case in found["cases"]}
    assert [flag["reason"] for flag in cases["sw1"]["flags"]] == ["age_over_policy"]
    assert (cases["LAP-7"]["watched"], cases["LAP-7"]["owners"]) == (False, ["bcw"])
    assert cases["LAP-7"]["register"].endswith("assets.csv:2")
    assert found["register"] == {
        "rows": 1, "differs": 0, "not_on_network": 0, "not_in_register": 2, "duplicate_serial": 0
    }  # fmt: skip
    assert (cases["sw2"]["place"], cases["sw2"]["age"], found["as_of"]) == (None, None, None)


def test_the_ledger_knows_since_when_a_piece_is_there(where: Where, tmp_path: Path) -> None:
    write(tmp_path, Piece("sw2", "A", SEEN, SEEN))
    found = asked(where, target="sw2", by="2026-01-01")
    (case,) = found["cases"]
    assert (case["age"]["since"], case["age"]["at_least"]) == ("2010-01-01", True)
    assert "first seen by the agent" in case["age"]["source"]
    assert found["as_of"] is not None
    assert found["unsupported_by"] == {"day": "2026-01-01", "names": []}


def test_a_wrong_question_is_refused(where: Where, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"no target is called 'sw'; did you mean .sw[12]"):
        asked(where, target="sw")
    with pytest.raises(RefusedError, match="soon"):
        asked(where, by="soon")
    with pytest.raises(CannotError, match="without one its configuration is needed"):
        ask(Where(None, tmp_path / "none.yaml", tmp_path), "ageing")

"""Every attribute that a table names is there, and is shown."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from agent.core.ports import Resources
from agent.instruments import ICMP, LEDGER, RUNNER, SNMP, Instruments, Table
from agent.ledger import SqliteLedger
from agent.runner import Runner
from probes.icmp.engine import Engine
from probes.snmp.probe import Probe


async def _nobody(*_: object) -> None: ...


@pytest.mark.parametrize(
    ("source", "table"),
    [(Engine(), ICMP), (Probe(Resources()), SNMP), (SqliteLedger(Path("unused")), LEDGER)],
    ids=["icmp", "snmp", "ledger"],
)
def test_the_tables_fit_the_parts(source: object, table: Table) -> None:
    registry = CollectorRegistry()
    Instruments("dc1", registry).add(source, table)
    text = generate_latest(registry).decode()
    for name in table:
        begun = 0.25 if name == "linewarden_icmp_tick_seconds" else 0.0
        assert f'{name}{{target="dc1"}} {begun}' in text


async def test_a_part_is_read_when_it_is_asked_for() -> None:
    registry = CollectorRegistry()
    runner = Runner({}, _nobody)
    Instruments("dc1", registry).add(runner, RUNNER)
    runner.overlaps = 7
    assert 'linewarden_polls_overlapping_total{target="dc1"} 7.0' in generate_latest(registry).decode()

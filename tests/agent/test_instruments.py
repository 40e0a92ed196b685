"""Every attribute that a table names is there, and is shown."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from agent.core.alerting import Alertmanager
from agent.core.model import Estate
from agent.core.picture import Picture
from agent.core.ports import Resources
from agent.hardware import HardwareDesk
from agent.instruments import (
    HARDWARE,
    ICMP,
    LEDGER,
    PUSH,
    PUSH_BY,
    RUNNER,
    SNMP,
    TRAPS,
    TRAPS_BY,
    Instruments,
    LabelledTable,
    Table,
)
from agent.ledger import SqliteLedger
from agent.runner import Runner
from exporters.alertmanager import Push
from probes.icmp.engine import Engine
from probes.snmp.probe import Probe
from probes.snmp.traps import TrapReceiver

NOW = datetime.now(UTC)


async def _nobody(*_: object) -> None: ...


@pytest.mark.parametrize(
    ("source", "table"),
    [
        (Engine(), ICMP),
        (Probe(Resources()), SNMP),
        (SqliteLedger(Path("unused")), LEDGER),
        (TrapReceiver(Path("unused")), TRAPS),
        (HardwareDesk(Picture(Estate("dc1", {}), NOW, NOW), SqliteLedger(Path("unused"))), HARDWARE),
        (Push(Picture(Estate("dc1", {}), NOW, NOW), Path("unused")), PUSH),
    ],
    ids=["icmp", "snmp", "ledger", "traps", "hardware", "push"],
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


def test_a_mapping_becomes_series_with_labels() -> None:
    registry = CollectorRegistry()
    shown = Instruments("dc1", registry)
    dropped: dict[tuple[str, ...], int] = {("garbage",): 2, ("too_long",): 0}
    table: LabelledTable = {"linewarden_sample_total": ("dropped", ("reason",), "What was dropped.")}
    shown.add_labelled(SimpleNamespace(dropped=dropped), table)
    labels = {"target": "dc1", "reason": "garbage"}
    assert registry.get_sample_value("linewarden_sample_total", labels) == 2
    dropped["garbage",] = 3
    assert registry.get_sample_value("linewarden_sample_total", labels) == 3
    assert registry.get_sample_value("linewarden_sample_total", {**labels, "reason": "too_long"}) == 0


def test_traps_that_are_not_received_have_no_series() -> None:
    registry = CollectorRegistry()
    Instruments("dc1", registry).add_labelled(TrapReceiver(Path("unused")), TRAPS_BY)
    assert "{" not in generate_latest(registry).decode()


def test_each_alertmanager_has_its_series() -> None:
    registry = CollectorRegistry()
    push = Push(Picture(Estate("dc1", {}), NOW, NOW), Path("unused"))
    Instruments("dc1", registry).add_labelled(push, PUSH_BY)
    assert "{" not in generate_latest(registry).decode()
    push.configure([Alertmanager("http://am:9093")], source="", runbooks="")
    push.counts.ok["http://am:9093",] = 0
    shown = generate_latest(registry).decode()
    for name in ("ok", "sent_total", "failures_total"):
        assert f'linewarden_push_{name}{{alertmanager="http://am:9093",target="dc1"}} 0.0' in shown
    assert "linewarden_push_last_success_timestamp_seconds{" not in shown

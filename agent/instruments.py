"""What the application's own parts count, as prometheus_client families with the agent's name as `target`.

A part knows nothing of Prometheus: a table says which of its attributes are shown, and under which name.
"""

from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Table = Mapping[str, tuple[str, str]]  # name of the family -> (attribute, help); a name in `_total` is a counter
# name of the family -> (attribute: a mapping from label values, names of the labels, help)
LabelledTable = Mapping[str, tuple[str, tuple[str, ...], str]]

ICMP: Final[Table] = {
    "linewarden_icmp_receive_drops_total": (
        "receive_drops_total",
        "Replies that the kernel dropped: no buffer.",
    ),
    "linewarden_icmp_receive_buffer_octets": ("receive_buffer_octets", "The smallest receive buffer that was granted."),
    "linewarden_icmp_tick_seconds": ("tick_seconds", "How often the sockets are read and echoes leave."),
    "linewarden_icmp_send_errors_total": ("send_errors_total", "Echoes that this host could not send."),
    "linewarden_icmp_sends_late_total": (
        "late_sends_total",
        "Echoes that left more than a tick after their time, or not at all.",
    ),
    "linewarden_icmp_replies_reordered_total": (
        "reordered_replies_total",
        "Replies after that to a later echo of their target.",
    ),
    "linewarden_icmp_replies_corrupted_total": ("corrupted_replies_total", "Replies with a wrong checksum."),
    "linewarden_icmp_replies_late_total": ("late_replies_total", "Replies after their echo's timeout."),
    "linewarden_icmp_replies_foreign_total": ("foreign_replies_total", "Replies from an address that was not asked."),
    "linewarden_icmp_queue_dropped_total": ("queue_drops_total", "Rounds and silences that nobody took in time."),
}
SNMP: Final[Table] = {
    "linewarden_snmp_requests_total": ("counters.requests", "SNMP requests, each counted once."),
    "linewarden_snmp_retransmissions_total": ("counters.retransmissions", "SNMP requests that were sent again."),
    "linewarden_snmp_timeouts_total": ("counters.timeouts", "Tries without an answer."),
    "linewarden_snmp_garbage_total": ("counters.garbage", "Datagrams that are no SNMP answer."),
    "linewarden_snmp_foreign_total": ("counters.foreign", "Answers from an address or port that was not asked."),
    "linewarden_snmp_late_total": ("counters.late", "Answers that nothing waited for any more, and duplicates."),
    "linewarden_snmp_socket_drops_total": ("counters.socket_drops", "Answers lost in this host's receive buffer."),
}
TRAPS: Final[Table] = {
    "linewarden_traps_sockets": ("listening", "Sockets on which traps are received."),
    "linewarden_traps_waiting": ("depth", "Traps that wait to be looked at."),
    "linewarden_traps_acknowledged_total": ("counters.acknowledged", "Informs that were taken and acknowledged."),
    "linewarden_traps_engine_questions_total": (
        "counters.engine_questions",
        "Devices that were asked for their SNMP engine id because of a trap.",
    ),
}
TRAPS_BY: Final[LabelledTable] = {
    "linewarden_traps_received_total": ("received", ("version", "kind"), "Traps and informs that counted."),
    "linewarden_traps_dropped_total": ("dropped", ("reason",), "Datagrams at the port of traps that did not count."),
}
TRAP_DESK: Final[Table] = {
    "linewarden_traps_polls_total": ("polls", "Polls that traps led to."),
    "linewarden_traps_bursts_total": ("bursts", "Bursts of echoes that traps led to."),
    "linewarden_traps_put_off_total": ("put_off", "Polls and bursts that waited, since the same was done just before."),
}
RUNNER: Final[Table] = {
    "linewarden_polls_overlapping_total": ("overlaps", "Polls that were due while the former one was under way."),
    "linewarden_probe_failures_total": ("failures", "Probe runs that ended in a bug; the log has its traceback."),
}
PIPELINE: Final[Table] = {
    "linewarden_pipeline_failures_total": ("failures", "Measurements that met a bug; the log has its traceback."),
}
HARDWARE: Final[Table] = {
    "linewarden_hardware_failures_total": ("failures", "Devices whose hardware met a bug; the log has tracebacks."),
}
PUSH: Final[Table] = {
    "linewarden_push_alertmanagers": ("configured", "Alertmanagers that the agent tells itself."),
    "linewarden_push_alerts": ("firing", "Alerts that these are told to be firing, those that are held included."),
}
PUSH_BY: Final[LabelledTable] = {
    "linewarden_push_ok": ("counts.ok", ("alertmanager",), "Whether the Alertmanager took what it was told last."),
    "linewarden_push_sent_total": (
        "counts.sent",
        ("alertmanager",),
        "Alerts that the Alertmanager took, resent ones and ends included.",
    ),
    "linewarden_push_failures_total": ("counts.failures", ("alertmanager",), "Attempts that it did not take."),
    "linewarden_push_last_success_timestamp_seconds": (
        "counts.last_success",
        ("alertmanager",),
        "When it took what it was told.",
    ),
}
LEDGER: Final[Table] = {
    "linewarden_ledger_events_waiting": ("stats.waiting_events", "Events that are not on disk yet."),
    "linewarden_ledger_events_dropped_total": ("stats.dropped_events", "Events that the ledger could not keep."),
    "linewarden_ledger_rounds_dropped_total": ("stats.dropped_rounds", "Raw rounds that the ledger could not keep."),
}


class Instruments(Collector):
    """Attributes of parts, read when they are asked for."""

    def __init__(self, agent: str, registry: CollectorRegistry) -> None:
        """Register with nothing to tell yet."""
        self._agent = agent
        self._sources: list[tuple[object, Table]] = []
        self._labelled: list[tuple[object, LabelledTable]] = []
        registry.register(self)

    def add(self, source: object, table: Table) -> None:
        """Show these attributes of `source` from now on."""
        self._sources.append((source, table))

    def add_labelled(self, source: object, table: LabelledTable) -> None:
        """Show these attributes of `source`, each a mapping from the values of the labels to a number."""
        self._labelled.append((source, table))

    def collect(self) -> Iterator[Metric]:
        """Yield each attribute's present value."""
        for source, table in self._sources:
            for name, (attribute, text) in table.items():
                made = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
                family = made(name, text, labels=["target"])
                family.add_metric([self._agent], float(attrgetter(attribute)(source)))
                yield family
        for source, by in self._labelled:
            for name, (attribute, labels, text) in by.items():
                made = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
                family = made(name, text, labels=["target", *labels])
                for values, number in attrgetter(attribute)(source).items():
                    family.add_metric([self._agent, *values], float(number))
                yield family

"""What Prometheus sees: the picture of the estate as metric families, under the names of docs/endpoints.md.

Every series carries `target`. What is no longer fresh is left out: no gauge freezes. Reading the picture may run in a
thread beside the loop that writes it, so every mapping is copied before it is walked.
"""

import ipaddress
import math
import platform
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import accumulate
from typing import Final

import numpy as np
from prometheus_client import CollectorRegistry

from agent import __version__
from agent.core.delay import RTT_BUCKETS_SECONDS, EchoTotals, summarize
from agent.core.maintenance import WindowKind, covers
from agent.core.model import Aspect, Check, Estate, Health, Mark, Outcome, State, Target, Trouble, Verdict
from agent.core.notes import acknowledgement
from agent.core.paging import is_degraded_due, losses
from agent.core.picture import Picture
from agent.core.series import Family
from exporters.availability import AccountFamilies
from exporters.exposition import escape_help, escape_label, number, prefix
from exporters.hardware import HardwareFamilies
from exporters.names import FAMILIES

FRESH_FLOOR_SECONDS: Final = 30.0  # below three times that, one late round would make gaps in every graph
_DEFAULT_ROUND_SECONDS: Final = 10.0
_STATES: Final = tuple(State)
_MARKS: Final = tuple(Mark)
_SEVERITIES: Final = ("critical", "warning")
_EXPLAINED: Final = frozenset({State.UNREACHABLE, State.DEGRADED})  # what may be another's consequence
_WRONG: Final = frozenset({State.DOWN, State.DEGRADED})
_ONE_HOT: Final = np.eye(len(_STATES))
_CODE: Final = {state: index for index, state in enumerate(_STATES)}


class Prefixes:
    """Rendered prefixes of one estate. A reload makes a new estate, and with it a new one of these."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.checks: Final = tuple(estate.checks())
        targets = estate.targets.values()
        self.target_states: Final = tuple(
            prefix("linewarden_target_state", {"target": t.name, "kind": t.kind, "site": t.site or "", "state": state})
            for t in targets
            for state in _STATES
        )
        self.check_states: Final = tuple(
            prefix("linewarden_check_state", {"target": check.target, "check": check.name, "state": state})
            for check in self.checks
            for state in _STATES
        )
        self.marks: Final = tuple(
            prefix("linewarden_target_mark", {"target": t.name, "mark": mark}) for t in targets for mark in _MARKS
        )
        self.info: Final = (
            _ones("linewarden_target_info", [_target_labels(t) for t in targets]),
            _ones("linewarden_circuit_info", [labels for t in targets if (labels := _circuit_labels(t))]),
            _ones(
                "linewarden_lost_with",
                [{"target": name, "cause": cause} for cause, lost in losses(estate).items() for name in lost],
            ),
        )
        self._rendered: dict[tuple[str, str, str, str, str], str] = {}
        self.accounts: Final = AccountFamilies()
        self.hardware: Final = HardwareFamilies()

    def of(self, name: str, target: str, check: str, key: str = "", value: str = "") -> str:
        """Return `name{target=,check=,key=}`, rendered once; an empty key is left out."""
        found = self._rendered.get((name, target, check, key, value))
        if found is None:
            labels = {"target": target, "check": check} | ({key: value} if key else {})
            found = self._rendered[name, target, check, key, value] = prefix(name, labels)
        return found


class Gathered:
    """Families while they are filled, sample by sample, in the order of first use."""

    def __init__(self) -> None:
        self._samples: dict[str, tuple[list[str], list[float]]] = {}

    def add(self, family: str, text: str, value: float) -> None:
        """Add one sample, its prefix as text."""
        prefixes, values = self._samples.setdefault(family, ([], []))
        prefixes.append(text)
        values.append(value)

    def put(self, family: str, labels: Mapping[str, str], value: float) -> None:
        """Add one sample by its labels."""
        self.add(family, prefix(family, labels), value)

    def families(self) -> list[Family]:
        """Return what was gathered."""
        return [
            Family(name, *FAMILIES[name], tuple(prefixes), np.array(values, dtype=np.float64))
            for name, (prefixes, values) in self._samples.items()
        ]


def state_families(picture: Picture, prefixes: Prefixes, now: datetime) -> list[Family]:
    """Return states, causes, marks and inventory: what paging needs, and nothing that costs.

    The families of states and marks have the same tuple of prefixes for as long as the estate is the same.
    """
    verdicts, health = dict(picture.verdicts), dict(picture.health)
    believed = [verdicts.get(name, _NO_VERDICT) for name in prefixes.estate.targets]
    states = np.array([_CODE[v.state] for v in believed], dtype=np.intp)
    checks = np.array([_CODE[health.get((c.target, c.name), _NO_HEALTH).state] for c in prefixes.checks], dtype=np.intp)
    marks = np.zeros((len(believed), len(_MARKS)))
    causes = Gathered()
    for row, (name, verdict) in enumerate(zip(prefixes.estate.targets, believed, strict=True)):
        if verdict.marks:
            marks[row] = [mark in verdict.marks for mark in _MARKS]
        for cause in dict.fromkeys(verdict.causes) if verdict.state in _EXPLAINED else ():
            causes.put("linewarden_root_cause", {"target": name, "cause": cause}, 1.0)
        if verdict.state is State.DEGRADED:
            due = float(is_degraded_due(verdict, now))
            causes.put("linewarden_target_degraded_alone", {"target": name}, due)
    troubles = [(*key, one) for key, belief in health.items() for one in belief.troubles]
    for family, of in (("linewarden_trouble", lambda _one: 1.0), ("linewarden_trouble_score", _score)):
        for target, check, one in troubles:
            labels = {"target": target, "check": check, "aspect": one.aspect, "against": one.against}
            causes.put(family, labels, of(one))
    for alert, name in dict.fromkeys((page.alert, page.target) for page in picture.pages):
        if Mark.MAINTENANCE in verdicts.get(name, _NO_VERDICT).marks:
            causes.put("linewarden_page_kept", {"target": name, "alert": alert}, 1.0)
    return [
        _family("linewarden_target_state", prefixes.target_states, _ONE_HOT[states].ravel()),
        _family("linewarden_check_state", prefixes.check_states, _ONE_HOT[checks].ravel()),
        _family("linewarden_target_mark", prefixes.marks, marks.ravel()),
        *causes.families(),
        *prefixes.info,
    ]


def _score(one: Trouble) -> float:
    """Return how many times worse it is than its limit; of a voice, less is worse."""
    better, worse = (one.value, one.limit) if one.aspect is Aspect.VOICE else (one.limit, one.value)
    return worse / better if better > 0 else math.inf


def families(
    picture: Picture, now: datetime, prefixes: Prefixes, registry: CollectorRegistry | None = None
) -> list[Family]:
    """Return everything of `/metrics`.

    Args:
        registry: the agent's own instruments; `target` is added where a series has none.
    """
    found = Gathered()
    rounds(found, picture, now, prefixes)
    observations(found, picture, now, prefixes)
    echoes(found, picture, prefixes)
    quality(found, picture, now, prefixes)
    smokeping(found, picture, prefixes)
    blindness(found, picture, now, prefixes)
    devices(found, picture, now)
    said(found, picture, now)
    agent(found, picture)
    states, accounts = state_families(picture, prefixes, now), prefixes.accounts.of(picture.accounts, now)
    hardware = prefixes.hardware.of(picture.ageing, prefixes.estate, now)
    seen = [*states, *accounts, *hardware, *found.families()]
    names = {family.name for family in seen}
    own = from_registry(registry, picture.estate.agent) if registry is not None else []
    return [*seen, *(family for family in own if family.name not in names)]


def rounds(found: Gathered, picture: Picture, now: datetime, prefixes: Prefixes) -> None:
    """Add the figures of each check's last round, while it is fresh."""
    last = dict(picture.rounds)
    for check in prefixes.checks:
        seen = last.get((check.target, check.name))
        if seen is None or (now - seen.at).total_seconds() > fresh_seconds(check):
            continue
        summary = summarize(seen)
        names = (check.target, check.name)
        for what, stats in (("rtt", summary.rtt_seconds), ("pdv", summary.pdv_seconds), ("ipdv", summary.ipdv_seconds)):
            family = f"linewarden_round_{what}_seconds"
            for stat, value in stats.items():
                found.add(family, prefixes.of(family, *names, "stat", stat), value)
        if summary.loss_ratio is not None:
            family = "linewarden_round_loss_ratio"
            found.add(family, prefixes.of(family, *names), summary.loss_ratio)
        if (mean := summary.rtt_seconds.get("mean")) is not None:
            family = "probe_icmp_duration_seconds"
            found.add(family, prefixes.of(family, *names, "phase", "rtt"), mean)


def observations(found: Gathered, picture: Picture, now: datetime, prefixes: Prefixes) -> None:
    """Add success and duration of each check's last observation; what could not be measured is no failure."""
    last = dict(picture.observations)
    for check in prefixes.checks:
        seen = last.get((check.target, check.name))
        if seen is None or seen.outcome is Outcome.UNKNOWN or (now - seen.at).total_seconds() > fresh_seconds(check):
            continue
        text = prefixes.of("probe_success", check.target, check.name)
        found.add("probe_success", text, float(seen.outcome is Outcome.OK))
        if seen.duration_seconds is not None:
            text = prefixes.of("probe_duration_seconds", check.target, check.name)
            found.add("probe_duration_seconds", text, seen.duration_seconds)


def echoes(found: Gathered, picture: Picture, prefixes: Prefixes) -> None:
    """Add the counters of echoes."""
    last = dict(picture.echoes)
    for check in prefixes.checks:
        totals = last.get((check.target, check.name))
        if totals is None:
            continue
        counts = {
            "linewarden_echoes_sent_total": totals.sent,
            "linewarden_echoes_lost_total": totals.lost,
            "linewarden_echoes_duplicate_total": totals.duplicates,
            "linewarden_echoes_late_total": totals.late,
            "linewarden_echoes_reordered_total": totals.reordered,
            "linewarden_echoes_corrupted_total": totals.corrupted,
            "linewarden_burst_echoes_sent_total": totals.burst_sent,
            "linewarden_burst_echoes_lost_total": totals.burst_lost,
        }
        for family, count in counts.items():
            found.add(family, prefixes.of(family, check.target, check.name), count)
        for why, count in dict(totals.unknown).items():
            family = "linewarden_echoes_unknown_total"
            found.add(family, prefixes.of(family, check.target, check.name, "why", why), count)


def quality(found: Gathered, picture: Picture, now: datetime, prefixes: Prefixes) -> None:
    """Add what is usual of each check, and what was agreed of it."""
    for check in prefixes.checks:
        known = picture.qualities.get((check.target, check.name))
        if known is None:
            continue
        at, agreed, voice = known.at, known.objectives, known.voice
        fresh = now.timestamp() - at <= fresh_seconds(check)
        figures = {
            "linewarden_usual_rtt_seconds": known.delay.usual(at),
            "linewarden_usual_pdv_seconds": known.variation.usual(at),
            "linewarden_usual_loss_ratio": picture.usual_loss(check.target, check.name),
            "linewarden_objective_rtt_seconds": agreed.rtt_seconds,
            "linewarden_objective_pdv_seconds": agreed.pdv_seconds,
            "linewarden_objective_loss_ratio": agreed.loss_ratio,
            "linewarden_objective_mos": agreed.mos,
            "linewarden_voice_mos": voice.mos if fresh and voice is not None else None,
            "linewarden_voice_r_factor": voice.r_factor if fresh and voice is not None else None,
        }
        for family, value in figures.items():
            if value is not None:
                found.add(family, prefixes.of(family, check.target, check.name), value)
        if at:
            family = "linewarden_level_shifts_total"
            for direction, count in (("up", known.shifts_up), ("down", known.shifts_down)):
                found.add(family, prefixes.of(family, check.target, check.name, "direction", direction), count)


def smokeping(found: Gathered, picture: Picture, prefixes: Prefixes) -> None:
    """Add what smokeping_prober would say of each circuit."""
    last = dict(picture.echoes)
    for check in prefixes.checks:
        target = prefixes.estate.targets[check.target]
        totals = last.get((check.target, check.name))
        if totals is not None and target.circuit is not None:
            _smokeping(found, target, check, totals)


def blindness(found: Gathered, picture: Picture, now: datetime, prefixes: Prefixes) -> None:
    """Add when the agent could not measure: of everything under its own name, of one target under that."""
    spans, seconds = dict(picture.blind), dict(picture.blind_seconds)
    own = picture.estate.agent
    measured = [name for name, target in prefixes.estate.targets.items() if target.checks and name != own]
    for name, key, total in [(own, None, ""), *((name, name, name) for name in measured)]:
        span = spans.get(key)
        elapsed = max(0.0, (now - span.began_at).total_seconds()) if span is not None else 0.0
        found.put("linewarden_blind", {"target": name}, float(span is not None))
        found.put("linewarden_blind_seconds_total", {"target": name}, seconds.get(total, 0.0) + elapsed)


def devices(found: Gathered, picture: Picture, now: datetime) -> None:
    """Add what is known of devices' last polls, of their watched interfaces and of their hardware."""
    for name, poll in dict(picture.polls).items():
        if now <= poll.fresh_until and name in picture.estate.targets:
            found.put("linewarden_device_poll_success", {"target": name}, float(poll.success))
            found.put("linewarden_device_poll_complete", {"target": name}, float(poll.success and poll.complete))
            found.put("linewarden_device_poll_series", {"target": name}, poll.series_count)
            for one in poll.watched:
                if one.is_down is not None:
                    labels = {"target": name, "interface": one.interface, "why": one.why, "neighbour": one.neighbour}
                    found.put("linewarden_interface_down", labels, float(one.is_down))
    for flags in dict(picture.flags).values():
        for target, reason, severity in dict.fromkeys((f.target, f.reason, f.severity) for f in flags):
            labels = {"target": target, "reason": reason, "severity": severity}
            found.put("linewarden_hardware_flag", labels, 1.0)


def said(found: Gathered, picture: Picture, now: datetime) -> None:
    """Add what people announced, and which outages they have taken on."""
    lasting = Counter(window.kind for window in picture.windows if covers(window, now))
    for kind in WindowKind:
        labels = {"target": picture.estate.agent, "kind": kind}
        found.put("linewarden_maintenance_active", labels, lasting[kind])
    notes = dict(picture.notes)
    for name, outage in dict(picture.open_outages).items():
        taken = acknowledgement(notes.get(outage.id, ())) is not None
        found.put("linewarden_outage_acknowledged", {"target": name}, float(taken))


def agent(found: Gathered, picture: Picture) -> None:
    """Add the agent's own state."""
    own = {"target": picture.estate.agent}
    version = {"version": __version__, "python": platform.python_version()}
    found.put("linewarden_build_info", own | version, 1.0)
    found.put("linewarden_config_last_reload_successful", own, float(picture.config_ok))
    loaded = picture.config_loaded_at.timestamp()
    found.put("linewarden_config_last_reload_success_timestamp_seconds", own, loaded)
    found.put("linewarden_ledger_ok", own, float(not picture.ledger_problem))
    found.put("linewarden_ready", own, float(picture.ready))
    found.put("linewarden_learnt_dependencies", own, len(picture.learning.proposals))
    due = Counter(page.severity for page in picture.pages)
    for severity in dict.fromkeys((*_SEVERITIES, *due)):
        found.put("linewarden_pages", own | {"severity": severity}, due[severity])
    for why, count in suppressed(picture).items():
        found.put("linewarden_pages_suppressed", own | {"why": why}, count)


def suppressed(picture: Picture) -> dict[str, int]:
    """Return how many targets that have failed or are degraded page nothing themselves, by why."""
    found = dict.fromkeys(("consequence", "maintenance", "flapping", "held"), 0)
    found["held"] = len(picture.held)
    for verdict in dict(picture.verdicts).values():
        if verdict.state in _EXPLAINED and verdict.causes:
            found["consequence"] += 1
        elif verdict.state in _WRONG and Mark.MAINTENANCE in verdict.marks:
            found["maintenance"] += 1
        elif verdict.state in _WRONG and Mark.FLAPPING in verdict.marks:
            found["flapping"] += 1
    return found


def from_registry(registry: CollectorRegistry, target: str) -> list[Family]:
    """Return what prometheus_client's registry holds, with `target` on every series; `_created` is left out."""
    found = []
    for metric in registry.collect():
        samples = [s for s in metric.samples if not s.name.endswith("_created")]
        suffix = {"counter": "_total", "info": "_info"}.get(metric.type, "")
        name = metric.name if metric.name.endswith(suffix) else metric.name + suffix
        prefixes = tuple(prefix(s.name, {"target": target} | s.labels) for s in samples)
        values = np.array([s.value for s in samples], dtype=np.float64)
        found.append(Family(name, metric.type, escape_help(metric.documentation), prefixes, values))
    return found


def fresh_seconds(check: Check) -> float:
    """Return for how long what a check saw is true: three rounds or polls, at least half a minute."""
    span = getattr(check.settings, "round", _DEFAULT_ROUND_SECONDS if check.type == "icmp" else 0.0)
    return max(3 * span, 3 * check.interval_seconds, FRESH_FLOOR_SECONDS)


_NO_VERDICT: Final = Verdict()
_NO_HEALTH: Final = Health()


def _family(name: str, prefixes: tuple[str, ...], values: "np.typing.NDArray[np.float64]") -> Family:
    kind, text = FAMILIES[name]
    return Family(name, kind, text, prefixes, values)


def _ones(name: str, rows: Iterable[Mapping[str, str]]) -> Family:
    prefixes = tuple(prefix(name, row) for row in rows)
    return _family(name, prefixes, np.ones(len(prefixes)))


def _target_labels(target: Target) -> dict[str, str]:
    return {
        "target": target.name,
        "role": target.role,
        "kind": target.kind,
        "site": target.site or "",
        "title": target.title,
        "owner": ",".join(target.owners),
        "address": target.address or "",
        "page": target.urgency,
    }


def _circuit_labels(target: Target) -> dict[str, str]:
    facts = target.circuit
    if facts is None:
        return {}
    return {
        "target": target.name,
        "supplier": facts.supplier,
        "reference": facts.reference,
        "site_a": facts.between[0],
        "site_b": facts.between[1],
        "group": facts.group or "",
        "role": facts.role or "",
    }


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _smokeping(found: Gathered, target: Target, check: Check, totals: EchoTotals) -> None:
    # before the count: what arrives in between must not lead to bucket > count
    buckets = list(accumulate(totals.rtt_counts))[:-1]
    received, total_seconds, sent = totals.received, totals.rtt_sum_seconds, totals.sent
    host = getattr(check.settings, "address", None) or target.address or ""
    source = str(getattr(check.settings, "source", None) or "")
    labels = {
        "ip": host if _is_address(host) else "",
        "host": host,
        "source": source,
        "target": target.name,
        "check": check.name,
    }
    found.put("smokeping_requests_total", labels, sent)
    found.put("smokeping_response_duplicates_total", labels, totals.duplicates)
    family = "smokeping_response_duration_seconds"
    inner = ",".join(f'{key}="{escape_label(value)}"' for key, value in labels.items())
    for bound, count in zip(RTT_BUCKETS_SECONDS, buckets, strict=True):
        found.add(family, f'{family}_bucket{{{inner},le="{number(bound)}"}}', count)
    found.add(family, f'{family}_bucket{{{inner},le="+Inf"}}', received)
    found.add(family, f"{family}_sum{{{inner}}}", total_seconds)
    found.add(family, f"{family}_count{{{inner}}}", received)

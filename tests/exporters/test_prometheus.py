"""What `/metrics` and `/metrics/state` say of a picture, read strictly."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from agent.core.account import Account, Books, Excluded, History, rules_of
from agent.core.contract import DEFAULT_RULES, period_named
from agent.core.delay import EchoTotals
from agent.core.learnt import Learning, Learnt, Source
from agent.core.maintenance import Window, WindowKind
from agent.core.model import (
    Against,
    Aspect,
    Check,
    Estate,
    HardwareFlag,
    Health,
    Mark,
    Outage,
    Outcome,
    State,
    Target,
    Trouble,
    Verdict,
)
from agent.core.notes import Note, NoteKind
from agent.core.picture import Picture
from agent.core.ports import Blind
from agent.core.verdict import Held
from exporters import exposition, prometheus
from exporters.names import FAMILIES
from exporters.prometheus import Prefixes, families, fresh_seconds, state_families, suppressed
from tests.exporters.pictures import AGENT, Settings, healthy, trouble
from tests.exporters.strict import parse

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
Labels = dict[str, str]


class Scrape:
    """One scrape, as series."""

    def __init__(self, picture: Picture, now: datetime = NOW, registry: CollectorRegistry | None = None) -> None:
        found = families(picture, now, Prefixes(picture.estate), registry)
        self.families = parse(exposition.render(found).decode())
        self.series = [sample for family in self.families for sample in family.samples]

    def values(self, name: str, **labels: str) -> list[float]:
        """Return the values of the series of that name that have these labels."""
        wanted = labels.items()
        return [sample.value for sample in self.series if sample.name == name and wanted <= sample.labels.items()]

    def value(self, name: str, **labels: str) -> float:
        """Return the one value."""
        (value,) = self.values(name, **labels)
        return value

    def labels(self, name: str) -> list[Labels]:
        """Return the labels of every series of that name."""
        return [sample.labels for sample in self.series if sample.name == name]


@pytest.fixture
def picture() -> Picture:
    return trouble(NOW)


@pytest.mark.parametrize("make", [healthy, trouble])
def test_a_strict_reading(make: Callable[[datetime], Picture]) -> None:
    registry = CollectorRegistry()
    Gauge("linewarden_loop_lag_seconds", "Lag.", ["target"], registry=registry).labels(AGENT).set(0.001)
    Counter("process_things", "Things.", registry=registry).inc()
    Histogram("linewarden_job_seconds", "Jobs.", registry=registry).observe(0.2)
    Info("python", "Python.", registry=registry).info({"major": "3"})
    scrape = Scrape(make(NOW), registry=registry)
    assert [sample for sample in scrape.series if not sample.labels.get("target")] == []
    assert scrape.value("process_things_total") == 1
    assert scrape.value("python_info", major="3", target=AGENT) == 1
    assert scrape.value("linewarden_job_seconds_bucket", le="0.25", target=AGENT) == 1
    assert not [sample for sample in scrape.series if sample.name.endswith("_created")]
    checks = [
        s for s in scrape.series if s.name.startswith(("probe_", "smokeping_", "linewarden_round", "linewarden_ec"))
    ]
    assert checks
    assert all(sample.labels.get("check") for sample in checks)


def test_the_picture_wins_over_a_registry_that_says_the_same(picture: Picture) -> None:
    registry = CollectorRegistry()
    Gauge("linewarden_ready", "Ready.", registry=registry).set(0)
    assert Scrape(picture, registry=registry).value("linewarden_ready") == 1


def test_every_state_is_told_once_per_target_and_check(picture: Picture) -> None:
    scrape = Scrape(picture)
    for name, target in picture.estate.targets.items():
        told = {
            s.labels["state"]: s.value
            for s in scrape.series
            if s.name == "linewarden_target_state" and s.labels["target"] == name
        }
        assert told == {state: float(state is picture.verdicts[name].state) for state in State}
        assert {s["kind"] for s in scrape.labels("linewarden_target_state") if s["target"] == name} == {target.kind}
    for check in picture.estate.checks():
        at = {"target": check.target, "check": check.name}
        assert sum(scrape.values("linewarden_check_state", **at)) == 1
        state = picture.health[check.target, check.name].state
        assert scrape.value("linewarden_check_state", state=state, **at) == 1


def test_a_target_that_nobody_has_judged_is_unknown(picture: Picture) -> None:
    del picture.verdicts["telephony"]
    del picture.health["telephony", "icmp"]
    scrape = Scrape(picture)
    assert scrape.value("linewarden_target_state", target="telephony", state="unknown") == 1
    assert scrape.value("linewarden_check_state", target="telephony", state="unknown") == 1


def test_what_people_said(picture: Picture) -> None:
    now = NOW
    window = Window(WindowKind.CLOCK_STOP, now - timedelta(hours=1), now + timedelta(hours=1), now)
    picture.windows = (window, replace(window, kind=WindowKind.MAINTENANCE, ends_at=now))
    outage = picture.open_outages["enc-crown"]
    picture.notes[outage.id] = (Note(outage.id, NoteKind.ACKNOWLEDGEMENT, now, "alice", ""),)
    cut = picture.verdicts["enc-crown"]
    picture.verdicts["enc-crown"] = replace(cut, marks=frozenset({Mark.MAINTENANCE}))
    scrape = Scrape(picture)
    assert scrape.value("linewarden_maintenance_active", target="dc1", kind="clock_stop") == 1
    assert scrape.value("linewarden_maintenance_active", target="dc1", kind="maintenance") == 0
    assert scrape.value("linewarden_outage_acknowledged", target="enc-crown") == 1
    assert sum(scrape.values("linewarden_outage_acknowledged")) == 1
    assert scrape.labels("linewarden_page_kept") == [{"target": "enc-crown", "alert": "CircuitDown"}]


def test_causes_marks_and_inventory(picture: Picture) -> None:
    scrape = Scrape(picture)
    assert {(s["target"], s["cause"]) for s in scrape.labels("linewarden_root_cause")} == {
        (name, "enc-crown") for name in ("enc", "enc-core-sw1", "enc-payroll", "housing-management")
    }
    set_marks = {
        (s.labels["target"], s.labels["mark"]) for s in scrape.series if s.name == "linewarden_target_mark" and s.value
    }
    assert set_marks == {("bcw-crown", "redundancy_lost"), ("telephony", "flapping"), ("bcw-files1", "maintenance")}
    assert len(scrape.values("linewarden_target_mark")) == 3 * len(picture.estate.targets)
    (circuit,) = [s for s in scrape.labels("linewarden_circuit_info") if s["target"] == "bcw-crown-primary"]
    assert circuit == {
        "target": "bcw-crown-primary", "supplier": "ExampleTel", "reference": "ETH/12345", "site_a": "bcw",
        "site_b": "crown", "group": "bcw-crown", "role": "primary",
    }  # fmt: skip
    (info,) = [s for s in scrape.labels("linewarden_target_info") if s["target"] == "crown-rt1"]
    assert info == {
        "target": "crown-rt1", "role": "device", "kind": "router", "site": "crown", "title": "crown-rt1",
        "owner": "bcw,enc", "address": "10.20.2.1", "page": "hours",
    }  # fmt: skip


def test_a_cause_that_is_named_twice_is_told_once(picture: Picture) -> None:
    picture.verdicts["enc"] = Verdict(State.UNREACHABLE, NOW, ("enc-crown", "enc-crown"))
    assert Scrape(picture).values("linewarden_root_cause", target="enc") == [1]


def test_the_figures_of_a_round(picture: Picture) -> None:
    scrape, at = Scrape(picture), {"target": "crown-rt1", "check": "icmp"}
    summary = picture.round("crown-rt1", "icmp")
    assert summary is not None
    for what, stats in (("rtt", summary.rtt_seconds), ("pdv", summary.pdv_seconds), ("ipdv", summary.ipdv_seconds)):
        for stat, value in stats.items():
            assert scrape.value(f"linewarden_round_{what}_seconds", stat=stat, **at) == value
        assert len(scrape.values(f"linewarden_round_{what}_seconds", **at)) == len(stats)
    assert scrape.value("linewarden_round_loss_ratio", **at) == 0
    assert scrape.value("probe_icmp_duration_seconds", phase="rtt", **at) == summary.rtt_seconds["mean"]
    assert scrape.value("linewarden_round_loss_ratio", target="enc-crown") == 1
    assert scrape.values("linewarden_round_rtt_seconds", target="enc-crown") == []


@pytest.mark.parametrize(("seconds", "there"), [(0, True), (27, True), (29, False), (3600, False)])
def test_a_round_that_is_no_longer_fresh_disappears(picture: Picture, seconds: int, there: bool) -> None:
    scrape = Scrape(picture, NOW + timedelta(seconds=seconds))
    for name in ("linewarden_round_rtt_seconds", "linewarden_round_loss_ratio", "probe_icmp_duration_seconds"):
        assert bool(scrape.values(name, target="crown-rt1")) is there
    assert bool(scrape.values("probe_success", target="crown-rt1", check="icmp")) is there
    assert scrape.values("linewarden_echoes_sent_total", target="crown-rt1"), "a counter stays"


@pytest.mark.parametrize(
    ("check", "seconds"),
    [
        (Check("t", "icmp", "icmp", 1.0, Settings(round=10.0)), 30),
        (Check("t", "icmp", "icmp", 1.0, Settings(round=60.0)), 180),
        (Check("t", "icmp", "icmp", 120.0, Settings(round=10.0)), 360),
        (Check("t", "snmp", "snmp", 60.0, None), 180),
        (Check("t", "tcp", "tcp", 5.0, None), 30),
        (Check("t", "icmp", "icmp", 1.0, None), 30),
    ],
)
def test_how_long_a_measurement_is_fresh(check: Check, seconds: float) -> None:
    assert fresh_seconds(check) == seconds


@pytest.mark.parametrize(
    ("outcome", "success"),
    [
        (Outcome.OK, [1]),
        (Outcome.NO_ANSWER, [0]),
        (Outcome.REFUSED, [0]),
        (Outcome.BAD_ANSWER, [0]),
        (Outcome.FAULT, [0]),
        (Outcome.UNKNOWN, []),
    ],
)
def test_success_of_a_probe(picture: Picture, outcome: Outcome, success: list[float]) -> None:
    key = ("crown-rt1", "snmp")
    seen = picture.observation(*key)
    assert seen is not None
    picture.observations[key] = replace(seen, outcome=outcome, duration_seconds=None)
    scrape = Scrape(picture)
    assert scrape.values("probe_success", target="crown-rt1", check="snmp") == success
    assert scrape.values("probe_duration_seconds", target="crown-rt1", check="snmp") == []


def test_counters_of_echoes(picture: Picture) -> None:
    at = {"target": "bcw-core-sw1", "check": "icmp"}
    picture.echoes["bcw-core-sw1", "icmp"] = EchoTotals(
        100, 97, 3, 2, 9, 5, 6, 7, 8, unknown={"late loop": 4, 'odd "why"\n': 1}
    )
    scrape = Scrape(picture)
    assert scrape.value("linewarden_echoes_sent_total", **at) == 100
    assert scrape.value("linewarden_echoes_lost_total", **at) == 3
    assert scrape.value("linewarden_echoes_duplicate_total", **at) == 2
    assert scrape.value("linewarden_echoes_late_total", **at) == 6
    assert scrape.value("linewarden_echoes_reordered_total", **at) == 7
    assert scrape.value("linewarden_echoes_corrupted_total", **at) == 8
    assert scrape.value("linewarden_burst_echoes_sent_total", **at) == 9
    assert scrape.value("linewarden_burst_echoes_lost_total", **at) == 5
    assert scrape.value("linewarden_echoes_unknown_total", why="late loop", **at) == 4
    assert scrape.value("linewarden_echoes_unknown_total", why='odd "why"\n', **at) == 1


def test_smokeping_names_are_for_circuits(picture: Picture) -> None:
    totals = picture.echoes["bcw-crown-backup", "icmp"]
    scrape = Scrape(picture)
    labels = {"ip": "10.20.0.5", "host": "10.20.0.5", "source": "", "target": "bcw-crown-backup", "check": "icmp"}
    assert {s["target"] for s in scrape.labels("smokeping_requests_total")} == {
        "bcw-crown-primary", "bcw-crown-backup", "enc-crown",
    }  # fmt: skip
    assert scrape.value("smokeping_requests_total", **labels) == totals.sent
    assert scrape.value("smokeping_response_duplicates_total", **labels) == totals.duplicates
    assert scrape.value("smokeping_response_duration_seconds_count", **labels) == totals.received
    assert scrape.value("smokeping_response_duration_seconds_sum", **labels) == totals.rtt_sum_seconds
    assert scrape.value("smokeping_response_duration_seconds_bucket", le="+Inf", **labels) == totals.received
    below = sum(totals.rtt_counts[:6])
    assert scrape.value("smokeping_response_duration_seconds_bucket", le="0.0016", **labels) == below


def test_a_host_name_is_no_ip(picture: Picture) -> None:
    targets = dict(picture.estate.targets)
    check = Check("enc-crown", "icmp", "icmp", 1.0, Settings("far.example"))
    targets["enc-crown"] = replace(targets["enc-crown"], checks=(check,))
    picture.estate = Estate(AGENT, targets)
    labels = [s for s in Scrape(picture).labels("smokeping_requests_total") if s["target"] == "enc-crown"]
    assert [(s["ip"], s["host"]) for s in labels] == [("", "far.example")]


def test_watched_interfaces_while_their_poll_is_fresh(picture: Picture) -> None:
    scrape = Scrape(picture)
    labels = {"target": "crown-rt1", "interface": "Gi1/0/1", "why": "uplink", "neighbour": "crown-rt1"}
    assert scrape.value("linewarden_interface_down", **labels) == 0
    assert scrape.value("linewarden_interface_down", target="crown-rt1", interface="Gi1/0/2", neighbour="") == 1
    assert scrape.values("linewarden_interface_down", interface="Gi1/0/3") == []  # unknown
    assert Scrape(picture, NOW + timedelta(hours=1)).values("linewarden_interface_down") == []


def test_every_family_is_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "endpoints.md").read_text()
    assert [name for name in FAMILIES if f"`{name}" not in text] == []


def test_blind_time(picture: Picture) -> None:
    picture.blind = {
        None: Blind(None, "no carrier", NOW - timedelta(seconds=8), None),
        "telephony": Blind("telephony", "no route", NOW - timedelta(seconds=20), None),
    }
    picture.blind_seconds = {"": 4.5, "telephony": 31.0}
    scrape = Scrape(picture)
    assert scrape.value("linewarden_blind", target=AGENT) == 1
    assert scrape.value("linewarden_blind_seconds_total", target=AGENT) == 12.5
    assert scrape.value("linewarden_blind", target="telephony") == 1
    assert scrape.value("linewarden_blind_seconds_total", target="telephony") == 51
    assert scrape.value("linewarden_blind", target="crown-rt1") == 0
    assert scrape.value("linewarden_blind_seconds_total", target="crown-rt1") == 0


def test_blind_time_with_a_clock_that_was_set_back(picture: Picture) -> None:
    picture.blind = {None: Blind(None, "clock", NOW + timedelta(hours=1), None)}
    assert Scrape(picture).value("linewarden_blind_seconds_total", target=AGENT) == 4.5


def test_a_target_that_is_called_like_the_agent_makes_no_series_twice(picture: Picture) -> None:
    estate = picture.estate
    picture.estate = Estate("telephony", estate.targets, estate.site)
    assert Scrape(picture).value("linewarden_blind", target="telephony") == 0


def test_age_support_and_order_of_hardware(picture: Picture) -> None:
    now = NOW + timedelta(hours=1)
    scrape = Scrape(picture, now)
    made = picture.ageing
    assert made is not None
    ages = "linewarden_hardware_age_seconds"
    bought = datetime(2012, 3, 1, tzinfo=UTC)
    assert scrape.value(ages, target="bcw-files1", bound="exact") == (now - bought).total_seconds()
    assert scrape.value(ages, target="crown-rt1", bound="at_least") > 0
    ends = "linewarden_hardware_end_of_support_timestamp_seconds"
    assert (
        scrape.value(ends, target="bcw-files1", of="operating_system") == datetime(2020, 11, 30, tzinfo=UTC).timestamp()
    )
    known = {"vendor": "Example Networks", "model": "ES-48", "serial": "EX2208", "kind": "switch"}
    unknown = dict.fromkeys(("hardware_version", "software", "software_version", "operating_system"), "")
    assert scrape.value("linewarden_hardware_info", target="bcw-core-sw1", **known, **unknown) == 1
    places = {case.name: case.place for case in made.cases}
    assert scrape.value("linewarden_hardware_replacement_rank", target="bcw-files1") == places["bcw-files1"]
    assert places["LAP-7"] is not None
    worst = next(case for case in made.cases if case.name == "bcw-files1")
    part = "linewarden_hardware_risk_part_ratio"
    for of, risk in (("likelihood", worst.likelihood), ("consequence", worst.consequence)):
        for one in risk.parts:
            found = scrape.values(part, target="bcw-files1", of=of, part=one.name)
            assert found == ([pytest.approx(one.ratio * one.weight)] if one.ratio else [])
    assert scrape.value(part, target="bcw-files1", of="likelihood", part="support") == 0.8
    assert {labels["target"] for labels in scrape.labels(part)} < set(picture.estate.targets)
    assert "LAP-7" not in str(scrape.values("linewarden_hardware_replacement_rank"))  # a row of a register
    kept = {name: target for name, target in picture.estate.targets.items() if name != "bcw-files1"}
    picture.estate = replace(picture.estate, targets=kept)  # the report is older than the reload
    assert len(Scrape(picture, now).values(ages)) == len(scrape.values(ages)) - 1


def test_devices_and_their_hardware(picture: Picture) -> None:
    flag = picture.flags["bcw-files1"][0]
    picture.flags["bcw-files1"] = (flag, HardwareFlag(flag.target, flag.reason, flag.severity, "another", "source"))
    scrape = Scrape(picture)
    assert scrape.value("linewarden_device_poll_success", target="crown-rt1") == 1
    assert scrape.value("linewarden_device_poll_series", target="crown-rt1") == 37
    assert scrape.value("linewarden_device_poll_success", target="crown-ups1") == 0
    assert (
        scrape.value("linewarden_hardware_flag", target="bcw-files1", reason="age_over_policy", severity="warning") == 1
    )
    assert (
        scrape.value("linewarden_hardware_flag", target="crown-ups1", reason="battery_replace", severity="critical")
        == 1
    )
    assert scrape.value("linewarden_device_poll_complete", target="crown-rt1") == 1
    assert scrape.value("linewarden_device_poll_complete", target="crown-ups1") == 0
    picture.polls["crown-rt1"] = replace(picture.polls["crown-rt1"], complete=False)
    cut = Scrape(picture)
    assert cut.value("linewarden_device_poll_success", target="crown-rt1") == 1
    assert cut.value("linewarden_device_poll_complete", target="crown-rt1") == 0
    late = Scrape(picture, NOW + timedelta(minutes=4))
    assert late.values("linewarden_device_poll_complete") == []
    assert late.values("linewarden_device_poll_success") == []
    assert late.values("linewarden_device_poll_series") == []


def test_a_device_that_was_removed_has_no_series_any_more(picture: Picture) -> None:
    kept = {name: target for name, target in picture.estate.targets.items() if name != "crown-rt1"}
    picture.estate = Estate(AGENT, kept)
    scrape = Scrape(picture)
    assert [s for s in scrape.series if s.labels["target"] == "crown-rt1"] == []


def test_the_agent(picture: Picture) -> None:
    scrape = Scrape(picture)
    assert scrape.value("linewarden_build_info", target=AGENT) == 1
    assert scrape.value("linewarden_config_last_reload_successful", target=AGENT) == 1
    loaded = scrape.value("linewarden_config_last_reload_success_timestamp_seconds", target=AGENT)
    assert loaded == picture.config_loaded_at.timestamp()
    assert scrape.value("linewarden_ledger_ok", target=AGENT) == 1
    assert scrape.value("linewarden_ready", target=AGENT) == 1
    assert scrape.value("linewarden_pages", severity="critical") == 1
    assert scrape.value("linewarden_pages", severity="warning") == 1
    picture.ledger_problem, picture.config_ok, picture.ready, picture.pages = "disk full", False, False, ()
    scrape = Scrape(picture)
    for name in ("linewarden_ledger_ok", "linewarden_config_last_reload_successful", "linewarden_ready"):
        assert scrape.value(name) == 0
    assert scrape.values("linewarden_pages") == [0, 0]
    assert scrape.values("linewarden_learnt_dependencies") == [0]


def test_what_is_learnt_is_counted_and_never_a_state(picture: Picture) -> None:
    before = Scrape(picture)
    picture.learning = Learning(proposals=(Learnt("crown-ups1", "crown-rt1", "seen", Source.LLDP, NOW),))
    after = Scrape(picture)
    assert after.value("linewarden_learnt_dependencies", target=AGENT) == 1
    for family in ("linewarden_target_state", "linewarden_root_cause", "linewarden_lost_with"):
        assert before.values(family) == after.values(family)


def test_hostile_names_stay_one_line_each() -> None:
    name = 'a"b\\c\nd{e}\u2028'
    now = NOW
    target = Target(name, healthy(now).estate.targets["crown-rt1"].role, "router", name)
    picture = Picture(Estate(AGENT, {name: target}), now, now)
    text = exposition.render(families(picture, now, Prefixes(picture.estate))).decode()
    assert all(line.startswith(("#", "linewarden_")) for line in text.split("\n") if line)


def test_states_have_the_same_prefixes_until_the_estate_changes(picture: Picture) -> None:
    prefixes = Prefixes(picture.estate)
    before = state_families(picture, prefixes, NOW)
    picture.verdicts["telephony"] = Verdict(State.UP, NOW, marks=frozenset({Mark.FLAPPING}))
    after = state_families(picture, prefixes, NOW)
    assert [a.prefixes is b.prefixes for a, b in zip(before[:3], after[:3], strict=True)] == [True] * 3
    assert {family.name for family in after} == {
        "linewarden_target_state", "linewarden_check_state", "linewarden_target_mark", "linewarden_root_cause",
        "linewarden_target_info", "linewarden_circuit_info", "linewarden_lost_with",
    }  # fmt: skip
    assert parse(exposition.render(after).decode())


def test_an_empty_estate() -> None:
    picture = Picture(Estate(AGENT, {}), NOW, NOW)
    assert {s.labels["target"] for s in Scrape(picture).series} == {AGENT}
    assert exposition.render(state_families(picture, Prefixes(picture.estate), NOW)) == b""


def test_a_registry_names_its_families_as_the_text_format_does() -> None:
    registry = CollectorRegistry()
    Counter("jobs", "Jobs.", ["kind"], registry=registry).labels("poll").inc(2)
    (family,) = prometheus.from_registry(registry, "dc1")
    assert (family.name, family.prefixes) == ("jobs_total", ('jobs_total{target="dc1",kind="poll"}',))


def accounted(picture: Picture, **outages: tuple[int, int]) -> dict[str, Account]:
    """Return accounts of November: hours from its beginning in which a target was down."""
    began = datetime(2026, 11, 1, tzinfo=UTC)
    history = History(
        [
            Outage(1, name, State.DOWN, began + timedelta(hours=first), began + timedelta(hours=last), "")
            for name, (first, last) in outages.items()
        ],
        states=dict.fromkeys(picture.estate.targets, State.UP),
        blind=[Blind(None, "stopped", began, began + timedelta(hours=1))],
    )
    books = Books(history, began, NOW)
    return {
        name: books.account(name, period_named("2026-11", UTC), *rules_of(picture.estate, target))
        for name, target in picture.estate.targets.items()
    }


def test_availability_and_what_its_objective_leaves(picture: Picture) -> None:
    picture.accounts = accounted(picture, **{"bcw-crown-primary": (24, 25), "enc": (24, 30)})
    scrape = Scrape(picture)
    hours = 21 * 24 + 13
    for counted in ("own", "all"):
        labels = {"target": "bcw-crown-primary", "window": "month", "counted": counted}
        assert scrape.value("linewarden_availability_ratio", **labels) == pytest.approx(1 - 1 / hours)
        assert scrape.value("linewarden_availability_worst_ratio", **labels) == pytest.approx(1 - 2 / hours)
        assert scrape.value("linewarden_availability_best_ratio", **labels) == pytest.approx(1 - 1 / hours)
    labels = {"target": "bcw-crown-primary", "window": "month"}
    assert scrape.value("linewarden_objective_availability_ratio", **labels) == 0.999
    assert scrape.value("linewarden_objective_budget_seconds", **labels) == 2592
    assert scrape.value("linewarden_objective_budget_left_seconds", **labels) == 2592 - 3600
    spent = scrape.value("linewarden_objective_budget_spent_timestamp_seconds", **labels)
    assert spent == datetime(2026, 11, 2, 0, 43, 12, tzinfo=UTC).timestamp()
    # nothing was agreed of a site, and an objective that is kept will not be spent
    assert {one["target"] for one in scrape.labels("linewarden_objective_budget_seconds")} == {
        "bcw-crown-primary",
        "enc-crown",
    }
    assert len(scrape.labels("linewarden_objective_budget_spent_timestamp_seconds")) == 1


def test_accounts_that_are_not_kept_up_are_left_out(picture: Picture) -> None:
    picture.accounts = accounted(picture)
    assert Scrape(picture, NOW + timedelta(minutes=3)).values("linewarden_availability_ratio")
    assert not Scrape(picture, NOW + timedelta(minutes=4)).values("linewarden_availability_ratio")


def test_accounts_are_rendered_once(picture: Picture) -> None:
    picture.accounts = accounted(picture)
    prefixes = Prefixes(picture.estate)
    first = prefixes.accounts.of(picture.accounts, NOW)
    assert prefixes.accounts.of(picture.accounts, NOW) is first
    assert prefixes.accounts.of(dict(picture.accounts), NOW) is not first


def test_a_period_in_which_nothing_was_due_has_no_availability(picture: Picture) -> None:
    began, ended = period_named("2026-11", UTC)
    books = Books(History(), began, NOW)
    excluded = Excluded([(began, ended)])
    picture.accounts = {"enc": books.account("enc", (began, ended), DEFAULT_RULES, None, excluded)}
    assert not Scrape(picture).values("linewarden_availability_ratio")


def test_what_is_worse_and_by_how_much(picture: Picture) -> None:
    slow = Trouble(Aspect.DELAY, Against.PAST, NOW, 0.030, 0.015, "")
    dull = Trouble(Aspect.VOICE, Against.OBJECTIVE, NOW, 2.0, 4.0, "")
    from_nothing = Trouble(Aspect.LOSS, Against.PAST, NOW, 0.1, 0.0, "")
    picture.health["telephony", "icmp"] = Health(State.DEGRADED, NOW, troubles=(slow, dull, from_nothing))
    scores = Scrape(picture).values("linewarden_trouble_score")
    assert sorted(scores) == [2.0, 2.0, math.inf]
    assert len(Scrape(picture).values("linewarden_trouble")) == 3


def test_what_pages_nothing_is_counted_by_why(picture: Picture) -> None:
    down = Verdict(State.DOWN, NOW)
    picture.verdicts = {
        "enc": Verdict(State.UNREACHABLE, NOW, ("enc-crown",)), "enc-crown": down,
        "bcw-files1": replace(down, marks=frozenset({Mark.MAINTENANCE})),
        "crown-rt1": replace(down, marks=frozenset({Mark.FLAPPING})),
        "enc-payroll": Verdict(State.DEGRADED, NOW, ("enc-crown",)),
    }  # fmt: skip
    picture.held = {"telephony": Held(NOW, NOW, ("crown-rt1",))}
    assert suppressed(picture) == {"consequence": 2, "maintenance": 1, "flapping": 1, "held": 1}

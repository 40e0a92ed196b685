"""The shipped rules, judged by promtool: one failure is one alert, and nothing resolves by accident."""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.deploy.promtool import BOTH, FAST, INSTANCE, RULES, SLOW, Situation, Thing, check, circuit, group, run

pytestmark = pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool: apt-get install prometheus")

CUT = "CircuitDown c1 critical"


def _cut(**more: Any) -> Situation:  # noqa: ANN401 - the fields of Situation
    """Return a single circuit that is cut at second 20 and mended at 140, with everything behind it."""
    story = "u" * 20 + "d" * 120 + "u"
    behind = "u" * 20 + "x" * 120 + "u"
    things = (
        circuit("c1", story, owner="enc"),
        Thing("enc", behind, role="site", kind="site", page="never", cause="c1", owner="enc"),
        Thing("sw1", behind, cause="c1", site="enc"),
        Thing("payroll", behind, role="service", kind="service", page="now", cause="c1", owner="enc,bcw"),
    )
    return Situation(things, 200, **more)


def test_promtool_accepts_the_rules() -> None:
    done = subprocess.run(["promtool", "check", "rules", RULES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("jobs", [FAST, SLOW, BOTH], ids=["state only", "metrics only", "both"])
def test_a_cut_circuit_is_one_alert_whoever_scrapes(tmp_path: Path, jobs: dict[str, int]) -> None:
    late = 0 if "linewarden-state" in jobs else 15
    expected = {19: [], 20 + late: [CUT], 139: [CUT], 140 + late: []}
    if late:
        expected = {19: [], 30: [CUT], 149: [CUT], 150: []}
    check(tmp_path, _cut(jobs=jobs), expected)


def test_the_freshest_statement_counts(tmp_path: Path) -> None:
    """The slow job still holds the old value for up to 15 s at the cut and at the recovery."""
    situation = _cut(offset=7)
    check(
        tmp_path,
        situation,
        {second: [CUT] if 20 <= second < 140 else [] for second in (*range(15, 40), *range(130, 160))},
    )


def _rows_of_a_former_life() -> list[str]:
    """Return what Prometheus recorded before it was restarted, of another job and with what was reloaded since."""
    by = f'{{job="linewarden-old",instance="{INSTANCE}",target='
    info = 'kind="circuit",site="",role="circuit",title="c1",owner="former",address="",page="now"'
    facts = 'supplier="Former",reference="OLD",site_a="a",site_b="b",group="",role=""'
    return [
        *(f'target:linewarden_{name}{by}"c1"}}' for name in ("source", "heard", "held")),
        f'target:linewarden_info{by}"c1",{info}}}',
        f'target:linewarden_circuit_info{by}"c1",{facts}}}',
        f'target_cause:linewarden_lost_with{by}"payroll",cause="c1"}}',
        f'agent:linewarden_info{by}"former"}}',
    ]


@pytest.mark.parametrize("left_over", [[], _rows_of_a_former_life()], ids=["alone", "after a restart of Prometheus"])
def test_what_the_alert_says(tmp_path: Path, left_over: list[str]) -> None:
    alert = {
        "exp_labels": {
            "severity": "critical",
            "target": "c1",
            "kind": "circuit",
            "owner": "enc",
            "supplier": "ExampleTel",
            "reference": "REF-c1",
            "site_a": "a",
            "site_b": "b",
        },
        "exp_annotations": {
            "summary": "Circuit c1 is down: ExampleTel REF-c1, a to b",
            "description": "Report it to ExampleTel, reference REF-c1. "
            "Lost with it: site enc (enc), service payroll (enc,bcw).",
            "runbook_url": "https://linewarden.example/runbooks/CircuitDown",
        },
    }
    run(
        tmp_path,
        {
            "interval": "1s",
            "input_series": _cut(failing={"": range(1)}).document(left_over),
            "alert_rule_test": [{"alertname": "CircuitDown", "eval_time": "60s", "exp_alerts": [alert]}],
        },
    )


@pytest.mark.parametrize("which", ["", "linewarden-state", "linewarden"], ids=["all", "state", "metrics"])
@pytest.mark.parametrize("begin", [21, 24, 100])
def test_failed_scrapes_in_an_outage_resolve_nothing(tmp_path: Path, which: str, begin: int) -> None:
    """Also right after the cut, when the slow job has not yet heard of it."""
    failing = range(begin, begin + 35)
    situation = _cut(failing={which: failing})
    check(tmp_path, situation, {second: [CUT] for second in range(21, 139, 3)} | {160: []})


def test_two_minutes_without_a_scrape_page_the_agent_and_resolve_nothing(tmp_path: Path) -> None:
    situation = _cut(failing={"": range(30, 155)})
    down = "LinewardenDown dc1 critical"
    check(tmp_path, situation, {40: [CUT], 80: [CUT], 110: [CUT, down], 150: [CUT, down], 166: []})


def test_a_restart_of_the_agent_resolves_nothing(tmp_path: Path) -> None:
    """It is gone for 20 s; then what was up is unknown until it has been measured again."""
    story = "u" * 20 + "d" * 160
    things = (
        circuit("c1", story),
        group(
            "g", "u" * 20 + "u" * 40 + "n" * 30 + "u" * 90, marks={"redundancy_lost": {*range(20, 60), *range(90, 180)}}
        ),
        circuit("g1", story, group="g"),
        circuit("g2", "u" * 60 + "n" * 30 + "u" * 90, group="g"),
        Thing("sw1", "u" * 60 + "n" * 30 + "u" * 90, checks={"snmp": story}),
    )
    situation = Situation(things, 160, failing={"": range(40, 60)}, offset=3)
    all_along = [CUT, "RedundancyLost g warning", "CheckDown sw1 warning"]
    check(tmp_path, situation, dict.fromkeys(range(22, 160, 2), all_along))


@pytest.mark.parametrize("away", [False, True], ids=["the agent answers", "the agent is away, too"])
def test_rows_from_before_a_restart_of_prometheus_stop_no_rule(tmp_path: Path, *, away: bool) -> None:
    """One target with two rows would end a whole rule: `found duplicate series for the match group`."""
    failing = {"": range(1)}  # at the beginning there are those rows alone
    if away:
        failing |= dict.fromkeys(BOTH, range(40, 190))
    flag = 'linewarden_hardware_flag{target="c1",reason="age",severity="warning"}'
    own = {'linewarden_blind{target="sw1"}': lambda _: 1.0, flag: lambda second: 1.0 if second > 4 else None}
    situation = _cut(failing=failing, own=own)
    agent = ["LinewardenDown dc1 critical"] if away else ["LinewardenBlind dc1 critical"]
    old = "HardwareFlag c1 warning"
    expected = {10: [old], 39: [CUT, old, "LinewardenBlind dc1 critical"], 138: [CUT, old, *agent]}
    check(tmp_path, situation, expected, left_over=_rows_of_a_former_life())


def test_a_target_taken_out_of_the_estate_resolves_at_once(tmp_path: Path) -> None:
    things = (circuit("c1", "u" * 20 + "d" * 40 + "-"), circuit("c2", "u"))
    check(tmp_path, Situation(things, 100, jobs=FAST), {59: [CUT], 60: [], 90: []})


def test_one_of_two_circuits_is_a_ticket_and_both_are_one_page(tmp_path: Path) -> None:
    things = (
        group("g", "u" * 60 + "d" * 30 + "u", marks={"redundancy_lost": range(20, 60)}),
        circuit("ga", "u" * 20 + "d" * 70 + "u", group="g"),
        circuit("gb", "u" * 60 + "d" * 30 + "u", group="g"),
        Thing("bcw", "u" * 60 + "x" * 30 + "u", role="site", kind="site", cause="g"),
    )
    situation = Situation(things, 120)
    check(
        tmp_path,
        situation,
        {10: [], 21: ["RedundancyLost g warning"], 59: ["RedundancyLost g warning"]}
        | {60: ["CircuitGroupDown g critical"], 89: ["CircuitGroupDown g critical"], 90: []},
    )
    run(
        tmp_path,
        {
            "interval": "1s",
            "input_series": situation.document(),
            "alert_rule_test": [
                {
                    "alertname": "RedundancyLost",
                    "eval_time": "40s",
                    "exp_alerts": [
                        {
                            "exp_labels": {"severity": "warning", "target": "g", "kind": "group"},
                            "exp_annotations": {
                                "summary": "Redundancy of g is lost: ga (ExampleTel REF-ga) failed",
                                "description": "Traffic runs on what is left: gb (ExampleTel REF-gb). Report the "
                                "failed circuit to its supplier: the next failure cuts the sites off.",
                                "runbook_url": "https://linewarden.example/runbooks/RedundancyLost",
                            },
                        }
                    ],
                },
                {
                    "alertname": "CircuitGroupDown",
                    "eval_time": "70s",
                    "exp_alerts": [
                        {
                            "exp_labels": {"severity": "critical", "target": "g", "kind": "group"},
                            "exp_annotations": {
                                "summary": "All circuits of g are down: ga (ExampleTel REF-ga), gb (ExampleTel REF-gb)",
                                "description": "Report each to its supplier. Lost with it: site bcw.",
                                "runbook_url": "https://linewarden.example/runbooks/CircuitGroupDown",
                            },
                        }
                    ],
                },
            ],
        },
    )


def test_redundancy_is_lost_also_where_nobody_knows_of_the_other_circuit(tmp_path: Path) -> None:
    things = (
        group("g", "u" * 20 + "n" * 60 + "u", marks={"redundancy_lost": {*range(30, 50), *range(60, 75)}}),
        circuit("ga", "u" * 30 + "d" * 45 + "u", group="g"),
        circuit("gb", "u" * 20 + "n" * 60 + "u", group="g"),
    )
    lost = ["RedundancyLost g warning"]
    check(tmp_path, Situation(things, 100, jobs=FAST), {29: [], 31: lost, 55: lost, 65: lost, 79: lost, 80: []})


# each by itself: what is believed of a target, and what fires
ALWAYS_M: Final = {"maintenance": range(99)}
FIRES: Final[tuple[tuple[Thing, list[str]], ...]] = (
    (Thing("d", "d"), ["DeviceDown d warning"]),
    (Thing("d", "d", page="now"), ["DeviceDown d critical"]),
    (Thing("d", "d", page="never"), []),
    (Thing("d", "x", cause="z"), []),
    (Thing("d", "n"), []),
    (Thing("d", "e"), ["TargetDegraded d warning"]),
    (Thing("d", "e", cause="z"), []),  # what it depends on is degraded as well
    (Thing("d", "e", page="never"), []),
    (Thing("d", "e", marks={"maintenance": range(99)}), []),
    (Thing("s", "e", role="site", kind="site"), []),
    (circuit("c", "e", page="now"), ["TargetDegraded c warning"]),
    (Thing("d", "d", marks={"flapping": range(99)}), ["TargetFlapping d warning"]),
    (circuit("c", "d", marks={"flapping": range(99)}), ["TargetFlapping c warning"]),
    (Thing("d", "d", marks={"maintenance": range(99)}), []),
    (Thing("s", "d", role="service", kind="service", page="now"), ["ServiceDown s critical"]),
    (Thing("s", "d", role="site", kind="site", page="now"), []),
    (circuit("c", "d", page="hours"), ["CircuitDown c warning"]),
    (circuit("c", "d", page="never"), []),
    (circuit("c", "d", group="g"), []),
    (Thing("d", "u", checks={"snmp": "d"}), ["CheckDown d warning"]),
    (Thing("d", "e", checks={"snmp": "d"}), ["CheckDown d warning", "TargetDegraded d warning"]),
    (Thing("d", "u", checks={"snmp": "u"}), []),
    (Thing("d", "u", checks={"snmp": "d"}, page="never"), []),
    (Thing("d", "u", checks={"snmp": "d"}, marks={"maintenance": range(99)}), []),
    (Thing("d", "d", checks={"snmp": "d"}), ["DeviceDown d warning"]),
    (Thing("d", "x", checks={"snmp": "x"}, cause="z"), []),
    (Thing("d", "u", marks={"flapping": range(99)}), ["TargetFlapping d warning"]),
    (Thing("d", "x", marks={"flapping": range(99)}, cause="z"), []),
    (Thing("d", "u", marks={"flapping": range(99), "maintenance": range(99)}), []),
    (group("g", "d", marks={"redundancy_lost": range(99)}), ["CircuitGroupDown g critical"]),
    (group("g", "d", page="hours"), ["CircuitGroupDown g warning"]),
    (group("g", "u", marks={"redundancy_lost": range(99), "maintenance": range(99)}), []),
    (group("g", "x", cause="z"), []),
    (Thing("d", "d", marks=ALWAYS_M, kept={"DeviceDown": range(99)}), ["DeviceDown d warning"]),
    (Thing("d", "d", marks=ALWAYS_M, kept={"CheckDown": range(99)}), []),
    (Thing("s", "d", role="service", kind="service", marks=ALWAYS_M, kept={"ServiceDown": range(99)}),
     ["ServiceDown s warning"]),
    (circuit("c", "d", marks=ALWAYS_M, kept={"CircuitDown": range(99)}), ["CircuitDown c critical"]),
    (group("g", "d", marks=ALWAYS_M, kept={"CircuitGroupDown": range(99)}), ["CircuitGroupDown g critical"]),
    (group("g", "u", marks={"redundancy_lost": range(99)} | ALWAYS_M, kept={"RedundancyLost": range(99)}),
     ["RedundancyLost g warning"]),
    (Thing("d", "u", checks={"snmp": "d"}, marks=ALWAYS_M, kept={"CheckDown": range(99)}), ["CheckDown d warning"]),
    (Thing("d", "u", marks={"flapping": range(99)} | ALWAYS_M, kept={"TargetFlapping": range(99)}),
     ["TargetFlapping d warning"]),
)  # fmt: skip


def test_what_fires(tmp_path: Path) -> None:
    things, expected = [], []
    for number, (thing, alerts) in enumerate(FIRES):
        things.append(replace(thing, name=f"{thing.name}{number}"))
        expected += [alert.replace(f" {thing.name} ", f" {thing.name}{number} ") for alert in alerts]
    check(tmp_path, Situation(tuple(things), 40), {39: expected})


@pytest.mark.parametrize("jobs", [FAST, BOTH], ids=["state only", "both"])
def test_maintenance_opens_no_alert_and_ends_none(tmp_path: Path, jobs: dict[str, int]) -> None:
    announced = {"maintenance": range(60, 150)}
    things = (
        circuit("before", "u" * 20 + "d" * 80 + "u", marks=announced, kept={"CircuitDown": range(60, 100)}),
        circuit("still", "u" * 80 + "d" * 120 + "u", marks=announced),
        circuit("within", "u" * 80 + "d" * 40 + "u", marks=announced),
        circuit("twice", "u" * 20 + "d" * 60 + "u" * 20 + "d" * 20 + "u", marks=announced,
                kept={"CircuitDown": range(60, 80)}),
    )  # fmt: skip
    before, twice, still = ("CircuitDown before critical", "CircuitDown twice critical", "CircuitDown still critical")
    expected = {59: [before, twice], 60: [before, twice], 79: [before, twice], 80: [before], 99: [before], 100: [],
                119: [], 149: [], 150: [still], 199: [still], 200: []}  # fmt: skip
    failing = {"": range(70, 76)}  # a scrape that fails in the window changes nothing
    check(tmp_path, Situation(things, 220, jobs=jobs, failing=failing), expected | {72: [before, twice]})


def _rises(per_second: float) -> Callable[[int], float]:
    return lambda second: per_second * second


@pytest.mark.parametrize(
    ("own", "alerts"),
    [
        ({'linewarden_hardware_flag{target="d",reason="age",severity="critical"}': 1}, ["HardwareFlag d critical"]),
        ({'linewarden_hardware_flag{target="d",reason="age",severity="warning"}': 1}, ["HardwareFlag d warning"]),
        ({'linewarden_hardware_flag{target="d",reason="age",severity="info"}': 1}, []),
        ({'linewarden_interface_down{target="d",interface="Gi1",why="uplink"}': 1}, ["InterfaceDown d warning"]),
        ({'linewarden_interface_down{target="d",interface="Gi1",why="uplink"}': 0}, []),
        ({'linewarden_interface_down{target="d",interface="Gi1",why="circuit_end"}': 1}, []),
        ({'linewarden_interface_down{target="e",interface="Gi1",why="configured"}': 1}, []),  # of nothing
        ({'linewarden_objective_budget_left_seconds{target="d",window="month"}': -1}, ["AvailabilityMissed d warning"]),
        ({'linewarden_objective_budget_left_seconds{target="d",window="month"}': 0}, []),
        ({'linewarden_objective_budget_left_seconds{target="e",window="month"}': -1}, []),
        ({'linewarden_blind{target="d"}': 1, 'linewarden_blind{target="e"}': 1}, ["LinewardenBlind dc1 critical"]),
        ({'linewarden_blind{target="d"}': 0}, []),
        ({'linewarden_ledger_ok{target="dc1"}': 0}, ["LinewardenLedgerFailed dc1 critical"]),
        ({'linewarden_ledger_ok{target="dc1"}': 1}, []),
        (
            {
                'linewarden_push_ok{target="dc1",alertmanager="http://a:9093"}': 0,
                'linewarden_push_ok{target="dc1",alertmanager="http://b:9093"}': 0,
            },
            ["LinewardenPushFailed dc1 critical"],
        ),
        (
            {
                'linewarden_push_ok{target="dc1",alertmanager="http://a:9093"}': 1,
                'linewarden_push_ok{target="dc1",alertmanager="http://b:9093"}': 0,
            },
            ["LinewardenPushPartial dc1 warning"],
        ),
        ({'linewarden_push_ok{target="dc1",alertmanager="http://a:9093"}': 1}, []),
        ({'linewarden_config_last_reload_successful{target="dc1"}': 0}, ["LinewardenReloadFailed dc1 warning"]),
        ({'linewarden_ready{target="dc1"}': 0}, ["LinewardenNotReady dc1 warning"]),
        ({'linewarden_loop_lag_seconds{target="dc1"}': 3}, ["LinewardenLate dc1 warning"]),
        ({'linewarden_jobs_late_total{target="dc1"}': _rises(1)}, ["LinewardenLate dc1 warning"]),
        ({'linewarden_queue_dropped_total{target="dc1",queue="x"}': _rises(0.1)}, ["LinewardenOwnDrops dc1 warning"]),
        (
            {
                'linewarden_echoes_sent_total{target="d",check="icmp"}': _rises(10),
                'linewarden_echoes_unknown_total{target="d",check="icmp",why="socket_drop"}': _rises(0.2),
            },
            ["LinewardenOwnDrops dc1 warning"],
        ),
        (
            {
                'linewarden_echoes_sent_total{target="d",check="icmp"}': _rises(10),
                'linewarden_echoes_unknown_total{target="d",check="icmp",why="late_loop"}': _rises(0.05),
            },
            [],
        ),
        (
            {
                'linewarden_blind{target="d"}': 1,
                'linewarden_echoes_sent_total{target="d",check="icmp"}': _rises(0),
                'linewarden_echoes_unknown_total{target="d",check="icmp",why="send_error"}': _rises(1),
            },
            ["LinewardenBlind dc1 critical"],
        ),
    ],
)  # fmt: skip
def test_hardware_and_the_agent_itself(tmp_path: Path, own: dict[str, Any], alerts: list[str]) -> None:
    series = {text: value if callable(value) else (lambda _, value=value: float(value)) for text, value in own.items()}
    check(tmp_path, Situation((Thing("d", "u"),), 480, jobs=SLOW, own=series), {470: alerts}, every=5)


def test_an_interface_is_a_ticket_while_both_devices_work(tmp_path: Path) -> None:
    down = 'linewarden_interface_down{{target="{}",interface="Gi1",why="uplink",neighbour="{}"}}'
    pairs = [("works", "works"), ("works", "failed"), ("works", "behind"), ("failed", "works"), ("works", "")]
    things = (Thing("failed", "d"), Thing("behind", "x", cause="failed"), Thing("works", "u"))
    for at, to in pairs:
        own: dict[str, Callable[[int], float | None]] = {down.format(at, to): lambda _: 1.0}
        alerts = ["InterfaceDown works warning"] if (at, to) in (("works", "works"), ("works", "")) else []
        expected = {150: [*alerts, "DeviceDown failed warning"]}
        check(tmp_path, Situation(things, 160, jobs=SLOW, own=own), expected, every=5)


def test_a_failed_poll_mends_no_interface(tmp_path: Path) -> None:
    text = 'linewarden_interface_down{target="d",interface="Gi1",why="uplink"}'
    own: dict[str, Callable[[int], float | None]] = {
        text: lambda second: None if 200 <= second < 300 else float(second < 400)
    }
    expected = {second: ["InterfaceDown d warning"] for second in (150, 270, 390, 600)} | {780: []}
    check(tmp_path, Situation((Thing("d", "u"),), 790, jobs=SLOW, own=own), expected, every=5)


def test_an_agent_that_was_never_seen_is_down_and_so_is_one_that_nobody_scrapes(tmp_path: Path) -> None:
    never = {"series": 'up{job="linewarden",instance="lw:9799"}', "values": "0x100"}
    fired = 'count by (alertname, target, severity) (ALERTS{alertstate="firing", alertname!="LinewardenWatchdog"})'
    for series, target in (([never], 'target="lw:9799", '), ([{"series": "other", "values": "1x100"}], "")):
        expected = [{"labels": f'{{alertname="LinewardenDown", {target}severity="critical"}}', "value": 1}]
        run(
            tmp_path,
            {
                "interval": "1s",
                "input_series": series,
                "promql_expr_test": [{"expr": fired, "eval_time": "90s", "exp_samples": expected}],
            },
        )


def test_the_watchdog_fires_always(tmp_path: Path) -> None:
    run(
        tmp_path,
        {
            "interval": "1s",
            "input_series": [],
            "promql_expr_test": [
                {
                    "expr": 'count(ALERTS{alertname="LinewardenWatchdog", alertstate="firing"})',
                    "eval_time": "1s",
                    "exp_samples": [{"labels": "{}", "value": 1}],
                }
            ],
        },
    )


def _alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for part in groups for rule in part["rules"] if "alert" in rule]


def test_every_alert_says_how_urgent_it_is_and_what_to_do() -> None:
    assert len({rule["alert"] for rule in _alerts()}) == len(_alerts())
    for rule in _alerts():
        assert rule["labels"]["severity"], rule["alert"]
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}, rule["alert"]
        assert rule["annotations"]["runbook_url"] == f"https://linewarden.example/runbooks/{rule['alert']}"
        assert not re.search(r"\$value", str(rule["labels"])), "a label that changes would make new alerts"


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    pages = Path(__file__).parents[2] / "docs" / "runbooks"
    assert {path.stem for path in pages.glob("*.md")} == {rule["alert"] for rule in _alerts()}
    for path in pages.glob("*.md"):
        text = path.read_text()
        assert text.startswith(f"# {path.stem}\n"), path.name
        for part in ("## What it means", "## What to do", "## How to verify", "## When it resolves"):
            assert part in text, f"{path.name} lacks {part!r}"

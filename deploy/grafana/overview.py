"""The overview: what is wrong now, every circuit and site over time, ageing hardware, the agent itself."""

from grafana_foundation_sdk.builders import dashboard, table

from deploy.grafana.frame import choice, frame
from deploy.grafana.interfaces import ERROR_RATIO
from deploy.grafana.panels import (
    RATE,
    RED_ABOVE_ZERO,
    RED_AT_ZERO,
    YELLOW_ABOVE_ZERO,
    line,
    number,
    query,
    state_number,
    timeline,
    words,
)
from deploy.grafana.tables import rows, shown, state_words

_STATE = "linewarden_target_state"
_CIRCUITS = 'kind="circuit"'
_TO_DEVICE = "/d/linewarden-device?var-target=${__value.text}&${__url_time_range}"
_TO_INTERFACE = (
    "/d/linewarden-device?var-target=${__data.fields.Device}&var-interface=${__value.text}&${__url_time_range}"
)
_TO_CIRCUIT = "/d/linewarden-circuit?var-target=${__value.text}&${__url_time_range}"


def overview() -> dashboard.Dashboard:
    """Return the dashboard."""
    made = frame("linewarden-overview", "Linewarden: overview", "What is wrong now, and what was.", "now-24h")
    made = made.with_variable(choice("site", "Site", "label_values(linewarden_target_info, site)", several=True))
    made = made.with_row(dashboard.Row("Now"))
    made = _now(made)
    made = made.with_row(dashboard.Row("Over time"))
    made = _over_time(made)
    made = made.with_row(dashboard.Row("Hardware"))
    made = made.with_panel(
        rows(
            "Hardware that wants attention",
            "max by (target, reason, severity) (linewarden_hardware_flag) * on (target) group_left (kind, site, owner) "
            'max by (target, kind, site, owner) (linewarden_target_info{site=~"$site"})',
            {
                "severity": "Severity",
                "target": "Device",
                "kind": "Kind",
                "site": "Site",
                "owner": "Owner",
                "reason": "Reason",
            },
            about="Each flag's fact and source: linewarden explain DEVICE.",
            width=24,
            links={"Device": _TO_DEVICE},
        )
    )
    return _agent(made.with_row(dashboard.Row("The agent itself")))


def _count(state: str) -> str:
    return f'count(max by (target) ({_STATE}{{site=~"$site", state="{state}"}}) == 1) or vector(0)'


def _now(made: dashboard.Dashboard) -> dashboard.Dashboard:
    pages = 'sum(max by (target) (linewarden_pages{severity="%s"}))'
    panels = [
        number("Pages due", "none", pages % "critical", steps=RED_ABOVE_ZERO, about="Of the whole estate."),
        number("Tickets due", "none", pages % "warning", steps=YELLOW_ABOVE_ZERO, about="Of the whole estate."),
        number("Down", "none", _count("down"), steps=RED_ABOVE_ZERO),
        number("Unreachable", "none", _count("unreachable"), steps=((None, "green"), (1, "purple")),
               about="Behind something that is down: these page nothing."),
        number("Degraded", "none", _count("degraded"), steps=YELLOW_ABOVE_ZERO),
        number("Unknown", "none", _count("unknown"), steps=((None, "green"), (1, "#808080"))),
    ]  # fmt: skip
    for panel in panels:
        made = made.with_panel(panel)
    wrong = rows(
        "What is wrong",
        f'max by (target, kind, site, state) ({_STATE}{{site=~"$site", state=~"down|degraded"}} == 1)',
        {"state": "State", "target": "Target", "kind": "Kind", "site": "Site"},
        about="Causes only; what is unreachable stands beside its cause.",
    )
    causes = rows(
        "Causes, and how many targets each took along",
        "count by (cause) (max by (target, cause) (linewarden_root_cause))",
        {"cause": "Cause"},
        value="Unreachable or degraded behind it",
    )
    circuits = rows(
        "Circuits",
        "max by (target, supplier, reference, site_a, site_b, group, role) (linewarden_circuit_info) * on (target) "
        f"group_left () ({state_number(_STATE, _CIRCUITS, 'target')})",
        {"target": "Circuit", "supplier": "Supplier", "reference": "Reference", "site_a": "From", "site_b": "To",
         "group": "Group", "role": "Role"},
        value="State",
        width=24,
        links={"Circuit": _TO_CIRCUIT},
    )  # fmt: skip
    circuits = circuits.override_by_name("State", state_words())
    return made.with_panel(wrong).with_panel(causes).with_panel(circuits).with_panel(_interfaces())


def _interfaces() -> table.Panel:
    """Return the interfaces that want somebody; of those that are down the ones that make the alert InterfaceDown."""
    failed = f'max by (target) ({_STATE}{{state=~"down|unreachable"}} == 1)'
    down = (
        'max by (target, interface, neighbour) ((linewarden_interface_down{why!="circuit_end"} == 1) '
        f'unless on (neighbour) label_replace({failed}, "neighbour", "$1", "target", "(.+)"))'
    )
    errors, packets = (
        f"avg_over_time(linewarden_interface_{name}_per_second[15m])" for name in ("errors", "unicast_packets")
    )
    ratio = f"max by (target, interface) ({errors} / ({packets} + {errors} > 0))"
    trouble = (
        f"{down} * 0 + 3 or on (target, interface) "
        "max by (target, interface) (linewarden_interface_duplex_mismatch == 1) * 0 + 2 or on (target, interface) "
        f"({ratio} >= {ERROR_RATIO}) * 0 + 1"
    )
    inventory = 'max by (target, kind, site, owner) (linewarden_target_info{site=~"$site", page!="never"})'
    panel = rows(
        "Interfaces in trouble",
        f"sort_desc(({trouble}) * on (target) group_left (kind, site, owner) {inventory} "
        f'and on (target) {_STATE}{{state=~"up|degraded"}} == 1 '
        'unless on (target) linewarden_target_mark{mark="maintenance"} == 1)',
        {"target": "Device", "interface": "Interface", "neighbour": "Leads to", "kind": "Kind", "site": "Site",
         "owner": "Owner"},
        value="Trouble",
        width=24,
        about="Down: watched, and no circuit's end (that is the circuit's failure), nor in front of a device that is "
        "itself down. Duplex: the two ends do not agree. Errors: 0.1 % of the packets of 15 minutes.",
        links={"Device": _TO_DEVICE, "Interface": _TO_INTERFACE},
    )  # fmt: skip
    named = words((3, "down", "red"), (2, "duplex", "red"), (1, "errors", "red"))
    return panel.override_by_name("Trouble", list(shown(words=named)))


def _over_time(made: dashboard.Dashboard) -> dashboard.Dashboard:
    places = 'kind=~"site|group|service", site=~"$site"'
    devices = 'kind!~"circuit|site|group|service", site=~"$site"'
    return (
        made.with_panel(timeline("Circuits", state_number(_STATE, _CIRCUITS, "target"), "{{target}}"))
        .with_panel(timeline("Sites, groups, services", state_number(_STATE, places, "target"), "{{target}}"))
        .with_panel(timeline("Devices", state_number(_STATE, devices, "target"), "{{target}}", height=12))
        .with_panel(
            line(
                "Loss, worst ten",
                "percentunit",
                [query("topk(10, max by (target, check) (linewarden_round_loss_ratio))", "{{target}} {{check}}")],
                about="Lost echoes of each round, of those whose outcome is known (RFC 6673).",
                maximum=1,
            )
        )
        .with_panel(
            line(
                "Round-trip time of circuits",
                "s",
                [query('max by (target) (linewarden_round_rtt_seconds{stat="p50"} and on (target) '
                       "linewarden_circuit_info)", "{{target}}")],
                about="Median of each round.",
            )
        )
    )  # fmt: skip


def _agent(made: dashboard.Dashboard) -> dashboard.Dashboard:
    panels = [
        number("Version", "none", "max by (version) (linewarden_build_info)", legend="{{version}}"),
        number("Ready", "bool_yes_no", "min(linewarden_ready)", steps=RED_AT_ZERO),
        number("Ledger is written", "bool_yes_no", "min(linewarden_ledger_ok)", steps=RED_AT_ZERO),
        number("Configuration taken", "bool_yes_no", "min(linewarden_config_last_reload_successful)",
               steps=RED_AT_ZERO),
        number("Blind now", "none", "sum(max by (target) (linewarden_blind))", steps=RED_ABOVE_ZERO,
               about="Targets that the agent cannot measure, by its own host's fault."),
        number("Late jobs in an hour", "none", "sum(increase(linewarden_jobs_late_total[1h]))", steps=YELLOW_ABOVE_ZERO,
               decimals=0),
    ]  # fmt: skip
    for panel in panels:
        made = made.with_panel(panel)
    return (
        made.with_panel(
            line(
                "Blind time",
                "percentunit",
                [query(f"max by (target) (rate(linewarden_blind_seconds_total[{RATE}]))", "{{target}}")],
                about="Share of the time in which the agent could not measure, whatever the network did.",
                maximum=1,
            )
        )
        .with_panel(
            line(
                "Unknown echoes",
                "short",
                [query(f"sum by (why) (increase(linewarden_echoes_unknown_total[{RATE}]))", "{{why}}")],
                about="Echoes that own trouble spoiled. They are in no other count.",
            )
        )
        .with_panel(
            line(
                "Polls that do not succeed",
                "none",
                [
                    query("sum(1 - max by (target) (linewarden_device_poll_success))", "failed"),
                    query(
                        "sum(max by (target) (linewarden_device_poll_success) "
                        "- max by (target) (linewarden_device_poll_complete))",
                        "incomplete",
                    ),
                ],
                about="Devices whose last poll failed, or was cut short: what it lacks is unknown, not gone.",
            )
        )
        .with_panel(
            line(
                "SNMP traps",
                "short",
                [
                    query(f"sum by (kind) (increase(linewarden_traps_received_total[{RATE}])) > 0", "{{kind}}"),
                    query(
                        f"sum by (reason) (increase(linewarden_traps_dropped_total[{RATE}])) > 0", "dropped: {{reason}}"
                    ),
                    query(f"sum(increase(linewarden_traps_polls_total[{RATE}]))", "led to a poll"),
                ],
                about="What came, what was dropped and why, what it led to.",
            )
        )
        .with_panel(
            line(
                "Event loop lag",
                "s",
                [query("max by (target) (linewarden_loop_lag_seconds)", "{{target}}")],
                about="The worst of the last minute.",
                steps=((None, "transparent"), (1.0, "red")),
                width=8,
            )
        )
        .with_panel(
            line(
                "Queues",
                "percentunit",
                [query("max by (target, queue) (linewarden_queue_depth / linewarden_queue_capacity)", "{{queue}}")],
                about="How full they are; a full queue drops, and linewarden_queue_dropped_total counts it.",
                maximum=1,
                width=8,
            )
        )
        .with_panel(
            line(
                "CPU of the agent",
                "percentunit",
                [query(f"max by (target) (rate(process_cpu_seconds_total[{RATE}]) and on (target) "
                       "linewarden_build_info)", "{{target}}")],
                about="Of one core.",
                width=8,
            )
        )
    )  # fmt: skip

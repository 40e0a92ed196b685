"""One device: state, checks, interfaces, flags; and for the agent's own host what psutil says of it."""

from grafana_foundation_sdk.builders import dashboard

from deploy.grafana.frame import choice, frame
from deploy.grafana.interfaces import OUTWARDS, interfaces
from deploy.grafana.panels import RATE, WIDTH, line, number, polled, query, state_number, timeline, words
from deploy.grafana.tables import rows

_HERE = 'target="$target"'
_PORTS = f"label_values(linewarden_interface_oper_status{{{_HERE}}}, interface)"
_DEVICES = 'label_values(linewarden_target_info{role="device", site=~"$site"}, target)'
_POLL = words((0, "failed", "red"), (1, "incomplete", "yellow"), (2, "complete", "green"))


def device() -> dashboard.Dashboard:
    """Return the dashboard."""
    made = frame("linewarden-device", "Linewarden: device", "One switch, router, server, UPS.")
    made = (
        made.with_variable(choice("site", "Site", "label_values(linewarden_target_info, site)", several=True))
        .with_variable(choice("target", "Device", _DEVICES))
        .with_variable(choice("interface", "Interface", _PORTS, several=True))
    )
    made = _summary(made)
    made = interfaces(made.with_row(dashboard.Row("Interfaces (SNMP)")))
    return _host(made.with_row(dashboard.Row("The agent's own host")))


def _summary(made: dashboard.Dashboard) -> dashboard.Dashboard:
    state = state_number("linewarden_target_state", _HERE, "target")
    poll = f"max(linewarden_device_poll_success{{{_HERE}}}) + max(linewarden_device_poll_complete{{{_HERE}}})"
    return (
        made.with_panel(number("State", "none", state, states=True))
        .with_panel(
            number(
                "Last poll",
                "none",
                poll,
                words=_POLL,
                about="Incomplete: the device fell silent, or the time was over. What is missing is unknown, not gone.",
            )
        )
        .with_panel(
            number(
                "Up since",
                "s",
                f"max(sysUpTime{{{_HERE}}}) / 100 or time() - max(node_boot_time_seconds{{{_HERE}}})",
                about="sysUpTime is no age: it begins again after 497 days, and with the SNMP agent.",
            )
        )
        .with_panel(
            rows(
                "Inventory",
                f"max by (kind, site, owner, address, title) (linewarden_target_info{{{_HERE}}})",
                {"kind": "Kind", "site": "Site", "owner": "Owner", "address": "Address", "title": "Title"},
                height=4,
            )
        )
        .with_panel(
            timeline("Checks", state_number("linewarden_check_state", _HERE, "check"), "{{check}}", height=5, width=12)
        )
        .with_panel(
            rows(
                "Flags",
                f"max by (reason, severity) (linewarden_hardware_flag{{{_HERE}}})",
                {"severity": "Severity", "reason": "Reason"},
                about="Why this hardware wants attention; fact and source: linewarden explain $target.",
                height=5,
            )
        )
        .with_panel(timeline("Polls", poll, "polls", words=_POLL, height=5, width=12))
        .with_panel(
            line(
                "Series of each poll",
                "short",
                [query(f"max(linewarden_device_poll_series{{{_HERE}}})", "series")],
                about="A step down without a change of the device: something is not read any more.",
            ).height(5)
        )
        .with_panel(
            line(
                "Round-trip time",
                "s",
                [query(f"max by (stat) (linewarden_round_rtt_seconds{{{_HERE}}})", "{{stat}}")],
            )
        )
        .with_panel(
            line(
                "Loss",
                "percentunit",
                [query(f"max by (check) (linewarden_round_loss_ratio{{{_HERE}}})", "{{check}}")],
                about="Lost echoes of each round, of those whose outcome is known (RFC 6673).",
                maximum=1,
            )
        )
    )


def _host(made: dashboard.Dashboard) -> dashboard.Dashboard:
    third = WIDTH // 3
    busy = f'1 - avg(rate(node_cpu_seconds_total{{{_HERE}, mode="idle"}}[{RATE}]))'
    free = f"max(node_memory_MemAvailable_bytes{{{_HERE}}}) / max(node_memory_MemTotal_bytes{{{_HERE}}})"
    full = (
        f"1 - max by (mountpoint) (node_filesystem_avail_bytes{{{_HERE}}}) / "
        f"max by (mountpoint) (node_filesystem_size_bytes{{{_HERE}}})"
    )
    network = [
        polled(
            f"max by (device) (rate(node_network_{way}_bytes_total{{{_HERE}}}[{RATE}])) * 8", f"{{{{device}}}} {word}"
        )
        for way, word in (("receive", "in"), ("transmit", "out"))
    ]
    return (
        made.with_panel(line("CPU", "percentunit", [polled(busy, "busy")], maximum=1, width=third))
        .with_panel(line("Memory", "percentunit", [polled(f"1 - {free}", "used")], maximum=1, width=third))
        .with_panel(
            line(
                "Load", "short", [polled(f"max(node_load5{{{_HERE}}})", "5 minutes")], width=third,
                about="Processes that run or want to run.",
            )
        )
        .with_panel(
            line(
                "File systems, used", "percentunit", [polled(full, "{{mountpoint}}")], maximum=1,
                steps=((None, "transparent"), (0.9, "red")), about="The ledger is on one of them.",
            )
        )
        .with_panel(line("Network", "bps", network, below=OUTWARDS, about="Outwards is drawn below."))
    )  # fmt: skip

"""One device: state, checks, interfaces, flags; and for the agent's own host what psutil says of it."""

from grafana_foundation_sdk.builders import dashboard

from deploy.grafana.frame import choice, frame
from deploy.grafana.panels import RATE, WIDTH, line, number, query, rows, state_number, timeline, words

_HERE = 'target="$target"'
_PORT = f'{_HERE}, ifName=~"$interface"'
_DEVICES = 'label_values(linewarden_target_info{role="device", site=~"$site"}, target)'
_DOWNWARDS = "/ out$/"
# RFC 2863 ifOperStatus
_OPER = words((1, "up", "green"), (2, "down", "red"), (3, "testing", "yellow"), (4, "unknown", "#808080"),
              (5, "dormant", "blue"), (6, "not present", "#808080"), (7, "lower layer down", "orange"))  # fmt: skip


def device() -> dashboard.Dashboard:
    """Return the dashboard."""
    made = frame("linewarden-device", "Linewarden: device", "One switch, router, server, UPS.")
    made = (
        made.with_variable(choice("site", "Site", "label_values(linewarden_target_info, site)", several=True))
        .with_variable(choice("target", "Device", _DEVICES))
        .with_variable(choice("interface", "Interface", f"label_values(ifOperStatus{{{_HERE}}}, ifName)", several=True))
    )
    made = _summary(made)
    made = _interfaces(made.with_row(dashboard.Row("Interfaces (SNMP)")))
    return _host(made.with_row(dashboard.Row("The agent's own host")))


def _summary(made: dashboard.Dashboard) -> dashboard.Dashboard:
    state = state_number("linewarden_target_state", _HERE, "target")
    return (
        made.with_panel(number("State", "none", state, states=True))
        .with_panel(
            number(
                "Last poll",
                "bool_yes_no",
                f"min(linewarden_device_poll_success{{{_HERE}}})",
                steps=((None, "red"), (1, "green")),
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


def _interfaces(made: dashboard.Dashboard) -> dashboard.Dashboard:
    def rate(name: str) -> str:
        return f"max by (ifName) (rate({name}{{{_PORT}}}[{RATE}]))"

    def both(inwards: str, outwards: str, factor: str = "") -> list[tuple[str, str]]:
        return [(rate(inwards) + factor, "{{ifName}} in"), (rate(outwards) + factor, "{{ifName}} out")]

    speed = f"on (ifName) (max by (ifName) (ifHighSpeed{{{_PORT}}}) * 1e6)"
    traffic = both("ifHCInOctets", "ifHCOutOctets", " * 8")
    used = [
        (f"{rate(name)} * 8 / {speed}", legend)
        for name, legend in (("ifHCInOctets", "{{ifName}} in"), ("ifHCOutOctets", "{{ifName}} out"))
    ]
    return (
        made.with_panel(
            line("Traffic", "bps", [query(*one) for one in traffic], below=_DOWNWARDS, about="Outwards is drawn below.")
        )
        .with_panel(
            line(
                "Used, of the interface's speed",
                "percentunit",
                [query(*one) for one in used],
                maximum=1,
                steps=((None, "transparent"), (0.8, "yellow"), (0.95, "red")),
            )
        )
        .with_panel(
            line(
                "Errors",
                "pps",
                [query(*one) for one in both("ifInErrors", "ifOutErrors")],
                below=_DOWNWARDS,
                about="Any that keep coming want a new cable, optic or port.",
            )
        )
        .with_panel(
            line(
                "Discards", "pps", [query(*one) for one in both("ifInDiscards", "ifOutDiscards")], below=_DOWNWARDS,
                about="Frames that were dropped for want of room: too much traffic for the port.",
            )
        )
        .with_panel(
            timeline(
                "Interface state (ifOperStatus)",
                f"max by (ifName) (ifOperStatus{{{_PORT}}})",
                "{{ifName}}",
                words=_OPER,
                height=12,
            )
        )
    )  # fmt: skip


def _host(made: dashboard.Dashboard) -> dashboard.Dashboard:
    third = WIDTH // 3
    busy = f'1 - avg(rate(node_cpu_seconds_total{{{_HERE}, mode="idle"}}[{RATE}]))'
    free = f"max(node_memory_MemAvailable_bytes{{{_HERE}}}) / max(node_memory_MemTotal_bytes{{{_HERE}}})"
    full = (
        f"1 - max by (mountpoint) (node_filesystem_avail_bytes{{{_HERE}}}) / "
        f"max by (mountpoint) (node_filesystem_size_bytes{{{_HERE}}})"
    )
    network = [
        query(
            f"max by (device) (rate(node_network_{way}_bytes_total{{{_HERE}}}[{RATE}])) * 8", f"{{{{device}}}} {word}"
        )
        for way, word in (("receive", "in"), ("transmit", "out"))
    ]
    return (
        made.with_panel(line("CPU", "percentunit", [query(busy, "busy")], maximum=1, width=third))
        .with_panel(line("Memory", "percentunit", [query(f"1 - {free}", "used")], maximum=1, width=third))
        .with_panel(
            line(
                "Load", "short", [query(f"max(node_load5{{{_HERE}}})", "5 minutes")], width=third,
                about="Processes that run or want to run.",
            )
        )
        .with_panel(
            line(
                "File systems, used", "percentunit", [query(full, "{{mountpoint}}")], maximum=1,
                steps=((None, "transparent"), (0.9, "red")), about="The ledger is on one of them.",
            )
        )
        .with_panel(line("Network", "bps", network, below=_DOWNWARDS, about="Outwards is drawn below."))
    )  # fmt: skip

"""Ageing hardware: what to replace first and why, until when things are supported, and what nobody knows of them."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard, table

from deploy.grafana.frame import choice, frame
from deploy.grafana.panels import RED_ABOVE_ZERO, YELLOW_ABOVE_ZERO, number
from deploy.grafana.tables import Column, board, rows, shown

_TO_DEVICE: Final = "/d/linewarden-device?var-target=${__data.fields.Device}"
_YEAR: Final = 31557600
_CHOSEN: Final = 'max by (target, kind, site, owner) (linewarden_target_info{role="device", site=~"$site"})'
_FLAGS: Final = "max by (target, reason, severity) (linewarden_hardware_flag)"
_ENDS: Final = "min by (target) (linewarden_hardware_end_of_support_timestamp_seconds)"
_HARDWARE_ENDS: Final = 'linewarden_hardware_end_of_support_timestamp_seconds{of="hardware"}'
_AGES: Final = "max by (target) (linewarden_hardware_age_seconds)"
_PARTS: Final = {
    "Age": "age", "Support": "support", "Wear": "wear", "Something fails with it": "alone",
    "How much": "dependents", "Sites": "sites", "Owners": "owners",
}  # fmt: skip
_URGENT: Final = 'severity=~"critical|warning"'


def ageing() -> dashboard.Dashboard:
    """Return the dashboard."""
    about = "Which hardware wants replacing, in what order, and until when it is supported."
    made = frame("linewarden-ageing", "Linewarden: ageing", about, since="now-24h")
    made = made.with_variable(choice("site", "Site", "label_values(linewarden_target_info, site)", several=True))
    made = _counts(made)
    made = made.with_panel(_order()).with_panel(_parts()).with_panel(_reasons())
    made = _by(made.with_row(dashboard.Row("Until when it is supported, and whose it is")))
    return _unknown(made.with_row(dashboard.Row("What nobody knows")))


def _here(expression: str) -> str:
    """Return an expression by target with kind, site and owner, of the chosen sites alone."""
    return f"{expression} * on (target) group_left (kind, site, owner) {_CHOSEN}"


def _count(expression: str) -> str:
    return f"count({_here(expression)}) or vector(0)"


def _counts(made: dashboard.Dashboard) -> dashboard.Dashboard:
    flagged = "max by (target) (linewarden_hardware_flag{%s})"
    return (
        made.with_panel(
            number(
                "Something has failed", "none", _count(flagged % 'severity="critical"'), steps=RED_ABOVE_ZERO,
                about="Devices with a critical flag: these page.",
            )
        )
        .with_panel(
            number(
                "Want attention", "none", _count(flagged % 'severity="warning"'), steps=YELLOW_ABOVE_ZERO,
                about="Devices with a flag that is a ticket.",
            )
        )
        .with_panel(
            number(
                "Without support", "none", _count(f"({_ENDS} < bool time() == 1)"), steps=RED_ABOVE_ZERO,
                about="No more security fixes, of the hardware or of its operating system.",
            )
        )
        .with_panel(
            number(
                "... within a year", "none",
                _count(f"({_ENDS} > time() < time() + {_YEAR})"), steps=YELLOW_ABOVE_ZERO,
                about="Of what is supported today: what belongs in the next budget.",
            )
        )
        .with_panel(
            number(
                "Over age", "none", _count(flagged % 'reason="age_over_policy"'), steps=YELLOW_ABOVE_ZERO,
                about="Older than the policy for its kind.",
            )
        )
        .with_panel(
            number(
                "No date known", "none",
                f'count({_CHOSEN} unless on (target) {_ENDS}) or vector(0)', steps=YELLOW_ABOVE_ZERO,
                about="Nobody knows until when these are supported. That raises no rank: it is work to look them up.",
            )
        )
    )  # fmt: skip


def _order() -> table.Panel:
    what = (
        "max by (target, vendor, model) (linewarden_hardware_info) * on (target) group_left () "
        "(max by (target) (linewarden_hardware_replacement_rank))"
    )
    tickets = f"count by (target) (max by (target, reason) (linewarden_hardware_flag{{{_URGENT}}}))"
    return board(
        "What to replace first",
        [
            Column(
                "Place",
                _here("max by (target) (linewarden_hardware_replacement_rank)"),
                look=shown(decimals=0, width=70),
            ),
            Column("Device", label="target"),
            Column("Kind", label="kind"),
            Column("Site", label="site"),
            Column("Owner", label="owner"),
            Column("Vendor", f"({what}) > 0", label="vendor"),
            Column("Model", label="model"),
            Column("Age, years", f"{_AGES} / {_YEAR}", look=shown(decimals=1)),
            Column("Supported until", f"{_ENDS} * 1000", look=shown("time:YYYY-MM-DD")),
            Column("Reasons", tickets, look=shown(decimals=0)),
        ],
        sort=[("Place", False)],
        about="By likelihood (age, support, wear) times consequence (what fails with it); the parts of each are below, "
        "and where they were read stands in /api/v1/ageing.",
        height=10,
        links={"Device": _TO_DEVICE},
    )


def _parts() -> table.Panel:
    places = _here("max by (target) (linewarden_hardware_replacement_rank)")
    parts = [
        Column(name, f'max by (target) (linewarden_hardware_risk_part_ratio{{part="{part}"}})', look=shown(decimals=2))
        for name, part in _PARTS.items()
    ]
    return board(
        "What the order is made of",
        [Column("Place", places, look=shown(decimals=0, width=70)), Column("Device", label="target"), *parts],
        sort=[("Place", False)],
        about="What each part adds: age (at most 0.5), support (0.8) and wear (1) to the likelihood; whether something "
        "fails with it (0.3), how much (0.3), at how many sites (0.2) and of how many owners (0.1) to the consequence. "
        "Empty: nothing, or nobody knows; what is unknown raises no place.",
        height=8,
        links={"Device": _TO_DEVICE},
    )


def _reasons() -> table.Panel:
    return rows(
        "Why",
        _here(_FLAGS),
        {
            "severity": "Severity", "target": "Device", "reason": "Reason", "kind": "Kind", "site": "Site",
            "owner": "Owner",
        },
        about="Each flag's fact and source: linewarden explain DEVICE.",
        width=24,
        links={"Device": _TO_DEVICE},
    )  # fmt: skip


def _by(made: dashboard.Dashboard) -> dashboard.Dashboard:
    ends = _here(_ENDS)
    return (
        made.with_panel(
            rows(
                "Support ends, by year", f'count_values("year", year({_ENDS} and on (target) {_CHOSEN}))',
                {"year": "Year"}, value="Devices", width=6,
                about="The earlier end of the hardware's and its operating system's.",
            )
        )
        .with_panel(
            rows(
                "... and by kind",
                f'count_values by (kind) ("year", year({ends}))',
                {"year": "Year", "kind": "Kind"}, value="Devices", width=6,
            )
        )
        .with_panel(
            rows(
                "Wants attention, by owner",
                f"count by (owner) ({_here(f'max by (target) (linewarden_hardware_flag{{{_URGENT}}})')})",
                {"owner": "Owner"}, value="Devices", width=6,
            )
        )
        .with_panel(
            rows(
                "Age, by kind", f"avg by (kind) ({_here(_AGES)}) / {_YEAR}", {"kind": "Kind"}, value="Years", width=6,
                about="The mean. Where a device was first seen only, its age is a lower bound.",
            )
        )
    )  # fmt: skip


def _unknown(made: dashboard.Dashboard) -> dashboard.Dashboard:
    return made.with_panel(
        rows(
            "Models without dates",
            "count by (vendor, model) (max by (target, vendor, model) (linewarden_hardware_info) "
            f"and on (target) {_CHOSEN} unless on (target) {_HARDWARE_ENDS})",
            {"vendor": "Vendor", "model": "Model"},
            value="Devices",
            about="In no lifecycle table: look up the most frequent first.",
        )
    ).with_panel(
        rows(
            "Devices whose age is a lower bound",
            _here('max by (target) (linewarden_hardware_age_seconds{bound="at_least"})') + f" / {_YEAR}",
            {"target": "Device", "kind": "Kind", "site": "Site"},
            value="Years at least",
            about="First seen by the agent, and no date of purchase or making: put it into the asset register.",
            links={"Device": _TO_DEVICE},
        )
    )

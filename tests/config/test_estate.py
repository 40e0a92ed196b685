"""What the settings become: targets, checks, what decides, what depends on what."""

from dataclasses import replace
from datetime import UTC, date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.config import load
from agent.core.contract import Exclusion, Period, Rules
from agent.core.hardware_policy import HardwarePolicy
from agent.core.model import Estate, Needs, Role, Target, Urgency


def estate(tmp_path: Path, text: str) -> Estate:
    file = tmp_path / "linewarden.yaml"
    file.write_text(text)
    return load(file, environ={"C": "x"}).estate


def checks(target: Target) -> list[tuple[str, str, bool]]:
    return [(check.name, check.type, check.decisive) for check in target.checks]


AUTHS = "snmp: {auths: {public_v2: {community: {env: C}}}}\n"


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ("icmp: {}", [("icmp", True)]),
        ("icmp: {}, snmp: {auth: public_v2}", [("icmp", True), ("snmp", False)]),
        ("snmp: {auth: public_v2}, host: {}", [("snmp", True), ("host", False)]),
        ("host: {}", [("host", True)]),
        ("snmp: {auth: public_v2}, icmp: {}, host: {}", [("icmp", True), ("snmp", False), ("host", False)]),
    ],
)
def test_what_decides_a_device(tmp_path: Path, blocks: str, expected: list[tuple[str, bool]]) -> None:
    found = estate(tmp_path, f"{AUTHS}devices: [{{name: d, kind: server, address: 10.0.0.1, {blocks}}}]")
    assert [(check.name, check.decisive) for check in found.targets["d"].checks] == expected


def test_device(tmp_path: Path) -> None:
    text = """
owners: [x, y]
sites: [{name: s, owner: [x, y]}]
devices:
  - {name: a, kind: switch, title: Core, site: s, address: 10.0.0.1, icmp: {}, purchased: 2012-03-01, serial: S1,
     interfaces: {watch: "uplink*"}, renamed_from: old, page: never}
  - {name: b, kind: firewall, site: s, owner: y, address: 10.0.0.2, icmp: {}}
"""
    found = estate(tmp_path, text)
    a, b = found.targets["a"], found.targets["b"]
    assert (a.role, a.kind, a.title, a.site, a.owners) == (Role.DEVICE, "switch", "Core", "s", ("x", "y"))
    assert (a.purchased, a.watch, a.renamed_from, a.urgency) == (date(2012, 3, 1), ("uplink*",), "old", Urgency.NEVER)
    assert a.info == {"serial": "S1"}
    assert (b.owners, b.urgency, b.title) == (("y",), Urgency.NOW, "b")


@pytest.mark.parametrize(
    ("kind", "urgency"),
    [("router", Urgency.NOW), ("firewall", Urgency.NOW), ("switch", Urgency.HOURS), ("ups", Urgency.HOURS)],
)
def test_urgency_of_kinds(tmp_path: Path, kind: str, urgency: Urgency) -> None:
    found = estate(tmp_path, f"devices: [{{name: d, kind: {kind}, address: 10.0.0.1, icmp: {{}}}}]")
    assert found.targets["d"].urgency is urgency


def test_circuit(tmp_path: Path) -> None:
    text = (
        AUTHS
        + """
sites: [{name: a}, {name: b}]
circuits:
  - name: c
    between: [a, b]
    ends: [{device: r, interface: Gi0/1}, {device: s, interface: 1:20}]
  - {name: d, supplier: S, reference: R-1, between: [a, b], far_end: 10.0.0.1, page: hours, contract: {cost: 0.5}}
devices:
  - {name: r, kind: router, address: 10.0.0.1, snmp: {auth: public_v2, interval: 30s, fast: off}}
  - {name: s, kind: switch, address: 10.0.0.2, snmp: {auth: public_v2}}
"""
    )
    found = estate(tmp_path, text)
    c, d = found.targets["c"], found.targets["d"]
    assert checks(c) == [("end:r/Gi0/1", "end", True), ("end:s/1:20", "end", True)]  # no far end, no echoes
    assert [check.source for check in c.checks] == [("r", "Gi0/1"), ("s", "1:20")]
    assert [check.interval_seconds for check in c.checks] == [30.0, 10.0]  # the faster of two speeds
    assert checks(d) == [("icmp", "icmp", True)]
    assert d.checks[0].interval_seconds == 1.0
    assert d.checks[0].settings.address == d.address == "10.0.0.1"
    assert (c.urgency, d.urgency) == (Urgency.NOW, Urgency.HOURS)
    assert d.circuit is not None
    assert (d.circuit.supplier, d.circuit.reference, d.circuit.contract) == ("S", "R-1", "0.50 per month")


def test_group_and_site(tmp_path: Path) -> None:
    text = """
owners: [x, y]
sites: [{name: a, owner: x}, {name: b, owner: y, title: B, page: now}, {name: lonely}]
circuits:
  - {name: c1, between: [a, b], far_end: 10.0.0.1, group: g, page: hours}
  - {name: c2, between: [a, b], far_end: 10.0.0.2, group: g, page: never}
"""
    found = estate(tmp_path, text)
    group = found.targets["g"]
    assert (group.role, group.kind, group.members, group.urgency) == (Role.GROUP, "group", ("c1", "c2"), Urgency.HOURS)
    assert group.owners == ("x", "y")
    site = found.targets["b"]
    assert (site.role, site.site, site.members, site.owners) == (Role.SITE, "b", ("c1", "c2"), ("y",))
    assert (site.title, site.urgency) == ("B", Urgency.NOW)
    assert found.targets["lonely"].members == ()


def test_service(tmp_path: Path) -> None:
    text = """
services:
  - name: s
    needs: any
    checks:
      - {type: icmp, address: 10.0.0.1}
      - {type: icmp, address: 10.0.0.2}
      - {type: tcp, address: 10.0.0.1, port: 25, name: smtp}
      - {type: icmp, address: 10.0.0.3, interval: 30s, name: icmp-3}
      - {type: icmp, address: 10.0.0.4}
"""
    service = estate(tmp_path, text).targets["s"]
    assert checks(service) == [
        ("icmp", "icmp", True), ("icmp-2", "icmp", True), ("smtp", "tcp", True), ("icmp-3", "icmp", True),
        ("icmp-4", "icmp", True),
    ]  # fmt: skip
    assert (service.needs, service.urgency) == (Needs.ANY, Urgency.NOW)
    assert service.checks[3].settings.round == 30.0


def test_ageing_policy(tmp_path: Path) -> None:
    found = estate(tmp_path, "ageing: {policy: {switch: 10y, printer: 6y, '*': 9y}}")
    policy = found.hardware.ages_years
    assert (policy["switch"], policy["printer"], policy["*"], policy["server"]) == (10.0, 6.0, 9.0, 5.0)


def test_hardware_policy(tmp_path: Path) -> None:
    text = """
hardware: {ages: {switch: 10y}, lead: {server: 2y, "*": 30d}, battery_age: 3y, storage_lead: 60d}
ageing: {policy: {switch: 1y, ups: 6y}}
"""
    policy = estate(tmp_path, text).hardware
    ages = [policy.age_years(kind) for kind in ("switch", "ups", "server", "lamp")]
    assert ages == [10.0, 6.0, 5.0, 8.0]  # the former key goes on to count, and the present one wins
    assert [policy.lead_days(kind) for kind in ("server", "router", "lamp")] == [730.5, 548.0, 30.0]
    assert (policy.battery_years, policy.storage_lead_days) == (3.0, 60.0)
    capital = estate(tmp_path, "hardware: {ages: {Laptop: 3y}, lead: {Laptop: 10d}}").hardware
    assert (capital.age_years("laptop"), capital.lead_days("Laptop")) == (3.0, 10.0)
    assert estate(tmp_path, "owners: []").hardware == HardwarePolicy()


# ------------------------------------------------------------------ what is implied by where the agent stands

# near lies between home and far; home, r1 and r2 form a ring; the island and the rock see only each other
JOINED = """
sites: [{name: home}, {name: near}, {name: far}, {name: r1}, {name: r2}, {name: island}, {name: rock}]
circuits:
  - {name: hn, between: [home, near], far_end: 10.0.0.1}
  - {name: nf, between: [far, near], far_end: 10.0.0.2}
  - {name: h1, between: [home, r1], far_end: 10.0.0.3}
  - {name: r12, between: [r1, r2], far_end: 10.0.0.4}
  - {name: h2, between: [r2, home], far_end: 10.0.0.5}
  - {name: ir, between: [island, rock], far_end: 10.0.0.6}
devices:
  - {name: dh, kind: server, site: home, address: 10.1.0.1, icmp: {}}
  - {name: df, kind: server, site: far, address: 10.1.0.2, icmp: {}}
  - {name: dx, kind: server, site: far, address: 10.1.0.3, icmp: {}, depends_on: [df]}
  - {name: dn, kind: server, address: 10.1.0.4, icmp: {}}
services:
  - {name: sf, site: far, checks: [{type: icmp, address: 10.1.0.2}]}
  - {name: sh, site: home, checks: [{type: icmp, address: 10.1.0.1}]}
"""


def test_implied_dependencies(tmp_path: Path) -> None:
    found = estate(tmp_path, "agent: {site: home}\n" + JOINED)
    assert found.site == "home"
    assert {name: target.depends_on for name, target in found.targets.items() if target.depends_on} == {
        "nf": ("near",),  # seen through near alone
        "df": ("far",),
        "dx": ("df",),
        "sf": ("far",),
    }


def test_a_site_hangs_on_the_circuits_that_lead_to_it(tmp_path: Path) -> None:
    found = estate(tmp_path, "agent: {site: home}\n" + JOINED)
    members = {name: target.members for name, target in found.targets.items() if target.role is Role.SITE}
    assert members == {
        "home": (),  # the agent stands there
        "near": ("hn",),  # not nf, which is behind it
        "far": ("nf",),
        "r1": ("h1", "r12"),  # a ring: either side will do
        "r2": ("r12", "h2"),
        "island": ("ir",),
        "rock": ("ir",),
    }


def test_nothing_is_implied_where_the_agent_stands_nowhere(tmp_path: Path) -> None:
    found = estate(tmp_path, JOINED)
    assert {name: target.depends_on for name, target in found.targets.items() if target.depends_on} == {"dx": ("df",)}
    assert found.targets["near"].members == ("hn", "nf")


def test_circuit_that_depends_on_its_near_site_is_no_circle(tmp_path: Path) -> None:
    text = """
sites: [{name: a}, {name: b}, {name: c}]
circuits:
  - {name: ab, between: [a, b], far_end: 10.0.0.1}
  - {name: bc, between: [b, c], far_end: 10.0.0.2, depends_on: [b]}
"""
    assert estate(tmp_path, text).targets["b"].members == ("ab",)


def test_a_contract_counts_as_it_says_and_else_as_the_file_does(tmp_path: Path) -> None:
    found = estate(
        tmp_path,
        """
contract: {zone: Europe/London, interval: 5m, excludes: maintenance}
sites: [{name: a}, {name: b}]
circuits:
  - {name: c, between: [a, b], far_end: 10.0.0.1}
  - {name: d, between: [a, b], far_end: 10.0.0.1, contract: {measured: quarter, zone: UTC, interval: 0, excludes: []}}
  - {name: e, between: [a, b], far_end: 10.0.0.1, contract: {minimum_outage: 90s, cost: 5}}
""",
    )
    default = Rules(Period.MONTH, ZoneInfo("Europe/London"), 300.0, 0.0, (Exclusion.MAINTENANCE,))
    rules = {name: target.circuit.rules for name, target in found.targets.items() if target.circuit is not None}
    assert found.rules == rules["c"] == default
    assert rules["d"] == Rules(Period.QUARTER, UTC, 0.0, 0.0, ())
    assert rules["e"] == replace(default, minimum_outage_seconds=90.0)


def test_without_a_word_every_outage_of_the_month_counts_exactly(tmp_path: Path) -> None:
    assert estate(tmp_path, "devices: []").rules == Rules(Period.MONTH, UTC, 0.0, 0.0, tuple(Exclusion))

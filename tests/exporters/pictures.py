"""A council's estate in trouble, and the same estate all well, as the exporters see them.

One circuit (`enc-crown`) is cut and takes a site with it; another (`bcw-crown-primary`) is cut and its backup carries
on; a server is too old, a battery is tired, one switch does not answer SNMP.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np

from agent.core.ageing import Found, estate_cases
from agent.core.ageing_report import AgeingReport, report
from agent.core.delay import RTT_BUCKETS_SECONDS, EchoTotals, train
from agent.core.hardware import Piece, Support
from agent.core.hardware_policy import HardwarePolicy
from agent.core.judges import judges
from agent.core.lifecycle import Lifecycle
from agent.core.model import (
    AdminStatus,
    AssetRow,
    Check,
    CircuitFacts,
    Echo,
    Estate,
    Event,
    EventKind,
    Fact,
    HardwareFlag,
    Health,
    Interface,
    Mark,
    Observation,
    OperStatus,
    Outage,
    Outcome,
    Page,
    Role,
    Round,
    State,
    Target,
    Urgency,
    Verdict,
)
from agent.core.picture import DevicePoll, Picture
from agent.core.ports import Blind
from agent.core.quality import Qualities
from agent.core.series import Family, SeriesBlock
from agent.core.subjects import Subject
from agent.core.watch import Watched, Why
from exporters.exposition import Packed, prefix

AGENT: Final = "dc1"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the exporters read of a probe's settings."""

    address: str | None = None
    interval: float = 1.0
    round: float = 10.0
    timeout: float = 3.0


def icmp(target: str, address: str, *, decisive: bool = True, interval: float = 1.0) -> Check:
    """Return a check by echoes."""
    return Check(target, "icmp", "icmp", interval, Settings(address, interval), decisive)


def snmp(target: str, address: str) -> Check:
    """Return a check by SNMP polls."""
    return Check(target, "snmp", "snmp", 60.0, Settings(address, 60.0), decisive=False)


def circuit(name: str, far_end: str, facts: CircuitFacts, end: tuple[str, str], owners: tuple[str, ...]) -> Target:
    """Return a circuit with its echoes and one end."""
    return Target(
        name,
        Role.CIRCUIT,
        "circuit",
        name,
        owners=owners,
        address=far_end,
        checks=(icmp(name, far_end), Check(name, f"end:{end[0]}/{end[1]}", "end", 60.0, source=end)),
        urgency=Urgency.NOW,
        circuit=facts,
    )


def estate() -> Estate:
    """Return three sites, three circuits, six devices and two services."""
    primary = CircuitFacts(
        "ExampleTel",
        "ETH/12345",
        ("bcw", "crown"),
        "bcw-crown",
        "primary",
        1e8,
        0.999,
        0.030,
        0.001,
        contract="1200.00 GBP a month until 2027-03-31",
        contract_ends=date(2027, 3, 31),
    )
    backup = CircuitFacts("OtherNet", "B-778", ("bcw", "crown"), "bcw-crown", "backup", 2e7)
    single = CircuitFacts(
        "ExampleTel", "ETH/20417", ("enc", "crown"), None, "primary", 1e9, 0.995, 0.040, 0.001,
        objective_pdv_seconds=0.010, objective_mos=4.0,
    )  # fmt: skip
    targets = [
        Target("bcw", Role.SITE, "site", "Borough Council West", owners=("bcw",), members=("bcw-crown",)),
        Target("enc", Role.SITE, "site", "Eastern Newtown Council", owners=("enc",), members=("enc-crown",)),
        Target("crown", Role.SITE, "site", "Shared data centre", owners=("bcw", "enc")),
        Target(
            "bcw-crown",
            Role.GROUP,
            "group",
            "bcw-crown",
            owners=("bcw",),
            members=("bcw-crown-primary", "bcw-crown-backup"),
        ),
        circuit("bcw-crown-primary", "10.20.0.1", primary, ("bcw-core-sw1", "Gi1/0/48"), ("bcw",)),
        circuit("bcw-crown-backup", "10.20.0.5", backup, ("bcw-core-sw1", "Gi1/0/47"), ("bcw",)),
        circuit("enc-crown", "10.30.0.1", single, ("crown-rt1", "Te0/0/1"), ("enc",)),
        device("crown-rt1", "router", "crown", "10.20.2.1", ("bcw", "enc")),
        device("crown-ups1", "ups", "crown", "10.20.2.9", ("bcw", "enc"), purchased=date(2019, 5, 2)),
        device("bcw-core-sw1", "switch", "bcw", "10.20.1.2", ("bcw",), depends_on=("bcw-crown",)),
        device(
            "bcw-files1",
            "server",
            "bcw",
            "10.20.1.20",
            ("bcw",),
            depends_on=("bcw-core-sw1",),
            purchased=date(2012, 3, 1),
        ),
        device("enc-core-sw1", "switch", "enc", "10.30.1.2", ("enc",), depends_on=("enc-crown",)),
        device(
            "enc-payroll",
            "server",
            "enc",
            "10.30.1.20",
            ("enc",),
            depends_on=("enc-core-sw1",),
            purchased=date(2017, 9, 12),
        ),
        service("telephony", "crown", ("bcw", "enc"), "10.20.2.5", ("crown-rt1",)),
        service("housing-management", "enc", ("enc",), "10.30.1.21", ("enc-core-sw1",)),
    ]
    return Estate(AGENT, {t.name: t for t in targets}, "crown", HardwarePolicy({"*": 7.0, "switch": 10.0}))


def device(
    name: str,
    kind: str,
    site: str,
    address: str,
    owners: tuple[str, ...],
    *,
    depends_on: tuple[str, ...] = (),
    purchased: date | None = None,
) -> Target:
    """Return a device watched by echoes and by SNMP."""
    return Target(
        name,
        Role.DEVICE,
        kind,
        name,
        site,
        owners,
        address,
        depends_on,
        purchased=purchased,
        checks=(icmp(name, address), snmp(name, address)),
        watch=("uplink*",),
    )


def service(name: str, site: str, owners: tuple[str, ...], address: str, depends_on: tuple[str, ...]) -> Target:
    """Return a service with one check."""
    return Target(
        name,
        Role.SERVICE,
        "service",
        name,
        site,
        owners,
        None,
        depends_on,
        checks=(icmp(name, address),),
        urgency=Urgency.NOW,
    )


def healthy(now: datetime) -> Picture:
    """Return the estate with nothing wrong and nothing that happened since the start."""
    began = now - timedelta(days=3, hours=2)
    picture = Picture(estate(), began, began, ready=True)
    picture.qualities = Qualities(picture.estate.targets.values())
    for number, check in enumerate(picture.estate.checks()):
        key = (check.target, check.name)
        picture.health[key] = Health(
            State.UP, began + timedelta(seconds=12), now - timedelta(seconds=2), reason="answers"
        )
        if check.type == "icmp":
            echoes(picture, check, now, 0.0004 * (number + 1))
        elif check.type == "snmp":
            detail = "342 series in 0.081 s"
            picture.observations[key] = Observation(check.target, check.name, now, Outcome.OK, detail, 0.081)
            picture.polls[check.target] = poll(check.target, now, number)
    for name in picture.estate.targets:
        picture.verdicts[name] = Verdict(State.UP, began + timedelta(seconds=12), reason="all its checks are up")
    picture.events.append(Event(EventKind.AGENT, began, began, AGENT, "", "started", "version 0.1.0 on Python 3.11"))
    return picture


def trouble(now: datetime) -> Picture:
    """Return the estate with two circuits cut, one site lost, ageing hardware and a silent SNMP agent."""
    picture = healthy(now)
    cut, first_cut = now - timedelta(minutes=4, seconds=12), now - timedelta(hours=5, minutes=40)
    silent = "no echo answered; 10.30.0.1 silent since the last reply, 12 in a row"
    _fall(picture, "enc-crown", State.DOWN, cut, silent)
    _fall(
        picture, "bcw-crown-primary", State.DOWN, first_cut, "bcw-core-sw1 says that Gi1/0/48 is down (ifOperStatus 2)"
    )
    for name in ("enc", "enc-core-sw1", "enc-payroll", "housing-management"):
        _fall(picture, name, State.UNREACHABLE, cut, "behind enc-crown, which is down", ("enc-crown",))
    group = picture.verdicts["bcw-crown"]
    picture.verdicts["bcw-crown"] = replace(
        group, marks=frozenset({Mark.REDUNDANCY_LOST}), reason="bcw-crown-backup carries on; bcw-crown-primary is down"
    )
    _slow(picture, now)
    picture.flags = _flags()
    picture.ageing = ageing(picture, now)
    picture.pages = pages(cut, first_cut)
    picture.open_outages = {
        name: Outage(number, name, verdict.state, verdict.since or now, None, verdict.reason, None, verdict.causes)
        for number, (name, verdict) in enumerate(picture.verdicts.items(), 1)
        if verdict.state in {State.DOWN, State.UNREACHABLE}
    }
    picture.events.extend(_happened(picture, first_cut, cut))
    picture.blind_seconds = {"": 4.5, "telephony": 31.0}
    picture.blind = {"telephony": Blind("telephony", "no route to 10.20.2.5", now - timedelta(seconds=20), None)}
    return picture


def _slow(picture: Picture, now: datetime) -> None:
    key, since = ("crown-ups1", "snmp"), now - timedelta(minutes=47)
    detail = "no answer from 10.20.2.9:161 within 5 s (3 tries)"
    picture.health[key] = Health(State.DOWN, since, now, 47, since, detail)
    picture.observations[key] = Observation(*key, now, Outcome.NO_ANSWER, detail)
    picture.polls["crown-ups1"] = DevicePoll(now, False, None, detail, now + timedelta(minutes=3))
    picture.verdicts["telephony"] = Verdict(
        State.DEGRADED, now - timedelta(minutes=11), (), frozenset({Mark.FLAPPING}), "loss of 3.2 % over two minutes"
    )
    picture.verdicts["bcw-files1"] = Verdict(
        State.UNKNOWN, now - timedelta(minutes=2), (), frozenset({Mark.MAINTENANCE}), "no route to 10.20.1.20"
    )


def _flags() -> dict[str, tuple[HardwareFlag, ...]]:
    age = "purchased 2012-03-01: 14 years old, the policy for servers is 7"
    battery = "upsAdvBatteryReplaceIndicator is batteryNeedsReplacing"
    return {
        "bcw-files1": (
            HardwareFlag("bcw-files1", "age_over_policy", "warning", age, "asset register, column Purchased"),
        ),
        "crown-ups1": (
            HardwareFlag("crown-ups1", "battery_replace", "critical", battery, "PowerNet-MIB"),
            HardwareFlag(
                "crown-ups1", "age_over_policy", "info", "purchased 2019-05-02: 7.5 years old", "configuration"
            ),
        ),
    }


def ageing(picture: Picture, now: datetime) -> AgeingReport:
    """Return the report of its hardware, of which some is supported and some is not, and a laptop of the register."""
    today, watched = now.date(), picture.estate
    ends = {"bcw-files1": (date(2020, 11, 30), "EL 6"), "bcw-core-sw1": (today + timedelta(days=200), "ES-48")}

    def judge(subject: Subject, policy: HardwarePolicy, today: date) -> Found:
        flags = picture.flags.get(subject.name, ())
        if subject.name not in ends:
            return Found(flags=flags)
        end, product = ends[subject.name]
        support = Support(product, product, "notice EX-1", "x.csv:2", end_of_support=end)
        return Found(None, None, support, flags) if product == "EL 6" else Found(None, support, flags=flags)

    judge_age = judges(Lifecycle()).now[0]
    rows = (AssetRow("LAP-7", "assets.csv:7", date(2019, 3, 1), {"kind": "laptop"}),)
    seen = datetime(2025, 1, 1, tzinfo=UTC)
    pieces = [Piece("crown-rt1", "EX1903", seen, seen)]
    named = replace(
        watched.targets["bcw-core-sw1"], info={"vendor": "Example Networks", "model": "ES-48", "serial": "EX2208"}
    )
    router = replace(watched.targets["crown-rt1"], info={"vendor": "Example Networks", "model": "ER-4"})
    estate = replace(watched, assets=rows, targets={**watched.targets, named.name: named, router.name: router})
    return report(estate_cases(estate, pieces, (judge, judge_age), today), now, today)


def pages(cut: datetime, first_cut: datetime) -> tuple[Page, ...]:
    """Return the critical page of the lost site and the ticket of the lost redundancy."""
    lost = ("enc", "enc-core-sw1", "enc-payroll", "housing-management")
    return (
        Page(
            "CircuitDown",
            "enc-crown",
            "critical",
            cut,
            "Circuit enc-crown is down (ExampleTel, ETH/20417)",
            "Eastern Newtown Council (enc) is cut off; enc-core-sw1, enc-payroll and housing-management "
            "cannot be reached. Owner: enc. Call ExampleTel and quote ETH/20417.",
            {
                "alertname": "CircuitDown",
                "target": "enc-crown",
                "severity": "critical",
                "supplier": "ExampleTel",
                "reference": "ETH/20417",
                "owner": "enc",
            },
            lost,
        ),
        Page(
            "RedundancyLost",
            "bcw-crown",
            "warning",
            first_cut,
            "Redundancy of bcw-crown is lost: bcw-crown-primary is down",
            "bcw-crown-backup (OtherNet, B-778) carries on alone. Call ExampleTel and quote ETH/12345.",
            {"alertname": "RedundancyLost", "target": "bcw-crown", "severity": "warning", "owner": "bcw"},
        ),
    )


def _fall(
    picture: Picture, name: str, state: State, since: datetime, reason: str, causes: tuple[str, ...] = ()
) -> None:
    picture.verdicts[name] = Verdict(state, since, causes, reason=reason)
    for check in picture.estate.targets[name].checks:
        key = (name, check.name)
        picture.health[key] = Health(state, since, since, 12, since, reason)
        if check.type == "icmp":
            totals = picture.echoes[key]
            lost = replace(
                picture.rounds[key].round,
                outcomes=np.full(10, Echo.LOST, np.uint8),
                rtts_seconds=np.full(10, np.nan),
            )
            picture.rounds[key] = train(lost)
            totals.lost += 252
            totals.sent += 252
        elif name in picture.polls:
            at = picture.polls[name].at
            picture.polls[name] = DevicePoll(at, False, None, reason, at + timedelta(minutes=3))
            picture.observations[key] = Observation(name, check.name, at, Outcome.NO_ANSWER, reason)


def learnt(picture: Picture, seen: Round) -> None:
    """Let a circuit's past have been like this round, of which one echo took longer."""
    quality = picture.qualities.get((seen.target, seen.check))
    if quality is None or picture.estate.targets[seen.target].circuit is None:
        return
    for number in range(20, -1, -1):
        back = timedelta(seconds=10 * number)
        rtts = seen.rtts_seconds.copy()
        rtts[3] *= 1.5
        sent = seen.sent_at_seconds - back.total_seconds()
        began, ended = seen.began_at - back, seen.ended_at - back
        quality.look(train(replace(seen, began_at=began, ended_at=ended, sent_at_seconds=sent, rtts_seconds=rtts)))


def echoes(picture: Picture, check: Check, now: datetime, rtt: float) -> None:
    """Let a check have seen a round of ten answered echoes."""
    key = (check.target, check.name)
    ended_at = now - timedelta(seconds=2)
    sent = ended_at.timestamp() - 10 + np.arange(10.0)
    whole = Round(
        *key, ended_at - timedelta(seconds=10), ended_at, sent, np.full(10, rtt), np.full(10, Echo.RECEIVED, np.uint8)
    )
    learnt(picture, whole)
    picture.rounds[key] = train(whole)._replace(
        rtt=[rtt, rtt * 1.1, rtt * 1.9, rtt * 1.05, rtt * 1.7],
        pdv=[rtt * 0.05, rtt * 0.7, rtt * 0.9],
        ipdv=[rtt * 0.2, rtt * 0.6, rtt * 0.9],
    )
    picture.observations[key] = Observation(
        *key, now - timedelta(seconds=2), Outcome.OK, f"10 of 10 echoes answered, {rtt * 1000:.1f} ms", rtt * 1.1
    )
    count = 9_000 + int(rtt * 1e6)
    counts = [0] * (len(RTT_BUCKETS_SECONDS) + 1)
    counts[bisect_left(RTT_BUCKETS_SECONDS, rtt)] = count
    picture.echoes[key] = EchoTotals(
        count + 3, count, 3, 1, unknown={"late loop": 2}, rtt_sum_seconds=count * rtt, rtt_counts=counts
    )


def _happened(picture: Picture, first_cut: datetime, cut: datetime) -> Iterable[Event]:
    changes = [(first_cut, "bcw-crown-primary")] + [
        (cut, n) for n in ("enc-crown", "enc", "enc-core-sw1", "enc-payroll", "housing-management")
    ]
    for number, (at, name) in enumerate(changes, 1):
        verdict = picture.verdicts[name]
        noticed = at + timedelta(seconds=2.1)
        yield Event(
            EventKind.TARGET,
            at,
            noticed,
            name,
            "up",
            str(verdict.state),
            verdict.reason,
            None,
            verdict.causes,
            (("missed", 12.0), ("last reply", "10.30.0.1")),
            id=number,
        )
    yield Event(EventKind.MARK, first_cut, first_cut, "bcw-crown", "", "redundancy_lost", "one of two circuits is left")


def poll(name: str, now: datetime, seed: int = 1) -> DevicePoll:
    """Return a successful poll with real IF-MIB text."""
    block = device_series(seed, now)
    return DevicePoll(
        now,
        True,
        0.081,
        f"{len(block)} series",
        now + timedelta(minutes=3),
        Packed(block.families),
        len(block),
        (
            Interface(1, "Gi1/0/1", "GigabitEthernet1/0/1", AdminStatus.UP, OperStatus.UP, "uplink crown", 1e9),
            Interface(2, "Gi1/0/2", "GigabitEthernet1/0/2", AdminStatus.UP, OperStatus.DOWN, "", 1e9),
        ),
        (
            Fact("vendor", "Cisco", "sysObjectID"),
            Fact("model", "WS-C3750", "ENTITY-MIB entPhysicalModelName"),
            Fact("uptime_seconds", 86400.0 * 311, "snmpEngineTime"),
        ),
        (
            Watched("Gi1/0/1", Why.UPLINK, "crown-rt1", is_down=False),
            Watched("Gi1/0/2", Why.CONFIGURED, is_down=True, since=now - timedelta(minutes=5)),
            Watched("Gi1/0/3", Why.CONFIGURED),
        ),
    )


def device_series(seed: int, now: datetime, ports: int = 4) -> SeriesBlock:
    """Return what one if_mib poll gives; the counters rise with `now`."""
    seconds = now.timestamp() % 1e7
    labels = [
        {"ifAlias": "uplink" if i == 1 else "", "ifDescr": f"Port {i}", "ifIndex": str(i), "ifName": f"Gi1/0/{i}"}
        for i in range(1, ports + 1)
    ]
    columns: dict[str, tuple[str, float]] = {
        "ifHCInOctets": ("counter", 125_000.0 * seed * seconds),
        "ifHCOutOctets": ("counter", 40_000.0 * seed * seconds),
        "ifInErrors": ("counter", float(seed)),
        "ifOutErrors": ("counter", 0.0),
        "ifInDiscards": ("counter", 0.0),
        "ifOutDiscards": ("counter", float(seed)),
        "ifAdminStatus": ("gauge", 1.0),
        "ifOperStatus": ("gauge", 1.0),
        "ifHighSpeed": ("gauge", 1000.0),
    }
    families = [Family("sysUpTime", "gauge", "Hundredths of a second", ("sysUpTime",), np.array([seconds * 100 // 1]))]
    families += [
        Family(name, kind, f"IF-MIB {name}", tuple(prefix(name, row) for row in labels), np.full(ports, value // 1))
        for name, (kind, value) in columns.items()
    ]
    return SeriesBlock(tuple(families))

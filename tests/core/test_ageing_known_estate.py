"""A small known estate, whose order of replacement was written down before it was computed, with the reasons.

Two councils (bcw, enc) share the data centre crown. Today is 2026-06-01; ages are those of the default policy.

| place | what | why there |
|---|---|---|
| 1 | core-sw | out of support and past its age, and three services of both councils hang on it alone |
| 2 | files | a power supply has failed, the other carries the files of both councils |
| 3 | old-db | 14 years old on an operating system without fixes; one service, of one council |
| 4 | crown-rtr1 | its support ends within its lead time, and the whole site enc hangs on it alone |
| 5 | enc-sw | past its age, one service hangs on it; nothing is known of its support, which does not raise it |
| 6 | ups1 | its battery has failed and it is old: most likely of all to fail, and nothing is named that depends on it |
| 7 | crown-rtr2 | the same router as crown-rtr1, but bcw goes on without it: it may wait |
| 8 | test-sw1 | old and long without support, and nobody would miss it |
| 9 | test-sw2 | its twin: equal in everything, so by name |
| 10 | LAP-7 | of the register: as likely and as harmless as test-sw1, without support since later |
| - | new-fw | everything hangs on it, and nothing speaks against it: no place |
| - | mystery | nothing is known of it: no place, and shown as unknown |
"""

from datetime import date

from agent.core.ageing import Case, Found, case_of, rank
from agent.core.consequence import Consequences
from agent.core.hardware import Support
from agent.core.hardware_policy import HardwarePolicy
from agent.core.judges import judges
from agent.core.lifecycle import Lifecycle
from agent.core.model import AssetRow, Check, CircuitFacts, Estate, HardwareFlag, Role, Target
from agent.core.subjects import Subject, of_device, of_row

TODAY = date(2026, 6, 1)
BOTH = ("bcw", "enc")


def circuit(name: str, site: str, end: str, group: str | None = None) -> Target:
    facts = CircuitFacts("ExampleTel", name, (site, "crown"), group)
    check = Check(name, f"end:{end}/Gi1", "end", 60.0, source=(end, "Gi1"))
    return Target(name, Role.CIRCUIT, "circuit", name, None, (site,), checks=(check,), circuit=facts)


def site(name: str, *members: str, owners: tuple[str, ...]) -> Target:
    return Target(name, Role.SITE, "site", name, name, owners, members=members)


def device(
    name: str, kind: str, place: str, bought: str = "", owners: tuple[str, ...] = BOTH, above: tuple[str, ...] = ()
) -> Target:
    purchased = date.fromisoformat(bought) if bought else None
    return Target(name, Role.DEVICE, kind, name, place, owners, depends_on=above, purchased=purchased)


def service(name: str, *above: str, owners: tuple[str, ...] = BOTH, place: str = "crown") -> Target:
    return Target(name, Role.SERVICE, "service", name, place, owners, depends_on=above)


TARGETS = (
    circuit("bcw-primary", "bcw", "crown-rtr1", "bcw-crown"),
    circuit("bcw-backup", "bcw", "crown-rtr2", "bcw-crown"),
    circuit("enc-crown", "enc", "crown-rtr1"),
    Target("bcw-crown", Role.GROUP, "group", "bcw-crown", owners=("bcw",), members=("bcw-primary", "bcw-backup")),
    site("crown", owners=BOTH),
    site("bcw", "bcw-primary", "bcw-backup", owners=("bcw",)),
    site("enc", "enc-crown", owners=("enc",)),
    device("core-sw", "switch", "crown", "2015-05-01"),
    device("crown-rtr1", "router", "crown", "2021-06-01"),
    device("crown-rtr2", "router", "crown", "2021-06-01"),
    device("old-db", "server", "crown", "2012-03-01", ("bcw",)),
    device("files", "storage", "crown", "2024-01-10"),
    device("ups1", "ups", "crown", "2020-05-01"),
    device("enc-sw", "switch", "enc", "2018-06-01", ("enc",), ("enc",)),
    device("test-sw2", "switch", "crown", "2010-01-01", ("bcw",)),
    device("test-sw1", "switch", "crown", "2010-01-01", ("bcw",)),
    device("new-fw", "firewall", "crown", "2025-06-01"),
    device("mystery", "appliance", "crown"),
    service("telephony", "core-sw", "new-fw", "mystery"),
    service("mail", "core-sw", "new-fw", "mystery"),
    service("payroll", "core-sw", "new-fw", owners=("enc",)),
    service("revenues", "old-db", owners=("bcw",)),
    service("documents", "files"),
    service("enc-desk", "enc-sw", owners=("enc",), place="enc"),
)
ESTATE = Estate("dc1", {target.name: target for target in TARGETS}, "crown")
LAPTOP = AssetRow("LAP-7", "assets.csv:7", date(2019, 3, 1), {"kind": "Laptop", "owner": "bcw"})


def support(product: str, end: str) -> Support:
    return Support(
        product, f"model {product}", f"notice of {product}", "x.csv:2", end_of_support=date.fromisoformat(end)
    )


SUPPORTS = {
    "core-sw": support("ES-48", "2023-10-31"),
    "crown-rtr1": support("ER-4", "2027-03-31"),
    "crown-rtr2": support("ER-4", "2027-03-31"),
    "files": support("FS-2", "2031-12-31"),
    "test-sw1": support("ES-8", "2015-12-31"),
    "test-sw2": support("ES-8", "2015-12-31"),
    "new-fw": support("EF-9", "2032-12-31"),
}
SYSTEMS = {"old-db": support("Example Linux 6", "2020-11-30"), "LAP-7": support("Example Desktop 10", "2025-10-14")}
FLAGS = {
    "files": HardwareFlag("files", "psu_failed", "critical", "power supply 2 has failed", "ENTITY-STATE-MIB"),
    "ups1": HardwareFlag("ups1", "battery_replace", "critical", "its battery failed its test", "UPS-MIB"),
}


def judge_tables(subject: Subject, policy: HardwarePolicy, today: date) -> Found:
    flags = (FLAGS[subject.name],) if subject.name in FLAGS else ()
    return Found(None, SUPPORTS.get(subject.name), SYSTEMS.get(subject.name), flags)


def ranked() -> tuple[Case, ...]:
    consequences = Consequences(ESTATE)
    subjects = [of_device(target) for target in TARGETS if target.role is Role.DEVICE]
    subjects = [*subjects, of_row(LAPTOP)]
    asked = (*judges(Lifecycle()).now, judge_tables)
    return rank(case_of(subject, asked, consequences, ESTATE, TODAY) for subject in reversed(subjects))


def test_the_order_is_as_written_down() -> None:
    assert [(case.place, case.name) for case in ranked()] == [
        (1, "core-sw"), (2, "files"), (3, "old-db"), (4, "crown-rtr1"), (5, "enc-sw"), (6, "ups1"), (7, "crown-rtr2"),
        (8, "test-sw1"), (9, "test-sw2"), (10, "LAP-7"), (None, "new-fw"), (None, "mystery"),
    ]  # fmt: skip


def test_the_reasons_are_as_written_down() -> None:
    told = {case.name: [part.detail for part in (*case.likelihood.parts, *case.consequence.parts)] for case in ranked()}
    assert told["core-sw"] == [
        "11.0 years old; policy for switch is 7 years",
        "ES-48: without support since 2023-10-31",
        "nobody has looked at its condition",
        "single point of failure: with it fails telephony, mail, payroll",
        "3 things depend on it",
        "it concerns crown",
        "shared by bcw, enc",
    ]
    assert told["crown-rtr1"][3:5] == [
        "single point of failure: with it fails enc, enc-desk, enc-crown, enc-sw",
        "4 things depend on it, 1 in part",
    ]
    assert told["crown-rtr2"][3:6] == [
        "redundant: bcw-crown goes on without it, with nothing left in reserve",
        "0 things depend on it, 1 in part",
        "it concerns bcw, crown",
    ]
    assert told["mystery"][:3] == [
        "its age is unknown", "no date of its support is known", "nobody has looked at its condition"
    ]  # fmt: skip
    assert told["LAP-7"][3] == "nothing is known: it stands in the asset register alone"
    assert told["enc-sw"][1] == "no date of its support is known"


def test_what_is_unknown_is_shown_as_unknown() -> None:
    mystery = next(case for case in ranked() if case.name == "mystery")
    assert [part.ratio for part in mystery.likelihood.parts] == [None, None, None]
    assert (mystery.likelihood.ratio, mystery.age, mystery.unsupported_from, mystery.flags) == (0.0, None, None, ())

"""A made-up council's hardware on a made-up day: what a report on ageing hardware is rendered from in tests."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final

from agent.core.ageingreport import AgeingReport, Case, Part, Side, UnknownModel
from agent.core.hardware import Age, Confidence, Fact, HardwareFlag, Support

TODAY: Final = date(2026, 11, 27)
NOW: Final = datetime(2026, 11, 27, 9, 12, 41, tzinfo=UTC)
REGISTER: Final = "asset register assets/estate.csv"
BULLETIN: Final = "Example Networks end-of-life bulletin EN-2207, table 1"
OS_TABLE: Final = "endoflife.date, products/example-os"
MODEL_SOURCE: Final = "ENTITY-MIB entPhysicalModelName.1"


def facts(vendor: str, model: str, serial: str, version: str = "") -> tuple[Fact, ...]:
    known = (
        Fact("vendor", vendor, "ENTITY-MIB entPhysicalMfgName.1"),
        Fact("model", model, MODEL_SOURCE),
        Fact("serial", serial, "ENTITY-MIB entPhysicalSerialNum.1"),
        Fact("software_version", version, "rule examplenet.yaml:14 on sysDescr", Confidence.DERIVED),
    )
    return tuple(fact for fact in known if fact.value)


def bought(year: int, month: int, line: int) -> Age:
    return Age(date(year, month, 1), False, f"{REGISTER}:{line}, column Purchase date", Confidence.STATED)


def ends(product: str, end: date, *, fixes: date | None = None, source: str = BULLETIN, line: int = 7) -> Support:
    return Support(product, f"model {product}", source, f"examplenet.csv:{line}", date(2026, 9, 1),
                   end_of_support=end, end_of_security_fixes=fixes)  # fmt: skip


def likely(name: str, weight: float, because: str, source: str, confidence: Confidence = Confidence.STATED) -> Part:
    return Part(Side.LIKELIHOOD, name, weight, because, source, confidence)


def then(name: str, weight: float, because: str, source: str = "configuration") -> Part:
    return Part(Side.CONSEQUENCE, name, weight, because, source)


def flag(target: str, reason: str, severity: str, detail: str, source: str) -> HardwareFlag:
    return HardwareFlag(target, reason, severity, detail, source)


def _core() -> Case:
    name, product = "bcw-core-sw1", "EN-4510R"
    return Case(
        name, "switch", "Core switch, Borough Hall", "bcw", ("bcw", "enc"), True, 1, 0.92, 0.95,
        (
            likely("support", 0.5, "no support since 31 January 2021", BULLETIN),
            likely("age", 0.27, "14.7 years old; the policy for a switch is 8 years", f"{REGISTER}:3, column Purchase date"),
            likely("wear", 0.15, "power supply 2 has failed", "ENTITY-STATE-MIB entStateOper.1004"),
            then("dependents", 0.5, "31 devices and 6 services depend on it"),
            then("single_point", 0.35, "nothing takes over from it", "configuration, learnt neighbours (LLDP)"),
            then("sites", 0.1, "2 sites depend on it"),
        ),
        (
            flag(name, "psu_failed", "critical", "power supply 2 has failed", "ENTITY-STATE-MIB entStateOper.1004"),
            flag(name, "end_of_support", "warning", "no support since 2021-01-31", BULLETIN),
            flag(name, "age_over_policy", "warning", "bought 2012-03-01, 14.7 years; policy for switch is 8 years", REGISTER),
        ),
        facts("Example Networks", product, "XN12340001", "7.2.14"),
        bought(2012, 3, 3),
        (ends(product, date(2021, 1, 31), fixes=date(2021, 1, 31)),),
    )  # fmt: skip


def _server() -> Case:
    name, system = "crown-sql1", "Example OS 9"
    return Case(
        name, "server", "Payments database", "crown", ("bcw", "enc"), True, 2, 0.8, 0.85,
        (
            likely("support", 0.45, "its operating system gets no security fixes since 10 October 2023", OS_TABLE),
            likely("wear", 0.2, "disk 3 has 128 reallocated sectors, 40 of them this month", "smartctl, sdc"),
            likely("age", 0.15, "9.1 years old; the policy for a server is 6 years", "vendor date of the BIOS", Confidence.DERIVED),
            then("dependents", 0.6, "payments, revenues and benefits depend on it"),
            then("single_point", 0.25, "nothing takes over from it"),
        ),
        (
            flag(name, "os_end_of_life", "warning", "no security fixes since 2023-10-10", OS_TABLE),
            flag(name, "disk_wear", "warning", "disk 3: 128 reallocated sectors", "smartctl, sdc"),
        ),
        (
            *facts("Example Servers", "R-740", "SV0098812"),
            Fact("operating_system", "Example OS 9", "HOST-RESOURCES-MIB hrSWInstalledName"),
        ),
        Age(date(2017, 10, 20), False, "BIOS date in DMI table 0", Confidence.DERIVED),
        (
            ends("R-740", date(2027, 6, 30), source="Example Servers support page, R series", line=21),
            Support(system, "operating system Example OS 9", OS_TABLE, "endoflife:example-os/9", date(2026, 9, 1),
                    end_of_security_fixes=date(2023, 10, 10)),
        ),
    )  # fmt: skip


def _ups() -> Case:
    name = "crown-ups1"
    return Case(
        name, "ups", "UPS of rack A", "crown", ("bcw", "enc"), True, 3, 0.55, 0.8,
        (
            likely("wear", 0.4, "the UPS says that its battery is to be replaced", "PowerNet-MIB upsAdvBatteryReplaceIndicator.0"),
            likely("age", 0.15, "the battery is 6.4 years old; the policy is 4 years", "PowerNet-MIB upsBasicBatteryLastReplaceDate.0"),
            then("dependents", 0.8, "12 devices hang on it"),
        ),
        (
            flag(name, "battery_replace", "critical", "the device says that its battery needs to be replaced",
                 "PowerNet-MIB upsAdvBatteryReplaceIndicator.0"),
            flag(name, "unknown_lifecycle", "info", "no support date is known of PowerBox 3000", "no lifecycle table"),
        ),
        facts("PowerBox", "PowerBox 3000", "PB77120"),
        Age(date(2025, 1, 14), True, "first seen by the agent", Confidence.ASSUMED),
    )  # fmt: skip


def _switch(number: int, rank: int, end: date, year: int, site: str) -> Case:
    name, product = f"{site}-sw{number}", "EN-2960X" if end < TODAY else "EN-9200L"
    over = end < TODAY
    years = TODAY.year - year
    owners = {"bcw": ("bcw",), "enc": ("enc",), "crown": ("bcw", "enc")}[site]
    said = f"{'no support since' if over else 'support ends on'} {end:%-d %B %Y}"
    return Case(
        name, "switch", "", site, owners, True, rank, 0.6, 0.4 - number / 50,
        (
            likely("support", 0.4 if over else 0.2, said, BULLETIN),
            likely("age", 0.15, f"{years}.7 years old; the policy for a switch is 8 years", REGISTER),
            then("dependents", 0.3, f"{14 - number} devices depend on it"),
        ),
        (flag(name, "end_of_support" if over else "end_of_support_soon", "warning", said, BULLETIN),),
        facts("Example Networks", product, f"XN2200{number:04}", "15.2.7"),
        bought(year, 3, 20 + number),
        (ends(product, end, line=9),),
    )  # fmt: skip


def _desktop(number: int) -> Case:
    site = "bcw" if number % 3 else "enc"
    system = ends("Example Desktop OS 22H2", date(2025, 10, 14), source=OS_TABLE, line=40)
    return Case(
        f"pc-{1000 + number}", "desktop", "", site, (site,), False, 14 + number, 0.45, 0.05,
        (
            likely("support", 0.45, "its operating system gets no security fixes since 14 October 2025", OS_TABLE),
            then("dependents", 0.05, "one workplace"),
        ),
        (flag(f"pc-{1000 + number}", "os_end_of_life", "warning", "no security fixes since 2025-10-14", OS_TABLE),),
        (Fact("model", "MiniDesk 400", f"{REGISTER}:{60 + number}"), Fact("serial", f"MD{number:05}", f"{REGISTER}:{60 + number}")),
        bought(2017, 9, 60 + number),
        (system,),
    )  # fmt: skip


def _quiet(name: str, kind: str, site: str, end: date | None, model: str) -> Case:
    owners = {"bcw": ("bcw",), "enc": ("enc",), "crown": ("bcw", "enc")}.get(site, ())
    return Case(
        name, kind, "", site or None, owners, facts=facts("Example Networks", model, ""),
        age=Age(date(2024, 4, 2), True, "first seen by the agent", Confidence.ASSUMED),
        support=(ends(model, end, line=30),) if end is not None else (),
        flags=() if end is not None else (flag(name, "unknown_lifecycle", "info", f"no support date is known of {model}", "no table"),),
    )  # fmt: skip


def estate() -> AgeingReport:
    """Return the report on forty-two pieces of hardware."""
    over, soon, late = date(2023, 10, 31), date(2027, 5, 31), date(2027, 12, 31)
    switches = [
        _switch(number, 3 + number, over if number < 6 else soon if number < 9 else late, 2012 + number // 3,
                ("bcw", "enc", "crown")[number % 3])
        for number in range(1, 12)
    ]  # fmt: skip
    quiet = [
        *(_quiet(f"bcw-ap{number}", "access_point", "bcw", date(2030, 3, 31), "EN-AP55") for number in range(1, 6)),
        *(_quiet(f"enc-ap{number}", "access_point", "enc", None, "EN-AP20") for number in range(1, 5)),
        _quiet("enc-fw1", "firewall", "enc", date(2029, 6, 30), "EN-FW600"),
        _quiet("crown-san1", "storage", "crown", date(2033, 1, 31), "EN-S20"),
        _quiet("printer-3f", "printer", "", None, ""),
    ]
    cases = (_core(), _server(), _ups(), *switches, *(_desktop(number) for number in range(1, 17)), *quiet)
    return AgeingReport(
        "dc1", NOW, TODAY, cases,
        (
            UnknownModel("Example Networks", "EN-AP20", tuple(f"enc-ap{number}" for number in range(1, 5))),
            UnknownModel("PowerBox", "PowerBox 3000", ("crown-ups1",)),
            UnknownModel("Example Networks", None, ("printer-3f",)),
        ),
        ("2 devices did not answer within the last day; what is said of them is older.",),
    )  # fmt: skip


HOSTILE: Final = (
    '<script src="http://evil.example/x.js"></script><img src=x onerror=alert(1)>&"\'\x00\x1b[2J\u202e\ud800'
)


def hostile() -> AgeingReport:
    """Return the report with every name, title and text taken from somebody who means harm."""
    whole = estate()
    first, *rest = whole.cases
    bad = replace(
        first, target=HOSTILE, title=HOSTILE, kind=HOSTILE, site=HOSTILE, owners=(HOSTILE, "=cmd|' /C calc'!A0"),
        parts=tuple(replace(part, because=HOSTILE, source=HOSTILE, name=HOSTILE) for part in first.parts),
        flags=tuple(replace(one, reason=HOSTILE, detail=HOSTILE, source=HOSTILE) for one in first.flags),
        facts=tuple(Fact(fact.name, HOSTILE, HOSTILE) for fact in first.facts),
        support=tuple(replace(one, product=HOSTILE, matched=HOSTILE, source=HOSTILE) for one in first.support),
    )  # fmt: skip
    return replace(
        whole, agent=HOSTILE, cases=(bad, *rest), notes=(HOSTILE,),
        unknown_models=(UnknownModel(HOSTILE, HOSTILE, (HOSTILE,)),),
    )  # fmt: skip

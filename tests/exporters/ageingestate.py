"""A made-up council's hardware on a made-up day: what a report on ageing hardware is rendered from in tests."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from agent.core.ageing import Case, Found, findings, rank
from agent.core.ageing_report import AgeingReport, report
from agent.core.consequence import Lost
from agent.core.hardware import Age, Confidence, Fact, Hardware, HardwareFlag, Piece, Reason, Support
from agent.core.hardware_policy import HardwarePolicy
from agent.core.model import AssetRow, Role, Target
from agent.core.risk import Part, Risk
from agent.core.subjects import Subject, of_device, of_row

TODAY: Final = date(2026, 11, 27)
NOW: Final = datetime(2026, 11, 27, 9, 12, 41, tzinfo=UTC)
REGISTER: Final = "assets/estate.csv"
BULLETIN: Final = "Example Networks end-of-life bulletin EN-2207, table 1"
OS_TABLE: Final = "endoflife.date, example-os"
OWNERS: Final = {"bcw": ("bcw",), "enc": ("enc",), "crown": ("bcw", "enc")}


def device(name: str, kind: str, site: str | None, title: str = "", *, model: str = "",
           vendor: str = "Example Networks", serial: str = "", pieces: tuple[Piece, ...] = ()) -> Subject:  # fmt: skip
    facts = (
        Fact("vendor", vendor, "ENTITY-MIB entPhysicalMfgName.1"),
        Fact("model", model, "ENTITY-MIB entPhysicalModelName.1"),
        Fact("serial", serial, "ENTITY-MIB entPhysicalSerialNum.1"),
        Fact("software_version", "15.2.7" if model else "", "identity/example.yaml:14 on sysDescr", Confidence.DERIVED),
    )
    target = Target(name, Role.DEVICE, kind, title or name, site=site, owners=OWNERS.get(site or "", ()))
    return of_device(target, hardware=Hardware(NOW, tuple(f for f in facts if f.value)), pieces=pieces)


def bought(year: int, month: int, line: int) -> Age:
    return Age(date(year, month, 1), False, f"{REGISTER}:{line}, purchase date", Confidence.STATED)


def ends(product: str, end: date, *, source: str = BULLETIN, line: int = 7, fixes: date | None = None) -> Support:
    return Support(product, f"model {product}", source, f"example.csv:{line}", date(2026, 9, 1),
                   end_of_support=end, end_of_security_fixes=fixes)  # fmt: skip


def system(name: str, fixes: date) -> Support:
    return Support(name, f"operating system {name}", OS_TABLE, "endoflife/example-os.json", date(2026, 9, 1),
                   end_of_security_fixes=fixes)  # fmt: skip


def flag(name: str, reason: Reason, severity: str, detail: str, source: str) -> HardwareFlag:
    return HardwareFlag(name, reason, severity, detail, source)


def judge(subject: Subject, found: Found, lost: Lost) -> Case:
    return findings(subject, found, lost, HardwarePolicy(), TODAY)


def old(name: str, age: Age) -> HardwareFlag:
    return flag(name, Reason.AGE_OVER_POLICY, "warning", f"bought {age.since}; older than the policy", age.source)


def _core() -> Case:
    name, age = "bcw-core-sw1", bought(2012, 3, 3)
    then = datetime(2025, 1, 14, tzinfo=UTC)
    pieces = (Piece(name, "XN11110001", then, then + timedelta(days=200), then + timedelta(days=201)),
              Piece(name, "XN12340001", then + timedelta(days=201), NOW))  # fmt: skip
    flags = (
        flag(name, Reason.PSU_FAILED, "critical", "power supply 2 has failed", "ENTITY-STATE-MIB entStateOper.1004"),
        flag(name, Reason.END_OF_SUPPORT, "warning", "EN-4510R: no support since 2021-01-31", BULLETIN),
        old(name, age),
    )
    lost = Lost(("bcw-sw3", "bcw-sw6", "bcw-sw9", "telephony", "revenues", "crm"), (), ("bcw", "crown"), ("bcw", "enc"))
    return judge(
        device(name, "switch", "bcw", "Core switch, Borough Hall", model="EN-4510R", serial="XN12340001",
               pieces=pieces),
        Found(age, ends("EN-4510R", date(2021, 1, 31), fixes=date(2021, 1, 31)), flags=flags), lost,
    )  # fmt: skip


def _server() -> Case:
    name = "crown-sql1"
    flags = (
        flag(
            name, Reason.DISK_WEAR, "warning", "disk 3: 128 reallocated sectors, 40 of them this month", "smartctl sdc"
        ),
        flag(name, Reason.OS_END_OF_LIFE, "warning", "Example OS 9: no security fixes since 2023-10-10", OS_TABLE),
    )
    age = Age(date(2017, 10, 20), False, "BIOS date, SMBIOS table 0", Confidence.DERIVED)
    found = Found(age, ends("R-740", date(2027, 6, 30), source="Example Servers support page, R series", line=21),
                  system("Example OS 9", date(2023, 10, 10)), flags)  # fmt: skip
    subject = device(
        name, "server", "crown", "Payments database", vendor="Example Servers", model="R-740", serial="SV98812"
    )
    return judge(subject, found, Lost(("payments", "revenues"), (), ("crown", "bcw", "enc"), ("bcw", "enc")))


def _ups() -> Case:
    name = "crown-ups1"
    flags = (
        flag(name, Reason.BATTERY_REPLACE, "critical", "the device says that its battery needs to be replaced",
             "PowerNet-MIB upsAdvBatteryReplaceIndicator.0"),
        flag(name, Reason.UNKNOWN_LIFECYCLE, "info", "PowerBox 3000 is in no lifecycle table", "lifecycle tables"),
    )  # fmt: skip
    age = Age(date(2025, 1, 14), True, "first seen by the agent", Confidence.ASSUMED)
    subject = device(name, "ups", "crown", "UPS of rack A", vendor="PowerBox", model="PowerBox 3000", serial="PB77120")
    return judge(subject, Found(age, flags=flags), Lost(("crown-sql1", "payments"), (), ("crown",), ("bcw", "enc")))


def _switch(number: int) -> Case:
    site = ("bcw", "enc", "crown")[number % 3]
    name, age = f"{site}-sw{number}", bought(2012 + number // 3 if number < 9 else 2020, 3, 20 + number)
    end = date(2023, 10, 31) if number < 6 else date(2027, 5, 31) if number < 9 else date(2028, 12, 31)
    reason, said = ((Reason.END_OF_SUPPORT, "no support since") if end < TODAY else
                    (Reason.END_OF_SUPPORT_SOON, "support ends on"))  # fmt: skip
    model = "EN-2960X" if end < TODAY else "EN-9200L"
    flags = (flag(name, reason, "warning", f"{model}: {said} {end}", BULLETIN), old(name, age)) if number < 9 else ()
    users = tuple(f"{site}-ap{one}" for one in range(1, 8 - number // 2))
    lost = Lost((), users[:1], (site,), OWNERS[site]) if number % 2 else Lost(users, (), (site,), OWNERS[site])
    return judge(device(name, "switch", site, model=model, serial=f"XN2200{number:04}"),
                 Found(age, ends(model, end, line=9), flags=flags), lost)  # fmt: skip


def _desktop(number: int) -> Case:
    site, name = "bcw" if number % 3 else "enc", f"pc-{1000 + number}"
    columns = {"kind": "desktop", "site": site, "owner": site, "model": "MiniDesk 400", "serial": f"MD{number:05}"}
    row = AssetRow(name, f"{REGISTER}:{60 + number}", date(2020, 9, 1), columns)
    subject = replace(of_row(row), kind="desktop", site=site, owners=(site,))
    fixes = date(2025, 10, 14)
    flags = (
        flag(
            name, Reason.OS_END_OF_LIFE, "warning", f"Example Desktop 22H2: no security fixes since {fixes}", OS_TABLE
        ),
    )
    found = Found(bought(2020, 9, 60 + number), None, system("Example Desktop 22H2", fixes), flags)
    return judge(subject, found, Lost())


def _quiet(name: str, kind: str, site: str | None, end: date | None, model: str) -> Case:
    unknown = (
        flag(name, Reason.UNKNOWN_LIFECYCLE, "info", f"{model or name} is in no lifecycle table", "lifecycle tables"),
    )
    age = Age(date(2024, 4, 2), True, "first seen by the agent", Confidence.ASSUMED) if model else None
    found = Found(age, ends(model, end, line=30) if end else None, flags=() if end else unknown)
    return judge(device(name, kind, site, model=model), found, Lost(owners=OWNERS.get(site or "", ())))


def cases() -> tuple[Case, ...]:
    """Return the ranked cases of forty-two pieces of hardware."""
    return rank((
        _core(), _server(), _ups(), *(_switch(number) for number in range(1, 12)),
        *(_desktop(number) for number in range(1, 17)),
        *(_quiet(f"bcw-ap{number}", "access_point", "bcw", date(2030, 3, 31), "EN-AP55") for number in range(1, 6)),
        *(_quiet(f"enc-ap{number}", "access_point", "enc", None, "EN-AP20") for number in range(1, 5)),
        _quiet("enc-fw1", "firewall", "enc", date(2029, 6, 30), "EN-FW600"),
        _quiet("crown-san1", "storage", "crown", date(2033, 1, 31), "EN-S20"),
        _quiet("printer-3f", "printer", None, None, ""),
    ))  # fmt: skip


def estate() -> AgeingReport:
    """Return the report on them."""
    return report(cases(), NOW, TODAY)


HOSTILE: Final = (
    '<script src="http://evil.example/x.js"></script><img src=x onerror=alert(1)>&"\'\x00\x1b[2J\u202e\ud800'
)
FORMULA: Final = "=cmd|' /C calc'!A0"


def hostile() -> AgeingReport:
    """Return the report with the first one's texts taken from somebody who means harm."""
    first, *rest = cases()
    parts = tuple(Part(HOSTILE, part.ratio, part.weight, HOSTILE, HOSTILE) for part in first.likelihood.parts)
    assert first.support is not None
    bad = replace(
        first, name=HOSTILE, title=FORMULA, kind=HOSTILE, site=HOSTILE, owners=(HOSTILE, FORMULA), register=HOSTILE,
        facts=tuple(Fact(fact.name, HOSTILE, HOSTILE) for fact in first.facts),
        flags=tuple(replace(one, reason=HOSTILE, detail=HOSTILE, source=HOSTILE) for one in first.flags),
        support=replace(first.support, product=HOSTILE, matched=HOSTILE, source=HOSTILE, table=HOSTILE),
        likelihood=Risk(parts, first.likelihood.ratio), pieces=tuple(replace(p, serial=HOSTILE) for p in first.pieces),
    )  # fmt: skip
    return report((bad, *rest), NOW, TODAY)

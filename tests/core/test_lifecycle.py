"""Until when something is supported: by which row, how sure, and what other rows say."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from agent.core.hardware import Confidence, Fact, Hardware, HardwareFlag, Support
from agent.core.lifecycle import Lifecycle, Row, differences
from agent.core.releases import Names
from agent.core.supportflags import flags

CHECKED = date(2026, 9, 1)


def row(vendor: str, pattern: str, end: str, release: str = "", **more: object) -> Row:
    day = date.fromisoformat(end)
    values = {"source": "a notice", "table": f"t.csv:{len(pattern)}", "checked_on": CHECKED, **more}
    if release:
        return Row(vendor, pattern, release, end_of_security_fixes=day, **values)  # type: ignore[arg-type]
    return Row(vendor, pattern, release, end_of_support=day, **values)  # type: ignore[arg-type]


HARDWARE = Lifecycle(
    (
        row("Cisco", "WS-C3850*", "2025-10-31"),
        row("Cisco", "WS-C3850-24*", "2025-11-30"),
        row("Cisco", "WS-C3850-24T-S", "2025-12-31"),
        row("Cisco", "ASR1001-X", "2027-07-31"),
        row("Cisco Meraki", "MX100", "2027-02-01"),
        row("Juniper", "MX1*", "2030-01-01"),
        row("HPE", "J9???A", "2024-01-01"),
        row("", "Thin Client 5", "2023-01-01"),
        row("Fortinet", "FortiGate-100E", "2026-08-17"),
        row("APC", "Smart_UPS 30*", "2026-01-01"),
    )
)


@pytest.mark.parametrize(
    ("vendor", "model", "expected"),
    [
        ("Cisco Systems, Inc.", "WS-C3850-48P-E", ("2025-10-31", Confidence.DERIVED)),
        ("Cisco", "ws-c3850-24p", ("2025-11-30", Confidence.DERIVED)),  # the most specific pattern wins
        ("Cisco", "WS-C3850-24T-S", ("2025-12-31", Confidence.STATED)),
        ("Cisco", "Cisco ASR1001-X", ("2027-07-31", Confidence.STATED)),
        ("", "Catalyst switch  WS-C3850-48P-E (Town Hall)", ("2025-10-31", Confidence.ASSUMED)),
        ("", "Cisco ASR1001-X", ("2027-07-31", Confidence.STATED)),  # the text names the vendor
        ("", "ASR1001-X", ("2027-07-31", Confidence.ASSUMED)),
        ("Cisco", "MX100", ("2027-02-01", Confidence.STATED)),
        ("Juniper Networks", "MX100", ("2030-01-01", Confidence.DERIVED)),
        ("", "MX100", None),  # of two makers, nobody knows which
        ("HP", "J9021A", ("2024-01-01", Confidence.DERIVED)),
        ("HP", "J90211A", None),
        ("", "HPE J9021A", ("2024-01-01", Confidence.DERIVED)),
        ("Dell", "SHPE J9021A", None),  # a short name counts as a word only
        ("Wyse", "Thin Client 5", ("2023-01-01", Confidence.STATED)),  # a row that names no vendor
        ("Fortinet", "FortiGate 100E", ("2026-08-17", Confidence.STATED)),  # as its rule of identity writes it
        ("Fortinet", "fortigate_100e", ("2026-08-17", Confidence.STATED)),
        ("Fortinet", "FortiGate Rugged 100E", None),
        ("Fortinet", "FortiGate 1100E", None),
        ("APC", "Smart-UPS 3000", ("2026-01-01", Confidence.DERIVED)),
        ("Arista", "ASR1001-X", None),
        ("Cisco", "WS-C9300-24T", None),
        ("Cisco", "", None),
    ],
)
def test_hardware(vendor: str, model: str, expected: tuple[str, Confidence] | None) -> None:
    found = HARDWARE.of_hardware(vendor, model)
    assert (found and (str(found.end_of_support), found.confidence)) == expected


def test_what_other_rows_say_is_kept() -> None:
    found = HARDWARE.of_hardware("Cisco", "WS-C3850-24T-S")
    assert found is not None
    assert found.matched == "model WS-C3850-24T-S"
    assert (found.product, found.source, found.table) == ("Cisco WS-C3850-24T-S", "a notice", "t.csv:14")
    assert found.overruled == (
        "t.csv:12 says end of support 2025-11-30 for Cisco WS-C3850-24*, not 2025-12-31 as t.csv:14",
        "t.csv:9 says end of support 2025-10-31 for Cisco WS-C3850*, not 2025-12-31 as t.csv:14",
    )


def test_the_users_rows_win_however_wide_they_are() -> None:
    mine = row("Cisco", "WS-C38*", "2026-01-01", own=True, table="mine.csv:2")
    found = Lifecycle((*HARDWARE.rows, mine)).of_hardware("Cisco", "WS-C3850-24T-S")
    assert found is not None
    assert found.end_of_support == date(2026, 1, 1)
    assert len(found.overruled) == 3


def test_of_two_alike_the_one_that_was_checked_last_wins() -> None:
    old, new = row("A", "M1", "2024-01-01", checked_on=date(2020, 1, 1)), row("A", "M1", "2025-01-01")
    for rows in ((old, new), (new, old)):
        found = Lifecycle(rows).of_hardware("A", "M1")
        assert found is not None
        assert found.end_of_support == date(2025, 1, 1)


def test_only_days_that_both_rows_know_can_differ() -> None:
    assert list(differences(row("A", "M", "2024-01-01"), row("A", "m", "2024-01-01", release="1"))) == []


NAMES = Names({("windows", "server"): "windows-server", ("ubuntu",): "ubuntu"})
SOFTWARE = Lifecycle(
    (
        row("", "windows-server", "2023-10-10", "2012-r2"),
        row("", "windows-server", "2015-07-14", "2003-sp2"),
        row("", "windows-server", "2007-04-10", "2003"),
        row("Juniper", "Junos", "2022-06-22", "18.4"),
        row("", "ubuntu", "2027-04-01", "22.04"),
        row("", "!", "2027-04-01", "1"),
        row("", "ubuntu", "2032-04-01", "22.04", own=True, table="mine.csv:2"),
        Row("", "ubuntu", "30.04", "s", "t.csv:9"),  # no end is set
    ),
    NAMES,
)


@pytest.mark.parametrize(
    ("texts", "version", "expected"),
    [
        (["Windows Server 2012 R2"], "", ("2023-10-10", Confidence.STATED, "software Windows Server 2012 R2")),
        (
            ["Windows Server 2003"],
            "",
            (
                "2015-07-14",
                Confidence.ASSUMED,
                "software Windows Server 2003, which can be 2 releases: the one supported longest",
            ),
        ),
        (["junos"], "18.4R2", ("2022-06-22", Confidence.STATED, "software junos 18.4R2")),  # as its table calls it
        (["Linux", "Ubuntu 30.04.1"], "30.04.1", ("None", Confidence.STATED, "software Ubuntu 30.04.1")),
        (["Ubuntu 12.04"], "", None),
        (
            ["Windows"],
            "2012 R2 (NT 6.3)",
            ("2023-10-10", Confidence.STATED, "software Windows Server 2012 R2 (NT 6.3)"),
        ),
        (["Windows"], "10", None),
        (["Linux 5.10"], "", None),
        ([], "1", None),
    ],
)
def test_software(texts: list[str], version: str, expected: tuple[str, Confidence, str] | None) -> None:
    found = SOFTWARE.of_software(texts, version)
    assert (found and (str(found.end_of_security_fixes), found.confidence, found.matched)) == expected


def test_one_release_that_it_can_be_is_still_assumed() -> None:
    found = Lifecycle((row("", "windows-server", "2020-01-14", "2008-r2-sp1"),), NAMES).of_software(
        ["Windows Server 2008 R2"]
    )
    assert found is not None
    assert (found.confidence, found.matched) == (Confidence.ASSUMED, "software Windows Server 2008 R2")


def test_the_users_release_wins() -> None:
    found = SOFTWARE.of_software(["Ubuntu 22.04.3 LTS"])
    assert found is not None
    assert (found.end_of_security_fixes, found.table) == (date(2032, 4, 1), "mine.csv:2")
    (said,) = found.overruled
    assert said == "t.csv:6 says end of security fixes 2027-04-01 for ubuntu 22.04, not 2032-04-01 as mine.csv:2"


def test_a_device_by_what_it_says_of_itself() -> None:
    def seen(**facts: str) -> Hardware:
        return Hardware(
            datetime(2026, 1, 1, tzinfo=UTC), tuple(Fact(name, value, "s") for name, value in facts.items())
        )

    tables = Lifecycle(HARDWARE.rows + SOFTWARE.rows, NAMES)
    hardware, system = tables.of_device(
        seen(vendor="Cisco", model="ASR1001-X", operating_system="JunOS", software="x", software_version="18.4R1")
    )
    assert hardware is not None
    assert hardware.end_of_support == date(2027, 7, 31)
    assert system is not None
    assert system.end_of_security_fixes == date(2022, 6, 22)
    assert tables.of_device(seen(software="Ubuntu 22.04"))[1] is not None
    assert tables.of_device(seen()) == (None, None)


def test_a_hostile_model_and_pattern_cost_nothing() -> None:
    tables = Lifecycle((row("", "a*a*a*a*b", "2024-01-01"),))
    assert tables.of_hardware("", "a" * 100_000) is None


# ------------------------------------------------------------------ flags


TODAY = date(2026, 11, 27)
PAST, SOON, LATER = date(2026, 11, 26), date(2027, 5, 1), date(2030, 1, 1)


def support(**days: date) -> Support:
    return replace(Support("Cisco X", "model X", "a notice", "t.csv:2", CHECKED), **days)  # type: ignore[arg-type]


def told(found: tuple[HardwareFlag, ...]) -> list[tuple[str, str, date | None]]:
    return [(flag.reason, flag.severity, flag.due) for flag in found]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ({"end_of_support": PAST, "end_of_sale": PAST}, [("end_of_support", "warning", PAST)]),
        ({"end_of_support": TODAY}, [("end_of_support_soon", "info", TODAY)]),  # the last day is still supported
        ({"end_of_support": SOON}, [("end_of_support_soon", "info", SOON)]),
        ({"end_of_support": LATER}, []),
        (
            {"end_of_support": SOON, "end_of_security_fixes": PAST},
            [("end_of_support_soon", "info", SOON), ("end_of_security_fixes", "warning", PAST)],
        ),
        (
            {"end_of_support": LATER, "end_of_software_maintenance": PAST, "end_of_sale": PAST},
            [("end_of_software_maintenance", "info", PAST), ("end_of_sale", "info", PAST)],
        ),
        ({"end_of_security_fixes": SOON, "end_of_sale": SOON}, []),
        ({}, []),
    ],
)
def test_flags_of_hardware(days: dict[str, date], expected: list[tuple[str, str, date | None]]) -> None:
    assert told(flags("sw1", support(**days), None, TODAY, 365)) == expected


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ({"end_of_security_fixes": PAST, "end_of_support": LATER}, [("os_end_of_life", "warning", PAST)]),
        ({"end_of_support": PAST}, [("os_end_of_life", "warning", PAST)]),
        ({"end_of_security_fixes": SOON}, [("os_end_of_life_soon", "info", SOON)]),
        ({"end_of_security_fixes": LATER}, []),
        ({"end_of_software_maintenance": PAST}, []),
    ],
)
def test_flags_of_the_system(days: dict[str, date], expected: list[tuple[str, str, date | None]]) -> None:
    assert told(flags("sw1", None, support(**days), TODAY, 365)) == expected


def test_a_flag_says_where_it_stands() -> None:
    (flag,) = flags("sw1", support(end_of_support=PAST), None, TODAY, 365)
    assert flag.detail == "support of Cisco X ended 2026-11-26 (model X)"
    assert flag.source == "a notice [t.csv:2, checked 2026-09-01]"
    assert flag.confidence is Confidence.STATED
    assumed = Support("Y", "Y, one of 2", "s", "t:1", end_of_security_fixes=SOON, confidence=Confidence.ASSUMED)
    (flag,) = flags("sw1", None, assumed, TODAY, 365)
    assert flag.detail == "security fixes of Y end 2027-05-01, at the latest (Y, one of 2)"
    assert flag.source == "s [t:1]"


def test_what_is_unknown_is_said_to_be() -> None:
    (flag,) = flags("sw1", None, None, TODAY, 365, model="C9300")
    assert (flag.reason, flag.severity, flag.due) == ("unknown_lifecycle", "info", None)
    assert flag.detail == "no lifecycle table has C9300: its support dates are unknown"
    assert flags("sw1", None, None, TODAY, 365) == ()

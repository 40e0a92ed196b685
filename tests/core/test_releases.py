"""Which release a text means."""

import pytest

from agent.core.releases import Cycle, Names, Release, cycle_of, matching, read, words_of

NAMES = Names(
    {
        ("windows",): "windows",
        ("windows", "server"): "windows-server",
        ("ios", "xe"): "ios-xe",
        ("junos",): "junos",
        ("prism",): "prism",
        ("exchange", "server"): "exchange",
        ("sql", "server"): "mssql",
        ("sles",): "sles",
    },
    {
        "windows": {
            "pro": ("w", "edition"),
            "enterprise": ("e", "edition"),
            "iot": ("iot", "edition"),
            "ltsc": ("lts", "told"),
            "2021": ("21h2", ""),
            "64": ("", ""),
            "xp": ("5", ""),
        },
        "mssql": {"2016": ("13.0", "")},
        "sles": {"sp4": (".4", "minor"), "sp5": (".5", "minor")},
    },
)
CYCLES = {
    "windows": ["11-23h2-e", "11-23h2-w", "10-22h2", "10-21h2-iot-lts", "10-21h2-e-lts", "8.1", "8", "7-sp1", "5-sp3"],
    "windows-server": ["2016", "2012-r2", "2012", "2008-r2-sp1", "2003-sp2", "2003-sp1", "2003"],
    "ios-xe": ["17.12", "17.9", "17.3", "16.12"],
    "junos": ["18.4", "15.1x53", "15.1"],
    "prism": ["pc.2024", "pc.2023"],
    "exchange": ["subscription", "2019"],
    "mssql": ["13.0-sp3", "13.0"],
    "sles": ["15.4", "12.5", "12.4"],
}


def found(text: str, version: str = "") -> tuple[list[str], bool] | None:
    release = read(text, version, NAMES)
    if release is None:
        return None
    cycles = CYCLES[release.product]
    numbers, certain = matching(release, [cycle_of(cycle) for cycle in cycles], NAMES)
    return [cycles[number] for number in numbers], certain


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        ("Windows Server 2012 R2 Standard", "", (["2012-r2"], True)),
        ("Windows Server 2012 Datacenter", "", (["2012"], True)),
        ("Windows Server", "2012 R2 (NT 6.3, build 9600)", (["2012-r2"], True)),  # what stands in brackets is an aside
        ("Windows", "11 23H2 (NT 10.0, build 22631)", (["11-23h2-e", "11-23h2-w"], False)),
        ("IOS XE", "17.9(4)a", (["17.9"], True)),
        ("Microsoft Windows Server 2016", "10.0.14393", (["2016"], True)),  # the name says it: not the version
        ("Windows Server 2008 R2", "", (["2008-r2-sp1"], False)),  # which service pack, nobody says
        ("Windows Server 2003", "", (["2003", "2003-sp2", "2003-sp1"], False)),
        ("Windows Server 2003 SP1", "", (["2003-sp1"], True)),
        ("Windows Server 2031", "", ([], False)),
        ("Windows", "10 22H2 (NT 10.0, build 19045)", (["10-22h2"], True)),
        ("SLES 12 SP5", "", (["12.5"], True)),
        ("SLES", "15-SP4", (["15.4"], True)),
        ("SLES", "15.4", (["15.4"], True)),
        ("SLES 12 SP3", "", ([], False)),
        ("SLES 12", "", ([], False)),
        ("Windows Server", "", ([], False)),
        ("Windows 8.1 Pro", "", (["8.1"], True)),  # and not 8
        ("Windows XP Professional", "", (["5-sp3"], False)),
        ("Windows 11 Pro 23H2", "", (["11-23h2-w"], True)),
        ("Windows 11 23H2", "", (["11-23h2-e", "11-23h2-w"], False)),
        ("Windows 11 Pro 27H2", "", ([], False)),  # newer than the table
        ("Windows 10 Pro 64 bit", "", (["10-22h2"], False)),
        ("Windows 10", "", (["10-22h2"], False)),  # long-term releases are told
        ("Windows 10 Enterprise LTSC 2021", "", (["10-21h2-e-lts"], True)),
        ("Windows 10 IoT Enterprise LTSC 2021", "", (["10-21h2-iot-lts"], True)),
        ("Cisco IOS-XE", "17.09.04a", (["17.9"], True)),
        ("IOS XE", "V17.3", (["17.3"], True)),
        ("IOS XE", "CAT9K_IOSXE 17.12.4", (["17.12"], True)),
        ("Prism", "pc.2023.3", (["pc.2023"], True)),
        ("IOS XE", "17", ([], False)),
        ("IOS XE", "17.1.1", ([], False)),  # 17.12 is no 17.1
        ("JUNOS 15.1X53-D58", "", (["15.1x53"], True)),
        ("Junos", "18.4R2-S3.2", (["18.4"], True)),
        ("Exchange Server Subscription Edition", "", (["subscription"], True)),
        ("Exchange Server", "15.1", ([], False)),
        ("SQL Server 2016", "", (["13.0", "13.0-sp3"], False)),
        ("SQL Server 2016 SP3", "", (["13.0-sp3"], True)),
        ("Plan 9", "4", None),
        ("Microsoft(R) Windows(R) Server 2016 Standard", "", (["2016"], True)),
        ("SROS 9.0.R11 built in /rel9.0/junos/main", "15.1", None),  # a name stands at the beginning
        ("", "", None),
    ],
)
def test_what_a_text_means(text: str, version: str, expected: tuple[list[str], bool] | None) -> None:
    assert found(text, version) == expected


def test_words() -> None:
    assert words_of("FortiOS v7.0.14,build0601 (GA.F)") == ["fortios", "7.0.14", "build0601", "ga.f"]
    assert words_of("vcenter") == ["vcenter"]
    assert len(words_of("a " * 5_000)) == 40


def test_the_longest_name_wins() -> None:
    release = read("Windows Server 2016", "", NAMES)
    assert release == Release("windows-server", "2016", frozenset(), {})
    assert cycle_of("2012-R2") == Cycle("2012", frozenset({"r2"}))
